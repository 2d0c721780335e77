package workflow

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/reconcile"
)

// november is a bank at the beginning of December. On the 21st order 1 was paid, with
// 66.00 less 2.00, and paid out on the 22nd; on the 24th 20.00 of it were given back, with
// a credit note; on the 26th order 2 was paid; on the 28th a dispute took 15.00 and a fee.
func november(t fataler, change ...func(*bank)) *bank {
	t.Helper()
	b := newBank(t, append([]func(*bank){func(b *bank) { b.chart.DisputeLoss = "6960" }}, change...)...)
	sell := func(id, movement string) {
		b.world.order(id, func(o *commerce.Order) { o.Placed = b.clock })
		b.payment(id, []string{id})
		b.moves("charge", movement, id, 6600, 200, b.clock)
		b.news("evt_"+id, "charge.succeeded", "pi_"+id)
		b.feed()
	}
	sell("1", "1")
	b.pass(anyDay)
	b.payout("1", func(p *commerce.Payout) { p.Arrival = on(11, 24) })
	b.feed()
	b.pass(2 * anyDay)
	b.post(&sideInvoice{mapping.Invoice{Document: commerce.Document{Ref: erpRef.With("note"), Total: eur(-2000)}, Party: "party 1",
		Date: commerce.DateOf(b.clock), Open: eur(-2000)}, erpRef.With("sale/1")})
	b.moves("refund", "2", "1", -2000, 0, b.clock)
	b.payments["pi_1"].Refunded = eur(2000)
	b.feed()
	b.pass(2 * anyDay)
	sell("2", "3")
	b.pass(2 * anyDay)
	b.moves("dispute", "4", "2", -1500, 1500, b.clock, func(l *reconcile.Line) { l.Source, l.Dispute = "dp_1", "dp_1" })
	b.feed()
	b.pass(anyDay)
	b.lost["dp_1"] = true
	b.closesDispute("evt_lost")
	b.pass(2*anyDay + 4*time.Hour)
	require.Empty(t, b.dead(), b.reason())
	return b
}

func (b *bank) month(m time.Month, change ...func(*reconcile.MonthInput)) *reconcile.MonthView {
	b.t.Helper()
	in := reconcile.MonthInput{Month: on(m, 15)}
	for _, c := range change {
		c(&in)
	}
	view, err := b.books.Month(context.Background(), in, shopSales{b.world})
	require.NoError(b.t, err)
	return view
}

func TestAMonthInWhichAllAgreeIsProved(t *testing.T) {
	t.Parallel()
	b := november(t)
	view := b.month(11, func(in *reconcile.MonthInput) {
		in.Ending = func(yield func(reconcile.Line, error) bool) {
			for _, l := range b.lines {
				if l.Payout == "" && !yield(l, nil) {
					return
				}
			}
		}
	})
	require.Equal(t, []commerce.Date{on(11, 1), on(11, 30)}, []commerce.Date{view.From, view.To})
	require.Len(t, view.Balances, 1)
	got := view.Balances[0]
	require.Equal(t, []commerce.Money{eur(0), eur(1400)}, []commerce.Money{got.Opening, got.Closing})
	require.Len(t, got.Clearing.Days, 30)
	require.True(t, got.Clearing.Proved())
	for name, side := range map[string]reconcile.Side{"entries": got.Clearing.Entries, "ledger": got.Clearing.Ledger, "Stripe": got.Clearing.Stated, "report": got.Clearing.Ending} {
		require.Equal(t, reconcile.Side{Known: true, Closing: eur(1400), Difference: eur(0)}, side, name)
	}
	require.Equal(t, eur(0), got.InTransit)
	require.Empty(t, view.Suspense)
	require.Empty(t, view.Prior)

	require.Len(t, view.Sales, 1)
	require.Equal(t, []any{2, eur(13200)}, []any{view.Sales[0].Orders, view.Sales[0].Sold})
	require.Equal(t, []commerce.Money{eur(13200), eur(2000)}, []commerce.Money{view.Collected[0].Charged, view.Collected[0].Returned})
	require.Len(t, view.Taxes, 1)
	require.Equal(t, eur(-2000), view.Taxes[0].Base, "the shop knows nothing of the credit note")
	require.Equal(t, eur(1500), b.stands("6960", "EUR", on(11, 30)))
	require.Equal(t, eur(0), b.month(11).Balances[0].Unpaid.Older, "what is paid out is not from before the month, though no movement says of what payout it is")
}

func TestWhatDoesNotAgreeInAMonthShowsOnItsSideAndItsDay(t *testing.T) {
	t.Parallel()
	type off struct {
		on     commerce.Date
		amount int64
	}
	for _, c := range []struct {
		name            string
		play            func(*bank)
		entries, ledger off // the first day, and by how much
	}{
		{"a receipt that was removed at the ERP", func(b *bank) { delete(b.receipts, "order/1 txn_1") }, off{}, off{on(11, 21), -6600}},
		{"an entry of ours that was removed at the ERP", func(b *bank) {
			b.entries = slices.DeleteFunc(b.entries, func(e commerce.JournalEntry) bool { return e.Key == "activity/eur/2026-11-28/1" })
		}, off{on(11, 28), 3000}, off{on(11, 28), 3000}},
		{"an entry by hand on clearing", func(b *bank) { b.byHand(on(11, 25), "1360", 100) }, off{}, off{on(11, 25), 100}},
		{"one from before the month", func(b *bank) { b.byHand(on(10, 25), "1360", 100) }, off{}, off{on(10, 31), 100}},
		{"a movement that no event told", func(b *bank) {
			b.moves("fee", "9", "", -500, 0, time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC))
		}, off{on(11, 27), 500}, off{on(11, 27), 500}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := november(t)
			c.play(b)
			clearing := b.month(11).Balances[0].Clearing
			require.False(t, clearing.Proved())
			require.True(t, clearing.Stated.Known && clearing.Stated.First.IsZero())
			for name, side := range map[string]struct {
				want off
				got  reconcile.Side
			}{"entries": {c.entries, clearing.Entries}, "ledger": {c.ledger, clearing.Ledger}} {
				require.Equal(t, side.want.on, side.got.First, name)
				if !side.want.on.IsZero() {
					require.Equal(t, eur(side.want.amount), side.got.Off, name)
				}
			}
		})
	}
}

func TestAMonthIsSeenFromTheStartOn(t *testing.T) {
	t.Parallel()
	b := takeover(t)
	_, err := b.books.Open(t.Context(), Opening{Account: "9000"})
	require.NoError(t, err)
	b.moves("fee", "2", "", -500, 0, b.clock)
	b.feed()
	b.pass(anyDay)
	b.feed()
	_, err = b.books.Month(t.Context(), reconcile.MonthInput{Month: on(10, 1)})
	require.ErrorContains(t, err, "no day of it is over")
	b.moves("fee", "3", "", -100, 0, b.clock) // today, which is not over
	b.world.order("2", func(o *commerce.Order) { o.Placed = b.clock })
	b.payment("2", []string{"2"})
	b.moves("charge", "4", "2", 6600, 200, b.clock)
	b.news("evt_2", "charge.succeeded", "pi_2")
	b.work()
	require.Len(t, b.receipts, 1)
	view := b.month(11)
	require.Equal(t, []commerce.Date{on(11, 21), on(11, 21)}, []commerce.Date{view.From, view.To})
	require.False(t, view.Over())
	got := view.Balances[0]
	require.Equal(t, []commerce.Money{eur(13400), eur(12900)}, []commerce.Money{got.Opening, got.Closing})
	require.True(t, got.Clearing.Proved(), "%+v", got.Clearing)
	agrees := reconcile.Side{Known: true, Closing: eur(12900), Difference: eur(0)}
	require.Equal(t, []reconcile.Side{agrees, agrees, agrees}, []reconcile.Side{got.Clearing.Entries, got.Clearing.Ledger, got.Clearing.Stated})

	b.pass(12 * anyDay)
	b.feed()
	b.work()
	got = b.month(12).Balances[0]
	require.Equal(t, eur(12800+6400), got.Opening)
	require.True(t, got.Clearing.Proved(), "%+v", got.Clearing)
}

func TestAMonthOfBooksInModeSummaryHasNoReceipts(t *testing.T) {
	t.Parallel()
	b := november(t, func(b *bank) {
		b.books.Mode, b.out.Mode = Summary, Summary
		b.split = func(_ commerce.Order, amount commerce.Money) []reconcile.Part {
			return []reconcile.Part{{Account: "8400", Text: "revenue", Amount: amount}}
		}
	})
	require.Empty(t, b.receipts)
	view := b.month(11)
	require.True(t, view.Balances[0].Clearing.Proved(), "%+v", view.Balances[0].Clearing)
	require.True(t, view.Balances[0].Clearing.Entries.Known)
}

func TestAMonthOfSeveralCurrenciesAndAccounts(t *testing.T) {
	t.Parallel()
	b := abroad(t)
	b.paid()
	b.moves("fee", "2", "", -300, 0, b.clock)
	b.feed()
	b.pass(12 * anyDay)
	require.NoError(t, b.books.Revalue(t.Context(), on(11, 30)))
	view := b.month(11)
	require.Len(t, view.Balances, 2)
	for i, closing := range []commerce.Money{eur(-300), usd(5800)} {
		got := view.Balances[i]
		require.Equal(t, closing, got.Closing)
		require.True(t, got.Clearing.Proved(), "%s: %+v", closing, got.Clearing)
	}

	// Steps of another account are none of this one's.
	b.books.Account = "acct_2"
	require.Equal(t, usd(0), b.month(11).Balances[1].Clearing.Entries.Closing)
}

func TestAMonthNeedsToKnowWhich(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	_, err := b.books.Month(t.Context(), reconcile.MonthInput{})
	require.ErrorContains(t, err, "MonthInput.Month is missing")
	_, err = b.books.Month(t.Context(), reconcile.MonthInput{Month: on(12, 1)})
	require.ErrorContains(t, err, "no day of it is over")
}

func TestAMonthWithADayThatBeginsAtOne(t *testing.T) {
	t.Parallel()
	there, err := time.LoadLocation("America/Santiago")
	require.NoError(t, err)
	noon := time.Date(2026, 9, 6, 12, 0, 0, 0, there) // in the night to it the clock is put forward
	b := newBank(t, func(b *bank) {
		b.chart.Location = there
		b.office.clock = noon.AddDate(0, 1, 0)
	})
	for n := range 10 {
		b.moves("fee", fmt.Sprint(n), "", -100, 0, noon.Add(time.Duration(n-5)*6*time.Hour))
	}
	b.feed()
	b.work()
	got := b.month(9).Balances[0]
	require.Len(t, got.Clearing.Days, 30)
	require.Equal(t, eur(-1000), got.Closing)
	require.True(t, got.Clearing.Proved(), "%+v", got.Clearing)
}
