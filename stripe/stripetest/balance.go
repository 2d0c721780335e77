package stripetest

import (
	"hash/fnv"
	"maps"
	"math/big"
	"slices"
	"time"
)

// txn is a balance transaction.
type txn struct {
	id             string
	created        time.Time
	available      time.Time
	amount, fee    int64
	currency       string
	kind, category string
	source         string
	rate           string  // decimal text; empty = nothing exchanged
	payout         *payout // the automatic one that it is in
	kept           int64   // of the fee, the platform's
	description    string
}

func (t *txn) key() string     { return t.id }
func (t *txn) when() time.Time { return t.created }
func (t *txn) fact(name string) string {
	switch name {
	case "source":
		return t.source
	case "type":
		return t.kind
	case "currency":
		return t.currency
	case "payout":
		if t.payout != nil {
			return t.payout.id
		}
	}
	return ""
}

// availableAfter is how long captured money is pending.
const availableAfter = 2 * 24 * time.Hour

// captureTxn books captured money: what of it is booked, and what the fee is of, which is
// less where a partial capture is booked whole and the rest booked back apart.
func (f *Fake) captureTxn(now time.Time, c *charge, booked, taken int64) {
	kind := "charge"
	if natures[c.method].debit() {
		kind = "payment"
	}
	c.txn = f.move(now, c.currency, booked, f.config.Fee(taken, c.currency), kind, "charge", c.id)
	f.share(f.own(now), c)
}

// move adds a balance transaction, in settlement currency.
func (f *Fake) move(now time.Time, currency string, amount, fee int64, kind, category, source string) *txn {
	t := &txn{id: f.id("txn_"), created: now, available: now.Add(availableAfter), amount: amount, fee: fee, currency: currency, kind: kind, category: category, source: source}
	if rate := f.config.Rates[currency]; rate != "" && f.config.Settlement != "" && f.config.Settlement != currency {
		t.currency, t.rate = f.config.Settlement, rate
		t.amount, t.fee = exchange(amount, rate), exchange(fee, rate)
	}
	f.txns.add(t)
	return t
}

// unseen reports whether lists do not show a movement yet.
func (f *Fake) unseen(t *txn, now time.Time) bool {
	if f.config.ListLag == 0 {
		return false
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(t.id))
	return now.Sub(t.created) < time.Duration(h.Sum64()%uint64(f.config.ListLag))
}

// now makes a movement available at once.
func (f *Fake) now(t *txn) *txn {
	t.available = t.created
	return t
}

// exchange multiplies exactly and rounds half away from zero.
func exchange(amount int64, rate string) int64 {
	r, ok := new(big.Rat).SetString(rate)
	if !ok {
		return amount
	}
	r.Mul(r, new(big.Rat).SetInt64(amount))
	num, den := new(big.Int).Lsh(r.Num(), 1), new(big.Int).Lsh(r.Denom(), 1)
	if num.Sign() < 0 {
		num.Sub(num, r.Denom())
	} else {
		num.Add(num, r.Denom())
	}
	return num.Quo(num, den).Int64()
}

func (f *Fake) balance(q *request) object {
	by := f.sums(q.now)
	order := slices.Collect(maps.Keys(by))
	slices.Sort(order)
	available, pending := []object{}, []object{}
	for _, c := range order {
		available = append(available, object{"amount": by[c].available, "currency": c, "source_types": object{"card": by[c].available}})
		pending = append(pending, object{"amount": by[c].pending, "currency": c, "source_types": object{"card": by[c].pending}})
	}
	return object{"object": "balance", "available": available, "pending": pending, "livemode": f.config.Livemode}
}
