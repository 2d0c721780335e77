package trytontest_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/commercesync/commerce/erp/tryton/trytontest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// exchange is one recorded call of a real tryton-server 6.0.29.
type exchange struct {
	Name    string
	Request struct {
		Path    string
		Headers map[string]string
		Body    json.RawMessage
	}
	Response struct {
		Status  int
		Headers map[string]string
		Body    json.RawMessage
	}
}

func recordings(t *testing.T, file string) []exchange {
	t.Helper()
	dir := os.Getenv("COMMERCE_CONTRACTS")
	if dir == "" {
		t.Skip("COMMERCE_CONTRACTS does not name the directory of the recordings")
	}
	b, err := os.ReadFile(filepath.Join(dir, "tryton-recorded", file))
	require.NoError(t, err)
	var list []exchange
	require.NoError(t, json.Unmarshal(b, &list))
	return list
}

// unknown are the recorded calls that the fake does not answer, with the reason.
var unknown = map[string]string{
	"no-access-write":                "the client never writes users",
	"no-access-create":               "the client never writes cron jobs",
	"no-access-read":                 "the client never reads cron jobs",
	"user-application-fields":        "application keys do not open the calls",
	"login-throttled-5":              "part of a series of eight",
	"login-throttled-6":              "part of a series of eight",
	"login-throttled-8":              "part of a series of eight",
	"db-list":                        "the fake has one database",
	"plain-result":                   "the client always sends an id",
	"plain-user-error":               "the client always sends an id",
	"plain-concurrency":              "the client always sends an id",
	"plain-user-warning":             "the client always sends an id",
	"account-category":               "the client makes no products",
	"product-create":                 "the client makes no products",
	"product-create-duplicate-sku":   "the client makes no products",
	"product-create-float-price":     "the client makes no products",
	"product-archived-shown":         "depends on a product that was archived by hand",
	"sale-default-get":               "the client asks for no proposals",
	"sale-line-on-change-product":    "the client asks for no proposals",
	"sale-on-change-party":           "the client asks for no proposals",
	"invoice-read":                   "the client reads no invoices",
	"invoice-post":                   "the client posts no invoices",
	"invoice-read-posted":            "the client reads no invoices",
	"sale-write-party-after-confirm": "the answer carries the whole domain",
	"accounts-read":                  "reads types of accounts",
	"move-reversal-lines":            "names ids that calls in between have used up",
	"move-reversal-post":             "names ids that calls in between have used up",
	"move-cancel-in-closed-period":   "depends on a period that was closed by hand",
}

// fromInvoices is what the fake answers of the run that posted invoices: the others name
// ids of documents that were made in between and not recorded, or wizards that the
// client never runs.
var fromInvoices = []string{"sale-to-invoice-create", "sale-to-invoice-quote", "sale-to-invoice-confirm", "sale-to-invoice-process", "sale-after-process",
	"invoice-by-sale", "invoice-read-draft", "invoice-write-reference-draft", "invoice-validate", "invoice-read-validated", "invoice-write-date-validated",
	"invoice-post", "invoice-read-posted", "invoice-post-again", "invoice-write-reference-posted", "invoice-write-description-posted",
	"invoice-delete-posted", "backdated-invoice-write-date", "backdated-invoice-post", "closed-invoice-write-date", "closed-invoice-post",
	"closed-invoice-write-accounting-date", "closed-invoice-post-accounting-date", "closed-invoice-acknowledge", "closed-invoice-post-acknowledged",
	"closed-invoice-read-posted", "partial-handmade-reconcile-unbalanced", "partial-handmade-link", "credit-note-update-taxes"}

// replay sends the recorded calls in order and compares status and shape.
type replay struct {
	t      *testing.T
	server *trytontest.Server
	client *http.Client
	token  string
	done   int
}

func newReplay(t *testing.T, rates ...string) *replay {
	t.Helper()
	server, err := trytontest.New(trytontest.Config{
		Currency: "USD", User: "sync", Password: "loopback-7Ty", TaxRates: append([]string{"20"}, rates...), Countries: []string{"US", "GB", "DE", "FR"},
		Products: []trytontest.Product{{SKU: "SKU-RED", Stock: 1000}, {SKU: "SKU-BLUE", Stock: 1000}, {SKU: "SKU-VAT", Stock: 1000},
			{SKU: "SHIPPING", Service: true}, {SKU: "DISCOUNT", Service: true}},
		Now: func() time.Time { return time.Date(2026, 11, 21, 7, 24, 52, 0, time.UTC) },
	})
	require.NoError(t, err)
	r := &replay{t: t, server: server, client: &http.Client{Transport: server.Transport()}}
	var login []any
	r.result(&login, "common.db.login", "sync", map[string]string{"password": "loopback-7Ty"}, "en")
	r.token = fmt.Sprint(login[1])
	return r
}

func (r *replay) send(path string, headers map[string]string, body []byte) (*http.Response, []byte) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, strings.TrimSuffix(trytontest.URL, "/")+path, bytes.NewReader(body))
	require.NoError(r.t, err)
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	resp, err := r.client.Do(req)
	require.NoError(r.t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	return resp, b
}

// session is the header of a session.
func session(token string) string {
	return "Session " + base64.StdEncoding.EncodeToString([]byte("sync:2:"+token))
}

// result makes a call of the test's own.
func (r *replay) result(out any, method string, params ...any) {
	r.t.Helper()
	if method != "common.db.login" {
		params = append(params, map[string]any{"company": 1})
	}
	body, err := json.Marshal(map[string]any{"id": 1, "method": method, "params": params})
	require.NoError(r.t, err)
	_, b := r.send("/erp/", map[string]string{"Authorization": session(r.token)}, body)
	var answer struct{ Result, Error json.RawMessage }
	require.NoError(r.t, json.Unmarshal(b, &answer))
	require.Empty(r.t, string(answer.Error))
	if out != nil {
		require.NoError(r.t, json.Unmarshal(answer.Result, out))
	}
}

// file replays a file; before runs ahead of the exchange of its name.
func (r *replay) file(name string, before map[string]func()) {
	for i, e := range recordings(r.t, name) {
		if unknown[e.Name] != "" || (name == invoiceFile && !slices.Contains(fromInvoices, e.Name)) {
			continue
		}
		ok := r.t.Run(fmt.Sprintf("%s/%d %s", name, i, e.Name), func(t *testing.T) {
			if f := before[e.Name]; f != nil {
				f()
				delete(before, e.Name)
			}
			headers := map[string]string{}
			for k, v := range e.Request.Headers {
				headers[k] = strings.ReplaceAll(v, session("SESSIONTOKEN"), session(r.token))
			}
			resp, got := r.send(e.Request.Path, headers, bodyOf(e.Request.Body))
			require.Equal(t, e.Response.Status, resp.StatusCode)
			require.Equal(t, mediaType(e.Response.Headers["Content-Type"]), mediaType(resp.Header.Get("Content-Type")))
			if !strings.Contains(e.Response.Headers["Content-Type"], "json") {
				return
			}
			var a, b any
			require.NoError(t, json.Unmarshal(e.Response.Body, &a))
			require.NoError(t, json.Unmarshal(got, &b))
			if err := shape("", a, b); err != nil {
				t.Errorf("%v\nrecorded %.600s\nanswered %.600s", err, e.Response.Body, got)
			}
		})
		if ok {
			r.done++
		}
	}
}

func mediaType(s string) string { s, _, _ = strings.Cut(s, ";"); return s }

// bodyOf undoes the recording of a body that was no JSON.
func bodyOf(b json.RawMessage) []byte {
	var text string
	if json.Unmarshal(b, &text) == nil {
		return []byte(text)
	}
	return b
}

// loose are fields that depend on what happened between the recorded calls.
var loose = map[string]bool{"account_receivable": true, "write_date": true, "moves": true, "invoices": true, "lines": true, "name": true,
	"rec_name": true, "invoice_state": true, "fiscalyear": true, "number": true, "actions": true}

var figures = regexp.MustCompile(`[0-9]+`)

// shape compares two values: the same keys, the same kinds, and the same words in
// errors; figures and lengths of lists may differ.
func shape(path string, want, got any) error {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Errorf("%s: recorded an object, answered %T", path, got)
		}
		for k := range w {
			if _, ok := g[k]; !ok {
				return fmt.Errorf("%s: %q is missing", path, k)
			}
			if loose[k] {
				continue
			}
			if err := shape(path+"."+k, w[k], g[k]); err != nil {
				return err
			}
		}
		for k := range g {
			if _, ok := w[k]; !ok {
				return fmt.Errorf("%s: %q was not recorded", path, k)
			}
		}
	case []any:
		g, ok := got.([]any)
		if !ok {
			return fmt.Errorf("%s: recorded a list, answered %T", path, got)
		}
		if (len(w) == 0) != (len(g) == 0) {
			return fmt.Errorf("%s: recorded %d items, answered %d", path, len(w), len(g))
		}
		for i := range min(len(w), len(g)) {
			if err := shape(fmt.Sprintf("%s[%d]", path, i), w[i], g[i]); err != nil {
				return err
			}
		}
	case string:
		g, ok := got.(string)
		if !ok {
			return fmt.Errorf("%s: recorded a text, answered %v", path, got)
		}
		if strings.HasPrefix(path, ".error") && figures.ReplaceAllString(w, "0") != figures.ReplaceAllString(g, "0") {
			return fmt.Errorf("%s: recorded %q, answered %q", path, w, g)
		}
	default:
		if fmt.Sprintf("%T", want) != fmt.Sprintf("%T", got) {
			return fmt.Errorf("%s: recorded %T, answered %T", path, want, got)
		}
	}
	return nil
}

func TestTheFakeAnswersInTheShapeOfTheRecordings(t *testing.T) {
	t.Run("protocol", func(t *testing.T) {
		r := newReplay(t)
		r.file("01-session-and-protocol.json", map[string]func(){
			"search-count":          func() { r = relogin(r) },
			"domain-or-like-paging": func() { r.twoSales() },
		})
		require.GreaterOrEqual(t, r.done, 14)
	})
	t.Run("sales and shipments", func(t *testing.T) {
		r := newReplay(t)
		// Three stock moves of the inventory came first.
		r.result(nil, "model.stock.move.create", []any{map[string]any{}, map[string]any{}, map[string]any{}})
		r.file("02-customers.json", nil)
		r.file("03-products.json", nil)
		r.file("04-sales.json", map[string]func(){
			"sale-duplicates-after-race": func() { r.sales(4, "MAGENTO-000000200") },
			"sale-delete-processing": func() {
				r.result(nil, "model.sale.sale.write", []int{1}, map[string]string{"reference": "MAGENTO-000000101"})
			},
			"sales-shipped-since":       func() { r.file("05-shipments.json", nil) },
			"sale-cancel-quotation":     func() { r.sales(1, "MAGENTO-000000300"); r.result(nil, "model.sale.sale.quote", []int{12}) },
			"sale-return-wizard-create": func() { r.sales(1, "MAGENTO-000000400") },
		})
		require.GreaterOrEqual(t, r.done, 60)
	})
	t.Run("journal entries", func(t *testing.T) {
		r := newReplay(t)
		// An entry of five lines, that of an invoice, came first.
		var lines []any
		for range 5 {
			lines = append(lines, map[string]any{"account": 8})
		}
		r.result(nil, "model.account.move.create", []any{map[string]any{"journal": 5, "lines": []any{[]any{"create", lines}}}})
		r.file("06-journal-entries.json", map[string]func(){
			"move-post-empty": func() { r.result(nil, "model.account.move.create", []any{map[string]any{"journal": 5}}) },
		})
		require.GreaterOrEqual(t, r.done, 36)
	})
}

const invoiceFile = "07-invoices-and-receipts.json"

func TestTheFakeAnswersInTheShapeOfTheRecordedInvoices(t *testing.T) {
	r := newReplay(t, "19", "7")
	r.result(nil, "model.party.party.create", []any{map[string]any{"name": "Ada Example", "addresses": []any{[]any{"create", []any{map[string]any{}}}}}})
	thing := []any{[]any{"create", []any{map[string]any{"quantity": 1, "unit_price": 1}}}}
	for range 2 {
		r.result(nil, "model.sale.sale.create", []any{map[string]any{"reference": "EARLIER", "party": 1, "currency": 1, "invoice_address": 1, "shipment_address": 1, "lines": thing}})
	}
	step := func(sales ...int) {
		r.result(nil, "model.sale.sale.quote", sales)
		r.result(nil, "model.sale.sale.confirm", sales)
	}
	step(1, 2)
	line := func(account, debit int) map[string]any {
		v := map[string]any{"account": account, "debit": debit}
		if account == 5 {
			v["party"] = 2
		}
		return v
	}
	r.file(invoiceFile, map[string]func(){
		// Sales up to invoice 26; the period of 10 August is closed.
		"backdated-invoice-write-date": func() {
			for n := 4; n <= 26; n++ {
				r.result(nil, "model.sale.sale.create", []any{map[string]any{"party": 2, "currency": 1, "invoice_address": 2, "shipment_address": 2, "payment_term": 1, "lines": thing}})
				step(n)
			}
		},
		"closed-invoice-write-date": func() {
			var periods []struct{ ID int }
			r.result(&periods, "model.account.period.search_read", []any{[]any{"name", "=", "2026-08"}}, 0, 1, nil, []string{"id"})
			r.result(nil, "model.account.period.close", []int{periods[0].ID})
		},
		"partial-handmade-reconcile-unbalanced": func() { // lines 31 and 33
			for range 20 {
				r.result(nil, "model.account.move.create", []any{map[string]any{"journal": 5, "lines": []any{[]any{"create", []any{line(5, 1), line(5, 2)}}}}})
			}
		},
	})
	require.GreaterOrEqual(t, r.done, 27)
}

// relogin gets a new session after the recorded logout.
func relogin(r *replay) *replay {
	var login []any
	r.result(&login, "common.db.login", "sync", map[string]string{"password": "loopback-7Ty"}, "en")
	r.token = fmt.Sprint(login[1])
	return r
}

func (r *replay) twoSales() { r.sales(2, "MAGENTO-000000200") }

// sales makes sales by hand.
func (r *replay) sales(n int, reference string) {
	for range n {
		r.result(nil, "model.sale.sale.create", []any{map[string]any{"reference": reference, "party": 1, "currency": 1,
			"invoice_address": 1, "shipment_address": 1}})
	}
}
