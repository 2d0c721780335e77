package mapping_test

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
)

func TestWhatTaxWasTakenOnIsComputedExactly(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 2026))
	answers := map[bool]int{}
	for range 4_000 {
		net := mapping.Amount(r.Int64N(1e6))
		discount := mapping.Amount(1 + r.Int64N(int64(net)+1))
		var taxes []mapping.RowTax
		sum, charged := new(big.Rat), new(big.Rat)
		for range 1 + r.IntN(3) {
			rate := commerce.MustDecimal([]string{"8.25", "19", "0", "-3.5", "7.123456789012345678", "0.0000000000000000001"}[r.IntN(6)])
			exact, _ := new(big.Rat).SetString(rate.String())
			// The tax on the price halfway between is where the answer turns.
			tax := new(big.Rat).Mul(exact, big.NewRat(int64(2*net-discount), 200))
			near, _ := tax.Float64()
			taxes = append(taxes, mapping.RowTax{Rate: rate, Amount: mapping.Amount(near) + mapping.Amount(r.Int64N(3)) - 1})
			sum.Add(sum, exact)
			charged.Add(charged, big.NewRat(100*int64(taxes[len(taxes)-1].Amount), 1))
		}
		off := func(base mapping.Amount) *big.Rat {
			x := new(big.Rat).Mul(sum, big.NewRat(int64(base), 1))
			return x.Abs(x.Sub(x, charged))
		}
		want := off(net-discount).Cmp(off(net)) <= 0
		require.Equal(t, want, mapping.OnDiscounted(net, discount, taxes), "net %d, discount %d, %v", net, discount, taxes)
		answers[want]++
	}
	require.Greater(t, min(answers[true], answers[false]), 200)
}
