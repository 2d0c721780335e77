package reconcile_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

func disputed(n int, category string, amount, fee int64) reconcile.Line {
	l := line(n, category, amount, fee)
	l.Dispute = "dp_1"
	return l
}

func TestWhatALostDisputeTookIsALossFromTheDayItWasClosed(t *testing.T) {
	t.Parallel()
	c := chart()
	c.DisputeLoss = "6900"
	lines := []reconcile.Line{disputed(1, "dispute", -5000, 1500), disputed(2, "dispute_reversal", 2000, 0)}
	withdrawn, err := c.Entries(t.Context(), seq(lines...))
	require.NoError(t, err)
	lost, err := c.Lost(november(20), lines...)
	require.NoError(t, err)
	require.Equal(t, []string{"2026-11-20 dispute-lost/acct_1/dp_1", "  1410 -30.00 dispute lost", "  6900 30.00 dispute lost"}, posted(t, lost))
	claim, _ := ledger("1410", append(withdrawn, lost))
	require.Zero(t, claim, "no claim is left")
	require.Empty(t, clearing(t, []commerce.JournalEntry{lost}, "9"), "no money moves")

	lost, err = c.Lost(november(20), disputed(1, "dispute", -5000, 1500), disputed(2, "dispute_reversal", 5000, 0))
	require.NoError(t, err)
	require.Empty(t, lost.Lines, "all was reinstated")
}

func TestALostDisputeCostsAPlatformOnlyItsOwnPart(t *testing.T) {
	t.Parallel()
	c := chart()
	c.DisputeLoss, c.Platform, c.Payable = "6900", reconcile.Net, "1700"
	c.Share = func(l reconcile.Line) (commerce.Money, error) { return eur(l.Amount.Minor() / 10 * 8), nil }
	lines := []reconcile.Line{disputed(1, "dispute", -5000, 1500), disputed(2, "dispute_reversal", 2000, 0)}
	withdrawn, err := c.Entries(t.Context(), seq(lines...))
	require.NoError(t, err)
	lost, err := c.Lost(november(20), lines...)
	require.NoError(t, err)
	require.Equal(t, []string{"2026-11-20 dispute-lost/acct_1/dp_1", "  1410 -6.00 dispute lost", "  6900 6.00 dispute lost"}, posted(t, lost))
	claim, _ := ledger("1410", append(withdrawn, lost))
	require.Zero(t, claim, "no claim is left")
	owed, _ := ledger("1700", append(withdrawn, lost))
	require.Equal(t, int64(2400), owed, "the sellers owe their part")
}

func TestOfADisputeInAnotherCurrencyNoClaimIsLeftInEitherCurrency(t *testing.T) {
	t.Parallel()
	at := func(id, category string, day int, amount, fee int64) reconcile.Line {
		return reconcile.Line{ID: id, Category: category, Dispute: "dp_1", Amount: usd(amount), Fee: usd(fee), Net: usd(amount - fee),
			Created: time.Date(2026, 11, day, 12, 0, 0, 0, time.UTC)}
	}
	withdrawn := at("txn_1", "dispute", 3, -5000, 1500)
	for name, c := range map[string]struct {
		lines []reconcile.Line
		want  []string
	}{
		"all is lost": {[]reconcile.Line{withdrawn}, []string{"2026-11-06 dispute-lost/dp_1", "  claims -40.50 dispute lost", "  losses 40.50 dispute lost",
			"  claims 1.00 gain or loss on usd", "  fx -1.00 gain or loss on usd"}},
		"a part came back": {[]reconcile.Line{withdrawn, at("txn_2", "dispute_reversal", 4, 2000, 0)},
			[]string{"2026-11-06 dispute-lost/dp_1", "  claims -24.30 dispute lost", "  losses 24.30 dispute lost",
				"  claims 0.50 gain or loss on usd", "  fx -0.50 gain or loss on usd"}},
		"all came back": {[]reconcile.Line{withdrawn, at("txn_2", "dispute_reversal", 4, 5000, -1500)},
			[]string{"2026-11-06 dispute-lost/dp_1", "  claims -0.25 gain or loss on usd", "  fx 0.25 gain or loss on usd"}},
		"nearly all came back, at a better rate": {[]reconcile.Line{withdrawn, at("txn_2", "dispute_reversal", 7, 4999, 0)},
			[]string{"2026-11-06 dispute-lost/dp_1", "  claims -0.01 dispute lost", "  losses 0.01 dispute lost",
				"  claims 1.10 gain or loss on usd", "  fx -1.10 gain or loss on usd"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chart := abroad()
			chart.Categories["dispute"], chart.Categories["dispute_reversal"], chart.DisputeLoss = "claims", "claims", "losses"
			books, err := chart.Entries(t.Context(), seq(c.lines...))
			require.NoError(t, err)
			lost, err := chart.Lost(november(6), c.lines...)
			require.NoError(t, err)
			require.NoError(t, lost.Balance())
			require.Equal(t, c.want, posted(t, lost))
			worth, own := ledger("claims", append(books, lost))
			require.Equal(t, [2]int64{}, [2]int64{worth, own}, "no claim is left")
		})
	}
}

func TestADisputeThatIsBookedAsALossAtOnceIsNoClaim(t *testing.T) {
	t.Parallel()
	c := abroad()
	c.Categories["dispute"], c.DisputeLoss = "losses", "losses"
	lost, err := c.Lost(november(6), reconcile.Line{ID: "txn_1", Category: "dispute", Dispute: "dp_1", Amount: usd(-5000), Fee: usd(0), Net: usd(-5000), Created: day})
	require.NoError(t, err)
	require.Empty(t, lost.Lines)
}

func TestALostDisputeThatCanNotBeBookedSaysWhy(t *testing.T) {
	t.Parallel()
	c := chart()
	_, err := c.Lost(november(20), disputed(1, "dispute", -5000, 0))
	require.ErrorContains(t, err, "Chart.DisputeLoss is missing")
	c.DisputeLoss = "6900"
	_, err = c.Lost(november(20))
	require.ErrorContains(t, err, "it has no movement")
	_, err = c.Lost(november(20), line(1, "dispute", -5000, 0))
	require.ErrorContains(t, err, "txn_dispute1 names no dispute")
	_, err = c.Lost(november(20), disputed(1, "dispute", -5000, 0), line(2, "dispute_reversal", 1, 0))
	require.ErrorContains(t, err, `txn_dispute_reversal2 is of dispute "", not of dp_1`)
	_, err = c.Lost(november(20), disputed(1, "moon_dispute", -5000, 0))
	require.ErrorContains(t, err, `reporting category "moon_dispute"`)
}
