package stripetest

import (
	"cmp"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// cost reads what a line costs: amount, or quantity times unit_amount or a price.
func (f *Fake) cost(q *request, m object) *problem {
	quantity := int64(1)
	if n, ok := m["quantity"].(int64); ok {
		quantity = n
	}
	if quantity < 0 {
		return badParam("quantity", "parameter_invalid_integer", "Invalid non-negative integer")
	}
	m["quantity"] = quantity
	given := ""
	for _, name := range []string{"price", "pricing[price]", "amount", "unit_amount", "unit_amount_decimal"} {
		if q.form.get(name) == "" {
			continue
		}
		if given != "" {
			return badParam(name, "", "You may only specify one of these parameters: "+given+", "+name+".")
		}
		given = name
	}
	price, decimal := cmp.Or(q.form.get("price"), q.form.get("pricing[price]")), q.form.get("unit_amount_decimal")
	if decimal == "" {
		decimal = q.form.get("unit_amount")
	}
	switch {
	case price != "":
		r, p := f.named("price", price, "price")
		if p != nil {
			return p
		}
		if r.m["recurring"] != nil {
			return badParam("price", "", "The price specified is set to `type=recurring` but this field only accepts prices with `type=one_time`.")
		}
		if said := q.form.get("currency"); said != "" && !strings.EqualFold(said, r.text("currency")) {
			return badParam("currency", "", "The price is in "+r.text("currency"))
		}
		m["price"], m["currency"], m["amount"] = r.id, r.text("currency"), r.times(quantity)
		m["unit_amount"], m["unit_amount_decimal"] = r.m["unit_amount"], r.m["unit_amount_decimal"]
	case decimal != "":
		if _, ok := new(big.Rat).SetString(decimal); !ok {
			return badParam("unit_amount_decimal", "", "Invalid decimal")
		}
		m["amount"], m["unit_amount"], m["unit_amount_decimal"] = exchange(quantity, decimal), nil, decimal
		if n, err := strconv.ParseInt(decimal, 10, 64); err == nil {
			m["unit_amount"] = n
		}
	case q.form.has("amount"):
		amount, _ := m["amount"].(int64)
		m["unit_amount"], m["unit_amount_decimal"] = amount, strconv.FormatInt(amount, 10)
	case q.form.has("quantity") && m["unit_amount_decimal"] != nil:
		text, _ := m["unit_amount_decimal"].(string)
		m["amount"] = exchange(quantity, text)
	case m["amount"] == nil:
		return badParam("amount", "parameter_missing", "Missing required param: amount.")
	}
	return nil
}

// costParams are the parameters that cost reads, as a version has them.
func costParams(version string) []string {
	if moved(version) {
		return []string{"amount", "unit_amount_decimal", "pricing[price]"}
	}
	return []string{"amount", "unit_amount", "unit_amount_decimal", "price"}
}

func (f *Fake) createItem(q *request) (object, *problem) {
	if p := q.form.only(append(costParams(q.version), "customer", "invoice", "subscription", "quantity", "currency", "description",
		"discountable", "metadata", "period[start]", "period[end]", "expand")...); p != nil {
		return nil, p
	}
	if p := q.required("customer"); p != nil {
		return nil, p
	}
	c, p := f.customer(q)
	if p != nil {
		return nil, p
	}
	m := nulls("description discounts invoice price subscription test_clock unit_amount unit_amount_decimal", object{"date": q.now.Unix(), "discountable": true,
		"proration": false, "period": object{"start": q.now.Unix(), "end": q.now.Unix()}, "tax_rates": []any{}})
	if _, p := q.apply(m, "pricing"); p != nil {
		return nil, p
	}
	if period, ok := m["period"].(object); ok {
		for name, v := range period {
			if text, ok := v.(string); ok {
				n, err := strconv.ParseInt(text, 10, 64)
				if err != nil {
					return nil, badParam("period["+name+"]", "parameter_invalid_integer", "Invalid timestamp")
				}
				period[name] = n
			}
		}
	}
	if p := f.cost(q, m); p != nil {
		return nil, p
	}
	var in *record
	if id := q.form.get("invoice"); id != "" {
		if in, p = f.named("invoice", id, "invoice"); p != nil {
			return nil, p
		}
		if in.text("status") != "draft" {
			return nil, notEditable
		}
		if m["currency"] == nil {
			m["currency"] = in.m["currency"]
		}
	}
	if id := q.form.get("subscription"); id != "" {
		if _, p = f.named("subscription", id, "subscription"); p != nil {
			return nil, p
		}
	}
	text, _ := m["currency"].(string)
	if text == "" {
		text = c.text("currency")
	}
	if m["currency"], p = currencyOf(text); p != nil {
		return nil, p
	}
	item := f.note(q, "invoiceitem", "ii_", m)
	f.emitRecord(q, "invoiceitem.created", item, nil)
	if in != nil {
		f.bill(q, in, item)
	}
	return f.shown(q, item), nil
}

var notEditable = badParam("", "invoice_not_editable", "This invoice is no longer editable")

// open reports whether an invoice item can still be changed.
func (f *Fake) draftOf(item *record) (in *record, p *problem) {
	if id := item.text("invoice"); id != "" {
		in, _ = f.of("invoice").get(id)
		if in.text("status") != "draft" {
			return nil, notEditable
		}
	}
	return in, nil
}

func (f *Fake) updateItem(q *request, id string) (object, *problem) {
	item, p := f.find("invoiceitem", id)
	if p != nil {
		return nil, p
	}
	in, p := f.draftOf(item)
	if p != nil {
		return nil, p
	}
	if p := q.form.only(append(costParams(q.version), "quantity", "description", "discountable", "metadata", "expand")...); p != nil {
		return nil, p
	}
	if _, p := q.apply(item.m, "pricing"); p != nil {
		return nil, p
	}
	if p := f.cost(q, item.m); p != nil {
		return nil, p
	}
	if in != nil {
		for _, line := range in.below {
			if line.text("invoice_item") == id {
				for _, name := range []string{"amount", "quantity", "description", "price", "discountable"} {
					line.m[name] = item.m[name]
				}
			}
		}
		f.total(in)
	}
	return f.shown(q, item), nil
}

func (f *Fake) deleteItem(q *request, id string) (object, *problem) {
	item, p := f.find("invoiceitem", id)
	if p != nil {
		return nil, p
	}
	if p := q.form.only(); p != nil {
		return nil, p
	}
	in, p := f.draftOf(item)
	if p != nil {
		return nil, p
	}
	if in != nil {
		kept := in.below[:0]
		for _, line := range in.below {
			if line.text("invoice_item") != id {
				kept = append(kept, line)
			}
		}
		in.below = kept
		f.total(in)
	}
	f.emitRecord(q, "invoiceitem.deleted", item, nil)
	item.gone = true
	return f.shown(q, item), nil
}

func (f *Fake) listItems(q *request) (object, *problem) {
	t := &table[*record]{}
	pending := q.form.get("pending")
	for _, item := range f.of("invoiceitem").rows {
		if pending == "" || (pending == "true") == (item.text("invoice") == "") {
			t.add(item)
		}
	}
	if p := q.form.only("customer", "invoice", "pending", "created", "expand", "limit", "starting_after", "ending_before"); p != nil {
		return nil, p
	}
	q.form.Del("pending")
	return list(f, q, t, f.renderRecord, "customer", "invoice", "created")
}

// bill puts an invoice item on a draft.
func (f *Fake) bill(q *request, in, item *record) {
	item.m["invoice"] = in.id
	line := f.line(q, in, object{"amount": item.m["amount"], "currency": item.m["currency"], "description": item.m["description"],
		"discountable": item.m["discountable"], "invoice_item": item.id, "period": item.m["period"], "price": item.m["price"], "quantity": item.m["quantity"],
		"proration": item.m["proration"], "subscription": item.m["subscription"], "type": "invoiceitem"})
	line.m["metadata"] = item.m["metadata"]
	f.total(in)
}

// line adds a line to an invoice.
func (f *Fake) line(q *request, in *record, m object) *record {
	m["invoice"] = in.id
	r := f.note(&request{now: q.now}, "line_item", "il_", m)
	r.of = in
	in.below = append(in.below, r)
	return r
}

// pend makes an invoice item that waits for the customer's next invoice.
func (f *Fake) pend(q *request, s *record, amount int64, text string, price string, quantity int64, from, to time.Time) *record {
	item := f.note(&request{now: q.now}, "invoiceitem", "ii_", nulls("discounts invoice test_clock unit_amount unit_amount_decimal", object{"amount": amount,
		"currency": s.m["currency"], "customer": s.m["customer"], "date": q.now.Unix(), "description": text, "discountable": false,
		"period": object{"start": from.Unix(), "end": to.Unix()}, "price": price, "proration": true, "quantity": quantity, "subscription": s.id, "tax_rates": []any{}}))
	f.emitRecord(q, "invoiceitem.created", item, nil)
	return item
}

func (f *Fake) renderItem(r *record, m object, version string) {
	m["price"] = f.priceOf(r, version)
	if !moved(version) {
		m["discounts"] = []any{}
		return
	}
	m["quantity_decimal"] = strconv.FormatInt(r.int("quantity"), 10)
	m["pricing"], m["parent"] = pricingOf(f, r), nil
	if s := r.text("subscription"); s != "" {
		m["parent"] = object{"type": "subscription_details", "subscription_details": object{"subscription": s}}
	}
	for _, name := range []string{"price", "subscription", "unit_amount", "unit_amount_decimal"} {
		delete(m, name)
	}
	m["discounts"] = []any{}
}

func pricingOf(f *Fake, r *record) any {
	p, ok := f.of("price").get(r.text("price"))
	if !ok {
		return nil
	}
	return object{"type": "price_details", "unit_amount_decimal": p.m["unit_amount_decimal"],
		"price_details": object{"price": p.id, "product": p.m["product"]}}
}

func (f *Fake) renderLine(r *record, m object, version string) {
	if !moved(version) {
		m["price"] = f.priceOf(r, version)
		defaults(m, object{"discount_amounts": []any{}, "discounts": []any{}, "tax_amounts": []any{}, "tax_rates": []any{},
			"amount_excluding_tax": m["amount"], "proration_details": object{"credited_items": nil}})
		return
	}
	origin := object{"proration": m["proration"], "proration_details": object{"credited_items": nil}, "invoice_item": m["invoice_item"], "subscription": m["subscription"]}
	parent := object{"type": "invoice_item_details", "invoice_item_details": origin, "subscription_item_details": nil}
	if si := r.text("subscription_item"); si != "" {
		origin["subscription_item"] = si
		parent = object{"type": "subscription_item_details", "subscription_item_details": origin, "invoice_item_details": nil}
	}
	m["parent"], m["pricing"], m["subtotal"], m["taxes"] = parent, pricingOf(f, r), m["amount"], []any{}
	m["discounts"], m["discount_amounts"] = []any{}, []any{}
	for _, name := range []string{"price", "proration", "type", "invoice_item", "subscription_item"} {
		delete(m, name)
	}
}
