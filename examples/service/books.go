package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping/erpbooks"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/reconcile"
	"github.com/commercesync/commerce/reconcile/report"
	"github.com/commercesync/commerce/workflow"
)

// errNoBooks is the answer to what needs a chart.
var errNoBooks = errors.New("CHART is empty: no books are kept")

// readChart reads CHART: an erpbooks.Chart, its time zone by name. Rates of exchange are a
// program's to say, so the balance is settled in the company's own currency.
func readChart(env settings) (*erpbooks.Chart, error) {
	path := env("CHART")
	if path == "" {
		return nil, nil
	}
	if env("START_AT") == "" {
		return nil, errors.New("START_AT is empty: CHART needs the day on which its books begin")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("CHART: %w", err)
	}
	defer file.Close()
	var c struct {
		erpbooks.Chart
		Location string
	}
	read := json.NewDecoder(file)
	read.DisallowUnknownFields()
	if err = read.Decode(&c); err == nil {
		c.Chart.Location, err = time.LoadLocation(c.Location)
	}
	if err != nil {
		return nil, fmt.Errorf("CHART %s: %w", path, err)
	}
	c.Account = env("STRIPE_ACCOUNT")
	return &c.Chart, nil
}

// keep adds the books to what the inbox works.
func (p *program) keep(pay *stripepay.Pay, alerts alerter, log *slog.Logger) (inbox.Handlers, []inbox.FeedConfig, error) {
	o, mode := p.orders, workflow.BooksMode(p.env("BOOKS"))
	p.ledger = &workflow.Books{Shops: []*workflow.OrderToCash{o}, Ledger: p.books, Balance: pay, Mode: mode, Invoicing: workflow.Invoicing(p.env("INVOICING")),
		Suspense: p.chart.Suspense != "", OpenFor: 30 * 24 * time.Hour, ProveAfter: 4}
	payouts := &workflow.Payouts{Ledger: p.books, Balance: pay, Sales: []workflow.Sales{p.shop.sales}, Steps: o.Steps, Links: o.Links,
		Mode: mode, Invoicing: p.ledger.Invoicing, StartAt: o.StartAt, Report: p.report, Alerter: alerts, Logger: log}
	zone := p.chart.Location
	begin := commerce.DateOf(o.StartAt.In(zone)).In(zone)
	activity, err := stripepay.NewActivity(pay, stripepay.ActivityConfig{From: begin, Location: zone})
	if err != nil {
		return nil, nil, err
	}
	// Payouts that left before the books begin are in the opening balance, but may come back.
	paid, err := stripepay.NewPayouts(pay, stripepay.PayoutsConfig{From: begin.AddDate(0, 0, -10)})
	if err != nil {
		return nil, nil, err
	}
	return inbox.Merge(p.ledger.Handlers(), payouts.Handlers()), []inbox.FeedConfig{{Name: "balance", Feed: activity}, {Name: "payouts", Feed: paid}},
		errors.Join(p.ledger.Check(), payouts.Check())
}

// report files what is in a payout as a page and as a table of what does not agree.
func (p *program) report(_ context.Context, r *reconcile.Report) error {
	id := r.Payout().Ref.ID
	c := report.Config{All: id + ".csv", Location: p.chart.Location}
	if r.Proof.Closed() {
		entry, err := r.Entry(p.chart.Chart)
		if err != nil {
			return err
		}
		c.Entries = []commerce.JournalEntry{entry}
	}
	return errors.Join(
		p.file(c.All, func(w io.Writer) error { return report.CSV(w, r) }),
		p.file(id+".html", func(w io.Writer) error { return report.HTML(w, r, c) }))
}

func (p *program) reports() string { return cmp.Or(p.env("REPORTS"), "reports") }

// file writes a file of REPORTS as a whole, over an older one.
func (p *program) file(name string, write func(io.Writer) error) error {
	if err := os.MkdirAll(p.reports(), 0o750); err != nil {
		return err
	}
	dir, err := os.OpenRoot(p.reports()) // names come from elsewhere
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	part := name + ".part"
	file, err := dir.Create(part)
	if err != nil {
		return err
	}
	if err := errors.Join(write(file), file.Close()); err != nil {
		return errors.Join(err, dir.Remove(part))
	}
	return dir.Rename(part, name)
}

// open takes the balance over on the day of START_AT, and prints what the books begin with.
func (p *program) open(ctx context.Context, out io.Writer, dryRun bool) error {
	if p.ledger == nil {
		return errNoBooks
	}
	account := p.env("OPENING_ACCOUNT")
	if account == "" {
		return errors.New("OPENING_ACCOUNT is empty: it takes what the books before had the money on")
	}
	opened, err := p.ledger.Open(ctx, workflow.Opening{Account: account, DryRun: dryRun})
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, o := range opened {
		fmt.Fprintf(t, "balance\t%s\tclearing had %s\n", o.Balance, o.Booked)
		fmt.Fprintf(t, "on its way\t%s\ttransit had %s\n", o.Sent, o.Transit)
		for _, l := range o.Entry.Lines {
			fmt.Fprintf(t, "%s\taccount %s\tdebit %s\tcredit %s\n", o.Entry.Date, l.Account, l.Debit.Text(), l.Credit.Text())
		}
		if len(o.Entry.Lines) == 0 {
			fmt.Fprintln(t, "nothing differs")
		}
	}
	return errors.Join(err, t.Flush())
}

// month prints a month of the books and files it as a page.
func (p *program) month(ctx context.Context, out io.Writer, text string) error {
	if p.ledger == nil {
		return errNoBooks
	}
	first, err := commerce.ParseDate(text + "-01")
	if err != nil {
		return fmt.Errorf("-month %q is no month like 2026-11", text)
	}
	view, err := p.ledger.Month(ctx, reconcile.MonthInput{Month: first}, p.shop.sales)
	if err != nil {
		return err
	}
	c := report.Config{Location: p.chart.Location}
	if err := p.file(text+".html", func(w io.Writer) error { return report.MonthHTML(w, view, c) }); err != nil {
		return err
	}
	if err := report.MonthTerminal(out, view, c); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "\nAlso in", filepath.Join(p.reports(), text+".html"))
	return err
}
