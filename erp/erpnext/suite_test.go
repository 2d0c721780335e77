package erpnext_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/erpnext"
	"github.com/commercesync/commerce/erp/erpnext/erpnexttest"
	"github.com/commercesync/commerce/erp/erptest"
	"github.com/commercesync/commerce/resilience"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake starts a fake and a client on it; edit changes the client's config.
func fake(t testing.TB, c erpnexttest.Config, edit func(*erpnext.Config)) (*erpnexttest.Server, *erpnext.Client) {
	t.Helper()
	server, err := erpnexttest.New(c)
	require.NoError(t, err)
	config := erpnext.Config{URL: erpnexttest.URL, Company: erpnexttest.Company, Warehouse: erpnexttest.Warehouse,
		Credentials: commerce.Static(server.Login()), Transport: server.Transport(),
		Resilience: resilience.Config{Retry: resilience.Retry{Initial: time.Millisecond}}}
	if edit != nil {
		edit(&config)
	}
	client, err := erpnext.NewClient(config)
	require.NoError(t, err)
	return server, client
}

func TestFake(t *testing.T) {
	today := commerce.DateOf(time.Now().UTC())
	closed := commerce.Date{Year: today.Year - 2, Month: time.January, Day: 15}
	for _, rounding := range []erp.TaxRounding{erp.RoundPerDocument, erp.RoundPerLine} {
		t.Run(string(rounding), func(t *testing.T) {
			erptest.Run(t, func(t *testing.T) erptest.Bench {
				server, client := fake(t, erpnexttest.Config{TaxRounding: rounding, ClosedUntil: closed}, nil)
				return erptest.Bench{
					ERP: client, Goods: "SKU-RED", OtherGoods: "SKU-BLUE", Scarce: "SKU-SCARCE", Service: "SKU-COURSE",
					Tax19: "VAT 19 - ST", Tax7: "VAT 7 - ST", OtherCompany: erpnexttest.Sister, ReservesItself: true,
					Count: func(_ *testing.T, key string) int { return server.Orders()[key] },
					LoseCreate: func(*testing.T) {
						server.Fail(erpnexttest.Fault{Kind: erpnexttest.Lost, Times: 1, Match: erpnexttest.On(http.MethodPost, "Sales Order")})
					},
					RefuseConnection: func(*testing.T) { server.Fail(erpnexttest.Fault{Kind: erpnexttest.Refused, Times: 1}) },
					Duplicate:        func(t *testing.T, key string) { require.NoError(t, server.Duplicate(key)) },
					Ship:             func(t *testing.T, key, tracking string) { require.NoError(t, server.Ship(key, tracking)) },
					Refuse:           func(t *testing.T, key string) { require.NoError(t, server.Close(key)) },
					Invoice:          func(t *testing.T, key string) { require.NoError(t, server.Invoice(key)) },
					Pick:             func(t *testing.T, key string) { require.NoError(t, server.Pick(key)) },
					Bank:             "1010", Revenue: "4010", Journal: "Journal Entry", ClosedDate: closed, Today: today,
				}
			})
		})
	}
}
