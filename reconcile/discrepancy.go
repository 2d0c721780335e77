package reconcile

import (
	"github.com/commercesync/commerce"
)

// Reason names what a discrepancy is.
type Reason string

const (
	MissingInShop           Reason = "missing_in_shop"            // money, or an ERP document, without a sale in the shop
	MissingAtStripe         Reason = "missing_at_stripe"          // a document without money
	MissingInERP            Reason = "missing_in_erp"             // a sale or refund that the ERP does not know
	RefundWithoutCreditMemo Reason = "refund_without_credit_memo" // money went back, no document says so
	AmountDiffers           Reason = "amount"                     // both sides are there, with two amounts
	CurrencyDiffers         Reason = "currency"                   // both sides are there, in two currencies
	LinesDiffer             Reason = "lines"                      // shop and ERP have one amount, made of other lines
	TaxDiffers              Reason = "tax"                        // shop and ERP have one amount and the same lines, with other taxes
	Duplicate               Reason = "duplicate"                  // a row that is there twice, or a sale that was paid twice
	FeeDiffers              Reason = "fee"                        // not the fee that Config.Fee expects
	FXDifference            Reason = "fx_difference"              // the books settled it at another rate than Stripe
	Unlinked                Reason = "unlinked"                   // no id leads to a document; perhaps a proposal does
	UnknownCategory         Reason = "unknown_category"           // a reporting category that nobody has seen
	NotYetPaidOut           Reason = "not_yet_paid_out"           // timing: a later payout will have it
	NotYetInvoiced          Reason = "not_yet_invoiced"           // timing: the ERP has it when the goods have left
	BeforeCutOver           Reason = "before_cut_over"            // part of the opening balance
)

// reasons lists all, the ones that need somebody first; discrepancies come in this order.
var reasons = []Reason{Duplicate, AmountDiffers, CurrencyDiffers, LinesDiffer, TaxDiffers, MissingAtStripe, MissingInShop, MissingInERP,
	RefundWithoutCreditMemo, UnknownCategory, Unlinked, FeeDiffers, FXDifference, NotYetPaidOut, NotYetInvoiced, BeforeCutOver}

// Reasons returns every reason, in the order in which discrepancies come.
func Reasons() []Reason { return append([]Reason(nil), reasons...) }

// Advice says what to do about discrepancies of a reason, in one sentence.
func (r Reason) Advice() string {
	switch r {
	case MissingInShop:
		return "Find the order that the payment was for, or refund it."
	case MissingAtStripe:
		return "Find out how the document was paid, or take it back."
	case MissingInERP:
		return "Post the document in the ERP, or replay the order."
	case RefundWithoutCreditMemo:
		return "Write the credit memo of the refund."
	case AmountDiffers:
		return "Correct the document, or collect or refund the difference."
	case CurrencyDiffers:
		return "Correct the document's currency."
	case LinesDiffer:
		return "Correct the lines of the ERP's document, or write a credit note and a new one."
	case TaxDiffers:
		return "Look the rate up in the tax table, and correct the ERP's document."
	case Duplicate:
		return "Leave the repeated row out, or refund what was paid twice."
	case FeeDiffers:
		return "Compare the fee with the contract, and ask Stripe."
	case FXDifference:
		return "Book the difference as realised gain or loss."
	case Unlinked:
		return "Confirm the proposed document, or name the right one."
	case UnknownCategory:
		return "Map the category in the chart of accounts."
	case NotYetPaidOut:
		return "Nothing: a later payout will hold it."
	case NotYetInvoiced:
		return "Nothing: the ERP invoices it when its goods have left."
	case BeforeCutOver:
		return "Nothing: the opening balance holds it."
	}
	return ""
}

// Discrepancy is one thing that does not agree, with what each side says.
type Discrepancy struct {
	Reason   Reason
	Line     *Line     // what Stripe says; nil = nothing
	Document *Document // what the shop says; nil = nothing
	ERP      *Document // what the ERP says; nil = nothing

	// Difference is Stripe's side less the shop's, or the shop's less the ERP's; where
	// one of them is missing, the whole amount of the other, with its sign. A refund
	// counts as a positive amount on both. Zero where two currencies can not be
	// compared.
	Difference commerce.Money

	// Lines and Taxes are what the shop's document and the ERP's do not agree on, where
	// both say what they are made of.
	Lines []LineDifference
	Taxes []TaxDifference

	// Keys are all names of what is concerned, also those on the side that was not
	// compared.
	Keys Keys

	// Confidence is above nought, up to 95, where Document is a proposal by amount, currency and
	// date. A proposal posts nothing; Config.Confirmed makes a match of it.
	Confidence int
}
