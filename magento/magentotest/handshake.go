package magentotest

import (
	"crypto/hmac"
	"net/http"
	"net/url"
	"slices"
	"strconv"
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
	problem := func(f *failure) answer {
		return answer{f.status, []byte("oauth_problem=" + url.QueryEscape(f.words())), "text/html; charset=UTF-8"}
	}
	oauth := oauthFields(r.Header.Get("Authorization"))
	var a *activation
	var more []string
	access := strings.HasSuffix(r.URL.Path, "/oauth/token/access")
	if access {
		more = []string{"oauth_token", "oauth_verifier"}
	}
	if f := s.checkProtocol(oauth, more, func(key string) int {
		at := slices.IndexFunc(s.activations, func(a *activation) bool { return a.keys.ConsumerKey == key })
		if at >= 0 {
			a = s.activations[at]
		}
		return at
	}); f != nil {
		return problem(f)
	}
	who := Integration{Keys: a.keys}
	if !access {
		who.Keys.AccessTokenSecret = commerce.Secret{}
	}
	switch {
	case s.c.Now().Sub(a.at) > 300*time.Second:
		return problem(refused("Consumer key has expired"))
	case access && oauth["oauth_token"] != a.keys.AccessToken.Reveal():
		return problem(refused("Specified token does not exist"))
	case access && oauth["oauth_verifier"] != a.verifier:
		return problem(refused("Token verifier and verifier token do not match"))
	case !hmac.Equal([]byte(oauth["oauth_signature"]), []byte(signature(r, oauth, who))):
		return problem(refused("The signature is invalid. Verify and try again."))
	}
	a.keys.AccessToken, a.keys.AccessTokenSecret = commerce.NewSecret(s.text(32)), commerce.NewSecret(s.text(32))
	if access {
		s.c.Integrations = append(s.c.Integrations, Integration{Keys: a.keys})
		a.at = time.Time{} // it works once
	}
	return answer{http.StatusOK, []byte("oauth_token=" + a.keys.AccessToken.Reveal() + "&oauth_token_secret=" + a.keys.AccessTokenSecret.Reveal()),
		"text/html; charset=UTF-8"}
}

// words are the message with its parameters in their places.
func (f *failure) words() string {
	message := f.message
	if list, ok := f.parameters.([]any); ok {
		for n, p := range list {
			message = strings.ReplaceAll(message, "%"+strconv.Itoa(n+1), text(p))
		}
	}
	if named, ok := f.parameters.(obj); ok {
		for name, p := range named {
			message = strings.ReplaceAll(message, "%"+name, text(p))
		}
	}
	return message
}
