// Package sim_test plays the disturbed days of package sim on a database: a fraction of
// what is played on the stores in memory, since every commit is one.
package sim_test

import (
	"database/sql"
	"flag"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite"

	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/internal/sim"
	"github.com/commercesync/commerce/sqlstore"
)

var (
	seeds = flag.Int("seeds", 6, "how many days are played")
	seed  = flag.Uint64("seed", 0, "plays this day alone; with -v step by step")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestDisturbedDaysOnSQLite(t *testing.T) {
	c := sim.Config{Open: func(t *testing.T, now func() time.Time) (inbox.Store, idempotency.Store) {
		pool, err := sql.Open("sqlite", sqlstore.SQLiteDSN(filepath.Join(t.TempDir(), "sim.db")))
		require.NoError(t, err)
		t.Cleanup(func() { _ = pool.Close() })
		db, err := sqlstore.Open(t.Context(), pool, sqlstore.SQLite, sqlstore.Config{Now: now})
		require.NoError(t, err)
		return db.Inbox(), db.Steps()
	}}
	first, n := uint64(1), *seeds
	if *seed != 0 {
		first, n = *seed, 1
		if testing.Verbose() {
			c.Trace = func(line string) { t.Log(line) }
		}
	}
	for s := first; s < first+uint64(n); s++ {
		r := sim.Play(t, s, c)
		require.Empty(t, r.Wrong, "replay: go test ./sim -seed %d -v", s)
	}
}
