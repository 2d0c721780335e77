package connection_test

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/magentoshop"
)

// magentoStore is a Magento, a program's connection to it, and the routes of its books.
type magentoStore struct {
	far    magentotest.Config
	shop   *magentotest.Shop
	keys   magento.Keys
	client magento.Config
	config magentoshop.Config
	check  magentoshop.CheckConfig
	begun  func(*magentoStore)
}

var cashRights = []string{"Magento_Sales::actions_view", "Magento_Sales::comment", "Magento_Sales::hold", "Magento_Sales::unhold", "Magento_Sales::invoice",
	"Magento_Sales::sales_invoice", "Magento_Sales::ship", "Magento_Sales::shipment", "Magento_Backend::store"}

func secretKeys() magento.Keys {
	long := func(s string) string { return (s + secretPart + strings.Repeat("x", 32))[:32] }
	return magento.Keys{ConsumerKey: long("ck"), ConsumerSecret: commerce.NewSecret(long("cs")), AccessToken: commerce.NewSecret(long("at")), AccessTokenSecret: commerce.NewSecret(long("as"))}
}

func magentoAt(edit func(*magentoStore)) func(t *testing.T) commerce.Findings {
	return func(t *testing.T) commerce.Findings {
		m := &magentoStore{keys: secretKeys()}
		m.far.Integrations = []magentotest.Integration{{Keys: m.keys, Rights: slices.Clone(cashRights)}}
		m.far.Stores = magentotest.DefaultStores()[:3]
		m.client = magento.Config{BaseURL: "https://shop.test"}
		m.client.Resilience.Retry.Attempts = 1
		m.config = magentoshop.Config{Account: "main", Mode: commerce.Test}
		m.check = magentoshop.CheckConfig{StripeAccount: "acct_1", Routes: mapping.Routes{{Name: "us", Website: "Main Website", Mode: commerce.Test}, {Name: "eu", Website: "Europe", Currency: "EUR", Mode: commerce.Test}}}
		if edit != nil {
			edit(m)
		}
		var err error
		m.shop, err = magentotest.New(m.far)
		require.NoError(t, err)
		if m.client.Transport == nil {
			m.client.Transport = m.shop.Transport()
		}
		m.client.Credentials = commerce.Static(m.keys)
		if m.begun != nil {
			m.begun(m)
		}
		client, err := magento.NewClient(m.client)
		require.NoError(t, err)
		shop, err := magentoshop.New(client, m.config)
		require.NoError(t, err)
		return shop.Check(t.Context(), m.check)
	}
}

func lacks(right string) func(*magentoStore) {
	return func(m *magentoStore) {
		rights := m.far.Integrations[0].Rights
		m.far.Integrations[0].Rights = slices.DeleteFunc(rights, func(r string) bool { return r == right })
	}
}

func TestAMisconfiguredMagentoIsNamed(t *testing.T) {
	t.Parallel()
	dated := func(by time.Duration) func(*magentoStore) {
		return func(m *magentoStore) {
			m.far.Now = func() time.Time { return time.Now().Add(by) }
		}
	}
	proves(t, []planted{
		{"nothing", nil, magentoAt(nil)},
		{"an order that adds up", nil, magentoAt(func(m *magentoStore) {
			m.begun = func(m *magentoStore) {
				_, err := m.shop.Place(magentotest.NewOrder{Items: []magentotest.NewItem{{SKU: "CUP", Price: "10"}}, PaymentMethod: "stripe_payments"})
				if err != nil {
					panic(err)
				}
			}
		})},
		{"an order that does not add up", []string{"order_unreadable 1"}, magentoAt(func(m *magentoStore) {
			m.begun = func(m *magentoStore) {
				_, err := m.shop.Place(magentotest.NewOrder{Items: []magentotest.NewItem{{SKU: "CUP", Price: "10"}}, PaymentMethod: "stripe_payments"})
				if err != nil {
					panic(err)
				}
				next := m.client.Transport
				m.client.Transport = trip(func(r *http.Request) (*http.Response, error) {
					resp, err := next.RoundTrip(r)
					if err != nil || !strings.HasSuffix(r.URL.Path, "/orders/1") {
						return resp, err
					}
					b, err := io.ReadAll(resp.Body)
					b = regexp.MustCompile(`"subtotal":[0-9.]+`).ReplaceAll(b, []byte(`"subtotal":7.77`))
					resp.Body = io.NopCloser(bytes.NewReader(b))
					return resp, err
				})
			}
		})},
		{"a consumer key of another shop", []string{"magento_consumer_unknown"}, magentoAt(func(m *magentoStore) { m.keys.ConsumerKey = strings.Repeat("k", 32) })},
		{"a consumer key that is cut", []string{"magento_consumer_unknown"}, magentoAt(func(m *magentoStore) { m.keys.ConsumerKey = m.keys.ConsumerKey[:20] })},
		{"an access token that was replaced", []string{"magento_token_unknown"}, magentoAt(func(m *magentoStore) { m.keys.AccessToken = commerce.NewSecret(strings.Repeat("o", 32)) })},
		{"a wrong secret", []string{"magento_signature_refused"}, magentoAt(func(m *magentoStore) { m.keys.AccessTokenSecret = commerce.NewSecret(strings.Repeat("o", 32)) })},
		{"three keys of four", []string{"magento_keys_mixed"}, magentoAt(func(m *magentoStore) { m.keys.AccessTokenSecret = commerce.Secret{} })},
		{"an access token as bearer", []string{"magento_bearer_disabled"}, magentoAt(func(m *magentoStore) { m.keys = magento.Keys{Bearer: m.keys.AccessToken} })},
		{"an admin with two factors", []string{"magento_two_factor"}, magentoAt(func(m *magentoStore) {
			m.far.Admins, m.far.TwoFactor = map[string]string{"admin": secretPart}, true
			m.keys = magento.Keys{Username: "admin", Password: commerce.NewSecret(secretPart)}
		})},
		{"an admin's wrong password", []string{"magento_login_refused"}, magentoAt(func(m *magentoStore) {
			m.far.Admins = map[string]string{"admin": "other"}
			m.keys = magento.Keys{Username: "admin", Password: commerce.NewSecret(secretPart)}
		})},
		{"no right to read orders", []string{"right_missing Magento_Sales::actions_view"}, magentoAt(lacks("Magento_Sales::actions_view"))},
		{"no right to invoice", []string{"right_missing Magento_Sales::invoice"}, magentoAt(lacks("Magento_Sales::invoice"))},
		{"no right to ship", []string{"right_missing Magento_Sales::ship"}, magentoAt(lacks("Magento_Sales::ship"))},
		{"no right to remark", []string{"right_missing Magento_Sales::comment"}, magentoAt(lacks("Magento_Sales::comment"))},
		{"no right to see stores", []string{"right_missing Magento_Backend::store"}, magentoAt(lacks("Magento_Backend::store"))},
		{"refunds without the right to", []string{"right_missing Magento_Sales::creditmemo", "right_missing Magento_Sales::sales_creditmemo"},
			magentoAt(func(m *magentoStore) { m.check.Uses = []magentoshop.Use{magentoshop.UseRefunds} })},
		{"every right", []string{"rights_surplus"}, magentoAt(func(m *magentoStore) { m.far.Integrations[0].Rights = nil })},
		{"returns of an edition without", []string{"module_missing Magento_Rma::rma"}, magentoAt(func(m *magentoStore) { m.check.Uses = []magentoshop.Use{magentoshop.UseReturns} })},
		{"a store without a route", []string{"store_without_route default"}, magentoAt(func(m *magentoStore) { m.check.Routes = m.check.Routes[1:] })},
		{"a store that is left out", nil, magentoAt(func(m *magentoStore) {
			m.check.Routes, m.check.Without = m.check.Routes[1:], []string{"default"}
		})},
		{"routes of the other mode", []string{"mode_mismatch default"}, magentoAt(func(m *magentoStore) { m.check.Routes[0].Mode = commerce.Live })},
		{"a currency without decimals", []string{"currency_decimals jpy"}, magentoAt(func(m *magentoStore) { m.far.Stores = magentotest.DefaultStores() })},
		{"a store code that does not exist", []string{"store_unknown"}, magentoAt(func(m *magentoStore) { m.client.Store = "nowhere" })},
		{"an address without API", []string{"address_of_nothing"}, magentoAt(func(m *magentoStore) { m.client.Transport = inside{http.NotFoundHandler()} })},
		{"maintenance", []string{"maintenance"}, magentoAt(func(m *magentoStore) { m.begun = func(m *magentoStore) { m.shop.Fail(magentotest.Maintenance()) } })},
		{"a shop that fell over", []string{"unavailable"}, magentoAt(func(m *magentoStore) { m.begun = func(m *magentoStore) { m.shop.Fail(magentotest.ReportID()) } })},
		{"a redirect to another host", []string{"redirected"}, magentoAt(func(m *magentoStore) {
			m.client.Transport = inside{http.RedirectHandler("https://www.shop.test/", 301)}
		})},
		{"a clock that is ahead here", []string{"clock_skew"}, magentoAt(dated(-3 * time.Minute))},
		{"a shop without TLS", []string{"https_missing"}, magentoAt(func(m *magentoStore) { m.client.BaseURL = "http://shop.example" })},
	})
}

func TestNoRightIsAskedForWithAnEffect(t *testing.T) {
	t.Parallel()
	shop, err := magentotest.New(magentotest.Config{AdobeCommerce: true})
	require.NoError(t, err)
	id, err := shop.Place(magentotest.NewOrder{Items: []magentotest.NewItem{{SKU: "CUP", Price: "10"}}})
	require.NoError(t, err)
	before, _ := shop.Order(id)
	client, err := magento.NewClient(magento.Config{BaseURL: "https://shop.test", Credentials: commerce.Static(shop.Keys()), Transport: shop.Transport()})
	require.NoError(t, err)
	for _, right := range magento.Rights() {
		has, err := client.Has(t.Context(), right)
		require.NoError(t, err, right)
		require.True(t, has, right)
	}
	after, _ := shop.Order(id)
	require.Equal(t, before, after)
	require.Equal(t, []int64{id}, shop.OrderIDs())
	_, err = client.Has(t.Context(), "Magento_Everything::all")
	require.ErrorIs(t, err, commerce.ErrInvalid)
}
