package workflow

import (
	"context"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
)

// RiskPayments is what [Fraud] wants from the payment processor beside [Payments].
// mapping/stripepay lends a Stripe client these methods. What the processor's own check
// said of a payment is in its Risk, with the id of its review; issuer country and
// fingerprint of a card are in its Method.
type RiskPayments interface {
	// Review reads a review, open or closed. ErrNotFound.
	Review(ctx context.Context, ref commerce.Ref) (commerce.Review, error)
	// Warnings returns the early fraud warnings of a payment's charges, oldest first; none
	// is no error.
	Warnings(ctx context.Context, payment commerce.Ref) ([]commerce.FraudWarning, error)
	// Approve closes an open review as approved; one that is closed is found, however it
	// ended. Class guarded.
	Approve(review commerce.Ref) idempotency.Effect[commerce.Document]
}

// Suspects is what a shop lends beside [Shop] where it can show an order as suspected of
// fraud without stopping it: the status "fraud" of Magento, a generic attribute of
// nopCommerce. Asked for by assertion.
type Suspects interface {
	// Suspect shows the order as suspected. The document's State is what the order showed
	// before, in the shop's own word. Class guarded.
	//
	// Errors: kind conflict with code "not_suspectable", not sent, where the order's state
	// has no such status.
	Suspect(o commerce.Order) idempotency.Effect[commerce.Document]
	// Trust takes that back: where the order still shows as suspected it shows was again,
	// which is the State that Suspect left. An order that shows something else is found:
	// somebody was quicker. Class guarded.
	Trust(o commerce.Order, was string) idempotency.Effect[commerce.Document]
}

// Scorer judges how likely an order is fraud. [Signs] is one; a host may have its own.
type Scorer interface {
	// Score judges the order of f by its payments, reviews, warnings and disputes. It is
	// asked with each news of an order that is to be fulfilled, and may remember what it
	// has seen. An error is the event's: the order waits.
	Score(ctx context.Context, f commerce.Facts) (commerce.Score, error)
}
