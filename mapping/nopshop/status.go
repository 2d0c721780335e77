package nopshop

import (
	"fmt"
	"maps"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/nopcommerce"
)

// Words translates one status column of the shop, whose numbers mean other things in
// each column.
type Words[N ~int, W ~string] map[N]W

// Of returns the word of a number; ok is false for a number that is not in the table.
func (t Words[N, W]) Of(n N) (word W, ok bool) {
	word, ok = t[n]
	return word, ok
}

// Numbers is the way back: the numbers that mean one of the words, ascending, as a
// search of the shop takes them.
func (t Words[N, W]) Numbers(words ...W) []N {
	var out []N
	for n, w := range t {
		if slices.Contains(words, w) {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

// ShippingState is how much of an order has left the shop.
type ShippingState string

const (
	// ShipNothing: the order has no goods to ship.
	ShipNothing ShippingState = "nothing_to_ship"
	// ShipOpen: nothing has left.
	ShipOpen ShippingState = "open"
	// ShipPartly: a part has left.
	ShipPartly ShippingState = "partly_shipped"
	// ShipDone: all has left.
	ShipDone ShippingState = "shipped"
	// ShipDelivered: all has arrived.
	ShipDelivered ShippingState = "delivered"
)

// Statuses are the tables of the three status columns. A number that is in none is a
// plugin's, and makes the order commerce.OrderUnknown: hands off.
type Statuses struct {
	Orders   Words[nopcommerce.OrderStatus, commerce.OrderState]
	Payments Words[nopcommerce.PaymentStatus, commerce.PaymentStatus]
	Shipping Words[nopcommerce.ShippingStatus, ShippingState]
}

// DefaultStatuses returns the tables of the shop's core (4.40 to 4.90), which the caller
// may change. The shop has no failed payment: a declined one is pending there. Returned
// is what was refunded as a whole, canceled an authorisation that was released.
func DefaultStatuses() Statuses {
	return Statuses{
		Orders: Words[nopcommerce.OrderStatus, commerce.OrderState]{
			nopcommerce.OrderPending:    commerce.OrderPending,
			nopcommerce.OrderProcessing: commerce.OrderProcessing,
			nopcommerce.OrderComplete:   commerce.OrderComplete,
			nopcommerce.OrderCancelled:  commerce.OrderCanceled,
		},
		Payments: Words[nopcommerce.PaymentStatus, commerce.PaymentStatus]{
			nopcommerce.PaymentPending:           commerce.PaymentPending,
			nopcommerce.PaymentAuthorized:        commerce.PaymentAuthorised,
			nopcommerce.PaymentPaid:              commerce.PaymentCaptured,
			nopcommerce.PaymentPartiallyRefunded: commerce.PaymentCaptured,
			nopcommerce.PaymentRefunded:          commerce.PaymentReturned,
			nopcommerce.PaymentVoided:            commerce.PaymentCanceled,
		},
		Shipping: Words[nopcommerce.ShippingStatus, ShippingState]{
			nopcommerce.ShippingNotRequired: ShipNothing,
			nopcommerce.NotYetShipped:       ShipOpen,
			nopcommerce.PartiallyShipped:    ShipPartly,
			nopcommerce.Shipped:             ShipDone,
			nopcommerce.Delivered:           ShipDelivered,
		},
	}
}

// withDefaults copies the tables, so that nobody changes them later.
func (s Statuses) withDefaults() Statuses {
	d := DefaultStatuses()
	if s.Orders != nil {
		d.Orders = maps.Clone(s.Orders)
	}
	if s.Payments != nil {
		d.Payments = maps.Clone(s.Payments)
	}
	if s.Shipping != nil {
		d.Shipping = maps.Clone(s.Shipping)
	}
	return d
}

// check names the first row that says a word which is none.
func (s Statuses) check() error {
	for n, w := range s.Orders {
		switch w {
		case commerce.OrderPending, commerce.OrderReview, commerce.OrderProcessing, commerce.OrderComplete,
			commerce.OrderClosed, commerce.OrderCanceled, commerce.OrderOnHold, commerce.OrderUnknown:
		default:
			return fmt.Errorf("Orders[%d] is %q, which is no state of an order", int(n), w)
		}
	}
	for n, w := range s.Payments {
		if w.Rank() == 0 {
			return fmt.Errorf("Payments[%d] is %q, which is no status of a payment", int(n), w)
		}
	}
	for n, w := range s.Shipping {
		switch w {
		case ShipNothing, ShipOpen, ShipPartly, ShipDone, ShipDelivered:
		default:
			return fmt.Errorf("Shipping[%d] is %q, which is no ShippingState", int(n), w)
		}
	}
	return nil
}

// of returns the state of an order from its three columns and from whether we hold it.
// A deleted order is canceled: the shop has given its stock back and shows it to nobody.
func (s Statuses) of(o nopcommerce.Order, held bool) commerce.OrderState {
	state, known := s.Orders.Of(o.Status)
	paid, paidKnown := s.Payments.Of(o.PaymentStatus)
	_, shippedKnown := s.Shipping.Of(o.ShippingStatus)
	switch {
	case o.Deleted:
		return commerce.OrderCanceled
	case !known || !paidKnown || !shippedKnown:
		return commerce.OrderUnknown
	case state == commerce.OrderCanceled:
		return state
	case paid == commerce.PaymentReturned:
		return commerce.OrderClosed
	case held && (state == commerce.OrderPending || state == commerce.OrderProcessing):
		return commerce.OrderOnHold
	}
	return state
}

// paid reports whether the shop's books say that money is or was here.
func (s Statuses) paid(o nopcommerce.Order) bool {
	w, _ := s.Payments.Of(o.PaymentStatus)
	return w == commerce.PaymentCaptured || w == commerce.PaymentReturned
}
