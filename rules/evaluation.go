package rules

import (
	"context"
	"fmt"

	"cel.dev/cel-go/common/functions"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"

	"github.com/commercesync/commerce"
)

// evaluation is one order being judged: what names mean now. Totals are computed
// when an expression asks for them.
type evaluation struct {
	rule  *Rule
	ctx   context.Context
	facts commerce.Facts
	now   ref.Val
	calls int
}

var _ interpreter.FunctionActivation = (*evaluation)(nil)

// Parent is none.
func (*evaluation) Parent() interpreter.Activation { return nil }

// ResolveName says what a variable means.
func (e *evaluation) ResolveName(name string) (any, bool) {
	f := &e.facts
	switch name {
	case "order":
		return &f.Order, true
	case "payments":
		return list[commerce.Payment]{f.Payments}, true
	case "refunds":
		return list[commerce.Refund]{f.Refunds}, true
	case "earlier":
		return list[commerce.Order]{f.Earlier}, true
	case "reviews":
		return list[commerce.Review]{f.Reviews}, true
	case "warnings":
		return list[commerce.FraudWarning]{f.Warnings}, true
	case "disputes":
		return list[commerce.Dispute]{f.Disputes}, true
	case "score":
		return &f.Score, true
	case "now":
		if e.now == nil {
			e.now = types.Timestamp{Time: e.rule.cfg.Now()}
		}
		return e.now, true
	case "payment_state":
		state, err := paymentState(f)
		if err != nil {
			return moneyOr(commerce.Money{}, err), true
		}
		return types.String(state), true
	case "due":
		return moneyOr(f.Order.Due()), true
	case "paid":
		return moneyOr(given(f, commerce.PaymentCaptured)), true
	case "authorised":
		return moneyOr(given(f, commerce.PaymentAuthorised)), true
	case "refunded":
		return moneyOr(refunded(f)), true
	}
	return nil, false
}

// ResolveFunction lends a function the facts, or the caller's context.
func (e *evaluation) ResolveFunction(name string) (functions.LateBoundOp, bool) {
	if name == "earlier_total" {
		return func(_ string, args ...ref.Val) ref.Val { return e.earlierTotal(args[0]) }, true
	}
	f, ok := e.rule.calls[name]
	if !ok {
		return nil, false
	}
	return func(_ string, args ...ref.Val) ref.Val {
		if e.calls++; e.calls > e.rule.cfg.MaxCalls {
			return types.WrapErr(&callError{name, &commerce.Error{Kind: commerce.KindLimit, System: system,
				Op: "call", Text: fmt.Sprintf("more than Config.MaxCalls %d calls for one order", e.rule.cfg.MaxCalls)}})
		}
		return f.call(e.ctx, args)
	}, true
}

// share is what a payment gives at its status.
func share(p commerce.Payment) commerce.Money {
	m := p.Amount
	switch p.Status {
	case commerce.PaymentCaptured:
		m = p.Captured
	case commerce.PaymentAuthorised:
		m = p.Authorised
	case commerce.PaymentReturned:
		if p.Captured.Sign() > 0 {
			m = p.Captured
		}
	}
	return orNought(m, p.Amount.Currency())
}

// given sums the payments of a status, in the order's currency.
func given(f *commerce.Facts, status commerce.PaymentStatus) (commerce.Money, error) {
	total := commerce.Zero(f.Order.Currency)
	var err error
	for i := range f.Payments {
		if f.Payments[i].Status != status {
			continue
		}
		if total, err = total.Add(share(f.Payments[i])); err != nil {
			return total, err
		}
	}
	return total, nil
}

// refunded sums what went back or is on its way, in the order's currency.
func refunded(f *commerce.Facts) (commerce.Money, error) {
	total := commerce.Zero(f.Order.Currency)
	var err error
	for i := range f.Refunds {
		switch f.Refunds[i].Status {
		case commerce.RefundPending, commerce.RefundSucceeded:
			if total, err = total.Add(f.Refunds[i].Amount); err != nil {
				return total, err
			}
		}
	}
	return total, nil
}

// paymentState counts every payment as whole for this order.
func paymentState(f *commerce.Facts) (commerce.PaymentState, error) {
	due, err := f.Order.Due()
	if err != nil {
		return "", err
	}
	var all []commerce.Allocation
	for _, p := range f.Payments {
		switch p.Status {
		case commerce.PaymentFailed, commerce.PaymentCanceled, commerce.PaymentAction:
			continue
		}
		all = append(all, commerce.Allocation{Payment: p.Ref, Order: f.Order.Ref, Amount: share(p), Status: p.Status})
	}
	return commerce.PaymentStateOf(due, all)
}

// earlierTotal sums the earlier orders in a currency that were not canceled.
func (e *evaluation) earlierTotal(currency ref.Val) ref.Val {
	code, ok := currency.(types.String)
	c, err := commerce.ParseCurrency(string(code))
	if !ok || err != nil {
		return fault("bad_money", "the text in earlier_total() is no ISO 4217 currency")
	}
	total := commerce.Zero(c)
	for i := range e.facts.Earlier {
		o := &e.facts.Earlier[i]
		if o.State == commerce.OrderCanceled || o.Totals.Gross.Currency() != c {
			continue
		}
		if total, err = total.Add(o.Totals.Gross); err != nil {
			break
		}
	}
	return moneyOr(total, err)
}
