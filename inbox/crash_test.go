package inbox_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

// A process may die between any two calls of its store, before the call takes effect or
// before its answer is read. This test tries every such instant.
func TestACrashAtAnyInstantLosesNothing(t *testing.T) {
	t.Parallel()
	for _, answered := range []bool{false, true} {
		for k := 1; ; k++ {
			if !crashAt(t, k, answered) {
				require.Greater(t, k, 15, "every call was tried")
				break
			}
		}
	}
}

// crashAt lets a process die at its k-th call and another one take over; it reports
// whether the process got that far.
func crashAt(t *testing.T, k int, answered bool) bool {
	t.Helper()
	name := fmt.Sprintf("dead at call %d, carried out: %v", k, answered)
	c := newClock()
	memory := inbox.NewMemory(inbox.MemoryConfig{Now: c.Now})
	dead := false
	calls := 0
	dying := &faulty{Store: memory}
	die := func(string) error {
		if dead {
			return errAway
		}
		return nil
	}
	dying.set(func(op string) error {
		if calls++; calls == k && !answered {
			dead = true
		}
		return die(op)
	}, func(op string) error {
		if calls == k {
			dead = true
		}
		return die(op)
	})

	effects := map[string]int{}
	handlers := inbox.Merge(handle(func(ctx context.Context, e commerce.Event) error {
		if err := inbox.Link(ctx, order("1")); err != nil {
			return err
		}
		if dead {
			return kind(commerce.KindUnavailable) // nothing is done by the dead
		}
		effects[e.Ref.ID]++
		return inbox.Emit(ctx, orderEvent("told/"+e.Ref.ID, "1"))
	}), inbox.Handlers{"magento order.changed": {{Name: "h", Handle: func(_ context.Context, e commerce.Event) error {
		if dead {
			return kind(commerce.KindUnavailable)
		}
		effects[e.Ref.ID]++
		return nil
	}}}})
	process := func(s inbox.Store) *inbox.Inbox {
		return newInbox(t, s, inbox.Config{Now: c.Now, Handlers: handlers, Rand: func() float64 { return 0 },
			Wait: func(ctx context.Context, d time.Duration) error { c.Advance(d); return ctx.Err() }})
	}
	events := []commerce.Event{event("evt_1", "pi_1"), event("evt_2", "pi_1"), event("evt_3", "pi_2")}
	first := process(dying)
	acknowledged := map[string]bool{}
	for _, e := range events {
		if _, err := first.Append(t.Context(), e); err == nil {
			acknowledged[e.Ref.ID] = true
		}
	}
	for !dead {
		if n, err := first.Work(t.Context()); n == 0 && err == nil {
			break
		}
	}
	crashed := dead
	dead = false

	second := process(memory)
	for _, e := range events {
		got, err := second.Append(t.Context(), e) // the sender sends again what was not acknowledged
		require.NoError(t, err, name)
		if acknowledged[e.Ref.ID] {
			require.True(t, got[0].Duplicate, "%s: %s was acknowledged and is gone", name, e.Ref.ID)
		}
	}
	for range 10 {
		workAll(t, second)
		c.Advance(2 * time.Minute) // the dead process's leases end, waits are over
	}
	ended := 0
	for e, err := range second.List(t.Context(), inbox.Filter{}) {
		require.NoError(t, err)
		require.Equal(t, inbox.Done, e.State, "%s: %s: %s", name, e.Event.Ref.ID, e.Reason)
		require.Equal(t, order("1").String(), e.Root, name)
		require.Positive(t, effects[e.Event.Ref.ID], "%s: %s", name, e.Event.Ref.ID)
		require.LessOrEqual(t, effects[e.Event.Ref.ID], 2, "%s: %s", name, e.Event.Ref.ID)
		ended++
	}
	require.Equal(t, 6, ended, name)
	return crashed
}
