package stripe

// Presentment is what the buyer saw and paid where Stripe offered another currency
// (Adaptive Pricing). It is for showing: what the account gets is in the object's own
// Amount and Currency. Newer API versions only.
type Presentment struct {
	Amount   int64  `json:"presentment_amount"`   // in Stripe's unit of Currency
	Currency string `json:"presentment_currency"` // lower case
}

// UnmarshalJSON reads what the buyer saw. A missing amount or currency is a
// [*GapError].
func (p *Presentment) UnmarshalJSON(b []byte) error {
	type plain Presentment
	return read(b, (*plain)(p), "presentment_details", "presentment_amount", "presentment_currency")
}
