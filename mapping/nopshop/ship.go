package nopshop

import (
	"context"
	"math/big"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/nopcommerce"
)

// Ship records goods on their way, with tracking: the shipment, its items and then the act
// that books stock and moves the order on ([nopcommerce.Shipments.Ship]). It is marked: the
// shipment's ref is the admin comment that the shipment is made with, and an attempt that
// ended in between goes on where it stopped.
//
// Rows are matched by SKU and open quantity. A SKU that the order has not, or less of, is a
// fault with both quantities. The shop ships no order that is picked up in a store: there
// the parcels go into a note. That document's state, and that of a shipment which holds
// less than was sent, is mapping.ShortShipment.
func (s *Shop) Ship(o commerce.Order, sent commerce.Shipment) document {
	op := "ship " + o.Ref.ID
	key := sent.Ref.String()
	note := s.Note(o, mapping.Note{Key: key, Text: shipText(sent)})
	short := func(doc commerce.Document, err error) (commerce.Document, error) {
		doc.State = mapping.ShortShipment
		return doc, err
	}
	return s.effect(idempotency.Marked, func(ctx context.Context) (commerce.Document, error) {
		id, err := s.id(op, o.Ref)
		if err != nil {
			return commerce.Document{}, err
		}
		all, err := s.client.Shipments.OfOrder(ctx, id)
		if err != nil {
			return commerce.Document{}, err
		}
		for _, have := range all {
			if have.AdminComment == key && !have.ShippedDate.IsZero() {
				return s.shipment(ctx, have, sent)
			}
		}
		return short(note.Find(ctx))
	}, func(ctx context.Context) (commerce.Document, error) {
		id, err := s.id(op, o.Ref)
		if err != nil {
			return commerce.Document{}, err
		}
		if sent.Ref.ID == "" || len(sent.Lines) == 0 {
			return commerce.Document{}, refused(commerce.KindInvalid, op, "", "the shipment has no ref or no lines")
		}
		now, err := s.client.Orders.Get(ctx, id)
		if err != nil {
			return commerce.Document{}, notSent(op, err)
		}
		if now.PickupInStore {
			return short(note.Act(ctx))
		}
		items, err := s.match(ctx, id, key, sent)
		if err != nil {
			return commerce.Document{}, notSent(op, err)
		}
		made, err := s.client.Shipments.Ship(ctx, nopcommerce.NewShipment{OrderID: id, Reference: key,
			TrackingNumber: tracking(sent), Items: items, NotifyCustomer: s.c.TellCustomer})
		if err != nil {
			return commerce.Document{}, err
		}
		return s.shipment(ctx, made, sent)
	})
}

// shipment says what the shop recorded of goods that were sent.
func (s *Shop) shipment(ctx context.Context, have nopcommerce.Shipment, sent commerce.Shipment) (commerce.Document, error) {
	doc := commerce.Document{Ref: s.origin.With("shipment/" + have.ID.String()), Number: have.ID.String(), State: "shipped"}
	items, err := s.client.Shipments.Items(ctx, have.ID)
	if err != nil {
		// It is made: what is in it can be read again.
		return doc, &commerce.Error{Kind: commerce.KindOf(err), System: System, Op: "read shipment " + have.ID.String(),
			Outcome: commerce.Unknown, RetryAfter: commerce.RetryAfter(err), Err: err}
	}
	recorded, left := new(big.Rat), new(big.Rat)
	for _, i := range items {
		recorded.Add(recorded, big.NewRat(int64(i.Quantity), 1))
	}
	for _, l := range sent.Lines {
		if q, ok := new(big.Rat).SetString(l.Quantity.String()); ok {
			left.Add(left, q)
		}
	}
	if recorded.Cmp(left) < 0 {
		doc.State = mapping.ShortShipment
	}
	return doc, nil
}

// shipText says what the merchant reads where the shop can record no shipment.
func shipText(sent commerce.Shipment) string {
	text := "Sent by the warehouse"
	if sent.Number != "" {
		text += ", shipment " + sent.Number
	}
	for _, p := range sent.Parcels {
		text += ", " + strings.TrimSpace(p.Carrier+" "+p.Tracking)
	}
	return text + "."
}

// tracking joins the numbers of all parcels: a shipment has one column for them.
func tracking(sent commerce.Shipment) string {
	var numbers []string
	for _, p := range sent.Parcels {
		if p.Tracking != "" {
			numbers = append(numbers, p.Tracking)
		}
	}
	return strings.Join(numbers, ", ")
}

// match finds the order's rows for what was sent. What an earlier attempt put into the
// same shipment counts as open.
func (s *Shop) match(ctx context.Context, id nopcommerce.ID, key string, sent commerce.Shipment) ([]nopcommerce.ShipmentItem, error) {
	document := "shipment " + sent.Ref.ID + " of nopcommerce order " + id.String()
	lines, err := s.client.Items.Lines(ctx, id)
	if err != nil {
		return nil, err
	}
	taken := map[nopcommerce.ID]int{}
	if err := s.shipments(ctx, id, func(sh nopcommerce.Shipment, items []nopcommerce.ShipmentItem) {
		for _, i := range items {
			if sh.AdminComment != key {
				taken[i.OrderItemID] += i.Quantity
			}
		}
	}); err != nil {
		return nil, err
	}
	asked := map[nopcommerce.ID]int{}
	for _, l := range sent.Lines {
		field := "lines[" + l.SKU + "].quantity"
		left, ok := wholeNumber(l.Quantity)
		if !ok {
			return nil, mapping.Faultf(document, field, l.Quantity.String(), "the shop ships whole numbers above nought")
		}
		known := false
		for _, row := range lines {
			if !shippable(row) || !sameSKU(row.SKU, l.SKU) {
				continue
			}
			known = true
			take := min(left, max(0, row.Quantity-taken[row.ID]-asked[row.ID]))
			asked[row.ID] += take
			left -= take
		}
		switch {
		case !known:
			return nil, mapping.Faultf(document, "lines.sku", l.SKU, "the order has no such row to ship")
		case left > 0:
			return nil, mapping.Faultf(document, field, l.Quantity.String(), "%d of it more than the order has open", left)
		}
	}
	var items []nopcommerce.ShipmentItem
	for _, row := range lines {
		if asked[row.ID] > 0 {
			items = append(items, nopcommerce.ShipmentItem{OrderItemID: row.ID, Quantity: asked[row.ID], WarehouseID: s.c.Warehouse})
		}
	}
	return items, nil
}

func wholeNumber(d commerce.Decimal) (int, bool) {
	n, fraction, ok := d.Trim(0).Int64(0)
	return int(n), ok && fraction == 0 && n > 0
}

// sameSKU compares as the shop's database does.
func sameSKU(a, b string) bool {
	return a != "" && strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}
