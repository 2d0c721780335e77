// Command reconcile explains one payout of Stripe to the last cent: what is in it, which
// order and which ERP document each row belongs to, and by what the sides differ.
//
//	go run ./examples/reconcile -demo 100000 -seed 3 -html payout.html
//	go run ./examples/reconcile -csv report.csv -orders orders.csv -bank "12345.67 EUR" -html payout.html
//	STRIPE_KEY=sk_… go run ./examples/reconcile -payout po_… -orders orders.csv -erp erp.csv -out discrepancies.csv
//
// With -demo it makes a payout with orders and ERP documents, plants discrepancies of every
// reason, and fails unless each is reported once and no other.
//
// With -csv the rows are those of Stripe's report payout_reconciliation.itemized, saved as
// CSV. The report does not say what arrived at the bank; -bank does, from the bank's
// own statement. One that covers several payouts needs -payout to say which.
//
// With -payout alone the rows are read from Stripe: STRIPE_KEY is a secret or restricted
// key that may read payouts and balance transactions. STRIPE_ACCOUNT is a connected account
// to act for, STRIPE_URL another base URL than Stripe's own, for tests.
//
// Orders and ERP documents are CSV with the columns that reconcile.Orders documents: amount,
// currency, date, and id or number; payment with pi_…, ch_… or re_…, as the shop keeps it.
//
// It ends with 0 where the rows explain the payout, with 1 where they do not, or where it
// could not be read, and with 2 for flags that say nothing.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/term"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	p := program{stdout: os.Stdout, stderr: os.Stderr, env: os.Getenv, bars: term.IsTerminal(int(os.Stderr.Fd()))}
	if width, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
		p.width = min(max(width, 60), 120)
	}
	os.Exit(p.main(ctx, os.Args[1:]))
}

// program is the world of a run.
type program struct {
	stdout, stderr io.Writer
	env            func(string) string
	bars           bool // show progress on stderr
	width          int  // of the terminal; 0 = not known
}

// options are the flags.
type options struct {
	payout, csv, bank  string
	orders, erp        string
	from               string
	demo               int
	seed               uint64
	keep               string
	html, out, matches string
	jsonl, color       bool
}

// main runs and returns the exit code.
func (p program) main(ctx context.Context, args []string) int {
	o, err := parse(args, p.stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(p.stderr, "reconcile:", strings.TrimPrefix(err.Error(), "reconcile: "))
		return 2
	}
	run := p.run
	if o.demo != 0 {
		run = p.demo
	}
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(p.stderr, "reconcile:", strings.TrimPrefix(err.Error(), "reconcile: "))
		return 1
	}
	return 0
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("reconcile", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.payout, "payout", "", "po_…: read it from Stripe by STRIPE_KEY; with -csv, which of the report's payouts")
	f.StringVar(&o.csv, "csv", "", "Stripe's payout reconciliation report, itemised, as CSV")
	f.StringVar(&o.bank, "bank", "", "with -csv: what arrived at the bank, \"12345.67 EUR\" (default: what the rows make)")
	f.StringVar(&o.orders, "orders", "", "CSV of the shop's orders and credit memos")
	f.StringVar(&o.erp, "erp", "", "CSV of the ERP's invoices and credit notes")
	f.StringVar(&o.from, "from", "", "2026-11-01: earlier orders were paid out by earlier payouts (default: every order counts)")
	f.IntVar(&o.demo, "demo", 0, "make a payout of so many rows with discrepancies of every reason, and check that all are found")
	f.Uint64Var(&o.seed, "seed", 1, "with -demo: draws the same payout again")
	f.StringVar(&o.keep, "keep", "", "with -demo: directory to keep its files in")
	f.StringVar(&o.html, "html", "", "write a page for a person")
	f.StringVar(&o.out, "out", "", "write all discrepancies as CSV")
	f.StringVar(&o.matches, "matches", "", "write all that belongs together as CSV")
	f.BoolVar(&o.jsonl, "jsonl", false, "print JSON Lines in place of the table")
	f.BoolVar(&o.color, "color", false, "paint the table")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	given := map[string]bool{}
	f.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if f.NArg() > 0 {
		return o, fmt.Errorf("%q is no flag; file names go behind one, like -csv report.csv", f.Arg(0))
	}
	if given["demo"] {
		for _, name := range []string{"payout", "csv", "bank", "orders", "erp", "from"} {
			if given[name] {
				return o, fmt.Errorf("-demo makes its own files: leave -%s out", name)
			}
		}
		if o.demo == 0 {
			return o, errors.New("-demo 0 makes nothing: say how many rows")
		}
		return o, nil
	}
	for _, name := range []string{"seed", "keep"} {
		if given[name] {
			return o, fmt.Errorf("-%s is for -demo", name)
		}
	}
	switch {
	case o.csv == "" && o.payout == "":
		return o, errors.New("say what to reconcile: -demo 1000, -csv report.csv or -payout po_…; -help tells more")
	case o.bank != "" && o.csv == "":
		return o, errors.New("-bank is for -csv: Stripe says itself what it paid out")
	case o.orders == "":
		return o, errors.New("-orders is missing: the CSV of orders that the payout is compared with")
	}
	return o, nil
}
