package oauth_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/oauth"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// issuer is an authorization server that counts what it is asked in each second.
type issuer struct {
	mu     sync.Mutex
	second map[int64]int
	total  int
}

func (s *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	account, generation, _ := strings.Cut(form.Get("refresh_token"), "/")
	n, _ := strconv.Atoi(generation)
	s.mu.Lock()
	s.second[time.Now().Unix()]++
	s.total++
	s.mu.Unlock()
	text := fmt.Sprintf(`{"access_token":"a%d","refresh_token":"%s/%d","token_type":"bearer","livemode":false,"account_id":"%s"}`, n+1, account, n+1, account)
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
}

func (s *issuer) peak() (most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.second {
		most = max(most, n)
	}
	return most
}

// tenants keeps so many app grants that were all made now, and lists them.
func tenants(k *keeper, n int) func(context.Context) iter.Seq2[commerce.Ref, error] {
	now := time.Now()
	var owners []commerce.Ref
	for i := range n {
		account := "acct_" + strconv.Itoa(i)
		owner := commerce.Ref{Tenant: strconv.Itoa(i), System: "stripe", Account: account, Mode: commerce.Test}
		owners = append(owners, owner)
		k.records[place{owner, oauth.GrantName}] = record{fmt.Sprintf(`{"account":%q,"access":"a0","refresh":"%s/0","issued":%q,"expires":%q}`,
			account, account, now.Format(time.RFC3339), now.Add(time.Hour).Format(time.RFC3339)), 1}
	}
	return func(context.Context) iter.Seq2[commerce.Ref, error] {
		return func(yield func(commerce.Ref, error) bool) {
			for _, o := range owners {
				if !yield(o, nil) {
					return
				}
			}
		}
	}
}

// hours runs a flow over n tenants and returns the most renewals of a second, and all.
func hours(t *testing.T, n int, down, d time.Duration, together bool) (peak, total int) {
	k, s := newKeeper(), &issuer{second: map[int64]int{}}
	provider, err := oauth.StripeApp(oauth.App{ClientID: clientID, Key: commerce.Static(commerce.NewSecret(platformKey))})
	require.NoError(t, err)
	c := oauth.Config{Provider: provider, Mode: commerce.Test, RedirectURL: callbackURL, Keeper: k, Session: sessionOf, Transport: s, Connections: tenants(k, n)}
	if together {
		c.Rate = 1_000_000
	}
	f, err := oauth.New(c)
	require.NoError(t, err)
	if together {
		f.Together()
	}
	time.Sleep(down)
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	require.NoError(t, f.Run(ctx))
	return s.peak(), s.total
}

func TestTenThousandRenewalsAreSpread(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // who connected in the same minute
		peak, total := hours(t, 10_000, 0, 50*time.Minute, false)
		require.Equal(t, 10_000, total, "once each, and nobody's token ended")
		require.LessOrEqual(t, peak, 21)
	})
	synctest.Test(t, func(t *testing.T) { // after a night's rest
		peak, total := hours(t, 500, 5*time.Hour, 15*time.Minute, false)
		require.Equal(t, 500, total)
		require.LessOrEqual(t, peak, 15)
	})
	synctest.Test(t, func(t *testing.T) { // the control
		peak, _ := hours(t, 500, 0, 40*time.Minute, true)
		require.Equal(t, 500, peak)
	})
}

func TestARunRenewsBeforeAnybodyAsks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := build(t, true, bubble)
		owner := w.connect("t1")
		w.connect("t2")
		w.config.Connections = func(context.Context) iter.Seq2[commerce.Ref, error] {
			return func(yield func(commerce.Ref, error) bool) {
				for _, o := range w.keeper.grants() {
					if !yield(o, nil) {
						return
					}
				}
			}
		}
		one, two := w.another(nil), w.another(nil)
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		var both sync.WaitGroup
		both.Go(func() { require.NoError(t, one.Run(ctx)) })
		both.Go(func() { require.NoError(t, two.Run(ctx)) })
		time.Sleep(12 * time.Hour)
		before := w.exchanges("refresh_token")
		require.False(t, secret(t, w.flow.Credentials(owner)).Empty())
		require.Equal(t, before, w.exchanges("refresh_token"), "it was renewed")
		require.True(t, w.fake.Disconnect(owner.Account))
		time.Sleep(2 * time.Hour)
		require.Contains(t, w.kinds(), "disconnected refused")
		both.Wait()
		require.Less(t, w.exchanges("refresh_token"), 2*24*2+5, "two processes renew no more often than one")
		require.Equal(t, []string{"connected", "connected", "disconnected refused"}, w.kinds())
	})
}

func TestPeopleAreToldThirtySevenAndOneDaysBeforeTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := build(t, false, bubble)
		w.config.Provider = oauth.Provider{Name: "x", System: "x", AuthURL: "https://x.example/a", TokenURL: "https://x.example/t", ClientID: "c",
			Secret: commerce.Static(commerce.NewSecret("client-secret")), Identify: func(*oauth2.Token) (oauth.Identity, error) {
				return oauth.Identity{Account: "x", Mode: commerce.Test}, nil
			}}
		w.config.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
				Body: io.NopCloser(strings.NewReader(`{"access_token":"only-access","token_type":"bearer","expires_in":3456000}`))}, nil // 40 days
		})
		w.config.Connections = func(context.Context) iter.Seq2[commerce.Ref, error] {
			return func(yield func(commerce.Ref, error) bool) {
				yield(commerce.Ref{Tenant: "t1", System: "x", Account: "x", Mode: commerce.Test}, nil)
			}
		}
		w.flow = w.another(nil)
		u, err := url.Parse(w.begin("t1 s"))
		require.NoError(t, err)
		require.Equal(t, "connected", w.callback(w.request("t1 s", callbackURL+"?code=the-code&state="+u.Query().Get("state"))).code)
		start := time.Now()
		for range 5 { // a program that is started anew
			ctx, cancel := context.WithTimeout(t.Context(), 9*24*time.Hour)
			require.NoError(t, w.another(nil).Run(ctx))
			cancel()
		}
		var days []int
		for _, n := range w.notices[1:] {
			require.Equal(t, oauth.Expiring, n.Kind)
			require.InDelta(t, float64(40-n.Days), n.At.Sub(start).Hours()/24, 1)
			days = append(days, n.Days)
		}
		require.Equal(t, []int{30, 7, 1}, days)
		_, err = w.flow.Credentials(w.notices[0].Connection).Current(t.Context())
		require.ErrorIs(t, err, commerce.ErrAuth)
	})
}

func TestAProgramThatEndsWaitsForTheTokensThatAreOnTheirWay(t *testing.T) {
	t.Parallel()
	for name, renew := range map[string]func(context.Context, *oauth.Flow, commerce.Ref){
		"by the schedule": func(context.Context, *oauth.Flow, commerce.Ref) {},
		"by a client": func(ctx context.Context, f *oauth.Flow, owner commerce.Ref) {
			_, _ = f.Credentials(owner).Current(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := build(t, true, bubble)
				owner := w.connect("t1")
				listed := []commerce.Ref{owner}
				if name == "by a client" {
					listed = nil
				}
				mine := &leaving{Keeper: w.keeper}
				flow := w.another(func(c *oauth.Config) {
					c.Keeper, c.Spread = mine, time.Second
					c.Connections = func(context.Context) iter.Seq2[commerce.Ref, error] {
						return func(yield func(commerce.Ref, error) bool) {
							for _, o := range listed {
								yield(o, nil)
							}
						}
					}
				})
				time.Sleep(2 * time.Hour)
				w.fake.Faults().Add(stripetest.Fault{Kind: stripetest.Late, Delay: 5 * time.Second, Times: 1})
				ctx, end := context.WithTimeout(t.Context(), 2*time.Second)
				defer end()
				go renew(ctx, flow, owner)
				require.NoError(t, flow.Run(ctx))
				mine.gone.Store(true)
				require.Equal(t, 1, w.exchanges("refresh_token"))
				require.False(t, secret(t, w.flow.Credentials(owner)).Empty())
				require.Equal(t, 1, w.exchanges("refresh_token"), "what came is stored")
			})
		})
	}
}

// leaving is the keeper of a process that writes nothing once it is gone.
type leaving struct {
	oauth.Keeper
	gone atomic.Bool
}

func (p *leaving) Seal(ctx context.Context, owner commerce.Ref, name string, secret []byte, version int64) (int64, error) {
	if p.gone.Load() {
		return 0, errStore
	}
	return p.Keeper.Seal(ctx, owner, name, secret, version)
}
