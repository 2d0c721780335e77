package inboxtest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/inbox"
)

func (s *suite) oneLease() {
	a := s.append(event("evt_1", "pi_1"), event("evt_2", "pi_1"), event("evt_3", "pi_2"))
	claims := s.claim("w1")
	require.Len(s, claims, 2)
	byRoot := map[string]inbox.Claim{}
	for _, c := range claims {
		require.Equal(s, "w1", c.Lease.Owner)
		require.Equal(s, minute, c.Lease.For)
		require.Positive(s, c.Lease.Token)
		for _, e := range c.Events {
			require.Equal(s, c.Lease.Root, e.Root)
			require.NotEmpty(s, e.Event.Raw, "a claim brings the raw bytes")
		}
		byRoot[c.Lease.Root] = c
	}
	require.Equal(s, []int64{a[0].Seq, a[1].Seq}, seqs(byRoot[subjectKey("pi_1")].Events))
	require.Equal(s, []int64{a[2].Seq}, seqs(byRoot[subjectKey("pi_2")].Events))
}

func (s *suite) twoWorkers() {
	s.append(event("evt_1", "pi_1"), event("evt_2", "pi_1"))
	got, err := s.Store.Claim(s.ctx(), inbox.ClaimRequest{Owner: "w1", Roots: 1, Events: 1, Lease: minute})
	require.NoError(s, err)
	require.Len(s, got, 1)
	require.Empty(s, s.claim("w2"), "the second event is of the same root")
	require.Empty(s, s.claim("w1"), "also for the owner itself")
	s.append(event("evt_3", "pi_1"))
	require.Empty(s, s.claim("w2"))
}

func (s *suite) dueOrder() {
	var want []int64
	for i := range 5 {
		// Created backwards: between roots the due time decides.
		want = append(want, s.appendOne(created(event(fmt.Sprintf("evt_%d", i), fmt.Sprintf("pi_%d", i)), -time.Duration(i)*time.Hour)))
		s.Advance(time.Second)
	}
	var got []int64
	for range 5 {
		c, err := s.Store.Claim(s.ctx(), inbox.ClaimRequest{Owner: "w", Roots: 1, Events: 10, Lease: minute})
		require.NoError(s, err)
		got = append(got, claimed(c)...)
	}
	require.Equal(s, want, got)
}

func (s *suite) creationOrder() {
	a := s.append(
		created(event("evt_1", "pi_1"), 3*time.Second),
		created(event("evt_2", "pi_1"), time.Second),
		created(event("evt_3", "pi_1"), 3*time.Second),
		created(event("evt_4", "pi_1"), 2*time.Second),
	)
	require.Equal(s, []int64{a[1].Seq, a[3].Seq, a[0].Seq, a[2].Seq}, seqs(s.claimOne("w").Events))
}

func (s *suite) claimBounds() {
	for i := range 12 {
		s.append(event(fmt.Sprintf("evt_%d", i), fmt.Sprintf("pi_%d", i%4)))
	}
	got, err := s.Store.Claim(s.ctx(), inbox.ClaimRequest{Owner: "w", Roots: 3, Events: 2, Lease: minute})
	require.NoError(s, err)
	require.Len(s, got, 3)
	for _, c := range got {
		require.Len(s, c.Events, 2)
		s.done(c)
	}
	rest := s.claim("w")
	require.Len(s, rest, 4)
	require.Len(s, claimed(rest), 6)
}

func (s *suite) starts() {
	s.append(event("evt_1", "pi_1"))
	for i := range 3 {
		require.EqualValues(s, i+1, s.claimOne("w").Events[0].Starts)
		s.Advance(minute) // the worker died
	}
	c := s.claimOne("w")
	require.EqualValues(s, 4, c.Events[0].Starts)
	require.Zero(s, c.Events[0].Attempts, "a start is no attempt")
	park := ending(c.Events[0], inbox.Parked)
	s.finish(c.Lease, park)
	require.Zero(s, s.get(park.Seq).Starts, "an end sets the starts back")
	require.NoError(s, s.Store.Release(s.ctx(), c.Lease))
	require.EqualValues(s, 1, s.claimOne("w").Events[0].Starts)
}

func (s *suite) expired() {
	seq := s.appendOne(event("evt_1", "pi_1"))
	first := s.claimOne("w1")
	s.Advance(minute - 10*time.Second)
	require.Empty(s, s.claim("w2"), "the lease still runs")
	s.Advance(10 * time.Second)
	second := s.claimOne("w2")
	require.Equal(s, []int64{seq}, seqs(second.Events))
	require.Greater(s, second.Lease.Token, first.Lease.Token)
	s.requireLost(s.Store.Finish(s.ctx(), first.Lease, endings(first, inbox.Done)))
	require.Equal(s, inbox.Ready, s.get(seq).State)
	s.done(second)
	require.Equal(s, inbox.Done, s.get(seq).State)
}

func (s *suite) extend() {
	s.append(event("evt_1", "pi_1"))
	c := s.claimOne("w1")
	s.Advance(40 * time.Second)
	require.NoError(s, s.Store.Extend(s.ctx(), c.Lease, minute))
	s.Advance(40 * time.Second)
	require.Empty(s, s.claim("w2"), "it counts from the moment it was extended")
	s.finish(c.Lease, ending(c.Events[0], inbox.Done))
	s.Advance(20 * time.Second)
	s.requireLost(s.Store.Extend(s.ctx(), c.Lease, minute))
}

func (s *suite) stale() {
	seq := s.appendOne(event("evt_1", "pi_1"))
	old := s.claimOne("w1")
	s.Advance(minute)

	refused := func(when string) {
		s.Helper()
		s.requireLost(s.Store.Finish(s.ctx(), old.Lease, endings(old, inbox.Done)))
		s.requireLost(s.Store.Finish(s.ctx(), old.Lease, nil))
		s.requireLost(s.Store.Extend(s.ctx(), old.Lease, minute))
		_, err := s.Store.Link(s.ctx(), old.Lease, subjectKey("pi_1"), orderKey("1"), minute)
		s.requireLost(err)
		require.Equal(s, inbox.Ready, s.get(seq).State, when)
		require.Equal(s, subjectKey("pi_1"), s.get(seq).Root, when)
	}
	refused("expired and taken by nobody")
	current := s.claimOne("w2")
	refused("taken by another")
	require.NoError(s, s.Store.Release(s.ctx(), old.Lease), "releasing a lost lease is no error")
	require.Empty(s, s.claim("w3"), "and takes nothing from the holder")

	// Control: the holder may do all of it.
	require.NoError(s, s.Store.Extend(s.ctx(), current.Lease, minute))
	s.done(current)
	refusedAfter := s.Store.Extend(s.ctx(), current.Lease, minute)
	s.requireLost(refusedAfter)
	s.requireLost(s.Store.Extend(s.ctx(), inbox.Lease{Root: "never/seen/by/test/anybody", Token: 1, Owner: "w"}, minute))
}

func (s *suite) release() {
	s.append(event("evt_1", "pi_1"))
	first := s.claimOne("w1")
	require.NoError(s, s.Store.Release(s.ctx(), first.Lease))
	require.NoError(s, s.Store.Release(s.ctx(), first.Lease), "twice is no error")
	second := s.claimOne("w2")
	require.Greater(s, second.Lease.Token, first.Lease.Token)
	s.requireLost(s.Store.Finish(s.ctx(), first.Lease, endings(first, inbox.Done)))
}

func (s *suite) arrivesLeased() {
	s.append(event("evt_1", "pi_1"))
	c := s.claimOne("w1")
	late := s.appendOne(event("evt_2", "pi_1"))
	require.Empty(s, s.claim("w2"))
	s.done(c)
	require.Equal(s, []int64{late}, seqs(s.claimOne("w2").Events))
}

func (s *suite) ended() {
	a := s.append(event("evt_1", "pi_1"), event("evt_2", "pi_1"), event("evt_3", "pi_1"), event("evt_4", "pi_1"))
	c := s.claimOne("w")
	s.finish(c.Lease, ending(c.Events[0], inbox.Done), ending(c.Events[1], inbox.Ignored))
	s.finish(c.Lease, ending(c.Events[2], inbox.Dead))
	require.NoError(s, s.Store.Release(s.ctx(), c.Lease))
	for i, want := range []inbox.State{inbox.Done, inbox.Ignored, inbox.Dead, inbox.Ready} {
		e := s.get(a[i].Seq)
		require.Equal(s, want, e.State)
		require.Equal(s, want == inbox.Ready, e.Ended.IsZero())
	}
	s.Advance(24 * time.Hour)
	require.Equal(s, []int64{a[3].Seq}, seqs(s.claimOne("w").Events), "only what did not end")
}

func (s *suite) parked() {
	a := s.append(event("evt_1", "pi_1"), event("evt_2", "pi_1"))
	c := s.claimOne("w")
	park := ending(c.Events[0], inbox.Parked)
	park.Wait = 10 * minute
	s.finish(c.Lease, park)
	require.NoError(s, s.Store.Release(s.ctx(), c.Lease))
	e := s.get(a[0].Seq)
	require.Equal(s, inbox.Parked, e.State)
	now, err := s.Store.Now(s.ctx())
	require.NoError(s, err)
	require.WithinDuration(s, now.Add(10*minute), e.Due, minute/2)

	neighbour := s.claimOne("w")
	require.Equal(s, []int64{a[1].Seq}, seqs(neighbour.Events))
	s.done(neighbour)
	require.Empty(s, s.claim("w"))
	s.Advance(9 * minute)
	require.Empty(s, s.claim("w"))
	s.Advance(minute)
	require.Equal(s, []int64{a[0].Seq}, seqs(s.claimOne("w").Events))
}

func (s *suite) burn() {
	seq := s.appendOne(event("evt_1", "pi_1"))
	for i, burn := range []bool{true, false, true} {
		c := s.claimOne("w")
		require.EqualValues(s, []int64{0, 1, 1}[i], c.Events[0].Attempts)
		end := ending(c.Events[0], inbox.Parked)
		end.Burn = burn
		s.finish(c.Lease, end)
		require.NoError(s, s.Store.Release(s.ctx(), c.Lease))
	}
	require.EqualValues(s, 2, s.get(seq).Attempts)
}

func (s *suite) reason() {
	seq := s.bury(event("evt_1", "pi_1"))
	e := s.get(seq)
	require.Equal(s, "no such SKU", e.Reason)
	require.Equal(s, "mapping", e.Code)
	require.Equal(s, "order-to-cash", e.Handler)
}

func (s *suite) emit() {
	seq := s.appendOne(event("evt_1", "pi_1"))
	c := s.claimOne("w")
	end := ending(c.Events[0], inbox.Done)
	end.Emit = append(end.Emit, orderEvent("told_1", "1"), orderEvent("told_2", "1"), orderEvent("told_1", "1"), event("told_3", "pi_1"))
	s.finish(c.Lease, end)
	require.NoError(s, s.Store.Release(s.ctx(), c.Lease))
	require.Equal(s, inbox.Done, s.get(seq).State)
	byRoot := map[string]int{}
	for _, c := range s.claim("w") {
		byRoot[c.Lease.Root] = len(c.Events)
	}
	require.Equal(s, map[string]int{orderKey("1"): 2, subjectKey("pi_1"): 1}, byRoot)

	// An ending that is refused emits nothing.
	s.append(event("evt_2", "pi_2"))
	c = s.claimOne("w")
	s.Advance(minute)
	end = ending(c.Events[0], inbox.Done)
	end.Emit = append(end.Emit, orderEvent("never", "2"))
	s.requireLost(s.Store.Finish(s.ctx(), c.Lease, []inbox.Ending{end}))
	require.Empty(s, s.collect(s.Store.List(s.ctx(), inbox.Filter{Root: orderKey("2")})))
}

func (s *suite) finishTwice() {
	seq := s.appendOne(event("evt_1", "pi_1"))
	c := s.claimOne("w")
	park := ending(c.Events[0], inbox.Parked)
	park.Burn, park.Wait = true, minute
	s.finish(c.Lease, park)
	s.finish(c.Lease, park)
	e := s.get(seq)
	require.EqualValues(s, 1, e.Attempts, "the attempt is burnt once")
	other := ending(c.Events[0], inbox.Done)
	other.Emit = append(other.Emit, orderEvent("told", "1"))
	s.finish(c.Lease, other)
	require.Equal(s, inbox.Parked, s.get(seq).State, "the first ending stays")
	require.Empty(s, s.collect(s.Store.List(s.ctx(), inbox.Filter{Root: orderKey("1")})), "a dropped ending emits nothing")
	require.NoError(s, s.Store.Release(s.ctx(), c.Lease))
	s.Advance(minute)
	c = s.claimOne("w")
	s.finish(c.Lease, ending(c.Events[0], inbox.Done))
	s.finish(c.Lease, ending(c.Events[0], inbox.Dead))
	require.Equal(s, inbox.Done, s.get(seq).State)
}

func (s *suite) finishReleases() {
	a := s.append(event("evt_1", "pi_1"), event("evt_2", "pi_1"), event("evt_3", "pi_1"))
	for i, state := range []inbox.State{inbox.Done, inbox.Parked, inbox.Dead} {
		c, err := s.Store.Claim(s.ctx(), inbox.ClaimRequest{Owner: "w", Roots: 1, Events: 1, Lease: minute})
		require.NoError(s, err)
		require.Len(s, c, 1)
		require.Equal(s, []int64{a[i].Seq}, claimed(c))
		end := ending(c[0].Events[0], state)
		end.Wait, end.Release = time.Hour, true
		s.finish(c[0].Lease, end)
		require.Equal(s, state, s.get(end.Seq).State)
		s.requireLost(s.Store.Extend(s.ctx(), c[0].Lease, minute))
	}
	// Also where the ending itself is dropped, and together with what it emits.
	s.append(event("evt_4", "pi_1"))
	c := s.claimOne("w")
	end := ending(c.Events[0], inbox.Done)
	s.finish(c.Lease, end)
	end.Release = true
	s.finish(c.Lease, end)
	s.append(event("evt_5", "pi_1"))
	c = s.claimOne("w")
	end = ending(c.Events[0], inbox.Done)
	end.Release, end.Emit = true, append(end.Emit, event("told", "pi_1"))
	s.finish(c.Lease, end)
	require.Len(s, s.claimOne("w").Events, 1)
}

func (s *suite) finishReleasedTwice() {
	s.append(event("evt_1", "pi_1"), event("evt_2", "pi_1"))
	c := s.claimOne("w1")
	first, last := ending(c.Events[0], inbox.Dead), ending(c.Events[1], inbox.Parked)
	last.Release, last.Burn = true, true
	s.finish(c.Lease, first, last)
	s.finish(c.Lease, first, last) // its answer was lost
	require.EqualValues(s, 1, s.get(last.Seq).Attempts)
	plain := last
	plain.Release = false
	s.requireLost(s.Store.Finish(s.ctx(), c.Lease, []inbox.Ending{plain}))

	other := s.claimOne("w2")
	require.Equal(s, []int64{last.Seq}, seqs(other.Events))
	s.requireLost(s.Store.Finish(s.ctx(), c.Lease, []inbox.Ending{first, last})) // another has it in hand
	only := first
	only.Release = true
	s.finish(c.Lease, only)
	require.NoError(s, s.Store.Extend(s.ctx(), other.Lease, minute), "nothing is taken from the holder")
	require.EqualValues(s, 1, s.get(last.Seq).Starts)
	s.done(other)
}

func (s *suite) dueTimes() {
	a := s.append(event("evt_1", "pi_1"), event("evt_2", "pi_1"), event("evt_3", "pi_1"), event("evt_4", "pi_1"))
	clashing := event("evt_1", "pi_1")
	clashing.Object = "another"
	clash := s.appendOne(clashing)
	for _, x := range a {
		require.False(s, s.get(x.Seq).Due.IsZero())
	}
	c := s.claimOne("w")
	ends := []inbox.Ending{ending(c.Events[0], inbox.Done), ending(c.Events[1], inbox.Ignored),
		ending(c.Events[2], inbox.Dead), ending(c.Events[3], inbox.Parked)}
	s.finish(c.Lease, ends...)
	require.False(s, s.get(a[3].Seq).Due.IsZero())
	for _, seq := range []int64{a[0].Seq, a[1].Seq, a[2].Seq, clash} {
		require.Zero(s, s.get(seq).Due)
	}
	require.NoError(s, s.Store.Replay(s.ctx(), a[2].Seq, by, nil))
	require.False(s, s.get(a[2].Seq).Due.IsZero(), "it is due again")
	require.NoError(s, s.Store.Discard(s.ctx(), clash, by))
	require.Zero(s, s.get(clash).Due)
}

func (s *suite) finishMissing() {
	seq := s.appendOne(event("evt_1", "pi_1"))
	c := s.claimOne("w")
	s.requireKind(s.Store.Finish(s.ctx(), c.Lease, []inbox.Ending{
		ending(c.Events[0], inbox.Done), {Seq: seq + 1000, Generation: 1, State: inbox.Done},
	}), "not_found")
	require.Equal(s, inbox.Ready, s.get(seq).State, "all or nothing")
	s.finish(c.Lease, ending(c.Events[0], inbox.Done))
}

func (s *suite) wait() {
	wait := func() time.Duration {
		s.Helper()
		d, err := s.Store.Wait(s.ctx())
		require.NoError(s, err)
		return d
	}
	require.Negative(s, wait(), "an empty store waits for nothing")
	s.append(event("evt_1", "pi_1"))
	require.Zero(s, wait())
	c := s.claimOne("w")
	require.InDelta(s, minute, wait(), float64(minute/2), "the root is leased")
	park := ending(c.Events[0], inbox.Parked)
	park.Wait = 10 * minute
	s.finish(c.Lease, park)
	require.NoError(s, s.Store.Release(s.ctx(), c.Lease))
	require.InDelta(s, 10*minute, wait(), float64(minute/2))
	s.Advance(4 * minute)
	require.InDelta(s, 6*minute, wait(), float64(minute/2))
	s.append(event("evt_2", "pi_2"))
	require.Zero(s, wait(), "another one is due now")
	s.done(s.claimOne("w"))
	s.Advance(6 * minute)
	require.Zero(s, wait())
	s.done(s.claimOne("w"))
	require.Negative(s, wait(), "everything ended")
	s.bury(event("evt_3", "pi_3"))
	require.Negative(s, wait(), "the dead do not wait")
}
