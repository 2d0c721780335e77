package tryton

import (
	"math/big"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// priceDigits are the decimals that Tryton keeps of a unit price.
const priceDigits = 4

// priced is an order line in Tryton's terms.
type priced struct {
	erp.OrderLine
	product product
	taxes   []int64
	unit    *big.Rat // unit price, at most priceDigits decimals
	amount  int64    // what Tryton makes of unit x quantity, in minor units
}

// price chooses the unit price nearest to net / quantity.
func price(l *priced) {
	c := l.Net.Currency()
	q := ratOf(l.Quantity)
	net := new(big.Rat).SetFrac(big.NewInt(l.Net.Minor()), pow10(c.Exponent()))
	steps := new(big.Rat).Mul(new(big.Rat).Quo(net, q), new(big.Rat).SetInt(pow10(priceDigits)))
	l.unit = new(big.Rat).SetFrac(halfEven(steps), pow10(priceDigits))
	l.amount = minor(new(big.Rat).Mul(l.unit, q), c)
}

// unitText is the unit price as decimal text.
func (l priced) unitText() number { return number(l.unit.FloatString(priceDigits)) }

// lost is how much of the net amounts the unit prices could not hold, in minor units.
func lost(lines []priced) int64 {
	var n int64
	for _, l := range lines {
		n += max(l.Net.Minor()-l.amount, l.amount-l.Net.Minor())
	}
	return n
}

// foresee computes the totals as Tryton 6.0 does: a line is unit price x quantity,
// rounded half to even; tax is summed by tax and sign on the unrounded products, and
// rounded once, or after every line (trytond modules/account/tax.py, TaxableMixin).
// ok is false where a tax is more than a percentage.
func foresee(c commerce.Currency, lines []priced, b books) (got erp.Totals, taxes []erp.TaxAmount, ok bool) {
	type group struct {
		tax      int64
		positive bool
	}
	amounts := map[group]*big.Rat{}
	base := map[int64]int64{}
	var order []int64
	var net int64
	scale := new(big.Rat).SetInt(pow10(c.Exponent()))
	for _, l := range lines {
		net += l.amount
		whole := new(big.Rat).Mul(new(big.Rat).Mul(l.unit, ratOf(l.Quantity)), scale)
		for _, id := range l.taxes {
			x := b.taxes[id]
			if !x.foreseeable {
				return got, nil, false
			}
			g := group{id, whole.Sign() >= 0}
			if amounts[g] == nil {
				amounts[g] = new(big.Rat)
			}
			if _, seen := base[id]; !seen {
				order = append(order, id)
			}
			base[id] += l.amount
			amounts[g].Add(amounts[g], new(big.Rat).Mul(whole, x.rate))
		}
		if b.rounding == erp.RoundPerLine {
			for _, a := range amounts {
				a.SetInt(halfEven(a))
			}
		}
	}
	sums := map[int64]int64{}
	var tax int64
	for g, a := range amounts {
		n := halfEven(a).Int64()
		sums[g.tax] += n
		tax += n
	}
	for _, id := range order {
		taxes = append(taxes, erp.TaxAmount{TaxID: formatID(id), Base: commerce.MustMoney(base[id], c), Amount: commerce.MustMoney(sums[id], c)})
	}
	return erp.Totals{Net: commerce.MustMoney(net, c), Tax: commerce.MustMoney(tax, c), Gross: commerce.MustMoney(net+tax, c)}, taxes, true
}

// minor rounds an amount half to even to minor units, as Tryton's currencies do.
func minor(amount *big.Rat, c commerce.Currency) int64 {
	return halfEven(new(big.Rat).Mul(amount, new(big.Rat).SetInt(pow10(c.Exponent())))).Int64()
}

func halfEven(r *big.Rat) *big.Int {
	q, rest := new(big.Int).DivMod(r.Num(), r.Denom(), new(big.Int))
	switch c := rest.Lsh(rest, 1).Cmp(r.Denom()); {
	case c > 0, c == 0 && q.Bit(0) == 1:
		q.Add(q, big.NewInt(1))
	}
	return q
}

func ratOf(d commerce.Decimal) *big.Rat {
	r, _ := new(big.Rat).SetString(d.String())
	return r
}

func pow10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }
