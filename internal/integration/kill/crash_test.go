package kill_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strconv"
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

// crashes is how often the database of each server crashes: CRASHES, or 2.
func crashes(t *testing.T) int {
	t.Helper()
	text := os.Getenv("CRASHES")
	if text == "" {
		return 2
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, "CRASHES")
	return n
}

// load is what goes on while the database crashes: events that are appended and effects
// that are made, each again and again until it is acknowledged.
type load struct {
	t     *testing.T
	in    *inbox.Inbox
	steps idempotency.Store

	mu        sync.Mutex
	up        chan struct{} // closed while the server is up
	since     int           // acknowledgements since the last crash
	enough    chan struct{} // hears of every one
	acked     []string
	effects   map[string]int
	undecided int
	again     int
}

func (l *load) acknowledged(id string) {
	l.mu.Lock()
	l.since++
	if id != "" {
		l.acked = append(l.acked, id)
	}
	l.mu.Unlock()
	select {
	case l.enough <- struct{}{}:
	default:
	}
}

// failed waits for the server.
func (l *load) failed(ctx context.Context) {
	l.mu.Lock()
	l.again++
	up := l.up
	l.mu.Unlock()
	select {
	case <-up:
	case <-ctx.Done():
	}
}

// appends appends one event after the other until the load ends.
func (l *load) appends(ctx context.Context, who int) {
	for i := 0; ctx.Err() == nil; i++ {
		id := fmt.Sprintf("evt_%d_%d", who, i)
		for {
			_, err := l.in.Append(context.WithoutCancel(ctx), commerce.Event{
				Ref:  commerce.Ref{Tenant: "t1", System: "stripe", Account: "acct_1", Mode: commerce.Test, ID: id},
				Type: "charge.succeeded", Object: "ch", Raw: []byte(`{}`)})
			if err == nil {
				l.acknowledged(id)
				break
			}
			if ctx.Err() != nil {
				return
			}
			l.failed(ctx)
		}
	}
}

// acts makes one effect after the other.
func (l *load) acts(ctx context.Context, who int) {
	for i := 0; ctx.Err() == nil; i++ {
		key := fmt.Sprintf("key/%d/%d", who, i)
		for {
			_, err := idempotency.Do(context.WithoutCancel(ctx), l.steps, key, func(context.Context) (int, error) {
				l.mu.Lock()
				defer l.mu.Unlock()
				l.effects[key]++
				return l.effects[key], nil
			}, idempotency.Lease(200*time.Millisecond))
			if err == nil {
				l.acknowledged("")
				break
			}
			if commerce.KindOf(err) == commerce.KindParked || commerce.KindOf(err) == commerce.KindNeedsDecision {
				l.mu.Lock()
				l.undecided++ // it was made, and its record did not get through
				l.mu.Unlock()
				break
			}
			if ctx.Err() != nil {
				return
			}
			l.failed(ctx)
		}
	}
}

// crashed is what an auditor finds after the crashes.
type crashed struct{ acknowledged, lost, effects, second, undecided, again int }

// crash lets a database crash so often under load. unsafe turns settings off, which allow
// names.
func crash(t *testing.T, kind *dbserver.Kind, dialect sqlstore.Dialect, times int, unsafe func(pool *sql.DB), allow []string, isApart bool) crashed {
	own, err := dbserver.Start(kind)
	require.NoError(t, err)
	defer own.Close()
	pool, err := sql.Open(kind.Driver, own.Database(t))
	require.NoError(t, err)
	defer pool.Close()
	pool.SetMaxOpenConns(16)
	if unsafe != nil {
		unsafe(pool)
	}
	db, err := sqlstore.Open(t.Context(), pool, dialect, sqlstore.Config{AllowUnsafe: allow})
	require.NoError(t, err)
	in, err := inbox.New(db.Inbox(), inbox.Config{Commits: 4, MaxBatch: 4})
	require.NoError(t, err)
	l := &load{t: t, in: in, steps: db.Steps(), up: make(chan struct{}), enough: make(chan struct{}, 1), effects: map[string]int{}}
	if isApart {
		l.steps = apart{l.steps}
	}
	close(l.up)
	ctx, stop := context.WithCancel(t.Context())
	var working sync.WaitGroup
	for who := range 8 {
		working.Go(func() { l.appends(ctx, who) })
		working.Go(func() { l.acts(ctx, who) })
	}
	for i := range times {
		want := 100 + i*37%200
		for got := 0; got < want; {
			<-l.enough
			l.mu.Lock()
			got = l.since
			l.mu.Unlock()
		}
		l.mu.Lock()
		l.up, l.since = make(chan struct{}), 0
		up := l.up
		l.mu.Unlock()
		require.NoError(t, own.Down())
		require.NoError(t, own.Up())
		if unsafe != nil {
			unsafe(pool)
		}
		close(up)
	}
	stop()
	working.Wait()

	r := crashed{acknowledged: len(l.acked), undecided: l.undecided, again: l.again}
	stored := map[string]bool{}
	for after, page := int64(0), 1; page > 0; {
		page = 0
		for e, err := range db.Inbox().List(t.Context(), inbox.Filter{After: after, Limit: 1000}) {
			require.NoError(t, err)
			require.False(t, stored[e.Event.Ref.ID], "stored twice")
			stored[e.Event.Ref.ID] = true
			after, page = e.Seq, page+1
		}
	}
	for _, id := range l.acked {
		if !stored[id] {
			r.lost++
		}
	}
	for _, n := range l.effects {
		r.effects++
		r.second += n - 1
	}
	t.Logf("%d crashes: %d events acknowledged, %d of them lost; %d effects, %d second ones, %d that a person must decide; %d calls begun again",
		times, r.acknowledged, r.lost, r.effects, r.second, r.undecided, r.again)
	return r
}

func TestACrashedDatabaseLosesNothingThatWasAcknowledged(t *testing.T) {
	server.Need(t)
	maria.Need(t)
	for _, s := range []struct {
		kind    *dbserver.Kind
		dialect sqlstore.Dialect
	}{{dbserver.PostgreSQL, sqlstore.PostgreSQL}, {dbserver.MariaDB, sqlstore.MySQL}} {
		t.Run(string(s.dialect), func(t *testing.T) {
			r := crash(t, s.kind, s.dialect, crashes(t), nil, nil, false)
			require.Zero(t, r.lost)
			require.Zero(t, r.second)
			require.NotZero(t, r.again, "no crash fell into a call: this run proves nothing")
		})
	}
}

// TestUnsafeSettingsLoseWhatWasAcknowledged is the control: the same crashes lose
// something where a commit is answered before it is written down. A crash of the server
// alone shows it where the log waits in the server's own memory; what waits in that of the
// operating system (fsync=off, SQLite's synchronous=OFF) only a power cut loses.
func TestUnsafeSettingsLoseWhatWasAcknowledged(t *testing.T) {
	server.Need(t)
	maria.Need(t)
	for _, s := range []struct {
		setting string
		kind    *dbserver.Kind
		dialect sqlstore.Dialect
		off     string
	}{
		{"synchronous_commit", dbserver.PostgreSQL, sqlstore.PostgreSQL, "ALTER SYSTEM SET synchronous_commit = off"},
		{"innodb_flush_log_at_trx_commit", dbserver.MariaDB, sqlstore.MySQL, "SET GLOBAL innodb_flush_log_at_trx_commit = 0"},
	} {
		t.Run(s.setting, func(t *testing.T) {
			unsafe := func(pool *sql.DB) {
				_, err := pool.ExecContext(t.Context(), s.off)
				require.NoError(t, err)
				if s.dialect == sqlstore.PostgreSQL {
					_, err := pool.ExecContext(t.Context(), "SELECT pg_reload_conf()")
					require.NoError(t, err)
				}
			}
			lost := 0
			for tries := 0; lost == 0 && tries < 5; tries++ {
				lost = crash(t, s.kind, s.dialect, 2, unsafe, []string{s.setting}, false).lost
			}
			require.NotZero(t, lost, "the test saw no loss: it could not see one")
		})
	}
}

func TestACrashWithKeysApartFromTheirEffectsDoesThingsTwice(t *testing.T) {
	server.Need(t)
	second := 0
	for tries := 0; second == 0 && tries < 10; tries++ {
		second = crash(t, dbserver.PostgreSQL, sqlstore.PostgreSQL, 2, nil, nil, true).second
	}
	require.NotZero(t, second, "the test saw no second effect: it could not see one")
}
