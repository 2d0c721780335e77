// Serve starts a throw-away Odoo, prints how to reach it, and ends it when interrupted.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/commercesync/commerce/internal/odooserver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s, err := odooserver.Start(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("ODOO_URL=%s\nODOO_DATABASE=%s\nODOO_USER=%s\nODOO_KEY=%s\nODOO_ADMIN=%s\nODOO_ADMIN_PASSWORD=%s\n",
		s.URL, s.Database, s.User, s.Key, s.Admin, s.AdminPassword)
	<-ctx.Done()
	if err := s.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
