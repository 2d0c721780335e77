package magentotest

import (
	"crypto/hmac"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
)

// activation is an integration on its way from the admin's click to its keys.
type activation struct {
	keys     magento.Keys // the access token is the request token until it is exchanged
	verifier string
	at       time.Time
}

// Activate does what an admin's click does for an integration with a callback: it
// returns the form that the shop posts there. The exchange has 300 seconds, and the
// integration then has every right. baseURL is the shop's address as clients see it.
func (s *Shop) Activate(baseURL string) url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &activation{at: s.c.Now(), verifier: s.text(32), keys: magento.Keys{ConsumerKey: s.text(32), ConsumerSecret: commerce.NewSecret(s.text(32))}}
	s.activations = append(s.activations, a)
	return url.Values{"oauth_consumer_key": {a.keys.ConsumerKey}, "oauth_consumer_secret": {a.keys.ConsumerSecret.Reveal()},
		"store_base_url": {strings.TrimRight(baseURL, "/") + "/"}, "oauth_verifier": {a.verifier}}
}

// exchange answers the two requests for tokens, in forms (REC 021-023).
func (s *Shop) exchange(r *http.Request) answer {
	problem := func(text string) answer {
		return answer{http.StatusUnauthorized, []byte("oauth_problem=" + url.QueryEscape(text)), "text/html; charset=UTF-8"}
	}
	oauth := oauthFields(r.Header.Get("Authorization"))
	var a *activation
	for _, x := range s.activations {
		if x.keys.ConsumerKey == oauth["oauth_consumer_key"] {
			a = x
		}
	}
	switch {
	case a == nil:
		return problem("A consumer having the specified key does not exist")
	case s.c.Now().Sub(a.at) > 300*time.Second:
		return problem("Consumer key has expired")
	case oauth["oauth_signature_method"] != "HMAC-SHA256" || s.nonces[a.keys.ConsumerKey+"/"+oauth["oauth_nonce"]]:
		return problem("The nonce is already being used by the consumer")
	}
	s.nonces[a.keys.ConsumerKey+"/"+oauth["oauth_nonce"]] = true
	access := strings.HasSuffix(r.URL.Path, "/oauth/token/access")
	who := Integration{Keys: a.keys}
	if !access {
		who.Keys.AccessTokenSecret = commerce.Secret{}
	}
	switch {
	case access && (a.keys.AccessToken.Empty() || oauth["oauth_token"] != a.keys.AccessToken.Reveal()):
		return problem("Specified token does not exist")
	case access && oauth["oauth_verifier"] != a.verifier:
		return problem("Token verifier and verifier token do not match")
	case !hmac.Equal([]byte(oauth["oauth_signature"]), []byte(signature(r, oauth, who))):
		return problem("The signature is invalid. Verify and try again.")
	}
	a.keys.AccessToken, a.keys.AccessTokenSecret = commerce.NewSecret(s.text(32)), commerce.NewSecret(s.text(32))
	if access {
		s.c.Integrations = append(s.c.Integrations, Integration{Keys: a.keys})
		a.at = time.Time{} // it works once
	}
	return answer{http.StatusOK, []byte("oauth_token=" + a.keys.AccessToken.Reveal() + "&oauth_token_secret=" + a.keys.AccessTokenSecret.Reveal()),
		"text/html; charset=UTF-8"}
}
