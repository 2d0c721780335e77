package stripe

import (
	"context"
	"encoding/json"
	"iter"

	stripego "github.com/stripe/stripe-go/v76"
)

// PaymentMethod is a card or an account that can be paid with. Every type has its
// own object in Raw; the card's is read.
type PaymentMethod struct {
	ID       string    `json:"id"`
	Created  Timestamp `json:"created"`
	Livemode bool      `json:"livemode"`

	Type     string               `json:"type"` // "card", "sepa_debit", "ideal" …
	Card     *PaymentMethodCard   `json:"card"`
	Customer Expandable[Customer] `json:"customer"` // empty where it can be used once
	// CustomerAccount is who the customer is where that is an account; newer versions only.
	CustomerAccount string            `json:"customer_account"`
	Billing         Contact           `json:"billing_details"`
	Metadata        map[string]string `json:"metadata"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// PaymentMethodCard describes a card; no full number, ever.
type PaymentMethodCard struct {
	CardDetails
	ExpMonth int64 `json:"exp_month"`
	ExpYear  int64 `json:"exp_year"`
}

// UnmarshalJSON reads a card. A missing month or year of its end is a [*GapError].
func (c *PaymentMethodCard) UnmarshalJSON(b []byte) error {
	type plain PaymentMethodCard
	return read(b, (*plain)(c), "card", "exp_month", "exp_year")
}

// UnmarshalJSON reads a payment method of any API version. A missing id, created,
// livemode or type is a [*GapError].
func (p *PaymentMethod) UnmarshalJSON(b []byte) error {
	type plain PaymentMethod
	p.Raw = keep(b)
	return read(b, (*plain)(p), "payment_method", "id", "created", "livemode", "type")
}

// Parameters of payment methods.
type (
	PaymentMethodParams       = stripego.PaymentMethodParams
	PaymentMethodListParams   = stripego.PaymentMethodListParams
	PaymentMethodAttachParams = stripego.PaymentMethodAttachParams
	PaymentMethodDetachParams = stripego.PaymentMethodDetachParams
)

// PaymentMethodService reads and writes payment methods. Every write needs params
// with an idempotency key.
type PaymentMethodService struct{ c *Client }

const paymentMethods = "/v1/payment_methods"

// Get reads a payment method; expand names links to read with it ("customer").
func (s *PaymentMethodService) Get(ctx context.Context, id string, expand ...string) (*PaymentMethod, error) {
	return get[PaymentMethod](ctx, s.c, "payment method", paymentMethods, id, expand)
}

// List reads payment methods, newest first. Those of one customer are read by
// [CustomerService.PaymentMethods].
func (s *PaymentMethodService) List(ctx context.Context, params *PaymentMethodListParams) iter.Seq2[PaymentMethod, error] {
	return pages[PaymentMethod](ctx, s.c, "list payment methods", paymentMethods, params)
}

// Create makes a payment method. Card numbers belong into a browser's form at
// Stripe, not into a program of yours.
func (s *PaymentMethodService) Create(ctx context.Context, params *PaymentMethodParams) (*PaymentMethod, error) {
	return post[PaymentMethod](ctx, s.c, "create payment method", paymentMethods, orEmpty(params))
}

// Update changes billing details and metadata.
func (s *PaymentMethodService) Update(ctx context.Context, id string, params *PaymentMethodParams) (*PaymentMethod, error) {
	return act[PaymentMethod](ctx, s.c, "update payment method", paymentMethods+"/%s", id, orEmpty(params))
}

// Attach gives a payment method to a customer.
func (s *PaymentMethodService) Attach(ctx context.Context, id string, params *PaymentMethodAttachParams) (*PaymentMethod, error) {
	return act[PaymentMethod](ctx, s.c, "attach payment method", paymentMethods+"/%s/attach", id, orEmpty(params))
}

// Detach takes a payment method from its customer; it can not be used again.
func (s *PaymentMethodService) Detach(ctx context.Context, id string, params *PaymentMethodDetachParams) (*PaymentMethod, error) {
	return act[PaymentMethod](ctx, s.c, "detach payment method", paymentMethods+"/%s/detach", id, orEmpty(params))
}
