package idempotency_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/idempotency/idempotencytest"
	"github.com/commercesync/commerce/internal/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newClock() *clock.Manual { return clock.At(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)) }

func TestMemory(t *testing.T) {
	t.Parallel()
	idempotencytest.Run(t, func(*testing.T) idempotencytest.Harness {
		c := newClock()
		return idempotencytest.Harness{Store: idempotency.NewMemory(c.Now), Advance: c.Advance}
	})
}
