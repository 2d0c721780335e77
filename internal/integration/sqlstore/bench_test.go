package sqlstore_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/sqlstore"
)

// body is about the size of a charge.succeeded.
var body = bytes.Repeat([]byte(`{"id":"ch_3OqK","object":"charge","amount":4990}`), 85)

var benchSeq atomic.Int64

func benchEvents(n int) []commerce.Event {
	events := make([]commerce.Event, n)
	for i := range events {
		id := benchSeq.Add(1)
		events[i] = event(fmt.Sprintf("evt_%x", uint64(id)*0x9E3779B97F4A7C15>>8), fmt.Sprintf("pi_%d", id))
		events[i].Raw = body
	}
	return events
}

func benchEach(b *testing.B, run func(b *testing.B, d database)) {
	for _, d := range databases {
		b.Run(d.name, func(b *testing.B) {
			d.need(b)
			run(b, d)
		})
	}
}

// callers runs b.N calls on so many goroutines.
func callers(b *testing.B, n int, call func(ctx context.Context) error) {
	b.SetParallelism(max(1, n/2))
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if err := call(b.Context()); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	benchEach(b, func(b *testing.B, d database) {
		for _, size := range []int{1, 100} {
			for _, n := range []int{1, 64} {
				b.Run(fmt.Sprintf("batch=%d/callers=%d", size, n), func(b *testing.B) {
					pool := d.pool(b)
					pool.SetMaxOpenConns(n)
					pool.SetMaxIdleConns(n)
					store := d.openStore(b, pool, sqlstore.Config{}).Inbox()
					b.ResetTimer()
					one := func(ctx context.Context) error {
						_, err := store.Append(ctx, inbox.Batch{ID: fmt.Sprint(benchSeq.Add(1)), Events: benchEvents(size)})
						return err
					}
					if n == 1 {
						for b.Loop() {
							require.NoError(b, one(b.Context()))
						}
					} else {
						callers(b, n, one)
					}
					b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "events/s")
				})
			}
		}
	})
}

func BenchmarkClaimFinish(b *testing.B) {
	benchEach(b, func(b *testing.B, d database) {
		for _, roots := range []int{1, 16} {
			b.Run(fmt.Sprintf("roots=%d", roots), func(b *testing.B) {
				store := d.store(b, sqlstore.Config{}).Inbox()
				fill(b, store, 2000)
				n := 0
				b.ResetTimer()
				for b.Loop() {
					claims, err := store.Claim(b.Context(), inbox.ClaimRequest{Owner: "w", Roots: roots, Events: 16, Lease: time.Minute})
					require.NoError(b, err)
					for _, c := range claims {
						require.NoError(b, finishAll(b.Context(), store, c))
						n++
					}
					if len(claims) < roots {
						b.StopTimer()
						fill(b, store, 2000)
						b.StartTimer()
					}
				}
				b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
			})
		}
	})
}

func finishAll(ctx context.Context, store inbox.Store, c inbox.Claim) error {
	var endings []inbox.Ending
	for _, e := range c.Events {
		endings = append(endings, inbox.Ending{Seq: e.Seq, Generation: e.Generation, State: inbox.Done})
	}
	if err := store.Finish(ctx, c.Lease, endings); err != nil {
		return err
	}
	return store.Release(ctx, c.Lease)
}

func fill(b *testing.B, store inbox.Store, n int) {
	for range n / 250 {
		_, err := store.Append(b.Context(), inbox.Batch{ID: fmt.Sprint(benchSeq.Add(1)), Events: benchEvents(250)})
		require.NoError(b, err)
	}
}

func BenchmarkStep(b *testing.B) {
	benchEach(b, func(b *testing.B, d database) {
		steps := d.store(b, sqlstore.Config{}).Steps()
		b.ResetTimer()
		for b.Loop() {
			key := fmt.Sprint("step/", benchSeq.Add(1))
			g, err := steps.Begin(b.Context(), idempotency.BeginRequest{Key: key, Class: idempotency.Keyed, Lease: time.Minute, Settle: time.Minute})
			require.NoError(b, err)
			require.NoError(b, steps.End(b.Context(), key, g.Record.Token, idempotency.Done, []byte(`"so-1"`)))
		}
	})
}

// BenchmarkHistory claims where a million events have ended and thousands wait.
func BenchmarkHistory(b *testing.B) {
	benchEach(b, func(b *testing.B, d database) {
		pool := d.pool(b)
		db := d.openStore(b, pool, sqlstore.Config{})
		const many = 1_000_000
		series := "generate_series(1, ?) AS s(i)"
		if d.dialect == sqlstore.SQLite {
			series = "(WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < ?) SELECT i FROM s) s"
		}
		for _, text := range []string{
			`INSERT INTO commerce_events (ref, clash, tenant, type, object, subject, person, api_version, created, received, batch, overlay, raw)
			SELECT 't1/stripe/acct_1/test/old_' || i, '', 't1', 'charge.succeeded', 'ch_' || i, 't1/stripe/acct_1/test/pi_' || i, '', '', i, i, 'b', '', '' FROM ` + series,
			`INSERT INTO commerce_ended (seq, state, attempts, generation, ended, reason, code, handler)
			SELECT seq, 'done', 0, 1, received, '', '', '' FROM commerce_events`,
			`INSERT INTO commerce_leases (root, token, owner, until) SELECT subject, 1, 'w', 0 FROM commerce_events`,
			`INSERT INTO commerce_links (subject, root, ordinal)
			SELECT subject, 't1/magento/shop/test/order%2F' || seq, 1 FROM commerce_events`,
			`ANALYZE`,
		} {
			var args []any
			if strings.Contains(text, "?") {
				args = []any{many}
				if d.dialect == sqlstore.PostgreSQL {
					text = strings.ReplaceAll(text, "?", fmt.Sprint(many))
					args = nil
				}
			}
			_, err := pool.ExecContext(b.Context(), text, args...)
			require.NoError(b, err)
		}
		store := db.Inbox()
		fill(b, store, 5000)
		calls := []struct {
			name string
			call func() error
		}{
			{"append", func() error { fill(b, store, 250); return nil }},
			{"claim and finish 16", func() error {
				claims, err := store.Claim(b.Context(), inbox.ClaimRequest{Owner: "w", Roots: 16, Events: 16, Lease: time.Minute})
				for _, c := range claims {
					if err == nil {
						err = finishAll(b.Context(), store, c)
					}
				}
				return err
			}},
			{"wait", func() error { _, err := store.Wait(b.Context()); return err }},
			{"count", func() error { _, err := store.Count(b.Context(), ""); return err }},
			{"list dead", func() error {
				for _, err := range store.List(b.Context(), inbox.Filter{States: []inbox.State{inbox.Dead}}) {
					return err
				}
				return nil
			}},
			{"timeline", func() error {
				for _, err := range store.Timeline(b.Context(), "t1/magento/shop/test/order%2F777") {
					return err
				}
				return nil
			}},
		}
		for _, c := range calls {
			b.Run(c.name, func(b *testing.B) {
				for b.Loop() {
					require.NoError(b, c.call())
				}
			})
		}
	})
}
