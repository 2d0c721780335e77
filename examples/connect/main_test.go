package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/oauth"
	"github.com/commercesync/commerce/stripe/stripetest"
)

const factorSecret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" // of RFC 6238, appendix B

// person is a browser, and the program that it looks at.
type person struct {
	t      *testing.T
	app    *app
	client *http.Client
	at     string
	now    time.Time
}

func start(t *testing.T, env map[string]string) *person {
	t.Helper()
	p := &person{t: t, now: time.Now()}
	var handler http.Handler
	server := serve(t, &handler)
	get := func(name string) string {
		if name == "TOTP_SECRET" {
			return factorSecret
		}
		return env[name]
	}
	a, err := compose(t.Context(), slog.New(slog.DiscardHandler), get, server)
	require.NoError(t, err)
	t.Cleanup(a.close)
	a.people.factor.now = func() time.Time { return p.now }
	handler = a.handler()
	p.app, p.at = a, server
	p.client = p.browser()
	return p
}

// browser is another browser of the same person, who is logged in.
func (p *person) browser() *http.Client {
	jar, err := cookiejar.New(nil)
	require.NoError(p.t, err)
	c := &http.Client{Jar: jar, Timeout: time.Minute}
	resp, err := c.Get(p.at + "/login?token=" + p.app.people.token)
	require.NoError(p.t, err)
	require.NoError(p.t, resp.Body.Close())
	require.Equal(p.t, http.StatusOK, resp.StatusCode)
	return c
}

func (p *person) read(resp *http.Response, err error) (int, string) {
	p.t.Helper()
	require.NoError(p.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(p.t, err)
	return resp.StatusCode, string(b)
}

func (p *person) get(path string) (int, string) {
	p.t.Helper()
	return p.read(p.client.Get(p.at + path))
}

func (p *person) post(path string, form ...string) (int, string) {
	p.t.Helper()
	v := url.Values{}
	for i := 0; i < len(form); i += 2 {
		v.Set(form[i], form[i+1])
	}
	return p.read(p.client.PostForm(p.at+path, v))
}

// code is what the authenticator app shows.
func (p *person) code() string { return p.app.people.factor.code(p.app.people.factor.step()) }

// begin follows the button to Stripe, decides there, and returns the way back.
func (p *person) begin(c stripetest.Consent) string {
	p.t.Helper()
	once := *p.client
	once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := once.Get(p.at + "/connect/stripe")
	require.NoError(p.t, err)
	require.NoError(p.t, resp.Body.Close())
	back, err := p.app.demo.fake.Consent(resp.Header.Get("Location"), c)
	require.NoError(p.t, err)
	return strings.TrimPrefix(back, p.at)
}

// connect does all of it.
func (p *person) connect() (account string) {
	p.t.Helper()
	status, page := p.get(p.begin(stripetest.Consent{}))
	require.Equal(p.t, http.StatusOK, status, page)
	require.Contains(p.t, page, "Connected")
	return regexp.MustCompile(`acct_\w+`).FindString(page)
}

func TestAnAccountIsConnectedSeenAndDisconnected(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	_, page := p.get("/")
	require.Contains(t, page, "Nothing is connected yet")
	account := p.connect()
	_, page = p.get("/")
	require.Contains(t, page, account)
	require.Equal(t, 2, strings.Count(page, "Healthy"), "the account and the key")

	require.True(t, p.app.demo.fake.Disconnect(account), "the merchant takes it away at Stripe")
	_, page = p.post("/check")
	require.Contains(t, page, "Broken")
	require.Contains(t, page, "What to do")

	status, page := p.post("/disconnect", "account", account)
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, page, "authenticator")
	status, page = p.post("/disconnect", "account", account, "code", "000000")
	require.Equal(t, http.StatusForbidden, status)
	require.Contains(t, page, "The code is wrong")
	_, page = p.post("/disconnect", "account", account, "code", p.code())
	require.Contains(t, page, account+" is disconnected")
	require.Contains(t, page, "Nothing is connected yet")
}

func TestAKeyIsRotatedRolledBackAndRetired(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	account := p.connect()
	status, page := p.post("/key", "key", "sk_test_typing_error", "code", p.code())
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, page, "Stripe refused the key")
	_, page = p.post("/key", "key", "sk_live_other_mode")
	require.Contains(t, page, "right mode")
	_, page = p.post("/key", "key", "whatever")
	require.Contains(t, page, "begins with sk_")
	_, page = p.post("/key", "key", p.app.demo.keys[1])
	require.Contains(t, page, "The key was rotated")
	require.Contains(t, page, "Key 2 ")
	_, page = p.post("/key/rollback")
	require.Contains(t, page, "in use again")
	require.Contains(t, page, "Waiting")
	p.now = p.now.Add(6 * time.Minute)
	status, page = p.post("/key", "key", p.app.demo.keys[1])
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, page, "authenticator", "the proof is too old")
	_, page = p.post("/key", "key", p.app.demo.keys[1], "code", p.code())
	require.Contains(t, page, "The key was rotated")
	_, page = p.post("/key/retire")
	require.Contains(t, page, "forgotten")
	require.False(t, p.app.demo.takes(p.app.demo.keys[0]), "and ended")
	_, page = p.post("/check")
	require.Contains(t, page, account)
	require.Equal(t, 2, strings.Count(page, "Healthy"), page)

	for _, l := range []string{"/access.csv", "/access.jsonl"} {
		status, log := p.get(l)
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, log, "roll_back")
		require.Contains(t, log, "forbidden")
		for _, secret := range append(p.app.demo.keys, p.app.people.token, factorSecret) {
			require.NotContains(t, log, secret)
		}
	}
	_, err := p.app.access.Verify(t.Context())
	require.NoError(t, err)
}

func TestACallbackThatIsNoAnswerShowsAClearPage(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	status, page := p.get(p.begin(stripetest.Consent{Declined: true}))
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "Not connected")
	require.Contains(t, page, oauth.CodeDeclined)

	back := p.begin(stripetest.Consent{})
	status, _ = p.get(back)
	require.Equal(t, http.StatusOK, status)
	status, page = p.get(back)
	require.Equal(t, http.StatusOK, status, "a double click sees the first answer")
	require.Contains(t, page, "Connected")
	status, page = p.get(strings.Replace(back, "code=ac_", "code=ac_0", 1))
	require.Equal(t, http.StatusConflict, status)
	require.Contains(t, page, oauth.CodeStateUsed)
	status, page = p.read(p.browser().Get(p.at + back))
	require.Equal(t, http.StatusForbidden, status)
	require.Contains(t, page, oauth.CodeOtherSession)
	status, page = p.read(http.Get(p.at + back))
	require.Equal(t, http.StatusUnauthorized, status)
	require.Contains(t, page, oauth.CodeNoSession)
}

func TestNobodyButTheOwnerSeesAnything(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	for _, path := range []string{"/", "/key", "/disconnect?account=acct_1", "/access.csv", "/login?token=guess"} {
		status, page := p.read(http.Get(p.at + path))
		require.Equal(t, http.StatusUnauthorized, status, path)
		require.NotContains(t, page, "sk_")
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.at+"/check", nil)
	require.NoError(t, err)
	r.Header.Set("Origin", "https://evil.example")
	status, _ := p.read(p.client.Do(r))
	require.Equal(t, http.StatusForbidden, status, "another site's form")
}

func TestASecondFactorIsThatOfTheStandard(t *testing.T) {
	t.Parallel()
	f, err := newTOTP(factorSecret)
	require.NoError(t, err)
	at := time.Unix(0, 0)
	f.now = func() time.Time { return at }
	for seconds, want := range map[int64]string{59: "287082", 1111111109: "081804", 1234567890: "005924", 20000000000: "353130"} {
		require.Equal(t, want, f.code(seconds/30))
	}
	at = time.Unix(1111111109, 0)
	require.True(t, f.check("081 804"))
	require.False(t, f.check("081804"), "it works once")
	require.False(t, f.check(f.code(f.step()-1)), "and none before it")
	require.True(t, f.check(f.code(f.step()+1)))
	require.False(t, f.check(""))
	_, err = newTOTP("short")
	require.ErrorContains(t, err, "TOTP_SECRET")
}

func TestGuessesOfTheSecondFactorAreBounded(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	for range maxWrong {
		p.post("/key/retire", "code", "000000")
	}
	status, _ := p.post("/key/retire", "code", p.code())
	require.Equal(t, http.StatusForbidden, status)
	p.now = p.now.Add(proofFor)
	status, page := p.post("/key/retire", "code", p.code())
	require.Equal(t, http.StatusOK, status, page)
}

// TestConnectionsOutliveTheProgram: Stripe is a fake, reached as Stripe is.
func TestConnectionsOutliveTheProgram(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	far, err := newDemo("https://connect.example/connect/stripe/callback")
	require.NoError(t, err)
	t.Cleanup(far.close)
	env := map[string]string{"STRIPE_CLIENT_ID": far.client, "STRIPE_KEY": far.keys[0], "PUBLIC_URL": "https://connect.example/", "STRIPE_URL": far.url, "DATA": dir}
	owner := commerce.Ref{Tenant: tenant, System: "stripe", Account: "acct_1", Mode: commerce.Test}
	for i := range 2 {
		a, err := compose(t.Context(), slog.New(slog.DiscardHandler), func(name string) string { return env[name] }, "http://127.0.0.1:1")
		require.NoError(t, err)
		key, err := a.key.Current(t.Context())
		require.NoError(t, err)
		require.Equal(t, far.keys[i], key.Reveal())
		if i == 0 { // what a page does
			require.NoError(t, a.key.Put(withProof(t.Context()), commerce.NewSecret(far.keys[1]), time.Time{}))
			require.NoError(t, a.key.Switch(withProof(t.Context())))
			_, err = a.guard.Seal(t.Context(), owner, oauth.GrantName, []byte(`{"account":"acct_1"}`), 0)
			require.NoError(t, err)
		}
		found, err := a.accounts(t.Context())
		require.NoError(t, err)
		require.Len(t, found, 1)
		_, err = a.access.Verify(t.Context())
		require.NoError(t, err)
		a.close()
	}
	raw, err := os.ReadFile(filepath.Join(dir, "connect.db"))
	require.NoError(t, err)
	for _, key := range far.keys {
		require.NotContains(t, string(raw), key)
	}
	env["DATA"], env["STRIPE_KEY"] = t.TempDir(), "sk_test_nobodys"
	_, err = compose(t.Context(), slog.New(slog.DiscardHandler), func(name string) string { return env[name] }, "http://127.0.0.1:1")
	require.ErrorContains(t, err, "STRIPE_KEY")
}

func TestSettingsAreAllThereOrNone(t *testing.T) {
	t.Parallel()
	err := run(t.Context(), slog.New(slog.DiscardHandler), io.Discard, func(name string) string {
		return map[string]string{"STRIPE_KEY": "sk_test_1", "LISTEN": "127.0.0.1:0"}[name]
	})
	require.ErrorContains(t, err, "STRIPE_CLIENT_ID")
}

func TestTheProgramSaysWhereToLogInAndEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, slog.New(slog.DiscardHandler), in, func(name string) string { return map[string]string{"LISTEN": "127.0.0.1:0"}[name] })
		_ = in.Close()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	go func() { _, _ = io.Copy(io.Discard, out) }()
	resp, err := http.Get(strings.TrimSpace(strings.TrimPrefix(line, "Open")))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	stop()
	require.NoError(t, <-ended)
}

// serve serves what *h will be.
func serve(t *testing.T, h *http.Handler) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*h).ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	return s.URL
}
