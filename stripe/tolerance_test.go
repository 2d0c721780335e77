package stripe_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// required are the facts without which an object is refused. Everything else may be
// absent, and then reads as absent.
var required = map[string][]string{
	"account":                   {"id"},
	"application_fee":           {"id", "created", "livemode", "amount", "amount_refunded", "currency", "refunded", "account"},
	"balance":                   {"livemode", "available", "pending"},
	"balance_transaction":       {"id", "created", "available_on", "amount", "fee", "net", "currency", "type"},
	"charge":                    {"id", "created", "amount", "amount_captured", "amount_refunded", "currency", "status", "paid", "captured", "refunded", "livemode"},
	"checkout.session":          {"id", "created", "mode", "payment_status", "livemode"},
	"credit_note":               {"id", "created", "livemode", "status", "type", "currency", "amount", "total", "invoice", "lines"},
	"customer":                  {"id"},
	"dispute":                   {"id", "created", "livemode", "amount", "currency", "status", "charge", "reason", "balance_transactions"},
	"fee_refund":                {"id", "created", "amount", "currency", "fee"},
	"invoice":                   {"id", "created", "livemode", "currency", "subtotal", "total", "amount_due", "amount_paid", "amount_remaining", "lines"},
	"line_item":                 {"id", "amount", "currency", "period"},
	"payment_intent":            {"id", "created", "amount", "currency", "status", "livemode"},
	"payment_method":            {"id", "created", "livemode", "type"},
	"payout":                    {"id", "created", "arrival_date", "livemode", "amount", "currency", "status", "method", "automatic"},
	"radar.early_fraud_warning": {"id", "created", "livemode", "actionable", "charge", "fraud_type"},
	"refund":                    {"id", "created", "amount", "currency"},
	"reporting.report_run":      {"id", "created", "livemode", "report_type", "status"},
	"review":                    {"id", "created", "livemode", "open", "reason"},
	"subscription":              {"id", "created", "livemode", "status", "currency", "customer", "items"},
	"subscription_item":         {"id", "price", "subscription"},
	"topup":                     {"id", "created", "livemode", "amount", "currency", "status"},
	"transfer":                  {"id", "created", "livemode", "amount", "amount_reversed", "currency", "reversed"},
	"webhook_endpoint":          {"id", "created", "livemode", "url", "status", "enabled_events"},
}

// elsewhere are facts that one version has only here and others at another place.
var elsewhere = map[string]bool{
	"2023-10-16 subscription current_period_start":  true,
	"2023-10-16 subscription current_period_end":    true,
	"2023-10-16 reporting.report_run result":        true, // of a run that succeeded
	"2026-08-26.dahlia reporting.report_run result": true,
}

var versions = []string{"2023-10-16", stripetest.Newest}

func fixtures(t testing.TB, version string) map[string]json.RawMessage {
	t.Helper()
	var f struct {
		Resources map[string]json.RawMessage `json:"resources"`
	}
	require.NoError(t, json.Unmarshal(contract(t, "stripe-data/fixtures-"+version+".json"), &f))
	return f.Resources
}

// members reads an object's members one by one.
func members(t testing.TB, raw []byte) map[string]json.RawMessage {
	t.Helper()
	var m map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(raw, &m))
	return m
}

func with(t testing.TB, raw json.RawMessage, name string, value string) json.RawMessage {
	t.Helper()
	m := members(t, raw)
	m[name] = json.RawMessage(value)
	if value == "" {
		delete(m, name)
	}
	b, err := json.Marshal(m)
	require.NoError(t, err)
	return b
}

func event(version string, object []byte) []byte {
	return fmt.Appendf(nil, `{"id":"evt_1","type":"x","created":1,"livemode":false,"api_version":%q,"data":{"object":%s}}`, version, object)
}

// Without one member at a time, absent or null: a required fact is a gap with its
// name, any other changes nothing but itself.
func TestEveryFieldOfEveryFixtureMayBeAbsentOrIsAGap(t *testing.T) {
	t.Parallel()
	for _, version := range versions {
		for kind, raw := range fixtures(t, version) {
			if kind == "event" {
				continue
			}
			t.Run(version+" "+kind, func(t *testing.T) {
				t.Parallel()
				whole, err := stripe.DecodeEvent(event(version, raw))
				require.NoError(t, err)
				for name, value := range members(t, raw) {
					if name == "object" {
						continue
					}
					for _, gone := range []string{"", "null"} {
						e, err := stripe.DecodeEvent(event(version, with(t, raw, name, gone)))
						gap, ok := errors.AsType[*stripe.GapError](err)
						if slices.Contains(required[kind], name) || elsewhere[version+" "+kind+" "+name] && string(value) != "null" {
							require.True(t, ok, "%s %q: %v", name, gone, err)
							require.Equal(t, name, gap.Field)
							require.Equal(t, kind, gap.Object)
							continue
						}
						require.NoError(t, err, "%s %q", name, gone)
						for _, fact := range required[kind] {
							require.Equal(t, field(t, whole.Object, fact), field(t, e.Object, fact), "%s without %s", fact, name)
						}
					}
				}
			})
		}
	}
}

// field finds the field of that JSON name.
func field(t testing.TB, object any, name string) any {
	t.Helper()
	v := reflect.ValueOf(object).Elem()
	for _, f := range reflect.VisibleFields(v.Type()) {
		if f.Tag.Get("json") == name {
			return v.FieldByIndex(f.Index).Interface()
		}
	}
	t.Fatalf("%T has no field for %s", object, name)
	return nil
}

// Words that nobody knows yet are kept as they are, whatever field they are in.
func TestEveryUnknownWordIsKept(t *testing.T) {
	t.Parallel()
	for _, version := range versions {
		for kind, raw := range fixtures(t, version) {
			if kind == "event" {
				continue
			}
			t.Run(version+" "+kind, func(t *testing.T) {
				t.Parallel()
				kept := 0
				for name, value := range members(t, raw) {
					if name == "object" || len(value) == 0 || value[0] != '"' {
						continue
					}
					e, err := stripe.DecodeEvent(event(version, with(t, raw, name, `"levitating"`)))
					require.NoError(t, err, name)
					v := reflect.ValueOf(e.Object).Elem()
					for _, f := range reflect.VisibleFields(v.Type()) {
						if f.Tag.Get("json") == name && v.FieldByIndex(f.Index).Kind() == reflect.String {
							require.Equal(t, "levitating", v.FieldByIndex(f.Index).String(), name)
							kept++
						}
					}
				}
				require.True(t, kept > 0 || kind == "balance", "no word was looked at")
			})
		}
	}
}

// Whatever is put in place of any part, however deep: an error or an object, no panic.
func TestNoPartOfAnyFixtureCanMakeTheDecoderPanic(t *testing.T) {
	t.Parallel()
	for _, version := range versions {
		for kind, raw := range fixtures(t, version) {
			t.Run(version+" "+kind, func(t *testing.T) {
				t.Parallel()
				n := 0
				mutate(t, raw, 3, func(changed json.RawMessage) {
					n++
					for _, body := range [][]byte{event(version, changed), changed} {
						if _, err := stripe.DecodeEvent(body); err != nil {
							require.Equal(t, commerce.KindInvalid, commerce.KindOf(err))
						}
					}
				})
				require.NotZero(t, n)
			})
		}
	}
}

// mutate calls use with every version of a document in which one value, down to a
// depth, is absent or replaced.
func mutate(t testing.TB, raw json.RawMessage, depth int, use func(json.RawMessage)) {
	t.Helper()
	if depth == 0 || len(raw) == 0 {
		return
	}
	switch raw[0] {
	case '{':
		m := members(t, raw)
		for _, name := range slices.Sorted(maps.Keys(m)) {
			for _, value := range []string{"", "null", `"x"`, "7", "[{}]", `{"data":[{}]}`} {
				use(with(t, raw, name, value))
			}
			mutate(t, m[name], depth-1, func(v json.RawMessage) { use(with(t, raw, name, string(v))) })
		}
	case '[':
		var elements []json.RawMessage
		require.NoError(t, json.Unmarshal(raw, &elements))
		if len(elements) > 0 {
			mutate(t, elements[0], depth-1, func(v json.RawMessage) { use(json.RawMessage("[" + string(v) + "]")) })
		}
	}
}

// inline are objects of events that no fixture has.
var inline = map[string]string{
	"application":     `{"object":"application","id":"ca_1","name":"Books"}`,
	"bank_account":    `{"object":"bank_account","id":"ba_1","account":"acct_1","country":"DE","currency":"eur","last4":"6789","status":"new"}`,
	"invoice_payment": `{"object":"invoice_payment","id":"inpay_1","created":1,"livemode":true,"invoice":"in_1","amount_paid":5,"amount_requested":5,"currency":"eur","status":"paid","payment":{"type":"payment_intent","payment_intent":"pi_1"}}`,
	"setup_intent":    `{"object":"setup_intent","id":"seti_1","created":1,"livemode":true,"status":"succeeded","client_secret":"seti_1_secret_2"}`,
	"payment_link":    `{"object":"payment_link","id":"plink_1","livemode":true,"active":true,"url":"https://buy.stripe.com/1"}`,
}

// families are the event types that are handled, by the object that they carry.
var families = map[string]string{
	"charge": "charge.succeeded charge.failed charge.pending charge.captured charge.updated charge.expired charge.refunded",
	"refund": "refund.created refund.updated charge.refund.updated refund.failed",
	"dispute": "charge.dispute.created charge.dispute.updated charge.dispute.closed charge.dispute.funds_withdrawn " +
		"charge.dispute.funds_reinstated",
	"payment_intent": "payment_intent.created payment_intent.processing payment_intent.requires_action payment_intent.amount_capturable_updated " +
		"payment_intent.partially_funded payment_intent.succeeded payment_intent.payment_failed payment_intent.canceled",
	"checkout.session": "checkout.session.completed checkout.session.async_payment_succeeded checkout.session.async_payment_failed checkout.session.expired",
	"payout":           "payout.created payout.updated payout.paid payout.failed payout.canceled payout.reconciliation_completed",
	"balance":          "balance.available",
	"customer":         "customer.created customer.updated customer.deleted",
	"subscription": "customer.subscription.created customer.subscription.updated customer.subscription.deleted customer.subscription.paused " +
		"customer.subscription.resumed customer.subscription.trial_will_end",
	"invoice": "invoice.created invoice.finalized invoice.paid invoice.payment_failed invoice.payment_action_required invoice.voided " +
		"invoice.marked_uncollectible invoice.updated invoice.overpaid invoice.overdue",
	"invoice_payment":           "invoice_payment.paid",
	"credit_note":               "credit_note.created credit_note.updated credit_note.voided",
	"radar.early_fraud_warning": "radar.early_fraud_warning.created radar.early_fraud_warning.updated",
	"review":                    "review.opened review.closed",
	"account":                   "account.updated",
	"application":               "account.application.authorized account.application.deauthorized",
	"bank_account":              "account.external_account.created account.external_account.updated account.external_account.deleted",
	"application_fee":           "application_fee.created application_fee.refunded",
	"fee_refund":                "application_fee.refund.updated",
	"transfer":                  "transfer.created transfer.updated transfer.reversed",
	"reporting.report_run":      "reporting.report_run.succeeded reporting.report_run.failed",
	"payment_method":            "payment_method.attached",
	"payment_link":              "payment_link.created",
	"setup_intent":              "setup_intent.succeeded",
	"topup":                     "topup.succeeded",
}

func TestEveryEventTypeIsDecodedInEveryVersionOnTheAccountAndOnConnect(t *testing.T) {
	t.Parallel()
	for _, version := range versions {
		fixed := fixtures(t, version)
		for kind, types := range families {
			object := fixed[kind]
			if object == nil {
				object = json.RawMessage(inline[kind])
			}
			for _, name := range strings.Fields(types) {
				for _, account := range []string{"null", `"acct_2"`} {
					e, err := stripe.DecodeEvent(fmt.Appendf(nil, `{"id":"evt_1","object":"event","type":%q,"created":1,"livemode":true,"api_version":%q,"account":%s,"data":{"object":%s}}`,
						name, version, account, object))
					require.NoError(t, err, "%s %s", version, name)
					require.NotNil(t, e.Object, "%s %s", version, name)
					require.Equal(t, kind, e.ObjectType)
					require.Equal(t, account == "null", e.Account == "")
				}
			}
		}
	}
}

func TestWhatMovedInBillingIsFoundInOldAndNewPlaces(t *testing.T) {
	t.Parallel()
	type both struct {
		name     string
		old, new string
		read     func(object any) any
		want     any
	}
	const invoice = `"object":"invoice","id":"in_1","created":1,"livemode":true,"currency":"eur","subtotal":100,"total":119,"amount_due":119,"amount_paid":119,"amount_remaining":0,"status":"paid"`
	const lines = `"lines":{"data":[]}`
	const line = `"object":"line_item","id":"il_1","amount":100,"currency":"eur","period":{"start":1,"end":2}`
	const subscription = `"object":"subscription","id":"sub_1","created":1,"livemode":true,"status":"active","currency":"eur","customer":"cus_1"`
	const item = `"id":"si_1","price":"price_1","subscription":"sub_1"`
	const note = `"object":"credit_note","id":"cn_1","created":1,"livemode":true,"status":"issued","type":"post_payment","currency":"eur","amount":119,"total":119,"invoice":"in_1","lines":{"data":[]}`
	for _, tc := range []both{
		{"an invoice's subscription", `{` + invoice + `,` + lines + `,"subscription":"sub_1"}`,
			`{` + invoice + `,` + lines + `,"parent":{"type":"subscription_details","subscription_details":{"subscription":"sub_1"}}}`,
			func(o any) any { return o.(*stripe.Invoice).Subscription }, stripe.ID("sub_1")},
		{"that an invoice is paid", `{` + invoice + `,` + lines + `,"paid":true}`, `{` + invoice + `,` + lines + `}`,
			func(o any) any { return o.(*stripe.Invoice).Paid }, true},
		{"an invoice's payment intent", `{` + invoice + `,` + lines + `,"payment_intent":{"id":"pi_1"}}`,
			`{` + invoice + `,` + lines + `,"payments":{"data":[{"payment":{"type":"payment_intent","payment_intent":"pi_1"}}]}}`,
			func(o any) any { return o.(*stripe.Invoice).PaymentIntent }, stripe.ID("pi_1")},
		{"an invoice's charge", `{` + invoice + `,` + lines + `,"charge":"ch_1"}`,
			`{` + invoice + `,` + lines + `,"payments":{"data":[{"payment":{"type":"charge","charge":"ch_1"}}]}}`,
			func(o any) any { return o.(*stripe.Invoice).Charge }, stripe.ID("ch_1")},
		{"an invoice's tax", `{` + invoice + `,` + lines + `,"tax":19,"total_tax_amounts":[{"amount":19,"inclusive":true,"tax_rate":"txr_1"}]}`,
			`{` + invoice + `,` + lines + `,"total_taxes":[{"amount":19,"tax_behavior":"inclusive","tax_rate_details":{"tax_rate":"txr_1"}}]}`,
			func(o any) any { i := o.(*stripe.Invoice); return []any{*i.Tax, i.Taxes[0]} },
			[]any{int64(19), stripe.Tax{Amount: 19, Inclusive: true, TaxRate: "txr_1"}}},
		{"an invoice's discount", `{` + invoice + `,` + lines + `,"discount":{"id":"di_1","coupon":{"id":"co_1"}}}`,
			`{` + invoice + `,` + lines + `,"discounts":[{"id":"di_1","source":{"type":"coupon","coupon":"co_1"}}]}`,
			func(o any) any { return o.(*stripe.Invoice).Discounts }, []stripe.Discount{{ID: "di_1", Coupon: "co_1"}}},
		{"a line's price", `{` + line + `,"price":{"id":"price_1"}}`, `{` + line + `,"pricing":{"type":"price_details","price_details":{"price":"price_1"}}}`,
			func(o any) any { return o.(*stripe.InvoiceLine).Price }, stripe.ID("price_1")},
		{"a line's subscription item", `{` + line + `,"subscription":"sub_1","subscription_item":"si_1","proration":true}`,
			`{` + line + `,"parent":{"type":"subscription_item_details","subscription_item_details":{"subscription":"sub_1","subscription_item":"si_1","proration":true}}}`,
			func(o any) any {
				l := o.(*stripe.InvoiceLine)
				return []any{l.Subscription, l.SubscriptionItem, l.Proration}
			}, []any{stripe.ID("sub_1"), stripe.ID("si_1"), true}},
		{"a line's invoice item", `{` + line + `,"invoice_item":"ii_1"}`,
			`{` + line + `,"parent":{"type":"invoice_item_details","invoice_item_details":{"invoice_item":"ii_1"}}}`,
			func(o any) any { return o.(*stripe.InvoiceLine).InvoiceItem }, stripe.ID("ii_1")},
		{"a line's taxes", `{` + line + `,"tax_amounts":[{"amount":19,"tax_rate":"txr_1"}]}`,
			`{` + line + `,"taxes":[{"amount":19,"tax_rate_details":{"tax_rate":"txr_1"}}]}`,
			func(o any) any { return o.(*stripe.InvoiceLine).Taxes }, []stripe.Tax{{Amount: 19, TaxRate: "txr_1"}}},
		{"a subscription's period", `{` + subscription + `,"current_period_start":5,"current_period_end":9,"items":{"data":[{` + item + `}]}}`,
			`{` + subscription + `,"items":{"data":[{` + item + `,"current_period_start":6,"current_period_end":9},{` + item + `,"current_period_start":5,"current_period_end":8}]}}`,
			func(o any) any {
				s := o.(*stripe.Subscription)
				return []any{s.CurrentPeriodStart, s.CurrentPeriodEnd}
			}, []any{stripe.Timestamp(5), stripe.Timestamp(9)}},
		{"a subscription's discount", `{` + subscription + `,"current_period_start":5,"current_period_end":9,"items":{"data":[]},"discount":{"id":"di_1","coupon":"co_1"}}`,
			`{` + subscription + `,"current_period_start":5,"current_period_end":9,"items":{"data":[]},"discounts":[{"id":"di_1","source":{"coupon":{"id":"co_1"}}}]}`,
			func(o any) any { return o.(*stripe.Subscription).Discounts }, []stripe.Discount{{ID: "di_1", Coupon: "co_1"}}},
		{"a credit note's refund", `{` + note + `,"refund":"re_1","tax_amounts":[{"amount":19}]}`, `{` + note + `,"refunds":[{"amount_refunded":119,"refund":"re_1"}],"total_taxes":[{"amount":19}]}`,
			func(o any) any { n := o.(*stripe.CreditNote); return []any{n.Refunds, *n.Tax} }, []any{[]stripe.ID{"re_1"}, int64(19)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for _, object := range []string{tc.old, tc.new} {
				e, err := decode(t, object)
				require.NoError(t, err, object)
				require.Equal(t, tc.want, tc.read(e.Object), object)
			}
		})
	}
	t.Run("an invoice that does not say its tax has none", func(t *testing.T) {
		t.Parallel()
		e, err := decode(t, `{`+invoice+`,`+lines+`}`)
		require.NoError(t, err)
		require.Nil(t, e.Object.(*stripe.Invoice).Tax)
	})
	t.Run("an upcoming invoice has no id, any other has one", func(t *testing.T) {
		t.Parallel()
		object := strings.Replace(`{`+invoice+`,`+lines+`}`, `"id":"in_1",`, "", 1)
		for kind, wanted := range map[string]bool{"invoice.upcoming": true, "invoice.created": false} {
			e, err := stripe.DecodeEvent(fmt.Appendf(nil, `{"id":"evt_1","type":%q,"created":1,"livemode":true,"data":{"object":%s}}`, kind, object))
			require.Equal(t, wanted, err == nil, kind)
			require.Equal(t, wanted, e.Object != nil, kind)
		}
	})
}

// A gap is mended by reading the object once more, and a thin event by reading it at all.
func TestAnEventIsMendedByReadingItsObject(t *testing.T) {
	t.Parallel()
	fake, client, _ := start(t, stripetest.Config{})
	paid, err := fake.Pay(stripetest.Purchase{Amount: 1250, Currency: "eur"})
	require.NoError(t, err)
	charge := fake.Charges()[0]
	for name, raw := range map[string]string{
		"a gap": `{"id":"evt_1","type":"charge.succeeded","created":1,"livemode":false,"data":{"object":{"object":"charge","id":"` + charge.ID + `"}}}`,
		"a thin event": `{"id":"evt_1","object":"v2.core.event","type":"v1.charge.succeeded","created":"2026-11-02T09:00:00Z","livemode":false,
			"related_object":{"id":"` + charge.ID + `","type":"charge","url":"/v1/charges/` + charge.ID + `"}}`,
	} {
		e, err := stripe.DecodeEvent([]byte(raw))
		require.NotNil(t, e, name)
		require.Nil(t, e.Object, name)
		require.Equal(t, name == "a gap", err != nil)
		require.NoError(t, client.Events.Mend(t.Context(), e), name)
		require.Equal(t, paid.ID, string(e.Object.(*stripe.Charge).PaymentIntent), name)
	}
	gone := &stripe.Event{ID: "evt_2", ObjectType: "charge", ObjectID: "ch_gone"}
	require.ErrorIs(t, client.Events.Mend(t.Context(), gone), commerce.ErrNotFound)
	odd := &stripe.Event{ID: "evt_2", ObjectType: "tulip", ObjectID: "tul_1"}
	require.ErrorIs(t, client.Events.Mend(t.Context(), odd), commerce.ErrInvalid)
	other := &stripe.Event{ID: "evt_2", Account: "acct_other", ObjectType: "charge", ObjectID: charge.ID}
	require.ErrorIs(t, client.Events.Mend(t.Context(), other), commerce.ErrForbidden, "a connected account's object is read as that account's")
}

func TestTwoEventsOfOneChangeAreKnown(t *testing.T) {
	t.Parallel()
	const object = `{"object":"refund","id":"re_1","created":1,"amount":1,"currency":"eur","status":"succeeded"}`
	change := func(id, kind, object string) string {
		e, err := stripe.DecodeEvent(fmt.Appendf(nil, `{"id":%q,"type":%q,"created":1,"livemode":true,"data":{"object":%s}}`, id, kind, object))
		require.NoError(t, err)
		return e.Change()
	}
	first := change("evt_1", "refund.updated", object)
	require.Equal(t, first, change("evt_2", "refund.updated", strings.ReplaceAll(object, ",", " , ")))
	require.NotEqual(t, first, change("evt_1", "refund.created", object))
	require.NotEqual(t, first, change("evt_1", "refund.updated", strings.Replace(object, "succeeded", "failed", 1)))
}
