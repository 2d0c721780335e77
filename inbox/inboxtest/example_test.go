package inboxtest_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/inbox/inboxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open makes an empty store whose clock the suite moves.
func open(*testing.T) inboxtest.Harness {
	var passed atomic.Int64
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return inboxtest.Harness{
		Store: inbox.NewMemory(inbox.MemoryConfig{Now: func() time.Time {
			return began.Add(time.Duration(passed.Load()))
		}}),
		Advance: func(d time.Duration) { passed.Add(int64(d)) },
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	inboxtest.Run(t, open, inboxtest.Features{})
}

func ExampleRun() {
	// In the tests of a store:
	//
	//	func TestStore(t *testing.T) { inboxtest.Run(t, open, inboxtest.Features{}) }
	h := open(nil)
	h.Advance(time.Hour)
	fmt.Printf("%T\n", h.Store)
	// Output: *inbox.Memory
}
