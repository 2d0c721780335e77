package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/commercesync/commerce/oauth"
	"github.com/commercesync/commerce/vault"
)

// people stands for the logins of your program. Here whoever has the link that was printed
// is the owner; there is nobody else.
type people struct {
	token  string
	secure bool // cookies go over https alone
	factor *totp

	mu       sync.Mutex
	sessions map[string]*session
	wrong    []time.Time // when codes were wrong
}

// session is one browser.
type session struct {
	id     string
	mu     sync.Mutex
	proved time.Time // when the second factor was given
	said   string    // to be shown once
	ill    bool      // it is bad news
}

const (
	owner       = "owner" // the actor; in your program an opaque id of the person
	cookieName  = "session"
	maxSessions = 100
	// proofFor is how long a second factor is good for.
	proofFor = 5 * time.Minute
	// maxWrong codes in proofFor are answered; then all are wrong for a while.
	maxWrong = 10
)

func newPeople(secret string, secure bool) (*people, error) {
	factor, err := newTOTP(secret)
	return &people{token: rand.Text(), secure: secure, factor: factor, sessions: map[string]*session{}}, err
}

// login gives a session to who has the token.
func (p *people) login(w http.ResponseWriter, r *http.Request) bool {
	if subtle.ConstantTimeCompare([]byte(r.FormValue("token")), []byte(p.token)) != 1 {
		return false
	}
	s := &session{id: rand.Text()}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.sessions) >= maxSessions {
		clear(p.sessions) // they log in again
	}
	p.sessions[s.id] = s
	// Not SameSite=Strict: the browser comes back from Stripe with it.
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: s.id, Path: "/", HttpOnly: true, Secure: p.secure, SameSite: http.SameSiteLaxMode})
	return true
}

// of is the session of a request; nil where nobody is logged in.
func (p *people) of(r *http.Request) *session {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sessions[c.Value]
}

// session tells the OAuth flow whose browser it is.
func (p *people) session(r *http.Request) (oauth.Session, error) {
	s := p.of(r)
	if s == nil {
		return oauth.Session{}, errors.New("nobody is logged in")
	}
	return oauth.Session{Tenant: tenant, ID: s.id, Actor: owner}, nil
}

// prove takes a code.
func (p *people) prove(s *session, code string) bool {
	now := p.factor.now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.wrong) >= maxWrong && now.Sub(p.wrong[0]) < proofFor {
		return false
	}
	if !p.factor.check(code) {
		p.wrong = append(p.wrong[max(0, len(p.wrong)+1-maxWrong):], now)
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.proved = now
	return true
}

// isProved reports that a session gave its second factor lately.
func (p *people) isProved(s *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return p.factor.now().Sub(s.proved) < proofFor
}

type proofKey struct{}

// withProof marks a context whose second factor was given.
func withProof(ctx context.Context) context.Context { return context.WithValue(ctx, proofKey{}, true) }

// authorize is the host's word on what can not be taken back: here everything needs a
// second factor. A program with more people looks at the actor's rights first.
func (p *people) authorize(ctx context.Context, _ string, _ vault.Action) error {
	if ctx.Value(proofKey{}) == nil {
		return vault.NeedSecondFactor()
	}
	return nil
}

// say keeps a sentence for the next page.
func (s *session) say(text string, ill bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said, s.ill = text, ill
}

func (s *session) hear() (text string, ill bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, ill = s.said, s.ill
	s.said = ""
	return text, ill
}
