package workflow

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

// disputed is a bank of which the 15.00 of dispute dp_1 were withdrawn, for a fee of 15.00.
func disputed(t fataler, change ...func(*bank)) *bank {
	t.Helper()
	b := sold(t, append([]func(*bank){func(b *bank) { b.chart.DisputeLoss = "6960" }}, change...)...)
	b.paid()
	b.moves("dispute", "2", "1", -1500, 1500, b.clock, func(l *reconcile.Line) { l.Source, l.Dispute = "dp_1", "dp_1" })
	b.feed()
	b.work()
	return b
}

// closesDispute tells of the end of dp_1.
func (b *bank) closesDispute(id string) {
	b.t.Helper()
	b.deliver(commerce.Event{Ref: stripeRef.With(id), Type: disputeClosed, Object: "dp_1", Subject: "pi_1", Created: b.clock, Raw: []byte(`{}`)})
	b.work()
}

func TestADisputeThatIsLostBecomesALossOnceOnTheDayItIsClosed(t *testing.T) {
	t.Parallel()
	b := disputed(t)
	require.Equal(t, eur(1500), b.stands("1405", "EUR", on(11, 21)), "a claim")
	b.pass(9 * anyDay)
	b.lost["dp_1"] = true
	b.closesDispute("evt_lost")
	b.pass(3 * anyDay)
	b.closesDispute("evt_lost_again")
	b.closes()
	require.Equal(t, []commerce.Money{eur(1500), eur(0)}, []commerce.Money{b.stands("1405", "EUR", on(11, 29)), b.stands("1405", "EUR", on(11, 30))})
	require.Equal(t, []commerce.Money{eur(0), eur(1500)}, []commerce.Money{b.stands("6960", "EUR", on(11, 29)), b.stands("6960", "EUR", on(11, 30))})
	require.Contains(t, b.made, "entry dispute-lost/dp_1/1")
	require.NotContains(t, b.made, "entry dispute-lost/dp_1/2")
}

func TestADisputeThatEndsOtherwiseIsNoLoss(t *testing.T) {
	t.Parallel()
	b := disputed(t)
	made := b.inventory()
	b.closesDispute("evt_won")
	b.closes()
	require.Equal(t, made, b.inventory())
}

func TestADisputeInAnotherCurrencyThatIsWonLeavesNoClaim(t *testing.T) {
	t.Parallel()
	usd := func(minor int64) commerce.Money { return commerce.MustMoney(minor, "USD") }
	for _, first := range []string{disputeClosed, disputeReinstated} {
		b := sold(t, func(b *bank) {
			b.chart.Clearing["USD"], b.chart.Transit["USD"], b.chart.Exchange = "1361", "1461", "7800"
			b.chart.Categories["dispute_reversal"] = "1405"
			b.chart.Rate = func(_ commerce.Currency, on commerce.Date) (commerce.Decimal, error) {
				if on.Day < 25 {
					return commerce.MustDecimal("0.90"), nil
				}
				return commerce.MustDecimal("0.80"), nil
			}
		})
		b.paid()
		move := func(n, category string, minor int64) {
			b.moves(category, n, "1", minor, 0, b.clock, func(l *reconcile.Line) {
				l.Source, l.Dispute = "dp_1", "dp_1"
				l.Amount, l.Fee, l.Net = usd(minor), usd(0), usd(minor)
			})
		}
		move("2", "dispute", -1500)
		b.feed()
		b.pass(9 * anyDay)
		tell := func(kind string) {
			b.deliver(commerce.Event{Ref: stripeRef.With("evt_" + kind), Type: kind, Object: "dp_1", Subject: "pi_1", Created: b.clock, Raw: []byte(`{}`)})
			b.work()
		}
		tell(disputeClosed) // its money is not back yet
		require.Equal(t, usd(1500), b.stands("1405", "USD", commerce.DateOf(b.clock)))
		move("3", "dispute_reversal", 1500)
		b.feed()
		b.work()
		require.Equal(t, eur(150), b.stands("1405", "EUR", commerce.DateOf(b.clock)), "the claim was worth more")
		b.deliver(commerce.Event{Ref: stripeRef.With("evt_2" + first), Type: first, Object: "dp_1", Subject: "pi_1", Created: b.clock, Raw: []byte(`{}`)})
		b.work()
		require.Empty(t, b.dead(), b.reason())
		require.Equal(t, []commerce.Money{usd(0), eur(0)}, []commerce.Money{b.stands("1405", "USD", commerce.DateOf(b.clock)), b.stands("1405", "EUR", commerce.DateOf(b.clock))})
		require.Equal(t, eur(150), b.stands("7800", "EUR", commerce.DateOf(b.clock)))
		require.Equal(t, 1, b.made["entry dispute-lost/dp_1/1"])
	}
}

func TestALostDisputeThatCanNotBeBookedIsNotSilent(t *testing.T) {
	t.Parallel()
	bare := disputed(t, func(b *bank) { b.chart.DisputeLoss = "" })
	bare.lost["dp_1"] = true
	bare.closesDispute("evt_lost")
	require.Equal(t, []string{"invalid"}, bare.dead())
	require.Contains(t, bare.reason(), "Chart.DisputeLoss is missing")

	b := disputed(t)
	b.lost["dp_1"] = true
	b.o2c.StartAt = b.clock.Add(24 * time.Hour)
	b.closesDispute("evt_lost")
	require.Empty(t, b.dead(), b.reason())
	require.Equal(t, []string{DisputeBeforeStart}, b.exceptions())
	require.NotContains(t, b.made, "entry dispute-lost/dp_1/1")
}
