package stripepay

import (
	"context"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe"
)

// PayInTest pays what is due on an order with Stripe's test card, once for each order: for
// connection.RoundTrip. It is refused in live mode.
func (p *Pay) PayInTest(ctx context.Context, o commerce.Order) (commerce.Ref, error) {
	op := "pay in test mode for " + o.Ref.ID
	if p.origin.Mode != commerce.Test || o.Ref.Mode != commerce.Test {
		e := commerce.Errorf(commerce.KindInvalid, System, op, "the order is of mode %s, the account of mode %s; nothing is paid but in test mode", o.Ref.Mode, p.origin.Mode)
		e.Code, e.Outcome = "mode_mismatch", commerce.NotSent
		return commerce.Ref{}, e
	}
	due, err := o.Due()
	if err != nil {
		return commerce.Ref{}, refused(op, err)
	}
	amount, err := due.Stripe(commerce.StripeCharge)
	if err != nil {
		return commerce.Ref{}, refused(op, err)
	}
	key := "roundtrip/" + o.Ref.String()
	md, err := p.c.Metadata.Write([]commerce.OrderHint{{ID: strings.TrimPrefix(o.Ref.ID, "order/"), Number: o.Number, Store: o.Store}}, key)
	if err != nil {
		return commerce.Ref{}, refused(op, err)
	}
	params := &stripe.PaymentIntentParams{Amount: &amount, Currency: new(due.Currency().Lower()), PaymentMethodTypes: texts([]string{"card"}),
		PaymentMethod: new("pm_card_visa"), Confirm: new(true)}
	params.Metadata = md
	params.Description = new("Check of order " + o.Number)
	params.SetIdempotencyKey(key)
	pi, err := p.client.PaymentIntents.Create(ctx, params)
	if err != nil {
		return commerce.Ref{}, err
	}
	return p.Ref(pi.ID), p.sameMode(op, pi.ID, pi.Livemode)
}
