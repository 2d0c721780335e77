package odoo_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp/erptest"
	"github.com/commercesync/commerce/erp/odoo"
	"github.com/commercesync/commerce/erp/odoo/odootest"
)

// older makes of the fake an Odoo 16: JSON-RPC only, other names of fields, prices of
// two decimals, and no delivery status (Odoo's source, branch 16.0). No such server was
// met: this shows that the adapter takes the names from the server.
type older struct{ next http.RoundTripper }

// names are those of 16 by those of 19.
var names = map[string]string{"tax_ids": "tax_id", "product_uom_id": "product_uom"}

// newer are the fields that 16 does not have.
var newer = []string{"tax_ids", "product_uom_id", "delivery_status", "picked", "quantity", "hard_lock_date", "sale_lock_date", "purchase_lock_date"}

func (o older) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != "/jsonrpc" {
		return reply(r, http.StatusNotFound, "<html>"), nil
	}
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if bytes.Contains(sent, []byte(`"method":"version"`)) {
		return reply(r, http.StatusOK, `{"jsonrpc":"2.0","id":1,"result":{"server_version":"16.0"}}`), nil
	}
	if bytes.Contains(sent, []byte(`"account.`)) { // the names of the books are the same
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(sent))
		return o.next.RoundTrip(r)
	}
	fields := bytes.Contains(sent, []byte(`"fields_get"`))
	for _, name := range newer {
		if !fields && (bytes.Contains(sent, []byte(`"`+name+`"`)) || bytes.Contains(sent, []byte(name+"/"))) {
			return reply(r, http.StatusOK, `{"jsonrpc":"2.0","id":1,"error":{"data":{"name":"builtins.ValueError","message":"Invalid field `+name+`"}}}`), nil
		}
	}
	for now, then := range names {
		sent = bytes.ReplaceAll(sent, []byte(`"`+then+`"`), []byte(`"`+now+`"`))
		for _, before := range []string{`"`, "/"} { // columns: "tax_id/.id", "order_line/tax_id/.id"
			sent = bytes.ReplaceAll(sent, []byte(before+then+"/"), []byte(before+now+"/"))
		}
	}
	sent = bytes.ReplaceAll(sent, []byte(`"reserved_availability","quantity_done"`), []byte(`"quantity","picked"`))
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(sent)), int64(len(sent))
	resp, err := o.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	return reply(r, resp.StatusCode, string(aged(body, fields))), nil
}

// aged is an answer as 16 says it.
func aged(body []byte, fields bool) []byte {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var answer map[string]any
	if d.Decode(&answer) != nil {
		return body
	}
	switch result := answer["result"].(type) {
	case map[string]any:
		if fields {
			known := len(result)
			for now, then := range names {
				if f, ok := result[now]; ok {
					result[then] = f
				}
			}
			if f, ok := result["quantity"]; ok {
				result["reserved_availability"], result["quantity_done"] = f, f
			}
			for _, name := range newer {
				delete(result, name)
			}
			if f, ok := result["price_unit"].(map[string]any); ok && known > 0 {
				f["digits"] = []int{16, 2}
			}
		}
	case []any:
		for _, row := range result {
			r, _ := row.(map[string]any)
			for now, then := range names {
				if v, ok := r[now]; ok {
					r[then] = v
					delete(r, now)
				}
			}
			if q, ok := r["quantity"]; ok {
				r["reserved_availability"], r["quantity_done"] = q, json.Number("0")
				if r["state"] == "done" || r["picked"] == true {
					r["reserved_availability"], r["quantity_done"] = json.Number("0"), q
				}
				delete(r, "quantity")
				delete(r, "picked")
			}
		}
	}
	out, err := json.Marshal(answer)
	if err != nil {
		return body
	}
	return out
}

func TestAnOlderServerKeepsThePromisesOfTheERP(t *testing.T) {
	erptest.Run(t, func(t *testing.T) erptest.Bench {
		server, client := fake(t, odootest.Config{Companies: []string{"Sister Company Ltd"}, LockDate: january(1)},
			func(c *odoo.Config) { c.Transport = older{c.Transport} })
		caps, err := client.Capabilities(t.Context())
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(caps.Version, "16"))
		return erptest.Bench{
			ERP: client, Goods: "SKU-RED", OtherGoods: "SKU-BLUE", Scarce: "SKU-SCARCE", Service: "SKU-COURSE",
			Tax19: tax(t, client, "19"), Tax7: tax(t, client, "7"), OtherCompany: "2", ReservesItself: true,
			Count: func(_ *testing.T, key string) int { return server.Orders()[key] },
			Ship:  func(t *testing.T, key, tracking string) { require.NoError(t, server.Ship(key, tracking)) },
			Pick:  func(t *testing.T, key string) { require.NoError(t, server.Pick(key)) },
			Bank:  "101401", Revenue: "400010", Journal: "STRP", ClosedDate: january(2),
			Today: commerce.DateOf(time.Now().UTC()),
		}
	})
}
