package inbox

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/commercesync/commerce"
)

// Verifier turns the raw bytes of a request into an event, if they come from who
// they claim to. It reads no more of them than that takes. The body is the event's
// for ever and may become its Raw.
//
// Errors by kind: auth for a signature that does not hold (answered 401),
// unavailable where it can not tell now (503), all others 400.
type Verifier interface {
	Verify(ctx context.Context, header http.Header, body []byte) (commerce.Event, error)
}

// Receive returns the endpoint that a system sends its events to. It answers 200 only
// when the event's commit is known, also where it was there already. Otherwise:
//
//	400  the request is no event
//	401  the signature does not hold
//	405  not a POST
//	413  the body is longer than MaxBody
//	500  the store refuses this event for good; nothing was stored
//	503  try again later (Retry-After): the store is away or too much waits
//
// It may be used without Run, in a process that only receives.
func (in *Inbox) Receive(v Verifier) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "events are sent with POST", http.StatusMethodNotAllowed)
			return
		}
		body, err := in.read(w, r)
		if err != nil {
			in.refuse(w, err)
			return
		}
		e, err := v.Verify(r.Context(), r.Header, body)
		if err != nil {
			in.refuse(w, &verifyError{err})
			return
		}
		if _, err := in.Append(r.Context(), e); err != nil {
			in.refuse(w, err)
			return
		}
		w.WriteHeader(http.StatusOK)
	})
}

// verifyError marks an error as the sender's.
type verifyError struct{ error }

func (e *verifyError) Unwrap() error { return e.error }

func (in *Inbox) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > in.c.MaxBody {
		return nil, &http.MaxBytesError{Limit: in.c.MaxBody}
	}
	var b bytes.Buffer
	if r.ContentLength > 0 {
		b.Grow(int(r.ContentLength) + bytes.MinRead) // one allocation
	}
	_, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, in.c.MaxBody))
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); !ok {
			err = &verifyError{invalid("receive", "the body ended early")}
		}
		return nil, err
	}
	return b.Bytes(), nil
}

// refuse answers a request whose event was not stored, or not for sure.
func (in *Inbox) refuse(w http.ResponseWriter, err error) {
	status, say := http.StatusServiceUnavailable, "not stored; send it again"
	_, tooLong := errors.AsType[*http.MaxBytesError](err)
	_, sender := errors.AsType[*verifyError](err)
	kind := commerce.KindOf(err)
	switch {
	case tooLong:
		status, say = http.StatusRequestEntityTooLarge, "the body is too long"
	case sender && kind == commerce.KindAuth:
		status, say = http.StatusUnauthorized, "the signature does not hold"
	case sender && kind == commerce.KindUnavailable:
	case sender:
		status, say = http.StatusBadRequest, "not an event"
	case refused(err):
		status, say = http.StatusInternalServerError, "the event can not be stored"
	}
	if status == http.StatusServiceUnavailable {
		wait := max(time.Second, commerce.RetryAfter(err))
		w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	}
	if tooLong {
		in.c.Logger.Warn("inbox: request refused", "status", status)
	} else {
		in.c.Logger.Warn("inbox: request refused", "status", status, "error", safeText(err))
	}
	http.Error(w, say, status)
}
