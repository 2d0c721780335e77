// Command connect is the part of a program in which a merchant connects a Stripe account
// and stays connected: "Connect with Stripe", the health of each connection, a key that is
// rotated while it is in use, and the way out. What must not be taken back in haste needs
// a second factor, and who opened which credential is written down.
//
// Out of the box Stripe is a fake in this program, and nothing is kept when it ends:
//
//	go run ./examples/connect
//
// Three variables make it real. The address is registered at Stripe as
// PUBLIC_URL/connect/stripe/callback; client id and key are of one mode:
//
//	STRIPE_CLIENT_ID  ca_…, of the platform's settings of Connect
//	STRIPE_KEY        sk_…, the platform's secret key; from then on the vault has it, and
//	                  a rotation changes it there
//	PUBLIC_URL        https://connect.example, where people reach this program
//
// And these may be set:
//
//	LISTEN            address, default 127.0.0.1:8042
//	DATA              directory of connect.db and connect.keys, default "."; who has both
//	                  has every credential
//	STRIPE_URL        another base URL than Stripe's own, for tests
//	TOTP_SECRET       of the second factor, in base 32; made and printed where it is empty
//
// It prints a link to log in with and the secret of the second factor. A program of yours
// has logins of its own instead: what it tells this one is in people.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, log, os.Stdout, os.Getenv); err != nil {
		log.Error("stopped", "error", err)
		os.Exit(1)
	}
}

// run serves until the context ends.
func run(ctx context.Context, log *slog.Logger, out io.Writer, env func(string) string) error {
	listener, err := net.Listen("tcp", or(env("LISTEN"), "127.0.0.1:8042"))
	if err != nil {
		return err
	}
	a, err := compose(ctx, log, env, "http://"+listener.Addr().String())
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer a.close()
	fmt.Fprintf(out, "Open   %s/login?token=%s\nSecond factor   %s\n", a.public, a.people.token, a.people.factor.uri())

	server := &http.Server{Handler: a.handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	ended := make(chan struct{})
	go func() { defer close(ended); a.tend(ctx) }()
	select {
	case err = <-failed:
	case <-ctx.Done():
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err = server.Shutdown(closing)
	}
	<-ended
	return err
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
