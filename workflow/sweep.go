package workflow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
)

// SweepReport says what a sweep found.
type SweepReport struct {
	Checked int // orders whose sales order was looked for
	// Doubles are the orders with more than one sales order.
	Doubles []Double
	// Missing are the orders whose sales order is not in the ERP any more.
	Missing []commerce.Ref
}

// Double is an order with more than one sales order in the ERP.
type Double struct {
	Order commerce.Ref
	Kept  commerce.Document
	// Withdrawn were drafts and are gone; Left need a person.
	Withdrawn, Left []commerce.Document
}

// canceledDocument is the state of a sales order that counts for nothing; see [ERP].
const canceledDocument = "cancelled"

// Sweep looks at the ERP for two sales orders of one order, for every order that
// was written since. An ERP that does not refuse a second one under the same
// reference can be left with two by a request that outlived its Settle. Each is
// told as an exception; what is withdrawn is only a draft that is one too many.
// Run it every day over the last days, and after an outage.
//
// An order that can not be looked at for good (gone from the shop, without a route)
// does not stop the sweep: the errors come joined, beside the report of the others.
func (w *OrderToCash) Sweep(ctx context.Context, since time.Time) (SweepReport, error) {
	var report SweepReport
	if err := w.Check(); err != nil {
		return report, err
	}
	d := w.desk()
	d.startAt = time.Time{} // whatever was written is looked for
	var failed []error
	for rec, err := range w.Steps.List(ctx, prefixSalesOrder, since) {
		if err != nil {
			return report, err
		}
		if rec.State != idempotency.Done {
			continue // still being settled under its key
		}
		order, n, err := splitGeneration(strings.TrimPrefix(rec.Key, prefixSalesOrder))
		if err != nil {
			return report, err
		}
		if !owns(w.Shop, order) {
			continue // another shop's, whose own sweep looks at it
		}
		if counts, err := d.counts(ctx, order, n); err != nil {
			return report, err
		} else if !counts {
			continue // another one was written in its place
		}
		kept, err := recall[posted](ctx, w.Steps, rec.Key)
		if err != nil {
			return report, err
		}
		if err := w.sweepOne(ctx, d, order, n, kept, &report); err != nil {
			failed = append(failed, commerce.Errorf(commerce.KindOf(err), system, "sweep "+order.String(), "%w", err))
			if !commerce.KindOf(err).Permanent() {
				break
			}
			continue
		}
		report.Checked++
	}
	return report, errors.Join(failed...)
}

// counts reports whether the n-th sales order of an order is the one that counts.
func (d desk) counts(ctx context.Context, order commerce.Ref, n int) (bool, error) {
	g, err := d.generation(ctx, order)
	return g.n == n && !g.ending, err
}

func (w *OrderToCash) sweepOne(ctx context.Context, d desk, order commerce.Ref, n int, kept posted, report *SweepReport) error {
	a, err := d.account(ctx, commerce.Event{}, commerce.Ref{}, order)
	if err != nil {
		return err
	}
	route, err := w.Books.Route(a.order, a.every())
	if err != nil {
		return err
	}
	docs, err := w.Books.SalesOrders(ctx, route, order)
	if err != nil {
		return err
	}
	// What was written meanwhile in the place of this one is none too many.
	if counts, err := d.counts(ctx, order, n); !counts || err != nil {
		return err
	}
	// One that was adopted stands under a reference of its own and is not looked for.
	double, found := Double{Order: order, Kept: kept.Document}, kept.Adopted
	for _, doc := range docs {
		if doc.Ref == kept.Ref {
			found = true
			continue
		}
		if doc.State == canceledDocument {
			continue
		}
		_, err := d.step(ctx, "erp.withdraw/"+doc.Ref.String(), w.Books.Withdraw(route, doc))
		switch {
		case err == nil:
			double.Withdrawn = append(double.Withdrawn, doc)
		case errors.Is(err, commerce.ErrConflict):
			double.Left = append(double.Left, doc)
		default:
			return err
		}
	}
	if !found {
		report.Missing = append(report.Missing, order)
		if err := d.exception(ctx, Exception{Name: MissingSalesOrder, Order: order,
			Text: fmt.Sprintf("sales order %s of order %s is not in the ERP any more", kept.Ref.ID, a.order.Number)}); err != nil {
			return err
		}
	}
	if len(double.Withdrawn)+len(double.Left) == 0 {
		return nil
	}
	report.Doubles = append(report.Doubles, double)
	text := fmt.Sprintf("order %s has %d sales orders; %s counts", a.order.Number, 1+len(double.Withdrawn)+len(double.Left), kept.Ref.ID)
	for _, doc := range double.Withdrawn {
		text += ", " + doc.Ref.ID + " was a draft and is withdrawn"
	}
	for _, doc := range double.Left {
		text += ", " + doc.Ref.ID + " is no draft: cancel it by hand"
	}
	return d.exception(ctx, Exception{Name: DoubleSalesOrder, Order: order, Text: text})
}
