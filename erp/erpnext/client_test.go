package erpnext_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/erpnext"
	"github.com/commercesync/commerce/erp/erpnext/erpnexttest"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/resilience"
)

func eur(minor int64) commerce.Money { return commerce.MustMoney(minor, "EUR") }

// sale is an order of two red mugs for 10.00 each, without tax.
func sale(t testing.TB, client *erpnext.Client, key string) erp.NewOrder {
	t.Helper()
	who, err := client.UpsertCustomer(t.Context(), erp.Customer{Key: "customer", Party: commerce.Customer{Name: "Ada Example"},
		Billing: commerce.Address{Name: "Ada Example", City: "Berlin", Country: "DE"}})
	require.NoError(t, err)
	return erp.NewOrder{Key: key, Customer: who, Date: commerce.Date{Year: 2026, Month: 11, Day: 21}, Currency: "EUR",
		Lines:    []erp.OrderLine{{SKU: "SKU-RED", Quantity: commerce.MustDecimal("2"), Net: eur(2000)}},
		Expected: erp.Totals{Net: eur(2000), Tax: eur(0), Gross: eur(2000)}}
}

// once makes no second attempt.
func once(c *erpnext.Config) { c.Resilience = resilience.Config{Retry: resilience.Retry{Attempts: 1}} }

// exception is an error of the server, with its message as the server packs it.
func exception(t *testing.T, class, message string) string {
	t.Helper()
	one, err := json.Marshal(map[string]string{"message": message})
	require.NoError(t, err)
	list, err := json.Marshal([]string{string(one)})
	require.NoError(t, err)
	b, err := json.Marshal(map[string]string{"exc_type": class, "_server_messages": string(list), "exc": `["Traceback of Ada Example"]`})
	require.NoError(t, err)
	return string(b)
}

func TestTheServersRefusalsAreToldApart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		class  string
		status int
		kind   commerce.Kind
	}{
		{"ValidationError", 417, commerce.KindInvalid},
		{"MandatoryError", 417, commerce.KindInvalid},
		{"LinkExistsError", 417, commerce.KindConflict},
		{"TimestampMismatchError", 417, commerce.KindConflict},
		{"DocstatusTransitionError", 417, commerce.KindConflict},
		{"UpdateAfterSubmitError", 417, commerce.KindConflict},
		{"ClosedAccountingPeriod", 417, commerce.KindPeriodClosed},
		{"PermissionError", 403, commerce.KindForbidden},
		{"AuthenticationError", 401, commerce.KindAuth},
		{"DoesNotExistError", 404, commerce.KindNotFound},
		{"TooManyRequestsError", 429, commerce.KindRateLimited},
		{"QueryDeadlockError", 500, commerce.KindUnavailable},
		{"KeyError", 500, commerce.KindInternal},
		{"SessionStopped", 503, commerce.KindUnavailable},
	} {
		t.Run(c.class, func(t *testing.T) {
			t.Parallel()
			server, client := fake(t, erpnexttest.Config{}, once)
			n := sale(t, client, "k")
			server.Fail(erpnexttest.Fault{Kind: erpnexttest.Answered, Status: c.status, Header: http.Header{"Content-Type": {"application/json"}},
				Body: exception(t, c.class, "Refused for <strong>Ada Example</strong>"), Match: erpnexttest.On(http.MethodPost, "Sales Order")})
			_, err := client.CreateOrder(t.Context(), n)
			require.Error(t, err)
			require.Equal(t, c.kind, commerce.KindOf(err), "%v", err)
			require.True(t, commerce.SafeToRetry(err), "the server has rolled back: %v", err)
			require.Contains(t, err.Error(), c.class)
			require.NotContains(t, err.Error(), "Ada")
		})
	}
	t.Run("what a proxy says is of unknown outcome", func(t *testing.T) {
		t.Parallel()
		server, client := fake(t, erpnexttest.Config{}, once)
		n := sale(t, client, "k")
		server.Fail(erpnexttest.Fault{Kind: erpnexttest.AfterEffect, Status: 502, Body: "<html>", Times: 1, Match: erpnexttest.On(http.MethodPost, "Sales Order")})
		_, err := client.CreateOrder(t.Context(), n)
		require.ErrorIs(t, err, commerce.ErrUnknown)
		again, err := client.CreateOrder(t.Context(), n)
		require.NoError(t, err)
		require.Equal(t, "k", again.Key)
		require.Equal(t, 1, server.Orders()["k"])
	})
}

func TestWritersAtOnceMakeOneOrderUnderAKey(t *testing.T) {
	t.Parallel()
	server, client := fake(t, erpnexttest.Config{}, nil)
	n := sale(t, client, "k")
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
	require.Equal(t, 1, server.Orders()["k"])
}

func TestDraftsThatWereMadeOfAnOrderGoWithIt(t *testing.T) {
	t.Parallel()
	server, client := fake(t, erpnexttest.Config{}, nil)
	o, err := client.CreateOrder(t.Context(), sale(t, client, "k"))
	require.NoError(t, err)
	o, err = client.ConfirmOrder(t.Context(), o.Ref)
	require.NoError(t, err)
	name := strings.TrimPrefix(o.Ref.ID, "order/")
	send := func(verb, path, body string) int {
		r, err := http.NewRequestWithContext(t.Context(), verb, erpnexttest.URL+"api/resource/"+path, strings.NewReader(body))
		require.NoError(t, err)
		login := server.Login()
		r.Header.Set("Authorization", "token "+login.Key+":"+login.Secret.Reveal())
		resp, err := server.Transport().RoundTrip(r)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	require.Equal(t, 200, send(http.MethodPost, "Delivery%20Note", `{"items": [{"against_sales_order": "`+name+`"}]}`))
	gone, err := client.CancelOrder(t.Context(), o.Ref)
	require.NoError(t, err)
	require.Equal(t, erp.Cancelled, gone.State)
	year := time.Now().UTC().Format("2006")
	require.Equal(t, 404, send(http.MethodGet, "Delivery%20Note/MAT-DN-"+year+"-00001", ""))
}

// A cancellation is finished whichever of its writes was interrupted before.
func TestACancellationThatIsInterruptedIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	for _, confirmed := range []bool{false, true} {
		for _, kind := range []erpnexttest.Fault{{Kind: erpnexttest.Lost}, {Kind: erpnexttest.Refused}, {Kind: erpnexttest.Answered, Status: 502}} {
			for skip := range 3 {
				server, client := fake(t, erpnexttest.Config{}, once)
				o, err := client.CreateOrder(t.Context(), sale(t, client, "k"))
				require.NoError(t, err)
				if confirmed {
					_, err = client.ConfirmOrder(t.Context(), o.Ref)
					require.NoError(t, err)
				}
				seen := 0
				kind.Times = 1
				kind.Match = func(r *http.Request) bool {
					if !erpnexttest.On(http.MethodPut, "Sales Order")(r) {
						return false
					}
					seen++
					return seen == skip+1
				}
				remove := server.Fail(kind)
				_, err = client.CancelOrder(t.Context(), o.Ref)
				if seen > 1 && err != nil {
					require.ErrorIs(t, err, commerce.ErrUnknown, "something was written before")
				}
				remove()
				gone, err := client.CancelOrder(t.Context(), o.Ref)
				require.NoError(t, err)
				require.Equal(t, erp.Cancelled, gone.State)
			}
		}
	}
}

func TestWithoutAUniqueFieldOrdersAreOnlyMarked(t *testing.T) {
	t.Parallel()
	for plain, want := range map[bool]idempotency.Class{false: idempotency.Keyed, true: idempotency.Marked} {
		_, client := fake(t, erpnexttest.Config{PlainKeys: plain}, nil)
		c, err := client.Capabilities(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, c.Classes.Order)
		require.Equal(t, !plain, c.UniqueOrders)
		require.Equal(t, erpnexttest.Version, c.Version)
	}
	_, client := fake(t, erpnexttest.Config{}, func(c *erpnext.Config) { c.KeyField = "custom_other" })
	_, err := client.Capabilities(t.Context())
	require.Equal(t, commerce.KindInvalid, commerce.KindOf(err))
	require.ErrorContains(t, err, "KeyField")
}

func TestAKeyThatNoFieldHoldsIsNotSent(t *testing.T) {
	t.Parallel()
	_, client := fake(t, erpnexttest.Config{}, nil)
	n := sale(t, client, strings.Repeat("k", 131))
	_, err := client.CreateOrder(t.Context(), n)
	require.Equal(t, commerce.KindInvalid, commerce.KindOf(err))
	require.True(t, commerce.SafeToRetry(err))
}

// renewed hands out a wrong login until it is rejected.
type renewed struct {
	mu    sync.Mutex
	right erpnext.Login
	done  bool
}

func (r *renewed) Current(context.Context) (erpnext.Login, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done {
		return r.right, nil
	}
	return erpnext.Login{Key: "old", Secret: commerce.NewSecret("old")}, nil
}

func (r *renewed) Rejected(context.Context, erpnext.Login) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = true
	return nil
}

func TestALoginThatIsRefusedIsAskedForAgain(t *testing.T) {
	t.Parallel()
	server, _ := fake(t, erpnexttest.Config{}, nil)
	_, client := fake(t, erpnexttest.Config{}, func(c *erpnext.Config) {
		c.Transport, c.Credentials = server.Transport(), &renewed{right: server.Login()}
	})
	require.NoError(t, client.Ping(t.Context()))
}

func TestEveryDeliveryIsToldThoughThePagesAreSmall(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 7, 0, 0, 0, time.UTC)
	server, client := fake(t, erpnexttest.Config{Now: func() time.Time { return at }}, func(c *erpnext.Config) { c.PageSize = 5 })
	want := map[string]bool{}
	for _, key := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		o, err := client.CreateOrder(t.Context(), sale(t, client, key))
		require.NoError(t, err)
		_, err = client.ConfirmOrder(t.Context(), o.Ref)
		require.NoError(t, err)
		require.NoError(t, server.Ship(key, "1Z"+key))
		want[key] = true
	}
	seen := map[string]bool{}
	pages := 0
	for at, more := erp.Cursor(""), true; more; pages++ {
		page, err := client.Shipments(t.Context(), at)
		require.NoError(t, err)
		for _, s := range page.Shipments {
			seen[s.Key] = true
			require.Equal(t, "1Z"+s.Key, s.Parcels[0].Tracking)
		}
		at, more = page.Next, page.More
	}
	require.Equal(t, want, seen)
	require.Equal(t, 2, pages)
}

func TestTheSameStateIsServedOverTCP(t *testing.T) {
	t.Parallel()
	server, _ := fake(t, erpnexttest.Config{}, nil)
	srv := server.NewServer()
	defer srv.Close()
	_, client := fake(t, erpnexttest.Config{}, func(c *erpnext.Config) {
		c.URL, c.Transport, c.Credentials = srv.URL, srv.Client().Transport, commerce.Static(server.Login())
	})
	_, err := client.CreateOrder(t.Context(), sale(t, client, "k"))
	require.NoError(t, err)
	require.Equal(t, 1, server.Orders()["k"])
}

func TestAConfigThatCanNotBeIsRefusedByTheNameOfTheField(t *testing.T) {
	t.Parallel()
	login := commerce.Static(erpnext.Login{})
	for field, c := range map[string]erpnext.Config{
		"URL":         {URL: "ftp://erp.example.com/", Credentials: login, Company: "C"},
		"Credentials": {URL: erpnexttest.URL, Company: "C"},
		"Company":     {URL: erpnexttest.URL, Credentials: login},
		"PageSize":    {URL: erpnexttest.URL, Credentials: login, Company: "C", PageSize: -1},
	} {
		_, err := erpnext.NewClient(c)
		require.Equal(t, commerce.KindInvalid, commerce.KindOf(err))
		require.ErrorContains(t, err, field)
	}
}
