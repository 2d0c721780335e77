package oauth

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"golang.org/x/oauth2"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

// Credentials hands out a connection's access token, renewed when it is due or refused. All
// clients of a connection share what is behind it, so that a storm of refusals is one
// renewal; and of all processes over one Keeper one at a time renews.
//
// For a provider whose tokens are not kept, as Stripe Connect, it hands out the program's
// own secret, which acts for connected accounts.
func (f *Flow) Credentials(connection commerce.Ref) commerce.Credentials[commerce.Secret] {
	if f.c.Provider.tokenless {
		return f.c.Provider.Secret
	}
	return access{f, connection.With("")}
}

// access finds its source at each call: a connection may end, and be made again.
type access struct {
	f     *Flow
	owner commerce.Ref
}

func (a access) Current(ctx context.Context) (commerce.Secret, error) {
	return a.f.source(a.owner).current(ctx)
}

func (a access) Rejected(ctx context.Context, refused commerce.Secret) error {
	return a.f.source(a.owner).rejected(ctx, refused)
}

const (
	// early is how long before its end a token is renewed when somebody asks for it, who
	// gets the one there is if that lasts for late yet. Of a token with a short life it is
	// a quarter, and a tenth of that.
	early, late = 5 * time.Minute, 30 * time.Second
	// fresh is how young a token is that was refused for another reason than its age: a
	// missing right looks the same, and must not become a storm of renewals.
	fresh = time.Minute
	// Waits after a failed renewal, while nobody asks the far side.
	firstPause, longestPause = time.Second, time.Minute
)

// source is one connection's tokens in this process.
type source struct {
	f     *Flow
	owner commerce.Ref

	// Guarded by Flow.mu, which is held for moments only.
	token      grant   // as last read or written
	flight     *flight // a renewal that is under way
	failed     error   // of the last renewal
	failures   int
	pause      time.Time // until when failed is the answer
	planned    time.Time // when Run renews the token that was issued at plannedFor
	plannedFor time.Time

	// Of the one flight.
	unsaved *renewed // tokens that could not be stored, and are not used before they are
	seen    int64    // the version that is leased to another process
	since   time.Time
}

// renewed is a grant with new tokens, and the one that they came of.
type renewed struct{ grant, from grant }

// flight is a renewal and all who wait for it.
type flight struct {
	done  chan struct{}
	token grant
	err   error
}

func (f *Flow) source(owner commerce.Ref) *source {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.sources[owner]
	if s == nil {
		s = &source{f: f, owner: owner}
		f.sources[owner] = s
	}
	return s
}

// forget drops what this process remembers of a connection.
func (f *Flow) forget(owner commerce.Ref) {
	f.mu.Lock()
	delete(f.sources, owner)
	f.mu.Unlock()
}

// lasts reports whether the token is good for so long yet.
func (g *grant) lasts(now time.Time, d time.Duration) bool {
	return g.Access != "" && (g.Expires.IsZero() || now.Add(d).Before(g.Expires))
}

// young reports whether nobody has to renew the token yet.
func (g *grant) young(now time.Time) bool {
	return g.lasts(now, min(early, g.Expires.Sub(g.Issued)/4))
}

func (s *source) current(ctx context.Context) (commerce.Secret, error) {
	good := func(g grant) bool { return g.young(s.f.c.Now()) }
	if g := s.known(); g.lasts(s.f.c.Now(), min(late, g.Expires.Sub(g.Issued)/40)) {
		if !good(g) {
			_, _ = s.board(ctx, good)
		}
		return commerce.NewSecret(g.Access), nil
	}
	if err := s.wait(ctx, good); err != nil {
		if g := s.known(); g.lasts(s.f.c.Now(), 0) && ctx.Err() == nil {
			return commerce.NewSecret(g.Access), nil // it can still be used
		}
		return commerce.Secret{}, err
	}
	return commerce.NewSecret(s.known().Access), nil
}

func (s *source) rejected(ctx context.Context, refused commerce.Secret) error {
	other := func(g grant) bool { return g.Access != refused.Reveal() && g.lasts(s.f.c.Now(), 0) }
	g := s.known()
	if g.Access == "" || other(g) {
		return nil
	}
	if s.f.c.Now().Sub(g.Issued).Abs() < fresh { // one that is of the future was issued by another clock
		e := commerce.Errorf(commerce.KindAuth, system, "renew token", "a fresh token was refused")
		e.Outcome = commerce.NotSent
		return e
	}
	return s.wait(ctx, other)
}

func (s *source) known() grant {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	return s.token
}

// wait waits until there is a token that is good, and sees to it that there will be.
func (s *source) wait(ctx context.Context, good func(grant) bool) error {
	for range 3 { // a flight that was under way may not bring what this caller wants
		fl, err := s.board(ctx, good)
		if fl == nil {
			return err
		}
		select {
		case <-fl.done:
			if fl.err != nil {
				return fl.err
			}
		case <-ctx.Done():
			return &commerce.Error{Kind: commerce.KindUnavailable, System: system, Op: "renew token", Outcome: commerce.NotSent, Err: ctx.Err()}
		}
	}
	e := commerce.Errorf(commerce.KindAuth, system, "renew token", "renewing brought no other token")
	e.Outcome = commerce.NotSent
	return e
}

// board joins the renewal that is under way, or begins one; nil where there is a good token
// already, or the error of a renewal that failed a moment ago. A renewal goes on when the
// caller's context ends: what the far side answers must be stored.
func (s *source) board(ctx context.Context, good func(grant) bool) (*flight, error) {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	switch {
	case good(s.token):
		return nil, nil
	case s.flight != nil:
	case s.f.c.Now().Before(s.pause):
		return nil, s.failed
	default:
		s.flight = &flight{done: make(chan struct{})}
		go s.fly(context.WithoutCancel(ctx), s.flight, good)
	}
	return s.flight, nil
}

// fly is one renewal.
func (s *source) fly(ctx context.Context, fl *flight, good func(grant) bool) {
	ctx, cancel := context.WithTimeout(ctx, s.f.c.Lease+2*s.f.c.Timeout)
	defer cancel()
	fl.token, fl.err = s.renew(ctx, good)
	s.f.mu.Lock()
	s.flight = nil
	switch {
	case fl.err == nil:
		s.token, s.failed, s.failures, s.pause = fl.token, nil, 0, time.Time{}
	case errors.Is(fl.err, commerce.ErrNotFound):
		s.token = grant{}
		delete(s.f.sources, s.owner)
	default:
		wait := min(firstPause<<min(s.failures, 10), longestPause)
		wait = max(wait/2+s.f.spread(wait/2), commerce.RetryAfter(fl.err))
		s.failed, s.failures, s.pause = fl.err, s.failures+1, s.f.c.Now().Add(wait)
	}
	s.f.mu.Unlock()
	if fl.err != nil {
		s.f.c.Logger.WarnContext(ctx, "oauth: not renewed", "connection", s.owner.String(), "error", fl.err)
	}
	close(fl.done)
}

// renew brings a good token: the one that is stored, if another process was first, else one
// of the provider's, which is stored before anybody sees it.
func (s *source) renew(ctx context.Context, good func(grant) bool) (grant, error) {
	if s.unsaved != nil {
		if _, err := s.save(ctx); err != nil && !errors.Is(err, errLeaseLost) {
			return grant{}, err
		}
	}
	for wait := 50 * time.Millisecond; ; {
		g, version, err := open[grant](ctx, s.f.c.Keeper, s.owner, GrantName)
		switch {
		case err != nil:
			return grant{}, err
		case version == 0:
			return grant{}, notConnected(s.owner)
		case good(g):
			return g, nil
		case g.Ended != "":
			return grant{}, endedError(g)
		case g.Refresh == "":
			return grant{}, endedError(grant{Account: g.Account, Ended: "no_refresh_token"})
		}
		if g.Lease != "" && !s.patient(version) {
			if err := httpx.Wait(ctx, wait/2+s.f.spread(wait/2)); err != nil {
				return grant{}, &commerce.Error{Kind: commerce.KindUnavailable, System: system, Op: "renew token", Outcome: commerce.NotSent,
					Text: "another process renews it, and takes long"}
			}
			wait = min(2*wait, time.Second)
			continue
		}
		if err := s.ownKey(ctx); err != nil {
			return grant{}, err
		}
		g.Lease = random()
		if _, err = seal(ctx, s.f.c.Keeper, s.owner, GrantName, g, version); errors.Is(err, commerce.ErrConflict) {
			continue
		} else if err != nil {
			return grant{}, err
		}
		if g, err = s.exchange(ctx, g); !errors.Is(err, errLeaseLost) {
			return g, err
		}
	}
}

// ownKey refuses to renew with a key of the other mode: the far side would say of a good
// refresh token that it is none, and every connection would end.
func (s *source) ownKey(ctx context.Context) error {
	p := &s.f.c.Provider
	if p.keyMode == nil {
		return nil
	}
	key, err := p.Secret.Current(ctx)
	if err != nil {
		return err
	}
	if mode := p.keyMode(key); mode != "" && mode != s.owner.Mode {
		return &commerce.Error{Kind: commerce.KindAuth, System: p.System, Op: "renew token of " + s.owner.Account, Outcome: commerce.NotSent,
			Code: "invalid_client", Text: "the program's own key is of " + string(mode) + " mode, and the connection is not"}
	}
	return nil
}

// patient reports whether another process's lease was waited for long enough. It looks at
// our own clock only, at how long the record has stood unchanged.
func (s *source) patient(version int64) bool {
	now := s.f.c.Now()
	if s.seen != version {
		s.seen, s.since = version, now
	}
	return now.Sub(s.since) >= s.f.c.Lease
}

// exchange uses the refresh token, once. The lease is ours.
func (s *source) exchange(ctx context.Context, g grant) (grant, error) {
	p := &s.f.c.Provider
	asked := s.f.c.Now()
	t, err := s.f.tokens(ctx, "renew token of "+s.owner.Account, func(ctx context.Context, c *oauth2.Config) (*oauth2.Token, error) {
		return c.TokenSource(ctx, &oauth2.Token{RefreshToken: g.Refresh}).Token()
	})
	if err == nil {
		who, unread := p.Identify(t)
		if unread != nil || who.Account != g.Account || who.Mode != s.owner.Mode {
			e := badAnswer(p.System, "renew token of "+s.owner.Account, "the tokens are not this account's")
			e.Code = CodeWrongAccount
			err = e
		}
	}
	if err == nil {
		s.unsaved = &renewed{g, g}
		s.unsaved.grant.take(p, t, asked)
		return s.save(ctx)
	}
	e, ok := errors.AsType[*commerce.Error](err)
	if ok && e.Code == "invalid_grant" {
		return s.end(ctx, g, e)
	}
	if released := s.update(ctx, g.Lease, func(at *grant) { at.Lease = "" }); released != nil {
		err = errors.Join(err, released)
	}
	return grant{}, err
}

// end notes that the far side renews the connection no more. The access token that there
// is may be used to its end.
func (s *source) end(ctx context.Context, g grant, e *commerce.Error) (grant, error) {
	g.Ended = e.Code
	if err := s.update(ctx, g.Lease, func(at *grant) { at.Lease, at.Ended = "", e.Code }); err != nil {
		return grant{}, err
	}
	s.f.notify(ctx, Notice{Kind: Disconnected, Connection: s.owner, At: s.f.c.Now(), Reason: ReasonRefused})
	return grant{}, endedError(g)
}

func endedError(g grant) *commerce.Error {
	return &commerce.Error{Kind: commerce.KindAuth, System: system, Op: "renew token of " + g.Account, Outcome: commerce.NotSent, Code: CodeEnded,
		Text: "the far side renews the connection no more (" + g.Ended + "); connect again"}
}

func ended(err error) bool {
	e, ok := errors.AsType[*commerce.Error](err)
	return ok && e.Code == CodeEnded
}

// save stores new tokens, and insists: the old refresh token is no good any more. Where it
// can not be done the tokens are kept in memory, unused, for the next try. The lease may be
// another's by then, who has found the old refresh token used up: ours are the good ones
// for as long as nobody has stored others.
func (s *source) save(ctx context.Context) (grant, error) {
	u, revived := s.unsaved, false
	u.grant.Lease = ""
	var err error
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err = change(ctx, s.f.c.Keeper, s.owner, GrantName, func(at *grant, there bool) (bool, error) {
			if !there || at.Lease != u.from.Lease && (at.Access != u.from.Access || at.Refresh != u.from.Refresh) {
				return false, errLeaseLost
			}
			revived = at.Ended != ""
			*at = u.grant
			return true, nil
		})
		if err == nil || errors.Is(err, errLeaseLost) {
			break
		}
		if httpx.Wait(ctx, wait/2+s.f.spread(wait/2)) != nil {
			return grant{}, &commerce.Error{Kind: commerce.KindUnavailable, System: system, Op: "store tokens", Outcome: commerce.Unknown, Code: CodeNotStored, Err: err}
		}
	}
	s.unsaved = nil
	if err == nil && revived { // that it had ended was told
		s.f.notify(ctx, Notice{Kind: Connected, Connection: s.owner, At: s.f.c.Now()})
	}
	return u.grant, err
}

// errLeaseLost: the record is another's, or gone; what was made under the lease is no good.
var errLeaseLost = &commerce.Error{Kind: commerce.KindConflict, System: system, Op: "store tokens", Outcome: commerce.NotSent,
	Text: "the connection was made anew, ended or renewed by another process meanwhile"}

// update changes the record while the lease is ours. Others may write it too, a reminder
// for one, so it is read again where somebody was first.
func (s *source) update(ctx context.Context, lease string, f func(*grant)) error {
	return change(ctx, s.f.c.Keeper, s.owner, GrantName, func(at *grant, there bool) (bool, error) {
		if there && at.Lease == lease {
			f(at)
			return true, nil
		}
		return false, errLeaseLost
	})
}

// chance returns a duration from 0 up to d.
func chance(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return rand.N(d)
}
