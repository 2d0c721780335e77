// Package idempotencytest holds the promises of idempotency.Store as tests: every
// store runs them.
package idempotencytest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
)

// Harness is one empty store under test.
type Harness struct {
	Store idempotency.Store
	// Advance moves the store's clock.
	Advance func(time.Duration)
}

// Run runs the suite, its tests beside each other; open makes an empty store for each.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for name, test := range map[string]func(*testing.T, Harness){
		"a new key is acquired and nothing is probed":                      newKey,
		"a done key answers with its result for ever":                      doneKey,
		"a held key makes others wait until its lease ends":                heldKey,
		"an attempt that was not sent may be repeated at once":             notSent,
		"an unknown outcome is not touched before it settles, then probed": unknown,
		"a lease that ran out is an unknown outcome":                       expired,
		"a keyed effect is sent again at once, with its age":               keyed,
		"a restart begins a new settling time":                             restart,
		"a stale token changes nothing":                                    fenced,
		"other content under a key is refused":                             fingerprint,
		"other content is taken by a newer generation after not sent":      newGeneration,
		"evidence settles what is open and fences its holder":              evidence,
		"evidence never changes what is done":                              evidenceDone,
		"a list is by prefix and by change":                                list,
		"of many callers at once exactly one acquires":                     race,
		"ending done twice is no error, ending it otherwise is":            endTwice,
		"keys keep letter case, spaces, slashes and percent signs apart":   oddKeys,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func request(key string) idempotency.BeginRequest {
	return idempotency.BeginRequest{Key: key, Class: idempotency.Marked, Lease: time.Minute, Settle: 2 * time.Minute}
}

func begin(t *testing.T, h Harness, r idempotency.BeginRequest) idempotency.Grant {
	t.Helper()
	g, err := h.Store.Begin(t.Context(), r)
	require.NoError(t, err)
	return g
}

func end(t *testing.T, h Harness, g idempotency.Grant, s idempotency.State, result string) {
	t.Helper()
	var b []byte
	if result != "" {
		b = []byte(result)
	}
	require.NoError(t, h.Store.End(t.Context(), g.Record.Key, g.Record.Token, s, b))
}

// near allows for the seconds that a store of a real clock takes.
func near(t *testing.T, want, got time.Duration) {
	t.Helper()
	require.WithinDuration(t, time.Time{}.Add(want), time.Time{}.Add(got), 5*time.Second)
}

func newKey(t *testing.T, h Harness) {
	g := begin(t, h, request("k"))
	require.True(t, g.Acquired)
	require.False(t, g.Probe)
	require.Equal(t, idempotency.Open, g.Record.State)
	require.Equal(t, 1, g.Record.Attempts)
	require.Positive(t, g.Record.Token)
	require.WithinDuration(t, g.Record.Started.Add(time.Minute), g.Record.Until, time.Millisecond)
	got, err := h.Store.Get(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, g.Record.Token, got.Token)
	_, err = h.Store.Get(t.Context(), "other")
	require.ErrorIs(t, err, commerce.ErrNotFound)
}

func doneKey(t *testing.T, h Harness) {
	end(t, h, begin(t, h, request("k")), idempotency.Done, `"so-1"`)
	h.Advance(1000 * time.Hour)
	g := begin(t, h, request("k"))
	require.False(t, g.Acquired)
	require.Zero(t, g.Wait)
	require.Equal(t, idempotency.Done, g.Record.State)
	require.Equal(t, `"so-1"`, string(g.Record.Result))
	require.False(t, g.Record.Finished.IsZero())
}

func heldKey(t *testing.T, h Harness) {
	begin(t, h, request("k"))
	h.Advance(20 * time.Second)
	g := begin(t, h, request("k"))
	require.False(t, g.Acquired)
	near(t, 40*time.Second, g.Wait)
	require.Equal(t, 1, g.Record.Attempts)
}

func notSent(t *testing.T, h Harness) {
	first := begin(t, h, request("k"))
	end(t, h, first, idempotency.NotSent, "")
	g := begin(t, h, request("k"))
	require.True(t, g.Acquired)
	require.False(t, g.Probe)
	require.Greater(t, g.Record.Token, first.Record.Token)
	require.Equal(t, 2, g.Record.Attempts)
}

func unknown(t *testing.T, h Harness) {
	first := begin(t, h, request("k"))
	end(t, h, first, idempotency.Unknown, "")
	g := begin(t, h, request("k"))
	require.False(t, g.Acquired)
	near(t, 2*time.Minute, g.Wait)
	h.Advance(119*time.Second - 5*time.Second)
	require.False(t, begin(t, h, request("k")).Acquired)
	h.Advance(10 * time.Second)
	g = begin(t, h, request("k"))
	require.True(t, g.Acquired)
	require.True(t, g.Probe)
	require.WithinDuration(t, first.Record.Started, g.Record.Started, time.Millisecond, "the settling time is that of the attempt that may have taken effect")
	require.GreaterOrEqual(t, g.Age, 2*time.Minute)
}

func expired(t *testing.T, h Harness) {
	begin(t, h, request("k"))
	h.Advance(61 * time.Second)
	g := begin(t, h, request("k"))
	require.False(t, g.Acquired, "the lease is over, the settling time is not")
	near(t, 59*time.Second, g.Wait)
	h.Advance(time.Minute)
	g = begin(t, h, request("k"))
	require.True(t, g.Acquired && g.Probe)
	// A probe that dies in its turn wrote nothing: the next may probe when its lease ends.
	h.Advance(61 * time.Second)
	g = begin(t, h, request("k"))
	require.True(t, g.Acquired && g.Probe)
}

func keyed(t *testing.T, h Harness) {
	r := request("k")
	r.Class = idempotency.Keyed
	end(t, h, begin(t, h, r), idempotency.Unknown, "")
	h.Advance(3 * time.Second)
	g := begin(t, h, r)
	require.True(t, g.Acquired && g.Probe)
	require.GreaterOrEqual(t, g.Age, 3*time.Second)
}

func restart(t *testing.T, h Harness) {
	end(t, h, begin(t, h, request("k")), idempotency.Unknown, "")
	h.Advance(3 * time.Minute)
	g := begin(t, h, request("k"))
	require.True(t, g.Probe)
	rec, err := h.Store.Restart(t.Context(), "k", g.Record.Token, request("k"))
	require.NoError(t, err)
	require.True(t, rec.Started.After(g.Record.Started))
	end(t, h, g, idempotency.Unknown, "")
	g = begin(t, h, request("k"))
	require.False(t, g.Acquired)
	near(t, 2*time.Minute, g.Wait)
}

func fenced(t *testing.T, h Harness) {
	old := begin(t, h, request("k"))
	h.Advance(3 * time.Minute)
	young := begin(t, h, request("k"))
	require.True(t, young.Acquired)
	require.Greater(t, young.Record.Token, old.Record.Token)
	for _, s := range []idempotency.State{idempotency.Done, idempotency.NotSent, idempotency.Unknown} {
		err := h.Store.End(t.Context(), "k", old.Record.Token, s, []byte(`"late"`))
		require.ErrorIs(t, err, commerce.ErrConflict, s)
	}
	_, err := h.Store.Restart(t.Context(), "k", old.Record.Token, request("k"))
	require.ErrorIs(t, err, commerce.ErrConflict)
	end(t, h, young, idempotency.Done, `"young"`)
	rec, err := h.Store.Get(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, `"young"`, string(rec.Result))
}

func fingerprint(t *testing.T, h Harness) {
	a, b := request("k"), request("k")
	a.Fingerprint, b.Fingerprint = "10 EUR", "11 EUR"
	g := begin(t, h, a)
	refused := func() {
		t.Helper()
		_, err := h.Store.Begin(t.Context(), b)
		var f *idempotency.FingerprintError
		require.ErrorAs(t, err, &f)
		require.Equal(t, "k", f.Key)
	}
	refused()
	end(t, h, g, idempotency.Done, `1`)
	refused()
	b.Generation = 9
	refused() // done keys are never run again
	none := request("k")
	require.Equal(t, idempotency.Done, begin(t, h, none).Record.State, "an empty fingerprint is not compared")
}

func newGeneration(t *testing.T, h Harness) {
	a, b := request("k"), request("k")
	a.Fingerprint, b.Fingerprint = "10 EUR", "11 EUR"
	a.Generation, b.Generation = 1, 1
	end(t, h, begin(t, h, a), idempotency.NotSent, "")
	_, err := h.Store.Begin(t.Context(), b)
	require.Error(t, err, "the same generation may not")
	b.Generation = 2
	g := begin(t, h, b)
	require.True(t, g.Acquired)
	require.Equal(t, "11 EUR", g.Record.Fingerprint)
	end(t, h, g, idempotency.Unknown, "")
	c := b
	c.Fingerprint, c.Generation = "12 EUR", 3
	require.False(t, begin(t, h, c).Acquired, "not before it settles")
	h.Advance(3 * time.Minute)
	g = begin(t, h, c)
	require.True(t, g.Probe)
	require.Equal(t, "11 EUR", g.Record.Fingerprint, "until the probe says absent")
	rec, err := h.Store.Restart(t.Context(), "k", g.Record.Token, c)
	require.NoError(t, err)
	require.Equal(t, "12 EUR", rec.Fingerprint)
}

func evidence(t *testing.T, h Harness) {
	_, err := h.Store.Settle(t.Context(), "k", []byte(`"x"`))
	require.ErrorIs(t, err, commerce.ErrNotFound)
	g := begin(t, h, request("k"))
	rec, err := h.Store.Settle(t.Context(), "k", []byte(`"seen"`))
	require.NoError(t, err)
	require.Equal(t, idempotency.Done, rec.State)
	require.Equal(t, `"seen"`, string(rec.Result))
	require.ErrorIs(t, h.Store.End(t.Context(), "k", g.Record.Token, idempotency.NotSent, nil), commerce.ErrConflict)
	require.Equal(t, idempotency.Done, begin(t, h, request("k")).Record.State)
}

func evidenceDone(t *testing.T, h Harness) {
	end(t, h, begin(t, h, request("k")), idempotency.Done, `"first"`)
	rec, err := h.Store.Settle(t.Context(), "k", []byte(`"second"`))
	require.NoError(t, err)
	require.Equal(t, `"first"`, string(rec.Result))
}

func list(t *testing.T, h Harness) {
	for _, k := range []string{"a/1", "a/2", "b/1", "a%"} {
		end(t, h, begin(t, h, request(k)), idempotency.Done, `1`)
		h.Advance(time.Second)
	}
	h.Advance(time.Hour)
	g := begin(t, h, request("a/3"))
	keys := func(prefix string, since time.Time) (out []string) {
		for rec, err := range h.Store.List(t.Context(), prefix, since) {
			require.NoError(t, err)
			out = append(out, rec.Key)
		}
		return out
	}
	require.Equal(t, []string{"a/1", "a/2", "a/3"}, keys("a/", time.Time{}))
	require.Equal(t, []string{"a/3"}, keys("a/", g.Record.Started.Add(-time.Minute)))
	require.Equal(t, []string{"a%"}, keys("a%", time.Time{}), "a percent sign is a letter like others")
	for range h.Store.List(t.Context(), "", time.Time{}) {
		break // a list may be left early
	}
}

func race(t *testing.T, h Harness) {
	for round := range 5 {
		key := fmt.Sprintf("k%d", round)
		var wg sync.WaitGroup
		var mu sync.Mutex
		acquired := 0
		for range 16 {
			wg.Go(func() {
				g, err := h.Store.Begin(context.WithoutCancel(t.Context()), request(key))
				mu.Lock()
				defer mu.Unlock()
				if err == nil && g.Acquired {
					acquired++
				} else if err != nil && !errors.Is(err, commerce.ErrConflict) && !errors.Is(err, commerce.ErrUnavailable) {
					t.Errorf("begin: %v", err)
				}
			})
		}
		wg.Wait()
		require.Equal(t, 1, acquired)
	}
}

func endTwice(t *testing.T, h Harness) {
	g := begin(t, h, request("k"))
	end(t, h, g, idempotency.Done, `1`)
	end(t, h, g, idempotency.Done, `1`)
	require.ErrorIs(t, h.Store.End(t.Context(), "k", g.Record.Token, idempotency.NotSent, nil), commerce.ErrConflict)
	rec, err := h.Store.Get(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, idempotency.Done, rec.State)
}

func oddKeys(t *testing.T, h Harness) {
	keys := []string{"a", "A", "a ", "ä", "a/b", "a%2Fb", "'; --", "a\x1fb"}
	for i, k := range keys {
		end(t, h, begin(t, h, request(k)), idempotency.Done, fmt.Sprint(i))
	}
	for i, k := range keys {
		rec, err := h.Store.Get(t.Context(), k)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(i), string(rec.Result), "%q", k)
	}
}
