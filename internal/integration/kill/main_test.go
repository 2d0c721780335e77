// Package kill_test kills the program at random instants, again and again, while it
// works, and counts at the far sides what was lost and what was done twice.
//
// Two workers share one database. Each is this test binary again, with the real
// clients, adapters, workflows and inbox; Stripe, the shop and the ERP are fakes in
// the parent, over loopback, on the real clock. SIGKILL comes without warning, so
// it falls before, between and after a key, its effect and its record.
//
//	KILLS=100 go test ./kill -run Kill -v
//	CRASHES=40 go test ./kill -run Crashed -v
//
// The control is the same program with one thing changed: a step's key is written
// after its effect. It must do things twice, or the test could not see it.
package kill_test

import (
	"os"
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"github.com/commercesync/commerce/internal/integration/dbserver"
)

var server, maria *dbserver.Server

func TestMain(m *testing.M) {
	if spec := os.Getenv(workerEnv); spec != "" {
		os.Exit(work(spec))
	}
	var stop, stopMaria func()
	server, stop = dbserver.Main(dbserver.PostgreSQL)
	maria, stopMaria = dbserver.Main(dbserver.MariaDB)
	code := m.Run()
	stop()
	stopMaria()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			println(err.Error())
			code = 1
		}
	}
	os.Exit(code)
}

// kills is how many kills each database gets: KILLS, or 25.
func kills(t *testing.T) int {
	t.Helper()
	text := os.Getenv("KILLS")
	if text == "" {
		return 25
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("KILLS is %q, not a number above nought", text)
	}
	return n
}

// seed is where chance begins: SEED, or 1. The instants at which a kill falls are
// the machine's all the same.
func seed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("SEED")
	if text == "" {
		return 1
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("SEED is %q, not a number", text)
	}
	return n
}
