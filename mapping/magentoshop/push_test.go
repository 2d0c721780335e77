package magentoshop_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping/magentoshop"
)

// pair is a key of the far side's.
var pair = sync.OnceValues(func() (*rsa.PrivateKey, string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		panic(err)
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
})

func sign(t *testing.T, text string) string {
	t.Helper()
	key, _ := pair()
	sum := sha256.Sum256([]byte(text))
	raw, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	require.NoError(t, err)
	return base64.StdEncoding.EncodeToString(raw)
}

const keyPath = "/prod/keys/pub-key-Ptc2pD9vT9.pem"

// adobe serves the public key under keyPath.
func adobe(asked *int) transport {
	return func(r *http.Request) (*http.Response, error) {
		*asked++
		_, text := pair()
		status := http.StatusOK
		if r.URL.String() != "https://static.adobeioevents.com"+keyPath {
			status = http.StatusNotFound
		}
		return &http.Response{StatusCode: status, Request: r, Body: io.NopCloser(strings.NewReader(text))}, nil
	}
}

const saved = `{"specversion":"1.0","id":"5f6c","source":"urn:uuid:1","type":"com.adobe.commerce.observer.sales_order_save_commit_after",
	"time":"2026-11-21T09:00:00Z","recipient_client_id":"client","data":{"value":{"entity_id":"17","customer_email":"ann@example.com"}}}`

func TestAnEventOfAdobesOnlySaysLook(t *testing.T) {
	t.Parallel()
	s := newStreet(t, streetConfig{})
	asked := 0
	v, err := s.shop.Events(magentoshop.EventsConfig{ClientID: "client", Transport: adobe(&asked)})
	require.NoError(t, err)
	for body, want := range map[string][3]string{
		saved: {"order.changed", "order/17", "push/5f6c"},
		`{"id":"a","type":"com.adobe.commerce.observer.sales_order_shipment_save_commit_after","recipient_client_id":"client","data":{"value":{"entity_id":5,"order_id":18}}}`: {"order.changed", "order/18", "push/a"},
		`{"id":"b","type":"com.adobe.commerce.observer.catalog_product_save_commit_after","recipient_client_id":"client","data":{"value":{"entity_id":5}}}`:                    {"com.adobe.commerce.observer.catalog_product_save_commit_after", "push/b", "push/b"},
		`{"id":"c","type":"com.adobe.commerce.observer.sales_order_shipment_save_commit_after","recipient_client_id":"client","data":{"value":{"entity_id":5}}}`:               {"com.adobe.commerce.observer.sales_order_shipment_save_commit_after", "push/c", "push/c"},
	} {
		header := http.Header{}
		header.Set("x-adobe-digital-signature-2", sign(t, body))
		header.Set("x-adobe-public-key2-path", keyPath)
		header.Set("x-adobe-digital-signature-1", sign(t, "another key signed this"))
		header.Set("x-adobe-public-key1-path", keyPath)
		e, err := v.Verify(t.Context(), header, []byte(body))
		require.NoError(t, err)
		require.Equal(t, want, [3]string{e.Type, e.Subject, e.Ref.ID})
		require.Equal(t, e.Subject, e.Object)
		require.NotContains(t, string(e.Raw), "ann")
		require.Equal(t, "main", e.Ref.Account)
	}
	require.Equal(t, 1, asked, "the key is kept")
	s.now = s.now.Add(25 * time.Hour)
	header := http.Header{"X-Adobe-Digital-Signature-1": {sign(t, saved)}, "X-Adobe-Public-Key1-Path": {keyPath}}
	_, err = v.Verify(t.Context(), header, []byte(saved))
	require.NoError(t, err)
	require.Equal(t, 2, asked, "for a day")
}

func TestWhatIsNotAdobesIsRefused(t *testing.T) {
	t.Parallel()
	s := newStreet(t, streetConfig{})
	asked := 0
	v, err := s.shop.Events(magentoshop.EventsConfig{ClientID: "client", Transport: adobe(&asked)})
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		body, signature, path, code string
		kind                        commerce.Kind
	}{
		"no signature":                     {saved, "", "", "unsigned", commerce.KindAuth},
		"a signature over something else":  {saved, sign(t, saved+" "), keyPath, "bad_signature", commerce.KindAuth},
		"no base64":                        {saved, "%%%", keyPath, "bad_signature", commerce.KindAuth},
		"another client id":                {strings.Replace(saved, `"client"`, `"other"`, 1), sign(t, saved), keyPath, "other_recipient", commerce.KindAuth},
		"no client id":                     {`{"id":"1","type":"x"}`, sign(t, `{"id":"1","type":"x"}`), keyPath, "other_recipient", commerce.KindAuth},
		"a key at another place":           {saved, sign(t, saved), "/prod/keys/../../evil.pem", "bad_key_path", commerce.KindAuth},
		"a key at another host":            {saved, sign(t, saved), "@evil.example/prod/keys/pub-key-1.pem", "bad_key_path", commerce.KindAuth},
		"a key that Adobe does not have":   {saved, sign(t, saved), "/prod/keys/pub-key-1.pem", "no_key", commerce.KindUnavailable},
		"a batch":                          {"[" + saved + "]", sign(t, saved), keyPath, "batch", commerce.KindInvalid},
		"no JSON":                          {"hello", sign(t, "hello"), keyPath, "malformed", commerce.KindInvalid},
		"an event without an id, but true": {`{"type":"x","recipient_client_id":"client"}`, sign(t, `{"type":"x","recipient_client_id":"client"}`), keyPath, "malformed", commerce.KindInvalid},
	} {
		header := http.Header{}
		if tc.signature != "" {
			header.Set("x-adobe-digital-signature-1", tc.signature)
			header.Set("x-adobe-public-key1-path", tc.path)
		}
		_, err := v.Verify(t.Context(), header, []byte(tc.body))
		var e *commerce.Error
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, tc.code, e.Code, name)
		require.Equal(t, tc.kind, e.Kind, name)
	}
	before := asked
	for n := range 100 {
		header := http.Header{"X-Adobe-Digital-Signature-1": {"eA=="}, "X-Adobe-Public-Key1-Path": {"/prod/keys/pub-key-" + strings.Repeat("a", n%60+1) + ".pem"}}
		_, err := v.Verify(t.Context(), header, []byte(saved))
		require.Error(t, err)
	}
	require.LessOrEqual(t, asked-before, 10, "forgers do not make us ask Adobe without end")
}

func TestAdobeMakesSureOfAnEndpoint(t *testing.T) {
	t.Parallel()
	s := newStreet(t, streetConfig{})
	v, err := s.shop.Events(magentoshop.EventsConfig{ClientID: "client", Transport: adobe(new(int))})
	require.NoError(t, err)
	h := v.Handler(s.feeds["changes"].Receive(v))
	get := func(url string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, url, nil))
		return w
	}
	require.JSONEq(t, `{"challenge":"8ec8d794-e0ab"}`, get("/hooks?challenge=8ec8d794-e0ab").Body.String())
	require.Equal(t, http.StatusMethodNotAllowed, get("/hooks?challenge=%3Cscript%3E").Code)
	require.Equal(t, http.StatusMethodNotAllowed, get("/hooks").Code)
	post := httptest.NewRequest(http.MethodPost, "/hooks", strings.NewReader(saved))
	post.Header.Set("x-adobe-digital-signature-1", sign(t, saved))
	post.Header.Set("x-adobe-public-key1-path", keyPath)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, post)
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, []string{"order.changed push/5f6c"}, s.stored())
	told, err := s.store.Told(t.Context(), s.shop.Ref(1).With("order/"), "", 10)
	require.NoError(t, err)
	require.Empty(t, told, "a push tells of no revision")
}

func TestAWebhookOfCommerceIsProvedByTheShopsKey(t *testing.T) {
	t.Parallel()
	s := newStreet(t, streetConfig{})
	_, text := pair()
	v, err := s.shop.Webhook(magentoshop.WebhookConfig{PublicKeys: []string{text}})
	require.NoError(t, err)
	h := v.Handler(s.feeds["changes"].Receive(v))
	post := func(body, signature string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/hooks", bytes.NewReader([]byte(body)))
		if signature != "" {
			r.Header.Set("x-adobe-commerce-webhook-signature", signature)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	encoded := func(body string) string { return base64.StdEncoding.EncodeToString([]byte(body)) }
	body := `{"order":{"entity_id":17,"customer_email":"ann@example.com"}}`
	require.Equal(t, http.StatusUnauthorized, post(body, "").Code, "unsigned calls are refused")
	require.Equal(t, http.StatusUnauthorized, post(body, sign(t, body)).Code, "the text in base64 is what is signed")
	require.Equal(t, http.StatusUnauthorized, post(body+" ", sign(t, encoded(body))).Code)
	none := `{"order":{"total":1}}`
	require.Equal(t, http.StatusBadRequest, post(none, sign(t, encoded(none))).Code)
	require.Empty(t, s.stored())

	w := post(body, sign(t, encoded(body)))
	require.Equal(t, http.StatusOK, w.Code)
	require.JSONEq(t, `{"op":"success"}`, w.Body.String(), "the shop waits for this")
	require.Len(t, s.stored(), 1)
	post(body, sign(t, encoded(body)))
	require.Empty(t, s.stored(), "equal calls within a second are one")
	s.now = s.now.Add(time.Second)
	post(body, sign(t, encoded(body)))
	require.Len(t, s.stored(), 1)
	for e, err := range s.store.List(t.Context(), inbox.Filter{}) {
		require.NoError(t, err)
		require.Equal(t, []string{"order.changed", "order/17"}, []string{e.Event.Type, e.Event.Subject})
	}
	raw, err := s.store.Get(t.Context(), 1)
	require.NoError(t, err)
	require.NotContains(t, string(raw.Event.Raw), "ann")
}

func TestAFeedOrAVerifierWithABadConfigNamesTheField(t *testing.T) {
	t.Parallel()
	s := newStreet(t, streetConfig{}).shop
	_, lag := s.Changes(magentoshop.ChangesConfig{Lag: -1})
	_, open := s.Changes(magentoshop.ChangesConfig{Open: []string{"new,closed"}})
	_, newest := s.Sweep(magentoshop.SweepConfig{Newest: -1})
	_, every := s.Sweep(magentoshop.SweepConfig{Every: -1})
	_, deleted := s.Sweep(magentoshop.SweepConfig{MaxDeleted: -1})
	_, recent := s.Returns(magentoshop.ReturnsConfig{Recent: -1})
	_, client := s.Events(magentoshop.EventsConfig{})
	_, timeout := s.Events(magentoshop.EventsConfig{ClientID: "c", Timeout: -1})
	_, keys := s.Webhook(magentoshop.WebhookConfig{})
	_, key := s.Webhook(magentoshop.WebhookConfig{PublicKeys: []string{"-----BEGIN"}})
	for field, err := range map[string]error{"ChangesConfig.Lag": lag, "ChangesConfig.Open[0]": open, "SweepConfig.Newest": newest, "SweepConfig.Every": every,
		"SweepConfig.MaxDeleted": deleted, "ReturnsConfig.Recent": recent, "EventsConfig.ClientID": client, "EventsConfig.Timeout": timeout,
		"WebhookConfig.PublicKeys": keys, "WebhookConfig.PublicKeys[0]": key} {
		require.ErrorIs(t, err, commerce.ErrInvalid, field)
		require.ErrorContains(t, err, field)
	}
}
