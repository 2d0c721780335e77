package inbox_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

// of makes an event of a tenant.
func of(tenant, id string) commerce.Event {
	e := event(id, "pi_"+id)
	e.Ref.Tenant = tenant
	return e
}

func TestATenantThatFillsTheQueueDoesNotShutTheOthersOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &gated{Store: inbox.NewMemory(inbox.MemoryConfig{}), gate: make(chan struct{})}
		in := newInbox(t, store, inbox.Config{MaxBatch: 8, QueueLen: 40})
		append1 := func(tenant, id string) chan error {
			done := make(chan error, 1)
			go func() { _, err := in.Append(t.Context(), of(tenant, id)); done <- err }()
			synctest.Wait()
			return done
		}
		first := append1("loud", "evt_first") // on its way
		var loud []chan error
		for i := range 40 {
			loud = append(loud, append1("loud", fmt.Sprintf("evt_%02d", i)))
		}
		require.ErrorIs(t, <-append1("loud", "evt_more"), commerce.ErrLimit)
		quiet := append1("quiet", "evt_quiet")
		other := append1("other", "evt_other")
		require.Empty(t, quiet, "it waits for its commit like the others")
		store.gate <- struct{}{}
		require.NoError(t, <-first)
		store.gate <- struct{}{}
		require.NoError(t, <-quiet, "its turn comes in the very next batch")
		require.NoError(t, <-other)
		for range 5 {
			store.gate <- struct{}{}
		}
		for _, done := range loud {
			require.NoError(t, <-done)
		}
		sizes := []int{}
		for _, b := range store.batches {
			sizes = append(sizes, len(b.Events))
		}
		require.Equal(t, []int{1, 8, 8, 8, 8, 8, 2}, sizes, "batches are as full as ever")
	})
}

func TestATenantWhoseSystemsHangLeavesWorkersToTheOthers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		workers int
		served  bool
	}{
		"with a bound":           {3, true},
		"control: without bound": {0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				var served atomic.Int32
				in := newInbox(t, inbox.NewMemory(inbox.MemoryConfig{}), inbox.Config{Workers: 4, TenantWorkers: c.workers, Poll: time.Second,
					Lease: time.Hour, Handlers: handle(func(ctx context.Context, e commerce.Event) error {
						if e.Ref.Tenant == "slow" {
							<-ctx.Done() // until the program ends
							return ctx.Err()
						}
						served.Add(1)
						return nil
					})})
				ended := make(chan struct{})
				go func() { defer close(ended); _ = in.Run(ctx) }()
				for i := range 20 {
					_, err := in.Append(t.Context(), of("slow", fmt.Sprint("evt_", i)))
					require.NoError(t, err)
				}
				time.Sleep(time.Minute) // of the bubble's clock
				_, err := in.Append(t.Context(), of("quick", "evt_1"))
				require.NoError(t, err)
				time.Sleep(5 * time.Second)
				require.Equal(t, c.served, served.Load() == 1)
				stop()
				<-ended
			})
		})
	}
}

// asked counts claims.
type asked struct {
	inbox.Store
	claims atomic.Int32
}

func (a *asked) Claim(ctx context.Context, r inbox.ClaimRequest) ([]inbox.Claim, error) {
	a.claims.Add(1)
	return a.Store.Claim(ctx, r)
}

func TestAStoreIsNotAskedAllTheTimeForWhatATenantMayNotHave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		store := &asked{Store: inbox.NewMemory(inbox.MemoryConfig{})}
		in := newInbox(t, store, inbox.Config{Workers: 4, TenantWorkers: 3, Poll: time.Second, Lease: time.Hour,
			Handlers: handle(func(ctx context.Context, _ commerce.Event) error {
				<-ctx.Done()
				return ctx.Err()
			})})
		for i := range 20 {
			_, err := in.Append(t.Context(), of("slow", fmt.Sprint("evt_", i)))
			require.NoError(t, err)
		}
		ended := make(chan struct{})
		go func() { defer close(ended); _ = in.Run(ctx) }()
		time.Sleep(time.Minute) // of the bubble's clock
		require.LessOrEqual(t, store.claims.Load(), int32(80), "about once a Poll")
		stop()
		<-ended
	})
}

func TestWhatARepairingFeedBringsWaitsBehindWhatIsTold(t *testing.T) {
	t.Parallel()
	var order []string
	missed := &feed{changes: []inbox.Change{{Event: of("t1", "missed_1"), Cursor: "1"}, {Event: of("t1", "missed_2"), Cursor: "2"}}}
	b := newBench(t, inbox.Config{
		Feeds: []inbox.FeedConfig{{Name: "missed", Feed: missed, Repair: true}},
		Handlers: handle(func(_ context.Context, e commerce.Event) error {
			order = append(order, e.Ref.ID)
			return nil
		}),
	})
	n, err := b.Poll(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, n)
	b.clock.Advance(time.Minute)
	appendAll(t, b.Inbox, of("t1", "told"))
	workAll(t, b.Inbox)
	require.Equal(t, "told", order[0])
	require.Len(t, order, 3)
}
