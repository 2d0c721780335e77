package reconcile_test

import (
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

func TestASaleSaysWhatStripeShouldHaveCollectedAndItsTaxesByRate(t *testing.T) {
	t.Parallel()
	eur := func(minor int64) commerce.Money { return commerce.MustMoney(minor, "EUR") }
	at := func(rate string, base, tax int64) []commerce.TaxLine {
		return []commerce.TaxLine{{Country: "DE", Rate: commerce.MustDecimal(rate), Base: eur(base), Amount: eur(tax)}}
	}
	order := commerce.Order{
		Ref: commerce.Ref{System: "magento", Account: "main", Mode: commerce.Live, ID: "order/7"}, Number: "2000000007", Currency: "EUR", PaymentID: "pi_1",
		Lines: []commerce.OrderLine{
			{SKU: "CUP", Quantity: commerce.MustDecimal("2"), Net: eur(2000), Discount: eur(500), Tax: eur(285), Taxes: at("19.0000", 1500, 285)},
			{SKU: "TEA", Quantity: commerce.MustDecimal("1"), Net: eur(1000), Discount: eur(0), Tax: eur(70), Taxes: at("7", 1000, 70)}},
		Shipping: commerce.Shipping{Net: eur(500), Discount: eur(0), Tax: eur(95), Taxes: at("19", 500, 95)},
		Totals:   commerce.Totals{Fees: eur(100), Gross: eur(3550)},
		Tenders:  []commerce.Tender{{Kind: commerce.TenderGiftCard, Amount: eur(1050)}, {Kind: commerce.TenderStripe, Amount: eur(2500)}},
	}
	d, err := reconcile.Sale(order)
	require.NoError(t, err)
	one := commerce.MustDecimal("1")
	require.Equal(t, reconcile.Document{System: "magento", Shop: "main", ID: "order/7", Number: "2000000007", Amount: eur(2500), Total: eur(3550), Unsent: true, Payment: "pi_1", Intent: "pi_1",
		Lines: []reconcile.DocumentLine{{Key: "CUP", Quantity: commerce.MustDecimal("2"), Net: eur(2000)}, {Key: "TEA", Quantity: one, Net: eur(1000)},
			{Key: reconcile.LineShipping, Quantity: one, Net: eur(500)}, {Key: reconcile.LineFee, Quantity: one, Net: eur(100)},
			{Key: reconcile.LineDiscount, Quantity: one, Net: eur(-500)}},
		Taxes: []reconcile.TaxSum{{Country: "DE", Rate: "19", Base: eur(2000), Tax: eur(380)}, {Country: "DE", Rate: "7", Base: eur(1000), Tax: eur(70)}},
	}, d)

	order.Lines[0].Canceled, order.Lines[0].Shipped, order.Lines[1].Virtual = one, one, true
	d, err = reconcile.Sale(order)
	require.NoError(t, err)
	require.False(t, d.Unsent, "all that was not cancelled has left, and the rest is no goods")

	order.Tenders[1].Amount = commerce.MustMoney(2500, "USD")
	_, err = reconcile.Sale(order)
	require.ErrorIs(t, err, commerce.ErrInvalid)
}

func TestADiscountIsComparedByItsSumHoweverManyLinesTheERPMakesOfIt(t *testing.T) {
	t.Parallel()
	eur := func(minor int64) commerce.Money { return commerce.MustMoney(minor, "EUR") }
	day := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	line := func(key string, quantity string, minor int64) reconcile.DocumentLine {
		return reconcile.DocumentLine{Key: key, Quantity: commerce.MustDecimal(quantity), Net: eur(minor)}
	}
	doc := func(system string, lines ...reconcile.DocumentLine) iter.Seq2[reconcile.Document, error] {
		return func(yield func(reconcile.Document, error) bool) {
			yield(reconcile.Document{System: system, ID: "1", Number: "7", Amount: eur(900), Date: day, Payment: "pi_1", Lines: lines}, nil)
		}
	}
	explain := func(erp iter.Seq2[reconcile.Document, error]) (reasons []reconcile.Reason) {
		r, err := reconcile.Payout(t.Context(), reconcile.Input{
			Payout: commerce.Payout{Ref: commerce.Ref{System: "stripe", ID: "po_1"}, Amount: eur(900), Automatic: true, Reconciled: true, Transaction: "txn_2"},
			Lines: func(yield func(reconcile.Line, error) bool) {
				_ = yield(reconcile.Line{ID: "txn_1", Category: "charge", Amount: eur(900), Fee: eur(0), Net: eur(900), Created: day, Source: "ch_1", Charge: "ch_1", Intent: "pi_1"}, nil) &&
					yield(reconcile.Line{ID: "txn_2", Category: "payout", Amount: eur(-900), Fee: eur(0), Net: eur(-900), Created: day, Source: "po_1"}, nil)
			},
			Shop: doc("shop", line("CUP", "2", 1000), line(reconcile.LineDiscount, "1", -100)), ERP: erp}, reconcile.Config{Dir: t.TempDir()})
		require.NoError(t, err)
		defer func() { require.NoError(t, r.Close()) }()
		for d, err := range r.Discrepancies() {
			require.NoError(t, err)
			reasons = append(reasons, d.Reason)
		}
		return reasons
	}
	require.Empty(t, explain(doc("erp", line("CUP", "2", 1000), line(reconcile.LineDiscount, "1", -60), line(reconcile.LineDiscount, "1", -40))))
	require.Equal(t, []reconcile.Reason{reconcile.LinesDiffer}, explain(doc("erp", line("CUP", "2", 1000), line(reconcile.LineDiscount, "1", -60))))
	require.Equal(t, []reconcile.Reason{reconcile.LinesDiffer}, explain(doc("erp", line("CUP", "1", 1000), line(reconcile.LineDiscount, "1", -100))), "quantities of goods count")
}
