package workflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/reconcile"
)

// ledgerOf is what the books of one order are made from, all read while the order's
// lease is held.
type ledgerOf struct {
	account
	route mapping.Route
	chart reconcile.Chart
	// sold is the sales order that counts, or the last that did; Ref is empty where
	// there was none.
	sold posted
	// confirmed is when it was confirmed; zero = it is not, or does not count any more.
	confirmed time.Time
	invoices  []mapping.Invoice
	movements []moved
}

// moved is a movement of one of the order's payments with what the order gets of it.
type moved struct {
	reconcile.Line
	payment commerce.Payment
	gets    portion
}

// order brings the books of an order to what they should be. Every way through it ends
// in the same place however often and in whatever order it is gone.
func (b shopBooks) order(ctx context.Context, d desk, e commerce.Event, a account) error {
	own := e.Type == balanceMovement || e.Type == kindOrderBooks
	route, err := b.Ledger.Route(a.order, a.every())
	if err != nil {
		return err // before any write
	}
	o := &ledgerOf{account: a, route: route}
	if o.chart, err = chartOf(b.Ledger, route, b.start()); err != nil {
		return err
	}
	if err := b.sold(ctx, d, o); err != nil {
		return err
	}
	if o.movements, err = b.movements(ctx, d, e, o); err != nil {
		return err
	}
	if o.sold.Ref.ID == "" {
		if !own {
			return nil
		}
		return b.unsold(ctx, d, e, o)
	}
	err = b.invoice(ctx, d, o)
	if err != nil && !commerce.KindOf(err).Permanent() {
		return err
	}
	// Money waits for no person: without an invoice it is an advance.
	return errors.Join(err, b.money(ctx, d, o))
}

// sold finds the sales order that counts.
func (b shopBooks) sold(ctx context.Context, d desk, o *ledgerOf) error {
	for g := o.generation; g.n > 0; g.n-- {
		doc, err := recall[posted](ctx, d.steps, g.of(keySalesOrder(o.order.Ref)))
		if errors.Is(err, commerce.ErrNotFound) {
			continue
		}
		if o.sold = doc; err != nil || g.n < o.generation.n || o.generation.ending {
			return err
		}
		rec, err := d.steps.Get(ctx, g.of(keyConfirm(o.order.Ref)))
		switch {
		case err == nil && rec.State == idempotency.Done:
			o.confirmed = rec.Finished
		case err != nil && !errors.Is(err, commerce.ErrNotFound):
			return err
		}
		return nil
	}
	return nil
}

// movements reads what moved for the order, oldest first. What was before the start is
// in the opening balance.
func (b shopBooks) movements(ctx context.Context, d desk, e commerce.Event, o *ledgerOf) ([]moved, error) {
	handed, err := b.handedOver(ctx, d, o.account)
	if err != nil {
		return nil, err
	}
	if handed && (e.Type == balanceMovement || e.Type == kindOrderBooks) {
		if err := tellOrder(ctx, e, o.own.Ref, o.order.Ref.With(o.order.Replaced), kindOrderBooks, nil); err != nil {
			return nil, err
		}
	}
	var out []moved
	told := e.Type != balanceMovement
	for _, s := range o.shares {
		if s.payment.Charge == "" || b.othersMoney(s.payment.Ref) {
			continue // nobody has tried to pay by it, or it is on another balance
		}
		lines, err := b.Balance.MovementsOf(ctx, s.payment.Ref)
		if err != nil {
			return nil, err
		}
		for _, l := range lines {
			told = told || l.ID == e.Object
			if !slices.Contains(documents, l.Category) || o.chart.Before(l.Created) {
				continue
			}
			// A receipt in other books than the day's entry would leave both clearing accounts wrong.
			if of, err := b.Ledger.BalanceRoute(s.payment.Ref, l.Amount.Currency()); err != nil {
				return nil, err
			} else if of.Company != o.route.Company {
				return nil, refuse(commerce.KindMapping, "book "+l.ID, "other_books", "order %s is in the books of company %q, and the balance in %s of company %q", o.order.Number, o.route.Company, l.Amount.Currency(), of.Company)
			}
			gets, err := d.portion(ctx, o.account, s.payment, l)
			if err != nil {
				return nil, err
			}
			if handed {
				gets.Amount, gets.Settled = commerce.Zero(gets.Amount.Currency()), commerce.Zero(gets.Settled.Currency())
			}
			gets.Date = dayOf(o.chart, l.Created)
			out = append(out, moved{l, s.payment, gets})
		}
	}
	if !told {
		return nil, refuse(commerce.KindUnavailable, "book "+e.Object, "stale_read", "it moved, and %s does not show it; it is read again later", o.own.Ref.ID)
	}
	slices.SortStableFunc(out, func(x, y moved) int { return cmp.Or(x.Created.Compare(y.Created), cmp.Compare(x.ID, y.ID)) })
	return out, nil
}

// handedOver reports whether the order's money counts for the one that an edit put in
// its place: see OrderToCash.handOver.
func (b shopBooks) handedOver(ctx context.Context, d desk, a account) (bool, error) {
	if !ended(a.order) || a.order.Replaced == "" {
		return false, nil
	}
	if begun, err := d.begun(ctx, a.order.Ref, a.generation); begun || err != nil {
		return false, err // its sales order stays, and the money with it
	}
	next, err := d.shop.Order(ctx, a.order.Ref.With(a.order.Replaced))
	if errors.Is(err, commerce.ErrNotFound) {
		return false, nil
	}
	return err == nil && next.Currency == a.order.Currency, err
}

// unsold waits for the sales order of an order that money has moved for, or books it
// elsewhere where none is to come.
func (b shopBooks) unsold(ctx context.Context, d desk, e commerce.Event, o *ledgerOf) error {
	op := "book money of " + o.order.Ref.ID
	if !slices.ContainsFunc(o.movements, func(m moved) bool { return !m.gets.Settled.IsZero() }) {
		return nil
	}
	start := b.start()
	never := ended(o.order) || !start.IsZero() && o.order.Placed.Before(start)
	if left := d.settled(ctx, e, b.wait()); left > 0 && !never {
		// What makes the sales order books the money as well: this is for what was lost.
		return park(op, min(left, max(b.orders.recheck(), d.now().Sub(e.Created))), "the order has no sales order yet")
	}
	if !b.Suspense {
		return refuse(commerce.KindNeedsDecision, op, "no_sales_order",
			"money of order %s moved, and it has no sales order; take it up and replay, or set Suspense", o.order.Number)
	}
	for _, m := range o.movements {
		if err := b.elsewhere(ctx, d, o, m); err != nil {
			return err
		}
		if err := b.suspend(ctx, d, o.route, o.chart, m.payment.Ref.With(m.ID), o.order.Ref, m.gets, true); err != nil {
			return err
		}
	}
	return nil
}

// invoice posts the order's invoice when it is due, and reads all that there are.
func (b shopBooks) invoice(ctx context.Context, d desk, o *ledgerOf) error {
	key := o.generation.of("erp.invoice/" + o.order.Ref.String())
	on, due, err := b.invoiceDue(ctx, d, o)
	if err == nil && due {
		_, err = d.step(ctx, key, b.Ledger.Invoice(o.route, o.order, o.sold.Document, on))
		if unsent, failed := o.order.Unsent(); failed == nil && unsent && errors.Is(err, commerce.ErrConflict) && commerce.SafeToRetry(err) {
			due = false // the ERP invoices what has left: its parcel asks again
			_, err = remember(ctx, d, keyOnShipment(o), true)
		}
	}
	var failed error
	if o.invoices, failed = b.Ledger.Invoices(ctx, o.route, o.sold.Document); err == nil && failed == nil && due {
		err = b.drafts(ctx, d, o, key)
	}
	return errors.Join(err, failed)
}

// drafts posts what the ERP has drafted since the order was first invoiced, as it does of
// each parcel: a step for each draft, on the day of the last parcel. Credit notes, and what
// is drafted beyond the order's total, are left to people. Where the ERP drafts nothing by
// itself it is asked once for each parcel, as long as something is left to invoice.
func (b shopBooks) drafts(ctx context.Context, d desk, o *ledgerOf, first string) error {
	left, err := o.order.Totals.Gross, error(nil)
	for _, i := range o.invoices {
		if !i.Draft && err == nil && i.Document.Total.Currency() == left.Currency() {
			left, err = left.Sub(i.Document.Total)
		}
	}
	if err != nil {
		return err
	}
	posted := false
	for _, i := range o.invoices {
		key := first + "/" + i.Document.Ref.ID
		rec, err := d.steps.Get(ctx, key)
		begun := err == nil && rec.State != idempotency.Done
		if err != nil && !errors.Is(err, commerce.ErrNotFound) {
			return err
		}
		if !begun && (err == nil || !i.Draft || i.Document.Total.Sign() < 0 || left.Sign() <= 0) {
			continue
		}
		on, err := b.shippedOn(ctx, d, o, "/"+i.Document.Ref.ID)
		if err == nil {
			_, err = d.step(ctx, key, b.Ledger.Invoice(o.route, o.order, o.sold.Document, on))
		}
		if err != nil {
			return err
		}
		posted = true
	}
	if !posted && left.Sign() > 0 {
		if posted, err = b.parcels(ctx, d, o, first); err != nil {
			return err
		}
	}
	if !posted {
		return nil
	}
	o.invoices, err = b.Ledger.Invoices(ctx, o.route, o.sold.Document)
	return err
}

// keyOnShipment is the key of what an ERP said of an order that was to be invoiced when it
// was confirmed: that it invoices what has left.
func keyOnShipment(o *ledgerOf) string {
	return o.generation.of("books.on_shipment/" + o.order.Ref.String())
}

// parcelsOf are the parcels of an order that left our warehouse.
func (b shopBooks) parcelsOf(ctx context.Context, d desk, order commerce.Ref) ([]commerce.Ref, error) {
	w := b.orders.Warehouse
	if w == nil {
		return nil, nil
	}
	subjects, err := d.links.Subjects(ctx, order)
	return slices.DeleteFunc(subjects, func(s commerce.Ref) bool { return s.System != w.System() }), err
}

// parcels asks for an invoice of each parcel that was not asked for yet.
func (b shopBooks) parcels(ctx context.Context, d desk, o *ledgerOf, first string) (asked bool, err error) {
	sent, err := b.parcelsOf(ctx, d, o.order.Ref)
	if err != nil {
		return false, err
	}
	for _, s := range sent {
		key := first + "/" + s.ID
		if done, err := d.done(ctx, key); err != nil {
			return asked, err
		} else if done {
			continue
		}
		on, err := b.shippedOn(ctx, d, o, "/"+s.ID)
		if err == nil {
			_, err = d.step(ctx, key, b.Ledger.Invoice(o.route, o.order, o.sold.Document, on))
		}
		if err != nil {
			return asked, err
		}
		asked = true
	}
	return asked, nil
}

// invoiceDue reports whether we invoice the order now, and on which day. One that was
// edited since, or written by others, is not ours to invoice.
func (b shopBooks) invoiceDue(ctx context.Context, d desk, o *ledgerOf) (on commerce.Date, due bool, err error) {
	switch {
	case b.Invoicing == ByERP, o.confirmed.IsZero(), o.sold.Adopted, o.sold.outdated(o.content):
		return on, false, nil
	case o.order.State == commerce.OrderCanceled, o.order.State == commerce.OrderClosed && !shippedAlready(o.order):
		return on, false, nil
	case b.Invoicing != OnShipment || !physical(o.order):
		asked, err := d.done(ctx, keyOnShipment(o))
		if !asked || b.orders.Warehouse == nil || err != nil {
			return dayOf(o.chart, o.confirmed), err == nil, err
		}
		sent, err := b.parcelsOf(ctx, d, o.order.Ref)
		if err == nil && len(sent) > 0 {
			on, err = b.shippedOn(ctx, d, o, "")
		}
		return on, err == nil && len(sent) > 0, err
	}
	if unsent, err := o.order.Unsent(); unsent || err != nil {
		return on, false, err
	}
	on, err = b.shippedOn(ctx, d, o, "")
	return on, err == nil, err
}

// shippedOn is the day on which the last of an order left when it was invoiced, or a draft
// of it was. Where nobody says when, it is the day on which we see it, once for ever.
func (b shopBooks) shippedOn(ctx context.Context, d desk, o *ledgerOf, draft string) (commerce.Date, error) {
	last, err := b.lastShipped(ctx, d, o.order.Ref)
	if err != nil {
		return commerce.Date{}, err
	}
	return remember(ctx, d, o.generation.of("books.shipped/"+o.order.Ref.String())+draft, dayOf(o.chart, last))
}

// lastShipped returns when our warehouse sent the last of an order, or now.
func (b shopBooks) lastShipped(ctx context.Context, d desk, order commerce.Ref) (time.Time, error) {
	var last time.Time
	sent, err := b.parcelsOf(ctx, d, order)
	if err != nil {
		return last, err
	}
	for _, s := range sent {
		shipment, err := b.orders.Warehouse.Shipment(ctx, s)
		if err != nil {
			return last, err
		}
		if shipment.Sent.After(last) {
			last = shipment.Sent
		}
	}
	if last.IsZero() {
		last = d.now()
	}
	return last, nil
}

// nobody books money that is of no order on the suspense account, or leaves its event
// dead with why.
func (b *Books) nobody(ctx context.Context, d desk, e commerce.Event, why error) error {
	if !b.Suspense {
		return why
	}
	switch somebodys, err := d.somebodys(ctx, e); {
	case err != nil:
		return err
	case somebodys:
		return why
	}
	of := e.Ref.With(e.Object)
	l, err := b.Balance.Movement(ctx, of)
	if err != nil {
		return err
	}
	route, err := b.Ledger.BalanceRoute(of, l.Amount.Currency())
	if err != nil {
		return err
	}
	chart, err := chartOf(b.Ledger, route, b.start())
	if err != nil || chart.Before(l.Created) {
		return err
	}
	if err := b.suspend(ctx, d, route, chart, of, commerce.Ref{}, portion{cmp.Or(l.Presented, l.Amount), l.Amount, dayOf(chart, l.Created)}, true); err != nil {
		return err
	}
	if named, err := d.done(ctx, keyNamed(e.SubjectRef())); !named || err != nil {
		return err
	}
	return park("book "+l.ID, time.Second, "an order has named it meanwhile")
}

// somebodys reports whether an order got something of a movement before it was of nobody.
func (d desk) somebodys(ctx context.Context, e commerce.Event) (bool, error) {
	if shared, err := d.done(ctx, keyWeights(commerce.Payment{Ref: e.SubjectRef()})); shared || err != nil {
		return shared, err
	}
	order, ok := linkedTo(ctx, e)
	if !ok {
		return false, nil
	}
	return d.done(ctx, keyPortion(order, e.Object))
}

// elsewhere takes a movement back from where it is on the suspense account for nobody, or
// for an order that this one was put in the place of.
func (b shopBooks) elsewhere(ctx context.Context, d desk, o *ledgerOf, m moved) error {
	orders, err := d.before(ctx, m.payment, o.order.Ref)
	if err != nil {
		return err
	}
	for _, order := range append(orders, commerce.Ref{}) {
		if err := b.suspend(ctx, d, o.route, o.chart, m.payment.Ref.With(m.ID), order, m.gets, false); err != nil {
			return err
		}
	}
	return nil
}

// suspended names the series of what is on the suspense account of a movement, for an
// order or for none.
func suspended(of, order commerce.Ref) commerce.Ref {
	id := "suspense/" + of.ID
	if !order.IsZero() {
		id += "/" + order.Account + "/" + order.ID
	}
	return of.With(id)
}

// suspend books a movement on the suspense account, or takes back what is there of it.
func (b *Books) suspend(ctx context.Context, d desk, r mapping.Route, c reconcile.Chart, of, order commerce.Ref, p portion, there bool) error {
	name := suspended(of, order)
	target := commerce.JournalEntry{Key: name.ID, Journal: c.Journal, Date: p.Date, Text: "Stripe " + of.ID + ", of no order in the books"}
	if !there {
		if _, err := d.steps.Get(ctx, keyEntry(name, 1)); err != nil {
			if errors.Is(err, commerce.ErrNotFound) {
				return nil
			}
			return err
		}
		return d.series(ctx, b.Ledger, r, name, target)
	}
	if p.Settled.IsZero() {
		return nil
	}
	if c.Suspense == "" {
		return refuse(commerce.KindMapping, "book "+of.ID, "", "Suspense is set, and the chart has no account for it")
	}
	// The chart books a movement of a category that it does not know on suspense.
	c.Documents, c.Categories, c.Split = nil, nil, nil
	entries, err := c.Entries(ctx, func(yield func(reconcile.Line, error) bool) {
		yield(reconcile.Line{ID: of.ID, Category: "suspense", Amount: p.Settled, Fee: commerce.Zero(p.Settled.Currency()), Net: p.Settled,
			Created: time.Date(p.Date.Year, p.Date.Month, p.Date.Day, 12, 0, 0, 0, location(c))}, nil)
	})
	if err != nil {
		return err
	}
	target.Lines = entries[0].Lines
	if err := d.series(ctx, b.Ledger, r, name, target); err != nil {
		return err
	}
	text := fmt.Sprintf("%s of %s is of no order in the books and stands on the suspense account; assign it by a replay of its event, or refund it", p.Settled, of.ID)
	if !order.IsZero() {
		text = fmt.Sprintf("%s of %s is for order %s, which has no sales order, and stands on the suspense account; take the order up, or refund it", p.Settled, of.ID, strings.TrimPrefix(order.ID, "order/"))
	}
	return d.exception(ctx, Exception{Name: InSuspense, Order: order, Balance: of, Text: text})
}
