package reconcile_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

func usd(minor int64) commerce.Money { return commerce.MustMoney(minor, "USD") }

// cutOver is a chart whose books begin on the third of November, the day of the tests.
func cutOver() reconcile.Chart {
	c := chart()
	c.CutOver = time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC)
	return c
}

func TestAnOpeningMakesClearingWhatStripeHas(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opening reconcile.Opening
		said    []string
	}{
		"nothing was booked": {reconcile.Opening{Stripe: []commerce.Money{eur(12345)}},
			[]string{"2026-11-02 opening/acct_1/eur", "  9000 -123.45 before cut-over", "  1360 123.45 balance at Stripe"}},
		"too much was booked": {reconcile.Opening{Stripe: []commerce.Money{eur(100)}, Booked: []commerce.Money{eur(250)}},
			[]string{"2026-11-02 opening/acct_1/eur", "  9000 1.50 before cut-over", "  1360 -1.50 balance at Stripe"}},
		"all is right": {reconcile.Opening{Stripe: []commerce.Money{eur(100), usd(0)}, Booked: []commerce.Money{eur(100)}}, nil},
		"it is booked and Stripe has nothing": {reconcile.Opening{Booked: []commerce.Money{eur(100)}},
			[]string{"2026-11-02 opening/acct_1/eur", "  9000 1.00 before cut-over", "  1360 -1.00 balance at Stripe"}},
		"Stripe is owed money": {reconcile.Opening{Stripe: []commerce.Money{eur(-100)}},
			[]string{"2026-11-02 opening/acct_1/eur", "  9000 1.00 before cut-over", "  1360 -1.00 balance at Stripe"}},
		"a payout is on its way": {reconcile.Opening{Stripe: []commerce.Money{eur(100)}, Sent: []commerce.Money{eur(700)}, BookedSent: []commerce.Money{eur(200)}},
			[]string{"2026-11-02 opening/acct_1/eur", "  1370 5.00 on its way at cut-over", "  9000 -1.00 before cut-over", "  9000 -5.00 on its way at cut-over", "  1360 1.00 balance at Stripe"}},
		"two currencies": {reconcile.Opening{Stripe: []commerce.Money{usd(1000), eur(100)}},
			[]string{"2026-11-02 opening/acct_1/eur", "  9000 -1.00 before cut-over", "  1360 1.00 balance at Stripe",
				"2026-11-02 opening/acct_1/usd", "  9000 -9.14 before cut-over", "  1361 9.14 balance at Stripe"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.opening.Account = "9000"
			got, err := cutOver().Opening(c.opening)
			require.NoError(t, err)
			require.Equal(t, c.said, posted(t, got...))
		})
	}
}

func TestAnOpeningNeedsToKnowWhenAndAgainstWhat(t *testing.T) {
	t.Parallel()
	_, err := chart().Opening(reconcile.Opening{Account: "9000"})
	require.ErrorContains(t, err, "Chart.CutOver is missing")
	_, err = cutOver().Opening(reconcile.Opening{})
	require.ErrorContains(t, err, "Opening.Account is missing")
	c := cutOver()
	c.Transit = nil
	_, err = c.Opening(reconcile.Opening{Account: "9000", Sent: []commerce.Money{eur(1)}})
	require.EqualError(t, err, "reconcile: the chart has no account for clearing or transit in EUR")
}

func TestTheBalanceAtTheCutOverIsTodaysLessWhatCameSince(t *testing.T) {
	t.Parallel()
	got, err := reconcile.Rewind(t.Context(), []commerce.Money{eur(5000), usd(70)}, seq(charge(1, 1050), refund(2, 300)))
	require.NoError(t, err)
	require.Equal(t, []commerce.Money{eur(4300), usd(70)}, got)
	got, err = reconcile.Rewind(t.Context(), nil, seq(charge(1, 1050)))
	require.NoError(t, err)
	require.Equal(t, []commerce.Money{eur(-1000)}, got, "a balance of nought may be left unsaid")
}

func TestWhatIsOlderThanTheCutOverIsInNoEntry(t *testing.T) {
	t.Parallel()
	c := cutOver()
	c.CutOver = day.Add(90 * time.Second)
	old, late := charge(1, 1000), charge(2, 2050)
	require.True(t, c.Before(old.Created))
	require.False(t, c.Before(late.Created))
	lines := []reconcile.Line{old, late}
	got, err := c.Entries(t.Context(), seq(lines...))
	require.NoError(t, err)
	require.Equal(t, []string{"2026-11-03 activity/acct_1/eur/2026-11-03", "  1400 -20.50 charge", "  6855 0.50 fee of transactions", "  1360 20.00 balance at Stripe"},
		posted(t, got...))

	// The payout after the cut-over pays out both: the opening has the older one on clearing.
	p := payoutOf(lines)
	r, err := reconcile.Payout(t.Context(), reconcile.Input{Payout: p, Lines: seq(lines...)}, reconcile.Config{})
	require.NoError(t, err)
	defer r.Close()
	whole, err := r.Whole(c)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"EUR": -950}, clearing(t, []commerce.JournalEntry{whole}, "9"))

	c.CutOver = p.Created.Add(time.Second)
	_, err = r.Entry(c)
	require.ErrorContains(t, err, "book payout po_1: it is from before the cut-over")
}
