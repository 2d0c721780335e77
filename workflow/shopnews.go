package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
)

// The shop's own news of an order, whose ref is the subject.
const (
	orderChanged = "order.changed"
	orderDeleted = "order.deleted"
)

// news handles news of an order at the shop: look at the order and at its payments,
// and do what is still to be done.
func (w *OrderToCash) news(ctx context.Context, e commerce.Event) error {
	d := w.desk()
	order := e.SubjectRef()
	if !d.owns(ctx, e, order) {
		return nil
	}
	if err := d.links.Link(ctx, order); err != nil {
		return err
	}
	a, err := d.account(ctx, e, commerce.Ref{}, order)
	switch {
	case errors.Is(err, commerce.ErrNotFound):
		if left := d.graceLeft(ctx, e); left > 0 && e.Type == orderChanged {
			return park("look at "+order.ID, left, "the shop does not have the order")
		}
		return w.deleted(ctx, d, order)
	case err != nil:
		return err
	case e.Type == orderDeleted && a.order.State == commerce.OrderCanceled && !a.old:
		// A shop that only marks what is deleted still shows it.
		if err := w.deleted(ctx, d, order); err != nil {
			return err
		}
	}
	return d.unlessOld(ctx, e, a, func(ctx context.Context, a account) error {
		if led, err := w.named(ctx, d, a); led || err != nil {
			return err
		}
		if err := w.act(ctx, d, e, a); err != nil {
			return err
		}
		if err := w.unfit(ctx, d, a); err != nil {
			return err
		}
		return w.unfound(ctx, d, e, a)
	})
}

// ofShop reports whether the event is the shop's own news.
func (w *OrderToCash) ofShop(e commerce.Event) bool { return e.Ref.System == w.Shop.System() }

// deleted tells of an order that is gone and stands in the books.
func (w *OrderToCash) deleted(ctx context.Context, d desk, order commerce.Ref) error {
	g, err := d.generation(ctx, order)
	if err != nil {
		return err
	}
	rec, err := d.steps.Get(ctx, g.of(keySalesOrder(order)))
	if errors.Is(err, commerce.ErrNotFound) || err == nil && rec.State == idempotency.NotSent {
		d.log.InfoContext(ctx, "order is gone from the shop", "order", order.ID)
		return nil
	}
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s is gone from the shop, and a sales order may stand in the ERP", order.ID)
	if doc, err := recall[commerce.Document](ctx, d.steps, rec.Key); err == nil {
		text = fmt.Sprintf("%s is gone from the shop, and %s stands in the ERP", order.ID, doc.Ref.ID)
	}
	return d.exception(ctx, Exception{Name: DeletedOrder, Order: order,
		Text: text + ": cancel it and stop its shipment, or restore the order"})
}

// keyNamed is the key of the decision which order a payment is for that names none
// itself: the first at the shop that has its id.
func keyNamed(payment commerce.Ref) string { return "payment.order/" + payment.String() }

// named leads a payment to the order that has its id, where nobody linked the two: its
// event was lost, is late or says nothing of an order. It does so by an internal event,
// once for each payment, which is worked as the payment's own would be.
func (w *OrderToCash) named(ctx context.Context, d desk, a account) (led bool, err error) {
	id := a.order.PaymentID
	known := func(p commerce.Payment) bool { return p.Ref.ID == id || p.Charge == id }
	if id == "" || a.due.Sign() <= 0 || slices.ContainsFunc(a.all, known) {
		return false, nil
	}
	p, err := d.payments.Payment(ctx, d.payments.Ref(id))
	if errors.Is(err, commerce.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	switch p.Status {
	case commerce.PaymentCaptured, commerce.PaymentAuthorised, commerce.PaymentPending, commerce.PaymentReturned:
	default:
		return false, nil // nothing came of it yet
	}
	if slices.ContainsFunc(a.all, func(q commerce.Payment) bool { return q.Ref == p.Ref }) {
		return false, nil // by the id of an earlier charge
	}
	if mine, err := d.isFor(ctx, p, a.order.Ref); !mine || err != nil {
		return false, err
	}
	raw, err := json.Marshal(map[string]commerce.Ref{"payment": p.Ref, "order": a.order.Ref})
	if err != nil {
		return false, commerce.Errorf(commerce.KindInternal, system, "link "+p.Ref.ID, "%w", err)
	}
	ref := p.Ref
	ref.System, ref.ID = internal, kindOrderPayment+" "+p.Ref.String()
	return true, inbox.Emit(ctx, commerce.Event{Ref: ref, Type: kindOrderPayment, Object: p.Ref.ID, Subject: p.Ref.String(),
		Created: d.now(), Raw: raw})
}

// isFor reports whether a payment that an order has the id of is for this order. What
// the payment itself says counts; where it says nothing, the first order does.
func (d desk) isFor(ctx context.Context, p commerce.Payment, order commerce.Ref) (bool, error) {
	if len(p.Orders) == 0 {
		first, err := idempotency.Run(ctx, d.steps, keyNamed(p.Ref), idempotency.Effect[commerce.Ref]{
			Class: idempotency.Keyed, // a decision of ours
			Act:   func(context.Context) (commerce.Ref, error) { return order, nil },
		})
		return first == order, err
	}
	for _, h := range p.Orders {
		switch ref, err := d.shop.Find(ctx, h); {
		case err == nil && ref == order:
			return true, nil
		case err != nil && !commerce.KindOf(err).Permanent():
			return false, err
		}
	}
	return false, nil
}

// unfit tells of money that did fit when Take or StartAt did not want the order, or when
// it was canceled, so that its own event is done, and does not since it was edited.
func (w *OrderToCash) unfit(ctx context.Context, d desk, a account) error {
	if len(a.undecided) == 0 || ended(a.order) {
		return nil
	}
	taken, err := d.done(ctx, keyTaken(a.order.Ref))
	if err != nil {
		return err
	}
	if begun, err := d.begun(ctx, a.order.Ref, generation{n: 1}); begun || err != nil {
		return err
	}
	if ok, err := w.takes(ctx, d, a); !ok || err != nil {
		return err
	}
	for _, p := range a.undecided {
		judged, err := d.done(ctx, Exception{Name: CanceledOrder, Order: a.order.Ref, Payment: p.Ref}.key())
		if err != nil {
			return err
		}
		if !judged && !taken && !w.asks(a) {
			continue // its own event is dead
		}
		if err := d.exception(ctx, Exception{Name: UnfitPayment, Order: a.order.Ref, Payment: p.Ref, Mark: a.due.Text(),
			Text: fmt.Sprintf("order %s has %s to pay, and %s of %s does not fit it; it is left out until its event is replayed with a decision, or it is refunded", a.order.Number, a.due, p.Ref.ID, p.Amount)}); err != nil {
			return err
		}
	}
	return nil
}

// unfound tells of an order that the shop takes for paid by the processor, and no money
// for it is found there. The news of the money may be late, so that it waits for Unfound.
func (w *OrderToCash) unfound(ctx context.Context, d desk, e commerce.Event, a account) error {
	if a.due.Sign() <= 0 || len(a.undecided) > 0 || a.state != commerce.Unpaid && a.state != commerce.PartlyPaid || !looksPaid(a) {
		return nil
	}
	if ok, err := w.takes(ctx, d, a); !ok || err != nil {
		return err
	}
	if left := d.settled(ctx, e, w.unfoundAfter()); left > 0 {
		return park("look for the money of "+a.order.Ref.ID, left, "the shop shows the order as paid, and its money is not found yet")
	}
	got, err := a.sum(a.captured())
	if err != nil {
		return err
	}
	if c, err := got.Cmp(a.paid()); err != nil || c >= 0 && a.paid().Sign() > 0 {
		return err // all that the shop has recorded; the order was edited since
	}
	x := Exception{Name: ChargeNotFound, Order: a.order.Ref,
		Text: fmt.Sprintf("order %s is %s at the shop with %s recorded as paid; %s of %s are found at the processor", a.order.Number, a.order.State, a.paid(), got, a.due)}
	if a.order.PaymentID != "" {
		x.Payment = d.payments.Ref(a.order.PaymentID)
	}
	return d.exception(ctx, x)
}

// looksPaid reports whether the shop takes an order for paid: people ship by that.
func looksPaid(a account) bool {
	switch a.order.State {
	case commerce.OrderProcessing, commerce.OrderComplete:
		return true
	case commerce.OrderCanceled, commerce.OrderClosed:
		return false
	}
	return a.paid().Sign() > 0
}

func (w *OrderToCash) unfoundAfter() time.Duration {
	if w.Unfound == 0 {
		return 24 * time.Hour
	}
	return w.Unfound
}
