// Package magento is a typed client for the REST services of Magento 2 and Adobe
// Commerce, for what a synchroniser needs: orders with their rows and addresses,
// invoices, shipments, comments, credit memos and refunds, transactions, customers,
// stores, countries and currencies, products and stock for reading, returns, and the
// handshake of an integration.
//
// The shortest useful program reads an order:
//
//	shop, err := magento.NewClient(magento.Config{
//		BaseURL: "https://shop.example",
//		Credentials: commerce.Static(magento.Keys{
//			ConsumerKey:       consumerKey,
//			ConsumerSecret:    commerce.NewSecret(consumerSecret),
//			AccessToken:       commerce.NewSecret(accessToken),
//			AccessTokenSecret: commerce.NewSecret(accessTokenSecret),
//		}),
//	})
//	if err != nil { … }
//	order, err := shop.Orders.Get(ctx, 17)
//
// Lists are loops. They walk by key (updated_at, then entity_id) and not by page
// number, because rows change page while one walks:
//
//	for order, err := range shop.Orders.List(ctx, magento.ListParams{UpdatedFrom: since}) {
//		if err != nil { … }
//	}
//
// # Words of the shop
//
// The types speak Magento's own words and keep what it sent: a [Number] is the
// decimal text of an amount or a quantity, never a float; an [ID] is read from a
// number or a string; an order keeps its bytes in Raw. A field that the shop left
// out or set to null is empty. [Number.Money] rounds as the shop stores.
//
// # Refunds
//
// [Orders.Refund] writes a credit memo and moves no money: it mirrors what Stripe gave
// back. [Invoices.Refund] can ask the gateway. Magento guesses what is not said (no
// rows are all rows, no shipping is all shipping), so both want it in words, take
// amounts in the base currency, and return the memo as read back.
//
// # Customers, addresses and stock
//
// A list of addresses takes the place of the stored one: [Customers.Update] wants that
// in words, and [Customers.SaveAddress] keeps the others. A region is stored by its id
// only, so the client looks up a code or a name. [Orders.SetAddress] writes an address
// of an order as a whole, and only one that is the order's own. [Stock.Salable] is what
// can be sold: open orders are taken off already.
//
// # Signing
//
// [Keys] takes one of three ways to log in: the four keys of an integration (OAuth
// 1.0a with HMAC-SHA256, the default since 2.4.4), the name and password of an admin
// (a token is fetched, renewed early and once after a refusal), or a bearer token.
// The keys of an integration come from [ParseActivation] and [Handshake.Keys] when an
// admin activates it. Credentials are asked for on every attempt and every attempt is signed afresh.
// No redirect is followed, so they never travel to another host.
//
// # Errors
//
// Every error is a *[commerce.Error]. The shop's placeholders are filled in. A write
// says what became of it: an answer of 4xx means that nothing took effect; a lost
// connection, a time-out and a 5xx mean that nobody knows. Magento knows no
// idempotency keys, so the client never repeats a write that may have arrived: read
// the order before repeating one.
//
// Package [github.com/commercesync/commerce/magento/magentotest] is a shop for tests
// that answers as a real one was recorded to answer.
package magento
