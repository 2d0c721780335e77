package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
)

// shipment brings goods on their way back to the shop: once for each shipment,
// however many an order has.
func (w *OrderToCash) shipment(ctx context.Context, e commerce.Event) error {
	d := w.desk()
	ref := e.Ref.With(e.Object)
	op := "ship " + ref.ID
	s, err := w.Warehouse.Shipment(ctx, ref)
	if err != nil {
		return err
	}
	root, err := commerce.ParseRef(s.Key)
	switch {
	case err != nil && w.IgnoreUnlinked: // of a sale that people wrote, under a reference of their own
		d.log.InfoContext(ctx, "shipment names no order", "event", e.Ref.ID, "shipment", s.Ref.ID)
		return nil
	case s.Key == "":
		return refuse(commerce.KindNeedsDecision, op, "no_order", "the shipment names no order of a shop")
	case err != nil:
		return err
	}
	if !d.owns(ctx, e, root) {
		return nil
	}
	if root.Mode != s.Ref.Mode {
		return otherMode(op, s.Ref, root)
	}
	if err := d.links.Link(ctx, root); err != nil {
		return err
	}
	if s, err = w.Warehouse.Shipment(ctx, ref); err != nil {
		return err
	}
	if err := e.Overlay.Apply("shipment", &s); err != nil {
		return err
	}
	switch {
	case s.Sent.IsZero():
		return refuse(commerce.KindUnavailable, op, "stale_read", "the shipment is not sent, and %s has happened already; it is read again later", e.Type)
	case len(s.Lines) == 0:
		return refuse(commerce.KindInvalid, op, "empty_shipment", "the shipment has no lines")
	}
	o, err := d.shop.Order(ctx, root)
	if err != nil {
		return err
	}
	if err := e.Overlay.Apply("order", &o); err != nil {
		return err
	}
	if old, err := d.old(ctx, o); old || err != nil {
		d.log.InfoContext(ctx, "order is older than StartAt", "event", e.Ref.ID, "order", o.Ref.ID)
		return err
	}
	return w.ship(ctx, d, o, s)
}

func (w *OrderToCash) ship(ctx context.Context, d desk, o commerce.Order, s commerce.Shipment) error {
	key := "shop.shipment/" + s.Ref.String()
	x := Exception{Order: o.Ref, Shipment: s.Ref}
	switch doc, err := recall[commerce.Document](ctx, d.steps, key); {
	case err == nil:
		return w.recorded(ctx, d, x, o, s, doc)
	case !errors.Is(err, commerce.ErrNotFound):
		return err
	}
	switch o.State {
	case commerce.OrderCanceled, commerce.OrderClosed:
		x.Name = ShippedCanceled
		x.Text = fmt.Sprintf("shipment %s went out, and order %s is %s", s.Number, o.Number, o.State)
		return d.exception(ctx, x)
	case commerce.OrderOnHold, commerce.OrderUnknown, commerce.OrderReview:
		x.Name = OrderOnHold
		if o.State == commerce.OrderUnknown {
			x.Name = UnknownState
		}
		x.Text = fmt.Sprintf("shipment %s went out, and order %s is %s; the shop hears of it when that ends", s.Number, o.Number, o.State)
		if err := d.exception(ctx, x); err != nil {
			return err
		}
		return park("ship "+s.Ref.ID, w.recheck(), "the order is "+string(o.State))
	}
	doc, err := d.step(ctx, key, d.shop.Ship(o, s), "shipment", contents(s))
	if err != nil {
		return err
	}
	return w.recorded(ctx, d, x, o, s, doc)
}

// recorded says where the shop shows less than went out.
func (w *OrderToCash) recorded(ctx context.Context, d desk, x Exception, o commerce.Order, s commerce.Shipment, doc commerce.Document) error {
	if doc.State != mapping.ShortShipment {
		return nil
	}
	x.Name = ShortShipment
	x.Text = fmt.Sprintf("shipment %s of order %s went out, and the shop recorded less of it: compare the quantities there", s.Number, o.Number)
	return d.exception(ctx, x)
}

// contents says what is in a shipment, in an order of its own.
func contents(s commerce.Shipment) []string {
	var out []string
	for _, l := range s.Lines {
		out = append(out, l.SKU+" "+l.Quantity.Trim(0).String())
	}
	slices.SortFunc(out, strings.Compare)
	return out
}
