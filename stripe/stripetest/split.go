package stripetest

import "strconv"

// split is how a payment is shared between a platform and a merchant.
type split struct {
	fee         int64  // what the platform keeps, in units of the payment's currency
	destination string // account that the rest is transferred to; empty = a direct charge
	amount      int64  // of the transfer; 0 = all
	behalf      string // account that the payment settles for
}

// splitParams are the parameters of a split.
var splitParams = []string{"application_fee_amount", "transfer_data[destination]", "transfer_data[amount]", "on_behalf_of"}

// split reads what a request says of a payment of an amount, over what was said before.
// prefix is "payment_intent_data" where it is about the payment of another object.
func (f *Fake) split(q *request, prefix string, s split, amount int64) (split, *problem) {
	name := func(n string) string {
		if prefix == "" {
			return n
		}
		return prefix + "[" + n + "]"
	}
	read := func(n string, into *int64) *problem {
		if !q.form.has(n) {
			return nil
		}
		v, err := strconv.ParseInt(q.form.get(n), 10, 64)
		if err != nil || v < 0 || v > amount {
			return badParam(n, "parameter_invalid_integer", "Invalid amount: it must be from 0 to that of the payment")
		}
		*into = v
		return nil
	}
	data := name("transfer_data")
	if p := read(name("application_fee_amount"), &s.fee); p != nil {
		return s, p
	}
	if p := read(data+"[amount]", &s.amount); p != nil {
		return s, p
	}
	for n, into := range map[string]*string{data + "[destination]": &s.destination, name("on_behalf_of"): &s.behalf} {
		if !q.form.has(n) {
			continue
		}
		*into = q.form.get(n)
		if _, p := f.home.merchant(*into); p != nil {
			return s, badParam(n, "account_invalid", "No such account: '"+*into+"'")
		}
	}
	if s.fee > 0 && f == f.home && s.destination == "" {
		return s, badParam(name("application_fee_amount"), "", "Can only apply an application_fee_amount when the payment is direct "+
			"(using the Stripe-Account header) or has a destination (using transfer_data[destination]).")
	}
	if s.fee > 0 && s.amount > 0 {
		return s, badParam(name("application_fee_amount"), "", "You may only specify one of these parameters: application_fee_amount, transfer_data[amount].")
	}
	return s, nil
}

// show writes the split's members of a payment intent or a charge.
func (s split) show(m object) {
	if s.fee > 0 {
		m["application_fee_amount"] = s.fee
	}
	if s.destination != "" {
		data := object{"destination": s.destination}
		if s.amount > 0 {
			data["amount"] = s.amount
		}
		m["transfer_data"] = data
	}
	m["on_behalf_of"] = orNull(s.behalf)
}

// share gives platform and merchant their parts of a charge as soon as it is money.
func (f *Fake) share(q *request, c *charge) {
	s := c.intent.split
	fee := min(s.fee, c.amountCaptured)
	if to := f.home.connected[s.destination]; to != nil {
		amount := c.amountCaptured
		if s.amount > 0 {
			amount = min(amount, s.amount)
		}
		if c.group() == "" {
			c.intent.group = "group_" + c.intent.id
		}
		c.transfer = f.home.transfer(q, &transfer{to: to, amount: c.txn.exchanged(amount), currency: c.txn.currency, source: c, group: c.group()})
		if fee > 0 {
			c.fee = f.home.takeFee(q, to, c.transfer.payment, c.txn.exchanged(fee), c)
		}
		return
	}
	if fee > 0 && f != f.home {
		c.fee = f.home.takeFee(q, f, c, fee, nil)
	}
}

// exchanged is an amount of the payment in the currency of its balance transaction.
func (t *txn) exchanged(amount int64) int64 {
	if t.rate == "" {
		return amount
	}
	return exchange(amount, t.rate)
}

// giveBackShares takes the merchant's and the platform's parts of a refund back from them,
// in proportion, where the request asks for it.
func (f *Fake) giveBackShares(q *request, r *refund) {
	c := r.charge
	part := func(whole, done int64) int64 {
		if c.refunded {
			return whole - done
		}
		return min(whole-done, exchange(whole, strconv.FormatInt(r.amount, 10)+"/"+strconv.FormatInt(c.amountCaptured, 10)))
	}
	if t := c.transfer; t != nil && q.form.get("reverse_transfer") == "true" {
		if amount := part(t.amount, t.reversed); amount > 0 {
			r.reversal = f.home.reverse(q, t, &reversal{amount: amount, refund: r})
		}
	}
	if fee := c.fee; fee != nil && q.form.get("refund_application_fee") == "true" {
		if amount := part(fee.amount, fee.refunded); amount > 0 {
			f.home.refundFee(q, fee, &feeRefund{amount: amount})
		}
	}
}

// showShares writes an intent's members of Connect.
func (f *Fake) showShares(m object, i *intent, x expansion, version string) {
	i.split.show(m)
	if id := i.split.behalf; id != "" {
		m["on_behalf_of"] = link(x, "on_behalf_of", id, func(x expansion) object { return f.renderMerchant(id, version, x) })
	}
	if i.group != "" {
		m["transfer_group"] = i.group
	}
	if c := i.latest(); c != nil && c.review != nil && c.review.closed == "" {
		m["review"] = link(x, "review", c.review.id, func(x expansion) object { return f.renderReview(c.review, version, x) })
	}
}

// showParts writes a charge's members of Connect, and of its review.
func (f *Fake) showParts(m object, c *charge, x expansion, version string) {
	c.intent.split.show(m)
	if id := c.intent.split.behalf; id != "" {
		m["on_behalf_of"] = link(x, "on_behalf_of", id, func(x expansion) object { return f.renderMerchant(id, version, x) })
	}
	if g := c.group(); g != "" {
		m["transfer_group"] = g
	}
	if r := c.review; r != nil && r.closed == "" {
		m["review"] = link(x, "review", r.id, func(x expansion) object { return f.renderReview(r, version, x) })
	}
	if a := c.fee; a != nil {
		m["application_fee_amount"] = a.amount
		m["application_fee"] = link(x, "application_fee", a.id, func(x expansion) object { return f.home.renderFee(a, version, x) })
	}
	if t := c.transfer; t != nil {
		m["transfer"] = link(x, "transfer", t.id, func(x expansion) object { return f.home.renderTransfer(t, version, x) })
	}
	if t := c.from; t != nil {
		m["payment_intent"], m["payment_method"] = nil, nil
		m["payment_method_details"] = object{"type": "stripe_account", "stripe_account": object{}}
		m["source_transfer"] = link(x, "source_transfer", t.id, func(x expansion) object { return f.home.renderTransfer(t, version, x) })
	}
}

// showReversals writes a refund's links to what became of the transfer.
func (f *Fake) showReversals(m object, r *refund, x expansion, version string) {
	if t := r.reversal; t != nil {
		m["transfer_reversal"] = link(x, "transfer_reversal", t.id, func(x expansion) object { return f.home.renderReversal(t, version, x) })
	}
	if t := r.source; t != nil {
		m["payment_intent"], m["destination_details"] = nil, nil
		delete(m, "destination_details")
		m["source_transfer_reversal"] = link(x, "source_transfer_reversal", t.id, func(x expansion) object { return f.home.renderReversal(t, version, x) })
	}
}
