package reconcile_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

// fact is a movement and the day on which it is told.
type fact struct {
	told commerce.Date
	line reconcile.Line
}

// autumn is a balance in Berlin over some weeks: a payout a week, one of them over the
// end of October, which fails when October is closed; one made by hand; one below
// nought; and a fee of October that is told in November.
func autumn(t *testing.T) (facts []fact, berlin *time.Location) {
	t.Helper()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	n := 0
	add := func(told int, month time.Month, d, hour int, category, source string, amount, fee int64) {
		n++
		l := line(n, category, amount, fee)
		l.Source, l.Created, l.Payout = source, time.Date(2026, month, d, hour, 30, 0, 0, berlin), ""
		at := commerce.DateOf(l.Created)
		if told > 0 {
			at = commerce.Date{Year: 2026, Month: time.November, Day: told}
		}
		facts = append(facts, fact{at, l})
	}
	for d := 19; d <= 31; d++ {
		add(0, 10, d, 9, "charge", "ch", int64(1000+d), 44)
		add(0, 10, d, 23, "charge", "ch", 500, 30) // the 24th is in summer time, the 26th is not
	}
	for d := 1; d <= 20; d++ {
		add(0, 11, d, 0, "charge", "ch", int64(2000+d), 60) // October still, in UTC, on the first
	}
	add(0, 10, 24, 4, "payout", "po_oct", -9000, 0)
	add(0, 10, 30, 4, "payout", "po_end", -8000, 0) // arrives in November
	add(7, 10, 31, 22, "fee", "", -77, 0)           // told late: October is closed
	add(0, 11, 9, 15, "payout_reversal", "po_end", 8000, 0)
	add(0, 11, 11, 12, "payout", "po_hand", -12345, 50) // instant: its fee is on its row
	add(0, 11, 12, 10, "refund", "re", -30000, 0)
	add(0, 11, 13, 4, "payout", "po_minus", 14000, 0) // taken from the bank
	add(0, 11, 20, 4, "payout", "po_nov", -4000, 0)
	return facts, berlin
}

func TestAfterEveryDayClearingIsTheSumOfAllMovements(t *testing.T) {
	t.Parallel()
	facts, berlin := autumn(t)
	c := chart()
	c.Location = berlin
	today := commerce.Date{}
	closed := func() bool { return today.String() >= "2026-11-05" } // October, on the fifth
	open := func(on commerce.Date) commerce.Date {                  // where the ERP puts an entry
		if closed() && on.Month == time.October {
			return november(1)
		}
		return on
	}
	series := map[string][]commerce.JournalEntry{}
	var books []commerce.JournalEntry
	var known []reconcile.Line
	want := map[string]int64{} // day to net, as it has to be booked
	moved := 0
	for at := time.Date(2026, 10, 19, 12, 0, 0, 0, berlin); at.Before(time.Date(2026, 11, 22, 0, 0, 0, 0, berlin)); at = at.AddDate(0, 0, 1) {
		today = commerce.DateOf(at)
		for _, f := range facts {
			if f.told != today {
				continue
			}
			known = append(known, f.line)
			want[open(commerce.DateOf(f.line.Created.In(berlin))).String()] += f.line.Net.Minor()
		}
		for range 2 { // the second run of a day posts nothing
			targets, err := c.Entries(t.Context(), seq(known...))
			require.NoError(t, err)
			for _, target := range targets {
				next, ok, err := reconcile.Next(target, series[target.Key]...)
				require.NoError(t, err)
				if !ok {
					continue
				}
				if on := open(next.Date); on != next.Date {
					moved++
					require.Equal(t, "activity/acct_1/eur/2026-10-31/2", next.Key)
					require.Len(t, next.Lines, 2, "the fee alone")
					next.Date = on
				}
				series[target.Key] = append(series[target.Key], next)
				books = append(books, next)
			}
		}
		for d := time.Date(2026, 10, 19, 12, 0, 0, 0, berlin); !d.After(at); d = d.AddDate(0, 0, 1) {
			until, sum := commerce.DateOf(d).String(), int64(0)
			for on, net := range want {
				if on <= until {
					sum += net
				}
			}
			require.Equal(t, sum, clearing(t, books, until)["EUR"], "%s as known on %s", until, today)
		}
	}
	require.Equal(t, 1, moved)
	net := int64(0)
	for _, f := range facts {
		net += f.line.Net.Minor()
	}
	require.Equal(t, net, clearing(t, books, "9")["EUR"])
	transit, _ := ledger("1370", books)
	require.Equal(t, int64(9000+12345-14000+4000), transit, "what failed never reached the bank")
}

func TestBooksThatKnowPayoutsOnlyAreOffAtTheEndOfTheMonth(t *testing.T) {
	t.Parallel()
	facts, berlin := autumn(t)
	var lines []reconcile.Line
	for _, f := range facts {
		lines = append(lines, f.line)
	}
	c := chart()
	c.Location = berlin
	daily, err := c.Entries(t.Context(), seq(lines...))
	require.NoError(t, err)
	// The control books all that a payout pays out on the payout's day, as one entry a
	// payout does: what is captured and not paid out is in no books.
	paidOut := time.Date(2026, 10, 30, 4, 30, 0, 0, berlin)
	var inside []reconcile.Line
	sum := eur(0)
	for _, l := range lines {
		if l.Category == "charge" && l.Created.Before(paidOut.AddDate(0, 0, -2)) {
			inside = append(inside, l)
			sum, err = sum.Add(l.Net)
			require.NoError(t, err)
		}
	}
	p := payoutOf(inside)
	p.Created = paidOut
	r, err := reconcile.Payout(t.Context(), reconcile.Input{Payout: p, Lines: seq(inside...)}, reconcile.Config{})
	require.NoError(t, err)
	defer r.Close()
	whole, err := r.Whole(c)
	require.NoError(t, err)
	control := []commerce.JournalEntry{whole}

	const end = "2026-10-31"
	atStripe, sold := int64(0), int64(0)
	for _, l := range lines {
		if on := commerce.DateOf(l.Created.In(berlin)).String(); on <= end {
			atStripe += l.Net.Minor()
			if l.Category == "charge" {
				sold += l.Amount.Minor()
			}
		}
	}
	october := func(entries []commerce.JournalEntry) (until []commerce.JournalEntry) {
		for _, e := range entries {
			if e.Date.String() <= end {
				until = append(until, e)
			}
		}
		return until
	}
	require.Positive(t, atStripe)
	require.Equal(t, atStripe, clearing(t, daily, end)["EUR"])
	require.Zero(t, clearing(t, control, end)["EUR"], "off by all that is at Stripe")
	sales, _ := ledger("1400", october(daily))
	require.Equal(t, -sold, sales)
	sales, _ = ledger("1400", october(control))
	require.Greater(t, sales, -sold, "what was sold in October is not all in October")
}
