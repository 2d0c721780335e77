package workflow

import (
	"context"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
)

// Shop is what the workflows want from a shop. mapping/magentoshop lends a Magento
// client these methods. Reads go to the primary. A write is an Effect: the adapter
// says how it is guarded, found and made; the workflow gives it a key.
type Shop interface {
	// System is the source of its events: "magento" for "magento order.changed".
	System() string
	// Origin names the shop: it is the ref of each of its orders, without the id. Shops of
	// one inbox have different ones.
	Origin() commerce.Ref
	// Find returns the order that a hint means: by entity id where it has one, else
	// by number and store. ErrNotFound; ErrAmbiguous where two stores have the number
	// and the hint names none.
	Find(ctx context.Context, hint commerce.OrderHint) (commerce.Ref, error)
	// Order reads an order with lines, taxes, tenders and what was recorded as paid.
	// ErrNotFound where it is gone. One that can not be said is of kind mapping; where
	// the order comes with that error it has its Ref, Number and Placed.
	Order(ctx context.Context, ref commerce.Ref) (commerce.Order, error)
	// RecordPayment makes the order paid in the shop's books without moving money
	// and leaves the payment's id on it. Class guarded.
	RecordPayment(o commerce.Order, p commerce.Payment) idempotency.Effect[commerce.Document]
	// Note leaves a remark on the order, once per key, for the merchant's eyes.
	Note(o commerce.Order, n mapping.Note) idempotency.Effect[commerce.Document]
	// Hold stops fulfilment of the order; Unhold lets it go on. Class guarded.
	Hold(o commerce.Order) idempotency.Effect[commerce.Document]
	Unhold(o commerce.Order) idempotency.Effect[commerce.Document]
	// Ship records goods on their way, with tracking. Class marked by the
	// shipment's ref. Line ids are matched by SKU and open quantity.
	Ship(o commerce.Order, s commerce.Shipment) idempotency.Effect[commerce.Document]
}

// Payments is what the workflows want from the payment processor.
type Payments interface {
	// Ref is the ref of a payment by an id that a shop wrote down: of its intent or charge.
	Ref(id string) commerce.Ref
	// Payment reads a payment by the id of its intent, its charge or its Checkout
	// session. Orders holds what its metadata says. PaymentPending is money on its
	// way; an intent that waits for the buyer is PaymentAction, or PaymentFailed where
	// its last attempt failed. ErrNotFound; also for a session that has no payment yet.
	Payment(ctx context.Context, ref commerce.Ref) (commerce.Payment, error)
	// Request opens a way to pay: one payment intent or Checkout session, whose
	// metadata carries r.Key as the operation id. Class keyed. One whose answer was
	// lost and that can not be asked for again any more may be found as closed, where
	// nobody can pay by it.
	Request(r mapping.PaymentRequest) idempotency.Effect[mapping.Open]
	// Opened reads what Request made, as it stands now.
	Opened(ctx context.Context, ref commerce.Ref) (mapping.Open, error)
	// Close ends an open request, so that nobody can pay by it any more. A request
	// that was paid meanwhile is of kind conflict. Class guarded.
	Close(ref commerce.Ref) idempotency.Effect[commerce.Document]
}

// ERP is what the workflows want from an ERP. mapping/erpbooks lends any erp
// adapter these methods.
type ERP interface {
	// Route says whose books the order and its payments go into, before any write.
	// Errors: mapping.Routes.For.
	Route(o commerce.Order, payments []commerce.Payment) (mapping.Route, error)
	// SalesOrder writes the order as one sales order, lines, taxes, discounts,
	// shipping and payment details, under Reference(o), and compares totals before
	// it is left. A payment's Captured is what it gives this order. A product, tax or
	// address that can not be said is of kind mapping. Class marked.
	SalesOrder(r mapping.Route, o commerce.Order, payments []commerce.Payment) idempotency.Effect[commerce.Document]
	// Confirm confirms a sales order; a confirmed one stays as it is.
	Confirm(r mapping.Route, doc commerce.Document) idempotency.Effect[commerce.Document]
	// SalesOrders returns every sales order under the reference of o, so that a
	// sweep can see doubles. A document's State is "draft", "confirmed", "done" or
	// "cancelled".
	SalesOrders(ctx context.Context, r mapping.Route, o commerce.Ref) ([]commerce.Document, error)
	// Cancel cancels what counts under the reference of o, drafts and confirmed ones,
	// with what the warehouse was asked and has not packed; none is no error. Once goods
	// are packed or sent, or an invoice is posted, nothing is done and the error is of
	// kind conflict. Class guarded.
	Cancel(r mapping.Route, o commerce.Ref) idempotency.Effect[commerce.Document]
	// Withdraw deletes a sales order that is a draft; anything else is of kind conflict.
	Withdraw(r mapping.Route, doc commerce.Document) idempotency.Effect[commerce.Document]
}

// Warehouse is what the workflows want from whoever ships.
type Warehouse interface {
	// System is the source of its events: "tryton" for "tryton shipment.sent".
	System() string
	// Request asks to ship a confirmed sales order. A refusal is of kind
	// needs_decision with code "refused", missing stock one with code "backorder".
	Request(r mapping.Route, o commerce.Order, salesOrder commerce.Document) idempotency.Effect[commerce.Document]
	// Shipment reads a shipment; Key is the ref text of the shop's order.
	Shipment(ctx context.Context, ref commerce.Ref) (commerce.Shipment, error)
}

// Notifier tells a customer something. Sending is blind: it can neither be looked
// up nor taken back. workflow/smtpnotify sends mail.
type Notifier interface {
	Notify(ctx context.Context, m Message) error
}

// Message is what a customer is told.
type Message struct {
	Kind  MessageKind
	Order commerce.Order
	Due   commerce.Money
	URL   string // where to pay; empty = none
	// Return is what messages about goods that come back are of.
	Return commerce.Return
}

// MessageKind says what a message is about.
type MessageKind string

const (
	MessagePaymentFailed   MessageKind = "payment_failed"
	MessagePaymentReturned MessageKind = "payment_returned"
)

// Alerter hears of named exceptions: things a person has to look at.
type Alerter interface {
	Exception(ctx context.Context, x Exception)
}

// Exception is a named exception of an order, a payment or the processor's balance.
type Exception struct {
	Name    string // "overpaid", "canceled_order", "double_sales_order" …
	Order   commerce.Ref
	Payment commerce.Ref
	// Shipment is set where goods that went out are the matter.
	Shipment commerce.Ref
	// Balance is set where a movement, a day or a payout of the processor's balance is.
	Balance commerce.Ref
	// Mark tells two of one name, order and payment apart: an edit of the order makes
	// another matter of it.
	Mark string
	Text string // what happened, both figures where amounts differ, and what to do
}

// Links joins what a payment is about to its order, for ever. Inside a handler the
// order's lease comes with it.
type Links interface {
	// Link joins the subject of the event at hand to root and takes root's lease;
	// kind parked where somebody else has it.
	Link(ctx context.Context, root commerce.Ref) error
	// Subjects returns all that is linked to root.
	Subjects(ctx context.Context, root commerce.Ref) ([]commerce.Ref, error)
}
