package mapping

import "github.com/commercesync/commerce"

// Invoice is what the ERP says of an invoice or of a credit note. Amounts of a credit
// note are below nought, so that sums over both are right.
type Invoice struct {
	Document commerce.Document // with Total; State is the ERP's own word
	Party    string            // the ERP's id of whom it is to
	Draft    bool              // in no ledger yet: Open means nothing
	Date     commerce.Date     // in the ledger; zero while it is a draft without one
	Open     commerce.Money    // what is left to pay
}

// Receipt is money that moved for one order, as the books have to show it: below nought
// it went back.
type Receipt struct {
	// Movement is what it is posted for, and its reference for ever: "txn_…", and where
	// what the order gets of it has changed since, "txn_…/2" for the difference. Together
	// with the order it names one receipt.
	Movement string
	// Party is the ERP's id of who paid; empty = the buyer, as the sales order has it.
	Party string
	Text  string // for people
	Date  commerce.Date
	// Amount is what the party paid, in the currency of the order.
	Amount commerce.Money
	// Settled is what arrived at the clearing account, before fees, in its currency.
	Settled commerce.Money
	// Apply says which invoices it pays; what is left is an advance.
	Apply []Application
}

// Application is a part of a receipt that pays an invoice; below nought for a refund
// that pays a credit note.
type Application struct {
	Invoice commerce.Ref
	Amount  commerce.Money
}

// Received is a receipt as it is posted.
type Received struct {
	Document commerce.Document
	Party    string
	Amount   commerce.Money
	Left     commerce.Money // what pays nothing yet
	Applied  []Application
}
