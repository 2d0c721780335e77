package main

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/bench/ingest"
	"github.com/commercesync/commerce/stripe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheLoadIsSignedDistinctAndEveryTenthARepetition(t *testing.T) {
	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: commerce.Static([]commerce.Secret{commerce.NewSecret(secret)})})
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	seen, subjects := map[string]int{}, map[string]bool{}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- ingest.ServeHTTP(ctx, l, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body := make([]byte, r.ContentLength)
			for n := 0; n < len(body); {
				k, err := r.Body.Read(body[n:])
				n += k
				if err != nil && n < len(body) {
					t.Error(err)
					return
				}
			}
			e, err := hook.Verify(r.Context(), r.Header, body)
			if err != nil {
				t.Error(err)
			}
			seen[e.Ref.ID]++
			subjects[e.Subject] = true
		}))
	}()
	got, err := load(t.Context(), l.Addr().String(), 1, time.Minute, 100)
	stop()
	require.NoError(t, err)
	require.NoError(t, <-done)
	require.Equal(t, 100, got.distinct)
	require.Len(t, seen, 100)
	require.Len(t, subjects, 100)
	require.Equal(t, 111, got.requests)
}

func TestAnAnswerThatIsNot200EndsTheLoad(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- ingest.ServeHTTP(ctx, l, http.NotFoundHandler()) }()
	_, err = load(t.Context(), l.Addr().String(), 4, time.Minute, 0)
	require.ErrorContains(t, err, "404")
	stop()
	require.NoError(t, <-done)
}

func TestAFarServerAnswersLater(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		b := make([]byte, 1)
		if _, err := c.Read(b); err == nil {
			_, _ = c.Write(b)
		}
	}()
	f, err := newFar(l.Addr().String(), 20*time.Millisecond)
	require.NoError(t, err)
	defer f.close()
	c, err := net.Dial("tcp", f.l.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	began := time.Now()
	_, err = c.Write([]byte("x"))
	require.NoError(t, err)
	_, err = c.Read(make([]byte, 1))
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(began), 20*time.Millisecond)
}

func TestARatioIsTheMedianOfTheRounds(t *testing.T) {
	require.Equal(t, 2.0, ratio([]float64{2, 40, 3}, []float64{1, 4, 3}))
	b := &bench{rounds: 3, each: time.Second}
	b.found("fast", "9/s", "plain 3/s", 3, 2.5)
	b.found("slow", "9 ns", "plain 3 ns", 3, -0.5)
	require.True(t, *b.figures[0].Met)
	require.Equal(t, "≤ 0.5", b.figures[1].Goal)
	require.False(t, *b.figures[1].Met)
}
