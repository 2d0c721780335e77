package inbox_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/inbox/inboxtest"
)

var shop = commerce.Ref{Tenant: "t1", System: "magento", Account: "main", Mode: commerce.Live}

func pushSecrets(texts ...string) commerce.Credentials[[]commerce.Secret] {
	var out []commerce.Secret
	for _, s := range texts {
		out = append(out, commerce.NewSecret(s))
	}
	return commerce.Static(out)
}

func newPush(t *testing.T) *inbox.Push {
	t.Helper()
	p, err := inbox.NewPush(inbox.PushConfig{Secrets: pushSecrets("new", "old"), Origin: shop, Now: func() time.Time { return epoch }})
	require.NoError(t, err)
	return p
}

func pushed(at time.Time, body string, secrets ...string) http.Header {
	return http.Header{inbox.PushHeader: {inboxtest.SignPush(at, []byte(body), secrets...)}}
}

func TestAPushSaysWhereToLookAndNothingElse(t *testing.T) {
	t.Parallel()
	p, at := newPush(t), epoch.Add(-time.Minute)
	verify := func(at time.Time, body string) commerce.Event {
		t.Helper()
		e, err := p.Verify(t.Context(), pushed(at, body, "old"), []byte(body))
		require.NoError(t, err)
		return e
	}
	order := verify(at, `{"object":"order/17"}`)
	require.True(t, strings.HasPrefix(order.Ref.ID, "push/"))
	require.Equal(t, commerce.Event{Ref: shop.With(order.Ref.ID), Type: "order.changed", Object: "order/17", Subject: "order/17",
		Created: at, Raw: []byte(`{"object":"order/17"}`)}, order)
	back := verify(at, `{"object":"return/5","order":"order/17","id":"5f6c"}`)
	require.Equal(t, commerce.Event{Ref: shop.With("push/5f6c"), Type: "return.changed", Object: "return/5", Subject: "order/17",
		Created: at, Raw: []byte(`{"object":"return/5","order":"order/17","id":"5f6c"}`)}, back)

	require.Equal(t, order.Ref, verify(at, `{"object":"order/17"}`).Ref, "the same push again is the same event")
	require.NotEqual(t, order.Ref, verify(at.Add(time.Second), `{"object":"order/17"}`).Ref, "a later one is another")
	require.NotEqual(t, order.Ref, verify(at, `{"object":"order/18"}`).Ref)
	require.Equal(t, back.Ref, verify(at.Add(time.Second), `{"object":"return/5","order":"order/17","id":"5f6c"}`).Ref,
		"a push with an id is one event, however signed")
}

func TestWhichPushesAreAccepted(t *testing.T) {
	t.Parallel()
	const good = `{"object":"order/17"}`
	stamp, mac, _ := strings.Cut(inboxtest.SignPush(epoch, []byte(good), "new"), ",v1=")
	header := func(values ...string) http.Header { return http.Header{inbox.PushHeader: values} }
	for name, c := range map[string]struct {
		header http.Header
		body   string
		kind   commerce.Kind // empty = accepted
		code   string
	}{
		"a good one":                    {body: good},
		"one of both secrets":           {header: pushed(epoch, good, "other", "old"), body: good},
		"four minutes old":              {header: pushed(epoch.Add(-4*time.Minute), good, "new"), body: good},
		"four minutes ahead":            {header: pushed(epoch.Add(4*time.Minute), good, "new"), body: good},
		"six minutes old":               {header: pushed(epoch.Add(-6*time.Minute), good, "new"), body: good, kind: commerce.KindAuth, code: "stale"},
		"six minutes ahead":             {header: pushed(epoch.Add(6*time.Minute), good, "new"), body: good, kind: commerce.KindAuth, code: "future"},
		"another secret":                {header: pushed(epoch, good, "other"), body: good, kind: commerce.KindAuth, code: "bad_signature"},
		"the empty secret":              {header: pushed(epoch, good, ""), body: good, kind: commerce.KindAuth, code: "bad_signature"},
		"another body":                  {header: pushed(epoch, good, "new"), body: good + " ", kind: commerce.KindAuth, code: "bad_signature"},
		"another time":                  {header: header("t=1," + "v1=" + mac), body: good, kind: commerce.KindAuth, code: "stale"},
		"no signature":                  {header: header(stamp), body: good, kind: commerce.KindAuth, code: "bad_signature"},
		"no header":                     {header: http.Header{}, body: good, kind: commerce.KindAuth, code: "unsigned"},
		"two headers":                   {header: header(stamp+",v1="+mac, stamp+",v1="+mac), body: good, kind: commerce.KindAuth, code: "malformed_header"},
		"no JSON":                       {body: `order/17`, kind: commerce.KindInvalid, code: "malformed"},
		"two objects":                   {body: good + good, kind: commerce.KindInvalid, code: "malformed"},
		"what nobody asked for":         {body: `{"object":"order/17","email":"a@example.com"}`, kind: commerce.KindInvalid, code: "malformed"},
		"a number for a text":           {body: `{"object":17}`, kind: commerce.KindInvalid, code: "malformed"},
		"an id with a line break":       {body: `{"object":"order/17","id":"a\nb"}`, kind: commerce.KindInvalid, code: "malformed"},
		"nothing":                       {body: `{}`, kind: commerce.KindInvalid, code: "no_object"},
		"an object of another kind":     {body: `{"object":"product/17"}`, kind: commerce.KindInvalid, code: "no_object"},
		"an order without a number":     {body: `{"object":"order/"}`, kind: commerce.KindInvalid, code: "no_object"},
		"a number with a nought before": {body: `{"object":"order/017"}`, kind: commerce.KindInvalid, code: "no_object"},
		"a return of such an order":     {body: `{"object":"return/5","order":"order/017"}`, kind: commerce.KindInvalid, code: "no_order"},
		"an order of another order":     {body: `{"object":"order/17","order":"order/18"}`, kind: commerce.KindInvalid, code: "no_object"},
		"a revision":                    {body: `{"object":"order/17@3"}`, kind: commerce.KindInvalid, code: "no_object"},
		"a return without its order":    {body: `{"object":"return/5"}`, kind: commerce.KindInvalid, code: "no_order"},
		"more than a push has to say":   {body: `{"object":"order/17","id":"` + strings.Repeat("1", 5000) + `"}`, kind: commerce.KindInvalid, code: "too_long"},
		"an id that is longer than one": {body: `{"object":"order/17","id":"` + strings.Repeat("1", 201) + `"}`, kind: commerce.KindInvalid, code: "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.header == nil {
				c.header = pushed(epoch, c.body, "new")
			}
			_, err := newPush(t).Verify(t.Context(), c.header, []byte(c.body))
			if c.kind == "" {
				require.NoError(t, err)
				return
			}
			e, ok := errors.AsType[*commerce.Error](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, c.kind, e.Kind, "%v", err)
			require.Equal(t, c.code, e.Code, "%v", err)
			require.NotContains(t, err.Error(), "example.com")
		})
	}
}

func TestAPushIsAnsweredByWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	b := newBench(t, inbox.Config{})
	endpoint := b.Receive(newPush(t))
	post := func(h http.Header, body string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/hooks/shop", strings.NewReader(body))
		r.Header = h
		w := httptest.NewRecorder()
		endpoint.ServeHTTP(w, r)
		return w.Code
	}
	const body = `{"object":"order/17"}`
	h := pushed(epoch, body, "new")
	require.Equal(t, http.StatusOK, post(h, body))
	require.Equal(t, http.StatusOK, post(h, body), "again")
	require.Len(t, ids(t, b.Inbox), 1)
	require.Equal(t, http.StatusUnauthorized, post(h, body+" "))
	require.Equal(t, http.StatusBadRequest, post(pushed(epoch, "{}", "new"), "{}"))
	b.store.set(always(errAway, "append"), nil)
	require.Equal(t, http.StatusServiceUnavailable, post(pushed(epoch, body, "old"), body))
}

func TestNewPushNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	for field, c := range map[string]inbox.PushConfig{
		"PushConfig.Secrets is not set":        {Origin: shop},
		"PushConfig.Secrets: signing secret 2": {Origin: shop, Secrets: pushSecrets("new", " ")},
		"PushConfig.Secrets: there is no":      {Origin: shop, Secrets: pushSecrets()},
		"PushConfig.Origin has no System":      {Secrets: pushSecrets("new")},
		"PushConfig.Origin has an ID":          {Origin: shop.With("order/17"), Secrets: pushSecrets("new")},
		"PushConfig.Tolerance":                 {Origin: shop, Secrets: pushSecrets("new"), Tolerance: -1},
	} {
		_, err := inbox.NewPush(c)
		require.ErrorIs(t, err, commerce.ErrInvalid, field)
		require.ErrorContains(t, err, field)
	}
}
