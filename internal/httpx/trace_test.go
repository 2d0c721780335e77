package httpx_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/internal/httpx"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestACallThatEndsBeforeItHasAConnectionIsNotSent(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-gone }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(gone) })
	for name, tc := range map[string]struct {
		next    func(cancel func()) http.RoundTripper
		before  bool // the caller gave up
		notSent bool
	}{
		"given up before": {func(func()) http.RoundTripper { return http.DefaultTransport }, true, true},
		"given up while connecting": {func(cancel func()) http.RoundTripper {
			return &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
				cancel()
				<-t.Context().Done()
				return nil, context.Canceled
			}}
		}, false, true},
		"given up while waiting": {func(cancel func()) http.RoundTripper {
			return &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
				return writes{c, cancel}, err
			}}
		}, false, false},
		"a transport that reports nothing": {func(cancel func()) http.RoundTripper {
			return roundTrip(func(*http.Request) (*http.Response, error) { cancel(); return nil, context.Canceled })
		}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if tc.before {
				cancel()
			}
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, strings.NewReader("x"))
			require.NoError(t, err)
			_, err = httpx.Traced(tc.next(cancel)).RoundTrip(r)
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, tc.notSent, httpx.NotSent(err))
		})
	}
	answer := &http.Response{}
	got, err := httpx.Traced(roundTrip(func(*http.Request) (*http.Response, error) { return answer, nil })).
		RoundTrip(httptest.NewRequest(http.MethodGet, "/", nil))
	require.NoError(t, err)
	require.Same(t, answer, got)
	_, err = httpx.Traced(roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("x") })).
		RoundTrip(httptest.NewRequest(http.MethodGet, "/", nil))
	require.False(t, httpx.NotSent(err))
}

// writes calls its function once something was written.
type writes struct {
	net.Conn
	then func()
}

func (w writes) Write(b []byte) (int, error) {
	n, err := w.Conn.Write(b)
	w.then()
	return n, err
}
