package magentotest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

func (s *Shop) itemOf(id int64) (*order, *item) {
	for _, o := range s.orders {
		if o.like != nil && id >= o.ids.item && id < o.ids.item+int64(len(o.rows())) {
			o = s.order(o.id)
		}
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
	case "product_id":
		return number(integer(r.i.plain[name])), true
	case "product_type":
		return r.i.kind, true
	case "parent_item_id":
		if r.i.parent == nil {
			return nil, true
		}
		return number(r.i.parent.id), true
	case "qty_ordered":
		return r.i.ordered, true
	case "qty_invoiced":
		return r.i.invoiced, true
	case "qty_shipped":
		return r.i.shipped, true
	case "qty_refunded":
		return r.i.refunded, true
	case "qty_canceled":
		return r.i.canceled, true
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
		o = o.whole()
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

// addressFields are the fields of an order's address.
var addressFields = strings.Fields("address_type city company country_id customer_address_id customer_id email entity_id extension_attributes fax firstname lastname " +
	"middlename parent_id postcode prefix region region_code region_id street suffix telephone vat_id vat_is_valid vat_request_date vat_request_id vat_request_success")

// resolveRegion sets the code of a region, which Magento reads from its id where that is
// of the country; else the region's text is shown in its place, whatever code was sent.
func resolveRegion(a obj) {
	c, known := countryOf(text(a["country_id"]))
	id := integer(a["region_id"])
	if id != 0 && !known {
		return // of a country whose regions this shop does not have
	}
	for _, r := range c.regions {
		if text(r["id"]) == strconv.FormatInt(id, 10) {
			a["region_code"] = r["code"]
			return
		}
	}
	if delete(a, "region_code"); text(a["region"]) != "" {
		a["region_code"] = a["region"]
	}
}

// serveAddress saves an address as it is sent: without its id as another row, and with
// the id of another order's as one of this order (REC 503, 505).
func (s *Shop) serveAddress(r *request) (any, *failure) {
	body, _ := r.body.(obj)
	in, ok := body["entity"].(obj)
	if !ok {
		return nil, missingField("entity")
	}
	for name := range in {
		if !slices.Contains(addressFields, name) {
			return nil, s.internal()
		}
	}
	o := s.order(r.id)
	street, _ := in["street"].([]any)
	whole := len(street) > 0
	for _, name := range []string{"firstname", "lastname", "city", "telephone", "country_id", "address_type", "email"} {
		whole = whole && text(in[name]) != ""
	}
	if !whole || o == nil {
		if whole && in["entity_id"] == nil {
			s.next("address") // taken before the database found that there is no such order (REC 508)
		}
		return nil, invalid("The order address couldn't be saved.")
	}
	saved := obj{}
	for name, v := range in {
		if v != nil {
			saved[name] = v
		}
	}
	saved["parent_id"] = r.id
	resolveRegion(saved)
	id := integer(in["entity_id"])
	if id == 0 {
		id = s.next("address")
		saved["entity_id"] = id
	}
	for _, other := range s.orders {
		other.addresses = slices.DeleteFunc(other.addresses, func(a obj) bool { return integer(a["entity_id"]) == id })
	}
	o.addresses = append(o.addresses, saved)
	slices.SortStableFunc(o.addresses, func(a, b obj) int { return cmp.Compare(integer(a["entity_id"]), integer(b["entity_id"])) })
	return saved, nil
}
