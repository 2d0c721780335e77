package tryton

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
)

func TestAUnitPriceHoldsTheLineToHalfAStepAUnit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom([]commerce.Currency{"EUR", "JPY", "KWD"}).Draw(t, "currency")
		net := rapid.Int64Range(-1_000_000, 10_000_000).Draw(t, "net")
		quantity := rapid.Int64Range(1, 5_000).Draw(t, "quantity")
		l := priced{OrderLine: erp.OrderLine{Net: commerce.MustMoney(net, c), Quantity: commerce.MustDecimal(commerce.MustMoney(quantity, "JPY").Text())}}
		price(&l)
		// Half of the fourth decimal for each unit, in minor units, and the rounding of the line.
		bound := int64(1)
		for range c.Exponent() {
			bound *= 10
		}
		if most := quantity*bound/20_000 + 1; lost([]priced{l}) > most {
			t.Fatalf("%d minor units of %s over %d lose %d, more than %d", net, c, quantity, lost([]priced{l}), most)
		}
		if quantity < 100 && c == "EUR" && l.amount != net {
			t.Fatalf("%d cents over %d become %d", net, quantity, l.amount)
		}
	})
}

func TestTotalsAreForeseenAsRecorded(t *testing.T) {
	// Recorded on 6.0.29, 2026-11: three lines of 9.97 at 19 %.
	var lines []priced
	for range 3 {
		l := priced{OrderLine: erp.OrderLine{Net: commerce.MustMoney(997, "EUR"), Quantity: commerce.MustDecimal("1")}, taxes: []int64{1}}
		price(&l)
		lines = append(lines, l)
	}
	b := books{taxes: map[int64]tax{1: {id: 1, rate: ratOf(commerce.MustDecimal("0.19")), foreseeable: true}}}
	for rounding, want := range map[erp.TaxRounding]int64{erp.RoundPerDocument: 568, erp.RoundPerLine: 567} {
		b.rounding = rounding
		got, taxes, ok := foresee("EUR", lines, b)
		require.True(t, ok)
		require.Equal(t, want, got.Tax.Minor(), string(rounding))
		require.Equal(t, want, taxes[0].Amount.Minor())
		require.Equal(t, 2991+want, got.Gross.Minor())
	}
	b.taxes[1] = tax{id: 1}
	_, _, ok := foresee("EUR", lines, b)
	require.False(t, ok, "a tax that is more than a percentage is left to the server")
}
