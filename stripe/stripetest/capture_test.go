package stripetest_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// sendAs sends a write in a version of the API.
func sendAs(t *testing.T, fake *stripetest.Fake, version, path, form string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://api.stripe.com/v1/"+path, strings.NewReader(form))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer sk_test_1")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Stripe-Version", version)
	resp, err := fake.Transport().RoundTrip(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 200, resp.StatusCode)
}

func TestWhatIsReservedAndNotTakenIsARefundBeforeBasil(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]struct {
		refunds          int
		refunded, booked int64
	}{"2023-10-16": {1, 300, 1000}, "2025-03-31.basil": {0, 0, 700}} {
		fake, client, _ := start(t, stripetest.Config{})
		held, err := fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur", Authorise: true})
		require.NoError(t, err)
		sendAs(t, fake, version, "payment_intents/"+held.ID+"/capture", "amount_to_capture=700")
		require.Len(t, fake.Refunds(), want.refunds)
		charge := fake.Charges()[0]
		require.Equal(t, want.refunded, charge.AmountRefunded)
		require.Equal(t, want.booked, charge.BalanceTransaction.Object.Amount)
		_, err = client.Refunds.Create(t.Context(), keyed("too much", &stripe.RefundParams{Charge: &charge.ID, Amount: new(int64(701))}))
		require.ErrorIs(t, err, commerce.ErrInvalid)
		_, err = client.Refunds.Create(t.Context(), keyed("r", &stripe.RefundParams{Charge: &charge.ID}))
		require.NoError(t, err)
		require.Equal(t, int64(700), fake.Refunds()[want.refunds].Amount, "all that was taken")
		require.True(t, fake.Charges()[0].Refunded)

		open, err := fake.Pay(stripetest.Purchase{Amount: 500, Currency: "eur", Authorise: true, Method: stripetest.CardReviewed})
		require.NoError(t, err)
		seen := len(fake.Events())
		sendAs(t, fake, version, "payment_intents/"+open.ID+"/cancel", "")
		require.Equal(t, want.refunds > 0, fake.Charges()[1].Refunded)
		require.Equal(t, want.refunds > 0, kinds(fake, seen)[0] == "charge.refunded")
	}
}

func TestAnAuthorisationIsCapturedInParts(t *testing.T) {
	t.Parallel()
	fake, client, now := start(t, stripetest.Config{})
	held, err := fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur", Authorise: true, Multicapture: true})
	require.NoError(t, err)
	capture := func(key string, amount int64, final bool) *stripe.PaymentIntent {
		got, err := client.PaymentIntents.Capture(t.Context(), held.ID, keyed(key, &stripe.PaymentIntentCaptureParams{AmountToCapture: &amount, FinalCapture: &final}))
		require.NoError(t, err)
		return got
	}
	seen := len(fake.Events())
	got := capture("1", 300, false)
	require.Equal(t, "requires_capture", got.Status)
	require.Equal(t, []int64{300, 700}, []int64{got.AmountReceived, got.AmountCapturable})
	require.Equal(t, []string{"charge.updated", "payment_intent.amount_capturable_updated"}, kinds(fake, seen))
	require.False(t, fake.Charges()[0].Captured, "more is to follow")

	_, err = client.Refunds.Create(t.Context(), keyed("r", &stripe.RefundParams{PaymentIntent: &held.ID, Amount: new(int64(100))}))
	require.NoError(t, err, "what was taken can go back before the rest is")
	got = capture("2", 200, false)
	require.Equal(t, int64(500), got.AmountReceived)
	now.Advance(8 * day)
	last, err := client.PaymentIntents.Get(t.Context(), held.ID, "latest_charge")
	require.NoError(t, err)
	require.Equal(t, "succeeded", last.Status, "at the end of the authorisation what was taken stays")
	require.True(t, last.LatestCharge.Object.Captured)
	require.Equal(t, []int64{500, 100}, []int64{last.LatestCharge.Object.AmountCaptured, last.LatestCharge.Object.AmountRefunded})
	require.Equal(t, adds(t, fake, client), int64(400)-fees(fake))

	once, err := fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur", Authorise: true})
	require.NoError(t, err)
	_, err = client.PaymentIntents.Capture(t.Context(), once.ID, keyed("3", &stripe.PaymentIntentCaptureParams{AmountToCapture: new(int64(1)), FinalCapture: new(false)}))
	require.ErrorIs(t, err, commerce.ErrInvalid)
}

func fees(fake *stripetest.Fake) (sum int64) {
	for _, t := range fake.BalanceTransactions() {
		sum += t.Fee
	}
	return sum
}

func TestARefundWaitsForTheBalance(t *testing.T) {
	t.Parallel()
	fake, client, now := start(t, stripetest.Config{RefundsFromBalance: true})
	refund := func(c stripe.Charge) string {
		r, err := client.Refunds.Create(t.Context(), keyed(c.ID, &stripe.RefundParams{Charge: &c.ID}))
		require.NoError(t, err)
		require.Equal(t, "pending", r.Status)
		require.Empty(t, r.BalanceTransaction.ID)
		return r.ID
	}
	first := refund(pay(t, fake, 1000, stripetest.Card))
	claimed := pay(t, fake, 2000, stripetest.Card)
	second := refund(claimed)
	status := func(id string) string {
		r, err := client.Refunds.Get(t.Context(), id)
		require.NoError(t, err)
		return r.Status
	}
	_, err := fake.Dispute(claimed.ID, stripetest.Claim{})
	require.NoError(t, err)
	require.Equal(t, "failed", status(second), "the bank has taken the money meanwhile")
	now.Advance(3 * day)
	require.Equal(t, "pending", status(first), "the dispute has left too little")
	_, err = fake.Adjust(5000, "eur", "Top-up")
	require.NoError(t, err)
	require.Equal(t, "succeeded", status(first))
	require.Contains(t, kinds(fake, 0), "refund.updated")
	adds(t, fake, client)
}

func TestAnInquiryBecomesADispute(t *testing.T) {
	t.Parallel()
	fake, client, _ := start(t, stripetest.Config{})
	pay(t, fake, 1000, stripetest.CardInquiry)
	asked := fake.Disputes()[0]
	require.Empty(t, asked.BalanceTransactions)
	d, err := fake.EscalateDispute(asked.ID)
	require.NoError(t, err)
	require.Equal(t, "needs_response", d.Status)
	require.Len(t, d.BalanceTransactions, 1)
	_, err = fake.EscalateDispute(asked.ID)
	require.ErrorIs(t, err, commerce.ErrConflict)
	d, err = fake.ResolveDispute(asked.ID, true)
	require.NoError(t, err)
	require.Len(t, d.BalanceTransactions, 2)
	adds(t, fake, client)
}

func TestReviewsAndWarningsComeToAnyPayment(t *testing.T) {
	t.Parallel()
	fake, _, now := start(t, stripetest.Config{})
	c := pay(t, fake, 1000, stripetest.Card)
	now.Advance(time.Hour)
	w, err := fake.Warn(c.ID)
	require.NoError(t, err)
	require.True(t, w.Actionable)
	r, err := fake.Review(c.ID)
	require.NoError(t, err)
	require.True(t, r.Open)
	_, err = fake.Warn(c.ID)
	require.ErrorIs(t, err, commerce.ErrConflict)
	_, err = fake.Review(c.ID)
	require.ErrorIs(t, err, commerce.ErrConflict)
}
