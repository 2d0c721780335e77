package mapping

import (
	"time"

	"github.com/commercesync/commerce"
)

// Authorisation is money that a bank reserves for a payment.
type Authorisation struct {
	Payment    commerce.Ref   `json:"payment"`
	Charge     string         `json:"charge"`
	Amount     commerce.Money `json:"amount"`     // that was reserved
	Capturable commerce.Money `json:"capturable"` // that can still be taken; nought: none
	Captured   commerce.Money `json:"captured"`   // that was taken, by whomever
	// Expires is until when it can be taken (capture_before at Stripe, else seven days
	// after it was made). Zero where it is not known.
	Expires time.Time `json:"expires"`
	// Several: it may be captured in parts (multicapture). Else the first capture releases
	// the rest.
	Several bool `json:"several"`
	// Manual: somebody has to capture it. Else the processor does so by itself.
	Manual bool `json:"manual"`
}

// CaptureRequest asks the processor to take money that is reserved.
type CaptureRequest struct {
	Key     string // idempotency key, and operation id at the processor; at most 255 characters
	Payment commerce.Ref
	Charge  string // ch_… where there is no intent
	Amount  commerce.Money
	// Final: nothing more is to be taken, and the rest is released.
	Final bool
}
