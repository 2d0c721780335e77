package commerce

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Kind says what went wrong, in words that do not depend on the system it
// happened in. A caller branches on the kind; people read the text.
type Kind string

const (
	// KindInvalid: the input can not be accepted as it is. Sending it again changes nothing.
	KindInvalid Kind = "invalid"
	// KindNotFound: the far side says that the object does not exist.
	KindNotFound Kind = "not_found"
	// KindAmbiguous: more than one object answers to a name that should name one.
	KindAmbiguous Kind = "ambiguous"
	// KindAuth: the credentials were refused, also after they were renewed.
	KindAuth Kind = "auth"
	// KindForbidden: the credentials are good and lack a right.
	KindForbidden Kind = "forbidden"
	// KindConflict: somebody else changed the object, or holds it. Read it again.
	KindConflict Kind = "conflict"
	// KindDuplicate: the far side refused a second object under the same key.
	KindDuplicate Kind = "duplicate"
	// KindDeclined: a payment was refused by the issuer or by risk rules.
	KindDeclined Kind = "declined"
	// KindRateLimited: too many requests; RetryAfter says when to come back, if known.
	KindRateLimited Kind = "rate_limited"
	// KindUnavailable: the system is ill: refused connection, time-out, 5xx, an HTML error page.
	KindUnavailable Kind = "unavailable"
	// KindParked: nothing was tried yet, on purpose; come back after RetryAfter. An
	// open circuit breaker, a grace period and a lease held by someone else park.
	KindParked Kind = "parked"
	// KindMapping: a document can not be said in the other system's words. The text
	// names document, field and value.
	KindMapping Kind = "mapping"
	// KindNeedsDecision: a person has to decide; the text says what.
	KindNeedsDecision Kind = "needs_decision"
	// KindPeriodClosed: the accounting period of the date is closed.
	KindPeriodClosed Kind = "period_closed"
	// KindLimit: a bound of ours was reached; the text names the config field.
	KindLimit Kind = "limit"
	// KindInternal: a fault of this program or an answer nobody foresaw.
	KindInternal Kind = "internal"
)

// permanent lists the kinds that no repetition can mend.
var permanent = map[Kind]bool{
	KindInvalid: true, KindNotFound: true, KindAmbiguous: true, KindForbidden: true,
	KindDuplicate: true, KindDeclined: true, KindMapping: true, KindNeedsDecision: true,
	KindPeriodClosed: true,
}

// Permanent reports whether an error of this kind stays, however often the same
// thing is tried.
func (k Kind) Permanent() bool { return permanent[k] }

// Outcome says what a write did at the far side. Reads have no effect and leave
// it empty, except where a read fails on behalf of a write.
type Outcome string

const (
	// NotSent: nothing took effect; the write never left or was refused as a whole.
	NotSent Outcome = "not sent"
	// Done: the effect is there, though the call ended with an error.
	Done Outcome = "done"
	// Unknown: the write may have taken effect. Look it up under its key; never guess.
	Unknown Outcome = "unknown"
)

// Error is the one error type of this module: what happened, where, whether the
// write took effect, and when to come back. Its text is safe to log and to show:
// no credentials, no personal data.
type Error struct {
	Kind    Kind
	System  string  // "stripe", "magento", "tryton"; also "inbox", "mapping" for our own rooms
	Op      string  // the act and its object: "create refund for pi_1"
	Outcome Outcome // what a write did; empty where nothing was to be written

	RetryAfter time.Duration // how long to wait; 0 = not said
	Status     int           // HTTP status of the answer; 0 = no answer
	Code       string        // the far side's own code: "card_declined"
	RequestID  string        // the far side's id of the request: "req_9"
	Text       string        // one safe sentence
	Err        error         // the cause; nil at the root
}

// Error says "system: op: status code text (request)".
func (e *Error) Error() string {
	parts := make([]string, 0, 4)
	if e.System != "" {
		parts = append(parts, e.System)
	}
	if e.Op != "" {
		parts = append(parts, e.Op)
	}
	var what []string
	if e.Status != 0 {
		what = append(what, strconv.Itoa(e.Status))
	}
	if e.Code != "" {
		what = append(what, e.Code)
	}
	if e.Text != "" {
		what = append(what, e.Text)
	}
	if len(what) == 0 && e.Kind != "" && e.Err == nil {
		what = append(what, string(e.Kind))
	}
	if e.Outcome == Unknown {
		what = append(what, "[outcome unknown]")
	}
	if len(what) > 0 {
		parts = append(parts, strings.Join(what, " "))
	}
	if e.Err != nil {
		if cause := e.Err.Error(); cause != "" {
			parts = append(parts, cause)
		}
	}
	s := strings.Join(parts, ": ")
	if e.RequestID != "" {
		s += " (" + e.RequestID + ")"
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is the sentinel of e's kind or of its outcome, so
// that errors.Is(err, ErrNotFound) and errors.Is(err, ErrUnknown) work.
func (e *Error) Is(target error) bool {
	s, ok := target.(*sentinel)
	if !ok {
		return false
	}
	if s.outcome != "" {
		return e.Outcome == s.outcome
	}
	return e.Kind == s.kind
}

type sentinel struct {
	kind    Kind
	outcome Outcome
}

func (s *sentinel) Error() string {
	if s.outcome != "" {
		return "commerce: outcome " + string(s.outcome)
	}
	return "commerce: " + string(s.kind)
}

// ErrorKind returns the kind, so that a bare sentinel can be returned as an error.
func (s *sentinel) ErrorKind() Kind { return s.kind }

// Sentinels for errors.Is. Each matches every *Error of its kind; ErrUnknown
// matches every *Error whose write has an unknown outcome. Any call of a client,
// port or store may return them.
var (
	ErrInvalid       error = &sentinel{kind: KindInvalid}
	ErrNotFound      error = &sentinel{kind: KindNotFound}
	ErrAmbiguous     error = &sentinel{kind: KindAmbiguous}
	ErrAuth          error = &sentinel{kind: KindAuth}
	ErrForbidden     error = &sentinel{kind: KindForbidden}
	ErrConflict      error = &sentinel{kind: KindConflict}
	ErrDuplicate     error = &sentinel{kind: KindDuplicate}
	ErrDeclined      error = &sentinel{kind: KindDeclined}
	ErrRateLimited   error = &sentinel{kind: KindRateLimited}
	ErrUnavailable   error = &sentinel{kind: KindUnavailable}
	ErrParked        error = &sentinel{kind: KindParked}
	ErrMapping       error = &sentinel{kind: KindMapping}
	ErrNeedsDecision error = &sentinel{kind: KindNeedsDecision}
	ErrPeriodClosed  error = &sentinel{kind: KindPeriodClosed}
	ErrLimit         error = &sentinel{kind: KindLimit}
	ErrInternal      error = &sentinel{kind: KindInternal}
	ErrUnknown       error = &sentinel{outcome: Unknown}
)

// Errorf makes an *Error of our own rooms; the format may wrap a cause with %w.
// The text must be safe: ids and figures, never personal data.
func Errorf(kind Kind, system, op, format string, args ...any) *Error {
	f := fmt.Errorf(format, args...)
	e := &Error{Kind: kind, System: system, Op: op, Text: f.Error()}
	if cause := errors.Unwrap(f); cause != nil {
		e.Err = &quiet{cause}
	} else if _, ok := f.(interface{ Unwrap() []error }); ok {
		e.Err = &quiet{f}
	}
	return e
}

// quiet keeps a cause reachable for errors.Is and As whose text is already said.
type quiet struct{ err error }

func (q *quiet) Error() string { return "" }
func (q *quiet) Unwrap() error { return q.err }

// KindOf returns the kind of the outermost error in the tree that states one, or
// KindInternal where none does. Of a join the first branch that states one counts;
// use [Kinds] to see all.
func KindOf(err error) Kind {
	for k := range kinds(err) {
		return k
	}
	return KindInternal
}

// Kinds returns the kind of every branch of a joined error, in order; a branch
// that states none counts as KindInternal.
func Kinds(err error) []Kind {
	var out []Kind
	for k := range kinds(err) {
		out = append(out, k)
	}
	return out
}

func kinds(err error) func(yield func(Kind) bool) {
	return func(yield func(Kind) bool) { walkKinds(err, yield) }
}

func walkKinds(err error, yield func(Kind) bool) bool {
	for err != nil {
		switch e := err.(type) {
		case *Error:
			if e.Kind != "" {
				return yield(e.Kind)
			}
		case interface{ ErrorKind() Kind }:
			return yield(e.ErrorKind())
		case interface{ Unwrap() []error }:
			for _, branch := range e.Unwrap() {
				if branch != nil && !walkKinds(branch, yield) {
					return false
				}
			}
			return true
		}
		next := errors.Unwrap(err)
		if next == nil {
			return yield(KindInternal)
		}
		err = next
	}
	return true
}

// RetryAfter returns the longest wait that any error in the tree asks for; 0 where
// none does.
func RetryAfter(err error) time.Duration {
	var longest time.Duration
	visit(err, func(e *Error) { longest = max(longest, e.RetryAfter) })
	return longest
}

func visit(err error, f func(*Error)) {
	for err != nil {
		if e, ok := err.(*Error); ok {
			f(e)
		}
		if m, ok := err.(interface{ Unwrap() []error }); ok {
			for _, branch := range m.Unwrap() {
				visit(branch, f)
			}
			return
		}
		err = errors.Unwrap(err)
	}
}

// SafeToRetry reports whether the write behind err certainly took no effect, so
// that sending it again can not do it twice. It walks the whole tree: an error
// that states an outcome decides for all it wraps, and a join is safe only if
// every branch is. An error that states nothing is not safe.
func SafeToRetry(err error) bool {
	if err == nil {
		return false
	}
	if e, ok := err.(*Error); ok && e.Outcome != "" {
		return e.Outcome == NotSent
	}
	if m, ok := err.(interface{ Unwrap() []error }); ok {
		branches := m.Unwrap()
		safe := false
		for _, b := range branches {
			if b == nil {
				continue
			}
			if !SafeToRetry(b) {
				return false
			}
			safe = true
		}
		return safe
	}
	if next := errors.Unwrap(err); next != nil {
		return SafeToRetry(next)
	}
	return false
}
