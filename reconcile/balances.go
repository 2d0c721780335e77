package reconcile

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// BalancesInput is what running balances are made from.
type BalancesInput struct {
	// Opening is the balance of each currency before the first line; none = nought.
	Opening []commerce.Money
	// Lines are all movements of the balance, in any order. They are walked once.
	Lines iter.Seq2[Line, error]
	// Payouts are those that Stripe tells of, made by hand or not. Each needs its row
	// among the lines, and one that failed the row that brought the money back.
	Payouts []commerce.Payout
	// Checks are balances that Stripe states, for instance by its ending-balance report.
	Checks []Check
	// Location is where a day begins and ends.
	//
	// Defaults to UTC.
	Location *time.Location
	// Available counts movements by the day the money could be paid out, not by the
	// day it came.
	Available bool
}

// Check is a balance at the end of a day.
type Check struct {
	On      commerce.Date
	Balance commerce.Money
}

// RunningBalance is the balance of one currency: Opening + Net = Closing, payouts being in
// Net.
type RunningBalance struct {
	Totals
	Opening, Closing commerce.Money
	// Drift is the earliest point at which the balance is not what Stripe says; nil =
	// none.
	Drift *Drift
}

// Drift is a difference between lines and what Stripe states.
type Drift struct {
	// On is the first day that is known to be wrong; what is wrong happened after the
	// day Since, whose check was right (zero = no check before).
	On, Since commerce.Date
	// Payout is the one whose rows do not make its amount; empty = a Check did not hold.
	Payout           string
	Stated, Reckoned commerce.Money
	Difference       commerce.Money // Stated - Reckoned
}

// Balances reconciles by running balance, per currency: manual and instant payouts,
// negative ones and those that failed, of which nobody can say what is in them. The
// result, by currency, does not depend on the order of the lines; a run over the first
// lines gives the opening of a run over the rest. A line that is there twice is a
// [*RowError].
func Balances(ctx context.Context, in BalancesInput) ([]RunningBalance, error) {
	if in.Lines == nil {
		return nil, commerce.Errorf(commerce.KindInvalid, system, "run balances", "BalancesInput.Lines is missing")
	}
	if in.Location == nil {
		in.Location = time.UTC
	}
	b := &balances{in: in, all: map[commerce.Currency]*running{}, payouts: map[string]string{}, paid: map[string]int64{}}
	for _, o := range in.Opening {
		r := b.of(o.Currency())
		var err error
		if r.opening, err = r.opening.Add(o); err != nil {
			return nil, err
		}
	}
	for _, p := range in.Payouts {
		b.payouts[p.Ref.ID] = p.Ref.ID
		if p.Transaction != "" {
			b.payouts[p.Transaction] = p.Ref.ID
		}
	}
	n, ids := 0, newOnce()
	for l, err := range in.Lines {
		if err != nil {
			return nil, err
		}
		if n++; n%1024 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err := ids.row(&l); err != nil {
			return nil, err
		}
		if err := b.line(&l); err != nil {
			return nil, &RowError{Input: "lines", Row: l.Row, Reason: "can not be added up", Err: err}
		}
	}
	for _, c := range in.Checks {
		b.of(c.Balance.Currency())
	}
	for _, p := range in.Payouts {
		b.of(p.Amount.Currency())
	}
	var out []RunningBalance
	for _, r := range b.all {
		one, err := b.close(r)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b RunningBalance) int { return strings.Compare(string(a.Currency), string(b.Currency)) })
	return out, nil
}

type balances struct {
	in      BalancesInput
	all     map[commerce.Currency]*running
	payouts map[string]string // payout or its transaction to payout
	paid    map[string]int64  // what the rows of a payout make
}

type running struct {
	*sums
	opening commerce.Money
	days    map[commerce.Date]commerce.Money
}

func (b *balances) of(c commerce.Currency) *running {
	if b.all[c] == nil {
		b.all[c] = &running{newSums(c), commerce.Zero(c), map[commerce.Date]commerce.Money{}}
	}
	return b.all[c]
}

func (b *balances) line(l *Line) error {
	r := b.of(l.Amount.Currency())
	if err := r.add(l); err != nil {
		return err
	}
	at := l.Created
	if b.in.Available && !l.Available.IsZero() {
		at = l.Available
	}
	day := commerce.DateOf(at.In(b.in.Location))
	have, ok := r.days[day]
	if !ok {
		have = commerce.Zero(r.currency)
	}
	sum, err := have.Add(l.Net)
	r.days[day] = sum
	if isPayout(l.Category) {
		id := b.payouts[l.Source]
		if id == "" {
			id = b.payouts[l.ID]
		}
		if id != "" {
			b.paid[id] += l.Amount.Minor()
		}
	}
	return err
}

func isPayout(category string) bool { return category == "payout" || category == "payout_reversal" }

// close adds the days up and looks for the earliest drift.
func (b *balances) close(r *running) (RunningBalance, error) {
	out := RunningBalance{Opening: r.opening}
	var err error
	if out.Totals, err = r.totals(); err != nil {
		return out, err
	}
	if out.Closing, err = r.opening.Add(out.Net); err != nil {
		return out, err
	}
	if out.Drift, err = b.check(r); err != nil {
		return out, err
	}
	for _, p := range b.in.Payouts {
		if p.Amount.Currency() != r.currency {
			continue
		}
		stated := p.Amount.Neg()
		if p.Status == commerce.PayoutFailed || p.Status == commerce.PayoutCanceled {
			stated = commerce.Zero(r.currency)
		}
		reckoned, err := commerce.NewMoney(b.paid[p.Ref.ID], r.currency)
		if err != nil {
			return out, err
		}
		on := commerce.DateOf(p.Created.In(b.in.Location))
		if reckoned == stated || out.Drift != nil && !earlier(on, out.Drift.On) {
			continue
		}
		diff, err := stated.Sub(reckoned)
		if err != nil {
			return out, err
		}
		out.Drift = &Drift{On: on, Payout: p.Ref.ID, Stated: stated, Reckoned: reckoned, Difference: diff}
	}
	return out, nil
}

// check compares the running balance with what Stripe states, day by day.
func (b *balances) check(r *running) (*Drift, error) {
	checks := slices.DeleteFunc(slices.Clone(b.in.Checks), func(c Check) bool { return c.Balance.Currency() != r.currency })
	slices.SortFunc(checks, func(a, b Check) int { return compareDates(a.On, b.On) })
	days := make([]commerce.Date, 0, len(r.days))
	for d := range r.days {
		days = append(days, d)
	}
	slices.SortFunc(days, compareDates)
	have, since := r.opening, commerce.Date{}
	for _, c := range checks {
		for len(days) > 0 && !earlier(c.On, days[0]) {
			var err error
			if have, err = have.Add(r.days[days[0]]); err != nil {
				return nil, err
			}
			days = days[1:]
		}
		if have != c.Balance {
			diff, err := c.Balance.Sub(have)
			return &Drift{On: c.On, Since: since, Stated: c.Balance, Reckoned: have, Difference: diff}, err
		}
		since = c.On
	}
	return nil, nil
}
