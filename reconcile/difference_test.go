package reconcile_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

// goods is a line of a document, "2" pieces for so many cents.
func goods(key, quantity string, net int64) reconcile.DocumentLine {
	return reconcile.DocumentLine{Key: key, Quantity: commerce.MustDecimal(quantity), Net: eur(net)}
}

func atRate(country, rate string, base, tax int64) reconcile.TaxSum {
	return reconcile.TaxSum{Country: country, Rate: rate, Base: eur(base), Tax: eur(tax)}
}

func TestDocumentsOfOneAmountAreComparedByLineAndByTax(t *testing.T) {
	t.Parallel()
	lines := func(l ...reconcile.DocumentLine) []reconcile.DocumentLine { return l }
	shop := func() reconcile.Document {
		d := sale(1, 11900)
		d.Lines = lines(goods("SKU-1", "2", 6000), goods("SKU-2", "1", 3500), goods("shipping", "1", 500))
		d.Taxes = []reconcile.TaxSum{atRate("DE", "19", 10000, 1900)}
		return d
	}
	for name, c := range map[string]struct {
		shop, erp func(*reconcile.Document)
		want      []string
		lines     []reconcile.LineDifference
		taxes     []reconcile.TaxDifference
	}{
		"the same": {},
		"the same in another order, in parts and with noughts behind": {erp: func(d *reconcile.Document) {
			d.Lines = lines(goods("shipping", "1.00", 500), goods("SKU-1", "1.5", 4500), goods("SKU-2", "1", 3500), goods("SKU-1", "0.50", 1500))
		}},
		"the ERP does not say lines":                    {erp: func(d *reconcile.Document) { d.Lines, d.Taxes = nil, nil }},
		"the shop does not say taxes, the ERP no lines": {shop: func(d *reconcile.Document) { d.Taxes = nil }, erp: func(d *reconcile.Document) { d.Lines = nil }},
		"the ERP does not say countries":                {erp: func(d *reconcile.Document) { d.Taxes[0].Country = "" }},
		"a rate of nought is no tax":                    {erp: func(d *reconcile.Document) { d.Taxes = append(d.Taxes, atRate("DE", "0", 500, 0)) }},
		"free shipping need not be a line, and shipping may be two": {erp: func(d *reconcile.Document) {
			d.Lines = append(lines(goods("shipping", "1", 200), goods("shipping", "1", 300), goods("fee", "1", 0)), d.Lines[:2]...)
		}},
		"a product for nothing": {erp: func(d *reconcile.Document) { d.Lines = append(d.Lines, goods("GIFT", "1", 0)) },
			want:  []string{"lines order/1 erp 0.00 EUR"},
			lines: []reconcile.LineDifference{{Key: "GIFT", ERP: new(goods("GIFT", "1", 0))}}},
		"money on another line": {erp: func(d *reconcile.Document) { d.Lines[0].Net, d.Lines[1].Net = eur(5900), eur(3600) },
			want: []string{"lines order/1 erp 0.00 EUR"},
			lines: []reconcile.LineDifference{
				{Key: "SKU-1", Shop: new(goods("SKU-1", "2", 6000)), ERP: new(goods("SKU-1", "2", 5900))},
				{Key: "SKU-2", Shop: new(goods("SKU-2", "1", 3500)), ERP: new(goods("SKU-2", "1", 3600))}}},
		"another quantity": {erp: func(d *reconcile.Document) { d.Lines[0].Quantity = commerce.MustDecimal("3") },
			want:  []string{"lines order/1 erp 0.00 EUR"},
			lines: []reconcile.LineDifference{{Key: "SKU-1", Shop: new(goods("SKU-1", "2", 6000)), ERP: new(goods("SKU-1", "3", 6000))}}},
		"another product": {erp: func(d *reconcile.Document) { d.Lines[1].Key = "SKU-3" },
			want: []string{"lines order/1 erp 0.00 EUR"},
			lines: []reconcile.LineDifference{{Key: "SKU-2", Shop: new(goods("SKU-2", "1", 3500))},
				{Key: "SKU-3", ERP: new(goods("SKU-3", "1", 3500))}}},
		"a line without tax that should have some": {erp: func(d *reconcile.Document) {
			d.Lines[2].Net = eur(510)
			d.Taxes[0].Tax = eur(1890)
		}, want: []string{"lines order/1 erp -0.10 EUR"},
			lines: []reconcile.LineDifference{{Key: "shipping", Shop: new(goods("shipping", "1", 500)), ERP: new(goods("shipping", "1", 510))}},
			taxes: []reconcile.TaxDifference{{Country: "DE", Rate: "19", Shop: new(atRate("DE", "19", 10000, 1900)), ERP: new(atRate("DE", "19", 10000, 1890))}}},
		"another rate": {erp: func(d *reconcile.Document) { d.Taxes[0].Rate = "7" },
			want: []string{"tax order/1 erp 0.00 EUR"},
			taxes: []reconcile.TaxDifference{{Country: "DE", Rate: "19", Shop: new(atRate("DE", "19", 10000, 1900))},
				{Country: "DE", Rate: "7", ERP: new(atRate("DE", "7", 10000, 1900))}}},
		"a cent of tax": {erp: func(d *reconcile.Document) { d.Taxes[0].Tax = eur(1899) },
			want:  []string{"tax order/1 erp 0.01 EUR"},
			taxes: []reconcile.TaxDifference{{Country: "DE", Rate: "19", Shop: new(atRate("DE", "19", 10000, 1900)), ERP: new(atRate("DE", "19", 10000, 1899))}}},
		"another amount says which line it is": {erp: func(d *reconcile.Document) { d.Amount, d.Lines[1].Net = eur(12000), eur(3600) },
			want:  []string{"amount order/1 erp -1.00 EUR"},
			lines: []reconcile.LineDifference{{Key: "SKU-2", Shop: new(goods("SKU-2", "1", 3500)), ERP: new(goods("SKU-2", "1", 3600))}}},
	} {
		s, e := shop(), shop()
		e.System, e.ID, e.Payment, e.Intent = "tryton", "erp", "", ""
		if c.shop != nil {
			c.shop(&s)
		}
		if c.erp != nil {
			c.erp(&e)
		}
		_, found := books{lines: []reconcile.Line{charge(1, 11900)}, shop: []reconcile.Document{s}, erp: []reconcile.Document{e}}.explain(t, reconcile.Config{})
		require.Equal(t, c.want, say(found), name)
		if len(found) > 0 {
			require.Equal(t, c.lines, found[0].Lines, name)
			require.Equal(t, c.taxes, found[0].Taxes, name)
			require.Equal(t, "txn_charge1", found[0].Keys.Transaction, "the line is not compared, and yet found: "+name)
		}
	}
}

func TestSeveralInvoicesOfOneOrderAreComparedTogether(t *testing.T) {
	t.Parallel()
	order := sale(1, 10000)
	order.Lines = []reconcile.DocumentLine{goods("A", "3", 6000), goods("B", "1", 4000)}
	part := func(id string, amount int64, lines ...reconcile.DocumentLine) reconcile.Document {
		d := erp(order)
		d.ID, d.Amount, d.Lines = id, eur(amount), lines
		return d
	}
	with := func(parts ...reconcile.Document) []reconcile.Discrepancy {
		_, found := books{lines: []reconcile.Line{charge(1, 10000)}, shop: []reconcile.Document{order}, erp: parts}.explain(t, reconcile.Config{})
		return found
	}
	require.Empty(t, with(part("1", 2000, goods("A", "1", 2000)), part("2", 8000, goods("A", "2", 4000), goods("B", "1", 4000))))
	found := with(part("1", 2000, goods("A", "1", 2000)), part("2", 8000, goods("A", "1", 4000), goods("B", "1", 4000)))
	require.Equal(t, []string{"lines order/1 1 0.00 EUR"}, say(found))
	require.Equal(t, []reconcile.LineDifference{{Key: "A", Shop: new(goods("A", "3", 6000)), ERP: new(goods("A", "2", 6000))}}, found[0].Lines)
}

func TestRefundsOfOneAmountGoTogetherByTheirLines(t *testing.T) {
	t.Parallel()
	b := books{lines: []reconcile.Line{charge(1, 5000), charge(2, 1)}, shop: []reconcile.Document{sale(1, 5000), sale(2, 1)}}
	for i, key := range []string{"A", "B", "C"} {
		d := memo(1, 1000)
		d.ID, d.RefundID, d.Lines = "memo/"+key, "re_"+key, []reconcile.DocumentLine{goods(key, "1", 1000)}
		l := refund(1, 1000)
		l.ID, l.Refund = "txn_"+key, "re_"+key
		b.lines, b.shop = append(b.lines, l), append(b.shop, d)
		e := erp(d)
		e.ID, e.Lines = "note/"+key, d.Lines
		e.Date = e.Date.AddDate(0, 0, 3-i) // in another order
		b.erp = append(b.erp, e)
	}
	b.erp = append(b.erp, erp(sale(1, 5000)), erp(sale(2, 1)))
	_, found := b.explain(t, reconcile.Config{})
	require.Empty(t, found)
}

func TestALineInAnotherCurrencyThanItsDocumentIsRefused(t *testing.T) {
	t.Parallel()
	for column, change := range map[string]func(*reconcile.Document){
		"lines": func(d *reconcile.Document) {
			d.Lines = []reconcile.DocumentLine{{Key: "A", Quantity: commerce.MustDecimal("1"), Net: commerce.MustMoney(1, "USD")}}
		},
		"taxes": func(d *reconcile.Document) {
			d.Taxes = []reconcile.TaxSum{{Rate: "19", Tax: commerce.MustMoney(1, "USD")}}
		},
	} {
		d := sale(1, 100)
		d.Row = 7
		change(&d)
		_, err := reconcile.Payout(t.Context(), reconcile.Input{Payout: payoutOf(nil), Lines: seq[reconcile.Line](), Shop: seq(d)}, reconcile.Config{})
		require.ErrorContains(t, err, "documents row 7 column "+column+": order/1 has ")
		require.ErrorIs(t, err, commerce.ErrInvalid)
	}
}

func TestTwoShopsMayCountTheirOrdersAlike(t *testing.T) {
	t.Parallel()
	of := func(n int, shop string, amount int64) (s, e reconcile.Document) {
		s = sale(n, amount)
		s.Number, s.Shop = "100000001", shop
		e = erp(s)
		e.ID, e.Shop = "erp-"+shop, shop
		return s, e
	}
	one, itsInvoice := of(1, "eu", 1000)
	two, itsOther := of(2, "us", 2000)
	b := books{lines: []reconcile.Line{charge(1, 1000), charge(2, 2000)}, shop: []reconcile.Document{one, two}, erp: []reconcile.Document{itsInvoice, itsOther}}
	_, found := b.explain(t, reconcile.Config{})
	require.Empty(t, found)

	b.erp[0].Amount, b.erp[1].Amount = eur(2000), eur(1000) // each has the other's amount
	_, found = b.explain(t, reconcile.Config{})
	require.Equal(t, []string{"amount order/1 erp-eu -10.00 EUR", "amount order/2 erp-us 10.00 EUR"}, say(found))

	b.erp = []reconcile.Document{itsOther} // what is there is not the other's
	b.erp[0].Amount, b.shop[1].Amount, b.lines[1] = eur(1000), eur(1000), charge(2, 1000)
	_, found = b.explain(t, reconcile.Config{})
	require.Equal(t, []string{"missing_in_erp order/1 10.00 EUR"}, say(found))

	b.shop[0].Shop, b.shop[1].Shop = "", "" // the shop does not say: the amounts decide
	b.erp = append(b.erp, itsInvoice)
	_, found = b.explain(t, reconcile.Config{})
	require.Empty(t, found)
}
