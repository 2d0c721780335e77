package stripe

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

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

// below are where objects can be read again that hang below another one: the member
// of the object that names it, and the path of both.
var below = map[string]struct{ parent, path string }{
	"bank_account":      {"account", externalAccounts + "/%s"},
	"card":              {"account", externalAccounts + "/%s"},
	"fee_refund":        {"fee", applicationFees + "/%s/refunds/%s"},
	"transfer_reversal": {"transfer", transfers + "/%s/reversals/%s"},
}

// again is where an event's object can be read again; empty where it can not.
func again(e *Event) (path string, ids []string) {
	if e.ObjectType == "balance" {
		return "/v1/balance", nil
	}
	if path := paths[e.ObjectType]; path != "" && e.ObjectID != "" {
		return path + "/%s", []string{e.ObjectID}
	}
	var parent ID
	at, known := below[e.ObjectType]
	if !known || e.ObjectID == "" || parent.UnmarshalJSON([]byte(gjson.GetBytes(e.Snapshot, at.parent).Raw)) != nil || parent == "" {
		return "", nil
	}
	return at.path, []string{string(parent), e.ObjectID}
}

// Decode reads an event like [DecodeEvent], and where a required fact is absent, or the
// event is thin, reads its object with exactly one request, see [EventService.Mend]. A
// fact that is absent then too, or whose object can not be read again, is a
// [*GapError], and the envelope is returned beside it.
func (s *EventService) Decode(ctx context.Context, raw []byte) (*Event, error) {
	e, err := DecodeEvent(raw)
	_, isGap := errors.AsType[*GapError](err)
	if e == nil || err != nil && !isGap || err == nil && !e.Thin {
		return e, err
	}
	if path, _ := again(e); path == "" {
		return e, err // of a thin event: its type is not one that this package reads
	}
	return e, s.Mend(ctx, e)
}

// Mend reads an event's object again, as it is now and in [APIVersion], and puts it
// into e.Object: for a snapshot with a gap, and for a thin event, which has none. It
// asks once. An object that lacks a fact then too is a [*GapError] and stays so; one
// that is gone is an error of kind not found; one that can not be read by its id is
// of kind invalid.
//
// [EventService.Decode] does so where it must.
func (s *EventService) Mend(ctx context.Context, e *Event) error {
	path, ids := again(e)
	if path == "" {
		return invalid("mend event "+e.ID, "a %s can not be read by its id", clip(e.ObjectType))
	}
	op, path, err := place("mend event "+e.ID+" with", path, ids)
	if err != nil {
		return err
	}
	k := call{op: op, method: http.MethodGet, path: path}
	if e.Account != "" && !strings.HasPrefix(path, accounts+"/") { // those are the platform's to read
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
// Change that it had before, so compare only events of about the same moment. A thin
// event does not say what its object looked like, so no two of them have one Change.
//
// Package stripepay compares for an inbox.
//
// Source: docs.stripe.com/webhooks, read 2026-11.
func (e *Event) Change() string {
	h, thin := sha256.New(), ""
	if e.Thin {
		thin = e.ID
	}
	for _, part := range [][]byte{
		[]byte(thin), []byte(e.Account), []byte(strconv.FormatBool(e.Livemode)), []byte(e.Type), []byte(e.ObjectType), []byte(e.ObjectID),
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
