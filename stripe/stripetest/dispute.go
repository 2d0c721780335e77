package stripetest

import (
	"slices"
	"time"

	"github.com/commercesync/commerce/stripe"
)

// dispute is a buyer's bank asking for money back.
type dispute struct {
	id         string
	created    time.Time
	amount     int64
	status     string
	reason     string
	charge     *charge
	txns       []*txn // the withdrawal, and the reinstatement
	metadata   map[string]string
	evidence   map[string]string
	submission int
}

func (d *dispute) key() string     { return d.id }
func (d *dispute) when() time.Time { return d.created }
func (d *dispute) fact(name string) string {
	switch name {
	case "charge":
		return d.charge.id
	case "payment_intent":
		return d.charge.intent.id
	}
	return ""
}

// inquiry reports whether it is only a question: no money has moved.
func (d *dispute) inquiry() bool { return len(d.txns) == 0 }

func (d *dispute) closed() bool {
	return slices.Contains([]string{"won", "lost", "warning_closed"}, d.status)
}

// respondWithin is how long evidence is taken. Banks differ; so many days are usual.
const respondWithin = 10 * 24 * time.Hour

// Claim is what a buyer's bank says.
type Claim struct {
	Reason  string // defaults to "fraudulent"
	Amount  int64  // in units of the charge's currency; defaults to all that was captured
	Inquiry bool   // only a question: no money moves
}

// Dispute lets a buyer's bank claim a charge back: the money and Config.DisputeFee
// leave the balance, unless it is an inquiry. A charge that can not be disputed is an
// error of kind conflict.
func (f *Fake) Dispute(charge string, claim Claim) (stripe.Dispute, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	c, ok := f.charges.get(charge)
	if !ok {
		return stripe.Dispute{}, refusal("dispute", "no such charge")
	}
	if !c.captured || c.status != "succeeded" || c.dispute != nil {
		return stripe.Dispute{}, conflict("dispute", "the charge took no money or is disputed already")
	}
	if claim.Amount < 0 || claim.Amount > c.amountCaptured {
		return stripe.Dispute{}, refusal("dispute", "the amount is not within the charge's")
	}
	return f.viewDispute(f.dispute(f.own(f.config.Now()), c, claim)), nil
}

func (f *Fake) dispute(q *request, c *charge, claim Claim) *dispute {
	d := &dispute{id: f.id("dp_"), created: q.now, amount: claim.Amount, reason: claim.Reason, charge: c,
		status: "needs_response", metadata: map[string]string{}, evidence: map[string]string{}}
	if d.amount == 0 {
		d.amount = c.amountCaptured
	}
	if d.reason == "" {
		d.reason = "fraudulent"
	}
	c.dispute = d
	f.disputes.add(d)
	f.overtaken(q, c, "disputed")
	f.waiting = slices.DeleteFunc(f.waiting, func(r *refund) bool {
		if r.charge == c { // Source: support.stripe.com/questions/pending-refunds-due-to-insufficient-stripe-balance, read 2026-11.
			f.endRefund(q.now, r, "charge_for_pending_refund_disputed")
		}
		return r.charge == c
	})
	if claim.Inquiry {
		d.status = "warning_needs_response"
		f.emitDispute(q, "created", d)
		return d
	}
	f.emitDispute(q, "created", d)
	f.withdraw(q, d)
	return d
}

// withdraw takes the money of a dispute.
func (f *Fake) withdraw(q *request, d *dispute) {
	d.txns = []*txn{f.now(f.move(q.now, d.charge.currency, -d.amount, f.config.DisputeFee, "adjustment", "dispute", d.id))}
	f.emitDispute(q, "funds_withdrawn", d)
}

// EscalateDispute makes a dispute of an inquiry: the money and Config.DisputeFee leave the
// balance, and evidence is asked for again. What is no open inquiry is an error of kind
// conflict.
func (f *Fake) EscalateDispute(id string) (stripe.Dispute, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	d, ok := f.disputes.get(id)
	if !ok {
		return stripe.Dispute{}, refusal("escalate dispute", "no such dispute")
	}
	if d.closed() || !d.inquiry() {
		return stripe.Dispute{}, conflict("escalate dispute", "it is no open inquiry")
	}
	q := f.own(f.config.Now())
	d.status, d.submission = "needs_response", 0
	f.withdraw(q, d)
	f.emitDispute(q, "updated", d)
	return f.viewDispute(d), nil
}

// ResolveDispute lets the bank decide. A dispute that is won brings the money back,
// but not the fee; an inquiry is closed. One that is closed is an error of kind
// conflict.
func (f *Fake) ResolveDispute(id string, won bool) (stripe.Dispute, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	d, ok := f.disputes.get(id)
	if !ok {
		return stripe.Dispute{}, refusal("resolve dispute", "no such dispute")
	}
	if d.closed() {
		return stripe.Dispute{}, conflict("resolve dispute", "the dispute is closed")
	}
	f.resolve(f.own(f.config.Now()), d, won)
	return f.viewDispute(d), nil
}

func (f *Fake) resolve(q *request, d *dispute, won bool) {
	switch {
	case d.inquiry():
		d.status = "warning_closed"
	case won:
		d.status = "won"
		d.txns = append(d.txns, f.now(f.move(q.now, d.charge.currency, d.amount, 0, "adjustment", "dispute_reversal", d.id)))
		f.emitDispute(q, "funds_reinstated", d)
	default:
		d.status = "lost"
	}
	f.emitDispute(q, "closed", d)
}

// evidence is the texts and files that a dispute takes.
var evidence = func() (names []string) {
	for name := range set(`access_activity_log billing_address cancellation_policy cancellation_policy_disclosure cancellation_rebuttal
		customer_communication customer_email_address customer_name customer_purchase_ip customer_signature
		duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id product_description receipt refund_policy
		refund_policy_disclosure refund_refusal_explanation service_date service_documentation shipping_address shipping_carrier
		shipping_date shipping_documentation shipping_tracking_number uncategorized_file uncategorized_text`) {
		names = append(names, "evidence["+name+"]")
	}
	slices.Sort(names)
	return slices.Clip(names)
}()

func (f *Fake) updateDispute(q *request, id string) (object, *problem) {
	d, ok := f.disputes.get(id)
	if !ok {
		return nil, missing("dispute", id)
	}
	if p := q.form.only(append(evidence, "metadata", "submit", "expand")...); p != nil {
		return nil, p
	}
	metadata, p := q.form.metadata("metadata", d.metadata)
	if p != nil {
		return nil, p
	}
	told := q.form.sub("evidence")
	if len(told) > 0 && (d.closed() || d.submission > 0) {
		return nil, badParam("evidence", "", "This dispute takes no evidence any more")
	}
	d.metadata = metadata
	for k, v := range told {
		d.evidence[k] = v
	}
	// Evidence is handed in unless the request says that it is not.
	if len(told) > 0 && q.form.get("submit") != "false" {
		d.submission++
		d.status = map[bool]string{true: "warning_under_review", false: "under_review"}[d.inquiry()]
	}
	f.emitDispute(q, "updated", d)
	return f.renderDispute(d, q.version, q.expand("")), nil
}

func (f *Fake) closeDispute(q *request, id string) (object, *problem) {
	d, ok := f.disputes.get(id)
	if !ok {
		return nil, missing("dispute", id)
	}
	if p := q.form.only("expand"); p != nil {
		return nil, p
	}
	if d.closed() {
		return nil, badParam("", "", "This dispute is already closed.")
	}
	f.resolve(q, d, false)
	return f.renderDispute(d, q.version, q.expand("")), nil
}

func (f *Fake) emitDispute(q *request, what string, d *dispute) {
	f.emit(q, "charge.dispute."+what, func(v string) object { return f.renderDispute(d, v, nil) }, nil)
}

func (f *Fake) viewDispute(d *dispute) stripe.Dispute {
	return view[stripe.Dispute](f.renderDispute(d, stripe.APIVersion, nil))
}

func (f *Fake) renderDispute(d *dispute, version string, x expansion) object {
	txns := []object{}
	for _, t := range d.txns {
		txns = append(txns, f.renderTxn(t, version, nil))
	}
	shown := object{}
	for k, v := range d.evidence {
		shown[k] = v
	}
	m := object{
		"id": d.id, "object": "dispute", "livemode": f.config.Livemode, "created": d.created.Unix(),
		"amount": d.amount, "currency": d.charge.currency, "status": d.status, "reason": d.reason,
		"is_charge_refundable": d.inquiry() && !d.closed(),
		"balance_transactions": txns, "metadata": d.metadata, "evidence": shown,
		"evidence_details": object{"due_by": d.created.Add(respondWithin).Unix(), "has_evidence": len(d.evidence) > 0,
			"past_due": f.config.Now().After(d.created.Add(respondWithin)), "submission_count": d.submission},
		"payment_method_details": object{"type": "card", "card": object{"brand": "visa", "network_reason_code": "10.4"}},
	}
	if moved(version) {
		caseType := "chargeback"
		if d.inquiry() {
			caseType = "inquiry"
		}
		m["payment_method_details"] = object{"type": "card", "card": object{"brand": "visa", "network": "visa", "network_reason_code": "10.4", "case_type": caseType}}
		m["enhanced_eligibility_types"], shown["enhanced_evidence"] = []string{}, object{}
		m["evidence_details"].(object)["enhanced_eligibility"] = object{}
	}
	m["charge"] = link(x, "charge", d.charge.id, func(x expansion) object { return f.renderCharge(d.charge, version, x) })
	m["payment_intent"] = link(x, "payment_intent", d.charge.intent.id, func(x expansion) object { return f.renderIntent(d.charge.intent, version, x) })
	return m
}

// Disputes returns all disputes, oldest first.
func (f *Fake) Disputes() []stripe.Dispute { return all(f, &f.disputes, f.viewDispute) }
