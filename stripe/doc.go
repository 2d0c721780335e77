// Package stripe speaks Stripe's own words: a typed client, a webhook verifier and
// a decoder that reads events of every API version from 2022 on.
//
// A client has no global state; two clients for two accounts live side by side:
//
//	client, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret(key))})
//	intent, err := client.PaymentIntents.Get(ctx, "pi_1", "latest_charge.balance_transaction")
//	for charge, err := range client.Charges.List(ctx, &stripe.ChargeListParams{PaymentIntent: &intent.ID}) { … }
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
// There is a service for each resource:
//
//   - payments: PaymentIntents, Charges, CheckoutSessions, PaymentLinks, Refunds,
//     PaymentMethods, SetupIntents, Customers;
//   - trouble: Disputes, Reviews, EarlyFraudWarnings;
//   - money: Balance, BalanceTransactions, Payouts, Reports (CSV, streamed);
//   - billing: Subscriptions, Invoices, CreditNotes, TaxTransactions;
//   - Connect: Accounts, AccountLinks, Transfers, ApplicationFees;
//   - news: Events, WebhookEndpoints.
//
// Traps that are taken care of:
//
//   - A list that breaks off ends in an error, which is its last turn; a report that
//     is cut does not end in io.EOF.
//   - No parameters carry a float: where stripe-go's do, there are narrow ones of ours.
//   - Idempotency keys do nothing for DELETE: where the answer was lost, a repetition
//     that finds nothing says that the outcome is unknown.
//   - What moved between API versions (an invoice's subscription, tax and payment, a
//     subscription's period, a credit note's refund …) is found in the old place and
//     the new one.
//   - Search lags behind and is never what a decision should rest on.
//   - A secret that Stripe says once (client secrets, an endpoint's signing secret) is
//     a commerce.Secret, and sealed in Raw.
//
// Webhooks are verified over the raw bytes and only peeked into; [DecodeEvent]
// reads them later, in the worker:
//
//	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: secrets, Account: "acct_1"})
//	event, err := hook.Verify(ctx, r.Header, body)
//	…
//	decoded, err := stripe.DecodeEvent(event.Raw)
//	switch object := decoded.Object.(type) {
//	case *stripe.Charge: …
//	}
//
// [WebhookEndpointService.Ensure] sets the endpoint up, pinned to [APIVersion], and
// says what had drifted. A snapshot with a gap, and a thin event, are mended by [EventService.Mend];
// [Event.Change] recognises two events that tell of one change.
//
// [Client.Feed] finds events whose delivery failed. Package stripetest is a fake of
// the far side for tests without a network.
package stripe
