package nopshop

import (
	"math/big"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/nopcommerce"
)

// taxed is one thing of an order that tax may be on, in the primary store currency.
type taxed struct {
	row      mapping.Row // what stands in the sheet; shipping has none
	field    string
	net, tax mapping.Amount // as stated, after the discount of the line
	units    int
	cut      mapping.Amount // its share of the subtotal's discount
	off      mapping.Amount // its share of the total's discount
	own      mapping.Amount // its own discount
	rate     int            // index into rates; -1: none
	subtotal bool           // it is a part of the subtotal, whose discount lowers its tax
}

// tolerance is how far the tax of a thing may lie from its rate: a hundredth a unit, as
// the shop rounds the price of one unit and multiplies.
func (t *taxed) tolerance() mapping.Amount { return mapping.Amount(unit/100) * mapping.Amount(t.units+1) }

// rate is one tax rate of an order and its amount.
type rate struct {
	percent commerce.Decimal
	exact   *big.Rat
	amount  mapping.Amount
}

func (t rate) code() string { return t.percent.Trim(0).String() }

// of is the tax on a net amount.
func (t rate) of(net mapping.Amount) mapping.Amount {
	a, _ := times(net, new(big.Rat).Mul(t.exact, big.NewRat(1, 100)))
	return a
}

// The ids of rows that the shop has no row for.
const (
	checkoutRow = "checkout_attributes"
	feeRow      = "payment_fee"
	shippingRow = "shipping"
)

// sheet says the money of the order in the primary store currency. rest is what other
// tenders than the last one pay, 0 where there are none.
//
// The shop lowers the subtotal by its discount and the tax with it, in proportion; a
// discount of the total is taken off after tax, and lowers none. Where there is one, the
// lines are shown at the net price that tax was taken on, and it is their discount.
func (r *reader) sheet(out commerce.Order) (mapping.Sheet, mapping.Amount) {
	o := r.o
	things, fees := r.things()
	cut := r.amount("order_sub_total_discount_excl_tax", o.SubtotalDiscountExclTax)
	off := r.amount("order_discount", o.Discount)
	tax := r.amount("order_tax", o.Tax)
	rates := r.rates(tax)
	r.share("order_sub_total_discount_excl_tax", cut, things, func(t *taxed) mapping.Amount {
		if t.subtotal {
			return t.net
		}
		return 0
	}, func(t *taxed, a mapping.Amount) { t.cut = a })
	taxes := r.taxes(things, rates)
	r.share("order_discount", off, things, func(t *taxed) mapping.Amount { return t.net + t.tax - t.cut },
		func(t *taxed, a mapping.Amount) { t.off = a })

	to := out.BillingAddress
	if out.ShippingAddress != nil {
		to = *out.ShippingAddress
	}
	sheet := mapping.Sheet{Document: r.document, Currency: r.shop.c.Currency, Country: to.Country, Region: to.Region, Included: out.PricesIncludeTax}
	stated := mapping.Stated{Net: r.amount("order_subtotal_excl_tax", o.SubtotalExclTax), Discount: cut, Fees: fees, Tax: tax,
		Shipping: r.amount("order_shipping_excl_tax", o.ShippingExclTax)}
	gross := stated.Net - cut + stated.Shipping + r.amount("payment_method_additional_fee_excl_tax", o.PaymentFeeExclTax) + tax - off
	for i, t := range things {
		row := t.row
		row.Tax, row.Taxes = taxes[i].Amount, nil
		if t.rate >= 0 {
			row.Taxes = []mapping.RowTax{taxes[i]}
		}
		if t.field == shippingRow {
			sheet.Shipping = mapping.ShippingRow{Method: o.ShippingRateMethod, Title: mapping.Text(o.ShippingMethod),
				Net: t.net, Discount: t.off, Tax: row.Tax, Taxes: row.Taxes}
			stated.ShippingDiscount = t.off
			continue
		}
		if off == 0 {
			row.Net, row.Discount = t.net+t.own, t.own+t.cut
			stated.Net, stated.Discount = stated.Net+t.own, stated.Discount+t.own
		} else {
			row.Net, row.Discount = t.net-t.cut, t.off
		}
		if t.field == feeRow {
			stated.Net += t.net // the shop counts it beside the subtotal
		}
		sheet.Rows = append(sheet.Rows, row)
	}
	if off != 0 {
		stated.Net, stated.Discount = stated.Net-cut, off-stated.ShippingDiscount
	}
	stated.Net -= r.untaxedCheckout(things)

	total := r.amount("order_total", o.Total)
	rest := gross - total
	switch {
	case rest < -slack:
		r.fault("order_total", string(o.Total), "its parts add up to %s", gross.Text())
	case rest <= slack:
		rest = 0
	}
	stated.Gross = total + rest
	sheet.Stated = stated
	return sheet, rest
}
