package httpx

import (
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// Traced returns a transport whose errors say [NotSent] also where the caller gave up, or
// its time ran out, before there was a connection: net/http then returns the context's
// error alone. Of a transport that reports no connections nothing is concluded.
func Traced(next http.RoundTripper) http.RoundTripper { return traced{next} }

type traced struct{ next http.RoundTripper }

func (t traced) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	if err := ctx.Err(); err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, notSent{err}
	}
	w := &witness{}
	w.trace.GetConn = func(string) { w.asked.Store(true) }
	w.trace.GotConn = func(httptrace.GotConnInfo) { w.got.Store(true) }
	resp, err := t.next.RoundTrip(req.WithContext(httptrace.WithClientTrace(ctx, &w.trace)))
	if err != nil && w.asked.Load() && !w.got.Load() {
		err = notSent{err}
	}
	return resp, err
}

// witness sees whether a request got a connection. net/http may still dial after the
// round trip has ended.
type witness struct {
	trace      httptrace.ClientTrace
	asked, got atomic.Bool
}

// notSent is an error after which certainly nothing left.
type notSent struct{ err error }

func (e notSent) Error() string { return e.err.Error() }
func (e notSent) Unwrap() error { return e.err }
func (e notSent) NotSent() bool { return true }
