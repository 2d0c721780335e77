package reconcile

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/commercesync/commerce"
)

// Part is what of a movement's amount is booked on one account.
type Part struct {
	// Account is where it goes. Empty says that nobody knows: it goes to
	// [Chart].Suspense, or stops the posting by the movement's category.
	Account string
	// Text says what it is: "revenue 19 %". The parts of a day are added up by account
	// and text, so that it should be of few kinds: no numbers of orders. Empty is the
	// movement's category.
	Text string
	// Amount is in settlement currency and signed like the movement's. The parts add up
	// to it: see [commerce.Money.Allocate] for shares that leave no cent over.
	Amount commerce.Money
}

// SplitError is of a movement whose parts do not add up to its amount. Nothing is posted
// of the day.
type SplitError struct {
	Line   string // txn_…
	Row    int    // of the file it was read from; 0 = from no file
	Amount commerce.Money
	Parts  commerce.Money // what they add up to
}

func (e *SplitError) Error() string {
	return fmt.Sprintf("reconcile: Chart.Split makes %s of %s, which is %s", e.Parts, e.Line, e.Amount)
}

// ErrorKind is KindMapping.
func (e *SplitError) ErrorKind() commerce.Kind { return commerce.KindMapping }

// tally is what one entry books: sums of movements, and the parts of those that were split.
type tally struct {
	*sums
	parts map[partKey]commerce.Money
}

// partKey is what amounts of one entry are added up by.
type partKey struct{ account, text string }

func newTally(currency commerce.Currency) *tally {
	return &tally{newSums(currency), map[partKey]commerce.Money{}}
}

// add counts a movement, and splits it where the chart says so.
func (t *tally) add(c *Chart, l *Line) error {
	if err := t.sums.add(l); err != nil {
		return &RowError{Input: "lines", Row: l.Row, Reason: "can not be added up", Err: err}
	}
	if err := t.share(c, l); err != nil {
		return err
	}
	if c.Split == nil || l.Amount.IsZero() || !slices.Contains(c.Documents, l.Category) {
		return nil
	}
	parts, err := c.Split(*l)
	if err != nil {
		return fmt.Errorf("reconcile: split %s: %w", l.ID, err)
	}
	sum := commerce.Zero(t.currency)
	for _, p := range parts {
		if sum, err = sum.Add(p.Amount); err != nil {
			return fmt.Errorf("reconcile: split %s: %w", l.ID, err)
		}
		if p.Account == "" || p.Text == "" {
			p.Text = l.Category
		}
		if err := t.part(p.Account, p.Text, p.Amount); err != nil {
			return err
		}
	}
	if sum != l.Amount {
		return &SplitError{Line: l.ID, Row: l.Row, Amount: l.Amount, Parts: sum}
	}
	return nil
}

func (t *tally) part(account, text string, amount commerce.Money) (err error) {
	s := partKey{account, text}
	have, ok := t.parts[s]
	if !ok {
		have = commerce.Zero(t.currency)
	}
	t.parts[s], err = have.Add(amount)
	return err
}

// split returns the parts as postings, by account and text.
func (t *tally) split() []posting {
	var all []posting
	for s, amount := range t.parts {
		all = append(all, posting{s.account, s.text, amount})
	}
	slices.SortFunc(all, func(a, b posting) int {
		return cmp.Or(cmp.Compare(a.account, b.account), cmp.Compare(a.text, b.text))
	})
	return all
}
