package magento

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

// Keys are the credentials of a shop, in exactly one of three ways. Adobe Commerce as a
// Cloud Service takes the third only, from an [IMS].
type Keys struct {
	// The four keys of an integration, for OAuth 1.0a. Offer this way first: it is
	// the default since 2.4.4.
	ConsumerKey       string
	ConsumerSecret    commerce.Secret
	AccessToken       commerce.Secret
	AccessTokenSecret commerce.Secret

	// Username and Password of an admin, for a token of an hour or so. Shops with
	// two-factor authentication, which is on by default, give none.
	Username string
	Password commerce.Secret

	// Bearer is a token that the shop takes as it is. It refuses the access token of
	// an integration unless oauth/consumer/enable_integration_as_bearer is on.
	Bearer commerce.Secret

	// APIKey and Organization are sent beside the Bearer of a cloud service.
	APIKey       string
	Organization string
}

// way is one of the three ways to log in.
type way int

const (
	wayOAuth way = iota + 1
	wayAdmin
	wayBearer
)

func (k Keys) way() (way, error) {
	oauth := k.ConsumerKey != "" || !k.ConsumerSecret.Empty() || !k.AccessToken.Empty() || !k.AccessTokenSecret.Empty()
	admin := k.Username != "" || !k.Password.Empty()
	bearer := !k.Bearer.Empty()
	switch {
	case oauth && !admin && !bearer:
		if k.ConsumerKey == "" || k.ConsumerSecret.Empty() || k.AccessToken.Empty() || k.AccessTokenSecret.Empty() {
			return 0, badKeys("Keys needs ConsumerKey, ConsumerSecret, AccessToken and AccessTokenSecret together")
		}
		return wayOAuth, nil
	case admin && !oauth && !bearer:
		if k.Username == "" || k.Password.Empty() {
			return 0, badKeys("Keys needs Username and Password together")
		}
		return wayAdmin, nil
	case bearer && !oauth && !admin:
		return wayBearer, nil
	}
	return 0, badKeys("Keys must hold one way to log in: four OAuth keys, Username and Password, or Bearer")
}

func badKeys(text string) error {
	return &commerce.Error{Kind: commerce.KindAuth, System: system, Op: "sign request", Outcome: commerce.NotSent, Text: text}
}

// verdict is what the signer learns about a refusal and the caller can not see.
type verdict struct {
	// lacksRight: the credentials themselves were accepted, so that a 401 means a
	// missing right. Magento answers both alike.
	lacksRight bool
}

type verdictKey struct{}

// signer signs every attempt afresh. It sits below the retries, so that each of them
// has its own nonce, its own timestamp and the credentials of its moment.
type signer struct {
	next  http.RoundTripper
	creds commerce.Credentials[Keys]
	now   func() time.Time
	nonce func() string
	login string // address of the admin token
	cloud bool   // only bearers are taken

	behind atomic.Int64 // how far the shop's clock is behind ours, in nanoseconds, where it matters

	turn  chan struct{} // holds one while a token is fetched: single flight
	token adminToken    // guarded by turn
}

// RoundTrip signs and sends a request. A refusal of the credentials is told to their
// source once; if that has others, there is one more attempt.
func (s *signer) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close() // every attempt has a copy of its own
	}
	keys, err := s.creds.Current(r.Context())
	if err != nil {
		return nil, credentialsError(err)
	}
	resp, refused, err := s.attempt(r, keys)
	if err != nil || !refused {
		return resp, err
	}
	if err := s.creds.Rejected(r.Context(), keys); err != nil {
		if commerce.KindOf(err) == commerce.KindAuth {
			return resp, nil //nolint:nilerr // the refusal itself is the answer: the shop's words say more
		}
		resp.Body.Close()
		return nil, credentialsError(err)
	}
	resp.Body.Close()
	if keys, err = s.creds.Current(r.Context()); err != nil {
		return nil, credentialsError(err)
	}
	resp, _, err = s.attempt(r, keys)
	return resp, err
}

// credentialsError marks what went wrong before a request could be signed.
func credentialsError(err error) error {
	kind := commerce.KindOf(err)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		kind = commerce.KindUnavailable
	}
	return &commerce.Error{Kind: kind, System: system, Op: "get credentials",
		Outcome: commerce.NotSent, RetryAfter: commerce.RetryAfter(err), Err: err}
}

// attempt sends r with keys; refused says that the keys are no good.
func (s *signer) attempt(r *http.Request, keys Keys) (resp *http.Response, refused bool, err error) {
	way, err := keys.way()
	if err == nil && s.cloud && way != wayBearer {
		err = badKeys("a cloud service takes Keys.Bearer only, as an IMS hands it out")
	}
	if err != nil {
		return nil, false, err
	}
	switch way {
	case wayOAuth:
		for again := false; ; again = true {
			header, err := s.oauthHeader(r, keys)
			if err != nil {
				return nil, false, err
			}
			resp, err = s.send(r, header)
			if err != nil || resp.StatusCode != http.StatusUnauthorized {
				return resp, false, err
			}
			if again || !s.early(resp) {
				break
			}
			resp.Body.Close()
		}
		// Faults of signature and keys have texts of their own (2.4.6-p1, REC 011-019);
		// the one that names a right is about that right.
		return resp, !s.lacksRight(r, resp), nil
	case wayBearer:
		if s.cloud {
			r = r.Clone(r.Context())
			r.Header.Set("x-api-key", keys.APIKey)
			r.Header.Set("x-gw-ims-org-id", keys.Organization)
		}
		resp, err = s.send(r, "Bearer "+keys.Bearer.Reveal())
		return resp, err == nil && resp.StatusCode == http.StatusUnauthorized, err
	}
	return s.attemptAsAdmin(r, keys)
}

// early reports whether a refusal comes from a shop for which our timestamp lies ahead,
// and sets the next one right: more than 600 seconds in the future are refused, and
// nothing is too old (2.4.6-p1, REC oauth-timestamp-*).
func (s *signer) early(resp *http.Response) bool {
	date, err := http.ParseTime(resp.Header.Get("Date"))
	behind := s.now().Sub(date)
	if err != nil || behind < time.Duration(s.behind.Load())+5*time.Minute {
		return false
	}
	s.behind.Store(int64(behind))
	return true
}

// attemptAsAdmin sends r with a token, which it renews once if it was not fresh.
func (s *signer) attemptAsAdmin(r *http.Request, keys Keys) (resp *http.Response, refused bool, err error) {
	token, fresh, answer, err := s.adminToken(r.Context(), keys, "")
	for {
		if err != nil || answer != nil { // answer: the login was refused
			return answer, err == nil && answer.StatusCode == http.StatusUnauthorized, err
		}
		resp, err = s.send(r, "Bearer "+token)
		if err != nil || resp.StatusCode != http.StatusUnauthorized {
			return resp, false, err
		}
		if fresh {
			s.lacksRight(r, resp)
			return resp, false, nil
		}
		resp.Body.Close()
		token, _, answer, err = s.adminToken(r.Context(), keys, token)
		fresh = true // also one that another request fetched meanwhile
	}
}

// send sends a copy of r with an Authorization header.
func (s *signer) send(r *http.Request, authorization string) (*http.Response, error) {
	out := r.Clone(r.Context())
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, credentialsError(err)
		}
		out.Body = body
	}
	out.Header.Set("Authorization", authorization)
	return s.next.RoundTrip(out)
}

// maxRefusal bounds what is read of a refusal and of a login's answer, in bytes.
const maxRefusal = 64 << 10

// lacksRight reports whether a 401 names a right, tells the caller, and leaves the
// body to be read again.
func (s *signer) lacksRight(r *http.Request, resp *http.Response) bool {
	b, err := httpx.ReadAll(resp.Body, maxRefusal)
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(b))
	var answer errorBody
	if err != nil || json.Unmarshal(b, &answer) != nil || answer.resource() == "" {
		return false
	}
	if v, ok := r.Context().Value(verdictKey{}).(*verdict); ok {
		v.lacksRight = true
	}
	return true
}

// adminToken is a token and what it was fetched with.
type adminToken struct {
	keys    Keys
	text    string
	expires time.Time
}

// opaqueLife is how long a token is kept that does not say when it ends: those from
// before 2.4.4 live for four hours by default.
const opaqueLife = time.Hour

// adminToken returns the token to use, fetching one if there is none, if it ends
// soon, or if it is the one that was refused. answer is the shop's refusal of the
// login, to be passed on.
func (s *signer) adminToken(ctx context.Context, keys Keys, refused string) (token string, fresh bool, answer *http.Response, err error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return "", false, nil, credentialsError(ctx.Err())
	}
	if t := s.token; t.text != "" && t.keys == keys && t.text != refused && s.now().Before(t.expires) {
		return t.text, false, nil, nil
	}
	s.token = adminToken{}

	body, err := json.Marshal(struct {
		Username string `json:"username"`
		Password string `json:"password"`
	}{keys.Username, keys.Password.Reveal()})
	if err != nil {
		return "", false, nil, credentialsError(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.login, bytes.NewReader(body))
	if err != nil {
		return "", false, nil, credentialsError(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := s.next.RoundTrip(req)
	if err != nil {
		// The login failed, so the request itself never left.
		return "", false, nil, &commerce.Error{Kind: commerce.KindUnavailable, System: system, Op: "log in as admin", Outcome: commerce.NotSent, Err: err}
	}
	defer resp.Body.Close()
	b, err := httpx.ReadAll(resp.Body, maxRefusal)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		resp.Body = io.NopCloser(bytes.NewReader(b))
		return "", false, resp, nil
	}
	var text string
	if err == nil && resp.StatusCode == http.StatusOK {
		err = json.Unmarshal(b, &text)
	}
	if err != nil || text == "" {
		e := answerError("log in as admin", true, false, resp, b, s.now())
		if resp.StatusCode == http.StatusOK {
			e.Kind, e.Text = commerce.KindUnavailable, "the answer holds no token"
		}
		if e.Kind == commerce.KindInvalid {
			e.Kind = commerce.KindAuth // two-factor authentication, REC 309
		}
		e.Outcome = commerce.NotSent
		return "", false, nil, e
	}
	s.token = adminToken{keys: keys, text: text, expires: renewAt(text, s.now())}
	return text, true, nil, nil
}

// renewAt returns when to stop using a token: at nine tenths of what a JWT says that
// it lives, from now on, by our own clock.
func renewAt(token string, now time.Time) time.Time {
	parts := strings.Split(token, ".")
	if len(parts) == 3 {
		var claims struct{ Iat, Exp int64 }
		if b, err := decodeSegment(parts[1]); err == nil && json.Unmarshal(b, &claims) == nil && claims.Exp > claims.Iat && claims.Iat > 0 {
			return now.Add(time.Duration(claims.Exp-claims.Iat) * time.Second * 9 / 10)
		}
	}
	return now.Add(opaqueLife)
}
