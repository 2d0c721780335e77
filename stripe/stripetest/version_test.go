package stripetest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// endpoint sets up a webhook endpoint and returns its id and secret.
func endpoint(t *testing.T, fake *stripetest.Fake, form string) (id, secret string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/webhook_endpoints", strings.NewReader("url=https://shop.example/hooks&"+form))
	r.Header.Set("Authorization", "Bearer sk")
	w := httptest.NewRecorder()
	fake.ServeHTTP(w, r)
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	var made struct{ ID, Secret string }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &made))
	return made.ID, made.Secret
}

// bodies returns the objects of the events that are to be delivered, by type, and
// checks signature and version.
func bodies(t *testing.T, fake *stripetest.Fake, now func() time.Time, id, secret, version string) map[string]map[string]any {
	t.Helper()
	verifier, err := stripe.Webhook(stripe.WebhookConfig{Secrets: commerce.Static([]commerce.Secret{commerce.NewSecret(secret)}), Now: now})
	require.NoError(t, err)
	out := map[string]map[string]any{}
	for d := range fake.Deliveries(stripetest.DeliveryOptions{Endpoint: id}) {
		_, err := verifier.Verify(t.Context(), d.Header, d.Body)
		require.NoError(t, err)
		var e struct {
			APIVersion string `json:"api_version"`
			Data       struct{ Object map[string]any }
		}
		require.NoError(t, json.Unmarshal(d.Body, &e))
		require.Equal(t, version, e.APIVersion)
		out[d.Type] = e.Data.Object
	}
	return out
}

// What each version says and the others do not.
var shapes = map[string]struct{ has, lacks []string }{
	"2022-08-01":      {has: []string{"charges", "invoice"}, lacks: []string{"latest_charge"}},
	"2022-11-15":      {has: []string{"latest_charge", "invoice"}, lacks: []string{"charges"}},
	"2023-10-16":      {has: []string{"latest_charge", "invoice"}, lacks: []string{"charges"}},
	stripetest.Newest: {has: []string{"latest_charge", "excluded_payment_method_types"}, lacks: []string{"charges", "invoice"}},
}

func TestAnEndpointsVersionDecidesTheShapeOfItsEventsAndTheHeaderThatOfAnAnswer(t *testing.T) {
	t.Parallel()
	for _, account := range []string{"2023-10-16", stripetest.Newest} {
		fake, _, now := start(t, stripetest.Config{APIVersion: account})
		type receiver struct{ id, secret, version string }
		receivers := []receiver{{"", "whsec_fake", account}}
		for version := range shapes {
			id, secret := endpoint(t, fake, "enabled_events[]=*&api_version="+version)
			receivers = append(receivers, receiver{id, secret, version})
		}
		id, secret := endpoint(t, fake, "enabled_events[]=payment_intent.succeeded")
		receivers = append(receivers, receiver{id, secret, account})
		paid, err := fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur"})
		require.NoError(t, err)

		for _, r := range receivers {
			events := bodies(t, fake, now.Now, r.id, r.secret, r.version)
			require.Contains(t, events, "payment_intent.succeeded")
			require.Equal(t, r.id != id, events["charge.succeeded"] != nil, "an endpoint gets what it was set up for")
			for _, object := range []map[string]any{events["payment_intent.succeeded"], get(t, fake, "/v1/payment_intents/"+paid.ID, r.version)} {
				for _, name := range shapes[r.version].has {
					require.Contains(t, object, name, r.version)
				}
				for _, name := range shapes[r.version].lacks {
					require.NotContains(t, object, name, r.version)
				}
			}
		}
	}
}

// An event is written when it happens: neither a new version of the endpoint nor what
// becomes of the object changes it. Each endpoint takes it for itself.
func TestAnEventIsDeliveredWhenEveryEndpointHasTakenIt(t *testing.T) {
	t.Parallel()
	fake, _, _ := start(t, stripetest.Config{})
	old, _ := endpoint(t, fake, "enabled_events[]=*&api_version=2022-08-01")
	second, _ := endpoint(t, fake, "enabled_events[]=charge.succeeded")
	connect, _ := endpoint(t, fake, "enabled_events[]=*&connect=true")
	_, err := fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur"})
	require.NoError(t, err)
	undelivered := func() int {
		return len(get(t, fake, "/v1/events?delivery_success=false", "2023-10-16")["data"].([]any))
	}
	for _, step := range []struct {
		endpoint            string
		events, undelivered int
	}{
		{connect, 0, 3}, {old, 3, 1}, {old, 0, 1}, {second, 1, 0}, {"", 0, 0},
	} {
		shop := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		done, err := fake.Deliver(t.Context(), shop.URL, stripetest.DeliveryOptions{Endpoint: step.endpoint})
		shop.Close()
		require.NoError(t, err)
		require.Equal(t, step.events, done.Events)
		require.Equal(t, step.undelivered, undelivered())
	}
	_, err = fake.Deliver(t.Context(), "https://shop.example", stripetest.DeliveryOptions{Endpoint: "we_none"})
	require.ErrorIs(t, err, commerce.ErrInvalid)
}

func TestAVersionThatThereIsNotIsRefused(t *testing.T) {
	t.Parallel()
	fake, _, _ := start(t, stripetest.Config{})
	for _, version := range []string{"tulips", "2023-13-01", "2031-01-01.dahlia"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/charges", http.NoBody)
		r.Header.Set("Authorization", "Bearer sk")
		r.Header.Set("Stripe-Version", version)
		w := httptest.NewRecorder()
		fake.ServeHTTP(w, r)
		require.Equal(t, http.StatusBadRequest, w.Code, version)
		require.Equal(t, http.StatusBadRequest, post(t, fake, "/v1/webhook_endpoints", "url=https://shop.example&enabled_events[]=*&api_version="+version))
	}
}
