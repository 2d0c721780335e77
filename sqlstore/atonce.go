package sqlstore

import (
	"context"
	"database/sql"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

// appendAtOnce stores a batch of new events, and finds duplicates among them, with
// one statement that is a transaction by itself, where the database takes arrays.
// What the statement returns is new; the table is asked about the rest. out is nil
// where the long way has to be taken: sent then says that something may have been
// stored under the batch's id, which the long way recognises.
func (d *DB) appendAtOnce(ctx context.Context, op string, b inbox.Batch) (out []inbox.Appended, sent bool, err error) {
	if !d.arrays || b.Feed != "" || b.Revise != nil || len(b.Events) == 0 || len(b.Events) > statementRows {
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
		(seq, tenant, subject, created, state, due, attempts, starts, generation, ended, reason, code, handler)
		SELECT seq, tenant, subject, created, 'ready', received, 0, 0, 1, 0, '', '', '' FROM added)
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
