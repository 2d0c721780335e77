package connection_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp/erpnext"
	"github.com/commercesync/commerce/erp/odoo"
	"github.com/commercesync/commerce/erp/tryton"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/stripe"
)

// Whatever a system redirects to, no client goes there, with credentials or without.
func TestNoCredentialsFollowARedirect(t *testing.T) {
	t.Parallel()
	secret := commerce.NewSecret(secretPart)
	for name, ping := range map[string]func(http.RoundTripper) (func(context.Context) error, error){
		"stripe": func(rt http.RoundTripper) (func(context.Context) error, error) {
			c, err := stripe.NewClient(stripe.Config{BaseURL: "https://home.test", Transport: rt, Credentials: commerce.Static(secret)})
			return c.Ping, err
		},
		"magento": func(rt http.RoundTripper) (func(context.Context) error, error) {
			c, err := magento.NewClient(magento.Config{BaseURL: "https://home.test", Transport: rt, Credentials: commerce.Static(secretKeys())})
			return c.Ping, err
		},
		"nopcommerce": func(rt http.RoundTripper) (func(context.Context) error, error) {
			c, err := nopcommerce.NewClient(nopcommerce.Config{BaseURL: "https://home.test", Transport: rt, Credentials: commerce.Static(nopcommerce.Login{Email: "a@home.test", Password: secret})})
			return c.Ping, err
		},
		"tryton": func(rt http.RoundTripper) (func(context.Context) error, error) {
			c, err := tryton.NewClient(tryton.Config{URL: "https://home.test/", Database: "d", Transport: rt, Credentials: commerce.Static(tryton.Login{User: "u", Password: secret})})
			return c.Ping, err
		},
		"odoo": func(rt http.RoundTripper) (func(context.Context) error, error) {
			c, err := odoo.NewClient(odoo.Config{URL: "https://home.test/", Database: "d", Protocol: odoo.JSON2, Transport: rt, Credentials: commerce.Static(odoo.Login{User: "u", Key: secret})})
			return c.Ping, err
		},
		"erpnext": func(rt http.RoundTripper) (func(context.Context) error, error) {
			c, err := erpnext.NewClient(erpnext.Config{URL: "https://home.test/", Company: "c", Transport: rt, Credentials: commerce.Static(erpnext.Login{Key: "k", Secret: secret})})
			return c.Ping, err
		},
	} {
		for _, to := range []string{"https://evil.example/x", "http://home.test/x"} {
			for _, code := range []int{301, 302, 307, 308} {
				asked := 0
				ping, err := ping(trip(func(r *http.Request) (*http.Response, error) {
					asked++
					require.Equal(t, "https://home.test", r.URL.Scheme+"://"+r.URL.Host, name)
					return inside{http.RedirectHandler(to, code)}.RoundTrip(r)
				}))
				require.NoError(t, err, name)
				require.Error(t, ping(t.Context()), name)
				require.Positive(t, asked, name)
			}
		}
	}
}
