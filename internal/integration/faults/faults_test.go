package faults_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/internal/clock"
	"github.com/commercesync/commerce/internal/integration/dbserver"
	"github.com/commercesync/commerce/sqlstore"
)

const day = 24 * time.Hour

var start = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// bench is a database with a way to it that works and one that fails.
type bench struct {
	d         dbserver.Database
	pool      *sql.DB // that works
	bad       *sql.DB
	connector *connector
	cells     int
	control   bool // what is found is what was looked for
}

func newBench(t *testing.T, d dbserver.Database) *bench {
	dsn := d.DSN(t)
	b := &bench{d: d, pool: d.Pool(t, dsn)}
	_, err := b.pool.ExecContext(t.Context(), "CREATE TABLE host (name VARCHAR(200) PRIMARY KEY)")
	require.NoError(t, err)
	b.bad, b.connector = faulty(t, d, dsn)
	return b
}

// cell is one method with one fault at one call; its rows are those of a tenant.
type cell struct {
	t      *testing.T
	ctx    context.Context
	b      *bench
	clock  *clock.Manual
	tenant string
	db     *sqlstore.DB // that works

	seq   int64
	lease inbox.Lease
	token int64
}

func (b *bench) cell(t *testing.T) *cell {
	b.cells++
	c := &cell{t: t, ctx: t.Context(), b: b, clock: clock.At(start), tenant: fmt.Sprintf("c%06d", b.cells)}
	c.db = b.d.Store(t, b.pool, sqlstore.Config{Now: c.clock.Now})
	return c
}

// close leaves nothing that another cell could claim.
func (c *cell) close() {
	_, err := c.b.pool.ExecContext(c.ctx, "DELETE FROM commerce_queue WHERE tenant = '"+c.tenant+"'")
	require.NoError(c.t, err)
}

// state is everything that the database holds of the cell, line by line; times stand
// apart, where they are asked for.
func (c *cell) state(times bool) string {
	queries := []string{
		`SELECT 'event', e.ref, e.clash, CASE WHEN e.batch LIKE '{T}%' THEN e.batch ELSE 'fresh' END, e.overlay, LENGTH(e.raw), e.blank, COALESCE(q.state, ''), COALESCE(q.repair, 9),
			COALESCE(q.attempts, 9), COALESCE(q.starts, 9), COALESCE(q.generation, 9), COALESCE(q.code, ''), COALESCE(q.reason, ''),
			COALESCE(d.state, ''), COALESCE(d.attempts, 9), COALESCE(d.generation, 9), COALESCE(d.code, ''){times}, e.received, COALESCE(q.due, 0),
			COALESCE(q.ended, 0), COALESCE(d.ended, 0)
			FROM commerce_events e LEFT JOIN commerce_queue q ON q.seq = e.seq LEFT JOIN commerce_ended d ON d.seq = e.seq WHERE e.tenant = '{T}'`,
		`SELECT 'waits', seq - seq, state{times}, due FROM commerce_queue WHERE tenant = '{T}'`,
		`SELECT 'act', a.generation, a.verb, a.actor, a.overlay{times}, a.at FROM commerce_acts a
			JOIN commerce_events e ON e.seq = a.seq WHERE e.tenant = '{T}'`,
		`SELECT 'link', subject, root, ordinal{times} FROM commerce_links WHERE subject LIKE '{T}%'`,
		`SELECT 'lease', root, token, owner, until = 0{times}, until FROM commerce_leases WHERE root LIKE '{T}%'`,
		`SELECT 'cursor', feed, position{times} FROM commerce_cursors WHERE feed LIKE '{T}%'`,
		`SELECT 'revision', ref, hash, revision, batch, prior_hash, prior_revision{times} FROM commerce_revisions WHERE ref LIKE '{T}%'`,
		`SELECT 'operation', name, state, class, fingerprint, generation, token, attempts, COALESCE(LENGTH(result), 0){times}, created, started,
			until, finished, changed FROM commerce_operations WHERE name LIKE '{T}%'`,
		`SELECT 'host', name{times} FROM host WHERE name LIKE '{T}%'`,
	}
	var lines []string
	for _, q := range queries {
		if !times {
			head, rest, _ := strings.Cut(q, "{times}")
			q = head + " " + rest[strings.Index(rest, "FROM"):]
		}
		lines = append(lines, c.lines(strings.NewReplacer("{times}", "", "{T}", c.tenant).Replace(q))...)
	}
	slices.Sort(lines)
	return strings.ReplaceAll(strings.Join(lines, "\n"), c.tenant, "C")
}

// lines are the rows of a query.
func (c *cell) lines(query string) (lines []string) {
	rows, err := c.b.pool.QueryContext(c.ctx, query)
	require.NoError(c.t, err, query)
	defer rows.Close()
	names, err := rows.Columns()
	require.NoError(c.t, err)
	for rows.Next() {
		row := make([]sql.NullString, len(names))
		into := make([]any, len(names))
		for i := range row {
			into[i] = &row[i]
		}
		require.NoError(c.t, rows.Scan(into...))
		var line []string
		for _, v := range row {
			line = append(line, v.String)
		}
		lines = append(lines, strings.Join(line, "|"))
	}
	require.NoError(c.t, rows.Err())
	return lines
}

// reference is what a method does when nothing fails.
type reference struct{ before, after, afterTimes string }

func (b *bench) reference(t *testing.T, m method) (r reference, calls int) {
	c := b.cell(t)
	defer c.close()
	m.prepare(c)
	c.clock.Advance(10 * time.Minute) // so that nothing is due later where it jumps back
	r.before = c.state(false)
	db := b.d.Store(t, b.bad, sqlstore.Config{Now: c.clock.Now})
	b.connector.arm(fault{}, -1, nil)
	require.NoError(t, m.call(t.Context(), c, db))
	calls = b.connector.calls
	r.after, r.afterTimes = c.state(false), c.state(true)
	return r, calls
}

// strike lets one call fail and returns what is wrong with what is left; reached is false
// where the method makes fewer calls.
func (b *bench) strike(t *testing.T, m method, want reference, f fault, at int) (wrong []string, reached bool) {
	c := b.cell(t)
	defer c.close()
	m.prepare(c)
	c.clock.Advance(10 * time.Minute) // so that nothing is due later where it jumps back
	db := b.d.Store(t, b.bad, sqlstore.Config{Now: c.clock.Now})
	before := c.state(true)
	b.connector.arm(f, at, func(minutes int) { c.clock.Advance(time.Duration(minutes) * time.Minute) })
	err := m.call(t.Context(), c, db)
	struck := b.connector.disarm()
	if struck == "" {
		return nil, false
	}
	found := func(format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf("%s, %s, %s at call %d (%.60s), error %v: ", b.d.Name, m.name, f.name, at, struck, err)+fmt.Sprintf(format, args...))
	}
	now := c.state(f.how != skewed)
	done := now == want.afterTimes
	if f.how == skewed {
		done, before = now == want.after, want.before
	}
	writes := want.before != want.after || m.name == "Inbox.Extend" || m.name == "Steps.Restart"
	if strings.HasPrefix(struck, "INSERT INTO host") {
		return nil, true // the caller's own statement and error
	}
	switch {
	case now != before && !done:
		found("a state by halves\n%s\nbefore\n%s\nafter\n%s", now, before, want.afterTimes)
	case err == nil && !done && writes:
		found("acknowledged and not there:\n%s\n%s", now, want.afterTimes)
	case err != nil && commerce.SafeToRetry(err) && done && now != before:
		found("said to be not sent, and is there")
	case err != nil && writes && outcome(err) == "":
		found("no outcome")
	case err != nil && writes && f.how == unsaid && struck == "COMMIT" && commerce.SafeToRetry(err):
		found("a COMMIT without an answer is said to be not sent")
	}
	kind := commerce.KindUnavailable
	if f.how == skewed || f.loses && b.d.Dialect != sqlstore.SQLite {
		kind = commerce.KindConflict
	}
	if err != nil && commerce.KindOf(err) != kind {
		found("kind %s, not %s", commerce.KindOf(err), kind)
	}
	if f.how == skewed && err != nil && f.minutes < 0 {
		found("a clock that goes back ends nothing")
	}
	if b.control {
		return wrong, true
	}
	// It passes, and the same call again ends as it would have at once.
	again := m.call(t.Context(), c, db)
	switch {
	case err == nil:
	case m.later != nil:
		m.later(c)
	case again != nil && !(done && codeOf(again) == m.gone || done && m.gone == "host"):
		found("again: %v", again)
	case c.state(false) != want.after:
		found("again: it ends otherwise:\n%s\n%s", c.state(false), want.after)
	}
	return wrong, true
}

func outcome(err error) commerce.Outcome {
	if e, ok := errors.AsType[*commerce.Error](err); ok {
		return e.Outcome
	}
	return ""
}

func codeOf(err error) string {
	if e, ok := errors.AsType[*commerce.Error](err); ok {
		return e.Code
	}
	return ""
}

// fullSize reports that all cells are asked for, and not a spread of them.
func fullSize() bool { return os.Getenv("FULL") != "" }

func TestNoFaultOfTheDatabaseLeavesAnythingByHalves(t *testing.T) {
	t.Parallel()
	for _, d := range databases {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, d)
			cells, turn := 0, 0
			for _, m := range methods {
				want, calls := b.reference(t, m)
				require.True(t, calls > 0 || m.name == "Inbox.Now", "%s makes no call", m.name)
				for _, f := range faults {
					for at := 1; at <= calls+20; at++ {
						// A spread: an answer lost at the last call, which mostly is COMMIT, and every
						// fault here and there.
						last := at == calls && f.how == unsaid
						if turn++; !fullSize() && !last && turn%29 != 0 {
							continue
						}
						wrong, reached := b.strike(t, m, want, f, at)
						if !reached && at > calls {
							break
						}
						cells++
						for _, w := range wrong {
							t.Error(w)
						}
					}
				}
			}
			b.whole(t)
			t.Logf("%d methods, %d faults, %d cells", len(methods), len(faults), cells)
		})
	}
}

// whole checks that no row is without its event.
func (b *bench) whole(t *testing.T) {
	var n int
	require.NoError(t, b.pool.QueryRowContext(t.Context(), `SELECT
		(SELECT COUNT(*) FROM commerce_queue q WHERE NOT EXISTS (SELECT 1 FROM commerce_events e WHERE e.seq = q.seq)) +
		(SELECT COUNT(*) FROM commerce_ended q WHERE NOT EXISTS (SELECT 1 FROM commerce_events e WHERE e.seq = q.seq)) +
		(SELECT COUNT(*) FROM commerce_queue q JOIN commerce_ended d ON d.seq = q.seq)`).Scan(&n))
	require.Zero(t, n)
}

func TestNoMethodOfTheStoresIsForgotten(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, m := range methods {
		name, _, _ := strings.Cut(m.name, " ")
		known[name] = true
	}
	for of, types := range map[string][]reflect.Type{
		"Inbox": {reflect.TypeFor[inbox.Store](), reflect.TypeFor[inbox.TxCompleter[*sql.Tx]](), reflect.TypeFor[*sqlstore.Inbox]()},
		"Steps": {reflect.TypeFor[idempotency.Store](), reflect.TypeFor[*sqlstore.Steps]()},
	} {
		for _, typ := range types {
			for m := range typ.Methods() {
				require.True(t, known[of+"."+m.Name], "%s.%s has no line in methods", of, m.Name)
			}
		}
	}
}

// TestTheControls shows that the test above can find something.
func TestTheControls(t *testing.T) {
	t.Parallel()
	d := databases[0]
	for name, c := range map[string]struct {
		set   func(*connector)
		fault string
		finds string
	}{
		"without transactions states by halves are left":  {func(c *connector) { c.loose = true }, "read only", "by halves"},
		"where COMMIT is not listened to writes are lost": {func(c *connector) { c.deaf = true }, "disk full", "acknowledged and not there"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, d)
			b.control = true
			f := faults[slices.IndexFunc(faults, func(f fault) bool { return f.name == c.fault })]
			found, cells := 0, 0
			for i, m := range methods {
				if !fullSize() && i%5 != 0 {
					continue
				}
				want, calls := b.reference(t, m)
				c.set(b.connector)
				for at := 1; at <= calls; at++ {
					wrong, _ := b.strike(t, m, want, f, at)
					cells++
					if slices.ContainsFunc(wrong, func(w string) bool { return strings.Contains(w, c.finds) }) {
						found++
					}
				}
				b.connector.loose, b.connector.deaf = false, false
			}
			require.NotZero(t, found)
			t.Logf("%d of %d cells are found", found, cells)
		})
	}
}
