package stripepay_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

func chargeJSON(more string) string {
	return `{"id":"ch_1","object":"charge","created":1,"livemode":false,"amount":5000,"amount_captured":0,"amount_refunded":0,
		"currency":"eur","status":"succeeded","paid":true,"captured":false,"refunded":false,"disputed":false,
		"payment_method_details":{"type":"card","card":{"brand":"visa","last4":"4242"}}` + more + `}`
}

func intentJSON(status, more string) string {
	return fmt.Sprintf(`{"id":"pi_1","object":"payment_intent","created":1,"livemode":false,"amount":5000,"amount_received":0,"currency":"eur","status":%q%s}`, status, more)
}

func TestTheStatusFollowsTheMoney(t *testing.T) {
	t.Parallel()
	pay := newWorld(t, stripetest.Config{}).pay
	const (
		captured = `,"captured":true,"amount_captured":5000`
		failed   = `,"status":"failed","paid":false,"failure_code":"card_declined"`
		returned = `,"status":"failed","paid":false,"captured":true,"failure_code":"debit_not_authorized","failure_balance_transaction":"txn_2"`
		pending  = `,"status":"pending","paid":false`
		declined = `,"last_payment_error":{"code":"card_declined","decline_code":"do_not_honor","message":"of Jo Ro"}`
	)
	for name, c := range map[string]struct {
		intent, intentMore, charge           string
		status                               commerce.PaymentStatus
		authorised, captured, refunded, fail string
	}{
		"nothing tried yet":             {"requires_payment_method", "", "", commerce.PaymentAction, "0.00", "0.00", "0.00", ""},
		"about to be tried":             {"requires_confirmation", "", "", commerce.PaymentAction, "0.00", "0.00", "0.00", ""},
		"about to be tried anew":        {"requires_confirmation", "", failed, commerce.PaymentFailed, "0.00", "0.00", "0.00", "card_declined"},
		"the buyer tries anew":          {"requires_action", "", failed, commerce.PaymentAction, "0.00", "0.00", "0.00", "card_declined"},
		"3-D Secure":                    {"requires_action", "", "", commerce.PaymentAction, "0.00", "0.00", "0.00", ""},
		"on its way":                    {"processing", "", pending, commerce.PaymentPending, "0.00", "0.00", "0.00", ""},
		"declined":                      {"requires_payment_method", declined, failed, commerce.PaymentFailed, "0.00", "0.00", "0.00", "card_declined"},
		"declined, charge not expanded": {"requires_payment_method", declined, "", commerce.PaymentFailed, "0.00", "0.00", "0.00", "card_declined"},
		"reserved":                      {"requires_capture", `,"amount_capturable":5000`, " ", commerce.PaymentAuthorised, "50.00", "0.00", "0.00", ""},
		"money":                         {"succeeded", "", captured, commerce.PaymentCaptured, "0.00", "50.00", "0.00", ""},
		"a part refunded":               {"succeeded", "", captured + `,"amount_refunded":1000`, commerce.PaymentCaptured, "0.00", "50.00", "10.00", ""},
		"a part captured":               {"succeeded", "", `,"captured":true,"amount_captured":2000,"amount_refunded":3000`, commerce.PaymentCaptured, "0.00", "20.00", "0.00", ""},
		"a part of that refunded":       {"succeeded", "", `,"captured":true,"amount_captured":2000,"amount_refunded":3500`, commerce.PaymentCaptured, "0.00", "20.00", "5.00", ""},
		"captured in parts, a part of the first refunded": {"requires_capture", `,"amount_capturable":1000`, `,"captured":true,"amount_captured":4000,"amount_refunded":1500`, commerce.PaymentAuthorised, "10.00", "40.00", "15.00", ""},
		"more captured than authorised":                   {"succeeded", "", `,"captured":true,"amount_captured":6000`, commerce.PaymentCaptured, "0.00", "60.00", "0.00", ""},
		"a part of that given back":                       {"succeeded", "", `,"captured":true,"amount_captured":6000,"amount_refunded":1500`, commerce.PaymentCaptured, "0.00", "60.00", "15.00", ""},
		"the last part captured, the rest released":       {"succeeded", "", `,"captured":true,"amount_captured":4500,"amount_refunded":2000`, commerce.PaymentCaptured, "0.00", "45.00", "15.00", ""},
		"taken back":                   {"requires_payment_method", declined, returned, commerce.PaymentReturned, "0.00", "50.00", "0.00", "debit_not_authorized"},
		"taken back, intent unmoved":   {"succeeded", "", returned, commerce.PaymentReturned, "0.00", "50.00", "0.00", "debit_not_authorized"},
		"another attempt after a fall": {"processing", "", pending, commerce.PaymentPending, "0.00", "0.00", "0.00", ""},
		"canceled":                     {"canceled", "", "", commerce.PaymentCanceled, "0.00", "0.00", "0.00", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			more := c.intentMore
			if c.charge != "" {
				var latest map[string]any // later keys of the same name count
				require.NoError(t, json.Unmarshal([]byte(chargeJSON(c.charge)), &latest))
				raw, err := json.Marshal(latest)
				require.NoError(t, err)
				more += `,"latest_charge":` + string(raw)
			}
			var pi stripe.PaymentIntent
			require.NoError(t, json.Unmarshal([]byte(intentJSON(c.intent, more)), &pi))
			p, err := pay.OfIntent(&pi)
			require.NoError(t, err)
			require.Equal(t, c.status, p.Status)
			require.Equal(t, c.authorised, p.Authorised.Text())
			require.Equal(t, c.captured, p.Captured.Text())
			require.Equal(t, c.refunded, p.Refunded.Text())
			if c.fail == "" {
				require.Nil(t, p.Failure)
				return
			}
			require.Equal(t, c.fail, p.Failure.Code)
			require.NotContains(t, p.Failure.Message, "Jo Ro", "Stripe's sentence may hold what the buyer typed")
		})
	}
}

func TestAChargeWithoutAnIntentIsAPaymentOfItsOwn(t *testing.T) {
	t.Parallel()
	pay := newWorld(t, stripetest.Config{}).pay
	for more, want := range map[string]commerce.PaymentStatus{
		``:                                     commerce.PaymentAuthorised,
		`,"refunded":true`:                     commerce.PaymentCanceled,
		`,"captured":true`:                     commerce.PaymentCaptured,
		`,"status":"failed"`:                   commerce.PaymentFailed,
		`,"status":"pending"`:                  commerce.PaymentPending,
		`,"metadata":{"commerce_orders":"17"}`: "",
		`,"status":"new_word"`:                 "",
		`,"currency":"btc"`:                    "",
	} {
		var ch stripe.Charge
		var merged map[string]any
		require.NoError(t, json.Unmarshal([]byte(chargeJSON(more)), &merged))
		raw, err := json.Marshal(merged)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(raw, &ch))
		p, err := pay.OfCharge(&ch)
		if want == "" {
			require.ErrorIs(t, err, commerce.ErrMapping, more)
			continue
		}
		require.NoError(t, err, more)
		require.Equal(t, want, p.Status, more)
		require.Equal(t, "ch_1", p.Ref.ID)
		require.Equal(t, "ch_1", p.Charge)
	}
}
