package magentoshop_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/magentoshop"
)

// plainValue is a number or a text in JSON, behind its name.
var plainValue = regexp.MustCompile(`: ?("(?:[^"\\]|\\.)*"|-?[0-9.]+|null|true|false)`)

// FuzzCanonical puts other values into recorded orders: they become an order whose
// amounts add up to what the shop asks for, or a fault.
func FuzzCanonical(f *testing.F) {
	files, err := filepath.Glob("testdata/*-order-get*.json")
	require.NoError(f, err)
	var orders [][]byte
	for _, file := range files {
		if strings.HasSuffix(file, ".golden.json") {
			continue
		}
		raw, err := os.ReadFile(file)
		require.NoError(f, err)
		for _, value := range []string{"0", "-0.01", "29.949999999999999", `"1e9"`, "null", `"x"`} {
			f.Add(uint8(len(orders)), uint16(40), value, uint16(90), value)
		}
		orders = append(orders, raw)
	}
	shop := reader(&testing.T{}, magentoshop.Config{Account: "main"})
	f.Fuzz(func(t *testing.T, which uint8, first uint16, one string, second uint16, two string) {
		doc := orders[int(which)%len(orders)]
		for place, value := range map[uint16]string{first: one, second: two} {
			all := plainValue.FindAllSubmatchIndex(doc, -1)
			at := all[int(place)%len(all)]
			doc = append(append(append([]byte{}, doc[:at[2]]...), value...), doc[at[3]:]...)
		}
		var o magento.Order
		if o.UnmarshalJSON(doc) != nil {
			return
		}
		got, err := shop.Canonical(t.Context(), o)
		if err != nil {
			require.Contains(t, []commerce.Kind{commerce.KindMapping, commerce.KindInvalid}, commerce.KindOf(err), err)
			return
		}
		require.NoError(t, mapping.Prove(got))
		require.True(t, got.Currency.Valid())
		stated, _, err := o.GrandTotal.Money(got.Currency)
		require.NoError(t, err)
		require.GreaterOrEqual(t, got.Totals.Gross.Minor(), stated.Minor(), "tenders of the shop come on top of what is asked for")
	})
}
