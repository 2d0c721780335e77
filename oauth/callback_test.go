package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/oauth"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// alter changes a query.
func alter(f func(q url.Values)) func(*world, *http.Request) {
	return func(_ *world, r *http.Request) {
		q := r.URL.Query()
		f(q)
		r.URL.RawQuery = q.Encode()
	}
}

func live(c *oauth.Config, f *stripetest.Config) { f.Livemode, f.Key = true, "sk_live_platform" }

// answers lets the token end point answer something else, without an effect.
func answers(status int, contentType, body string) func(*world) {
	return func(w *world) {
		w.fake.Faults().Add(stripetest.Fault{Kind: stripetest.Answered, Status: status, Body: body, Match: atToken,
			Header: http.Header{"Content-Type": {contentType}, "Location": {"https://evil.example/token"}}})
	}
}

func breaks(kind stripetest.Fault) func(*world) {
	return func(w *world) {
		kind.Match = atToken
		w.fake.Faults().Add(kind)
	}
}

func atToken(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/oauth/token") }

const account = `"stripe_user_id":"acct_1","livemode":false,"scope":"read_write","token_type":"bearer"`

// matrix is what can come back to a callback, and what becomes of it. Whatever does,
// nobody is connected to what is not theirs, and no secret is said.
var matrix = []struct {
	name    string
	set     setting
	before  func(*world)                // the consent
	alter   func(*world, *http.Request) // the answer, on its way
	code    string
	asked   int  // exchanges that reach the far side
	granted bool // to the tenant
}{
	{name: "a consent", code: "connected", asked: 1, granted: true},
	{name: "without a state", alter: alter(func(q url.Values) { q.Del("state") }), code: oauth.CodeStateMissing},
	{name: "with an empty state", alter: alter(func(q url.Values) { q.Set("state", "") }), code: oauth.CodeStateMissing},
	{name: "with an altered state", alter: alter(func(q url.Values) { q.Set("state", q.Get("state")+"A") }), code: oauth.CodeStateUnknown},
	{name: "with a state of another place", alter: alter(func(q url.Values) {
		place, rest, _ := strings.Cut(q.Get("state"), ".")
		q.Set("state", map[bool]string{true: "2", false: "1"}[place == "1"]+"."+rest)
	}), code: oauth.CodeStateUnknown},
	{name: "with a state that points nowhere", alter: alter(func(q url.Values) { q.Set("state", "-1.x") }), code: oauth.CodeStateUnknown},
	{name: "with a state that somebody made up", alter: alter(func(q url.Values) { q.Set("state", "1.AAAAAAAAAAAAAAAAAAAAAAAAAA") }), code: oauth.CodeStateUnknown},
	{name: "to another tenant", alter: func(_ *world, r *http.Request) { r.Header.Set("X-Session", "t2 s") }, code: oauth.CodeStateUnknown},
	{name: "to another session of the tenant", alter: func(_ *world, r *http.Request) { r.Header.Set("X-Session", "t1 other") }, code: oauth.CodeOtherSession},
	{name: "to nobody", alter: func(_ *world, r *http.Request) { r.Header.Del("X-Session") }, code: oauth.CodeNoSession},
	{name: "to a session without an id", alter: func(_ *world, r *http.Request) { r.Header.Set("X-Session", "t1 ") }, code: oauth.CodeNoSession},
	{name: "after too long", alter: func(w *world, _ *http.Request) { w.clock.Advance(11 * time.Minute) }, code: oauth.CodeStateExpired},
	{name: "before it was asked for, by a clock that went back", alter: func(w *world, _ *http.Request) { w.clock.Advance(-time.Hour) }, code: oauth.CodeStateExpired},
	{name: "after another code used the state", alter: func(w *world, r *http.Request) {
		first := r.Clone(r.Context())
		alter(func(q url.Values) { q.Set("code", "ac_other") })(w, first)
		w.callback(first)
	}, code: oauth.CodeStateUsed, asked: 1},
	{name: "a second time, as after a double click", alter: func(w *world, r *http.Request) { w.callback(r.Clone(r.Context())) }, code: "connected", asked: 1, granted: true},
	{name: "a second time, an hour later", alter: func(w *world, r *http.Request) { w.callback(r.Clone(r.Context())); w.clock.Advance(time.Hour) },
		code: oauth.CodeStateExpired, asked: 1, granted: true},
	{name: "a second time, to another session", alter: func(w *world, r *http.Request) {
		w.callback(r.Clone(r.Context()))
		r.Header.Set("X-Session", "t1 other")
	}, code: oauth.CodeOtherSession, asked: 1, granted: true},
	{name: "with the state of another provider", alter: func(w *world, r *http.Request) {
		c := w.config
		c.Provider.Name = "other"
		other, err := oauth.New(c)
		require.NoError(w.t, err)
		w.flow = other
	}, code: oauth.CodeStateUnknown},
	{name: "with the state of the other mode", alter: func(w *world, r *http.Request) {
		c := w.config
		c.Mode = commerce.Live
		other, err := oauth.New(c)
		require.NoError(w.t, err)
		w.flow = other
	}, code: oauth.CodeStateUnknown},
	{name: "from another issuer", alter: alter(func(q url.Values) { q.Set("iss", "https://evil.example") }), code: oauth.CodeIssuer},
	{name: "from another issuer than the one that says who it is", set: func(c *oauth.Config, _ *stripetest.Config) {
		c.Provider.Issuer, c.Provider.IssuerSaid = "https://good.example", true
	}, alter: alter(func(q url.Values) { q.Set("iss", "https://evil.example") }), code: oauth.CodeIssuer},
	{name: "from nobody, where the issuer always says who it is", set: func(c *oauth.Config, _ *stripetest.Config) {
		c.Provider.Issuer, c.Provider.IssuerSaid = "https://good.example", true
	}, code: oauth.CodeIssuer},
	{name: "from the issuer that was asked", set: func(c *oauth.Config, _ *stripetest.Config) {
		c.Provider.Issuer, c.Provider.IssuerSaid = "https://good.example", true
	}, alter: alter(func(q url.Values) { q.Set("iss", "https://good.example") }), code: "connected", asked: 1, granted: true},
	{name: "with two states", alter: alter(func(q url.Values) { q.Add("state", q.Get("state")) }), code: oauth.CodeMalformed},
	{name: "with two codes", alter: alter(func(q url.Values) { q.Add("code", "ac_evil") }), code: oauth.CodeMalformed},
	{name: "with a code and an error", alter: alter(func(q url.Values) { q.Set("error", "access_denied") }), code: oauth.CodeMalformed},
	{name: "with neither code nor error", alter: alter(func(q url.Values) { q.Del("code") }), code: oauth.CodeMalformed},
	{name: "with an endless code", alter: alter(func(q url.Values) { q.Set("code", strings.Repeat("x", 5000)) }), code: oauth.CodeMalformed},
	{name: "that can not be read", alter: func(_ *world, r *http.Request) { r.URL.RawQuery += "&%zz" }, code: oauth.CodeMalformed},
	{name: "that was declined", alter: alter(func(q url.Values) {
		q.Del("code")
		q.Set("error", "access_denied")
		q.Set("error_description", "<b>no</b>")
	}), code: oauth.CodeDeclined},
	{name: "that the provider refused", alter: alter(func(q url.Values) { q.Del("code"); q.Set("error", "invalid_scope") }), code: "invalid_scope"},
	{name: "with an error that is markup", alter: alter(func(q url.Values) { q.Del("code"); q.Set("error", "<script>alert(1)</script>") }), code: oauth.CodeMalformed},
	{name: "with a code that is too old", alter: func(w *world, _ *http.Request) { w.clock.Advance(6 * time.Minute) }, code: "invalid_grant", asked: 1},
	{name: "with a code that nobody gave", alter: alter(func(q url.Values) { q.Set("code", "ac_evil_and_long_enough") }), code: "invalid_grant", asked: 1},
	{name: "with a code of another program", alter: func(w *world, r *http.Request) {
		require.NoError(w.t, w.fake.RegisterOAuth(stripetest.OAuthClient{ID: "ca_other", RedirectURIs: []string{callbackURL}}))
		back, err := w.fake.Consent(strings.Replace(w.begin("t1 s"), clientID, "ca_other", 1), stripetest.Consent{})
		require.NoError(w.t, err)
		*r = *w.request("t1 s", back)
	}, code: "invalid_grant", asked: 1},
	{name: "with a code of a consent to another address", alter: func(w *world, r *http.Request) {
		require.NoError(w.t, w.fake.RegisterOAuth(stripetest.OAuthClient{ID: clientID, RedirectURIs: []string{callbackURL, "https://host.example/other"}}))
		u, _ := url.Parse(w.begin("t1 s"))
		q := u.Query()
		q.Set("redirect_uri", "https://host.example/other")
		u.RawQuery = q.Encode()
		back, err := w.fake.Consent(u.String(), stripetest.Consent{})
		require.NoError(w.t, err)
		*r = *w.request("t1 s", back)
	}, code: "invalid_grant", asked: 1},
	{name: "while the token end point is down", before: breaks(stripetest.Fault{Kind: stripetest.Refused}), code: oauth.CodeNoAnswer},
	{name: "while the token end point is slow", set: func(c *oauth.Config, _ *stripetest.Config) { c.Timeout = 20 * time.Millisecond },
		before: breaks(stripetest.Fault{Kind: stripetest.Stalled}), code: oauth.CodeNoAnswer},
	{name: "and the answer to the code is lost", before: breaks(stripetest.Fault{Kind: stripetest.Lost}), code: oauth.CodeNoAnswer, asked: 1},
	{name: "and half of the answer to the code comes", before: breaks(stripetest.Fault{Kind: stripetest.Half}), code: oauth.CodeNoAnswer, asked: 1},
	{name: "while the token end point answers a page", before: answers(200, "text/html", "<html>maintenance</html>"), code: oauth.CodeBadAnswer},
	{name: "while the token end point answers a page of errors", before: answers(502, "text/html", "<html>bad gateway</html>"), code: oauth.CodeNoAnswer},
	{name: "while the token end point answers in another format", before: answers(200, "text/plain", "access_token=sk_leaked_token&stripe_user_id=acct_1&livemode=false"), code: oauth.CodeBadAnswer},
	{name: "while the token end point answers half an object", before: answers(200, "application/json", `{"access_token":"sk_leaked_token",`), code: oauth.CodeBadAnswer},
	{name: "while the token end point answers nothing", before: answers(200, "application/json", ``), code: oauth.CodeBadAnswer},
	{name: "while the token end point answers no token", before: answers(200, "application/json", `{`+account+`}`), code: oauth.CodeBadAnswer},
	{name: "while the token end point names no account", before: answers(200, "application/json", `{"access_token":"sk_leaked_token","livemode":false,"token_type":"bearer"}`), code: oauth.CodeBadAnswer},
	{name: "while the token end point names no mode", before: answers(200, "application/json", `{"access_token":"sk_leaked_token","stripe_user_id":"acct_1","token_type":"bearer"}`), code: oauth.CodeBadAnswer},
	{name: "while the token end point names an account that is none", before: answers(200, "application/json", `{"access_token":"sk_leaked_token","livemode":false,"stripe_user_id":"acct_1/../2","token_type":"bearer"}`), code: oauth.CodeBadAnswer},
	{name: "while the token end point answers another kind of token", before: answers(200, "application/json", strings.Replace(`{"access_token":"sk_leaked_token",`+account+`}`, "bearer", "mac", 1)), code: oauth.CodeBadAnswer},
	{name: "while the token end point answers without an end", before: answers(200, "application/json", `{"access_token":"`+strings.Repeat("x", 100_000)), code: oauth.CodeBadAnswer},
	{name: "while the token end point leads elsewhere", before: answers(307, "text/html", ""), code: oauth.CodeBadAnswer},
	{name: "while the token end point has too much to do", before: answers(429, "application/json", `{"error":"rate_limit"}`), code: oauth.CodeNoAnswer},
	{name: "while the token end point answers an error with status 200", before: answers(200, "application/json", `{"error":"invalid_grant"}`), code: "invalid_grant"},
	{name: "while the token end point repeats a secret in its words", before: answers(400, "application/json", `{"error":"invalid_grant","error_description":"no such code for `+platformKey+`"}`), code: "invalid_grant"},
	{name: "while the token end point repeats a secret on a page", before: answers(500, "text/html", `no such key: `+platformKey), code: oauth.CodeNoAnswer},
	{name: "while the token end point repeats a secret as a code", before: answers(400, "application/json", `{"error":"`+platformKey+` "}`), code: oauth.CodeBadAnswer},
	{name: "from an account in the other mode", set: func(c *oauth.Config, f *stripetest.Config) {
		live(c, f)
		c.RedirectURL = callbackURL
		p, err := oauth.StripeConnect(oauth.Connect{ClientID: clientID, Key: commerce.Static(commerce.NewSecret("sk_live_platform")), Scope: "read_write"})
		if err == nil {
			c.Provider = p
		}
	}, code: oauth.CodeWrongMode, asked: 1},
	{name: "with a key of the other mode", set: func(_ *oauth.Config, f *stripetest.Config) { f.Livemode, f.Key = true, platformKey }, code: "invalid_grant", asked: 1},
	{name: "with a key that is no good", set: func(_ *oauth.Config, f *stripetest.Config) { f.Key = "sk_test_another" }, code: "invalid_client", asked: 1},
	{name: "without a key", set: func(c *oauth.Config, _ *stripetest.Config) { c.Provider.Secret = noKey{} }, code: oauth.CodeFault},
	{name: "with fewer rights", before: answers(200, "application/json", strings.Replace(`{"access_token":"sk_leaked_token",`+account+`}`, "read_write", "read_only", 1)), code: oauth.CodeWrongScope},
	{name: "from an account of another tenant", alter: func(w *world, r *http.Request) {
		there := w.fake.Merchant("DE")
		a := w.callback(w.consent("t2 s", there))
		require.Equal(w.t, "connected", a.code)
		*r = *w.consent("t1 s", there)
	}, code: oauth.CodeBound, asked: 2},
	{name: "from an account that the tenant connected before", alter: func(w *world, r *http.Request) {
		there := w.fake.Merchant("DE")
		a := w.callback(w.consent("t1 s", there))
		require.Equal(w.t, "connected", a.code)
		*r = *w.consent("t1 s", there)
	}, code: "connected", asked: 2, granted: true},
	{name: "while nothing can be read", alter: func(w *world, _ *http.Request) {
		w.keeper.broken = func(verb string, _ commerce.Ref, _ string) error { return errStore }
	}, code: oauth.CodeFault},
	{name: "while grants can not be written", before: func(w *world) {
		w.keeper.broken = func(verb string, _ commerce.Ref, name string) error {
			if verb == "seal" && name == oauth.GrantName {
				return errStore
			}
			return nil
		}
	}, code: oauth.CodeNotStored, asked: 1},
}

type noKey struct{}

func (noKey) Current(context.Context) (commerce.Secret, error) {
	return commerce.Secret{}, errors.New("the vault is shut")
}
func (noKey) Rejected(context.Context, commerce.Secret) error { return nil }

func TestTheCallbackMatrix(t *testing.T) {
	t.Parallel()
	require.Greater(t, len(matrix), 60)
	for _, c := range matrix {
		t.Run("a callback "+c.name, func(t *testing.T) {
			t.Parallel()
			var settings []setting
			if c.set != nil {
				settings = append(settings, c.set)
			}
			w := build(t, false, settings...)
			w.spy.add("sk_leaked_token")
			w.spy.add("sk_live_platform")
			if c.before != nil {
				c.before(w)
			}
			r := w.consent("t1 s", "")
			if c.alter != nil {
				c.alter(w, r)
			}
			a := w.callback(r)
			require.Equal(t, c.code, a.code, a.body)
			require.Equal(t, c.asked, w.exchanges("authorization_code"))
			for _, owner := range w.keeper.grants() {
				if owner.Tenant == "t1" {
					require.True(t, c.granted, "nobody is connected")
				}
			}
			if c.granted {
				require.NotEmpty(t, w.keeper.grants())
			}
			require.Empty(t, w.leaks(), "no secret is said")
			require.Equal(t, "no-store", a.header.Get("Cache-Control"))
			require.Equal(t, "no-referrer", a.header.Get("Referrer-Policy"))
			require.NotContains(t, a.body, "<script")
			require.Contains(t, a.body, `<a href="/connections">`)
			if a.code != "connected" && a.code != oauth.CodeStateBusy {
				require.Contains(t, a.body, "What to do:")
			}
		})
	}
}

func TestOnlyAGetUsesAStateUp(t *testing.T) {
	t.Parallel()
	w := build(t, false)
	r := w.consent("t1 s", "")
	for _, method := range []string{http.MethodHead, http.MethodPost, http.MethodOptions} {
		other := r.Clone(t.Context())
		other.Method = method
		require.Equal(t, http.StatusMethodNotAllowed, w.callback(other).status, method)
	}
	require.Equal(t, "connected", w.callback(r).code)
}

func TestWhoPutsAUsedCodeIntoAnAnswerOfTheirOwnGainsNothingAndTheGrantIsTakenBack(t *testing.T) {
	t.Parallel()
	w := build(t, false)
	r := w.consent("t1 s", "")
	require.Equal(t, "connected", w.callback(r).code)
	stolen := r.URL.Query().Get("code")
	theirs := w.consent("t2 s", "")
	alter(func(q url.Values) { q.Set("code", stolen) })(w, theirs)
	require.Equal(t, "invalid_grant", w.callback(theirs).code)
	require.Len(t, w.keeper.grants(), 1)
	require.Equal(t, "t1", w.keeper.grants()[0].Tenant)
}

func TestAConsentIsNotBegunForAnotherSiteNorForNobodyNorToLeadAway(t *testing.T) {
	t.Parallel()
	w := build(t, false)
	for name, c := range map[string]struct {
		alter func(*http.Request)
		code  string
	}{
		"nobody":       {func(r *http.Request) { r.Header.Del("X-Session") }, oauth.CodeNoSession},
		"another site": {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, oauth.CodeCrossSite},
		"another host": {func(r *http.Request) { r.URL.RawQuery = "return=https://evil.example/" }, oauth.CodeOpenRedirect},
		"two slashes":  {func(r *http.Request) { r.URL.RawQuery = "return=//evil.example/" }, oauth.CodeOpenRedirect},
		"a backslash":  {func(r *http.Request) { r.URL.RawQuery = "return=/%5Cevil.example/" }, oauth.CodeOpenRedirect},
		"a tab":        {func(r *http.Request) { r.URL.RawQuery = "return=/%09/evil.example/" }, oauth.CodeOpenRedirect},
		"a script":     {func(r *http.Request) { r.URL.RawQuery = "return=javascript:alert(1)" }, oauth.CodeOpenRedirect},
		"no path":      {func(r *http.Request) { r.URL.RawQuery = "return=evil.example" }, oauth.CodeOpenRedirect},
	} {
		r := httptest.NewRequest(http.MethodGet, "https://host.example/oauth/stripe", nil)
		r.Header.Set("X-Session", "t1 s")
		c.alter(r)
		a := w.call(w.flow.Begin(), r)
		require.Equal(t, c.code, a.code, name)
		require.Empty(t, a.header.Get("Location"), name)
	}
	r := httptest.NewRequest(http.MethodGet, "https://host.example/oauth/stripe?return=/shops/7%3Ftab=pay", nil)
	r.Header.Set("X-Session", "t1 s")
	rec := httptest.NewRecorder()
	w.flow.Begin().ServeHTTP(rec, r)
	back, err := w.fake.Consent(rec.Header().Get("Location"), stripetest.Consent{})
	require.NoError(t, err)
	require.Contains(t, w.callback(w.request("t1 s", back)).body, `<a href="/shops/7?tab=pay">`)
}

func TestARequestAsksForWhatWasConfiguredAndNothingReplacesIt(t *testing.T) {
	t.Parallel()
	provider, err := oauth.StripeConnect(oauth.Connect{ClientID: clientID, Key: commerce.Static(commerce.NewSecret(platformKey)), Landing: "register", AlwaysPrompt: true,
		Prefill: func(*http.Request) map[string]string {
			return map[string]string{"country": "DE", "business_name": "A & B"}
		}})
	require.NoError(t, err)
	params := provider.Params
	provider.Params = func(r *http.Request) url.Values {
		v := params(r)
		v.Set("redirect_uri", "https://evil.example")
		v.Set("state", "fixed")
		return v
	}
	w := build(t, false, func(c *oauth.Config, _ *stripetest.Config) { c.Provider = provider })
	u, err := url.Parse(w.begin("t1 s"))
	require.NoError(t, err)
	require.Equal(t, "https://connect.stripe.com/oauth/authorize", u.Scheme+"://"+u.Host+u.Path)
	q := u.Query()
	require.Greater(t, len(q.Get("state")), 26)
	q.Del("state")
	require.Equal(t, url.Values{"client_id": {clientID}, "response_type": {"code"}, "redirect_uri": {callbackURL}, "scope": {"read_only"},
		"stripe_landing": {"register"}, "always_prompt": {"true"}, "stripe_user[country]": {"DE"}, "stripe_user[business_name]": {"A & B"}}, q)
}

func TestATenantWhoBeginsOftenLosesTheOldestState(t *testing.T) {
	t.Parallel()
	w := build(t, false)
	first := w.consent("t1 s", "")
	w.clock.Advance(time.Second)
	var last *http.Request
	for range 16 {
		last = w.consent("t1 s", "")
	}
	require.Equal(t, oauth.CodeStateUnknown, w.callback(first).code)
	require.Equal(t, "connected", w.callback(last).code)
	require.LessOrEqual(t, len(w.keeper.records), 16+2)
}

// storm sends one callback n times at once, to its own session and to others.
func storm(t *testing.T, w *world, n int) (exchanges, wrong int) {
	r := w.consent("t1 s", "")
	if w.keeper.blind {
		w.keeper.together(50)
	}
	sessions := []string{"t1 s", "t1 s", "t1 other", "t2 s"}
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	var connected atomic.Int64
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			mine := r.Clone(t.Context())
			mine.Header.Set("X-Session", sessions[i%len(sessions)])
			ready.Done()
			<-start
			if w.callback(mine).code == "connected" {
				connected.Add(1)
			}
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	for _, owner := range w.keeper.grants() {
		if owner.Tenant != "t1" {
			wrong++
		}
	}
	return w.exchanges("authorization_code"), wrong
}

func TestOfAThousandCallbacksOneExchangesTheCode(t *testing.T) {
	t.Parallel()
	w := build(t, false)
	exchanges, wrong := storm(t, w, 1000)
	require.Equal(t, 1, exchanges)
	require.Zero(t, wrong, "nobody else is connected")
	require.Len(t, w.keeper.grants(), 1)
	require.Equal(t, []string{"connected"}, w.kinds())
	require.Empty(t, w.leaks())
}

func TestOverAVaultToo(t *testing.T) {
	t.Parallel()
	keeper := safe()
	w := build(t, false, func(c *oauth.Config, _ *stripetest.Config) { c.Keeper = keeper })
	exchanges, _ := storm(t, w, 200)
	require.Equal(t, 1, exchanges)
	require.Equal(t, []string{"connected"}, w.kinds())
	var grants []string
	for _, tenant := range []string{"", "t1", "t2"} {
		for e, err := range keeper.List(t.Context(), tenant) {
			require.NoError(t, err)
			if e.Name == oauth.GrantName {
				grants = append(grants, e.Owner.Tenant)
			}
		}
	}
	require.Equal(t, []string{"t1"}, grants)
	require.Empty(t, w.leaks())
}

func TestWithoutItsChecksTheStormDoesHarm(t *testing.T) {
	t.Parallel()
	t.Run("a keeper that does not compare versions", func(t *testing.T) {
		t.Parallel()
		w := build(t, false)
		w.keeper.blind = true
		exchanges, _ := storm(t, w, 200)
		require.Greater(t, exchanges, 1)
	})
	t.Run("a host that tells no tenant from another", func(t *testing.T) {
		t.Parallel()
		one := func(*http.Request) (oauth.Session, error) { return oauth.Session{Tenant: "t1", ID: "s"}, nil }
		w := build(t, false, func(c *oauth.Config, _ *stripetest.Config) { c.Session = one })
		stolen := w.consent("t2 s", "")
		require.Equal(t, "connected", w.callback(stolen).code)
		require.Equal(t, "t1", w.keeper.grants()[0].Tenant, "it is t2's")
	})
	t.Run("a log of requests", func(t *testing.T) {
		t.Parallel()
		w := build(t, false)
		r := w.consent("t1 s", "")
		w.config.Logger.Info("request", "url", r.URL.String())
		require.Len(t, w.leaks(), 2, "code and state")
	})
}

func TestABrowserThatGoesAwayDoesNotStopTheExchange(t *testing.T) {
	t.Parallel()
	w := build(t, false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := w.consent("t1 s", "").WithContext(ctx)
	require.Equal(t, "connected", w.callback(r).code)
}

func TestWhileTheCodeIsExchangedASecondClickIsAskedToWait(t *testing.T) {
	t.Parallel()
	w := build(t, false)
	r := w.consent("t1 s", "")
	var second answer
	w.spy.next = roundTrip(func(req *http.Request) (*http.Response, error) {
		second = w.callback(r.Clone(t.Context()))
		return w.fake.Transport().RoundTrip(req)
	})
	require.Equal(t, "connected", w.callback(r).code)
	require.Equal(t, oauth.CodeStateBusy, second.code)
	require.Equal(t, http.StatusAccepted, second.status)
	require.Equal(t, "2", second.header.Get("Refresh"))
	require.Equal(t, "connected", w.callback(r.Clone(t.Context())).code)
	require.Equal(t, 1, w.exchanges("authorization_code"))
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestWhereTheProviderKnowsPKCEAStolenCodeIsNoGood(t *testing.T) {
	t.Parallel()
	var challenge, sent string
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		sent = r.PostFormValue("code_verifier")
		rw.Header().Set("Content-Type", "application/json")
		if oauth2.S256ChallengeFromVerifier(sent) != challenge {
			rw.WriteHeader(http.StatusBadRequest)
			_, _ = rw.Write([]byte(`{"error":"invalid_grant"}`))
			return
		}
		_, _ = rw.Write([]byte(`{"access_token":"erp-access","refresh_token":"erp-refresh","expires_in":"600","token_type":"Bearer"}`))
	}))
	defer server.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	provider := oauth.Provider{Name: "erpnext", System: "erpnext", AuthURL: server.URL + "/authorize", TokenURL: server.URL + "/token", ClientID: "c1",
		Secret: commerce.Static(commerce.NewSecret("client-secret")), Scopes: []string{"all", "openid"}, PKCE: true,
		Identify: func(*oauth2.Token) (oauth.Identity, error) {
			return oauth.Identity{Account: "erp.example", Mode: commerce.Test}, nil
		}}
	w := build(t, false, func(c *oauth.Config, _ *stripetest.Config) { c.Provider = provider })
	w.config.Transport = transport
	var err error
	w.flow, err = oauth.New(w.config)
	require.NoError(t, err)

	begin := func(tenant string) *http.Request {
		u, err := url.Parse(w.begin(tenant + " s"))
		require.NoError(t, err)
		require.Equal(t, "all openid", u.Query().Get("scope"))
		require.Equal(t, "S256", u.Query().Get("code_challenge_method"))
		challenge = u.Query().Get("code_challenge")
		return w.request(tenant+" s", callbackURL+"?code=the-code&state="+u.Query().Get("state"))
	}
	r := begin("t1")
	begin("t2") // whose consent the code is of
	require.Equal(t, "invalid_grant", w.callback(r).code)
	require.Equal(t, "connected", w.callback(begin("t3")).code)
	require.Len(t, sent, 43)
	w.spy.add(sent)
	w.spy.add("client-secret")
	w.spy.add("erp-access")
	require.Empty(t, w.leaks())
	owner := commerce.Ref{Tenant: "t3", System: "erpnext", Account: "erp.example", Mode: commerce.Test}
	token, err := w.flow.Credentials(owner).Current(t.Context())
	require.NoError(t, err)
	require.Equal(t, "erp-access", token.Reveal())
	g, err := w.flow.Grant(t.Context(), owner)
	require.NoError(t, err)
	require.Equal(t, w.clock.Now().Add(10*time.Minute), g.Expires)
}

func TestAFlowIsMadeOfWhatCanBeUsed(t *testing.T) {
	t.Parallel()
	for field, bad := range map[string]func(*oauth.Config){
		"Config.Mode":         func(c *oauth.Config) { c.Mode = "both" },
		"Config.RedirectURL":  func(c *oauth.Config) { c.RedirectURL = "http://host.example/" },
		"Config.Keeper":       func(c *oauth.Config) { c.Keeper = nil },
		"Config.Session":      func(c *oauth.Config) { c.Session = nil },
		"Config.Home":         func(c *oauth.Config) { c.Home = "https://evil.example" },
		"Config.Timeout":      func(c *oauth.Config) { c.Timeout = -1 },
		"Provider.Name":       func(c *oauth.Config) { c.Provider.Name = "" },
		"Provider.TokenURL":   func(c *oauth.Config) { c.Provider.TokenURL = "http://connect.example/token" },
		"Provider.ClientID":   func(c *oauth.Config) { c.Provider.ClientID = "" },
		"Provider.Secret":     func(c *oauth.Config) { c.Provider.Secret = nil },
		"Provider.IssuerSaid": func(c *oauth.Config) { c.Provider.IssuerSaid = true },
		"Provider.Identify":   func(c *oauth.Config) { c.Provider.Identify = nil },
	} {
		c := build(t, false).config
		bad(&c)
		_, err := oauth.New(c)
		require.ErrorIs(t, err, commerce.ErrInvalid, field)
		require.ErrorContains(t, err, field)
	}
	c := build(t, false).config
	c.RedirectURL = "http://127.0.0.1:8080/callback"
	_, err := oauth.New(c)
	require.NoError(t, err)
	c.Mode = commerce.Live
	_, err = oauth.New(c)
	require.ErrorContains(t, err, "Config.RedirectURL")
	_, err = oauth.StripeConnect(oauth.Connect{Scope: "everything"})
	require.ErrorContains(t, err, "Connect.Scope")
	_, err = oauth.StripeConnect(oauth.Connect{Landing: "garden"})
	require.ErrorContains(t, err, "Connect.Landing")
}
