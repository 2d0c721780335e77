package commerce_test

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/commercesync/commerce"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var someCurrencies = []commerce.Currency{"EUR", "USD", "JPY", "KWD", "ISK", "MGA", "HUF", "CLF", "UGX"}

func TestMoneyReadsWhatItPrints(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := commerce.MustMoney(rapid.Int64Min(-math.MaxInt64).Draw(t, "minor"), rapid.SampledFrom(someCurrencies).Draw(t, "currency"))
		got, err := commerce.ParseMoney(m.Text(), m.Currency())
		require.NoError(t, err)
		require.Equal(t, m, got)
		b, err := json.Marshal(m)
		require.NoError(t, err)
		var back commerce.Money
		require.NoError(t, json.Unmarshal(b, &back))
		require.Equal(t, m, back)
	})
}

func TestAllocatedPartsAddUpAndAreWithinOneUnit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := commerce.MustMoney(rapid.Int64Range(-1e12, 1e12).Draw(t, "minor"), "EUR")
		weights := rapid.SliceOfN(rapid.Int64Range(0, 1e5), 1, 20).Draw(t, "weights")
		weights[0]++
		parts, err := m.Allocate(weights...)
		require.NoError(t, err)
		sum, err := commerce.Sum("EUR", parts...)
		require.NoError(t, err)
		require.Equal(t, m, sum)
		var total int64
		for _, w := range weights {
			total += w
		}
		for i, p := range parts {
			// |part - m·w/total| < 1, in whole numbers.
			off := p.Minor()*total - m.Minor()*weights[i]
			require.Less(t, max(off, -off), total)
		}
	})
	_, err := commerce.MustMoney(1, "EUR").Allocate(0, 0)
	require.Error(t, err)
	_, err = commerce.MustMoney(1, "EUR").Allocate(2, -1)
	require.Error(t, err)
	parts, err := commerce.MustMoney(100, "EUR").Allocate(1, 1, 1)
	require.NoError(t, err)
	require.EqualValues(t, 34, parts[0].Minor(), "equal remainders go to the earlier part")
}

func TestParseMoneyRefusesWhatItCanNotHold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text     string
		currency commerce.Currency
	}{
		{"12.345", "EUR"}, {"1.5", "JPY"}, {"1.2345", "KWD"}, {"29.949999999999999", "EUR"}, {"", "EUR"},
		{"1/2", "EUR"}, {"0x10", "EUR"}, {"1e999999999", "EUR"}, {"NaN", "EUR"}, {"1,5", "EUR"}, {" 1", "EUR"},
		{"92233720368547758.08", "EUR"}, {"1", "XXX"}, {"1", "eur"}, {"1", ""},
	} {
		_, err := commerce.ParseMoney(c.text, c.currency)
		var amount *commerce.AmountError
		require.ErrorAs(t, err, &amount, c.text)
		require.Equal(t, commerce.KindInvalid, commerce.KindOf(err))
	}
	m, err := commerce.ParseMoney("12.5000", "EUR")
	require.NoError(t, err)
	require.Equal(t, commerce.MustMoney(1250, "EUR"), m)
}

func TestRoundMoney(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text     string
		places   int
		currency commerce.Currency
		want     int64
		exact    bool
	}{
		{"29.949999999999999", 4, "EUR", 2995, false},
		{"29.949999999999999", -1, "EUR", 2995, false},
		{"29.9500", 4, "EUR", 2995, true},
		{"18360.79", 4, "JPY", 18361, false},
		{"-18360.5", 4, "JPY", -18361, false},
		{"0.005", 4, "EUR", 1, false},
		{"0.00499999", 4, "EUR", 1, false},
		{"0.00499999", -1, "EUR", 0, false},
		{"1.2345", 4, "KWD", 1235, false},
	} {
		m, exact, err := commerce.RoundMoney(c.text, c.places, c.currency)
		require.NoError(t, err)
		require.Equal(t, c.want, m.Minor(), c.text)
		require.Equal(t, c.exact, exact, c.text)
	}
}

func TestArithmeticRefusesMixedCurrenciesAndOverflow(t *testing.T) {
	t.Parallel()
	eur, usd := commerce.MustMoney(1, "EUR"), commerce.MustMoney(1, "USD")
	var mixed *commerce.CurrencyMismatchError
	_, err := eur.Add(usd)
	require.ErrorAs(t, err, &mixed)
	require.Equal(t, commerce.CurrencyMismatchError{A: "EUR", B: "USD"}, *mixed)
	_, err = eur.Sub(usd)
	require.ErrorAs(t, err, &mixed)
	_, err = eur.Cmp(usd)
	require.ErrorAs(t, err, &mixed)
	_, err = commerce.Sum("EUR", eur, usd)
	require.ErrorAs(t, err, &mixed)
	_, err = commerce.Money{}.Add(commerce.Money{})
	require.ErrorAs(t, err, &mixed, "the zero Money takes part in no arithmetic")

	var amount *commerce.AmountError
	_, err = commerce.MustMoney(math.MaxInt64, "EUR").Add(eur)
	require.ErrorAs(t, err, &amount)
	_, err = commerce.MustMoney(-math.MaxInt64, "EUR").Sub(eur)
	require.ErrorAs(t, err, &amount)
}

func TestMoneyInJSONIsText(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(map[string]commerce.Money{"a": commerce.MustMoney(-5, "EUR"), "b": {}})
	require.NoError(t, err)
	require.JSONEq(t, `{"a":{"amount":"-0.05","currency":"EUR"},"b":null}`, string(b))
	for _, bad := range []string{`{"amount":12.5,"currency":"EUR"}`, `12.5`, `{"amount":"1","currency":"XXX"}`, `{"amount":"1.234","currency":"EUR"}`} {
		var m commerce.Money
		require.Error(t, json.Unmarshal([]byte(bad), &m), bad)
	}
}

func TestStripeUnits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		minor    int64
		currency commerce.Currency
		op       commerce.StripeOperation
		want     int64
		ok       bool
	}{
		{1250, "EUR", commerce.StripeCharge, 1250, true},
		{500, "JPY", commerce.StripeCharge, 500, true},
		{500, "ISK", commerce.StripeCharge, 50000, true},
		{500, "UGX", commerce.StripeCharge, 50000, true},
		{500, "MGA", commerce.StripeCharge, 5, true},
		{501, "MGA", commerce.StripeCharge, 0, false},
		{5120, "KWD", commerce.StripeCharge, 5120, true},
		{5124, "KWD", commerce.StripeCharge, 0, false},
		{12345, "HUF", commerce.StripeCharge, 12345, true},
		{12345, "HUF", commerce.StripeManualPayout, 0, false},
		{12300, "TWD", commerce.StripeManualPayout, 12300, true},
		{math.MaxInt64, "ISK", commerce.StripeCharge, 0, false},
	} {
		m := commerce.MustMoney(c.minor, c.currency)
		got, err := m.Stripe(c.op)
		if !c.ok {
			var amount *commerce.AmountError
			require.ErrorAs(t, err, &amount, m.String())
			continue
		}
		require.NoError(t, err)
		require.Equal(t, c.want, got)
		back, err := commerce.FromStripe(got, c.currency.Lower(), c.op)
		require.NoError(t, err)
		require.Equal(t, m, back)
	}
	_, err := commerce.FromStripe(150, "isk", commerce.StripeCharge)
	require.Error(t, err, "half a króna")
}

func TestEveryCurrencyHasStripesUnits(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("COMMERCE_CONTRACTS")
	if dir == "" {
		t.Skip("COMMERCE_CONTRACTS is not set: the table of currencies is not at hand")
	}
	f, err := os.Open(filepath.Join(dir, "stripe-data", "currencies.csv"))
	require.NoError(t, err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	checked := 0
	for _, row := range rows[1:] {
		c := commerce.Currency(row[0])
		if row[2] == "" {
			require.False(t, c.Valid(), c)
			continue
		}
		digits, err := strconv.Atoi(row[2])
		require.NoError(t, err)
		require.Equal(t, digits, c.Exponent(), c)
		if row[4] == "" {
			continue
		}
		exponent, err := strconv.Atoi(row[4])
		require.NoError(t, err)
		for op, column := range map[commerce.StripeOperation]int{commerce.StripeCharge: 5, commerce.StripeManualPayout: 6} {
			multiple, err := strconv.ParseInt(row[column], 10, 64)
			require.NoError(t, err)
			want := int64(math.Pow10(exponent)) * 700 // 700 major units fit every step
			m, err := commerce.ParseMoney("700", c)
			require.NoError(t, err)
			got, err := m.Stripe(op)
			require.NoError(t, err)
			require.Equal(t, want, got, c)
			back, err := commerce.FromStripe(got, string(c), op)
			require.NoError(t, err)
			require.Equal(t, m, back)
			if odd, err := commerce.FromStripe(want+1, string(c), op); err == nil {
				_, err = odd.Stripe(op)
				require.Equal(t, multiple == 1, err == nil, "%s in steps of %d", c, multiple)
			}
			checked++
		}
	}
	require.Greater(t, checked, 250)
}

func TestParseDecimalIsExactOrAnError(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"1.5e3": "1500", "19.0000": "19.0000", "8.25e-2": "0.0825", "-1E2": "-100"} {
		d, err := commerce.ParseDecimal(text)
		require.NoError(t, err)
		require.Equal(t, want, d.String())
	}
	for _, bad := range []string{"", "0x1e3", "1e999999", "1e-25", "1/2e1", "e", "1e", "NaN", "12345678901234567890"} {
		_, err := commerce.ParseDecimal(bad)
		require.ErrorIs(t, err, commerce.ErrInvalid, bad)
	}
}

func TestADecimalIsNeverRounded(t *testing.T) {
	t.Parallel()
	for _, text := range []string{".00000000000000000001", "0.12345678901234567895", "12345678901234567.123", "1e-20"} {
		d, err := commerce.ParseDecimal(text)
		require.ErrorIs(t, err, commerce.ErrInvalid, "%s is %s", text, d)
	}
	for _, text := range []string{"1.00000000000000000000000", "1234567890123456789", "-0.50"} {
		_, err := commerce.ParseDecimal(text)
		require.NoError(t, err, text)
	}
}

func TestAnAmountWithoutANegativeIsOutOfRange(t *testing.T) {
	t.Parallel()
	least := commerce.MustMoney(-math.MaxInt64, "JPY")
	for name, take := range map[string]func() (commerce.Money, error){
		"minor units": func() (commerce.Money, error) { return commerce.NewMoney(math.MinInt64, "JPY") },
		"a text":      func() (commerce.Money, error) { return commerce.ParseMoney("-9223372036854775808", "JPY") },
		"a rounded text": func() (commerce.Money, error) {
			m, _, err := commerce.RoundMoney("-9223372036854775808", 4, "JPY")
			return m, err
		},
		"a sum":        func() (commerce.Money, error) { return least.Add(commerce.MustMoney(-1, "JPY")) },
		"a difference": func() (commerce.Money, error) { return least.Sub(commerce.MustMoney(1, "JPY")) },
	} {
		_, err := take()
		var amount *commerce.AmountError
		require.ErrorAs(t, err, &amount, name)
	}
	require.Equal(t, int64(math.MaxInt64), least.Neg().Minor())
}

func FuzzParseMoney(f *testing.F) {
	for _, s := range []string{"12.50", "-0", "1e2", "1e-99", ".5", "29.949999999999999"} {
		f.Add(s, "EUR")
	}
	f.Fuzz(func(t *testing.T, text, currency string) {
		m, err := commerce.ParseMoney(text, commerce.Currency(currency))
		if err != nil {
			return
		}
		again, err := commerce.ParseMoney(m.Text(), m.Currency())
		if err != nil || again != m {
			t.Fatalf("%q is %v, read back as %v: %v", text, m, again, err)
		}
	})
}

func ExampleMoney_Allocate() {
	parts, _ := commerce.MustMoney(1000, "EUR").Allocate(1, 1, 1)
	for _, p := range parts {
		os.Stdout.WriteString(p.String() + "\n")
	}
	// Output:
	// 3.34 EUR
	// 3.33 EUR
	// 3.33 EUR
}
