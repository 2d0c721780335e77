package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/commercesync/commerce/inbox"
)

// serve runs the web server, the inbox, the checks, the daily sweep and the daily pruning until the context ends,
// then lets the work in hand end.
func (p *program) serve(ctx context.Context, log *slog.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{Addr: p.address, Handler: p.mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	go func() {
		daily := time.NewTicker(24 * time.Hour)
		defer daily.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-daily.C:
				if _, err := p.orders.Sweep(ctx, time.Now().AddDate(0, 0, -3)); err != nil {
					log.ErrorContext(ctx, "sweep", "error", err)
				}
				if _, err := p.in.Prune(ctx, inbox.Retention{}); err != nil {
					log.ErrorContext(ctx, "prune", "error", err)
				}
			}
		}
	}()
	worked := make(chan error, 2)
	go func() { worked <- p.in.Run(ctx) }()
	go func() { worked <- p.checker.Run(ctx) }()
	log.InfoContext(ctx, "listening", "address", p.address)

	var first error
	select {
	case first = <-failed:
	case <-ctx.Done():
	}
	cancel()
	end, done := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer done()
	return errors.Join(first, server.Shutdown(end), <-worked, <-worked)
}
