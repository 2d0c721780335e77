package nopshop

import (
	"math/big"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/nopcommerce"
)

// Ids of what the shop has no row for.
const (
	checkoutRow = "checkout_attributes"
	feeRow      = "payment_fee"
	shippingRow = "shipping"
)

// thing is one thing of an order that tax may be on, in the primary store currency.
type thing struct {
	row        mapping.Row // without money
	net, tax   mapping.Amount
	own        mapping.Amount // its own discount, which net has lost already
	units      int
	inSubtotal bool // the subtotal's discount lowers it and its tax

	cut, off mapping.Amount // its shares of the discounts of subtotal and total
	rate     *rate          // nil: none
	charged  mapping.Amount // tax, after the subtotal's discount
}

// rate is one tax rate of an order and the tax at it.
type rate struct {
	percent commerce.Decimal
	exact   *big.Rat // of a hundred
	amount  mapping.Amount
}

// of is the tax on a net amount.
func (x *rate) of(net mapping.Amount) mapping.Amount {
	a, _ := times(net, x.exact)
	return a
}

func (x *rate) taxes(amount mapping.Amount) []mapping.RowTax {
	if x == nil {
		return nil
	}
	code := x.percent.Trim(0).String() // the shop's rates have no names
	return []mapping.RowTax{{Code: code, Title: code + " %", Rate: x.percent, Amount: amount}}
}

// sheet says the money of the order in the primary store currency. rest is what other
// tenders than the last one pay; 0 where there are none.
//
// The discount of the subtotal lowers the tax in proportion. That of the total is taken
// off after tax and lowers none: where there is one, lines are shown at the net price that
// tax was taken on, and it is their discount. The discount of shipping is inside its price.
func (r *reader) sheet(out commerce.Order) (sheet mapping.Sheet, rest mapping.Amount) {
	o := r.o
	subtotal := r.amount("order_subtotal_excl_tax", o.SubtotalExclTax)
	cut := r.amount("order_sub_total_discount_excl_tax", o.SubtotalDiscountExclTax)
	shipping := r.amount("order_shipping_excl_tax", o.ShippingExclTax)
	fee := r.amount("payment_method_additional_fee_excl_tax", o.PaymentFeeExclTax)
	tax := r.amount("order_tax", o.Tax)
	off := r.amount("order_discount", o.Discount)
	total := r.amount("order_total", o.Total)
	things := r.things(subtotal, shipping, fee)
	if r.err != nil {
		return sheet, 0
	}
	r.lower("order_sub_total_discount_excl_tax", cut, things)
	r.levy(tax, things)
	r.takeOff("order_discount", off, things)

	to := out.BillingAddress
	if out.ShippingAddress != nil {
		to = *out.ShippingAddress
	}
	sheet = mapping.Sheet{Document: r.document, Currency: r.shop.c.Currency, Country: to.Country, Region: to.Region, Included: out.PricesIncludeTax}
	stated := mapping.Stated{Net: subtotal, Discount: cut, Shipping: shipping, Fees: fee, Tax: tax}
	for _, t := range things {
		if t.row.ID == shippingRow {
			sheet.Shipping = mapping.ShippingRow{Method: o.ShippingRateMethod, Title: mapping.Text(o.ShippingMethod),
				Net: t.net, Discount: t.off, Tax: t.charged, Taxes: t.rate.taxes(t.charged)}
			stated.ShippingDiscount = t.off
			continue
		}
		row := t.row
		row.Net, row.Discount, row.Tax, row.Taxes = t.net+t.own, t.own+t.cut, t.charged, t.rate.taxes(t.charged)
		if off != 0 {
			row.Net, row.Discount = t.net-t.cut, t.off
		}
		stated.Net, stated.Discount = stated.Net+t.own, stated.Discount+t.own
		if t.row.ID == feeRow {
			stated.Net, stated.Fees = stated.Net+fee, 0
		}
		sheet.Rows = append(sheet.Rows, row)
	}
	if off != 0 {
		stated.Net, stated.Discount = stated.Net-stated.Discount, off-stated.ShippingDiscount
	}

	worth := subtotal - cut + shipping + fee + tax - off
	switch rest = worth - total; {
	case rest < -slack:
		r.fault("order_total", string(o.Total), "its parts add up to %s", worth.Text())
	case rest <= slack:
		rest = 0
	}
	stated.Gross = total + rest
	sheet.Stated = stated
	return sheet, rest
}

// things lists what is sold: the items, the checkout attributes, which the order holds as
// a part of its subtotal only, a payment fee with tax, and shipping.
func (r *reader) things(subtotal, shipping, fee mapping.Amount) []*thing {
	o := r.o
	one := commerce.MustDecimal("1")
	var things []*thing
	sold, with := mapping.Amount(0), mapping.Amount(0)
	for _, l := range r.lines {
		id := l.ID.String()
		field := "order_items[" + id + "]."
		t := &thing{net: r.amount(field+"price_excl_tax", l.PriceExclTax), units: l.Quantity, inSubtotal: true,
			own: r.amount(field+"discount_amount_excl_tax", l.DiscountExclTax)}
		t.tax = r.amount(field+"price_incl_tax", l.PriceInclTax) - t.net
		t.row = mapping.Row{ID: id, SKU: strings.TrimSpace(l.SKU), Quantity: count(l.Quantity), Shipped: count(r.shipped[l.ID]), Virtual: !shippable(l)}
		if l.Product == nil {
			r.notes = append(r.notes, field+"product_id is gone: the line has no SKU")
		} else {
			t.row.Name = described(l.Product.Name, l.AttributeDescription)
		}
		sold, with = sold+t.net, with+t.net+t.tax
		things = append(things, t)
	}
	switch extra := subtotal - sold; {
	case !r.rounded(extra):
		if strings.TrimSpace(o.CheckoutAttributes+o.CheckoutXML) == "" {
			r.fault("order_subtotal_excl_tax", string(o.SubtotalExclTax), "the items add up to %s, and no checkout attribute makes up the rest", sold.Text())
		}
		things = append(things, &thing{net: extra, tax: r.amount("order_subtotal_incl_tax", o.SubtotalInclTax) - with - extra, units: 1, inSubtotal: true,
			row: mapping.Row{ID: checkoutRow, SKU: r.shop.c.CheckoutSKU, Name: described("", o.CheckoutAttributes), Quantity: one, Virtual: true}})
	case extra != 0:
		weights := make([]mapping.Amount, len(things))
		for i, t := range things {
			weights[i] = t.net
		}
		if shares, ok := spread(extra, weights); ok {
			for i, t := range things {
				t.net += shares[i]
			}
		}
	}
	if tax := r.amount("payment_method_additional_fee_incl_tax", o.PaymentFeeInclTax) - fee; tax != 0 {
		things = append(things, &thing{net: fee, tax: tax, units: 1,
			row: mapping.Row{ID: feeRow, SKU: r.shop.c.FeeSKU, Name: "Payment fee", Quantity: one, Virtual: true}})
	}
	tax := r.amount("order_shipping_incl_tax", o.ShippingInclTax) - shipping
	return append(things, &thing{net: shipping, tax: tax, units: 1, row: mapping.Row{ID: shippingRow}})
}

// lower shares the discount of the subtotal out by net price.
func (r *reader) lower(field string, cut mapping.Amount, things []*thing) {
	weights := make([]mapping.Amount, len(things))
	for i, t := range things {
		if t.inSubtotal {
			weights[i] = t.net
		}
	}
	for i, share := range r.spread(field, cut, weights) {
		things[i].cut = share
	}
}

// takeOff shares the discount of the total out by price with tax.
func (r *reader) takeOff(field string, off mapping.Amount, things []*thing) {
	weights := make([]mapping.Amount, len(things))
	for i, t := range things {
		weights[i] = t.net - t.cut + t.charged
	}
	for i, share := range r.spread(field, off, weights) {
		things[i].off = share
	}
}

// rounded reports whether a difference is no more than what the shop rounds away: it keeps 4
// decimals of a row and of the tax at a rate, and 2 of their sums, which are the truth.
func (r *reader) rounded(difference mapping.Amount) bool {
	most := mapping.Amount(unit/200 + len(r.lines))
	return -most <= difference && difference <= most
}

func (r *reader) spread(field string, total mapping.Amount, weights []mapping.Amount) []mapping.Amount {
	shares, ok := spread(total, weights)
	if !ok {
		r.fault(field, total.Text(), "there is nothing to take it from")
		return nil
	}
	return shares
}

// levy finds the rate of each thing and its part of the tax at that rate. What the order
// states by rate is the truth, since the subtotal's discount lowered it: shipping and fee
// keep their own tax, and the rest is shared out by the tax before that discount.
func (r *reader) levy(tax mapping.Amount, things []*thing) {
	rates := r.rates(tax)
	if r.err != nil {
		return
	}
	for _, t := range things {
		if t.rate = choose(rates, t); t.rate == nil && t.tax != 0 && len(rates) > 0 {
			r.fault("tax_rates", r.o.TaxRates, "none fits %s, whose tax is %s on %s", t.row.ID, t.tax.Text(), t.net.Text())
			return
		}
	}
	for _, x := range rates {
		var at []*thing
		weights := []mapping.Amount{}
		left, expected, tolerance := x.amount, mapping.Amount(0), mapping.Amount(unit/100)
		for _, t := range things {
			switch {
			case t.rate != x:
				continue
			case !t.inSubtotal:
				t.charged = t.tax
				left -= t.tax
			default:
				at, weights = append(at, t), append(weights, t.tax)
				expected += x.of(t.net - t.cut)
			}
			tolerance += t.tolerance()
		}
		if d := left - expected; d > tolerance || d < -tolerance {
			r.fault("tax_rates", r.o.TaxRates, "%s %% of the items is %s, and %s are left for them", x.percent, expected.Text(), left.Text())
			return
		}
		shares, ok := spread(left, weights)
		if !ok && apart(left, 0) {
			r.fault("tax_rates", r.o.TaxRates, "nothing of the order bears %s of %s %%", left.Text(), x.percent)
			return
		}
		for i, t := range at {
			t.charged = shares[i]
		}
	}
}

// tolerance is how far the tax of a thing may lie from its rate: a hundredth a unit, as
// the shop rounds the price of one unit and multiplies.
func (t *thing) tolerance() mapping.Amount { return unit / 100 * mapping.Amount(t.units+1) }

// choose returns the rate whose tax comes nearest to that of a thing; nil where none is
// near enough, and for what bears no tax that could be seen.
func choose(rates []*rate, t *thing) *rate {
	var best *rate
	nearest := t.tolerance()
	for _, x := range rates {
		d := x.of(t.net) - t.tax
		if d < 0 {
			d = -d
		}
		if t.tax == 0 && (t.net == 0 || apart(d, 0)) {
			continue // the tax of a cent rounds to nought; more than that is exempt
		}
		if d <= nearest && (best == nil || d < nearest) {
			best, nearest = x, d
		}
	}
	return best
}

// rates reads the order's tax by rate, which has to add up to its tax.
func (r *reader) rates(tax mapping.Amount) []*rate {
	listed, err := nopcommerce.ParseTaxRates(r.o.TaxRates)
	if err != nil {
		r.fault("tax_rates", r.o.TaxRates, "is not rate:amount; rate:amount;")
		return nil
	}
	var out []*rate
	var sum mapping.Amount
	for _, l := range listed {
		x := &rate{amount: r.amount("tax_rates", l.Amount)}
		var err error
		if x.percent, err = l.Rate.Decimal(); err != nil || x.percent.Sign() < 0 {
			r.fault("tax_rates", r.o.TaxRates, "%s is no rate", l.Rate)
			return nil
		}
		if sum += x.amount; x.percent.IsZero() {
			continue
		}
		x.exact, _ = new(big.Rat).SetString(x.percent.String())
		x.exact.Quo(x.exact, big.NewRat(100, 1))
		out = append(out, x)
	}
	switch extra := tax - sum; {
	case !r.rounded(extra):
		r.fault("tax_rates", r.o.TaxRates, "they add up to %s, and order_tax is %s", sum.Text(), tax.Text())
	case len(out) > 0:
		out[0].amount += extra
	}
	return out
}

// convert says the sheet in the currency that the buyer was charged in. The price with tax
// of each thing ends where the running total of all does, so that nothing is lost on the
// way, and is split by its rate: the shop states no tax in that currency, and what its
// rounding left between a price and its tax must not grow with the currency's rate. late
// says that discounts were taken off after tax. The totals are those of the figures.
func (r *reader) convert(s mapping.Sheet, currency commerce.Currency, by *big.Rat, late bool) (mapping.Sheet, error) {
	gross, ok := times(s.Stated.Gross, by)
	rounded, _, fits := minor(s.Stated.Gross, by, currency)
	if !ok || !fits {
		return s, mapping.Faultf(r.document, "order_total", string(r.o.Total), "is out of range in %s", currency)
	}
	// Rounded to 4 decimals and then to the currency's it may end a unit higher.
	switch m, _, err := gross.Money(currency); {
	case err != nil:
		return s, err
	case m.Minor() > rounded:
		gross--
	case m.Minor() < rounded:
		gross++
	}
	c := converter{rate: by, late: late, sum: residual(s)}
	out := s
	out.Currency, out.Rows, out.Stated = currency, make([]mapping.Row, len(s.Rows)), mapping.Stated{Gross: gross}
	t := &out.Stated
	for i, row := range s.Rows {
		row.Net, row.Discount, row.Tax, row.Taxes = c.split(row.Net, row.Discount, row.Tax, row.Taxes)
		t.Net, t.Discount, t.Tax = t.Net+row.Net, t.Discount+row.Discount, t.Tax+row.Tax
		out.Rows[i] = row
	}
	sh := &out.Shipping
	sh.Net, sh.Discount, sh.Tax, sh.Taxes = c.split(sh.Net, sh.Discount, sh.Tax, sh.Taxes)
	t.Shipping, t.ShippingDiscount, t.Tax = sh.Net, sh.Discount, t.Tax+sh.Tax
	t.Fees = c.next(s.Stated.Fees)
	if c.overflow {
		return s, mapping.Faultf(r.document, "currency_rate", string(r.o.CurrencyRate), "an amount is out of range in %s", currency)
	}
	return out, nil
}

// residual is what the figures of a sheet lack of its total, less than half a hundredth:
// the shop rounds each by itself.
func residual(s mapping.Sheet) mapping.Amount {
	left := s.Stated.Gross - s.Shipping.Net + s.Shipping.Discount - s.Shipping.Tax - s.Stated.Fees
	for _, row := range s.Rows {
		left -= row.Net - row.Discount + row.Tax
	}
	return left
}
