package stripetest

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/commercesync/commerce/stripe"
)

// payout is money on its way to the bank, or from it where the amount is negative.
type payout struct {
	id               string
	created, arrives time.Time
	amount           int64
	currency         string
	status           string
	method           string
	automatic        bool
	reconciled       bool
	txn, failureTxn  *txn
	failure          string
	fails            bool
	original         *payout
	reversal         *payout
	metadata         map[string]string
	description      string
	statement        string
}

func (p *payout) key() string     { return p.id }
func (p *payout) when() time.Time { return p.created }
func (p *payout) fact(name string) string {
	if name == "status" {
		return p.status
	}
	return ""
}

// PayOut makes the automatic payouts that are due: for each currency one over all
// that is available and was not paid out before, negative where the balance is. The
// account's schedule is the test's, call it every night, or once, or PayOutEvery's.
//
// What an automatic payout is made of, its own transaction among them, is found by
// listing balance transactions by the payout: their nets add up to nought.
func (f *Fake) PayOut() []stripe.Payout {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	made := []stripe.Payout{}
	for _, p := range f.payOut(f.own(f.config.Now())) {
		made = append(made, f.viewPayout(p))
	}
	return made
}

func (f *Fake) payOut(q *request) (made []*payout) {
	rows := map[string][]*txn{}
	for _, t := range f.txns.rows {
		if t.payout == nil && !t.available.After(q.now) {
			rows[t.currency] = append(rows[t.currency], t)
		}
	}
	for _, currency := range slices.Sorted(maps.Keys(rows)) {
		sum := int64(0)
		for _, t := range rows[currency] {
			sum += t.amount - t.fee
		}
		if sum == 0 {
			continue
		}
		p := f.newPayout(q, sum, currency, "standard")
		p.automatic, p.status = true, "in_transit"
		p.txn.payout = p
		for _, t := range rows[currency] {
			t.payout = p
		}
		f.emitPayout(q, "created", p)
		f.later(q.now.Add(f.config.ReconcileTime), func(now time.Time) { f.reconcile(now, p) })
		made = append(made, p)
	}
	return made
}

// reconcile lists what is in an automatic payout. Stripe names no figure for how long that
// takes (2026-11).
func (f *Fake) reconcile(now time.Time, p *payout) {
	p.reconciled = true
	f.emitPayout(f.own(now), "reconciliation_completed", p)
}

// PayOutEvery is the account's schedule from now on: at the end of every period automatic
// payouts are made as by [Fake.PayOut], and what has become available is told
// (balance.available). 0 ends it: the account pays out by hand.
func (f *Fake) PayOutEvery(period time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	if f.schedules++; period > 0 {
		f.schedule(f.config.Now(), period, f.schedules)
	}
}

func (f *Fake) schedule(after time.Time, period time.Duration, n int) {
	f.later(after.Add(period), func(now time.Time) {
		if f.gone || f.schedules != n {
			return
		}
		q := f.own(now)
		if slices.ContainsFunc(f.txns.rows, func(t *txn) bool {
			return t.available.After(t.created) && t.available.After(after) && !t.available.After(now)
		}) {
			f.emit(q, "balance.available", func(string) object { return f.balance(q) }, nil)
		}
		f.payOut(q)
		f.schedule(now, period, n)
	})
}

// FailPayouts lets the next n payouts fail a day after they were paid, as a bank that
// knows no such account does: the money comes back, and rides in a later payout.
func (f *Fake) FailPayouts(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.badPayouts = n
}

// bankReturns is how long a bank takes to send money back. Stripe says up to five
// business days: docs.stripe.com/payouts, read 2026-11.
const bankReturns = 24 * time.Hour

// newPayout takes the money out of the balance and puts its arrival on the agenda.
func (f *Fake) newPayout(q *request, amount int64, currency, method string) *payout {
	p := &payout{id: f.id("po_"), created: q.now, arrives: q.now.Add(f.config.PayoutTime), amount: amount, currency: currency,
		status: "pending", method: method, metadata: map[string]string{}}
	if method == "instant" {
		p.arrives = q.now.Add(30 * time.Minute)
	}
	if f.badPayouts > 0 {
		f.badPayouts--
		p.fails = true
	}
	p.txn = f.settle(q.now, p, -amount, "payout", "payout")
	f.payouts.add(p)
	f.later(p.arrives, func(now time.Time) { f.arrive(now, p) })
	return p
}

// settle books a payout's own movement: in the balance's currency, at once.
func (f *Fake) settle(now time.Time, p *payout, amount int64, kind, category string) *txn {
	t := &txn{id: f.id("txn_"), created: now, available: now, amount: amount, currency: p.currency, kind: kind, category: category, source: p.id}
	f.txns.add(t)
	return t
}

func (f *Fake) arrive(now time.Time, p *payout) {
	if p.status != "pending" && p.status != "in_transit" {
		return
	}
	q := f.own(now)
	p.status = "paid"
	f.emitPayout(q, "paid", p)
	if p.fails {
		f.later(now.Add(bankReturns), func(now time.Time) {
			p.status, p.failure = "failed", "account_closed"
			p.failureTxn = f.settle(now, p, p.amount, "payout_failure", "payout_reversal")
			f.emitPayout(f.own(now), "failed", p)
		})
	}
}

func (f *Fake) createPayout(q *request) (object, *problem) {
	if p := q.form.only("amount", "currency", "description", "destination", "expand", "metadata", "method", "source_type=card", "statement_descriptor"); p != nil {
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
	metadata, p := q.form.metadata("metadata", nil)
	if p != nil {
		return nil, p
	}
	method := cmp.Or(q.form.get("method"), "standard")
	if method != "standard" && method != "instant" {
		return nil, badParam("method", "", "Invalid method")
	}
	available := int64(0)
	for _, t := range f.txns.rows {
		if t.currency == currency && !t.available.After(q.now) {
			available += t.amount - t.fee
		}
	}
	if amount > available {
		return nil, &problem{status: 400, kind: "invalid_request_error", code: "balance_insufficient",
			message: "You have insufficient funds in your Stripe account for this transfer."}
	}
	if to := q.form.get("destination"); to != "" && to != "ba_fake" {
		return nil, missing("external account", to)
	}
	o := f.newPayout(q, amount, currency, method)
	o.statement = q.form.get("statement_descriptor")
	o.metadata, o.description = metadata, q.form.get("description")
	f.instantFee(q, o)
	f.emitPayout(q, "created", o)
	return f.renderPayout(o, q.version, q.expand("")), nil
}

func (f *Fake) cancelPayout(q *request, id string) (object, *problem) {
	p, ok := f.payouts.get(id)
	if !ok {
		return nil, missing("payout", id)
	}
	if p := q.form.only("expand"); p != nil {
		return nil, p
	}
	if p.status != "pending" {
		return nil, badParam("", "payouts_not_allowed", "Payouts can only be canceled while they are pending.")
	}
	p.status = "canceled"
	p.failureTxn = f.settle(q.now, p, p.amount, "payout_cancel", "payout_reversal")
	f.emitPayout(q, "canceled", p)
	return f.renderPayout(p, q.version, q.expand("")), nil
}

func (f *Fake) reversePayout(q *request, id string) (object, *problem) {
	p, ok := f.payouts.get(id)
	if !ok {
		return nil, missing("payout", id)
	}
	if p := q.form.only("expand", "metadata"); p != nil {
		return nil, p
	}
	metadata, bad := q.form.metadata("metadata", nil)
	if bad != nil {
		return nil, bad
	}
	if p.status != "paid" || p.reversal != nil || p.original != nil {
		return nil, badParam("", "", "This payout can not be reversed.")
	}
	back := f.newPayout(q, -p.amount, p.currency, "standard")
	back.metadata, back.original, p.reversal = metadata, p, back
	f.emitPayout(q, "created", back)
	return f.renderPayout(back, q.version, q.expand("")), nil
}

func (f *Fake) emitPayout(q *request, what string, p *payout) {
	f.emit(q, "payout."+what, func(v string) object { return f.renderPayout(p, v, nil) }, nil)
}

func (f *Fake) viewPayout(p *payout) stripe.Payout {
	return view[stripe.Payout](f.renderPayout(p, stripe.APIVersion, expansion{"balance_transaction": {}}))
}

func (f *Fake) renderPayout(p *payout, version string, x expansion) object {
	m := object{
		"id": p.id, "object": "payout", "livemode": f.config.Livemode, "created": p.created.Unix(),
		"arrival_date": p.arrives.UTC().Truncate(24 * time.Hour).Unix(),
		"amount":       p.amount, "currency": p.currency, "status": p.status, "method": p.method, "type": "bank_account",
		"automatic": p.automatic, "reconciliation_status": "not_applicable", "source_type": "card",
		"description": orNull(p.description), "failure_code": orNull(p.failure), "failure_message": nil,
		"metadata": p.metadata, "original_payout": nil, "reversed_by": nil, "statement_descriptor": orNull(p.statement),
		"balance_transaction":         f.linkTxn(x, "balance_transaction", version, p.txn),
		"failure_balance_transaction": f.linkTxn(x, "failure_balance_transaction", version, p.failureTxn),
	}
	if p.automatic {
		m["description"] = "STRIPE PAYOUT"
		m["reconciliation_status"] = map[bool]string{true: "completed", false: "in_progress"}[p.reconciled]
	}
	if p.failure != "" {
		m["failure_message"] = "The bank account has been closed."
	}
	m["destination"] = link(x, "destination", "ba_fake", func(expansion) object { return renderBank(p.currency) })
	for name, other := range map[string]*payout{"original_payout": p.original, "reversed_by": p.reversal} {
		if other != nil {
			m[name] = link(x, name, other.id, func(x expansion) object { return f.renderPayout(other, version, x) })
		}
	}
	if moved(version) {
		m["application_fee"], m["application_fee_amount"], m["payout_method"], m["trace_id"] = nil, nil, nil, nil
	}
	return m
}

// renderBank is the bank account that payouts go to.
func renderBank(currency string) object {
	return object{"id": "ba_fake", "object": "bank_account", "account_holder_name": nil, "account_holder_type": nil, "account_type": nil,
		"bank_name": "STRIPE TEST BANK", "country": "DE", "currency": currency, "fingerprint": nil, "last4": "3000",
		"routing_number": nil, "status": "new", "metadata": object{}}
}

// Payouts returns all payouts, oldest first, with their balance transactions.
func (f *Fake) Payouts() []stripe.Payout { return all(f, &f.payouts, f.viewPayout) }

func (f *Fake) updatePayout(q *request, id string) (object, *problem) {
	o, ok := f.payouts.get(id)
	if !ok {
		return nil, missing("payout", id)
	}
	if p := q.form.only("expand", "metadata"); p != nil {
		return nil, p
	}
	metadata, p := q.form.metadata("metadata", o.metadata)
	if p != nil {
		return nil, p
	}
	before := o.metadata
	o.metadata = metadata
	f.emit(q, "payout.updated", func(v string) object { return f.renderPayout(o, v, nil) }, object{"metadata": before})
	return f.renderPayout(o, q.version, q.expand("")), nil
}
