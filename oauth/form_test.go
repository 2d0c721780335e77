package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/oauth"
)

var nopShop = commerce.Ref{Tenant: "t1", System: "nopcommerce", Account: "shop", Mode: commerce.Live}

func newForm(t *testing.T, put func(context.Context, oauth.Session, oauth.Values) (commerce.Ref, error), notify oauth.Notify) *oauth.Form {
	f, err := oauth.NewForm(oauth.FormConfig{System: "nopcommerce", Session: sessionOf, Put: put, Notify: notify, Home: "/connections",
		Fields: append(oauth.Fields("nopcommerce"), oauth.Field{Name: "url", Label: "Address of the shop", Address: true})})
	require.NoError(t, err)
	return f
}

func post(f http.Handler, values url.Values, alter func(*http.Request)) answer {
	r := httptest.NewRequest(http.MethodPost, "https://host.example/connect/nop", strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Session", "t1 s")
	if alter != nil {
		alter(r)
	}
	rec := httptest.NewRecorder()
	f.ServeHTTP(rec, r)
	a := answer{status: rec.Code, body: rec.Body.String(), header: rec.Header()}
	if _, rest, ok := strings.Cut(a.body, "code <code>"); ok {
		a.code, _, _ = strings.Cut(rest, "</code>")
	}
	return a
}

func TestAFormKeepsWhatTheFarSideTakes(t *testing.T) {
	t.Parallel()
	var got nopcommerce.Login
	var notices []oauth.Notice
	f := newForm(t, func(_ context.Context, s oauth.Session, v oauth.Values) (commerce.Ref, error) {
		got = nopcommerce.Login{Email: v.Text("email"), Username: v.Text("username"), Password: v["password"]}
		require.Equal(t, "t1", s.Tenant)
		require.Equal(t, "map[email:[sealed] password:[sealed] url:[sealed] username:[sealed]]", fmt.Sprint(v))
		return nopShop, nil
	}, func(_ context.Context, n oauth.Notice) error { notices = append(notices, n); return nil })
	r := httptest.NewRequest(http.MethodGet, "https://host.example/connect/nop", nil)
	r.Header.Set("X-Session", "t1 s")
	rec := httptest.NewRecorder()
	f.ServeHTTP(rec, r)
	require.Contains(t, rec.Body.String(), `type="password"`)
	require.Contains(t, rec.Header().Get("Content-Security-Policy"), "form-action 'self'")

	a := post(f, url.Values{"email": {" sync@shop.example "}, "password": {" p4ss word "}, "url": {"https://shop.example"}}, nil)
	require.Equal(t, "connected", a.code, a.body)
	require.Equal(t, nopcommerce.Login{Email: "sync@shop.example", Password: commerce.NewSecret(" p4ss word ")}, got)
	require.Equal(t, oauth.Connected, notices[0].Kind)
	require.Equal(t, nopShop, notices[0].Connection)
	require.Equal(t, "person-of-t1", notices[0].Actor)
	require.NotContains(t, a.body, "p4ss")
}

func TestAFormSaysWhatIsWrongAndShowsNoSecretAgain(t *testing.T) {
	t.Parallel()
	good := url.Values{"email": {`a"><script>@shop.example`}, "password": {"p4ssword"}, "url": {"https://shop.example"}}
	with := func(name, text string) url.Values {
		v := url.Values{}
		for k, texts := range good {
			v[k] = texts
		}
		v.Set(name, text)
		return v
	}
	for name, c := range map[string]struct {
		values url.Values
		alter  func(*http.Request)
		put    error
		status int
		code   string
	}{
		"nothing":                 {values: url.Values{}, status: 422, code: oauth.CodeIncomplete},
		"no password":             {values: with("password", ""), status: 422, code: oauth.CodeIncomplete},
		"an address of ours":      {values: with("url", "http://127.0.0.1:6379"), status: 422, code: oauth.CodeIncomplete},
		"one of ours, by https":   {values: with("url", "https://localhost"), status: 422, code: oauth.CodeIncomplete},
		"an address in the open":  {values: with("url", "http://shop.example"), status: 422, code: oauth.CodeIncomplete},
		"an address with a user":  {values: with("url", "https://a:b@shop.example"), status: 422, code: oauth.CodeIncomplete},
		"an address with a query": {values: with("url", "https://shop.example/?x=1"), status: 422, code: oauth.CodeIncomplete},
		"a wrong password":        {values: good, put: commerce.Errorf(commerce.KindAuth, "nopcommerce", "log in", "400"), status: 422, code: oauth.CodeRefused},
		"a missing right":         {values: good, put: commerce.Errorf(commerce.KindForbidden, "nopcommerce", "ping", "403"), status: 422, code: oauth.CodeRight},
		"a shop that is down":     {values: good, put: commerce.Errorf(commerce.KindUnavailable, "nopcommerce", "ping", "refused"), status: 502, code: oauth.CodeNoAnswer},
		"what the host refuses":   {values: good, put: commerce.Errorf(commerce.KindInvalid, "host", "put", "no"), status: 422, code: oauth.CodeIncomplete},
		"a vault that is shut":    {values: good, put: errors.New("shut"), status: 503, code: oauth.CodeFault},
		"another site":            {values: good, alter: func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, status: 403, code: oauth.CodeCrossSite},
		"nobody":                  {values: good, alter: func(r *http.Request) { r.Header.Del("X-Session") }, status: 401, code: oauth.CodeNoSession},
		"too much":                {values: with("email", strings.Repeat("x", 100_000)), status: 400, code: oauth.CodeMalformed},
		"a second click":          {values: good, put: commerce.Errorf(commerce.KindDuplicate, "vault", "put", "in use"), status: 200, code: "connected"},
		"another method":          {values: good, alter: func(r *http.Request) { r.Method = http.MethodPut }, status: 405},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			told := 0
			f := newForm(t, func(context.Context, oauth.Session, oauth.Values) (commerce.Ref, error) { return nopShop, c.put },
				func(context.Context, oauth.Notice) error { told++; return nil })
			a := post(f, c.values, c.alter)
			require.Equal(t, c.status, a.status)
			require.Equal(t, c.code, a.code, a.body)
			require.NotContains(t, a.body, "p4ssword")
			require.NotContains(t, a.body, "<script>")
			require.Zero(t, told)
		})
	}
	for _, system := range []string{"magento", "nopcommerce", "tryton", "odoo", "erpnext"} {
		require.NotEmpty(t, oauth.Fields(system), system)
	}
	require.Empty(t, oauth.Fields("stripe"), "it has a page of consent")
	_, err := oauth.NewForm(oauth.FormConfig{})
	require.ErrorIs(t, err, commerce.ErrInvalid)
	_, err = oauth.NewForm(oauth.FormConfig{System: "x", Fields: []oauth.Field{{Name: "a", Label: "A"}, {Name: "a", Label: "B"}}})
	require.ErrorContains(t, err, "FormConfig.Fields")
}

func TestAKeyThatEndsIsToldOfOnceForEachDay(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	var days []int
	e := oauth.Expiries{Keeper: newKeeper(), Now: func() time.Time { return now },
		Notify: func(_ context.Context, n oauth.Notice) error {
			require.Equal(t, nopShop, n.Connection)
			days = append(days, n.Days)
			return nil
		}}
	look := func() {
		require.NoError(t, e.Remind(t.Context(), nopShop))
		require.NoError(t, e.Remind(t.Context(), nopShop.With("x")))
	}
	look()
	require.Empty(t, days)
	require.NoError(t, e.Set(t.Context(), nopShop, now.AddDate(0, 0, 90)))
	for range 91 {
		look()
		now = now.AddDate(0, 0, 1)
	}
	require.Equal(t, []int{30, 7, 1}, days)
	require.NoError(t, e.Set(t.Context(), nopShop, now.AddDate(0, 0, 5)))
	look()
	require.Equal(t, []int{30, 7, 1, 7}, days, "a new key, and the nearest only")
	require.NoError(t, e.Set(t.Context(), nopShop, time.Time{}))
	now = now.AddDate(0, 0, 5)
	look()
	require.Len(t, days, 4)
}
