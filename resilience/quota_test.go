package resilience_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/fault"
	"github.com/commercesync/commerce/resilience"
	"github.com/stretchr/testify/require"
)

func quota(t testing.TB, limits ...resilience.Limit) *resilience.Quota {
	t.Helper()
	q, err := resilience.NewQuota(limits...)
	require.NoError(t, err)
	return q
}

// byAccount lets each account have 20 requests a second.
func byAccount(r *http.Request) (string, bool) { return r.Header.Get("Account"), true }

// starts notes when attempts of a kind start.
type starts struct {
	mu sync.Mutex
	at map[string][]time.Time
}

func (s *starts) note(kind string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at == nil {
		s.at = map[string][]time.Time{}
	}
	s.at[kind] = append(s.at[kind], time.Now())
}

func (s *starts) of(kind string) []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.at[kind])
}

// most is the largest number of starts within a time of that length.
func most(at []time.Time, length time.Duration) (n int) {
	for i := range at {
		j := i
		for j < len(at) && at[j].Sub(at[i]) < length {
			j++
		}
		n = max(n, j-i)
	}
	return n
}

// flood lets 200 workers backfill until the context ends.
func flood(ctx context.Context, p *resilience.Policy, s *starts) {
	for range 200 {
		go func() {
			for p.Do(ctx, func(context.Context) error { s.note("backfill"); return nil }) == nil {
			}
		}()
	}
	synctest.Wait()
}

func TestNoTimeHoldsMoreAttemptsThanTheLimit(t *testing.T) {
	t.Parallel()
	for _, limit := range []resilience.Limit{
		{Requests: 1, Burst: 1}, {Requests: 25, Burst: 5}, {Requests: 25, Burst: 13}, {Requests: 7, Per: time.Minute, Burst: 2, Backfill: 7},
	} {
		for _, kind := range []string{"live", "backfill"} {
			t.Run(fmt.Sprintf("%s %d in %s, %d at once", kind, limit.Requests, limit.Per, limit.Burst), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					p := policy(t, resilience.Config{Quota: quota(t, limit)})
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					if kind == "backfill" {
						ctx = resilience.WithBackfill(ctx)
					}
					per := max(limit.Per, time.Second)
					var s starts
					time.Sleep(10 * per) // a rest does not save up
					for range 50 {
						go func() {
							for p.Do(ctx, func(context.Context) error { s.note(kind); return nil }) == nil {
							}
						}()
					}
					time.Sleep(20 * per)
					cancel()
					synctest.Wait()
					got := s.of(kind)
					require.LessOrEqual(t, most(got, per), limit.Requests)
					require.GreaterOrEqual(t, len(got), 20*limit.Requests*2/5, "the room is used")
				})
			})
		}
	}
}

// A flood of backfill, and live work that asks now and then.
func TestLiveWorkIsNotDelayedByAFloodOfBackfill(t *testing.T) {
	t.Parallel()
	// delay runs the flood, marked or not, and returns the longest wait of live work.
	delay := func(t *testing.T, mark func(context.Context) context.Context) (longest time.Duration, backfilled int) {
		synctest.Test(t, func(t *testing.T) {
			shared := quota(t, resilience.Limit{Requests: 25})
			live, history := policy(t, resilience.Config{Quota: shared}), policy(t, resilience.Config{Quota: shared})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var s starts
			flood(mark(ctx), history, &s)
			for range 50 {
				time.Sleep(200 * time.Millisecond)
				asked := time.Now()
				require.NoError(t, live.Do(t.Context(), succeeds))
				longest = max(longest, time.Since(asked))
			}
			backfilled = len(s.of("backfill"))
			cancel()
			synctest.Wait()
		})
		return longest, backfilled
	}
	longest, backfilled := delay(t, resilience.WithBackfill)
	require.Zero(t, longest, "half a burst is kept for live work")
	require.Greater(t, backfilled, 100, "what live work leaves is used")

	unmarked, _ := delay(t, func(ctx context.Context) context.Context { return ctx })
	require.Greater(t, unmarked, time.Second, "without the mark the bound does not hold")
}

func TestLiveWorkOvertakesBackfillThatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := policy(t, resilience.Config{Quota: quota(t, resilience.Limit{Requests: 2, Burst: 1})})
		require.NoError(t, p.Do(t.Context(), succeeds)) // the next turn is in half a second
		var order []string
		var mu sync.Mutex
		start := func(name string, ctx context.Context) {
			go func() {
				_ = p.Do(ctx, func(context.Context) error {
					mu.Lock()
					defer mu.Unlock()
					order = append(order, name)
					return nil
				})
			}()
			synctest.Wait()
		}
		start("history", resilience.WithBackfill(t.Context()))
		start("more history", resilience.WithBackfill(t.Context()))
		start("live", t.Context())
		start("also live", t.Context())
		time.Sleep(time.Minute)
		mu.Lock()
		defer mu.Unlock()
		require.Equal(t, []string{"live", "also live", "history", "more history"}, order)
	})
}

func TestEachShareHasItsOwnRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := quota(t, resilience.Limit{Requests: 10, Of: byAccount})
		s := &side{}
		tr := policy(t, resilience.Config{Quota: q}).Transport(s)
		send := func(account string) time.Duration {
			r := request(t, t.Context(), "GET")
			r.Header.Set("Account", account)
			asked := time.Now()
			resp, err := tr.RoundTrip(r)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			return time.Since(asked)
		}
		waited := time.Duration(0)
		for range 30 {
			waited += send("acct_1")
		}
		require.Greater(t, waited, 2*time.Second)
		require.Zero(t, send("acct_2"), "another account waits for nobody")
		require.NoError(t, policy(t, resilience.Config{Quota: q}).Do(t.Context(), succeeds), "a limit of requests does not concern Do")
		for i := range 5000 {
			require.Zero(t, send(fmt.Sprint("acct_1", i)), "and so do thousands")
		}
	})
}

func TestAnAttemptNeedsRoomInAllItsLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reads := func(r *http.Request) (string, bool) { return "", r.Method == http.MethodGet }
		q := quota(t, resilience.Limit{Requests: 100, Burst: 50}, resilience.Limit{Requests: 1, Of: reads})
		tr := policy(t, resilience.Config{Quota: q}).Transport(&side{})
		began := time.Now()
		for _, kind := range []string{"GET", "GET", "GET", "POST", "POST", "POST"} {
			resp, err := tr.RoundTrip(request(t, t.Context(), kind))
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
		}
		require.Equal(t, 2*time.Second, time.Since(began))
	})
}

func TestA429SlowsItsShareDownForAWhile(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"live", "backfill"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q := quota(t, resilience.Limit{Requests: 20, Burst: 1, Backfill: 20, Of: byAccount})
				s := &side{}
				tr := policy(t, resilience.Config{Quota: q, Retry: resilience.Retry{Attempts: 1}}).Transport(s)
				ctx := t.Context()
				if kind == "backfill" {
					ctx = resilience.WithBackfill(ctx)
				}
				in := func(account string, length time.Duration) (n int) {
					for end := time.Now().Add(length); time.Now().Before(end); n++ {
						r := request(t, ctx, "GET")
						r.Header.Set("Account", account)
						resp, err := tr.RoundTrip(r)
						require.NoError(t, err)
						require.NoError(t, resp.Body.Close())
					}
					return n
				}
				require.InDelta(t, 20, in("acct_1", time.Second), 1)
				remove := s.faults.Add(fault.Fault{Kind: fault.Answered, Status: 429})
				in("acct_1", 100*time.Millisecond) // several at once are one complaint
				remove()
				require.InDelta(t, 10, in("acct_1", time.Second), 2)
				require.InDelta(t, 20, in("acct_2", time.Second), 1, "the other account is not slowed")
				remove = s.faults.Add(fault.Fault{Kind: fault.Answered, Status: 429})
				in("acct_1", 20*time.Second)
				remove()
				require.Positive(t, in("acct_1", 2*time.Second), "it never stops")
				time.Sleep(30 * time.Second)
				require.InDelta(t, 20, in("acct_1", time.Second), 1, "and is as fast as before in the end")
			})
		})
	}
	t.Run("under Do", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			p := policy(t, resilience.Config{Quota: quota(t, resilience.Limit{Requests: 1}), Retry: resilience.Retry{Attempts: 1}})
			_ = p.Do(t.Context(), func(context.Context) error { return commerce.ErrRateLimited })
			began := time.Now()
			require.NoError(t, p.Do(t.Context(), succeeds))
			require.Greater(t, time.Since(began), 1500*time.Millisecond)
		})
	})
}

func TestBackfillIsRefusedWhereItsTurnComesTooLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := policy(t, resilience.Config{Quota: quota(t, resilience.Limit{Requests: 1})})
		require.NoError(t, p.Do(t.Context(), succeeds))
		refused := func(ctx context.Context) {
			err := p.Do(resilience.WithBackfill(ctx), succeeds)
			require.ErrorIs(t, err, commerce.ErrParked)
			require.True(t, commerce.SafeToRetry(err))
			var late *resilience.RateError
			require.ErrorAs(t, err, &late)
		}
		short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		refused(short)
		require.Zero(t, time.Since(began), "a wait that would outlive the context is not begun")

		first := make(chan error, 1)
		go func() { first <- p.Do(resilience.WithBackfill(t.Context()), succeeds) }()
		synctest.Wait()
		refused(short) // it stands in line until its context ends
		require.Equal(t, 100*time.Millisecond, time.Since(began))
		require.NoError(t, <-first)

		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Millisecond, stop)
		refused(ctx)
	})
}

func TestNewQuotaNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	for field, limits := range map[string][]resilience.Limit{
		"limits":   {},
		"Requests": {{}},
		"limit 1":  {{Requests: 1}, {Requests: -1}},
		"Per":      {{Requests: 1, Per: -1}},
		"Burst":    {{Requests: 25, Burst: 14}},
		"Backfill": {{Requests: 1, Backfill: -1}},
	} {
		_, err := resilience.NewQuota(limits...)
		require.ErrorIs(t, err, commerce.ErrInvalid)
		require.ErrorContains(t, err, field)
	}
}

func ExampleWithBackfill() {
	shared, err := resilience.NewQuota(resilience.Limit{Requests: 25})
	if err != nil {
		panic(err)
	}
	p, err := resilience.New("stripe", resilience.Config{Quota: shared})
	if err != nil {
		panic(err)
	}
	ctx := resilience.WithBackfill(context.Background()) // waits for what live work leaves
	fmt.Println(p.Do(ctx, func(context.Context) error { return nil }))
	// Output: <nil>
}
