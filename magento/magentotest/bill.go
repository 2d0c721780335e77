package magentotest

import (
	"fmt"
	"strings"
)

// asked is a row and a quantity in a request.
type asked struct {
	OrderItemID dec `json:"order_item_id"`
	Qty         dec `json:"qty"`
	Extension   any `json:"extension_attributes"`
}

// remarkIn is a comment that travels with a document.
type remarkIn struct {
	Comment          string `json:"comment"`
	IsVisibleOnFront int    `json:"is_visible_on_front"`
	Extension        any    `json:"extension_attributes"`
}

// remark leaves a comment on a document; mailed says that it is part of the mail.
func (s *Shop) remark(table string, d *document, in *remarkIn, mailed bool) {
	if in == nil {
		return
	}
	d.remarks = append(d.remarks, obj{"entity_id": s.next(table), "parent_id": d.id, "comment": in.Comment,
		"is_visible_on_front": in.IsVisibleOnFront, "is_customer_notified": digit(mailed), "created_at": stamp(s.now())})
}

// validation is how Magento lists what is wrong with a document.
func validation(kind string, messages []string) *failure {
	return invalid(kind + " Document Validation Error(s):\n" + strings.Join(messages, "\n"))
}

// choose decides how much of each row goes into a document. named is what the request
// names, nil for all that is left. Rows that only follow take part with a share of a
// named parent, else with the whole of what was ordered or invoiced: Magento counts them
// twice that way (REC 278, 489, 495).
func choose(o *order, named map[*item]dec, left func(*item) dec, leads func(*item) bool, whole func(*item) dec) map[*item]dec {
	out := map[*item]dec{}
	for _, i := range o.items {
		if q, ok := named[i]; ok {
			out[i] = q
			continue
		}
		if named == nil && leads(i) {
			if q := left(i); q > 0 {
				out[i] = q
			}
			continue
		}
		if q, ok := named[i.parent]; ok && i.parent != nil && i.parent.ordered > 0 {
			out[i] = i.share(q)
		}
	}
	for _, i := range o.items {
		if _, ok := out[i]; ok || leads(i) {
			continue
		}
		follows := i.parent != nil && out[i.parent] > 0
		for _, c := range i.children {
			follows = follows || out[c] > 0
		}
		if follows {
			out[i] = whole(i)
		}
	}
	return out
}

func (o *order) named(rows []asked) map[*item]dec {
	if len(rows) == 0 {
		return nil // an empty list means everything (REC 250)
	}
	out := map[*item]dec{}
	for _, r := range rows {
		for _, i := range o.items {
			if i.id == int64(r.OrderItemID/one) {
				out[i] += r.Qty
			}
		}
	}
	return out
}

type invoiceIn struct {
	Capture       bool      `json:"capture"`
	Items         []asked   `json:"items"`
	Notify        bool      `json:"notify"`
	AppendComment bool      `json:"append_comment"`
	Comment       *remarkIn `json:"comment"`
	Arguments     any       `json:"arguments"`
	open          bool      // nobody paid it yet
}

func (s *Shop) serveInvoice(r *request) (any, *failure) {
	o, f := s.find(r.id)
	if f != nil {
		return nil, f
	}
	var in invoiceIn
	if f := r.into(s, &in); f != nil {
		return nil, f
	}
	d, f := s.invoice(o, in, "")
	if f != nil {
		return nil, f
	}
	return fmt.Sprint(d.id), nil // a text, though the schema says number (REC 127)
}

// invoice makes an invoice, paid unless it is to stay open.
func (s *Shop) invoice(o *order, in invoiceIn, transactionID string) (*document, *failure) {
	rows := choose(o, o.named(in.Items), (*item).toInvoice, (*item).priced, (*item).all)
	var wrong []string
	some := false
	for _, i := range o.items {
		if !i.priced() {
			continue
		}
		if rows[i] > i.toInvoice() && slicesHas(in.Items, i) {
			return nil, invalid(`We found an invalid quantity to invoice item "%1".`, i.plain["name"])
		}
		some = some || rows[i] > 0
	}
	if !some {
		wrong = append(wrong, "The invoice can't be created without products. Add products and try again.")
	}
	switch o.state {
	case "payment_review", "holded", "canceled", "complete", "closed":
		wrong = append(wrong, "An invoice cannot be created when an order has a status of "+o.status)
	default:
		if !o.canInvoice() {
			wrong = append(wrong, "The order does not allow an invoice to be created.")
		}
	}
	if len(wrong) > 0 {
		return nil, validation("Invoice", wrong)
	}

	now := s.now()
	d := &document{id: s.next("invoice"), order: o, created: now, updated: now, state: 2, transaction: transactionID, sums: sums{},
		number: s.nextNumber("invoice", o.store)}
	for _, i := range o.items {
		if qty := rows[i]; qty > 0 {
			d.rows = append(d.rows, docRow{id: s.next("invoice_item"), item: i, qty: qty})
			d.qty += qty
		}
	}
	d.compute(newCarry(), share{row: "row_total", rowDone: "row_invoiced", all: "_amount", done: "_invoiced",
		of: func(i *item) dec { return i.ordered - i.invoiced }, last: func(r docRow) bool { return r.qty == r.item.toInvoice() }})
	d.total(o.shippingLeft())
	for name, left := range map[string]pair{
		"subtotal":                         o.sums["subtotal"].sub(o.sums["subtotal_invoiced"]),
		"tax_amount":                       o.sums["tax_amount"].sub(o.sums["tax_invoiced"]),
		"discount_tax_compensation_amount": o.sums["discount_tax_compensation_amount"].sub(o.sums["discount_tax_compensation_invoiced"]),
	} {
		d.sums[name] = d.sums[name].most(left)
	}
	d.sums["grand_total"] = grandTotal(d.sums)
	// Gift cards, credit and points lower the first invoice as far as they go: what is
	// paid is what the gateway took. (Adobe Commerce's behaviour, not recorded.)
	due := d.sums["grand_total"]
	by := pair{min(o.covered.base, due.base), min(o.covered.order, due.order)}
	d.sums["grand_total"] = due.sub(by)
	if f := s.pay(o, d, in); f != nil {
		return nil, f
	}
	o.covered = o.covered.sub(by)
	for _, row := range d.rows {
		i := row.item
		i.invoiced += row.qty
		i.sums.add("row_invoiced", row.sums["row_total"])
		i.sums.add("tax_invoiced", row.sums["tax_amount"])
		i.sums.add("discount_invoiced", row.sums["discount_amount"])
		i.sums.add("discount_tax_compensation_invoiced", row.sums["discount_tax_compensation_amount"])
	}
	for _, name := range []string{"subtotal", "tax", "discount", "discount_tax_compensation", "shipping"} {
		of := name + "_amount"
		if name == "subtotal" {
			of = name
		}
		o.sums.add(name+"_invoiced", d.sums[of])
	}
	o.sums.add("total_invoiced", d.sums["grand_total"])
	if d.state == invoicePaid {
		o.sums.add("total_paid", d.sums["grand_total"])
	}
	o.plain["base_total_invoiced_cost"] = dec(0)
	o.paid.add("amount_paid", d.sums["grand_total"])
	o.paid.add("shipping_captured", d.sums["shipping_amount"])
	for _, i := range o.items {
		if i.priced() {
			i.plain["weee_tax_applied"] = "[]"
		}
	}
	s.remark("invoice_comment", d, in.Comment, in.AppendComment)
	s.invoices = append(s.invoices, d)
	s.touch(o)
	s.settleInto(o, "processing")
	return d, nil
}

// share says which part of a row's amounts falls on a document: of what is there, less
// what earlier documents took.
type share struct {
	row, rowDone string              // names of the row's totals
	all, done    string              // endings of the names of discount and tax
	of           func(*item) dec     // the quantity that the rest stands for
	last         func(r docRow) bool // the row takes all the rest
}

// compute splits the amounts of the rows in the order in which Magento does, since each
// hands on what its rounding took: totals of the rows, discounts, taxes.
func (d *document) compute(c *carry, s share) {
	take := func(r *docRow, total, done string, discount bool) pair {
		if rest := r.item.sums[total].sub(r.item.sums[done]); s.last(*r) || rest == (pair{}) {
			return rest
		}
		return c.part(r.item.sums[total], r.item.sums[done], s.of(r.item), r.qty, discount)
	}
	incl := newCarry()
	for n := range d.rows {
		r := &d.rows[n]
		r.sums = sums{"price": r.item.sums["price"]}
		if p, ok := r.item.sums["price_incl_tax"]; ok {
			r.sums["price_incl_tax"] = p
		}
		if r.item.priced() {
			r.sums["row_total"] = take(r, s.row, s.rowDone, false)
			r.sums["row_total_incl_tax"] = incl.part(r.item.sums["row_total_incl_tax"], pair{}, r.item.ordered, r.qty, false)
		}
	}
	for n := range d.rows {
		if r := &d.rows[n]; r.item.priced() && r.item.sums["discount"+s.all] != (pair{}) {
			r.sums["discount_amount"] = take(r, "discount"+s.all, "discount"+s.done, true)
		}
	}
	for n := range d.rows {
		if r := &d.rows[n]; r.item.priced() {
			for _, name := range []string{"tax", "discount_tax_compensation"} {
				r.sums[name+"_amount"] = take(r, name+s.all, name+s.done, false)
			}
		}
	}
}

func slicesHas(rows []asked, i *item) bool {
	for _, r := range rows {
		if int64(r.OrderItemID/one) == i.id || i.parent != nil && int64(r.OrderItemID/one) == i.parent.id {
			return true
		}
	}
	return false
}

// settleInto resets the status to the state's own one, as every document does, and
// computes the state anew.
func (s *Shop) settleInto(o *order, state string) {
	if o.state == "new" || o.state == "pending_payment" {
		s.set(o, state)
	} else if want := defaults[o.state]; want != "" {
		s.set(o, o.state)
	}
	s.settle(o)
}

// shippingLeft is the shipping that was not invoiced: the first invoice takes it all.
func (o *order) shippingLeft() sums {
	if _, done := o.sums["shipping_invoiced"]; done || o.virtual {
		return nil
	}
	out := sums{}
	for _, name := range []string{"shipping_amount", "shipping_incl_tax", "shipping_tax_amount", "shipping_discount_amount", "shipping_discount_tax_compensation_amount"} {
		out[name] = o.sums[name]
	}
	return out
}

// total adds up a document from its rows and its shipping, which is nil for none.
func (d *document) total(shipping sums) {
	for _, name := range []string{"subtotal", "subtotal_incl_tax", "discount_amount", "tax_amount", "discount_tax_compensation_amount"} {
		d.sums[name] = pair{}
	}
	for _, row := range d.rows {
		if row.item.priced() {
			d.sums.add("subtotal", row.sums["row_total"])
			d.sums.add("subtotal_incl_tax", row.sums["row_total_incl_tax"])
			d.sums.add("discount_amount", row.sums["discount_amount"].neg())
			d.sums.add("tax_amount", row.sums["tax_amount"])
			d.sums.add("discount_tax_compensation_amount", row.sums["discount_tax_compensation_amount"])
		}
	}
	for name, p := range shipping {
		if name == "shipping_discount_amount" {
			d.sums.add("discount_amount", p.neg())
			continue
		}
		d.sums[name] = p
	}
	d.sums.add("tax_amount", shipping["shipping_tax_amount"])
	d.sums["grand_total"] = grandTotal(d.sums)
}
