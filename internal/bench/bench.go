package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/commercesync/commerce/internal/bench/figures"
	"github.com/commercesync/commerce/internal/integration/dbserver"
)

// bench is one run.
type bench struct {
	rounds int
	each   time.Duration
	events int
	month  int
	large  bool

	dir      string // for SQLite's files
	files    int
	servers  map[*dbserver.Kind]*dbserver.Server // those that were asked for; nil = missing
	versions []string
	figures  []figures.Figure

	date, commit string
	busy         []string
}

// database makes an empty database, on a server that is started when it is first asked
// for; "" where the server is not installed.
func (b *bench) database(ctx context.Context, k *dbserver.Kind) (dsn string, err error) {
	s, asked := b.servers[k]
	if !asked {
		if s, err = dbserver.Start(k); err != nil && !errors.Is(err, dbserver.ErrMissing) {
			return "", err
		}
		if b.servers == nil {
			b.servers = map[*dbserver.Kind]*dbserver.Server{}
		}
		b.servers[k] = s
		if s == nil {
			fmt.Fprintln(os.Stderr, "without", k.Driver+":", err)
		}
	}
	if s == nil {
		return "", nil
	}
	pool, err := sql.Open(k.Driver, s.DSN(first[k]))
	if err != nil {
		return "", err
	}
	defer pool.Close()
	if !asked {
		var version string
		if err := pool.QueryRowContext(ctx, "SELECT version()").Scan(&version); err != nil {
			return "", err
		}
		b.versions = append(b.versions, strings.SplitN(version, " (", 2)[0])
	}
	b.files++
	name := "bench_" + strconv.Itoa(b.files)
	_, err = pool.ExecContext(ctx, "CREATE DATABASE "+name)
	return s.DSN(name), err
}

// first is a database that is always there.
var first = map[*dbserver.Kind]string{dbserver.PostgreSQL: "postgres", dbserver.MariaDB: "mysql"}

func (b *bench) close() {
	for _, s := range b.servers {
		if s != nil {
			s.Close()
		}
	}
}

// file names a fresh SQLite file.
func (b *bench) file() string {
	b.files++
	return b.dir + "/store-" + strconv.Itoa(b.files) + ".db"
}

// interleaved measures each way once a round, in an order that turns, after a short run
// that does not count. The result is by way, then by round.
func interleaved[T any](ctx context.Context, b *bench, measure ...func(d time.Duration) (T, error)) ([][]T, error) {
	for _, m := range measure {
		if _, err := m(b.each / 4); err != nil {
			return nil, err
		}
	}
	out := make([][]T, len(measure))
	for r := range b.rounds {
		for i := range measure {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			i = (i + r) % len(measure)
			got, err := measure[i](b.each)
			if err != nil {
				return nil, err
			}
			out[i] = append(out[i], got)
		}
	}
	return out, nil
}

func median[T cmp.Ordered](list []T) T {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/2]
}

// of returns one number of every sample.
func of[T any, N any](list []T, f func(T) N) []N {
	out := make([]N, len(list))
	for i, x := range list {
		out[i] = f(x)
	}
	return out
}

// ratio is the median of the rounds' ratios.
func ratio(ours, control []float64) float64 {
	each := make([]float64, len(ours))
	for i := range ours {
		each[i] = ours[i] / control[i]
	}
	return median(each)
}

// found adds a figure. goal is met where ratio is not below it; a negative one where
// ratio is not above its amount; 0 = none.
func (b *bench) found(name, value, control string, ratio, goal float64) {
	f := figures.Figure{Figure: name, Value: value, Control: control, Size: fmt.Sprintf("%d rounds of %s", b.rounds, b.each),
		Command: "make bench", Date: b.date, Commit: b.commit}
	if ratio != 0 {
		f.Ratio = fmt.Sprintf("%.2f", ratio)
	}
	switch {
	case goal > 0:
		f.Goal, f.Met = fmt.Sprintf("≥ %g", goal), new(ratio >= goal)
	case goal < 0:
		f.Goal, f.Met = fmt.Sprintf("≤ %g", -goal), new(ratio <= -goal)
	}
	b.figures = append(b.figures, f)
}

// perSecond writes a rate.
func perSecond(n float64) string { return fmt.Sprintf("%.0f/s", math.Round(n)) }

// short writes a time with two digits behind the point.
func short(d time.Duration) string {
	switch {
	case d < time.Microsecond:
		return fmt.Sprintf("%d ns", d.Nanoseconds())
	case d < time.Millisecond:
		return fmt.Sprintf("%.2f µs", d.Seconds()*1e6)
	}
	return fmt.Sprintf("%.2f ms", d.Seconds()*1e3)
}
