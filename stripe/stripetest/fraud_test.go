package stripetest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

func TestAReviewIsApprovedOrOvertaken(t *testing.T) {
	t.Parallel()
	for want, end := range map[string]func(*stripetest.Fake, *stripe.Client, stripe.Review) error{
		"approved": func(_ *stripetest.Fake, c *stripe.Client, r stripe.Review) error {
			_, err := c.Reviews.Approve(t.Context(), r.ID, keyed("k", &stripe.ReviewApproveParams{}))
			return err
		},
		"refunded": func(_ *stripetest.Fake, c *stripe.Client, r stripe.Review) error {
			_, err := c.Refunds.Create(t.Context(), keyed("k", &stripe.RefundParams{Charge: new(string(r.Charge))}))
			return err
		},
		"refunded_as_fraud": func(_ *stripetest.Fake, c *stripe.Client, r stripe.Review) error {
			_, err := c.Refunds.Create(t.Context(), keyed("k", &stripe.RefundParams{Charge: new(string(r.Charge)), Reason: new("fraudulent")}))
			return err
		},
		"disputed": func(fake *stripetest.Fake, _ *stripe.Client, r stripe.Review) error {
			_, err := fake.Dispute(string(r.Charge), stripetest.Claim{})
			return err
		},
	} {
		fake, c, _ := start(t, stripetest.Config{})
		charge := pay(t, fake, 1000, stripetest.CardReviewed)
		open := fake.Reviews()[0]
		require.True(t, open.Open)
		require.Equal(t, charge.ID, string(open.Charge))
		require.Equal(t, open.ID, string(fake.PaymentIntents()[0].Review))
		require.NoError(t, end(fake, c, open))
		got, err := c.Reviews.Get(t.Context(), open.ID)
		require.NoError(t, err)
		require.False(t, got.Open)
		require.Equal(t, want, got.ClosedReason)
		require.Contains(t, kinds(fake, 0), "review.closed")
		_, err = c.Reviews.Approve(t.Context(), open.ID, keyed("again", &stripe.ReviewApproveParams{}))
		require.ErrorIs(t, err, commerce.ErrInvalid)
	}
}

func TestAnIssuersWarningAsksForActionUntilTheMoneyIsBack(t *testing.T) {
	t.Parallel()
	fake, c, _ := start(t, stripetest.Config{})
	charge := pay(t, fake, 1000, stripetest.CardWarned)
	for w, err := range c.EarlyFraudWarnings.List(t.Context(), &stripe.EarlyFraudWarningListParams{Charge: &charge.ID}) {
		require.NoError(t, err)
		require.True(t, w.Actionable)
	}
	_, err := c.Refunds.Create(t.Context(), keyed("r", &stripe.RefundParams{Charge: &charge.ID}))
	require.NoError(t, err)
	require.False(t, fake.EarlyFraudWarnings()[0].Actionable)
	require.Subset(t, kinds(fake, 0), []string{"radar.early_fraud_warning.created", "radar.early_fraud_warning.updated"})
}

func TestATopUpComesFailsOrIsCanceled(t *testing.T) {
	t.Parallel()
	fake, c, now := start(t, stripetest.Config{})
	create := func(key string) *stripe.TopUp {
		got, err := c.TopUps.Create(t.Context(), keyed(key, &stripe.TopUpParams{Amount: new(int64(1000)), Currency: new("eur")}))
		require.NoError(t, err)
		require.Equal(t, "pending", got.Status)
		return got
	}
	good, ended := create("a"), create("b")
	fake.FailTopUps(1)
	create("c")
	_, err := c.TopUps.Cancel(t.Context(), ended.ID, keyed("d", &stripe.TopUpParams{}))
	require.NoError(t, err)
	require.Zero(t, adds(t, fake, c))
	now.Advance(3 * day)
	require.Equal(t, int64(1000), adds(t, fake, c))
	require.Equal(t, "failed", fake.TopUps()[2].Status)
	_, err = c.TopUps.Cancel(t.Context(), good.ID, keyed("e", &stripe.TopUpParams{}))
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.Subset(t, kinds(fake, 0), []string{"topup.created", "topup.succeeded", "topup.failed", "topup.canceled"})
}

func TestWhatStripeBooksByItselfIsARow(t *testing.T) {
	t.Parallel()
	fake, c, now := start(t, stripetest.Config{})
	pay(t, fake, 10_000, stripetest.Card)
	now.Advance(2 * day)
	bill, err := fake.Bill(250, "eur", "Radar")
	require.NoError(t, err)
	require.Equal(t, "fee", bill.ReportingCategory)
	require.Equal(t, int64(-250), bill.Amount)
	require.Zero(t, bill.Fee)
	_, err = fake.Adjust(-10, "eur", "Correction")
	require.NoError(t, err)
	_, err = fake.Bill(-1, "eur", "")
	require.ErrorIs(t, err, commerce.ErrInvalid)
	before := adds(t, fake, c)
	_, err = fake.Reserve(5000, "eur", 3*day)
	require.NoError(t, err)
	require.Equal(t, before-5000, adds(t, fake, c))
	now.Advance(3 * day)
	require.Equal(t, before, adds(t, fake, c))
}
