package magentotest

import (
	"math/big"
	"strings"
)

// side computes the amounts of an order in one currency, as Magento does it.
type side struct {
	incl, taxFirst bool
	rounding       TaxRounding
	discount       *big.Rat // share: 0.15
	carry          map[string]*big.Rat
}

// amounts are what a row comes to.
type amounts struct {
	row, rowIncl, tax, discount, compensation, price, priceIncl dec
}

func (c *side) rounded(key string, r *big.Rat) dec {
	sum, ok := c.carry[key]
	if !ok {
		sum = big.NewRat(1, 1_000_000) // so that a half is rounded up in spite of floats
	}
	sum = new(big.Rat).Add(sum, r)
	d := cents(sum)
	c.carry[key] = sum.Sub(sum, d.rat())
	return d
}

// line computes one row of a unit price, a quantity and a rate in percent.
func (c *side) line(unit, qty, percent dec, discounted bool, key string) amounts {
	var a amounts
	share := new(big.Rat).Quo(percent.rat(), big.NewRat(100, 1))
	inside := new(big.Rat).Quo(share, new(big.Rat).Add(big.NewRat(1, 1), share))
	listed := new(big.Rat).Mul(unit.rat(), qty.rat())
	full := cents(listed)
	if discounted {
		a.discount = c.rounded("discount", new(big.Rat).Mul(full.rat(), c.discount))
	}
	before := c.tax("before/"+key+percent.String(), full, qty, pick(c.incl, inside, share))
	if c.incl {
		a.rowIncl, a.row = full, full-before
	} else {
		a.row, a.rowIncl = full, full+before
	}
	if c.taxFirst {
		a.tax = before
	} else {
		a.tax = c.tax("after/"+key+percent.String(), full-a.discount, qty, pick(c.incl, inside, share))
		if c.incl {
			a.compensation = before - a.tax
		}
	}
	a.price, a.priceIncl = a.row.times(one, qty), a.rowIncl.times(one, qty)
	return a
}

// tax is a share of a row, rounded where the shop rounds.
func (c *side) tax(key string, row, qty dec, share *big.Rat) dec {
	whole := new(big.Rat).Mul(row.rat(), share)
	switch c.rounding {
	case TaxPerRow:
		return cents(whole)
	case TaxPerUnit:
		return cents(new(big.Rat).Mul(cents(whole.Quo(whole, qty.rat())).rat(), qty.rat()))
	}
	return c.rounded(key, whole)
}

func pick(b bool, yes, no *big.Rat) *big.Rat {
	if b {
		return yes
	}
	return no
}

// compute fills in the amounts of an order and its rows, in both currencies: the unit
// price is converted and rounded, and only then multiplied (REC 421).
func compute(o *order, n NewOrder, rate dec) error {
	percent, err := parseDec(or(n.DiscountPercent, "0"))
	if err != nil {
		return placeError("NewOrder.DiscountPercent: %w", err)
	}
	share := new(big.Rat).Quo(percent.rat(), big.NewRat(100, 1))
	sides := [2]*side{}
	for k := range sides {
		sides[k] = &side{incl: n.PricesIncludeTax, taxFirst: n.TaxBeforeDiscount, rounding: n.TaxRounding, discount: share, carry: map[string]*big.Rat{}}
	}
	both := func(price string, qty dec, taxes []Tax, discounted bool, key string) (map[string]pair, dec, error) {
		base, err := parseDec(or(price, "0"))
		if err != nil {
			return nil, 0, err
		}
		var sum dec
		for _, t := range taxes {
			p, err := parseDec(t.Percent)
			if err != nil {
				return nil, 0, err
			}
			sum += p
		}
		b := sides[0].line(base, qty, sum, discounted, key)
		f := sides[1].line(base.times(rate, one), qty, sum, discounted, key)
		return map[string]pair{
			"price": {b.price, f.price}, "price_incl_tax": {b.priceIncl, f.priceIncl}, "original_price": {base, dec(round(new(big.Rat).Mul(base.rat(), rate.rat()), 4).Int64())},
			"row_total": {b.row, f.row}, "row_total_incl_tax": {b.rowIncl, f.rowIncl}, "tax_amount": {b.tax, f.tax},
			"discount_amount": {b.discount, f.discount}, "discount_tax_compensation_amount": {b.compensation, f.compensation},
		}, sum, nil
	}
	taxes := &taxTable{}
	specs := flatten(n.Items)
	for at, i := range o.items {
		spec := specs[at]
		i.sums = sums{"row_invoiced": {}, "tax_invoiced": {}, "discount_invoiced": {}, "amount_refunded": {}}
		if !i.priced() {
			for _, name := range []string{"price", "original_price", "row_total", "tax_amount", "discount_amount"} {
				i.sums[name] = pair{}
			}
			if i.parent != nil {
				i.percent = new(dec)
			}
			continue
		}
		got, sum, err := both(spec.Price, i.ordered, spec.Taxes, percent > 0, "")
		if err != nil {
			return placeError("NewItem %q: %w", spec.SKU, err)
		}
		for name, p := range got {
			i.sums[name] = p
		}
		if spec.OriginalPrice != "" {
			original, err := parseDec(spec.OriginalPrice)
			if err != nil {
				return placeError("NewItem.OriginalPrice of %q: %w", spec.SKU, err)
			}
			i.sums["original_price"] = pair{original, dec(round(new(big.Rat).Mul(original.rat(), rate.rat()), 4).Int64())}
		}
		i.percent = &sum
		i.plain["discount_percent"] = percent
		if n.Coupon != "" {
			i.plain["applied_rule_ids"] = n.rule()
		}
		taxes.add(i.id, spec.Taxes, sum, i.sums["tax_amount"])
	}
	// A bundle of dynamic price repeats the sum of its children.
	for _, i := range o.items {
		if len(i.children) == 0 || i.priced() {
			continue
		}
		for _, name := range []string{"row_total", "row_total_incl_tax", "tax_amount"} {
			i.sums[name] = pair{}
			for _, c := range i.children {
				i.sums.add(name, c.sums[name])
			}
		}
		i.sums["original_price"] = pair{}
		for _, c := range i.children {
			i.sums.add("original_price", c.sums["original_price"].part(c.ordered, i.ordered))
		}
		for name, row := range map[string]string{"price": "row_total", "price_incl_tax": "row_total_incl_tax"} {
			i.sums[name] = i.sums[row].part(one, i.ordered)
		}
	}
	for _, name := range []string{"subtotal", "subtotal_incl_tax", "discount_amount", "tax_amount", "discount_tax_compensation_amount",
		"shipping_amount", "shipping_incl_tax", "shipping_tax_amount", "shipping_discount_amount", "shipping_discount_tax_compensation_amount"} {
		o.sums[name] = pair{}
	}
	for _, i := range o.items {
		if i.priced() {
			o.sums.add("subtotal", i.sums["row_total"])
			o.sums.add("subtotal_incl_tax", i.sums["row_total_incl_tax"])
			o.sums.add("discount_amount", i.sums["discount_amount"].neg())
			o.sums.add("tax_amount", i.sums["tax_amount"])
			o.sums.add("discount_tax_compensation_amount", i.sums["discount_tax_compensation_amount"])
		}
	}
	if !o.virtual {
		got, sum, err := both(n.ShippingPrice, one, n.ShippingTax, percent > 0 && n.DiscountShipping, "")
		if err != nil {
			return placeError("NewOrder.ShippingPrice or ShippingTax: %w", err)
		}
		o.sums["shipping_amount"], o.sums["shipping_incl_tax"] = got["row_total"], got["row_total_incl_tax"]
		o.sums["shipping_tax_amount"], o.sums["shipping_discount_amount"] = got["tax_amount"], got["discount_amount"]
		o.sums["shipping_discount_tax_compensation_amount"] = got["discount_tax_compensation_amount"]
		o.sums.add("tax_amount", got["tax_amount"])
		o.sums.add("discount_amount", got["discount_amount"].neg())
		taxes.add(0, n.ShippingTax, sum, got["tax_amount"])
	} else {
		taxes.add(0, n.ShippingTax, one, pair{})
	}
	o.sums["grand_total"] = grandTotal(o.sums)
	o.applied, o.byItem = taxes.render()
	if len(o.byItem) > 0 {
		o.extension["converting_from_quote"] = true
	}
	return payBy(o, n, rate)
}

// grandTotal adds up a document (it held for all 57 recorded ones).
func grandTotal(s sums) pair {
	var t pair
	for _, name := range []string{"subtotal", "discount_amount", "shipping_amount", "tax_amount",
		"discount_tax_compensation_amount", "shipping_discount_tax_compensation_amount"} {
		t = t.add(s[name])
	}
	return t
}

// payBy takes gift cards, store credit and points off the grand total, as Adobe
// Commerce does; the sums stand in the extension attributes.
func payBy(o *order, n NewOrder, rate dec) error {
	for _, m := range []struct{ name, text string }{{"gift_cards", n.GiftCard}, {"customer_balance", n.StoreCredit}, {"reward_currency", n.Points}} {
		if m.text == "" {
			continue
		}
		base, err := parseDec(m.text)
		if err != nil || base < 0 {
			return placeError("NewOrder: %q is no amount of %s", m.text, m.name)
		}
		total := o.sums["grand_total"]
		p := pair{min(base, total.base), min(base.times(rate, one), total.order)}
		if p.base == total.base {
			p.order = total.order
		}
		o.sums["grand_total"] = total.sub(p)
		o.covered = o.covered.add(p)
		o.extension[m.name+"_amount"], o.extension["base_"+m.name+"_amount"] = p.order, p.base
		switch m.name {
		case "gift_cards":
			o.extension["gift_cards"] = []any{obj{"id": 1, "code": "GC-" + strings.Repeat("0", 9), "amount": p.order, "base_amount": p.base}}
		case "reward_currency":
			o.extension["reward_points_balance"] = int64(p.base / one)
		}
	}
	return nil
}

// flatten lists items and their children in the order of the rows.
func flatten(items []NewItem) []NewItem {
	var out []NewItem
	for _, i := range items {
		out = append(append(out, i), flatten(i.Children)...)
	}
	return out
}
