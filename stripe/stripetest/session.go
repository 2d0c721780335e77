package stripetest

import (
	"cmp"
	"math"
	"strconv"
	"time"
)

// session is a Checkout session.
type session struct {
	id               string
	created, expires time.Time
	amount           int64
	currency         string
	status, payment  string
	intent           *intent
	customer, email  string
	reference        string
	metadata         map[string]string
	data             map[string]string // metadata for the intent
	description      string
	receipt          string // where the intent's receipt goes
	capture          string
	split            split
	success, cancel  string
	types            []string
	link             string // the payment link that it came from
	lines            []*record
}

func (s *session) key() string     { return s.id }
func (s *session) when() time.Time { return s.created }
func (s *session) fact(name string) string {
	switch name {
	case "payment_intent":
		if s.intent != nil {
			return s.intent.id
		}
	case "customer":
		return s.customer
	case "payment_link":
		return s.link
	case "status":
		return s.status
	}
	return ""
}

func (f *Fake) createSession(q *request) (object, *problem) {
	if p := q.form.only("mode", "line_items[][quantity]", "line_items[][price]", "line_items[][price_data][currency]", "line_items[][price_data][unit_amount]",
		"line_items[][price_data][product_data][name]", "line_items[][price_data][product_data][description]",
		"success_url", "cancel_url", "client_reference_id", "customer", "customer_email", "expires_at", "expand", "metadata",
		"payment_intent_data[capture_method]", "payment_intent_data[description]", "payment_intent_data[metadata]",
		"payment_intent_data[receipt_email]", "payment_intent_data[application_fee_amount]", "payment_intent_data[on_behalf_of]",
		"payment_intent_data[transfer_data][amount]", "payment_intent_data[transfer_data][destination]", "payment_method_types"); p != nil {
		return nil, p
	}
	if _, p := f.customer(q); p != nil {
		return nil, p
	}
	if q.form.get("mode") != "payment" {
		return nil, badParam("mode", "", "The fake knows mode payment")
	}
	if q.form.get("success_url") == "" {
		return nil, badParam("success_url", "parameter_missing", "Missing required param: success_url.")
	}
	s := &session{created: q.now, expires: q.now.Add(24 * time.Hour), status: "open", payment: "unpaid",
		customer: q.form.get("customer"), email: q.form.get("customer_email"), reference: q.form.get("client_reference_id"),
		success: q.form.get("success_url"), cancel: q.form.get("cancel_url"), types: q.form.array("payment_method_types"),
		capture: q.form.get("payment_intent_data[capture_method]"), description: q.form.get("payment_intent_data[description]"),
		receipt: q.form.get("payment_intent_data[receipt_email]")}
	if len(s.types) == 0 {
		s.types = []string{"card"}
	}
	p := f.sessionLines(q, s)
	if p != nil {
		return nil, p
	}
	if p := unit(s.amount, s.currency); p != nil {
		return nil, p
	}
	if s.split, p = f.split(q, "payment_intent_data", split{}, s.amount); p != nil {
		return nil, p
	}
	if s.metadata, p = q.form.metadata("metadata", nil); p != nil {
		return nil, p
	}
	if s.data, p = q.form.metadata("payment_intent_data[metadata]", nil); p != nil {
		return nil, p
	}
	if q.form.has("expires_at") {
		at, p := q.form.amount("expires_at")
		if p != nil {
			return nil, p
		}
		// Source: docs.stripe.com/api/checkout/sessions/create, read 2026-11.
		if in := time.Unix(at, 0).Sub(q.now); in < 30*time.Minute-time.Second || in > 24*time.Hour {
			return nil, badParam("expires_at", "", "The `expires_at` timestamp must be between 30 minutes and 24 hours from now.")
		}
		s.expires = time.Unix(at, 0)
	}
	f.openSession(s)
	return f.renderSession(s, q.version, q.expand("")), nil
}

// sessionLines reads what a session is for.
func (f *Fake) sessionLines(q *request, s *session) *problem {
	for n := 0; ; n++ {
		at := "line_items[" + strconv.Itoa(n) + "]"
		data := at + "[price_data]"
		if !q.form.has(at+"[price]") && !q.form.has(data+"[unit_amount]") {
			if n == 0 {
				return badParam("line_items", "parameter_missing", "Missing required param: line_items.")
			}
			return nil
		}
		quantity, p := q.form.amount(at + "[quantity]")
		if p != nil {
			return p
		}
		price, p := f.linePrice(q, at)
		if p != nil {
			return p
		}
		each, currency := price.int("unit_amount"), price.text("currency")
		if s.currency != "" && s.currency != currency {
			return badParam(data+"[currency]", "", "All line items must have one currency")
		}
		if each > math.MaxInt64/quantity-s.amount {
			return badParam(at, "amount_too_large", "Amount is out of range")
		}
		product, _ := f.of("product").get(price.text("product"))
		s.currency, s.amount = currency, s.amount+each*quantity
		s.lines = append(s.lines, &record{kind: "item", id: f.id("li_"), created: q.now, m: object{"amount_subtotal": each * quantity,
			"amount_total": each * quantity, "amount_discount": int64(0), "amount_tax": int64(0), "currency": currency,
			"description": product.m["name"], "price": price.id, "quantity": quantity}})
	}
}

// linePrice is the price of a line: one that is named, or one made up for it.
func (f *Fake) linePrice(q *request, at string) (*record, *problem) {
	data := at + "[price_data]"
	if id := q.form.get(at + "[price]"); id != "" {
		price, p := f.named("price", id, at+"[price]")
		switch {
		case p != nil:
			return nil, p
		case q.form.has(data + "[unit_amount]"):
			return nil, badParam(at, "", "You may only specify one of these parameters: price, price_data.")
		case price.m["recurring"] != nil || price.m["unit_amount"] == nil:
			return nil, badParam(at+"[price]", "", "The fake's sessions of mode payment take prices of `type=one_time` in whole units")
		}
		return price, nil
	}
	each, p := q.form.amount(data + "[unit_amount]")
	if p != nil {
		return nil, p
	}
	currency, p := currencyOf(q.form.get(data + "[currency]"))
	if p != nil {
		return nil, p
	}
	product, p := f.newProduct(&request{now: q.now})
	if p != nil {
		return nil, p
	}
	product.m["name"], product.m["description"] = q.form.get(data+"[product_data][name]"), orNull(q.form.get(data+"[product_data][description]"))
	product.m["active"] = false
	return f.note(&request{now: q.now}, "price", "price_", nulls("custom_unit_amount lookup_key nickname recurring tiers_mode transform_quantity", object{
		"active": false, "billing_scheme": "per_unit", "tax_behavior": "unspecified", "type": "one_time", "currency": currency, "product": product.id,
		"unit_amount": each, "unit_amount_decimal": strconv.FormatInt(each, 10)})), nil
}

// listSessionLines answers with what a session is for.
func (f *Fake) listSessionLines(q *request, id string) (object, *problem) {
	s, ok := f.sessions.get(id)
	if !ok {
		return nil, missing("checkout.session", id)
	}
	return f.listBelow(q, &record{below: s.lines})
}

// openSession lets a session begin; it ends by itself.
func (f *Fake) openSession(s *session) {
	prefix := "cs_test_"
	if f.config.Livemode {
		prefix = "cs_live_"
	}
	s.id = f.id(prefix)
	f.sessions.add(s)
	f.later(s.expires, func(now time.Time) {
		if s.status == "open" {
			f.closeSession(f.own(now), s)
		}
	})
}

func (f *Fake) expireSession(q *request, id string) (object, *problem) {
	s, ok := f.sessions.get(id)
	if !ok {
		return nil, missing("checkout.session", id)
	}
	if p := q.form.only("expand"); p != nil {
		return nil, p
	}
	if s.status != "open" {
		return nil, &problem{status: 400, kind: "invalid_request_error",
			message: "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of " + s.status + "."}
	}
	f.closeSession(q, s)
	return f.renderSession(s, q.version, q.expand("")), nil
}

func (f *Fake) closeSession(q *request, s *session) {
	s.status = "expired"
	f.emitSession(q, "expired", s)
	if i := s.intent; i != nil && i.status != "canceled" && i.status != "succeeded" && i.status != "processing" {
		f.cancel(q, i, "abandoned")
	}
}

// paySession is a shopper on the page: the intent is made when they pay.
func (f *Fake) paySession(q *request, s *session, m Method) *problem {
	if s.status != "open" {
		return &problem{status: 400, kind: "invalid_request_error", message: "The session is " + s.status + "."}
	}
	if s.intent == nil {
		i := f.newIntent(q, s.amount, s.currency, s.capture)
		i.customer, i.email, i.description, i.metadata, i.session, i.types = s.customer, cmp.Or(s.receipt, s.email), s.description, s.data, s, s.types
		i.split = s.split
		s.intent = i
		f.emitIntent(q, "created", i)
	}
	s.intent.method, s.intent.kept = m, ""
	p := f.confirm(q, s.intent)
	if i := s.intent; s.status == "open" && (i.status == "processing" || i.status == "requires_capture") {
		s.status = "complete"
		f.emitSession(q, "completed", s)
	}
	return p
}

// completeSession tells a session that its intent was paid.
func (f *Fake) completeSession(q *request, i *intent) {
	s := i.session
	if s == nil || s.payment == "paid" {
		return
	}
	s.payment = "paid"
	if s.status == "open" {
		s.status = "complete"
		f.emitSession(q, "completed", s)
		return
	}
	f.emitSession(q, "async_payment_succeeded", s)
}

// failSession tells a session that was completed that its debit failed.
func (f *Fake) failSession(q *request, i *intent) {
	if i.session != nil && i.session.status == "complete" {
		f.emitSession(q, "async_payment_failed", i.session)
	}
}
