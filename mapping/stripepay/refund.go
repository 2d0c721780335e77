package stripepay

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/stripe"
)

// of names a payment in a list: its intent, or its charge where it has none.
func (p *Pay) of(ctx context.Context, op string, payment commerce.Ref) (intent, charge *string, err error) {
	if err := p.check(op, payment); err != nil {
		return nil, nil, err
	}
	switch prefix, _, _ := strings.Cut(payment.ID, "_"); prefix {
	case "pi":
		return &payment.ID, nil, nil
	case "ch", "py":
		ch, err := p.client.Charges.Get(ctx, payment.ID)
		if err != nil {
			return nil, nil, err
		}
		if id := string(ch.PaymentIntent); id != "" {
			return &id, nil, nil
		}
		return nil, &ch.ID, nil
	}
	return nil, nil, commerce.Errorf(commerce.KindInvalid, System, op, "%.40q is no id of a payment intent or a charge", payment.ID)
}

// Refunds returns the refunds of a payment, of all of its charges, whoever made them and
// whatever became of them, oldest first.
//
// What was reserved and not taken is none, though before API version 2025-03-31 Stripe
// lists a refund for it: of a capture of less than was authorised, which its movement
// tells, and of an authorisation that was released, of whose charge nothing was captured.
//
// Errors: those of [Pay.Payment]; kind mapping for a status that is not known.
func (p *Pay) Refunds(ctx context.Context, payment commerce.Ref) ([]commerce.Refund, error) {
	op := "list refunds of " + payment.ID
	intent, charge, err := p.of(ctx, op, payment)
	if err != nil {
		return nil, err
	}
	if err := p.keyMode(ctx, op); err != nil { // refunds do not say whether they are live
		return nil, err
	}
	params := &stripe.RefundListParams{PaymentIntent: intent, Charge: charge}
	params.AddExpand("data.balance_transaction")
	params.AddExpand("data.charge")
	var out []commerce.Refund
	for re, err := range p.client.Refunds.List(ctx, params) {
		if err != nil {
			return nil, err
		}
		if released(&re) {
			continue
		}
		got, err := p.OfRefund(&re)
		if err != nil {
			return nil, err
		}
		out = append(out, got)
	}
	slices.Reverse(out)
	return out, nil
}

// released reports whether a refund stands for money that was reserved and not taken.
func released(re *stripe.Refund) bool {
	if bt := re.BalanceTransaction.Object; bt != nil {
		return bt.ReportingCategory == "partial_capture_reversal"
	}
	captured := gjson.GetBytes(re.Raw, "charge.amount_captured")
	return captured.Exists() && captured.Int() == 0
}

// OfRefund says a refund in canonical words. It makes no call.
func (p *Pay) OfRefund(re *stripe.Refund) (commerce.Refund, error) {
	r := &reader{document: "stripe " + re.ID, currency: re.Currency}
	out := commerce.Refund{Ref: p.origin.With(re.ID), Payment: p.origin.With(string(re.PaymentIntent)), Charge: string(re.Charge),
		Amount: r.money("amount", re.Amount), Reason: re.Reason, Created: re.Created.Time(),
		Operation: p.c.Metadata.OperationID(re.Metadata), Metadata: re.Metadata}
	if re.PaymentIntent == "" {
		out.Payment = p.origin.With(out.Charge)
	}
	switch re.Status {
	case "pending", "requires_action":
		out.Status = commerce.RefundPending
	case "succeeded", "": // old ones have none
		out.Status = commerce.RefundSucceeded
	case "failed":
		out.Status = commerce.RefundFailed
	case "canceled":
		out.Status = commerce.RefundCanceled
	default:
		return commerce.Refund{}, mapping.Faultf(r.document, "status", re.Status, "is no status of a refund that is known")
	}
	if r.err != nil {
		return commerce.Refund{}, r.err
	}
	var err error
	out.Orders, err = p.c.Metadata.Read(r.document, re.Metadata, out.Amount.Currency())
	return out, err
}

// GiveBack makes one refund, whose metadata names the order, and the key as operation id.
// It may be pending. Keyed for 24 hours; after that it is found among the refunds of the
// payment by its operation id.
//
// Errors of Act, not sent: kind conflict with Stripe's code where Stripe refuses
// ("charge_already_refunded", "refund_disputed_payment", "amount_too_large" for more than
// is left of the charge), or with mapping.CodeRefundCurrency where the payment is in another
// currency; kind invalid for an amount that Stripe does not take.
func (p *Pay) GiveBack(r mapping.RefundRequest) idempotency.Effect[commerce.Refund] {
	op := "refund " + r.Payment.ID
	return idempotency.Effect[commerce.Refund]{Class: idempotency.Keyed, Settle: p.c.Settle, Retention: retention,
		Find: func(ctx context.Context) (commerce.Refund, error) {
			all, err := p.Refunds(ctx, r.Payment)
			if err != nil {
				return commerce.Refund{}, err
			}
			for _, re := range all {
				if re.Operation == r.Key {
					return re, nil
				}
			}
			return commerce.Refund{}, &commerce.Error{Kind: commerce.KindNotFound, System: System, Op: op, Text: "no refund of the payment has this operation id"}
		},
		Act: func(ctx context.Context) (commerce.Refund, error) {
			params, err := p.refundParams(op, r)
			if err == nil {
				err = p.sameCurrency(ctx, op, r)
			}
			if err != nil {
				return commerce.Refund{}, refused(op, err)
			}
			re, err := p.client.Refunds.Create(ctx, params)
			if err != nil {
				return commerce.Refund{}, unrefundable(op, err)
			}
			return p.OfRefund(re)
		}}
}

func (p *Pay) refundParams(op string, r mapping.RefundRequest) (*stripe.RefundParams, error) {
	if err := p.check(op, r.Payment); err != nil {
		return nil, err
	}
	if r.Order.Ref.Mode != p.origin.Mode || r.Order.Ref.Tenant != p.origin.Tenant {
		return nil, p.check(op, commerce.Ref{Tenant: r.Order.Ref.Tenant, System: System, Account: p.origin.Account, Mode: r.Order.Ref.Mode})
	}
	amount, err := positive(r.Amount)
	if err != nil {
		return nil, err
	}
	if r.Key == "" {
		return nil, commerce.Errorf(commerce.KindInvalid, System, op, "RefundRequest.Key is empty")
	}
	params := &stripe.RefundParams{Amount: &amount}
	if params.Metadata, err = p.c.Metadata.Write([]commerce.OrderHint{{ID: strings.TrimPrefix(r.Order.Ref.ID, "order/"),
		Number: r.Order.Number, Store: r.Order.Store}}, r.Key); err != nil {
		return nil, err
	}
	switch {
	case r.Charge != "":
		params.Charge = &r.Charge
	case strings.HasPrefix(r.Payment.ID, "pi_"):
		params.PaymentIntent = &r.Payment.ID
	case strings.HasPrefix(r.Payment.ID, "ch_"), strings.HasPrefix(r.Payment.ID, "py_"):
		params.Charge = &r.Payment.ID
	default:
		return nil, commerce.Errorf(commerce.KindInvalid, System, op, "%.40q is no id of a payment intent or a charge", r.Payment.ID)
	}
	if r.Reason != "" {
		params.Reason = &r.Reason
	}
	params.SetIdempotencyKey(r.Key)
	return params, nil
}

// sameCurrency refuses to give back an amount in another currency than was paid in: a
// refund names none, so that Stripe would take its number for the charge's.
func (p *Pay) sameCurrency(ctx context.Context, op string, r mapping.RefundRequest) error {
	paid, err := p.Payment(ctx, r.Payment)
	if err != nil {
		return err
	}
	if c := paid.Amount.Currency(); c != r.Amount.Currency() {
		e := commerce.Errorf(commerce.KindConflict, System, op, "%s are to go back of a payment in %s", r.Amount, c)
		e.Code, e.Outcome = mapping.CodeRefundCurrency, commerce.NotSent
		return e
	}
	return nil
}

// positive is an amount in Stripe's unit.
func positive(m commerce.Money) (int64, error) {
	amount, err := m.Stripe(commerce.StripeCharge)
	if err == nil && amount <= 0 {
		err = &commerce.AmountError{Text: m.Text(), Currency: m.Currency(), Reason: "is not above nought"}
	}
	return amount, err
}

// unrefundable makes a conflict of a refusal that says that the payment, as it stands,
// does not allow the refund.
func unrefundable(op string, err error) error {
	api, ok := errors.AsType[*stripe.APIError](err)
	if !ok || !commerce.SafeToRetry(err) {
		return err
	}
	code := api.Code
	switch {
	case code == "charge_already_refunded", code == "refund_disputed_payment", code == "charge_disputed", code == "balance_insufficient",
		code == "charge_not_refundable", code == "payment_intent_unexpected_state", code == "amount_too_large":
	case api.Type == "invalid_request_error" && api.Param == "amount":
		code = "amount_too_large"
	case api.Type == "invalid_request_error" && api.Param == "charge" && code == "":
		code = "charge_not_refundable"
	default:
		return err
	}
	return &commerce.Error{Kind: commerce.KindConflict, System: System, Op: op, Code: code, Outcome: commerce.NotSent, Err: err}
}
