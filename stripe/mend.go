package stripe

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"

	stripego "github.com/stripe/stripe-go/v76"
)

// paths are where objects can be read again by their own id alone.
var paths = map[string]string{
	"account":                   accounts,
	"application_fee":           applicationFees,
	"balance_transaction":       balanceTransactions,
	"charge":                    charges,
	"checkout.session":          checkoutSessions,
	"credit_note":               creditNotes,
	"customer":                  customers,
	"dispute":                   disputes,
	"invoice":                   invoices,
	"invoiceitem":               invoiceItems,
	"payment_intent":            paymentIntents,
	"payment_link":              paymentLinks,
	"payment_method":            paymentMethods,
	"payout":                    payouts,
	"price":                     prices,
	"product":                   products,
	"radar.early_fraud_warning": earlyFraudWarnings,
	"refund":                    refunds,
	"reporting.report_run":      reportRuns,
	"review":                    reviews,
	"setup_intent":              setupIntents,
	"subscription":              subscriptions,
	"tax.transaction":           taxTransactions,
	"topup":                     topUps,
	"transfer":                  transfers,
}

// Mend reads an event's object again, as it is now and in [APIVersion], and puts it
// into e.Object: for a snapshot with a gap, and for a thin event, which has none. It
// asks once. An object that lacks a fact then too is a [*GapError] and stays so; one
// that is gone is an error of kind not found; one that can not be read by its id is
// of kind invalid.
//
//	event, err := stripe.DecodeEvent(raw)
//	if gap, ok := errors.AsType[*stripe.GapError](err); ok && event != nil {
//		err = client.Events.Mend(ctx, event)
//	}
func (s *EventService) Mend(ctx context.Context, e *Event) error {
	path := paths[e.ObjectType]
	if path == "" {
		return invalid("mend event "+e.ID, "a %s can not be read by its id", clip(e.ObjectType))
	}
	op, path, err := place("mend event "+e.ID+" with", path+"/%s", []string{e.ObjectID})
	if err != nil {
		return err
	}
	k := call{op: op, method: http.MethodGet, path: path}
	if e.Account != "" && e.ObjectType != "account" {
		k.params = &stripego.Params{StripeAccount: &e.Account}
	}
	f := &fetched{kind: e.ObjectType}
	if err := s.c.do(ctx, k, f); err != nil {
		return err
	}
	e.Object = f.object
	if e.Thin {
		e.Snapshot = f.raw
	}
	return nil
}

// fetched is an object whose type is known at run time only.
type fetched struct {
	kind   string
	object any
	raw    json.RawMessage
}

// UnmarshalJSON reads the object as its kind.
func (f *fetched) UnmarshalJSON(b []byte) (err error) {
	f.raw = keep(b)
	f.object, err = decodeObject(f.kind, b)
	return err
}

// Change names the change that an event tells of: Stripe at times sends two events
// with different ids for one, and those have one Change. It is made from account,
// mode, type, object and what the object looked like. A state that comes back has the
// Change that it had before, so compare only events of about the same moment.
//
// Source: docs.stripe.com/webhooks, read 2026-11.
func (e *Event) Change() string {
	h := sha256.New()
	for _, part := range [][]byte{
		[]byte(e.Account), []byte(strconv.FormatBool(e.Livemode)), []byte(e.Type), []byte(e.ObjectType), []byte(e.ObjectID),
		compact(e.Snapshot), compact(e.Previous),
	} {
		_, _ = h.Write(strconv.AppendInt(nil, int64(len(part)), 10))
		_, _ = h.Write([]byte{':'})
		_, _ = h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// compact leaves the space between JSON's words out.
func compact(raw json.RawMessage) []byte {
	var out bytes.Buffer
	if json.Compact(&out, raw) != nil {
		return raw
	}
	return out.Bytes()
}
