package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

// spare is how many due events are looked at for each root asked for, so that a
// worker finds work also where others hold what is oldest.
const spare = 8

// candidate is a root that had due events when it was looked for.
type candidate struct {
	root string
	seen bool // it has a row in leases
}

// Claim implements [inbox.Store]. The roots whose events are due longest come first.
func (in *Inbox) Claim(ctx context.Context, r inbox.ClaimRequest) ([]inbox.Claim, error) {
	const op = "claim"
	if r.Roots < 1 || r.Events < 1 || r.Lease <= 0 {
		return nil, fail(op, commerce.NotSent, refusal(commerce.KindInvalid, "", "Roots, Events and Lease must be positive"))
	}
	if err := texts("the owner", r.Owner); err != nil {
		return nil, fail(op, commerce.NotSent, err)
	}
	var candidates []candidate
	err := in.db.read(ctx, op, func(ctx context.Context, s *session) (err error) {
		candidates, err = s.candidates(ctx, r)
		return err
	})
	if err != nil {
		return nil, fail(op, commerce.NotSent, err)
	}
	if len(candidates) == 0 {
		return nil, nil
	}
	claims, err := in.db.claimAtOnce(ctx, op, r, candidates)
	if len(claims) > 0 || err != nil {
		return claims, err
	}
	err = in.db.write(ctx, op, func(ctx context.Context, s *session) (err error) {
		claims, err = s.claim(ctx, r, candidates)
		return err
	})
	if err != nil {
		return nil, err
	}
	return claims, nil
}

// candidates returns roots with due events and no lease: tenant by tenant in turn, of
// each the oldest first, live before repair. It is a hint, read without a lock: what
// holds is looked up again once the lease is ours.
func (s *session) candidates(ctx context.Context, r inbox.ClaimRequest) ([]candidate, error) {
	for fresh := false; ; fresh = true {
		turn, listed, err := s.turns.next(func() ([]string, error) { return s.dueTenants(ctx) }, fresh)
		if err != nil {
			return nil, err
		}
		var out []candidate
		for len(turn.tenants) > 0 && len(out) < r.Roots {
			n := min(len(turn.tenants), statementTenants)
			got, err := s.ofTenants(ctx, turn.tenants[:n], r, turn.patient)
			if err != nil {
				return nil, err
			}
			out, turn.tenants = append(out, got...), turn.tenants[n:]
		}
		if len(out) > 0 || listed {
			return out, nil
		}
		// Nothing of those who had something a moment ago: look who has.
	}
}

// statementTenants is how many tenants' events one statement looks at.
const statementTenants = 8

// The lanes of a tenant's events.
const (
	live    = 0
	mending = 1
)

// ofTenants returns candidates of some tenants, in turn.
func (s *session) ofTenants(ctx context.Context, tenants []string, r inbox.ClaimRequest, patient bool) ([]candidate, error) {
	now, clock := s.at(1)
	var parts []string
	var args []any
	// Of a root that others hold much may be due, and all of it was due first: the subjects
	// of what is oldest are looked up once, and not again for each of their events.
	for i, t := range tenants {
		room := r.Room(t)
		if room == 0 {
			continue
		}
		for _, lane := range []int{live, mending} {
			order := 2*lane + 1
			if !patient {
				order = 2 - 2*lane // repair has waited for long enough
			}
			parts = append(parts, fmt.Sprintf(`SELECT * FROM (SELECT %d AS tenant, %d AS lane, COALESCE(l.root, q.subject) AS root,
				h.until IS NOT NULL AS seen, q.due, q.seq
				FROM {queue} q LEFT JOIN {links} l ON l.subject = q.subject
				LEFT JOIN {leases} h ON h.root = COALESCE(l.root, q.subject)
				WHERE q.tenant = ? AND q.repair = %[3]d AND q.due <= %[4]s AND (h.until IS NULL OR h.until <= %[4]s)
				AND q.subject NOT IN (SELECT o.subject
					FROM (SELECT subject FROM {queue} WHERE tenant = ? AND repair = %[3]d AND due <= %[4]s ORDER BY due LIMIT %[5]d) o
					LEFT JOIN {links} l ON l.subject = o.subject
					JOIN {leases} h ON h.root = COALESCE(l.root, o.subject) WHERE h.until > %[4]s)
				ORDER BY q.due LIMIT ?) t%[6]d`, i, order, lane, now, spare, len(parts)))
			args = slices.Concat(args, []any{t}, clock, clock, []any{t}, clock, clock, []any{max(1, r.Roots/len(tenants)) * spare})
		}
	}
	if len(parts) == 0 {
		return nil, nil
	}
	byTenant := make([][]candidate, len(tenants))
	known := map[string]bool{}
	err := s.each(ctx, func(rows *sql.Rows) error {
		var c candidate
		var tenant, lane int
		var due, seq int64
		if err := rows.Scan(&tenant, &lane, &c.root, &c.seen, &due, &seq); err != nil {
			return err
		}
		if !known[c.root] {
			known[c.root] = true
			byTenant[tenant] = append(byTenant[tenant], c)
		}
		return nil
	}, strings.Join(parts, " UNION ALL ")+" ORDER BY tenant, lane, due, seq", args...)
	var out []candidate
	for i := 0; err == nil; i++ {
		before := len(out)
		for t, list := range byTenant {
			if i < len(list) && (r.PerTenant == 0 || i < r.Room(tenants[t])) {
				out = append(out, list[i])
			}
		}
		if len(out) == before {
			break
		}
	}
	return out, err
}

// dueTenants returns the tenants that have due events, in order: one step of the index
// for each tenant, however much each has waiting.
func (s *session) dueTenants(ctx context.Context) ([]string, error) {
	now, clock := s.at(2)
	var out []string
	err := s.each(ctx, func(rows *sql.Rows) error {
		var tenant string
		err := rows.Scan(&tenant)
		out = append(out, tenant)
		return err
	}, "SELECT tenant FROM ("+s.tenants+`) t WHERE tenant IS NOT NULL
		AND (EXISTS (SELECT 1 FROM {queue} q WHERE q.tenant = t.tenant AND q.repair = 0 AND q.due <= `+now+`)
		OR EXISTS (SELECT 1 FROM {queue} q WHERE q.tenant = t.tenant AND q.repair = 1 AND q.due <= `+now+`)) ORDER BY tenant`, clock...)
	return out, err
}

// tenantsByTenant steps through an index by itself, for databases that would read all
// of it for a DISTINCT.
const tenantsByTenant = `WITH RECURSIVE r(tenant) AS (SELECT MIN(tenant) FROM {queue}
	UNION ALL SELECT (SELECT MIN(q.tenant) FROM {queue} q WHERE q.tenant > r.tenant) FROM r WHERE r.tenant IS NOT NULL)
	SELECT tenant FROM r`

func (s *session) claim(ctx context.Context, r inbox.ClaimRequest, candidates []candidate) ([]inbox.Claim, error) {
	var leases []inbox.Lease
	for len(candidates) > 0 && len(leases) < r.Roots {
		n := min(len(candidates), r.Roots-len(leases))
		got, err := s.take(ctx, candidates[:n], r.Owner, r.Lease)
		if err != nil {
			return nil, err
		}
		leases, candidates = append(leases, got...), candidates[n:]
	}
	if len(leases) == 0 {
		return nil, nil
	}
	byRoot, err := s.dueEvents(ctx, leases, r.Events)
	if err != nil {
		return nil, err
	}
	var claims []inbox.Claim
	var started []int64
	var idle []string
	for _, l := range leases {
		events := byRoot[l.Root]
		if len(events) == 0 {
			idle = append(idle, l.Root) // worked, or linked elsewhere, since it was a candidate
			continue
		}
		for i := range events {
			events[i].Starts++
			events[i].State = inbox.Ready
			started = append(started, events[i].Seq)
		}
		claims = append(claims, inbox.Claim{Lease: l, Events: events})
	}
	if len(idle) > 0 {
		if _, err := s.exec(ctx, "UPDATE {leases} SET until = 0 WHERE root = ANY ?", idle); err != nil {
			return nil, err
		}
	}
	if len(started) > 0 {
		if _, err := s.exec(ctx, "UPDATE {queue} SET starts = starts + 1, state = 'ready' WHERE seq = ANY ?", started); err != nil {
			return nil, err
		}
	}
	return claims, nil
}

// take takes the leases of these roots that are free, waiting for none, and
// returns them in the order of the candidates.
func (s *session) take(ctx context.Context, roots []candidate, owner string, d time.Duration) ([]inbox.Lease, error) {
	names := make([]string, len(roots))
	var unseen []string
	for i, c := range roots {
		names[i] = c.root
		if !c.seen {
			unseen = append(unseen, c.root)
		}
	}
	if len(unseen) > 0 {
		if err := s.addLeases(ctx, unseen); err != nil {
			return nil, err
		}
	}
	tokens := map[string]int64{}
	err := s.each(ctx, func(rows *sql.Rows) error {
		var root string
		var token int64
		err := rows.Scan(&root, &token)
		tokens[root] = token + 1
		return err
	}, "SELECT root, token FROM {leases} WHERE root = ANY ? AND until <= ?{skip}", names, s.now)
	if err != nil || len(tokens) == 0 {
		return nil, err
	}
	var out []inbox.Lease
	var taken []string
	for _, name := range names {
		if token, ok := tokens[name]; ok {
			taken = append(taken, name)
			out = append(out, inbox.Lease{Root: name, Token: token, Owner: owner, For: d})
		}
	}
	_, err = s.exec(ctx, "UPDATE {leases} SET token = token + 1, owner = ?, until = ? WHERE root = ANY ?",
		owner, s.now+d.Microseconds(), taken)
	return out, err
}

// addLeases makes the rows that leases of these roots are taken on. It is the one
// place that may wait for another claim, and nobody waits for what it holds by then
// in another order.
func (s *session) addLeases(ctx context.Context, roots []string) error {
	roots = slices.Sorted(slices.Values(roots))
	zero := make([]int64, len(roots))
	_, err := s.insert(ctx, "{leases}", s.keeping("root"), column{"root", roots}, column{"token", zero},
		column{"owner", make([]string, len(roots))}, column{"until", zero})
	return err
}

// statementSubjects is how many subjects' events one statement looks up: SQLite joins at
// most 500 queries.
const statementSubjects = 400

// dueEvents returns the due events of every subject of the leased roots, at most
// so many each. Each subject's are looked up by the index, which gives them in order,
// since there may be many more.
func (s *session) dueEvents(ctx context.Context, leases []inbox.Lease, each int) (map[string][]inbox.Entry, error) {
	roots := make([]string, len(leases))
	for i, l := range leases {
		roots[i] = l.Root
	}
	var subjects []string
	err := s.each(ctx, func(rows *sql.Rows) error {
		var subject string
		err := rows.Scan(&subject)
		subjects = append(subjects, subject)
		return err
	}, `SELECT subject FROM {links} WHERE root = ANY ? UNION ALL SELECT h.root FROM {leases} h WHERE h.root = ANY ?
		AND NOT EXISTS (SELECT 1 FROM {links} o WHERE o.subject = h.root)`, roots, roots)
	if err != nil {
		return nil, err
	}
	out := map[string][]inbox.Entry{}
	for some := range slices.Chunk(subjects, statementSubjects) {
		var parts []string
		var args []any
		for i, subject := range some {
			parts = append(parts, fmt.Sprintf(`SELECT * FROM (SELECT seq, subject, created FROM {queue}
				WHERE subject = ? AND due <= ? ORDER BY created, seq LIMIT ?) s%d`, i))
			args = append(args, subject, s.now, each)
		}
		entries, err := s.entries(ctx, true, `FROM (
				SELECT p.seq, ROW_NUMBER() OVER (PARTITION BY COALESCE(o.root, p.subject) ORDER BY p.created, p.seq) AS place
				FROM (`+strings.Join(parts, " UNION ALL ")+`) p LEFT JOIN {links} o ON o.subject = p.subject) p
			JOIN {queue} q ON q.seq = p.seq JOIN {events} e ON e.seq = q.seq LEFT JOIN {ended} d ON d.seq = q.seq
			LEFT JOIN {links} l ON l.subject = q.subject
			WHERE p.place <= ? ORDER BY e.created, e.seq`, append(args, each)...)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			out[e.Root] = append(out[e.Root], e)
		}
	}
	if len(subjects) > statementSubjects { // those of one root may come of two statements
		for root, entries := range out {
			slices.SortFunc(entries, func(a, b inbox.Entry) int {
				return cmp.Or(a.Event.Created.Compare(b.Event.Created), cmp.Compare(a.Seq, b.Seq))
			})
			out[root] = entries[:min(len(entries), each)]
		}
	}
	return out, nil
}

// Wait implements [inbox.Store].
func (in *Inbox) Wait(ctx context.Context) (time.Duration, error) {
	wait := time.Duration(-1)
	err := in.db.read(ctx, "look for work", func(ctx context.Context, s *session) error {
		var now int64
		var ready bool
		at, args := s.at(3)
		err := s.row(ctx, "SELECT "+at+`, EXISTS (SELECT 1
			FROM {queue} q LEFT JOIN {links} l ON l.subject = q.subject
			LEFT JOIN {leases} h ON h.root = COALESCE(l.root, q.subject)
			WHERE q.due <= `+at+" AND (h.until IS NULL OR h.until <= "+at+"))", args...).Scan(&now, &ready)
		if err != nil {
			return err
		}
		if ready {
			wait = 0
			return nil
		}
		// What is due is held; the rest is due later, and may be held for longer.
		var next sql.NullInt64
		err = s.row(ctx, `SELECT MIN(CASE WHEN h.until > q.due THEN h.until ELSE q.due END)
			FROM {queue} q LEFT JOIN {links} l ON l.subject = q.subject
			LEFT JOIN {leases} h ON h.root = COALESCE(l.root, q.subject)
			WHERE q.due IS NOT NULL`).Scan(&next)
		if err != nil || !next.Valid {
			return err
		}
		wait = max(0, time.Duration(next.Int64-now)*time.Microsecond)
		return nil
	})
	return wait, err
}
