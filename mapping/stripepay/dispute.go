package stripepay

import (
	"context"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

// LostDispute returns the movements of a dispute that was closed and lost, oldest first:
// what its bank withdrew, and what came back of it. It has none where the dispute ended
// in another way, or never took money.
//
// Errors: kind unavailable, code "stale_read", while the dispute is open; else those of
// Payout.
func (p *Pay) LostDispute(ctx context.Context, dispute commerce.Ref) ([]reconcile.Line, error) {
	op := "read dispute " + dispute.ID
	if err := p.check(op, dispute); err != nil {
		return nil, err
	}
	d, err := p.client.Disputes.Get(ctx, dispute.ID)
	if err != nil {
		return nil, err
	}
	if err := p.sameMode(op, d.ID, d.Livemode); err != nil {
		return nil, err
	}
	switch d.Status {
	case "lost":
	case "won", "warning_closed", "prevented":
		return nil, nil
	default:
		return nil, &commerce.Error{Kind: commerce.KindUnavailable, System: System, Op: op, Code: "stale_read", Outcome: commerce.NotSent,
			Text: "it is " + d.Status + ", and it is said to be closed"}
	}
	var lines []reconcile.Line
	for _, t := range d.BalanceTransactions {
		l, err := p.movement(ctx, op, t.ID)
		if err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	slices.SortStableFunc(lines, func(a, b reconcile.Line) int { return a.Created.Compare(b.Created) })
	return lines, nil
}
