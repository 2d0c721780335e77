package erptest

import (
	"slices"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// Fault makes a call of a Memory fail.
type Fault struct {
	Op    string // the method: "CreateOrder"; empty = every method
	Times int    // how often; 0 = until Clear
	// AfterEffect lets the call take effect before it fails: the answer is lost.
	AfterEffect bool
}

// Fail adds a fault.
func (m *Memory) Fail(f Fault) {
	m.state.mu.Lock()
	defer m.state.mu.Unlock()
	m.state.faults = append(m.state.faults, f)
}

// Clear removes all faults.
func (m *Memory) Clear() {
	m.state.mu.Lock()
	defer m.state.mu.Unlock()
	m.state.faults = nil
}

func (s *memory) fault(op string) (Fault, bool) {
	for i := range s.faults {
		f := s.faults[i]
		if f.Op != "" && f.Op != op {
			continue
		}
		if f.Times > 0 {
			if s.faults[i].Times--; s.faults[i].Times == 0 {
				s.faults = slices.Delete(s.faults, i, i+1)
			}
		}
		return f, true
	}
	return Fault{}, false
}

// Calls returns how often each method was called.
func (m *Memory) Calls() map[string]int {
	m.state.mu.Lock()
	defer m.state.mu.Unlock()
	out := make(map[string]int, len(m.state.calls))
	for op, n := range m.state.calls {
		out[op] = n
	}
	return out
}

// Orders returns all orders of all companies, oldest first: the view of an auditor.
func (m *Memory) Orders() []erp.Order {
	m.state.mu.Lock()
	defer m.state.mu.Unlock()
	out := make([]erp.Order, len(m.state.orders))
	for i, o := range m.state.orders {
		out[i] = o.Order
	}
	return out
}

// Written returns what was asked for when the order under a key was made, the one
// that counts where there are several.
func (m *Memory) Written(key string) (erp.NewOrder, bool) {
	m.state.mu.Lock()
	defer m.state.mu.Unlock()
	var found *memoryOrder
	for _, o := range m.state.orders {
		if o.Key == key && (found == nil || found.State == erp.Cancelled) {
			found = o
		}
	}
	if found == nil {
		return erp.NewOrder{}, false
	}
	return found.new, true
}

// Entries returns all journal entries, oldest first.
func (m *Memory) Entries() []erp.Entry {
	m.state.mu.Lock()
	defer m.state.mu.Unlock()
	out := make([]erp.Entry, len(m.state.entries))
	for i, e := range m.state.entries {
		out[i] = e.Entry
	}
	return out
}

// Close closes all periods up to the end of a day, or, with an earlier one, opens them again.
func (m *Memory) Close(day commerce.Date) {
	m.state.mu.Lock()
	defer m.state.mu.Unlock()
	m.state.c.Closed = day
}

// SetStock says how much there is of a SKU; below nought = it never runs out.
func (m *Memory) SetStock(sku string, quantity int64) {
	m.state.mu.Lock()
	defer m.state.mu.Unlock()
	if quantity < 0 {
		delete(m.state.stock, sku)
		return
	}
	m.state.stock[sku] = quantity
}

// Duplicate makes a second draft under the key of an order, as a late twin of a
// create would. It returns its ref.
func (m *Memory) Duplicate(ref commerce.Ref) (commerce.Ref, error) {
	m.state.mu.Lock()
	defer m.state.mu.Unlock()
	o, err := m.order("duplicate "+ref.ID, ref)
	if err != nil {
		return commerce.Ref{}, err
	}
	twin := *o
	twin.Ref = ref.With("order/" + m.state.id())
	twin.State, twin.Number, twin.Delivery, twin.reserved, twin.fixed = erp.Draft, "", erp.NothingToDeliver, map[int]bool{}, false
	m.state.orders = append(m.state.orders, &twin)
	return twin.Ref, nil
}

// Ship sends what an order has still to get of the SKUs named, or everything, in
// one shipment with these parcels. It is what the people in the warehouse do.
func (m *Memory) Ship(ref commerce.Ref, parcels []commerce.Parcel, skus ...string) (commerce.Shipment, error) {
	s := m.state
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := m.order("ship "+ref.ID, ref)
	if err != nil {
		return commerce.Shipment{}, err
	}
	if o.State != erp.Confirmed {
		return commerce.Shipment{}, m.fail(commerce.KindConflict, commerce.NotSent, "ship "+ref.ID, "the order is %s", o.State)
	}
	id := s.id()
	sent := commerce.Shipment{Ref: ref.With("shipment/" + id), Number: "OUT" + id, Order: ref, Key: o.Key,
		Sent: s.c.Now().UTC().Truncate(time.Microsecond), Parcels: slices.Clone(parcels)}
	open := 0
	for i, l := range o.new.Lines {
		if !s.products[l.SKU].Stocked || o.shipped(s, i) {
			continue
		}
		if len(skus) > 0 && !slices.Contains(skus, l.SKU) {
			open++
			continue
		}
		sent.Lines = append(sent.Lines, commerce.ShipmentLine{OrderLine: o.lineID(i), SKU: l.SKU, Quantity: l.Quantity})
	}
	if len(sent.Lines) == 0 {
		return commerce.Shipment{}, m.fail(commerce.KindConflict, commerce.NotSent, "ship "+ref.ID, "nothing is left to send")
	}
	o.Delivery = erp.DeliveryFull
	if open > 0 {
		o.Delivery = erp.DeliveryPartial
	}
	if s.c.InvoicesShipments {
		m.draft(o, false, func(l erp.OrderLine) bool {
			return slices.ContainsFunc(sent.Lines, func(x commerce.ShipmentLine) bool { return x.SKU == l.SKU })
		})
	}
	s.touch(o)
	s.changes++
	s.shipments = append(s.shipments, &memoryShipment{Shipment: sent, company: o.company, change: s.changes})
	return sent, nil
}

// Fix makes an order one that is not cancelled any more, as people do who pack its
// goods or post its invoice.
func (m *Memory) Fix(ref commerce.Ref) error {
	m.state.mu.Lock()
	defer m.state.mu.Unlock()
	o, err := m.order("fix "+ref.ID, ref)
	if err != nil {
		return err
	}
	o.fixed = true
	m.state.touch(o)
	return nil
}

// TakeBack drafts a credit note over the whole invoice of an order, as an ERP does of
// goods that came back.
func (m *Memory) TakeBack(ref commerce.Ref) error {
	m.state.mu.Lock()
	defer m.state.mu.Unlock()
	for _, i := range m.invoicesOf(ref) {
		if i.State == erp.InvoiceDraft || !i.CreditOf.IsZero() {
			continue
		}
		note, err := m.toCredit("take back "+ref.ID, erp.NewCreditNote{Invoice: i.Ref})
		if err != nil {
			return err
		}
		m.state.invoices = append(m.state.invoices, note)
		return nil
	}
	return m.fail(commerce.KindNotFound, commerce.NotSent, "take back "+ref.ID, "nothing is invoiced")
}

// Refuse makes the warehouse cancel what is still to be sent.
func (m *Memory) Refuse(ref commerce.Ref) error {
	m.state.mu.Lock()
	defer m.state.mu.Unlock()
	o, err := m.order("refuse "+ref.ID, ref)
	if err != nil {
		return err
	}
	o.refused, o.Delivery = true, erp.DeliveryFailed
	m.state.touch(o)
	return nil
}
