// Package nopcommerce is a typed client for the web APIs of nopCommerce, for what a
// synchroniser needs: orders with their lines, SKUs and notes, the acts on orders and
// shipments, customers and addresses, countries, states and currencies, products, prices and
// stock, return requests, recurring payments, generic attributes and stores.
//
// # From the configuration to the first call
//
// A shop's address and an account with the right "Access Web API Backend" are enough:
//
//	shop, err := nopcommerce.NewClient(nopcommerce.Config{
//		BaseURL: "https://shop.example",
//		Credentials: commerce.Static(nopcommerce.Login{
//			Email:    email,
//			Password: commerce.NewSecret(password),
//		}),
//	})
//	if err != nil { … }
//	err = shop.CheckAccess(ctx) // is the API closed to strangers?
//	order, err := shop.Orders.Get(ctx, 17)
//
// Every resource is a field of [Client]. Lists are loops:
//
//	for order, err := range shop.Orders.List(ctx, nopcommerce.OrderParams{CreatedFrom: since}) {
//		if err != nil { … }
//	}
//
// The shop shows orders newest first. A walk has an upper bound, the shop's own clock unless
// one is given, and asks for what is not newer than the last row instead of for the next
// page: orders that are placed, or leave the filter, meanwhile cost no other one. Lists
// without a date to walk by end with an error of kind conflict if their length changes.
//
// # Two APIs
//
// [Official] is the vendor's Web API, below /api-backend. [Community] is the open-source
// plugin, below /api; of it orders, customers, products and a little besides are read, into
// the same types, and anything else is an error with code [CodeNotOffered] before anything is
// sent. [Detect] says which a shop has.
//
// # Logging in
//
// A token is fetched with the first call, once for all who wait, renewed at nine tenths of
// its life, and once more when the shop refuses one that is older than a minute. A refused
// password is not tried again for Config.LoginPause, as the shop locks accounts.
//
// # Words of the shop
//
// The types speak the shop's own words. A [Number] is decimal text with every digit. A [Time]
// is UTC, which the shop writes without a zone. [OrderStatus], [PaymentStatus] and
// [ShippingStatus] are types of their own, since 10 to 40 mean other things in each. Every
// row keeps its bytes in Raw, with members that this package does not know; card data is
// blanked. Amounts are in the primary store currency, which no row names:
// [Directory.PrimaryCurrency].
//
// # Writing a row
//
// A PUT replaces the whole row, and a member that is left out is erased. Change fields of a
// row that was read and hand it back:
//
//	customer.AdminComment = "pays by invoice"
//	customer, err = shop.Customers.Update(ctx, customer)
//
// What differs from the bytes that were read is written over the row as it is now; every
// other member goes back byte for byte. A change by somebody else since the row was read is
// an error of kind conflict, not sent; one noticed afterwards is too, done. A write in the
// same instant is lost without a trace: the shop has no lock. A member that the shop's
// version lacks is refused with [CodeNotOffered].
//
// # Acts
//
// [Processing] reads, compares, acts and reads again. Its acts are GETs with side effects:
// they are sent as writes, once, and carry what keeps net/http and caches from repeating or
// answering them. [Action.Class] says how they are guarded. The acts of the payment plugin
// (Capture, Void, RefundOnlineTo) move money; where Stripe is the truth the others are the
// right ones.
//
// # Errors
//
// Every error is a *[commerce.Error]. The shop answers in many ways, and each has its kind
// and code:
//
//   - 200 with an array of errors: declined, [CodeGateway], outcome unknown.
//   - 400 with a message, and a 500 with one of the known refusals: invalid, [CodeRefused].
//   - 500 with another message, or a stack trace: internal. Where it ended an act and the row
//     is untouched, the outcome is not sent.
//   - 404 with a text: not found. With a page: invalid, [CodeNoRoute].
//   - 200 with a page: internal, [CodeNotJSON]; from a cache: [CodeCached]; about another
//     row: [CodeWrongRow].
//   - 401 after one renewal: auth. A refused login: auth, [CodeLogin].
//
// # To be known by the caller
//
//   - Nothing says when an order, a customer or a shipment was changed. [Activities] hint at
//     what administrators did.
//   - There is no failed payment: a note with a fixed marker ([Notes.Add]) and an attribute
//     ([Attributes.Save]) say it. Voided means a released authorisation.
//   - A refund does not cancel, and a cancellation does not refund.
//   - Ids of countries, states and addresses differ from shop to shop; an order's addresses
//     are copies.
//   - To tell two refunds from one the order's total is all there is: one writer an order.
//   - Pick-up orders can not be shipped; the API has no act for "ready for pick-up".
//
// Package [github.com/commercesync/commerce/nopcommerce/nopcommercetest] is a shop for tests.
package nopcommerce
