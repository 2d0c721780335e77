// Package sqlstore_test runs the suites of the stores, and what only a real
// database can show, on SQLite, PostgreSQL and MariaDB.
package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/internal/clock"
	"github.com/commercesync/commerce/internal/integration/dbserver"
	"github.com/commercesync/commerce/sqlstore"
)

var server, maria *dbserver.Server

func TestMain(m *testing.M) {
	if child := os.Getenv("COMMERCE_CHILD"); child != "" {
		os.Exit(runChild(child))
	}
	var stop, stopMaria func()
	server, stop = dbserver.Main(dbserver.PostgreSQL)
	maria, stopMaria = dbserver.Main(dbserver.MariaDB)
	code := m.Run()
	stop()
	stopMaria()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			println(err.Error())
			code = 1
		}
	}
	os.Exit(code)
}

// database is one kind of database under test.
type database struct {
	name    string
	dialect sqlstore.Dialect
	// dsn makes an empty database and returns driver and data source name.
	dsn func(t testing.TB) (driver, dsn string)
}

var databases = []database{
	{"SQLite", sqlstore.SQLite, func(t testing.TB) (string, string) {
		return "sqlite", sqlstore.SQLiteDSN(filepath.Join(t.TempDir(), "store.db"))
	}},
	{"PostgreSQL", sqlstore.PostgreSQL, func(t testing.TB) (string, string) {
		return "pgx", server.Database(t)
	}},
	{"MariaDB", sqlstore.MySQL, func(t testing.TB) (string, string) {
		return "mysql", maria.Database(t)
	}},
}

// servers are the databases that several programs write at the same moment.
var servers = databases[1:]

// each runs a test on every kind of database.
func each(t *testing.T, test func(t *testing.T, d database)) { eachOf(t, databases, test) }

func eachOf(t *testing.T, some []database, test func(t *testing.T, d database)) {
	for _, d := range some {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			d.need(t)
			test(t, d)
		})
	}
}

// need skips a test where the database's server is not installed.
func (d database) need(t testing.TB) {
	switch d.dialect {
	case sqlstore.PostgreSQL:
		server.Need(t)
	case sqlstore.MySQL:
		maria.Need(t)
	}
}

func (d database) pool(t testing.TB) *sql.DB {
	t.Helper()
	driver, dsn := d.dsn(t)
	return open(t, driver, dsn)
}

func open(t testing.TB, driver, dsn string) *sql.DB {
	t.Helper()
	pool, err := sql.Open(driver, dsn)
	require.NoError(t, err)
	pool.SetMaxOpenConns(16)
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

func (d database) store(t testing.TB, c sqlstore.Config) *sqlstore.DB {
	t.Helper()
	return d.openStore(t, d.pool(t), c)
}

func (d database) openStore(t testing.TB, pool *sql.DB, c sqlstore.Config) *sqlstore.DB {
	t.Helper()
	db, err := sqlstore.Open(context.Background(), pool, d.dialect, c)
	require.NoError(t, err)
	return db
}

func newClock() *clock.Manual { return clock.At(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)) }

var sprintf = fmt.Sprintf

func event(id, pi string) commerce.Event {
	return commerce.Event{
		Ref:  commerce.Ref{Tenant: "t1", System: "stripe", Account: "acct_1", Mode: commerce.Test, ID: id},
		Type: "charge.succeeded", Object: "ch_" + id, Subject: pi, APIVersion: "2023-10-16",
		Created: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC), Raw: []byte(`{"id":"` + id + `"}`),
	}
}

func batch(id string, events ...commerce.Event) inbox.Batch {
	return inbox.Batch{ID: id, Events: events}
}
