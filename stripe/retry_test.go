package stripe_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

func apiError(kind, code string) string {
	return `{"error":{"type":"` + kind + `","code":"` + code + `","message":"m"}}`
}

// instantly retries without waiting, three attempts in all.
func instantly() resilience.Config {
	return resilience.Config{
		Timeout: 5 * time.Second,
		Retry:   resilience.Retry{Attempts: 3, Budget: 1},
		Breaker: resilience.Breaker{Off: true},
		Wait:    func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
}

// The rules of contract section 1.4, with our one layer in stripe-go's place.
func TestWhatIsRepeated(t *testing.T) {
	t.Parallel()
	yes, no := http.Header{"Stripe-Should-Retry": {"true"}}, http.Header{"Stripe-Should-Retry": {"false"}}
	for _, tc := range []struct {
		name        string
		status      int
		header      http.Header
		body        string
		read, write int // attempts
		kind        error
		outcome     commerce.Outcome // of the write
	}{
		{"a 500 is stored under a write's key", 500, nil, apiError("api_error", ""), 3, 1, commerce.ErrUnavailable, commerce.Unknown},
		{"a 502", 502, nil, apiError("api_error", ""), 3, 3, commerce.ErrUnavailable, commerce.Unknown},
		{"a 503", 503, nil, apiError("api_error", ""), 3, 3, commerce.ErrUnavailable, commerce.Unknown},
		{"a 504", 504, nil, apiError("api_error", ""), 3, 3, commerce.ErrUnavailable, commerce.Unknown},
		{"a lock", 429, nil, apiError("invalid_request_error", "lock_timeout"), 3, 3, commerce.ErrRateLimited, commerce.NotSent},
		{"the rate limit", 429, nil, apiError("invalid_request_error", "rate_limit"), 3, 3, commerce.ErrRateLimited, commerce.NotSent},
		{"a conflict", 409, nil, apiError("invalid_request_error", ""), 3, 3, commerce.ErrConflict, commerce.NotSent},
		{"a key in use", 409, nil, apiError("idempotency_error", "idempotency_key_in_use"), 3, 3, commerce.ErrConflict, commerce.Unknown},
		{"a bad parameter", 400, nil, apiError("invalid_request_error", ""), 1, 1, commerce.ErrInvalid, commerce.NotSent},
		{"a bad key", 401, nil, apiError("invalid_request_error", ""), 1, 1, commerce.ErrAuth, commerce.NotSent},
		{"a missing right", 403, nil, apiError("invalid_request_error", ""), 1, 1, commerce.ErrForbidden, commerce.NotSent},
		{"a missing object", 404, nil, apiError("invalid_request_error", "resource_missing"), 1, 1, commerce.ErrNotFound, commerce.NotSent},
		{"a decline", 402, nil, apiError("card_error", "card_declined"), 1, 1, commerce.ErrDeclined, commerce.NotSent},
		{"a key used for something else", 400, nil, apiError("idempotency_error", ""), 1, 1, commerce.ErrDuplicate, commerce.NotSent},
		{"Stripe says again", 400, yes, apiError("invalid_request_error", ""), 3, 3, commerce.ErrInvalid, commerce.NotSent},
		{"Stripe says never", 503, no, apiError("api_error", ""), 1, 1, commerce.ErrUnavailable, commerce.Unknown},
		{"a proxy's page", 502, nil, "<html>bad gateway</html>", 3, 3, commerce.ErrUnavailable, commerce.Unknown},
		{"a proxy's refusal", 400, nil, "<html>no</html>", 3, 3, commerce.ErrInvalid, commerce.NotSent},
		{"a proxy's refusal with Should-Retry false", 400, no, "<html>no</html>", 1, 1, commerce.ErrInvalid, commerce.NotSent},
		{"a page that says all is well", 200, nil, "<html>welcome</html>", 3, 3, commerce.ErrUnavailable, commerce.Unknown},
		{"JSON that is no object of Stripe's", 200, nil, `[]`, 1, 1, commerce.ErrInvalid, commerce.Unknown},
		{"a redirect", 302, http.Header{"Location": {"https://elsewhere.example"}}, "", 1, 1, commerce.ErrUnavailable, commerce.Unknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			now := newClock()
			fake, err := stripetest.New(stripetest.Config{Now: now.Now})
			require.NoError(t, err)
			paid, err := fake.Pay(stripetest.Purchase{Amount: 100, Currency: "eur"})
			require.NoError(t, err)
			attempts := 0
			fake.Faults().Add(stripetest.Fault{Kind: stripetest.Answered, Status: tc.status, Header: tc.header, Body: tc.body,
				Match: func(*http.Request) bool { attempts++; return true }})
			client := newClient(t, stripe.Config{Transport: fake.Transport(), Resilience: instantly(), Now: now.Now})

			_, err = client.PaymentIntents.Get(t.Context(), paid.ID)
			require.ErrorIs(t, err, tc.kind)
			require.Equal(t, tc.read, attempts, "attempts of the read")
			require.Empty(t, err.(*commerce.Error).Outcome)

			attempts = 0
			_, err = client.PaymentIntents.Update(t.Context(), paid.ID, keyed("k", &stripe.PaymentIntentParams{Description: new("x")}))
			require.ErrorIs(t, err, tc.kind)
			require.Equal(t, tc.write, attempts, "attempts of the write")
			require.Equal(t, tc.outcome, err.(*commerce.Error).Outcome)
			require.NotContains(t, err.Error(), "html")
		})
	}
}

func TestARetryWaitsAsLongAsItIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake, err := stripetest.New(stripetest.Config{})
		require.NoError(t, err)
		fake.Faults().Add(stripetest.Fault{Kind: stripetest.Answered, Status: 429, Times: 1, Header: http.Header{"Retry-After": {"3"}},
			Body: apiError("invalid_request_error", "rate_limit")})
		client := newClient(t, stripe.Config{Transport: fake.Transport(), Resilience: resilience.Config{
			Retry: resilience.Retry{Attempts: 2, Initial: time.Millisecond, Max: 10 * time.Second}}})
		began := time.Now()
		require.NoError(t, client.Ping(t.Context()))
		require.GreaterOrEqual(t, time.Since(began), 3*time.Second)
	})
}

// Every fault for a read and for a write with a key: how often it is tried, how it
// ends, what the write is said to have done and what it did.
func TestWhatAFaultDoes(t *testing.T) {
	t.Parallel()
	const once, always = 1, 0
	for _, tc := range []struct {
		name        string
		fault       stripetest.Fault
		times       int
		read, write int // attempts
		readErr     error
		writeErr    error
		outcome     commerce.Outcome
		made        int // intents that exist afterwards
	}{
		{"refused once", stripetest.Fault{Kind: stripetest.Refused}, once, 2, 2, nil, nil, "", 1},
		{"refused always", stripetest.Fault{Kind: stripetest.Refused}, always, 3, 3, commerce.ErrUnavailable, commerce.ErrUnavailable, commerce.NotSent, 0},
		{"stalled once", stripetest.Fault{Kind: stripetest.Stalled}, once, 2, 2, nil, nil, "", 1},
		{"stalled always", stripetest.Fault{Kind: stripetest.Stalled}, always, 3, 3, commerce.ErrUnavailable, commerce.ErrUnavailable, commerce.Unknown, 0},
		{"lost once", stripetest.Fault{Kind: stripetest.Lost}, once, 2, 2, nil, nil, "", 1},
		{"lost always", stripetest.Fault{Kind: stripetest.Lost}, always, 3, 3, commerce.ErrUnavailable, commerce.ErrUnavailable, commerce.Unknown, 1},
		{"half once", stripetest.Fault{Kind: stripetest.Half}, once, 2, 2, nil, nil, "", 1},
		{"half always", stripetest.Fault{Kind: stripetest.Half}, always, 3, 3, commerce.ErrUnavailable, commerce.ErrUnavailable, commerce.Unknown, 1},
		{"a page after the effect, once", stripetest.Fault{Kind: stripetest.AfterEffect, Status: 502, Body: "<html>"}, once, 2, 2, nil, nil, "", 1},
		{"a page after the effect, always", stripetest.Fault{Kind: stripetest.AfterEffect, Status: 502, Body: "<html>"}, always, 3, 3, commerce.ErrUnavailable, commerce.ErrUnavailable, commerce.Unknown, 1},
		{"a 429 once", stripetest.Fault{Kind: stripetest.Answered, Status: 429, Body: apiError("invalid_request_error", "")}, once, 2, 2, nil, nil, "", 1},
		{"late beyond the time-out", stripetest.Fault{Kind: stripetest.Late, Delay: 7 * time.Second}, once, 2, 2, nil, nil, "", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake, err := stripetest.New(stripetest.Config{})
				require.NoError(t, err)
				client := newClient(t, stripe.Config{Transport: fake.Transport(), Resilience: instantly()})
				attempts := 0
				arm := func() {
					fake.Faults().Clear()
					attempts = 0
					count := stripetest.Fault{Kind: stripetest.Answered, Match: func(*http.Request) bool { attempts++; return false }}
					fake.Faults().Add(count)
					f := tc.fault
					f.Times = tc.times
					fake.Faults().Add(f)
				}
				arm()
				err = client.Ping(t.Context())
				require.Equal(t, tc.read, attempts, "attempts of the read")
				if tc.readErr == nil {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, tc.readErr)
				}
				arm()
				_, err = client.PaymentIntents.Create(t.Context(), keyed("k", &stripe.PaymentIntentParams{Amount: new(int64(100)), Currency: new("eur")}))
				require.Equal(t, tc.write, attempts, "attempts of the write")
				if tc.writeErr == nil {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, tc.writeErr)
					require.Equal(t, tc.outcome, err.(*commerce.Error).Outcome)
					require.Equal(t, tc.outcome == commerce.NotSent, commerce.SafeToRetry(err))
				}
				<-time.After(time.Minute) // late requests arrive; the bubble's clock jumps
				require.Len(t, fake.PaymentIntents(), tc.made)
			})
		})
	}
}

func TestARefusalAfterALostAttemptIsUnknownUnlessItIsTheAnswer(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		second  stripetest.Fault
		outcome commerce.Outcome
	}{
		{"then refused", stripetest.Fault{Kind: stripetest.Refused}, commerce.Unknown},
		{"then the rate limit", stripetest.Fault{Kind: stripetest.Answered, Status: 429, Body: apiError("invalid_request_error", "rate_limit")}, commerce.Unknown},
		{"then a bad key", stripetest.Fault{Kind: stripetest.Answered, Status: 401, Body: apiError("invalid_request_error", "")}, commerce.Unknown},
		{"then a decline under the same key", stripetest.Fault{Kind: stripetest.Answered, Status: 402, Body: apiError("card_error", "card_declined")}, commerce.NotSent},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			fake, err := stripetest.New(stripetest.Config{})
			require.NoError(t, err)
			client := newClient(t, stripe.Config{Transport: fake.Transport(), Resilience: instantly()})
			fake.Faults().Add(stripetest.Fault{Kind: stripetest.Lost, Times: 1})
			fake.Faults().Add(tc.second)
			_, err = client.PaymentIntents.Create(t.Context(), keyed("k", &stripe.PaymentIntentParams{Amount: new(int64(100)), Currency: new("eur")}))
			require.Error(t, err)
			require.Equal(t, tc.outcome, err.(*commerce.Error).Outcome, err)
		})
	}
}

func TestAnAnswerAboveTheBoundIsALimit(t *testing.T) {
	t.Parallel()
	fake, err := stripetest.New(stripetest.Config{})
	require.NoError(t, err)
	client := newClient(t, stripe.Config{Transport: fake.Transport(), MaxBody: 100, Resilience: instantly()})
	_, err = client.PaymentIntents.Create(t.Context(), keyed("k", &stripe.PaymentIntentParams{Amount: new(int64(100)), Currency: new("eur")}))
	require.ErrorIs(t, err, commerce.ErrLimit)
	require.ErrorIs(t, err, commerce.ErrUnknown)
	require.Len(t, fake.Calls(), 1)
}

func TestACallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake, err := stripetest.New(stripetest.Config{})
		require.NoError(t, err)
		client := newClient(t, stripe.Config{Transport: fake.Transport()})
		fake.Faults().Add(stripetest.Fault{Kind: stripetest.Stalled})
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		began := time.Now()
		require.ErrorIs(t, client.Ping(ctx), context.DeadlineExceeded)
		require.Equal(t, 50*time.Millisecond, time.Since(began))
	})
}

// The same machine behind a real socket, with its faults.
func TestTheClientWorksOverASocket(t *testing.T) {
	t.Parallel()
	fake, err := stripetest.New(stripetest.Config{})
	require.NoError(t, err)
	server := fake.NewServer()
	defer server.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := newClient(t, stripe.Config{BaseURL: server.URL, Transport: transport, Resilience: instantly()})
	for _, kind := range []stripetest.Fault{{Kind: stripetest.Lost, Times: 1}, {Kind: stripetest.Half, Times: 1}, {Kind: stripetest.Refused, Times: 1}} {
		fake.Faults().Add(kind)
		_, err := client.PaymentIntents.Create(t.Context(), keyed("k", &stripe.PaymentIntentParams{Amount: new(int64(100)), Currency: new("eur")}))
		require.NoError(t, err)
	}
	require.Len(t, fake.PaymentIntents(), 1)
	server.Close()
	transport.CloseIdleConnections() // a cut connection might have carried something
	_, err = client.PaymentIntents.Create(t.Context(), keyed("other", &stripe.PaymentIntentParams{Amount: new(int64(100)), Currency: new("eur")}))
	require.ErrorIs(t, err, commerce.ErrUnavailable)
	require.True(t, commerce.SafeToRetry(err), "nobody listens, so nothing was sent: %v", err)
}

func TestTheClassifierAloneGoesByTheContentType(t *testing.T) {
	t.Parallel()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://api.stripe.com/v1/charges", http.NoBody)
	require.NoError(t, err)
	answer := func(status int, contentType string) *http.Response {
		return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {contentType}}, Body: http.NoBody}
	}
	require.Equal(t, resilience.Verdict{}, stripe.Classify(req, answer(500, "application/json"), nil))
	require.Equal(t, resilience.Verdict{Repeat: true, Ill: true}, stripe.Classify(req, answer(500, "text/html"), nil))
	require.Equal(t, resilience.Verdict{Repeat: true}, stripe.Classify(req, answer(400, "text/html"), nil))
	require.Equal(t, resilience.Verdict{Repeat: true, Ill: true}, stripe.Classify(req, nil, context.DeadlineExceeded))
}
