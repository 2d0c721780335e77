// Package erp is the port to the system that keeps the company's books and its
// warehouse: what this module asks of an ERP, in words that no single ERP owns.
//
// An adapter (package tryton below this one) is an [ERP]. The rest is found by
// assertion, as database/sql does with its drivers: an adapter that can ask a
// warehouse to ship is a [Warehouse] too, one that posts journal entries a
// [Ledger].
//
// A sales order is written in three steps, each of which may be repeated:
//
//	who, err := books.UpsertCustomer(ctx, erp.Customer{Key: "shop/customer/17", …})
//	order, err := books.CreateOrder(ctx, erp.NewOrder{Key: "shop/order/100000017", Customer: who, …})
//	order, err = books.ConfirmOrder(ctx, order.Ref)
//
// and the warehouse takes over:
//
//	if w, ok := books.(erp.Warehouse); ok {
//		state, err := w.RequestFulfilment(ctx, order.Ref)
//		sent, err := w.OrderShipments(ctx, order.Ref)
//	}
//
// An adapter that is an [Invoicer], a [Receipter] and a [CreditNoter] posts what follows
// in the ledger of customers: the invoice of an order, the money that pays it, and what
// is given back.
//
//	invoice, err := books.(erp.Invoicer).PostInvoice(ctx, erp.NewInvoice{Key: "shop/invoice/17", Order: order.Ref, …})
//	paid, err := books.(erp.Receipter).PostReceipt(ctx, erp.NewReceipt{Key: "stripe/ch_1", Party: invoice.Party,
//		Apply: []erp.Application{{Invoice: invoice.Ref, Amount: invoice.Open}}, …})
//
// An adapter that is an [Auditor] lets the books be proved: balances, documents, the
// chart, open periods.
//
// # Keys
//
// Every document that is made carries the caller's key in the very write that
// makes it, and can be found by that key. Few ERPs refuse a second document with
// the same key ([Capabilities].UniqueOrders): one writer a key is then the
// caller's duty, which package idempotency fulfils, with the class of every write
// and the time to settle taken from [Capabilities]. [ERP.FindOrders] returns all
// documents under a key, so that a sweep can count them, and [ERP.WithdrawOrder]
// removes a surplus draft and nothing but a draft.
//
// # Money
//
// The shop's figures are the truth: the buyer has paid them. A line carries the
// net amount of the whole line; the adapter chooses a unit price that the ERP can
// hold. What the ERP computes is read back and compared with [NewOrder].Expected.
// A difference within [NewOrder].Rounding becomes one explicit line without tax;
// a larger one leaves a draft and a [*TotalsError].
//
// # Errors
//
// All errors are *commerce.Error or state their kind. A write that fails says
// whether it took effect; an unknown outcome is looked up under its key.
//
// Implementers run package erptest over their adapter.
package erp
