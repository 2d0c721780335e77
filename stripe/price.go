package stripe

import (
	"context"
	"encoding/json"
	"iter"

	stripego "github.com/stripe/stripe-go/v76"
)

// Price is what one unit of a product costs. Newer API versions give only its id in
// some places, and then nothing but the ID is set.
type Price struct {
	ID       string    `json:"id"`
	Created  Timestamp `json:"created"`
	Livemode bool      `json:"livemode"`

	Active   bool   `json:"active"`
	Nickname string `json:"nickname"` // for people
	// LookupKey finds the price under a name that stays while prices come and go.
	LookupKey string `json:"lookup_key"`
	Currency  string `json:"currency"` // lower case
	Product   ID     `json:"product"`
	Type      string `json:"type"` // "one_time", "recurring"
	// TaxBehavior is "inclusive", "exclusive" or "unspecified".
	TaxBehavior string `json:"tax_behavior"`

	UnitAmount *int64 `json:"unit_amount"` // in Stripe's unit of Currency; nil where tiered or finer than a unit
	// UnitAmountDecimal is decimal text with up to 12 places, in the same unit.
	UnitAmountDecimal string `json:"unit_amount_decimal"`

	Recurring *Recurring        `json:"recurring"` // nil where it is due once
	Metadata  map[string]string `json:"metadata"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// Recurring is how often a price is due.
type Recurring struct {
	Interval      string `json:"interval"` // "day", "week", "month", "year"
	IntervalCount int64  `json:"interval_count"`
}

// UnmarshalJSON reads an interval. A missing interval or count is a [*GapError].
func (r *Recurring) UnmarshalJSON(b []byte) error {
	type plain Recurring
	return read(b, (*plain)(r), "recurring", "interval", "interval_count")
}

// UnmarshalJSON reads a price, or the id alone as newer versions have it. Of a whole
// one a missing id, livemode, active, currency, product or type is a [*GapError].
func (p *Price) UnmarshalJSON(b []byte) error {
	type plain Price
	p.Raw = keep(b)
	switch {
	case string(b) == "null":
		return nil
	case len(b) > 0 && b[0] == '"':
		return json.Unmarshal(b, &p.ID)
	}
	return read(b, (*plain)(p), "price", "id", "livemode", "active", "currency", "product", "type")
}

// PriceParams makes or changes a price. It is ours and not stripe-go's, which carries
// floats. Amount, currency and product can not be changed later: make a new price.
type PriceParams struct {
	stripego.Params `form:"*"`

	Active            *bool                          `form:"active"`
	Currency          *string                        `form:"currency"`
	Product           *string                        `form:"product"`
	ProductData       *CheckoutSessionProduct        `form:"product_data"` // makes the product too
	UnitAmount        *int64                         `form:"unit_amount"`  // in Stripe's unit of Currency, or:
	UnitAmountDecimal *string                        `form:"unit_amount_decimal"`
	Expand            []*string                      `form:"expand"`
	LookupKey         *string                        `form:"lookup_key"`
	TransferLookupKey *bool                          `form:"transfer_lookup_key"` // takes the key from the price that has it
	Metadata          map[string]string              `form:"metadata"`
	Nickname          *string                        `form:"nickname"`
	Recurring         *stripego.PriceRecurringParams `form:"recurring"`
	TaxBehavior       *string                        `form:"tax_behavior"`
}

// PriceListParams filters prices.
type PriceListParams = stripego.PriceListParams

// PriceService reads and writes prices. Every write needs params with an idempotency
// key.
type PriceService struct{ c *Client }

const prices = "/v1/prices"

// Get reads a price; expand names links to read with it ("product").
func (s *PriceService) Get(ctx context.Context, id string, expand ...string) (*Price, error) {
	return get[Price](ctx, s.c, "price", prices, id, expand)
}

// List reads prices, newest first, for instance those of some lookup keys. A nil
// params lists all.
func (s *PriceService) List(ctx context.Context, params *PriceListParams) iter.Seq2[Price, error] {
	return pages[Price](ctx, s.c, "list prices", prices, params)
}

// Search finds prices by Stripe's query language, with the caveats of
// [ChargeService.Search].
func (s *PriceService) Search(ctx context.Context, query string, expand ...string) iter.Seq2[Price, error] {
	return searched[Price](ctx, s.c, "prices", prices, query, expand)
}

// Create makes a price.
func (s *PriceService) Create(ctx context.Context, params *PriceParams) (*Price, error) {
	return post[Price](ctx, s.c, "create price", prices, orEmpty(params))
}

// Update changes what is set in params; Active false ends a price, which can not be
// deleted.
func (s *PriceService) Update(ctx context.Context, id string, params *PriceParams) (*Price, error) {
	return act[Price](ctx, s.c, "update price", prices+"/%s", id, orEmpty(params))
}
