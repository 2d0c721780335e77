package resilience

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker"
)

// breaker puts three things around gobreaker's state machine: failures are counted
// by root within a window, the time it stays open is measured by Config.Now
// (gobreaker reads the system clock), and the half-open trial is the Ping.
//
// gobreaker's own Timeout is set to a nanosecond: it is ready for a trial at once,
// and until decides when there may be one.
type breaker struct {
	name    string
	c       Breaker
	timeout time.Duration
	now     func() time.Time
	machine *gobreaker.CircuitBreaker

	closed   atomic.Bool // until is zero; what costs nothing to ask
	mu       sync.Mutex  // taken inside of gobreaker's lock, never around it
	until    time.Time   // zero while closed
	keep     bool        // the trial at hand said nothing: until stays
	failures map[string][]time.Time

	changed atomic.Bool
	news    []change
}

type change struct {
	open  bool
	until time.Time
}

var (
	errIll     = errors.New("ill")
	errRefused = errors.New("refused")
)

func newBreaker(name string, c Config) *breaker {
	b := &breaker{name: name, c: c.Breaker, timeout: c.Timeout, now: c.Now, failures: map[string][]time.Time{}}
	b.closed.Store(true)
	b.machine = gobreaker.NewCircuitBreaker(gobreaker.Settings{
		Name: name, MaxRequests: 1, Timeout: time.Nanosecond,
		ReadyToTrip:   func(gobreaker.Counts) bool { return b.ready() },
		OnStateChange: func(_ string, _, to gobreaker.State) { b.moved(to) },
	})
	return b
}

type trialKey struct{}

// tries reports whether the context is that of this breaker's Ping.
func (b *breaker) tries(ctx context.Context) bool {
	return b != nil && ctx.Value(trialKey{}) == b
}

// shut reports whether it is too early even for a trial.
func (b *breaker) shut() (until time.Time, shut bool) {
	until, open := b.open()
	return until, open && b.now().Before(until)
}

func (b *breaker) open() (until time.Time, open bool) {
	if b.closed.Load() {
		return time.Time{}, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.until, !b.until.IsZero()
}

// run runs one attempt, after a Ping where one is due. ok is false if it was not
// run.
func (b *breaker) run(ctx context.Context, f func() health) (until time.Time, ok bool) {
	if b.closed.Load() {
		// The machine hears only what can open it: a success changes nothing.
		if f() == ill {
			b.fail(ctx)
		}
		return time.Time{}, true
	}
	if b.c.Ping != nil && !b.trial(ctx) {
		until, _ = b.open()
		return until, false
	}
	_, _ = b.machine.Execute(func() (any, error) {
		// The breaker may have opened since it was asked, and the machine be ready
		// for a trial: only where there is no Ping is an ordinary call one.
		at, open := b.open()
		if open && (b.c.Ping != nil || b.now().Before(at)) {
			b.unsaid()
			return nil, errRefused
		}
		ok = true
		return nil, b.judge(ctx, f(), open)
	})
	b.tell()
	if !ok {
		until, _ = b.open()
	}
	return until, ok
}

// fail tells the machine of a failure while closed. The breaker may have opened since
// the attempt began: then it is no trial's.
func (b *breaker) fail(ctx context.Context) {
	b.record(rootOf(ctx))
	_, _ = b.machine.Execute(func() (any, error) {
		if !b.closed.Load() {
			b.unsaid()
			return nil, errRefused
		}
		return nil, errIll
	})
	b.tell()
}

// trial pings and reports whether the breaker is closed now. gobreaker lets one
// caller at a time through.
func (b *breaker) trial(ctx context.Context) bool {
	_, _ = b.machine.Execute(func() (any, error) {
		at, open := b.open()
		if !open {
			return nil, nil
		}
		if b.now().Before(at) {
			b.unsaid()
			return nil, errRefused
		}
		in, cancel := context.WithTimeout(context.WithValue(ctx, trialKey{}, b), b.timeout)
		defer cancel()
		return nil, b.judge(ctx, pingHealth(ctx, b.c.Ping(in)), true)
	})
	b.tell()
	_, open := b.open()
	return !open
}

// judge turns an attempt's health into gobreaker's success or failure.
func (b *breaker) judge(ctx context.Context, h health, trial bool) error {
	switch {
	case h == ill:
		b.record(rootOf(ctx))
		return errIll
	case h == mute && trial:
		b.unsaid()
		return errRefused
	}
	return nil
}

func (b *breaker) unsaid() {
	b.mu.Lock()
	b.keep = true
	b.mu.Unlock()
}

// record notes a failure. Of each root the newest c.Failures are enough, and the
// breaker opens before there are many roots, so the notes stay small.
func (b *breaker) record(root string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures[root] = append(b.failures[root], b.now())
	b.failures[root] = b.failures[root][max(0, len(b.failures[root])-b.c.Failures):]
}

// count forgets what has left the window. The caller holds mu.
func (b *breaker) count() (failures, roots int) {
	start := b.now().Add(-b.c.Window)
	for root, times := range b.failures {
		for len(times) > 0 && !times[0].After(start) {
			times = times[1:]
		}
		if len(times) == 0 {
			delete(b.failures, root)
			continue
		}
		b.failures[root] = times
		failures += len(times)
	}
	return failures, len(b.failures)
}

func (b *breaker) ready() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	failures, roots := b.count()
	return failures >= b.c.Failures && roots >= b.c.Roots
}

// moved follows gobreaker's state. It runs inside of gobreaker's lock, so what
// OnChange has to hear is told later.
func (b *breaker) moved(to gobreaker.State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	keep := b.keep
	b.keep = false
	switch to {
	case gobreaker.StateHalfOpen:
		b.keep = keep
		return
	case gobreaker.StateOpen:
		if keep && !b.until.IsZero() {
			return
		}
		b.until = b.now().Add(b.c.Open)
	case gobreaker.StateClosed:
		b.until = time.Time{}
	}
	b.closed.Store(b.until.IsZero())
	clear(b.failures)
	b.news = append(b.news, change{to == gobreaker.StateOpen, b.until})
	b.changed.Store(true)
}

// tell calls OnChange with what happened, outside of all locks.
func (b *breaker) tell() {
	if !b.changed.Load() {
		return
	}
	b.mu.Lock()
	news := b.news
	b.news = nil
	b.changed.Store(false)
	b.mu.Unlock()
	if b.c.OnChange == nil {
		return
	}
	for _, n := range news {
		b.c.OnChange(b.name, n.open, n.until)
	}
}

func (b *breaker) stateNow() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	failures, roots := b.count()
	return State{Open: !b.until.IsZero(), Until: b.until, Failures: failures, Roots: roots}
}
