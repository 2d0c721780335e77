package stripetest

import (
	"slices"

	"github.com/commercesync/commerce/stripe"
)

func (f *Fake) createSetup(q *request) (object, *problem) {
	if p := q.form.only("confirm", "customer", "description", "metadata", "payment_method", "payment_method_types", "return_url", "usage",
		"attach_to_self", "automatic_payment_methods[enabled]", "automatic_payment_methods[allow_redirects]", "expand"); p != nil {
		return nil, p
	}
	if _, p := f.customer(q); p != nil {
		return nil, p
	}
	m := nulls("application automatic_payment_methods cancellation_reason customer description last_setup_error latest_attempt mandate next_action "+
		"on_behalf_of payment_method single_use_mandate", object{"payment_method_types": []any{"card"}, "payment_method_options": object{},
		"status": "requires_payment_method", "usage": "off_session", "flow_directions": nil})
	if _, p := q.apply(m, "confirm", "payment_method", "return_url"); p != nil {
		return nil, p
	}
	if id := q.form.get("payment_method"); id != "" {
		if _, ok := f.nature(id); !ok {
			return nil, missing("PaymentMethod", id)
		}
		m["payment_method"], m["status"] = id, "requires_confirmation"
	}
	s := f.note(q, "setup_intent", "seti_", m)
	m["client_secret"] = s.id + "_secret_" + f.id("")
	f.emitRecord(q, "setup_intent.created", s, nil)
	if q.form.get("confirm") == "true" {
		if p := f.setUp(q, s); p != nil {
			return nil, p
		}
	}
	return f.shown(q, s), nil
}

func (f *Fake) updateSetup(q *request, id string) (object, *problem) {
	s, p := f.find("setup_intent", id)
	if p != nil {
		return nil, p
	}
	if _, p := f.customer(q); p != nil {
		return nil, p
	}
	if pm := q.form.get("payment_method"); pm != "" {
		if _, ok := f.nature(pm); !ok {
			return nil, missing("PaymentMethod", pm)
		}
		if s.text("status") == "requires_payment_method" {
			s.m["status"] = "requires_confirmation"
		}
	}
	return f.change(q, s, "", "customer", "description", "payment_method", "payment_method_types")
}

func setupState(s *record, act string) *problem {
	return &problem{status: 400, kind: "invalid_request_error", code: "setup_intent_unexpected_state",
		message: "You cannot " + act + " this SetupIntent because it has a status of " + s.text("status") + "."}
}

func (f *Fake) confirmSetup(q *request, id string) (object, *problem) {
	s, p := f.find("setup_intent", id)
	if p != nil {
		return nil, p
	}
	if p := q.form.only("payment_method", "return_url", "expand"); p != nil {
		return nil, p
	}
	if pm := q.form.get("payment_method"); pm != "" {
		if _, ok := f.nature(pm); !ok {
			return nil, missing("PaymentMethod", pm)
		}
		s.m["payment_method"] = pm
	}
	if p := f.setUp(q, s); p != nil {
		return nil, p
	}
	return f.shown(q, s), nil
}

// setUp tries to set a payment method up for later.
func (f *Fake) setUp(q *request, s *record) *problem {
	if !slices.Contains([]string{"requires_payment_method", "requires_confirmation", "requires_action"}, s.text("status")) {
		return setupState(s, "confirm")
	}
	id := s.text("payment_method")
	if id == "" {
		return badParam("payment_method", "parameter_missing", "You cannot confirm this SetupIntent because it's missing a payment method.")
	}
	m, _ := f.nature(id)
	switch n := natures[m]; {
	case n.action:
		s.m["status"] = "requires_action"
		s.m["next_action"] = object{"type": "use_stripe_sdk", "use_stripe_sdk": object{}}
		f.emitRecord(q, "setup_intent.requires_action", s, nil)
		return nil
	case n.decline != "":
		return f.failSetup(q, s, &failure{code: n.decline, decline: n.reason, message: n.message})
	}
	f.endSetup(q, s)
	return nil
}

func (f *Fake) failSetup(q *request, s *record, why *failure) *problem {
	last := object{"type": "card_error", "code": why.code, "message": why.message}
	if why.decline != "" {
		last["decline_code"] = why.decline
	}
	s.m["status"], s.m["next_action"], s.m["last_setup_error"], s.m["payment_method"] = "requires_payment_method", nil, last, nil
	f.emitRecord(q, "setup_intent.setup_failed", s, nil)
	more := object{"setup_intent": f.renderRecord(s, q.version, nil)}
	if why.decline != "" {
		more["decline_code"] = why.decline
	}
	return &problem{status: 402, kind: "card_error", code: why.code, message: why.message, more: more}
}

func (f *Fake) endSetup(q *request, s *record) {
	pm, p := f.keep(q, s.text("payment_method"))
	if p != nil {
		return // it was there a moment ago
	}
	s.m["payment_method"], s.m["status"], s.m["next_action"], s.m["last_setup_error"] = pm.id, "succeeded", nil, nil
	if c, ok := f.of("customer").get(s.text("customer")); ok {
		f.attach(q, pm, c)
	}
	f.emitRecord(q, "setup_intent.succeeded", s, nil)
}

func (f *Fake) cancelSetup(q *request, id string) (object, *problem) {
	s, p := f.find("setup_intent", id)
	if p != nil {
		return nil, p
	}
	if p := q.form.only("cancellation_reason=abandoned|duplicate|requested_by_customer", "expand"); p != nil {
		return nil, p
	}
	if slices.Contains([]string{"succeeded", "canceled"}, s.text("status")) {
		return nil, setupState(s, "cancel")
	}
	s.m["status"], s.m["cancellation_reason"], s.m["next_action"] = "canceled", orNull(q.form.get("cancellation_reason")), nil
	f.emitRecord(q, "setup_intent.canceled", s, nil)
	return f.shown(q, s), nil
}

// AuthenticateSetup ends the 3-D Secure check of a setup intent that waits for it.
func (f *Fake) AuthenticateSetup(id string, passed bool) (stripe.SetupIntent, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	s, ok := f.of("setup_intent").get(id)
	if !ok || s.text("status") != "requires_action" {
		return stripe.SetupIntent{}, conflict("authenticate setup", "the intent does not wait for an action")
	}
	q := f.own(f.config.Now())
	if passed {
		f.endSetup(q, s)
	} else {
		_ = f.failSetup(q, s, &failure{code: "setup_intent_authentication_failure", message: "The provided payment method has failed authentication."})
	}
	return view[stripe.SetupIntent](f.renderRecord(s, stripe.APIVersion, nil)), nil
}
