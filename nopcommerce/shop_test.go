package nopcommerce_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/resilience"
)

// reply is an answer of the shop below. Lost: the request arrives and the answer does not.
type reply struct {
	status int
	body   string
	kind   string // of content; defaults to JSON
	header map[string]string
	lost   bool
}

// shop is as much of a shop as a test wants: rows by controller and id, and what it does on
// a path. Every request and answer is checked against the document, where that is there.
type shop struct {
	t     testing.TB
	doc   *document
	api   nopcommerce.API
	token string // that is taken

	mu       sync.Mutex
	rows     map[string]map[int]string
	on       map[string]func(r *http.Request, body []byte) reply // "GET /Order/Search"
	requests []string                                            // "GET /Order/GetById/1?x=y", without what keeps caches away
	bodies   []string
	fresh    []string
	logins   int
	next     int
}

func newShop(t testing.TB) *shop {
	s := &shop{t: t, token: "token-1", rows: map[string]map[int]string{}, on: map[string]func(*http.Request, []byte) reply{}, next: 1000}
	if os.Getenv("COMMERCE_CONTRACTS") != "" {
		s.doc = contract(t, officialDoc)
	}
	s.put("Order", 17, paidOrder)
	s.on["GET /Store/GetAll"] = says(`[{"id":1,"name":"Your store","url":"https://shop.example/","ssl_enabled":true,"hosts":"shop.example","default_language_id":1,"display_order":1,"company_name":null,"company_address":null,"company_phone_number":null,"company_vat":null}]`)
	return s
}

func newCommunity(t testing.TB) *shop {
	s := newShop(t)
	s.api = nopcommerce.Community
	if s.doc != nil {
		s.doc = contract(t, communityDoc)
	}
	return s
}

func says(body string) func(*http.Request, []byte) reply {
	return func(*http.Request, []byte) reply { return reply{status: 200, body: body} }
}

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// client returns a client of the shop that never waits.
func (s *shop) client(change ...func(*nopcommerce.Config)) *nopcommerce.Client {
	c := nopcommerce.Config{BaseURL: "https://shop.example", API: s.api, Transport: s, Now: func() time.Time { return now },
		Credentials: commerce.Static(nopcommerce.Login{Email: "api@shop.example", Password: commerce.NewSecret("secret-1")}),
		Resilience:  resilience.Config{Retry: resilience.Retry{Attempts: 2, Initial: 1, Max: 1}, Breaker: resilience.Breaker{Off: true}}}
	for _, f := range change {
		f(&c)
	}
	cl, err := nopcommerce.NewClient(c)
	require.NoError(s.t, err)
	return cl
}

func (s *shop) put(controller string, id int, row string) {
	if s.rows[controller] == nil {
		s.rows[controller] = map[int]string{}
	}
	s.rows[controller][id] = row
}

// set changes one member of a row.
func (s *shop) set(controller string, id int, name, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows[controller][id] = setMember(s.t, s.rows[controller][id], name, value)
}

// setMember replaces a member's value in place.
func setMember(t testing.TB, row, name, value string) string {
	at := strings.Index(row, `"`+name+`":`)
	require.GreaterOrEqual(t, at, 0, "%s in %s", name, row)
	at += len(name) + 3
	var old json.RawMessage
	require.NoError(t, json.NewDecoder(strings.NewReader(row[at:])).Decode(&old))
	return row[:at] + value + strings.TrimPrefix(row[at:], string(old))
}

func (s *shop) row(controller string, id int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows[controller][id]
}

// sent returns the requests so far that match, and forgets all.
func (s *shop) sent() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.requests
	s.requests = nil
	return out
}

func (s *shop) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body.Close()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.URL.Query()
	if r.Method == http.MethodGet {
		s.fresh = append(s.fresh, q.Get("_"))
	}
	q.Del("_")
	path := strings.TrimPrefix(strings.TrimPrefix(r.URL.EscapedPath(), "/api-backend"), "/api")
	line := r.Method + " " + path
	if len(q) > 0 {
		line += "?" + q.Encode()
	}
	s.requests = append(s.requests, line)
	s.bodies = append(s.bodies, string(body))
	if s.doc != nil {
		if err := s.doc.request(r, body, s.api == nopcommerce.Community); err != nil {
			s.t.Errorf("%s: %v", line, err)
		}
	}
	a := s.answer(r, path, body)
	if a.lost {
		return nil, io.ErrUnexpectedEOF
	}
	if s.doc != nil && a.status == 200 && a.kind == "" && s.api == nopcommerce.Official {
		if err := s.doc.answer(r.Method, r.URL.EscapedPath(), []byte(a.body)); err != nil {
			s.t.Errorf("the answer to %s: %v", line, err)
		}
	}
	h := http.Header{"Content-Type": {"application/json; charset=utf-8"}, "Date": {now.Add(time.Hour).Format(http.TimeFormat)}}
	if a.kind != "" {
		h.Set("Content-Type", a.kind)
	}
	for k, v := range a.header {
		h.Set(k, v)
	}
	return &http.Response{StatusCode: a.status, Header: h, Request: r, Body: io.NopCloser(strings.NewReader(a.body))}, nil
}

func (s *shop) answer(r *http.Request, path string, body []byte) reply {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if f := s.on[r.Method+" "+path]; f != nil {
		return f(r, body)
	}
	switch {
	case path == "/Authenticate/GetToken":
		s.logins++
		return reply{status: 200, body: `{"username":null,"customer_id":1,"token":"` + s.token + `"}`}
	case path == "/token":
		s.logins++
		return reply{status: 200, body: `{"access_token":"` + s.token + `","token_type":"Bearer","created_at_utc":"2026-11-21T12:00:00","expires_at_utc":"2027-11-21T12:00:00.1234567","username":null,"customer_id":1,"customer_guid":"5b1c3c4e-6d0e-4f0c-9a53-2f2f6a1c0b11"}`}
	case r.Header.Get("Authorization") != "Bearer "+s.token:
		return reply{status: 401, body: `{"message":"Unauthorized"}`}
	}
	if f := s.on[r.Method+" /"+parts[0]+"/"+parts[min(1, len(parts)-1)]]; f != nil {
		return f(r, body)
	}
	id := 0
	if len(parts) == 3 {
		id, _ = strconv.Atoi(parts[2])
	}
	table := s.rows[parts[0]]
	switch r.Method + " " + parts[min(1, len(parts)-1)] {
	case "GET GetById":
		if row, ok := table[id]; ok {
			return reply{status: 200, body: row}
		}
		return reply{status: 404, body: fmt.Sprintf("%q", parts[0]+" Id="+parts[2]+" not found")}
	case "PUT Update":
		var row struct{ ID int }
		require.NoError(s.t, json.Unmarshal(body, &row))
		if _, ok := table[row.ID]; !ok {
			return reply{status: 404, body: `"not found"`}
		}
		table[row.ID] = string(body)
		return reply{status: 200}
	case "POST Create":
		var row map[string]json.RawMessage
		require.NoError(s.t, json.Unmarshal(body, &row))
		s.next++
		row["id"] = json.RawMessage(strconv.Itoa(s.next))
		b, _ := json.Marshal(row)
		if s.rows[parts[0]] == nil {
			s.rows[parts[0]] = map[int]string{}
		}
		s.rows[parts[0]][s.next] = string(b)
		return reply{status: 200, body: string(b)}
	case "DELETE Delete":
		delete(table, id)
		return reply{status: 200}
	}
	return reply{status: 404, kind: "text/html", body: "<html>"}
}

// list returns the rows of a controller that hold some text, by id.
func (s *shop) list(controller, holding string) string {
	var rows []string
	for _, id := range slices.Sorted(maps.Keys(s.rows[controller])) {
		if row := s.rows[controller][id]; strings.Contains(row, holding) {
			rows = append(rows, row)
		}
	}
	return "[" + strings.Join(rows, ",") + "]"
}

// envelope makes one page of rows.
func envelope(index, size, total int, rows ...string) string {
	return fmt.Sprintf(`{"page_index":%d,"page_size":%d,"total_count":%d,"total_pages":1,"has_previous_page":%t,"has_next_page":%t,"items":[%s]}`,
		index, size, total, index > 0, (index+1)*size < total, strings.Join(rows, ","))
}

// fault requires an error of ours and returns it.
func fault(t testing.TB, err error) *commerce.Error {
	t.Helper()
	e, ok := err.(*commerce.Error)
	require.True(t, ok, "%T %v", err, err)
	return e
}

const paidOrder = `{"order_guid":"5b1c3c4e-6d0e-4f0c-9a53-2f2f6a1c0b11","store_id":1,"customer_id":5,"billing_address_id":31,"shipping_address_id":32,"pickup_address_id":null,"pickup_in_store":false,"order_status_id":20,"shipping_status_id":20,"payment_status_id":30,"payment_method_system_name":"Payments.Stripe","customer_currency_code":"EUR","currency_rate":0.90000000,"customer_tax_display_type_id":10,"vat_number":null,"order_subtotal_incl_tax":85.6000,"order_subtotal_excl_tax":80.0000,"order_sub_total_discount_incl_tax":0.0000,"order_sub_total_discount_excl_tax":0.0000,"order_shipping_incl_tax":0.0000,"order_shipping_excl_tax":0.0000,"payment_method_additional_fee_incl_tax":0.0000,"payment_method_additional_fee_excl_tax":0.0000,"tax_rates":"7.0000:5.60;   ","order_tax":5.6000,"order_discount":0.0000,"order_total":85.6000,"refunded_amount":0.0000,"reward_points_history_entry_id":null,"checkout_attribute_description":"","checkout_attributes_xml":null,"customer_language_id":1,"affiliate_id":0,"customer_ip":"192.0.2.1","allow_storing_credit_card_number":false,"card_type":"","card_name":"Jane Buyer","card_number":"4242-sealed","masked_credit_card_number":"**** 4242","card_cvv2":"","card_expiration_month":"","card_expiration_year":"","authorization_transaction_id":"pi_3Nopq0000000000000000001","authorization_transaction_code":null,"authorization_transaction_result":null,"capture_transaction_id":"ch_3Nopq0000000000000000001","capture_transaction_result":"succeeded","subscription_transaction_id":null,"paid_date_utc":"2018-01-01T12:45:03.557","shipping_method":"Ground","shipping_rate_computation_method_system_name":"Shipping.FixedByWeightByTotal","custom_values_xml":null,"deleted":false,"created_on_utc":"2018-01-01T12:45:00","custom_order_number":"1017","redeemed_reward_points_entry_id":null,"our_column":"kept","id":17}`
