package sqlstore_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/sqlstore"
)

// A statement that asks the time waits for the gate, when it has its view of the
// database and has locked nothing yet. Only statements that start with WITH do: those
// that are a transaction by themselves.
const gate = `CREATE SCHEMA gate; CREATE FUNCTION gate.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	IF current_query() LIKE 'WITH %' THEN PERFORM pg_advisory_xact_lock_shared(7); END IF;
	RETURN pg_catalog.clock_timestamp();
END $$`

// gated is a store whose statements wait at the gate, and others of the same database
// that nothing holds up. late's clock is a minute behind: what it holds by its own
// reckoning is free by everybody else's, as for a transaction that began in time.
type gated struct {
	pool              *sql.DB
	held, other, late inbox.Store
}

func openGated(t *testing.T) *gated {
	server.Need(t)
	t.Parallel()
	d := servers[0]
	driver, dsn := d.dsn(t)
	g := &gated{pool: open(t, driver, dsn)}
	g.other = d.openStore(t, g.pool, sqlstore.Config{}).Inbox()
	behind := func() time.Time { return time.Now().Add(-time.Minute) }
	g.late = d.openStore(t, g.pool, sqlstore.Config{Now: behind}).Inbox()
	_, err := g.pool.ExecContext(t.Context(), gate)
	require.NoError(t, err)
	g.held = d.openStore(t, open(t, driver, dsn+"&search_path=public,gate,pg_catalog"), sqlstore.Config{}).Inbox()
	return g
}

// during runs statement, and what happens while it is held between its view of the
// database and its first lock.
func (g *gated) during(t *testing.T, statement, happens func()) {
	ctx := context.WithoutCancel(t.Context())
	keeper, err := g.pool.Conn(ctx)
	require.NoError(t, err)
	defer keeper.Close()
	_, err = keeper.ExecContext(ctx, "SELECT pg_advisory_lock(7)")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() { defer close(done); statement() }()
	require.Eventually(t, func() bool {
		var waits bool
		err := keeper.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`).Scan(&waits)
		return err == nil && waits
	}, 5*time.Second, 2*time.Millisecond)
	happens()
	_, err = keeper.ExecContext(ctx, "SELECT pg_advisory_unlock(7)")
	require.NoError(t, err)
	<-done
}

const gatedOrder = "t1/magento/shop/test/order%2F1"

func link(t *testing.T, store inbox.Store, l inbox.Lease) inbox.Lease {
	t.Helper()
	got, err := store.Link(t.Context(), l, l.Root, gatedOrder, time.Minute)
	require.NoError(t, err)
	return got
}

func release(t *testing.T, store inbox.Store, l inbox.Lease) {
	t.Helper()
	require.NoError(t, store.Release(t.Context(), l))
}

func TestAClaimTakesNoRootThatWasHeldSinceItLooked(t *testing.T) {
	for _, c := range []struct {
		name           string
		before, during func(t *testing.T, g *gated)
	}{
		{"linked by a worker that claimed and gave back", func(t *testing.T, g *gated) {
			release(t, g.other, claim(t, g.other)[0].Lease)
		}, func(t *testing.T, g *gated) {
			release(t, g.other, link(t, g.other, claim(t, g.other)[0].Lease))
		}},
		{"linked under the first lease there ever was", nil, func(t *testing.T, g *gated) {
			release(t, g.other, link(t, g.other, claim(t, g.other)[0].Lease))
		}},
		{"linked by a worker whose lease ran out meanwhile", func(t *testing.T, g *gated) {
			_, err := g.pool.ExecContext(t.Context(), "UPDATE commerce_queue SET due = due - 60000000")
			require.NoError(t, err)
			got, err := g.late.Claim(t.Context(), inbox.ClaimRequest{Owner: "late", Roots: 1, Events: 9, Lease: 50 * time.Second})
			require.NoError(t, err)
			require.Len(t, got, 1)
		}, func(t *testing.T, g *gated) {
			var l inbox.Lease
			require.NoError(t, g.pool.QueryRowContext(t.Context(), "SELECT root, token FROM commerce_leases").Scan(&l.Root, &l.Token))
			release(t, g.other, link(t, g.late, l))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := openGated(t)
			_, err := g.other.Append(t.Context(), batch("b1", event("evt_1", "pi_1"), event("evt_2", "pi_1")))
			require.NoError(t, err)
			if c.before != nil {
				c.before(t, g)
			}
			var got []inbox.Claim
			g.during(t, func() { got = claim(t, g.held) }, func() { c.during(t, g) })
			for _, c := range got {
				for _, e := range c.Events {
					require.Equal(t, gatedOrder, e.Root)
					require.Equal(t, gatedOrder, c.Lease.Root, "an event is worked under the lease of its root")
				}
			}
			if len(got) == 0 {
				got = claim(t, g.other)
			}
			require.Len(t, got, 1)
			require.Len(t, got[0].Events, 2)
			require.Equal(t, gatedOrder, got[0].Lease.Root)
		})
	}
}

func TestAClaimLeavesOutWhatEndedSinceItLooked(t *testing.T) {
	g := openGated(t)
	_, err := g.other.Append(t.Context(), batch("b1", event("evt_1", "pi_1"), event("evt_2", "pi_1")))
	require.NoError(t, err)
	_, err = g.pool.ExecContext(t.Context(), "UPDATE commerce_queue SET due = due - 60000000")
	require.NoError(t, err)
	late, err := g.late.Claim(t.Context(), inbox.ClaimRequest{Owner: "late", Roots: 1, Events: 9, Lease: 50 * time.Second})
	require.NoError(t, err)
	require.Len(t, late, 1)
	end := func(i int, s inbox.State) {
		e := late[0].Events[i]
		require.NoError(t, g.late.Finish(t.Context(), late[0].Lease, []inbox.Ending{
			{Seq: e.Seq, Generation: e.Generation, State: s, Wait: time.Hour}}))
	}
	var got []inbox.Claim
	g.during(t, func() { got = claim(t, g.held) }, func() { end(0, inbox.Parked) })
	require.Len(t, got, 1)
	require.Len(t, got[0].Events, 1)
	require.Equal(t, late[0].Events[1].Seq, got[0].Events[0].Seq)
	require.Equal(t, 2, got[0].Events[0].Starts)
	require.ErrorIs(t, g.late.Finish(t.Context(), late[0].Lease, []inbox.Ending{{Seq: late[0].Events[1].Seq, Generation: 1, State: inbox.Done}}),
		commerce.ErrConflict)
}

func TestALeaseIsNotKeptWhereEverythingEndedSinceTheClaimLooked(t *testing.T) {
	g := openGated(t)
	_, err := g.other.Append(t.Context(), batch("b1", event("evt_1", "pi_1")))
	require.NoError(t, err)
	_, err = g.pool.ExecContext(t.Context(), "UPDATE commerce_queue SET due = due - 60000000")
	require.NoError(t, err)
	late, err := g.late.Claim(t.Context(), inbox.ClaimRequest{Owner: "late", Roots: 1, Events: 9, Lease: 50 * time.Second})
	require.NoError(t, err)
	require.Len(t, late, 1)
	var got []inbox.Claim
	g.during(t, func() { got = claim(t, g.held) }, func() { require.NoError(t, finish(t, g.late, late[0])) })
	require.Empty(t, got)
	_, err = g.other.Append(t.Context(), batch("b2", event("evt_2", "pi_1")))
	require.NoError(t, err)
	require.Len(t, claim(t, g.other), 1)
}

func TestAClaimTakesARootWhoseLeaseWasGivenBackTwice(t *testing.T) {
	g := openGated(t)
	_, err := g.other.Append(t.Context(), batch("b1", event("evt_1", "pi_1"), event("evt_2", "pi_2")))
	require.NoError(t, err)
	before := claim(t, g.other)
	require.Len(t, before, 2)
	for _, c := range before {
		release(t, g.other, c.Lease)
	}
	var got []inbox.Claim
	g.during(t, func() { got = claim(t, g.held) }, func() { // the row is another, what it says is not
		release(t, g.other, before[0].Lease)
	})
	require.Len(t, got, 2)
	for _, c := range got {
		require.Equal(t, int64(2), c.Lease.Token)
		require.Equal(t, 2, c.Events[0].Starts)
		require.NoError(t, finish(t, g.other, c))
	}
}

func TestEndingsHeldTogetherAreJudgedByWhatHoldsAtTheLock(t *testing.T) {
	g := openGated(t)
	_, err := g.other.Append(t.Context(), batch("b1", event("evt_1", "pi_1"), event("evt_2", "pi_2"), event("evt_3", "pi_3")))
	require.NoError(t, err)
	claims := claim(t, g.other)
	require.Len(t, claims, 3)
	errs := make([]error, 2)
	g.during(t, func() { // one ends, and its lease has been taken by another
		errs[0] = finish(t, g.held, claims[0])
	}, func() {
		_, err := g.pool.ExecContext(t.Context(), "UPDATE commerce_leases SET token = token + 1 WHERE root = $1", claims[0].Lease.Root)
		require.NoError(t, err)
	})
	require.ErrorIs(t, errs[0], commerce.ErrConflict)
	e, err := g.other.Get(t.Context(), claims[0].Events[0].Seq)
	require.NoError(t, err)
	require.Equal(t, inbox.Ready, e.State)

	g.during(t, func() { // one ends that is said again
		errs[1] = finish(t, g.held, claims[1])
	}, func() {
		require.NoError(t, finish(t, g.other, claims[1]))
	})
	require.NoError(t, errs[1])
	e, err = g.other.Get(t.Context(), claims[1].Events[0].Seq)
	require.NoError(t, err)
	require.Equal(t, inbox.Done, e.State)
}

func TestEndingsThatShareALostAnswerAreUnknownAndMayBeSaidAgain(t *testing.T) {
	g := openGated(t)
	b := inbox.Batch{ID: "b1"}
	for i := range 6 {
		b.Events = append(b.Events, event(sprintf("evt_%d", i), sprintf("pi_%d", i)))
	}
	_, err := g.other.Append(t.Context(), b)
	require.NoError(t, err)
	claims := claim(t, g.other)
	require.Len(t, claims, 6)
	ctx := context.WithoutCancel(t.Context())
	keeper, err := g.pool.Conn(ctx)
	require.NoError(t, err)
	defer keeper.Close()
	_, err = keeper.ExecContext(ctx, "SELECT pg_advisory_lock(7)")
	require.NoError(t, err)
	errs, left := make(chan error), len(claims)
	for _, c := range claims {
		go func() {
			errs <- g.held.Finish(ctx, c.Lease, []inbox.Ending{{Seq: c.Events[0].Seq, Generation: 1, State: inbox.Done, Release: true}})
		}()
	}
	for left > 0 { // two are on their way, and those that wait share the next
		select {
		case err := <-errs:
			left--
			var e *commerce.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, commerce.Unknown, e.Outcome)
			require.False(t, commerce.SafeToRetry(err))
		default:
			_, err := keeper.ExecContext(ctx, `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
				AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
			require.NoError(t, err)
		}
	}
	_, err = keeper.ExecContext(ctx, "SELECT pg_advisory_unlock(7)")
	require.NoError(t, err)
	for range 2 {
		for _, c := range claims {
			end := []inbox.Ending{{Seq: c.Events[0].Seq, Generation: 1, State: inbox.Done, Release: true}}
			require.NoError(t, g.held.Finish(ctx, c.Lease, end))
		}
	}
}

func TestTheContextOfOneThatEndsDoesNotUndoASharedStatement(t *testing.T) {
	g := openGated(t)
	_, err := g.other.Append(t.Context(), batch("b1", event("evt_1", "pi_1")))
	require.NoError(t, err)
	c := claim(t, g.other)[0]
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	g.during(t, func() {
		err = g.held.Finish(ctx, c.Lease, []inbox.Ending{{Seq: c.Events[0].Seq, Generation: 1, State: inbox.Done}})
	}, cancel)
	require.NoError(t, err)
	e, err := g.other.Get(t.Context(), c.Events[0].Seq)
	require.NoError(t, err)
	require.Equal(t, inbox.Done, e.State)
}
