package stripe

import (
	"context"
	"encoding/json"
	"iter"

	stripego "github.com/stripe/stripe-go/v76"
)

// Refund is money on its way back to the buyer. Before API version 2025-03-31 there is one
// as well of what was reserved and not taken: of a capture of less than was authorised, whose
// balance transaction has the reporting category partial_capture_reversal, and of an
// authorisation that was released, which has none.
type Refund struct {
	ID      string    `json:"id"`
	Created Timestamp `json:"created"`

	Amount        int64  `json:"amount"`   // in Stripe's unit of Currency
	Currency      string `json:"currency"` // lower case
	Status        string `json:"status"`   // "pending", "requires_action", "succeeded", "failed", "canceled"; empty on some old ones
	Reason        string `json:"reason"`
	PendingReason string `json:"pending_reason"` // newer versions only
	FailureReason string `json:"failure_reason"`

	Presentment *Presentment `json:"presentment_details"` // nil where the buyer saw Currency

	Charge        ID `json:"charge"`
	PaymentIntent ID `json:"payment_intent"`

	BalanceTransaction        Expandable[BalanceTransaction] `json:"balance_transaction"`
	FailureBalanceTransaction Expandable[BalanceTransaction] `json:"failure_balance_transaction"` // the money came back

	ReceiptNumber string            `json:"receipt_number"`
	Metadata      map[string]string `json:"metadata"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// UnmarshalJSON reads a refund of any API version. A missing id, amount, currency
// or created is a [*GapError].
func (r *Refund) UnmarshalJSON(b []byte) error {
	type plain Refund
	r.Raw = keep(b)
	return read(b, (*plain)(r), "refund", "id", "created", "amount", "currency")
}

// Parameters of refunds.
type (
	RefundParams       = stripego.RefundParams
	RefundListParams   = stripego.RefundListParams
	RefundCancelParams = stripego.RefundCancelParams
)

// RefundService reads and makes refunds. Every write needs params with an
// idempotency key.
type RefundService struct{ c *Client }

const refunds = "/v1/refunds"

// Get reads a refund; expand names links to read with it ("balance_transaction").
func (s *RefundService) Get(ctx context.Context, id string, expand ...string) (*Refund, error) {
	return get[Refund](ctx, s.c, "refund", refunds, id, expand)
}

// List reads refunds, newest first, for instance those of one charge. A nil params
// lists all.
func (s *RefundService) List(ctx context.Context, params *RefundListParams) iter.Seq2[Refund, error] {
	return pages[Refund](ctx, s.c, "list refunds", refunds, params)
}

// Create gives money back, all that is left of the payment where params have no
// amount. Two refunds of one amount look alike, and a key protects for 24 hours:
// before an old operation is sent again, List the payment's refunds and look for
// its own metadata.
func (s *RefundService) Create(ctx context.Context, params *RefundParams) (*Refund, error) {
	return post[Refund](ctx, s.c, "create refund", refunds, orEmpty(params))
}

// Update changes the metadata.
func (s *RefundService) Update(ctx context.Context, id string, params *RefundParams) (*Refund, error) {
	return act[Refund](ctx, s.c, "update refund", refunds+"/%s", id, orEmpty(params))
}

// Cancel ends a refund that waits for the buyer (status "requires_action"). No other
// can be canceled.
func (s *RefundService) Cancel(ctx context.Context, id string, params *RefundCancelParams) (*Refund, error) {
	return act[Refund](ctx, s.c, "cancel refund", refunds+"/%s/cancel", id, orEmpty(params))
}
