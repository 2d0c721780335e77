package stripe_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	stripego "github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"

	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// BenchmarkOverBareStripeGo makes the same call over a socket with stripe-go alone and
// with this client, in turn, so that what else the machine does falls on both. It
// reports the medians, and this client's as a multiple of the other's.
func BenchmarkOverBareStripeGo(b *testing.B) {
	fake, err := stripetest.New(stripetest.Config{})
	require.NoError(b, err)
	paid, err := fake.Pay(stripetest.Purchase{Amount: 100, Currency: "eur"})
	require.NoError(b, err)
	server := fake.NewServer()
	defer server.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	ours := newClient(b, stripe.Config{BaseURL: server.URL, Transport: transport})
	backend := stripego.GetBackendWithConfig(stripego.APIBackend, &stripego.BackendConfig{
		URL: &server.URL, HTTPClient: &http.Client{Transport: transport}, MaxNetworkRetries: new(int64(0)),
		EnableTelemetry: new(false), LeveledLogger: &stripego.LeveledLogger{Level: stripego.LevelNull}})
	bare := client.New("sk_test_1", &stripego.Backends{API: backend, Connect: backend, Uploads: backend})

	for name, calls := range map[string]struct{ bare, ours func() error }{
		"read": {
			func() error {
				_, err := bare.PaymentIntents.Get(paid.ID, &stripego.PaymentIntentParams{Params: stripego.Params{Context: b.Context()}})
				return err
			},
			func() error { _, err := ours.PaymentIntents.Get(b.Context(), paid.ID); return err },
		},
		"write": {
			func() error {
				p := &stripego.PaymentIntentParams{Params: stripego.Params{Context: b.Context()}, Description: new("x")}
				p.SetIdempotencyKey("bare")
				_, err := bare.PaymentIntents.Update(paid.ID, p)
				return err
			},
			func() error {
				_, err := ours.PaymentIntents.Update(b.Context(), paid.ID, keyed("ours", &stripe.PaymentIntentParams{Description: new("x")}))
				return err
			},
		},
	} {
		b.Run(name, func(b *testing.B) {
			var spent [2][]time.Duration
			for n := 0; b.Loop(); n++ {
				for i := range 2 {
					i = (i + n) % 2
					call := calls.bare
					if i == 1 {
						call = calls.ours
					}
					began := time.Now()
					if err := call(); err != nil {
						b.Fatal(err)
					}
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
			b.ReportMetric(median[1], "ours-ns/op")
			b.ReportMetric(median[1]/median[0], "ours/bare")
		})
	}
}
