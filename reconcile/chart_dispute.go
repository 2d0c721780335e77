package reconcile

import (
	"maps"
	"slices"

	"github.com/commercesync/commerce"
)

// Lost books what a dispute that was closed and lost has cost: off the account of its
// category, where the withdrawn money stood as a claim, to [Chart].DisputeLoss. Lines are
// the movements of that dispute, on is the day it was closed; what was reinstated is not
// lost, nor is what connected accounts owe by [Chart].Share. The key is that of a series,
// "dispute-lost/dp_…"; an entry without lines says that nothing was lost.
//
// In another currency the loss is worth what [Chart].Rate says of on, and what the claim
// has gained or lost since [Chart.Entries] booked it is on Exchange, so that no claim is
// left in either currency, but for the cent that rounding leaves of several disputes of
// one day.
func (c Chart) Lost(on commerce.Date, lines ...Line) (commerce.JournalEntry, error) {
	bad := func(format string, args ...any) (commerce.JournalEntry, error) {
		return commerce.JournalEntry{}, commerce.Errorf(commerce.KindInvalid, system, "book lost dispute", format, args...)
	}
	if err := c.Check(); err != nil {
		return commerce.JournalEntry{}, err
	}
	switch {
	case c.DisputeLoss == "":
		return bad("Chart.DisputeLoss is missing")
	case len(lines) == 0:
		return bad("it has no movement")
	case lines[0].Dispute == "":
		return bad("%s names no dispute", lines[0].ID)
	}
	dispute, t := lines[0].Dispute, newTally(lines[0].Amount.Currency())
	for _, l := range lines {
		if l.Dispute != dispute {
			return bad("%s is of dispute %q, not of %s", l.ID, l.Dispute, dispute)
		}
		account := c.Categories[l.Category]
		if account == "" {
			return commerce.JournalEntry{}, &UnmappedError{Categories: []string{l.Category}}
		}
		share, err := c.shareOf(&l)
		if err != nil {
			return commerce.JournalEntry{}, err
		}
		cost, err := l.Amount.Sub(share)
		if err != nil {
			return commerce.JournalEntry{}, err
		}
		if err := t.part(account, "dispute lost", cost.Neg()); err != nil {
			return commerce.JournalEntry{}, err
		}
		if err := t.part(c.DisputeLoss, "dispute lost", cost); err != nil {
			return commerce.JournalEntry{}, err
		}
	}
	unmapped := &UnmappedError{}
	e, err := c.entry("dispute-lost/"+c.name()+dispute, on, t, unmapped)
	if err == nil {
		err = unmapped.orNil()
	}
	if err != nil || t.currency == c.Company {
		return e, err
	}
	return c.unclaimed(e, lines)
}

// unclaimed adds to the entry of a lost dispute what rates have left on the accounts of its
// claim.
func (c Chart) unclaimed(e commerce.JournalEntry, lines []Line) (commerce.JournalEntry, error) {
	claims, err := c.claims(lines)
	if err != nil {
		return e, err
	}
	currency := lines[0].Amount.Currency()
	text := "gain or loss on " + currency.Lower()
	for _, account := range slices.Sorted(maps.Keys(claims)) {
		left, err := worthOn(account, claims[account], e.Lines)
		if err != nil {
			return e, err
		}
		if left.IsZero() {
			continue
		}
		line := onSide(account, text, left)
		line.Transaction = commerce.Zero(currency)
		e.Lines = append(e.Lines, line, onSide(c.Exchange, text, left.Neg()))
	}
	if len(e.Lines) == 0 {
		return e, nil
	}
	return e, e.Balance()
}

// claims is what the entries of the days have made of a dispute on the accounts of its
// categories: debit less credit in company currency.
func (c Chart) claims(lines []Line) (map[string]commerce.Money, error) {
	c.Documents = nil
	days, claims := map[commerce.Date]*tally{}, map[string]commerce.Money{}
	for _, l := range lines {
		if account := c.Categories[l.Category]; account != c.DisputeLoss {
			claims[account] = commerce.Zero(c.Company)
		}
		on := c.day(l.Created)
		if days[on] == nil {
			days[on] = newTally(l.Amount.Currency())
		}
		l.Fee, l.Fees, l.Net = commerce.Zero(l.Fee.Currency()), nil, l.Amount
		if err := days[on].add(&c, &l); err != nil {
			return nil, err
		}
	}
	for on, t := range days {
		unmapped := &UnmappedError{}
		e, err := c.entry("", on, t, unmapped)
		if err == nil {
			err = unmapped.orNil()
		}
		for account, have := range claims {
			if err == nil {
				claims[account], err = worthOn(account, have, e.Lines)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return claims, nil
}

// worthOn adds what lines do to an account to what it has.
func worthOn(account string, have commerce.Money, lines []commerce.JournalLine) (_ commerce.Money, err error) {
	for _, l := range lines {
		if l.Account != account {
			continue
		}
		if have, err = have.Add(l.Debit); err == nil {
			have, err = have.Sub(l.Credit)
		}
		if err != nil {
			return have, err
		}
	}
	return have, nil
}
