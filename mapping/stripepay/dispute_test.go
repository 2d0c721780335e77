package stripepay_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe/stripetest"
)

func TestADisputeThatEndedHasItsMovements(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	ref := func(id string) commerce.Ref { return w.pay.Ref(id) }
	for _, c := range []struct {
		name    string
		inquiry bool
		won     bool
		want    []commerce.Money
	}{
		{"one that is lost", false, false, []commerce.Money{eur(-1190)}},
		{"one that is won", false, true, []commerce.Money{eur(-1190), eur(1190)}},
		{"a question that was answered", true, false, nil},
	} {
		pi, err := w.far.Pay(stripetest.Purchase{Amount: 1190, Currency: "eur"})
		require.NoError(t, err)
		d, err := w.far.Dispute(pi.LatestCharge.ID, stripetest.Claim{Inquiry: c.inquiry})
		require.NoError(t, err)
		_, _, err = w.pay.EndedDispute(t.Context(), ref(d.ID))
		require.ErrorIs(t, err, commerce.ErrUnavailable, c.name)
		_, err = w.far.ResolveDispute(d.ID, c.won)
		require.NoError(t, err)
		lines, lost, err := w.pay.EndedDispute(t.Context(), ref(d.ID))
		require.NoError(t, err, c.name)
		require.Equal(t, !c.won && !c.inquiry, lost, c.name)
		var got []commerce.Money
		for _, l := range lines {
			require.Equal(t, []string{d.ID, pi.ID}, []string{l.Dispute, l.Intent})
			got = append(got, l.Amount)
		}
		require.Equal(t, c.want, got, c.name)
	}
	_, _, err := w.pay.EndedDispute(t.Context(), ref("dp_none"))
	require.ErrorIs(t, err, commerce.ErrNotFound)
}
