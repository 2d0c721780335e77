// Package fault makes fakes fail as real servers do: refused connections, stalls,
// answers that are lost after the effect, half answers, error pages.
package fault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"time"
)

// Kind says how a request goes wrong.
type Kind int

const (
	// Refused: the connection is refused; nothing arrives.
	Refused Kind = iota + 1
	// Stalled: the request arrives, is not carried out, and no answer comes until
	// the caller gives up.
	Stalled
	// Lost: the request is carried out and the connection breaks before the answer.
	Lost
	// Half: the request is carried out and half of the answer's body arrives.
	Half
	// Answered: the request is not carried out; Status, Header and Body are the answer.
	Answered
	// AfterEffect: the request is carried out; Status, Header and Body are the answer.
	AfterEffect
	// Late: the request is carried out after Delay, also if the caller has given up.
	Late
)

// Fault is one way to fail.
type Fault struct {
	Kind   Kind
	Match  func(*http.Request) bool // nil = every request
	Times  int                      // how often; 0 = until removed
	Status int
	Header http.Header
	Body   string
	Delay  time.Duration // for Late
}

// Set holds the faults of one fake. The zero Set has none. It is safe for
// concurrent use.
type Set struct {
	mu     sync.Mutex
	faults []*entry
}

type entry struct {
	Fault
	left int
}

// Add adds a fault and returns what removes it.
func (s *Set) Add(f Fault) (remove func()) {
	e := &entry{f, f.Times}
	s.mu.Lock()
	s.faults = append(s.faults, e)
	s.mu.Unlock()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for i, x := range s.faults {
			if x == e {
				s.faults = append(s.faults[:i], s.faults[i+1:]...)
				return
			}
		}
	}
}

// Clear removes all faults.
func (s *Set) Clear() {
	s.mu.Lock()
	s.faults = nil
	s.mu.Unlock()
}

func (s *Set) next(r *http.Request) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, e := range s.faults {
		if e.Match != nil && !e.Match(r) {
			continue
		}
		if e.Times > 0 {
			if e.left--; e.left == 0 {
				s.faults = append(s.faults[:i], s.faults[i+1:]...)
			}
		}
		return e.Fault, true
	}
	return Fault{}, false
}

// Transport answers requests from h in this process, without a socket.
func (s *Set) Transport(h http.Handler) http.RoundTripper { return &transport{s, h} }

type transport struct {
	set *Set
	h   http.Handler
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, neverSent{err}
	}
	var body []byte
	if r.Body != nil {
		var err error
		body, err = io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			return nil, neverSent{err}
		}
	}
	serve := func(ctx context.Context) *http.Response {
		in := r.Clone(ctx)
		in.Body = io.NopCloser(bytes.NewReader(body))
		in.RequestURI = in.URL.RequestURI()
		if in.Host == "" {
			in.Host = in.URL.Host
		}
		in.RemoteAddr = "127.0.0.1:1"
		rec := httptest.NewRecorder()
		t.h.ServeHTTP(rec, in)
		resp := rec.Result()
		resp.Request = r
		return resp
	}
	f, ok := t.set.next(r)
	if !ok {
		return serve(context.WithoutCancel(r.Context())), nil
	}
	lost := &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	switch f.Kind {
	case Refused:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case Stalled:
		<-r.Context().Done()
		return nil, r.Context().Err()
	case Lost:
		serve(context.WithoutCancel(r.Context()))
		return nil, lost
	case Late:
		done := make(chan *http.Response, 1)
		timer := time.AfterFunc(f.Delay, func() { done <- serve(context.WithoutCancel(r.Context())) })
		_ = timer
		select {
		case <-r.Context().Done():
			return nil, r.Context().Err()
		case resp := <-done:
			return resp, nil
		}
	case Half:
		resp := serve(context.WithoutCancel(r.Context()))
		b, _ := io.ReadAll(resp.Body)
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(b[:len(b)/2]), failing{io.ErrUnexpectedEOF}))
		return resp, nil
	case AfterEffect:
		serve(context.WithoutCancel(r.Context()))
		fallthrough
	case Answered:
		return f.response(r), nil
	}
	return nil, fmt.Errorf("fault: unknown kind %d", f.Kind)
}

func (f Fault) response(r *http.Request) *http.Response {
	h := f.Header.Clone()
	if h == nil {
		h = http.Header{"Content-Type": {"text/html"}}
	}
	return &http.Response{StatusCode: f.Status, Status: fmt.Sprintf("%d %s", f.Status, http.StatusText(f.Status)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h, Request: r,
		Body: io.NopCloser(bytes.NewReader([]byte(f.Body))), ContentLength: int64(len(f.Body))}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// neverSent is the transport's way to say that no byte left.
type neverSent struct{ err error }

func (n neverSent) Error() string { return n.err.Error() }
func (n neverSent) Unwrap() error { return n.err }
func (n neverSent) NotSent() bool { return true }

// Handler serves h over a real connection with the same faults. Refused closes the
// connection without reading the request's body.
func (s *Set) Handler(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := s.next(r)
		if !ok {
			h.ServeHTTP(w, r)
			return
		}
		serve := func() *httptest.ResponseRecorder {
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r.WithContext(context.WithoutCancel(r.Context())))
			return rec
		}
		switch f.Kind {
		case Refused:
			panic(http.ErrAbortHandler)
		case Stalled:
			// A server notices that the caller has gone only once the body is read.
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		case Lost:
			serve()
			panic(http.ErrAbortHandler)
		case Late:
			body, err := io.ReadAll(r.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			t := time.NewTimer(f.Delay)
			defer t.Stop()
			<-t.C
			copyTo(w, serve().Result(), -1)
		case Half:
			copyTo(w, serve().Result(), 2)
			panic(http.ErrAbortHandler)
		case AfterEffect:
			serve()
			copyTo(w, f.response(r), -1)
		case Answered:
			copyTo(w, f.response(r), -1)
		}
	})
}

// copyTo writes an answer; parts = 2 writes the first half of the body only.
func copyTo(w http.ResponseWriter, resp *http.Response, parts int) {
	b, _ := io.ReadAll(resp.Body)
	for k, v := range resp.Header {
		w.Header()[k] = v
	}
	if parts > 0 {
		w.Header().Set("Content-Length", fmt.Sprint(len(b)))
		b = b[:len(b)/parts]
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(b)
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}

// ErrRefused reports whether err is the refusal that Transport makes.
func ErrRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
