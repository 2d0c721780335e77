package mapping

import (
	"time"

	"github.com/commercesync/commerce"
)

// Note is a remark on an order, for the merchant's eyes.
type Note struct {
	Key  string // short mark that is written with the text and finds it again
	Text string // no personal data
}

// PaymentRequest asks for what is still due on an order.
type PaymentRequest struct {
	Key     string // idempotency key for the processor; at most 255 characters
	Order   commerce.Order
	Amount  commerce.Money
	Methods []string // Stripe's payment method types; empty = the account's choice
	// ReturnURL and CancelURL make it a Checkout session; both empty: a payment intent.
	ReturnURL, CancelURL string
}

// Open is a way to pay that was opened for an order.
type Open struct {
	Ref    commerce.Ref   `json:"ref"` // cs_… or pi_…
	Amount commerce.Money `json:"amount"`
	Status OpenStatus     `json:"status"`
	// URL leads the buyer to a Checkout session; ClientSecret opens a payment intent
	// in the browser. It is no secret of the merchant's, and never stored or logged.
	URL          string          `json:"url"`
	ClientSecret commerce.Secret `json:"-"`
	Expires      time.Time       `json:"expires"`
}

// OpenStatus says whether a request can still be paid.
type OpenStatus string

const (
	OpenPayable OpenStatus = "open"
	OpenPaid    OpenStatus = "paid" // paid or being processed
	OpenClosed  OpenStatus = "closed"
)

// ShortShipment is the state of a shipment's document where the shop recorded less
// than was sent.
const ShortShipment = "short"

// ShortRefund is the state of a refund's document where the shop could book less than went
// back.
const ShortRefund = "short"
