package magentoshop

import (
	"cmp"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/tidwall/gjson"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/magento"
)

// EventsConfig says whose deliveries of Adobe I/O Events are accepted. ClientID is required.
type EventsConfig struct {
	// ClientID is the client id of the project in Adobe's developer console, which every
	// delivery names as its recipient.
	ClientID string
	// Transport fetches Adobe's public keys. Defaults to http.DefaultTransport.
	Transport http.RoundTripper
	// Timeout bounds the fetch of one key. Defaults to 10 seconds.
	Timeout time.Duration
}

// Events tells deliveries of Adobe I/O Events from anybody else's: Adobe Commerce sends
// them some seconds after a change, in the cloud and on one's own machines, and Magento
// Open Source does not. Each becomes news of an order that only says look; it replaces no
// feed, as events may be lost.
//
// Register the endpoint with single deliveries, not batches, for events such as
// observer.sales_order_save_commit_after and observer.sales_order_shipment_save_commit_after
// with the fields entity_id and order_id. Events about anything else are stored and ignored.
//
// A delivery carries two signatures, RSA with SHA-256 over the body, and the paths of two
// keys at static.adobeioevents.com; one of the two has to hold, as keys are rolled
// (developer.adobe.com/events/docs/guides, Security Considerations, read 2026-11). The keys
// are kept for a day at most, as that page asks. Nothing signed says when: a delivery that
// is sent again is a duplicate by its id.
type Events struct {
	shop *Shop
	c    EventsConfig

	mu      sync.Mutex
	keys    map[string]adobeKey
	fetched []time.Time // fetches within the last minute
}

type adobeKey struct {
	key   *rsa.PublicKey
	until time.Time
}

const (
	eventsOp   = "verify event"
	adobeKeys  = "https://static.adobeioevents.com"
	keyLife    = 24 * time.Hour
	maxKeys    = 16
	maxFetches = 10 // a minute: whoever knows the client id could ask for more
	maxKeyText = 16 << 10
)

var adobeKeyPath = regexp.MustCompile(`^/prod/keys/pub-key-[A-Za-z0-9-]{1,64}\.pem$`)

var _ inbox.Verifier = (*Events)(nil)

// Events returns a verifier of Adobe's deliveries. An error is of kind invalid and names
// the field.
func (s *Shop) Events(c EventsConfig) (*Events, error) {
	switch {
	case c.ClientID == "":
		return nil, commerce.Errorf(commerce.KindInvalid, "magentoshop", "new events", "EventsConfig.ClientID is missing")
	case c.Timeout < 0:
		return nil, commerce.Errorf(commerce.KindInvalid, "magentoshop", "new events", "EventsConfig.Timeout must not be negative")
	}
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	return &Events{shop: s, c: c, keys: map[string]adobeKey{}}, nil
}

// Verify implements [inbox.Verifier]. Errors: kind auth, codes "other_recipient",
// "unsigned", "bad_key_path" and "bad_signature"; kind unavailable where a key can not be
// had; kind invalid, codes "malformed" and "batch".
func (v *Events) Verify(ctx context.Context, header http.Header, body []byte) (commerce.Event, error) {
	switch {
	case !gjson.ValidBytes(body):
		return commerce.Event{}, unproved(commerce.KindInvalid, eventsOp, "malformed", "the body is no JSON")
	case gjson.ParseBytes(body).IsArray():
		return commerce.Event{}, unproved(commerce.KindInvalid, eventsOp, "batch", "the body holds several events; register the endpoint for single deliveries")
	case gjson.GetBytes(body, "recipient_client_id").String() != v.c.ClientID:
		return commerce.Event{}, unproved(commerce.KindAuth, eventsOp, "other_recipient", "the event is for another client id")
	}
	last := unproved(commerce.KindAuth, eventsOp, "unsigned", "the delivery has no signature")
	for _, n := range []string{"1", "2"} {
		signature, path := header.Get("x-adobe-digital-signature-"+n), header.Get("x-adobe-public-key"+n+"-path")
		if signature == "" || path == "" {
			continue
		}
		key, err := v.key(ctx, path)
		if err != nil {
			last = err
			continue
		}
		if signed(key, body, signature) {
			return v.event(body)
		}
		last = unproved(commerce.KindAuth, eventsOp, "bad_signature", "no signature was made with Adobe's key")
	}
	return commerce.Event{}, last
}

// key returns one of Adobe's public keys.
func (v *Events) key(ctx context.Context, path string) (*rsa.PublicKey, error) {
	if !adobeKeyPath.MatchString(path) {
		return nil, unproved(commerce.KindAuth, eventsOp, "bad_key_path", "the delivery names a key that is none of Adobe's")
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.shop.c.Now()
	if k, ok := v.keys[path]; ok && now.Before(k.until) {
		return k.key, nil
	}
	v.fetched = slices.DeleteFunc(v.fetched, func(at time.Time) bool { return now.Sub(at) >= time.Minute })
	if len(v.fetched) >= maxFetches {
		return nil, unproved(commerce.KindUnavailable, eventsOp, "too_many_keys", "more keys were asked for within a minute than Adobe has")
	}
	v.fetched = append(v.fetched, now)
	ctx, cancel := context.WithTimeout(ctx, v.c.Timeout)
	defer cancel()
	text, err := v.fetch(ctx, path)
	if err != nil {
		return nil, unproved(commerce.KindUnavailable, eventsOp, "no_key", "Adobe's public key can not be had")
	}
	key, err := publicKey(text)
	if err != nil {
		return nil, unproved(commerce.KindUnavailable, eventsOp, "no_key", "what Adobe has under the key's path is no RSA key")
	}
	if len(v.keys) >= maxKeys {
		clear(v.keys)
	}
	v.keys[path] = adobeKey{key, now.Add(keyLife)}
	return key, nil
}

func (v *Events) fetch(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, adobeKeys+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := v.c.Transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, http.ErrNotSupported
	}
	return io.ReadAll(io.LimitReader(resp.Body, maxKeyText))
}

// aboutOrders are the events whose object is the order itself.
var aboutOrders = regexp.MustCompile(`\.sales_order_(save|place|delete)(_commit)?_(after|before)$`)

// event reads an event of the shop. Its fields are what the subscription sends; of them
// none but ids are read.
func (v *Events) event(body []byte) (commerce.Event, error) {
	var e struct {
		ID   string `json:"id"`
		Type string `json:"type"`
		Time string `json:"time"`
	}
	if err := json.Unmarshal(body, &e); err != nil || e.ID == "" || len(e.ID) > 100 || e.Type == "" {
		return commerce.Event{}, unproved(commerce.KindInvalid, eventsOp, "malformed", "the body has no id or type of an event")
	}
	order := orderID(body, "data.value.order_id")
	if order == 0 && aboutOrders.MatchString(e.Type) {
		if order = orderID(body, "data.value.entity_id"); order == 0 {
			order = orderID(body, "data.value.id")
		}
	}
	at, err := time.Parse(time.RFC3339, e.Time)
	if err != nil {
		at = v.shop.c.Now()
	}
	return v.shop.look(e.ID, e.Type, order, at.UTC()), nil
}

func orderID(body []byte, path string) magento.ID {
	id, err := magento.ParseID(gjson.GetBytes(body, path).String())
	if err != nil {
		return 0
	}
	return id
}

// Handler answers the request by which Adobe makes sure of an endpoint, a GET with a
// challenge, and passes all others on.
func (v *Events) Handler(next http.Handler) http.Handler {
	challenge := regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c := r.URL.Query().Get("challenge"); r.Method == http.MethodGet && challenge.MatchString(c) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"challenge":"`+c+`"}`)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// WebhookConfig says which calls of Commerce Webhooks are accepted. PublicKeys is required.
type WebhookConfig struct {
	// PublicKeys are the PEM texts of the keys under Stores, Configuration, Adobe Services,
	// Webhooks; two while the pair is made anew. There signing is off by default, and a call
	// that is not signed is refused.
	PublicKeys []string
	// Order is where the body has the order's entity id, as a path of names with dots.
	// Defaults to "order.entity_id".
	Order string
}

// Webhook tells calls of Commerce Webhooks from anybody else's. Adobe Commerce makes them
// while it works and waits for the answer, so that [Events] are the better choice where
// there is one: make the hook optional. Each call becomes news of an order that only says
// look.
//
// The signature is RSA with SHA-256 over the body in base64. So the examples of
// developer.adobe.com/commerce/extensibility/webhooks/signature-verification (read 2026-11)
// prove it, though the page calls it an HMAC. Nothing in it says when or which: equal calls
// within a second are one.
type Webhook struct {
	shop  *Shop
	order string
	keys  []*rsa.PublicKey
}

const webhookOp = "verify webhook"

var _ inbox.Verifier = (*Webhook)(nil)

// Webhook returns a verifier of Commerce Webhooks. An error is of kind invalid and names
// the field.
func (s *Shop) Webhook(c WebhookConfig) (*Webhook, error) {
	if len(c.PublicKeys) == 0 {
		return nil, commerce.Errorf(commerce.KindInvalid, "magentoshop", "new webhook", "WebhookConfig.PublicKeys is empty")
	}
	v := &Webhook{shop: s, order: cmp.Or(c.Order, "order.entity_id")}
	for i, text := range c.PublicKeys {
		key, err := publicKey([]byte(text))
		if err != nil {
			return nil, commerce.Errorf(commerce.KindInvalid, "magentoshop", "new webhook", "WebhookConfig.PublicKeys[%d] is no RSA key in PEM", i)
		}
		v.keys = append(v.keys, key)
	}
	return v, nil
}

// Verify implements [inbox.Verifier]. Errors: kind auth, codes "unsigned" and
// "bad_signature"; kind invalid, code "malformed", where the body names no order.
func (v *Webhook) Verify(_ context.Context, header http.Header, body []byte) (commerce.Event, error) {
	signature := header.Get("x-adobe-commerce-webhook-signature")
	if signature == "" {
		return commerce.Event{}, unproved(commerce.KindAuth, webhookOp, "unsigned", "the call has no signature; switch signing on in the shop")
	}
	text := []byte(base64.StdEncoding.EncodeToString(body))
	if !slices.ContainsFunc(v.keys, func(key *rsa.PublicKey) bool { return signed(key, text, signature) }) {
		return commerce.Event{}, unproved(commerce.KindAuth, webhookOp, "bad_signature", "the signature was not made with a key of WebhookConfig.PublicKeys")
	}
	order := orderID(body, v.order)
	if order == 0 {
		return commerce.Event{}, unproved(commerce.KindInvalid, webhookOp, "malformed", "the body has no order id at WebhookConfig.Order")
	}
	now := v.shop.c.Now().UTC().Truncate(time.Second)
	sum := sha256.Sum256(body)
	return v.shop.look(hex.EncodeToString(sum[:16])+"-"+strconv.FormatInt(now.Unix(), 10), "webhook", order, now), nil
}

// Handler answers what Adobe Commerce waits for where next answers 200, which is to go on
// unchanged, and passes other answers on.
func (v *Webhook) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&goOn{ResponseWriter: w}, r)
	})
}

// goOn puts the operation that Adobe Commerce waits for into an answer of 200.
type goOn struct{ http.ResponseWriter }

// WriteHeader implements [http.ResponseWriter].
func (w *goOn) WriteHeader(status int) {
	if status != http.StatusOK {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.ResponseWriter.WriteHeader(status)
	_, _ = io.WriteString(w.ResponseWriter, `{"op":"success"}`)
}

// look is the event of a push: that something happened to an order, and nothing else of
// what was sent. order is 0 for what is about none, which no handler is for.
func (s *Shop) look(id, kind string, order magento.ID, at time.Time) commerce.Event {
	raw, _ := json.Marshal(struct {
		Push  string     `json:"push"`
		Type  string     `json:"type"`
		Order magento.ID `json:"entity_id,omitempty"`
	}{id, kind, order})
	e := commerce.Event{Ref: s.origin.With(pushPrefix + id), Type: kind, Object: pushPrefix + id, Subject: pushPrefix + id, Created: at, Raw: raw}
	if order != 0 {
		e.Type, e.Object, e.Subject = OrderChanged, s.Ref(order).ID, s.Ref(order).ID
	}
	return e
}

func unproved(kind commerce.Kind, op, code, text string) error {
	return &commerce.Error{Kind: kind, System: System, Op: op, Code: code, Text: text}
}

func publicKey(text []byte) (*rsa.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, x509.ErrUnsupportedAlgorithm
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	if rsaKey, ok := key.(*rsa.PublicKey); ok {
		return rsaKey, nil
	}
	return nil, x509.ErrUnsupportedAlgorithm
}

// signed reports whether a signature in base64 over a text was made with a key.
func signed(key *rsa.PublicKey, text []byte, signature string) bool {
	raw, err := base64.StdEncoding.DecodeString(signature)
	sum := sha256.Sum256(text)
	return err == nil && rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw) == nil
}
