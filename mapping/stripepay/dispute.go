package stripepay

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/reconcile"
	"github.com/commercesync/commerce/stripe"
)

// disputeStatuses are Stripe's words up to API version 2026-08-26.
var disputeStatuses = map[string]commerce.DisputeStatus{
	"warning_needs_response": commerce.DisputeOpen, "needs_response": commerce.DisputeOpen,
	"warning_under_review": commerce.DisputeReview, "under_review": commerce.DisputeReview,
	"won": commerce.DisputeWon, "lost": commerce.DisputeLost,
	"warning_closed": commerce.DisputeClosed, "prevented": commerce.DisputeClosed,
}

// Dispute reads a dispute with what it has moved so far. Errors: kind not found; kind
// invalid, code "mode_mismatch" or "foreign_ref"; kind mapping for a status that is not
// known.
func (p *Pay) Dispute(ctx context.Context, ref commerce.Ref) (commerce.Dispute, error) {
	op := "read dispute " + ref.ID
	if err := p.check(op, ref); err != nil {
		return commerce.Dispute{}, err
	}
	d, err := p.client.Disputes.Get(ctx, ref.ID)
	if err != nil {
		return commerce.Dispute{}, err
	}
	return p.ofDispute(op, d)
}

// DisputesOf returns all disputes of a payment's charges, oldest first. Errors: those of
// Dispute.
func (p *Pay) DisputesOf(ctx context.Context, payment commerce.Ref) ([]commerce.Dispute, error) {
	op := "list disputes of " + payment.ID
	intent, charge, err := p.of(ctx, op, payment)
	if err != nil {
		return nil, err
	}
	var out []commerce.Dispute
	for d, err := range p.disputes(ctx, op, &stripe.DisputeListParams{PaymentIntent: intent, Charge: charge}) {
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	slices.Reverse(out)
	return out, nil
}

// Disputes yields the disputes that were opened since, newest first; a zero time is no
// bound. An error ends it.
func (p *Pay) Disputes(ctx context.Context, since time.Time) iter.Seq2[commerce.Dispute, error] {
	return p.disputes(ctx, "list disputes", &stripe.DisputeListParams{CreatedRange: within(since, time.Time{})})
}

func (p *Pay) disputes(ctx context.Context, op string, params *stripe.DisputeListParams) iter.Seq2[commerce.Dispute, error] {
	return func(yield func(commerce.Dispute, error) bool) {
		for d, err := range p.client.Disputes.List(ctx, params) {
			var out commerce.Dispute
			if err == nil {
				out, err = p.ofDispute(op, &d)
			}
			if !yield(out, err) || err != nil {
				return
			}
		}
	}
}

// ofDispute says a dispute in canonical words. What it has moved is told by its balance
// transactions alone: a status says nothing of money.
func (p *Pay) ofDispute(op string, d *stripe.Dispute) (commerce.Dispute, error) {
	if err := p.sameMode(op, d.ID, d.Livemode); err != nil {
		return commerce.Dispute{}, err
	}
	r := &reader{document: "stripe " + d.ID, currency: d.Currency}
	out := commerce.Dispute{Ref: p.origin.With(d.ID), Payment: p.payment(d.PaymentIntent, stripe.ID(d.Charge.ID)), Charge: d.Charge.ID,
		Amount: r.money("amount", d.Amount), Status: disputeStatuses[d.Status], Inquiry: strings.HasPrefix(d.Status, "warning_"),
		Reason: d.Reason, Created: d.Created.Time(), Answered: d.EvidenceDetails.SubmissionCount > 0}
	if out.Status == "" {
		return commerce.Dispute{}, mapping.Faultf(r.document, "status", d.Status, "is no status of a dispute that is known")
	}
	if d.EvidenceDetails.DueBy != 0 {
		out.Due = d.EvidenceDetails.DueBy.Time()
	}
	for _, t := range d.BalanceTransactions {
		r.currency = t.Currency
		moved, into := r.money("balance_transactions.amount", t.Amount), &out.Reinstated
		if moved.Sign() < 0 {
			moved, into = moved.Neg(), &out.Withdrawn
		}
		if *into == (commerce.Money{}) {
			*into = moved
		} else if sum, err := into.Add(moved); err == nil {
			*into = sum
		} else if r.err == nil {
			r.err = mapping.Faultf(r.document, "balance_transactions.amount", moved.String(), "%v", err)
		}
	}
	return out, r.err
}

// EndedDispute returns the movements of a dispute that is closed, oldest first: what its
// bank withdrew, and what came back of it; none where it never took money. lost says that
// what did not come back never will.
//
// Errors: kind unavailable, code "stale_read", while the dispute is open; else those of
// Payout.
func (p *Pay) EndedDispute(ctx context.Context, dispute commerce.Ref) (lines []reconcile.Line, lost bool, err error) {
	op := "read dispute " + dispute.ID
	if err := p.check(op, dispute); err != nil {
		return nil, false, err
	}
	d, err := p.client.Disputes.Get(ctx, dispute.ID)
	if err != nil {
		return nil, false, err
	}
	if err := p.sameMode(op, d.ID, d.Livemode); err != nil {
		return nil, false, err
	}
	switch d.Status {
	case "lost", "won", "warning_closed", "prevented":
	default:
		return nil, false, &commerce.Error{Kind: commerce.KindUnavailable, System: System, Op: op, Code: "stale_read", Outcome: commerce.NotSent,
			Text: "it is " + d.Status + ", and it is said to be closed"}
	}
	for _, t := range d.BalanceTransactions {
		l, err := p.movement(ctx, op, t.ID)
		if err != nil {
			return nil, false, err
		}
		lines = append(lines, l)
	}
	slices.SortStableFunc(lines, func(a, b reconcile.Line) int { return a.Created.Compare(b.Created) })
	return lines, d.Status == "lost", nil
}
