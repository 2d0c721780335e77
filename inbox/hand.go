package inbox

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/commercesync/commerce"
)

// Attempt is what a handler's context knows about the event at hand.
type Attempt struct {
	Lease      Lease
	Seq        int64
	Generation int64
	Number     int              // 1 on the first attempt of this generation
	Received   time.Time        // when the event was stored, by the store's clock
	Emit       []commerce.Event // what was emitted so far
}

// AttemptOf returns the attempt that a handler's context belongs to. Stores need it
// for CompleteTx; ok is false in a context that no worker made.
func AttemptOf(ctx context.Context) (a Attempt, ok bool) {
	f, ok := ctx.Value(attemptKey{}).(func() Attempt)
	if !ok {
		return Attempt{}, false
	}
	return f(), true
}

// WithAttempt returns a context as a worker hands it to a handler, for tests of
// stores and of handlers. [Link], [Emit] and [Progress] need a real worker.
func WithAttempt(ctx context.Context, a Attempt) context.Context {
	return context.WithValue(ctx, attemptKey{}, func() Attempt { return a })
}

// Link joins the subject of the event at hand to the root it belongs to (the order),
// for ever; from then on the handler holds the root's lease. Call it as soon as the
// root is known, before the root is read and before anything is written. The root must
// be of the event's tenant and mode.
//
// Kind parked: another worker holds the root; return the error, and the event comes
// back in a moment without having used up an attempt. Kind needs_decision with code
// "ambiguous_link": the subject belongs to another root already.
func Link(ctx context.Context, root commerce.Ref) error {
	a, ok := ctx.Value(handKey{}).(*attempt)
	if !ok {
		return invalid("link", "the context is not that of a handler")
	}
	if root.System == "" || root.ID == "" {
		return invalid("link", "the root has no System or no ID")
	}
	if err := a.own("link", root); err != nil {
		return err
	}
	return a.hand.link(ctx, a.entry.Event.SubjectRef().String(), root.String())
}

// Emit appends events in the transaction that ends the event at hand, and only if
// the handler that emits them succeeds. This is how other roots are told. The handler
// may run again, so an event's id must follow from what it says. Where Created is zero
// it is that of the event at hand; tenant and mode must be its own.
func Emit(ctx context.Context, events ...commerce.Event) error {
	a, ok := ctx.Value(handKey{}).(*attempt)
	if !ok {
		return invalid("emit", "the context is not that of a handler")
	}
	for _, e := range events {
		e, err := a.hand.in.accept(e)
		if err != nil {
			return err
		}
		if err := a.own("emit", e.Ref); err != nil {
			return err
		}
		if e.Created.IsZero() {
			e.Created = a.entry.Event.Created
		}
		if err := a.emit(e); err != nil {
			return err
		}
	}
	return nil
}

// Progress tells that a step of a long handler has ended: where less than half of its
// time is left the lease is extended, up to Config.MaxRun. The deadline of the handler's
// context moves with it. An error says that the right to work on the event was lost;
// stop then. Outside of a handler it does nothing.
func Progress(ctx context.Context) error {
	a, ok := ctx.Value(handKey{}).(*attempt)
	if !ok {
		return nil
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return a.hand.progress(ctx)
}

// Links is what a workflow needs to know about orders and what belongs to them.
type Links struct{ Store Store } // needed by Subjects

// Link is the function [Link].
func (Links) Link(ctx context.Context, root commerce.Ref) error { return Link(ctx, root) }

// Subjects returns what is linked to a root, in order of linking.
func (l Links) Subjects(ctx context.Context, root commerce.Ref) ([]commerce.Ref, error) {
	if l.Store == nil {
		return nil, invalid("list subjects", "Links.Store is nil")
	}
	names, err := l.Store.Subjects(ctx, root.String())
	if err != nil {
		return nil, err
	}
	refs := make([]commerce.Ref, len(names))
	for i, n := range names {
		if refs[i], err = commerce.ParseRef(n); err != nil {
			return nil, err
		}
	}
	return refs, nil
}

type (
	attemptKey struct{}
	handKey    struct{}
)

// errOver is why a handler's context ended.
var errOver = &commerce.Error{Kind: commerce.KindUnavailable, System: system, Op: "work",
	Text: "the handler's time is over: Lease less Margin, or MaxRun"}

// errLost is why a handler's context ended.
var errLost = &commerce.Error{Kind: commerce.KindConflict, System: system, Op: "work",
	Code: codeLost, Text: "another worker may hold the root"}

// codeLost is the code of a store's error that says so.
const codeLost = "lost_lease"

// lost reports that a store says the lease is not ours any more.
func lost(err error) bool {
	e, ok := errors.AsType[*commerce.Error](err)
	return ok && e.Kind == commerce.KindConflict && e.Code == codeLost
}

// mark is an instant by both clocks. The real one carries a monotonic reading and
// moves the contexts' deadlines; the handed-in one counts too, so that a simulated
// clock that jumps ends a lease as well.
type mark struct{ real, told time.Time }

func (in *Inbox) mark() mark { return mark{time.Now(), in.c.Now()} }

func (m mark) add(d time.Duration) mark { return mark{m.real.Add(d), m.told.Add(d)} }

// left is how long it is from now until m, by the clock that says less.
func (m mark) left(now mark) time.Duration {
	return min(m.real.Sub(now.real), m.told.Sub(now.told))
}

// hand is a root in a worker's hand.
type hand struct {
	in     *Inbox
	ctx    context.Context // ends a margin before the lease, or when the lease is lost
	cancel context.CancelCauseFunc
	timer  *time.Timer
	limit  mark // MaxRun after the claim

	released bool // given back with the last ending; the worker's goroutine alone looks

	change sync.Mutex // held while the lease is changed at the store

	mu      sync.Mutex
	lease   Lease
	end     mark // of the lease, as this worker believes it
	blocked bool // a link was not free
}

// take starts to hold a claim that was sent at m.
func (in *Inbox) take(ctx context.Context, l Lease, m mark) *hand {
	h := &hand{in: in, lease: l, limit: m.add(in.c.MaxRun)}
	// What is in hand is finished also when the program is asked to stop.
	inner, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	h.cancel = cancel
	h.timer = time.AfterFunc(time.Hour, func() { cancel(errOver) })
	h.ctx = handContext{inner, h}
	h.granted(l, m, l.For)
	return h
}

// granted notes a lease of d from m.
func (h *hand) granted(l Lease, m mark, d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lease, h.end = l, m.add(d)
	h.timer.Reset(max(0, time.Until(h.deadline())))
}

// deadline is when the handler has to stop, by the real clock; h.mu is held.
func (h *hand) deadline() time.Time {
	d := h.end.real.Add(-h.in.c.Margin)
	if h.limit.real.Before(d) {
		return h.limit.real
	}
	return d
}

// left is how long the handler may still work.
func (h *hand) left() time.Duration {
	now := h.in.mark()
	h.mu.Lock()
	defer h.mu.Unlock()
	return min(h.end.left(now)-h.in.c.Margin, h.limit.left(now))
}

// leaseLeft is how long the lease itself still holds.
func (h *hand) leaseLeft() time.Duration {
	now := h.in.mark()
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.end.left(now)
}

// over reports that no work may be started.
func (h *hand) over() bool { return h.ctx.Err() != nil || h.left() <= 0 }

// tired reports that less than half of what a lease or MaxRun gives is left: too
// little to begin another event with.
func (h *hand) tired() bool { return h.short() || h.limit.left(h.in.mark()) < h.in.c.MaxRun/2 }

// short reports that less than half of the time that a lease gives is left.
func (h *hand) short() bool { return h.left() < (h.in.c.Lease-h.in.c.Margin)/2 }

func (h *hand) held() Lease {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lease
}

func (h *hand) isBlocked() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.blocked
}

// progress extends the lease where less than half of it is left.
func (h *hand) progress(ctx context.Context) error {
	h.change.Lock()
	defer h.change.Unlock()
	l, m := h.held(), h.in.mark()
	if !h.short() || h.limit.left(m) <= h.left() || h.ctx.Err() != nil {
		return nil
	}
	call, cancel := h.in.call(ctx)
	defer cancel()
	err := h.in.store.Extend(call, l, h.in.c.Lease)
	switch {
	case err == nil:
		h.granted(l, m, h.in.c.Lease)
		return nil
	case lost(err):
		h.cancel(errLost)
		return err
	default: // the lease is what it was, or longer
		h.in.c.Logger.Warn("inbox: extend failed", "root", l.Root, "error", safeText(err))
		return nil
	}
}

func (h *hand) link(ctx context.Context, subject, root string) error {
	h.change.Lock()
	defer h.change.Unlock()
	l := h.held()
	if h.over() {
		return errOver
	}
	if l.Root == root {
		return nil // the event was claimed under it: linked before, or its own root
	}
	m := h.in.mark()
	call, cancel := context.WithTimeout(ctx, h.in.c.CommitTimeout)
	defer cancel()
	got, err := h.in.store.Link(call, l, subject, root, h.in.c.Lease)
	switch {
	case err == nil:
		h.granted(got, m, got.For)
		return nil
	case commerce.KindOf(err) == commerce.KindParked:
		h.mu.Lock()
		h.blocked = true
		h.mu.Unlock()
		// The holder gives the root back when it is done, mostly long before its lease
		// ends. So this comes back sooner than the store's error says, and leaves it out.
		e := notSent(commerce.KindParked, "link", "another worker holds the root")
		e.RetryAfter = h.in.spread(linkWait)
		return e
	case lost(err), !commerce.SafeToRetry(err): // linked or not, the lease in hand may be over
		h.cancel(errLost)
	}
	return err
}

// linkWait is about how long an event waits whose root another worker holds.
const linkWait = 500 * time.Millisecond

// drop ends what was started for a lease, and gives it back where the last ending
// did not.
func (h *hand) drop() {
	h.cancel(context.Canceled)
	h.timer.Stop()
	defer h.in.signal()
	if h.released {
		return
	}
	call, cancel := h.in.call(h.ctx)
	defer cancel()
	if err := h.in.store.Release(call, h.held()); err != nil {
		// It ends by itself when its time is over.
		h.in.c.Logger.Warn("inbox: release failed", "root", h.held().Root, "error", safeText(err))
	}
}

// handContext is a context whose deadline moves as the lease is extended.
type handContext struct {
	context.Context
	h *hand
}

// Deadline is when the handler has to stop, as it stands now.
func (c handContext) Deadline() (time.Time, bool) {
	c.h.mu.Lock()
	defer c.h.mu.Unlock()
	return c.h.deadline(), true
}
