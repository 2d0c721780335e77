package stripe_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	stripego "github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/webhook"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

func secrets(texts ...string) commerce.Credentials[[]commerce.Secret] {
	var out []commerce.Secret
	for _, s := range texts {
		out = append(out, commerce.NewSecret(s))
	}
	return commerce.Static(out)
}

// changing hands out whatever its pointer holds.
type changing struct {
	now *[]commerce.Secret
	err error
}

func (c changing) Current(context.Context) ([]commerce.Secret, error) { return *c.now, c.err }
func (c changing) Rejected(context.Context, []commerce.Secret) error  { return nil }

const chargeEvent = `{"id":"evt_1","object":"event","api_version":"2023-10-16","created":1793610000,"livemode":false,
 "data":{"object":{"id":"ch_1","object":"charge","customer":"cus_1","payment_intent":"pi_1","metadata":{"id":"no","note":"a \"quoted\" \\"},
 "refunds":{"data":[{"id":"re_1","charge":"ch_9"}]}},"previous_attributes":{"id":"old"}},"type":"charge.succeeded","request":{"id":"req_1"}}`

func header(values ...string) http.Header { return http.Header{stripe.SignatureHeader: values} }

func TestWhichDeliveriesAreAccepted(t *testing.T) {
	t.Parallel()
	now := newClock()
	body := []byte(chargeEvent)
	sign := func(age time.Duration, secrets ...string) http.Header {
		return header(stripetest.Sign(now.Now().Add(-age), body, secrets...))
	}
	good := sign(0, "whsec_1").Get(stripe.SignatureHeader)
	stamp, mac, _ := strings.Cut(good, ",v1=")
	for _, tc := range []struct {
		name    string
		secrets []string
		header  http.Header
		body    string
		code    string // empty = accepted
	}{
		{"signed with the secret", []string{"whsec_1"}, sign(0, "whsec_1"), "", ""},
		{"the same delivery again: telling twins apart is the inbox's work", []string{"whsec_1"}, sign(0, "whsec_1"), "", ""},
		{"signed with the second of our secrets", []string{"whsec_0", "whsec_1"}, sign(0, "whsec_1"), "", ""},
		{"rolled: both secrets sign, we know the old one", []string{"whsec_1"}, sign(0, "whsec_2", "whsec_1"), "", ""},
		{"rolled: both secrets sign, we know the new one", []string{"whsec_2"}, sign(0, "whsec_2", "whsec_1"), "", ""},
		{"as old as allowed", []string{"whsec_1"}, sign(5*time.Minute, "whsec_1"), "", ""},
		{"as far in the future as allowed", []string{"whsec_1"}, sign(-5*time.Minute, "whsec_1"), "", ""},
		{"an unknown scheme beside a good signature", []string{"whsec_1"}, header(good + ",v0=abc"), "", ""},
		{"a v1 that is no hex beside a good signature", []string{"whsec_1"}, header(stamp + ",v1=" + strings.Repeat("z", 64) + ",v1=" + mac), "", ""},

		{"no header", []string{"whsec_1"}, http.Header{}, "", "unsigned"},
		{"an empty header", []string{"whsec_1"}, header(""), "", "unsigned"},
		{"two headers", []string{"whsec_1"}, header(good, good), "", "malformed_header"},
		{"another secret", []string{"whsec_9"}, sign(0, "whsec_1"), "", "bad_signature"},
		{"the empty secret", []string{"whsec_1"}, sign(0, ""), "", "bad_signature"},
		{"another body", []string{"whsec_1"}, sign(0, "whsec_1"), chargeEvent + " ", "bad_signature"},
		{"another time", []string{"whsec_1"}, header(fmt.Sprintf("t=%d,v1=%s", now.Now().Unix()-1, mac)), "", "bad_signature"},
		{"only a v0", []string{"whsec_1"}, header(stamp + ",v0=" + mac), "", "bad_signature"},
		{"a short signature", []string{"whsec_1"}, header(stamp + ",v1=" + mac[:62]), "", "bad_signature"},
		{"too old", []string{"whsec_1"}, sign(5*time.Minute+time.Second, "whsec_1"), "", "stale"},
		{"too far in the future", []string{"whsec_1"}, sign(-5*time.Minute-time.Second, "whsec_1"), "", "future"},
		{"no time", []string{"whsec_1"}, header("v1=" + mac), "", "malformed_header"},
		{"two times", []string{"whsec_1"}, header(stamp + "," + stamp + ",v1=" + mac), "", "malformed_header"},
		{"a time that is no number", []string{"whsec_1"}, header("t=now,v1=" + mac), "", "malformed_header"},
		{"a part without =", []string{"whsec_1"}, header(good + ",v1"), "", "malformed_header"},
		{"a part with two =", []string{"whsec_1"}, header(good + ",a=b=c"), "", "malformed_header"},
		{"a trailing comma", []string{"whsec_1"}, header(good + ","), "", "malformed_header"},
		{"seventeen signatures", []string{"whsec_1"}, header(stamp + strings.Repeat(",v1="+mac, 17)), "", "malformed_header"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: secrets(tc.secrets...), Account: "acct_1", Tenant: "t1", Now: now.Now})
			require.NoError(t, err)
			raw := body
			if tc.body != "" {
				raw = []byte(tc.body)
			}
			e, err := hook.Verify(t.Context(), tc.header, raw)
			if tc.code != "" {
				require.ErrorIs(t, err, commerce.ErrAuth)
				require.Equal(t, tc.code, err.(*commerce.Error).Code)
				require.Empty(t, e)
				return
			}
			require.NoError(t, err)
			require.Equal(t, commerce.Event{
				Ref:  commerce.Ref{Tenant: "t1", System: "stripe", Account: "acct_1", Mode: commerce.Test, ID: "evt_1"},
				Type: "charge.succeeded", Object: "ch_1", Subject: "pi_1", Person: "cus_1", APIVersion: "2023-10-16",
				Created: time.Unix(1793610000, 0).UTC(), Raw: body,
			}, e)
		})
	}
}

func TestWhatIsReadFromAnEvent(t *testing.T) {
	t.Parallel()
	type want struct {
		account, object, subject, person, version string
		mode                                      commerce.Mode
	}
	event := func(rest string) string {
		return `{"id":"evt_1","object":"event","type":"x.y","created":1,"livemode":false` + rest + `}`
	}
	for _, tc := range []struct {
		name string
		body string
		code string
		want want
	}{
		{"a charge without an intent", event(`,"data":{"object":{"id":"ch_1","object":"charge","payment_intent":null}}`), "",
			want{"acct_1", "ch_1", "ch_1", "", "", commerce.Test}},
		{"a refund", event(`,"data":{"object":{"object":"refund","id":"re_1","charge":"ch_1","payment_intent":"pi_1"}}`), "",
			want{"acct_1", "re_1", "pi_1", "", "", commerce.Test}},
		{"a refund of a charge without an intent", event(`,"data":{"object":{"object":"refund","id":"re_1","charge":"ch_1"}}`), "",
			want{"acct_1", "re_1", "ch_1", "", "", commerce.Test}},
		{"an intent", event(`,"data":{"object":{"object":"payment_intent","id":"pi_1","customer":{"id":"cus_1","email":"e"}}}`), "",
			want{"acct_1", "pi_1", "pi_1", "cus_1", "", commerce.Test}},
		{"a session before anybody paid", event(`,"data":{"object":{"object":"checkout.session","id":"cs_1","payment_intent":null}}`), "",
			want{"acct_1", "cs_1", "cs_1", "", "", commerce.Test}},
		{"a session that was paid", event(`,"data":{"object":{"object":"checkout.session","id":"cs_1","payment_intent":{"id":"pi_1"}}}`), "",
			want{"acct_1", "cs_1", "pi_1", "", "", commerce.Test}},
		{"a customer", event(`,"data":{"object":{"object":"customer","id":"cus_1"}}`), "",
			want{"acct_1", "cus_1", "cus_1", "cus_1", "", commerce.Test}},
		{"an event of a connected account", event(`,"account":"acct_2","data":{"object":{"id":"po_1","object":"payout"}}`), "",
			want{"acct_2", "po_1", "po_1", "", "", commerce.Test}},
		{"an object without an id", event(`,"data":{"object":{"object":"invoice"}}`), "",
			want{"acct_1", "", "evt_1", "", "", commerce.Test}},
		{"no data", event(``), "", want{"acct_1", "", "evt_1", "", "", commerce.Test}},
		{"a version that is null", event(`,"api_version":null`), "", want{"acct_1", "", "evt_1", "", "", commerce.Test}},
		{"a version of tomorrow", event(`,"api_version":"2031-01-01.zinnia"`), "", want{"acct_1", "", "evt_1", "", "2031-01-01.zinnia", commerce.Test}},
		{"an escaped id", event(`,"account":"acct\u005f3"`), "", want{"acct_3", "", "evt_1", "", "", commerce.Test}},
		{"a live event", strings.Replace(event(``), "false", "true", 1), "", want{"acct_1", "", "evt_1", "", "", commerce.Live}},
		{"a thin event", `{"id":"evt_1","object":"v2.core.event","type":"v1.charge.succeeded","created":"1970-01-01T00:00:01.000Z","livemode":false,
			"context":"org_1/acct_2","related_object":{"id":"ch_1","type":"charge","url":"/v1/charges/ch_1"}}`, "",
			want{"acct_2", "ch_1", "ch_1", "", "", commerce.Test}},

		{"no JSON", `hello`, "malformed", want{}},
		{"nothing", ``, "malformed", want{}},
		{"a list", `[]`, "malformed", want{}},
		{"half an event", event(``)[:40], "malformed", want{}},
		{"something after the event", event(``) + "x", "malformed", want{}},
		{"no id", `{"type":"x","created":1,"livemode":false}`, "no_id", want{}},
		{"no type", `{"id":"evt_1","created":1,"livemode":false}`, "no_type", want{}},
		{"no time", `{"id":"evt_1","type":"x","livemode":false}`, "no_created", want{}},
		{"a time nobody can read", `{"id":"evt_1","type":"x","created":"soon","livemode":false}`, "no_created", want{}},
		{"no mode", `{"id":"evt_1","type":"x","created":1}`, "no_livemode", want{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			now := newClock()
			hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: secrets("whsec_1"), Account: "acct_1", Now: now.Now})
			require.NoError(t, err)
			e, err := hook.Verify(t.Context(), header(stripetest.Sign(now.Now(), []byte(tc.body), "whsec_1")), []byte(tc.body))
			if tc.code != "" {
				require.ErrorIs(t, err, commerce.ErrInvalid)
				require.Equal(t, tc.code, err.(*commerce.Error).Code)
				return
			}
			require.NoError(t, err)
			require.Equal(t, "evt_1", e.Ref.ID)
			require.Equal(t, time.Unix(1, 0).UTC(), e.Created)
			require.Equal(t, tc.want, want{e.Ref.Account, e.Object, e.Subject, e.Person, e.APIVersion, e.Ref.Mode})
			require.Equal(t, tc.body, string(e.Raw))
		})
	}
}

func TestAnEventOfTheOtherModeIsRefused(t *testing.T) {
	t.Parallel()
	now := newClock()
	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: secrets("whsec_1"), Mode: commerce.Live, Now: now.Now})
	require.NoError(t, err)
	_, err = hook.Verify(t.Context(), header(stripetest.Sign(now.Now(), []byte(chargeEvent), "whsec_1")), []byte(chargeEvent))
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.Equal(t, "mode_mismatch", err.(*commerce.Error).Code)
}

func TestWebhookNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		config stripe.WebhookConfig
		field  string
	}{
		{"no secrets", stripe.WebhookConfig{}, "Secrets"},
		{"an empty list", stripe.WebhookConfig{Secrets: secrets()}, "Secrets"},
		{"an empty secret", stripe.WebhookConfig{Secrets: secrets("whsec_1", "")}, "secret 2 of 2 is empty"},
		{"a negative tolerance", stripe.WebhookConfig{Secrets: secrets("whsec_1"), Tolerance: -1}, "Tolerance"},
		{"an unknown mode", stripe.WebhookConfig{Secrets: secrets("whsec_1"), Mode: "prod"}, "Mode"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := stripe.Webhook(tc.config)
			require.ErrorIs(t, err, commerce.ErrInvalid)
			require.ErrorContains(t, err, tc.field)
			require.NotContains(t, err.Error(), "whsec")
		})
	}
}

func TestSecretsRotateWithoutARestart(t *testing.T) {
	t.Parallel()
	now := newClock()
	list := []commerce.Secret{commerce.NewSecret("whsec_1")}
	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: changing{now: &list}, Now: now.Now})
	require.NoError(t, err)
	verify := func(secret string) error {
		_, err := hook.Verify(t.Context(), header(stripetest.Sign(now.Now(), []byte(chargeEvent), secret)), []byte(chargeEvent))
		return err
	}
	require.NoError(t, verify("whsec_1"))
	list = []commerce.Secret{commerce.NewSecret("whsec_2")}
	require.NoError(t, verify("whsec_2"))
	require.ErrorIs(t, verify("whsec_1"), commerce.ErrAuth)

	list = []commerce.Secret{commerce.NewSecret("")}
	require.ErrorIs(t, verify(""), commerce.ErrUnavailable, "a secret that became empty lets nobody in")
}

func TestWithoutSecretsAtHandADeliveryIsAskedForAgain(t *testing.T) {
	t.Parallel()
	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: changing{now: &[]commerce.Secret{},
		err: &commerce.Error{Kind: commerce.KindAuth, Err: errors.New("the vault refuses us")}}})
	require.NoError(t, err)
	_, err = hook.Verify(t.Context(), header("t=1,v1=a"), []byte(chargeEvent))
	require.ErrorIs(t, err, commerce.ErrUnavailable)
}

func FuzzVerify(f *testing.F) {
	now := newClock()
	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: secrets("whsec_1"), Now: now.Now})
	require.NoError(f, err)
	f.Add(stripetest.Sign(now.Now(), []byte(chargeEvent), "whsec_1"), chargeEvent)
	f.Add("t=1,v1=abc", "{}")
	f.Add("t=1,v1=abc", `{"id":"evt_1","type":"x","created":1,"livemode":true,"data":{"object":{"customer":{"id":"cus_1"}}}}`)
	f.Add("t=1793610000,v1=,v0=x,=,", `{"id":`)
	f.Fuzz(func(t *testing.T, sig, body string) {
		// Nobody without the secret gets in, and nothing makes it panic.
		if _, err := hook.Verify(t.Context(), header(sig), []byte(body)); err == nil {
			require.Equal(t, chargeEvent, body)
		}
		// What is signed is read like encoding/json reads it, or refused.
		e, err := hook.Verify(t.Context(), header(stripetest.Sign(now.Now(), []byte(body), "whsec_1")), []byte(body))
		if err != nil {
			return
		}
		require.NotEmpty(t, e.Ref.ID)
		require.NotEmpty(t, e.Type)
		require.NotEmpty(t, e.Subject)
		require.NotEmpty(t, e.Ref.Mode)
		var all map[string]json.RawMessage
		if json.Unmarshal([]byte(body), &all) != nil {
			return // bad JSON inside what nobody reads
		}
		for name, got := range map[string]string{"id": e.Ref.ID, "type": e.Type} {
			var want string
			require.NoError(t, json.Unmarshal(all[name], &want))
			require.Equal(t, want, got)
		}
	})
}

// BenchmarkVerify reads a signed event of 4 kB; ConstructEvent is stripe-go's way,
// for comparison.
func BenchmarkVerify(b *testing.B) {
	now := newClock()
	fake, err := stripetest.New(stripetest.Config{Now: now.Now})
	require.NoError(b, err)
	_, err = fake.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur", Metadata: map[string]string{
		"order": "17", "a": strings.Repeat("x", 450), "b": strings.Repeat("x", 450), "c": strings.Repeat("x", 450)}})
	require.NoError(b, err)
	body := []byte(fake.Events()[1].Raw)
	sig := stripetest.Sign(now.Now(), body, "whsec_1")
	h := header(sig)
	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: secrets("whsec_1"), Now: now.Now})
	require.NoError(b, err)
	b.Run("Verify", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			if _, err := hook.Verify(b.Context(), h, body); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ConstructEvent", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(body)))
		var e stripego.Event
		for b.Loop() {
			var err error
			if e, err = webhook.ConstructEventWithOptions(body, sig, "whsec_1", webhook.ConstructEventOptions{IgnoreTolerance: true}); err != nil {
				b.Fatal(err)
			}
		}
		_ = e
	})
}

func TestVerifyAllocatesLittle(t *testing.T) {
	now := newClock()
	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: secrets("whsec_1"), Now: now.Now})
	require.NoError(t, err)
	body := []byte(chargeEvent)
	h := header(stripetest.Sign(now.Now(), body, "whsec_1"))
	n := testing.AllocsPerRun(100, func() {
		if _, err := hook.Verify(context.Background(), h, body); err != nil {
			t.Fatal(err)
		}
	})
	require.LessOrEqual(t, n, 4.0)
}
