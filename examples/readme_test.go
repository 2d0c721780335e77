package examples_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/sqlstore"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// program is the first program of the README.
func program(ctx context.Context, file, secret string, handled func(commerce.Event)) (*inbox.Inbox, http.Handler, error) {
	pool, err := sql.Open("sqlite", sqlstore.SQLiteDSN(file))
	if err != nil {
		return nil, nil, err
	}
	db, err := sqlstore.Open(ctx, pool, sqlstore.SQLite, sqlstore.Config{})
	if err != nil {
		return nil, nil, err
	}
	secrets := []commerce.Secret{commerce.NewSecret(secret)}
	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: commerce.Static(secrets)})
	if err != nil {
		return nil, nil, err
	}
	in, err := inbox.New(db.Inbox(), inbox.Config{Handlers: inbox.Handlers{
		"stripe charge.succeeded": {{Name: "greet", Handle: func(_ context.Context, e commerce.Event) error {
			handled(e)
			return nil
		}}},
	}})
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("POST /hooks/stripe", in.Receive(hook))
	return in, mux, nil
}

// From nothing to a handled event. A shopper pays at the fake Stripe, which delivers
// its webhooks twice; the event is handled once.
func Example_handledEvent() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	dir, err := os.MkdirTemp("", "readme")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	in, mux, err := program(ctx, filepath.Join(dir, "commerce.db"), "whsec_fake", func(e commerce.Event) {
		fmt.Println(e.Type, "in", e.Ref.Mode, "mode")
		cancel()
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(mux)
	defer server.Close()

	fake, err := stripetest.New(stripetest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := fake.Pay(stripetest.Purchase{Amount: 1250, Currency: "eur"}); err != nil {
		fmt.Println(err)
		return
	}
	done, err := fake.Deliver(ctx, server.URL+"/hooks/stripe", stripetest.DeliveryOptions{Duplicates: 1})
	fmt.Println(done.Deliveries == 2*done.Events, err)
	fmt.Println(in.Run(ctx)) // ends with ctx, after the work in hand
	// Output:
	// true <nil>
	// charge.succeeded in test mode
	// <nil>
}
