package erp

import (
	"fmt"
	"time"

	"github.com/commercesync/commerce"
)

// NewOrder is a sale to be written. All amounts are in Currency.
type NewOrder struct {
	// Key is our reference, unique for ever; it stands on the ERP's document.
	Key string
	// Name is what people at the shop know the order by, its number there. It stands on
	// the document too, and is told with it; may be empty.
	Name     string
	Customer CustomerRef
	// Date is the day of the sale in the company's time zone.
	Date      commerce.Date
	Currency  commerce.Currency
	Warehouse string // id of the warehouse that ships; empty = the ERP's default
	Lines     []OrderLine

	// Payments say how the order was paid; they are shown on the document and post nothing.
	Payments []PaymentDetail
	// Text is a note for people, above the payments; may be empty.
	Text string

	// Expected are the shop's totals: Gross = Net + Tax.
	Expected Totals
	// Taxes are the shop's taxes by ERP tax, for the error that tells both sides
	// apart; may be nil.
	Taxes []TaxAmount
	// Rounding is the largest difference of the ERP's gross total from Expected, in
	// minor units, that a line of its own may settle. In a currency with three or four
	// decimals it counts hundredths: shops compute with two (Magento 2.4.6-p1, REC 434)
	// and card processors take no more. Digits that a unit price can not hold are
	// allowed on top.
	//
	// 0 = one for each taxed line, at most 5; negative = none.
	Rounding int
}

// LineKind says what an order line is for.
type LineKind string

const (
	Goods    LineKind = ""         // a product, physical or not
	Shipping LineKind = "shipping" // the charge for delivery
	Discount LineKind = "discount" // negative
	Fee      LineKind = "fee"      // a surcharge
	Rounding LineKind = "rounding" // made by the adapter only
)

// OrderLine is one line of a sale.
type OrderLine struct {
	Kind LineKind
	// SKU names the product. Where Kind is not Goods it may be empty: the adapter's
	// config names a product for the kind.
	SKU      string
	Text     string
	Quantity commerce.Decimal // of the product's unit; not nought
	Net      commerce.Money   // of the whole line, without tax; below nought for a discount
	TaxIDs   []string         // the ERP's taxes on this line; empty = none, never the ERP's own choice
}

// Totals are the sums of an order, in its currency.
type Totals struct {
	Net   commerce.Money
	Tax   commerce.Money
	Gross commerce.Money
}

// TaxAmount is the sum of one tax over a document.
type TaxAmount struct {
	TaxID  string
	Base   commerce.Money
	Amount commerce.Money
}

// PaymentDetail says by what means a part of an order was paid; no full numbers, ever.
type PaymentDetail struct {
	Tender  commerce.TenderKind
	Method  commerce.PaymentMethod
	Payment string // pi_…, or the tender's reference
	Charge  string // ch_…
	Amount  commerce.Money
	Time    time.Time
}

// String returns one line: "stripe card visa 4242, 66.00 EUR, pi_1 ch_1, 2026-11-21T09:00:00Z".
func (p PaymentDetail) String() string {
	s := string(p.Tender)
	for _, word := range []string{p.Method.Type, p.Method.Brand, p.Method.Last4} {
		if word != "" {
			s += " " + word
		}
	}
	s += ", " + p.Amount.String()
	for i, id := range []string{p.Payment, p.Charge} {
		if id == "" {
			continue
		}
		if i == 0 || p.Payment == "" {
			s += ","
		}
		s += " " + id
	}
	if !p.Time.IsZero() {
		s += ", " + p.Time.UTC().Format(time.RFC3339)
	}
	return s
}

// Validate reports the first field that no ERP could take, as an error of kind
// invalid that names the field.
func (o NewOrder) Validate() error {
	bad := func(format string, args ...any) error {
		return invalid("check order "+o.Key, format, args...)
	}
	switch {
	case o.Key == "":
		return bad("Key is empty")
	case !o.Currency.Valid():
		return bad("Currency %q is no ISO 4217 code", string(o.Currency))
	case o.Customer.Party == "" || o.Customer.Billing == "":
		return bad("Customer lacks party or billing address")
	case o.Date.IsZero():
		return bad("Date is missing")
	case len(o.Lines) == 0:
		return bad("Lines is empty")
	}
	for i, l := range o.Lines {
		switch {
		case l.Kind == Rounding:
			return bad("Lines[%d]: the rounding line is made by the adapter", i)
		case l.Kind == Goods && l.SKU == "":
			return bad("Lines[%d]: SKU is empty", i)
		case l.Quantity.IsZero():
			return bad("Lines[%d]: Quantity is nought", i)
		case l.Net.Currency() != o.Currency:
			return bad("Lines[%d]: Net is in %q, the order in %s", i, string(l.Net.Currency()), o.Currency)
		}
	}
	e := o.Expected
	sum, err := commerce.Sum(o.Currency, e.Net, e.Tax)
	if err != nil {
		return bad("Expected: %w", err)
	}
	if sum != e.Gross {
		return bad("Expected: Net %s and Tax %s do not add up to Gross %s", e.Net, e.Tax, e.Gross)
	}
	return nil
}

// RoundingBound returns the largest difference that may be settled, not negative.
func (o NewOrder) RoundingBound() commerce.Money {
	taxed := 0
	for _, l := range o.Lines {
		if len(l.TaxIDs) > 0 {
			taxed++
		}
	}
	return RoundingBound(o.Rounding, taxed, o.Currency)
}

// RoundingBound returns the largest difference that may be settled on a document with
// so many taxed lines, not negative; rounding is as of NewOrder.Rounding.
func RoundingBound(rounding, taxed int, c commerce.Currency) commerce.Money {
	if rounding == 0 {
		rounding = min(taxed, 5)
	}
	bound := int64(max(rounding, 0))
	for range c.Exponent() - 2 {
		bound *= 10
	}
	return commerce.MustMoney(bound, c)
}

// OrderState is the state of a sales order at the ERP.
type OrderState string

const (
	Draft     OrderState = "draft"     // nothing follows from it yet
	Confirmed OrderState = "confirmed" // binding; shipments and invoices follow
	Done      OrderState = "done"      // shipped and invoiced
	Cancelled OrderState = "cancelled"
)

// DeliveryState says how far the goods of an order have gone.
type DeliveryState string

const (
	NothingToDeliver DeliveryState = "none"
	DeliveryPending  DeliveryState = "pending"
	DeliveryPartial  DeliveryState = "partial" // where the ERP tells it; pending where it does not
	DeliveryFull     DeliveryState = "full"
	DeliveryFailed   DeliveryState = "exception" // a person at the ERP has to decide
)

// Order is a sales order as the ERP keeps it.
type Order struct {
	Ref      commerce.Ref // ID "order/17"
	Number   string       // empty while the ERP has given none
	Key      string
	Name     string // as of the NewOrder
	State    OrderState
	Delivery DeliveryState
	Date     commerce.Date
	Currency commerce.Currency
	Totals   Totals
	Changed  time.Time // when the ERP last wrote it, by its own clock
}

// Document returns the cross reference to the order.
func (o Order) Document() commerce.Document {
	return commerce.Document{Ref: o.Ref, Number: o.Number, State: string(o.State), Total: o.Totals.Gross}
}

// TotalsError says that the ERP's total is not the shop's, by more than may be
// settled. The draft stays at the ERP for a person to look at.
type TotalsError struct {
	Key      string
	Expected Totals
	Got      Totals // without any rounding line
	Bound    commerce.Money
	// ExpectedTaxes and GotTaxes are the sums by tax, where known.
	ExpectedTaxes, GotTaxes []TaxAmount
}

func (e *TotalsError) Error() string {
	s := fmt.Sprintf("erp: %s: the ERP computes %s + %s tax = %s, expected %s + %s tax = %s; at most %s may be settled",
		e.Key, e.Got.Net.Text(), e.Got.Tax.Text(), e.Got.Gross, e.Expected.Net.Text(), e.Expected.Tax.Text(), e.Expected.Gross, e.Bound)
	for _, side := range []struct {
		name  string
		taxes []TaxAmount
	}{{"ERP", e.GotTaxes}, {"expected", e.ExpectedTaxes}} {
		for _, t := range side.taxes {
			s += fmt.Sprintf("; %s tax %s: %s on %s", side.name, t.TaxID, t.Amount.Text(), t.Base.Text())
		}
	}
	return s
}

// ErrorKind is KindInvalid.
func (e *TotalsError) ErrorKind() commerce.Kind { return commerce.KindInvalid }

// Is makes errors.Is(err, commerce.ErrInvalid) true.
func (e *TotalsError) Is(target error) bool { return target == commerce.ErrInvalid }
