package erp

import (
	"context"

	"github.com/commercesync/commerce"
)

// Invoicer is the optional ability to post customer invoices. It never moves money.
type Invoicer interface {
	// OrderInvoices returns the invoices and credit notes of an order, oldest first,
	// drafts that the ERP made itself included, cancelled ones left out.
	OrderInvoices(ctx context.Context, order commerce.Ref) ([]Invoice, error)

	// FindInvoice returns the invoice under a key, or an error of kind not found.
	FindInvoice(ctx context.Context, key string) (Invoice, error)

	// PostInvoice returns the posted invoice under n.Key: it finds one, finishes a
	// half-done one, adopts the draft that the ERP made itself, or makes one. Key, dates
	// and the shop's taxes are written on the draft, and its total is compared with
	// Expected before it is posted: a difference beyond the rounding leaves the draft and
	// is a *TotalsError. An order that is not confirmed, or of which nothing is to be
	// invoiced, is an error of kind conflict; a day in a closed period of kind period
	// closed, and nothing is posted.
	PostInvoice(ctx context.Context, n NewInvoice) (Invoice, error)
}

// CreditNoter is the optional ability to credit posted invoices, whole or by line. It
// never moves money: a refund is a [Receipter]'s.
type CreditNoter interface {
	// FindCreditNote returns the credit note under a key, or an error of kind not found.
	FindCreditNote(ctx context.Context, key string) (Invoice, error)

	// PostCreditNote returns the posted credit note under n.Key, as PostInvoice does. An
	// invoice that is not posted, or of which less is left to credit, is an error of kind
	// conflict.
	PostCreditNote(ctx context.Context, n NewCreditNote) (Invoice, error)
}

// NewInvoice is an invoice to be posted.
type NewInvoice struct {
	// Key is our reference, unique for ever; it stands on the ERP's document.
	Key   string
	Order commerce.Ref
	// Draft is the ERP's own draft to adopt, for an order that has several. Zero = the
	// only one; more than one is then an error of kind ambiguous.
	Draft commerce.Ref
	// Date stands on the paper.
	Date commerce.Date
	// Accounting is the day in the ledger; zero = Date. Where the ERP numbers its invoices
	// in the order of their days, and the last one's is later, that day is taken instead.
	Accounting commerce.Date
	// Taxes are the shop's, by ERP tax. They are written over the ERP's own, where these
	// differ by no more than Rounding; nil leaves the ERP's.
	Taxes []TaxAmount
	// Expected are the shop's totals: Gross = Net + Tax. Gross is what has to come out.
	Expected Totals
	// Rounding is the largest difference of one tax, in minor units, as of a NewOrder:
	// 0 = one for each taxed line, at most 5; negative = none.
	Rounding int
}

// NewCreditNote is a credit note to be posted. Its amounts are above nought.
type NewCreditNote struct {
	Key     string
	Invoice commerce.Ref
	// Draft is the draft to adopt that the ERP has made itself, as of goods that came
	// back. Zero = the one of the order that comes to Expected, where there is one; more
	// than one is an error of kind ambiguous.
	Draft commerce.Ref
	Text  string // why, for people; may be empty
	// Date and Accounting are as of a NewInvoice.
	Date, Accounting commerce.Date
	// Lines are what is credited; empty = everything.
	Lines []CreditLine
	// Taxes, Expected and Rounding are as of a NewInvoice.
	Taxes    []TaxAmount
	Expected Totals
	Rounding int
}

// CreditLine is a part of an invoice's line, or the whole.
type CreditLine struct {
	// Line is the id of the invoice's line. Empty: an allowance that is of none, and has no
	// tax; it stands on the adapter's product for rounding.
	Line string
	// Quantity is how much of the line comes back. Nought: money alone, with the line's
	// taxes, which leaves as much of the line to come back as before; of goods it stands
	// on the product for rounding. Several such on one line are allowed.
	Quantity commerce.Decimal
	// Net is of the credited part, without tax. Below nought it makes the note less, as a
	// discount does that is taken back.
	Net commerce.Money
}

// InvoiceState is the state of an invoice at the ERP.
type InvoiceState string

const (
	InvoiceDraft     InvoiceState = "draft"  // in no ledger yet
	InvoicePosted    InvoiceState = "posted" // something is left to pay
	InvoicePaid      InvoiceState = "paid"
	InvoiceCancelled InvoiceState = "cancelled"
)

// Invoice is an invoice or a credit note as the ERP keeps it. All amounts and
// quantities of a credit note are below nought, so that sums over both are right.
type Invoice struct {
	Ref    commerce.Ref // ID "invoice/17"
	Number string       // empty while the ERP has given none
	Key    string       // empty on a draft that the ERP made itself
	Order  commerce.Ref // zero = of no order
	// OrderKey and OrderName are Key and Name of that order. An Auditor tells them;
	// empty elsewhere.
	OrderKey, OrderName string
	CreditOf            commerce.Ref // the invoice that is credited; zero = none, or not known
	Party               string
	State               InvoiceState
	// Date is on the paper, Accounting in the ledger; zero while a draft has none.
	Date, Accounting commerce.Date
	Currency         commerce.Currency
	Totals           Totals
	Taxes            []TaxAmount
	Lines            []InvoiceLine
	// Open is what is left to pay. It means nothing while State is InvoiceDraft: an ERP
	// may well say nought.
	Open commerce.Money
}

// InvoiceLine is a line of an invoice.
type InvoiceLine struct {
	ID       string
	Kind     LineKind // by the adapter's products for lines that are no goods
	SKU      string   // empty for a line without product
	Text     string
	Quantity commerce.Decimal
	Net      commerce.Money
	TaxIDs   []string
}

// Document returns the cross reference to the invoice.
func (i Invoice) Document() commerce.Document {
	return commerce.Document{Ref: i.Ref, Number: i.Number, State: string(i.State), Total: i.Totals.Gross}
}

// Validate reports the first field that no ERP could take, as an error of kind
// invalid that names the field.
func (n NewInvoice) Validate() error {
	op := "check invoice " + n.Key
	if n.Order.IsZero() {
		return invalid(op, "Order is missing")
	}
	return validDocument(op, n.Key, n.Date, n.Taxes, n.Expected)
}

// Validate reports the first field that no ERP could take, as an error of kind
// invalid that names the field.
func (n NewCreditNote) Validate() error {
	op := "check credit note " + n.Key
	if n.Invoice.IsZero() {
		return invalid(op, "Invoice is missing")
	}
	if n.Expected.Gross.Sign() < 0 {
		return invalid(op, "Expected is below nought")
	}
	for i, l := range n.Lines {
		switch {
		case l.Line == "" && !l.Quantity.IsZero():
			return invalid(op, "Lines[%d]: it is of no line, and has a Quantity", i)
		case l.Quantity.Sign() < 0:
			return invalid(op, "Lines[%d]: Quantity is below nought", i)
		case l.Net.Currency() != n.Expected.Gross.Currency():
			return invalid(op, "Lines[%d]: Net is in %q, Expected in %s", i, string(l.Net.Currency()), n.Expected.Gross.Currency())
		}
	}
	return validDocument(op, n.Key, n.Date, n.Taxes, n.Expected)
}

func validDocument(op, key string, date commerce.Date, taxes []TaxAmount, e Totals) error {
	switch {
	case key == "":
		return invalid(op, "Key is empty")
	case date.IsZero():
		return invalid(op, "Date is missing")
	}
	c := e.Gross.Currency()
	sum, err := commerce.Sum(c, e.Net, e.Tax)
	if err != nil {
		return invalid(op, "Expected: %w", err)
	}
	if sum != e.Gross {
		return invalid(op, "Expected: Net %s and Tax %s do not add up to Gross %s", e.Net, e.Tax, e.Gross)
	}
	for i, t := range taxes {
		if t.TaxID == "" || t.Amount.Currency() != c {
			return invalid(op, "Taxes[%d]: TaxID is empty, or Amount is not in %s", i, c)
		}
	}
	return nil
}
