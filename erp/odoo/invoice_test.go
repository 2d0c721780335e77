package odoo_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/odoo"
	"github.com/commercesync/commerce/erp/odoo/odootest"
)

var today = commerce.DateOf(time.Now().UTC())

// sold makes and confirms an order; edit may be nil.
func sold(t *testing.T, client *odoo.Client, key string, edit func(*erp.NewOrder)) erp.Order {
	t.Helper()
	n := anOrder(t, client, key)
	if edit != nil {
		edit(&n)
	}
	o, err := client.CreateOrder(t.Context(), n)
	require.NoError(t, err)
	o, err = client.ConfirmOrder(t.Context(), o.Ref)
	require.NoError(t, err)
	return o
}

func invoiceOf(o erp.Order) erp.NewInvoice {
	return erp.NewInvoice{Key: o.Key + "/invoice", Order: o.Ref, Date: today, Expected: o.Totals}
}

func TestADraftThatAPersonMadeIsAdopted(t *testing.T) {
	t.Parallel()
	server, client := fake(t, odootest.Config{}, nil)
	o := sold(t, client, "adopted", nil)
	require.NoError(t, server.DraftInvoice("adopted"))
	drafts, err := client.OrderInvoices(t.Context(), o.Ref)
	require.NoError(t, err)
	require.Len(t, drafts, 1)
	require.Equal(t, erp.InvoiceDraft, drafts[0].State)
	require.Empty(t, drafts[0].Key)
	n := invoiceOf(o)
	n.Draft = o.Ref.With("invoice/999")
	_, err = client.PostInvoice(t.Context(), n)
	require.Equal(t, commerce.KindConflict, commerce.KindOf(err), "another draft was named: %v", err)
	n.Draft = drafts[0].Ref
	made, err := client.PostInvoice(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, drafts[0].Ref, made.Ref)
	require.Zero(t, countCalls(server, "sale.advance.payment.inv.create"), "the server is not asked for a second one")
}

func TestOfTwoDraftsOneHasToBeNamed(t *testing.T) {
	t.Parallel()
	server, client := fake(t, odootest.Config{}, nil)
	o := sold(t, client, "two", nil)
	require.NoError(t, server.DraftInvoice("two"))
	require.NoError(t, server.Edit("two", "SKU-RED", "4"))
	require.NoError(t, server.DraftInvoice("two"))
	n := invoiceOf(o)
	_, err := client.PostInvoice(t.Context(), n)
	require.Equal(t, commerce.KindAmbiguous, commerce.KindOf(err), "%v", err)
	drafts, err := client.OrderInvoices(t.Context(), o.Ref)
	require.NoError(t, err)
	n.Draft = drafts[0].Ref
	made, err := client.PostInvoice(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, drafts[0].Ref, made.Ref)
	other := sold(t, client, "other", nil)
	n.Order, n.Draft = other.Ref, commerce.Ref{}
	_, err = client.PostInvoice(t.Context(), n)
	require.Equal(t, commerce.KindConflict, commerce.KindOf(err), "the key is another order's: %v", err)
}

// lockBefore locks the books just before a method runs: no client can see it coming.
type lockBefore struct {
	server *odootest.Server
	method string
	next   http.RoundTripper
}

func (l lockBefore) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, l.method) {
		l.server.SetLockDate(commerce.DateOf(time.Now().UTC()))
	}
	return l.next.RoundTrip(r)
}

func TestADayThatTheServerMovedIsTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		post func(*testing.T, *odoo.Client, erp.Order) error
	}{
		{"of an invoice", func(t *testing.T, client *odoo.Client, o erp.Order) error {
			n := invoiceOf(o)
			n.Date = commerce.DateOf(time.Now().UTC().AddDate(0, 0, -1))
			_, err := client.PostInvoice(t.Context(), n)
			return err
		}},
		{"of an entry", func(t *testing.T, client *odoo.Client, _ erp.Order) error {
			_, err := client.PostEntry(t.Context(), commerce.JournalEntry{Key: "po_1", Journal: "STRP", Date: commerce.DateOf(time.Now().UTC().AddDate(0, 0, -1)),
				Lines: []commerce.JournalLine{{Account: "101401", Debit: eur(96340)}, {Account: "400010", Credit: eur(96340)}}})
			return err
		}},
		{"of a receipt", func(t *testing.T, client *odoo.Client, _ erp.Order) error {
			who, err := client.UpsertCustomer(t.Context(), erp.Customer{Key: "customer", Party: commerce.Customer{Name: "Ada Example"}, Billing: commerce.Address{Name: "Ada Example", Country: "DE"}})
			require.NoError(t, err)
			_, err = client.PostReceipt(t.Context(), erp.NewReceipt{Key: "receipt", Party: who.Party, Journal: "STRP", Account: "101499",
				Date: commerce.DateOf(time.Now().UTC().AddDate(0, 0, -1)), Amount: eur(100)})
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server, client := fake(t, odootest.Config{}, nil)
			o := sold(t, client, "moved", nil)
			locking, err := odoo.NewClient(odoo.Config{URL: odootest.URL, Database: odootest.Database, Transport: lockBefore{server, "/action_post", server.Transport()},
				Credentials: commerce.Static(odoo.Login{User: server.User(), Key: server.Key()})})
			require.NoError(t, err)
			err = c.post(t, locking, o)
			require.Equal(t, commerce.KindConflict, commerce.KindOf(err), "%v", err)
			require.False(t, commerce.SafeToRetry(err), "it is posted")
		})
	}
}

func TestCentsThatNoTaxExplainsBecomeALineOnTheRoundingProduct(t *testing.T) {
	t.Parallel()
	server, client := fake(t, odootest.Config{}, nil)
	o := sold(t, client, "cents", func(n *erp.NewOrder) {
		n.Lines = append(n.Lines, n.Lines[0]) // two taxed lines: two cents may be settled
		n.Expected = erp.Totals{Net: eur(5000), Tax: eur(950), Gross: eur(5950)}
	})
	n := invoiceOf(o)
	n.Expected = erp.Totals{Net: eur(5000), Tax: eur(952), Gross: eur(5952)}
	made, err := client.PostInvoice(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, eur(5952), made.Totals.Gross)
	require.Len(t, made.Lines, 3)
	require.Equal(t, erp.Rounding, made.Lines[2].Kind)
	require.Equal(t, eur(2), made.Lines[2].Net)

	// Half of a line, at a net that no unit price of the line gives.
	c := erp.NewCreditNote{Key: "cents/credit", Invoice: made.Ref, Date: today, Lines: []erp.CreditLine{{Line: made.Lines[0].ID, Quantity: commerce.MustDecimal("1"), Net: eur(1249)}},
		Taxes:    []erp.TaxAmount{{TaxID: tax(t, client, "19"), Base: eur(1249), Amount: eur(238)}},
		Expected: erp.Totals{Net: eur(1249), Tax: eur(238), Gross: eur(1487)}}
	note, err := client.PostCreditNote(t.Context(), c)
	require.NoError(t, err)
	require.Equal(t, erp.Totals{Net: eur(-1249), Tax: eur(-238), Gross: eur(-1487)}, note.Totals)
	require.Equal(t, 1, server.Entries()["cents/credit"])
	c.Invoice = o.Ref.With("invoice/" + strings.TrimPrefix(note.Ref.ID, "invoice/"))
	c.Key = "cents/credit/of-note"
	_, err = client.PostCreditNote(t.Context(), c)
	require.Equal(t, commerce.KindConflict, commerce.KindOf(err), "a credit note is not credited: %v", err)
}

// An order in dollars for books in euros: clearing holds what arrived, and the server
// books the difference to what the invoice was booked at.
func TestAReceiptHoldsWhatArrivedAndTheServerBooksTheExchange(t *testing.T) {
	t.Parallel()
	usd := func(minor int64) commerce.Money { return commerce.MustMoney(minor, "USD") }
	_, client := fake(t, odootest.Config{Rates: []odootest.Rate{{Currency: "USD", From: commerce.Date{Year: 2020, Month: 1, Day: 1}, Units: "1.1"}}}, nil)
	o := sold(t, client, "dollars", func(n *erp.NewOrder) {
		n.Name, n.Currency = "100000017", "USD"
		n.Lines[0].Net = usd(10000)
		n.Expected = erp.Totals{Net: usd(10000), Tax: usd(1900), Gross: usd(11900)}
	})
	i, err := client.PostInvoice(t.Context(), invoiceOf(o))
	require.NoError(t, err)
	require.Equal(t, usd(11900), i.Open)
	n := erp.NewReceipt{Key: "dollars/receipt", Party: i.Party, Journal: "STRP", Account: "101499", Date: today, Amount: usd(11900), Settled: eur(10500)}
	n.Apply = []erp.Application{{Invoice: i.Ref, Amount: usd(11900)}}
	r, err := client.PostReceipt(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, usd(0), r.Unapplied)
	b, err := client.AccountBalance(t.Context(), "101499", today)
	require.NoError(t, err)
	require.Equal(t, erp.AccountBalance{Company: eur(10500), Own: eur(10500)}, b)
	b, err = client.AccountBalance(t.Context(), "121000", today)
	require.NoError(t, err)
	require.Equal(t, eur(0), b.Company, "nothing is left on receivable, whatever the rates")
	yesterday, err := client.AccountBalance(t.Context(), "101499", commerce.DateOf(time.Now().UTC().AddDate(0, 0, -1)))
	require.NoError(t, err)
	require.Equal(t, eur(0), yesterday.Company)
	for x, err := range client.Invoices(t.Context(), today, today) {
		require.NoError(t, err)
		require.Equal(t, "dollars", x.OrderKey)
		require.Equal(t, "100000017", x.OrderName)
		require.Equal(t, erp.InvoicePaid, x.State)
	}
}

func TestTheBooksAreLookedInto(t *testing.T) {
	t.Parallel()
	lock := january(1)
	server, client := fake(t, odootest.Config{LockDate: lock}, func(c *odoo.Config) { c.PageSize = 2 })
	accounts, err := client.Accounts(t.Context(), []string{"101499", "201050", "999"})
	require.NoError(t, err)
	require.Equal(t, map[string]erp.Account{"101499": {Code: "101499", Currency: "EUR"}, "201050": {Code: "201050", Currency: "EUR", Settles: true}}, accounts)
	journals, err := client.Journals(t.Context())
	require.NoError(t, err)
	require.Contains(t, journals, "STRP")
	require.IsIncreasing(t, journals)
	_, err = client.AccountBalance(t.Context(), "999", today)
	require.Equal(t, commerce.KindMapping, commerce.KindOf(err), "%v", err)
	for _, c := range []struct{ asked, open commerce.Date }{{today, today}, {lock, commerce.Date{Year: lock.Year, Month: lock.Month, Day: lock.Day + 1}}} {
		day, err := client.FirstOpen(t.Context(), c.asked)
		require.NoError(t, err)
		require.Equal(t, c.open, day)
	}
	for n := range 5 { // more than two pages
		o := sold(t, client, fmt.Sprint("page/", n), nil)
		_, err := client.PostInvoice(t.Context(), invoiceOf(o))
		require.NoError(t, err)
	}
	require.NoError(t, server.DraftInvoice(sold(t, client, "draft", nil).Key))
	seen := map[string]bool{}
	for i, err := range client.Invoices(t.Context(), today, today) {
		require.NoError(t, err)
		seen[i.OrderKey] = true
	}
	require.Len(t, seen, 5)
}

// A draft that was left before its period was closed is not posted on another day,
// unless one is asked for.
func TestADraftOfAClosedPeriodIsLeft(t *testing.T) {
	t.Parallel()
	server, client := fake(t, odootest.Config{}, once)
	who, err := client.UpsertCustomer(t.Context(), erp.Customer{Key: "customer", Party: commerce.Customer{Name: "Ada Example"}, Billing: commerce.Address{Name: "Ada Example", Country: "DE"}})
	require.NoError(t, err)
	n := erp.NewReceipt{Key: "receipt", Party: who.Party, Journal: "STRP", Account: "101499", Date: today, Amount: eur(100)}
	server.Fail(odootest.Fault{Kind: odootest.Refused, Times: 1, Match: odootest.OnMethod("account.move.action_post")})
	_, err = client.PostReceipt(t.Context(), n)
	require.Error(t, err)
	server.SetLockDate(today)
	for range 2 {
		_, err = client.PostReceipt(t.Context(), n)
		require.Equal(t, commerce.KindPeriodClosed, commerce.KindOf(err), "%v", err)
		require.True(t, commerce.SafeToRetry(err))
	}
	// On the first day that is open it is.
	n.Date = commerce.DateOf(time.Now().UTC().AddDate(0, 0, 1))
	r, err := client.PostReceipt(t.Context(), n)
	require.NoError(t, err)
	require.Equal(t, n.Date, r.Date)
	require.Equal(t, 1, server.Entries()["receipt"])
}
