package sqlstore_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
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

// A child is this test binary again, working on a database until it is killed. It
// prints what was acknowledged to it, one line each, after the acknowledgement:
// "stored ID", "done ID", "key ID".
const childLease = 300 * time.Millisecond

func runChild(spec string) int {
	driver, dsn, _ := strings.Cut(spec, " ")
	dialect := map[string]sqlstore.Dialect{"sqlite": sqlstore.SQLite, "pgx": sqlstore.PostgreSQL, "mysql": sqlstore.MySQL}[driver]
	ctx := context.Background()
	pool, err := sql.Open(driver, dsn)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	db, err := sqlstore.Open(ctx, pool, dialect, sqlstore.Config{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	store, steps, who := db.Inbox(), db.Steps(), os.Getenv("COMMERCE_CHILD_NAME")
	for i := 0; ; i++ {
		var events []commerce.Event
		for j := range 3 {
			events = append(events, event(fmt.Sprintf("%s_%d_%d", who, i, j), fmt.Sprintf("pi_%s_%d", who, i)))
		}
		if _, err := store.Append(ctx, batch(fmt.Sprintf("%s %d", who, i), events...)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		for _, e := range events {
			fmt.Println("stored", e.Ref.ID)
		}
		claims, err := store.Claim(ctx, inbox.ClaimRequest{Owner: who, Roots: 2, Events: 10, Lease: childLease})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		for _, c := range claims {
			for _, e := range c.Events {
				key := "key " + e.Event.Ref.ID
				g, err := steps.Begin(ctx, idempotency.BeginRequest{Key: key, Class: idempotency.Keyed, Lease: childLease, Settle: childLease})
				if err == nil && g.Acquired {
					err = steps.End(ctx, key, g.Record.Token, idempotency.Done, []byte(`1`))
				}
				if err != nil && commerce.KindOf(err) != commerce.KindConflict {
					fmt.Fprintln(os.Stderr, err)
					return 1
				}
				if err == nil && g.Acquired {
					fmt.Println(key)
				}
				err = store.Finish(ctx, c.Lease, []inbox.Ending{{Seq: e.Seq, Generation: e.Generation, State: inbox.Done}})
				if commerce.KindOf(err) == commerce.KindConflict && err != nil {
					break // too slow: another has it
				}
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					return 1
				}
				fmt.Println("done", e.Event.Ref.ID)
			}
			_ = store.Release(ctx, c.Lease)
		}
	}
}

func TestAKilledProgramLosesNothingThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		driver, dsn := d.dsn(t)
		store := d.openStore(t, open(t, driver, dsn), sqlstore.Config{})
		chance := rand.New(rand.NewPCG(7, 7))
		said := map[string]bool{}
		for round := range 8 {
			var wg sync.WaitGroup
			var mu sync.Mutex
			for child := range 2 {
				life := time.Duration(50+chance.IntN(250)) * time.Millisecond
				wg.Go(func() {
					lines := lifeOf(t, driver+" "+dsn, fmt.Sprintf("r%dc%d", round, child), life)
					mu.Lock()
					defer mu.Unlock()
					for _, l := range lines {
						said[l] = true
					}
				})
			}
			wg.Wait()
		}
		require.NotEmpty(t, said)
		whole(t, d, open(t, driver, dsn))

		states := map[string]inbox.State{}
		var after int64
		for {
			n := 0
			for e, err := range store.Inbox().List(t.Context(), inbox.Filter{After: after, Limit: 1000}) {
				require.NoError(t, err)
				states[e.Event.Ref.ID] = e.State
				after = e.Seq
				n++
			}
			if n == 0 {
				break
			}
		}
		var stored, ended, keys int
		for line := range said {
			what, id, _ := strings.Cut(line, " ")
			switch what {
			case "stored":
				stored++
				require.Contains(t, states, id, "acknowledged and lost")
			case "done":
				ended++
				require.Equal(t, inbox.Done, states[id], id)
			case "key":
				keys++
				rec, err := store.Steps().Get(t.Context(), line)
				require.NoError(t, err)
				require.Equal(t, idempotency.Done, rec.State)
			}
		}
		t.Logf("16 programs killed; acknowledged: %d stored, %d done, %d keys", stored, ended, keys)
	})
}

// lifeOf runs a child, kills it without warning and returns its whole lines.
func lifeOf(t *testing.T, spec, name string, life time.Duration) []string {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "COMMERCE_CHILD="+spec, "COMMERCE_CHILD_NAME="+name)
	var complaints strings.Builder
	c.Stderr = &complaints
	out, err := c.StdoutPipe()
	if err != nil || c.Start() != nil {
		t.Errorf("child: %v", err)
		return nil
	}
	var lines []string
	in := bufio.NewReader(out)
	line, err := in.ReadString('\n')
	// Its life is counted from its first word: programs start at different speeds.
	kill := time.AfterFunc(life, func() { _ = c.Process.Kill() })
	defer kill.Stop()
	for ; err == nil; line, err = in.ReadString('\n') {
		lines = append(lines, strings.TrimSpace(line))
	}
	if err := c.Wait(); c.ProcessState.ExitCode() != -1 {
		t.Errorf("a child ended by itself: %v: %s", err, complaints.String())
	}
	return lines
}

// whole checks that every event is in exactly one place.
func whole(t *testing.T, d database, pool *sql.DB) {
	t.Helper()
	if d.dialect == sqlstore.SQLite {
		var ok string
		require.NoError(t, pool.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&ok))
		require.Equal(t, "ok", ok)
	}
	var wrong int
	require.NoError(t, pool.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM commerce_events e WHERE 1 <>
		(SELECT COUNT(*) FROM commerce_queue q WHERE q.seq = e.seq) + (SELECT COUNT(*) FROM commerce_ended d WHERE d.seq = e.seq)`).Scan(&wrong))
	require.Zero(t, wrong, "events that are nowhere or in two places")
}

func TestADatabaseThatGoesAwayAndComesBack(t *testing.T) {
	t.Parallel()
	eachOf(t, servers, goesAwayAndComesBack)
}

func goesAwayAndComesBack(t *testing.T, d database) {
	kind := map[sqlstore.Dialect]*dbserver.Kind{sqlstore.PostgreSQL: dbserver.PostgreSQL, sqlstore.MySQL: dbserver.MariaDB}[d.dialect]
	own, err := dbserver.Start(kind)
	require.NoError(t, err)
	defer own.Close()
	pool := open(t, kind.Driver, own.Database(t))
	db := d.openStore(t, pool, sqlstore.Config{})
	store := db.Inbox()

	const writers, each = 4, 60
	var fresh, unknown, refused int
	var mu sync.Mutex
	down, up := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if i == each/3 && w == 0 {
					close(down)
				}
				b := batch(fmt.Sprintf("b %d %d", w, i), event(fmt.Sprintf("evt_%d_%d", w, i), fmt.Sprintf("pi_%d", i)))
				for {
					got, err := store.Append(t.Context(), b)
					mu.Lock()
					switch {
					case err == nil && !got[0].Duplicate:
						fresh++
					case commerce.KindOf(err) != commerce.KindUnavailable:
						t.Errorf("append: %v", err)
					case commerce.SafeToRetry(err):
						refused++
					default:
						unknown++
					}
					mu.Unlock()
					if err == nil {
						break
					}
					<-up
				}
			}
		})
	}
	<-down
	require.NoError(t, own.Down())
	_, err = store.Claim(t.Context(), inbox.ClaimRequest{Owner: "w", Roots: 1, Events: 1, Lease: time.Minute})
	require.ErrorIs(t, err, commerce.ErrUnavailable)
	require.True(t, commerce.SafeToRetry(err))
	_, err = store.Get(t.Context(), 1)
	require.ErrorIs(t, err, commerce.ErrUnavailable)
	_, err = db.Steps().Begin(t.Context(), idempotency.BeginRequest{Key: "k", Lease: time.Minute, Settle: time.Minute})
	require.ErrorIs(t, err, commerce.ErrUnavailable)
	require.NoError(t, own.Up())
	close(up)
	wg.Wait()
	require.Equal(t, writers*each, fresh, "every batch is new exactly once, however often it was sent")
	counts, err := store.Count(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, writers*each, counts.Ready)
	whole(t, d, pool)
	t.Logf("while it was away: %d not sent, %d unknown", refused, unknown)
}

func TestAClosedPoolIsUnavailable(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d database) {
		pool := d.pool(t)
		store := d.openStore(t, pool, sqlstore.Config{}).Inbox()
		require.NoError(t, pool.Close())
		_, err := store.Append(t.Context(), batch("b1", event("evt_1", "pi_1")))
		require.ErrorIs(t, err, commerce.ErrUnavailable)
		require.True(t, commerce.SafeToRetry(err))
		_, err = store.Wait(t.Context())
		require.ErrorIs(t, err, commerce.ErrUnavailable)
	})
}
