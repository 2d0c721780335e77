package stripepay

import (
	"cmp"
	"context"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/stripe"
)

// payment is the ref of what an object is about: an intent, or a charge without one.
func (p *Pay) payment(intent, charge stripe.ID) commerce.Ref {
	return p.origin.With(cmp.Or(string(intent), string(charge)))
}

// Review reads a review, open or closed. Errors: kind not found; kind invalid, code
// "mode_mismatch" or "foreign_ref".
func (p *Pay) Review(ctx context.Context, ref commerce.Ref) (commerce.Review, error) {
	op := "read review " + ref.ID
	if err := p.check(op, ref); err != nil {
		return commerce.Review{}, err
	}
	r, err := p.client.Reviews.Get(ctx, ref.ID)
	if err != nil {
		return commerce.Review{}, err
	}
	if err := p.sameMode(op, r.ID, r.Livemode); err != nil {
		return commerce.Review{}, err
	}
	return commerce.Review{Ref: p.origin.With(r.ID), Payment: p.payment(r.PaymentIntent, r.Charge), Open: r.Open,
		Reason: r.OpenedReason, Closed: r.ClosedReason, Created: r.Created.Time()}, nil
}

// Warnings returns the early fraud warnings of a payment's charges, oldest first. Errors:
// those of Review.
func (p *Pay) Warnings(ctx context.Context, payment commerce.Ref) ([]commerce.FraudWarning, error) {
	op := "list early fraud warnings of " + payment.ID
	intent, charge, err := p.of(ctx, op, payment)
	if err != nil {
		return nil, err
	}
	var out []commerce.FraudWarning
	for w, err := range p.client.EarlyFraudWarnings.List(ctx, &stripe.EarlyFraudWarningListParams{PaymentIntent: intent, Charge: charge}) {
		if err == nil {
			err = p.sameMode(op, w.ID, w.Livemode)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, commerce.FraudWarning{Ref: p.origin.With(w.ID), Payment: p.payment(w.PaymentIntent, w.Charge), Charge: string(w.Charge),
			Type: w.FraudType, Actionable: w.Actionable, Created: w.Created.Time()})
	}
	slices.Reverse(out)
	return out, nil
}

// Approve closes an open review. Guarded: one that is closed is found, and the document's
// State is how it ended: "approved", "refunded", "disputed" …
func (p *Pay) Approve(review commerce.Ref) idempotency.Effect[commerce.Document] {
	op := "approve review " + review.ID
	find := func(ctx context.Context) (commerce.Document, error) {
		r, err := p.Review(ctx, review)
		if err == nil && r.Open {
			err = &commerce.Error{Kind: commerce.KindNotFound, System: System, Op: op, Text: "it is open"}
		}
		return commerce.Document{Ref: review, State: r.Closed}, err
	}
	return idempotency.Effect[commerce.Document]{Class: idempotency.Guarded, Settle: p.c.Settle, Find: find,
		Act: func(ctx context.Context) (commerce.Document, error) {
			if err := p.check(op, review); err != nil {
				return commerce.Document{}, err
			}
			params := &stripe.ReviewApproveParams{}
			params.SetIdempotencyKey("approve/" + review.ID) // it is closed once
			r, err := p.client.Reviews.Approve(ctx, review.ID, params)
			if err == nil {
				return commerce.Document{Ref: review, State: r.ClosedReason}, nil
			}
			if commerce.SafeToRetry(err) { // closed meanwhile: see how
				if doc, readErr := find(ctx); readErr == nil {
					return doc, nil
				}
			}
			return commerce.Document{}, err
		}}
}
