package inboxtest

import (
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

// soon is how many claims may pass before it is somebody's turn.
const soon = 12

func of(tenant, id string) commerce.Event {
	e := event(id, "pi_"+id)
	e.Ref.Tenant = tenant
	return e
}

func (s *suite) flood(tenant string, n int) {
	s.Helper()
	var events []commerce.Event
	for i := range n {
		events = append(events, of(tenant, fmt.Sprintf("%s_%d", tenant, i)))
	}
	s.append(events...)
}

// claimed1 claims one root and returns the tenant of it; "" = nothing is due.
func (s *suite) claimed1(r inbox.ClaimRequest) (tenant string, c inbox.Claim) {
	s.Helper()
	r.Owner, r.Roots, r.Events, r.Lease = "w", 1, 100, minute
	got, err := s.Store.Claim(s.ctx(), r)
	require.NoError(s, err)
	if len(got) == 0 {
		return "", inbox.Claim{}
	}
	return got[0].Events[0].Event.Ref.Tenant, got[0]
}

func (s *suite) turns() {
	s.flood("loud", 100)
	s.Advance(minute)
	for range 3 {
		tenant, _ := s.claimed1(inbox.ClaimRequest{})
		require.Equal(s, "loud", tenant)
	}
	s.Advance(minute / 6)
	s.append(of("quiet", "evt_1"), of("silent", "evt_1"))
	waited := map[string]int{}
	for i := range 2 * soon {
		tenant, _ := s.claimed1(inbox.ClaimRequest{})
		if _, ok := waited[tenant]; !ok {
			waited[tenant] = i
		}
	}
	require.Contains(s, waited, "quiet")
	require.Contains(s, waited, "silent")
	require.Less(s, waited["quiet"], soon)
	require.Less(s, waited["silent"], soon)
	require.Less(s, waited["loud"], 3, "the others' turn does not stop the one with much to do")

	s.append(of("quiet", "evt_2"), of("silent", "evt_2"))
	got, err := s.Store.Claim(s.ctx(), inbox.ClaimRequest{Owner: "w", Roots: 50, Events: 100, Lease: minute})
	require.NoError(s, err)
	require.Len(s, got, 50, "one claim brings as many as were asked for")
}

func (s *suite) room() {
	s.flood("loud", 20)
	s.flood("quiet", 2)
	ask := inbox.ClaimRequest{Owner: "w", Roots: 10, Events: 100, Lease: minute, PerTenant: 3, Running: map[string]int{"loud": 1}}
	got, err := s.Store.Claim(s.ctx(), ask)
	require.NoError(s, err)
	count := map[string]int{}
	for _, c := range got {
		count[c.Events[0].Event.Ref.Tenant]++
	}
	require.LessOrEqual(s, count["loud"], 2)
	require.LessOrEqual(s, count["quiet"], 2)
	require.NotEmpty(s, got)

	ask.Running = map[string]int{"loud": 3, "quiet": 3}
	got, err = s.Store.Claim(s.ctx(), ask)
	require.NoError(s, err)
	require.Empty(s, got, "both are full")
	ask.Running = nil
	got, err = s.Store.Claim(s.ctx(), ask)
	require.NoError(s, err)
	require.NotEmpty(s, got)
}

func (s *suite) repair() {
	var events []commerce.Event
	for i := range 10 {
		events = append(events, of("t1", fmt.Sprintf("missed_%d", i)))
	}
	_, err := s.Store.Append(s.ctx(), inbox.Batch{ID: batchID(), Events: events, Repair: true})
	require.NoError(s, err)
	s.Advance(minute)
	s.flood("t1", 40) // due later
	missed := -1
	for i := range 2 * soon {
		_, c := s.claimed1(inbox.ClaimRequest{})
		if id := c.Events[0].Event.Ref.ID; len(id) > 6 && id[:6] == "missed" {
			missed = i
			break
		}
	}
	require.Positive(s, missed, "live events come first")
	require.Less(s, missed, soon, "but repair is not put off for ever")

	// Live news of the same root takes what is to be repaired with it.
	again := of("t1", "missed_9")
	again.Ref.ID = "news"
	s.append(again)
	live := map[string]bool{}
	for range 60 {
		_, c := s.claimed1(inbox.ClaimRequest{})
		for _, e := range c.Events {
			live[e.Event.Ref.ID] = true
		}
	}
	require.Len(s, live, 40+10+1-missed-1, "nothing is left out")
}
