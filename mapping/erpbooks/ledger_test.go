package erpbooks_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/erptest"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/erpbooks"
	"github.com/commercesync/commerce/reconcile"
)

var today = commerce.DateOf(now)

func usd(minor int64) commerce.Money { return commerce.MustMoney(minor, "USD") }

// withChart is config with a chart of accounts of a company in EUR that is settled in
// EUR and in USD, of which one is 0.90 EUR.
func withChart() erpbooks.Config {
	c := config()
	c.Charts = map[string]erpbooks.Chart{"default": {Advance: "2090", FX: "7800", Receipts: "BANK",
		Revenue: map[string]string{"t19": "4019", "t7": "4007", "": "4000"}, Tax: map[string]string{"t19": "2219", "t7": "2207"},
		Chart: reconcile.Chart{Company: "EUR", Journal: "STRIPE", Account: "acct_1", Exchange: "7801",
			Clearing:   map[commerce.Currency]string{"EUR": "1090", "USD": "1091"},
			Transit:    map[commerce.Currency]string{"EUR": "1095", "USD": "1096"},
			Categories: map[string]string{"fee": "6800"}, Fees: map[string]string{"": "6800"},
			Rate: func(commerce.Currency, commerce.Date) (commerce.Decimal, error) { return dec("0.90"), nil }}}}
	return c
}

// accounts are what withChart needs.
func accounts() []erp.Account {
	var list []erp.Account
	for _, code := range []string{"1090", "1095", "1096", "6800", "7800", "7801", "4000", "4019", "4007", "2219", "2207"} {
		list = append(list, erp.Account{Code: code})
	}
	return append(list, erp.Account{Code: "1091", Currency: "USD"}, erp.Account{Code: "1097", Currency: "USD"}, erp.Account{Code: "2090", Settles: true, Party: true})
}

// ledger is books over an ERP in memory with a confirmed sales order in it.
type ledger struct {
	*erpbooks.Books
	erp   *erptest.Memory
	steps idempotency.Store
	order commerce.Order
	route mapping.Route
	sales commerce.Document
	n     int
}

func newLedger(t *testing.T, m erptest.MemoryConfig, c erpbooks.Config) *ledger {
	t.Helper()
	m.Rates = map[commerce.Currency]commerce.Decimal{"USD": dec("1.25")}
	l := &ledger{erp: memory(t, m), steps: idempotency.NewMemory(nil), order: order(t, "17")}
	l.Books = books(t, l.erp, c)
	l.route = route(t, l.Books, l.order)
	l.sales = l.confirm(t, l.order)
	return l
}

func (l *ledger) confirm(t *testing.T, o commerce.Order) commerce.Document {
	t.Helper()
	doc := l.run(t, l.SalesOrder(l.route, o, nil))
	return l.run(t, l.Confirm(l.route, doc))
}

// run runs an effect under a key of its own.
func (l *ledger) run(t *testing.T, e idempotency.Effect[commerce.Document]) commerce.Document {
	t.Helper()
	doc, err := l.try(t, e)
	require.NoError(t, err)
	return doc
}

func (l *ledger) try(t *testing.T, e idempotency.Effect[commerce.Document]) (commerce.Document, error) {
	t.Helper()
	l.n++
	return run(t.Context(), l.steps, fmt.Sprint("step ", l.n), e)
}

// again finds what an effect left, as after an answer that was lost.
func again(t *testing.T, e idempotency.Effect[commerce.Document]) commerce.Document {
	t.Helper()
	doc, err := e.Find(t.Context())
	require.NoError(t, err)
	return doc
}

func TestTheInvoiceOfAnOrderEndsWithTheShopsTotalAndTaxes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]erptest.MemoryConfig{
		"the ERP makes a draft":        {InvoicesItself: true},
		"the ERP makes none":           {},
		"the ERP rounds tax per line":  {InvoicesItself: true, TaxRounding: erp.RoundPerLine},
		"the ERP refuses a second key": {Unique: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(t, c, withChart())
			invoice := l.Invoice(l.route, l.order, l.sales, today)
			_, err := invoice.Find(t.Context())
			require.ErrorIs(t, err, commerce.ErrNotFound)
			made := l.run(t, invoice)
			require.Equal(t, l.order.Totals.Gross, made.Total)
			require.Equal(t, made, again(t, invoice))
			require.Equal(t, made, l.run(t, l.Invoice(l.route, l.order, l.sales, today)), "posted once, whatever the step")

			far, err := l.erp.FindInvoice(t.Context(), "/magento/main/test/order%2F17/invoice/1")
			require.NoError(t, err)
			require.Equal(t, made.Ref, far.Ref)
			require.Equal(t, []erp.TaxAmount{{TaxID: "t19", Base: eur(2300), Amount: eur(437)}, {TaxID: "t7", Base: eur(1000), Amount: eur(70)}}, far.Taxes)
			all, err := l.Invoices(t.Context(), l.route, l.sales)
			require.NoError(t, err)
			require.Equal(t, []mapping.Invoice{{Document: made, Party: far.Party, Date: today, Open: eur(3807)}}, all)
		})
	}
}

func TestInvoicesOfPartShipmentsAddUpToTheShopsTotal(t *testing.T) {
	t.Parallel()
	l := newLedger(t, erptest.MemoryConfig{InvoicesShipments: true}, withChart())
	de := func(rate string, amount mapping.Amount) []mapping.RowTax {
		return []mapping.RowTax{{Code: "DE " + rate, Rate: dec(rate), Amount: amount}}
	}
	// Tax per line, where the ERP rounds per document: 2 x 0.09 + 0.95, the ERP has 0.19 + 0.95.
	o := orderOf(t, "18", mapping.Sheet{Document: "order", Currency: "EUR", Country: "DE", Rows: []mapping.Row{
		{ID: "1", SKU: "CUP", Name: "Cup", Quantity: dec("1"), Net: 5_000, Tax: 900, Taxes: de("19", 900)},
		{ID: "2", SKU: "POT", Name: "Pot", Quantity: dec("1"), Net: 5_000, Tax: 900, Taxes: de("19", 900)},
	}, Shipping: mapping.ShippingRow{Title: "DHL", Net: 50_000, Tax: 9_500, Taxes: de("19", 9_500)},
		Stated: mapping.Stated{Net: 10_000, Shipping: 50_000, Tax: 11_300, Gross: 71_300}})
	sales := l.confirm(t, o)
	posted := func() (list []mapping.Invoice) {
		list, err := l.Invoices(t.Context(), l.route, sales)
		require.NoError(t, err)
		return slices.DeleteFunc(list, func(i mapping.Invoice) bool { return i.Draft })
	}
	l.run(t, l.Invoice(l.route, o, sales, today))
	require.Len(t, posted(), 1, "shipping is invoiced at once")
	for _, sku := range []string{"POT", "CUP"} {
		_, err := l.erp.Ship(sales.Ref, nil, sku)
		require.NoError(t, err)
	}
	l.erp.Fail(erptest.Fault{Op: "PostInvoice", Times: 1, AfterEffect: true})
	_, err := l.try(t, l.Invoice(l.route, o, sales, today))
	require.ErrorIs(t, err, commerce.ErrUnknown)
	last := l.run(t, l.Invoice(l.route, o, sales, today))
	all := posted()
	require.Len(t, all, 3)
	require.Equal(t, all[2].Document, last)
	sum, tax := commerce.Zero("EUR"), commerce.Zero("EUR")
	for n := range all {
		far, err := l.erp.FindInvoice(t.Context(), l.InvoiceKey(o.Ref, n+1))
		require.NoError(t, err)
		sum, err = sum.Add(far.Totals.Gross)
		require.NoError(t, err)
		tax, err = tax.Add(far.Taxes[0].Amount)
		require.NoError(t, err)
	}
	require.Equal(t, o.Totals.Gross, sum)
	require.Equal(t, o.Totals.Tax, tax, "the shop's tax, though the ERP computes another")
	require.Equal(t, last, l.run(t, l.Invoice(l.route, o, sales, today)), "nothing is left to invoice")
}

// delivering invoices on request what it has sent, as Odoo does by its invoicing policy.
type delivering struct {
	*erptest.Memory
	asked *bool
}

func (d delivering) ForCompany(id string) erp.ERP {
	return delivering{d.Memory.ForCompany(id).(*erptest.Memory), d.asked}
}

func (d delivering) PostInvoice(ctx context.Context, n erp.NewInvoice) (erp.Invoice, error) {
	*d.asked = true
	return d.Memory.PostInvoice(ctx, n)
}

func (d delivering) Capabilities(ctx context.Context) (erp.Capabilities, error) {
	c, err := d.Memory.Capabilities(ctx)
	c.InvoicesItself, c.InvoicesOnRequest = false, true
	return c, err
}

// OrderInvoices has no draft that nobody asked for.
func (d delivering) OrderInvoices(ctx context.Context, order commerce.Ref) ([]erp.Invoice, error) {
	all, err := d.Memory.OrderInvoices(ctx, order)
	return slices.DeleteFunc(all, func(i erp.Invoice) bool { return !*d.asked && i.State == erp.InvoiceDraft && i.Key == "" }), err
}

func TestGoodsThatAreSentAfterAnInvoiceAreAskedFor(t *testing.T) {
	t.Parallel()
	l := newLedger(t, erptest.MemoryConfig{InvoicesShipments: true}, withChart())
	l.Books = books(t, delivering{l.erp, new(bool)}, withChart())
	de := []mapping.RowTax{{Code: "DE 19", Rate: dec("19"), Amount: 1_900}}
	o := orderOf(t, "18", mapping.Sheet{Document: "order", Currency: "EUR", Country: "DE", Rows: []mapping.Row{
		{ID: "1", SKU: "CUP", Name: "Cup", Quantity: dec("1"), Net: 10_000, Tax: 1_900, Taxes: de},
		{ID: "2", SKU: "POT", Name: "Pot", Quantity: dec("1"), Net: 10_000, Tax: 1_900, Taxes: de},
	}, Stated: mapping.Stated{Net: 20_000, Tax: 3_800, Gross: 23_800}})
	sales := l.confirm(t, o)
	_, err := l.try(t, l.Invoice(l.route, o, sales, today))
	require.ErrorIs(t, err, commerce.ErrConflict, "nothing is sent")

	_, err = l.erp.Ship(sales.Ref, nil, "POT")
	require.NoError(t, err)
	byHand, err := l.erp.PostInvoice(t.Context(), erp.NewInvoice{Key: "by hand", Order: sales.Ref, Date: today,
		Expected: erp.Totals{Net: eur(100), Tax: eur(19), Gross: eur(119)}})
	require.NoError(t, err)
	require.Equal(t, byHand.Document(), l.run(t, l.Invoice(l.route, o, sales, today)), "the cup is not sent")

	_, err = l.erp.Ship(sales.Ref, nil, "CUP")
	require.NoError(t, err)
	l.erp.Fail(erptest.Fault{Op: "PostInvoice", Times: 1, AfterEffect: true})
	_, err = l.try(t, l.Invoice(l.route, o, sales, today))
	require.ErrorIs(t, err, commerce.ErrUnknown)
	made := l.run(t, l.Invoice(l.route, o, sales, today))
	require.Equal(t, eur(119), made.Total)
	far, err := l.erp.FindInvoice(t.Context(), l.InvoiceKey(o.Ref, 1))
	require.NoError(t, err)
	require.Equal(t, far.Document(), made)
	require.Equal(t, made, l.run(t, l.Invoice(l.route, o, sales, today)), "nothing is left to invoice")
	list, err := l.Invoices(t.Context(), l.route, sales)
	require.NoError(t, err)
	require.Len(t, list, 2)
}

func TestTheFirstPartThatIsSentIsInvoicedByWhatItIs(t *testing.T) {
	t.Parallel()
	l := newLedger(t, erptest.MemoryConfig{InvoicesShipments: true}, withChart())
	l.Books = books(t, delivering{l.erp, new(bool)}, withChart())
	de := func(amount mapping.Amount) []mapping.RowTax {
		return []mapping.RowTax{{Code: "DE 19", Rate: dec("19"), Amount: amount}}
	}
	o := orderOf(t, "18", mapping.Sheet{Document: "order", Currency: "EUR", Country: "DE", Rows: []mapping.Row{
		{ID: "1", SKU: "CUP", Name: "Cup", Quantity: dec("1"), Net: 50_000, Tax: 9_500, Taxes: de(9_500)},
		{ID: "2", SKU: "POT", Name: "Pot", Quantity: dec("1"), Net: 100_000, Tax: 19_000, Taxes: de(19_000)},
	}, Stated: mapping.Stated{Net: 150_000, Tax: 28_500, Gross: 178_500}})
	sales := l.confirm(t, o)
	for n, part := range []struct {
		sku   string
		total commerce.Money
	}{{"POT", eur(1190)}, {"CUP", eur(595)}} {
		_, err := l.erp.Ship(sales.Ref, nil, part.sku)
		require.NoError(t, err)
		require.Equal(t, part.total, l.run(t, l.Invoice(l.route, o, sales, today)).Total)
		list, err := l.Invoices(t.Context(), l.route, sales)
		require.NoError(t, err)
		require.Len(t, list, n+1)
	}

	// The control: what is not what was sold is for a person.
	o = orderOf(t, "19", mapping.Sheet{Document: "order", Currency: "EUR", Country: "DE", Rows: []mapping.Row{
		{ID: "1", SKU: "CUP", Name: "Cup", Quantity: dec("1"), Net: 50_000, Tax: 9_500, Taxes: de(9_500)},
		{ID: "2", SKU: "POT", Name: "Pot", Quantity: dec("1"), Net: 100_000, Tax: 19_000, Taxes: de(19_000)},
	}, Stated: mapping.Stated{Net: 150_000, Tax: 28_500, Gross: 178_500}})
	sales = l.confirm(t, o)
	for _, sku := range []string{"POT", "CUP"} {
		_, err := l.erp.Ship(sales.Ref, nil, sku)
		require.NoError(t, err)
	}
	o.Lines[1].Net, o.Totals.Net, o.Totals.Gross = eur(1500), eur(2000), eur(2285)
	o.Tenders[0].Amount = o.Totals.Gross
	_, err := l.try(t, l.Invoice(l.route, o, sales, today))
	var totals *erp.TotalsError
	require.ErrorAs(t, err, &totals)
}

func TestInvoicesOfAnyPartShipmentsAddUpToAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := memory(t, erptest.MemoryConfig{InvoicesShipments: true,
			TaxRounding: rapid.SampledFrom([]erp.TaxRounding{erp.RoundPerDocument, erp.RoundPerLine}).Draw(t, "ERP rounds per")})
		b := books(t, m, withChart())
		sheet := mapping.Sheet{Document: "order", Currency: "EUR", Country: "DE"}
		perDocument := rapid.Bool().Draw(t, "shop rounds per document")
		sums := map[string]int64{}
		var tax int64
		taxed := func(rate int64, net mapping.Amount) []mapping.RowTax {
			name := fmt.Sprint(rate)
			amount := (int64(net)/100*rate + 50) / 100 // in cents, half up
			if perDocument {                           // what is left over goes on the row that comes last
				before := (sums[name]*rate + 50) / 100
				sums[name] += int64(net) / 100
				amount = (sums[name]*rate+50)/100 - before
			}
			tax += amount
			return []mapping.RowTax{{Code: "DE " + name, Rate: dec(name), Amount: mapping.Amount(amount * 100)}}
		}
		skus := []string{"CUP", "POT"}
		for n, sku := range skus {
			cents := rapid.Int64Range(1, 30_000).Draw(t, "net")
			off := mapping.Amount(rapid.Int64Range(0, cents/2).Draw(t, "discount") * 100)
			net := mapping.Amount(cents * 100)
			rate := rapid.SampledFrom([]int64{19, 7}).Draw(t, "rate")
			taxes := taxed(rate, net-off)
			sheet.Rows = append(sheet.Rows, mapping.Row{ID: fmt.Sprint(n + 1), SKU: sku, Name: sku, Quantity: dec(fmt.Sprint(rapid.IntRange(1, 9).Draw(t, "quantity"))),
				Net: net, Discount: off, Tax: taxes[0].Amount, Taxes: taxes})
			sheet.Stated.Net += net
			sheet.Stated.Discount += off
		}
		delivery := mapping.Amount(rapid.Int64Range(0, 900).Draw(t, "delivery") * 100)
		if delivery > 0 {
			sheet.Shipping = mapping.ShippingRow{Title: "DHL", Net: delivery, Taxes: taxed(19, delivery)}
			sheet.Shipping.Tax = sheet.Shipping.Taxes[0].Amount
		}
		sheet.Stated.Shipping, sheet.Stated.Tax = delivery, mapping.Amount(tax*100)
		sheet.Stated.Gross = sheet.Stated.Net - sheet.Stated.Discount + delivery + sheet.Stated.Tax
		o := orderOf(t, "17", sheet)
		r := route(t, b, o)
		act := func(e idempotency.Effect[commerce.Document]) commerce.Document {
			doc, err := e.Act(context.Background())
			require.NoError(t, err)
			return doc
		}
		sales := act(b.Confirm(r, act(b.SalesOrder(r, o, nil))))
		for _, sku := range rapid.Permutation(skus).Draw(t, "shipped") {
			if rapid.Bool().Draw(t, "invoiced in between") {
				all, err := b.Invoices(context.Background(), r, sales)
				require.NoError(t, err)
				if len(all) > 0 {
					act(b.Invoice(r, o, sales, today))
				}
			}
			_, err := m.Ship(sales.Ref, nil, sku)
			require.NoError(t, err)
		}
		act(b.Invoice(r, o, sales, today))
		all, err := b.Invoices(context.Background(), r, sales)
		require.NoError(t, err)
		sum := commerce.Zero("EUR")
		for _, i := range all {
			require.False(t, i.Draft)
			sum, err = sum.Add(i.Document.Total)
			require.NoError(t, err)
		}
		require.Equal(t, o.Totals.Gross, sum)
	})
}

func TestALostAnswerLeavesOneInvoiceAndOneReceipt(t *testing.T) {
	t.Parallel()
	l := newLedger(t, erptest.MemoryConfig{InvoicesItself: true}, withChart())
	l.erp.Fail(erptest.Fault{Op: "PostInvoice", Times: 1, AfterEffect: true})
	invoice := l.Invoice(l.route, l.order, l.sales, today)
	_, err := l.try(t, invoice)
	require.ErrorIs(t, err, commerce.ErrUnknown)
	i := again(t, invoice)

	n := mapping.Receipt{Movement: "txn_1", Date: today, Amount: eur(3807), Apply: []mapping.Application{{Invoice: i.Ref, Amount: eur(3807)}}}
	l.erp.Fail(erptest.Fault{Op: "PostReceipt", Times: 1, AfterEffect: true})
	receipt := l.Receipt(l.route, l.order, n)
	_, err = l.try(t, receipt)
	require.ErrorIs(t, err, commerce.ErrUnknown)
	made := again(t, receipt)
	require.Equal(t, made, l.run(t, l.Receipt(l.route, l.order, n)))
	all, err := l.Invoices(t.Context(), l.route, l.sales)
	require.NoError(t, err)
	require.Equal(t, eur(0), all[0].Open)
	require.Equal(t, "paid", all[0].Document.State)
}

func TestMoneyBeforeTheInvoiceIsAnAdvanceThatPaysItLater(t *testing.T) {
	t.Parallel()
	l := newLedger(t, erptest.MemoryConfig{InvoicesItself: true}, withChart())
	_, err := l.Received(t.Context(), l.route, l.order.Ref, "txn_1")
	require.ErrorIs(t, err, commerce.ErrNotFound)
	receipt := l.run(t, l.Receipt(l.route, l.order, mapping.Receipt{Movement: "txn_1", Date: today, Amount: eur(3807)}))
	got, err := l.Received(t.Context(), l.route, l.order.Ref, "txn_1")
	require.NoError(t, err)
	require.Equal(t, mapping.Received{Document: receipt, Party: got.Party, Amount: eur(3807), Left: eur(3807)}, got)
	e, err := l.erp.FindEntry(t.Context(), "/magento/main/test/order%2F17/txn_1")
	require.NoError(t, err)
	require.Equal(t, "BANK", e.Entry.Journal)
	require.Equal(t, "2090", e.Entry.Lines[1].Account)
	require.Equal(t, got.Party, e.Entry.Lines[1].Party)

	i := l.run(t, l.Invoice(l.route, l.order, l.sales, today))
	far, err := l.erp.FindInvoice(t.Context(), l.InvoiceKey(l.order.Ref, 1))
	require.NoError(t, err)
	require.Equal(t, far.Party, got.Party, "the buyer is the one whom the invoice is to")
	to := []mapping.Application{{Invoice: i.Ref, Amount: eur(3807)}}
	for range 2 {
		l.run(t, l.Apply(l.route, receipt, to, today))
		got, err = l.Received(t.Context(), l.route, l.order.Ref, "txn_1")
		require.NoError(t, err)
		require.Equal(t, to, got.Applied)
		require.Equal(t, eur(0), got.Left)
	}
	advances, err := l.AccountBalance(t.Context(), l.route, "2090", "EUR", today)
	require.NoError(t, err)
	require.Equal(t, eur(0), advances)
	for range 2 {
		l.run(t, l.Unapply(l.route, receipt, today))
		got, err = l.Received(t.Context(), l.route, l.order.Ref, "txn_1")
		require.NoError(t, err)
		require.Empty(t, got.Applied)
	}
	_, err = l.try(t, l.Apply(l.route, receipt, []mapping.Application{{Invoice: i.Ref, Amount: eur(9999)}}, today))
	require.ErrorIs(t, err, commerce.ErrConflict)
	live := receipt
	live.Ref.Mode = commerce.Live
	_, err = l.try(t, l.Apply(l.route, live, to, today))
	require.ErrorIs(t, err, commerce.ErrInvalid)
}

func TestAReceiptIsFoundWhateverItPays(t *testing.T) {
	t.Parallel()
	l := newLedger(t, erptest.MemoryConfig{InvoicesItself: true}, withChart())
	i := l.run(t, l.Invoice(l.route, l.order, l.sales, today))
	n := mapping.Receipt{Movement: "txn_1", Date: today, Amount: eur(3807)}
	made := l.run(t, l.Receipt(l.route, l.order, n))
	n.Apply = []mapping.Application{{Invoice: i.Ref, Amount: eur(3807)}}
	require.Equal(t, made, again(t, l.Receipt(l.route, l.order, n)), "its applications are another matter")
	got, err := l.Received(t.Context(), l.route, l.order.Ref, "txn_1")
	require.NoError(t, err)
	require.Equal(t, eur(3807), got.Left)
}

func TestAReceiptOfAnotherAmountIsNotTakenForOurs(t *testing.T) {
	t.Parallel()
	l := newLedger(t, erptest.MemoryConfig{}, withChart())
	n := mapping.Receipt{Movement: "txn_1", Date: today, Amount: eur(3807)}
	l.run(t, l.Receipt(l.route, l.order, n))
	n.Amount = eur(3800)
	receipt := l.Receipt(l.route, l.order, n)
	_, err := receipt.Find(t.Context())
	require.ErrorIs(t, err, commerce.ErrConflict)
	_, err = receipt.Act(t.Context())
	require.ErrorIs(t, err, commerce.ErrConflict)
}

// exchanged is an ERP in which people put goods that came back on the invoice.
type exchanged struct{ *erptest.Memory }

func (e exchanged) ForCompany(id string) erp.ERP {
	return exchanged{e.Memory.ForCompany(id).(*erptest.Memory)}
}

func (e exchanged) OrderInvoices(ctx context.Context, order commerce.Ref) ([]erp.Invoice, error) {
	all, err := e.Memory.OrderInvoices(ctx, order)
	for n := range all {
		all[n] = withReturn(all[n])
	}
	return all, err
}

func (e exchanged) Invoices(ctx context.Context, from, to commerce.Date) iter.Seq2[erp.Invoice, error] {
	return func(yield func(erp.Invoice, error) bool) {
		for i, err := range e.Memory.Invoices(ctx, from, to) {
			if !yield(withReturn(i), err) {
				return
			}
		}
	}
}

func withReturn(i erp.Invoice) erp.Invoice {
	i.Lines = append(slices.Clone(i.Lines), erp.InvoiceLine{ID: "back", SKU: "MUG", Quantity: dec("-1"), Net: eur(-500)})
	i.Totals.Net, i.Totals.Gross = eur(i.Totals.Net.Minor()-500), eur(i.Totals.Gross.Minor()-500)
	return i
}

func TestAnInvoiceWithGoodsThatCameBackIsNoCreditNote(t *testing.T) {
	t.Parallel()
	l := newLedger(t, erptest.MemoryConfig{InvoicesItself: true}, withChart())
	made := l.run(t, l.Invoice(l.route, l.order, l.sales, today))
	l.Books = books(t, exchanged{l.erp}, withChart())
	require.Equal(t, made.Ref, again(t, l.Invoice(l.route, l.order, l.sales, today)).Ref)
	require.Equal(t, made.Ref, l.run(t, l.Invoice(l.route, l.order, l.sales, today)).Ref, "the order is invoiced")
	for d, err := range l.Documents(t.Context(), l.route, today, today) {
		require.NoError(t, err)
		require.False(t, d.Refund)
		require.Equal(t, eur(3307), d.Amount)
	}
}

func TestSettlementInAnotherCurrencyIsWorthTheChartsRateAndTheRestIsExchange(t *testing.T) {
	t.Parallel()
	l := newLedger(t, erptest.MemoryConfig{InvoicesItself: true, Accounts: append(accounts(), erp.Account{Code: "1200"})}, withChart())
	i := l.run(t, l.Invoice(l.route, l.order, l.sales, today))
	l.run(t, l.Receipt(l.route, l.order, mapping.Receipt{Movement: "txn_1", Date: today, Amount: eur(3807), Settled: usd(4200),
		Apply: []mapping.Application{{Invoice: i.Ref, Amount: eur(3807)}}}))
	for account, want := range map[string][2]commerce.Money{
		"1091": {usd(4200), eur(3780)}, "1200": {eur(0), eur(0)}, "7800": {eur(27), eur(27)}} {
		for _, m := range want {
			got, err := l.AccountBalance(t.Context(), l.route, account, m.Currency(), today)
			require.NoError(t, err)
			require.Equal(t, m, got, account)
		}
	}
	_, err := l.AccountBalance(t.Context(), l.route, "1090", "USD", today)
	require.ErrorIs(t, err, commerce.ErrInvalid)
	_, err = l.AccountBalance(t.Context(), l.route, "9999", "EUR", today)
	require.ErrorIs(t, err, commerce.ErrMapping)
	_, err = l.try(t, l.Receipt(l.route, l.order, mapping.Receipt{Movement: "txn_2", Date: today, Amount: eur(1), Settled: commerce.MustMoney(1, "GBP")}))
	require.ErrorIs(t, err, commerce.ErrMapping)
	require.ErrorContains(t, err, "GBP")
	require.True(t, commerce.SafeToRetry(err))
}

func TestARefundPaysTheCreditNote(t *testing.T) {
	t.Parallel()
	l := newLedger(t, erptest.MemoryConfig{InvoicesItself: true}, withChart())
	i := l.run(t, l.Invoice(l.route, l.order, l.sales, today))
	far, err := l.erp.FindInvoice(t.Context(), l.InvoiceKey(l.order.Ref, 1))
	require.NoError(t, err)
	note, err := l.erp.PostCreditNote(t.Context(), erp.NewCreditNote{Key: "note", Invoice: i.Ref, Date: today, Expected: far.Totals})
	require.NoError(t, err)
	l.run(t, l.Receipt(l.route, l.order, mapping.Receipt{Movement: "txn_2", Date: today, Amount: eur(-3807),
		Apply: []mapping.Application{{Invoice: note.Ref, Amount: eur(-3807)}}}))
	all, err := l.Invoices(t.Context(), l.route, l.sales)
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, eur(3807), all[0].Open)
	require.Equal(t, eur(-3807), all[1].Document.Total)
	require.Equal(t, eur(0), all[1].Open)
	require.Equal(t, i, l.run(t, l.Invoice(l.route, l.order, l.sales, today)), "a credit note is no invoice")

	var refunds []reconcile.Document
	for d, err := range l.Documents(t.Context(), l.route, today, today) {
		require.NoError(t, err)
		if d.Refund {
			refunds = append(refunds, d)
		}
	}
	require.Len(t, refunds, 1)
	require.Equal(t, eur(3807), refunds[0].Amount)
	require.Equal(t, reconcile.TaxSum{Rate: "19", Base: eur(2300), Tax: eur(437)}, refunds[0].Taxes[0])
}

func TestDocumentsNameTheOrderAndSayTheirLinesAndTaxes(t *testing.T) {
	t.Parallel()
	c := withChart()
	c.Taxes = map[string]mapping.TaxTable{"default": {{Country: "DE", Rate: "19", IDs: []string{"t19"}}, {Country: "DE", Rate: "7", IDs: []string{"t7"}}}}
	l := newLedger(t, erptest.MemoryConfig{InvoicesItself: true}, c)
	i := l.run(t, l.Invoice(l.route, l.order, l.sales, today))
	documents := func(from, to commerce.Date) (list []reconcile.Document) {
		for d, err := range l.Documents(t.Context(), l.route, from, to) {
			require.NoError(t, err)
			list = append(list, d)
		}
		return list
	}
	day := time.Date(today.Year, today.Month, today.Day, 0, 0, 0, 0, time.UTC)
	require.Equal(t, []reconcile.Document{{System: "memory", Shop: "main", ID: i.Ref.ID, Number: "000000017", Amount: eur(3807), Date: day,
		Lines: []reconcile.DocumentLine{{Key: "CUP", Quantity: dec("2"), Net: eur(2000)}, {Key: "POT", Quantity: dec("1"), Net: eur(1000)},
			{Key: "shipping", Quantity: dec("1"), Net: eur(500)}, {Key: "discount", Quantity: dec("1"), Net: eur(-200)}},
		Taxes: []reconcile.TaxSum{{Country: "DE", Rate: "19", Base: eur(2300), Tax: eur(437)}, {Country: "DE", Rate: "7", Base: eur(1000), Tax: eur(70)}},
	}}, documents(today, today))
	require.Empty(t, documents(commerce.DateOf(day.AddDate(0, 0, 1)), commerce.DateOf(day.AddDate(0, 1, 0))))
	l.erp.Fail(erptest.Fault{Op: "Invoices"})
	for _, err := range l.Documents(t.Context(), l.route, today, today) {
		require.Error(t, err)
	}
}

func entry(key string, day commerce.Date, minor int64) commerce.JournalEntry {
	return commerce.JournalEntry{Key: key, Journal: "STRIPE", Date: day, Text: "Stripe " + key, Lines: []commerce.JournalLine{
		{Account: "6800", Text: "fee", Debit: eur(minor)}, {Account: "1090", Text: "balance", Credit: eur(minor)}}}
}

func TestASeriesIsReadBackAsItWasPosted(t *testing.T) {
	t.Parallel()
	c := withChart()
	c.Supplements = 2
	l := newLedger(t, erptest.MemoryConfig{}, c)
	target := entry("activity/eur/2026-11-20", today, 90)
	for _, late := range []int64{90, 95} {
		target.Lines[0].Debit, target.Lines[1].Credit = eur(late), eur(late)
		posted, err := l.Series(t.Context(), l.route, target.Key)
		require.NoError(t, err)
		next, more, err := reconcile.Next(target, posted...)
		require.NoError(t, err)
		require.True(t, more)
		made := l.run(t, l.Entry(l.route, next))
		require.Equal(t, made, again(t, l.Entry(l.route, next)))
	}
	posted, err := l.Series(t.Context(), l.route, target.Key)
	require.NoError(t, err, "it may have as many")
	target.Lines[0].Debit, target.Lines[1].Credit = eur(96), eur(96)
	third, _, err := reconcile.Next(target, posted...)
	require.NoError(t, err)
	l.run(t, l.Entry(l.route, third))
	_, err = l.Series(t.Context(), l.route, target.Key)
	require.ErrorIs(t, err, commerce.ErrLimit)
	require.ErrorContains(t, err, "Config.Supplements")
	none, err := l.Series(t.Context(), l.route, "activity/eur/2026-11-19")
	require.NoError(t, err)
	require.Empty(t, none)
	require.Len(t, l.erp.Entries(), 3)
}

func TestAClosedPeriodIsRefusedOrGivesWayToTheNextOpenDay(t *testing.T) {
	t.Parallel()
	old := commerce.Date{Year: 2026, Month: 10, Day: 30}
	open := commerce.Date{Year: 2026, Month: 11, Day: 1}
	effects := func(l *ledger) map[string]idempotency.Effect[commerce.Document] {
		return map[string]idempotency.Effect[commerce.Document]{
			"invoice": l.Invoice(l.route, l.order, l.sales, old),
			"receipt": l.Receipt(l.route, l.order, mapping.Receipt{Movement: "txn_1", Text: "pi_1", Date: old, Amount: eur(3807)}),
			"entry":   l.Entry(l.route, entry("activity/eur/2026-10-30/1", old, 90)),
		}
	}
	m := erptest.MemoryConfig{InvoicesItself: true, Closed: commerce.Date{Year: 2026, Month: 10, Day: 31}}
	l := newLedger(t, m, withChart())
	for name, e := range effects(l) {
		_, err := l.try(t, e)
		require.ErrorIs(t, err, commerce.ErrPeriodClosed, name)
		require.True(t, commerce.SafeToRetry(err), name)
	}
	c := withChart()
	c.Closed = erpbooks.NextOpen
	l = newLedger(t, m, c)
	for range 2 { // the second time under other steps
		for _, e := range effects(l) {
			l.run(t, e)
		}
		l.erp.Close(commerce.Date{Year: 2026, Month: 11, Day: 10}) // later on November is closed too
	}
	i, err := l.erp.FindInvoice(t.Context(), l.InvoiceKey(l.order.Ref, 1))
	require.NoError(t, err)
	require.Equal(t, old, i.Date)
	require.Equal(t, open, i.Accounting)
	for key, text := range map[string]string{l.ReceiptKey(l.order.Ref, "txn_1"): "pi_1 (of 2026-10-30)",
		"activity/eur/2026-10-30/1": "Stripe activity/eur/2026-10-30/1 (of 2026-10-30)"} {
		e, err := l.erp.FindEntry(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, open, e.Entry.Date)
		require.Equal(t, text, e.Entry.Text)
	}
	require.Len(t, l.erp.Entries(), 3)
}

func TestABalanceGoesIntoTheBooksOfItsAccount(t *testing.T) {
	t.Parallel()
	acct := commerce.Ref{System: "stripe", Account: "acct_1", Mode: commerce.Test, ID: "txn_1"}
	for name, c := range map[string]struct {
		routes mapping.Routes
		want   string
		err    error
	}{
		"the route of all shops":    {mapping.Routes{{Name: "a", Shop: "a", Mode: commerce.Test, Company: "2"}, {Name: "all", Mode: commerce.Test, Company: "1"}}, "all", nil},
		"shops with the same books": {mapping.Routes{{Name: "a", Shop: "a", Mode: commerce.Test, Company: "1"}, {Name: "b", Shop: "b", Mode: commerce.Test, Company: "1"}}, "a", nil},
		"shops with other books":    {mapping.Routes{{Name: "a", Shop: "a", Mode: commerce.Test, Company: "1"}, {Name: "b", Shop: "b", Mode: commerce.Test, Company: "2"}}, "", commerce.ErrMapping},
		"another account":           {mapping.Routes{{Name: "a", StripeAccount: "acct_2", Mode: commerce.Test, Company: "1"}}, "", commerce.ErrMapping},
		"the other mode":            {mapping.Routes{{Name: "a", Mode: commerce.Live, Company: "1"}}, "", commerce.ErrInvalid},
		"by currency":               {mapping.Routes{{Name: "usd", Currency: "USD", Mode: commerce.Test, Company: "2"}, {Name: "eur", Currency: "EUR", Mode: commerce.Test, Company: "1"}}, "eur", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conf := withChart()
			conf.Routes = c.routes
			r, err := books(t, memory(t, erptest.MemoryConfig{}), conf).BalanceRoute(acct, "EUR")
			require.ErrorIs(t, err, c.err)
			require.Equal(t, c.want, r.Name)
		})
	}
}

func TestAnAmountIsSplitAsTheOrderSays(t *testing.T) {
	t.Parallel()
	l := newLedger(t, erptest.MemoryConfig{}, withChart())
	parts := func(amount commerce.Money) (list []string) {
		got, err := l.Split(l.route, l.order, amount)
		require.NoError(t, err)
		sum := commerce.Zero(amount.Currency())
		for _, p := range got {
			list = append(list, fmt.Sprint(p.Account, " ", p.Text, " ", p.Amount.Text()))
			sum, err = sum.Add(p.Amount)
			require.NoError(t, err)
		}
		require.Equal(t, amount, sum)
		return list
	}
	require.Equal(t, []string{"4019 revenue DE 19 % 23.00", "4007 revenue DE 7 % 10.00", "2219 tax DE 19 % 4.37", "2207 tax DE 7 % 0.70"}, parts(eur(3807)))
	require.Equal(t, []string{"4019 revenue DE 19 % -6.04", "4007 revenue DE 7 % -2.63", "2219 tax DE 19 % -1.15", "2207 tax DE 7 % -0.18"}, parts(eur(-1000)))
	require.Len(t, parts(usd(4200)), 4, "in the currency of settlement")

	c := withChart()
	chart := c.Charts["default"]
	chart.Revenue = nil
	c.Charts["default"] = chart
	l = newLedger(t, erptest.MemoryConfig{}, c)
	_, err := l.Split(l.route, l.order, eur(3807))
	require.ErrorIs(t, err, commerce.ErrMapping)
	require.ErrorContains(t, err, "revenue DE 19 %")
	chart.Suspense = "1999"
	c.Charts["default"] = chart
	l = newLedger(t, erptest.MemoryConfig{}, c)
	require.Contains(t, parts(eur(3807)), " revenue DE 19 % 23.00")
}

func TestTheLedgerIsCheckedAgainstTheERP(t *testing.T) {
	t.Parallel()
	good := func() erptest.MemoryConfig {
		return erptest.MemoryConfig{InvoicesItself: true, Accounts: accounts(), Journals: []string{"STRIPE", "BANK"}}
	}
	require.NoError(t, books(t, memory(t, good()), withChart()).Check(t.Context()).Err())
	for want, edit := range map[string]func(*erptest.MemoryConfig, *erpbooks.Chart){
		`there is no journal "BANK"`:                          func(m *erptest.MemoryConfig, _ *erpbooks.Chart) { m.Journals = []string{"STRIPE"} },
		`there is no account "9999" to post to`:               func(_ *erptest.MemoryConfig, c *erpbooks.Chart) { c.Suspense = "9999" },
		`there is no account "9998" to post to`:               func(_ *erptest.MemoryConfig, c *erpbooks.Chart) { c.DisputeLoss = "9998" },
		`there is no account "9997" to post to`:               func(_ *erptest.MemoryConfig, c *erpbooks.Chart) { c.Payable = "9997" },
		`Categories["dispute"]: account "2090" wants a party`: func(_ *erptest.MemoryConfig, c *erpbooks.Chart) { c.Categories["dispute"], c.Advance = "2090", "" },
		`Advance: lines of account "6800" can not be settled`: func(_ *erptest.MemoryConfig, c *erpbooks.Chart) { c.Advance = "6800" },
		`Clearing: account "1090" is kept in EUR, not in USD`: func(_ *erptest.MemoryConfig, c *erpbooks.Chart) { c.Clearing["USD"] = "1090" },
		`Transit: account "1097" is kept in USD, not in EUR`:  func(_ *erptest.MemoryConfig, c *erpbooks.Chart) { c.Transit["EUR"] = "1097" },
		`Company is EUR, the ERP's is CHF`:                    func(m *erptest.MemoryConfig, _ *erpbooks.Chart) { m.Currency = "CHF" },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			m, c := good(), withChart()
			chart := c.Charts["default"]
			edit(&m, &chart)
			c.Charts["default"] = chart
			err := books(t, memory(t, m), c).Check(t.Context()).Err()
			require.ErrorIs(t, err, commerce.ErrInvalid)
			require.ErrorContains(t, err, `Config.Charts["default"]: `+want)
		})
	}
}

// ordersOnly is an adapter that posts nothing.
type ordersOnly struct{ erp.ERP }

func (o ordersOnly) ForCompany(id string) erp.ERP { return ordersOnly{o.ERP.ForCompany(id)} }

func TestAnERPWithoutTheAbilitySaysSoAtStartAndInEveryCall(t *testing.T) {
	t.Parallel()
	b := books(t, ordersOnly{memory(t, erptest.MemoryConfig{})}, withChart())
	err := b.Check(t.Context()).Err()
	for _, name := range []string{"erp.Invoicer", "erp.Receipter", "erp.Ledger", "erp.Auditor"} {
		require.ErrorContains(t, err, name)
	}
	o := order(t, "17")
	r := route(t, b, o)
	doc := commerce.Document{Ref: commerce.Ref{System: "memory", Mode: commerce.Test, ID: "x/1"}}
	for name, e := range map[string]idempotency.Effect[commerce.Document]{
		"erp.Invoicer": b.Invoice(r, o, doc, today), "erp.Receipter": b.Receipt(r, o, mapping.Receipt{}), "erp.Ledger": b.Entry(r, commerce.JournalEntry{})} {
		for _, f := range []func(context.Context) (commerce.Document, error){e.Find, e.Act} {
			_, err := f(t.Context())
			require.ErrorContains(t, err, name)
			require.ErrorIs(t, err, commerce.ErrInvalid)
			require.True(t, commerce.SafeToRetry(err))
		}
	}
	_, err = b.Apply(r, doc, nil, today).Act(t.Context())
	require.ErrorContains(t, err, "erp.Receipter")
	_, err = b.Invoices(t.Context(), r, doc)
	require.ErrorContains(t, err, "erp.Invoicer")
	_, err = b.Received(t.Context(), r, o.Ref, "txn_1")
	require.ErrorContains(t, err, "erp.Receipter")
	_, err = b.Series(t.Context(), r, "k")
	require.ErrorContains(t, err, "erp.Ledger")
	_, err = b.AccountBalance(t.Context(), r, "1090", "EUR", today)
	require.ErrorContains(t, err, "erp.Auditor")
	for _, err := range b.Documents(t.Context(), r, today, today) {
		require.ErrorContains(t, err, "erp.Auditor")
	}
	c := config()
	b = books(t, memory(t, erptest.MemoryConfig{}), c)
	_, err = b.Chart(r)
	require.ErrorIs(t, err, commerce.ErrMapping, "no chart is configured")
}

// everything is an adapter with all abilities, but other capabilities.
type everything struct {
	*erptest.Memory
	says func(*erp.Capabilities)
}

func (e everything) ForCompany(id string) erp.ERP {
	return everything{e.Memory.ForCompany(id).(*erptest.Memory), e.says}
}

func (e everything) Capabilities(ctx context.Context) (erp.Capabilities, error) {
	c, err := e.Memory.Capabilities(ctx)
	e.says(&c)
	return c, err
}

func TestAnERPThatDisagreesWithTheModeIsFoundAtStart(t *testing.T) {
	t.Parallel()
	m := erptest.MemoryConfig{Accounts: accounts(), Journals: []string{"STRIPE", "BANK"}}
	for want, c := range map[string]struct {
		mode erpbooks.Mode
		says func(*erp.Capabilities)
	}{
		"makes invoices of its orders by itself": {erpbooks.Summary, func(c *erp.Capabilities) { c.InvoicesItself = true }},
		"makes no invoices of its orders":        {erpbooks.Invoiced, func(c *erp.Capabilities) { c.InvoicesOnRequest = false }},
		"does not say how it rounds tax":         {erpbooks.Invoiced, func(c *erp.Capabilities) { c.TaxRounding = "" }},
		"that could be found again under a key":  {erpbooks.Invoiced, func(c *erp.Capabilities) { c.Classes.Receipt = idempotency.Blind }},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			conf := withChart()
			conf.Mode = c.mode
			err := books(t, everything{memory(t, m), c.says}, conf).Check(t.Context()).Err()
			require.ErrorIs(t, err, commerce.ErrInvalid)
			require.ErrorContains(t, err, want)
		})
	}
}
