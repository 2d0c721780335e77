package nopcommerce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

const system = "nopcommerce"

// Codes of errors that this package makes itself. The shop has none: it tells its errors
// apart by English sentences.
const (
	// CodeNoRoute: the address is none of the API's: a wrong BaseURL or API, or a version
	// that lacks the route.
	CodeNoRoute = "no_route"
	// CodeNotOffered: the API that the shop has, or its version, can not do it.
	CodeNotOffered = "not_offered"
	// CodeRefused: the shop's own rules refused the act.
	CodeRefused = "refused"
	// CodeState: the row as it was read does not allow the act; nothing was sent.
	CodeState = "state"
	// CodeGateway: the shop's payment plugin answered an online act with errors.
	CodeGateway = "gateway"
	// CodeConcurrent: somebody else changed the row.
	CodeConcurrent = "concurrent"
	// CodeWrongRow: the answer is about another row, or about none.
	CodeWrongRow = "wrong_row"
	// CodeNotJSON: a page or a stack trace where JSON belongs.
	CodeNotJSON = "not_json"
	// CodeCached: the answer comes from a cache on the way, not from the shop.
	CodeCached = "cached"
	// CodeLogin: the shop refused name and password. No other login is tried with them.
	CodeLogin = "login"
	// CodeOpen: the API takes any token; see [Client.CheckAccess].
	CodeOpen = "open"
)

// errorBody is what the two APIs say of a failure. The stack trace is never read.
type errorBody struct {
	Message string              `json:"message"` // official
	Title   string              `json:"title"`   // problem details, in any letter case
	Error   string              `json:"error"`   // community, an exception
	Errors  map[string][]string `json:"errors"`  // community, and validation
}

// text is one safe sentence; said reports whether the shop said anything.
func (e errorBody) text() (text string, said bool) {
	fields := make([]string, 0, len(e.Errors))
	for field, texts := range e.Errors {
		fields = append(fields, field+": "+strings.Join(texts, " "))
	}
	slices.Sort(fields)
	for _, s := range []string{e.Message, e.Title, e.Error, strings.Join(fields, "; ")} {
		if s != "" {
			text = strings.TrimPrefix(text+": "+s, ": ")
		}
	}
	return safeText(text), text != ""
}

var email = regexp.MustCompile(`[^\s"'<>,;:()]+@[^\s"'<>,;:()]+`)

// safeText makes one line of a shop's text, without e-mail addresses, without the frames
// of a stack trace and not longer than a log line.
func safeText(s string) string {
	s, _, _ = strings.Cut(strings.ReplaceAll(s, "\r\n", "\n"), "\n   at ")
	s = strings.Join(strings.Fields(s), " ")
	s = email.ReplaceAllString(s, "[e-mail]")
	if r := []rune(s); len(r) > 300 {
		s = string(r[:297]) + "..."
	}
	return s
}

// refusals begin what the shop throws with a 500 where its rules forbid an act (sources of
// the official plugin 4.60 and 4.70.1): the same answer will come again.
var refusals = []string{"This shipment is already", "This shipment is not", "Order cannot be loaded", "Cannot do ", "You can't "}

// answerError says what an answer other than 2xx means. body may be empty.
func answerError(c call, resp *http.Response, body []byte, now time.Time) *commerce.Error {
	e := &commerce.Error{System: system, Op: c.op, Status: resp.StatusCode, RetryAfter: httpx.RetryAfter(resp.Header, now)}
	if c.writes {
		// A refusal of 4xx is whole. 408 is a proxy's and says nothing of what the shop
		// did; neither does any 5xx.
		e.Outcome = commerce.NotSent
		if resp.StatusCode >= 500 || resp.StatusCode == http.StatusRequestTimeout {
			e.Outcome = commerce.Unknown
		}
	}
	var answer errorBody
	var sentence string
	said := false
	if httpx.IsJSON(resp.Header) {
		if json.Unmarshal(body, &sentence) == nil {
			e.Text, said = safeText(sentence), true
		} else if json.Unmarshal(body, &answer) == nil {
			e.Text, said = answer.text()
		}
	}
	switch {
	case said && c.private:
		e.Text = "the shop's words may name somebody"
	case !said && strings.Contains(string(body), "\n   at "):
		e.Code, e.Text = CodeNotJSON, "a stack trace in place of an answer"
	case !said:
		e.Text = fmt.Sprintf("an answer of type %q that is not the API's", contentType(resp.Header))
	}
	refused := answer.Message
	switch s := resp.StatusCode; {
	case s >= 300 && s < 400:
		e.Kind, e.Text = commerce.KindInvalid, "the shop redirects, and tokens follow no redirect; put its final address into Config.BaseURL"
	case s == http.StatusUnauthorized:
		e.Kind = commerce.KindAuth
	case s == http.StatusForbidden:
		e.Kind = commerce.KindForbidden
	case s == http.StatusNotFound && (said || httpx.IsJSON(resp.Header)):
		e.Kind = commerce.KindNotFound
	case s == http.StatusNotFound, s == http.StatusMethodNotAllowed:
		e.Kind, e.Code = commerce.KindInvalid, CodeNoRoute
	case s == http.StatusRequestTimeout:
		e.Kind = commerce.KindUnavailable
	case s == http.StatusTooManyRequests:
		e.Kind = commerce.KindRateLimited
	case s < 500:
		e.Kind = commerce.KindInvalid
		if refused != "" {
			e.Code = CodeRefused
		}
	case s == http.StatusInternalServerError && slices.ContainsFunc(refusals, func(r string) bool { return strings.HasPrefix(refused, r) }):
		e.Kind, e.Code = commerce.KindInvalid, CodeRefused
	case s == http.StatusInternalServerError && (said || e.Code == CodeNotJSON):
		e.Kind = commerce.KindInternal // an exception for this request, not an illness
	default:
		e.Kind = commerce.KindUnavailable
	}
	return e
}

func contentType(h http.Header) string {
	ct, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(ct))
}

// roundTripError says what a round trip without an answer means. An error that already
// states its kind (a login, an open breaker) keeps it.
func roundTripError(op string, write bool, err error) *commerce.Error {
	e := &commerce.Error{Kind: commerce.KindUnavailable, System: system, Op: op, Err: err}
	var known *commerce.Error
	if errors.As(err, &known) {
		e.Kind, e.RetryAfter, e.Code = commerce.KindOf(err), commerce.RetryAfter(err), known.Code
	}
	if write {
		e.Outcome = commerce.Unknown
		if commerce.SafeToRetry(err) || known == nil && httpx.NotSent(err) {
			e.Outcome = commerce.NotSent
		}
	}
	return e
}

// bodyError says what an answer means whose body could not be read or understood. What
// became of a write nobody knows.
func bodyError(op string, write bool, status int, err error) *commerce.Error {
	e := &commerce.Error{Kind: commerce.KindInternal, System: system, Op: op, Status: status,
		Text: "the answer can not be read", Err: err}
	var large *httpx.TooLargeError
	var lost net.Error
	switch {
	case errors.As(err, &large):
		e.Kind, e.Text = commerce.KindLimit, "the answer is longer than Config.MaxBody"
	case errors.As(err, &lost), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		e.Kind, e.Text = commerce.KindUnavailable, "the answer was cut"
	}
	if write {
		e.Outcome = commerce.Unknown
	}
	return e
}

// refuse is an error of our own, made before anything was sent.
func refuse(op, code, format string, args ...any) *commerce.Error {
	e := commerce.Errorf(commerce.KindInvalid, system, op, format, args...)
	e.Code, e.Outcome = code, commerce.NotSent
	return e
}

// before says that a write was not sent, since a read ahead of it failed.
func before(op string, err error) *commerce.Error { return about(op, commerce.NotSent, err) }

// about states the outcome of a write over an error of a read that belongs to it.
func about(op string, outcome commerce.Outcome, err error) *commerce.Error {
	e := &commerce.Error{Kind: commerce.KindOf(err), System: system, Op: op, Outcome: outcome,
		RetryAfter: commerce.RetryAfter(err), Err: err}
	var read *commerce.Error
	if errors.As(err, &read) {
		e.Code = read.Code
	}
	return e
}
