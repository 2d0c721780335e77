package workflow

import (
	"context"
	"errors"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
)

// Names of exceptions about money that goes back.
const (
	// RefundProposed: a paper of the shop asks for money that nobody has given back yet, and
	// no rule lets it go by itself.
	RefundProposed = "refund_proposed"
	// RefundFailed: money that was on its way back to a customer came back to us, who still
	// owe it.
	RefundFailed = "refund_failed"
	// RefundDiffers: the shop's paper about a refund comes to another amount.
	RefundDiffers = "refund_differs"
)

// Refunds keeps processor, shop and ERP of one mind about money that goes back, whoever
// gave it. With any news of it the truth is read: the order, all refunds of its payments,
// all of the shop's papers; then what is missing is done:
//
//   - A refund that succeeded and of which the shop has no paper gets one, offline. What it
//     is made of is known where somebody said so, else it is proposed by
//     [mapping.AllocateRefund].
//   - A paper of the shop that asks for money which nobody gave back yet: money moves where
//     Pays says so or a person did ([Refunds.Wish]), else it is proposed. What counts is what
//     is missing over all refunds and papers of the order, never a paper or an event alone.
//   - Each refund with its paper is one credit note at the ERP, once the order is invoiced. A
//     refund whose paper the shop refuses has one all the same; where the order is only on
//     hold, the note waits with the paper. Its payment is posted by [Books].
//   - A refund that fails after its paper was made: the order is held, with a remark, and a
//     person is told. The paper stands, and we owe the money until another refund pays it.
//
// Refund and paper are one by what they say of each other: our operation id on the refund,
// the refund's id on the paper. Where both sides acted at once and neither knows of the
// other, a refund and a paper of one amount are taken for the same, so that no money moves
// twice. Money that was paid beyond what was due is no goods of the order: giving it back
// makes no paper.
//
// Its handlers come behind those of OrderToCash and Books.
type Refunds struct {
	// OrderToCash takes the orders up: its ports and settings serve here as well. Required.
	OrderToCash *OrderToCash
	Shop        RefundShop     // required
	Payments    RefundPayments // required
	// Ledger posts credit notes. Nil: none are made, as in the mode Summary of Books.
	Ledger CreditLedger

	// Pays says which papers that the shop made without money move money by themselves. It
	// is asked as long as none has moved for the paper. An order that is canceled, and was
	// paid, asks for all of it by a paper with the id "cancel". An error is the event's.
	//
	// Nil: none does; each is an exception that proposes it.
	Pays func(context.Context, commerce.Facts, mapping.RefundDocument) (bool, error)
	// Goods says what a refund was for that others made: by its reason, its metadata, or
	// from a system of the host. The zero RefundAsk: nobody knows.
	//
	// Nil: nobody ever does.
	Goods func(context.Context, commerce.Facts, commerce.Refund) (mapping.RefundAsk, error)
	// Wait is how long a refund that others made is left to them, as the shop's own plugin
	// makes its paper after the money moved.
	//
	// Defaults to 2 minutes.
	Wait time.Duration
	// OldestFirst takes money from the oldest payment first. The default is the newest.
	OldestFirst bool
}

// Check reports the first setting that can not work, as an error of kind invalid that
// names the field.
func (r *Refunds) Check() error {
	if err := check("Refunds", []field{{"OrderToCash", r.OrderToCash == nil}, {"Shop", r.Shop == nil},
		{"Payments", r.Payments == nil}}, []duration{{"Wait", r.Wait}}, nil); err != nil {
		return err
	}
	return r.OrderToCash.Check()
}

// refundTypes are the processor's events about refunds. Old accounts tell some of one name,
// and some of the other.
var refundTypes = []string{"refund.created", "refund.updated", "refund.failed", "charge.refund.updated", "charge.refunded"}

// kindOrderRefunds is the type of the internal event for refunds of a payment that is for
// several orders.
const kindOrderRefunds = "order.refunds"

// orderRefund is the type of the event that brings a wish. It goes by the order's own name.
const orderRefund = "order.refund"

// Handlers returns what an inbox is to call for which events.
func (r *Refunds) Handlers() inbox.Handlers {
	if r.OrderToCash == nil || r.OrderToCash.Shop == nil {
		return nil
	}
	hs, name := inbox.Handlers{}, nameOf("refunds", r.OrderToCash.Shop.Origin().Account)
	on := func(kind string, handle func(context.Context, commerce.Event) error) {
		hs[kind] = []inbox.Handler{{Name: name, Handle: func(ctx context.Context, e commerce.Event) error {
			if err := r.Check(); err != nil {
				return misconfigured(err)
			}
			return handle(ctx, e)
		}}}
	}
	for _, t := range refundTypes {
		on(processor+" "+t, r.refund)
	}
	on(internal+" "+kindOrderRefunds, r.refund)
	shop := r.OrderToCash.Shop.System()
	on(shop+" "+orderChanged, r.changed)
	on(shop+" "+orderRefund, r.wished)
	if r.Ledger != nil && r.OrderToCash.Warehouse != nil {
		on(r.OrderToCash.Warehouse.System()+" shipment.sent", r.changed) // what may post an invoice
	}
	return hs
}

func (r *Refunds) wait() time.Duration {
	if r.Wait == 0 {
		return 2 * time.Minute
	}
	return r.Wait
}

// refund handles the processor's news of money that went back.
func (r *Refunds) refund(ctx context.Context, e commerce.Event) error {
	d := r.OrderToCash.desk()
	if e.Ref.System == processor {
		d.several = func(ctx context.Context, p commerce.Payment) error { return r.refundsOf(ctx, d, e, p) }
	}
	return d.work(ctx, e, kindOrderRefunds, func(ctx context.Context, a account) error {
		return r.order(ctx, d, e, a)
	})
}

// changed looks at an order at the shop that something went back of.
func (r *Refunds) changed(ctx context.Context, e commerce.Event) error {
	d := r.OrderToCash.desk()
	root, ok := linkedTo(ctx, e)
	if r.OrderToCash.ofShop(e) {
		root, ok = e.SubjectRef(), true
		if err := d.links.Link(ctx, root); err != nil {
			return err
		}
	}
	if !ok || !d.owns(ctx, e, root) {
		return nil
	}
	o, err := d.shop.Order(ctx, root)
	switch {
	case errors.Is(err, commerce.ErrNotFound):
		return nil // a deletion is told by OrderToCash
	case err != nil:
		return err
	case o.Refunded.Sign() == 0 && (o.State != commerce.OrderCanceled || r.Pays == nil):
		if _, begun, err := r.decisions(ctx, d, root); !begun || err != nil {
			return err
		}
	}
	a, err := d.account(ctx, e, commerce.Ref{}, root)
	if err != nil {
		return err
	}
	return d.unlessOld(ctx, e, a, func(ctx context.Context, a account) error { return r.order(ctx, d, e, a) })
}

// maxRefunds bounds how often an order is read again within one event, as money moves.
const maxRefunds = 50

// order brings processor, shop and ERP to agree about an order. Every way through it ends
// in the same place however often and in whatever order it is gone.
func (r *Refunds) order(ctx context.Context, d desk, e commerce.Event, a account) error {
	if begun, err := d.begun(ctx, a.order.Ref, generation{n: 1}); !begun || err != nil {
		return err // nothing was sold yet, or ever
	}
	b := back{r: r, desk: d, event: e, account: a}
	for n := 0; ; n++ {
		if n == maxRefunds {
			return refuse(commerce.KindLimit, "refund "+a.order.Ref.ID, "", "the order was read %d times, and more is to go back", maxRefunds)
		}
		if err := b.read(ctx); err != nil {
			return err
		}
		moved, err := b.resume(ctx)
		if err == nil && !moved {
			moved, err = b.move(ctx)
		}
		if err != nil && !commerce.KindOf(err).Permanent() {
			return err
		}
		if !moved || err != nil {
			// What one side refuses is no reason to leave the others apart.
			return errors.Join(err, b.agree(ctx))
		}
		if b.order, err = d.shop.Order(ctx, a.order.Ref); err != nil {
			return err
		}
	}
}

// move finds out what is missing, and moves money where it may.
func (b *back) move(ctx context.Context) (moved bool, err error) {
	wished := b.wishes(ctx)
	if wished != nil && !commerce.KindOf(wished).Permanent() {
		return false, wished
	}
	if err := b.pair(ctx); err != nil {
		return false, err
	}
	moved, err = b.giveBack(ctx)
	return moved, errors.Join(wished, err)
}

// agree brings shop and ERP to what the processor has done.
func (b *back) agree(ctx context.Context) error {
	return errors.Join(b.record(ctx), b.credit(ctx), b.failures(ctx)) // an order on hold takes no papers
}
