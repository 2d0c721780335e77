package stripetest

import (
	"encoding/json"
	"maps"
	"strings"
	"time"
)

// The shapes are those of stripe-mock's fixtures; fields that nobody asked the fake
// for are null as they are there.

// known reports whether there can be such a version: a day up to that of the newest,
// which later versions follow with a name.
func known(version string) bool {
	day, _, _ := strings.Cut(version, ".")
	_, err := time.Parse(time.DateOnly, day)
	return err == nil && version <= Newest
}

// moved reports whether a version has the shapes of 2025-03-31.basil.
func moved(version string) bool { return version >= "2025-03-31" }

// renamed reports whether a version has the new words of a session's ui_mode.
// Source: docs.stripe.com/changelog/dahlia/2026-03-25, read 2026-11.
func renamed(version string) bool { return version >= "2026-03-25" }

// orNull writes an empty text as null.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Unix()
}

func noContact(email string) object {
	return object{"address": object{"city": nil, "country": nil, "line1": nil, "line2": nil, "postal_code": nil, "state": nil},
		"email": orNull(email), "name": nil, "phone": nil}
}

func (f *Fake) renderIntent(i *intent, version string, x expansion) object {
	m := object{
		"id": i.id, "object": "payment_intent", "livemode": f.config.Livemode, "created": i.created.Unix(),
		"amount": i.amount, "amount_capturable": i.capturable, "amount_received": i.received, "amount_details": object{"tip": object{}},
		"currency": i.currency, "status": i.status, "capture_method": i.capture, "confirmation_method": "automatic",
		"client_secret": i.secret, "customer": orNull(i.customer), "description": orNull(i.description),
		"receipt_email": orNull(i.email), "metadata": i.metadata, "payment_method_types": i.types,
		"payment_method_options": object{}, "canceled_at": stamp(i.canceled), "cancellation_reason": orNull(i.reason),
		"application": nil, "application_fee_amount": nil, "automatic_payment_methods": nil, "last_payment_error": nil,
		"next_action": nil, "on_behalf_of": nil, "payment_method": nil, "processing": nil, "review": nil,
		"setup_future_usage": nil, "shipping": nil, "statement_descriptor": nil, "statement_descriptor_suffix": nil,
		"transfer_data": nil, "transfer_group": nil, "payment_method_configuration_details": nil,
	}
	if !moved(version) {
		m["invoice"] = i.bill()
	}
	if moved(version) {
		nulls("allowed_payment_method_types customer_account excluded_payment_method_types managed_payments", m)
	}
	maps.Copy(m, i.said)
	f.showShares(m, i, x, version)
	if i.status != "requires_payment_method" {
		m["payment_method"] = orNull(i.shown())
	}
	if e := i.failure; e != nil {
		last := object{"type": "card_error", "code": e.code, "message": e.message, "doc_url": "https://stripe.com/docs/error-codes"}
		for name, text := range map[string]string{"decline_code": e.decline, "charge": e.charge} {
			if text != "" {
				last[name] = text
			}
		}
		m["last_payment_error"] = last
	}
	if i.status == "requires_action" {
		m["next_action"] = object{"type": "use_stripe_sdk"}
	}
	if version < "2022-11-15" {
		charges := []object{}
		for n := len(i.charges) - 1; n >= 0; n-- {
			charges = append(charges, f.renderCharge(i.charges[n], version, nil))
		}
		m["charges"] = object{"object": "list", "data": charges, "has_more": false, "url": "/v1/charges?payment_intent=" + i.id}
		return m
	}
	m["latest_charge"] = nil
	if c := i.latest(); c != nil {
		m["latest_charge"] = link(x, "latest_charge", c.id, func(x expansion) object { return f.renderCharge(c, version, x) })
	}
	return m
}

// link writes an id, or the object where the request asked for it.
func link(x expansion, name, id string, render func(expansion) object) any {
	if below, ok := x[name]; ok {
		return render(below)
	}
	return id
}

func (f *Fake) linkTxn(x expansion, name, version string, t *txn) any {
	if t == nil {
		return nil
	}
	return link(x, name, t.id, func(x expansion) object { return f.renderTxn(t, version, x) })
}

func (f *Fake) renderCharge(c *charge, version string, x expansion) object {
	n := natures[c.method]
	m := object{
		"id": c.id, "object": "charge", "livemode": f.config.Livemode, "created": c.created.Unix(),
		"amount": c.amount, "amount_captured": c.amountCaptured, "amount_refunded": c.amountRefunded,
		"currency": c.currency, "status": c.status, "paid": c.paid, "captured": c.captured, "refunded": c.refunded,
		"disputed": c.dispute != nil, "customer": orNull(c.intent.customer), "description": orNull(c.intent.description),
		"receipt_email": orNull(c.intent.email), "metadata": c.metadata, "payment_method": c.intent.shown(),
		"balance_transaction":         f.linkTxn(x, "balance_transaction", version, c.txn),
		"failure_balance_transaction": f.linkTxn(x, "failure_balance_transaction", version, c.failureTxn),
		"failure_code":                nil, "failure_message": nil, "fraud_details": object{},
		"billing_details": noContact(c.intent.email), "application": nil, "application_fee": nil, "application_fee_amount": nil,
		"calculated_statement_descriptor": nil, "on_behalf_of": nil, "receipt_number": nil, "receipt_url": nil,
		"review": nil, "shipping": nil, "source_transfer": nil, "statement_descriptor": nil,
		"statement_descriptor_suffix": nil, "transfer_data": nil, "transfer_group": nil,
		"outcome": object{"network_status": "approved_by_network", "reason": nil, "risk_level": "normal", "risk_score": 12,
			"seller_message": "Payment complete.", "type": "authorized"},
	}
	m["payment_intent"] = link(x, "payment_intent", c.intent.id, func(x expansion) object { return f.renderIntent(c.intent, version, x) })
	details := object{"last4": n.last4, "country": "DE", "fingerprint": "fp_" + n.last4}
	if n.kind == "card" {
		details["brand"], details["funding"], details["network"] = n.brand, "credit", n.brand
		details["exp_month"], details["exp_year"] = 12, 2034
		details["amount_authorized"] = c.amount
		details["multicapture"] = object{"status": map[bool]string{true: "available", false: "unavailable"}[c.intent.parts]}
		if c.intent.status == "requires_capture" {
			details["capture_before"] = c.created.Add(authorisedFor).Unix()
		}
	}
	m["payment_method_details"] = object{"type": n.kind, n.kind: details}
	maps.Copy(m, c.said)
	for _, name := range []string{"shipping", "statement_descriptor", "statement_descriptor_suffix", "transfer_group"} {
		if said, ok := c.intent.said[name]; ok {
			m[name] = said
		}
	}
	if c.failure != nil {
		m["failure_code"], m["failure_message"] = c.failure.code, c.failure.message
		m["outcome"] = object{"network_status": "declined_by_network", "reason": orNull(c.failure.decline), "risk_level": "normal",
			"risk_score": 12, "seller_message": "The bank declined the payment.", "type": "issuer_declined"}
	}
	if !moved(version) {
		m["invoice"] = c.intent.bill()
	}
	if _, ok := x["refunds"]; ok || version < "2022-11-15" {
		refunds := []object{}
		for i := len(c.refunds) - 1; i >= 0; i-- {
			refunds = append(refunds, f.renderRefund(c.refunds[i], version, nil))
		}
		m["refunds"] = object{"object": "list", "data": refunds, "has_more": false, "url": "/v1/charges/" + c.id + "/refunds"}
	}
	f.showParts(m, c, x, version)
	return m
}

func (f *Fake) renderSession(s *session, version string, x expansion) object {
	m := object{
		"id": s.id, "object": "checkout.session", "livemode": f.config.Livemode, "created": s.created.Unix(),
		"expires_at": s.expires.Unix(), "mode": "payment", "status": s.status, "payment_status": s.payment,
		"amount_total": s.amount, "amount_subtotal": s.amount, "currency": s.currency,
		"customer": orNull(s.customer), "customer_email": orNull(s.email), "customer_details": nil,
		"client_reference_id": orNull(s.reference), "metadata": s.metadata, "payment_method_types": s.types,
		"success_url": orNull(s.success), "cancel_url": orNull(s.cancel), "url": nil, "payment_intent": nil,
		"total_details": object{"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0}, "invoice": nil,
		"setup_intent": nil, "subscription": nil, "payment_link": orNull(s.link), "shipping_cost": nil, "ui_mode": "hosted",
		"automatic_tax": object{"enabled": false, "liability": nil, "status": nil}, "custom_fields": []object{},
		"custom_text":      object{"after_submit": nil, "shipping_address": nil, "submit": nil, "terms_of_service_acceptance": nil},
		"shipping_options": []object{},
	}
	nulls(`after_expiration allow_promotion_codes billing_address_collection client_secret consent consent_collection
		currency_conversion customer_creation invoice_creation locale payment_link payment_method_collection
		payment_method_configuration_details payment_method_options recovered_from shipping_address_collection submit_type`, m)
	m["phone_number_collection"] = object{"enabled": false}
	if moved(version) {
		nulls(`adaptive_pricing collected_information customer_account discounts integration_identifier managed_payments
			origin_context permissions saved_payment_method_options wallet_options`, m)
	} else {
		m["shipping_details"] = nil
	}
	if renamed(version) {
		m["ui_mode"] = "hosted_page"
	}
	if s.status == "open" {
		m["url"] = "https://checkout.stripe.com/c/pay/" + s.id
	}
	if s.status == "complete" {
		m["customer_details"] = object{"address": nil, "email": orNull(s.email), "name": nil, "phone": nil, "tax_exempt": "none", "tax_ids": []any{}}
	}
	if _, ok := x["line_items"]; ok {
		m["line_items"] = f.nested(&record{below: s.lines}, version, "/v1/checkout/sessions/"+s.id+"/line_items")
	}
	if i := s.intent; i != nil {
		m["payment_intent"] = link(x, "payment_intent", i.id, func(x expansion) object { return f.renderIntent(i, version, x) })
	}
	return m
}

func (f *Fake) renderRefund(r *refund, version string, x expansion) object {
	m := object{
		"id": r.id, "object": "refund", "created": r.created.Unix(), "amount": r.amount, "currency": r.charge.currency,
		"status": r.status, "reason": orNull(r.reason), "metadata": r.metadata,
		"balance_transaction": f.linkTxn(x, "balance_transaction", version, r.txn),
		"receipt_number":      nil, "source_transfer_reversal": nil, "transfer_reversal": nil,
		"destination_details": object{"type": natures[r.charge.method].kind},
	}
	if moved(version) {
		m["customer"], m["customer_account"], m["payment_method"] = orNull(r.charge.intent.customer), nil, string(r.charge.method)
	}
	if r.failure != "" {
		m["failure_reason"] = r.failure
	}
	if r.pending != "" && version >= "2025-04-30" {
		m["pending_reason"] = r.pending
	}
	if r.status == "requires_action" {
		m["next_action"] = object{"type": "display_details", "display_details": object{
			"email_sent": object{"email_sent_at": r.created.Unix(), "email_sent_to": r.charge.intent.email}, "expires_at": r.created.Add(45 * 24 * time.Hour).Unix()}}
	}
	if r.failureTxn != nil {
		m["failure_balance_transaction"] = f.linkTxn(x, "failure_balance_transaction", version, r.failureTxn)
	}
	m["charge"] = link(x, "charge", r.charge.id, func(x expansion) object { return f.renderCharge(r.charge, version, x) })
	m["payment_intent"] = link(x, "payment_intent", r.charge.intent.id, func(x expansion) object { return f.renderIntent(r.charge.intent, version, x) })
	f.showReversals(m, r, x, version)
	return m
}

func (f *Fake) renderTxn(t *txn, version string, x expansion) object {
	m := object{
		"id": t.id, "object": "balance_transaction", "created": t.created.Unix(), "available_on": t.available.Unix(),
		"amount": t.amount, "fee": t.fee, "net": t.amount - t.fee, "currency": t.currency, "status": "pending",
		"type": t.kind, "reporting_category": t.category, "description": nil, "exchange_rate": nil,
	}
	if !f.config.Now().Before(t.available) {
		m["status"] = "available"
	}
	if t.rate != "" {
		m["exchange_rate"] = json.RawMessage(t.rate)
	}
	m["fee_details"], m["description"], m["source"] = t.details(), orNull(t.description), orNull(t.source)
	if moved(version) {
		m["balance_type"] = "payments"
	}
	if below, ok := x["source"]; ok {
		if c, ok := f.charges.get(t.source); ok {
			m["source"] = f.renderCharge(c, version, below)
		} else if r, ok := f.refunds.get(t.source); ok {
			m["source"] = f.renderRefund(r, version, below)
		} else if d, ok := f.disputes.get(t.source); ok {
			m["source"] = f.renderDispute(d, version, below)
		} else if p, ok := f.payouts.get(t.source); ok {
			m["source"] = f.renderPayout(p, version, below)
		} else if o := f.origin(t, version, below); o != nil {
			m["source"] = o
		}
	}
	return m
}
