package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/commercesync/commerce/internal/bench/ingest"
	"github.com/commercesync/commerce/internal/integration/dbserver"
)

// way is one server under load.
type way struct {
	name string
	goal float64 // of its rate by that of the first way
	tail float64 // of its p99 by that of the first way; 0 = none
	role role
	*child
}

// overload loads servers in turn with so many connections, and finds how much more than
// the first, the plain one, the others take in.
func (b *bench) overload(ctx context.Context, title string, connections int, ways []way) (err error) {
	var measure []func(time.Duration) (taken, error)
	for i := range ways {
		w := &ways[i]
		if w.child, err = start(w.role); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, w.child.stop()) }()
		measure = append(measure, func(d time.Duration) (taken, error) {
			if err := b.settle(ctx); err != nil {
				return taken{}, err
			}
			return load(ctx, w.addr, connections, d, 0)
		})
	}
	got, err := interleaved(ctx, b, measure...)
	if err != nil {
		return err
	}
	p99 := func(t taken) float64 { return t.p99.Seconds() }
	say := func(list []taken) string {
		return perSecond(median(of(list, taken.rate))) + ", p99 " + short(median(of(list, func(t taken) time.Duration { return t.p99 })))
	}
	plain := ways[0].name + " " + say(got[0])
	for i, w := range ways[1:] {
		list := got[i+1]
		b.found(title+", "+w.name, say(list), plain, ratio(of(list, taken.rate), of(got[0], taken.rate)), w.goal)
		if w.tail != 0 {
			tail := ratio(of(list, p99), of(got[0], p99))
			b.found(title+", "+w.name+": p99", short(median(of(list, func(t taken) time.Duration { return t.p99 }))),
				short(median(of(got[0], func(t taken) time.Duration { return t.p99 }))), tail, -w.tail)
		}
	}
	return b.memory(title, ways)
}

// memory compares what the processes of the plain way and of ours took at most.
func (b *bench) memory(title string, ways []way) error {
	_, plain := ways[0].resident()
	for _, w := range ways[1:] {
		_, most := w.resident()
		if w.tail == 0 || most == 0 {
			continue
		}
		b.found(title+", "+w.name+": memory", megabytes(most), "plain "+megabytes(plain), 0, 0)
		f := &b.figures[len(b.figures)-1]
		f.Goal, f.Met = "≤ plain + 10 MB", new(most <= plain+10<<20)
	}
	return nil
}

func megabytes(n int) string { return fmt.Sprintf("%.1f MB", float64(n)/(1<<20)) }

// settle writes out what the database still holds back, so that nobody pays for the
// one before.
func (b *bench) settle(ctx context.Context) error {
	s := b.servers[dbserver.PostgreSQL]
	if s == nil {
		return nil
	}
	pool, err := sql.Open("pgx", s.DSN("postgres"))
	if err != nil {
		return err
	}
	defer pool.Close()
	_, err = pool.ExecContext(ctx, "CHECKPOINT")
	return err
}

// goals of HTTP ingest by connections: PostgreSQL, its p99, and SQLite.
var goals = map[int]struct{ rate, tail, sqlite float64 }{64: {2.5, 0.5, 3.5}, 16: {2, 0, 3}, 1: {1.3, 0, 0}}

func (b *bench) ingest(ctx context.Context, connections int) error {
	plain, err := b.database(ctx, dbserver.PostgreSQL)
	if err != nil || plain == "" {
		return err
	}
	ours, err := b.database(ctx, dbserver.PostgreSQL)
	if err != nil {
		return err
	}
	maria, err := b.database(ctx, dbserver.MariaDB)
	if err != nil {
		return err
	}
	goal := goals[connections]
	ways := []way{
		{name: "plain on PostgreSQL", role: role{Plain: true, Config: ingest.Config{DB: plain, Secret: secret, Pool: connections}}},
		{name: "PostgreSQL", goal: goal.rate, tail: goal.tail, role: role{Config: ingest.Config{DB: ours, Secret: secret}}},
	}
	if connections > 1 {
		ways = append(ways, way{name: "SQLite", goal: goal.sqlite, role: role{Config: ingest.Config{DB: b.file(), Secret: secret}}})
		if maria != "" {
			ways = append(ways, way{name: "MariaDB", role: role{Config: ingest.Config{DB: maria, Secret: secret}}})
		}
	}
	title := fmt.Sprintf("HTTP ingest, %d connections", connections)
	if connections == 1 {
		title = "HTTP ingest, 1 connection"
	}
	return b.overload(ctx, title, connections, ways)
}

// ingestFar is the same with a database 1 ms away and a pool of 4.
func (b *bench) ingestFar(ctx context.Context) error {
	var dsns []string
	for range 2 {
		dsn, err := b.database(ctx, dbserver.PostgreSQL)
		if err != nil || dsn == "" {
			return err
		}
		at, err := url.Parse(dsn)
		if err != nil {
			return err
		}
		f, err := newFar(at.Host, time.Millisecond)
		if err != nil {
			return err
		}
		defer f.close()
		at.Host = f.l.Addr().String()
		dsns = append(dsns, at.String())
	}
	return b.overload(ctx, "HTTP ingest, 64 connections, database 1 ms away, pool of 4", 64, []way{
		{name: "plain on PostgreSQL", role: role{Plain: true, Config: ingest.Config{DB: dsns[0], Secret: secret, Pool: 4}}},
		{name: "PostgreSQL", goal: 5, role: role{Config: ingest.Config{DB: dsns[1], Secret: secret, Pool: 4, Commits: 4}}},
	})
}

// handledWorkers is how many roots the worker may have in hand.
const handledWorkers = 64

// handled loads a server that also works what it takes in.
func (b *bench) handled(ctx context.Context) error {
	dsn, err := b.database(ctx, dbserver.PostgreSQL)
	if err != nil {
		return err
	}
	stores := []struct{ name, dsn string }{{"SQLite", b.file()}}
	if dsn != "" {
		stores = append(stores, struct{ name, dsn string }{"PostgreSQL", dsn})
	}
	type share struct{ stored, handled float64 }
	for _, s := range stores {
		c, err := start(role{Config: ingest.Config{DB: s.dsn, Secret: secret, Workers: handledWorkers}})
		if err != nil {
			return err
		}
		got, err := interleaved(ctx, b, func(d time.Duration) (share, error) {
			before, err := c.stats()
			if err != nil {
				return share{}, err
			}
			t, err := load(ctx, c.addr, 16, d, 0)
			if err != nil {
				return share{}, err
			}
			now, err := c.stats()
			if err != nil {
				return share{}, err
			}
			if n := int(now.Stored - before.Stored); n != t.distinct {
				return share{}, fmt.Errorf("%d events were sent and %d stored", t.distinct, n)
			}
			return share{float64(now.Stored-before.Stored) / t.took.Seconds(), float64(now.Handled-before.Handled) / t.took.Seconds()}, c.drained(ctx)
		})
		if err := errors.Join(err, c.stop()); err != nil {
			return err
		}
		stored, handled := of(got[0], func(s share) float64 { return s.stored }), of(got[0], func(s share) float64 { return s.handled })
		b.found("handled once, 16 connections, "+s.name, perSecond(median(handled)), "taken in meanwhile "+perSecond(median(stored)), ratio(handled, stored), 0.95)
	}
	return nil
}

// drained waits until everything that is stored is handled, once.
func (c *child) drained(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		s, err := c.stats()
		switch {
		case err != nil:
			return err
		case s.Handled > s.Stored:
			return fmt.Errorf("%d were handled and %d stored", s.Handled, s.Stored)
		case s.Handled == s.Stored:
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("of %d stored %d were handled in a minute", s.Stored, s.Handled)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// growth sends many events and compares the process's memory after a quarter of them
// with that at the end.
func (b *bench) growth(ctx context.Context) (err error) {
	dsn, err := b.database(ctx, dbserver.PostgreSQL)
	if err != nil || dsn == "" {
		return err
	}
	c, err := start(role{Config: ingest.Config{DB: dsn, Secret: secret}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	const parts = 20
	var most []int
	for range parts {
		if _, err := load(ctx, c.addr, 64, time.Hour, b.events/parts); err != nil {
			return err
		}
		now, _ := c.resident()
		most = append(most, now)
	}
	warm, end := median(most[parts/4:parts/2]), median(most[3*parts/4:])
	b.found("memory of the ingest process, its growth", megabytes(end-warm), "after warm-up "+megabytes(warm), 0, 0)
	f := &b.figures[len(b.figures)-1]
	f.Size, f.Command = fmt.Sprintf("%d events", b.events), fmt.Sprintf("make bench ARGS='-rows growth -events %d'", b.events)
	f.Goal, f.Met = "none (≤ 1 MB)", new(end-warm <= 1<<20)
	return nil
}
