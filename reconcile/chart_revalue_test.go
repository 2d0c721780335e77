package reconcile_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

// abroad is a company in GBP that sells in EUR and is settled in USD.
func abroad() reconcile.Chart {
	rates := map[int]string{3: "0.79", 4: "0.785", 5: "0.7875", 6: "0.81", 7: "0.812", 8: "0.8", 9: "0.8", 10: "0.77"}
	return reconcile.Chart{Company: "GBP", Exchange: "fx",
		Clearing:   map[commerce.Currency]string{"USD": "clearing", "GBP": "clearing-gbp"},
		Transit:    map[commerce.Currency]string{"USD": "transit"},
		Categories: map[string]string{"charge": "sales", "refund": "sales"}, Fees: map[string]string{"": "fees"},
		Rate: func(from commerce.Currency, on commerce.Date) (commerce.Decimal, error) {
			if from != "USD" || rates[on.Day] == "" {
				return commerce.Decimal{}, commerce.Errorf(commerce.KindNotFound, "erp", "read rate", "none of %s on %s", from, on)
			}
			return commerce.MustDecimal(rates[on.Day]), nil
		}}
}

// ledger adds up an account: in company currency, and in its own.
func ledger(account string, entries []commerce.JournalEntry) (worth, own int64) {
	for _, e := range entries {
		for _, l := range e.Lines {
			if l.Account == account {
				worth += l.Debit.Minor() - l.Credit.Minor()
				own += l.Transaction.Minor()
			}
		}
	}
	return worth, own
}

func TestAnOrderInEURSettledInUSDForACompanyInGBPAgreesOnEveryDay(t *testing.T) {
	t.Parallel()
	gbp := func(minor int64) commerce.Money { return commerce.MustMoney(minor, "GBP") }
	at := func(id, category string, day int, amount, fee, presented int64) reconcile.Line {
		l := reconcile.Line{ID: id, Source: id, Category: category, Amount: usd(amount), Fee: usd(fee), Net: usd(amount - fee),
			Created: time.Date(2026, 11, day, 12, 0, 0, 0, time.UTC)}
		if presented != 0 {
			l.Presented = eur(presented)
		}
		return l
	}
	lines := []reconcile.Line{
		at("ch_1", "charge", 3, 10800, 350, 10000), // at 1.08
		at("re_1", "refund", 6, -4400, 0, -4000),   // at 1.10
		at("po_1", "payout", 8, -6050, 0, 0),
	}
	c := abroad()
	entries, err := c.Entries(t.Context(), seq(lines...))
	require.NoError(t, err)
	require.Equal(t, []string{
		"2026-11-03 activity/usd/2026-11-03", "  sales -85.32 charge", "  fees 2.77 fee of transactions", "  clearing 82.56 balance at Stripe", "  fx -0.01 rounding of the exchange",
		"2026-11-06 activity/usd/2026-11-06", "  sales 35.64 refund", "  clearing -35.64 balance at Stripe",
		"2026-11-08 payout/po_1", "  transit 48.40 payout", "  clearing -48.40 balance at Stripe",
	}, posted(t, entries...))

	// Whoever revalues every day gains and loses what one gains and loses who does it
	// once: at every end of a day clearing is Stripe's balance, in both currencies.
	for name, days := range map[string][]int{"every day": {3, 4, 5, 6, 7, 8, 9, 10}, "twice": {5, 9}, "when it is empty": {10}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			balance := map[int]int64{3: 10450, 4: 10450, 5: 10450, 6: 6050, 7: 6050}
			var books []commerce.JournalEntry
			next := entries
			for _, n := range days {
				on := commerce.Date{Year: 2026, Month: 11, Day: n}
				for len(next) > 0 && next[0].Date.Day <= n {
					books, next = append(books, next[0]), next[1:]
				}
				worth, own := ledger("clearing", books)
				require.Equal(t, balance[n], own)
				e, ok, err := c.Revalue(on, usd(own), gbp(worth))
				require.NoError(t, err)
				var series []commerce.JournalEntry
				if ok {
					require.NoError(t, e.Balance())
					require.Equal(t, "revaluation/usd/"+on.String()+"/1", e.Key)
					series = append(series, e)
				}
				books = append(books, series...)
				worth, own = ledger("clearing", books)
				require.Equal(t, balance[n], own, "a revaluation moves no dollar")
				rate, err := c.Rate("USD", on)
				require.NoError(t, err)
				should, err := usd(own).Decimal().Mul(rate)
				require.NoError(t, err)
				want, _, err := commerce.RoundMoney(should.String(), -1, "GBP")
				require.NoError(t, err)
				require.Equal(t, want.Minor(), worth, "on %s", on)
				_, again, err := c.Revalue(on, usd(own), gbp(worth), series...)
				require.NoError(t, err)
				require.False(t, again, "once")
			}
			worth, _ := ledger("clearing", books)
			require.Zero(t, worth, "nothing is left in either currency")
			gain, _ := ledger("fx", books)
			require.Equal(t, int64(-149), gain, "0.01 of rounding, and 48.40 + 35.64 - 82.56 between the days")
		})
	}
}

func TestARevaluationGetsASupplementWhenItsDayGetsOne(t *testing.T) {
	t.Parallel()
	gbp := func(minor int64) commerce.Money { return commerce.MustMoney(minor, "GBP") }
	on := commerce.Date{Year: 2026, Month: 11, Day: 6}
	c := abroad()
	first, ok, err := c.Revalue(on, usd(10000), gbp(7900))
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, []string{"2026-11-06 revaluation/usd/2026-11-06/1", "  clearing 2.00 balance at Stripe at the rate of the day", "  fx -2.00 gain or loss on usd"}, posted(t, first))
	require.Equal(t, usd(0), first.Lines[0].Transaction)
	// A fee of 1.00 was told late, at another rate than the day's.
	second, ok, err := c.Revalue(on, usd(9900), gbp(7900+200-79), first)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, []string{"2026-11-06 revaluation/usd/2026-11-06/2", "  clearing -0.02 balance at Stripe at the rate of the day", "  fx 0.02 gain or loss on usd"}, posted(t, second))
	// All is gone and two pence are left: they go too.
	third, ok, err := c.Revalue(on, usd(0), gbp(2), first, second)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, []string{"2026-11-06 revaluation/usd/2026-11-06/3", "  clearing -0.02 balance at Stripe at the rate of the day", "  fx 0.02 gain or loss on usd"}, posted(t, third))
}

func TestARevaluationInAClosedPeriodIsPostedOnce(t *testing.T) {
	t.Parallel()
	gbp := func(minor int64) commerce.Money { return commerce.MustMoney(minor, "GBP") }
	on := commerce.Date{Year: 2026, Month: 11, Day: 6}
	c := abroad()
	first, ok, err := c.Revalue(on, usd(10000), gbp(7900))
	require.NoError(t, err)
	require.True(t, ok)
	first.Date = commerce.Date{Year: 2026, Month: 12, Day: 1} // where the ERP takes it
	// At the end of its own day the account is still worth what it was.
	_, ok, err = c.Revalue(on, usd(10000), gbp(7900), first)
	require.NoError(t, err)
	require.False(t, ok, "the gain is booked already")
	second, ok, err := c.Revalue(on, usd(9900), gbp(7900-79), first)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, []string{"2026-11-06 revaluation/usd/2026-11-06/2", "  clearing -0.02 balance at Stripe at the rate of the day", "  fx 0.02 gain or loss on usd"}, posted(t, second))
}

func TestWhatCanNotBeRevaluedIsNamed(t *testing.T) {
	t.Parallel()
	gbp := func(minor int64) commerce.Money { return commerce.MustMoney(minor, "GBP") }
	on := commerce.Date{Year: 2026, Month: 11, Day: 6}
	c := abroad()
	_, _, err := c.Revalue(on, commerce.MustMoney(1, "JPY"), gbp(1))
	require.EqualError(t, err, "reconcile: the chart has no account for clearing or transit in JPY")
	_, _, err = c.Revalue(on, gbp(1), gbp(1))
	require.ErrorContains(t, err, "GBP is the currency of the company")
	_, _, err = c.Revalue(on, usd(1), usd(1))
	require.ErrorIs(t, err, commerce.ErrInvalid)
	_, _, err = c.Revalue(commerce.Date{Year: 2026, Month: 12, Day: 1}, usd(1), gbp(1))
	require.ErrorIs(t, err, commerce.ErrNotFound)
	c.Rate = nil
	_, _, err = c.Revalue(on, usd(1), gbp(1))
	require.ErrorContains(t, err, "needs Rate and Exchange")
}
