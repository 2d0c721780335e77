// Command bench measures the library beside what most programs do, in turn, and says
// how many times better it is.
//
//	go run .                      the whole table; make bench does this
//	go run . -rows ingest,policy  only rows whose name contains one of these
//	go run . -rows reconcile -large   ten million rows too
//	go run . -json                one figure a line, for docs/figures (see package figures)
//	go run . -write ../../docs    writes figures.md there from figures/*.jsonl
//	go test -v -json … | go run . -write ../../docs -take kill -command 'make kill'
//	                              puts what a harness said there too; KEEP=1 make kill does this
//
// "plain" is what most programs do: net/http, stripe-go's ConstructEvent, one
// INSERT … ON CONFLICT DO NOTHING a request through a pool of pgx with as many
// connections as callers. Servers run in processes of their own and are sent signed
// events of 4 kB over loopback, every tenth of which came before. Only ratios within one
// run count: a figure is the median of its rounds, a ratio the median of the rounds'
// ratios. A payout is reconciled in a process of its own each time, beside a map of structs on
// the same reader and beside SQLite. PostgreSQL and MariaDB are started from the installed programs with the
// durability they have by default; rows of a server that is missing are left out.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/commercesync/commerce/internal/bench/figures"
)

func main() {
	if text := os.Getenv(childVariable); text != "" {
		if err := serveChild(text); err != nil {
			fmt.Fprintln(os.Stderr, "bench server:", err)
			os.Exit(1)
		}
		return
	}
	b := &bench{}
	flag.IntVar(&b.rounds, "rounds", 5, "rounds of each row")
	flag.DurationVar(&b.each, "each", time.Second, "how long one way is measured in one round")
	flag.IntVar(&b.events, "events", 100_000, "events of the row on growth")
	flag.IntVar(&b.month, "month", 1_000_000, "rows of the payout that is reconciled, and its orders")
	flag.BoolVar(&b.large, "large", false, "reconcile ten times as many too; takes 8 GB of disk")
	asJSON := flag.Bool("json", false, "print one JSON object a figure")
	rows := flag.String("rows", "", "measure only rows whose name contains one of these, comma separated")
	write := flag.String("write", "", "write figures.md in this directory, and measure nothing")
	take := flag.String("take", "", "put the output of go test -v -json on the standard input into figures/NAME.jsonl")
	command := flag.String("command", "", "what reproduces what is taken")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	var err error
	switch {
	case *take != "":
		err = b.take(*write, *take, *command)
	case *write != "":
		err = figures.Write(*write)
	default:
		err = b.run(ctx, *rows, *asJSON)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// take keeps what a harness said.
func (b *bench) take(dir, name, command string) error {
	b.busy = busy()
	list, err := figures.Take(os.Stdin, os.Stdout, command, time.Now().UTC().Format(time.DateOnly), commit(), b.machine())
	if len(list) == 0 {
		return err
	}
	return errors.Join(err, figures.Keep(dir, name, list))
}

// row measures one or some figures. It is run where its name is wanted.
type row struct {
	name string
	run  func(b *bench, ctx context.Context) error
}

// All rows, in the order of the table.
var rows = []row{
	{"ingest 64 connections", func(b *bench, ctx context.Context) error { return b.ingest(ctx, 64) }},
	{"ingest 16 connections", func(b *bench, ctx context.Context) error { return b.ingest(ctx, 16) }},
	{"ingest 1 connection", func(b *bench, ctx context.Context) error { return b.ingest(ctx, 1) }},
	{"ingest far database", (*bench).ingestFar},
	{"handled once", (*bench).handled},
	{"store call", (*bench).storeCall},
	{"claim and complete", (*bench).claimComplete},
	{"verify and peek", (*bench).verify},
	{"order", (*bench).order},
	{"policy", (*bench).policy},
	{"reconcile", (*bench).reconcile},
	{"growth", (*bench).growth},
}

func (b *bench) run(ctx context.Context, wanted string, asJSON bool) error {
	dir, err := os.MkdirTemp("", "commerce-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b.dir = dir
	defer b.close()
	b.date, b.commit, b.busy = time.Now().UTC().Format(time.DateOnly), commit(), busy()
	for _, r := range rows {
		if !wants(wanted, r.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s …\n", r.name)
		if err := r.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	machine := b.machine()
	if asJSON {
		out := json.NewEncoder(os.Stdout)
		out.SetEscapeHTML(false)
		for _, f := range b.figures {
			f.Machine = machine
			if err := out.Encode(f); err != nil {
				return err
			}
		}
		return nil
	}
	fmt.Fprintln(os.Stdout, machine+", commit "+b.commit)
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, f := range b.figures {
		fmt.Fprintln(t, strings.Join([]string{f.Figure, f.Value, f.Control, f.Ratio, f.Goal, f.Verdict()}, "\t"))
	}
	return t.Flush()
}

func wants(list, name string) bool {
	for part := range strings.SplitSeq(list, ",") {
		if strings.Contains(name, strings.TrimSpace(part)) {
			return true
		}
	}
	return false
}

// commit names what is measured.
func commit() string {
	out, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	name := strings.TrimSpace(string(out))
	if dirty, err := exec.Command("git", "status", "--porcelain", "--untracked-files=no", ":/", ":(top,exclude)docs").Output(); err != nil || len(dirty) > 0 {
		name += "+"
	}
	return name
}

// machine says where it was measured.
func (b *bench) machine() string {
	parts := []string{fmt.Sprintf("%d cores of %s", runtime.NumCPU(), processor()), runtime.GOOS, runtime.Version()}
	return strings.Join(slices.Concat(parts, b.versions, b.busy), ", ")
}

// busy says how many programs wanted a processor when the run began: above the number
// of cores the others are measured too. nil where the system has no /proc.
func busy() []string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return nil
	}
	return []string{"load " + strings.Fields(string(text))[0] + " at the beginning"}
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	if _, rest, ok := strings.Cut(string(text), "model name"); ok {
		_, name, _ := strings.Cut(strings.SplitN(rest, "\n", 2)[0], ":")
		return strings.TrimSpace(name)
	}
	return runtime.GOARCH
}
