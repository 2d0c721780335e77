// Package magentotest is a Magento for tests: a stateful http.Handler that answers as
// a real 2.4.6-p1 was recorded to answer.
//
// A shop is made, an order placed, and a client points at it:
//
//	shop, err := magentotest.New(magentotest.Config{})
//	id, err := shop.Place(magentotest.NewOrder{
//		Items:         []magentotest.NewItem{{SKU: "CUP", Qty: "2", Price: "9.99"}},
//		ShippingPrice: "5",
//	})
//	client, err := magento.NewClient(magento.Config{
//		BaseURL:     "https://shop.example",
//		Credentials: commerce.Static(shop.Keys()),
//		Transport:   shop.Transport(),
//	})
//
// [Shop.Transport] works in this process and never opens a socket, so that it may be
// used in a synctest bubble; [Shop.NewServer] serves the same shop on a loopback
// address. [Shop.Fail] makes requests fail: refused, stalled, carried out with the
// answer lost. What arrived is in [Shop.Calls], and what came of it in [Shop.Order],
// [Shop.Invoices], [Shop.Shipments], [Shop.CreditMemos], [Shop.Transactions] and
// [Shop.Comments], which count at the far side.
//
// Signatures, nonces and tokens are really checked, and [Shop.Activate] starts the
// handshake of an integration. Orders with their rows and addresses, invoices,
// shipments, credit memos by both refund routes, comments, hold, cancel, transactions,
// customers, stores, countries and currencies, products with prices by website, stock
// with reservations ([Shop.AddProduct]) and lists with searchCriteria are there, and
// returns where [Config].AdobeCommerce is set. Carts, categories and the asynchronous
// routes are not, and answer as an unknown route.
//
// # A long history
//
// [Shop.Fill] places orders by the 100,000, and lists of orders are answered by index.
// [Shop.Admin] is a person in the admin who ships, holds, cancels, edits, refunds and
// deletes; [Shop.Begin] and [Shop.BeginPlace] leave a transaction open, whose changes are
// dated when they were made and seen only after commit; [Config].DatabaseAhead sets the
// clocks of database and web server apart.
//
//	id, err := shop.Fill(100_000, magentotest.NewOrder{…, State: "complete", Status: "complete"}, first, time.Minute)
//	commit := shop.Begin(id)
//	err = shop.Admin().Refund(id, nil) // not seen yet
//	commit()
//
// # Money
//
// With [Config].StripeModule the shop has Stripe's own module: [Shop.Charged],
// [Shop.Captured], [Shop.Refunded] and [Shop.Disputed] bring it Stripe's news, and
// [Config].Gateway hears what it asks Stripe for:
//
//	shop, err := magentotest.New(magentotest.Config{
//		StripeModule: true,
//		Gateway: func(c magentotest.GatewayCall) error {
//			return nil // c.Action of c.Amount c.Currency on c.Intent
//		},
//	})
//
// # What is recorded
//
// Every recorded exchange of a real shop replays, in the order in which they were made:
// answers, amounts to the cent, states, errors and which changes move updated_at.
// Returns and gateways were not recorded; they follow Magento's published schema and
// source.
package magentotest
