package idempotency

import (
	"context"
	"time"
)

// Effect is one write at a far side, as its adapter declares it: how strongly the
// far side guards it, how to find it, how to make it. T is what it leaves
// (an id, a commerce.Document) and must survive JSON.
type Effect[T any] struct {
	Class Class
	// Settle is the longest time that the far side and its proxies may still be
	// carrying out a request after our deadline. Nobody acts on an unknown outcome
	// before the attempt's lease and Settle have passed. Defaults to 1 minute.
	Settle time.Duration
	// Retention is how long the far side remembers a key, for Keyed (Stripe: 24
	// hours). An older unknown attempt is looked up before it is sent again. 0 = for ever.
	Retention time.Duration
	// Find looks the effect up at the primary (never a search index or a cache) and
	// says commerce.ErrNotFound where it is certainly absent. Guarded and Marked
	// need it. Nil: nothing can be found, and an unknown outcome needs a decision
	// (Keyed: is sent again).
	Find func(ctx context.Context) (T, error)
	// Act makes it. The context ends before the right to act does.
	Act func(ctx context.Context) (T, error)
}
