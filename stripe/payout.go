package stripe

import (
	"context"
	"encoding/json"
	"iter"

	stripego "github.com/stripe/stripe-go/v76"
)

// Payout is money on its way from the balance to the bank; a negative one is money
// that Stripe takes from the bank. One that was paid can still fail, for about five
// business days.
type Payout struct {
	ID          string    `json:"id"`
	Created     Timestamp `json:"created"`
	ArrivalDate Timestamp `json:"arrival_date"` // midnight UTC of the day
	Livemode    bool      `json:"livemode"`

	Amount   int64  `json:"amount"`   // in Stripe's unit of Currency; negative = from the bank
	Currency string `json:"currency"` // lower case
	Status   string `json:"status"`   // "pending", "in_transit", "paid", "failed", "canceled"
	Method   string `json:"method"`   // "standard", "instant"
	Type     string `json:"type"`     // "bank_account", "card"

	// Automatic says that Stripe made it by schedule: only then does it know which
	// balance transactions are inside, once ReconciliationStatus is "completed".
	Automatic            bool   `json:"automatic"`
	ReconciliationStatus string `json:"reconciliation_status"` // "completed", "in_progress", "not_applicable"; empty before 2023
	SourceType           string `json:"source_type"`           // "card", "fpx", "bank_account"

	BalanceTransaction        Expandable[BalanceTransaction] `json:"balance_transaction"`
	FailureBalanceTransaction Expandable[BalanceTransaction] `json:"failure_balance_transaction"` // the money came back
	FailureCode               string                         `json:"failure_code"`
	FailureMessage            string                         `json:"failure_message"`

	Destination    ID     `json:"destination"`     // the bank account or card
	OriginalPayout ID     `json:"original_payout"` // of a reversal
	ReversedBy     ID     `json:"reversed_by"`
	Description    string `json:"description"`
	Descriptor     string `json:"statement_descriptor"`

	// ApplicationFee and PayoutMethod are of newer versions only.
	ApplicationFee ID     `json:"application_fee"`
	PayoutMethod   string `json:"payout_method"`

	// TraceID finds the payout at the bank; newer versions only.
	TraceID  *TraceID          `json:"trace_id"`
	Metadata map[string]string `json:"metadata"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// TraceID is a payout's reference at the banks.
type TraceID struct {
	Status string `json:"status"` // "pending", "supported", "unsupported"
	Value  string `json:"value"`
}

// UnmarshalJSON reads a payout of any API version. A missing id, created, arrival
// date, livemode, amount, currency, status, method or automatic is a [*GapError].
func (p *Payout) UnmarshalJSON(b []byte) error {
	type plain Payout
	p.Raw = keep(b)
	return read(b, (*plain)(p), "payout", "id", "created", "arrival_date", "livemode", "amount", "currency", "status",
		"method", "automatic")
}

// Parameters of payouts.
type (
	PayoutParams        = stripego.PayoutParams
	PayoutListParams    = stripego.PayoutListParams
	PayoutReverseParams = stripego.PayoutReverseParams
)

// PayoutService reads and makes payouts. Every write needs params with an
// idempotency key.
type PayoutService struct{ c *Client }

const payouts = "/v1/payouts"

// Get reads a payout; expand names links to read with it ("balance_transaction").
func (s *PayoutService) Get(ctx context.Context, id string, expand ...string) (*Payout, error) {
	return get[Payout](ctx, s.c, "payout", payouts, id, expand)
}

// List reads payouts, newest first, for instance those of one status. A nil params
// lists all.
func (s *PayoutService) List(ctx context.Context, params *PayoutListParams) iter.Seq2[Payout, error] {
	return pages[Payout](ctx, s.c, "list payouts", payouts, params)
}

// Create pays out by hand. What is inside such a payout nobody can say: it is
// reconciled by the running balance, not by membership.
func (s *PayoutService) Create(ctx context.Context, params *PayoutParams) (*Payout, error) {
	return post[Payout](ctx, s.c, "create payout", payouts, orEmpty(params))
}

// Cancel takes a pending payout back to the balance.
func (s *PayoutService) Cancel(ctx context.Context, id string, params *PayoutParams) (*Payout, error) {
	return act[Payout](ctx, s.c, "cancel payout", payouts+"/%s/cancel", id, orEmpty(params))
}

// Reverse takes a paid payout back by a new one of the opposite sign, which it
// returns. Only US bank accounts can.
func (s *PayoutService) Reverse(ctx context.Context, id string, params *PayoutReverseParams) (*Payout, error) {
	return act[Payout](ctx, s.c, "reverse payout", payouts+"/%s/reverse", id, orEmpty(params))
}

// Update changes the metadata.
func (s *PayoutService) Update(ctx context.Context, id string, params *PayoutParams) (*Payout, error) {
	return act[Payout](ctx, s.c, "update payout", payouts+"/%s", id, orEmpty(params))
}
