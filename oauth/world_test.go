package oauth_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
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
	"github.com/commercesync/commerce/oauth"
	"github.com/commercesync/commerce/stripe/stripetest"
)

const (
	callbackURL = "https://host.example/oauth/stripe/callback"
	platformKey = "sk_test_platform"
	clientID    = "ca_platform"
)

// world is a host program, a Stripe, and everything that was said between them.
type world struct {
	t      testing.TB
	fake   *stripetest.Fake
	clock  *clock.Manual
	keeper *keeper
	flow   *oauth.Flow
	config oauth.Config
	spy    *spy

	mu      sync.Mutex
	logs    bytes.Buffer
	notices []oauth.Notice
}

// Write is the log.
func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.logs.Write(p)
}

func (w *world) notify(_ context.Context, n oauth.Notice) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notices = append(w.notices, n)
	return nil
}

// kinds are the notices that were sent.
func (w *world) kinds() (out []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.notices {
		kind := string(n.Kind)
		if n.Reason != "" {
			kind += " " + n.Reason
		}
		out = append(out, kind)
	}
	return out
}

type setting func(*oauth.Config, *stripetest.Config)

// build makes a world; app makes it a Stripe App instead of a Connect platform.
func build(t testing.TB, app bool, settings ...setting) *world {
	w := &world{t: t, clock: clock.At(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)), keeper: newKeeper()}
	fakeConfig := stripetest.Config{Seed: 7, Now: w.clock.Now, Key: platformKey}
	key := commerce.Static(commerce.NewSecret(platformKey))
	provider, err := oauth.StripeConnect(oauth.Connect{ClientID: clientID, Key: key, Scope: "read_write"})
	if app {
		provider, err = oauth.StripeApp(oauth.App{ClientID: clientID, Key: key})
	}
	require.NoError(t, err)
	c := oauth.Config{Provider: provider, Mode: commerce.Test, RedirectURL: callbackURL, Keeper: w.keeper, Notify: w.notify,
		Session: sessionOf, Now: w.clock.Now, Timeout: 10 * time.Second, Home: "/connections",
		Logger: slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	for _, set := range settings {
		set(&c, &fakeConfig)
	}
	w.fake, err = stripetest.New(fakeConfig)
	require.NoError(t, err)
	require.NoError(t, w.fake.RegisterOAuth(stripetest.OAuthClient{ID: clientID, RedirectURIs: []string{callbackURL}, App: app}))
	w.spy = &spy{next: w.fake.Transport(), seen: map[string]bool{}}
	w.spy.add(fakeConfig.Key)
	c.Transport = w.spy
	w.config = c
	w.flow, err = oauth.New(c)
	require.NoError(t, err)
	return w
}

// sessionOf reads "tenant session" from a header, as a host would from a cookie.
func sessionOf(r *http.Request) (oauth.Session, error) {
	tenant, session, ok := strings.Cut(r.Header.Get("X-Session"), " ")
	if !ok {
		return oauth.Session{}, errors.New("nobody is logged in")
	}
	return oauth.Session{Tenant: tenant, ID: session, Actor: "person-of-" + tenant}, nil
}

// begin is the click on "Connect with Stripe"; it returns where the browser is sent.
func (w *world) begin(session string) string {
	r := httptest.NewRequest(http.MethodGet, "https://host.example/oauth/stripe", nil)
	r.Header.Set("X-Session", session)
	rec := httptest.NewRecorder()
	w.flow.Begin().ServeHTTP(rec, r)
	require.Equal(w.t, http.StatusSeeOther, rec.Code, rec.Body.String())
	at := rec.Header().Get("Location")
	u, err := url.Parse(at)
	require.NoError(w.t, err)
	w.spy.add(u.Query().Get("state"))
	return at
}

// consent is the merchant's yes; it returns the request that the browser then makes.
func (w *world) consent(session, account string) *http.Request {
	back, err := w.fake.Consent(w.begin(session), stripetest.Consent{Account: account})
	require.NoError(w.t, err)
	return w.request(session, back)
}

func (w *world) request(session, back string) *http.Request {
	u, err := url.Parse(back)
	require.NoError(w.t, err)
	w.spy.add(u.Query().Get("code"))
	r := httptest.NewRequest(http.MethodGet, back, nil)
	r.Header.Set("X-Session", session)
	return r
}

// answer is what the person sees.
type answer struct {
	status int
	code   string
	body   string
	header http.Header
}

func (w *world) call(h http.Handler, r *http.Request) answer {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	a := answer{status: rec.Code, body: rec.Body.String(), header: rec.Header()}
	if _, rest, ok := strings.Cut(a.body, "code <code>"); ok {
		a.code, _, _ = strings.Cut(rest, "</code>")
	}
	w.mu.Lock()
	w.logs.WriteString(a.body)
	w.mu.Unlock()
	return a
}

func (w *world) callback(r *http.Request) answer { return w.call(w.flow.Callback(), r) }

// connect goes all the way and returns the connection.
func (w *world) connect(tenant string) commerce.Ref {
	account := w.fake.Merchant("DE")
	a := w.callback(w.consent(tenant+" s", account))
	require.Equal(w.t, "connected", a.code, a.body)
	return commerce.Ref{Tenant: tenant, System: "stripe", Account: account, Mode: w.config.Mode}
}

// exchanges counts the requests for tokens of one kind.
func (w *world) exchanges(kind string) (n int) {
	for _, c := range w.fake.Calls() {
		if len(c.Params["grant_type"]) == 1 && c.Params["grant_type"][0] == kind {
			n++
		}
	}
	return n
}

// leaks finds every secret that was ever used in what was logged and shown.
func (w *world) leaks(also ...error) (found []string) {
	w.mu.Lock()
	text := w.logs.String()
	w.mu.Unlock()
	for _, err := range also {
		text += "\n" + err.Error()
	}
	for _, secret := range w.spy.secrets() {
		if strings.Contains(text, secret) {
			found = append(found, secret)
		}
	}
	return found
}

// spy remembers every secret that travels.
type spy struct {
	next http.RoundTripper
	mu   sync.Mutex
	seen map[string]bool
}

func (s *spy) add(secret string) {
	if len(secret) < 6 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[secret] = true
}

func (s *spy) secrets() (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for secret := range s.seen {
		out = append(out, secret)
	}
	return out
}

func (s *spy) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		form, _ := url.ParseQuery(string(body))
		for _, name := range []string{"code", "client_secret", "refresh_token", "code_verifier"} {
			s.add(form.Get(name))
		}
	}
	if user, _, ok := r.BasicAuth(); ok {
		s.add(user)
	}
	resp, err := s.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	var answer map[string]any
	if json.Unmarshal(body, &answer) == nil {
		for _, name := range []string{"access_token", "refresh_token"} {
			text, _ := answer[name].(string)
			s.add(text)
		}
	}
	resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), fails{err}))
	return resp, nil
}

// fails ends a body as it ended.
type fails struct{ err error }

func (f fails) Read([]byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return 0, io.EOF
}
