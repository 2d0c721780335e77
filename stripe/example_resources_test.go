package stripe_test

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// canned answers every request alike, for resources that the fake does not keep.
type canned string

func (c canned) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(string(c)))}, nil
}

func cannedClient(answer string) *stripe.Client {
	client, err := stripe.NewClient(stripe.Config{
		Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: canned(answer),
	})
	if err != nil {
		log.Fatal(err)
	}
	return client
}

// A refund carries the id of the operation that wanted it, so that it is found again
// after the key has been forgotten.
func ExampleRefundService_Create() {
	fake, client := exampleClient()
	paid, err := fake.Pay(stripetest.Purchase{Amount: 12_50, Currency: "eur"})
	if err != nil {
		log.Fatal(err)
	}
	params := &stripe.RefundParams{PaymentIntent: &paid.ID, Amount: new(int64(2_50)), Metadata: map[string]string{"operation": "rma-3"}}
	params.SetIdempotencyKey("refund/rma-3")
	if _, err := client.Refunds.Create(context.Background(), params); err != nil {
		log.Fatal(err)
	}
	for refund, err := range client.Refunds.List(context.Background(), &stripe.RefundListParams{PaymentIntent: &paid.ID}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(refund.Metadata["operation"], refund.Amount, refund.Status)
	}
	// Output: rma-3 250 succeeded
}

// What a dispute took is in its balance transactions, the fee too.
func ExampleDisputeService_List() {
	fake, client := exampleClient()
	if _, err := fake.Pay(stripetest.Purchase{Amount: 12_50, Currency: "eur", Method: stripetest.CardDisputed}); err != nil {
		log.Fatal(err)
	}
	for dispute, err := range client.Disputes.List(context.Background(), nil) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(dispute.Reason, dispute.Status)
		for _, txn := range dispute.BalanceTransactions {
			fmt.Println(txn.ReportingCategory, txn.Amount, "fee", txn.Fee)
		}
	}
	// Output:
	// fraudulent needs_response
	// dispute -1250 fee 2000
}

// An automatic payout is taken apart into what it is made of; its own transaction is
// among the rows, so that the nets add up to nought.
func ExampleBalanceTransactionService_List() {
	now := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	fake, err := stripetest.New(stripetest.Config{Seed: 7, Now: func() time.Time { return now }})
	if err != nil {
		log.Fatal(err)
	}
	client, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: fake.Transport()})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := fake.Pay(stripetest.Purchase{Amount: 100_00, Currency: "eur"}); err != nil {
		log.Fatal(err)
	}
	now = now.Add(48 * time.Hour)
	payout := fake.PayOut()[0]
	fmt.Println("payout", payout.Amount)

	params := &stripe.BalanceTransactionListParams{Payout: &payout.ID}
	params.AddExpand("data.source")
	sum := int64(0)
	for txn, err := range client.BalanceTransactions.List(context.Background(), params) {
		if err != nil {
			log.Fatal(err)
		}
		sum += txn.Net
		origin, err := txn.Origin()
		if err != nil {
			log.Fatal(err)
		}
		switch origin := origin.(type) {
		case *stripe.Charge:
			fmt.Println("charge", origin.Amount, "fee", txn.Fee)
		case *stripe.Payout:
			fmt.Println("the payout itself", txn.Net)
		}
	}
	fmt.Println("sum", sum)
	// Output:
	// payout 9825
	// the payout itself -9825
	// charge 10000 fee 175
	// sum 0
}

// A thin event has no object, and one of another version may lack a fact: both are
// mended by reading the object once more.
func ExampleEventService_Decode() {
	fake, client := exampleClient()
	if _, err := fake.Pay(stripetest.Purchase{Amount: 12_50, Currency: "eur"}); err != nil {
		log.Fatal(err)
	}
	raw := []byte(`{"id":"evt_1","object":"v2.core.event","type":"v1.charge.succeeded","created":"2026-11-02T09:00:00Z","livemode":false,
		"related_object":{"id":"` + fake.Charges()[0].ID + `","type":"charge"}}`)
	event, err := client.Events.Decode(context.Background(), raw)
	if gap, ok := errors.AsType[*stripe.GapError](err); ok {
		log.Fatal("Stripe does not know the ", gap.Field)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(event.Object.(*stripe.Charge).Amount)
	// Output: 1250
}

// A report is read as it comes; one that was cut ends in an error, not in io.EOF.
func ExampleReportService_Download() {
	const file = "balance_transaction_id,net\ntxn_1,12.06\n"
	client := cannedClient(file)
	run := &stripe.ReportRun{ID: "frr_1", Result: &stripe.ReportFile{Size: int64(len(file)), URL: "https://files.stripe.com/v1/files/file_1/contents"}}
	body, err := client.Reports.Download(context.Background(), run)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = body.Close() }()
	rows := csv.NewReader(body)
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			log.Print(err)
			return
		}
		fmt.Println(row)
	}
	// Output:
	// [balance_transaction_id net]
	// [txn_1 12.06]
}

// An invoice reads alike whatever version it was written in.
func ExampleInvoiceService_Get() {
	client := cannedClient(`{"object":"invoice","id":"in_1","created":1,"livemode":true,"currency":"eur","status":"paid",
		"subtotal":10000,"total":11900,"amount_due":11900,"amount_paid":11900,"amount_remaining":0,"starting_balance":0,"lines":{"data":[],"has_more":false},
		"total_taxes":[{"amount":1900,"tax_behavior":"exclusive"}],
		"parent":{"type":"subscription_details","subscription_details":{"subscription":"sub_1"}}}`)
	invoice, err := client.Invoices.Get(context.Background(), "in_1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("paid:", invoice.Paid, "tax", *invoice.Tax, "of", invoice.Subscription)
	// Output: paid: true tax 1900 of sub_1
}

// A card that a customer left.
func ExampleCustomerService_PaymentMethods() {
	client := cannedClient(`{"object":"list","has_more":false,"data":[{"object":"payment_method","id":"pm_1","created":1,
		"livemode":true,"type":"card","card":{"brand":"visa","last4":"4242","exp_month":12,"exp_year":2034}}]}`)
	for method, err := range client.Customers.PaymentMethods(context.Background(), "cus_1", nil) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(method.Card.Brand, method.Card.Last4, method.Card.ExpYear)
	}
	// Output: visa 4242 2034
}

// An endpoint with a pinned version; the secret is said once.
func ExampleWebhookEndpointService_Create() {
	client := cannedClient(`{"object":"webhook_endpoint","id":"we_1","created":1,"livemode":true,"status":"enabled",
		"url":"https://shop.example/hooks","enabled_events":["charge.succeeded"],"api_version":"2023-10-16","secret":"whsec_1"}`)
	params := &stripe.WebhookEndpointParams{
		URL: new("https://shop.example/hooks"), APIVersion: new(stripe.APIVersion), EnabledEvents: []*string{new("charge.succeeded")},
	}
	params.SetIdempotencyKey("endpoint/1")
	endpoint, err := client.WebhookEndpoints.Create(context.Background(), params)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(endpoint.APIVersion, "secret:", !endpoint.Secret.Empty(), endpoint.Secret)
	// Output: 2023-10-16 secret: true [sealed]
}

// A platform pays a connected account and may take it back.
func ExampleTransferService_Reverse() {
	client := cannedClient(`{"object":"transfer_reversal","id":"trr_1","created":1,"amount":500,"currency":"eur","transfer":"tr_1"}`)
	params := &stripe.TransferReversalParams{Amount: new(int64(5_00))}
	params.SetIdempotencyKey("reverse/order-17")
	reversal, err := client.Transfers.Reverse(context.Background(), "tr_1", params)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(reversal.Amount, reversal.Currency, "of", reversal.Transfer)
	// Output: 500 eur of tr_1
}

// A search is for people and repairs: its index lags behind.
func ExampleChargeService_Search() {
	client := cannedClient(`{"object":"search_result","has_more":false,"next_page":null,"data":[{"object":"charge","id":"ch_1","created":1,
		"livemode":true,"amount":1250,"amount_captured":1250,"amount_refunded":0,"currency":"eur","status":"succeeded","paid":true,
		"captured":true,"refunded":false,"disputed":false}]}`)
	for charge, err := range client.Charges.Search(context.Background(), "metadata['order']:'17'") {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(charge.ID, charge.Amount)
	}
	// Output: ch_1 1250
}

// A payment page that expires. Completed is not paid: ask PaymentStatus.
func ExampleCheckoutSessionService_Create() {
	_, client := exampleClient()
	params := &stripe.CheckoutSessionParams{
		Mode: new("payment"), SuccessURL: new("https://shop.example/thanks"), ClientReferenceID: new("17"),
		LineItems: []*stripe.CheckoutSessionLineItem{{Quantity: new(int64(1)), PriceData: &stripe.CheckoutSessionPrice{
			Currency: new("eur"), UnitAmount: new(int64(12_50)), ProductData: &stripe.CheckoutSessionProduct{Name: new("Order 17")}}}},
	}
	params.SetIdempotencyKey("checkout/order-17/1")
	session, err := client.CheckoutSessions.Create(context.Background(), params)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(session.Status, session.PaymentStatus, *session.AmountTotal, session.URL != "")
	// Output: open unpaid 1250 true
}

// A link that anybody may pay by, until it is closed.
func ExamplePaymentLinkService_Update() {
	client := cannedClient(`{"object":"payment_link","id":"plink_1","livemode":true,"active":false,"url":"https://buy.stripe.com/1"}`)
	params := &stripe.PaymentLinkParams{Active: new(false)}
	params.SetIdempotencyKey("close/plink_1")
	link, err := client.PaymentLinks.Update(context.Background(), "plink_1", params)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(link.Active)
	// Output: false
}

// A card is prepared for later without taking money; its secret is for the browser.
func ExampleSetupIntentService_Create() {
	client := cannedClient(`{"object":"setup_intent","id":"seti_1","created":1,"livemode":true,"status":"requires_payment_method",
		"client_secret":"seti_1_secret_2"}`)
	params := &stripe.SetupIntentParams{Customer: new("cus_1"), Usage: new("off_session")}
	params.SetIdempotencyKey("setup/cus_1/1")
	intent, err := client.SetupIntents.Create(context.Background(), params)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(intent.Status, intent.ClientSecret)
	// Output: requires_payment_method [sealed]
}

// A warning comes before the dispute: refunding now may spare it.
func ExampleEarlyFraudWarningService_List() {
	client := cannedClient(`{"object":"list","has_more":false,"data":[{"object":"radar.early_fraud_warning","id":"issfr_1","created":1,
		"livemode":true,"actionable":true,"charge":"ch_1","fraud_type":"made_with_stolen_card"}]}`)
	for warning, err := range client.EarlyFraudWarnings.List(context.Background(), nil) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(warning.Charge, warning.FraudType, "actionable:", warning.Actionable)
	}
	// Output: ch_1 made_with_stolen_card actionable: true
}

// A review that a person ends.
func ExampleReviewService_Approve() {
	client := cannedClient(`{"object":"review","id":"prv_1","created":1,"livemode":true,"open":false,"reason":"approved","closed_reason":"approved"}`)
	params := &stripe.ReviewApproveParams{}
	params.SetIdempotencyKey("approve/prv_1")
	review, err := client.Reviews.Approve(context.Background(), "prv_1", params)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("open:", review.Open, review.ClosedReason)
	// Output: open: false approved
}

// What the account has, by currency.
func ExampleBalanceService_Get() {
	fake, client := exampleClient()
	if _, err := fake.Pay(stripetest.Purchase{Amount: 100_00, Currency: "eur"}); err != nil {
		log.Fatal(err)
	}
	balance, err := client.Balance.Get(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for _, pending := range balance.Pending {
		fmt.Println("pending", pending.Amount, pending.Currency)
	}
	// Output: pending 9825 eur
}

// A payout that was paid can still fail: the money comes back by a transaction of its own.
func ExamplePayoutService_List() {
	client := cannedClient(`{"object":"list","has_more":false,"data":[{"object":"payout","id":"po_1","created":1,"arrival_date":2,"livemode":true,
		"amount":9825,"currency":"eur","status":"failed","method":"standard","automatic":true,"failure_code":"account_closed",
		"failure_balance_transaction":"txn_9"}]}`)
	for payout, err := range client.Payouts.List(context.Background(), &stripe.PayoutListParams{Status: new("failed")}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(payout.Amount, payout.FailureCode, payout.FailureBalanceTransaction.ID)
	}
	// Output: 9825 account_closed txn_9
}

// Money from the bank, where the balance is too low to refund from.
func ExampleTopUpService_Create() {
	client := cannedClient(`{"object":"topup","id":"tu_1","created":1,"livemode":true,"amount":50000,"currency":"eur","status":"pending"}`)
	params := &stripe.TopUpParams{Amount: new(int64(500_00)), Currency: new("eur"), Description: new("for refunds")}
	params.SetIdempotencyKey("topup/2026-11/1")
	topUp, err := client.TopUps.Create(context.Background(), params)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(topUp.Amount, topUp.Status)
	// Output: 50000 pending
}

// The period that is paid for reads alike whatever version the subscription is in.
func ExampleSubscriptionService_Get() {
	client := cannedClient(`{"object":"subscription","id":"sub_1","created":1,"livemode":true,"status":"active","currency":"eur","customer":"cus_1",
		"cancel_at_period_end":false,"items":{"has_more":false,"data":[{"id":"si_1","subscription":"sub_1","price":"price_1",
		"current_period_start":1793491200,"current_period_end":1796083200}]}}`)
	subscription, err := client.Subscriptions.Get(context.Background(), "sub_1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(subscription.Status, "until", subscription.CurrentPeriodEnd.Time().Format(time.DateOnly))
	// Output: active until 2026-12-01
}

// A line that waits for the customer's next invoice.
func ExampleInvoiceItemService_Create() {
	client := cannedClient(`{"object":"invoiceitem","id":"ii_1","date":1,"livemode":true,"amount":500,"currency":"eur","quantity":1,
		"customer":"cus_1","period":{"start":1,"end":1},"proration":false,"invoice":null}`)
	params := &stripe.InvoiceItemParams{Customer: new("cus_1"), Amount: new(int64(5_00)), Currency: new("eur"), Description: new("Delivery")}
	params.SetIdempotencyKey("delivery/order-17")
	item, err := client.InvoiceItems.Create(context.Background(), params)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(item.Amount, item.Currency, "waits:", item.Invoice == "")
	// Output: 500 eur waits: true
}

// What a credit note would be, before it is issued.
func ExampleCreditNoteService_Preview() {
	client := cannedClient(`{"object":"credit_note","id":"cn_1","created":1,"livemode":true,"status":"issued","type":"post_payment","currency":"eur",
		"amount":1190,"subtotal":1000,"total":1190,"invoice":"in_1","lines":{"data":[],"has_more":false},"tax_amounts":[{"amount":190}]}`)
	note, err := client.CreditNotes.Preview(context.Background(), &stripe.CreditNoteParams{Invoice: new("in_1"), Amount: new(int64(11_90))})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(note.Total, "of it tax", *note.Tax)
	// Output: 1190 of it tax 190
}

// A price is found by a name that stays while prices come and go.
func ExamplePriceService_List() {
	client := cannedClient(`{"object":"list","has_more":false,"data":[{"object":"price","id":"price_2","livemode":true,"active":true,"currency":"eur",
		"product":"prod_1","type":"recurring","unit_amount":500,"lookup_key":"tulips-monthly","recurring":{"interval":"month","interval_count":1}}]}`)
	for price, err := range client.Prices.List(context.Background(), &stripe.PriceListParams{LookupKeys: []*string{new("tulips-monthly")}}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(price.ID, *price.UnitAmount, price.Currency, "a", price.Recurring.Interval)
	}
	// Output: price_2 500 eur a month
}

// A product under an id of ours.
func ExampleProductService_Create() {
	client := cannedClient(`{"object":"product","id":"tulip-red","created":1,"livemode":true,"active":true,"name":"Tulip, red"}`)
	params := &stripe.ProductParams{ID: new("tulip-red"), Name: new("Tulip, red")}
	params.SetIdempotencyKey("product/tulip-red")
	product, err := client.Products.Create(context.Background(), params)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(product.ID, product.Name)
	// Output: tulip-red Tulip, red
}

// The tax of a sale, by rate; TaxTransactions.Create books it once it is paid.
func ExampleTaxCalculationService_Create() {
	client := cannedClient(`{"object":"tax.calculation","id":"taxcalc_1","livemode":true,"currency":"eur","tax_date":1,"amount_total":11900,
		"tax_amount_exclusive":1900,"tax_amount_inclusive":0,"tax_breakdown":[{"amount":1900,"taxable_amount":10000,"inclusive":false,
		"taxability_reason":"standard_rated","tax_rate_details":{"country":"DE","percentage_decimal":"19.0","tax_type":"vat"}}]}`)
	params := &stripe.TaxCalculationParams{Currency: new("eur")} // and lines, and where the customer is
	params.SetIdempotencyKey("tax/order-17/1")
	tax, err := client.TaxCalculations.Create(context.Background(), params)
	if err != nil {
		log.Fatal(err)
	}
	for _, part := range tax.Breakdown {
		fmt.Println(part.Amount, "of", part.TaxableAmount, part.Rate.Type, part.Rate.Percent+"%")
	}
	// Output: 1900 of 10000 vat 19.0%
}

// What was sold and taxed is taken back.
func ExampleTaxTransactionService_Reverse() {
	client := cannedClient(`{"object":"tax.transaction","id":"tax_2","created":1,"livemode":true,"type":"reversal","currency":"eur",
		"reference":"order-17-refund","tax_date":1,"reversal":{"original_transaction":"tax_1"}}`)
	params := &stripe.TaxTransactionReverseParams{Mode: new("full"), OriginalTransaction: new("tax_1"), Reference: new("order-17-refund")}
	params.SetIdempotencyKey("tax/order-17/reverse")
	reversal, err := client.TaxTransactions.Reverse(context.Background(), params)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(reversal.Type, "of", reversal.Reversal.OriginalTransaction)
	// Output: reversal of tax_1
}

// What is still wanted of a connected account, and the way there.
func ExampleAccountLinkService_Create() {
	client := cannedClient(`{"object":"account_link","created":1793491200,"expires_at":1793491500,"url":"https://connect.stripe.com/setup/1"}`)
	params := &stripe.AccountLinkParams{Account: new("acct_2"), Type: new("account_onboarding"),
		RefreshURL: new("https://shop.example/again"), ReturnURL: new("https://shop.example/done")}
	params.SetIdempotencyKey("onboard/acct_2/1")
	link, err := client.AccountLinks.Create(context.Background(), params)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("good for", link.ExpiresAt.Time().Sub(link.Created.Time()))
	// Output: good for 5m0s
}

// Whether a connected account may take money, and what is wanted of it.
func ExampleAccountService_Get() {
	client := cannedClient(`{"object":"account","id":"acct_2","charges_enabled":false,"payouts_enabled":false,
		"requirements":{"currently_due":["external_account"],"disabled_reason":"requirements.past_due"}}`)
	account, err := client.Accounts.Get(context.Background(), "acct_2")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("charges:", account.ChargesEnabled, account.Requirements.CurrentlyDue)
	// Output: charges: false [external_account]
}

// Where a connected account is paid out to.
func ExampleExternalAccountService_List() {
	client := cannedClient(`{"object":"list","has_more":false,"data":[{"object":"bank_account","id":"ba_1","account":"acct_2","country":"DE",
		"currency":"eur","last4":"3000","status":"new","default_for_currency":true}]}`)
	for bank, err := range client.ExternalAccounts.List(context.Background(), "acct_2", nil) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(bank.Country, bank.Last4, "default:", bank.Default)
	}
	// Output: DE 3000 default: true
}

// A platform gives a part of its fee back.
func ExampleApplicationFeeService_Refund() {
	client := cannedClient(`{"object":"fee_refund","id":"fr_1","created":1,"amount":100,"currency":"eur","fee":"fee_1"}`)
	params := &stripe.FeeRefundParams{Amount: new(int64(1_00))}
	params.SetIdempotencyKey("fee-refund/order-17")
	refund, err := client.ApplicationFees.Refund(context.Background(), "fee_1", params)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(refund.Amount, refund.Currency, "of", refund.Fee)
	// Output: 100 eur of fee_1
}
