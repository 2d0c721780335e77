package stripe

import (
	"context"
	"encoding/json"
	"iter"

	stripego "github.com/stripe/stripe-go/v76"
)

// CheckoutSession is a payment page at Stripe. Completed is not paid: bank debits
// complete days before the money comes, so ask PaymentStatus.
type CheckoutSession struct {
	ID        string    `json:"id"`
	Created   Timestamp `json:"created"`
	ExpiresAt Timestamp `json:"expires_at"`
	Livemode  bool      `json:"livemode"`

	Mode          string `json:"mode"`           // "payment", "setup", "subscription"
	Status        string `json:"status"`         // "open", "complete", "expired"; empty where unknown
	PaymentStatus string `json:"payment_status"` // "paid", "unpaid", "no_payment_required"

	AmountTotal    *int64 `json:"amount_total"` // nil where nothing is computed yet
	AmountSubtotal *int64 `json:"amount_subtotal"`
	Currency       string `json:"currency"` // lower case; empty where AmountTotal is nil

	PaymentIntent     Expandable[PaymentIntent] `json:"payment_intent"` // empty until the buyer pays
	Customer          Expandable[Customer]      `json:"customer"`
	CustomerEmail     string                    `json:"customer_email"`
	CustomerDetails   *CheckoutCustomer         `json:"customer_details"`
	Shipping          *Contact                  `json:"shipping_details"` // also from collected_information, since 2025-03-31
	ClientReferenceID string                    `json:"client_reference_id"`
	Metadata          map[string]string         `json:"metadata"`

	URL        string `json:"url"` // where the buyer pays; empty once closed
	SuccessURL string `json:"success_url"`
	CancelURL  string `json:"cancel_url"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// CheckoutCustomer is what the buyer typed into the page.
type CheckoutCustomer struct {
	Contact
	TaxExempt string `json:"tax_exempt"`
}

// UnmarshalJSON reads a session of any API version. A missing id, mode, payment
// status or created is a [*GapError], and so is a total without a currency.
func (s *CheckoutSession) UnmarshalJSON(b []byte) error {
	type plain CheckoutSession
	s.Raw = keep(b)
	if err := read(b, (*plain)(s), "checkout.session", "id", "created", "mode", "payment_status", "livemode"); err != nil {
		return err
	}
	if s.AmountTotal != nil && s.Currency == "" {
		return &GapError{Object: "checkout.session", ID: s.ID, Field: "currency"}
	}
	if s.Shipping == nil {
		var moved struct {
			Collected *struct {
				Shipping *Contact `json:"shipping_details"`
			} `json:"collected_information"`
		}
		if err := json.Unmarshal(b, &moved); err != nil {
			return err
		}
		if moved.Collected != nil {
			s.Shipping = moved.Collected.Shipping
		}
	}
	return nil
}

// CheckoutSessionParams makes a payment page. It is ours and not stripe-go's,
// whose line items carry a float.
type CheckoutSessionParams struct {
	stripego.Params `form:"*"`

	Mode               *string                       `form:"mode"` // "payment"
	LineItems          []*CheckoutSessionLineItem    `form:"line_items"`
	SuccessURL         *string                       `form:"success_url"`
	CancelURL          *string                       `form:"cancel_url"`
	ClientReferenceID  *string                       `form:"client_reference_id"`
	Customer           *string                       `form:"customer"`
	CustomerEmail      *string                       `form:"customer_email"`
	ExpiresAt          *int64                        `form:"expires_at"`
	Expand             []*string                     `form:"expand"`
	Locale             *string                       `form:"locale"`
	Metadata           map[string]string             `form:"metadata"`
	PaymentIntentData  *CheckoutSessionPaymentIntent `form:"payment_intent_data"`
	PaymentMethodTypes []*string                     `form:"payment_method_types"`
}

// CheckoutSessionLineItem is one line of the page.
type CheckoutSessionLineItem struct {
	Price     *string               `form:"price"` // a price of the account, or:
	PriceData *CheckoutSessionPrice `form:"price_data"`
	Quantity  *int64                `form:"quantity"`
}

// CheckoutSessionPrice is a price made up for one line.
type CheckoutSessionPrice struct {
	Currency    *string                 `form:"currency"`
	UnitAmount  *int64                  `form:"unit_amount"` // in Stripe's unit of Currency
	ProductData *CheckoutSessionProduct `form:"product_data"`
}

// CheckoutSessionProduct is what the line is called.
type CheckoutSessionProduct struct {
	Name *string `form:"name"`
}

// CheckoutSessionPaymentIntent is passed on to the payment intent.
type CheckoutSessionPaymentIntent = stripego.CheckoutSessionPaymentIntentDataParams

// More parameters of Checkout sessions.
type (
	CheckoutSessionListParams   = stripego.CheckoutSessionListParams
	CheckoutSessionExpireParams = stripego.CheckoutSessionExpireParams
)

// CheckoutSessionService reads and writes Checkout sessions. Every write needs
// params with an idempotency key.
type CheckoutSessionService struct{ c *Client }

const checkoutSessions = "/v1/checkout/sessions"

// Get reads a session; expand names links to read with it ("payment_intent").
func (s *CheckoutSessionService) Get(ctx context.Context, id string, expand ...string) (*CheckoutSession, error) {
	return get[CheckoutSession](ctx, s.c, "checkout session", checkoutSessions, id, expand)
}

// List reads sessions, newest first, for instance those of one payment intent. A
// nil params lists all.
func (s *CheckoutSessionService) List(ctx context.Context, params *CheckoutSessionListParams) iter.Seq2[CheckoutSession, error] {
	return pages[CheckoutSession](ctx, s.c, "list checkout sessions", checkoutSessions, params)
}

// Create makes a session.
func (s *CheckoutSessionService) Create(ctx context.Context, params *CheckoutSessionParams) (*CheckoutSession, error) {
	return post[CheckoutSession](ctx, s.c, "create checkout session", checkoutSessions, orEmpty(params))
}

// Expire closes an open session, so that nobody can pay by it any more. One that
// is not open is an error of kind invalid: read it to see whether it was paid.
func (s *CheckoutSessionService) Expire(ctx context.Context, id string, params *CheckoutSessionExpireParams) (*CheckoutSession, error) {
	return act[CheckoutSession](ctx, s.c, "expire checkout session", checkoutSessions+"/%s/expire", id, orEmpty(params))
}
