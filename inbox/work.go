package inbox

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/commercesync/commerce"
)

// Run works events until its context ends: it claims roots, as many as there are free
// workers, and works each in a goroutine of its own; it polls the feeds and counts what
// is parked. When the context ends nothing new is begun, each event that is being worked
// is finished, and Run returns nil. Several processes may run on one store.
func (in *Inbox) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	for i := range in.c.Feeds {
		all.Go(func() { in.pollForever(ctx, &in.c.Feeds[i]) })
	}
	all.Go(func() { in.watch(ctx) })

	free := make(chan struct{}, in.c.Workers) // holds one token for each busy worker
	failures := 0
	for {
		select {
		case <-ctx.Done():
			return nil
		case free <- struct{}{}:
		}
		want := 1
		for want < in.c.Workers && offer(free) {
			want++
		}
		m := in.mark()
		claims, err := in.claim(ctx, want)
		for _, c := range claims {
			all.Go(func() {
				defer func() { <-free; in.signal() }()
				in.work(ctx, c, m)
			})
		}
		for range want - len(claims) {
			<-free
		}
		switch {
		case err != nil:
			failures++
			in.c.Logger.Warn("inbox: claim failed", "failures", failures, "error", safeText(err))
			in.sleep(ctx, in.spread(min(in.c.Poll<<min(failures, 5), time.Minute)), false)
		case len(claims) < want:
			failures = 0
			in.sleep(ctx, in.nextDue(ctx), true)
		default:
			failures = 0
		}
	}
}

// offer takes a place without waiting.
func offer(free chan struct{}) bool {
	select {
	case free <- struct{}{}:
		return true
	default:
		return false
	}
}

// sleep waits for d, for news where it is wanted, or for the context.
func (in *Inbox) sleep(ctx context.Context, d time.Duration, news bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	wake := in.wake
	if !news {
		wake = nil
	}
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-wake:
	}
}

// minPoll keeps Run from asking without pause where the store says that something is
// due and hands out nothing, as it may while others hold the roots.
const minPoll = 10 * time.Millisecond

// nextDue is how long to wait where nothing is to be had now.
func (in *Inbox) nextDue(ctx context.Context) time.Duration {
	call, cancel := in.call(ctx)
	defer cancel()
	d, err := in.store.Wait(call)
	if err != nil || d < 0 {
		return in.c.Poll
	}
	return min(in.c.Poll, max(d, minPoll))
}

// Work claims one root, works its due events in the calling goroutine, and returns how
// many it ended or put off; 0 means that nothing is due. It is what Run does, one step
// at a time, for tests and simulations with a clock of their own. Each event that is
// being worked when the context ends is finished.
func (in *Inbox) Work(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m := in.mark()
	claims, err := in.claim(ctx, 1)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, c := range claims {
		n += in.work(ctx, c, m)
	}
	return n, nil
}

func (in *Inbox) claim(ctx context.Context, roots int) ([]Claim, error) {
	// A claim that is on its way is waited for: nobody would work what it takes.
	call, cancel := in.call(ctx)
	defer cancel()
	return in.store.Claim(call, ClaimRequest{Owner: in.owner, Roots: roots, Events: in.c.MaxEvents, Lease: in.c.Lease})
}

// work works the events of a claim that was sent at m, in order, and returns how many
// it ended or put off.
func (in *Inbox) work(ctx context.Context, c Claim, m mark) int {
	h := in.take(ctx, c.Lease, m)
	defer h.drop()
	events := c.Events
	if i := suspect(events); i >= 0 {
		// The last worker died with these in hand. The others go back, so that only
		// the one it may have died of is counted further.
		rest := append(append([]Entry(nil), events[:i]...), events[i+1:]...)
		events = events[i : i+1]
		if !in.giveBack(h, rest, 0) {
			return 0
		}
	}
	n := 0
	for i, e := range events {
		if ctx.Err() != nil || h.over() {
			in.giveBack(h, events[i:], 0)
			break
		}
		end := in.attempt(h, e)
		if !in.finish(h, end) {
			break
		}
		n++
		in.told(h, e, end[0])
		if h.isBlocked() {
			in.giveBack(h, events[i+1:], in.spread(linkWait))
			break
		}
		if h.progress(h.ctx) != nil {
			break
		}
	}
	return n
}

// suspect returns the event that the worker before may have died of; -1 = none, or
// there is no other beside it.
func suspect(events []Entry) int {
	at := -1
	for i, e := range events {
		if e.Starts > 1 && len(events) > 1 && (at < 0 || e.Starts > events[at].Starts) {
			at = i
		}
	}
	return at
}

// giveBack makes events due again that were claimed and not begun.
func (in *Inbox) giveBack(h *hand, events []Entry, wait time.Duration) bool {
	if len(events) == 0 {
		return true
	}
	endings := make([]Ending, len(events))
	for i, e := range events {
		endings[i] = Ending{Seq: e.Seq, Generation: e.Generation, State: Parked, Wait: wait,
			Reason: e.Reason, Code: e.Code, Handler: e.Handler}
	}
	return in.finish(h, endings)
}

// finish writes endings down, again and again until the lease is over: the store
// drops what it has already. It reports whether they are written.
func (in *Inbox) finish(h *hand, endings []Ending) bool {
	for try := 1; ; try++ {
		l := h.held()
		call, cancel := in.call(h.ctx)
		err := in.store.Finish(call, l, endings)
		cancel()
		if err == nil {
			return true
		}
		in.c.Logger.Warn("inbox: finish failed", "root", l.Root, "seq", endings[0].Seq, "try", try, "error", safeText(err))
		h.mu.Lock()
		left := h.end.left(in.mark())
		h.mu.Unlock()
		if commerce.KindOf(err) == commerce.KindConflict || commerce.KindOf(err).Permanent() || left <= 0 {
			return false // another worker does it again; what is done already answers from its records
		}
		if in.c.Wait(context.WithoutCancel(h.ctx), in.spread(min(left, 50*time.Millisecond<<min(try, 6)))) != nil {
			return false
		}
	}
}

// attempt works one event and says how it ended.
func (in *Inbox) attempt(h *hand, e Entry) []Ending {
	end := Ending{Seq: e.Seq, Generation: e.Generation}
	if e.Starts > in.c.MaxStarts {
		end.State, end.Code = Dead, "worker_died"
		end.Reason = fmt.Sprintf("the work on it began %d times without an end: its worker died", e.Starts-1)
		return []Ending{end}
	}
	handlers := in.c.Handlers.of(e.Event)
	if len(handlers) == 0 {
		end.State = Ignored
		return []Ending{end}
	}
	ctx, done := in.meters.start(h.begin(e), in.c.Tracer, h.held().Root, e)
	var failed []failure
	for i, hd := range handlers {
		if i > 0 && h.progress(ctx) != nil {
			break // the lease is lost: finish will be refused
		}
		err := in.handle(ctx, hd, e)
		h.settle(err == nil)
		if err != nil {
			failed = append(failed, failure{hd.Name, err})
		}
	}
	v := judge(failed)
	if h.over() && len(failed) > 0 {
		v = verdict{state: Parked, burn: true, handler: failed[0].handler, err: errors.Join(errOver, failed[0].err)}
	}
	in.conclude(ctx, &end, e, v)
	end.Emit = h.attempt().Emit
	done(end.State, v.err)
	return []Ending{end}
}

// handle runs one handler. A panic is an error like any other; its stack is logged
// without what the handler was given.
func (in *Inbox) handle(ctx context.Context, hd Handler, e Entry) (err error) {
	defer func() {
		if p := recover(); p != nil {
			what := fmt.Sprintf("a %T", p)
			if r, ok := p.(runtime.Error); ok {
				what = r.Error()
			}
			err = commerce.Errorf(commerce.KindInternal, system, "handle", "panic: %s", what)
			in.c.Logger.Error("inbox: handler panicked", "handler", hd.Name, "seq", e.Seq, "panic", what, "stack", string(debug.Stack()))
		}
	}()
	return hd.Handle(ctx, e.Event)
}

// told logs an ending and raises the alarm for the dead.
func (in *Inbox) told(h *hand, e Entry, end Ending) {
	l := in.c.Logger.With("seq", e.Seq, "event", e.Event.Ref.ID, "type", e.Event.Type, "root", h.held().Root,
		"attempt", e.Attempts+1, "generation", e.Generation)
	switch end.State {
	case Parked:
		l.Warn("inbox: event waits", "wait", end.Wait, "burn", end.Burn, "handler", end.Handler, "reason", end.Reason)
	case Dead:
		l.Error("inbox: event is dead", "code", end.Code, "handler", end.Handler, "reason", end.Reason)
		in.alert(h.ctx, Alert{Kind: AlertDead, Seq: e.Seq, Event: e.Event.Ref, Type: e.Event.Type,
			Root: h.held().Root, Code: end.Code, Reason: end.Reason, Handler: end.Handler})
	default:
		l.Info("inbox: event ended", "state", string(end.State))
	}
}
