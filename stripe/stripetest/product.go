package stripetest

import (
	"math/big"
	"slices"
)

var productParams = []string{"active", "name", "description", "images", "metadata", "shippable", "statement_descriptor", "tax_code", "unit_label", "url", "expand"}

func (f *Fake) createProduct(q *request) (object, *problem) {
	if p := q.form.only(append(productParams, "id")...); p != nil {
		return nil, p
	}
	if p := q.required("name"); p != nil {
		return nil, p
	}
	if id := q.form.get("id"); id != "" {
		if _, ok := f.of("product").get(id); ok {
			return nil, badParam("id", "resource_already_exists", "Product already exists.")
		}
	}
	r, p := f.newProduct(q)
	if p != nil {
		return nil, p
	}
	if _, p := q.apply(r.m); p != nil {
		return nil, p
	}
	f.emitRecord(q, "product.created", r, nil)
	return f.shown(q, r), nil
}

func (f *Fake) newProduct(q *request) (*record, *problem) {
	if _, p := q.form.metadata("metadata", nil); p != nil {
		return nil, p
	}
	return f.note(q, "product", "prod_", nulls("default_price description package_dimensions shippable statement_descriptor tax_code unit_label url", object{
		"active": true, "images": []any{}, "features": []object{}, "updated": q.now.Unix()})), nil
}

func (f *Fake) updateProduct(q *request, id string) (object, *problem) {
	r, p := f.find("product", id)
	if p != nil {
		return nil, p
	}
	if price := q.form.get("default_price"); price != "" {
		if of, ok := f.of("price").get(price); !ok || of.text("product") != id {
			p := missing("price", price)
			p.status, p.param = 400, "default_price"
			return nil, p
		}
	}
	r.m["updated"] = q.now.Unix()
	return f.change(q, r, "product.updated", append(productParams, "default_price")...)
}

func (f *Fake) deleteProduct(q *request, id string) (object, *problem) {
	r, p := f.find("product", id)
	if p != nil {
		return nil, p
	}
	if p := q.form.only(); p != nil {
		return nil, p
	}
	if slices.ContainsFunc(f.of("price").rows, func(price *record) bool { return price.text("product") == id }) {
		return nil, badParam("", "", "This product cannot be deleted because it has one or more user-created prices.")
	}
	f.emitRecord(q, "product.deleted", r, nil)
	r.gone = true
	return f.shown(q, r), nil
}

func (f *Fake) createPrice(q *request) (object, *problem) {
	if p := q.form.only("active", "currency", "lookup_key", "metadata", "nickname", "product", "product_data[name]", "product_data[active]", "product_data[metadata]",
		"product_data[statement_descriptor]", "product_data[tax_code]", "product_data[unit_label]",
		"recurring[interval]=day|week|month|year", "recurring[interval_count]", "recurring[usage_type]=licensed", "tax_behavior=exclusive|inclusive|unspecified",
		"transfer_lookup_key=true|false", "unit_amount", "unit_amount_decimal", "expand"); p != nil {
		return nil, p
	}
	if p := q.required("currency"); p != nil {
		return nil, p
	}
	currency, p := currencyOf(q.form.get("currency"))
	if p != nil {
		return nil, p
	}
	text := q.form.get("unit_amount_decimal")
	if text == "" {
		text = q.form.get("unit_amount")
	}
	each, ok := new(big.Rat).SetString(text)
	switch {
	case text == "":
		return nil, badParam("unit_amount", "parameter_missing", "Missing required param: unit_amount.")
	case !ok || each.Sign() < 0:
		return nil, badParam("unit_amount", "parameter_invalid_integer", "Invalid non-negative number")
	}
	m := nulls("custom_unit_amount lookup_key nickname recurring tiers_mode transform_quantity unit_amount", object{
		"active": true, "billing_scheme": "per_unit", "tax_behavior": "unspecified", "type": "one_time"})
	if q.form.has("recurring[interval]") {
		m["recurring"] = object{"interval_count": int64(1), "usage_type": "licensed"}
		m["type"] = "recurring"
	}
	if _, p := q.apply(m, "product_data", "transfer_lookup_key"); p != nil {
		return nil, p
	}
	if r, ok := m["recurring"].(object); ok && r["interval"] == nil {
		return nil, badParam("recurring[interval]", "parameter_missing", "Missing required param: recurring[interval].")
	}
	m["currency"], m["unit_amount_decimal"] = currency, text
	if each.IsInt() {
		m["unit_amount"] = each.Num().Int64()
	}
	if key := q.form.get("lookup_key"); key != "" {
		for _, other := range f.of("price").rows {
			if other.text("lookup_key") != key {
				continue
			}
			if q.form.get("transfer_lookup_key") != "true" {
				return nil, badParam("lookup_key", "resource_already_exists", "A price (`"+other.id+"`) already uses that lookup key.")
			}
			other.m["lookup_key"] = nil
		}
	}
	switch id := q.form.get("product"); {
	case id != "":
		if _, p := f.named("product", id, "product"); p != nil {
			return nil, p
		}
	case q.form.get("product_data[name]") != "":
		made, p := f.newProduct(&request{now: q.now})
		if p != nil {
			return nil, p
		}
		data, _ := q.form.tree()["product_data"].(object)
		delete(data, "metadata")
		for name, v := range data {
			made.m[name] = v
		}
		if made.m["metadata"], p = q.form.metadata("product_data[metadata]", nil); p != nil {
			return nil, p
		}
		m["product"] = made.id
		f.emitRecord(q, "product.created", made, nil)
	default:
		return nil, badParam("product", "parameter_missing", "Missing required param: product.")
	}
	r := f.note(q, "price", "price_", m)
	f.emitRecord(q, "price.created", r, nil)
	return f.shown(q, r), nil
}

func (f *Fake) updatePrice(q *request, id string) (object, *problem) {
	r, p := f.find("price", id)
	if p != nil {
		return nil, p
	}
	return f.change(q, r, "price.updated", "active", "lookup_key", "nickname", "tax_behavior=exclusive|inclusive|unspecified")
}

// times is what a quantity of a price costs, rounded half up.
func (r *record) times(quantity int64) int64 {
	return exchange(quantity, r.text("unit_amount_decimal"))
}

// priceOf shows the price that a line names; nil where it names none.
func (f *Fake) priceOf(r *record, version string) any {
	p, ok := f.of("price").get(r.text("price"))
	if !ok {
		return nil
	}
	return f.renderRecord(p, version, nil)
}
