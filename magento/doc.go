// Package magento is a typed client for the REST services of Magento 2 and Adobe
// Commerce, for what a synchroniser needs: orders with their rows and addresses,
// invoices, shipments and tracks, credit memos and refunds, transactions, comments,
// customers and addresses, products and stock for reading, returns, stores, countries
// and currencies, and the handshake of an integration.
//
// # From the configuration to the first call
//
// A shop's address and four keys are enough. The keys are those of an integration, which
// an admin makes under System > Integrations:
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
// Every resource is a field of [Client]: Orders, Invoices, Shipments and so on. Lists are
// loops. They walk by key (updated_at, then the id) and not by page number, because rows
// change page while one walks; memory does not grow with the list:
//
//	for order, err := range shop.Orders.List(ctx, magento.ListParams{UpdatedFrom: since}) {
//		if err != nil { … }
//	}
//
// # Keys
//
// [Keys] takes one of three ways to log in: the four keys of an integration (OAuth
// 1.0a with HMAC-SHA256, the default since 2.4.4), the name and password of an admin
// (a token is fetched, renewed early and once after a refusal), or a bearer token.
// The keys of an integration come from [ParseActivation] and [Handshake.Keys] when an
// admin activates it; an [Integration] does all of that for the shops of many tenants. Credentials are asked for on every attempt and every attempt is
// signed afresh. A missing right and a bad key look the same in Magento; the client
// tells them apart where it can, and asks for new keys once a request. No redirect is
// followed, so that keys never travel to another host.
//
// Adobe Commerce as a Cloud Service is another dialect: see Config.CloudService and [IMS].
//
// # Words of the shop
//
// The types speak Magento's own words and keep what it sent: a [Number] is the
// decimal text of an amount or a quantity, never a float; an [ID] is read from a
// number or a text; an order keeps its bytes in Raw. A field that the shop left
// out or set to null is empty. [Number.Money] rounds as the shop stores amounts and
// [Number.Price] as it stores prices. An answer that can not be read is an error of kind
// internal that names the field and the byte.
//
// # Errors
//
// Every error is a *[commerce.Error]. The shop's placeholders are filled in. A write
// says what became of it: an answer of 4xx means that nothing took effect; a lost
// connection, a time-out and a 5xx mean that nobody knows. Magento knows no
// idempotency keys, so the client never repeats a write that may have arrived: read
// the order before repeating one.
//
// # Traps that are taken care of
//
// Said in words, or refused before anything is sent:
//
//   - A refund without rows is one of all rows, and one without shipping is one of all
//     shipping. [RefundParams] wants Everything and AllShipping. Amounts are in the base
//     currency; [Order.InBase] converts. An order on which nothing paid is left, whose
//     memo would be negative, is refused.
//   - A child row of a configurable product is refunded and shipped by its parent, and
//     that of a bundle too unless BundleChildren is said.
//   - A comment without a status wipes the order's before 2.4.7, and one with a foreign
//     status is stored. [Orders.Comment] reads the order, always sends a status, and only
//     one of the order's state.
//   - A list of addresses takes the place of the stored one. [Customers.Update] wants that
//     in words; [Customers.SaveAddress] keeps the others. A region is stored by its id
//     only, so the client looks up a code or a name.
//   - An order's address without its id is inserted, and another order's is moved away:
//     [Orders.SetAddress] takes only a whole one that is the order's own.
//   - A condition that Magento does not know is taken as equal.
//   - A number of an order is unique per store view only: [Orders.FindByIncrementID].
//
// Noticed afterwards:
//
//   - A shipment of too much is cut without a word. [Orders.Ship] compares before, reads
//     back, and says so by [CodeQuantityCut].
//   - Cancel answered with false is an error, [CodeNotCancelable].
//   - A page past the end repeats the last one up to 2.3, and pages move: walks go by key.
//   - An unknown field in a filter is a 500 that is not tried again, an unknown sku one
//     that is looked into ([Stock.Salable]).
//   - An answer that a cache gave in the shop's place is [CodeStale], and rows that nobody
//     asked for are [CodeForeignRows]: see Config.Fresh.
//   - A shop whose clock is behind ours refuses signatures from its future: they are made
//     for its own time then.
//   - A limit of the shop on input is [CodeInputLimit]: pages have at most 300 rows then,
//     and lists that are sent 20.
//
// To be known by the caller:
//
//   - What moves updated_at is less than one thinks: see [ListParams]. Poll shipments and
//     credit memos besides orders. A write of equal values moves that of customers.
//   - [Orders.Refund] writes a memo and moves no money; [Invoices.Refund] with Online asks
//     the gateway, and moves it twice if it went back there already.
//   - [Orders.Invoice] with Capture asks the gateway; without, it marks as paid.
//   - Decide by State, not by Status. Modules add states: leave alone what is not known.
//   - Never convert between base and order currency; Magento rounds before it multiplies.
//     [Stock.Salable] has open orders taken off already.
//   - The routes that save an order, a credit memo or a shipment as it is sent compute
//     nothing; the client has none of them but [Orders.SetExtOrderID].
//
// Package [github.com/commercesync/commerce/magento/magentotest] is a shop for tests
// that answers as a real one was recorded to answer. The example TestOfYourOwn tests a
// program against it in a few lines.
package magento
