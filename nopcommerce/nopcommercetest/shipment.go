package nopcommercetest

import (
	"fmt"
	"slices"
)

// shippable are the rows of an order that are sent.
func (s *Shop) shippable(o *Order) []*OrderItem {
	return slices.DeleteFunc(slices.Clone(s.items.of[o.ID]), func(i *OrderItem) bool {
		p := s.products.get(i.ProductID)
		return p == nil || !p.IsShipEnabled
	})
}

// sent counts a row in the order's parcels that f takes.
func (s *Shop) sent(i *OrderItem, f func(*Shipment) bool) (n int) {
	for _, sh := range s.shipments.of[i.OrderID] {
		if !f(sh) {
			continue
		}
		for _, p := range s.parcels.of[sh.ID] {
			if p.OrderItemID == i.ID {
				n += p.Quantity
			}
		}
	}
	return n
}

func (s *Shop) inShipments(i *OrderItem) int {
	return s.sent(i, func(*Shipment) bool { return true })
}

func (s *Shop) toAdd(i *OrderItem) int { return max(0, i.Quantity-s.inShipments(i)) }

func (s *Shop) hasToAdd(o *Order) bool {
	return slices.ContainsFunc(s.shippable(o), func(i *OrderItem) bool { return s.toAdd(i) > 0 })
}

func (s *Shop) hasToShip(o *Order) bool {
	return slices.ContainsFunc(s.shippable(o), func(i *OrderItem) bool {
		return s.sent(i, func(sh *Shipment) bool { return sh.ShippedDateUTC == nil }) > 0
	})
}

func (s *Shop) hasToDeliver(o *Order) bool {
	return slices.ContainsFunc(s.shippable(o), func(i *OrderItem) bool {
		return s.sent(i, func(sh *Shipment) bool { return sh.ShippedDateUTC != nil && sh.DeliveryDateUTC == nil }) > 0
	})
}

func (s *Shop) serveShip(r *request) (any, *failure) {
	sh, f := find(&s.shipments, r.id)
	if f != nil {
		return nil, f
	}
	return nil, s.ship(sh, r.yes("notifyCustomer"))
}

// ship dates a shipment and moves its order's status. What the shipment holds has to be
// known by then. A refusal is a 500 in the shop.
func (s *Shop) ship(sh *Shipment, notify bool) *failure {
	o := s.orders.get(sh.OrderID)
	switch {
	case o == nil:
		return refused("Order cannot be loaded")
	case sh.ShippedDateUTC != nil:
		return refused("This shipment is already shipped")
	case o.PickupInStore:
		return refused("This shipment is for an order that is picked up in store")
	}
	sh.ShippedDateUTC = new(s.now())
	for _, p := range s.parcels.of[sh.ID] {
		if i := s.items.get(p.OrderItemID); i != nil {
			s.book(i.ProductID, p.WarehouseID, -p.Quantity, fmt.Sprintf("The stock quantity has been reduced when an order item of the order #%d was shipped", o.ID))
		}
	}
	o.ShippingStatusID = Shipped
	if s.hasToAdd(o) || s.hasToShip(o) {
		o.ShippingStatusID = PartiallyShipped
	}
	s.effect(o, EffectShipped, 0, sh.ID)
	s.note(o, "Shipment# %d has been sent", sh.ID)
	if notify {
		s.mail(o, "Shipped", "customer")
	}
	return s.checkStatus(o, nil)
}

func (s *Shop) serveDeliver(r *request) (any, *failure) {
	sh, f := find(&s.shipments, r.id)
	if f != nil {
		return nil, f
	}
	return nil, s.deliver(sh, r.yes("notifyCustomer"))
}

func (s *Shop) deliver(sh *Shipment, notify bool) *failure {
	o := s.orders.get(sh.OrderID)
	ready := sh.ShipmentPickup != nil && sh.ReadyForPickupDateUTC != nil
	switch {
	case o == nil:
		return refused("Order cannot be loaded")
	case sh.ShippedDateUTC == nil && !ready:
		return refused("This shipment is not shipped yet")
	case sh.DeliveryDateUTC != nil:
		return refused("This shipment is already delivered")
	}
	sh.DeliveryDateUTC = new(s.now())
	if !s.hasToAdd(o) && !s.hasToShip(o) && !s.hasToDeliver(o) {
		o.ShippingStatusID = Delivered
	}
	s.effect(o, EffectDelivered, 0, sh.ID)
	s.note(o, "Shipment# %d has been delivered", sh.ID)
	if notify {
		s.mail(o, "Delivered", "customer")
	}
	return s.checkStatus(o, nil)
}

// serveShipments lists shipments, newest first. It has no filter on changes.
func (s *Shop) serveShipments(r *request) (any, *failure) {
	at := func(sh *Shipment) *Address {
		if o := s.orders.get(sh.OrderID); o != nil && o.ShippingAddressID != nil {
			return s.addresses.get(*o.ShippingAddressID)
		}
		return nil
	}
	found := s.shipments.all(func(sh *Shipment) bool {
		o := s.orders.get(sh.OrderID)
		if o == nil || o.Deleted || r.number("orderId") != 0 && sh.OrderID != r.number("orderId") || !contains(sh.TrackingNumber, r.text("trackingNumber")) ||
			!within(sh.CreatedOnUTC, r.date("createdFromUtc"), r.date("createdToUtc")) || r.yes("loadNotShipped") && sh.ShippedDateUTC != nil ||
			r.yes("loadNotDelivered") && sh.DeliveryDateUTC != nil || s.version >= 460 && r.yes("loadNotReadyForPickup") && sh.ReadyForPickupDateUTC != nil {
			return false
		}
		if w := r.number("warehouseId"); w != 0 && !slices.ContainsFunc(s.parcels.of[sh.ID], func(p *ShipmentItem) bool { return p.WarehouseID == w }) {
			return false
		}
		if v := r.number("vendorId"); v != 0 && !slices.ContainsFunc(s.parcels.of[sh.ID], func(p *ShipmentItem) bool { return s.vendorOf(p.OrderItemID) == v }) {
			return false
		}
		country, state, county, city := r.number("shippingCountryId"), r.number("shippingStateId"), r.text("shippingCounty"), r.text("shippingCity")
		if country == 0 && state == 0 && county == "" && city == "" {
			return true
		}
		a := at(sh)
		return a != nil && (country == 0 || a.CountryID != nil && *a.CountryID == country) && (state == 0 || a.StateProvinceID != nil && *a.StateProvinceID == state) &&
			contains(a.County, county) && contains(a.City, city)
	})
	slices.SortStableFunc(found, func(a, b *Shipment) int { return b.CreatedOnUTC.Compare(a.CreatedOnUTC.Time) })
	return paged(r, found)
}

func (s *Shop) vendorOf(item int) int {
	if i := s.items.get(item); i != nil {
		if p := s.products.get(i.ProductID); p != nil {
			return p.VendorID
		}
	}
	return 0
}

func (s *Shop) serveShipmentsOfOrder(r *request) (any, *failure) {
	if _, f := find(&s.orders, r.id); f != nil {
		return nil, f
	}
	out := []*Shipment{}
	for _, sh := range s.shipments.of[r.id] {
		if r.has("shipped") && r.yes("shipped") != (sh.ShippedDateUTC != nil) ||
			s.version >= 460 && r.has("readyForPickup") && r.yes("readyForPickup") != (sh.ReadyForPickupDateUTC != nil) {
			continue
		}
		if v := r.number("vendorId"); v == 0 || slices.ContainsFunc(s.parcels.of[sh.ID], func(p *ShipmentItem) bool { return s.vendorOf(p.OrderItemID) == v }) {
			out = append(out, sh)
		}
	}
	return out, nil
}

func (s *Shop) serveParcels(r *request) (any, *failure) {
	if _, f := find(&s.shipments, r.id); f != nil {
		return nil, f
	}
	return append([]*ShipmentItem{}, s.parcels.of[r.id]...), nil
}

// serveParcelCreate answers with what it made, not with the shipment as documented.
func (s *Shop) serveParcelCreate(r *request) (any, *failure) {
	v, f := decode[ShipmentItem](r)
	if f != nil {
		return nil, f
	}
	if s.shipments.get(v.ShipmentID) == nil {
		return nil, refused("The INSERT statement conflicted with the FOREIGN KEY constraint \"FK_ShipmentItem_ShipmentId_Shipment_Id\".")
	}
	return s.parcels.insert(v), nil
}

func (s *Shop) serveQuantityInShipments(r *request) (any, *failure) {
	if _, f := find(&s.products, r.id); f != nil {
		return nil, f
	}
	n := 0
	for _, p := range s.parcels.rows {
		sh, i := s.shipments.get(p.ShipmentID), s.items.get(p.OrderItemID)
		if sh == nil || i == nil || i.ProductID != r.id || r.last != 0 && p.WarehouseID != r.last ||
			r.yes("ignoreShipped") && sh.ShippedDateUTC != nil || r.yes("ignoreDelivered") && sh.DeliveryDateUTC != nil {
			continue
		}
		if o := s.orders.get(sh.OrderID); o == nil || o.Deleted || o.OrderStatusID == OrderCancelled {
			continue
		}
		n += p.Quantity
	}
	return n, nil
}
