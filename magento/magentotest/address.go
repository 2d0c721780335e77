package magentotest

import (
	"fmt"
	"maps"
)

func (s *Shop) itemOf(id int64) (*order, *item) {
	for _, o := range s.orders {
		for _, i := range o.items {
			if i.id == id {
				return o, i
			}
		}
	}
	return nil, nil
}

// rowOf is a row and its order, for lists.
type rowOf struct {
	o *order
	i *item
}

func (r rowOf) render() any {
	out := r.i.render(r.o)
	if r.i.parent != nil {
		out["parent_item"] = r.i.parent.render(r.o)
	}
	return out
}

func rowColumn(r rowOf, name string) (any, bool) {
	if r.i == nil {
		r = rowOf{&order{}, &item{plain: obj{}}}
	}
	switch name {
	case "item_id":
		return number(r.i.id), true
	case "order_id":
		return number(r.o.id), true
	case "store_id":
		return number(r.o.store.ID), true
	case "sku", "name":
		return r.i.plain[name], true
	case "created_at":
		return stamp(r.o.created), true
	case "updated_at":
		return stamp(r.o.updated), true
	}
	return nil, false
}

func (s *Shop) serveItems(r *request) (any, *failure) {
	var rows []rowOf
	for _, o := range s.orders {
		for _, i := range o.items {
			rows = append(rows, rowOf{o, i})
		}
	}
	return list(s, r, rows, rowColumn, rowOf.render)
}

func (s *Shop) serveItem(r *request) (any, *failure) {
	o, i := s.itemOf(r.id)
	if i == nil {
		return nil, errNotFound
	}
	return rowOf{o, i}.render(), nil
}

// serveAddress saves an address as it is sent: without its id as another row, and with
// the id of another order's as one of this order (REC 503, 505).
func (s *Shop) serveAddress(r *request) (any, *failure) {
	body, _ := r.body.(obj)
	in, ok := body["entity"].(obj)
	if !ok {
		return nil, &failure{400, `"%fieldName" is required. Enter and try again.`, obj{"fieldName": "entity"}, nil, false}
	}
	o := s.order(r.id)
	street, _ := in["street"].([]any)
	whole := o != nil && len(street) > 0
	for _, name := range []string{"firstname", "lastname", "city", "telephone", "country_id", "address_type", "email"} {
		whole = whole && text(in[name]) != ""
	}
	if !whole {
		return nil, invalid("The order address couldn't be saved.")
	}
	saved := obj{}
	for name, v := range in {
		if v != nil {
			saved[name] = v
		}
	}
	saved["parent_id"] = r.id
	id := integer(in["entity_id"])
	if id == 0 {
		saved["entity_id"] = s.next("address")
		return saved, nil
	}
	for _, other := range s.orders {
		for _, a := range []*obj{&other.billing, &other.shipping} {
			if *a == nil || fmt.Sprint((*a)["entity_id"]) != fmt.Sprint(id) {
				continue
			}
			if *a = nil; other == o {
				*a = maps.Clone(saved)
			}
		}
	}
	if other := o.billing; other == nil && saved["address_type"] == "billing" {
		o.billing = maps.Clone(saved)
	}
	return saved, nil
}
