// Package stripe speaks Stripe's own words: a typed client, a webhook verifier and
// a decoder that reads events of every API version from 2022 on.
//
// # The first call
//
// A client needs a key and nothing else. It has no global state; two clients for two
// accounts live side by side. Ping tells at the start whether the key is any good:
//
//	client, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret(key))})
//	err = client.Ping(ctx)
//
// Then there is a service for each resource. A get names the links to read with it, a
// list is a loop:
//
//	intent, err := client.PaymentIntents.Get(ctx, "pi_1", "latest_charge.balance_transaction")
//	for charge, err := range client.Charges.List(ctx, &stripe.ChargeListParams{PaymentIntent: &intent.ID}) { … }
//
// While a page of a list is read the next one is fetched, as far as the rate allows. Two
// pages are in memory at most, and a loop that is left leaves nothing behind.
//
// Answers are narrow types of our own: amounts are int64 in Stripe's minor unit
// beside a lower-case currency (commerce.FromStripe reads them), rates are decimal
// text, unknown values of an enumeration are kept as they are, and Raw holds the
// bytes. A required fact that is absent is a [*GapError], never a silent nought.
//
// Every write needs an idempotency key of the caller's, made from what is being
// done, so that it still holds after a crash:
//
//	params := &stripe.PaymentIntentParams{Amount: new(int64(1250)), Currency: new("eur")}
//	params.SetIdempotencyKey("collect/order-17/1")
//	intent, err := client.PaymentIntents.Create(ctx, params)
//
// Errors are [*commerce.Error]: Outcome says whether a write took effect, and
// errors.As reaches the [*APIError] behind it.
//
// # The resources
//
//   - payments: PaymentIntents, Charges, CheckoutSessions, PaymentLinks, Refunds,
//     PaymentMethods, SetupIntents, Customers;
//   - trouble: Disputes, Reviews, EarlyFraudWarnings;
//   - money: Balance, BalanceTransactions, Payouts, TopUps, Reports (CSV, streamed);
//   - billing: Products, Prices, Subscriptions, InvoiceItems, Invoices, CreditNotes;
//   - tax: TaxCalculations, TaxTransactions;
//   - Connect: Accounts, AccountLinks, ExternalAccounts, Transfers, ApplicationFees;
//   - news: Events, WebhookEndpoints.
//
// Most have a Search as well. A connected account is spoken for by a client of its own,
// with Config.Account. Package oauth connects accounts; with [HostedAccounts] it takes
// merchants through the forms of those that the platform makes.
//
// # Rate limits
//
// Clients that are given one quota share [Limits] by account and endpoint. What reads
// history says so, and live calls go before it:
//
//	quota, err := resilience.NewQuota(stripe.Limits(commerce.Live)...)
//	config.Resilience.Quota = quota
//	…
//	for charge, err := range client.Charges.List(resilience.WithBackfill(ctx), nil) {
//
// # Webhooks
//
// [WebhookEndpointService.Ensure] sets the endpoint up, pinned to [APIVersion], for the
// events that the workflows handle, and says what had drifted. What it made has a
// secret, said once; [WebhookEndpointService.Rotate] changes it in steps that survive a
// crash.
//
// Deliveries are verified over the raw bytes and only peeked into; Decode reads them
// later, in the worker:
//
//	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: secrets, Account: "acct_1"})
//	event, err := hook.Verify(ctx, r.Header, body)
//	…
//	decoded, err := client.Events.Decode(ctx, event.Raw)
//	switch object := decoded.Object.(type) {
//	case *stripe.Charge: …
//	}
//
// [DecodeEvent] makes no request. [EventService.Decode] makes one where a required fact
// is absent or the event is thin. [Event.Change] recognises two events that tell of one
// change, and [Client.Feed] finds events whose delivery failed. Package stripepay does
// all of that for an inbox.
//
// # Traps that are taken care of
//
// Of calls:
//
//   - A list that breaks off ends in an error, which is its last turn; a report that
//     is cut does not end in io.EOF. A list inside an object has the first ten only:
//     HasMore says so, and a service reads all (Lines, Items, Refunds, Reversals).
//   - No parameters carry a float: where stripe-go's do, there are narrow ones of ours.
//   - A key is kept for 24 hours. Refund with an operation's id in the metadata, and
//     look for it before an old operation is sent again.
//   - Idempotency keys do nothing for DELETE: where the answer was lost, a repetition
//     that finds nothing says that the outcome is unknown.
//   - Search lags behind and is never what a decision should rest on.
//   - A secret that Stripe says once (client secrets, an endpoint's signing secret) is
//     a commerce.Secret, and sealed in Raw. Error texts hold no sentence of Stripe's,
//     which may repeat what a buyer typed.
//
// Of money:
//
//   - A charge that succeeded and is not Captured is an authorisation.
//   - Where the capture is asynchronous (the default since 2024-04-10) the balance
//     transaction, transfer and fee are not known at first: they come with
//     charge.updated, and their absence is no gap.
//   - A Checkout session that is complete is not paid: PaymentStatus says.
//   - A bank debit, a refund and a payout can fail after they succeeded; the money then
//     moves by a FailureBalanceTransaction.
//   - Nobody can say what is inside a payout made by hand.
//   - The balance has a payout taken off when it is made. Reports take an automatic one
//     off when it is to arrive at the bank, so that balances of theirs hold what is on its
//     way.
//
// Of versions:
//
//   - What moved (an invoice's subscription, tax and payment, a subscription's period, a
//     credit note's refund, a discount's coupon, a session's shipping) is found in the
//     old place and the new one.
//   - An event is in the version of its endpoint, or of none; it is read whichever it is.
//   - Amounts, counts and "there is more" are pointers, or required where there can be
//     some: absence is never read as nought.
//
// Package stripetest is a fake of the far side for tests without a network.
package stripe
