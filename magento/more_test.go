package magento_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
)

func home() magento.CustomerAddress {
	return magento.CustomerAddress{Firstname: "Ann", Lastname: "Smith", Street: []string{"1 High St"}, City: "Austin",
		Region: magento.Region{Code: "TX"}, CountryID: "US", Postcode: "78701", Telephone: "1", DefaultBilling: true}
}

func TestAnAddressOfACustomerIsAddedWithoutLosingTheOthers(t *testing.T) {
	t.Parallel()
	shop := newShop(t, magentotest.Config{})
	c, ctx := newClient(t, magento.Config{Credentials: commerce.Static(shop.Keys())}, shop.Transport()), t.Context()
	ann, err := c.Customers.Create(ctx, magento.CustomerParams{Email: "ann@example.com", Firstname: "Ann", Lastname: "Smith", Addresses: []magento.CustomerAddress{home()}})
	require.NoError(t, err)
	require.Equal(t, magento.ID(57), ann.Addresses[0].Region.ID, "the code alone would have been dropped")
	require.Equal(t, ann.Addresses[0].ID, ann.DefaultBilling)

	work := home()
	work.City, work.DefaultBilling, work.Region = "New York", false, magento.Region{Name: "New York"}
	ann, err = c.Customers.SaveAddress(ctx, ann.ID, work)
	require.NoError(t, err)
	require.Len(t, ann.Addresses, 2)
	require.Equal(t, magento.ID(43), ann.Addresses[1].Region.ID)
	require.NotZero(t, ann.DefaultBilling, "the first one and its flag are kept")
	work = ann.Addresses[1]
	work.City = "Buffalo"
	ann, err = c.Customers.SaveAddress(ctx, ann.ID, work)
	require.NoError(t, err)
	require.Len(t, ann.Addresses, 2)
	require.Equal(t, "Buffalo", ann.Addresses[1].City)
	require.Equal(t, work.ID, ann.Addresses[1].ID)

	ann, err = c.Customers.Update(ctx, ann.ID, magento.CustomerParams{Taxvat: "X1", GroupID: 2})
	require.NoError(t, err)
	require.Len(t, ann.Addresses, 2, "what is left out is kept")
	require.Equal(t, "Smith", ann.Lastname)

	refusals := map[string]struct {
		code string
		do   func() error
	}{
		"a list without a word": {magento.CodeAddressesReplaced, func() error {
			_, err := c.Customers.Update(ctx, ann.ID, magento.CustomerParams{Addresses: []magento.CustomerAddress{home()}})
			return err
		}},
		"an address of somebody else": {"", func() error {
			a := home()
			a.ID = 99
			_, err := c.Customers.SaveAddress(ctx, ann.ID, a)
			return err
		}},
		"a region that is none": {magento.CodeRegion, func() error {
			a := home()
			a.Region = magento.Region{Code: "ZZ"}
			_, err := c.Customers.SaveAddress(ctx, ann.ID, a)
			return err
		}},
		"a password": {"", func() error {
			_, err := c.Customers.Update(ctx, ann.ID, magento.CustomerParams{Password: commerce.NewSecret("Passw0rd123")})
			return err
		}},
		"an e-mail address that is taken": {"", func() error {
			_, err := c.Customers.Create(ctx, magento.CustomerParams{Email: "Ann@example.com", Firstname: "A", Lastname: "B"})
			return err
		}},
	}
	for name, r := range refusals {
		err := r.do()
		var e *commerce.Error
		require.ErrorAs(t, err, &e, name)
		require.Equal(t, commerce.KindInvalid, e.Kind, name)
		require.Equal(t, r.code, e.Code, name)
		require.Equal(t, commerce.NotSent, e.Outcome, name)
	}

	ann, err = c.Customers.Update(ctx, ann.ID, magento.CustomerParams{ReplaceAddresses: true})
	require.NoError(t, err)
	require.Empty(t, ann.Addresses)
	twin, err := c.Customers.Create(ctx, magento.CustomerParams{Email: "ann@example.com", Firstname: "Ann", Lastname: "Smith", WebsiteID: 2})
	require.NoError(t, err, "customers are a website's")
	var sites []magento.ID
	for x, err := range c.Customers.List(ctx, magento.ListParams{Filters: magento.Where(magento.Filter{Field: "email", Value: "ann@example.com"})}) {
		require.NoError(t, err)
		sites = append(sites, x.WebsiteID)
	}
	require.ElementsMatch(t, []magento.ID{1, twin.WebsiteID}, sites)
	groups, err := c.Customers.Groups(ctx)
	require.NoError(t, err)
	require.Equal(t, "Wholesale", groups[2].Code)
	_, err = c.Customers.Get(ctx, 99)
	require.ErrorIs(t, err, commerce.ErrNotFound)
}

func TestAnOrdersAddressIsWrittenAsAWholeAndOnlyItsOwn(t *testing.T) {
	t.Parallel()
	shop := newShop(t, magentotest.Config{})
	c, ctx := newClient(t, magento.Config{Credentials: commerce.Static(shop.Keys())}, shop.Transport()), t.Context()
	first, second := placeOne(t, shop), placeOne(t, shop)
	o, err := c.Orders.Get(ctx, first)
	require.NoError(t, err)
	a := *o.BillingAddress
	a.City, a.Company = "Dallas", "ACME"
	got, err := c.Orders.SetAddress(ctx, first, a)
	require.NoError(t, err)
	require.Equal(t, "Dallas", got.City)
	o, err = c.Orders.Get(ctx, first)
	require.NoError(t, err)
	require.Equal(t, "ACME", o.BillingAddress.Company)
	require.Equal(t, "Austin", o.Shipping().Address.City)

	part, none, foreign, kind := a, a, a, a
	part.Street, none.EntityID, kind.Type = nil, 0, "shipping"
	for name, do := range map[string]func() error{
		"a part of it":      func() error { _, err := c.Orders.SetAddress(ctx, first, part); return err },
		"without its id":    func() error { _, err := c.Orders.SetAddress(ctx, first, none); return err },
		"of another order":  func() error { _, err := c.Orders.SetAddress(ctx, second, foreign); return err },
		"of the other kind": func() error { _, err := c.Orders.SetAddress(ctx, first, kind); return err },
	} {
		err := do()
		require.ErrorIs(t, err, commerce.ErrInvalid, name)
		require.True(t, commerce.SafeToRetry(err), name)
	}
	_, err = c.Orders.SetAddress(ctx, 99, a)
	require.ErrorIs(t, err, commerce.ErrNotFound)
	require.True(t, commerce.SafeToRetry(err))
	writes := 0
	for _, call := range shop.Calls() {
		if call.Method == http.MethodPut {
			writes++
		}
	}
	require.Equal(t, 1, writes)
}

func TestRowsOfOrdersAreReadByThemselves(t *testing.T) {
	t.Parallel()
	shop := newShop(t, magentotest.Config{})
	c := newClient(t, magento.Config{Credentials: commerce.Static(shop.Keys()), PageSize: 1}, shop.Transport())
	placeOne(t, shop)
	order := placeOne(t, shop)
	var rows []magento.ID
	for i, err := range c.Orders.Items(t.Context(), magento.ListParams{Filters: magento.Where(magento.Filter{Field: "order_id", Value: order.String()})}) {
		require.NoError(t, err)
		rows = append(rows, i.ItemID)
	}
	require.Equal(t, []magento.ID{2}, rows)
	row, err := c.Orders.Item(t.Context(), 2)
	require.NoError(t, err)
	require.Equal(t, "CUP", row.SKU)
	_, err = c.Orders.Item(t.Context(), 9)
	require.ErrorIs(t, err, commerce.ErrNotFound)
}

func TestStockGoesDownWithTheOrderAndAtTheSourceWithTheShipment(t *testing.T) {
	t.Parallel()
	shop := newShop(t, magentotest.Config{})
	c, ctx := newClient(t, magento.Config{Credentials: commerce.Static(shop.Keys())}, shop.Transport()), t.Context()
	const sku = "A cup/100% red"
	_, err := shop.AddProduct(magentotest.NewProduct{SKU: sku, Price: "9.99", Qty: "10"})
	require.NoError(t, err)
	_, err = shop.AddProduct(magentotest.NewProduct{SKU: sku})
	require.ErrorIs(t, err, commerce.ErrInvalid)
	n, err := shop.Place(magentotest.NewOrder{Items: []magentotest.NewItem{{SKU: sku, Qty: "3", Price: "9.99"}}})
	require.NoError(t, err)
	order := magento.ID(n)
	amounts := func(source, salable magento.Number) {
		t.Helper()
		items, err := c.Stock.SourceItems(ctx, sku)
		require.NoError(t, err)
		require.Equal(t, source, items[0].Quantity)
		q, err := c.Stock.Salable(ctx, sku, 1)
		require.NoError(t, err)
		require.Equal(t, salable, q)
	}
	amounts("10", "7")
	o, err := c.Orders.Get(ctx, order)
	require.NoError(t, err)
	_, err = c.Orders.Invoice(ctx, order, magento.InvoiceParams{})
	require.NoError(t, err)
	_, err = c.Orders.Ship(ctx, order, magento.ShipParams{Items: []magento.ItemQty{{OrderItemID: o.Items[0].ItemID, Qty: "2"}}})
	require.NoError(t, err)
	amounts("8", "7")
	_, err = c.Orders.Refund(ctx, order, magento.RefundParams{Everything: true, AllShipping: true, ReturnToStock: []magento.ID{o.Items[0].ItemID}})
	require.NoError(t, err)
	amounts("10", "10")

	p, err := c.Products.Get(ctx, strings.ToUpper(sku))
	require.NoError(t, err)
	require.Equal(t, sku, p.SKU)
	require.Equal(t, magento.Number("9.99"), p.Price)
	require.Equal(t, magento.Number("10"), p.Extension.StockItem.Qty)
	item, err := c.Stock.Item(ctx, sku)
	require.NoError(t, err)
	require.True(t, bool(item.IsInStock))
	seen := 0
	for p, err := range c.Products.List(ctx, magento.ListParams{}) {
		require.NoError(t, err)
		require.Equal(t, sku, p.SKU)
		seen++
	}
	require.Equal(t, 1, seen)
	sources, err := c.Stock.Sources(ctx)
	require.NoError(t, err)
	require.Equal(t, "default", sources[0].Code)
	stock, err := c.Stock.OfWebsite(ctx, "base")
	require.NoError(t, err)
	require.Equal(t, magento.ID(1), stock.ID)

	before := len(shop.Calls())
	_, err = c.Stock.Salable(ctx, "NOPE", 1)
	require.ErrorIs(t, err, commerce.ErrNotFound, "a plain text with a 500")
	require.Len(t, shop.Calls(), before+2, "asked once, and the product once")
	for _, bad := range []string{"", ".", ".."} {
		_, err = c.Products.Get(ctx, bad)
		require.ErrorIs(t, err, commerce.ErrInvalid)
	}
}

func TestReturnsAreNotOfferedByOpenSource(t *testing.T) {
	t.Parallel()
	shop := newShop(t, magentotest.Config{})
	c, ctx := newClient(t, magento.Config{Credentials: commerce.Static(shop.Keys())}, shop.Transport()), t.Context()
	_, byID := c.Returns.Get(ctx, 1)
	_, tracks := c.Returns.Tracks(ctx, 1)
	var listed error
	for _, err := range c.Returns.List(ctx, magento.ListParams{}) {
		listed = err
	}
	_, comments := c.Returns.Comments(ctx, 1)
	_, attributes := c.Returns.Attributes(ctx)
	_, created := c.Returns.Create(ctx, magento.Return{OrderID: 1, Items: []magento.ReturnItem{{OrderItemID: 1, QtyRequested: "1"}}})
	_, saved := c.Returns.Save(ctx, magento.Return{EntityID: 1})
	commented := c.Returns.Comment(ctx, 1, magento.Remark{Text: "x"})
	tracked := c.Returns.AddTrack(ctx, 1, magento.NewTrack{TrackNumber: "x"})
	for n, err := range []error{byID, tracks, listed, comments, attributes, created, saved, commented, tracked} {
		var e *commerce.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, magento.CodeNotOffered, e.Code)
		require.Equal(t, commerce.KindInvalid, e.Kind)
		require.Equal(t, n >= 5, e.Outcome == commerce.NotSent, "writes say that nothing took effect")
	}
	offered, err := c.Returns.Offered(ctx)
	require.NoError(t, err)
	require.False(t, offered)
}

func TestEachStoreHasItsCurrencies(t *testing.T) {
	t.Parallel()
	shop := newShop(t, magentotest.Config{})
	c := newClient(t, magento.Config{Credentials: commerce.Static(shop.Keys()), Store: "eu_de"}, shop.Transport())
	got, err := c.Directory.Currencies(t.Context())
	require.NoError(t, err)
	require.Equal(t, "EUR", got.Base)
	_, err = c.Directory.Country(t.Context(), "XX")
	require.ErrorIs(t, err, commerce.ErrNotFound)
	_, err = c.Directory.Country(t.Context(), "USA")
	require.ErrorIs(t, err, commerce.ErrInvalid)
}

func TestAnActivatedIntegrationGetsKeysThatWork(t *testing.T) {
	t.Parallel()
	now := shopTime
	clock := func() time.Time { return now }
	shop := newShop(t, magentotest.Config{Now: clock})
	activate := func() magento.Activation {
		form := shop.Activate("https://shop.example")
		r := httptest.NewRequest(http.MethodPost, "/callback", strings.NewReader(form.Encode()))
		a, err := magento.ParseActivation(r)
		require.NoError(t, err)
		return a
	}
	h := magento.Handshake{BaseURL: "https://shop.example", Transport: shop.Transport(), Now: clock}
	a := activate()
	keys, err := h.Keys(t.Context(), a, now)
	require.NoError(t, err)
	c := newClient(t, magento.Config{Credentials: commerce.Static(keys), Now: clock}, shop.Transport())
	_, err = c.Stores.Views(t.Context())
	require.NoError(t, err)

	_, err = h.Keys(t.Context(), a, now)
	require.ErrorIs(t, err, commerce.ErrAuth, "a verifier works once")
	require.NotContains(t, err.Error(), a.ConsumerSecret.Reveal())

	wrong := activate()
	wrong.Verifier = commerce.NewSecret("zzzz")
	_, err = h.Keys(t.Context(), wrong, now)
	require.ErrorIs(t, err, commerce.ErrAuth)
	require.ErrorContains(t, err, "verifier")

	late := activate()
	now = now.Add(301 * time.Second)
	_, err = h.Keys(t.Context(), late, now.Add(-301*time.Second))
	require.ErrorIs(t, err, commerce.ErrInvalid, "refused here")
	_, err = h.Keys(t.Context(), late, now)
	require.ErrorIs(t, err, commerce.ErrAuth, "and there")
	require.ErrorContains(t, err, "expired")

	other := activate()
	other.StoreBaseURL = "https://elsewhere.example/"
	_, err = h.Keys(t.Context(), other, now)
	require.ErrorIs(t, err, commerce.ErrInvalid)
	for _, body := range []string{"", "oauth_consumer_key=x", "%zz", strings.Repeat("x", 20<<10)} {
		_, err := magento.ParseActivation(httptest.NewRequest(http.MethodPost, "/callback", strings.NewReader(body)))
		require.ErrorIs(t, err, commerce.ErrInvalid)
	}
	_, err = magento.ParseActivation(httptest.NewRequest(http.MethodGet, "/callback", nil))
	require.ErrorIs(t, err, commerce.ErrInvalid)
}
