package magento_test

import (
	"context"
	"encoding/json"
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
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/resilience"
)

var shopTime = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// instant never waits, so that retries take no time.
func instant(context.Context, time.Duration) error { return nil }

func newShop(t *testing.T, c magentotest.Config) *magentotest.Shop {
	t.Helper()
	shop, err := magentotest.New(c)
	require.NoError(t, err)
	return shop
}

func newClient(t *testing.T, c magento.Config, rt http.RoundTripper) *magento.Client {
	t.Helper()
	c.BaseURL, c.Transport = "https://shop.example", rt
	c.Resilience.Wait, c.Resilience.Breaker.Off = instant, true
	client, err := magento.NewClient(c)
	require.NoError(t, err)
	return client
}

func placeOne(t *testing.T, shop *magentotest.Shop) magento.ID {
	t.Helper()
	id, err := shop.Place(magentotest.NewOrder{ShippingPrice: "5", Items: []magentotest.NewItem{{SKU: "CUP", Qty: "3", Price: "9.99"}}})
	require.NoError(t, err)
	return magento.ID(id)
}

// TestEveryFaultHasItsOutcome is the table of faults: how often a read and a write are
// tried, what the error says, and what is in the shop afterwards.
func TestEveryFaultHasItsOutcome(t *testing.T) {
	t.Parallel()
	const tries = 3
	page := http.Header{"Content-Type": {"text/html"}}
	jsonHeader := http.Header{"Content-Type": {"application/json"}}
	report := `{"message":"Internal Error. Details are available in Magento log file. Report ID: webapi-6b0144f431c8d"}`
	type want struct {
		attempts int
		kind     commerce.Kind
		outcome  commerce.Outcome
	}
	for name, tc := range map[string]struct {
		fault       magentotest.Fault
		read, write want
		invoices    int // what a failed write left behind
	}{
		"the connection is refused":          {magentotest.Fault{Kind: magentotest.Refused}, want{tries, commerce.KindUnavailable, ""}, want{tries, commerce.KindUnavailable, commerce.NotSent}, 0},
		"the answer is lost":                 {magentotest.Fault{Kind: magentotest.Lost}, want{tries, commerce.KindUnavailable, ""}, want{1, commerce.KindUnavailable, commerce.Unknown}, 1},
		"half an answer":                     {magentotest.Fault{Kind: magentotest.Half}, want{1, commerce.KindUnavailable, ""}, want{1, commerce.KindUnavailable, commerce.Unknown}, 1},
		"maintenance":                        {magentotest.Maintenance(), want{tries, commerce.KindUnavailable, ""}, want{1, commerce.KindUnavailable, commerce.Unknown}, 0},
		"a gateway gives up after the work":  {magentotest.Fault{Kind: magentotest.AfterEffect, Status: 504, Header: page}, want{tries, commerce.KindUnavailable, ""}, want{1, commerce.KindUnavailable, commerce.Unknown}, 1},
		"a masked fault":                     {magentotest.Fault{Kind: magentotest.Answered, Status: 500, Header: jsonHeader, Body: report}, want{1, commerce.KindInternal, ""}, want{1, commerce.KindInternal, commerce.Unknown}, 0},
		"PHP prints a page":                  {magentotest.Fault{Kind: magentotest.Answered, Status: 500, Header: page, Body: "<b>Fatal error</b>"}, want{tries, commerce.KindUnavailable, ""}, want{1, commerce.KindUnavailable, commerce.Unknown}, 0},
		"a proxy limits the rate":            {magentotest.Fault{Kind: magentotest.Answered, Status: 429, Header: page}, want{tries, commerce.KindRateLimited, ""}, want{tries, commerce.KindRateLimited, commerce.NotSent}, 0},
		"a refusal":                          {magentotest.Fault{Kind: magentotest.Answered, Status: 400, Header: jsonHeader, Body: `{"message":"no"}`}, want{1, commerce.KindInvalid, ""}, want{1, commerce.KindInvalid, commerce.NotSent}, 0},
		"a page of success without JSON":     {magentotest.Fault{Kind: magentotest.AfterEffect, Status: 200, Header: page, Body: "<html>"}, want{1, commerce.KindInternal, ""}, want{1, commerce.KindInternal, commerce.Unknown}, 1},
		"success with another kind of value": {magentotest.Fault{Kind: magentotest.AfterEffect, Status: 200, Header: jsonHeader, Body: `{"entity_id":{}}`}, want{1, commerce.KindInternal, ""}, want{1, commerce.KindInternal, commerce.Unknown}, 1},
		"a redirect":                         {magentotest.Fault{Kind: magentotest.Answered, Status: 302, Header: http.Header{"Location": {"https://elsewhere.example"}}}, want{1, commerce.KindInvalid, ""}, want{1, commerce.KindInvalid, commerce.NotSent}, 0},
		"no such place":                      {magentotest.Fault{Kind: magentotest.Answered, Status: 404, Header: page, Body: "not here"}, want{1, commerce.KindInvalid, ""}, want{1, commerce.KindInvalid, commerce.NotSent}, 0},
		"nobody answers":                     {magentotest.Fault{Kind: magentotest.Stalled}, want{tries, commerce.KindUnavailable, ""}, want{1, commerce.KindUnavailable, commerce.Unknown}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				shop := newShop(t, magentotest.Config{})
				order := placeOne(t, shop)
				attempts := 0
				count := roundTrip(func(r *http.Request) (*http.Response, error) {
					attempts++
					return shop.Transport().RoundTrip(r)
				})
				c := newClient(t, magento.Config{Credentials: commerce.Static(shop.Keys()),
					Resilience: resilience.Config{Timeout: time.Second, Retry: resilience.Retry{Attempts: tries}}}, count)
				shop.Fail(tc.fault)
				check := func(w want, err error) {
					t.Helper()
					var e *commerce.Error
					require.ErrorAs(t, err, &e)
					require.Equal(t, w.kind, e.Kind, err)
					require.Equal(t, w.outcome, e.Outcome, err)
					require.Equal(t, w.attempts, attempts, err)
					require.NotContains(t, err.Error(), "<html", "no page in an error")
					require.NotContains(t, err.Error(), "Fatal")
					if w.outcome != "" {
						require.Equal(t, w.outcome == commerce.NotSent, commerce.SafeToRetry(err))
					}
				}
				_, err := c.Orders.Get(t.Context(), order)
				check(tc.read, err)
				attempts = 0
				_, err = c.Orders.Invoice(t.Context(), order, magento.InvoiceParams{})
				check(tc.write, err)
				require.Len(t, shop.Invoices(int64(order)), tc.invoices)
			})
		})
	}
}

// rotating hands out keys one after the other, as refusals come.
type rotating struct {
	mu       sync.Mutex
	keys     []magento.Keys
	at       int
	rejected int
	fail     error
}

func (r *rotating) Current(context.Context) (magento.Keys, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys[r.at], nil
}

func (r *rotating) Rejected(_ context.Context, refused magento.Keys) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rejected++
	if r.fail != nil {
		return r.fail
	}
	if r.keys[r.at] != refused || r.at+1 < len(r.keys) {
		if r.keys[r.at] == refused {
			r.at++
		}
		return nil
	}
	return &commerce.Error{Kind: commerce.KindAuth, Text: "no more keys"}
}

func TestRefusedKeysAreRenewedOnceForARequest(t *testing.T) {
	t.Parallel()
	shop := newShop(t, magentotest.Config{})
	order := placeOne(t, shop)
	good, bad := shop.Keys(), shop.Keys()
	bad.AccessToken = commerce.NewSecret(strings.Repeat("x", 32))
	for name, tc := range map[string]struct {
		keys     []magento.Keys
		fail     error
		rejected int
		attempts int
		kind     commerce.Kind // empty: it works
	}{
		"good keys":                            {keys: []magento.Keys{good}, attempts: 1},
		"the next ones are good":               {keys: []magento.Keys{bad, good}, rejected: 1, attempts: 2},
		"there are no others":                  {keys: []magento.Keys{bad}, rejected: 1, attempts: 1, kind: commerce.KindAuth},
		"the next ones are no better":          {keys: []magento.Keys{bad, {Bearer: commerce.NewSecret("y")}, good}, rejected: 1, attempts: 2, kind: commerce.KindAuth},
		"the source of keys is itself ill":     {keys: []magento.Keys{bad}, fail: &commerce.Error{Kind: commerce.KindUnavailable, Text: "vault"}, rejected: 1, attempts: 1, kind: commerce.KindUnavailable},
		"keys in two ways are refused at once": {keys: []magento.Keys{{Bearer: commerce.NewSecret("y"), Username: "ann"}}, kind: commerce.KindAuth},
		"half a set of keys":                   {keys: []magento.Keys{{ConsumerKey: "x"}}, kind: commerce.KindAuth},
		"no keys at all":                       {keys: []magento.Keys{{}}, kind: commerce.KindAuth},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			creds := &rotating{keys: tc.keys, fail: tc.fail}
			attempts, nonces := 0, map[string]bool{}
			c := newClient(t, magento.Config{Credentials: creds, Resilience: resilience.Config{Retry: resilience.Retry{Attempts: 1}}},
				roundTrip(func(r *http.Request) (*http.Response, error) {
					attempts++
					nonces[r.Header.Get("Authorization")] = true
					return shop.Transport().RoundTrip(r)
				}))
			err := c.Orders.Comment(t.Context(), order, magento.Comment{Text: "x"})
			if tc.kind == "" {
				require.NoError(t, err)
				attempts-- // the comment that came after the read
			} else {
				require.Equal(t, tc.kind, commerce.KindOf(err), err)
				require.True(t, commerce.SafeToRetry(err))
				for _, secret := range []string{"xxxxxxxx", good.AccessTokenSecret.Reveal()} {
					require.NotContains(t, err.Error(), secret)
				}
			}
			require.Equal(t, tc.rejected, creds.rejected)
			require.Equal(t, tc.attempts, attempts)
			require.GreaterOrEqual(t, len(nonces), attempts, "every attempt is signed afresh")
		})
	}
}

func TestAMissingRightIsNoReasonToRenewKeys(t *testing.T) {
	t.Parallel()
	shop := newShop(t, magentotest.Config{Admins: map[string]string{"ann": "secret"}, Integrations: []magentotest.Integration{{
		Rights: []string{"Magento_Backend::store"}, Keys: magento.Keys{ConsumerKey: strings.Repeat("k", 32), ConsumerSecret: commerce.NewSecret("s"),
			AccessToken: commerce.NewSecret(strings.Repeat("t", 32)), AccessTokenSecret: commerce.NewSecret("u")}}}})
	creds := &rotating{keys: []magento.Keys{shop.Keys()}}
	c := newClient(t, magento.Config{Credentials: creds}, shop.Transport())
	_, err := c.Orders.Get(t.Context(), 1)
	var e *commerce.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, commerce.KindForbidden, e.Kind)
	require.Equal(t, "Magento_Sales::actions_view", e.Code)
	require.Equal(t, "The consumer isn't authorized to access Magento_Sales::actions_view.", e.Text)
	require.Zero(t, creds.rejected)
}

func TestAnAdminsTokenIsFetchedOnceAndRenewed(t *testing.T) {
	t.Parallel()
	now := shopTime
	var clock sync.Mutex
	tick := func() time.Time { clock.Lock(); defer clock.Unlock(); return now }
	pass := func(d time.Duration) { clock.Lock(); defer clock.Unlock(); now = now.Add(d) }
	shop := newShop(t, magentotest.Config{Now: tick, Admins: map[string]string{"ann": "secret"}})
	order := placeOne(t, shop)
	logins := func() int {
		n := 0
		for _, call := range shop.Calls() {
			if strings.HasSuffix(call.Path, "/admin/token") {
				n++
			}
		}
		return n
	}
	c := newClient(t, magento.Config{Now: tick, Credentials: commerce.Static(magento.Keys{Username: "ann", Password: commerce.NewSecret("secret")})}, shop.Transport())

	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, err := c.Orders.Get(t.Context(), order)
			require.NoError(t, err)
		})
	}
	all.Wait()
	require.Equal(t, 1, logins(), "eight requests at once share one login")

	pass(55 * time.Minute)
	_, err := c.Orders.Get(t.Context(), order)
	require.NoError(t, err)
	require.Equal(t, 2, logins(), "it is renewed before its hour is over")

	shop.RevokeTokens()
	_, err = c.Orders.Get(t.Context(), order)
	require.NoError(t, err)
	require.Equal(t, 3, logins(), "and once when it is refused")

	wrong := newClient(t, magento.Config{Now: tick, Credentials: commerce.Static(magento.Keys{Username: "ann", Password: commerce.NewSecret("guess")})}, shop.Transport())
	_, err = wrong.Orders.Get(t.Context(), order)
	require.ErrorIs(t, err, commerce.ErrAuth)
	require.NotContains(t, err.Error(), "guess")
}

func TestTwoFactorGivesNoToken(t *testing.T) {
	t.Parallel()
	shop := newShop(t, magentotest.Config{TwoFactor: true, Admins: map[string]string{"ann": "secret"}})
	c := newClient(t, magento.Config{Credentials: commerce.Static(magento.Keys{Username: "ann", Password: commerce.NewSecret("secret")})}, shop.Transport())
	_, err := c.Orders.Invoice(t.Context(), 1, magento.InvoiceParams{})
	require.ErrorIs(t, err, commerce.ErrAuth)
	require.Contains(t, err.Error(), "2FA")
	require.True(t, commerce.SafeToRetry(err))
}

func TestAConfigThatCanNotWorkNamesItsField(t *testing.T) {
	t.Parallel()
	keys := commerce.Static(magento.Keys{Bearer: commerce.NewSecret("x")})
	for field, c := range map[string]magento.Config{
		"BaseURL":     {Credentials: keys},
		"BaseURL ":    {BaseURL: "shop.example", Credentials: keys},
		"BaseURL  ":   {BaseURL: "https://ann:secret@shop.example", Credentials: keys},
		"Store":       {BaseURL: "https://shop.example", Store: "../all", Credentials: keys},
		"Credentials": {BaseURL: "https://shop.example"},
		"MaxBody":     {BaseURL: "https://shop.example", Credentials: keys, MaxBody: -1},
		"PageSize":    {BaseURL: "https://shop.example", Credentials: keys, PageSize: 5000},
		"MaxPages":    {BaseURL: "https://shop.example", Credentials: keys, MaxPages: -1},
		"Resilience":  {BaseURL: "https://shop.example", Credentials: keys, Resilience: resilience.Config{Timeout: -1}},
	} {
		_, err := magento.NewClient(c)
		require.ErrorIs(t, err, commerce.ErrInvalid, field)
		require.Contains(t, err.Error(), "Config."+strings.TrimSpace(field))
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestAListLosesNothingAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		orders  int
		spacing time.Duration // between two orders
		size    int
	}{
		"nothing there":                      {0, time.Second, 3},
		"less than a page":                   {2, time.Second, 3},
		"exactly one page":                   {3, time.Second, 3},
		"many pages":                         {20, time.Second, 3},
		"several pages inside one second":    {20, 0, 3},
		"a page boundary inside a second":    {20, 400 * time.Millisecond, 3},
		"pages of one row inside one second": {5, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := shopTime
			shop := newShop(t, magentotest.Config{Now: func() time.Time { return now }})
			var want []magento.ID
			for range tc.orders {
				want = append(want, placeOne(t, shop))
				now = now.Add(tc.spacing)
			}
			now = now.Add(time.Minute)
			c := newClient(t, magento.Config{Now: func() time.Time { return now }, Credentials: commerce.Static(shop.Keys()), PageSize: tc.size}, shop.Transport())
			var got []magento.ID
			for o, err := range c.Orders.List(t.Context(), magento.ListParams{UpdatedFrom: shopTime.Add(-time.Hour), UpdatedTo: now}) {
				require.NoError(t, err)
				got = append(got, o.EntityID)
			}
			require.Equal(t, want, got)
			require.Len(t, shop.Calls(), max(1, (tc.orders+tc.size-1)/tc.size), "a page is read once")
		})
	}
}

func TestARowThatMovesWhileOneWalksIsNotLost(t *testing.T) {
	t.Parallel()
	now := shopTime
	shop := newShop(t, magentotest.Config{Now: func() time.Time { return now }})
	for range 9 {
		placeOne(t, shop)
		now = now.Add(time.Second)
	}
	c := newClient(t, magento.Config{Now: func() time.Time { return now }, Credentials: commerce.Static(shop.Keys()), PageSize: 2}, shop.Transport())
	seen := map[magento.ID]int{}
	for o, err := range c.Orders.List(t.Context(), magento.ListParams{}) {
		require.NoError(t, err)
		seen[o.EntityID]++
		if o.EntityID == 2 && seen[2] == 1 {
			now = now.Add(time.Minute)
			require.NoError(t, c.Orders.Hold(t.Context(), 1)) // pages by number would skip a row now
		}
	}
	require.Len(t, seen, 9)
	require.Equal(t, 2, seen[1], "the order that changed comes again")
	require.Equal(t, 1, seen[5])
}

func TestAListStopsAtItsBoundAndWhereItsCallerStops(t *testing.T) {
	t.Parallel()
	shop := newShop(t, magentotest.Config{})
	for range 5 {
		placeOne(t, shop)
	}
	c := newClient(t, magento.Config{Credentials: commerce.Static(shop.Keys()), PageSize: 1, MaxPages: 2}, shop.Transport())
	var failed error
	for _, err := range c.Orders.List(t.Context(), magento.ListParams{}) {
		failed = err
	}
	require.ErrorIs(t, failed, commerce.ErrLimit)
	require.Contains(t, failed.Error(), "Config.MaxPages")

	before := len(shop.Calls())
	for _, err := range c.Orders.List(t.Context(), magento.ListParams{}) {
		require.NoError(t, err)
		break
	}
	require.Len(t, shop.Calls(), before+1)
}

func TestRowsThatWereNotAskedForAreAnError(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]magento.ListParams{"by change": {}, "by number": {ByID: true}} {
		asked := 0
		c := newClient(t, magento.Config{Credentials: commerce.Static(magento.Keys{Bearer: commerce.NewSecret("x")}), PageSize: 1},
			roundTrip(func(r *http.Request) (*http.Response, error) {
				asked++
				return reply(r, `{"items":[{"entity_id":1,"updated_at":"2026-11-21 09:00:00"}],"total_count":7}`), nil
			}))
		n := 0
		var last error
		for _, err := range c.Orders.List(t.Context(), p) {
			if last = err; err == nil {
				n++
			}
		}
		var e *commerce.Error
		require.ErrorAs(t, last, &e, name)
		require.Equal(t, magento.CodeForeignRows, e.Code, name)
		require.Equal(t, []int{1, 2}, []int{n, asked}, name)
	}
}

func TestAListGoesOnBehindAnyRow(t *testing.T) {
	t.Parallel()
	now := shopTime
	shop := newShop(t, magentotest.Config{Now: func() time.Time { return now }})
	for n := range 12 {
		placeOne(t, shop)
		if n%5 == 4 {
			now = now.Add(time.Second)
		}
	}
	require.NoError(t, shop.Admin().Hold(2)) // the newest change
	c := newClient(t, magento.Config{Now: func() time.Time { return now }, Credentials: commerce.Static(shop.Keys()), PageSize: 3}, shop.Transport())
	walk := func(p magento.ListParams) (ids []magento.ID, rows []magento.Order) {
		for o, err := range c.Orders.List(t.Context(), p) {
			require.NoError(t, err)
			ids, rows = append(ids, o.EntityID), append(rows, o)
		}
		return ids, rows
	}
	all, rows := walk(magento.ListParams{})
	require.Equal(t, []magento.ID{1, 3, 4, 5, 6, 7, 8, 9, 10, 2, 11, 12}, all)
	for n, o := range rows {
		behind, _ := walk(magento.ListParams{UpdatedFrom: o.UpdatedAt.Time, After: o.EntityID})
		require.Equal(t, all[n+1:], append([]magento.ID{}, behind...), "behind order %d", o.EntityID)
		behind, _ = walk(magento.ListParams{ByID: true, After: o.EntityID})
		require.Len(t, behind, 12-int(o.EntityID))
	}
	some, _ := walk(magento.ListParams{ByID: true, UpdatedFrom: now, UpdatedTo: now})
	require.Equal(t, []magento.ID{2, 11, 12}, some, "bounds of the date hold for a walk by number")
}

func TestANumberNamesOneOrderOnlyWithItsStore(t *testing.T) {
	t.Parallel()
	shop := newShop(t, magentotest.Config{})
	one := placeOne(t, shop)
	two, err := shop.Place(magentotest.NewOrder{Store: "eu_nl", Items: []magentotest.NewItem{{SKU: "CUP", Price: "1"}}})
	require.NoError(t, err)
	c := newClient(t, magento.Config{Credentials: commerce.Static(shop.Keys())}, shop.Transport())

	_, err = c.Orders.FindByIncrementID(t.Context(), "000000001", 0)
	require.ErrorIs(t, err, commerce.ErrAmbiguous)
	o, err := c.Orders.FindByIncrementID(t.Context(), "000000001", 3)
	require.NoError(t, err)
	require.Equal(t, magento.ID(two), o.EntityID)
	o, err = c.Orders.FindByIncrementID(t.Context(), "000000001", 1)
	require.NoError(t, err)
	require.Equal(t, one, o.EntityID)
	_, err = c.Orders.FindByIncrementID(t.Context(), "000000002", 0)
	require.ErrorIs(t, err, commerce.ErrNotFound)
	_, err = c.Orders.FindByIncrementID(t.Context(), "", 0)
	require.ErrorIs(t, err, commerce.ErrInvalid)
}

func TestACommentNeverMovesOrWipesTheStatus(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"2.4.6-p1", "2.4.7"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			shop := newShop(t, magentotest.Config{Version: version, Statuses: map[string][]string{"new": {"checked"}}})
			order := placeOne(t, shop)
			c := newClient(t, magento.Config{Credentials: commerce.Static(shop.Keys()), Statuses: map[string][]string{"new": {"checked"}}}, shop.Transport())
			ctx := t.Context()
			status := func() string {
				o, _ := shop.Order(int64(order))
				return o.State + "/" + o.Status
			}
			require.NoError(t, c.Orders.Comment(ctx, order, magento.Comment{Text: "one"}))
			require.Equal(t, "new/pending", status())
			require.NoError(t, c.Orders.Comment(ctx, order, magento.Comment{Text: "two", Status: "checked"}))
			require.Equal(t, "new/checked", status())
			for _, foreign := range []string{"processing", "made_up"} {
				err := c.Orders.Comment(ctx, order, magento.Comment{Text: "three", Status: foreign})
				var e *commerce.Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, magento.CodeForeignStatus, e.Code)
				require.Equal(t, commerce.NotSent, e.Outcome)
			}
			require.NoError(t, shop.SetState(int64(order), "new", "")) // as an earlier comment may have left it
			require.NoError(t, c.Orders.Comment(ctx, order, magento.Comment{Text: "four"}))
			require.Equal(t, "new/pending", status())
			got, err := c.Orders.Comments(ctx, order)
			require.NoError(t, err)
			require.Len(t, got, 3)
			require.Equal(t, "one", got[0].Comment)
			require.Len(t, shop.Comments(int64(order)), 3)
		})
	}
}

func TestAShipmentThatTheShopCutsIsNoticed(t *testing.T) {
	t.Parallel()
	shop := newShop(t, magentotest.Config{})
	order := placeOne(t, shop)
	row := func() magento.ID { o, _ := shop.Order(int64(order)); return o.Items[0].ItemID }()
	meanwhile := func(*http.Request) {}
	c := newClient(t, magento.Config{Credentials: commerce.Static(shop.Keys())}, roundTrip(func(r *http.Request) (*http.Response, error) {
		meanwhile(r)
		return shop.Transport().RoundTrip(r)
	}))
	ctx := t.Context()
	three := magento.ShipParams{Items: []magento.ItemQty{{OrderItemID: row, Qty: "3"}}}

	_, err := c.Orders.Ship(ctx, order, magento.ShipParams{Items: []magento.ItemQty{{OrderItemID: row, Qty: "4"}}})
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.True(t, commerce.SafeToRetry(err))
	_, err = c.Orders.Ship(ctx, order, magento.ShipParams{Items: []magento.ItemQty{{OrderItemID: 99, Qty: "1"}}})
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.Empty(t, shop.Shipments(int64(order)))

	other := newClient(t, magento.Config{Credentials: commerce.Static(shop.Keys())}, shop.Transport())
	meanwhile = func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/ship") {
			_, err := other.Orders.Ship(ctx, order, magento.ShipParams{Items: []magento.ItemQty{{OrderItemID: row, Qty: "1"}}})
			require.NoError(t, err)
		}
	}
	got, err := c.Orders.Ship(ctx, order, three)
	var e *commerce.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, magento.CodeQuantityCut, e.Code)
	require.Equal(t, commerce.Done, e.Outcome)
	require.Equal(t, magento.Number("2"), got.Items[0].Qty)

	track, err := c.Shipments.AddTrack(ctx, magento.TrackParams{OrderID: order, ShipmentID: got.EntityID,
		NewTrack: magento.NewTrack{TrackNumber: "1Z", Title: "UPS", CarrierCode: "ups"}})
	require.NoError(t, err)
	require.Equal(t, "1Z", track.TrackNumber)
}

func TestAReadBackThatFailsSaysThatTheShipmentIsMade(t *testing.T) {
	t.Parallel()
	shop := newShop(t, magentotest.Config{})
	order := placeOne(t, shop)
	c := newClient(t, magento.Config{Credentials: commerce.Static(shop.Keys()), Resilience: resilience.Config{Retry: resilience.Retry{Attempts: 1}}}, shop.Transport())
	shop.Fail(magentotest.Fault{Kind: magentotest.Refused, Match: func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/shipment/") }})
	got, err := c.Orders.Ship(t.Context(), order, magento.ShipParams{})
	var e *commerce.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, commerce.Done, e.Outcome)
	require.False(t, commerce.SafeToRetry(err))
	require.Equal(t, magento.ID(1), got.EntityID)
	require.Len(t, shop.Shipments(int64(order)), 1)
}

func TestAnAnswerAboveTheBoundIsALimit(t *testing.T) {
	t.Parallel()
	shop := newShop(t, magentotest.Config{})
	order := placeOne(t, shop)
	c := newClient(t, magento.Config{Credentials: commerce.Static(shop.Keys()), MaxBody: 100}, shop.Transport())
	_, err := c.Orders.Get(t.Context(), order)
	require.ErrorIs(t, err, commerce.ErrLimit)
	require.Contains(t, err.Error(), "Config.MaxBody")
}

func TestTheShopsClockAndPing(t *testing.T) {
	t.Parallel()
	shop := newShop(t, magentotest.Config{Now: func() time.Time { return shopTime }})
	c := newClient(t, magento.Config{Now: func() time.Time { return shopTime.Add(time.Minute) }, Credentials: commerce.Static(shop.Keys())}, shop.Transport())
	require.NoError(t, c.Ping(t.Context()))
	got, err := c.ServerTime(t.Context())
	require.NoError(t, err)
	require.Equal(t, shopTime, got)
}

func TestTheBreakerClosesWhenTheShopAnswersAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shop := newShop(t, magentotest.Config{})
		order := placeOne(t, shop)
		c, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Transport: shop.Transport(), Credentials: commerce.Static(shop.Keys()),
			Resilience: resilience.Config{Retry: resilience.Retry{Attempts: 1}}})
		require.NoError(t, err)
		shop.Fail(magentotest.Maintenance())
		for i := range 10 {
			ctx := resilience.WithRoot(t.Context(), fmt.Sprint("order ", i))
			_, err = c.Orders.Get(ctx, order)
			require.Error(t, err)
		}
		require.ErrorIs(t, err, commerce.ErrParked)
		_, err = c.Orders.Invoice(t.Context(), order, magento.InvoiceParams{})
		require.ErrorIs(t, err, commerce.ErrParked)
		require.True(t, commerce.SafeToRetry(err), "a parked write was not sent")
		require.Positive(t, commerce.RetryAfter(err))
		shop.Heal()
		time.Sleep(time.Minute)
		_, err = c.Orders.Get(t.Context(), order)
		require.NoError(t, err)
	})
}

func TestErrorsFillInPlaceholders(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ body, want string }{
		"a list":                                {`{"message":"We found an invalid quantity to refund item \"%1\".","parameters":["Cup"]}`, `We found an invalid quantity to refund item "Cup".`},
		"an object":                             {`{"message":"\"%fieldName\" is required. Enter and try again.","parameters":{"fieldName":"searchCriteria"}}`, `"searchCriteria" is required. Enter and try again.`},
		"a number":                              {`{"message":"Maximum SearchCriteria pageSize is %max","parameters":{"max":300}}`, `Maximum SearchCriteria pageSize is 300`},
		"ten parameters":                        {`{"message":"%10 %1","parameters":["a","b","c","d","e","f","g","h","i","j"]}`, `j a`},
		"a value that looks like a placeholder": {`{"message":"%1 %2","parameters":["%2","x"]}`, `%2 x`},
		"PHP's empty list":                      {`{"message":"plain","parameters":[]}`, `plain`},
		"null parameters":                       {`{"message":"plain","parameters":null}`, `plain`},
		"nested errors":                         {`{"message":"One or more input exceptions have occurred.","errors":[{"message":"\"%fieldName\" is required.","parameters":{"fieldName":"sku"}},{"message":"%1!","parameters":["no"]}]}`, `One or more input exceptions have occurred.; "sku" is required.; no!`},
		"lines":                                 {`{"message":"Invoice Document Validation Error(s):\nThe order does not allow it."}`, `Invoice Document Validation Error(s): The order does not allow it.`},
		"a person's address is left out":        {`{"message":"%1 is taken","parameters":["ann@example.com"]}`, `[e-mail] is taken`},
		"the trace of developer mode is left out": {`{"message":"no","trace":"#0 /var/www/ann"}`, `no`},
		"a very long text is cut":                 {`{"message":"` + strings.Repeat("x", 400) + `"}`, strings.Repeat("x", 297) + "..."},
		"an object where a text should be, as is": {`{"message":"%1","parameters":[{"a":1}]}`, `{"a":1}`},
		"a boolean": {`{"message":"%1","parameters":[true]}`, `true`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.True(t, json.Valid([]byte(tc.body)))
			c := newClient(t, magento.Config{Credentials: commerce.Static(magento.Keys{Bearer: commerce.NewSecret("x")})},
				roundTrip(func(r *http.Request) (*http.Response, error) {
					resp := reply(r, tc.body)
					resp.StatusCode = 400
					return resp, nil
				}))
			_, err := c.Orders.Get(t.Context(), 1)
			var e *commerce.Error
			require.True(t, errors.As(err, &e))
			require.Equal(t, tc.want, e.Text)
		})
	}
}

func TestTransactionsAreListedByTheirRow(t *testing.T) {
	t.Parallel()
	shop := newShop(t, magentotest.Config{StripeModule: true})
	for n := range 5 {
		order := placeOne(t, shop)
		require.NoError(t, shop.Charged(magentotest.StripeCharge{Order: int64(order), Intent: fmt.Sprint("pi_", n)}))
	}
	c := newClient(t, magento.Config{Credentials: commerce.Static(shop.Keys()), PageSize: 2}, shop.Transport())
	var got []string
	for x, err := range c.Transactions.List(t.Context(), magento.ListParams{}) {
		require.NoError(t, err)
		got = append(got, x.TxnID)
	}
	require.Equal(t, []string{"pi_0", "pi_1", "pi_2", "pi_3", "pi_4"}, got)
	for _, err := range c.Transactions.List(t.Context(), magento.ListParams{UpdatedFrom: shopTime}) {
		require.ErrorIs(t, err, commerce.ErrInvalid)
	}
	one, err := c.Transactions.Get(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, magento.TransactionCapture, one.TxnType)
}
