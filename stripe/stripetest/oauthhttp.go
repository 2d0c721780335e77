package stripetest

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

// serveOAuth answers what connect.stripe.com and marketplace.stripe.com do; it reports
// whether the request was for them.
func (f *Fake) serveOAuth(w http.ResponseWriter, r *http.Request) bool {
	switch path := r.URL.Path; path {
	case "/oauth/authorize", "/oauth/v2/authorize":
		f.servePage(w, r)
	case "/oauth/token", "/oauth/deauthorize", "/v1/oauth/token":
		f.serveToken(w, r)
	default:
		return false
	}
	return true
}

// servePage is what a merchant sees: GET asks, POST decides.
func (f *Fake) servePage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	p := f.badClient(r.URL.Path, q)
	switch {
	case p != nil:
		w.WriteHeader(p.status)
		_ = oauthPages.ExecuteTemplate(w, "problem", p.said)
	case r.Method == http.MethodGet:
		var accounts []string
		for _, a := range f.home.accounts.rows {
			accounts = append(accounts, a.id)
		}
		_ = oauthPages.ExecuteTemplate(w, "consent", map[string]any{"Client": q.Get("client_id"), "Scope": q.Get("scope"), "Accounts": accounts})
	case r.Method == http.MethodPost:
		r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
		if err := r.ParseForm(); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		at := f.decide(q, Consent{Account: r.PostForm.Get("account"), Declined: r.PostForm.Get("decision") != "connect"})
		w.Header().Set("Location", at.String())
		w.WriteHeader(http.StatusSeeOther)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

var oauthPages = template.Must(template.New("").Parse(`
{{define "problem"}}<!doctype html><title>Stripe (fake)</title><h1>Something went wrong</h1><p>{{.}}</p>{{end}}
{{define "consent"}}<!doctype html><html lang="en"><title>Stripe (fake)</title>
<h1>{{.Client}} wants to connect to your account</h1><p>It asks for: {{or .Scope "what its manifest says"}}</p>
<form method="post"><p><label>Account <select name="account"><option value="">a new one</option>{{range .Accounts}}<option>{{.}}</option>{{end}}</select></label></p>
<button id="connect" name="decision" value="connect">Connect</button> <button id="cancel" name="decision" value="cancel">Cancel</button></form></html>{{end}}`))

// serveToken answers programs. The secret key comes as client_secret, as a bearer or as
// the user of basic authentication; an app's in the last two ways only.
func (f *Fake) serveToken(w http.ResponseWriter, r *http.Request) {
	app := strings.HasPrefix(r.URL.Path, "/v1/")
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	var q url.Values
	if err := r.ParseForm(); err == nil {
		q = r.PostForm
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tick()
	f.home.requests++
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		key, _, ok = r.BasicAuth()
	}
	if !ok && !app {
		key = q.Get("client_secret")
	}
	out, p := object(nil), (*oauthProblem)(nil)
	switch {
	case r.Method != http.MethodPost:
		p = &oauthProblem{405, "invalid_request", "Only POST is supported"}
	case key == "" || !strings.HasPrefix(key, "sk_") || f.config.Key != "" && key != f.config.Key || f.home.oauth.access[key] != nil:
		p = &oauthProblem{401, "invalid_client", "No such API key: " + key}
	case strings.HasPrefix(key, "sk_live_") != f.config.Livemode:
		p = &oauthProblem{400, "invalid_grant", "The key is of another mode than what was authorized"}
	case r.URL.Path == "/oauth/deauthorize":
		out, p = f.deauthorize(q)
	case q.Get("grant_type") == "authorization_code":
		out, p = f.exchange(q, app)
	case q.Get("grant_type") == "refresh_token":
		out, p = f.renew(q, app)
	default:
		p = &oauthProblem{400, "unsupported_grant_type", fmt.Sprintf("Invalid grant type: %q", q.Get("grant_type"))}
	}
	status := http.StatusOK
	if p != nil {
		status, out = p.status, object{"error": p.code, "error_description": p.said}
		if app && p.code == "invalid_client" { // the door of api.stripe.com has words of its own
			out = object{"error": object{"type": "invalid_request_error", "message": p.said}}
		}
	}
	b, _ := encode(out)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	f.home.remember(Call{Method: r.Method, Path: r.URL.Path, Params: q, Status: status})
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

// bearer finds the account that an access token is for. It reports false where the key
// is none that OAuth handed out.
func (f *Fake) bearer(key string) (*Fake, *problem, bool) {
	t, ok := f.home.oauth.access[key]
	switch {
	case !ok:
		return nil, nil, false
	case !f.holds(t):
		return nil, &problem{status: 401, kind: "invalid_request_error", code: "api_key_expired", message: "Expired API Key provided", early: true}, true
	}
	return f.home.connected[t.account], nil, true
}
