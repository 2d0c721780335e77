package magentotest

import (
	"fmt"
	"math/big"
	"net/http"
	"slices"
)

// refundIn is the body of both refund routes.
type refundIn struct {
	Items         []asked   `json:"items"`
	IsOnline      bool      `json:"is_online"`
	Notify        bool      `json:"notify"`
	AppendComment bool      `json:"append_comment"`
	Comment       *remarkIn `json:"comment"`
	Arguments     *struct {
		Shipping  *dec `json:"shipping_amount"`
		Positive  *dec `json:"adjustment_positive"`
		Negative  *dec `json:"adjustment_negative"`
		Extension *struct {
			ReturnToStock []dec `json:"return_to_stock_items"`
		} `json:"extension_attributes"`
	} `json:"arguments"`
}

// serveRefund makes a credit memo from an order, without a call to a gateway.
func (s *Shop) serveRefund(r *request) (any, *failure) {
	o, f := s.find(r.id)
	if f != nil {
		return nil, f
	}
	var in refundIn
	if f := r.into(s, &in); f != nil {
		return nil, f
	}
	return s.refund(o, in, nil)
}

// serveInvoiceRefund makes a credit memo from an invoice, which Magento refuses
// outright where the method of payment has no gateway (REC 151, 212).
func (s *Shop) serveInvoiceRefund(r *request) (any, *failure) {
	d := byID(s.invoices, r.id)
	if d == nil {
		return nil, errNotFound
	}
	var in refundIn
	if f := r.into(s, &in); f != nil {
		return nil, f
	}
	if d.transaction == "" {
		return nil, validation("Creditmemo", []string{"We can't create creditmemo for the invoice."})
	}
	return s.refund(d.order, in, d)
}

// ofInvoice returns how much of a row can go back through a document: all that is left
// of it, and no more than an invoice holds.
func ofInvoice(invoice *document) func(*item) dec {
	return func(i *item) dec {
		if invoice == nil {
			return i.toRefund()
		}
		for _, row := range invoice.rows {
			if row.item == i {
				return min(row.qty, i.toRefund())
			}
		}
		return 0
	}
}

// refund makes a credit memo; invoice is nil by the order's route.
func (s *Shop) refund(o *order, in refundIn, invoice *document) (any, *failure) {
	left := ofInvoice(invoice)
	rows := choose(o, o.named(in.Items), left, (*item).priced, func(i *item) dec { return i.invoiced })
	for _, i := range o.items {
		if i.priced() && rows[i] > left(i) {
			return nil, invalid(`We found an invalid quantity to refund item "%1".`, i.plain["name"])
		}
	}
	now := s.now()
	d := &document{order: o, created: now, updated: now, state: 2, sums: sums{}, invoice: invoice}
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
	d.share(newCarry(), (*item).toRefund, "_invoiced", "_refunded")
	shipping, f := s.shippingBack(o, in)
	if f != nil {
		return nil, f
	}
	d.total(shipping)
	// The tax inside a discount on shipping is added up, and not shown by itself.
	d.sums.add("discount_tax_compensation_amount", shipping["shipping_discount_tax_compensation_amount"])
	delete(d.sums, "shipping_discount_tax_compensation_amount")

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
	available := o.sums["total_paid"].base - o.sums["total_refunded"].base
	if d.sums["grand_total"].base > available {
		return nil, validation("Creditmemo", []string{"The most money available to refund is " + available.String() + "."})
	}
	// An order of nothing is not refused (REC 473).
	if !o.canRefund() && (o.sums["grand_total"].base != 0 || o.sums["total_refunded"] != (pair{})) {
		return nil, validation("Creditmemo", []string{"A creditmemo can not be created when an order has a status of " + o.status})
	}
	s.book(o, d, in)
	return fmt.Sprint(d.id), nil
}

// shippingBack is what goes back of the shipping. Left out means all that was not
// refunded yet (REC 249), from which the whole discount on shipping is taken, also when
// a part of it went back before (REC 522).
func (s *Shop) shippingBack(o *order, in refundIn) (sums, *failure) {
	left := o.sums["shipping_amount"].sub(o.sums["shipping_refunded"])
	ship, discounted := left, o.sums["shipping_incl_tax"].sub(o.sums["shipping_tax_amount"]).base
	if a := in.Arguments; a != nil && a.Shipping != nil {
		given := *a.Shipping
		if s.c.ShippingShownGross {
			given = given.times(o.sums["shipping_amount"].base, o.sums["shipping_incl_tax"].base)
		}
		if given > left.base {
			return nil, invalid("Maximum shipping amount allowed to refund is: %1", money(o, left.base))
		}
		if given < left.base {
			ship = o.inOrder(given)
		}
		discounted = given
	}
	out := sums{"shipping_amount": ship, "shipping_incl_tax": {}, "shipping_tax_amount": {}, "shipping_discount_amount": {}, "shipping_discount_tax_compensation_amount": {}}
	if whole := o.sums["shipping_amount"]; whole.base != 0 {
		for _, name := range []string{"shipping_incl_tax", "shipping_tax_amount", "shipping_discount_tax_compensation_amount"} {
			out[name] = o.sums[name].part(ship.base, whole.base)
		}
		// The discount is not rounded to cents (REC 519).
		base := new(big.Rat).Mul(o.sums["shipping_discount_amount"].base.rat(), big.NewRat(int64(discounted), int64(whole.base)))
		order := new(big.Rat).Mul(whole.order.rat(), new(big.Rat).Quo(base, whole.base.rat()))
		out["shipping_discount_amount"] = pair{dec(round(base, 4).Int64()), dec(round(order, 4).Int64())}
	}
	// Only the base side keeps the tax inside a discount (REC 473).
	out["shipping_incl_tax"] = pair{out["shipping_incl_tax"].base, ship.order + out["shipping_tax_amount"].order}
	return out, nil
}

// book enters a credit memo into the order.
func (s *Shop) book(o *order, d *document, in refundIn) {
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
		"discount_tax_compensation_amount": "discount_tax_compensation_refunded",
		"shipping_amount":                  "shipping_refunded", "shipping_tax_amount": "shipping_tax_refunded",
		"adjustment_positive": "adjustment_positive", "adjustment_negative": "adjustment_negative"} {
		o.sums.add(name, d.sums[of])
	}
	total := d.sums["grand_total"]
	if a := in.Arguments; a != nil && a.Extension != nil {
		for _, row := range d.rows {
			if slices.Contains(a.Extension.ReturnToStock, number(row.item.id)) {
				s.giveBack(row.item, row.qty)
			}
		}
	}
	// Each memo is added up rounded, though it has four decimals (REC 522).
	o.sums.add("total_refunded", pair{total.base.times(one, one), total.order.times(one, one)})
	how := "offline"
	if in.IsOnline && d.invoice != nil {
		how = "online"
		id := d.invoice.transaction + "-refund"
		d.transaction = id
		s.transactions = append(s.transactions, &transaction{id: s.next("transaction"), order: o, txn: id, parent: d.invoice.transaction,
			kind: "refund", closed: true, created: d.created})
	}
	o.sums.add("total_"+how+"_refunded", total)
	s.remark("memo_comment", d, in.Comment, in.Notify)
	s.memos = append(s.memos, d)
	o.plain["customer_note_notify"] = digit(in.Notify)
	s.touch(o)
	o.inProcess = false
	if o.state == "complete" && o.canShip() {
		// It was complete by counting units of a bundle's children; the refund looks again
		// and finds neither complete nor closed nor processing (REC 498, 550).
		s.set(o, "new")
	}
	s.settle(o)
	said := "We refunded " + money(o, total.base) + " " + how + "."
	s.comments = append(s.comments, &comment{id: s.next("comment"), order: o.id, about: "creditmemo", text: &said, status: o.status, created: d.created})
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
	if d < 0 {
		sign, d = "-"+sign, -d
	}
	return fmt.Sprintf("%s%d.%02d", sign, d/one, d%one/100)
}

var _ http.Handler = (*Shop)(nil)
