package magentoshop

import (
	"math/big"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/mapping"
)

// The money of a credit memo is Magento's to compute: only rows, whether shipping goes
// back, and an adjustment can be said, the last in base currency. What rows and shipping
// will come to is therefore computed as Magento does it (2.4.6-p1, REC 146-154, 422-459),
// and the adjustment makes up for the rest, up to what the base currency can say.

// both is an amount in base currency and in the order's.
type both [2]*big.Rat

const (
	base  = 0
	order = 1
)

// creditMemo is one that is being prepared.
type creditMemo struct {
	*reader
	rows []memoRow
	all  map[magento.ID]magento.OrderItem
	none map[magento.ID]bool // rows that carry no money
}

// memoRow is a quantity of a row that goes back.
type memoRow struct {
	item magento.OrderItem
	qty  *big.Rat
}

// plan says how Magento is to be asked for a credit memo of what a refund is made of.
//
// A row goes back with its goods where all it says of them can be said: rows of a bundle of
// dynamic price go by their bundle, where they make whole sets of it, as to refund one alone
// ruins the counters (REC 494-498). Shipping goes back as a whole or not at all, since what
// a part means depends on a setting that REST does not tell (REC 455, 553). What is left
// over is money without goods.
func (r *reader) plan(content mapping.Allocation, amount commerce.Money, restock []string) (magento.RefundParams, error) {
	m := creditMemo{reader: r, all: map[magento.ID]magento.OrderItem{}, none: map[magento.ID]bool{}}
	var p magento.RefundParams
	m.index()
	m.choose(content, restock, &p)
	total := m.total()
	p.BaseShipping = "0"
	if ship, ok := m.shippingLeft(content.Shipping); ok && m.fits(new(big.Rat).Add(total[base], ship[base]), amount) {
		p.BaseShipping, p.AllShipping = "", true
		total = both{new(big.Rat).Add(total[base], ship[base]), new(big.Rat).Add(total[order], ship[order])}
	}
	m.adjust(&p, total, amount)
	if len(p.Items) == 0 {
		for _, i := range r.o.Items {
			if i.ParentItemID == 0 {
				p.Items = []magento.ItemQty{{OrderItemID: i.ItemID, Qty: "0"}}
				break
			}
		}
	}
	return p, r.err
}

func (m *creditMemo) rat(at, name string, n magento.Number) *big.Rat {
	out, ok := new(big.Rat).SetString(m.decimal(at, name, n).String())
	if !ok {
		return new(big.Rat)
	}
	return out
}

// index finds the rows that carry no money: variants, and bundles whose parts do.
func (m *creditMemo) index() {
	for _, i := range m.o.Items {
		m.all[i.ItemID] = i
	}
	for _, i := range m.o.Items {
		parent, ok := m.all[i.ParentItemID]
		switch {
		case !ok:
		case parent.ProductType == "bundle" && m.amount(atItem(i), "price", i.Price) != 0:
			m.none[parent.ItemID] = true
		default:
			m.none[i.ItemID] = true
		}
	}
}

// left is how much of a row can go back.
func (m *creditMemo) left(i magento.OrderItem) *big.Rat {
	d, err := i.Refundable()
	if err != nil {
		m.fault(atItem(i)+"qty_refunded", string(i.QtyRefunded), "%v", err)
	}
	out, _ := new(big.Rat).SetString(d.String())
	return out
}

// choose names the rows whose goods go back.
func (m *creditMemo) choose(content mapping.Allocation, restock []string, p *magento.RefundParams) {
	asked := map[magento.ID]*big.Rat{}
	for _, l := range content.Lines {
		id, err := magento.ParseID(l.Line)
		if err != nil || l.Quantity.Sign() <= 0 {
			continue
		}
		asked[id], _ = new(big.Rat).SetString(l.Quantity.String())
	}
	back := map[magento.ID]bool{}
	for _, id := range restock {
		if id, err := magento.ParseID(id); err == nil {
			back[id] = true
			if parent := m.all[m.all[id].ParentItemID]; parent.ProductType == "bundle" {
				back[parent.ItemID] = true
			}
		}
	}
	take := func(i magento.OrderItem, qty *big.Rat) {
		p.Items = append(p.Items, magento.ItemQty{OrderItemID: i.ItemID, Qty: magento.Number(trimmed(qty))})
		if back[i.ItemID] {
			p.ReturnToStock = append(p.ReturnToStock, i.ItemID)
		}
	}
	for _, i := range m.o.Items {
		switch qty := asked[i.ItemID]; {
		case m.none[i.ItemID] && i.ProductType == "bundle":
			if sets := m.sets(i, asked); sets != nil {
				take(i, sets)
				for _, part := range m.o.Items {
					if part.ParentItemID == i.ItemID {
						m.rows = append(m.rows, memoRow{part, asked[part.ItemID]})
					}
				}
			}
		case qty != nil && !m.none[i.ItemID] && i.ParentItemID == 0 && qty.Cmp(m.left(i)) <= 0:
			take(i, qty)
			m.rows = append(m.rows, memoRow{i, qty})
		}
	}
	slices.SortStableFunc(m.rows, func(a, b memoRow) int { return int(a.item.ItemID - b.item.ItemID) })
}

// sets is how many of a bundle go back, where its parts make whole sets of it; else nil.
func (m *creditMemo) sets(bundle magento.OrderItem, asked map[magento.ID]*big.Rat) *big.Rat {
	var sets *big.Rat
	ordered := m.rat(atItem(bundle), "qty_ordered", bundle.QtyOrdered)
	if ordered.Sign() <= 0 {
		return nil
	}
	for _, i := range m.o.Items {
		if i.ParentItemID != bundle.ItemID {
			continue
		}
		perSet, qty := m.rat(atItem(i), "qty_ordered", i.QtyOrdered), asked[i.ItemID]
		if qty == nil || perSet.Sign() <= 0 || qty.Cmp(m.left(i)) > 0 {
			return nil
		}
		n := new(big.Rat).Quo(new(big.Rat).Mul(qty, ordered), perSet)
		if sets != nil && sets.Cmp(n) != 0 {
			return nil
		}
		sets = n
	}
	if sets == nil || !sets.IsInt() || sets.Cmp(m.left(bundle)) > 0 {
		return nil
	}
	return sets
}

// carry rounds to cents, and hands on what rounding took.
type carry both

func (c *carry) round(side int, v *big.Rat, discount bool) *big.Rat {
	if v.Sign() == 0 {
		return v
	}
	rest := c[side]
	if discount {
		rest = new(big.Rat).Neg(rest)
	}
	v = new(big.Rat).Add(v, rest)
	rounded := cents(v)
	if c[side] = new(big.Rat).Sub(v, rounded); discount {
		c[side].Neg(c[side])
	}
	return rounded
}

// cents rounds half away from zero to two decimals, which Magento keeps in every currency.
func cents(v *big.Rat) *big.Rat {
	out, _ := new(big.Rat).SetString(v.FloatString(2))
	return out
}

// total is what the rows come to: the shares of what was invoiced and is not refunded,
// rounded one after the other, and all that is left for the last of a row.
func (m *creditMemo) total() both {
	c := &carry{new(big.Rat), new(big.Rat)}
	sum := both{new(big.Rat), new(big.Rat)}
	share := func(row memoRow, side int, name string, invoiced, refunded magento.Number, discount bool) *big.Rat {
		at := atItem(row.item)
		rest := new(big.Rat).Sub(m.rat(at, name, invoiced), m.rat(at, name, refunded))
		left := m.left(row.item)
		invoicedAll := m.rat(at, "qty_ordered", row.item.QtyOrdered).Cmp(new(big.Rat).Add(
			m.rat(at, "qty_invoiced", row.item.QtyInvoiced), m.rat(at, "qty_canceled", row.item.QtyCanceled))) <= 0
		if rest.Sign() == 0 || left.Sign() == 0 || row.qty.Cmp(left) == 0 && invoicedAll {
			return rest
		}
		return c.round(side, new(big.Rat).Mul(new(big.Rat).Quo(rest, left), row.qty), discount)
	}
	add := func(side int, v *big.Rat) { sum[side].Add(sum[side], v) }
	for _, row := range m.rows {
		i := row.item
		add(base, share(row, base, "base_row_invoiced", i.BaseRowInvoiced, i.BaseAmountRefunded, false))
		add(order, share(row, order, "row_invoiced", i.RowInvoiced, i.AmountRefunded, false))
	}
	for _, row := range m.rows {
		i := row.item
		add(base, new(big.Rat).Neg(share(row, base, "base_discount_invoiced", i.BaseDiscountInvoiced, i.BaseDiscountRefunded, true)))
		add(order, new(big.Rat).Neg(share(row, order, "discount_invoiced", i.DiscountInvoiced, i.DiscountRefunded, true)))
	}
	for _, row := range m.rows {
		i := row.item
		add(base, share(row, base, "base_tax_invoiced", i.BaseTaxInvoiced, i.BaseTaxRefunded, false))
		add(order, share(row, order, "tax_invoiced", i.TaxInvoiced, i.TaxRefunded, false))
		add(base, share(row, base, "base_discount_tax_compensation_invoiced", i.BaseDiscountTaxCompensationInvoiced, i.BaseDiscountTaxCompensationRefunded, false))
		add(order, share(row, order, "discount_tax_compensation_invoiced", i.DiscountTaxCompensationInvoiced, i.DiscountTaxCompensationRefunded, false))
	}
	return sum
}

// shippingLeft is what all the shipping that is left comes to; ok is false where that is
// not what is to go back. Once a part of discounted shipping went back, the discount is
// taken again as a whole (REC 518-522): what is left can not be said then.
func (m *creditMemo) shippingLeft(want mapping.RefundPart) (ship both, ok bool) {
	o := m.o
	if want.Net.Sign() <= 0 {
		return ship, false
	}
	rat := func(name string, n magento.Number) *big.Rat { return m.rat("", name, n) }
	discount, refunded := rat("shipping_discount_amount", o.ShippingDiscount), rat("shipping_refunded", o.ShippingRefunded)
	whole, baseWhole := rat("shipping_amount", o.ShippingAmount), rat("base_shipping_amount", o.BaseShippingAmount)
	if whole.Sign() <= 0 || baseWhole.Sign() <= 0 || discount.Sign() != 0 && refunded.Sign() != 0 {
		return ship, false
	}
	sum := func(plus ...*big.Rat) *big.Rat {
		s := new(big.Rat)
		for _, p := range plus {
			s.Add(s, p)
		}
		return s
	}
	minus := func(v *big.Rat) *big.Rat { return new(big.Rat).Neg(v) }
	ship[base] = sum(baseWhole, minus(rat("base_shipping_refunded", o.BaseShippingRefunded)), rat("base_shipping_tax_amount", o.BaseShippingTaxAmount),
		minus(rat("base_shipping_tax_refunded", o.BaseShippingTaxRefunded)), rat("base_shipping_discount_tax_compensation_amnt", o.BaseShippingDiscountTaxCompensation))
	ship[order] = sum(whole, minus(refunded), rat("shipping_tax_amount", o.ShippingTaxAmount),
		minus(rat("shipping_tax_refunded", o.ShippingTaxRefunded)), rat("shipping_discount_tax_compensation_amount", o.ShippingDiscountTaxCompensation))
	if discount.Sign() != 0 { // it is not rounded to cents (REC 519)
		net := sum(rat("base_shipping_incl_tax", o.BaseShippingInclTax), minus(rat("base_shipping_tax_amount", o.BaseShippingTaxAmount)))
		off := new(big.Rat).Quo(net.Mul(net, rat("base_shipping_discount_amount", o.BaseShippingDiscount)), baseWhole)
		ship[base].Sub(ship[base], off)
		ship[order].Sub(ship[order], new(big.Rat).Quo(new(big.Rat).Mul(whole, off), baseWhole))
	}
	asked, err := want.Net.Add(want.Tax)
	if err != nil {
		m.fault("shipping", want.Net.String(), "%v", err)
		return ship, false
	}
	wanted, _ := new(big.Rat).SetString(asked.Text())
	apart := wanted.Sub(wanted, ship[order])
	return ship, apart.Abs(apart).Cmp(big.NewRat(1, 50)) <= 0
}

// fits reports whether a memo that comes to so much in base currency can be brought to the
// amount. No adjustment takes off the part of a cent that a discount on shipping has (REC
// 519), which may be more than is left: shipping is money without a name then.
func (m *creditMemo) fits(total *big.Rat, amount commerce.Money) bool {
	if cents(total).Cmp(total) == 0 {
		return true
	}
	want, _ := new(big.Rat).SetString(amount.Text())
	if rate := m.rat("", "base_to_order_rate", m.o.BaseToOrderRate); rate.Sign() > 0 {
		want.Quo(want, rate)
	}
	return want.Add(want, big.NewRat(1, 100)).Cmp(m.baseLeft()) <= 0
}

// baseLeft is what is left to refund, in base currency.
func (m *creditMemo) baseLeft() *big.Rat {
	return new(big.Rat).Sub(m.rat("", "base_total_paid", m.o.BaseTotalPaid), m.rat("", "base_total_refunded", m.o.BaseTotalRefunded))
}

// adjust makes up for the difference to the amount, in base currency by the order's own
// rate: where several say the same in the order's currency, the nearest to nought.
func (m *creditMemo) adjust(p *magento.RefundParams, total both, amount commerce.Money) {
	want, _ := new(big.Rat).SetString(amount.Text())
	unit := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(amount.Currency().Exponent())), nil))
	missing := new(big.Rat).Sub(want, total[order])
	half := new(big.Rat).Quo(unit, big.NewRat(2, 1))
	if new(big.Rat).Abs(missing).Cmp(half) >= 0 {
		rate := m.rat("", "base_to_order_rate", m.o.BaseToOrderRate)
		if rate.Sign() <= 0 {
			rate = big.NewRat(1, 1)
		}
		missing = best(missing, rate, half)
	} else {
		missing = new(big.Rat)
	}
	// Never more than is left: a cent of the base currency may be missing for the last.
	if room := new(big.Rat).Sub(m.baseLeft(), total[base]); missing.Cmp(room) > 0 {
		missing = cents(room)
	}
	switch missing.Sign() {
	case 1:
		p.BaseAdjustmentPositive = magento.Number(trimmed(missing))
	case -1:
		p.BaseAdjustmentNegative = magento.Number(trimmed(missing.Neg(missing)))
	}
}

// best is the amount in base currency, in cents, that comes nearest to one of the order's:
// within half of its unit where there is one, else below it.
func best(of, rate, half *big.Rat) *big.Rat {
	cent := big.NewRat(1, 100)
	at := cents(new(big.Rat).Quo(of, rate))
	low := new(big.Rat)
	for _, step := range []int64{0, -1, 1} {
		try := new(big.Rat).Add(at, new(big.Rat).Mul(big.NewRat(step, 1), cent))
		off := new(big.Rat).Sub(cents(new(big.Rat).Mul(try, rate)), of)
		if new(big.Rat).Abs(off).Cmp(half) < 0 {
			return try
		}
		if off.Sign() <= 0 && (low.Sign() == 0 || try.Cmp(low) > 0) {
			low = try
		}
	}
	return low
}
