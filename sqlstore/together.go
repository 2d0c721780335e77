package sqlstore

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

const (
	// finishesAtOnce is how many statements that end events are on their way at the
	// same moment.
	finishesAtOnce = 2
	// maxTogether bounds how many leases' endings share one of them.
	maxTogether = 64
)

// finishing is one call of Finish that waits to share a statement.
type finishing struct {
	lease   inbox.Lease
	endings []inbox.Ending
	whole   bool  // all of it was done; to be read once done is closed, as is err
	err     error // what became of it
	done    chan struct{}
}

// finishAtOnce ends events that emit nothing, where the database takes arrays, with one
// statement that is a transaction by itself and carries whatever else ends at the same
// moment. It does so only where the lease holds, nobody has its row, and every ending
// fits; otherwise nothing of this lease is changed, done is false, and the long way says why.
func (d *DB) finishAtOnce(ctx context.Context, op string, l inbox.Lease, endings []inbox.Ending) (done bool, err error) {
	n := len(endings)
	if !d.arrays || n == 0 || n > statementRows/maxTogether {
		return false, nil
	}
	seen := make(map[int64]bool, n)
	for _, e := range endings {
		if len(e.Emit) > 0 || seen[e.Seq] {
			return false, nil
		}
		seen[e.Seq] = true
	}
	if err := d.outside(ctx, op); err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.txTimeout)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return false, fail(op, commerce.NotSent, err)
	}
	f := &finishing{lease: l, endings: endings, done: make(chan struct{})}
	d.finishes.add(f)
	for {
		select {
		case <-f.done:
			return f.whole, f.err
		case d.finishing <- struct{}{}:
			if !d.finishTogether(ctx, op, f) {
				<-f.done // it is on its way with somebody else's, which is bounded in time
				return f.whole, f.err
			}
		case <-ctx.Done():
			if d.finishes.withdraw(f) {
				return false, fail(op, commerce.NotSent, ctx.Err())
			}
			<-f.done
			return f.whole, f.err
		}
	}
}

// finishTogether ends what waits, unless somebody else has ended own, and gives its
// place back. No caller's end undoes its neighbours. It reports false where nothing
// waits.
func (d *DB) finishTogether(ctx context.Context, op string, own *finishing) bool {
	defer func() { <-d.finishing }()
	select {
	case <-own.done:
		return true
	default:
	}
	batch := d.finishes.take(maxTogether)
	if len(batch) == 0 {
		return false
	}
	byRoot := make(map[string]*finishing, len(batch))
	for _, f := range batch {
		if byRoot[f.lease.Root] == nil { // of two the second takes the long way
			byRoot[f.lease.Root] = f
		}
	}
	err := fail(op, commerce.Unknown, errBrokenOff)
	defer func() { // also where the driver panics
		for _, f := range batch {
			if !f.whole {
				f.err = err
			}
			close(f.done)
		}
	}()
	counts := map[string]int{}
	err = d.alone(context.WithoutCancel(ctx), op, func(ctx context.Context, s *session) error {
		clear(counts) // it may be a second try
		return s.finishRoots(ctx, slices.Collect(maps.Values(byRoot)), counts)
	})
	switch {
	case err == nil:
		for root, f := range byRoot {
			f.whole = counts[root] == len(f.endings)
		}
	case len(batch) > 1 && commerce.SafeToRetry(err):
		err = nil // each is judged alone, the long way
	}
	return true
}

// finishRoots counts the endings that were written, by root.
func (s *session) finishRoots(ctx context.Context, batch []*finishing, counts map[string]int) error {
	var roots, owners, state, reason, code, handler []string
	var token, number, release, seq, generation, wait, burn []int64
	over := true
	for _, f := range batch {
		roots, token, number = append(roots, f.lease.Root), append(token, f.lease.Token), append(number, int64(len(f.endings)))
		release = append(release, one(releases(f.endings)))
		for _, e := range f.endings {
			owners, seq, generation = append(owners, f.lease.Root), append(seq, e.Seq), append(generation, e.Generation)
			state, wait, burn = append(state, string(e.State)), append(wait, atLeast(e.Wait)), append(burn, one(e.State == inbox.Parked && e.Burn))
			reason, code, handler = append(reason, clean(e.Reason)), append(code, clean(e.Code)), append(handler, clean(e.Handler))
			over = over && e.State != inbox.Parked && e.State != inbox.Dead
		}
	}
	// Each row is looked up by its key: what the planner makes of tables that it has not
	// counted yet, it makes of them for as long as the statement is kept.
	now, clock := s.at(1)
	text := `WITH held AS MATERIALIZED (
			SELECT h.root, u.n, u.release
			FROM unnest((SELECT ?::text[]), (SELECT ?::bigint[]), (SELECT ?::bigint[]), (SELECT ?::bigint[])) AS u(root, token, n, release)
			CROSS JOIN LATERAL (SELECT root FROM {leases} WHERE root = u.root AND token = u.token AND until > ` + now + `
				FOR UPDATE SKIP LOCKED) h),
		said AS MATERIALIZED (
			SELECT * FROM unnest((SELECT ?::text[]), (SELECT ?::bigint[]), (SELECT ?::bigint[]), (SELECT ?::text[]), (SELECT ?::bigint[]),
				(SELECT ?::bigint[]), (SELECT ?::text[]), (SELECT ?::text[]), (SELECT ?::text[]))
			AS s(root, seq, generation, state, wait, burn, reason, code, handler)),
		fit AS MATERIALIZED (
			SELECT s.root, s.seq FROM said s CROSS JOIN LATERAL (
				SELECT subject FROM {queue} WHERE seq = s.seq AND generation = s.generation AND starts > 0 OFFSET 0) q
			WHERE s.root = COALESCE((SELECT l.root FROM {links} l WHERE l.subject = q.subject), q.subject)),
		whole AS MATERIALIZED (
			SELECT h.root, h.release FROM held h JOIN fit f ON f.root = h.root
			GROUP BY h.root, h.release, h.n HAVING COUNT(*) = h.n{safely}),
		freed AS (UPDATE {leases} h SET until = 0 FROM whole w WHERE h.root = w.root AND w.release = 1)`
	args := slices.Concat([]any{roots, token, number, release}, clock, []any{owners, seq, generation, state, wait, burn, reason, code, handler})
	kept := ""
	if !over {
		// Parked and dead rows stay in the queue.
		kept = " UNION ALL SELECT root FROM kept"
		text += `,
		kept AS (
			UPDATE {queue} q SET state = s.state, starts = 0, attempts = q.attempts + s.burn,
			due = CASE s.state WHEN 'parked' THEN ` + now + ` + s.wait END,
			ended = CASE s.state WHEN 'dead' THEN ` + now + ` ELSE 0 END,
			reason = s.reason, code = s.code, handler = s.handler
			FROM said s JOIN whole w ON w.root = s.root
			WHERE q.seq = s.seq AND q.generation = s.generation AND q.starts > 0 AND s.state IN ('parked', 'dead')
			RETURNING s.root)`
		args = slices.Concat(args, clock, clock)
	}
	text += `,
		gone AS (
			DELETE FROM {queue} q USING said s JOIN whole w ON w.root = s.root
			WHERE q.seq = s.seq AND q.generation = s.generation AND q.starts > 0 AND s.state NOT IN ('parked', 'dead')
			RETURNING s.root, s.seq, s.state, q.attempts, q.generation, s.reason, s.code, s.handler),
		written AS (
			INSERT INTO {ended} (seq, state, attempts, generation, ended, reason, code, handler)
			SELECT seq, state, attempts, generation, ` + now + `, reason, code, handler FROM gone)
		SELECT root FROM gone` + kept
	return s.each(ctx, func(rows *sql.Rows) error {
		var root string
		err := rows.Scan(&root)
		counts[root]++
		return err
	}, text, append(args, clock...)...)
}

func one(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}
