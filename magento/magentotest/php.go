package magentotest

import (
	"math/big"
)

// real is a number as PHP computes with it, a binary float of 53 bits. Documents are
// computed with it because its errors decide some cents: a sum that should end in half
// a cent may lie a hair below (REC 489).
type real struct{ f *big.Float }

func (d dec) real() real {
	return real{new(big.Float).SetPrec(53).Quo(exact(int64(d)), exact(int64(one)))}
}

func exact(n int64) *big.Float { return new(big.Float).SetPrec(53).SetInt64(n) }

func zero() real { return real{exact(0)} }

func (a real) add(b real) real { return real{new(big.Float).SetPrec(53).Add(a.f, b.f)} }
func (a real) sub(b real) real { return real{new(big.Float).SetPrec(53).Sub(a.f, b.f)} }
func (a real) mul(b real) real { return real{new(big.Float).SetPrec(53).Mul(a.f, b.f)} }
func (a real) quo(b real) real { return real{new(big.Float).SetPrec(53).Quo(a.f, b.f)} }
func (a real) neg() real       { return real{new(big.Float).SetPrec(53).Neg(a.f)} }

// dec is the number as the database stores it.
func (a real) dec() dec {
	r, _ := a.f.Rat(nil)
	if r == nil {
		return 0
	}
	return dec(round(r, 4).Int64())
}

// cents rounds as PHP's round($a, 2) did until 8.3: first to the 15 digits that a
// float keeps, then half away from zero.
func (a real) cents() real {
	if a.f.Sign() == 0 {
		return a
	}
	r, _ := a.f.Rat(nil)
	digits := int64(14 - magnitude(r))
	v := a.f
	if digits > 2 && digits-15 < 2 {
		up := helped(new(big.Float).SetPrec(53).Mul(a.f, tenTo(digits)))
		v = new(big.Float).SetPrec(53).Quo(up, tenTo(digits-2))
	} else {
		v = new(big.Float).SetPrec(53).Mul(v, tenTo(2))
	}
	return real{new(big.Float).SetPrec(53).Quo(helped(v), tenTo(2))}
}

// helped rounds a float to a whole number, half away from zero.
func helped(v *big.Float) *big.Float {
	half := big.NewFloat(0.5)
	if v.Sign() < 0 {
		half.Neg(half)
	}
	n, _ := new(big.Float).SetPrec(53).Add(v, half).Int(nil)
	return new(big.Float).SetPrec(53).SetInt(n)
}

func tenTo(n int64) *big.Float {
	return new(big.Float).SetPrec(53).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(n), nil))
}

// magnitude is the power of ten that a number begins with: 0 for 1 to 10, -1 for 0.1.
func magnitude(r *big.Rat) int {
	a := new(big.Rat).Abs(r)
	n, ten := 0, big.NewRat(10, 1)
	for a.Cmp(ten) >= 0 {
		a.Quo(a, ten)
		n++
	}
	for a.Cmp(big.NewRat(1, 1)) < 0 {
		a.Mul(a, ten)
		n--
	}
	return n
}

// carry rounds the parts of a document to cents and hands on what rounding took, in
// each currency by itself. There is one for the amounts of a document and one for those
// that include tax.
type carry struct{ base, order real }

func newCarry() *carry { return &carry{zero(), zero()} }

// round rounds an amount with what is carried. Discounts are taken away, so that they
// carry with the other sign.
func (c *carry) round(base, order real, discount bool) pair {
	one := func(v real, rest *real) dec {
		if v.f.Sign() == 0 {
			return 0
		}
		if discount {
			*rest = rest.neg()
		}
		v = v.add(*rest)
		rounded := v.cents()
		if *rest = v.sub(rounded); discount {
			*rest = rest.neg()
		}
		return rounded.dec()
	}
	return pair{one(base, &c.base), one(order, &c.order)}
}

// part is a share of what is left of an amount: qty of what is there.
func (c *carry) part(total, done pair, of, qty dec, discount bool) pair {
	share := func(total, done dec) real { return total.real().sub(done.real()).quo(of.real()).mul(qty.real()) }
	return c.round(share(total.base, done.base), share(total.order, done.order), discount)
}
