package inboxtest

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

var by = inbox.Act{Actor: "ann", Reason: "the SKU exists now"}

func (s *suite) replay() {
	seq := s.bury(event("evt_1", "pi_1"))
	raw := s.get(seq).Event.Raw
	overlay := commerce.Overlay{"order.shipping_address.country": json.RawMessage(`"DE"`)}
	require.NoError(s, s.Store.Replay(s.ctx(), seq, by, overlay))
	e := s.get(seq)
	require.Equal(s, inbox.Ready, e.State)
	require.EqualValues(s, 2, e.Generation)
	require.Zero(s, e.Attempts)
	require.Zero(s, e.Starts)
	require.True(s, e.Ended.IsZero())
	require.Equal(s, raw, e.Event.Raw)
	require.Equal(s, overlay, e.Event.Overlay)
	require.Len(s, e.Acts, 1)
	require.Equal(s, "ann", e.Acts[0].Actor)
	require.Equal(s, "replay", e.Acts[0].Verb)
	require.Equal(s, "the SKU exists now", e.Acts[0].Reason)
	now, err := s.Store.Now(s.ctx())
	require.NoError(s, err)
	require.WithinDuration(s, now, e.Acts[0].At, minute/2)
	require.Equal(s, inbox.Appended{Seq: seq, Duplicate: true}, s.append(event("evt_1", "pi_1"))[0], "the id stays taken")

	c := s.claimOne("w")
	require.EqualValues(s, 2, c.Events[0].Generation)
	require.Equal(s, overlay, c.Events[0].Event.Overlay)
	require.Len(s, c.Events[0].Acts, 1, "a claim brings what people did")
	s.finish(c.Lease, ending(c.Events[0], inbox.Dead))
	require.NoError(s, s.Store.Release(s.ctx(), c.Lease))

	second := commerce.Overlay{"order.total": json.RawMessage(`"1.00"`)}
	require.NoError(s, s.Store.Replay(s.ctx(), seq, inbox.Act{Actor: "bob", Reason: "again"}, second))
	e = s.get(seq)
	require.EqualValues(s, 3, e.Generation)
	require.Equal(s, second, e.Event.Overlay, "the overlay replaces the earlier one")
	require.Len(s, e.Acts, 2)
	require.Equal(s, "bob", e.Acts[1].Actor)
	s.done(s.claimOne("w"))
	require.Equal(s, inbox.Done, s.get(seq).State)
}

func (s *suite) replayIgnored() {
	seq := s.appendOne(event("evt_1", "pi_1"))
	c := s.claimOne("w")
	s.finish(c.Lease, ending(c.Events[0], inbox.Ignored))
	require.NoError(s, s.Store.Release(s.ctx(), c.Lease))
	require.NoError(s, s.Store.Replay(s.ctx(), seq, by, nil))
	require.Equal(s, []int64{seq}, seqs(s.claimOne("w").Events))
}

func (s *suite) replayOther() {
	seq := s.appendOne(event("evt_1", "pi_1"))
	refused := func(state inbox.State) {
		s.Helper()
		require.Equal(s, state, s.get(seq).State)
		s.requireKind(s.Store.Replay(s.ctx(), seq, by, commerce.Overlay{"order.total": json.RawMessage(`1`)}), commerce.KindConflict)
		e := s.get(seq)
		require.Equal(s, state, e.State)
		require.EqualValues(s, 1, e.Generation)
		require.Empty(s, e.Acts)
		require.Empty(s, e.Event.Overlay)
	}
	refused(inbox.Ready)
	c := s.claimOne("w")
	s.finish(c.Lease, ending(c.Events[0], inbox.Parked))
	refused(inbox.Parked)
	require.NoError(s, s.Store.Release(s.ctx(), c.Lease))
	s.done(s.claimOne("w"))
	refused(inbox.Done)
}

func (s *suite) replayLate() {
	seq := s.appendOne(event("evt_1", "pi_1"))
	c := s.claimOne("w")
	dead := ending(c.Events[0], inbox.Dead)
	s.finish(c.Lease, dead)
	require.NoError(s, s.Store.Replay(s.ctx(), seq, by, nil))
	late := ending(c.Events[0], inbox.Done)
	late.Emit = append(late.Emit, orderEvent("never", "1"))
	s.finish(c.Lease, late)
	e := s.get(seq)
	require.Equal(s, inbox.Ready, e.State)
	require.EqualValues(s, 2, e.Generation)
	require.Empty(s, s.collect(s.Store.List(s.ctx(), inbox.Filter{Root: orderKey("1")})))
	require.NoError(s, s.Store.Release(s.ctx(), c.Lease))
	again := s.claimOne("w")
	s.finish(again.Lease, late) // in hand now, and still the wrong generation
	require.Equal(s, inbox.Ready, s.get(seq).State)
	s.finish(again.Lease, ending(again.Events[0], inbox.Done))
	require.Equal(s, inbox.Done, s.get(seq).State)
}

func (s *suite) discard() {
	seq := s.bury(event("evt_1", "pi_1"))
	s.Advance(time.Hour)
	require.NoError(s, s.Store.Discard(s.ctx(), seq, by))
	e := s.get(seq)
	require.Equal(s, inbox.Discarded, e.State)
	require.Equal(s, e.Acts[0].At, e.Ended, "kept from the day on which a person ended it")
	require.Len(s, e.Acts, 1)
	require.Equal(s, "discard", e.Acts[0].Verb)
	require.Equal(s, "ann", e.Acts[0].Actor)
	s.requireKind(s.Store.Discard(s.ctx(), seq, by), commerce.KindConflict)
	s.requireKind(s.Store.Replay(s.ctx(), seq, by, nil), commerce.KindConflict)
	s.Advance(time.Hour)
	require.Empty(s, s.claim("w"))
	ready := s.appendOne(event("evt_2", "pi_2"))
	s.requireKind(s.Store.Discard(s.ctx(), ready, by), commerce.KindConflict)
	require.Equal(s, inbox.Ready, s.get(ready).State)
}

func (s *suite) list() {
	dead := s.bury(event("evt_0", "pi_0"))
	var all []int64
	for i := range 5 {
		e := event(fmt.Sprintf("evt_%d", i+1), fmt.Sprintf("pi_%d", i%2))
		if i == 3 {
			e.Ref.Tenant = "t2"
		}
		if i == 4 {
			e.Type = "payout.paid"
		}
		all = append(all, s.appendOne(e))
	}
	list := func(f inbox.Filter) []int64 {
		s.Helper()
		entries := s.collect(s.Store.List(s.ctx(), f))
		for _, e := range entries {
			require.Nil(s, e.Event.Raw, "a list brings no raw bytes")
		}
		return seqs(entries)
	}
	require.Equal(s, append([]int64{dead}, all...), list(inbox.Filter{}))
	require.Equal(s, []int64{dead}, list(inbox.Filter{States: []inbox.State{inbox.Dead}}))
	require.Equal(s, append([]int64{dead}, all...), list(inbox.Filter{States: []inbox.State{inbox.Dead, inbox.Ready}}))
	require.Equal(s, []int64{dead}, list(inbox.Filter{Code: "mapping"}))
	require.Equal(s, []int64{all[3]}, list(inbox.Filter{Tenant: "t2"}))
	require.Equal(s, []int64{all[4]}, list(inbox.Filter{Type: "payout.paid"}))
	require.Equal(s, []int64{dead, all[0], all[2], all[4]}, list(inbox.Filter{Root: subjectKey("pi_0")}))
	require.Equal(s, all[:2], list(inbox.Filter{After: dead, Limit: 2}))
	require.Equal(s, all[2:4], list(inbox.Filter{After: all[1], Limit: 2}))
	require.Empty(s, list(inbox.Filter{Tenant: "t2", Type: "payout.paid"}))
	require.Empty(s, list(inbox.Filter{After: all[4]}))
	for e := range s.Store.List(s.ctx(), inbox.Filter{}) {
		require.Equal(s, dead, e.Seq)
		_, err := s.Store.Get(s.ctx(), e.Seq) // the loop's body may use the store
		require.NoError(s, err)
		break // and may end early
	}
	var many []commerce.Event
	for i := range 120 {
		many = append(many, event(fmt.Sprintf("evt_m%d", i), "pi_m"))
	}
	s.append(many...)
	require.Len(s, list(inbox.Filter{}), 100, "the default limit")
	require.Len(s, list(inbox.Filter{Limit: 1_000_000}), 126)
}

func (s *suite) timeline() {
	for _, pi := range []string{"pi_1", "pi_2"} {
		s.append(created(event("first_"+pi, pi), -time.Hour))
		c := s.claimOne("w")
		lease := s.link(c.Lease, subjectKey(pi), orderKey("1"))
		s.finish(lease, ending(c.Events[0], inbox.Done))
		require.NoError(s, s.Store.Release(s.ctx(), lease))
	}
	s.append(
		created(orderEvent("order_1", "1"), 2*time.Second),
		created(event("evt_3", "pi_1"), 3*time.Second),
		created(event("evt_1", "pi_2"), time.Second),
		created(event("other", "pi_3"), time.Second),
	)
	var ids []string
	for _, e := range s.collect(s.Store.Timeline(s.ctx(), orderKey("1"))) {
		ids = append(ids, e.Event.Ref.ID)
		require.Equal(s, orderKey("1"), e.Root)
	}
	require.Equal(s, []string{"first_pi_1", "first_pi_2", "evt_1", "order_1", "evt_3"}, ids)
	require.Len(s, s.collect(s.Store.Timeline(s.ctx(), subjectKey("pi_3"))), 1, "a subject not linked is its own root")
	require.Empty(s, s.collect(s.Store.Timeline(s.ctx(), orderKey("404"))))
}

func (s *suite) count() {
	count := func(tenant string) inbox.Counts {
		s.Helper()
		c, err := s.Store.Count(s.ctx(), tenant)
		require.NoError(s, err)
		return c
	}
	require.Equal(s, inbox.Counts{}, count(""))
	s.bury(event("evt_1", "pi_1"))
	s.append(event("evt_2", "pi_2"))
	c := s.claimOne("w")
	park := ending(c.Events[0], inbox.Parked)
	park.Wait = time.Hour
	s.finish(c.Lease, park)
	require.NoError(s, s.Store.Release(s.ctx(), c.Lease))
	s.done(func() inbox.Claim { s.append(event("evt_3", "pi_3")); return s.claimOne("w") }())

	oldest := s.get(s.appendOne(event("evt_4", "pi_4"))).Received
	s.Advance(minute)
	s.append(event("evt_5", "pi_5"))
	other := event("evt_6", "pi_6")
	other.Ref.Tenant = "t2"
	s.append(other)
	got := count("t1")
	require.True(s, oldest.Equal(got.OldestReady), "%v is not %v", got.OldestReady, oldest)
	got.OldestReady = time.Time{}
	require.Equal(s, inbox.Counts{Ready: 2, Parked: 1, Dead: 1}, got)
	require.Equal(s, 1, count("t2").Ready)
	require.Equal(s, 3, count("").Ready, "no tenant means all")
	require.Equal(s, inbox.Counts{}, count("t3"))
}

func (s *suite) missing() {
	_, err := s.Store.Get(s.ctx(), 404)
	s.requireKind(err, commerce.KindNotFound)
	s.requireKind(s.Store.Replay(s.ctx(), 404, by, nil), commerce.KindNotFound)
	s.requireKind(s.Store.Discard(s.ctx(), 404, by), commerce.KindNotFound)
}

func (s *suite) reopen() {
	dead := s.bury(event("evt_0", "pi_0"))
	s.append(event("evt_1", "pi_1"))
	c := s.claimOne("w1")
	lease := s.link(c.Lease, subjectKey("pi_1"), orderKey("1"))
	s.page("cursor", [2]string{"17", "A"})

	require.NotNil(s, s.Reopen, "Features.Durable needs Harness.Reopen")
	s.Store = s.Reopen()
	require.Equal(s, inbox.Dead, s.get(dead).State)
	require.True(s, s.append(event("evt_1", "pi_1"))[0].Duplicate)
	got, err := s.Store.Cursor(s.ctx(), "magento orders")
	require.NoError(s, err)
	require.Equal(s, "cursor", got)
	require.True(s, s.page("cursor", [2]string{"17", "A"})[0].Duplicate, "the last content is known")
	require.Equal(s, orderKey("17"), s.claimOne("w2").Lease.Root, "a lease outlives the process that took it")
	s.finish(lease, ending(c.Events[0], inbox.Done))
	require.NoError(s, s.Store.Release(s.ctx(), lease))
}
