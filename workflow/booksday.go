package workflow

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/reconcile"
)

// day posts what moved the balance on a day and is in no receipt: fees, disputes,
// reserves, transfers; in mode Summary sales and refunds too. Facts that came late are
// supplements on the same day.
func (b *Books) day(ctx context.Context, e commerce.Event) error {
	if b.others(e) {
		return nil
	}
	d := b.shop(0).desk()
	of := e.Ref.With(e.Object)
	currency, on, err := parseDay(of)
	if err != nil {
		return err
	}
	route, err := b.Ledger.BalanceRoute(of, currency)
	if err != nil {
		return err
	}
	chart, err := b.chart(ctx, d, e, route)
	if err != nil {
		return err
	}
	from := startOf(chart, on)
	if chart.Before(from) {
		d.log.InfoContext(ctx, "day is part of the opening balance", "event", e.Ref.ID, "day", of.ID)
		return nil
	}
	lines := only(progressing(ctx, b.Balance.Activity(ctx, from, endOf(chart, on, 0))), func(l reconcile.Line) bool {
		return l.Amount.Currency() == currency && l.Category != "payout" && l.Category != "payout_reversal"
	})
	entries, err := chart.Entries(ctx, lines)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := d.series(ctx, b.Ledger, route, of, entry); err != nil {
			return err
		}
	}
	return b.prove(ctx, d, route, chart, of, currency, on)
}

// chartOf is the ledger's chart, whose books begin with the day of the start; without a
// start, where the chart says.
func chartOf(l Ledger, r mapping.Route, start time.Time) (reconcile.Chart, error) {
	c, err := l.Chart(r)
	if err != nil || start.IsZero() {
		return c, err
	}
	on := dayOf(c, start)
	if !c.CutOver.IsZero() && dayOf(c, c.CutOver) != on {
		return c, refuse(commerce.KindInvalid, "choose chart", "", "its CutOver is on %s, and StartAt on %s: leave the chart's away", dayOf(c, c.CutOver), on)
	}
	c.CutOver = startOf(c, on)
	return c, nil
}

// progressing keeps the lease while many lines are read.
func progressing[T any](ctx context.Context, seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		n := 0
		for v, err := range seq {
			if n++; err == nil && n%256 == 0 {
				err = inbox.Progress(ctx)
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// chart is the ledger's, with what Books itself posts left out or split.
func (b *Books) chart(ctx context.Context, d desk, e commerce.Event, r mapping.Route) (reconcile.Chart, error) {
	c, err := chartOf(b.Ledger, r, b.start())
	if err == nil && b.Account != "" && c.Account != b.Account {
		// The days of two accounts would be one series.
		err = refuse(commerce.KindInvalid, "choose chart", "", "its Account is %q, and that of Books %q", c.Account, b.Account)
	}
	c.Documents, c.Split = documents, nil
	if !b.invoiced() {
		c.Split = b.splitter(ctx, d, e, r)
	}
	return c, err
}

// parseDay reads "day/eur/2026-11-21".
func parseDay(of commerce.Ref) (commerce.Currency, commerce.Date, error) {
	bad := refuse(commerce.KindInvalid, "read day", "", "%q is no day of a balance", of.ID)
	parts := strings.Split(of.ID, "/")
	if len(parts) != 3 || parts[0] != "day" {
		return "", commerce.Date{}, bad
	}
	currency := commerce.Currency(strings.ToUpper(parts[1]))
	on, err := commerce.ParseDate(parts[2])
	if err != nil || !currency.Valid() {
		return "", commerce.Date{}, bad
	}
	return currency, on, nil
}

// only yields the lines that are wanted.
func only(lines iter.Seq2[reconcile.Line, error], want func(reconcile.Line) bool) iter.Seq2[reconcile.Line, error] {
	return func(yield func(reconcile.Line, error) bool) {
		for l, err := range lines {
			if err == nil && !want(l) {
				continue
			}
			if !yield(l, err) {
				return
			}
		}
	}
}

// splitter says on which accounts a sale or refund is booked that nothing else posts:
// by the order that its payment is for. What is of no order waits, and then has no account.
func (b *Books) splitter(ctx context.Context, d desk, e commerce.Event, r mapping.Route) func(reconcile.Line) ([]reconcile.Part, error) {
	return func(l reconcile.Line) ([]reconcile.Part, error) {
		of := e.Ref.With(l.ID)
		nobody := func(m commerce.Money) ([]reconcile.Part, error) {
			if left := d.settled(ctx, e, b.wait()); left > 0 {
				return nil, park("book "+l.ID, min(left, b.Shops[0].recheck()), "it is of no order yet")
			}
			if !b.Suspense {
				return nil, refuse(commerce.KindNeedsDecision, "book "+l.ID, "no_order", "%s of it are of no order; name one and replay, or set Suspense", m)
			}
			return []reconcile.Part{{Amount: m}}, d.exception(ctx, Exception{Name: InSuspense, Balance: of,
				Text: fmt.Sprintf("%s of %s is of no order and stands on the suspense account; name its order and replay the event of its day, or refund it", m, l.ID)})
		}
		id := paymentID(l)
		if id == "" {
			return nobody(l.Amount)
		}
		p, err := d.read(ctx, commerce.Event{}, of.With(id), false)
		if err != nil {
			return nil, err
		}
		orders, err := d.ordersOf(ctx, p)
		if err == nil && len(orders) == 0 {
			return nobody(l.Amount)
		}
		if err != nil {
			return nil, err
		}
		weights, err := d.weights(ctx, p)
		if err != nil {
			return nil, err
		}
		amounts, err := l.Amount.Allocate(weights...)
		if err != nil {
			return nil, err
		}
		var out []reconcile.Part
		for i, ref := range orders {
			if amounts[i].IsZero() {
				continue
			}
			var parts []reconcile.Part
			o, err := d.shop.Order(ctx, ref)
			if errors.Is(err, commerce.ErrNotFound) {
				parts, err = nobody(amounts[i])
			} else if err == nil {
				parts, err = b.Ledger.Split(r, o, amounts[i])
			}
			if err != nil {
				return nil, err
			}
			out = append(out, parts...)
		}
		return out, nil
	}
}

func paymentID(l reconcile.Line) string {
	for _, id := range []string{l.Intent, l.Charge} {
		if id != "" {
			return id
		}
	}
	return ""
}

// prove compares the clearing account with the balance, ProveAfter days before the day.
func (b *Books) prove(ctx context.Context, d desk, r mapping.Route, c reconcile.Chart, of commerce.Ref, currency commerce.Currency, day commerce.Date) error {
	if b.ProveAfter == 0 {
		return nil
	}
	end := endOf(c, day, -b.ProveAfter)
	if c.Before(end.Add(-1)) {
		return nil
	}
	on := dayOf(c, end.Add(-1))
	was, err := b.stood(ctx, d, end)
	if err != nil {
		return err
	}
	at := amountIn(currency, was)
	have, err := b.Ledger.AccountBalance(ctx, r, c.Clearing[currency], currency, on)
	if err != nil || have == at {
		return err
	}
	return d.exception(ctx, Exception{Name: ClearingDiffers, Balance: of.With("day/" + currency.Lower() + "/" + on.String()), Mark: have.Text() + " " + at.Text(),
		Text: fmt.Sprintf("on %s the clearing account stands at %s, and the balance stood at %s: look for dead events of that day and for entries by hand", on, have, at)})
}
