package sim

import (
	"context"
	"iter"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
)

// call is one call of a store: before it, its effect, and the answer. It may fail
// before, take effect unheard, or take effect after its caller gave up.
func call[T any](ctx context.Context, p *process, label string, do func(context.Context) (T, error)) (T, error) {
	var zero T
	w := p.w
	p.stop("store " + label)
	lost := func(o commerce.Outcome, kind commerce.Kind) error {
		w.report.Faults++
		return &commerce.Error{Kind: kind, System: "store", Op: label, Outcome: o}
	}
	late := false
	if w.perMille(w.w.losing) {
		switch w.chance.IntN(4) {
		case 0:
			w.trace("%s: %s does not happen", p, label)
			return zero, lost(commerce.NotSent, commerce.KindUnavailable)
		case 1:
			w.trace("%s: %s lost against another", p, label)
			return zero, lost(commerce.NotSent, commerce.KindConflict)
		case 2:
			w.trace("%s: %s is to happen late", p, label)
			late = true
		default:
			w.trace("%s: %s happens unheard", p, label)
			_, _ = do(ctx)
			return zero, lost(commerce.Unknown, commerce.KindUnavailable)
		}
	}
	if late {
		ctx := context.WithoutCancel(ctx)
		w.in(w.within(4*time.Second), func() {
			w.trace("%s happens now", label)
			_, _ = do(ctx)
		})
		return zero, lost(commerce.Unknown, commerce.KindUnavailable)
	}
	got, err := do(ctx)
	p.stop("store did " + label)
	return got, err
}

// read is a call without effect.
func read[T any](p *process, label string, do func() (T, error)) (T, error) {
	p.stop("store " + label)
	if p.w.perMille(p.w.w.losing) {
		var zero T
		p.w.report.Faults++
		return zero, &commerce.Error{Kind: commerce.KindUnavailable, System: "store", Op: label, Outcome: commerce.NotSent}
	}
	return do()
}

func done(err error) (struct{}, error) { return struct{}{}, err }

// store is an inbox.Store as a process sees it: no more than the interface, so that
// nothing can complete an event in a transaction of its own.
type store struct{ p *process }

var _ inbox.Store = (*store)(nil)

func (s *store) Append(ctx context.Context, b inbox.Batch) ([]inbox.Appended, error) {
	return call(ctx, s.p, "append", func(ctx context.Context) ([]inbox.Appended, error) {
		got, err := s.p.w.inbox.Append(ctx, b)
		if err == nil {
			s.p.w.appended(b, got)
		}
		return got, err
	})
}

func (s *store) Claim(ctx context.Context, r inbox.ClaimRequest) ([]inbox.Claim, error) {
	return call(ctx, s.p, "claim", func(ctx context.Context) ([]inbox.Claim, error) {
		got, err := s.p.w.inbox.Claim(ctx, r)
		for _, c := range got {
			s.p.w.granted(s.p, c.Lease, r.Lease)
		}
		return got, err
	})
}

func (s *store) Extend(ctx context.Context, l inbox.Lease, d time.Duration) error {
	_, err := call(ctx, s.p, "extend "+l.Root, func(ctx context.Context) (struct{}, error) {
		err := s.p.w.inbox.Extend(ctx, l, d)
		if err == nil {
			s.p.w.extended(l, d)
		}
		return done(err)
	})
	return err
}

func (s *store) Finish(ctx context.Context, l inbox.Lease, endings []inbox.Ending) error {
	label := "finish"
	for _, e := range endings {
		label += " " + string(e.State)
		if e.Reason != "" {
			s.p.w.trace("%s ends %d as %s: %s %s", s.p, e.Seq, e.State, e.Code, e.Reason)
		}
	}
	_, err := call(ctx, s.p, label+" "+l.Root, func(ctx context.Context) (struct{}, error) {
		stale := s.p.w.stale(l, endings)
		err := s.p.w.inbox.Finish(ctx, l, endings)
		if err == nil {
			if stale {
				s.p.w.wrong("a worker whose lease was over ended an event")
			}
			s.p.w.finished(l, endings)
		}
		return done(err)
	})
	return err
}

func (s *store) Release(ctx context.Context, l inbox.Lease) error {
	_, err := call(ctx, s.p, "release "+l.Root, func(ctx context.Context) (struct{}, error) {
		err := s.p.w.inbox.Release(ctx, l)
		if err == nil {
			s.p.w.released(l)
		}
		return done(err)
	})
	return err
}

func (s *store) Link(ctx context.Context, l inbox.Lease, subject, root string, d time.Duration) (inbox.Lease, error) {
	return call(ctx, s.p, "link "+subject+" "+root, func(ctx context.Context) (inbox.Lease, error) {
		got, err := s.p.w.inbox.Link(ctx, l, subject, root, d)
		if err == nil && got != l {
			s.p.w.book.linked[subject] = time.Now()
			s.p.w.released(l)
			s.p.w.granted(s.p, got, d)
		}
		return got, err
	})
}

func (s *store) Subjects(ctx context.Context, root string) ([]string, error) {
	return read(s.p, "subjects", func() ([]string, error) { return s.p.w.inbox.Subjects(ctx, root) })
}

func (s *store) Cursor(ctx context.Context, feed string) (string, error) {
	return read(s.p, "cursor", func() (string, error) { return s.p.w.inbox.Cursor(ctx, feed) })
}

func (s *store) Told(ctx context.Context, of commerce.Ref, after string, limit int) ([]string, error) {
	return read(s.p, "told", func() ([]string, error) { return s.p.w.inbox.Told(ctx, of, after, limit) })
}

func (s *store) Wait(ctx context.Context) (time.Duration, error) { return s.p.w.inbox.Wait(ctx) }

func (s *store) Get(ctx context.Context, seq int64) (inbox.Entry, error) {
	return s.p.w.inbox.Get(ctx, seq)
}

func (s *store) List(ctx context.Context, f inbox.Filter) iter.Seq2[inbox.Entry, error] {
	return s.p.w.inbox.List(ctx, f)
}

func (s *store) Timeline(ctx context.Context, root string) iter.Seq2[inbox.Entry, error] {
	return s.p.w.inbox.Timeline(ctx, root)
}

func (s *store) Count(ctx context.Context, tenant string) (inbox.Counts, error) {
	return s.p.w.inbox.Count(ctx, tenant)
}

func (s *store) Replay(ctx context.Context, seq int64, by inbox.Act, o commerce.Overlay) error {
	return s.p.w.inbox.Replay(ctx, seq, by, o)
}

func (s *store) Discard(ctx context.Context, seq int64, by inbox.Act) error {
	return s.p.w.inbox.Discard(ctx, seq, by)
}

func (s *store) Prune(ctx context.Context, r inbox.PruneRequest) (inbox.Stretch, error) {
	return s.p.w.inbox.Prune(ctx, r)
}

func (s *store) Erase(ctx context.Context, r inbox.EraseRequest) (inbox.Stretch, error) {
	return s.p.w.inbox.Erase(ctx, r)
}

func (s *store) Now(ctx context.Context) (time.Time, error) { return s.p.w.inbox.Now(ctx) }

// steps is an idempotency.Store as a process sees it.
type steps struct{ p *process }

var _ idempotency.Store = (*steps)(nil)

func (s *steps) Begin(ctx context.Context, r idempotency.BeginRequest) (idempotency.Grant, error) {
	return call(ctx, s.p, "begin "+r.Key, func(ctx context.Context) (idempotency.Grant, error) {
		return s.p.w.steps.Begin(ctx, r)
	})
}

func (s *steps) Restart(ctx context.Context, key string, token int64, r idempotency.BeginRequest) (idempotency.Record, error) {
	return call(ctx, s.p, "restart "+key, func(ctx context.Context) (idempotency.Record, error) {
		return s.p.w.steps.Restart(ctx, key, token, r)
	})
}

func (s *steps) End(ctx context.Context, key string, token int64, state idempotency.State, result []byte) error {
	_, err := call(ctx, s.p, "end "+string(state)+" "+key, func(ctx context.Context) (struct{}, error) {
		return done(s.p.w.steps.End(ctx, key, token, state, result))
	})
	return err
}

func (s *steps) Settle(ctx context.Context, key string, result []byte) (idempotency.Record, error) {
	return call(ctx, s.p, "settle "+key, func(ctx context.Context) (idempotency.Record, error) {
		return s.p.w.steps.Settle(ctx, key, result)
	})
}

func (s *steps) Get(ctx context.Context, key string) (idempotency.Record, error) {
	return read(s.p, "get "+key, func() (idempotency.Record, error) { return s.p.w.steps.Get(ctx, key) })
}

func (s *steps) List(ctx context.Context, prefix string, since time.Time) iter.Seq2[idempotency.Record, error] {
	s.p.stop("store list " + prefix)
	return s.p.w.steps.List(ctx, prefix, since)
}
