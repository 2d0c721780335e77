// Package soak_test lets the program work for a long time while everything around it
// fails a little: of all requests, 1 % each are refused, stall, are lost after their
// effect, end in half an answer, are answered 502 before or after their effect, or take
// effect late. Then it counts what was lost and what was done twice, and holds memory,
// goroutines, descriptors and transactions against those of the beginning.
//
//	SOAK=10m go test ./soak -run TestSoak/SQLite -v
//
// The program is a process of its own, so that what it holds is its own; the far sides
// are fakes in the test, over loopback, on the real clock.
//
// A far side that was down for long is in recovery_test.go: what has waited meanwhile
// must not come all at once.
package soak_test

import (
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/commercesync/commerce/internal/integration/dbserver"
)

var databases []dbserver.Database

func TestMain(m *testing.M) {
	if spec := os.Getenv(workerEnv); spec != "" {
		os.Exit(work(spec))
	}
	var stop func()
	databases, stop = dbserver.Databases()
	code := m.Run()
	stop()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			println(err.Error())
			code = 1
		}
	}
	os.Exit(code)
}

// length is how long the load lasts on each database: SOAK, or two seconds on SQLite
// alone.
func length(t *testing.T, d dbserver.Database) time.Duration {
	t.Helper()
	text := os.Getenv("SOAK")
	if text == "" {
		if d.Name != "SQLite" {
			t.Skip("SOAK is not set: it says for how long, as in SOAK=10m")
		}
		return 2 * time.Second
	}
	for_, err := time.ParseDuration(text)
	if err != nil || for_ <= 0 {
		t.Fatalf("SOAK is %q, not a time above nought", text)
	}
	return for_
}
