package connection_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/nopshop"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
)

// nop is a nopCommerce and a program's connection to it.
type nop struct {
	far    nopcommercetest.Config
	shop   *nopcommercetest.Shop
	login  nopcommerce.Login
	client nopcommerce.Config
	config nopshop.Config
	check  nopshop.CheckConfig
	begun  func(*nop)
}

func nopAt(edit func(*nop)) func(t *testing.T) commerce.Findings {
	return func(t *testing.T) commerce.Findings {
		n := &nop{}
		n.far.Email, n.far.Password = "sync@shop.test", commerce.NewSecret(secretPart)
		n.login = nopcommerce.Login{Email: n.far.Email, Password: n.far.Password}
		n.client = nopcommerce.Config{BaseURL: "https://shop.test"}
		n.client.Resilience.Retry.Attempts = 1
		n.config = nopshop.Config{Account: "main", Currency: "USD", Mode: commerce.Test}
		n.check = nopshop.CheckConfig{StripeAccount: "acct_1", Routes: mapping.Routes{{Name: "us", Store: "1", Currency: "USD", Mode: commerce.Test}}}
		if edit != nil {
			edit(n)
		}
		var err error
		n.shop, err = nopcommercetest.New(n.far)
		require.NoError(t, err)
		if n.client.Transport == nil {
			n.client.Transport = n.shop.Transport()
		}
		n.client.Credentials = commerce.Static(n.login)
		if n.begun != nil {
			n.begun(n)
		}
		client, err := nopcommerce.NewClient(n.client)
		require.NoError(t, err)
		shop, err := nopshop.New(client, n.config)
		require.NoError(t, err)
		return shop.Check(t.Context(), n.check)
	}
}

func TestAMisconfiguredNopCommerceIsNamed(t *testing.T) {
	t.Parallel()
	placed := func(n *nop) {
		if _, err := n.shop.Place(nopcommercetest.NewOrder{Items: []nopcommercetest.NewItem{{SKU: "CUP", Qty: 2, Price: "9.99"}}, TaxPercent: "7"}); err != nil {
			panic(err)
		}
	}
	stores := []nopcommercetest.Store{{ID: 1, Name: new("US")}, {ID: 2, Name: new("EU")}}
	proves(t, []planted{
		{"nothing", nil, nopAt(nil)},
		{"an order that adds up", nil, nopAt(func(n *nop) { n.begun = placed })},
		{"an order that does not add up", []string{"order_unreadable 1"}, nopAt(func(n *nop) {
			n.begun = func(n *nop) {
				placed(n)
				if err := n.shop.Quietly(1, func(o *nopcommercetest.Order) { o.OrderTotal = 990_000 }); err != nil {
					panic(err)
				}
			}
		})},
		{"a wrong password", []string{"nop_login_refused"}, nopAt(func(n *nop) { n.login.Password = commerce.NewSecret("old" + secretPart) })},
		{"no Access Web API Backend", []string{"nop_access_missing"}, nopAt(func(n *nop) { n.begun = func(n *nop) { n.shop.SetAccess(false) } })},
		{"developer mode", []string{"nop_open"}, nopAt(func(n *nop) { n.far.DeveloperMode = true })},
		{"another primary currency", []string{"currency_mismatch"}, nopAt(func(n *nop) { n.config.Currency, n.check.Routes[0].Currency = "EUR", "EUR" })},
		{"a currency without decimals", []string{"currency_decimals JPY"}, nopAt(func(n *nop) {
			n.config.Currency, n.check.Routes[0].Currency = "JPY", "JPY"
			n.far.Currencies = []nopcommercetest.NewCurrency{{Code: "JPY", Rate: "1"}}
		})},
		{"two stores and one route", []string{"store_without_route 2"}, nopAt(func(n *nop) {
			n.far.Stores = stores
		})},
		{"a store that is left out", nil, nopAt(func(n *nop) {
			n.far.Stores, n.check.Without = stores, []nopcommerce.ID{2}
		})},
		{"routes of the other mode", []string{"mode_mismatch 1"}, nopAt(func(n *nop) { n.check.Routes[0].Mode = commerce.Live })},
		{"the other API", []string{"address_of_nothing"}, nopAt(func(n *nop) { n.far.API = nopcommercetest.Community })},
		{"a cache before the API", []string{"answer_cached"}, nopAt(func(n *nop) {
			n.far.CDN, n.far.CDNIgnoresQuery = time.Hour, true
			now, later := time.Now(), time.Duration(0)
			n.far.Now = func() time.Time { later += time.Second; return now.Add(later) }
		})},
		{"a clock that is off", []string{"clock_skew"}, nopAt(func(n *nop) { n.far.ClockOff = 2 * time.Minute })},
		{"a redirect", []string{"redirected"}, nopAt(func(n *nop) { n.client.Transport = inside{http.RedirectHandler("https://www.shop.test/", 301)} })},
		{"a shop that is down", []string{"maintenance"}, nopAt(func(n *nop) { n.client.Transport = inside{status(503)} })},
		{"a shop without TLS", []string{"https_missing"}, nopAt(func(n *nop) { n.client.BaseURL = "http://shop.example" })},
	})
}
