package magentotest

import (
	"strings"

	"github.com/commercesync/commerce"
)

// StripeCharge is a charge that succeeded at Stripe for an order of the shop.
type StripeCharge struct {
	Order  int64  // entity id
	Intent string // pi_…
	// Authorised: the money is reserved and not captured, so that there is no invoice.
	Authorised    bool
	Customer      string // cus_…; may be empty
	PaymentMethod string // pm_…; may be empty
}

// Charged does what Stripe's module 4.6.1 does when it hears of charge.succeeded: it
// notes the payment intent on the payment, adds a transaction, moves the order to
// processing and invoices what is left under the intent's id. Hearing of one charge
// twice changes nothing. An error is of kind invalid or not found.
func (s *Shop) Charged(c StripeCharge) error {
	fail := func(kind commerce.Kind, text string) error {
		return commerce.Errorf(kind, "magentotest", "charge order", "%s", text)
	}
	if !s.c.StripeModule {
		return fail(commerce.KindInvalid, "Config.StripeModule is off")
	}
	if !strings.HasPrefix(c.Intent, "pi_") {
		return fail(commerce.KindInvalid, "StripeCharge.Intent is no pi_…")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.order(c.Order)
	if o == nil {
		return fail(commerce.KindNotFound, "no such order")
	}
	for _, t := range s.transactions {
		if t.order == o && t.txn == c.Intent {
			return nil
		}
	}
	o.note("customer_stripe_id", c.Customer)
	o.note("payment_action", map[bool]string{true: "authorize", false: "order"}[c.Authorised])
	o.note("is_transaction_pending", false)
	o.note("token", c.PaymentMethod)
	o.note("payment_intent_id", c.Intent)
	o.payment["last_trans_id"] = c.Intent
	kind := "capture"
	if c.Authorised {
		kind = "authorization"
	}
	s.transactions = append(s.transactions, &transaction{id: s.next("transaction"), order: o, txn: c.Intent, kind: kind, created: s.now()})
	if o.state == "new" || o.state == "pending_payment" {
		s.set(o, "processing")
	}
	s.touch(o)
	if !c.Authorised && o.canInvoice() {
		if _, f := s.invoice(o, invoiceIn{}, c.Intent); f != nil {
			return fail(commerce.KindInvalid, f.message)
		}
	}
	return nil
}

// note keeps a value beside the payment, with its key in the extension attributes and
// without it in the payment's own list.
func (o *order) note(key string, value any) {
	if value == "" {
		return
	}
	o.info = append(o.info, obj{"key": key, "value": value})
	o.payment["additional_information"] = values(o.info)
}

// SetState puts an order into a state and status without any effect, as modules do:
// pending_payment while a redirect is open, stripe_manual_review, stripe_disputed.
func (s *Shop) SetState(order int64, state, status string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.order(order)
	if o == nil {
		return commerce.Errorf(commerce.KindNotFound, "magentotest", "set state", "no order %d", order)
	}
	if o.state != state || o.status != status {
		o.state, o.status = state, status
		s.touch(o)
	}
	return nil
}
