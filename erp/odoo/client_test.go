package odoo_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/odoo"
	"github.com/commercesync/commerce/erp/odoo/odootest"
	"github.com/commercesync/commerce/resilience"
)

// once tries every call once.
func once(c *odoo.Config) { c.Resilience.Retry.Attempts = 1 }

// atOnce repeats without waiting.
func atOnce(c *odoo.Config) {
	c.Resilience.Wait = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
}

func eur(n int64) commerce.Money { return commerce.MustMoney(n, "EUR") }

func anOrder(t *testing.T, client *odoo.Client, key string) erp.NewOrder {
	t.Helper()
	who, err := client.UpsertCustomer(t.Context(), erp.Customer{Key: "customer", Party: commerce.Customer{Name: "Ada Example"},
		Billing: commerce.Address{Name: "Ada Example", City: "Berlin", Country: "DE"}})
	require.NoError(t, err)
	return erp.NewOrder{Key: key, Customer: who, Date: commerce.DateOf(time.Now()), Currency: "EUR",
		Lines:    []erp.OrderLine{{SKU: "SKU-RED", Quantity: commerce.MustDecimal("2"), Net: eur(2500), TaxIDs: []string{tax(t, client, "19")}}},
		Expected: erp.Totals{Net: eur(2500), Tax: eur(475), Gross: eur(2975)}}
}

func countCalls(server *odootest.Server, method string) (n int) {
	for _, c := range server.Calls() {
		if c.Method == method {
			n++
		}
	}
	return n
}

func TestAConfigIsRefusedWithTheNameOfTheField(t *testing.T) {
	good := odoo.Config{URL: "https://erp.example.com/", Database: "shop", Credentials: commerce.Static(odoo.Login{})}
	for field, edit := range map[string]func(*odoo.Config){
		"URL":         func(c *odoo.Config) { c.URL = "erp.example.com" },
		"Database":    func(c *odoo.Config) { c.Database = "" },
		"Credentials": func(c *odoo.Config) { c.Credentials = nil },
		"Protocol":    func(c *odoo.Config) { c.Protocol = "xml-rpc" },
		"Company":     func(c *odoo.Config) { c.Company = "x" },
		"PaymentTerm": func(c *odoo.Config) { c.PaymentTerm = "-1" },
		"Module":      func(c *odoo.Config) { c.Module = "a.b" },
		"PageSize":    func(c *odoo.Config) { c.PageSize = -1 },
		"Timeout":     func(c *odoo.Config) { c.Resilience.Timeout = -1 },
	} {
		t.Run(field, func(t *testing.T) {
			c := good
			edit(&c)
			_, err := odoo.NewClient(c)
			require.ErrorIs(t, err, commerce.ErrInvalid)
			require.ErrorContains(t, err, field)
		})
	}
	c := good
	c.URL = "https://user:hidden@erp.example.com/"
	_, err := odoo.NewClient(c)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hidden")
}

func TestTheVersionDecidesOnTheProtocol(t *testing.T) {
	for _, c := range []struct {
		page, common string // the version at /web/version, and that of common.version
		path         string
	}{{"19.0", "", "/json/2/"}, {"saas~19.2", "", "/json/2/"}, {"20.0+e", "", "/json/2/"}, {"", "18.0", "/jsonrpc"}, {"", "14.0-20240101", "/jsonrpc"}, {"18.0", "", "/jsonrpc"}} {
		t.Run(c.page+c.common, func(t *testing.T) {
			server, err := odootest.New(odootest.Config{})
			require.NoError(t, err)
			var paths []string
			client, err := odoo.NewClient(odoo.Config{URL: odootest.URL, Database: odootest.Database,
				Credentials: commerce.Static(odoo.Login{User: server.User(), Key: server.Key()}),
				Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
					paths = append(paths, r.URL.Path)
					switch {
					case r.URL.Path == "/web/version" && c.page == "":
						return reply(r, http.StatusNotFound, "<html>"), nil
					case r.URL.Path == "/web/version":
						return reply(r, http.StatusOK, fmt.Sprintf(`{"version": %q}`, c.page)), nil
					case len(paths) == 2 && c.common != "":
						return reply(r, http.StatusOK, fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"result":{"server_version":%q}}`, c.common)), nil
					}
					return server.Transport().RoundTrip(r)
				})})
			require.NoError(t, err)
			require.NoError(t, client.Ping(t.Context()))
			require.NoError(t, client.Ping(t.Context()))
			require.True(t, strings.HasPrefix(paths[len(paths)-1], c.path), "%v", paths)
			require.LessOrEqual(t, len(paths), 5, "the version is asked for once: %v", paths)
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func reply(r *http.Request, status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}

func TestARefusedKeyIsNotTriedInALoop(t *testing.T) {
	for _, p := range []odoo.Protocol{odoo.JSON2, odoo.JSONRPC} {
		now := time.Now()
		asked := 0
		server, err := odootest.New(odootest.Config{})
		require.NoError(t, err)
		client, err := odoo.NewClient(odoo.Config{URL: odootest.URL, Database: odootest.Database, Protocol: p, Now: func() time.Time { return now },
			Credentials: commerce.Static(odoo.Login{User: server.User(), Key: commerce.NewSecret("wrong-key")}),
			Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				asked++
				return server.Transport().RoundTrip(r)
			})})
		require.NoError(t, err)
		for range 20 {
			err := client.Ping(t.Context())
			require.ErrorIs(t, err, commerce.ErrAuth)
			require.NotContains(t, err.Error(), "wrong-key")
		}
		require.Equal(t, 1, asked, p)
		now = now.Add(2 * time.Minute)
		require.ErrorIs(t, client.Ping(t.Context()), commerce.ErrAuth)
		require.Equal(t, 2, asked, "after a pause it is tried again")
	}
}

// rotating hands out a second key once the first was refused.
type rotating struct {
	mu     sync.Mutex
	logins []odoo.Login
}

func (r *rotating) Current(context.Context) (odoo.Login, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.logins[0], nil
}

func (r *rotating) Rejected(context.Context, odoo.Login) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.logins) == 1 {
		return commerce.Errorf(commerce.KindAuth, "test", "renew", "no other")
	}
	r.logins = r.logins[1:]
	return nil
}

func TestARotatedKeyNeedsNoRestart(t *testing.T) {
	for _, p := range []odoo.Protocol{odoo.JSON2, odoo.JSONRPC} {
		server, client := fake(t, odootest.Config{Key: "old"}, func(c *odoo.Config) {
			c.Protocol = p
			c.Credentials = &rotating{logins: []odoo.Login{{User: "sync", Key: commerce.NewSecret("old")}, {User: "sync", Key: commerce.NewSecret("new")}}}
		})
		n := anOrder(t, client, "k")
		server.SetKey("new")
		_, err := client.CreateOrder(t.Context(), n)
		require.NoError(t, err)
		require.Equal(t, 1, server.Orders()["k"])
	}
}

func TestAWriteSaysWhetherItTookEffect(t *testing.T) {
	for _, c := range []struct {
		name    string
		fault   odootest.Fault
		kind    commerce.Kind
		outcome commerce.Outcome
		there   int
	}{
		{"refused connection", odootest.Fault{Kind: odootest.Refused}, commerce.KindUnavailable, commerce.NotSent, 0},
		{"lost answer", odootest.Fault{Kind: odootest.Lost}, commerce.KindUnavailable, commerce.Unknown, 1},
		{"half an answer", odootest.Fault{Kind: odootest.Half}, commerce.KindUnavailable, commerce.Unknown, 1},
		{"bad gateway after the effect", odootest.Fault{Kind: odootest.AfterEffect, Status: 502, Body: "<html>bad gateway"}, commerce.KindUnavailable, commerce.Unknown, 1},
		{"bad gateway", odootest.Fault{Kind: odootest.Answered, Status: 502}, commerce.KindUnavailable, commerce.Unknown, 0},
		{"internal error of a proxy", odootest.Fault{Kind: odootest.Answered, Status: 500}, commerce.KindUnavailable, commerce.Unknown, 0},
		{"an error page with status 200", odootest.Fault{Kind: odootest.Answered, Status: 200, Body: "<html>maintenance"}, commerce.KindUnavailable, commerce.Unknown, 0},
		{"throttled", odootest.Fault{Kind: odootest.Answered, Status: 429, Header: http.Header{"Retry-After": {"7"}}}, commerce.KindRateLimited, commerce.NotSent, 0},
		{"forbidden", odootest.Fault{Kind: odootest.Answered, Status: 403}, commerce.KindForbidden, commerce.NotSent, 0},
		{"no such database", odootest.Fault{Kind: odootest.Answered, Status: 404}, commerce.KindInvalid, commerce.NotSent, 0},
		{"redirected", odootest.Fault{Kind: odootest.Answered, Status: 302, Header: http.Header{"Location": {"https://elsewhere.example/"}}}, commerce.KindInvalid, commerce.NotSent, 0},
		{"request too long", odootest.Fault{Kind: odootest.Answered, Status: 413}, commerce.KindLimit, commerce.NotSent, 0},
	} {
		for _, p := range []odoo.Protocol{odoo.JSON2, odoo.JSONRPC} {
			t.Run(c.name+" over "+string(p), func(t *testing.T) {
				server, client := fake(t, odootest.Config{}, func(o *odoo.Config) {
					once(o)
					o.Protocol = p
				})
				n := anOrder(t, client, "k")
				fault := c.fault
				fault.Times, fault.Match = 1, odootest.OnMethod("sale.order.load")
				server.Fail(fault)
				_, err := client.CreateOrder(t.Context(), n)
				require.Equal(t, c.kind, commerce.KindOf(err), "%v", err)
				require.Equal(t, c.outcome == commerce.NotSent, commerce.SafeToRetry(err), "%v", err)
				require.Equal(t, c.outcome == commerce.Unknown, errors.Is(err, commerce.ErrUnknown), "%v", err)
				require.Equal(t, c.there, server.Orders()["k"])
				if fault.Status == 429 {
					require.Equal(t, 7*time.Second, commerce.RetryAfter(err))
				}
				_, err = client.CreateOrder(t.Context(), n)
				require.NoError(t, err)
				require.Equal(t, 1, server.Orders()["k"])
			})
		}
	}
}

func TestReadsAreRepeatedAndWritesOnlyWhenSafe(t *testing.T) {
	server, client := fake(t, odootest.Config{}, atOnce)
	n := anOrder(t, client, "k")
	server.Fail(odootest.Fault{Kind: odootest.Lost, Times: 2, Match: odootest.OnMethod("sale.order.search_read")})
	server.Fail(odootest.Fault{Kind: odootest.Refused, Times: 2, Match: odootest.OnMethod("sale.order.load")})
	_, err := client.CreateOrder(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, 1, server.Orders()["k"])

	loads := countCalls(server, "sale.order.load")
	server.Fail(odootest.Fault{Kind: odootest.Lost, Times: 1, Match: odootest.OnMethod("sale.order.load")})
	n.Key = "k2"
	_, err = client.CreateOrder(t.Context(), n)
	require.ErrorIs(t, err, commerce.ErrUnknown)
	require.Equal(t, loads+1, countCalls(server, "sale.order.load"), "an unclear write is never repeated")
}

// Of two loads at once the server tells the loser so with status 200.
func TestALoadThatLostAgainstAnotherIsRepeated(t *testing.T) {
	server, client := fake(t, odootest.Config{}, atOnce)
	n := anOrder(t, client, "k")
	server.LoseRaces(2)
	_, err := client.CreateOrder(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, 1, server.Orders()["k"])
	require.Equal(t, 3, countCalls(server, "sale.order.load"), "of these two lost")
}

func TestTwinsUnderOneKeyAgreeOnOneOrderAndOneEntry(t *testing.T) {
	server, client := fake(t, odootest.Config{}, nil)
	n := anOrder(t, client, "k")
	entry := commerce.JournalEntry{Key: "po_1", Journal: "STRP", Date: n.Date, Lines: []commerce.JournalLine{
		{Account: "101401", Debit: eur(96340)}, {Account: "400010", Credit: eur(96340)}}}
	refs := make([]commerce.Ref, 8)
	errs := make([]error, 2*len(refs))
	var wg sync.WaitGroup
	for i := range refs {
		wg.Go(func() {
			o, err := client.CreateOrder(t.Context(), n)
			refs[i], errs[i] = o.Ref, err
			_, errs[len(refs)+i] = client.PostEntry(t.Context(), entry)
		})
	}
	wg.Wait()
	for i := range refs {
		require.NoError(t, errs[i])
		require.NoError(t, errs[len(refs)+i])
		require.Equal(t, refs[0], refs[i])
	}
	require.Equal(t, 1, server.Orders()["k"])
	require.Equal(t, 1, server.Entries()["po_1"])
}

func TestEveryCallNamesCompanyAndLanguage(t *testing.T) {
	server, client := fake(t, odootest.Config{}, nil)
	o, err := client.CreateOrder(t.Context(), anOrder(t, client, "k"))
	require.NoError(t, err)
	_, err = client.ConfirmOrder(t.Context(), o.Ref)
	require.NoError(t, err)
	_, err = client.RequestFulfilment(t.Context(), o.Ref)
	require.NoError(t, err)
	for _, c := range server.Calls() {
		switch c.Method {
		case "common.version", "res.users.context_get", "res.users.read":
		default:
			require.Contains(t, string(c.Body), `"allowed_company_ids":[1]`, c.Method)
			require.Contains(t, string(c.Body), `"lang":"en_US"`, c.Method)
		}
	}
}

func TestProductsAreReadInOneCallAndRememberedForAWhile(t *testing.T) {
	now := time.Now()
	server, client := fake(t, odootest.Config{}, func(c *odoo.Config) {
		c.Now = func() time.Time { return now }
		c.CacheSize = 3
	})
	read := func(skus ...string) int {
		before := countCalls(server, "product.product.search_read")
		_, err := client.ProductsBySKU(t.Context(), skus)
		require.NoError(t, err)
		return countCalls(server, "product.product.search_read") - before
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
	_, client := fake(t, odootest.Config{Products: []odootest.Product{{SKU: "A"}, {SKU: "A"}}}, nil)
	_, err := client.ProductsBySKU(t.Context(), []string{"A"})
	require.ErrorIs(t, err, commerce.ErrAmbiguous)
}

// Odoo moves an entry that is dated before a lock date: the lock is read anew for each.
func TestALockDateOfThisMomentIsRespected(t *testing.T) {
	server, client := fake(t, odootest.Config{}, nil)
	today := commerce.DateOf(time.Now().UTC())
	entry := commerce.JournalEntry{Key: "po_1", Journal: "STRP", Date: today, Lines: []commerce.JournalLine{
		{Account: "101401", Debit: eur(96340)}, {Account: "400010", Credit: eur(96340)}}}
	posted, err := client.PostEntry(t.Context(), entry)
	require.NoError(t, err)
	server.SetLockDate(today)
	again, err := client.PostEntry(t.Context(), entry)
	require.NoError(t, err, "what is posted is found")
	require.Equal(t, posted.Ref, again.Ref)
	entry.Key = "po_2"
	_, err = client.PostEntry(t.Context(), entry)
	require.ErrorIs(t, err, commerce.ErrPeriodClosed)
	require.Zero(t, server.Entries()["po_2"])
}

func TestNoShipmentIsSkippedOverManyPages(t *testing.T) {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	server, client := fake(t, odootest.Config{Now: clock}, func(c *odoo.Config) { c.PageSize, c.Now = 3, clock })
	ship := func(i int) {
		n := anOrder(t, client, fmt.Sprintf("k%d", i))
		o, err := client.CreateOrder(t.Context(), n)
		require.NoError(t, err)
		_, err = client.ConfirmOrder(t.Context(), o.Ref)
		require.NoError(t, err)
		require.NoError(t, server.Ship(n.Key, fmt.Sprintf("1Z%d", i)))
	}
	for i := range 8 { // in one second: more than a page
		ship(i)
	}
	for i := range 4 {
		now = now.Add(time.Second)
		ship(10 + i)
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
	require.Len(t, first, 12)
	again, at := read(at)
	require.Len(t, again, 12, "what is younger than Lag comes again")
	now = now.Add(time.Hour)
	ship(20)
	some, at := read(at)
	require.Contains(t, some, "k20")
	now = now.Add(time.Hour)
	_, at = read(at)
	quiet, _ := read(at)
	require.Empty(t, quiet, "once all is older than Lag nothing comes again")
}

func TestAnOrderThatIsSentInPartsIsRead(t *testing.T) {
	server, client := fake(t, odootest.Config{}, nil)
	o, err := client.CreateOrder(t.Context(), anOrder(t, client, "k"))
	require.NoError(t, err)
	_, err = client.ConfirmOrder(t.Context(), o.Ref)
	require.NoError(t, err)
	require.NoError(t, server.ShipSome("k", "SKU-RED", "1", "1Z1"))
	half, err := client.FindOrder(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, erp.DeliveryPartial, half.Delivery)
	_, err = client.CancelOrder(t.Context(), o.Ref)
	require.ErrorIs(t, err, commerce.ErrConflict)
	require.NoError(t, server.Ship("k", "1Z2"))
	sent, err := client.OrderShipments(t.Context(), o.Ref)
	require.NoError(t, err)
	require.Len(t, sent, 2)
	for _, s := range sent {
		require.Equal(t, "1", s.Lines[0].Quantity.String())
	}
}

func TestNeitherSecretsNorPeopleReachErrorsAndLogs(t *testing.T) {
	var log bytes.Buffer
	server, client := fake(t, odootest.Config{}, func(c *odoo.Config) {
		once(c)
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	customer := erp.Customer{Key: "c", Party: commerce.Customer{Name: "Grace Secretive", Email: "grace@example.invalid"},
		Billing: commerce.Address{Name: "Grace Secretive", Street: "7 Hidden Lane", City: "Nowhere", Country: "DE", Phone: "+4930123456"}}
	var text strings.Builder
	for _, fault := range []odootest.Fault{
		{Kind: odootest.Lost}, {Kind: odootest.Answered, Status: 500, Body: "Grace Secretive"},
		{Kind: odootest.Answered, Status: 422, Header: http.Header{"Content-Type": {"application/json"}},
			Body: `{"name":"odoo.exceptions.ValidationError","message":"Grace Secretive is bad.","debug":"grace@example.invalid"}`},
	} {
		fault.Times, fault.Match = 1, odootest.OnMethod("res.partner.load")
		remove := server.Fail(fault)
		_, err := client.UpsertCustomer(t.Context(), customer)
		require.Error(t, err)
		fmt.Fprintf(&text, "%v\n%+v\n", err, err)
		remove()
		customer.Key += "x"
	}
	customer.Billing.Country = "XX"
	_, err := client.UpsertCustomer(t.Context(), customer)
	require.ErrorIs(t, err, commerce.ErrMapping)
	fmt.Fprintf(&text, "%v\n", err)
	for _, private := range []string{"Grace", "example.invalid", "Hidden", "+4930", server.Key().Reveal()} {
		require.NotContains(t, text.String(), private)
		require.NotContains(t, log.String(), private)
	}
	require.NotEmpty(t, log.String())
}

func TestAnAnswerBeyondTheBoundIsATypedError(t *testing.T) {
	_, client := fake(t, odootest.Config{}, func(c *odoo.Config) { c.MaxBody = 20 })
	require.ErrorIs(t, client.Ping(t.Context()), commerce.ErrLimit)
}

func TestTheBreakerOpensWhenTheServerIsIll(t *testing.T) {
	server, client := fake(t, odootest.Config{}, func(c *odoo.Config) {
		once(c)
		c.Resilience.Breaker = resilience.Breaker{Failures: 3, Roots: 1}
	})
	require.NoError(t, client.Ping(t.Context()))
	server.Fail(odootest.Fault{Kind: odootest.Refused})
	for range 3 {
		require.ErrorIs(t, client.Ping(t.Context()), commerce.ErrUnavailable)
	}
	require.ErrorIs(t, client.Ping(t.Context()), commerce.ErrParked)
}

func TestTheSameFakeOverARealConnection(t *testing.T) {
	server, err := odootest.New(odootest.Config{})
	require.NoError(t, err)
	web := server.NewServer()
	defer web.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client, err := odoo.NewClient(odoo.Config{URL: web.URL, Database: odootest.Database,
		Credentials: commerce.Static(odoo.Login{User: server.User(), Key: server.Key()}), Transport: transport,
		Resilience: resilience.Config{Retry: resilience.Retry{Attempts: 1}}})
	require.NoError(t, err)
	n := anOrder(t, client, "k")
	server.Fail(odootest.Fault{Kind: odootest.Lost, Times: 1, Match: odootest.OnMethod("sale.order.load")})
	_, err = client.CreateOrder(t.Context(), n)
	require.ErrorIs(t, err, commerce.ErrUnknown)
	_, err = client.CreateOrder(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, 1, server.Orders()["k"])
}

func TestOrdersAreFoundByNumberAndID(t *testing.T) {
	_, client := fake(t, odootest.Config{}, nil)
	o, err := client.CreateOrder(t.Context(), anOrder(t, client, "k"))
	require.NoError(t, err)
	byNumber, err := client.OrdersByNumber(t.Context(), o.Number)
	require.NoError(t, err)
	require.Equal(t, []erp.Order{o}, byNumber)
	byID, err := client.OrderByID(t.Context(), strings.TrimPrefix(o.Ref.ID, "order/"))
	require.NoError(t, err)
	require.Equal(t, o, byID)
	none, err := client.OrdersByNumber(t.Context(), "S99999")
	require.NoError(t, err)
	require.Empty(t, none)
	_, err = client.OrderByID(t.Context(), "99999999")
	require.ErrorIs(t, err, commerce.ErrNotFound)
}
