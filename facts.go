package commerce

// Facts are what a rule judges an order by: the order as its shop has it, and what
// belongs to it. Package rules writes conditions over them as expressions; a plain
// func(context.Context, Facts) (bool, error) does as well.
type Facts struct {
	Order    Order          `json:"order"`
	Payments []Payment      `json:"payments"` // of the order, whatever came of them
	Refunds  []Refund       `json:"refunds"`  // of those payments, whatever came of them
	Earlier  []Order        `json:"earlier"`  // of the same customer, without this one; in any order
	Reviews  []Review       `json:"reviews"`  // of those payments
	Warnings []FraudWarning `json:"warnings"` // of those payments
	Disputes []Dispute      `json:"disputes"` // of those payments
	Score    Score          `json:"score"`    // what a scorer says of the order
}
