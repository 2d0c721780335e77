// Package tryton is the adapter for Tryton 6.0: sales orders, customers, stock and
// journal entries over the server's own JSON remote calls.
//
//	client, err := tryton.NewClient(tryton.Config{
//		URL:         "https://erp.example.com/",
//		Database:    "shop",
//		Credentials: commerce.Static(tryton.Login{User: "sync", Password: commerce.NewSecret(password)}),
//		Origin:      commerce.Ref{Mode: commerce.Live},
//	})
//	order, err := client.CreateOrder(ctx, erp.NewOrder{Key: "shop/100000017", …})
//	order, err = client.ConfirmOrder(ctx, order.Ref)
//
// A [Client] is an [erp.ERP], an [erp.Warehouse], an [erp.Ledger] and an [erp.Auditor],
// and an [erp.Invoicer], an [erp.Receipter] and an [erp.CreditNoter].
//
// # What the server needs
//
// The modules sale and account_invoice; stock_package_shipping for tracking numbers.
// An ordinary user with the groups for sales, stock, accounting, parties and
// products; no administrator. Taking the application of a receipt back deletes a
// reconciliation, which wants the group for accounting administration. An account of
// advances must be one that can be reconciled. Four products, all services, for the lines that are no
// goods: [Products] names their SKUs. A party's code must be free to be set, and no
// other program may write the reference of sales.
//
// # What Tryton does not promise
//
// Nothing refuses a second sale with one reference: creates are marked, one writer a
// key is the caller's duty, and a draft that turns out to be one too many is taken
// away again. A step in the wrong state does nothing and answers null: states are
// read after every step. A sale that is processed is never cancelled: its shipments and
// invoice are, and " (cancelled)" behind its reference says that it counts no more; its
// own state is done. Prices do not include tax, have four decimals, and tax is
// rounded by the company's own setting: the cent that is left over becomes one line on
// the rounding product, so that the total is the shop's to the minor unit.
//
// Invoices are drafts of the server's own, made when a sale is processed, and numbered
// in the order of their days in the ledger: a late one keeps the day on its paper and is
// booked on that of the last number. A receipt is an entry, whose lines pay invoices by
// being attached to them; what sums up to nought is reconciled. The server lets a line be
// taken from what it settles already: every line is read right before, and one writer a
// party is the caller's duty. A credit note is an invoice with negative quantities; the
// draft that the server makes of a return itself is adopted.
//
// Answers with HTTP 200 and an error array mean that the server rolled back: nothing
// took effect. A connection that breaks after a write was sent leaves an unknown
// outcome; ask again under the key after [erp.Capabilities].Settle.
//
// Sources: recordings of tryton-server 6.0.29 (2026-11), and its source, series 6.0.
package tryton
