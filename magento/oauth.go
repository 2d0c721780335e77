package magento

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/dghubble/oauth1"

	"github.com/commercesync/commerce"
)

// oauthHeader returns the Authorization header of OAuth 1.0a with HMAC-SHA256, the
// only method that Magento takes.
//
// The key and the encoding are oauth1's. The base string is ours, for oauth1 v0.7.3
// has no clock to hand in, keeps one of several parameters of a name, cuts :80 off an
// https address, and reads a + in the query as a space, which Magento does not.
func (s *signer) oauthHeader(r *http.Request, keys Keys) (string, error) {
	oauth := params{
		{"oauth_consumer_key", keys.ConsumerKey},
		{"oauth_nonce", s.nonce()},
		{"oauth_signature_method", "HMAC-SHA256"},
		{"oauth_timestamp", strconv.FormatInt(s.now().Add(-time.Duration(s.behind.Load())).Unix(), 10)},
		{"oauth_token", keys.AccessToken.Reveal()},
		{"oauth_version", "1.0"},
	}
	return oauth.sign(r, keys.ConsumerSecret, keys.AccessTokenSecret)
}

// sign returns the header that holds the parameters and their signature.
func (oauth params) sign(r *http.Request, consumer, token commerce.Secret) (string, error) {
	sign := &oauth1.HMAC256Signer{ConsumerSecret: consumer.Reveal()}
	signature, err := sign.Sign(token.Reveal(), baseString(r.Method, r.URL, oauth))
	if err != nil {
		return "", credentialsError(err)
	}
	oauth = append(oauth, param{"oauth_signature", signature})
	fields := make([]string, len(oauth))
	for i, p := range oauth {
		fields[i] = p.name + `="` + oauth1.PercentEncode(p.value) + `"`
	}
	return "OAuth " + strings.Join(fields, ", "), nil
}

// baseString is what is signed: method, address and every parameter of the header
// and of the query. A body of JSON is not part of it.
func baseString(method string, u *url.URL, oauth params) string {
	host := strings.ToLower(u.Host)
	scheme := strings.ToLower(u.Scheme)
	if port := map[string]string{"http": ":80", "https": ":443"}[scheme]; port != "" {
		host = strings.TrimSuffix(host, port)
	}
	pairs := make([]string, 0, len(oauth)+8)
	for _, p := range oauth {
		pairs = append(pairs, oauth1.PercentEncode(p.name)+"="+oauth1.PercentEncode(p.value))
	}
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		pairs = append(pairs, oauth1.PercentEncode(unescape(name))+"="+oauth1.PercentEncode(unescape(value)))
	}
	sortPairs(pairs)
	return strings.ToUpper(method) + "&" + oauth1.PercentEncode(scheme+"://"+host+u.EscapedPath()) + "&" + oauth1.PercentEncode(strings.Join(pairs, "&"))
}

// sortPairs sorts name=value pairs by name and then by value.
func sortPairs(pairs []string) {
	sort.Slice(pairs, func(i, j int) bool {
		ni, vi, _ := strings.Cut(pairs[i], "=")
		nj, vj, _ := strings.Cut(pairs[j], "=")
		return ni < nj || ni == nj && vi < vj
	})
}

// unescape undoes percent signs only: in a signature a + is a plus.
func unescape(s string) string {
	if v, err := url.PathUnescape(s); err == nil {
		return v
	}
	return s
}

// param is one name and value of a query; params keeps their order.
type param struct{ name, value string }

type params []param

// encode writes the parameters as RFC 3986 wants: %20 for a space and %3D for a =
// in a value, without which Magento drops the parameter from the signature.
func (ps params) encode() string {
	parts := make([]string, len(ps))
	for i, p := range ps {
		parts[i] = oauth1.PercentEncode(p.name) + "=" + oauth1.PercentEncode(p.value)
	}
	return strings.Join(parts, "&")
}

// randomNonce returns 32 hex digits; crypto/rand never fails.
func randomNonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// decodeSegment reads a part of a JWT.
func decodeSegment(s string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(s) }

var _ http.RoundTripper = (*signer)(nil)
