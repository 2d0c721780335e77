package kill_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/sqlstore"
)

var databases = []struct {
	name    string
	dialect sqlstore.Dialect
	dsn     func(t *testing.T) (driver, dsn string)
}{
	{"SQLite", sqlstore.SQLite, func(t *testing.T) (string, string) {
		return "sqlite", sqlstore.SQLiteDSN(filepath.Join(t.TempDir(), "kill.db"))
	}},
	{"PostgreSQL", sqlstore.PostgreSQL, func(t *testing.T) (string, string) {
		return "pgx", server.Database(t)
	}},
	{"MariaDB", sqlstore.MySQL, func(t *testing.T) (string, string) {
		return "mysql", maria.Database(t)
	}},
}

// run kills workers while customers buy, lets the last ones finish and audits. With
// keys apart it ends as soon as something was done twice.
func run(t *testing.T, dialect sqlstore.Dialect, driver, dsn string, kills int, apart bool) report {
	ctx := t.Context()
	pool, err := sql.Open(driver, dsn)
	require.NoError(t, err)
	defer pool.Close()
	pool.SetMaxOpenConns(4)
	db, err := sqlstore.Open(ctx, pool, dialect, sqlstore.Config{})
	require.NoError(t, err)

	start := time.Now()
	w := newWorld(t, driver, dsn, apart)
	defer w.close()
	delivering, stop := context.WithCancel(ctx)
	var post sync.WaitGroup
	defer post.Wait()
	defer stop()
	post.Go(func() { w.deliver(delivering) })

	killed := 0
	for ; killed < kills; killed++ {
		w.buy()
		w.buy()
		w.ship(ctx, db)
		w.killOne()
		if apart && killed%5 == 4 && w.audit(ctx, db).second > 0 {
			killed++
			break
		}
	}
	if !apart { // the control has shown what it is to show, and is not waited for
		require.Empty(t, w.settle(ctx, db), "still to be done two minutes after the last kill")
	}
	stop()
	post.Wait()
	r := w.audit(ctx, db)
	t.Logf("%d kills, %d orders, %d deliveries, %d steps begun again, %d mails that a person must decide: %d lost, %d second effects, %.0f s",
		killed, r.orders, w.sent.Deliveries, r.probed, r.undecided, r.lost, r.second, time.Since(start).Seconds())
	return r
}

func TestKilledWorkersLoseNothingAndDoNothingTwice(t *testing.T) {
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			driver, dsn := d.dsn(t)
			r := run(t, d.dialect, driver, dsn, kills(t), false)
			require.Empty(t, r.findings, "SEED=%d KILLS=%d go test ./kill -run '%s'", seed(t), kills(t), t.Name())
			require.NotZero(t, r.probed, "no kill fell into a step: this run proves nothing")
		})
	}
}

func TestKeysThatAreApartFromTheirEffectsDoThingsTwice(t *testing.T) {
	const atMost = 300 // mostly some 20 are enough
	driver, dsn := databases[0].dsn(t)
	r := run(t, sqlstore.SQLite, driver, dsn, atMost, true)
	require.NotZero(t, r.second, "the test saw no second effect: it could not see one")
	for _, f := range r.findings {
		if strings.HasPrefix(f, "twice") { // what is lost was not waited for
			t.Log(f)
		}
	}
}
