package stripetest

import "slices"

// nature finds how a payment method behaves: one of the test tokens, or one that is
// kept and was made of such a token.
func (f *Fake) nature(id string) (Method, bool) {
	if r, ok := f.of("payment_method").get(id); ok {
		return r.method(), true
	}
	_, ok := natures[Method(id)]
	return Method(id), ok
}

// method is the token that a kept payment method was made of.
func (r *record) method() Method {
	for m, n := range natures {
		details, _ := r.m[n.kind].(object)
		if details["last4"] == n.last4 {
			return m
		}
	}
	return Card
}

// keep returns the payment method of an id. A test token makes a new one.
func (f *Fake) keep(q *request, id string) (*record, *problem) {
	if r, ok := f.of("payment_method").get(id); ok {
		return r, nil
	}
	n, ok := natures[Method(id)]
	if !ok {
		p := missing("PaymentMethod", id)
		p.status, p.param = 400, "payment_method"
		return nil, p
	}
	return f.noteMethod(q, n), nil
}

func (f *Fake) noteMethod(q *request, n nature) *record {
	m := object{"type": n.kind, "billing_details": noContact(""), "customer": nil}
	if n.kind == "card" {
		m["card"] = nulls("generated_from wallet", object{"brand": n.brand, "last4": n.last4, "country": "DE", "funding": "credit", "fingerprint": "fp_" + n.last4,
			"exp_month": int64(12), "exp_year": int64(2034), "checks": object{"address_line1_check": nil, "address_postal_code_check": nil, "cvc_check": "pass"},
			"display_brand": n.brand, "networks": object{"available": []string{n.brand}, "preferred": nil}, "three_d_secure_usage": object{"supported": true}})
	} else {
		m[n.kind] = object{"last4": n.last4, "country": "DE", "fingerprint": "fp_" + n.last4, "bank_code": "37040044", "branch_code": nil,
			"generated_from": object{"charge": nil, "setup_attempt": nil}}
	}
	return f.note(&request{now: q.now}, "payment_method", "pm_", m)
}

// createMethod makes a payment method of a number, which behaves as the test token does
// whose number ends alike.
// Source: docs.stripe.com/testing, read 2026-11.
func (f *Fake) createMethod(q *request) (object, *problem) {
	if p := q.form.only("type=card|sepa_debit", "card[number]", "card[exp_month]", "card[exp_year]", "card[cvc]", "sepa_debit[iban]", "billing_details",
		"metadata", "expand"); p != nil {
		return nil, p
	}
	if p := q.required("type"); p != nil {
		return nil, p
	}
	kind := q.form.get("type")
	number, param := q.form.get("card[number]"), "card[number]"
	if kind == "sepa_debit" {
		number, param = q.form.get("sepa_debit[iban]"), "sepa_debit[iban]"
	}
	if number == "" {
		return nil, badParam(param, "parameter_missing", "Missing required param: "+param+".")
	}
	if len(number) < 4 {
		return nil, badParam(param, "incorrect_number", "The number is incorrect.")
	}
	n := natures[Card]
	if kind == "sepa_debit" {
		n = natures[Debit]
	}
	for _, one := range natures {
		if one.kind == kind && one.last4 == number[len(number)-4:] {
			n = one
		}
	}
	r := f.noteMethod(q, n)
	if _, p := q.apply(r.m, "card", "sepa_debit"); p != nil {
		return nil, p
	}
	for name, v := range q.form.tree() {
		if given, ok := v.(object); ok && name == "card" {
			for _, part := range []string{"exp_month", "exp_year"} {
				if given[part] != nil {
					r.sub("card")[part] = given[part]
				}
			}
		}
	}
	return f.shown(q, r), nil
}

func (f *Fake) attachMethod(q *request, id string) (object, *problem) {
	if p := q.form.only("customer", "expand"); p != nil {
		return nil, p
	}
	if p := q.required("customer"); p != nil {
		return nil, p
	}
	c, p := f.customer(q)
	if p != nil {
		return nil, p
	}
	pm, p := f.keep(q, id)
	if p != nil {
		p.status, p.param = 404, "id"
		return nil, p
	}
	if has := pm.text("customer"); has != "" && has != c.id {
		return nil, badParam("", "", "The payment method you provided has already been attached to a customer.")
	}
	f.attach(q, pm, c)
	return f.shown(q, pm), nil
}

// attach gives a payment method to a customer.
func (f *Fake) attach(q *request, pm, c *record) {
	if pm.text("customer") != c.id {
		pm.m["customer"] = c.id
		f.emitRecord(q, "payment_method.attached", pm, nil)
	}
}

func (f *Fake) detachMethod(q *request, id string) (object, *problem) {
	if p := q.form.only("expand"); p != nil {
		return nil, p
	}
	pm, p := f.find("payment_method", id)
	if p != nil {
		return nil, p
	}
	was := pm.text("customer")
	if was == "" {
		return nil, badParam("", "", "The payment method you provided is not attached to a customer so detachment is impossible.")
	}
	pm.m["customer"] = nil
	if c, ok := f.of("customer").get(was); ok && c.sub("invoice_settings")["default_payment_method"] == id {
		c.sub("invoice_settings")["default_payment_method"] = nil
	}
	f.emitRecord(q, "payment_method.detached", pm, object{"customer": was})
	return f.shown(q, pm), nil
}

// payer is the payment method that a customer's documents are paid with, the nearest
// to them first.
func (f *Fake) payer(docs ...*record) string {
	for _, d := range docs {
		if d != nil && d.text("default_payment_method") != "" {
			return d.text("default_payment_method")
		}
	}
	if i := slices.IndexFunc(docs, func(d *record) bool { return d != nil }); i >= 0 {
		if c, ok := f.of("customer").get(docs[i].text("customer")); ok {
			id, _ := c.sub("invoice_settings")["default_payment_method"].(string)
			return id
		}
	}
	return ""
}
