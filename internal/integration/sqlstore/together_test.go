package sqlstore_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/sqlstore"
)

func TestEndingsThatShareAStatementStandForThemselves(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		store := d.store(t, sqlstore.Config{}).Inbox()
		b := inbox.Batch{ID: "b1"}
		for i := range 40 {
			b.Events = append(b.Events, event(fmt.Sprintf("evt_%d", i), fmt.Sprintf("pi_%d", i)))
		}
		_, err := store.Append(t.Context(), b)
		require.NoError(t, err)
		claims := claim(t, store)
		require.Len(t, claims, 40)
		claims[7].Lease.Token--            // somebody else's
		claims[9].Events[0].Generation++   // opened again since: dropped
		claims[11].Events[0].Seq = 1 << 40 // there is none
		errs := make([]error, len(claims))
		var all sync.WaitGroup
		for i, c := range claims {
			all.Go(func() {
				end := inbox.Ending{Seq: c.Events[0].Seq, Generation: c.Events[0].Generation, State: inbox.Done, Release: true}
				if i%3 == 2 && i != 11 {
					end.State, end.Reason = inbox.Dead, "because"
				}
				errs[i] = store.Finish(t.Context(), c.Lease, []inbox.Ending{end})
			})
		}
		all.Wait()
		for i, c := range claims {
			switch i {
			case 7:
				require.ErrorIs(t, errs[i], commerce.ErrConflict)
				continue
			case 11:
				require.ErrorIs(t, errs[i], commerce.ErrNotFound)
				continue
			}
			require.NoError(t, errs[i], "ending %d", i)
			e, err := store.Get(t.Context(), c.Events[0].Seq)
			require.NoError(t, err)
			want := inbox.Done
			switch {
			case i == 9:
				want = inbox.Ready
			case i%3 == 2:
				want = inbox.Dead
			}
			require.Equal(t, want, e.State, "ending %d", i)
		}
	})
}

// crowd has several workers link and end the events of a few orders, and watches that
// no two of them hold one order.
type crowd struct {
	store inbox.Store
	mu    sync.Mutex
	held  map[string]bool
	ended map[int64]int
	fault error
}

func (w *crowd) enter(root string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held[root] {
		w.fault = fmt.Errorf("two workers hold %s", root)
	}
	w.held[root] = true
}

func (w *crowd) leave(root string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.held, root)
}

func (w *crowd) over(all int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fault != nil || len(w.ended) == all
}

func (w *crowd) work(ctx context.Context, owner string) error {
	claims, err := w.store.Claim(ctx, inbox.ClaimRequest{Owner: owner, Roots: 3, Events: 2, Lease: time.Minute})
	if err != nil {
		return err
	}
	for _, c := range claims {
		l := c.Lease
		w.enter(l.Root)
		for i, e := range c.Events {
			end := inbox.Ending{Seq: e.Seq, Generation: e.Generation, State: inbox.Done, Release: i+1 == len(c.Events)}
			order := fmt.Sprintf("t1/magento/shop/test/order%%2F%d", e.Seq%5)
			if l.Root == e.Event.SubjectRef().String() {
				w.leave(l.Root)
				got, err := w.store.Link(ctx, l, l.Root, order, time.Minute)
				if err == nil {
					l = got
				} else if commerce.KindOf(err) != commerce.KindParked {
					return err
				} else {
					end.State = inbox.Parked
				}
				w.enter(l.Root)
			}
			if end.Release {
				w.leave(l.Root)
			}
			if err := w.store.Finish(ctx, l, []inbox.Ending{end}); err != nil {
				return err
			}
			if end.State == inbox.Done {
				w.mu.Lock()
				w.ended[e.Seq]++
				w.mu.Unlock()
			}
		}
	}
	return nil
}

func TestWorkersThatClaimLinkAndEndAtOnceNeverShareARoot(t *testing.T) {
	t.Parallel()
	eachOf(t, servers[:1], func(t *testing.T, d database) {
		const events, workers = 120, 6
		w := &crowd{store: d.store(t, sqlstore.Config{}).Inbox(), held: map[string]bool{}, ended: map[int64]int{}}
		b := inbox.Batch{ID: "b1"}
		for i := range events {
			b.Events = append(b.Events, event(fmt.Sprintf("evt_%d", i), fmt.Sprintf("pi_%d", i/2)))
		}
		_, err := w.store.Append(t.Context(), b)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		errs := make([]error, workers)
		var all sync.WaitGroup
		for i := range workers {
			all.Go(func() {
				for errs[i] == nil && !w.over(events) {
					errs[i] = w.work(ctx, fmt.Sprint("w", i))
				}
			})
		}
		all.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
		require.NoError(t, w.fault)
		for seq, n := range w.ended {
			require.Equal(t, 1, n, "event %d ended %d times", seq, n)
		}
	})
}
