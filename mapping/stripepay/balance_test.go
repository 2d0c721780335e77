package stripepay_test

import (
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/reconcile"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

const day = 24 * time.Hour

func all[T any](t *testing.T, seq iter.Seq2[T, error]) (out []T) {
	t.Helper()
	for v, err := range seq {
		require.NoError(t, err)
		out = append(out, v)
	}
	return out
}

// client is one of an account; "" is the platform's own.
func (w *world) client(t *testing.T, account string) *stripe.Client {
	t.Helper()
	c, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Account: account,
		Transport: w.far.Transport(), Now: func() time.Time { return w.now }, Resilience: resilience.Config{Retry: resilience.Retry{Attempts: 1}}})
	require.NoError(t, err)
	return c
}

func (w *world) refund(t *testing.T, params *stripe.RefundParams) *stripe.Refund {
	t.Helper()
	params.SetIdempotencyKey(fmt.Sprint("r", len(w.far.Refunds())))
	re, err := w.client(t, "").Refunds.Create(t.Context(), params)
	require.NoError(t, err)
	return re
}

// only returns the one line of a category.
func only(t *testing.T, lines []reconcile.Line, category string) reconcile.Line {
	t.Helper()
	i := slices.IndexFunc(lines, func(l reconcile.Line) bool { return l.Category == category })
	require.GreaterOrEqual(t, i, 0, "no line of category %s", category)
	return lines[i]
}

// TestALineCarriesEveryIDOfItsRow also pays in another currency than is settled in.
func TestALineCarriesEveryIDOfItsRow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{Settlement: "eur", Rates: map[string]string{"usd": "0.9"}})
	pi, err := w.far.Pay(stripetest.Purchase{Amount: 10_000, Currency: "usd", Metadata: map[string]string{"Order #": "000000017"}})
	require.NoError(t, err)
	ch := pi.LatestCharge.ID
	re := w.refund(t, &stripe.RefundParams{PaymentIntent: &pi.ID, Amount: new(int64(1000))})
	d, err := w.far.Dispute(ch, stripetest.Claim{})
	require.NoError(t, err)
	lines := all(t, w.pay.Activity(t.Context(), time.Time{}, time.Time{}))
	require.Len(t, lines, 3)

	l := only(t, lines, "charge")
	require.Equal(t, w.far.BalanceTransactions()[0].ID, l.ID)
	require.Equal(t, "charge", l.Type)
	require.Equal(t, []commerce.Money{eur(9000), eur(158), eur(8842)}, []commerce.Money{l.Amount, l.Fee, l.Net})
	require.Equal(t, []reconcile.FeeDetail{{Type: "stripe_fee", Amount: eur(158)}}, l.Fees)
	require.Equal(t, commerce.MustMoney(10_000, "USD"), l.Presented)
	require.Equal(t, []string{ch, ch, pi.ID, "", "", "000000017"}, []string{l.Source, l.Charge, l.Intent, l.Refund, l.Dispute, l.Number})
	require.Equal(t, w.now, l.Created)
	require.Equal(t, w.now.Add(2*day), l.Available)

	l = only(t, lines, "refund")
	require.Equal(t, []string{re.ID, ch, pi.ID, re.ID, "", "000000017"}, []string{l.Source, l.Charge, l.Intent, l.Refund, l.Dispute, l.Number})
	require.Equal(t, []commerce.Money{eur(-900), commerce.MustMoney(-1000, "USD")}, []commerce.Money{l.Amount, l.Presented})

	l = only(t, lines, "dispute")
	require.Equal(t, []string{d.ID, ch, pi.ID, "", d.ID, "000000017"}, []string{l.Source, l.Charge, l.Intent, l.Refund, l.Dispute, l.Number})
	require.Equal(t, commerce.MustMoney(-10_000, "USD"), l.Presented)

	one, err := w.pay.Movement(t.Context(), w.ref(lines[0].ID))
	require.NoError(t, err)
	require.Equal(t, lines[0], one)
	_, err = w.pay.Movement(t.Context(), w.ref("txn_none"))
	require.ErrorIs(t, err, commerce.ErrNotFound)
}

// TestTheNumberIsTheIntentsAsItIsNow: shops that make the order after the payment write its
// number on the intent then, and the charge keeps what it was made with.
func TestTheNumberIsTheIntentsAsItIsNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	pi := w.buy(t, 1000, "eur")
	change := &stripe.PaymentIntentParams{Metadata: map[string]string{"Order #": "000000018"}}
	change.SetIdempotencyKey("number")
	_, err := w.client(t, "").PaymentIntents.Update(t.Context(), pi.ID, change)
	require.NoError(t, err)
	w.refund(t, &stripe.RefundParams{PaymentIntent: &pi.ID})
	_, err = w.far.Dispute(w.buy(t, 500, "eur").LatestCharge.ID, stripetest.Claim{})
	require.NoError(t, err)
	lines := all(t, w.pay.Activity(t.Context(), time.Time{}, time.Time{}))
	require.Equal(t, "000000018", only(t, lines, "refund").Number)
	numbers := map[string]int{}
	for _, l := range lines {
		numbers[l.Number]++
	}
	require.Equal(t, map[string]int{"000000018": 2, "": 2}, numbers)
}

// TestTheRowsOfAPlatformNameTransferChargeAndAccount: each row of Connect finds the payment
// that it is about, on both sides.
func TestTheRowsOfAPlatformNameTransferChargeAndAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	far := w.far.Connect("DE")
	id := far.ID()
	merchant, err := stripepay.New(w.client(t, id), stripepay.Config{Mode: commerce.Test})
	require.NoError(t, err)
	require.Equal(t, id, merchant.Ref("").Account)
	pay := func(c *stripe.Client, key, number string, with func(*stripe.PaymentIntentParams)) *stripe.PaymentIntent {
		params := &stripe.PaymentIntentParams{Amount: new(int64(10_000)), Currency: new("eur"), Confirm: new(true), PaymentMethod: new(string(stripetest.Card)),
			Metadata: map[string]string{"Order #": number}}
		with(params)
		params.SetIdempotencyKey(key)
		pi, err := c.PaymentIntents.Create(t.Context(), params)
		require.NoError(t, err)
		return pi
	}
	refund := func(c *stripe.Client, key string, params *stripe.RefundParams) *stripe.Refund {
		params.SetIdempotencyKey(key)
		re, err := c.Refunds.Create(t.Context(), params)
		require.NoError(t, err)
		return re
	}
	type ids struct{ Category, Transfer, Charge, Intent, Refund, Account, Number string }
	of := func(p *stripepay.Pay) (out []ids) {
		for _, l := range all(t, p.Activity(t.Context(), time.Time{}, time.Time{})) {
			out = append(out, ids{l.Category, l.Transfer, l.Charge, l.Intent, l.Refund, l.Account, l.Number})
		}
		slices.Reverse(out)
		return out
	}
	platform := w.client(t, "")

	// A destination charge, and a refund that takes both parts back.
	dest := pay(platform, "destination", "1", func(p *stripe.PaymentIntentParams) {
		p.ApplicationFeeAmount, p.TransferData = new(int64(1000)), &stripe.TransferDataParams{Destination: &id}
	})
	re := refund(platform, "r1", &stripe.RefundParams{PaymentIntent: &dest.ID, ReverseTransfer: new(true), RefundApplicationFee: new(true)})
	tr, ch, py := w.far.Transfers()[0].ID, dest.LatestCharge.ID, far.Charges()[0].ID
	require.Equal(t, []ids{
		{"charge", tr, ch, dest.ID, "", "", "1"},
		{"transfer", tr, ch, dest.ID, "", id, "1"},
		{"platform_earning", tr, ch, dest.ID, "", id, "1"},
		{"refund", tr, ch, dest.ID, re.ID, "", "1"},
		{"transfer", tr, ch, "", re.ID, id, ""}, // its reversal; the intent is a link too far
		{"platform_earning_refund", "", ch, "", "", id, ""},
	}, of(w.pay))
	back := far.Refunds()[0].ID
	require.Equal(t, []ids{
		{"charge", tr, py, "", "", "", ""},
		{"refund", tr, py, "", back, "", ""},
		{"other_adjustment", "", ch, "", "", id, ""}, // the fee, given back
	}, of(merchant))

	// A direct charge, of which the platform has the fee alone.
	direct := pay(w.client(t, id), "direct", "2", func(p *stripe.PaymentIntentParams) { p.ApplicationFeeAmount = new(int64(500)) })
	refund(w.client(t, id), "r2", &stripe.RefundParams{PaymentIntent: &direct.ID, RefundApplicationFee: new(true)})
	require.Equal(t, []ids{
		{"platform_earning", "", direct.LatestCharge.ID, direct.ID, "", id, "2"},
		{"platform_earning_refund", "", direct.LatestCharge.ID, "", "", id, ""},
	}, of(w.pay)[6:])
	require.Contains(t, of(merchant), ids{"charge", "", direct.LatestCharge.ID, direct.ID, "", "", "2"})
	l := only(t, all(t, merchant.Activity(t.Context(), w.now, time.Time{}))[:3], "charge")
	require.Equal(t, []reconcile.FeeDetail{{Type: "stripe_fee", Amount: eur(175)}, {Type: "application_fee", Amount: eur(500)}}, l.Fees)

	// A separate transfer of a charge, and one of nothing but the balance.
	separate := pay(platform, "separate", "3", func(*stripe.PaymentIntentParams) {})
	transfer := func(key string, source *string) *stripe.Transfer {
		params := &stripe.TransferParams{Amount: new(int64(100)), Currency: new("eur"), Destination: &id, SourceTransaction: source}
		params.SetIdempotencyKey(key)
		made, err := platform.Transfers.Create(t.Context(), params)
		require.NoError(t, err)
		return made
	}
	first := transfer("t1", &separate.LatestCharge.ID)
	w.now = w.now.Add(3 * day)
	second := transfer("t2", nil)
	require.Equal(t, []ids{
		{"charge", "", separate.LatestCharge.ID, separate.ID, "", "", "3"},
		{"transfer", first.ID, separate.LatestCharge.ID, separate.ID, "", id, "3"},
		{"transfer", second.ID, "", "", "", id, ""},
	}, of(w.pay)[8:])
}

// TestARowOfAPaymentMayComeFromARefundThatNobodyMade: a debit that came back and a capture
// of less than was authorised name a refund as their source in Stripe's own queries of such
// rows (Sigma's template of line items, read 2026-11), and in the fake the charge.
func TestARowOfAPaymentMayComeFromARefundThatNobodyMade(t *testing.T) {
	t.Parallel()
	client, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: rows{
		`{"id":"txn_2","type":"payment_failure_refund","reporting_category":"charge_failure","source":{"id":"pyr_1","object":"refund","amount":4,"currency":"usd",
			"payment_intent":{"id":"pi_1","object":"payment_intent","livemode":false,"metadata":{"Order #":"17"}},"charge":{"id":"py_1","object":"charge","livemode":false}},`,
		`{"id":"txn_1","type":"refund","reporting_category":"partial_capture_reversal","source":{"id":"re_1","object":"refund","amount":3,"currency":"eur",
			"payment_intent":"pi_2","charge":{"id":"ch_2","object":"charge","livemode":false,"metadata":{"Order #":"18"}}},`,
	}})
	require.NoError(t, err)
	pay, err := stripepay.New(client, stripepay.Config{Account: "acct_fake", Mode: commerce.Test})
	require.NoError(t, err)
	lines := all(t, pay.Activity(t.Context(), time.Time{}, time.Time{}))
	require.Len(t, lines, 2)
	for i, want := range [][]string{{"charge_failure", "pyr_1", "py_1", "pi_1", "17", "0.04 USD"}, {"partial_capture_reversal", "re_1", "ch_2", "pi_2", "18", "0.05 EUR"}} {
		l := lines[i]
		require.Equal(t, want, []string{l.Category, l.Refund, l.Charge, l.Intent, l.Number, l.Presented.String()})
	}
}

func TestAmountsOfALineAreInTheCurrencysOwnUnit(t *testing.T) {
	t.Parallel()
	free := func(int64, string) int64 { return 0 }
	for _, tc := range []struct {
		currency string
		amount   int64
		fee      func(int64, string) int64
		want     string
	}{
		{"eur", 1050, free, "10.50 EUR"},
		{"jpy", 1050, free, "1050 JPY"},
		{"isk", 105_000, free, "1050 ISK"},
		{"ugx", 105_000, free, "1050 UGX"},
		{"mga", 1050, free, "1050.00 MGA"},
		{"kwd", 10_500, free, "10.500 KWD"},
		{"isk", 105_000, func(int64, string) int64 { return 25 }, ""}, // a quarter of a króna
	} {
		w := newWorld(t, stripetest.Config{Fee: tc.fee})
		_, err := w.far.Pay(stripetest.Purchase{Amount: tc.amount, Currency: tc.currency})
		require.NoError(t, err)
		for l, err := range w.pay.Activity(t.Context(), time.Time{}, time.Time{}) {
			if tc.want == "" {
				require.ErrorIs(t, err, commerce.ErrMapping)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, tc.want, l.Amount.String())
			require.Equal(t, l.Amount, l.Presented)
		}
	}
}

func TestThePaymentsMovementsAreWhatItBroughtAndGaveBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	categories := func(id string) (out []string) {
		lines, err := w.pay.MovementsOf(t.Context(), w.ref(id))
		require.NoError(t, err)
		for _, l := range lines {
			out = append(out, fmt.Sprint(l.Category, " ", l.Presented))
		}
		return out
	}
	pay := func(amount int64, m stripetest.Method) *stripe.PaymentIntent {
		pi, err := w.far.Pay(stripetest.Purchase{Amount: amount, Currency: "eur", Method: m})
		require.NoError(t, err)
		w.now = w.now.Add(time.Minute)
		return &pi
	}
	pay(1, stripetest.Card) // not theirs

	card := pay(1000, stripetest.CardRefundFails)
	w.refund(t, &stripe.RefundParams{PaymentIntent: &card.ID, Amount: new(int64(300))})
	w.refund(t, &stripe.RefundParams{PaymentIntent: &card.ID, Amount: new(int64(200))})
	require.Equal(t, []string{"charge 10.00 EUR", "refund -3.00 EUR", "refund -2.00 EUR"}, categories(card.ID))
	require.Equal(t, categories(card.ID), categories(card.LatestCharge.ID))
	w.now = w.now.Add(30 * day)
	require.Equal(t, []string{"charge 10.00 EUR", "refund -3.00 EUR", "refund -2.00 EUR", "refund_failure 3.00 EUR", "refund_failure 2.00 EUR"}, categories(card.ID))

	debit := pay(2000, stripetest.DebitReturned)
	require.Empty(t, categories(debit.ID), "the money takes days")
	w.now = w.now.Add(30 * day)
	require.Equal(t, []string{"charge 20.00 EUR", "charge_failure -20.00 EUR"}, categories(debit.ID))

	declined := pay(3000, stripetest.CardDeclined)
	require.Empty(t, categories(declined.ID))

	disputed := pay(4000, stripetest.CardDisputed)
	require.Equal(t, []string{"charge 40.00 EUR"}, categories(disputed.ID), "a dispute is no movement of the payment")

	part := w.authorise(t, 5000)
	capture := &stripe.PaymentIntentCaptureParams{AmountToCapture: new(int64(4000))}
	capture.SetIdempotencyKey("capture")
	_, err := w.client(t, "").PaymentIntents.Capture(t.Context(), part, capture)
	require.NoError(t, err)
	require.Equal(t, []string{"charge 50.00 EUR", "partial_capture_reversal -10.00 EUR"}, categories(part))

	_, err = w.pay.MovementsOf(t.Context(), w.ref("cs_1"))
	require.ErrorIs(t, err, commerce.ErrInvalid)
}

// authorise makes a payment that is not captured.
func (w *world) authorise(t *testing.T, amount int64) string {
	t.Helper()
	params := &stripe.PaymentIntentParams{Amount: &amount, Currency: new("eur"), CaptureMethod: new("manual"), Confirm: new(true), PaymentMethod: new(string(stripetest.Card))}
	params.SetIdempotencyKey(fmt.Sprint("authorise", amount))
	pi, err := w.client(t, "").PaymentIntents.Create(t.Context(), params)
	require.NoError(t, err)
	return pi.ID
}

func TestWhatIsInsideAPayoutAddsUpToNought(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	for range 5 {
		_, err := w.far.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur"})
		require.NoError(t, err)
	}
	w.now = w.now.Add(2 * day)
	made := w.far.PayOut()[0]
	p, err := w.pay.Payout(t.Context(), w.ref(made.ID))
	require.NoError(t, err)
	require.Equal(t, commerce.Payout{Ref: w.ref(made.ID), Amount: eur(5 * (1000 - 40)), Status: commerce.PayoutInTransit, Automatic: true, Method: "standard",
		Arrival: commerce.Date{Year: 2026, Month: 11, Day: 25}, Created: w.now, Transaction: made.BalanceTransaction.ID}, p)
	w.now = w.now.Add(2 * day)
	p, err = w.pay.Payout(t.Context(), w.ref(made.ID))
	require.NoError(t, err)
	require.Equal(t, commerce.PayoutPaid, p.Status)
	require.True(t, p.Reconciled)

	inside := all(t, w.pay.Inside(t.Context(), w.ref(made.ID)))
	require.Len(t, inside, 6)
	net := eur(0)
	for _, l := range inside {
		require.Equal(t, made.ID, l.Payout)
		net, err = net.Add(l.Net)
		require.NoError(t, err)
	}
	require.Zero(t, net.Minor())
	require.Equal(t, p.Transaction, only(t, inside, "payout").ID)

	got, err := reconcile.Payout(t.Context(), reconcile.Input{Payout: p, Lines: w.pay.Inside(t.Context(), p.Ref)}, reconcile.Config{})
	require.NoError(t, err)
	require.True(t, got.Proof.Closed())
	require.NoError(t, got.Close())

	require.Len(t, all(t, w.pay.Payouts(t.Context(), made.Created.Time(), w.now)), 1)
	require.Empty(t, all(t, w.pay.Payouts(t.Context(), made.Created.Time().Add(time.Nanosecond), time.Time{})))
	require.Empty(t, all(t, w.pay.Payouts(t.Context(), time.Time{}, made.Created.Time())))
	_, err = w.pay.Payout(t.Context(), w.ref("po_none"))
	require.ErrorIs(t, err, commerce.ErrNotFound)
}

func TestWhatAFailedPayoutBroughtBackIsRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	_, err := w.far.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur"})
	require.NoError(t, err)
	w.now = w.now.Add(2 * day)
	w.far.FailPayouts(1)
	id := w.far.PayOut()[0].ID
	w.now = w.now.Add(2 * day)
	_, err = w.pay.Returned(t.Context(), w.ref(id))
	require.ErrorIs(t, err, commerce.ErrNotFound, "it is paid")
	w.now = w.now.Add(5 * day)
	p, err := w.pay.Payout(t.Context(), w.ref(id))
	require.NoError(t, err)
	require.Equal(t, commerce.PayoutFailed, p.Status)
	l, err := w.pay.Returned(t.Context(), w.ref(id))
	require.NoError(t, err)
	require.Equal(t, []string{"payout_reversal", id, ""}, []string{l.Category, l.Source, l.Payout})
	require.Equal(t, p.Amount, l.Net)
}

func TestTheBalanceStandsAtTheSumOfAllMovementsInEachCurrency(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	for _, currency := range []string{"eur", "jpy", "eur"} {
		_, err := w.far.Pay(stripetest.Purchase{Amount: 1000, Currency: currency})
		require.NoError(t, err)
		w.now = w.now.Add(36 * time.Hour) // the first is available, the last is not
	}
	sum := map[commerce.Currency]commerce.Money{"EUR": eur(0), "JPY": commerce.Zero("JPY")}
	for _, l := range all(t, w.pay.Activity(t.Context(), time.Time{}, time.Time{})) {
		var err error
		sum[l.Net.Currency()], err = sum[l.Net.Currency()].Add(l.Net)
		require.NoError(t, err)
	}
	standing, err := w.pay.Standing(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, []commerce.Money{sum["EUR"], sum["JPY"]}, standing)
}

// TestABalanceOfTheOtherModeIsRefused reads a live account with a port for test mode:
// rows of charges, which say their mode, and a row of a fee, which comes from nothing.
func TestABalanceOfTheOtherModeIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{Livemode: true})
	pay, err := stripepay.New(w.client(t, ""), stripepay.Config{Account: "acct_fake", Mode: commerce.Test})
	require.NoError(t, err)
	refused := func(err error) {
		t.Helper()
		require.ErrorIs(t, err, commerce.ErrInvalid)
		require.Equal(t, "mode_mismatch", err.(*commerce.Error).Code)
	}
	first := func(seq iter.Seq2[reconcile.Line, error]) error {
		for _, err := range seq {
			return err
		}
		return nil
	}
	_, err = w.far.Bill(100, "eur", "Radar")
	require.NoError(t, err)
	refused(first(pay.Activity(t.Context(), time.Time{}, time.Time{})))
	pi, err := w.far.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur"})
	require.NoError(t, err)
	refused(first(pay.Activity(t.Context(), time.Time{}, time.Time{})))
	_, err = pay.MovementsOf(t.Context(), pay.Ref(pi.ID))
	refused(err)
	_, err = pay.Standing(t.Context())
	refused(err)
	w.now = w.now.Add(2 * day)
	po := w.far.PayOut()[0]
	_, err = pay.Payout(t.Context(), pay.Ref(po.ID))
	refused(err)
	for _, err := range pay.Payouts(t.Context(), time.Time{}, time.Time{}) {
		refused(err)
	}
	calls := len(w.far.Calls())
	_, err = pay.Movement(t.Context(), pay.Ref("txn_1").With("txn_1"))
	require.ErrorIs(t, err, commerce.ErrNotFound)
	live := pay.Ref("txn_1")
	live.Mode = commerce.Live
	_, err = pay.Movement(t.Context(), live)
	refused(err)
	_, err = pay.MovementsOf(t.Context(), live.With("pi_1"))
	refused(err)
	refused(first(pay.Inside(t.Context(), live.With("po_1"))))
	require.Len(t, w.far.Calls(), calls+1, "a foreign ref asks nothing")
}

// respond is an answer of Stripe's at a time.
func respond(body string, at time.Time) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body)),
		Header: http.Header{"Content-Type": {"application/json"}, "Date": {at.UTC().Format(http.TimeFormat)}}}
}
