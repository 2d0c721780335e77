package workflow

import (
	"context"

	"github.com/commercesync/commerce"
)

// Revalue makes the clearing accounts that are not in the company's currency worth what
// their balance is worth at the end of a day, at the chart's rate of that day, and books
// the difference as gain or loss. A host calls it for the last day of a month, once all
// that moved until then is booked; months in their order. Called again it posts what has
// changed since, as a supplement, and nothing where nothing has.
//
// Errors: kind invalid for a day that is not over, or from before the books begin; else
// those of the chart and of the ledger.
func (b *Books) Revalue(ctx context.Context, on commerce.Date) error {
	if err := b.Check(); err != nil {
		return err
	}
	d := b.shop(0).desk()
	purses, err := b.purses(ctx)
	if err != nil {
		return err
	}
	for _, p := range purses {
		if p.currency == p.chart.Company {
			continue
		}
		const op = "revalue"
		end := endOf(p.chart, on, 0)
		switch {
		case end.After(d.now()):
			return refuse(commerce.KindInvalid, op, "", "%s is not over", on)
		case p.chart.Before(end.Add(-1)):
			return refuse(commerce.KindInvalid, op, "", "%s is before the books begin", on)
		}
		account := p.chart.Clearing[p.currency]
		err := d.supplement(ctx, b.Ledger, p.route, b.ref("revaluation/"+p.currency.Lower()+"/"+on.String()), p.chart.RevaluationSeries(p.currency, on),
			func(posted []commerce.JournalEntry) (next commerce.JournalEntry, ok bool, err error) {
				own, err := b.Ledger.AccountBalance(ctx, p.route, account, p.currency, on)
				if err != nil {
					return next, false, err
				}
				worth, err := b.Ledger.AccountBalance(ctx, p.route, account, p.chart.Company, on)
				if err != nil {
					return next, false, err
				}
				return p.chart.Revalue(on, own, worth, posted...)
			})
		if err != nil {
			return err
		}
	}
	return nil
}
