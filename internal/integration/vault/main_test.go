// Package vault_test rewraps a vault while others read and write it, and kills the
// rewrapping program again and again.
//
// The program is this test binary again. SIGKILL comes without warning, at random
// instants, so it falls before, in and after the writing of a record. Readers and writers
// are in the parent, each with a vault of its own over the same database and ring file.
//
//	RECORDS=10000 KILLS=20 go test ./vault -v
//
// The control is the same with a store that rewrites a row without comparing: it must
// lose writes or fail reads, or the test could not see it.
package vault_test

import (
	"os"
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"github.com/commercesync/commerce/internal/integration/dbserver"
)

var databases []dbserver.Database

func TestMain(m *testing.M) {
	if spec := os.Getenv(childEnv); spec != "" {
		os.Exit(child(spec))
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

// size is a number from the environment.
func size(t *testing.T, name string, standard int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return standard
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s is %q, not a number above nought", name, text)
	}
	return n
}
