package magentotest

import (
	"slices"
	"strings"

	"github.com/commercesync/commerce"
)

// StripeCharge is a charge that succeeded at Stripe for an order of the shop.
type StripeCharge struct {
	Order  int64  // entity id
	Intent string // pi_…
	// Authorised: the money is reserved and not captured, so that there is no invoice.
	Authorised bool
	// Review: Radar asks a person to look first, so that state and status are
	// stripe_manual_review.
	Review        bool
	Customer      string // cus_…; may be empty
	PaymentMethod string // pm_…; may be empty
}

// Charged does what Stripe's module 4.6.1 does when it hears of charge.succeeded: it
// notes the payment intent on the payment, adds a transaction, moves the order to
// processing and invoices what is left under the intent's id. Hearing of one charge
// twice changes nothing. An error is of kind invalid or not found.
func (s *Shop) Charged(c StripeCharge) error {
	return s.hear("charge order", c.Order, c.Intent, func(o *order) *failure {
		if s.heard(o, c.Intent) {
			return nil
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
				return f
			}
		}
		if c.Review {
			s.put(o, "stripe_manual_review")
		}
		return nil
	})
}

// StripeAmount is money that moved at Stripe for an order of the shop.
type StripeAmount struct {
	Order    int64  // entity id
	Intent   string // pi_…
	Amount   string // decimal
	Currency string // defaults to the order's
}

// Captured does what the module does when it hears that reserved money was captured at
// Stripe: the whole makes an invoice, a part only a comment that asks for one. An error
// is of kind invalid or not found.
func (s *Shop) Captured(c StripeAmount) error {
	return s.hear("capture order", c.Order, c.Intent, func(o *order) *failure {
		amount, f := c.parse()
		if f != nil || s.heard(o, c.Intent+"-capture") {
			return f
		}
		if amount != o.sums["grand_total"].order || !o.canInvoice() {
			s.tell(o, "A part of the payment was captured at Stripe: "+amount.String()+" "+c.currency(o)+". Please invoice it offline.")
			return nil
		}
		s.transact(o, "capture", c.Intent+"-capture", c.Intent)
		o.payment["last_trans_id"] = c.Intent + "-capture"
		_, f = s.invoice(o, invoiceIn{}, c.Intent)
		return f
	})
}

// Refunded does what the module does when it hears of a refund that was made at Stripe:
// it makes a credit memo only if the refund is the whole order, in its currency, there
// is none yet and at most one invoice. Every other refund becomes a comment and a
// transaction. An error is of kind invalid or not found.
func (s *Shop) Refunded(c StripeAmount) error {
	return s.hear("refund order", c.Order, c.Intent, func(o *order) *failure {
		amount, f := c.parse()
		if f != nil {
			return f
		}
		ofOrder := func(d *document) bool { return d.order == o }
		whole := amount == o.sums["grand_total"].order && c.currency(o) == o.plain["order_currency_code"] && o.canRefund() &&
			!slices.ContainsFunc(s.memos, ofOrder) && len(slices.DeleteFunc(slices.Clone(s.invoices), func(d *document) bool { return !ofOrder(d) })) <= 1
		if whole {
			if _, f = s.refund(o, refundIn{}, nil); f != nil {
				return f
			}
		}
		s.transact(o, "refund", c.Intent+"-refund", c.Intent)
		s.tell(o, "Refunded at Stripe: "+amount.String()+" "+c.currency(o)+".")
		return nil
	})
}

// Disputed does what the module does when it hears of a dispute: state and status are
// stripe_disputed, which no other Magento knows. An error is of kind invalid or not
// found.
func (s *Shop) Disputed(id int64, intent string) error {
	return s.hear("dispute order", id, intent, func(o *order) *failure {
		s.put(o, "stripe_disputed")
		return nil
	})
}

// hear does what the module does with news of Stripe.
func (s *Shop) hear(op string, id int64, intent string, do func(*order) *failure) error {
	fail := func(kind commerce.Kind, text string) error {
		return commerce.Errorf(kind, "magentotest", op, "%s", text)
	}
	if !s.c.StripeModule {
		return fail(commerce.KindInvalid, "Config.StripeModule is off")
	}
	if !strings.HasPrefix(intent, "pi_") {
		return fail(commerce.KindInvalid, "Intent is no pi_…")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.order(id)
	if o == nil {
		return fail(commerce.KindNotFound, "no such order")
	}
	if f := do(o); f != nil {
		return fail(commerce.KindInvalid, f.message)
	}
	return nil
}

// heard reports whether a transaction was noted before.
func (s *Shop) heard(o *order, txn string) bool {
	return slices.ContainsFunc(s.transactions, func(t *transaction) bool { return t.order == o && t.txn == txn })
}

func (c StripeAmount) currency(o *order) string {
	return or(c.Currency, text(o.plain["order_currency_code"]))
}

func (c StripeAmount) parse() (dec, *failure) {
	amount, err := parseDec(c.Amount)
	if err != nil || amount <= 0 {
		return 0, invalid("StripeAmount.Amount is no amount")
	}
	return amount, nil
}

// tell writes to an order's history what the module has to say.
func (s *Shop) tell(o *order, words string) {
	s.comments = append(s.comments, &comment{id: s.next("comment"), order: o.id, text: &words, status: o.status, created: s.now()})
}

// put sets state and status alike, as the module does with its own.
func (s *Shop) put(o *order, state string) {
	if o.state != state || o.status != state {
		o.state, o.status = state, state
		s.touch(o)
	}
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
