package mapping

import (
	"time"

	"github.com/commercesync/commerce"
)

// RefundPart is what goes back of one charge of an order, in order currency and after
// discount. Taxes have the codes and rates of the order's own and add up to Tax.
type RefundPart struct {
	Net   commerce.Money     `json:"net"`
	Tax   commerce.Money     `json:"tax"`
	Taxes []commerce.TaxLine `json:"taxes,omitempty"`
}

// RefundLine is what goes back of one line of an order.
type RefundLine struct {
	Line string `json:"line"` // OrderLine.ID
	// Quantity is how much of the goods goes back; nought: money without goods.
	Quantity commerce.Decimal `json:"quantity"`
	RefundPart
}

// Allocation is what a refund is made of, to the minor unit: Lines, Shipping, Fees and
// Adjustment add up to Total.
type Allocation struct {
	Lines    []RefundLine `json:"lines,omitempty"` // in the order of the order's
	Shipping RefundPart   `json:"shipping"`
	Fees     RefundPart   `json:"fees"`
	// Adjustment is more than all that, or less (below nought: a fee that is kept). It has
	// no tax.
	Adjustment commerce.Money `json:"adjustment"`
	Total      commerce.Money `json:"total"`
	// Rest: it is all that was left of the order.
	Rest bool `json:"rest,omitempty"`
	// Proposed: nobody has said what the money is for. It was shared out over what was
	// left of the order, and a person may say better.
	Proposed bool `json:"proposed,omitempty"`
}

// Goods reports whether goods go back, or may be kept, by quantity; else it is money alone.
func (a Allocation) Goods() bool {
	for _, l := range a.Lines {
		if l.Quantity.Sign() > 0 {
			return true
		}
	}
	return false
}

// RefundDocument is what a shop's own books say of money that goes back: a credit memo of
// Magento, a note of nopCommerce.
type RefundDocument struct {
	// Document has the ref ("creditmemo/3"), and in Total what the paper comes to.
	Document commerce.Document
	Created  time.Time
	// Money is what is to go back by the processor, in order currency: not what went to
	// store credit, gift cards and points, and nought of orders that were paid offline.
	Money commerce.Money
	// Refund is the processor's id that the paper names, in our mark or in its gateway
	// transaction: "re_…"; empty = none.
	Refund string
	// Online: the shop has asked its gateway for the money itself. Such a paper never
	// moves money.
	Online bool
	// Content is what goes back, as the paper says it; nil where it does not. What makes
	// the rows and the paper differ is its Adjustment.
	Content *Allocation
}

// RefundRecord is a refund of the processor that a shop is to have in its books.
type RefundRecord struct {
	Refund commerce.Refund // succeeded; Ref.ID is the mark
	// Amount is what of it is for this order, in order currency.
	Amount commerce.Money
	// Before is what the shop's own books have refunded already, in order currency: a shop
	// that takes no mark is settled by its total, from Before to Before + Amount.
	Before commerce.Money
	// Content adds up to Amount. Where it is no goods the shop books money alone.
	Content Allocation
	// Restock are ids of the order's lines whose goods are back on the shelf.
	Restock []string
	Text    string // for the merchant's eyes; no personal data
}

// RefundRequest asks the processor to give money back.
type RefundRequest struct {
	// Key is the idempotency key, and in the refund's metadata the operation id: at most
	// 255 characters.
	Key     string
	Order   commerce.Order
	Payment commerce.Ref // of the intent, or of the charge where there is none
	Charge  string       // ch_… that it is taken from
	Amount  commerce.Money
	Reason  string // "duplicate", "fraudulent", "requested_by_customer", or empty
}

// CreditNote is a refund that the ERP's books are to show as less revenue. It moves no
// money.
type CreditNote struct {
	// Key is its reference for ever: the refund's id, and where that was for several
	// orders as well. Together with the order it names one credit note.
	Key     string
	Date    commerce.Date
	Text    string     // why, for people; no personal data
	Content Allocation // Total is what the note comes to
}
