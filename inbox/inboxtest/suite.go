package inboxtest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

// suite is one running test with its own store.
type suite struct {
	*testing.T
	Harness
}

const minute = time.Minute

var batches atomic.Int64

func batchID() string { return fmt.Sprintf("batch-%d", batches.Add(1)) }

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// event makes an event about a subject; its object is named after its id.
func event(id, subject string) commerce.Event {
	return commerce.Event{
		Ref:     commerce.Ref{Tenant: "t1", System: "stripe", Account: "acct_1", Mode: commerce.Test, ID: id},
		Type:    "charge.succeeded",
		Object:  "obj_" + id,
		Subject: subject,
		Person:  "cus_1",
		Created: epoch,
		Raw:     []byte(`{"id":"` + id + `"}`),
	}
}

func created(e commerce.Event, d time.Duration) commerce.Event {
	e.Created = epoch.Add(d)
	return e
}

func subjectKey(subject string) string { return event("", subject).SubjectRef().String() }

func orderKey(id string) string {
	return commerce.Ref{Tenant: "t1", System: "magento", Account: "shop", Mode: commerce.Test, ID: "order/" + id}.String()
}

func orderEvent(id, order string) commerce.Event {
	e := event(id, "order/"+order)
	e.Ref.System, e.Ref.Account, e.Type = "magento", "shop", "order.changed"
	return e
}

func (s *suite) ctx() context.Context { return s.Context() }

// append stores events as one batch.
func (s *suite) append(events ...commerce.Event) []inbox.Appended {
	s.Helper()
	got, err := s.Store.Append(s.ctx(), inbox.Batch{ID: batchID(), Events: events})
	require.NoError(s, err)
	require.Len(s, got, len(events))
	return got
}

func (s *suite) appendOne(e commerce.Event) int64 {
	s.Helper()
	return s.append(e)[0].Seq
}

// claim takes everything that can be claimed, for a minute.
func (s *suite) claim(owner string) []inbox.Claim {
	s.Helper()
	got, err := s.Store.Claim(s.ctx(), inbox.ClaimRequest{Owner: owner, Roots: 100, Events: 100, Lease: minute})
	require.NoError(s, err)
	return got
}

// claimOne takes what must be exactly one root.
func (s *suite) claimOne(owner string) inbox.Claim {
	s.Helper()
	got := s.claim(owner)
	require.Len(s, got, 1, "one root was to be claimed")
	return got[0]
}

func (s *suite) finish(l inbox.Lease, endings ...inbox.Ending) {
	s.Helper()
	require.NoError(s, s.Store.Finish(s.ctx(), l, endings))
}

func (s *suite) get(seq int64) inbox.Entry {
	s.Helper()
	e, err := s.Store.Get(s.ctx(), seq)
	require.NoError(s, err)
	return e
}

// done ends every event of a claim as done.
func (s *suite) done(c inbox.Claim) {
	s.Helper()
	s.finish(c.Lease, endings(c, inbox.Done)...)
	require.NoError(s, s.Store.Release(s.ctx(), c.Lease))
}

func endings(c inbox.Claim, state inbox.State) []inbox.Ending {
	var out []inbox.Ending
	for _, e := range c.Events {
		out = append(out, ending(e, state))
	}
	return out
}

func ending(e inbox.Entry, state inbox.State) inbox.Ending {
	return inbox.Ending{Seq: e.Seq, Generation: e.Generation, State: state}
}

// bury ends one event, the only one that is due, as dead.
func (s *suite) bury(e commerce.Event) int64 {
	s.Helper()
	seq := s.appendOne(e)
	c := s.claimOne("undertaker")
	end := ending(c.Events[0], inbox.Dead)
	end.Reason, end.Code, end.Handler = "no such SKU", "mapping", "order-to-cash"
	s.finish(c.Lease, end)
	require.NoError(s, s.Store.Release(s.ctx(), c.Lease))
	return seq
}

func seqs(entries []inbox.Entry) []int64 {
	out := []int64{}
	for _, e := range entries {
		out = append(out, e.Seq)
	}
	return out
}

func claimed(claims []inbox.Claim) []int64 {
	out := []int64{}
	for _, c := range claims {
		out = append(out, seqs(c.Events)...)
	}
	return out
}

func (s *suite) collect(list iter.Seq2[inbox.Entry, error]) []inbox.Entry {
	s.Helper()
	var out []inbox.Entry
	for e, err := range list {
		require.NoError(s, err)
		out = append(out, e)
	}
	return out
}

// requireKind checks kind and, for writes, that the error says nothing was written.
func (s *suite) requireKind(err error, kind commerce.Kind) {
	s.Helper()
	require.Error(s, err)
	require.Equal(s, kind, commerce.KindOf(err), "%v", err)
}

func (s *suite) requireLost(err error) {
	s.Helper()
	s.requireKind(err, commerce.KindConflict)
	s.requireCode(err, "lost_lease")
}

func (s *suite) requireCode(err error, code string) {
	s.Helper()
	e, ok := errors.AsType[*commerce.Error](err)
	require.True(s, ok, "%v is no *commerce.Error", err)
	require.Equal(s, code, e.Code, "%v", err)
}
