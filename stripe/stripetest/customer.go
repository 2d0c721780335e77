package stripetest

import (
	"slices"
	"strconv"
	"strings"
)

var customerParams = []string{"address[city]", "address[country]", "address[line1]", "address[line2]", "address[postal_code]", "address[state]",
	"balance", "description", "email", "invoice_prefix", "invoice_settings[default_payment_method]", "invoice_settings[footer]", "metadata", "name",
	"phone", "preferred_locales", "shipping[address]", "shipping[name]", "shipping[phone]", "tax_exempt", "expand"}

func (f *Fake) createCustomer(q *request) (object, *problem) {
	if p := q.form.only(append(customerParams, "payment_method")...); p != nil {
		return nil, p
	}
	m := nulls("address currency default_source description discount email name phone shipping test_clock", object{
		"balance": int64(0), "delinquent": false, "preferred_locales": []any{}, "tax_exempt": "none", "next_invoice_sequence": int64(1),
		"invoice_prefix":   strings.ToUpper(f.id("")[:8]),
		"invoice_settings": nulls("custom_fields default_payment_method footer rendering_options", object{}),
	})
	balance, p := q.form.balance()
	if p != nil {
		return nil, p
	}
	if _, p := q.apply(m, "balance", "payment_method"); p != nil {
		return nil, p
	}
	var pm *record
	if id := q.form.get("payment_method"); id != "" {
		if pm, p = f.keep(q, id); p != nil {
			return nil, p
		}
	}
	c := f.note(q, "customer", "cus_", m)
	if pm != nil {
		f.attach(q, pm, c)
	}
	f.emitRecord(q, "customer.created", c, nil)
	f.adjust(q, c, balance, "adjustment", "", "")
	return f.shown(q, c), nil
}

func (f *Fake) updateCustomer(q *request, id string) (object, *problem) {
	c, p := f.find("customer", id)
	if p != nil {
		return nil, p
	}
	if p := q.form.only(customerParams...); p != nil {
		return nil, p
	}
	if pm := q.form.get("invoice_settings[default_payment_method]"); pm != "" {
		if kept, ok := f.of("payment_method").get(pm); !ok || kept.text("customer") != c.id {
			p := missing("PaymentMethod", pm)
			p.status, p.param = 400, "invoice_settings[default_payment_method]"
			return nil, p
		}
	}
	balance, p := q.form.balance()
	if p != nil {
		return nil, p
	}
	previous, p := q.apply(c.m, "balance")
	if p != nil {
		return nil, p
	}
	if q.form.has("balance") && balance != c.int("balance") {
		previous["balance"] = c.int("balance")
		f.adjust(q, c, balance-c.int("balance"), "adjustment", "", "")
	}
	if len(previous) > 0 {
		f.emitRecord(q, "customer.updated", c, previous)
	}
	return f.shown(q, c), nil
}

// deleteCustomer ends the customer's subscriptions and leaves nothing but the id.
func (f *Fake) deleteCustomer(q *request, id string) (object, *problem) {
	c, p := f.find("customer", id)
	if p != nil {
		return nil, p
	}
	if p := q.form.only(); p != nil {
		return nil, p
	}
	for _, s := range f.of("subscription").rows {
		if s.text("customer") == id && !ended(s) {
			f.endSubscription(q, s)
		}
	}
	for _, pm := range f.of("payment_method").rows {
		if pm.text("customer") == id {
			pm.m["customer"] = nil
			f.emitRecord(q, "payment_method.detached", pm, object{"customer": id})
		}
	}
	f.emitRecord(q, "customer.deleted", c, nil)
	c.gone = true
	return f.shown(q, c), nil
}

func (f form) balance() (int64, *problem) {
	s := f.get("balance")
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, badParam("balance", "parameter_invalid_integer", "Invalid integer: "+s)
	}
	return n, nil
}

func (f *Fake) renderCustomer(r *record, m object, version string, x expansion) {
	for _, name := range []string{"sources", "subscriptions", "tax_ids"} {
		if _, ok := x[name]; !ok {
			continue
		}
		data := []object{}
		for _, s := range slices.Backward(f.of("subscription").rows) {
			if name == "subscriptions" && s.text("customer") == r.id && !ended(s) {
				data = append(data, f.renderRecord(s, version, nil))
			}
		}
		m[name] = object{"object": "list", "data": data, "has_more": false, "url": "/v1/customers/" + r.id + "/" + name}
	}
}

// adjust moves a customer's balance: credit is negative. Every move is kept.
func (f *Fake) adjust(q *request, c *record, amount int64, kind, invoice, note string) *record {
	if amount == 0 {
		return nil
	}
	currency := c.text("currency")
	if currency == "" {
		currency = "usd"
	}
	ending := c.int("balance") + amount
	c.m["balance"] = ending
	t := f.note(&request{now: q.now}, "customer_balance_transaction", "cbtxn_", object{
		"amount": amount, "currency": currency, "customer": c.id, "ending_balance": ending, "type": kind, "description": nil,
		"invoice": orNull(invoice), "credit_note": orNull(note)})
	return t
}

func (f *Fake) createBalance(q *request, id string) (object, *problem) {
	c, p := f.find("customer", id)
	if p != nil {
		return nil, p
	}
	if p := q.form.only("amount", "currency", "description", "metadata", "expand"); p != nil {
		return nil, p
	}
	if p := q.required("amount", "currency"); p != nil {
		return nil, p
	}
	amount, err := strconv.ParseInt(q.form.get("amount"), 10, 64)
	if err != nil || amount == 0 {
		return nil, badParam("amount", "parameter_invalid_integer", "Invalid integer")
	}
	currency, p := currencyOf(q.form.get("currency"))
	if p != nil {
		return nil, p
	}
	if has := c.text("currency"); has != "" && has != currency {
		return nil, badParam("currency", "", "The customer's currency is "+has)
	}
	said := object{"metadata": map[string]string{}}
	if _, p := q.apply(said, "amount", "currency"); p != nil {
		return nil, p
	}
	c.m["currency"] = currency
	t := f.adjust(q, c, amount, "adjustment", "", "")
	for name, v := range said {
		t.m[name] = v
	}
	f.emitRecord(q, "customer.updated", c, object{"balance": c.int("balance") - amount})
	return f.shown(q, t), nil
}

// listOf answers with the records of one customer.
func (f *Fake) listOf(q *request, customer, kind string, filters ...string) (object, *problem) {
	if _, p := f.find("customer", customer); p != nil {
		return nil, p
	}
	t := &table[*record]{}
	for _, r := range f.of(kind).rows {
		if r.text("customer") == customer {
			t.add(r)
		}
	}
	return list(f, q, t, f.renderRecord, filters...)
}

// customer checks a customer that a parameter names; none is fine.
func (f *Fake) customer(q *request) (*record, *problem) {
	id := q.form.get("customer")
	if id == "" {
		return nil, nil
	}
	return f.named("customer", id, "customer")
}

// ended reports whether a subscription is over.
func ended(s *record) bool {
	return slices.Contains([]string{"canceled", "incomplete_expired"}, s.text("status"))
}
