package magento

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

// IMSConfig says how a program logs in to Adobe's Identity Management System, as Adobe
// Commerce as a Cloud Service wants it. ClientID, ClientSecret and Organization are
// required; the Developer Console shows them (server-to-server credentials).
type IMSConfig struct {
	ClientID     string
	ClientSecret commerce.Secret
	Organization string // "…@AdobeOrg"

	// URL is the address of IMS. Defaults to https://ims-na1.adobelogin.com.
	URL string

	// Scopes are asked for. Defaults to those that the documentation of 2026-11 names:
	// openid, AdobeID, email, profile, additional_info.roles,
	// additional_info.projectedProductContext and commerce.accs.
	Scopes []string

	// Transport carries the requests. Defaults to http.DefaultTransport.
	Transport http.RoundTripper

	// Timeout bounds one login. Defaults to 30 seconds.
	Timeout time.Duration

	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// IMS hands out tokens of Adobe's Identity Management System to a client whose
// Config.CloudService is set. A token is fetched once for all who wait, renewed at nine
// tenths of its life, and once when the shop refuses it. It is safe for concurrent use.
type IMS struct {
	c     IMSConfig
	turn  chan struct{} // holds one while a token is fetched
	token imsToken      // guarded by turn
}

type imsToken struct {
	keys           Keys
	since, expires time.Time
}

var _ commerce.Credentials[Keys] = (*IMS)(nil)

// NewIMS checks the config. An error is of kind invalid and names the field.
func NewIMS(c IMSConfig) (*IMS, error) {
	if c.URL == "" {
		c.URL = "https://ims-na1.adobelogin.com"
	}
	u, err := url.Parse(c.URL)
	for field, bad := range map[string]bool{
		"ClientID": c.ClientID == "", "ClientSecret": c.ClientSecret.Empty(), "Organization": c.Organization == "",
		"URL": err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http", "Timeout": c.Timeout < 0,
	} {
		if bad {
			return nil, refuse("new IMS", "", "IMSConfig.%s is missing or can not be used", field)
		}
	}
	if c.Scopes == nil {
		c.Scopes = []string{"openid", "AdobeID", "email", "profile", "additional_info.roles", "additional_info.projectedProductContext", "commerce.accs"}
	}
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &IMS{c: c, turn: make(chan struct{}, 1)}, nil
}

// Current returns a token that is good for a while yet.
func (s *IMS) Current(ctx context.Context) (Keys, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return Keys{}, credentialsError(ctx.Err())
	}
	if t := s.token; !t.keys.Bearer.Empty() && s.c.Now().Before(t.expires) {
		return t.keys, nil
	}
	t, err := s.fetch(ctx)
	if err != nil {
		return Keys{}, err
	}
	s.token = t
	return t.keys, nil
}

// imsFresh is how young a token is that was refused for another reason than its age: a
// missing right looks the same, and must not become a storm of logins.
const imsFresh = time.Minute

// Rejected forgets a token that the shop refused, unless it is fresh.
func (s *IMS) Rejected(ctx context.Context, refused Keys) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return credentialsError(ctx.Err())
	}
	if s.token.keys != refused {
		return nil // renewed meanwhile
	}
	if s.c.Now().Sub(s.token.since) < imsFresh {
		e := commerce.Errorf(commerce.KindAuth, "ims", "renew token", "a fresh token was refused")
		e.Outcome = commerce.NotSent
		return e
	}
	s.token = imsToken{}
	return nil
}

func (s *IMS) fetch(ctx context.Context) (imsToken, error) {
	const op = "log in"
	failed := func(kind commerce.Kind, status int, code, text string, err error) (imsToken, error) {
		return imsToken{}, &commerce.Error{Kind: kind, System: "ims", Op: op, Outcome: commerce.NotSent, Status: status, Code: code, Text: text, Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, s.c.Timeout)
	defer cancel()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {s.c.ClientID}, "client_secret": {s.c.ClientSecret.Reveal()},
		"scope": {strings.Join(s.c.Scopes, ",")}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(s.c.URL, "/")+"/ims/token/v3", strings.NewReader(form.Encode()))
	if err != nil {
		return failed(commerce.KindInvalid, 0, "", "no request can be made", nil)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	asked := s.c.Now()
	resp, err := s.c.Transport.RoundTrip(req)
	if err != nil {
		return failed(commerce.KindUnavailable, 0, "", "", err)
	}
	defer resp.Body.Close()
	body, err := httpx.ReadAll(resp.Body, maxRefusal)
	if err != nil {
		return failed(commerce.KindUnavailable, resp.StatusCode, "", "the answer was cut", err)
	}
	var answer struct {
		Token   string `json:"access_token"`
		Seconds int64  `json:"expires_in"`
		Error   string `json:"error"`
	}
	err = json.Unmarshal(body, &answer)
	switch status := resp.StatusCode; {
	case status == http.StatusTooManyRequests:
		return failed(commerce.KindRateLimited, status, "", "too many logins", nil)
	case status >= 500 || status < 400 && status != http.StatusOK:
		return failed(commerce.KindUnavailable, status, "", "no token was given", nil)
	case status != http.StatusOK:
		return failed(commerce.KindAuth, status, safeText(answer.Error), "the client's id, secret or scopes were refused", nil)
	case err != nil || answer.Token == "" || answer.Seconds <= 0:
		return failed(commerce.KindUnavailable, status, "", "the answer holds no token", nil)
	}
	life := time.Duration(min(answer.Seconds, 7*24*3600)) * time.Second
	return imsToken{since: asked, expires: asked.Add(life * 9 / 10),
		keys: Keys{Bearer: commerce.NewSecret(answer.Token), APIKey: s.c.ClientID, Organization: s.c.Organization}}, nil
}
