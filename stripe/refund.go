package stripe

import (
	"context"
	"encoding/json"
	"iter"

	stripego "github.com/stripe/stripe-go/v76"
)

// Refund is money on its way back to the buyer.
type Refund struct {
	ID      string    `json:"id"`
	Created Timestamp `json:"created"`

	Amount        int64  `json:"amount"`   // in Stripe's unit of Currency
	Currency      string `json:"currency"` // lower case
	Status        string `json:"status"`   // "pending", "requires_action", "succeeded", "failed", "canceled"; empty on some old ones
	Reason        string `json:"reason"`
	FailureReason string `json:"failure_reason"`

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

// RefundListParams filters refunds.
type RefundListParams = stripego.RefundListParams

// RefundService reads refunds.
type RefundService struct{ c *Client }

// Get reads a refund; expand names links to read with it ("balance_transaction").
func (s *RefundService) Get(ctx context.Context, id string, expand ...string) (*Refund, error) {
	return get[Refund](ctx, s.c, "refund", "/v1/refunds", id, expand)
}

// List reads refunds, newest first, for instance those of one charge. A nil params
// lists all.
func (s *RefundService) List(ctx context.Context, params *RefundListParams) iter.Seq2[Refund, error] {
	return pages[Refund](ctx, s.c, "list refunds", "/v1/refunds", params)
}
