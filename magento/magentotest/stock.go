package magentotest

import (
	"slices"
	"strings"
)

// sourceItem is what lies of a sku at the source default. It may be of a sku that no
// product has (REC 092).
type sourceItem struct {
	sku string
	qty dec
	in  bool // in stock
}

func (s *Shop) source(sku string) *sourceItem {
	for _, i := range s.sources {
		if strings.EqualFold(i.sku, sku) {
			return i
		}
	}
	return nil
}

func (s *Shop) setSource(sku string, qty dec, in bool) {
	if i := s.source(sku); i != nil {
		i.qty, i.in = qty, in
		return
	}
	s.sources = append(s.sources, &sourceItem{sku, qty, in})
}

// salable is what lies at the source less what is ordered and neither shipped,
// cancelled nor given back to stock.
func (s *Shop) salable(p *product) dec {
	var left dec
	if i := s.source(p.sku); i != nil && i.in {
		left = i.qty
	}
	for _, o := range s.orders {
		for _, i := range o.rows() {
			if len(i.children) == 0 && strings.EqualFold(text(i.plain["sku"]), p.sku) {
				left += i.freed - max(0, i.ordered-i.canceled-i.taken-i.returned)
			}
		}
	}
	return left
}

// take takes a shipped quantity of a row, or of its children, from the source.
func (s *Shop) take(i *item, qty dec) {
	for _, c := range i.children {
		s.take(c, c.share(qty))
	}
	if len(i.children) == 0 {
		i.taken += qty
		if at := s.source(text(i.plain["sku"])); at != nil {
			at.qty -= qty
		}
	}
}

// giveBack returns a refunded quantity to stock: what was not shipped is free again,
// and the rest lies at the source again.
func (s *Shop) giveBack(i *item, qty dec) {
	for _, c := range i.children {
		s.giveBack(c, c.share(qty))
	}
	if len(i.children) == 0 {
		free := min(qty, max(0, i.ordered-i.canceled-i.taken-i.returned))
		i.returned += free
		if at := s.source(text(i.plain["sku"])); at != nil {
			at.qty += qty - free
		}
	}
}

// writeOff takes what was refunded and neither shipped nor given back to stock: it is
// gone from the source, as if it had been sent (REC 242).
func (s *Shop) writeOff(i *item, refunded dec) {
	for _, c := range i.children {
		s.writeOff(c, c.share(refunded))
	}
	if left := refunded - i.taken - i.returned; len(i.children) == 0 && left > 0 {
		s.take(i, left)
	}
}

// stockItem is the older view of a product's stock: the source default, and settings
// that are the shop's own.
func (s *Shop) stockItem(p *product) obj {
	out := obj{"item_id": p.id, "product_id": p.id, "stock_id": 1, "qty": dec(0), "is_in_stock": false, "is_qty_decimal": false,
		"show_default_notification_message": false, "use_config_min_qty": true, "min_qty": 0, "use_config_min_sale_qty": 1, "min_sale_qty": 1,
		"use_config_max_sale_qty": true, "max_sale_qty": 10000, "use_config_backorders": true, "backorders": 0,
		"use_config_notify_stock_qty": true, "notify_stock_qty": 1, "use_config_qty_increments": true, "qty_increments": 0,
		"use_config_enable_qty_inc": true, "enable_qty_increments": false, "use_config_manage_stock": true, "manage_stock": true,
		"low_stock_date": nil, "is_decimal_divided": false, "stock_status_changed_auto": 0}
	if i := s.source(p.sku); i != nil {
		out["qty"], out["is_in_stock"] = i.qty, i.in
	}
	return out
}

// saveStock stores a stock item's quantity and whether it is in stock.
func (s *Shop) saveStock(p *product, in obj) {
	i := s.source(p.sku)
	if i == nil {
		s.setSource(p.sku, 0, false)
		i = s.source(p.sku)
	}
	if v, ok := in["qty"]; ok {
		i.qty, _ = parseDec(text(v))
	}
	if v, ok := in["is_in_stock"]; ok {
		i.in = v == true || integer(v) == 1
	}
}

// serveStockItemSave writes the source default, whatever the item id, and takes less
// than nothing (REC 244, 246).
func (s *Shop) serveStockItemSave(r *request) (any, *failure) {
	body, _ := r.body.(obj)
	in, ok := body["stock_item"].(obj)
	if !ok {
		return nil, missingField("stockItem")
	}
	p := s.product(r.key)
	if p == nil {
		return nil, &failure{status: 404, message: `The Product with the "%1" SKU doesn't exist.`, parameters: []any{r.key}}
	}
	s.saveStock(p, in)
	return p.id, nil
}

func (s *Shop) serveStockItem(r *request) (any, *failure) {
	p := s.product(r.key)
	if p == nil {
		return nil, &failure{status: 404, message: `The Product with the "%1" SKU doesn't exist.`, parameters: []any{r.key}}
	}
	return s.stockItem(p), nil
}

// serveSalable answers an unknown sku as PHP does when it falls over (REC 097).
func (s *Shop) serveSalable(r *request) (any, *failure) {
	p := s.product(r.key)
	if p == nil {
		return nil, errPHP
	}
	return s.salable(p), nil
}

func (s *Shop) serveIsSalable(r *request) (any, *failure) {
	p := s.product(r.key)
	return p != nil && s.salable(p) > 0, nil
}

func (s *Shop) serveSourceItems(r *request) (any, *failure) {
	return list(s, r, s.sources, func(i *sourceItem, name string) (any, bool) {
		if i == nil {
			i = &sourceItem{}
		}
		switch name {
		case "sku":
			return i.sku, true
		case "source_code":
			return "default", true
		case "quantity":
			return i.qty, true
		case "status":
			return number(int64(digit(i.in))), true
		}
		return nil, false
	}, func(i *sourceItem) any {
		return obj{"sku": i.sku, "source_code": "default", "quantity": i.qty, "status": digit(i.in)}
	})
}

// serveSourceItemsSave stores all or nothing (REC 090-093).
func (s *Shop) serveSourceItemsSave(r *request) (any, *failure) {
	body, _ := r.body.(obj)
	rows, ok := body["source_items"].([]any)
	if !ok {
		return nil, missingField("sourceItems")
	}
	var wrong []any
	first := ""
	refuse := func(field, words string) {
		if first == "" {
			first = `"` + field + `" ` + words
		}
		wrong = append(wrong, obj{"message": `"%field" ` + words, "parameters": obj{"field": field}})
	}
	for _, row := range rows {
		in, _ := row.(obj)
		if text(in["sku"]) == "" {
			refuse("sku", "can not be empty.")
		}
		if text(in["source_code"]) == "" {
			refuse("source_code", "can not be empty.")
		}
		if _, err := parseDec(text(in["quantity"])); err != nil {
			refuse("quantity", "should be numeric.")
		}
		if status := text(in["status"]); status != "0" && status != "1" {
			refuse("status", "should a known status.")
		}
	}
	if wrong != nil {
		return nil, &failure{status: 400, message: "Validation Failed: " + first, errors: wrong}
	}
	if slices.ContainsFunc(rows, func(row any) bool { return text(row.(obj)["source_code"]) != "default" }) {
		return nil, invalid("Could not save Source Item")
	}
	for _, row := range rows {
		in := row.(obj)
		qty, _ := parseDec(text(in["quantity"]))
		s.setSource(text(in["sku"]), qty, text(in["status"]) == "1")
	}
	return []any{}, nil
}

func (s *Shop) serveSources(*request) (any, *failure) {
	return obj{"items": []any{obj{"source_code": "default", "name": "Default Source", "enabled": true, "description": "Default Source",
		"latitude": 0, "longitude": 0, "country_id": "US", "postcode": "00000", "use_default_carrier_config": true, "carrier_links": []any{},
		"extension_attributes": obj{"is_pickup_location_active": false, "frontend_name": ""}}},
		"search_criteria": obj{"filter_groups": []any{}}, "total_count": 1}, nil
}

// stock is the one that every shop has, for all websites.
func (s *Shop) stock() obj {
	var channels []any
	for _, w := range once(s.stores, func(s Store) string { return s.Website }) {
		channels = append(channels, obj{"type": "website", "code": w.Website})
	}
	return obj{"stock_id": 1, "name": "Default Stock", "extension_attributes": obj{"sales_channels": channels}}
}

func (s *Shop) serveStocks(*request) (any, *failure) { return all([]obj{s.stock()}), nil }

func (s *Shop) serveStockOfWebsite(r *request) (any, *failure) {
	for _, st := range s.stores {
		if st.Website == r.key {
			return s.stock(), nil
		}
	}
	return nil, &failure{status: 404, message: "No linked stock found"}
}
