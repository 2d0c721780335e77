package tryton_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/tryton"
	"github.com/commercesync/commerce/erp/tryton/trytontest"
)

// invoiced posts the invoices of n orders of one course each.
func invoiced(t *testing.T, client *tryton.Client, n int) {
	t.Helper()
	day := commerce.DateOf(time.Now().UTC())
	for i := range n {
		who, err := client.UpsertCustomer(t.Context(), erp.Customer{Key: "c", Party: commerce.Customer{Name: "Ada"},
			Billing: commerce.Address{City: "Berlin", Country: "DE"}})
		require.NoError(t, err)
		net := commerce.MustMoney(1000, "EUR")
		total := erp.Totals{Net: net, Tax: commerce.Zero("EUR"), Gross: net}
		o, err := client.CreateOrder(t.Context(), erp.NewOrder{Key: fmt.Sprint("order ", i), Name: fmt.Sprint(100 + i), Customer: who, Date: day, Currency: "EUR",
			Lines: []erp.OrderLine{{SKU: "SKU-COURSE", Quantity: commerce.MustDecimal("1"), Net: net}}, Expected: total})
		require.NoError(t, err)
		o, err = client.ConfirmOrder(t.Context(), o.Ref)
		require.NoError(t, err)
		_, err = client.PostInvoice(t.Context(), erp.NewInvoice{Key: o.Key + "/invoice", Order: o.Ref, Date: day, Expected: total})
		require.NoError(t, err)
	}
}

func TestInvoicesAreListedPageByPage(t *testing.T) {
	t.Parallel()
	server, client := fake(t, trytontest.Config{}, func(c *tryton.Config) {
		c.PageSize, c.Resilience.Retry.Attempts = 2, 1
	})
	invoiced(t, client, 4)
	day := commerce.DateOf(time.Now().UTC())
	list := func() (names []string, err error) {
		for i, failed := range client.Invoices(t.Context(), day, day) {
			if failed != nil {
				return names, failed
			}
			names = append(names, i.OrderKey+" "+i.OrderName)
		}
		return names, nil
	}
	names, err := list()
	require.NoError(t, err)
	require.Equal(t, []string{"order 0 100", "order 1 101", "order 2 102", "order 3 103"}, names)
	pages := 0
	server.Fail(trytontest.Fault{Kind: trytontest.Refused, Match: func(r *http.Request) bool {
		if trytontest.OnMethod("model.account.invoice.search_read")(r) {
			pages++
		}
		return pages == 2
	}})
	names, err = list()
	require.ErrorIs(t, err, commerce.ErrUnavailable)
	require.Len(t, names, 2, "what was read counts, and the end is an error")
}

func TestAnAccountThatNobodyCanPostToIsNotThere(t *testing.T) {
	t.Parallel()
	server, client := fake(t, trytontest.Config{}, func(c *tryton.Config) { c.PageSize = 1 })
	codes := []string{"6050", "1091", "2090"}
	found, err := client.Accounts(t.Context(), codes)
	require.NoError(t, err)
	require.Equal(t, map[string]erp.Account{"6050": {Code: "6050", Currency: "EUR"}, "1091": {Code: "1091", Currency: "USD"},
		"2090": {Code: "2090", Currency: "EUR", Party: true, Settles: true}}, found)
	require.NoError(t, server.CloseAccount("6050"))
	found, err = client.Accounts(t.Context(), codes)
	require.NoError(t, err)
	require.Len(t, found, 2)
}

func TestTheFirstOpenDayIsTheStartOfTheNextOpenPeriod(t *testing.T) {
	t.Parallel()
	server, client := fake(t, trytontest.Config{}, nil)
	now := time.Now().UTC()
	today := commerce.DateOf(now)
	require.NoError(t, server.ClosePeriods(commerce.DateOf(time.Date(now.Year(), now.Month()+1, 0, 0, 0, 0, 0, time.UTC))))
	open, err := client.FirstOpen(t.Context(), today)
	require.NoError(t, err)
	require.Equal(t, commerce.DateOf(time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, time.UTC)), open)
	require.NoError(t, server.ClosePeriods(commerce.Date{Year: now.Year() + 9, Month: 1, Day: 1}))
	_, err = client.FirstOpen(t.Context(), today)
	require.ErrorIs(t, err, commerce.ErrPeriodClosed)
}

func TestALateInvoiceKeepsItsPaperDateAndIsBookedWhereThePeriodIsOpen(t *testing.T) {
	t.Parallel()
	server, client := fake(t, trytontest.Config{}, nil)
	invoiced(t, client, 1)
	now := time.Now().UTC()
	late := commerce.DateOf(now.AddDate(0, 0, -now.Day())) // the last day of the month before
	require.NoError(t, server.ClosePeriods(late))
	o, err := client.FindOrder(t.Context(), "order 0")
	require.NoError(t, err)
	who, err := client.UpsertCustomer(t.Context(), erp.Customer{Key: "c", Party: commerce.Customer{Name: "Ada"}, Billing: commerce.Address{City: "Berlin", Country: "DE"}})
	require.NoError(t, err)
	o, err = client.CreateOrder(t.Context(), erp.NewOrder{Key: "late", Customer: who, Date: late, Currency: "EUR",
		Lines: []erp.OrderLine{{SKU: "SKU-COURSE", Quantity: commerce.MustDecimal("1"), Net: o.Totals.Net}}, Expected: o.Totals})
	require.NoError(t, err)
	o, err = client.ConfirmOrder(t.Context(), o.Ref)
	require.NoError(t, err)
	n := erp.NewInvoice{Key: "late/invoice", Order: o.Ref, Date: late, Expected: o.Totals}
	_, err = client.PostInvoice(t.Context(), n)
	require.ErrorIs(t, err, commerce.ErrPeriodClosed)
	// The first open day may be before the last number's, which then counts.
	n.Accounting, err = client.FirstOpen(t.Context(), late)
	require.NoError(t, err)
	made, err := client.PostInvoice(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, late, made.Date)
	require.Equal(t, commerce.DateOf(now), made.Accounting)
}
