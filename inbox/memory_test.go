package inbox_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/inbox/inboxtest"
	"github.com/commercesync/commerce/internal/clock"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newClock() *clock.Manual { return clock.At(epoch) }

func TestMemoryKeepsThePromisesOfAStore(t *testing.T) {
	t.Parallel()
	inboxtest.Run(t, func(*testing.T) inboxtest.Harness {
		c := newClock()
		return inboxtest.Harness{Store: inbox.NewMemory(inbox.MemoryConfig{Now: c.Now}), Advance: c.Advance}
	}, inboxtest.Features{})
}

// memoryTx is a transaction of nobody's: what is to be done when it commits.
type memoryTx struct{ commit []func() error }

// completing gives Memory the optional ability, so that the suite's part for it is run
// here too.
type completing struct{ *inbox.Memory }

func (c completing) CompleteTx(ctx context.Context, tx *memoryTx) error {
	a, ok := inbox.AttemptOf(ctx)
	if !ok {
		return commerce.Errorf(commerce.KindInvalid, "test", "complete", "the context carries no event")
	}
	e, err := c.Get(ctx, a.Seq)
	if err != nil {
		return err
	}
	if e.Generation != a.Generation {
		return commerce.Errorf(commerce.KindConflict, "test", "complete", "another generation")
	}
	if err := c.Finish(ctx, a.Lease, nil); err != nil {
		return err
	}
	tx.commit = append(tx.commit, func() error {
		return c.Finish(context.WithoutCancel(ctx), a.Lease, []inbox.Ending{{Seq: a.Seq, Generation: a.Generation, State: inbox.Done, Emit: a.Emit}})
	})
	return nil
}

func TestAStoreThatCompletesInTheCallersTransactionKeepsThosePromises(t *testing.T) {
	t.Parallel()
	inboxtest.RunTx(t, func(*testing.T) inboxtest.TxHarness[*memoryTx] {
		c := newClock()
		store := completing{inbox.NewMemory(inbox.MemoryConfig{Now: c.Now})}
		return inboxtest.TxHarness[*memoryTx]{
			Harness:   inboxtest.Harness{Store: store, Advance: c.Advance},
			Completer: store,
			Begin: func(context.Context) (*memoryTx, func() error, func() error, error) {
				tx := &memoryTx{}
				commit := func() error {
					var errs []error
					for _, f := range tx.commit {
						errs = append(errs, f())
					}
					return errors.Join(errs...)
				}
				return tx, commit, func() error { tx.commit = nil; return nil }, nil
			},
		}
	})
}
