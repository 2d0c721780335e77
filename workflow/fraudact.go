package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
)

// carryOut does what a verdict asks for, and reports whether the order has to wait, for
// that or for another cause.
func (f *Fraud) carryOut(ctx context.Context, d desk, facts commerce.Facts, v verdict) (o commerce.Order, waits bool, err error) {
	o = facts.Order
	switch {
	case v.do == "":
	case v.do == LetGo:
		err = f.letGo(ctx, d, o, v)
	default:
		err = f.suspect(ctx, d, o, v)
	}
	if err != nil {
		return o, true, err
	}
	if o, waits, err = d.obey(ctx, o); err != nil || v.do == LetGo || !v.do.atLeast(CancelFulfilment) {
		return o, waits, err
	}
	// A person may have lifted it at the shop since.
	if over, err := d.done(ctx, keyReleased(o.Ref, v.cause)); over || err != nil {
		return o, waits, err
	}
	return o, waits, f.stop(ctx, d, o, v)
}

// suspect tells a person, shows the order as suspected and decides that it is held.
func (f *Fraud) suspect(ctx context.Context, d desk, o commerce.Order, v verdict) error {
	if v.do.atLeast(HoldOrder) {
		if _, err := d.holdFor(ctx, o.Ref, v.cause, v.why); err != nil {
			return err
		}
	}
	text := fmt.Sprintf("order %s may be fraud: %s", o.Number, v.why)
	if err := d.note(ctx, o, v.cause, "Fraud: "+v.why+"; "+string(v.do)+"."); err != nil {
		return err
	}
	if !v.person {
		if err := d.exception(ctx, Exception{Name: FraudSuspected, Order: o.Ref, Mark: v.cause, Text: text + next(v.do)}); err != nil {
			return err
		}
	}
	shows, ok := d.shop.(Suspects)
	if !ok || v.do != Queue {
		return nil
	}
	_, err := d.step(ctx, prefixSuspect+o.Ref.String()+"/"+v.cause, shows.Suspect(o))
	if errors.Is(err, commerce.ErrConflict) {
		return nil // nothing of the sort in this state
	}
	return err
}

// next says what becomes of a suspected order, and what a person can do.
func next(do FraudAction) string {
	switch do {
	case Queue:
		return "; it goes on: look at it before its goods leave"
	case HoldOrder:
		return "; it is held: let it go, cancel it, or give the money back"
	case CancelFulfilment:
		return "; it is held and its goods are taken back: let it go, or cancel it and give the money back"
	}
	return "; it is held, its goods are taken back and the money goes back: cancel it at the shop"
}

const prefixSuspect = "shop.suspect/"

// letGo takes back what was held and shown for fraud.
func (f *Fraud) letGo(ctx context.Context, d desk, o commerce.Order, v verdict) error {
	all, err := d.heldFors(ctx, o.Ref)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(c heldFor) bool { return !strings.HasPrefix(c.Cause, "fraud ") })
	if slices.ContainsFunc(all, func(c heldFor) bool { return !c.over }) {
		if err := d.note(ctx, o, v.cause, "Fraud: "+v.why+"; released."); err != nil {
			return err
		}
	}
	if err := d.releaseOf(ctx, o.Ref, v.why, all...); err != nil {
		return err
	}
	shows, ok := d.shop.(Suspects)
	if !ok {
		return nil
	}
	prefix := prefixSuspect + o.Ref.String() + "/"
	for rec, err := range d.steps.List(ctx, prefix, time.Time{}) {
		if err != nil {
			return err
		}
		if rec.State != idempotency.Done {
			continue
		}
		was, err := recall[commerce.Document](ctx, d.steps, rec.Key)
		if err != nil {
			return err
		}
		if _, err := d.step(ctx, "shop.trust/"+strings.TrimPrefix(rec.Key, prefixSuspect), shows.Trust(o, was.State)); err != nil {
			return err
		}
	}
	return nil
}

// stop takes back what was asked for, and gives the money back where the verdict says so.
func (f *Fraud) stop(ctx context.Context, d desk, o commerce.Order, v verdict) error {
	w := f.OrderToCash
	a, err := d.account(ctx, commerce.Event{}, commerce.Ref{}, o.Ref)
	if err != nil {
		return err
	}
	route, err := w.Books.Route(a.order, a.every())
	if err != nil {
		return err
	}
	switch err := w.takeBack(ctx, d, a, route); {
	case errors.Is(err, commerce.ErrConflict):
		if err := d.exception(ctx, Exception{Name: FraudLate, Order: o.Ref, Mark: v.cause,
			Text: fmt.Sprintf("order %s may be fraud, and its sales order stays, for %s; proposal: stop the parcel", o.Number, tooLate(err))}); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	if v.do != ReturnMoney {
		return nil
	}
	for _, s := range a.shares {
		if err := f.giveBack(ctx, d, a, s, v); err != nil {
			return err
		}
	}
	return nil
}

// giveBack gives back what is held of one payment, or releases what is reserved.
func (f *Fraud) giveBack(ctx context.Context, d desk, a account, s share, v verdict) error {
	x := Exception{Name: FraudNotRefunded, Order: a.order.Ref, Payment: s.payment.Ref, Mark: v.cause}
	switch s.payment.Status {
	case commerce.PaymentAuthorised:
		if f.Captures == nil {
			x.Text = fmt.Sprintf("order %s may be fraud, and %s of %s are reserved: release them", a.order.Number, s.amount, s.payment.Ref.ID)
			return d.exception(ctx, x)
		}
		_, err := d.step(ctx, keyVoid(s.payment.Ref), f.Captures.Void(s.payment.Ref))
		if !errors.Is(err, commerce.ErrConflict) {
			return err
		}
		x.Text = fmt.Sprintf("order %s may be fraud, and what is reserved by %s could not be released: look at the payment", a.order.Number, s.payment.Ref.ID)
		return d.exception(ctx, x)
	case commerce.PaymentCaptured:
	default:
		return nil
	}
	key := "payment.refund/" + a.order.Ref.String() + "/" + hashOf(v.cause) + "/" + s.payment.Ref.ID
	if made, err := d.done(ctx, key); made || err != nil {
		return err
	}
	kept, err := s.amount.Sub(s.refunded())
	if err != nil || kept.Sign() <= 0 {
		return err
	}
	// Decided once, so that an unknown outcome is asked for again as it was.
	if kept, err = remember(ctx, d, "refund.amount/"+strings.TrimPrefix(key, "payment.refund/"), kept); err != nil {
		return err
	}
	_, err = stepOf(ctx, d, key, f.Refunds.GiveBack(mapping.RefundRequest{Key: key, Order: a.order, Payment: s.payment.Ref,
		Charge: s.payment.Charge, Amount: kept, Reason: "fraudulent"}))
	if !errors.Is(err, commerce.ErrConflict) {
		return err
	}
	x.Text = fmt.Sprintf("order %s may be fraud, and %s of %s could not be given back: %v", a.order.Number, kept, s.payment.Ref.ID, err)
	return d.exception(ctx, x)
}
