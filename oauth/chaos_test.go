package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/oauth"
)

// strict is an authorization server whose refresh tokens work once, and whose answers get
// lost: then nothing can save the connection, and it says so.
type strict struct {
	mu      sync.Mutex
	rand    *rand.Rand
	next    int  // the refresh token that works
	busy    int  // requests that are under way
	most    int  // at once
	harmed  bool // an answer got lost after its effect
	refused int  // requests with a token that works no more
	healthy bool
}

func (s *strict) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	used, _ := strconv.Atoi(strings.TrimPrefix(form.Get("refresh_token"), "refresh-"))
	s.mu.Lock()
	s.busy++
	s.most = max(s.most, s.busy)
	fate, slow := s.rand.IntN(20), time.Duration(s.rand.IntN(9))*time.Second
	if s.healthy {
		fate = 19
	}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.busy--
		s.mu.Unlock()
	}()
	time.Sleep(slow)
	answer := func(status int, text string) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
	}
	switch fate {
	case 0, 1:
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	case 2, 3:
		return answer(503, `{}`)
	case 4:
		return answer(429, `{}`)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if used != s.next {
		s.refused++
		return answer(400, `{"error":"invalid_grant"}`)
	}
	s.next++
	if fate == 5 && !s.harmed {
		s.harmed = true
		return nil, &net.OpError{Op: "read", Err: syscall.ECONNRESET}
	}
	return answer(200, fmt.Sprintf(`{"access_token":"access-%d","refresh_token":"refresh-%d","token_type":"bearer","livemode":false,"account_id":"acct_1"}`, s.next, s.next))
}

// process is the keeper as one process sees it: it fails at times, also after the effect,
// and not at all once the process is dead.
type process struct {
	*keeper
	s    *strict
	dead atomic.Bool
}

func (p *process) fate() int {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	if p.s.healthy {
		return 19
	}
	return p.s.rand.IntN(20)
}

func (p *process) Open(ctx context.Context, owner commerce.Ref, name string) ([]byte, int64, error) {
	if p.dead.Load() || p.fate() == 0 {
		return nil, 0, errStore
	}
	return p.keeper.Open(ctx, owner, name)
}

func (p *process) Seal(ctx context.Context, owner commerce.Ref, name string, secret []byte, version int64) (int64, error) {
	fate := p.fate()
	if p.dead.Load() || fate == 0 {
		return 0, errStore
	}
	v, err := p.keeper.Seal(ctx, owner, name, secret, version)
	if err == nil && fate == 1 {
		return 0, &commerce.Error{Kind: commerce.KindUnavailable, System: "vault", Op: "seal", Outcome: commerce.Unknown, Err: errors.New("no answer")}
	}
	return v, err
}

// TestWhateverFailsNoTokenIsUsedThatIsNotStoredAndNoConnectionIsLostButByALostAnswer runs
// three processes, of which some die, for half a day each.
func TestWhateverFailsNoTokenIsUsedThatIsNotStoredAndNoConnectionIsLostButByALostAnswer(t *testing.T) {
	t.Parallel()
	lost := 0
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			owner := commerce.Ref{Tenant: "t1", System: "stripe", Account: "acct_1", Mode: commerce.Test}
			s := &strict{rand: rand.New(rand.NewPCG(seed, 1))}
			k := newKeeper()
			k.records[place{owner, oauth.GrantName}] = record{fmt.Sprintf(`{"account":"acct_1","access":"access-0","refresh":"refresh-0","issued":%q,"expires":%q}`,
				time.Now().Format(time.RFC3339), time.Now().Add(time.Hour).Format(time.RFC3339)), 1}
			provider, err := oauth.StripeApp(oauth.App{ClientID: clientID, Key: commerce.Static(commerce.NewSecret(platformKey))})
			require.NoError(t, err)
			start := func() (*process, commerce.Credentials[commerce.Secret]) {
				p := &process{keeper: k, s: s}
				f, err := oauth.New(oauth.Config{Provider: provider, Mode: commerce.Test, RedirectURL: callbackURL, Keeper: p, Session: sessionOf, Transport: s, Timeout: 10 * time.Second})
				require.NoError(t, err)
				return p, f.Credentials(owner)
			}
			stored := func(token string) bool {
				k.mu.Lock()
				defer k.mu.Unlock()
				n, _ := strconv.Atoi(strings.TrimPrefix(token, "access-"))
				_, rest, _ := strings.Cut(k.records[place{owner, oauth.GrantName}].secret, `"access":"access-`)
				at, _, _ := strings.Cut(rest, `"`)
				newest, _ := strconv.Atoi(at)
				return n <= newest
			}
			var all sync.WaitGroup
			for worker := range 3 {
				dice := rand.New(rand.NewPCG(seed, uint64(worker)+2))
				all.Go(func() {
					p, tokens := start()
					for range 300 {
						time.Sleep(time.Duration(dice.IntN(240)) * time.Second)
						ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+dice.IntN(30))*time.Second)
						token, err := tokens.Current(ctx)
						switch {
						case err == nil && !stored(token.Reveal()):
							t.Errorf("seed %d: %s was handed out before it was stored", seed, token.Reveal())
						case err == nil && dice.IntN(20) == 0:
							_ = tokens.Rejected(ctx, token)
						}
						cancel()
						if dice.IntN(100) == 0 { // while nothing of it is on its way, so that no answer is lost with it
							s.mu.Lock()
							idle, newest := s.busy == 0, "access-"+strconv.Itoa(s.next)
							s.mu.Unlock()
							if idle && stored(newest) {
								p.dead.Store(true)
								p, tokens = start()
							}
						}
					}
				})
			}
			all.Wait()
			time.Sleep(10 * time.Minute) // flights land
			s.mu.Lock()
			s.healthy = true
			harmed, most, refused := s.harmed, s.most, s.refused
			s.mu.Unlock()
			_, tokens := start()
			_, err = tokens.Current(t.Context())
			require.LessOrEqual(t, most, 1, "seed %d: two renewed at once", seed)
			if !harmed {
				require.NoError(t, err, "seed %d", seed)
				require.Zero(t, refused, "seed %d: a token was used twice", seed)
			} else if err != nil {
				lost++
				require.ErrorIs(t, err, commerce.ErrAuth)
			}
		})
	}
	require.Greater(t, lost, 0, "some answers got lost")
	require.Less(t, lost, 20)
}
