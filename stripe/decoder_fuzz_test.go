package stripe_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// answering is a far side that answers every request with one body.
type answering struct{ body []byte }

func (a *answering) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Request: r, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body))}, nil
}

func (a *answering) client(t require.TestingT) *stripe.Client {
	c, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: a,
		Resilience: resilience.Config{Retry: resilience.Retry{Attempts: 1}, Breaker: resilience.Breaker{Failures: 1 << 30}}})
	require.NoError(t, err)
	return c
}

// The nesting of an answer within MaxBody must not end the program.
func TestAnAnswerOfBracketsAloneIsUnreadable(t *testing.T) {
	t.Parallel()
	for _, bracket := range []string{"[", `{"":`} {
		far := answering{bytes.Repeat([]byte(bracket), 8<<20/len(bracket))}
		_, err := far.client(t).Refunds.Get(t.Context(), "re_1")
		require.Equal(t, "unreadable", codeOf(err), err)
	}
}

func TestTwoTextsThatAreWholeOnlyTogetherAreRefused(t *testing.T) {
	t.Parallel()
	now := newClock()
	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: secrets("whsec_1"), Now: now.Now})
	require.NoError(t, err)
	body := []byte("{\"id\":\"evt_1\xc3\",\"type\":\"\xa9\",\"created\":1,\"livemode\":true,\"data\":{\"object\":{}}}")
	_, err = hook.Verify(t.Context(), header(stripetest.Sign(now.Now(), body, "whsec_1")), body)
	require.Equal(t, "malformed", codeOf(err), err)
}

// FuzzEnvelope holds the reader of envelopes against the decoder of events: what both
// read is the same, and what is to be stored is text.
func FuzzEnvelope(f *testing.F) {
	now := newClock()
	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: secrets("whsec_1"), Now: now.Now})
	require.NoError(f, err)
	f.Add([]byte(chargeEvent))
	f.Add([]byte(`{"id":"evt_1","object":"v2.core.event","type":"v1.x","created":"2026-11-02T09:00:00Z","livemode":true,"context":"org_1/acct_2","related_object":{"id":"ch_1","type":"charge","url":"/"}}`))
	f.Add([]byte(`{"id":"e\u0076t_\"1\\","type":"x","created":1,"livemode":true,"data":{"object":{"id":"pi_1","object":"payment_intent"},"x":["}",{}]}}`))
	f.Add([]byte("{\"id\":\"evt_1\xc3\",\"type\":\"\xa9\",\"created\":1,\"livemode\":true,\"data\":{\"object\":{}}}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := hook.Verify(t.Context(), header(stripetest.Sign(now.Now(), body, "whsec_1")), body)
		if err == nil {
			for _, text := range []string{got.Ref.ID, got.Ref.Account, got.Type, got.Object, got.Subject, got.Person, got.APIVersion} {
				require.True(t, utf8.ValidString(text) && !strings.Contains(text, "\x00"), "%q", text)
			}
		}
		want, bad := stripe.DecodeEvent(body)
		if want == nil || !plain(body) {
			return
		}
		if err != nil {
			// The decoder takes more than Stripe sends: other forms of numbers, and half a
			// code point for the sign that stands for it.
			require.Contains(t, []string{"no_created", "malformed"}, codeOf(err), "%v, and decoded: %v", err, bad)
			return
		}
		require.Equal(t, want.ID, got.Ref.ID)
		require.Equal(t, want.Type, got.Type)
		require.Equal(t, want.APIVersion, got.APIVersion)
		require.Equal(t, want.Account, got.Ref.Account)
		require.Equal(t, want.Created, got.Created)
		require.Equal(t, want.Livemode, got.Ref.Mode == commerce.Live)
		if bad == nil && want.ObjectID != "" {
			require.Equal(t, want.ObjectID, got.Object)
		}
	})
}

// plain reports whether a document is UTF-8 and no object in it has two names that are
// one without regard to case: which of them counts, readers may differ about.
func plain(body []byte) bool {
	if !utf8.Valid(body) {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(body))
	return unambiguous(d)
}

func unambiguous(d *json.Decoder) bool {
	token, err := d.Token()
	if err != nil {
		return false
	}
	open, _ := token.(json.Delim)
	names := map[string]bool{}
	for open != 0 && d.More() {
		if open == '{' {
			name, err := d.Token()
			text, _ := name.(string)
			folded := strings.ToLower(strings.ToUpper(text))
			if err != nil || names[folded] || text != folded {
				return false
			}
			names[folded] = true
		}
		if !unambiguous(d) {
			return false
		}
	}
	if open != 0 {
		_, err = d.Token()
	}
	return err == nil
}

// kinds are the objects that events carry.
var kinds = []string{"account", "application_fee", "balance", "balance_transaction", "bank_account", "card", "charge", "checkout.session",
	"credit_note", "customer", "dispute", "fee_refund", "invoice", "invoice_payment", "invoiceitem", "item", "line_item", "payment_intent",
	"payment_link", "payment_method", "payout", "price", "product", "radar.early_fraud_warning", "refund", "reporting.report_run", "review",
	"setup_intent", "subscription", "subscription_item", "tax.calculation", "tax.transaction", "topup", "transfer", "transfer_reversal", "webhook_endpoint"}

// FuzzObject reads the fields of every kind of object: whatever they hold, they are
// read or refused, and an object that was kept has its secrets sealed.
func FuzzObject(f *testing.F) {
	for i, kind := range kinds {
		f.Add(uint8(i), []byte(`"id":"x_1","amount":1,"currency":"eur","status":"succeeded","created":1,"livemode":false`))
		f.Add(uint8(i), []byte(`"id":"x_1","client_secret":"pi_1_secret_2","charges":{"data":[{"id":"ch_1"}],"has_more":false},"data":[null],"object":"`+kind+`"`))
	}
	f.Add(uint8(slices.Index(kinds, "payment_intent")), []byte(`"id":"pi_1","amount":1,"currency":"eur","status":"succeeded","created":1,"livemode":false,"latest_charge":{"id":"ch_1","deleted":true},"client_secret" : "pi_1_secret_2","metadata":{"client_secret":"\"client_secret\":\""}`))
	f.Add(uint8(slices.Index(kinds, "invoice")), []byte(`"id":"in_1","lines":{"data":[{}],"has_more":true},"payments":{"data":[null]}`))
	f.Fuzz(func(t *testing.T, kind uint8, fields []byte) {
		object := `{"object":"` + kinds[int(kind)%len(kinds)] + `",` + string(fields) + `}`
		event := []byte(`{"id":"evt_1","type":"x","created":1,"livemode":false,"data":{"object":` + object + `}}`)
		e, err := stripe.DecodeEvent(event)
		if err != nil {
			require.Equal(t, commerce.KindInvalid, commerce.KindOf(err))
			return
		}
		require.True(t, json.Valid(event))
		again, err := stripe.DecodeEvent(event)
		require.NoError(t, err)
		require.Equal(t, e, again)
		if raw := rawOf(e.Object); raw != nil && plain(raw) {
			var tree any
			require.NoError(t, json.Unmarshal(raw, &tree))
			require.True(t, sealed(tree), "%s", raw)
		}
	})
}

func rawOf(object any) json.RawMessage {
	switch o := object.(type) {
	case *stripe.PaymentIntent:
		return o.Raw
	case *stripe.SetupIntent:
		return o.Raw
	case *stripe.CheckoutSession:
		return o.Raw
	case *stripe.Charge:
		return o.Raw
	}
	return nil
}

// sealed reports whether no client secret is to be read in a document.
func sealed(tree any) bool {
	switch node := tree.(type) {
	case map[string]any:
		for name, child := range node {
			if s, ok := child.(string); ok && name == "client_secret" && s != "[sealed]" {
				return false
			}
			if !sealed(child) {
				return false
			}
		}
	case []any:
		for _, child := range node {
			if !sealed(child) {
				return false
			}
		}
	}
	return true
}

// FuzzAnswer lets the far side answer with anything: one object, and a list of them.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{`{"id":"re_1","object":"refund","amount":1,"currency":"eur","status":"succeeded","created":1,"charge":"ch_1","balance_transaction":null}`,
		`{"data":[{"id":"re_1","object":"refund","amount":1,"currency":"eur","status":"succeeded","created":1}],"has_more":false}`,
		`{"data":[null],"has_more":false}`, `null`, `[]`, `{"data":{},"has_more":1}`, `{} {}`, ``, `"`, `{"data":[],"has_more":true}`} {
		f.Add([]byte(body))
	}
	far := &answering{}
	c := far.client(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		far.body = body
		one, err := c.Refunds.Get(t.Context(), "re_1")
		if err == nil {
			require.True(t, json.Valid(body))
			require.NotEmpty(t, one.ID)
		}
		for r, err := range c.Refunds.List(t.Context(), nil) {
			if err == nil {
				require.True(t, json.Valid(body))
				require.NotEmpty(t, r.ID)
			}
			if !json.Valid(body) {
				require.Error(t, err)
			}
			break // it may go on for ever
		}
	})
}

// FuzzBaseURL tries addresses: one that is taken leads to its own host, with the path
// of the call behind it.
func FuzzBaseURL(f *testing.F) {
	for _, s := range []string{"https://api.stripe.com", "http://[::1]:12111/", "https://a@b", "https://x?y", "https://x#y", "https://x/?", "https://:80", "//x", "https://x/%2f", "HTTPS://X"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, base string) {
		sent := &recorder{}
		c, err := stripe.NewClient(stripe.Config{BaseURL: base, Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: sent,
			Resilience: resilience.Config{Retry: resilience.Retry{Attempts: 1}}})
		if err != nil {
			require.Equal(t, commerce.KindInvalid, commerce.KindOf(err))
			return
		}
		_, err = c.Refunds.Get(t.Context(), "re_1")
		if sent.request == nil {
			require.Error(t, err)
			return
		}
		u := sent.request.URL
		require.NotEmpty(t, u.Hostname(), "%q", base)
		require.Nil(t, u.User)
		require.Empty(t, u.RawQuery)
		require.Empty(t, u.Fragment)
		require.True(t, strings.HasSuffix(u.Path, "/v1/refunds/re_1"), "%q leads to %q", base, u)
	})
}

// recorder notes a request and answers nothing.
type recorder struct{ request *http.Request }

func (r *recorder) RoundTrip(q *http.Request) (*http.Response, error) {
	if strings.HasPrefix(q.URL.Path, "/v1/balance") {
		return nil, io.ErrUnexpectedEOF
	}
	r.request = q
	return &http.Response{StatusCode: http.StatusNotFound, Request: q, Header: http.Header{}, Body: http.NoBody}, nil
}

func codeOf(err error) string {
	if e, ok := errors.AsType[*commerce.Error](err); ok {
		return e.Code
	}
	return ""
}
