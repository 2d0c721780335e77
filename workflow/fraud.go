package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

// Names of exceptions of [Fraud].
const (
	// FraudSuspected: a rule of the policy wants a person to look at an order.
	FraudSuspected = "fraud_suspected"
	// FraudLate: an order is to be stopped whose goods are packed or have left.
	FraudLate = "fraud_late"
	// FraudNotRefunded: money that is to go back did not.
	FraudNotRefunded = "fraud_not_refunded"
)

// FraudAction is what a rule asks for. Each but the first two does what the one before it
// does as well.
type FraudAction string

const (
	// LetGo: nothing stands against the order any more. What was held or shown as suspected
	// for fraud is taken back, and nothing else.
	LetGo FraudAction = "let_go"
	// Queue tells a person, and shows the order as suspected where the shop can. It goes on.
	Queue FraudAction = "queue"
	// HoldOrder stops it as well: nothing is confirmed, and no goods are asked for.
	HoldOrder FraudAction = "hold"
	// CancelFulfilment also takes back what was asked for: the sales order is cancelled,
	// with what the warehouse has reserved. An order that is let go later gets another one.
	CancelFulfilment FraudAction = "cancel"
	// ReturnMoney also gives back what was paid, as fraudulent, and releases what is reserved.
	ReturnMoney FraudAction = "refund"
)

var fraudActions = []FraudAction{LetGo, Queue, HoldOrder, CancelFulfilment, ReturnMoney}

// atLeast reports whether an action includes another one.
func (a FraudAction) atLeast(b FraudAction) bool {
	return slices.Index(fraudActions, a) >= slices.Index(fraudActions, b)
}

// FraudRule is one line of a policy.
type FraudRule struct {
	// Name tells it from the others, in small letters. It is part of keys for ever.
	Name string
	// When judges the order with all that is known of its payments. Package rules writes
	// it as an expression: `score.points >= 60 && order.total > money("200.00", "EUR")`.
	// An error is the event's, and the order waits.
	When func(context.Context, commerce.Facts) (bool, error)
	Do   FraudAction
}

// DefaultPolicy holds an order with an early fraud warning that a refund would still help,
// with an open review, and with 60 points or more; it lets go what a reviewer approved, and
// tells a person of what the processor takes for elevated risk.
func DefaultPolicy() []FraudRule {
	when := func(yes func(commerce.Facts) bool) func(context.Context, commerce.Facts) (bool, error) {
		return func(_ context.Context, f commerce.Facts) (bool, error) { return yes(f), nil }
	}
	risk := func(level string) func(context.Context, commerce.Facts) (bool, error) {
		return when(func(f commerce.Facts) bool {
			return slices.ContainsFunc(f.Payments, func(p commerce.Payment) bool { return gives(p) && p.Risk.Level == level })
		})
	}
	review := func(is func(commerce.Review) bool) func(context.Context, commerce.Facts) (bool, error) {
		return when(func(f commerce.Facts) bool { return slices.ContainsFunc(f.Reviews, is) })
	}
	return []FraudRule{
		{"warning", when(func(f commerce.Facts) bool {
			return slices.ContainsFunc(f.Warnings, func(w commerce.FraudWarning) bool { return w.Actionable })
		}), HoldOrder},
		{"review", review(func(r commerce.Review) bool { return r.Open }), HoldOrder},
		{"approved", review(func(r commerce.Review) bool { return r.Closed == "approved" }), LetGo},
		{"score", when(func(f commerce.Facts) bool { return f.Score.Points >= 60 }), HoldOrder},
		{"highest", risk("highest"), HoldOrder},
		{"elevated", risk("elevated"), Queue},
	}
}

// Fraud keeps orders from being fulfilled that may be fraud. It looks at what the
// processor's own check says of the payments, at reviews, early fraud warnings and
// disputes, and at a score of the host's, and does what the first rule of its policy that
// holds says.
//
// It stands before fulfilment by [OrderToCash].Clear, which has to be its Clear, so that an
// order can not slip by while a look-up fails; its handlers take the later news: a review
// that ends, a warning that comes days after.
//
//	fraud := &workflow.Fraud{OrderToCash: o2c, Risks: pay, Scorer: &workflow.Signs{Sightings: …}}
//	o2c.Clear = fraud.Clear
//	handlers := inbox.Merge(o2c.Handlers(), fraud.Handlers())
//
// A cause (the rule, and the payments, reviews and warnings that it saw) holds an order
// once: after it was released, by a rule, by a person's [Fraud.Decided], or by somebody who
// ended the hold at the shop, only other evidence holds it again.
type Fraud struct {
	// OrderToCash takes the orders up: its ports and settings serve here as well. Required.
	OrderToCash *OrderToCash
	Risks       RiskPayments // required
	// Disputes lets rules see disputes. Nil: they see none.
	Disputes DisputePayments
	// Refunds gives money back. Needed where a rule says ReturnMoney.
	Refunds RefundPayments
	// Captures releases reserved money, for ReturnMoney. Nil: a person is told to.
	Captures CapturePayments
	// Scorer judges orders. Nil: the score is nought.
	Scorer Scorer
	// Policy are the rules, asked in order; the first that holds counts. Where none does,
	// nothing is done, and what is held stays so.
	//
	// Nil: DefaultPolicy.
	Policy []FraudRule
	// ApproveReviews closes the processor's review of an order as approved that a person
	// lets go.
	ApproveReviews bool
}

// Check reports the first setting that can not work, as an error of kind invalid that
// names the field.
func (f *Fraud) Check() error {
	if err := check("Fraud", []field{{"OrderToCash", f.OrderToCash == nil}, {"Risks", f.Risks == nil},
		{"OrderToCash.Clear", f.OrderToCash != nil && f.OrderToCash.Clear == nil}}, nil, nil); err != nil {
		return err
	}
	names := map[string]bool{}
	for i, r := range f.policy() {
		switch {
		case r.Name == "" || strings.ContainsAny(r.Name, " /") || names[r.Name]:
			return refuse(commerce.KindInvalid, "check Fraud", "", "Policy[%d].Name %q is empty, taken, or has a space or a slash in it", i, r.Name)
		case r.When == nil:
			return refuse(commerce.KindInvalid, "check Fraud", "", "Policy[%d].When is nil", i)
		case !slices.Contains(fraudActions, r.Do):
			return refuse(commerce.KindInvalid, "check Fraud", "", "Policy[%d].Do is %q, no action", i, r.Do)
		case r.Do == ReturnMoney && f.Refunds == nil:
			return refuse(commerce.KindInvalid, "check Fraud", "", "Policy[%d].Do is %q, and Refunds is missing", i, r.Do)
		}
		names[r.Name] = true
	}
	return f.OrderToCash.Check()
}

func (f *Fraud) policy() []FraudRule {
	if f.Policy == nil {
		return DefaultPolicy()
	}
	return f.Policy
}

const (
	// kindOrderFraud is the type of the internal event for a payment that is for several orders.
	kindOrderFraud = "order.fraud"
	// orderDecided is a person's decision about an order, in the name of the shop.
	orderDecided = "order.decided"
)

var fraudTypes = []string{"review.opened", "review.closed", "radar.early_fraud_warning.created", "radar.early_fraud_warning.updated"}

// Handlers returns what an inbox is to call for which events.
func (f *Fraud) Handlers() inbox.Handlers {
	if f.OrderToCash == nil || f.OrderToCash.Shop == nil {
		return nil
	}
	hs, name := inbox.Handlers{}, nameOf("fraud", f.OrderToCash.Shop.Origin().Account)
	on := func(kind string, handle func(context.Context, desk, commerce.Event) error) {
		hs[kind] = []inbox.Handler{{Name: name, Handle: func(ctx context.Context, e commerce.Event) error {
			if err := f.Check(); err != nil {
				return misconfigured(err)
			}
			return handle(ctx, f.OrderToCash.desk(), e)
		}}}
	}
	news := func(ctx context.Context, d desk, e commerce.Event) error {
		return d.work(ctx, e, kindOrderFraud, func(ctx context.Context, a account) error { return f.look(ctx, d, e, a) })
	}
	for _, t := range fraudTypes {
		on(processor+" "+t, news)
	}
	on(internal+" "+kindOrderFraud, news)
	on(f.OrderToCash.Shop.System()+" "+orderDecided, f.decided)
	return hs
}

// Clear reports whether an order may be fulfilled; see [OrderToCash].Clear.
func (f *Fraud) Clear(ctx context.Context, facts commerce.Facts) (bool, error) {
	if err := f.Check(); err != nil {
		return false, misconfigured(err)
	}
	d := f.OrderToCash.desk()
	facts, err := f.complete(ctx, facts)
	if err != nil {
		return false, err
	}
	v, err := f.judge(ctx, d, facts)
	if err != nil {
		return false, err
	}
	_, waits, err := f.carryOut(ctx, d, facts, v)
	return !waits, err
}

// look judges an order after news of a payment, and lets it go on where that ended a hold.
func (f *Fraud) look(ctx context.Context, d desk, e commerce.Event, a account) error {
	facts, err := f.complete(ctx, commerce.Facts{Order: a.order, Payments: a.all})
	if err != nil {
		return err
	}
	v, err := f.judge(ctx, d, facts)
	if err != nil {
		return err
	}
	return f.settle(ctx, d, e, facts, v)
}

// settle carries a verdict out, and tells the other workflows of an order that goes on.
func (f *Fraud) settle(ctx context.Context, d desk, e commerce.Event, facts commerce.Facts, v verdict) error {
	o, waits, err := f.carryOut(ctx, d, facts, v)
	if err != nil || waits {
		return err
	}
	all, err := d.heldFors(ctx, o.Ref)
	if err != nil || len(all) == 0 {
		return err
	}
	return d.goOn(ctx, e, o, all)
}

// complete adds to the facts what the processor and the scorer say.
func (f *Fraud) complete(ctx context.Context, facts commerce.Facts) (commerce.Facts, error) {
	for _, p := range facts.Payments {
		if p.Risk.Review != "" {
			r, err := f.Risks.Review(ctx, p.Ref.With(p.Risk.Review))
			if err != nil {
				return facts, err
			}
			facts.Reviews = append(facts.Reviews, r)
		}
		if !gives(p) {
			continue
		}
		warnings, err := f.Risks.Warnings(ctx, p.Ref)
		if err != nil {
			return facts, err
		}
		facts.Warnings = append(facts.Warnings, warnings...)
		if f.Disputes == nil {
			continue
		}
		disputes, err := f.Disputes.DisputesOf(ctx, p.Ref)
		if err != nil {
			return facts, err
		}
		facts.Disputes = append(facts.Disputes, disputes...)
	}
	if f.Scorer == nil {
		return facts, nil
	}
	var err error
	facts.Score, err = f.Scorer.Score(ctx, facts)
	return facts, err
}

// gives reports whether a payment is money, was, or may become some.
func gives(p commerce.Payment) bool {
	switch p.Status {
	case commerce.PaymentCaptured, commerce.PaymentAuthorised, commerce.PaymentPending, commerce.PaymentReturned:
		return true
	}
	return false
}

// verdict is what is to be done with an order, and for what cause. The zero value is none.
type verdict struct {
	do         FraudAction
	cause, why string
	person     bool // has said so
}

// judge asks the policy. What was judged and released before is no verdict any more.
func (f *Fraud) judge(ctx context.Context, d desk, facts commerce.Facts) (verdict, error) {
	for _, r := range f.policy() {
		yes, err := r.When(ctx, facts)
		if err != nil {
			e := refuse(commerce.KindOf(err), "judge order "+facts.Order.Ref.ID, "", "rule %s", r.Name)
			e.RetryAfter, e.Err = commerce.RetryAfter(err), err
			return verdict{}, e
		}
		if !yes {
			continue
		}
		v := verdict{do: r.Do, cause: "fraud " + r.Name + " " + evidenceOf(facts), why: reasons(r.Name, facts)}
		if v.do == LetGo {
			return v, nil
		}
		if over, err := d.done(ctx, keyReleased(facts.Order.Ref, v.cause)); over || err != nil {
			return verdict{}, err
		}
		return v, nil
	}
	return verdict{}, nil
}

// evidenceOf names what a rule saw: the same again is no other cause.
func evidenceOf(f commerce.Facts) string {
	ids := []string{}
	for _, p := range f.Payments {
		if gives(p) {
			ids = append(ids, p.Ref.ID)
		}
	}
	for _, r := range f.Reviews {
		ids = append(ids, r.Ref.ID)
	}
	for _, w := range f.Warnings {
		ids = append(ids, w.Ref.ID)
	}
	for _, x := range f.Disputes {
		ids = append(ids, x.Ref.ID)
	}
	slices.Sort(ids)
	return hashOf(slices.Compact(ids))
}

// reasons says for people what speaks against an order, without personal data.
func reasons(rule string, f commerce.Facts) string {
	out := []string{"rule " + rule}
	for _, p := range f.Payments {
		if gives(p) && p.Risk.Level != "" {
			out = append(out, fmt.Sprintf("%s has risk %s, score %d", p.Ref.ID, p.Risk.Level, p.Risk.Score))
		}
	}
	for _, r := range f.Reviews {
		state := "open"
		if !r.Open {
			state = r.Closed
		}
		out = append(out, fmt.Sprintf("review %s is %s", r.Ref.ID, state))
	}
	for _, w := range f.Warnings {
		out = append(out, fmt.Sprintf("early fraud warning %s (%s)", w.Ref.ID, w.Type))
	}
	for _, x := range f.Disputes {
		out = append(out, fmt.Sprintf("dispute %s (%s) is %s", x.Ref.ID, x.Reason, x.Status))
	}
	for _, r := range f.Score.Reasons {
		out = append(out, fmt.Sprintf("%s, %d points", r.Text, r.Points))
	}
	return strings.Join(out, "; ")
}

// FraudDecision is what a person decides about an order.
type FraudDecision struct {
	Do  FraudAction `json:"do"`
	By  string      `json:"by"` // who says so, as the host knows them: an id, not a name
	Why string      `json:"why"`
}

// Decided is the event that carries a person's decision about an order: append it to the
// inbox. It is worked under the order's lease, like all other news of it.
func (f *Fraud) Decided(order commerce.Ref, x FraudDecision) (commerce.Event, error) {
	if !slices.Contains(fraudActions, x.Do) || x.Do == ReturnMoney && f.Refunds == nil {
		return commerce.Event{}, refuse(commerce.KindInvalid, "decide about "+order.ID, "", "%q is no action, or Refunds is missing", x.Do)
	}
	raw, err := json.Marshal(x)
	if err != nil {
		return commerce.Event{}, commerce.Errorf(commerce.KindInternal, system, "decide about "+order.ID, "%w", err)
	}
	now := f.OrderToCash.desk().now()
	return commerce.Event{Ref: order.With(fmt.Sprintf("%s decided %s", order.ID, hashOf(x, now.Format(time.RFC3339Nano)))),
		Type: orderDecided, Object: order.ID, Subject: order.ID, Created: now, Raw: raw}, nil
}

func (f *Fraud) decided(ctx context.Context, d desk, e commerce.Event) error {
	var x FraudDecision
	if err := json.Unmarshal(e.Raw, &x); err != nil || !slices.Contains(fraudActions, x.Do) {
		return refuse(commerce.KindInvalid, "read decision "+e.Ref.ID, "", "it names no action")
	}
	order := e.SubjectRef()
	if !d.owns(ctx, e, order) {
		return nil
	}
	if err := d.links.Link(ctx, order); err != nil {
		return err
	}
	a, err := d.account(ctx, e, commerce.Ref{}, order)
	if err != nil {
		return err
	}
	facts, err := f.complete(ctx, commerce.Facts{Order: a.order, Payments: a.all})
	if err != nil {
		return err
	}
	if x.Do == LetGo { // also what the policy would hold for, of what is known now
		v, err := f.judge(ctx, d, facts)
		if err != nil {
			return err
		}
		if v.do != LetGo && v.cause != "" {
			if err := d.releaseOf(ctx, order, x.By, heldFor{Cause: v.cause}); err != nil {
				return err
			}
		}
		if err := f.approve(ctx, d, facts); err != nil {
			return err
		}
	}
	return f.settle(ctx, d, e, facts, verdict{do: x.Do, cause: "fraud decision " + hashOf(e.Ref),
		why: "decision of " + x.By + ": " + x.Why, person: true})
}

// approve closes the reviews of an order that a person lets go.
func (f *Fraud) approve(ctx context.Context, d desk, facts commerce.Facts) error {
	if !f.ApproveReviews {
		return nil
	}
	for _, r := range facts.Reviews {
		if !r.Open {
			continue
		}
		if _, err := d.step(ctx, "payment.approve/"+r.Ref.String(), f.Risks.Approve(r.Ref)); err != nil {
			return err
		}
	}
	return nil
}
