package magentotest

import "strings"

// serveOrderSave is the raw save of an order: only what is sent is stored, and the
// answer shows nulls for the rest (REC 165-170, 351). Without an id it makes an order as
// sent, with nothing computed and nothing reserved (REC 303).
func (s *Shop) serveOrderSave(r *request) (any, *failure) {
	body, _ := r.body.(obj)
	entity, ok := body["entity"].(obj)
	if !ok {
		return nil, missingField("entity")
	}
	if entity["entity_id"] == nil {
		return s.makeOrder(r, entity)
	}
	o := s.order(integer(entity["entity_id"]))
	if o == nil {
		return nil, invalid("Please provide payment for the order.")
	}
	payment, changed := o.payment, false
	write := func(name string, v any) {
		changed = changed || text(o.plain[name]) != text(v)
		o.plain[name] = v
	}
	known := s.renderOrder(o)
	for name, v := range entity {
		switch _, shown := known[name]; {
		case name == "entity_id":
		case name == "payment":
			in, _ := v.(obj)
			payment = s.savePayment(o, in)
		case name == "state":
			changed = changed || o.state != text(v)
			o.state = text(v)
		case name == "status":
			changed = changed || o.status != text(v)
			o.status = text(v)
		case isScalar(v) && (o.plain[name] != nil || notOnEveryOrder[name]):
			write(name, v)
		case shown: // an amount or a list, which this shop keeps as it is
		default:
			return nil, s.internal()
		}
	}
	if changed {
		s.touch(o)
	}
	full := s.renderOrder(o)
	out := obj{"base_grand_total": nil, "grand_total": nil, "base_total_due": 0, "total_due": 0, "customer_email": nil}
	for _, name := range []string{"entity_id", "created_at", "updated_at", "billing_address_id", "items", "billing_address", "payment", "status_histories"} {
		if v, ok := full[name]; ok {
			out[name] = v
		}
	}
	for name := range entity {
		out[name] = full[name]
	}
	if &payment != &o.payment && entity["payment"] != nil {
		out["payment"] = payment
	}
	return out, nil
}

// notOnEveryOrder are fields of an order that an ERP may set.
var notOnEveryOrder = map[string]bool{"ext_order_id": true, "ext_customer_id": true, "customer_note": true, "customer_taxvat": true,
	"customer_prefix": true, "customer_middlename": true, "customer_suffix": true, "customer_dob": true, "customer_gender": true,
	"coupon_code": true, "x_forwarded_for": true, "email_sent": true, "original_increment_id": true, "edit_increment": true}

func isScalar(v any) bool {
	switch v.(type) {
	case obj, []any:
		return false
	}
	return true
}

// savePayment stores a payment. Without the id of the order's own it becomes a second
// one, which nothing shows but the answer (REC 170, 171).
func (s *Shop) savePayment(o *order, in obj) obj {
	out := obj{"parent_id": o.id, "entity_id": o.payment["entity_id"]}
	same := integer(in["entity_id"]) == integer(o.payment["entity_id"])
	if !same {
		out["entity_id"] = s.next("payment")
	}
	for name, v := range in {
		if name != "entity_id" && name != "parent_id" {
			out[name] = v
		}
	}
	if same {
		for name, v := range out {
			o.payment[name] = v
		}
		return o.payment
	}
	return out
}

// makeOrder stores an order as it is sent and answers with little more.
func (s *Shop) makeOrder(r *request, entity obj) (any, *failure) {
	payment, ok := entity["payment"].(obj)
	if !ok {
		return nil, invalid("Please provide payment for the order.")
	}
	st := s.stores[0]
	switch id := integer(entity["store_id"]); {
	case id != 0:
		st = s.storeByID(id)
	case r.store.ID != 0:
		st = r.store
	}
	now := s.now()
	o := &order{id: s.next("order"), store: st, created: now, updated: now, state: text(entity["state"]), status: text(entity["status"]),
		plain: obj{"protect_code": s.text(32)}, sums: sums{}, paid: sums{}, extension: obj{}, addressID: map[string]int64{}, bare: true}
	if o.number = text(entity["increment_id"]); o.number == "" {
		o.number = s.nextNumber("order", st)
	}
	sent := obj{}
	for name, v := range entity {
		sent[name] = v
	}
	o.sums = takeSums(sent)
	rows, _ := entity["items"].([]any)
	shown := []any{}
	for _, row := range rows {
		row, _ := row.(obj)
		shown = append(shown, s.makeRow(o, row))
	}
	for name, v := range sent {
		if isScalar(v) && v != nil && name != "state" && name != "status" && name != "increment_id" {
			o.plain[name] = v
		}
	}
	if a, ok := entity["billing_address"].(obj); ok {
		a["entity_id"], a["parent_id"] = s.next("address"), o.id
		o.addressID["billing_address_id"] = integer(a["entity_id"])
		o.addresses = append(o.addresses, a)
	}
	o.payment = payment
	payment["entity_id"], payment["parent_id"] = s.next("payment"), o.id
	s.add(o)

	out := obj{}
	full := s.renderOrder(o)
	for _, name := range []string{"entity_id", "increment_id", "billing_address_id", "billing_address", "payment", "created_at", "updated_at", "protect_code",
		"store_name", "total_item_count", "status_histories", "total_due", "base_total_due"} {
		if v, ok := full[name]; ok {
			out[name] = v
		}
	}
	for name, v := range entity {
		if isScalar(v) && v != nil {
			out[name] = v
		}
	}
	out["items"] = shown
	return out, nil
}

// makeRow stores a row as it is sent, and returns how the answer shows it.
func (s *Shop) makeRow(o *order, row obj) obj {
	shown := obj{"row_total": 0, "base_row_total": 0, "row_total_incl_tax": 0, "base_row_total_incl_tax": 0, "original_price": row["price"]}
	for name, v := range row {
		shown[name] = v
	}
	// What is not sent is null, or the zero that the table has for it.
	i := &item{id: s.next("item"), kind: text(row["product_type"]), plain: obj{"row_weight": 0, "original_price": row["price"]}, percent: new(dec)}
	i.ordered, _ = parseDec(text(row["qty_ordered"]))
	i.sums = takeSums(row)
	for _, name := range []string{"row_total", "tax_amount", "discount_amount", "row_invoiced", "tax_invoiced", "discount_invoiced", "amount_refunded"} {
		if _, sent := i.sums[name]; !sent {
			i.sums[name] = pair{}
		}
	}
	for name, v := range row {
		if isScalar(v) && name != "qty_ordered" && !strings.HasSuffix(name, "_id") {
			i.plain[name] = v
		}
	}
	o.items = append(o.items, i)
	shown["item_id"], shown["order_id"] = i.id, o.id
	shown["created_at"], shown["updated_at"] = stamp(o.created), stamp(o.updated)
	return shown
}
