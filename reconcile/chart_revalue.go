package reconcile

import (
	"github.com/commercesync/commerce"
)

// Revalue makes the clearing account of another currency worth what its own balance is
// worth at the end of a day, by [Chart].Rate; the difference to what the ERP has it at
// is gain or loss, on [Chart].Exchange. A clearing account is filled at one day's rate and
// emptied at another's: what that leaves in company currency, when nothing is left in its
// own, is booked here, once.
//
// Own is the account's balance in its own currency, worth what the ERP has it at in
// company currency, both at the end of the day and debit less credit, the posted entries
// of the series "revaluation/usd/2026-11-30" that are dated until then included. The entry
// is the next of that series; there is none, and ok is false, where nothing is to be
// booked. Revalue days in their order: the next day's worth begins with this one's.
func (c Chart) Revalue(on commerce.Date, own, worth commerce.Money, posted ...commerce.JournalEntry) (next commerce.JournalEntry, ok bool, err error) {
	if err := c.Check(); err != nil {
		return next, false, err
	}
	currency := own.Currency()
	account := c.Clearing[currency]
	switch {
	case account == "":
		return next, false, &UnmappedError{Currencies: []commerce.Currency{currency}}
	case currency == c.Company:
		return next, false, commerce.Errorf(commerce.KindInvalid, system, "revalue", "%s is the currency of the company", currency)
	}
	rate, err := c.Rate(currency, on)
	if err != nil {
		return next, false, err
	}
	target := commerce.JournalEntry{Key: c.RevaluationSeries(currency, on), Journal: c.Journal, Date: on}
	target.Text = "Stripe " + target.Key
	should := commerce.Zero(c.Company)
	if !own.IsZero() {
		if should, err = c.worth(own, rate); err != nil {
			return next, false, err
		}
	}
	// What the series is to make in all is what is missing now and what it made before.
	gain, err := should.Sub(worth)
	if err != nil {
		return next, false, err
	}
	for _, e := range posted {
		if earlier(on, e.Date) {
			continue // the day was closed, so that worth is without it
		}
		for _, l := range e.Lines {
			if l.Account != account {
				continue
			}
			for _, m := range []commerce.Money{l.Debit, l.Credit.Neg()} {
				if m.IsZero() {
					continue
				}
				if gain, err = gain.Add(m); err != nil {
					return next, false, err
				}
			}
		}
	}
	if !gain.IsZero() {
		line := onSide(account, "balance at Stripe at the rate of the day", gain.Neg())
		line.Transaction = commerce.Zero(currency)
		target.Lines = []commerce.JournalLine{line, onSide(c.Exchange, "gain or loss on "+currency.Lower(), gain)}
	}
	return Next(target, posted...)
}

// RevaluationSeries is the key of the series that [Chart.Revalue] makes entries of:
// "revaluation/usd/2026-11-30", with Account before the currency where there is one.
func (c Chart) RevaluationSeries(currency commerce.Currency, on commerce.Date) string {
	return "revaluation/" + c.name() + currency.Lower() + "/" + on.String()
}
