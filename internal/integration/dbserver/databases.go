package dbserver

import (
	"database/sql"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/commercesync/commerce/sqlstore"
)

// Database is one kind of database that sqlstore serves.
type Database struct {
	Name    string
	Dialect sqlstore.Dialect
	Driver  string
	server  *Server // nil = a file
}

// Databases starts a PostgreSQL and a MariaDB for a test binary and returns all three
// kinds of database. stop must be called at the end.
func Databases() (all []Database, stop func()) {
	postgres, stopPostgres := Main(PostgreSQL)
	maria, stopMaria := Main(MariaDB)
	return []Database{
			{"SQLite", sqlstore.SQLite, "sqlite", nil},
			{"PostgreSQL", sqlstore.PostgreSQL, PostgreSQL.Driver, postgres},
			{"MariaDB", sqlstore.MySQL, MariaDB.Driver, maria},
		}, func() {
			stopPostgres()
			stopMaria()
		}
}

// DSN makes an empty database and returns its data source name. It skips the test
// where there is no such server.
func (d Database) DSN(t testing.TB) string {
	t.Helper()
	if d.server == nil {
		return sqlstore.SQLiteDSN(filepath.Join(t.TempDir(), "store.db"))
	}
	return d.server.Database(t)
}

// Pool opens a database until the test ends.
func (d Database) Pool(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	pool, err := sql.Open(d.Driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(16)
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

// Store opens the store of a database.
func (d Database) Store(t testing.TB, pool *sql.DB, c sqlstore.Config) *sqlstore.DB {
	t.Helper()
	db, err := sqlstore.Open(t.Context(), pool, d.Dialect, c)
	if err != nil {
		t.Fatal(err)
	}
	return db
}
