package inboxtest

import (
	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

func (s *suite) link(l inbox.Lease, subject, root string) inbox.Lease {
	s.Helper()
	got, err := s.Store.Link(s.ctx(), l, subject, root, minute)
	require.NoError(s, err)
	return got
}

func (s *suite) linkFree() {
	a := s.append(event("evt_1", "pi_1"), event("evt_2", "pi_1"))
	c := s.claimOne("w1")
	lease := s.link(c.Lease, subjectKey("pi_1"), orderKey("1"))
	require.Equal(s, orderKey("1"), lease.Root)
	require.Equal(s, "w1", lease.Owner)
	require.Equal(s, minute, lease.For)
	require.Positive(s, lease.Token)
	require.Equal(s, orderKey("1"), s.get(a[0].Seq).Root)

	s.requireLost(s.Store.Finish(s.ctx(), c.Lease, endings(c, inbox.Done)))
	require.Empty(s, s.claim("w2"), "the root is leased, for all its subjects")
	s.finish(lease, ending(c.Events[0], inbox.Done))
	require.Equal(s, inbox.Done, s.get(a[0].Seq).State)
	require.NoError(s, s.Store.Release(s.ctx(), lease))
	rest := s.claimOne("w2")
	require.Equal(s, orderKey("1"), rest.Lease.Root)
	require.Equal(s, []int64{a[1].Seq}, seqs(rest.Events))
	require.Greater(s, rest.Lease.Token, lease.Token)
}

func (s *suite) linkTaken() {
	s.append(orderEvent("order_1", "1"))
	holder := s.claimOne("w1")
	seq := s.appendOne(event("evt_1", "pi_1"))
	c := s.claimOne("w2")
	_, err := s.Store.Link(s.ctx(), c.Lease, subjectKey("pi_1"), orderKey("1"), minute)
	s.requireKind(err, commerce.KindParked)
	require.Equal(s, subjectKey("pi_1"), s.get(seq).Root, "nothing was written")
	subjects, err := s.Store.Subjects(s.ctx(), orderKey("1"))
	require.NoError(s, err)
	require.Empty(s, subjects)
	require.NoError(s, s.Store.Extend(s.ctx(), c.Lease, minute), "the subject's lease still holds")
	require.NoError(s, s.Store.Extend(s.ctx(), holder.Lease, minute), "and so does the root's")

	s.done(holder)
	lease := s.link(c.Lease, subjectKey("pi_1"), orderKey("1"))
	s.finish(lease, ending(c.Events[0], inbox.Done))
}

func (s *suite) linkExpired() {
	s.append(orderEvent("order_1", "1"))
	dead := s.claimOne("w1")
	s.Advance(minute)
	s.append(event("evt_1", "pi_1"))
	got, err := s.Store.Claim(s.ctx(), inbox.ClaimRequest{Owner: "w2", Roots: 100, Events: 100, Lease: minute})
	require.NoError(s, err)
	require.Len(s, got, 2)
	var c inbox.Claim
	for _, x := range got {
		if x.Lease.Root == subjectKey("pi_1") {
			c = x
		} else {
			require.NoError(s, s.Store.Release(s.ctx(), x.Lease))
		}
	}
	lease := s.link(c.Lease, subjectKey("pi_1"), orderKey("1"))
	require.Greater(s, lease.Token, dead.Lease.Token)
	s.requireLost(s.Store.Finish(s.ctx(), dead.Lease, endings(dead, inbox.Done)))

	// And one that ran out and was claimed by nobody.
	s.append(event("evt_2", "pi_2"))
	c = s.claimOne("w3")
	s.Advance(minute / 2)
	require.NoError(s, s.Store.Extend(s.ctx(), c.Lease, minute))
	s.Advance(minute / 2)
	over := s.link(c.Lease, subjectKey("pi_2"), orderKey("1"))
	require.Greater(s, over.Token, lease.Token)
}

func (s *suite) linkAgain() {
	s.append(event("evt_1", "pi_1"))
	c := s.claimOne("w")
	lease := s.link(c.Lease, subjectKey("pi_1"), orderKey("1"))
	again := s.link(lease, subjectKey("pi_1"), orderKey("1"))
	require.Equal(s, lease, again)
	s.finish(lease, ending(c.Events[0], inbox.Done))
	require.NoError(s, s.Store.Release(s.ctx(), lease))

	s.append(event("evt_2", "pi_1"))
	c = s.claimOne("w")
	require.Equal(s, orderKey("1"), c.Lease.Root, "a linked subject is claimed under its root")
	require.Equal(s, c.Lease, s.link(c.Lease, subjectKey("pi_1"), orderKey("1")))
}

func (s *suite) linkSelf() {
	s.append(orderEvent("order_1", "1"))
	c := s.claimOne("w")
	require.Equal(s, c.Lease, s.link(c.Lease, orderKey("1"), orderKey("1")))
	subjects, err := s.Store.Subjects(s.ctx(), orderKey("1"))
	require.NoError(s, err)
	require.Empty(s, subjects)
	s.finish(c.Lease, ending(c.Events[0], inbox.Done))
}

func (s *suite) linkSecond() {
	seq := s.appendOne(event("evt_1", "pi_1"))
	c := s.claimOne("w")
	lease := s.link(c.Lease, subjectKey("pi_1"), orderKey("1"))
	_, err := s.Store.Link(s.ctx(), lease, subjectKey("pi_1"), orderKey("2"), minute)
	s.requireKind(err, commerce.KindNeedsDecision)
	s.requireCode(err, "ambiguous_link")
	require.Equal(s, orderKey("1"), s.get(seq).Root)
	s.finish(lease, ending(c.Events[0], inbox.Dead))
}

func (s *suite) linkChain() {
	s.append(event("evt_1", "pi_1"))
	c := s.claimOne("w")
	lease := s.link(c.Lease, subjectKey("pi_1"), orderKey("1"))
	s.finish(lease, ending(c.Events[0], inbox.Done))
	require.NoError(s, s.Store.Release(s.ctx(), lease))

	s.append(orderEvent("order_1", "1"))
	c = s.claimOne("w")
	_, err := s.Store.Link(s.ctx(), c.Lease, orderKey("1"), orderKey("2"), minute)
	s.requireCode(err, "ambiguous_link") // others are linked to it
	s.done(c)

	s.append(event("evt_2", "pi_2"))
	c = s.claimOne("w")
	_, err = s.Store.Link(s.ctx(), c.Lease, subjectKey("pi_2"), subjectKey("pi_1"), minute)
	s.requireCode(err, "ambiguous_link") // the root is linked elsewhere
	s.finish(c.Lease, ending(c.Events[0], inbox.Done))
}

func (s *suite) linkTogether() {
	for _, pi := range []string{"pi_1", "pi_2"} {
		s.append(event("evt_"+pi, pi))
		c := s.claimOne("w")
		lease := s.link(c.Lease, subjectKey(pi), orderKey("1"))
		s.finish(lease, ending(c.Events[0], inbox.Done))
		require.NoError(s, s.Store.Release(s.ctx(), lease))
	}
	a := s.append(
		created(event("evt_1", "pi_1"), 3),
		created(event("evt_2", "pi_2"), 2000),
		created(orderEvent("order_1", "1"), 1000),
		created(event("evt_3", "pi_3"), 0),
	)
	claims := s.claim("w")
	require.Len(s, claims, 2)
	for _, c := range claims {
		if c.Lease.Root == orderKey("1") {
			require.Equal(s, []int64{a[0].Seq, a[2].Seq, a[1].Seq}, seqs(c.Events))
			s.done(c)
		} else {
			require.Equal(s, []int64{a[3].Seq}, seqs(c.Events))
		}
	}
}

func (s *suite) linkStale() {
	s.append(event("evt_1", "pi_1"))
	s.append(event("evt_2", "pi_2"))
	claims := s.claim("w")
	require.Len(s, claims, 2)
	one, two := claims[0].Lease, claims[1].Lease
	_, err := s.Store.Link(s.ctx(), one, two.Root, orderKey("1"), minute)
	s.requireLost(err) // the lease is that of another subject
	subjects, err := s.Store.Subjects(s.ctx(), orderKey("1"))
	require.NoError(s, err)
	require.Empty(s, subjects)
	s.link(two, two.Root, orderKey("1"))
	_, err = s.Store.Link(s.ctx(), two, two.Root, orderKey("1"), minute)
	s.requireLost(err) // given back when it was linked
}

func (s *suite) subjects() {
	got, err := s.Store.Subjects(s.ctx(), orderKey("1"))
	require.NoError(s, err)
	require.Empty(s, got)
	var want []string
	for _, pi := range []string{"pi_3", "pi_1", "pi_2"} {
		s.append(event("evt_"+pi, pi))
		c := s.claimOne("w")
		lease := s.link(c.Lease, subjectKey(pi), orderKey("1"))
		s.finish(lease, ending(c.Events[0], inbox.Done))
		require.NoError(s, s.Store.Release(s.ctx(), lease))
		want = append(want, subjectKey(pi))
		s.Advance(1000)
	}
	got, err = s.Store.Subjects(s.ctx(), orderKey("1"))
	require.NoError(s, err)
	require.Equal(s, want, got)
}
