package workflow

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

func usd(minor int64) commerce.Money { return commerce.MustMoney(minor, "USD") }

// abroad is a bank of a company in EUR that is also settled in USD, which is worth 0.90
// until the 29th and 0.95 from then on: order 1 was paid with 60.00 USD less 2.00.
func abroad(t fataler, change ...func(*bank)) *bank {
	t.Helper()
	b := newBank(t, append([]func(*bank){func(b *bank) {
		b.chart.Clearing["USD"], b.chart.Transit["USD"], b.chart.Exchange = "1361", "1461", "6880"
		b.chart.Rate = func(_ commerce.Currency, on commerce.Date) (commerce.Decimal, error) {
			if on.String() >= "2026-11-29" {
				return commerce.MustDecimal("0.95"), nil
			}
			return commerce.MustDecimal("0.90"), nil
		}
	}}, change...)...)
	b.world.order("1")
	b.payment("1", []string{"1"})
	b.moves("charge", "1", "1", 6600, 0, b.clock, inDollars(6000, 200))
	return b
}

func inDollars(amount, fee int64) func(*reconcile.Line) {
	return func(l *reconcile.Line) {
		l.Presented, l.Amount, l.Fee, l.Net = l.Amount, usd(amount), usd(fee), usd(amount-fee)
	}
}

func TestAClearingAccountInAnotherCurrencyIsWorthWhatItsBalanceIs(t *testing.T) {
	t.Parallel()
	b := abroad(t)
	b.moves("fee", "2", "", -300, 0, b.clock)
	b.paid()
	b.feed()
	b.work()
	last := on(11, 30)
	require.ErrorContains(t, b.books.Revalue(t.Context(), last), "2026-11-30 is not over")
	b.pass(12 * anyDay)
	require.Equal(t, []commerce.Money{usd(5800), eur(5220)}, []commerce.Money{b.stands("1361", "USD", last), b.stands("1361", "EUR", last)})

	for range 2 {
		require.NoError(t, b.books.Revalue(t.Context(), last))
		require.Equal(t, []commerce.Money{usd(5800), eur(5510)}, []commerce.Money{b.stands("1361", "USD", last), b.stands("1361", "EUR", last)})
		require.Equal(t, eur(-290), b.stands("6880", "EUR", last), "a gain")
		require.Contains(t, b.made, "entry revaluation/usd/2026-11-30/1")
		require.NotContains(t, b.made, "entry revaluation/usd/2026-11-30/2")
	}

	// A fact of the 28th comes late, and is worth what its own day says.
	b.moves("fee", "3", "", 0, 0, b.clock.Add(-5*anyDay), inDollars(-1000, 0))
	b.feed()
	b.work()
	require.NoError(t, b.books.Revalue(t.Context(), last))
	require.Equal(t, []commerce.Money{usd(4800), eur(4560)}, []commerce.Money{b.stands("1361", "USD", last), b.stands("1361", "EUR", last)})
	require.Contains(t, b.made, "entry revaluation/usd/2026-11-30/2")
	require.Empty(t, b.twice())
	require.Empty(t, b.dead(), b.reason())
	require.Equal(t, eur(-300), b.stands("1360", "EUR", last), "the company's own currency is worth what it is")
}

func TestACurrencyThatNothingIsLeftOfIsRevalued(t *testing.T) {
	t.Parallel()
	b := abroad(t)
	b.paid()
	b.pass(9 * anyDay)
	b.moves("fee", "3", "", 0, 0, b.clock, inDollars(-5800, 0)) // on the 30th, at 0.95
	b.feed()
	b.pass(3 * anyDay)
	require.Equal(t, []commerce.Money{usd(0), eur(-290)}, []commerce.Money{b.stands("1361", "USD", on(11, 30)), b.stands("1361", "EUR", on(11, 30))})
	require.NoError(t, b.books.Revalue(t.Context(), on(11, 30)))
	require.Equal(t, eur(0), b.stands("1361", "EUR", on(11, 30)))
}

func TestNothingIsRevaluedFromBeforeTheBooksBegin(t *testing.T) {
	t.Parallel()
	b := abroad(t, func(b *bank) { b.o2c.StartAt = b.clock })
	require.ErrorContains(t, b.books.Revalue(t.Context(), on(11, 20)), "before the books begin")
	require.Empty(t, b.entries)
}

func TestARevaluationInAClosedPeriodIsPostedOnceItIsOpen(t *testing.T) {
	t.Parallel()
	b := abroad(t)
	b.paid()
	b.feed()
	b.work()
	b.pass(12 * anyDay)
	b.closed = on(11, 30)
	require.ErrorIs(t, b.books.Revalue(t.Context(), on(11, 30)), commerce.ErrPeriodClosed)
	b.closed = commerce.Date{}
	require.NoError(t, b.books.Revalue(t.Context(), on(11, 30)))
	require.Equal(t, eur(5510), b.stands("1361", "EUR", on(11, 30)))
}
