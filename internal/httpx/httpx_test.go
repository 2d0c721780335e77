package httpx_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/commercesync/commerce/internal/httpx"
	"github.com/stretchr/testify/require"
)

type says bool

func (s says) Error() string { return "says" }
func (s says) NotSent() bool { return bool(s) }

func TestNotSent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"nil":                {nil, false},
		"a name lookup":      {&url.Error{Err: &net.DNSError{}}, true},
		"a refused dial":     {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true},
		"a reset read":       {&net.OpError{Op: "read", Err: syscall.ECONNRESET}, false},
		"a write":            {&net.OpError{Op: "write", Err: syscall.EPIPE}, false},
		"a bad certificate":  {&tls.CertificateVerificationError{Err: io.EOF}, true},
		"a time-out":         {context.DeadlineExceeded, false},
		"a cut answer":       {io.ErrUnexpectedEOF, false},
		"one that says so":   {fmt.Errorf("x: %w", says(true)), true},
		"one that says no":   {errors.Join(says(false), &net.OpError{Op: "dial", Err: io.EOF}), false},
		"an unknown failure": {errors.New("x"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, httpx.NotSent(c.err))
		})
	}
}

func TestNotSentOverRealConnections(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	secure.Config.ErrorLog = nil
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	_, err := client.Get(secure.URL)
	require.True(t, httpx.NotSent(err), "an unknown authority: %v", err)

	lost := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	_, err = client.Post(lost.URL, "text/plain", strings.NewReader("x"))
	require.Error(t, err)
	require.False(t, httpx.NotSent(err), "the request arrived: %v", err)
	lost.Close()
	_, err = client.Get(lost.URL)
	require.True(t, httpx.NotSent(err), "nobody listens: %v", err)
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"": 0, "5": 5 * time.Second, " 5 ": 5 * time.Second, "-5": 0, "x": 0, "1.5": 0,
		"99999999999": 24 * time.Hour,
		now.Add(time.Minute).Format(http.TimeFormat):  time.Minute,
		now.AddDate(50, 0, 0).Format(http.TimeFormat): 24 * time.Hour,
		now.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		require.Equal(t, want, httpx.RetryAfter(http.Header{"Retry-After": {v}}, now), v)
	}
}

func TestABodyIsReadToItsBound(t *testing.T) {
	t.Parallel()
	b, err := httpx.ReadAll(strings.NewReader("12345"), 5)
	require.NoError(t, err)
	require.Equal(t, "12345", string(b))
	var large *httpx.TooLargeError
	_, err = httpx.ReadAll(strings.NewReader("123456"), 5)
	require.ErrorAs(t, err, &large)
	require.EqualValues(t, 5, large.Max)
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		require.NoError(t, httpx.Wait(ctx, 500*time.Millisecond))
		require.ErrorIs(t, httpx.Wait(ctx, time.Hour), context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(start))
		require.Error(t, httpx.Wait(ctx, 0))
	})
}
