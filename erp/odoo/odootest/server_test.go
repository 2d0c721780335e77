package odootest_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp/odoo/odootest"
)

// far is a fake and a way to call it.
type far struct {
	*odootest.Server
	t      *testing.T
	client *http.Client
	url    string
}

func open(t *testing.T, c odootest.Config) far {
	t.Helper()
	if c.Now == nil {
		at := time.Date(2026, 11, 21, 7, 0, 0, 0, time.UTC)
		c.Now = func() time.Time { at = at.Add(time.Second); return at }
	}
	s, err := odootest.New(c)
	require.NoError(t, err)
	return far{s, t, &http.Client{Transport: s.Transport()}, odootest.URL}
}

// try makes a call over JSON-2.
func (f far) try(model, method, body string) (status int, answer string) {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, f.url+"json/2/"+model+"/"+method, bytes.NewReader([]byte(body)))
	require.NoError(f.t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "bearer "+f.Key().Reveal())
	resp, err := f.client.Do(r)
	require.NoError(f.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(f.t, err)
	return resp.StatusCode, string(b)
}

// call makes a call that has to succeed.
func (f far) call(model, method, body string) string {
	f.t.Helper()
	status, answer := f.try(model, method, body)
	require.Equal(f.t, http.StatusOK, status, answer)
	return answer
}

// order makes an order of three red mugs and a blue one.
func (f far) order(reference string) {
	f.call("sale.order", "create", `{"vals_list": [{"partner_id": 6, "client_order_ref": "`+reference+`", "order_line": [
		[0, 0, {"product_id": 2, "product_uom_qty": 3, "price_unit": 9.97, "tax_ids": [[6, 0, []]]}],
		[0, 0, {"product_id": 3, "price_unit": 14, "tax_ids": [[6, 0, []]]}]]}]}`)
}

func TestADomainSelectsAsOdooDoes(t *testing.T) {
	t.Parallel()
	f := open(t, odootest.Config{})
	f.call("res.partner", "create", `{"vals_list": [{"name": "Ada Example", "ref": "C-1", "email": "a@example.invalid", "child_ids": [[0, 0, {"name": "Dock", "type": "delivery", "country_id": 233}]]},
		{"name": "Ben Example", "ref": "C-2"}, {"name": "Cy", "ref": "C-3", "active": false}]}`)
	for domain, want := range map[string]string{
		`[["ref", "in", ["C-1", "C-2", "C-3"]]]`:                           `[7,9]`,
		`[["ref", "in", ["C-1", "C-3"]], ["active", "in", [true, false]]]`: `[7,10]`,
		`[["ref", "=like", "C-%"], ["email", "=", false]]`:                 `[9]`,
		`[["ref", "=like", "C-%"], ["email", "!=", false]]`:                `[7]`,
		`["|", ["ref", "=", "C-2"], ["email", "ilike", "A@EXAMPLE"]]`:      `[7,9]`,
		`["!", ["ref", "=", "C-2"], ["ref", "=like", "C-%"]]`:              `[7]`,
		`["&", ["ref", "=", "C-2"], ["name", "like", "Ben"]]`:              `[9]`,
		`[["parent_id", "=", 7]]`:                                          `[8]`,
		`[["parent_id.ref", "=", "C-1"]]`:                                  `[8]`,
		`[["child_ids.country_id.code", "=", "US"]]`:                       `[7]`,
		`[["child_ids", "any", [["type", "=", "delivery"]]]]`:              `[7]`,
		`[["country_id", "=", "United States"]]`:                           `[8]`,
		`[["ref", "not in", ["C-1"]], ["id", ">", 6]]`:                     `[8,9]`,
		`[["create_date", ">=", "2026-11-21 00:00:00"], ["id", ">", 8]]`:   `[9]`,
		`[["write_date", "<", "2026-11-21 00:00:00"]]`:                     `[]`,
		`[["id", "in", [7, 8]], ["type", "!=", "delivery"]]`:               `[7]`,
		`[[1, "=", 0]]`: `[]`,
		`["|", "|", ["id", "=", 7], ["id", "=", 8], ["id", "=", 9], [1, "=", 1]]`:      `[7,8,9]`,
		`["&", "!", ["ref", "=", "C-1"], ["ref", "=like", "C-%"]]`:                     `[9]`,
		`[["ref", "=", "C-1"], "|", ["name", "=", "x"], ["name", "=", "Ada Example"]]`: `[7]`,
	} {
		require.JSONEq(t, want, f.call("res.partner", "search", `{"domain": `+domain+`, "order": "id"}`), domain)
	}
	require.Equal(t, `1`, f.call("res.partner", "search_count", `{"domain": [["ref", "=", "C-1"]]}`))
	require.Equal(t, `[9]`, f.call("res.partner", "search", `{"domain": [["id", ">", 6]], "order": "id desc", "limit": 1}`))
	status, answer := f.try("res.partner", "search", `{"domain": [["ref", "~", "C"]]}`)
	require.Equal(t, 500, status, answer)
}

func TestALoadWithKeyedLinesMakesNothingTwice(t *testing.T) {
	t.Parallel()
	f := open(t, odootest.Config{})
	body := `{"fields": ["id", "partner_id/.id", "client_order_ref", "order_line/id", "order_line/product_id/.id", "order_line/price_unit", "order_line/tax_ids/.id"],
		"data": [["shop.order_1", "6", "shop/1", "shop.line_1", "2", "10", "10"], ["", "", "", "shop.line_2", "3", "5", ""]]}`
	f.LoseRaces(1)
	require.Contains(t, f.call("sale.order", "load", body), "could not serialize access")
	require.Empty(t, f.Orders())
	for range 2 {
		require.Contains(t, f.call("sale.order", "load", body), `"messages":[]`)
	}
	require.Equal(t, map[string]int{"shop/1": 1}, f.Orders())
	require.Contains(t, f.call("sale.order", "search_read", `{"domain": [], "fields": ["amount_untaxed", "amount_tax", "order_line"]}`),
		`"amount_tax":1.9,"amount_untaxed":15.0`)
	require.Equal(t, `2`, f.call("sale.order.line", "search_count", `{"domain": []}`))
}

func TestTaxesOfTheProductApplyUnlessTheOrderSaysNone(t *testing.T) {
	t.Parallel()
	f := open(t, odootest.Config{})
	f.call("sale.order", "create", `{"vals_list": [{"partner_id": 6, "order_line": [[0, 0, {"product_id": 2, "price_unit": 100}]]}]}`)
	require.Contains(t, f.call("sale.order", "read", `{"ids": [1], "fields": ["amount_tax"]}`), `"amount_tax":15.0`)
}

func TestADeliveryInPartsHasABackorderAndAReturnSubtracts(t *testing.T) {
	t.Parallel()
	f := open(t, odootest.Config{})
	f.order("shop/1")
	f.call("sale.order", "action_confirm", `{"ids": [1]}`)
	status := func() string {
		return f.call("sale.order", "read", `{"ids": [1], "fields": ["delivery_status"]}`)
	}
	require.NoError(t, f.ShipSome("shop/1", "SKU-RED", "2", "1Z1"))
	require.Contains(t, status(), `"partial"`)
	require.NoError(t, f.Pick("shop/1"))
	require.NoError(t, f.Ship("shop/1", "1Z2"))
	require.Contains(t, status(), `"full"`)
	require.NoError(t, f.Invoice("shop/1"))
	require.Contains(t, f.call("sale.order", "read", `{"ids": [1], "fields": ["invoice_status", "invoice_ids"]}`), `"invoice_ids":[1],"invoice_status":"invoiced"`)
	require.JSONEq(t, `[{"id": 1, "carrier_tracking_ref": "1Z1", "backorder_id": false, "state": "done"},
		{"id": 2, "carrier_tracking_ref": "1Z2", "backorder_id": [1, "WH/OUT/00001"], "state": "done"}]`,
		f.call("stock.picking", "search_read", `{"domain": [["sale_id", "=", 1]], "fields": ["carrier_tracking_ref", "backorder_id", "state"], "order": "id"}`))
	delivered := func() string {
		return f.call("sale.order.line", "search_read", `{"domain": [["order_id", "=", 1]], "fields": ["qty_delivered"], "order": "id"}`)
	}
	require.JSONEq(t, `[{"id": 1, "qty_delivered": 3.0}, {"id": 2, "qty_delivered": 1.0}]`, delivered())
	require.NoError(t, f.Return("shop/1"))
	require.JSONEq(t, `[{"id": 1, "qty_delivered": 1.0}, {"id": 2, "qty_delivered": 1.0}]`, delivered())
	require.Error(t, f.Ship("shop/1", ""), "nothing is open any more")
}

func TestWhatIsNotInStockLeavesAPickingThatIsAssignedAllTheSame(t *testing.T) {
	t.Parallel()
	f := open(t, odootest.Config{})
	require.NoError(t, f.SetStock("SKU-BLUE", 0))
	f.order("shop/1")
	f.call("sale.order", "action_confirm", `{"ids": [1]}`)
	require.Contains(t, f.call("stock.picking", "read", `{"ids": [1], "fields": ["state"]}`), `"assigned"`)
	require.JSONEq(t, `[{"id": 9, "state": "assigned", "quantity": 3.0}, {"id": 10, "state": "confirmed", "quantity": 0.0}]`,
		f.call("stock.move", "search_read", `{"domain": [["picking_id", "=", 1]], "fields": ["state", "quantity"], "order": "id"}`))
	require.NoError(t, f.SetStock("SKU-BLUE", 5))
	f.call("stock.picking", "action_assign", `{"ids": [1]}`)
	require.Contains(t, f.call("stock.move", "read", `{"ids": [10], "fields": ["state"]}`), `"assigned"`)
}

func TestStockIsReservedOnRequestWhereTheWarehouseSaysSo(t *testing.T) {
	t.Parallel()
	f := open(t, odootest.Config{ManualReservation: true})
	f.order("shop/1")
	f.call("sale.order", "action_confirm", `{"ids": [1]}`)
	state := func() string { return f.call("stock.picking", "read", `{"ids": [1], "fields": ["state"]}`) }
	require.Contains(t, state(), `"confirmed"`)
	f.call("stock.picking", "action_assign", `{"ids": [1]}`)
	require.Contains(t, state(), `"assigned"`)
	f.call("stock.picking", "do_unreserve", `{"ids": [1]}`)
	require.Contains(t, state(), `"confirmed"`)
}

func TestAConfirmedOrderThatIsEditedChangesWhatIsToBeSent(t *testing.T) {
	t.Parallel()
	f := open(t, odootest.Config{})
	f.order("shop/1")
	f.call("sale.order", "action_confirm", `{"ids": [1]}`)
	open := func() string {
		return f.call("stock.move", "search_read", `{"domain": [["sale_line_id", "=", 1], ["state", "!=", "cancel"]], "fields": ["product_uom_qty"], "order": "id"}`)
	}
	require.NoError(t, f.Edit("shop/1", "SKU-RED", "2"))
	require.Contains(t, open(), `"product_uom_qty":2.0`)
	require.NoError(t, f.Edit("shop/1", "SKU-RED", "4"))
	require.Contains(t, open(), `"product_uom_qty":4.0`)
	status, answer := f.try("sale.order.line", "unlink", `{"ids": [1]}`)
	require.Equal(t, 422, status, answer)
	require.NoError(t, f.Ship("shop/1", ""))
	require.Error(t, f.Edit("shop/1", "SKU-RED", "1"), "more is delivered")
	f.call("sale.order", "action_cancel", `{"ids": [1]}`)
	require.Contains(t, f.call("sale.order", "read", `{"ids": [1], "fields": ["state", "delivery_status"]}`), `"delivery_status":"full","id":1,"state":"cancel"`,
		"an order is cancelled though its goods are gone")
}

func TestCompaniesSeeTheirOwn(t *testing.T) {
	t.Parallel()
	f := open(t, odootest.Config{Companies: []string{"Sister Ltd"}})
	f.order("shop/1")
	sister := `"context": {"allowed_company_ids": [2]}`
	require.Equal(t, `[]`, f.call("sale.order", "search", `{"domain": [], `+sister+`}`))
	status, answer := f.try("sale.order", "read", `{"ids": [1], "fields": ["name"], `+sister+`}`)
	require.Equal(t, 403, status, answer)
	status, answer = f.try("sale.order", "search", `{"domain": [], "context": {"allowed_company_ids": [3]}}`)
	require.Equal(t, 403, status, answer)
}

func TestAnEntryInALockedPeriodIsMovedSilently(t *testing.T) {
	t.Parallel()
	f := open(t, odootest.Config{})
	f.SetLockDate(commerce.Date{Year: 2026, Month: 10, Day: 31})
	f.call("account.move", "create", `{"vals_list": [{"journal_id": 8, "date": "2026-09-03", "ref": "po_1", "line_ids": [[0, 0, {"account_id": 45, "debit": 5}], [0, 0, {"account_id": 52, "credit": 5}]]}]}`)
	f.call("account.move", "action_post", `{"ids": [1]}`)
	require.Contains(t, f.call("account.move", "read", `{"ids": [1], "fields": ["date", "name"]}`), `"date":"2026-11-21"`)
	require.Equal(t, map[string]int{"po_1": 1}, f.Entries())
	f.SetLockDate(commerce.Date{})
}

func TestTheSameStateIsServedOverTCP(t *testing.T) {
	t.Parallel()
	f := open(t, odootest.Config{})
	srv := f.NewServer()
	defer srv.Close()
	f.client, f.url = srv.Client(), srv.URL+"/"
	f.order("shop/1")
	require.Equal(t, map[string]int{"shop/1": 1}, f.Orders())
	f.Fail(odootest.Fault{Kind: odootest.Answered, Status: 503, Times: 1, Match: odootest.OnMethod("sale.order.read")})
	f.call("sale.order", "search", `{"domain": []}`)
	status, _ := f.try("sale.order", "read", `{"ids": [1]}`)
	require.Equal(t, 503, status)
	var last []string
	for _, c := range f.Calls() {
		last = append(last, c.Method)
	}
	require.Equal(t, []string{"sale.order.create", "sale.order.search"}, last)
}

func TestAKeyThatHasExpiredOpensNothing(t *testing.T) {
	t.Parallel()
	f := open(t, odootest.Config{})
	old := f.Key().Reveal()
	f.SetKey("another")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, odootest.URL+"jsonrpc", bytes.NewReader([]byte(
		`{"jsonrpc": "2.0", "id": 1, "params": {"service": "common", "method": "authenticate", "args": ["erp", "sync", "`+old+`", {}]}}`)))
	require.NoError(t, err)
	resp, err := f.client.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	var answer struct{ Result any }
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer))
	require.Equal(t, false, answer.Result)
	require.NotContains(t, string(f.Calls()[0].Body), old)
}

func TestAConfigThatCanNotBeIsRefusedByTheNameOfTheField(t *testing.T) {
	t.Parallel()
	for field, c := range map[string]odootest.Config{
		"Currency":    {Currency: "EURO"},
		"TaxRates[0]": {TaxRates: []string{"x"}},
		"Products[0]": {Products: []odootest.Product{{SKU: "A", Price: "x"}}},
		"Rates[0]":    {Rates: []odootest.Rate{{Currency: "EUR", Units: "0"}}},
	} {
		_, err := odootest.New(c)
		require.ErrorContains(t, err, field)
	}
}
