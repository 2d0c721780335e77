package tryton_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/erptest"
	"github.com/commercesync/commerce/erp/tryton"
	"github.com/commercesync/commerce/erp/tryton/trytontest"
	"github.com/commercesync/commerce/internal/trytonserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake starts a fake and a client on it; edit changes the client's config.
func fake(t *testing.T, c trytontest.Config, edit func(*tryton.Config)) (*trytontest.Server, *tryton.Client) {
	t.Helper()
	server, err := trytontest.New(c)
	require.NoError(t, err)
	config := tryton.Config{URL: trytontest.URL, Database: trytontest.Database,
		Credentials: commerce.Static(server.Login()), Transport: server.Transport()}
	if edit != nil {
		edit(&config)
	}
	client, err := tryton.NewClient(config)
	require.NoError(t, err)
	return server, client
}

// tax finds the id of the tax with a rate.
func tax(t testing.TB, client *tryton.Client, rate string) string {
	t.Helper()
	taxes, err := client.Taxes(t.Context())
	require.NoError(t, err)
	for _, x := range taxes {
		if x.Rate.String() == rate {
			return x.ID
		}
	}
	t.Fatalf("there is no tax of %s %%", rate)
	return ""
}

func january(years int) commerce.Date {
	return commerce.Date{Year: time.Now().UTC().Year() - years, Month: time.January, Day: 15}
}

func TestTheFakeKeepsThePromisesOfTheERP(t *testing.T) {
	for _, rounding := range []erp.TaxRounding{erp.RoundPerDocument, erp.RoundPerLine} {
		t.Run("tax rounded per "+string(rounding), func(t *testing.T) {
			erptest.Run(t, func(t *testing.T) erptest.Bench {
				server, client := fake(t, trytontest.Config{TaxRounding: rounding}, func(c *tryton.Config) {
					c.Resilience.Retry.Attempts, c.Resilience.Breaker.Failures = 1, 1_000_000 // what is lost stays lost
				})
				bench := erptest.Bench{
					ERP: client, Goods: "SKU-RED", OtherGoods: "SKU-BLUE", Scarce: "SKU-SCARCE", Service: "SKU-COURSE",
					Tax19: tax(t, client, "19"), Tax7: tax(t, client, "7"), OtherCompany: "2",
					Count: func(_ *testing.T, key string) int { return server.Sales()[key] },
					LoseCreate: func(*testing.T) {
						server.Fail(trytontest.Fault{Kind: trytontest.Lost, Times: 1, Match: trytontest.OnMethod("model.sale.sale.create")})
					},
					RefuseConnection: func(*testing.T) { server.Fail(trytontest.Fault{Kind: trytontest.Refused, Times: 1}) },
					Duplicate:        func(t *testing.T, key string) { require.NoError(t, server.Duplicate(key)) },
					Ship:             func(t *testing.T, key, tracking string) { require.NoError(t, server.Ship(key, tracking)) },
					Refuse:           func(t *testing.T, key string) { require.NoError(t, server.CancelShipments(key)) },
					Invoice:          func(t *testing.T, key string) { require.NoError(t, server.PostInvoices(key)) },
					Pick:             func(t *testing.T, key string) { require.NoError(t, server.Pick(key)) },
					Bank:             "1010", Revenue: "4010", Journal: "STRIPE", ClosedDate: january(2),
					Clearing: "1090", Advance: "2090", ForeignClearing: "1091", FX: "6070",
					TakeBack: func(t *testing.T, key string) { require.NoError(t, server.TakeBack(key)) },
					LoseAnswer: func(_ *testing.T, n int) func() bool {
						var calls atomic.Int64
						remove := server.Fail(trytontest.Fault{Kind: trytontest.Lost, Match: func(*http.Request) bool { return calls.Add(1) == int64(n) }})
						return func() bool { remove(); return calls.Load() >= int64(n) }
					},
					CountEntries: func(_ *testing.T, key string) int { return server.Entries()[key] },
					Today:        commerce.DateOf(time.Now().UTC()),
				}
				if rounding == erp.RoundPerLine {
					bench.LoseAnswer = nil // once is enough
				}
				return bench
			})
		})
	}
}

// real is the real server as its administrator uses it, for what people do there.
type real struct {
	server *trytonserver.Server
	token  string
	lost   *loseOnce
}

func (r *real) call(t *testing.T, out any, method string, params ...any) {
	t.Helper()
	r.callOn(t, nil, out, method, params...)
}

// callOn is call with active records in the context, as wizards want it.
func (r *real) callOn(t *testing.T, active map[string]any, out any, method string, params ...any) {
	t.Helper()
	post := func(params []any) json.RawMessage {
		body, err := json.Marshal(map[string]any{"id": 1, "method": method, "params": params})
		require.NoError(t, err)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.server.URL+r.server.Database+"/", bytes.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		if r.token != "" {
			req.Header.Set("Authorization", "Session "+r.token)
		}
		resp, err := transport.RoundTrip(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		var answer struct{ Result, Error json.RawMessage }
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&answer), method)
		require.Empty(t, string(answer.Error), method)
		return answer.Result
	}
	if method != "common.db.login" {
		in := map[string]any{"company": 1, "language": "en"}
		maps.Copy(in, active)
		params = append(params, in)
	}
	result := post(params)
	if out != nil {
		require.NoError(t, json.Unmarshal(result, out))
	}
}

// transport keeps no connections: the real server closes each anyway.
var transport = &http.Transport{DisableKeepAlives: true}

func startReal(t *testing.T) *real {
	t.Helper()
	r := &real{server: trytonserver.For(t), lost: &loseOnce{next: transport}}
	var login []any
	r.call(t, &login, "common.db.login", r.server.Admin, map[string]string{"password": r.server.AdminPassword}, "en")
	r.token = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s:%v:%v", r.server.Admin, login[0], login[1]))
	return r
}

func (r *real) client(t *testing.T) *tryton.Client {
	t.Helper()
	c, err := tryton.NewClient(tryton.Config{URL: r.server.URL, Database: r.server.Database, Transport: r.lost,
		Credentials: commerce.Static(tryton.Login{User: r.server.User, Password: commerce.NewSecret(r.server.Password)})})
	require.NoError(t, err)
	return c
}

// loseOnce drops the answer of the next call of a method.
type loseOnce struct {
	next   http.RoundTripper
	method string
}

func (l *loseOnce) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.method != "" && r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		var call struct{ Method string }
		if json.NewDecoder(body).Decode(&call) == nil && call.Method == l.method {
			l.method = ""
			resp, err := l.next.RoundTrip(r)
			if err == nil {
				resp.Body.Close()
				err = fmt.Errorf("connection reset")
			}
			return nil, err
		}
	}
	return l.next.RoundTrip(r)
}

// shipments are the open shipments of the sale under a reference.
func (r *real) shipments(t *testing.T, key string) (ids []int64) {
	t.Helper()
	var sales []struct{ Shipments []int64 }
	r.call(t, &sales, "model.sale.sale.search_read", []any{[]any{"reference", "=", key}}, 0, 1, nil, []string{"shipments"})
	require.Len(t, sales, 1)
	return sales[0].Shipments
}

func (r *real) ship(t *testing.T, key, tracking string) {
	t.Helper()
	for _, id := range r.shipments(t, key) {
		one := []int64{id}
		for _, step := range []string{"wait", "assign_force", "pick"} {
			r.call(t, nil, "model.stock.shipment.out."+step, one)
		}
		var rows []struct {
			Moves []int64 `json:"outgoing_moves"`
		}
		r.call(t, &rows, "model.stock.shipment.out.read", one, []string{"outgoing_moves"})
		r.call(t, nil, "model.stock.package.create", []any{map[string]any{"type": 1, "shipment": fmt.Sprintf("stock.shipment.out,%d", id),
			"shipping_reference": tracking, "moves": []any{[]any{"add", rows[0].Moves}}}})
		r.call(t, nil, "model.res.user.warning.create", []any{map[string]any{"user": 1, "always": false,
			"name": fmt.Sprintf("shipment_out_no_carrier_stock.shipment.out,%d", id)}})
		r.call(t, nil, "model.stock.shipment.out.pack", one)
		r.call(t, nil, "model.stock.shipment.out.done", one)
	}
}

// takeBack lets the server make a return of the sale under a reference, and processes it.
func (r *real) takeBack(t *testing.T, key string) {
	t.Helper()
	var sales []struct{ ID int64 }
	r.call(t, &sales, "model.sale.sale.search_read", []any{[]any{"reference", "=", key}, []any{"origin", "=", nil}}, 0, 1, nil, []string{"id"})
	require.Len(t, sales, 1)
	var session []any
	r.call(t, &session, "wizard.sale.return_sale.create")
	r.callOn(t, map[string]any{"active_model": "sale.sale", "active_id": sales[0].ID, "active_ids": []int64{sales[0].ID}}, nil,
		"wizard.sale.return_sale.execute", session[0], map[string]any{}, "return_")
	r.call(t, nil, "wizard.sale.return_sale.delete", session[0])
	var returns []struct{ ID int64 }
	r.call(t, &returns, "model.sale.sale.search_read", []any{[]any{"origin", "=", fmt.Sprintf("sale.sale,%d", sales[0].ID)}}, 0, 1, nil, []string{"id"})
	require.Len(t, returns, 1)
	for _, step := range []string{"quote", "confirm", "process"} {
		r.call(t, nil, "model.sale.sale."+step, []int64{returns[0].ID})
	}
}

// withoutInvoices is a client that posts none.
type withoutInvoices struct {
	erp.ERP
	erp.Warehouse
	erp.Ledger
	erp.Lookup
	erp.Auditor
}

// FULL=1 takes the groups on invoices, receipts and credit notes along, which keep a real
// Tryton busy for minutes: make test-tryton.
func TestARealTrytonKeepsThePromisesOfTheERP(t *testing.T) {
	r := startReal(t)
	erptest.Run(t, func(t *testing.T) erptest.Bench {
		client := r.client(t)
		var adapter erp.ERP = client
		if os.Getenv("FULL") == "" {
			adapter = withoutInvoices{client, client, client, client, client}
		}
		return erptest.Bench{
			ERP: adapter, Goods: "SKU-RED", OtherGoods: "SKU-BLUE", Scarce: "SKU-SCARCE", Service: "SKU-COURSE",
			Tax19: tax(t, client, "19"), Tax7: tax(t, client, "7"), OtherCompany: "2",
			Count: func(t *testing.T, key string) (n int) {
				r.call(t, &n, "model.sale.sale.search_count", []any{[]any{"reference", "=", key}})
				return n
			},
			LoseCreate: func(*testing.T) { r.lost.method = "model.sale.sale.create" },
			Duplicate: func(t *testing.T, key string) {
				var rows []struct{ ID int64 }
				r.call(t, &rows, "model.sale.sale.search_read", []any{[]any{"reference", "=", key}}, 0, 1, nil, []string{"id"})
				var made []int64
				r.call(t, &made, "model.sale.sale.copy", []int64{rows[0].ID})
				r.call(t, nil, "model.sale.sale.write", made, map[string]any{"reference": key})
			},
			Ship:   r.ship,
			Refuse: func(t *testing.T, key string) { r.call(t, nil, "model.stock.shipment.out.cancel", r.shipments(t, key)) },
			Invoice: func(t *testing.T, key string) {
				var sales []struct{ Invoices []int64 }
				r.call(t, &sales, "model.sale.sale.search_read", []any{[]any{"reference", "=", key}}, 0, 1, nil, []string{"invoices"})
				r.call(t, nil, "model.account.invoice.post", sales[0].Invoices)
			},
			Pick: func(t *testing.T, key string) {
				for _, step := range []string{"assign_force", "pick"} {
					r.call(t, nil, "model.stock.shipment.out."+step, r.shipments(t, key))
				}
			},
			Bank: "1010", Revenue: "4010", Journal: "STRIPE", ClosedDate: january(2),
			Clearing: "1090", Advance: "2090", ForeignClearing: "1091", FX: "6070",
			TakeBack: r.takeBack,
			CountEntries: func(t *testing.T, key string) (n int) {
				r.call(t, &n, "model.account.move.search_count", []any{[]any{"description", "=", key}})
				return n
			},
			Today: commerce.DateOf(time.Now()),
		}
	})
}
