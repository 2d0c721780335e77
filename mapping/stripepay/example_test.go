package stripepay_test

import (
	"context"
	"fmt"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/reconcile"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

func ExamplePay_Payment() {
	far, err := stripetest.New(stripetest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	bought, err := far.Pay(stripetest.Purchase{Amount: 2990, Currency: "eur", Metadata: map[string]string{"Order #": "000000017"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: far.Transport()})
	if err != nil {
		fmt.Println(err)
		return
	}
	pay, err := stripepay.New(client, stripepay.Config{Account: "acct_fake", Mode: commerce.Test})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := pay.Payment(context.Background(), commerce.Ref{System: "stripe", Account: "acct_fake", Mode: commerce.Test, ID: bought.ID})
	fmt.Println(p.Status, p.Captured, p.Method.Brand, "for order", p.Orders[0].Number, err)
	// Output: captured 29.90 EUR visa for order 000000017 <nil>
}

// A handler of one's own in Stripe's words: the event is whole, and each change comes
// once, also where Stripe told of it by two events.
func ExampleHandler() {
	client, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1"))})
	if err != nil {
		fmt.Println(err)
		return
	}
	store := inbox.NewMemory(inbox.MemoryConfig{})
	in, err := inbox.New(store, inbox.Config{Handlers: inbox.Handlers{
		"stripe refund.failed": {stripepay.Handler("tell the desk", client, store, func(_ context.Context, e *stripe.Event) error {
			fmt.Println("refund", e.ObjectID, e.Object.(*stripe.Refund).FailureReason)
			return nil
		})},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, id := range []string{"evt_1", "evt_2"} { // in a program they come by in.Receive
		_, err := in.Append(context.Background(), commerce.Event{
			Ref:  commerce.Ref{System: "stripe", Account: "acct_1", Mode: commerce.Live, ID: id},
			Type: "refund.failed", Object: "re_1", Subject: "pi_1", Created: time.Unix(1793491200, 0),
			Raw: []byte(`{"id":"` + id + `","type":"refund.failed","created":1793491200,"livemode":true,"data":{"object":{"object":"refund","id":"re_1",
				"created":1,"amount":500,"currency":"eur","status":"failed","failure_reason":"lost_or_stolen_card"}}}`),
		})
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	for n := 1; n > 0 && err == nil; {
		n, err = in.Work(context.Background())
	}
	fmt.Println(err)
	// Output:
	// refund re_1 lost_or_stolen_card
	// <nil>
}

// What moved the balance comes to an inbox by a feed, without any webhook: each movement
// of a payment, and each day when it is over.
func ExampleActivity() {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	far, err := stripetest.New(stripetest.Config{Now: clock})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := far.Pay(stripetest.Purchase{Amount: 2990, Currency: "eur", Metadata: map[string]string{"Order #": "000000017"}}); err != nil {
		fmt.Println(err)
		return
	}
	client, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: far.Transport()})
	if err != nil {
		fmt.Println(err)
		return
	}
	pay, err := stripepay.New(client, stripepay.Config{Account: "acct_fake", Mode: commerce.Test})
	if err != nil {
		fmt.Println(err)
		return
	}
	activity, err := stripepay.NewActivity(pay, stripepay.ActivityConfig{From: now})
	if err != nil {
		fmt.Println(err)
		return
	}
	in, err := inbox.New(inbox.NewMemory(inbox.MemoryConfig{Now: clock}), inbox.Config{
		Feeds: []inbox.FeedConfig{{Name: "activity", Feed: activity}},
		Handlers: inbox.Handlers{
			"stripe balance.movement": {{Name: "books", Handle: func(ctx context.Context, e commerce.Event) error {
				l, err := pay.Movement(ctx, e.Ref.With(e.Object))
				fmt.Println(l.Category, "for order", l.Number, l.Amount, "less", l.Fee)
				return err
			}}},
			"stripe balance.day": {{Name: "books", Handle: func(_ context.Context, e commerce.Event) error {
				fmt.Println("over:", e.Object)
				return nil
			}}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	now = now.Add(24 * time.Hour)
	if _, err = in.Poll(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	for n := 1; n > 0 && err == nil; {
		n, err = in.Work(context.Background())
	}
	// Unordered output:
	// charge for order 000000017 29.90 EUR less 0.70 EUR
	// over: day/eur/2026-11-21
}

// A payout explained from the API: its rows stream from Stripe, the next page fetched
// while one is read.
func ExamplePay_Inside() {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	far, err := stripetest.New(stripetest.Config{Now: func() time.Time { return now }})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		if _, err := far.Pay(stripetest.Purchase{Amount: 2990, Currency: "eur"}); err != nil {
			fmt.Println(err)
			return
		}
	}
	now = now.Add(2 * 24 * time.Hour)
	made := far.PayOut()
	now = now.Add(2 * 24 * time.Hour)
	client, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: far.Transport()})
	if err != nil {
		fmt.Println(err)
		return
	}
	pay, err := stripepay.New(client, stripepay.Config{Account: "acct_fake", Mode: commerce.Test})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	payout, err := pay.Payout(ctx, pay.Ref(made[0].ID))
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := reconcile.Payout(ctx, reconcile.Input{Payout: payout, Lines: pay.Inside(ctx, payout.Ref)}, reconcile.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = report.Close() }()
	fmt.Println(report.Proof.Sales, "less fees", report.Proof.Fees.Neg(), "is", payout.Amount, report.Proof.Closed())
	// Output: 89.70 EUR less fees 2.10 EUR is 87.60 EUR true
}
