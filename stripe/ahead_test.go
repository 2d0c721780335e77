package stripe_test

import (
	"context"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/stripe"
)

// book is a far side with a long list of balance transactions. A page takes latency.
type book struct {
	rows    int
	latency time.Duration
	note    string // in every row

	mu      sync.Mutex
	asked   int // requests so far
	working int // requests in hand
	most    int // that there ever were
}

func (b *book) RoundTrip(r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	b.asked++
	b.working++
	b.most = max(b.most, b.working)
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		b.working--
		b.mu.Unlock()
	}()
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case <-time.After(b.latency):
	}
	from, _ := strconv.Atoi(r.URL.Query().Get("starting_after"))
	to := min(from+100, b.rows)
	body := []byte(`{"object":"list","has_more":` + strconv.FormatBool(to < b.rows) + `,"data":[`)
	for i := from; i < to; i++ {
		if i > from {
			body = append(body, ',')
		}
		body = append(body, `{"id":"`+strconv.Itoa(i+1)+`","object":"balance_transaction","created":1,"available_on":1,"amount":100,"fee":3,"net":97,"currency":"eur","type":"charge","description":"`+b.note+`"}`...)
	}
	return respond(http.StatusOK, string(append(body, "]}"...))), nil
}

func (b *book) client(t testing.TB, c resilience.Config) *stripe.Client {
	t.Helper()
	client, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: b, Resilience: c})
	require.NoError(t, err)
	return client
}

func TestAPageIsFetchedWhileTheOneBeforeIsRead(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ fetch, read, want time.Duration }{ // of 20 pages
		"the far side is slower": {100 * time.Millisecond, 50 * time.Millisecond, 20*100*time.Millisecond + 50*time.Millisecond},
		"the reader is slower":   {50 * time.Millisecond, 100 * time.Millisecond, 50*time.Millisecond + 20*100*time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := &book{rows: 2000, latency: tc.fetch}
				start, n := time.Now(), 0
				for _, err := range b.client(t, resilience.Config{}).BalanceTransactions.List(t.Context(), nil) {
					require.NoError(t, err)
					n++
					time.Sleep(tc.read / 100)
				}
				require.Equal(t, 2000, n)
				require.Equal(t, 20, b.asked)
				require.Equal(t, 1, b.most, "one page ahead")
				require.Less(t, (time.Since(start) - tc.want).Abs(), 20*time.Millisecond, "not fetch and read one after the other, which takes 3s")
			})
		})
	}
}

func TestWhatIsFetchedAheadStaysWithinTheRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &book{rows: 2000, latency: time.Millisecond}
		quota, err := resilience.NewQuota(resilience.Limit{Requests: 2, Of: func(*http.Request) (string, bool) { return "", true }})
		require.NoError(t, err)
		start := time.Now()
		for _, err := range b.client(t, resilience.Config{Quota: quota}).BalanceTransactions.List(t.Context(), nil) {
			require.NoError(t, err)
		}
		require.GreaterOrEqual(t, time.Since(start), 9*time.Second, "20 requests at 2 a second, the first of them at once")
	})
}

func TestWhoBreaksOffAListLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	for after, asked := range map[int]int{1: 1, 2: 2, 100: 2, 101: 2, 102: 3} {
		synctest.Test(t, func(t *testing.T) { // ends when no goroutine is left
			b := &book{rows: 2000, latency: time.Minute}
			n := 0
			for _, err := range b.client(t, resilience.Config{Timeout: time.Hour}).BalanceTransactions.List(t.Context(), nil) {
				require.NoError(t, err)
				if n++; n == after {
					synctest.Wait()
					break
				}
			}
			require.Equal(t, asked, b.asked, "broken off after %d", after)
			require.Zero(t, b.working)
		})
	}
}

func TestTheEndOfTheContextEndsWhatIsFetchedAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &book{rows: 2000, latency: time.Minute}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		n, last := 0, error(nil)
		for _, err := range b.client(t, resilience.Config{Timeout: time.Hour}).BalanceTransactions.List(ctx, nil) {
			if last = err; err == nil {
				n++
			}
			if n == 50 {
				cancel()
			}
		}
		require.Equal(t, 100, n, "what was there is read")
		require.ErrorIs(t, last, context.Canceled)
		require.Zero(t, b.working)
	})
}

// panicking breaks on the second request, as credentials of a host's may.
type panicking struct{ *book }

func (p panicking) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Query().Get("starting_after") != "" {
		panic("second page")
	}
	return p.book.RoundTrip(r)
}

func TestAPanicWhileAPageIsFetchedAheadIsTheReaders(t *testing.T) {
	t.Parallel()
	c, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: panicking{&book{rows: 200}}})
	require.NoError(t, err)
	n := 0
	require.PanicsWithValue(t, "second page", func() {
		for range c.BalanceTransactions.List(t.Context(), nil) {
			n++
		}
	})
	require.Equal(t, 100, n)
}

// peak reads a list to its end and returns how much more memory it held at most, at the
// given steps.
func peak(t testing.TB, b *book, step int) int64 {
	t.Helper()
	var before, now runtime.MemStats
	c := b.client(t, resilience.Config{})
	runtime.GC()
	runtime.ReadMemStats(&before)
	n, most := 0, uint64(0)
	for _, err := range c.BalanceTransactions.List(t.Context(), nil) {
		require.NoError(t, err)
		if n++; n%step == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
		}
	}
	require.Equal(t, b.rows, n)
	return int64(most) - int64(before.HeapAlloc)
}

func TestALongListStaysSmallInMemory(t *testing.T) {
	b := &book{rows: 4000, note: strings.Repeat("x", 1000)} // 4.6 MB in 40 pages
	require.Less(t, peak(t, b, 500), int64(3<<20), "the pages that were read are let go")
}

// BenchmarkHundredThousandTransactions reads the rows of a large payout, without the
// network's time.
func BenchmarkHundredThousandTransactions(b *testing.B) {
	most := int64(0)
	for b.Loop() {
		most = max(most, peak(b, &book{rows: 100_000}, 10_000))
	}
	b.ReportMetric(float64(most), "peak-B")
}
