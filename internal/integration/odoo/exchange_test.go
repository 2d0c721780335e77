package odoo_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/odoo"
)

// An order in dollars for books in euros, paid once into an account in euros and once
// into one in pounds: clearing holds what arrived, the server books what the rates differ.
func TestTheServerBooksDifferencesInExchange(t *testing.T) {
	usd := func(minor int64) commerce.Money { return commerce.MustMoney(minor, "USD") }
	for _, c := range []struct {
		name, account  string
		settled, value commerce.Money
	}{
		{"settled in euros", "101090", eur(10500), commerce.Money{}},
		{"settled in pounds", "101091", commerce.MustMoney(9000, "GBP"), eur(11050)},
	} {
		t.Run(c.name, func(t *testing.T) {
			need(t)
			books := client(t, odoo.JSON2, nil)
			key, today := "exchange/"+c.account, commerce.DateOf(time.Now().UTC())
			who, err := books.UpsertCustomer(t.Context(), erp.Customer{Key: key, Party: commerce.Customer{Name: "Ada Example"},
				Billing: commerce.Address{Name: "Ada Example", City: "Berlin", Country: "DE"}})
			require.NoError(t, err)
			o, err := books.CreateOrder(t.Context(), erp.NewOrder{Key: key, Name: "100000017", Customer: who, Date: today, Currency: "USD",
				Lines:    []erp.OrderLine{{SKU: "SKU-RED", Quantity: dec("2"), Net: usd(10000), TaxIDs: []string{tax(t, books, "VAT 19%")}}},
				Expected: erp.Totals{Net: usd(10000), Tax: usd(1900), Gross: usd(11900)}})
			require.NoError(t, err)
			require.Equal(t, "100000017", o.Name)
			o, err = books.ConfirmOrder(t.Context(), o.Ref)
			require.NoError(t, err)
			i, err := books.PostInvoice(t.Context(), erp.NewInvoice{Key: key + "/invoice", Order: o.Ref, Date: today, Expected: o.Totals})
			require.NoError(t, err)
			before, err := books.AccountBalance(t.Context(), c.account, today)
			require.NoError(t, err)
			n := erp.NewReceipt{Key: key + "/receipt", Party: who.Party, Journal: "STRP", Date: today, Account: c.account,
				Amount: usd(11900), Settled: c.settled, Value: c.value}
			n.Apply = []erp.Application{{Invoice: i.Ref, Amount: usd(5000)}}
			r, err := books.PostReceipt(t.Context(), n)
			require.NoError(t, err)
			require.Equal(t, usd(6900), r.Unapplied)
			open := func() (commerce.Money, erp.InvoiceState) {
				t.Helper()
				i, err := books.FindInvoice(t.Context(), key+"/invoice")
				require.NoError(t, err)
				return i.Open, i.State
			}
			// owed is what stands open under the party in the company's currency.
			owed := func() string {
				t.Helper()
				var rows []struct {
					Sum json.Number `json:"amount_residual:sum"`
				}
				call(t, &rows, "account.move.line", "formatted_read_group", []any{[]any{is("partner_id", json.Number(who.Party)),
					is("parent_state", "posted"), is("account_id.reconcile", true)}, []any{}, []string{"amount_residual:sum"}}, nil)
				f, err := rows[0].Sum.Float64()
				require.NoError(t, err)
				return fmt.Sprintf("%.2f", f+0)
			}
			left, state := open()
			require.Equal(t, usd(6900), left)
			require.Equal(t, erp.InvoicePosted, state)
			all := erp.Applications{Receipt: r.Ref, Date: today, To: []erp.Application{{Invoice: i.Ref, Amount: usd(11900)}}}
			for range 2 {
				_, err = books.UnapplyReceipt(t.Context(), r.Ref, today)
				require.NoError(t, err)
				left, _ = open()
				require.Equal(t, usd(11900), left)
				r, err = books.ApplyReceipt(t.Context(), all)
				require.NoError(t, err)
				require.Equal(t, usd(0), r.Unapplied)
				left, state = open()
				require.Equal(t, usd(0), left)
				require.Equal(t, erp.InvoicePaid, state)
				require.Equal(t, "0.00", owed())
			}
			value := n.Settled
			if c.value != (commerce.Money{}) {
				value = c.value
			}
			after, err := books.AccountBalance(t.Context(), c.account, today)
			require.NoError(t, err)
			require.Equal(t, value.Minor(), after.Company.Minor()-before.Company.Minor())
			found := 0
			for x, err := range books.Invoices(t.Context(), today, today) {
				require.NoError(t, err)
				if x.OrderKey == key {
					require.Equal(t, "100000017", x.OrderName)
					found++
				}
			}
			require.Equal(t, 1, found)
		})
	}
}

// refusePost refuses to post for as long as it is on.
type refusePost struct{ on bool }

func (r *refusePost) RoundTrip(req *http.Request) (*http.Response, error) {
	if r.on && strings.HasSuffix(req.URL.Path, "/action_post") {
		return nil, fmt.Errorf("connection refused")
	}
	return transport.RoundTrip(req)
}

// A draft that was left is posted on the day that is asked for then, at what it is worth.
func TestADraftThatWasLeftIsPostedOnAnotherDay(t *testing.T) {
	need(t)
	refusing := &refusePost{on: true}
	books := client(t, odoo.JSON2, func(c *odoo.Config) { c.Transport, c.Resilience.Retry.Attempts = refusing, 1 })
	now := time.Now().UTC()
	who, err := books.UpsertCustomer(t.Context(), erp.Customer{Key: "left", Party: commerce.Customer{Name: "Ada Example"},
		Billing: commerce.Address{Name: "Ada Example", City: "Berlin", Country: "DE"}})
	require.NoError(t, err)
	n := erp.NewReceipt{Key: "left/receipt", Party: who.Party, Journal: "STRP", Date: commerce.DateOf(now.AddDate(0, 0, -1)), Account: "101090",
		Amount: commerce.MustMoney(11900, "USD"), Settled: eur(10500)}
	_, err = books.PostReceipt(t.Context(), n)
	require.Error(t, err)
	refusing.on = false
	n.Date = commerce.DateOf(now)
	r, err := books.PostReceipt(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, n.Date, r.Date)
	require.Equal(t, n.Amount, r.Amount)
	e, err := books.FindEntry(t.Context(), n.Key)
	require.NoError(t, err)
	require.Equal(t, eur(10500), e.Entry.Lines[0].Debit)
	require.Len(t, ids(t, "account.move", is("ref", n.Key)), 1)
}
