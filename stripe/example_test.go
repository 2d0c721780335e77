package stripe_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// A client of the fake; with a real key and without Transport it is one of Stripe.
func exampleClient() (*stripetest.Fake, *stripe.Client) {
	fake, err := stripetest.New(stripetest.Config{Seed: 7})
	if err != nil {
		log.Fatal(err)
	}
	client, err := stripe.NewClient(stripe.Config{
		Credentials: commerce.Static(commerce.NewSecret("sk_test_1")),
		Transport:   fake.Transport(),
	})
	if err != nil {
		log.Fatal(err)
	}
	return fake, client
}

// From a configuration to the first call. Nothing but the key has to be said; the fake
// takes the place of Stripe here.
func Example() {
	fake, err := stripetest.New(stripetest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	client, err := stripe.NewClient(stripe.Config{
		Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), // asked for each attempt; a vault hands out keys that change
		Transport:   fake.Transport(),                                 // leave it out for Stripe itself
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := client.Ping(context.Background()); err != nil {
		log.Fatal(err) // errors.Is(err, commerce.ErrAuth): the key is no good
	}
	_, err = client.PaymentIntents.Get(context.Background(), "pi_404")
	fmt.Println("not found:", errors.Is(err, commerce.ErrNotFound))
	// Output: not found: true
}

// A payment intent is read together with its charge and what Stripe kept of it.
func ExamplePaymentIntentService_Get() {
	fake, client := exampleClient()
	paid, err := fake.Pay(stripetest.Purchase{Amount: 12_50, Currency: "EUR", Metadata: map[string]string{"order": "17"}})
	if err != nil {
		log.Fatal(err)
	}

	intent, err := client.PaymentIntents.Get(context.Background(), paid.ID, "latest_charge.balance_transaction")
	if err != nil {
		log.Fatal(err)
	}
	amount, err := commerce.FromStripe(intent.AmountReceived, intent.Currency, commerce.StripeCharge)
	if err != nil {
		log.Fatal(err)
	}
	txn := intent.LatestCharge.Object.BalanceTransaction.Object
	fmt.Println(intent.Status, amount, "for order", intent.Metadata["order"])
	fmt.Println("fee", txn.Fee, "net", txn.Net, txn.Currency)
	// Output:
	// succeeded 12.50 EUR for order 17
	// fee 44 net 1206 eur
}

// A write needs a key of the caller's; a decline says why.
func ExamplePaymentIntentService_Create() {
	_, client := exampleClient()
	params := &stripe.PaymentIntentParams{
		Amount: new(int64(12_50)), Currency: new("eur"),
		PaymentMethod: new(string(stripetest.CardInsufficientFunds)), Confirm: new(true),
	}
	params.SetIdempotencyKey("collect/order-17/1")
	_, err := client.PaymentIntents.Create(context.Background(), params)

	fmt.Println("declined:", errors.Is(err, commerce.ErrDeclined))
	if api, ok := errors.AsType[*stripe.APIError](err); ok {
		fmt.Println(api.Code, api.DeclineCode)
	}
	fmt.Println("safe to send again:", commerce.SafeToRetry(err))
	// Output:
	// declined: true
	// card_declined insufficient_funds
	// safe to send again: true
}

// A list is a loop; an error is its last turn.
func ExampleChargeService_List() {
	fake, client := exampleClient()
	for range 3 {
		if _, err := fake.Pay(stripetest.Purchase{Amount: 5_00, Currency: "eur"}); err != nil {
			log.Fatal(err)
		}
	}
	var sum int64
	for charge, err := range client.Charges.List(context.Background(), nil) {
		if err != nil {
			log.Fatal(err)
		}
		sum += charge.AmountCaptured
	}
	fmt.Println(sum)
	// Output: 1500
}

// A webhook is verified over its raw bytes and decoded later.
func ExampleWebhook() {
	fake, _ := exampleClient()
	if _, err := fake.Pay(stripetest.Purchase{Amount: 12_50, Currency: "eur"}); err != nil {
		log.Fatal(err)
	}
	hook, err := stripe.Webhook(stripe.WebhookConfig{
		Secrets: commerce.Static([]commerce.Secret{commerce.NewSecret("whsec_fake")}),
		Account: "acct_1",
	})
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		event, err := hook.Verify(r.Context(), r.Header, body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		decoded, err := stripe.DecodeEvent(event.Raw)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		switch object := decoded.Object.(type) {
		case *stripe.Charge:
			fmt.Println(event.Type, object.Amount, object.Currency, "captured:", object.Captured)
		default:
			fmt.Println(event.Type)
		}
	}))
	defer server.Close()
	if _, err := fake.Deliver(context.Background(), server.URL, stripetest.DeliveryOptions{}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// payment_intent.created
	// charge.succeeded 1250 eur captured: true
	// payment_intent.succeeded
}

// The feed finds what no webhook brought.
func ExampleFeed_Changes() {
	fake, client := exampleClient()
	paid, err := fake.Pay(stripetest.Purchase{Amount: 12_50, Currency: "eur"})
	if err != nil {
		log.Fatal(err)
	}
	feed, err := client.Feed(stripe.FeedConfig{Account: "acct_1"})
	if err != nil {
		log.Fatal(err)
	}
	for event, err := range feed.Changes(context.Background(), paid.Created.Time()) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(event.Ref.Account, event.Type, event.Subject == paid.ID)
	}
	// Output:
	// acct_1 payment_intent.created true
	// acct_1 charge.succeeded true
	// acct_1 payment_intent.succeeded true
}
