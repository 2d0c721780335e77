package stripepay_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/stripe/stripetest"
)

func TestARequestThatStripeHasForgottenIsClosed(t *testing.T) {
	t.Parallel()
	pay := newWorld(t, stripetest.Config{}).pay
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	steps := idempotency.NewMemory(func() time.Time { return now })
	effect := pay.Request(mapping.PaymentRequest{Key: "collect.request/1", Amount: commerce.MustMoney(6600, "EUR")})
	acts := 0
	effect.Act = func(context.Context) (mapping.Open, error) {
		acts++
		return mapping.Open{}, &commerce.Error{Kind: commerce.KindUnavailable, Outcome: commerce.Unknown}
	}
	run := func() (mapping.Open, error) {
		return idempotency.Run(t.Context(), steps, "collect.request/1", effect)
	}
	_, err := run()
	require.ErrorIs(t, err, commerce.ErrUnknown)
	now = now.Add(23 * time.Hour)
	_, err = run()
	require.ErrorIs(t, err, commerce.ErrUnknown)
	require.Equal(t, 2, acts, "Stripe still knows the key")
	now = now.Add(2 * time.Hour)
	open, err := run()
	require.NoError(t, err)
	require.Equal(t, 2, acts)
	require.Equal(t, mapping.OpenClosed, open.Status)
}

// A debit is on its way between our look and our close, Stripe refuses, and keeps that
// answer under the key for a day. An hour later the debit has failed and the intent can
// be paid again: it is closed then.
func TestARefusalToCloseIsNotTheAnswerForTheRestOfTheDay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{DebitTime: time.Hour})
	open, err := w.pay.Request(request(false)).Act(t.Context())
	require.NoError(t, err)
	e := w.pay.Close(open.Ref)
	looked := e
	looked.Find = func(ctx context.Context) (commerce.Document, error) {
		doc, err := e.Find(ctx)
		if errors.Is(err, commerce.ErrNotFound) {
			_, payErr := w.far.PayIntent(open.Ref.ID, stripetest.DebitFails)
			require.NoError(t, payErr)
		}
		return doc, err
	}
	steps := idempotency.NewMemory(func() time.Time { return w.now })
	_, err = idempotency.Run(t.Context(), steps, "close", looked)
	require.ErrorIs(t, err, commerce.ErrConflict)

	w.now = w.now.Add(2 * time.Hour)
	w.far.Tick()
	now, err := w.pay.Opened(t.Context(), open.Ref)
	require.NoError(t, err)
	require.Equal(t, mapping.OpenPayable, now.Status)
	doc, err := idempotency.Run(t.Context(), steps, "close", e)
	require.NoError(t, err)
	require.Equal(t, string(mapping.OpenClosed), doc.State)
}
