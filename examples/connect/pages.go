package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/connection"
	"github.com/commercesync/commerce/oauth"
	"github.com/commercesync/commerce/vault"
)

var (
	//go:embed page.html
	pageHTML string
	pages    = template.Must(template.New("").Funcs(template.FuncMap{"when": when, "at": at, "words": words}).Parse(pageHTML))
)

func when(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }

func at(t time.Time) string { return t.UTC().Format("2 Jan, 15:04:05") }

// words makes a text of a name: "roll_back" → "roll back".
func words(s any) string {
	switch s := s.(type) {
	case vault.Verb:
		return strings.ReplaceAll(string(s), "_", " ")
	case string:
		return strings.ReplaceAll(s, "_", " ")
	}
	return ""
}

func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", a.login)
	mux.HandleFunc("GET /{$}", a.known("look at the connections", a.index))
	mux.Handle("GET /connect/stripe", as("connect", a.flow.Begin()))
	mux.Handle("GET /connect/stripe/callback", as("connect", a.flow.Callback()))
	mux.HandleFunc("POST /check", a.known("check", a.checkNow))
	for _, q := range []question{rotateAsk, rollBackAsk, retireAsk, disconnectAsk} {
		mux.HandleFunc("GET "+q.Action, a.known("ask", a.ask(q)))
	}
	mux.HandleFunc("POST "+rotateAsk.Action, a.known("rotate the key", a.rotate))
	mux.HandleFunc("POST "+rollBackAsk.Action, a.known("roll back", a.rollBack))
	mux.HandleFunc("POST "+retireAsk.Action, a.known("forget the old key", a.retire))
	mux.HandleFunc("POST "+disconnectAsk.Action, a.known("disconnect", a.disconnect))
	mux.HandleFunc("GET /access.jsonl", a.known("export", a.export))
	mux.HandleFunc("GET /access.csv", a.known("export", a.export))
	// Forms of other sites are refused; a cookie alone proves nothing.
	return http.NewCrossOriginProtection().Handler(http.MaxBytesHandler(mux, 64<<10))
}

func (a *app) write(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		a.log.Error("page", "name", name, "error", err)
		http.Error(w, "the page can not be written", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// message is a page that says one thing.
type message struct {
	Title, Text, Next, Code, Account, Home, Link string
	Good                                         bool
	Calm                                         bool // it is no bad news
}

func (a *app) login(w http.ResponseWriter, r *http.Request) {
	if !a.people.login(w, r) {
		a.write(w, http.StatusUnauthorized, "message", message{Title: "This link is no good", Text: "It is of another start of the program.", Next: "Open the link that the program printed last."})
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// outcome is what people see when they come back from Stripe.
func (a *app) outcome(w http.ResponseWriter, _ *http.Request, p oauth.Page) {
	if p.Again {
		w.Header().Set("Refresh", "2")
	}
	a.write(w, p.Status, "message", message{Title: p.Title, Text: p.Text, Next: p.Next, Code: p.Code, Account: p.Account, Home: p.Home,
		Link: "Back to your connections", Good: p.OK, Calm: p.Again || p.Code == oauth.CodeDeclined})
}

// as says in the access log what a request is for.
func as(purpose string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(vault.As(r.Context(), owner, purpose)))
	})
}

type handler func(w http.ResponseWriter, r *http.Request, s *session)

// known lets in who is logged in, for a purpose.
func (a *app) known(purpose string, h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s := a.people.of(r)
		if s == nil {
			a.write(w, http.StatusUnauthorized, "message", message{Title: "You are not logged in", Text: "This page belongs to whoever started the program.", Next: "Open the link that it printed."})
			return
		}
		h(w, r.WithContext(vault.As(r.Context(), owner, purpose)), s)
	}
}

// state is a connection with its health.
type state struct {
	Ref       commerce.Ref
	Connected time.Time
	Result    connection.Result
	Worst     commerce.Severity // empty where nothing was found
}

func (s state) Health() string {
	switch {
	case s.Worst == commerce.Broken:
		return "Broken"
	case s.Worst != "":
		return "Needs a look"
	}
	return "Healthy"
}

// index is the page of connections.
func (a *app) index(w http.ResponseWriter, r *http.Request, s *session) {
	ctx := r.Context()
	entries, err := a.accounts(ctx)
	if err != nil {
		a.fail(w, err)
		return
	}
	status, err := a.key.Status(ctx)
	if err != nil {
		a.fail(w, err)
		return
	}
	var all []state
	for _, e := range entries {
		one, err := a.stateOf(ctx, e.Owner, e.Changed)
		if err != nil {
			a.fail(w, err)
			return
		}
		all = append(all, one)
	}
	platform, err := a.stateOf(ctx, a.platform(), time.Time{})
	if err != nil {
		a.fail(w, err)
		return
	}
	lines, err := a.access.Newest(ctx, 8)
	if err != nil {
		a.fail(w, err)
		return
	}
	said, ill := s.hear()
	a.write(w, http.StatusOK, "index", map[string]any{"Said": said, "Ill": ill, "Demo": a.demo != nil, "Mode": a.mode, "Accounts": all,
		"Platform": platform, "Key": status, "Lines": lines})
}

// stateOf is a connection's last health; a new one is looked at first.
func (a *app) stateOf(ctx context.Context, of commerce.Ref, since time.Time) (state, error) {
	out := state{Ref: of, Connected: since}
	var err error
	if out.Result, err = a.results.Load(ctx, of); errors.Is(err, commerce.ErrNotFound) {
		var got []connection.Result
		if got, err = a.checker.Check(ctx, of); len(got) == 1 {
			out.Result = got[0]
		}
	}
	for _, f := range out.Result.Findings {
		if out.Worst == "" || f.Severity == commerce.Broken || f.Severity == commerce.Warning && out.Worst == commerce.Notice {
			out.Worst = f.Severity
		}
	}
	return out, err
}

func (a *app) checkNow(w http.ResponseWriter, r *http.Request, s *session) {
	if _, err := a.checker.Check(r.Context()); err != nil {
		a.fail(w, err)
		return
	}
	s.say("All connections were checked just now.", false)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// question is what a person is asked before something happens.
type question struct {
	Title, Text, Do, Action string
	Danger, NewKey          bool
	Account                 string // to be disconnected
	Problem                 string
	NeedCode                bool
	Hint, KeyHint           string // of the demonstration
}

var (
	rotateAsk = question{Title: "Rotate the key", Do: "Prove and switch", Action: "/key", NewKey: true,
		Text: "Make a second secret key in the Stripe Dashboard and put it in here. Stripe is asked whether it works before anything changes, and the old key is kept for 24 hours to go back to: where Stripe refuses the new one in that time, the old one comes back by itself."}
	rollBackAsk = question{Title: "Go back to the old key", Do: "Roll back", Action: "/key/rollback",
		Text: "The key before is used again from now on. The new one is kept, and waits until somebody rotates again."}
	retireAsk = question{Title: "Forget the old key", Do: "Forget it", Action: "/key/retire", Danger: true,
		Text: "The key before is forgotten now, and there is no going back to it. End it in the Stripe Dashboard as well."}
	disconnectAsk = question{Title: "Disconnect", Do: "Disconnect", Action: "/disconnect", Danger: true,
		Text: "Stripe is told to end the access to this account, and what is kept about it here is deleted. To undo it, connect again."}
)

// ask shows a question.
func (a *app) ask(q question) handler {
	return func(w http.ResponseWriter, r *http.Request, s *session) {
		a.show(w, http.StatusOK, q, r, s)
	}
}

func (a *app) show(w http.ResponseWriter, status int, q question, r *http.Request, s *session) {
	q.NeedCode = !a.people.isProved(s)
	q.Account = r.FormValue("account")
	if a.demo != nil {
		q.Hint, q.KeyHint = a.people.factor.code(a.people.factor.step()), a.demo.keys[1]
	}
	a.write(w, status, "question", q)
}

// act does what was asked for, if the guard lets it happen, and says what came of it.
func (a *app) act(w http.ResponseWriter, r *http.Request, s *session, q question, done string, do func(ctx context.Context) error) {
	if code := r.PostFormValue("code"); code != "" && !a.people.prove(s, code) {
		q.Problem = "The code is wrong, or was used before. Wait for the next one."
		a.show(w, http.StatusForbidden, q, r, s)
		return
	}
	ctx := r.Context()
	if a.people.isProved(s) {
		ctx = withProof(ctx)
	}
	err := do(ctx)
	if err == nil {
		s.say(done, false)
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	a.log.WarnContext(ctx, q.Title, "error", err)
	q.Problem = problem(err)
	a.show(w, http.StatusConflict, q, r, s)
}

// problem is an error in words for the person who sees it.
func problem(err error) string {
	e, ok := errors.AsType[*commerce.Error](err)
	switch {
	case ok && e.Code == vault.CodeSecondFactor:
		return "This needs the code of your authenticator app."
	case ok && e.System == "vault" && e.Text != "":
		return "It can not be done: " + e.Text + "."
	case ok && e.System == "stripe" && e.Kind == commerce.KindAuth:
		return "Stripe refused the key, so nothing was changed. Was it copied as a whole, and is it of the right mode?"
	case ok && e.Kind == commerce.KindUnavailable:
		return "Stripe did not answer, so nothing was changed. Try again in a moment."
	}
	return "It did not work, and nothing was changed: " + err.Error()
}

func (a *app) rotate(w http.ResponseWriter, r *http.Request, s *session) {
	a.act(w, r, s, rotateAsk, "The key was rotated. Every client has the new one; the old one is kept for 24 hours.", func(ctx context.Context) error {
		key := strings.TrimSpace(r.PostFormValue("key"))
		if !strings.HasPrefix(key, "sk_") && !strings.HasPrefix(key, "rk_") {
			return commerce.Errorf(commerce.KindInvalid, "vault", "rotate", "a secret key begins with sk_ or rk_")
		}
		if err := a.verify(ctx, commerce.NewSecret(key)); err != nil {
			return err // what is bad need not be kept
		}
		if err := a.key.Put(ctx, commerce.NewSecret(key), time.Time{}); err != nil {
			return err
		}
		return a.key.Switch(ctx)
	})
}

func (a *app) rollBack(w http.ResponseWriter, r *http.Request, s *session) {
	a.act(w, r, s, rollBackAsk, "The old key is in use again.", func(ctx context.Context) error { return a.key.RollBack(ctx, "by hand") })
}

func (a *app) retire(w http.ResponseWriter, r *http.Request, s *session) {
	a.act(w, r, s, retireAsk, "The old key is forgotten.", a.key.Retire)
}

func (a *app) disconnect(w http.ResponseWriter, r *http.Request, s *session) {
	account := r.PostFormValue("account")
	of := commerce.Ref{Tenant: tenant, System: "stripe", Account: account, Mode: a.mode}
	a.act(w, r, s, disconnectAsk, account+" is disconnected.", func(ctx context.Context) error {
		if err := a.guard.Allow(ctx, vault.Action{Verb: vault.VerbDisconnect, Owner: of, Name: oauth.GrantName}); err != nil {
			return err
		}
		if err := a.flow.Disconnect(ctx, of, owner); err != nil && !errors.Is(err, commerce.ErrNotFound) {
			return err
		}
		return a.results.Delete(ctx, of)
	})
}

// export hands out the whole access log.
func (a *app) export(w http.ResponseWriter, r *http.Request, _ *session) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Disposition", "attachment")
	write := a.access.JSONLines
	w.Header().Set("Content-Type", "application/jsonl")
	if strings.HasSuffix(r.URL.Path, ".csv") {
		write = a.access.CSV
		w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	}
	if err := write(r.Context(), w, nil); err != nil {
		a.log.ErrorContext(r.Context(), "export", "error", err)
	}
}

func (a *app) fail(w http.ResponseWriter, err error) {
	a.log.Error("page", "error", err)
	a.write(w, http.StatusServiceUnavailable, "message", message{Title: "Something is wrong here", Text: "The page can not be shown now.",
		Next: "Try again in a moment; the program's log says more.", Home: "/", Link: "Try again"})
}
