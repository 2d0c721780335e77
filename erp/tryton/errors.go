package tryton

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

// loginAnswer is [user id, token]; null where the login was refused.
type loginAnswer struct {
	user  int64
	token string
}

func (a *loginAnswer) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(b, &parts); err != nil || len(parts) < 2 {
		return fmt.Errorf("a login answers [user, token]")
	}
	if err := json.Unmarshal(parts[0], &a.user); err != nil {
		return err
	}
	return json.Unmarshal(parts[1], &a.token)
}

// statusError turns an answer other than 200 into an error. Tryton itself answers
// 401, 403, 404, 429 and 500, with an HTML body; the rest comes from proxies.
func (c call) statusError(resp *http.Response, now time.Time) error {
	status := resp.StatusCode
	wait := httpx.RetryAfter(resp.Header, now)
	e := c.fail(commerce.KindUnavailable, commerce.Unknown, status, http.StatusText(status))
	e.RetryAfter = wait
	set := func(kind commerce.Kind, text string) error {
		e.Kind, e.Text = kind, text
		if c.write {
			e.Outcome = commerce.NotSent
		}
		return e
	}
	switch {
	case status == http.StatusUnauthorized:
		return errSession
	case status == http.StatusForbidden:
		return set(commerce.KindForbidden, "the method is not open to remote calls, or a proxy refused")
	case status == http.StatusNotFound:
		return set(commerce.KindInvalid, "no such database at this address")
	case status == http.StatusTooManyRequests:
		if e.RetryAfter == 0 {
			e.RetryAfter = time.Minute
		}
		return set(commerce.KindRateLimited, "too many requests or failed logins")
	case status == http.StatusRequestEntityTooLarge:
		return set(commerce.KindLimit, "the request is longer than a proxy allows")
	case status >= 300 && status < 400:
		return set(commerce.KindInvalid, "the address is redirected; set URL to where it leads")
	case status == http.StatusBadRequest, status == http.StatusUnsupportedMediaType, status == http.StatusMethodNotAllowed:
		return set(commerce.KindInvalid, http.StatusText(status))
	}
	return e
}

// rpcError turns the error array of an answer into an error. The server has rolled
// the transaction back before it answers so: nothing took effect, unless what it lost
// is its own connection to the database, as that may have been on the COMMIT.
func (c call) rpcError(raw json.RawMessage) error {
	var parts []json.RawMessage
	var name string
	if json.Unmarshal(raw, &parts) != nil || len(parts) == 0 || json.Unmarshal(parts[0], &name) != nil {
		return c.fail(commerce.KindInternal, commerce.Unknown, http.StatusOK, "the error has another shape than expected")
	}
	e := c.fail(commerce.KindInternal, commerce.NotSent, http.StatusOK, "")
	e.Code = name
	var args []json.RawMessage
	if len(parts) > 1 {
		_ = json.Unmarshal(parts[1], &args)
	}
	text := func(i int) (s string) {
		if i < len(args) {
			_ = json.Unmarshal(args[i], &s)
		}
		return s
	}
	switch name {
	case "UserError":
		e.Kind, e.Text = userErrorKind(text(0)), c.safe(text(0))
	case "UserWarning":
		e.Kind, e.Code, e.Text = commerce.KindNeedsDecision, "UserWarning "+text(0), c.safe(text(1))
	case "ConcurrencyException":
		e.Kind, e.Text = commerce.KindConflict, "the record was changed in the meanwhile"
	case "LoginException":
		e.Kind, e.Text = commerce.KindAuth, "the login wants another parameter: "+text(0)
	default:
		// The text of a Python exception: a database that is busy, or a fault.
		e.Code, e.Text = "", c.safe(name)
		for _, busy := range []string{"database is locked", "could not serialize", "deadlock detected", "lock timeout", "could not obtain lock", "connection"} {
			if strings.Contains(name, busy) {
				e.Kind = commerce.KindUnavailable
			}
		}
		if c.write && strings.Contains(name, "connection") {
			e.Outcome = commerce.Unknown
		}
	}
	return e
}

// userErrorKind tells kinds apart by the English text: there is no code.
func userErrorKind(text string) commerce.Kind {
	switch {
	case strings.HasPrefix(text, "You are not allowed to"):
		return commerce.KindForbidden
	case strings.Contains(text, "must be unique"):
		return commerce.KindDuplicate
	case strings.Contains(text, "closed journal-period"), strings.Contains(text, "closed period"),
		strings.Contains(text, "must create a period"), strings.Contains(text, "is outside the period"):
		return commerce.KindPeriodClosed
	case strings.Contains(text, numbersFollowDates):
		return commerce.KindConflict
	}
	return commerce.KindInvalid
}

var quoted = regexp.MustCompile(`"[^"]*"`)

// safe cuts a text of the server down to what may be logged: quoted record names
// may be people's where parties are written, and PostgreSQL's details hold the row.
func (c call) safe(text string) string {
	text, _, _ = strings.Cut(text, "\nDETAIL:")
	if strings.HasPrefix(c.method, "model.party.") {
		text = quoted.ReplaceAllString(text, `"…"`)
	}
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return strings.ReplaceAll(text, "\n", " ")
}
