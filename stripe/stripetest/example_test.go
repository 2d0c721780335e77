package stripetest_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// A bank debit takes days, and this one is taken back after it had succeeded. The
// clock is the test's.
func Example() {
	now := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	fake, err := stripetest.New(stripetest.Config{Seed: 7, Now: func() time.Time { return now }})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := fake.Pay(stripetest.Purchase{Amount: 12_50, Currency: "eur", Method: stripetest.DebitReturned}); err != nil {
		log.Fatal(err)
	}
	for range 3 {
		fmt.Println(fake.PaymentIntents()[0].Status, fake.Charges()[0].Status)
		now = now.Add(5 * 24 * time.Hour)
	}
	for _, e := range fake.Events() {
		fmt.Println(e.Created.Format(time.DateOnly), e.Type)
	}
	// Output:
	// processing pending
	// succeeded succeeded
	// requires_payment_method failed
	// 2026-11-02 payment_intent.created
	// 2026-11-02 payment_intent.processing
	// 2026-11-02 charge.pending
	// 2026-11-05 charge.succeeded
	// 2026-11-05 payment_intent.succeeded
	// 2026-11-10 charge.failed
	// 2026-11-10 payment_intent.payment_failed
}

// A platform's destination charge: what the merchant gets, and what the platform keeps
// after Stripe's fee.
func ExampleFake_Connect() {
	fake, err := stripetest.New(stripetest.Config{Seed: 7})
	if err != nil {
		log.Fatal(err)
	}
	merchant := fake.Connect("DE")
	platform, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: fake.Transport()})
	if err != nil {
		log.Fatal(err)
	}
	params := &stripe.PaymentIntentParams{Amount: new(int64(100_00)), Currency: new("eur"), Confirm: new(true),
		PaymentMethod: new(string(stripetest.Card)), ApplicationFeeAmount: new(int64(10_00))}
	params.SetIdempotencyKey("order 17")
	params.TransferData = &stripe.TransferDataParams{Destination: new(merchant.ID())}
	if _, err := platform.PaymentIntents.Create(context.Background(), params); err != nil {
		log.Fatal(err)
	}
	for _, t := range merchant.BalanceTransactions() {
		fmt.Println("merchant", t.ReportingCategory, t.Net)
	}
	for _, t := range fake.BalanceTransactions() {
		fmt.Println("platform", t.ReportingCategory, t.Net)
	}
	// Output:
	// merchant charge 9000
	// platform charge 9825
	// platform transfer -10000
	// platform platform_earning 1000
}
