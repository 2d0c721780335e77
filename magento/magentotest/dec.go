package magentotest

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// dec is an amount or a quantity in ten-thousandths, as Magento's decimal(20,4).
type dec int64

const one dec = 10_000

// parseDec reads a decimal number, rounded half away from zero to four decimals.
func parseDec(s string) (dec, error) {
	if len(s) > 40 || strings.Trim(s, "+-.0123456789eE") != "" {
		return 0, fmt.Errorf("%.40q is no decimal number", s)
	}
	if _, exp, ok := strings.Cut(strings.ToLower(s), "e"); ok && len(strings.TrimLeft(exp, "+-")) > 2 {
		return 0, fmt.Errorf("%.40q is out of range", s)
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return 0, fmt.Errorf("%.40q is no decimal number", s)
	}
	n := round(r, 4)
	if !n.IsInt64() {
		return 0, fmt.Errorf("%.40q is out of range", s)
	}
	return dec(n.Int64()), nil
}

// String writes the number without needless zeros, as PHP prints a float.
func (d dec) String() string {
	sign, n := "", int64(d)
	if n < 0 {
		sign, n = "-", -n
	}
	s := strconv.FormatInt(n/int64(one), 10)
	if frac := n % int64(one); frac != 0 {
		s += "." + strings.TrimRight(fmt.Sprintf("%04d", frac), "0")
	}
	return sign + s
}

// MarshalJSON writes a JSON number.
func (d dec) MarshalJSON() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalJSON reads a number or a text that holds one.
func (d *dec) UnmarshalJSON(b []byte) error {
	s := strings.Trim(string(b), `"`)
	if s == "null" || s == "" {
		*d = 0
		return nil
	}
	v, err := parseDec(s)
	*d = v
	return err
}

func (d dec) rat() *big.Rat { return big.NewRat(int64(d), int64(one)) }

// times returns d × num ÷ den, rounded half away from zero to cents.
func (d dec) times(num, den dec) dec {
	if den == 0 {
		return 0
	}
	r := new(big.Rat).Mul(d.rat(), big.NewRat(int64(num), int64(den)))
	return cents(r)
}

// scale returns d × num ÷ den, for quantities.
func (d dec) scale(num, den dec) dec {
	if den == 0 {
		return 0
	}
	return dec(round(new(big.Rat).Mul(d.rat(), big.NewRat(int64(num), int64(den))), 4).Int64())
}

// cents rounds half away from zero to two decimals, which Magento does in every
// currency, also in yen (2.4.6-p1, REC 434).
func cents(r *big.Rat) dec { return dec(round(r, 2).Int64() * 100) }

// round returns r × 10^places, rounded half away from zero.
func round(r *big.Rat, places int64) *big.Int {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(places), nil)
	num := new(big.Int).Mul(r.Num(), scale)
	num.Mul(num, big.NewInt(2))
	if num.Sign() >= 0 {
		num.Add(num, r.Denom())
	} else {
		num.Sub(num, r.Denom())
	}
	return num.Quo(num, new(big.Int).Mul(r.Denom(), big.NewInt(2)))
}

// pair is an amount in base and in order currency.
type pair struct{ base, order dec }

func (p pair) add(q pair) pair { return pair{p.base + q.base, p.order + q.order} }
func (p pair) sub(q pair) pair { return pair{p.base - q.base, p.order - q.order} }
func (p pair) neg() pair       { return pair{-p.base, -p.order} }

// most returns no more than q, in each currency by itself.
func (p pair) most(q pair) pair { return pair{min(p.base, q.base), min(p.order, q.order)} }

// part returns p × num ÷ den, rounded to cents.
func (p pair) part(num, den dec) pair { return pair{p.base.times(num, den), p.order.times(num, den)} }

// sums are amounts by their name in order currency. An absent one is left out of
// answers, as Magento leaves nulls out.
type sums map[string]pair

// baseName is the name of an amount in base currency.
func baseName(name string) string {
	if name == "shipping_discount_tax_compensation_amount" {
		return "base_shipping_discount_tax_compensation_amnt" // cut to MySQL's length by Magento
	}
	return "base_" + name
}

func (s sums) write(into obj) {
	for name, p := range s {
		into[name] = p.order
		into[baseName(name)] = p.base
	}
}

// add raises an amount, which is there afterwards.
func (s sums) add(name string, p pair) { s[name] = s[name].add(p) }
