package workflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
)

// maxReceipts bounds the receipts of one movement for one order.
const maxReceipts = 20

func keyReceipt(order commerce.Ref, movement string) string {
	return "erp.receipt/" + order.String() + "/" + movement
}
func keyPortion(order commerce.Ref, movement string) string {
	return "books.receipt/" + order.String() + "/" + movement
}

// receipt is one that is posted, or is to be: movements of one purpose share a room.
type receipt struct {
	movement string
	portion
	of   moved
	room *room
}

// room is what one charge, or one refund, may pay: what it moved less what came back.
type room struct {
	kept     commerce.Money
	returned bool // something came back
	on       commerce.Date
	receipts []*receipt
}

// leads reports whether the receipt is of the money itself and not of what came back.
func (r *receipt) leads() bool {
	return (r.Amount.Sign() < 0) == givenBack(r.of.Line)
}

// purpose says which movements belong together: those of a charge, those of a refund.
func purpose(m moved) string {
	if givenBack(m.Line) {
		return "refund " + cmp.Or(m.Refund, m.Source, m.ID)
	}
	return "charge " + cmp.Or(m.Charge, m.payment.Ref.ID)
}

// money posts the receipts that are missing, and applies them to what is open.
func (b shopBooks) money(ctx context.Context, d desk, o *ledgerOf) error {
	rooms, err := b.rooms(ctx, d, o)
	if err != nil {
		return err
	}
	for _, m := range rooms {
		for _, r := range m.receipts {
			if err := b.receive(ctx, d, o, r); err != nil {
				return err
			}
		}
	}
	for _, m := range rooms {
		if err := b.unapply(ctx, d, o, m); err != nil {
			return err
		}
	}
	for _, m := range rooms {
		if err := b.apply(ctx, d, o, m); err != nil {
			return err
		}
	}
	return b.left(ctx, d, o, rooms)
}

// rooms says which receipts the order has, and decides on those that it lacks: for each
// movement they add up to what the order gets of it. What was decided stands.
func (b shopBooks) rooms(ctx context.Context, d desk, o *ledgerOf) ([]*room, error) {
	var rooms []*room
	index := map[string]*room{}
	for _, m := range o.movements {
		in := index[purpose(m)]
		if in == nil {
			in = &room{kept: commerce.Zero(o.order.Currency)}
			index[purpose(m)], rooms = in, append(rooms, in)
		}
		amount, settled := m.gets.Amount, m.gets.Settled
		for n := 1; ; n++ {
			if n > maxReceipts {
				return nil, refuse(commerce.KindLimit, "book "+m.ID, "", "it has %d receipts for order %s", maxReceipts, o.order.Number)
			}
			movement := m.ID
			if n > 1 {
				movement = fmt.Sprintf("%s/%d", m.ID, n)
			}
			p, err := recall[portion](ctx, d.steps, keyPortion(o.order.Ref, movement))
			if errors.Is(err, commerce.ErrNotFound) {
				if amount.IsZero() {
					break
				}
				p, err = remember(ctx, d, keyPortion(o.order.Ref, movement), portion{amount, settled, m.gets.Date})
			}
			if err != nil {
				return nil, err
			}
			r := &receipt{movement: movement, portion: p, of: m, room: in}
			in.receipts = append(in.receipts, r)
			if in.kept, err = in.kept.Add(p.Amount); err != nil {
				return nil, err
			}
			if !r.leads() {
				in.returned, in.on = true, p.Date
			}
			if amount, err = amount.Sub(p.Amount); err != nil {
				return nil, err
			}
			if settled, err = settled.Sub(p.Settled); err != nil {
				return nil, err
			}
		}
	}
	return rooms, nil
}

// receive posts a receipt, for the invoices that are open, and takes the movement back
// from the suspense account.
func (b shopBooks) receive(ctx context.Context, d desk, o *ledgerOf, r *receipt) error {
	key, of := keyReceipt(o.order.Ref, r.movement), r.of.payment.Ref.With(r.of.ID)
	rec, err := d.steps.Get(ctx, key)
	begun := err == nil
	switch {
	case err != nil && !errors.Is(err, commerce.ErrNotFound):
		return err
	case begun && rec.State == idempotency.Done: // another worker may have booked it for nobody meanwhile: see nobody
		return b.suspend(ctx, d, o.route, o.chart, of, commerce.Ref{}, r.portion, false)
	}
	if err := b.elsewhere(ctx, d, o, r.of); err != nil {
		return err
	}
	if err := b.suspend(ctx, d, o.route, o.chart, of, o.order.Ref, r.portion, false); err != nil {
		return err
	}
	n := mapping.Receipt{Movement: r.movement, Date: r.Date, Amount: r.Amount, Settled: r.Settled,
		Text: fmt.Sprintf("order %s, %s %s", o.order.Number, r.of.Category, cmp.Or(r.of.Source, r.of.ID))}
	if len(o.invoices) > 0 {
		n.Party = o.invoices[0].Party
	}
	if r.leads() && !r.room.returned {
		n.Apply, _ = pays(o.invoices, r.Amount)
	}
	if _, err := stepOf(ctx, d, key, leaving(b.Ledger.Receipt(o.route, o.order, n), func(doc commerce.Document) entered {
		return entered{Document: doc, Of: of, Portion: r.portion}
	})); err != nil {
		return err
	}
	if begun { // it may be posted since then, for what was open at the time
		o.invoices, err = b.Ledger.Invoices(ctx, o.route, o.sold.Document)
		return err
	}
	less(o.invoices, n.Apply)
	return nil
}

// pays says which open invoices, or credit notes, an amount pays, oldest first.
func pays(invoices []mapping.Invoice, amount commerce.Money) (to []mapping.Application, left commerce.Money) {
	left = amount
	for _, i := range invoices {
		if i.Draft || i.Open.Currency() != amount.Currency() || i.Open.Sign() != left.Sign() || left.IsZero() {
			continue
		}
		part := i.Open
		if part.Abs().Minor() > left.Abs().Minor() {
			part = left
		}
		to = append(to, mapping.Application{Invoice: i.Document.Ref, Amount: part})
		left, _ = left.Sub(part) // of one currency and sign
	}
	return to, left
}

// less counts what was applied as paid.
func less(invoices []mapping.Invoice, to []mapping.Application) {
	for _, a := range to {
		for i := range invoices {
			if invoices[i].Document.Ref == a.Invoice {
				invoices[i].Open, _ = invoices[i].Open.Sub(a.Amount)
			}
		}
	}
}

func keyUnapply(order commerce.Ref, movement string) string {
	return "erp.unapply/" + order.String() + "/" + movement
}

// unapply takes applications back that more was applied by than is left of a charge or a
// refund: its invoices are open again.
func (b shopBooks) unapply(ctx context.Context, d desk, o *ledgerOf, in *room) error {
	if !in.returned {
		return nil
	}
	kept := in.kept.Abs()
	for _, r := range in.receipts {
		if !r.leads() {
			continue
		}
		key := keyUnapply(o.order.Ref, r.movement)
		if done, err := d.done(ctx, key); err != nil {
			return err
		} else if done {
			continue
		}
		got, err := b.Ledger.Received(ctx, o.route, o.order.Ref, r.movement)
		if err != nil {
			return err
		}
		applied, err := got.Amount.Sub(got.Left)
		if err != nil {
			return err
		}
		if applied.Abs().Minor() <= kept.Minor() {
			if kept, err = kept.Sub(applied.Abs()); err != nil {
				return err
			}
			continue
		}
		if _, err := d.step(ctx, key, b.Ledger.Unapply(o.route, got.Document, in.on)); err != nil {
			return err
		}
		for _, a := range got.Applied { // they are open again
			less(o.invoices, []mapping.Application{{Invoice: a.Invoice, Amount: a.Amount.Neg()}})
		}
	}
	return nil
}

// apply pays what is open with what is left of receipts.
func (b shopBooks) apply(ctx context.Context, d desk, o *ledgerOf, in *room) error {
	if to, _ := pays(o.invoices, in.kept); len(to) == 0 {
		return nil
	}
	kept := in.kept
	for _, r := range in.receipts {
		if !r.leads() || kept.Sign() != r.Amount.Sign() {
			continue
		}
		got, err := b.Ledger.Received(ctx, o.route, o.order.Ref, r.movement)
		if err != nil {
			return err
		}
		applied, err := got.Amount.Sub(got.Left)
		if err != nil {
			return err
		}
		if kept, err = kept.Sub(applied); err != nil {
			return err
		}
		can := got.Left
		if can.Abs().Minor() > kept.Abs().Minor() {
			can = kept
		}
		if can.IsZero() || can.Sign() != r.Amount.Sign() {
			continue
		}
		to, left := pays(o.invoices, can)
		if err := b.applyTo(ctx, d, o, r, got, to); err != nil {
			return err
		}
		paid, err := can.Sub(left)
		if err != nil {
			return err
		}
		if kept, err = kept.Sub(paid); err != nil {
			return err
		}
	}
	return nil
}

// applyTo takes one step for each invoice. What somebody has settled otherwise is told.
func (b shopBooks) applyTo(ctx context.Context, d desk, o *ledgerOf, r *receipt, got mapping.Received, to []mapping.Application) error {
	again, err := d.done(ctx, keyUnapply(o.order.Ref, r.movement))
	if err != nil {
		return err
	}
	left := got.Left
	for _, a := range to {
		// What is left of the receipt tells a later payment of the same invoice from this one.
		key := "erp.apply/" + o.order.Ref.String() + "/" + r.movement + "/" + a.Invoice.ID + "/" + left.Text()
		if again {
			key += "/2"
		}
		on := r.Date
		at := slices.IndexFunc(o.invoices, func(i mapping.Invoice) bool { return i.Document.Ref == a.Invoice })
		if later := o.invoices[at].Date; later.String() > on.String() {
			on = later
		}
		_, err := d.step(ctx, key, b.Ledger.Apply(o.route, got.Document, []mapping.Application{a}, on))
		if errors.Is(err, commerce.ErrConflict) {
			if err := d.exception(ctx, Exception{Name: NotApplied, Order: o.order.Ref, Payment: r.of.payment.Ref, Mark: r.movement + " " + a.Invoice.ID,
				Text: fmt.Sprintf("receipt %s of order %s should pay %s of %s, and the ledger refuses: settle the two there", r.movement, o.order.Number, a.Amount, a.Invoice.ID)}); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		less(o.invoices, []mapping.Application{a})
		if left, err = left.Sub(a.Amount); err != nil {
			return err
		}
	}
	return nil
}

// left looks again at an order whose money pays nothing yet, and tells of money that pays
// nothing once the order is invoiced, where OrderToCash has not told of it as too much.
func (b shopBooks) left(ctx context.Context, d desk, o *ledgerOf, rooms []*room) error {
	got, total, paid := commerce.Zero(o.order.Currency), commerce.Zero(o.order.Currency), commerce.Zero(o.order.Currency)
	invoiced, open := false, false
	var err error
	for _, i := range o.invoices {
		if i.Draft || i.Document.Total.Currency() != o.order.Currency {
			continue
		}
		invoiced, open = true, open || i.Open.Sign() > 0
		if total, err = total.Add(i.Document.Total); err != nil {
			return err
		}
		part, err := i.Document.Total.Sub(i.Open)
		if err != nil {
			return err
		}
		if paid, err = paid.Add(part); err != nil {
			return err
		}
	}
	for _, in := range rooms {
		if got, err = got.Add(in.kept); err != nil {
			return err
		}
	}
	if got != paid {
		if err := b.lookAgain(ctx, d, o); err != nil {
			return err
		}
	}
	over, err := got.Sub(total)
	if !invoiced || open || err != nil || over.Sign() <= 0 {
		return err
	}
	surplus, err := o.surplus()
	if err != nil || len(surplus) > 0 {
		return err
	}
	return d.exception(ctx, Exception{Name: MoneyOpen, Order: o.order.Ref, Payment: o.firstRef(), Mark: over.Text() + " " + total.Text(),
		Text: fmt.Sprintf("order %s is invoiced with %s, and %s more were received, which stay open: refund them, or invoice the rest", o.order.Number, total, over)})
}

// lookAgain has the order looked at tomorrow, unless that is too long after its last
// movement.
func (b shopBooks) lookAgain(ctx context.Context, d desk, o *ledgerOf) error {
	now := d.now()
	if left := b.openFor(); left == 0 || len(o.movements) == 0 || now.Sub(o.movements[len(o.movements)-1].Created) > left {
		return nil
	}
	id := o.order.Ref.With("books of " + o.order.Ref.ID + " " + dayOf(o.chart, now).String())
	return inbox.Emit(ctx, commerce.Event{Ref: id, Type: orderOpen, Object: o.order.Ref.ID, Subject: o.order.Ref.ID, Created: now, Raw: []byte("{}")})
}
