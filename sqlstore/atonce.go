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

// claimAtOnce takes roots, and starts their due events, with one statement that is a
// transaction by itself, where the database takes arrays. The statement sees one moment
// only, so it takes a root where nobody has had its lease between that moment and the
// lock: what it saw of the root's links holds then. What it saw of the events may have
// ended under a lease that ran out meanwhile, so a root of which none starts is left as
// it is. No claims and no error say that the long way has to be taken.
func (d *DB) claimAtOnce(ctx context.Context, op string, r inbox.ClaimRequest, candidates []candidate) ([]inbox.Claim, error) {
	var claims []inbox.Claim
	var err error
	for d.arrays && err == nil && len(candidates) > 0 && len(claims) < r.Roots {
		n := min(len(candidates), r.Roots-len(claims))
		var got []inbox.Claim
		got, err = d.claimSome(ctx, op, r, candidates[:n])
		claims, candidates = append(claims, got...), candidates[n:]
	}
	if len(claims) > 0 {
		err = nil // the next claim may have the others
	}
	return claims, err
}

func (d *DB) claimSome(ctx context.Context, op string, r inbox.ClaimRequest, candidates []candidate) ([]inbox.Claim, error) {
	roots := make([]string, len(candidates))
	for i, c := range candidates {
		roots[i] = c.root
	}
	// LATERAL has each subject's events looked up by the index, which gives them in order,
	// and values behind SELECT are none that a plan is made for anew each time.
	now, clock := d.at(1)
	text := `WITH clock AS MATERIALIZED (SELECT ` + now + ` AS now),
		asked AS MATERIALIZED (SELECT root FROM unnest((SELECT ?::text[])) AS u(root)),
		known AS MATERIALIZED (
			SELECT h.root, h.token, h.until FROM asked a JOIN {leases} h ON h.root = a.root),
		due AS MATERIALIZED (
			SELECT seq, root FROM (
				SELECT q.seq, s.root, ROW_NUMBER() OVER (PARTITION BY s.root ORDER BY q.created, q.seq) AS place
				FROM (SELECT l.root, l.subject FROM asked a JOIN {links} l ON l.root = a.root
					UNION ALL SELECT a.root, a.root FROM asked a WHERE NOT EXISTS (SELECT 1 FROM {links} o WHERE o.subject = a.root)) s
				CROSS JOIN LATERAL (SELECT seq, created FROM {queue} WHERE subject = s.subject AND due <= (SELECT now FROM clock)
					ORDER BY created, seq LIMIT (SELECT ?::bigint)) q) p WHERE place <= (SELECT ?::bigint)),
		free AS MATERIALIZED (
			SELECT h.root, h.token FROM known k JOIN {leases} h ON h.root = k.root AND h.token = k.token AND h.until = k.until
			WHERE h.until <= (SELECT now FROM clock) AND h.root IN (SELECT root FROM due){safely} FOR UPDATE OF h SKIP LOCKED),
		added AS (
			INSERT INTO {leases} (root, token, owner, until)
			SELECT a.root, 1, ?, (SELECT now FROM clock) + ?::bigint FROM asked a
			WHERE NOT EXISTS (SELECT 1 FROM known k WHERE k.root = a.root) AND a.root IN (SELECT root FROM due){safely}
			ORDER BY a.root ON CONFLICT DO NOTHING RETURNING root, token),
		held AS (SELECT root, token + 1 AS token FROM free UNION ALL SELECT root, token FROM added),
		started AS (
			UPDATE {queue} q SET starts = q.starts + 1, state = 'ready'
			FROM due JOIN held h ON h.root = due.root WHERE q.seq = due.seq AND q.due <= (SELECT now FROM clock)
			RETURNING q.*, h.root, h.token),
		taken AS (
			UPDATE {leases} h SET token = h.token + 1, owner = ?, until = (SELECT now FROM clock) + ?::bigint
			FROM free f WHERE h.root = f.root AND f.root IN (SELECT root FROM started))
		SELECT ` + columnsOf("e.raw") + `, l.token FROM started q JOIN {events} e ON e.seq = q.seq
		LEFT JOIN {ended} d ON false JOIN started l ON l.seq = q.seq ORDER BY e.created, e.seq`
	byRoot := map[string]*inbox.Claim{}
	acted := false
	err := d.alone(ctx, op, func(ctx context.Context, s *session) error {
		clear(byRoot)
		return s.each(ctx, func(rows *sql.Rows) error {
			var token int64
			e, err := scanEntry(rows, &token)
			c := byRoot[e.Root]
			if c == nil {
				c = &inbox.Claim{Lease: inbox.Lease{Root: e.Root, Token: token, Owner: r.Owner, For: r.Lease}}
				byRoot[e.Root] = c
			}
			acted = acted || e.Generation > 1
			c.Events = append(c.Events, e)
			return err
		}, text, slices.Concat(clock, []any{roots, r.Events, r.Events, r.Owner, r.Lease.Microseconds(), r.Owner, r.Lease.Microseconds()})...)
	})
	if err != nil {
		return nil, err
	}
	var claims []inbox.Claim
	for _, root := range roots {
		if c := byRoot[root]; c != nil {
			claims = append(claims, *c)
		}
	}
	if !acted {
		return claims, nil
	}
	for _, c := range claims {
		if err := d.read(ctx, op, func(ctx context.Context, s *session) error { return s.addActs(ctx, c.Events) }); err != nil {
			return nil, fail(op, commerce.Unknown, err) // they are taken, and nobody has them
		}
	}
	return claims, nil
}
