package tryton

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/commercesync/commerce"
)

// errSession says that the server does not know the session of a call.
var errSession = errors.New("tryton: unknown session")

// session holds the one session that all calls share. Logins are made by one call
// at a time, the others wait for it; a refused login is not tried again for a
// while, since the server locks users out.
type session struct {
	t      *Client
	lock   chan struct{} // holds one token while nobody logs in
	token  atomic.Pointer[string]
	ids    atomic.Int64
	user   atomic.Int64 // id of who is logged in
	server atomic.Int64 // unix seconds of the server's last Date header

	// Guarded by lock:
	refused      Login
	refusedErr   error
	refusedUntil time.Time
}

func newSession(t *Client) *session {
	s := &session{t: t, lock: make(chan struct{}, 1)}
	s.lock <- struct{}{}
	return s
}

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

// current returns the token to send, after a login where there is none or where it
// is the one that was just refused.
func (s *session) current(ctx context.Context, refused string) (string, error) {
	if have := s.token.Load(); have != nil && *have != refused {
		return *have, nil
	}
	select {
	case <-s.lock:
		defer func() { s.lock <- struct{}{} }()
	case <-ctx.Done():
		return "", &commerce.Error{Kind: commerce.KindUnavailable, System: system, Op: "log in", Outcome: commerce.NotSent, Err: ctx.Err()}
	}
	if have := s.token.Load(); have != nil && *have != refused {
		return *have, nil
	}
	token, err := s.login(ctx)
	if err != nil {
		return "", err
	}
	s.token.Store(&token)
	return token, nil
}

// login asks the credentials, and once more where they were refused and renewed.
func (s *session) login(ctx context.Context) (string, error) {
	for renewed := false; ; renewed = true {
		who, err := s.t.c.Credentials.Current(ctx)
		if err != nil {
			return "", err
		}
		if now := s.t.c.Now(); s.refusedErr != nil && who == s.refused && now.Before(s.refusedUntil) {
			return "", s.refusedErr
		}
		token, err := s.ask(ctx, who)
		if err == nil {
			s.refusedErr = nil
			return token, nil
		}
		kind := commerce.KindOf(err)
		if kind != commerce.KindAuth && kind != commerce.KindRateLimited {
			return "", err
		}
		pause := max(s.t.c.LoginPause, commerce.RetryAfter(err))
		s.refused, s.refusedErr, s.refusedUntil = who, err, s.t.c.Now().Add(pause)
		if renewed || kind == commerce.KindRateLimited {
			return "", err
		}
		if renew := s.t.c.Credentials.Rejected(ctx, who); renew != nil {
			return "", err
		}
	}
}

// ask makes one login.
func (s *session) ask(ctx context.Context, who Login) (string, error) {
	var answer loginAnswer
	c := call{op: "log in", method: "common.db.login", write: true, out: &answer}
	err := s.t.roundTrip(ctx, c, []any{who.User, map[string]string{"password": who.Password.Reveal()}, s.t.c.Language}, "")
	switch {
	case errors.Is(err, errSession):
		return "", c.fail(commerce.KindAuth, commerce.NotSent, http.StatusUnauthorized, "user or password was refused")
	case err != nil:
		// A login that may have been made leaves a session that nobody uses: no harm.
		if e, ok := errors.AsType[*commerce.Error](err); ok {
			e.Outcome = commerce.NotSent
		}
		return "", err
	case answer.token == "":
		return "", c.fail(commerce.KindAuth, commerce.NotSent, http.StatusOK, "user or password was refused")
	}
	s.user.Store(answer.user)
	return base64.StdEncoding.EncodeToString([]byte(who.User + ":" + strconv.FormatInt(answer.user, 10) + ":" + answer.token)), nil
}
