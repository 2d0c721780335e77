package stripetest

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"
)

// OAuthClient is a program as it is registered for OAuth.
type OAuthClient struct {
	// ID is its client id: "ca_1". Required.
	ID string

	// RedirectURIs are the addresses that a browser may be sent back to; the first is the
	// default. One at least is required, and only https ones while the fake is live.
	RedirectURIs []string

	// App makes it a Stripe App: its permissions are in its manifest, access tokens live
	// for an hour, and refresh tokens change with every use. Else it is a Connect platform.
	App bool
}

// Lives of what OAuth hands out. Sources: docs.stripe.com/stripe-apps/api-authentication/oauth,
// read 2026-11; for Connect the five minutes of a code are an assumption.
const (
	codeLife    = 5 * time.Minute
	appLife     = time.Hour
	refreshLife = 365 * 24 * time.Hour
)

// authorization is the whole of what OAuth knows.
type authorization struct {
	clients map[string]OAuthClient
	codes   map[string]*code
	access  map[string]*token
	refresh map[string]*token
}

// grant is one consent of one merchant; what it gave dies with it.
type grant struct {
	client  OAuthClient
	account string
	scope   string
	revoked bool
}

// code is what a browser carries back.
type code struct {
	*grant
	redirect string // as the request named it; empty = the default
	made     time.Time
	used     bool
}

// token is an access or a refresh token.
type token struct {
	*grant
	expires time.Time // zero = never
}

// RegisterOAuth registers a program for OAuth. Its end points are /oauth/authorize,
// /oauth/token and /oauth/deauthorize, for an app /oauth/v2/authorize and
// /v1/oauth/token, at any host. An error is of kind invalid.
func (f *Fake) RegisterOAuth(c OAuthClient) error {
	const op = "register for OAuth"
	if c.ID == "" || len(c.RedirectURIs) == 0 {
		return refusal(op, "OAuthClient.ID and OAuthClient.RedirectURIs must be set")
	}
	for _, uri := range c.RedirectURIs {
		u, err := url.Parse(uri)
		if err != nil || u.Host == "" || u.Scheme != "https" && (f.config.Livemode || u.Scheme != "http") {
			return refusal(op, "OAuthClient.RedirectURIs: an address must be absolute, and https while the fake is live")
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c.RedirectURIs = slices.Clone(c.RedirectURIs)
	f.home.oauth.clients[c.ID] = c
	return nil
}

// Merchant makes a merchant with an account of their own that the platform has no access
// to yet, and returns its id.
func (f *Fake) Merchant(country string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	return f.merchantOf(country)
}

func (f *Fake) merchantOf(country string) string {
	a := f.home.newAccount(f.own(f.config.Now()), "standard", country, "")
	a.enabled = true
	f.home.connected[a.id].gone = true
	return a.id
}

// Consent is what a merchant decides on the page of an authorisation request.
type Consent struct {
	// Account is the merchant's, see [Fake.Merchant]. Empty = a new one.
	Account string
	// Declined: the merchant does not want to.
	Declined bool
}

// Consent plays the merchant and the browser: it follows the address of an authorisation
// request, decides, and returns where the browser is sent back to. An error of kind
// invalid is a page of Stripe's own, which sends nobody anywhere.
func (f *Fake) Consent(authorize string, c Consent) (string, error) {
	u, err := url.Parse(authorize)
	if err != nil {
		return "", refusal("consent", "the address can not be read")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	q := u.Query()
	if p := f.badClient(u.Path, q); p != nil {
		return "", refusal("consent", p.said)
	}
	return f.decide(q, c).String(), nil
}

// oauthProblem is an error as OAuth words it.
type oauthProblem struct {
	status int
	code   string
	said   string
}

// badClient finds what must not be answered by a redirect.
func (f *Fake) badClient(path string, q url.Values) *oauthProblem {
	client, ok := f.home.oauth.clients[q.Get("client_id")]
	uri := q.Get("redirect_uri")
	switch {
	case !ok:
		return &oauthProblem{400, "invalid_client", "No application matches the supplied client identifier"}
	case client.App != strings.HasPrefix(path, "/oauth/v2/"):
		return &oauthProblem{400, "invalid_request", "The client is registered for the other kind of OAuth"}
	case uri != "" && !slices.Contains(client.RedirectURIs, uri):
		return &oauthProblem{400, "invalid_redirect_uri", "Invalid redirect URI '" + uri + "'. Ensure this uri exactly matches one of the uris specified in your application settings"}
	}
	return nil
}

// decide answers an authorisation request of a known client.
func (f *Fake) decide(q url.Values, c Consent) *url.URL {
	client := f.home.oauth.clients[q.Get("client_id")]
	back, _ := url.Parse(cmp.Or(q.Get("redirect_uri"), client.RedirectURIs[0]))
	said := back.Query()
	if q.Has("state") {
		said.Set("state", q.Get("state"))
	}
	scope := cmp.Or(q.Get("scope"), "read_only")
	if client.App {
		scope = "stripe_apps"
	}
	refuse := func(code, description string) {
		said.Set("error", code)
		said.Set("error_description", description)
	}
	at := f.home.connected[c.Account]
	switch {
	case q.Get("response_type") != "code" && !(client.App && q.Get("response_type") == ""):
		refuse("unsupported_response_type", "Only response_type=code is supported")
	case !client.App && scope != "read_only" && scope != "read_write":
		refuse("invalid_scope", "Invalid scope: "+scope)
	case c.Declined:
		refuse("access_denied", "The user denied your request")
	case c.Account != "" && at == nil:
		refuse("invalid_request", "No such account: "+c.Account)
	default:
		account := cmp.Or(c.Account, f.merchantOf(strings.ToUpper(q.Get("stripe_user[country]"))))
		made := &code{grant: &grant{client: client, account: account, scope: scope}, redirect: q.Get("redirect_uri"), made: f.config.Now()}
		text := f.id("ac_")
		f.home.oauth.codes[text] = made
		said.Set("code", text)
		if !client.App {
			said.Set("scope", scope)
		}
	}
	back.RawQuery = said.Encode()
	return back
}

// exchange redeems a code, once. A second time revokes what the first gave, as RFC 6749,
// section 4.1.2 asks; what Stripe does then is not said.
func (f *Fake) exchange(q url.Values, app bool) (object, *oauthProblem) {
	text := q.Get("code")
	c, ok := f.home.oauth.codes[text]
	switch {
	case text == "":
		return nil, &oauthProblem{400, "invalid_request", "No authorization code provided"}
	case !ok || c.client.App != app:
		return nil, &oauthProblem{400, "invalid_grant", "Authorization code does not exist: " + text}
	case c.used:
		f.revoke(c.grant)
		return nil, &oauthProblem{400, "invalid_grant", "This authorization code has already been used. All tokens issued with this code have been revoked."}
	case f.config.Now().Sub(c.made) > codeLife:
		return nil, &oauthProblem{400, "invalid_grant", "Authorization code expired: " + text}
	case q.Get("client_id") != "" && q.Get("client_id") != c.client.ID:
		return nil, &oauthProblem{400, "invalid_grant", "Authorization code provided does not belong to you"}
	case q.Get("redirect_uri") != "" && q.Get("redirect_uri") != cmp.Or(c.redirect, c.client.RedirectURIs[0]):
		return nil, &oauthProblem{400, "invalid_grant", "The redirect URI does not match the one of the authorization request"}
	}
	c.used = true
	if at := f.home.connected[c.account]; at.gone {
		at.gone, at.application = false, c.client.ID
		at.emit(f.own(f.config.Now()), "account.application.authorized", at.renderApplication, nil)
	}
	return f.issue(c.grant, "stripe_user_id"), nil
}

// issue makes the tokens of an answer.
func (f *Fake) issue(g *grant, account string) object {
	mode := map[bool]string{true: "live", false: "test"}[f.config.Livemode]
	access, refresh := f.id("sk_"+mode+"_"), f.id("rt_")
	a, r := &token{grant: g}, &token{grant: g}
	if g.client.App {
		now := f.config.Now()
		a.expires, r.expires = now.Add(appLife), now.Add(refreshLife)
	}
	f.home.oauth.access[access], f.home.oauth.refresh[refresh] = a, r
	return object{"access_token": access, "refresh_token": refresh, "livemode": f.config.Livemode, "scope": g.scope, "token_type": "bearer",
		"stripe_publishable_key": f.id("pk_" + mode + "_"), account: g.account}
}

// renew answers a refresh token. An app's dies with it, and the answer names the account
// by another word; Connect's lives on.
func (f *Fake) renew(q url.Values, app bool) (object, *oauthProblem) {
	text := q.Get("refresh_token")
	t, ok := f.home.oauth.refresh[text]
	if !ok || t.client.App != app || !f.holds(t) {
		return nil, &oauthProblem{400, "invalid_grant", "Refresh token does not exist: " + text}
	}
	if !app {
		out := f.issue(t.grant, "stripe_user_id")
		delete(f.home.oauth.refresh, out["refresh_token"].(string))
		out["refresh_token"] = text
		return out, nil
	}
	delete(f.home.oauth.refresh, text)
	return f.issue(t.grant, "account_id"), nil
}

// holds reports whether a token is good.
func (f *Fake) holds(t *token) bool {
	return !t.revoked && !f.home.connected[t.account].gone && (t.expires.IsZero() || f.config.Now().Before(t.expires))
}

// revoke takes back what one consent gave.
func (f *Fake) revoke(g *grant) {
	g.revoked = true
	f.leave(f.home.connected[g.account])
}

// leave ends the platform's access to an account; it reports whether there was any.
func (f *Fake) leave(a *Fake) bool {
	if a == nil || a.gone {
		return false
	}
	a.emit(f.own(f.config.Now()), "account.application.deauthorized", a.renderApplication, nil)
	a.gone = true
	for _, tokens := range []map[string]*token{f.home.oauth.access, f.home.oauth.refresh} {
		for _, t := range tokens {
			if t.account == a.config.Account {
				t.revoked = true
			}
		}
	}
	return true
}

// deauthorize is the platform's way to leave an account.
func (f *Fake) deauthorize(q url.Values) (object, *oauthProblem) {
	client, ok := f.home.oauth.clients[q.Get("client_id")]
	id := q.Get("stripe_user_id")
	switch {
	case !ok || client.App:
		return nil, &oauthProblem{401, "invalid_client", "No such application: " + q.Get("client_id")}
	case !f.leave(f.home.connected[id]):
		return nil, &oauthProblem{401, "invalid_client", "This application is not connected to stripe account " + id + ", or that account does not exist."}
	}
	return object{"stripe_user_id": id}, nil
}
