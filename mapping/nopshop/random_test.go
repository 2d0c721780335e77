package nopshop_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/erptest"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/erpbooks"
	"github.com/commercesync/commerce/mapping/nopshop"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
)

// Whatever is ordered, its totals add up, and what is due is to the unit what the plugin
// that the settings describe charges.
func TestRandomOrdersAskForWhatThePluginCharges(t *testing.T) {
	t.Parallel()
	far, err := nopcommercetest.New(nopcommercetest.Config{StripePlugins: nopcommercetest.StripePlugins()})
	require.NoError(t, err)
	shop, err := nopshop.New(clientOf(t, far), nopshop.Config{Currency: "USD", Methods: map[string]nopshop.Method{
		nopcommercetest.StripeElement: {Charges: nopshop.Customer, Truncates: true},
		nopcommercetest.StripeWallet:  {Charges: nopshop.Customer, Truncates: true},
		nopcommercetest.StripeKlarna:  {Charges: nopshop.Customer},
	}})
	require.NoError(t, err)
	cents := func(t *rapid.T, label string, most int) string {
		n := rapid.IntRange(0, most).Draw(t, label)
		return fmt.Sprintf("%d.%02d", n/100, n%100)
	}
	rapid.Check(t, func(t *rapid.T) {
		n := nopcommercetest.NewOrder{
			PaymentMethod: rapid.SampledFrom([]string{nopcommercetest.StripeClassic, nopcommercetest.StripeElement,
				nopcommercetest.StripeWallet, nopcommercetest.StripeKlarna}).Draw(t, "method"),
			Currency:         rapid.SampledFrom([]string{"USD", "EUR"}).Draw(t, "currency"),
			TaxPercent:       rapid.SampledFrom([]string{"0", "7", "8.25", "19", "25"}).Draw(t, "tax"),
			PricesIncludeTax: rapid.Bool().Draw(t, "included"),
			ShippingPrice:    cents(t, "shipping", 2000), PaymentFee: cents(t, "fee", 300),
		}
		for range rapid.IntRange(1, 12).Draw(t, "rows") {
			n.Items = append(n.Items, nopcommercetest.NewItem{SKU: "CUP", Qty: rapid.IntRange(1, 9).Draw(t, "quantity"), Price: cents(t, "price", 5000)})
		}
		// Of what is always there, so that the total stays above nought.
		n.Items = append(n.Items, nopcommercetest.NewItem{SKU: "POT", Price: "100"})
		n.Discount, n.GiftCard = cents(t, "discount", 4000), cents(t, "gift card", 3000)
		id, err := far.Place(n)
		if err != nil {
			t.Fatal(err)
		}
		o, err := shop.Order(t.Context(), shop.Ref(nopcommerce.ID(id)))
		if err != nil {
			t.Fatalf("%+v: %v", n, err)
		}
		if err := mapping.Prove(o); err != nil {
			t.Fatal(err)
		}
		asked, err := far.Charge(id)
		if err != nil {
			t.Fatal(err)
		}
		due, err := o.Due()
		if err != nil || due.Minor() != asked.Amount || due.Currency().Lower() != asked.Currency {
			t.Fatalf("%s is due, the plugin charges %d %s (%v)", due, asked.Amount, asked.Currency, err)
		}
		for _, x := range o.Tenders {
			if x.Reference == nopshop.Rounding && x.Amount.Minor() != 1 {
				t.Fatalf("%s was cut off", x.Amount)
			}
		}
		row, _ := far.Order(id)
		if want := money(row.OrderTotal.String(), "USD"); n.GiftCard == "0.00" && o.BaseTotals.Gross != want {
			t.Fatalf("%s in all, the shop says %s", o.BaseTotals.Gross, want)
		}
	})
}

// Whatever is ordered, in whatever currency it is charged, an ERP that computes the tax by
// itself ends no further away than shipping and fee were rounded, each by itself. Of what was
// converted it is one unit, whatever the rate.
func TestRandomOrdersComeToTheSameInTheBooks(t *testing.T) {
	t.Parallel()
	rates := []nopcommercetest.NewCurrency{{Code: "EUR", Rate: "1"}, {Code: "USD", Rate: "1.0843"}, {Code: "JPY", Rate: "162.4"},
		{Code: "KWD", Rate: "0.3331"}, {Code: "IDR", Rate: "17731.25"}}
	far, err := nopcommercetest.New(nopcommercetest.Config{Currencies: rates})
	require.NoError(t, err)
	shop, err := nopshop.New(clientOf(t, far), nopshop.Config{Currency: "EUR", Account: "main", Mode: commerce.Test,
		Methods: map[string]nopshop.Method{nopcommercetest.StripeElement: {Charges: nopshop.Customer}}})
	require.NoError(t, err)
	percents := []string{"0", "2.1", "7", "8.25", "19", "25"}
	table, taxes := mapping.TaxTable{}, []erp.Tax{}
	for _, p := range percents {
		taxes = append(taxes, erp.Tax{ID: "t" + p, Rate: commerce.MustDecimal(p)})
		table = append(table, mapping.TaxRow{Rate: p, IDs: []string{"t" + p}})
	}
	table[0].IDs = nil
	books := func(settled int) *erpbooks.Books {
		m, err := erptest.NewMemory(erptest.MemoryConfig{Taxes: taxes, Products: []erp.Product{{SKU: "CUP"}, {SKU: "FEE"}}})
		require.NoError(t, err)
		b, err := erpbooks.New(m, erpbooks.Config{System: "memory", Settle: time.Minute, Rounding: settled,
			Routes: mapping.Routes{{Name: "all", Shop: "main", Mode: commerce.Test, Company: "1"}}, Taxes: map[string]mapping.TaxTable{"default": table}})
		require.NoError(t, err)
		return b
	}
	stated, converted := books(2), books(1)
	rapid.Check(t, func(t *rapid.T) {
		cents := func(label string, most int) string {
			n := rapid.IntRange(0, most).Draw(t, label)
			return fmt.Sprintf("%d.%02d", n/100, n%100)
		}
		n := nopcommercetest.NewOrder{PaymentMethod: nopcommercetest.StripeElement, Currency: rapid.SampledFrom(rates).Draw(t, "currency").Code,
			TaxPercent: rapid.SampledFrom(percents).Draw(t, "tax"), PricesIncludeTax: rapid.Bool().Draw(t, "included"),
			ShippingPrice: cents("shipping", 2000), Discount: cents("discount", 400)}
		for range rapid.IntRange(1, 12).Draw(t, "rows") {
			n.Items = append(n.Items, nopcommercetest.NewItem{SKU: "CUP", Qty: rapid.IntRange(1, 99).Draw(t, "quantity"),
				Price: fmt.Sprintf("%d.%02d", rapid.IntRange(5, 60).Draw(t, "price"), rapid.IntRange(0, 99).Draw(t, "cents"))})
		}
		id, err := far.Place(n)
		if err != nil {
			t.Fatal(err)
		}
		o, err := shop.Order(t.Context(), shop.Ref(nopcommerce.ID(id)))
		if err != nil {
			t.Fatal(err)
		}
		b := converted
		if o.Currency == "EUR" {
			b = stated
		}
		r, err := b.Route(o, nil)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := b.SalesOrder(r, o, nil).Act(t.Context())
		if err != nil || doc.Total != o.Totals.Gross {
			t.Fatalf("%s in the books, %s in the shop: %v", doc.Total, o.Totals.Gross, err)
		}
	})
}
