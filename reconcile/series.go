package reconcile

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/commercesync/commerce"
)

// Next is the next entry of a series: what has to be posted so that all entries of the
// series together say what target says now. Late facts (a fee, a category, a row that
// came after the day was posted) become supplements in this way, and posted entries never
// change. Its key is target's with the number of the entry behind, "activity/eur/2026-11-03/2"; keep
// posted in that order and write by compare-and-set on it. There is none, and ok is false, when
// all is posted.
func Next(target commerce.JournalEntry, posted ...commerce.JournalEntry) (next commerce.JournalEntry, ok bool, err error) {
	type account struct {
		account, party, text string
		currency             commerce.Currency
	}
	type amounts struct{ company, transaction commerce.Money }
	sums := map[account]amounts{}
	count := func(e commerce.JournalEntry, negative bool) error {
		if err := e.Balance(); err != nil {
			return err
		}
		for _, l := range e.Lines {
			debit := l.Debit
			if debit.IsZero() {
				debit = l.Credit.Neg()
			}
			k := account{l.Account, l.Party, l.Text, l.Transaction.Currency()}
			have, known := sums[k]
			if !known {
				have = amounts{commerce.Zero(debit.Currency()), commerce.Zero(k.currency)}
			}
			transaction := l.Transaction
			if negative {
				debit, transaction = debit.Neg(), transaction.Neg()
			}
			if have.company, err = have.company.Add(debit); err != nil {
				return err
			}
			if k.currency != "" {
				if have.transaction, err = have.transaction.Add(transaction); err != nil {
					return err
				}
			}
			sums[k] = have
		}
		return nil
	}
	if len(target.Lines) > 0 {
		if err := count(target, false); err != nil {
			return next, false, err
		}
	}
	for _, e := range posted {
		if err := count(e, true); err != nil {
			return next, false, err
		}
	}
	next = target
	next.Key = fmt.Sprintf("%s/%d", target.Key, len(posted)+1)
	next.Lines = nil
	for k, sum := range sums {
		if sum.company.IsZero() && sum.transaction.IsZero() {
			continue
		}
		line := func(company, transaction commerce.Money) {
			l := onSide(k.account, k.text, company.Neg())
			l.Party = k.party
			if k.currency != "" {
				l.Transaction = transaction
			}
			next.Lines = append(next.Lines, l)
		}
		if n := sum.transaction.Sign(); n != 0 && n != sum.company.Sign() {
			// The rate is another now, or rounds it away. A line's two amounts have one sign,
			// so that this takes two: what moved, worth the least, and what it is worth.
			least, err := commerce.NewMoney(int64(n), sum.company.Currency())
			if err != nil {
				return next, false, err
			}
			line(least, sum.transaction)
			if sum.company, err = sum.company.Sub(least); err != nil {
				return next, false, err
			}
			sum.transaction = commerce.Zero(k.currency)
		}
		line(sum.company, sum.transaction)
	}
	if len(next.Lines) == 0 {
		return commerce.JournalEntry{}, false, nil
	}
	slices.SortStableFunc(next.Lines, func(a, b commerce.JournalLine) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Party, b.Party), cmp.Compare(a.Text, b.Text),
			cmp.Compare(a.Transaction.Currency(), b.Transaction.Currency()))
	})
	return next, true, next.Balance()
}
