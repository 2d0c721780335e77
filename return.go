package commerce

import "time"

// ReturnStatus is how far a return has come.
type ReturnStatus string

const (
	ReturnRequested  ReturnStatus = "requested"
	ReturnAuthorised ReturnStatus = "authorised" // the buyer may send the goods
	ReturnReceived   ReturnStatus = "received"   // the goods are here
	ReturnRefunded   ReturnStatus = "refunded"   // the shop takes it for refunded, or for one to be refunded now
	ReturnRejected   ReturnStatus = "rejected"
	ReturnClosed     ReturnStatus = "closed"  // ended in another way: canceled, repaired
	ReturnUnknown    ReturnStatus = "unknown" // a status of a plugin: hands off
)

// Rank orders the statuses of a return's way; those that end it otherwise have 0.
func (s ReturnStatus) Rank() int {
	switch s {
	case ReturnRequested:
		return 1
	case ReturnAuthorised:
		return 2
	case ReturnReceived:
		return 3
	case ReturnRefunded:
		return 4
	}
	return 0
}

// Return is a buyer's wish to send goods of an order back (RMA, return request).
type Return struct {
	Ref       Ref          `json:"ref"` // ID "return/<entity id>"
	Number    string       `json:"number"`
	Order     Ref          `json:"order"` // zero where the order can not be found any more
	Status    ReturnStatus `json:"status"`
	RawStatus string       `json:"raw_status"` // the shop's own word
	Requested time.Time    `json:"requested"`
	Lines     []ReturnLine `json:"lines"`
}

// ReturnLine is a quantity of one line of the order.
type ReturnLine struct {
	ID        string  `json:"id"`         // the shop's id of the row
	OrderLine string  `json:"order_line"` // OrderLine.ID
	SKU       string  `json:"sku"`        // empty where the shop does not say it
	Requested Decimal `json:"requested"`
	// Accepted is what is to be paid back: approved, else received, else authorised, as
	// far as the shop tells them apart.
	Accepted Decimal `json:"accepted"`
	Reason   string  `json:"reason"` // the shop's word or id of an option
	Action   string  `json:"action"` // what the buyer asks for: "Refund", "Exchange"
}
