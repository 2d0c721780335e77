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
func ExampleEventService_Mend() {
	fake, client := exampleClient()
	if _, err := fake.Pay(stripetest.Purchase{Amount: 12_50, Currency: "eur"}); err != nil {
		log.Fatal(err)
	}
	id := fake.Charges()[0].ID
	event, err := stripe.DecodeEvent([]byte(`{"id":"evt_1","type":"charge.succeeded","created":1,"livemode":false,
		"data":{"object":{"object":"charge","id":"` + id + `"}}}`))
	if gap, ok := errors.AsType[*stripe.GapError](err); ok && event != nil {
		fmt.Println("no", gap.Field)
		err = client.Events.Mend(context.Background(), event)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(event.Object.(*stripe.Charge).Amount)
	// Output:
	// no created
	// 1250
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
