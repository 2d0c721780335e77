package magentotest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// Load puts in an order as a real shop answered GET /V1/orders/{id}, in the place of
// one with the same entity id. It keeps what the shop models: rows with quantities and
// amounts, totals, addresses, payment, taxes and comments. Documents made before are
// known by the totals only. An error is of kind invalid.
func (s *Shop) Load(orderJSON []byte) error {
	d := json.NewDecoder(bytes.NewReader(orderJSON))
	d.UseNumber()
	var in obj
	if err := d.Decode(&in); err != nil {
		return commerce.Errorf(commerce.KindInvalid, "magentotest", "load order", "%w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := &order{
		id: integer(in["entity_id"]), number: text(in["increment_id"]), store: s.storeByID(integer(in["store_id"])),
		state: text(in["state"]), status: text(in["status"]), created: moment(in["created_at"]), updated: moment(in["updated_at"]),
		virtual: integer(in["is_virtual"]) == 1, plain: obj{}, extension: obj{}, payment: obj{}, addressID: map[string]int64{},
	}
	_, sent := in["is_virtual"]
	o.bare = !sent
	if o.id == 0 {
		return commerce.Errorf(commerce.KindInvalid, "magentotest", "load order", "it has no entity_id")
	}
	o.sums = takeSums(in)
	for _, name := range []string{"entity_id", "increment_id", "store_id", "state", "status", "created_at", "updated_at", "is_virtual", "store_name", "total_item_count",
		"base_currency_code", "store_currency_code", "global_currency_code", "store_to_base_rate", "store_to_order_rate"} {
		delete(in, name)
	}
	delete(o.sums, "total_due")
	rows, _ := in["items"].([]any)
	byID := map[int64]*item{}
	for _, row := range rows {
		if row, ok := row.(obj); ok {
			i := loadItem(row, byID)
			byID[i.id] = i
			o.items = append(o.items, i)
			s.ids["item"] = max(s.ids["item"], i.id)
			s.ids["quote_item"] = max(s.ids["quote_item"], integer(i.plain["quote_item_id"]))
		}
	}
	for _, i := range o.items {
		if i.kind == "bundle" {
			i.fixed = true
			for _, c := range i.children {
				if c.sums["row_total"].base != 0 {
					i.fixed, i.separate = false, true
				}
			}
		}
	}
	if p, ok := in["payment"].(obj); ok {
		o.paid, o.payment = takeSums(p), p
	}
	if ext, ok := in["extension_attributes"].(obj); ok {
		o.extension = ext
		if l, ok := ext["shipping_assignments"].([]any); ok && len(l) > 0 {
			a, _ := l[0].(obj)
			sh, _ := a["shipping"].(obj)
			if a, ok := sh["address"].(obj); ok {
				o.addresses = append(o.addresses, a)
				o.addressID["shipping_address_id"] = integer(a["entity_id"])
			}
			o.method = text(sh["method"])
		}
		o.info, _ = ext["payment_additional_info"].([]any)
		o.applied, _ = ext["applied_taxes"].([]any)
		o.byItem, _ = ext["item_applied_taxes"].([]any)
		for _, name := range []string{"shipping_assignments", "payment_additional_info", "applied_taxes", "item_applied_taxes"} {
			delete(ext, name)
		}
	}
	if a, ok := in["billing_address"].(obj); ok {
		o.addresses = append(o.addresses, a)
	}
	o.addressID["billing_address_id"] = integer(in["billing_address_id"])
	delete(in, "billing_address_id")
	s.loadComments(o.id, in["status_histories"])
	for name, v := range in {
		switch v.(type) {
		case string:
			o.plain[name] = v
		case json.Number:
			d, err := parseDec(text(v))
			if err == nil {
				o.plain[name] = d
			}
		}
	}
	_, o.refunded = o.sums["total_refunded"]
	for _, a := range o.addresses {
		s.ids["address"] = max(s.ids["address"], integer(a["entity_id"]))
	}
	s.ids["quote"] = max(s.ids["quote"], integer(in["quote_id"]))
	s.ids["payment"] = max(s.ids["payment"], integer(o.payment["entity_id"]))
	s.ids["order"] = max(s.ids["order"], o.id)
	if n, err := strconv.ParseInt(strings.TrimPrefix(o.number, o.store.Prefix), 10, 64); err == nil {
		key := "order/" + o.store.Code
		s.numbers[key] = max(s.numbers[key], n)
	}
	s.index = nil
	at := 0
	for at < len(s.orders) && s.orders[at].id < o.id {
		at++
	}
	if at < len(s.orders) && s.orders[at].id == o.id {
		s.orders[at] = o
		return nil
	}
	s.orders = append(s.orders[:at], append([]*order{o}, s.orders[at:]...)...)
	return nil
}

func loadItem(row obj, byID map[int64]*item) *item {
	i := &item{id: integer(row["item_id"]), kind: text(row["product_type"]), virtual: integer(row["is_virtual"]) == 1, plain: obj{}}
	i.parent = byID[integer(row["parent_item_id"])]
	if i.parent != nil {
		i.parent.children = append(i.parent.children, i)
	}
	for name, into := range map[string]*dec{"qty_ordered": &i.ordered, "qty_invoiced": &i.invoiced, "qty_shipped": &i.shipped,
		"qty_refunded": &i.refunded, "qty_canceled": &i.canceled} {
		*into, _ = parseDec(text(row[name]))
		delete(row, name)
	}
	if p, ok := row["tax_percent"]; ok {
		d, _ := parseDec(text(p))
		i.percent = &d
	}
	i.sums = takeSums(row)
	// Orders show a row after its discount and never below nought; it is stored before.
	shown := i.sums["row_total"]
	if gross, ok := i.sums["row_total_incl_tax"]; ok {
		shown = gross.sub(i.sums["tax_amount"]).sub(i.sums["discount_tax_compensation_amount"])
	}
	i.sums["row_total"] = shown.add(i.sums["discount_amount"])
	if p, ok := i.sums["price_incl_tax"]; ok {
		i.sums["row_total_incl_tax"] = p.part(i.ordered, one)
	}
	if w, ok := row["weight"]; ok {
		d, _ := parseDec(text(w))
		i.weight = &d
	}
	for name, v := range row {
		switch name {
		case "item_id", "order_id", "product_type", "is_virtual", "store_id", "parent_item_id", "parent_item", "tax_percent", "weight", "created_at", "updated_at",
			"free_shipping", "is_qty_decimal", "no_discount":
		default:
			i.plain[name] = v
		}
	}
	return i
}

func (s *Shop) loadComments(order int64, list any) {
	s.comments = slices.DeleteFunc(s.comments, func(c *comment) bool { return c.order == order })
	l, _ := list.([]any)
	for n := len(l) - 1; n >= 0; n-- { // newest first
		h, ok := l[n].(obj)
		if !ok {
			continue
		}
		c := &comment{id: integer(h["entity_id"]), order: order, about: text(h["entity_name"]), status: text(h["status"]), created: moment(h["created_at"]),
			notified: integer(h["is_customer_notified"]) == 1, visible: integer(h["is_visible_on_front"]) == 1}
		if t, ok := h["comment"].(string); ok {
			c.text = &t
		}
		s.ids["comment"] = max(s.ids["comment"], c.id)
		s.comments = append(s.comments, c)
	}
}

// takeSums takes every amount that has a base beside it out of an object.
func takeSums(in obj) sums {
	out := sums{}
	for name, v := range in {
		if strings.HasPrefix(name, "base_") || strings.HasSuffix(name, "_rate") {
			continue
		}
		n, ok1 := v.(json.Number)
		b, ok2 := in[baseName(name)].(json.Number)
		if !ok1 || !ok2 {
			continue
		}
		order, err1 := parseDec(n.String())
		base, err2 := parseDec(b.String())
		if err1 == nil && err2 == nil {
			out[name] = pair{base, order}
		}
	}
	for name := range out {
		delete(in, name)
		delete(in, baseName(name))
	}
	return out
}

func integer(v any) int64 {
	d, err := parseDec(text(v))
	if err != nil {
		return 0
	}
	return int64(d / one)
}

func moment(v any) time.Time {
	t, _ := time.Parse(timeLayout, text(v))
	return t
}
