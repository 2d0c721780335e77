package stripetest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe/stripetest"
)

func TestAKnobIsWhatTheClientTakesItFor(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault   stripetest.Fault
		kind    error
		code    string
		outcome commerce.Outcome
		intents int
	}{
		"throttled":          {stripetest.Throttled(1, 3*time.Second), commerce.ErrRateLimited, "rate_limit", commerce.NotSent, 0},
		"locked":             {stripetest.Locked(1), commerce.ErrRateLimited, "lock_timeout", commerce.NotSent, 0},
		"a key in use":       {stripetest.InUse(1), commerce.ErrConflict, "idempotency_key_in_use", commerce.Unknown, 0},
		"broken before":      {stripetest.Broken(1, 503, false), commerce.ErrUnavailable, "", commerce.Unknown, 0},
		"broken after":       {stripetest.Broken(1, 500, true), commerce.ErrUnavailable, "", commerce.Unknown, 1},
		"the answer is lost": {stripetest.Fault{Kind: stripetest.Lost, Times: 1}, commerce.ErrUnavailable, "", commerce.Unknown, 1},
		"half of the answer": {stripetest.Fault{Kind: stripetest.Half, Times: 1}, commerce.ErrUnavailable, "", commerce.Unknown, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake, _, _ := start(t, stripetest.Config{})
			c := client(t, fake) // of one attempt
			fake.Faults().Add(tc.fault)
			_, err := c.PaymentIntents.Create(t.Context(), createParams("k", 100))
			require.ErrorIs(t, err, tc.kind)
			failed := err.(*commerce.Error)
			require.Equal(t, tc.code, failed.Code)
			require.Equal(t, tc.outcome, failed.Outcome)
			require.Len(t, fake.PaymentIntents(), tc.intents)
			_, err = c.PaymentIntents.Create(t.Context(), createParams("k", 100))
			require.NoError(t, err)
			require.Len(t, fake.PaymentIntents(), 1, "the key is good for the second try")
		})
	}
}

// deliveries counts what comes in until an event is given up, and how long it takes.
func TestAnEventIsRepeatedForDaysAndThenGivenUp(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		retry     func(int) (time.Duration, bool)
		tries     int
		from, end time.Duration
	}{
		"live":    {nil, 10, 2 * day, 3 * day},
		"sandbox": {stripetest.RetrySandbox, 3, time.Hour, 12 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake, _, now := start(t, stripetest.Config{})
			id, _ := endpoint(t, fake, "enabled_events[]=charge.succeeded")
			_, err := fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur"})
			require.NoError(t, err)
			signatures := map[string]bool{}
			shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				signatures[r.Header.Get("Stripe-Signature")] = true
				w.WriteHeader(http.StatusTeapot)
			}))
			defer shop.Close()
			begun := now.Now()
			got, err := fake.Deliver(t.Context(), shop.URL, stripetest.DeliveryOptions{Endpoint: id, Retry: tc.retry,
				Wait: func(ctx context.Context, until time.Time) error { now.Advance(until.Sub(now.Now())); return ctx.Err() }})
			require.NoError(t, err)
			require.Equal(t, tc.tries, got.Deliveries)
			require.Len(t, signatures, tc.tries, "each is signed anew")
			require.Equal(t, 1, got.Abandoned)
			require.Greater(t, now.Now().Sub(begun), tc.from)
			require.LessOrEqual(t, now.Now().Sub(begun), tc.end)
		})
	}
}

func TestADisabledEndpointIsLeftAloneUntilItIsEnabled(t *testing.T) {
	t.Parallel()
	fake, _, now := start(t, stripetest.Config{})
	id, _ := endpoint(t, fake, "enabled_events[]=charge.succeeded")
	buy := func() {
		_, err := fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur"})
		require.NoError(t, err)
	}
	buy()
	ill := true
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if ill {
			fake.DisableWebhook(id)
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer shop.Close()
	deliver := func() stripetest.Delivered {
		got, err := fake.Deliver(t.Context(), shop.URL, stripetest.DeliveryOptions{Endpoint: id,
			Wait: func(ctx context.Context, until time.Time) error { now.Advance(until.Sub(now.Now())); return ctx.Err() }})
		require.NoError(t, err)
		return got
	}
	require.Equal(t, 1, deliver().Deliveries, "the first failure disables it")
	buy() // which it does not get, as it is disabled
	require.Zero(t, deliver().Deliveries)
	ill = false
	require.Equal(t, http.StatusOK, post(t, fake, "/v1/webhook_endpoints/"+id, "disabled=false"))
	require.Equal(t, 1, deliver().Events)
}
