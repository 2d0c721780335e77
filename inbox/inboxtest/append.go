package inboxtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

func (s *suite) identityOnce() {
	first := s.append(event("evt_1", "pi_1"))[0]
	require.False(s, first.Duplicate)
	require.False(s, first.Clash)
	require.Positive(s, first.Seq)
	again := event("evt_1", "pi_other")
	again.Raw, again.Type, again.Created = []byte("other bytes"), "another.type", epoch.Add(time.Hour)
	got := s.append(again)[0]
	require.Equal(s, inbox.Appended{Seq: first.Seq, Duplicate: true}, got)
	require.JSONEq(s, `{"id":"evt_1"}`, string(s.get(first.Seq).Event.Raw), "the first bytes stay")
	require.Equal(s, []int64{first.Seq}, claimed(s.claim("w")), "a duplicate makes no work")
}

func (s *suite) identityParts() {
	base := event("evt_1", "pi_1")
	others := []func(*commerce.Ref){
		func(*commerce.Ref) {},
		func(r *commerce.Ref) { r.Tenant = "t2" },
		func(r *commerce.Ref) { r.Tenant = "" },
		func(r *commerce.Ref) { r.System = "magento" },
		func(r *commerce.Ref) { r.Account = "acct_2" },
		func(r *commerce.Ref) { r.Account = "" },
		func(r *commerce.Ref) { r.Mode = commerce.Live },
		func(r *commerce.Ref) { r.ID = "evt_2" },
		func(r *commerce.Ref) { r.ID = "EVT_1" },
		func(r *commerce.Ref) { r.ID = "evt_1 " },
	}
	for i, change := range others {
		e := base
		change(&e.Ref)
		got := s.append(e)[0]
		require.False(s, got.Duplicate, "identity %d is its own", i)
		require.False(s, got.Clash, "identity %d is its own", i)
	}
}

func (s *suite) clash() {
	first := s.appendOne(event("evt_1", "pi_1"))
	other := event("evt_1", "pi_1")
	other.Object, other.Raw = "ch_other", []byte("other")
	got := s.append(other)[0]
	require.True(s, got.Clash)
	require.False(s, got.Duplicate)
	require.NotEqual(s, first, got.Seq)
	e := s.get(got.Seq)
	require.Equal(s, inbox.Dead, e.State)
	require.Equal(s, "clash", e.Code)
	require.NotEmpty(s, e.Reason)
	require.False(s, e.Ended.IsZero())
	require.Equal(s, "ch_other", e.Event.Object)
	require.Equal(s, "evt_1", e.Event.Ref.ID)
	require.Equal(s, []byte("other"), e.Event.Raw)
	require.Equal(s, []int64{first}, claimed(s.claim("w")), "the first is worked, the clash is not")

	require.Equal(s, inbox.Appended{Seq: got.Seq, Duplicate: true, Clash: true}, s.append(other)[0],
		"the same clash delivered again makes no third row")
	require.Equal(s, inbox.Appended{Seq: first, Duplicate: true}, s.append(event("evt_1", "pi_1"))[0])
	require.NoError(s, s.Store.Replay(s.ctx(), got.Seq, inbox.Act{Actor: "ann", Reason: "both are real"}, nil))
	require.Equal(s, inbox.Ready, s.get(got.Seq).State, "a person may have it worked")
}

func (s *suite) twiceInBatch() {
	other := event("evt_1", "pi_1")
	other.Object = "ch_other"
	got := s.append(event("evt_1", "pi_1"), event("evt_2", "pi_1"), event("evt_1", "pi_1"), other, other)
	require.False(s, got[0].Duplicate)
	require.False(s, got[1].Duplicate)
	require.Equal(s, inbox.Appended{Seq: got[0].Seq, Duplicate: true}, got[2])
	require.True(s, got[3].Clash)
	require.False(s, got[3].Duplicate)
	require.Equal(s, inbox.Appended{Seq: got[3].Seq, Duplicate: true, Clash: true}, got[4])
	require.Len(s, s.collect(s.Store.List(s.ctx(), inbox.Filter{})), 3)
}

func (s *suite) batchAgain() {
	s.append(event("evt_1", "pi_1"))
	clash := event("evt_1", "pi_1")
	clash.Object = "ch_other"
	b := inbox.Batch{ID: batchID(), Events: []commerce.Event{
		event("evt_1", "pi_1"), event("evt_2", "pi_2"), event("evt_2", "pi_2"), clash,
	}}
	first, err := s.Store.Append(s.ctx(), b)
	require.NoError(s, err)
	require.Equal(s, []bool{true, false, true, false},
		[]bool{first[0].Duplicate, first[1].Duplicate, first[2].Duplicate, first[3].Duplicate})
	// As after a commit whose answer was lost, with other work in between.
	s.done(s.claimAll("w")[0])
	again, err := s.Store.Append(s.ctx(), b)
	require.NoError(s, err)
	require.Equal(s, first, again)
	require.Len(s, s.collect(s.Store.List(s.ctx(), inbox.Filter{})), 3)

	b.ID = batchID()
	third, err := s.Store.Append(s.ctx(), b)
	require.NoError(s, err)
	for i, a := range third {
		require.True(s, a.Duplicate, "under another batch ID event %d is a duplicate", i)
	}
}

func (s *suite) claimAll(owner string) []inbox.Claim {
	s.Helper()
	got := s.claim(owner)
	require.NotEmpty(s, got)
	return got
}

func (s *suite) batchWhole() {
	ctx, cancel := context.WithCancel(s.ctx())
	cancel()
	_, err := s.Store.Append(ctx, inbox.Batch{ID: batchID(), Events: []commerce.Event{event("evt_1", "pi_1"), event("evt_2", "pi_2")}})
	require.Error(s, err)
	n := len(s.collect(s.Store.List(s.ctx(), inbox.Filter{})))
	require.Contains(s, []int{0, 2}, n)
	if commerce.SafeToRetry(err) {
		require.Zero(s, n, "the error says that nothing was stored")
	}
	var many []commerce.Event
	for i := range 256 {
		many = append(many, event(fmt.Sprintf("evt_m%d", i), fmt.Sprintf("pi_%d", i%7)))
	}
	got := s.append(many...)
	seen := map[int64]bool{}
	for i, a := range got {
		require.False(s, a.Duplicate)
		require.False(s, seen[a.Seq])
		seen[a.Seq] = true
		require.Equal(s, many[i].Ref, s.get(a.Seq).Event.Ref, "answers come in the order of the events")
	}
	empty, err := s.Store.Append(s.ctx(), inbox.Batch{ID: batchID()})
	require.NoError(s, err)
	require.Empty(s, empty)
}

func (s *suite) readBack() {
	e := event("evt_ü/1 %2F", "pi/ü 1")
	e.APIVersion = "2025-03-31.basil"
	e.Raw = append([]byte{0, 0xff, 0xfe, '\'', '"', '\n'}, bytes.Repeat([]byte("x"), 200_000)...)
	e.Overlay = commerce.Overlay{"order.total": json.RawMessage(`"12.00"`)}
	e.Created = time.Date(2026, 2, 28, 23, 59, 59, 123456000, time.UTC)
	now, err := s.Store.Now(s.ctx())
	require.NoError(s, err)
	seq := s.appendOne(e)
	check := func(got inbox.Entry) {
		require.Equal(s, seq, got.Seq)
		require.True(s, e.Created.Equal(got.Event.Created), "%v is not %v", got.Event.Created, e.Created)
		got.Event.Created = e.Created
		require.Equal(s, e, got.Event)
		require.Equal(s, inbox.Ready, got.State)
		require.EqualValues(s, 1, got.Generation)
		require.Zero(s, got.Attempts)
		require.Equal(s, e.SubjectRef().String(), got.Root)
		require.WithinRange(s, got.Received, now.Add(-time.Second), now.Add(minute))
		require.False(s, got.Due.IsZero())
		require.True(s, got.Ended.IsZero())
		require.Empty(s, got.Reason+got.Code+got.Handler)
		require.Empty(s, got.Acts)
	}
	check(s.get(seq))
	e.Raw[0] = 'X' // the store has its own copy
	require.Zero(s, s.get(seq).Event.Raw[0])
	e.Raw[0] = 0
	for _, c := range s.claim("w") {
		check(c.Events[0])
	}
	bare := commerce.Event{Ref: commerce.Ref{System: "stripe", Mode: commerce.Test, ID: "evt_bare"}, Subject: "x"}
	got := s.get(s.appendOne(bare))
	require.Equal(s, bare.Ref, got.Event.Ref)
	require.True(s, got.Event.Created.IsZero(), "a time not given stays not given: %v", got.Event.Created)
	require.Empty(s, got.Event.Raw)
	require.Empty(s, got.Event.Overlay)
}

// page is one page of a feed.
func (s *suite) page(cursor string, changes ...[2]string) []inbox.Appended {
	s.Helper()
	got, err := s.Store.Append(s.ctx(), s.pageOf(cursor, changes...))
	require.NoError(s, err)
	return got
}

// pageOf makes the page that follows the last one stored.
func (s *suite) pageOf(cursor string, changes ...[2]string) inbox.Batch {
	s.Helper()
	since, err := s.Store.Cursor(s.ctx(), "magento orders")
	require.NoError(s, err)
	b := inbox.Batch{ID: batchID(), Feed: "magento orders", Since: since, Cursor: cursor, Revise: []string{}}
	for _, c := range changes {
		e := orderEvent("order/"+c[0], c[0])
		e.Object = "order/" + c[0]
		b.Events = append(b.Events, e)
		b.Revise = append(b.Revise, c[1])
	}
	return b
}

func (s *suite) revisions() {
	var ids []string
	for i, hash := range []string{"A", "A", "B", "B", "A", "A"} {
		got := s.page(fmt.Sprint(i), [2]string{"17", hash})
		require.Equal(s, i%2 == 1, got[0].Duplicate, "step %d", i)
		require.False(s, got[0].Clash)
		ids = append(ids, s.get(got[0].Seq).Event.Ref.ID)
	}
	require.Equal(s, []string{"order/17@1", "order/17@1", "order/17@2", "order/17@2", "order/17@3", "order/17@3"}, ids)
	other := s.page("9", [2]string{"18", "A"})
	require.False(s, other[0].Duplicate, "another object has its own revisions")
	require.Equal(s, "order/18@1", s.get(other[0].Seq).Event.Ref.ID)
	require.Equal(s, orderKey("17"), s.get(s.page("10", [2]string{"17", "A"})[0].Seq).Root, "the subject has no revision")
}

func (s *suite) revisionsInPage() {
	got := s.page("1", [2]string{"17", "A"}, [2]string{"18", "A"}, [2]string{"17", "B"}, [2]string{"17", "B"}, [2]string{"17", "A"})
	var ids []string
	for _, a := range got {
		ids = append(ids, s.get(a.Seq).Event.Ref.ID)
	}
	require.Equal(s, []string{"order/17@1", "order/18@1", "order/17@2", "order/17@2", "order/17@3"}, ids)
	require.True(s, got[3].Duplicate)
	require.False(s, got[4].Duplicate)
}

func (s *suite) pageAgain() {
	s.page("1", [2]string{"17", "A"})
	b := s.pageOf("2", [2]string{"17", "B"}, [2]string{"18", "A"}, [2]string{"17", "B"}, [2]string{"17", "A"})
	first, err := s.Store.Append(s.ctx(), b)
	require.NoError(s, err)
	again, err := s.Store.Append(s.ctx(), b)
	require.NoError(s, err)
	require.Equal(s, first, again)
	require.Len(s, s.collect(s.Store.List(s.ctx(), inbox.Filter{})), 4)
	require.Equal(s, "order/17@4", s.get(s.page("3", [2]string{"17", "C"})[0].Seq).Event.Ref.ID,
		"sending a page again adds no revision")
}

func (s *suite) cursor() {
	c, err := s.Store.Cursor(s.ctx(), "magento orders")
	require.NoError(s, err)
	require.Empty(s, c, "a feed that never ran has no cursor")
	s.page("2026-03-01T12:00:00Z/17", [2]string{"17", "A"})
	s.append(event("evt_1", "pi_1"))
	c, err = s.Store.Cursor(s.ctx(), "magento orders")
	require.NoError(s, err)
	require.Equal(s, "2026-03-01T12:00:00Z/17", c)
	s.page("later") // a page without news moves the cursor too
	c, err = s.Store.Cursor(s.ctx(), "magento orders")
	require.NoError(s, err)
	require.Equal(s, "later", c)
	c, err = s.Store.Cursor(s.ctx(), "another feed")
	require.NoError(s, err)
	require.Empty(s, c)
	_, err = s.Store.Append(s.ctx(), inbox.Batch{ID: batchID(), Feed: "stripe events", Cursor: "evt_9", Events: []commerce.Event{event("evt_9", "pi_9")}})
	require.NoError(s, err)
	require.Equal(s, "evt_9", s.collect(s.Store.List(s.ctx(), inbox.Filter{Root: subjectKey("pi_9")}))[0].Event.Ref.ID,
		"without hashes a feed's events keep their ids")
	ctx, cancel := context.WithCancel(s.ctx())
	cancel()
	_, err = s.Store.Append(ctx, s.pageOf("lost", [2]string{"99", "A"}))
	require.Error(s, err)
	c, err = s.Store.Cursor(s.ctx(), "magento orders")
	require.NoError(s, err)
	stored := len(s.collect(s.Store.List(s.ctx(), inbox.Filter{Root: orderKey("99")}))) == 1
	require.Equal(s, stored, c == "lost", "page and cursor are one commit")
}

func (s *suite) cursorMoved() {
	first, second := s.pageOf("1", [2]string{"17", "A"}), s.pageOf("2", [2]string{"17", "B"}, [2]string{"18", "A"})
	_, err := s.Store.Append(s.ctx(), first)
	require.NoError(s, err)
	refused := func(b inbox.Batch) {
		s.Helper()
		_, err := s.Store.Append(s.ctx(), b)
		s.requireKind(err, commerce.KindConflict)
		s.requireCode(err, "cursor_moved")
		require.True(s, commerce.SafeToRetry(err), "nothing of it is stored")
	}
	refused(second)
	second.ID, second.Since = batchID(), "0"
	refused(second)
	third := s.pageOf("3", [2]string{"17", "C"})
	for range 2 {
		got, err := s.Store.Append(s.ctx(), third)
		require.NoError(s, err, "a page that is sent again finds its own cursor")
		require.Equal(s, "order/17@2", s.get(got[0].Seq).Event.Ref.ID)
	}
	c, err := s.Store.Cursor(s.ctx(), "magento orders")
	require.NoError(s, err)
	require.Equal(s, "3", c)
	require.Len(s, s.collect(s.Store.List(s.ctx(), inbox.Filter{})), 2)
}
