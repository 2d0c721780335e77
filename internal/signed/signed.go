// Package signed tells requests that were signed with a shared secret from all others.
//
// The scheme is Stripe's, for whoever may use it: a header t=<unix>,v1=<hex>[,v1=<hex>…],
// each v1 an HMAC-SHA256 of "<t>.<body>" under one of the active secrets.
package signed

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/commercesync/commerce"
)

// maxSignatures bounds the v1 signatures of one header. Stripe sends one for each
// active secret of the endpoint, so two while a secret is rolled.
const maxSignatures = 16

// Config says which header carries the signature, and in whose words errors are told.
type Config struct {
	System string // of errors
	What   string // is verified, as in their Op: "webhook"
	Name   string // of the config that Secrets and Tolerance are fields of
	Header string // canonical, as in http.Header
	// Secrets hands out all that are active. None may be empty.
	Secrets commerce.Credentials[[]commerce.Secret]
	// Tolerance is how old a signature may be, and how far in the future. Defaults to
	// 5 minutes.
	Tolerance time.Duration
	Now       func() time.Time // defaults to time.Now
}

// Verifier is safe for concurrent use.
type Verifier struct {
	config Config
	keys   atomic.Pointer[keyring]
}

// New checks what the caller's user has set. It asks for the secrets once, so that an
// empty one is refused at the start. An error is of kind invalid and names the field.
func New(config Config) (*Verifier, error) {
	invalid := func(text string) error {
		return &commerce.Error{Kind: commerce.KindInvalid, System: config.System, Op: "new " + config.What,
			Outcome: commerce.NotSent, Text: config.Name + "." + text}
	}
	switch {
	case config.Secrets == nil:
		return nil, invalid("Secrets is not set")
	case config.Tolerance < 0:
		return nil, invalid("Tolerance must not be negative")
	}
	if config.Tolerance == 0 {
		config.Tolerance = 5 * time.Minute
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	v := &Verifier{config: config}
	if secrets, err := config.Secrets.Current(context.Background()); err == nil {
		if _, err := v.keyring(secrets); err != nil {
			return nil, invalid("Secrets: " + err.Text)
		}
	}
	return v, nil
}

// Verify checks the signature over the body, byte for byte, and returns its time in
// seconds since 1970. Errors: kind auth with code "unsigned", "malformed_header",
// "bad_signature", "stale" or "future"; kind unavailable with code "no_secrets" where
// Secrets.Current fails and "empty_secret" where the secrets became unusable.
func (v *Verifier) Verify(ctx context.Context, header http.Header, body []byte) (int64, error) {
	secrets, err := v.config.Secrets.Current(ctx)
	if err != nil {
		e := v.refused(commerce.KindUnavailable, "no_secrets", "the signing secrets can not be had")
		e.Err = err
		return 0, e
	}
	keys, bad := v.keyring(secrets)
	if bad != nil {
		return 0, bad
	}
	values := header[v.config.Header]
	if len(values) == 0 || values[0] == "" {
		return 0, v.refused(commerce.KindAuth, "unsigned", "there is no "+v.config.Header+" header")
	}
	if len(values) > 1 {
		return 0, v.refused(commerce.KindAuth, "malformed_header", "there is more than one "+v.config.Header+" header")
	}
	var sig signature
	if err := v.parse(&sig, values[0]); err != nil {
		return 0, err
	}
	age := v.config.Now().Sub(time.Unix(sig.time, 0))
	switch {
	case age > v.config.Tolerance:
		return 0, v.refused(commerce.KindAuth, "stale", "the signature is older than "+v.config.Name+".Tolerance")
	case age < -v.config.Tolerance:
		return 0, v.refused(commerce.KindAuth, "future", "the signature's time is ahead by more than "+v.config.Name+".Tolerance")
	}
	if !keys.signed(&sig, body) {
		return 0, v.refused(commerce.KindAuth, "bad_signature", "no signature was made with a secret of this endpoint")
	}
	return sig.time, nil
}

func (v *Verifier) refused(kind commerce.Kind, code, text string) *commerce.Error {
	return &commerce.Error{Kind: kind, System: v.config.System, Op: "verify " + v.config.What, Code: code, Text: text}
}

// Sign makes a header's value: one v1 signature for each secret.
func Sign(at time.Time, body []byte, secrets ...string) string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	var b strings.Builder
	b.WriteString("t=" + stamp)
	for _, s := range secrets {
		mac := hmac.New(sha256.New, []byte(s))
		_, _ = mac.Write([]byte(stamp + "."))
		_, _ = mac.Write(body)
		b.WriteString(",v1=" + hex.EncodeToString(mac.Sum(nil)))
	}
	return b.String()
}

// signature is a parsed header: t=<unix>,v1=<hex>[,v1=<hex>…]. Other schemes are
// left out, and so is a v1 that is no SHA-256 in hex.
type signature struct {
	stamp string // the digits of t, as signed
	time  int64
	n     int
	v1    [maxSignatures][sha256.Size]byte
}

func (v *Verifier) parse(s *signature, header string) error {
	rest, more := header, true
	for more {
		var part string
		part, rest, more = strings.Cut(rest, ",")
		scheme, value, ok := strings.Cut(part, "=")
		if !ok || strings.IndexByte(value, '=') >= 0 {
			return v.refused(commerce.KindAuth, "malformed_header", "a part of the header is not scheme=value")
		}
		switch scheme {
		case "t":
			t, err := strconv.ParseInt(value, 10, 64)
			if err != nil || t <= 0 || s.stamp != "" {
				return v.refused(commerce.KindAuth, "malformed_header", "the header's time is no number of seconds, or there are two")
			}
			s.stamp, s.time = value, t
		case "v1":
			if len(value) != hex.EncodedLen(sha256.Size) {
				continue
			}
			if s.n == maxSignatures {
				return v.refused(commerce.KindAuth, "malformed_header", fmt.Sprintf("the header has more than %d signatures", maxSignatures))
			}
			if unhex(&s.v1[s.n], value) {
				s.n++
			}
		}
	}
	if s.stamp == "" {
		return v.refused(commerce.KindAuth, "malformed_header", "the header has no time")
	}
	if s.n == 0 {
		return v.refused(commerce.KindAuth, "bad_signature", "the header has no v1 signature")
	}
	return nil
}

// unhex decodes without turning the text into a slice on the heap first.
func unhex(into *[sha256.Size]byte, text string) bool {
	for i := range into {
		hi, lo := nibble(text[2*i]), nibble(text[2*i+1])
		if hi|lo > 15 {
			return false
		}
		into[i] = hi<<4 | lo
	}
	return true
}

func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// keyring holds hashers for one list of secrets; keying them is dearer than using them.
type keyring struct {
	secrets []commerce.Secret
	pools   []sync.Pool
}

// keyring returns the hashers of the secrets, new ones where the list has changed.
func (v *Verifier) keyring(secrets []commerce.Secret) (*keyring, *commerce.Error) {
	if k := v.keys.Load(); k != nil && slices.Equal(k.secrets, secrets) {
		return k, nil
	}
	if len(secrets) == 0 {
		return nil, v.refused(commerce.KindUnavailable, "empty_secret", "there is no signing secret")
	}
	k := &keyring{secrets: slices.Clone(secrets), pools: make([]sync.Pool, len(secrets))}
	for i, s := range secrets {
		if strings.TrimSpace(s.Reveal()) == "" {
			return nil, v.refused(commerce.KindUnavailable, "empty_secret", fmt.Sprintf("signing secret %d of %d is empty", i+1, len(secrets)))
		}
		key := []byte(s.Reveal())
		k.pools[i].New = func() any { return &hasher{Hash: hmac.New(sha256.New, key)} }
	}
	v.keys.Store(k)
	return k, nil
}

// hasher keeps its scratch space beside the hash, so that nothing is allocated.
type hasher struct {
	hash.Hash
	stamp []byte
	sum   []byte
}

// signed reports whether any signature was made with any of the secrets.
func (k *keyring) signed(s *signature, body []byte) bool {
	for i := range k.pools {
		h := k.pools[i].Get().(*hasher)
		h.Reset()
		h.stamp = append(append(h.stamp[:0], s.stamp...), '.')
		_, _ = h.Write(h.stamp)
		_, _ = h.Write(body)
		h.sum = h.Sum(h.sum[:0])
		found := false
		for n := range s.n {
			found = hmac.Equal(h.sum, s.v1[n][:]) || found
		}
		k.pools[i].Put(h)
		if found {
			return true
		}
	}
	return false
}
