package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
)

const prefixSalesOrder = "erp.sales_order/"

func keySalesOrder(order commerce.Ref) string { return prefixSalesOrder + order.String() }
func keyPayment(order commerce.Ref) string    { return "shop.payment/" + order.String() }
func keyConfirm(order commerce.Ref) string    { return "erp.confirm/" + order.String() }
func keyRequest(order commerce.Ref) string    { return "warehouse.request/" + order.String() }

// lastStep is the key of the step that ends the way of an order.
func (w *OrderToCash) lastStep(a account) string {
	if w.Warehouse != nil && physical(a.order) {
		return a.generation.of(keyRequest(a.order.Ref))
	}
	return a.generation.of(keyConfirm(a.order.Ref))
}

// fulfil takes a paid order through shop, ERP and warehouse. Each step has its own
// key, so that the next attempt goes on where this one stopped.
func (w *OrderToCash) fulfil(ctx context.Context, d desk, e commerce.Event, a account, route mapping.Route) error {
	if err := w.keeps(ctx, d, a); err != nil {
		return err
	}
	if err := w.taken(ctx, d, a); err != nil {
		return err
	}
	if err := w.record(ctx, d, e, a); err != nil {
		return err
	}
	doc, g, err := w.post(ctx, d, a, route)
	if err != nil {
		return err
	}
	if g != a.generation {
		a.generation = g
		if err := w.keeps(ctx, d, a); err != nil {
			return err
		}
	}
	if doc, err = d.step(ctx, g.of(keyConfirm(a.order.Ref)), w.Books.Confirm(route, doc)); err != nil {
		return err
	}
	return w.request(ctx, d, a, route, doc)
}

// keeps refuses to confirm what was paid for and refunded since, and to ask for its
// goods where nothing of the money is left. Of a sales order in the place of another
// one, what the shop shows as refunded is an ordinary part of its life.
func (w *OrderToCash) keeps(ctx context.Context, d desk, a account) error {
	if a.state == commerce.Authorised {
		return nil // see ShipAuthorised
	}
	kept, err := a.kept()
	if err != nil {
		return err
	}
	short, err := a.due.Sub(kept)
	if err != nil || short.Sign() <= 0 {
		return err
	}
	if kept.Sign() > 0 {
		if confirmed, err := d.done(ctx, a.generation.of(keyConfirm(a.order.Ref))); confirmed || err != nil {
			return err
		}
		if a.generation.n > 1 && a.order.Refunded != (commerce.Money{}) {
			if c, err := short.Cmp(a.order.Refunded); c <= 0 || err != nil {
				return err
			}
		}
	}
	return refuse(commerce.KindNeedsDecision, "take up order "+a.order.Ref.ID, "refunded",
		"%s were due and paid, and only %s were not refunded since; nothing is shipped: cancel the order, or replay with payment.refunded", a.due, kept)
}

// record leaves the payment at the shop, or waits for the shop's plugin to do so.
func (w *OrderToCash) record(ctx context.Context, d desk, e commerce.Event, a account) error {
	if len(a.captured()) == 0 {
		return nil // nothing was due by the processor
	}
	if w.acts(a.order.PaymentMethod) == Plugin {
		if short, err := a.due.Sub(a.paid()); err != nil || short.Sign() <= 0 {
			return err
		}
		left := d.young(e, w.pluginWait())
		if w.ofShop(e) { // the change may be older than the payment
			left = d.settled(ctx, e, w.pluginWait())
		}
		if left > 0 {
			return park("record payment of "+a.order.Ref.ID, left, "the shop's plugin is given time")
		}
	}
	if err := d.decideFirst(ctx, &a); err != nil {
		return err
	}
	_, err := stepOf(ctx, d, keyPayment(a.order.Ref), leaving(d.shop.RecordPayment(a.order, a.payments()[0]), func(doc commerce.Document) posted {
		return posted{Document: doc, Payments: a.gives()}
	}))
	return err
}

// paid is what the shop has recorded.
func (a account) paid() commerce.Money {
	if a.order.Paid == (commerce.Money{}) {
		return commerce.Zero(a.due.Currency())
	}
	return a.order.Paid
}

func (w *OrderToCash) acts(method string) Actor {
	if w.Acts == nil {
		return Us
	}
	return w.Acts(method)
}

func (w *OrderToCash) pluginWait() time.Duration {
	if w.PluginWait == 0 {
		return 2 * time.Minute
	}
	return w.PluginWait
}

// request asks the warehouse to ship. A refusal is told to people and ends the
// matter here; the next news of the order asks again.
func (w *OrderToCash) request(ctx context.Context, d desk, a account, route mapping.Route, doc commerce.Document) error {
	if w.Warehouse == nil || !physical(a.order) {
		return nil
	}
	ours, err := w.ours(ctx, d, a)
	if err != nil {
		return err
	}
	if !ours && shippedAlready(a.order) {
		return d.exception(ctx, Exception{Name: ShippedElsewhere, Order: a.order.Ref,
			Text: fmt.Sprintf("order %s shows shipped goods that the warehouse was not asked for; it is not asked", a.order.Number)})
	}
	_, err = d.step(ctx, a.generation.of(keyRequest(a.order.Ref)), w.Warehouse.Request(route, a.order, doc))
	for _, no := range []struct{ code, name, text string }{
		{"refused", WarehouseRefused, "the warehouse refuses to ship order %s"},
		{"backorder", Backorder, "goods of order %s are missing in the warehouse"},
	} {
		if said := withCode(err, no.code); said != nil {
			text := fmt.Sprintf(no.text, a.order.Number) + ": " + said.Text
			if err := d.note(ctx, a.order, no.name, "Warehouse: "+text); err != nil {
				return err
			}
			return d.exception(ctx, Exception{Name: no.name, Order: a.order.Ref, Text: text})
		}
	}
	return err
}

// ours reports whether goods of the order may have been sent by our warehouse: it was
// asked, if with the answer lost, or it has sent what was confirmed before it was asked.
func (w *OrderToCash) ours(ctx context.Context, d desk, a account) (bool, error) {
	for g := a.generation; g.n > 0; g.n-- {
		rec, err := d.steps.Get(ctx, g.of(keyRequest(a.order.Ref)))
		switch {
		case err == nil && rec.State != idempotency.NotSent:
			return true, nil
		case err != nil && !errors.Is(err, commerce.ErrNotFound):
			return false, err
		}
	}
	subjects, err := d.links.Subjects(ctx, a.order.Ref)
	return slices.ContainsFunc(subjects, func(s commerce.Ref) bool { return s.System == w.Warehouse.System() }), err
}

// physical reports whether the order has goods to ship.
func physical(o commerce.Order) bool {
	for _, l := range o.Lines {
		if !l.Virtual {
			return true
		}
	}
	return false
}

func shippedAlready(o commerce.Order) bool {
	for _, l := range o.Lines {
		if l.Shipped.Sign() > 0 {
			return true
		}
	}
	return false
}
