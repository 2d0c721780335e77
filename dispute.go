package commerce

import "time"

// DisputeStatus is how a dispute stands.
type DisputeStatus string

const (
	DisputeOpen   DisputeStatus = "open"   // evidence is asked for
	DisputeReview DisputeStatus = "review" // the bank looks at it
	DisputeWon    DisputeStatus = "won"
	DisputeLost   DisputeStatus = "lost"
	DisputeClosed DisputeStatus = "closed" // an inquiry that came to nothing, or one that was prevented
)

// Over reports whether nothing more is to come of a dispute of this status.
func (s DisputeStatus) Over() bool {
	return s == DisputeWon || s == DisputeLost || s == DisputeClosed
}

// Dispute is a buyer's bank asking for the money of a payment back.
type Dispute struct {
	Ref     Ref           `json:"ref"` // dp_…
	Payment Ref           `json:"payment"`
	Charge  string        `json:"charge"`
	Amount  Money         `json:"amount"` // asked back; may be less or more than the charge's
	Status  DisputeStatus `json:"status"`
	// Inquiry: the bank only asks ("warning_…" at Stripe). No money moves while it does,
	// and a refund of the payment ends it.
	Inquiry bool      `json:"inquiry"`
	Reason  string    `json:"reason"` // "fraudulent", "product_not_received" …
	Created time.Time `json:"created"`
	Due     time.Time `json:"due"` // until when evidence is taken; zero = none is asked for
	// Answered: evidence was handed in.
	Answered bool `json:"answered"`
	// Withdrawn and Reinstated are what left the balance and what came back to it, both
	// above nought and in settlement currency; zero Money = nothing did.
	Withdrawn  Money `json:"withdrawn"`
	Reinstated Money `json:"reinstated"`
}
