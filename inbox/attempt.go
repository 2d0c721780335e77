package inbox

import (
	"context"
	"slices"
	"sync"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/resilience"
)

// attempt is one event in a worker's hand while its handlers run.
type attempt struct {
	hand  *hand
	entry Entry

	mu      sync.Mutex
	kept    []commerce.Event // emitted by handlers that succeeded
	emitted []commerce.Event // by the handler at work
	over    bool
}

// begin returns the attempt at e and the context for its handlers, which ends with the
// attempt: nothing that a handler left running goes on under the next event's name.
func (h *hand) begin(e Entry) (*attempt, context.Context, context.CancelFunc) {
	a := &attempt{hand: h, entry: e}
	ctx, cancel := context.WithCancel(h.ctx)
	ctx = context.WithValue(ctx, handKey{}, a)
	ctx = context.WithValue(ctx, attemptKey{}, a.public)
	ctx = resilience.WithRoot(ctx, h.held().Root)
	return a, idempotency.WithGeneration(ctx, e.Generation), cancel
}

// public is what AttemptOf returns.
func (a *attempt) public() Attempt {
	l := a.hand.held()
	a.mu.Lock()
	defer a.mu.Unlock()
	return Attempt{Lease: l, Seq: a.entry.Seq, Generation: a.entry.Generation,
		Number: a.entry.Attempts + 1, Received: a.entry.Received, Emit: slices.Concat(a.kept, a.emitted)}
}

// own refuses what is of another tenant or mode than the event.
func (a *attempt) own(op string, r commerce.Ref) error {
	if mine := a.entry.Event.Ref; r.Tenant != mine.Tenant || r.Mode != mine.Mode {
		return invalid(op, "%s/%s is of another tenant or mode than the event", r.System, r.ID)
	}
	return nil
}

func (a *attempt) emit(e commerce.Event) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.over:
		return invalid("emit", "the event has ended")
	case len(a.kept)+len(a.emitted) >= a.hand.in.c.MaxBatch:
		return notSent(commerce.KindLimit, "emit", "more than MaxBatch (%d) events", a.hand.in.c.MaxBatch)
	}
	a.emitted = append(a.emitted, e)
	return nil
}

// settle keeps or drops what a handler emitted, now that it has ended.
func (a *attempt) settle(ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if ok {
		a.kept = append(a.kept, a.emitted...)
	}
	a.emitted = nil
}

// end closes the attempt and returns what is to be appended with its ending.
func (a *attempt) end() []commerce.Event {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
	return a.kept
}
