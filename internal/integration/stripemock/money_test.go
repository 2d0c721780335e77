package stripemock

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/stripe/stripetest"
)

func init() { scenarios["connect"], scenarios["money"] = connect, money }

// connect is a platform: accounts, what they are paid, and what the platform keeps.
func connect(w *world) {
	for _, kind := range []string{"standard", "custom"} {
		w.make("POST /v1/accounts", "type="+kind)
	}
	merchant := w.make("POST /v1/accounts", "type=express&country=DE&email=a@shop.example&business_type=company&business_profile[name]=Tulips"+
		"&capabilities[card_payments][requested]=true&capabilities[transfers][requested]=true&metadata[shop]=1")
	w.do("POST /v1/account_links", "type=account_onboarding&refresh_url=https://shop.example&return_url=https://shop.example&account="+merchant)
	require.NoError(w.t, w.fake.Onboard(merchant))
	w.do("POST /v1/accounts/"+merchant+"/login_links", "")
	w.do("POST /v1/accounts/"+merchant, "business_profile[url]=https://shop.example&metadata[shop]=2")
	banks := "/v1/accounts/" + merchant + "/external_accounts"
	w.make("POST "+banks, "external_account=btok_de")
	second := w.make("POST "+banks, "external_account=btok_de&metadata[bank]=2")
	w.do("POST "+banks+"/"+second, "account_holder_name=Tulips&metadata[bank]=3")
	w.do("DELETE "+banks+"/"+second, "")

	sale := func(form string) string {
		w.do("POST /v1/payment_intents", "amount=10000&currency=eur&payment_method=pm_card_visa&confirm=true&return_url=https://shop.example&"+form)
		charges := w.fake.Charges()
		return charges[len(charges)-1].ID
	}
	to := "transfer_data[destination]=" + merchant
	w.do("POST /v1/refunds", "reverse_transfer=true&refund_application_fee=true&amount=500&charge="+sale("capture_method=automatic&application_fee_amount=500&on_behalf_of="+merchant+"&"+to))
	sale("capture_method=automatic&transfer_data[amount]=4000&" + to)
	sent := w.make("POST /v1/transfers", "currency=eur&amount=4000&destination="+merchant+"&source_transaction="+sale("capture_method=automatic&transfer_group=a"))
	w.do("POST /v1/transfers/"+sent, "description=tulips&metadata[run]=1")
	back := w.make("POST /v1/transfers/"+sent+"/reversals", "amount=100&metadata[run]=1")
	w.do("POST /v1/transfers/"+sent+"/reversals/"+back, "metadata[run]=2")
	fee := w.fake.ApplicationFees()[0].ID
	returned := w.make("POST /v1/application_fees/"+fee+"/refunds", "amount=10")
	w.do("POST /v1/application_fees/"+fee+"/refunds/"+returned, "metadata[run]=1")

	gone := w.fake.Connect("FR")
	_, err := gone.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur"})
	require.NoError(w.t, err)
	w.pass(3 * day)
	require.NotEmpty(w.t, gone.PayOut())
	w.pass(3 * day)
	w.fake.Disconnect(gone.ID())
	w.do("POST /v1/accounts/"+w.make("POST /v1/accounts", "type=custom")+"/reject", "reason=fraud")
	w.do("DELETE /v1/accounts/"+w.make("POST /v1/accounts", "type=custom"), "")
	w.pass(time.Minute)
}

// money is what moves it besides payments, and what is said about it.
func money(w *world) {
	for _, m := range []stripetest.Method{stripetest.CardReviewed, stripetest.CardReviewed, stripetest.CardWarned, stripetest.CardWarned} {
		_, err := w.fake.Pay(stripetest.Purchase{Amount: 100_000, Currency: "eur", Method: m})
		require.NoError(w.t, err)
	}
	w.do("POST /v1/reviews/"+w.fake.Reviews()[0].ID+"/approve", "")
	charges := w.fake.Charges()
	w.do("POST /v1/refunds", "reason=fraudulent&charge="+charges[1].ID)
	w.do("POST /v1/refunds", "charge="+charges[2].ID)
	topup := func() string {
		return w.make("POST /v1/topups", "amount=1000&currency=eur&description=tulips&metadata[run]=1")
	}
	w.do("POST /v1/topups/"+topup(), "description=roses&metadata[run]=2")
	w.do("POST /v1/topups/"+topup()+"/cancel", "")
	w.fake.FailTopUps(1)
	topup()
	w.pass(3 * day)
	for _, book := range []func() (any, error){
		func() (any, error) { return w.fake.Bill(250, "eur", "Radar") },
		func() (any, error) { return w.fake.Adjust(-10, "eur", "Correction") },
		func() (any, error) { return w.fake.Reserve(500, "eur", day) },
	} {
		_, err := book()
		require.NoError(w.t, err)
	}
	paid := w.make("POST /v1/payouts", "amount=100&currency=eur&method=instant")
	w.do("POST /v1/payouts/"+paid, "metadata[run]=1")
	w.pass(2 * day)
	out := w.fake.PayOut()
	w.pass(5 * day)
	run := func(form string) string { return w.make("POST /v1/reporting/report_runs", form) }
	run("report_type=payout_reconciliation.by_id.itemized.4&parameters[payout]=" + out[0].ID)
	w.fake.FailReports(1)
	run("report_type=balance_change_from_activity.itemized.3&parameters[interval_start]=1761955200&parameters[interval_end]=1762300800" +
		"&parameters[columns][]=net&parameters[columns][]=source_id&parameters[timezone]=Europe/Berlin")
	w.pass(time.Hour)
	run("report_type=payout_reconciliation.itemized.7&parameters[interval_start]=1761955200&parameters[interval_end]=1762300800")
	run("report_type=balance.summary.1&parameters[interval_start]=1761955200&parameters[interval_end]=1762300800")
	run("report_type=ending_balance_reconciliation.itemized.4&parameters[interval_end]=1762300800")
	w.pass(time.Hour)
	_, err := w.fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur"})
	require.NoError(w.t, err)
	w.fake.PayOutEvery(day)
	w.pass(5 * day)
}
