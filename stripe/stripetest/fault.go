package stripetest

import (
	"net/http"
	"strconv"
	"time"
)

// Throttled is a rate limit that the next requests run into: they are not carried out
// and answered with 429. after is what Retry-After says; 0 says nothing, as Stripe does.
func Throttled(times int, after time.Duration) Fault {
	h := http.Header{}
	if after > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((after+time.Second-1)/time.Second), 10))
	}
	return refused(times, h, &problem{status: 429, kind: "invalid_request_error", code: "rate_limit", message: "Request rate limit exceeded."})
}

// Locked is an object that another request holds: 429 lock_timeout.
func Locked(times int) Fault {
	return refused(times, http.Header{"Stripe-Should-Retry": {"true"}}, &problem{status: 429, kind: "invalid_request_error", code: "lock_timeout",
		message: "This object cannot be accessed right now because another API request or Stripe process is currently accessing it."})
}

// InUse is an idempotency key that another request is still using: 409.
func InUse(times int) Fault {
	return refused(times, http.Header{}, &problem{status: 409, kind: "idempotency_error", code: "idempotency_key_in_use",
		message: "There is currently another in-progress request using this Idempotent Key."})
}

// Broken is an error of Stripe's own, 500 to 599, that comes before or, if it was
// carried out, after the effect.
func Broken(times, status int, carriedOut bool) Fault {
	f := refused(times, http.Header{}, &problem{status: status, kind: "api_error", message: "Something went wrong on Stripe's end."})
	if carriedOut {
		f.Kind = AfterEffect
	}
	return f
}

func refused(times int, h http.Header, p *problem) Fault {
	h.Set("Content-Type", "application/json")
	status, body := answer(nil, p)
	return Fault{Kind: Answered, Times: times, Status: status, Header: h, Body: string(body)}
}
