package workflow

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

// The processor's events of a dispute that ended, or whose money came back; their object is
// the dispute.
const (
	disputeClosed     = "charge.dispute.closed"
	disputeReinstated = "charge.dispute.funds_reinstated"
)

// ended books what a dispute that is closed leaves: of one that was lost what it has cost,
// from the account on which the withdrawn money stood as a claim to the chart's DisputeLoss;
// of any in another currency than the company's what rates have made of the claim. It is
// dated by the day on which it was closed, or its money came back. The withdrawal itself is in
// the entry of its day.
func (b *Books) ended(ctx context.Context, e commerce.Event) error {
	if b.others(e) {
		return nil
	}
	d := b.shop(0).desk()
	of := e.Ref.With(e.Object)
	lines, lost, err := b.Balance.EndedDispute(ctx, of)
	if err != nil && e.Type == disputeReinstated && errors.Is(err, commerce.ErrUnavailable) {
		return nil // it is still open: its end is told
	}
	if err != nil || len(lines) == 0 {
		return err
	}
	back := lines[0].Amount
	for _, l := range lines[1:] {
		if back, err = back.Add(l.Amount); err != nil {
			return err
		}
	}
	if !lost && !back.IsZero() {
		return nil // it comes back yet, and is told then
	}
	route, err := b.Ledger.BalanceRoute(of, back.Currency())
	if err != nil {
		return err // before any write
	}
	chart, err := chartOf(b.Ledger, route, b.start())
	if err != nil || !lost && back.Currency() == chart.Company {
		return err
	}
	if slices.ContainsFunc(lines, func(l reconcile.Line) bool { return chart.Before(l.Created) }) {
		text := "dispute " + of.ID + " was lost, and its money was withdrawn before the books begin: book the loss where the withdrawal was booked"
		if !lost {
			text = "dispute " + of.ID + " was won, and its money was withdrawn before the books begin: look at what rates have left of it where the withdrawal was booked"
		}
		return d.exception(ctx, Exception{Name: DisputeBeforeStart, Balance: of, Text: text})
	}
	if !lost {
		chart.DisputeLoss = cmp.Or(chart.DisputeLoss, chart.Exchange) // nothing was
	}
	on := e.Created
	if last := lines[len(lines)-1].Created; last.After(on) {
		on = last
	}
	entry, err := chart.Lost(dayOf(chart, on), lines...)
	if err != nil || len(entry.Lines) == 0 {
		return err
	}
	return d.series(ctx, b.Ledger, route, of, entry)
}
