package workflow

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
)

// PaymentFailed handles payments that did not come about. It waits for Grace, since
// a buyer whose card is declined often pays a minute later, reads the truth, and
// does nothing where the order is paid, authorised or waits for a bank by then.
// Else the order shows it, and the customer is told: once for each payment intent,
// however often it was tried.
type PaymentFailed struct {
	Shop     Shop              // required
	Payments Payments          // required
	Steps    idempotency.Store // required
	Links    Links             // required
	// Notifier tells the customer. Nil: only the order shows it.
	Notifier Notifier
	Alerter  Alerter // hears of customers who could not be told
	// Collect makes the link in the message by which the customer tries again. Nil: no link.
	Collect *Collect

	// Grace is how long after the failure, or after news of it that came late, the
	// truth is looked at.
	//
	// Defaults to 10 minutes.
	Grace time.Duration
	// StartAt: failures of older orders, by their Placed, are nobody's business; see
	// OrderToCash.StartAt. Zero: there are none.
	StartAt time.Time
	// IgnoreUnlinked: payments that name no order are none of our business. The
	// default buries them with code "no_order".
	IgnoreUnlinked bool

	Now    func() time.Time // defaults to time.Now
	Logger *slog.Logger     // nil = silent
}

// Check reports the first setting that can not work, as an error of kind invalid
// that names the field.
func (w *PaymentFailed) Check() error {
	return check("PaymentFailed", []field{{"Shop", w.Shop == nil}, {"Payments", w.Payments == nil},
		{"Steps", w.Steps == nil}, {"Links", w.Links == nil}}, []duration{{"Grace", w.Grace}}, w.Collect)
}

// kindOrderPaymentFailed is the type of the internal event for a failed payment
// that was for several orders.
const kindOrderPaymentFailed = "order.payment_failed"

var paymentFailedTypes = []string{
	"charge.failed", "payment_intent.payment_failed", "payment_intent.canceled",
	"checkout.session.expired", "checkout.session.async_payment_failed",
}

// Handlers returns what an inbox is to call for which events.
func (w *PaymentFailed) Handlers() inbox.Handlers {
	hs, name := inbox.Handlers{}, "payment-failed"
	if w.Shop != nil {
		name = nameOf(name, w.Shop.Origin().Account)
	}
	h := inbox.Handler{Name: name, Handle: w.failed}
	for _, t := range paymentFailedTypes {
		hs[processor+" "+t] = []inbox.Handler{h}
	}
	hs[internal+" "+kindOrderPaymentFailed] = []inbox.Handler{h}
	return hs
}

func (w *PaymentFailed) failed(ctx context.Context, e commerce.Event) error {
	if err := w.Check(); err != nil {
		return misconfigured(err)
	}
	d := desk{shop: w.Shop, payments: w.Payments, links: w.Links, steps: w.Steps, notifier: w.Notifier,
		alerter: w.Alerter, collect: w.Collect, ignoreUnlinked: w.IgnoreUnlinked, startAt: w.StartAt, grace: w.Grace,
		now: w.Now, log: w.Logger}.complete()
	if left := d.graceLeft(ctx, e); left > 0 {
		return park("handle failure of "+e.Subject, left, "bad news waits")
	}
	return d.work(ctx, e, kindOrderPaymentFailed, func(ctx context.Context, a account) error {
		return w.act(ctx, d, a)
	})
}

func (w *PaymentFailed) act(ctx context.Context, d desk, a account) error {
	switch a.state {
	case commerce.Unpaid, commerce.PartlyPaid:
	default:
		return nil // things are better by now, or worse and told by OrderToCash
	}
	switch a.own.Status {
	case commerce.PaymentFailed:
	case commerce.PaymentCanceled:
		if len(requests(a.own, a.order.Ref)) > 0 {
			return nil // a way to pay that Collect closed, or that nobody took
		}
	default:
		return nil // it is being tried again
	}
	switch a.order.State {
	case commerce.OrderPending, commerce.OrderProcessing, commerce.OrderComplete, commerce.OrderOnHold:
	default:
		return nil // nobody waits for the money
	}
	left, err := a.left()
	if err != nil || left.IsZero() || len(a.undecided) > 0 {
		return err // the rest is on its way, or a person decides about money that is here
	}
	id, why := a.own.Ref.ID, ""
	if f := a.own.Failure; f != nil {
		for _, code := range []string{f.Code, f.DeclineCode} {
			if code != "" {
				why += " " + code
			}
		}
	}
	if err := d.note(ctx, a.order, "failed "+id,
		fmt.Sprintf("Payment %s %s:%s; %s still to be paid.", id, a.own.Status, orNoReason(why), left)); err != nil {
		return err
	}
	return d.tell(ctx, a, MessagePaymentFailed, a.own.Ref)
}

func orNoReason(why string) string {
	if why == "" {
		return " no reason given"
	}
	return why
}
