package resilience

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

// Transport returns a RoundTripper that runs every request under the policy and
// repeats only what is safe to repeat. nil means http.DefaultTransport. A request
// with a body is repeated only if it has GetBody, as those of http.NewRequest do.
func (p *Policy) Transport(next http.RoundTripper) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	return &transport{p, next}
}

type transport struct {
	p    *Policy
	next http.RoundTripper
}

// RoundTrip sends a request, again where that is safe and useful, and returns the
// last answer.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	p, ctx := t.p, req.Context()
	if p.breaker.tries(ctx) {
		return t.once(req)
	}
	p.budget.deposit()
	pause := pauses{p: p}
	var last answer
	maybe, before := false, false // an attempt may have taken effect; one before the last
	for n := 1; ; n++ {
		now, refusal := t.attempt(req, n)
		if refusal != nil && n == 1 {
			if req.Body != nil {
				_ = req.Body.Close()
			}
			return nil, refusal
		}
		if refusal != nil {
			return p.final(req, last, before)
		}
		if !now.verdict.Repeat || n >= p.c.Retry.Attempts || !replayable(req) || p.State().Open ||
			!pause.next(ctx, now.verdict.After, now.detach) {
			return p.final(req, now, maybe)
		}
		last, before = now, maybe
		maybe = maybe || now.mayHaveActed(req)
	}
}

// attempt sends the request for the n-th time; refusal says why it was not sent.
func (t *transport) attempt(req *http.Request, n int) (a answer, refusal error) {
	again := req
	if n > 1 && req.GetBody != nil && req.Body != nil && req.Body != http.NoBody {
		body, err := req.GetBody()
		if err != nil {
			return answer{}, err
		}
		clone := *req
		clone.Body = body
		again = &clone
	}
	sent := false
	refusal = t.p.guard(req.Context(), req, func() health {
		sent = true
		a.resp, a.err = t.once(again)
		a.verdict = t.p.classify(req, a.resp, a.err)
		if a.verdict.Slow {
			t.p.slow(req)
		}
		switch {
		case a.verdict.Ill:
			return ill
		case a.err != nil && req.Context().Err() != nil:
			return mute
		}
		return well
	})
	if refusal != nil && !sent && again != req {
		_ = again.Body.Close()
	}
	return a, refusal
}

// once sends the request with Config.Timeout, which ends when the body is closed.
func (t *transport) once(req *http.Request) (*http.Response, error) {
	if sooner(req.Context(), t.p.c.Timeout) {
		return t.next.RoundTrip(req)
	}
	ctx, cancel := context.WithTimeout(req.Context(), t.p.c.Timeout)
	resp, err := t.next.RoundTrip(req.WithContext(ctx))
	if err != nil || resp.Body == nil {
		cancel()
		return resp, err
	}
	resp.Body = &timedBody{resp.Body, cancel}
	return resp, nil
}

// timedBody ends the attempt's context when the body ends.
type timedBody struct {
	body   io.ReadCloser
	cancel context.CancelFunc
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if err != nil {
		b.cancel()
	}
	return n, err
}

func (b *timedBody) Close() error {
	err := b.body.Close()
	b.cancel()
	return err
}

func replayable(req *http.Request) bool {
	return req.Body == nil || req.Body == http.NoBody || req.GetBody != nil
}

// answer is the end of one attempt.
type answer struct {
	resp    *http.Response
	err     error
	verdict Verdict
}

// keepBody is how much of an answer's body is kept while the next attempt is
// waited for: error documents are short.
const keepBody = 64 << 10

// detach frees the connection before a wait and keeps the start of the body, in
// case there is no better answer.
func (a answer) detach() {
	if a.err != nil || a.resp == nil || a.resp.Body == nil {
		return
	}
	b, err := httpx.ReadAll(a.resp.Body, keepBody)
	_ = a.resp.Body.Close()
	kept := io.Reader(bytes.NewReader(b))
	if err != nil {
		kept = io.MultiReader(kept, cut{err})
	}
	a.resp.Body = io.NopCloser(kept)
}

// cut is the end of a body that could not be kept whole.
type cut struct{ err error }

func (c cut) Read([]byte) (int, error) { return 0, c.err }

// mayHaveActed reports whether an attempt that is being repeated may have changed
// something at the far side.
func (a answer) mayHaveActed(req *http.Request) bool {
	switch {
	case reads(req):
		return false
	case a.err != nil:
		return !provablyNotSent(a.err)
	}
	return keyed(req) && a.resp.StatusCode != http.StatusTooManyRequests
}

func provablyNotSent(err error) bool {
	var stated *commerce.Error
	if errors.As(err, &stated) {
		return commerce.SafeToRetry(err)
	}
	return httpx.NotSent(err)
}

// final hands an answer back. Where an earlier attempt may have taken effect, an
// answer that only says that this one did not becomes an error of unknown outcome.
func (p *Policy) final(req *http.Request, a answer, maybe bool) (*http.Response, error) {
	switch {
	case !maybe:
	case a.err != nil:
		if provablyNotSent(a.err) {
			return nil, p.unknownError(req, nil, a.err)
		}
	default:
		switch a.resp.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable:
			_ = a.resp.Body.Close()
			return nil, p.unknownError(req, a.resp, nil)
		}
	}
	return a.resp, a.err
}
