// Package clock is a clock that moves only when told, for tests and simulations.
package clock

import (
	"sync"
	"time"
)

// Manual stands still until it is moved. It is safe for concurrent use.
type Manual struct {
	mu sync.Mutex
	t  time.Time
}

// At returns a clock that shows t.
func At(t time.Time) *Manual { return &Manual{t: t} }

// Now returns what the clock shows.
func (c *Manual) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

// Advance moves the clock by d.
func (c *Manual) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}
