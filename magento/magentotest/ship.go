package magentotest

import (
	"fmt"
	"slices"
)

// serveShip makes a shipment.
func (s *Shop) serveShip(r *request) (any, *failure) {
	o, f := s.find(r.id)
	if f != nil {
		return nil, f
	}
	var in struct {
		Items         []asked   `json:"items"`
		Notify        bool      `json:"notify"`
		AppendComment bool      `json:"append_comment"`
		Comment       *remarkIn `json:"comment"`
		Tracks        []struct {
			TrackNumber string `json:"track_number"`
			Title       string `json:"title"`
			CarrierCode string `json:"carrier_code"`
			Extension   any    `json:"extension_attributes"`
		} `json:"tracks"`
		Packages  any `json:"packages"`
		Arguments *struct {
			Extension *struct {
				SourceCode string `json:"source_code"`
			} `json:"extension_attributes"`
		} `json:"arguments"`
	}
	if f := r.into(s, &in); f != nil {
		return nil, f
	}
	now := s.now()
	d := &document{order: o, created: now, updated: now, source: "default"}
	d.rows = o.parcel(o.named(in.Items))
	var wrong []string
	switch {
	case o.held(), o.reviewed(), o.virtual, o.state == "canceled":
		wrong = append(wrong, "A shipment cannot be created when an order has a status of "+o.status)
	case !o.canShip():
		wrong = append(wrong, "The order does not allow a shipment to be created.")
	}
	if len(d.rows) == 0 {
		wrong = append(wrong, "You can't create a shipment without products.")
	}
	if len(wrong) > 0 {
		return nil, validation("Shipment", wrong)
	}
	d.id, d.number = s.next("shipment"), s.nextNumber("shipment", o.store)
	for n := range d.rows {
		row := &d.rows[n]
		row.id = s.next("shipment_item")
		row.item.shipped += row.qty
		d.qty += row.qty
		if row.item.shippable() {
			s.take(row.item, row.qty)
		}
	}
	if a := in.Arguments; a != nil && a.Extension != nil && a.Extension.SourceCode != "" {
		d.source = a.Extension.SourceCode
	}
	for _, t := range in.Tracks {
		d.tracks = append(d.tracks, s.track(d, obj{"track_number": t.TrackNumber, "title": t.Title, "carrier_code": t.CarrierCode,
			"weight": nil, "qty": nil, "description": nil}))
	}
	s.remark("shipment_comment", d, in.Comment, in.AppendComment)
	s.shipments = append(s.shipments, d)
	s.settleInto(o, "processing")
	return fmt.Sprint(d.id), nil
}

// parcel decides how much of each row is shipped: of what is named, or of all. Too much
// is cut to what is left, without a word (REC 137). The children of a bundle that is
// shipped together take their share, and the parent of one that is not counts one for
// every parcel (REC 498, 548).
func (o *order) parcel(named map[*item]dec) []docRow {
	asked := func(i *item) dec {
		if named == nil {
			return i.ordered
		}
		return named[i]
	}
	var rows []docRow
	for _, i := range o.items {
		var qty dec
		switch p := i.parent; {
		case i.shippable():
			qty = min(asked(i), i.toShip())
			if p != nil && qty == 0 && named != nil {
				qty = min(i.share(named[p]), i.toShip())
			}
		case p != nil && p.kind == "bundle":
			qty = min(i.share(asked(p)), i.unshipped())
		case i.separate && slices.ContainsFunc(i.children, func(c *item) bool {
			return min(max(asked(c), c.share(named[i])), c.toShip()) > 0
		}):
			qty = one
		}
		if qty > 0 {
			rows = append(rows, docRow{item: i, qty: qty})
		}
	}
	return rows
}

// share is how many of a row go with so many of its parent.
func (i *item) share(of dec) dec {
	if i.parent == nil || i.parent.ordered == 0 {
		return 0
	}
	return of.scale(i.ordered, i.parent.ordered)
}

func (s *Shop) track(d *document, t obj) obj {
	t["entity_id"], t["parent_id"], t["order_id"] = s.next("track"), d.id, d.order.id
	t["created_at"], t["updated_at"] = stamp(s.now()), stamp(s.now())
	return t
}

func (s *Shop) serveTrack(r *request) (any, *failure) {
	var in struct {
		Entity *struct {
			OrderID     dec    `json:"order_id"`
			ParentID    dec    `json:"parent_id"`
			Weight      dec    `json:"weight"`
			Qty         dec    `json:"qty"`
			Description string `json:"description"`
			TrackNumber string `json:"track_number"`
			Title       string `json:"title"`
			CarrierCode string `json:"carrier_code"`
			EntityID    any    `json:"entity_id"`
			CreatedAt   any    `json:"created_at"`
			UpdatedAt   any    `json:"updated_at"`
			Extension   any    `json:"extension_attributes"`
		} `json:"entity"`
	}
	if f := r.into(s, &in); f != nil {
		return nil, f
	}
	if in.Entity == nil {
		return nil, missingField("entity")
	}
	e := in.Entity
	for _, d := range s.shipments {
		if d.id == int64(e.ParentID/one) && d.order.id == int64(e.OrderID/one) {
			t := s.track(d, obj{"track_number": e.TrackNumber, "title": e.Title, "carrier_code": e.CarrierCode,
				"weight": e.Weight, "qty": e.Qty, "description": e.Description})
			d.tracks = append(d.tracks, t)
			return t, nil
		}
	}
	return nil, invalid("Could not save the shipment tracking.")
}
