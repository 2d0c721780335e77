package stripepay

import (
	"cmp"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/stripe"
)

// reader reads amounts of one object in one currency; err keeps the first fault.
type reader struct {
	document string
	currency string
	err      error
}

func (r *reader) money(field string, amount int64) commerce.Money {
	m, err := commerce.FromStripe(amount, r.currency, commerce.StripeCharge)
	if err != nil && r.err == nil {
		r.err = mapping.Faultf(r.document, field, m.Text(), "%v", err)
	}
	return m
}

// OfIntent says a payment intent and its latest charge in canonical words. It makes no
// call: of a charge that was not expanded only the id is known, and what the intent
// says was received of it.
func (p *Pay) OfIntent(pi *stripe.PaymentIntent) (commerce.Payment, error) {
	r := &reader{document: "stripe " + pi.ID, currency: pi.Currency}
	out := commerce.Payment{
		Ref: p.origin.With(pi.ID), Created: pi.Created.Time(), Amount: r.money("amount", pi.Amount),
		Authorised: r.money("amount_capturable", pi.AmountCapturable),
		Captured:   r.money("amount", 0), Refunded: r.money("amount", 0),
		Customer: pi.Customer.ID, Email: mapping.Email(pi.ReceiptEmail), Description: pi.Description, Metadata: pi.Metadata,
		Risk: commerce.Risk{Review: string(pi.Review)},
	}
	if r.err != nil {
		return commerce.Payment{}, r.err
	}
	status, err := p.c.Statuses.Of(r.document, "payment_intent", pi.Status)
	if err != nil {
		return commerce.Payment{}, err
	}
	if e := pi.LastPaymentError; e != nil {
		out.Failure = &commerce.Failure{Code: e.Code, DeclineCode: e.DeclineCode, Message: failureText(e.Code, e.DeclineCode)}
		if pi.Status == "requires_payment_method" {
			status = commerce.PaymentFailed
		}
	}
	out.Status, out.Charge = status, pi.LatestCharge.ID
	if ch := pi.LatestCharge.Object; ch != nil {
		if err := p.charge(&out, ch, pi.AmountCapturable); err != nil {
			return commerce.Payment{}, err
		}
		out.Status = statusWith(status, out.Status, pi.Status)
	} else if out.Captured = r.money("amount_received", pi.AmountReceived); r.err != nil {
		return commerce.Payment{}, r.err
	}
	return p.orders(out, pi.Currency)
}

// statusWith decides between what the intent and what its latest charge say. The
// charge is nearer to the money:
//
//   - one that came back makes the payment returned, whatever the intent says;
//   - an intent that succeeded by a charge which is not captured is an authorisation;
//   - an intent that waits for another attempt is failed by a failed charge, unless
//     the buyer is at it ("requires_action", in Stripe's word).
//
// In all else the intent counts: it may have moved on since.
func statusWith(intent, charge commerce.PaymentStatus, word string) commerce.PaymentStatus {
	switch {
	case charge == commerce.PaymentReturned && intent != commerce.PaymentCanceled:
		return charge
	case intent == commerce.PaymentCaptured && charge != commerce.PaymentCaptured:
		return charge
	case intent == commerce.PaymentPending && charge == commerce.PaymentFailed,
		intent == commerce.PaymentAction && charge == commerce.PaymentFailed && word != "requires_action":
		return charge
	}
	return intent
}

// OfCharge says a charge without an intent in canonical words. It makes no call.
func (p *Pay) OfCharge(ch *stripe.Charge) (commerce.Payment, error) {
	r := &reader{document: "stripe " + ch.ID, currency: ch.Currency}
	out := commerce.Payment{Ref: p.origin.With(ch.ID), Created: ch.Created.Time(), Amount: r.money("amount", ch.Amount),
		Authorised: r.money("amount", 0), Captured: r.money("amount", 0), Refunded: r.money("amount", 0),
		Customer: ch.Customer.ID, Email: mapping.Email(ch.ReceiptEmail), Description: ch.Description, Metadata: ch.Metadata}
	if r.err != nil {
		return commerce.Payment{}, r.err
	}
	if err := p.charge(&out, ch, 0); err != nil {
		return commerce.Payment{}, err
	}
	return p.orders(out, ch.Currency)
}

// charge fills in what the attempt that counts says: its status, money, method,
// risk, failure and fee. capturable is what can still be captured of it.
func (p *Pay) charge(out *commerce.Payment, ch *stripe.Charge, capturable int64) error {
	r := &reader{document: "stripe " + ch.ID, currency: ch.Currency}
	status, err := p.c.Statuses.Of(r.document, "charge", ch.Status)
	if err != nil {
		return err
	}
	captured := r.money("amount_captured", ch.AmountCaptured)
	switch {
	case status == commerce.PaymentFailed && ch.FailureBalanceTransaction.ID != "":
		// The money had come and was taken back: a balance transaction says so. What
		// was captured then is all that was asked for, where the charge shows none now.
		status = commerce.PaymentReturned
		if captured.IsZero() {
			captured = r.money("amount", ch.Amount)
		}
		out.Captured = captured
	case status == commerce.PaymentCaptured && !ch.Captured && ch.AmountCaptured > 0:
		// Captured in parts, and more may follow.
		status = commerce.PaymentAuthorised
		out.Captured, out.Refunded = captured, r.money("amount_refunded", ch.AmountRefunded)
	case status == commerce.PaymentCaptured && !ch.Captured:
		status = commerce.PaymentAuthorised
		if out.Authorised.IsZero() && !ch.Refunded {
			out.Authorised = r.money("amount", ch.Amount)
		}
		if ch.Refunded {
			status = commerce.PaymentCanceled // the authorisation was released
		}
	case status == commerce.PaymentCaptured:
		out.Captured = captured
		out.Refunded = r.money("amount_refunded", refunded(ch, capturable))
	}
	if r.err != nil {
		return r.err
	}
	out.Status, out.Charge = status, ch.ID
	details := ch.PaymentMethodDetails
	out.Method = commerce.PaymentMethod{Type: details.Type, Last4: details.Last4}
	if details.Card != nil {
		card := details.Card
		out.Method.Brand, out.Method.Last4 = card.Brand, cmp.Or(card.Last4, details.Last4)
		out.Method.Country, out.Method.Fingerprint = card.Country, card.Fingerprint
	}
	if o := ch.Outcome; o != nil {
		out.Risk.Level, out.Risk.Score, out.Risk.Outcome = o.RiskLevel, int(o.RiskScore), o.Type
	}
	out.Risk.Review = cmp.Or(out.Risk.Review, string(ch.Review))
	if status == commerce.PaymentFailed || status == commerce.PaymentReturned {
		if out.Failure == nil || ch.FailureCode != "" {
			decline := ""
			if out.Failure != nil && out.Failure.Code == ch.FailureCode {
				decline = out.Failure.DeclineCode
			}
			out.Failure = &commerce.Failure{Code: ch.FailureCode, DeclineCode: decline, Message: failureText(ch.FailureCode, decline)}
		}
	}
	out.Customer = cmp.Or(out.Customer, ch.Customer.ID)
	out.Email = cmp.Or(out.Email, mapping.Email(ch.BillingDetails.Email))
	return p.fee(out, ch)
}

// refunded is what went back to the buyer. A capture of less than was authorised releases
// the rest, which before API version 2025-03-31 the charge counts as refunded though
// nothing had been taken, and which Stripe's reports book as partial_capture_reversal.
// Since then it does not, and the movement of the charge is over what was captured alone:
// that tells, where it is known. Else a charge that shows less than the release does not
// count it. What can still be captured is not released yet, and nothing is where more was
// captured than was authorised.
// Source: docs.stripe.com/changelog/basil/2025-03-31, read 2026-11.
func refunded(ch *stripe.Charge, capturable int64) int64 {
	released := max(0, ch.Amount-ch.AmountCaptured-capturable)
	if bt := ch.BalanceTransaction.Object; bt != nil && bt.Currency == ch.Currency && bt.Amount == ch.AmountCaptured ||
		ch.AmountRefunded < released {
		return ch.AmountRefunded
	}
	return ch.AmountRefunded - released
}

// failureText says a failure to the merchant in our own words: Stripe's sentence may
// hold what the buyer typed.
func failureText(code, decline string) string {
	switch {
	case code == "" && decline == "":
		return "the payment failed"
	case decline == "":
		return "the payment failed: " + code
	}
	return "the payment failed: " + code + ", " + decline
}

// fee is a late fact: nil until the balance transaction is known.
func (p *Pay) fee(out *commerce.Payment, ch *stripe.Charge) error {
	bt := ch.BalanceTransaction.Object
	if bt == nil {
		return nil
	}
	r := &reader{document: "stripe " + bt.ID, currency: bt.Currency}
	out.Fee = &commerce.Fee{Amount: r.money("fee", bt.Fee), Settled: r.money("amount", bt.Amount), BalanceTransaction: bt.ID}
	return r.err
}

// ofSession says a Checkout session by which nobody has paid yet in canonical words.
func (p *Pay) ofSession(s *stripe.CheckoutSession) (commerce.Payment, error) {
	r := &reader{document: "stripe " + s.ID, currency: s.Currency}
	if s.AmountTotal == nil {
		return commerce.Payment{}, mapping.Faultf(r.document, "amount_total", "", "is not there yet")
	}
	zero := r.money("amount_total", 0)
	out := commerce.Payment{Ref: p.origin.With(s.ID), Status: commerce.PaymentPending, Created: s.Created.Time(),
		Amount: r.money("amount_total", *s.AmountTotal), Authorised: zero, Captured: zero, Refunded: zero,
		Customer: s.Customer.ID, Email: mapping.Email(s.CustomerEmail), Metadata: s.Metadata}
	if r.err != nil {
		return commerce.Payment{}, r.err
	}
	if s.Status == "expired" {
		out.Status = commerce.PaymentCanceled
	}
	return p.orders(out, s.Currency)
}

// orders reads from the metadata what the payment is for.
func (p *Pay) orders(out commerce.Payment, currency string) (commerce.Payment, error) {
	c, err := commerce.ParseCurrency(currency)
	if err != nil {
		return commerce.Payment{}, mapping.Faultf("stripe "+out.Ref.ID, "currency", currency, "is no ISO 4217 currency")
	}
	out.Orders, err = p.c.Metadata.Read("stripe "+out.Ref.ID, out.Metadata, c)
	return out, err
}
