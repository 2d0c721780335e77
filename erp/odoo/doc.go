// Package odoo is the adapter for Odoo 14 to 19 and later: sales orders, customers,
// stock, invoices, payments and journal entries over the server's own APIs, JSON-2 from 19 on and JSON-RPC
// before.
//
//	client, err := odoo.NewClient(odoo.Config{
//		URL:         "https://erp.example.com/",
//		Database:    "shop",
//		Credentials: commerce.Static(odoo.Login{User: "sync", Key: commerce.NewSecret(key)}),
//		Origin:      commerce.Ref{Mode: commerce.Live},
//	})
//	order, err := client.CreateOrder(ctx, erp.NewOrder{Key: "shop/100000017", …})
//	order, err = client.ConfirmOrder(ctx, order.Ref)
//
// A [Client] is an [erp.ERP], an [erp.Warehouse], an [erp.Ledger] and an [erp.Lookup]; an
// [erp.Invoicer], an [erp.Receipter], an [erp.CreditNoter] and an [erp.Auditor].
//
// # Protocols
//
// [Config].Protocol is [Detect] unless it is set: GET /web/version, which 19 answers
// without a login, or else common.version over JSON-RPC tells the version, and from 19 on
// it is [JSON2]. The version is asked for once in [Config].CacheTTL. Names of fields that
// differ between versions are taken from the server (fields_get), never from the version.
//
// # What the server needs
//
// The modules sale and account; sale_stock to ship, stock_delivery (delivery before 17)
// for tracking numbers, rpc in 19. On Odoo's own cloud the plan must allow the external
// API. An ordinary user with an API key and the groups for sales, stock, accounting and
// products; no administrator. Four products, all services, for the lines that are no
// goods: [Config].Products names their SKUs. For each currency beside the company's own a price
// list, which says nothing but the currency. Keys of people live for three months at
// most: let the Credentials renew them.
//
// # Keys
//
// A key becomes an external id, of which the database holds one: parties, orders and
// entries are keyed. An order is one load, header and lines in one transaction, the lines
// under external ids of their own, so that a load that comes twice, or late, changes
// nothing. The key itself stands in the record's reference, where people see it and by
// which it is found. An order that was cancelled keeps its external id; the next one
// under the key has a number behind it.
//
// # Money
//
// Amounts are read and written as decimal text: what Odoo prints as a JSON number never
// becomes a float here. Odoo rounds what it is given without a word, so everything is
// read back and compared. Prices are sent without tax, or with it where the tax is
// included in prices; the cent that is left over becomes one line on the rounding product.
//
// # Invoices, receipts, credit notes
//
// From 16 on. The invoice of an order is the server's own: a draft that a person made is
// adopted, or its wizard makes one, of what its products' invoicing policy lets it. That
// refuses when nothing is left to invoice, which guards it; the key is written on the
// draft as its reference. The shop's taxes are written on the lines of tax, the cent that
// no tax explains on the rounding product.
//
// A receipt is an entry in a journal of any type, keyed like the others: what arrived
// stands on the clearing account, what was paid under the party, each in its currency, at
// the payment provider's conversion. So clearing is what the provider says on every day,
// which an account.payment, converted at the server's rate, would not be. Lines are
// settled by the server, which refuses to settle one twice and books the difference in
// exchange itself. Lines on an account of advances must allow reconciliation.
//
// A credit note is keyed, of positive quantities here and below nought in the port, and
// tied to the order's lines: to the server the goods are to be invoiced again, as after
// its own wizard. It is linked to its invoice once it is posted, since the server settles
// a linked one with an invoice that is not paid.
//
// # What Odoo does by itself
//
// Confirming writes the moment over an order's date. What is dated before a lock date,
// an invoice too, is posted on another day: the dates are read before ([commerce.KindPeriodClosed]), and what
// comes back is compared. Where the delivery operations reserve at confirmation, as they
// do unless set to manual, no order is NotRequested once it is confirmed. Cancelling
// would also cancel what was sent or invoiced: that is refused here.
//
// A reversal is an entry of our own with the sides swapped, linked to the original: the
// server's wizard keeps no key.
//
// Sources: recordings of Odoo 19.0 (2026-11) and its source. Field names of 14 to 18 are
// asked of the server; those versions were not met.
package odoo
