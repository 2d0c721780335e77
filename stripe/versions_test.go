package stripe_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/stripe"
)

// Every line of the table of changes in the contract, with what moved, what went and
// what came, in the shape before and the one after.
func TestEachChangeOfTheAPIIsRead(t *testing.T) {
	t.Parallel()
	const (
		charge = `"object":"charge","id":"ch_1","created":1,"livemode":true,"amount":5,"amount_captured":5,"amount_refunded":2,"currency":"eur","status":"succeeded","paid":true,"captured":true,"refunded":false,"disputed":false`
		intent = `"object":"payment_intent","id":"pi_1","created":1,"livemode":true,"amount":5,"amount_received":5,"currency":"eur","status":"succeeded"`
		refund = `"object":"refund","id":"re_1","created":1,"amount":2,"currency":"eur","status":"failed"`
		txn    = `"object":"balance_transaction","id":"txn_1","created":1,"available_on":2,"amount":1,"fee":0,"net":1,"currency":"eur"`
	)
	type C = *stripe.Charge
	type P = *stripe.PaymentIntent
	for _, tc := range []struct {
		name    string
		version string // of the event; "null" = it says none
		kind    string
		object  string
		check   func(t *testing.T, e *stripe.Event)
	}{
		{"before 2022-11-15 a charge lists its refunds", "2022-08-01", "charge.refunded", `{` + charge + `,"refunds":{"has_more":false,"data":[{` + refund + `}]}}`,
			func(t *testing.T, e *stripe.Event) { require.Equal(t, "re_1", e.Object.(C).Refunds.Data[0].ID) }},
		{"since 2022-11-15 a charge says nothing of its refunds, which is not that there are none", "2022-11-15", "charge.refunded", `{` + charge + `}`,
			func(t *testing.T, e *stripe.Event) {
				require.Nil(t, e.Object.(C).Refunds)
				require.Equal(t, int64(2), e.Object.(C).AmountRefunded)
			}},
		{"since 2022-11-15 an intent names its latest charge", "2022-11-15", "payment_intent.succeeded", `{` + intent + `,"latest_charge":"ch_2"}`,
			func(t *testing.T, e *stripe.Event) { require.Equal(t, "ch_2", e.Object.(P).LatestCharge.ID) }},
		{"since 2024-04-10 a charge succeeds before its balance transaction, transfer and fee are known", "2024-04-10", "charge.succeeded",
			`{` + charge + `,"balance_transaction":null,"transfer":null,"application_fee":null,"application_fee_amount":1}`,
			func(t *testing.T, e *stripe.Event) {
				require.Empty(t, e.Object.(C).BalanceTransaction.ID)
				require.Empty(t, e.Object.(C).Transfer)
				require.Empty(t, e.Object.(C).ApplicationFee)
				require.Equal(t, int64(1), *e.Object.(C).ApplicationFeeAmount, "what is known is not lost")
			}},
		{"since 2024-04-10 they come with charge.updated", "2024-04-10", "charge.updated",
			`{` + charge + `,"balance_transaction":"txn_1","transfer":"tr_1","application_fee":"fee_1"}`,
			func(t *testing.T, e *stripe.Event) {
				require.Equal(t, "txn_1", e.Object.(C).BalanceTransaction.ID)
				require.Equal(t, stripe.ID("tr_1"), e.Object.(C).Transfer)
				require.Equal(t, stripe.ID("fee_1"), e.Object.(C).ApplicationFee)
			}},
		{"since 2024-04-10 an intent is captured asynchronously by default", "2024-04-10", "payment_intent.succeeded", `{` + intent + `,"capture_method":"automatic_async"}`,
			func(t *testing.T, e *stripe.Event) { require.Equal(t, "automatic_async", e.Object.(P).CaptureMethod) }},
		{"since 2024-09-30 a version has a train", "2024-09-30.acacia", "charge.succeeded", `{` + charge + `}`,
			func(t *testing.T, e *stripe.Event) { require.Equal(t, "2024-09-30.acacia", e.APIVersion) }},
		{"since 2024-10-28 there is refund.failed", "2024-10-28.acacia", "refund.failed", `{` + refund + `,"failure_reason":"lost_or_stolen_card","failure_balance_transaction":"txn_2"}`,
			func(t *testing.T, e *stripe.Event) {
				require.Equal(t, "failed", e.Object.(*stripe.Refund).Status)
				require.Equal(t, "txn_2", e.Object.(*stripe.Refund).FailureBalanceTransaction.ID)
			}},
		{"before 2025-03-31 a charge and an intent name their invoice", "2024-10-28.acacia", "charge.succeeded", `{` + charge + `,"invoice":"in_1"}`,
			func(t *testing.T, e *stripe.Event) { require.Equal(t, stripe.ID("in_1"), e.Object.(C).Invoice) }},
		{"since 2025-03-31 they do not", "2025-03-31.basil", "payment_intent.succeeded", `{` + intent + `}`,
			func(t *testing.T, e *stripe.Event) { require.Empty(t, e.Object.(P).Invoice) }},
		{"since 2025-03-31 a payment of an invoice is an object", "2025-03-31.basil", "invoice_payment.paid", inline["invoice_payment"],
			func(t *testing.T, e *stripe.Event) {
				require.Equal(t, stripe.ID("in_1"), e.Object.(*stripe.InvoicePayment).Invoice)
				require.Equal(t, stripe.ID("pi_1"), e.Object.(*stripe.InvoicePayment).Payment.PaymentIntent)
			}},
		{"since 2025-09-30 a dispute is prevented", "2025-09-30.clover", "charge.dispute.closed", strings.Replace(inline["dispute with money"], `"lost"`, `"prevented"`, 1),
			func(t *testing.T, e *stripe.Event) { require.Equal(t, "prevented", e.Object.(*stripe.Dispute).Status) }},
		{"since 2025-09-30 a review closes for new reasons", "2025-09-30.clover", "review.closed",
			`{"object":"review","id":"prv_1","created":1,"livemode":true,"open":false,"reason":"rule","closed_reason":"payment_never_settled"}`,
			func(t *testing.T, e *stripe.Event) {
				require.Equal(t, "payment_never_settled", e.Object.(*stripe.Review).ClosedReason)
			}},
		{"in 2026 an account has no type", "2026-08-26.dahlia", "account.updated", `{"object":"account","id":"acct_1","type":"none"}`,
			func(t *testing.T, e *stripe.Event) { require.Equal(t, "none", e.Object.(*stripe.Account).Type) }},
		{"in 2026 a balance transaction is of a new type and balance", "2026-08-26.dahlia", "x", `{` + txn + `,"type":"payout_minimum_balance_hold","balance_type":"refund_and_dispute_prefunding"}`,
			func(t *testing.T, e *stripe.Event) {
				require.Equal(t, "payout_minimum_balance_hold", e.Object.(*stripe.BalanceTransaction).Type)
				require.Equal(t, "refund_and_dispute_prefunding", e.Object.(*stripe.BalanceTransaction).BalanceType)
			}},
		{"in 2026 the buyer may have seen another currency", "2026-08-26.dahlia", "charge.succeeded", `{` + charge + `,"presentment_details":{"presentment_amount":540,"presentment_currency":"jpy"}}`,
			func(t *testing.T, e *stripe.Event) {
				require.Equal(t, &stripe.Presentment{Amount: 540, Currency: "jpy"}, e.Object.(C).Presentment)
				require.Equal(t, "eur", e.Object.(C).Currency, "what counts")
			}},
		{"in 2026 a customer may be an account", "2026-08-26.dahlia", "payment_intent.succeeded", `{` + intent + `,"customer":null,"customer_account":"acct_9"}`,
			func(t *testing.T, e *stripe.Event) { require.Equal(t, "acct_9", e.Object.(P).CustomerAccount) }},
		{"in 2026 a payout can be traced and may cost a fee", "2026-08-26.dahlia", "payout.paid",
			`{"object":"payout","id":"po_1","created":1,"arrival_date":2,"livemode":true,"amount":5,"currency":"eur","status":"paid","method":"standard","automatic":true,
				"trace_id":{"status":"supported","value":"T1"},"application_fee":"fee_1","payout_method":"pmtd_1"}`,
			func(t *testing.T, e *stripe.Event) {
				require.Equal(t, "T1", e.Object.(*stripe.Payout).TraceID.Value)
				require.Equal(t, stripe.ID("fee_1"), e.Object.(*stripe.Payout).ApplicationFee)
				require.Equal(t, "pmtd_1", e.Object.(*stripe.Payout).PayoutMethod)
			}},
		{"an event may say no version", "null", "account.application.deauthorized", `{"object":"application","id":"ca_1"}`,
			func(t *testing.T, e *stripe.Event) {
				require.Empty(t, e.APIVersion)
				require.Equal(t, "acct_2", e.Account, "who left")
				require.Equal(t, "ca_1", e.Object.(*stripe.Application).ID)
			}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			version := `"` + tc.version + `"`
			if tc.version == "null" {
				version = "null"
			}
			e, err := stripe.DecodeEvent(fmt.Appendf(nil, `{"id":"evt_1","object":"event","type":%q,"created":1,"livemode":true,"account":"acct_2","api_version":%s,"data":{"object":%s}}`,
				tc.kind, version, tc.object))
			require.NoError(t, err)
			tc.check(t, e)
		})
	}
	t.Run("in 2026 an intent may say no amount or currency, which is a gap to be read again", func(t *testing.T) {
		t.Parallel()
		for _, fact := range []string{`"amount":5,`, `"currency":"eur",`} {
			_, err := decode(t, strings.Replace(`{`+intent+`}`, fact, "", 1))
			var gap *stripe.GapError
			require.ErrorAs(t, err, &gap)
			require.Contains(t, fact, gap.Field)
		}
	})
}

// change is what the contract says of an object between the two versions.
type change struct {
	Removed []string            `json:"removed"`
	Relaxed []string            `json:"no_longer_required"`
	Words   map[string][]string `json:"new_enum_values"`
}

func changes(t *testing.T) map[string]change {
	t.Helper()
	var diff struct {
		Objects map[string]change `json:"objects"`
	}
	require.NoError(t, json.Unmarshal(contract(t, "stripe-data/api-diff-2023-10-16_2026-08-26.dahlia.json"), &diff))
	return diff.Objects
}

// Whatever a newer version left out of an object, one by one and all together, is no
// gap, but for what has to be read again.
func TestWhatNewerVersionsLeftOutIsNoGap(t *testing.T) {
	t.Parallel()
	again := map[string]bool{
		"payment_intent amount": true, "payment_intent currency": true,
		// In the old shape; the items of the new one have a period of their own.
		"subscription current_period_start": true, "subscription current_period_end": true,
	}
	left, diff := 0, changes(t)
	for kind, raw := range fixtures(t, "2023-10-16") {
		document := tree(t, raw)
		for _, name := range slices.Concat(diff[kind].Removed, diff[kind].Relaxed) {
			place{parent: document, name: name}.set(nil, true, func() {
				_, err := stripe.DecodeEvent(event("2025-03-31.basil", text(t, document)))
				require.Equal(t, again[kind+" "+name], err != nil, "%s %s: %v", kind, name, err)
				left++
			})
		}
		maps.DeleteFunc(document, func(name string, _ any) bool {
			return slices.Contains(diff[kind].Removed, name) && !again[kind+" "+name]
		})
		_, err := stripe.DecodeEvent(event("2025-03-31.basil", text(t, document)))
		require.NoError(t, err, kind)
	}
	require.Greater(t, left, 30)
}

// Every word that newer versions added is kept where its place is read.
func TestEveryNewWordOfNewerVersionsIsKept(t *testing.T) {
	t.Parallel()
	words, kept, diff := 0, 0, changes(t)
	for kind, raw := range fixtures(t, "2026-08-26.dahlia") {
		document := tree(t, raw)
		for name, list := range diff[kind].Words {
			for _, word := range list {
				words++
				place{parent: document, name: name}.set(word, false, func() {
					e, err := stripe.DecodeEvent(event("2026-08-26.dahlia", text(t, document)))
					require.NoError(t, err, "%s %s %s", kind, name, word)
					if field, ok := find(reflect.ValueOf(e.Object), []any{name}); ok {
						require.Equal(t, word, field.String(), "%s %s", kind, name)
						kept++
					}
				})
			}
		}
	}
	require.Greater(t, words, 40)
	require.Equal(t, words-1, kept, "all but the word on a button")
}

func TestWhatMovedBetweenVersionsIsFound(t *testing.T) {
	t.Parallel()
	t.Run("before 2022-11-15 an intent lists its charges", func(t *testing.T) {
		t.Parallel()
		e, err := decode(t, `{"object":"payment_intent","id":"pi_1","created":1,"livemode":true,"amount":1,"amount_received":1,"currency":"eur","status":"succeeded",
			"charges":{"data":[{"id":"ch_2","object":"charge","created":1,"livemode":true,"amount":1,"amount_captured":1,"amount_refunded":0,
			"currency":"eur","status":"succeeded","paid":true,"captured":true,"refunded":false,"disputed":false},{"id":"ch_1"}]}}`)
		require.NoError(t, err)
		latest := e.Object.(*stripe.PaymentIntent).LatestCharge
		require.Equal(t, "ch_2", latest.ID)
		require.Equal(t, int64(1), latest.Object.AmountCaptured)
	})
	t.Run("since 2025-03-31 a session's shipping is among what was collected", func(t *testing.T) {
		t.Parallel()
		for _, member := range []string{`"shipping_details":{"name":"n"}`, `"collected_information":{"shipping_details":{"name":"n"}}`} {
			e, err := decode(t, `{"object":"checkout.session","id":"cs_1","created":1,"livemode":true,"mode":"payment","payment_status":"paid",`+member+`}`)
			require.NoError(t, err)
			require.Equal(t, "n", e.Object.(*stripe.CheckoutSession).Shipping.Name)
		}
	})
	t.Run("an unknown type has no object and is no error", func(t *testing.T) {
		t.Parallel()
		e, err := decode(t, `{"object":"tulip","id":"tul_1"}`)
		require.NoError(t, err)
		require.Nil(t, e.Object)
		require.Equal(t, "tul_1", e.ObjectID)
	})
	t.Run("an unknown status is kept", func(t *testing.T) {
		t.Parallel()
		e, err := decode(t, `{"object":"payment_intent","id":"pi_1","created":1,"livemode":true,"amount":1,"currency":"eur","status":"levitating"}`)
		require.NoError(t, err)
		require.Equal(t, "levitating", e.Object.(*stripe.PaymentIntent).Status)
	})
	t.Run("a thin event names its object", func(t *testing.T) {
		t.Parallel()
		e, err := stripe.DecodeEvent([]byte(`{"id":"evt_1","object":"v2.core.event","type":"v1.charge.succeeded","created":"2026-11-02T09:00:00.123Z",
			"livemode":true,"context":"acct_2","related_object":{"id":"ch_1","type":"charge","url":"/v1/charges/ch_1"}}`))
		require.NoError(t, err)
		require.True(t, e.Thin)
		require.Equal(t, stripe.Related{ID: "ch_1", Type: "charge", URL: "/v1/charges/ch_1"}, e.Related)
		require.Equal(t, "acct_2", e.Account)
		require.Equal(t, time.Date(2026, 11, 2, 9, 0, 0, 123e6, time.UTC), e.Created)
	})
	t.Run("a rate stays text", func(t *testing.T) {
		t.Parallel()
		var txn stripe.BalanceTransaction
		require.NoError(t, json.Unmarshal([]byte(`{"id":"txn_1","created":1,"available_on":2,"amount":1,"fee":0,"net":1,"currency":"eur","type":"charge",
			"exchange_rate":0.91234567890123456789}`), &txn))
		require.Equal(t, "0.91234567890123456789", txn.ExchangeRate.String())
	})
	t.Run("a customer that was deleted is an id", func(t *testing.T) {
		t.Parallel()
		e, err := decode(t, `{"object":"payment_intent","id":"pi_1","created":1,"livemode":true,"amount":1,"currency":"eur","status":"x","customer":{"id":"cus_1","deleted":true}}`)
		require.NoError(t, err)
		require.Equal(t, "cus_1", e.Object.(*stripe.PaymentIntent).Customer.ID)
	})
}

func TestWhatMovedInBillingIsFoundInOldAndNewPlaces(t *testing.T) {
	t.Parallel()
	type both struct {
		name     string
		old, new string
		read     func(object any) any
		want     any
	}
	const invoice = `"object":"invoice","id":"in_1","created":1,"livemode":true,"currency":"eur","subtotal":100,"total":119,"amount_due":119,"amount_paid":119,"amount_remaining":0,"starting_balance":0,"status":"paid"`
	const lines = `"lines":{"data":[],"has_more":false}`
	const line = `"object":"line_item","id":"il_1","amount":100,"currency":"eur","period":{"start":1,"end":2}`
	const subscription = `"object":"subscription","id":"sub_1","created":1,"livemode":true,"status":"active","currency":"eur","customer":"cus_1","cancel_at_period_end":false`
	const item = `"id":"si_1","price":"price_1","subscription":"sub_1"`
	const note = `"object":"credit_note","id":"cn_1","created":1,"livemode":true,"status":"issued","type":"post_payment","currency":"eur","amount":119,"subtotal":100,"total":119,"invoice":"in_1","lines":{"data":[],"has_more":false}`
	for _, tc := range []both{
		{"an invoice's subscription", `{` + invoice + `,` + lines + `,"subscription":"sub_1"}`,
			`{` + invoice + `,` + lines + `,"parent":{"type":"subscription_details","subscription_details":{"subscription":"sub_1"}}}`,
			func(o any) any { return o.(*stripe.Invoice).Subscription }, stripe.ID("sub_1")},
		{"that an invoice is paid", `{` + invoice + `,` + lines + `,"paid":true}`, `{` + invoice + `,` + lines + `}`,
			func(o any) any { return o.(*stripe.Invoice).Paid }, true},
		{"an invoice's payment intent", `{` + invoice + `,` + lines + `,"payment_intent":{"id":"pi_1"}}`,
			`{` + invoice + `,` + lines + `,"payments":{"has_more":false,"data":[{"payment":{"type":"payment_intent","payment_intent":"pi_1"}}]}}`,
			func(o any) any { return o.(*stripe.Invoice).PaymentIntent }, stripe.ID("pi_1")},
		{"an invoice's charge", `{` + invoice + `,` + lines + `,"charge":"ch_1"}`,
			`{` + invoice + `,` + lines + `,"payments":{"has_more":false,"data":[{"payment":{"type":"charge","charge":"ch_1"}}]}}`,
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
		{"a subscription's period", `{` + subscription + `,"current_period_start":5,"current_period_end":9,"items":{"has_more":false,"data":[{` + item + `}]}}`,
			`{` + subscription + `,"items":{"has_more":false,"data":[{` + item + `,"current_period_start":6,"current_period_end":9},{` + item + `,"current_period_start":5,"current_period_end":8}]}}`,
			func(o any) any {
				s := o.(*stripe.Subscription)
				return []any{s.CurrentPeriodStart, s.CurrentPeriodEnd}
			}, []any{stripe.Timestamp(5), stripe.Timestamp(9)}},
		{"a subscription's discount", `{` + subscription + `,"current_period_start":5,"current_period_end":9,"items":{"data":[],"has_more":false},"discount":{"id":"di_1","coupon":"co_1"}}`,
			`{` + subscription + `,"current_period_start":5,"current_period_end":9,"items":{"data":[],"has_more":false},"discounts":[{"id":"di_1","source":{"coupon":{"id":"co_1"}}}]}`,
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
