package stripe

import (
	"errors"
	"net/http"

	"github.com/tidwall/gjson"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
	"github.com/commercesync/commerce/resilience"
)

// Classify says what one attempt at Stripe means for the next one. Every write
// carries an idempotency key, so none of this can do a thing twice.
//
//   - No answer, or a cut one: repeat.
//   - Stripe-Should-Retry: obeyed.
//   - A body that is no JSON comes from a proxy: repeat, whatever the status. Of a
//     write that succeeded the repetition brings the stored answer.
//   - 409 and 429: repeat, not before Retry-After. A 429 slows Config.Resilience.Quota
//     down, unless it is for a locked object (lock_timeout).
//   - 502, 503, 504 and other 5xx: repeat; but not a write's 500, because Stripe
//     stores a 500 under the key and would only say it again.
//   - Anything else: final.
//
// Source: stripe-go v76.25.0 and docs.stripe.com/api/idempotent_requests, read 2026-11.
func Classify(req *http.Request, resp *http.Response, err error) resilience.Verdict {
	if err != nil {
		if ours, ok := errors.AsType[*commerce.Error](err); ok {
			return resilience.Verdict{Repeat: !ours.Kind.Permanent() && ours.Kind != commerce.KindAuth}
		}
		if _, ok := errors.AsType[*httpx.TooLargeError](err); ok {
			return resilience.Verdict{}
		}
		// A caller that gave up says nothing about the far side.
		gone := req.Context().Err() != nil
		return resilience.Verdict{Repeat: !gone, Ill: !gone}
	}
	var v resilience.Verdict
	proxy := !isJSON(req, resp) && !streams(req, resp)
	switch resp.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		v.Ill = true
	case http.StatusInternalServerError:
		v.Ill = proxy
	case http.StatusTooManyRequests:
		v.Slow = !locked(req)
	}
	switch should := resp.Header.Get("Stripe-Should-Retry"); {
	case should == "true":
		v.Repeat = true
	case should == "false":
		v.Repeat = false
	case proxy:
		v.Repeat = resp.StatusCode != http.StatusUnauthorized && resp.StatusCode/100 != 3
	case resp.StatusCode == http.StatusConflict, resp.StatusCode == http.StatusTooManyRequests:
		v.Repeat = true
	case resp.StatusCode == http.StatusInternalServerError:
		v.Repeat = req.Method == http.MethodGet
	case resp.StatusCode > 500:
		v.Repeat = true
	}
	return v
}

// streams reports whether the answer is a file that the caller reads.
func streams(req *http.Request, resp *http.Response) bool {
	f, ok := req.Context().Value(flightKey{}).(*flight)
	return ok && f.stream && resp.StatusCode == http.StatusOK
}

// locked reports whether the answer that this client has read says that the object is
// being written by another request: that has nothing to do with the rate.
func locked(req *http.Request) bool {
	f, ok := req.Context().Value(flightKey{}).(*flight)
	return ok && gjson.GetBytes(f.body, "error.code").String() == "lock_timeout"
}

// isJSON looks into the answer where this client has read it already; of any other
// it asks the header.
func isJSON(req *http.Request, resp *http.Response) bool {
	if f, ok := req.Context().Value(flightKey{}).(*flight); ok {
		return f.json
	}
	return httpx.IsJSON(resp.Header)
}
