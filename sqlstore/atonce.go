package sqlstore

import (
	"context"
	"database/sql"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

// appendAtOnce stores a batch of new events, and finds duplicates among them, with
// one statement that is a transaction by itself, where the database takes arrays.
// What the statement returns is new; the table is asked about the rest. out is nil
// where the long way has to be taken: sent then says that something may have been
// stored under the batch's id, which the long way recognises.
func (d *DB) appendAtOnce(ctx context.Context, op string, b inbox.Batch) (out []inbox.Appended, sent bool, err error) {
	if !d.arrays || b.Repair || b.Feed != "" || b.Revise != nil || len(b.Events) == 0 || len(b.Events) > statementRows {
		return nil, false, nil
	}
	place := make(map[string]int, len(b.Events))
	which := make([]int, len(b.Events))
	for i, e := range b.Events {
		place[e.Ref.String()], which[i] = i, i
	}
	if len(place) < len(b.Events) {
		return nil, false, nil
	}
	if err := d.outside(ctx, op); err != nil {
		return nil, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.txTimeout)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return nil, false, fail(op, commerce.NotSent, err)
	}
	s := &session{DB: d, runner: d.pool}
	if d.clockNow != nil {
		s.now = d.clockNow().UnixMicro()
	}
	columns, err := eventColumns(b.ID, b.Events, which, s.now, false)
	if err != nil {
		return nil, false, fail(op, commerce.NotSent, err)
	}
	if d.clockNow == nil {
		columns[receivedColumn].values = expression(d.clock)
	}
	// Under unsafe settings nothing is added, and the long way says why.
	insert, args := insertArrays("{events}", " WHERE "+d.safe, columns)
	out = make([]inbox.Appended, len(b.Events))
	err = s.each(ctx, func(rows *sql.Rows) error {
		var seq int64
		var ref string
		if err := rows.Scan(&seq, &ref); err != nil {
			return err
		}
		out[place[ref]].Seq = seq
		delete(place, ref)
		return nil
	}, "WITH added AS ("+insert+` ON CONFLICT DO NOTHING RETURNING seq, ref, tenant, subject, created, received),
		queued AS (INSERT INTO {queue}
		(seq, tenant, subject, created, repair, state, due, attempts, starts, generation, ended, reason, code, handler)
		SELECT seq, tenant, subject, created, 0, 'ready', received, 0, 0, 1, 0, '', '', '' FROM added)
		SELECT seq, ref FROM added`, args...)
	if err != nil {
		return nil, true, fail(op, statementOutcome(err), err)
	}
	if len(place) == 0 {
		return out, true, nil
	}
	sent = len(place) < len(b.Events)
	refs := make([]string, 0, len(place))
	for ref := range place {
		refs = append(refs, ref)
	}
	found, err := s.find(ctx, refs, false)
	if err != nil {
		return nil, sent, fail(op, commerce.Unknown, err)
	}
	for ref, i := range place {
		row, ok := found[identity{ref: ref}]
		if !ok || row.object != b.Events[i].Object {
			return nil, sent, nil
		}
		out[i] = inbox.Appended{Seq: row.seq, Duplicate: row.batch != b.ID}
	}
	return out, true, nil
}

// finishAtOnce ends events that emit nothing with one statement that is a
// transaction by itself, where the database takes arrays. It does so only where the
// lease holds, nobody has its row, and every ending fits; otherwise nothing is
// changed, done is false, and the long way says why.
func (d *DB) finishAtOnce(ctx context.Context, op string, l inbox.Lease, endings []inbox.Ending) (done bool, err error) {
	n := len(endings)
	if !d.arrays || n == 0 || n > statementRows {
		return false, nil
	}
	seen := make(map[int64]bool, n)
	seq, generation, wait, burn := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	state, reason, code, handler := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	over := true
	for i, e := range endings {
		if len(e.Emit) > 0 || seen[e.Seq] {
			return false, nil
		}
		seen[e.Seq] = true
		seq[i], generation[i], state[i], wait[i] = e.Seq, e.Generation, string(e.State), atLeast(e.Wait)
		if e.State == inbox.Parked && e.Burn {
			burn[i] = 1
		}
		reason[i], code[i], handler[i] = clean(e.Reason), clean(e.Code), clean(e.Handler)
		over = over && e.State != inbox.Parked && e.State != inbox.Dead
	}
	now, clock := d.at(1)
	text := `WITH held AS MATERIALIZED (
			SELECT root FROM {leases} WHERE root = ? AND token = ? AND until > ` + now + `{skip}),
		said AS MATERIALIZED (
			SELECT * FROM unnest(?::bigint[], ?::bigint[], ?::text[], ?::bigint[], ?::bigint[], ?::text[], ?::text[], ?::text[])
			AS s(seq, generation, state, wait, burn, reason, code, handler)),
		fit AS MATERIALIZED (
			SELECT q.seq FROM said s JOIN {queue} q ON q.seq = s.seq AND q.generation = s.generation
			JOIN held h ON h.root = COALESCE((SELECT l.root FROM {links} l WHERE l.subject = q.subject), q.subject)
			WHERE q.starts > 0),
		whole AS MATERIALIZED (SELECT 1 WHERE (SELECT COUNT(*) FROM fit) = ?{safely})`
	args := slices.Concat([]any{l.Root, l.Token}, clock, []any{seq, generation, state, wait, burn, reason, code, handler, n})
	if releases(endings) {
		text += `,
		freed AS (UPDATE {leases} l SET until = 0 FROM held h WHERE l.root = h.root AND EXISTS (SELECT 1 FROM whole))`
	}
	kept := "0"
	if !over {
		// Parked and dead rows stay in the queue.
		kept = "(SELECT COUNT(*) FROM kept)"
		text += `,
		kept AS (
			UPDATE {queue} q SET state = s.state, starts = 0, attempts = q.attempts + s.burn,
			due = CASE s.state WHEN 'parked' THEN ` + now + ` + s.wait END,
			ended = CASE s.state WHEN 'dead' THEN ` + now + ` ELSE 0 END,
			reason = s.reason, code = s.code, handler = s.handler
			FROM said s WHERE q.seq = s.seq AND q.generation = s.generation AND q.starts > 0
			AND s.state IN ('parked', 'dead') AND EXISTS (SELECT 1 FROM whole)
			RETURNING q.seq)`
		args = slices.Concat(args, clock, clock)
	}
	text += `,
		gone AS (
			DELETE FROM {queue} q USING said s WHERE q.seq = s.seq AND q.generation = s.generation AND q.starts > 0
			AND s.state NOT IN ('parked', 'dead') AND EXISTS (SELECT 1 FROM whole)
			RETURNING s.seq, s.state, q.attempts, q.generation, s.reason, s.code, s.handler),
		written AS (
			INSERT INTO {ended} (seq, state, attempts, generation, ended, reason, code, handler)
			SELECT seq, state, attempts, generation, ` + now + `, reason, code, handler FROM gone RETURNING seq)
		SELECT (SELECT COUNT(*) FROM written) + ` + kept
	var ended int
	err = d.alone(ctx, op, func(ctx context.Context, s *session) error {
		return s.row(ctx, text, append(args, clock...)...).Scan(&ended)
	})
	return ended == n, err
}
