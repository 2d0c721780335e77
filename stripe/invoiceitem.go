package stripe

import (
	"context"
	"encoding/json"
	"iter"

	stripego "github.com/stripe/stripe-go/v76"
)

// InvoiceItem is a line that waits for the customer's next invoice, or was put into a
// draft.
type InvoiceItem struct {
	ID       string    `json:"id"`
	Date     Timestamp `json:"date"` // when it was made
	Livemode bool      `json:"livemode"`

	Amount      int64             `json:"amount"`   // in Stripe's unit of Currency; may be negative
	Currency    string            `json:"currency"` // lower case
	Quantity    int64             `json:"quantity"`
	Description string            `json:"description"`
	Customer    ID                `json:"customer"`
	Invoice     ID                `json:"invoice"` // empty while it waits
	Period      Period            `json:"period"`
	Proration   bool              `json:"proration"`
	Metadata    map[string]string `json:"metadata"`

	// These moved on 2025-03-31: to pricing and parent.
	Price        ID `json:"-"`
	Subscription ID `json:"-"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// UnmarshalJSON reads an invoice item of any API version. A missing id, date,
// livemode, amount, currency, quantity, customer, period or proration is a [*GapError].
func (i *InvoiceItem) UnmarshalJSON(b []byte) error {
	type plain InvoiceItem
	i.Raw = keep(b)
	var places struct {
		Price        ID      `json:"price"`
		Pricing      pricing `json:"pricing"`
		Subscription ID      `json:"subscription"`
		Parent       struct {
			Details struct {
				Subscription ID `json:"subscription"`
			} `json:"subscription_details"`
		} `json:"parent"`
	}
	if err := json.Unmarshal(b, &places); err != nil {
		return err
	}
	if i.Price = places.Price; i.Price == "" {
		i.Price = places.Pricing.Details.Price
	}
	if i.Subscription = places.Subscription; i.Subscription == "" {
		i.Subscription = places.Parent.Details.Subscription
	}
	return read(b, (*plain)(i), "invoiceitem", "id", "date", "livemode", "amount", "currency", "quantity", "customer",
		"period", "proration")
}

// pricing is where a line's price is since 2025-03-31.
type pricing struct {
	Details struct {
		Price ID `json:"price"`
	} `json:"price_details"`
}

// InvoiceItemParams makes or changes an invoice item. It is ours and not stripe-go's,
// which carries floats.
type InvoiceItemParams struct {
	stripego.Params `form:"*"`

	Customer          *string                           `form:"customer"`
	Invoice           *string                           `form:"invoice"` // a draft; nil waits for the next invoice
	Subscription      *string                           `form:"subscription"`
	Amount            *int64                            `form:"amount"` // in Stripe's unit of Currency, or:
	UnitAmount        *int64                            `form:"unit_amount"`
	UnitAmountDecimal *string                           `form:"unit_amount_decimal"` // or:
	Price             *string                           `form:"price"`
	Quantity          *int64                            `form:"quantity"`
	Currency          *string                           `form:"currency"`
	Description       *string                           `form:"description"`
	Discountable      *bool                             `form:"discountable"`
	Expand            []*string                         `form:"expand"`
	Metadata          map[string]string                 `form:"metadata"`
	Period            *stripego.InvoiceItemPeriodParams `form:"period"`
	TaxBehavior       *string                           `form:"tax_behavior"`
	TaxCode           *string                           `form:"tax_code"`
	TaxRates          []*string                         `form:"tax_rates"`
}

// InvoiceItemListParams filters invoice items; Pending true are those that wait.
type InvoiceItemListParams = stripego.InvoiceItemListParams

// InvoiceItemService reads and writes invoice items. Every write needs params with an
// idempotency key.
type InvoiceItemService struct{ c *Client }

const invoiceItems = "/v1/invoiceitems"

// Get reads an invoice item; expand names links to read with it ("invoice").
func (s *InvoiceItemService) Get(ctx context.Context, id string, expand ...string) (*InvoiceItem, error) {
	return get[InvoiceItem](ctx, s.c, "invoice item", invoiceItems, id, expand)
}

// List reads invoice items, newest first. A nil params lists all.
func (s *InvoiceItemService) List(ctx context.Context, params *InvoiceItemListParams) iter.Seq2[InvoiceItem, error] {
	return pages[InvoiceItem](ctx, s.c, "list invoice items", invoiceItems, params)
}

// Create adds a line to a draft, or to the customer's next invoice.
func (s *InvoiceItemService) Create(ctx context.Context, params *InvoiceItemParams) (*InvoiceItem, error) {
	return post[InvoiceItem](ctx, s.c, "create invoice item", invoiceItems, orEmpty(params))
}

// Update changes what is set in params, until the invoice is finalized.
func (s *InvoiceItemService) Update(ctx context.Context, id string, params *InvoiceItemParams) (*InvoiceItem, error) {
	return act[InvoiceItem](ctx, s.c, "update invoice item", invoiceItems+"/%s", id, orEmpty(params))
}

// Delete removes an invoice item that is on no invoice, or on a draft.
func (s *InvoiceItemService) Delete(ctx context.Context, id string, params *DeleteParams) error {
	return remove(ctx, s.c, "delete invoice item", invoiceItems+"/%s", id, orEmpty(params))
}
