package stripe_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

func TestAPaymentIntentIsMadeConfirmedAndReadWithItsFee(t *testing.T) {
	t.Parallel()
	fake, client, _ := start(t, stripetest.Config{})
	ctx := t.Context()
	intent, err := client.PaymentIntents.Create(ctx, keyed("order-17/pay", &stripe.PaymentIntentParams{
		Amount: new(int64(1250)), Currency: new("eur"), PaymentMethod: new(string(stripetest.Card)), Confirm: new(true),
		Metadata: map[string]string{"order": "17"},
	}))
	require.NoError(t, err)
	require.Equal(t, "succeeded", intent.Status)
	require.False(t, intent.ClientSecret.Empty())
	require.NotContains(t, string(intent.Raw), intent.ClientSecret.Reveal())

	got, err := client.PaymentIntents.Get(ctx, intent.ID, "latest_charge.balance_transaction")
	require.NoError(t, err)
	charge := got.LatestCharge.Object
	require.NotNil(t, charge)
	require.Equal(t, int64(1250), charge.AmountCaptured)
	require.Equal(t, "4242", charge.PaymentMethodDetails.Last4)
	require.Equal(t, map[string]string{"order": "17"}, charge.Metadata)
	txn := charge.BalanceTransaction.Object
	require.NotNil(t, txn)
	require.Equal(t, int64(44), txn.Fee)
	require.Equal(t, txn.Amount-txn.Fee, txn.Net)

	call := fake.Calls()[0]
	require.Equal(t, "order-17/pay", call.IdempotencyKey)
	require.Equal(t, stripe.APIVersion, call.APIVersion)
}

func TestTheSameKeyWithTheSameParamsAnswersTheSameAndWithOthersIsRefused(t *testing.T) {
	t.Parallel()
	fake, client, _ := start(t, stripetest.Config{})
	ctx := t.Context()
	params := keyed("k1", &stripe.PaymentIntentParams{Amount: new(int64(900)), Currency: new("eur")})
	first, err := client.PaymentIntents.Create(ctx, params)
	require.NoError(t, err)
	again, err := client.PaymentIntents.Create(ctx, params)
	require.NoError(t, err)
	require.Equal(t, first.ID, again.ID)
	require.Len(t, fake.PaymentIntents(), 1)

	_, err = client.PaymentIntents.Create(ctx, keyed("k1", &stripe.PaymentIntentParams{Amount: new(int64(901)), Currency: new("eur")}))
	require.ErrorIs(t, err, commerce.ErrDuplicate)
	require.True(t, commerce.SafeToRetry(err))
}

func TestAWriteWithoutAKeyIsRefusedBeforeItLeaves(t *testing.T) {
	t.Parallel()
	fake, client, _ := start(t, stripetest.Config{})
	for name, params := range map[string]*stripe.PaymentIntentParams{
		"no params":      nil,
		"no key":         {Amount: new(int64(1)), Currency: new("eur")},
		"an empty key":   keyed(" ", &stripe.PaymentIntentParams{}),
		"a key too long": keyed(strings.Repeat("k", 256), &stripe.PaymentIntentParams{}),
	} {
		_, err := client.PaymentIntents.Create(t.Context(), params)
		require.ErrorIs(t, err, commerce.ErrInvalid, name)
		require.True(t, commerce.SafeToRetry(err), name)
	}
	require.Empty(t, fake.Calls())
}

func TestAnEmptyIDIsRefusedBeforeItLeaves(t *testing.T) {
	t.Parallel()
	fake, client, _ := start(t, stripetest.Config{})
	_, err := client.Charges.Get(t.Context(), "")
	require.ErrorIs(t, err, commerce.ErrInvalid)
	_, err = client.PaymentIntents.Cancel(t.Context(), "", nil)
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.Empty(t, fake.Calls())
}

func TestADeclineSaysWhyAndNothingPersonal(t *testing.T) {
	t.Parallel()
	_, client, _ := start(t, stripetest.Config{})
	_, err := client.PaymentIntents.Create(t.Context(), keyed("k", &stripe.PaymentIntentParams{
		Amount: new(int64(900)), Currency: new("eur"), ReceiptEmail: new("buyer@example.com"),
		PaymentMethod: new(string(stripetest.CardInsufficientFunds)), Confirm: new(true),
	}))
	require.ErrorIs(t, err, commerce.ErrDeclined)
	e := err.(*commerce.Error)
	require.Equal(t, "card_declined", e.Code)
	require.Equal(t, 402, e.Status)
	require.NotEmpty(t, e.RequestID)
	require.Equal(t, commerce.NotSent, e.Outcome)
	require.NotContains(t, err.Error(), "buyer")
	require.NotContains(t, err.Error(), "secret")
	var api *stripe.APIError
	require.ErrorAs(t, err, &api)
	require.Equal(t, "insufficient_funds", api.DeclineCode)
	require.NotEmpty(t, api.Charge)
	require.NotEmpty(t, api.PaymentIntent)
}

func TestListsGoOverPagesAndLeaveTheCallersParamsAlone(t *testing.T) {
	t.Parallel()
	fake, client, _ := start(t, stripetest.Config{})
	for range 25 {
		_, err := fake.Pay(stripetest.Purchase{Amount: 100, Currency: "eur"})
		require.NoError(t, err)
	}
	want := fake.Charges()
	params := &stripe.ChargeListParams{}
	params.Limit = new(int64(10))
	for range 2 {
		n := len(want)
		for c, err := range client.Charges.List(t.Context(), params) {
			require.NoError(t, err)
			n--
			require.Equal(t, want[n].ID, c.ID)
		}
		require.Zero(t, n)
		require.Nil(t, params.StartingAfter)
	}

	forward := &stripe.ChargeListParams{}
	forward.Limit, forward.EndingBefore = new(int64(10)), &want[0].ID
	n := 0
	for c, err := range client.Charges.List(t.Context(), forward) {
		require.NoError(t, err)
		n++
		require.Equal(t, want[n].ID, c.ID)
	}
	require.Equal(t, 24, n)

	of := &stripe.ChargeListParams{PaymentIntent: new(string(want[3].PaymentIntent))}
	n = 0
	for c, err := range client.Charges.List(t.Context(), of) {
		require.NoError(t, err)
		require.Equal(t, want[3].ID, c.ID)
		n++
	}
	require.Equal(t, 1, n)
}

func TestAPageThatFailsIsNeverTakenForTheEnd(t *testing.T) {
	t.Parallel()
	fake, client, _ := start(t, stripetest.Config{})
	for range 25 {
		_, err := fake.Pay(stripetest.Purchase{Amount: 100, Currency: "eur"})
		require.NoError(t, err)
	}
	fake.Faults().Add(stripetest.Fault{Kind: stripetest.Answered, Status: 403, Header: http.Header{"Content-Type": {"application/json"}},
		Body:  `{"error":{"type":"invalid_request_error"}}`,
		Match: func(r *http.Request) bool { return r.URL.Query().Has("starting_after") }})
	params := &stripe.ChargeListParams{}
	params.Limit = new(int64(10))
	n, errs := 0, 0
	for _, err := range client.Charges.List(t.Context(), params) {
		if err != nil {
			require.ErrorIs(t, err, commerce.ErrForbidden)
			errs++
			continue
		}
		n++
	}
	require.Equal(t, 10, n)
	require.Equal(t, 1, errs)
}

func TestAListStopsAtItsBound(t *testing.T) {
	t.Parallel()
	now := newClock()
	fake, err := stripetest.New(stripetest.Config{Now: now.Now})
	require.NoError(t, err)
	client := newClient(t, stripe.Config{Transport: fake.Transport(), MaxPages: 2, Now: now.Now})
	for range 5 {
		_, err := fake.Pay(stripetest.Purchase{Amount: 100, Currency: "eur"})
		require.NoError(t, err)
	}
	params := &stripe.ChargeListParams{}
	params.Limit = new(int64(2))
	var last error
	for _, err := range client.Charges.List(t.Context(), params) {
		last = err
	}
	require.ErrorIs(t, last, commerce.ErrLimit)
	require.ErrorContains(t, last, "MaxPages")
}

// rotating has a new key after the first was refused.
type rotating struct {
	keys     []string
	refusals int
}

func (r *rotating) Current(context.Context) (commerce.Secret, error) {
	return commerce.NewSecret(r.keys[0]), nil
}

func (r *rotating) Rejected(context.Context, commerce.Secret) error {
	r.refusals++
	if len(r.keys) == 1 {
		return commerce.Errorf(commerce.KindAuth, "test", "renew", "no other key")
	}
	r.keys = r.keys[1:]
	return nil
}

func TestARotatedKeyNeedsNoRestart(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		keys     []string
		kind     error
		refusals int
		calls    int
	}{
		{"the new key is good", []string{"sk_old", "sk_new"}, nil, 1, 2},
		{"there is no other key", []string{"sk_old"}, commerce.ErrAuth, 1, 1},
		{"the new key is refused too", []string{"sk_old", "sk_worse", "sk_new"}, commerce.ErrAuth, 1, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			now := newClock()
			fake, err := stripetest.New(stripetest.Config{Now: now.Now, Key: "sk_new"})
			require.NoError(t, err)
			keys := &rotating{keys: tc.keys}
			client := newClient(t, stripe.Config{Transport: fake.Transport(), Credentials: keys, Now: now.Now})
			_, err = client.PaymentIntents.Create(t.Context(), keyed("k", &stripe.PaymentIntentParams{Amount: new(int64(100)), Currency: new("eur")}))
			if tc.kind == nil {
				require.NoError(t, err)
				require.Len(t, fake.PaymentIntents(), 1)
			} else {
				require.ErrorIs(t, err, tc.kind)
				require.True(t, commerce.SafeToRetry(err))
				require.NotContains(t, err.Error(), "sk_")
			}
			require.Equal(t, tc.refusals, keys.refusals)
			require.Len(t, fake.Calls(), tc.calls)
		})
	}
}

func TestPingReadsTheBalance(t *testing.T) {
	t.Parallel()
	fake, client, _ := start(t, stripetest.Config{})
	require.NoError(t, client.Ping(t.Context()))
	require.Equal(t, "/v1/balance", fake.Calls()[0].Path)
}

func TestACheckoutSessionIsMadePaidAndExpired(t *testing.T) {
	t.Parallel()
	fake, client, now := start(t, stripetest.Config{})
	ctx := t.Context()
	open := func(key string) *stripe.CheckoutSession {
		params := &stripe.CheckoutSessionParams{
			Mode: new("payment"), SuccessURL: new("https://shop.example/thanks"), CancelURL: new("https://shop.example/cart"),
			LineItems: []*stripe.CheckoutSessionLineItem{{Quantity: new(int64(2)), PriceData: &stripe.CheckoutSessionPrice{
				Currency: new("eur"), UnitAmount: new(int64(600)), ProductData: &stripe.CheckoutSessionProduct{Name: new("Order 17")}}}},
			PaymentIntentData: &stripe.CheckoutSessionPaymentIntent{Metadata: map[string]string{"order": "17"}},
		}
		params.SetIdempotencyKey(key)
		s, err := client.CheckoutSessions.Create(ctx, params)
		require.NoError(t, err)
		return s
	}
	s := open("a")
	require.Equal(t, int64(1200), *s.AmountTotal)
	require.NotEmpty(t, s.URL)
	paid, err := fake.PaySession(s.ID, stripetest.Card)
	require.NoError(t, err)
	require.Equal(t, "paid", paid.PaymentStatus)
	got, err := client.CheckoutSessions.Get(ctx, s.ID, "payment_intent")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"order": "17"}, got.PaymentIntent.Object.Metadata)
	n := 0
	for found, err := range client.CheckoutSessions.List(ctx, &stripe.CheckoutSessionListParams{PaymentIntent: &got.PaymentIntent.ID}) {
		require.NoError(t, err)
		require.Equal(t, s.ID, found.ID)
		n++
	}
	require.Equal(t, 1, n)

	expire := &stripe.CheckoutSessionExpireParams{}
	expire.SetIdempotencyKey("expire paid")
	_, err = client.CheckoutSessions.Expire(ctx, s.ID, expire)
	require.ErrorIs(t, err, commerce.ErrInvalid)

	other := open("b")
	expire = &stripe.CheckoutSessionExpireParams{}
	expire.SetIdempotencyKey("expire open")
	closed, err := client.CheckoutSessions.Expire(ctx, other.ID, expire)
	require.NoError(t, err)
	require.Equal(t, "expired", closed.Status)
	_, err = fake.PaySession(other.ID, stripetest.Card)
	require.ErrorIs(t, err, commerce.ErrConflict)

	debit := open("c")
	_, err = fake.PaySession(debit.ID, stripetest.DebitFails)
	require.NoError(t, err)
	pending, err := client.CheckoutSessions.Get(ctx, debit.ID)
	require.NoError(t, err)
	require.Equal(t, "complete", pending.Status)
	require.Equal(t, "unpaid", pending.PaymentStatus, "completed is not paid")
	now.Advance(96 * 3600e9)
	fake.Tick()
	last := fake.Events()[len(fake.Events())-1]
	require.Equal(t, "checkout.session.async_payment_failed", last.Type)
}

func TestCancelAfterThePaymentIsAConflict(t *testing.T) {
	t.Parallel()
	fake, client, _ := start(t, stripetest.Config{})
	paid, err := fake.Pay(stripetest.Purchase{Amount: 100, Currency: "eur"})
	require.NoError(t, err)
	params := &stripe.PaymentIntentCancelParams{}
	params.SetIdempotencyKey("cancel")
	_, err = client.PaymentIntents.Cancel(t.Context(), paid.ID, params)
	require.ErrorIs(t, err, commerce.ErrConflict)
}

func TestClientSecretsStayOutOfWhatIsKept(t *testing.T) {
	t.Parallel()
	fake, client, _ := start(t, stripetest.Config{})
	params := &stripe.CheckoutSessionParams{Mode: new("payment"), SuccessURL: new("https://shop.example"),
		LineItems: []*stripe.CheckoutSessionLineItem{{Quantity: new(int64(1)), PriceData: &stripe.CheckoutSessionPrice{
			Currency: new("eur"), UnitAmount: new(int64(600))}}}}
	params.SetIdempotencyKey("k")
	s, err := client.CheckoutSessions.Create(t.Context(), params)
	require.NoError(t, err)
	_, err = fake.PaySession(s.ID, stripetest.Card)
	require.NoError(t, err)
	s, err = client.CheckoutSessions.Get(t.Context(), s.ID, "payment_intent")
	require.NoError(t, err)
	secret := s.PaymentIntent.Object.ClientSecret.Reveal()
	require.Contains(t, secret, "_secret_")
	require.NotContains(t, string(s.Raw), secret)
	require.Contains(t, string(s.Raw), `"client_secret":"[sealed]"`)
	require.True(t, json.Valid(s.Raw))
	require.NotContains(t, fmt.Sprintf("%v %+v", s.PaymentIntent.Object.ClientSecret, s.PaymentIntent.Object.ClientSecret), secret)
}

func TestStripesOwnSentenceStaysOutOfTheText(t *testing.T) {
	t.Parallel()
	fake, client, _ := start(t, stripetest.Config{})
	fake.Faults().Add(stripetest.Fault{Kind: stripetest.Answered, Status: 400,
		Body: `{"error":{"type":"invalid_request_error","code":"email_invalid","param":"receipt_email","message":"Invalid email address: buyer@example"}}`})
	err := client.Ping(t.Context())
	require.EqualError(t, err, `stripe: ping: 400 email_invalid: invalid_request_error email_invalid param "receipt_email"`)
	var api *stripe.APIError
	require.ErrorAs(t, err, &api)
	require.Contains(t, api.Message, "buyer")
}

func TestAClientActsForItsConnectedAccount(t *testing.T) {
	t.Parallel()
	fake, err := stripetest.New(stripetest.Config{Account: "acct_2"})
	require.NoError(t, err)
	for account, want := range map[string]error{"": nil, "acct_2": nil, "acct_3": commerce.ErrForbidden} {
		var seen string
		fake.Faults().Clear()
		fake.Faults().Add(stripetest.Fault{Match: func(r *http.Request) bool { seen = r.Header.Get("Stripe-Account"); return false }})
		client := newClient(t, stripe.Config{Transport: fake.Transport(), Account: account})
		require.ErrorIs(t, client.Ping(t.Context()), want)
		require.Equal(t, account, seen)
	}
}

func TestABalanceSaysWhenItWasReadByStripesClock(t *testing.T) {
	t.Parallel()
	_, client, now := start(t, stripetest.Config{})
	b, err := client.Balance.Get(t.Context())
	require.NoError(t, err)
	require.Equal(t, now.Now(), b.At)
	mute := newClient(t, stripe.Config{Transport: canned(`{"object":"balance","livemode":false,"available":[],"pending":[]}`)})
	b, err = mute.Balance.Get(t.Context())
	require.NoError(t, err)
	require.Zero(t, b.At)
}
