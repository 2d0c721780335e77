// Serve starts a throw-away Tryton, prints how to reach it, and ends it when
// interrupted.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/commercesync/commerce/internal/trytonserver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s, err := trytonserver.Start(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("TRYTON_URL=%s\nTRYTON_DATABASE=%s\nTRYTON_USER=%s\nTRYTON_PASSWORD=%s\nTRYTON_ADMIN=%s\nTRYTON_ADMIN_PASSWORD=%s\n",
		s.URL, s.Database, s.User, s.Password, s.Admin, s.AdminPassword)
	<-ctx.Done()
	if err := s.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
