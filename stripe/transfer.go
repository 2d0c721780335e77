package stripe

import (
	"context"
	"encoding/json"
	"iter"

	stripego "github.com/stripe/stripe-go/v76"
)

// Transfer is money on its way from a platform to a connected account.
type Transfer struct {
	ID       string    `json:"id"`
	Created  Timestamp `json:"created"`
	Livemode bool      `json:"livemode"`

	Amount         int64  `json:"amount"` // in Stripe's unit of Currency
	AmountReversed int64  `json:"amount_reversed"`
	Currency       string `json:"currency"` // lower case
	Reversed       bool   `json:"reversed"` // wholly

	BalanceTransaction Expandable[BalanceTransaction] `json:"balance_transaction"`
	Destination        ID                             `json:"destination"`         // the connected account
	DestinationPayment ID                             `json:"destination_payment"` // the charge it became there
	SourceTransaction  ID                             `json:"source_transaction"`  // the charge it is paid from
	SourceType         string                         `json:"source_type"`
	TransferGroup      string                         `json:"transfer_group"`
	Description        string                         `json:"description"`
	Reversals          List[TransferReversal]         `json:"reversals"` // the newest ten
	Metadata           map[string]string              `json:"metadata"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// UnmarshalJSON reads a transfer of any API version. A missing id, created, livemode,
// amount, amount reversed, currency, reversed or reversals is a [*GapError].
func (t *Transfer) UnmarshalJSON(b []byte) error {
	type plain Transfer
	t.Raw = keep(b)
	return read(b, (*plain)(t), "transfer", "id", "created", "livemode", "amount", "amount_reversed", "currency", "reversed",
		"reversals")
}

// TransferReversal is money taken back from a transfer.
type TransferReversal struct {
	ID                       string                         `json:"id"`
	Created                  Timestamp                      `json:"created"`
	Amount                   int64                          `json:"amount"`   // in Stripe's unit of Currency
	Currency                 string                         `json:"currency"` // lower case
	Transfer                 ID                             `json:"transfer"`
	BalanceTransaction       Expandable[BalanceTransaction] `json:"balance_transaction"`
	DestinationPaymentRefund ID                             `json:"destination_payment_refund"`
	SourceRefund             ID                             `json:"source_refund"`
	Metadata                 map[string]string              `json:"metadata"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// UnmarshalJSON reads a reversal of any API version. A missing id, created, amount,
// currency or transfer is a [*GapError].
func (t *TransferReversal) UnmarshalJSON(b []byte) error {
	type plain TransferReversal
	t.Raw = keep(b)
	return read(b, (*plain)(t), "transfer_reversal", "id", "created", "amount", "currency", "transfer")
}

// Parameters of transfers and their reversals.
type (
	TransferParams             = stripego.TransferParams
	TransferListParams         = stripego.TransferListParams
	TransferReversalParams     = stripego.TransferReversalParams
	TransferReversalListParams = stripego.TransferReversalListParams
)

// TransferService reads and makes transfers. Every write needs params with an
// idempotency key.
type TransferService struct{ c *Client }

const transfers = "/v1/transfers"

// Get reads a transfer; expand names links to read with it ("balance_transaction").
func (s *TransferService) Get(ctx context.Context, id string, expand ...string) (*Transfer, error) {
	return get[Transfer](ctx, s.c, "transfer", transfers, id, expand)
}

// List reads transfers, newest first. A nil params lists all.
func (s *TransferService) List(ctx context.Context, params *TransferListParams) iter.Seq2[Transfer, error] {
	return pages[Transfer](ctx, s.c, "list transfers", transfers, params)
}

// Create transfers money to a connected account.
func (s *TransferService) Create(ctx context.Context, params *TransferParams) (*Transfer, error) {
	return post[Transfer](ctx, s.c, "create transfer", transfers, orEmpty(params))
}

// Update changes description and metadata.
func (s *TransferService) Update(ctx context.Context, id string, params *TransferParams) (*Transfer, error) {
	return act[Transfer](ctx, s.c, "update transfer", transfers+"/%s", id, orEmpty(params))
}

// Reverse takes money back, all that is left where params have no amount.
func (s *TransferService) Reverse(ctx context.Context, id string, params *TransferReversalParams) (*TransferReversal, error) {
	return act[TransferReversal](ctx, s.c, "reverse transfer", transfers+"/%s/reversals", id, orEmpty(params))
}

// Reversals reads the reversals of a transfer, newest first.
func (s *TransferService) Reversals(ctx context.Context, id string, params *TransferReversalListParams) iter.Seq2[TransferReversal, error] {
	return pagesOf[TransferReversal](ctx, s.c, "list reversals of transfer", transfers+"/%s/reversals", id, params)
}

// GetReversal reads one reversal of a transfer.
func (s *TransferService) GetReversal(ctx context.Context, transfer, id string) (*TransferReversal, error) {
	return getBelow[TransferReversal](ctx, s.c, "get reversal of transfer", transfers+"/%s/reversals/%s", transfer, id)
}

// UpdateReversal changes the metadata of a reversal.
func (s *TransferService) UpdateReversal(ctx context.Context, transfer, id string, params *TransferReversalParams) (*TransferReversal, error) {
	return act[TransferReversal](ctx, s.c, "update reversal of transfer", transfers+"/%s/reversals/%s", transfer, orEmpty(params), id)
}
