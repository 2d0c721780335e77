package stripe_test

import (
	"context"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
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

// seen is what a far side saw of one call.
type seen struct {
	attempts int
	method   string // of the last
}

// says answers every request alike, with status 0 by breaking off.
func says(s *seen, status int, header http.Header, body string) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		s.attempts++
		s.method = r.Method
		if status == 0 {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(iotest.ErrReader(syscall.ECONNRESET))}, nil
		}
		return &http.Response{StatusCode: status, Header: header.Clone(), Body: io.NopCloser(strings.NewReader(body))}, nil
	})
}

// composed are the methods that are made of others, or take what only others return.
var composed = []string{
	"Events.Decode", "Events.Mend", "Reports.Download",
	"WebhookEndpoints.Check", "WebhookEndpoints.Ensure", "WebhookEndpoints.Rotate",
}

// calls calls f with a call of every method of every service, found by reflection so that
// none is forgotten: with made up ids, an idempotency key, and a list read to its end.
// Each has a client of its own, and so a whole budget of retries.
func calls(t *testing.T, config stripe.Config, f func(name string, call func(context.Context) error)) {
	t.Helper()
	client, n := newClient(t, config), 1
	defer func() { t.Logf("%d methods", n) }()
	f("Ping", client.Ping)
	methods(t, client, func(name string, _ reflect.Value) {
		if slices.Contains(composed, name) {
			return
		}
		service, method, _ := strings.Cut(name, ".")
		m := reflect.ValueOf(newClient(t, config)).Elem().FieldByName(service).MethodByName(method)
		n++
		f(name, func(ctx context.Context) error {
			in := []reflect.Value{reflect.ValueOf(ctx)}
			for i := 1; i < m.Type().NumIn(); i++ {
				switch of := m.Type().In(i); {
				case m.Type().IsVariadic() && i == m.Type().NumIn()-1:
				case of.Kind() == reflect.String:
					in = append(in, reflect.ValueOf("id_1").Convert(of))
				default:
					params := reflect.New(of.Elem())
					if set := params.MethodByName("SetIdempotencyKey"); set.IsValid() {
						set.Call([]reflect.Value{reflect.ValueOf("k")})
					}
					in = append(in, params)
				}
			}
			out := m.Call(in)
			last := out[len(out)-1]
			if last.Kind() == reflect.Func {
				for _, err := range last.Seq2() {
					last = err
				}
			}
			err, _ := last.Interface().(error)
			return err
		})
	})
}

// The rules of contract section 1.4, with our one layer in stripe-go's place, for every
// method of the client.
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
		{"an answer that breaks off", 0, nil, "", 3, 3, commerce.ErrUnavailable, commerce.Unknown},
		{"a bare 429", 429, nil, "", 3, 3, commerce.ErrRateLimited, commerce.NotSent},
		{"a page with 500", 500, nil, "<html>", 3, 3, commerce.ErrUnavailable, commerce.Unknown},
		{"a page with 404", 404, nil, "<html>", 3, 3, commerce.ErrNotFound, commerce.NotSent},
		{"Stripe says again of a 500", 500, yes, apiError("api_error", ""), 3, 3, commerce.ErrUnavailable, commerce.Unknown},
		{"Stripe says never of a conflict", 409, no, apiError("invalid_request_error", ""), 1, 1, commerce.ErrConflict, commerce.NotSent},
		{"Stripe says never of a 429", 429, no, apiError("invalid_request_error", "rate_limit"), 1, 1, commerce.ErrRateLimited, commerce.NotSent},
		{"a redirect", 302, http.Header{"Location": {"https://elsewhere.example"}}, "", 1, 1, commerce.ErrUnavailable, commerce.Unknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var far seen
			config := stripe.Config{Transport: says(&far, tc.status, tc.header, tc.body), Resilience: instantly()}
			calls(t, config, func(name string, call func(context.Context) error) {
				far = seen{}
				err := call(t.Context())
				require.ErrorIs(t, err, tc.kind, name)
				require.NotContains(t, err.Error(), "html")
				outcome := err.(*commerce.Error).Outcome
				if far.method == http.MethodGet {
					require.Equal(t, tc.read, far.attempts, name)
					require.NotEqual(t, commerce.Unknown, outcome, name)
				} else {
					require.Equal(t, tc.write, far.attempts, name)
					require.Equal(t, tc.outcome, outcome, name)
				}
			})
		})
	}
}

// Retry-After is honoured up to the bound; a longer one ends the call and is handed on.
// The wait ends with the context.
func TestEveryMethodWaitsAsItIsTold(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name     string
		after    string
		attempts int
		waited   time.Duration // at least, for each wait
		cancel   bool          // within the wait
	}{
		{"three seconds", "3", 3, 3 * time.Second, false},
		{"a date", now.Add(5 * time.Second).Format(http.TimeFormat), 3, 5 * time.Second, false},
		{"longer than the bound", "3600", 1, 0, false},
		{"a word", "soon", 3, 0, false},
		{"given up meanwhile", "3", 1, 3 * time.Second, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var far seen
			shortest, giveUp := time.Hour, func() {}
			patience := instantly()
			patience.Wait = func(ctx context.Context, d time.Duration) error {
				shortest = min(shortest, d)
				giveUp()
				return ctx.Err()
			}
			config := stripe.Config{Resilience: patience, Now: func() time.Time { return now },
				Transport: says(&far, 429, http.Header{"Retry-After": {tc.after}}, apiError("invalid_request_error", "rate_limit"))}
			calls(t, config, func(name string, call func(context.Context) error) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tc.cancel {
					giveUp = cancel
				}
				far, shortest = seen{}, time.Hour
				err := call(ctx)
				require.ErrorIs(t, err, commerce.ErrRateLimited, name)
				require.Equal(t, tc.attempts, far.attempts, name)
				require.GreaterOrEqual(t, shortest, tc.waited, name)
				if far.method != http.MethodGet {
					require.True(t, commerce.SafeToRetry(err), name)
				}
				if tc.after == "3600" {
					require.Equal(t, time.Hour, commerce.RetryAfter(err), name)
				}
			})
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
