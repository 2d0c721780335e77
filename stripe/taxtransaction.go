package stripe

import (
	"context"
	"encoding/json"
	"iter"

	stripego "github.com/stripe/stripe-go/v76"
)

// TaxTransaction is tax that Stripe Tax has booked for a sale, or its reversal.
type TaxTransaction struct {
	ID       string    `json:"id"`
	Created  Timestamp `json:"created"`
	TaxDate  Timestamp `json:"tax_date"`
	Livemode bool      `json:"livemode"`

	Type      string `json:"type"` // "transaction", "reversal"
	Currency  string `json:"currency"`
	Reference string `json:"reference"` // the sale, unique over all transactions
	Customer  ID     `json:"customer"`
	Reversal  *struct {
		OriginalTransaction ID `json:"original_transaction"`
	} `json:"reversal"` // nil for a sale

	LineItems    *List[TaxTransactionLine] `json:"line_items"` // nil unless expanded
	ShippingCost *TaxShippingCost          `json:"shipping_cost"`
	Metadata     map[string]string         `json:"metadata"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// TaxTransactionLine is one line of a tax transaction or a tax calculation.
type TaxTransactionLine struct {
	ID        string `json:"id"`
	Amount    int64  `json:"amount"` // in Stripe's unit of the transaction's currency; negative in a reversal
	AmountTax int64  `json:"amount_tax"`
	Quantity  int64  `json:"quantity"`
	Reference string `json:"reference"`
	Behavior  string `json:"tax_behavior"` // "inclusive", "exclusive"
	TaxCode   string `json:"tax_code"`
	Type      string `json:"type"` // "transaction", "reversal"
}

// UnmarshalJSON reads a tax transaction. A missing id, created, livemode, type,
// currency, reference or tax date is a [*GapError].
func (t *TaxTransaction) UnmarshalJSON(b []byte) error {
	type plain TaxTransaction
	t.Raw = keep(b)
	return read(b, (*plain)(t), "tax.transaction", "id", "created", "livemode", "type", "currency", "reference", "tax_date")
}

// UnmarshalJSON reads a line. A missing id, amount, tax or quantity is a [*GapError].
func (l *TaxTransactionLine) UnmarshalJSON(b []byte) error {
	type plain TaxTransactionLine
	return read(b, (*plain)(l), "tax.transaction_line_item", "id", "amount", "amount_tax", "quantity")
}

// Parameters of tax transactions.
type (
	TaxTransactionCreateParams    = stripego.TaxTransactionCreateFromCalculationParams
	TaxTransactionReverseParams   = stripego.TaxTransactionCreateReversalParams
	TaxTransactionListLinesParams = stripego.TaxTransactionListLineItemsParams
)

// TaxTransactionService reads and writes tax transactions. There is no list of them:
// keep their ids. Every write needs params with an idempotency key.
type TaxTransactionService struct{ c *Client }

const taxTransactions = "/v1/tax/transactions"

// Get reads a tax transaction; expand names links to read with it ("line_items").
func (s *TaxTransactionService) Get(ctx context.Context, id string, expand ...string) (*TaxTransaction, error) {
	return get[TaxTransaction](ctx, s.c, "tax transaction", taxTransactions, id, expand)
}

// Lines reads all lines of a tax transaction.
func (s *TaxTransactionService) Lines(ctx context.Context, id string, params *TaxTransactionListLinesParams) iter.Seq2[TaxTransactionLine, error] {
	return pagesOf[TaxTransactionLine](ctx, s.c, "list lines of tax transaction", taxTransactions+"/%s/line_items", id, params)
}

// Create books the tax of a calculation.
func (s *TaxTransactionService) Create(ctx context.Context, params *TaxTransactionCreateParams) (*TaxTransaction, error) {
	return post[TaxTransaction](ctx, s.c, "create tax transaction", taxTransactions+"/create_from_calculation", orEmpty(params))
}

// Reverse books tax back, whole or in part (Mode "full", "partial").
func (s *TaxTransactionService) Reverse(ctx context.Context, params *TaxTransactionReverseParams) (*TaxTransaction, error) {
	return post[TaxTransaction](ctx, s.c, "reverse tax transaction", taxTransactions+"/create_reversal", orEmpty(params))
}
