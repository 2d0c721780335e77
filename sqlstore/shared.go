package sqlstore

import (
	"context"
	"slices"
	"sync"

	"github.com/commercesync/commerce"
)

// maxShared bounds how many writes share one commit.
const maxShared = 64

// errand is a write that waits for its turn, where writers take turns.
type errand struct {
	ctx  context.Context
	op   string
	fn   func(context.Context, *session) error
	err  error         // to be read once done is closed
	done chan struct{} // closed when err is what became of it
}

// waiting is what nobody has taken up yet, oldest first.
type waiting[T comparable] struct {
	mu   sync.Mutex
	list []T
}

func (q *waiting[T]) add(x T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = append(q.list, x)
}

// take takes up at most so many.
func (q *waiting[T]) take(most int) []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.list), most)
	batch := slices.Clone(q.list[:n])
	q.list = slices.Delete(q.list, 0, n)
	return batch
}

// withdraw takes one back; false where it has been taken up.
func (q *waiting[T]) withdraw(x T) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.list, x)
	if i >= 0 {
		q.list = slices.Delete(q.list, i, i+1)
	}
	return i >= 0
}

// share runs fn in a transaction that it shares with whoever waits at the same
// moment: whoever gets the turn does the errands of all, and one sync of the disk
// carries them. Each stands for itself until the commit: one that fails is rolled
// back alone. A lone write goes out at once.
func (d *DB) share(ctx context.Context, op string, fn func(context.Context, *session) error) error {
	if err := d.outside(ctx, op); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, d.txTimeout)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return fail(op, commerce.NotSent, err)
	}
	e := &errand{ctx: ctx, op: op, fn: fn, done: make(chan struct{})}
	d.errands.add(e)
	for {
		select {
		case <-e.done:
			return e.err
		case d.turn <- struct{}{}:
			if err := d.lead(ctx, e); err != nil && d.errands.withdraw(e) {
				return fail(op, commerce.NotSent, err)
			}
		case <-ctx.Done():
			if d.errands.withdraw(e) {
				return fail(op, commerce.NotSent, ctx.Err())
			}
			<-e.done // it is being done, which is bounded in time
			return e.err
		}
	}
}

// lead does what waits, own with it, and gives the turn back. An error says that it
// could not begin; nothing was taken up then.
func (d *DB) lead(ctx context.Context, own *errand) error {
	defer func() { <-d.turn }()
	select {
	case <-own.done:
		return nil // somebody else had the turn, and did it
	default:
	}
	t, err := d.beginImmediate(ctx)
	if err != nil {
		return err
	}
	// From here on it is everybody's: no caller's end undoes its neighbours.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.txTimeout)
	defer cancel()
	batch := d.errands.take(maxShared)
	ended, outcome, together := false, commerce.NotSent, errBrokenOff
	defer func() { // also where an errand panics
		if !ended {
			_ = t.rollback()
		}
		for _, e := range batch {
			if e.err == nil && together != nil {
				e.err = fail(e.op, outcome, together)
			}
			close(e.done)
		}
	}()
	together = d.runErrands(ctx, t.runner, batch)
	if together == nil && slices.ContainsFunc(batch, func(e *errand) bool { return e.err == nil }) {
		ended = true
		if together = t.commit(); together != nil {
			outcome = commitOutcome(together)
		}
	}
	return nil
}

// errBrokenOff is what the others hear where an errand panics.
var errBrokenOff error = &commerce.Error{Kind: commerce.KindUnavailable, Text: "the shared transaction was broken off"}

// runErrands runs each errand between its own marks, so that one that fails leaves
// nothing behind. An error of its own means that the transaction is gone.
func (d *DB) runErrands(ctx context.Context, r runner, batch []*errand) error {
	if _, err := d.enterTx(ctx, r, true); err != nil {
		return err
	}
	alone := len(batch) == 1
	for _, e := range batch {
		if err := e.ctx.Err(); err != nil {
			e.err = fail(e.op, commerce.NotSent, err)
			continue
		}
		if !alone {
			if _, err := r.ExecContext(ctx, "SAVEPOINT errand"); err != nil {
				return err
			}
		}
		err := e.fn(ctx, &session{DB: d, runner: r, now: d.here()})
		if err == nil {
			err = e.ctx.Err()
		}
		if err != nil {
			e.err = fail(e.op, commerce.NotSent, err)
			if alone {
				return nil
			}
			if _, gone := r.ExecContext(ctx, "ROLLBACK TO errand"); gone != nil {
				return err
			}
		}
		if !alone {
			if _, err := r.ExecContext(ctx, "RELEASE errand"); err != nil {
				return err
			}
		}
	}
	return nil
}
