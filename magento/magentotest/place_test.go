package magentotest_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
)

func recordedOrder(t *testing.T, number string) magento.Order {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "testdata", "recorded", number+"-*.json"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	b, err := os.ReadFile(files[0])
	require.NoError(t, err)
	var rec struct {
		Response struct{ Body magento.Order }
	}
	require.NoError(t, json.Unmarshal(b, &rec))
	return rec.Response.Body
}

// TestPlacedOrdersComeToTheRecordedAmounts places what was ordered at the recorded
// shop and compares every amount, in both currencies.
func TestPlacedOrdersComeToTheRecordedAmounts(t *testing.T) {
	t.Parallel()
	de19, de7 := []magentotest.Tax{{Code: "DE 19", Percent: "19"}}, []magentotest.Tax{{Code: "DE 7", Percent: "7"}}
	tx := []magentotest.Tax{{Code: "US-TX-8.25", Percent: "8.25"}}
	odd := []magentotest.NewItem{{SKU: "ODD-1", Qty: "3", Price: "19.99"}, {SKU: "ODD-2", Price: "7.33"}, {SKU: "ODD-3", Qty: "7", Price: "0.07"}}
	eu := func(high, low []magentotest.Tax) []magentotest.NewItem {
		return []magentotest.NewItem{{SKU: "EU-19A", Qty: "3", Price: "19.99", Taxes: high}, {SKU: "EU-19B", Price: "7.33", Taxes: high},
			{SKU: "EU-7A", Qty: "7", Price: "4.37", Taxes: low}, {SKU: "EU-7B", Qty: "2", Price: "0.99", Taxes: low}}
	}
	for name, tc := range map[string]struct {
		recorded string
		place    magentotest.NewOrder
	}{
		"a configurable product, a warranty, a coupon and tax on top": {"270", magentotest.NewOrder{ShippingPrice: "25", DiscountPercent: "10", Coupon: "TEN",
			Items: []magentotest.NewItem{
				{SKU: "CONF-Red", Name: "Conf parent", Type: "configurable", Qty: "2", Price: "40", Taxes: tx, Children: []magentotest.NewItem{{SKU: "CONF-Red"}}},
				{SKU: "VIRT", Type: "virtual", Price: "9.99", Taxes: tx}, {SKU: "SIMPLE-1", Qty: "3", Price: "32.5", Taxes: tx}}}},
		"dollars shown in euros":                             {"421", magentotest.NewOrder{Store: "eur", ShippingPrice: "55", Items: odd}},
		"dollars shown in yen, with two decimals":            {"434", magentotest.NewOrder{Store: "jpy", ShippingPrice: "55", Items: odd}},
		"prices include tax":                                 {"446", magentotest.NewOrder{Store: "eu_de", PricesIncludeTax: true, ShippingPrice: "4.95", ShippingTax: de19, Items: eu(de19, de7)}},
		"prices include tax, discount before tax":            {"447", magentotest.NewOrder{Store: "eu_de", PricesIncludeTax: true, ShippingPrice: "4.95", ShippingTax: de19, DiscountPercent: "15", Coupon: "EU15", Items: eu(de19, de7)}},
		"prices include tax, discount after tax":             {"460", magentotest.NewOrder{Store: "eu_de", PricesIncludeTax: true, TaxBeforeDiscount: true, ShippingPrice: "4.95", ShippingTax: de19, DiscountPercent: "15", Coupon: "EU15", Items: eu(de19, de7)}},
		"prices exclude tax, shipping is discounted as well": {"461", magentotest.NewOrder{Store: "eu_de", ShippingPrice: "4.95", ShippingTax: de19, DiscountPercent: "15", DiscountShipping: true, Items: eu(de19, de7)}},
		"two other rates": {"462", magentotest.NewOrder{Store: "eu_de", ShippingPrice: "4.95", ShippingTax: []magentotest.Tax{{Code: "NL 21", Percent: "21"}},
			Items: eu([]magentotest.Tax{{Code: "NL 21", Percent: "21"}}, []magentotest.Tax{{Code: "NL 9", Percent: "9"}})}},
		"two other rates, tax rounded per unit": {"464", magentotest.NewOrder{Store: "eu_de", TaxRounding: magentotest.TaxPerUnit, ShippingPrice: "4.95", ShippingTax: []magentotest.Tax{{Code: "NL 21", Percent: "21"}},
			Items: eu([]magentotest.Tax{{Code: "NL 21", Percent: "21"}}, []magentotest.Tax{{Code: "NL 9", Percent: "9"}})}},
		"no tax": {"463", magentotest.NewOrder{Store: "eu_de", ShippingPrice: "4.95", Items: []magentotest.NewItem{{SKU: "EU-19A", Price: "19.99"}}}},
		"two rates on a line": {"466", magentotest.NewOrder{ShippingPrice: "20", Items: []magentotest.NewItem{
			{SKU: "CA-1", Qty: "3", Price: "10.05", Taxes: []magentotest.Tax{{Code: "CA GST", Percent: "5"}, {Code: "CA-QC QST", Percent: "10.4737"}}},
			{SKU: "CA-2", Price: "3.33", Taxes: []magentotest.Tax{{Code: "CA GST", Percent: "5"}, {Code: "CA-QC QST", Percent: "10.4737"}}}}}},
		"nothing to pay": {"467", magentotest.NewOrder{Store: "eu_de", PricesIncludeTax: true, ShippingPrice: "4.95", ShippingTax: de19, DiscountPercent: "100", DiscountShipping: true,
			Items: []magentotest.NewItem{{SKU: "EU-19A", Qty: "2", Price: "19.99", Taxes: de19}, {SKU: "EU-7A", Price: "4.37", Taxes: de7}}}},
		"bundles beside a virtual and a simple product": {"485", magentotest.NewOrder{Store: "eu_de", PricesIncludeTax: true, ShippingPrice: "4.95", ShippingTax: de19,
			Items: []magentotest.NewItem{
				{SKU: "BUN-DYN", Type: "bundle", Qty: "2", ShipSeparately: true, Children: []magentotest.NewItem{
					{SKU: "BP-1", Qty: "2", Price: "3.21", Taxes: de19}, {SKU: "BP-2", Price: "5.55", Taxes: de7}}},
				{SKU: "BUN-FIX", Type: "bundle", Price: "24.44", Taxes: de19, FixedPrice: true, Children: []magentotest.NewItem{{SKU: "BP-1", Qty: "2"}, {SKU: "BP-2"}}},
				{SKU: "VIRT-2", Type: "virtual", Price: "4.99", Taxes: de19}, {SKU: "EU-7A", Price: "4.37", Taxes: de7}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shop, err := magentotest.New(magentotest.Config{})
			require.NoError(t, err)
			id, err := shop.Place(tc.place)
			require.NoError(t, err)
			got, ok := shop.Order(id)
			require.True(t, ok)
			want := recordedOrder(t, tc.recorded)
			require.Equal(t, amounts(t, want), amounts(t, got))
		})
	}
}

// amounts are the figures of an order that do not depend on what was done with it.
func amounts(t *testing.T, o magento.Order) map[string]any {
	out := map[string]any{
		"grand": o.GrandTotal, "subtotal": o.Subtotal, "subtotal gross": o.SubtotalInclTax, "discount": o.DiscountAmount, "tax": o.TaxAmount,
		"shipping": o.ShippingAmount, "shipping gross": o.ShippingInclTax, "shipping tax": o.ShippingTaxAmount, "shipping discount": o.ShippingDiscount,
		"compensation": o.DiscountTaxCompensation, "shipping compensation": o.ShippingDiscountTaxCompensation,
		"base grand": o.BaseGrandTotal, "base subtotal": o.BaseSubtotal, "base tax": o.BaseTaxAmount, "base shipping": o.BaseShippingAmount,
		"currency": o.OrderCurrencyCode, "base currency": o.BaseCurrencyCode, "rate": o.BaseToOrderRate, "virtual": o.IsVirtual,
		"applied": o.Extension.AppliedTaxes, "method": o.Shipping().Method, "payment": o.Payment.Method,
	}
	if len(o.Extension.AppliedTaxes) == 0 {
		out["applied"] = nil
	}
	var rows []any
	for _, i := range o.Items {
		row := map[string]any{"sku": i.SKU, "type": i.ProductType, "qty": i.QtyOrdered, "price": i.Price, "row": i.RowTotal,
			"tax": i.TaxAmount, "percent": i.TaxPercent, "discount": i.DiscountAmount, "base row": i.BaseRowTotal, "child": i.ParentItemID != 0}
		if i.ParentItemID == 0 {
			row["row gross"], row["price gross"], row["compensation"] = settled(t, i.RowTotalInclTax), i.PriceInclTax, i.DiscountTaxCompensation
		}
		rows = append(rows, row)
	}
	out["rows"] = rows
	return out
}

// settled rounds to the four decimals that Magento stores: the recording shows
// 7.105427357601e-15 where PHP's floats meant 0.
func settled(t *testing.T, n magento.Number) string {
	t.Helper()
	m, _, err := n.Money("EUR")
	require.NoError(t, err)
	return m.Text()
}
