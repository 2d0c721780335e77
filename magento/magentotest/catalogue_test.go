package magentotest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/resilience"
)

// admin logs in and returns what sends as an admin, with paths from /V1 on.
func admin(t *testing.T, shop *magentotest.Shop) func(method, path, body string) (int, string) {
	t.Helper()
	token := ""
	send := func(method, path, body string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, "https://shop.example/rest/all/V1"+path, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := shop.Transport().RoundTrip(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(b)
	}
	status, answer := send("POST", "/integration/admin/token", `{"username":"ann","password":"secret"}`)
	require.Equal(t, 200, status, answer)
	token = strings.Trim(answer, `"`)
	return send
}

// TestUpdatedAtOfTheCatalogueMovesAsMeasured does what was done to the real product and
// the real customer, seconds apart.
func TestUpdatedAtOfTheCatalogueMovesAsMeasured(t *testing.T) {
	t.Parallel()
	type rows []struct {
		Action string
		Moved  bool
	}
	var measured struct{ Product, Customer rows }
	b, err := os.ReadFile(filepath.Join("..", "testdata", "recorded", "updated-at-moves.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &measured))

	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	shop, err := magentotest.New(magentotest.Config{Now: func() time.Time { return now }, Admins: map[string]string{"ann": "secret"}})
	require.NoError(t, err)
	_, err = shop.AddProduct(magentotest.NewProduct{SKU: "CUP", Price: "9.99", Qty: "3"})
	require.NoError(t, err)
	c, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Credentials: commerce.Static(shop.Keys()), Transport: shop.Transport(),
		Now: func() time.Time { return now }})
	require.NoError(t, err)
	ctx, send := t.Context(), admin(t, shop)
	who, err := c.Customers.Create(ctx, magento.CustomerParams{Email: "ann@example.com", Firstname: "Ann", Lastname: "Smith"})
	require.NoError(t, err)
	name := func(first string) func() error {
		return func() error {
			_, err := c.Customers.Update(ctx, who.ID, magento.CustomerParams{Firstname: first})
			return err
		}
	}
	raw := func(method, path, body string) func() error {
		return func() error {
			if status, answer := send(method, path, body); status != 200 {
				return fmt.Errorf("%d %s", status, answer)
			}
			return nil
		}
	}
	actions := map[string]func() error{
		"PUT price":      raw("PUT", "/products/CUP", `{"product":{"price":8}}`),
		"PUT same price": raw("PUT", "/products/CUP", `{"product":{"price":8}}`),
		"base-prices":    raw("POST", "/products/base-prices", `{"prices":[{"price":7,"store_id":0,"sku":"CUP"}]}`),
		"special-price":  raw("POST", "/products/special-price", `{"prices":[{"price":6,"store_id":0,"sku":"CUP","price_from":"2026-01-01 00:00:00","price_to":"2026-12-31 00:00:00"}]}`),
		"source-items":   raw("POST", "/inventory/source-items", `{"sourceItems":[{"sku":"CUP","source_code":"default","quantity":9,"status":1}]}`),
		"stockItems PUT": raw("PUT", "/products/CUP/stockItems/1", `{"stockItem":{"qty":8,"is_in_stock":true}}`),
		"PUT first name": name("Anna"), "PUT same values": name("Anna"),
		"PUT with a changed address": func() error {
			_, err := c.Customers.SaveAddress(ctx, who.ID, magento.CustomerAddress{Firstname: "A", Lastname: "S", Street: []string{"1 High St"}, City: "Bath",
				CountryID: "GB", Postcode: "BA1", Telephone: "1"})
			return err
		},
	}
	product := func() time.Time {
		p, err := c.Products.Get(ctx, "cup")
		require.NoError(t, err)
		return p.UpdatedAt.Time
	}
	customer := func() time.Time {
		got, err := c.Customers.Get(ctx, who.ID)
		require.NoError(t, err)
		return got.UpdatedAt.Time
	}
	for read, list := range map[*func() time.Time]rows{&product: measured.Product, &customer: measured.Customer} {
		require.NotEmpty(t, list)
		for _, m := range list {
			before := (*read)()
			now = now.Add(2 * time.Second)
			require.Contains(t, actions, m.Action)
			require.NoError(t, actions[m.Action](), m.Action)
			require.Equal(t, m.Moved, !(*read)().Equal(before), m.Action)
		}
	}
	p, err := c.Products.Get(ctx, "CUP")
	require.NoError(t, err)
	require.Equal(t, magento.Number("7"), p.Price)
	require.Equal(t, "6.000000", p.Attribute("special_price"))
	require.Equal(t, magento.Number("8"), p.Extension.StockItem.Qty)
}

func TestStockIsReservedByAnOrderAndTakenByItsShipment(t *testing.T) {
	t.Parallel()
	shop, err := magentotest.New(magentotest.Config{})
	require.NoError(t, err)
	_, err = shop.AddProduct(magentotest.NewProduct{SKU: "CUP/blue", Price: "9.99", Qty: "5", Attributes: map[string]string{"erp_id": "E-1"}})
	require.NoError(t, err)
	for _, bad := range []magentotest.NewProduct{{}, {SKU: "cup/BLUE"}, {SKU: "X", Price: "x"}, {SKU: "X", Price: "-1"}, {SKU: "X", Qty: "many"}} {
		_, err := shop.AddProduct(bad)
		require.ErrorIs(t, err, commerce.ErrInvalid)
	}
	c, ctx := client(t, shop), t.Context()
	stock := func(atSource, salable magento.Number) {
		t.Helper()
		items, err := c.Stock.SourceItems(ctx, "CUP/blue")
		require.NoError(t, err)
		require.Equal(t, atSource, items[0].Quantity)
		of, err := c.Stock.OfWebsite(ctx, "base")
		require.NoError(t, err)
		got, err := c.Stock.Salable(ctx, "CUP/blue", of.ID)
		require.NoError(t, err)
		require.Equal(t, salable, got)
	}
	stock("5", "5")
	id, err := shop.Place(magentotest.NewOrder{Items: []magentotest.NewItem{{SKU: "cup/blue", Qty: "2", Price: "9.99"}}})
	require.NoError(t, err)
	stock("5", "3")
	_, err = c.Orders.Ship(ctx, magento.ID(id), magento.ShipParams{})
	require.NoError(t, err)
	stock("3", "3")
	found := 0
	for p, err := range c.Products.List(ctx, magento.ListParams{Filters: magento.Where(magento.Filter{Field: "erp_id", Is: magento.Eq, Value: "E-1"})}) {
		require.NoError(t, err)
		require.Equal(t, "E-1", p.Attribute("erp_id"))
		found++
	}
	require.Equal(t, 1, found)
}

func TestRowsOfPricesAreRefusedOneByOne(t *testing.T) {
	t.Parallel()
	shop, err := magentotest.New(magentotest.Config{Admins: map[string]string{"ann": "secret"}})
	require.NoError(t, err)
	_, err = shop.AddProduct(magentotest.NewProduct{SKU: "CUP", Price: "9.99"})
	require.NoError(t, err)
	send := admin(t, shop)
	row := func(sku, store, price, from string) string {
		return fmt.Sprintf(`{"sku":%q,"store_id":%s,"price":%s,"price_from":%q,"price_to":""}`, sku, store, price, from)
	}
	status, answer := send("POST", "/products/special-price", `{"prices":[`+strings.Join([]string{row("CUP", "0", "5", ""), row("NOPE", "0", "5", ""),
		row("CUP", "2", "5", ""), row("CUP", "99", "5", ""), row("CUP", "0", "-1", ""), row("CUP", "0", "null", ""), row("CUP", "0", "5", "soon")}, ",")+`]}`)
	require.Equal(t, 200, status)
	var refused []struct {
		Message    string
		Parameters []string
	}
	require.NoError(t, json.Unmarshal([]byte(answer), &refused))
	require.Len(t, refused, 7, "the store that does not exist is refused twice")
	for n, words := range []string{"The product that was requested doesn't exist", "price scope is global", "price scope is global", "Requested store is not found",
		"Invalid attribute Price = -1.", "Invalid attribute Price = .", "Invalid attribute Price From"} {
		require.Contains(t, refused[n].Message, words)
	}
	require.Equal(t, []string{"NOPE", "0", "", ""}, refused[0].Parameters)
	p, err := client(t, shop).Products.Get(t.Context(), "CUP")
	require.NoError(t, err)
	require.Equal(t, "5.000000", p.Attribute("special_price"), "the good row is kept")
}

func TestAPagePastTheEndRepeatsTheLastOneBefore240(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]int{"2.3.7-p3": 1, "2.4.0": 0, "": 0} {
		shop, err := magentotest.New(magentotest.Config{Version: version, Admins: map[string]string{"ann": "secret"}})
		require.NoError(t, err)
		for range 3 {
			_, err := shop.Place(magentotest.NewOrder{Items: []magentotest.NewItem{{SKU: "CUP", Price: "1"}}})
			require.NoError(t, err)
		}
		status, answer := admin(t, shop)("GET", "/orders?searchCriteria[pageSize]=2&searchCriteria[currentPage]=9&fields=items[increment_id],total_count", "")
		require.Equal(t, 200, status)
		require.Equal(t, want, strings.Count(answer, "000000003"), version)
		count := 0
		for _, err := range client(t, shop).Orders.List(t.Context(), magento.ListParams{}) {
			require.NoError(t, err)
			count++
		}
		require.Equal(t, 3, count)
	}
}

func TestAWeakPasswordIsRefused(t *testing.T) {
	t.Parallel()
	shop, err := magentotest.New(magentotest.Config{})
	require.NoError(t, err)
	c := client(t, shop)
	create := func(password string) error {
		_, err := c.Customers.Create(t.Context(), magento.CustomerParams{Email: "Ann1@example.com", Firstname: "A", Lastname: "B", Password: commerce.NewSecret(password)})
		return err
	}
	for _, password := range []string{"Ab1!", "abcdefgh", "ABCDEFG1", " Abcdef1!", "Ann1@example.com"} {
		require.ErrorIs(t, create(password), commerce.ErrInvalid, password)
	}
	require.NoError(t, create("Abcdefg1"))
	require.ErrorIs(t, create("Abcdefg1"), commerce.ErrInvalid, "the address is taken")
	groups, err := c.Customers.Groups(t.Context())
	require.NoError(t, err)
	require.Len(t, groups, 4)
}

func TestListsAreSortedByEveryColumnTheyHaveAndByNoOther(t *testing.T) {
	t.Parallel()
	shop, err := magentotest.New(magentotest.Config{AdobeCommerce: true, Admins: map[string]string{"ann": "secret"}})
	require.NoError(t, err)
	for _, sku := range []string{"CUP", "POT"} {
		_, err := shop.AddProduct(magentotest.NewProduct{SKU: sku, Price: "9.99", Qty: "3"})
		require.NoError(t, err)
		id, err := shop.Place(magentotest.NewOrder{Items: []magentotest.NewItem{{SKU: sku, Price: "1"}}})
		require.NoError(t, err)
		c := client(t, shop)
		_, err = c.Customers.Create(t.Context(), magento.CustomerParams{Email: sku + "@example.com", Firstname: "A", Lastname: "B"})
		require.NoError(t, err)
		sh, err := c.Orders.Ship(t.Context(), magento.ID(id), magento.ShipParams{})
		require.NoError(t, err)
		_, err = c.Returns.Create(t.Context(), magento.Return{OrderID: magento.ID(id), Items: []magento.ReturnItem{{OrderItemID: sh.Items[0].OrderItemID, QtyRequested: "1"}}})
		require.NoError(t, err)
	}
	send := admin(t, shop)
	for path, columns := range map[string]string{
		"/products":               "entity_id sku name price type_id status visibility attribute_set_id created_at updated_at special_price url_key",
		"/customers/search":       "entity_id website_id store_id created_at updated_at email firstname middlename lastname taxvat dob group_id",
		"/inventory/source-items": "sku source_code quantity status",
		"/returns":                "entity_id increment_id order_id order_increment_id store_id customer_id date_requested status",
		"/customerGroups/search":  "id code tax_class_id",
		"/orders/items":           "item_id order_id store_id sku name created_at updated_at",
		"/orders":                 "entity_id increment_id store_id state status created_at updated_at grand_total customer_email",
		"/shipments":              "entity_id increment_id order_id store_id created_at updated_at",
	} {
		for _, column := range append(strings.Fields(columns), "nonsense") {
			status, answer := send("GET", path+"?searchCriteria[sortOrders][0][field]="+column+"&searchCriteria[sortOrders][0][direction]=DESC", "")
			want := map[bool]int{true: 500, false: 200}[column == "nonsense"]
			require.Equal(t, want, status, "%s by %s: %s", path, column, answer)
		}
	}
	item, err := client(t, shop).Stock.Item(t.Context(), "cup")
	require.NoError(t, err)
	require.Equal(t, magento.Number("2"), item.Qty)
	_, err = client(t, shop).Stock.Item(t.Context(), "nope")
	require.ErrorIs(t, err, commerce.ErrNotFound)
	status, answer := send("GET", "/inventory/stocks?searchCriteria=all", "")
	require.Equal(t, 200, status)
	require.Contains(t, answer, "Default Stock")
	calls := shop.Calls()
	require.Equal(t, 200, calls[len(calls)-1].Status)
}

func TestInputLimitsAreFeltByTheClient(t *testing.T) {
	t.Parallel()
	shop, err := magentotest.New(magentotest.Config{MaxPageSize: 50, DefaultPageSize: 20, MaxArray: 2, Admins: map[string]string{"ann": "secret"}})
	require.NoError(t, err)
	for range 30 {
		_, err := shop.Place(magentotest.NewOrder{Items: []magentotest.NewItem{{SKU: "CUP", Price: "1"}}})
		require.NoError(t, err)
	}
	send := admin(t, shop)
	status, answer := send("GET", "/orders?searchCriteria=all&fields=items[entity_id],search_criteria,total_count", "")
	require.Equal(t, 200, status)
	require.Equal(t, 20, strings.Count(answer, "entity_id"), "a list that asks for no size has the default one")
	require.Contains(t, answer, `"page_size":20`)
	status, answer = send("POST", "/order/1/invoice", `{"items":[{"order_item_id":1,"qty":1},{"order_item_id":1,"qty":1},{"order_item_id":1,"qty":1}]}`)
	require.Equal(t, 400, status)
	require.Contains(t, answer, "InvoiceItemCreationInterface")

	for size, fits := range map[int]bool{50: true, 100: false} {
		c, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Credentials: commerce.Static(shop.Keys()), Transport: shop.Transport(), PageSize: size})
		require.NoError(t, err)
		count := 0
		for _, err := range c.Orders.List(t.Context(), magento.ListParams{}) {
			if !fits {
				var e *commerce.Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, magento.CodeInputLimit, e.Code)
				break
			}
			require.NoError(t, err)
			count++
		}
		require.Equal(t, fits, count == 30)
	}
}

// TestFaultsOfAShopAreWhatTheClientSaysTheyAre goes through the ways in which shops fail.
func TestFaultsOfAShopAreWhatTheClientSaysTheyAre(t *testing.T) {
	t.Parallel()
	done := magentotest.ReportID()
	done.Kind = magentotest.AfterEffect
	for name, tc := range map[string]struct {
		fault    magentotest.Fault
		kind     error
		invoices int
	}{
		"refused":                           {magentotest.Fault{Kind: magentotest.Refused}, commerce.ErrUnavailable, 0},
		"carried out, and the answer lost":  {magentotest.Fault{Kind: magentotest.Lost}, commerce.ErrUnknown, 1},
		"carried out, and half an answer":   {magentotest.Fault{Kind: magentotest.Half}, commerce.ErrUnknown, 1},
		"a report and nothing done":         {magentotest.ReportID(), commerce.ErrUnknown, 0},
		"a report after it was carried out": {done, commerce.ErrUnknown, 1},
		"shut for maintenance":              {magentotest.Maintenance(), commerce.ErrUnavailable, 0},
		"too many requests for a proxy":     {magentotest.Busy(3 * time.Second), commerce.ErrRateLimited, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shop, err := magentotest.New(magentotest.Config{})
			require.NoError(t, err)
			id, err := shop.Place(magentotest.NewOrder{Items: []magentotest.NewItem{{SKU: "CUP", Qty: "3", Price: "10"}}})
			require.NoError(t, err)
			c, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Credentials: commerce.Static(shop.Keys()), Transport: shop.Transport(),
				Resilience: resilience.Config{Retry: resilience.Retry{Attempts: 1}}})
			require.NoError(t, err)
			shop.Fail(tc.fault)
			_, err = c.Orders.Invoice(t.Context(), magento.ID(id), magento.InvoiceParams{})
			require.ErrorIs(t, err, tc.kind)
			require.Len(t, shop.Invoices(id), tc.invoices)
			shop.Heal()
			_, err = c.Orders.Get(t.Context(), magento.ID(id))
			require.NoError(t, err)
		})
	}
}

// TestASlowShopDoesWhatItWasAskedAlsoWhenNobodyWaits shows why an unknown write is looked
// up only when it can no longer take effect.
func TestASlowShopDoesWhatItWasAskedAlsoWhenNobodyWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shop, err := magentotest.New(magentotest.Config{})
		require.NoError(t, err)
		id, err := shop.Place(magentotest.NewOrder{Items: []magentotest.NewItem{{SKU: "CUP", Price: "10"}}})
		require.NoError(t, err)
		c := client(t, shop)
		shop.Fail(magentotest.Fault{Kind: magentotest.Late, Delay: 10 * time.Second, Times: 1})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err = c.Orders.Invoice(ctx, magento.ID(id), magento.InvoiceParams{})
		require.ErrorIs(t, err, commerce.ErrUnknown)
		require.Empty(t, shop.Invoices(id))
		<-time.After(shop.LongestRequest())
		require.Len(t, shop.Invoices(id), 1)
	})
}
