package reconcile_test

import (
	"testing"

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
		Totals:   commerce.Totals{Fees: eur(100)},
		Tenders:  []commerce.Tender{{Kind: commerce.TenderGiftCard, Amount: eur(1050)}, {Kind: commerce.TenderStripe, Amount: eur(2500)}},
	}
	d, err := reconcile.Sale(order)
	require.NoError(t, err)
	one := commerce.MustDecimal("1")
	require.Equal(t, reconcile.Document{System: "magento", Shop: "main", ID: "order/7", Number: "2000000007", Amount: eur(2500), Payment: "pi_1", Intent: "pi_1",
		Lines: []reconcile.DocumentLine{{Key: "CUP", Quantity: commerce.MustDecimal("2"), Net: eur(2000)}, {Key: "TEA", Quantity: one, Net: eur(1000)},
			{Key: reconcile.LineShipping, Quantity: one, Net: eur(500)}, {Key: reconcile.LineFee, Quantity: one, Net: eur(100)},
			{Key: reconcile.LineDiscount, Quantity: one, Net: eur(-500)}},
		Taxes: []reconcile.TaxSum{{Country: "DE", Rate: "19", Base: eur(2000), Tax: eur(380)}, {Country: "DE", Rate: "7", Base: eur(1000), Tax: eur(70)}},
	}, d)

	order.Tenders[1].Amount = commerce.MustMoney(2500, "USD")
	_, err = reconcile.Sale(order)
	require.ErrorIs(t, err, commerce.ErrInvalid)
}
