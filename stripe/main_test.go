package stripe_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/clock"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// contract reads a file of the contracts, or skips the test where they are not at hand.
func contract(t testing.TB, name string) []byte {
	t.Helper()
	dir := os.Getenv("COMMERCE_CONTRACTS")
	if dir == "" {
		t.Skip("COMMERCE_CONTRACTS names no directory with the contracts")
	}
	b, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	return b
}

func newClock() *clock.Manual { return clock.At(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)) }

// start returns a fake and a client of it that does not wait between attempts.
func start(t testing.TB, config stripetest.Config) (*stripetest.Fake, *stripe.Client, *clock.Manual) {
	t.Helper()
	now := newClock()
	config.Now = now.Now
	fake, err := stripetest.New(config)
	require.NoError(t, err)
	return fake, newClient(t, stripe.Config{Transport: fake.Transport(), Now: now.Now}), now
}

func newClient(t testing.TB, c stripe.Config) *stripe.Client {
	t.Helper()
	if c.Credentials == nil {
		c.Credentials = commerce.Static(commerce.NewSecret("sk_test_1"))
	}
	if c.Resilience.Retry.Attempts == 0 {
		c.Resilience.Retry = resilience.Retry{Attempts: 3, Initial: time.Millisecond, Max: time.Second, Budget: 1}
	}
	client, err := stripe.NewClient(c)
	require.NoError(t, err)
	return client
}

func keyed(key string, p *stripe.PaymentIntentParams) *stripe.PaymentIntentParams {
	p.SetIdempotencyKey(key)
	return p
}

func TestNewClientNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	key := commerce.Static(commerce.NewSecret("sk_test_1"))
	for _, tc := range []struct {
		name   string
		config stripe.Config
		field  string
	}{
		{"no credentials", stripe.Config{}, "Credentials"},
		{"an account that is none", stripe.Config{Credentials: key, Account: "shop"}, "Account"},
		{"a base URL without a host", stripe.Config{Credentials: key, BaseURL: "api.stripe.com"}, "BaseURL"},
		{"a base URL with a password", stripe.Config{Credentials: key, BaseURL: "https://a:b@api.stripe.com"}, "BaseURL"},
		{"a negative bound", stripe.Config{Credentials: key, MaxBody: -1}, "MaxBody"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := stripe.NewClient(tc.config)
			require.ErrorIs(t, err, commerce.ErrInvalid)
			require.ErrorContains(t, err, tc.field)
		})
	}
}
