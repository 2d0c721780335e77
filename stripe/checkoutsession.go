package stripe

import (
	"context"
	"encoding/json"
	"iter"

	stripego "github.com/stripe/stripe-go/v76"

	"github.com/commercesync/commerce"
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

	PaymentIntent Expandable[PaymentIntent] `json:"payment_intent"` // empty until the buyer pays
	SetupIntent   ID                        `json:"setup_intent"`   // of mode "setup"
	Subscription  ID                        `json:"subscription"`   // of mode "subscription", once complete
	Invoice       ID                        `json:"invoice"`
	PaymentLink   ID                        `json:"payment_link"` // that it was made by
	Customer      Expandable[Customer]      `json:"customer"`
	// CustomerAccount is who the customer is where that is an account; newer versions only.
	CustomerAccount   string            `json:"customer_account"`
	CustomerEmail     string            `json:"customer_email"`
	CustomerDetails   *CheckoutCustomer `json:"customer_details"`
	Shipping          *Contact          `json:"-"` // shipping_details, since 2025-03-31 in collected_information
	ClientReferenceID string            `json:"client_reference_id"`
	Metadata          map[string]string `json:"metadata"`

	URL        string `json:"url"` // where the buyer pays; empty once closed
	SuccessURL string `json:"success_url"`
	CancelURL  string `json:"cancel_url"`

	// ClientSecret opens an embedded page in a browser; UIMode is "embedded" then. Raw
	// has "[sealed]" in its place.
	ClientSecret commerce.Secret `json:"-"`
	UIMode       string          `json:"ui_mode"` // "hosted", "embedded"; others since 2025

	Raw json.RawMessage `json:"-"` // the object as received, client secret sealed
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
	var more struct {
		ClientSecret string   `json:"client_secret"`
		Shipping     *Contact `json:"shipping_details"`
		Collected    struct {
			Shipping *Contact `json:"shipping_details"`
		} `json:"collected_information"`
	}
	if err := json.Unmarshal(b, &more); err != nil {
		return err
	}
	s.Raw, s.ClientSecret, s.Shipping = keep(b), commerce.NewSecret(more.ClientSecret), more.Shipping
	if s.Shipping == nil {
		s.Shipping = more.Collected.Shipping
	}
	if err := read(b, (*plain)(s), "checkout.session", "id", "created", "mode", "payment_status", "livemode"); err != nil {
		return err
	}
	if s.AmountTotal != nil && s.Currency == "" {
		return &GapError{Object: "checkout.session", ID: s.ID, Field: "currency"}
	}
	return nil
}

// CheckoutSessionParams makes a payment page. It is ours and not stripe-go's,
// whose line items carry a float.
type CheckoutSessionParams struct {
	stripego.Params `form:"*"`

	Mode               *string                       `form:"mode"` // "payment", "setup", "subscription"
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

	AllowPromotionCodes       *bool                                                    `form:"allow_promotion_codes"`
	AutomaticTax              *stripego.CheckoutSessionAutomaticTaxParams              `form:"automatic_tax"`
	BillingAddressCollection  *string                                                  `form:"billing_address_collection"`
	Currency                  *string                                                  `form:"currency"`
	CustomerCreation          *string                                                  `form:"customer_creation"`
	Discounts                 []*stripego.CheckoutSessionDiscountParams                `form:"discounts"`
	InvoiceCreation           *stripego.CheckoutSessionInvoiceCreationParams           `form:"invoice_creation"`
	ReturnURL                 *string                                                  `form:"return_url"` // of an embedded page
	SetupIntentData           *stripego.CheckoutSessionSetupIntentDataParams           `form:"setup_intent_data"`
	ShippingAddressCollection *stripego.CheckoutSessionShippingAddressCollectionParams `form:"shipping_address_collection"`
	ShippingOptions           []*stripego.CheckoutSessionShippingOptionParams          `form:"shipping_options"`
	SubmitType                *string                                                  `form:"submit_type"`
	SubscriptionData          *CheckoutSessionSubscription                             `form:"subscription_data"`
	TaxIDCollection           *stripego.CheckoutSessionTaxIDCollectionParams           `form:"tax_id_collection"`
	UIMode                    *string                                                  `form:"ui_mode"`
}

// CheckoutSessionSubscription is passed on to the subscription.
type CheckoutSessionSubscription struct {
	Description       *string           `form:"description"`
	Metadata          map[string]string `form:"metadata"`
	OnBehalfOf        *string           `form:"on_behalf_of"`
	ProrationBehavior *string           `form:"proration_behavior"`
	TrialEnd          *int64            `form:"trial_end"`
	TrialPeriodDays   *int64            `form:"trial_period_days"`
}

// CheckoutSessionLineItem is one line of the page.
type CheckoutSessionLineItem struct {
	Price     *string               `form:"price"` // a price of the account, or:
	PriceData *CheckoutSessionPrice `form:"price_data"`
	Quantity  *int64                `form:"quantity"`
}

// CheckoutSessionPrice is a price made up for one line.
type CheckoutSessionPrice struct {
	Currency    *string                   `form:"currency"`
	UnitAmount  *int64                    `form:"unit_amount"` // in Stripe's unit of Currency
	ProductData *CheckoutSessionProduct   `form:"product_data"`
	Recurring   *CheckoutSessionRecurring `form:"recurring"` // of mode "subscription"
	TaxBehavior *string                   `form:"tax_behavior"`
}

// CheckoutSessionRecurring is how often a price is due.
type CheckoutSessionRecurring struct {
	Interval      *string `form:"interval"` // "day", "week", "month", "year"
	IntervalCount *int64  `form:"interval_count"`
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

	CheckoutSessionListLinesParams = stripego.CheckoutSessionListLineItemsParams
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

// Lines reads all lines of a session.
func (s *CheckoutSessionService) Lines(ctx context.Context, id string, params *CheckoutSessionListLinesParams) iter.Seq2[LineItem, error] {
	return pagesOf[LineItem](ctx, s.c, "list lines of checkout session", checkoutSessions+"/%s/line_items", id, params)
}
