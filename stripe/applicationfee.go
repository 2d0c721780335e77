package stripe

import (
	"context"
	"encoding/json"
	"iter"

	stripego "github.com/stripe/stripe-go/v76"
)

// ApplicationFee is what a platform keeps of a connected account's charge.
type ApplicationFee struct {
	ID       string    `json:"id"`
	Created  Timestamp `json:"created"`
	Livemode bool      `json:"livemode"`

	Amount         int64  `json:"amount"` // in Stripe's unit of Currency
	AmountRefunded int64  `json:"amount_refunded"`
	Currency       string `json:"currency"` // lower case
	Refunded       bool   `json:"refunded"` // wholly

	Account                ID                             `json:"account"` // the connected account
	Application            ID                             `json:"application"`
	Charge                 ID                             `json:"charge"`
	OriginatingTransaction ID                             `json:"originating_transaction"`
	BalanceTransaction     Expandable[BalanceTransaction] `json:"balance_transaction"`
	Refunds                List[FeeRefund]                `json:"refunds"` // the newest ten

	Raw json.RawMessage `json:"-"` // the object as received
}

// UnmarshalJSON reads an application fee of any API version. A missing id, created,
// livemode, amount, amount refunded, currency, refunded, account or refunds is a
// [*GapError].
func (a *ApplicationFee) UnmarshalJSON(b []byte) error {
	type plain ApplicationFee
	a.Raw = keep(b)
	return read(b, (*plain)(a), "application_fee", "id", "created", "livemode", "amount", "amount_refunded", "currency",
		"refunded", "account", "refunds")
}

// FeeRefund is an application fee given back to the connected account.
type FeeRefund struct {
	ID                 string                         `json:"id"`
	Created            Timestamp                      `json:"created"`
	Amount             int64                          `json:"amount"`   // in Stripe's unit of Currency
	Currency           string                         `json:"currency"` // lower case
	Fee                ID                             `json:"fee"`
	BalanceTransaction Expandable[BalanceTransaction] `json:"balance_transaction"`
	Metadata           map[string]string              `json:"metadata"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// UnmarshalJSON reads a fee refund of any API version. A missing id, created,
// amount, currency or fee is a [*GapError].
func (a *FeeRefund) UnmarshalJSON(b []byte) error {
	type plain FeeRefund
	a.Raw = keep(b)
	return read(b, (*plain)(a), "fee_refund", "id", "created", "amount", "currency", "fee")
}

// Parameters of application fees and their refunds.
type (
	ApplicationFeeListParams = stripego.ApplicationFeeListParams
	FeeRefundParams          = stripego.FeeRefundParams
	FeeRefundListParams      = stripego.FeeRefundListParams
)

// ApplicationFeeService reads application fees and refunds them. Every write needs
// params with an idempotency key.
type ApplicationFeeService struct{ c *Client }

const applicationFees = "/v1/application_fees"

// Get reads a fee; expand names links to read with it ("balance_transaction").
func (s *ApplicationFeeService) Get(ctx context.Context, id string, expand ...string) (*ApplicationFee, error) {
	return get[ApplicationFee](ctx, s.c, "application fee", applicationFees, id, expand)
}

// List reads fees, newest first, for instance those of one charge. A nil params
// lists all.
func (s *ApplicationFeeService) List(ctx context.Context, params *ApplicationFeeListParams) iter.Seq2[ApplicationFee, error] {
	return pages[ApplicationFee](ctx, s.c, "list application fees", applicationFees, params)
}

// Refund gives a fee back, all that is left where params have no amount.
func (s *ApplicationFeeService) Refund(ctx context.Context, id string, params *FeeRefundParams) (*FeeRefund, error) {
	return act[FeeRefund](ctx, s.c, "refund application fee", applicationFees+"/%s/refunds", id, orEmpty(params))
}

// Refunds reads the refunds of a fee, newest first.
func (s *ApplicationFeeService) Refunds(ctx context.Context, id string, params *FeeRefundListParams) iter.Seq2[FeeRefund, error] {
	return pagesOf[FeeRefund](ctx, s.c, "list refunds of application fee", applicationFees+"/%s/refunds", id, params)
}

// GetRefund reads one refund of a fee.
func (s *ApplicationFeeService) GetRefund(ctx context.Context, fee, id string) (*FeeRefund, error) {
	return getBelow[FeeRefund](ctx, s.c, "get refund of application fee", applicationFees+"/%s/refunds/%s", fee, id)
}

// UpdateRefund changes the metadata of a refund.
func (s *ApplicationFeeService) UpdateRefund(ctx context.Context, fee, id string, params *FeeRefundParams) (*FeeRefund, error) {
	return act[FeeRefund](ctx, s.c, "update refund of application fee", applicationFees+"/%s/refunds/%s", fee, orEmpty(params), id)
}
