package sqlstore_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/internal/integration/dbserver"
	"github.com/commercesync/commerce/sqlstore"
)

func TestSettingsThatLoseAcknowledgedWritesAreRefused(t *testing.T) {
	t.Parallel()
	file := func(t *testing.T, pragmas string) (string, string) {
		return "sqlite", "file:" + filepath.Join(t.TempDir(), "store.db") + pragmas
	}
	postgres := func(t *testing.T, options string) (string, string) {
		return "pgx", server.Database(t) + options
	}
	mysql := func(t *testing.T, options string) (string, string) {
		return "mysql", maria.Database(t) + options
	}
	for _, c := range []struct {
		name    string
		dialect sqlstore.Dialect
		dsn     func(*testing.T, string) (string, string)
		options string
		setting string // empty = accepted
	}{
		{"SQLite as SQLiteDSN opens it", sqlstore.SQLite, file, "?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)", ""},
		{"SQLite with synchronous EXTRA", sqlstore.SQLite, file, "?_pragma=journal_mode(WAL)&_pragma=synchronous(EXTRA)", ""},
		{"SQLite with a rollback journal", sqlstore.SQLite, file, "?_pragma=synchronous(FULL)", "journal_mode"},
		{"SQLite with synchronous NORMAL", sqlstore.SQLite, file, "?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)", "synchronous"},
		{"SQLite with synchronous OFF", sqlstore.SQLite, file, "?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)", "synchronous"},
		{"PostgreSQL as it comes", sqlstore.PostgreSQL, postgres, "", ""},
		{"PostgreSQL with local commits", sqlstore.PostgreSQL, postgres, "&synchronous_commit=local", ""},
		{"PostgreSQL with synchronous_commit off", sqlstore.PostgreSQL, postgres, "&synchronous_commit=off", "synchronous_commit"},
		{"MariaDB as it comes", sqlstore.MySQL, mysql, "", ""},
		{"MariaDB with another time zone and character set", sqlstore.MySQL, mysql, "&time_zone=%27%2B05:00%27&charset=latin1", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			driver, dsn := c.dsn(t, c.options)
			pool := open(t, driver, dsn)
			_, err := sqlstore.Open(t.Context(), pool, c.dialect, sqlstore.Config{})
			if c.setting == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, commerce.ErrInvalid)
			require.ErrorContains(t, err, c.setting+" = ")
			require.True(t, commerce.SafeToRetry(err))
			_, err = sqlstore.Open(t.Context(), pool, c.dialect, sqlstore.Config{AllowUnsafe: []string{c.setting}})
			require.NoError(t, err, "the config may allow it in so many words")
		})
	}
}

func TestOneUnsafeConnectionOfASafePoolIsRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		pool := d.pool(t)
		pool.SetMaxOpenConns(1)
		db := d.openStore(t, pool, sqlstore.Config{})
		unsafe, says := "PRAGMA synchronous = NORMAL", "SQLiteDSN"
		switch d.dialect {
		case sqlstore.PostgreSQL:
			unsafe, says = "SET synchronous_commit = off", "synchronous_commit = off"
		case sqlstore.MySQL:
			unsafe, says = "SET sql_mode = ''", "STRICT_TRANS_TABLES"
		}
		_, err := pool.ExecContext(t.Context(), unsafe)
		require.NoError(t, err)
		_, err = db.Inbox().Append(t.Context(), batch("b1", event("evt_1", "pi_1")))
		require.ErrorContains(t, err, says)
		_, err = db.Steps().Begin(t.Context(), idempotency.BeginRequest{Key: "k", Lease: time.Minute, Settle: time.Minute})
		require.ErrorContains(t, err, says)
		require.True(t, commerce.SafeToRetry(err))
		counts, err := db.Inbox().Count(t.Context(), "")
		require.NoError(t, err)
		require.Zero(t, counts, "nothing was stored")
	})
}

func TestUnsafeSettingsOfAMySQLServerAreRefused(t *testing.T) {
	t.Parallel()
	maria.Need(t)
	own, err := dbserver.Start(dbserver.MariaDB) // the settings are the whole server's
	require.NoError(t, err)
	defer own.Close()
	pool := open(t, "mysql", own.Database(t))
	db, err := sqlstore.Open(t.Context(), pool, sqlstore.MySQL, sqlstore.Config{})
	require.NoError(t, err)
	begin := idempotency.BeginRequest{Key: "k", Lease: time.Minute, Settle: time.Minute}
	g, err := db.Steps().Begin(t.Context(), begin)
	require.NoError(t, err)

	_, err = pool.ExecContext(t.Context(), "SET GLOBAL innodb_flush_log_at_trx_commit = 2")
	require.NoError(t, err)
	_, err = db.Inbox().Append(t.Context(), batch("b1", event("evt_1", "pi_1")))
	require.ErrorContains(t, err, "innodb_flush_log_at_trx_commit = 2")
	require.ErrorIs(t, err, commerce.ErrInvalid)
	err = db.Steps().End(t.Context(), "k", g.Record.Token, idempotency.Done, nil)
	require.ErrorContains(t, err, "innodb_flush_log_at_trx_commit", "a statement by itself is checked as well")
	accepted, err := sqlstore.Open(t.Context(), pool, sqlstore.MySQL, sqlstore.Config{AllowUnsafe: []string{"innodb_flush_log_at_trx_commit"}})
	require.NoError(t, err)
	require.NoError(t, accepted.Steps().End(t.Context(), "k", g.Record.Token, idempotency.Done, nil))
}

func TestAMySQLDriverThatCountsChangedRowsIsRefused(t *testing.T) {
	t.Parallel()
	maria.Need(t)
	pool := open(t, "mysql", strings.Replace(maria.Database(t), "clientFoundRows=true&", "", 1))
	_, err := sqlstore.Open(t.Context(), pool, sqlstore.MySQL, sqlstore.Config{})
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.ErrorContains(t, err, "clientFoundRows=true")
}

func TestATextThatIsTooLongForMySQLIsRefusedAndNotCut(t *testing.T) {
	t.Parallel()
	maria.Need(t)
	d := servers[1]
	db := d.store(t, sqlstore.Config{})
	long := idempotency.BeginRequest{Key: strings.Repeat("k", 1025), Lease: time.Minute, Settle: time.Minute}
	_, err := db.Steps().Begin(t.Context(), long)
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.True(t, commerce.SafeToRetry(err))
	long.Key = long.Key[1:]
	_, err = db.Steps().Begin(t.Context(), long)
	require.NoError(t, err)
	long.Key = "k " // a collation would take it for "k"
	_, err = db.Steps().Begin(t.Context(), long)
	require.NoError(t, err)
	_, err = db.Steps().Get(t.Context(), "k")
	require.ErrorIs(t, err, commerce.ErrNotFound)
}

func TestAReleaseLeavesTheConnectionDurable(t *testing.T) {
	t.Parallel()
	server.Need(t)
	d := databases[1]
	pool := d.pool(t)
	pool.SetMaxOpenConns(1)
	store := d.openStore(t, pool, sqlstore.Config{}).Inbox()
	_, err := store.Append(t.Context(), batch("b1", event("evt_1", "pi_1")))
	require.NoError(t, err)
	claims := claim(t, store)
	require.NoError(t, store.Release(t.Context(), claims[0].Lease))
	var commit string
	require.NoError(t, pool.QueryRowContext(t.Context(), "SHOW synchronous_commit").Scan(&commit))
	require.Equal(t, "on", commit)
	require.Len(t, claim(t, store), 1)
}

func TestOpenNamesTheBadField(t *testing.T) {
	t.Parallel()
	pool := open(t, "sqlite", ":memory:")
	for _, c := range []struct {
		name    string
		dialect sqlstore.Dialect
		config  sqlstore.Config
		says    string
	}{
		{"an unknown dialect", "oracle", sqlstore.Config{}, `"oracle"`},
		{"a prefix that is no name", sqlstore.SQLite, sqlstore.Config{Prefix: "x; DROP"}, "Config.Prefix"},
		{"a negative time-out", sqlstore.SQLite, sqlstore.Config{TxTimeout: -1}, "Config.TxTimeout"},
		{"a misspelt setting", sqlstore.SQLite, sqlstore.Config{AllowUnsafe: []string{"sync"}}, "Config.AllowUnsafe"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := sqlstore.Open(t.Context(), pool, c.dialect, c.config)
			require.ErrorIs(t, err, commerce.ErrInvalid)
			require.ErrorContains(t, err, c.says)
		})
	}
	_, err := sqlstore.Open(t.Context(), nil, sqlstore.SQLite, sqlstore.Config{})
	require.ErrorContains(t, err, "pool")
}

func TestMigrationsMayRunTwiceAndByManyAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		driver, dsn := d.dsn(t)
		var wg sync.WaitGroup
		for range 8 {
			pool := open(t, driver, dsn) // a program each
			wg.Go(func() {
				for range 2 {
					if _, err := sqlstore.Open(context.Background(), pool, d.dialect, sqlstore.Config{}); err != nil {
						t.Errorf("open: %v", err)
					}
				}
			})
		}
		wg.Wait()
		pool := open(t, driver, dsn)
		var versions int
		require.NoError(t, pool.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM commerce_schema").Scan(&versions))
		require.Equal(t, 2, versions)
		_, err := d.openStore(t, pool, sqlstore.Config{}).Inbox().Append(t.Context(), batch("b1", event("evt_1", "pi_1")))
		require.NoError(t, err)
	})
}

func TestADatabaseOfAnOlderProgramIsBroughtUpToDate(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		pool := d.pool(t)
		_, err := d.openStore(t, pool, sqlstore.Config{}).Inbox().Append(t.Context(), batch("b1", event("evt_1", "pi_1")))
		require.NoError(t, err)
		for _, text := range []string{"DROP TABLE commerce_credentials", "DROP TABLE commerce_accesses", "DELETE FROM commerce_schema WHERE version = 2"} {
			_, err := pool.ExecContext(t.Context(), text)
			require.NoError(t, err)
		}
		db := d.openStore(t, pool, sqlstore.Config{})
		got, err := db.Inbox().Append(t.Context(), batch("b2", event("evt_1", "pi_1")))
		require.NoError(t, err)
		require.True(t, got[0].Duplicate, "what was there is there")
		n, err := db.Vault().Count(t.Context())
		require.NoError(t, err)
		require.Empty(t, n)
	})
}

func TestASchemaNewerThanTheProgramIsRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		pool := d.pool(t)
		d.openStore(t, pool, sqlstore.Config{})
		_, err := pool.ExecContext(t.Context(), "INSERT INTO commerce_schema (version, applied) VALUES (999, 0)")
		require.NoError(t, err)
		_, err = sqlstore.Open(t.Context(), pool, d.dialect, sqlstore.Config{})
		require.ErrorIs(t, err, commerce.ErrInvalid)
		require.ErrorContains(t, err, "version 999")
	})
}

func TestTwoPrefixesAreTwoStores(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		pool := d.pool(t)
		a := d.openStore(t, pool, sqlstore.Config{Prefix: "a_"}).Inbox()
		b := d.openStore(t, pool, sqlstore.Config{Prefix: "b_"}).Inbox()
		_, err := a.Append(t.Context(), batch("b1", event("evt_1", "pi_1")))
		require.NoError(t, err)
		counts, err := b.Count(t.Context(), "")
		require.NoError(t, err)
		require.Zero(t, counts)
	})
}

func TestPostgreSQLBodiesArePackedWithLZ4(t *testing.T) {
	t.Parallel()
	server.Need(t)
	d := databases[1]
	pool := d.pool(t)
	store := d.openStore(t, pool, sqlstore.Config{}).Inbox()
	e := event("evt_1", "pi_1")
	e.Raw = []byte(strings.Repeat(`{"object":"charge"}`, 500))
	_, err := store.Append(t.Context(), batch("b1", e))
	require.NoError(t, err)
	var how string
	var size int
	require.NoError(t, pool.QueryRowContext(t.Context(),
		"SELECT pg_column_compression(raw), pg_column_size(raw) FROM commerce_events").Scan(&how, &size))
	require.Equal(t, "lz4", how)
	require.Less(t, size, len(e.Raw)/2)
}

func TestTextThatNoColumnHoldsIsRefusedBeforeItIsSent(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		db := d.store(t, sqlstore.Config{})
		for name, change := range map[string]func(*commerce.Event){
			"type":   func(e *commerce.Event) { e.Type = "a\x00b" },
			"object": func(e *commerce.Event) { e.Object = "\xff" },
			"person": func(e *commerce.Event) { e.Person = "\x00" },
			"tenant": func(e *commerce.Event) { e.Ref.Tenant = "\xc3" },
		} {
			e := event("evt_1", "pi_1")
			change(&e)
			_, err := db.Inbox().Append(t.Context(), batch("b1", e))
			require.ErrorIs(t, err, commerce.ErrInvalid, name)
			require.ErrorContains(t, err, name)
			require.True(t, commerce.SafeToRetry(err))
		}
		_, err := db.Steps().Begin(t.Context(), idempotency.BeginRequest{Key: "a\x00", Lease: 1, Settle: 1})
		require.ErrorIs(t, err, commerce.ErrInvalid)
	})
}

func TestABatchLargerThanOneStatementKeepsItsOrder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		store := d.store(t, sqlstore.Config{}).Inbox()
		var events []commerce.Event
		for i := range 700 {
			events = append(events, event(sprintf("evt_%d", i%650), sprintf("pi_%d", i)))
			events[i].Object = "ch_" + events[i].Ref.ID
		}
		got, err := store.Append(t.Context(), batch("b1", events...))
		require.NoError(t, err)
		for i := range got {
			require.Equal(t, i >= 650, got[i].Duplicate, i)
			if i > 0 && i < 650 {
				require.Greater(t, got[i].Seq, got[i-1].Seq)
			}
		}
		again, err := store.Append(t.Context(), batch("b1", events...))
		require.NoError(t, err)
		require.Equal(t, got, again, "a batch sent again answers as the first time")
		counts, err := store.Count(t.Context(), "")
		require.NoError(t, err)
		require.Equal(t, 650, counts.Ready)
		_, err = store.Append(t.Context(), inbox.Batch{ID: "b2", Events: make([]commerce.Event, 5000)})
		require.ErrorIs(t, err, commerce.ErrLimit)
	})
}

func TestInTx(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		pool := d.pool(t)
		db := d.openStore(t, pool, sqlstore.Config{})
		_, err := pool.ExecContext(t.Context(), "CREATE TABLE mine (n INTEGER)")
		require.NoError(t, err)
		mine := func() (n int) {
			require.NoError(t, pool.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM mine").Scan(&n))
			return n
		}
		errNo := commerce.Errorf(commerce.KindDeclined, "test", "say no", "no")
		work := func(id string, result error) error {
			return db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, "INSERT INTO mine VALUES (1)")
				require.NoError(t, err)
				_, err = db.Inbox().AppendTx(ctx, tx, batch("batch "+id, event(id, "pi_1")))
				require.NoError(t, err)
				_, first, err := db.Steps().RecordTx(ctx, tx, "local/"+id, "f", []byte(`"x"`))
				require.NoError(t, err)
				require.True(t, first)
				return result
			})
		}
		require.Equal(t, error(errNo), work("evt_1", errNo), "fn's error comes back as it is")
		require.Zero(t, mine())
		_, err = db.Steps().Get(t.Context(), "local/evt_1")
		require.ErrorIs(t, err, commerce.ErrNotFound)

		require.NoError(t, work("evt_1", nil))
		require.Equal(t, 1, mine())
		rec, err := db.Steps().Get(t.Context(), "local/evt_1")
		require.NoError(t, err)
		require.Equal(t, idempotency.Done, rec.State)
		counts, err := db.Inbox().Count(t.Context(), "")
		require.NoError(t, err)
		require.Equal(t, 1, counts.Ready)

		err = db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			_, err := idempotency.Do(ctx, db.Steps(), "far", func(context.Context) (string, error) {
				t.Error("a far effect was begun inside a transaction")
				return "", nil
			})
			require.Error(t, err)
			_, err = db.Inbox().Append(ctx, batch("b", event("evt_2", "pi_1")))
			require.ErrorIs(t, err, commerce.ErrInvalid, "another write would wait for this transaction")
			rec, first, err := db.Steps().RecordTx(ctx, tx, "local/evt_1", "f", []byte(`"y"`))
			require.NoError(t, err)
			require.False(t, first, "done before")
			require.Equal(t, `"x"`, string(rec.Result))
			_, _, err = db.Steps().RecordTx(ctx, tx, "local/evt_1", "other", nil)
			var f *idempotency.FingerprintError
			require.ErrorAs(t, err, &f)
			return nil
		})
		require.NoError(t, err)
	})
}
