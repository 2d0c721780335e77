package workflow

import (
	"context"
	"errors"
	"fmt"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
)

// OrderChanges follows an order that is edited, canceled or replaced at the shop
// after [OrderToCash] took it into the ERP. What was posted is remembered with the
// step that posted it, and compared with the order as it is now:
//
//   - An edit before anything was packed, sent or invoiced: the sales order is
//     cancelled, and another one is written in its place, confirmed when the order is
//     paid. An address is an edit like any other.
//   - A later one is an exception with both sides, and nothing is done.
//   - Canceled, or closed with nothing sent: the sales order is cancelled when Grace
//     has passed and it is still so. Money that is held for a canceled order is an
//     exception that proposes the refund.
//   - Replaced by another order, which is how Magento edits: the sales order is
//     cancelled and the payments are told to the new order, for which they count.
//
// It answers the same news as OrderToCash, beside it.
type OrderChanges struct {
	// OrderToCash is the workflow that takes the orders up: its ports and settings
	// serve here as well. Required.
	OrderToCash *OrderToCash
}

// Check reports the first setting that can not work, as an error of kind invalid
// that names the field.
func (c *OrderChanges) Check() error {
	if c.OrderToCash == nil {
		return refuse(commerce.KindInvalid, "check OrderChanges", "", "OrderToCash is missing")
	}
	return c.OrderToCash.Check()
}

// Handlers returns what an inbox is to call for which events.
func (c *OrderChanges) Handlers() inbox.Handlers {
	if c.OrderToCash == nil || c.OrderToCash.Shop == nil {
		return nil
	}
	handler := []inbox.Handler{{Name: nameOf("order-changes", c.OrderToCash.Shop.Origin().Account), Handle: func(ctx context.Context, e commerce.Event) error {
		if err := c.Check(); err != nil {
			return misconfigured(err)
		}
		return c.changed(ctx, e)
	}}}
	return inbox.Handlers{c.OrderToCash.Shop.System() + " " + orderChanged: handler}
}

// changed compares what was posted with the order as it is now.
func (c *OrderChanges) changed(ctx context.Context, e commerce.Event) error {
	w := c.OrderToCash
	d := w.desk()
	order := e.SubjectRef()
	if !d.owns(ctx, e, order) {
		return nil
	}
	if err := d.links.Link(ctx, order); err != nil {
		return err
	}
	// The first sales order is where it all begins.
	if taken, err := d.begun(ctx, order, generation{n: 1}); !taken || err != nil {
		return err
	}
	a, err := d.account(ctx, e, commerce.Ref{}, order)
	switch {
	case errors.Is(err, commerce.ErrNotFound), err == nil && a.old:
		return nil // a deletion is told by OrderToCash
	case err != nil:
		return err
	}
	route, err := w.Books.Route(a.order, a.every())
	if err != nil {
		return err
	}
	switch {
	case ended(a.order) && a.order.Replaced != "":
		return w.replaced(ctx, d, e, a, route)
	case ended(a.order):
		return w.ended(ctx, d, e, a, route)
	case a.order.State == commerce.OrderReview || a.order.State == commerce.OrderUnknown:
		return nil // the news of its end leads on
	}
	begun, err := d.begun(ctx, order, a.generation)
	if err != nil || !begun && a.state == commerce.Unpaid {
		return err // it was canceled, and nobody has paid since
	}
	if !begun {
		if ok, err := w.clears(ctx, d, &a); !ok || err != nil {
			return err // its goods were taken back, and are not to be asked for yet
		}
	}
	if _, a.generation, err = w.post(ctx, d, a, route); err != nil {
		return err
	}
	return w.act(ctx, d, e, a)
}

// ended takes back what was posted for an order that is canceled, or closed with
// nothing sent.
func (w *OrderToCash) ended(ctx context.Context, d desk, e commerce.Event, a account, route mapping.Route) error {
	if a.order.State == commerce.OrderClosed && shippedAlready(a.order) {
		return nil // sold, sent and given back: its ordinary life
	}
	if left := d.graceLeft(ctx, e); left > 0 {
		return park("cancel sales order of "+a.order.Ref.ID, left, "bad news waits")
	}
	if a.order.State == commerce.OrderCanceled {
		if err := d.held(ctx, a); err != nil {
			return err
		}
	}
	err := w.takeBack(ctx, d, a, route)
	if !errors.Is(err, commerce.ErrConflict) {
		return err
	}
	return d.exception(ctx, Exception{Name: CanceledLate, Order: a.order.Ref,
		Text: fmt.Sprintf("order %s is %s at the shop, and its sales order stays, for %s; proposal: stop the parcel, or post a credit note", a.order.Number, a.order.State, tooLate(err))})
}

// takeBack cancels what may be at the ERP.
func (w *OrderToCash) takeBack(ctx context.Context, d desk, a account, route mapping.Route) error {
	if begun, err := d.begun(ctx, a.order.Ref, a.generation); !begun || err != nil {
		return err
	}
	return w.end(ctx, d, a.order.Ref, route, a.generation)
}

// held proposes the refund of all money that is held for a canceled order.
func (d desk) held(ctx context.Context, a account) error {
	for _, s := range a.captured() {
		if err := d.propose(ctx, a, s); err != nil {
			return err
		}
	}
	return nil
}

// propose proposes the refund of what is held of one payment for an order that ended.
func (d desk) propose(ctx context.Context, a account, s share) error {
	kept, err := s.amount.Sub(s.refunded())
	if err != nil || kept.Sign() <= 0 {
		return err
	}
	x := Exception{Name: CanceledPaid, Order: a.order.Ref, Payment: s.payment.Ref}
	if a.order.State == commerce.OrderClosed {
		x.Name = ClosedOrder
	}
	// One that came back has another sales order: its next end is another matter.
	g := a.generation
	if begun, err := d.begun(ctx, a.order.Ref, g); err != nil {
		return err
	} else if !begun {
		g.n--
	}
	x.Mark = g.of("")
	x.Text = fmt.Sprintf("order %s is %s, and %s of %s are held for it; proposal: refund %s of %s", a.order.Number, a.order.State, kept, s.payment.Ref.ID, kept, s.payment.Ref.ID)
	return d.exception(ctx, x)
}

// replaced hands an order's money over to the order that an edit at the shop put in
// its place, once its own sales order is cancelled: else goods would go out twice.
// Where that can not be done surely, it is an exception.
func (w *OrderToCash) replaced(ctx context.Context, d desk, e commerce.Event, a account, route mapping.Route) error {
	switch err := w.takeBack(ctx, d, a, route); {
	case errors.Is(err, commerce.ErrConflict):
		return d.notHandedOver(ctx, a, "the sales order of the old one stays, as "+tooLate(err))
	case err != nil:
		return err
	}
	return w.handOver(ctx, d, e, a)
}

func (d desk) notHandedOver(ctx context.Context, a account, why string) error {
	got, err := a.sum(a.captured())
	if err != nil {
		return err
	}
	return d.exception(ctx, Exception{Name: ReplacedOrder, Order: a.order.Ref, Payment: a.firstRef(),
		Text: fmt.Sprintf("order %s was replaced by %s, and %s came for the old one; it was not handed over, for %s: assign it to the new order, or refund it", a.order.Number, a.order.Replaced, got, why)})
}

// handOver tells the new order of the payments, also of one that was taken back: the
// new order may have been paid by it.
func (w *OrderToCash) handOver(ctx context.Context, d desk, e commerce.Event, a account) error {
	money := a.with(commerce.PaymentCaptured, commerce.PaymentAuthorised, commerce.PaymentPending, commerce.PaymentReturned)
	if len(money) == 0 {
		return nil
	}
	next, err := d.shop.Order(ctx, a.order.Ref.With(a.order.Replaced))
	switch {
	case errors.Is(err, commerce.ErrNotFound):
		return d.notHandedOver(ctx, a, "the shop does not have the new order")
	case err != nil:
		return err
	case next.Currency != a.order.Currency:
		return d.notHandedOver(ctx, a, fmt.Sprintf("the new order is in %s", next.Currency))
	}
	for _, s := range money {
		if err := tellOrder(ctx, e, s.payment.Ref, next.Ref, kindOrderPayment, nil); err != nil {
			return err
		}
	}
	return nil
}
