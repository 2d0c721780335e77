// Package stripetest is a Stripe for tests: a stateful fake that keeps customers and
// what they pay with, products, payment intents, charges, Checkout sessions, payment
// links, refunds, disputes, subscriptions, invoices, credit notes, taxes, payouts,
// balance transactions, webhook endpoints and events, honours idempotency keys, and
// sends signed webhooks. It needs no network and no account, and takes clock and seed
// from outside, so that a test can be repeated and a simulation can run it.
//
//	fake, err := stripetest.New(stripetest.Config{Seed: 7})
//	client, err := stripe.NewClient(stripe.Config{
//		Credentials: commerce.Static(commerce.NewSecret("sk_test_1")),
//		Transport:   fake.Transport(),
//	})
//
// Shoppers pay through [Fake.Pay], [Fake.PayIntent] and [Fake.PaySession]; a
// [Method] says what comes of it: a decline, a bank debit that takes days, one that
// succeeds and is taken back later. What is due by the clock happens at the next
// request, delivery or [Fake.Tick].
//
// Money is consistent: every movement is a balance transaction, the balance is their
// sum, and [Fake.PayOut] pays out what is available, so that the nets of an automatic
// payout's transactions add up to nought; [Fake.PayOutEvery] does so by schedule.
// [Fake.Dispute], [Fake.EscalateDispute], [Fake.ResolveDispute] and [Fake.Warn] play the
// buyer's bank, [Fake.Review] Radar, [Fake.FailPayouts] the merchant's bank. What was
// reserved may be captured in parts ([Purchase].Multicapture) and ends after a week; with
// Config.RefundsFromBalance refunds wait for the balance. [Fake.Exchange] moves the rate of a currency, and [Fake.Net] tells an audit
// what the balance was at any time.
//
// Subscriptions renew as the clock moves: each period makes an invoice, which is paid
// with the customer's default payment method an hour later, tried again after each of
// Config.RetryAfter where it fails, and ends the subscription after the last.
// [Fake.AuthenticateSetup] plays a shopper who saves a card, [Fake.VisitLink] one who
// follows a payment link. Searches find what is older than Config.IndexLag.
//
// The fake is a platform too: [Fake.Connect] and POST /v1/accounts make accounts, and
// [Fake.Account] returns one as a Fake of its own, with its own shoppers, balance and
// payouts. Requests reach it by the header Stripe-Account. Direct and destination
// charges, transfers, their reversals and application fees move money between both;
// Connect endpoints get the accounts' events. [Fake.Onboard] and [Fake.Disconnect] play
// the merchant. A program that [Fake.RegisterOAuth] knows connects accounts by OAuth, as a
// Connect platform or as a Stripe App; [Fake.Consent] plays merchant and browser, and the
// pages and end points are there for a browser of one's own.
//
// [Fake.Bill], [Fake.Adjust] and [Fake.Reserve] book what Stripe books by itself.
// Reports are made after minutes, from whole days of the past; their files are there
// for whoever has the key.
//
// [Fake.Deliver] sends every event to a webhook endpoint until it is acknowledged,
// doubled, out of order and late if asked; [Fake.Deliveries] yields the same
// requests for tests that want them in hand. [Fake.Faults] breaks connections and
// answers; [Throttled], [Locked], [InUse] and [Broken] are errors as Stripe words them. [Fake.PaymentIntents], [Fake.Charges] and the other views are for audits
// at the end.
//
// Objects are shown in the API version that a request's Stripe-Version header names,
// else in Config.APIVersion; events in that of the webhook endpoint that
// [DeliveryOptions] delivers to, else in Config.APIVersion. The shapes from 2022 to
// [Newest] are known.
//
// No parameter is ignored: one that the fake does not model is refused with the code
// parameter_unknown and a message that names what is taken, so that a test never passes
// because half of a request was overlooked.
//
// Every answer and every event validates against stripe-mock's documents of API
// versions 2023-10-16 and 2026-08-26.dahlia. What the fake does follows Stripe's
// documentation, read 2026-11; what that does not say is marked where it is done.
package stripetest
