package stripe

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"

	"github.com/tidwall/gjson"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

// flight follows one call through all its attempts. It travels in the request's
// context, and attempts of one call follow each other, so it needs no lock.
type flight struct {
	attempts int
	maybe    bool // an attempt before the last one may have taken effect
	renewed  bool // the credentials were refused once already
	stream   bool // a 200 is left for the caller to read

	// the last attempt
	status int // 0 = no answer
	header http.Header
	body   []byte
	json   bool // the body is JSON
	err    error
}

type flightKey struct{}

// attempts is the innermost transport: it puts the current key on each attempt,
// reads the whole answer, bounded, so that a cut one is an error that the policy
// sees, and notes what happened.
type attempts struct {
	next        http.RoundTripper
	credentials commerce.Credentials[commerce.Secret]
	maxBody     int64
}

func (t *attempts) RoundTrip(req *http.Request) (*http.Response, error) {
	f, _ := req.Context().Value(flightKey{}).(*flight)
	if f == nil {
		f = &flight{}
	}
	for {
		key, err := t.credentials.Current(req.Context())
		if err != nil {
			return nil, unauthorised(err)
		}
		if key.Empty() {
			return nil, unauthorised(errors.New("the key is empty"))
		}
		resp, err := t.once(req, key, f)
		if err != nil || resp.StatusCode != http.StatusUnauthorized || f.renewed || req.Context().Err() != nil {
			return resp, err
		}
		f.renewed = true
		if t.credentials.Rejected(req.Context(), key) != nil {
			return resp, nil //nolint:nilerr // there are no other credentials: the 401 is the answer
		}
		if req.GetBody == nil && req.Body != nil && req.Body != http.NoBody {
			return resp, nil
		}
	}
}

func (t *attempts) once(req *http.Request, key commerce.Secret, f *flight) (*http.Response, error) {
	r := *req // the caller's stays as it is
	r.Header = maps.Clone(req.Header)
	r.Header.Set("Authorization", "Bearer "+key.Reveal())
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, err
		}
		r.Body = body
	}
	f.begin()
	resp, err := t.next.RoundTrip(&r)
	if err != nil {
		f.err = err
		return nil, err
	}
	f.status, f.header = resp.StatusCode, resp.Header
	if f.stream && resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	body, err := httpx.ReadAll(resp.Body, t.maxBody)
	_ = resp.Body.Close()
	if err != nil {
		f.err = err
		return nil, err
	}
	f.body, f.json = body, validJSON(body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	return resp, nil
}

// begin clears the last attempt, remembering whether it may have taken effect.
func (f *flight) begin() {
	if f.attempts > 0 && f.last() != commerce.NotSent {
		f.maybe = true
	}
	f.attempts++
	f.status, f.header, f.body, f.json, f.err = 0, nil, nil, false, nil
}

// maxNesting is how deep encoding/json reads.
const maxNesting = 10_000

// validJSON is json.Valid. gjson is quicker and follows any nesting down: the brackets of
// one answer would fill the stack, which ends the program.
func validJSON(b []byte) bool {
	if bytes.Count(b, []byte("["))+bytes.Count(b, []byte("{")) > maxNesting {
		return json.Valid(b)
	}
	return gjson.ValidBytes(b)
}

// decode reads the last answer into a value, without a pass over it where the value
// reads itself.
func (f *flight) decode(into any) error {
	if own, ok := into.(json.Unmarshaler); ok && f.json {
		return own.UnmarshalJSON(f.body)
	}
	return json.Unmarshal(f.body, into)
}

// unauthorised says that no key could be had, so nothing was sent.
func unauthorised(err error) error {
	kind := commerce.KindAuth
	if _, ok := errors.AsType[*commerce.Error](err); ok {
		kind = commerce.KindOf(err)
	}
	return &commerce.Error{Kind: kind, System: system, Op: "get credentials", Outcome: commerce.NotSent, Err: err}
}
