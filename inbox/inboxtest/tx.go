package inboxtest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

// TxHarness is a Harness of a store that can complete an event in the caller's
// transaction.
type TxHarness[Tx any] struct {
	Harness
	// Completer is mostly the store itself.
	Completer inbox.TxCompleter[Tx]
	// Begin opens a transaction of the caller's. Rollback after Commit does nothing.
	Begin func(context.Context) (tx Tx, commit, rollback func() error, err error)
}

// RunTx tests the optional part of a store.
func RunTx[Tx any](t *testing.T, open func(*testing.T) TxHarness[Tx]) {
	for _, c := range []struct {
		name string
		run  func(*txSuite[Tx])
	}{
		{"an event is done when the caller commits", (*txSuite[Tx]).commits},
		{"an event is not done when the caller rolls back", (*txSuite[Tx]).rollsBack},
		{"what was emitted is stored with the caller's commit", (*txSuite[Tx]).emits},
		{"an ending after the commit is dropped", (*txSuite[Tx]).endsAfter},
		{"a lost lease is refused", (*txSuite[Tx]).lost},
		{"another generation is refused", (*txSuite[Tx]).generation},
		{"a context without an event is refused", (*txSuite[Tx]).bare},
		{"the worker itself completes so", (*txSuite[Tx]).worker},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			c.run(&txSuite[Tx]{suite: &suite{T: t, Harness: h.Harness}, h: h})
		})
	}
}

type txSuite[Tx any] struct {
	*suite
	h TxHarness[Tx]
}

// complete runs CompleteTx in a transaction and ends it.
func (s *txSuite[Tx]) complete(ctx context.Context, end func(commit, rollback func() error) error) error {
	s.Helper()
	tx, commit, rollback, err := s.h.Begin(s.ctx())
	require.NoError(s, err)
	defer func() { _ = rollback() }()
	if err := s.h.Completer.CompleteTx(ctx, tx); err != nil {
		return err
	}
	return end(commit, rollback)
}

func committing(commit, _ func() error) error { return commit() }

func attemptOf(c inbox.Claim) inbox.Attempt {
	return inbox.Attempt{Lease: c.Lease, Seq: c.Events[0].Seq, Generation: c.Events[0].Generation, Number: 1}
}

func (s *txSuite[Tx]) commits() {
	seq := s.appendOne(event("evt_1", "pi_1"))
	c := s.claimOne("w")
	require.NoError(s, s.complete(inbox.WithAttempt(s.ctx(), attemptOf(c)), committing))
	e := s.get(seq)
	require.Equal(s, inbox.Done, e.State)
	require.False(s, e.Ended.IsZero())
	require.NoError(s, s.Store.Release(s.ctx(), c.Lease))
	s.Advance(time.Hour)
	require.Empty(s, s.claim("w"))
}

func (s *txSuite[Tx]) rollsBack() {
	seq := s.appendOne(event("evt_1", "pi_1"))
	c := s.claimOne("w")
	require.NoError(s, s.complete(inbox.WithAttempt(s.ctx(), attemptOf(c)), func(_, rollback func() error) error { return rollback() }))
	require.Equal(s, inbox.Ready, s.get(seq).State)
	s.done(c) // the worker still may
	require.Equal(s, inbox.Done, s.get(seq).State)
}

func (s *txSuite[Tx]) emits() {
	s.append(event("evt_1", "pi_1"))
	c := s.claimOne("w")
	a := attemptOf(c)
	a.Emit = []commerce.Event{orderEvent("told", "1")}
	require.NoError(s, s.complete(inbox.WithAttempt(s.ctx(), a), func(_, rollback func() error) error { return rollback() }))
	require.Empty(s, s.collect(s.Store.List(s.ctx(), inbox.Filter{Root: orderKey("1")})))
	require.NoError(s, s.complete(inbox.WithAttempt(s.ctx(), a), committing))
	require.Len(s, s.collect(s.Store.List(s.ctx(), inbox.Filter{Root: orderKey("1")})), 1)
}

func (s *txSuite[Tx]) endsAfter() {
	seq := s.appendOne(event("evt_1", "pi_1"))
	c := s.claimOne("w")
	require.NoError(s, s.complete(inbox.WithAttempt(s.ctx(), attemptOf(c)), committing))
	for _, state := range []inbox.State{inbox.Done, inbox.Parked, inbox.Dead} {
		s.finish(c.Lease, ending(c.Events[0], state))
		require.Equal(s, inbox.Done, s.get(seq).State)
	}
}

func (s *txSuite[Tx]) lost() {
	seq := s.appendOne(event("evt_1", "pi_1"))
	c := s.claimOne("w1")
	s.Advance(minute)
	s.requireLost(s.complete(inbox.WithAttempt(s.ctx(), attemptOf(c)), committing))
	current := s.claimOne("w2")
	s.requireLost(s.complete(inbox.WithAttempt(s.ctx(), attemptOf(c)), committing))
	require.Equal(s, inbox.Ready, s.get(seq).State)
	require.NoError(s, s.complete(inbox.WithAttempt(s.ctx(), attemptOf(current)), committing))
	require.Equal(s, inbox.Done, s.get(seq).State)
}

func (s *txSuite[Tx]) generation() {
	seq := s.bury(event("evt_1", "pi_1"))
	require.NoError(s, s.Store.Replay(s.ctx(), seq, by, nil))
	c := s.claimOne("w")
	a := attemptOf(c)
	a.Generation--
	s.requireKind(s.complete(inbox.WithAttempt(s.ctx(), a), committing), commerce.KindConflict)
	require.Equal(s, inbox.Ready, s.get(seq).State)
}

func (s *txSuite[Tx]) bare() {
	s.requireKind(s.complete(s.ctx(), committing), commerce.KindInvalid)
}

func (s *txSuite[Tx]) worker() {
	in, err := inbox.New(s.Store, inbox.Config{Handlers: inbox.Handlers{"stripe *": {{Name: "local", Handle: func(ctx context.Context, e commerce.Event) error {
		if err := inbox.Link(ctx, commerce.Ref{Tenant: "t1", System: "magento", Account: "shop", Mode: commerce.Test, ID: "order/1"}); err != nil {
			return err
		}
		if err := inbox.Emit(ctx, orderEvent("told", "1")); err != nil {
			return err
		}
		return s.complete(ctx, committing)
	}}}}})
	require.NoError(s, err)
	seq := s.appendOne(event("evt_1", "pi_1"))
	n, err := in.Work(s.ctx())
	require.NoError(s, err)
	require.Equal(s, 1, n)
	require.Equal(s, inbox.Done, s.get(seq).State)
	require.Equal(s, orderKey("1"), s.get(seq).Root)
	require.Len(s, s.collect(s.Store.Timeline(s.ctx(), orderKey("1"))), 2)
}
