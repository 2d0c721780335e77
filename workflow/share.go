package workflow

import (
	"context"
	"errors"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
)

// means reports whether a hint is about the order.
func means(h commerce.OrderHint, o commerce.Order) bool {
	if h.ID != "" {
		return o.Ref.ID == "order/"+h.ID
	}
	return h.Number == o.Number && (h.Store == "" || h.Store == o.Store)
}

// explicit reports whether the payment names what an order gets.
func explicit(p commerce.Payment) bool {
	for _, h := range p.Orders {
		if h.Amount != (commerce.Money{}) {
			return true
		}
	}
	return false
}

// shareOf says how much of a payment is for the order, or why that can not be
// said. What is not the order's due is never made to fit.
func (d desk) shareOf(ctx context.Context, p commerce.Payment, o commerce.Order, due commerce.Money) (share, error) {
	op := "allocate " + p.Ref.ID + " to " + o.Ref.ID
	none := share{p, commerce.Zero(due.Currency())}
	if p.Ref.Mode != o.Ref.Mode {
		return none, otherMode(op, p.Ref, o.Ref)
	}
	switch p.Status {
	case commerce.PaymentFailed, commerce.PaymentCanceled, commerce.PaymentAction:
		return none, nil // no money, and none on its way
	}
	if p.Amount.Currency() != due.Currency() {
		return none, currencyMismatch(p, o.Ref, due)
	}
	asked, mine := p.Amount, 0
	if explicit(p) {
		if err := addsUp(op, p); err != nil {
			return none, err
		}
		asked = commerce.Zero(due.Currency())
	}
	for _, h := range p.Orders {
		if len(p.Orders) > 1 && !means(h, o) { // of one hint the shop has said already which order it means
			if ok, err := d.inherits(ctx, p, h, o.Ref); !ok || err != nil {
				if err != nil {
					return none, err
				}
				continue
			}
		}
		mine++
		if explicit(p) {
			var err error
			if asked, err = asked.Add(h.Amount); err != nil {
				return none, err
			}
		}
	}
	whole := mine == len(p.Orders) // the payment is for this order alone
	switch {
	case mine == 0 && !whole:
		return none, refuse(commerce.KindNeedsDecision, op, "other_orders", "the payment names %d orders, none of them this one", len(p.Orders))
	case explicit(p):
	case !whole:
		var ok bool
		var err error
		if asked, ok, err = d.decided(ctx, p, o); err != nil {
			return none, err
		}
		if !ok {
			asked = due // split compared the sum
		}
	case asked != due:
		ok, err := d.fits(ctx, p, o, due)
		if err != nil {
			return none, err
		}
		if !ok {
			return none, amountMismatch(p, o.Ref, due)
		}
	}
	has, err := p.Amount, error(nil)
	switch p.Status {
	case commerce.PaymentCaptured:
		has = p.Captured
	case commerce.PaymentAuthorised:
		has = p.Authorised
	case commerce.PaymentReturned:
		if p.Captured.Sign() > 0 {
			has = p.Captured
		}
	}
	switch {
	case has.Currency() != due.Currency():
		err = currencyMismatch(p, o.Ref, due)
	case whole:
		asked = has
	case has != p.Amount:
		err = refuse(commerce.KindNeedsDecision, op, "partial_capture",
			"%s of %s were taken for several orders; say what each gets", has, p.Amount)
	}
	return share{p, asked}, err
}

// fits reports whether a payment of another amount than the order's due is for it all
// the same: what was captured of it is the due, we asked for that amount, it was the
// due when the order was taken up, or it paid for the order that this one replaces. What is too much or too little then
// shows in the payment state.
func (d desk) fits(ctx context.Context, p commerce.Payment, o commerce.Order, due commerce.Money) (bool, error) {
	if p.Status == commerce.PaymentCaptured && p.Captured == due {
		return true, nil
	}
	if ok, err := d.requested(ctx, p, o.Ref); ok || err != nil {
		return ok, err
	}
	if _, ok, err := d.decided(ctx, p, o); ok || err != nil {
		return ok, err
	}
	hints := p.Orders
	if len(hints) == 0 { // the shop alone said whose it is
		first, err := recall[commerce.Ref](ctx, d.steps, keyNamed(p.Ref))
		if errors.Is(err, commerce.ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		hints = []commerce.OrderHint{{ID: shopID(first)}}
	}
	for _, h := range hints {
		if ok, err := d.inherits(ctx, p, h, o.Ref); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// maxReplacements bounds how many edits in a row are followed.
const maxReplacements = 20

// inherits reports whether an edit at the shop put the order in the place of the one
// that the hint means. Where the payment is for several orders it has to name what
// each gets.
func (d desk) inherits(ctx context.Context, p commerce.Payment, h commerce.OrderHint, order commerce.Ref) (bool, error) {
	if len(p.Orders) > 1 && !explicit(p) {
		return false, nil
	}
	ref, err := d.shop.Find(ctx, h)
	for range maxReplacements {
		var o commerce.Order
		if err == nil {
			o, err = d.shop.Order(ctx, ref)
		}
		switch {
		case errors.Is(err, commerce.ErrNotFound), err == nil && o.Replaced == "":
			return false, nil
		case err != nil:
			return false, err
		}
		if ref = ref.With(o.Replaced); ref == order {
			return true, nil
		}
	}
	return false, nil
}

// addsUp compares the named amounts with the payment.
func addsUp(op string, p commerce.Payment) error {
	total := commerce.Zero(p.Amount.Currency())
	for _, h := range p.Orders {
		if h.Amount.Currency() != p.Amount.Currency() {
			if h.Amount == (commerce.Money{}) {
				return refuse(commerce.KindNeedsDecision, op, "amount_mismatch", "the payment of %s names an amount for some of its orders only", p.Amount)
			}
			return currencyMismatch(p, commerce.Ref{}, h.Amount)
		}
		var err error
		if total, err = total.Add(h.Amount); err != nil {
			return err
		}
	}
	if total != p.Amount {
		return amountMismatch(p, commerce.Ref{}, total)
	}
	return nil
}

// amountMismatch and currencyMismatch carry a *mapping.DifferenceError with both
// figures. The order is empty where several were summed up.
func amountMismatch(p commerce.Payment, order commerce.Ref, due commerce.Money) error {
	return mismatch("amount_mismatch", p, order, due)
}

func currencyMismatch(p commerce.Payment, order commerce.Ref, due commerce.Money) error {
	return mismatch("currency_mismatch", p, order, due)
}

func mismatch(code string, p commerce.Payment, order commerce.Ref, due commerce.Money) error {
	e := refuse(commerce.KindNeedsDecision, "allocate "+p.Ref.ID, code, "nothing was posted")
	e.Err = &mapping.DifferenceError{Order: order, Payment: p.Ref, Due: due, Paid: p.Amount}
	return e
}
