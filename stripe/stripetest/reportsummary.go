package stripetest

import (
	"encoding/csv"
	"maps"
	"slices"
	"time"
)

// counted is when reports count a row: of an automatic payout they take the money off the
// balance when it is to arrive at the bank, though the row is there when it is made.
// Source: docs.stripe.com/reports/report-types/balance, read 2026-11.
func (t *txn) counted() time.Time {
	if t.payout != nil && t == t.payout.txn {
		return t.payout.arrives
	}
	return t.created
}

// paidOut reports whether rows of a category are payouts, and no activity.
func paidOut(category string) bool { return category == "payout" || category == "payout_reversal" }

// summarise writes what the balance was, what changed it and what it is then, by currency.
// Which day stands in the description of the ending balance is not said in a source at
// hand (2026-11): here it is the last of the interval.
func (r *report) summarise(w *csv.Writer) {
	type sums struct{ starting, activity, payouts int64 }
	by := map[string]*sums{}
	for _, t := range r.at.txns.rows {
		at := t.counted()
		if !at.Before(r.to) || r.currency != "" && t.currency != r.currency {
			continue
		}
		s := by[t.currency]
		if s == nil {
			s = &sums{}
			by[t.currency] = s
		}
		switch net := t.amount - t.fee; {
		case at.Before(r.from):
			s.starting += net
		case paidOut(t.category):
			s.payouts += net
		default:
			s.activity += net
		}
	}
	for _, currency := range slices.Sorted(maps.Keys(by)) {
		s := by[currency]
		for _, row := range []struct {
			category, description string
			net                   int64
		}{
			{"starting_balance", "Starting balance (" + r.from.In(r.zone).Format(time.DateOnly) + ")", s.starting},
			{"activity", "Activity", s.activity},
			{"payouts", "Total payouts", s.payouts},
			{"ending_balance", "Ending balance (" + r.to.Add(-time.Second).In(r.zone).Format(time.DateOnly) + ")", s.starting + s.activity + s.payouts},
		} {
			line := make([]string, len(r.columns))
			for i, name := range r.columns {
				line[i] = map[string]string{"category": row.category, "description": row.description,
					"net_amount": major(row.net, currency), "currency": currency}[name]
			}
			_ = w.Write(line) // a buffer takes everything
		}
	}
}
