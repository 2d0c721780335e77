package stripepay_test

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// FuzzRequest asks for a payment, pays it and reads it back: amount and order are those
// that were asked for, in every currency.
func FuzzRequest(f *testing.F) {
	for _, c := range []string{"EUR", "JPY", "KWD", "ISK", "UGX", "MGA", "HUF"} {
		f.Add(int64(4200), c, "17", "000000017", "1", false)
	}
	f.Add(int64(99_999_999), "USD", "1", "DE-\u00fc/1,2:3", "1:2", true)
	f.Add(int64(-1), "EUR", "", "", "", true)
	// Stripe keeps whole units, also of currencies that it counts in hundredths and that have none.
	whole := stripetest.Config{Fee: func(int64, string) int64 { return 100 }}
	w := newWorld(&testing.T{}, whole)
	n := 0
	f.Fuzz(func(t *testing.T, minor int64, currency, id, number, store string, session bool) {
		amount, err := commerce.NewMoney(minor, commerce.Currency(currency))
		if err != nil || !utf8.ValidString(id) || !utf8.ValidString(number) || !utf8.ValidString(store) {
			return
		}
		if n++; n%500 == 0 { // a fake keeps everything
			w = newWorld(t, whole)
		}
		r := request(session)
		r.Key, r.Amount = "request/"+strconv.Itoa(n), amount
		r.Order.Ref.ID, r.Order.Number, r.Order.Store = "order/"+id, number, store
		open, err := w.pay.Request(r).Act(t.Context())
		if err != nil {
			require.True(t, commerce.SafeToRetry(err), err)
			return
		}
		require.Equal(t, amount, open.Amount)
		again, err := w.pay.Opened(t.Context(), open.Ref)
		require.NoError(t, err)
		require.Equal(t, open, again)
		if session {
			return
		}
		_, err = w.far.PayIntent(open.Ref.ID, stripetest.Card)
		require.NoError(t, err)
		paid := w.read(t, open.Ref.ID)
		require.Equal(t, amount, paid.Captured)
		want := commerce.OrderHint{ID: strings.TrimSpace(id), Number: strings.TrimSpace(number), Store: strings.TrimSpace(store)}
		if want.ID != "" || want.Number != "" {
			require.Equal(t, []commerce.OrderHint{want}, paid.Orders)
		}
	})
}
