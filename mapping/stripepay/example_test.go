package stripepay_test

import (
	"context"
	"fmt"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping/stripepay"
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
