package magentotest

import "time"

// Fill places n orders that are alike but for ids, number and date: the first at first,
// each further one step later, none of them changed since. It returns the id of the
// first; the others follow. Until something is done to one of them it takes a few
// hundred bytes, so that a shop may hold 100,000. An error is of kind invalid and names
// the field of NewOrder.
func (s *Shop) Fill(n int, like NewOrder, first time.Time, step time.Duration) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n < 1 {
		return 0, placeError("%d orders are none", n)
	}
	like.Number = ""
	o, err := s.place(like)
	if err != nil {
		return 0, err
	}
	s.index = nil
	at := ids{order: o.id, item: o.items[0].id, address: integer(o.addresses[0]["entity_id"]), payment: integer(o.payment["entity_id"])}
	for k := range n {
		made := first.Add(time.Duration(k) * step).UTC().Truncate(time.Second)
		row := &order{like: o, ids: at, id: at.order, number: o.number, store: o.store, state: o.state, status: o.status,
			created: made, updated: made, virtual: o.virtual}
		if k > 0 {
			row.number = s.nextNumber("order", o.store)
		}
		s.orders = append(s.orders, row)
		at.order++
		at.item += int64(len(o.items))
		at.address += int64(len(o.addresses))
		at.payment++
	}
	s.ids["order"], s.ids["item"], s.ids["address"], s.ids["payment"] = at.order-1, at.item-1, at.address-1, at.payment-1
	return o.id, nil
}

// ids are where the numbers of an order that is like another one begin.
type ids struct{ order, item, address, payment int64 }

// whole returns an order with everything in it; one that is like another one as a copy.
func (o *order) whole() *order {
	if o.like == nil {
		return o
	}
	c := o.like.copied()
	c.id, c.number, c.state, c.status, c.created, c.updated = o.id, o.number, o.state, o.status, o.created, o.updated
	named := map[int64]int64{}
	for n, i := range c.items {
		named[i.id] = o.ids.item + int64(n)
		i.id = named[i.id]
	}
	for _, t := range c.byItem {
		if t, ok := t.(obj); ok && t["item_id"] != nil {
			t["item_id"] = named[integer(t["item_id"])]
		}
	}
	for n, a := range c.addresses {
		id := o.ids.address + int64(n)
		for name, old := range c.addressID {
			if old == integer(a["entity_id"]) {
				c.addressID[name] = id
			}
		}
		a["entity_id"], a["parent_id"] = id, o.id
	}
	c.payment["entity_id"], c.payment["parent_id"] = o.ids.payment, o.id
	return c
}

// rows are the rows of an order to look at, whatever their ids.
func (o *order) rows() []*item {
	if o.like != nil {
		return o.like.items
	}
	return o.items
}

// Begin opens a transaction about an order, as when PHP saves it and goes on working:
// what is done to the order from now on bears the time at which it is done, and nobody
// sees it before commit. Reads and lists show the order as it was.
func (s *Shop) Begin(order int64) (commit func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.order(order)
	if o == nil {
		return func() {}
	}
	o.shown = o.copied()
	return s.commit(o)
}

// BeginPlace places an order within a transaction: nobody sees it before commit, and
// then it is dated when it was placed.
func (s *Shop) BeginPlace(n NewOrder) (order int64, commit func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.place(n)
	if err != nil {
		return 0, nil, err
	}
	o.unseen = true
	s.add(o)
	return o.id, s.commit(o), nil
}

func (s *Shop) commit(o *order) func() {
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		o.shown, o.unseen = nil, false
		s.stale = true
	}
}

// seen is an order as others see it; nil where they do not.
func (o *order) seen() *order {
	switch {
	case o == nil || o.unseen:
		return nil
	case o.shown != nil:
		return o.shown
	}
	return o
}
