package inbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
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
	failures, misses := 0, 0
	for {
		select {
		case <-ctx.Done():
			return nil
		case free <- struct{}{}:
		}
		if ctx.Err() != nil {
			return nil
		}
		want := 1
		for want < in.c.Workers && offer(free) {
			want++
		}
		m := in.mark()
		claims, err := in.claim(ctx, want)
		for _, c := range claims {
			tenant := c.Events[0].Event.Ref.Tenant
			in.running.add(tenant, 1)
			all.Go(func() {
				defer func() { in.running.add(tenant, -1); <-free }()
				_, _ = in.work(ctx, c, m) // it has been logged
			})
		}
		for range want - len(claims) {
			<-free
		}
		switch {
		case err != nil:
			failures++
			in.c.Logger.Warn("inbox: claim failed", "failures", failures, "error", safeText(err))
			in.sleep(ctx, in.spread(min(in.c.Poll<<min(failures, 5), time.Minute)), nil)
		case len(claims) < want:
			failures = 0
			wait := in.nextDue(ctx)
			if misses++; wait > 0 || len(claims) > 0 {
				misses = 0
			}
			in.sleep(ctx, min(in.c.Poll, max(wait, minPoll<<min(misses, 10))), in.wake)
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

// sleep waits for d, for news, or for the end of the context.
func (in *Inbox) sleep(ctx context.Context, d time.Duration, news <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-news:
	}
}

// minPoll keeps Run from asking without pause where the store says that something is
// due and hands out nothing, as it may while others hold the roots. Where that goes on,
// as while a tenant has all the workers that it may have, Run asks ever more seldom:
// news and the end of work wake it.
const minPoll = 10 * time.Millisecond

// nextDue is how long to wait where nothing is to be had now.
func (in *Inbox) nextDue(ctx context.Context) time.Duration {
	call, cancel := in.call(ctx)
	defer cancel()
	d, err := in.store.Wait(call)
	if err != nil || d < 0 {
		return in.c.Poll
	}
	return d
}

// Work claims one root, works its due events in the calling goroutine, and returns how
// many it ended or put off; 0 without an error means that nothing is due. It is what
// Run does, one step at a time, for tests and simulations with a clock of their own. An
// event that is being worked when the context ends is finished.
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
		k, err := in.work(ctx, c, m)
		if n += k; err != nil {
			return n, err
		}
	}
	return n, nil
}

func (in *Inbox) claim(ctx context.Context, roots int) ([]Claim, error) {
	// A claim that is on its way is waited for: nobody would work what it takes.
	call, cancel := in.call(ctx)
	defer cancel()
	r := ClaimRequest{Owner: in.owner, Roots: roots, Events: in.c.MaxEvents, Lease: in.c.Lease}
	if in.c.TenantWorkers < in.c.Workers {
		r.PerTenant, r.Running = in.c.TenantWorkers, in.running.now()
	}
	return in.store.Claim(call, r)
}

// running counts the roots that Run is at work on, by tenant.
type running struct {
	mu    sync.Mutex
	roots map[string]int
}

func (r *running) add(tenant string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.roots == nil {
		r.roots = map[string]int{}
	}
	if r.roots[tenant] += n; r.roots[tenant] == 0 {
		delete(r.roots, tenant)
	}
}

func (r *running) now() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.roots)
}

// work works the events of a claim that was sent at m, in order, and returns how many
// it ended or put off. An error says why the rest was not: it was logged, and the
// store gives the events to somebody again.
func (in *Inbox) work(ctx context.Context, c Claim, m mark) (int, error) {
	h := in.take(ctx, c.Lease, m)
	defer h.drop()
	events := c.Events
	if i := suspect(events); i >= 0 {
		// The last worker died with these in hand. The others go back, so that only
		// the one it may have died of is counted further.
		rest := slices.Delete(slices.Clone(events), i, i+1)
		events = events[i : i+1]
		if err := in.finish(h, unbegun(rest, 0)...); err != nil {
			return 0, err
		}
	}
	for n, e := range events {
		switch {
		case ctx.Err() != nil:
			return n, errors.Join(ctx.Err(), in.giveBack(h, events[n:], 0))
		case n > 0 && (h.over() || h.tired()):
			return n, in.giveBack(h, events[n:], 0)
		case h.over():
			return 0, errors.Join(errOver, in.giveBack(h, events, 0))
		}
		end, err := in.attempt(h, e)
		if err != nil {
			return n, err
		}
		end.Release = n+1 == len(events)
		err = in.finish(h, end)
		if refused(err) {
			// The store will never take it, so the event ends with the reason why.
			end = Ending{Seq: e.Seq, Generation: e.Generation, Release: end.Release}
			end.bury(string(commerce.KindOf(err)), in.cut("the store refused how it ended: "+safeText(err)))
			err = in.finish(h, end)
		}
		if err != nil {
			return n, err
		}
		in.told(h, e, end)
		if h.isBlocked() {
			return n + 1, in.giveBack(h, events[n+1:], in.spread(linkWait))
		}
		if n+1 < len(events) {
			if err := h.progress(h.ctx); err != nil {
				return n + 1, err
			}
		}
	}
	return len(events), nil
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

// giveBack makes events due again that were claimed and not begun, and gives the
// lease back with them.
func (in *Inbox) giveBack(h *hand, events []Entry, wait time.Duration) error {
	if len(events) == 0 {
		return nil
	}
	endings := unbegun(events, wait)
	endings[len(endings)-1].Release = true
	return in.finish(h, endings...)
}

// unbegun are the endings of events that were claimed and not begun.
func unbegun(events []Entry, wait time.Duration) []Ending {
	endings := make([]Ending, len(events))
	for i, e := range events {
		endings[i] = Ending{Seq: e.Seq, Generation: e.Generation, State: Parked, Wait: wait,
			Reason: e.Reason, Code: e.Code, Handler: e.Handler}
	}
	return endings
}

// finishTries bounds how often an ending is written where the store is away; the end
// of the lease mostly comes first.
const finishTries = 20

// finish writes endings down, again and again until the lease is over: the store
// drops what it has already. Where it can not, somebody works the events again; what
// is done already answers from its records.
func (in *Inbox) finish(h *hand, endings ...Ending) error {
	for try := 1; ; try++ {
		l := h.held()
		call, cancel := in.call(h.ctx)
		err := in.store.Finish(call, l, endings)
		cancel()
		if err == nil {
			h.released = releases(endings)
			return nil
		}
		in.c.Logger.Warn("inbox: finish failed", "root", l.Root, "seq", endings[0].Seq, "try", try, "error", safeText(err))
		left := h.leaseLeft()
		if lost(err) || commerce.KindOf(err).Permanent() || left <= 0 || try == finishTries {
			return err
		}
		if in.c.Wait(context.WithoutCancel(h.ctx), in.spread(min(left, 50*time.Millisecond<<min(try, 6)))) != nil {
			return err
		}
	}
}

// attempt works one event and says how it ended; an error says that the lease was lost.
func (in *Inbox) attempt(h *hand, e Entry) (Ending, error) {
	end := Ending{Seq: e.Seq, Generation: e.Generation}
	if e.Starts > in.c.MaxStarts {
		end.bury("worker_died", fmt.Sprintf("the work on it began %d times without an end: its worker died, or outran its lease", e.Starts-1))
		return end, nil
	}
	handlers := in.c.Handlers.of(e.Event)
	if len(handlers) == 0 {
		end.State = Ignored
		return end, nil
	}
	a, ctx, cancel := h.begin(e)
	defer cancel()
	ctx, done := in.meters.start(ctx, in.c.Tracer, h.held().Root, e)
	var failed []failure
	for i, hd := range handlers {
		if i > 0 {
			if err := h.progress(ctx); err != nil {
				done(Parked, err)
				return end, err
			}
		}
		err := error(errOver)
		if !h.over() {
			err = in.handle(ctx, hd, e)
		}
		a.settle(err == nil)
		if err != nil {
			failed = append(failed, failure{hd.Name, err})
		}
	}
	v := judge(failed)
	if len(failed) > 0 && h.over() {
		// Whatever the handlers made of it: they were stopped.
		v = verdict{Parked, true, failed[0].handler, errors.Join(errOver, failed[0].err)}
	}
	in.conclude(ctx, &end, e, v)
	end.Emit = a.end()
	done(end.State, v.err)
	return end, nil
}

// handle runs one handler. A panic is an error like any other.
func (in *Inbox) handle(ctx context.Context, hd Handler, e Entry) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = in.panicked(p, "handler", hd.Name, "seq", e.Seq)
		}
	}()
	return hd.Handle(ctx, e.Event)
}

// panicked logs a panic with its stack and without what it says, which may hold what
// the code at work was given; it returns it as an error.
func (in *Inbox) panicked(p any, ids ...any) error {
	what := fmt.Sprintf("a %T", p)
	if r, ok := p.(runtime.Error); ok {
		what = r.Error()
	}
	in.c.Logger.Error("inbox: panic", append(ids, "panic", what, "stack", string(debug.Stack()))...)
	return commerce.Errorf(commerce.KindInternal, system, "work", "panic: %s", what)
}

// told logs an ending and raises the alarm for the dead.
func (in *Inbox) told(h *hand, e Entry, end Ending) {
	l := in.c.Logger.With("seq", e.Seq, "event", e.Event.Ref.ID, "type", e.Event.Type, "root", h.held().Root,
		"attempt", e.Attempts+1, "generation", e.Generation)
	switch end.State {
	case Parked:
		level := slog.LevelInfo
		if end.Burn {
			level = slog.LevelWarn // something failed; a park is on purpose
		}
		l.Log(h.ctx, level, "inbox: event waits", "wait", end.Wait, "burn", end.Burn, "handler", end.Handler, "reason", end.Reason)
	case Dead:
		l.Error("inbox: event is dead", "code", end.Code, "handler", end.Handler, "reason", end.Reason)
		in.alert(h.ctx, Alert{Kind: AlertDead, Seq: e.Seq, Event: e.Event.Ref, Type: e.Event.Type,
			Root: h.held().Root, Code: end.Code, Reason: end.Reason, Handler: end.Handler})
	default:
		l.Info("inbox: event ended", "state", string(end.State))
	}
}
