package stripetest

import (
	"time"

	"github.com/commercesync/commerce/stripe"
)

// topup is money from the bank for the balance.
type topup struct {
	id          string
	created     time.Time
	expected    time.Time
	amount      int64
	currency    string
	status      string
	fails       bool
	description string
	statement   string
	group       string
	metadata    map[string]string
	txn         *txn
}

func (t *topup) key() string     { return t.id }
func (t *topup) when() time.Time { return t.created }
func (t *topup) fact(name string) string {
	if name == "status" {
		return t.status
	}
	return ""
}

// topUpTime is how long the bank takes.
const topUpTime = 2 * 24 * time.Hour

// FailTopUps lets the next n top-ups be refused by the bank.
func (f *Fake) FailTopUps(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.badTopUps = n
}

func (f *Fake) createTopUp(q *request) (object, *problem) {
	if p := q.form.only("amount", "currency", "description", "statement_descriptor", "transfer_group", "metadata", "expand"); p != nil {
		return nil, p
	}
	t := &topup{created: q.now, expected: q.now.Add(topUpTime), status: "pending", description: q.form.get("description"),
		statement: q.form.get("statement_descriptor"), group: q.form.get("transfer_group")}
	var p *problem
	if t.amount, p = q.form.amount("amount"); p != nil {
		return nil, p
	}
	if t.currency, p = currencyOf(q.form.get("currency")); p != nil {
		return nil, p
	}
	if t.metadata, p = q.form.metadata("metadata", nil); p != nil {
		return nil, p
	}
	t.id = f.id("tu_")
	if f.badTopUps > 0 {
		f.badTopUps--
		t.fails = true
	}
	f.topups.add(t)
	f.emitTopUp(q, "created", t)
	f.later(t.expected, func(now time.Time) { f.endTopUp(now, t) })
	return f.renderTopUp(t, q.version, q.expand("")), nil
}

func (f *Fake) endTopUp(now time.Time, t *topup) {
	if t.status != "pending" {
		return
	}
	if t.fails {
		t.status = "failed"
		f.emitTopUp(f.own(now), "failed", t)
		return
	}
	t.status = "succeeded"
	t.txn = f.now(f.move(now, t.currency, t.amount, 0, "topup", "topup", t.id))
	f.emitTopUp(f.own(now), "succeeded", t)
}

func (f *Fake) updateTopUp(q *request, id string) (object, *problem) {
	t, ok := f.topups.get(id)
	if !ok {
		return nil, missing("topup", id)
	}
	if p := q.form.only("description", "metadata", "expand"); p != nil {
		return nil, p
	}
	metadata, p := q.form.metadata("metadata", t.metadata)
	if p != nil {
		return nil, p
	}
	t.metadata = metadata
	if q.form.has("description") {
		t.description = q.form.get("description")
	}
	return f.renderTopUp(t, q.version, q.expand("")), nil
}

func (f *Fake) cancelTopUp(q *request, id string) (object, *problem) {
	t, ok := f.topups.get(id)
	if !ok {
		return nil, missing("topup", id)
	}
	if p := q.form.only("expand"); p != nil {
		return nil, p
	}
	if t.status != "pending" {
		return nil, badParam("", "", "Top-ups can only be canceled while they are pending.")
	}
	t.status = "canceled"
	f.emitTopUp(q, "canceled", t)
	return f.renderTopUp(t, q.version, q.expand("")), nil
}

func (f *Fake) emitTopUp(q *request, what string, t *topup) {
	f.emit(q, "topup."+what, func(v string) object { return f.renderTopUp(t, v, nil) }, nil)
}

func (f *Fake) renderTopUp(t *topup, version string, x expansion) object {
	m := object{
		"id": t.id, "object": "topup", "livemode": f.config.Livemode, "created": t.created.Unix(), "amount": t.amount, "currency": t.currency,
		"status": t.status, "description": orNull(t.description), "statement_descriptor": orNull(t.statement), "transfer_group": orNull(t.group),
		"metadata": t.metadata, "expected_availability_date": t.expected.Unix(), "source": nil, "failure_code": nil, "failure_message": nil,
		"balance_transaction": f.linkTxn(x, "balance_transaction", version, t.txn),
	}
	if t.status == "failed" {
		m["failure_code"], m["failure_message"] = "insufficient_funds", "The bank account has insufficient funds."
	}
	if moved(version) {
		m["initiated_by"] = nil
	}
	return m
}

// TopUps returns all top-ups, oldest first.
func (f *Fake) TopUps() []stripe.TopUp {
	return all(f, &f.topups, func(t *topup) stripe.TopUp { return view[stripe.TopUp](f.renderTopUp(t, stripe.APIVersion, nil)) })
}
