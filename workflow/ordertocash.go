package workflow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
)

// Actor says who does the payment steps at the shop: its own payment plugin, or us.
type Actor string

const (
	// Us: the payment is recorded at the shop as soon as it is money.
	Us Actor = "us"
	// Plugin: the shop's own plugin is given time first, and only what it left
	// undone is done.
	Plugin Actor = "plugin"
)

// OrderToCash turns money that the processor collected into a paid order at the
// shop, one confirmed sales order in the ERP and a request to the warehouse, and
// brings shipments back to the shop. With the shop's own news it does the same for
// orders that need no such money, and for money whose news was lost.
//
// It is a value of settings: fill in the ports, [OrderToCash.Check] it, and give
// [OrderToCash.Handlers] to an inbox. It keeps no state of its own: every step is
// remembered in Steps, so that it may be interrupted anywhere and run anywhere.
type OrderToCash struct {
	Shop     Shop     // required
	Payments Payments // required
	Books    ERP      // required
	// Warehouse is asked to ship what is paid. Nil: nobody is asked, and no shipment
	// comes back.
	Warehouse Warehouse
	// Steps remembers what was done, for ever. Required; sqlstore keeps one.
	Steps idempotency.Store
	// Links joins payments and shipments to orders. Required; an inbox lends one.
	Links Links
	// Notifier tells the customer of a payment that was taken back. Nil: nobody is told.
	Notifier Notifier
	// Alerter hears of named exceptions. They are in the log and in Steps as well.
	Alerter Alerter
	// Collect is closed when an order is paid by other means. Nil: nothing was opened.
	Collect *Collect

	// Take says which orders are taken up. It is asked as long as nothing was written for
	// an order that is paid, or on its way to be; from its first yes on the order goes its
	// way whatever Take would say. No: nothing is written and nobody is told, the event is
	// done, and the next news of the order or of its payments asks again. An error is the
	// event's: its kind says whether it is tried again. The facts are Order and Payments; a
	// rule that judges more is a func around it that fetches them.
	//
	// Money shows in Payments first: an order whose payment is to be recorded here is not
	// shown as paid by the shop before it is taken up.
	//
	// Nil: all that are paid by the processor, and of those that need no money of it the
	// free ones and those covered by gift cards, credit and points; none that are to be
	// paid offline (cash on delivery, bank transfer, on account).
	Take func(context.Context, commerce.Facts) (bool, error)
	// Clear is asked before an order that is paid or authorised goes on to the ERP and the
	// warehouse, with each news of it until it has. No: nothing is written, and whoever said
	// so brings news of the order once it may go on. An error is the event's. [Fraud.Clear]
	// is one. The facts are Order and Payments.
	//
	// Nil: yes.
	Clear func(context.Context, commerce.Facts) (bool, error)
	// ShipAuthorised takes an order up as soon as its money is reserved: sales order and
	// goods do not wait for it to be taken, which [Captures] does as goods leave.
	ShipAuthorised bool
	// StartAt: orders that were placed before are only read for matching. Their payments
	// are linked, and every event of theirs is done with a line in the log: no document,
	// note, mail, hold, shipment or exception. Give PaymentFailed and Collect the same.
	//
	// Zero: there are none.
	StartAt time.Time
	// Unfound is how long after news of the shop, and after its arrival where that was
	// late, an order that the shop takes for paid may be without money at the processor
	// before it is an exception. The inbox's MaxAge has to be longer.
	//
	// Defaults to 24 hours.
	Unfound time.Duration

	// Acts says who acts at the shop for a payment method ("stripe_payments").
	//
	// Nil: Us, for all.
	Acts func(method string) Actor
	// PluginWait is how long after a payment's event the shop's plugin is given.
	//
	// Defaults to 2 minutes.
	PluginWait time.Duration
	// Grace is how long after the event, and after its arrival where that was late, a
	// conclusion waits that can not be taken back: that an order does not exist, that a
	// customer is told bad news.
	//
	// Defaults to 10 minutes.
	Grace time.Duration
	// Recheck is how long an order is left alone that somebody else is working on:
	// on hold, in review, in a state of a plugin.
	//
	// Defaults to 15 minutes.
	Recheck time.Duration
	// IgnoreUnlinked: payments and shipments that name no order are none of our
	// business (the account also serves others, people write sales of their own). The
	// default buries them with code "no_order". Of several shops in one inbox it is for all
	// but the last: what is linked to an order of another shop is left to that one.
	IgnoreUnlinked bool

	Now    func() time.Time // defaults to time.Now
	Logger *slog.Logger     // nil = silent
}

// Check reports the first setting that can not work, as an error of kind invalid
// that names the field.
func (w *OrderToCash) Check() error {
	return check("OrderToCash", []field{
		{"Shop", w.Shop == nil}, {"Payments", w.Payments == nil}, {"Books", w.Books == nil},
		{"Steps", w.Steps == nil}, {"Links", w.Links == nil},
	}, []duration{{"PluginWait", w.PluginWait}, {"Grace", w.Grace}, {"Recheck", w.Recheck}, {"Unfound", w.Unfound}}, w.Collect)
}

type field struct {
	name    string
	missing bool
}

type duration struct {
	name string
	d    time.Duration
}

func check(of string, required []field, durations []duration, collect *Collect) error {
	for _, f := range required {
		if f.missing {
			return refuse(commerce.KindInvalid, "check "+of, "", "%s is missing", f.name)
		}
	}
	for _, f := range durations {
		if f.d < 0 {
			return refuse(commerce.KindInvalid, "check "+of, "", "%s is %s, below nought", f.name, f.d)
		}
	}
	if collect != nil {
		return collect.Check()
	}
	return nil
}

// kindOrderPayment is the type of the internal event for one payment that is for
// several orders.
const kindOrderPayment = "order.payment"

// orderToCashTypes are the processor's events after which an order can stand
// otherwise. A failure is among them because it may be of the very charge that paid.
var orderToCashTypes = []string{
	"charge.pending", "charge.succeeded", "charge.captured", "charge.updated",
	"charge.failed", "charge.expired", "charge.refunded",
	"payment_intent.processing", "payment_intent.amount_capturable_updated", "payment_intent.succeeded",
	"checkout.session.completed", "checkout.session.async_payment_succeeded",
}

// Handlers returns what an inbox is to call for which events.
func (w *OrderToCash) Handlers() inbox.Handlers {
	hs, name := inbox.Handlers{}, "order-to-cash"
	if w.Shop != nil {
		name = nameOf(name, w.Shop.Origin().Account)
	}
	on := func(kind string, handle func(context.Context, commerce.Event) error) {
		hs[kind] = []inbox.Handler{{Name: name, Handle: func(ctx context.Context, e commerce.Event) error {
			if err := w.Check(); err != nil {
				return misconfigured(err)
			}
			return handle(ctx, e)
		}}}
	}
	for _, t := range orderToCashTypes {
		on(processor+" "+t, w.payment)
	}
	on(internal+" "+kindOrderPayment, w.payment)
	if w.Shop != nil {
		on(w.Shop.System()+" "+orderChanged, w.news)
		on(w.Shop.System()+" "+orderDeleted, w.news)
	}
	if w.Warehouse != nil {
		on(w.Warehouse.System()+" shipment.sent", w.shipment)
	}
	return hs
}

// misconfigured keeps a fault of the program from burying events at once.
func misconfigured(err error) error {
	return &commerce.Error{Kind: commerce.KindInternal, System: system, Op: "start", Outcome: commerce.NotSent, Err: err}
}

func (w *OrderToCash) desk() desk {
	return desk{shop: w.Shop, payments: w.Payments, links: w.Links, steps: w.Steps, notifier: w.Notifier,
		alerter: w.Alerter, collect: w.Collect, ignoreUnlinked: w.IgnoreUnlinked, startAt: w.StartAt, grace: w.Grace,
		now: w.Now, log: w.Logger}.complete()
}

// payment handles news of a payment: find the order, read the truth, act on it.
func (w *OrderToCash) payment(ctx context.Context, e commerce.Event) error {
	d := w.desk()
	return d.work(ctx, e, kindOrderPayment, func(ctx context.Context, a account) error {
		return w.act(ctx, d, e, a)
	})
}

// act does what the state of the payments asks for. Every way through it ends in
// the same place however often and in whatever order it is gone.
func (w *OrderToCash) act(ctx context.Context, d desk, e commerce.Event, a account) error {
	if a.state == commerce.Unpaid {
		return w.unpaid(ctx, d, e, a)
	}
	switch ok, err := w.takes(ctx, d, a); {
	case err != nil:
		return err
	case !ok && ended(a.order) && a.order.Replaced != "":
		return w.handOver(ctx, d, e, a) // whether that one is taken up is another question
	case !ok:
		return nil
	}
	route, err := w.Books.Route(a.order, a.every())
	if err != nil {
		return err // before any write
	}
	if a.state == commerce.ReturnedPayment {
		if err := w.alarm(ctx, d, a); err != nil {
			return err
		}
	}
	finished, err := d.done(ctx, w.lastStep(a))
	if err != nil {
		return err
	}
	finished = finished && !a.generation.ending
	if len(a.captured()) > 1 {
		if err := d.decideFirst(ctx, &a); err != nil {
			return err
		}
	}
	if stop, err := w.standing(ctx, d, e, a, route, finished); stop || err != nil {
		return err
	}
	left, err := a.left()
	if err != nil {
		return err
	}
	if left.IsZero() && w.Collect != nil {
		// First, so that nobody pays twice meanwhile; but what is paid waits for nothing.
		if notClosed := w.Collect.Close(ctx, a.order.Ref); notClosed != nil {
			return errors.Join(w.follow(ctx, d, e, a, route, finished), notClosed)
		}
	}
	return w.follow(ctx, d, e, a, route, finished)
}

// follow takes the steps that the payment state asks for.
func (w *OrderToCash) follow(ctx context.Context, d desk, e commerce.Event, a account, route mapping.Route, finished bool) (err error) {
	switch a.state {
	case commerce.Paid, commerce.Overpaid:
		// First, as the rest may wait for days, or for a person.
		if err := w.overpaid(ctx, d, a); err != nil {
			return err
		}
		if !finished && !ended(a.order) {
			if ok, err := w.clears(ctx, d, &a); !ok || err != nil {
				return err
			}
		}
		stop := false
		if a, stop, err = w.release(ctx, d, e, a, finished); stop || err != nil {
			return err
		}
		switch {
		case ended(a.order), finished && !w.ShipAuthorised:
			return nil
		case finished: // before it was money
			return w.record(ctx, d, e, a)
		}
		return w.fulfil(ctx, d, e, a, route)
	case commerce.ReturnedPayment:
		return w.returned(ctx, d, e, a)
	case commerce.PartlyPaid:
		got, err := a.sum(a.captured())
		if err != nil {
			return err
		}
		if left := d.graceLeft(ctx, e); left > 0 {
			return park("note on "+a.order.Ref.ID, left, "the rest may be on its way")
		}
		return d.note(ctx, a.order, "partly_paid "+got.String(),
			fmt.Sprintf("Partly paid: %s of %s received. No invoice and no shipment until the rest is here.", got, a.due))
	case commerce.Authorised:
		if ok, err := w.clears(ctx, d, &a); !ok || err != nil {
			return err
		}
		if w.ShipAuthorised {
			stop := false
			if a, stop, err = w.release(ctx, d, e, a, finished); stop || finished || ended(a.order) || err != nil {
				return err
			}
			return w.fulfil(ctx, d, e, a, route)
		}
		return w.waiting(ctx, d, a, commerce.PaymentAuthorised, "authorised", "Payment %s: %s authorised, not captured yet. No invoice and no shipment until it is.")
	default:
		return w.waiting(ctx, d, a, commerce.PaymentPending, "pending", "Payment %s: %s on its way; a bank debit takes days. No invoice and no shipment until it is here.")
	}
}

// clears asks Clear, which may have ended a hold of its own.
func (w *OrderToCash) clears(ctx context.Context, d desk, a *account) (bool, error) {
	if w.Clear == nil {
		return true, nil
	}
	ok, err := w.Clear(ctx, commerce.Facts{Order: a.order, Payments: a.all})
	if !ok || err != nil || a.order.State != commerce.OrderOnHold {
		return ok, err
	}
	now, err := d.shop.Order(ctx, a.order.Ref)
	a.order.State = now.State
	return true, err
}

// waiting notes each payment that is not money yet.
func (w *OrderToCash) waiting(ctx context.Context, d desk, a account, status commerce.PaymentStatus, mark, text string) error {
	for _, s := range a.with(status) {
		if err := d.note(ctx, a.order, mark+" "+s.payment.Ref.ID, fmt.Sprintf(text, s.payment.Ref.ID, s.amount)); err != nil {
			return err
		}
	}
	return nil
}

// unpaid has nothing to do, except to say that reserved money has gone.
func (w *OrderToCash) unpaid(ctx context.Context, d desk, e commerce.Event, a account) error {
	if e.Type != "charge.expired" {
		return nil
	}
	return d.exception(ctx, Exception{Name: AuthorisationExpired, Order: a.order.Ref, Payment: a.own.Ref,
		Text: fmt.Sprintf("the authorisation of %s expired before it was captured; order %s is unpaid", a.own.Amount, a.order.Number)})
}

// ended reports whether nothing more is to come of the order at the shop.
func ended(o commerce.Order) bool {
	return o.State == commerce.OrderCanceled || o.State == commerce.OrderClosed
}

// standing looks at the order's own state. stop means that nothing more is to be
// done. What becomes of an order after it was taken into the books is its ordinary
// life, and no reason to wait where all steps are finished.
func (w *OrderToCash) standing(ctx context.Context, d desk, e commerce.Event, a account, route mapping.Route, finished bool) (stop bool, err error) {
	money := a.with(commerce.PaymentCaptured)
	x := Exception{Order: a.order.Ref, Payment: a.firstRef()}
	got, err := a.sum(money)
	if err != nil {
		return true, err
	}
	switch a.order.State {
	case commerce.OrderCanceled, commerce.OrderClosed:
		if a.order.Replaced != "" {
			return true, w.replaced(ctx, d, e, a, route)
		}
		if taken, err := d.done(ctx, keyConfirm(a.order.Ref)); taken || a.generation.n > 1 || err != nil {
			if err == nil {
				err = w.since(ctx, d, a)
			}
			return err != nil, err
		}
		switch {
		case a.order.State == commerce.OrderClosed:
			x.Name, x.Text = ClosedOrder, fmt.Sprintf("order %s is closed, and %s came for it; nothing was posted", a.order.Number, got)
		default:
			x.Name, x.Text = CanceledOrder, fmt.Sprintf("order %s is canceled, and %s came for it; nothing was posted: refund it or order again", a.order.Number, got)
		}
		if len(money) == 0 {
			return true, nil
		}
		return true, d.exception(ctx, x)
	case commerce.OrderReview:
		if len(money) == 0 || finished && a.state == commerce.Paid {
			return a.state != commerce.ReturnedPayment, nil
		}
		return true, w.later(e, a, "the order is in review")
	case commerce.OrderUnknown:
		if len(money) == 0 && a.state != commerce.ReturnedPayment || finished && a.state == commerce.Paid {
			return true, nil
		}
		x.Name = UnknownState
		x.Text = fmt.Sprintf("order %s is in the state %q (%q) of a plugin; it is left alone until that changes", a.order.Number, a.order.RawState, a.order.RawStatus)
		if err := d.exception(ctx, x); err != nil {
			return true, err
		}
		return true, w.later(e, a, "the order is in a state of a plugin")
	}
	return false, nil
}

// since proposes the refund of money that came after an order that was taken up had
// ended, unless it is more than was due, which is told anyway.
func (w *OrderToCash) since(ctx context.Context, d desk, a account) error {
	surplus, err := a.surplus()
	if err != nil {
		return err
	}
	for _, s := range a.captured() {
		if slices.ContainsFunc(surplus, func(o excess) bool { return o.payment.Ref == s.payment.Ref }) {
			continue
		}
		if _, paid, err := d.decided(ctx, s.payment, a.order); err != nil {
			return err
		} else if paid {
			continue
		}
		if err := d.propose(ctx, a, s); err != nil {
			return err
		}
	}
	return nil
}

// later waits for the order's own state to change. News of the shop does not wait: that
// change is news again.
func (w *OrderToCash) later(e commerce.Event, a account, why string) error {
	if w.ofShop(e) {
		return nil
	}
	return park("work order "+a.order.Ref.ID, w.recheck(), why)
}

func (w *OrderToCash) recheck() time.Duration {
	if w.Recheck == 0 {
		return 15 * time.Minute
	}
	return w.Recheck
}

// release lets a paid order go on that was held for a payment which was taken
// back. An order that somebody else holds stays held, and is waited for where
// something is still to be done; stop says so.
func (w *OrderToCash) release(ctx context.Context, d desk, e commerce.Event, a account, finished bool) (_ account, stop bool, _ error) {
	for _, s := range a.with(commerce.PaymentReturned) {
		ours, err := w.held(ctx, d, a.order, s.payment.Ref)
		if err != nil {
			return a, true, err
		}
		if !ours || a.order.State != commerce.OrderOnHold {
			continue
		}
		if _, err := d.step(ctx, "shop.unhold/"+a.order.Ref.String()+"/"+s.payment.Ref.ID, d.shop.Unhold(a.order)); err != nil {
			return a, true, err
		}
		o, err := d.shop.Order(ctx, a.order.Ref)
		if err != nil {
			return a, true, err
		}
		a.order.State = o.State
	}
	if a.order.State != commerce.OrderOnHold || finished {
		return a, false, nil
	}
	if len(a.captured()) == 0 {
		return a, true, w.later(e, a, "the order is on hold") // nobody's money waits
	}
	if err := d.exception(ctx, Exception{Name: OrderOnHold, Order: a.order.Ref, Payment: a.firstRef(),
		Text: fmt.Sprintf("order %s is paid and on hold; it goes on when the hold ends", a.order.Number)}); err != nil {
		return a, true, err
	}
	return a, true, w.later(e, a, "the order is on hold")
}

// held reports whether the order is on hold by our doing, because of the payment. A
// hold whose outcome is unknown counts as ours where the order is on hold, and is
// waited for where it may still come.
func (w *OrderToCash) held(ctx context.Context, d desk, o commerce.Order, payment commerce.Ref) (bool, error) {
	rec, err := d.steps.Get(ctx, keyHold(o.Ref, payment))
	switch {
	case errors.Is(err, commerce.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	case rec.State == idempotency.Done:
		return true, nil
	case rec.State == idempotency.NotSent:
		return false, nil
	case o.State == commerce.OrderOnHold:
		_, err := d.step(ctx, rec.Key, d.shop.Hold(o))
		return err == nil, err
	}
	if left := rec.Started.Add(rec.Settle).Sub(d.now()); left > 0 {
		return false, park("release order "+o.Ref.ID, left, "a hold may still be on its way")
	}
	return false, nil
}

// overpaid names each payment that gave more than was due and proposes its refund.
func (w *OrderToCash) overpaid(ctx context.Context, d desk, a account) error {
	surplus, err := a.surplus()
	if err != nil {
		return err
	}
	for _, s := range surplus {
		id := s.payment.Ref.ID
		text := fmt.Sprintf("order %s has %s to pay and is overpaid by %s with %s; proposal: refund %s of %s",
			a.order.Number, a.due, s.amount, id, s.amount, id)
		if _, err := remember(ctx, d, keyShare(a.order.Ref, s.payment), s.whole); err != nil {
			return err
		}
		if err := d.note(ctx, a.order, "overpaid "+id, "Overpaid: "+text); err != nil {
			return err
		}
		if err := d.exception(ctx, Exception{Name: Overpaid, Order: a.order.Ref, Payment: s.payment.Ref, Mark: a.due.Text() + " " + s.gave.Text(), Text: text}); err != nil {
			return err
		}
	}
	return nil
}

// alarm tells people of money that was taken back, whatever state the order is in.
func (w *OrderToCash) alarm(ctx context.Context, d desk, a account) error {
	for _, s := range a.with(commerce.PaymentReturned) {
		if err := d.exception(ctx, Exception{Name: PaymentReturned, Order: a.order.Ref, Payment: s.payment.Ref,
			Text: a.tookBack(s) + ": stop its shipment, or ask for the goods"}); err != nil {
			return err
		}
	}
	return nil
}

func (a account) tookBack(s share) string {
	return fmt.Sprintf("the bank took %s of %s back; order %s has %s to pay", s.amount, s.payment.Ref.ID, a.order.Number, a.due)
}

// returned stops an order whose money was taken back: hold and note at once; the
// customer is told when Grace has passed and it is still so.
func (w *OrderToCash) returned(ctx context.Context, d desk, e commerce.Event, a account) error {
	for _, s := range a.with(commerce.PaymentReturned) {
		id := s.payment.Ref.ID
		switch a.order.State {
		case commerce.OrderPending, commerce.OrderProcessing:
			if _, err := d.step(ctx, keyHold(a.order.Ref, s.payment.Ref), d.shop.Hold(a.order)); err != nil {
				return err
			}
		case commerce.OrderOnHold: // ours or somebody else's, whose it stays
			if _, err := w.held(ctx, d, a.order, s.payment.Ref); err != nil {
				return err
			}
		}
		if err := d.note(ctx, a.order, "returned "+id, "Payment returned: "+a.tookBack(s)); err != nil {
			return err
		}
	}
	if d.notifier == nil {
		return nil
	}
	if left := d.graceLeft(ctx, e); left > 0 {
		return park("tell customer of "+a.order.Ref.ID, left, "bad news waits")
	}
	for _, s := range a.with(commerce.PaymentReturned) {
		if err := d.tell(ctx, a, MessagePaymentReturned, s.payment.Ref); err != nil {
			return err
		}
	}
	return nil
}

func keyHold(order, payment commerce.Ref) string {
	return "shop.hold/" + order.String() + "/" + payment.ID
}
