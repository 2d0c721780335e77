package stripetest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/stripe/stripetest"
)

// Requests per second over loopback TCP, of the fake and of a handler that answers
// every request with the same three kilobytes: the fake's own share is the difference.
//
//	go test -run '^$' -bench Requests -benchtime 20000x ./stripe/stripetest
func BenchmarkRequests(b *testing.B) {
	const connections = 32
	fake, err := stripetest.New(stripetest.Config{MaxCalls: 1000})
	require.NoError(b, err)
	same := []byte(`{"id":"pi_1","filler":"` + strings.Repeat("x", 3000) + `"}`)
	for _, side := range []struct {
		name string
		far  http.Handler
	}{
		{"bare", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = w.Write(same)
		})},
		{"fake", fake},
	} {
		b.Run(side.name, func(b *testing.B) {
			server := httptest.NewServer(side.far)
			defer server.Close()
			transport := &http.Transport{MaxIdleConnsPerHost: connections}
			defer transport.CloseIdleConnections()
			c := &http.Client{Transport: transport}
			send := func(method, path, form string) string {
				r, err := http.NewRequestWithContext(b.Context(), method, server.URL+path, strings.NewReader(form))
				if err != nil {
					b.Error(err)
					return ""
				}
				r.Header.Set("Authorization", "Bearer sk_test_1")
				resp, err := c.Do(r)
				if err != nil {
					b.Error(err)
					return ""
				}
				body, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if err != nil || resp.StatusCode != http.StatusOK {
					b.Errorf("%s %s: %d %v %s", method, path, resp.StatusCode, err, body)
				}
				return string(body)
			}
			var n atomic.Int64
			b.ReportAllocs()
			b.SetParallelism(connections / runtime.GOMAXPROCS(0))
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				id := ""
				for pb.Next() {
					n := n.Add(1)
					switch {
					case id == "":
						made := send(http.MethodPost, "/v1/payment_intents", "amount=1000&currency=eur&metadata[order]="+strconv.FormatInt(n, 10))
						var i struct{ ID string }
						if err := json.Unmarshal([]byte(made), &i); err != nil {
							b.Error(err)
						}
						id = i.ID
					case n%8 == 0:
						send(http.MethodGet, "/v1/charges?limit=10", "")
					case n%2 == 0:
						send(http.MethodGet, "/v1/payment_intents/"+id, "")
					default:
						send(http.MethodPost, "/v1/payment_intents/"+id+"/confirm", "payment_method=pm_card_visa")
						id = ""
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}

// What the fake keeps of a charge: intent, charge, balance transaction, and events.
func BenchmarkMemoryOfACharge(b *testing.B) {
	fake, err := stripetest.New(stripetest.Config{MaxCalls: 1000})
	require.NoError(b, err)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for range b.N {
		if _, err := fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur"}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(heap()-before)/float64(b.N), "bytes/charge")
	runtime.KeepAlive(fake)
}
