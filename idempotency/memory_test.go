package idempotency_test

import (
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/idempotency/idempotencytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a clock that moves only when told.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	c.t = c.t.Add(d)
	c.mu.Unlock()
}

func TestMemory(t *testing.T) {
	t.Parallel()
	idempotencytest.Run(t, func(*testing.T) idempotencytest.Harness {
		c := newClock()
		return idempotencytest.Harness{Store: idempotency.NewMemory(c.Now), Advance: c.Advance}
	})
}
