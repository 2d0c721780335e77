package stripetest

import (
	"maps"
	"time"

	"github.com/commercesync/commerce/stripe"
)

// Bill takes a cost that Stripe bills apart from payments out of the balance: a row of
// type stripe_fee whose amount is the cost, and whose fee is 0. The amount is positive.
func (f *Fake) Bill(amount int64, currency, description string) (stripe.BalanceTransaction, error) {
	return f.book("bill", -amount, currency, "stripe_fee", "fee", description, amount > 0)
}

// Adjust books a correction of Stripe's, up or down.
func (f *Fake) Adjust(amount int64, currency, description string) (stripe.BalanceTransaction, error) {
	return f.book("adjust", amount, currency, "adjustment", "other_adjustment", description, amount != 0)
}

// Reserve holds money of the balance back for a time: a row that takes it, and at its
// end one that returns it. The amount is positive.
func (f *Fake) Reserve(amount int64, currency string, hold time.Duration) (stripe.BalanceTransaction, error) {
	t, err := f.book("reserve", -amount, currency, "reserve_transaction", "risk_reserved_funds", "Reserve hold", amount > 0 && hold > 0)
	if err != nil {
		return t, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.later(f.config.Now().Add(hold), func(now time.Time) {
		back := f.now(f.move(now, t.Currency, -t.Amount, 0, "reserve_transaction", "risk_reserved_funds", string(t.Source)))
		back.description = "Reserve release"
	})
	return t, nil
}

func (f *Fake) book(op string, amount int64, currency, kind, category, description string, ok bool) (stripe.BalanceTransaction, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	c, p := currencyOf(currency)
	if !ok || p != nil {
		return stripe.BalanceTransaction{}, refusal(op, "no such amount or currency")
	}
	source := ""
	if kind == "reserve_transaction" {
		source = f.id("rtx_")
	}
	t := f.now(f.move(f.config.Now(), c, amount, 0, kind, category, source))
	t.description = description
	return view[stripe.BalanceTransaction](f.renderTxn(t, stripe.APIVersion, nil)), nil
}

// instantFee books what an instant payout costs, as a row of its own.
func (f *Fake) instantFee(q *request, p *payout) {
	if fee := f.config.InstantFee(p.amount, p.currency); p.method == "instant" && p.amount > 0 && fee > 0 {
		t := f.settle(q.now, p, -fee, "stripe_fee", "fee")
		t.source, t.description = "", "Instant payout fee"
	}
}

// Net is what all movements that were made before a time come to, by currency: the balance
// then, available and pending together, for audits.
func (f *Fake) Net(before time.Time) map[string]int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	net := map[string]int64{}
	for _, t := range f.txns.rows {
		if t.created.Before(before) {
			net[t.currency] += t.amount - t.fee
		}
	}
	return net
}

// Exchange changes the rate at which a currency is exchanged from now on, as Config.Rates
// says it: a refund is of another rate than its charge. Empty keeps the currency as it is.
func (f *Fake) Exchange(currency, rate string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	rates := maps.Clone(f.config.Rates)
	if rates == nil {
		rates = map[string]string{}
	}
	rates[currency] = rate
	f.config.Rates = rates
}

// sum is the balance of a currency.
type sum struct{ available, pending int64 }

// sums adds up all balance transactions by currency.
func (f *Fake) sums(now time.Time) map[string]*sum {
	by := map[string]*sum{}
	for _, t := range f.txns.rows {
		s := by[t.currency]
		if s == nil {
			s = &sum{}
			by[t.currency] = s
		}
		if t.available.After(now) {
			s.pending += t.amount - t.fee
		} else {
			s.available += t.amount - t.fee
		}
	}
	return by
}

// renderReserve is what a row of a reserve comes from.
func renderReserve(t *txn) object {
	return object{"id": t.source, "object": "reserve_transaction", "amount": t.amount, "currency": t.currency, "description": orNull(t.description)}
}

// details says what a row's fee is made of.
func (t *txn) details() []object {
	out := []object{}
	add := func(amount int64, kind, description string, application any) {
		if amount != 0 {
			out = append(out, object{"amount": amount, "currency": t.currency, "type": kind, "application": application, "description": description})
		}
	}
	add(t.fee-t.kept, "stripe_fee", "Stripe processing fees", nil)
	add(t.kept, "application_fee", "Application fee", platform)
	return out
}

// origin shows where a row comes from; nil where its own table does not say.
func (f *Fake) origin(t *txn, version string, x expansion) object {
	if v, ok := f.transfers.get(t.source); ok {
		return f.renderTransfer(v, version, x)
	}
	if v, ok := f.topups.get(t.source); ok {
		return f.renderTopUp(v, version, x)
	}
	if v, ok := f.home.fees.get(t.source); ok {
		return f.home.renderFee(v, version, x)
	}
	for _, a := range f.home.fees.rows {
		for _, r := range a.refunds {
			if r.id == t.source {
				return f.home.renderFeeRefund(r, version, x)
			}
		}
	}
	for _, v := range f.transfers.rows {
		for _, r := range v.reversals {
			if r.id == t.source {
				return f.renderReversal(r, version, x)
			}
		}
	}
	if t.kind == "reserve_transaction" {
		return renderReserve(t)
	}
	return nil
}
