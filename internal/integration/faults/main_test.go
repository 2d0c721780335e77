// Package faults_test lets the database fail at every call that a method of the stores
// makes, in every way that databases fail, and looks at what is left: nothing by halves,
// an error that says whether anything took effect, and a way on by repeating.
//
//	FULL=1 go test ./faults -v
package faults_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/commercesync/commerce/internal/integration/dbserver"
)

var databases []dbserver.Database

func TestMain(m *testing.M) {
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
