package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/oauth"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// bubble is the clock of a synctest bubble.
func bubble(c *oauth.Config, f *stripetest.Config) { c.Now, f.Now = time.Now, time.Now }

// another is another process over the same keeper.
func (w *world) another(alter func(*oauth.Config)) *oauth.Flow {
	c := w.config
	if alter != nil {
		alter(&c)
	}
	f, err := oauth.New(c)
	require.NoError(w.t, err)
	return f
}

func secret(t *testing.T, c commerce.Credentials[commerce.Secret]) commerce.Secret {
	t.Helper()
	s, err := c.Current(t.Context())
	require.NoError(t, err)
	return s
}

func TestAnAppsTokenLivesForAnHourThoughNobodySaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := build(t, true, bubble)
		owner := w.connect("t1")
		tokens := w.flow.Credentials(owner)
		client, err := stripe.NewClient(stripe.Config{Credentials: tokens, Transport: w.fake.Transport()})
		require.NoError(t, err)
		first := secret(t, tokens)
		for range 10 { // ten hours
			a, err := client.Accounts.Own(t.Context())
			require.NoError(t, err)
			require.Equal(t, owner.Account, a.ID)
			time.Sleep(61 * time.Minute)
		}
		require.Equal(t, 9, w.exchanges("refresh_token"))
		require.NotEqual(t, first, secret(t, tokens))
		require.Empty(t, w.leaks())
	})
}

func TestATokenThatEndsSoonIsHandedOutWhileItIsRenewed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := build(t, true, bubble)
		tokens := w.flow.Credentials(w.connect("t1"))
		first := secret(t, tokens)
		time.Sleep(56 * time.Minute)
		require.Equal(t, first, secret(t, tokens), "nobody waits")
		synctest.Wait()
		require.NotEqual(t, first, secret(t, tokens))
		require.Equal(t, 1, w.exchanges("refresh_token"))
	})
}

func TestATokenOfShortLifeIsNotRenewedAtEveryCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, life := range []time.Duration{time.Minute, 4 * time.Minute, 5 * time.Minute} {
			w := build(t, true, bubble, func(c *oauth.Config, _ *stripetest.Config) { c.Provider.Life = life })
			tokens := w.flow.Credentials(w.connect("t1"))
			for range 1000 {
				require.False(t, secret(t, tokens).Empty())
				time.Sleep(life / 100)
			}
			synctest.Wait()
			require.InDelta(t, 13, w.exchanges("refresh_token"), 2, "ten lives, each used to three quarters")
		}
	})
}

func TestAStormOfRefusalsIsOneRenewal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := build(t, true, bubble)
		owner := w.connect("t1")
		tokens, others := w.flow.Credentials(owner), w.another(nil).Credentials(owner)
		first := secret(t, tokens)
		require.Equal(t, first, secret(t, others), "both read the one that is stored")
		require.ErrorIs(t, tokens.Rejected(t.Context(), first), commerce.ErrAuth, "a fresh token that is refused lacks a right")
		time.Sleep(10 * time.Minute)
		var all sync.WaitGroup
		for i := range 1000 {
			all.Go(func() {
				at := tokens
				if i%2 == 1 {
					at = others
				}
				if err := at.Rejected(t.Context(), first); err != nil {
					t.Error(err)
				}
				got, err := at.Current(t.Context())
				if err != nil || got == first {
					t.Error("the refused one again", err)
				}
			})
		}
		all.Wait()
		require.Equal(t, 1, w.exchanges("refresh_token"), "by two processes, for a thousand callers")
	})
}

func TestOfAllProcessesOneRenews(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, blind bool) (renewals, failed int) {
		w := build(t, true, bubble)
		owner := w.connect("t1")
		w.keeper.blind = blind
		slow := roundTrip(func(r *http.Request) (*http.Response, error) {
			time.Sleep(time.Second)
			return w.fake.Transport().RoundTrip(r)
		})
		time.Sleep(2 * time.Hour)
		w.keeper.together(5)
		var all sync.WaitGroup
		var mu sync.Mutex
		for range 5 {
			tokens := w.another(func(c *oauth.Config) { c.Transport = slow }).Credentials(owner)
			for range 20 {
				all.Go(func() {
					if _, err := tokens.Current(t.Context()); err != nil {
						mu.Lock()
						failed++
						mu.Unlock()
					}
				})
			}
		}
		all.Wait()
		return w.exchanges("refresh_token"), failed
	}
	synctest.Test(t, func(t *testing.T) {
		renewals, failed := run(t, false)
		require.Equal(t, 1, renewals)
		require.Zero(t, failed)
	})
	synctest.Test(t, func(t *testing.T) { // the control
		renewals, _ := run(t, true)
		require.Greater(t, renewals, 1)
	})
}

func TestNoTokenIsUsedBeforeItIsStored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := build(t, true, bubble)
		owner := w.connect("t1")
		tokens := w.flow.Credentials(owner)
		time.Sleep(2 * time.Hour)
		renewed := func() bool { return w.exchanges("refresh_token") > 0 }
		w.keeper.broken = func(verb string, _ commerce.Ref, _ string) error {
			if verb == "seal" && renewed() {
				return errStore
			}
			return nil
		}
		got, err := tokens.Current(t.Context())
		require.ErrorIs(t, err, commerce.ErrUnavailable)
		require.True(t, got.Empty())
		time.Sleep(2 * time.Minute)
		w.keeper.mu.Lock()
		w.keeper.broken = nil
		w.keeper.mu.Unlock()
		require.False(t, secret(t, tokens).Empty())
		require.Equal(t, 1, w.exchanges("refresh_token"), "the one that was kept in memory is stored")
		time.Sleep(2 * time.Hour)
		require.False(t, secret(t, w.another(nil).Credentials(owner)).Empty(), "and it is good")
		require.Empty(t, w.leaks(err))
	})
}

func TestAProcessThatWasCutOffWithTheNewTokensBringsThemBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := build(t, true, bubble)
		owner := w.connect("t1")
		mine := &leaving{Keeper: w.keeper}
		cut := w.another(func(c *oauth.Config) {
			c.Keeper = mine
			c.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
				mine.gone.Store(true)
				return w.spy.RoundTrip(r)
			})
		}).Credentials(owner)
		tokens := w.flow.Credentials(owner)
		time.Sleep(2 * time.Hour)
		_, err := cut.Current(t.Context())
		require.ErrorContains(t, err, oauth.CodeNotStored)
		_, err = tokens.Current(t.Context())
		require.ErrorContains(t, err, oauth.CodeEnded, "the old refresh token is used up")
		mine.gone.Store(false)
		time.Sleep(2 * time.Minute)
		require.False(t, secret(t, cut).Empty())
		require.Equal(t, secret(t, cut), secret(t, tokens))
		require.Equal(t, []string{"connected", "disconnected refused", "connected"}, w.kinds())
		time.Sleep(2 * time.Hour)
		require.False(t, secret(t, tokens).Empty(), "and goes on")
		require.Empty(t, w.leaks(err))
	})
}

func TestNeitherAFlowNorItsCredentialsPrintATokenOrAKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := build(t, true, bubble)
		tokens := w.flow.Credentials(w.connect("t1"))
		require.False(t, secret(t, tokens).Empty())
		for _, value := range []any{w.flow, tokens, w.config.Provider, []any{w.flow}, struct{ f any }{w.flow}} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				w.config.Logger.Info(fmt.Sprintf(verb, value))
			}
			w.config.Logger.Info("m", "value", value)
		}
		require.Contains(t, w.logs.String(), "flow to stripe-app in test mode")
		require.Empty(t, w.leaks())
	})
}

func TestARefusedTokenIsRenewedThoughTheClockOfWhoBroughtItIsAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := build(t, true, bubble)
		owner := w.connect("t1")
		time.Sleep(2 * time.Hour)
		ahead := w.another(func(c *oauth.Config) { c.Now = func() time.Time { return time.Now().Add(40 * time.Minute) } })
		first, tokens := secret(t, ahead.Credentials(owner)), w.flow.Credentials(owner)
		require.Equal(t, first, secret(t, tokens))
		time.Sleep(10 * time.Minute)
		require.NoError(t, tokens.Rejected(t.Context(), first))
		require.NotEqual(t, first, secret(t, tokens))
	})
}

func TestAKeyOfTheOtherModeEndsNoConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := build(t, true, bubble, func(_ *oauth.Config, f *stripetest.Config) { f.Key = "" })
		owner := w.connect("t1")
		time.Sleep(2 * time.Hour)
		for _, wrong := range []string{"sk_live_platform", "rk_live_platform"} {
			mistaken := w.another(func(c *oauth.Config) { c.Provider.Secret = commerce.Static(commerce.NewSecret(wrong)) })
			_, err := mistaken.Credentials(owner).Current(t.Context())
			require.ErrorIs(t, err, commerce.ErrAuth)
			require.ErrorContains(t, err, "live mode")
		}
		require.Zero(t, w.exchanges("refresh_token"))
		require.False(t, secret(t, w.flow.Credentials(owner)).Empty())
		require.Equal(t, []string{"connected"}, w.kinds())
	})
}

func TestTheLeaseOfAProcessThatDiedIsTakenOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := build(t, true, bubble)
		owner := w.connect("t1")
		dies := &dying{Keeper: w.keeper, after: 1}
		ghost := w.another(func(c *oauth.Config) {
			c.Keeper = dies
			c.Transport = roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("dead") })
		})
		time.Sleep(2 * time.Hour)
		_, err := ghost.Credentials(owner).Current(t.Context())
		require.Error(t, err)
		start := time.Now()
		require.False(t, secret(t, w.flow.Credentials(owner)).Empty())
		require.GreaterOrEqual(t, time.Since(start), 20*time.Second, "twice the time-out")
		require.Less(t, time.Since(start), 25*time.Second)
		require.Equal(t, 1, w.exchanges("refresh_token"))
	})
}

// dying is the keeper of a process that dies after so many writes.
type dying struct {
	oauth.Keeper
	after int
}

func (d *dying) Seal(ctx context.Context, owner commerce.Ref, name string, secret []byte, version int64) (int64, error) {
	if d.after--; d.after < 0 {
		return 0, errStore
	}
	return d.Keeper.Seal(ctx, owner, name, secret, version)
}

func TestAfterALostAnswerAPersonHasToConnectAgainAndNobodyAsksOnAndOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := build(t, true, bubble)
		owner := w.connect("t1")
		tokens := w.flow.Credentials(owner)
		time.Sleep(2 * time.Hour)
		w.fake.Faults().Add(stripetest.Fault{Kind: stripetest.Lost, Times: 1})
		_, err := tokens.Current(t.Context())
		require.ErrorIs(t, err, commerce.ErrUnknown)
		time.Sleep(2 * time.Second)
		for range 100 {
			_, err = tokens.Current(t.Context())
			require.ErrorIs(t, err, commerce.ErrAuth)
			require.ErrorContains(t, err, oauth.CodeEnded)
			time.Sleep(time.Minute)
		}
		require.Equal(t, 2, w.exchanges("refresh_token"))
		require.Equal(t, []string{"connected", "disconnected refused"}, w.kinds())
		g, err := w.flow.Grant(t.Context(), owner)
		require.NoError(t, err)
		require.Equal(t, "invalid_grant", g.Ended)

		require.Equal(t, "connected", w.callback(w.consent("t1 s", owner.Account)).code)
		require.False(t, secret(t, tokens).Empty(), "the client that runs goes on")
	})
}

func TestWhileTheFarSideIsIllTheOldTokenServesAndTheCallsAreFew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := build(t, true, bubble)
		tokens := w.flow.Credentials(w.connect("t1"))
		first := secret(t, tokens)
		calls := 0
		w.fake.Faults().Add(stripetest.Fault{Kind: stripetest.Answered, Status: 503, Match: func(r *http.Request) bool {
			calls++
			return true
		}})
		time.Sleep(56 * time.Minute)
		for range 180 { // three minutes
			require.Equal(t, first, secret(t, tokens))
			time.Sleep(time.Second)
		}
		require.Less(t, calls, 12)
		time.Sleep(5 * time.Minute)
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() {
				if _, err := tokens.Current(t.Context()); !errors.Is(err, commerce.ErrUnavailable) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		require.Less(t, calls, 14)
		w.fake.Faults().Clear()
		time.Sleep(time.Minute)
		require.NotEqual(t, first, secret(t, tokens))
	})
}

func TestACallerWhoGivesUpDoesNotLoseTheToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := build(t, true, bubble)
		tokens := w.flow.Credentials(w.connect("t1"))
		time.Sleep(2 * time.Hour)
		w.fake.Faults().Add(stripetest.Fault{Kind: stripetest.Late, Delay: 5 * time.Second, Times: 1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := tokens.Current(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(start))
		require.False(t, secret(t, tokens).Empty())
		require.Equal(t, 5*time.Second, time.Since(start))
		require.Equal(t, 1, w.exchanges("refresh_token"))
	})
}

func TestTokensOfAnotherAccountAreNotTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := build(t, true, bubble)
		tokens := w.flow.Credentials(w.connect("t1"))
		time.Sleep(2 * time.Hour)
		answers(200, "application/json", `{"access_token":"sk_test_strange","refresh_token":"rt_strange","token_type":"bearer","livemode":false,"account_id":"acct_strange"}`)(w)
		_, err := tokens.Current(t.Context())
		require.ErrorContains(t, err, oauth.CodeWrongAccount)
		require.Empty(t, w.leaks(err))
		for at, r := range w.keeper.records {
			require.NotContains(t, r.secret, "strange", at.name)
		}
	})
}

func TestWhatAMerchantEndsIsForgottenAndAnOldEventIsNot(t *testing.T) {
	t.Parallel()
	for _, app := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := build(t, app, bubble)
			owner := w.connect("t1")
			w.connect("t2")
			tokens := w.flow.Credentials(owner)
			if app {
				require.False(t, secret(t, tokens).Empty())
			}
			merchant, _ := w.fake.Account(owner.Account)
			require.True(t, w.fake.Disconnect(owner.Account))
			events := merchant.Events()
			last := events[len(events)-1]
			event := commerce.Event{Ref: commerce.Ref{System: "stripe", Account: owner.Account, Mode: commerce.Test, ID: last.ID}, Type: last.Type, Raw: last.Raw}
			require.Equal(t, "account.application.deauthorized", event.Type)

			other := event
			other.Raw = []byte(strings.Replace(string(event.Raw), clientID, "ca_other", 1))
			require.NotEqual(t, event.Raw, other.Raw)
			require.NoError(t, w.flow.Deauthorized(t.Context(), other))
			live := event
			live.Ref.Mode = commerce.Live
			require.NoError(t, w.flow.Deauthorized(t.Context(), live))
			require.Len(t, w.keeper.grants(), 2, "of another program, of the other mode")

			require.NoError(t, w.flow.Deauthorized(t.Context(), event))
			require.NoError(t, w.flow.Deauthorized(t.Context(), event))
			require.Len(t, w.keeper.grants(), 1)
			_, err := w.flow.Grant(t.Context(), owner)
			require.ErrorIs(t, err, commerce.ErrNotFound)
			if app {
				_, err = tokens.Current(t.Context())
				require.ErrorIs(t, err, commerce.ErrNotFound)
			}
			require.Len(t, w.notices, 3)
			reason := map[bool]string{false: oauth.ReasonThere, true: oauth.ReasonRefused}[app]
			require.Equal(t, oauth.Notice{Kind: oauth.Disconnected, Connection: owner, At: time.Now(), Reason: reason}, w.notices[2])

			// The account goes to another tenant; then the event comes once more.
			require.Equal(t, "connected", w.callback(w.consent("t3 s", owner.Account)).code)
			time.Sleep(time.Minute)
			require.NoError(t, w.flow.Deauthorized(t.Context(), event))
			require.Len(t, w.keeper.grants(), 2, "the consent is newer")
		})
	}
}

func TestAConnectionIsEndedThereAndThenHere(t *testing.T) {
	t.Parallel()
	w := build(t, false)
	owner := w.connect("t1")
	w.fake.Faults().Add(stripetest.Fault{Kind: stripetest.Answered, Status: 500, Times: 1})
	require.ErrorIs(t, w.flow.Disconnect(t.Context(), owner, "person"), commerce.ErrUnavailable)
	require.Len(t, w.keeper.grants(), 1, "it can be done again")
	require.NoError(t, w.flow.Disconnect(t.Context(), owner, "person"))
	require.Empty(t, w.keeper.grants())
	_, there := w.fake.Account(owner.Account)
	require.False(t, there)
	require.Equal(t, []string{"connected", "disconnected here"}, w.kinds())
	require.Equal(t, "person", w.notices[1].Actor)
	require.ErrorIs(t, w.flow.Disconnect(t.Context(), owner, "person"), commerce.ErrNotFound)

	owner = w.connect("t1")
	require.True(t, w.fake.Disconnect(owner.Account), "the merchant was first")
	require.NoError(t, w.flow.Disconnect(t.Context(), owner, "person"))
	require.Empty(t, w.keeper.grants())

	owner = w.connect("t1")
	require.NoError(t, w.fake.RegisterOAuth(stripetest.OAuthClient{ID: clientID, RedirectURIs: []string{callbackURL}, App: true}))
	require.ErrorContains(t, w.flow.Disconnect(t.Context(), owner, "person"), "invalid_client", "the platform's own id is no good, and there is access yet")
	require.Len(t, w.keeper.grants(), 1)
}

func TestAnAccountThatNoGrantFollowedIsFreeAfterAnHour(t *testing.T) {
	t.Parallel()
	w := build(t, false)
	account := w.fake.Merchant("DE")
	w.keeper.broken = func(verb string, _ commerce.Ref, name string) error {
		if verb == "seal" && name == oauth.GrantName {
			return errStore
		}
		return nil
	}
	require.Equal(t, oauth.CodeNotStored, w.callback(w.consent("t1 s", account)).code)
	w.keeper.broken = nil
	require.Equal(t, oauth.CodeBound, w.callback(w.consent("t2 s", account)).code)
	w.clock.Advance(2 * time.Hour)
	require.Equal(t, "connected", w.callback(w.consent("t2 s", account)).code)
	require.Equal(t, oauth.CodeBound, w.callback(w.consent("t1 s", account)).code)
}

func TestAPlatformsOwnKeyActsForConnectedAccounts(t *testing.T) {
	t.Parallel()
	w := build(t, false)
	owner := w.connect("t1")
	client, err := stripe.NewClient(stripe.Config{Credentials: w.flow.Credentials(owner), Account: owner.Account, Transport: w.fake.Transport()})
	require.NoError(t, err)
	a, err := client.Accounts.Own(t.Context())
	require.NoError(t, err)
	require.Equal(t, owner.Account, a.ID)
	for at, r := range w.keeper.records {
		require.NotContains(t, r.secret, "sk_test", "deprecated tokens are not kept: %s", at.name)
	}
	g, err := w.flow.Grant(t.Context(), owner)
	require.NoError(t, err)
	require.Equal(t, "read_write", g.Scope)
	require.Equal(t, "person-of-t1", g.Actor)
	require.True(t, strings.HasPrefix(g.Publishable, "pk_test_"))
}
