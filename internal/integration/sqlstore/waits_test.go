package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/sqlstore"
)

func TestWritersOfOneIdentityInOppositeOrdersNeverLockEachOtherOut(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		driver, dsn := d.dsn(t)
		// Two programs, so that nothing in this process takes turns for them. SQLite is
		// not fair between them, and a loaded machine makes that longer: what is asked here
		// is that everybody gets his turn, not when.
		c := sqlstore.Config{TxTimeout: time.Minute}
		stores := []*sqlstore.Inbox{
			d.openStore(t, open(t, driver, dsn), c).Inbox(),
			d.openStore(t, open(t, driver, dsn), c).Inbox(),
		}
		const rounds, size = 20, 100
		var wg sync.WaitGroup
		var mu sync.Mutex
		fresh := 0
		for w := range 4 {
			wg.Go(func() {
				chance := rand.New(rand.NewPCG(3, uint64(w)))
				for round := range rounds {
					var events []commerce.Event
					for _, i := range chance.Perm(size) {
						events = append(events, event(sprintf("evt_%d_%d", round, i), sprintf("pi_%d", i)))
					}
					events = append(events, events[0]) // and the long way
					if w%2 == 0 {
						events = events[:size]
					}
					got, err := stores[w%2].Append(t.Context(), batch(sprintf("b %d %d", w, round), events...))
					if err != nil {
						t.Errorf("append: %v", err)
						return
					}
					mu.Lock()
					for _, a := range got {
						if !a.Duplicate {
							fresh++
						}
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		require.Equal(t, rounds*size, fresh)
	})
}

func TestAClaimWaitsForNobody(t *testing.T) {
	t.Parallel()
	eachOf(t, servers, aClaimWaitsForNobody) // SQLite has one writer at a time, whoever it is
}

func aClaimWaitsForNobody(t *testing.T, d database) {
	c := newClock()
	pool := d.pool(t)
	db := d.openStore(t, pool, sqlstore.Config{Now: c.Now, LockTimeout: 100 * time.Millisecond})
	store := db.Inbox()
	_, err := store.Append(t.Context(), batch("b1", event("evt_1", "pi_1"), event("evt_2", "pi_2")))
	require.NoError(t, err)
	first, err := store.Claim(t.Context(), inbox.ClaimRequest{Owner: "w1", Roots: 1, Events: 1, Lease: time.Minute})
	require.NoError(t, err)
	require.Len(t, first, 1)
	a := inbox.Attempt{Lease: first[0].Lease, Seq: first[0].Events[0].Seq, Generation: 1}

	errBack := fmt.Errorf("roll back")
	err = db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		require.NoError(t, store.CompleteTx(inbox.WithAttempt(ctx, a), tx))
		c.Advance(time.Hour) // the lease is over, and its row is locked by this transaction
		other := context.Background()
		claims, err := store.Claim(other, inbox.ClaimRequest{Owner: "w2", Roots: 9, Events: 9, Lease: time.Minute})
		require.NoError(t, err)
		require.Len(t, claims, 1, "only the root that nobody has a hand on")
		require.Equal(t, "pi_2", claims[0].Events[0].Event.Subject)

		_, err = store.Link(other, claims[0].Lease, claims[0].Lease.Root, first[0].Lease.Root, time.Minute)
		require.ErrorIs(t, err, commerce.ErrParked, "a link tries, and does not wait")
		err = store.Finish(other, first[0].Lease, nil)
		require.ErrorIs(t, err, commerce.ErrConflict, "what has to wait waits for LockTimeout")
		require.True(t, commerce.SafeToRetry(err))
		return errBack
	})
	require.Equal(t, errBack, err)
}

func TestAWriterThatHoldsTheDatabaseIsNotWaitedForForEver(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		driver, dsn := d.dsn(t)
		holder := d.openStore(t, open(t, driver, dsn), sqlstore.Config{})
		// SQLite looks at the time when the connection's own patience ends.
		impatient := strings.Replace(dsn, "busy_timeout(5000)", "busy_timeout(100)", 1)
		db := d.openStore(t, open(t, driver, impatient), sqlstore.Config{TxTimeout: 300 * time.Millisecond, LockTimeout: 100 * time.Millisecond})
		begin := idempotency.BeginRequest{Key: "k", Class: idempotency.Marked, Lease: time.Minute, Settle: time.Minute}
		err := holder.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			_, _, err := holder.Steps().RecordTx(ctx, tx, "k", "", []byte("1"))
			require.NoError(t, err)
			_, err = db.Steps().Begin(t.Context(), begin)
			require.Error(t, err)
			require.Contains(t, []commerce.Kind{commerce.KindConflict, commerce.KindUnavailable}, commerce.KindOf(err))
			require.True(t, commerce.SafeToRetry(err))
			return nil
		})
		require.NoError(t, err)
		g, err := db.Steps().Begin(t.Context(), begin)
		require.NoError(t, err)
		require.Equal(t, idempotency.Done, g.Record.State)
	})
}

func TestACallerWhoGaveUpIsToldNotSent(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		db := d.store(t, sqlstore.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := db.Inbox().Append(ctx, batch("b1", event("evt_1", "pi_1")))
		require.ErrorIs(t, err, commerce.ErrUnavailable)
		require.ErrorIs(t, err, context.Canceled)
		require.True(t, commerce.SafeToRetry(err))
	})
}

func TestAListMayBeLeftAndItsLoopMayWrite(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		pool := d.pool(t)
		pool.SetMaxOpenConns(1) // a list that held a connection would stop here
		db := d.openStore(t, pool, sqlstore.Config{})
		var events []commerce.Event
		for i := range 450 {
			events = append(events, event(sprintf("evt_%d", i), "pi_1"))
		}
		_, err := db.Inbox().Append(t.Context(), batch("b1", events...))
		require.NoError(t, err)
		var seen []int64
		list := db.Inbox().List(t.Context(), inbox.Filter{Limit: 1000, States: []inbox.State{inbox.Ready}})
		for range 2 { // a sequence can be walked again
			seen = nil
			for e, err := range list {
				require.NoError(t, err)
				require.Nil(t, e.Event.Raw)
				if seen = append(seen, e.Seq); len(seen) == 1 {
					_, err := db.Inbox().Append(t.Context(), batch("b2", event("more", "pi_2")))
					require.NoError(t, err)
				}
			}
			require.Len(t, seen, 451)
			require.True(t, slices.IsSorted(seen))
		}
		n := 0
		for _, err := range db.Inbox().Timeline(t.Context(), events[0].SubjectRef().String()) {
			require.NoError(t, err)
			n++
		}
		require.Equal(t, 450, n)
		for range db.Inbox().List(t.Context(), inbox.Filter{}) {
			break
		}
	})
}

func TestAWaitIsNeverCutShort(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		clk := newClock()
		store := d.store(t, sqlstore.Config{Now: clk.Now}).Inbox()
		_, err := store.Append(t.Context(), batch("b1", event("evt_1", "pi_1")))
		require.NoError(t, err)
		request := inbox.ClaimRequest{Owner: "w", Roots: 1, Events: 1, Lease: time.Minute}
		claims, err := store.Claim(t.Context(), request)
		require.NoError(t, err)
		require.Len(t, claims, 1)
		e := claims[0].Events[0]
		// Shorter than a table can say; the clock stands still.
		require.NoError(t, store.Finish(t.Context(), claims[0].Lease,
			[]inbox.Ending{{Seq: e.Seq, Generation: e.Generation, State: inbox.Parked, Wait: time.Nanosecond}}))
		require.NoError(t, store.Release(t.Context(), claims[0].Lease))
		claims, err = store.Claim(t.Context(), request)
		require.NoError(t, err)
		require.Empty(t, claims)
		clk.Advance(time.Microsecond)
		claims, err = store.Claim(t.Context(), request)
		require.NoError(t, err)
		require.Len(t, claims, 1)
	})
}
