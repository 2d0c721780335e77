package books_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/erptest"
)

// office is an ERP as its people use it, and as the auditor reads it. Neither goes through
// the adapters under test, but for the credit notes, which another program of the
// merchant's makes.
type office interface {
	erp() erp.ERP
	system() string
	accounts() accounts
	// taxes are the ERP's by rate.
	taxes() map[string]string
	// send ships what was asked of the warehouse for the sales orders under some references.
	send(references []string)
	// read reads the whole ledger.
	read() ledger
	// close closes the periods up to the end of a day; the zero Date opens them again.
	close(through commerce.Date)
}

// memoryOffice is an ERP in this process.
type memoryOffice struct {
	t      *testing.T
	memory *erptest.Memory
}

var rates = []string{"7", "19", "20"}

func newMemoryOffice(w *world) *memoryOffice {
	w.t.Helper()
	c := erptest.MemoryConfig{Currency: w.money.company, InvoicesItself: true, Journals: []string{"STRIPE"}, Settle: longestRequest, Now: w.clock,
		Products: []erp.Product{{SKU: "SKU-RED", Stocked: true}, {SKU: "SKU-BLUE", Stocked: true}, {SKU: "SKU-POT", Stocked: true}}}
	for _, sku := range []string{"SHIPPING", "DISCOUNT", "ROUNDING", "FEE"} {
		c.Products = append(c.Products, erp.Product{SKU: sku})
	}
	for _, rate := range rates {
		c.Taxes = append(c.Taxes, erp.Tax{ID: "t" + rate, Name: rate + " %", Rate: commerce.MustDecimal(rate)})
	}
	if w.money.order != w.money.company {
		c.Rates = map[commerce.Currency]commerce.Decimal{w.money.order: commerce.MustDecimal(erpRate)}
	}
	o := &memoryOffice{t: w.t}
	a := o.accounts()
	for _, code := range []string{a.receivable, a.revenue, a.sales, a.tax, a.fees, a.disputes, a.advances, a.differences} {
		c.Accounts = append(c.Accounts, erp.Account{Code: code, Party: code == a.receivable || code == a.advances, Settles: code == a.receivable || code == a.advances})
	}
	for _, code := range []string{a.clearing, a.transit} {
		c.Accounts = append(c.Accounts, erp.Account{Code: code, Currency: w.money.settlement})
	}
	var err error
	o.memory, err = erptest.NewMemory(c)
	require.NoError(w.t, err)
	return o
}

// erpRate is the ERP's own rate of a foreign order, in units for one of the company's: other
// than Stripe's.
const erpRate = "1.16"

func (o *memoryOffice) erp() erp.ERP   { return o.memory }
func (o *memoryOffice) system() string { return "memory" }

func (o *memoryOffice) accounts() accounts {
	return accounts{receivable: "1200", revenue: "4000", sales: "4010", tax: "2200", clearing: "1090", transit: "1010",
		fees: "6050", disputes: "6060", advances: "2090", differences: "6070"}
}

func (o *memoryOffice) taxes() map[string]string {
	out := map[string]string{}
	for _, rate := range rates {
		out[rate] = "t" + rate
	}
	return out
}

func (o *memoryOffice) send(references []string) {
	for _, order := range o.memory.Orders() {
		if slices.Contains(references, order.Key) && order.State == erp.Confirmed {
			_, err := o.memory.Ship(order.Ref, []commerce.Parcel{{Carrier: "dhl", Tracking: "T" + order.Number}})
			require.NoError(o.t, err)
		}
	}
}

func (o *memoryOffice) close(through commerce.Date) { o.memory.Close(through) }

func (o *memoryOffice) read() (l ledger) {
	for _, e := range o.memory.Entries() {
		for _, x := range e.Entry.Lines {
			l.lines = append(l.lines, line{entry: e.Ref.ID, key: e.Entry.Key, date: e.Entry.Date, account: x.Account,
				company: x.Debit.Minor() - x.Credit.Minor(), other: x.Transaction})
		}
	}
	first, last := commerce.DateOf(start().AddDate(-1, 0, 0)), commerce.DateOf(start().AddDate(1, 0, 0))
	for i, err := range o.memory.Invoices(o.t.Context(), first, last) {
		require.NoError(o.t, err)
		l.papers = append(l.papers, paper{key: i.Key, order: i.OrderKey, state: string(i.State),
			net: i.Totals.Net, tax: i.Totals.Tax, gross: i.Totals.Gross, open: i.Open})
	}
	return l
}

// credit credits the whole invoice of an order, as a program of the merchant's does that
// takes goods back.
func credit(t *testing.T, o office, reference string, on time.Time) {
	t.Helper()
	orders, err := o.erp().FindOrders(t.Context(), reference)
	require.NoError(t, err)
	require.Len(t, orders, 1)
	invoices, err := o.erp().(erp.Invoicer).OrderInvoices(t.Context(), orders[0].Ref)
	require.NoError(t, err)
	require.Len(t, invoices, 1)
	i := invoices[0]
	_, err = o.erp().(erp.CreditNoter).PostCreditNote(t.Context(), erp.NewCreditNote{Key: "return/" + reference, Invoice: i.Ref,
		Text: "goods came back", Date: commerce.DateOf(on), Taxes: i.Taxes, Expected: i.Totals})
	require.NoError(t, err)
}
