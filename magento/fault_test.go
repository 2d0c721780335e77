package magento_test

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
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/resilience"
)

// rawServer answers each connection with a script, once the request has come in whole.
type rawServer struct {
	net.Listener
	requests atomic.Int32
}

// serveRaw starts a server that ends with the test. gone is closed then.
func serveRaw(t *testing.T, script func(c *net.TCPConn, gone <-chan struct{})) *rawServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &rawServer{Listener: l}
	gone, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		var open []chan struct{}
		for {
			conn, err := l.Accept()
			if err != nil {
				break
			}
			ended := make(chan struct{})
			open = append(open, ended)
			go func() {
				defer close(ended)
				defer conn.Close()
				r, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					<-gone // no HTTP: it says nothing more
					return
				}
				_, _ = io.Copy(io.Discard, r.Body)
				s.requests.Add(1)
				script(conn.(*net.TCPConn), gone)
			}()
		}
		for _, ended := range open {
			<-ended
		}
	}()
	t.Cleanup(func() { close(gone); l.Close(); <-done })
	return s
}

// says writes an answer with its length.
func says(head, body string) func(*net.TCPConn, <-chan struct{}) {
	return func(c *net.TCPConn, _ <-chan struct{}) {
		fmt.Fprintf(c, "HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", head, len(body), body)
	}
}

// raw writes what is given, and resets or closes the connection.
func raw(text string, reset bool) func(*net.TCPConn, <-chan struct{}) {
	return func(c *net.TCPConn, _ <-chan struct{}) {
		_, _ = io.WriteString(c, text)
		if reset {
			_ = c.SetLinger(0)
		}
	}
}

// forever writes an answer's head, and then a piece again and again.
func forever(piece string, pause time.Duration) func(*net.TCPConn, <-chan struct{}) {
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

// TestEveryFaultOfAConnection is the table of what can happen between the client and a
// shop, over TCP. A read may be repeated; a write only where nothing left, for Magento
// knows no keys. It says attempts, kind and outcome, that each cell ends in time, what
// the breaker thinks, and that keys go to no other host and into no text.
func TestEveryFaultOfAConnection(t *testing.T) {
	t.Parallel()
	const (
		tries   = 2
		attempt = 300 * time.Millisecond
		page    = "\r\nContent-Type: text/html"
		ok      = "200 OK\r\nContent-Type: application/json"
	)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, err := z.Write(make([]byte, 4<<20))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	silent := func(c *net.TCPConn, gone <-chan struct{}) { <-gone }
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := closed.Addr().String()
	require.NoError(t, closed.Close())

	type want struct {
		attempts int // 0: nothing arrived
		kind     commerce.Kind
		outcome  commerce.Outcome // of a write
	}
	read := func(attempts int, kind commerce.Kind) want { return want{attempts, kind, ""} }
	unknown := want{1, commerce.KindUnavailable, commerce.Unknown}
	notSent := want{0, commerce.KindUnavailable, commerce.NotSent}
	const ill, well = true, false
	for name, tc := range map[string]struct {
		script      func(*net.TCPConn, <-chan struct{})
		dial        func(ctx context.Context, network, addr string) (net.Conn, error)
		url         string // instead of the script's
		read, write want
		ill         bool
		waits       time.Duration // at least, before a repetition
	}{
		"the name is not resolved": {dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "shop.example", IsNotFound: true}}
		}, read: read(0, commerce.KindUnavailable), write: notSent, ill: ill},
		"the connection is refused": {url: "http://" + nobody, read: read(0, commerce.KindUnavailable), write: notSent, ill: ill},
		"the connection takes too long": {dial: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded}
		}, read: read(0, commerce.KindUnavailable), write: notSent, ill: ill},
		"nobody knows the authority of TLS": {url: "tls", read: read(0, commerce.KindUnavailable), write: notSent, ill: ill},
		"TLS stalls":                        {url: "stall", read: read(0, commerce.KindUnavailable), write: notSent, ill: ill},
		"no answer":                         {script: silent, read: read(tries, commerce.KindUnavailable), write: unknown, ill: ill},
		"reset before the answer":           {script: raw("", true), read: read(tries, commerce.KindUnavailable), write: unknown, ill: ill},
		"closed before the answer":          {script: raw("", false), read: read(tries, commerce.KindUnavailable), write: unknown, ill: ill},
		"reset in the answer's head":        {script: raw("HTTP/1.1 200 OK\r\nContent-", true), read: read(tries, commerce.KindUnavailable), write: unknown, ill: ill},
		"a short body":                      {script: raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"entity", false), read: read(1, commerce.KindUnavailable), write: unknown, ill: well},
		"a cut chunk":                       {script: raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{\"entity", false), read: read(1, commerce.KindUnavailable), write: unknown, ill: well},
		"a byte at a time":                  {script: forever(" ", 50*time.Millisecond), read: read(1, commerce.KindUnavailable), write: unknown, ill: well},
		"a body without an end":             {script: forever(strings.Repeat(" ", 32<<10), time.Millisecond), read: read(1, commerce.KindLimit), write: want{1, commerce.KindLimit, commerce.Unknown}, ill: well},
		"a body above the bound":            {script: says(ok, strings.Repeat(" ", 128<<10)), read: read(1, commerce.KindLimit), write: want{1, commerce.KindLimit, commerce.Unknown}, ill: well},
		"a compressed bomb":                 {script: says(ok+"\r\nContent-Encoding: gzip", bomb.String()), read: read(1, commerce.KindLimit), write: want{1, commerce.KindLimit, commerce.Unknown}, ill: well},
		"429 with seconds":                  {script: says("429 Too Many Requests\r\nRetry-After: 2"+page, ""), read: read(tries, commerce.KindRateLimited), write: want{tries, commerce.KindRateLimited, commerce.NotSent}, ill: well, waits: 2 * time.Second},
		"429 with a date":                   {script: says("429 Too Many Requests\r\nRetry-After: "+time.Now().Add(5*time.Second).UTC().Format(http.TimeFormat)+page, ""), read: read(tries, commerce.KindRateLimited), write: want{tries, commerce.KindRateLimited, commerce.NotSent}, ill: well, waits: time.Second},
		"429 bare":                          {script: says("429 Too Many Requests", ""), read: read(tries, commerce.KindRateLimited), write: want{tries, commerce.KindRateLimited, commerce.NotSent}, ill: well},
		"500 with a page":                   {script: says("500 Internal Server Error"+page, "<html>"), read: read(tries, commerce.KindUnavailable), write: unknown, ill: ill},
		"500 that the shop thought about":   {script: says("500 Internal Server Error\r\nContent-Type: application/json", `{"message":"Internal Error. Report ID: webapi-1f"}`), read: read(1, commerce.KindInternal), write: want{1, commerce.KindInternal, commerce.Unknown}, ill: well},
		"502 with a page":                   {script: says("502 Bad Gateway"+page, "<html>"), read: read(tries, commerce.KindUnavailable), write: unknown, ill: ill},
		"503 with a time":                   {script: says("503 Service Unavailable\r\nRetry-After: 3"+page, "<html>"), read: read(tries, commerce.KindUnavailable), write: unknown, ill: ill, waits: 3 * time.Second},
		"504 after the effect":              {script: says("504 Gateway Time-out"+page, ""), read: read(tries, commerce.KindUnavailable), write: unknown, ill: ill},
		"200 with broken JSON":              {script: says(ok, `{"entity_id":`), read: read(1, commerce.KindInternal), write: want{1, commerce.KindInternal, commerce.Unknown}, ill: well},
		"200 of another type":               {script: says("200 OK"+page, "<html>hello</html>"), read: read(1, commerce.KindInternal), write: want{1, commerce.KindInternal, commerce.Unknown}, ill: well},
		"a redirect to another host":        {script: nil, url: "redirect", read: read(1, commerce.KindInvalid), write: want{1, commerce.KindInvalid, commerce.NotSent}, ill: well},
	} {
		for act, w := range map[string]want{"read": tc.read, "write": tc.write} {
			t.Run(name+"/"+act, func(t *testing.T) {
				t.Parallel()
				keys := magento.Keys{ConsumerKey: "the-consumer", ConsumerSecret: commerce.NewSecret("secret-1"),
					AccessToken: commerce.NewSecret("secret-2"), AccessTokenSecret: commerce.NewSecret("secret-3")}
				base, requests := tc.url, func() int { return 0 }
				var elsewhere atomic.Int32
				script := tc.script
				switch tc.url {
				case "redirect":
					other := serveRaw(t, func(*net.TCPConn, <-chan struct{}) { elsewhere.Add(1) })
					script = says("307 Temporary Redirect\r\nLocation: http://"+other.Addr().String()+"/rest/V1/orders/1", "")
				case "tls":
					s := httptest.NewUnstartedServer(http.NotFoundHandler())
					s.Config.ErrorLog = log.New(io.Discard, "", 0)
					s.StartTLS()
					t.Cleanup(s.Close)
					base = s.URL
				case "stall":
					base = "https://" + serveRaw(t, silent).Addr().String()
				}
				if script != nil {
					s := serveRaw(t, script)
					base, requests = "http://"+s.Addr().String(), func() int { return int(s.requests.Load()) }
				}
				if tc.dial != nil {
					base = "http://shop.example"
				}
				var opened atomic.Bool
				var waited atomic.Int64
				tr := &http.Transport{DialContext: tc.dial, DisableKeepAlives: true, TLSHandshakeTimeout: attempt / 2}
				c, err := magento.NewClient(magento.Config{BaseURL: base, Credentials: commerce.Static(keys), Transport: tr, MaxBody: 64 << 10,
					Resilience: resilience.Config{Timeout: attempt, Retry: resilience.Retry{Attempts: tries},
						Wait:    func(_ context.Context, d time.Duration) error { waited.Store(max(waited.Load(), int64(d))); return nil },
						Breaker: resilience.Breaker{Failures: 2, Roots: 1, OnChange: func(_ string, open bool, _ time.Time) { opened.Store(open) }}}})
				require.NoError(t, err)
				do := func() error {
					if act == "read" {
						_, err := c.Orders.Get(t.Context(), 1)
						return err
					}
					return c.Orders.Hold(t.Context(), 1)
				}
				start := time.Now()
				err = do()
				require.Less(t, time.Since(start), 5*time.Second)
				var e *commerce.Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, w.kind, e.Kind, err)
				require.Equal(t, w.outcome, e.Outcome, err)
				require.Equal(t, w.attempts, requests(), err)
				if w.attempts == tries {
					require.GreaterOrEqual(t, time.Duration(waited.Load()), tc.waits)
				}
				for _, secret := range []string{"secret-", "the-consumer", "oauth_", "<html"} {
					require.NotContains(t, fmt.Sprintf("%v %+v", err, err), secret)
				}
				if !opened.Load() { // two failures open it, wherever they come from
					_ = do()
				}
				require.Equal(t, tc.ill, opened.Load(), "the breaker")
				require.Zero(t, elsewhere.Load(), "the keys went to another host")
			})
		}
	}
}

// TestACallerWhoGivesUpIsToldWhatHappened cancels in each phase of a write and a read.
func TestACallerWhoGivesUpIsToldWhatHappened(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		script  func(cancel func()) func(*net.TCPConn, <-chan struct{})
		dial    func(cancel func(), gone <-chan struct{}) func(context.Context, string, string) (net.Conn, error)
		early   bool
		outcome commerce.Outcome
	}{
		"before the call": {early: true, outcome: commerce.NotSent},
		"while it connects": {dial: func(cancel func(), gone <-chan struct{}) func(context.Context, string, string) (net.Conn, error) {
			return func(context.Context, string, string) (net.Conn, error) {
				cancel()
				<-gone
				return nil, &net.OpError{Op: "dial", Err: context.Canceled}
			}
		}, outcome: commerce.Unknown},
		"while it waits": {script: func(cancel func()) func(*net.TCPConn, <-chan struct{}) {
			return func(_ *net.TCPConn, gone <-chan struct{}) { cancel(); <-gone }
		}, outcome: commerce.Unknown},
		"while the answer comes": {script: func(cancel func()) func(*net.TCPConn, <-chan struct{}) {
			return func(c *net.TCPConn, gone <-chan struct{}) {
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
				cancel()
				<-gone
			}
		}, outcome: commerce.Unknown},
	} {
		for _, act := range []string{"read", "write"} {
			t.Run(name+"/"+act, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				base, tr := "http://shop.example", &http.Transport{DisableKeepAlives: true}
				switch {
				case tc.early:
					cancel()
				case tc.dial != nil:
					tr.DialContext = tc.dial(cancel, t.Context().Done())
				default:
					base = "http://" + serveRaw(t, tc.script(cancel)).Addr().String()
				}
				opened := false
				c, err := magento.NewClient(magento.Config{BaseURL: base, Transport: tr, Credentials: commerce.Static(magento.Keys{Bearer: commerce.NewSecret("secret-1")}),
					Resilience: resilience.Config{Wait: instant, Breaker: resilience.Breaker{Failures: 1, Roots: 1, OnChange: func(string, bool, time.Time) { opened = true }}}})
				require.NoError(t, err)
				outcome := tc.outcome
				if act == "read" {
					_, err = c.Orders.Get(ctx, 1)
					outcome = ""
				} else {
					err = c.Orders.Hold(ctx, 1)
				}
				var e *commerce.Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, outcome, e.Outcome, err)
				require.ErrorIs(t, err, context.Canceled)
				require.False(t, opened, "a caller who gives up is no illness of the shop")
			})
		}
	}
}
