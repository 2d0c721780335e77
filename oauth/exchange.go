package oauth

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

// maxAnswer bounds the answer of an authorization server, in bytes.
const maxAnswer = 64 << 10

// Codes of errors and pages, beside those of the far side ("invalid_grant").
const (
	CodeNoSession    = "no_session"    // nobody is logged in to the host program
	CodeStateMissing = "state_missing" // the callback came without a state
	CodeStateUnknown = "state_unknown" // it was never made here, or for another tenant, provider or mode, or was altered
	CodeStateExpired = "state_expired" // too long ago
	CodeStateUsed    = "state_used"    // it was used before
	CodeStateBusy    = "state_busy"    // it is being used at this moment
	CodeOtherSession = "other_session" // it was made for another session of the tenant
	CodeMalformed    = "malformed"     // parameters are missing, doubled or too long
	CodeIssuer       = "other_issuer"  // another authorization server answered
	CodeOpenRedirect = "open_redirect" // the address to go back to is none of the host
	CodeCrossSite    = "cross_site"    // another site wanted to begin
	CodeDeclined     = "access_denied" // the merchant does not want to
	CodeWrongMode    = "wrong_mode"    // test where live was wanted, or the other way round
	CodeWrongScope   = "wrong_scope"   // other rights than those that were asked for
	CodeWrongAccount = "wrong_account" // tokens were renewed, and are of another account
	CodeBound        = "bound"         // the account is connected to another tenant
	CodeNoAnswer     = "no_answer"     // the far side did not answer, or not in time
	CodeBadAnswer    = "bad_answer"    // it answered what is no token
	CodeNotStored    = "not_stored"    // the grant could not be kept
	CodeFault        = "fault"         // this program could not do its part
	CodeEnded        = "ended"         // the far side renews the connection no more
	CodeNotConnected = "not_connected" // there is no such connection
)

// tokens asks the provider for tokens, once. Nothing underneath repeats it, follows a
// redirect or tries another way to authenticate.
func (f *Flow) tokens(ctx context.Context, op string, ask func(ctx context.Context, c *oauth2.Config) (*oauth2.Token, error)) (*oauth2.Token, error) {
	secret, err := f.c.Provider.Secret.Current(ctx)
	if err != nil {
		return nil, err
	}
	p := f.c.Provider
	c := &oauth2.Config{ClientID: p.ClientID, ClientSecret: secret.Reveal(), RedirectURL: f.c.RedirectURL,
		Endpoint: oauth2.Endpoint{TokenURL: p.TokenURL, AuthStyle: oauth2.AuthStyleInParams}}
	if p.InHeader {
		c.Endpoint.AuthStyle = oauth2.AuthStyleInHeader
	}
	if p.bare { // the user is the secret key, the password is empty
		c.ClientID, c.ClientSecret, c.RedirectURL = secret.Reveal(), "", ""
	}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, oauth2.HTTPClient, f.client), f.c.Timeout)
	defer cancel()
	t, err := ask(ctx, c)
	switch refused, ok := errors.AsType[*oauth2.RetrieveError](err); {
	case ok: // its text holds the answer, and an answer may hold a token
		e := answerError(p.System, op, refused.Response, refused.ErrorCode)
		if refused.Response.StatusCode == http.StatusUnauthorized {
			_ = p.Secret.Rejected(ctx, secret)
		}
		return nil, e
	case err != nil:
		return nil, transportError(p.System, op, err)
	case !strings.EqualFold(t.Type(), "bearer"):
		return nil, badAnswer(p.System, op, "the token is no bearer token")
	}
	return t, nil
}

// ends is when an access token is no good any more; zero = never. The library reckons it
// by a clock of its own.
func (p *Provider) ends(t *oauth2.Token, asked time.Time) time.Time {
	switch {
	case t.ExpiresIn > 0:
		return asked.Add(time.Duration(t.ExpiresIn) * time.Second)
	case p.Life > 0:
		return asked.Add(p.Life)
	}
	return time.Time{}
}

func badAnswer(from, op, text string) *commerce.Error {
	return &commerce.Error{Kind: commerce.KindInternal, System: from, Op: op, Outcome: commerce.Unknown, Code: CodeBadAnswer, Text: text}
}

// answerError is a refusal. What the far side says in words is left out: it may repeat a
// code or a token.
func answerError(from, op string, resp *http.Response, code string) *commerce.Error {
	if len(code) > 60 || strings.Trim(code, "abcdefghijklmnopqrstuvwxyz_") != "" {
		code = ""
	}
	e := &commerce.Error{Kind: commerce.KindInvalid, System: from, Op: op, Outcome: commerce.NotSent, Status: resp.StatusCode, Code: code}
	switch status := resp.StatusCode; {
	case status == http.StatusTooManyRequests:
		e.Kind, e.RetryAfter = commerce.KindRateLimited, retryAfter(resp.Header)
	case status >= 500:
		e.Kind, e.Outcome = commerce.KindUnavailable, commerce.Unknown
	case status == http.StatusForbidden:
		e.Kind = commerce.KindForbidden
	case status == http.StatusUnauthorized || code == "invalid_client" || code == "invalid_grant":
		e.Kind = commerce.KindAuth
	case status < 400:
		e.Kind, e.Outcome, e.Code = commerce.KindInternal, commerce.Unknown, CodeBadAnswer
		e.Text = "the answer is neither a token nor an error"
	}
	return e
}

// retryAfter reads a wait. A date counts from the far side's own, by whose clock it was
// written.
func retryAfter(h http.Header) time.Duration {
	now, err := http.ParseTime(h.Get("Date"))
	if _, date := http.ParseTime(h.Get("Retry-After")); err != nil && date == nil {
		return 0
	}
	return httpx.RetryAfter(h, now)
}

// transportError is a call that ended without a whole answer.
func transportError(from, op string, err error) *commerce.Error {
	if e, ok := errors.AsType[*commerce.Error](err); ok {
		e.System, e.Op = from, op
		return e
	}
	e := &commerce.Error{Kind: commerce.KindUnavailable, System: from, Op: op, Outcome: commerce.Unknown, Code: CodeNoAnswer}
	if httpx.NotSent(err) {
		e.Outcome = commerce.NotSent
	}
	var network *url.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		e.Text = "no answer in time"
	case errors.As(err, &network):
		e.Err = network.Err // its address may hold what is nobody's business
	default: // a parser's words may quote the answer
		e.Kind, e.Code, e.Text = commerce.KindInternal, CodeBadAnswer, "the answer is no token"
	}
	return e
}

// once carries a request for tokens: the answer is read whole, bounded, and an answer that
// is no JSON is an error, also a page with status 200.
type once struct{ next http.RoundTripper }

func (t once) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := httpx.ReadAll(resp.Body, maxAnswer)
	_ = resp.Body.Close()
	if tooLarge, ok := errors.AsType[*httpx.TooLargeError](err); ok {
		return nil, badAnswer("", "", tooLarge.Error())
	}
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 == 2 && !httpx.IsJSON(resp.Header) {
		return nil, badAnswer("", "", "the answer is not JSON")
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}
