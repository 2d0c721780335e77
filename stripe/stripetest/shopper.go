package stripetest

import (
	"maps"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe"
)

// Purchase is what a shopper pays for at the shop's own checkout.
type Purchase struct {
	Amount       int64  // in Stripe's unit of the currency
	Currency     string // in any letter case
	Method       Method // defaults to Card
	Authorise    bool   // reserve the money only
	Multicapture bool   // what is reserved may be captured in parts
	Customer     string
	Email        string
	Description  string
	Metadata     map[string]string
}

// Pay makes a payment intent and tries to pay it, as a shop's checkout does. A
// decline is no error: it shows on the intent. A purchase that can not be tried is an
// error of kind invalid.
func (f *Fake) Pay(p Purchase) (stripe.PaymentIntent, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	q := f.own(f.config.Now())
	if p.Method == "" {
		p.Method = Card
	}
	if _, ok := natures[p.Method]; !ok {
		return stripe.PaymentIntent{}, refusal("pay", "no such method "+string(p.Method))
	}
	if _, bad := currencyOf(p.Currency); bad != nil {
		return stripe.PaymentIntent{}, refusal("pay", bad.message)
	}
	if p.Amount < 1 {
		return stripe.PaymentIntent{}, refusal("pay", "the amount is not positive")
	}
	if bad := unit(p.Amount, p.Currency); bad != nil {
		return stripe.PaymentIntent{}, refusal("pay", bad.message)
	}
	capture := ""
	if p.Authorise {
		capture = "manual"
	}
	i := f.newIntent(q, p.Amount, strings.ToLower(p.Currency), capture)
	i.customer, i.email, i.description, i.method = p.Customer, p.Email, p.Description, p.Method
	i.types, i.parts = []string{natures[p.Method].kind}, p.Authorise && p.Multicapture
	maps.Copy(i.metadata, p.Metadata)
	f.emitIntent(q, "created", i)
	_ = f.confirm(q, i) // a decline shows on the intent
	return f.viewIntent(i), nil
}

// PayIntent tries to pay an open payment intent. A decline is no error: it shows on
// the intent. An intent that can not be paid is an error of kind conflict.
func (f *Fake) PayIntent(id string, m Method) (stripe.PaymentIntent, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	i, ok := f.intents.get(id)
	if _, known := natures[m]; !ok || !known {
		return stripe.PaymentIntent{}, refusal("pay intent", "no such intent or method")
	}
	i.method, i.kept = m, ""
	if p := f.confirm(f.own(f.config.Now()), i); p != nil && p.kind != "card_error" {
		return stripe.PaymentIntent{}, conflict("pay intent", p.message)
	}
	return f.viewIntent(i), nil
}

// PaySession tries to pay on a Checkout page, with the outcomes of PayIntent.
func (f *Fake) PaySession(id string, m Method) (stripe.CheckoutSession, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	s, ok := f.sessions.get(id)
	if _, known := natures[m]; !ok || !known {
		return stripe.CheckoutSession{}, refusal("pay session", "no such session or method")
	}
	if p := f.paySession(f.own(f.config.Now()), s, m); p != nil && p.kind != "card_error" {
		return stripe.CheckoutSession{}, conflict("pay session", p.message)
	}
	return view[stripe.CheckoutSession](f.renderSession(s, stripe.APIVersion, nil)), nil
}

// Authenticate ends the 3-D Secure check of an intent that waits for it.
func (f *Fake) Authenticate(id string, passed bool) (stripe.PaymentIntent, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	i, ok := f.intents.get(id)
	if !ok || i.status != "requires_action" {
		return stripe.PaymentIntent{}, conflict("authenticate", "the intent does not wait for an action")
	}
	q := f.own(f.config.Now())
	if passed {
		f.succeed(q, f.newCharge(q, i))
	} else {
		i.status = "requires_payment_method"
		i.failure = &failure{code: "payment_intent_authentication_failure", message: "The provided payment method has failed authentication."}
		f.emitIntent(q, "payment_failed", i)
		f.intentFailed(q, i)
	}
	return f.viewIntent(i), nil
}

func (f *Fake) viewIntent(i *intent) stripe.PaymentIntent {
	return view[stripe.PaymentIntent](f.renderIntent(i, stripe.APIVersion, expansion{"latest_charge": {}}))
}

func refusal(op, text string) error {
	return &commerce.Error{Kind: commerce.KindInvalid, System: "stripetest", Op: op, Outcome: commerce.NotSent, Text: text}
}

func conflict(op, text string) error {
	return &commerce.Error{Kind: commerce.KindConflict, System: "stripetest", Op: op, Outcome: commerce.NotSent, Text: text}
}
