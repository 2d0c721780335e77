package magentotest

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/commercesync/commerce"
)

// Admin is a person who works in the shop's admin: what is done there obeys the same
// rules as the API, moves updated_at as it was measured to, and sends nothing to anybody.
type Admin struct{ s *Shop }

// Admin returns a person in the admin. Errors of the methods are of kind invalid and
// hold the shop's words.
func (s *Shop) Admin() Admin { return Admin{s} }

// do carries out a service as if it were called, without rights or a request.
func (a Admin) do(what string, id int64, serve func(*Shop, *request) (any, *failure), body obj) (any, error) {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	return a.locked(what, id, serve, body)
}

func (a Admin) locked(what string, id int64, serve func(*Shop, *request) (any, *failure), body obj) (any, error) {
	if body == nil {
		body = obj{}
	}
	got, f := serve(a.s, &request{id: id, body: body})
	switch {
	case f != nil:
		return nil, adminError(what, id, f.message)
	case got == false:
		return nil, adminError(what, id, "the shop says that it was not done")
	}
	return got, nil
}

func adminError(what string, id int64, words string) error {
	return commerce.Errorf(commerce.KindInvalid, "magentotest", fmt.Sprintf("%s %d", what, id), "%s", words)
}

// made reads the id of what a service made.
func made(got any, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return integer(got), nil
}

// Hold holds an order. It moves updated_at.
func (a Admin) Hold(order int64) error {
	_, err := a.do("hold order", order, (*Shop).serveHold, nil)
	return err
}

// Unhold lets an order go on. It moves updated_at.
func (a Admin) Unhold(order int64) error {
	_, err := a.do("unhold order", order, (*Shop).serveUnhold, nil)
	return err
}

// Cancel cancels what is open of an order. It moves updated_at.
func (a Admin) Cancel(order int64) error {
	_, err := a.do("cancel order", order, (*Shop).serveCancel, nil)
	return err
}

// Invoice invoices quantities by row, nil = all that is left, for money that arrived in
// another way. It moves updated_at.
func (a Admin) Invoice(order int64, rows map[int64]string) (invoice int64, err error) {
	return made(a.do("invoice order", order, (*Shop).serveInvoice, obj{"items": quantities(rows)}))
}

// Ship ships quantities by row, nil = all that is left. It moves updated_at only where
// it completes the order.
func (a Admin) Ship(order int64, rows map[int64]string) (shipment int64, err error) {
	return made(a.do("ship order", order, (*Shop).serveShip, obj{"items": quantities(rows)}))
}

// Refund makes a credit memo over quantities by row, nil = all that is left, without
// shipping where rows are named. No money moves. It moves updated_at.
func (a Admin) Refund(order int64, rows map[int64]string) (memo int64, err error) {
	body := obj{"items": quantities(rows)}
	if rows != nil {
		body["arguments"] = obj{"shipping_amount": dec(0)}
	}
	return made(a.do("refund order", order, (*Shop).serveRefund, body))
}

// Comment leaves a remark on an order with its present status. It moves nothing.
func (a Admin) Comment(order int64, text string) error {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	o, f := a.s.find(order)
	if f != nil {
		return adminError("comment on order", order, f.message)
	}
	_, err := a.locked("comment on order", order, (*Shop).serveComment, obj{"status_history": obj{"comment": text, "status": o.status}})
	return err
}

// Track adds a parcel to a shipment. It moves nothing.
func (a Admin) Track(shipment int64, number string) error {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	d := byID(a.s.shipments, shipment)
	if d == nil {
		return adminError("add track to shipment", shipment, errNotFound.message)
	}
	_, err := a.locked("add track to shipment", shipment, (*Shop).serveTrack, obj{"entity": obj{"order_id": d.order.id, "parent_id": d.id,
		"track_number": number, "title": "DHL", "carrier_code": "custom", "weight": dec(0), "qty": dec(0)}})
	return err
}

// Address writes an address of an order, "billing" or "shipping", over the one that it
// has. It moves nothing.
func (a Admin) Address(order int64, kind string, to Address) error {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	o, f := a.s.find(order)
	if f != nil {
		return adminError("change address of order", order, f.message)
	}
	at := o.address(kind)
	if at == nil {
		return adminError("change address of order", order, "it has no "+kind+" address")
	}
	last := len(o.addresses)
	a.s.address(o, to, kind, text(at["email"]), text(at["firstname"]), text(at["lastname"]))
	written := o.addresses[last]
	o.addresses = o.addresses[:last]
	written["entity_id"], o.addressID[kind+"_address_id"] = at["entity_id"], integer(at["entity_id"])
	o.addresses[slices.IndexFunc(o.addresses, func(x obj) bool { return x["address_type"] == kind })] = written
	return nil
}

// Edit edits an order as the admin does: the old one is cancelled, and a new one with
// what n says takes its place under the same number with -1, then -2 (REC 476-480). It
// returns the new one's id.
func (a Admin) Edit(order int64, n NewOrder) (replacement int64, err error) {
	s := a.s
	s.mu.Lock()
	defer s.mu.Unlock()
	old, f := s.find(order)
	switch {
	case f != nil:
		return 0, adminError("edit order", order, f.message)
	case !old.canCancel() || old.any(func(i *item) bool { return i.invoiced > 0 || i.shipped > 0 }):
		return 0, adminError("edit order", order, "it can not be edited in state "+old.state)
	}
	first := or(text(old.plain["original_increment_id"]), old.number)
	edits := integer(old.plain["edit_increment"]) + 1
	n.Store, n.Number = old.store.Code, first+"-"+strconv.FormatInt(edits, 10)
	o, err := s.place(n)
	if err != nil {
		return 0, err
	}
	if _, err := a.locked("cancel order", order, (*Shop).serveCancel, nil); err != nil {
		return 0, err
	}
	old.plain["relation_child_id"], old.plain["relation_child_real_id"] = strconv.FormatInt(o.id, 10), o.number
	o.plain["original_increment_id"], o.plain["edit_increment"] = first, edits
	o.plain["relation_parent_id"], o.plain["relation_parent_real_id"] = strconv.FormatInt(old.id, 10), old.number
	s.add(o)
	return o.id, nil
}

// Delete deletes an order with its documents, which Magento itself does not offer and
// modules do.
func (a Admin) Delete(id int64) error {
	s := a.s
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.row(id)
	if o == nil {
		return adminError("delete order", id, errNotFound.message)
	}
	s.orders = slices.DeleteFunc(s.orders, func(x *order) bool { return x == o })
	for _, docs := range []*[]*document{&s.invoices, &s.shipments, &s.memos} {
		*docs = slices.DeleteFunc(*docs, func(d *document) bool { return d.order == o })
	}
	s.index = nil
	return nil
}

func quantities(rows map[int64]string) []any {
	var out []any
	for id, qty := range rows {
		out = append(out, obj{"order_item_id": id, "qty": qty})
	}
	slices.SortFunc(out, func(a, b any) int { return int(a.(obj)["order_item_id"].(int64) - b.(obj)["order_item_id"].(int64)) })
	return out
}
