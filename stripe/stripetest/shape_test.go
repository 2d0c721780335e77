package stripetest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/stripe/stripetest"
)

// Every field that the fake answers with is in stripe-mock's fixture of the same
// version and of the same JSON type, and the other way round.
func TestTheFakeAnswersInTheShapesOfTheFixtures(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("COMMERCE_CONTRACTS")
	if dir == "" {
		t.Skip("COMMERCE_CONTRACTS names no directory with the contracts")
	}
	for _, version := range []string{"2023-10-16", stripetest.Newest} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile(filepath.Join(dir, "stripe-data", "fixtures-"+version+".json"))
			require.NoError(t, err)
			var fixtures struct {
				Resources map[string]map[string]any `json:"resources"`
			}
			require.NoError(t, json.Unmarshal(b, &fixtures))

			fake, _, now := start(t, stripetest.Config{APIVersion: version})
			paid, err := fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur"})
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, post(t, fake, "/v1/checkout/sessions",
				"mode=payment&success_url=x&line_items[0][price_data][currency]=eur&line_items[0][price_data][unit_amount]=5&line_items[0][quantity]=1"))
			now.Advance(time.Minute)
			require.Equal(t, http.StatusOK, post(t, fake, "/v1/refunds", "amount=1&payment_intent="+paid.ID))
			_, err = fake.Dispute(fake.Charges()[0].ID, stripetest.Claim{Inquiry: true})
			require.NoError(t, err)
			now.Advance(7 * 24 * time.Hour)
			require.Len(t, fake.PayOut(), 1)
			for object, path := range map[string]string{
				"payment_intent": "payment_intents", "charge": "charges?expand[]=data.refunds", "checkout.session": "checkout/sessions",
				"refund": "refunds", "dispute": "disputes", "payout": "payouts", "balance_transaction": "balance_transactions", "event": "events", "balance": "balance",
			} {
				got := get(t, fake, "/v1/"+path, version)
				if data, ok := got["data"].([]any); ok {
					require.NotEmpty(t, data, object)
					got = data[0].(map[string]any)
				}
				want := fixtures.Resources[object]
				require.NotEmpty(t, want)
				for name := range want {
					require.True(t, absent[object+"."+name] || contains(got, name), "%s.%s is in the fixture only", object, name)
				}
				for name, v := range got {
					wanted, ok := want[name]
					require.True(t, ok, "%s.%s is in no fixture", object, name)
					if v != nil && wanted != nil {
						require.IsType(t, wanted, v, "%s.%s", object, name)
					}
				}
			}
		})
	}
}

// absent are members of the fixtures that the fake's objects do not have, as most of
// Stripe's do not.
var absent = map[string]bool{
	"balance.connect_reserved": true, // of platforms only
	"charge.source":            true, // of the old API of cards
	"payment_intent.source":    true, // likewise; the document does not have it
}

func contains(m map[string]any, name string) bool {
	_, ok := m[name]
	return ok
}

func get(t *testing.T, fake *stripetest.Fake, path, version string) (out map[string]any) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
	r.Header.Set("Authorization", "Bearer sk")
	r.Header.Set("Stripe-Version", version)
	w := httptest.NewRecorder()
	fake.ServeHTTP(w, r)
	require.Equal(t, http.StatusOK, w.Code)
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &out))
	return out
}
