package resilience

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// outlives reports whether a wait would last longer than the context. A context's
// deadline is on the process's clock, whatever Config.Now says.
func outlives(ctx context.Context, wait time.Duration) bool {
	end, ok := ctx.Deadline()
	return ok && time.Until(end) <= wait
}

// pauses are the waits between the attempts of one call.
type pauses struct {
	p *Policy
	b *backoff.ExponentialBackOff
}

// next waits before the next attempt and reports whether there may be one: false
// when the far side asks for more than Retry.Max, when the budget is spent, when
// the wait would outlive the context, and when the context ended during it.
// before runs once the wait is decided upon.
func (w *pauses) next(ctx context.Context, after time.Duration, before func()) bool {
	r := &w.p.c.Retry
	if after > r.Max || ctx.Err() != nil {
		return false
	}
	if w.b == nil {
		w.b = backoff.NewExponentialBackOff(backoff.WithInitialInterval(r.Initial), backoff.WithMaxInterval(r.Max),
			backoff.WithMultiplier(2), backoff.WithRandomizationFactor(0), backoff.WithMaxElapsedTime(0))
	}
	// Equal jitter by Config.Rand; an asked-for wait is spread upwards only.
	step := w.b.NextBackOff()
	chance := w.p.c.Rand()
	wait := step/2 + time.Duration(chance*float64(step/2))
	if after > 0 {
		wait = max(wait, after+time.Duration(chance*float64(r.Initial)))
	}
	if outlives(ctx, wait) || !w.p.budget.withdraw() {
		return false
	}
	if before != nil {
		before()
	}
	return w.p.c.Wait(ctx, wait) == nil
}
