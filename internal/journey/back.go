package journey

import (
	"net/url"
	"strconv"
	"time"

	"github.com/commercesync/commerce"
)

// Back is one way in which money of an order goes back. Tell reports whether it could
// begin: the order may not be so far yet.
type Back struct {
	Name string
	Tell func(b *Buyers, s *Told) bool
	// All: nothing of the order is left in the end; else a part.
	All bool
}

// Backs are the ways, by whoever acts first.
var Backs = []Back{
	{"all at the processor", func(b *Buyers, s *Told) bool { return b.refund(s, 0) }, true},
	{"two equal parts at the processor", func(b *Buyers, s *Told) bool {
		part := s.Due.Minor() / 5
		if !b.refund(s, part) {
			return false
		}
		b.In(time.Minute, func() { b.refund(s, part) })
		return true
	}, false},
	{"all in the shop", func(b *Buyers, s *Told) bool { return b.Fakes.Front.GiveBack(s.Sale, true) == nil }, true},
	{"a part in the shop", func(b *Buyers, s *Told) bool { return b.Fakes.Front.GiveBack(s.Sale, false) == nil }, false},
	{"a part in the shop, then the rest at the processor", func(b *Buyers, s *Told) bool {
		if b.Fakes.Front.GiveBack(s.Sale, false) != nil {
			return false
		}
		b.In(12*time.Hour, func() { b.rest(s) })
		return true
	}, true},
	{"a part at the processor, then a part in the shop", func(b *Buyers, s *Told) bool {
		if !b.refund(s, s.Due.Minor()/4) {
			return false
		}
		b.In(12*time.Hour, func() { _ = b.Fakes.Front.GiveBack(s.Sale, false) }) // unless so much is not left
		return true
	}, false},
	{"all on both sides at once", func(b *Buyers, s *Told) bool {
		return b.Fakes.Front.GiveBack(s.Sale, true) == nil && b.refund(s, 0)
	}, true},
}

// when tries something every few hours until it can be done.
func (b *Buyers) when(wait time.Duration, can func() bool) {
	b.In(wait, func() {
		if !can() {
			b.when(wait, can)
		}
	})
}

// refund is the merchant at Stripe's dashboard, who gives back so much of an order's
// only charge, or all of it.
func (b *Buyers) refund(s *Told, amount int64) bool {
	charge, ok := b.charge(s)
	if !ok {
		return false
	}
	params := url.Values{"charge": {charge}}
	if amount > 0 {
		params.Set("amount", strconv.FormatInt(amount, 10))
	}
	b.post("/v1/refunds", params)
	return true
}

// rest gives back at Stripe what nobody has given back yet, once the part before is known
// there.
func (b *Buyers) rest(s *Told) {
	b.when(12*time.Hour, func() bool {
		if b.Refunded(s).Sign() == 0 {
			return false
		}
		return b.refund(s, 0)
	})
}

// charge is the one that paid an order; false where none did, or several.
func (b *Buyers) charge(s *Told) (id string, ok bool) {
	for _, c := range b.Fakes.Stripe.Charges() {
		for _, intent := range s.Intents {
			if string(c.PaymentIntent) == intent && c.Status == "succeeded" && c.Captured {
				if ok {
					return "", false
				}
				id, ok = c.ID, true
			}
		}
	}
	return id, ok
}

// Refunded is what Stripe gave back of an order's payments.
func (b *Buyers) Refunded(s *Told) commerce.Money {
	sum := commerce.Zero(s.Due.Currency())
	for _, r := range b.Fakes.Stripe.Refunds() {
		for _, intent := range s.Intents {
			if string(r.PaymentIntent) == intent && (r.Status == "succeeded" || r.Status == "pending") {
				m, err := commerce.NewMoney(r.Amount, s.Due.Currency())
				b.check(err)
				sum, err = sum.Add(m)
				b.check(err)
			}
		}
	}
	return sum
}
