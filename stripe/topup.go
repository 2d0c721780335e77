package stripe

import "encoding/json"

// TopUp is money brought to the balance from a bank; a balance transaction may name
// one as its source.
type TopUp struct {
	ID                 string                         `json:"id"`
	Created            Timestamp                      `json:"created"`
	Livemode           bool                           `json:"livemode"`
	Amount             int64                          `json:"amount"`   // in Stripe's unit of Currency
	Currency           string                         `json:"currency"` // lower case
	Status             string                         `json:"status"`   // "pending", "succeeded", "failed", "canceled", "reversed"
	BalanceTransaction Expandable[BalanceTransaction] `json:"balance_transaction"`
	FailureCode        string                         `json:"failure_code"`
	Description        string                         `json:"description"`
	Metadata           map[string]string              `json:"metadata"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// UnmarshalJSON reads a top-up of any API version. A missing id, created, livemode,
// amount, currency or status is a [*GapError].
func (t *TopUp) UnmarshalJSON(b []byte) error {
	type plain TopUp
	t.Raw = keep(b)
	return read(b, (*plain)(t), "topup", "id", "created", "livemode", "amount", "currency", "status")
}
