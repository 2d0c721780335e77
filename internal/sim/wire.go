package sim

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// wire is the way from a process to a far side.
type wire struct {
	p      *process
	system string
	to     http.RoundTripper
}

func (p *process) wire(system string, to http.RoundTripper) http.RoundTripper {
	return &wire{p, system, to}
}

// flight is a request on its way: sent, then applied or not, then answered or not. It
// goes on when its caller has gone.
type flight struct {
	p     *process
	wire  *wire
	label string
	req   *http.Request
	body  []byte
	write bool

	due      time.Time // of the next step
	applies  bool      // else it gets lost before
	applied  bool
	answers  bool          // else the connection breaks
	half     bool          // half of the answer arrives
	answerIn time.Duration // after it was applied
	status   int           // answered without being applied; 0 = not

	resp *http.Response
	err  error
	done chan struct{} // closed when resp and err stand
}

var errReset = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}

// RoundTrip implements http.RoundTripper.
func (t *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	p, w := t.p, t.p.w
	if p.booting {
		return t.to.RoundTrip(r)
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body.Close()
	}
	label := t.system + " " + r.Method + " " + r.URL.Path
	if t.system == "erp" {
		label += " " + erpMethod(body)
	}
	p.stop("send " + label)
	if err := r.Context().Err(); err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	write := w.sent(t, r, body)
	w.report.Requests++
	f := &flight{p: p, wire: t, label: label, req: r, body: body, write: write, due: time.Now(), applies: true, answers: true, done: make(chan struct{})}
	if w.perMille(w.trouble(t.system, write)) {
		w.report.Faults++
		switch w.chance.IntN(6) {
		case 0: // refused
			w.trace("%s: %s is refused", p, label)
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		case 1:
			f.applies, f.answers = false, false
		case 2:
			f.applies, f.status = false, http.StatusServiceUnavailable
		case 3:
			f.half = true
		default:
			f.answers = false
		}
		if write && time.Now().After(w.ill[t.system].Add(time.Hour)) {
			w.ill[t.system] = time.Now().Add(w.within(10 * time.Minute))
		}
	}
	if w.perMille(w.w.slow) {
		w.report.Faults++
		until := time.Now().Add(30 * time.Second)
		if d, ok := r.Context().Deadline(); ok && d.Before(until) {
			until = d
		}
		until = until.Add(longest - time.Second)
		if w.w.outlive {
			until = until.Add(10 * time.Minute)
		}
		f.due = f.due.Add(w.within(time.Until(until)))
		f.answerIn = w.within(10 * time.Second)
	}
	w.flights = append(w.flights, f)
	select {
	case w.news <- struct{}{}:
	default:
	}
	select {
	case <-f.done:
	case <-r.Context().Done():
		w.trace("%s gives up on %s", p, label)
		if p.dead.Load() {
			runtime.Goexit()
		}
		return nil, r.Context().Err()
	}
	if write {
		p.stop("wrote " + label)
	} else {
		p.stop("answer " + label)
	}
	return f.resp, f.err
}

// trouble is how many requests in 1000 go wrong: more writes than reads, since of a read
// nothing is left, and more for a while where a write did, since an illness lasts.
func (w *world) trouble(system string, write bool) int {
	n := w.w.failing
	if write {
		n *= 2
	}
	if time.Now().Before(w.ill[system]) {
		n = min(8*n, 800)
	}
	return n
}

// move takes a flight one step further.
func (w *world) move(f *flight) {
	if !f.applied && f.applies {
		f.applied = true
		if f.write && f.p == f.p.host.p {
			w.point(f.p, "apply "+f.label) // what is on its way arrives, whoever sent it
		}
		w.trace("%s of %s is applied", f.label, f.p)
		f.resp, f.err = w.apply(f)
		f.due = time.Now().Add(f.answerIn)
		return
	}
	w.flights = slices.DeleteFunc(w.flights, func(o *flight) bool { return o == f })
	switch {
	case f.status != 0:
		f.resp = &http.Response{StatusCode: f.status, Status: http.StatusText(f.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{"Content-Type": {"text/html"}}, Request: f.req, Body: io.NopCloser(strings.NewReader("<html>busy</html>"))}
	case !f.answers:
		f.resp, f.err = nil, errReset
	case f.half && f.err == nil:
		b, _ := io.ReadAll(f.resp.Body)
		f.resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(b[:len(b)/2]), broken{}))
	}
	f.hangUp()
}

// hangUp tells the caller, once.
func (f *flight) hangUp() {
	select {
	case <-f.done:
	default:
		close(f.done)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// apply lets the far side carry a request out.
func (w *world) apply(f *flight) (*http.Response, error) {
	r := f.req.Clone(context.WithoutCancel(f.req.Context()))
	r.Body = io.NopCloser(bytes.NewReader(f.body))
	resp, err := f.wire.to.RoundTrip(r)
	if err != nil {
		w.t.Fatalf("%s: %s", f.label, err)
	}
	resp.Request = f.req
	if f.write {
		w.touched(f.wire.system)
	}
	return resp, nil
}
