package soak_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/stripe"
)

const (
	normal  = 50                    // events a second, each with one request to the far side
	allowed = normal * 12 / 10      // requests a second that the far side is asked for at most
	latency = 20 * time.Millisecond // of one request
)

// backlog is how many events wait when the far side is back: BACKLOG, or 2,000.
func backlog(t *testing.T) int {
	t.Helper()
	text := os.Getenv("BACKLOG")
	if text == "" {
		return 2000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("BACKLOG is %q, not a number above nought", text)
	}
	return n
}

// farSide answers every request after its latency, and none while it is down. It notes
// when requests arrive.
type farSide struct {
	mu   sync.Mutex
	down bool
	at   []time.Time
}

func (f *farSide) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	f.at = append(f.at, time.Now())
	down := f.down
	f.mu.Unlock()
	select {
	case <-time.After(latency):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	status, body := http.StatusOK, `{"object":"balance"}`
	if id, ok := strings.CutPrefix(r.URL.Path, "/v1/payment_intents/"); ok {
		body = `{"id":"` + id + `","object":"payment_intent","amount":4200,"amount_received":4200,"currency":"eur","status":"succeeded","created":1793610000,"livemode":false}`
	}
	if down {
		status, body = http.StatusServiceUnavailable, "down"
	}
	return &http.Response{StatusCode: status, Request: r, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}, nil
}

func (f *farSide) turn(down bool) (requests int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = down
	return len(f.at)
}

// most is the largest number of requests in any second from the nth one on.
func (f *farSide) most(n int) (most int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for first, last := n, n; last < len(f.at); last++ {
		for f.at[last].Sub(f.at[first]) >= time.Second {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}

// recovery is what an outage ends with.
type recovery struct {
	Backlog   int
	Normal    int     // the most requests in any second before
	Outage    float64 // seconds
	Meanwhile int     // requests during the outage
	Most      int     // the most requests in any second after it
	Drained   float64 // seconds until nothing waited
	Requests  int     // after the outage
	Late      float64 // seconds that the slowest live event took, after the outage
}

func (r recovery) String() string {
	return fmt.Sprintf("a backlog of %d, %.0f s down with %d requests meanwhile; then at most %d requests in any second, of %d at other times, %d in all; drained in %.0f s, the slowest live event took %.0f s",
		r.Backlog, r.Outage, r.Meanwhile, r.Most, r.Normal, r.Requests, r.Drained, r.Late)
}

// outage plays a calm time, an outage in which events pile up, and what comes after,
// while events keep coming at their rate for a minute.
func outage(t *testing.T, c resilience.Config, waiting int) recovery {
	far := &farSide{}
	client, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: far, Resilience: c})
	require.NoError(t, err)
	var mu sync.Mutex
	done, back := 0, time.Time{}
	var late time.Duration
	handle := func(ctx context.Context, e commerce.Event) error {
		if _, err := client.PaymentIntents.Get(resilience.WithRoot(ctx, e.Subject), e.Object); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		done++
		if !back.IsZero() && e.Created.After(back) {
			late = max(late, time.Since(e.Created))
		}
		return nil
	}
	store := inbox.NewMemory(inbox.MemoryConfig{})
	in, err := inbox.New(store, inbox.Config{Handlers: inbox.Handlers{"stripe payment_intent.succeeded": {{Name: "fetch", Handle: handle}}}, Workers: 16, MaxParked: waiting * 2})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { require.NoError(t, in.Run(ctx)) })
	defer running.Wait()
	defer stop()

	sent := 0
	come := func(events int) { // at the normal rate
		for range events {
			id := fmt.Sprintf("pi_%d", sent)
			_, err := in.Append(ctx, commerce.Event{Ref: commerce.Ref{System: "stripe", Mode: commerce.Test, ID: "evt_" + id}, Type: "payment_intent.succeeded",
				Object: id, Subject: id, Created: time.Now(), Raw: []byte("{}")})
			require.NoError(t, err)
			sent++
			<-time.After(time.Second / normal)
		}
	}
	come(20 * normal)
	r := recovery{Backlog: waiting, Normal: far.most(0)}

	before, gone := far.turn(true), time.Now()
	come(waiting)
	back = time.Now()
	after := far.turn(false)
	r.Outage, r.Meanwhile = back.Sub(gone).Seconds(), after-before
	come(60 * normal)
	for range 20_000 { // seconds
		mu.Lock()
		all := done == sent
		mu.Unlock()
		if all {
			break
		}
		<-time.After(time.Second)
	}
	r.Drained = time.Since(back).Seconds()
	for e, err := range store.List(ctx, inbox.Filter{States: []inbox.State{inbox.Ready, inbox.Parked, inbox.Dead}, Limit: 1}) {
		require.NoError(t, err)
		require.Fail(t, "an event did not end", "%s: %s", e.State, e.Reason)
	}
	require.Equal(t, sent, done)
	r.Most, r.Requests, r.Late = far.most(after), far.turn(false)-after, late.Seconds()
	t.Logf("%s", r)
	return r
}

func TestABacklogIsDrainedWithoutAStorm(t *testing.T) {
	waiting := backlog(t)
	synctest.Test(t, func(t *testing.T) {
		quota, err := resilience.NewQuota(resilience.Limit{Requests: allowed, Burst: 1})
		require.NoError(t, err)
		r := outage(t, resilience.Config{Quota: quota}, waiting)
		require.LessOrEqual(t, r.Normal, normal+1)
		require.LessOrEqual(t, r.Most, allowed, "in any second, of %d at other times", r.Normal)
		require.Less(t, r.Meanwhile, waiting/2, "the breaker keeps most of them from a far side that is down")
	})
}

// Without limits and breaker the same outage ends in a storm: were it not for that, the
// test above would prove nothing.
func TestWithoutLimitsABacklogIsAStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := outage(t, resilience.Config{Breaker: resilience.Breaker{Off: true}}, min(backlog(t), 2000))
		require.Greater(t, r.Most, 2*allowed)
		require.Greater(t, r.Meanwhile, min(backlog(t), 2000), "each event is tried again and again")
	})
}
