package stripe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	stripego "github.com/stripe/stripe-go/v76"
)

// Event is news of a change: the envelope, and the object as it was at that
// moment. Newer truth is read by the object's id.
type Event struct {
	ID         string
	Type       string // "charge.succeeded"
	APIVersion string // the version Raw is written in; empty where Stripe says null
	Account    string // the connected account; empty for the account's own events
	Created    time.Time
	Livemode   bool

	// Thin is set for an event that carries no snapshot (object "v2.core.event"):
	// read Related instead.
	Thin    bool
	Related Related

	// RequestID and IdempotencyKey say which API call caused the event, if any.
	RequestID      string
	IdempotencyKey string

	// Object is the decoded snapshot: *Charge, *PaymentIntent, *Refund, *Dispute,
	// *Payout, *Invoice … by the object's own word for its type. It is nil for types
	// that this package does not read.
	Object any
	// ObjectType and ObjectID are the snapshot's own words for itself, of any type.
	ObjectType string
	ObjectID   string
	// Snapshot is the object as sent, and Previous the changed fields' old values;
	// nil where absent.
	Snapshot json.RawMessage
	Previous json.RawMessage

	Raw json.RawMessage // the event as received
}

// Related names the object that a thin event is about.
type Related struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	URL  string `json:"url"` // path at the API: "/v1/charges/ch_1"
}

const thinObject = "v2.core.event"

// DecodeEvent reads an event of any API version from 2022 on, and thin events. An
// unknown type has a nil Object and is no error. A missing fact is a [*GapError];
// where only the snapshot has one, the event is returned with it and its envelope
// may be used. Anything else is an error of kind invalid.
func DecodeEvent(raw []byte) (*Event, error) {
	var w struct {
		ID         string          `json:"id"`
		Object     string          `json:"object"`
		Type       string          `json:"type"`
		APIVersion string          `json:"api_version"`
		Account    string          `json:"account"`
		Context    string          `json:"context"`
		Created    json.RawMessage `json:"created"`
		Livemode   *bool           `json:"livemode"`
		Related    *Related        `json:"related_object"`
		Data       struct {
			Object   json.RawMessage `json:"object"`
			Previous json.RawMessage `json:"previous_attributes"`
		} `json:"data"`
		Request json.RawMessage `json:"request"`
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return nil, invalid("decode event", "the body is no event: %s", jsonFault(err))
	}
	e := &Event{ID: w.ID, Type: w.Type, APIVersion: w.APIVersion, Account: w.Account,
		Thin: w.Object == thinObject, Snapshot: w.Data.Object, Previous: w.Data.Previous, Raw: bytes.Clone(raw)}
	if e.Thin && e.Account == "" {
		e.Account = accountOf(w.Context)
	}
	created, ok := parseCreated(w.Created)
	e.Created = created
	for _, fact := range []struct {
		name  string
		there bool
	}{
		{"id", w.ID != ""}, {"type", w.Type != ""}, {"created", ok}, {"livemode", w.Livemode != nil},
	} {
		if !fact.there {
			return nil, &GapError{Object: "event", ID: w.ID, Field: fact.name, APIVersion: w.APIVersion}
		}
	}
	e.Livemode = *w.Livemode
	e.readRequest(w.Request)
	if e.Thin {
		if w.Related != nil {
			e.Related = *w.Related
			e.ObjectID, e.ObjectType = w.Related.ID, w.Related.Type
		}
		return e, nil
	}
	if len(e.Snapshot) == 0 || e.Snapshot[0] != '{' {
		return e, &GapError{Object: "event", ID: w.ID, Field: "data.object", APIVersion: w.APIVersion}
	}
	e.ObjectID = idOf(e.Snapshot)
	e.ObjectType = gjson.GetBytes(e.Snapshot, "object").Str
	return e, e.readObject()
}

// readObject decodes the snapshot of the types that this package knows. The
// object's own word decides, not the event's type: charge.refund.updated carries a
// refund.
func (e *Event) readObject() error {
	object, err := decodeObject(e.ObjectType, e.Snapshot)
	if gap, ok := errors.AsType[*GapError](err); ok {
		if e.Type == "invoice.upcoming" && gap.Object == "invoice" && gap.Field == "id" {
			e.Object = object // an invoice that does not exist yet has none
			return nil
		}
		gap.APIVersion = e.APIVersion
		return gap
	}
	if err != nil {
		return invalid("decode event "+e.ID, "the %s can not be read: %s", e.ObjectType, jsonFault(err))
	}
	e.Object = object
	return nil
}

// decodeObject reads an object by its own word for its type; one that this package
// does not know is nil and no error.
func decodeObject(kind string, raw []byte) (any, error) {
	make, ok := objects[kind]
	if !ok {
		return nil, nil
	}
	into := make()
	return into, json.Unmarshal(raw, into)
}

// objects are the types that this package reads, by Stripe's words for them.
var objects = map[string]func() any{
	"account":                   func() any { return &Account{} },
	"application":               func() any { return &Application{} },
	"application_fee":           func() any { return &ApplicationFee{} },
	"balance":                   func() any { return &Balance{} },
	"balance_transaction":       func() any { return &BalanceTransaction{} },
	"bank_account":              func() any { return &ExternalAccount{} },
	"card":                      func() any { return &ExternalAccount{} },
	"charge":                    func() any { return &Charge{} },
	"checkout.session":          func() any { return &CheckoutSession{} },
	"credit_note":               func() any { return &CreditNote{} },
	"customer":                  func() any { return &Customer{} },
	"dispute":                   func() any { return &Dispute{} },
	"fee_refund":                func() any { return &FeeRefund{} },
	"invoice":                   func() any { return &Invoice{} },
	"invoice_payment":           func() any { return &InvoicePayment{} },
	"invoiceitem":               func() any { return &InvoiceItem{} },
	"item":                      func() any { return &LineItem{} },
	"line_item":                 func() any { return &InvoiceLine{} },
	"payment_intent":            func() any { return &PaymentIntent{} },
	"payment_link":              func() any { return &PaymentLink{} },
	"payment_method":            func() any { return &PaymentMethod{} },
	"payout":                    func() any { return &Payout{} },
	"price":                     func() any { return &Price{} },
	"product":                   func() any { return &Product{} },
	"radar.early_fraud_warning": func() any { return &EarlyFraudWarning{} },
	"refund":                    func() any { return &Refund{} },
	"reporting.report_run":      func() any { return &ReportRun{} },
	"review":                    func() any { return &Review{} },
	"setup_intent":              func() any { return &SetupIntent{} },
	"subscription":              func() any { return &Subscription{} },
	"subscription_item":         func() any { return &SubscriptionItem{} },
	"tax.calculation":           func() any { return &TaxCalculation{} },
	"tax.transaction":           func() any { return &TaxTransaction{} },
	"topup":                     func() any { return &TopUp{} },
	"transfer":                  func() any { return &Transfer{} },
	"transfer_reversal":         func() any { return &TransferReversal{} },
	"webhook_endpoint":          func() any { return &WebhookEndpoint{} },
}

// readRequest reads {"id", "idempotency_key"}; before 2017-05-25 it was the id alone,
// and thin events put it into "reason".
func (e *Event) readRequest(raw json.RawMessage) {
	r := gjson.ParseBytes(raw)
	switch r.Type {
	case gjson.String:
		e.RequestID = r.Str
	case gjson.JSON:
		e.RequestID, e.IdempotencyKey = r.Get("id").Str, r.Get("idempotency_key").Str
	}
}

// parseCreated reads seconds since 1970, or RFC 3339 as thin events have it.
func parseCreated(raw json.RawMessage) (time.Time, bool) {
	r := gjson.ParseBytes(raw)
	switch r.Type {
	case gjson.Number:
		return time.Unix(r.Int(), 0).UTC(), true
	case gjson.String:
		t, err := time.Parse(time.RFC3339, r.Str)
		return t.UTC(), err == nil
	}
	return time.Time{}, false
}

// accountOf finds the account in a thin event's context, which may be a path of
// several ids.
func accountOf(context string) string {
	last := context[strings.LastIndexByte(context, '/')+1:]
	if strings.HasPrefix(last, "acct_") {
		return last
	}
	return ""
}

// jsonFault says what is wrong with a document without repeating its values.
func jsonFault(err error) string {
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return "a " + t.Value + " in field " + t.Field
	}
	return "it is no JSON of the expected shape"
}

// EventListParams filters events: by type, by created, by delivery_success.
type EventListParams = stripego.EventListParams

// EventService reads events, which Stripe keeps for 30 days.
type EventService struct{ c *Client }

// Get reads an event. It comes in the API version it was first written in.
func (s *EventService) Get(ctx context.Context, id string) (*Event, error) {
	raw, err := get[json.RawMessage](ctx, s.c, "event", "/v1/events", id, nil)
	if err != nil {
		return nil, err
	}
	return DecodeEvent(*raw)
}

// List reads events, newest first. A snapshot with a gap does not end the list: the
// event is yielded together with its [*GapError]. A nil params lists all.
func (s *EventService) List(ctx context.Context, params *EventListParams) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		for raw, err := range s.raw(ctx, params) {
			if err != nil {
				yield(nil, err)
				return
			}
			if e, err := DecodeEvent(raw); !yield(e, err) || e == nil {
				return
			}
		}
	}
}

func (s *EventService) raw(ctx context.Context, params *EventListParams) iter.Seq2[json.RawMessage, error] {
	return pages[json.RawMessage](ctx, s.c, "list events", "/v1/events", params)
}
