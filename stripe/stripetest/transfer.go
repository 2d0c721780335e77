package stripetest

import (
	"time"

	"github.com/commercesync/commerce/stripe"
)

// transfer is money moved from the platform to a merchant, where it is a charge.
type transfer struct {
	id               string
	created          time.Time
	amount, reversed int64
	currency         string
	to               *Fake
	payment          *charge // what it is there
	source           *charge // that it is paid from
	group            string
	description      string
	metadata         map[string]string
	txn              *txn
	reversals        []*reversal
}

func (t *transfer) key() string     { return t.id }
func (t *transfer) when() time.Time { return t.created }
func (t *transfer) fact(name string) string {
	switch name {
	case "destination":
		return t.to.config.Account
	case "transfer_group":
		return t.group
	}
	return ""
}

// reversal takes money of a transfer back.
type reversal struct {
	id       string
	created  time.Time
	amount   int64
	transfer *transfer
	refund   *refund // on the platform, that asked for it
	back     *refund // of the charge at the merchant
	metadata map[string]string
	txn      *txn
}

func (r *reversal) key() string        { return r.id }
func (r *reversal) when() time.Time    { return r.created }
func (r *reversal) fact(string) string { return "" }

// transfer moves the money. What comes of a charge is available when the charge is.
func (f *Fake) transfer(q *request, t *transfer) *transfer {
	t.id, t.created = f.id("tr_"), q.now
	if t.metadata == nil {
		t.metadata = map[string]string{}
	}
	t.txn = f.now(f.move(q.now, t.currency, -t.amount, 0, "transfer", "transfer", t.id))
	c := &charge{id: t.to.id("py_"), created: q.now, amount: t.amount, amountCaptured: t.amount, currency: t.currency, status: "succeeded",
		paid: true, captured: true, intent: &intent{}, metadata: map[string]string{}, from: t}
	c.txn = t.to.now(t.to.move(q.now, c.currency, c.amount, 0, "payment", "charge", c.id))
	if t.source != nil && t.source.txn != nil && t.source.txn.available.After(q.now) {
		t.txn.available, c.txn.available = t.source.txn.available, t.source.txn.available
	}
	t.to.charges.add(c)
	t.payment = c
	f.transfers.add(t)
	f.emitTransfer(q, "created", t)
	return t
}

func (f *Fake) createTransfer(q *request) (object, *problem) {
	if p := q.form.only("amount", "currency", "destination", "source_transaction", "source_type=bank_account|card|fpx", "transfer_group",
		"description", "metadata", "expand"); p != nil {
		return nil, p
	}
	currency, p := currencyOf(q.form.get("currency"))
	if p != nil {
		return nil, p
	}
	t := &transfer{currency: currency, group: q.form.get("transfer_group"), description: q.form.get("description")}
	if _, p := f.merchant(q.form.get("destination")); p != nil {
		return nil, badParam("destination", "account_invalid", "No such destination: '"+q.form.get("destination")+"'")
	}
	t.to = f.connected[q.form.get("destination")]
	if a, _ := f.accounts.get(t.to.config.Account); !a.can("transfers") {
		return nil, badParam("destination", "insufficient_capabilities_for_transfer",
			"Your destination account needs to have at least one of the following capabilities enabled: transfers")
	}
	if t.metadata, p = q.form.metadata("metadata", nil); p != nil {
		return nil, p
	}
	left := int64(0)
	if id := q.form.get("source_transaction"); id != "" {
		c, ok := f.charges.get(id)
		if !ok || c.txn == nil {
			return nil, badParam("source_transaction", "resource_missing", "No such charge: '"+id+"'")
		}
		if c.txn.currency != currency {
			return nil, badParam("currency", "", "The currency must be that of the charge's balance transaction.")
		}
		t.source, left = c, c.txn.exchanged(c.amountCaptured)
		for _, o := range f.transfers.rows {
			if o.source == c {
				left -= o.amount - o.reversed
			}
		}
		if t.group == "" {
			t.group = c.group()
		}
	} else if s := f.sums(q.now)[currency]; s != nil {
		left = s.available
	}
	t.amount = left
	if q.form.has("amount") || t.source == nil {
		if t.amount, p = q.form.amount("amount"); p != nil {
			return nil, p
		}
	}
	if t.amount > left || t.amount == 0 {
		return nil, &problem{status: 400, kind: "invalid_request_error", code: "balance_insufficient",
			message: "You have insufficient available funds in your Stripe account for this transfer."}
	}
	return f.renderTransfer(f.transfer(q, t), q.version, q.expand("")), nil
}

func (f *Fake) updateTransfer(q *request, id string) (object, *problem) {
	t, ok := f.transfers.get(id)
	if !ok {
		return nil, missing("transfer", id)
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
	f.emitTransfer(q, "updated", t)
	return f.renderTransfer(t, q.version, q.expand("")), nil
}

// reverse takes money of a transfer back to the platform; at the merchant it is a
// refund of what the transfer became.
func (f *Fake) reverse(q *request, t *transfer, r *reversal) *reversal {
	r.id, r.created, r.transfer = f.id("trr_"), q.now, t
	if r.metadata == nil {
		r.metadata = map[string]string{}
	}
	t.reversed += r.amount
	t.reversals = append(t.reversals, r)
	r.txn = f.now(f.move(q.now, t.currency, r.amount, 0, "transfer_refund", "transfer", r.id))
	c := t.payment
	r.back = &refund{id: f.id("pyr_"), created: q.now, amount: r.amount, status: "succeeded", charge: c, metadata: map[string]string{}, source: r}
	r.back.txn = t.to.now(t.to.move(q.now, c.currency, -r.amount, 0, "payment_refund", "refund", r.back.id))
	c.amountRefunded += r.amount
	c.refunded = c.amountRefunded == c.amount
	c.refunds = append(c.refunds, r.back)
	t.to.refunds.add(r.back)
	f.emitTransfer(q, "reversed", t)
	return r
}

func (f *Fake) createReversal(q *request, id string) (object, *problem) {
	t, ok := f.transfers.get(id)
	if !ok {
		return nil, missing("transfer", id)
	}
	if p := q.form.only("amount", "metadata", "refund_application_fee", "expand"); p != nil {
		return nil, p
	}
	r := &reversal{amount: t.amount - t.reversed}
	var p *problem
	if q.form.has("amount") {
		if r.amount, p = q.form.amount("amount"); p != nil {
			return nil, p
		}
	}
	if r.amount > t.amount-t.reversed || r.amount == 0 {
		return nil, badParam("amount", "transfer_source_balance_parameters_mismatch", "The amount is above what is left of the transfer")
	}
	if r.metadata, p = q.form.metadata("metadata", nil); p != nil {
		return nil, p
	}
	f.reverse(q, t, r)
	if fee := t.payment.fee; fee != nil && q.form.get("refund_application_fee") == "true" && fee.amount > fee.refunded {
		f.refundFee(q, fee, &feeRefund{amount: min(fee.amount-fee.refunded, r.amount)})
	}
	return f.renderReversal(r, q.version, q.expand("")), nil
}

// reversed finds a reversal of a transfer.
func (f *Fake) reversed(id, below string) (*reversal, *problem) {
	t, ok := f.transfers.get(id)
	if !ok {
		return nil, missing("transfer", id)
	}
	for _, r := range t.reversals {
		if r.id == below {
			return r, nil
		}
	}
	return nil, missing("transfer reversal", below)
}

func (f *Fake) emitTransfer(q *request, what string, t *transfer) {
	f.emit(q, "transfer."+what, func(v string) object { return f.renderTransfer(t, v, nil) }, nil)
}

func (f *Fake) renderTransfer(t *transfer, version string, x expansion) object {
	reversals := []object{}
	for i := len(t.reversals) - 1; i >= 0 && len(reversals) < 10; i-- {
		reversals = append(reversals, f.renderReversal(t.reversals[i], version, nil))
	}
	m := object{
		"id": t.id, "object": "transfer", "livemode": f.config.Livemode, "created": t.created.Unix(), "amount": t.amount,
		"amount_reversed": t.reversed, "currency": t.currency, "reversed": t.reversed == t.amount, "description": orNull(t.description),
		"metadata": t.metadata, "source_type": "card", "transfer_group": orNull(t.group), "source_transaction": nil,
		"balance_transaction": f.linkTxn(x, "balance_transaction", version, t.txn),
		"reversals":           object{"object": "list", "data": reversals, "has_more": len(t.reversals) > 10, "url": "/v1/transfers/" + t.id + "/reversals"},
	}
	id := t.to.config.Account
	m["destination"] = link(x, "destination", id, func(x expansion) object { return f.renderMerchant(id, version, x) })
	m["destination_payment"] = link(x, "destination_payment", t.payment.id, func(x expansion) object { return t.to.renderCharge(t.payment, version, x) })
	if c := t.source; c != nil {
		m["source_transaction"] = link(x, "source_transaction", c.id, func(x expansion) object { return f.renderCharge(c, version, x) })
	}
	return m
}

func (f *Fake) renderReversal(r *reversal, version string, x expansion) object {
	t := r.transfer
	m := object{"id": r.id, "object": "transfer_reversal", "created": r.created.Unix(), "amount": r.amount, "currency": t.currency,
		"metadata": r.metadata, "source_refund": nil, "balance_transaction": f.linkTxn(x, "balance_transaction", version, r.txn)}
	m["transfer"] = link(x, "transfer", t.id, func(x expansion) object { return f.renderTransfer(t, version, x) })
	m["destination_payment_refund"] = link(x, "destination_payment_refund", r.back.id, func(x expansion) object { return t.to.renderRefund(r.back, version, x) })
	if r.refund != nil {
		m["source_refund"] = link(x, "source_refund", r.refund.id, func(x expansion) object { return f.renderRefund(r.refund, version, x) })
	}
	return m
}

// Transfers returns all transfers, oldest first.
func (f *Fake) Transfers() []stripe.Transfer {
	return all(f, &f.transfers, func(t *transfer) stripe.Transfer {
		return view[stripe.Transfer](f.renderTransfer(t, stripe.APIVersion, nil))
	})
}

func (f *Fake) showReversal(q *request, id, below string) (object, *problem) {
	if p := q.form.only("expand"); p != nil {
		return nil, p
	}
	r, p := f.reversed(id, below)
	if p != nil {
		return nil, p
	}
	return f.renderReversal(r, q.version, q.expand("")), nil
}

func (f *Fake) updateReversal(q *request, id, below string) (object, *problem) {
	r, p := f.reversed(id, below)
	if p != nil {
		return nil, p
	}
	if p := q.form.only("metadata", "expand"); p != nil {
		return nil, p
	}
	metadata, p := q.form.metadata("metadata", r.metadata)
	if p != nil {
		return nil, p
	}
	r.metadata = metadata
	f.emitTransfer(q, "updated", r.transfer)
	return f.renderReversal(r, q.version, q.expand("")), nil
}
