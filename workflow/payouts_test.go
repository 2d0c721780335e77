package workflow

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/reconcile"
)

func (b *bank) payoutNews(id, kind string) {
	b.t.Helper()
	b.deliver(commerce.Event{Ref: stripeRef.With("evt_" + id + kind), Type: kind, Object: "po_" + id, Subject: "po_" + id, Created: b.clock, Raw: []byte(`{}`)})
}

func TestAPayoutIsExplainedReportedOnceAndBooked(t *testing.T) {
	t.Parallel()
	b := sold(t)
	b.paid()
	b.feed()
	b.pass(24 * time.Hour)
	b.payout("1")
	b.payoutNews("1", "payout.paid")
	b.payoutNews("1", "payout.reconciliation_completed")
	b.feed()
	b.work()
	b.closes()
	require.Empty(t, b.exceptions(), "%v", b.alerts)
	require.Len(t, b.hears, 1)
	require.True(t, b.hears[0].Closed())
	require.Contains(t, b.ledger(), "entry payout/po_1/1 of -64.00 EUR on 2026-11-22")
	require.Equal(t, eur(6400), b.stands("1460", "EUR", commerce.DateOf(b.clock)))
}

func TestAPayoutThatFailedComesBackOnItsOwnDay(t *testing.T) {
	t.Parallel()
	b := sold(t)
	b.paid()
	po := b.payout("1")
	b.feed()
	b.pass(48 * time.Hour)
	b.fails(po)
	b.payoutNews("1", "payout.failed")
	b.payoutNews("1", "payout.paid")
	b.work()
	b.closes()
	require.Contains(t, b.ledger(), "entry payout/po_1/1 of -64.00 EUR on 2026-11-21")
	require.Contains(t, b.ledger(), "entry payout-reversal/po_1/1 of 64.00 EUR on 2026-11-23")
	require.Equal(t, []string{PayoutFailed}, b.exceptions())
	require.Equal(t, eur(0), b.stands("1460", "EUR", commerce.DateOf(b.clock)))
}

func TestPayouts(t *testing.T) {
	t.Parallel()
	by := func(change ...func(*commerce.Payout)) func(*commerce.Payout) {
		return func(p *commerce.Payout) {
			for _, c := range change {
				c(p)
			}
		}
	}
	hand := func(p *commerce.Payout) { p.Automatic, p.Reconciled = false, false }
	unlisted := func(p *commerce.Payout) { p.Reconciled = false }
	is := func(s commerce.PayoutStatus) func(*commerce.Payout) { return func(p *commerce.Payout) { p.Status = s } }
	over := func(minor int64) func(*commerce.Payout) { return func(p *commerce.Payout) { p.Amount = eur(minor) } }
	entry := "entry payout/po_1/1 of -64.00 EUR on 2026-11-21"
	for _, c := range []struct {
		name    string
		change  func(*commerce.Payout)
		play    func(*bank, *commerce.Payout)
		want    []string // entries of payouts
		reports int
		told    []string
		dead    []string
	}{
		{"one that is paid before its rows are listed waits for them", unlisted, func(b *bank, p *commerce.Payout) {
			b.payoutNews("1", "payout.paid")
			b.pass(3 * time.Hour)
			require.Empty(b.t, b.hears)
			p.Reconciled = true
		}, []string{entry}, 1, nil, nil},
		{"one whose rows are never listed ends dead", unlisted, func(b *bank, _ *commerce.Payout) {
			b.payoutNews("1", "payout.paid")
		}, nil, 0, nil, []string{"too_old"}},
		{"one on its way whose rows are listed is booked", is(commerce.PayoutInTransit), func(b *bank, _ *commerce.Payout) {
			b.payoutNews("1", "payout.reconciliation_completed")
		}, []string{entry}, 1, nil, nil},
		{"one on its way is waited for by its next news", by(unlisted, is(commerce.PayoutInTransit)), func(b *bank, _ *commerce.Payout) {
			b.payoutNews("1", "payout.updated")
		}, nil, 0, nil, nil},
		{"one that was made by hand is booked by its own movement", by(hand, over(3000)), func(b *bank, _ *commerce.Payout) {
			b.payoutNews("1", "payout.paid")
		}, []string{"entry payout/po_1/1 of -30.00 EUR on 2026-11-21"}, 0, nil, nil},
		{"one that takes from the bank", by(hand, over(-3000)), func(b *bank, _ *commerce.Payout) {
			b.payoutNews("1", "payout.paid")
		}, []string{"entry payout/po_1/1 of 30.00 EUR on 2026-11-21"}, 0, nil, nil},
		{"one by hand that its movement does not make is dead", by(hand, over(3000)), func(b *bank, p *commerce.Payout) {
			p.Amount = eur(3100)
			b.payoutNews("1", "payout.paid")
		}, nil, 0, nil, []string{"payout_open"}},
		{"one whose rows do not make it is reported and dead", nil, func(b *bank, p *commerce.Payout) {
			p.Amount = eur(6500)
			b.payoutNews("1", "payout.paid")
			b.payoutNews("1", "payout.updated")
		}, nil, 1, nil, []string{"payout_open", "payout_open"}},
		{"one that is canceled before it left for good", by(hand, over(3000)), func(b *bank, p *commerce.Payout) {
			b.fails(p)
			p.Status = commerce.PayoutCanceled
			b.payoutNews("1", "payout.canceled")
		}, []string{"entry payout-reversal/po_1/1 of 30.00 EUR on 2026-11-21", "entry payout/po_1/1 of -30.00 EUR on 2026-11-21"}, 0, []string{PayoutFailed}, nil},
		{"one that failed before its rows were listed", unlisted, func(b *bank, p *commerce.Payout) {
			b.payoutNews("1", "payout.paid")
			b.pass(24 * time.Hour)
			b.fails(p)
			b.payoutNews("1", "payout.failed")
		}, []string{"entry payout-reversal/po_1/1 of 64.00 EUR on 2026-11-22", entry}, 0, []string{PayoutFailed}, nil},
		{"one that failed and whose money comes back a day later", nil, func(b *bank, p *commerce.Payout) {
			p.Status = commerce.PayoutFailed
			b.payoutNews("1", "payout.failed")
			b.pass(24 * time.Hour)
			b.fails(p)
		}, []string{"entry payout-reversal/po_1/1 of 64.00 EUR on 2026-11-22", entry}, 1, []string{PayoutFailed}, nil},
		{"one that is read from a place that lags behind", is(commerce.PayoutInTransit), func(b *bank, p *commerce.Payout) {
			b.payoutNews("1", "payout.paid")
			b.pass(time.Second)
			require.Empty(b.t, b.hears)
			p.Status = commerce.PayoutPaid
		}, []string{entry}, 1, nil, nil},
		{"a sale that the shop does not know is told once", nil, func(b *bank, _ *commerce.Payout) {
			delete(b.orders, order1)
			b.payoutNews("1", "payout.paid")
			b.payoutNews("1", "payout.updated")
		}, []string{entry}, 1, []string{PayoutDiscrepancy}, nil},
		{"one that left before the start is in the opening balance", nil, func(b *bank, _ *commerce.Payout) {
			b.out.StartAt = b.clock.Add(24 * time.Hour)
			b.payoutNews("1", "payout.paid")
		}, nil, 0, nil, nil},
		{"one of another account is left alone", nil, func(b *bank, _ *commerce.Payout) {
			b.out.Account = "acct_2"
			b.payoutNews("1", "payout.paid")
		}, nil, 0, nil, nil},
		{"one that failed after its period was closed comes back in the next", nil, func(b *bank, p *commerce.Payout) {
			b.payoutNews("1", "payout.paid")
			b.pass(24 * time.Hour)
			b.closed = commerce.Date{Year: 2026, Month: 11, Day: 21}
			b.fails(p)
			b.payoutNews("1", "payout.failed")
		}, []string{"entry payout-reversal/po_1/1 of 64.00 EUR on 2026-11-22", entry}, 1, []string{PayoutFailed}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := sold(t)
			b.paid()
			b.feed()
			b.work()
			change := c.change
			if change == nil {
				change = by()
			}
			p := b.payout("1", change)
			c.play(b, p)
			b.work()
			require.ElementsMatch(t, c.dead, b.dead(), b.reason())
			require.ElementsMatch(t, c.told, b.exceptions(), "%v", b.alerts)
			require.Len(t, b.hears, c.reports)
			var got []string
			for _, line := range b.ledger() {
				if strings.HasPrefix(line, "entry payout") {
					got = append(got, line)
				}
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestAReplayedPayoutIsExplainedAgainAndReportedWhereItSaysMore(t *testing.T) {
	t.Parallel()
	b := sold(t)
	b.paid()
	p := b.payout("1")
	p.Amount = eur(6500)
	b.payoutNews("1", "payout.paid")
	b.work()
	require.Equal(t, []string{"payout_open"}, b.dead())
	require.Contains(t, b.reason(), "64.00 EUR")
	replay := func() {
		for e, err := range b.inbox.List(t.Context(), inbox.Filter{States: []inbox.State{inbox.Dead}}) {
			require.NoError(t, err)
			require.NoError(t, b.inbox.Replay(t.Context(), e.Seq, "ada", "again", nil))
		}
		b.work()
	}
	replay()
	require.Len(t, b.hears, 1, "it says the same")
	p.Amount = eur(6400)
	replay()
	require.Empty(t, b.dead(), b.reason())
	require.Len(t, b.hears, 2)
}

func TestDocumentsThatAreMadeLateAreFoundByTheirIds(t *testing.T) {
	t.Parallel()
	b := sold(t)
	b.paid()
	b.payout("1")
	b.feed()
	b.pass(2 * anyDay)
	order := b.orders[order1]
	order.Placed = b.clock.AddDate(0, 0, 20) // the program was away, and invoiced when it came back
	for i := range b.invoices {
		b.invoices[i].Date = commerce.DateOf(order.Placed)
	}
	b.payoutNews("1", "payout.paid")
	b.work()
	require.Empty(t, b.exceptions(), "%v", b.alerts)
	require.Equal(t, []map[reconcile.Reason]int{{}}, b.finds)
}

func TestAPayoutWithDocumentsMissingIsExplainedAgain(t *testing.T) {
	t.Parallel()
	b := sold(t)
	b.payout("1")
	order := b.orders[order1]
	delete(b.orders, order1)
	b.payoutNews("1", "payout.paid")
	b.payoutNews("1", "payout.reconciliation_completed")
	b.wait(10 * time.Minute)
	require.Len(t, b.hears, 1)
	require.Equal(t, 1, b.finds[0][reconcile.MissingInShop])
	require.Contains(t, b.ledger(), "entry payout/po_1/1 of -64.00 EUR on 2026-11-21", "the money waits for no document")
	b.wait(5 * time.Hour)
	require.Len(t, b.hears, 1, "it says the same")

	b.orders[order1] = order
	b.news("evt_1", "charge.succeeded", "pi_1")
	b.wait(20 * time.Hour)
	require.Len(t, b.hears, 2)
	require.Empty(t, b.finds[1])
	require.Empty(t, b.exceptions(), "nobody is told of what was to come: %v", b.alerts)
	require.Empty(t, b.dead(), b.reason())
	b.wait(10 * anyDay)
	require.Len(t, b.hears, 2)
}

func TestAHostThatCanNotTakeAReportIsAskedAgain(t *testing.T) {
	t.Parallel()
	b := sold(t)
	b.paid()
	b.payout("1")
	times := 0
	b.out.Report = func(context.Context, *reconcile.Report) error {
		if times++; times < 3 {
			return &commerce.Error{Kind: commerce.KindUnavailable, System: "host", Op: "take report"}
		}
		return nil
	}
	b.payoutNews("1", "payout.paid")
	b.work()
	require.Empty(t, b.dead(), b.reason())
	require.Equal(t, 3, times)
	require.Contains(t, b.ledger(), "entry payout/po_1/1 of -64.00 EUR on 2026-11-21")
}

func TestASettingOfTheBooksThatCanNotWorkIsNamed(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	require.NoError(t, b.books.Check())
	require.NoError(t, b.out.Check())
	for want, err := range map[string]error{
		"Shops is missing":     (&Books{}).Check(),
		"Ledger is missing":    (&Books{Shops: []*OrderToCash{b.o2c}}).Check(),
		"Balance is missing":   (&Books{Shops: []*OrderToCash{b.o2c}, Ledger: b.books.Ledger}).Check(),
		`Mode is "both"`:       (&Books{Shops: []*OrderToCash{b.o2c}, Ledger: b.books.Ledger, Balance: b.books.Balance, Mode: "both"}).Check(),
		`Invoicing is "never"`: (&Books{Shops: []*OrderToCash{b.o2c}, Ledger: b.books.Ledger, Balance: b.books.Balance, Invoicing: "never"}).Check(),
		"ProveAfter is -1":     (&Books{Shops: []*OrderToCash{b.o2c}, Ledger: b.books.Ledger, Balance: b.books.Balance, ProveAfter: -1}).Check(),
		"Wait is -1s":          (&Books{Shops: []*OrderToCash{b.o2c}, Ledger: b.books.Ledger, Balance: b.books.Balance, Wait: -time.Second}).Check(),
		"Steps is missing":     (&Payouts{Ledger: b.books.Ledger, Balance: b.books.Balance}).Check(),
		"Sales is missing":     (&Payouts{Ledger: b.books.Ledger, Balance: b.books.Balance, Steps: b.steps, Links: b.o2c.Links, Sales: []Sales{nil}}).Check(),
		"Recheck is -1s":       (&Payouts{Ledger: b.books.Ledger, Balance: b.books.Balance, Steps: b.steps, Links: b.o2c.Links, Recheck: -time.Second}).Check(),
	} {
		require.ErrorIs(t, err, commerce.ErrInvalid)
		require.ErrorContains(t, err, want)
	}
	require.Nil(t, (&Books{}).Handlers())
	require.Nil(t, (&Payouts{}).Handlers())
}
