package reconcile_test

import (
	"testing"

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
