package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/internal/bench/ingest"
	"github.com/commercesync/commerce/internal/integration/dbserver"
)

// event is one of 4 kB that no store has seen.
func event() commerce.Event {
	n := events.Add(1)
	id := fmt.Sprintf("%016x", n*0x9E3779B97F4A7C15)
	return commerce.Event{
		Ref:  commerce.Ref{System: "stripe", Account: "acct_1", Mode: commerce.Test, ID: "evt_" + id},
		Type: "charge.succeeded", Object: "ch_" + id, Subject: "pi_" + id, APIVersion: "2023-10-16",
		Created: time.Unix(1795268453, 0), Raw: template,
	}
}

// storeCall has 64 callers append one event each, beside pgbench, whose every
// statement adds 100 rows of the same size.
func (b *bench) storeCall(ctx context.Context) error {
	pgbench := programOf(dbserver.PostgreSQL, "pgbench")
	if pgbench == "" {
		fmt.Fprintln(os.Stderr, "without pgbench")
		return nil
	}
	ours, err := b.database(ctx, dbserver.PostgreSQL)
	if err != nil || ours == "" {
		return err
	}
	theirs, err := b.database(ctx, dbserver.PostgreSQL)
	if err != nil {
		return err
	}
	pool, db, err := ingest.Open(ctx, ours, 16)
	if err != nil {
		return err
	}
	defer pool.Close()
	in, err := inbox.New(db.Inbox(), inbox.Config{})
	if err != nil {
		return err
	}
	script, err := b.pgbenchScript(ctx, theirs)
	if err != nil {
		return err
	}
	got, err := interleaved(ctx, b, func(d time.Duration) (float64, error) {
		if err := b.settle(ctx); err != nil {
			return 0, err
		}
		return callers(64, d, func() (int, error) { _, err := in.Append(ctx, event()); return 1, err })
	}, func(d time.Duration) (float64, error) {
		if err := b.settle(ctx); err != nil {
			return 0, err
		}
		return runPgbench(ctx, pgbench, theirs, script, d)
	})
	if err != nil {
		return err
	}
	b.found("store call, 64 callers, PostgreSQL", perSecond(median(got[0])), "pgbench at 100 rows a statement "+perSecond(median(got[1])), ratio(got[0], got[1]), 0.9)
	return nil
}

// callers calls from so many goroutines for a time and returns how much came of it a second.
func callers(n int, d time.Duration, call func() (int, error)) (float64, error) {
	var all sync.WaitGroup
	counts, errs := make([]int, n), make([]error, n)
	began := time.Now()
	for i := range n {
		all.Go(func() {
			for time.Since(began) < d && errs[i] == nil {
				var k int
				k, errs[i] = call()
				counts[i] += k
			}
		})
	}
	all.Wait()
	sum := 0
	for _, k := range counts {
		sum += k
	}
	return float64(sum) / time.Since(began).Seconds(), errors.Join(errs...)
}

// programOf finds a program in the path, or beside PostgreSQL's own; "" = nowhere.
func programOf(_ *dbserver.Kind, name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) == 0 {
		return ""
	}
	return found[len(found)-1]
}

// pgbenchRows is how many rows each of pgbench's statements adds.
const pgbenchRows = 100

// pgbenchScript makes the table and the script. The body travels once for each row.
func (b *bench) pgbenchScript(ctx context.Context, dsn string) (string, error) {
	pool, err := sql.Open("pgx", dsn)
	if err != nil {
		return "", err
	}
	defer pool.Close()
	for _, text := range []string{"CREATE SEQUENCE rows",
		"CREATE TABLE events (id text PRIMARY KEY, body bytea COMPRESSION lz4 NOT NULL)"} {
		if _, err := pool.ExecContext(ctx, text); err != nil {
			return "", err
		}
	}
	one := "('evt_' || nextval('rows'), :body)"
	path := filepath.Join(b.dir, "pgbench.sql")
	return path, os.WriteFile(path, []byte("INSERT INTO events VALUES "+one+strings.Repeat(", "+one, pgbenchRows-1)+" ON CONFLICT DO NOTHING;\n"), 0o600)
}

// runPgbench returns rows a second.
func runPgbench(ctx context.Context, program, dsn, script string, d time.Duration) (float64, error) {
	seconds := strconv.Itoa(max(1, int(d.Round(time.Second).Seconds())))
	out, err := exec.CommandContext(ctx, program, "-n", "-M", "prepared", "-c", "1", "-T", seconds,
		"-f", script, "-D", "body="+string(template), dsn).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%w: %s", err, out)
	}
	_, rest, ok := strings.Cut(string(out), "tps = ")
	if !ok {
		return 0, fmt.Errorf("pgbench said no tps: %s", out)
	}
	tps, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	return tps * pgbenchRows, err
}

// claimRoots are how many roots a claim asks for.
var claimRoots = []int{1, 16}

// claimComplete takes events and ends them, beside the two statements that this takes
// at least: an UPDATE of the oldest ready rows that nobody has, and one that ends them.
func (b *bench) claimComplete(ctx context.Context) error {
	ours, err := b.database(ctx, dbserver.PostgreSQL)
	if err != nil || ours == "" {
		return err
	}
	for _, roots := range claimRoots {
		bare, err := b.bareQueue(ctx, roots)
		if err != nil {
			return err
		}
		pool, db, err := ingest.Open(ctx, ours, 16)
		if err != nil {
			return err
		}
		defer pool.Close()
		store := db.Inbox()
		if err := fill(ctx, store, int(2500*b.each.Seconds()*float64(b.rounds+1))*min(roots, 4)); err != nil {
			return err
		}
		got, err := interleaved(ctx, b, func(d time.Duration) (float64, error) {
			return callers(1, d, func() (int, error) { return takeAndEnd(ctx, store, roots) })
		}, func(d time.Duration) (float64, error) { return callers(1, d, bare) })
		if err != nil {
			return err
		}
		b.found(fmt.Sprintf("claim and complete, %d at once, PostgreSQL", roots), perSecond(median(got[0])), "two bare statements "+perSecond(median(got[1])),
			1/ratio(got[0], got[1]), -1.1)
	}
	return nil
}

func fill(ctx context.Context, store inbox.Store, n int) error {
	for range n/250 + 1 {
		b := inbox.Batch{ID: fmt.Sprint(events.Add(1))}
		for range 250 {
			b.Events = append(b.Events, event())
		}
		if _, err := store.Append(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

func takeAndEnd(ctx context.Context, store inbox.Store, roots int) (int, error) {
	claims, err := store.Claim(ctx, inbox.ClaimRequest{Owner: "bench", Roots: roots, Events: 16, Lease: time.Minute})
	if err == nil && len(claims) < roots {
		err = fill(ctx, store, 1000)
	}
	if err != nil {
		return 0, err
	}
	ends := make(chan error)
	for _, c := range claims {
		go func() {
			ends <- store.Finish(ctx, c.Lease, []inbox.Ending{{Seq: c.Events[0].Seq, Generation: c.Events[0].Generation, State: inbox.Done, Release: true}})
		}()
	}
	for range claims {
		err = errors.Join(err, <-ends)
	}
	return len(claims), err
}

// bareQueue is a table of jobs and the two statements.
func (b *bench) bareQueue(ctx context.Context, n int) (func() (int, error), error) {
	dsn, err := b.database(ctx, dbserver.PostgreSQL)
	if err != nil {
		return nil, err
	}
	pool, err := sql.Open("pgx", dsn)
	if err != nil {
		return nil, err
	}
	for _, text := range []string{
		"CREATE TABLE jobs (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, state text NOT NULL, body bytea COMPRESSION lz4 NOT NULL)",
		"CREATE INDEX ready ON jobs (id) WHERE state = 'ready'",
	} {
		if _, err := pool.ExecContext(ctx, text); err != nil {
			return nil, err
		}
	}
	add := func(n int) error {
		_, err := pool.ExecContext(ctx, "INSERT INTO jobs (state, body) SELECT 'ready', $1 FROM generate_series(1, $2)", template, n)
		return err
	}
	return func() (int, error) {
		rows, err := pool.QueryContext(ctx, `UPDATE jobs SET state = 'taken' WHERE id IN
			(SELECT id FROM jobs WHERE state = 'ready' ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING id, body`, n)
		if err != nil {
			return 0, err
		}
		defer rows.Close()
		var ids []int64
		for rows.Next() {
			var id int64
			var body []byte
			if err := rows.Scan(&id, &body); err != nil {
				return 0, err
			}
			ids = append(ids, id)
		}
		if err := rows.Err(); err != nil {
			return 0, err
		}
		if len(ids) < n {
			if err := add(10_000); err != nil {
				return 0, err
			}
		}
		_, err = pool.ExecContext(ctx, "UPDATE jobs SET state = 'done' WHERE id = ANY ($1)", ids)
		return len(ids), err
	}, add(20_000)
}
