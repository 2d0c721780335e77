package odoo

import (
	"math/big"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

// priceDigits are the decimals of a unit price where the server bounds none (19).
const priceDigits = 8

// priced is an order line in Odoo's terms.
type priced struct {
	erp.OrderLine
	product product
	taxes   []int64
	unit    string // unit price as decimal text; with the taxes that are included
	lost    int64  // what of the amount the unit price could not hold, in minor units
}

// price chooses the unit price nearest to net / quantity, with what the taxes that
// are included add.
func (l *priced) price(taxes map[int64]tax, digits int) {
	factor := big.NewRat(1, 1)
	for _, id := range l.taxes {
		if x := taxes[id]; x.included {
			factor.Add(factor, x.rate)
		}
	}
	c := l.Net.Currency()
	q := ratOf(l.Quantity)
	amount := new(big.Rat).Mul(new(big.Rat).SetFrac(big.NewInt(l.Net.Minor()), pow10(c.Exponent())), factor)
	l.unit = new(big.Rat).Quo(amount, q).FloatString(digits)
	unit, _ := new(big.Rat).SetString(l.unit)
	lost := minor(amount, c) - minor(unit.Mul(unit, q), c)
	l.lost = max(lost, -lost)
}

// minor rounds an amount half away from nought to minor units, as Odoo does.
func minor(amount *big.Rat, c commerce.Currency) int64 {
	scaled := new(big.Rat).Mul(amount, new(big.Rat).SetInt(pow10(c.Exponent())))
	n, _ := new(big.Int).SetString(scaled.FloatString(0), 10)
	return n.Int64()
}

func ratOf(d commerce.Decimal) *big.Rat {
	r, _ := new(big.Rat).SetString(d.String())
	return r
}

func pow10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }
