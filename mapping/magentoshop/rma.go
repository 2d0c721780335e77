package magentoshop

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/mapping"
)

// returnStatuses are the statuses of a return in the published source of Adobe Commerce;
// none was recorded (2026-11). One that is approved by some rows waits for the others.
var returnStatuses = map[string]commerce.ReturnStatus{
	"pending": commerce.ReturnRequested, "authorized": commerce.ReturnAuthorised, "partial_authorized": commerce.ReturnAuthorised,
	"received": commerce.ReturnReceived, "received_on_item": commerce.ReturnReceived, "approved": commerce.ReturnReceived,
	"approved_on_item": commerce.ReturnReceived, "rejected_on_item": commerce.ReturnReceived,
	"processed_closed": commerce.ReturnRefunded, "rejected": commerce.ReturnRejected, "denied": commerce.ReturnRejected, "closed": commerce.ReturnClosed,
}

// dropped are the statuses of a row of which nothing goes back.
var dropped = []string{"rejected", "denied"}

// Return reads a return (RMA), which Adobe Commerce has. Kind not found where it is gone;
// kind invalid, code magento.CodeNotOffered, on Magento Open Source.
func (s *Shop) Return(ctx context.Context, ref commerce.Ref) (commerce.Return, error) {
	r, err := s.rma(ctx, "read return", ref)
	if err != nil {
		return commerce.Return{}, err
	}
	return s.canonicalReturn(r)
}

// ReturnsOf returns all returns of an order, oldest first. Errors: those of Return.
func (s *Shop) ReturnsOf(ctx context.Context, o commerce.Order) ([]commerce.Return, error) {
	id, err := s.id("read returns", o.Ref)
	if err != nil {
		return nil, err
	}
	var out []commerce.Return
	p := ofOrder(id)
	p.ByID = true
	for r, err := range s.client.Returns.List(ctx, p) {
		if err != nil {
			return nil, err
		}
		got, err := s.canonicalReturn(r)
		if err != nil {
			return nil, err
		}
		out = append(out, got)
	}
	return out, nil
}

func (s *Shop) rma(ctx context.Context, op string, ref commerce.Ref) (magento.Return, error) {
	digits, ok := strings.CutPrefix(ref.ID, returnPrefix)
	if !ok || ref.With("") != s.origin {
		e := commerce.Errorf(commerce.KindInvalid, System, op, "%s is no return of the shop %s", ref, s.origin)
		e.Outcome = commerce.NotSent
		return magento.Return{}, e
	}
	id, err := magento.ParseID(digits)
	if err != nil {
		return magento.Return{}, err
	}
	return s.client.Returns.Get(ctx, id)
}

// canonicalReturn says a return in canonical words. Reason and Action are the ids of the
// shop's options.
func (s *Shop) canonicalReturn(r magento.Return) (commerce.Return, error) {
	out := commerce.Return{Ref: s.origin.With(returnPrefix + r.EntityID.String()), Number: r.IncrementID, Order: s.Ref(r.OrderID),
		Status: cmp.Or(returnStatuses[r.Status], commerce.ReturnUnknown), RawStatus: r.Status, Requested: r.DateRequested.Time}
	none := true
	for _, i := range r.Items {
		read := func(name string, n magento.Number) (commerce.Decimal, error) {
			d, err := n.Decimal()
			if err != nil {
				err = mapping.Faultf("magento return "+r.EntityID.String(), "items["+i.EntityID.String()+"]."+name, string(n), "is no decimal number")
			}
			return d, err
		}
		line := commerce.ReturnLine{ID: i.EntityID.String(), OrderLine: i.OrderItemID.String(), Reason: i.Reason, Action: i.Resolution}
		var err error
		if line.Requested, err = read("qty_requested", i.QtyRequested); err != nil {
			return commerce.Return{}, err
		}
		for _, q := range []struct {
			name string
			n    magento.Number
		}{{"qty_approved", i.QtyApproved}, {"qty_returned", i.QtyReturned}, {"qty_authorized", i.QtyAuthorized}} {
			if line.Accepted.IsZero() {
				if line.Accepted, err = read(q.name, q.n); err != nil {
					return commerce.Return{}, err
				}
			}
		}
		if slices.Contains(dropped, i.Status) {
			line.Accepted = commerce.Decimal{}
		} else {
			none = false
		}
		out.Lines = append(out.Lines, line)
	}
	if none && (out.Status == commerce.ReturnRefunded || out.Status == commerce.ReturnClosed) {
		out.Status = commerce.ReturnRejected
	}
	return out, nil
}

// Advance moves all rows of a return on, but those that were rejected or denied, with what
// was asked for at first and then with what came so far. Approving the last row closes the
// return. Guarded: a return that is there or further is found.
//
// Errors of Act, not sent: kind conflict, code "return_ended", where it was rejected or
// closed.
func (s *Shop) Advance(r commerce.Return, to commerce.ReturnStatus) document {
	op := "move " + r.Ref.ID + " to " + string(to)
	return s.effect(idempotency.Guarded, func(ctx context.Context) (commerce.Document, error) {
		now, err := s.Return(ctx, r.Ref)
		if err == nil && (to.Rank() == 0 || now.Status.Rank() < to.Rank()) {
			err = absent(op, "the return is "+now.RawStatus)
		}
		return commerce.Document{Ref: r.Ref, Number: now.Number, State: now.RawStatus}, err
	}, func(ctx context.Context) (commerce.Document, error) {
		now, err := s.rma(ctx, op, r.Ref)
		if err != nil {
			return commerce.Document{}, notSent(op, err)
		}
		was, err := s.canonicalReturn(now)
		switch {
		case err != nil:
			return commerce.Document{}, notSent(op, err)
		case was.Status.Rank() == 0:
			return commerce.Document{}, refused(commerce.KindConflict, op, "return_ended", "the return is %s", now.Status)
		case to.Rank() < commerce.ReturnAuthorised.Rank():
			return commerce.Document{}, refused(commerce.KindInvalid, op, "", "a return can not be moved to %q", to)
		}
		for n := range now.Items {
			step(&now.Items[n], to.Rank())
		}
		saved, err := s.client.Returns.Save(ctx, now)
		return commerce.Document{Ref: r.Ref, Number: saved.IncrementID, State: saved.Status}, err
	})
}

// step moves a row on: each step takes the quantity of the one before.
func step(i *magento.ReturnItem, rank int) {
	if slices.Contains(dropped, i.Status) {
		return
	}
	before := i.QtyRequested
	for n, s := range []struct {
		qty    *magento.Number
		status string
	}{{&i.QtyAuthorized, "authorized"}, {&i.QtyReturned, "received"}, {&i.QtyApproved, "approved"}} {
		if rank < n+2 {
			return
		}
		if d, err := s.qty.Decimal(); err == nil && d.IsZero() {
			*s.qty = before
		}
		before, i.Status = *s.qty, s.status
	}
}

// Shipments returns the shipments of an order, oldest first. A parcel's carrier is the
// title that buyers see.
func (s *Shop) Shipments(ctx context.Context, ref commerce.Ref) ([]commerce.Shipment, error) {
	id, err := s.id("read shipments", ref)
	if err != nil {
		return nil, err
	}
	var out []commerce.Shipment
	p := ofOrder(id)
	p.ByID = true
	for m, err := range s.client.Shipments.List(ctx, p) {
		if err != nil {
			return nil, err
		}
		sent := commerce.Shipment{Ref: s.origin.With("shipment/" + m.EntityID.String()), Number: m.IncrementID, Order: ref, Sent: m.CreatedAt.Time}
		for _, i := range m.Items {
			qty, err := i.Qty.Decimal()
			if err != nil {
				return nil, mapping.Faultf("magento shipment "+m.EntityID.String(), "items["+i.EntityID.String()+"].qty", string(i.Qty), "is no decimal number")
			}
			sent.Lines = append(sent.Lines, commerce.ShipmentLine{OrderLine: i.OrderItemID.String(), SKU: i.SKU, Quantity: qty})
		}
		for _, t := range m.Tracks {
			sent.Parcels = append(sent.Parcels, commerce.Parcel{Carrier: cmp.Or(t.Title, t.CarrierCode), Tracking: t.TrackNumber})
		}
		out = append(out, sent)
	}
	return out, nil
}
