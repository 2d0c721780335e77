package stripe

import (
	"context"
	"encoding/json"
	"iter"

	stripego "github.com/stripe/stripe-go/v76"
)

// Review is a payment that waits for a person to look at it. It ends by approval,
// refund or dispute; see ClosedReason.
type Review struct {
	ID       string    `json:"id"`
	Created  Timestamp `json:"created"`
	Livemode bool      `json:"livemode"`

	Open         bool   `json:"open"`
	Reason       string `json:"reason"`        // now: "rule", "manual", "approved", "refunded" …
	OpenedReason string `json:"opened_reason"` // "rule", "manual"
	// ClosedReason is "approved", "refunded", "refunded_as_fraud", "disputed",
	// "redacted" and newer ones; empty while open.
	ClosedReason string `json:"closed_reason"`

	Charge        ID `json:"charge"`
	PaymentIntent ID `json:"payment_intent"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// UnmarshalJSON reads a review of any API version. A missing id, created, livemode,
// open or reason is a [*GapError].
func (r *Review) UnmarshalJSON(b []byte) error {
	type plain Review
	r.Raw = keep(b)
	return read(b, (*plain)(r), "review", "id", "created", "livemode", "open", "reason")
}

// Parameters of reviews and early fraud warnings.
type (
	ReviewListParams            = stripego.ReviewListParams
	ReviewApproveParams         = stripego.ReviewApproveParams
	EarlyFraudWarningListParams = stripego.RadarEarlyFraudWarningListParams
)

// ReviewService reads and approves reviews.
type ReviewService struct{ c *Client }

const reviews = "/v1/reviews"

// Get reads a review; expand names links to read with it ("charge").
func (s *ReviewService) Get(ctx context.Context, id string, expand ...string) (*Review, error) {
	return get[Review](ctx, s.c, "review", reviews, id, expand)
}

// List reads the open reviews, newest first. Closed ones are read by their ids.
func (s *ReviewService) List(ctx context.Context, params *ReviewListParams) iter.Seq2[Review, error] {
	return pages[Review](ctx, s.c, "list reviews", reviews, params)
}

// Approve closes a review; it needs params with an idempotency key.
func (s *ReviewService) Approve(ctx context.Context, id string, params *ReviewApproveParams) (*Review, error) {
	return act[Review](ctx, s.c, "approve review", reviews+"/%s/approve", id, orEmpty(params))
}

// EarlyFraudWarning is a bank's word that a payment may be fraud. Most become
// disputes unless they are refunded first.
type EarlyFraudWarning struct {
	ID       string    `json:"id"`
	Created  Timestamp `json:"created"`
	Livemode bool      `json:"livemode"`

	Actionable    bool   `json:"actionable"` // not refunded wholly, not disputed
	FraudType     string `json:"fraud_type"` // "made_with_stolen_card", "misc" …
	Charge        ID     `json:"charge"`
	PaymentIntent ID     `json:"payment_intent"`

	Raw json.RawMessage `json:"-"` // the object as received
}

// UnmarshalJSON reads a warning of any API version. A missing id, created, livemode,
// actionable, charge or fraud type is a [*GapError].
func (w *EarlyFraudWarning) UnmarshalJSON(b []byte) error {
	type plain EarlyFraudWarning
	w.Raw = keep(b)
	return read(b, (*plain)(w), "radar.early_fraud_warning", "id", "created", "livemode", "actionable", "charge", "fraud_type")
}

// EarlyFraudWarningService reads early fraud warnings.
type EarlyFraudWarningService struct{ c *Client }

const earlyFraudWarnings = "/v1/radar/early_fraud_warnings"

// Get reads a warning; expand names links to read with it ("charge").
func (s *EarlyFraudWarningService) Get(ctx context.Context, id string, expand ...string) (*EarlyFraudWarning, error) {
	return get[EarlyFraudWarning](ctx, s.c, "early fraud warning", earlyFraudWarnings, id, expand)
}

// List reads warnings, newest first, for instance those of one charge. A nil params
// lists all.
func (s *EarlyFraudWarningService) List(ctx context.Context, params *EarlyFraudWarningListParams) iter.Seq2[EarlyFraudWarning, error] {
	return pages[EarlyFraudWarning](ctx, s.c, "list early fraud warnings", earlyFraudWarnings, params)
}
