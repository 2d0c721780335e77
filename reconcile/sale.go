package reconcile

import "github.com/commercesync/commerce"

// Keys of the lines of a [Document] that are no goods.
const (
	LineShipping   = "shipping"
	LineDiscount   = "discount"
	LineFee        = "fee"
	LineAdjustment = "adjustment"
)

// Sale says an order as the document of its sale: Amount is what Stripe should have
// collected, which is less than Total where a gift card paid a part; lines and taxes are of
// the whole order, and its discounts are one line, as ERPs keep them apart. Its error is that
// of [commerce.Order.Due].
func Sale(o commerce.Order) (Document, error) {
	due, err := o.Due()
	if err != nil {
		return Document{}, err
	}
	d := Document{System: o.Ref.System, Shop: o.Ref.Account, ID: o.Ref.ID, Number: o.Number, Amount: due, Date: o.Placed, Payment: o.PaymentID}
	if o.Totals.Gross != due {
		d.Total = o.Totals.Gross
	}
	if d.Unsent, err = o.Unsent(); err != nil {
		return Document{}, err
	}
	off, one := commerce.Zero(o.Currency), commerce.MustDecimal("1")
	for _, l := range o.Lines {
		if off, err = d.add(l.SKU, l.Quantity, l.Net, off, l.Discount, l.Taxes); err != nil {
			return Document{}, err
		}
	}
	if !o.Shipping.Net.IsZero() || !o.Shipping.Tax.IsZero() {
		if off, err = d.add(LineShipping, one, o.Shipping.Net, off, o.Shipping.Discount, o.Shipping.Taxes); err != nil {
			return Document{}, err
		}
	}
	if !o.Totals.Fees.IsZero() {
		d.Lines = append(d.Lines, DocumentLine{Key: LineFee, Quantity: one, Net: o.Totals.Fees})
	}
	if !off.IsZero() {
		d.Lines = append(d.Lines, DocumentLine{Key: LineDiscount, Quantity: one, Net: off.Neg()})
	}
	d.named()
	return d, nil
}

// add adds a line and its taxes, and returns the discounts with this one.
func (d *Document) add(key string, quantity commerce.Decimal, net, discounts, discount commerce.Money, taxes []commerce.TaxLine) (commerce.Money, error) {
	d.Lines = append(d.Lines, DocumentLine{Key: key, Quantity: quantity, Net: net})
	for _, t := range taxes {
		sum := d.tax(t.Country, t.Rate.Trim(0).String(), net.Currency())
		var err error
		if sum.Base, err = sum.Base.Add(t.Base); err != nil {
			return discounts, err
		}
		if sum.Tax, err = sum.Tax.Add(t.Amount); err != nil {
			return discounts, err
		}
	}
	return discounts.Add(discount)
}

// tax returns the sum at a rate, which it begins where there is none.
func (d *Document) tax(country, rate string, c commerce.Currency) *TaxSum {
	for i := range d.Taxes {
		if t := &d.Taxes[i]; t.Country == country && t.Rate == rate {
			return t
		}
	}
	d.Taxes = append(d.Taxes, TaxSum{Country: country, Rate: rate, Base: commerce.Zero(c), Tax: commerce.Zero(c)})
	return &d.Taxes[len(d.Taxes)-1]
}
