package books_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/workflow"
)

// inBoth runs a test over an ERP in memory, and over a real Tryton where it is installed.
// Where no number of orders is for Tryton, it takes too long for every day: set ORDERS.
func inBoth(t *testing.T, inMemory, inTryton money, orders, ofTryton int, test func(t *testing.T, w *world, o office, orders int)) {
	t.Helper()
	t.Run("in memory", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, inMemory)
		test(t, w, newMemoryOffice(w), number(t, "ORDERS", orders))
	})
	t.Run("in a RealTryton", func(t *testing.T) {
		t.Parallel()
		if ofTryton == 0 && os.Getenv("ORDERS") == "" {
			t.Skip("ORDERS is not set: it says with how many orders to go on in a real Tryton")
		}
		w := newWorld(t, inTryton)
		test(t, w, newTrytonOffice(w), number(t, "ORDERS", ofTryton))
	})
}

func TestEveryOrderIsPaidInTheBooksAndClearingIsStripesBalanceOnEveryDay(t *testing.T) {
	t.Parallel()
	inBoth(t, euros, euros, 30, 3, func(t *testing.T, w *world, o office, orders int) {
		p, a := newProgram(w, o, workflow.OnShipment), o.accounts()
		for range 3 {
			p.trade(max(1, orders/3))
			p.night()
		}
		p.idle(4) // debits arrive, and what was available is paid out
		l := p.requireBooks()
		require.NotEmpty(t, w.stripe.Payouts())
		require.Negative(t, l.stands(w.today(), a.advances), "some are paid and not shipped")
		require.Empty(t, p.named(), "they are not invoiced yet, and nothing is wrong")
		p.requireNothingNew(l)

		// Control: a payout's entry that credits sales as well is off by exactly these.
		for _, e := range p.naive() {
			post(t.Context(), p, o.erp().(erp.Ledger), e)
		}
		twice := o.read()
		require.Equal(t, l.stands(w.today(), a.revenue, a.sales)-p.insidePayouts(), twice.stands(w.today(), a.revenue, a.sales))
		require.Positive(t, p.insidePayouts())
		require.NotEmpty(t, w.disagreements(twice, a, w.over()), "nor is money in transit what was paid out")
	})
}

// TestAMonthEndsInsidePayouts closes October: it is over, while some of what it brought is
// paid out in November, one payout of it fails, goods come back, and money is taken out by
// hand, so that the balance falls below nought.
func TestAMonthEndsInsidePayouts(t *testing.T) {
	t.Parallel()
	inBoth(t, euros, euros, 25, 0, func(t *testing.T, w *world, o office, orders int) {
		p, a := newProgram(w, o, workflow.OnShipment), o.accounts()
		october := commerce.Date{Year: start().Year(), Month: time.October, Day: 31}
		for w.today().Month == time.October {
			p.trade(max(1, orders/5))
			if w.today().Day == 30 {
				w.stripe.FailPayouts(1) // of the 31st, which arrives on the 2nd and comes back on the 3rd
			}
			p.night()
		}
		p.trade(1)
		p.night() // October's last payout is explained
		require.Empty(t, w.disagreements(o.read(), a, october))
		o.close(october)
		closed := o.read().of(october, []string{a.clearing, a.transit, a.revenue})

		returned := w.sales[slices.IndexFunc(w.sales, func(s *sale) bool { return s.shipped && w.paid()[s.intent] })]
		w.at(19 * time.Hour)
		credit(t, o, returned.reference, w.clock())
		returned.credited = returned.due
		w.give(returned, returned.due.Minor())
		p.settle()
		p.night()
		p.trade(2)
		for range 4 { // the schedule is manual for some days
			p.sleep()
		}
		w.at(10 * time.Hour)
		w.payManually(w.available())
		p.settle()
		for _, s := range w.sales { // more goes back than is left
			if s.shipped && s != returned && w.paid()[s.intent] {
				w.give(s, s.due.Minor())
				credit(t, o, s.reference, w.clock())
				s.credited = s.due
				break
			}
		}
		p.settle()
		p.night()
		p.idle(4)

		var kinds []string
		for _, po := range w.stripe.Payouts() {
			switch {
			case po.Status == "failed":
				kinds = append(kinds, "failed")
			case !po.Automatic:
				kinds = append(kinds, "manual")
			case po.Amount < 0:
				kinds = append(kinds, "negative")
			}
		}
		slices.Sort(kinds)
		require.Equal(t, []string{"failed", "manual", "negative"}, kinds, "the world is what it should be")
		l := p.requireBooks()
		require.Equal(t, closed, l.of(october, []string{a.clearing, a.transit, a.revenue}), "a closed month stays as it was")
		p.requireNothingNew(l)

		// Control: with everything on the day of the payout, the month's end is wrong, although
		// it is all there in the end.
		control := p.booked(slices.Values(p.naive()))
		require.NotEqual(t, w.standing(october), w.clearing(control, a, october))
		require.Positive(t, w.standing(october), "there was money at Stripe when the month ended")
	})
}

// TestALateFactMeetsAClosedMonth closes October before its last day is told: nothing is
// dated otherwise than it happened, a person opens the month again, and all agree.
func TestALateFactMeetsAClosedMonth(t *testing.T) {
	t.Parallel()
	w := newWorld(t, euros)
	o := newMemoryOffice(w)
	p := newProgram(w, o, workflow.OnOrder)
	october := commerce.Date{Year: start().Year(), Month: time.October, Day: 31}
	for w.today().Day != 31 {
		p.night()
	}
	p.trade(3)
	w.at(25 * time.Hour)
	o.close(october)
	p.settle()
	require.NotEmpty(t, p.dead())
	for _, why := range p.dead() {
		require.Contains(t, why, "period_closed")
	}
	require.NotEmpty(t, w.disagreements(o.read(), o.accounts(), october))

	o.close(commerce.Date{})
	p.replay()
	p.settle()
	for _, s := range w.sales {
		s.shipped = true // in the books: they are invoiced with the order
	}
	p.requireBooks()
}

// TestThreeCurrenciesAndARefundAtAnotherRate sells in one currency, is paid out in another
// and keeps its books in a third.
func TestThreeCurrenciesAndARefundAtAnotherRate(t *testing.T) {
	t.Parallel()
	first, later := commerce.DateOf(start()), commerce.DateOf(start().AddDate(0, 0, 3))
	at := func(before, after string) []rated { return []rated{{first, before}, {later, after}} }
	inBoth(t,
		money{order: "EUR", settlement: "USD", company: "GBP", rates: at("1.0825", "1.1130"), worth: "0.7912"},
		money{order: "GBP", settlement: "USD", company: "EUR", rates: at("1.2725", "1.3090"), worth: "0.9241"},
		15, 0, func(t *testing.T, w *world, o office, orders int) {
			p, a := newProgram(w, o, workflow.OnShipment), o.accounts()
			for range 3 {
				p.trade(max(1, orders/3))
				p.night()
			}
			w.at(10 * time.Hour)
			returned := w.sales[slices.IndexFunc(w.sales, func(s *sale) bool { return s.shipped && w.paid()[s.intent] })]
			credit(t, o, returned.reference, w.clock())
			returned.credited = returned.due
			w.give(returned, returned.due.Minor())
			p.settle()
			p.night()
			p.idle(5)
			l := p.requireBooks()
			now := w.today()
			require.NotZero(t, l.stands(now, a.differences), "the rates differ")
			require.NotEmpty(t, w.stripe.Payouts())
			p.requireNothingNew(l)
			control := p.booked(slices.Values(p.naive()))
			second := commerce.DateOf(start().AddDate(0, 0, 1))
			require.NotEqual(t, w.standing(second), w.clearing(control, a, second), "control")
		})
}

// replay replays what is dead, as a person does.
func (p *program) replay() {
	for _, seq := range p.buried() {
		require.NoError(p.w.t, p.inbox.Replay(p.w.t.Context(), seq, "keeper", "the month is open again", nil))
	}
}

// sleep lets a day pass without a payout.
func (p *program) sleep() {
	p.w.at(26 * time.Hour)
	p.settle()
}

// idle lets days pass on which nobody buys.
func (p *program) idle(days int) {
	for range days {
		p.trade(0)
		p.night()
	}
}
