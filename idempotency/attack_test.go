package idempotency_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
)

// keyedSide remembers keys for a day, as Stripe does.
type keyedSide struct {
	now  func() time.Time
	used time.Time
	docs int
	next []string // how the next calls end: "lose", "refuse"
}

func (f *keyedSide) act(context.Context) (string, error) {
	how := ""
	if len(f.next) > 0 {
		how, f.next = f.next[0], f.next[1:]
	}
	if how == "refuse" { // a connection that was refused says nothing of an earlier request
		return "", &commerce.Error{Kind: commerce.KindUnavailable, Outcome: commerce.NotSent}
	}
	if f.docs == 0 || f.now().Sub(f.used) >= 24*time.Hour {
		f.docs, f.used = f.docs+1, f.now()
	}
	if how == "lose" {
		return "", &commerce.Error{Kind: commerce.KindUnavailable, Outcome: commerce.Unknown}
	}
	return "doc", nil
}

// A keyed attempt whose answer was lost, a repetition an hour later that did not
// leave this machine, and another one when the far side has forgotten the key: the
// second says nothing about the first.
func TestARepetitionThatWasNotSentDoesNotSettleTheAttemptBeforeIt(t *testing.T) {
	t.Parallel()
	clock := newClock()
	far := &keyedSide{now: clock.Now, next: []string{"lose", "refuse"}}
	keys := idempotency.NewMemory(clock.Now)
	run := func() error {
		_, err := idempotency.Run(t.Context(), keys, "k", idempotency.Effect[string]{Class: idempotency.Keyed,
			Retention: 24 * time.Hour, Act: far.act})
		return err
	}
	require.ErrorIs(t, run(), commerce.ErrUnknown)
	clock.Advance(time.Hour)
	err := run()
	require.ErrorIs(t, err, commerce.ErrUnknown, "a caller who believes that nothing was sent might use another key")
	require.False(t, commerce.SafeToRetry(err))
	rec, err := keys.Get(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, idempotency.Unknown, rec.State)
	clock.Advance(24 * time.Hour)
	require.ErrorIs(t, run(), commerce.ErrNeedsDecision)
	require.Equal(t, 1, far.docs)
}

// The shop's own module and we are told of the same payment at the same moment. Both
// read that the order is unpaid, the module is quicker, and the shop refuses us.
func TestAGuardedEffectThatSomebodyElseMadeMeanwhileIsFound(t *testing.T) {
	t.Parallel()
	clock := newClock()
	keys := idempotency.NewMemory(clock.Now)
	paid, acts := false, 0
	got, err := idempotency.Run(t.Context(), keys, "k", idempotency.Effect[string]{Class: idempotency.Guarded,
		Find: func(context.Context) (string, error) {
			if !paid {
				return "", commerce.ErrNotFound
			}
			return "theirs", nil
		},
		Act: func(context.Context) (string, error) {
			acts++
			paid = true
			return "", &commerce.Error{Kind: commerce.KindInvalid, Outcome: commerce.NotSent, Text: "there is nothing to invoice"}
		}})
	require.NoError(t, err)
	require.Equal(t, "theirs", got)
	require.Equal(t, 1, acts)
}

// A refusal that is not explained by the far side's state stays the answer.
func TestAGuardedEffectThatIsRefusedSaysWhy(t *testing.T) {
	t.Parallel()
	clock := newClock()
	keys := idempotency.NewMemory(clock.Now)
	no := &commerce.Error{Kind: commerce.KindInvalid, Outcome: commerce.NotSent, Text: "no"}
	for _, findAgain := range []error{commerce.ErrNotFound, &commerce.Error{Kind: commerce.KindUnavailable}} {
		finds := 0
		_, err := idempotency.Run(t.Context(), keys, "k", idempotency.Effect[string]{Class: idempotency.Guarded,
			Find: func(context.Context) (string, error) {
				if finds++; finds == 1 {
					return "", commerce.ErrNotFound
				}
				return "", findAgain
			},
			Act: func(context.Context) (string, error) { return "", no }})
		require.ErrorIs(t, err, no)
		require.True(t, commerce.SafeToRetry(err))
	}
}

func TestAnErrorOfSomebodyElsesIsNotRepeatedInOurs(t *testing.T) {
	t.Parallel()
	clock := newClock()
	keys := idempotency.NewMemory(clock.Now)
	leak := errors.New("550 jane.roe@example.com rejected")
	_, err := idempotency.Do(t.Context(), keys, "k", func(context.Context) (string, error) { return "", leak })
	require.ErrorIs(t, err, leak)
	require.ErrorIs(t, err, commerce.ErrUnknown)
	require.NotContains(t, err.Error(), "jane", "it goes into logs and dead letters")
	_, err = idempotency.Do(t.Context(), keys, "own", func(context.Context) (string, error) {
		return "", &commerce.Error{Kind: commerce.KindInternal, Text: "what we said ourselves"}
	})
	require.ErrorContains(t, err, "what we said ourselves")
}

// stopped is the context of a process that was stopped and goes on: the time is over,
// and the timer that says so has not run yet.
type stopped struct {
	context.Context
	end time.Time
}

func (s stopped) Deadline() (time.Time, bool) { return s.end, true }

func TestAWorkerThatWasFrozenSendsNothingLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := idempotency.NewMemory(nil)
		ctx := stopped{t.Context(), time.Now().Add(time.Minute)}
		acts := 0
		_, err := idempotency.Run(ctx, keys, "k", idempotency.Effect[string]{Class: idempotency.Guarded,
			Find: func(context.Context) (string, error) {
				<-time.After(10 * time.Minute) // frozen here
				return "", commerce.ErrNotFound
			},
			Act: func(context.Context) (string, error) { acts++; return "", nil }})
		require.Error(t, err)
		require.True(t, commerce.SafeToRetry(err))
		require.Zero(t, acts, "somebody else has the right to act by now")
	})
}
