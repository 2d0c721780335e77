package workflow

import (
	"context"
	"iter"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
)

// CapturePayments is what [Captures] wants from the payment processor beside [Payments].
// mapping/stripepay lends a Stripe client these methods.
type CapturePayments interface {
	// Authorisation reads what a payment reserves, and what was taken of it by whomever.
	// One that never was an authorisation, or is none any more, has nothing Capturable.
	// ErrNotFound.
	Authorisation(ctx context.Context, payment commerce.Ref) (mapping.Authorisation, error)
	// Capture takes r.Amount of what is reserved. The document's Ref is the payment and its
	// Total what r took. Class keyed by r.Key, which is left as operation id; after the
	// processor's retention it is found by that.
	//
	// Errors: kind conflict, not sent, with code "not_capturable" where nothing is reserved
	// any more, or "amount_too_large" where less is.
	Capture(r mapping.CaptureRequest) idempotency.Effect[commerce.Document]
	// Void releases what is reserved. A payment that reserves nothing is found. Class
	// guarded.
	//
	// Errors: kind conflict, not sent, with code "captured" where a part was taken and the
	// rest can not be released alone.
	Void(payment commerce.Ref) idempotency.Effect[commerce.Document]
	// Authorised yields the payments that were made since and reserve something now, in
	// any order.
	Authorised(ctx context.Context, since time.Time) iter.Seq2[mapping.Authorisation, error]
}

func keyVoid(payment commerce.Ref) string { return "payment.void/" + payment.String() }
