// Package wire is a far side behind real sockets whose connections go wrong: the table
// of faults that each client's tests go through, and what the far side saw.
//
//	for _, f := range wire.Faults() {
//		t.Run(f.Name, func(t *testing.T) {
//			far := f.Start(t, func() {})
//			// call far.URL by far.Transport, waiting by far.Wait
//		})
//	}
package wire

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Fault is one way in which a call goes wrong.
type Fault struct {
	Name    string
	Arrives bool          // the request arrives whole
	Acts    bool          // and is carried out
	Stalls  bool          // it ends only by the client's time-out
	Asks    time.Duration // to come back no sooner; 0 = it does not say

	script script
	set    func(tb testing.TB, far *Far, cancel func())
}

// script answers a request that came in whole. It ends when gone is closed at the latest.
type script func(c *net.TCPConn, gone <-chan struct{})

// Far is the far side of one fault.
type Far struct {
	URL       string          // where the client is to call
	Transport *http.Transport // and how; it keeps no connection

	host string // of URL, with its port

	mu        sync.Mutex
	requests  int
	effects   map[string]bool
	elsewhere int
	waited    time.Duration
	onWait    func()
}

// Requests is how many requests arrived whole.
func (f *Far) Requests() int { return locked(f, func() int { return f.requests }) }

// Effects is how often something was done: once for each idempotency key, and once for
// each request without one.
func (f *Far) Effects() int { return locked(f, func() int { return len(f.effects) }) }

// Elsewhere is how many connections were made to another host.
func (f *Far) Elsewhere() int { return locked(f, func() int { return f.elsewhere }) }

// Waited is the longest wait that the client wanted.
func (f *Far) Waited() time.Duration { return locked(f, func() time.Duration { return f.waited }) }

// Wait takes the place of the client's waits and lasts no time.
func (f *Far) Wait(ctx context.Context, d time.Duration) error {
	f.mu.Lock()
	f.waited = max(f.waited, d)
	f.mu.Unlock()
	if f.onWait != nil {
		f.onWait()
	}
	return ctx.Err()
}

func locked[T any](f *Far, get func() T) T {
	f.mu.Lock()
	defer f.mu.Unlock()
	return get()
}

// Start starts the far side; it ends with the test. cancel is the caller's: the faults
// of [Cancels] call it in their phase.
func (f Fault) Start(tb testing.TB, cancel func()) *Far {
	far := &Far{effects: map[string]bool{}}
	far.Transport = &http.Transport{DisableKeepAlives: true}
	dialer := &net.Dialer{}
	far.Transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		far.mu.Lock()
		if addr != far.host {
			far.elsewhere++
		}
		far.mu.Unlock()
		return dialer.DialContext(ctx, network, addr)
	}
	if f.script != nil {
		far.at("http://" + far.serve(tb, f).Addr().String())
	}
	if f.set != nil {
		f.set(tb, far, cancel)
	}
	return far
}

func (f *Far) at(url string) {
	_, f.host, _ = strings.Cut(url, "://")
	if !strings.Contains(f.host, ":") {
		f.host += ":80"
	}
	f.URL = url
}

// serve answers each connection with the fault's script, once its request is in whole.
func (f *Far) serve(tb testing.TB, fault Fault) net.Listener {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	gone := make(chan struct{})
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer conn.Close()
				r, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					<-gone // no HTTP: it says nothing more
					return
				}
				_, _ = io.Copy(io.Discard, r.Body)
				f.mu.Lock()
				f.requests++
				if fault.Acts {
					key := r.Header.Get("Idempotency-Key")
					if key == "" {
						key = fmt.Sprint("request ", f.requests)
					}
					f.effects[key] = true
				}
				f.mu.Unlock()
				fault.script(conn.(*net.TCPConn), gone)
			})
		}
	})
	tb.Cleanup(func() { close(gone); l.Close(); open.Wait() })
	return l
}

// Stderr catches what is written to the log and to os.Stderr until the test and its
// subtests end, and then gives it to check. The test must not be parallel.
func Stderr(tb testing.TB, check func(said string)) {
	tb.Helper()
	name := filepath.Join(tb.TempDir(), "stderr")
	file, err := os.Create(name)
	if err != nil {
		tb.Fatal(err)
	}
	before := os.Stderr
	os.Stderr = file
	log.SetOutput(file)
	tb.Cleanup(func() {
		os.Stderr = before
		log.SetOutput(before)
		file.Close()
		said, err := os.ReadFile(name)
		if err != nil {
			tb.Error(err)
		}
		check(string(said))
	})
}

// Faults are all ways in which a call goes wrong by itself.
func Faults() []Fault {
	const (
		ok    = "200 OK\r\nContent-Type: application/json"
		page  = "\r\nContent-Type: text/html"
		busy  = "429 Too Many Requests"
		whole = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	)
	arrives := func(name string, s script) Fault { return Fault{Name: name, Arrives: true, script: s} }
	acts := func(name string, s script) Fault { return Fault{Name: name, Arrives: true, Acts: true, script: s} }
	stalls := func(f Fault) Fault { f.Stalls = true; return f }
	asks := func(d time.Duration, f Fault) Fault { f.Asks = d; return f }
	return []Fault{
		{Name: "the name is not resolved", set: unresolved},
		{Name: "the connection is refused", set: refused},
		{Name: "the connection takes too long", set: slowConnect},
		{Name: "nobody knows the authority of TLS", set: unknownAuthority},
		{Name: "TLS stalls", script: silent, set: func(_ testing.TB, far *Far, _ func()) {
			far.at("https://" + far.host)
			far.Transport.TLSHandshakeTimeout = 50 * time.Millisecond
		}},
		stalls(acts("no answer", silent)),
		acts("reset before the answer", raw("", true)),
		acts("closed before the answer", raw("", false)),
		acts("reset in the answer's head", raw("HTTP/1.1 200 OK\r\nContent-", true)),
		acts("reset in the answer's body", raw(whole+"Content-Length: 100\r\n\r\n{\"id", true)),
		acts("a short body", raw(whole+"Content-Length: 100\r\n\r\n{\"id", false)),
		acts("a cut chunk", raw(whole+"Transfer-Encoding: chunked\r\n\r\n20\r\n{\"id", false)),
		stalls(acts("a byte at a time", forever(" ", 20*time.Millisecond))),
		acts("a body without an end", forever(strings.Repeat(" ", 32<<10), time.Millisecond)),
		acts("a body above the bound", says(ok, strings.Repeat(" ", 128<<10))),
		acts("a compressed bomb", says(ok+"\r\nContent-Encoding: gzip", bomb(4<<20))),
		asks(2*time.Second, arrives("429 with seconds", says(busy+"\r\nRetry-After: 2"+page, ""))),
		asks(time.Second, arrives("429 with a date", func(c *net.TCPConn, gone <-chan struct{}) {
			says(busy+"\r\nRetry-After: "+time.Now().Add(20*time.Second).UTC().Format(http.TimeFormat)+page, "")(c, gone)
		})),
		arrives("429 bare", says(busy, "")),
		acts("500 with a page", says("500 Internal Server Error"+page, "<html>")),
		acts("502 with a page", says("502 Bad Gateway"+page, "<html>")),
		asks(3*time.Second, arrives("503 with a time", says("503 Service Unavailable\r\nRetry-After: 3"+page, "<html>"))),
		acts("504 after the effect", says("504 Gateway Time-out"+page, "")),
		acts("200 with broken JSON", says(ok, `{"id":`)),
		acts("200 of another type", says("200 OK"+page, "<html>hello</html>")),
		arrives("a redirect to another host", func(c *net.TCPConn, gone <-chan struct{}) {
			says("307 Temporary Redirect\r\nLocation: http://127.0.0.2:"+port(c)+"/elsewhere", "")(c, gone)
		}),
	}
}

// Cancels are the phases of a call in which its caller gives up.
func Cancels() []Fault {
	// during serves a script that cancels and then is silent.
	during := func(name, text string) Fault {
		return Fault{Name: name, Arrives: true, Acts: true, set: func(tb testing.TB, far *Far, cancel func()) {
			far.at("http://" + far.serve(tb, Fault{Acts: true, script: func(c *net.TCPConn, gone <-chan struct{}) {
				_, _ = io.WriteString(c, text)
				cancel()
				<-gone
			}}).Addr().String())
		}}
	}
	return []Fault{
		{Name: "before the call", script: silent, set: func(_ testing.TB, _ *Far, cancel func()) { cancel() }},
		{Name: "while it connects", set: func(tb testing.TB, far *Far, cancel func()) {
			far.at("http://far.invalid")
			far.Transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
				cancel()
				<-tb.Context().Done() // net/http lets a dial go on that another call may use
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: context.Canceled}
			}
		}},
		{Name: "while TLS shakes hands", script: silent, set: func(_ testing.TB, far *Far, cancel func()) {
			far.at("https://" + far.host)
			dial := far.Transport.DialContext
			far.Transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				defer cancel()
				return dial(ctx, network, addr)
			}
		}},
		during("while it waits for the answer", ""),
		during("while the answer comes", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"),
		{Name: "while it waits to try again", Arrives: true, script: says("429 Too Many Requests", ""),
			set: func(_ testing.TB, far *Far, cancel func()) { far.onWait = cancel }},
	}
}

// says writes an answer with its length.
func says(head, body string) script {
	return raw(fmt.Sprintf("HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", head, len(body), body), false)
}

// raw writes what is given, and resets or closes the connection.
func raw(text string, reset bool) script {
	return func(c *net.TCPConn, _ <-chan struct{}) {
		_, _ = io.WriteString(c, text)
		if reset {
			_ = c.SetLinger(0)
		}
	}
}

func silent(_ *net.TCPConn, gone <-chan struct{}) { <-gone }

// forever writes an answer's head, and then a piece again and again.
func forever(piece string, pause time.Duration) script {
	return func(c *net.TCPConn, gone <-chan struct{}) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for {
			if _, err := io.WriteString(c, piece); err != nil {
				return
			}
			select {
			case <-gone:
				return
			case <-tick.C:
			}
		}
	}
}

func bomb(size int) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(make([]byte, size))
	_ = z.Close()
	return b.String()
}

func port(c net.Conn) string {
	_, p, _ := net.SplitHostPort(c.LocalAddr().String())
	return p
}

// unresolved asks a name server that knows no name.
func unresolved(tb testing.TB, far *Far, _ func()) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var b [512]byte
		for {
			n, from, err := server.ReadFrom(b[:])
			if err != nil {
				return
			}
			b[2], b[3] = 0x81, 0x83 // an answer: no such name
			_, _ = server.WriteTo(b[:n], from)
		}
	}()
	tb.Cleanup(func() { _ = server.Close(); <-done })
	dialer := &net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server.LocalAddr().String())
	}}}
	far.at("http://far.invalid")
	far.Transport.DialContext = dialer.DialContext
}

// refused is a port at which nobody listens any more.
func refused(tb testing.TB, far *Far, _ func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	far.at("http://" + l.Addr().String())
	l.Close()
}

// slowConnect has run out of time before it begins, as after many lost packets.
func slowConnect(_ testing.TB, far *Far, _ func()) {
	far.at("http://127.0.0.1:9")
	far.Transport.DialContext = (&net.Dialer{Timeout: 1}).DialContext
}

func unknownAuthority(tb testing.TB, far *Far, _ func()) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	tb.Cleanup(s.Close)
	far.at(s.URL)
}
