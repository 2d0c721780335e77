package oauth_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/oauth"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

func onboarding(t *testing.T) (*world, *oauth.Onboarding) {
	w := build(t, false)
	client, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret(platformKey)), Transport: w.fake.Transport(), Now: w.clock.Now,
		Resilience: resilience.Config{Retry: resilience.Retry{Attempts: 1}}})
	require.NoError(t, err)
	o, err := oauth.NewOnboarding(oauth.OnboardingConfig{Accounts: stripe.HostedAccounts{Client: client}, Mode: commerce.Test, Keeper: w.keeper, Session: sessionOf,
		ReturnURL: "https://host.example/back", RefreshURL: "https://host.example/again", Home: "/connections", Notify: w.notify, Logger: w.config.Logger, Now: w.clock.Now})
	require.NoError(t, err)
	return w, o
}

func (w *world) visit(h http.Handler, session string, alter func(*http.Request)) answer {
	r := httptest.NewRequest(http.MethodGet, "https://host.example/", nil)
	if session != "" {
		r.Header.Set("X-Session", session)
	}
	if alter != nil {
		alter(r)
	}
	return w.call(h, r)
}

func TestATenantIsTakenThroughTheFormsOfOneAccount(t *testing.T) {
	t.Parallel()
	w, o := onboarding(t)
	require.Equal(t, oauth.CodeNotConnected, w.visit(o.Return(), "t1 s", nil).code)
	require.Equal(t, oauth.CodeNotConnected, w.visit(o.Refresh(), "t1 s", nil).code)
	require.Equal(t, oauth.CodeNoSession, w.visit(o.Begin(), "", nil).code)
	require.Equal(t, oauth.CodeCrossSite, w.visit(o.Begin(), "t1 s", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }).code)
	require.Empty(t, w.fake.Accounts())

	first := w.visit(o.Begin(), "t1 s", nil)
	require.Equal(t, http.StatusSeeOther, first.status, first.body)
	require.True(t, strings.HasPrefix(first.header.Get("Location"), "https://connect.stripe.com/setup/"))
	again := w.visit(o.Refresh(), "t1 s", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") })
	require.NotEqual(t, first.header.Get("Location"), again.header.Get("Location"), "a link works once")
	require.Equal(t, http.StatusSeeOther, w.visit(o.Begin(), "t1 s", nil).status)
	require.Len(t, w.fake.Accounts(), 1)
	account := w.fake.Accounts()[0]
	require.Equal(t, "express", account.Type)

	open := w.visit(o.Return(), "t1 s", nil)
	require.Equal(t, oauth.CodeFormsOpen, open.code)
	require.Contains(t, open.body, "external_account")
	require.Empty(t, w.kinds(), "coming back says nothing")

	require.NoError(t, w.fake.Onboard(account.ID))
	require.Equal(t, "connected", w.visit(o.Return(), "t1 s", nil).code)
	require.Equal(t, "connected", w.visit(o.Return(), "t1 s", nil).code)
	require.Equal(t, []string{"connected"}, w.kinds())
	require.Equal(t, commerce.Ref{Tenant: "t1", System: "stripe", Account: account.ID, Mode: commerce.Test}, w.notices[0].Connection)
	status, err := o.Status(t.Context(), "t1")
	require.NoError(t, err)
	require.True(t, status.Ready())
	require.Equal(t, w.keeper.grants(), []commerce.Ref{w.notices[0].Connection}, "it is listed as a connection")

	require.Equal(t, http.StatusSeeOther, w.visit(o.Begin(), "t2 s", nil).status)
	require.Len(t, w.fake.Accounts(), 2, "another tenant has another one")
	for _, body := range []string{first.body, again.body} {
		require.NotContains(t, body, "connect.stripe.com")
	}
	require.NotContains(t, w.logs.String(), "connect.stripe.com/setup", "who has a link fills in the account")
}

func TestTwoClicksMakeOneAccount(t *testing.T) {
	t.Parallel()
	w, o := onboarding(t)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { w.visit(o.Begin(), "t1 s", nil) })
	}
	all.Wait()
	require.Len(t, w.fake.Accounts(), 1)
	w.fake.Faults().Add(stripetest.Fault{Kind: stripetest.Refused})
	a := w.visit(o.Return(), "t1 s", nil)
	require.Equal(t, oauth.CodeNoAnswer, a.code, a.body)
}

func TestAnOnboardingIsMadeOfWhatCanBeUsed(t *testing.T) {
	t.Parallel()
	_, err := oauth.NewOnboarding(oauth.OnboardingConfig{})
	require.ErrorIs(t, err, commerce.ErrInvalid)
}
