package magentotest

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCentsAreRoundedAsPHPDoes(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ number, want string }{
		"a half goes up":                                 {"1.025", "1.03"},
		"though its float lies below":                    {"1.005", "1.01"},
		"a half of a negative number goes down":          {"-1.025", "-1.03"},
		"less than a half":                               {"0.5049", "0.5"},
		"a hair below a half is a half":                  {"0.50499999999999989", "0.51"},
		"what is further below is not":                   {"0.5049999999999991", "0.5"},
		"nothing":                                        {"0", "0"},
		"a large one, whose float ends before the cents": {"123456789012.345", "123456789012.35"},
		"a small one":                                    {"0.0049", "0"},
		"a small one that reaches a cent":                {"0.005", "0.01"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, _, err := big.ParseFloat(tc.number, 10, 53, big.ToNearestEven)
			require.NoError(t, err)
			require.Equal(t, tc.want, real{f}.cents().dec().String())
		})
	}
}

func TestWhatRoundingTookIsHandedOn(t *testing.T) {
	t.Parallel()
	c := newCarry()
	third := func() string {
		return c.part(pair{one, one}, pair{}, 3*one, one, false).base.String()
	}
	require.Equal(t, []string{"0.33", "0.34", "0.33"}, []string{third(), third(), third()})
}
