package nopcommerce_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/resilience"
)

// clock is a clock that a test moves.
type clock struct{ ns atomic.Int64 }

func (c *clock) now() time.Time           { return now.Add(time.Duration(c.ns.Load())) }
func (c *clock) move(d time.Duration)     { c.ns.Add(int64(d)) }
func (c *clock) on(f *nopcommerce.Config) { f.Now = c.now }

func TestATokenIsFetchedOnceForAllWhoWait(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	c := s.client()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, err := c.Orders.Get(t.Context(), 17)
			require.NoError(t, err)
		})
	}
	all.Wait()
	require.Equal(t, 1, s.logins)
}

func TestATokenThatTheShopForgotIsRenewedOnceForAll(t *testing.T) {
	t.Parallel()
	s, at := newShop(t), &clock{}
	c := s.client(at.on)
	require.NoError(t, c.Ping(t.Context()))
	at.move(time.Hour)
	s.mu.Lock()
	s.token = "token-2" // a new secret key
	s.mu.Unlock()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, err := c.Orders.Get(t.Context(), 17)
			require.NoError(t, err)
		})
	}
	all.Wait()
	require.Equal(t, 2, s.logins)
}

func TestARefusalOfAYoungTokenStartsNoLogins(t *testing.T) {
	t.Parallel()
	s, at := newShop(t), &clock{}
	s.on["GET /Order/GetById/17"] = func(*http.Request, []byte) reply { return reply{status: 401, body: `{"message":"Unauthorized"}`} }
	c := s.client(at.on)
	for range 10 {
		_, err := c.Orders.Get(t.Context(), 17)
		require.ErrorIs(t, err, commerce.ErrAuth)
	}
	require.Equal(t, 1, s.logins)
	at.move(2 * time.Minute)
	for range 10 {
		_, err := c.Orders.Get(t.Context(), 17)
		require.ErrorIs(t, err, commerce.ErrAuth)
	}
	require.Equal(t, 2, s.logins, "one more a minute")
}

func TestAWrongPasswordIsTriedOnce(t *testing.T) {
	t.Parallel()
	s, at := newShop(t), &clock{}
	s.on["POST /Authenticate/GetToken"] = func(*http.Request, []byte) reply {
		s.logins++
		return reply{status: 400, body: `{"message":"Username or password is incorrect for api@shop.example","inner_exception_message":null,"stack_trace":""}`}
	}
	c := s.client(at.on)
	for range 10 {
		_, err := c.Processing.MarkPaid(t.Context(), 17)
		e := fault(t, err)
		require.ErrorIs(t, err, commerce.ErrAuth)
		require.Equal(t, nopcommerce.CodeLogin, e.Code)
		require.Equal(t, commerce.NotSent, e.Outcome)
		require.NotContains(t, err.Error(), "api@")
		require.NotContains(t, err.Error(), "secret-1")
	}
	require.Equal(t, 1, s.logins, "the shop locks accounts")
	at.move(31 * time.Minute)
	require.ErrorIs(t, c.Ping(t.Context()), commerce.ErrAuth)
	require.Equal(t, 2, s.logins)
}

// changing hands out a second login once the first was refused.
type changing struct{ refused atomic.Bool }

func (c *changing) Current(context.Context) (nopcommerce.Login, error) {
	if c.refused.Load() {
		return nopcommerce.Login{Email: "b@shop.example", Password: commerce.NewSecret("new")}, nil
	}
	return nopcommerce.Login{Email: "a@shop.example", Password: commerce.NewSecret("old")}, nil
}

func (c *changing) Rejected(context.Context, nopcommerce.Login) error {
	c.refused.Store(true)
	return nil
}

func TestOtherCredentialsAreTriedAtOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.on["POST /Authenticate/GetToken"] = func(_ *http.Request, body []byte) reply {
		if strings.Contains(string(body), "old") {
			return reply{status: 400, body: `{"message":"Username or password is incorrect"}`}
		}
		return reply{status: 200, body: `{"username":null,"customer_id":1,"token":"token-1"}`}
	}
	require.NoError(t, s.client(func(f *nopcommerce.Config) { f.Credentials = &changing{} }).Ping(t.Context()))
}

func TestATokenIsRenewedBeforeItEnds(t *testing.T) {
	t.Parallel()
	jwt := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".sig"
	}
	start := now.Unix()
	for name, test := range map[string]struct {
		token string
		kept  time.Duration
	}{
		"exp is a text":              {jwt(fmt.Sprintf(`{"CustomerId":"1","nbf":"%d","exp":"%d"}`, start, start+1000)), 900 * time.Second},
		"exp is a number":            {jwt(fmt.Sprintf(`{"nbf":%d,"exp":%d}`, start, start+1000)), 900 * time.Second},
		"it says nothing":            {"opaque", 12 * time.Hour},
		"its claims can not be read": {jwt(`{"exp":"soon"}`), 12 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, at := newShop(t), &clock{}
			s.token = test.token
			c := s.client(at.on)
			require.NoError(t, c.Ping(t.Context()))
			at.move(test.kept - time.Second)
			require.NoError(t, c.Ping(t.Context()))
			require.Equal(t, 1, s.logins)
			at.move(2 * time.Second)
			require.NoError(t, c.Ping(t.Context()))
			require.Equal(t, 2, s.logins)
		})
	}
}

func TestALoginIsCheckedBeforeItIsSent(t *testing.T) {
	t.Parallel()
	for name, login := range map[string]nopcommerce.Login{
		"nothing":             {},
		"no password":         {Email: "a"},
		"no name":             {Password: commerce.NewSecret("p")},
		"a password and more": {Email: "a", Password: commerce.NewSecret("p"), Token: commerce.NewSecret("t")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			err := s.client(func(f *nopcommerce.Config) { f.Credentials = commerce.Static(login) }).Ping(t.Context())
			require.Equal(t, nopcommerce.CodeLogin, fault(t, err).Code)
			require.Empty(t, s.sent())
		})
	}
}

func TestAnAPIThatTakesAnyTokenIsNoticed(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	stores := s.on["GET /Store/GetAll"]
	s.on["GET /Store/GetAll"] = func(r *http.Request, b []byte) reply {
		if r.Header.Get("Authorization") != "Bearer token-1" {
			return reply{status: 401, body: `{"message":"Unauthorized"}`}
		}
		return stores(r, b)
	}
	require.NoError(t, s.client().CheckAccess(t.Context()))
	s.on["GET /Store/GetAll"] = stores // developer mode: whatever the token is
	err := s.client().CheckAccess(t.Context())
	require.Equal(t, nopcommerce.CodeOpen, fault(t, err).Code)
	require.ErrorIs(t, err, commerce.ErrForbidden)
}

func TestEveryGetIsAnotherAddressForCaches(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	c := s.client()
	for range 3 {
		_, err := c.Orders.Get(t.Context(), 17)
		require.NoError(t, err)
	}
	seen := map[string]bool{}
	for _, f := range s.fresh {
		require.Len(t, f, 16)
		require.False(t, seen[f], "a nonce comes once")
		seen[f] = true
	}
	require.Len(t, seen, 3)
}

// TestAGetThatActsIsNotSentAgainByTheStandardLibrary uses a kept connection that breaks
// after the request: net/http repeats a plain GET there by itself.
func TestAGetThatActsIsNotSentAgainByTheStandardLibrary(t *testing.T) {
	t.Parallel()
	var acts, reads atomic.Int32
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				for n := 0; ; n++ {
					r, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, r.Body)
					body := orderWith(t, "payment_status_id", "10")
					switch {
					case strings.Contains(r.URL.Path, "MarkOrderAsPaid"):
						acts.Add(1)
						return
					case strings.HasSuffix(r.URL.Path, "/18"):
						if reads.Add(1) == 1 {
							return
						}
						body = orderWith(t, "id", "18")
					}
					fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
				}
			})
		}
	})
	transport := &http.Transport{MaxIdleConnsPerHost: 1}
	defer open.Wait()
	defer l.Close()
	defer transport.CloseIdleConnections()
	c, err := nopcommerce.NewClient(nopcommerce.Config{BaseURL: "http://" + l.Addr().String(), Transport: transport,
		Credentials: commerce.Static(nopcommerce.Login{Token: commerce.NewSecret("t")}),
		Resilience:  resilience.Config{Retry: resilience.Retry{Attempts: 1}}})
	require.NoError(t, err)

	_, err = c.Processing.MarkPaid(t.Context(), 17)
	require.ErrorIs(t, err, commerce.ErrUnknown)
	require.EqualValues(t, 1, acts.Load())

	_, err = c.Orders.Get(t.Context(), 17) // a kept connection
	require.NoError(t, err)
	_, err = c.Orders.Get(t.Context(), 18)
	require.NoError(t, err)
	require.EqualValues(t, 2, reads.Load(), "the test can see a repetition: a read is repeated")
}
