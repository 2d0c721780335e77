package resilience

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

// Default is the classifier of Retry.Classify. Reads and requests with an
// Idempotency-Key are repeated on a broken connection, a time-out of the attempt,
// 429, 502, 503, 504 and a 500 without JSON. Other requests are repeated when they
// provably never left, and on 429, which refuses before it acts and asks for fewer
// requests. Broken
// connections, time-outs and the 5xx of that list count for the breaker; a 500
// with a JSON body is an answer that the system thought about.
func Default(req *http.Request, resp *http.Response, err error) Verdict {
	harmless := reads(req) || keyed(req)
	if err != nil {
		if req.Context().Err() != nil {
			return Verdict{}
		}
		var stated *commerce.Error
		if errors.As(err, &stated) {
			kind := commerce.KindOf(err)
			return Verdict{Repeat: passing(kind) && (harmless || commerce.SafeToRetry(err)),
				After: commerce.RetryAfter(err), Ill: kind == commerce.KindUnavailable, Slow: kind == commerce.KindRateLimited}
		}
		if errors.Is(err, context.Canceled) {
			return Verdict{}
		}
		return Verdict{Repeat: harmless || httpx.NotSent(err), Ill: true}
	}
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		return Verdict{Repeat: true, Slow: true}
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return Verdict{Repeat: harmless, Ill: true}
	case http.StatusInternalServerError:
		bare := !httpx.IsJSON(resp.Header)
		return Verdict{Repeat: harmless && bare, Ill: bare}
	}
	return Verdict{}
}

func reads(req *http.Request) bool {
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	}
	return false
}

func keyed(req *http.Request) bool { return req.Header.Get("Idempotency-Key") != "" }

// passing reports whether a kind may pass by itself within seconds.
func passing(k commerce.Kind) bool {
	return k == commerce.KindUnavailable || k == commerce.KindRateLimited || k == commerce.KindConflict
}

// classify asks Retry.Classify and adds the answer's Retry-After.
func (p *Policy) classify(req *http.Request, resp *http.Response, err error) Verdict {
	v := p.c.Retry.Classify(req, resp, err)
	if resp != nil && err == nil {
		v.After = max(v.After, p.retryAfter(resp))
	}
	return v
}

func (p *Policy) retryAfter(resp *http.Response) time.Duration {
	if resp.Header.Get("Retry-After") == "" {
		return 0 // without a look at the clock
	}
	return httpx.RetryAfter(resp.Header, p.c.Now())
}

// health is what one attempt says about the far side.
type health int

const (
	well health = iota // it answered
	ill                // it did not, or said that it can not
	mute               // the attempt says nothing: the caller gave up
)

// healthOf judges the error of a function under Do.
func healthOf(ctx context.Context, err error) health {
	if err == nil {
		return well
	}
	if ctx.Err() != nil {
		return mute
	}
	var stated interface{ ErrorKind() commerce.Kind }
	var e *commerce.Error
	if errors.As(err, &e) || errors.As(err, &stated) {
		switch commerce.KindOf(err) {
		case commerce.KindUnavailable:
			return ill
		case commerce.KindParked:
			return mute
		}
		return well
	}
	if errors.Is(err, context.DeadlineExceeded) || httpx.NotSent(err) {
		return ill
	}
	return well
}

// pingHealth judges a Ping: only an answer that the system thought about is well.
func pingHealth(ctx context.Context, err error) health {
	if err == nil {
		return well
	}
	if ctx.Err() != nil {
		return mute
	}
	switch commerce.KindOf(err) {
	case commerce.KindAuth, commerce.KindForbidden, commerce.KindNotFound, commerce.KindInvalid, commerce.KindRateLimited:
		return well
	}
	return ill
}
