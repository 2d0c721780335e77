package nopcommerce

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

// Login is how a program logs in: with a name and a password, or with a token that it
// was given.
type Login struct {
	// Email and Username of an account; the shop's settings say which one it reads, and
	// one of them is enough if it is that one. The official API asks for the right
	// "Access Web API Backend" and for no other; the community API for the role "Api
	// Users" and the right to manage orders.
	Email    string
	Username string
	Password commerce.Secret

	// Token is used as it is, without a login.
	Token commerce.Secret
}

func (l Login) check() error {
	named := l.Email != "" || l.Username != "" || !l.Password.Empty()
	switch {
	case named && !l.Token.Empty():
		return loginError("Login must hold a password or a token, not both")
	case l.Token.Empty() && (l.Password.Empty() || l.Email == "" && l.Username == ""):
		return loginError("Login needs Email or Username together with Password, or Token")
	}
	return nil
}

func loginError(text string) *commerce.Error {
	return &commerce.Error{Kind: commerce.KindAuth, System: system, Op: "log in", Outcome: commerce.NotSent, Code: CodeLogin, Text: text}
}

// freshParam is a parameter that the shop does not know and that makes each GET another
// address for caches.
const freshParam = "_"

func randomNonce() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

type strangerKey struct{}

// tokens adds a token to every attempt. It sits below the retries.
type tokens struct {
	next  http.RoundTripper
	creds commerce.Credentials[Login]
	now   func() time.Time
	nonce func() string
	pause time.Duration
	api   API
	base  *url.URL

	turn    chan struct{} // holds one while a token is fetched: single flight
	token   token         // guarded by turn
	refused Login         // guarded by turn: the shop refused it
	until   time.Time     // guarded by turn: and is not asked again before then
}

// token is what a login gave.
type token struct {
	login          Login
	text           string
	since, expires time.Time
}

// RoundTrip sends a request with a token. A token that is refused is renewed once, for all
// who wait; a login that is refused is told to its source once.
func (t *tokens) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close() // every attempt has a copy of its own
	}
	ctx := r.Context()
	if stranger, _ := ctx.Value(strangerKey{}).(bool); stranger {
		return t.send(r, "no-token")
	}
	login, err := t.creds.Current(ctx)
	if err != nil {
		return nil, loginTrouble(err)
	}
	resp, refused, err := t.attempt(r, login)
	if !refused {
		return resp, err
	}
	if told := t.creds.Rejected(ctx, login); told != nil {
		if resp != nil || commerce.KindOf(told) == commerce.KindAuth {
			return resp, err // the refusal itself says more
		}
		return nil, loginTrouble(told)
	}
	if resp != nil {
		resp.Body.Close()
	}
	if login, err = t.creds.Current(ctx); err != nil {
		return nil, loginTrouble(err)
	}
	resp, _, err = t.attempt(r, login)
	return resp, err
}

// attempt sends r as a login; refused says that the login is no good.
func (t *tokens) attempt(r *http.Request, login Login) (resp *http.Response, refused bool, err error) {
	if err := login.check(); err != nil {
		return nil, false, err
	}
	if !login.Token.Empty() {
		resp, err = t.send(r, login.Token.Reveal())
		return resp, err == nil && resp.StatusCode == http.StatusUnauthorized, err
	}
	had, err := t.take(r.Context(), login, "")
	if err != nil {
		return nil, isLogin(err), err
	}
	resp, err = t.send(r, had.text)
	// A token that is young was not refused for its age; a login a minute is enough.
	if err != nil || resp.StatusCode != http.StatusUnauthorized || t.now().Sub(had.since) < fresh {
		return resp, false, err
	}
	resp.Body.Close()
	if had, err = t.take(r.Context(), login, had.text); err != nil {
		return nil, isLogin(err), err
	}
	resp, err = t.send(r, had.text)
	return resp, false, err
}

// fresh is how young a token is that was refused for another reason than its age: the
// account was switched off, or has to log in by hand.
const fresh = time.Minute

func isLogin(err error) bool {
	var e *commerce.Error
	return errors.As(err, &e) && e.Code == CodeLogin
}

// send sends a copy of r with a token and, if it is a GET, past every cache.
func (t *tokens) send(r *http.Request, text string) (*http.Response, error) {
	out := r.Clone(r.Context())
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, loginTrouble(err)
		}
		out.Body = body
	}
	out.Header.Set("Authorization", "Bearer "+text)
	out.Header.Set("Cache-Control", "no-cache, no-store")
	out.Header.Set("Pragma", "no-cache")
	if r.Method == http.MethodGet {
		if out.URL.RawQuery != "" {
			out.URL.RawQuery += "&"
		}
		out.URL.RawQuery += freshParam + "=" + url.QueryEscape(t.nonce())
		if writes(r.Context()) {
			// net/http sends a GET again by itself when a kept connection breaks, unless
			// it has a body that can not be had twice. This one is empty, and none is sent.
			out.Body, out.GetBody = io.NopCloser(strings.NewReader("")), nil
		}
	}
	return t.next.RoundTrip(out)
}

// take returns the token to use, fetching one if there is none, if it ends soon, or if it
// is the one that was refused.
func (t *tokens) take(ctx context.Context, login Login, refused string) (token, error) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return token{}, loginTrouble(ctx.Err())
	}
	if t.token.login == login && t.token.text != "" && t.token.text != refused && t.now().Before(t.token.expires) {
		return t.token, nil
	}
	if t.refused == login && t.now().Before(t.until) {
		e := loginError("the shop refused this login; it is not tried again for a while, as the shop locks accounts")
		e.RetryAfter = t.until.Sub(t.now())
		return token{}, e
	}
	got, err := t.logIn(ctx, login)
	if err != nil {
		if isLogin(err) {
			t.refused, t.until = login, t.now().Add(t.pause)
		}
		return token{}, err
	}
	t.token = got
	return got, nil
}

// maxLogin bounds the answer to a login, in bytes.
const maxLogin = 64 << 10

// tokenLife is how long a token is kept that does not say when it ends. The shop's default
// is 7 days.
const tokenLife = 12 * time.Hour

// logIn asks for a token once. It is never repeated: a wrong password locks the account.
func (t *tokens) logIn(ctx context.Context, login Login) (token, error) {
	const op = "log in"
	u := *t.base
	var body any
	if t.api == Official {
		u.Path += "/api-backend/Authenticate/GetToken"
		body = struct {
			Username string `json:"username"`
			Email    string `json:"email"`
			Password string `json:"password"`
		}{either(login.Username, login.Email), either(login.Email, login.Username), login.Password.Reveal()}
	} else {
		u.Path += "/token"
		body = struct {
			Guest    bool   `json:"guest"`
			Username string `json:"username"`
			Password string `json:"password"`
			Remember bool   `json:"remember_me"`
		}{false, either(login.Username, login.Email), login.Password.Reveal(), false}
	}
	b, err := json.Marshal(body)
	if err != nil {
		return token{}, loginTrouble(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(b))
	if err != nil {
		return token{}, loginTrouble(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	asked := t.now()
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		// The login failed, so the request itself never left.
		return token{}, &commerce.Error{Kind: commerce.KindUnavailable, System: system, Op: op, Outcome: commerce.NotSent, Err: err}
	}
	defer resp.Body.Close()
	b, err = httpx.ReadAll(resp.Body, maxLogin)
	if err != nil {
		e := bodyError(op, true, resp.StatusCode, err)
		e.Outcome = commerce.NotSent
		return token{}, e
	}
	var answer struct {
		Token   string `json:"token"`
		Access  string `json:"access_token"`
		Created Time   `json:"created_at_utc"`
		Expires Time   `json:"expires_at_utc"`
	}
	if resp.StatusCode != http.StatusOK {
		e := answerError(call{op: op, writes: true, private: true}, resp, b, asked)
		e.Outcome = commerce.NotSent
		if s := resp.StatusCode; httpx.IsJSON(resp.Header) && (s == http.StatusBadRequest || s == http.StatusUnauthorized || s == http.StatusForbidden) {
			e.Kind, e.Code, e.Text = commerce.KindAuth, CodeLogin, "the shop refused name and password"
		}
		return token{}, e
	}
	if err := json.Unmarshal(b, &answer); err != nil || answer.Token+answer.Access == "" {
		return token{}, &commerce.Error{Kind: commerce.KindUnavailable, System: system, Op: op, Outcome: commerce.NotSent,
			Status: resp.StatusCode, Code: CodeNotJSON, Text: "the answer holds no token"}
	}
	got := token{login: login, text: answer.Token + answer.Access, since: asked, expires: asked.Add(tokenLife)}
	if life := answer.Expires.Sub(answer.Created.Time); !answer.Created.IsZero() && life > 0 {
		got.expires = asked.Add(life / 10 * 9)
	} else if life := lifeOf(got.text); life > 0 {
		got.expires = asked.Add(life / 10 * 9)
	}
	return got, nil
}

// lifeOf returns how long a JWT says that it lives; 0 where it does not. nine tenths of it
// are used, by our own clock, as the shop allows for no skew.
func lifeOf(text string) time.Duration {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return 0
	}
	b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	var claims struct { // the shop writes exp as a text, and as a number
		Nbf ID `json:"nbf"`
		Exp ID `json:"exp"`
	}
	if err != nil || json.Unmarshal(b, &claims) != nil || claims.Nbf <= 0 || claims.Exp <= claims.Nbf {
		return 0
	}
	return time.Duration(min(claims.Exp-claims.Nbf, 10*365*24*3600)) * time.Second
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// loginTrouble marks what went wrong before a request could be sent.
func loginTrouble(err error) error {
	kind := commerce.KindOf(err)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		kind = commerce.KindUnavailable
	}
	return &commerce.Error{Kind: kind, System: system, Op: "get token", Outcome: commerce.NotSent,
		RetryAfter: commerce.RetryAfter(err), Err: err}
}
