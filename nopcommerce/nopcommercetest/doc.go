// Package nopcommercetest is a nopCommerce for tests: a stateful http.Handler that
// answers as the official Web API ("Web API Backend", below /api-backend) does, and to
// reads as the open-source one (below /api).
//
// A shop is made, an order placed, and a client points at it:
//
//	shop, err := nopcommercetest.New(nopcommercetest.Config{})
//	id, err := shop.Place(nopcommercetest.NewOrder{
//		Items:         []nopcommercetest.NewItem{{SKU: "CUP", Qty: 2, Price: "9.99"}},
//		ShippingPrice: "5",
//	})
//	client, err := nopcommerce.NewClient(nopcommerce.Config{
//		BaseURL:     "https://shop.example",
//		Credentials: commerce.Static(shop.Login()),
//		Transport:   shop.Transport(),
//	})
//
// [Shop.Transport] works in this process and never opens a socket, so that it may be used
// in a synctest bubble; [Shop.NewServer] serves the same shop on a loopback address.
//
// # Who does what
//
// Buyers order with [Shop.Place] and ask for returns with [Shop.RequestReturn];
// [Shop.Repeat] makes years of orders. Staff edit by hand: [Shop.EditOrder],
// [Shop.Cancel], [Shop.Ship], [Shop.Deliver], [Shop.Refund], [Shop.Delete] and others; a
// line of the activity log tells of them, and nothing else does, for orders have no date
// of change. Of [Shop.Quietly] and [Shop.Remove] nothing tells at all. With
// [Config].StripePlugins a plugin charges: [Shop.Charge] is what it asks Stripe for,
// [Shop.Charged] and [Shop.Refunded] are what it does on Stripe's news, and
// [Config].Gateway hears what the shop asks of Stripe.
//
// What came of it is counted at the far side, whether or not anybody heard the answer:
// [Shop.Effects] has every payment mark, refund, shipment and mail of an order with who
// caused it; [Shop.Order], [Shop.Notes], [Shop.Shipments] and the others are the rows, and
// [Shop.Calls] the requests.
//
// # What goes wrong
//
// [Shop.Fail] makes requests fail: refused, stalled, late, carried out with the answer
// lost; [StackTrace], [HTMLPage], [Restarting] and [Busy] are answers of others. Config
// has the rest: DeveloperMode takes every token, CDN repeats the answers of GETs, also
// those of actions, to whoever asks for the same path and query, ClockOff and
// [Shop.SetClock] date orders wrongly, LockAfter locks the account, CustomMembers are columns that no client knows.
//
// # What is known
//
// Every answer, and every request that was carried out, validates against the vendor's
// document v1.06 and against that of the open-source plugin; a table in the tests names
// the deviations with their reasons. No real shop was recorded. What happens behind the
// routes (guards, status columns, notes, stock) follows nopCommerce 4.90's order
// processing and the plugin of 4.60 and 4.70. The words of errors are those of the
// source where a contract quotes them and the fake's own elsewhere.
//
// Gift cards, carts, downloads and categories are not there, and the open-source API is
// read-only.
package nopcommercetest
