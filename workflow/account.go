package workflow

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
)

// account is the truth about one order, all read while the order's lease is held:
// the order, every payment linked to it, and what each of them gives it.
type account struct {
	order commerce.Order
	// content is what the shop shows of it, without a person's corrections.
	content content
	// generation is which of its sales orders counts.
	generation generation
	old        bool           // from before the start; nothing else is read then
	due        commerce.Money // to be collected by the processor
	own        commerce.Payment
	all        []commerce.Payment // that are linked, by creation, then by id
	shares     []share            // of those that fit, in the same order
	state      commerce.PaymentState
	first      string // id of the payment that pays before the others, once it is decided
	// answered are the numbers of our requests that a linked payment answers.
	answered map[int]bool
	// undecided are payments that do not fit and were left out, and are money or may
	// become some.
	undecided []commerce.Payment
}

// share is what one payment gives to one order.
type share struct {
	payment commerce.Payment
	amount  commerce.Money
}

// account reads the truth. Another payment than the event's own that does not fit
// the order is left out: its own events are dead until a person decides.
func (d desk) account(ctx context.Context, e commerce.Event, own, root commerce.Ref) (account, error) {
	var a account
	var err error
	a.order, err = d.shop.Order(ctx, root)
	if err == nil || commerce.KindOf(err) == commerce.KindMapping {
		var failed error
		if a.old, failed = d.old(ctx, a.order); a.old || failed != nil {
			return a, failed
		}
	}
	if err != nil {
		return a, err
	}
	a.content = contentOf(a.order)
	if a.generation, err = d.generation(ctx, root); err != nil {
		return a, err
	}
	if err := e.Overlay.Apply("order", &a.order); err != nil {
		return a, err
	}
	if a.due, err = a.order.Due(); err != nil {
		return a, err
	}
	payments, err := d.linked(ctx, e, own, root)
	if err != nil {
		return a, err
	}
	if !own.IsZero() {
		a.own = payments[0]
		if err := fresh(e, a.own); err != nil {
			return a, err
		}
	}
	slices.SortFunc(payments, byCreation)
	a.all = payments
	a.answered = map[int]bool{}
	for _, p := range payments {
		for _, n := range requests(p, root) {
			a.answered[n] = true
		}
		mine := p.Ref == a.own.Ref
		s, err := d.shareOf(ctx, p, a.order, a.due)
		if err != nil {
			if mine || !commerce.KindOf(err).Permanent() {
				return a, err
			}
			switch p.Status {
			case commerce.PaymentCaptured, commerce.PaymentAuthorised, commerce.PaymentPending:
				a.undecided = append(a.undecided, p)
			}
			continue
		}
		a.shares = append(a.shares, s)
	}
	if len(a.with(commerce.PaymentCaptured)) > 1 {
		first, err := recall[commerce.Ref](ctx, d.steps, keyFirst(root))
		if err != nil && !errors.Is(err, commerce.ErrNotFound) {
			return a, err
		}
		a.first = first.ID
	}
	a.state, err = commerce.PaymentStateOf(a.due, a.allocations())
	return a, err
}

// linked reads every payment that is linked to the order, each once, the event's own
// first: it may go by the name of its charge or session.
func (d desk) linked(ctx context.Context, e commerce.Event, own, root commerce.Ref) ([]commerce.Payment, error) {
	subjects, err := d.links.Subjects(ctx, root)
	if err != nil {
		return nil, err
	}
	refs := []commerce.Ref{}
	if !own.IsZero() {
		refs = append(refs, own)
	}
	for _, s := range subjects {
		if s.System != processor && s.System != internal {
			continue
		}
		ref, _, err := paymentOf(s)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	var payments []commerce.Payment
	for _, ref := range refs {
		p, err := d.read(ctx, e, ref, ref == own)
		if errors.Is(err, commerce.ErrNotFound) && ref != own {
			continue // a Checkout session that nobody has paid by
		}
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(payments, func(q commerce.Payment) bool { return q.Ref == p.Ref }) {
			payments = append(payments, p)
		}
	}
	return payments, nil
}

func byCreation(a, b commerce.Payment) int {
	if c := a.Created.Compare(b.Created); c != 0 {
		return c
	}
	return strings.Compare(a.Ref.ID, b.Ref.ID)
}

// floors are the lowest ranks that a payment can have once an event of a type
// happened. A lower one was read from a place that lags behind.
var floors = map[string]int{
	"charge.succeeded":                         commerce.PaymentFailed.Rank(), // an authorisation can have ended since
	"payment_intent.amount_capturable_updated": commerce.PaymentFailed.Rank(),
	"charge.captured":                          commerce.PaymentCaptured.Rank(),
	"payment_intent.succeeded":                 commerce.PaymentCaptured.Rank(),
	"checkout.session.async_payment_succeeded": commerce.PaymentCaptured.Rank(),
	"payment_intent.canceled":                  commerce.PaymentCanceled.Rank(),
}

// fresh refuses a payment that was read in a state older than the event's own news.
func fresh(e commerce.Event, p commerce.Payment) error {
	op := "read " + p.Ref.ID
	switch rank := p.Status.Rank(); {
	case rank == 0:
		return refuse(commerce.KindInvalid, op, "no_status", "the payment has the status %q, which is none", p.Status)
	case rank < floors[e.Type]:
		return refuse(commerce.KindUnavailable, op, "stale_read", "it is %s, and %s has happened already; it is read again later", p.Status, e.Type)
	}
	return nil
}

func (a account) allocations() []commerce.Allocation {
	var out []commerce.Allocation
	for _, s := range a.shares {
		out = append(out, commerce.Allocation{Payment: s.payment.Ref, Charge: s.payment.Charge,
			Order: a.order.Ref, Amount: s.amount, Status: s.payment.Status})
	}
	return out
}

// with returns the shares of payments in one of the statuses.
func (a account) with(statuses ...commerce.PaymentStatus) []share {
	var out []share
	for _, s := range a.shares {
		if slices.Contains(statuses, s.payment.Status) {
			out = append(out, s)
		}
	}
	return out
}

func (a account) sum(shares []share) (commerce.Money, error) {
	total := commerce.Zero(a.due.Currency())
	var err error
	for _, s := range shares {
		if total, err = total.Add(s.amount); err != nil {
			return total, err
		}
	}
	return total, nil
}

// left returns what nobody has paid, reserved or promised yet, at least nought.
func (a account) left() (commerce.Money, error) {
	covered, err := a.sum(a.with(commerce.PaymentCaptured, commerce.PaymentAuthorised, commerce.PaymentPending))
	if err != nil {
		return covered, err
	}
	left, err := a.due.Sub(covered)
	if err == nil && left.Sign() < 0 {
		left = commerce.Zero(a.due.Currency())
	}
	return left, err
}

// refunded returns what of the share was given back. A payment for several orders
// does not say which of them a refund was for: it counts for each, up to its share.
func (s share) refunded() commerce.Money {
	back := s.payment.Refunded
	if back.Sign() <= 0 {
		return commerce.Zero(s.amount.Currency())
	}
	if c, err := back.Cmp(s.amount); err == nil && c < 0 {
		return back
	}
	return s.amount
}

// kept returns what was captured and not given back.
func (a account) kept() (commerce.Money, error) {
	captured := a.with(commerce.PaymentCaptured)
	total, err := a.sum(captured)
	for _, s := range captured {
		if err == nil {
			total, err = total.Sub(s.refunded())
		}
	}
	return total, err
}

// keyFirst is the key of the decision which of an order's payments pays before the
// others, so that the others are what is too much. It is made before anything is
// written or told of them: what the shop names may change.
func keyFirst(order commerce.Ref) string { return "order.payment/" + order.String() }

// keyShare is the key of the decision that a payment which was too much is the order's.
func keyShare(order commerce.Ref, p commerce.Payment) string { return keyFirst(order) + "/" + p.Ref.ID }

// decideFirst takes the first of captured, unless another was decided before.
func (d desk) decideFirst(ctx context.Context, a *account) error {
	captured := a.captured()
	if len(captured) == 0 || a.first != "" {
		return nil
	}
	first, err := idempotency.Run(ctx, d.steps, keyFirst(a.order.Ref), idempotency.Effect[commerce.Ref]{
		Class: idempotency.Keyed, // a decision of ours
		Act:   func(context.Context) (commerce.Ref, error) { return captured[0].payment.Ref, nil },
	})
	a.first = first.ID
	return err
}

// captured returns the shares that are money: the one that was decided or that the
// shop's books name first, then by creation; last those that were given back, which
// pay for nothing.
func (a account) captured() []share {
	captured := a.with(commerce.PaymentCaptured)
	rank := func(s share) int {
		switch {
		case s.refunded() == s.amount:
			return 2
		case a.first != "" && s.payment.Ref.ID == a.first, a.first == "" && names(a.order, s.payment):
			return 0
		}
		return 1
	}
	slices.SortStableFunc(captured, func(x, y share) int { return rank(x) - rank(y) })
	return captured
}

// firstRef names the first of captured, or nothing.
func (a account) firstRef() commerce.Ref {
	if captured := a.captured(); len(captured) > 0 {
		return captured[0].payment.Ref
	}
	return commerce.Ref{}
}

// names reports whether the shop has this payment's id on the order.
func names(o commerce.Order, p commerce.Payment) bool {
	return o.PaymentID != "" && (o.PaymentID == p.Ref.ID || o.PaymentID == p.Charge)
}

// excess is what one payment still has of what it gave beyond the due.
type excess struct {
	share
	gave  commerce.Money // beyond the due
	whole commerce.Money // to the order
}

// surplus returns the payments that gave too much and still have some of it.
func (a account) surplus() ([]excess, error) {
	left := a.due
	var out []excess
	for _, s := range a.captured() {
		over, err := s.amount.Sub(left)
		if err != nil {
			return nil, err
		}
		if left, err = left.Sub(s.amount); err != nil {
			return nil, err
		}
		if left.Sign() < 0 {
			left = commerce.Zero(a.due.Currency())
		}
		if over.Sign() <= 0 {
			continue
		}
		still, err := over.Sub(s.refunded())
		if err != nil {
			return nil, err
		}
		if still.Sign() > 0 {
			out = append(out, excess{share{s.payment, still}, over, s.amount})
		}
	}
	return out, nil
}

// every returns all payments that have a share, for the choice of a route.
func (a account) every() []commerce.Payment {
	var out []commerce.Payment
	for _, s := range a.shares {
		out = append(out, s.payment)
	}
	return out
}

// payments returns what was captured, each as far as it is for this order, for shop
// and ERP to show.
func (a account) payments() []commerce.Payment {
	var out []commerce.Payment
	for _, s := range a.captured() {
		p := s.payment
		p.Captured = s.amount
		out = append(out, p)
	}
	return out
}
