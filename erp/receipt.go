package erp

import (
	"context"

	"github.com/commercesync/commerce"
)

// Receipter is the optional ability to post money that came in, to apply it to invoices,
// and to take the application back. A refund is a receipt whose amount is below nought,
// applied to a credit note.
//
// What is not applied stays open under the party: an advance.
type Receipter interface {
	// FindReceipt returns the posted receipt under a key, or an error of kind not found.
	FindReceipt(ctx context.Context, key string) (Receipt, error)

	// PostReceipt returns the posted receipt under n.Key, applied as n.Apply says: it
	// finds one, finishes a half-done one, or makes one. One with another amount, date
	// or party is an error of kind conflict, and so is an application that ApplyReceipt
	// would refuse; then nothing is posted.
	PostReceipt(ctx context.Context, n NewReceipt) (Receipt, error)

	// ApplyReceipt sees to it that a receipt pays what a.To says of each invoice, and
	// leaves its other applications alone. What is applied so already is left as it is.
	// An invoice that is not posted or has less open, a receipt that has less left, an
	// invoice to which this receipt is applied with another amount, and a part that
	// somebody has settled with something else are errors of kind conflict: an earlier
	// settlement is never broken up.
	ApplyReceipt(ctx context.Context, a Applications) (Receipt, error)

	// UnapplyReceipt takes all applications of a receipt back, as after a payment that
	// failed: its invoices are open again, its amount is an advance again. Where that
	// needs an entry, it is dated on. A receipt that is not applied stays as it is.
	UnapplyReceipt(ctx context.Context, receipt commerce.Ref, on commerce.Date) (Receipt, error)
}

// NewReceipt is money that came in, or, below nought, went out.
type NewReceipt struct {
	// Key is our reference, unique for ever; it stands on the ERP's document.
	Key     string
	Party   string // the ERP's id of who paid: CustomerRef.Party, Invoice.Party
	Journal string // by its code
	Text    string // for people; may be empty
	Date    commerce.Date
	// Account is the clearing account of the settlement currency, by its code.
	Account string
	// Amount is what the party paid, in the currency of the invoices.
	Amount commerce.Money
	// Settled is what arrived at the clearing account, before fees, in its currency.
	// The zero Money = Amount.
	Settled commerce.Money
	// Value is what Settled is worth in the company's currency, by the payment
	// provider's own conversion. The zero Money = Settled or Amount, whichever is in
	// the company's currency; where none is, it is required.
	Value commerce.Money
	// FXAccount takes the difference between what the invoices are booked at and Value,
	// by its code. It is required where the invoices' currency is not the company's,
	// unless Capabilities.FXByServer.
	FXAccount string
	// Advance is the account that holds what is not applied, by its code. Empty leaves
	// it as an open credit on receivable.
	Advance string
	// Apply says what the receipt pays; empty = nothing yet.
	Apply []Application
}

// Application is a part of a receipt that pays an invoice. Amount is in the invoice's
// currency and below nought for a refund that pays a credit note.
type Application struct {
	Invoice commerce.Ref
	Amount  commerce.Money
}

// Applications are to be applied of one receipt.
type Applications struct {
	Receipt commerce.Ref
	To      []Application
	// Date is the day of the entry, where one is needed: from an advance account, of a
	// part, or with a difference in exchange.
	Date commerce.Date
	// FXAccount is as of a NewReceipt.
	FXAccount string
}

// Receipt is a receipt as the ERP keeps it.
type Receipt struct {
	Ref    commerce.Ref // ID "receipt/17"
	Entry  commerce.Ref // its entry in the ledger, ID "entry/17"
	Number string
	Key    string
	Party  string
	Date   commerce.Date // of the entry
	// Amount = Unapplied + the sum of Applied.
	Amount, Unapplied commerce.Money
	Applied           []Application // in order of the invoices' ids
}

// Document returns the cross reference to the receipt.
func (r Receipt) Document() commerce.Document {
	return commerce.Document{Ref: r.Ref, Number: r.Number, State: string(InvoicePosted), Total: r.Amount}
}

// Validate reports the first field that no ERP could take, as an error of kind
// invalid that names the field.
func (n NewReceipt) Validate() error {
	op := "check receipt " + n.Key
	switch {
	case n.Key == "":
		return invalid(op, "Key is empty")
	case n.Party == "" || n.Account == "" || n.Journal == "":
		return invalid(op, "Party, Account or Journal is empty")
	case n.Date.IsZero():
		return invalid(op, "Date is missing")
	case n.Amount.IsZero() || !n.Amount.Currency().Valid():
		return invalid(op, "Amount is nought")
	}
	for _, side := range []struct {
		name   string
		amount commerce.Money
	}{{"Settled", n.Settled}, {"Value", n.Value}} {
		if side.amount != (commerce.Money{}) && side.amount.Sign() != n.Amount.Sign() {
			return invalid(op, "%s has not the sign of Amount", side.name)
		}
	}
	sum, err := applied(op, "Apply", n.Apply, n.Amount)
	if err != nil {
		return err
	}
	if left, err := n.Amount.Sub(sum); err != nil || left.Sign() == -n.Amount.Sign() {
		return invalid(op, "Apply: %s is more than Amount %s", sum, n.Amount)
	}
	return nil
}

// InCompanyCurrency fills Settled and Value in, for a company that keeps its books in c.
func (n NewReceipt) InCompanyCurrency(c commerce.Currency) (NewReceipt, error) {
	if n.Settled == (commerce.Money{}) {
		n.Settled = n.Amount
	}
	if n.Value == (commerce.Money{}) {
		switch c {
		case n.Settled.Currency():
			n.Value = n.Settled
		case n.Amount.Currency():
			n.Value = n.Amount
		}
	}
	if n.Value.Currency() != c {
		return n, invalid("check receipt "+n.Key, "Value is not in the company's currency %s", c)
	}
	return n, nil
}

// Validate reports the first field that no ERP could take, as an error of kind
// invalid that names the field.
func (a Applications) Validate() error {
	op := "check applications of " + a.Receipt.ID
	switch {
	case a.Receipt.IsZero():
		return invalid(op, "Receipt is missing")
	case len(a.To) == 0:
		return invalid(op, "To is empty")
	case a.Date.IsZero():
		return invalid(op, "Date is missing")
	}
	_, err := applied(op, "To", a.To, a.To[0].Amount)
	return err
}

// applied adds applications up: one an invoice, all with the sign and currency of like.
func applied(op, field string, list []Application, like commerce.Money) (commerce.Money, error) {
	sum := commerce.Zero(like.Currency())
	seen := map[commerce.Ref]bool{}
	for i, a := range list {
		if a.Invoice.IsZero() || seen[a.Invoice] || a.Amount.IsZero() || a.Amount.Sign() != like.Sign() {
			return sum, invalid(op, "%s[%d]: Invoice is missing or there twice, or Amount is nought or has the wrong sign", field, i)
		}
		seen[a.Invoice] = true
		next, err := sum.Add(a.Amount)
		if err != nil {
			return sum, invalid(op, "%s[%d]: %w", field, i, err)
		}
		sum = next
	}
	return sum, nil
}
