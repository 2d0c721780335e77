package stripetest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// as is a client of the platform that acts for a merchant.
func as(t *testing.T, fake *stripetest.Fake, account string) *stripe.Client {
	t.Helper()
	c, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk")), Transport: fake.Transport(), Account: account,
		Resilience: resilience.Config{Retry: resilience.Retry{Attempts: 1}}})
	require.NoError(t, err)
	return c
}

// adds checks that the balance of an account is the sum of its rows, and each row net of its fee and that of the parts.
func adds(t *testing.T, fake *stripetest.Fake, c *stripe.Client) (total int64) {
	t.Helper()
	by := map[string]int64{}
	for _, txn := range fake.BalanceTransactions() {
		require.Equal(t, txn.Amount-txn.Fee, txn.Net)
		parts := int64(0)
		for _, d := range txn.FeeDetails {
			parts += d.Amount
		}
		require.Equal(t, txn.Fee, parts)
		by[txn.Currency] += txn.Net
		total += txn.Net
	}
	b, err := c.Balance.Get(t.Context())
	require.NoError(t, err)
	for _, a := range append(b.Available, b.Pending...) {
		by[a.Currency] -= a.Amount
	}
	for currency, left := range by {
		require.Zero(t, left, currency)
	}
	return total
}

func TestAnAccountIsMadeOnboardedChangedAndDeleted(t *testing.T) {
	t.Parallel()
	fake, c, _ := start(t, stripetest.Config{})
	made, err := c.Accounts.Create(t.Context(), keyed("a", &stripe.AccountParams{Type: new("express"), Country: new("GB"), Email: new("a@shop.example"),
		Capabilities: nil}))
	require.NoError(t, err)
	require.Equal(t, "express", made.Type)
	require.Equal(t, "gbp", made.DefaultCurrency)
	require.False(t, made.ChargesEnabled)
	require.NotEmpty(t, made.Requirements.CurrentlyDue)
	link, err := c.AccountLinks.Create(t.Context(), keyed("l", &stripe.AccountLinkParams{Account: &made.ID, Type: new("account_onboarding"),
		RefreshURL: new("https://shop.example/again"), ReturnURL: new("https://shop.example/back")}))
	require.NoError(t, err)
	require.NotEmpty(t, link.URL)
	require.NoError(t, fake.Onboard(made.ID))
	got, err := c.Accounts.Get(t.Context(), made.ID)
	require.NoError(t, err)
	require.True(t, got.ChargesEnabled)
	require.Empty(t, got.Requirements.CurrentlyDue)

	first, err := c.ExternalAccounts.Create(t.Context(), made.ID, keyed("b1", &stripe.ExternalAccountParams{ExternalAccount: new("btok_gb")}))
	require.NoError(t, err)
	require.True(t, first.Default)
	second, err := c.ExternalAccounts.Create(t.Context(), made.ID, keyed("b2", &stripe.ExternalAccountParams{ExternalAccount: new("btok_gb")}))
	require.NoError(t, err)
	require.False(t, second.Default)
	require.ErrorIs(t, c.ExternalAccounts.Delete(t.Context(), made.ID, first.ID, keyed("d1", &stripe.DeleteParams{})), commerce.ErrInvalid)
	_, err = c.ExternalAccounts.Update(t.Context(), made.ID, second.ID, keyed("u", &stripe.ExternalAccountParams{DefaultForCurrency: new(true)}))
	require.NoError(t, err)
	require.NoError(t, c.ExternalAccounts.Delete(t.Context(), made.ID, first.ID, keyed("d2", &stripe.DeleteParams{})))
	n := 0
	for bank, err := range c.ExternalAccounts.List(t.Context(), made.ID, nil) {
		require.NoError(t, err)
		require.Equal(t, second.ID, bank.ID)
		n++
	}
	require.Equal(t, 1, n)

	merchant, ok := fake.Account(made.ID)
	require.True(t, ok)
	require.Equal(t, []string{"account.updated", "account.external_account.created", "account.external_account.created",
		"account.external_account.updated", "account.external_account.deleted"}, kinds(merchant, 0))
	require.Empty(t, kinds(fake, 0), "they are the merchant's events")
	require.Equal(t, made.ID, merchant.Events()[0].Account)

	require.NoError(t, c.Accounts.Delete(t.Context(), made.ID, keyed("d", &stripe.DeleteParams{})))
	_, err = c.Accounts.Get(t.Context(), made.ID)
	require.ErrorIs(t, err, commerce.ErrForbidden)
	for range c.Accounts.List(t.Context(), nil) {
		t.Fatal("there is no account left")
	}
}

func TestADirectChargeIsTheMerchantsAndItsFeeThePlatforms(t *testing.T) {
	t.Parallel()
	fake, c, now := start(t, stripetest.Config{})
	merchant := fake.Connect("DE")
	there := as(t, fake, merchant.ID())
	create := func(key string) *stripe.PaymentIntent {
		params := createParams(key, 10_000)
		params.ApplicationFeeAmount, params.Confirm, params.PaymentMethod = new(int64(500)), new(true), new(string(stripetest.Card))
		i, err := there.PaymentIntents.Create(t.Context(), params)
		require.NoError(t, err)
		return i
	}
	_, err := c.PaymentIntents.Create(t.Context(), func() *stripe.PaymentIntentParams {
		params := createParams("no", 10_000)
		params.ApplicationFeeAmount = new(int64(500))
		return params
	}())
	require.ErrorIs(t, err, commerce.ErrInvalid, "of nobody's payment")

	paid := create("k")
	require.Empty(t, fake.Charges(), "it is not the platform's")
	charge := merchant.Charges()[0]
	require.Equal(t, paid.LatestCharge.ID, charge.ID)
	require.Equal(t, int64(10_000-175-500), charge.BalanceTransaction.Object.Net)
	require.Equal(t, "application_fee", charge.BalanceTransaction.Object.FeeDetails[1].Type)
	fee, err := c.ApplicationFees.Get(t.Context(), string(charge.ApplicationFee))
	require.NoError(t, err)
	require.Equal(t, merchant.ID(), string(fee.Account))
	require.Equal(t, int64(500), adds(t, fake, c))
	require.Equal(t, []string{"application_fee.created"}, kinds(fake, 0))
	_, err = c.Charges.Get(t.Context(), charge.ID)
	require.ErrorIs(t, err, commerce.ErrNotFound)

	_, err = there.Refunds.Create(t.Context(), keyed("r", &stripe.RefundParams{Charge: &charge.ID, Amount: new(int64(5000)), RefundApplicationFee: new(true)}))
	require.NoError(t, err)
	require.Equal(t, int64(250), adds(t, fake, c))
	require.Equal(t, int64(10_000-175-500-5000+250), adds(t, merchant, there))
	back, err := c.ApplicationFees.Refund(t.Context(), fee.ID, keyed("f", &stripe.FeeRefundParams{}))
	require.NoError(t, err)
	require.Equal(t, int64(250), back.Amount)
	require.Zero(t, adds(t, fake, c))
	_, err = c.ApplicationFees.Refund(t.Context(), fee.ID, keyed("g", &stripe.FeeRefundParams{}))
	require.ErrorIs(t, err, commerce.ErrInvalid)

	now.Advance(2 * day)
	require.Len(t, merchant.PayOut(), 1)
	require.Zero(t, adds(t, merchant, there))

	require.True(t, fake.Disconnect(merchant.ID()))
	_, err = there.Balance.Get(t.Context())
	require.ErrorIs(t, err, commerce.ErrForbidden)
	events := merchant.Events()
	last := events[len(events)-1]
	require.Equal(t, "account.application.deauthorized", last.Type)
	require.Equal(t, merchant.ID(), last.Account)
}

func TestADestinationChargeIsThePlatformsAndTheRestTheMerchants(t *testing.T) {
	t.Parallel()
	for _, version := range []string{stripe.APIVersion, stripetest.Newest} {
		fake, c, now := start(t, stripetest.Config{APIVersion: version})
		merchant := fake.Connect("DE")
		there := as(t, fake, merchant.ID())
		id := merchant.ID()
		params := createParams("k", 10_000)
		params.Confirm, params.PaymentMethod, params.ApplicationFeeAmount = new(true), new(string(stripetest.Card)), new(int64(1000))
		params.CaptureMethod = new(map[string]string{stripe.APIVersion: "automatic", stripetest.Newest: "automatic_async"}[version])
		params.OnBehalfOf = &id
		params.TransferData = &stripe.TransferDataParams{Destination: &id}
		_, err := c.PaymentIntents.Create(t.Context(), params)
		require.NoError(t, err)
		if version == stripetest.Newest {
			require.Empty(t, fake.Charges()[0].Transfer, "it comes late")
		}
		now.Advance(day)
		charge := fake.Charges()[0]
		require.NotEmpty(t, charge.Transfer)
		require.NotEmpty(t, charge.ApplicationFee)
		require.Equal(t, id, string(charge.OnBehalfOf))
		require.Equal(t, int64(-175+1000), adds(t, fake, c), "the fee of Stripe is the platform's")
		require.Equal(t, int64(9000), adds(t, merchant, there))
		require.Contains(t, kinds(fake, 0), "transfer.created")

		_, err = c.Refunds.Create(t.Context(), keyed("r", &stripe.RefundParams{Charge: &charge.ID, Amount: new(int64(3333)),
			ReverseTransfer: new(true), RefundApplicationFee: new(true)}))
		require.NoError(t, err)
		require.Equal(t, int64(9000-3333+333), adds(t, merchant, there))
		require.Equal(t, int64(-175+1000-333), adds(t, fake, c))
		_, err = c.Refunds.Create(t.Context(), keyed("s", &stripe.RefundParams{Charge: &charge.ID, ReverseTransfer: new(true), RefundApplicationFee: new(true)}))
		require.NoError(t, err)
		require.Zero(t, adds(t, merchant, there))
		require.Equal(t, int64(-175), adds(t, fake, c))
		require.True(t, fake.Transfers()[0].Reversed)
		require.True(t, fake.ApplicationFees()[0].Refunded)
	}
}

func TestATransferIsPaidFromTheBalanceOrFromACharge(t *testing.T) {
	t.Parallel()
	fake, c, now := start(t, stripetest.Config{})
	made, err := c.Accounts.Create(t.Context(), keyed("a", &stripe.AccountParams{Type: new("custom")}))
	require.NoError(t, err)
	charge := pay(t, fake, 10_000, stripetest.Card)
	send := func(key string, amount int64, source *string) (*stripe.Transfer, error) {
		return c.Transfers.Create(t.Context(), keyed(key, &stripe.TransferParams{Amount: &amount, Currency: new("eur"), Destination: &made.ID, SourceTransaction: source}))
	}
	_, err = send("0", 100, nil)
	require.Equal(t, "insufficient_capabilities_for_transfer", err.(*commerce.Error).Code)
	update := &stripe.AccountParams{}
	update.AddExtra("capabilities[transfers][requested]", "true")
	_, err = c.Accounts.Update(t.Context(), made.ID, keyed("c", update))
	require.NoError(t, err)
	require.NoError(t, fake.Onboard(made.ID))
	_, err = send("1", 100, nil)
	require.Equal(t, "balance_insufficient", err.(*commerce.Error).Code)
	merchant, _ := fake.Account(made.ID)
	there := as(t, fake, made.ID)
	tr, err := send("2", 6000, &charge.ID)
	require.NoError(t, err)
	require.Equal(t, int64(6000), adds(t, merchant, there))
	_, err = send("3", 4001, &charge.ID)
	require.Equal(t, "balance_insufficient", err.(*commerce.Error).Code)
	available, _ := sum(t, there)
	require.Zero(t, available, "it is available when the charge is")
	now.Advance(2 * day)
	available, _ = sum(t, there)
	require.Equal(t, int64(6000), available)

	back, err := c.Transfers.Reverse(t.Context(), tr.ID, keyed("r", &stripe.TransferReversalParams{Amount: new(int64(1000))}))
	require.NoError(t, err)
	require.Equal(t, tr.ID, string(back.Transfer))
	require.Equal(t, int64(5000), adds(t, merchant, there))
	require.Equal(t, int64(10_000-175-5000), adds(t, fake, c))
	_, err = c.Transfers.Reverse(t.Context(), tr.ID, keyed("s", &stripe.TransferReversalParams{Amount: new(int64(5001))}))
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.Subset(t, kinds(fake, 0), []string{"transfer.created", "transfer.reversed"})
	got, err := c.Transfers.Get(t.Context(), tr.ID)
	require.NoError(t, err)
	require.Equal(t, int64(1000), got.AmountReversed)
	require.Len(t, got.Reversals.Data, 1)
}

// A Connect endpoint gets the merchants' events and no other, each with its account.
func TestAConnectEndpointGetsTheMerchantsEvents(t *testing.T) {
	t.Parallel()
	fake, _, _ := start(t, stripetest.Config{})
	connect, secret := endpoint(t, fake, "enabled_events[]=*&connect=true")
	own, _ := endpoint(t, fake, "enabled_events[]=*")
	one, two := fake.Connect("DE"), fake.Connect("FR")
	for _, f := range []*stripetest.Fake{fake, one, two} {
		_, err := f.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur"})
		require.NoError(t, err)
	}
	seen := map[string]int{}
	verifier, err := stripe.Webhook(stripe.WebhookConfig{Secrets: commerce.Static([]commerce.Secret{commerce.NewSecret(secret)}), Now: newClock().Now})
	require.NoError(t, err)
	for d := range fake.Deliveries(stripetest.DeliveryOptions{Endpoint: connect}) {
		_, err := verifier.Verify(t.Context(), d.Header, d.Body)
		require.NoError(t, err)
		e, err := stripe.DecodeEvent(d.Body)
		require.NoError(t, err)
		seen[e.Account]++
	}
	require.Equal(t, map[string]int{one.ID(): 4, two.ID(): 4}, seen)
	for d := range fake.Deliveries(stripetest.DeliveryOptions{Endpoint: own}) {
		e, err := stripe.DecodeEvent(d.Body)
		require.NoError(t, err)
		require.Empty(t, e.Account)
	}
}
