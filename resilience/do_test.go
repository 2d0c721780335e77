package resilience_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/fault"
	"github.com/commercesync/commerce/resilience"
	"github.com/stretchr/testify/require"
)

func TestDoRepeatsWhatIsSafeAndMayPass(t *testing.T) {
	t.Parallel()
	e := func(k commerce.Kind, o commerce.Outcome) error { return &commerce.Error{Kind: k, Outcome: o} }
	for name, c := range map[string]struct {
		err  error
		runs int
	}{
		"unavailable and not sent":  {e(commerce.KindUnavailable, commerce.NotSent), 4},
		"rate limited and not sent": {e(commerce.KindRateLimited, commerce.NotSent), 4},
		"a conflict and not sent":   {e(commerce.KindConflict, commerce.NotSent), 4},
		"unavailable and unknown":   {e(commerce.KindUnavailable, commerce.Unknown), 1},
		"unavailable and done":      {e(commerce.KindUnavailable, commerce.Done), 1},
		"unavailable, nothing said": {e(commerce.KindUnavailable, ""), 1},
		"invalid and not sent":      {e(commerce.KindInvalid, commerce.NotSent), 1},
		"parked by someone else":    {e(commerce.KindParked, commerce.NotSent), 1},
		"a join with an unknown": {errors.Join(e(commerce.KindUnavailable, commerce.NotSent),
			e(commerce.KindUnavailable, commerce.Unknown)), 1},
		"a plain error": {errors.New("plain"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				runs := 0
				err := policy(t, resilience.Config{}).Do(t.Context(), func(context.Context) error { runs++; return c.err })
				require.Equal(t, c.err, err)
				require.Equal(t, c.runs, runs)
			})
		})
	}
}

func TestDoHonoursRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start, runs := time.Now(), 0
		err := policy(t, resilience.Config{}).Do(t.Context(), func(context.Context) error {
			if runs++; runs == 1 {
				return &commerce.Error{Kind: commerce.KindRateLimited, Outcome: commerce.NotSent, RetryAfter: 7 * time.Second}
			}
			return nil
		})
		require.NoError(t, err)
		require.GreaterOrEqual(t, time.Since(start), 7*time.Second)
	})
}

func TestEachAttemptHasItsOwnTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		p := policy(t, resilience.Config{Timeout: 2 * time.Second})
		err := p.Do(t.Context(), func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 2*time.Second, time.Since(start))
		require.Equal(t, 1, p.State().Failures)
	})
}

func TestTheRateIsKeptAndItsWaitsEndWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := policy(t, resilience.Config{Quota: quota(t, resilience.Limit{Requests: 4, Burst: 2})})
		start := time.Now()
		for range 6 {
			require.NoError(t, p.Do(t.Context(), succeeds))
		}
		require.Equal(t, 2*time.Second, time.Since(start))

		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start = time.Now()
		err := p.Do(ctx, succeeds)
		require.ErrorIs(t, err, commerce.ErrParked)
		require.True(t, commerce.SafeToRetry(err))
		require.Equal(t, 500*time.Millisecond, commerce.RetryAfter(err))
		var late *resilience.RateError
		require.ErrorAs(t, err, &late)
		require.Zero(t, time.Since(start), "a wait that would outlive the context is not begun")

		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, stop)
		err = p.Do(ctx, succeeds)
		require.ErrorIs(t, err, context.Canceled)
		require.True(t, commerce.SafeToRetry(err))
	})
}

func TestWaitsGrowAreSpreadAndBounded(t *testing.T) {
	t.Parallel()
	for _, chance := range []float64{0, 0.5, 0.999} {
		var waits []time.Duration
		p := policy(t, resilience.Config{
			Rand:    func() float64 { return chance },
			Wait:    func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil },
			Retry:   resilience.Retry{Attempts: 8, Initial: time.Second, Max: 5 * time.Second},
			Breaker: resilience.Breaker{Off: true},
		})
		_ = p.Do(t.Context(), func(context.Context) error {
			return &commerce.Error{Kind: commerce.KindUnavailable, Outcome: commerce.NotSent}
		})
		require.Len(t, waits, 7)
		for i, step := range []time.Duration{1, 2, 4, 5, 5, 5, 5} {
			half := step * time.Second / 2
			require.Equal(t, half+time.Duration(chance*float64(half)), waits[i])
		}
	}
}

func TestNewNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	for field, c := range map[string]resilience.Config{
		"Timeout":          {Timeout: -1},
		"Retry.Attempts":   {Retry: resilience.Retry{Attempts: -1}},
		"Retry.Initial":    {Retry: resilience.Retry{Initial: 2, Max: 1}},
		"Retry.Max":        {Retry: resilience.Retry{Max: -1}},
		"Retry.Budget":     {Retry: resilience.Retry{Budget: 1.5}},
		"Breaker.Failures": {Breaker: resilience.Breaker{Failures: -1}},
		"Breaker.Roots":    {Breaker: resilience.Breaker{Roots: -1}},
		"Breaker.Window":   {Breaker: resilience.Breaker{Window: -1}},
		"Breaker.Open":     {Breaker: resilience.Breaker{Open: -1}},
	} {
		_, err := resilience.New("far", c)
		require.ErrorIs(t, err, commerce.ErrInvalid)
		require.ErrorContains(t, err, field)
	}
	_, err := resilience.New("", resilience.Config{})
	require.ErrorContains(t, err, "name")
}

func TestASuccessfulDoAllocatesNothing(t *testing.T) {
	p := policy(t, resilience.Config{Quota: quota(t, resilience.Limit{Requests: 1e9})})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.Zero(t, testing.AllocsPerRun(100, func() { _ = p.Do(ctx, succeeds) }))
}

// deadlines are a caller's context with and without an end before Config.Timeout, for
// which no timer is needed.
func deadlines(b *testing.B, bench func(b *testing.B, ctx context.Context)) {
	b.Run("bounded by the caller", func(b *testing.B) {
		ctx, cancel := context.WithTimeout(b.Context(), 20*time.Second)
		defer cancel()
		bench(b, ctx)
	})
	b.Run("bounded by Timeout", func(b *testing.B) { bench(b, b.Context()) })
}

func BenchmarkDo(b *testing.B) {
	deadlines(b, func(b *testing.B, ctx context.Context) {
		p, err := resilience.New("far", resilience.Config{})
		require.NoError(b, err)
		b.ReportAllocs()
		for b.Loop() {
			_ = p.Do(ctx, succeeds)
		}
	})
}

func BenchmarkTransport(b *testing.B) {
	deadlines(b, func(b *testing.B, ctx context.Context) {
		p, err := resilience.New("far", resilience.Config{})
		require.NoError(b, err)
		answer := &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody}
		tr := p.Transport(roundTrip(func(*http.Request) (*http.Response, error) { answer.Body = http.NoBody; return answer, nil }))
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://far.example", nil)
		require.NoError(b, err)
		b.ReportAllocs()
		for b.Loop() {
			resp, _ := tr.RoundTrip(r)
			_ = resp.Body.Close()
		}
	})
}

// BenchmarkOverBareLoopback makes a call that is bounded in time over a socket with and
// without a policy, in turn, and reports the medians' difference in percent.
func BenchmarkOverBareLoopback(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }))
	defer server.Close()
	bare := &http.Transport{}
	defer bare.CloseIdleConnections()
	p, err := resilience.New("far", resilience.Config{Timeout: 25 * time.Second})
	require.NoError(b, err)
	under := p.Transport(bare)
	send := func(ctx context.Context, by http.RoundTripper) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
		require.NoError(b, err)
		resp, err := by.RoundTrip(r)
		require.NoError(b, err)
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	deadlines(b, func(b *testing.B, ctx context.Context) {
		ways := [2]func(){func() {
			ctx, cancel := ctx, context.CancelFunc(func() {})
			if _, bounded := ctx.Deadline(); !bounded {
				ctx, cancel = context.WithTimeout(ctx, 25*time.Second)
			}
			send(ctx, bare)
			cancel()
		}, func() { send(ctx, under) }}
		var spent [2][]time.Duration
		for n := 0; b.Loop(); n++ {
			for i := range 2 {
				i = (i + n) % 2
				began := time.Now()
				ways[i]()
				spent[i] = append(spent[i], time.Since(began))
			}
		}
		var median [2]float64
		for i := range spent {
			slices.Sort(spent[i])
			median[i] = float64(spent[i][len(spent[i])/2])
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(median[0], "bare-ns/op")
		b.ReportMetric(100*(median[1]/median[0]-1), "%more")
	})
}

func ExamplePolicy_Do() {
	p, err := resilience.New("erp", resilience.Config{Retry: resilience.Retry{Initial: time.Millisecond}})
	if err != nil {
		panic(err)
	}
	runs := 0
	err = p.Do(context.Background(), func(context.Context) error {
		if runs++; runs < 3 {
			return &commerce.Error{Kind: commerce.KindUnavailable, System: "erp", Outcome: commerce.NotSent}
		}
		return nil
	})
	fmt.Println(runs, err)
	// Output: 3 <nil>
}

func ExamplePolicy_Transport() {
	var faults fault.Set
	faults.Add(fault.Fault{Kind: fault.Refused, Times: 2})
	shop := faults.Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "[]") }))

	quota, err := resilience.NewQuota(resilience.Limit{Requests: 15})
	if err != nil {
		panic(err)
	}
	p, err := resilience.New("magento", resilience.Config{Quota: quota, Retry: resilience.Retry{Initial: time.Millisecond}})
	if err != nil {
		panic(err)
	}
	client := &http.Client{Transport: p.Transport(shop)}
	resp, err := client.Get("http://shop.example/rest/V1/orders")
	if err != nil {
		panic(err)
	}
	defer resp.Body.Close()
	s := p.State()
	fmt.Println(resp.StatusCode, "open:", s.Open, "failures:", s.Failures) // two, and the success made up for one
	// Output: 200 open: false failures: 1
}
