package odoo

import (
	"encoding/json"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever a server answers: it is refused, or read as the amount that it says to
// within the noise of a float.
func FuzzAmountsAreExactOrRefused(f *testing.F) {
	for _, s := range []string{"963.4", "0.30000000000000004", "-5.679999999999999", "1e+16", "1e-05", "false", "null", `"1"`, "[1]", "5.001", "-0.0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		var n number
		if json.Unmarshal([]byte(raw), &n) != nil || n == "" {
			return
		}
		m, err := n.money("EUR")
		if err != nil {
			return
		}
		said, ok := new(big.Rat).SetString(string(n))
		require.True(t, ok)
		read, _ := new(big.Rat).SetString(m.Text())
		off := said.Sub(said, read)
		require.LessOrEqual(t, off.Abs(off).Cmp(big.NewRat(1, 200)), 0, "%s read as %s", raw, m)
	})
}

func FuzzRecordsDecodeOrFail(f *testing.F) {
	f.Add(`{"id":1,"name":false,"client_order_ref":"k","state":"sale","amount_total":44.0,"currency_id":[1,"USD"],"date_order":"2026-11-02 10:00:00","order_line":[1]}`)
	f.Add(`{"ids":false,"messages":[{"type":"error","message":"could not serialize access due to concurrent update"}]}`)
	f.Add(`{"currency_id":[],"date_order":"x","ids":[1,2]}`)
	f.Fuzz(func(t *testing.T, raw string) {
		var s order
		if json.Unmarshal([]byte(raw), &s) == nil {
			c := &Client{}
			_, _ = c.order(s)
		}
		var l loaded
		_ = json.Unmarshal([]byte(raw), &l)
	})
}
