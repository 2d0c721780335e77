package magento_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/resilience"
)

// ims is Adobe's Identity Management System: it gives out the tokens t1, t2 and so on.
type ims struct {
	t     *testing.T
	given int
	next  func(*http.Request) *http.Response // answers the next login in another way
}

func (s *ims) RoundTrip(r *http.Request) (*http.Response, error) {
	require.Equal(s.t, "https://ims-na1.adobelogin.com/ims/token/v3", r.URL.String())
	require.Equal(s.t, http.MethodPost, r.Method)
	require.Equal(s.t, "application/x-www-form-urlencoded", r.Header.Get("Content-Type"))
	require.NoError(s.t, r.ParseForm())
	require.Equal(s.t, url.Values{"grant_type": {"client_credentials"}, "client_id": {"id"}, "client_secret": {"hush"},
		"scope": {"openid,AdobeID,email,profile,additional_info.roles,additional_info.projectedProductContext,commerce.accs"}}, r.PostForm)
	if s.next != nil {
		defer func() { s.next = nil }()
		return s.next(r), nil
	}
	s.given++
	return reply(r, fmt.Sprintf(`{"access_token":"t%d","token_type":"bearer","expires_in":86399}`, s.given)), nil
}

func answer(status int, body string) func(*http.Request) *http.Response {
	return func(r *http.Request) *http.Response {
		resp := reply(r, body)
		resp.StatusCode = status
		return resp
	}
}

func TestACloudServiceHasOtherPathsAndHeaders(t *testing.T) {
	t.Parallel()
	login := &ims{t: t}
	creds, err := magento.NewIMS(magento.IMSConfig{ClientID: "id", ClientSecret: commerce.NewSecret("hush"), Organization: "org@AdobeOrg", Transport: login})
	require.NoError(t, err)
	var seen []*http.Request
	c, err := magento.NewClient(magento.Config{BaseURL: "https://na1.api.commerce.adobe.com/tenant/", CloudService: true, Store: "eu_de", Credentials: creds,
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			seen = append(seen, r)
			switch {
			case strings.HasSuffix(r.URL.Path, "/orders/7"):
				return reply(r, `{"entity_id":7}`), nil
			case r.Method == http.MethodPost:
				return reply(r, `"9"`), nil
			}
			return answer(404, `{"message":"Request does not match any route."}`)(r), nil
		})})
	require.NoError(t, err)

	_, err = c.Orders.Get(t.Context(), 7)
	require.NoError(t, err)
	_, err = c.Orders.Invoice(t.Context(), 7, magento.InvoiceParams{})
	require.NoError(t, err)
	require.Equal(t, []string{"/tenant/V1/orders/7", "/tenant/V1/order/7/invoice"}, []string{seen[0].URL.Path, seen[1].URL.Path}, "no /rest and no store")
	for _, r := range seen {
		require.Equal(t, "eu_de", r.Header.Get("Store"))
		require.Equal(t, "Bearer t1", r.Header.Get("Authorization"))
		require.Equal(t, "id", r.Header.Get("X-Api-Key"))
		require.Equal(t, "org@AdobeOrg", r.Header.Get("X-Gw-Ims-Org-Id"))
	}

	_, err = c.Stores.Modules(t.Context())
	var e *commerce.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, magento.CodeNotOffered, e.Code, "fewer routes than the others")
	require.Equal(t, commerce.KindInvalid, e.Kind)
}

func TestACloudServiceTakesNoOtherKeys(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string]magento.Keys{
		"an integration's": {ConsumerKey: "a", ConsumerSecret: commerce.NewSecret("b"), AccessToken: commerce.NewSecret("c"), AccessTokenSecret: commerce.NewSecret("d")},
		"an admin's":       {Username: "ann", Password: commerce.NewSecret("b")},
	} {
		c := newClient(t, magento.Config{CloudService: true, Credentials: commerce.Static(keys)}, roundTrip(func(*http.Request) (*http.Response, error) {
			t.Error(name + " were sent")
			return nil, errors.New("sent")
		}))
		err := c.Ping(t.Context())
		require.ErrorIs(t, err, commerce.ErrAuth, name)
	}
}

func TestATokenOfIMSIsFetchedOnceAndRenewed(t *testing.T) {
	t.Parallel()
	now := shopTime
	var clock sync.Mutex
	tick := func() time.Time { clock.Lock(); defer clock.Unlock(); return now }
	pass := func(d time.Duration) { clock.Lock(); defer clock.Unlock(); now = now.Add(d) }
	login := &ims{t: t}
	creds, err := magento.NewIMS(magento.IMSConfig{ClientID: "id", ClientSecret: commerce.NewSecret("hush"), Organization: "org", Transport: login, Now: tick})
	require.NoError(t, err)
	refuse := ""
	c := newClient(t, magento.Config{CloudService: true, Credentials: creds, Now: tick, Resilience: resilience.Config{Retry: resilience.Retry{Attempts: 1}}},
		roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Header.Get("Authorization") == refuse || refuse == "all" {
				return answer(401, `{"message":"The consumer isn't authorized to access %resources.","parameters":{"resources":"Magento_Sales::actions_view"}}`)(r), nil
			}
			return reply(r, `{}`), nil
		}))
	ctx := t.Context()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { require.NoError(t, c.Ping(ctx)) })
	}
	all.Wait()
	require.Equal(t, 1, login.given, "eight at once share one login")
	pass(22 * time.Hour)
	require.NoError(t, c.Ping(ctx))
	require.Equal(t, 2, login.given, "it is renewed before its day is over")
	pass(time.Hour)
	refuse = "Bearer t2"
	require.NoError(t, c.Ping(ctx))
	require.Equal(t, 3, login.given, "and once when it is refused")
	refuse = "all"
	for range 3 {
		require.ErrorIs(t, c.Ping(ctx), commerce.ErrAuth)
	}
	require.Equal(t, 3, login.given, "a missing right is no reason to log in again")
}

func TestALoginThatFailsSaysWhy(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer func(*http.Request) *http.Response
		kind   commerce.Kind
	}{
		"a wrong secret":       {answer(401, `{"error":"invalid_client"}`), commerce.KindAuth},
		"a scope that is none": {answer(400, `{"error":"invalid_scope"}`), commerce.KindAuth},
		"too many logins":      {answer(429, ``), commerce.KindRateLimited},
		"an ill service":       {answer(503, `<html>`), commerce.KindUnavailable},
		"a redirect":           {answer(302, ``), commerce.KindUnavailable},
		"no token":             {answer(200, `{"expires_in":5}`), commerce.KindUnavailable},
		"a page":               {answer(200, `<html>`), commerce.KindUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			creds, err := magento.NewIMS(magento.IMSConfig{ClientID: "id", ClientSecret: commerce.NewSecret("hush"), Organization: "org", Transport: &ims{t: t, next: tc.answer}})
			require.NoError(t, err)
			_, err = creds.Current(t.Context())
			require.Equal(t, tc.kind, commerce.KindOf(err), err)
			require.True(t, commerce.SafeToRetry(err))
			require.NotContains(t, err.Error(), "hush")
		})
	}
	for _, field := range []string{"ClientID", "ClientSecret", "Organization", "URL", "Timeout"} {
		c := magento.IMSConfig{ClientID: "id", ClientSecret: commerce.NewSecret("hush"), Organization: "org"}
		switch field {
		case "ClientID":
			c.ClientID = ""
		case "ClientSecret":
			c.ClientSecret = commerce.Secret{}
		case "Organization":
			c.Organization = ""
		case "URL":
			c.URL = "ims"
		case "Timeout":
			c.Timeout = -1
		}
		_, err := magento.NewIMS(c)
		require.ErrorContains(t, err, "IMSConfig."+field)
	}
}
