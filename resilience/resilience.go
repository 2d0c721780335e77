package resilience

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

// Config says how calls to one far side are protected. The zero value works.
type Config struct {
	// Timeout bounds one attempt, from its start until its body is read. Defaults
	// to 30 seconds.
	Timeout time.Duration
	// Quota bounds how many attempts may start in a time; policies may share one. nil =
	// no bound.
	Quota *Quota

	Retry   Retry
	Breaker Breaker

	Now  func() time.Time                           // defaults to time.Now
	Wait func(context.Context, time.Duration) error // defaults to a timer that ends with the context
	Rand func() float64                             // in [0,1); for jitter. Defaults to math/rand/v2
}

// Retry says when and how often a call is repeated.
type Retry struct {
	// Attempts is how often a call is tried in all. Defaults to 4; 1 never repeats.
	Attempts int
	Initial  time.Duration // first wait, defaults to 500 ms; half of each wait is chance
	Max      time.Duration // longest wait, defaults to 8 s; a longer Retry-After ends the retrying
	// Budget is the share of calls that may be retries, over all callers: at most
	// one retry in 1/Budget calls, after a reserve of 10. Defaults to 0.2.
	Budget float64
	// Classify overrides what is safe and useful to repeat; nil = Default. It is
	// asked after each attempt; resp.Body has not been read. A Retry-After header
	// is honoured whatever it says. To repeat a write that carries no
	// Idempotency-Key on an answer is to state that the answer did nothing.
	Classify func(req *http.Request, resp *http.Response, err error) Verdict
}

// Verdict is what one attempt means for the next one and for the breaker.
type Verdict struct {
	Repeat bool          // safe and useful to send again
	After  time.Duration // at least this long; 0 = the back-off decides
	Ill    bool          // the system itself is ill: counts for the breaker
	Slow   bool          // the system asks for fewer requests: Config.Quota slows down
}

// Breaker stops calls to a system that is ill.
type Breaker struct {
	Failures int           // failures in Window beyond the successes among them that open it; defaults to 5
	Roots    int           // from at least this many different roots; defaults to 3
	Window   time.Duration // defaults to 1 minute
	Open     time.Duration // how long it stays open before Ping is tried; defaults to 30 s
	// Ping is the cheap read that decides whether it closes: it does on no error
	// and on one that the system thought about (kind auth, not found …). Its
	// context passes through this policy's own Transport and Do, once, unbroken.
	// nil lets one ordinary call through instead.
	Ping func(context.Context) error
	// OnChange hears of every change: open, open for longer, or closed. It is
	// called by the caller whose call made the change, outside all locks.
	OnChange func(name string, open bool, until time.Time)
	Off      bool
}

// Policy protects the calls to one far side: one per (tenant, system, base URL).
// It is safe for concurrent use.
type Policy struct {
	name    string
	c       Config
	budget  budget
	breaker *breaker // nil = off
}

// New checks the config; an error names the field. name appears in errors and logs.
func New(name string, c Config) (*Policy, error) {
	if err := c.check(name); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	p := &Policy{name: name, c: c}
	p.budget.init(c.Retry.Budget)
	if !c.Breaker.Off {
		p.breaker = newBreaker(name, c)
	}
	return p, nil
}

// State is what people want to see of a policy.
type State struct {
	Open     bool      // calls are refused
	Until    time.Time // when Open: until then at least
	Failures int       // failures in Breaker.Window that count
	Roots    int       // from this many different roots
}

// State returns the breaker's state as of now.
func (p *Policy) State() State {
	if p.breaker == nil {
		return State{}
	}
	return p.breaker.stateNow()
}

type rootKey struct{}

// WithRoot marks a context with the root (the order) that the calls are made for:
// the breaker opens only on failures from several. Calls without a mark count as
// one root together.
func WithRoot(ctx context.Context, root string) context.Context {
	return context.WithValue(ctx, rootKey{}, root)
}

func rootOf(ctx context.Context) string {
	root, _ := ctx.Value(rootKey{}).(string)
	return root
}

// check names the first field that can not be as it is.
func (c Config) check(name string) error {
	bad := func(field, why string) error {
		return commerce.Errorf(commerce.KindInvalid, "resilience", "configure "+name, "%s %s", field, why)
	}
	switch {
	case name == "":
		return bad("name", "is empty")
	case c.Timeout < 0:
		return bad("Timeout", "is negative")
	case c.Retry.Attempts < 0:
		return bad("Retry.Attempts", "is negative")
	case c.Retry.Initial < 0:
		return bad("Retry.Initial", "is negative")
	case c.Retry.Max < 0:
		return bad("Retry.Max", "is negative")
	case c.Retry.Max > 0 && c.Retry.Initial > c.Retry.Max:
		return bad("Retry.Initial", "is longer than Retry.Max")
	case !(c.Retry.Budget >= 0 && c.Retry.Budget <= 1):
		return bad("Retry.Budget", "is not between 0 and 1")
	case c.Breaker.Failures < 0:
		return bad("Breaker.Failures", "is negative")
	case c.Breaker.Roots < 0:
		return bad("Breaker.Roots", "is negative")
	case c.Breaker.Window < 0:
		return bad("Breaker.Window", "is negative")
	case c.Breaker.Open < 0:
		return bad("Breaker.Open", "is negative")
	}
	return nil
}

func (c Config) withDefaults() Config {
	or(&c.Timeout, 30*time.Second)
	or(&c.Retry.Attempts, 4)
	or(&c.Retry.Max, max(8*time.Second, c.Retry.Initial))
	or(&c.Retry.Initial, min(500*time.Millisecond, c.Retry.Max))
	or(&c.Retry.Budget, 0.2)
	if c.Retry.Classify == nil {
		c.Retry.Classify = Default
	}
	or(&c.Breaker.Failures, 5)
	or(&c.Breaker.Roots, 3)
	or(&c.Breaker.Window, time.Minute)
	or(&c.Breaker.Open, 30*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Wait == nil {
		c.Wait = httpx.Wait
	}
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	return c
}

func or[T int | float64 | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}
