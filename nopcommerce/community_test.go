package nopcommerce_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/nopcommerce"
)

// example reads one of the examples of the contract, or skips.
func example(t testing.TB, file string) []byte {
	t.Helper()
	contract(t, officialDoc)
	b, err := os.ReadFile(filepath.Join(os.Getenv("COMMERCE_CONTRACTS"), "nopcommerce-examples", file))
	require.NoError(t, err)
	return b
}

func TestTheCommunitysOrderIsReadAsTheOfficialOne(t *testing.T) {
	t.Parallel()
	s := newCommunity(t)
	s.on["GET /orders/1300"] = says(string(example(t, "community-orders-get.json")))
	c := s.client()
	o, err := c.Orders.Get(t.Context(), 1300)
	require.NoError(t, err)
	require.Equal(t, nopcommerce.OrderProcessing, o.Status)
	require.Equal(t, nopcommerce.PaymentPaid, o.PaymentStatus)
	require.Equal(t, nopcommerce.NotYetShipped, o.ShippingStatus)
	require.True(t, o.PickupInStore)
	require.Equal(t, nopcommerce.Number("85.6"), o.Total)
	require.Equal(t, "Ohio", o.BillingAddress.Province)
	require.Nil(t, o.ShippingAddress)
	require.Equal(t, time.Date(2018, 1, 1, 12, 45, 0, 0, time.UTC), o.PaidDate.Time)
	lines, err := c.Items.Lines(t.Context(), 1300)
	require.NoError(t, err)
	require.Equal(t, "ST970", lines[0].SKU)
	require.Equal(t, "8099", lines[0].Attributes[0].Value)
	require.Equal(t, 1, s.logins)
}

func TestTheCommunitysCustomersAndProductsAreRead(t *testing.T) {
	t.Parallel()
	s := newCommunity(t)
	s.on["GET /customers/1"] = says(string(example(t, "community-customers-get.json")))
	s.on["GET /customers/search"] = s.on["GET /customers/1"]
	s.on["GET /products/2"] = says(string(example(t, "community-product-get.json")))
	c := s.client()
	got, err := c.Customers.Get(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, "John", got.FirstName)
	require.Equal(t, nopcommerce.ID(1), got.Addresses[0].ID)
	found, err := c.Customers.ByEmail(t.Context(), "ADMIN@yourstore.com")
	require.NoError(t, err)
	require.Equal(t, got.ID, found.ID)
	_, err = c.Customers.ByEmail(t.Context(), "other@yourstore.com")
	require.ErrorIs(t, err, commerce.ErrNotFound)
	require.NotContains(t, err.Error(), "other@")
	p, err := c.Products.Get(t.Context(), 2)
	require.NoError(t, err)
	require.Equal(t, "DS_VA3_PC", p.SKU)
	_, err = c.Products.Get(t.Context(), 3)
	require.Error(t, err)
}

func TestTheCommunitysListsAreWalkedByID(t *testing.T) {
	t.Parallel()
	s := newCommunity(t)
	s.on["GET /orders"] = func(r *http.Request, _ []byte) reply {
		q := r.URL.Query()
		since, _ := strconv.Atoi(q.Get("since_id"))
		limit, _ := strconv.Atoi(q.Get("limit"))
		var rows []string
		for id := since + 1; id <= 25 && len(rows) < limit; id++ {
			rows = append(rows, fmt.Sprintf(`{"id":%d,"order_status":"Pending","payment_status":"PartiallyRefunded","shipping_status":"Delivered","created_on_utc":"2026-11-21T12:00:%02d"}`, id, id))
		}
		return reply{status: 200, body: `{"orders":[` + strings.Join(rows, ",") + `]}`}
	}
	c := s.client(func(f *nopcommerce.Config) { f.PageSize = 10 })
	p := nopcommerce.OrderParams{CreatedFrom: now.Add(5 * time.Second), CreatedTo: now.Add(20 * time.Second), PaymentStatuses: []nopcommerce.PaymentStatus{nopcommerce.PaymentPartiallyRefunded}}
	got := ids(t, c, p)
	require.Equal(t, 5, got[0], "the bounds are included")
	require.Equal(t, 20, got[len(got)-1])
	require.Len(t, got, 16)
	require.Contains(t, s.sent()[1], "created_at_max=2026-11-21T12%3A00%3A21Z&created_at_min=2026-11-21T12%3A00%3A04Z&limit=10&payment_status=PartiallyRefunded&since_id=0")

	s.on["GET /orders"] = says(`{"orders":[{"id":1},{"id":1}]}`)
	var last error
	for _, err := range c.Orders.List(t.Context(), nopcommerce.OrderParams{}) {
		last = err
	}
	require.Equal(t, nopcommerce.CodeWrongRow, fault(t, last).Code, "a shop that ignores since_id makes no endless walk")

	s.on["GET /orders/count"] = says(`{"count":25}`)
	n, err := c.Orders.Count(t.Context(), nopcommerce.OrderParams{})
	require.NoError(t, err)
	require.Equal(t, 25, n)
	s.on["GET /currencies/primary"] = says(`{"id":1,"currency_code":"USD","rate":1.0}`)
	usd, err := c.Directory.PrimaryCurrency(t.Context())
	require.NoError(t, err)
	require.Equal(t, "USD", usd.Code)
	s.on["GET /countries"] = says(`{"countries":[{"id":1,"name":"United States","two_letter_iso_code":"US","ThreeLetterIsoCode":"USA"}]}`)
	us, err := c.Directory.CountryByCode(t.Context(), "USA")
	require.NoError(t, err)
	require.Equal(t, "US", us.Alpha2)
}

func TestWhatTheCommunityAPILacksIsSaidAndNotSent(t *testing.T) {
	t.Parallel()
	s := newCommunity(t)
	c := s.client()
	ctx := t.Context()
	var address nopcommerce.Address
	require.NoError(t, json.Unmarshal([]byte(`{"id":1}`), &address))
	for name, call := range map[string]func() error{
		"mark paid":    func() error { _, err := c.Processing.MarkPaid(ctx, 17); return err },
		"refund":       func() error { _, err := c.Processing.RefundTo(ctx, 17, "1"); return err },
		"ship":         func() error { _, err := c.Shipments.Ship(ctx, left); return err },
		"add a note":   func() error { _, err := c.Notes.Add(ctx, nopcommerce.Note{OrderID: 1, Text: "x"}); return err },
		"update":       func() error { _, err := c.Addresses.Update(ctx, address); return err },
		"create":       func() error { _, err := c.Addresses.Create(ctx, address); return err },
		"set stock":    func() error { return c.Stock.Set(ctx, nopcommerce.Level{ProductID: 1}) },
		"adjust stock": func() error { return c.Stock.Adjust(ctx, 1, 1, "", "") },
		"an attribute": func() error {
			return c.Attributes.Save(ctx, nopcommerce.Attribute{EntityID: 1, KeyGroup: "Order", Key: "k", Value: "v"})
		},
		"an address in": func() error { return c.Customers.AddAddress(ctx, 1, 2) },
		"a cycle":       func() error { return c.Recurring.AddCycle(ctx, 1, 2) },
	} {
		e := fault(t, call())
		require.Equal(t, nopcommerce.CodeNotOffered, e.Code, name)
		require.Equal(t, commerce.NotSent, e.Outcome, name)
		require.ErrorIs(t, e, commerce.ErrInvalid, name)
	}
	for name, call := range map[string]func() error{
		"notes":     func() error { _, err := c.Notes.List(ctx, 1); return err },
		"shipments": func() error { _, err := c.Shipments.OfOrder(ctx, 1); return err },
		"returns":   func() error { _, err := c.Returns.Get(ctx, 1); return err },
		"states":    func() error { _, err := c.Directory.States(ctx, 1); return err },
		"by sku":    func() error { _, _, err := c.Products.BySKU(ctx, "a"); return err },
		"by number": func() error { _, err := c.Orders.ByNumber(ctx, "a"); return err },
		"two statuses": func() error {
			_, err := c.Orders.Count(ctx, nopcommerce.OrderParams{Statuses: []nopcommerce.OrderStatus{10, 20}})
			return err
		},
		"customer filters": func() error { _, err := c.Customers.Count(ctx, nopcommerce.CustomerParams{Email: "x"}); return err },
	} {
		e := fault(t, call())
		require.Equal(t, nopcommerce.CodeNotOffered, e.Code, name)
		require.Empty(t, e.Outcome, name)
	}
	for _, err := range c.Returns.List(ctx, nopcommerce.ReturnParams{}) {
		require.Equal(t, nopcommerce.CodeNotOffered, fault(t, err).Code)
	}
	require.Empty(t, s.sent())
}

func TestTheErrorsOfTheCommunityAPI(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer reply
		kind   commerce.Kind
		text   string
	}{
		"fields that are wrong":  {reply{status: 422, body: `{"errors":{"Name":["'Name' must not be empty.","name is required"]}}`}, commerce.KindInvalid, "Name: 'Name' must not be empty. name is required"},
		"no such order":          {reply{status: 404, body: `{"errors":{"order":["not found"]}}`}, commerce.KindNotFound, "order: not found"},
		"a right is missing":     {reply{status: 403, kind: "text/plain"}, commerce.KindForbidden, ""},
		"an exception":           {reply{status: 500, body: `{"error":"Object reference not set"}`}, commerce.KindInternal, "Object reference"},
		"an exception on a read": {reply{status: 500, body: `{"errors":{"internal_server_error":["please, contact the store owner"]}}`}, commerce.KindInternal, "contact the store owner"},
		"the plugin is gone":     {reply{status: 404, kind: "text/html", body: "<html>"}, commerce.KindInvalid, "text/html"},
		"problem details":        {reply{status: 400, kind: "application/problem+json", body: `{"Type":"about","Title":"Bad Request","Status":400}`}, commerce.KindInvalid, "Bad Request"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newCommunity(t)
			s.on["GET /orders/17"] = func(*http.Request, []byte) reply { return test.answer }
			_, err := s.client().Orders.Get(t.Context(), 17)
			e := fault(t, err)
			require.Equal(t, test.kind, e.Kind, err)
			require.Contains(t, e.Text, test.text)
			require.Empty(t, e.Outcome)
		})
	}
}

func TestACommunityLoginIsRefusedWithA403(t *testing.T) {
	t.Parallel()
	s := newCommunity(t)
	n := 0
	s.on["POST /token"] = func(*http.Request, []byte) reply {
		n++
		return reply{status: 403, body: `"Wrong username or password"`}
	}
	c := s.client()
	for range 3 {
		require.Equal(t, nopcommerce.CodeLogin, fault(t, c.Ping(t.Context())).Code)
	}
	require.Equal(t, 1, n)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTheAPIOfAShopIsDetected(t *testing.T) {
	t.Parallel()
	page := reply{status: 200, kind: "text/html", body: "<html>welcome"}
	refused := reply{status: 401, body: `{"message":"Unauthorized"}`}
	challenge := reply{status: 401, kind: "text/plain", header: map[string]string{"WWW-Authenticate": "Bearer"}}
	gone := reply{status: 404, kind: "text/html"}
	for name, test := range map[string]struct {
		official, community reply
		api                 nopcommerce.API
		err                 error
	}{
		"the official one": {official: refused, community: gone},
		"the community's":  {official: gone, community: challenge, api: nopcommerce.Community},
		"both":             {official: refused, community: challenge},
		"the official one with its developer mode": {official: reply{status: 200, body: "[]"}, community: gone},
		"none": {official: gone, community: gone, err: commerce.ErrNotFound},
		"a shop that shows a page at every address":  {official: page, community: page, err: commerce.ErrNotFound},
		"a proxy that asks everybody for a password": {official: reply{status: 401, kind: "text/html"}, community: reply{status: 401, kind: "text/html"}, err: commerce.ErrNotFound},
		"a shop that is ill":                         {official: reply{status: 503, kind: "text/html"}, err: commerce.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api, err := nopcommerce.Detect(t.Context(), nopcommerce.Config{BaseURL: "https://shop.example/sub", Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				require.Empty(t, r.Header.Get("Authorization"))
				a := test.official
				if strings.HasPrefix(r.URL.Path, "/sub/api/") {
					a = test.community
				}
				h := http.Header{"Content-Type": {either(a.kind, "application/json")}}
				for k, v := range a.header {
					h.Set(k, v)
				}
				return &http.Response{StatusCode: a.status, Header: h, Request: r, Body: io.NopCloser(bytes.NewReader([]byte(a.body)))}, nil
			})})
			require.ErrorIs(t, err, test.err)
			if test.err == nil {
				require.NoError(t, err)
				require.Equal(t, test.api, api)
			}
		})
	}
	_, err := nopcommerce.Detect(t.Context(), nopcommerce.Config{})
	require.ErrorIs(t, err, commerce.ErrInvalid)
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
