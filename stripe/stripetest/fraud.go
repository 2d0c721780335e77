package stripetest

import (
	"time"

	"github.com/commercesync/commerce/stripe"
)

// review asks a person to look at a payment.
type review struct {
	id      string
	created time.Time
	charge  *charge
	closed  string // why; empty = open
}

func (r *review) key() string        { return r.id }
func (r *review) when() time.Time    { return r.created }
func (r *review) fact(string) string { return "" }

// warning is an issuer that thinks a payment is fraud.
type warning struct {
	id         string
	created    time.Time
	charge     *charge
	actionable bool
}

func (w *warning) key() string     { return w.id }
func (w *warning) when() time.Time { return w.created }
func (w *warning) fact(name string) string {
	switch name {
	case "charge":
		return w.charge.id
	case "payment_intent":
		return w.charge.intent.id
	}
	return ""
}

// look lets Radar and the issuer look at a payment.
func (f *Fake) look(q *request, c *charge) {
	n := natures[c.method]
	if n.reviewed {
		f.openReview(q, c)
	}
	if n.warned {
		f.warn(q, c)
	}
}

func (f *Fake) openReview(q *request, c *charge) *review {
	c.review = &review{id: f.id("prv_"), created: q.now, charge: c}
	f.reviews.add(c.review)
	f.emitReview(q, "opened", c.review)
	return c.review
}

func (f *Fake) warn(q *request, c *charge) *warning {
	c.warning = &warning{id: f.id("issfr_"), created: q.now, charge: c, actionable: !c.refunded && c.dispute == nil}
	f.warnings.add(c.warning)
	f.emitWarning(q, "created", c.warning)
	return c.warning
}

// Review lets Radar ask a person to look at a payment. A charge that is reviewed already,
// or that took and reserved nothing, is an error of kind conflict.
func (f *Fake) Review(charge string) (stripe.Review, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	c, ok := f.charges.get(charge)
	if !ok || c.status != "succeeded" || c.review != nil {
		return stripe.Review{}, conflict("review", "there is no such charge that nobody looked at")
	}
	return f.viewReview(f.openReview(f.own(f.config.Now()), c)), nil
}

// Warn lets the issuer warn of fraud, as it does days after a payment. A charge that was
// warned of, or took nothing, is an error of kind conflict.
func (f *Fake) Warn(charge string) (stripe.EarlyFraudWarning, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	c, ok := f.charges.get(charge)
	if !ok || c.status != "succeeded" || c.warning != nil {
		return stripe.EarlyFraudWarning{}, conflict("warn", "there is no such charge that nobody warned of")
	}
	return f.viewWarning(f.warn(f.own(f.config.Now()), c)), nil
}

// overtaken ends a review and takes a warning's urgency where the payment was given
// back wholly or disputed.
func (f *Fake) overtaken(q *request, c *charge, why string) {
	if r := c.review; r != nil && r.closed == "" {
		r.closed = why
		f.emitReview(q, "closed", r)
	}
	if w := c.warning; w != nil && w.actionable {
		w.actionable = false
		f.emitWarning(q, "updated", w)
	}
}

func (f *Fake) approveReview(q *request, id string) (object, *problem) {
	r, ok := f.reviews.get(id)
	if !ok {
		return nil, missing("review", id)
	}
	if p := q.form.only("expand"); p != nil {
		return nil, p
	}
	if r.closed != "" {
		return nil, badParam("", "", "This review is already closed.")
	}
	r.closed = "approved"
	f.emitReview(q, "closed", r)
	return f.renderReview(r, q.version, q.expand("")), nil
}

func (f *Fake) emitReview(q *request, what string, r *review) {
	f.emit(q, "review."+what, func(v string) object { return f.renderReview(r, v, nil) }, nil)
}

func (f *Fake) emitWarning(q *request, what string, w *warning) {
	f.emit(q, "radar.early_fraud_warning."+what, func(v string) object { return f.renderWarning(w, v, nil) }, nil)
}

func (f *Fake) renderReview(r *review, version string, x expansion) object {
	reason := r.closed
	if reason == "" {
		reason = "rule"
	}
	m := object{"id": r.id, "object": "review", "livemode": f.config.Livemode, "created": r.created.Unix(), "open": r.closed == "",
		"reason": reason, "opened_reason": "rule", "closed_reason": orNull(r.closed), "billing_zip": nil, "ip_address": nil,
		"ip_address_location": nil, "session": nil}
	f.linkPayment(m, r.charge, version, x)
	return m
}

func (f *Fake) renderWarning(w *warning, version string, x expansion) object {
	m := object{"id": w.id, "object": "radar.early_fraud_warning", "livemode": f.config.Livemode, "created": w.created.Unix(),
		"actionable": w.actionable, "fraud_type": "made_with_stolen_card"}
	f.linkPayment(m, w.charge, version, x)
	return m
}

func (f *Fake) linkPayment(m object, c *charge, version string, x expansion) {
	m["charge"] = link(x, "charge", c.id, func(x expansion) object { return f.renderCharge(c, version, x) })
	m["payment_intent"] = link(x, "payment_intent", c.intent.id, func(x expansion) object { return f.renderIntent(c.intent, version, x) })
}

func (f *Fake) viewReview(r *review) stripe.Review {
	return view[stripe.Review](f.renderReview(r, stripe.APIVersion, nil))
}

func (f *Fake) viewWarning(w *warning) stripe.EarlyFraudWarning {
	return view[stripe.EarlyFraudWarning](f.renderWarning(w, stripe.APIVersion, nil))
}

// Reviews returns all reviews, oldest first.
func (f *Fake) Reviews() []stripe.Review { return all(f, &f.reviews, f.viewReview) }

// EarlyFraudWarnings returns all early fraud warnings, oldest first.
func (f *Fake) EarlyFraudWarnings() []stripe.EarlyFraudWarning {
	return all(f, &f.warnings, f.viewWarning)
}
