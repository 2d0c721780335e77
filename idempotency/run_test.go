package idempotency_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
)

// farSide keeps documents by reference and refuses no second one.
type farSide struct {
	docs []string
	// fail says how the next calls end: "refuse" before the effect, "lose" after it,
	// "late" = applied only when settle is called, "find" = the probe fails.
	fail []string
	late []string
	acts int
}

func (f *farSide) next() string {
	if len(f.fail) == 0 {
		return ""
	}
	s := f.fail[0]
	f.fail = f.fail[1:]
	return s
}

func (f *farSide) create(ref string) (string, error) {
	f.acts++
	switch f.next() {
	case "refuse":
		return "", &commerce.Error{Kind: commerce.KindUnavailable, Outcome: commerce.NotSent}
	case "lose":
		f.docs = append(f.docs, ref)
		return "", &commerce.Error{Kind: commerce.KindUnavailable, Outcome: commerce.Unknown}
	case "late":
		f.late = append(f.late, ref)
		return "", &commerce.Error{Kind: commerce.KindUnavailable, Outcome: commerce.Unknown}
	case "plain":
		f.docs = append(f.docs, ref)
		return "", errors.New("says nothing of its outcome")
	}
	f.docs = append(f.docs, ref)
	return "doc-" + ref, nil
}

func (f *farSide) find(ref string) (string, error) {
	if f.next() == "find" {
		return "", &commerce.Error{Kind: commerce.KindUnavailable}
	}
	for _, d := range f.docs {
		if d == ref {
			return "doc-" + ref, nil
		}
	}
	return "", commerce.ErrNotFound
}

func (f *farSide) settle() { f.docs, f.late = append(f.docs, f.late...), nil }

func (f *farSide) effect(class idempotency.Class, ref string) idempotency.Effect[string] {
	e := idempotency.Effect[string]{Class: class, Settle: time.Minute,
		Act: func(context.Context) (string, error) { return f.create(ref) }}
	if class == idempotency.Marked || class == idempotency.Guarded {
		e.Find = func(context.Context) (string, error) { return f.find(ref) }
	}
	return e
}

func TestRun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		class idempotency.Class
		fail  []string
		calls int // each an hour after the other
		docs  int
		kind  commerce.Kind // of the last call; "" = done
	}{
		"a marked effect is made once, however often it is asked for":         {idempotency.Marked, nil, 3, 1, ""},
		"what was not sent is sent again":                                     {idempotency.Marked, []string{"refuse", "refuse"}, 3, 1, ""},
		"a lost answer is looked up and found":                                {idempotency.Marked, []string{"lose"}, 2, 1, ""},
		"a lost answer stays unknown while the probe fails":                   {idempotency.Marked, []string{"lose", "find"}, 2, 1, commerce.KindUnavailable},
		"a lost answer is found when the probe works again":                   {idempotency.Marked, []string{"lose", "find"}, 3, 1, ""},
		"an error that states nothing is looked up":                           {idempotency.Marked, []string{"plain"}, 2, 1, ""},
		"a guarded effect that is there already is not made":                  {idempotency.Guarded, []string{"", "lose"}, 2, 1, ""},
		"a guarded effect whose first read fails sends nothing":               {idempotency.Guarded, []string{"find"}, 1, 0, commerce.KindUnavailable},
		"a blind effect whose answer was lost waits for a person":             {idempotency.Blind, []string{"lose"}, 5, 1, commerce.KindNeedsDecision},
		"a blind effect that was not sent is sent":                            {idempotency.Blind, []string{"refuse"}, 2, 1, ""},
		"control: a keyed effect is repeated at a far side that ignores keys": {idempotency.Keyed, []string{"lose"}, 2, 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock, far := newClock(), &farSide{fail: c.fail}
			keys := idempotency.NewMemory(clock.Now)
			var err error
			for range c.calls {
				_, err = idempotency.Run(t.Context(), keys, "k", far.effect(c.class, "r"))
				clock.Advance(time.Hour)
			}
			if c.kind == "" {
				require.NoError(t, err)
			} else {
				require.Equal(t, c.kind, commerce.KindOf(err), "%v", err)
			}
			require.Len(t, far.docs, c.docs)
		})
	}
}

func TestAnUnknownOutcomeParksUntilItHasSettled(t *testing.T) {
	t.Parallel()
	clock, far := newClock(), &farSide{fail: []string{"late"}}
	keys := idempotency.NewMemory(clock.Now)
	run := func() error {
		_, err := idempotency.Run(t.Context(), keys, "k", far.effect(idempotency.Marked, "r"), idempotency.Lease(30*time.Second))
		return err
	}
	require.ErrorIs(t, run(), commerce.ErrUnknown)
	err := run()
	require.ErrorIs(t, err, commerce.ErrParked)
	require.True(t, commerce.SafeToRetry(err))
	require.Equal(t, 90*time.Second, commerce.RetryAfter(err), "the lease and the far side's longest request")
	clock.Advance(80 * time.Second)
	far.settle() // the request was on its way all the time
	clock.Advance(11 * time.Second)
	require.NoError(t, run())
	require.Len(t, far.docs, 1)
}

// TestControlWithoutSettling shows that the settling time is what keeps the number
// of documents at one: with none, the same schedule makes two.
func TestControlWithoutSettling(t *testing.T) {
	t.Parallel()
	clock, far := newClock(), &farSide{fail: []string{"late"}}
	keys := idempotency.NewMemory(clock.Now)
	e := far.effect(idempotency.Marked, "r")
	e.Settle = 1
	run := func() error {
		_, err := idempotency.Run(t.Context(), keys, "k", e, idempotency.Lease(time.Second))
		return err
	}
	require.ErrorIs(t, run(), commerce.ErrUnknown)
	clock.Advance(2 * time.Second)
	require.NoError(t, run())
	far.settle()
	require.Len(t, far.docs, 2)
}

// TestAnyScheduleOfFaultsEndsInOneDocument draws faults, waits and callers.
func TestAnyScheduleOfFaultsEndsInOneDocument(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		clock, far := newClock(), &farSide{}
		keys := idempotency.NewMemory(clock.Now)
		class := rapid.SampledFrom([]idempotency.Class{idempotency.Marked, idempotency.Guarded}).Draw(t, "class")
		for range rapid.IntRange(1, 12).Draw(t, "calls") {
			if f := rapid.SampledFrom([]string{"", "refuse", "lose", "late", "find", "plain"}).Draw(t, "fault"); f != "" {
				far.fail = []string{f}
			}
			_, _ = idempotency.Run(context.Background(), keys, "k", far.effect(class, "r"), idempotency.Lease(time.Minute))
			wait := time.Duration(rapid.IntRange(0, 300).Draw(t, "seconds")) * time.Second
			clock.Advance(wait)
			if wait > time.Minute { // a request lives no longer than Settle
				far.settle()
			}
		}
		far.fail = nil
		far.settle()
		clock.Advance(time.Hour)
		_, err := idempotency.Run(context.Background(), keys, "k", far.effect(class, "r"))
		if err != nil || len(far.docs) != 1 {
			t.Fatalf("%d documents, %v", len(far.docs), err)
		}
	})
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	keys := idempotency.NewMemory(nil)
	act := func(context.Context) (int, error) { return 1, nil }
	for name, f := range map[string]func(context.Context) error{
		"an empty key": func(ctx context.Context) error {
			_, err := idempotency.Do(ctx, keys, "", act)
			return err
		},
		"a marked effect that can not be found": func(ctx context.Context) error {
			_, err := idempotency.Run(ctx, keys, "k", idempotency.Effect[int]{Class: idempotency.Marked, Act: act})
			return err
		},
		"no class": func(ctx context.Context) error {
			_, err := idempotency.Run(ctx, keys, "k", idempotency.Effect[int]{Act: act})
			return err
		},
		"nothing to do": func(ctx context.Context) error {
			_, err := idempotency.Run(ctx, keys, "k", idempotency.Effect[int]{Class: idempotency.Blind})
			return err
		},
		"a far effect inside the caller's transaction": func(ctx context.Context) error {
			_, err := idempotency.Do(idempotency.InTx(ctx), keys, "k", act)
			return err
		},
		"a fingerprint of something without JSON": func(ctx context.Context) error {
			_, err := idempotency.Do(ctx, keys, "k", act, idempotency.For(func() {}))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := f(t.Context())
			require.ErrorIs(t, err, commerce.ErrInvalid)
			_, err = keys.Get(t.Context(), "k")
			require.ErrorIs(t, err, commerce.ErrNotFound, "nothing was begun")
		})
	}
}

func TestTheSameKeyWithOtherContentIsAnError(t *testing.T) {
	t.Parallel()
	keys := idempotency.NewMemory(nil)
	do := func(amount commerce.Money) (string, error) {
		return idempotency.Do(t.Context(), keys, "refund/1", func(context.Context) (string, error) { return amount.String(), nil }, idempotency.For(amount))
	}
	_, err := do(commerce.MustMoney(1000, "EUR"))
	require.NoError(t, err)
	_, err = do(commerce.MustMoney(1100, "EUR"))
	var f *idempotency.FingerprintError
	require.ErrorAs(t, err, &f)
	again, err := do(commerce.MustMoney(1000, "EUR"))
	require.NoError(t, err)
	require.Equal(t, "10.00 EUR", again)
}

func TestACallerThatGivesUpLeavesAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	clock := newClock()
	keys := idempotency.NewMemory(clock.Now)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := idempotency.Do(ctx, keys, "k", func(ctx context.Context) (int, error) {
		cancel()
		return 0, ctx.Err()
	})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, commerce.ErrUnknown)
	rec, err := keys.Get(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, idempotency.Unknown, rec.State)
}

func TestAKeyedEffectIsLookedUpOnceTheFarSideHasForgotten(t *testing.T) {
	t.Parallel()
	clock, far := newClock(), &farSide{fail: []string{"lose"}}
	keys := idempotency.NewMemory(clock.Now)
	e := far.effect(idempotency.Keyed, "r")
	e.Retention = 24 * time.Hour
	_, err := idempotency.Run(t.Context(), keys, "k", e)
	require.ErrorIs(t, err, commerce.ErrUnknown)
	clock.Advance(25 * time.Hour)
	_, err = idempotency.Run(t.Context(), keys, "k", e)
	require.ErrorIs(t, err, commerce.ErrNeedsDecision, "without Find nobody can tell")
	e.Find = func(context.Context) (string, error) { return far.find("r") }
	got, err := idempotency.Run(t.Context(), keys, "k", e)
	require.NoError(t, err)
	require.Equal(t, "doc-r", got)
	require.Len(t, far.docs, 1)
}

func TestTheContextOfActEndsBeforeTheLease(t *testing.T) {
	t.Parallel()
	_, err := idempotency.Do(t.Context(), idempotency.NewMemory(nil), "k", func(ctx context.Context) (int, error) {
		deadline, ok := ctx.Deadline()
		require.True(t, ok)
		left := time.Until(deadline)
		require.Less(t, left, 9*time.Minute+time.Second)
		require.Greater(t, left, 8*time.Minute)
		return 0, nil
	}, idempotency.Lease(10*time.Minute))
	require.NoError(t, err)
}

func TestTheLeaseIsNoLongerThanTheCallersContext(t *testing.T) {
	t.Parallel()
	clock := newClock()
	keys := idempotency.NewMemory(clock.Now)
	ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
	defer cancel()
	_, err := idempotency.Do(ctx, keys, "k", func(context.Context) (int, error) {
		rec, err := keys.Get(ctx, "k")
		require.NoError(t, err)
		require.InDelta(t, 10*time.Second, rec.Until.Sub(rec.Started), float64(time.Second))
		return 0, nil
	})
	require.NoError(t, err)
	over, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	_, err = idempotency.Do(over, keys, "k2", func(context.Context) (int, error) { return 0, nil })
	require.True(t, commerce.SafeToRetry(err))
	_, err = keys.Get(t.Context(), "k2")
	require.ErrorIs(t, err, commerce.ErrNotFound, "nothing was begun")
}

func Example() {
	keys := idempotency.NewMemory(nil)
	refund := func() (string, error) {
		return idempotency.Do(context.Background(), keys, "refund/return-17", func(context.Context) (string, error) {
			fmt.Println("money moves")
			return "re_1", nil
		}, idempotency.For(commerce.MustMoney(1250, "EUR")))
	}
	for range 3 {
		id, err := refund()
		fmt.Println(id, err)
	}
	// Output:
	// money moves
	// re_1 <nil>
	// re_1 <nil>
	// re_1 <nil>
}

func ExampleEnsure() {
	ctx := context.Background()
	keys := idempotency.NewMemory(nil)
	erp := map[string]string{} // reference → id
	find := func(context.Context) (string, error) {
		if id, ok := erp["order-17"]; ok {
			return id, nil
		}
		return "", commerce.ErrNotFound
	}
	create := func(context.Context) (string, error) {
		erp["order-17"] = "SO42"
		return "", &commerce.Error{System: "erp", Op: "create order-17", Kind: commerce.KindUnavailable,
			Outcome: commerce.Unknown, Text: "the connection broke before the answer"}
	}
	_, err := idempotency.Ensure(ctx, keys, "erp/sales-order/17", find, create)
	fmt.Println(err)
	_, err = idempotency.Ensure(ctx, keys, "erp/sales-order/17", find, create)
	fmt.Println(commerce.KindOf(err), commerce.RetryAfter(err) > time.Minute)
	fmt.Println(len(erp))
	// Output:
	// erp: create order-17: the connection broke before the answer [outcome unknown]
	// parked true
	// 1
}
