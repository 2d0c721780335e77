package reconcile_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

// oneSign requires that no line of an entry has two amounts of different signs: ERPs
// refuse it.
func oneSign(t require.TestingT, e commerce.JournalEntry) {
	for _, l := range e.Lines {
		if n := l.Transaction.Sign(); n != 0 {
			require.Equal(t, n > 0, l.Debit.Sign() > 0, "%s %s and %s", l.Account, l.Debit, l.Transaction)
		}
	}
}

func TestASupplementOfAnotherRateMovesWhatStripeMoved(t *testing.T) {
	t.Parallel()
	at := func(rate string, minor int64, currency commerce.Currency) commerce.JournalEntry {
		c := chart()
		c.Rate = func(commerce.Currency, commerce.Date) (commerce.Decimal, error) {
			return commerce.MustDecimal(rate), nil
		}
		l := line(1, "fee", -minor, 0)
		l.Amount, l.Fee, l.Net = commerce.MustMoney(-minor, currency), commerce.Zero(currency), commerce.MustMoney(-minor, currency)
		got, err := c.Entries(t.Context(), seq(l))
		require.NoError(t, err)
		return got[0]
	}
	for name, c := range map[string]struct{ first, then commerce.JournalEntry }{
		"more dollars that are worth less": {at("0.90", 10_000, "USD"), at("0.70", 12_000, "USD")},
		"fewer that are worth more":        {at("0.70", 12_000, "USD"), at("0.90", 10_000, "USD")},
		"as many that are worth less":      {at("0.90", 10_000, "USD"), at("0.70", 10_000, "USD")},
		"more that are worth the same":     {at("0.90", 10_000, "USD"), at("0.45", 20_000, "USD")},
		"a yen that is worth no cent":      {at("0.00612", 101, "JPY"), at("0.00612", 102, "JPY")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, ok, err := reconcile.Next(c.first)
			require.NoError(t, err)
			require.True(t, ok)
			next, ok, err := reconcile.Next(c.then, first)
			require.NoError(t, err)
			require.True(t, ok)
			require.NoError(t, next.Balance())
			oneSign(t, next)
			for _, account := range []string{"6855", "1361", "1362", "6880"} {
				worth, own := ledger(account, []commerce.JournalEntry{c.then})
				gotWorth, gotOwn := ledger(account, []commerce.JournalEntry{first, next})
				require.Equal(t, [2]int64{worth, own}, [2]int64{gotWorth, gotOwn}, account)
			}
			again, _, err := reconcile.Next(c.then, first)
			require.NoError(t, err)
			require.Equal(t, next, again)
			_, ok, err = reconcile.Next(c.then, first, next)
			require.NoError(t, err)
			require.False(t, ok)
		})
	}
}

func TestASeriesFollowsAChartThatChanges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		lines := someLines(t)
		cut := rapid.IntRange(0, len(lines)).Draw(t, "cut")
		then := chart()
		then.Categories["charge"] = rapid.SampledFrom([]string{"1400", "1401", "1410"}).Draw(t, "account of charges")
		rate := rapid.SampledFrom([]string{"0.5", "0.00612", "0.000213", "1.9"}).Draw(t, "rate")
		then.Rate = func(commerce.Currency, commerce.Date) (commerce.Decimal, error) {
			return commerce.MustDecimal(rate), nil
		}
		posted := map[string][]commerce.JournalEntry{}
		post := func(c reconcile.Chart, lines []reconcile.Line) (targets []commerce.JournalEntry, n int) {
			targets, err := c.Entries(t.Context(), seq(lines...))
			require.NoError(t, err)
			for _, target := range targets {
				next, ok, err := reconcile.Next(target, posted[target.Key]...)
				require.NoError(t, err)
				if ok {
					oneSign(t, next)
					posted[target.Key] = append(posted[target.Key], next)
					n++
				}
			}
			return targets, n
		}
		post(chart(), lines[:cut])
		targets, _ := post(then, lines)
		_, n := post(then, lines)
		require.Zero(t, n, "a second run posts nothing")
		once := map[string][]commerce.JournalEntry{}
		for _, target := range targets {
			once[target.Key] = append(once[target.Key], target)
		}
		for key := range posted {
			if once[key] == nil {
				delete(posted, key) // all of it is gone from the rows: nobody asks for it again
			}
		}
		require.Equal(t, accounts(once), accounts(posted))
	})
}

func TestADayOfWhichNothingIsLeftIsTakenBack(t *testing.T) {
	t.Parallel()
	rows := []reconcile.Line{line(1, "charge", 1000, 0), line(2, "charge", 500, 0)}
	first, err := chart().Entries(t.Context(), seq(rows...))
	require.NoError(t, err)
	c := chart()
	c.Documents = []string{"charge"} // receipts post it from now on
	then, err := c.Entries(t.Context(), seq(rows...))
	require.NoError(t, err)
	require.Len(t, then, 1)
	require.Empty(t, then[0].Lines)
	_, ok, err := reconcile.Next(then[0])
	require.NoError(t, err)
	require.False(t, ok)
	next, ok, err := reconcile.Next(then[0], first[0])
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, []string{"2026-11-03 activity/acct_1/eur/2026-11-03/2", "  1360 -15.00 balance at Stripe", "  1400 15.00 charge"}, posted(t, next))
}
