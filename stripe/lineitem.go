package stripe

// LineItem is one line of a Checkout session or a payment link.
type LineItem struct {
	ID          string `json:"id"`
	Description string `json:"description"`
	Quantity    *int64 `json:"quantity"`
	Price       *Price `json:"price"` // nil where it was made up for the line and is gone

	AmountSubtotal int64  `json:"amount_subtotal"` // before discounts and tax, in Stripe's unit of Currency
	AmountDiscount int64  `json:"amount_discount"`
	AmountTax      int64  `json:"amount_tax"`
	AmountTotal    int64  `json:"amount_total"`
	Currency       string `json:"currency"` // lower case
}

// UnmarshalJSON reads a line. A missing id, amount or currency is a [*GapError].
func (l *LineItem) UnmarshalJSON(b []byte) error {
	type plain LineItem
	return read(b, (*plain)(l), "item", "id", "amount_subtotal", "amount_discount", "amount_tax", "amount_total", "currency")
}
