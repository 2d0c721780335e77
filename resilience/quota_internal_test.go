package resilience

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAQuotaForgetsWhoHasNotAskedForAWhile(t *testing.T) {
	t.Parallel()
	q, err := NewQuota(Limit{Requests: 10, Of: func(r *http.Request) (string, bool) { return r.Host, true }})
	require.NoError(t, err)
	now := time.Now()
	p := &Policy{c: Config{Quota: q, Now: func() time.Time { return now }}}
	p.slow(&http.Request{Host: "slowed"})
	held := q.enter(now, &http.Request{Host: "waiting"})
	for i := range 20 * fewest {
		now = now.Add(time.Millisecond)
		require.NoError(t, p.turn(t.Context(), &http.Request{Host: fmt.Sprint(i)}))
		require.LessOrEqual(t, len(q.buckets), 2*fewest)
	}
	require.Same(t, held.b[0], q.buckets[share{0, "waiting"}], "who waits is known")
	q.leave(&held)
}

// pensive lets others go first when it is asked how long there is.
type pensive struct{ context.Context }

func (c pensive) Deadline() (time.Time, bool) {
	runtime.Gosched()
	return c.Context.Deadline()
}

func TestCallersWhoCanNotWaitTakeNobodysTurn(t *testing.T) {
	t.Parallel()
	q, err := NewQuota(Limit{Requests: 2, Burst: 1, Per: 2 * time.Second})
	require.NoError(t, err)
	now := time.Now()
	var waited time.Duration
	p := &Policy{c: Config{Quota: q, Now: func() time.Time { return now },
		Wait: func(_ context.Context, d time.Duration) error { waited = d; return nil }}}
	require.NoError(t, p.turn(t.Context(), nil))
	hasty, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for range 200 {
				if p.turn(pensive{hasty}, nil) == nil {
					t.Error("the turn is two seconds away")
				}
			}
		})
	}
	all.Wait()
	require.NoError(t, p.turn(t.Context(), nil))
	require.LessOrEqual(t, waited, 2*time.Second+time.Millisecond, "as if they had not asked")
}

func TestTurnsOfCallersWhoGaveUpGoToThoseWhoAskNext(t *testing.T) {
	t.Parallel()
	q, err := NewQuota(Limit{Requests: 2, Burst: 1, Per: 2 * time.Second}) // one in two seconds
	require.NoError(t, err)
	now := time.Now()
	var waits []time.Duration
	gone := context.Canceled
	p := &Policy{c: Config{Quota: q, Now: func() time.Time { return now },
		Wait: func(_ context.Context, d time.Duration) error {
			waits = append(waits, d.Round(time.Second))
			return gone
		}}}
	require.NoError(t, p.turn(t.Context(), nil))
	for range 100 {
		require.ErrorIs(t, p.turn(t.Context(), nil), context.Canceled)
	}
	gone = nil
	waits = nil
	for range 3 {
		require.NoError(t, p.turn(t.Context(), nil))
	}
	require.Equal(t, []time.Duration{2 * time.Second, 4 * time.Second, 6 * time.Second}, waits, "each a turn of its own")
	now = now.Add(time.Hour)
	require.NoError(t, p.turn(t.Context(), nil))
	require.Len(t, waits, 3)
}
