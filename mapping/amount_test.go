package mapping_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/mapping"
)

// exactly reads a decimal text with fractions of any length; ok is false for what is
// no amount.
func exactly(text string) (_ mapping.Amount, ok bool) {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0, false
	}
	half := big.NewRat(int64(r.Sign()), 2)
	r.Add(r.Mul(r, big.NewRat(10_000, 1)), half)
	n := new(big.Int).Quo(r.Num(), r.Denom())
	return mapping.Amount(n.Int64()), n.CmpAbs(big.NewInt(1e15)) <= 0
}

func TestAnAmountIsTheNumberThatWasWrittenHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 2026))
	digits := func(n int) string {
		var b strings.Builder
		for range r.IntN(n) {
			b.WriteByte("0000123455556789"[r.IntN(16)])
		}
		return b.String()
	}
	amounts := 0
	for range 4_000 {
		text := [...]string{"", "-", "+"}[r.IntN(3)] + digits(14)
		if r.IntN(4) > 0 {
			text += "." + digits(20)
		}
		if r.IntN(4) == 0 {
			text += fmt.Sprintf("%c%d", "eE"[r.IntN(2)], r.IntN(40)-20)
		}
		if text == "" {
			continue
		}
		want, ok := exactly(text)
		got, err := mapping.ParseAmount(text)
		require.Equal(t, ok, err == nil, "%q: %v", text, err)
		if ok {
			require.Equal(t, want, got, text)
			amounts++
		}
	}
	require.Greater(t, amounts, 2_000)
}
