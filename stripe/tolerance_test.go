package stripe_test

import (
	"encoding/json"
	"fmt"
	"net/http"
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
	"application_fee":           {"id", "created", "livemode", "amount", "amount_refunded", "currency", "refunded", "account", "refunds"},
	"balance":                   {"livemode", "available", "pending"},
	"balance_transaction":       {"id", "created", "available_on", "amount", "fee", "net", "currency", "type"},
	"charge":                    {"id", "created", "amount", "amount_captured", "amount_refunded", "currency", "status", "paid", "captured", "refunded", "livemode", "disputed"},
	"checkout.session":          {"id", "created", "mode", "payment_status", "livemode"},
	"credit_note":               {"id", "created", "livemode", "status", "type", "currency", "amount", "total", "invoice", "lines", "subtotal"},
	"customer":                  {"id", "created", "livemode"},
	"dispute":                   {"id", "created", "livemode", "amount", "currency", "status", "charge", "reason", "balance_transactions", "evidence_details", "is_charge_refundable"},
	"fee_refund":                {"id", "created", "amount", "currency", "fee"},
	"invoice":                   {"id", "created", "livemode", "currency", "subtotal", "total", "amount_due", "amount_paid", "amount_remaining", "lines", "starting_balance"},
	"line_item":                 {"id", "amount", "currency", "period"},
	"payment_intent":            {"id", "created", "amount", "currency", "status", "livemode"},
	"payment_method":            {"id", "created", "livemode", "type"},
	"payout":                    {"id", "created", "arrival_date", "livemode", "amount", "currency", "status", "method", "automatic"},
	"radar.early_fraud_warning": {"id", "created", "livemode", "actionable", "charge", "fraud_type"},
	"refund":                    {"id", "created", "amount", "currency"},
	"reporting.report_run":      {"id", "created", "livemode", "report_type", "status"},
	"review":                    {"id", "created", "livemode", "open", "reason"},
	"subscription":              {"id", "created", "livemode", "status", "currency", "customer", "items", "cancel_at_period_end"},
	"subscription_item":         {"id", "price", "subscription"},
	"topup":                     {"id", "created", "livemode", "amount", "currency", "status"},
	"transfer":                  {"id", "created", "livemode", "amount", "amount_reversed", "currency", "reversed", "reversals"},
	"webhook_endpoint":          {"id", "created", "livemode", "url", "status", "enabled_events"},
	// Of those that no fixture has:
	"application":     {"id"},
	"bank_account":    {"id", "object", "last4"},
	"invoice_payment": {"id", "created", "livemode", "invoice", "amount_requested", "currency", "status", "payment"},
	"invoiceitem":     {"id", "date", "livemode", "amount", "currency", "quantity", "customer", "period", "proration"},
	"item":            {"id", "amount_subtotal", "amount_discount", "amount_tax", "amount_total", "currency"},
	"payment_link":    {"id", "livemode", "active", "url"},
	"price":           {"id", "livemode", "active", "currency", "product", "type"},
	"product":         {"id", "created", "livemode", "active", "name"},
	"setup_intent":    {"id", "created", "livemode", "status"},
	"tax.calculation": {"tax_date", "livemode", "currency", "amount_total", "tax_amount_exclusive", "tax_amount_inclusive"},
	"tax.transaction": {"id", "created", "livemode", "type", "currency", "reference", "tax_date"},
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

func event(version string, object []byte) []byte {
	return fmt.Appendf(nil, `{"id":"evt_1","type":"x","created":1,"livemode":false,"api_version":%q,"data":{"object":%s}}`, version, object)
}

// inline are objects of events that no fixture has, or has without what can be in
// them. A second word tells apart what is of one kind.
var inline = map[string]string{
	"application":  `{"object":"application","id":"ca_1","name":"Books"}`,
	"bank_account": `{"object":"bank_account","id":"ba_1","account":"acct_1","country":"DE","currency":"eur","last4":"6789","status":"new","default_for_currency":true,"metadata":{}}`,
	"invoice_payment": `{"object":"invoice_payment","id":"inpay_1","created":1,"livemode":true,"invoice":"in_1","amount_paid":5,"amount_requested":5,
		"currency":"eur","status":"paid","payment":{"type":"payment_intent","payment_intent":"pi_1"}}`,
	"setup_intent": `{"object":"setup_intent","id":"seti_1","created":1,"livemode":true,"status":"succeeded","usage":"off_session","client_secret":"seti_1_secret_2",
		"last_setup_error":{"type":"card_error","code":"card_declined","decline_code":"fraudulent"}}`,
	"payment_link": `{"object":"payment_link","id":"plink_1","livemode":true,"active":true,"url":"https://buy.stripe.com/1","currency":"eur","metadata":{"order":"17"}}`,
	"price": `{"object":"price","id":"price_1","created":1,"livemode":true,"active":true,"currency":"eur","product":"prod_1","type":"recurring","unit_amount":500,
		"unit_amount_decimal":"500","recurring":{"interval":"month","interval_count":1},"tax_behavior":"inclusive","lookup_key":"tulips","nickname":"n"}`,
	"product": `{"object":"product","id":"prod_1","created":1,"updated":2,"livemode":true,"active":true,"name":"Tulip","default_price":"price_1","shippable":true,
		"tax_code":"txcd_1","images":["https://shop.example/t.png"]}`,
	"invoiceitem old": `{"object":"invoiceitem","id":"ii_1","date":1,"livemode":true,"amount":500,"currency":"eur","quantity":1,"customer":"cus_1","invoice":null,
		"period":{"start":1,"end":2},"proration":false,"price":{"id":"price_1","livemode":true,"active":true,"currency":"eur","product":"prod_1","type":"one_time"},"subscription":"sub_1"}`,
	"invoiceitem new": `{"object":"invoiceitem","id":"ii_1","date":1,"livemode":true,"amount":500,"currency":"eur","quantity":1,"customer":"cus_1","period":{"start":1,"end":2},
		"proration":true,"pricing":{"type":"price_details","price_details":{"price":"price_1"}},"parent":{"type":"subscription_details","subscription_details":{"subscription":"sub_1"}}}`,
	"item": `{"object":"item","id":"li_1","description":"Tulip","quantity":1,"amount_subtotal":500,"amount_discount":0,"amount_tax":0,"amount_total":500,"currency":"eur"}`,
	"tax.calculation": `{"object":"tax.calculation","id":"taxcalc_1","livemode":true,"currency":"eur","amount_total":119,"tax_amount_exclusive":19,"tax_amount_inclusive":0,
		"tax_date":1,"expires_at":2,"customer":null,"shipping_cost":{"amount":5,"amount_tax":1,"tax_behavior":"exclusive","tax_code":"txcd_1"},
		"tax_breakdown":[{"amount":19,"taxable_amount":100,"inclusive":false,"taxability_reason":"standard_rated",
			"tax_rate_details":{"country":"DE","percentage_decimal":"19.0","tax_type":"vat"}}]}`,
	"tax.transaction": `{"object":"tax.transaction","id":"tax_1","created":1,"livemode":true,"type":"reversal","currency":"eur","reference":"17","tax_date":1,
		"reversal":{"original_transaction":"tax_0"},"shipping_cost":{"amount":-5,"amount_tax":-1,"tax_behavior":"exclusive"},
		"line_items":{"has_more":false,"data":[{"id":"tl_1","amount":-100,"amount_tax":-19,"quantity":1,"reference":"a","tax_behavior":"exclusive","type":"reversal"}]}}`,
	"balance_transaction whole": `{"object":"balance_transaction","id":"txn_1","created":1,"available_on":2,"amount":1250,"fee":44,"net":1206,"currency":"eur","type":"charge",
		"status":"pending","reporting_category":"charge","exchange_rate":0.91,"fee_details":[{"amount":44,"currency":"eur","type":"stripe_fee","description":"d"}],
		"source":{"object":"refund","id":"re_1","created":1,"amount":1,"currency":"eur"}}`,
	"charge expanded": `{"object":"charge","id":"ch_1","created":1,"livemode":true,"amount":1250,"amount_captured":1250,"amount_refunded":0,"currency":"eur","status":"succeeded",
		"paid":true,"captured":true,"refunded":false,"disputed":false,"application_fee":"fee_1","transfer":"tr_1","application_fee_amount":5,
		"outcome":{"network_status":"approved_by_network","risk_level":"normal","type":"authorized","seller_message":"m"},
		"payment_method_details":{"type":"sepa_debit","sepa_debit":{"last4":"3000"}},
		"balance_transaction":{"id":"txn_1","created":1,"available_on":2,"amount":1250,"fee":44,"net":1206,"currency":"eur","type":"charge"},
		"refunds":{"has_more":false,"data":[{"id":"re_1","created":1,"amount":1,"currency":"eur","status":"succeeded"}]}}`,
	"payment_intent failed": `{"object":"payment_intent","id":"pi_1","created":1,"livemode":true,"amount":1250,"amount_received":0,"amount_capturable":0,"currency":"eur",
		"status":"requires_payment_method","last_payment_error":{"type":"card_error","code":"card_declined","decline_code":"lost_card","charge":"ch_1","message":"m"},
		"shipping":{"name":"n","address":{"country":"DE"}}}`,
	"payment_intent paid": `{"object":"payment_intent","id":"pi_1","created":1,"livemode":true,"amount":1250,"amount_received":1250,"amount_capturable":0,"currency":"eur",
		"status":"succeeded","charges":{"data":[{"object":"charge","id":"ch_1","created":1,"livemode":true,"amount":1250,"amount_captured":1250,"amount_refunded":0,
		"currency":"eur","status":"succeeded","paid":true,"captured":true,"refunded":false,"disputed":false}]}}`,
	"payment_intent authorised": `{"object":"payment_intent","id":"pi_1","created":1,"livemode":true,"amount":1250,"amount_received":0,"amount_capturable":1250,"currency":"eur",
		"status":"requires_capture"}`,
	"invoice newest": `{"object":"invoice","id":"in_1","created":1,"livemode":true,"currency":"eur","subtotal":100,"total":119,"amount_due":119,"amount_paid":119,
		"amount_remaining":0,"starting_balance":0,"status":"paid","discounts":[{"id":"di_1","source":{"type":"coupon","coupon":"co_1"}}],
		"total_taxes":[{"amount":19,"taxable_amount":100,"tax_behavior":"exclusive","tax_rate_details":{"tax_rate":"txr_1"}}],
		"parent":{"type":"subscription_details","subscription_details":{"subscription":"sub_1"}},
		"payments":{"has_more":false,"data":[{"payment":{"type":"payment_intent","payment_intent":"pi_1"}}]},
		"lines":{"has_more":false,"data":[{"object":"line_item","id":"il_1","amount":100,"currency":"eur","quantity":1,"period":{"start":1,"end":2},
			"taxes":[{"amount":19,"tax_behavior":"exclusive"}],"pricing":{"price_details":{"price":"price_1"}},
			"parent":{"type":"subscription_item_details","subscription_item_details":{"subscription":"sub_1","subscription_item":"si_1","proration":true}}}]}}`,
	"dispute with money": `{"object":"dispute","id":"dp_1","created":1,"livemode":true,"amount":1250,"currency":"eur","status":"lost","charge":"ch_1","reason":"fraudulent",
		"is_charge_refundable":false,"evidence_details":{"due_by":9,"has_evidence":true,"past_due":false,"submission_count":1},
		"balance_transactions":[{"id":"txn_1","created":1,"available_on":2,"amount":-1250,"fee":2000,"net":-3250,"currency":"eur","type":"adjustment",
			"fee_details":[{"amount":2000,"currency":"eur","type":"stripe_fee"}]}]}`,
}

// optional are numbers and truths that read as nought or false where they are absent,
// and why that is what their absence means.
var optional = map[string]string{
	"account charges_enabled":           "an account may hide everything but its id from who asks",
	"account payouts_enabled":           "as above",
	"account details_submitted":         "as above",
	"bank_account default_for_currency": "null for one that belongs to no connected account",
	"payment_intent amount_capturable":  "required of one that can be captured; of all others there is none",
	"payment_intent amount_received":    "required of one that succeeded; of all others there is none",
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
	"price":                     "price.created price.updated",
	"product":                   "product.created product.deleted",
}

// old is an object as it was in 2022.
func old(t *testing.T, kind string, object json.RawMessage) json.RawMessage {
	t.Helper()
	document := tree(t, object)
	charge := tree(t, []byte(inline["charge expanded"]))
	switch kind {
	case "payment_intent":
		delete(document, "latest_charge")
		document["charges"] = map[string]any{"object": "list", "has_more": false, "data": []any{charge}}
	case "charge":
		document["refunds"] = charge["refunds"]
	}
	return text(t, document)
}

func TestEveryEventTypeIsDecodedInEveryVersionOnTheAccountAndOnConnect(t *testing.T) {
	t.Parallel()
	var diff struct {
		Then []string `json:"event_types_2023-10-16"`
		Now  []string `json:"event_types_added_by_2026-08-26.dahlia"`
	}
	require.NoError(t, json.Unmarshal(contract(t, "stripe-data/api-diff-2023-10-16_2026-08-26.dahlia.json"), &diff))
	for _, version := range append([]string{"2022-08-01", "null"}, versions...) {
		fixed, said := fixtures(t, "2023-10-16"), `"`+version+`"`
		switch version {
		case stripetest.Newest:
			fixed = fixtures(t, version)
		case "null":
			said = version
		}
		for kind, types := range families {
			object := fixed[kind]
			if object == nil {
				object = json.RawMessage(inline[kind])
			}
			if version == "2022-08-01" {
				object = old(t, kind, object)
			}
			for _, name := range strings.Fields(types) {
				t.Run(version+" "+name, func(t *testing.T) {
					t.Parallel()
					require.True(t, slices.Contains(diff.Then, name) || slices.Contains(diff.Now, name), "Stripe knows no such type")
					for _, account := range []string{"null", `"acct_2"`} {
						e, err := stripe.DecodeEvent(fmt.Appendf(nil, `{"id":"evt_1","object":"event","type":%q,"created":1,"livemode":true,"api_version":%s,"account":%s,"data":{"object":%s}}`,
							name, said, account, object))
						require.NoError(t, err)
						require.NotNil(t, e.Object)
						require.Equal(t, kind, e.ObjectType)
						require.Equal(t, account == "null", e.Account == "")
						require.Equal(t, version == "null", e.APIVersion == "")
						require.JSONEq(t, string(object), string(e.Snapshot), "the bytes are kept")
					}
					e, err := stripe.DecodeEvent(fmt.Appendf(nil, `{"id":"evt_1","object":"v2.core.event","type":"v1.%s","created":"2026-11-02T09:00:00Z","livemode":true,
						"context":"acct_2","related_object":{"id":"x_1","type":%q,"url":"/v1/x/x_1"}}`, name, kind))
					require.NoError(t, err, "and as a thin event")
					require.True(t, e.Thin)
					require.Equal(t, kind, e.ObjectType)
				})
			}
		}
	}
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

func TestAMissingFactIsReadAgainWithOneRequestAndElseAGap(t *testing.T) {
	t.Parallel()
	const whole = `{"object":"refund","id":"re_1","created":1,"amount":1,"currency":"eur"}`
	const lacking = `{"object":"refund","id":"re_1","created":1,"currency":"eur"}`
	const reversal = `{"object":"transfer_reversal","id":"trr_1","created":1,"amount":1,"currency":"eur"%s}`
	snapshot := func(object string) string {
		return `{"id":"evt_1","type":"x","created":1,"livemode":true,"api_version":null,"account":"acct_2","data":{"object":` + object + `}}`
	}
	for name, tc := range map[string]struct {
		event, answer string
		path          string // that is asked for; empty = nothing
		gap           string // the fact that stays absent; empty = none
	}{
		"nothing is missing":             {snapshot(whole), "", "", ""},
		"it is there when asked for":     {snapshot(lacking), whole, "/v1/refunds/re_1", ""},
		"it is absent there too":         {snapshot(lacking), lacking, "/v1/refunds/re_1", "amount"},
		"a part of another object":       {snapshot(`{"object":"transfer_reversal","id":"trr_1","created":1,"currency":"eur","transfer":"tr_1"}`), fmt.Sprintf(reversal, `,"transfer":"tr_1"`), "/v1/transfers/tr_1/reversals/trr_1", ""},
		"a part of nobody knows what":    {snapshot(fmt.Sprintf(reversal, "")), "", "", "transfer"},
		"a balance has no id":            {snapshot(`{"object":"balance","livemode":true,"available":[]}`), `{"object":"balance","livemode":true,"available":[],"pending":[]}`, "/v1/balance", ""},
		"it can not be asked for":        {snapshot(`{"object":"line_item","id":"il_1"}`), "", "", "amount"},
		"it has no id":                   {snapshot(`{"object":"refund","created":1,"amount":1,"currency":"eur"}`), "", "", "id"},
		"a type that nobody reads":       {snapshot(`{"object":"tulip","id":"tul_1"}`), "", "", ""},
		"a thin event":                   {`{"id":"evt_1","object":"v2.core.event","type":"v1.refund.created","created":"2026-11-02T09:00:00Z","livemode":true,"related_object":{"id":"re_1","type":"refund"}}`, whole, "/v1/refunds/re_1", ""},
		"a thin event with a gap":        {`{"id":"evt_1","object":"v2.core.event","type":"v1.refund.created","created":"2026-11-02T09:00:00Z","livemode":true,"related_object":{"id":"re_1","type":"refund"}}`, lacking, "/v1/refunds/re_1", "amount"},
		"a thin event that nobody reads": {`{"id":"evt_1","object":"v2.core.event","type":"v2.tulip","created":"2026-11-02T09:00:00Z","livemode":true,"related_object":{"id":"t_1","type":"v2.tulip"}}`, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &far{answer: func(int, *http.Request) (*http.Response, error) { return respond(200, tc.answer), nil }}
			e, err := newClient(t, stripe.Config{Transport: server}).Events.Decode(t.Context(), []byte(tc.event))
			require.NotNil(t, e)
			require.Equal(t, "evt_1", e.ID)
			if tc.path == "" {
				require.Empty(t, server.seen)
			} else {
				require.Len(t, server.seen, 1)
				require.Equal(t, tc.path, server.seen[0].URL.Path)
				require.Equal(t, e.Account, server.seen[0].Header.Get("Stripe-Account"))
			}
			if tc.gap == "" {
				require.NoError(t, err)
				return
			}
			var gap *stripe.GapError
			require.ErrorAs(t, err, &gap)
			require.Equal(t, tc.gap, gap.Field)
			require.Nil(t, e.Object)
			require.Equal(t, commerce.KindInvalid, commerce.KindOf(err))
		})
	}
}

func TestThinEventsAreNeverOneChange(t *testing.T) {
	t.Parallel()
	change := func(id string) string {
		e, err := stripe.DecodeEvent(fmt.Appendf(nil, `{"id":%q,"object":"v2.core.event","type":"v1.refund.updated","created":"2026-11-02T09:00:00Z","livemode":true,
			"related_object":{"id":"re_1","type":"refund"}}`, id))
		require.NoError(t, err)
		return e.Change()
	}
	require.NotEqual(t, change("evt_1"), change("evt_2"), "they do not say what changed")
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
