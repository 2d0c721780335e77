package stripetest_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// clock is a clock that only tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// start returns a fake, a client of it and their clock.
func start(t *testing.T, config stripetest.Config) (*stripetest.Fake, *stripe.Client, *clock) {
	t.Helper()
	now := newClock()
	config.Now = now.Now
	fake, err := stripetest.New(config)
	require.NoError(t, err)
	client, err := stripe.NewClient(stripe.Config{
		Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: fake.Transport(), Now: now.Now,
	})
	require.NoError(t, err)
	return fake, client, now
}

func types(fake *stripetest.Fake) (out []string) {
	for _, e := range fake.Events() {
		out = append(out, e.Type)
	}
	return out
}

func TestWhatAShopperDoesShowsInIntentChargeAndEvents(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		purchase stripetest.Purchase
		wait     time.Duration
		intent   string
		charge   string
		events   []string
	}{
		{"a card pays at once", stripetest.Purchase{}, 0, "succeeded", "succeeded",
			[]string{"payment_intent.created", "charge.succeeded", "payment_intent.succeeded"}},
		{"an authorisation is not money", stripetest.Purchase{Authorise: true}, 0, "requires_capture", "succeeded",
			[]string{"payment_intent.created", "charge.succeeded", "payment_intent.amount_capturable_updated"}},
		{"an authorisation ends after a week", stripetest.Purchase{Authorise: true}, 8 * 24 * time.Hour, "canceled", "succeeded",
			[]string{"payment_intent.created", "charge.succeeded", "payment_intent.amount_capturable_updated", "charge.expired", "payment_intent.canceled"}},
		{"a declined card leaves the intent open", stripetest.Purchase{Method: stripetest.CardInsufficientFunds}, 0, "requires_payment_method", "failed",
			[]string{"payment_intent.created", "charge.failed", "payment_intent.payment_failed"}},
		{"a bank debit is pending for days", stripetest.Purchase{Method: stripetest.Debit}, 0, "processing", "pending",
			[]string{"payment_intent.created", "payment_intent.processing", "charge.pending"}},
		{"and then succeeds", stripetest.Purchase{Method: stripetest.Debit}, 4 * 24 * time.Hour, "succeeded", "succeeded",
			[]string{"payment_intent.created", "payment_intent.processing", "charge.pending", "charge.succeeded", "payment_intent.succeeded"}},
		{"or fails", stripetest.Purchase{Method: stripetest.DebitFails}, 4 * 24 * time.Hour, "requires_payment_method", "failed",
			[]string{"payment_intent.created", "payment_intent.processing", "charge.pending", "charge.failed", "payment_intent.payment_failed"}},
		{"or is taken back after it succeeded", stripetest.Purchase{Method: stripetest.DebitReturned}, 9 * 24 * time.Hour, "requires_payment_method", "failed",
			[]string{"payment_intent.created", "payment_intent.processing", "charge.pending", "charge.succeeded", "payment_intent.succeeded", "charge.failed", "payment_intent.payment_failed"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			fake, _, now := start(t, stripetest.Config{})
			tc.purchase.Amount, tc.purchase.Currency = 1250, "EUR"
			_, err := fake.Pay(tc.purchase)
			require.NoError(t, err)
			now.Advance(tc.wait)
			require.Equal(t, tc.intent, fake.PaymentIntents()[0].Status)
			require.Equal(t, tc.charge, fake.Charges()[0].Status)
			require.Equal(t, tc.events, types(fake))
		})
	}
}

func TestDeliveriesAreSignedDoubledReorderedAndRepeatedUntilAcknowledged(t *testing.T) {
	t.Parallel()
	fake, _, now := start(t, stripetest.Config{Seed: 3, Account: "acct_1"})
	for range 40 {
		_, err := fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur"})
		require.NoError(t, err)
		now.Advance(time.Second)
	}
	hook, err := stripe.Webhook(stripe.WebhookConfig{
		Secrets: commerce.Static([]commerce.Secret{commerce.NewSecret("whsec_fake")}), Now: now.Now,
	})
	require.NoError(t, err)
	var mu sync.Mutex
	seen := map[string]int{}
	refused := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		e, err := hook.Verify(r.Context(), r.Header, body)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err != nil:
			w.WriteHeader(http.StatusBadRequest)
		case refused < 5:
			refused++
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			seen[e.Ref.ID]++
		}
	}))
	t.Cleanup(srv.Close)
	got, err := fake.Deliver(t.Context(), srv.URL, stripetest.DeliveryOptions{
		Duplicates: 0.3, Reordered: 0.2, Workers: 4,
		Wait: func(ctx context.Context, until time.Time) error {
			now.Advance(until.Sub(now.Now()))
			return ctx.Err()
		},
	})
	require.NoError(t, err)
	require.Len(t, seen, 120)
	require.Equal(t, 120, got.Events)
	require.NotZero(t, got.Duplicates)
	require.NotZero(t, got.Reordered)
	require.NotZero(t, got.Retries)
	require.Zero(t, got.Abandoned)
	require.GreaterOrEqual(t, got.Deliveries, 120+got.Duplicates+got.Retries)
}
