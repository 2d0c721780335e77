package tryton_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/tryton"
	"github.com/commercesync/commerce/erp/tryton/trytontest"
	"github.com/commercesync/commerce/resilience"
)

// once tries every call once.
func once(c *tryton.Config) { c.Resilience.Retry.Attempts = 1 }

// atOnce repeats without waiting.
func atOnce(c *tryton.Config) {
	c.Resilience.Wait = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
}

func anOrder(t *testing.T, client *tryton.Client, key string) erp.NewOrder {
	t.Helper()
	who, err := client.UpsertCustomer(t.Context(), erp.Customer{Key: "customer", Party: commerce.Customer{Name: "Ada Example"},
		Billing: commerce.Address{Name: "Ada Example", City: "Berlin", Country: "DE"}})
	require.NoError(t, err)
	eur := func(n int64) commerce.Money { return commerce.MustMoney(n, "EUR") }
	return erp.NewOrder{Key: key, Customer: who, Date: commerce.DateOf(time.Now()), Currency: "EUR",
		Lines:    []erp.OrderLine{{SKU: "SKU-RED", Quantity: commerce.MustDecimal("2"), Net: eur(2500), TaxIDs: []string{tax(t, client, "19")}}},
		Expected: erp.Totals{Net: eur(2500), Tax: eur(475), Gross: eur(2975)}}
}

func TestAConfigIsRefusedWithTheNameOfTheField(t *testing.T) {
	good := tryton.Config{URL: "https://erp.example.com/", Database: "shop", Credentials: commerce.Static(tryton.Login{})}
	for field, edit := range map[string]func(*tryton.Config){
		"URL":         func(c *tryton.Config) { c.URL = "erp.example.com" },
		"Database":    func(c *tryton.Config) { c.Database = "" },
		"Credentials": func(c *tryton.Config) { c.Credentials = nil },
		"Company":     func(c *tryton.Config) { c.Company = "x" },
		"PaymentTerm": func(c *tryton.Config) { c.PaymentTerm = "-1" },
		"PageSize":    func(c *tryton.Config) { c.PageSize = -1 },
		"Timeout":     func(c *tryton.Config) { c.Resilience.Timeout = -1 },
	} {
		t.Run(field, func(t *testing.T) {
			c := good
			edit(&c)
			_, err := tryton.NewClient(c)
			require.ErrorIs(t, err, commerce.ErrInvalid)
			require.ErrorContains(t, err, field)
		})
	}
	c := good
	c.URL = "https://user:hidden@erp.example.com/"
	_, err := tryton.NewClient(c)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hidden")
}

func TestManyCallsAtOnceLogInOnce(t *testing.T) {
	server, client := fake(t, trytontest.Config{}, once)
	all := func() {
		var wg sync.WaitGroup
		var failed atomic.Int64
		for range 30 {
			wg.Go(func() {
				if client.Ping(t.Context()) != nil {
					failed.Add(1)
				}
			})
		}
		wg.Wait()
		require.Zero(t, failed.Load())
	}
	all()
	require.Equal(t, 1, server.Logins())
	server.ExpireSessions()
	all()
	require.Equal(t, 2, server.Logins(), "an expired session is renewed once, and the calls repeated")
}

func TestAnExpiredSessionInTheMiddleOfAWriteMakesOneSale(t *testing.T) {
	server, client := fake(t, trytontest.Config{}, once)
	n := anOrder(t, client, "k")
	server.ExpireSessions()
	_, err := client.CreateOrder(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"k": 1}, server.Sales())
}

func TestARefusedLoginIsNotTriedInALoop(t *testing.T) {
	now := time.Now()
	server, client := fake(t, trytontest.Config{}, func(c *tryton.Config) {
		c.Credentials = commerce.Static(tryton.Login{User: "sync", Password: commerce.NewSecret("wrong-password")})
		c.Now = func() time.Time { return now }
	})
	for range 20 {
		err := client.Ping(t.Context())
		require.ErrorIs(t, err, commerce.ErrAuth)
		require.NotContains(t, err.Error(), "wrong-password")
	}
	require.Equal(t, 1, server.Logins())
	now = now.Add(2 * time.Minute)
	require.Error(t, client.Ping(t.Context()))
	require.Equal(t, 2, server.Logins(), "after a pause it may be tried again")
}

func TestAThrottledLoginIsLeftAloneForAWhile(t *testing.T) {
	var asked atomic.Int64
	server, client := fake(t, trytontest.Config{}, atOnce)
	server.Fail(trytontest.Fault{Kind: trytontest.Answered, Status: 429, Match: func(r *http.Request) bool {
		if !trytontest.OnMethod("common.db.login")(r) {
			return false
		}
		asked.Add(1)
		return true
	}})
	for range 20 {
		require.ErrorIs(t, client.Ping(t.Context()), commerce.ErrRateLimited)
	}
	require.EqualValues(t, 1, asked.Load())
}

// rotating hands out a second password once the first was refused.
type rotating struct {
	mu     sync.Mutex
	logins []tryton.Login
}

func (r *rotating) Current(context.Context) (tryton.Login, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.logins[0], nil
}

func (r *rotating) Rejected(context.Context, tryton.Login) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.logins) == 1 {
		return commerce.Errorf(commerce.KindAuth, "test", "renew", "no other")
	}
	r.logins = r.logins[1:]
	return nil
}

func TestARotatedPasswordNeedsNoRestart(t *testing.T) {
	server, client := fake(t, trytontest.Config{}, func(c *tryton.Config) {
		c.Credentials = &rotating{logins: []tryton.Login{{User: "sync", Password: commerce.NewSecret("secret")},
			{User: "sync", Password: commerce.NewSecret("new")}}}
	})
	require.NoError(t, client.Ping(t.Context()))
	server.SetPassword("new")
	server.ExpireSessions()
	require.NoError(t, client.Ping(t.Context()))
	require.Equal(t, 3, server.Logins())
}

func TestAWriteSaysWhetherItTookEffect(t *testing.T) {
	for _, c := range []struct {
		name    string
		fault   trytontest.Fault
		kind    commerce.Kind
		outcome commerce.Outcome
		there   int
	}{
		{"refused connection", trytontest.Fault{Kind: trytontest.Refused}, commerce.KindUnavailable, commerce.NotSent, 0},
		{"lost answer", trytontest.Fault{Kind: trytontest.Lost}, commerce.KindUnavailable, commerce.Unknown, 1},
		{"half an answer", trytontest.Fault{Kind: trytontest.Half}, commerce.KindUnavailable, commerce.Unknown, 1},
		{"bad gateway after the effect", trytontest.Fault{Kind: trytontest.AfterEffect, Status: 502, Body: "<html>bad gateway"}, commerce.KindUnavailable, commerce.Unknown, 1},
		{"bad gateway", trytontest.Fault{Kind: trytontest.Answered, Status: 502}, commerce.KindUnavailable, commerce.Unknown, 0},
		{"internal error", trytontest.Fault{Kind: trytontest.Answered, Status: 500}, commerce.KindUnavailable, commerce.Unknown, 0},
		{"an error page with status 200", trytontest.Fault{Kind: trytontest.Answered, Status: 200, Body: "<html>maintenance"}, commerce.KindUnavailable, commerce.Unknown, 0},
		{"someone else's JSON", trytontest.Fault{Kind: trytontest.Answered, Status: 200, Body: `{"id":0,"result":[1]}`, Header: http.Header{"Content-Type": {"application/json"}}}, commerce.KindUnavailable, commerce.Unknown, 0},
		{"throttled", trytontest.Fault{Kind: trytontest.Answered, Status: 429, Header: http.Header{"Retry-After": {"7"}}}, commerce.KindRateLimited, commerce.NotSent, 0},
		{"forbidden", trytontest.Fault{Kind: trytontest.Answered, Status: 403}, commerce.KindForbidden, commerce.NotSent, 0},
		{"no such database", trytontest.Fault{Kind: trytontest.Answered, Status: 404}, commerce.KindInvalid, commerce.NotSent, 0},
		{"redirected", trytontest.Fault{Kind: trytontest.Answered, Status: 302, Header: http.Header{"Location": {"https://elsewhere.example/"}}}, commerce.KindInvalid, commerce.NotSent, 0},
		{"request too long", trytontest.Fault{Kind: trytontest.Answered, Status: 413}, commerce.KindLimit, commerce.NotSent, 0},
		{"sessions refused again and again", trytontest.Fault{Kind: trytontest.Answered, Status: 401, Times: 2}, commerce.KindAuth, commerce.NotSent, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, client := fake(t, trytontest.Config{}, once)
			n := anOrder(t, client, "k")
			if c.fault.Times == 0 {
				c.fault.Times = 1
			}
			c.fault.Match = trytontest.OnMethod("model.sale.sale.create")
			server.Fail(c.fault)
			_, err := client.CreateOrder(t.Context(), n)
			require.Equal(t, c.kind, commerce.KindOf(err), "%v", err)
			require.Equal(t, c.outcome == commerce.NotSent, commerce.SafeToRetry(err), "%v", err)
			require.Equal(t, c.outcome == commerce.Unknown, errors.Is(err, commerce.ErrUnknown), "%v", err)
			require.Equal(t, c.there, server.Sales()["k"])
			if c.fault.Status == 429 {
				require.Equal(t, 7*time.Second, commerce.RetryAfter(err))
			}
			_, err = client.CreateOrder(t.Context(), n)
			require.NoError(t, err)
			require.Equal(t, 1, server.Sales()["k"])
		})
	}
}

func TestReadsAreRepeatedAndWritesOnlyWhenSafe(t *testing.T) {
	server, client := fake(t, trytontest.Config{}, atOnce)
	n := anOrder(t, client, "k")
	server.Fail(trytontest.Fault{Kind: trytontest.Lost, Times: 2, Match: trytontest.OnMethod("model.sale.sale.search_read")})
	server.Fail(trytontest.Fault{Kind: trytontest.Refused, Times: 2, Match: trytontest.OnMethod("model.sale.sale.create")})
	_, err := client.CreateOrder(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, 1, server.Sales()["k"])

	creates := countCalls(server, "model.sale.sale.create")
	server.Fail(trytontest.Fault{Kind: trytontest.Lost, Times: 1, Match: trytontest.OnMethod("model.sale.sale.create")})
	n.Key = "k2"
	_, err = client.CreateOrder(t.Context(), n)
	require.ErrorIs(t, err, commerce.ErrUnknown)
	require.Equal(t, creates+1, countCalls(server, "model.sale.sale.create"), "an unclear write is never repeated")
}

func countCalls(server *trytontest.Server, method string) (n int) {
	for _, c := range server.Calls() {
		if c.Method == method {
			n++
		}
	}
	return n
}

func TestASaleThatTakesEffectLateIsFoundByItsKey(t *testing.T) {
	server, client := fake(t, trytontest.Config{}, func(c *tryton.Config) {
		once(c)
		c.Resilience.Timeout = 20 * time.Millisecond
	})
	n := anOrder(t, client, "k")
	server.Fail(trytontest.Fault{Kind: trytontest.Late, Times: 1, Delay: 60 * time.Millisecond, Match: trytontest.OnMethod("model.sale.sale.create")})
	_, err := client.CreateOrder(t.Context(), n)
	require.ErrorIs(t, err, commerce.ErrUnknown)
	require.Eventually(t, func() bool { return server.Sales()["k"] == 1 }, 5*time.Second, 5*time.Millisecond)
	_, err = client.CreateOrder(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, 1, server.Sales()["k"])
}

func TestTwinsUnderOneKeyAgreeOnOneSale(t *testing.T) {
	server, client := fake(t, trytontest.Config{}, nil)
	n := anOrder(t, client, "k")
	refs := make([]commerce.Ref, 8)
	errs := make([]error, len(refs))
	var wg sync.WaitGroup
	for i := range refs {
		wg.Go(func() {
			o, err := client.CreateOrder(t.Context(), n)
			refs[i], errs[i] = o.Ref, err
		})
	}
	wg.Wait()
	for i := range refs {
		require.NoError(t, errs[i])
		require.Equal(t, refs[0], refs[i])
	}
	require.Equal(t, 1, server.Sales()["k"])
}

func TestEveryCallNamesTheCompany(t *testing.T) {
	server, client := fake(t, trytontest.Config{}, nil)
	n := anOrder(t, client, "k")
	o, err := client.CreateOrder(t.Context(), n)
	require.NoError(t, err)
	_, err = client.ConfirmOrder(t.Context(), o.Ref)
	require.NoError(t, err)
	_, err = client.RequestFulfilment(t.Context(), o.Ref)
	require.NoError(t, err)
	for _, c := range server.Calls() {
		switch c.Method {
		case "common.db.login", "model.res.user.get_preferences", "common.server.version":
		default:
			require.Contains(t, string(c.Params), `"company":1`, c.Method)
		}
	}
}

func TestProductsAreRememberedForAWhileAndBounded(t *testing.T) {
	now := time.Now()
	server, client := fake(t, trytontest.Config{}, func(c *tryton.Config) {
		c.Now = func() time.Time { return now }
		c.CacheSize = 3
	})
	read := func(skus ...string) int {
		before := countCalls(server, "model.product.product.search_read")
		_, err := client.ProductsBySKU(t.Context(), skus)
		require.NoError(t, err)
		return countCalls(server, "model.product.product.search_read") - before
	}
	require.Equal(t, 1, read("SKU-RED", "SKU-BLUE", "SKU-RED"), "many are one call")
	require.Equal(t, 0, read("SKU-RED", "SKU-BLUE"))
	require.Equal(t, 1, read("NEW"))
	require.Equal(t, 1, read("NEW"), "what is missing is asked for again")
	now = now.Add(6 * time.Minute)
	require.Equal(t, 1, read("SKU-RED"))
	read("24-MB01", "24-MB02", "24-UG06", "24-WG080")
	require.Equal(t, 1, read("SKU-RED", "24-MB01", "24-MB02", "24-UG06"), "beyond its bound it forgets")
}

func TestASKUOfTwoProductsIsAmbiguous(t *testing.T) {
	_, client := fake(t, trytontest.Config{Products: []trytontest.Product{{SKU: "A"}, {SKU: "A"}}}, nil)
	_, err := client.ProductsBySKU(t.Context(), []string{"A"})
	require.ErrorIs(t, err, commerce.ErrAmbiguous)
}

func TestNoShipmentIsSkippedOverManyPages(t *testing.T) {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	server, client := fake(t, trytontest.Config{Now: clock}, func(c *tryton.Config) { c.PageSize, c.Now = 3, clock })
	ship := func(i int) {
		n := anOrder(t, client, fmt.Sprintf("k%d", i))
		o, err := client.CreateOrder(t.Context(), n)
		require.NoError(t, err)
		_, err = client.ConfirmOrder(t.Context(), o.Ref)
		require.NoError(t, err)
		require.NoError(t, server.Ship(n.Key, fmt.Sprintf("1Z%d", i)))
	}
	for i := range 8 {
		ship(i)
	}
	read := func(at erp.Cursor) (keys map[string]bool, next erp.Cursor) {
		keys = map[string]bool{}
		for more := true; more; {
			page, err := client.Shipments(t.Context(), at)
			require.NoError(t, err)
			for _, s := range page.Shipments {
				keys[s.Key] = true
			}
			at, more = page.Next, page.More
		}
		return keys, at
	}
	first, at := read("")
	require.Len(t, first, 8)
	again, at := read(at)
	require.Len(t, again, 8, "what is younger than Lag comes again")
	now = now.Add(time.Hour)
	ship(8)
	some, at := read(at)
	require.Contains(t, some, "k8")
	now = now.Add(time.Hour)
	_, at = read(at)
	quiet, _ := read(at)
	require.Empty(t, quiet, "once all is older than Lag nothing comes again")
}

func TestAShipmentInPartsIsRead(t *testing.T) {
	server, client := fake(t, trytontest.Config{}, nil)
	n := anOrder(t, client, "k")
	n.Lines = append(n.Lines, erp.OrderLine{SKU: "SKU-BLUE", Quantity: commerce.MustDecimal("1"), Net: commerce.MustMoney(0, "EUR")})
	o, err := client.CreateOrder(t.Context(), n)
	require.NoError(t, err)
	_, err = client.ConfirmOrder(t.Context(), o.Ref)
	require.NoError(t, err)
	require.NoError(t, server.SplitShipment("k", "SKU-BLUE"))
	f, err := client.RequestFulfilment(t.Context(), o.Ref)
	require.NoError(t, err)
	require.Equal(t, erp.Reserved, f.State)
	require.NoError(t, server.Ship("k", "1Z"))
	sent, err := client.OrderShipments(t.Context(), o.Ref)
	require.NoError(t, err)
	require.Len(t, sent, 2)
	require.Equal(t, "SKU-RED", sent[0].Lines[0].SKU)
	require.Equal(t, "SKU-BLUE", sent[1].Lines[0].SKU)
}

func TestAServerWithAQueueIsToldToMakeTheShipments(t *testing.T) {
	_, client := fake(t, trytontest.Config{Queue: true}, nil)
	o, err := client.CreateOrder(t.Context(), anOrder(t, client, "k"))
	require.NoError(t, err)
	o, err = client.ConfirmOrder(t.Context(), o.Ref)
	require.NoError(t, err)
	require.Equal(t, erp.Confirmed, o.State)
	f, err := client.Fulfilment(t.Context(), o.Ref)
	require.NoError(t, err)
	require.Equal(t, erp.NotRequested, f.State, "no shipment yet is not nothing to send")
	f, err = client.RequestFulfilment(t.Context(), o.Ref)
	require.NoError(t, err)
	require.Equal(t, erp.Reserved, f.State)
}

func TestReturnsAreNoOrders(t *testing.T) {
	server, client := fake(t, trytontest.Config{}, nil)
	n := anOrder(t, client, "k")
	o, err := client.CreateOrder(t.Context(), n)
	require.NoError(t, err)
	_, err = client.ConfirmOrder(t.Context(), o.Ref)
	require.NoError(t, err)
	require.NoError(t, server.Return("k"))
	require.Len(t, server.AllSales(), 2)
	all, err := client.FindOrders(t.Context(), "k")
	require.NoError(t, err)
	require.Len(t, all, 1)
}

func TestNeitherSecretsNorPeopleReachErrorsAndLogs(t *testing.T) {
	var log bytes.Buffer
	server, client := fake(t, trytontest.Config{Countries: []string{"DE"}}, func(c *tryton.Config) {
		once(c)
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	customer := erp.Customer{Key: "c", Party: commerce.Customer{Name: "Grace Secretive", Email: "grace@example.invalid"},
		Billing: commerce.Address{Name: "Grace Secretive", Street: "7 Hidden Lane", City: "Nowhere", Country: "DE", Phone: "+4930123456"}}
	var text strings.Builder
	for _, fault := range []trytontest.Fault{
		{Kind: trytontest.Lost, Times: 1}, {Kind: trytontest.Answered, Status: 500, Body: "Grace Secretive", Times: 1},
		{Kind: trytontest.Answered, Status: 200, Times: 1, Header: http.Header{"Content-Type": {"application/json"}}, Body: `{"id":9,"error":["UserError",["The party \"Grace Secretive\" is bad.","",null]]}`},
	} {
		fault.Match = trytontest.OnMethod("model.party.party.create")
		remove := server.Fail(fault)
		_, err := client.UpsertCustomer(t.Context(), customer)
		require.Error(t, err)
		fmt.Fprintf(&text, "%v\n%+v\n", err, err)
		remove()
		customer.Key += "x"
	}
	customer.Billing.Country = "US"
	_, err := client.UpsertCustomer(t.Context(), customer)
	require.ErrorIs(t, err, commerce.ErrMapping)
	fmt.Fprintf(&text, "%v\n", err)
	for _, private := range []string{"Grace", "example.invalid", "Hidden", "+4930", "secret\"", "token-1"} {
		require.NotContains(t, text.String(), private)
		require.NotContains(t, log.String(), private)
	}
	require.NotEmpty(t, log.String())
}

func TestAnAnswerBeyondTheBoundIsATypedError(t *testing.T) {
	_, client := fake(t, trytontest.Config{}, func(c *tryton.Config) { c.MaxBody = 20 })
	require.ErrorIs(t, client.Ping(t.Context()), commerce.ErrLimit)
}

func TestTheBreakerOpensWhenTheServerIsIll(t *testing.T) {
	server, client := fake(t, trytontest.Config{}, func(c *tryton.Config) {
		once(c)
		c.Resilience.Breaker = resilience.Breaker{Failures: 3, Roots: 1}
	})
	require.NoError(t, client.Ping(t.Context()))
	server.Fail(trytontest.Fault{Kind: trytontest.Refused})
	for range 3 {
		require.ErrorIs(t, client.Ping(t.Context()), commerce.ErrUnavailable)
	}
	require.ErrorIs(t, client.Ping(t.Context()), commerce.ErrParked)
}

func TestTheSameFakeOverARealConnection(t *testing.T) {
	server, err := trytontest.New(trytontest.Config{})
	require.NoError(t, err)
	web := server.NewServer()
	defer web.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client, err := tryton.NewClient(tryton.Config{URL: web.URL, Database: trytontest.Database,
		Credentials: commerce.Static(server.Login()), Transport: transport, Resilience: resilience.Config{Retry: resilience.Retry{Attempts: 1}}})
	require.NoError(t, err)
	n := anOrder(t, client, "k")
	server.Fail(trytontest.Fault{Kind: trytontest.Lost, Times: 1, Match: trytontest.OnMethod("model.sale.sale.create")})
	_, err = client.CreateOrder(t.Context(), n)
	require.ErrorIs(t, err, commerce.ErrUnknown)
	_, err = client.CreateOrder(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, 1, server.Sales()["k"])
}
