package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
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

// loss says what becomes of the next COMMIT.
type loss int32

const (
	answered    loss = iota
	lostAnswer       // carried out; the connection breaks before the answer
	lostRequest      // never carried out; it looks the same from here
)

// lossy is a connector whose connections lose the next COMMIT when told.
type lossy struct {
	base driver.Driver
	dsn  string
	next atomic.Int32

	commits atomic.Int64 // COMMITs sent
}

// lossyPool opens a database through a lossy connector.
func (d database) lossyPool(t *testing.T) (*sql.DB, *lossy) {
	name, dsn := d.dsn(t)
	l := &lossy{base: open(t, name, dsn).Driver(), dsn: dsn}
	pool := sql.OpenDB(l)
	t.Cleanup(func() { _ = pool.Close() })
	return pool, l
}

func (l *lossy) Driver() driver.Driver { return l.base }

func (l *lossy) Connect(context.Context) (driver.Conn, error) {
	c, err := l.base.Open(l.dsn)
	if err != nil {
		return nil, err
	}
	return &lossyConn{conn: c.(conn), l: l}, nil
}

func (l *lossy) lose(what loss) { l.next.Store(int32(what)) }

// commit runs a COMMIT, or loses it.
func (l *lossy) commit(commit, rollback func() error) error {
	l.commits.Add(1)
	switch loss(l.next.Swap(int32(answered))) {
	case lostAnswer:
		if err := commit(); err != nil {
			return err
		}
		return io.ErrUnexpectedEOF
	case lostRequest:
		_ = rollback()
		return io.ErrUnexpectedEOF
	}
	return commit()
}

// conn is what both drivers' connections can do.
type conn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
}

type lossyConn struct {
	conn
	l *lossy
}

// CheckNamedValue leaves it to the driver what it takes.
func (c *lossyConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c *lossyConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (res driver.Result, err error) {
	if query != "COMMIT" {
		return c.conn.ExecContext(ctx, query, args)
	}
	err = c.l.commit(func() error {
		res, err = c.conn.ExecContext(ctx, query, args)
		return err
	}, func() error {
		_, err := c.conn.ExecContext(ctx, "ROLLBACK", nil)
		return err
	})
	return res, err
}

// QueryContext also loses a statement that is a transaction by itself.
func (c *lossyConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (rows driver.Rows, err error) {
	if !strings.HasPrefix(query, "WITH added AS (INSERT") && !strings.HasPrefix(query, "WITH held AS") {
		return c.conn.QueryContext(ctx, query, args)
	}
	err = c.l.commit(func() error {
		rows, err = c.conn.QueryContext(ctx, query, args)
		return err
	}, func() error { return nil })
	if err != nil && rows != nil {
		_ = rows.Close()
	}
	return rows, err
}

func (c *lossyConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	tx, err := c.conn.BeginTx(ctx, opts)
	return lossyTx{tx, c.l}, err
}

type lossyTx struct {
	driver.Tx
	l *lossy
}

func (t lossyTx) Commit() error { return t.l.commit(t.Tx.Commit, t.Tx.Rollback) }

func TestACommitWithoutAnAnswerIsUnknown(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		for name, what := range map[string]loss{"carried out": lostAnswer, "not carried out": lostRequest} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				pool, l := d.lossyPool(t)
				db := d.openStore(t, pool, sqlstore.Config{})
				store := db.Inbox()

				b := batch("b1", event("evt_1", "pi_1"), event("evt_2", "pi_2"), event("evt_1", "pi_1"))
				clash := event("evt_1", "pi_1")
				clash.Object = "ch_other"
				b.Events = append(b.Events, clash)
				l.lose(what)
				_, err := store.Append(t.Context(), b)
				require.ErrorIs(t, err, commerce.ErrUnknown)
				require.False(t, commerce.SafeToRetry(err))
				require.ErrorIs(t, err, commerce.ErrUnavailable)

				if what == lostAnswer {
					// Meanwhile another worker works what was stored.
					for _, c := range claim(t, store) {
						done(t, store, c)
					}
				}
				got, err := store.Append(t.Context(), b)
				require.NoError(t, err)
				for i, a := range got {
					require.Equal(t, i == 2, a.Duplicate, "event %d: the rows that carry the batch's id are new", i)
					require.Equal(t, i == 3, a.Clash, "event %d", i)
				}
				counts, err := store.Count(t.Context(), "")
				require.NoError(t, err)
				ready := 2
				if what == lostAnswer {
					ready = 0
				}
				require.Equal(t, ready, counts.Ready, "nothing that was worked is queued again")
				require.Equal(t, 1, counts.Dead)

				// An ending sent again changes nothing.
				_, err = store.Append(t.Context(), batch("b2", event("evt_3", "pi_3")))
				require.NoError(t, err)
				claims := claim(t, store)
				c := claims[len(claims)-1]
				l.lose(what)
				require.ErrorIs(t, finish(t, store, c), commerce.ErrUnknown)
				require.NoError(t, finish(t, store, c))
				e, err := store.Get(t.Context(), c.Events[0].Seq)
				require.NoError(t, err)
				require.Equal(t, inbox.Done, e.State)

				// A key whose beginning got no answer is never acted on by two.
				begin := idempotency.BeginRequest{Key: "k", Class: idempotency.Marked, Lease: time.Minute, Settle: 2 * time.Minute}
				l.lose(what)
				_, err = db.Steps().Begin(t.Context(), begin)
				require.ErrorIs(t, err, commerce.ErrUnknown)
				g, err := db.Steps().Begin(t.Context(), begin)
				require.NoError(t, err)
				require.Equal(t, what == lostRequest, g.Acquired)
			})
		}
	})
}

func TestABatchOfNewEventsWithoutAnAnswerIsNewWhenSentAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		for name, what := range map[string]loss{"carried out": lostAnswer, "not carried out": lostRequest} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				pool, l := d.lossyPool(t)
				store := d.openStore(t, pool, sqlstore.Config{}).Inbox()
				old := event("evt_0", "pi_0")
				_, err := store.Append(t.Context(), batch("b0", old))
				require.NoError(t, err)
				b := batch("b1", event("evt_1", "pi_1"), old, event("evt_2", "pi_2"))
				l.lose(what)
				_, err = store.Append(t.Context(), b)
				require.ErrorIs(t, err, commerce.ErrUnknown)
				for range 2 {
					got, err := store.Append(t.Context(), b)
					require.NoError(t, err)
					require.Equal(t, []bool{false, true, false}, []bool{got[0].Duplicate, got[1].Duplicate, got[2].Duplicate})
				}
				counts, err := store.Count(t.Context(), "")
				require.NoError(t, err)
				require.Equal(t, 3, counts.Ready)
				whole(t, d, pool)
			})
		}
	})
}

func TestAPolledPageWithoutAnAnswerIsNotRevisedTwice(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		pool, l := d.lossyPool(t)
		store := d.openStore(t, pool, sqlstore.Config{}).Inbox()
		page := inbox.Batch{ID: "p1", Feed: "orders", Cursor: "c1", Revise: []string{"A", "B", "B", "A"},
			Events: []commerce.Event{event("order/1", "pi_1"), event("order/1", "pi_1"), event("order/1", "pi_1"), event("order/1", "pi_1")}}
		l.lose(lostAnswer)
		_, err := store.Append(t.Context(), page)
		require.ErrorIs(t, err, commerce.ErrUnknown)
		got, err := store.Append(t.Context(), page)
		require.NoError(t, err)
		require.Equal(t, []bool{false, false, true, false}, []bool{got[0].Duplicate, got[1].Duplicate, got[2].Duplicate, got[3].Duplicate})
		e, err := store.Get(t.Context(), got[3].Seq)
		require.NoError(t, err)
		require.Equal(t, "order/1@3", e.Event.Ref.ID)
		counts, err := store.Count(t.Context(), "")
		require.NoError(t, err)
		require.Equal(t, 3, counts.Ready)
		at, err := store.Cursor(t.Context(), "orders")
		require.NoError(t, err)
		require.Equal(t, "c1", at)
	})
}

func claim(t testing.TB, store inbox.Store) []inbox.Claim {
	t.Helper()
	claims, err := store.Claim(context.WithoutCancel(t.Context()), inbox.ClaimRequest{Owner: "w", Roots: 100, Events: 100, Lease: time.Minute})
	require.NoError(t, err)
	return claims
}

func finish(t testing.TB, store inbox.Store, c inbox.Claim) error {
	t.Helper()
	var endings []inbox.Ending
	for _, e := range c.Events {
		endings = append(endings, inbox.Ending{Seq: e.Seq, Generation: e.Generation, State: inbox.Done})
	}
	return store.Finish(t.Context(), c.Lease, endings)
}

func done(t testing.TB, store inbox.Store, c inbox.Claim) {
	t.Helper()
	require.NoError(t, finish(t, store, c))
	require.NoError(t, store.Release(t.Context(), c.Lease))
}
