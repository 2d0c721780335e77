// Package odoo_test proves the adapter erp/odoo on a real Odoo 19, over both of its
// protocols. It runs where ODOO=1 asks for it, as the server takes 2 GB:
//
//	make test-odoo
package odoo_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/commercesync/commerce/internal/odooserver"
)

// server is the one that all tests share: their keys do not meet.
var server *odooserver.Server

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if os.Getenv("ODOO") == "1" {
		var err error
		if server, err = odooserver.Start(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() {
			if err := server.Stop(); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}()
	}
	code := m.Run()
	transport.CloseIdleConnections()
	if err := goleak.Find(goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait")); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// need skips where nobody asked for a server.
func need(t *testing.T) {
	t.Helper()
	if server == nil {
		t.Skip(odooserver.ErrNotAsked)
	}
}
