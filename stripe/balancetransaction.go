package stripe

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/tidwall/gjson"

	stripego "github.com/stripe/stripe-go/v76"
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

// UnmarshalJSON reads a part of a fee. A missing amount, currency or type is a
// [*GapError].
func (d *FeeDetail) UnmarshalJSON(b []byte) error {
	type plain FeeDetail
	return read(b, (*plain)(d), "fee_detail", "amount", "currency", "type")
}

// Origin decodes the source where the request expanded it: *Charge, *Refund,
// *Dispute, *Payout, *Transfer … It is nil where only the id is known, and for types
// that this package does not read. A missing fact in it is a [*GapError].
func (t *BalanceTransaction) Origin() (any, error) {
	source := gjson.GetBytes(t.Raw, "source")
	if !source.IsObject() {
		return nil, nil
	}
	return decodeObject(source.Get("object").Str, []byte(source.Raw))
}

// BalanceTransactionListParams filters balance transactions. Payout names an
// automatic payout; its own transaction (type "payout") is among the rows. Of a
// manual one Stripe does not know what is inside.
type BalanceTransactionListParams = stripego.BalanceTransactionListParams

// BalanceTransactionService reads balance transactions.
type BalanceTransactionService struct{ c *Client }

const balanceTransactions = "/v1/balance_transactions"

// Get reads a balance transaction; expand names links to read with it ("source").
func (s *BalanceTransactionService) Get(ctx context.Context, id string, expand ...string) (*BalanceTransaction, error) {
	return get[BalanceTransaction](ctx, s.c, "balance transaction", balanceTransactions, id, expand)
}

// List reads balance transactions, newest first, for instance those of one payout;
// Expand "data.source" reads what each is for, see [BalanceTransaction.Origin]. A nil
// params lists all.
func (s *BalanceTransactionService) List(ctx context.Context, params *BalanceTransactionListParams) iter.Seq2[BalanceTransaction, error] {
	return pages[BalanceTransaction](ctx, s.c, "list balance transactions", balanceTransactions, params)
}
