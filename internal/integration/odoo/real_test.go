package odoo_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp/odoo"
	"github.com/commercesync/commerce/resilience"
)

var transport = &http.Transport{}

// client is a client of its own, with nothing remembered.
func client(t *testing.T, protocol odoo.Protocol, edit func(*odoo.Config)) *odoo.Client {
	t.Helper()
	c := odoo.Config{URL: server.URL, Database: server.Database, Protocol: protocol, Transport: transport,
		Resilience:  resilience.Config{Timeout: 2 * time.Minute}, // of a machine that is busy otherwise
		Credentials: commerce.Static(odoo.Login{User: server.User, Key: commerce.NewSecret(server.Key)})}
	if edit != nil {
		edit(&c)
	}
	o, err := odoo.NewClient(c)
	require.NoError(t, err)
	return o
}

type dict = map[string]any

// call is what a person does at the server, as its administrator.
func call(t *testing.T, out any, model, method string, args []any, named dict) {
	t.Helper()
	if named == nil {
		named = dict{}
	}
	body, err := json.Marshal(dict{"jsonrpc": "2.0", "method": "call", "id": 1, "params": dict{"service": "object", "method": "execute_kw",
		"args": []any{server.Database, 2, server.AdminPassword, model, method, args, named}}})
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"jsonrpc", bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := transport.RoundTrip(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	var answer struct{ Result, Error json.RawMessage }
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer), method)
	require.Empty(t, string(answer.Error), "%s.%s", model, method)
	if out != nil {
		require.NoError(t, json.Unmarshal(answer.Result, out))
	}
}

func where(clauses ...any) []any { return []any{clauses} }

func is(field string, value any) []any { return []any{field, "=", value} }

// ids are the records that match.
func ids(t *testing.T, model string, clauses ...any) (found []int64) {
	t.Helper()
	call(t, &found, model, "search", where(clauses...), nil)
	return found
}

// advances is the code of an account of customer advances.
func advances(t *testing.T) string {
	t.Helper()
	return account(t, "201050", dict{"name": "Customer advances", "account_type": "liability_current", "reconcile": true})
}

// dollars is the code of a clearing account that is kept in USD.
func dollars(t *testing.T) string {
	t.Helper()
	usd := ids(t, "res.currency", is("name", "USD"))
	return account(t, "101093", dict{"name": "Stripe clearing in dollars", "account_type": "asset_current", "currency_id": usd[0]})
}

// account makes an account where it is missing.
func account(t *testing.T, code string, fields dict) string {
	t.Helper()
	if len(ids(t, "account.account", is("code", code))) == 0 {
		fields["code"] = code
		call(t, nil, "account.account", "create", []any{fields}, nil)
	}
	return code
}

// takeBack drafts a credit note of the invoice of the order under a key.
func takeBack(t *testing.T, key string) {
	t.Helper()
	invoices := ids(t, "account.move", is("ref", key+"/invoice"))
	with := dict{"context": dict{"active_model": "account.move", "active_ids": invoices}}
	var journal []struct {
		Journal []any `json:"journal_id"`
	}
	call(t, &journal, "account.move", "read", []any{invoices}, dict{"fields": []string{"journal_id"}})
	var wizard int64
	call(t, &wizard, "account.move.reversal", "create", []any{dict{"reason": "sent back", "journal_id": journal[0].Journal[0]}}, with)
	call(t, nil, "account.move.reversal", "refund_moves", []any{[]int64{wizard}}, with)
}

// open are the pickings that are still to be sent of the orders under a key.
func open(t *testing.T, key string) []int64 {
	t.Helper()
	return ids(t, "stock.picking", is("sale_id.client_order_ref", key), []any{"state", "not in", []string{"done", "cancel"}})
}

// pick takes the goods of the order under a key from the shelf.
func pick(t *testing.T, key string) {
	t.Helper()
	for _, picking := range open(t, key) {
		var moves []struct {
			ID     int64
			Wanted json.Number `json:"product_uom_qty"`
		}
		call(t, &moves, "stock.move", "search_read", where(is("picking_id", picking)), dict{"fields": []string{"product_uom_qty"}})
		for _, m := range moves {
			call(t, nil, "stock.move", "write", []any{[]int64{m.ID}, dict{"quantity": m.Wanted, "picked": true}}, nil)
		}
	}
}

func ship(t *testing.T, key, tracking string) {
	t.Helper()
	pick(t, key)
	for _, picking := range open(t, key) {
		call(t, nil, "stock.picking", "write", []any{[]int64{picking}, dict{"carrier_tracking_ref": tracking}}, nil)
		var done any
		call(t, &done, "stock.picking", "button_validate", []any{[]int64{picking}}, dict{"context": dict{"skip_sms": true}})
		require.Equal(t, true, done)
	}
}

func invoice(t *testing.T, key string) {
	t.Helper()
	orders := ids(t, "sale.order", is("client_order_ref", key))
	with := dict{"context": dict{"active_model": "sale.order", "active_ids": orders}}
	var wizard int64
	call(t, &wizard, "sale.advance.payment.inv", "create", []any{dict{"advance_payment_method": "delivered",
		"sale_order_ids": []any{[]any{6, 0, orders}}}}, with)
	call(t, nil, "sale.advance.payment.inv", "create_invoices", []any{[]int64{wizard}}, with)
	call(t, nil, "account.move", "action_post", []any{ids(t, "account.move", is("ref", key))}, nil)
}

func duplicate(t *testing.T, key string) {
	t.Helper()
	var made json.RawMessage // one id, or a list of one
	call(t, &made, "sale.order", "copy", []any{ids(t, "sale.order", is("client_order_ref", key))[:1]}, nil)
	if made[0] != '[' {
		made = append(append(json.RawMessage{'['}, made...), ']')
	}
	call(t, nil, "sale.order", "write", []any{made, dict{"client_order_ref": key}}, nil)
}

// loseOnce lets a call take effect and loses its answer.
type loseOnce struct {
	mu     sync.Mutex
	method string // the next one of it: "sale.order/load"
	armed  bool
	calls  int // where it is armed: so many until the one that is lost
}

func (l *loseOnce) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	resp, err := transport.RoundTrip(r)
	if l.armed && err == nil {
		if l.calls--; l.calls == 0 {
			resp.Body.Close()
			return nil, fmt.Errorf("connection reset")
		}
	}
	if l.method == "" || err != nil || r.GetBody == nil {
		return resp, err
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	_, _ = text.ReadFrom(body)
	model, method, _ := strings.Cut(l.method, "/")
	if strings.HasSuffix(r.URL.Path, "/"+l.method) || strings.Contains(text.String(), fmt.Sprintf("%q,%q", model, method)) {
		l.method = ""
		resp.Body.Close()
		return nil, fmt.Errorf("connection reset")
	}
	return resp, nil
}

// loseCall loses the n-th answer from now; reached says whether there were so many.
func (l *loseOnce) loseCall(_ *testing.T, n int) (reached func() bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls, l.armed = n, true
	return func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.armed = false
		return l.calls <= 0
	}
}

func (l *loseOnce) lose(method string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.method = method
}

// holdLoad holds the first load of an order back until it is released.
type holdLoad struct {
	once          sync.Once
	held, release chan struct{}
}

func (h *holdLoad) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	_, _ = text.ReadFrom(body)
	if strings.HasSuffix(r.URL.Path, "/sale.order/load") || strings.Contains(text.String(), `"sale.order","load"`) {
		h.once.Do(func() {
			close(h.held)
			<-h.release
		})
	}
	return transport.RoundTrip(r)
}
