package inbox_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

func TestPruneGoesThroughAllEvents(t *testing.T) {
	t.Parallel()
	b := newBench(t, inbox.Config{})
	var events []commerce.Event
	for i := range 1201 { // three stretches, the last of one event
		events = append(events, event(fmt.Sprintf("evt_%d", i), "pi_1"))
	}
	appendAll(t, b.Inbox, events...)
	workAll(t, b.Inbox)

	b.clock.Advance(91 * 24 * time.Hour)
	got, err := b.Prune(t.Context(), inbox.Retention{})
	require.NoError(t, err)
	require.Equal(t, inbox.Pruned{Payloads: 1201}, got)
	got, err = b.Prune(t.Context(), inbox.Retention{})
	require.NoError(t, err)
	require.Zero(t, got)
	b.clock.Advance(310 * 24 * time.Hour)
	got, err = b.Prune(t.Context(), inbox.Retention{})
	require.NoError(t, err)
	require.Equal(t, inbox.Pruned{Events: 1201}, got)
}

func TestARetentionThatForgetsWhatMayComeAgainIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t, inbox.Config{})
	for _, r := range []inbox.Retention{{Events: 44 * 24 * time.Hour}, {Events: -1}, {Payloads: -1}} {
		_, err := b.Prune(t.Context(), r)
		require.ErrorIs(t, err, commerce.ErrInvalid)
		require.ErrorContains(t, err, "Retention.Events")
	}
}

func TestEraseSaysWhatItHadToLeave(t *testing.T) {
	t.Parallel()
	b := newBench(t, inbox.Config{})
	person := func(id string) commerce.Event {
		e := event(id, "pi_"+id)
		e.Person = "cus_1"
		return e
	}
	appendAll(t, b.Inbox, person("evt_1"))
	workAll(t, b.Inbox)
	seqs := appendAll(t, b.Inbox, person("evt_2"))
	tenant := person("").Ref.Tenant
	_, err := b.Erase(t.Context(), tenant, "")
	require.ErrorIs(t, err, commerce.ErrInvalid)
	got, err := b.Erase(t.Context(), tenant, "cus_1")
	require.NoError(t, err)
	require.Equal(t, inbox.Erased{Events: 1, InWork: 1}, got)
	workAll(t, b.Inbox)
	got, err = b.Erase(t.Context(), tenant, "cus_1")
	require.NoError(t, err)
	require.Equal(t, inbox.Erased{Events: 1}, got)
	e, err := b.Get(t.Context(), seqs[0])
	require.NoError(t, err)
	require.True(t, e.Blank)
}
