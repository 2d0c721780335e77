package magento_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/clock"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/oauth"
	"github.com/commercesync/commerce/vault"
)

// office is a host program that shops connect to.
type office struct {
	clock *clock.Manual
	shop  *magentotest.Shop
	room  *magento.Integration
	vault *vault.Vault

	mu      sync.Mutex
	log     bytes.Buffer
	kept    map[commerce.Ref]magento.Keys
	notices []oauth.Notice
	putFail error
}

func (o *office) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.log.Write(p)
}

const shopURL = "https://shop.example"

func openOffice(t *testing.T, alter func(*magento.IntegrationConfig)) *office {
	o := &office{clock: clock.At(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)), kept: map[commerce.Ref]magento.Keys{}}
	var err error
	o.shop, err = magentotest.New(magentotest.Config{Now: o.clock.Now})
	require.NoError(t, err)
	o.vault = openVault(t)
	c := magento.IntegrationConfig{CallbackURL: "https://host.example/magento/callback", States: o.vault, Now: o.clock.Now,
		Handshake: magento.Handshake{Transport: o.shop.Transport()}, Logger: slog.New(slog.NewTextHandler(o, nil)),
		Put: func(_ context.Context, connection commerce.Ref, keys magento.Keys) error {
			if o.putFail == nil {
				o.kept[connection] = keys
			}
			return o.putFail
		},
		Notify: func(_ context.Context, n oauth.Notice) error {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.notices = append(o.notices, n)
			return nil
		}}
	if alter != nil {
		alter(&c)
	}
	o.room, err = magento.NewIntegration(c)
	require.NoError(t, err)
	return o
}

var shopOne = commerce.Ref{Tenant: "t1", System: "magento", Account: "shop-one", Mode: commerce.Live}

func (o *office) address(t *testing.T) string {
	at, err := o.room.Address(t.Context(), shopOne, shopURL+"/", "person")
	require.NoError(t, err)
	return at
}

// post is the shop's post; it returns the status of the answer.
func (o *office) post(t *testing.T, at string, form url.Values) int {
	r := httptest.NewRequest(http.MethodPost, at, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	o.room.Callback().ServeHTTP(rec, r)
	for _, secret := range []string{"oauth_consumer_secret", "oauth_verifier"} {
		if text := form.Get(secret); text != "" {
			require.NotContains(t, o.log.String(), text)
		}
	}
	return rec.Code
}

func TestAShopThatIsActivatedIsConnected(t *testing.T) {
	t.Parallel()
	o := openOffice(t, nil)
	server := httptest.NewServer(o.room.Callback())
	defer server.Close()
	at := strings.Replace(o.address(t), "https://host.example/magento/callback", server.URL, 1)
	require.NoError(t, o.shop.ActivateAt(t.Context(), server.Client(), at, shopURL))
	server.Close() // which waits for the handler
	keys, ok := o.kept[shopOne]
	require.True(t, ok)
	client, err := magento.NewClient(magento.Config{BaseURL: shopURL, Credentials: commerce.Static(keys), Transport: o.shop.Transport(), Now: o.clock.Now})
	require.NoError(t, err)
	require.NoError(t, client.Ping(t.Context()))
	require.Equal(t, []oauth.Notice{{Kind: oauth.Connected, Connection: shopOne, At: o.clock.Now(), Actor: "person"}}, o.notices)
	for _, secret := range []string{keys.ConsumerSecret.Reveal(), keys.AccessToken.Reveal(), keys.AccessTokenSecret.Reveal(), at} {
		require.NotContains(t, o.log.String(), secret)
	}
}

func TestWhatIsPostedToTheCallbackIsBelievedOnceFromTheShopItIsFor(t *testing.T) {
	t.Parallel()
	query := func(at string, f func(url.Values)) string {
		u, _ := url.Parse(at)
		q := u.Query()
		f(q)
		u.RawQuery = q.Encode()
		return u.String()
	}
	for _, c := range []struct {
		name      string
		at        func(string) string
		form      func(url.Values)
		before    func(*office)
		config    func(*magento.IntegrationConfig)
		status    int
		connected bool
		notice    oauth.NoticeKind
		reason    string
	}{
		{name: "an activation", status: 200, connected: true, notice: oauth.Connected},
		{name: "with the address in capitals", form: func(f url.Values) { f.Set("store_base_url", "HTTPS://SHOP.EXAMPLE/") }, status: 200, connected: true, notice: oauth.Connected},
		{name: "without a state", at: func(at string) string { return query(at, func(q url.Values) { q.Del("state") }) }, status: 403},
		{name: "with an altered state", at: func(at string) string { return query(at, func(q url.Values) { q.Set("state", q.Get("state")+"A") }) }, status: 403},
		{name: "with a state in small letters", at: func(at string) string {
			return query(at, func(q url.Values) { q.Set("state", strings.ToLower(q.Get("state"))) })
		}, status: 403},
		{name: "for another tenant", at: func(at string) string {
			return query(at, func(q url.Values) { q.Set("connection", strings.Replace(q.Get("connection"), "t1", "t2", 1)) })
		}, status: 403},
		{name: "for another shop of the tenant", at: func(at string) string {
			return query(at, func(q url.Values) {
				q.Set("connection", strings.Replace(q.Get("connection"), "shop-one", "shop-two", 1))
			})
		}, status: 403},
		{name: "for the other mode", at: func(at string) string {
			return query(at, func(q url.Values) { q.Set("connection", strings.Replace(q.Get("connection"), "live", "test", 1)) })
		}, status: 403},
		{name: "for another system", at: func(at string) string {
			return query(at, func(q url.Values) { q.Set("connection", strings.Replace(q.Get("connection"), "magento", "stripe", 1)) })
		}, status: 400},
		{name: "for nothing", at: func(at string) string { return query(at, func(q url.Values) { q.Del("connection") }) }, status: 400},
		{name: "from another shop", form: func(f url.Values) { f.Set("store_base_url", "https://evil.example/") }, status: 403},
		{name: "from a shop that says no address", form: func(f url.Values) { f.Del("store_base_url") }, status: 403},
		{name: "without a verifier", form: func(f url.Values) { f.Del("oauth_verifier") }, status: 400},
		{name: "with a verifier that somebody made up", form: func(f url.Values) { f.Set("oauth_verifier", strings.Repeat("x", 32)) }, status: 200, notice: oauth.Failed, reason: "auth"},
		{name: "with keys that somebody made up", form: func(f url.Values) { f.Set("oauth_consumer_key", strings.Repeat("x", 32)) }, status: 200, notice: oauth.Failed, reason: "auth"},
		{name: "after an hour", before: func(o *office) { o.clock.Advance(61 * time.Minute) }, status: 403},
		{name: "that came late, so that the shop waits no more", before: func(o *office) { o.clock.Advance(301 * time.Second) }, status: 200, notice: oauth.Failed, reason: "auth"},
		{name: "while the shop is down", before: func(o *office) { o.shop.Fail(magentotest.Fault{Kind: magentotest.Refused}) }, status: 200, notice: oauth.Failed, reason: "unavailable"},
		{name: "while the shop answers half", before: func(o *office) { o.shop.Fail(magentotest.Fault{Kind: magentotest.Half, Times: 1}) }, status: 200, notice: oauth.Failed, reason: "unavailable"},
		{name: "while the shop answers a page", before: func(o *office) {
			o.shop.Fail(magentotest.Fault{Kind: magentotest.Answered, Status: 200, Body: "<html>maintenance</html>"})
		}, status: 200, notice: oauth.Failed, reason: "internal"},
		{name: "while the shop hangs", config: func(c *magento.IntegrationConfig) { c.Handshake.Timeout = 20 * time.Millisecond },
			before: func(o *office) { o.shop.Fail(magentotest.Fault{Kind: magentotest.Stalled}) }, status: 200, notice: oauth.Failed, reason: "unavailable"},
		{name: "while nothing can be kept", before: func(o *office) { o.putFail = errors.New("no disk") }, status: 200, notice: oauth.Failed, reason: "internal"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := openOffice(t, c.config)
			at, form := o.address(t), o.shop.Activate(shopURL)
			if c.at != nil {
				at = c.at(at)
			}
			if c.form != nil {
				c.form(form)
			}
			if c.before != nil {
				c.before(o)
			}
			require.Equal(t, c.status, o.post(t, at, form))
			require.Equal(t, c.connected, len(o.kept) == 1)
			if c.notice == "" {
				require.Empty(t, o.notices)
				return
			}
			require.Len(t, o.notices, 1)
			require.Equal(t, c.notice, o.notices[0].Kind)
			require.Equal(t, c.reason, o.notices[0].Reason)
		})
	}
}

func TestAnAddressIsGoodForOneActivation(t *testing.T) {
	t.Parallel()
	o := openOffice(t, nil)
	at, form := o.address(t), o.shop.Activate(shopURL)
	require.Equal(t, 200, o.post(t, at, form))
	first := o.kept[shopOne]
	require.Equal(t, 200, o.post(t, at, form), "the same post once more changes nothing")
	require.Equal(t, first, o.kept[shopOne])
	require.Len(t, o.notices, 1)
	require.Equal(t, 403, o.post(t, at, o.shop.Activate(shopURL)), "another activation needs another address")
	require.Equal(t, 200, o.post(t, o.address(t), o.shop.Activate(shopURL)))
	require.NotEqual(t, first, o.kept[shopOne])

	for range 2 {
		r := httptest.NewRequest(http.MethodGet, o.address(t), nil)
		rec := httptest.NewRecorder()
		o.room.Callback().ServeHTTP(rec, r)
		require.Equal(t, http.StatusBadRequest, rec.Code)
	}
}

func TestOfAHundredPostsOneIsExchanged(t *testing.T) {
	t.Parallel()
	o := openOffice(t, nil)
	at, form := o.address(t), o.shop.Activate(shopURL)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			r := httptest.NewRequest(http.MethodPost, at, strings.NewReader(form.Encode()))
			o.room.Callback().ServeHTTP(httptest.NewRecorder(), r)
		})
	}
	all.Wait()
	require.Len(t, o.notices, 1)
	require.Equal(t, oauth.Connected, o.notices[0].Kind)
}

func TestAnIntegrationIsMadeOfWhatCanBeUsed(t *testing.T) {
	t.Parallel()
	good := magento.IntegrationConfig{CallbackURL: "https://host.example/cb", States: openVault(t),
		Put: func(context.Context, commerce.Ref, magento.Keys) error { return nil }}
	for field, bad := range map[string]func(*magento.IntegrationConfig){
		"CallbackURL":       func(c *magento.IntegrationConfig) { c.CallbackURL = "http://host.example/cb" },
		"States":            func(c *magento.IntegrationConfig) { c.States = nil },
		"Put":               func(c *magento.IntegrationConfig) { c.Put = nil },
		"Life":              func(c *magento.IntegrationConfig) { c.Life = -1 },
		"Handshake.BaseURL": func(c *magento.IntegrationConfig) { c.Handshake.BaseURL = shopURL },
	} {
		c := good
		bad(&c)
		_, err := magento.NewIntegration(c)
		require.ErrorContains(t, err, "IntegrationConfig."+field)
	}
	i, err := magento.NewIntegration(good)
	require.NoError(t, err)
	_, err = i.Address(t.Context(), commerce.Ref{System: "stripe"}, shopURL, "")
	require.ErrorIs(t, err, commerce.ErrInvalid)
	_, err = i.Address(t.Context(), shopOne, "http://shop.example", "")
	require.ErrorIs(t, err, commerce.ErrInvalid)
}

// openVault is a vault whose keys end with the test.
func openVault(t *testing.T) *vault.Vault {
	ring, err := vault.FreshRing()
	require.NoError(t, err)
	v, err := vault.New(t.Context(), vault.Config{Store: &vault.Memory{}, Ring: vault.Fixed(ring)})
	require.NoError(t, err)
	return v
}
