// Package stripetest is a Stripe of one account for tests: a stateful fake that
// keeps payment intents, charges, Checkout sessions, refunds, disputes, payouts,
// balance transactions, webhook endpoints and events, honours idempotency keys, and sends signed webhooks. It needs no
// network and no account, and takes clock and seed from outside, so that a test can
// be repeated and a simulation can run it.
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
// payout's transactions add up to nought. [Fake.Dispute] and [Fake.ResolveDispute] play
// the buyer's bank, [Fake.FailPayouts] the merchant's.
//
// [Fake.Deliver] sends every event to a webhook endpoint until it is acknowledged,
// doubled, out of order and late if asked; [Fake.Deliveries] yields the same
// requests for tests that want them in hand. [Fake.Faults] breaks connections and
// answers. [Fake.PaymentIntents], [Fake.Charges] and the other views are for audits
// at the end.
//
// It is modelled on stripe-mock's schemas of API versions 2023-10-16 and
// 2026-08-26.dahlia and on Stripe's documentation, read 2026-11; what neither says is
// marked where it is done.
package stripetest
