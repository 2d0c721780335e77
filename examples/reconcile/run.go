package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/examples/reconcile/demo"
	"github.com/commercesync/commerce/reconcile"
	"github.com/commercesync/commerce/reconcile/report"
)

// chart books what settles in a currency, in books of the same currency. Real books have
// accounts of their own; a category that is not among these goes to suspense, where
// somebody sees it.
func chart(c commerce.Currency) reconcile.Chart {
	const receivable, disputed, accounts = "1400 Receivable", "1410 Disputed receivable", "3300 Connected accounts"
	const fees, disputeFees = "6855 Stripe fees", "6857 Dispute fees"
	return reconcile.Chart{Company: c, Journal: "STRIPE",
		Clearing: map[commerce.Currency]string{c: "1360 Stripe clearing"}, Transit: map[commerce.Currency]string{c: "1370 Bank in transit"},
		Categories: map[string]string{"charge": receivable, "charge_failure": receivable, "partial_capture_reversal": receivable,
			"refund": receivable, "refund_failure": receivable, "dispute": disputed, "dispute_reversal": disputed, "fee": fees, "tax": fees,
			"network_cost": fees, "risk_reserved_funds": "1380 Stripe reserve", "transfer": accounts, "transfer_reversal": accounts},
		Fees:     map[string]string{"": fees, "stripe_fee": fees, "tax": fees, "dispute/": disputeFees, "dispute/stripe_fee": disputeFees},
		Suspense: "1590 Suspense"}
}

// run reconciles a payout of the user's.
func (p program) run(ctx context.Context, o options) (err error) {
	in, err := p.open(ctx, o)
	if err != nil {
		return err
	}
	got, err := reconcile.Payout(ctx, in.Input, reconcile.Config{})
	if err = errors.Join(o.explained(err), in.close()); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, got.Close()) }()
	var entries []commerce.JournalEntry
	if got.Proof.Closed() {
		e, err := got.Whole(chart(got.Proof.Currency))
		if err != nil {
			return err
		}
		entries = append(entries, e)
	}
	if err := p.write(got, o, entries); err != nil {
		return err
	}
	if !got.Proof.Closed() {
		return &reconcile.OpenError{Proof: got.Proof}
	}
	return nil
}

// demo makes a payout, reconciles it and checks what was found.
func (p program) demo(ctx context.Context, o options) (err error) {
	dir := o.keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "reconcile"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	bar := p.bar(3*int64(o.demo), "making the payout")
	made, err := demo.New(demo.Config{Rows: o.demo, Seed: o.seed, Dir: dir, Progress: func(rows int) { _ = bar.Add(rows) }})
	_ = bar.Finish()
	if err != nil {
		return err
	}
	in, err := p.files(made.Payout, made.Files.Report, made.Files.Orders, made.Files.ERP)
	if err != nil {
		return err
	}
	got, err := reconcile.Payout(ctx, in.Input, reconcile.Config{CutOver: made.CutOver, OnShipment: true, Fee: demo.Fee})
	if err = errors.Join(err, in.close()); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, got.Close()) }()
	books := chart("EUR")
	entry, err := got.Entry(books)
	if err != nil {
		return err
	}
	whole, err := got.Whole(books)
	if err != nil {
		return err
	}
	if err := p.write(got, o, []commerce.JournalEntry{whole}); err != nil {
		return err
	}
	w := p.stdout
	if o.jsonl {
		w = p.stderr // the records stay alone
	}
	fmt.Fprintf(w, "Check\n\n  planted  %d discrepancies, %d of each of %d reasons\n", len(made.Planted), made.Each, len(reconcile.Reasons()))
	if err := made.Check(got); err != nil {
		return err
	}
	fmt.Fprintln(w, "  found    each of them once, and no other")
	if err := errors.Join(entry.Balance(), whole.Balance(), nothingLeft(whole, books)); err != nil {
		return err
	}
	fmt.Fprintln(w, "  entry    debit is credit, and nothing is left on clearing")
	return nil
}

// nothingLeft checks that what came into a payout went to the bank: its entry, with all that
// is in it, does not change the clearing account.
func nothingLeft(whole commerce.JournalEntry, books reconcile.Chart) error {
	for _, l := range whole.Lines {
		if l.Account == books.Clearing[books.Company] {
			return fmt.Errorf("the entry %s leaves something on %s: debit %s, credit %s", whole.Key, l.Account, l.Debit, l.Credit)
		}
	}
	return nil
}

// write writes the reports that are asked for.
func (p program) write(got *reconcile.Report, o options, entries []commerce.JournalEntry) error {
	c := report.Config{Entries: entries, Width: p.width, Color: o.color}
	if o.out != "" {
		c.All = filepath.Base(o.out)
	}
	var err error
	if o.jsonl {
		err = report.JSONL(p.stdout, got, c)
	} else {
		err = report.Terminal(p.stdout, got, c)
	}
	if err == nil && o.out != "" {
		err = file(o.out, func(w io.Writer) error { return report.CSV(w, got) })
	}
	if err == nil && o.matches != "" {
		err = file(o.matches, func(w io.Writer) error { return report.MatchesCSV(w, got) })
	}
	if err == nil && o.html != "" {
		err = file(o.html, func(w io.Writer) error { return report.HTML(w, got, c) })
	}
	return err
}

// file writes a file, or leaves none.
func file(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err = errors.Join(write(f), f.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}
