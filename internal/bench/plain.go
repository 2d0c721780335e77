package main

import (
	"context"
	"io"
	"net"
	"net/http"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stripe/stripe-go/v76/webhook"

	"github.com/commercesync/commerce/internal/bench/ingest"
)

// servePlain is what most programs do: read, stripe-go's ConstructEvent, and one INSERT
// a request through a pool of connections.
func servePlain(ctx context.Context, l net.Listener, c ingest.Config) error {
	defer l.Close()
	config, err := pgxpool.ParseConfig(c.DB)
	if err != nil {
		return err
	}
	config.MaxConns = int32(c.Pool)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	if _, err := pool.Exec(ctx, `CREATE TABLE IF NOT EXISTS plain_events (
		id text PRIMARY KEY, type text NOT NULL, created timestamptz NOT NULL DEFAULT now(), payload jsonb NOT NULL)`); err != nil {
		return err
	}
	return ingest.ServeHTTP(ctx, l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, "can not be read", http.StatusBadRequest)
			return
		}
		event, err := webhook.ConstructEvent(body, r.Header.Get("Stripe-Signature"), c.Secret)
		if err != nil {
			http.Error(w, "no event", http.StatusBadRequest)
			return
		}
		_, err = pool.Exec(r.Context(), `INSERT INTO plain_events (id, type, payload) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
			event.ID, string(event.Type), body)
		if err != nil {
			http.Error(w, "not stored", http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusOK)
	}))
}
