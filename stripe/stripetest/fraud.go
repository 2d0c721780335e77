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
		c.review = &review{id: f.id("prv_"), created: q.now, charge: c}
		f.reviews.add(c.review)
		f.emitReview(q, "opened", c.review)
	}
	if n.warned {
		c.warning = &warning{id: f.id("issfr_"), created: q.now, charge: c, actionable: true}
		f.warnings.add(c.warning)
		f.emitWarning(q, "created", c.warning)
	}
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

// Reviews returns all reviews, oldest first.
func (f *Fake) Reviews() []stripe.Review {
	return all(f, &f.reviews, func(r *review) stripe.Review { return view[stripe.Review](f.renderReview(r, stripe.APIVersion, nil)) })
}

// EarlyFraudWarnings returns all early fraud warnings, oldest first.
func (f *Fake) EarlyFraudWarnings() []stripe.EarlyFraudWarning {
	return all(f, &f.warnings, func(w *warning) stripe.EarlyFraudWarning {
		return view[stripe.EarlyFraudWarning](f.renderWarning(w, stripe.APIVersion, nil))
	})
}
