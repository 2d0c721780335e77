package stripetest

import (
	"fmt"
	"slices"
	"time"
)

// draftTime is how long an invoice that goes on by itself stays a draft.
// Source: docs.stripe.com/invoicing/integration/automatic-advancement-collection, read 2026-11.
const draftTime = time.Hour

var invoiceParams = []string{"auto_advance", "collection_method=charge_automatically|send_invoice", "days_until_due", "default_payment_method", "description",
	"due_date", "footer", "metadata", "statement_descriptor", "expand"}

func (f *Fake) createInvoice(q *request) (object, *problem) {
	if p := q.form.only(append(invoiceParams, "customer", "currency", "pending_invoice_items_behavior=exclude|include", "subscription")...); p != nil {
		return nil, p
	}
	if p := q.required("customer"); p != nil {
		return nil, p
	}
	c, p := f.customer(q)
	if p != nil {
		return nil, p
	}
	var s *record
	if id := q.form.get("subscription"); id != "" {
		if s, p = f.named("subscription", id, "subscription"); p != nil {
			return nil, p
		}
	}
	currency := q.form.get("currency")
	if currency == "" {
		currency = c.text("currency")
	}
	include := q.form.get("pending_invoice_items_behavior") == "include"
	if currency == "" {
		for _, item := range f.pending(c.id, "") {
			currency = item.text("currency")
		}
	}
	if currency == "" {
		currency = "usd"
	}
	if currency, p = currencyOf(currency); p != nil {
		return nil, p
	}
	if q.form.get("collection_method") == "send_invoice" && !q.form.has("days_until_due") && !q.form.has("due_date") {
		return nil, badParam("days_until_due", "parameter_missing", "If invoice is not charged automatically, you must specify `days_until_due` or `due_date`.")
	}
	m := f.blankInvoice(q.now, c, currency)
	if _, p := q.apply(m, "days_until_due", "pending_invoice_items_behavior", "customer", "currency"); p != nil {
		return nil, p
	}
	if days, ok := q.form.tree()["days_until_due"].(int64); ok {
		m["due_date"] = q.now.AddDate(0, 0, int(days)).Unix()
	}
	in := f.draft(q, m, s)
	if include {
		for _, item := range f.pending(c.id, currency) {
			f.bill(q, in, item)
		}
	}
	f.emitRecord(q, "invoice.created", in, nil)
	f.advance(q, in)
	return f.shown(q, in), nil
}

// blankInvoice is a draft without lines.
func (f *Fake) blankInvoice(now time.Time, c *record, currency string) object {
	return nulls("account_tax_ids application application_fee_amount charge custom_fields default_payment_method default_source description discount "+
		"due_date effective_at ending_balance footer from_invoice hosted_invoice_url invoice_pdf last_finalization_error latest_revision next_payment_attempt "+
		"number on_behalf_of payment_intent quote receipt_number rendering shipping_cost shipping_details statement_descriptor subscription tax test_clock "+
		"transfer_data webhooks_delivered_at subscription_details", object{
		"customer": c.id, "customer_address": c.m["address"], "customer_email": c.m["email"], "customer_name": c.m["name"], "customer_phone": c.m["phone"],
		"customer_shipping": c.m["shipping"], "customer_tax_exempt": c.m["tax_exempt"], "customer_tax_ids": []any{}, "account_country": "DE", "account_name": nil,
		"currency": currency, "status": "draft", "billing_reason": "manual", "collection_method": "charge_automatically", "auto_advance": false,
		"attempt_count": int64(0), "attempted": false, "amount_due": int64(0), "amount_paid": int64(0), "amount_remaining": int64(0), "amount_shipping": int64(0),
		"subtotal": int64(0), "total": int64(0), "starting_balance": int64(0), "paid": false, "paid_out_of_band": false,
		"pre_payment_credit_notes_amount": int64(0), "post_payment_credit_notes_amount": int64(0), "period_start": now.Unix(), "period_end": now.Unix(),
		"automatic_tax": object{"enabled": false, "liability": nil, "status": nil}, "default_tax_rates": []any{}, "issuer": object{"type": "self"},
		"payment_settings":   nulls("default_mandate payment_method_options payment_method_types", object{}),
		"status_transitions": nulls("finalized_at marked_uncollectible_at paid_at voided_at", object{}),
	})
}

func (f *Fake) draft(q *request, m object, s *record) *record {
	in := f.note(q, "invoice", "in_", m)
	if in.of = s; s != nil {
		m["subscription"] = s.id
		s.m["latest_invoice"] = in.id
	}
	if c, ok := f.of("customer").get(in.text("customer")); ok && c.text("currency") == "" {
		c.m["currency"] = m["currency"]
	}
	return in
}

// advance lets a draft that goes on by itself be finalized, and collected.
func (f *Fake) advance(q *request, in *record) {
	if !in.is("auto_advance") {
		return
	}
	f.later(q.now.Add(draftTime), func(now time.Time) {
		if in.gone || in.text("status") != "draft" || !in.is("auto_advance") {
			return
		}
		q := f.own(now)
		f.finalize(q, in)
		f.collect(q, in)
	})
}

// pending are the invoice items that wait for a customer's next invoice.
func (f *Fake) pending(customer, currency string) (out []*record) {
	for _, item := range f.of("invoiceitem").rows {
		if !item.gone && item.text("customer") == customer && item.text("invoice") == "" && (currency == "" || item.text("currency") == currency) {
			out = append(out, item)
		}
	}
	return out
}

// total adds a draft's lines up.
func (f *Fake) total(in *record) {
	sum := int64(0)
	for _, line := range in.below {
		sum += line.int("amount")
	}
	due := max(sum, 0)
	if c, ok := f.of("customer").get(in.text("customer")); ok && sum > 0 {
		due = max(sum+c.int("balance"), 0)
	}
	in.m["subtotal"], in.m["total"], in.m["amount_due"], in.m["amount_remaining"] = sum, sum, due, due
}

func (f *Fake) updateInvoice(q *request, id string) (object, *problem) {
	in, p := f.find("invoice", id)
	if p != nil {
		return nil, p
	}
	if in.text("status") != "draft" {
		return f.change(q, in, "invoice.updated", "description", "footer", "auto_advance", "default_payment_method")
	}
	before := in.is("auto_advance")
	out, p := f.change(q, in, "invoice.updated", slices.DeleteFunc(slices.Clone(invoiceParams), func(name string) bool { return name == "days_until_due" })...)
	if p == nil && !before {
		f.advance(q, in)
	}
	return out, p
}

func (f *Fake) deleteInvoice(q *request, id string) (object, *problem) {
	in, p := f.find("invoice", id)
	if p != nil {
		return nil, p
	}
	if p := q.form.only(); p != nil {
		return nil, p
	}
	if in.text("status") != "draft" || in.of != nil {
		return nil, badParam("", "", "You can only delete draft invoices that are not of a subscription.")
	}
	for _, item := range f.of("invoiceitem").rows {
		if item.text("invoice") == id {
			item.gone = true
		}
	}
	f.emitRecord(q, "invoice.deleted", in, nil)
	in.gone = true
	return f.shown(q, in), nil
}

func (f *Fake) updateLine(q *request, id, line string) (object, *problem) {
	in, p := f.find("invoice", id)
	if p != nil {
		return nil, p
	}
	l, p := f.find("line_item", line)
	if p != nil {
		return nil, p
	}
	if in.text("status") != "draft" || l.of != in {
		return nil, notEditable
	}
	if p := q.form.only(append(lineParams(q.version), "amount", "description", "discountable", "metadata", "quantity", "expand")...); p != nil {
		return nil, p
	}
	if _, p := q.apply(l.m, "pricing"); p != nil {
		return nil, p
	}
	unit := l.m
	unit["unit_amount_decimal"] = nil
	if price, ok := f.of("price").get(l.text("price")); ok {
		unit["unit_amount_decimal"] = price.m["unit_amount_decimal"]
	}
	p = f.cost(q, unit)
	delete(unit, "unit_amount")
	delete(unit, "unit_amount_decimal")
	if p != nil {
		return nil, p
	}
	f.total(in)
	return f.shown(q, l), nil
}

func lineParams(version string) []string {
	if moved(version) {
		return []string{"pricing[price]"}
	}
	return []string{"price"}
}

func invoiceState(in *record, act string) *problem {
	return &problem{status: 400, kind: "invalid_request_error", code: "invoice_not_editable", early: true,
		message: "This invoice is " + in.text("status") + " and can not be " + act + "."}
}

func (f *Fake) finalizeInvoice(q *request, id string) (object, *problem) {
	in, p := f.find("invoice", id)
	if p != nil {
		return nil, p
	}
	if p := q.form.only("auto_advance", "expand"); p != nil {
		return nil, p
	}
	if in.text("status") != "draft" {
		return nil, invoiceState(in, "finalized")
	}
	if q.form.has("auto_advance") {
		in.m["auto_advance"] = q.form.get("auto_advance") == "true"
	}
	f.finalize(q, in)
	if in.is("auto_advance") && in.text("status") == "open" {
		f.later(q.now.Add(draftTime), func(now time.Time) { f.collect(f.own(now), in) })
	}
	return f.shown(q, in), nil
}

// finalize gives a draft its number and makes it due: the customer's balance first.
func (f *Fake) finalize(q *request, in *record) {
	c, _ := f.of("customer").get(in.text("customer"))
	f.total(in)
	balance, total := c.int("balance"), in.int("total")
	due, ending := max(total+balance, 0), min(total+balance, 0)
	if total <= 0 {
		due, ending = 0, balance+total
	}
	in.m["starting_balance"], in.m["ending_balance"], in.m["amount_due"], in.m["amount_remaining"] = balance, ending, due, due
	f.adjust(q, c, ending-balance, "applied_to_invoice", in.id, "")
	number := c.int("next_invoice_sequence")
	c.m["next_invoice_sequence"] = number + 1
	in.m["number"] = fmt.Sprintf("%s-%04d", c.text("invoice_prefix"), number)
	in.m["status"], in.m["effective_at"] = "open", q.now.Unix()
	in.m["hosted_invoice_url"] = "https://invoice.stripe.com/i/" + f.config.Account + "/" + in.id
	in.m["invoice_pdf"] = "https://pay.stripe.com/invoice/" + f.config.Account + "/" + in.id + "/pdf"
	in.sub("status_transitions")["finalized_at"] = q.now.Unix()
	if due > 0 {
		i := f.newIntent(q, due, in.text("currency"), "")
		i.customer, i.invoice, i.description, i.email = c.id, in, "Invoice "+in.text("number"), c.text("email")
		in.intent, in.m["payment_intent"] = i, i.id
		f.pays(i, f.payer(in, in.of))
		f.emitIntent(q, "created", i)
	}
	f.emitRecord(q, "invoice.finalized", in, nil)
	if due == 0 {
		f.paid(q, in)
	}
}

// pays gives an intent a payment method; none leaves it without.
func (f *Fake) pays(i *intent, id string) {
	m, ok := f.nature(id)
	if !ok {
		return
	}
	i.method, i.kept, i.status = m, id, "requires_confirmation"
}

// collect tries to take the money of an open invoice, if that goes by itself.
func (f *Fake) collect(q *request, in *record) {
	if in.text("status") != "open" || in.intent == nil || in.text("collection_method") == "send_invoice" {
		return
	}
	if in.of != nil && in.of.m["pause_collection"] != nil {
		return
	}
	f.pays(in.intent, f.payer(in, in.of))
	if in.intent.method == "" {
		f.refused(q, in)
		return
	}
	_ = f.confirm(q, in.intent) // what became of it shows
}

func (f *Fake) payInvoice(q *request, id string) (object, *problem) {
	in, p := f.find("invoice", id)
	if p != nil {
		return nil, p
	}
	if p := q.form.only("forgive=false", "off_session=true|false", "paid_out_of_band", "payment_method", "expand"); p != nil {
		return nil, p
	}
	switch in.text("status") {
	case "draft":
		f.finalize(q, in)
	case "open", "uncollectible":
	case "paid":
		return nil, &problem{status: 400, kind: "invalid_request_error", message: "Invoice is already paid", early: true}
	default:
		return nil, invoiceState(in, "paid")
	}
	if in.text("status") == "paid" {
		return f.shown(q, in), nil
	}
	if q.form.get("paid_out_of_band") == "true" {
		in.m["paid_out_of_band"] = true
		f.cancel(q, in.intent, "void_invoice")
		f.paid(q, in)
		return f.shown(q, in), nil
	}
	if pm := q.form.get("payment_method"); pm != "" {
		if _, ok := f.nature(pm); !ok {
			p := missing("PaymentMethod", pm)
			p.status, p.param = 400, "payment_method"
			return nil, p
		}
		f.pays(in.intent, pm)
	} else {
		f.pays(in.intent, f.payer(in, in.of))
	}
	if in.intent.method == "" {
		return nil, badParam("payment_method", "", "There is no `default_payment_method` set on this Customer or Invoice. Please set a default payment method.")
	}
	if p := f.confirm(q, in.intent); p != nil {
		return nil, p
	}
	if in.intent.status == "requires_action" {
		return nil, &problem{status: 402, kind: "card_error", code: "invoice_payment_intent_requires_action",
			message: "This payment requires additional user action before it can be completed successfully.",
			more:    object{"payment_intent": f.renderIntent(in.intent, q.version, nil)}}
	}
	return f.shown(q, in), nil
}

// paid ends an invoice well.
func (f *Fake) paid(q *request, in *record) {
	in.m["status"], in.m["paid"], in.m["amount_paid"], in.m["amount_remaining"] = "paid", true, in.m["amount_remaining"], int64(0)
	in.m["next_payment_attempt"] = nil
	if !in.is("paid_out_of_band") {
		in.m["attempted"] = true
	}
	in.sub("status_transitions")["paid_at"] = q.now.Unix()
	if i := in.intent; i != nil && i.latest() != nil {
		in.m["charge"] = i.latest().id
	}
	f.emitRecord(q, "invoice.paid", in, nil)
	f.emitRecord(q, "invoice.payment_succeeded", in, nil)
	if moved(f.config.APIVersion) && in.intent != nil {
		f.emit(q, "invoice_payment.paid", func(version string) object { return f.renderPayment(in) }, nil)
	}
	f.renewed(q, in)
}

// intentPaid tells an invoice that its intent was paid.
func (f *Fake) intentPaid(q *request, i *intent) {
	in := i.invoice
	if in == nil || in.text("status") != "open" && in.text("status") != "uncollectible" {
		return
	}
	in.m["attempt_count"] = in.int("attempt_count") + 1
	f.paid(q, in)
}

// intentFailed tells an invoice that its intent was not.
func (f *Fake) intentFailed(q *request, i *intent) {
	if i.invoice != nil && i.invoice.text("status") == "open" {
		f.refused(q, i.invoice)
	}
}

// intentWaits tells an invoice that its intent waits for the shopper.
func (f *Fake) intentWaits(q *request, i *intent) {
	if in := i.invoice; in != nil && in.text("status") == "open" {
		f.emitRecord(q, "invoice.payment_action_required", in, nil)
		f.lapse(q, in)
	}
}

// refused counts an attempt that failed, and plans the next.
func (f *Fake) refused(q *request, in *record) {
	n := in.int("attempt_count")
	in.m["attempt_count"], in.m["attempted"], in.m["next_payment_attempt"] = n+1, true, nil
	if i := in.intent; i != nil && i.latest() != nil {
		in.m["charge"] = i.latest().id
	}
	last := int(n) >= len(f.config.RetryAfter)
	plan := in.of != nil && !last && in.of.text("status") != "incomplete" && in.is("auto_advance")
	if plan {
		at := q.now.Add(f.config.RetryAfter[n])
		in.m["next_payment_attempt"] = at.Unix()
		f.later(at, func(now time.Time) {
			if in.text("status") == "open" && in.m["next_payment_attempt"] == at.Unix() {
				f.collect(f.own(now), in)
			}
		})
	}
	f.emitRecord(q, "invoice.payment_failed", in, nil)
	f.lapse(q, in)
	if in.of != nil && last && in.of.text("status") == "past_due" {
		f.endSubscription(q, in.of)
	}
}

func (f *Fake) sendInvoice(q *request, id string) (object, *problem) {
	in, p := f.find("invoice", id)
	if p != nil {
		return nil, p
	}
	if p := q.form.only("expand"); p != nil {
		return nil, p
	}
	if in.text("collection_method") != "send_invoice" {
		return nil, badParam("", "", "You can only manually send an invoice if its collection method is 'send_invoice'.")
	}
	switch in.text("status") {
	case "draft":
		f.finalize(q, in)
	case "open", "uncollectible", "paid":
	default:
		return nil, invoiceState(in, "sent")
	}
	f.emitRecord(q, "invoice.sent", in, nil)
	return f.shown(q, in), nil
}

func (f *Fake) voidInvoice(q *request, id string) (object, *problem) {
	in, p := f.find("invoice", id)
	if p != nil {
		return nil, p
	}
	if p := q.form.only("expand"); p != nil {
		return nil, p
	}
	if !slices.Contains([]string{"open", "uncollectible"}, in.text("status")) {
		return nil, invoiceState(in, "voided")
	}
	f.void(q, in)
	return f.shown(q, in), nil
}

// void ends an invoice as if it had never been: what it took of the balance goes back.
func (f *Fake) void(q *request, in *record) {
	in.m["status"], in.m["auto_advance"], in.m["next_payment_attempt"] = "void", false, nil
	in.sub("status_transitions")["voided_at"] = q.now.Unix()
	if c, ok := f.of("customer").get(in.text("customer")); ok {
		f.adjust(q, c, in.int("starting_balance")-in.int("ending_balance"), "unapplied_from_invoice", in.id, "")
	}
	if i := in.intent; i != nil && i.status != "canceled" && i.status != "succeeded" {
		f.cancel(q, i, "void_invoice")
	}
	f.emitRecord(q, "invoice.voided", in, nil)
}

func (f *Fake) markInvoice(q *request, id string) (object, *problem) {
	in, p := f.find("invoice", id)
	if p != nil {
		return nil, p
	}
	if p := q.form.only("expand"); p != nil {
		return nil, p
	}
	if in.text("status") != "open" {
		return nil, invoiceState(in, "marked as uncollectible")
	}
	f.giveUp(q, in)
	return f.shown(q, in), nil
}

func (f *Fake) giveUp(q *request, in *record) {
	in.m["status"], in.m["next_payment_attempt"] = "uncollectible", nil
	in.sub("status_transitions")["marked_uncollectible_at"] = q.now.Unix()
	f.emitRecord(q, "invoice.marked_uncollectible", in, nil)
}

func (f *Fake) renderPayment(in *record) object {
	i := in.intent
	m := object{"id": "inpay_" + in.id[len("in_"):], "object": "invoice_payment", "livemode": f.config.Livemode, "created": i.created.Unix(),
		"amount_paid": nil, "amount_requested": i.amount, "currency": i.currency, "invoice": in.id, "is_default": true, "status": "open",
		"payment":            object{"type": "payment_intent", "payment_intent": i.id},
		"status_transitions": object{"canceled_at": stamp(i.canceled), "paid_at": nil}}
	switch i.status {
	case "succeeded":
		m["status"], m["amount_paid"] = "paid", i.received
		m["status_transitions"] = object{"canceled_at": nil, "paid_at": in.sub("status_transitions")["paid_at"]}
	case "canceled":
		m["status"] = "canceled"
	}
	return m
}

func (f *Fake) renderInvoice(r *record, m object, version string, x expansion) {
	m["lines"] = f.nested(r, version, "/v1/invoices/"+r.id+"/lines")
	m["discounts"] = []any{}
	if !moved(version) {
		m["total_tax_amounts"], m["total_discount_amounts"] = []any{}, []any{}
		m["subtotal_excluding_tax"], m["total_excluding_tax"] = m["subtotal"], m["total"]
		return
	}
	m["parent"] = nil
	if s := r.text("subscription"); s != "" {
		m["parent"] = object{"type": "subscription_details", "quote_details": nil, "subscription_details": object{"metadata": nil, "subscription": s}}
	}
	if _, ok := x["payments"]; ok {
		payments := []object{}
		if r.intent != nil {
			payments = append(payments, f.renderPayment(r))
		}
		m["payments"] = object{"object": "list", "data": payments, "has_more": false, "url": "/v1/invoice_payments"}
	}
	m["amount_overpaid"], m["amount_paid_off_stripe"], m["total_taxes"] = int64(0), int64(0), []any{}
	for _, name := range []string{"charge", "payment_intent", "paid", "paid_out_of_band", "subscription", "subscription_details", "quote", "tax", "discount",
		"application_fee_amount", "transfer_data"} {
		delete(m, name)
	}
}
