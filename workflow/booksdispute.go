package workflow

import (
	"context"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

// disputeClosed is the processor's event of a dispute that ended; its object is the dispute.
const disputeClosed = "charge.dispute.closed"

// lost books what a dispute has cost that was closed and lost: from the account on which
// the withdrawn money stood as a claim to the chart's DisputeLoss, on the day it was
// closed. The withdrawal itself is in the entry of its day.
func (b *Books) lost(ctx context.Context, e commerce.Event) error {
	if b.others(e) {
		return nil
	}
	d := b.shop(0).desk()
	of := e.Ref.With(e.Object)
	lines, err := b.Balance.LostDispute(ctx, of)
	if err != nil || len(lines) == 0 {
		return err
	}
	route, err := b.Ledger.BalanceRoute(of, lines[0].Amount.Currency())
	if err != nil {
		return err // before any write
	}
	chart, err := chartOf(b.Ledger, route, b.start())
	if err != nil {
		return err
	}
	if slices.ContainsFunc(lines, func(l reconcile.Line) bool { return chart.Before(l.Created) }) {
		return d.exception(ctx, Exception{Name: DisputeBeforeStart, Balance: of,
			Text: "dispute " + of.ID + " was lost, and its money was withdrawn before the books begin: book the loss where the withdrawal was booked"})
	}
	entry, err := chart.Lost(dayOf(chart, e.Created), lines...)
	if err != nil || len(entry.Lines) == 0 {
		return err
	}
	return d.series(ctx, b.Ledger, route, of, entry)
}
