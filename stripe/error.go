package stripe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

// APIError is what Stripe said was wrong. It is the cause of a [*commerce.Error],
// for those who need more than its kind. Its text leaves Message out, which may
// repeat what was sent.
type APIError struct {
	Type        string `json:"type"` // "card_error", "invalid_request_error", "idempotency_error", "api_error"
	Code        string `json:"code"` // "card_declined"
	DeclineCode string `json:"decline_code"`
	Param       string `json:"param"`
	// Message is Stripe's sentence. It may hold what was sent, personal data too: do
	// not log it.
	Message string `json:"message"`
	// Charge and PaymentIntent name the attempt that failed; empty where none was made.
	Charge        string `json:"charge"`
	PaymentIntent ID     `json:"payment_intent"`
}

// Error returns type, code and parameter, without Stripe's sentence.
func (e *APIError) Error() string {
	parts := []string{e.Type}
	for _, p := range []string{e.Code, e.DeclineCode} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if e.Param != "" {
		parts = append(parts, fmt.Sprintf("param %q", clip(e.Param)))
	}
	return strings.Join(parts, " ")
}

// invalid is an error of ours before anything was sent.
func invalid(op, format string, args ...any) *commerce.Error {
	return &commerce.Error{Kind: commerce.KindInvalid, System: system, Op: op, Outcome: commerce.NotSent,
		Text: fmt.Sprintf(format, args...)}
}

// last says what the last attempt did at the far side.
//
//   - No answer: not sent where no byte can have left, else unknown.
//   - 2xx: done, 5xx and 3xx: unknown, 4xx: refused as a whole.
//   - 409 idempotency_key_in_use: an earlier request under the key still runs, so
//     its effect is unknown.
func (f *flight) last() commerce.Outcome {
	switch {
	case f.attempts == 0:
		return commerce.NotSent
	case f.status == 0:
		if httpx.NotSent(f.err) {
			return commerce.NotSent
		}
		return commerce.Unknown
	case f.err != nil:
		return commerce.Unknown
	case f.status >= 200 && f.status < 300:
		return commerce.Done
	case f.status < 400 || f.status >= 500 || f.status == http.StatusRequestTimeout:
		return commerce.Unknown
	case f.status == http.StatusConflict && f.api().Code == "idempotency_key_in_use":
		return commerce.Unknown
	}
	return commerce.NotSent
}

// outcome says what all attempts together did. All of them carry one idempotency
// key, so an answer on the merits (400, 402, 404) is the answer to the earlier
// attempts too; a refusal at the door (401, 403, 409, 429) says nothing about them.
func (f *flight) outcome() commerce.Outcome {
	last := f.last()
	if last != commerce.NotSent || !f.maybe {
		return last
	}
	switch f.status {
	case http.StatusBadRequest, http.StatusPaymentRequired, http.StatusNotFound:
		if f.api().Type != "" {
			return commerce.NotSent
		}
	}
	return commerce.Unknown
}

// api reads the error object of the last answer; its Type is empty where the body
// is none of Stripe's.
func (f *flight) api() *APIError {
	var body struct {
		Error APIError `json:"error"`
	}
	if json.Unmarshal(f.body, &body) != nil {
		return &APIError{}
	}
	return &body.Error
}

// fail makes the error of a call that did not end well.
func (f *flight) fail(k call, err error, now time.Time) error {
	e := &commerce.Error{System: system, Op: k.op}
	if k.write() {
		e.Outcome = f.outcome()
		if k.method == http.MethodDelete && f.maybe && e.Outcome == commerce.NotSent {
			e.Outcome = commerce.Unknown // keys do not work for DELETE: docs.stripe.com/api/idempotent_requests, read 2026-11
		}
	}
	if f.status != 0 {
		e.Status, e.RequestID = f.status, f.header.Get("Request-Id")
		e.RetryAfter = httpx.RetryAfter(f.header, now)
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // its text has the URL, and the URL may have an e-mail address
	}
	ours, _ := errors.AsType[*commerce.Error](err)
	tooLarge, _ := errors.AsType[*httpx.TooLargeError](err)
	switch {
	case ours != nil && f.attempts == 0: // credentials, breaker or rate limit
		e.Kind, e.Code, e.Text = ours.Kind, ours.Code, ours.Text
		e.RetryAfter = max(e.RetryAfter, ours.RetryAfter)
		e.Err = ours.Err
	case tooLarge != nil:
		e.Kind, e.Err = commerce.KindLimit, err
		e.Text = fmt.Sprintf("the answer has more than Config.MaxBody = %d bytes", tooLarge.Max)
	case f.status == 0 || f.err != nil:
		e.Kind, e.Err = commerce.KindUnavailable, err
		e.Text = "no answer"
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			e.Text = "no answer before the context ended"
		}
	case f.status < 400:
		return f.unreadable(k, errors.New("the body is no JSON"))
	default:
		f.explain(e)
	}
	return e
}

// explain fills in what Stripe, or a proxy before it, said.
func (f *flight) explain(e *commerce.Error) {
	api := f.api()
	e.Code = api.Code
	switch {
	case api.Type == "":
		e.Text = "the answer is no error of Stripe's; a proxy may have sent it"
	case api.Type == "card_error":
		// Why is in Err: a buyer must not be told that a card was reported stolen.
		e.Text, e.Err = "the payment was refused", api
	default:
		e.Err = api
	}
	switch {
	case api.Type == "card_error":
		e.Kind = commerce.KindDeclined
	case api.Type == "idempotency_error" && f.status != http.StatusConflict:
		// The key was used for another request before: a second object under one key.
		e.Kind = commerce.KindDuplicate
		e.Code = "idempotency_error"
		e.Text = "the idempotency key was used with other parameters before"
	case f.status == http.StatusUnauthorized:
		e.Kind = commerce.KindAuth
	case f.status == http.StatusForbidden:
		e.Kind = commerce.KindForbidden
	case f.status == http.StatusNotFound:
		e.Kind = commerce.KindNotFound
	case f.status == http.StatusConflict, api.Code == "payment_intent_unexpected_state":
		e.Kind = commerce.KindConflict
	case f.status == http.StatusTooManyRequests:
		e.Kind = commerce.KindRateLimited
	case f.status >= 500, f.status == http.StatusRequestTimeout, f.status == http.StatusFailedDependency:
		e.Kind = commerce.KindUnavailable
	default:
		e.Kind = commerce.KindInvalid
	}
}

// unreadable is the error of a call that Stripe accepted and whose answer can not
// be used. A write has most likely happened, and nobody knows as what.
func (f *flight) unreadable(k call, err error) error {
	e := &commerce.Error{Kind: commerce.KindUnavailable, System: system, Op: k.op, Status: f.status,
		RequestID: f.header.Get("Request-Id"), Code: "unreadable", Text: "the answer can not be read"}
	if gap, ok := errors.AsType[*GapError](err); ok {
		e.Kind, e.Code, e.Text, e.Err = commerce.KindInvalid, "gap", "", gap
	} else if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		e.Kind, e.Text = commerce.KindInvalid, fmt.Sprintf("the answer has a %s in field %s", t.Value, t.Field)
	}
	if k.write() {
		e.Outcome = commerce.Unknown
	}
	return e
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:61] + "..."
	}
	return s
}
