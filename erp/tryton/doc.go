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
// A [Client] is an [erp.ERP], an [erp.Warehouse] and an [erp.Ledger].
//
// # What the server needs
//
// The modules sale and account_invoice; stock_package_shipping for tracking numbers.
// An ordinary user with the groups for sales, stock, accounting, parties and
// products; no administrator. Four products, all services, for the lines that are no
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
// Answers with HTTP 200 and an error array mean that the server rolled back: nothing
// took effect. A connection that breaks after a write was sent leaves an unknown
// outcome; ask again under the key after [erp.Capabilities].Settle.
//
// Sources: recordings of tryton-server 6.0.29 (2026-11), and its source, series 6.0.
package tryton
