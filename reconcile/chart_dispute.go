package reconcile

import "github.com/commercesync/commerce"

// Lost books what a dispute that was closed and lost has cost: off the account of its
// category, where the withdrawn money stood as a claim, to [Chart].DisputeLoss. Lines are
// the movements of that dispute, on is the day it was closed; what was reinstated is not
// lost, nor is what connected accounts owe by [Chart].Share. The key is that of a series, "dispute-lost/dp_…"; an entry without lines says
// that nothing was lost.
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
	if err != nil {
		return e, err
	}
	return e, unmapped.orNil()
}
