package stripe

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"

	stripego "github.com/stripe/stripe-go/v76"
)

// Subscription is a promise to pay again and again.
type Subscription struct {
	ID       string    `json:"id"`
	Created  Timestamp `json:"created"`
	Livemode bool      `json:"livemode"`

	// Status is "trialing", "active", "incomplete", "incomplete_expired", "past_due",
	// "canceled", "unpaid" or "paused".
	Status   string               `json:"status"`
	Currency string               `json:"currency"` // lower case
	Customer Expandable[Customer] `json:"customer"`
	// CustomerAccount is who the customer is where that is an account; newer versions only.
	CustomerAccount  string              `json:"customer_account"`
	CollectionMethod string              `json:"collection_method"` // "charge_automatically", "send_invoice"
	LatestInvoice    Expandable[Invoice] `json:"latest_invoice"`

	// CurrentPeriodStart and CurrentPeriodEnd are the period now paid for. Since
	// 2025-03-31 every item has its own: here are the earliest start and the latest end.
	CurrentPeriodStart Timestamp `json:"current_period_start"`
	CurrentPeriodEnd   Timestamp `json:"current_period_end"`

	StartDate         Timestamp `json:"start_date"`
	EndedAt           Timestamp `json:"ended_at"`
	CancelAt          Timestamp `json:"cancel_at"`
	CanceledAt        Timestamp `json:"canceled_at"`
	CancelAtPeriodEnd bool      `json:"cancel_at_period_end"`
	TrialStart        Timestamp `json:"trial_start"`
	TrialEnd          Timestamp `json:"trial_end"`

	Items     List[SubscriptionItem] `json:"items"`     // the first ten; Items of the service reads all
	Discounts []Discount             `json:"discounts"` // before 2025-03-31 at most one

	DefaultPaymentMethod ID                `json:"default_payment_method"`
	Description          string            `json:"description"`
	Metadata             map[string]string `json:"metadata"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// UnmarshalJSON reads a subscription of any API version. A missing id, created,
// livemode, status, currency, customer, items or whether it is to end with the period is
// a [*GapError], and so is a current period that is neither here nor at the items.
func (s *Subscription) UnmarshalJSON(b []byte) error {
	type plain Subscription
	s.Raw = keep(b)
	if err := read(b, (*plain)(s), "subscription", "id", "created", "livemode", "status", "currency", "customer", "items",
		"cancel_at_period_end"); err != nil {
		return err
	}
	if s.Discounts == nil {
		var old struct {
			Discount *Discount `json:"discount"`
		}
		if err := json.Unmarshal(b, &old); err != nil {
			return err
		}
		if old.Discount != nil {
			s.Discounts = []Discount{*old.Discount}
		}
	}
	start, end := Timestamp(0), Timestamp(0)
	for _, i := range s.Items.Data {
		if start == 0 || i.CurrentPeriodStart != 0 && i.CurrentPeriodStart < start {
			start = i.CurrentPeriodStart
		}
		end = max(end, i.CurrentPeriodEnd)
	}
	for _, at := range []struct {
		name  string
		field *Timestamp
		items Timestamp
	}{{"current_period_start", &s.CurrentPeriodStart, start}, {"current_period_end", &s.CurrentPeriodEnd, end}} {
		if *at.field == 0 {
			*at.field = at.items
		}
		if *at.field == 0 {
			return &GapError{Object: "subscription", ID: s.ID, Field: at.name}
		}
	}
	return nil
}

// SubscriptionItem is one price of a subscription.
type SubscriptionItem struct {
	ID           string            `json:"id"`
	Created      Timestamp         `json:"created"`
	Price        Price             `json:"price"`
	Quantity     *int64            `json:"quantity"` // nil where it is metered
	Subscription ID                `json:"subscription"`
	Metadata     map[string]string `json:"metadata"`

	CurrentPeriodStart Timestamp `json:"current_period_start"` // since 2025-03-31
	CurrentPeriodEnd   Timestamp `json:"current_period_end"`   // since 2025-03-31
}

// UnmarshalJSON reads an item of any API version. A missing id, price or
// subscription is a [*GapError].
func (i *SubscriptionItem) UnmarshalJSON(b []byte) error {
	type plain SubscriptionItem
	return read(b, (*plain)(i), "subscription_item", "id", "price", "subscription")
}

// SubscriptionParams makes or changes a subscription. It is ours and not
// stripe-go's, which carries floats.
type SubscriptionParams struct {
	stripego.Params `form:"*"`

	Customer             *string                                     `form:"customer"`
	Items                []*SubscriptionItemParams                   `form:"items"`
	Currency             *string                                     `form:"currency"`
	CollectionMethod     *string                                     `form:"collection_method"`
	DaysUntilDue         *int64                                      `form:"days_until_due"`
	DefaultPaymentMethod *string                                     `form:"default_payment_method"`
	BackdateStartDate    *int64                                      `form:"backdate_start_date"`
	BillingCycleAnchor   *int64                                      `form:"billing_cycle_anchor"`
	CancelAt             *int64                                      `form:"cancel_at"`
	CancelAtPeriodEnd    *bool                                       `form:"cancel_at_period_end"`
	Coupon               *string                                     `form:"coupon"`
	Description          *string                                     `form:"description"`
	Expand               []*string                                   `form:"expand"`
	Metadata             map[string]string                           `form:"metadata"`
	OffSession           *bool                                       `form:"off_session"`
	OnBehalfOf           *string                                     `form:"on_behalf_of"`
	PauseCollection      *stripego.SubscriptionPauseCollectionParams `form:"pause_collection"`
	PaymentBehavior      *string                                     `form:"payment_behavior"`
	PromotionCode        *string                                     `form:"promotion_code"`
	ProrationBehavior    *string                                     `form:"proration_behavior"`
	TrialEnd             *int64                                      `form:"trial_end"`
	TrialPeriodDays      *int64                                      `form:"trial_period_days"`
	TrialSettings        *stripego.SubscriptionTrialSettingsParams   `form:"trial_settings"`
}

// SubscriptionItemParams is one price of a subscription to be made or changed.
type SubscriptionItemParams struct {
	ID       *string           `form:"id"` // of the item to change; nil adds one
	Deleted  *bool             `form:"deleted"`
	Price    *string           `form:"price"` // a price of the account
	Quantity *int64            `form:"quantity"`
	TaxRates []*string         `form:"tax_rates"`
	Metadata map[string]string `form:"metadata"`
}

// More parameters of subscriptions.
type (
	SubscriptionListParams   = stripego.SubscriptionListParams
	SubscriptionCancelParams = stripego.SubscriptionCancelParams
	SubscriptionResumeParams = stripego.SubscriptionResumeParams

	SubscriptionListItemsParams = stripego.SubscriptionItemListParams
)

// SubscriptionService reads and writes subscriptions. Every write needs params with
// an idempotency key.
type SubscriptionService struct{ c *Client }

const subscriptions = "/v1/subscriptions"

// Get reads a subscription; expand names links to read with it ("latest_invoice").
func (s *SubscriptionService) Get(ctx context.Context, id string, expand ...string) (*Subscription, error) {
	return get[Subscription](ctx, s.c, "subscription", subscriptions, id, expand)
}

// List reads subscriptions that are not canceled, newest first; Status "all" reads
// those too.
func (s *SubscriptionService) List(ctx context.Context, params *SubscriptionListParams) iter.Seq2[Subscription, error] {
	return pages[Subscription](ctx, s.c, "list subscriptions", subscriptions, params)
}

// Search finds subscriptions by Stripe's query language, with the caveats of
// [ChargeService.Search].
func (s *SubscriptionService) Search(ctx context.Context, query string, expand ...string) iter.Seq2[Subscription, error] {
	return searched[Subscription](ctx, s.c, "subscriptions", subscriptions, query, expand)
}

// Items reads all items of a subscription.
func (s *SubscriptionService) Items(ctx context.Context, id string, params *SubscriptionListItemsParams) iter.Seq2[SubscriptionItem, error] {
	p := SubscriptionListItemsParams{}
	if params != nil {
		p = *params
	}
	p.Subscription = &id
	return pages[SubscriptionItem](ctx, s.c, "list items of subscription "+id, "/v1/subscription_items", &p)
}

// Create makes a subscription and its first invoice.
func (s *SubscriptionService) Create(ctx context.Context, params *SubscriptionParams) (*Subscription, error) {
	return post[Subscription](ctx, s.c, "create subscription", subscriptions, orEmpty(params))
}

// Update changes what is set in params. A change of items is prorated unless
// ProrationBehavior says otherwise.
func (s *SubscriptionService) Update(ctx context.Context, id string, params *SubscriptionParams) (*Subscription, error) {
	return act[Subscription](ctx, s.c, "update subscription", subscriptions+"/%s", id, orEmpty(params))
}

// Cancel ends a subscription now. To let the paid period run out, Update
// CancelAtPeriodEnd. Stripe keeps no answer for it under the key, so where the answer
// was lost a repetition finds nothing to cancel: the outcome is unknown, and Get says.
func (s *SubscriptionService) Cancel(ctx context.Context, id string, params *SubscriptionCancelParams) (*Subscription, error) {
	op, path, err := place("cancel subscription", subscriptions+"/%s", []string{id})
	if err != nil {
		return nil, err
	}
	out := &Subscription{}
	if err := s.c.do(ctx, call{op: op, method: http.MethodDelete, path: path, params: orEmpty(params)}, out); err != nil {
		return nil, err
	}
	return out, nil
}

// Resume begins a paused subscription again.
func (s *SubscriptionService) Resume(ctx context.Context, id string, params *SubscriptionResumeParams) (*Subscription, error) {
	return act[Subscription](ctx, s.c, "resume subscription", subscriptions+"/%s/resume", id, orEmpty(params))
}
