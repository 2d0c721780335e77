package resilience

import (
	"context"
	"net/http"
	"time"

	"github.com/commercesync/commerce"
)

// Do runs fn under the policy, repeating it while commerce.SafeToRetry(err) holds
// and its kind may pass (unavailable, rate limited, conflict). It returns fn's last
// error as it is, or the refusal of the breaker or of the quota if fn never
// ran. fn gets a context that ends with the attempt.
func (p *Policy) Do(ctx context.Context, fn func(context.Context) error) error {
	if p.breaker.tries(ctx) {
		return p.bounded(ctx, fn)
	}
	p.budget.deposit()
	pause := pauses{p: p}
	var last error
	for n := 1; ; n++ {
		ran, err := p.attempt(ctx, fn)
		switch {
		case err == nil:
			return nil
		case !ran && last != nil:
			return last
		case !ran:
			return err
		}
		if n >= p.c.Retry.Attempts || !commerce.SafeToRetry(err) || !passing(commerce.KindOf(err)) ||
			p.State().Open || !pause.next(ctx, commerce.RetryAfter(err), nil) {
			return err
		}
		last = err
	}
}

// attempt runs fn once; ran is false if the breaker or the quota refused.
func (p *Policy) attempt(ctx context.Context, fn func(context.Context) error) (ran bool, err error) {
	refusal := p.guard(ctx, nil, func() health {
		ran = true
		err = p.bounded(ctx, fn)
		if err != nil && commerce.KindOf(err) == commerce.KindRateLimited {
			p.slow(nil)
		}
		return healthOf(ctx, err)
	})
	if !ran {
		return false, refusal
	}
	return true, err
}

// guard runs one attempt when the breaker and the quota let it; req is nil under Do.
func (p *Policy) guard(ctx context.Context, req *http.Request, f func() health) error {
	if p.breaker == nil {
		if err := p.turn(ctx, req); err != nil {
			return err
		}
		f()
		return nil
	}
	if until, shut := p.breaker.shut(); shut {
		return p.openError(until)
	}
	if err := p.turn(ctx, req); err != nil {
		return err
	}
	if until, ok := p.breaker.run(ctx, f); !ok {
		return p.openError(until)
	}
	return nil
}

// bounded runs fn with Config.Timeout, without a timer where the caller's own
// deadline comes first.
func (p *Policy) bounded(ctx context.Context, fn func(context.Context) error) error {
	if !sooner(ctx, p.c.Timeout) {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.c.Timeout)
		defer cancel()
	}
	return fn(ctx)
}

func sooner(ctx context.Context, d time.Duration) bool {
	end, ok := ctx.Deadline()
	return ok && time.Until(end) <= d
}
