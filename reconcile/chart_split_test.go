package reconcile_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

// posted says an entry in a few words: account, debit less credit, text.
func posted(t *testing.T, entries ...commerce.JournalEntry) (said []string) {
	t.Helper()
	for _, e := range entries {
		require.NoError(t, e.Balance())
		said = append(said, e.Date.String()+" "+e.Key)
		for _, l := range e.Lines {
			amount := l.Debit
			if amount.IsZero() {
				amount = l.Credit.Neg()
			}
			said = append(said, fmt.Sprintf("  %s %s %s", l.Account, amount.Text(), l.Text))
		}
	}
	return said
}

// summary books charges and refunds over revenue and tax, at the rate that the order of
// the charge was sold with.
func summary(rates map[string]int64) reconcile.Chart {
	c := chart()
	c.Documents = []string{"charge", "refund"}
	c.Split = func(l reconcile.Line) ([]reconcile.Part, error) {
		rate, ok := rates[l.Intent]
		if !ok {
			return []reconcile.Part{{Amount: l.Amount}}, nil
		}
		parts, err := l.Amount.Allocate(100, rate)
		if err != nil {
			return nil, err
		}
		revenue := "revenue"
		if l.Category == "refund" {
			revenue = "refunds"
		}
		return []reconcile.Part{
			{Account: map[string]string{"revenue": "4400", "refunds": "4410"}[revenue], Text: fmt.Sprintf("%s %d %%", revenue, rate), Amount: parts[0]},
			{Account: "1776", Text: fmt.Sprintf("tax %d %%", rate), Amount: parts[1]},
		}, nil
	}
	return c
}

func TestSummaryModeSpreadsSalesOverRevenueAndTax(t *testing.T) {
	t.Parallel()
	c := summary(map[string]int64{"pi_1": 19, "pi_2": 19, "pi_3": 7, "pi_4": 19})
	got, err := c.Entries(t.Context(), seq(charge(1, 2995), charge(2, 1000), charge(3, 535), refund(4, 500)))
	require.NoError(t, err)
	require.Equal(t, []string{
		"2026-11-03 activity/acct_1/eur/2026-11-03",
		"  1776 -5.58 tax 19 %", "  1776 -0.35 tax 7 %",
		"  4400 -33.57 revenue 19 %", "  4400 -5.00 revenue 7 %", "  4410 4.20 refunds 19 %",
		"  6855 1.50 fee of transactions", "  1360 38.80 balance at Stripe",
	}, posted(t, got...))
}

func TestAMovementThatASplitKnowsNothingOfGoesToSuspenseOrStopsThePosting(t *testing.T) {
	t.Parallel()
	c := summary(nil)
	_, err := c.Entries(t.Context(), seq(charge(1, 100)))
	unmapped, ok := errors.AsType[*reconcile.UnmappedError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, []string{"charge"}, unmapped.Categories)

	c.Suspense = "1590"
	got, err := c.Entries(t.Context(), seq(charge(1, 100)))
	require.NoError(t, err)
	require.Equal(t, []string{"2026-11-03 activity/acct_1/eur/2026-11-03",
		"  1590 -1.00 charge", "  6855 0.50 fee of transactions", "  1360 0.50 balance at Stripe"}, posted(t, got...))
}

func TestASplitThatDoesNotAddUpIsToldWithItsLine(t *testing.T) {
	t.Parallel()
	c := summary(nil)
	c.Split = func(l reconcile.Line) ([]reconcile.Part, error) {
		return []reconcile.Part{{Account: "4400", Amount: eur(99)}}, nil
	}
	_, err := c.Entries(t.Context(), seq(charge(1, 100)))
	split, ok := errors.AsType[*reconcile.SplitError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, &reconcile.SplitError{Line: "txn_charge1", Amount: eur(100), Parts: eur(99)}, split)
	require.Equal(t, commerce.KindMapping, commerce.KindOf(err))

	c.Split = func(reconcile.Line) ([]reconcile.Part, error) { return nil, nil }
	_, err = c.Entries(t.Context(), seq(charge(1, 100)))
	require.ErrorContains(t, err, "makes 0.00 EUR of txn_charge1, which is 1.00 EUR")

	c.Split = func(reconcile.Line) ([]reconcile.Part, error) {
		return []reconcile.Part{{Account: "4400", Amount: commerce.MustMoney(100, "USD")}}, nil
	}
	_, err = c.Entries(t.Context(), seq(charge(1, 100)))
	require.ErrorContains(t, err, "split txn_charge1")

	c.Split = func(reconcile.Line) ([]reconcile.Part, error) {
		return nil, commerce.Errorf(commerce.KindUnavailable, "shop", "read order", "busy")
	}
	_, err = c.Entries(t.Context(), seq(charge(1, 100)))
	require.Equal(t, commerce.KindUnavailable, commerce.KindOf(err), "what failed far away is not the chart's fault")
	require.ErrorContains(t, err, "split txn_charge1")
}

func TestAWholePayoutIsSplitAsItsDaysAre(t *testing.T) {
	t.Parallel()
	lines := []reconcile.Line{charge(1, 2995), refund(1, 500)}
	r, err := reconcile.Payout(t.Context(), reconcile.Input{Payout: payoutOf(lines), Lines: seq(lines...)}, reconcile.Config{})
	require.NoError(t, err)
	defer r.Close()
	whole, err := r.Whole(summary(map[string]int64{"pi_1": 19}))
	require.NoError(t, err)
	require.Equal(t, []string{
		"2026-11-06 payout/acct_1/po_1",
		"  1370 24.45 payout",
		"  1776 -3.98 tax 19 %", "  4400 -25.17 revenue 19 %", "  4410 4.20 refunds 19 %",
		"  6855 0.50 fee of transactions",
	}, posted(t, whole))
}
