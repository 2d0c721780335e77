package odootest_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"

	"github.com/commercesync/commerce/erp/odoo/odootest"
)

// A fake that answers one call with an error page, and then as Odoo does.
func Example() {
	far, err := odootest.New(odootest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	client := &http.Client{Transport: far.Transport()}
	call := func(method, body string) {
		r, err := http.NewRequest(http.MethodPost, odootest.URL+"json/2/sale.order/"+method, strings.NewReader(body))
		if err != nil {
			log.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "bearer "+far.Key().Reveal())
		resp, err := client.Do(r)
		if err != nil {
			log.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(resp.StatusCode, string(b))
	}
	far.Fail(odootest.Fault{Kind: odootest.Answered, Status: 502, Body: "bad gateway", Times: 1})
	order := `{"vals_list": [{"partner_id": 1, "client_order_ref": "shop/17", "order_line": [[0, 0, {"product_id": 2, "price_unit": 9.97, "tax_ids": [[6, 0, []]]}]]}]}`
	call("create", order)
	call("create", order)
	call("action_confirm", `{"ids": [1]}`)
	call("read", `{"ids": [1], "fields": ["state", "amount_total", "picking_ids"]}`)
	fmt.Println(far.Ship("shop/17", "1Z999"), far.Orders())
	call("read", `{"ids": [1], "fields": ["delivery_status", "invoice_ids"]}`)
	// Output:
	// 502 bad gateway
	// 200 [1]
	// 200 true
	// 200 [{"amount_total":9.97,"id":1,"picking_ids":[1],"state":"sale"}]
	// <nil> map[shop/17:1]
	// 200 [{"delivery_status":"full","id":1,"invoice_ids":[]}]
}
