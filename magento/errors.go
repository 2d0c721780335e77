package magento

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"sort"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

const system = "magento"

// Codes of errors that this package makes itself. Magento has none: it tells its
// errors apart by texts that are translated with the shop's locale.
const (
	// CodeNoRoute: the address is none of Magento's: a wrong BaseURL or Store, or a
	// module that the shop lacks.
	CodeNoRoute = "no_route"
	// CodeNotCancelable: Cancel was answered with false; nothing was cancelled.
	CodeNotCancelable = "not_cancelable"
	// CodeQuantityCut: a shipment holds less than was asked for. The shipment exists.
	CodeQuantityCut = "quantity_cut"
	// CodeInputLimit: the shop limits input (webapi/validation), and the page asked for
	// or a list that was sent is longer. Nothing took effect.
	CodeInputLimit = "input_limit"
	// CodeMaxPages: a walk over a list made as many requests as Config.MaxPages allows.
	CodeMaxPages = "max_pages"
	// CodeForeignRows: a list was answered with rows that were not asked for, as by a
	// cache that does not look at the query.
	CodeForeignRows = "foreign_rows"
	// CodeStale: the answer comes from a cache before the shop. See [Config].Fresh.
	CodeStale = "stale_answer"
	// CodeForeignStatus: a comment would have set a status of another state.
	CodeForeignStatus = "foreign_status"
)

// message is a text with placeholders, as Magento sends its errors.
type message struct {
	Message    string          `json:"message"`
	Parameters json.RawMessage `json:"parameters"`
}

// errorBody is the answer of a failed call. trace, which developer mode adds, is
// never read.
type errorBody struct {
	message
	Errors []message `json:"errors"`
}

// text fills in the placeholders of the message and of every nested one.
func (e errorBody) text() string {
	out := []string{e.fill()}
	for _, nested := range e.Errors {
		if s := nested.fill(); s != out[0] {
			out = append(out, s)
		}
	}
	return safeText(strings.Join(out, "; "))
}

// fill puts the parameters in the place of %1, %2 (a list) or %name (an object).
func (m message) fill() string {
	var list []json.RawMessage
	var named map[string]json.RawMessage
	if json.Unmarshal(m.Parameters, &list) == nil {
		named = make(map[string]json.RawMessage, len(list))
		for i, v := range list {
			named[fmt.Sprint(i+1)] = v
		}
	} else if json.Unmarshal(m.Parameters, &named) != nil {
		return m.Message
	}
	names := make([]string, 0, len(named))
	for name := range named {
		names = append(names, name)
	}
	// The longest name first, so that %1 does not eat the head of %10. One pass over
	// the text, so that a value that looks like a placeholder stays a value.
	sort.Slice(names, func(i, j int) bool {
		return len(names[i]) > len(names[j]) || len(names[i]) == len(names[j]) && names[i] < names[j]
	})
	pairs := make([]string, 0, 2*len(names))
	for _, name := range names {
		pairs = append(pairs, "%"+name, plain(named[name]))
	}
	return strings.NewReplacer(pairs...).Replace(m.Message)
}

// plain returns a text without its quotes and anything else as it was sent.
func plain(v json.RawMessage) string {
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s
	}
	return string(v)
}

var email = regexp.MustCompile(`[^\s"'<>,;:()]+@[^\s"'<>,;:()]+`)

// safeText makes one line of a shop's text, without e-mail addresses and not longer
// than a log line.
func safeText(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	s = email.ReplaceAllString(s, "[e-mail]")
	if r := []rune(s); len(r) > 300 {
		s = string(r[:297]) + "..."
	}
	return s
}

var reportID = regexp.MustCompile(`webapi-[0-9a-f]+`)

// answerError says what an answer other than 2xx means. body may be empty.
func answerError(op string, write, lacksRight bool, resp *http.Response, body []byte, now time.Time) *commerce.Error {
	e := &commerce.Error{System: system, Op: op, Status: resp.StatusCode, RetryAfter: httpx.RetryAfter(resp.Header, now)}
	if write {
		// A refusal of 4xx is whole. 408 is a proxy's and says nothing of what the shop
		// did; neither does any 5xx.
		e.Outcome = commerce.NotSent
		if resp.StatusCode >= 500 || resp.StatusCode == http.StatusRequestTimeout {
			e.Outcome = commerce.Unknown
		}
	}
	var answer errorBody
	said := httpx.IsJSON(resp.Header) && json.Unmarshal(body, &answer) == nil && answer.Message != ""
	if said {
		e.Text = answer.text()
	} else {
		e.Text = fmt.Sprintf("an answer of type %q that is not Magento's", contentType(resp.Header))
	}
	switch s := resp.StatusCode; {
	case s >= 300 && s < 400:
		e.Kind, e.Text = commerce.KindInvalid, "the shop redirects, and signed requests follow no redirect; put its final address into Config.BaseURL"
	case s == http.StatusUnauthorized:
		e.Kind = commerce.KindAuth
		e.Code = answer.resource()
		if lacksRight {
			e.Kind = commerce.KindForbidden
		}
	case s == http.StatusForbidden:
		e.Kind = commerce.KindForbidden
	case s == http.StatusNotFound && (!said || answer.Message == "Request does not match any route."):
		// An unknown route, a wrong method and a wrong base URL. In a shop of another
		// language the text is another one; then it stays a plain not found.
		e.Kind, e.Code = commerce.KindInvalid, CodeNoRoute
	case s == http.StatusNotFound:
		e.Kind = commerce.KindNotFound
	case s == http.StatusRequestTimeout:
		e.Kind = commerce.KindUnavailable
	case s == http.StatusTooManyRequests:
		e.Kind = commerce.KindRateLimited
	case s < 500:
		e.Kind = commerce.KindInvalid
		if answer.limited() {
			e.Code = CodeInputLimit
		}
	case s == http.StatusInternalServerError && said:
		// A masked fault of PHP or SQL, for this request and not for the shop.
		e.Kind, e.RequestID = commerce.KindInternal, reportID.FindString(answer.Message)
	default:
		e.Kind = commerce.KindUnavailable
	}
	return e
}

// resource returns the id of the missing right that a 401 names.
func (e errorBody) resource() string {
	var p struct {
		Resources string `json:"resources"`
	}
	_ = json.Unmarshal(e.Parameters, &p)
	return p.Resources
}

// limited reports whether a refusal names the most that is taken: "Maximum SearchCriteria
// pageSize is %max", "Maximum items of type "%type" is %max" (2.4.6-p1, REC limits-*). The
// text may be translated; the placeholder is not.
func (e errorBody) limited() bool {
	var p map[string]json.RawMessage
	_ = json.Unmarshal(e.Parameters, &p)
	return p["max"] != nil && (len(p) == 1 || len(p) == 2 && p["type"] != nil)
}

func contentType(h http.Header) string {
	ct, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(ct))
}

// roundTripError says what a round trip without an answer means. An error that
// already states its kind (credentials, an open breaker) keeps it.
func roundTripError(op string, write bool, err error) *commerce.Error {
	e := &commerce.Error{Kind: commerce.KindUnavailable, System: system, Op: op, Err: err}
	var known *commerce.Error
	if errors.As(err, &known) {
		e.Kind, e.RetryAfter = commerce.KindOf(err), commerce.RetryAfter(err)
	}
	if write {
		e.Outcome = commerce.Unknown
		if commerce.SafeToRetry(err) || known == nil && httpx.NotSent(err) {
			e.Outcome = commerce.NotSent
		}
	}
	return e
}

// bodyError says what an answer means whose body could not be read or understood.
// A write took effect or did not: its status says "done", and nothing else does.
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
