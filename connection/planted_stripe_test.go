package connection_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

const hook = "https://sync.example/hooks/stripe"

var handled = []string{"charge.succeeded", "charge.refunded", "payment_intent.succeeded"}

// account is a Stripe account with an endpoint, a program's connection to it, and the
// receiver of its webhooks. What a test changes before check is planted.
type account struct {
	t        *testing.T
	key      string
	fake     stripetest.Config
	far      *stripetest.Fake
	pay      stripepay.Config
	check    stripepay.CheckConfig
	receiver stripe.WebhookConfig
	client   stripe.Config
	admin    *stripe.Client // the merchant at the Dashboard
}

// restricted are the rights of a key that collects and keeps books.
var restricted = []string{"GET /v1/balance", "GET /v1/balance_transactions", "GET /v1/charges", "GET /v1/payment_intents", "GET /v1/checkout/sessions",
	"POST /v1/checkout/sessions", "GET /v1/disputes", "GET /v1/events", "GET /v1/payouts", "GET /v1/webhook_endpoints", "GET /v1/account"}

// may lets through what a restricted key has the right to.
func may(next http.RoundTripper, rights []string) http.RoundTripper {
	return trip(func(r *http.Request) (*http.Response, error) {
		key, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !strings.HasPrefix(key, "rk_") || slices.ContainsFunc(rights, func(right string) bool {
			method, path, _ := strings.Cut(right, " ")
			return r.Method == method && strings.HasPrefix(r.URL.Path, path) && (path != "/v1/balance" || r.URL.Path == path)
		}) {
			return next.RoundTrip(r)
		}
		return inside{http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"error":{"type":"invalid_request_error","message":"The provided key does not have the required permissions for this endpoint"}}`)
		})}.RoundTrip(r)
	})
}

func stripeAccount(t *testing.T, edit func(*account)) *account {
	t.Helper()
	a := &account{t: t, key: "rk_test_" + secretPart}
	a.fake = stripetest.Config{Account: "acct_1", WebhookSecret: "whsec_" + secretPart}
	a.pay = stripepay.Config{Account: "acct_1", Mode: commerce.Test}
	a.check = stripepay.CheckConfig{Uses: []stripepay.Use{stripepay.UseCollect, stripepay.UseBooks}, Endpoint: stripe.EndpointConfig{URL: hook, Events: handled},
		Secrets: commerce.Static([]commerce.Secret{commerce.NewSecret("whsec_" + secretPart)})}
	a.receiver = stripe.WebhookConfig{Secrets: commerce.Static([]commerce.Secret{commerce.NewSecret("whsec_" + secretPart)}), Account: "acct_1", Mode: commerce.Test}
	rights := restricted
	a.client.Transport = trip(func(r *http.Request) (*http.Response, error) { return may(a.far.Transport(), rights).RoundTrip(r) })
	if edit != nil {
		edit(a)
	}
	var err error
	a.far, err = stripetest.New(a.fake)
	require.NoError(t, err)
	admin, err := stripe.NewClient(stripe.Config{Transport: a.far.Transport(), Credentials: commerce.Static(commerce.NewSecret(orDefault(a.fake.Key, "sk_test_admin")))})
	require.NoError(t, err)
	a.admin = admin
	return a
}

func orDefault(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// endpoint makes the endpoint as a merchant does.
func (a *account) endpoint(edit func(*stripe.WebhookEndpointParams)) *account {
	a.t.Helper()
	p := &stripe.WebhookEndpointParams{URL: new(hook), APIVersion: new(stripe.APIVersion)}
	for _, e := range handled {
		p.EnabledEvents = append(p.EnabledEvents, &e)
	}
	p.SetIdempotencyKey(a.t.Name())
	if edit != nil {
		edit(p)
	}
	_, err := a.admin.WebhookEndpoints.Create(a.t.Context(), p)
	require.NoError(a.t, err)
	return a
}

func (a *account) found() commerce.Findings {
	a.t.Helper()
	a.client.Credentials = commerce.Static(commerce.NewSecret(a.key))
	client, err := stripe.NewClient(a.client)
	require.NoError(a.t, err)
	pay, err := stripepay.New(client, a.pay)
	require.NoError(a.t, err)
	if a.check.Receiver == nil {
		verifier, err := stripe.Webhook(a.receiver)
		require.NoError(a.t, err)
		a.check.Receiver = inside{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err == nil {
				_, err = verifier.Verify(r.Context(), r.Header, body)
			}
			if err != nil {
				w.WriteHeader(http.StatusBadRequest)
			}
		})}
	}
	return pay.Check(a.t.Context(), a.check)
}

func withRights(a *account, edit func([]string) []string) {
	rights := edit(slices.Clone(restricted))
	a.client.Transport = trip(func(r *http.Request) (*http.Response, error) { return may(a.far.Transport(), rights).RoundTrip(r) })
}

func answered(a *account, h http.Handler) { a.client.Transport = inside{h} }

func TestAMisconfiguredStripeAccountIsNamed(t *testing.T) {
	t.Parallel()
	lacking := func(right string) func(t *testing.T) commerce.Findings {
		return func(t *testing.T) commerce.Findings {
			return stripeAccount(t, func(a *account) {
				withRights(a, func(r []string) []string { return slices.DeleteFunc(r, func(x string) bool { return x == right }) })
			}).endpoint(nil).found()
		}
	}
	of := func(edit func(*account), endpoint func(*stripe.WebhookEndpointParams)) func(t *testing.T) commerce.Findings {
		return func(t *testing.T) commerce.Findings { return stripeAccount(t, edit).endpoint(endpoint).found() }
	}
	proves(t, []planted{
		{"nothing", nil, of(nil, nil)},
		{"a key that Stripe does not know", []string{"stripe_key_refused"}, of(func(a *account) { a.fake.Key = "sk_test_other" }, nil)},
		{"no key", []string{"auth_refused"}, of(func(a *account) { a.key = "" }, nil)},
		{"a key of the other mode", []string{"mode_mismatch"}, of(func(a *account) { a.fake.Livemode, a.check.Endpoint.URL = true, "" }, nil)},
		{"a key of another account", []string{"other_account"}, of(func(a *account) { a.pay.Account = "acct_2" }, nil)},
		{"a key that lacks a right to read", []string{"right_missing Payouts: read"}, lacking("GET /v1/payouts")},
		{"a key that lacks a right to write", []string{"right_missing Checkout Sessions: write"}, lacking("POST /v1/checkout/sessions")},
		{"a key that may not see the endpoints", []string{"right_missing Webhook Endpoints: read"}, lacking("GET /v1/webhook_endpoints")},
		{"a key that may pay money out", []string{"rights_surplus"}, of(func(a *account) {
			withRights(a, func(r []string) []string { return append(r, "POST /v1/payouts", "POST /v1/transfers") })
		}, nil)},
		{"a secret key in live mode", []string{"rights_surplus"}, of(func(a *account) {
			a.key, a.pay.Mode, a.receiver.Mode, a.fake.Livemode = "sk_live_"+secretPart, commerce.Live, commerce.Live, true
		}, nil)},
		{"no endpoint", []string{"webhook_missing"}, func(t *testing.T) commerce.Findings { return stripeAccount(t, nil).found() }},
		{"an endpoint of another address", []string{"webhook_missing"}, of(nil, func(p *stripe.WebhookEndpointParams) { p.URL = new("https://old.example/hooks/stripe") })},
		{"an endpoint without an event", []string{"webhook_event_missing charge.refunded"}, of(nil, func(p *stripe.WebhookEndpointParams) {
			p.EnabledEvents = slices.DeleteFunc(p.EnabledEvents, func(e *string) bool { return *e == "charge.refunded" })
		})},
		{"an endpoint with all events", []string{"webhook_events_surplus"}, of(nil, func(p *stripe.WebhookEndpointParams) { p.EnabledEvents = []*string{new("*")} })},
		{"an endpoint without a version", []string{"webhook_version"}, of(nil, func(p *stripe.WebhookEndpointParams) { p.APIVersion = nil })},
		{"an endpoint that is disabled", []string{"webhook_disabled"}, func(t *testing.T) commerce.Findings {
			a := stripeAccount(t, nil).endpoint(nil)
			for e, err := range a.admin.WebhookEndpoints.List(t.Context(), nil) {
				require.NoError(t, err)
				p := &stripe.WebhookEndpointParams{Disabled: new(true)}
				p.SetIdempotencyKey("off")
				_, err = a.admin.WebhookEndpoints.Update(t.Context(), e.ID, p)
				require.NoError(t, err)
			}
			return a.found()
		}},
		{"two endpoints", []string{"webhook_twins"}, func(t *testing.T) commerce.Findings {
			return stripeAccount(t, nil).endpoint(nil).endpoint(func(p *stripe.WebhookEndpointParams) { p.SetIdempotencyKey("second") }).found()
		}},
		{"a receiver with another secret", []string{"webhook_secret"}, of(func(a *account) {
			a.receiver.Secrets = commerce.Static([]commerce.Secret{commerce.NewSecret("whsec_old")})
		}, nil)},
		{"a receiver that knows one of two", []string{"webhook_secret"}, of(func(a *account) {
			a.check.Secrets = commerce.Static([]commerce.Secret{commerce.NewSecret("whsec_" + secretPart), commerce.NewSecret("whsec_new")})
		}, nil)},
		{"a receiver of the other mode", []string{"webhook_secret"}, of(func(a *account) { a.receiver.Mode = commerce.Live }, nil)},
		{"a receiver that verifies nothing", []string{"webhook_takes_anything"}, of(func(a *account) { a.check.Receiver = inside{status(200)} }, nil)},
		{"a receiver behind a redirect", []string{"webhook_redirected"}, of(func(a *account) { a.check.Receiver = inside{http.RedirectHandler("/x", 301)} }, nil)},
		{"a receiver at another path", []string{"webhook_path"}, of(func(a *account) { a.check.Receiver = inside{http.NotFoundHandler()} }, nil)},
		{"a receiver whose store is down", []string{"webhook_fails"}, of(func(a *account) { a.check.Receiver = inside{status(503)} }, nil)},
		{"a receiver that nobody reaches", []string{"webhook_unreachable"}, of(func(a *account) {
			a.check.Receiver = trip(func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF })
		}, nil)},
		{"deliveries that fail", []string{"webhook_deliveries_fail"}, func(t *testing.T) commerce.Findings {
			now := time.Now()
			a := stripeAccount(t, func(a *account) { a.fake.Now = func() time.Time { return now } }).endpoint(nil)
			p := &stripe.PaymentIntentParams{Amount: new(int64(100)), Currency: new("eur")}
			p.SetIdempotencyKey("pi")
			pi, err := a.admin.PaymentIntents.Create(t.Context(), p)
			require.NoError(t, err)
			_, err = a.far.PayIntent(pi.ID, stripetest.Card)
			require.NoError(t, err)
			now = now.Add(time.Hour)
			a.check.Now = func() time.Time { return now }
			a.receiver.Now = a.check.Now
			return a.found()
		}},
		{"a proxy in place of Stripe", []string{"not_json"}, of(func(a *account) {
			a.client.Resilience.Retry.Attempts = 1
			answered(a, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Scheme == "http" {
					w.WriteHeader(http.StatusForbidden)
				}
				_, _ = io.WriteString(w, "<html>log in</html>")
			}))
		}, nil)},
		{"a redirect", []string{"redirected"}, of(func(a *account) { answered(a, http.RedirectHandler("https://evil.example/", 302)) }, nil)},
		{"an outage", []string{"unavailable"}, of(func(a *account) { answered(a, status(502)) }, nil)},
		{"a clock that is behind", []string{"clock_skew"}, of(func(a *account) {
			now := time.Now().Add(-3 * time.Minute)
			a.check.Now = func() time.Time { return now }
		}, nil)},
	})
}

func TestARestrictedKeyIsAskedWithoutEffect(t *testing.T) {
	t.Parallel()
	a := stripeAccount(t, nil).endpoint(nil)
	client, err := stripe.NewClient(stripe.Config{Transport: a.far.Transport(), Credentials: commerce.Static(commerce.NewSecret("sk_test_1"))})
	require.NoError(t, err)
	before := a.far.Events()
	for _, right := range stripe.Rights() {
		has, err := client.Has(t.Context(), right)
		require.NoError(t, err, right)
		require.True(t, has, right)
	}
	require.Equal(t, len(before), len(a.far.Events()))
	require.Empty(t, a.far.PaymentIntents())
	_, err = client.Has(t.Context(), "Everything: write")
	require.ErrorIs(t, err, commerce.ErrInvalid)
}
