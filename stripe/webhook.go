package stripe

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

// SignatureHeader carries the signature of a webhook delivery.
const SignatureHeader = "Stripe-Signature"

// maxSignatures bounds the v1 signatures of one header. Stripe sends one for each
// active secret of the endpoint, so two while a secret is rolled.
const maxSignatures = 16

// WebhookConfig says whose deliveries are accepted. Secrets is the one field that
// must be set.
type WebhookConfig struct {
	// Secrets hands out the signing secrets (whsec_…) of all endpoints that deliver
	// here, old ones too while they are rolled. It is asked for each delivery, so
	// that a rotation needs no restart. None of them may be empty.
	Secrets commerce.Credentials[[]commerce.Secret]

	// Tenant is the host program's customer that the events belong to.
	Tenant string

	// Account names the account itself in the refs of its events ("acct_1"). Events
	// of connected accounts name their own.
	Account string

	// Mode refuses events of the other mode. Empty accepts both.
	Mode commerce.Mode

	// Tolerance is how old a signature may be, and how far in the future. Defaults
	// to 5 minutes.
	Tolerance time.Duration

	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// WebhookVerifier tells Stripe's deliveries from anybody else's and reads as much of
// them as is needed to store them. It is safe for concurrent use.
type WebhookVerifier struct {
	config WebhookConfig
	keys   atomic.Pointer[keyring]
}

// Webhook checks the config and returns a verifier. It asks for the secrets once, so
// that an empty one is refused at the start. An error is of kind invalid and names
// the field.
func Webhook(config WebhookConfig) (*WebhookVerifier, error) {
	const op = "new webhook"
	switch {
	case config.Secrets == nil:
		return nil, invalid(op, "WebhookConfig.Secrets is not set")
	case config.Tolerance < 0:
		return nil, invalid(op, "WebhookConfig.Tolerance must not be negative")
	case config.Mode != "" && config.Mode != commerce.Live && config.Mode != commerce.Test:
		return nil, invalid(op, "WebhookConfig.Mode must be live, test or empty")
	}
	if config.Tolerance == 0 {
		config.Tolerance = 5 * time.Minute
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	v := &WebhookVerifier{config: config}
	if secrets, err := config.Secrets.Current(context.Background()); err == nil {
		if _, err := v.keyring(secrets); err != nil {
			return nil, invalid(op, "WebhookConfig.Secrets: %s", err.Text)
		}
	}
	return v, nil
}

// Verify checks the signature over the body, byte for byte, and reads the envelope.
// The event keeps body as its Raw, so the caller must not use it again.
//
// Every API version is accepted, none at all too, and thin events. Errors:
//
//   - kind auth: "unsigned", "malformed_header", "bad_signature", "stale", "future";
//   - kind invalid: "malformed", "no_id", "no_type", "no_created", "no_livemode",
//     "mode_mismatch";
//   - kind unavailable: "no_secrets", where Secrets.Current fails, and
//     "empty_secret", where the secrets became unusable. Nobody can tell now whose
//     delivery it is, so it must be sent again.
func (v *WebhookVerifier) Verify(ctx context.Context, header http.Header, body []byte) (commerce.Event, error) {
	secrets, err := v.config.Secrets.Current(ctx)
	if err != nil {
		return commerce.Event{}, &commerce.Error{Kind: commerce.KindUnavailable, System: system, Op: opVerify,
			Code: "no_secrets", Text: "the signing secrets can not be had", Err: err}
	}
	keys, bad := v.keyring(secrets)
	if bad != nil {
		return commerce.Event{}, bad
	}
	values := header[SignatureHeader]
	if len(values) == 0 || values[0] == "" {
		return commerce.Event{}, refused(commerce.KindAuth, "unsigned", "there is no "+SignatureHeader+" header")
	}
	if len(values) > 1 {
		return commerce.Event{}, refused(commerce.KindAuth, "malformed_header", "there is more than one "+SignatureHeader+" header")
	}
	var sig signature
	if err := sig.parse(values[0]); err != nil {
		return commerce.Event{}, err
	}
	age := v.config.Now().Sub(time.Unix(sig.time, 0))
	switch {
	case age > v.config.Tolerance:
		return commerce.Event{}, refused(commerce.KindAuth, "stale", "the signature is older than WebhookConfig.Tolerance")
	case age < -v.config.Tolerance:
		return commerce.Event{}, refused(commerce.KindAuth, "future", "the signature's time is ahead by more than WebhookConfig.Tolerance")
	}
	if !keys.signed(&sig, body) {
		return commerce.Event{}, refused(commerce.KindAuth, "bad_signature", "no signature was made with a secret of this endpoint")
	}
	return envelope(body, origin{v.config.Tenant, v.config.Account, v.config.Mode})
}

const opVerify = "verify webhook"

func refused(kind commerce.Kind, code, text string) *commerce.Error {
	return &commerce.Error{Kind: kind, System: system, Op: opVerify, Code: code, Text: text}
}

// signature is a parsed header: t=<unix>,v1=<hex>[,v1=<hex>…]. Other schemes are
// left out, and so is a v1 that is no SHA-256 in hex.
type signature struct {
	stamp string // the digits of t, as signed
	time  int64
	n     int
	v1    [maxSignatures][sha256.Size]byte
}

func (s *signature) parse(header string) error {
	rest, more := header, true
	for more {
		var part string
		part, rest, more = strings.Cut(rest, ",")
		scheme, value, ok := strings.Cut(part, "=")
		if !ok || strings.IndexByte(value, '=') >= 0 {
			return refused(commerce.KindAuth, "malformed_header", "a part of the header is not scheme=value")
		}
		switch scheme {
		case "t":
			t, err := strconv.ParseInt(value, 10, 64)
			if err != nil || t <= 0 || s.stamp != "" {
				return refused(commerce.KindAuth, "malformed_header", "the header's time is no number of seconds, or there are two")
			}
			s.stamp, s.time = value, t
		case "v1":
			if len(value) != hex.EncodedLen(sha256.Size) {
				continue
			}
			if s.n == maxSignatures {
				return refused(commerce.KindAuth, "malformed_header", fmt.Sprintf("the header has more than %d signatures", maxSignatures))
			}
			if unhex(&s.v1[s.n], value) {
				s.n++
			}
		}
	}
	if s.stamp == "" {
		return refused(commerce.KindAuth, "malformed_header", "the header has no time")
	}
	if s.n == 0 {
		return refused(commerce.KindAuth, "bad_signature", "the header has no v1 signature")
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
func (v *WebhookVerifier) keyring(secrets []commerce.Secret) (*keyring, *commerce.Error) {
	if k := v.keys.Load(); k != nil && slices.Equal(k.secrets, secrets) {
		return k, nil
	}
	if len(secrets) == 0 {
		return nil, refused(commerce.KindUnavailable, "empty_secret", "there is no signing secret")
	}
	k := &keyring{secrets: slices.Clone(secrets), pools: make([]sync.Pool, len(secrets))}
	for i, s := range secrets {
		if strings.TrimSpace(s.Reveal()) == "" {
			return nil, refused(commerce.KindUnavailable, "empty_secret", fmt.Sprintf("signing secret %d of %d is empty", i+1, len(secrets)))
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
