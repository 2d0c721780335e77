package ingest_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/commercesync/commerce/internal/bench/ingest"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const event = `{"id":"evt_1","object":"event","type":"charge.succeeded","created":1795268453,"livemode":false,"data":{"object":{"id":"ch_1","object":"charge"}}}`

// served serves a file until the returned function is called.
func served(t *testing.T, c ingest.Config) (url string, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, end := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- ingest.Serve(ctx, l, c) }()
	return "http://" + l.Addr().String(), func() {
		end()
		require.NoError(t, <-done)
	}
}

func post(t *testing.T, client *http.Client, url, body, signature string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/hooks/stripe", strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set(stripe.SignatureHeader, signature)
	resp, err := client.Do(r)
	require.NoError(t, err)
	resp.Body.Close()
	return resp.StatusCode
}

func stats(t *testing.T, client *http.Client, url string) (s ingest.Stats) {
	t.Helper()
	resp, err := client.Get(url + "/stats")
	require.NoError(t, err)
	defer resp.Body.Close()
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&s))
	return s
}

func TestAnEventIsStoredOnceAndHandledOnceAlsoAfterARestart(t *testing.T) {
	t.Parallel()
	c := ingest.Config{DB: filepath.Join(t.TempDir(), "store.db"), Secret: "whsec_1", Workers: 4}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	url, stop := served(t, c)
	signature := stripetest.Sign(time.Now(), []byte(event), c.Secret)
	require.Equal(t, http.StatusUnauthorized, post(t, client, url, event, "t=1,v1=00"))
	require.Equal(t, http.StatusOK, post(t, client, url, event, signature))
	require.Equal(t, http.StatusOK, post(t, client, url, event, signature), "a repetition is acknowledged")
	require.Equal(t, int64(1), stats(t, client, url).Stored)
	require.Eventually(t, func() bool { return stats(t, client, url).Handled == 1 }, 10*time.Second, 5*time.Millisecond)
	stop()
	url, stop = served(t, c)
	require.Equal(t, ingest.Stats{Stored: 1, Handled: 1}, stats(t, client, url))
	stop()
}
