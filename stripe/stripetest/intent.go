package stripetest

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// intent is a payment intent.
type intent struct {
	id, secret  string
	created     time.Time
	amount      int64
	capturable  int64
	received    int64
	currency    string
	status      string
	capture     string
	customer    string
	description string
	email       string
	metadata    map[string]string
	types       []string
	method      Method
	kept        string  // the payment method's own id, where it is kept
	invoice     *record // that it pays
	charges     []*charge
	failure     *failure
	canceled    time.Time
	reason      string
	session     *session
	split       split
	parts       bool   // it may be captured more than once
	group       string // of its transfers, where Stripe made it up
	said        object // what a request said and only answers repeat
	version     string // of the request that made it: decides how it captures
}

// failure is the last error of an intent or a charge.
type failure struct {
	code, decline, message, charge string
}

func (i *intent) key() string     { return i.id }
func (i *intent) when() time.Time { return i.created }
func (i *intent) fact(name string) string {
	if name == "customer" {
		return i.customer
	}
	return ""
}

// shown is the payment method's id.
func (i *intent) shown() string { return cmp.Or(i.kept, string(i.method)) }

// bill is the id of the invoice that the intent pays; nil where it pays none.
func (i *intent) bill() any {
	if i.invoice == nil {
		return nil
	}
	return i.invoice.id
}

func (i *intent) latest() *charge {
	if len(i.charges) == 0 {
		return nil
	}
	return i.charges[len(i.charges)-1]
}

// asynchronous reports whether a version captures cards asynchronously by default.
// Source: docs.stripe.com/payments/payment-intents/asynchronous-capture, read 2026-11.
func asynchronous(version string) bool { return version >= "2024-04-10" }

func (f *Fake) newIntent(q *request, amount int64, currency, capture string) *intent {
	i := &intent{id: f.id("pi_"), created: q.now, amount: amount, currency: currency, capture: capture,
		status: "requires_payment_method", metadata: map[string]string{}, types: []string{"card"}, version: q.version}
	if i.capture == "" {
		i.capture = "automatic"
		if asynchronous(q.version) {
			i.capture = "automatic_async"
		}
	}
	i.secret = i.id + "_secret_" + f.id("")
	f.intents.add(i)
	return i
}

func currencyOf(s string) (string, *problem) {
	if s == "" {
		return "", badParam("currency", "parameter_missing", "Missing required param: currency.")
	}
	if _, err := commerce.ParseCurrency(s); err != nil {
		return "", badParam("currency", "", "Invalid currency: "+s)
	}
	return strings.ToLower(s), nil
}

// unit refuses amounts that the currency does not have.
// Source: docs.stripe.com/currencies, read 2026-11.
func unit(amount int64, currency string) *problem {
	m, err := commerce.FromStripe(amount, currency, commerce.StripeCharge)
	if err == nil {
		_, err = m.Stripe(commerce.StripeCharge)
	}
	if err != nil {
		return badParam("amount", "invalid_charge_amount", "Invalid amount for the currency")
	}
	return nil
}

func (f *Fake) createIntent(q *request) (object, *problem) {
	if p := q.form.only("amount", "currency", "capture_method", "confirm", "customer", "description", "expand", "metadata",
		"payment_method", "payment_method_types", "automatic_payment_methods[enabled]", "automatic_payment_methods[allow_redirects]",
		"receipt_email", "return_url", "off_session=true|false|one_off|recurring", "confirmation_method", "setup_future_usage",
		"shipping[address][city]", "shipping[address][country]", "shipping[address][line1]", "shipping[address][line2]",
		"shipping[address][postal_code]", "shipping[address][state]", "shipping[carrier]", "shipping[name]", "shipping[phone]",
		"payment_method_options[card][request_multicapture]=if_available|never", "shipping[tracking_number]", "statement_descriptor", "statement_descriptor_suffix", "transfer_group", splitParams[0], splitParams[1], splitParams[2], splitParams[3]); p != nil {
		return nil, p
	}
	if _, p := f.customer(q); p != nil {
		return nil, p
	}
	amount, p := q.form.amount("amount")
	if p != nil {
		return nil, p
	}
	currency, p := currencyOf(q.form.get("currency"))
	if p != nil {
		return nil, p
	}
	if p := unit(amount, currency); p != nil {
		return nil, p
	}
	capture := q.form.get("capture_method")
	if !slices.Contains([]string{"", "automatic", "automatic_async", "manual"}, capture) {
		return nil, badParam("capture_method", "", "Invalid capture_method")
	}
	metadata, p := q.form.metadata("metadata", nil)
	if p != nil {
		return nil, p
	}
	shares, p := f.split(q, "", split{}, amount)
	if p != nil {
		return nil, p
	}
	kept := q.form.get("payment_method")
	method, ok := f.nature(kept)
	if kept != "" && !ok {
		return nil, missing("PaymentMethod", kept)
	}
	i := f.newIntent(q, amount, currency, capture)
	i.split = shares
	i.metadata, i.method, i.kept = metadata, method, kept
	i.customer, i.description, i.email = q.form.get("customer"), q.form.get("description"), q.form.get("receipt_email")
	i.parts = capture == "manual" && q.form.get("payment_method_options[card][request_multicapture]") == "if_available"
	i.said = q.form.said("automatic_payment_methods", "confirmation_method", "payment_method_options", "setup_future_usage", "shipping",
		"statement_descriptor", "statement_descriptor_suffix", "transfer_group")
	if types := q.form.array("payment_method_types"); len(types) > 0 {
		i.types = types
	}
	if method != "" {
		i.status = "requires_confirmation"
	}
	f.emitIntent(q, "created", i)
	if q.form.get("confirm") == "true" {
		if p := f.confirm(q, i); p != nil {
			return nil, p
		}
	}
	return f.renderIntent(i, q.version, q.expand("")), nil
}

func (f *Fake) updateIntent(q *request, id string) (object, *problem) {
	i, ok := f.intents.get(id)
	if !ok {
		return nil, missing("payment_intent", id)
	}
	if p := q.form.only("amount", "currency", "customer", "description", "expand", "metadata", "payment_method", "receipt_email",
		"application_fee_amount", "transfer_data[amount]", "transfer_group"); p != nil {
		return nil, p
	}
	if _, p := f.customer(q); p != nil {
		return nil, p
	}
	metadata, p := q.form.metadata("metadata", i.metadata)
	if p != nil {
		return nil, p
	}
	if q.form.has("amount") {
		if !strings.HasPrefix(i.status, "requires_") || i.status == "requires_capture" {
			return nil, unexpected(i, "updated")
		}
		amount, p := q.form.amount("amount")
		if p != nil {
			return nil, p
		}
		i.amount = amount
	}
	if q.form.has("currency") {
		if i.currency, p = currencyOf(q.form.get("currency")); p != nil {
			return nil, p
		}
	}
	if i.split, p = f.split(q, "", i.split, i.amount); p != nil {
		return nil, p
	}
	if q.form.has("transfer_group") {
		i.said = merge(i.said, object{"transfer_group": q.form.get("transfer_group")}).(object)
	}
	i.metadata = metadata
	for name, field := range map[string]*string{"customer": &i.customer, "description": &i.description, "receipt_email": &i.email} {
		if q.form.has(name) {
			*field = q.form.get(name)
		}
	}
	if kept := q.form.get("payment_method"); kept != "" {
		m, ok := f.nature(kept)
		if !ok {
			return nil, missing("PaymentMethod", kept)
		}
		i.method, i.kept = m, kept
		if i.status == "requires_payment_method" {
			i.status = "requires_confirmation"
		}
	}
	return f.renderIntent(i, q.version, q.expand("")), nil
}

// unexpected is the refusal of an act that the intent's state does not allow.
func unexpected(i *intent, act string) *problem {
	return &problem{status: 400, kind: "invalid_request_error", code: "payment_intent_unexpected_state",
		message: "You cannot have this PaymentIntent " + act + " because it has a status of " + i.status + "."}
}

func (f *Fake) confirmIntent(q *request, id string) (object, *problem) {
	i, ok := f.intents.get(id)
	if !ok {
		return nil, missing("payment_intent", id)
	}
	if p := q.form.only("payment_method", "expand", "return_url", "receipt_email", "off_session=true|false|one_off|recurring", "capture_method"); p != nil {
		return nil, p
	}
	for name, field := range map[string]*string{"receipt_email": &i.email, "capture_method": &i.capture} {
		if q.form.has(name) {
			*field = q.form.get(name)
		}
	}
	if kept := q.form.get("payment_method"); kept != "" {
		m, ok := f.nature(kept)
		if !ok {
			return nil, missing("PaymentMethod", kept)
		}
		i.method, i.kept = m, kept
	}
	if p := f.confirm(q, i); p != nil {
		return nil, p
	}
	return f.renderIntent(i, q.version, q.expand("")), nil
}

// confirm tries to pay an intent with its method.
func (f *Fake) confirm(q *request, i *intent) *problem {
	switch i.status {
	case "requires_payment_method", "requires_confirmation", "requires_action":
	default:
		return unexpected(i, "confirmed")
	}
	if i.method == "" {
		return badParam("payment_method", "parameter_missing", "You cannot confirm this PaymentIntent because it's missing a payment method.")
	}
	if pm, ok := f.of("payment_method").get(i.kept); ok && pm.text("customer") != "" && pm.text("customer") != i.customer {
		return badParam("payment_method", "", "The customer does not have a payment method with the ID "+i.kept+". The payment method must be attached to the customer.")
	}
	n := natures[i.method]
	switch {
	case n.action && i.status != "requires_action":
		i.status = "requires_action"
		f.emitIntent(q, "requires_action", i)
		f.intentWaits(q, i)
		return nil
	case n.decline != "":
		c := f.newCharge(q, i)
		f.failCharge(q, c, &failure{n.decline, n.reason, n.message, c.id})
		return f.cardError(q, i)
	case n.debit():
		c := f.newCharge(q, i)
		c.status = "pending"
		i.status, i.failure = "processing", nil
		f.emitIntent(q, "processing", i)
		f.emitCharge(q, "charge.pending", c, nil)
		f.later(q.now.Add(f.config.DebitTime), func(now time.Time) { f.settleDebit(now, c, n) })
		return nil
	}
	f.succeed(q, f.newCharge(q, i))
	return nil
}

// cardError is the answer to a confirmation that was declined.
func (f *Fake) cardError(q *request, i *intent) *problem {
	e := i.failure
	more := object{"charge": e.charge, "payment_intent": f.renderIntent(i, q.version, nil)}
	if e.decline != "" {
		more["decline_code"] = e.decline
	}
	return &problem{status: 402, kind: "card_error", code: e.code, message: e.message, more: more}
}

// succeed makes a charge an authorisation or money.
func (f *Fake) succeed(q *request, c *charge) {
	i := c.intent
	c.status, c.paid, i.failure = "succeeded", true, nil
	if i.capture == "manual" {
		i.status, i.capturable = "requires_capture", c.amount
		f.emitCharge(q, "charge.succeeded", c, nil)
		f.emitIntent(q, "amount_capturable_updated", i)
		f.later(q.now.Add(authorisedFor), func(now time.Time) { f.expire(now, c) })
		return
	}
	c.captured, c.amountCaptured = true, c.amount
	i.status, i.received = "succeeded", c.amount
	if i.capture == "automatic_async" && natures[i.method].kind == "card" {
		f.later(q.now.Add(f.config.SettleTime), func(now time.Time) {
			q := f.own(now)
			f.captureTxn(now, c, c.amount, c.amount)
			late := object{"balance_transaction": nil}
			if c.transfer != nil {
				late["transfer"] = nil
			}
			if c.fee != nil {
				late["application_fee"] = nil
			}
			f.emitCharge(q, "charge.updated", c, late)
		})
	} else {
		f.captureTxn(q.now, c, c.amount, c.amount)
	}
	f.emitCharge(q, "charge.succeeded", c, nil)
	f.emitIntent(q, "succeeded", i)
	f.completeSession(q, i)
	f.intentPaid(q, i)
	f.look(q, c)
	if claim := natures[i.method].claim; claim != nil {
		f.dispute(q, c, *claim)
	}
}

// incrementIntent raises what an authorisation reserves.
func (f *Fake) incrementIntent(q *request, id string) (object, *problem) {
	i, ok := f.intents.get(id)
	if !ok {
		return nil, missing("payment_intent", id)
	}
	if p := q.form.only("amount", "application_fee_amount", "transfer_data[amount]", "description", "metadata", "expand"); p != nil {
		return nil, p
	}
	if i.status != "requires_capture" {
		return nil, unexpected(i, "incremented")
	}
	amount, p := q.form.amount("amount")
	if p != nil {
		return nil, p
	}
	if amount <= i.amount {
		return nil, badParam("amount", "", "The amount must be greater than that of the PaymentIntent")
	}
	metadata, p := q.form.metadata("metadata", i.metadata)
	if p != nil {
		return nil, p
	}
	if i.split, p = f.split(q, "", i.split, amount); p != nil {
		return nil, p
	}
	if q.form.has("description") {
		i.description = q.form.get("description")
	}
	i.capturable += amount - i.amount
	i.metadata, i.amount, i.latest().amount = metadata, amount, amount
	f.emitIntent(q, "amount_capturable_updated", i)
	return f.renderIntent(i, q.version, q.expand("")), nil
}

func (f *Fake) cancelIntent(q *request, id string) (object, *problem) {
	i, ok := f.intents.get(id)
	if !ok {
		return nil, missing("payment_intent", id)
	}
	if p := q.form.only("cancellation_reason=abandoned|duplicate|fraudulent|requested_by_customer", "expand"); p != nil {
		return nil, p
	}
	if i.status == "succeeded" || i.status == "canceled" || i.status == "processing" {
		return nil, unexpected(i, "canceled")
	}
	if i.session != nil && i.session.status == "open" {
		// Source: docs.stripe.com/api/payment_intents/cancel, read 2026-11.
		return nil, unexpected(i, "canceled; expire its Checkout Session")
	}
	switch c := i.latest(); {
	case i.status == "requires_capture" && i.received > 0:
		f.takeAll(q, i, 0) // what was captured stays
		return f.renderIntent(i, q.version, q.expand("")), nil
	case i.status == "requires_capture":
		f.release(q, c)
	}
	f.cancel(q, i, q.form.get("cancellation_reason"))
	return f.renderIntent(i, q.version, q.expand("")), nil
}

func (f *Fake) cancel(q *request, i *intent, reason string) {
	i.status, i.canceled, i.reason, i.capturable = "canceled", q.now, reason, 0
	f.emitIntent(q, "canceled", i)
}

// own is a request that nobody sent: things that happen by themselves.
func (f *Fake) own(now time.Time) *request {
	return &request{version: f.config.APIVersion, now: now}
}
