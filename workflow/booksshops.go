package workflow

import (
	"context"
	"errors"
	"time"

	"github.com/commercesync/commerce"
)

// shopBooks are the books of one shop's orders.
type shopBooks struct {
	*Books
	orders *OrderToCash
}

func (b *Books) shop(i int) shopBooks { return shopBooks{b, b.Shops[i]} }

// desk is that of OrderToCash, but nothing of the balance is none of our business.
func (b shopBooks) desk() desk {
	d := b.orders.desk()
	d.ignoreUnlinked, d.startAt = false, time.Time{}
	return d
}

// owner returns the books of the shop whose order it is.
func (b *Books) owner(order commerce.Ref) (shopBooks, bool) {
	for i, o := range b.Shops {
		if owns(o.Shop, order) {
			return b.shop(i), true
		}
	}
	return b.shop(0), false
}

// shopOf returns the books of the shop that news of a payment is for: of the order that it
// names, or that its payment is linked to, or else as of the payment.
func (b *Books) shopOf(ctx context.Context, e commerce.Event) (shopBooks, error) {
	payment, order, err := paymentOf(e.SubjectRef())
	if err != nil || len(b.Shops) == 1 {
		return b.shop(0), err
	}
	if linked, ok := linkedTo(ctx, e); ok && order.IsZero() {
		order = linked
	}
	if !order.IsZero() {
		s, _ := b.owner(order)
		return s, nil
	}
	return b.shopOfPayment(ctx, e, payment)
}

// shopOfPayment returns the books of the shop that has the order which a payment names, or
// that names the payment. Where none has it yet it is the one whose words the payment has,
// and the first says of nobody's money that it is.
func (b *Books) shopOfPayment(ctx context.Context, e commerce.Event, payment commerce.Ref) (shopBooks, error) {
	best := b.shop(0)
	if len(b.Shops) == 1 {
		return best, nil
	}
	for i := len(b.Shops) - 1; i >= 0; i-- {
		s := b.shop(i)
		d := s.desk()
		p, err := d.read(ctx, e, payment, true)
		if errors.Is(err, commerce.ErrNotFound) {
			continue
		}
		if err != nil {
			return best, err
		}
		orders, err := d.ordersOf(ctx, p)
		switch {
		case err != nil && !commerce.KindOf(err).Permanent():
			return best, err
		case err == nil && len(orders) > 0 && owns(s.orders.Shop, orders[0]):
			return s, nil
		case len(p.Orders) > 0:
			best = s
		}
	}
	return best, nil
}
