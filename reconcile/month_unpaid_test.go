package reconcile_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

func TestAScheduledPayoutOfWhichNoLineTellsTakesWhatIsOldest(t *testing.T) {
	t.Parallel()
	in := reconcile.MonthInput{Month: november(1), Chart: chart(), Lines: seq(on(21, "", charge(21, 2000)), payoutRow(24, "po_1", 1950)),
		Payouts: []commerce.Payout{paidOut("po_1", 1950, november(24), november(26))}}
	b := monthOf(t, in).Balances[0]
	require.Equal(t, eur(0), b.Closing)
	require.Equal(t, eur(0), b.Unpaid.Older)
	for _, a := range b.Unpaid.Ages {
		require.Zero(t, a.Rows)
		require.Zero(t, a.Amount.Minor())
	}
}

// purse is what is on the balance in one currency, one piece a day: the plain model of
// what is paid out and what is not.
type purse struct {
	before int64     // from before the month
	days   [31]int64 // from each of its days
	taken  int64     // by payouts of which nobody can say what they took
}

func TestWhatIsNotPaidOutIsWhatNoPayoutTook(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		told := rapid.Bool().Draw(t, "lines name their payout")
		in := reconcile.MonthInput{Month: november(1), Chart: chart(), Ages: []int{}}
		for day := range 29 {
			in.Ages = append(in.Ages, day)
		}
		var lines []reconcile.Line
		purses := map[commerce.Currency]*purse{}
		for _, c := range []commerce.Currency{"EUR", "USD"} {
			p := &purse{before: rapid.Int64Range(0, 300).Draw(t, "before")}
			purses[c] = p
			in.Stated = append(in.Stated, reconcile.Check{On: october31(), Balance: commerce.MustMoney(p.before, c)})
			n, older := 0, p.before
			add := func(day int, category, payout string, amount int64) {
				n++
				m := commerce.MustMoney(amount, c)
				l := reconcile.Line{ID: fmt.Sprintf("txn_%s_%d", c, n), Category: category, Created: time.Date(2026, 11, day, 12, 0, 0, 0, time.UTC),
					Amount: m, Fee: commerce.Zero(c), Net: m}
				if category == "payout" {
					l.Source = payout
				} else if told {
					l.Payout = payout
				}
				lines = append(lines, l)
			}
			payout := func(id string, amount int64, automatic bool) {
				day := rapid.IntRange(1, 30).Draw(t, "day of "+id)
				add(day, "payout", id, -amount)
				po := paidOut(id, amount, november(day), november(30))
				po.Amount, po.Automatic = commerce.MustMoney(amount, c), automatic
				in.Payouts = append(in.Payouts, po)
			}
			for i := range rapid.IntRange(0, 3).Draw(t, "scheduled") {
				id := fmt.Sprintf("po_%s_%d", c, i)
				sum := rapid.Int64Range(0, older).Draw(t, "of before")
				older -= sum
				if told {
					p.before -= sum
				}
				for range rapid.IntRange(0, 3).Draw(t, "rows") {
					day, amount := rapid.IntRange(1, 30).Draw(t, "day"), rapid.Int64Range(1, 100).Draw(t, "amount")
					add(day, "charge", id, amount)
					sum += amount
					if !told {
						p.days[day] += amount
					}
				}
				if !told {
					p.taken += sum
				}
				payout(id, sum, true)
			}
			left := p.before - p.taken
			for _, amount := range p.days {
				left += amount
			}
			for range rapid.IntRange(0, 4).Draw(t, "not yet paid out") {
				day, amount := rapid.IntRange(1, 30).Draw(t, "day"), rapid.Int64Range(1, 100).Draw(t, "amount")
				add(day, "charge", "", amount)
				p.days[day] += amount
				left += amount
			}
			for i := range rapid.IntRange(0, 2).Draw(t, "by hand") {
				took := rapid.Int64Range(0, max(left, 0)).Draw(t, "took")
				payout(fmt.Sprintf("po_%s_hand_%d", c, i), took, false)
				p.taken, left = p.taken+took, left-took
			}
		}
		in.Lines = seq(rapid.Permutation(lines).Draw(t, "order")...)
		view, err := reconcile.Month(t.Context(), in)
		require.NoError(t, err)
		for _, b := range view.Balances {
			p := purses[b.Currency]
			for _, place := range slices.Concat([]*int64{&p.before}, pointers(&p.days)) {
				took := min(*place, p.taken)
				*place, p.taken = *place-took, p.taken-took
			}
			require.Equal(t, p.before, b.Unpaid.Older.Minor(), "from before the month")
			for _, a := range b.Unpaid.Ages {
				want := int64(0)
				if a.From < 30 {
					want = p.days[30-a.From]
				}
				require.Equal(t, want, a.Amount.Minor(), "%s, %d days old", b.Currency, a.From)
			}
		}
	})
}

// pointers are the places of the days, in their order.
func pointers(days *[31]int64) (all []*int64) {
	for i := range days {
		all = append(all, &days[i])
	}
	return all
}
