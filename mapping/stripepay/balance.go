package stripepay

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/reconcile"
	"github.com/commercesync/commerce/stripe"
)

// System is the source of the account's events, "stripe".
func (p *Pay) System() string { return System }

// Payout reads a payout.
//
// Errors: kind not found; kind invalid, code "mode_mismatch" or "foreign_ref"; kind
// mapping for a status or an amount that can not be said.
func (p *Pay) Payout(ctx context.Context, ref commerce.Ref) (commerce.Payout, error) {
	op := "read payout " + ref.ID
	if err := p.check(op, ref); err != nil {
		return commerce.Payout{}, err
	}
	po, err := p.client.Payouts.Get(ctx, ref.ID)
	if err != nil {
		return commerce.Payout{}, err
	}
	return p.payout(op, po)
}

// Payouts yields the payouts that were created in [from, to), newest first. A zero time is
// no bound. An error ends it.
func (p *Pay) Payouts(ctx context.Context, from, to time.Time) iter.Seq2[commerce.Payout, error] {
	return func(yield func(commerce.Payout, error) bool) {
		for po, err := range p.client.Payouts.List(ctx, &stripe.PayoutListParams{CreatedRange: within(from, to)}) {
			var out commerce.Payout
			if err == nil {
				out, err = p.payout("list payouts", &po)
			}
			if !yield(out, err) || err != nil {
				return
			}
		}
	}
}

// Returned reads the movement that brought the money of a failed or cancelled payout
// back. Kind not found: nothing came back, or not yet. Else it has the errors of Payout.
func (p *Pay) Returned(ctx context.Context, payout commerce.Ref) (reconcile.Line, error) {
	op := "read what came back of payout " + payout.ID
	if err := p.check(op, payout); err != nil {
		return reconcile.Line{}, err
	}
	po, err := p.client.Payouts.Get(ctx, payout.ID)
	if err != nil {
		return reconcile.Line{}, err
	}
	if err := p.sameMode(op, po.ID, po.Livemode); err != nil {
		return reconcile.Line{}, err
	}
	if po.FailureBalanceTransaction.ID == "" {
		return reconcile.Line{}, &commerce.Error{Kind: commerce.KindNotFound, System: System, Op: op, Text: "nothing came back of it"}
	}
	return p.movement(ctx, op, po.FailureBalanceTransaction.ID)
}

// payout says a payout in canonical words.
func (p *Pay) payout(op string, po *stripe.Payout) (commerce.Payout, error) {
	if err := p.sameMode(op, po.ID, po.Livemode); err != nil {
		return commerce.Payout{}, err
	}
	r := &reader{document: "stripe " + po.ID, currency: po.Currency}
	out := commerce.Payout{Ref: p.origin.With(po.ID), Amount: r.money("amount", po.Amount), Status: commerce.PayoutStatus(po.Status),
		Automatic: po.Automatic, Method: po.Method, Arrival: commerce.DateOf(po.ArrivalDate.Time()), Created: po.Created.Time(),
		Transaction: po.BalanceTransaction.ID, Reconciled: po.Automatic && po.ReconciliationStatus == "completed"}
	switch out.Status {
	case commerce.PayoutPending, commerce.PayoutInTransit, commerce.PayoutPaid, commerce.PayoutFailed, commerce.PayoutCanceled:
		return out, r.err
	}
	return commerce.Payout{}, mapping.Faultf(r.document, "status", po.Status, "is no status of a payout that is known")
}

// Inside yields what is inside an automatic payout, its own movement among it, newest
// first: complete once the payout is Reconciled. The next page is fetched while one is
// read. An error ends it.
func (p *Pay) Inside(ctx context.Context, payout commerce.Ref) iter.Seq2[reconcile.Line, error] {
	return func(yield func(reconcile.Line, error) bool) {
		if err := p.check("list what is in payout "+payout.ID, payout); err != nil {
			yield(reconcile.Line{}, err)
			return
		}
		for l, err := range p.lines(ctx, &stripe.BalanceTransactionListParams{Payout: &payout.ID}) {
			l.Payout = payout.ID
			if !yield(l, err) {
				return
			}
		}
	}
}

// Activity yields the movements of the balance that were created in [from, to), newest
// first; a zero time is no bound. The next page is fetched while one is read. An error
// ends it.
func (p *Pay) Activity(ctx context.Context, from, to time.Time) iter.Seq2[reconcile.Line, error] {
	return p.lines(ctx, &stripe.BalanceTransactionListParams{CreatedRange: within(from, to)})
}

// Movement reads one movement of the balance: "txn_…". It has the errors of Payout.
func (p *Pay) Movement(ctx context.Context, ref commerce.Ref) (reconcile.Line, error) {
	op := "read movement " + ref.ID
	if err := p.check(op, ref); err != nil {
		return reconcile.Line{}, err
	}
	return p.movement(ctx, op, ref.ID)
}

func (p *Pay) movement(ctx context.Context, op, id string) (reconcile.Line, error) {
	t, err := p.client.BalanceTransactions.Get(ctx, id, expanded("")...)
	if err != nil {
		return reconcile.Line{}, err
	}
	return p.line(ctx, op, t)
}

// MovementsOf returns the movements that a payment brought about, oldest first: its
// charges and what came back of them, captures of less than was authorised, its refunds
// and those that failed. Disputes are not among them. The payment is named as for
// [Pay.Payment], but not by a session; one that has moved nothing has none.
//
// It asks for the payment's charges and for its refunds, and for the movements of each.
func (p *Pay) MovementsOf(ctx context.Context, payment commerce.Ref) ([]reconcile.Line, error) {
	op := "read movements of " + payment.ID
	if err := p.check(op, payment); err != nil {
		return nil, err
	}
	m := &movements{p: p, op: op, seen: map[string]bool{}}
	charges, refunds := &stripe.ChargeListParams{}, &stripe.RefundListParams{}
	switch prefix, _, _ := strings.Cut(payment.ID, "_"); prefix {
	case "pi":
		charges.PaymentIntent, refunds.PaymentIntent = &payment.ID, &payment.ID
	case "ch", "py":
		ch, err := p.client.Charges.Get(ctx, payment.ID)
		if err != nil {
			return nil, err
		}
		if id := string(ch.PaymentIntent); id != "" {
			charges.PaymentIntent, refunds.PaymentIntent = &id, &id
			break
		}
		charges, refunds.Charge = nil, &ch.ID
		if err := m.of(ctx, ch.ID, ch.BalanceTransaction.ID, ch.FailureBalanceTransaction.ID); err != nil {
			return nil, err
		}
	default:
		return nil, commerce.Errorf(commerce.KindInvalid, System, op, "%.40q is no id of a payment intent or a charge", payment.ID)
	}
	if charges != nil {
		for ch, err := range p.client.Charges.List(ctx, charges) {
			if err == nil {
				err = m.of(ctx, ch.ID, ch.BalanceTransaction.ID, ch.FailureBalanceTransaction.ID)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	slices.Reverse(m.lines) // all lists are newest first
	charged := len(m.lines)
	for re, err := range p.client.Refunds.List(ctx, refunds) {
		if err == nil {
			err = m.of(ctx, re.ID, re.BalanceTransaction.ID, re.FailureBalanceTransaction.ID)
		}
		if err != nil {
			return nil, err
		}
	}
	slices.Reverse(m.lines[charged:])
	slices.SortStableFunc(m.lines, func(a, b reconcile.Line) int { return a.Created.Compare(b.Created) })
	return m.lines, nil
}

// movements collects what moved the balance for a payment.
type movements struct {
	p     *Pay
	op    string
	seen  map[string]bool
	lines []reconcile.Line
}

// of adds the movements of a charge or refund: those that name it as their source, and
// those that it names itself, because the filter by source is said to find all of an object
// (stripe-mock's document of 2026-08-26.dahlia) or the original one alone (2023-10-16). One
// that names none has moved nothing.
func (m *movements) of(ctx context.Context, source string, named ...string) error {
	if !slices.ContainsFunc(named, func(id string) bool { return id != "" }) {
		return nil
	}
	for l, err := range m.p.lines(ctx, &stripe.BalanceTransactionListParams{Source: &source}) {
		if err != nil {
			return err
		}
		m.add(l)
	}
	for _, id := range named {
		if id == "" || m.seen[id] {
			continue
		}
		l, err := m.p.movement(ctx, m.op, id)
		if err != nil {
			return err
		}
		m.add(l)
	}
	return nil
}

func (m *movements) add(l reconcile.Line) {
	if !m.seen[l.ID] && ofPayment(l.Category) {
		m.lines = append(m.lines, l)
	}
	m.seen[l.ID] = true
}

// ofPayment reports whether movements of a reporting category are a payment's: what the
// buyer paid and got back.
func ofPayment(category string) bool {
	switch category {
	case "charge", "charge_failure", "partial_capture_reversal", "refund", "refund_failure":
		return true
	}
	return false
}

// Standing returns the balance as it is now, by currency: what is available and what is
// pending together, which is the sum of all movements. Errors: kind invalid, code
// "mode_mismatch"; kind mapping for an amount that can not be said.
func (p *Pay) Standing(ctx context.Context) ([]commerce.Money, error) {
	b, err := p.client.Balance.Get(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.sameMode("read balance", "the balance", b.Livemode); err != nil {
		return nil, err
	}
	var out []commerce.Money
	for _, a := range append(slices.Clone(b.Available), b.Pending...) {
		r := &reader{document: "stripe balance", currency: a.Currency}
		amount := r.money("amount", a.Amount)
		if r.err != nil {
			return nil, r.err
		}
		i := slices.IndexFunc(out, func(m commerce.Money) bool { return m.Currency() == amount.Currency() })
		if i < 0 {
			out = append(out, amount)
		} else if out[i], err = out[i].Add(amount); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// within is a filter by time of creation, which Stripe has in whole seconds.
func within(from, to time.Time) *stripe.CreatedRange {
	return &stripe.CreatedRange{GreaterThanOrEqual: second(from), LesserThan: second(to)}
}

// second is the first whole second at or after a time; 0 for the zero time.
func second(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Add(time.Second - 1).Unix()
}
