package workflow

import (
	"context"
	"iter"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
)

// DisputePayments is what [Disputes] wants from the payment processor beside [Payments].
// mapping/stripepay lends a Stripe client these methods. They only read: evidence is
// handed in by the host, as that can be done once and needs a person's eye.
type DisputePayments interface {
	// Dispute reads a dispute with what it has moved so far. ErrNotFound.
	Dispute(ctx context.Context, ref commerce.Ref) (commerce.Dispute, error)
	// DisputesOf returns all disputes of a payment's charges, oldest first.
	DisputesOf(ctx context.Context, payment commerce.Ref) ([]commerce.Dispute, error)
	// Disputes yields the disputes that were opened since, whatever became of them, in any
	// order.
	Disputes(ctx context.Context, since time.Time) iter.Seq2[commerce.Dispute, error]
}

// Shipments is what a shop lends beside [Shop] where it keeps shipments itself: asked for
// by assertion. Parcels have carrier and tracking number as the shop shows them.
type Shipments interface {
	// Shipments returns the shipments of an order, oldest first; none is no error.
	Shipments(ctx context.Context, order commerce.Ref) ([]commerce.Shipment, error)
}

// Letters is where the host keeps what was said with customers.
type Letters interface {
	// Letters returns what was said about an order, oldest first.
	Letters(ctx context.Context, o commerce.Order) ([]mapping.Letter, error)
}
