package stripe

import "encoding/json"

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
