package nopshop

import (
	"math/big"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
)

// unit is how many Amounts one of the major unit has.
const unit = 10_000

// slack is how far figures may lie apart that the shop rounded by themselves: less than
// half a hundredth, as in package mapping.
const slack = mapping.Amount(49)

func apart(a, b mapping.Amount) bool { return a-b > slack || b-a > slack }

// whole rounds to a whole number, halves away from zero.
func whole(r *big.Rat) *big.Int {
	num := new(big.Int).Lsh(r.Num(), 1)
	num.Add(num, new(big.Int).Mul(r.Denom(), big.NewInt(int64(r.Sign()))))
	return num.Quo(num, new(big.Int).Lsh(r.Denom(), 1))
}

// times multiplies an amount by a rate, rounded to the 4 decimals of an amount. The rate
// is below maxRate and the amount below 10^11 of the major unit, so that it can not
// overflow where it is within bounds; ok says so.
func times(a mapping.Amount, rate *big.Rat) (product mapping.Amount, ok bool) {
	n := whole(new(big.Rat).Mul(big.NewRat(int64(a), 1), rate))
	if !n.IsInt64() || n.CmpAbs(big.NewInt(1e15)) > 0 {
		return 0, false
	}
	return mapping.Amount(n.Int64()), true
}

// minor returns an amount times a rate in minor units of a currency: rounded half away
// from zero, and cut off.
func minor(a mapping.Amount, rate *big.Rat, c commerce.Currency) (rounded, cut int64, ok bool) {
	per := int64(1)
	for range c.Exponent() {
		per *= 10
	}
	exact := new(big.Rat).Mul(big.NewRat(int64(a), unit), rate)
	exact.Mul(exact, big.NewRat(per, 1))
	r, q := whole(exact), new(big.Int).Quo(exact.Num(), exact.Denom())
	return r.Int64(), q.Int64(), r.IsInt64() && q.IsInt64()
}

// spread shares a total out by weights, so that the shares add up to it. ok is false
// where there is something to share and nobody to share it with.
func spread(total mapping.Amount, weights []mapping.Amount) (shares []mapping.Amount, ok bool) {
	shares = make([]mapping.Amount, len(weights))
	var sum mapping.Amount
	for _, w := range weights {
		sum += w
	}
	if sum == 0 {
		return shares, total == 0
	}
	var upTo, given mapping.Amount
	for i, w := range weights {
		upTo += w
		now, fits := times(total, big.NewRat(int64(upTo), int64(sum)))
		if !fits {
			return nil, false
		}
		shares[i], given = now-given, now
	}
	return shares, true
}

// converter turns the figures of an order into another currency, one after the other,
// so that the sum of all is the sum converted: each ends where the running total does.
type converter struct {
	rate      *big.Rat
	late      bool // discounts were taken off after tax
	sum, done mapping.Amount
	overflow  bool
}

func (c *converter) next(a mapping.Amount) mapping.Amount {
	c.sum += a
	now := c.times(c.sum, c.rate)
	out := now - c.done
	c.done = now
	return out
}

func (c *converter) times(a mapping.Amount, by *big.Rat) mapping.Amount {
	out, ok := times(a, by)
	c.overflow = c.overflow || !ok
	return out
}

// split converts the price of a thing with tax, and says what of it is tax: a thing bears
// one tax, or none.
func (c *converter) split(net, discount, tax mapping.Amount, taxes []mapping.RowTax) (mapping.Amount, mapping.Amount, mapping.Amount, []mapping.RowTax) {
	with, off := c.next(net-discount+tax), c.times(discount, c.rate)
	if len(taxes) == 0 {
		return with + off, off, 0, nil
	}
	untaxed := mapping.Amount(0)
	if c.late {
		with += off
	} else {
		untaxed = off
	}
	x := taxes[0]
	factor, _ := new(big.Rat).SetString(x.Rate.String())
	factor.Add(factor, hundred)
	base := c.times(with, factor.Quo(hundred, factor))
	x.Amount = with - base
	return base + untaxed, off, x.Amount, []mapping.RowTax{x}
}

var hundred = big.NewRat(100, 1)
