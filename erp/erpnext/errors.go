package erpnext

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

// kinds are the exceptions that a caller tells apart. Everything derived from
// ValidationError is answered with 417.
var kinds = map[string]commerce.Kind{
	"AuthenticationError": commerce.KindAuth, "PermissionError": commerce.KindForbidden, "DoesNotExistError": commerce.KindNotFound,
	"DuplicateEntryError": commerce.KindDuplicate, "UniqueValidationError": commerce.KindDuplicate,
	"TimestampMismatchError": commerce.KindConflict, "DocstatusTransitionError": commerce.KindConflict,
	"UpdateAfterSubmitError": commerce.KindConflict, "LinkExistsError": commerce.KindConflict, "CancelledLinkError": commerce.KindConflict,
	"ClosedAccountingPeriod": commerce.KindPeriodClosed, "FiscalYearError": commerce.KindPeriodClosed,
	"TooManyRequestsError": commerce.KindRateLimited, "RateLimitExceededError": commerce.KindRateLimited,
	"QueryDeadlockError": commerce.KindUnavailable, "QueryTimeoutError": commerce.KindUnavailable, "SessionStopped": commerce.KindUnavailable,
	"DocumentLockedError": commerce.KindUnavailable,
}

// statusError turns an answer other than 200 into an error. One that names an
// exception comes from Frappe, which has rolled back; others may come from a proxy.
func (c call) statusError(resp *http.Response, body []byte, now time.Time) error {
	status := resp.StatusCode
	e := c.fail(commerce.KindUnavailable, commerce.Unknown, status, http.StatusText(status))
	e.RetryAfter = httpx.RetryAfter(resp.Header, now)
	switch status {
	case http.StatusUnauthorized:
		e.Kind = commerce.KindAuth
	case http.StatusForbidden:
		e.Kind = commerce.KindForbidden
	case http.StatusNotFound:
		e.Kind = commerce.KindNotFound
	case http.StatusConflict:
		e.Kind = commerce.KindDuplicate
	case http.StatusTooManyRequests:
		e.Kind = commerce.KindRateLimited
	case http.StatusRequestEntityTooLarge:
		e.Kind = commerce.KindLimit
	case http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusUnsupportedMediaType, http.StatusExpectationFailed:
		e.Kind = commerce.KindInvalid
	}
	if status >= 300 && status < 400 {
		e.Kind, e.Text = commerce.KindInvalid, "the address is redirected; set URL to where it leads"
	}
	if c.write() && status < 500 {
		e.Outcome = commerce.NotSent
	}
	var answer struct {
		Type      string `json:"exc_type"`
		Exception string `json:"exception"` // "frappe.exceptions.ValidationError: text"
		Messages  string `json:"_server_messages"`
	}
	if !httpx.IsJSON(resp.Header) || json.Unmarshal(body, &answer) != nil {
		return e
	}
	if answer.Type == "" { // older versions
		class, _, _ := strings.Cut(answer.Exception, ":")
		answer.Type = class[strings.LastIndexByte(class, '.')+1:]
	}
	if answer.Type == "" {
		return e
	}
	e.Code, e.Text = answer.Type, c.safe(answer.Messages)
	if c.write() {
		e.Outcome = commerce.NotSent
	}
	if kind, ok := kinds[answer.Type]; ok {
		e.Kind = kind
	} else if status >= http.StatusInternalServerError && status != http.StatusServiceUnavailable {
		e.Kind = commerce.KindInternal
	}
	return e
}

var (
	bold = regexp.MustCompile(`<(strong|b|a)\b[^>]*>[^<]*</`)
	tags = regexp.MustCompile(`<[^>]*>`)
)

// safe is the server's message without what may be a person's: what it puts in bold is
// the name of a record. The messages are a JSON text of a list of JSON texts.
func (c call) safe(messages string) string {
	var list []string
	_ = json.Unmarshal([]byte(messages), &list)
	var texts []string
	for _, m := range list {
		var one struct {
			Message string `json:"message"`
		}
		if json.Unmarshal([]byte(m), &one) == nil && one.Message != "" {
			texts = append(texts, tags.ReplaceAllString(bold.ReplaceAllString(one.Message, "…</"), ""))
		}
	}
	text := strings.ReplaceAll(strings.Join(texts, "; "), "\n", " ")
	switch c.doctype {
	case "Customer", "Address":
		return "" // the rest may name people too
	}
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return text
}
