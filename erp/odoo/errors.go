package odoo

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

// problem is an error as the server says it. Its debug, a traceback with paths and
// values, is never read.
type problem struct {
	Name    string `json:"name"` // the class: "odoo.exceptions.UserError"
	Message string `json:"message"`
}

// statusError turns an answer that is not Odoo's own JSON into an error: from a
// proxy, or Odoo's HTML for a wrong database or path.
func (c call) statusError(a answer, now time.Time) error {
	e := c.fail(commerce.KindUnavailable, commerce.Unknown, a.status, http.StatusText(a.status))
	e.RetryAfter = httpx.RetryAfter(a.header, now)
	set := func(kind commerce.Kind, text string) error {
		e.Kind, e.Text = kind, text
		if c.write {
			e.Outcome = commerce.NotSent
		}
		return e
	}
	switch {
	case a.status == http.StatusUnauthorized:
		return set(commerce.KindAuth, "the key was refused")
	case a.status == http.StatusForbidden:
		return set(commerce.KindForbidden, "a proxy refused")
	case a.status == http.StatusNotFound:
		return set(commerce.KindInvalid, "no such database, or no API, at this address")
	case a.status == http.StatusTooManyRequests:
		if e.RetryAfter == 0 {
			e.RetryAfter = time.Minute
		}
		return set(commerce.KindRateLimited, "too many requests")
	case a.status == http.StatusRequestEntityTooLarge:
		return set(commerce.KindLimit, "the request is longer than a proxy allows")
	case a.status >= 300 && a.status < 400:
		return set(commerce.KindInvalid, "the address is redirected; set URL to where it leads")
	case a.status == http.StatusBadRequest, a.status == http.StatusUnsupportedMediaType, a.status == http.StatusMethodNotAllowed:
		return set(commerce.KindInvalid, http.StatusText(a.status))
	}
	return e
}

// kinds tell the classes of errors apart; the texts are translated.
var kinds = map[string]commerce.Kind{
	"odoo.exceptions.AccessDenied":              commerce.KindAuth,
	"werkzeug.exceptions.Unauthorized":          commerce.KindAuth,
	"odoo.http.SessionExpiredException":         commerce.KindAuth,
	"odoo.exceptions.AccessError":               commerce.KindForbidden,
	"werkzeug.exceptions.Forbidden":             commerce.KindForbidden,
	"odoo.exceptions.MissingError":              commerce.KindNotFound,
	"odoo.exceptions.UserError":                 commerce.KindInvalid,
	"odoo.exceptions.ValidationError":           commerce.KindInvalid,
	"odoo.exceptions.RedirectWarning":           commerce.KindNeedsDecision,
	"odoo.exceptions.LockError":                 commerce.KindUnavailable,
	"odoo.exceptions.ConcurrencyError":          commerce.KindUnavailable,
	"werkzeug.exceptions.NotFound":              commerce.KindInvalid, // of a model or method, not of a record
	"werkzeug.exceptions.BadRequest":            commerce.KindInvalid,
	"werkzeug.exceptions.UnprocessableEntity":   commerce.KindInvalid,
	"werkzeug.exceptions.TooManyRequests":       commerce.KindRateLimited,
	"werkzeug.exceptions.RequestEntityTooLarge": commerce.KindLimit,
}

// refused turns the server's own error into ours. The transaction was rolled back
// before the server said so: nothing took effect, unless what it lost is its own
// connection to the database, as that may have been on the COMMIT.
func (c call) refused(p problem, a answer, now time.Time) error {
	e := c.fail(kinds[p.Name], commerce.NotSent, a.status, c.safe(p.Message))
	e.Code, e.RetryAfter = p.Name, httpx.RetryAfter(a.header, now)
	switch {
	case strings.HasPrefix(p.Name, "psycopg2."):
		e.Kind, e.Text = commerce.KindUnavailable, "the database is busy or gone"
		if c.write && (strings.HasSuffix(p.Name, ".OperationalError") || strings.HasSuffix(p.Name, ".InterfaceError")) {
			e.Outcome = commerce.Unknown
		}
	case e.Kind == commerce.KindInvalid:
		e.Kind = kindOfText(p.Message)
	case e.Kind == "":
		e.Kind = commerce.KindInternal
	}
	return e
}

// kindOfText tells kinds apart by the English text, where there is nothing else.
func kindOfText(text string) commerce.Kind {
	switch {
	case strings.Contains(text, "Lock Date"), strings.Contains(text, "lock date"):
		return commerce.KindPeriodClosed
	case strings.Contains(text, "could not serialize"), strings.Contains(text, "deadlock detected"), strings.Contains(text, "could not obtain lock"):
		return commerce.KindUnavailable
	}
	return commerce.KindInvalid
}

// safe cuts a message down to what may be logged: one about a partner may say who
// it is, and PostgreSQL's details hold the row.
func (c call) safe(text string) string {
	if c.model == "res.partner" {
		return ""
	}
	text, _, _ = strings.Cut(text, "\nDETAIL:")
	text, _, _ = strings.Cut(text, "\n\n")
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return strings.ReplaceAll(text, "\n", " ")
}

// outcome states what the write as a whole did where one of its reads failed.
func outcome(err error, o commerce.Outcome) error {
	e, ok := errors.AsType[*commerce.Error](err)
	switch {
	case ok && e.Outcome == "":
		e.Outcome = o
		return err
	case ok:
		return err
	}
	return &commerce.Error{Kind: commerce.KindOf(err), System: system, Outcome: o, Err: err}
}

func notSent(err error) error { return outcome(err, commerce.NotSent) }
