package oauth

import (
	"errors"
	"html/template"
	"net/http"
	"strings"

	"github.com/commercesync/commerce"
)

// Page is an answer to a person: what came of it, and what to do.
type Page struct {
	OK     bool   `json:"ok"`
	Status int    `json:"status"` // of HTTP
	Code   string `json:"code"`   // "connected", or why not: see the codes of this package
	Title  string `json:"title"`
	Text   string `json:"text"`
	Next   string `json:"next"` // what to do; empty where nothing has to be done

	System  string `json:"system"`
	Account string `json:"account,omitempty"` // that is connected
	Home    string `json:"home"`              // where to go back to, a path of the host
	Again   bool   `json:"again,omitempty"`   // the same address has the answer in a moment
}

// words are title, text and next step for each code.
type words struct {
	status            int
	title, text, next string
}

const (
	beginAgain = "Go back and begin again."
	askSupport = "If it happens again, tell whoever runs this program, and mention the code below."
)

var pages = map[string]words{
	CodeNoSession: {http.StatusUnauthorized, "You are not logged in",
		"The answer came to a browser that is not logged in here, so nothing was connected.", "Log in, then connect again from the same browser."},
	CodeStateMissing: {http.StatusBadRequest, "This is not the answer to a request",
		"The address lacks what tells the answer to one of our requests, so nothing was connected.", beginAgain},
	CodeStateUnknown: {http.StatusBadRequest, "This answer belongs to no request",
		"We did not ask for it, or asked on behalf of somebody else, so nothing was connected.", beginAgain},
	CodeStateExpired: {http.StatusBadRequest, "That took too long",
		"A request to connect is good for a few minutes only. Nothing was connected.", beginAgain},
	CodeStateUsed: {http.StatusConflict, "This answer was used before",
		"Each answer works once. If you connected a moment ago, that still stands.", "Go back and look at your connections."},
	CodeStateBusy: {http.StatusAccepted, "One moment",
		"The connection is being made. This page looks again by itself.", ""},
	CodeOtherSession: {http.StatusForbidden, "This answer belongs to another session",
		"Somebody else began this request, or you have logged in anew since. Nothing was connected.", beginAgain},
	CodeMalformed: {http.StatusBadRequest, "The answer can not be read",
		"Parts of the address are missing, doubled or too long. Nothing was connected.", beginAgain},
	CodeIssuer: {http.StatusForbidden, "The answer came from somewhere else",
		"Another service answered than the one that was asked. Nothing was connected.", beginAgain + " " + askSupport},
	CodeOpenRedirect: {http.StatusBadRequest, "The way back leads out of here",
		"The link asked to send you to another site afterwards. We do not.", "Begin from the page of your connections."},
	CodeCrossSite: {http.StatusForbidden, "Another site sent you here",
		"A connection can be begun from our own pages only.", "Begin from the page of your connections."},
	CodeDeclined: {http.StatusOK, "Not connected",
		"You chose not to give access. Nothing was changed.", "If that was a mistake, go back and begin again."},
	CodeWrongMode: {http.StatusConflict, "That was the other mode",
		"Test and live mode do not mix: what was granted is of the other one than we asked for. Nothing was connected.",
		"Switch the account's mode and connect again. " + askSupport},
	CodeWrongScope: {http.StatusConflict, "Other rights than asked for",
		"The rights that were granted are not those that are needed. Nothing was connected.", beginAgain + " Give all the rights on the list."},
	CodeBound: {http.StatusConflict, "This account is connected already",
		"It belongs to another customer of this program, and an account can belong to one only. Nothing was changed.",
		"Choose another account, or have it disconnected there first."},
	CodeNoAnswer: {http.StatusBadGateway, "No answer",
		"The other side did not answer, or not in time. We did not try twice, since that could undo what you granted.", beginAgain + " The access you gave is not lost; you will be asked once more."},
	CodeBadAnswer: {http.StatusBadGateway, "The answer made no sense",
		"The other side answered with something that is no access. Nothing was connected.", "Begin again in a few minutes. " + askSupport},
	CodeNotStored: {http.StatusServiceUnavailable, "It could not be kept",
		"The access was granted, and could not be stored here.", "Begin again in a few minutes. " + askSupport},
	CodeFault: {http.StatusServiceUnavailable, "Something is wrong here",
		"This program could not do its part. Nothing was connected.", "Begin again in a few minutes. " + askSupport},
	CodeNotConnected: {http.StatusNotFound, "Nothing was begun",
		"There is no account that this page could be about.", beginAgain},
	CodeFormsOpen: {http.StatusOK, "Not finished yet",
		"The account can not take money, or not be paid out, before its forms are filled in.", "Go back and go on with the forms; what you have filled in is kept."},
	CodeUnderReview: {http.StatusOK, "Being looked at",
		"Everything is filled in. Stripe looks at it, which takes minutes, or days at times.", "Come back later; you need do nothing."},
	"invalid_grant": {http.StatusBadRequest, "The answer is no good any more",
		"The other side says that it was used before, is too old, or is of the other mode. Nothing was connected.", beginAgain},
	"invalid_client": {http.StatusBadGateway, "We are not known there",
		"The other side does not accept this program's own credentials.", "This has to be mended by whoever runs this program: check the client id and the secret, and that both are of one mode."},
	"invalid_redirect_uri": {http.StatusBadGateway, "The way back is not registered",
		"The other side does not know the address of this page.", "This has to be mended by whoever runs this program: register the redirect address exactly as it is configured."},
	"invalid_scope": {http.StatusBadGateway, "The rights can not be asked for",
		"The other side does not know, or does not give, the rights that were asked for.", "This has to be mended by whoever runs this program."},
}

// otherwise is the page of codes that have none of their own.
var otherwise = words{http.StatusBadGateway, "Not connected", "The other side refused, and said no more than the code below.", beginAgain + " " + askSupport}

func failure(code string) Page {
	w, ok := pages[code]
	if !ok {
		w = otherwise
	}
	return Page{Status: w.status, Code: code, Title: w.title, Text: w.text, Next: w.next, Again: code == CodeStateBusy}
}

// failureOf is the page of an error; from is the system whose answers are the provider's.
func failureOf(err error, from string) Page {
	e, ok := errors.AsType[*commerce.Error](err)
	switch {
	case !ok:
		return failure(CodeFault)
	case pages[e.Code].title != "" || e.System == system && e.Code != "":
		return failure(e.Code)
	case e.System != from:
		return failure(CodeFault)
	case e.Kind == commerce.KindAuth && e.Code == "":
		return failure("invalid_client")
	case e.Kind == commerce.KindUnavailable || e.Kind == commerce.KindRateLimited:
		return failure(CodeNoAnswer)
	case e.Code == "":
		return failure(CodeBadAnswer)
	}
	return failure(e.Code)
}

func success(account string) Page {
	return Page{OK: true, Status: http.StatusOK, Code: string(Connected), Account: account,
		Title: "Connected", Text: "The account is connected. You can close this page.", Next: ""}
}

// private keeps what is in the address, a code and a state, out of caches, of other sites'
// logs and of frames.
func private(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
}

// WritePage writes a page as plain, self-contained HTML without scripts.
func WritePage(w http.ResponseWriter, p Page) {
	var b strings.Builder
	if err := pageHTML.Execute(&b, p); err != nil {
		http.Error(w, p.Title, p.Status)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if p.Again {
		w.Header().Set("Refresh", "2")
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write([]byte(b.String()))
}

const style = `body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1.5rem;color:#1a1f36;background:#fff}
h1{font-size:1.5rem;line-height:1.2;padding-left:.75rem;border-left:.35rem solid #b3261e}.ok h1{border-color:#1b7f4b}.wait h1{border-color:#7a6a00}
a,button{display:inline-block;margin-top:1rem;padding:.55rem 1rem;border:0;border-radius:.4rem;background:#3b3fb6;color:#fff;text-decoration:none;font:inherit}form a{background:none;color:inherit}
small{display:block;margin-top:2rem;color:#545969}label{display:block;margin-top:1rem}input{display:block;width:100%;box-sizing:border-box;padding:.5rem;font:inherit}
@media(prefers-color-scheme:dark){body{background:#14161f;color:#e8e9ef}small{color:#a9adba}}`

var pageHTML = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{{.Title}}</title>
<style>` + style + `</style></head>
<body class="{{if .OK}}ok{{else if .Again}}wait{{end}}"><main>
<h1>{{.Title}}</h1>
<p>{{.Text}}</p>
{{with .Next}}<p><strong>What to do:</strong> {{.}}</p>
{{end}}<a href="{{.Home}}">Back</a>
<small>{{.System}}{{with .Account}} · {{.}}{{end}} · code <code>{{.Code}}</code></small>
</main></body></html>
`))
