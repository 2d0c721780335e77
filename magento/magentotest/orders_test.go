package magentotest

import (
	"fmt"
	"io"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCancelsThatMeetAreKeptApartSince247(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]struct {
		answers map[string]int
		salable dec
	}{
		"2.4.6-p1": {map[string]int{"true": 3}, 12 * one},
		"2.4.7":    {map[string]int{"true": 1, "false": 2}, 10 * one},
	} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			r := newReplayed(t, func(c *Config) { c.Version = version })
			_, err := r.shop.AddProduct(NewProduct{SKU: "CUP", Qty: "10"})
			require.NoError(t, err)
			_, err = r.shop.Place(NewOrder{Items: []NewItem{{SKU: "CUP", Price: "1"}}})
			require.NoError(t, err)
			require.Equal(t, want.answers, r.cancelAtOnce(1, 3))
			require.Equal(t, want.salable, r.shop.salable(r.shop.product("CUP")))
			status, b := r.send("POST", "/rest/V1/orders/1/cancel", "", "", nil)
			require.Equal(t, "200 false", fmt.Sprintf("%d %s", status, b), "it came later")
		})
	}
}

// cancelAtOnce sends equal requests that all arrive before one is worked on, and counts
// the answers.
func (r *replayed) cancelAtOnce(order, times int) map[string]int {
	var arrived, done sync.WaitGroup
	var mu sync.Mutex
	answers := map[string]int{}
	arrived.Add(times)
	for range times {
		done.Go(func() {
			body := readerFunc(func([]byte) (int, error) {
				arrived.Done()
				arrived.Wait()
				return 0, io.EOF
			})
			req := httptest.NewRequest("POST", fmt.Sprintf("/rest/default/V1/orders/%d/cancel", order), body)
			req.Header.Set("Authorization", "Bearer "+r.token)
			w := httptest.NewRecorder()
			r.shop.ServeHTTP(w, req)
			mu.Lock()
			answers[w.Body.String()]++
			mu.Unlock()
		})
	}
	done.Wait()
	return answers
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestARefundOfWhatWasNeverSentTakesItFromTheSource(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		shipped, back string
		source, left  dec
	}{
		"nothing was sent":                 {"", "", 8 * one, 8 * one},
		"nothing was sent, and it is back": {"", `"return_to_stock_items":[1]`, 10 * one, 10 * one},
		"all was sent":                     {`{"items":[{"order_item_id":1,"qty":2}]}`, "", 8 * one, 8 * one},
		"all was sent, and it is back":     {`{"items":[{"order_item_id":1,"qty":2}]}`, `"return_to_stock_items":[1]`, 10 * one, 10 * one},
		"half was sent":                    {`{"items":[{"order_item_id":1,"qty":1}]}`, "", 8 * one, 8 * one},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReplayed(t, nil)
			_, err := r.shop.AddProduct(NewProduct{SKU: "CUP", Qty: "10"})
			require.NoError(t, err)
			_, err = r.shop.Place(NewOrder{Items: []NewItem{{SKU: "CUP", Qty: "2", Price: "1"}}})
			require.NoError(t, err)
			post("/order/1/invoice", "{}").do(r)
			if tc.shipped != "" {
				post("/order/1/ship", tc.shipped).do(r)
			}
			post("/order/1/refund", `{"arguments":{"extension_attributes":{`+tc.back+`}}}`).do(r)
			require.Equal(t, tc.source, r.shop.source("CUP").qty)
			require.Equal(t, tc.left, r.shop.salable(r.shop.product("CUP")))
		})
	}
}

func TestAPartlyInvoicedOrderIsCancelledInItsRest(t *testing.T) {
	t.Parallel()
	r := newReplayed(t, nil)
	_, err := r.shop.Place(NewOrder{ShippingPrice: "5", DiscountPercent: "10", Coupon: "TEN", Items: []NewItem{{SKU: "CUP", Qty: "4", Price: "10", Taxes: []Tax{{Code: "A", Percent: "20"}}}}})
	require.NoError(t, err)
	post("/order/1/invoice", `{"items":[{"order_item_id":1,"qty":1}]}`).do(r)
	post("/orders/1/cancel", "").do(r)
	_, b := r.send("GET", "/rest/V1/orders/1", "fields=state,subtotal_canceled,tax_canceled,shipping_canceled,discount_canceled,total_canceled,items[qty_canceled,tax_canceled]", "", nil)
	// The discount counts what was invoiced twice, as Magento's own sum does.
	require.JSONEq(t, `{"state":"processing","subtotal_canceled":30,"tax_canceled":5.4,"shipping_canceled":0,"discount_canceled":5,"total_canceled":32.4,
		"items":[{"qty_canceled":3,"tax_canceled":5.4}]}`, string(b))
}

func TestAnOrderOfARawSaveIsReadBack(t *testing.T) {
	t.Parallel()
	r := newReplayed(t, nil)
	post("/orders", `{"entity":{"grand_total":10,"base_grand_total":10,"customer_email":"erp@example.com","ext_order_id":"E1",
		"items":[{"sku":"CUP","name":"Cup","qty_ordered":1,"price":10,"base_price":10}],"payment":{"method":"checkmo"}}}`).do(r)
	_, b := r.send("GET", "/rest/V1/orders/1", "fields=increment_id,state,status,grand_total,total_due,ext_order_id,items[sku,qty_ordered,qty_invoiced,row_total]", "", nil)
	require.JSONEq(t, `{"increment_id":"000000001","grand_total":10,"total_due":10,"ext_order_id":"E1","items":[{"sku":"CUP","qty_ordered":1,"qty_invoiced":0,"row_total":0}]}`, string(b))
	status, _ := r.send("POST", "/rest/V1/orders", "", `{"entity":{"entity_id":1,"nonsense":1}}`, nil)
	require.Equal(t, 500, status)

	_, whole := r.send("GET", "/rest/V1/orders/1", "", "", nil)
	other := newReplayed(t, nil)
	require.NoError(t, other.shop.Load(whole))
	_, loaded := other.send("GET", "/rest/V1/orders/1", "", "", nil)
	require.JSONEq(t, string(whole), string(loaded), "also in another shop")
}

func TestTheCodeOfARegionFollowsItsID(t *testing.T) {
	t.Parallel()
	address := `{"entity":{"entity_id":2,"address_type":"billing","city":"X","email":"x@example.com","firstname":"F","lastname":"L","postcode":"1","street":["1"],"telephone":"1",%s}}`
	for name, tc := range map[string]struct{ sent, code string }{
		"whatever name and code were sent":           {`"country_id":"US","region_id":43,"region":"Texas","region_code":"TX"`, "NY"},
		"which is a text where there is no id":       {`"country_id":"GB","region":"Kent","region_code":"KN"`, "Kent"},
		"and where the id is of another country":     {`"country_id":"DE","region_id":43,"region":"Kent"`, "Kent"},
		"and is kept where the regions are not here": {`"country_id":"CA","region_id":76,"region":"Quebec","region_code":"QC"`, "QC"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReplayed(t, nil)
			_, err := r.shop.Place(NewOrder{Items: []NewItem{{SKU: "CUP", Price: "1"}}})
			require.NoError(t, err)
			put("/orders/1", fmt.Sprintf(address, tc.sent)).do(r)
			_, b := r.send("GET", "/rest/V1/orders/1", "fields=billing_address[region_code]", "", nil)
			require.JSONEq(t, `{"billing_address":{"region_code":"`+tc.code+`"}}`, string(b))
		})
	}
}
