package stripetest

import (
	"math/big"
	"time"
)

// refund is money given back.
type refund struct {
	id         string
	created    time.Time
	amount     int64
	status     string
	reason     string
	charge     *charge
	txn        *txn
	metadata   map[string]string
	pending    string // why it is pending
	failure    string // why it failed
	failureTxn *txn
	source     *reversal // that it is, at the merchant
	reversal   *reversal // of the transfer, that it asked for
}

func (r *refund) key() string     { return r.id }
func (r *refund) when() time.Time { return r.created }
func (r *refund) fact(name string) string {
	switch name {
	case "charge":
		return r.charge.id
	case "payment_intent":
		return r.charge.intent.id
	}
	return ""
}

func (f *Fake) createRefund(q *request) (object, *problem) {
	if p := q.form.only("charge", "payment_intent", "amount", "reason=duplicate|fraudulent|requested_by_customer", "metadata", "expand",
		"refund_application_fee", "reverse_transfer"); p != nil {
		return nil, p
	}
	var c *charge
	if id := q.form.get("charge"); id != "" {
		got, ok := f.charges.get(id)
		if !ok {
			return nil, missing("charge", id)
		}
		c = got
	} else if id := q.form.get("payment_intent"); id != "" {
		i, ok := f.intents.get(id)
		if !ok {
			return nil, missing("payment_intent", id)
		}
		c = i.latest()
	}
	if id := q.form.get("payment_intent"); c != nil && id != "" && id != c.intent.id {
		return nil, badParam("payment_intent", "", "The charge is not of this payment_intent")
	}
	if c == nil || c.amountCaptured == 0 || c.status != "succeeded" {
		return nil, badParam("charge", "", "There is no successful charge to refund")
	}
	if d := c.dispute; d != nil && !d.inquiry() && d.status != "won" {
		return nil, &problem{status: 400, kind: "invalid_request_error", code: "refund_disputed_payment",
			message: "This charge is disputed; it can not be refunded."}
	}
	left := c.toRefund()
	if left == 0 {
		return nil, &problem{status: 400, kind: "invalid_request_error", code: "charge_already_refunded",
			message: "Charge " + c.id + " has already been refunded."}
	}
	amount := left
	if q.form.has("amount") {
		var p *problem
		if amount, p = q.form.amount("amount"); p != nil {
			return nil, p
		}
		if amount > left {
			return nil, badParam("amount", "", "Refund amount is greater than unrefunded amount on charge")
		}
	}
	if c.transfer == nil && q.form.get("reverse_transfer") == "true" {
		return nil, badParam("reverse_transfer", "", "The charge has no transfer to reverse.")
	}
	if c.fee == nil && q.form.get("refund_application_fee") == "true" {
		return nil, badParam("refund_application_fee", "", "The charge has no application fee to refund.")
	}
	metadata, p := q.form.metadata("metadata", nil)
	if p != nil {
		return nil, p
	}
	r := &refund{id: f.id("re_"), created: q.now, amount: amount, status: "succeeded", reason: q.form.get("reason"),
		charge: c, metadata: metadata}
	n := natures[c.method]
	switch {
	case n.refundAsks:
		r.status = "requires_action"
	case n.refundPends:
		r.status, r.pending = "pending", "processing"
	}
	if f.config.RefundsFromBalance && f.available(c.currency) < amount {
		r.status, r.pending = "pending", "insufficient_funds"
		f.waiting = append(f.waiting, r)
	} else {
		f.takeBack(q.now, r)
	}
	before := c.amountRefunded
	c.amountRefunded += amount
	c.refunded = left == amount && c.captured
	c.refunds = append(c.refunds, r)
	f.refunds.add(r)
	f.giveBackShares(q, r)
	f.emit(q, "refund.created", func(version string) object { return f.renderRefund(r, version, nil) }, nil)
	f.emitCharge(q, "charge.refunded", c, object{"amount_refunded": before})
	if r.txn != nil && (n.refundPends || n.refundFails) {
		f.later(q.now.Add(f.config.RefundTime), func(now time.Time) {
			f.endRefund(now, r, map[bool]string{true: "expired_or_canceled_card"}[n.refundFails])
		})
	}
	if d := c.dispute; d != nil && !d.closed() && c.refunded {
		f.resolve(q, d, false) // an inquiry ends when the money is back
	}
	if c.refunded {
		f.overtaken(q, c, map[bool]string{true: "refunded_as_fraud", false: "refunded"}[r.reason == "fraudulent"])
	}
	return f.renderRefund(r, q.version, q.expand("")), nil
}

// toRefund is what of a charge can still be given back: what was captured, less what was.
func (c *charge) toRefund() int64 {
	left := c.amountCaptured
	for _, r := range c.refunds {
		if !r.released() && r.status != "failed" && r.status != "canceled" {
			left -= r.amount
		}
	}
	return left
}

// released reports whether a refund stands for money that was reserved and not taken.
func (r *refund) released() bool {
	return r.charge.amountCaptured == 0 || r.txn != nil && r.txn.category == "partial_capture_reversal"
}

// available is what of the balance refunds of a currency can be paid from, in its units.
func (f *Fake) available(currency string) int64 {
	settled := currency
	if f.config.Rates[currency] != "" && f.config.Settlement != "" {
		settled = f.config.Settlement
	}
	s := f.sums(f.config.Now())[settled]
	switch {
	case s == nil:
		return 0
	case settled == currency:
		return s.available
	}
	rate, _ := new(big.Rat).SetString(f.config.Rates[currency])
	return exchange(s.available, rate.Inv(rate).RatString())
}

// takeBack takes the money of a refund out of the balance.
func (f *Fake) takeBack(now time.Time, r *refund) {
	kind := "refund"
	if natures[r.charge.method].debit() {
		kind = "payment_refund"
	}
	r.txn = f.move(now, r.charge.currency, -r.amount, 0, kind, "refund", r.id)
	if f.config.RefundsFromBalance {
		f.now(r.txn)
	}
}

// payWaiting sends the refunds on their way that waited for the balance, oldest first.
func (f *Fake) payWaiting(now time.Time) {
	for len(f.waiting) > 0 && f.available(f.waiting[0].charge.currency) >= f.waiting[0].amount {
		r := f.waiting[0]
		f.waiting = f.waiting[1:]
		f.takeBack(now, r)
		f.endRefund(now, r, "")
	}
}

// endRefund ends a refund days after it began. One that fails brings the money back
// to the balance, and the charge counts it no longer. That the balance transaction of
// a pending refund is there from the start, and that the charge's amount_refunded goes
// down again, is not said in a source at hand (2026-11).
func (f *Fake) endRefund(now time.Time, r *refund, failure string) {
	q := f.own(now)
	before := r.status
	r.status, r.pending, r.failure = "succeeded", "", failure
	fails := failure != ""
	if fails {
		r.status = "failed"
		f.bringBack(now, r)
	}
	f.emitRefund(q, "refund.updated", r, object{"status": before})
	f.emitRefund(q, "charge.refund.updated", r, object{"status": before})
	if fails && f.config.APIVersion >= "2024-10-28" {
		f.emitRefund(q, "refund.failed", r, nil)
	}
}

func (f *Fake) updateRefund(q *request, id string) (object, *problem) {
	r, ok := f.refunds.get(id)
	if !ok {
		return nil, missing("refund", id)
	}
	if p := q.form.only("metadata", "expand"); p != nil {
		return nil, p
	}
	metadata, p := q.form.metadata("metadata", r.metadata)
	if p != nil {
		return nil, p
	}
	before := r.metadata
	r.metadata = metadata
	f.emitRefund(q, "refund.updated", r, object{"metadata": before})
	return f.renderRefund(r, q.version, q.expand("")), nil
}

// bringBack takes the money of a refund that came to nothing back to the balance.
func (f *Fake) bringBack(now time.Time, r *refund) {
	c := r.charge
	if r.txn != nil {
		r.failureTxn = f.now(f.move(now, c.currency, r.amount, 0, "refund_failure", "refund_failure", r.id))
	}
	c.amountRefunded -= r.amount
	c.refunded = false
}

// cancelRefund ends a refund that waits for its buyer; no other can be cancelled.
func (f *Fake) cancelRefund(q *request, id string) (object, *problem) {
	r, ok := f.refunds.get(id)
	if !ok {
		return nil, missing("refund", id)
	}
	if p := q.form.only("expand"); p != nil {
		return nil, p
	}
	if r.status != "requires_action" {
		return nil, badParam("", "", "This refund has a status of "+r.status+" and can not be canceled.")
	}
	r.status = "canceled"
	f.bringBack(q.now, r)
	f.emitRefund(q, "refund.updated", r, object{"status": "requires_action"})
	f.emitRefund(q, "charge.refund.updated", r, object{"status": "requires_action"})
	return f.renderRefund(r, q.version, q.expand("")), nil
}

func (f *Fake) emitRefund(q *request, kind string, r *refund, previous object) {
	f.emit(q, kind, func(version string) object { return f.renderRefund(r, version, nil) }, previous)
}
