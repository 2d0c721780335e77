package commerce_test

import (
	"testing"

	"github.com/commercesync/commerce"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestARefReadsWhatItPrints(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "/", "%", "%2F", "a/b", "..", "?#", "\xff"}))
		r := commerce.Ref{Tenant: part.Draw(t, "tenant"), System: part.Draw(t, "system"), Account: part.Draw(t, "account"),
			Mode: commerce.Mode(part.Draw(t, "mode")), ID: part.Draw(t, "id")}
		got, err := commerce.ParseRef(r.String())
		require.NoError(t, err)
		require.Equal(t, r, got)
	})
	require.Equal(t, "/magento/de/live/order%2F17", commerce.Ref{System: "magento", Account: "de", Mode: commerce.Live, ID: "order/17"}.String())
	for _, bad := range []string{"", "a/b", "a/b/c/d/e/f", "a/b/c/d/%zz"} {
		_, err := commerce.ParseRef(bad)
		require.ErrorIs(t, err, commerce.ErrInvalid, bad)
	}
}

func FuzzParseRef(f *testing.F) {
	f.Add("t/stripe/acct_1/live/ch_1")
	f.Add("////%2F")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := commerce.ParseRef(s)
		if err != nil {
			return
		}
		if again, err := commerce.ParseRef(r.String()); err != nil || again != r {
			t.Fatalf("%q is %+v, read back as %+v: %v", s, r, again, err)
		}
	})
}
