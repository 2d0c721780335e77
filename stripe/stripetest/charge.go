package stripetest

import (
	"maps"
	"time"
)

// charge is an attempt at paying an intent.
type charge struct {
	id                             string
	created                        time.Time
	amount                         int64
	amountCaptured, amountRefunded int64
	currency                       string
	status                         string
	paid, captured, refunded       bool
	intent                         *intent
	method                         Method
	metadata                       map[string]string
	said                           object // what a request said of it and only answers repeat
	failure                        *failure
	txn, failureTxn                *txn
	refunds                        []*refund
	dispute                        *dispute
	fee                            *applicationFee
	transfer                       *transfer // to the destination
	from                           *transfer // that it is, at the merchant
	review                         *review
	warning                        *warning
}

func (c *charge) key() string     { return c.id }
func (c *charge) when() time.Time { return c.created }
func (c *charge) fact(name string) string {
	switch name {
	case "payment_intent":
		return c.intent.id
	case "customer":
		return c.intent.customer
	case "transfer_group":
		return c.group()
	}
	return ""
}

// newCharge begins an attempt. The intent's metadata is copied once, now.
func (f *Fake) newCharge(q *request, i *intent) *charge {
	prefix := "ch_"
	if natures[i.method].debit() {
		prefix = "py_"
	}
	c := &charge{id: f.id(prefix), created: q.now, amount: i.amount, currency: i.currency,
		intent: i, method: i.method, metadata: maps.Clone(i.metadata)}
	i.charges = append(i.charges, c)
	f.charges.add(c)
	return c
}

// failCharge ends an attempt, and puts the intent back to where another may begin.
func (f *Fake) failCharge(q *request, c *charge, why *failure) {
	i := c.intent
	c.status, c.paid, c.failure = "failed", false, why
	i.status, i.failure, i.received = "requires_payment_method", why, 0
	f.emitCharge(q, "charge.failed", c, nil)
	f.emitIntent(q, "payment_failed", i)
	f.intentFailed(q, i)
}

// settleDebit ends a bank debit, days after it began.
func (f *Fake) settleDebit(now time.Time, c *charge, n nature) {
	q := f.own(now)
	i := c.intent
	if i.status != "processing" || i.latest() != c {
		return
	}
	if n.fails {
		f.failCharge(q, c, &failure{"payment_method_provider_decline", "insufficient_funds", "The bank refused the debit.", c.id})
		f.failSession(q, i)
		return
	}
	f.succeed(q, c)
	if n.returned {
		f.later(now.Add(f.config.ReturnTime), func(now time.Time) {
			// The money is taken back: the charge fails after it had succeeded.
			c.failureTxn = f.move(now, c.currency, -c.amountCaptured, 0, "payment_failure_refund", "charge_failure", c.id)
			f.failCharge(f.own(now), c, &failure{"charge_disputed", "", "The bank returned the debit.", c.id})
		})
	}
}

// group ties a charge to transfers.
func (c *charge) group() string {
	if c.intent.group != "" {
		return c.intent.group
	}
	said, _ := c.intent.said["transfer_group"].(string)
	return said
}

func (f *Fake) updateCharge(q *request, id string) (object, *problem) {
	c, ok := f.charges.get(id)
	if !ok {
		return nil, missing("charge", id)
	}
	if p := q.form.only("description", "fraud_details[user_report]=fraudulent|safe", "metadata", "receipt_email", "expand"); p != nil {
		return nil, p
	}
	metadata, p := q.form.metadata("metadata", c.metadata)
	if p != nil {
		return nil, p
	}
	before := object{"metadata": c.metadata}
	c.metadata = metadata
	if c.said == nil {
		c.said = object{}
	}
	c.said, _ = merge(c.said, q.form.said("description", "fraud_details", "receipt_email")).(object)
	f.emitCharge(q, "charge.updated", c, before)
	return f.renderCharge(c, q.version, q.expand("")), nil
}

// captureCharge captures the payment intent that a charge is of.
func (f *Fake) captureCharge(q *request, id string) (object, *problem) {
	c, ok := f.charges.get(id)
	if !ok {
		return nil, missing("charge", id)
	}
	if p := q.form.only("amount", "application_fee_amount", "transfer_data[amount]", "expand"); p != nil {
		return nil, p
	}
	if c.intent.latest() != c || c.intent.status != "requires_capture" {
		return nil, &problem{status: 400, kind: "invalid_request_error", code: "charge_already_captured",
			message: "This charge has been captured already or can not be."}
	}
	if p := f.capture(q, c.intent, "amount"); p != nil {
		return nil, p
	}
	return f.renderCharge(c, q.version, q.expand("")), nil
}
