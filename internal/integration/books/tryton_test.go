package books_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/tryton"
	"github.com/commercesync/commerce/internal/trytonserver"
)

// trytonOffice is a real Tryton. Its people and its auditor speak Tryton's own protocol.
type trytonOffice struct {
	t       *testing.T
	w       *world
	server  *trytonserver.Server
	client  *tryton.Client
	http    *http.Client
	session string
	user    json.Number
	company json.Number
}

func newTrytonOffice(w *world) *trytonOffice {
	w.t.Helper()
	server := trytonserver.For(w.t)
	transport := &http.Transport{}
	w.t.Cleanup(transport.CloseIdleConnections)
	o := &trytonOffice{t: w.t, w: w, server: server, http: &http.Client{Transport: transport, Timeout: time.Minute}}
	var err error
	// The server dates what it writes by the real clock, and so do both ends of its feed.
	o.client, err = tryton.NewClient(tryton.Config{URL: server.URL, Database: server.Database, LongestRequest: longestRequest, Lag: time.Millisecond,
		Credentials: commerce.Static(tryton.Login{User: server.User, Password: commerce.NewSecret(server.Password)}), Transport: transport})
	require.NoError(w.t, err)
	o.login()
	if w.money.settlement != w.money.company {
		o.keepIn(w.money.settlement, o.accounts().clearing, o.accounts().transit)
	}
	return o
}

// keepIn makes accounts state a currency of their own, as whoever sets the books up does.
func (o *trytonOffice) keepIn(c commerce.Currency, codes ...string) {
	type row struct {
		ID json.Number `json:"id"`
	}
	var currencies, accounts []row
	o.call(&currencies, "model.currency.currency.search_read", []any{[]any{"code", "=", c}}, 0, 1, nil, []string{"code"})
	o.call(&accounts, "model.account.account.search_read", []any{[]any{"company", "=", o.company}, []any{"code", "in", codes}}, 0, page, nil, []string{"code"})
	require.Len(o.t, accounts, len(codes))
	for _, a := range accounts {
		o.call(nil, "model.account.account.write", []json.Number{a.ID}, map[string]any{"second_currency": currencies[0].ID})
	}
}

func (o *trytonOffice) erp() erp.ERP   { return o.client }
func (o *trytonOffice) system() string { return "tryton" }

func (o *trytonOffice) accounts() accounts {
	clearing := "1090"
	if o.w.money.settlement == "USD" {
		clearing = "1091"
	}
	return accounts{receivable: "Main Receivable", revenue: "Main Revenue", sales: "4010", tax: "Main Tax", clearing: clearing, transit: "1010",
		fees: "6050", disputes: "6060", advances: "2090", differences: "6070"}
}

func (o *trytonOffice) taxes() map[string]string {
	all, err := o.client.Taxes(o.t.Context())
	require.NoError(o.t, err)
	out := map[string]string{}
	for _, x := range all {
		if !x.Rate.IsZero() {
			out[x.Rate.Trim(0).String()] = x.ID
		}
	}
	return out
}

// decimal is a number as Tryton writes it.
type decimal struct {
	Text string `json:"decimal"`
}

// minor is the number in minor units; null is nought.
func (d *decimal) minor(t *testing.T, c commerce.Currency) int64 {
	t.Helper()
	if d == nil {
		return 0
	}
	m, exact, err := commerce.RoundMoney(d.Text, -1, c)
	require.NoError(t, err)
	require.True(t, exact, "%s is of whole minor units", d.Text)
	return m.Minor()
}

// date is a day as Tryton writes it.
type date struct {
	Year, Day int
	Month     time.Month
}

func (d date) day() commerce.Date { return commerce.Date{Year: d.Year, Month: d.Month, Day: d.Day} }

func said(d commerce.Date) map[string]any {
	return map[string]any{"__class__": "date", "year": d.Year, "month": int(d.Month), "day": d.Day}
}

type named struct {
	Code string `json:"code"`
	Name string `json:"name"`
}

// page is how many rows are read at once.
const page = 500

// read reads every posted line, and every invoice that is no draft.
func (o *trytonOffice) read() (l ledger) {
	type row struct {
		Debit, Credit *decimal
		Other         *decimal `json:"amount_second_currency"`
		Currency      *named   `json:"second_currency."`
		Account       named    `json:"account."`
		Move          struct {
			ID          json.Number `json:"id"`
			Date        date        `json:"date"`
			Description string      `json:"description"`
		} `json:"move."`
	}
	mine := []any{"company", "=", o.company}
	each(o, "account.move.line", []any{[]any{"move.state", "=", "posted"}, []any{"move.company", "=", o.company}},
		[]string{"debit", "credit", "amount_second_currency", "second_currency.code", "account.code", "account.name", "move.date", "move.description"},
		func(r row) {
			x := line{entry: r.Move.ID.String(), key: r.Move.Description, date: r.Move.Date.day(), account: r.Account.Code,
				company: r.Debit.minor(o.t, o.w.money.company) - r.Credit.minor(o.t, o.w.money.company)}
			if x.account == "" {
				x.account = r.Account.Name
			}
			if r.Currency != nil && r.Currency.Code != "" {
				c := commerce.Currency(r.Currency.Code)
				x.other = commerce.MustMoney(r.Other.minor(o.t, c), c)
			}
			l.lines = append(l.lines, x)
		})
	type bill struct {
		Reference string   `json:"reference"`
		State     string   `json:"state"`
		Net       *decimal `json:"untaxed_amount"`
		Tax       *decimal `json:"tax_amount"`
		Gross     *decimal `json:"total_amount"`
		Open      *decimal `json:"amount_to_pay"`
		Currency  named    `json:"currency."`
		Sales     []json.Number
	}
	sales := map[string]string{}
	each(o, "sale.sale", []any{mine}, []string{"reference"}, func(r struct {
		ID        json.Number `json:"id"`
		Reference string      `json:"reference"`
	}) {
		sales[r.ID.String()] = r.Reference
	})
	each(o, "account.invoice", []any{mine, []any{"state", "in", []string{"posted", "paid"}}},
		[]string{"reference", "state", "untaxed_amount", "tax_amount", "total_amount", "amount_to_pay", "currency.code", "sales"},
		func(r bill) {
			c := commerce.Currency(r.Currency.Code)
			m := func(d *decimal) commerce.Money { return commerce.MustMoney(d.minor(o.t, c), c) }
			p := paper{key: r.Reference, state: r.State, net: m(r.Net), tax: m(r.Tax), gross: m(r.Gross), open: m(r.Open)}
			if len(r.Sales) == 1 {
				p.order = sales[r.Sales[0].String()]
			}
			l.papers = append(l.papers, p)
		})
	return l
}

// each reads all rows of a model.
func each[R any](o *trytonOffice, model string, domain []any, fields []string, do func(R)) {
	o.t.Helper()
	for offset := 0; ; offset += page {
		var rows []R
		o.call(&rows, "model."+model+".search_read", domain, offset, page, []any{[]any{"id", "ASC"}}, fields)
		for _, r := range rows {
			do(r)
		}
		if len(rows) < page {
			return
		}
	}
}

// send packs and sends what is reserved for some sales, on the world's day.
func (o *trytonOffice) send(references []string) {
	type shipment struct {
		ID       json.Number   `json:"id"`
		Outgoing []json.Number `json:"outgoing_moves"`
	}
	var sales []struct {
		Shipments []json.Number `json:"shipments"`
	}
	o.call(&sales, "model.sale.sale.search_read", []any{[]any{"reference", "in", references}}, 0, page, nil, []string{"shipments"})
	for _, s := range sales {
		for _, id := range s.Shipments {
			one := []json.Number{id}
			o.call(nil, "model.stock.shipment.out.pick", one)
			var rows []shipment
			o.call(&rows, "model.stock.shipment.out.read", one, []string{"outgoing_moves"})
			var kinds []struct {
				ID json.Number `json:"id"`
			}
			o.call(&kinds, "model.stock.package.type.search_read", []any{}, 0, 1, nil, []string{"name"})
			o.call(nil, "model.stock.package.create", []any{map[string]any{"shipment": "stock.shipment.out," + id.String(), "type": kinds[0].ID,
				"shipping_reference": "T" + id.String(), "moves": []any{[]any{"add", rows[0].Outgoing}}}})
			o.call(nil, "model.stock.shipment.out.pack", one)
			o.call(nil, "model.stock.shipment.out.write", one, map[string]any{"effective_date": said(o.w.today())})
			o.call(nil, "model.stock.shipment.out.done", one)
		}
	}
}

// close closes periods, as the head of the books does.
func (o *trytonOffice) close(through commerce.Date) {
	act, state := "close", "open"
	bound := []any{"end_date", "<=", said(through)}
	if through.IsZero() {
		act, state, bound = "reopen", "close", []any{"start_date", ">=", said(commerce.Date{Year: start().Year(), Month: 1, Day: 1})}
	}
	var rows []struct {
		ID json.Number `json:"id"`
	}
	o.call(&rows, "model.account.period.search_read", []any{[]any{"company", "=", o.company}, []any{"state", "=", state}, bound}, 0, page, nil, []string{"name"})
	var ids []json.Number
	for _, r := range rows {
		ids = append(ids, r.ID)
	}
	require.NotEmpty(o.t, ids)
	o.call(nil, "model.account.period."+act, ids)
}

// call makes one remote call; the context object is added. A question of the server's to the
// person who works there ("no carrier is set") is answered with yes.
func (o *trytonOffice) call(into any, method string, params ...any) {
	o.t.Helper()
	context := map[string]any{"language": "en"}
	if o.company != "" {
		context["company"] = o.company
	}
	params = append(params, context)
	for {
		answer, fault := o.post(method, params)
		if name := question(fault); name != "" {
			o.call(nil, "model.res.user.warning.create", []any{map[string]any{"user": o.user, "name": name, "always": false}})
			continue
		}
		require.Empty(o.t, string(fault), method)
		if into != nil {
			d := json.NewDecoder(bytes.NewReader(answer))
			d.UseNumber()
			require.NoError(o.t, d.Decode(into), "%s: %.300s", method, answer)
		}
		return
	}
}

// question is the name of a warning that waits for a yes.
func question(fault json.RawMessage) string {
	var parts []json.RawMessage
	var kind string
	var words []any
	if json.Unmarshal(fault, &parts) != nil || len(parts) < 2 || json.Unmarshal(parts[0], &kind) != nil || kind != "UserWarning" ||
		json.Unmarshal(parts[1], &words) != nil || len(words) == 0 {
		return ""
	}
	name, _ := words[0].(string)
	return name
}

func (o *trytonOffice) post(method string, params []any) (result, fault json.RawMessage) {
	o.t.Helper()
	body, err := json.Marshal(map[string]any{"id": 1, "method": method, "params": params})
	require.NoError(o.t, err)
	req, err := http.NewRequestWithContext(o.t.Context(), http.MethodPost, o.server.URL+o.server.Database+"/", bytes.NewReader(body))
	require.NoError(o.t, err)
	req.Header.Set("Content-Type", "application/json")
	if o.session != "" {
		req.Header.Set("Authorization", "Session "+o.session)
	}
	resp, err := o.http.Do(req)
	require.NoError(o.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(o.t, err)
	var answer struct {
		Result json.RawMessage `json:"result"`
		Error  json.RawMessage `json:"error"`
	}
	require.NoError(o.t, json.Unmarshal(text, &answer), "%s: %s: %.300s", method, resp.Status, text)
	if strings.TrimSpace(string(answer.Error)) == "null" {
		answer.Error = nil
	}
	return answer.Result, answer.Error
}

func (o *trytonOffice) login() {
	o.t.Helper()
	answer, fault := o.post("common.db.login", []any{o.server.User, map[string]string{"password": o.server.Password}, "en"})
	require.Empty(o.t, string(fault))
	var session []any
	d := json.NewDecoder(bytes.NewReader(answer))
	d.UseNumber()
	require.NoError(o.t, d.Decode(&session))
	require.Len(o.t, session, 2)
	o.user, _ = session[0].(json.Number)
	o.session = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s:%v:%v", o.server.User, session[0], session[1]))
	var prefs struct {
		Company json.Number `json:"company"`
	}
	o.call(&prefs, "model.res.user.get_preferences", true)
	o.company = prefs.Company
}
