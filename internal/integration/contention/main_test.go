// Package contention_test lets goroutines and processes want the same keys at the same
// moment, on every store of operations, and counts at a far side how often each effect
// was made.
//
//	FULL=1 KEYS=100000 go test ./contention -v -timeout 60m
package contention_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/idempotency/redisstore"
	"github.com/commercesync/commerce/internal/integration/dbserver"
	"github.com/commercesync/commerce/sqlstore"
)

var (
	databases   []dbserver.Database
	redisServer *dbserver.Server
)

func TestMain(m *testing.M) {
	if spec := os.Getenv(childEnv); spec != "" {
		os.Exit(child(spec))
	}
	var stop, stopRedis func()
	databases, stop = dbserver.Databases()
	redisServer, stopRedis = dbserver.Main(dbserver.Redis)
	code := m.Run()
	stop()
	stopRedis()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			println(err.Error())
			code = 1
		}
	}
	os.Exit(code)
}

// number is a size: from the environment, else the full or the small one.
func number(t testing.TB, env string, small, full int) int {
	t.Helper()
	text := os.Getenv(env)
	if text == "" {
		if os.Getenv("FULL") != "" {
			return full
		}
		return small
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, env)
	return n
}

// place says where a store is; a process can be told.
type place struct{ Driver, DSN string }

// places are the stores of operations; the memory is no other process's.
func places() map[string]func(t testing.TB) place {
	out := map[string]func(t testing.TB) place{
		"memory": func(testing.TB) place { return place{} },
		"Redis": func(t testing.TB) place {
			redisServer.Need(t)
			return place{"redis", redisServer.DSN("")}
		},
	}
	for _, d := range databases {
		out[d.Name] = func(t testing.TB) place { return place{d.Driver, d.DSN(t)} }
	}
	return out
}

func eachPlace(t *testing.T, test func(t *testing.T, p place)) {
	for name, open := range places() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// open opens a store; prefix keeps the keys of a test apart where the place is shared.
func (p place) open(ctx context.Context, prefix string) (idempotency.Store, func(), error) {
	dialects := map[string]sqlstore.Dialect{"sqlite": sqlstore.SQLite, "pgx": sqlstore.PostgreSQL, "mysql": sqlstore.MySQL}
	switch p.Driver {
	case "":
		return idempotency.NewMemory(nil), func() {}, nil
	case "redis":
		client := redis.NewClient(&redis.Options{Addr: p.DSN, MaxRetries: -1})
		s, err := redisstore.Open(ctx, client, redisstore.Config{Prefix: "{" + prefix + "}:"})
		return s, func() { _ = client.Close() }, err
	}
	pool, err := sql.Open(p.Driver, p.DSN)
	if err != nil {
		return nil, nil, err
	}
	pool.SetMaxOpenConns(16)
	db, err := sqlstore.Open(ctx, pool, dialects[p.Driver], sqlstore.Config{})
	if err != nil {
		_ = pool.Close()
		return nil, nil, err
	}
	return db.Steps(), func() { _ = pool.Close() }, nil
}

// job is what a process is told.
type job struct {
	Place    place
	Prefix   string
	Far      string // where effects are made
	Callers  int
	Keys     int
	Paused   bool // one caller, who tells before it acts and waits for a word
	Unfenced bool // who acts also when its time is over
}

const childEnv = "COMMERCE_CONTENTION"

func (j job) String() string {
	b, err := json.Marshal(j)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// child is the whole life of a process; it prints its tally.
func child(spec string) int {
	var j job
	if err := json.Unmarshal([]byte(spec), &j); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx := context.Background()
	store, closeStore, err := j.Place.open(ctx, j.Prefix)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer closeStore()
	if j.Paused {
		fmt.Println("ended", paused(ctx, store, j))
		return 0
	}
	out, err := json.Marshal(contend(ctx, store, j))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(string(out))
	return 0
}
