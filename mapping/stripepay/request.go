package stripepay

import (
	"context"
	"errors"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/stripe"
)

// Request opens a way to pay what is due on an order: a Checkout session where the
// request names a ReturnURL, else a payment intent. Its metadata names the order by
// id, number and store, and the request's key as operation id. Keyed for 24 hours; an
// outcome still unknown after that is found as closed: the address of the session, or
// the secret of the intent, was in the answer that nobody got, so that nobody can pay
// by it.
//
// Errors of Act, not sent: kind invalid for an amount that Stripe does not take
// (*commerce.AmountError); kind limit for metadata beyond Stripe's bounds.
func (p *Pay) Request(r mapping.PaymentRequest) idempotency.Effect[mapping.Open] {
	return idempotency.Effect[mapping.Open]{Class: idempotency.Keyed, Settle: p.c.Settle, Retention: retention,
		Find: func(context.Context) (mapping.Open, error) {
			return mapping.Open{Amount: r.Amount, Status: mapping.OpenClosed}, nil
		},
		Act: func(ctx context.Context) (mapping.Open, error) {
			op := "request payment of " + r.Order.Ref.ID
			if r.Order.Ref.Mode != p.origin.Mode || r.Order.Ref.Tenant != p.origin.Tenant {
				return mapping.Open{}, p.check(op, commerce.Ref{Tenant: r.Order.Ref.Tenant, System: System, Account: p.origin.Account, Mode: r.Order.Ref.Mode})
			}
			amount, err := r.Amount.Stripe(commerce.StripeCharge)
			if err == nil && amount <= 0 {
				err = &commerce.AmountError{Text: r.Amount.Text(), Currency: r.Amount.Currency(), Reason: "is not above nought"}
			}
			if err != nil {
				return mapping.Open{}, refused(op, err)
			}
			md, err := p.c.Metadata.Write([]commerce.OrderHint{{ID: strings.TrimPrefix(r.Order.Ref.ID, "order/"),
				Number: r.Order.Number, Store: r.Order.Store}}, r.Key)
			if err != nil {
				return mapping.Open{}, refused(op, err)
			}
			if r.ReturnURL != "" {
				return p.openSession(ctx, op, r, amount, md)
			}
			return p.openIntent(ctx, op, r, amount, md)
		}}
}

// refused marks what was found out before anything was sent.
func refused(op string, err error) error {
	e := &commerce.Error{Kind: commerce.KindOf(err), System: System, Op: op, Outcome: commerce.NotSent,
		RetryAfter: commerce.RetryAfter(err), Err: err}
	if inner, ok := errors.AsType[*commerce.Error](err); ok {
		e.Code = inner.Code
	}
	return e
}

func texts(list []string) []*string {
	var out []*string
	for _, s := range list {
		out = append(out, &s)
	}
	return out
}

func (p *Pay) openIntent(ctx context.Context, op string, r mapping.PaymentRequest, amount int64, md map[string]string) (mapping.Open, error) {
	params := &stripe.PaymentIntentParams{Amount: &amount, Currency: new(r.Amount.Currency().Lower()), PaymentMethodTypes: texts(r.Methods)}
	params.Metadata = md
	params.Description = new("Order " + r.Order.Number)
	params.SetIdempotencyKey(r.Key)
	pi, err := p.client.PaymentIntents.Create(ctx, params)
	if err != nil {
		return mapping.Open{}, err
	}
	return p.openOf(op, pi)
}

func (p *Pay) openSession(ctx context.Context, op string, r mapping.PaymentRequest, amount int64, md map[string]string) (mapping.Open, error) {
	title := "Order " + r.Order.Number
	params := &stripe.CheckoutSessionParams{
		Mode: new("payment"), SuccessURL: &r.ReturnURL, PaymentMethodTypes: texts(r.Methods), Metadata: md,
		LineItems: []*stripe.CheckoutSessionLineItem{{Quantity: new(int64(1)), PriceData: &stripe.CheckoutSessionPrice{
			Currency: new(r.Amount.Currency().Lower()), UnitAmount: &amount, ProductData: &stripe.CheckoutSessionProduct{Name: &title}}}},
		PaymentIntentData: &stripe.CheckoutSessionPaymentIntent{Metadata: md, Description: &title},
	}
	if r.CancelURL != "" {
		params.CancelURL = &r.CancelURL
	}
	params.SetIdempotencyKey(r.Key)
	s, err := p.client.CheckoutSessions.Create(ctx, params)
	if err != nil {
		return mapping.Open{}, err
	}
	return p.openOfSession(op, s)
}

// Opened reads what Request made, as it stands now.
func (p *Pay) Opened(ctx context.Context, ref commerce.Ref) (mapping.Open, error) {
	op := "read request " + ref.ID
	if err := p.check(op, ref); err != nil {
		return mapping.Open{}, err
	}
	if strings.HasPrefix(ref.ID, "cs_") {
		s, err := p.client.CheckoutSessions.Get(ctx, ref.ID)
		if err != nil {
			return mapping.Open{}, err
		}
		return p.openOfSession(op, s)
	}
	pi, err := p.client.PaymentIntents.Get(ctx, ref.ID)
	if err != nil {
		return mapping.Open{}, err
	}
	return p.openOf(op, pi)
}

func (p *Pay) openOf(op string, pi *stripe.PaymentIntent) (mapping.Open, error) {
	if err := p.sameMode(op, pi.ID, pi.Livemode); err != nil {
		return mapping.Open{}, err
	}
	r := &reader{document: "stripe " + pi.ID, currency: pi.Currency}
	open := mapping.Open{Ref: p.origin.With(pi.ID), Amount: r.money("amount", pi.Amount), ClientSecret: pi.ClientSecret,
		Status: mapping.OpenPayable}
	switch pi.Status {
	case "succeeded", "processing", "requires_capture":
		open.Status = mapping.OpenPaid
	case "canceled":
		open.Status = mapping.OpenClosed
	}
	return open, r.err
}

// openOfSession: a session that is complete is paid or being paid, also where the
// money takes days.
func (p *Pay) openOfSession(op string, s *stripe.CheckoutSession) (mapping.Open, error) {
	if err := p.sameMode(op, s.ID, s.Livemode); err != nil {
		return mapping.Open{}, err
	}
	open := mapping.Open{Ref: p.origin.With(s.ID), URL: s.URL, Expires: s.ExpiresAt.Time(), Status: mapping.OpenPayable}
	if s.AmountTotal != nil {
		r := &reader{document: "stripe " + s.ID, currency: s.Currency}
		if open.Amount = r.money("amount_total", *s.AmountTotal); r.err != nil {
			return mapping.Open{}, r.err
		}
	}
	switch s.Status {
	case "complete":
		open.Status = mapping.OpenPaid
	case "expired":
		open.Status = mapping.OpenClosed
	}
	return open, nil
}

// Close ends an open request, so that nobody can pay by it any more. Guarded by its
// state: a closed one is found. One that was paid meanwhile, or is being paid, is of
// kind conflict, code "paid", and stays as it is.
func (p *Pay) Close(ref commerce.Ref) idempotency.Effect[commerce.Document] {
	op := "close request " + ref.ID
	find := func(ctx context.Context) (commerce.Document, error) {
		open, err := p.Opened(ctx, ref)
		switch {
		case err != nil:
			return commerce.Document{}, err
		case open.Status == mapping.OpenPaid:
			return commerce.Document{}, paid(op)
		case open.Status == mapping.OpenPayable:
			return commerce.Document{}, &commerce.Error{Kind: commerce.KindNotFound, System: System, Op: op, Text: "it is still open"}
		}
		return commerce.Document{Ref: ref, State: string(open.Status), Total: open.Amount}, nil
	}
	return idempotency.Effect[commerce.Document]{Class: idempotency.Guarded, Settle: p.c.Settle, Find: find,
		Act: func(ctx context.Context) (commerce.Document, error) {
			if err := p.check(op, ref); err != nil {
				return commerce.Document{}, err
			}
			err := p.end(ctx, ref.ID)
			if err == nil {
				return commerce.Document{Ref: ref, State: string(mapping.OpenClosed)}, nil
			}
			if commerce.SafeToRetry(err) {
				// Stripe refuses to end what is paid: say so instead of what it was told.
				if open, readErr := p.Opened(ctx, ref); readErr == nil && open.Status == mapping.OpenPaid {
					return commerce.Document{}, paid(op)
				}
			}
			return commerce.Document{}, err
		}}
}

func (p *Pay) end(ctx context.Context, id string) error {
	if strings.HasPrefix(id, "cs_") { // ends once: its id is key enough
		params := &stripe.CheckoutSessionExpireParams{}
		params.SetIdempotencyKey("close/" + id)
		_, err := p.client.CheckoutSessions.Expire(ctx, id, params)
		return err
	}
	// Stripe keeps a refusal under the key too: of an intent that was being paid and can
	// be paid again, because that failed, the state makes it another key.
	now, err := p.client.PaymentIntents.Get(ctx, id)
	if err != nil {
		return refused("close request "+id, err)
	}
	params := &stripe.PaymentIntentCancelParams{}
	params.SetIdempotencyKey("close/" + id + "/" + now.Status + "/" + now.LatestCharge.ID)
	_, err = p.client.PaymentIntents.Cancel(ctx, id, params)
	return err
}

func paid(op string) error {
	return &commerce.Error{Kind: commerce.KindConflict, System: System, Op: op, Code: "paid", Outcome: commerce.NotSent,
		Text: "it was paid meanwhile, or is being paid"}
}
