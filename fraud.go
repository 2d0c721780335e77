package commerce

import "time"

// Review is a payment that waits for a person at the processor to look at it.
type Review struct {
	Ref     Ref       `json:"ref"` // prv_…
	Payment Ref       `json:"payment"`
	Open    bool      `json:"open"`
	Reason  string    `json:"reason"` // why it was opened: "rule", "manual"
	Closed  string    `json:"closed"` // "approved", "refunded", "refunded_as_fraud", "disputed" …; empty while open
	Created time.Time `json:"created"`
}

// FraudWarning is a bank's word that a payment may be fraud (an early fraud warning). Most
// become disputes unless they are refunded first.
type FraudWarning struct {
	Ref     Ref    `json:"ref"` // issfr_…
	Payment Ref    `json:"payment"`
	Charge  string `json:"charge"`
	Type    string `json:"type"` // "made_with_stolen_card", "misc" …
	// Actionable: a refund would still help; it was neither refunded wholly nor disputed.
	Actionable bool      `json:"actionable"`
	Created    time.Time `json:"created"`
}

// Score says how likely an order is fraud, and why.
type Score struct {
	Points  int           `json:"points"` // from 0, no reason at all, to 100
	Reasons []ScoreReason `json:"reasons"`
}

// ScoreReason is one thing that speaks for fraud.
type ScoreReason struct {
	Code   string `json:"code"` // "velocity", "countries_disagree" …
	Points int    `json:"points"`
	Text   string `json:"text"` // for the merchant, without personal data
}
