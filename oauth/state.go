package oauth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/commercesync/commerce"
)

// States are the tickets with which a consent comes back: each is unguessable, works once,
// for a short time, for one tenant and one session. They are records of a [Keeper], so
// every process of a program knows them, and of 1,000 who present one at the same moment
// one gets it. A tenant has so many places for them; who begins more at the same time
// loses the oldest. So nothing has to be swept.
//
// A [Flow] has its own. Other handshakes, such as Magento's, use them directly.
type States struct {
	Keeper Keeper
	// For says what the states are for; one of another purpose is not found.
	For commerce.Ref
	// Life is how long one works. Defaults to 10 minutes.
	Life time.Duration
	// Places is how many consents of one tenant can be under way. Defaults to 16.
	Places int
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// Ticket is what a state stands for.
type Ticket struct {
	Verifier commerce.Secret // of PKCE
	Return   string          // where the person wants to go afterwards, a path
	Actor    string          // who began
	Result   string          // what came of it: empty until [States.Finish] said it
}

// ticket is the record of a state. The state itself is not in it.
type ticket struct {
	Hash     string    `json:"hash"`    // of the state's text
	Session  string    `json:"session"` // hash of the session's id
	Made     time.Time `json:"made"`
	Taken    string    `json:"taken,omitempty"` // hash of what it was used with
	Verifier string    `json:"verifier,omitempty"`
	Return   string    `json:"return,omitempty"`
	Actor    string    `json:"actor,omitempty"`
	Result   string    `json:"result,omitempty"`
}

const (
	defaultLife   = 10 * time.Minute
	defaultPlaces = 16
	// backwards is how far a clock may go back between a state's making and its use.
	backwards = time.Minute
)

func (s States) defaults() States {
	if s.Life == 0 {
		s.Life = defaultLife
	}
	if s.Places == 0 {
		s.Places = defaultPlaces
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	return s
}

func (s States) place(tenant string, n int) commerce.Ref {
	r := s.For
	r.Tenant, r.ID = tenant, "state/"+strconv.Itoa(n)
	return r
}

// live reports whether a ticket is still worth its place.
func (s States) live(t ticket, now time.Time) bool {
	return now.Sub(t.Made) <= s.Life && t.Made.Sub(now) <= backwards
}

// Issue makes a state for a session of a tenant.
func (s States) Issue(ctx context.Context, tenant, session string, t Ticket) (string, error) {
	s = s.defaults()
	first, err := rand.Int(rand.Reader, big.NewInt(int64(s.Places)))
	if err != nil {
		return "", err
	}
	now := s.Now()
	made := ticket{Session: hash(session), Made: now, Verifier: t.Verifier.Reveal(), Return: t.Return, Actor: t.Actor}
	for range maxTurns {
		place, version, oldest := -1, int64(0), now.Add(s.Life)
		for i := range s.Places {
			n := (int(first.Int64()) + i) % s.Places
			there, v, err := open[ticket](ctx, s.Keeper, s.place(tenant, n), stateName)
			if err != nil {
				return "", err
			}
			if v == 0 || !s.live(there, now) {
				place, version = n, v
				break
			}
			if place < 0 || there.Made.Before(oldest) {
				place, version, oldest = n, v, there.Made
			}
		}
		text := strconv.Itoa(place) + "." + rand.Text()
		made.Hash = hash(text)
		_, err := seal(ctx, s.Keeper, s.place(tenant, place), stateName, made, version)
		if err == nil {
			return text, nil
		}
		if !errors.Is(err, commerce.ErrConflict) {
			return "", err
		}
	}
	return "", commerce.Errorf(commerce.KindConflict, system, "begin", "too many begin at the same moment")
}

// Take uses a state up, with what came beside it: the code of a consent. Who brings the
// same state and the same code once more is told with kind conflict that it is in use
// ([CodeStateBusy]), or gets the ticket with its Result: that is a double click. Everybody
// else gets an error of kind forbidden. Another session neither learns what came of a
// state nor uses it up.
func (s States) Take(ctx context.Context, tenant, session, state, with string) (Ticket, error) {
	s = s.defaults()
	t, version, err := s.find(ctx, tenant, state)
	switch taken := hash(with); {
	case err != nil:
		return Ticket{}, err
	case !same(t.Session, hash(session)):
		return Ticket{}, refused(CodeOtherSession, "the state belongs to another session")
	case !s.live(t, s.Now()):
		return Ticket{}, refused(CodeStateExpired, "the consent took too long")
	case t.Taken != "" && !same(t.Taken, taken):
		return Ticket{}, refused(CodeStateUsed, "the state was used before")
	case t.Taken != "" && t.Result == "":
		return Ticket{}, busy()
	case t.Taken == "":
		t.Taken = taken
		_, err = seal(ctx, s.Keeper, s.owner(tenant, state), stateName, t, version)
	}
	if errors.Is(err, commerce.ErrConflict) {
		err = busy()
	}
	return t.view(), err
}

// Finish says what came of a state that was taken.
func (s States) Finish(ctx context.Context, tenant, state, result string) error {
	s = s.defaults()
	t, version, err := s.find(ctx, tenant, state)
	if err != nil {
		return err
	}
	t.Result, t.Verifier = result, ""
	_, err = seal(ctx, s.Keeper, s.owner(tenant, state), stateName, t, version)
	return err
}

func (s States) owner(tenant, state string) commerce.Ref {
	n, _, _ := strings.Cut(state, ".")
	place, _ := strconv.Atoi(n)
	return s.place(tenant, place)
}

// find reads the record that a state names.
func (s States) find(ctx context.Context, tenant, state string) (ticket, int64, error) {
	unknown := refused(CodeStateUnknown, "no such state was made here")
	n, _, _ := strings.Cut(state, ".")
	place, err := strconv.Atoi(n)
	if err != nil || place < 0 || place >= s.Places || strconv.Itoa(place) != n || len(state) > 100 {
		return ticket{}, 0, unknown
	}
	t, version, err := open[ticket](ctx, s.Keeper, s.place(tenant, place), stateName)
	if err != nil {
		return ticket{}, 0, err
	}
	if version == 0 || !same(t.Hash, hash(state)) {
		return ticket{}, 0, unknown
	}
	return t, version, nil
}

func (t ticket) view() Ticket {
	return Ticket{Verifier: commerce.NewSecret(t.Verifier), Return: t.Return, Actor: t.Actor, Result: t.Result}
}

func busy() *commerce.Error {
	e := refused(CodeStateBusy, "the state is being used at this moment")
	e.Kind = commerce.KindConflict
	return e
}

func refused(code, text string) *commerce.Error {
	return &commerce.Error{Kind: commerce.KindForbidden, System: system, Op: "callback", Outcome: commerce.NotSent, Code: code, Text: text}
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// random is 32 hex digits' worth of chance, for names that nobody must guess.
func random() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}
