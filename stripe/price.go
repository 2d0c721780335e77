package stripe

import "encoding/json"

// Price is what one unit of a product costs.
type Price struct {
	ID       string `json:"id"`
	Active   bool   `json:"active"`
	Currency string `json:"currency"` // lower case
	Product  ID     `json:"product"`
	Type     string `json:"type"` // "one_time", "recurring"

	UnitAmount *int64 `json:"unit_amount"` // in Stripe's unit of Currency; nil where tiered or finer than a unit
	// UnitAmountDecimal is decimal text with up to 12 places, in the same unit.
	UnitAmountDecimal string `json:"unit_amount_decimal"`

	Recurring *struct {
		Interval      string `json:"interval"` // "day", "week", "month", "year"
		IntervalCount int64  `json:"interval_count"`
	} `json:"recurring"`
	Metadata map[string]string `json:"metadata"`
}

// UnmarshalJSON reads a price, or the id alone as newer versions have it.
func (p *Price) UnmarshalJSON(b []byte) error {
	type plain Price
	switch {
	case string(b) == "null":
		return nil
	case len(b) > 0 && b[0] == '"':
		return json.Unmarshal(b, &p.ID)
	}
	return read(b, (*plain)(p), "price", "id")
}

// Discount is a coupon at work.
type Discount struct {
	ID            string    `json:"id"`
	Coupon        ID        `json:"coupon"` // since 2025-09-30 from source
	PromotionCode ID        `json:"promotion_code"`
	Start         Timestamp `json:"start"`
	End           Timestamp `json:"end"`
}

// UnmarshalJSON reads a discount of any API version, or its id alone.
func (d *Discount) UnmarshalJSON(b []byte) error {
	type plain Discount
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &d.ID)
	}
	var moved struct {
		Source struct {
			Coupon ID `json:"coupon"`
		} `json:"source"`
	}
	if err := json.Unmarshal(b, &moved); err != nil {
		return err
	}
	if err := json.Unmarshal(b, (*plain)(d)); err != nil {
		return err
	}
	if d.Coupon == "" {
		d.Coupon = moved.Source.Coupon
	}
	return nil
}

// Tax is one tax of an invoice, a line or a credit note.
type Tax struct {
	Amount        int64  `json:"amount"`         // in Stripe's unit of the document's currency
	TaxableAmount *int64 `json:"taxable_amount"` // nil where not said
	Inclusive     bool   `json:"-"`              // inside the price
	TaxRate       ID     `json:"-"`
	Reason        string `json:"taxability_reason"`
}

// UnmarshalJSON reads a tax of any API version: before 2025-03-31 rate and
// inclusiveness stood beside the amount, since then in tax_rate_details and
// tax_behavior. A missing amount is a [*GapError].
func (t *Tax) UnmarshalJSON(b []byte) error {
	type plain Tax
	var places struct {
		Inclusive bool   `json:"inclusive"`
		Rate      ID     `json:"tax_rate"`
		Behavior  string `json:"tax_behavior"`
		Details   struct {
			Rate ID `json:"tax_rate"`
		} `json:"tax_rate_details"`
	}
	if err := json.Unmarshal(b, &places); err != nil {
		return err
	}
	t.Inclusive = places.Inclusive || places.Behavior == "inclusive"
	if t.TaxRate = places.Rate; t.TaxRate == "" {
		t.TaxRate = places.Details.Rate
	}
	return read(b, (*plain)(t), "tax", "amount")
}

// sum adds taxes up; nil where there is no list of them.
func sum(taxes []Tax) *int64 {
	if taxes == nil {
		return nil
	}
	total := int64(0)
	for _, t := range taxes {
		total += t.Amount
	}
	return &total
}
