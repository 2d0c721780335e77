// Package ingest is a server that takes Stripe's webhooks with the library, for load.
package ingest

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	_ "github.com/go-sql-driver/mysql" // the driver "mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/sqlstore"
	"github.com/commercesync/commerce/stripe"
)

// Config says what is served. DB and Secret must be set.
type Config struct {
	// DB is a path of an SQLite file, a postgres:// URL, or a data source name of
	// github.com/go-sql-driver/mysql ("user:password@tcp(host)/shop").
	DB string
	// Secret signs the deliveries.
	Secret string
	// Pool is how many connections to the database there are at most. Defaults to 16.
	Pool int
	// Commits is inbox.Config.Commits: batches in flight. Defaults to 1.
	Commits int
	// Workers work what came in with a handler that does nothing; 0 = it is only stored.
	Workers int
}

// Stats is what GET /stats answers.
type Stats struct {
	Stored  int64 `json:"stored"`  // events in the database, each once
	Handled int64 `json:"handled"` // of these, how many have ended
}

// Open opens the database and its store. The caller closes the pool.
func Open(ctx context.Context, dsn string, connections int) (*sql.DB, *sqlstore.DB, error) {
	driver, dialect := "sqlite", sqlstore.SQLite
	switch {
	case strings.HasPrefix(dsn, "postgres"):
		driver, dialect = "pgx", sqlstore.PostgreSQL
	case strings.Contains(dsn, "@tcp(") || strings.Contains(dsn, "@unix("):
		driver, dialect = "mysql", sqlstore.MySQL
		for _, option := range []string{"clientFoundRows=true", "interpolateParams=true"} {
			if !strings.Contains(dsn, option) {
				sep := "&"
				if !strings.Contains(dsn, "?") {
					sep = "?"
				}
				dsn += sep + option
			}
		}
	default:
		dsn = sqlstore.SQLiteDSN(dsn)
	}
	pool, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, nil, err
	}
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	db, err := sqlstore.Open(ctx, pool, dialect, sqlstore.Config{})
	if err != nil {
		return nil, nil, errors.Join(err, pool.Close())
	}
	return pool, db, nil
}

// Serve takes deliveries at any path and tells its figures at GET /stats, until the
// context ends. What was begun is finished then.
func Serve(ctx context.Context, l net.Listener, c Config) error {
	defer l.Close()
	if c.Pool == 0 {
		c.Pool = 16
	}
	pool, db, err := Open(ctx, c.DB, c.Pool)
	if err != nil {
		return err
	}
	defer pool.Close()
	store := &counted{Store: db.Inbox()}
	if err := store.start(ctx, pool); err != nil {
		return err
	}
	in, err := inbox.New(store, inbox.Config{
		Commits: c.Commits, Workers: max(1, c.Workers),
		Handlers: inbox.Handlers{"stripe *": {{Name: "nothing", Handle: func(context.Context, commerce.Event) error { return nil }}}},
	})
	if err != nil {
		return err
	}
	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: commerce.Static([]commerce.Secret{commerce.NewSecret(c.Secret)})})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", in.Receive(hook))
	mux.Handle("GET /stats", store)
	worked := make(chan error, 1)
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	if c.Workers > 0 {
		go func() { worked <- in.Run(working) }()
	} else {
		worked <- nil
	}
	err = ServeHTTP(ctx, l, mux)
	stop()
	return errors.Join(err, <-worked)
}

// ServeHTTP serves until the context ends and all requests are answered.
func ServeHTTP(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		done <- server.Shutdown(bounded)
	})
	err := server.Serve(l)
	if stop() { // it failed by itself
		return err
	}
	return <-done
}

// counted is a store that counts what is in it.
type counted struct {
	inbox.Store
	stored, handled atomic.Int64
}

// start counts what is there already.
func (c *counted) start(ctx context.Context, pool *sql.DB) error {
	var stored, handled int64
	err := pool.QueryRowContext(ctx, "SELECT (SELECT COUNT(*) FROM commerce_events), (SELECT COUNT(*) FROM commerce_ended)").Scan(&stored, &handled)
	c.stored.Store(stored)
	c.handled.Store(handled)
	return err
}

func (c *counted) Append(ctx context.Context, b inbox.Batch) ([]inbox.Appended, error) {
	got, err := c.Store.Append(ctx, b)
	var n int64
	for _, a := range got {
		if !a.Duplicate {
			n++
		}
	}
	c.stored.Add(n)
	return got, err
}

func (c *counted) Finish(ctx context.Context, l inbox.Lease, endings []inbox.Ending) error {
	err := c.Store.Finish(ctx, l, endings)
	if err != nil {
		return err
	}
	var n int64
	for _, e := range endings {
		if e.State == inbox.Done || e.State == inbox.Ignored {
			n++
		}
	}
	c.handled.Add(n)
	return nil
}

func (c *counted) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	// Handled first: it never shows more than was stored.
	s := Stats{Handled: c.handled.Load()}
	s.Stored = c.stored.Load()
	_ = json.NewEncoder(w).Encode(s) // the caller is gone where that fails
}
