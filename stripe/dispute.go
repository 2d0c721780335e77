package stripe

import (
	"context"
	"encoding/json"
	"iter"

	stripego "github.com/stripe/stripe-go/v76"
)

// Dispute is a buyer's bank asking for the money back. Money moves when a balance
// transaction appears, not when the status changes: an inquiry ("warning_…") may end
// without any.
type Dispute struct {
	ID       string    `json:"id"`
	Created  Timestamp `json:"created"`
	Livemode bool      `json:"livemode"`

	Amount   int64  `json:"amount"`   // in Stripe's unit of Currency; may be less or more than the charge's
	Currency string `json:"currency"` // lower case
	// Status is "warning_needs_response", "warning_under_review", "warning_closed",
	// "needs_response", "under_review", "won", "lost", or "prevented" since 2025-09-30.
	Status string `json:"status"`
	Reason string `json:"reason"` // "fraudulent", "product_not_received" …

	Charge        Expandable[Charge] `json:"charge"`
	PaymentIntent ID                 `json:"payment_intent"`
	// Refundable says that the charge can still be refunded, which ends an inquiry.
	Refundable bool `json:"is_charge_refundable"`

	// BalanceTransactions are none, the withdrawal, or the withdrawal and the
	// reinstatement. The fee of the dispute is their Fee.
	BalanceTransactions []BalanceTransaction `json:"balance_transactions"`

	EvidenceDetails EvidenceDetails   `json:"evidence_details"`
	Metadata        map[string]string `json:"metadata"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// EvidenceDetails says until when evidence is taken.
type EvidenceDetails struct {
	DueBy           Timestamp `json:"due_by"` // 0 where nothing is asked for
	HasEvidence     bool      `json:"has_evidence"`
	PastDue         bool      `json:"past_due"`
	SubmissionCount int64     `json:"submission_count"`
}

// UnmarshalJSON reads a dispute of any API version. A missing id, created, livemode,
// amount, currency, status, charge, reason, evidence details, list of balance
// transactions, or whether the charge can be refunded, is a [*GapError].
func (d *Dispute) UnmarshalJSON(b []byte) error {
	type plain Dispute
	d.Raw = keep(b)
	return read(b, (*plain)(d), "dispute", "id", "created", "livemode", "amount", "currency", "status", "charge",
		"reason", "evidence_details", "balance_transactions", "is_charge_refundable")
}

// UnmarshalJSON reads the details. Anything missing but due_by is a [*GapError].
func (d *EvidenceDetails) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil // for the object around it to judge
	}
	type plain EvidenceDetails
	return read(b, (*plain)(d), "evidence_details", "has_evidence", "past_due", "submission_count")
}

// Parameters of disputes.
type (
	DisputeParams         = stripego.DisputeParams
	DisputeEvidenceParams = stripego.DisputeEvidenceParams
	DisputeListParams     = stripego.DisputeListParams
)

// DisputeService reads and answers disputes. Every write needs params with an
// idempotency key.
type DisputeService struct{ c *Client }

const disputes = "/v1/disputes"

// Get reads a dispute; expand names links to read with it ("charge").
func (s *DisputeService) Get(ctx context.Context, id string, expand ...string) (*Dispute, error) {
	return get[Dispute](ctx, s.c, "dispute", disputes, id, expand)
}

// List reads disputes, newest first, for instance those of one charge. A nil params
// lists all.
func (s *DisputeService) List(ctx context.Context, params *DisputeListParams) iter.Seq2[Dispute, error] {
	return pages[Dispute](ctx, s.c, "list disputes", disputes, params)
}

// Update adds evidence and metadata. With Submit it hands the evidence in, which can
// be done once.
func (s *DisputeService) Update(ctx context.Context, id string, params *DisputeParams) (*Dispute, error) {
	return act[Dispute](ctx, s.c, "update dispute", disputes+"/%s", id, orEmpty(params))
}

// Close gives the dispute up: it is lost, and that can not be undone.
func (s *DisputeService) Close(ctx context.Context, id string, params *DisputeParams) (*Dispute, error) {
	return act[Dispute](ctx, s.c, "close dispute", disputes+"/%s/close", id, orEmpty(params))
}
