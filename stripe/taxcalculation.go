package stripe

import (
	"context"
	"encoding/json"
	"iter"

	stripego "github.com/stripe/stripe-go/v76"
)

// TaxCalculation is the tax of a sale that has not happened yet. Book it with
// [TaxTransactionService.Create] once the sale is paid, before ExpiresAt.
type TaxCalculation struct {
	ID        string    `json:"id"`         // empty for one that can not be booked
	ExpiresAt Timestamp `json:"expires_at"` // 0 where it can not be booked
	TaxDate   Timestamp `json:"tax_date"`   // the day whose rates count
	Livemode  bool      `json:"livemode"`

	Currency     string `json:"currency"`             // lower case
	AmountTotal  int64  `json:"amount_total"`         // with tax, in Stripe's unit of Currency
	TaxExclusive int64  `json:"tax_amount_exclusive"` // on top of the amounts
	TaxInclusive int64  `json:"tax_amount_inclusive"` // inside the amounts

	Customer     ID                        `json:"customer"`
	LineItems    *List[TaxTransactionLine] `json:"line_items"`    // nil unless expanded; Lines of the service reads all
	ShippingCost *TaxShippingCost          `json:"shipping_cost"` // nil where there is none
	Breakdown    []TaxBreakdown            `json:"tax_breakdown"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// TaxBreakdown is the tax of one rate.
type TaxBreakdown struct {
	Amount        int64  `json:"amount"` // in Stripe's unit of the calculation's currency
	TaxableAmount int64  `json:"taxable_amount"`
	Inclusive     bool   `json:"inclusive"`
	Reason        string `json:"taxability_reason"` // "standard_rated", "reverse_charge", "not_collecting" …
	Rate          struct {
		Country string `json:"country"` // ISO 3166 alpha-2
		State   string `json:"state"`
		Percent string `json:"percentage_decimal"` // decimal text: "19.0"
		Type    string `json:"tax_type"`           // "vat", "sales_tax" …
	} `json:"tax_rate_details"`
}

// UnmarshalJSON reads a tax calculation. A missing tax date, livemode, currency, total
// or tax is a [*GapError].
func (t *TaxCalculation) UnmarshalJSON(b []byte) error {
	type plain TaxCalculation
	t.Raw = keep(b)
	return read(b, (*plain)(t), "tax.calculation", "tax_date", "livemode", "currency", "amount_total",
		"tax_amount_exclusive", "tax_amount_inclusive")
}

// UnmarshalJSON reads the tax of one rate. A missing amount, taxable amount or
// inclusive is a [*GapError].
func (t *TaxBreakdown) UnmarshalJSON(b []byte) error {
	type plain TaxBreakdown
	return read(b, (*plain)(t), "tax_breakdown", "amount", "taxable_amount", "inclusive")
}

// TaxShippingCost is what shipping costs, and its tax.
type TaxShippingCost struct {
	Amount    int64  `json:"amount"` // in Stripe's unit of the currency; negative in a reversal
	AmountTax int64  `json:"amount_tax"`
	Behavior  string `json:"tax_behavior"` // "inclusive", "exclusive"
	TaxCode   string `json:"tax_code"`
}

// UnmarshalJSON reads a cost. A missing amount or tax is a [*GapError].
func (c *TaxShippingCost) UnmarshalJSON(b []byte) error {
	type plain TaxShippingCost
	return read(b, (*plain)(c), "shipping_cost", "amount", "amount_tax")
}

// Parameters of tax calculations.
type (
	TaxCalculationParams          = stripego.TaxCalculationParams
	TaxCalculationListLinesParams = stripego.TaxCalculationListLineItemsParams
)

// TaxCalculationService computes taxes. Every write needs params with an idempotency
// key.
type TaxCalculationService struct{ c *Client }

const taxCalculations = "/v1/tax/calculations"

// Create computes the tax of a sale. The API version of this client can not read a
// calculation again: keep what it answers.
func (s *TaxCalculationService) Create(ctx context.Context, params *TaxCalculationParams) (*TaxCalculation, error) {
	return post[TaxCalculation](ctx, s.c, "create tax calculation", taxCalculations, orEmpty(params))
}

// Lines reads all lines of a tax calculation.
func (s *TaxCalculationService) Lines(ctx context.Context, id string, params *TaxCalculationListLinesParams) iter.Seq2[TaxTransactionLine, error] {
	return pagesOf[TaxTransactionLine](ctx, s.c, "list lines of tax calculation", taxCalculations+"/%s/line_items", id, params)
}
