package resilience

import (
	"context"
	"errors"
	"slices"
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
	failures []failure   // oldest first
	noted    atomic.Bool // failures is not empty; what costs a success nothing to ask

	changed atomic.Bool
	news    []change
}

type failure struct {
	root string
	at   time.Time
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
	b := &breaker{name: name, c: c.Breaker, timeout: c.Timeout, now: c.Now}
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
		// The machine hears only what can open it.
		switch f() {
		case ill:
			b.fail(ctx)
		case well:
			b.heal()
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
// breaker opens before there are many roots, so the notes stay few.
func (b *breaker) record(root string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures = append(b.failures, failure{root, b.now()})
	of := func(f failure) bool { return f.root == root }
	n := 0
	for _, f := range b.failures {
		if of(f) {
			n++
		}
	}
	if n > b.c.Failures {
		oldest := slices.IndexFunc(b.failures, of)
		b.failures = slices.Delete(b.failures, oldest, oldest+1)
	}
	b.noted.Store(true)
}

// heal lets a success make up for the oldest failure: at a system that mostly answers
// failures come one by one however many calls there are, and none of them opens anything.
func (b *breaker) heal() {
	if !b.noted.Load() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.forget()
	if len(b.failures) > 0 {
		b.failures = slices.Delete(b.failures, 0, 1)
	}
	b.noted.Store(len(b.failures) > 0)
}

// forget drops what has left the window. The caller holds mu.
func (b *breaker) forget() {
	start := b.now().Add(-b.c.Window)
	b.failures = slices.DeleteFunc(b.failures, func(f failure) bool { return !f.at.After(start) })
}

// count says how many failures there are, of how many roots. The caller holds mu.
func (b *breaker) count() (failures, roots int) {
	b.forget()
	of := map[string]bool{}
	for _, f := range b.failures {
		of[f.root] = true
	}
	return len(b.failures), len(of)
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
	b.failures = nil
	b.noted.Store(false)
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
