package oauth

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/commercesync/commerce"
)

// Callback is where the provider sends people back to. It checks what came, exchanges the
// code once, checks what was granted and keeps it, and answers with a page. The order of
// the checks is that of RFC 9700: nothing of a request is believed before its state is.
func (f *Flow) Callback() http.Handler { return http.HandlerFunc(f.callback) }

func (f *Flow) callback(w http.ResponseWriter, r *http.Request) {
	private(w)
	if r.Method != http.MethodGet { // a HEAD of some scanner must not use the state up
		w.Header().Set("Allow", http.MethodGet)
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	f.answer(w, r, f.finish(r))
}

// answer writes a page.
func (f *Flow) answer(w http.ResponseWriter, r *http.Request, p Page) {
	if p.Home == "" {
		p.Home = f.c.Home
	}
	p.System = f.c.Provider.System
	f.c.Page(w, r, p)
}

// maxParam bounds a parameter of a callback, in bytes.
const maxParam = 1000

// finish takes a callback to its end.
func (f *Flow) finish(r *http.Request) Page {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return failure(CodeMalformed)
	}
	for _, name := range []string{"state", "code", "error", "iss", "scope"} {
		if len(q[name]) > 1 || len(q.Get(name)) > maxParam {
			return failure(CodeMalformed)
		}
	}
	s, err := f.c.Session(r)
	if err != nil || s.ID == "" {
		return failure(CodeNoSession)
	}
	state, code, problem := q.Get("state"), q.Get("code"), q.Get("error")
	if state == "" {
		return failure(CodeStateMissing)
	}
	// A browser that goes away, as after a double click, must not stop what was begun.
	ctx := context.WithoutCancel(r.Context())
	ticket, err := f.states.Take(ctx, s.Tenant, s.ID, state, code+" "+problem)
	if err != nil {
		return f.failed(ctx, s, "", err)
	}
	if ticket.Result != "" {
		return pageOf(ticket.Result)
	}
	page := f.consented(ctx, s, ticket, q)
	if ticket.Return != "" {
		page.Home = ticket.Return
	}
	if err := f.states.Finish(ctx, s.Tenant, state, page.text()); err != nil {
		f.c.Logger.WarnContext(ctx, "oauth: a second click will not be answered as the first", "tenant", s.Tenant, "error", err)
	}
	return page
}

// consented goes on from a state that is good.
func (f *Flow) consented(ctx context.Context, s Session, t Ticket, q url.Values) Page {
	p := f.c.Provider
	code, problem, issuer := q.Get("code"), q.Get("error"), q.Get("iss")
	switch {
	case issuer != p.Issuer && (issuer != "" || p.IssuerSaid):
		return f.failed(ctx, s, "", refused(CodeIssuer, "another authorization server answered"))
	case problem != "" && code != "", problem == "" && code == "":
		return f.failed(ctx, s, "", refused(CodeMalformed, "there must be a code or an error"))
	case problem == CodeDeclined:
		return f.failed(ctx, s, "", refused(CodeDeclined, "the consent was declined"))
	case problem != "":
		e := refused(problem, "the provider refused the request")
		if len(problem) > 60 || strings.Trim(problem, "abcdefghijklmnopqrstuvwxyz_") != "" {
			e.Code = CodeMalformed
		}
		return f.failed(ctx, s, "", e)
	}
	asked := f.c.Now()
	token, err := f.tokens(ctx, "exchange code", func(ctx context.Context, c *oauth2.Config) (*oauth2.Token, error) {
		var options []oauth2.AuthCodeOption
		if !t.Verifier.Empty() {
			options = append(options, oauth2.VerifierOption(t.Verifier.Reveal()))
		}
		return c.Exchange(ctx, code, options...)
	})
	if err != nil {
		return f.failed(ctx, s, "", err)
	}
	g, err := f.granted(token, asked)
	if err != nil {
		return f.failed(ctx, s, "", err)
	}
	g.Actor = s.Actor
	owner := f.owner(s.Tenant, g.Account)
	if err := f.keep(ctx, owner, g); err != nil {
		return f.failed(ctx, s, g.Account, err)
	}
	f.forget(owner)
	f.notify(ctx, Notice{Kind: Connected, Connection: owner, At: f.c.Now(), Actor: s.Actor})
	f.c.Logger.InfoContext(ctx, "oauth: connected", "connection", owner.String())
	return success(g.Account)
}

// owner is whose a connection's grant is.
func (f *Flow) owner(tenant, account string) commerce.Ref {
	return commerce.Ref{Tenant: tenant, System: f.c.Provider.System, Account: account, Mode: f.c.Mode}
}

// granted checks what the provider granted.
func (f *Flow) granted(t *oauth2.Token, asked time.Time) (grant, error) {
	p := &f.c.Provider
	const op = "check grant"
	who, err := p.Identify(t)
	if err != nil {
		e := badAnswer(p.System, op, "the answer does not say whose it is")
		e.Err = err
		return grant{}, e
	}
	scope, _ := t.Extra("scope").(string)
	want := p.Scopes
	if p.granted != "" {
		want = []string{p.granted}
	}
	switch {
	case who.Account == "":
		return grant{}, badAnswer(p.System, op, "the answer does not say whose it is")
	case who.Mode != f.c.Mode:
		return grant{}, refused(CodeWrongMode, "the account granted "+string(who.Mode)+" mode")
	case scope != "" && len(want) > 0 && !sameWords(strings.Fields(scope), want):
		return grant{}, refused(CodeWrongScope, "other rights were granted than asked for")
	}
	g := grant{Account: who.Account, Scope: scope, Connected: f.c.Now()}
	g.Publishable, _ = t.Extra("stripe_publishable_key").(string)
	if !p.tokenless {
		g.take(p, t, asked)
	}
	return g, nil
}

func sameWords(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// failed is the page of an error, which is logged.
func (f *Flow) failed(ctx context.Context, s Session, account string, err error) Page {
	p := failureOf(err, f.c.Provider.System)
	f.c.Logger.WarnContext(ctx, "oauth: not connected", "provider", f.c.Provider.Name, "tenant", s.Tenant, "account", account, "code", p.Code, "error", err)
	return p
}

func (f *Flow) notify(ctx context.Context, n Notice) {
	if err := f.c.Notify(ctx, n); err != nil {
		f.c.Logger.ErrorContext(ctx, "oauth: nobody was told", "notice", string(n.Kind), "connection", n.Connection.String(), "error", err)
	}
}

// text is a page as a ticket remembers it; pageOf reads it back.
func (p Page) text() string {
	b, _ := json.Marshal(p)
	return string(b)
}

func pageOf(text string) Page {
	var p Page
	if json.Unmarshal([]byte(text), &p) != nil {
		return failure(CodeStateUsed)
	}
	return p
}
