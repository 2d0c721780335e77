package workflow

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

// keyWeights is the key of the decision by which proportions the movements of a payment
// are shared out among its orders.
func keyWeights(p commerce.Payment) string { return "books.weights/" + p.Ref.String() }

// keyRefundOf is the key of the decision which order a refund was for, of several that
// its payment is for.
func keyRefundOf(p commerce.Payment, l reconcile.Line) string {
	return "books.refund/" + p.Ref.With(cmp.Or(l.Refund, l.ID)).String()
}

// weights returns what each of a payment's hints gets, in their order: the amounts that
// it names, else what the orders had to pay when somebody first asked. They stand for
// ever, so that the parts of a movement always add up to it.
func (d desk) weights(ctx context.Context, p commerce.Payment) ([]int64, error) {
	weights, err := recall[[]int64](ctx, d.steps, keyWeights(p))
	switch {
	case err == nil && len(weights) != len(p.Orders):
		return nil, refuse(commerce.KindNeedsDecision, "share out "+p.Ref.ID, "other_orders", "it was shared out among %d orders, and names %d now", len(weights), len(p.Orders))
	case !errors.Is(err, commerce.ErrNotFound):
		return weights, err
	case len(p.Orders) < 2:
		return []int64{1}, nil
	}
	weights = nil
	for _, h := range p.Orders {
		amount := h.Amount
		if !explicit(p) {
			ref, err := d.shop.Find(ctx, h)
			if err != nil {
				return nil, err
			}
			o, err := d.shop.Order(ctx, ref)
			if err != nil {
				return nil, err
			}
			if amount, err = o.Due(); err != nil {
				return nil, err
			}
		}
		weights = append(weights, amount.Minor())
	}
	return remember(ctx, d, keyWeights(p), weights)
}

// ordersOf returns the orders that a payment names, one for each hint, or the one that
// named it; none where nobody knows.
func (d desk) ordersOf(ctx context.Context, p commerce.Payment) ([]commerce.Ref, error) {
	if len(p.Orders) == 0 {
		order, err := recall[commerce.Ref](ctx, d.steps, keyNamed(p.Ref))
		if errors.Is(err, commerce.ErrNotFound) {
			return nil, nil
		}
		return []commerce.Ref{order}, err
	}
	var out []commerce.Ref
	for _, h := range p.Orders {
		ref, err := d.shop.Find(ctx, h)
		if errors.Is(err, commerce.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, ref)
	}
	return out, nil
}

// before returns the orders that edits replaced, one by the other, until they came to this
// one from what the payment names.
func (d desk) before(ctx context.Context, p commerce.Payment, order commerce.Ref) (out []commerce.Ref, err error) {
	named, err := d.ordersOf(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, ref := range named {
		var path []commerce.Ref
		for range maxReplacements {
			if ref == order {
				out = append(out, path...)
				break
			}
			path = append(path, ref)
			o, err := d.shop.Order(ctx, ref)
			if errors.Is(err, commerce.ErrNotFound) || err == nil && o.Replaced == "" {
				break
			}
			if err != nil {
				return nil, err
			}
			ref = ref.With(o.Replaced)
		}
	}
	return out, nil
}

// portion is what an order gets of a movement.
type portion struct {
	Amount  commerce.Money `json:"amount"`  // in the order's currency
	Settled commerce.Money `json:"settled"` // at the clearing account, before fees
	Date    commerce.Date  `json:"date"`
}

// presented is what a movement was for the buyer.
func presented(l reconcile.Line, o commerce.Order) (commerce.Money, error) {
	amount := cmp.Or(l.Presented, l.Amount)
	switch {
	case amount.Currency() != o.Currency:
		return amount, refuse(commerce.KindNeedsDecision, "book "+l.ID, "currency_mismatch", "the movement is of %s, and order %s is in %s", amount, o.Number, o.Currency)
	case amount.Sign() != l.Amount.Sign():
		return amount, refuse(commerce.KindInvalid, "book "+l.ID, "", "it is %s for the buyer and %s on the balance", amount, l.Amount)
	}
	return amount, nil
}

// portion returns what the order gets of a movement of one of its payments. Those of all
// orders of the payment add up to the movement.
func (d desk) portion(ctx context.Context, a account, p commerce.Payment, l reconcile.Line) (portion, error) {
	amount, err := presented(l, a.order)
	whole := portion{Amount: amount, Settled: l.Amount}
	if err == nil && len(p.Orders) < 2 {
		_, err = d.weights(ctx, p)
	}
	if err != nil || len(p.Orders) < 2 {
		return whole, err
	}
	none := portion{Amount: commerce.Zero(amount.Currency()), Settled: commerce.Zero(l.Amount.Currency())}
	var mine []bool
	for _, h := range p.Orders {
		ok := means(h, a.order)
		if !ok {
			if ok, err = d.inherits(ctx, p, h, a.order.Ref); err != nil {
				return none, err
			}
		}
		mine = append(mine, ok)
	}
	if !slices.Contains(mine, false) {
		return whole, nil
	}
	if givenBack(l) && amount.Abs() != p.Captured {
		at, err := recall[int](ctx, d.steps, keyRefundOf(p, l))
		if errors.Is(err, commerce.ErrNotFound) {
			return none, nil // its own event decides
		}
		if err != nil || !mine[at] {
			return none, err
		}
		return whole, nil
	}
	weights, err := d.weights(ctx, p)
	if err != nil {
		return none, err
	}
	amounts, err := amount.Allocate(weights...)
	if err != nil {
		return none, err
	}
	for i, m := range amounts {
		weights[i] = m.Abs().Minor() // who gets nothing of the one gets nothing of the other
	}
	settled, err := l.Amount.Allocate(weights...)
	if err != nil {
		return none, err
	}
	for i, ok := range mine {
		if !ok {
			continue
		}
		if none.Amount, err = none.Amount.Add(amounts[i]); err != nil {
			return none, err
		}
		if none.Settled, err = none.Settled.Add(settled[i]); err != nil {
			return none, err
		}
	}
	return none, nil
}

// refundOf decides which of a payment's orders a part was given back for: the one whose
// number the refund names, or that a person named.
func (b shopBooks) refundOf(ctx context.Context, d desk, e commerce.Event, p commerce.Payment) error {
	l, err := b.Balance.Movement(ctx, e.Ref.With(e.Object))
	if err != nil || !givenBack(l) {
		return err
	}
	if back := cmp.Or(l.Presented, l.Amount).Abs(); back == p.Captured {
		return nil // all of it
	}
	if decided, err := d.done(ctx, keyRefundOf(p, l)); decided || err != nil {
		return err
	}
	said := struct {
		Number string `json:"number"`
	}{l.Number}
	if err := e.Overlay.Apply("refund", &said); err != nil {
		return err
	}
	for i, h := range p.Orders {
		if said.Number == "" {
			break
		}
		ref, err := d.shop.Find(ctx, h)
		if err != nil {
			return err
		}
		o, err := d.shop.Order(ctx, ref)
		if err != nil {
			return err
		}
		if o.Number == said.Number {
			_, err := remember(ctx, d, keyRefundOf(p, l), i)
			return err
		}
	}
	return refuse(commerce.KindNeedsDecision, "share out "+l.ID, "refund_of_several",
		"%s of %s were given back, which was for %d orders; replay with refund.number", l.Amount, p.Ref.ID, len(p.Orders))
}
