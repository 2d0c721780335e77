package odoo_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/erptest"
	"github.com/commercesync/commerce/erp/odoo"
	"github.com/commercesync/commerce/erp/odoo/odootest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake starts a fake and a client on it; edit changes the client's config.
func fake(t *testing.T, c odootest.Config, edit func(*odoo.Config)) (*odootest.Server, *odoo.Client) {
	t.Helper()
	server, err := odootest.New(c)
	require.NoError(t, err)
	config := odoo.Config{URL: odootest.URL, Database: odootest.Database,
		Credentials: commerce.Static(odoo.Login{User: server.User(), Key: server.Key()}), Transport: server.Transport()}
	if edit != nil {
		edit(&config)
	}
	client, err := odoo.NewClient(config)
	require.NoError(t, err)
	return server, client
}

// tax finds the id of the tax with a rate.
func tax(t testing.TB, client *odoo.Client, rate string) string {
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
	for _, c := range []struct {
		protocol odoo.Protocol
		rounding erp.TaxRounding
	}{{odoo.JSON2, erp.RoundPerDocument}, {odoo.JSONRPC, erp.RoundPerLine}} {
		t.Run("over "+string(c.protocol)+", tax rounded per "+string(c.rounding), func(t *testing.T) {
			erptest.Run(t, func(t *testing.T) erptest.Bench {
				server, client := fake(t, odootest.Config{TaxRounding: c.rounding, Companies: []string{"Sister Company Ltd"}, LockDate: january(1),
					Rates: []odootest.Rate{{Currency: "GBP", From: january(3), Units: "0.86"}, {Currency: "USD", From: january(3), Units: "1.1"}}},
					func(o *odoo.Config) {
						o.Protocol = c.protocol
						o.Resilience.Retry.Attempts, o.Resilience.Breaker.Failures = 1, 1_000_000 // what is lost stays lost
					})
				bench := erptest.Bench{
					ERP: client, Goods: "SKU-RED", OtherGoods: "SKU-BLUE", Scarce: "SKU-SCARCE", Service: "SKU-COURSE",
					Tax19: tax(t, client, "19"), Tax7: tax(t, client, "7"), OtherCompany: "2", ReservesItself: true,
					Count: func(_ *testing.T, key string) int { return server.Orders()[key] },
					LoseCreate: func(*testing.T) {
						server.Fail(odootest.Fault{Kind: odootest.Lost, Times: 1, Match: odootest.OnMethod("sale.order.load")})
					},
					RefuseConnection: func(*testing.T) { server.Fail(odootest.Fault{Kind: odootest.Refused, Times: 1}) },
					Duplicate:        func(t *testing.T, key string) { require.NoError(t, server.Duplicate(key)) },
					Ship:             func(t *testing.T, key, tracking string) { require.NoError(t, server.Ship(key, tracking)) },
					Pick:             func(t *testing.T, key string) { require.NoError(t, server.Pick(key)) },
					Invoice:          func(t *testing.T, key string) { require.NoError(t, server.Invoice(key)) },
					Refuse:           func(t *testing.T, key string) { require.NoError(t, server.CancelPickings(key)) },
					Bank:             "101401", Revenue: "400010", Journal: "STRP", ClosedDate: january(2),
					Clearing: "101499", Advance: "201050", ForeignClearing: "101498", FX: "441000",
					TakeBack: func(t *testing.T, key string) { require.NoError(t, server.DraftCreditNote(key)) },
					LoseAnswer: func(_ *testing.T, n int) func() bool {
						var calls atomic.Int64
						remove := server.Fail(odootest.Fault{Kind: odootest.Lost, Match: func(*http.Request) bool { return calls.Add(1) == int64(n) }})
						return func() bool { remove(); return calls.Load() >= int64(n) }
					},
					CountEntries: func(_ *testing.T, key string) int { return server.Entries()[key] },
					Today:        commerce.DateOf(time.Now().UTC()),
				}
				if c.protocol == odoo.JSONRPC {
					bench.LoseAnswer = nil // once is enough
				}
				return bench
			})
		})
	}
}
