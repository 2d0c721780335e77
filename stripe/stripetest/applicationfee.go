package stripetest

import (
	"time"

	"github.com/commercesync/commerce/stripe"
)

// applicationFee is what a platform keeps of a merchant's charge.
type applicationFee struct {
	id               string
	created          time.Time
	amount, refunded int64
	currency         string
	at               *Fake
	charge           *charge // at the merchant
	original         *charge // at the platform, where the charge is a transfer
	txn              *txn
	refunds          []*feeRefund
}

func (a *applicationFee) key() string     { return a.id }
func (a *applicationFee) when() time.Time { return a.created }
func (a *applicationFee) fact(name string) string {
	if name == "charge" {
		return a.charge.id
	}
	return ""
}

// feeRefund gives an application fee back to the merchant.
type feeRefund struct {
	id       string
	created  time.Time
	amount   int64
	fee      *applicationFee
	metadata map[string]string
	txn      *txn
}

func (r *feeRefund) key() string        { return r.id }
func (r *feeRefund) when() time.Time    { return r.created }
func (r *feeRefund) fact(string) string { return "" }

// takeFee moves a fee from a merchant's charge to the platform.
func (f *Fake) takeFee(q *request, at *Fake, c *charge, amount int64, original *charge) *applicationFee {
	a := &applicationFee{id: f.id("fee_"), created: q.now, amount: amount, currency: c.currency, at: at, charge: c, original: original}
	c.txn.kept = c.txn.exchanged(amount)
	c.txn.fee += c.txn.kept
	a.txn = f.move(q.now, c.currency, amount, 0, "application_fee", "platform_earning", a.id)
	a.txn.available = c.txn.available
	c.fee = a
	f.fees.add(a)
	f.emitFee(q, "created", a)
	return a
}

// refundFee moves a fee back. That the merchant's side is a row of type adjustment is
// not said in a source at hand (2026-11).
func (f *Fake) refundFee(q *request, a *applicationFee, r *feeRefund) *feeRefund {
	r.id, r.created, r.fee = f.id("fr_"), q.now, a
	if r.metadata == nil {
		r.metadata = map[string]string{}
	}
	a.refunded += r.amount
	a.refunds = append(a.refunds, r)
	r.txn = f.now(f.move(q.now, a.currency, -r.amount, 0, "application_fee_refund", "platform_earning_refund", r.id))
	a.at.now(a.at.move(q.now, a.currency, r.amount, 0, "adjustment", "other_adjustment", r.id))
	f.emitFee(q, "refunded", a)
	return r
}

func (f *Fake) createFeeRefund(q *request, id string) (object, *problem) {
	a, ok := f.fees.get(id)
	if !ok {
		return nil, missing("application fee", id)
	}
	if p := q.form.only("amount", "metadata", "expand"); p != nil {
		return nil, p
	}
	r := &feeRefund{amount: a.amount - a.refunded}
	var p *problem
	if r.amount == 0 {
		return nil, badParam("", "", "Application fee has already been refunded.")
	}
	if q.form.has("amount") {
		if r.amount, p = q.form.amount("amount"); p != nil {
			return nil, p
		}
	}
	if r.amount > a.amount-a.refunded {
		return nil, badParam("amount", "", "Refund amount is greater than unrefunded amount on application fee")
	}
	if r.metadata, p = q.form.metadata("metadata", nil); p != nil {
		return nil, p
	}
	return f.renderFeeRefund(f.refundFee(q, a, r), q.version, q.expand("")), nil
}

// feeRefund finds a refund of a fee.
func (f *Fake) feeRefund(id, below string) (*feeRefund, *problem) {
	a, ok := f.fees.get(id)
	if !ok {
		return nil, missing("application fee", id)
	}
	for _, r := range a.refunds {
		if r.id == below {
			return r, nil
		}
	}
	return nil, missing("fee refund", below)
}

func (f *Fake) updateFeeRefund(q *request, id, below string) (object, *problem) {
	r, p := f.feeRefund(id, below)
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
	f.emit(q, "application_fee.refund.updated", func(v string) object { return f.renderFeeRefund(r, v, nil) }, nil)
	return f.renderFeeRefund(r, q.version, q.expand("")), nil
}

func (f *Fake) emitFee(q *request, what string, a *applicationFee) {
	f.emit(q, "application_fee."+what, func(v string) object { return f.renderFee(a, v, nil) }, nil)
}

func (f *Fake) renderFee(a *applicationFee, version string, x expansion) object {
	refunds := []object{}
	for i := len(a.refunds) - 1; i >= 0 && len(refunds) < 10; i-- {
		refunds = append(refunds, f.renderFeeRefund(a.refunds[i], version, nil))
	}
	m := object{
		"id": a.id, "object": "application_fee", "livemode": f.config.Livemode, "created": a.created.Unix(), "amount": a.amount,
		"amount_refunded": a.refunded, "currency": a.currency, "refunded": a.refunded == a.amount, "originating_transaction": nil,
		"balance_transaction": f.linkTxn(x, "balance_transaction", version, a.txn),
		"refunds":             object{"object": "list", "data": refunds, "has_more": len(a.refunds) > 10, "url": "/v1/application_fees/" + a.id + "/refunds"},
	}
	id := a.at.config.Account
	m["account"] = link(x, "account", id, func(x expansion) object { return f.renderMerchant(id, version, x) })
	m["application"] = link(x, "application", platform, func(expansion) object { return f.home.renderApplication(version) })
	m["charge"] = link(x, "charge", a.charge.id, func(x expansion) object { return a.at.renderCharge(a.charge, version, x) })
	if c := a.original; c != nil {
		m["originating_transaction"] = link(x, "originating_transaction", c.id, func(x expansion) object { return f.renderCharge(c, version, x) })
	}
	if moved(version) {
		m["fee_source"] = object{"type": "charge", "charge": a.charge.id}
	}
	return m
}

func (f *Fake) renderFeeRefund(r *feeRefund, version string, x expansion) object {
	m := object{"id": r.id, "object": "fee_refund", "created": r.created.Unix(), "amount": r.amount, "currency": r.fee.currency,
		"metadata": r.metadata, "balance_transaction": f.linkTxn(x, "balance_transaction", version, r.txn)}
	m["fee"] = link(x, "fee", r.fee.id, func(x expansion) object { return f.renderFee(r.fee, version, x) })
	return m
}

// ApplicationFees returns all application fees, oldest first.
func (f *Fake) ApplicationFees() []stripe.ApplicationFee {
	return all(f, &f.fees, func(a *applicationFee) stripe.ApplicationFee {
		return view[stripe.ApplicationFee](f.renderFee(a, stripe.APIVersion, nil))
	})
}

func (f *Fake) showFeeRefund(q *request, id, below string) (object, *problem) {
	if p := q.form.only("expand"); p != nil {
		return nil, p
	}
	r, p := f.feeRefund(id, below)
	if p != nil {
		return nil, p
	}
	return f.renderFeeRefund(r, q.version, q.expand("")), nil
}
