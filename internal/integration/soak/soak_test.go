package soak_test

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/internal/integration/dbserver"
)

// figures are what a soak ends with.
type figures struct {
	Seconds  float64
	Drained  float64 // seconds from the last fault to the last piece of work
	Orders   int
	Events   int
	Requests map[string]int // all of them, those that a fault could befall, and those that each befell
	Lost     int
	Twice    int
	Begin    held
	End      held
	// Open is how many transactions the server still has open.
	Open int
}

func (f figures) String() string {
	befallen := 0
	for name := range fates {
		befallen += f.Requests[name]
	}
	return fmt.Sprintf("%.0f s: %d orders, %d events, %d requests, of %d exposed ones %d failed; the last work %.0f s after the last fault; %d lost, %d twice; "+
		"heap %.1f → %.1f MB, goroutines %d → %d, descriptors %d → %d, open transactions %d",
		f.Seconds, f.Orders, f.Events, f.Requests["requests"], f.Requests["exposed"], befallen, f.Drained, f.Lost, f.Twice,
		float64(f.Begin.HeapBytes)/1e6, float64(f.End.HeapBytes)/1e6, f.Begin.Goroutines, f.End.Goroutines, f.Begin.Descriptors, f.End.Descriptors, f.Open)
}

// slack is what a program may hold more than at the beginning: caches fill up to their
// bounds, and a pool opens what it may have open.
var slack = held{HeapBytes: 12 << 20, Goroutines: 16, Descriptors: 16}

func TestSoak(t *testing.T) {
	for _, d := range databases {
		t.Run(d.Name, func(t *testing.T) {
			load := length(t, d)
			w := newWorld(t, d)
			defer w.close()
			delivering, stop := context.WithCancel(t.Context())
			var post sync.WaitGroup
			post.Go(func() { w.deliver(delivering) })
			defer post.Wait()
			defer stop()

			begun := time.Now()
			w.calm(false)
			w.load(min(load, 10*time.Second)) // until it is warm
			_, left := w.settle()
			require.Empty(t, left, "still to be done two minutes after the last fault")
			f := figures{Begin: w.quiet(held{})}
			w.calm(false)
			w.load(load)
			drained, left := w.settle()
			require.Empty(t, left, "still to be done two minutes after the last fault")
			f.Drained = drained.Seconds()
			f.Seconds = time.Since(begun).Seconds()
			stop()
			post.Wait()
			lost, twice := w.audit()
			f.End, f.Open = w.quiet(f.Begin), w.open(d)
			w.mu.Lock()
			f.Orders, f.Events, f.Requests = len(w.buyers.Sales), len(w.acked), maps.Clone(w.fates)
			w.mu.Unlock()
			f.Lost, f.Twice = len(lost), len(twice)
			t.Logf("%s", f)

			require.Empty(t, lost)
			require.Empty(t, twice)
			require.Zero(t, f.Open, "transactions that nobody ends")
			require.True(t, within(f.Begin, f.End), "%+v at the beginning, %+v at the end", f.Begin, f.End)
			// Of those that a fault could befall: while the program comes to rest none does.
			exposed, befallen := f.Requests["exposed"], 0
			for name := range fates {
				befallen += f.Requests[name]
				if exposed > 2000 {
					require.NotZero(t, f.Requests[name], "no request was %s: this run proves nothing", name)
				}
			}
			require.NotZero(t, befallen, "nothing befell %d requests: this run proves nothing", exposed)
		})
	}
}

// quiet waits until the program holds what it held before, and returns what it holds
// where it does not within ten seconds.
func (w *world) quiet(before held) held {
	look := time.NewTicker(250 * time.Millisecond)
	defer look.Stop()
	h := w.held()
	for range 40 {
		if before == (held{}) && h.Transactions == 0 || within(before, h) {
			return h
		}
		<-look.C
		h = w.held()
	}
	return h
}

func within(before, now held) bool {
	return now.HeapBytes <= before.HeapBytes+slack.HeapBytes && now.Goroutines <= before.Goroutines+slack.Goroutines &&
		now.Descriptors <= before.Descriptors+slack.Descriptors && now.Transactions == 0
}

// open counts the transactions that the server holds open for more than a second.
func (w *world) open(d dbserver.Database) int {
	query := map[string]string{
		"PostgreSQL": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start < clock_timestamp() - interval '1 second'",
		"MariaDB":    "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_started < now() - interval 1 second",
	}[d.Name]
	if query == "" {
		return 0 // a file has none that outlive a connection
	}
	pool := d.Pool(w.t, w.dsn)
	var n int
	require.NoError(w.t, pool.QueryRowContext(w.t.Context(), query).Scan(&n))
	return n
}
