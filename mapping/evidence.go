package mapping

import (
	"time"

	"github.com/commercesync/commerce"
)

// Letter is one message between a customer and the merchant.
type Letter struct {
	Sent time.Time `json:"sent"`
	From string    `json:"from"` // "customer", "merchant"
	Text string    `json:"text"` // holds what people write: personal data
}

// Evidence is all that a merchant has to answer a dispute with. It holds personal data,
// as a bank wants to see it: keep it out of logs.
type Evidence struct {
	Dispute   commerce.Dispute    `json:"dispute"`
	Order     commerce.Order      `json:"order"`
	Payments  []commerce.Payment  `json:"payments"`  // of the order, the disputed one first
	Refunds   []commerce.Refund   `json:"refunds"`   // of the disputed payment
	Shipments []commerce.Shipment `json:"shipments"` // oldest first, with tracking
	Letters   []Letter            `json:"letters"`   // oldest first
	// Missing names what could not be found and would help: "tracking", "shipping_address" …
	Missing []string `json:"missing"`
}
