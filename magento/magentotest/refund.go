package magentotest

import (
	"fmt"
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
	d := &document{order: o, created: now, updated: now, state: 2, memo: true, sums: sums{}, invoice: invoice}
	for _, i := range o.items {
		if qty := rows[i]; qty > 0 {
			d.rows = append(d.rows, docRow{item: i, qty: qty})
		}
	}
	c := newCarry()
	d.compute(c, share{row: "row_invoiced", rowDone: "amount_refunded", all: "_invoiced", done: "_refunded", of: (*item).toRefund,
		last: func(r docRow) bool { return r.qty == r.item.toRefund() && r.item.toInvoice() == 0 }})
	shipping, f := s.shippingBack(o, in, c)
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
	if !o.canRefund() {
		return nil, validation("Creditmemo", []string{"A creditmemo can not be created when an order has a status of " + o.status})
	}
	if in.IsOnline && invoice != nil {
		if f := s.ask(GatewayRefund, o, invoice.transaction, d.sums["grand_total"].order, "Could not save a Creditmemo, see error log for details"); f != nil {
			return nil, f
		}
	}
	s.book(o, d, in)
	return fmt.Sprint(d.id), nil
}

// shippingBack is what goes back of the shipping. Left out means all that was not
// refunded yet (REC 249), from which the whole discount on shipping is taken, also when
// a part of it went back before (REC 522).
func (s *Shop) shippingBack(o *order, in refundIn, c *carry) (sums, *failure) {
	whole, incl, tax := o.sums["shipping_amount"], o.sums["shipping_incl_tax"], o.sums["shipping_tax_amount"]
	left, leftTax := whole.sub(o.sums["shipping_refunded"]), tax.sub(o.sums["shipping_tax_refunded"])
	ship := left
	// In base currency it is the gross price less what went back, which keeps the tax
	// inside a discount (REC 473).
	shipIncl := pair{incl.base - o.sums["shipping_refunded"].base - o.sums["shipping_tax_refunded"].base, left.order + leftTax.order}
	discounted := incl.base - tax.base
	if a := in.Arguments; a != nil && a.Shipping != nil {
		given, of, most := a.Shipping.real().cents().dec(), whole.base, left.base
		if s.c.ShippingShownGross {
			of, most = incl.base, left.base+leftTax.base
		}
		switch {
		case given != 0 && whole.base == 0:
			return nil, invalid("You can not refund shipping if there is no shipping amount.")
		case given > most:
			return nil, invalid("Maximum shipping amount allowed to refund is: %1", money(o, most))
		}
		if ratio := zero(); of != 0 {
			ratio = given.real().quo(of.real())
			scaled := func(p pair) pair {
				return pair{p.base.real().mul(ratio).cents().dec(), p.order.real().mul(ratio).cents().dec()}
			}
			if given < most {
				ship = scaled(whole)
			}
			shipIncl = scaled(incl)
		}
		discounted = given
	}
	out := sums{"shipping_amount": ship, "shipping_incl_tax": shipIncl, "shipping_tax_amount": {}, "shipping_discount_amount": {}, "shipping_discount_tax_compensation_amount": {}}
	inside := o.sums["shipping_discount_tax_compensation_amount"]
	switch {
	case ship.base < left.base:
		part := func(p pair) pair {
			return c.round(p.base.real().mul(ship.base.real().quo(whole.base.real())), p.order.real().mul(ship.order.real().quo(whole.order.real())), false)
		}
		out["shipping_tax_amount"], out["shipping_discount_tax_compensation_amount"] = part(tax), part(inside)
	case ship.base == left.base:
		out["shipping_tax_amount"], out["shipping_discount_tax_compensation_amount"] = leftTax, inside
	}
	if whole.base != 0 { // the discount is not rounded to cents (REC 519)
		base := discounted.real().mul(o.sums["shipping_discount_amount"].base.real()).quo(whole.base.real())
		out["shipping_discount_amount"] = pair{base.dec(), whole.order.real().mul(base).quo(whole.base.real()).dec()}
	}
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
		i.sums.add("amount_refunded", row.sums["row_total"])
		i.sums.add("tax_refunded", row.sums["tax_amount"])
		i.sums.add("discount_refunded", row.sums["discount_amount"])
		i.sums.add("discount_tax_compensation_refunded", row.sums["discount_tax_compensation_amount"])
	}
	for of, name := range map[string]string{"subtotal": "subtotal_refunded", "tax_amount": "tax_refunded", "discount_amount": "discount_refunded",
		"discount_tax_compensation_amount": "discount_tax_compensation_refunded",
		"shipping_amount":                  "shipping_refunded", "shipping_tax_amount": "shipping_tax_refunded",
		"adjustment_positive": "adjustment_positive", "adjustment_negative": "adjustment_negative"} {
		o.sums.add(name, d.sums[of])
	}
	total := d.sums["grand_total"]
	o.paid.add("amount_refunded", total)
	o.paid.add("shipping_refunded", d.sums["shipping_amount"])
	for _, row := range d.rows {
		if a := in.Arguments; a != nil && a.Extension != nil && slices.Contains(a.Extension.ReturnToStock, number(row.item.id)) {
			s.giveBack(row.item, row.qty)
		} else if row.item.priced() {
			s.writeOff(row.item, row.item.refunded)
		}
	}
	// Each memo is added up rounded, though it has four decimals (REC 522).
	o.sums.add("total_refunded", pair{total.base.real().cents().dec(), total.order.real().cents().dec()})
	how := "offline"
	if in.IsOnline && d.invoice != nil {
		how = "online"
		d.transaction = intent(d.invoice.transaction) + "-refund"
		s.transact(o, "refund", d.transaction, d.invoice.transaction)
	}
	o.sums.add("total_"+how+"_refunded", total)
	s.remark("memo_comment", d, in.Comment, in.AppendComment)
	s.memos = append(s.memos, d)
	o.plain["customer_note_notify"] = digit(in.Notify)
	o.refunded = true
	s.touch(o)
	s.resolve(o)
	s.say(o, total.base, how, in.Notify)
	s.settle(o)
}

// say leaves the shop's own remark on a refund.
func (s *Shop) say(o *order, total dec, how string, notify bool) {
	said := "We refunded " + money(o, total) + " " + how + "."
	s.comments = append(s.comments, &comment{id: s.next("comment"), order: o.id, about: "creditmemo", text: &said, status: o.status, notified: notify, created: s.now()})
}

// inOrder converts an amount in base currency.
func (o *order) inOrder(base dec) pair {
	base = base.real().cents().dec()
	rate, ok := o.plain["base_to_order_rate"].(dec)
	if !ok || rate == one {
		return pair{base, base}
	}
	return pair{base, base.real().mul(rate.real()).cents().dec()}
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
