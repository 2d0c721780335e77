// Package commerce keeps three books in agreement: what a shop sold, what a payment
// processor collected, and what an ERP posted. It is a library: a host program
// composes the parts it needs, and nothing runs that it did not start.
//
// This package holds the words that all the others speak. They are walked through
// here in the order in which news travels.
//
// # News arrives
//
// An [Event] is news of something that happened in a system: raw bytes as received,
// and the few facts needed to store and route it. Its [Ref] is its identity: tenant,
// system, account, mode and id. Live and test are part of every identity, so that
// the two never mix.
//
// Package inbox receives events over HTTP or by polling, stores them before it
// answers, and works each until it is done or dead. A dead event says why; it can be
// mended with an [Overlay] and replayed.
//
//	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: commerce.Static(secrets)})
//	in, err := inbox.New(db.Inbox(), inbox.Config{Handlers: handlers})
//	http.Handle("POST /hooks/stripe", in.Receive(hook))
//	return in.Run(ctx)
//
// # Truth is fetched
//
// A handler never adds events up. It takes the lease of one order, fetches what is
// true now, and acts on that: an [Order] with its lines, [TaxLine]s and [Tender]s
// from the shop, a [Payment] from the processor. What a payment gives to which order
// is an [Allocation]; [PaymentStateOf] says how far an order is paid.
//
// # Money is exact
//
// [Money] is integer minor units of an ISO 4217 currency. It reads and writes decimal
// text, refuses to mix currencies, and splits without losing a cent:
//
//	price, err := commerce.ParseMoney("12.50", "EUR")
//	parts, err := price.Allocate(1, 1, 1) // 4.17, 4.17, 4.16
//
// Stripe's units differ from ISO's for some currencies: [Money.Stripe] and
// [FromStripe] know which. There is no float anywhere in a money path.
//
// # Effects are made once
//
// A write to another system is an operation with a durable key, made by package
// idempotency. Every write ends in one of three outcomes, and [Error] says which:
// [NotSent], [Done] or [Unknown]. Unknown is looked up under its key and never guessed:
//
//	if commerce.SafeToRetry(err) { … }           // nothing took effect
//	if errors.Is(err, commerce.ErrUnknown) { … } // look it up under the same key
//
// [Kind] says what went wrong in words that do not depend on the system.
//
// # Secrets stay in
//
// A [Secret] prints as "[sealed]" through fmt, slog and JSON. Clients do not hold
// keys: they ask [Credentials] for each attempt, so that a rotation needs no restart.
// Package oauth gets them from a merchant, package vault keeps them sealed and rotates
// them, and package connection says as [Findings] what is wrong with a connection.
//
// # Where to go on
//
// The README has the first program, examples/quickstart runs the whole journey on
// fakes, and examples/service is the same against real systems. Of the packages:
// inbox, idempotency and resilience are useful alone; stripe, magento and erp/tryton
// are typed clients with stateful fakes for your tests beside them; mapping says one
// system's documents in another's words; workflow composes them.
package commerce
