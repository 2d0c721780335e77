package resilience_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/fault"
	"github.com/commercesync/commerce/internal/httpx"
	"github.com/commercesync/commerce/resilience"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var errDown = &commerce.Error{Kind: commerce.KindUnavailable, System: "far", Outcome: commerce.Unknown, Text: "down"}

func fails(context.Context) error    { return errDown }
func succeeds(context.Context) error { return nil }

// breakIt fails five times for three orders.
func breakIt(t *testing.T, p *resilience.Policy) {
	t.Helper()
	for i := range 5 {
		require.Error(t, p.Do(resilience.WithRoot(t.Context(), fmt.Sprint("order ", i%3)), fails))
	}
	require.True(t, p.State().Open)
}

func TestOnePoisonousOrderNeverOpensTheBreaker(t *testing.T) {
	t.Parallel()
	p := policy(t, resilience.Config{})
	for range 100 {
		require.Error(t, p.Do(resilience.WithRoot(t.Context(), "order 1"), fails))
		require.Error(t, p.Do(t.Context(), fails))
	}
	require.False(t, p.State().Open, "calls without a root are one root")
	require.Equal(t, 2, p.State().Roots)
	require.Error(t, p.Do(resilience.WithRoot(t.Context(), "order 2"), fails))
	require.True(t, p.State().Open)
}

func TestRefusalsOfTheBusinessDoNotCount(t *testing.T) {
	t.Parallel()
	p := policy(t, resilience.Config{})
	for i := range 20 {
		for _, k := range []commerce.Kind{commerce.KindDeclined, commerce.KindInvalid, commerce.KindAuth, commerce.KindRateLimited, commerce.KindConflict} {
			err := p.Do(resilience.WithRoot(t.Context(), fmt.Sprint(i)), func(context.Context) error {
				return &commerce.Error{Kind: k, Outcome: commerce.Unknown}
			})
			require.Equal(t, k, commerce.KindOf(err))
		}
	}
	require.Zero(t, p.State().Failures)
}

func TestFailuresOutsideTheWindowAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := policy(t, resilience.Config{})
		for i := range 10 {
			require.Error(t, p.Do(resilience.WithRoot(t.Context(), fmt.Sprint(i)), fails))
			time.Sleep(20 * time.Second)
		}
		require.False(t, p.State().Open)
		require.LessOrEqual(t, p.State().Failures, 3)
	})
}

func TestItOpensPingsAndCloses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var heard []string
		var pings, calls int
		ping := error(errDown)
		var p *resilience.Policy
		p = policy(t, resilience.Config{Breaker: resilience.Breaker{
			// A client's Ping passes through the policy it is the Ping of.
			Ping: func(ctx context.Context) error {
				return p.Do(ctx, func(context.Context) error { pings++; return ping })
			},
			OnChange: func(name string, open bool, _ time.Time) {
				heard = append(heard, fmt.Sprint(name, " ", open, " ", p.State().Open))
			},
		}})
		call := func() error {
			return p.Do(t.Context(), func(context.Context) error { calls++; return nil })
		}
		start := time.Now()
		breakIt(t, p)

		err := call()
		require.ErrorIs(t, err, commerce.ErrParked)
		require.True(t, commerce.SafeToRetry(err))
		require.True(t, httpx.NotSent(err))
		require.Equal(t, 30*time.Second, commerce.RetryAfter(err))
		var open *resilience.OpenError
		require.ErrorAs(t, err, &open)
		require.Equal(t, resilience.OpenError{Name: "far", Until: start.Add(30 * time.Second)}, *open)
		require.Zero(t, pings, "no ping before its time")

		time.Sleep(31 * time.Second)
		require.ErrorIs(t, call(), commerce.ErrParked)
		require.Equal(t, 1, pings)
		require.Zero(t, calls, "an event is never the trial")
		require.ErrorIs(t, call(), commerce.ErrParked)
		require.Equal(t, 1, pings, "a failed ping keeps it open as long again")

		time.Sleep(31 * time.Second)
		ping = nil
		require.NoError(t, call())
		require.Equal(t, 2, pings)
		require.Equal(t, 1, calls)
		require.Equal(t, resilience.State{}, p.State())
		require.Equal(t, []string{"far true true", "far true true", "far false false"}, heard)
	})
}

func TestARefusedPingClosesForTheSystemThinksAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := policy(t, resilience.Config{Breaker: resilience.Breaker{Ping: func(context.Context) error {
			return &commerce.Error{Kind: commerce.KindAuth}
		}}})
		breakIt(t, p)
		time.Sleep(31 * time.Second)
		require.NoError(t, p.Do(t.Context(), succeeds))
	})
}

func TestOneCallerPingsAndTheOthersArePutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var pings, calls, parked atomic.Int64
		p := policy(t, resilience.Config{Breaker: resilience.Breaker{Ping: func(ctx context.Context) error {
			pings.Add(1)
			return httpx.Wait(ctx, time.Second)
		}}})
		breakIt(t, p)
		time.Sleep(31 * time.Second)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				err := p.Do(t.Context(), func(context.Context) error { calls.Add(1); return nil })
				if errors.Is(err, commerce.ErrParked) {
					parked.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, pings.Load())
		require.EqualValues(t, 1, calls.Load())
		require.EqualValues(t, 49, parked.Load())
	})
}

func TestAPingCutOffByItsCallerSaysNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		pings := 0
		p := policy(t, resilience.Config{Breaker: resilience.Breaker{Ping: func(ctx context.Context) error {
			if pings++; pings > 1 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}}})
		breakIt(t, p)
		time.Sleep(31 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, p.Do(ctx, succeeds), commerce.ErrParked)
		require.True(t, p.State().Open)
		time.Sleep(2 * time.Nanosecond) // gobreaker wants a nanosecond between two trials; this clock stands still
		require.NoError(t, p.Do(t.Context(), succeeds), "the next caller may ping at once")
	})
}

func TestWithoutAPingOneOrdinaryCallIsTheTrial(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := policy(t, resilience.Config{})
		breakIt(t, p)
		time.Sleep(31 * time.Second)
		require.ErrorIs(t, p.Do(t.Context(), fails), commerce.ErrUnavailable)
		require.ErrorIs(t, p.Do(t.Context(), succeeds), commerce.ErrParked)
		time.Sleep(31 * time.Second)
		require.NoError(t, p.Do(t.Context(), succeeds))
		require.False(t, p.State().Open)
	})
}

// At a system that mostly answers some failures are always in the window, the more the
// more is asked of it: that is no illness.
func TestASystemThatMostlyAnswersIsNotIll(t *testing.T) {
	t.Parallel()
	calls := func(each int) (refused int) {
		synctest.Test(t, func(t *testing.T) {
			p := policy(t, resilience.Config{Retry: resilience.Retry{Attempts: 1}})
			for i := range 10_000 {
				do := succeeds
				if i%each == 0 {
					do = fails
				}
				if errors.Is(p.Do(resilience.WithRoot(t.Context(), strconv.Itoa(i)), do), commerce.ErrParked) {
					refused++
				}
				time.Sleep(time.Millisecond)
			}
		})
		return refused
	}
	require.Zero(t, calls(10), "one in ten fails: a hundred failures a second in the window")
	require.NotZero(t, calls(1), "all fail")
}

func TestTheAttemptThatOpensItKeepsItsOwnAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &side{}
		s.faults.Add(fault.Fault{Kind: fault.Answered, Status: 503})
		p := policy(t, resilience.Config{Breaker: resilience.Breaker{Failures: 1, Roots: 1}})
		resp, err := p.Transport(s).RoundTrip(request(t, t.Context(), "GET"))
		require.NoError(t, err, "it reached the far side: that is no parking")
		require.Equal(t, 503, resp.StatusCode)
		require.EqualValues(t, 1, s.tried.Load())
		_, err = p.Transport(s).RoundTrip(request(t, t.Context(), "GET"))
		require.ErrorIs(t, err, commerce.ErrParked)
		require.EqualValues(t, 1, s.tried.Load())
	})
}

// The breaker agrees with a plain model: open iff enough failures of enough roots
// lie in the window, less one for each success, until Open has passed and a ping answers.
func TestTheBreakerAgreesWithItsModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(0, 0)
		pingOK := false
		p, err := resilience.New("far", resilience.Config{Now: func() time.Time { return now },
			Retry: resilience.Retry{Attempts: 1},
			Breaker: resilience.Breaker{Ping: func(context.Context) error {
				if pingOK {
					return nil
				}
				return errDown
			}}})
		require.NoError(t, err)
		type failure struct {
			at   time.Time
			root string
		}
		var log []failure
		var until time.Time
		for range rapid.IntRange(1, 200).Draw(t, "calls") {
			now = now.Add(time.Duration(rapid.IntRange(0, 25).Draw(t, "seconds")) * time.Second)
			root := rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "root")
			down := rapid.Bool().Draw(t, "down")
			pingOK = rapid.Bool().Draw(t, "pingOK")
			ran := false
			err := p.Do(resilience.WithRoot(context.Background(), root), func(context.Context) error {
				ran = true
				if down {
					return errDown
				}
				return nil
			})
			if !until.IsZero() && !now.Before(until) {
				if pingOK {
					until, log = time.Time{}, nil
				} else {
					until = now.Add(30 * time.Second)
				}
			}
			if ran != until.IsZero() {
				t.Fatalf("ran = %v (%v), the model is open until %v at %v", ran, err, until, now)
			}
			log = slices.DeleteFunc(log, func(f failure) bool { return !f.at.After(now.Add(-time.Minute)) })
			switch {
			case ran && !down && len(log) > 0:
				log = log[1:]
			case ran && down:
				log = append(log, failure{now, root})
				of, roots := 0, map[string]bool{}
				for _, f := range log {
					roots[f.root] = true
					if f.root == root {
						of++
					}
				}
				if of > 5 { // of one root the newest five count
					i := slices.IndexFunc(log, func(f failure) bool { return f.root == root })
					log = slices.Delete(log, i, i+1)
				}
				if len(log) >= 5 && len(roots) >= 3 {
					until, log = now.Add(30*time.Second), nil
				}
			}
			if p.State().Open != !until.IsZero() {
				t.Fatalf("state %+v, model open until %v", p.State(), until)
			}
		}
	})
}

func TestManyCallersAtOnce(t *testing.T) {
	t.Parallel()
	var ill atomic.Bool
	p := policy(t, resilience.Config{Retry: resilience.Retry{Initial: time.Microsecond, Max: time.Millisecond},
		Breaker: resilience.Breaker{Open: time.Microsecond, Ping: func(context.Context) error {
			if ill.Load() {
				return errDown
			}
			return nil
		}, OnChange: func(string, bool, time.Time) {}}})
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			ctx := resilience.WithRoot(t.Context(), fmt.Sprint(w))
			for i := range 300 {
				if w == 0 {
					ill.Store(i%20 < 10)
				}
				_ = p.Do(ctx, func(context.Context) error {
					if ill.Load() {
						return errDown
					}
					return nil
				})
				_ = p.State()
			}
		})
	}
	all.Wait()
	ill.Store(false)
	require.Eventually(t, func() bool { return p.Do(t.Context(), succeeds) == nil }, 5*time.Second, time.Millisecond)
	require.False(t, p.State().Open)
}
