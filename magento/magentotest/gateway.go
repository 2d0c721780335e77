package magentotest

import (
	"strings"

	"github.com/commercesync/commerce"
)

// GatewayCall is what a shop asks its gateway for: Stripe's module asks Stripe.
type GatewayCall struct {
	Action   GatewayAction
	Order    int64  // entity id
	Intent   string // pi_…
	Amount   string // of a capture or refund, in Currency
	Currency string // the order's
}

// GatewayAction is one of three.
type GatewayAction string

// What a gateway does.
const (
	GatewayCapture GatewayAction = "capture"
	GatewayRefund  GatewayAction = "refund"
	GatewayVoid    GatewayAction = "void"
)

// gateway reports whether an order was paid by a method that calls somebody.
func (s *Shop) gateway(o *order) bool {
	return s.c.StripeModule && strings.HasPrefix(text(o.payment["method"]), "stripe_")
}

// intent is the payment intent of a transaction id, which may have an ending such as
// -capture.
func intent(transaction string) string {
	id, _, _ := strings.Cut(transaction, "-")
	return id
}

// ask asks the gateway; an error of its is the words that Magento has for it.
func (s *Shop) ask(action GatewayAction, o *order, transaction string, amount dec, words string) *failure {
	if transaction == "" {
		return invalid(words)
	}
	if s.c.Gateway == nil {
		return nil
	}
	c := GatewayCall{Action: action, Order: o.id, Intent: intent(transaction), Currency: text(o.plain["order_currency_code"])}
	if action != GatewayVoid {
		c.Amount = amount.String()
	}
	if s.c.Gateway(c) != nil {
		return invalid(words)
	}
	return nil
}

// pay settles a new invoice: captured at the gateway, paid without a call, or left open.
func (s *Shop) pay(o *order, d *document, in invoiceIn) *failure {
	if in.open {
		d.state = invoiceOpen
		return nil
	}
	if in.Capture && s.gateway(o) {
		return s.capture(o, d)
	}
	return nil
}

const (
	invoiceOpen     = 1
	invoicePaid     = 2
	invoiceCanceled = 3
)

// capture takes the money of an invoice; its transaction follows the authorisation.
func (s *Shop) capture(o *order, d *document) *failure {
	last := text(o.payment["last_trans_id"])
	if f := s.ask(GatewayCapture, o, last, d.sums["grand_total"].order, "Could not save an invoice, see error log for details"); f != nil {
		return f
	}
	d.transaction = intent(last) + "-capture"
	o.payment["last_trans_id"] = d.transaction
	s.transact(o, "capture", d.transaction, intent(last))
	return nil
}

// transact notes what a gateway did, and closes what it followed.
func (s *Shop) transact(o *order, kind, id, parent string) {
	for _, t := range s.transactions {
		if t.order == o && t.txn == parent {
			t.closed = true
		}
	}
	s.transactions = append(s.transactions, &transaction{id: s.next("transaction"), order: o, txn: id, parent: parent, kind: kind,
		closed: kind != "capture", created: s.now()})
}

// authorisation is an order's reserved money that was neither captured nor given back.
func (s *Shop) authorisation(o *order) *transaction {
	for _, t := range s.transactions {
		if t.order == o && t.kind == "authorization" && !t.closed {
			return t
		}
	}
	return nil
}

// void gives reserved money back.
func (s *Shop) void(o *order) *failure {
	t := s.authorisation(o)
	if t == nil || !s.gateway(o) {
		return nil
	}
	if f := s.ask(GatewayVoid, o, t.txn, 0, "We can't cancel the authorization."); f != nil {
		return f
	}
	s.transact(o, "void", t.txn+"-void", t.txn)
	return nil
}

// OpenInvoice makes an invoice of all that is left, which nobody paid yet, as an admin
// does who chooses not to capture. An error is of kind invalid or not found.
func (s *Shop) OpenInvoice(order int64) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.order(order)
	if o == nil {
		return 0, commerce.Errorf(commerce.KindNotFound, "magentotest", "open invoice", "no order %d", order)
	}
	d, f := s.invoice(o, invoiceIn{open: true}, "")
	if f != nil {
		return 0, commerce.Errorf(commerce.KindInvalid, "magentotest", "open invoice", "%s", f.message)
	}
	return d.id, nil
}

// serveCapture captures an invoice that is open; every other is refused (REC 134).
func (s *Shop) serveCapture(r *request) (any, *failure) {
	d := byID(s.invoices, r.id)
	if d == nil {
		return nil, errNotFound
	}
	if d.state != invoiceOpen {
		return nil, invalid("The capture action is not available.")
	}
	if s.gateway(d.order) {
		if f := s.capture(d.order, d); f != nil {
			return nil, f
		}
	}
	d.state, d.updated = invoicePaid, s.now()
	d.order.sums.add("total_paid", d.sums["grand_total"])
	s.touch(d.order)
	s.settle(d.order)
	return true, nil
}

// serveVoid gives the reserved money of an open invoice back and cancels it; every
// other is refused (REC 211).
func (s *Shop) serveVoid(r *request) (any, *failure) {
	d := byID(s.invoices, r.id)
	if d == nil {
		return nil, errNotFound
	}
	o := d.order
	if d.state != invoiceOpen || !s.gateway(o) || s.authorisation(o) == nil {
		return nil, invalid("The void action is not available.")
	}
	if f := s.void(o); f != nil {
		return nil, f
	}
	d.state, d.updated = invoiceCanceled, s.now()
	for _, row := range d.rows {
		i := row.item
		i.invoiced -= row.qty
		if i.priced() {
			i.sums.add("row_invoiced", row.sums["row_total"].neg())
			for _, name := range []string{"tax", "discount", "discount_tax_compensation"} {
				i.sums.add(name+"_invoiced", row.sums[name+"_amount"].neg())
			}
		}
	}
	for done, of := range map[string]string{"subtotal_invoiced": "subtotal", "tax_invoiced": "tax_amount", "discount_invoiced": "discount_amount",
		"discount_tax_compensation_invoiced": "discount_tax_compensation_amount", "shipping_invoiced": "shipping_amount", "total_invoiced": "grand_total"} {
		o.sums.add(done, d.sums[of].neg())
	}
	if o.sums["shipping_invoiced"] == (pair{}) {
		delete(o.sums, "shipping_invoiced") // the next invoice takes it
	}
	s.touch(o)
	return true, nil
}
