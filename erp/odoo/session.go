package odoo

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/commercesync/commerce"
)

// session is what all calls of a client share: the login that was refused last, the
// ids of requests and the server's clock.
type session struct {
	o      *Client
	rpc    *jsonRPC
	ids    atomic.Int64
	server atomic.Int64 // unix seconds of the server's last Date header

	mu           sync.Mutex
	refused      Login
	refusedErr   error
	refusedUntil time.Time
}

func newSession(o *Client) *session { return &session{o: o, rpc: newJSONRPC(o)} }

func (s *session) nextID() int64 { return s.ids.Add(1) }

func (s *session) sawClock(h http.Header) {
	if at, err := http.ParseTime(h.Get("Date")); err == nil {
		s.server.Store(at.Unix())
	}
}

func (s *session) clock() time.Time {
	if n := s.server.Load(); n != 0 {
		return time.Unix(n, 0).UTC()
	}
	return time.Time{}
}

// send sends a call with the current login, and once more with another where that
// one was refused and the credentials have a new one. A refused login is not sent
// again for a while: an address that fails often is made to wait.
func (s *session) send(ctx context.Context, p transport, c call, with values) error {
	for renewed := false; ; renewed = true {
		as, err := s.o.c.Credentials.Current(ctx)
		if err != nil {
			return inOp(err, c)
		}
		if err := s.pausing(as); err != nil {
			return inOp(err, c)
		}
		raw, err := p.send(ctx, c, as, with)
		if err == nil {
			return c.decode(raw)
		}
		if commerce.KindOf(err) != commerce.KindAuth {
			return err
		}
		s.pause(as, err)
		if renewed || s.o.c.Credentials.Rejected(ctx, as) != nil {
			return err
		}
	}
}

func (s *session) pausing(as Login) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusedErr != nil && s.refused == as && s.o.c.Now().Before(s.refusedUntil) {
		return s.refusedErr
	}
	return nil
}

func (s *session) pause(as Login, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused, s.refusedErr, s.refusedUntil = as, err, s.o.c.Now().Add(s.o.c.LoginPause)
}
