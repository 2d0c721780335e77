package stripepay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/stripe"
)

// authorisedFor is how long a card's authorisation lasts where the charge does not say.
// Source: docs.stripe.com/payments/place-a-hold-on-a-payment-method, read 2026-11.
const authorisedFor = 7 * 24 * time.Hour

// Authorisation reads what a payment reserves, and what was taken of it by whomever. One
// that never was an authorisation, or is none any more, has nothing Capturable. Errors:
// those of [Pay.Payment].
func (p *Pay) Authorisation(ctx context.Context, payment commerce.Ref) (mapping.Authorisation, error) {
	a, _, err := p.authorisation(ctx, "read authorisation "+payment.ID, payment)
	return a, err
}

// authorisation also returns the metadata, which names the captures that we made.
func (p *Pay) authorisation(ctx context.Context, op string, payment commerce.Ref) (mapping.Authorisation, map[string]string, error) {
	intent, charge, err := p.of(ctx, op, payment)
	if err != nil {
		return mapping.Authorisation{}, nil, err
	}
	if intent != nil {
		pi, err := p.client.PaymentIntents.Get(ctx, *intent, "latest_charge")
		if err != nil {
			return mapping.Authorisation{}, nil, err
		}
		a, err := p.reserved(op, pi)
		return a, pi.Metadata, err
	}
	ch, err := p.client.Charges.Get(ctx, *charge)
	if err != nil {
		return mapping.Authorisation{}, nil, err
	}
	if err := p.sameMode(op, ch.ID, ch.Livemode); err != nil {
		return mapping.Authorisation{}, nil, err
	}
	capturable := int64(0)
	if ch.Status == "succeeded" && !ch.Captured && !ch.Refunded {
		capturable = ch.Amount - ch.AmountCaptured
	}
	a, err := p.onCharge(mapping.Authorisation{Payment: p.origin.With(ch.ID), Manual: !ch.Captured}, ch, capturable)
	return a, ch.Metadata, err
}

// reserved says what an intent reserves.
func (p *Pay) reserved(op string, pi *stripe.PaymentIntent) (mapping.Authorisation, error) {
	if err := p.sameMode(op, pi.ID, pi.Livemode); err != nil {
		return mapping.Authorisation{}, err
	}
	out := mapping.Authorisation{Payment: p.origin.With(pi.ID), Charge: pi.LatestCharge.ID, Manual: pi.CaptureMethod == "manual"}
	if ch := pi.LatestCharge.Object; ch != nil {
		return p.onCharge(out, ch, pi.AmountCapturable)
	}
	r := &reader{document: "stripe " + pi.ID, currency: pi.Currency}
	out.Amount, out.Capturable, out.Captured = r.money("amount", pi.Amount), r.money("amount_capturable", pi.AmountCapturable), r.money("amount_received", pi.AmountReceived)
	return out, r.err
}

func (p *Pay) onCharge(out mapping.Authorisation, ch *stripe.Charge, capturable int64) (mapping.Authorisation, error) {
	r := &reader{document: "stripe " + ch.ID, currency: ch.Currency}
	out.Charge, out.Amount = ch.ID, r.money("amount", ch.Amount)
	out.Capturable, out.Captured = r.money("amount_capturable", capturable), r.money("amount_captured", ch.AmountCaptured)
	card := ch.PaymentMethodDetails.Card
	out.Several = card != nil && card.Multicapture != nil && card.Multicapture.Status == "available"
	if capturable > 0 {
		out.Expires = ch.Created.Time().Add(authorisedFor)
		if card != nil && card.CaptureBefore != 0 {
			out.Expires = card.CaptureBefore.Time()
		}
	}
	return out, r.err
}

// Authorised yields the payments that were made since and reserve something now, newest
// first. Charges without an intent are not among them. An error ends it.
func (p *Pay) Authorised(ctx context.Context, since time.Time) iter.Seq2[mapping.Authorisation, error] {
	return func(yield func(mapping.Authorisation, error) bool) {
		params := &stripe.PaymentIntentListParams{CreatedRange: within(since, time.Time{})}
		params.AddExpand("data.latest_charge")
		for pi, err := range p.client.PaymentIntents.List(ctx, params) {
			var a mapping.Authorisation
			if err == nil && pi.Status != "requires_capture" {
				continue
			}
			if err == nil {
				a, err = p.reserved("list authorisations", &pi)
			}
			if !yield(a, err) || err != nil {
				return
			}
		}
	}
}

// capturedBy is the name in the metadata under which a capture leaves its key: an intent
// may be captured several times, and its operation id is that of the request that made it.
func capturedBy(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "commerce_capture_" + hex.EncodeToString(sum[:8])
}

// Capture takes an amount of what is reserved. The document's Ref is the payment and its
// Total what was taken. Keyed for 24 hours; after that it is found by its key in the
// payment's metadata, which is written with the capture. A charge without an intent takes
// no such mark: it is found by the amount that was captured.
//
// Where r is not Final and the payment can not be captured in parts, Stripe refuses.
//
// Errors of Act, not sent: kind conflict, code "not_capturable" where nothing is reserved
// any more, "amount_too_large" where less is.
func (p *Pay) Capture(r mapping.CaptureRequest) idempotency.Effect[commerce.Document] {
	op := "capture " + r.Payment.ID
	done := commerce.Document{Ref: r.Payment, State: "captured", Total: r.Amount}
	return idempotency.Effect[commerce.Document]{Class: idempotency.Keyed, Settle: p.c.Settle, Retention: retention,
		Find: func(ctx context.Context) (commerce.Document, error) {
			a, metadata, err := p.authorisation(ctx, op, r.Payment)
			if err != nil {
				return commerce.Document{}, err
			}
			if metadata[capturedBy(r.Key)] == r.Key || !strings.HasPrefix(a.Payment.ID, "pi_") && a.Captured == r.Amount {
				return done, nil
			}
			return commerce.Document{}, &commerce.Error{Kind: commerce.KindNotFound, System: System, Op: op, Text: "no capture has this key"}
		},
		Act: func(ctx context.Context) (commerce.Document, error) {
			intent, charge, err := p.of(ctx, op, r.Payment)
			amount := int64(0)
			if err == nil {
				amount, err = positive(r.Amount)
			}
			if err == nil && r.Key == "" {
				err = commerce.Errorf(commerce.KindInvalid, System, op, "CaptureRequest.Key is empty")
			}
			md := map[string]string{capturedBy(r.Key): r.Key}
			if err == nil {
				err = mapping.CheckMetadata(md)
			}
			if err == nil {
				err = p.keyMode(ctx, op)
			}
			if err != nil {
				return commerce.Document{}, refused(op, err)
			}
			if charge != nil {
				params := &stripe.ChargeCaptureParams{Amount: &amount}
				params.SetIdempotencyKey(r.Key)
				_, err = p.client.Charges.Capture(ctx, *charge, params)
			} else {
				params := &stripe.PaymentIntentCaptureParams{AmountToCapture: &amount}
				params.Metadata = md
				if !r.Final {
					params.FinalCapture = new(false)
				}
				params.SetIdempotencyKey(r.Key)
				_, err = p.client.PaymentIntents.Capture(ctx, *intent, params)
			}
			if err != nil {
				return commerce.Document{}, uncapturable(op, err)
			}
			return done, nil
		}}
}

// uncapturable makes a conflict of a refusal that says how the authorisation stands.
func uncapturable(op string, err error) error {
	api, ok := errors.AsType[*stripe.APIError](err)
	if !ok || !commerce.SafeToRetry(err) {
		return err
	}
	code := ""
	switch api.Code {
	case "payment_intent_unexpected_state", "charge_already_captured", "charge_already_refunded", "charge_expired_for_capture", "capture_charge_authorization_expired":
		code = "not_capturable"
	case "amount_too_large":
		code = api.Code
	default:
		return err
	}
	return &commerce.Error{Kind: commerce.KindConflict, System: System, Op: op, Code: code, Outcome: commerce.NotSent, Err: err}
}

// Void releases what is reserved; what was captured of it before stays. Guarded: a payment
// that reserves nothing is found.
//
// Errors of Act, not sent: kind conflict, code "captured", where a part was taken and
// Stripe does not release the rest alone.
func (p *Pay) Void(payment commerce.Ref) idempotency.Effect[commerce.Document] {
	op := "void " + payment.ID
	return idempotency.Effect[commerce.Document]{Class: idempotency.Guarded, Settle: p.c.Settle,
		Find: func(ctx context.Context) (commerce.Document, error) {
			a, err := p.Authorisation(ctx, payment)
			switch {
			case err != nil:
				return commerce.Document{}, err
			case a.Capturable.Sign() > 0:
				return commerce.Document{}, &commerce.Error{Kind: commerce.KindNotFound, System: System, Op: op, Text: a.Capturable.String() + " are reserved"}
			}
			return commerce.Document{Ref: payment, State: "released", Total: a.Captured}, nil
		},
		Act: func(ctx context.Context) (commerce.Document, error) {
			a, err := p.Authorisation(ctx, payment)
			if err != nil {
				return commerce.Document{}, refused(op, err)
			}
			if strings.HasPrefix(a.Payment.ID, "pi_") {
				params := &stripe.PaymentIntentCancelParams{}
				params.SetIdempotencyKey("void/" + a.Payment.ID + "/" + a.Charge + "/" + a.Captured.Text())
				_, err = p.client.PaymentIntents.Cancel(ctx, a.Payment.ID, params)
			} else {
				params := &stripe.RefundParams{Charge: &a.Charge} // which releases one that was not captured
				params.SetIdempotencyKey("void/" + a.Charge)
				_, err = p.client.Refunds.Create(ctx, params)
			}
			if err != nil && a.Captured.Sign() > 0 && commerce.SafeToRetry(err) {
				err = &commerce.Error{Kind: commerce.KindConflict, System: System, Op: op, Code: "captured", Outcome: commerce.NotSent, Err: err}
			}
			if err != nil {
				return commerce.Document{}, err
			}
			return commerce.Document{Ref: payment, State: "released", Total: a.Captured}, nil
		}}
}
