package nopcommerce

import (
	"context"
	"errors"
	"net/http"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
)

// Processing acts on orders and shipments as the shop's admin does: statuses, notes, mails,
// stock and points follow. Each act is a GET with side effects. It is sent as the write that
// it is: never again once a byte may have left, past every cache, and never by net/http
// itself. The shop knows no keys, so every act reads the row, compares, acts and reads again:
//
//   - where the row already is as wanted, nothing is sent and the row is returned;
//   - where its state does not allow the act, nothing is sent: [CodeState];
//   - where the answer is lost or an error, the row decides: as wanted means success; as
//     before means not sent after an answer, and unknown without one, since a request may
//     still be on its way.
//
// [Action.Class] says how strong that is.
type Processing struct{ cl *Client }

// Action is an act of [Processing], in the shop's words.
type Action string

// The acts. Capture, Refund, PartiallyRefund and Void ask the shop's payment plugin, which
// moves money: where Stripe is the truth they do it a second time. The others are
// bookkeeping.
const (
	CheckOrderStatus       Action = "CheckOrderStatus"
	MarkAsAuthorized       Action = "MarkAsAuthorized"
	MarkOrderAsPaid        Action = "MarkOrderAsPaid"
	Capture                Action = "Capture"
	Refund                 Action = "Refund"
	RefundOffline          Action = "RefundOffline"
	PartiallyRefund        Action = "PartiallyRefund"
	PartiallyRefundOffline Action = "PartiallyRefundOffline"
	Void                   Action = "Void"
	VoidOffline            Action = "VoidOffline"
	CancelOrder            Action = "CancelOrder"
	Ship                   Action = "Ship"
	Deliver                Action = "Deliver"
)

// Class says how an act is guarded against being done twice. Guarded: the shop's own state
// is the proof, and refuses a second one. Blind: nothing tells one from two; it is sent at
// most once by one writer of an order, and where the outcome is unknown a person or the
// order's total decides.
func (a Action) Class() idempotency.Class {
	switch a {
	case Capture, Refund, PartiallyRefund, PartiallyRefundOffline, Void:
		return idempotency.Blind
	}
	return idempotency.Guarded
}

// Online reports whether the act asks the shop's payment plugin to move money.
func (a Action) Online() bool {
	return a == Capture || a == Refund || a == PartiallyRefund || a == Void
}

// act is one act on an order.
type act struct {
	action Action
	query  params
	done   func(Order) bool   // the order is as wanted
	bar    func(Order) string // why the order's state does not allow it; "" if it does
}

// order reads, compares, acts and reads again.
func (s *Processing) order(ctx context.Context, id ID, a act) (Order, error) {
	op := string(a.action) + " order " + id.String()
	if err := s.cl.offers(op, Official, true); err != nil {
		return Order{}, err
	}
	o, err := s.cl.Orders.Get(ctx, id)
	switch {
	case err != nil:
		return Order{}, before(op, err)
	case o.Deleted:
		return o, refuse(op, CodeState, "the order is deleted")
	case a.done != nil && a.done(o):
		return o, nil
	}
	if why := a.bar(o); why != "" {
		return o, refuse(op, CodeState, "%s", why)
	}
	failed := s.send(ctx, a.action, op, id, a.query)
	if failed != nil && outcomeOf(failed) == commerce.NotSent {
		return o, failed
	}
	after, err := s.cl.Orders.Get(ctx, id)
	if err != nil {
		if failed != nil {
			return o, failed
		}
		return o, about(op, commerce.Done, err)
	}
	if a.done == nil {
		return after, failed
	}
	return after, settle(op, a.action, failed, a.done(after))
}

// settle says what became of an act, by its answer and by the row that was read afterwards.
func settle(op string, action Action, failed error, done bool) error {
	var e *commerce.Error
	errors.As(failed, &e)
	switch {
	case done && (failed == nil || e != nil && e.Code != CodeGateway):
		return nil
	case failed == nil:
		return &commerce.Error{Kind: commerce.KindConflict, System: system, Op: op, Outcome: commerce.Unknown, Code: CodeConcurrent,
			Text: "the shop answered that it did so, and the order does not show it"}
	case e != nil && e.Status >= 500 && e.Code != CodeCached && e.Kind != commerce.KindUnavailable && !action.Online():
		// The shop ended the request with an error and the row is untouched.
		ended := *e
		ended.Outcome = commerce.NotSent
		return &ended
	}
	return failed
}

// send asks for an act once.
func (s *Processing) send(ctx context.Context, a Action, op string, id ID, q params) error {
	path := "/OrderProcessing/" + string(a) + "/" + id.String()
	if !a.Online() {
		return s.cl.write(ctx, http.MethodGet, op, path, q, nil, nil)
	}
	var errs []string
	if err := s.cl.write(ctx, http.MethodGet, op, path, q, nil, &errs); err != nil {
		return err
	}
	if len(errs) > 0 {
		// The plugin's own call to the gateway may have got through.
		return &commerce.Error{Kind: commerce.KindDeclined, System: system, Op: op, Outcome: commerce.Unknown, Status: http.StatusOK,
			Code: CodeGateway, Text: safeText(errs[0])}
	}
	return nil
}

// unless returns the reason where it holds.
func unless(ok bool, why string) string {
	if ok {
		return ""
	}
	return why
}

// CheckStatus lets the shop move an order on: to Processing when it is paid or authorised,
// to Complete when it is paid and shipped. It is due after a raw write of a status.
func (s *Processing) CheckStatus(ctx context.Context, id ID) (Order, error) {
	return s.order(ctx, id, act{action: CheckOrderStatus, bar: func(Order) string { return "" }})
}

// MarkAuthorized says that the money of a pending order is held. The shop's service has no
// guard of its own and would turn a paid order back into an authorised one; this has.
func (s *Processing) MarkAuthorized(ctx context.Context, id ID) (Order, error) {
	return s.order(ctx, id, act{action: MarkAsAuthorized,
		done: func(o Order) bool { return o.PaymentStatus == PaymentAuthorized },
		bar: func(o Order) string {
			return unless(o.PaymentStatus == PaymentPending && o.Status != OrderCancelled, "only a pending payment of an order that is not cancelled can be authorised")
		}})
}

// MarkPaid says that an order is paid: date, note, mails and customer roles follow, and no
// gateway is asked. A partly refunded order is refused here: the shop would make it a paid
// one.
func (s *Processing) MarkPaid(ctx context.Context, id ID) (Order, error) {
	return s.order(ctx, id, act{action: MarkOrderAsPaid,
		done: func(o Order) bool { return o.PaymentStatus == PaymentPaid },
		bar: func(o Order) string {
			return unless((o.PaymentStatus == PaymentPending || o.PaymentStatus == PaymentAuthorized) && o.Status != OrderCancelled,
				"only a pending or authorised payment of an order that is not cancelled can be marked as paid")
		}})
}

// Capture asks the shop's plugin to take the money that is held. CanCapture is not asked: it
// is wrong in 4.60 and 4.70.1.
func (s *Processing) Capture(ctx context.Context, id ID) (Order, error) {
	return s.order(ctx, id, act{action: Capture,
		done: func(o Order) bool { return o.PaymentStatus == PaymentPaid },
		bar: func(o Order) string {
			return unless(o.PaymentStatus == PaymentAuthorized && o.Status != OrderCancelled && o.Status != OrderPending,
				"only the authorised payment of an order that is neither pending nor cancelled can be captured")
		}})
}

// Void asks the shop's plugin to release the money that is held; VoidOffline only books
// that it was released. A declined payment is neither.
func (s *Processing) Void(ctx context.Context, id ID) (Order, error) {
	return s.void(ctx, Void, id)
}

// VoidOffline books that the money of an authorised order was released.
func (s *Processing) VoidOffline(ctx context.Context, id ID) (Order, error) {
	return s.void(ctx, VoidOffline, id)
}

func (s *Processing) void(ctx context.Context, a Action, id ID) (Order, error) {
	return s.order(ctx, id, act{action: a,
		done: func(o Order) bool { return o.PaymentStatus == PaymentVoided },
		bar: func(o Order) string {
			if sign(o.Total) == 0 {
				return "an order of nought has no money to release"
			}
			return unless(o.PaymentStatus == PaymentAuthorized, "only an authorised payment can be voided")
		}})
}

// Cancel cancels an order and returns its stock. Money is not touched: refund or void it
// besides.
func (s *Processing) Cancel(ctx context.Context, id ID, notifyCustomer bool) (Order, error) {
	return s.order(ctx, id, act{action: CancelOrder, query: params{flag("notifyCustomer", notifyCustomer)},
		done: func(o Order) bool { return o.Status == OrderCancelled },
		bar:  func(Order) string { return "" }})
}

func flag(name string, b bool) param {
	if b {
		return param{name, "true"}
	}
	return param{name, "false"}
}

// RefundTo books that so much of an order was refunded in all, in the primary store
// currency, and asks no gateway. It books the difference to what the order shows, as the
// shop only knows how to add: called again with the same amount it does nothing. Two writers
// at once may both add; what is more than asked for is an error of kind conflict, done.
func (s *Processing) RefundTo(ctx context.Context, id ID, total Number) (Order, error) {
	return s.refundTo(ctx, RefundOffline, PartiallyRefundOffline, id, total)
}

// RefundOnlineTo is RefundTo through the shop's plugin, which moves the money. Where it
// went back at Stripe already, it goes back a second time.
func (s *Processing) RefundOnlineTo(ctx context.Context, id ID, total Number) (Order, error) {
	return s.refundTo(ctx, Refund, PartiallyRefund, id, total)
}

func (s *Processing) refundTo(ctx context.Context, whole, part Action, id ID, total Number) (Order, error) {
	op := string(part) + " order " + id.String()
	if err := s.cl.offers(op, Official, true); err != nil {
		return Order{}, err
	}
	want, err := total.Decimal()
	if err != nil || total == "" || want.Sign() <= 0 || want.Scale() > 4 {
		return Order{}, refuse(op, "", "the amount %.40q is no positive number of at most four decimals", total)
	}
	o, err := s.cl.Orders.Get(ctx, id)
	if err != nil {
		return Order{}, before(op, err)
	}
	shown, err1 := o.RefundedAmount.Decimal()
	of, err2 := o.Total.Decimal()
	if err := errors.Join(err1, err2); err != nil {
		return o, before(op, err)
	}
	delta, err := want.Sub(shown)
	if err != nil {
		return o, before(op, err)
	}
	if delta.Sign() < 0 {
		return o, refuse(op, CodeState, "the order shows more refunded than the amount, and the shop takes nothing back")
	}
	a := act{action: part, query: params{{"amountToRefund", delta.Trim(0).String()}},
		done: func(o Order) bool { d, err := o.RefundedAmount.Decimal(); return err == nil && d.Cmp(want) >= 0 },
		bar: func(now Order) string {
			switch {
			case now.RefundedAmount != o.RefundedAmount:
				return "somebody else refunded at the same time; begin again"
			case want.Cmp(of) > 0:
				return "the amount is above the order's total"
			}
			return unless(now.PaymentStatus == PaymentPaid || now.PaymentStatus == PaymentPartiallyRefunded, "only a paid or partly refunded order can be refunded")
		}}
	if shown.Sign() == 0 && want.Cmp(of) == 0 {
		a.action, a.query = whole, nil // the shop refuses it after a part
	}
	after, err := s.order(ctx, id, a)
	if err != nil {
		return after, err
	}
	if got, _ := after.RefundedAmount.Decimal(); got.Cmp(want) > 0 {
		e := conflict(op, "the order shows more refunded than was asked for: somebody else refunded at the same time")
		e.Outcome = commerce.Done
		return after, e
	}
	return after, nil
}

func sign(n Number) int {
	d, _ := n.Decimal()
	return d.Sign()
}

// Can asks whether the shop would allow an act on an order; amount is that of the partial
// refunds and else empty. Of Capture it knows nothing: CanCapture is true for what can not
// be captured and false for what can (4.60, 4.70.1).
func (s *Processing) Can(ctx context.Context, a Action, id ID, amount Number) (bool, error) {
	op := "ask whether " + string(a) + " is allowed for order " + id.String()
	routes := map[Action]string{CancelOrder: "CanCancelOrder", MarkAsAuthorized: "CanMarkOrderAsAuthorized", MarkOrderAsPaid: "CanMarkOrderAsPaid",
		Refund: "CanRefund", RefundOffline: "CanRefundOffline", PartiallyRefund: "CanPartiallyRefund", PartiallyRefundOffline: "CanPartiallyRefundOffline",
		Void: "CanVoid", VoidOffline: "CanVoidOffline"}
	if routes[a] == "" {
		e := refuse(op, CodeNotOffered, "the shop has no answer to it that is true")
		e.Outcome = ""
		return false, e
	}
	if err := s.cl.offers(op, Official, false); err != nil {
		return false, err
	}
	var can bool
	err := s.cl.get(ctx, op, "/OrderProcessing/"+routes[a]+"/"+id.String(), params{{"amountToRefund", string(amount)}}, &can)
	return can, err
}

// Ship marks a shipment as shipped: date, stock, the order's shipping status, note and mail
// follow. A shipment without items is refused, and so is a pick-up order, which the shop
// could only mark as ready.
func (s *Processing) Ship(ctx context.Context, shipment ID, notifyCustomer bool) (Shipment, error) {
	return s.shipment(ctx, Ship, shipment, notifyCustomer, func(sh Shipment) bool { return !sh.ShippedDate.IsZero() }, func(sh Shipment) (string, error) {
		o, err := s.cl.Orders.Get(ctx, sh.OrderID)
		if err != nil {
			return "", err
		}
		rows, err := s.cl.Shipments.Items(ctx, shipment)
		switch {
		case err != nil:
			return "", err
		case o.PickupInStore:
			return "the order is picked up in the store; the shop ships no such order", nil
		case len(rows) == 0:
			return "the shipment has no items; the order's status would not follow", nil
		}
		return "", nil
	})
}

// Deliver marks a shipment as delivered. It has to be shipped.
func (s *Processing) Deliver(ctx context.Context, shipment ID, notifyCustomer bool) (Shipment, error) {
	return s.shipment(ctx, Deliver, shipment, notifyCustomer, func(sh Shipment) bool { return !sh.DeliveryDate.IsZero() }, func(sh Shipment) (string, error) {
		return unless(!sh.ShippedDate.IsZero(), "the shipment is not shipped yet"), nil
	})
}

func (s *Processing) shipment(ctx context.Context, a Action, id ID, notify bool, done func(Shipment) bool, bar func(Shipment) (string, error)) (Shipment, error) {
	op := string(a) + " shipment " + id.String()
	if err := s.cl.offers(op, Official, true); err != nil {
		return Shipment{}, err
	}
	sh, err := s.cl.Shipments.Get(ctx, id)
	if err != nil {
		return Shipment{}, before(op, err)
	}
	if done(sh) {
		return sh, nil
	}
	why, err := bar(sh)
	switch {
	case err != nil:
		return sh, before(op, err)
	case why != "":
		return sh, refuse(op, CodeState, "%s", why)
	}
	failed := s.send(ctx, a, op, id, params{flag("notifyCustomer", notify)})
	if failed != nil && outcomeOf(failed) == commerce.NotSent {
		return sh, failed
	}
	after, err := s.cl.Shipments.Get(ctx, id)
	if err != nil {
		if failed != nil {
			return sh, failed
		}
		return sh, about(op, commerce.Done, err)
	}
	return after, settle(op, a, failed, done(after))
}
