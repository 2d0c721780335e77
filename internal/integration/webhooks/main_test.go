// Package webhooks_test brings events to the real endpoint, over HTTP, in every way that
// they come, and counts at a far side what became of them. Beside each nought stands a
// control that is not.
//
//	FULL=1 go test ./webhooks -v
package webhooks_test

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
