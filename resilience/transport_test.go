package resilience_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/fault"
	"github.com/commercesync/commerce/internal/httpx"
	"github.com/commercesync/commerce/resilience"
	"github.com/stretchr/testify/require"
)

// side is a far side that counts what it carries out.
type side struct {
	faults  fault.Set
	tried   atomic.Int64
	effects atomic.Int64
}

func (s *side) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.effects.Add(1)
	_, _ = io.WriteString(w, "a whole answer")
}

func (s *side) RoundTrip(r *http.Request) (*http.Response, error) {
	s.tried.Add(1)
	return s.faults.Transport(s).RoundTrip(r)
}

func policy(t *testing.T, c resilience.Config) *resilience.Policy {
	t.Helper()
	p, err := resilience.New("far", c)
	require.NoError(t, err)
	return p
}

func request(t *testing.T, ctx context.Context, kind string) *http.Request {
	t.Helper()
	method, body := http.MethodPost, io.Reader(strings.NewReader("x=1"))
	if kind == "GET" {
		method, body = kind, nil
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://far.example/thing", body)
	require.NoError(t, err)
	if kind == "keyed POST" {
		r.Header.Set("Idempotency-Key", "k1")
	}
	return r
}

func TestWhatIsRepeatedAndWhatCountsForTheBreaker(t *testing.T) {
	t.Parallel()
	jsonHeader := http.Header{"Content-Type": {"application/json"}}
	// attempts are for GET, keyed POST, unkeyed POST with every attempt failing.
	for name, c := range map[string]struct {
		fault    fault.Fault
		attempts [3]int64
		effects  [3]int64
		status   int
		ill      bool
	}{
		"a refused connection":             {fault.Fault{Kind: fault.Refused}, [3]int64{3, 3, 3}, [3]int64{}, 0, true},
		"a stall until the time-out":       {fault.Fault{Kind: fault.Stalled}, [3]int64{3, 3, 1}, [3]int64{}, 0, true},
		"an answer lost after the effect":  {fault.Fault{Kind: fault.Lost}, [3]int64{3, 3, 1}, [3]int64{3, 3, 1}, 0, true},
		"half an answer":                   {fault.Fault{Kind: fault.Half}, [3]int64{1, 1, 1}, [3]int64{1, 1, 1}, 200, false},
		"429":                              {fault.Fault{Kind: fault.Answered, Status: 429}, [3]int64{3, 3, 3}, [3]int64{}, 429, false},
		"502":                              {fault.Fault{Kind: fault.Answered, Status: 502}, [3]int64{3, 3, 1}, [3]int64{}, 502, true},
		"503 after the effect":             {fault.Fault{Kind: fault.AfterEffect, Status: 503}, [3]int64{3, 3, 1}, [3]int64{3, 3, 1}, 503, true},
		"504":                              {fault.Fault{Kind: fault.Answered, Status: 504}, [3]int64{3, 3, 1}, [3]int64{}, 504, true},
		"a bare 500":                       {fault.Fault{Kind: fault.Answered, Status: 500}, [3]int64{3, 3, 1}, [3]int64{}, 500, true},
		"a 500 that was thought about":     {fault.Fault{Kind: fault.Answered, Status: 500, Header: jsonHeader}, [3]int64{1, 1, 1}, [3]int64{}, 500, false},
		"a business refusal":               {fault.Fault{Kind: fault.Answered, Status: 402}, [3]int64{1, 1, 1}, [3]int64{}, 402, false},
		"an answer after the caller's end": {fault.Fault{Kind: fault.Late, Delay: time.Hour}, [3]int64{3, 3, 1}, [3]int64{3, 3, 1}, 0, true},
	} {
		for i, kind := range []string{"GET", "keyed POST", "unkeyed POST"} {
			t.Run(name+" to a "+kind, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := &side{}
					s.faults.Add(c.fault)
					p := policy(t, resilience.Config{Timeout: time.Second, Retry: resilience.Retry{Attempts: 3}})
					resp, err := p.Transport(s).RoundTrip(request(t, t.Context(), kind))
					require.Equal(t, c.attempts[i], s.tried.Load(), "attempts")
					switch {
					case c.status == 0:
						require.Error(t, err)
						require.Equal(t, name == "a refused connection", httpx.NotSent(err))
					case c.status == 503 && kind == "keyed POST":
						// The last 503 may have done nothing; the ones before it may have.
						require.ErrorIs(t, err, commerce.ErrUnknown)
					default:
						require.NoError(t, err)
						require.Equal(t, c.status, resp.StatusCode)
						_ = resp.Body.Close()
					}
					if c.ill {
						require.Equal(t, int(c.attempts[i]), p.State().Failures)
					} else {
						require.Zero(t, p.State().Failures)
					}
					require.False(t, p.State().Open, "one root never opens it")
					time.Sleep(2 * time.Hour) // lets late effects happen
					require.Equal(t, c.effects[i], s.effects.Load(), "effects")
				})
			})
		}
	}
}

func TestAFaultThatPassesIsNotSeenByTheCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &side{}
		s.faults.Add(fault.Fault{Kind: fault.Refused, Times: 1})
		s.faults.Add(fault.Fault{Kind: fault.Answered, Status: 429, Times: 1, Header: http.Header{"Retry-After": {"3"}}})
		start := time.Now()
		resp, err := policy(t, resilience.Config{}).Transport(s).RoundTrip(request(t, t.Context(), "unkeyed POST"))
		require.NoError(t, err)
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, "a whole answer", string(b))
		require.EqualValues(t, 1, s.effects.Load())
		require.GreaterOrEqual(t, time.Since(start), 3*time.Second, "Retry-After is honoured")
	})
}

func TestNotSentAtTheEndDoesNotHideAnEarlierUnknown(t *testing.T) {
	t.Parallel()
	for name, last := range map[string]fault.Fault{
		"refused connection": {Kind: fault.Refused},
		"429":                {Kind: fault.Answered, Status: 429},
		"401":                {Kind: fault.Answered, Status: 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &side{}
				s.faults.Add(fault.Fault{Kind: fault.Lost, Times: 1})
				s.faults.Add(last)
				resp, err := policy(t, resilience.Config{}).Transport(s).RoundTrip(request(t, t.Context(), "keyed POST"))
				require.Nil(t, resp)
				require.ErrorIs(t, err, commerce.ErrUnknown)
				require.False(t, commerce.SafeToRetry(err))
				require.False(t, httpx.NotSent(err))
			})
		})
	}
}

func TestALongRetryAfterIsHandedBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &side{}
		s.faults.Add(fault.Fault{Kind: fault.Answered, Status: 503, Body: "closed", Header: http.Header{"Retry-After": {"60"}}})
		start := time.Now()
		resp, err := policy(t, resilience.Config{}).Transport(s).RoundTrip(request(t, t.Context(), "GET"))
		require.NoError(t, err)
		require.Equal(t, "60", resp.Header.Get("Retry-After"))
		require.EqualValues(t, 1, s.tried.Load())
		require.Zero(t, time.Since(start))
		_ = resp.Body.Close()
	})
}

func TestAWaitThatWouldOutliveTheContextIsNotBegun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &side{}
		s.faults.Add(fault.Fault{Kind: fault.Answered, Status: 503, Header: http.Header{"Retry-After": {"5"}}})
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		start := time.Now()
		resp, err := policy(t, resilience.Config{}).Transport(s).RoundTrip(request(t, ctx, "GET"))
		require.NoError(t, err)
		require.Equal(t, 503, resp.StatusCode)
		require.Zero(t, time.Since(start))
		_ = resp.Body.Close()
	})
}

func TestACancelledWaitHandsBackTheLastAnswerWithItsBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &side{}
		s.faults.Add(fault.Fault{Kind: fault.Answered, Status: 503, Body: "maintenance", Header: http.Header{"Retry-After": {"5"}}})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(2*time.Second, cancel)
		start := time.Now()
		resp, err := policy(t, resilience.Config{}).Transport(s).RoundTrip(request(t, ctx, "GET"))
		require.NoError(t, err)
		require.Equal(t, 2*time.Second, time.Since(start))
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, "maintenance", string(b))
		require.EqualValues(t, 1, s.tried.Load())
	})
}

func TestABodyThatCannotBeReplayedIsSentOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &side{}
		s.faults.Add(fault.Fault{Kind: fault.Refused})
		r := request(t, t.Context(), "keyed POST")
		r.GetBody = nil
		_, err := policy(t, resilience.Config{}).Transport(s).RoundTrip(r)
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		require.EqualValues(t, 1, s.tried.Load())
	})
}

// slowBody sends a byte and then stalls until the request's context ends.
type slowBody struct {
	ctx  context.Context
	sent bool
}

func (b *slowBody) Read(p []byte) (int, error) {
	if !b.sent {
		b.sent = true
		p[0] = 'a'
		return 1, nil
	}
	<-b.ctx.Done()
	return 0, b.ctx.Err()
}

func (b *slowBody) Close() error { return nil }

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTheTimeoutCoversReadingTheBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var attempt context.Context
		next := roundTrip(func(r *http.Request) (*http.Response, error) {
			attempt = r.Context()
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: &slowBody{ctx: r.Context()}}, nil
		})
		tr := policy(t, resilience.Config{Timeout: 3 * time.Second}).Transport(next)
		start := time.Now()
		resp, err := tr.RoundTrip(request(t, t.Context(), "GET"))
		require.NoError(t, err)
		_, err = io.ReadAll(resp.Body)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 3*time.Second, time.Since(start))

		resp, err = tr.RoundTrip(request(t, t.Context(), "GET"))
		require.NoError(t, err)
		require.NoError(t, attempt.Err(), "the context lives while the body is open")
		require.NoError(t, resp.Body.Close())
		require.ErrorIs(t, attempt.Err(), context.Canceled, "closing the body ends it")
	})
}

func TestTheBudgetIsSharedByAllCallers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &side{}
		s.faults.Add(fault.Fault{Kind: fault.Refused})
		tr := policy(t, resilience.Config{Breaker: resilience.Breaker{Off: true}}).Transport(s)
		const calls = 100
		for range calls {
			_, err := tr.RoundTrip(request(t, t.Context(), "GET"))
			require.Error(t, err)
		}
		// A reserve of 10, and a fifth of a retry for each call.
		require.LessOrEqual(t, s.tried.Load(), int64(calls+10+calls/5))
		require.GreaterOrEqual(t, s.tried.Load(), int64(calls+10))
	})
}
