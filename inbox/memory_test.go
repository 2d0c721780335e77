package inbox_test

import (
	"sync"
	"testing"
	"time"

	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/inbox/inboxtest"
)

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func TestMemoryKeepsThePromisesOfAStore(t *testing.T) {
	t.Parallel()
	inboxtest.Run(t, func(*testing.T) inboxtest.Harness {
		c := newClock()
		return inboxtest.Harness{Store: inbox.NewMemory(inbox.MemoryConfig{Now: c.Now}), Advance: c.Advance}
	}, inboxtest.Features{})
}
