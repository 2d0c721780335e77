package mapping

import (
	"maps"

	"github.com/commercesync/commerce"
)

// OrderStates translates a shop's words for the state of an order. A key is a state
// ("holded") or a state and a status ("processing/fraud"); the narrower key counts.
type OrderStates map[string]commerce.OrderState

// magentoOrderStates are the states of Magento 2.4.6 and those that Stripe's module
// 4.6.1 adds. A disputed order stays unknown: nobody but its module may touch it.
var magentoOrderStates = OrderStates{
	"new":                  commerce.OrderPending,
	"pending_payment":      commerce.OrderPending,
	"payment_review":       commerce.OrderReview,
	"processing":           commerce.OrderProcessing,
	"processing/fraud":     commerce.OrderReview,
	"complete":             commerce.OrderComplete,
	"closed":               commerce.OrderClosed,
	"canceled":             commerce.OrderCanceled,
	"holded":               commerce.OrderOnHold,
	"stripe_manual_review": commerce.OrderReview,
	"stripe_disputed":      commerce.OrderUnknown,
}

// MagentoOrderStates returns a table of Magento's states that the caller may change.
func MagentoOrderStates() OrderStates { return maps.Clone(magentoOrderStates) }

// Of returns the canonical state; commerce.OrderUnknown for a word that is not in
// the table: a state of a plugin means hands off.
func (t OrderStates) Of(state, status string) commerce.OrderState {
	if s, ok := t[state+"/"+status]; ok {
		return s
	}
	if s, ok := t[state]; ok {
		return s
	}
	return commerce.OrderUnknown
}

// PaymentStatuses translates the status of a Stripe object: "payment_intent/succeeded",
// "charge/failed".
type PaymentStatuses map[string]commerce.PaymentStatus

// stripePaymentStatuses hold for API 2022-11-15 to 2026-08-26. A succeeded intent or
// charge may still be an authorisation or be taken back; amounts decide that.
var stripePaymentStatuses = PaymentStatuses{
	"payment_intent/requires_payment_method": commerce.PaymentAction, // nothing is on its way
	"payment_intent/requires_confirmation":   commerce.PaymentAction,
	"payment_intent/requires_action":         commerce.PaymentAction,
	"payment_intent/processing":              commerce.PaymentPending,
	"payment_intent/requires_capture":        commerce.PaymentAuthorised,
	"payment_intent/succeeded":               commerce.PaymentCaptured,
	"payment_intent/canceled":                commerce.PaymentCanceled,
	"charge/pending":                         commerce.PaymentPending,
	"charge/succeeded":                       commerce.PaymentCaptured,
	"charge/failed":                          commerce.PaymentFailed,
}

// StripePaymentStatuses returns a table of Stripe's statuses that the caller may change.
func StripePaymentStatuses() PaymentStatuses { return maps.Clone(stripePaymentStatuses) }

// Of returns the canonical status of an object, or a fault that names the status.
func (t PaymentStatuses) Of(document, object, status string) (commerce.PaymentStatus, error) {
	if s, ok := t[object+"/"+status]; ok {
		return s, nil
	}
	return "", Faultf(document, "status", status, "is no status of a %s in the table", object)
}
