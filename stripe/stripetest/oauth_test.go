package stripetest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

const back = "https://host.example/callback"

// register makes a fake that knows a platform and an app.
func register(t *testing.T, c stripetest.Config) (*stripetest.Fake, *time.Time) {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	c.Now = func() time.Time { return now }
	fake, err := stripetest.New(c)
	require.NoError(t, err)
	require.NoError(t, fake.RegisterOAuth(stripetest.OAuthClient{ID: "ca_1", RedirectURIs: []string{back, back + "/2"}}))
	require.NoError(t, fake.RegisterOAuth(stripetest.OAuthClient{ID: "ca_app", RedirectURIs: []string{back}, App: true}))
	return fake, &now
}

// token posts to an end point; key is put where sent says.
func token(t *testing.T, fake *stripetest.Fake, address, key, sent string, form url.Values) (int, map[string]any) {
	t.Helper()
	if sent == "form" {
		form.Set("client_secret", key)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	switch sent {
	case "bearer":
		r.Header.Set("Authorization", "Bearer "+key)
	case "basic":
		r.SetBasicAuth(key, "")
	}
	resp, err := fake.Transport().RoundTrip(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var out map[string]any
	require.NoError(t, json.Unmarshal(body, &out), string(body))
	return resp.StatusCode, out
}

const (
	connectToken = "https://connect.stripe.com/oauth/token"
	appToken     = "https://api.stripe.com/v1/oauth/token"
)

// consented is the query with which a browser comes back.
func consented(t *testing.T, fake *stripetest.Fake, authorize string, c stripetest.Consent) url.Values {
	t.Helper()
	at, err := fake.Consent(authorize, c)
	require.NoError(t, err)
	u, err := url.Parse(at)
	require.NoError(t, err)
	return u.Query()
}

func grantOf(kind, value string) url.Values {
	name := map[string]string{"authorization_code": "code", "refresh_token": "refresh_token"}[kind]
	return url.Values{"grant_type": {kind}, name: {value}}
}

func TestConnectsCodeIsExchangedOnceAndASecondTimeTakesTheAccessBack(t *testing.T) {
	t.Parallel()
	for _, sent := range []string{"form", "bearer", "basic"} {
		fake, now := register(t, stripetest.Config{Key: "sk_test_1"})
		merchant := fake.Merchant("DE")
		_, there := fake.Account(merchant)
		require.False(t, there, "before the consent")
		q := consented(t, fake, "https://connect.stripe.com/oauth/authorize?response_type=code&client_id=ca_1&scope=read_write&state=s", stripetest.Consent{Account: merchant})
		require.Equal(t, "s", q.Get("state"))
		require.Equal(t, "read_write", q.Get("scope"))
		status, out := token(t, fake, connectToken, "sk_test_1", sent, grantOf("authorization_code", q.Get("code")))
		require.Equal(t, 200, status, out)
		require.Equal(t, merchant, out["stripe_user_id"])
		require.Equal(t, false, out["livemode"])
		require.Equal(t, "bearer", out["token_type"])
		require.NotContains(t, out, "expires_in")
		at, there := fake.Account(merchant)
		require.True(t, there)
		require.Equal(t, "account.application.authorized", at.Events()[0].Type)

		own := func(key string) error {
			c, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret(key)), Transport: fake.Transport()})
			require.NoError(t, err)
			a, err := c.Accounts.Own(t.Context())
			if err == nil {
				require.Equal(t, merchant, a.ID)
			}
			return err
		}
		*now = now.Add(1000 * time.Hour)
		require.NoError(t, own(out["access_token"].(string)), "it does not end")
		status, again := token(t, fake, connectToken, "sk_test_1", sent, grantOf("refresh_token", out["refresh_token"].(string)))
		require.Equal(t, 200, status)
		require.Equal(t, out["refresh_token"], again["refresh_token"])

		status, refused := token(t, fake, connectToken, "sk_test_1", sent, grantOf("authorization_code", q.Get("code")))
		require.Equal(t, 400, status)
		require.Equal(t, "invalid_grant", refused["error"])
		require.ErrorIs(t, own(out["access_token"].(string)), commerce.ErrAuth)
		require.ErrorIs(t, own(again["access_token"].(string)), commerce.ErrAuth)
		_, there = fake.Account(merchant)
		require.False(t, there)
	}
}

func TestAnAppsTokensEndAndItsRefreshTokensWorkOnce(t *testing.T) {
	t.Parallel()
	fake, now := register(t, stripetest.Config{Key: "sk_test_1"})
	q := consented(t, fake, "https://marketplace.stripe.com/oauth/v2/authorize?client_id=ca_app&state=s", stripetest.Consent{})
	status, out := token(t, fake, appToken, "sk_test_1", "form", grantOf("authorization_code", q.Get("code")))
	require.Equal(t, 401, status, "the key goes into the header")
	require.IsType(t, map[string]any{}, out["error"], "in the words of the API")
	status, out = token(t, fake, appToken, "sk_test_1", "basic", grantOf("authorization_code", q.Get("code")))
	require.Equal(t, 200, status)
	require.Equal(t, "stripe_apps", out["scope"])
	require.NotContains(t, out, "expires_in")
	c, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret(out["access_token"].(string))), Transport: fake.Transport()})
	require.NoError(t, err)
	require.NoError(t, c.Ping(t.Context()))
	*now = now.Add(time.Hour)
	require.ErrorIs(t, c.Ping(t.Context()), commerce.ErrAuth)
	status, next := token(t, fake, appToken, "sk_test_1", "basic", grantOf("refresh_token", out["refresh_token"].(string)))
	require.Equal(t, 200, status)
	require.Equal(t, out["stripe_user_id"], next["account_id"])
	status, refused := token(t, fake, appToken, "sk_test_1", "basic", grantOf("refresh_token", out["refresh_token"].(string)))
	require.Equal(t, 400, status)
	require.Equal(t, "invalid_grant", refused["error"])
	*now = now.Add(366 * 24 * time.Hour)
	status, _ = token(t, fake, appToken, "sk_test_1", "basic", grantOf("refresh_token", next["refresh_token"].(string)))
	require.Equal(t, 400, status, "after a year")
}

func TestAnAuthorisationRequestIsAnsweredWhereItMayBe(t *testing.T) {
	t.Parallel()
	fake, _ := register(t, stripetest.Config{})
	const page = "https://connect.stripe.com/oauth/authorize?"
	for _, address := range []string{
		page + "client_id=ca_other&response_type=code", page + "client_id=ca_app&response_type=code",
		page + "client_id=ca_1&response_type=code&redirect_uri=https://evil.example", page + "client_id=ca_1&response_type=code&redirect_uri=" + back + "/3",
		"https://marketplace.stripe.com/oauth/v2/authorize?client_id=ca_1", "://",
	} {
		_, err := fake.Consent(address, stripetest.Consent{})
		require.ErrorIs(t, err, commerce.ErrInvalid, address)
	}
	for problem, address := range map[string]string{
		"unsupported_response_type": page + "client_id=ca_1&response_type=token&state=s",
		"invalid_scope":             page + "client_id=ca_1&response_type=code&scope=all&state=s",
	} {
		q := consented(t, fake, address, stripetest.Consent{})
		require.Equal(t, problem, q.Get("error"))
		require.Equal(t, "s", q.Get("state"))
		require.Empty(t, q.Get("code"))
	}
	require.Equal(t, "access_denied", consented(t, fake, page+"client_id=ca_1&response_type=code", stripetest.Consent{Declined: true}).Get("error"))
	require.Equal(t, "invalid_request", consented(t, fake, page+"client_id=ca_1&response_type=code", stripetest.Consent{Account: "acct_none"}).Get("error"))
	require.ErrorIs(t, fake.RegisterOAuth(stripetest.OAuthClient{ID: "ca_2"}), commerce.ErrInvalid)
	live, err := stripetest.New(stripetest.Config{Livemode: true})
	require.NoError(t, err)
	require.ErrorIs(t, live.RegisterOAuth(stripetest.OAuthClient{ID: "ca_2", RedirectURIs: []string{"http://host.example"}}), commerce.ErrInvalid)
}

func TestATokenIsRefusedForWhatIsWrong(t *testing.T) {
	t.Parallel()
	fake, now := register(t, stripetest.Config{Key: "sk_test_1"})
	code := func() string {
		return consented(t, fake, "https://connect.stripe.com/oauth/authorize?response_type=code&client_id=ca_1&redirect_uri="+back+"/2", stripetest.Consent{}).Get("code")
	}
	with := func(name, value string) url.Values {
		v := grantOf("authorization_code", code())
		v.Set(name, value)
		return v
	}
	for name, c := range map[string]struct {
		address, key string
		form         url.Values
		status       int
		problem      string
	}{
		"no key":                         {connectToken, "", grantOf("authorization_code", code()), 401, "invalid_client"},
		"another key":                    {connectToken, "sk_test_2", grantOf("authorization_code", code()), 401, "invalid_client"},
		"no code":                        {connectToken, "sk_test_1", url.Values{"grant_type": {"authorization_code"}}, 400, "invalid_request"},
		"an unknown code":                {connectToken, "sk_test_1", grantOf("authorization_code", "ac_none"), 400, "invalid_grant"},
		"a code of the other kind":       {appToken, "sk_test_1", grantOf("authorization_code", code()), 400, "invalid_grant"},
		"another client":                 {connectToken, "sk_test_1", with("client_id", "ca_2"), 400, "invalid_grant"},
		"another address":                {connectToken, "sk_test_1", with("redirect_uri", back), 400, "invalid_grant"},
		"the same address":               {connectToken, "sk_test_1", with("redirect_uri", back+"/2"), 200, ""},
		"another kind of grant":          {connectToken, "sk_test_1", url.Values{"grant_type": {"password"}}, 400, "unsupported_grant_type"},
		"an unknown refresh token":       {connectToken, "sk_test_1", grantOf("refresh_token", "rt_none"), 400, "invalid_grant"},
		"an account that never was":      {"https://connect.stripe.com/oauth/deauthorize", "sk_test_1", url.Values{"client_id": {"ca_1"}, "stripe_user_id": {"acct_none"}}, 401, "invalid_client"},
		"a client that leaves and isn't": {"https://connect.stripe.com/oauth/deauthorize", "sk_test_1", url.Values{"client_id": {"ca_2"}}, 401, "invalid_client"},
	} {
		status, out := token(t, fake, c.address, c.key, "basic", c.form)
		require.Equal(t, c.status, status, name)
		if c.problem != "" {
			require.Equal(t, c.problem, out["error"], name)
			require.NotEmpty(t, out["error_description"], name)
		}
	}
	old := code()
	*now = now.Add(5*time.Minute + time.Second)
	status, out := token(t, fake, connectToken, "sk_test_1", "basic", grantOf("authorization_code", old))
	require.Equal(t, 400, status)
	require.Equal(t, "invalid_grant", out["error"])

	live, _ := register(t, stripetest.Config{Livemode: true})
	q := consented(t, live, "https://connect.stripe.com/oauth/authorize?response_type=code&client_id=ca_1", stripetest.Consent{})
	status, out = token(t, live, connectToken, "sk_test_1", "form", grantOf("authorization_code", q.Get("code")))
	require.Equal(t, 400, status)
	require.Equal(t, "invalid_grant", out["error"], "of the other mode")
	status, out = token(t, live, connectToken, "sk_live_1", "form", grantOf("authorization_code", q.Get("code")))
	require.Equal(t, 200, status)
	require.Equal(t, true, out["livemode"])
}

func TestAPlatformLeavesAndTheMerchantComesBack(t *testing.T) {
	t.Parallel()
	fake, _ := register(t, stripetest.Config{Key: "sk_test_1"})
	connect := func(account string) map[string]any {
		q := consented(t, fake, "https://connect.stripe.com/oauth/authorize?response_type=code&client_id=ca_1", stripetest.Consent{Account: account})
		status, out := token(t, fake, connectToken, "sk_test_1", "form", grantOf("authorization_code", q.Get("code")))
		require.Equal(t, 200, status)
		return out
	}
	first := connect("")
	account := first["stripe_user_id"].(string)
	leave := func() (int, map[string]any) {
		return token(t, fake, "https://connect.stripe.com/oauth/deauthorize", "sk_test_1", "bearer", url.Values{"client_id": {"ca_1"}, "stripe_user_id": {account}})
	}
	at, _ := fake.Account(account)
	status, out := leave()
	require.Equal(t, 200, status)
	require.Equal(t, map[string]any{"stripe_user_id": account}, out)
	events := at.Events()
	require.Equal(t, "account.application.deauthorized", events[len(events)-1].Type)
	require.Equal(t, account, events[len(events)-1].Account)
	application := events[len(events)-1]
	require.Contains(t, string(application.Raw), `"ca_1"`)
	status, _ = leave()
	require.Equal(t, 401, status)
	status, _ = token(t, fake, connectToken, "sk_test_1", "form", grantOf("refresh_token", first["refresh_token"].(string)))
	require.Equal(t, 400, status)
	second := connect(account)
	require.Equal(t, account, second["stripe_user_id"])
	status, _ = token(t, fake, connectToken, "sk_test_1", "form", grantOf("refresh_token", first["refresh_token"].(string)))
	require.Equal(t, 400, status, "what was given before stays dead")
	require.True(t, fake.Disconnect(account), "the merchant may as well")
}

func TestTheConsentPageWorksInABrowser(t *testing.T) {
	t.Parallel()
	fake, _ := register(t, stripetest.Config{})
	server := fake.NewServer()
	defer server.Close()
	browser := server.Client()
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	merchant := fake.Merchant("FR")
	at := server.URL + "/oauth/authorize?response_type=code&client_id=ca_1&state=s"
	resp, err := browser.Get(at)
	require.NoError(t, err)
	page, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	resp.Body.Close()
	require.Contains(t, string(page), merchant)
	for decision, want := range map[string]string{"connect": "code", "cancel": "error"} {
		resp, err = browser.PostForm(at, url.Values{"account": {merchant}, "decision": {decision}})
		require.NoError(t, err)
		resp.Body.Close()
		require.Equal(t, http.StatusSeeOther, resp.StatusCode)
		to, err := resp.Location()
		require.NoError(t, err)
		require.Equal(t, "host.example", to.Host)
		require.True(t, to.Query().Has(want))
	}
	resp, err = browser.Get(server.URL + "/oauth/authorize?client_id=ca_9")
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
}
