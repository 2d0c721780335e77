package stripe_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Two clients of one key: one for live work, one that reads history with many hands.
func TestLiveCallsGoBeforeBackfillOfTheSameAccount(t *testing.T) {
	t.Parallel()
	longest := func(t *testing.T, mark func(context.Context) context.Context) (longest time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			fake, err := stripetest.New(stripetest.Config{})
			require.NoError(t, err)
			quota, err := resilience.NewQuota(stripe.Limits(commerce.Test)...)
			require.NoError(t, err)
			config := stripe.Config{Transport: fake.Transport(), Resilience: resilience.Config{Quota: quota}}
			live, history := newClient(t, config), newClient(t, config)
			ctx, cancel := context.WithCancel(t.Context())
			for range 100 {
				go func() {
					for {
						for _, err := range history.Charges.List(mark(ctx), nil) {
							require.ErrorIs(t, err, context.Canceled)
							return
						}
					}
				}()
			}
			synctest.Wait()
			for range 20 {
				time.Sleep(200 * time.Millisecond)
				asked := time.Now()
				require.NoError(t, live.Ping(t.Context()))
				longest = max(longest, time.Since(asked))
			}
			cancel()
			synctest.Wait()
		})
		return longest
	}
	require.Zero(t, longest(t, resilience.WithBackfill))
	require.Greater(t, longest(t, func(ctx context.Context) context.Context { return ctx }), time.Second,
		"without the mark the bound does not hold")
}

func TestTheLimitsAreThoseOfAccountsAndEndpoints(t *testing.T) {
	t.Parallel()
	get := func(path string) string { return "GET https://api.stripe.com" + path }
	for name, tc := range map[string]struct {
		mode     commerce.Mode
		accounts []string
		requests []string // repeated in turn for ten seconds
		most     int      // in any second
	}{
		"one endpoint, whatever its ids":    {commerce.Live, []string{""}, []string{get("/v1/charges/ch_1"), get("/v1/charges/ch_2A")}, 25},
		"the same endpoint of two accounts": {commerce.Live, []string{"acct_1", "acct_2"}, []string{get("/v1/charges/ch_1")}, 50},
		"an endpoint of the test mode":      {commerce.Test, []string{""}, []string{get("/v1/charges/ch_1"), get("/v1/refunds/re_1")}, 25},
		"two endpoints":                     {commerce.Live, []string{""}, []string{get("/v1/refunds/re_1"), "POST https://api.stripe.com/v1/refunds/re_1/cancel"}, 50},
		"searches":                          {commerce.Live, []string{""}, []string{get("/v1/charges/search"), get("/v1/customers/search")}, 20},
		"an account": {commerce.Live, []string{""}, []string{get("/v1/charges"), get("/v1/refunds"), get("/v1/payouts"), get("/v1/events"),
			get("/v1/customers"), get("/v1/disputes"), get("/v1/transfers")}, 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				quota, err := resilience.NewQuota(stripe.Limits(tc.mode)...)
				require.NoError(t, err)
				policy, err := resilience.New("stripe", resilience.Config{Quota: quota})
				require.NoError(t, err)
				sent := make(chan time.Time, 10_000)
				transport := policy.Transport(roundTrip(func(*http.Request) (*http.Response, error) {
					sent <- time.Now()
					return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
				}))
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				for _, account := range tc.accounts {
					for _, request := range tc.requests {
						for range 10 {
							go func() {
								for {
									method, address, _ := strings.Cut(request, " ")
									r, err := http.NewRequestWithContext(ctx, method, address, http.NoBody)
									require.NoError(t, err)
									r.Header.Set("Stripe-Account", account)
									if _, err := transport.RoundTrip(r); err != nil {
										return
									}
								}
							}()
						}
					}
				}
				<-ctx.Done()
				synctest.Wait()
				close(sent)
				var at []time.Time
				for s := range sent {
					at = append(at, s)
				}
				most := 0
				for i := range at {
					j := i
					for j < len(at) && at[j].Sub(at[i]) < time.Second {
						j++
					}
					most = max(most, j-i)
				}
				require.LessOrEqual(t, most, tc.most)
				require.Greater(t, len(at), 10*tc.most/2, "the room is used")
			})
		})
	}
}

func TestA429SlowsTheAccountDownAndALockDoesNot(t *testing.T) {
	t.Parallel()
	for code, slows := range map[string]bool{"rate_limit": true, "": true, "lock_timeout": false} {
		t.Run("code "+code, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fake, err := stripetest.New(stripetest.Config{})
				require.NoError(t, err)
				quota, err := resilience.NewQuota(stripe.Limits(commerce.Test)...)
				require.NoError(t, err)
				config := stripe.Config{Transport: fake.Transport(), Resilience: resilience.Config{Quota: quota, Retry: resilience.Retry{Attempts: 1}}}
				client, other := newClient(t, config), newClient(t, config)
				fake.Faults().Add(stripetest.Fault{Kind: stripetest.Answered, Status: 429, Body: apiError("invalid_request_error", code), Times: 1})
				require.ErrorIs(t, client.Ping(t.Context()), commerce.ErrRateLimited)
				began := time.Now()
				for range 4 { // less than a burst
					require.NoError(t, other.Ping(t.Context()))
				}
				require.Equal(t, slows, time.Since(began) > 200*time.Millisecond, time.Since(began))
			})
		})
	}
}

func TestACallWhoseTurnComesTooLateIsNotSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake, err := stripetest.New(stripetest.Config{})
		require.NoError(t, err)
		quota, err := resilience.NewQuota(resilience.Limit{Requests: 1, Per: time.Hour})
		require.NoError(t, err)
		client := newClient(t, stripe.Config{Transport: fake.Transport(), Resilience: resilience.Config{Quota: quota}})
		require.NoError(t, client.Ping(t.Context()))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err = client.PaymentIntents.Create(ctx, keyed("k", &stripe.PaymentIntentParams{Amount: new(int64(100)), Currency: new("eur")}))
		require.ErrorIs(t, err, commerce.ErrParked)
		require.True(t, commerce.SafeToRetry(err))
		require.Equal(t, time.Hour, commerce.RetryAfter(err))
		var late *resilience.RateError
		require.ErrorAs(t, err, &late)
		require.Len(t, fake.Calls(), 1)
	})
}

func ExampleLimits() {
	fake, err := stripetest.New(stripetest.Config{})
	if err != nil {
		panic(err)
	}
	quota, err := resilience.NewQuota(stripe.Limits(commerce.Test)...)
	if err != nil {
		panic(err)
	}
	client, err := stripe.NewClient(stripe.Config{
		Credentials: commerce.Static(commerce.NewSecret("sk_test_1")),
		Transport:   fake.Transport(),
		Resilience:  resilience.Config{Quota: quota}, // other clients of the key get the same one
	})
	if err != nil {
		panic(err)
	}
	ctx := resilience.WithBackfill(context.Background()) // waits for what live calls leave
	n := 0
	for _, err := range client.Charges.List(ctx, nil) {
		if err != nil {
			panic(err)
		}
		n++
	}
	fmt.Println(n, "charges")
	// Output: 0 charges
}
