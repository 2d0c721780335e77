package stripetest

import "time"

// refund is money given back.
type refund struct {
	id       string
	created  time.Time
	amount   int64
	status   string
	reason   string
	charge   *charge
	txn      *txn
	metadata map[string]string
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
	if p := q.form.only("charge", "payment_intent", "amount", "reason", "metadata", "expand"); p != nil {
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
	if c == nil || !c.captured || c.status != "succeeded" {
		return nil, badParam("charge", "", "There is no successful charge to refund")
	}
	left := c.amount - c.amountRefunded
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
	metadata, p := q.form.metadata("metadata", nil)
	if p != nil {
		return nil, p
	}
	r := &refund{id: f.id("re_"), created: q.now, amount: amount, status: "succeeded", reason: q.form.get("reason"),
		charge: c, metadata: metadata}
	kind := "refund"
	if natures[c.method].debit() {
		kind = "payment_refund"
	}
	r.txn = f.move(q.now, c.currency, -amount, 0, kind, "refund", r.id)
	before := c.amountRefunded
	c.amountRefunded += amount
	c.refunded = c.amountRefunded == c.amount
	c.refunds = append(c.refunds, r)
	f.refunds.add(r)
	f.emit(q, "refund.created", func(version string) object { return f.renderRefund(r, version, nil) }, nil)
	f.emitCharge(q, "charge.refunded", c, object{"amount_refunded": before})
	return f.renderRefund(r, q.version, q.expand("")), nil
}
