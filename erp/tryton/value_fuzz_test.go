package tryton

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
)

// FuzzValues reads what Tryton wraps into objects: what is taken is written as the same
// value, and a fault repeats nothing of it.
func FuzzValues(f *testing.F) {
	for _, s := range []string{`{"__class__":"Decimal","decimal":"12.5000"}`, `{"__class__":"Decimal"}`, `{"__class__":"Decimal","decimal":"NaN"}`,
		`{"__class__":"date","year":2026,"month":2,"day":29}`, `{"__class__":"datetime","year":2026,"month":13,"day":1}`,
		`{"__class__":"datetime","year":2026,"month":11,"day":21,"hour":23,"minute":59,"second":59,"microsecond":999999}`,
		`{"__class__":"datetime","year":9223372036854775807,"microsecond":9223372036854775807}`, `null`, `1.5e3`, `"7"`, `1`, `"jo@example.com"`, `{}`, `[]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var n number
		if err := json.Unmarshal(b, &n); err == nil && n != "" {
			again := number("")
			require.NoError(t, json.Unmarshal(written(t, n), &again))
			require.Equal(t, n, again)
			if m, err := n.money("EUR"); err == nil {
				require.Equal(t, m, commerce.MustMoney(m.Minor(), "EUR"))
			}
		} else if err == nil {
			require.JSONEq(t, `null`, string(b))
		}
		var d date
		if json.Unmarshal(b, &d) == nil {
			var again date
			require.NoError(t, json.Unmarshal(written(t, d), &again))
			require.Equal(t, d, again)
		}
		var m moment
		if json.Unmarshal(b, &m) == nil {
			var again moment
			require.NoError(t, json.Unmarshal(written(t, m), &again))
			require.Equal(t, m, again)
		}
		var q quantity
		if json.Unmarshal(b, &q) == nil && q != "" {
			var again quantity
			require.NoError(t, json.Unmarshal(written(t, q), &again))
			require.Equal(t, q, again)
			if x, err := q.decimal(); err == nil {
				y, err := quantityOf(x).decimal()
				require.NoError(t, err)
				require.Equal(t, x, y)
			}
		}
		var yes flag
		_ = json.Unmarshal(b, &yes)
	})
}

func written(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return b
}

func TestAValueThatIsNoneIsRefusedWithoutItsText(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		into any
		text string
	}{
		"a Decimal without digits":     {new(number), `{"__class__":"Decimal"}`},
		"a Decimal of nothing":         {new(number), `{"__class__":"Decimal","decimal":""}`},
		"a text for a Decimal":         {new(number), `"jo@example.com"`},
		"the 29th in a short February": {new(date), `{"__class__":"date","year":2026,"month":2,"day":29}`},
		"a date of noughts":            {new(date), `{"__class__":"date"}`},
		"the 13th month":               {new(moment), `{"__class__":"datetime","year":2026,"month":13,"day":1}`},
		"25 o'clock":                   {new(moment), `{"__class__":"datetime","year":2026,"month":1,"day":1,"hour":25}`},
		"a text for a quantity":        {new(quantity), `"jo@example.com"`},
		"a text for a flag":            {new(flag), `"jo@example.com"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := json.Unmarshal([]byte(c.text), c.into)
			require.Error(t, err)
			require.NotContains(t, err.Error(), "example.com")
		})
	}
}
