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
