package stripe

import (
	"context"
	"encoding/json"
	"iter"

	stripego "github.com/stripe/stripe-go/v76"
)

// PaymentLink is a page at Stripe that anybody may pay on, any number of times;
// each visit makes a Checkout session.
type PaymentLink struct {
	ID       string `json:"id"`
	Livemode bool   `json:"livemode"`

	Active   bool              `json:"active"`
	URL      string            `json:"url"`
	Currency string            `json:"currency"` // lower case
	Metadata map[string]string `json:"metadata"` // copied to its sessions

	Raw json.RawMessage `json:"-"` // the object as received
}

// UnmarshalJSON reads a payment link of any API version. A missing id, livemode,
// active or url is a [*GapError].
func (l *PaymentLink) UnmarshalJSON(b []byte) error {
	type plain PaymentLink
	l.Raw = keep(b)
	return read(b, (*plain)(l), "payment_link", "id", "livemode", "active", "url")
}

// PaymentLinkParams makes or changes a payment link. It is ours and not stripe-go's,
// which carries a float.
type PaymentLinkParams struct {
	stripego.Params `form:"*"`

	Active               *bool                                        `form:"active"`
	LineItems            []*stripego.PaymentLinkLineItemParams        `form:"line_items"`
	AfterCompletion      *stripego.PaymentLinkAfterCompletionParams   `form:"after_completion"`
	ApplicationFeeAmount *int64                                       `form:"application_fee_amount"`
	Currency             *string                                      `form:"currency"`
	CustomerCreation     *string                                      `form:"customer_creation"`
	Expand               []*string                                    `form:"expand"`
	InactiveMessage      *string                                      `form:"inactive_message"`
	Metadata             map[string]string                            `form:"metadata"`
	OnBehalfOf           *string                                      `form:"on_behalf_of"`
	PaymentIntentData    *stripego.PaymentLinkPaymentIntentDataParams `form:"payment_intent_data"`
	PaymentMethodTypes   []*string                                    `form:"payment_method_types"`
	Restrictions         *stripego.PaymentLinkRestrictionsParams      `form:"restrictions"`
}

// More parameters of payment links.
type (
	PaymentLinkListParams      = stripego.PaymentLinkListParams
	PaymentLinkListLinesParams = stripego.PaymentLinkListLineItemsParams
)

// PaymentLinkService reads and writes payment links. Every write needs params with
// an idempotency key.
type PaymentLinkService struct{ c *Client }

const paymentLinks = "/v1/payment_links"

// Get reads a payment link; expand names links to read with it ("line_items").
func (s *PaymentLinkService) Get(ctx context.Context, id string, expand ...string) (*PaymentLink, error) {
	return get[PaymentLink](ctx, s.c, "payment link", paymentLinks, id, expand)
}

// List reads payment links, newest first. A nil params lists all.
func (s *PaymentLinkService) List(ctx context.Context, params *PaymentLinkListParams) iter.Seq2[PaymentLink, error] {
	return pages[PaymentLink](ctx, s.c, "list payment links", paymentLinks, params)
}

// Create makes a payment link.
func (s *PaymentLinkService) Create(ctx context.Context, params *PaymentLinkParams) (*PaymentLink, error) {
	return post[PaymentLink](ctx, s.c, "create payment link", paymentLinks, orEmpty(params))
}

// Update changes what is set in params; Active false closes the link, which can not
// be deleted.
func (s *PaymentLinkService) Update(ctx context.Context, id string, params *PaymentLinkParams) (*PaymentLink, error) {
	return act[PaymentLink](ctx, s.c, "update payment link", paymentLinks+"/%s", id, orEmpty(params))
}

// Lines reads all lines of a payment link.
func (s *PaymentLinkService) Lines(ctx context.Context, id string, params *PaymentLinkListLinesParams) iter.Seq2[LineItem, error] {
	return pagesOf[LineItem](ctx, s.c, "list lines of payment link", paymentLinks+"/%s/line_items", id, params)
}
