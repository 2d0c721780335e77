package erpbooks_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp/tryton"
	"github.com/commercesync/commerce/erp/tryton/trytontest"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/erpbooks"
	"github.com/commercesync/commerce/reconcile"
)

// onTryton is books over a fake Tryton whose sales are invoiced by a method.
func onTryton(t *testing.T, method string, mode erpbooks.Mode, change ...func(*erpbooks.Config)) (*trytontest.Server, *tryton.Client, *erpbooks.Books) {
	t.Helper()
	server, err := trytontest.New(trytontest.Config{InvoiceMethod: method, Products: append(trytontest.DefaultProducts(),
		trytontest.Product{SKU: "CUP", Stock: 10}, trytontest.Product{SKU: "POT", Stock: 10})})
	require.NoError(t, err)
	client, err := tryton.NewClient(tryton.Config{URL: trytontest.URL, Database: trytontest.Database,
		Credentials: commerce.Static(server.Login()), Transport: server.Transport()})
	require.NoError(t, err)
	taxes, err := client.Taxes(t.Context())
	require.NoError(t, err)
	c := config()
	c.Mode, c.System, c.Routes[0].Warehouse = mode, "tryton", ""
	table := mapping.TaxTable{}
	for _, x := range taxes {
		table = append(table, mapping.TaxRow{Country: "DE", Rate: x.Rate.String(), IDs: []string{x.ID}})
	}
	c.Taxes = map[string]mapping.TaxTable{"default": table}
	c.Charts = map[string]erpbooks.Chart{"default": {Advance: "2090", FX: "6070", Chart: reconcile.Chart{Company: "EUR", Journal: "STRIPE", Exchange: "6070",
		Clearing: map[commerce.Currency]string{"EUR": "1090", "USD": "1091"}, Transit: map[commerce.Currency]string{"EUR": "1010", "USD": "1010"},
		Categories: map[string]string{"fee": "6050"}, Fees: map[string]string{"": "6050"},
		Rate: func(commerce.Currency, commerce.Date) (commerce.Decimal, error) { return dec("0.90"), nil }}}}
	for _, f := range change {
		f(&c)
	}
	return server, client, books(t, client, c)
}

func TestADraftOnTheNextOpenDayIsFinishedThere(t *testing.T) {
	t.Parallel()
	old, open := commerce.Date{Year: 2026, Month: 10, Day: 30}, commerce.Date{Year: 2026, Month: 11, Day: 1}
	server, client, b := onTryton(t, "order", erpbooks.Invoiced, func(c *erpbooks.Config) { c.Closed = erpbooks.NextOpen })
	o := order(t, "17")
	l := &ledger{Books: b, steps: idempotency.NewMemory(nil), order: o, route: route(t, b, o)}
	l.sales = l.confirm(t, o)
	require.NoError(t, server.ClosePeriods(commerce.Date{Year: 2026, Month: 10, Day: 31}))
	receipt := b.Receipt(l.route, o, mapping.Receipt{Movement: "txn_1", Date: old, Amount: eur(3807)})
	for name, e := range map[string]idempotency.Effect[commerce.Document]{"receipt": receipt, "entry": b.Entry(l.route, bookedFee(old))} {
		server.Fail(trytontest.Fault{Kind: trytontest.Answered, Status: 500, Times: 1, Match: trytontest.OnMethod("model.account.move.post")})
		_, err := l.try(t, e)
		require.Error(t, err, name)
		l.run(t, e) // the draft of the first attempt is dated on the open day
	}
	got, err := client.FindReceipt(t.Context(), b.ReceiptKey(o.Ref, "txn_1"))
	require.NoError(t, err)
	require.Equal(t, open, got.Date)
}

func bookedFee(on commerce.Date) commerce.JournalEntry {
	return commerce.JournalEntry{Key: "activity/eur/2026-10-30/1", Journal: "STRIPE", Date: on, Text: "fees", Lines: []commerce.JournalLine{
		{Account: "6050", Text: "fee", Debit: eur(90), Credit: eur(0)}, {Account: "1090", Text: "balance", Debit: eur(0), Credit: eur(90)}}}
}

func TestWhatATrytonInvoicesHasToFitTheMode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode         erpbooks.Mode
		method, want string
	}{
		{erpbooks.Invoiced, "order", ""},
		{erpbooks.Invoiced, "shipment", ""},
		{erpbooks.Invoiced, "manual", "makes no invoices of its orders"},
		{erpbooks.Summary, "order", "makes invoices of its orders by itself"},
		{erpbooks.Summary, "manual", ""},
	} {
		_, _, b := onTryton(t, c.method, c.mode)
		err := b.Check(t.Context()).Err()
		if c.want == "" {
			require.NoError(t, err, "%s, %s", c.mode, c.method)
			continue
		}
		require.ErrorIs(t, err, commerce.ErrInvalid)
		require.ErrorContains(t, err, c.want)
	}
}

func TestATrytonThatInvoicesShipmentsEndsWithTheShopsTotalToo(t *testing.T) {
	t.Parallel()
	server, client, b := onTryton(t, "shipment", erpbooks.Invoiced)
	o := order(t, "17")
	l := &ledger{Books: b, steps: idempotency.NewMemory(nil), order: o, route: route(t, b, o)}
	l.sales = l.confirm(t, o)
	require.NoError(t, server.SplitShipment(b.Reference(o.Ref), "POT"))
	invoices := func() []mapping.Invoice {
		all, err := b.Invoices(t.Context(), l.route, l.sales)
		require.NoError(t, err)
		return all
	}
	require.Len(t, invoices(), 1, "delivery and discount are invoiced at once")
	l.run(t, b.Invoice(l.route, o, l.sales, today))
	require.NoError(t, server.Ship(b.Reference(o.Ref), ""))
	require.Len(t, invoices(), 2)
	last := l.run(t, b.Invoice(l.route, o, l.sales, today))
	all := invoices()
	require.Equal(t, last, all[1].Document)
	sum, err := all[0].Document.Total.Add(last.Total)
	require.NoError(t, err)
	require.Equal(t, o.Totals.Gross, sum)
	tax := map[string]int64{}
	for n := range all {
		i, err := client.FindInvoice(t.Context(), b.InvoiceKey(o.Ref, n+1))
		require.NoError(t, err)
		for _, x := range i.Taxes {
			tax[x.TaxID] += x.Amount.Minor()
		}
	}
	var sums []int64
	for _, n := range tax {
		sums = append(sums, n)
	}
	require.ElementsMatch(t, []int64{437, 70}, sums)

	apply := []mapping.Application{{Invoice: all[0].Document.Ref, Amount: all[0].Document.Total}, {Invoice: last.Ref, Amount: last.Total}}
	l.run(t, b.Receipt(l.route, o, mapping.Receipt{Movement: "txn_1", Date: today, Amount: eur(3807), Settled: usd(4200), Apply: apply}))
	for _, i := range invoices() {
		require.Equal(t, "paid", i.Document.State)
	}
	clearing, err := b.AccountBalance(t.Context(), l.route, "1091", "USD", today)
	require.NoError(t, err)
	require.Equal(t, usd(4200), clearing)
	var numbers []string
	for d, err := range b.Documents(t.Context(), l.route, today, today) {
		require.NoError(t, err)
		numbers = append(numbers, d.Shop+" "+d.Number)
	}
	require.Equal(t, []string{"main 000000017", "main 000000017"}, numbers)
}
