// Package redisstore_test runs the suite of operations on a real Redis, and what only
// a real one can show.
package redisstore_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/idempotency/idempotencytest"
	"github.com/commercesync/commerce/idempotency/redisstore"
	"github.com/commercesync/commerce/internal/clock"
	"github.com/commercesync/commerce/internal/integration/dbserver"
)

var server *dbserver.Server

func TestMain(m *testing.M) {
	var stop func()
	server, stop = dbserver.Main(dbserver.Redis)
	code := m.Run()
	stop()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			println(err.Error())
			code = 1
		}
	}
	os.Exit(code)
}

var next atomic.Int64

func client(t testing.TB, s *dbserver.Server) *redis.Client {
	t.Helper()
	s.Need(t)
	c := redis.NewClient(&redis.Options{Addr: s.DSN(""), MaxRetries: -1, DialerRetries: 1})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// config is a Config whose keys are nobody else's.
func config() redisstore.Config {
	return redisstore.Config{Prefix: "{" + strconv.FormatInt(next.Add(1), 10) + "}:"}
}

func open(t testing.TB, c redisstore.Config) *redisstore.Store {
	t.Helper()
	s, err := redisstore.Open(context.Background(), client(t, server), c)
	require.NoError(t, err)
	return s
}

var begin = idempotency.BeginRequest{Key: "k", Class: idempotency.Keyed, Lease: time.Minute, Settle: time.Minute}

func TestOperations(t *testing.T) {
	t.Parallel()
	server.Need(t)
	idempotencytest.Run(t, func(t *testing.T) idempotencytest.Harness {
		clk := clock.At(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC))
		c := config()
		c.Now = clk.Now
		return idempotencytest.Harness{Store: open(t, c), Advance: clk.Advance}
	})
}

func TestAServerThatMayForgetIsRefused(t *testing.T) {
	t.Parallel()
	server.Need(t)
	own, err := dbserver.Start(dbserver.Redis) // the settings are the whole server's
	require.NoError(t, err)
	defer own.Close()
	c := client(t, own)
	for _, s := range []struct{ setting, unsafe, safe string }{
		{"appendfsync", "everysec", "always"},
		{"maxmemory-policy", "allkeys-lru", "noeviction"},
		{"appendonly", "no", "yes"},
	} {
		store, err := redisstore.Open(t.Context(), c, redisstore.Config{})
		require.NoError(t, err)
		require.NoError(t, c.ConfigSet(t.Context(), s.setting, s.unsafe).Err())
		_, err = redisstore.Open(t.Context(), c, redisstore.Config{})
		require.ErrorIs(t, err, commerce.ErrInvalid)
		require.ErrorContains(t, err, s.setting+" = "+s.unsafe)
		_, err = store.Begin(t.Context(), begin)
		require.ErrorContains(t, err, s.setting, "a setting that changes while the program runs is noticed")
		require.True(t, commerce.SafeToRetry(err))
		_, err = store.Get(t.Context(), "k")
		require.ErrorIs(t, err, commerce.ErrNotFound, "nothing was written")
		_, err = redisstore.Open(t.Context(), c, redisstore.Config{AllowUnsafe: []string{s.setting}})
		require.NoError(t, err)
		require.NoError(t, c.ConfigSet(t.Context(), s.setting, s.safe).Err())
	}
}

func TestAServerThatDoesNotTellIsRefused(t *testing.T) {
	t.Parallel()
	admin := client(t, server)
	require.NoError(t, admin.Do(t.Context(), "ACL", "SETUSER", "quiet", "on", "nopass", "~*", "+@all", "-config").Err())
	c := redis.NewClient(&redis.Options{Addr: server.DSN(""), Username: "quiet", Password: "x"})
	defer c.Close()
	_, err := redisstore.Open(t.Context(), c, config())
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.ErrorContains(t, err, "CONFIG GET")
	quiet := config()
	quiet.AllowUnsafe = []string{"appendonly", "appendfsync", "maxmemory-policy"}
	_, err = redisstore.Open(t.Context(), c, quiet)
	require.NoError(t, err)
}

func TestOpenNamesTheBadField(t *testing.T) {
	t.Parallel()
	_, err := redisstore.Open(t.Context(), nil, redisstore.Config{})
	require.ErrorContains(t, err, "client")
	c := client(t, server)
	_, err = redisstore.Open(t.Context(), c, redisstore.Config{Timeout: -1})
	require.ErrorContains(t, err, "Config.Timeout")
	_, err = redisstore.Open(t.Context(), c, redisstore.Config{AllowUnsafe: []string{"sync"}})
	require.ErrorContains(t, err, "Config.AllowUnsafe")
}

func TestWhatWasAcknowledgedOutlivesTheServer(t *testing.T) {
	t.Parallel()
	server.Need(t)
	own, err := dbserver.Start(dbserver.Redis)
	require.NoError(t, err)
	defer own.Close()
	store, err := redisstore.Open(t.Context(), client(t, own), redisstore.Config{})
	require.NoError(t, err)
	g, err := store.Begin(t.Context(), begin)
	require.NoError(t, err)
	require.NoError(t, own.Down())
	err = store.End(t.Context(), "k", g.Record.Token, idempotency.Done, []byte("1"))
	require.ErrorIs(t, err, commerce.ErrUnavailable)
	_, err = store.Get(t.Context(), "k")
	require.ErrorIs(t, err, commerce.ErrUnavailable)
	require.NoError(t, own.Up())
	require.NoError(t, store.End(t.Context(), "k", g.Record.Token, idempotency.Done, []byte("1")))
	rec, err := store.Get(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, idempotency.Done, rec.State)
}

func TestACallerWhoGaveUpIsToldNotSent(t *testing.T) {
	t.Parallel()
	store := open(t, config())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := store.Begin(ctx, begin)
	require.ErrorIs(t, err, context.Canceled)
	require.True(t, commerce.SafeToRetry(err))
}

func TestAListIsWholeWhileItsKeysChange(t *testing.T) {
	t.Parallel()
	clk := clock.At(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC))
	c := config()
	c.Now = clk.Now
	store := open(t, c)
	const many = 450 // all of one moment
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := w; i < many; i += 4 {
				r := begin
				r.Key = fmt.Sprintf("k/%03d", i)
				_, err := store.Begin(t.Context(), r)
				if err != nil {
					t.Errorf("begin: %v", err)
				}
			}
		})
	}
	wg.Wait()
	clk.Advance(time.Second)
	seen := map[string]bool{}
	for rec, err := range store.List(t.Context(), "k/", time.Time{}) {
		require.NoError(t, err)
		seen[rec.Key] = true
		if len(seen) < 100 {
			_, err := store.Settle(t.Context(), rec.Key, nil) // moves to the end
			require.NoError(t, err)
		}
	}
	require.Len(t, seen, many)
}
