package nopcommerce_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/nopcommerce"
)

// listed is what Order/Search sorts by.
type listed struct {
	id      int
	created time.Time
	status  int
}

// searching makes a shop answer Order/Search from rows, which change may alter before each
// request.
func searching(t testing.TB, s *shop, rows *[]listed, change func(n int)) {
	n := 0
	s.on["GET /Order/Search"] = func(r *http.Request, _ []byte) reply {
		if change != nil {
			change(n)
		}
		n++
		q := r.URL.Query()
		to, err := time.Parse(time.RFC3339Nano, q.Get("createdToUtc"))
		require.NoError(t, err)
		index, _ := strconv.Atoi(q.Get("pageIndex"))
		size, _ := strconv.Atoi(q.Get("pageSize"))
		var found []listed
		for _, row := range *rows {
			if !row.created.After(to) && (q.Get("osIds") == "" || slices.Contains(strings.Split(q.Get("osIds"), ";"), strconv.Itoa(row.status))) {
				found = append(found, row)
			}
		}
		slices.SortFunc(found, func(a, b listed) int { return b.created.Compare(a.created)*2 + (b.id-a.id)/max(1, abs(b.id-a.id)) })
		var page []string
		for _, row := range found[min(len(found), index*size):min(len(found), (index+1)*size)] {
			page = append(page, fmt.Sprintf(`{"id":%d,"order_status_id":%d,"created_on_utc":%q}`, row.id, row.status, row.created.Format("2006-01-02T15:04:05.999")))
		}
		return reply{status: 200, body: envelope(index, size, len(found), page...)}
	}
}

func abs(n int) int { return max(n, -n) }

func ids(t testing.TB, s *nopcommerce.Client, p nopcommerce.OrderParams) (got []int) {
	t.Helper()
	for o, err := range s.Orders.List(t.Context(), p) {
		require.NoError(t, err)
		got = append(got, int(o.ID))
	}
	return got
}

func TestAWalkLosesNoOrderWhileOrdersComeAndLeave(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		chance := rand.New(rand.NewPCG(seed, 1))
		var rows []listed
		for i := range 60 {
			rows = append(rows, listed{i + 1, now.Add(-time.Duration(chance.IntN(40)) * 250 * time.Millisecond), 10 + 10*chance.IntN(2)})
		}
		stay := map[int]bool{}
		for _, r := range rows {
			stay[r.id] = true
		}
		s := newShop(t)
		s.doc = nil // it takes long, and the words of the query are tried elsewhere
		searching(t, s, &rows, func(n int) {
			if n == 0 {
				return
			}
			rows = append(rows, listed{1000 + n, now.Add(time.Duration(n) * time.Minute), 10}) // placed meanwhile
			if i := chance.IntN(60); rows[i].status != 30 && n%3 == 1 {
				rows[i].status = 30 // leaves the filter
				delete(stay, rows[i].id)
			}
		})
		c := s.client(func(f *nopcommerce.Config) { f.PageSize = 7 })
		got := ids(t, c, nopcommerce.OrderParams{Statuses: []nopcommerce.OrderStatus{10, 20}, CreatedTo: now})
		seen := map[int]bool{}
		for _, id := range got {
			require.False(t, seen[id], "seed %d: order %d comes twice", seed, id)
			seen[id] = true
			require.Less(t, id, 1000, "seed %d: the bound is fixed", seed)
		}
		for id := range stay {
			require.True(t, seen[id], "seed %d: order %d is lost", seed, id)
		}
	}
}

func TestTheBoundOfAWalkIsTheShopsClock(t *testing.T) {
	t.Parallel()
	s := newShop(t) // its clock is an hour ahead
	rows := []listed{{1, now.Add(time.Hour - time.Second), 10}, {2, now.Add(2 * time.Hour), 10}}
	searching(t, s, &rows, nil)
	require.Equal(t, []int{1}, ids(t, s.client(), nopcommerce.OrderParams{}))
	require.Contains(t, strings.Join(s.sent(), " "), "createdToUtc=2026-11-21T13%3A00%3A01Z")
}

func TestAWalkEndsAtItsBound(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	var rows []listed
	for i := range 10 {
		rows = append(rows, listed{i + 1, now.Add(-time.Duration(i) * time.Minute), 10})
	}
	searching(t, s, &rows, nil)
	c := s.client(func(f *nopcommerce.Config) { f.PageSize, f.MaxPages = 2, 3 })
	var last error
	for _, err := range c.Orders.List(t.Context(), nopcommerce.OrderParams{CreatedTo: now}) {
		last = err
	}
	require.ErrorIs(t, last, commerce.ErrLimit)
	require.ErrorContains(t, last, "Config.MaxPages")
}

func TestAPageThatWasNotAskedForIsRefused(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"another page": envelope(1, 100, 0), "no page": `{}`, "a text": `"welcome"`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.doc = nil
			s.on["GET /Order/Search"] = says(body)
			var last error
			for _, err := range s.client().Orders.List(t.Context(), nopcommerce.OrderParams{CreatedTo: now}) {
				last = err
			}
			require.ErrorIs(t, last, commerce.ErrInternal)
		})
	}
}

func TestAListThatChangesWhileItIsWalkedSaysSo(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	n := 0
	s.on["GET /Customer/GetAll"] = func(r *http.Request, _ []byte) reply {
		n++
		return reply{status: 200, body: envelope(n-1, 2, 5-n, setMember(t, oldCustomer, "id", strconv.Itoa(n)), setMember(t, oldCustomer, "id", strconv.Itoa(n+10)))}
	}
	var last error
	for _, err := range s.client(func(f *nopcommerce.Config) { f.PageSize = 2 }).Customers.List(t.Context(), nopcommerce.CustomerParams{}) {
		last = err
	}
	require.ErrorIs(t, last, commerce.ErrConflict)
}

func TestTheWordsOfAQuery(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.on["GET /Order/Search"] = says(envelope(0, 100, 0))
	s.on["GET /ReturnRequest/Search"] = says(envelope(0, 100, 0))
	s.on["GET /RecurringPayment/Search"] = says(envelope(0, 100, 0))
	s.on["GET /Shipment/GetAll"] = says(envelope(0, 100, 0))
	c := s.client()
	for range c.Orders.List(t.Context(), nopcommerce.OrderParams{CreatedFrom: now, CreatedTo: now.Add(123400 * time.Nanosecond), Note: "[sync] a&b",
		Statuses: []nopcommerce.OrderStatus{10, 20}, PaymentStatuses: []nopcommerce.PaymentStatus{35}, StoreID: 2}) {
	}
	pending := nopcommerce.ReturnPending
	for range c.Returns.List(t.Context(), nopcommerce.ReturnParams{Status: &pending}) {
	}
	for range c.Recurring.List(t.Context(), nopcommerce.RecurringParams{InitialStatus: nopcommerce.OrderComplete, Inactive: true}) {
	}
	for range c.Shipments.List(t.Context(), nopcommerce.ShipmentParams{NotShipped: true}) {
	}
	n, err := c.Orders.Count(t.Context(), nopcommerce.OrderParams{})
	require.NoError(t, err)
	require.Zero(t, n)
	require.Equal(t, []string{
		"POST /Authenticate/GetToken",
		"GET /Order/Search?createdFromUtc=2026-11-21T12%3A00%3A00Z&createdToUtc=2026-11-21T12%3A00%3A00.0001234Z&orderNotes=%5Bsync%5D+a%26b&osIds=10%3B20&pageIndex=0&pageSize=100&psIds=35&storeId=2",
		"GET /ReturnRequest/Search?pageIndex=0&pageSize=100&rs=Pending",
		"GET /RecurringPayment/Search?initialOrderStatus=Complete&pageIndex=0&pageSize=100&showHidden=true",
		"GET /Shipment/GetAll?loadNotShipped=true&pageIndex=0&pageSize=100",
		"GET /Order/Search?getOnlyTotalCount=true&pageIndex=0&pageSize=1",
	}, s.sent())
}

func combination(id int, sku, xml string) string {
	b, _ := json.Marshal(xml)
	return fmt.Sprintf(`{"product_id":8,"attributes_xml":%s,"stock_quantity":3,"allow_out_of_stock_orders":false,"sku":%q,"manufacturer_part_number":null,"gtin":null,"overridden_price":null,"notify_admin_for_quantity_below":1,"picture_id":0,"min_stock_quantity":0,"id":%d}`, b, sku, id)
}

// chosen writes attributes as the shop does.
func chosen(pairs ...string) string {
	x := "<Attributes>"
	for i := 0; i < len(pairs); i += 2 {
		x += `<ProductAttribute ID="` + pairs[i] + `"><ProductAttributeValue><Value>` + pairs[i+1] + `</Value></ProductAttributeValue></ProductAttribute>`
	}
	return x + "</Attributes>"
}

func TestTheSKUOfALineIsThatOfWhatWasChosen(t *testing.T) {
	t.Parallel()
	twice := combination(4, "OTHER", chosen("1", "11", "2", "21"))
	for name, test := range map[string]struct {
		attributes, more, sku string
		ambiguous             bool
	}{
		"nothing is chosen":                      {attributes: "", sku: "ST970"},
		"a combination":                          {attributes: chosen("1", "11", "2", "21"), sku: "ST970-RED-L"},
		"in another order":                       {attributes: chosen("2", "22", "1", "11"), sku: "ST970-RED-XL"},
		"with a text that the buyer gave":        {attributes: chosen("1", "11", "2", "21", "3", "Happy birthday <3"), sku: "ST970-RED-L"},
		"no combination has it":                  {attributes: chosen("1", "12", "2", "21"), sku: "ST970"},
		"a combination without a sku of its own": {attributes: chosen("1", "13"), sku: "ST970"},
		"two combinations are the same":          {attributes: chosen("1", "11", "2", "21"), more: "," + twice, ambiguous: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			xml := strings.ReplaceAll(test.attributes, " <3", " &lt;3")
			b, _ := json.Marshal(xml)
			s.on["GET /OrderItem/GetOrderItems"] = says("[" + setMember(t, line, "attributes_xml", string(b)) + "," + setMember(t, line, "id", "42") + "]")
			s.on["GET /Product/GetProductsByIds"] = says("[" + product + "]")
			s.on["GET /ProductAttributeCombination/GetAll"] = says("[" + combination(1, "ST970-RED-L", chosen("1", "11", "2", "21")) + "," +
				combination(2, "ST970-RED-XL", chosen("1", "11", "2", "22")) + "," + combination(3, "", chosen("1", "13")) + test.more + "]")
			lines, err := s.client().Items.Lines(t.Context(), 17)
			if test.ambiguous {
				require.ErrorIs(t, err, commerce.ErrAmbiguous)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.sku, lines[0].SKU)
			require.Equal(t, "ST970", lines[1].SKU)
			require.Equal(t, 1, strings.Count(strings.Join(s.sent(), " "), "GetProductsByIds/8"), "a product is read once")
		})
	}
}

func TestALineWhoseProductIsGoneHasNone(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.on["GET /OrderItem/GetOrderItems"] = says("[" + line + "]")
	s.on["GET /Product/GetProductsByIds"] = says("[]")
	lines, err := s.client().Items.Lines(t.Context(), 17)
	require.NoError(t, err)
	require.Nil(t, lines[0].Product)
	require.Empty(t, lines[0].SKU)
	s.put("Product", 8, setMember(t, product, "deleted", "true"))
	lines, err = s.client().Items.Lines(t.Context(), 17)
	require.NoError(t, err)
	require.Equal(t, "ST970", lines[0].SKU, "a deleted one is still told")
}

func TestTheDirectoryIsReadOnce(t *testing.T) {
	t.Parallel()
	s, at := newShop(t), &clock{}
	s.on["GET /Country/GetAllCountries"] = says(`[{"name":"United States","allows_billing":true,"allows_shipping":true,"two_letter_iso_code":"US","three_letter_iso_code":"USA","numeric_iso_code":840,"subject_to_vat":false,"published":true,"display_order":1,"limited_to_stores":false,"id":1}]`)
	s.on["GET /StateProvince/GetStateProvincesByCountryId"] = says(`[{"country_id":1,"name":"Ohio","abbreviation":"OH","published":true,"display_order":1,"id":44}]`)
	c := s.client(at.on)
	for range 5 {
		us, err := c.Directory.CountryByCode(t.Context(), "us")
		require.NoError(t, err)
		byID, err := c.Directory.Country(t.Context(), us.ID)
		require.NoError(t, err)
		require.Equal(t, "USA", byID.Alpha3)
		oh, err := c.Directory.StateByCode(t.Context(), 1, "OH")
		require.NoError(t, err)
		byID2, err := c.Directory.State(t.Context(), 1, oh.ID)
		require.NoError(t, err)
		require.Equal(t, "Ohio", byID2.Name)
		_, err = c.Directory.CountryByCode(t.Context(), "")
		require.ErrorIs(t, err, commerce.ErrNotFound)
	}
	require.Len(t, s.sent(), 3, "the login, the countries and the states")
	at.move(2 * time.Hour)
	_, err := c.Directory.Countries(t.Context())
	require.NoError(t, err)
	require.Contains(t, s.sent(), "GET /Country/GetAllCountries?showHidden=true")
}

func TestThePrimaryCurrencyIsProbed(t *testing.T) {
	t.Parallel()
	currency := func(id int, code, rate string) string {
		return fmt.Sprintf(`{"name":%q,"currency_code":%q,"rate":%s,"display_locale":null,"custom_formatting":null,"limited_to_stores":false,"published":true,"display_order":1,"created_on_utc":"2018-01-01T12:45:00","updated_on_utc":"2018-01-01T12:45:00","rounding_type_id":0,"id":%d}`, code, code, rate, id)
	}
	s := newShop(t)
	s.on["GET /Currency/GetAll"] = says(envelope(0, 100, 2, currency(1, "USD", "1.00000000"), currency(2, "EUR", "0.90000000")))
	s.on["GET /Currency/ConvertFromPrimaryStoreCurrency/1"] = says(`10000.0000`)
	s.on["GET /Currency/ConvertFromPrimaryStoreCurrency/2"] = says(`9000.0000`)
	got, err := s.client().Directory.PrimaryCurrency(t.Context())
	require.NoError(t, err)
	require.Equal(t, "USD", got.Code)
	s.on["GET /Currency/ConvertFromPrimaryStoreCurrency/2"] = says(`10000`)
	_, err = s.client().Directory.PrimaryCurrency(t.Context())
	require.ErrorIs(t, err, commerce.ErrAmbiguous)
}

func TestASKUIsLookedForAmongCombinationsToo(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.put("Product", 8, product)
	s.on["GET /Product/GetProductBySku"] = func(*http.Request, []byte) reply { return reply{status: 404, body: `"Product not found"`} }
	s.on["GET /ProductAttributeCombination/GetBySku"] = says(combination(1, "ST970-L", chosen("1", "11")))
	p, c, err := s.client().Products.BySKU(t.Context(), "ST970-L")
	require.NoError(t, err)
	require.Equal(t, nopcommerce.ID(8), p.ID)
	require.Equal(t, nopcommerce.ID(1), c.ID)
}

func TestStockIsSetWhereTheProductKeepsIt(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.put("Product", 8, product)
	history := 0
	s.on["GET /Product/AddStockQuantityHistoryEntry"] = func(r *http.Request, _ []byte) reply {
		history++
		require.Equal(t, "-3", r.URL.Query().Get("quantityAdjustment"))
		return reply{status: 200}
	}
	c := s.client()
	level := nopcommerce.Level{ProductID: 8, Quantity: 7, Message: "count of today"}
	require.NoError(t, c.Stock.Set(t.Context(), level))
	require.NoError(t, c.Stock.Set(t.Context(), level))
	require.Contains(t, s.row("Product", 8), `"stock_quantity":7,`)
	require.Equal(t, 1, history, "nothing changed the second time")

	combined := setMember(t, product, "manage_inventory_method_id", "2")
	several := setMember(t, product, "use_multiple_warehouses", "true")
	s.put("ProductAttributeCombination", 1, combination(1, "ST970-L", chosen("1", "11")))
	s.put("ProductWarehouse", 3, `{"product_id":8,"warehouse_id":2,"stock_quantity":1,"reserved_quantity":1,"id":3}`)
	s.on["GET /ProductWarehouse/GetAllProductWarehouseInventoryRecords"] = func(*http.Request, []byte) reply {
		return reply{status: 200, body: s.list("ProductWarehouse", "")}
	}
	s.put("Product", 8, combined)
	require.ErrorIs(t, c.Stock.Set(t.Context(), level), commerce.ErrInvalid)
	require.NoError(t, c.Stock.Set(t.Context(), nopcommerce.Level{ProductID: 8, CombinationID: 1, Quantity: 9}))
	require.Contains(t, s.row("ProductAttributeCombination", 1), `"stock_quantity":9,`)
	s.put("Product", 8, several)
	require.ErrorIs(t, c.Stock.Set(t.Context(), level), commerce.ErrInvalid)
	require.ErrorIs(t, c.Stock.Adjust(t.Context(), 8, -1, "", ""), commerce.ErrInvalid, "it would change reservations")
	require.NoError(t, c.Stock.Set(t.Context(), nopcommerce.Level{ProductID: 8, WarehouseID: 2, Quantity: 9}))
	require.Contains(t, s.row("ProductWarehouse", 3), `"stock_quantity":9,"reserved_quantity":1`)
}
