package stripemock

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/stripe/stripetest"
)

const day = 24 * time.Hour

// payments is money in, out and back, of one account.
func payments(w *world) {
	for _, m := range []stripetest.Method{stripetest.Card, stripetest.Mastercard, stripetest.CardDisputed, stripetest.CardInquiry,
		stripetest.CardRefundPending, stripetest.CardRefundFails, stripetest.Debit, stripetest.DebitFails, stripetest.DebitReturned,
		stripetest.CardDeclined, stripetest.CardAuthentication} {
		_, err := w.fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur", Method: m, Email: "a@shop.example"})
		require.NoError(w.t, err)
	}
	created := func(form string) string {
		return w.make("POST /v1/payment_intents", "amount=1000&currency=eur&"+form)
	}
	held := created("capture_method=manual&payment_method=pm_card_visa&confirm=true&metadata[order]=17&return_url=https://shop.example")
	w.do("POST /v1/payment_intents/"+held+"/capture", "amount_to_capture=600")
	charged := w.fake.Charges()
	w.do("POST /v1/charges/"+charged[0].ID, "description=tulips&metadata[order]=17&fraud_details[user_report]=safe&receipt_email=b@shop.example")
	held = created("capture_method=manual&payment_method=pm_card_visa&confirm=true&return_url=https://shop.example")
	w.do("POST /v1/payment_intents/"+held+"/increment_authorization", "amount=1500&description=more tulips&metadata[order]=18")
	charged = w.fake.Charges()
	w.do("POST /v1/charges/"+charged[len(charged)-1].ID+"/capture", "amount=900")
	held = created("capture_method=manual&payment_method=pm_card_visa&confirm=true&payment_method_options[card][request_multicapture]=if_available&return_url=https://shop.example")
	w.do("POST /v1/payment_intents/"+held+"/capture", "amount_to_capture=300&final_capture=false")
	w.do("POST /v1/payment_intents/"+held+"/capture", "amount_to_capture=200&final_capture=true")
	open := created("description=tulips&receipt_email=a@shop.example")
	w.do("POST /v1/payment_intents/"+open, "amount=1200&metadata[order]=18")
	w.do("POST /v1/payment_intents/"+open+"/confirm", "payment_method=pm_card_visa&return_url=https://shop.example")
	w.do("POST /v1/payment_intents/"+created("")+"/cancel", "cancellation_reason=abandoned")
	w.send("POST /v1/payment_intents/"+created("")+"/confirm", "payment_method=pm_card_visa_chargeDeclined&return_url=https://shop.example")
	w.do("POST /v1/payment_intents/"+created("capture_method=manual&payment_method=pm_card_visa&confirm=true&return_url=https://shop.example")+"/cancel", "")
	created("capture_method=automatic_async&payment_method=pm_card_visa&confirm=true&return_url=https://shop.example")
	created("capture_method=manual&payment_method=pm_card_visa&confirm=true&return_url=https://shop.example") // which nobody captures

	session := func() string {
		return w.make("POST /v1/checkout/sessions", "mode=payment&success_url=https://shop.example&customer_email=a@shop.example&client_reference_id=17"+
			"&line_items[0][quantity]=2&line_items[0][price_data][currency]=eur&line_items[0][price_data][unit_amount]=500"+
			"&line_items[0][price_data][product_data][name]=Tulip&payment_intent_data[metadata][order]=17")
	}
	for _, m := range []stripetest.Method{stripetest.Card, stripetest.Debit, stripetest.DebitFails} {
		_, err := w.fake.PaySession(session(), m)
		require.NoError(w.t, err)
	}
	w.do("POST /v1/checkout/sessions/"+session()+"/expire", "")

	charges := w.fake.Charges()
	back := w.make("POST /v1/refunds", "amount=1&reason=requested_by_customer&charge="+charges[0].ID)
	w.do("POST /v1/refunds/"+back, "metadata[order]=17")
	for _, c := range charges {
		if c.Captured {
			w.send("POST /v1/refunds", "amount=7&charge="+c.ID)
		}
	}
	w.send("POST /v1/refunds", "amount=100000&charge="+charges[0].ID)

	asked, err := w.fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur", Method: stripetest.DebitRefundAsks, Email: "a@shop.example"})
	require.NoError(w.t, err)
	w.pass(3 * day)
	w.do("POST /v1/refunds/"+w.make("POST /v1/refunds", "payment_intent="+asked.ID)+"/cancel", "")
	inquiry, err := w.fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur", Method: stripetest.CardInquiry})
	require.NoError(w.t, err)
	_, err = w.fake.EscalateDispute(w.disputeOf(inquiry.ID))
	require.NoError(w.t, err)
	_, err = w.fake.Review(asked.LatestCharge.ID)
	require.NoError(w.t, err)
	_, err = w.fake.Warn(asked.LatestCharge.ID)
	require.NoError(w.t, err)
	disputed, err := w.fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur", Method: stripetest.CardDisputed})
	require.NoError(w.t, err)
	w.do("POST /v1/disputes/"+w.disputeOf(disputed.ID), "evidence[product_description]=Tulips&submit=false")
	for i, c := range w.fake.Charges()[:2] {
		d, err := w.fake.Dispute(c.ID, stripetest.Claim{Reason: "product_not_received"})
		require.NoError(w.t, err)
		w.do("POST /v1/disputes/"+d.ID, "evidence[product_description]=Tulips&metadata[order]=17&submit=true")
		if i == 0 {
			_, err = w.fake.ResolveDispute(d.ID, true)
			require.NoError(w.t, err)
		} else {
			w.do("POST /v1/disputes/"+d.ID+"/close", "")
		}
	}
	w.pass(3 * day)
	created("payment_method=pm_card_visa&confirm=true&return_url=https://shop.example")
	w.pass(3 * day)
	payout := func() string {
		return w.make("POST /v1/payouts", "amount=5&currency=eur&description=tulips&metadata[run]=1")
	}
	w.do("POST /v1/payouts/"+payout()+"/cancel", "")
	sent := payout()
	w.make("POST /v1/payouts", "amount=5&currency=eur&method=instant")
	w.pass(3 * day)
	w.do("POST /v1/payouts/"+sent+"/reverse", "metadata[run]=1")
	for range 4 {
		w.fake.FailPayouts(1)
		w.fake.PayOut()
		w.pass(4 * day)
	}

	hook := w.make("POST /v1/webhook_endpoints", "url=https://shop.example/hooks&enabled_events[]=charge.succeeded&description=books&metadata[shop]=1")
	w.do("POST /v1/webhook_endpoints/"+hook, "disabled=true&enabled_events[]=*")
	w.do("DELETE /v1/webhook_endpoints/"+w.make("POST /v1/webhook_endpoints", "url=https://shop.example/x&enabled_events[]=*"), "")
}

// direct is a sale on a merchant's own account that a platform takes a fee of.
func direct(w *world) {
	merchant := w.fake.Connect("DE")
	w.as = merchant.ID()
	w.do("GET /v1/account", "")
	sale := w.make("POST /v1/payment_intents", "amount=1000&currency=eur&payment_method=pm_card_visa&confirm=true&return_url=https://shop.example&capture_method=automatic&application_fee_amount=100")
	w.make("POST /v1/refunds", "amount=100&refund_application_fee=true&payment_intent="+sale)
	_, err := merchant.Pay(stripetest.Purchase{Amount: 500, Currency: "eur", Method: stripetest.CardDisputed})
	require.NoError(w.t, err)
	w.readAll(w.reads("charge", "payment_intent", "refund", "dispute", "balance", "balance_transaction"))
	w.as = ""
	w.pass(3 * day)
}

// disputeOf finds the dispute of a payment.
func (w *world) disputeOf(intent string) string {
	for _, d := range w.fake.Disputes() {
		if string(d.PaymentIntent) == intent {
			return d.ID
		}
	}
	return ""
}
