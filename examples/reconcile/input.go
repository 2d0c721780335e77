package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/reconcile"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/stripe"
)

// input is what is read, from files that are open.
type input struct {
	reconcile.Input
	bar   *progressbar.ProgressBar
	files []*os.File
}

func (in *input) close() error {
	var errs []error
	for _, f := range in.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(append(errs, in.bar.Finish())...)
}

// bar shows progress on a terminal, and nothing elsewhere. A total of -1 is not known.
func (p program) bar(total int64, what string) *progressbar.ProgressBar {
	if !p.bars {
		return progressbar.DefaultSilent(total)
	}
	return progressbar.NewOptions64(total, progressbar.OptionSetDescription(what), progressbar.OptionSetWriter(p.stderr),
		progressbar.OptionSetWidth(30), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionSpinnerType(14))
}

// open opens what the flags say.
func (p program) open(ctx context.Context, o options) (*input, error) {
	var from time.Time
	if o.from != "" {
		var err error
		if from, err = time.Parse(time.DateOnly, o.from); err != nil {
			return nil, fmt.Errorf("-from %q is no day like 2026-11-01", o.from)
		}
	}
	var in *input
	var err error
	if o.csv != "" {
		in, err = p.fromReport(ctx, o)
	} else {
		in, err = p.fromStripe(ctx, o)
	}
	if err != nil {
		return nil, err
	}
	in.From = from
	return in, nil
}

// files reads a payout from CSV files; rows is empty where they come from elsewhere, and so
// may be erp. The bar counts bytes.
func (p program) files(payout commerce.Payout, rows, orders, erp string) (_ *input, err error) {
	in := &input{Input: reconcile.Input{Payout: payout}}
	defer func() {
		if err != nil {
			for _, f := range in.files {
				f.Close()
			}
		}
	}()
	size := int64(0)
	open := func(flag, name string) (io.Reader, error) {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("-%s: %w", flag, err)
		}
		in.files = append(in.files, f)
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			size += info.Size()
		}
		return progress{f, &in.bar}, nil
	}
	if rows != "" {
		r, err := open("csv", rows)
		if err != nil {
			return nil, err
		}
		in.Lines = reconcile.Itemized(r, reconcile.ItemizedConfig{Name: filepath.Base(rows)})
	}
	r, err := open("orders", orders)
	if err != nil {
		return nil, err
	}
	in.Shop = reconcile.Orders(r, reconcile.OrdersConfig{Name: filepath.Base(orders)})
	if erp != "" {
		if r, err = open("erp", erp); err != nil {
			return nil, err
		}
		in.ERP = reconcile.Orders(r, reconcile.OrdersConfig{Name: filepath.Base(erp), System: "erp"})
	}
	if rows == "" {
		size = -1
	}
	in.bar = p.bar(size, "reading")
	return in, nil
}

// progress counts what is read.
type progress struct {
	io.Reader
	bar **progressbar.ProgressBar
}

func (p progress) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	_ = (*p.bar).Add(n)
	return n, err
}

// fromReport reads the report twice: first to learn what payouts it holds.
func (p program) fromReport(ctx context.Context, o options) (*input, error) {
	f, err := os.Open(o.csv)
	if err != nil {
		return nil, fmt.Errorf("-csv: %w", err)
	}
	defer f.Close()
	name := filepath.Base(o.csv)
	held, err := look(ctx, reconcile.Itemized(f, reconcile.ItemizedConfig{Name: name}))
	if err != nil {
		return nil, o.explained(err)
	}
	ids := slices.Sorted(maps.Keys(held))
	switch {
	case len(held) == 0:
		return nil, fmt.Errorf("%s has a header and no rows", name)
	case o.payout == "" && len(held) > 1:
		return nil, fmt.Errorf("%s holds %d payouts; say which: -payout %s", name, len(held), list(ids))
	case o.payout == "" && ids[0] == "":
		return nil, fmt.Errorf("%s does not say which payout it is of; say it: -payout po_…", name)
	case o.payout == "":
		o.payout = ids[0]
	case held[o.payout] == nil && held[""] == nil:
		return nil, fmt.Errorf("%s is of payout %s, not of %s", name, list(ids), o.payout)
	}
	of := held[o.payout]
	if of == nil {
		of = held[""]
	}
	amount := of.net
	if o.bank == "" {
		fmt.Fprintf(p.stderr, "%s does not say what arrived at the bank; what its rows make is taken: %s. -bank compares it with the statement.\n", name, amount)
	} else if amount, err = bank(o.bank); err != nil {
		return nil, err
	} else if amount.Currency() != of.net.Currency() {
		return nil, fmt.Errorf("-bank is in %s, the rows of %s in %s", amount.Currency(), name, of.net.Currency())
	}
	in, err := p.files(commerce.Payout{Ref: commerce.Ref{System: "stripe", ID: o.payout}, Amount: amount, Automatic: true, Reconciled: true, Created: of.newest},
		o.csv, o.orders, o.erp)
	if err == nil && len(held) > 1 {
		in.Lines = reconcile.Only(o.payout, in.Lines)
	}
	return in, err
}

// held is what a report holds of one payout.
type held struct {
	net    commerce.Money
	newest time.Time // the day on which the last of it could be paid out
}

// most payouts that a report may hold: two years of daily ones.
const most = 1000

// look reads a report for the payouts that it holds.
func look(ctx context.Context, lines iter.Seq2[reconcile.Line, error]) (map[string]*held, error) {
	all := map[string]*held{}
	n := 0
	for l, err := range lines {
		if err != nil {
			return nil, err
		}
		if n++; n%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		h := all[l.Payout]
		if h == nil {
			if len(all) == most {
				return nil, fmt.Errorf("the report holds more than %d payouts; ask Stripe for a shorter time", most)
			}
			h = &held{net: commerce.Zero(l.Net.Currency())}
			all[strings.Clone(l.Payout)] = h
		}
		if sum, err := h.net.Add(l.Net); err == nil {
			h.net = sum // a row in another currency is told by its number, when the payout is explained
		}
		for _, t := range []time.Time{l.Created, l.Available} {
			if t.After(h.newest) {
				h.newest = t
			}
		}
	}
	return all, nil
}

// list names a few.
func list(ids []string) string {
	if len(ids) > 5 {
		return strings.Join(ids[:5], ", ") + " …"
	}
	return strings.Join(ids, ", ")
}

func bank(text string) (commerce.Money, error) {
	amount, code, _ := strings.Cut(strings.TrimSpace(text), " ")
	c, err := commerce.ParseCurrency(strings.TrimSpace(code))
	if err != nil {
		return commerce.Money{}, fmt.Errorf("-bank %q is no amount like \"12345.67 EUR\"", text)
	}
	m, err := commerce.ParseMoney(amount, c)
	if err != nil {
		return commerce.Money{}, fmt.Errorf("-bank %q is no amount like \"12345.67 EUR\": %w", text, err)
	}
	return m, nil
}

// fromStripe lists what is in a payout.
func (p program) fromStripe(ctx context.Context, o options) (*input, error) {
	key, mode := p.env("STRIPE_KEY"), commerce.Live
	if key == "" {
		return nil, errors.New("STRIPE_KEY is empty: -payout without -csv reads from Stripe, with a key that may read payouts and balance transactions")
	}
	if strings.Contains(key, "_test_") {
		mode = commerce.Test
	}
	quota, err := resilience.NewQuota(stripe.Limits(mode)...)
	if err != nil {
		return nil, err
	}
	client, err := stripe.NewClient(stripe.Config{BaseURL: p.env("STRIPE_URL"), Account: p.env("STRIPE_ACCOUNT"), Resilience: resilience.Config{Quota: quota},
		Credentials: commerce.Static(commerce.NewSecret(key))})
	if err != nil {
		return nil, err
	}
	pay, err := stripepay.New(client, stripepay.Config{Mode: mode})
	if err != nil {
		return nil, err
	}
	ref := commerce.Ref{System: stripepay.System, Account: p.env("STRIPE_ACCOUNT"), Mode: mode, ID: o.payout}
	payout, err := pay.Payout(ctx, ref)
	if err != nil {
		return nil, err
	}
	if payout.Automatic && !payout.Reconciled {
		return nil, fmt.Errorf("payout %s is not complete: Stripe is still listing what is in it, which may take some hours after it was made; try again later", o.payout)
	}
	in, err := p.files(payout, "", o.orders, o.erp)
	if err != nil {
		return nil, err
	}
	in.Lines = func(yield func(reconcile.Line, error) bool) {
		for l, err := range pay.Inside(ctx, ref) {
			_ = in.bar.Add(1)
			if !yield(l, err) {
				return
			}
		}
	}
	return in, nil
}

// explained adds to an error of a file's header what the file should have been.
func (o options) explained(err error) error {
	var row *reconcile.RowError
	if !errors.As(err, &row) || row.Row != 1 || row.Column == "" {
		return err
	}
	if o.csv != "" && row.Input == filepath.Base(o.csv) {
		return fmt.Errorf("%w\n-csv wants Stripe's report payout_reconciliation.itemized with its standard columns", err)
	}
	return fmt.Errorf("%w\n-orders and -erp want the columns amount, currency, date, and id or number", err)
}
