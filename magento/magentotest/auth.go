package magentotest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// unauthorized is the one answer to a missing token, a bad one, an expired one and a
// missing right.
func unauthorized(right string) *failure {
	return &failure{http.StatusUnauthorized, "The consumer isn't authorized to access %resources.", obj{"resources": right}, nil, false}
}

func refused(message string, parameters ...any) *failure {
	f := invalid(message, parameters...)
	f.status = http.StatusUnauthorized
	return f
}

// adminSession is a token that was given to an admin.
type adminSession struct {
	user    string
	expires time.Time
}

// authorize checks who asks and whether they may. A route for anyone still refuses a
// signature that is wrong.
func (s *Shop) authorize(r *http.Request, right string) *failure {
	header := r.Header.Get("Authorization")
	switch {
	case strings.HasPrefix(header, "OAuth "):
		who, f := s.checkOAuth(r, header)
		if f != nil {
			return f
		}
		return who.may(right)
	case right == "":
		return nil
	case strings.HasPrefix(header, "Bearer "):
		token := strings.TrimPrefix(header, "Bearer ")
		if t, ok := s.tokens[token]; ok && s.c.Now().Before(t.expires) {
			return nil
		}
		if s.c.IntegrationAsBearer {
			for _, i := range s.c.Integrations {
				if i.Keys.AccessToken.Reveal() == token {
					return i.may(right)
				}
			}
		}
	}
	return unauthorized(right)
}

func (i Integration) may(right string) *failure {
	if right == "" || i.Rights == nil || slices.Contains(i.Rights, right) {
		return nil
	}
	return unauthorized(right)
}

// checkOAuth checks a signed request: what every one has, then token and signature (REC
// 007-020, 237-239).
func (s *Shop) checkOAuth(r *http.Request, header string) (Integration, *failure) {
	oauth := oauthFields(header)
	var who Integration
	f := s.checkProtocol(oauth, []string{"oauth_token"}, func(key string) int {
		at := slices.IndexFunc(s.c.Integrations, func(i Integration) bool { return i.Keys.ConsumerKey == key })
		if at >= 0 {
			who = s.c.Integrations[at]
		}
		return at
	})
	switch {
	case f != nil:
		return Integration{}, f
	case oauth["oauth_token"] != who.Keys.AccessToken.Reveal():
		return Integration{}, refused("Specified token does not exist")
	case !hmac.Equal([]byte(oauth["oauth_signature"]), []byte(signature(r, oauth, who))):
		return Integration{}, refused("The signature is invalid. Verify and try again.")
	}
	return who, nil
}

// checkProtocol checks in Magento's order what requests with a token and for one have in
// common: version, parameters, token's length, method, consumer, time and nonce. consumer
// finds the place of a key, or -1.
func (s *Shop) checkProtocol(oauth map[string]string, more []string, consumer func(key string) int) *failure {
	if v, ok := oauth["oauth_version"]; ok && v != "1.0" {
		return invalid(`The "%1" Oauth version isn't supported.`, v)
	}
	if f := lacks(append([]string{"oauth_consumer_key", "oauth_signature", "oauth_signature_method", "oauth_nonce", "oauth_timestamp"}, more...),
		func(name string) bool { return oauth[name] == "" }); f != nil {
		return f
	}
	if token, ok := oauth["oauth_token"]; ok && len(token) != 32 {
		return invalid("The token length is invalid. Check the length and try again.")
	}
	if m := oauth["oauth_signature_method"]; m != "HMAC-SHA256" {
		return invalid("Signature method %1 is not supported", m)
	}
	key := oauth["oauth_consumer_key"]
	if len(key) != 32 {
		return refused("Consumer key is not the correct length")
	}
	at := consumer(key)
	if at < 0 {
		return refused("A consumer having the specified key does not exist")
	}
	// There is no lower bound: a timestamp of yesterday is taken (REC 018).
	stamp, err := strconv.ParseInt(oauth["oauth_timestamp"], 10, 64)
	if err != nil || stamp <= 0 || stamp > s.c.Now().Add(600*time.Second).Unix() {
		return refused("An error occurred validating the nonce")
	}
	nonce := key + "/" + oauth["oauth_nonce"]
	if s.nonces[nonce] {
		return refused("The nonce is already being used by the consumer with ID %1", strconv.Itoa(at+1))
	}
	s.nonces[nonce] = true
	return nil
}

// oauthFields reads an Authorization header.
func oauthFields(header string) map[string]string {
	oauth := map[string]string{}
	for field := range strings.SplitSeq(strings.TrimPrefix(header, "OAuth "), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		v, err := url.PathUnescape(strings.Trim(value, `"`))
		if err == nil {
			oauth[name] = v
		}
	}
	return oauth
}

// signature computes what the signature of a request should be, the way Magento's
// server does: raw decoding of the query, and a parameter with two raw = dropped.
func signature(r *http.Request, oauth map[string]string, who Integration) string {
	type pair struct{ name, value string }
	var pairs []pair
	for name, value := range oauth {
		if name != "oauth_signature" && name != "realm" {
			pairs = append(pairs, pair{rfc3986(name), rfc3986(value)})
		}
	}
	for part := range strings.SplitSeq(r.URL.RawQuery, "&") {
		fields := strings.Split(part, "=")
		if part == "" || len(fields) > 2 {
			continue
		}
		name, err1 := url.PathUnescape(fields[0])
		value, err2 := "", error(nil)
		if len(fields) == 2 {
			value, err2 = url.PathUnescape(fields[1])
		}
		if err1 == nil && err2 == nil {
			pairs = append(pairs, pair{rfc3986(name), rfc3986(value)})
		}
	}
	sort.Slice(pairs, func(i, j int) bool {
		a, b := pairs[i], pairs[j]
		return a.name < b.name || a.name == b.name && a.value < b.value
	})
	joined := make([]string, len(pairs))
	for i, p := range pairs {
		joined[i] = p.name + "=" + p.value
	}
	base := strings.ToUpper(r.Method) + "&" + rfc3986(origin(r)+r.URL.EscapedPath()) + "&" + rfc3986(strings.Join(joined, "&"))
	mac := hmac.New(sha256.New, []byte(rfc3986(who.Keys.ConsumerSecret.Reveal())+"&"+rfc3986(who.Keys.AccessTokenSecret.Reveal())))
	mac.Write([]byte(base))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// origin is scheme, host and, where it is not the scheme's own, port of a request.
func origin(r *http.Request) string {
	scheme := r.URL.Scheme
	if scheme == "" {
		scheme = "http"
		if r.TLS != nil {
			scheme = "https"
		}
	}
	return scheme + "://" + strings.TrimSuffix(strings.ToLower(r.Host), map[string]string{"http": ":80", "https": ":443"}[scheme])
}

// rfc3986 encodes everything but letters, digits and - . _ ~.
func rfc3986(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}

// serveAdminToken gives an admin a JWT.
func (s *Shop) serveAdminToken(r *request) (any, *failure) {
	var in struct{ Username, Password string }
	if f := r.needs("username", "password"); f != nil {
		return nil, f
	}
	if f := r.into(s, &in); f != nil {
		return nil, f
	}
	if s.c.TwoFactor {
		return nil, invalid("Please ask an administrator with sufficient access to configure 2FA first")
	}
	if want, ok := s.c.Admins[in.Username]; !ok || want != in.Password {
		return nil, refused("The account sign-in was incorrect or your account is disabled temporarily. Please wait and try again later.")
	}
	now := s.c.Now()
	expires := now.Add(s.c.TokenLife)
	claims, err := json.Marshal(obj{"uid": 1, "utypid": 2, "iat": now.Unix(), "exp": expires.Unix()})
	if err != nil {
		return nil, s.internal()
	}
	enc := base64.RawURLEncoding.EncodeToString
	token := enc([]byte(`{"kid":"1","alg":"HS256"}`)) + "." + enc(claims) + "." + s.text(43)
	s.tokens[token] = adminSession{in.Username, expires}
	return token, nil
}

// RevokeTokens makes every admin token invalid at once, as a changed password does.
func (s *Shop) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}
