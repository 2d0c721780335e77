package workflow

import (
	"context"
	"errors"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
)

// keyTaken is the key of the decision that an order is taken up, by Take or by a
// person. It counts whatever Take and StartAt say.
func keyTaken(order commerce.Ref) string { return "order.taken/" + order.String() }

// takes reports whether the order is to be taken up. Until it is, nothing may be
// written for it.
func (w *OrderToCash) takes(ctx context.Context, d desk, a account) (bool, error) {
	if !w.asks(a) {
		return true, nil
	}
	if taken, err := d.done(ctx, keyTaken(a.order.Ref)); taken || err != nil {
		return taken, err
	}
	// What was taken up before there was a rule is led to its end.
	rec, err := d.steps.Get(ctx, keySalesOrder(a.order.Ref))
	switch {
	case err == nil && rec.State != idempotency.NotSent:
		return true, nil
	case err != nil && !errors.Is(err, commerce.ErrNotFound):
		return false, err
	}
	take := w.Take
	if take == nil {
		take = takeCovered
	}
	ok, err := take(ctx, commerce.Facts{Order: a.order, Payments: a.all})
	if err != nil {
		e := refuse(commerce.KindOf(err), "take up order "+a.order.Ref.ID, "", "Take")
		e.RetryAfter, e.Err = commerce.RetryAfter(err), err
		return false, e
	}
	if !ok {
		d.log.InfoContext(ctx, "order is not taken up", "order", a.order.Ref.ID)
	}
	return ok, nil
}

// asks reports whether it is a question at all that the order is taken up.
func (w *OrderToCash) asks(a account) bool { return w.Take != nil || a.due.Sign() <= 0 }

// taken remembers the decision, as Take may say otherwise once the first step is done.
func (w *OrderToCash) taken(ctx context.Context, d desk, a account) error {
	if !w.asks(a) {
		return nil
	}
	_, err := d.step(ctx, keyTaken(a.order.Ref), idempotency.Effect[commerce.Document]{
		Class: idempotency.Keyed, // a decision of ours
		Act: func(context.Context) (commerce.Document, error) {
			return commerce.Document{Ref: a.order.Ref, Number: a.order.Number}, nil
		},
	})
	return err
}

// takeCovered takes orders without money of the processor that nobody has to be asked
// for: free, or covered by gift cards, credit and points. Who pays offline is trusted by
// a rule of the merchant's only.
func takeCovered(_ context.Context, f commerce.Facts) (bool, error) {
	for _, t := range f.Order.Tenders {
		if t.Kind == commerce.TenderOffline && t.Amount.Sign() > 0 {
			return false, nil
		}
	}
	return true, nil
}

// old reports whether the order is from before the start and was not taken up by a
// person.
func (d desk) old(ctx context.Context, o commerce.Order) (bool, error) {
	if d.startAt.IsZero() || o.Placed.IsZero() || !o.Placed.Before(d.startAt) {
		return false, nil
	}
	taken, err := d.done(ctx, keyTaken(o.Ref))
	return !taken && err == nil, err
}

// allOld reports whether all of the orders are from before the start.
func (d desk) allOld(ctx context.Context, orders []commerce.Ref) (bool, error) {
	if d.startAt.IsZero() {
		return false, nil
	}
	for _, ref := range orders {
		o, err := d.shop.Order(ctx, ref)
		if err != nil && commerce.KindOf(err) != commerce.KindMapping {
			return false, err
		}
		if old, err := d.old(ctx, o); !old || err != nil {
			return false, err
		}
	}
	return true, nil
}
