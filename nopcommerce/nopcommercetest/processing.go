package nopcommercetest

import (
	"fmt"
	"strings"
)

// act is an action on an order that answers nothing.
func act(do func(*Shop, *Order, *request) *failure) func(*Shop, *request) (any, *failure) {
	return func(s *Shop, r *request) (any, *failure) {
		o, f := find(&s.orders, r.id)
		if f != nil {
			return nil, f
		}
		return nil, do(s, o, r)
	}
}

// may answers whether an action is allowed.
func may(ask func(*Shop, *Order, *request) bool) func(*Shop, *request) (any, *failure) {
	return func(s *Shop, r *request) (any, *failure) {
		o, f := find(&s.orders, r.id)
		if f != nil {
			return nil, f
		}
		return ask(s, o, r), nil
	}
}

func canCancel(_ *Shop, o *Order, _ *request) bool { return o.OrderStatusID != OrderCancelled }

func canAuthorize(_ *Shop, o *Order, _ *request) bool {
	return o.OrderStatusID != OrderCancelled && o.PaymentStatusID == PaymentPending
}

// canCapture is wrong in the shop: it asks whether the order can be authorised.
func canCapture(s *Shop, o *Order, r *request) bool { return canAuthorize(s, o, r) }

func canPay(_ *Shop, o *Order, _ *request) bool {
	switch o.PaymentStatusID {
	case PaymentPaid, PaymentRefunded, PaymentVoided:
		return false
	}
	return o.OrderStatusID != OrderCancelled
}

func canRefund(_ *Shop, o *Order, _ *request) bool {
	return o.OrderTotal != 0 && o.RefundedAmount <= 0 && o.PaymentStatusID == PaymentPaid
}

func (s *Shop) canRefundOnline(o *Order, r *request) bool { return canRefund(s, o, r) && s.online(o) }

func canRefundPart(_ *Shop, o *Order, r *request) bool {
	a := r.amount("amountToRefund")
	return o.OrderTotal != 0 && a > 0 && a <= o.OrderTotal-o.RefundedAmount && (o.PaymentStatusID == PaymentPaid || o.PaymentStatusID == PaymentPartiallyRefunded)
}

func (s *Shop) canRefundPartOnline(o *Order, r *request) bool {
	return canRefundPart(s, o, r) && s.online(o)
}

func canVoid(_ *Shop, o *Order, _ *request) bool {
	return o.OrderTotal != 0 && o.PaymentStatusID == PaymentAuthorized
}

func (s *Shop) canVoidOnline(o *Order, r *request) bool { return canVoid(s, o, r) && s.online(o) }

func canRepost(_ *Shop, o *Order, _ *request) bool {
	return !o.Deleted && o.OrderStatusID != OrderCancelled && o.PaymentStatusID == PaymentPending
}

func (s *Shop) canReturn(o *Order, _ *request) bool {
	return !o.Deleted && o.OrderStatusID == OrderComplete && len(s.items.of[o.ID]) > 0
}

// note adds a remark of the shop to an order.
func (s *Shop) note(o *Order, format string, args ...any) {
	s.notes.insert(Note{OrderID: o.ID, Note: new(fmt.Sprintf(format, args...)), CreatedOnUTC: s.now()})
}

// mail queues a message, of which the order keeps a note.
func (s *Shop) mail(o *Order, what, to string) {
	s.effect(o, EffectMail, 0, 0)
	s.note(o, "%q email (to %s) has been queued. Queued email identifiers: %d.", what, to, len(s.effects[o.ID]))
}

// checkStatus moves the order's status along with payment and shipping. It never leaves
// Cancelled or Complete.
func (s *Shop) checkStatus(o *Order, _ *request) *failure {
	if o.PaymentStatusID == PaymentPaid && o.PaidDateUTC == nil {
		o.PaidDateUTC = new(s.now())
	}
	switch o.OrderStatusID {
	case OrderCancelled, OrderComplete:
		return nil
	case OrderPending:
		if o.PaymentStatusID == PaymentAuthorized || o.PaymentStatusID == PaymentPaid || o.ShippingStatusID >= PartiallyShipped {
			s.setStatus(o, OrderProcessing, false)
		}
	}
	sent := o.ShippingStatusID == Delivered || s.c.CompleteWhenShipped && o.ShippingStatusID == Shipped
	if o.PaymentStatusID == PaymentPaid && (o.ShippingStatusID == ShippingNotRequired || sent) {
		s.setStatus(o, OrderComplete, true)
	}
	return nil
}

func (s *Shop) setStatus(o *Order, status int, notify bool) {
	if o.OrderStatusID == status {
		return
	}
	o.OrderStatusID = status
	s.note(o, "Order status has been changed to %s", enums["OrderStatus"].of(status))
	switch {
	case status == OrderComplete && notify:
		s.mail(o, "Order completed", "customer")
	case status == OrderCancelled && notify:
		s.mail(o, "Order cancelled", "customer")
	}
}

// markAuthorized has no guard in the shop: it turns a paid order into an authorised one.
func (s *Shop) markAuthorized(o *Order, r *request) *failure {
	o.PaymentStatusID = PaymentAuthorized
	s.effect(o, EffectAuthorized, o.OrderTotal, 0)
	s.note(o, "Order has been marked as authorized")
	return s.checkStatus(o, r)
}

func (s *Shop) markPaid(o *Order, r *request) *failure {
	if !canPay(s, o, r) {
		return business("You can't mark this order as paid")
	}
	s.note(o, "Order has been marked as paid")
	s.paid(o)
	return nil
}

// paid is what happens once an order is paid, however.
func (s *Shop) paid(o *Order) {
	o.PaymentStatusID, o.PaidDateUTC = PaymentPaid, new(s.now())
	s.effect(o, EffectPaid, o.OrderTotal, 0)
	s.checkStatus(o, nil)
	if o.OrderTotal != 0 {
		s.mail(o, "Order paid", "store owner")
	}
}

// errorTexts is the answer of an action that asked a gateway: 200, whatever came of it.
func errorTexts(err error) []string {
	if err == nil {
		return []string{}
	}
	return []string{err.Error()}
}

// gateway asks the plugin of an order for something, and notes a refusal.
func (s *Shop) gateway(o *Order, action GatewayAction, a Amount, verb string) error {
	if s.c.Gateway == nil {
		return nil
	}
	p, _ := s.plugin(o)
	c := GatewayCall{Action: action, Order: o.ID, Intent: transaction(o, "pi_"), Charge: transaction(o, "ch_")}
	if action != GatewayVoid {
		c.Amount, c.Currency = p.minor(o, a), p.currency(o, s.primary())
	}
	err := s.c.Gateway(c)
	if err != nil {
		s.note(o, "Unable to %s order. Error: %s", verb, err)
	}
	return err
}

func (s *Shop) serveCapture(r *request) (any, *failure) {
	o, f := find(&s.orders, r.id)
	if f != nil {
		return nil, f
	}
	if o.OrderStatusID == OrderCancelled || o.OrderStatusID == OrderPending || o.PaymentStatusID != PaymentAuthorized || !s.online(o) {
		return nil, business("Cannot do capture for order.")
	}
	err := s.gateway(o, GatewayCapture, o.OrderTotal, "capture")
	if err == nil {
		s.note(o, "Order has been captured")
		p, _ := s.plugin(o)
		p.put(o, transaction(o, "pi_"), transaction(o, "ch_"), false)
		s.effect(o, EffectCaptured, o.OrderTotal, 0)
		s.paid(o)
	}
	return errorTexts(err), nil
}

func (s *Shop) serveRefund(r *request) (any, *failure) {
	o, f := find(&s.orders, r.id)
	if f != nil {
		return nil, f
	}
	if !s.canRefundOnline(o, r) {
		return nil, business("Cannot do refund for order.")
	}
	err := s.gateway(o, GatewayRefund, o.OrderTotal, "refund")
	if err == nil {
		s.refund(o, o.OrderTotal, "Order has been refunded. Amount = %s")
	}
	return errorTexts(err), nil
}

func (s *Shop) servePartialRefund(r *request) (any, *failure) {
	o, f := find(&s.orders, r.id)
	if f != nil {
		return nil, f
	}
	if !s.canRefundPartOnline(o, r) {
		return nil, business("Cannot do partial refund for order.")
	}
	a := r.amount("amountToRefund")
	err := s.gateway(o, GatewayRefund, a, "partially refund")
	if err == nil {
		s.refund(o, a, "Order has been partially refunded. Amount = %s")
	}
	return errorTexts(err), nil
}

func (s *Shop) refundOffline(o *Order, r *request) *failure {
	if !canRefund(s, o, r) {
		return business("You can't refund this order")
	}
	s.refund(o, o.OrderTotal, "Order has been marked as refunded. Amount = %s")
	return nil
}

func (s *Shop) refundPartOffline(o *Order, r *request) *failure {
	if !canRefundPart(s, o, r) {
		return business("You can't partially refund (offline) this order")
	}
	s.refund(o, r.amount("amountToRefund"), "Order has been marked as partially refunded. Amount = %s")
	return nil
}

// refund books money back. The order's status stays.
func (s *Shop) refund(o *Order, a Amount, words string) {
	o.RefundedAmount += a
	o.PaymentStatusID = PaymentPartiallyRefunded
	if o.RefundedAmount >= o.OrderTotal {
		o.PaymentStatusID = PaymentRefunded
	}
	s.effect(o, EffectRefunded, a, 0)
	s.note(o, words, a.short())
	s.mail(o, "Order refunded", "store owner")
	s.checkStatus(o, nil)
}

func (s *Shop) serveVoid(r *request) (any, *failure) {
	o, f := find(&s.orders, r.id)
	if f != nil {
		return nil, f
	}
	if !s.canVoidOnline(o, r) {
		return nil, business("Cannot do void for order.")
	}
	err := s.gateway(o, GatewayVoid, 0, "void")
	if err == nil {
		s.void(o, "Order has been voided")
	}
	return errorTexts(err), nil
}

func (s *Shop) voidOffline(o *Order, r *request) *failure {
	if !canVoid(s, o, r) {
		return business("You can't void this order")
	}
	s.void(o, "Order has been marked as voided")
	return nil
}

func (s *Shop) void(o *Order, words string) {
	o.PaymentStatusID = PaymentVoided
	s.effect(o, EffectVoided, o.OrderTotal, 0)
	s.note(o, "%s", words)
	s.checkStatus(o, nil)
}

// cancel gives stock back and ends subscriptions; money stays where it is.
func (s *Shop) cancel(o *Order, r *request) *failure {
	if !canCancel(s, o, r) {
		return business("Cannot do cancel for order.")
	}
	s.setStatus(o, OrderCancelled, r.yes("notifyCustomer"))
	s.note(o, "Order has been cancelled")
	s.effect(o, EffectCancelled, 0, 0)
	s.giveBack(o, "The stock quantity has been increased by canceling the order #%d")
	return nil
}

// giveBack ends an order's subscriptions and returns its goods.
func (s *Shop) giveBack(o *Order, words string) {
	for _, p := range s.recurring.rows {
		if p.InitialOrderID == o.ID {
			p.IsActive = false
		}
	}
	for _, i := range s.items.of[o.ID] {
		if p := s.products.get(i.ProductID); p != nil {
			s.adjust(p, i.Quantity, text(i.AttributesXML), fmt.Sprintf(words, o.ID))
		}
	}
}

// deleteOrder deletes softly, and gives goods back unless a cancel did.
func (s *Shop) deleteOrder(o *Order, _ *request) *failure {
	if o.OrderStatusID != OrderCancelled {
		s.giveBack(o, "The stock quantity has been increased by deleting the order #%d")
	}
	s.note(o, "Order has been deleted")
	s.effect(o, EffectDeleted, 0, 0)
	s.orders.remove(o)
	return nil
}

func (s *Shop) serveSupport(r *request) (any, *failure) {
	_, ok := s.pluginOf(r.text("paymentMethodSystemName"))
	return ok, nil
}

func (s *Shop) serveRecurringType(r *request) (any, *failure) {
	if strings.HasSuffix(r.text("paymentMethodSystemName"), "Manual") {
		return "Manual", nil
	}
	return "NotSupported", nil
}
