// Package resilience retries, breaks circuits, limits rates and bounds time, as a
// value around any call and as an http.RoundTripper around a client.
package resilience

import (
	"context"
	"net/http"
	"time"
)

// Config says how calls to one far side are protected. The zero value works.
type Config struct {
	// Timeout bounds one attempt. Defaults to 30 seconds.
	Timeout time.Duration
	// Rate is how many attempts may start in a second; 0 = no limit. Burst defaults
	// to Rate rounded up.
	Rate  float64
	Burst int

	Retry   Retry
	Breaker Breaker

	Now  func() time.Time                           // defaults to time.Now
	Wait func(context.Context, time.Duration) error // defaults to a timer that ends with the context
	Rand func() float64                             // in [0,1); for jitter
}

// Retry says when and how often a call is repeated.
type Retry struct {
	// Attempts is how often a call is tried in all. Defaults to 4; 1 never repeats.
	Attempts int
	Initial  time.Duration // first wait, defaults to 500 ms
	Max      time.Duration // longest wait, defaults to 8 s; a longer Retry-After ends the retrying
	// Budget is the share of calls that may be retries, over all callers: at most
	// one retry in 1/Budget calls, after a reserve of 10. Defaults to 0.2.
	Budget float64
	// Classify overrides what is safe and useful to repeat; nil = Default. It is
	// asked after each attempt; resp.Body has not been read.
	Classify func(req *http.Request, resp *http.Response, err error) Verdict
}

// Verdict is what one attempt means for the next one and for the breaker.
type Verdict struct {
	Repeat bool          // safe and useful to send again
	After  time.Duration // at least this long; 0 = the back-off decides
	Ill    bool          // the system itself is ill: counts for the breaker
}

// Breaker stops calls to a system that is ill.
type Breaker struct {
	Failures int           // failures in Window that open it; defaults to 5
	Roots    int           // from at least this many different roots; defaults to 3
	Window   time.Duration // defaults to 1 minute
	Open     time.Duration // how long it stays open before Ping is tried; defaults to 30 s
	// Ping is the cheap read that decides whether it closes. nil lets one ordinary
	// call through instead.
	Ping func(context.Context) error
	// OnChange hears of every change: open or closed.
	OnChange func(name string, open bool, until time.Time)
	Off      bool
}

// Policy protects the calls to one far side: one per (tenant, system, base URL).
type Policy struct {
	name string
	c    Config
}

// New checks the config; an error names the field. name appears in errors and logs.
func New(name string, c Config) (*Policy, error) { return &Policy{name, c}, nil }

// Do runs fn under the policy, repeating it while commerce.SafeToRetry(err) holds
// and its kind may pass.
func (p *Policy) Do(ctx context.Context, fn func(context.Context) error) error { return fn(ctx) }

// Transport returns a RoundTripper that runs every request under the policy and
// repeats only what is safe to repeat.
func (p *Policy) Transport(next http.RoundTripper) http.RoundTripper { return next }

type rootKey struct{}

// WithRoot marks a context with the root (the order) that the calls are made for:
// the breaker opens only on failures from several.
func WithRoot(ctx context.Context, root string) context.Context {
	return context.WithValue(ctx, rootKey{}, root)
}
