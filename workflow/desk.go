package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
)

const (
	system = "workflow" // in errors
	// processor is the system of payment events and subjects, internal that of
	// events that one workflow sends to another order.
	processor = "stripe"
	internal  = "commerce"
)

const defaultGrace = 10 * time.Minute

// desk is what the payment workflows have in common: they find the order that a
// payment is for, read the truth about it and take small steps.
type desk struct {
	shop     Shop
	payments Payments
	links    Links
	steps    idempotency.Store
	notifier Notifier
	alerter  Alerter
	collect  *Collect

	// several is asked before a payment is told to the several orders that it is for.
	several func(ctx context.Context, p commerce.Payment) error

	ignoreUnlinked bool
	startAt        time.Time
	grace          time.Duration
	now            func() time.Time
	log            *slog.Logger
}

// complete fills in the defaults.
func (d desk) complete() desk {
	if d.grace == 0 {
		d.grace = defaultGrace
	}
	if d.now == nil {
		d.now = time.Now
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	return d
}

// refuse is an error of our own room: nothing was sent.
func refuse(kind commerce.Kind, op, code, format string, args ...any) *commerce.Error {
	e := commerce.Errorf(kind, system, op, format, args...)
	e.Code, e.Outcome = code, commerce.NotSent
	return e
}

// park asks to be called again after d.
func park(op string, d time.Duration, text string) *commerce.Error {
	return &commerce.Error{Kind: commerce.KindParked, System: system, Op: op,
		Outcome: commerce.NotSent, RetryAfter: d, Text: text}
}

// young returns how long is left until wait has passed since the event was
// created, or nought.
func (d desk) young(e commerce.Event, wait time.Duration) time.Duration {
	return max(0, e.Created.Add(wait).Sub(d.now()))
}

// settled is young, counted from the event's arrival where that is later: what came
// late, after an outage, comes with neighbours that are late as well, and one of them
// may say that all is well.
func (d desk) settled(ctx context.Context, e commerce.Event, wait time.Duration) time.Duration {
	left := d.young(e, wait)
	if a, ok := inbox.AttemptOf(ctx); ok && e.Ref.System != internal { // an internal event's source has waited
		left = max(left, a.Received.Add(wait).Sub(d.now()))
	}
	return left
}

// graceLeft returns how long is left of Grace, or nought.
func (d desk) graceLeft(ctx context.Context, e commerce.Event) time.Duration {
	return d.settled(ctx, e, d.grace)
}

// paymentOf returns the payment that an event or a subject is about: of our own
// events it is named in the subject, with an order where it is one of several.
func paymentOf(subject commerce.Ref) (payment, order commerce.Ref, err error) {
	if subject.System != internal {
		return subject, commerce.Ref{}, nil
	}
	p, o, several := strings.Cut(subject.ID, " ")
	if payment, err = commerce.ParseRef(p); err == nil && several {
		order, err = commerce.ParseRef(o)
	}
	return payment, order, err
}

// read reads a payment, with the corrections of the event where it is the event's own.
// Which orders a person said that it is for stands for all that is read later.
func (d desk) read(ctx context.Context, e commerce.Event, ref commerce.Ref, own bool) (commerce.Payment, error) {
	p, err := d.payments.Payment(ctx, ref)
	if err != nil {
		return p, err
	}
	next := keyCorrected(p.Ref, 1)
	for n := 1; ; n++ {
		said, err := recall[[]commerce.OrderHint](ctx, d.steps, next)
		if errors.Is(err, commerce.ErrNotFound) {
			break
		}
		if err != nil {
			return p, err
		}
		p.Orders, next = said, keyCorrected(p.Ref, n+1)
	}
	if !own || len(e.Overlay) == 0 {
		return p, nil
	}
	before := slices.Clone(p.Orders)
	if err := e.Overlay.Apply("payment", &p); err != nil || slices.Equal(before, p.Orders) {
		return p, err
	}
	_, err = remember(ctx, d, next, p.Orders)
	return p, err
}

// keyCorrected is the key of the n-th decision of a person which orders a payment is for.
func keyCorrected(payment commerce.Ref, n int) string {
	return fmt.Sprintf("payment.corrected/%s/%d", payment, n)
}

// orders finds the orders that a payment says it is for, or else the one at the shop
// that named it.
//
// A hint that leads nowhere is waited for until Grace has passed: shops commit an
// order after its payment was made. So is an order that may still name the payment.
func (d desk) orders(ctx context.Context, e commerce.Event, payment commerce.Ref) (commerce.Payment, []commerce.Ref, error) {
	p, err := d.read(ctx, e, payment, true)
	if err != nil {
		return p, nil, err
	}
	op := "find order of " + p.Ref.ID
	if len(p.Orders) == 0 {
		order, err := recall[commerce.Ref](ctx, d.steps, keyNamed(p.Ref))
		switch {
		case err == nil && !d.owns(ctx, e, order):
			return p, nil, nil
		case !errors.Is(err, commerce.ErrNotFound):
			return p, []commerce.Ref{order}, err
		}
	}
	var refs []commerce.Ref
	for _, h := range p.Orders {
		ref, err := d.shop.Find(ctx, h)
		if errors.Is(err, commerce.ErrNotFound) {
			if left := d.graceLeft(ctx, e); left > 0 {
				return p, nil, park(op, min(left, time.Minute), "the shop does not have the order yet")
			}
		}
		if err != nil {
			return p, nil, err
		}
		if ref.Mode != p.Ref.Mode {
			return p, nil, otherMode(op, p.Ref, ref)
		}
		if !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	if len(refs) == 0 && !d.ignoreUnlinked {
		if left := d.graceLeft(ctx, e); left > 0 {
			return p, nil, park(op, left, "no order names the payment yet")
		}
		return p, nil, refuse(commerce.KindNeedsDecision, op, "no_order",
			"the payment of %s names no order; replay with payment.orders, or set IgnoreUnlinked", p.Amount)
	}
	return p, refs, nil
}

// owns reports whether an order is of the shop; others of the inbox have their own.
func owns(s Shop, order commerce.Ref) bool { return order.With("") == s.Origin() }

// owns is the same of the desk's shop. News of an order of another are left to it.
func (d desk) owns(ctx context.Context, e commerce.Event, order commerce.Ref) bool {
	if owns(d.shop, order) {
		return true
	}
	d.log.DebugContext(ctx, "order is of another shop", "event", e.Ref.ID, "order", order.String())
	return false
}

// linkedTo returns the order that the event's subject was linked to before: the
// inbox has taken its lease.
func linkedTo(ctx context.Context, e commerce.Event) (commerce.Ref, bool) {
	a, ok := inbox.AttemptOf(ctx)
	if !ok || a.Lease.Root == e.SubjectRef().String() {
		return commerce.Ref{}, false
	}
	root, err := commerce.ParseRef(a.Lease.Root)
	return root, err == nil
}

func otherMode(op string, a, b commerce.Ref) error {
	return refuse(commerce.KindInvalid, op, "mode_mismatch", "%s %s is %s, %s %s is %s",
		a.System, a.ID, a.Mode, b.System, b.ID, b.Mode)
}

// work leads an event of the processor to its order and calls act under the
// order's lease. A payment for several orders becomes one event of the type for each.
func (d desk) work(ctx context.Context, e commerce.Event, kind string, act func(ctx context.Context, a account) error) error {
	payment, order, err := paymentOf(e.SubjectRef())
	if err != nil {
		return err
	}
	if !order.IsZero() {
		if !d.owns(ctx, e, order) {
			return nil
		}
		return d.workOne(ctx, e, payment, order, act)
	}
	if order, ok := linkedTo(ctx, e); ok {
		if !d.owns(ctx, e, order) {
			return nil
		}
		a, err := d.account(ctx, e, payment, order)
		if len(a.own.Orders) < 2 {
			if err != nil {
				return err
			}
			return d.unlessOld(ctx, e, a, act)
		} // it names more orders than it did
	}
	p, orders, err := d.orders(ctx, e, payment)
	switch {
	case err != nil:
		return err
	case len(orders) == 0:
		d.log.InfoContext(ctx, "payment names no order", "event", e.Ref.ID, "payment", p.Ref.ID)
		return nil
	case len(orders) > 1:
		return d.split(ctx, e, p, orders, kind)
	}
	return d.workOne(ctx, e, p.Ref, orders[0], act)
}

func (d desk) workOne(ctx context.Context, e commerce.Event, payment, order commerce.Ref, act func(ctx context.Context, a account) error) error {
	if err := d.links.Link(ctx, order); err != nil {
		return err
	}
	a, err := d.account(ctx, e, payment, order)
	if err != nil {
		return err
	}
	return d.unlessOld(ctx, e, a, act)
}

// unlessOld calls act, unless the order is from before the start.
func (d desk) unlessOld(ctx context.Context, e commerce.Event, a account, act func(ctx context.Context, a account) error) error {
	if !a.old {
		return act(ctx, a)
	}
	d.log.InfoContext(ctx, "order is older than StartAt", "event", e.Ref.ID, "order", a.order.Ref.ID)
	return nil
}

// split tells each order of a payment that is for several. Amounts that do not add
// up are refused here, before any of the orders hears of the payment.
func (d desk) split(ctx context.Context, e commerce.Event, p commerce.Payment, orders []commerce.Ref, kind string) error {
	op := "share out " + p.Ref.ID
	if old, err := d.allOld(ctx, orders); old || err != nil {
		d.log.InfoContext(ctx, "all orders of the payment are older than StartAt", "event", e.Ref.ID, "payment", p.Ref.ID)
		return err
	}
	if !explicit(p) {
		dues := commerce.Zero(p.Amount.Currency())
		for _, ref := range orders {
			o, err := d.shop.Order(ctx, ref)
			if err != nil {
				return err
			}
			due, decided, err := d.decided(ctx, p, o) // an order may have been edited since
			if err == nil && !decided {
				due, err = o.Due()
			}
			if err != nil {
				return err
			}
			if due.Currency() != p.Amount.Currency() {
				return currencyMismatch(p, ref, due)
			}
			if dues, err = dues.Add(due); err != nil {
				return err
			}
		}
		if dues != p.Amount {
			return amountMismatch(p, commerce.Ref{}, dues)
		}
	} else if err := addsUp(op, p); err != nil {
		return err
	}
	if d.several != nil {
		if err := d.several(ctx, p); err != nil {
			return err
		}
	}
	for _, ref := range orders {
		if err := tellOrder(ctx, e, p.Ref, ref, kind, e.Overlay); err != nil {
			return err
		}
	}
	return nil
}

// tellOrder sends news of a payment to one order.
func tellOrder(ctx context.Context, e commerce.Event, payment, order commerce.Ref, kind string, overlay commerce.Overlay) error {
	raw, err := json.Marshal(map[string]commerce.Ref{"payment": payment, "order": order, "because": e.Ref})
	if err != nil {
		return commerce.Errorf(commerce.KindInternal, system, "tell "+order.ID, "%w", err)
	}
	source := e.Ref.String()
	if e.Ref.System == internal {
		source = hashOf(e.Ref) // one of a chain, whose ids would grow
	}
	id := e.Ref
	id.System, id.ID = internal, kind+" "+source+" "+payment.String()+" "+order.String()
	return inbox.Emit(ctx, commerce.Event{Ref: id, Type: kind, Object: payment.ID, Subject: payment.String() + " " + order.String(),
		Person: e.Person, Created: e.Created, Raw: raw, Overlay: overlay})
}

// step takes one step of an order, once for ever.
func (d desk) step(ctx context.Context, key string, eff idempotency.Effect[commerce.Document], fingerprint ...any) (commerce.Document, error) {
	return stepOf(ctx, d, key, eff, fingerprint...)
}

func stepOf[T any](ctx context.Context, d desk, key string, eff idempotency.Effect[T], fingerprint ...any) (T, error) {
	var opts []idempotency.Option
	if len(fingerprint) > 0 {
		opts = append(opts, idempotency.For(fingerprint...))
	}
	doc, err := idempotency.Run(ctx, d.steps, key, eff, opts...)
	if err == nil {
		err = inbox.Progress(ctx)
	}
	return doc, err
}

// done reports whether a step was taken.
func (d desk) done(ctx context.Context, key string) (bool, error) {
	rec, err := d.steps.Get(ctx, key)
	if errors.Is(err, commerce.ErrNotFound) {
		return false, nil
	}
	return rec.State == idempotency.Done, err
}

// note leaves a remark on the order, once for each mark.
func (d desk) note(ctx context.Context, o commerce.Order, mark, text string) error {
	_, err := d.step(ctx, "shop.note/"+o.Ref.String()+"/"+mark, d.shop.Note(o, mapping.Note{Key: mark, Text: text}))
	return err
}

// tell tells the customer, at most once for a payment. A message that was refused
// for good is a matter for a person and no reason to bury the event.
func (d desk) tell(ctx context.Context, a account, kind MessageKind, payment commerce.Ref) error {
	if d.notifier == nil {
		return nil
	}
	left, err := a.left()
	if err != nil {
		return err
	}
	return d.say(ctx, Message{Kind: kind, Order: a.order, Due: left}, payment, func(m *Message) (err error) {
		if d.collect != nil {
			m.URL, err = d.collect.url(ctx, a)
		}
		return err
	})
}

// say tells the customer something about a payment or a return, at most once; finish is
// called before where there is more to be found out.
func (d desk) say(ctx context.Context, m Message, about commerce.Ref, finish func(*Message) error) error {
	if d.notifier == nil {
		return nil
	}
	key := "customer.told/" + m.Order.Ref.String() + "/" + string(m.Kind) + "/" + about.ID
	if told, err := d.done(ctx, key); told || err != nil {
		return err
	}
	if finish != nil {
		if err := finish(&m); err != nil {
			return err
		}
	}
	_, err := idempotency.Do(ctx, d.steps, key, func(ctx context.Context) (string, error) {
		return "told", d.notifier.Notify(ctx, m)
	})
	if err != nil && commerce.SafeToRetry(err) && commerce.KindOf(err).Permanent() {
		return d.exception(ctx, Exception{Name: CustomerNotTold, Order: m.Order.Ref, Payment: about,
			Text: "the customer could not be told of " + string(m.Kind) + "; tell them by other means"})
	}
	return err
}
