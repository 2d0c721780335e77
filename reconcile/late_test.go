package reconcile_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/reconcile"
)

func TestALateDocumentIsThereForTheRowThatNamesItAlone(t *testing.T) {
	t.Parallel()
	named, next, other := sale(1, 1000), sale(2, 1000), sale(3, 500)
	named.Date, next.Date, other.Date = day.AddDate(0, 0, 20), day.AddDate(0, 0, 1), day.AddDate(0, 0, 20)
	lines := []reconcile.Line{charge(1, 1000)}
	in := reconcile.Input{Payout: payoutOf(lines), Lines: seq(lines...), Shop: seq(named, next, other), Late: day.AddDate(0, 0, 3)}
	r, err := reconcile.Payout(t.Context(), in, reconcile.Config{Dir: t.TempDir()})
	require.NoError(t, err)
	found, err := all(t, r.Discrepancies())
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, []string{"not_yet_paid_out order/2 -10.00 EUR"}, say(found))
}
