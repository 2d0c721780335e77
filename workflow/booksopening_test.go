package workflow

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
)

const anyDay = 24 * time.Hour

func on(month time.Month, day int) commerce.Date {
	return commerce.Date{Year: 2026, Month: month, Day: day}
}

// byHand is an entry that people made.
func (b *bank) byHand(at commerce.Date, account string, debit int64) {
	b.entries = append(b.entries, commerce.JournalEntry{Key: "by hand " + account, Date: at, Lines: []commerce.JournalLine{
		{Account: account, Debit: eur(debit), Credit: eur(0)}, {Account: "1200", Debit: eur(0), Credit: eur(debit)}}})
}

// takeover is a bank whose books begin today, the 21st. Yesterday order 1 was sold, for
// 66.00 less 2.00; of these people have booked 50.00. A payout of 30.00 left on the 19th,
// after 100.00 came, and is at the bank on the 23rd.
func takeover(t fataler, change ...func(*bank)) *bank {
	t.Helper()
	b := newBank(t, append([]func(*bank){func(b *bank) {
		b.o2c.StartAt, b.out.StartAt = b.clock.Add(-time.Hour), b.clock.Add(-time.Hour)
	}}, change...)...)
	b.world.order("1", func(o *commerce.Order) { o.Placed, o.PaymentID = b.clock.Add(-anyDay), "pi_1" })
	b.payment("1", []string{"1"})
	b.moves("topup", "0", "", 10000, 0, b.clock.Add(-3*anyDay))
	today := b.clock
	b.clock = today.Add(-2 * anyDay)
	b.payout("0", func(p *commerce.Payout) {
		p.Amount, p.Automatic, p.Reconciled, p.Arrival = eur(3000), false, false, on(11, 23)
	})
	for i := range b.lines {
		b.lines[i].Payout = ""
	}
	b.clock = today
	b.moves("charge", "1", "1", 6600, 200, b.clock.Add(-anyDay))
	b.byHand(on(11, 20), "1360", 5000)
	return b
}

// stoodAt asserts that clearing was the balance at the end of each of these days.
func (b *bank) stoodAt(days ...commerce.Date) {
	b.t.Helper()
	for _, day := range days {
		sum := eur(0)
		for _, l := range b.lines {
			if dayOf(b.chart, l.Created).String() <= day.String() {
				sum, _ = sum.Add(l.Net)
			}
		}
		require.Equal(b.t, sum, b.stands("1360", "EUR", day), "on %s: %v", day, b.ledger())
	}
}

func TestABalanceIsTakenOverOnceAndWhatCameBeforeIsInNoOtherEntry(t *testing.T) {
	t.Parallel()
	b := takeover(t)
	b.moves("fee", "2", "", -500, 0, b.clock) // today: it is none of the opening's
	shown, err := b.books.Open(t.Context(), Opening{Account: "9000", DryRun: true})
	require.NoError(t, err)
	require.Len(t, b.entries, 1, "a dry run posts nothing")

	got, err := b.books.Open(t.Context(), Opening{Account: "9000"})
	require.NoError(t, err)
	require.Equal(t, shown, got)
	require.Len(t, got, 1)
	require.Equal(t, []commerce.Money{eur(13400), eur(5000), eur(3000), eur(0)}, []commerce.Money{got[0].Balance, got[0].Booked, got[0].Sent, got[0].Transit})
	require.Equal(t, "opening/eur", b.entries[1].Key)
	require.Equal(t, on(11, 20), b.entries[1].Date)
	require.Equal(t, eur(3000), b.stands("1460", "EUR", on(11, 20)))
	require.Equal(t, eur(-11400), b.stands("9000", "EUR", on(11, 20)))
	b.stoodAt(on(11, 20))

	b.news("evt_1", "charge.succeeded", "pi_1")
	b.feed()
	b.work()
	again, err := b.books.Open(t.Context(), Opening{Account: "9000"})
	require.NoError(t, err, "it was opened before: what was booked since is no obstacle")
	require.Equal(t, got, again)

	// All goes out, what came before the start and what came after.
	b.pass(anyDay)
	b.world.order("2", func(o *commerce.Order) { o.Placed = b.clock })
	b.payment("2", []string{"2"})
	b.moves("charge", "3", "2", 6600, 200, b.clock)
	b.news("evt_2", "charge.succeeded", "pi_2")
	b.pass(anyDay)
	b.payout("1", func(p *commerce.Payout) { p.Amount = eur(6400 - 500 + 6400) })
	for i := range b.lines {
		if b.lines[i].ID == "txn_0" || b.lines[i].ID == "txn_po_0" {
			b.lines[i].Payout = ""
		}
	}
	b.feed()
	b.payoutNews("1", "payout.paid")
	b.work()
	require.Empty(t, b.dead(), b.reason())
	require.Empty(t, b.twice())
	require.Empty(t, b.exceptions(), "%v", b.alerts)
	require.Contains(t, b.ledger(), "entry payout/po_1/1 of -123.00 EUR on 2026-11-23")
	require.Len(t, b.receipts, 1, "the old order's money is in the opening balance")
	b.stoodAt(on(11, 20), on(11, 21), on(11, 22), on(11, 23))
}

func TestAPayoutFromBeforeTheStartThatFailsAfterItComesBack(t *testing.T) {
	t.Parallel()
	for _, automatic := range []bool{false, true} {
		b := takeover(t)
		po := b.payouts["po_0"]
		po.Automatic, po.Reconciled = automatic, automatic
		_, err := b.books.Open(t.Context(), Opening{Account: "9000"})
		require.NoError(t, err)
		b.payoutNews("0", "payout.paid")
		b.pass(anyDay)
		b.fails(po)
		b.payoutNews("0", "payout.failed")
		b.feed()
		b.work()
		require.Empty(t, b.dead(), b.reason())
		require.Equal(t, []string{PayoutFailed}, b.exceptions())
		require.Empty(t, b.hears, "what was in it is none of these books")
		require.Contains(t, b.ledger(), "entry payout-reversal/po_0/1 of 30.00 EUR on 2026-11-22")
		require.Equal(t, eur(0), b.stands("1460", "EUR", on(11, 22)))
		b.stoodAt(on(11, 20), on(11, 21), on(11, 22))
	}
}

func TestWhatIsOnItsWayAtTheStart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		set  func(*bank, *commerce.Payout)
		sent int64
	}{
		{"one that arrives on the first day", func(_ *bank, p *commerce.Payout) { p.Arrival = on(11, 21) }, 3000},
		{"one that had arrived", func(_ *bank, p *commerce.Payout) { p.Arrival = on(11, 20) }, 0},
		{"one of which nobody says when it arrives", func(_ *bank, p *commerce.Payout) { p.Arrival, p.Status = commerce.Date{}, commerce.PayoutInTransit }, 3000},
		{"one that is paid, and nobody says when it arrived", func(_ *bank, p *commerce.Payout) { p.Arrival = commerce.Date{} }, 0},
		{"one that came back before", func(b *bank, p *commerce.Payout) {
			b.clock = b.clock.Add(-anyDay)
			b.fails(p)
			b.clock = b.clock.Add(anyDay)
		}, 0},
		{"one that came back after", func(b *bank, p *commerce.Payout) { b.fails(p) }, 3000},
		{"one that failed and is not back yet", func(_ *bank, p *commerce.Payout) { p.Status = commerce.PayoutFailed }, 3000},
		{"one that has not left", func(_ *bank, p *commerce.Payout) { p.Transaction = "" }, 0},
		{"one that left afterwards", func(b *bank, p *commerce.Payout) { p.Created = b.clock }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := takeover(t)
			c.set(b, b.payouts["po_0"])
			got, err := b.books.Open(t.Context(), Opening{Account: "9000", DryRun: true})
			require.NoError(t, err)
			require.Equal(t, eur(c.sent), got[0].Sent)
		})
	}
}

func TestAnOpeningIsRefusedWhereTheDaysWereBookedAlready(t *testing.T) {
	t.Parallel()
	b := takeover(t)
	b.moves("fee", "2", "", -500, 0, b.clock)
	b.feed()
	b.work()
	for _, dry := range []bool{true, false} {
		_, err := b.books.Open(t.Context(), Opening{Account: "9000", DryRun: dry})
		require.ErrorIs(t, err, commerce.ErrNeedsDecision)
		require.NotNil(t, withCode(err, "activity_posted"))
		require.ErrorContains(t, err, "stood at 50.00 EUR on 2026-11-20, and stands at 45.00 EUR")
	}
	require.NotContains(t, b.made, "entry opening/eur")
}

func TestAnOpeningInAClosedPeriodIsPostedAsItWasFoundOnceItIsOpen(t *testing.T) {
	t.Parallel()
	b := takeover(t)
	b.closed = on(11, 20)
	_, err := b.books.Open(t.Context(), Opening{Account: "9000"})
	require.ErrorIs(t, err, commerce.ErrPeriodClosed)
	b.closed = commerce.Date{}
	b.pass(anyDay)
	b.moves("fee", "2", "", -500, 0, b.clock)
	got, err := b.books.Open(t.Context(), Opening{Account: "9000"})
	require.NoError(t, err)
	require.Equal(t, eur(13400), got[0].Balance)
	b.stoodAt(on(11, 20))
	require.Empty(t, b.twice())
}

func TestAnOpeningThatFindsNothingDifferentPostsNothing(t *testing.T) {
	t.Parallel()
	b := takeover(t)
	b.byHand(on(11, 20), "1360", 8400)
	b.byHand(on(11, 20), "1460", 3000)
	for range 2 {
		got, err := b.books.Open(t.Context(), Opening{Account: "9000"})
		require.NoError(t, err)
		require.Empty(t, got[0].Entry.Lines)
		require.Empty(t, b.made)
		b.moves("fee", "2", "", -500, 0, b.clock)
		b.byHand(on(11, 21), "1360", -500)
	}
}

func TestBeforeTheStartAnOpeningIsOnlyShown(t *testing.T) {
	t.Parallel()
	b := takeover(t)
	b.o2c.StartAt = b.clock.Add(2 * anyDay)
	got, err := b.books.Open(t.Context(), Opening{Account: "9000", DryRun: true})
	require.NoError(t, err)
	require.Equal(t, eur(13400), got[0].Balance)
	_, err = b.books.Open(t.Context(), Opening{Account: "9000"})
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.ErrorContains(t, err, "has not come yet")
}

func TestAnOpeningNeedsAStartAndAnAccount(t *testing.T) {
	t.Parallel()
	for want, set := range map[string]func(*bank, *Opening){
		"OrderToCash.StartAt is missing":        func(b *bank, _ *Opening) { b.o2c.StartAt = time.Time{} },
		"Opening.Account is missing":            func(_ *bank, o *Opening) { o.Account = "" },
		"Opening.Lookback is -1h0m0s":           func(_ *bank, o *Opening) { o.Lookback = -time.Hour },
		"its CutOver is on 2026-11-19":          func(b *bank, _ *Opening) { b.chart.CutOver = b.clock.Add(-2 * anyDay) },
		"no account for clearing or transit in": func(b *bank, _ *Opening) { b.chart.Transit = nil },
	} {
		b := takeover(t)
		o := Opening{Account: "9000"}
		set(b, &o)
		_, err := b.books.Open(t.Context(), o)
		require.ErrorContains(t, err, want)
		require.Len(t, b.entries, 1, want)
	}
}

// restless is a balance that moves each time it is read.
type restless struct {
	balanceSide
	b    *bank
	left *int
}

func (r restless) Standing(ctx context.Context) ([]commerce.Money, error) {
	if *r.left > 0 {
		*r.left--
		r.b.moves("fee", fmt.Sprint("busy", *r.left), "", -1, 0, r.b.clock)
	}
	return r.balanceSide.Standing(ctx)
}

func TestABalanceThatMovesWhileItIsReadIsReadAgain(t *testing.T) {
	t.Parallel()
	for left, fails := range map[int]bool{3: false, 1000: true} {
		b := takeover(t)
		b.books.Balance = restless{balanceSide{b.treasury}, b, &left}
		got, err := b.books.Open(t.Context(), Opening{Account: "9000", DryRun: true})
		if fails {
			require.ErrorIs(t, err, commerce.ErrUnavailable)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, eur(13400), got[0].Balance)
	}
}
