package odoo

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

func TestAUnitPriceHoldsTheLineOrSaysWhatIsLost(t *testing.T) {
	taxes := map[int64]tax{1: {rate: big.NewRat(19, 100), percent: true}, 2: {rate: big.NewRat(19, 100), percent: true, included: true}}
	for _, c := range []struct {
		quantity, net string
		currency      commerce.Currency
		tax           int64
		digits        int
		unit          string
		lost          int64
	}{
		{"3", "29.91", "EUR", 1, 2, "9.97", 0},
		{"3", "25.18", "EUR", 1, 2, "8.39", 1},
		{"3", "25.18", "EUR", 1, 8, "8.39333333", 0},
		{"3", "25.18", "EUR", 2, 2, "9.99", 1}, // 29.9642 with tax: 29.96, of which 29.97 is made
		{"300", "100.00", "EUR", 1, 2, "0.33", 100},
		{"1", "-10.00", "EUR", 2, 2, "-11.90", 0},
		{"3", "2999", "JPY", 1, 2, "999.67", 0},
		{"1.5", "30.000", "KWD", 1, 2, "20.00", 0},
	} {
		net, err := commerce.ParseMoney(c.net, c.currency)
		require.NoError(t, err)
		l := priced{OrderLine: erp.OrderLine{Quantity: commerce.MustDecimal(c.quantity), Net: net}, taxes: []int64{c.tax}}
		l.price(taxes, c.digits)
		require.Equal(t, c.unit, l.unit, "%+v", c)
		require.Equal(t, c.lost, l.lost, "%+v", c)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		l := priced{OrderLine: erp.OrderLine{Quantity: commerce.MustDecimal(formatID(1 + r.Int64N(10_000))), Net: commerce.MustMoney(r.Int64N(10_000_000)-5_000_000, "EUR")}, taxes: []int64{1}}
		l.price(taxes, priceDigits)
		require.Zero(t, l.lost, "%s for %s", l.Net, l.Quantity)
		l.taxes = []int64{2}
		l.price(taxes, priceDigits)
		require.LessOrEqual(t, l.lost, int64(1), "half a cent of tax may go either way: %s for %s", l.Net, l.Quantity)
	}
}
