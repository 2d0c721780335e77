package reconcile

import (
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// Line is one movement of a balance at Stripe: a balance transaction, or a row of a
// report. Net = Amount - Fee, all in settlement currency.
type Line struct {
	ID       string // txn_…
	Type     string // Stripe's type; reports do not say it
	Category string // Stripe's reporting_category, the one to book by
	Row      int    // line of the file it was read from, the header being 1; 0 = from no file

	Amount commerce.Money // gross, signed
	Fee    commerce.Money // positive when assessed
	Net    commerce.Money
	Fees   []FeeDetail // what the fee is made of; empty where it is not known (reports)

	// Presented is the amount in the currency that the buyer paid in; zero where it is
	// not known, and then Amount is compared with the documents.
	Presented commerce.Money

	Created   time.Time // when it changed the balance
	Available time.Time // when it can be paid out

	Source   string // the object it is for: ch_…, re_…, dp_…, tr_…, po_…
	Charge   string
	Intent   string
	Refund   string
	Dispute  string
	Transfer string
	Payout   string // the automatic payout that it is in; empty where it is not known
	Account  string // the connected account concerned
	Number   string // the shop's order number, from the metadata
}

// FeeDetail is a part of a fee.
type FeeDetail struct {
	Type   string // "stripe_fee", "application_fee", "tax", "payment_method_passthrough_fee"
	Amount commerce.Money
}

// named puts the source into the field for its kind, where that is empty.
func (l *Line) named() {
	prefix, _, _ := strings.Cut(l.Source, "_")
	var to *string
	switch prefix {
	case "ch", "py":
		to = &l.Charge
	case "re", "pyr":
		to = &l.Refund
	case "dp", "du":
		to = &l.Dispute
	case "tr":
		to = &l.Transfer
	default:
		return
	}
	if *to == "" {
		*to = l.Source
	}
}

// compared is the amount that a document has to agree with.
func (l *Line) compared() commerce.Money {
	if l.Presented != (commerce.Money{}) {
		return l.Presented
	}
	return l.Amount
}

// Document is what the merchant's own books say of one sale or one refund: a row of
// the shop's orders and credit memos, or of the ERP's invoices and credit notes.
type Document struct {
	System string // "magento", "tryton"
	Shop   string // which of several shops, as its refs name it
	ID     string // the system's own id, unique within its side: "order/17"
	Number string // the order number, by which shop and ERP name one sale
	Row    int    // line of the file it was read from, the header being 1; 0 = from no file

	Refund bool // a credit memo or credit note; its Amount is positive all the same
	// Amount is what Stripe should have collected or given back; nought where it has no part
	// in it, as of a sale that was paid offline or by gift card: such a document of the shop
	// is not looked for at Stripe, and is there for the ERP's to be compared with.
	Amount commerce.Money
	Date   time.Time

	// Total is the gross of all tenders, gift cards, store credit and points included, in
	// the currency of Amount: what shop and ERP are compared by; Stripe's side is compared
	// with Amount. The zero Money = Amount.
	Total commerce.Money

	// Unsent: goods of the sale have not left yet. Shops say it; see [Config].OnShipment.
	Unsent bool

	// Settled is what the books have on the clearing account for it, in settlement
	// currency; zero where they do not say.
	Settled commerce.Money

	// The ids of Stripe that the document names. Payment may be any of them, as shops
	// keep them: "pi_…", "ch_…", "re_…", also with Magento's "-capture" behind.
	Payment  string
	Charge   string
	Intent   string
	RefundID string

	// Lines and Taxes are what it is made of; both empty where that is not known.
	Lines []DocumentLine
	Taxes []TaxSum
}

// DocumentLine is one line of a document: goods, shipping, a discount.
type DocumentLine struct {
	Key      string           // the SKU; "shipping", "discount", "fee", "adjustment" for what is no goods
	Quantity commerce.Decimal // above nought
	Net      commerce.Money   // of the whole line, before its discount and without tax; of a discount below nought
}

// TaxSum is the tax of a document at one rate.
type TaxSum struct {
	Country string // of the buyer, ISO 3166-1
	Rate    string // in per cent, without needless noughts: "19"
	Base    commerce.Money
	Tax     commerce.Money
}

// total is what the document comes to, whoever paid it.
func (d *Document) total() commerce.Money {
	if d.Total == (commerce.Money{}) {
		return d.Amount
	}
	return d.Total
}

// named puts Payment into the field for its kind, where that is empty.
func (d *Document) named() {
	id, _, _ := strings.Cut(d.Payment, "-") // "pi_1-capture": the module of Magento 2, seen 2026-11
	prefix, _, _ := strings.Cut(id, "_")
	var to *string
	switch prefix {
	case "pi":
		to = &d.Intent
	case "ch", "py":
		to = &d.Charge
	case "re", "pyr":
		to = &d.RefundID
	default:
		return
	}
	if *to == "" {
		*to = id
	}
}
