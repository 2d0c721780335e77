package inboxtest

import (
	"encoding/json"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

const day = 24 * time.Hour

// end brings one event, the only one that is due, to an end.
func (s *suite) end(e commerce.Event, state inbox.State) int64 {
	s.Helper()
	seq := s.appendOne(e)
	c := s.claimOne("w")
	s.finish(c.Lease, ending(c.Events[0], state))
	require.NoError(s, s.Store.Release(s.ctx(), c.Lease))
	return seq
}

// recent makes an event that is created at the store's now.
func (s *suite) recent(id, subject string) commerce.Event {
	s.Helper()
	now, err := s.Store.Now(s.ctx())
	require.NoError(s, err)
	e := event(id, subject)
	e.Created = now
	return e
}

// pruneAfter prunes what ended longer ago than payloads, and events; all in one stretch.
func (s *suite) pruneAfter(payloads, events time.Duration) inbox.Stretch {
	s.Helper()
	now, err := s.Store.Now(s.ctx())
	require.NoError(s, err)
	got, err := s.Store.Prune(s.ctx(), inbox.PruneRequest{Limit: 100, Payloads: now.Add(-payloads), Events: now.Add(-events)})
	require.NoError(s, err)
	require.Zero(s, got.Last)
	return got
}

func (s *suite) prune() {
	done, ignored := s.end(s.recent("evt_1", "pi_1"), inbox.Done), s.end(s.recent("evt_2", "pi_2"), inbox.Ignored)
	discarded, dead := s.end(s.recent("evt_3", "pi_3"), inbox.Dead), s.end(s.recent("evt_4", "pi_4"), inbox.Dead)
	require.NoError(s, s.Store.Replay(s.ctx(), discarded, by, commerce.Overlay{"order.total": json.RawMessage(`"1.00"`)}))
	c := s.claimOne("w")
	s.finish(c.Lease, ending(c.Events[0], inbox.Dead))
	require.NoError(s, s.Store.Release(s.ctx(), c.Lease))
	require.NoError(s, s.Store.Discard(s.ctx(), discarded, by))
	open := s.appendOne(s.recent("evt_5", "pi_5"))

	s.Advance(50 * day)
	require.Equal(s, inbox.Stretch{}, s.pruneAfter(90*day, 400*day))
	s.Advance(50 * day)
	require.Equal(s, inbox.Stretch{Blank: 3}, s.pruneAfter(90*day, 400*day))
	require.Equal(s, inbox.Stretch{}, s.pruneAfter(90*day, 400*day), "once")
	for _, seq := range []int64{done, ignored, discarded} {
		e := s.get(seq)
		require.True(s, e.Blank)
		require.Empty(s, e.Event.Raw)
		require.Empty(s, e.Event.Overlay)
		require.Equal(s, "charge.succeeded", e.Event.Type)
		require.False(s, e.Ended.IsZero())
	}
	require.Len(s, s.get(discarded).Acts, 2, "who did what stays")
	err := s.Store.Replay(s.ctx(), ignored, by, nil)
	s.requireKind(err, commerce.KindConflict)
	s.requireCode(err, "blank")
	require.Equal(s, inbox.Ignored, s.get(ignored).State)
	for _, seq := range []int64{dead, open} {
		require.NotEmpty(s, s.get(seq).Event.Raw)
		require.False(s, s.get(seq).Blank)
	}

	s.Advance(400 * day)
	require.Equal(s, inbox.Stretch{Gone: 3}, s.pruneAfter(90*day, 400*day))
	for _, seq := range []int64{done, ignored, discarded} {
		_, err := s.Store.Get(s.ctx(), seq)
		s.requireKind(err, commerce.KindNotFound)
		s.requireKind(s.Store.Replay(s.ctx(), seq, by, nil), commerce.KindNotFound)
	}
	require.Equal(s, []int64{dead, open}, seqs(s.collect(s.Store.List(s.ctx(), inbox.Filter{}))))
	require.NoError(s, s.Store.Replay(s.ctx(), dead, by, nil), "a dead event keeps what it needs")
	require.ElementsMatch(s, []int64{dead, open}, claimed(s.claim("w")))
}

func (s *suite) pruneCreated() {
	e := s.recent("evt_1", "pi_1")
	e.Created = e.Created.Add(30 * day) // the sender's clock
	seq := s.end(e, inbox.Done)
	s.Advance(50 * day)
	require.Equal(s, inbox.Stretch{Blank: 1}, s.pruneAfter(45*day, 45*day), "it ended, and was created, too lately to be forgotten")
	require.Equal(s, inbox.Done, s.get(seq).State)
	s.Advance(30 * day)
	require.Equal(s, inbox.Stretch{Gone: 1}, s.pruneAfter(45*day, 45*day))
}

func (s *suite) pruneAgain() {
	seq := s.end(s.recent("evt_1", "pi_1"), inbox.Done)
	polled := s.recent("order/1", "order/1")
	page := func(hash string) inbox.Appended {
		s.Helper()
		since, err := s.Store.Cursor(s.ctx(), "orders")
		require.NoError(s, err)
		got, err := s.Store.Append(s.ctx(), inbox.Batch{ID: batchID(), Feed: "orders", Since: since, Cursor: hash,
			Events: []commerce.Event{polled}, Revise: []string{hash}})
		require.NoError(s, err)
		return got[0]
	}
	page("A")
	s.done(s.claimOne("w"))
	s.Advance(500 * day)
	require.Equal(s, inbox.Stretch{Gone: 2}, s.pruneAfter(90*day, 400*day))
	require.Equal(s, inbox.Appended{Duplicate: true}, page("A"), "no news, and nothing left to point at")
	again := s.append(event("evt_1", "pi_1"))[0]
	require.False(s, again.Duplicate)
	require.Greater(s, again.Seq, seq, "numbers are never given twice")
	require.Equal(s, "order/1@2", s.get(page("B").Seq).Event.Ref.ID, "revisions go on")
	at, err := s.Store.Cursor(s.ctx(), "orders")
	require.NoError(s, err)
	require.Equal(s, "B", at)
}

func (s *suite) erase() {
	other, elsewhere := event("evt_2", "pi_2"), event("evt_3", "pi_3")
	other.Person, elsewhere.Ref.Tenant = "cus_2", "t2"
	done, dead := s.end(event("evt_1", "pi_1"), inbox.Done), s.bury(event("evt_4", "pi_4"))
	kept := []int64{s.end(other, inbox.Done), s.end(elsewhere, inbox.Done)}
	require.NoError(s, s.Store.Replay(s.ctx(), dead, by, commerce.Overlay{"order.email": json.RawMessage(`"a@example.com"`)}))
	c := s.claimOne("w")
	s.finish(c.Lease, ending(c.Events[0], inbox.Dead))
	require.NoError(s, s.Store.Release(s.ctx(), c.Lease))
	open := s.appendOne(event("evt_5", "pi_5"))

	ask := inbox.EraseRequest{Limit: 100, Tenant: "t1", Person: "cus_1"}
	got, err := s.Store.Erase(s.ctx(), ask)
	require.NoError(s, err)
	require.Equal(s, inbox.Stretch{Blank: 2, InWork: 1}, got)
	for _, seq := range []int64{done, dead} {
		e := s.get(seq)
		require.True(s, e.Blank)
		require.Empty(s, e.Event.Raw)
		require.Empty(s, e.Event.Overlay)
	}
	for _, seq := range append(kept, open) {
		require.NotEmpty(s, s.get(seq).Event.Raw)
	}
	err = s.Store.Replay(s.ctx(), dead, by, nil)
	s.requireCode(err, "blank")
	require.Equal(s, inbox.Dead, s.get(dead).State, "a replay that is refused leaves it as it is")
	require.EqualValues(s, 2, s.get(dead).Generation)
	require.Equal(s, inbox.Appended{Seq: done, Duplicate: true}, s.append(event("evt_1", "pi_1"))[0], "the id stays taken, and the payload gone")
	require.Empty(s, s.get(done).Event.Raw)

	s.done(s.claimOne("w"))
	got, err = s.Store.Erase(s.ctx(), ask)
	require.NoError(s, err)
	require.Equal(s, inbox.Stretch{Blank: 1}, got, "what has ended meanwhile")
	require.NoError(s, s.Store.Discard(s.ctx(), dead, by), "a person can still say that nothing is to be done")
}

func (s *suite) stretches() {
	var all []int64
	for _, id := range []string{"evt_1", "evt_2", "evt_3", "evt_4", "evt_5"} {
		all = append(all, s.end(s.recent(id, "pi_"+id), inbox.Done))
	}
	s.Advance(100 * day)
	now, err := s.Store.Now(s.ctx())
	require.NoError(s, err)
	got, err := s.Store.Prune(s.ctx(), inbox.PruneRequest{Limit: 2, Payloads: now.Add(-90 * day), Events: now.Add(-400 * day)})
	require.NoError(s, err)
	require.Equal(s, inbox.Stretch{Last: all[1], Blank: 2}, got)
	got, err = s.Store.Prune(s.ctx(), inbox.PruneRequest{After: got.Last, Limit: 100, Payloads: now.Add(-90 * day), Events: now.Add(-400 * day)})
	require.NoError(s, err)
	require.Equal(s, inbox.Stretch{Blank: 3}, got)
}
