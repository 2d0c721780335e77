package stripetest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/clock"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

func newClock() *clock.Manual { return clock.At(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)) }

// start returns a fake, a client of it and their clock.
func start(t *testing.T, config stripetest.Config) (*stripetest.Fake, *stripe.Client, *clock.Manual) {
	t.Helper()
	now := newClock()
	config.Now = now.Now
	fake, err := stripetest.New(config)
	require.NoError(t, err)
	client, err := stripe.NewClient(stripe.Config{
		Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: fake.Transport(), Now: now.Now,
	})
	require.NoError(t, err)
	return fake, client, now
}

func types(fake *stripetest.Fake) (out []string) {
	for _, e := range fake.Events() {
		out = append(out, e.Type)
	}
	return out
}

func TestWhatAShopperDoesShowsInIntentChargeAndEvents(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		purchase stripetest.Purchase
		wait     time.Duration
		intent   string
		charge   string
		events   []string
	}{
		{"a card pays at once", stripetest.Purchase{}, 0, "succeeded", "succeeded",
			[]string{"payment_intent.created", "charge.succeeded", "payment_intent.succeeded"}},
		{"an authorisation is not money", stripetest.Purchase{Authorise: true}, 0, "requires_capture", "succeeded",
			[]string{"payment_intent.created", "charge.succeeded", "payment_intent.amount_capturable_updated"}},
		{"an authorisation ends after a week", stripetest.Purchase{Authorise: true}, 8 * 24 * time.Hour, "canceled", "succeeded",
			[]string{"payment_intent.created", "charge.succeeded", "payment_intent.amount_capturable_updated", "charge.refunded", "charge.expired", "payment_intent.canceled"}},
		{"a declined card leaves the intent open", stripetest.Purchase{Method: stripetest.CardInsufficientFunds}, 0, "requires_payment_method", "failed",
			[]string{"payment_intent.created", "charge.failed", "payment_intent.payment_failed"}},
		{"a bank debit is pending for days", stripetest.Purchase{Method: stripetest.Debit}, 0, "processing", "pending",
			[]string{"payment_intent.created", "payment_intent.processing", "charge.pending"}},
		{"and then succeeds", stripetest.Purchase{Method: stripetest.Debit}, 4 * 24 * time.Hour, "succeeded", "succeeded",
			[]string{"payment_intent.created", "payment_intent.processing", "charge.pending", "charge.succeeded", "payment_intent.succeeded"}},
		{"or fails", stripetest.Purchase{Method: stripetest.DebitFails}, 4 * 24 * time.Hour, "requires_payment_method", "failed",
			[]string{"payment_intent.created", "payment_intent.processing", "charge.pending", "charge.failed", "payment_intent.payment_failed"}},
		{"or is taken back after it succeeded", stripetest.Purchase{Method: stripetest.DebitReturned}, 9 * 24 * time.Hour, "requires_payment_method", "failed",
			[]string{"payment_intent.created", "payment_intent.processing", "charge.pending", "charge.succeeded", "payment_intent.succeeded", "charge.failed", "payment_intent.payment_failed"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			fake, _, now := start(t, stripetest.Config{})
			tc.purchase.Amount, tc.purchase.Currency = 1250, "EUR"
			_, err := fake.Pay(tc.purchase)
			require.NoError(t, err)
			now.Advance(tc.wait)
			require.Equal(t, tc.intent, fake.PaymentIntents()[0].Status)
			require.Equal(t, tc.charge, fake.Charges()[0].Status)
			require.Equal(t, tc.events, types(fake))
		})
	}
}

func TestDeliveriesAreSignedDoubledReorderedAndRepeatedUntilAcknowledged(t *testing.T) {
	t.Parallel()
	fake, _, now := start(t, stripetest.Config{Seed: 3, Account: "acct_1"})
	for range 40 {
		_, err := fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur"})
		require.NoError(t, err)
		now.Advance(time.Second)
	}
	hook, err := stripe.Webhook(stripe.WebhookConfig{
		Secrets: commerce.Static([]commerce.Secret{commerce.NewSecret("whsec_fake")}), Now: now.Now,
	})
	require.NoError(t, err)
	var mu sync.Mutex
	seen := map[string]int{}
	refused := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		e, err := hook.Verify(r.Context(), r.Header, body)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err != nil:
			w.WriteHeader(http.StatusBadRequest)
		case refused < 5:
			refused++
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			seen[e.Ref.ID]++
		}
	}))
	t.Cleanup(srv.Close)
	got, err := fake.Deliver(t.Context(), srv.URL, stripetest.DeliveryOptions{
		Duplicates: 0.3, Reordered: 0.2, Workers: 4,
		Wait: func(ctx context.Context, until time.Time) error {
			now.Advance(until.Sub(now.Now()))
			return ctx.Err()
		},
	})
	require.NoError(t, err)
	require.Len(t, seen, 120)
	require.Equal(t, 120, got.Events)
	require.NotZero(t, got.Duplicates)
	require.NotZero(t, got.Reordered)
	require.NotZero(t, got.Retries)
	require.Zero(t, got.Abandoned)
	require.GreaterOrEqual(t, got.Deliveries, 120+got.Duplicates+got.Retries)
}

func createParams(key string, amount int64) *stripe.PaymentIntentParams {
	p := &stripe.PaymentIntentParams{Amount: &amount, Currency: new("eur")}
	p.SetIdempotencyKey(key)
	return p
}

func TestAKeyRemembersItsAnswerForADay(t *testing.T) {
	t.Parallel()
	fake, client, now := start(t, stripetest.Config{})
	ctx := t.Context()
	first, err := client.PaymentIntents.Create(ctx, createParams("k", 100))
	require.NoError(t, err)
	now.Advance(23 * time.Hour)
	again, err := client.PaymentIntents.Create(ctx, createParams("k", 100))
	require.NoError(t, err)
	require.Equal(t, first.ID, again.ID)
	require.True(t, fake.Calls()[1].Replayed)

	now.Advance(time.Hour)
	other, err := client.PaymentIntents.Create(ctx, createParams("k", 100))
	require.NoError(t, err)
	require.NotEqual(t, first.ID, other.ID, "a pruned key is executed anew")
}

func TestAStored500IsSaidAgainAndARefusalAtTheDoorIsNot(t *testing.T) {
	t.Parallel()
	fake, client, _ := start(t, stripetest.Config{})
	ctx := t.Context()
	fake.FailWrites(1)
	for range 2 {
		_, err := client.PaymentIntents.Create(ctx, createParams("k", 100))
		require.ErrorIs(t, err, commerce.ErrUnknown)
		require.Equal(t, 500, err.(*commerce.Error).Status)
	}
	require.Empty(t, fake.PaymentIntents())

	_, err := client.PaymentIntents.Create(ctx, createParams("other", 0))
	require.ErrorIs(t, err, commerce.ErrInvalid)
	_, err = client.PaymentIntents.Create(ctx, createParams("other", 100))
	require.NoError(t, err, "a validation failure is not stored under the key")
}

func TestADeclineIsStoredUnderItsKey(t *testing.T) {
	t.Parallel()
	fake, client, _ := start(t, stripetest.Config{})
	params := createParams("k", 100)
	params.PaymentMethod, params.Confirm = new(string(stripetest.CardDeclined)), new(true)
	for range 2 {
		_, err := client.PaymentIntents.Create(t.Context(), params)
		require.ErrorIs(t, err, commerce.ErrDeclined)
	}
	require.Len(t, fake.Charges(), 1)
}

func TestAKeyInUseIsAConflict(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	var once sync.Once
	fake, err := stripetest.New(stripetest.Config{Working: func(*http.Request) {
		once.Do(func() { close(entered); <-leave })
	}})
	require.NoError(t, err)
	client, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk")), Transport: fake.Transport(),
		Resilience: resilience.Config{Retry: resilience.Retry{Attempts: 1}}})
	require.NoError(t, err)
	done := make(chan error)
	go func() {
		_, err := client.PaymentIntents.Create(context.Background(), createParams("k", 100))
		done <- err
	}()
	<-entered
	_, err = client.PaymentIntents.Create(t.Context(), createParams("k", 100))
	require.ErrorIs(t, err, commerce.ErrConflict)
	require.ErrorIs(t, err, commerce.ErrUnknown)
	require.Equal(t, "idempotency_key_in_use", err.(*commerce.Error).Code)
	close(leave)
	require.NoError(t, <-done)
	require.Len(t, fake.PaymentIntents(), 1)
}

func TestAPartialCaptureIsAChargeAndAReversal(t *testing.T) {
	t.Parallel()
	fake, client, _ := start(t, stripetest.Config{})
	held, err := fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur", Authorise: true})
	require.NoError(t, err)
	require.Empty(t, fake.BalanceTransactions(), "an authorisation moves nothing")
	params := &stripe.PaymentIntentCaptureParams{AmountToCapture: new(int64(700))}
	params.SetIdempotencyKey("capture")
	got, err := client.PaymentIntents.Capture(t.Context(), held.ID, params)
	require.NoError(t, err)
	require.Equal(t, int64(700), got.AmountReceived)
	charge := fake.Charges()[0]
	require.True(t, charge.Captured)
	require.Equal(t, int64(700), charge.AmountCaptured)
	txns := fake.BalanceTransactions()
	require.Len(t, txns, 2)
	require.Equal(t, "charge", txns[0].ReportingCategory)
	require.Equal(t, "partial_capture_reversal", txns[1].ReportingCategory)
	require.Equal(t, int64(700), txns[0].Amount+txns[1].Amount)
	require.Equal(t, []string{"charge.refunded", "charge.captured", "payment_intent.succeeded"}, types(fake)[3:])
	require.Equal(t, int64(300), fake.Refunds()[0].Amount, "what was released is a refund in this version")
}

func TestMoneyTakenBackLeavesNothingButTheFee(t *testing.T) {
	t.Parallel()
	fake, _, now := start(t, stripetest.Config{Settlement: "usd", Rates: map[string]string{"eur": "1.0875"}})
	_, err := fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur", Method: stripetest.DebitReturned})
	require.NoError(t, err)
	now.Advance(9 * 24 * time.Hour)
	charge := fake.Charges()[0]
	require.Equal(t, "failed", charge.Status)
	require.Equal(t, int64(1088), charge.BalanceTransaction.Object.Amount)
	require.Equal(t, "1.0875", charge.BalanceTransaction.Object.ExchangeRate.String())
	require.Equal(t, "usd", charge.BalanceTransaction.Object.Currency)
	require.Equal(t, int64(-1088), charge.FailureBalanceTransaction.Object.Amount)
	require.Equal(t, "charge_failure", charge.FailureBalanceTransaction.Object.ReportingCategory)
}

func TestAnAuthenticationIsAwaited(t *testing.T) {
	t.Parallel()
	for passed, want := range map[bool]string{true: "succeeded", false: "requires_payment_method"} {
		fake, _, _ := start(t, stripetest.Config{})
		i, err := fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur", Method: stripetest.CardAuthentication})
		require.NoError(t, err)
		require.Equal(t, "requires_action", i.Status)
		i, err = fake.Authenticate(i.ID, passed)
		require.NoError(t, err)
		require.Equal(t, want, i.Status)
		_, err = fake.Authenticate(i.ID, true)
		require.ErrorIs(t, err, commerce.ErrConflict)
	}
}

func TestASecondAttemptPaysAfterADecline(t *testing.T) {
	t.Parallel()
	fake, _, _ := start(t, stripetest.Config{})
	i, err := fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur", Method: stripetest.CardLost})
	require.NoError(t, err)
	require.Equal(t, "lost_card", i.LastPaymentError.DeclineCode)
	i, err = fake.PayIntent(i.ID, stripetest.Card)
	require.NoError(t, err)
	require.Equal(t, "succeeded", i.Status)
	require.Nil(t, i.LastPaymentError)
	require.Len(t, fake.Charges(), 2)
	_, err = fake.PayIntent(i.ID, stripetest.Card)
	require.ErrorIs(t, err, commerce.ErrConflict)
}

func TestARefundIsBookedAndCannotExceedTheCharge(t *testing.T) {
	t.Parallel()
	fake, _, _ := start(t, stripetest.Config{})
	i, err := fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur"})
	require.NoError(t, err)
	for _, step := range []struct {
		amount string
		status int
	}{{"400", 200}, {"700", 400}, {"600", 200}, {"1", 400}} {
		resp := post(t, fake, "/v1/refunds", "payment_intent="+i.ID+"&amount="+step.amount)
		require.Equal(t, step.status, resp, step.amount)
	}
	charge := fake.Charges()[0]
	require.True(t, charge.Refunded)
	require.Equal(t, int64(1000), charge.AmountRefunded)
	require.Len(t, fake.Refunds(), 2)
	require.Equal(t, []string{"refund.created", "charge.refunded", "refund.created", "charge.refunded"}, types(fake)[3:])
}

func post(t *testing.T, fake *stripetest.Fake, path, form string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer sk")
	w := httptest.NewRecorder()
	fake.ServeHTTP(w, r)
	return w.Code
}

func TestBadRequestsAreRefusedLikeStripeDoes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, path, form string
		status           int
	}{
		{"an unknown parameter", "/v1/payment_intents", "amount=100&currency=eur&colour=red", 400},
		{"no amount", "/v1/payment_intents", "currency=eur", 400},
		{"a fraction", "/v1/payment_intents", "amount=1.5&currency=eur", 400},
		{"no currency", "/v1/payment_intents", "amount=100", 400},
		{"an unknown currency", "/v1/payment_intents", "amount=100&currency=xyz", 400},
		{"three decimals not ending in 0", "/v1/payment_intents", "amount=1001&currency=kwd", 400},
		{"three decimals ending in 0", "/v1/payment_intents", "amount=1000&currency=kwd", 200},
		{"a fraction of a krona that has none", "/v1/payment_intents", "amount=150&currency=isk", 400},
		{"an unknown method", "/v1/payment_intents", "amount=100&currency=eur&payment_method=pm_none", 404},
		{"a metadata value too long", "/v1/payment_intents", "amount=100&currency=eur&metadata[a]=" + strings.Repeat("x", 501), 400},
		{"an unknown intent", "/v1/payment_intents/pi_none/confirm", "", 404},
		{"an unknown path", "/v1/tulips", "", 404},
		{"a session without lines", "/v1/checkout/sessions", "mode=payment&success_url=x", 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			fake, _, _ := start(t, stripetest.Config{})
			require.Equal(t, tc.status, post(t, fake, tc.path, tc.form))
		})
	}
}

func TestMetadataIsMergedAndCopiedToTheChargeOnce(t *testing.T) {
	t.Parallel()
	fake, client, _ := start(t, stripetest.Config{})
	i, err := fake.Pay(stripetest.Purchase{Amount: 100, Currency: "eur", Metadata: map[string]string{"a": "1", "b": "2"}})
	require.NoError(t, err)
	params := &stripe.PaymentIntentParams{Metadata: map[string]string{"a": "", "c": "3"}}
	params.SetIdempotencyKey("k")
	got, err := client.PaymentIntents.Update(t.Context(), i.ID, params)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"b": "2", "c": "3"}, got.Metadata)
	require.Equal(t, map[string]string{"a": "1", "b": "2"}, fake.Charges()[0].Metadata)
}

func TestOneSeedMakesOneHistory(t *testing.T) {
	t.Parallel()
	history := func(seed uint64) (out []string) {
		fake, _, now := start(t, stripetest.Config{Seed: seed})
		for range 20 {
			_, err := fake.Pay(stripetest.Purchase{Amount: 100, Currency: "eur"})
			require.NoError(t, err)
			now.Advance(time.Minute)
		}
		for d := range fake.Deliveries(stripetest.DeliveryOptions{Duplicates: 0.5, Reordered: 0.5, MaxDelay: time.Hour}) {
			out = append(out, d.Event+d.Header.Get(stripe.SignatureHeader)+d.At.String())
		}
		return out
	}
	require.Equal(t, history(1), history(1))
	require.NotEqual(t, history(1), history(2))
}

func TestAnEventThatNobodyTakesIsGivenUpAfterThreeDays(t *testing.T) {
	t.Parallel()
	fake, client, now := start(t, stripetest.Config{})
	_, err := fake.Pay(stripetest.Purchase{Amount: 100, Currency: "eur"})
	require.NoError(t, err)
	began := now.Now()
	got, err := fake.Deliver(t.Context(), "https://shop.example/hook", stripetest.DeliveryOptions{
		Transport: away{},
		Wait: func(_ context.Context, until time.Time) error {
			now.Advance(until.Sub(now.Now()))
			return nil
		},
	})
	require.NoError(t, err)
	require.Equal(t, 3, got.Abandoned)
	require.Zero(t, got.Events)
	require.InDelta(t, 72, now.Now().Sub(began).Hours(), 12)
	feed, err := client.Feed(stripe.FeedConfig{})
	require.NoError(t, err)
	n := 0
	for _, err := range feed.Changes(t.Context(), began) {
		require.NoError(t, err)
		n++
	}
	require.Equal(t, 3, n, "and can still be read")
}

// away is an endpoint that is not there.
type away struct{}

func (away) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("refused") }

func TestARolledSecretSignsBesideTheOldOneForADay(t *testing.T) {
	t.Parallel()
	fake, _, now := start(t, stripetest.Config{WebhookSecret: "whsec_old"})
	_, err := fake.Pay(stripetest.Purchase{Amount: 100, Currency: "eur"})
	require.NoError(t, err)
	fake.RollWebhookSecret("whsec_new")
	accepted := func(secret string) bool {
		hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: commerce.Static([]commerce.Secret{commerce.NewSecret(secret)}), Now: now.Now})
		require.NoError(t, err)
		for d := range fake.Deliveries(stripetest.DeliveryOptions{}) {
			_, err := hook.Verify(t.Context(), d.Header, d.Body)
			return err == nil
		}
		return false
	}
	require.True(t, accepted("whsec_old"))
	require.True(t, accepted("whsec_new"))
	now.Advance(24 * time.Hour)
	require.False(t, accepted("whsec_old"))
	require.True(t, accepted("whsec_new"))
}

func TestDeliveryStopsWithItsContextAndLeavesTheRestToTheNext(t *testing.T) {
	t.Parallel()
	fake, _, _ := start(t, stripetest.Config{})
	for range 5 {
		_, err := fake.Pay(stripetest.Purchase{Amount: 100, Currency: "eur"})
		require.NoError(t, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	ok := answering(func() { n++; cancel() })
	first, err := fake.Deliver(ctx, "https://shop.example/hook", stripetest.DeliveryOptions{Transport: ok})
	require.ErrorIs(t, err, context.Canceled)
	rest, err := fake.Deliver(t.Context(), "https://shop.example/hook", stripetest.DeliveryOptions{Transport: ok})
	require.NoError(t, err)
	first.Add(rest)
	require.Equal(t, 15, first.Events)
	require.Zero(t, first.Duplicates)
}

type answering func()

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	a()
	return &http.Response{StatusCode: 200, Body: http.NoBody, Request: r}, nil
}

func TestNewNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	for field, config := range map[string]stripetest.Config{
		"APIVersion": {APIVersion: "latest"},
		"DebitTime":  {DebitTime: -1},
		"Settlement": {Settlement: "EUR"},
	} {
		_, err := stripetest.New(config)
		require.ErrorIs(t, err, commerce.ErrInvalid)
		require.ErrorContains(t, err, field)
	}
}

func TestTheFakeCanBeUsedFromManySidesAtOnce(t *testing.T) {
	t.Parallel()
	fake, client, now := start(t, stripetest.Config{})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for n := range 25 {
				key := fmt.Sprint(w, "/", n)
				i, err := client.PaymentIntents.Create(context.Background(), createParams(key, 100))
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := fake.PayIntent(i.ID, stripetest.Card); err != nil {
					t.Error(err)
				}
				if n%10 == 0 {
					fake.Charges()
				}
				now.Advance(time.Second)
			}
		})
	}
	wg.Wait()
	require.Len(t, fake.Charges(), 100)
	require.Len(t, fake.Events(), 300)
}

func BenchmarkRequest(b *testing.B) {
	fake, err := stripetest.New(stripetest.Config{})
	require.NoError(b, err)
	client, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk")), Transport: fake.Transport()})
	require.NoError(b, err)
	n := 0
	for b.Loop() {
		n++
		i, err := client.PaymentIntents.Create(b.Context(), createParams(fmt.Sprint(n), 100))
		if err == nil {
			_, err = client.PaymentIntents.Get(b.Context(), i.ID)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func TestNewsIsDeliveredWhileARepetitionIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake, err := stripetest.New(stripetest.Config{})
		require.NoError(t, err)
		first, err := fake.Pay(stripetest.Purchase{Amount: 100, Currency: "eur"})
		require.NoError(t, err)
		began := time.Now()
		var mu sync.Mutex
		at := map[string]time.Duration{} // by payment: when its last event was taken
		endpoint := handler(func(w http.ResponseWriter, body string) {
			mu.Lock()
			defer mu.Unlock()
			e, err := stripe.DecodeEvent([]byte(body))
			if err != nil || strings.Contains(body, first.ID) && time.Since(began) < time.Minute {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			if i, ok := e.Object.(*stripe.PaymentIntent); ok {
				at[i.ID] = time.Since(began)
			}
		})
		done := make(chan error)
		go func() {
			_, err := fake.Deliver(t.Context(), "https://shop.example/hook", stripetest.DeliveryOptions{Transport: endpoint})
			done <- err
		}()
		<-time.After(time.Second)
		second, err := fake.Pay(stripetest.Purchase{Amount: 100, Currency: "eur"})
		require.NoError(t, err)
		require.NoError(t, <-done)
		require.Equal(t, time.Second, at[second.ID])
		require.Equal(t, 5*time.Minute, at[first.ID])
	})
}

// handler is an endpoint inside this process.
type handler func(w http.ResponseWriter, body string)

func (h handler) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	h(w, string(body))
	return w.Result(), nil
}

func TestAKeyIsTakenAsBearerAndAsTheUserOfBasicAuthentication(t *testing.T) {
	t.Parallel()
	f, err := stripetest.New(stripetest.Config{Key: "sk_1"})
	require.NoError(t, err)
	for name, c := range map[string]struct {
		sign   func(*http.Request)
		status int
	}{
		"bearer":        {func(r *http.Request) { r.Header.Set("Authorization", "Bearer sk_1") }, 200},
		"basic":         {func(r *http.Request) { r.SetBasicAuth("sk_1", "") }, 200},
		"another basic": {func(r *http.Request) { r.SetBasicAuth("sk_2", "") }, 401},
		"none":          {func(*http.Request) {}, 401},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/balance", nil)
		c.sign(r)
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		require.Equal(t, c.status, w.Code, name)
	}
}
