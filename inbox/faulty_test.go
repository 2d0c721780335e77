package inbox_test

import (
	"context"
	"sync"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

// faulty is a store whose calls fail as told: before they take effect, or after, when
// the answer is lost on its way.
type faulty struct {
	inbox.Store
	mu     sync.Mutex
	before func(op string) error
	after  func(op string) error
	calls  map[string]int
	// appended holds every batch that was tried, in order.
	appended []inbox.Batch
}

func (f *faulty) ask(op string, first bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls == nil {
		f.calls = map[string]int{}
	}
	ask := f.after
	if first {
		f.calls[op]++
		ask = f.before
	}
	if ask == nil {
		return nil
	}
	return ask(op)
}

func (f *faulty) count(op string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[op]
}

func (f *faulty) batches() []inbox.Batch {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]inbox.Batch(nil), f.appended...)
}

// set changes the faults.
func (f *faulty) set(before, after func(string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before, f.after = before, after
}

var (
	errAway = &commerce.Error{Kind: commerce.KindUnavailable, System: "db", Op: "write", Outcome: commerce.NotSent, Text: "connection refused"}
	errGone = &commerce.Error{Kind: commerce.KindUnavailable, System: "db", Op: "write", Outcome: commerce.Unknown, Text: "connection lost"}
)

var errLost = &commerce.Error{Kind: commerce.KindConflict, System: "db", Op: "write", Code: "lost_lease", Outcome: commerce.NotSent}

// always fails every call of the given kinds.
func always(err error, ops ...string) func(string) error {
	return func(op string) error {
		for _, o := range ops {
			if o == op {
				return err
			}
		}
		return nil
	}
}

// times fails the first n calls of one kind.
func times(n int, err error, op string) func(string) error {
	return func(o string) error {
		if o == op && n > 0 {
			n--
			return err
		}
		return nil
	}
}

func (f *faulty) do(op string, call func() error) error {
	if err := f.ask(op, true); err != nil {
		return err
	}
	if err := call(); err != nil {
		return err
	}
	return f.ask(op, false)
}

func (f *faulty) Append(ctx context.Context, b inbox.Batch) (got []inbox.Appended, err error) {
	f.mu.Lock()
	f.appended = append(f.appended, b)
	f.mu.Unlock()
	err = f.do("append", func() (err error) { got, err = f.Store.Append(ctx, b); return err })
	if err != nil {
		return nil, err
	}
	return got, nil
}

func (f *faulty) Claim(ctx context.Context, r inbox.ClaimRequest) (got []inbox.Claim, err error) {
	err = f.do("claim", func() (err error) { got, err = f.Store.Claim(ctx, r); return err })
	if err != nil {
		return nil, err
	}
	return got, nil
}

func (f *faulty) Extend(ctx context.Context, l inbox.Lease, d time.Duration) error {
	return f.do("extend", func() error { return f.Store.Extend(ctx, l, d) })
}

func (f *faulty) Finish(ctx context.Context, l inbox.Lease, e []inbox.Ending) error {
	return f.do("finish", func() error { return f.Store.Finish(ctx, l, e) })
}

func (f *faulty) Release(ctx context.Context, l inbox.Lease) error {
	return f.do("release", func() error { return f.Store.Release(ctx, l) })
}

func (f *faulty) Link(ctx context.Context, l inbox.Lease, subject, root string, d time.Duration) (got inbox.Lease, err error) {
	err = f.do("link", func() (err error) { got, err = f.Store.Link(ctx, l, subject, root, d); return err })
	if err != nil {
		return inbox.Lease{}, err
	}
	return got, nil
}

func (f *faulty) Cursor(ctx context.Context, feed string) (c string, err error) {
	err = f.do("cursor", func() (err error) { c, err = f.Store.Cursor(ctx, feed); return err })
	return c, err
}

func (f *faulty) Wait(ctx context.Context) (d time.Duration, err error) {
	err = f.do("wait", func() (err error) { d, err = f.Store.Wait(ctx); return err })
	return d, err
}
