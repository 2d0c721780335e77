// Package odoo is the adapter for Odoo 14 to 19 and later: sales orders, customers,
// stock and journal entries over the server's own APIs, JSON-2 from 19 on and JSON-RPC
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
// A [Client] is an [erp.ERP], an [erp.Warehouse], an [erp.Ledger] and an [erp.Lookup].
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
// # What Odoo does by itself
//
// Confirming writes the moment over an order's date. An entry that is dated before a
// lock date is moved: the dates are read before ([commerce.KindPeriodClosed]), and what
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
