package stripetest

import "time"

// authorisedFor is how long most card authorisations last.
// Source: docs.stripe.com/payments/place-a-hold-on-a-payment-method, read 2026-11.
const authorisedFor = 7 * 24 * time.Hour

// expire ends an authorisation that nobody captured, or releases what was not captured of
// one that may be captured in parts.
func (f *Fake) expire(now time.Time, c *charge) {
	i := c.intent
	if i.status != "requires_capture" || i.latest() != c {
		return
	}
	q := f.own(now)
	if i.received > 0 {
		f.takeAll(q, i, 0)
		return
	}
	f.release(q, c)
	f.emitCharge(q, "charge.expired", c, nil)
	f.cancel(q, i, map[bool]string{true: "expired", false: "automatic"}[moved(q.version)])
}

// release gives an uncaptured charge back whole. Before 2025-03-31.basil that is a refund
// of the charge, though no money moves: it is listed with the others and told as one.
// Source: docs.stripe.com/changelog/basil/2025-03-31, read 2026-11. Which version counts
// is taken to be that of the request that releases it.
func (f *Fake) release(q *request, c *charge) {
	c.intent.capturable = 0
	if !moved(q.version) {
		c.refunded, c.amountRefunded = true, c.amount
		f.addRelease(q, c, c.amount, nil)
	}
	if r := c.review; r != nil && r.closed == "" {
		r.closed = map[bool]string{true: "canceled", false: "refunded"}[moved(q.version)]
		f.emitReview(q, "closed", r)
	}
}

// addRelease adds the refund that stands for money that was reserved and not taken.
func (f *Fake) addRelease(q *request, c *charge, amount int64, t *txn) {
	r := &refund{id: f.id("re_"), created: q.now, amount: amount, status: "succeeded", charge: c, txn: t, metadata: map[string]string{}}
	if t != nil {
		t.source = r.id
	}
	c.refunds = append(c.refunds, r)
	f.refunds.add(r)
	f.emitCharge(q, "charge.refunded", c, nil)
}

func (f *Fake) captureIntent(q *request, id string) (object, *problem) {
	i, ok := f.intents.get(id)
	if !ok {
		return nil, missing("payment_intent", id)
	}
	if p := q.form.only("amount_to_capture", "expand", "metadata", "final_capture=true|false",
		"application_fee_amount", "transfer_data[amount]"); p != nil {
		return nil, p
	}
	if i.status != "requires_capture" {
		return nil, unexpected(i, "captured")
	}
	metadata, p := q.form.metadata("metadata", i.metadata)
	if p != nil {
		return nil, p
	}
	before := i.metadata
	i.metadata = metadata
	if p := f.capture(q, i, "amount_to_capture"); p != nil {
		i.metadata = before
		return nil, p
	}
	return f.renderIntent(i, q.version, q.expand("")), nil
}

// capture takes the money of an authorisation: all of it, or what a parameter says. The
// rest is released, unless more captures are to follow (final_capture=false).
func (f *Fake) capture(q *request, i *intent, param string) *problem {
	amount, p := i.capturable, (*problem)(nil)
	if q.form.has(param) {
		if amount, p = q.form.amount(param); p != nil {
			return p
		}
		if amount > i.capturable {
			return badParam(param, "amount_too_large", "The amount to capture is above what is capturable")
		}
	}
	final := q.form.get("final_capture") != "false"
	if !final && (!i.parts || i.split != split{}) { // which part is whose is not said in a source at hand (2026-11)
		return badParam("final_capture", "", "Multicapture is not available for this PaymentIntent")
	}
	if i.split, p = f.split(q, "", i.split, amount); p != nil {
		return p
	}
	if final {
		f.takeAll(q, i, amount)
	} else {
		f.takePart(q, i, amount)
	}
	return nil
}

// takePart captures a part after which others follow. The charge is not captured until the
// last: its amount_captured and its newest balance transaction are told by charge.updated.
// Source: docs.stripe.com/payments/multicapture and the webhooks of
// github.com/stripe/stripe-commercetools-checkout-app, read 2026-11.
func (f *Fake) takePart(q *request, i *intent, amount int64) {
	c := i.latest()
	before := object{"amount_captured": c.amountCaptured}
	c.amountCaptured += amount
	i.capturable -= amount
	i.received += amount
	f.captureTxn(q.now, c, amount, amount)
	f.emitCharge(q, "charge.updated", c, before)
	f.emitIntent(q, "amount_capturable_updated", i)
}

// takeAll captures an amount and releases the rest, where there is one.
func (f *Fake) takeAll(q *request, i *intent, amount int64) {
	c, first := i.latest(), i.received == 0
	rest := i.capturable - amount
	c.captured = true
	c.amountCaptured += amount
	i.status, i.capturable, i.received = "succeeded", 0, i.received+amount
	switch {
	case first && rest > 0 && !moved(q.version):
		// The charge is booked whole, and what was left out is booked back by a refund,
		// which counts in amount_refunded though nothing had been taken.
		f.captureTxn(q.now, c, c.amount, amount)
		c.amountRefunded = rest
		f.addRelease(q, c, rest, f.move(q.now, c.currency, -rest, 0, "refund", "partial_capture_reversal", ""))
	case amount > 0:
		f.captureTxn(q.now, c, amount, amount)
	}
	f.emitCharge(q, "charge.captured", c, nil)
	f.emitIntent(q, "succeeded", i)
	if claim := natures[i.method].claim; claim != nil {
		f.dispute(q, c, *claim)
	}
}
