package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"iter"
	"slices"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

// pageRows is how many rows a list fetches at a time. A list holds no connection
// while the loop's body runs.
const pageRows = 200

// joined is where an entry is read from.
const joined = `FROM {events} e LEFT JOIN {queue} q ON q.seq = e.seq LEFT JOIN {ended} d ON d.seq = e.seq
	LEFT JOIN {links} l ON l.subject = e.subject `

// joinedOpen is the same for what is not ended, led by the small table.
const joinedOpen = `FROM {queue} q JOIN {events} e ON e.seq = q.seq LEFT JOIN {ended} d ON d.seq = q.seq
	LEFT JOIN {links} l ON l.subject = e.subject `

// ofRoot restricts events to the subjects of a root; it takes the root three times.
// A subject that is linked is told under what it is linked to.
const ofRoot = `e.subject IN (SELECT s.subject FROM (SELECT subject FROM {links} WHERE root = ?
	UNION ALL SELECT o.alone FROM (SELECT ? AS alone) o WHERE NOT EXISTS (SELECT 1 FROM {links} WHERE subject = ?)) s)`

// entries reads entries; from names the tables e, q, d and l.
func (s *session) entries(ctx context.Context, raw bool, from string, args ...any) ([]inbox.Entry, error) {
	body := "NULL"
	if raw {
		body = "e.raw"
	}
	var out []inbox.Entry
	acted := false
	err := s.each(ctx, func(rows *sql.Rows) error {
		e, err := scanEntry(rows)
		acted = acted || e.Generation > 1 || e.State == inbox.Discarded
		out = append(out, e)
		return err
	}, "SELECT "+columnsOf(body)+" "+from, args...)
	if err == nil && acted {
		err = s.addActs(ctx, out)
	}
	return out, err
}

// columnsOf are the columns of an entry, as scanEntry reads them.
func columnsOf(body string) string {
	return `e.seq, e.ref, e.type, e.object, e.subject, e.person, e.api_version, e.created, e.received, e.overlay, ` + body + `,
		COALESCE(l.root, e.subject), COALESCE(q.state, d.state), COALESCE(q.due, 0), COALESCE(q.attempts, d.attempts),
		COALESCE(q.starts, 0), COALESCE(q.generation, d.generation), COALESCE(q.ended, d.ended),
		COALESCE(q.reason, d.reason), COALESCE(q.code, d.code), COALESCE(q.handler, d.handler), e.blank`
}

// scanEntry reads an entry, and what stands behind it in the row.
func scanEntry(rows *sql.Rows, more ...any) (inbox.Entry, error) {
	var e inbox.Entry
	var ref, subject, overlay string
	var created, received, due, ended int64
	err := rows.Scan(append([]any{&e.Seq, &ref, &e.Event.Type, &e.Event.Object, &subject, &e.Event.Person, &e.Event.APIVersion,
		&created, &received, &overlay, &e.Event.Raw, &e.Root, &e.State, &due, &e.Attempts, &e.Starts, &e.Generation,
		&ended, &e.Reason, &e.Code, &e.Handler, &e.Blank}, more...)...)
	if err != nil {
		return e, err
	}
	if e.Event.Ref, err = commerce.ParseRef(ref); err != nil {
		return e, err
	}
	s, err := commerce.ParseRef(subject)
	if err != nil {
		return e, err
	}
	e.Event.Subject = s.ID
	e.Event.Created, e.Received, e.Due, e.Ended = moment(created), moment(received), moment(due), moment(ended)
	e.Event.Overlay, err = parseOverlay(overlay)
	return e, err
}

func parseOverlay(text string) (commerce.Overlay, error) {
	if text == "" {
		return nil, nil
	}
	var o commerce.Overlay
	err := json.Unmarshal([]byte(text), &o)
	return o, err
}

// addActs adds what people did; the overlay of the last replay is the one that holds.
func (s *session) addActs(ctx context.Context, entries []inbox.Entry) error {
	seqs, bySeq := make([]int64, len(entries)), make(map[int64]*inbox.Entry, len(entries))
	for i := range entries {
		seqs[i] = entries[i].Seq
		bySeq[seqs[i]] = &entries[i]
	}
	return s.each(ctx, func(rows *sql.Rows) error {
		var seq, at int64
		var a inbox.Act
		var overlay string
		err := rows.Scan(&seq, &at, &a.Actor, &a.Verb, &a.Reason, &overlay)
		if err != nil {
			return err
		}
		a.At = moment(at)
		e := bySeq[seq]
		e.Acts = append(e.Acts, a)
		if a.Verb == "replay" {
			e.Event.Overlay, err = parseOverlay(overlay)
		}
		return err
	}, "SELECT seq, at, actor, verb, reason, overlay FROM {acts} WHERE seq = ANY ? ORDER BY seq, generation", seqs)
}

// Get implements [inbox.Store].
func (in *Inbox) Get(ctx context.Context, seq int64) (inbox.Entry, error) {
	var out inbox.Entry
	err := in.db.read(ctx, "get event", func(ctx context.Context, s *session) error {
		found, err := s.entries(ctx, true, joined+"WHERE e.seq = ?", seq)
		if err == nil && len(found) == 0 {
			return noEvent(seq)
		}
		if err == nil {
			out = found[0]
		}
		return err
	})
	return out, err
}

// List implements [inbox.Store].
func (in *Inbox) List(ctx context.Context, f inbox.Filter) iter.Seq2[inbox.Entry, error] {
	limit := f.Limit
	if limit <= 0 {
		limit = 100
	}
	limit = min(limit, 1000)
	where, args := filter(f)
	from, seq := joined, "e.seq"
	if onlyOpen(f) {
		from, seq = joinedOpen, "q.seq"
	}
	return func(yield func(inbox.Entry, error) bool) {
		left := limit
		next := func(ctx context.Context, s *session, last *inbox.Entry) ([]inbox.Entry, error) {
			after, n := f.After, min(left, pageRows)
			if last != nil {
				after = last.Seq
			}
			if n == 0 {
				return nil, nil
			}
			left -= n
			return s.entries(ctx, false, from+"WHERE "+seq+" > ?"+where+" ORDER BY "+seq+" LIMIT ?",
				slices.Concat([]any{after}, args, []any{n})...)
		}
		pages("list events", in.db, ctx, next)(yield)
	}
}

// onlyOpen reports that a filter asks for nothing that is over.
func onlyOpen(f inbox.Filter) bool {
	return len(f.States) > 0 && !slices.ContainsFunc(f.States, func(s inbox.State) bool {
		return s != inbox.Ready && s != inbox.Parked && s != inbox.Dead
	})
}

// filter says a filter in SQL.
func filter(f inbox.Filter) (string, []any) {
	var where string
	var args []any
	and := func(text string, values ...any) {
		where += " AND " + text
		args = append(args, values...)
	}
	if f.Tenant != "" {
		and("e.tenant = ?", f.Tenant)
	}
	if f.Type != "" {
		and("e.type = ?", f.Type)
	}
	if f.Root != "" {
		and(ofRoot, f.Root, f.Root, f.Root)
	}
	if f.Code != "" {
		and("COALESCE(q.code, d.code) = ?", f.Code)
	}
	var openStates, overStates []string
	for _, s := range f.States {
		switch s {
		case inbox.Ready, inbox.Parked, inbox.Dead:
			openStates = append(openStates, string(s))
		default:
			overStates = append(overStates, string(s))
		}
	}
	switch {
	case openStates != nil && overStates != nil:
		and("(q.state = ANY ? OR d.state = ANY ?)", openStates, overStates)
	case openStates != nil:
		and("q.state = ANY ?", openStates)
	case overStates != nil:
		and("d.state = ANY ?", overStates)
	}
	return where, args
}

// Timeline implements [inbox.Store].
func (in *Inbox) Timeline(ctx context.Context, root string) iter.Seq2[inbox.Entry, error] {
	return pages("read timeline", in.db, ctx, func(ctx context.Context, s *session, last *inbox.Entry) ([]inbox.Entry, error) {
		if last == nil {
			return s.entries(ctx, false, joined+"WHERE "+ofRoot+" ORDER BY e.created, e.seq LIMIT ?", root, root, root, pageRows)
		}
		at := micros(last.Event.Created)
		return s.entries(ctx, false, joined+"WHERE "+ofRoot+" AND (e.created > ? OR e.created = ? AND e.seq > ?) "+
			"ORDER BY e.created, e.seq LIMIT ?", root, root, root, at, at, last.Seq, pageRows)
	})
}

// pages yields what next finds after the last one seen, until it finds nothing.
func pages[T any](op string, d *DB, ctx context.Context, next func(context.Context, *session, *T) ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var last *T
		for {
			var page []T
			err := d.read(ctx, op, func(ctx context.Context, s *session) (err error) {
				page, err = next(ctx, s, last)
				return err
			})
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, v := range page {
				if !yield(v, nil) {
					return
				}
			}
			if len(page) == 0 {
				return
			}
			last = &page[len(page)-1]
		}
	}
}

// Count implements [inbox.Store].
func (in *Inbox) Count(ctx context.Context, tenant string) (inbox.Counts, error) {
	var c inbox.Counts
	where, args := "", []any(nil)
	if tenant != "" {
		where, args = "WHERE tenant = ? ", []any{tenant}
	}
	err := in.db.read(ctx, "count events", func(ctx context.Context, s *session) error {
		return s.each(ctx, func(rows *sql.Rows) error {
			var state inbox.State
			var n int
			var oldest int64
			if err := rows.Scan(&state, &n, &oldest); err != nil {
				return err
			}
			switch state {
			case inbox.Ready:
				c.Ready, c.OldestReady = n, moment(oldest)
			case inbox.Parked:
				c.Parked = n
			case inbox.Dead:
				c.Dead = n
			}
			return nil
		}, "SELECT state, COUNT(*), COALESCE(MIN(due), 0) FROM {queue} "+where+"GROUP BY state", args...)
	})
	return c, err
}

// Now implements [inbox.Store].
func (in *Inbox) Now(ctx context.Context) (time.Time, error) {
	if in.db.clockNow != nil || in.db.clock == "" {
		return moment(in.db.here()), nil
	}
	var now int64
	err := in.db.read(ctx, "read clock", func(ctx context.Context, s *session) error {
		return s.row(ctx, "SELECT "+in.db.clock).Scan(&now)
	})
	return moment(now), err
}
