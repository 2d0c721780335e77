package resilience

import (
	"fmt"
	"net/http"
	"time"

	"github.com/commercesync/commerce"
)

// OpenError says that a circuit breaker refused a call. It comes wrapped in a
// *commerce.Error of kind parked, outcome not sent.
type OpenError struct {
	Name  string    // the policy's
	Until time.Time // no call is tried before
}

func (e *OpenError) Error() string {
	return fmt.Sprintf("circuit breaker is open until %s", e.Until.UTC().Format(time.RFC3339))
}

// NotSent is true: nothing left this machine.
func (e *OpenError) NotSent() bool { return true }

// RateError says that a call's turn under Config.Quota would have come after its
// context's end. It comes wrapped in a *commerce.Error of kind parked, outcome not
// sent.
type RateError struct {
	Name string        // the policy's
	Wait time.Duration // how long the call would have waited
	Err  error         // the context's error if it ended during the wait; else nil
}

func (e *RateError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("waiting %s for the rate limit: %v", e.Wait, e.Err)
	}
	return fmt.Sprintf("the rate limit's wait of %s is longer than the context lives", e.Wait)
}

// Unwrap returns the context's error, if it ended during the wait.
func (e *RateError) Unwrap() error { return e.Err }

// NotSent is true: nothing left this machine.
func (e *RateError) NotSent() bool { return true }

// retrial is how long to stay away while another caller tries the Ping.
const retrial = time.Second

func (p *Policy) openError(until time.Time) error {
	return &commerce.Error{Kind: commerce.KindParked, System: p.name, Outcome: commerce.NotSent,
		RetryAfter: max(until.Sub(p.c.Now()), retrial), Err: &OpenError{p.name, until}}
}

func (p *Policy) rateError(wait time.Duration, cause error) error {
	return &commerce.Error{Kind: commerce.KindParked, System: p.name, Outcome: commerce.NotSent,
		RetryAfter: wait, Err: &RateError{p.name, wait, cause}}
}

// maybeSent hides a "not sent" of the last attempt: an earlier one may have taken
// effect.
type maybeSent struct{ err *commerce.Error }

func (e maybeSent) Error() string { return e.err.Error() }
func (e maybeSent) Unwrap() error { return e.err }
func (e maybeSent) NotSent() bool { return false }

func (p *Policy) unknownError(req *http.Request, resp *http.Response, err error) error {
	e := &commerce.Error{Kind: commerce.KindUnavailable, System: p.name, Op: req.Method,
		Outcome: commerce.Unknown, Text: "an earlier attempt may have taken effect", Err: err}
	if resp != nil {
		e.Status = resp.StatusCode
		e.RetryAfter = p.retryAfter(resp)
		if resp.StatusCode == http.StatusTooManyRequests {
			e.Kind = commerce.KindRateLimited
		}
	} else {
		e.RetryAfter = commerce.RetryAfter(err)
	}
	return maybeSent{e}
}
