package stripe

import (
	"context"
	"encoding/json"
)

// BalanceTransaction is one movement of the account's balance, in settlement
// currency. Net = Amount - Fee.
type BalanceTransaction struct {
	ID          string    `json:"id"`
	Created     Timestamp `json:"created"`
	AvailableOn Timestamp `json:"available_on"`

	Amount   int64  `json:"amount"` // gross, signed, in Stripe's unit of Currency
	Fee      int64  `json:"fee"`    // positive when assessed
	Net      int64  `json:"net"`
	Currency string `json:"currency"` // lower case

	Status            string `json:"status"` // "pending", "available"
	Type              string `json:"type"`
	ReportingCategory string `json:"reporting_category"` // the one to book by
	BalanceType       string `json:"balance_type"`       // newer versions only
	Description       string `json:"description"`
	Source            ID     `json:"source"`

	// ExchangeRate is decimal text, for display: amounts are never computed from it.
	// Empty where nothing was exchanged.
	ExchangeRate json.Number `json:"exchange_rate"`
	FeeDetails   []FeeDetail `json:"fee_details"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// FeeDetail is one part of a fee.
type FeeDetail struct {
	Amount      int64  `json:"amount"`
	Currency    string `json:"currency"`
	Type        string `json:"type"` // "stripe_fee", "application_fee", "tax", "payment_method_passthrough_fee"
	Application string `json:"application"`
	Description string `json:"description"`
}

// UnmarshalJSON reads a balance transaction of any API version. A missing id,
// amount, fee, net, currency, type, available_on or created is a [*GapError].
func (t *BalanceTransaction) UnmarshalJSON(b []byte) error {
	type plain BalanceTransaction
	t.Raw = keep(b)
	return read(b, (*plain)(t), "balance_transaction", "id", "created", "available_on", "amount", "fee", "net", "currency", "type")
}

// BalanceTransactionService reads balance transactions.
type BalanceTransactionService struct{ c *Client }

// Get reads a balance transaction; expand names links to read with it ("source").
func (s *BalanceTransactionService) Get(ctx context.Context, id string, expand ...string) (*BalanceTransaction, error) {
	return get[BalanceTransaction](ctx, s.c, "balance transaction", "/v1/balance_transactions", id, expand)
}
