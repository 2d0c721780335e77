package stripe_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// objects are those of the fixtures.
var objects = map[string]func() any{
	"account":                   func() any { return &stripe.Account{} },
	"application_fee":           func() any { return &stripe.ApplicationFee{} },
	"balance":                   func() any { return &stripe.Balance{} },
	"balance_transaction":       func() any { return &stripe.BalanceTransaction{} },
	"charge":                    func() any { return &stripe.Charge{} },
	"checkout.session":          func() any { return &stripe.CheckoutSession{} },
	"credit_note":               func() any { return &stripe.CreditNote{} },
	"customer":                  func() any { return &stripe.Customer{} },
	"dispute":                   func() any { return &stripe.Dispute{} },
	"fee_refund":                func() any { return &stripe.FeeRefund{} },
	"invoice":                   func() any { return &stripe.Invoice{} },
	"line_item":                 func() any { return &stripe.InvoiceLine{} },
	"payment_intent":            func() any { return &stripe.PaymentIntent{} },
	"payment_method":            func() any { return &stripe.PaymentMethod{} },
	"payout":                    func() any { return &stripe.Payout{} },
	"radar.early_fraud_warning": func() any { return &stripe.EarlyFraudWarning{} },
	"refund":                    func() any { return &stripe.Refund{} },
	"reporting.report_run":      func() any { return &stripe.ReportRun{} },
	"review":                    func() any { return &stripe.Review{} },
	"subscription":              func() any { return &stripe.Subscription{} },
	"subscription_item":         func() any { return &stripe.SubscriptionItem{} },
	"topup":                     func() any { return &stripe.TopUp{} },
	"transfer":                  func() any { return &stripe.Transfer{} },
	"webhook_endpoint":          func() any { return &stripe.WebhookEndpoint{} },
}

// The fixtures of both API versions, for every object that the package reads: a
// fact that is there is never a zero here.
func TestFixturesDecodeWithoutAZeroWhereAFactIsPresent(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"2023-10-16", "2026-08-26.dahlia"} {
		var fixtures struct {
			Resources map[string]json.RawMessage `json:"resources"`
		}
		require.NoError(t, json.Unmarshal(contract(t, "stripe-data/fixtures-"+version+".json"), &fixtures))
		require.Len(t, fixtures.Resources, len(objects)+1, "all but the event, which is the envelope of the others")
		for name, make := range objects {
			t.Run(version+" "+name, func(t *testing.T) {
				t.Parallel()
				raw := fixtures.Resources[name]
				require.NotEmpty(t, raw)
				v := make()
				require.NoError(t, json.Unmarshal(raw, v))
				require.NotZero(t, compare(t, name, reflect.ValueOf(v).Elem(), raw), "nothing was compared")

				event := fmt.Sprintf(`{"id":"evt_1","type":"x","created":1,"livemode":false,"api_version":%q,"data":{"object":%s}}`, version, raw)
				e, err := stripe.DecodeEvent([]byte(event))
				require.NoError(t, err)
				require.Equal(t, name, e.ObjectType)
				require.Equal(t, name == "balance", e.ObjectID == "", "only a balance has no id")
				require.IsType(t, v, e.Object)
			})
		}
	}
}

// A misspelled field would never be compared, so every name must be one that a
// fixture knows, but for a few that only some objects have.
func TestEveryFieldIsNamedAsInAFixture(t *testing.T) {
	t.Parallel()
	sometimes := map[string]bool{
		"refund.failure_reason": true, "refund.failure_balance_transaction": true, // of failed refunds
		"review.payment_intent": true, "radar.early_fraud_warning.payment_intent": true, // where there was one
		"customer.deleted":           true,
		"charge.presentment_details": true, "payment_intent.presentment_details": true, "refund.presentment_details": true, // of Adaptive Pricing
		"refund.pending_reason":   true, // of pending ones
		"invoice.amount_overpaid": true,
		"charge.transfer":         true, // of a destination charge
	}
	known := map[string]bool{}
	for _, version := range []string{"2023-10-16", "2026-08-26.dahlia"} {
		var fixtures struct {
			Resources map[string]map[string]json.RawMessage `json:"resources"`
		}
		require.NoError(t, json.Unmarshal(contract(t, "stripe-data/fixtures-"+version+".json"), &fixtures))
		for object, members := range fixtures.Resources {
			for name := range members {
				known[object+"."+name] = true
			}
		}
	}
	for object, make := range objects {
		v := make()
		for _, f := range reflect.VisibleFields(reflect.TypeOf(v).Elem()) {
			name := object + "." + f.Tag.Get("json")
			if f.Tag.Get("json") != "-" && !sometimes[name] {
				require.True(t, known[name], name)
			}
		}
	}
}

// compare walks a decoded value beside its JSON and returns how many facts agreed.
func compare(t *testing.T, path string, v reflect.Value, raw json.RawMessage) int {
	t.Helper()
	switch string(raw) {
	case "null", `""`, "{}", "[]", "false", "0":
		return 0
	}
	switch v.Kind() {
	case reflect.Pointer:
		require.False(t, v.IsNil(), path)
		return compare(t, path, v.Elem(), raw)
	case reflect.Struct:
		id := v.FieldByName("ID")
		if strings.HasPrefix(v.Type().Name(), "Expandable[") {
			return compare(t, path, id, raw)
		}
		var members map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(raw, &members), path)
		n := 0
		for i := range v.NumField() {
			f := v.Type().Field(i)
			name := f.Tag.Get("json")
			if f.Anonymous {
				n += compare(t, path, v.Field(i), raw)
			} else if m, ok := members[name]; ok && name != "-" {
				n += compare(t, path+"."+name, v.Field(i), m)
			}
		}
		return n
	case reflect.Slice:
		var elements []json.RawMessage
		require.NoError(t, json.Unmarshal(raw, &elements), path)
		require.Equal(t, len(elements), v.Len(), path)
		n := 0
		for i, e := range elements {
			n += compare(t, path, v.Index(i), e)
		}
		return n
	}
	got, err := json.Marshal(v.Interface())
	require.NoError(t, err, path)
	require.JSONEq(t, string(raw), string(got), path)
	return 1
}

func decode(t *testing.T, object string) (*stripe.Event, error) {
	t.Helper()
	return stripe.DecodeEvent([]byte(`{"id":"evt_1","object":"event","type":"x","created":1,"livemode":true,"api_version":"2022-08-01","data":{"object":` + object + `}}`))
}

func TestAMissingFactIsAGapWithItsName(t *testing.T) {
	t.Parallel()
	whole := map[string]string{
		"charge": `{"object":"charge","id":"ch_1","created":1,"livemode":true,"amount":0,"amount_captured":0,"amount_refunded":0,
			"currency":"eur","status":"succeeded","paid":false,"captured":false,"refunded":false,"disputed":false}`,
		"payment_intent":   `{"object":"payment_intent","id":"pi_1","created":1,"livemode":true,"amount":1,"amount_received":1,"currency":"eur","status":"succeeded"}`,
		"checkout.session": `{"object":"checkout.session","id":"cs_1","created":1,"livemode":true,"mode":"payment","payment_status":"paid"}`,
		"refund":           `{"object":"refund","id":"re_1","created":1,"amount":1,"currency":"eur"}`,
	}
	for kind, object := range whole {
		e, err := decode(t, object)
		require.NoError(t, err, "a nought that is said is a fact")
		require.NotNil(t, e.Object)
		var members map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(object), &members))
		for field := range members {
			if field == "object" {
				continue
			}
			for how, change := range map[string]func(map[string]json.RawMessage){
				"absent": func(m map[string]json.RawMessage) { delete(m, field) },
				"null":   func(m map[string]json.RawMessage) { m[field] = json.RawMessage("null") },
			} {
				t.Run(kind+" "+field+" "+how, func(t *testing.T) {
					t.Parallel()
					var less map[string]json.RawMessage
					require.NoError(t, json.Unmarshal([]byte(object), &less))
					change(less)
					b, err := json.Marshal(less)
					require.NoError(t, err)
					e, err := decode(t, string(b))
					var gap *stripe.GapError
					require.ErrorAs(t, err, &gap)
					require.Equal(t, kind, gap.Object)
					require.Equal(t, field, gap.Field)
					require.Equal(t, "2022-08-01", gap.APIVersion)
					require.Equal(t, commerce.KindInvalid, commerce.KindOf(err))
					require.Equal(t, "evt_1", e.ID, "the envelope can be used")
					require.Nil(t, e.Object)
				})
			}
		}
	}
}

func TestAnEventWithoutAnEnvelopeFactIsAGap(t *testing.T) {
	t.Parallel()
	for field, body := range map[string]string{
		"id":          `{"type":"x","created":1,"livemode":true}`,
		"type":        `{"id":"evt_1","created":1,"livemode":true}`,
		"created":     `{"id":"evt_1","type":"x","livemode":true}`,
		"livemode":    `{"id":"evt_1","type":"x","created":1}`,
		"data.object": `{"id":"evt_1","type":"x","created":1,"livemode":true}`,
	} {
		_, err := stripe.DecodeEvent([]byte(body))
		var gap *stripe.GapError
		require.ErrorAs(t, err, &gap, field)
		require.Equal(t, field, gap.Field)
	}
	_, err := stripe.DecodeEvent([]byte(`{"id":"evt_1"`))
	require.ErrorIs(t, err, commerce.ErrInvalid)
	_, err = decode(t, `{"object":"charge","id":"ch_1","amount":"12,50 from buyer@example.com"}`)
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.NotContains(t, err.Error(), "buyer")
}

func TestEveryEventOfTheFakeIsReadAlikeInEveryVersion(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"2022-08-01", "2023-10-16", "2024-04-10", stripetest.Newest} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			fake, _, now := start(t, stripetest.Config{APIVersion: version})
			for _, p := range []stripetest.Purchase{{}, {Authorise: true}, {Method: stripetest.CardDeclined}, {Method: stripetest.DebitReturned}} {
				p.Amount, p.Currency, p.Metadata = 1250, "eur", map[string]string{"order": "17"}
				_, err := fake.Pay(p)
				require.NoError(t, err)
			}
			now.Advance(30 * 24 * time.Hour)
			for _, e := range fake.Events() {
				require.Equal(t, version, e.APIVersion)
				switch o := e.Object.(type) {
				case *stripe.Charge:
					require.Equal(t, int64(1250), o.Amount)
					require.NotEmpty(t, o.PaymentIntent)
					if e.Type == "charge.succeeded" && o.Captured {
						late := version >= "2024-04-10" && o.PaymentMethodDetails.Type == "card"
						require.Equal(t, late, o.BalanceTransaction.ID == "", e.Type)
					}
					if e.Type == "charge.updated" {
						require.NotEmpty(t, o.BalanceTransaction.ID)
					}
				case *stripe.PaymentIntent:
					require.Equal(t, "17", o.Metadata["order"])
					if e.Type == "payment_intent.succeeded" {
						require.NotEmpty(t, o.LatestCharge.ID)
					}
				default:
					t.Fatalf("%s has a %T", e.Type, o)
				}
			}
		})
	}
}

func FuzzDecodeEvent(f *testing.F) {
	f.Add([]byte(chargeEvent))
	f.Add([]byte(`{"id":"evt_1","object":"v2.core.event","created":"2026-11-02T09:00:00Z"}`))
	f.Add([]byte(`{"id":"evt_1","type":"x","created":1,"livemode":true,"data":{"object":{"object":"payment_intent","charges":{"data":[{}]}}}}`))
	f.Add([]byte(`{"id":"evt_1","type":"x","created":1,"livemode":true,"data":{"object":{"object":"payment_intent","id":"pi_1","created":1,
		"livemode":true,"amount":1,"currency":"eur","status":"x","description":"client_secret","client_secret" : "pi_1_secret_\"2"}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := stripe.DecodeEvent(raw)
		if err == nil {
			require.NotEmpty(t, e.ID)
			require.NotEmpty(t, e.Type)
			if i, ok := e.Object.(*stripe.PaymentIntent); ok {
				require.True(t, json.Valid(i.Raw))
			}
			return
		}
		require.Equal(t, commerce.KindInvalid, commerce.KindOf(err))
	})
}
