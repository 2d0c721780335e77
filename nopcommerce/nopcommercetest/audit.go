package nopcommercetest

import (
	"slices"
	"time"
)

// Actor is who did something.
type Actor string

// The actors.
const (
	ByShop   Actor = "shop"   // checkout and what follows from others
	ByAPI    Actor = "api"    // a request
	ByStaff  Actor = "staff"  // an administrator
	ByPlugin Actor = "plugin" // a Stripe plugin
)

// EffectKind says what happened to an order.
type EffectKind string

// The effects.
const (
	EffectAuthorized EffectKind = "authorized"
	EffectPaid       EffectKind = "paid"
	EffectCaptured   EffectKind = "captured"
	EffectRefunded   EffectKind = "refunded"
	EffectVoided     EffectKind = "voided"
	EffectCancelled  EffectKind = "cancelled"
	EffectDeleted    EffectKind = "deleted"
	EffectShipped    EffectKind = "shipped"
	EffectDelivered  EffectKind = "delivered"
	EffectMail       EffectKind = "mail"
)

// Effect is something that happened to an order, at the far side: whether or not anybody
// heard the answer.
type Effect struct {
	Kind     EffectKind
	By       Actor
	At       time.Time
	Amount   Amount // of money that moved in the books
	Shipment int    // of what was shipped or delivered
}

func (s *Shop) effect(o *Order, kind EffectKind, a Amount, shipment int) {
	s.effects[o.ID] = append(s.effects[o.ID], Effect{kind, s.by, s.clock(), a, shipment})
}

// Effects returns what happened to an order, in order; kinds choose some of it.
func (s *Shop) Effects(order int, kinds ...EffectKind) []Effect {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.effects[order]), func(e Effect) bool { return len(kinds) > 0 && !slices.Contains(kinds, e.Kind) })
}

// OrderIDs returns the ids of all orders, of deleted ones too.
func (s *Shop) OrderIDs() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]int, len(s.orders.rows))
	for i, o := range s.orders.rows {
		ids[i] = o.ID
	}
	return ids
}

// copied are the rows that hang on another, by value.
func copied[T any, P rowOf[T]](s *Shop, t *table[T, P], parent int) (out []T) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range t.of[parent] {
		out = append(out, *r)
	}
	return out
}

func one[T any, P rowOf[T]](s *Shop, t *table[T, P], id int) (v T, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := t.get(id)
	if r == nil {
		return v, false
	}
	return *r, true
}

// Order returns an order as it stands in the shop; ok says whether it is there.
func (s *Shop) Order(id int) (o Order, ok bool) { return one(s, &s.orders, id) }

// Items returns the rows of an order.
func (s *Shop) Items(order int) []OrderItem { return copied(s, &s.items, order) }

// Notes returns the remarks on an order, oldest first.
func (s *Shop) Notes(order int) []Note { return copied(s, &s.notes, order) }

// Shipments returns the parcels of an order.
func (s *Shop) Shipments(order int) []Shipment { return copied(s, &s.shipments, order) }

// ShipmentItems returns what a parcel holds.
func (s *Shop) ShipmentItems(shipment int) []ShipmentItem { return copied(s, &s.parcels, shipment) }

// Attributes returns the generic attributes of a row of a table, such as Order.
func (s *Shop) Attributes(table string, id int) []Attribute {
	return slices.DeleteFunc(copied(s, &s.attributes, id), func(a Attribute) bool { return text(a.KeyGroup) != table })
}

// Customer returns an account; ok says whether it is there.
func (s *Shop) Customer(id int) (c Customer, ok bool) { return one(s, &s.customers, id) }

// Address returns an address; ok says whether it is there.
func (s *Shop) Address(id int) (a Address, ok bool) { return one(s, &s.addresses, id) }

// Product returns a product; ok says whether it is there.
func (s *Shop) Product(id int) (p Product, ok bool) { return one(s, &s.products, id) }

// Combinations returns the combinations of a product.
func (s *Shop) Combinations(product int) []Combination { return copied(s, &s.combinations, product) }

// Inventory returns what of a product lies in its warehouses.
func (s *Shop) Inventory(product int) []Inventory { return copied(s, &s.inventories, product) }

// StockChanges returns the stock history of a product, oldest first.
func (s *Shop) StockChanges(product int) []StockChange { return copied(s, &s.stockChanges, product) }

// Return returns a return request; ok says whether it is there.
func (s *Shop) Return(id int) (r ReturnRequest, ok bool) { return one(s, &s.returns, id) }

// RecurringPayments returns the subscriptions that an order started.
func (s *Shop) RecurringPayments(order int) (out []RecurringPayment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.recurring.rows {
		if p.InitialOrderID == order {
			out = append(out, *p)
		}
	}
	return out
}
