package workflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/commercesync/commerce"
)

// DisputeSweep says what a sweep over disputes found.
type DisputeSweep struct {
	Open []commerce.Dispute // that ask for evidence and have none, the most urgent first
	// Unplaced are those of Open whose money belongs to no order here.
	Unplaced []commerce.Ref
}

// Sweep looks at the processor for disputes that ask for evidence, and tells of each whose
// last day is near, once for each time of Remind and once more when it is over. It finds
// those as well whose news was lost. Run it every day.
func (w *Disputes) Sweep(ctx context.Context) (DisputeSweep, error) {
	var report DisputeSweep
	if err := w.Check(); err != nil {
		return report, err
	}
	d := w.OrderToCash.desk()
	back := w.Back
	if back == 0 {
		back = 120 * 24 * time.Hour
	}
	for x, err := range w.Disputes.Disputes(ctx, d.now().Add(-back)) {
		if err != nil {
			return report, err
		}
		if x.Status == commerce.DisputeOpen && !x.Answered && !x.Due.IsZero() {
			report.Open = append(report.Open, x)
		}
	}
	slices.SortStableFunc(report.Open, func(a, b commerce.Dispute) int { return a.Due.Compare(b.Due) })
	var failed []error
	for _, x := range report.Open {
		placed, err := w.remind(ctx, d, x)
		if err != nil {
			failed = append(failed, commerce.Errorf(commerce.KindOf(err), system, "remind of "+x.Ref.ID, "%w", err))
			continue
		}
		if !placed {
			report.Unplaced = append(report.Unplaced, x.Ref)
		}
	}
	return report, errors.Join(failed...)
}

// remind tells of the last day of one dispute.
func (w *Disputes) remind(ctx context.Context, d desk, x commerce.Dispute) (placed bool, err error) {
	order, err := d.orderOf(ctx, x.Payment)
	switch {
	case errors.Is(err, commerce.ErrNotFound), withCode(err, "no_order") != nil:
	case err != nil:
		return false, err
	}
	placed = err == nil
	left := x.Due.Sub(d.now())
	mark, found := "over", left <= 0
	for _, r := range w.reminders() {
		if left > 0 && left <= r {
			mark, found = r.String(), true
		}
	}
	if !found {
		return placed, nil
	}
	t := Exception{Name: DisputeDue, Payment: x.Payment, Mark: x.Ref.ID + " " + mark, Balance: x.Ref,
		Text: fmt.Sprintf("%s, and no evidence was handed in%s", said(x), until(x))}
	if placed {
		t.Order, t.Balance = order, commerce.Ref{}
	}
	return placed, d.exception(ctx, t)
}

// reminders are the times of Remind, the longest first.
func (w *Disputes) reminders() []time.Duration {
	all := slices.Clone(w.Remind)
	if len(all) == 0 {
		const day = 24 * time.Hour
		all = []time.Duration{7 * day, 3 * day, day}
	}
	slices.SortFunc(all, func(a, b time.Duration) int { return cmp.Compare(b, a) })
	return all
}
