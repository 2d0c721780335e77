package magentotest

import (
	"fmt"
	"math/big"
	"net/http"
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

func (s *Shop) remark(table string, d *document, in *remarkIn, notify bool) {
	if in == nil {
		return
	}
	d.remarks = append(d.remarks, obj{"entity_id": s.next(table), "parent_id": d.id, "comment": in.Comment,
		"is_visible_on_front": in.IsVisibleOnFront, "is_customer_notified": digit(notify), "created_at": stamp(s.now())})
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
			out[i] = dec(int64(q) * int64(i.ordered) / int64(i.parent.ordered))
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

// carry rounds the parts of a document to cents and hands on what rounding took.
type carry struct{ base, order *big.Rat }

func newCarry() *carry { return &carry{new(big.Rat), new(big.Rat)} }

func (c *carry) part(left pair, qty, of dec) pair {
	share := func(amount dec, rest *big.Rat) dec {
		r := new(big.Rat).Mul(amount.rat(), big.NewRat(int64(qty), int64(of)))
		var d dec
		if rest.Sign() < 0 {
			// In PHP's floats the sum is a hair too small: a tie goes down (REC 489).
			r.Add(r, rest)
			d = cents(new(big.Rat).Sub(r, big.NewRat(1, 1_000_000)))
		} else {
			d = cents(r.Add(r, rest))
		}
		rest.Sub(r, d.rat())
		return d
	}
	return pair{share(left.base, c.base), share(left.order, c.order)}
}

// take returns the part of a row's amount that falls on qty: the rest if it is the
// last of it, else a share of the rest.
func (c *carry) take(total, done pair, qty, left dec) pair {
	rest := total.sub(done)
	if qty >= left || rest == (pair{}) {
		return rest
	}
	return c.part(rest, qty, left)
}

type invoiceIn struct {
	Capture       bool      `json:"capture"`
	Items         []asked   `json:"items"`
	Notify        bool      `json:"notify"`
	AppendComment bool      `json:"append_comment"`
	Comment       *remarkIn `json:"comment"`
	Arguments     any       `json:"arguments"`
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

// invoice makes a paid invoice.
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
	c := newCarry()
	for _, i := range o.items {
		qty := rows[i]
		if qty <= 0 {
			continue
		}
		row := docRow{id: s.next("invoice_item"), item: i, qty: qty, sums: sums{"price": i.sums["price"]}}
		if p, ok := i.sums["price_incl_tax"]; ok {
			row.sums["price_incl_tax"] = p
		}
		if i.priced() {
			row.sums["row_total"] = c.take(i.sums["row_total"], i.sums["row_invoiced"], qty, i.toInvoice())
			row.sums["row_total_incl_tax"] = c.whole(i.sums["row_total_incl_tax"], qty, i)
		}
		d.rows = append(d.rows, row)
		d.qty += qty
	}
	d.share(c, (*item).toInvoice, "_amount", "_invoiced")
	d.total(o.shippingLeft())
	// Gift cards, credit and points lower the first invoice as far as they go: what is
	// paid is what the gateway took. (Adobe Commerce's behaviour, not recorded.)
	due := d.sums["grand_total"]
	by := pair{min(o.covered.base, due.base), min(o.covered.order, due.order)}
	d.sums["grand_total"], o.covered = due.sub(by), o.covered.sub(by)
	for _, row := range d.rows {
		i := row.item
		i.invoiced += row.qty
		if i.priced() {
			i.sums.add("row_invoiced", row.sums["row_total"])
			i.sums.add("tax_invoiced", row.sums["tax_amount"])
			i.sums.add("discount_invoiced", row.sums["discount_amount"])
			i.sums.add("discount_tax_compensation_invoiced", row.sums["discount_tax_compensation_amount"])
		}
	}
	for _, name := range []string{"subtotal", "tax", "discount", "discount_tax_compensation", "shipping"} {
		of := name + "_amount"
		if name == "subtotal" {
			of = name
		}
		o.sums.add(name+"_invoiced", d.sums[of])
	}
	o.sums.add("total_invoiced", d.sums["grand_total"])
	o.sums.add("total_paid", d.sums["grand_total"])
	o.inProcess = true
	s.remark("invoice_comment", d, in.Comment, in.Notify)
	s.invoices = append(s.invoices, d)
	s.touch(o)
	s.settleInto(o, "processing")
	return d, nil
}

// share splits discount, tax and the tax inside the discount over the rows. all and
// done are the endings of what there is and of what earlier documents took. Tax and
// compensation hand on their rounding to each other by the carry tax (REC 453), which
// on invoices is also that of the rows (REC 489).
func (d *document) share(tax *carry, left func(*item) dec, all, done string) {
	discount := newCarry()
	for n := range d.rows {
		row := &d.rows[n]
		i := row.item
		if !i.priced() {
			continue
		}
		for _, f := range []struct {
			name string
			c    *carry
		}{{"discount", discount}, {"tax", tax}, {"discount_tax_compensation", tax}} {
			row.sums[f.name+"_amount"] = f.c.take(i.sums[f.name+all], i.sums[f.name+done], row.qty, left(i))
		}
	}
}

// whole returns a share of a row's gross total, which Magento does not carry on.
func (c *carry) whole(total pair, qty dec, i *item) pair { return total.part(qty, i.ordered) }

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

// serveCapture and serveVoid refuse: every invoice of this shop is paid (REC 134, 211).
func (s *Shop) serveCapture(r *request) (any, *failure) { return s.notAvailable(r, "capture") }

func (s *Shop) serveVoid(r *request) (any, *failure) { return s.notAvailable(r, "void") }

func (s *Shop) notAvailable(r *request, action string) (any, *failure) {
	if byID(s.invoices, r.id) == nil {
		return nil, errNotFound
	}
	return nil, invalid("The " + action + " action is not available.")
}

func (s *Shop) serveShip(r *request) (any, *failure) {
	o, f := s.find(r.id)
	if f != nil {
		return nil, f
	}
	var in struct {
		Items         []asked   `json:"items"`
		Notify        bool      `json:"notify"`
		AppendComment bool      `json:"append_comment"`
		Comment       *remarkIn `json:"comment"`
		Tracks        []struct {
			TrackNumber string `json:"track_number"`
			Title       string `json:"title"`
			CarrierCode string `json:"carrier_code"`
			Extension   any    `json:"extension_attributes"`
		} `json:"tracks"`
		Packages  any `json:"packages"`
		Arguments *struct {
			Extension *struct {
				SourceCode string `json:"source_code"`
			} `json:"extension_attributes"`
		} `json:"arguments"`
	}
	if f := r.into(s, &in); f != nil {
		return nil, f
	}
	named := o.named(in.Items)
	now := s.now()
	d := &document{order: o, created: now, updated: now, source: "default"}
	for _, i := range o.items {
		if !i.shippable() {
			continue
		}
		qty, ok := named[i]
		if up, of := named[i.parent]; !ok && of && i.parent != nil && i.parent.ordered > 0 {
			qty, ok = dec(int64(up)*int64(i.ordered)/int64(i.parent.ordered)), true
		}
		if !ok && named == nil {
			qty = i.toShip()
		}
		// Too much is cut to what is left, without a word (REC 137).
		if qty = min(qty, i.toShip()); qty > 0 {
			d.rows = append(d.rows, docRow{item: i, qty: qty})
			d.qty += qty
		}
	}
	var wrong []string
	switch {
	case o.held(), o.reviewed(), o.virtual, o.state == "canceled":
		wrong = append(wrong, "A shipment cannot be created when an order has a status of "+o.status)
	case !o.canShip():
		wrong = append(wrong, "The order does not allow a shipment to be created.")
	}
	if len(d.rows) == 0 {
		wrong = append(wrong, "You can't create a shipment without products.")
	}
	if len(wrong) > 0 {
		return nil, validation("Shipment", wrong)
	}
	d.id, d.number = s.next("shipment"), s.nextNumber("shipment", o.store)
	for n := range d.rows {
		d.rows[n].id = s.next("shipment_item")
		d.rows[n].item.ship(d.rows[n].qty)
		s.take(d.rows[n].item, d.rows[n].qty)
	}
	if a := in.Arguments; a != nil && a.Extension != nil && a.Extension.SourceCode != "" {
		d.source = a.Extension.SourceCode
	}
	for _, t := range in.Tracks {
		d.tracks = append(d.tracks, s.track(d, obj{"track_number": t.TrackNumber, "title": t.Title, "carrier_code": t.CarrierCode,
			"weight": nil, "qty": nil, "description": nil}))
	}
	s.remark("shipment_comment", d, in.Comment, in.Notify)
	s.shipments = append(s.shipments, d)
	o.inProcess = true
	s.settleInto(o, "processing")
	return fmt.Sprint(d.id), nil
}

// ship counts a shipment of a row, and of a bundle's other rows with their share of it
// (REC 498).
func (i *item) ship(qty dec) {
	i.shipped += qty
	if p := i.parent; p != nil && p.kind == "bundle" {
		p.shipped += dec(int64(qty) * int64(p.ordered) / int64(i.ordered))
	}
	if i.kind == "bundle" {
		for _, c := range i.children {
			c.shipped += dec(int64(qty) * int64(c.ordered) / int64(i.ordered))
		}
	}
}

func (s *Shop) track(d *document, t obj) obj {
	t["entity_id"], t["parent_id"], t["order_id"] = s.next("track"), d.id, d.order.id
	t["created_at"], t["updated_at"] = stamp(s.now()), stamp(s.now())
	return t
}

func (s *Shop) serveTrack(r *request) (any, *failure) {
	var in struct {
		Entity *struct {
			OrderID     dec    `json:"order_id"`
			ParentID    dec    `json:"parent_id"`
			Weight      dec    `json:"weight"`
			Qty         dec    `json:"qty"`
			Description string `json:"description"`
			TrackNumber string `json:"track_number"`
			Title       string `json:"title"`
			CarrierCode string `json:"carrier_code"`
			EntityID    any    `json:"entity_id"`
			CreatedAt   any    `json:"created_at"`
			UpdatedAt   any    `json:"updated_at"`
			Extension   any    `json:"extension_attributes"`
		} `json:"entity"`
	}
	if f := r.into(s, &in); f != nil {
		return nil, f
	}
	if in.Entity == nil {
		return nil, &failure{http.StatusBadRequest, `"%fieldName" is required. Enter and try again.`, obj{"fieldName": "entity"}, nil, false}
	}
	e := in.Entity
	for _, d := range s.shipments {
		if d.id == int64(e.ParentID/one) && d.order.id == int64(e.OrderID/one) {
			t := s.track(d, obj{"track_number": e.TrackNumber, "title": e.Title, "carrier_code": e.CarrierCode,
				"weight": e.Weight, "qty": e.Qty, "description": e.Description})
			d.tracks = append(d.tracks, t)
			d.updated = s.now()
			return t, nil
		}
	}
	return nil, invalid("Could not save the shipment tracking.")
}
