package nopcommercetest

import (
	"cmp"
	"slices"

	"github.com/commercesync/commerce"
)

// said turns a refusal of the shop into an error.
func (s *Shop) said(op string, f *failure) error {
	if f == nil {
		return nil
	}
	if e, ok := f.body.(exception); ok {
		return commerce.Errorf(commerce.KindConflict, "nopcommercetest", op, "%s", e.Message)
	}
	return commerce.Errorf(commerce.KindInvalid, "nopcommercetest", op, "status %d", f.status)
}

// withOrder does something with an order on somebody's behalf.
func (s *Shop) withOrder(op string, by Actor, id int, do func(*Order) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.orders.get(id)
	if o == nil {
		return commerce.Errorf(commerce.KindNotFound, "nopcommercetest", op, "no order %d", id)
	}
	s.by = by
	defer func() { s.by = ByShop }()
	return do(o)
}

// staff is what an administrator does to an order; the activity log has a line of it.
func (s *Shop) staff(op string, id int, do func(*Order) *failure) error {
	return s.withOrder(op, ByStaff, id, func(o *Order) error {
		f := do(o)
		if f == nil {
			s.activity(s.admin().ID, "EditOrder", o.ID, "Edited an order (Order number = %d)")
		}
		return s.said(op, f)
	})
}

// EditOrder changes the columns of an order, as an administrator or a build's own code
// does. Nothing else follows from it.
func (s *Shop) EditOrder(id int, edit func(*Order)) error {
	return s.staff("edit order", id, func(o *Order) *failure {
		v := *o
		edit(&v)
		s.orders.replace(o, v)
		return nil
	})
}

// Quietly changes the columns of an order as a plugin or another program does: no line of
// the activity log tells of it.
func (s *Shop) Quietly(id int, edit func(*Order)) error {
	return s.withOrder("change order", ByShop, id, func(o *Order) error {
		v := *o
		edit(&v)
		s.orders.replace(o, v)
		return nil
	})
}

// ClearLog empties the activity log, as administrators may.
func (s *Shop) ClearLog() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.activities.rows = nil
}

// EditItem changes the columns of a row of an order.
func (s *Shop) EditItem(id int, edit func(*OrderItem)) error {
	order := 0
	s.mu.Lock()
	if i := s.items.get(id); i != nil {
		order = i.OrderID
	}
	s.mu.Unlock()
	return s.staff("edit order item", order, func(*Order) *failure {
		if i := s.items.get(id); i != nil {
			v := *i
			edit(&v)
			s.items.replace(i, v)
		}
		return nil
	})
}

// EditAddress changes the columns of the order's billing or shipping address.
func (s *Shop) EditAddress(order int, shipping bool, edit func(*Address)) error {
	return s.staff("edit address", order, func(o *Order) *failure {
		id := o.BillingAddressID
		if shipping && o.ShippingAddressID != nil {
			id = *o.ShippingAddressID
		}
		a, f := find(&s.addresses, id)
		if f != nil {
			return f
		}
		v := *a
		edit(&v)
		s.addresses.replace(a, v)
		return nil
	})
}

// AddNote writes a remark on an order.
func (s *Shop) AddNote(order int, words string) error {
	return s.staff("add note", order, func(o *Order) *failure { s.note(o, "%s", words); return nil })
}

// MarkPaid marks an order as paid, as an administrator does who has seen the money. An
// error is of kind conflict where the shop refuses.
func (s *Shop) MarkPaid(order int) error {
	return s.staff("mark order paid", order, func(o *Order) *failure { return s.markPaid(o, nil) })
}

// Cancel cancels an order. An error is of kind conflict where the shop refuses.
func (s *Shop) Cancel(order int) error {
	return s.staff("cancel order", order, func(o *Order) *failure { return s.cancel(o, &request{}) })
}

// Refund books a part of an order as given back, without a gateway. An error is of kind
// conflict where the shop refuses.
func (s *Shop) Refund(order int, amount string) error {
	a, err := ParseAmount(amount)
	if err != nil {
		return invalid("refund order", "%w", err)
	}
	return s.staff("refund order", order, func(o *Order) *failure { return s.refundPartOffline(o, amountOf(a)) })
}

// Void marks an order's authorisation as released. An error is of kind conflict where
// the shop refuses.
func (s *Shop) Void(order int) error {
	return s.staff("void order", order, func(o *Order) *failure { return s.voidOffline(o, nil) })
}

// Delete deletes an order softly: it vanishes from searches, and its goods come back.
func (s *Shop) Delete(order int) error {
	return s.withOrder("delete order", ByStaff, order, func(o *Order) error {
		s.activity(s.admin().ID, "DeleteOrder", o.ID, "Deleted an order (ID = %d)")
		return s.said("delete order", s.deleteOrder(o, nil))
	})
}

// Remove takes an order and its lines out of the database, as a clean-up does; nothing is
// written down about it.
func (s *Shop) Remove(order int) error {
	return s.withOrder("remove order", ByShop, order, func(o *Order) error {
		s.byDate = slices.DeleteFunc(s.byDate, func(x *Order) bool { return x == o })
		s.orders.forget(o)
		for _, i := range slices.Clone(s.items.of[order]) {
			s.items.forget(i)
		}
		return nil
	})
}

// RemoveReturn takes a return request out of the database.
func (s *Shop) RemoveReturn(id int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.returns.get(id)
	if r == nil {
		return commerce.Errorf(commerce.KindNotFound, "nopcommercetest", "remove return", "no return %d", id)
	}
	s.returns.forget(r)
	return nil
}

// NewShipment is a parcel that staff makes.
type NewShipment struct {
	Order    int
	Tracking string
	// Items are quantities by the id of the row. Defaults to all that is left.
	Items map[int]int
	// Open leaves the parcel unsent; by default it is shipped at once.
	Open bool
}

// Ship makes a shipment and returns its id. An error is of kind conflict where the shop
// refuses.
func (s *Shop) Ship(n NewShipment) (id int, err error) {
	err = s.staff("ship order", n.Order, func(o *Order) *failure {
		want := n.Items
		if want == nil {
			want = map[int]int{}
			for _, i := range s.shippable(o) {
				want[i.ID] = s.toAdd(i)
			}
		}
		var parcels []ShipmentItem
		for _, i := range s.shippable(o) {
			if q := want[i.ID]; q > 0 {
				if q > s.toAdd(i) {
					return refused("More is to be shipped than is left")
				}
				parcels = append(parcels, ShipmentItem{OrderItemID: i.ID, Quantity: q, WarehouseID: s.from(i.ProductID)})
			}
		}
		if len(parcels) == 0 {
			return refused("No products are selected")
		}
		sh := s.shipments.insert(Shipment{OrderID: o.ID, TrackingNumber: orNull(n.Tracking), CreatedOnUTC: s.now()})
		for _, p := range parcels {
			p.ShipmentID = sh.ID
			s.parcels.insert(p)
		}
		id = sh.ID
		if n.Open {
			return nil
		}
		return s.ship(sh, false)
	})
	return id, err
}

// from is the warehouse that most of a product's reserved goods lie in.
func (s *Shop) from(product int) int {
	rows := s.inventories.of[product]
	if len(rows) == 0 {
		return 0
	}
	return slices.MaxFunc(rows, func(a, b *Inventory) int { return cmp.Compare(a.ReservedQuantity, b.ReservedQuantity) }).WarehouseID
}

// Deliver marks a shipment as delivered. An error is of kind conflict where the shop
// refuses.
func (s *Shop) Deliver(shipment int) error {
	order := 0
	s.mu.Lock()
	if sh := s.shipments.get(shipment); sh != nil {
		order = sh.OrderID
	}
	s.mu.Unlock()
	return s.staff("deliver shipment", order, func(*Order) *failure { return s.deliver(s.shipments.get(shipment), false) })
}

// EditProduct changes the columns of a product, and its date of change as the
// administration does.
func (s *Shop) EditProduct(id int, edit func(*Product)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.products.get(id)
	if p == nil {
		return commerce.Errorf(commerce.KindNotFound, "nopcommercetest", "edit product", "no product %d", id)
	}
	v := *p
	edit(&v)
	v.UpdatedOnUTC = s.now()
	s.products.replace(p, v)
	return nil
}

// RemoveProduct takes a product out of the database, so that rows of orders point to
// nothing.
func (s *Shop) RemoveProduct(id int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.products.get(id)
	if p == nil {
		return commerce.Errorf(commerce.KindNotFound, "nopcommercetest", "remove product", "no product %d", id)
	}
	s.products.forget(p)
	return nil
}

// RequestReturn is a buyer who asks for a return of a row; it returns the ticket's id.
func (s *Shop) RequestReturn(item, quantity int, reason string) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.items.get(item)
	if i == nil || quantity <= 0 || quantity > i.Quantity {
		return 0, invalid("request return", "no row %d of that quantity", item)
	}
	o, now := s.orders.get(i.OrderID), s.now()
	r := s.returns.insert(ReturnRequest{StoreID: o.StoreID, OrderItemID: i.ID, CustomerID: o.CustomerID, Quantity: quantity, ReasonForReturn: new(reason),
		RequestedAction: s.actions.rows[0].Name, CustomerComments: new(""), StaffNotes: new(""), CreatedOnUTC: now, UpdatedOnUTC: now})
	r.CustomNumber = new(itoa(r.ID))
	return r.ID, nil
}

// EditReturn changes the columns of a return request, and its date of change.
func (s *Shop) EditReturn(id int, edit func(*ReturnRequest)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.returns.get(id)
	if r == nil {
		return commerce.Errorf(commerce.KindNotFound, "nopcommercetest", "edit return", "no return %d", id)
	}
	v := *r
	edit(&v)
	v.UpdatedOnUTC = s.now()
	s.returns.replace(r, v)
	return nil
}
