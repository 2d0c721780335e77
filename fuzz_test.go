package commerce_test

import (
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
)

// FuzzParseDecimal: what is read is the number that was written, to the last digit.
func FuzzParseDecimal(f *testing.F) {
	for _, s := range []string{".00000000000000000001", "1.5e3", "-0", "1e-19", "0.0000000000000000001", "9999999999999999999", "1e99", ".5", "+1", "1_0", "0x1p4", "Inf", "1/2", "1e+", "1E-0000000000000000000000000000000001"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := commerce.ParseDecimal(text)
		if err != nil {
			require.Equal(t, commerce.KindInvalid, commerce.KindOf(err))
			return
		}
		want, ok := new(big.Rat).SetString(text)
		require.True(t, ok && !strings.ContainsAny(text, "/_xXpP"), "%q is %s", text, d)
		got, ok := new(big.Rat).SetString(d.String())
		require.True(t, ok)
		require.Zero(t, want.Cmp(got), "%q is %s", text, d)
		again, err := commerce.ParseDecimal(d.String())
		require.NoError(t, err)
		require.Equal(t, d, again)
	})
}

// FuzzRoundMoney compares rounding with integers of any size.
func FuzzRoundMoney(f *testing.F) {
	for _, s := range []string{"29.949999999999999", "0.00005", "-0.005", "92233720368547758.07", "-92233720368547758.08", "1e17"} {
		f.Add(s, int8(4), "EUR")
		f.Add(s, int8(-1), "JPY")
		f.Add(s, int8(6), "KWD")
	}
	f.Fuzz(func(t *testing.T, text string, places int8, currency string) {
		c := commerce.Currency(currency)
		m, exact, err := commerce.RoundMoney(text, int(places), c)
		if err != nil {
			require.Equal(t, commerce.KindInvalid, commerce.KindOf(err))
			return
		}
		given, ok := new(big.Rat).SetString(text)
		require.True(t, ok)
		unit := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(c.Exponent())), nil))
		got := new(big.Rat).Mul(new(big.Rat).SetInt64(m.Minor()), unit)
		require.Equal(t, given.Cmp(got) == 0, exact, "%q is %s", text, m)
		off := new(big.Rat).Sub(given, got)
		if int(places) < 0 || int(places) >= c.Exponent() {
			// Twice rounded: half a unit, and half a unit of the first rounding.
			most := new(big.Rat).Mul(unit, big.NewRat(11, 20))
			require.LessOrEqual(t, off.Abs(off).Cmp(most), 0, "%q is %s", text, m)
		}
	})
}

// FuzzArithmetic compares amounts with integers of any size: a result is right, or an
// error says that it does not fit.
func FuzzArithmetic(f *testing.F) {
	for _, n := range []int64{0, 1, -1, math.MaxInt64, math.MinInt64, -math.MaxInt64} {
		f.Add(n, int64(1), int64(3), uint8(0))
		f.Add(n, n, int64(math.MaxInt64), uint8(1))
	}
	currencies := []commerce.Currency{"EUR", "JPY", "KWD", "ISK", "UGX", "MGA"}
	f.Fuzz(func(t *testing.T, a, b, weight int64, currency uint8) {
		c := currencies[int(currency)%len(currencies)]
		x, errX := commerce.NewMoney(a, c)
		y, errY := commerce.NewMoney(b, c)
		if errX != nil || errY != nil {
			require.True(t, a == math.MinInt64 || b == math.MinInt64)
			return
		}
		fits := func(n *big.Int, m commerce.Money, err error) {
			if err != nil {
				require.False(t, n.IsInt64() && n.Int64() != math.MinInt64, "%s: %v", n, err)
				return
			}
			require.Equal(t, n.String(), big.NewInt(m.Minor()).String())
		}
		bigA, bigB := big.NewInt(a), big.NewInt(b)
		sum, err := x.Add(y)
		fits(new(big.Int).Add(bigA, bigB), sum, err)
		diff, err := x.Sub(y)
		fits(new(big.Int).Sub(bigA, bigB), diff, err)
		fits(new(big.Int).Neg(bigA), x.Neg(), nil)
		fits(new(big.Int).Abs(bigA), x.Abs(), nil)
		require.GreaterOrEqual(t, x.Abs().Sign(), 0)

		read, err := commerce.ParseMoney(x.Text(), c)
		require.NoError(t, err)
		require.Equal(t, x, read)
		doc, err := json.Marshal(x)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(doc, &read))
		require.Equal(t, x, read)
		decimal, ok := new(big.Rat).SetString(x.Decimal().String())
		text, okText := new(big.Rat).SetString(x.Text())
		require.True(t, ok && okText && decimal.Cmp(text) == 0, "%s", x)

		if weight >= 0 {
			parts, err := x.Allocate(weight, 1, weight/2, 0)
			require.NoError(t, err)
			total, err := commerce.Sum(c, parts...)
			require.NoError(t, err)
			require.Equal(t, x, total)
			for _, p := range parts {
				require.NotEqual(t, -1, p.Sign()*x.Sign())
			}
		}
		for _, op := range []commerce.StripeOperation{commerce.StripeCharge, commerce.StripeManualPayout} {
			if n, err := x.Stripe(op); err == nil {
				back, err := commerce.FromStripe(n, c.Lower(), op)
				require.NoError(t, err)
				require.Equal(t, x, back)
			}
			if m, err := commerce.FromStripe(a, c.Lower(), op); err == nil {
				if n, err := m.Stripe(op); err == nil {
					require.Equal(t, a, n)
				}
			}
		}
	})
}

// FuzzMoneyJSON: an amount in JSON is one that can be written again.
func FuzzMoneyJSON(f *testing.F) {
	for _, s := range []string{`{"amount":"12.50","currency":"EUR"}`, `null`, `{"amount":12.5,"currency":"EUR"}`, `{"amount":"1e2","currency":"JPY"}`, `{}`, `"12"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		var m commerce.Money
		if json.Unmarshal(doc, &m) != nil {
			require.Zero(t, m)
			return
		}
		out, err := json.Marshal(m)
		require.NoError(t, err)
		var again commerce.Money
		require.NoError(t, json.Unmarshal(out, &again))
		require.Equal(t, m, again)
	})
}

// FuzzRef: two refs never print alike.
func FuzzRef(f *testing.F) {
	f.Add("t", "stripe", "acct_1", "live", "ch_1")
	f.Add("/", "%2F", "", "a/b", "order/17")
	f.Fuzz(func(t *testing.T, tenant, system, account, mode, id string) {
		r := commerce.Ref{Tenant: tenant, System: system, Account: account, Mode: commerce.Mode(mode), ID: id}
		again, err := commerce.ParseRef(r.String())
		require.NoError(t, err)
		require.Equal(t, r, again)
	})
}
