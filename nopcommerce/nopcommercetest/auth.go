package nopcommercetest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const tokenPath = "/Authenticate/GetToken"

// The roles of an installation.
const (
	RoleAdministrators = 1
	RoleRegistered     = 3
	RoleGuests         = 4
	roleAPI            = 6 // "Api Users", of the community plugin
)

// serveToken signs in. Every refusal sounds alike, that of a locked account too.
func (s *Shop) serveToken(r *request) (any, *failure) {
	in, f := decode[struct{ Username, Email, Password string }](r)
	if f != nil {
		return nil, f
	}
	name := in.Email
	if s.c.Usernames {
		name = in.Username
	}
	c, ok := s.signIn(name, in.Password)
	if !ok {
		return nil, business("Username or password is incorrect")
	}
	out := obj{"username": orNull(text(c.Username)), "customer_id": c.ID, "token": s.token(c.ID, s.c.TokenLife)}
	if s.version >= 470 {
		out["customer_guid"] = c.CustomerGUID
	}
	return out, nil
}

// signIn checks a password, and locks the account after too many wrong ones.
func (s *Shop) signIn(name, password string) (*Customer, bool) {
	c := s.customers.first(func(c *Customer) bool {
		known := c.Email
		if s.c.Usernames {
			known = c.Username
		}
		return name != "" && strings.EqualFold(text(known), name) && !c.Deleted && c.Active
	})
	if c == nil {
		return nil, false
	}
	if until := c.CannotLoginUntilDateUTC; until != nil && until.After(s.clock()) {
		return nil, false
	}
	if c.ID != s.admin().ID || password != s.c.Password.Reveal() {
		if c.FailedLoginAttempts++; c.FailedLoginAttempts >= s.c.LockAfter {
			c.CannotLoginUntilDateUTC = &Date{s.clock().Add(s.c.LockFor)}
			c.FailedLoginAttempts = 0
		}
		return nil, false
	}
	c.FailedLoginAttempts, c.CannotLoginUntilDateUTC, c.RequireReLogin = 0, nil, false
	c.LastLoginDateUTC = new(s.now())
	return c, true
}

// admin is the account of [Config].Email.
func (s *Shop) admin() *Customer { return s.customers.rows[0] }

// token makes a JWT, which says nothing about itself outside of its payload.
func (s *Shop) token(customer int, life time.Duration) string {
	end := s.clock().Add(life).Unix()
	var exp any = strconv.FormatInt(end, 10)
	if s.c.NumericExpiry {
		exp = end
	}
	payload, err := json.Marshal(obj{"nbf": strconv.FormatInt(s.clock().Unix(), 10), "exp": exp, "CustomerId": strconv.Itoa(customer)})
	if err != nil {
		panic(err)
	}
	head := b64([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + b64(payload)
	return head + "." + s.sign(head)
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (s *Shop) sign(head string) string {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(head))
	return b64(h.Sum(nil))
}

// holder returns the customer of a valid token, or nil.
func (s *Shop) holder(r *http.Request) *Customer {
	header := r.Header.Get("Authorization")
	token := header[strings.LastIndex(header, " ")+1:]
	dot := strings.LastIndex(token, ".")
	if dot < 0 || !hmac.Equal([]byte(token[dot+1:]), []byte(s.sign(token[:dot]))) {
		return nil
	}
	_, payload, _ := strings.Cut(token[:dot], ".")
	b, err := base64.RawURLEncoding.DecodeString(payload)
	var claims struct {
		Exp        json.RawMessage `json:"exp"`
		CustomerID string          `json:"CustomerId"`
	}
	if err != nil || json.Unmarshal(b, &claims) != nil {
		return nil
	}
	exp, err := strconv.ParseInt(strings.Trim(string(claims.Exp), `"`), 10, 64)
	id, err2 := strconv.Atoi(claims.CustomerID)
	c := s.customers.get(id)
	if err != nil || err2 != nil || s.clock().Unix() >= exp || c == nil || !c.Active || c.Deleted || c.RequireReLogin {
		return nil
	}
	return c
}

// authorize lets administrators pass, and in developer mode everybody.
func (s *Shop) authorize(r *http.Request) *failure {
	if s.c.DeveloperMode {
		return nil
	}
	c := s.holder(r)
	switch {
	case c == nil:
		return unauthorized
	case !slices.Contains(s.roles[c.ID], RoleAdministrators):
		return denied
	}
	return nil
}

// RotateKey makes every token invalid at once, as an administrator does who changes the
// plugin's secret key.
func (s *Shop) RotateKey() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key = []byte(s.hex(32))
}

// SetAccess gives the account of [Config].Email the right to use the API, or takes it
// away.
func (s *Shop) SetAccess(may bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roles[s.admin().ID] = []int{RoleRegistered}
	if may {
		s.roles[s.admin().ID] = []int{RoleAdministrators, RoleRegistered, roleAPI}
	}
}

// Locked reports whether too many wrong passwords have locked the account.
func (s *Shop) Locked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	until := s.admin().CannotLoginUntilDateUTC
	return until != nil && until.After(s.clock())
}
