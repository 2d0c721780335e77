package magento

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/httpx"
)

// Activation is what a shop posts to the callback of an integration that an admin
// activates. Its keys are exchanged for those that sign requests within 300 seconds.
type Activation struct {
	ConsumerKey    string
	ConsumerSecret commerce.Secret
	StoreBaseURL   string // as the shop says; anyone can post to a callback
	Verifier       commerce.Secret
}

// activationLife is how long a shop waits for the exchange, by default
// (oauth/consumer/expiration_period).
const activationLife = 300 * time.Second

// ParseActivation reads the form that the shop posted. Answer 200 at once, and call
// [Handshake.Keys] afterwards: the shop waits for the answer before it takes tokens.
// An error is of kind invalid.
func ParseActivation(r *http.Request) (Activation, error) {
	const op = "read activation"
	if r.Method != http.MethodPost {
		return Activation{}, refuse(op, "", "the method is not POST")
	}
	body, err := httpx.ReadAll(r.Body, 16<<10)
	if err != nil {
		return Activation{}, refuse(op, "", "the form can not be read")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return Activation{}, refuse(op, "", "the form can not be read")
	}
	a := Activation{ConsumerKey: form.Get("oauth_consumer_key"), ConsumerSecret: commerce.NewSecret(form.Get("oauth_consumer_secret")),
		StoreBaseURL: form.Get("store_base_url"), Verifier: commerce.NewSecret(form.Get("oauth_verifier"))}
	if a.ConsumerKey == "" || a.ConsumerSecret.Empty() || a.Verifier.Empty() {
		return Activation{}, refuse(op, "", "the form lacks oauth_consumer_key, oauth_consumer_secret or oauth_verifier")
	}
	return a, nil
}

// Handshake exchanges the keys of an activation. BaseURL is required.
type Handshake struct {
	// BaseURL is the shop that the integration is for. An activation that names another
	// one is refused, so that whoever posts to the callback can not choose where the
	// program connects to.
	BaseURL string

	// Transport carries the requests. Defaults to http.DefaultTransport.
	Transport http.RoundTripper

	// Timeout bounds both requests together. Defaults to 1 minute.
	Timeout time.Duration

	// Now is the clock for signing. Defaults to time.Now.
	Now func() time.Time

	// Nonce returns a text that was never returned before. Defaults to 32 hex digits
	// from crypto/rand.
	Nonce func() string
}

// Keys takes a request token and then the access token, and returns the keys that sign
// requests from then on; keep them in a vault. received is when the activation came: one
// older than 300 seconds is refused, as the shop would. Nothing is repeated, for a
// verifier works once: after an error the admin activates the integration again. A
// refusal by the shop is of kind auth.
func (h Handshake) Keys(ctx context.Context, a Activation, received time.Time) (Keys, error) {
	const op = "exchange keys"
	if h.Transport == nil {
		h.Transport = http.DefaultTransport
	}
	if h.Now == nil {
		h.Now = time.Now
	}
	if h.Nonce == nil {
		h.Nonce = randomNonce
	}
	if h.Timeout == 0 {
		h.Timeout = time.Minute
	}
	base, err := url.Parse(h.BaseURL)
	switch {
	case err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http":
		return Keys{}, refuse(op, "", "Handshake.BaseURL is no address like https://shop.example")
	case strings.TrimRight(a.StoreBaseURL, "/") != strings.TrimRight(h.BaseURL, "/"):
		return Keys{}, refuse(op, "", "the activation names another shop than Handshake.BaseURL")
	case a.ConsumerKey == "" || a.ConsumerSecret.Empty() || a.Verifier.Empty():
		return Keys{}, refuse(op, "", "the activation lacks a key")
	case h.Now().Sub(received) > activationLife:
		return Keys{}, refuse(op, "", "the activation is older than %s; activate the integration again", activationLife)
	}
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	token, secret, err := h.take(ctx, op, a, "/oauth/token/request", nil, commerce.Secret{})
	if err != nil {
		return Keys{}, err
	}
	access, accessSecret, err := h.take(ctx, op, a, "/oauth/token/access",
		params{{"oauth_token", token}, {"oauth_verifier", a.Verifier.Reveal()}}, secret)
	if err != nil {
		return Keys{}, err
	}
	return Keys{ConsumerKey: a.ConsumerKey, ConsumerSecret: a.ConsumerSecret, AccessToken: commerce.NewSecret(access), AccessTokenSecret: accessSecret}, nil
}

// take makes one of the two requests. Both answers are forms, errors too, under a type
// of text/html (2.4.6-p1, REC 021-023).
func (h Handshake) take(ctx context.Context, op string, a Activation, path string, more params, tokenSecret commerce.Secret) (string, commerce.Secret, error) {
	none := commerce.Secret{}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(h.BaseURL, "/")+path, nil)
	if err != nil {
		return "", none, refuse(op, "", "no request can be made")
	}
	oauth := append(params{
		{"oauth_consumer_key", a.ConsumerKey},
		{"oauth_nonce", h.Nonce()},
		{"oauth_signature_method", "HMAC-SHA256"},
		{"oauth_timestamp", strconv.FormatInt(h.Now().Unix(), 10)},
		{"oauth_version", "1.0"},
	}, more...)
	header, err := oauth.sign(r, a.ConsumerSecret, tokenSecret)
	if err != nil {
		return "", none, err
	}
	r.Header.Set("Authorization", header)
	r.Header.Set("Accept", "application/json")
	resp, err := h.Transport.RoundTrip(r)
	if err != nil {
		return "", none, roundTripError(op, true, err)
	}
	defer resp.Body.Close()
	body, err := httpx.ReadAll(resp.Body, 16<<10)
	if err != nil {
		return "", none, bodyError(op, true, resp.StatusCode, err)
	}
	form, _ := url.ParseQuery(string(body))
	if problem := form.Get("oauth_problem"); problem != "" || resp.StatusCode/100 != 2 {
		e := answerError(op, true, false, resp, nil, h.Now())
		if problem != "" {
			e.Text = safeText(problem)
			if e.Status == http.StatusBadRequest {
				e.Kind = commerce.KindAuth
			}
		}
		return "", none, e
	}
	token, secret := form.Get("oauth_token"), form.Get("oauth_token_secret")
	if token == "" || secret == "" {
		return "", none, &commerce.Error{Kind: commerce.KindInternal, System: system, Op: op, Outcome: commerce.Unknown,
			Status: resp.StatusCode, Text: "the answer holds no token"}
	}
	return token, commerce.NewSecret(secret), nil
}
