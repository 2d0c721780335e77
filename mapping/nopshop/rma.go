package nopshop

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/nopcommerce"
)

// returnStatuses are those of the shop's core (4.40 to 4.90). A repair ends a return: no
// money goes back.
var returnStatuses = map[nopcommerce.ReturnStatus]commerce.ReturnStatus{
	nopcommerce.ReturnPending: commerce.ReturnRequested, nopcommerce.ReturnAuthorized: commerce.ReturnAuthorised,
	nopcommerce.ReturnReceived: commerce.ReturnReceived, nopcommerce.ReturnItemsRefunded: commerce.ReturnRefunded,
	nopcommerce.ReturnRejected: commerce.ReturnRejected, nopcommerce.ReturnItemsRepaired: commerce.ReturnClosed, nopcommerce.ReturnCancelled: commerce.ReturnClosed,
}

// Return reads a return request: one line of an order. Kind not found where it is gone; its
// Order is zero where the line is.
func (s *Shop) Return(ctx context.Context, ref commerce.Ref) (commerce.Return, error) {
	r, err := s.returnRequest(ctx, "read return request", ref)
	if err != nil {
		return commerce.Return{}, err
	}
	out := s.canonicalReturn(r)
	switch o, err := s.client.Orders.ByItem(ctx, r.OrderItemID); {
	case err == nil:
		out.Order = s.Ref(o.ID)
	case !errors.Is(err, commerce.ErrNotFound):
		return commerce.Return{}, err
	}
	return out, nil
}

// ReturnsOf returns all return requests of an order, oldest first. The shop is asked for
// those of its customer since the order was placed.
func (s *Shop) ReturnsOf(ctx context.Context, o commerce.Order) ([]commerce.Return, error) {
	id, err := s.id("read return requests", o.Ref)
	if err != nil {
		return nil, err
	}
	now, err := s.client.Orders.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	items, err := s.client.Items.List(ctx, id)
	if err != nil {
		return nil, err
	}
	var out []commerce.Return
	for r, err := range s.client.Returns.List(ctx, nopcommerce.ReturnParams{CustomerID: now.CustomerID, CreatedFrom: now.CreatedOn.Time}) {
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(items, func(i nopcommerce.OrderItem) bool { return i.ID == r.OrderItemID }) {
			got := s.canonicalReturn(r)
			got.Order = o.Ref
			out = append(out, got)
		}
	}
	slices.Reverse(out)
	return out, nil
}

func (s *Shop) returnRequest(ctx context.Context, op string, ref commerce.Ref) (nopcommerce.ReturnRequest, error) {
	digits, ok := strings.CutPrefix(ref.ID, returnPrefix)
	if !ok || ref.With("") != s.origin {
		e := commerce.Errorf(commerce.KindInvalid, System, op, "%s is no return request of the shop %s", ref, s.origin)
		e.Outcome = commerce.NotSent
		return nopcommerce.ReturnRequest{}, e
	}
	id, err := nopcommerce.ParseID(digits)
	if err != nil {
		return nopcommerce.ReturnRequest{}, err
	}
	return s.client.Returns.Get(ctx, id)
}

// canonicalReturn says a return request, without its order. What is accepted is what came
// back, where the shop says that (since 4.90), else all that was asked for.
func (s *Shop) canonicalReturn(r nopcommerce.ReturnRequest) commerce.Return {
	out := commerce.Return{Ref: s.origin.With(returnPrefix + r.ID.String()), Number: cmp.Or(r.CustomNumber, r.ID.String()),
		Status: cmp.Or(returnStatuses[r.Status], commerce.ReturnUnknown), RawStatus: r.Status.String(), Requested: r.CreatedOn.Time}
	line := commerce.ReturnLine{ID: r.ID.String(), OrderLine: r.OrderItemID.String(), Requested: count(r.Quantity), Reason: r.Reason, Action: r.Action}
	if out.Status.Rank() >= commerce.ReturnAuthorised.Rank() {
		line.Accepted = count(cmp.Or(r.ReturnedQuantity, r.Quantity))
	}
	out.Lines = []commerce.ReturnLine{line}
	return out
}

// Advance moves a return request on. It is a ticket: no money and no stock move with it.
// Guarded: one that is there or further is found.
//
// Errors of Act, not sent: kind conflict, code "return_ended", where it was rejected,
// repaired or canceled.
func (s *Shop) Advance(r commerce.Return, to commerce.ReturnStatus) document {
	op := "move " + r.Ref.ID + " to " + string(to)
	there := func(now nopcommerce.ReturnRequest) bool {
		return to.Rank() > 0 && returnStatuses[now.Status].Rank() >= to.Rank()
	}
	done := func(now nopcommerce.ReturnRequest) commerce.Document {
		return commerce.Document{Ref: r.Ref, Number: cmp.Or(now.CustomNumber, now.ID.String()), State: now.Status.String()}
	}
	return s.effect(idempotency.Guarded, func(ctx context.Context) (commerce.Document, error) {
		now, err := s.returnRequest(ctx, op, r.Ref)
		if err == nil && !there(now) {
			err = absent(op, "the return request is "+now.Status.String())
		}
		return done(now), err
	}, func(ctx context.Context) (commerce.Document, error) {
		now, err := s.returnRequest(ctx, op, r.Ref)
		if err != nil {
			return commerce.Document{}, notSent(op, err)
		}
		status, ok := map[commerce.ReturnStatus]nopcommerce.ReturnStatus{commerce.ReturnAuthorised: nopcommerce.ReturnAuthorized,
			commerce.ReturnReceived: nopcommerce.ReturnReceived, commerce.ReturnRefunded: nopcommerce.ReturnItemsRefunded}[to]
		switch {
		case !ok:
			return commerce.Document{}, refused(commerce.KindInvalid, op, "", "a return request can not be moved to %q", to)
		case there(now):
			return done(now), nil
		case returnStatuses[now.Status].Rank() == 0:
			return commerce.Document{}, refused(commerce.KindConflict, op, "return_ended", "the return request is %s", now.Status)
		}
		now.Status = status
		saved, err := s.client.Returns.Update(ctx, now)
		return done(saved), err
	})
}

// Restock puts the accepted goods of a return back on the shelf, by a change of each line's
// stock, which the shop writes into its history. Blind: nothing tells one change from two.
// An order note behind each line says that it was done, so that an attempt that ended
// before a line goes on there; one that ended within a line needs a decision.
//
// A product that the shop counts no stock of is left out.
//
// Errors of Act: those of [nopcommerce.Stock.Adjust], such as of kind invalid, code
// nopcommerce.CodeState, where the shop counts a product in several warehouses.
func (s *Shop) Restock(o commerce.Order, r commerce.Return) document {
	op := "restock " + r.Ref.ID
	return document{Class: idempotency.Blind, Settle: s.c.Settle, Act: func(ctx context.Context) (commerce.Document, error) {
		id, err := s.id(op, o.Ref)
		if err != nil {
			return commerce.Document{}, err
		}
		lines, err := s.client.Items.Lines(ctx, id)
		if err != nil {
			return commerce.Document{}, notSent(op, err)
		}
		for _, back := range r.Lines {
			n, err := strconv.Atoi(back.Accepted.Trim(0).String())
			at := slices.IndexFunc(lines, func(l nopcommerce.Line) bool { return l.ID.String() == back.OrderLine })
			if n == 0 && err == nil {
				continue
			}
			if err != nil || at < 0 || n < 0 {
				return commerce.Document{}, refused(commerce.KindInvalid, op, "", "%s of line %s can not be put back: the order has whole quantities of its own lines", back.Accepted, back.OrderLine)
			}
			l := lines[at]
			if l.Product != nil && l.Product.InventoryMethod == nopcommerce.StockNotManaged {
				continue // the shop counts none of it
			}
			key := "restocked " + r.Ref.ID + " " + back.ID
			there, err := s.noted(ctx, id, key)
			if err != nil {
				return commerce.Document{}, notSent(op, err)
			}
			if there {
				continue
			}
			if err := s.client.Stock.Adjust(ctx, l.ProductID, n, l.AttributesXML, "Return request "+r.Number+" of order "+o.Number); err != nil {
				return commerce.Document{}, err
			}
			if _, err := s.client.Notes.Add(ctx, nopcommerce.Note{OrderID: id, Text: strconv.Itoa(n) + " of line " + back.OrderLine + " are back on the shelf. " + mark(key)}); err != nil {
				return commerce.Document{}, &commerce.Error{Kind: commerce.KindOf(err), System: System, Op: op, Outcome: commerce.Unknown,
					Text: "line " + back.OrderLine + " is back on the shelf, and the note of it may be missing", Err: err}
			}
		}
		return commerce.Document{Ref: r.Ref, Number: r.Number, State: "restocked"}, nil
	}}
}

// Shipments returns the shipments of an order that have left, oldest first. A parcel's
// carrier is the order's shipping method: the shop keeps none.
func (s *Shop) Shipments(ctx context.Context, ref commerce.Ref) ([]commerce.Shipment, error) {
	id, err := s.id("read shipments", ref)
	if err != nil {
		return nil, err
	}
	o, err := s.client.Orders.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	lines, err := s.client.Items.Lines(ctx, id)
	if err != nil {
		return nil, err
	}
	var out []commerce.Shipment
	err = s.shipments(ctx, id, func(sh nopcommerce.Shipment, items []nopcommerce.ShipmentItem) {
		if sh.ShippedDate.IsZero() {
			return
		}
		sent := commerce.Shipment{Ref: s.origin.With("shipment/" + sh.ID.String()), Number: sh.ID.String(), Order: ref, Sent: sh.ShippedDate.Time}
		for _, i := range items {
			line := commerce.ShipmentLine{OrderLine: i.OrderItemID.String(), Quantity: count(i.Quantity)}
			if at := slices.IndexFunc(lines, func(l nopcommerce.Line) bool { return l.ID == i.OrderItemID }); at >= 0 {
				line.SKU = strings.TrimSpace(lines[at].SKU)
			}
			sent.Lines = append(sent.Lines, line)
		}
		if sh.TrackingNumber != "" {
			sent.Parcels = []commerce.Parcel{{Carrier: o.ShippingMethod, Tracking: sh.TrackingNumber}}
		}
		out = append(out, sent)
	})
	slices.SortStableFunc(out, func(a, b commerce.Shipment) int { return a.Sent.Compare(b.Sent) })
	return out, err
}
