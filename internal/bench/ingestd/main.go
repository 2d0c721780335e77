// Command ingestd serves the library's webhook endpoint on a store, so that any load
// generator can be pointed at it.
//
//	go run ./ingestd -addr 127.0.0.1:8080 -db shop.db -secret whsec_1
//	go run ./ingestd -addr 127.0.0.1:8080 -db postgres://postgres@127.0.0.1/shop -secret whsec_1
//	go run ./ingestd -addr 127.0.0.1:8080 -db 'root@tcp(127.0.0.1:3306)/shop' -secret whsec_1
//
// It takes Stripe's signed deliveries with POST at any path and answers 200 once the
// event's commit is known. Workers handle each event with a handler that does nothing;
// -workers 0 leaves them stored. GET /stats answers
//
//	{"stored":12000,"handled":11990}
//
// events in the database, each once, and how many of them have ended. The tables are
// made where they are missing, and what is in them counts. SIGINT and SIGTERM end it:
// requests that were begun are answered first, and work in hand is finished.
//
// The address it listens on is printed, so that port 0 may be asked for.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/commercesync/commerce/internal/bench/ingest"
)

func main() {
	var c ingest.Config
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on")
	flag.StringVar(&c.DB, "db", "", "path of an SQLite file, postgres://… or user:password@tcp(host)/database")
	flag.StringVar(&c.Secret, "secret", "", "signing secret (whsec_…)")
	flag.IntVar(&c.Pool, "pool", 16, "connections to the database")
	flag.IntVar(&c.Commits, "commits", 1, "batches on their way at the same moment; a database far away wants some more")
	flag.IntVar(&c.Workers, "workers", 64, "roots worked at the same moment; 0 = events are only stored")
	flag.Parse()
	if err := run(*addr, c); err != nil {
		fmt.Fprintln(os.Stderr, "ingestd:", err)
		os.Exit(1)
	}
}

func run(addr string, c ingest.Config) error {
	if c.DB == "" || c.Secret == "" {
		return fmt.Errorf("-db and -secret must be set")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stdout, l.Addr())
	return ingest.Serve(ctx, l, c)
}
