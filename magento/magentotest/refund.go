package magentotest

import (
	"fmt"
	"math/big"
	"net/http"
)

// serveRefund makes a credit memo from an order, without a call to a gateway.
func (s *Shop) serveRefund(r *request) (any, *failure) {
	o, f := s.find(r.id)
	if f != nil {
		return nil, f
	}
	var in struct {
		Items         []asked   `json:"items"`
		Notify        bool      `json:"notify"`
		AppendComment bool      `json:"append_comment"`
		Comment       *remarkIn `json:"comment"`
		Arguments     *struct {
			Shipping  *dec `json:"shipping_amount"`
			Positive  *dec `json:"adjustment_positive"`
			Negative  *dec `json:"adjustment_negative"`
			Extension any  `json:"extension_attributes"`
		} `json:"arguments"`
	}
	if f := r.into(s, &in); f != nil {
		return nil, f
	}
	rows := choose(o, o.named(in.Items), (*item).toRefund, (*item).priced)
	for _, i := range o.items {
		if i.priced() && rows[i] > i.toRefund() {
			return nil, invalid(`We found an invalid quantity to refund item "%1".`, i.plain["name"])
		}
	}
	now := s.now()
	d := &document{order: o, created: now, updated: now, state: 2, sums: sums{}}
	c := newCarry()
	for _, i := range o.items {
		qty := rows[i]
		if qty <= 0 {
			continue
		}
		row := docRow{item: i, qty: qty, sums: sums{"price": i.sums["price"]}}
		if p, ok := i.sums["price_incl_tax"]; ok {
			row.sums["price_incl_tax"] = p
		}
		if i.priced() {
			row.sums["row_total"] = c.take(i.sums["row_invoiced"], i.sums["amount_refunded"], qty, i.toRefund())
			row.sums["row_total_incl_tax"] = c.whole(i.sums["row_total_incl_tax"], qty, i)
		}
		d.rows = append(d.rows, row)
	}
	d.share((*item).toRefund, "_invoiced", "_refunded")

	// Shipping left out means all that was not refunded yet (REC 249).
	left := o.sums["shipping_amount"].sub(o.sums["shipping_refunded"])
	ship := left
	if a := in.Arguments; a != nil && a.Shipping != nil {
		if *a.Shipping > left.base {
			return nil, invalid("Maximum shipping amount allowed to refund is: %1", money(o, left.base))
		}
		if *a.Shipping < left.base {
			ship = o.inOrder(*a.Shipping)
		}
	}
	shipping := sums{"shipping_amount": ship, "shipping_tax_amount": {}, "shipping_discount_amount": {}, "shipping_discount_tax_compensation_amount": {}}
	if whole := o.sums["shipping_amount"]; whole.base != 0 {
		for _, name := range []string{"shipping_tax_amount", "shipping_discount_amount", "shipping_discount_tax_compensation_amount"} {
			shipping[name] = o.sums[name].part(ship.base, whole.base)
		}
	}
	shipping["shipping_incl_tax"] = ship.add(shipping["shipping_tax_amount"])
	d.total(shipping)

	// The arguments are in base currency (REC 426), and absent where they were not given.
	if a := in.Arguments; a != nil {
		if a.Positive != nil {
			d.sums["adjustment_positive"] = o.inOrder(*a.Positive)
		}
		if a.Negative != nil {
			d.sums["adjustment_negative"] = o.inOrder(*a.Negative)
		}
	}
	d.sums["adjustment"] = d.sums["adjustment_positive"].sub(d.sums["adjustment_negative"])
	d.sums.add("grand_total", d.sums["adjustment"])
	delete(d.sums, "shipping_discount_tax_compensation_amount") // added up, and not shown
	available := o.sums["total_paid"].base - o.sums["total_refunded"].base
	if d.sums["grand_total"].base > available {
		return nil, validation("Creditmemo", []string{"The most money available to refund is " + available.String() + "."})
	}
	if !o.canRefund() {
		return nil, validation("Creditmemo", []string{"A creditmemo can not be created when an order has a status of " + o.status})
	}

	d.id, d.number = s.next("memo"), s.nextNumber("memo", o.store)
	for n := range d.rows {
		row := &d.rows[n]
		row.id = s.next("memo_item")
		i := row.item
		i.refunded += row.qty
		if i.priced() {
			i.sums.add("amount_refunded", row.sums["row_total"])
			i.sums.add("tax_refunded", row.sums["tax_amount"])
			i.sums.add("discount_refunded", row.sums["discount_amount"])
			i.sums.add("discount_tax_compensation_refunded", row.sums["discount_tax_compensation_amount"])
		}
	}
	for of, name := range map[string]string{"subtotal": "subtotal_refunded", "tax_amount": "tax_refunded", "discount_amount": "discount_refunded",
		"shipping_amount": "shipping_refunded", "shipping_tax_amount": "shipping_tax_refunded", "grand_total": "total_refunded",
		"adjustment_positive": "adjustment_positive", "adjustment_negative": "adjustment_negative"} {
		o.sums.add(name, d.sums[of])
	}
	o.sums.add("total_offline_refunded", d.sums["grand_total"])
	s.remark("memo_comment", d, in.Comment, in.Notify)
	s.memos = append(s.memos, d)
	o.plain["customer_note_notify"] = digit(in.Notify)
	s.touch(o)
	s.settle(o)
	said := "We refunded " + money(o, d.sums["grand_total"].base) + " offline."
	s.comments = append(s.comments, &comment{id: s.next("comment"), order: o.id, about: "creditmemo", text: &said, status: o.status, created: now})
	return fmt.Sprint(d.id), nil
}

// inOrder converts an amount in base currency.
func (o *order) inOrder(base dec) pair {
	rate, ok := o.plain["base_to_order_rate"].(dec)
	if !ok || rate == one {
		return pair{base, base}
	}
	return pair{base, cents(new(big.Rat).Mul(base.rat(), rate.rat()))}
}

// money writes an amount for people.
func money(o *order, d dec) string {
	sign := map[string]string{"USD": "$", "EUR": "€"}[o.store.BaseCurrency]
	if sign == "" {
		sign = o.store.BaseCurrency
	}
	return fmt.Sprintf("%s%d.%02d", sign, d/one, d%one/100)
}

var _ http.Handler = (*Shop)(nil)
