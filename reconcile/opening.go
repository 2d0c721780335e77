package reconcile

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// Opening is what a balance is taken over with, at the chart's cut-over.
type Opening struct {
	// Stripe is the balance at Stripe, available and pending together, an amount a
	// currency: what is captured and not paid out. [Rewind] tells it from today's.
	Stripe []commerce.Money
	// Booked is what the ERP has on the clearing accounts, debit less credit, each in
	// its own currency; none = nought.
	Booked []commerce.Money

	// Sent is what Stripe had paid out and the bank had not got; none = nought.
	Sent []commerce.Money
	// BookedSent is what the ERP has on the transit accounts, as Booked.
	BookedSent []commerce.Money

	// Account takes the differences: whatever the books before had it on.
	Account string
}

// Opening makes the ERP's clearing account what the balance at Stripe was at the
// cut-over, and transit what was on its way: an entry a currency, dated by the last
// moment before, where there is a difference. It is posted once and for ever: the key,
// "opening/eur", is no series, and books that have an entry of that key need no other.
func (c Chart) Opening(o Opening) ([]commerce.JournalEntry, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	switch {
	case c.CutOver.IsZero():
		return nil, commerce.Errorf(commerce.KindInvalid, system, "open books", "Chart.CutOver is missing")
	case o.Account == "":
		return nil, commerce.Errorf(commerce.KindInvalid, system, "open books", "Opening.Account is missing")
	}
	tallies, unmapped := map[commerce.Currency]*tally{}, &UnmappedError{}
	put := func(amounts []commerce.Money, booked, sent bool) error {
		for _, m := range amounts {
			currency := m.Currency()
			t := tallies[currency]
			if t == nil {
				t = newTally(currency)
				tallies[currency] = t
			}
			if booked {
				m = m.Neg()
			}
			if !sent {
				if err := t.part(o.Account, "before cut-over", m); err != nil {
					return err
				}
				continue
			}
			if c.Transit[currency] == "" {
				unmapped.Currencies = append(unmapped.Currencies, currency)
			}
			if err := t.part(o.Account, "on its way at cut-over", m); err != nil {
				return err
			}
			if err := t.part(c.Transit[currency], "on its way at cut-over", m.Neg()); err != nil {
				return err
			}
		}
		return nil
	}
	for n, amounts := range [][]commerce.Money{o.Stripe, o.Booked, o.Sent, o.BookedSent} {
		if err := put(amounts, n%2 == 1, n >= 2); err != nil {
			return nil, err
		}
	}
	if err := unmapped.orNil(); err != nil {
		return nil, err
	}
	var entries []commerce.JournalEntry
	for currency, t := range tallies {
		e, err := c.entry("opening/"+c.name()+currency.Lower(), c.day(c.CutOver.Add(-time.Nanosecond)), t, unmapped)
		if err != nil {
			return nil, err
		}
		if len(e.Lines) > 0 {
			entries = append(entries, e)
		}
	}
	if err := unmapped.orNil(); err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b commerce.JournalEntry) int { return strings.Compare(a.Key, b.Key) })
	return entries, nil
}

// Rewind says what a balance was before lines: what it is now less their net, by
// currency.
func Rewind(ctx context.Context, now []commerce.Money, lines iter.Seq2[Line, error]) ([]commerce.Money, error) {
	got, err := Balances(ctx, BalancesInput{Lines: lines})
	if err != nil {
		return nil, err
	}
	was := map[commerce.Currency]commerce.Money{}
	for _, b := range got {
		was[b.Currency] = b.Net.Neg()
	}
	for _, m := range now {
		have, ok := was[m.Currency()]
		if !ok {
			have = commerce.Zero(m.Currency())
		}
		if was[m.Currency()], err = have.Add(m); err != nil {
			return nil, err
		}
	}
	out := make([]commerce.Money, 0, len(was))
	for _, m := range was {
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b commerce.Money) int { return strings.Compare(string(a.Currency()), string(b.Currency())) })
	return out, nil
}
