package workflow

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/reconcile"
)

// Month shows the books of a month beside the money, see [reconcile.Month]: what moved
// and was paid out and the balance from Balance, what we posted from Steps and the
// ledger, the clearing accounts day by day and the tax from the ledger, sales from the
// shops. It writes nothing and may be called at any time: of a month that is not over it
// shows, and proves, the days that are.
//
// Of in, Month is needed, and Ending, Reserved, Ages and Most are as the caller says. All
// else is read, and what in has there is not looked at. The processor states its balance
// only as it is now: that of the month's ends is what it was before the movements since,
// which are read for it.
//
// Errors: kind invalid for a month before the books begin, or of which no day is over; kind mapping, code
// "several_books", where currencies go into different books; else those of the ports.
func (b *Books) Month(ctx context.Context, in reconcile.MonthInput, sales ...Sales) (*reconcile.MonthView, error) {
	if err := b.Check(); err != nil {
		return nil, err
	}
	const op = "show month"
	if in.Month.IsZero() {
		return nil, refuse(commerce.KindInvalid, op, "", "MonthInput.Month is missing")
	}
	purses, err := b.purses(ctx)
	if err != nil {
		return nil, err
	}
	if len(purses) == 0 {
		return nil, refuse(commerce.KindInvalid, op, "", "the balance has no currency")
	}
	m := &month{Books: b, d: b.shop(0).desk(), one: purses[0], purses: purses, sales: sales}
	for _, p := range purses {
		if p.route.Company != m.one.route.Company || p.route.Chart != m.one.route.Chart {
			return nil, refuse(commerce.KindMapping, op, "several_books", "%s goes into books of company %s, %s into those of company %s",
				m.one.currency, m.one.route.Company, p.currency, p.route.Company)
		}
	}
	chart := m.one.chart
	m.from = startOf(chart, commerce.Date{Year: in.Month.Year, Month: in.Month.Month, Day: 1})
	m.to = startOf(chart, commerce.Date{Year: in.Month.Year, Month: in.Month.Month + 1, Day: 1})
	if m.from.Before(chart.CutOver) {
		m.from = chart.CutOver
	}
	if today := startOf(chart, dayOf(chart, m.d.now())); m.to.After(today) {
		m.to = today
	}
	if !m.from.Before(m.to) {
		return nil, refuse(commerce.KindInvalid, op, "", "no day of it is over since the books began on %s", dayOf(chart, chart.CutOver))
	}
	if err := m.fill(ctx, &in); err != nil {
		return nil, err
	}
	return reconcile.Month(ctx, in)
}

// month is what the view of one is read from.
type month struct {
	*Books
	d        desk
	one      purse // any of them: they have one ledger
	purses   []purse
	sales    []Sales
	from, to time.Time // [from, to)
}

// fill reads what the view is made of.
func (m *month) fill(ctx context.Context, in *reconcile.MonthInput) (err error) {
	in.Chart, in.Last = m.one.chart, m.day(m.to.Add(-1))
	in.Lines = m.Balance.Activity(ctx, m.from, m.to)
	in.Posted = m.posted(ctx)
	in.Shop, in.ERP = nil, nil
	if len(m.sales) > 0 {
		in.Shop = documentsOf(ctx, m.sales, m.from, m.to)
	}
	first, last := m.day(m.from), m.day(m.to.Add(-1))
	if m.invoiced() {
		in.ERP = m.Ledger.Documents(ctx, m.one.route, first, last)
	}
	in.Payouts = nil
	for po, err := range m.Balance.Payouts(ctx, m.from.Add(-longestUnderway), m.to) {
		if err != nil {
			return err
		}
		in.Payouts = append(in.Payouts, po)
	}
	if in.Stated, err = m.stated(ctx); err != nil {
		return err
	}
	in.Ledger, err = m.ledger(ctx)
	return err
}

// stated is the balance before the month, and at its end.
func (m *month) stated(ctx context.Context) ([]reconcile.Check, error) {
	end, err := m.stood(ctx, m.d, m.to)
	if err != nil {
		return nil, err
	}
	was, err := reconcile.Rewind(ctx, end, m.Balance.Activity(ctx, m.from, m.to))
	if err != nil {
		return nil, err
	}
	var out []reconcile.Check
	for _, p := range m.purses {
		out = append(out, reconcile.Check{On: m.day(m.from.Add(-1)), Balance: amountIn(p.currency, was)},
			reconcile.Check{On: m.day(m.to.Add(-1)), Balance: amountIn(p.currency, end)})
	}
	return out, nil
}

func (m *month) day(t time.Time) commerce.Date { return dayOf(m.one.chart, t) }

// ledger is the clearing accounts at the end of the day before the month, and of each of
// its days.
func (m *month) ledger(ctx context.Context) ([]reconcile.Check, error) {
	var out []reconcile.Check
	for begins := m.from; !begins.After(m.to); begins = endOf(m.one.chart, m.day(begins), 0) {
		on := m.day(begins.Add(-1))
		for _, p := range m.purses {
			if m.one.chart.Clearing[p.currency] == "" {
				continue
			}
			have, err := m.Ledger.AccountBalance(ctx, m.one.route, m.one.chart.Clearing[p.currency], p.currency, on)
			if err != nil {
				return nil, err
			}
			out = append(out, reconcile.Check{On: on, Balance: have})
		}
	}
	return out, nil
}

// posted yields what we posted on the days of the month: entries as the ledger has them,
// and each receipt as an entry with a line on clearing. Steps know of which series entries
// are; a step is no older than the day that it posts on.
func (m *month) posted(ctx context.Context) iter.Seq2[commerce.JournalEntry, error] {
	return func(yield func(commerce.JournalEntry, error) bool) {
		account, since := m.ref("").String(), m.from.AddDate(0, 0, -1)
		end := m.day(m.to).String()
		say := func(e commerce.JournalEntry, err error) bool {
			return err == nil && e.Date.String() >= end || yield(e, err) && err == nil
		}
		var series []string
		for e, err := range m.entered(ctx, "erp.entry/"+account, since) {
			if err != nil {
				say(commerce.JournalEntry{}, err)
				return
			}
			if e.Series != "" && !slices.Contains(series, e.Series) {
				series = append(series, e.Series)
			}
		}
		for _, key := range series {
			entries, err := m.Ledger.Series(ctx, m.one.route, key)
			if err != nil {
				say(commerce.JournalEntry{}, err)
				return
			}
			for _, e := range entries {
				if !say(e, nil) {
					return
				}
			}
		}
		for e, err := range m.entered(ctx, "erp.receipt/", since) {
			if err == nil && e.Of.With("").String() != account {
				continue
			}
			if !say(e.entry(m.one.chart), err) {
				return
			}
		}
	}
}

// entry is a receipt as the clearing account sees it.
func (e entered) entry(c reconcile.Chart) commerce.JournalEntry {
	return commerce.JournalEntry{Key: "receipt/" + e.Of.ID, Date: e.Portion.Date,
		Lines: []commerce.JournalLine{{Account: c.Clearing[e.Portion.Settled.Currency()], Debit: e.Portion.Settled}}}
}

// entered yields what steps left that are done.
func (m *month) entered(ctx context.Context, prefix string, since time.Time) iter.Seq2[entered, error] {
	return func(yield func(entered, error) bool) {
		for rec, err := range m.d.steps.List(ctx, prefix, since) {
			var e entered
			if err == nil && rec.State != idempotency.Done {
				continue
			}
			if err == nil {
				if failed := json.Unmarshal(rec.Result, &e); failed != nil {
					err = commerce.Errorf(commerce.KindInternal, system, "recall "+rec.Key, "the stored result does not fit: %w", failed)
				}
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}
