package mapping_test

import (
	"fmt"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
)

// An order in yen as a shop states it, with two decimals that the currency has not:
// the rounded lines still add up to the rounded total.
func ExampleSheet_Fold() {
	amount := func(text string) mapping.Amount { a, _ := mapping.ParseAmount(text); return a }
	sheet := mapping.Sheet{
		Document: "magento order 17", Currency: "JPY",
		Rows: []mapping.Row{
			{ID: "1", SKU: "CUP", Quantity: commerce.MustDecimal("2"), Net: amount("2989.1")},
			{ID: "2", SKU: "POT", Quantity: commerce.MustDecimal("1"), Net: amount("7475.35")},
		},
		Shipping: mapping.ShippingRow{Net: amount("747.65")},
		Stated:   mapping.Stated{Net: amount("10464.45"), Shipping: amount("747.65"), Gross: amount("11212.1")},
	}
	sale, err := sheet.Fold()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range sale.Lines {
		fmt.Println(l.SKU, l.Net)
	}
	fmt.Println("shipping", sale.Shipping.Net, "total", sale.Totals.Gross)
	// Output:
	// CUP 2989 JPY
	// POT 7475 JPY
	// shipping 748 JPY total 11212 JPY
}

func ExampleTaxTable_IDs() {
	table := mapping.TaxTable{{Country: "DE", Rate: "19", IDs: []string{"3"}}}
	_, err := table.IDs("magento order 17", mapping.TaxKey{Shop: "main", Country: "FR", Customer: mapping.Consumer,
		Code: "FR 20", Rate: commerce.MustDecimal("20"), Date: commerce.Date{Year: 2026, Month: 11, Day: 21}, On: commerce.TaxOnLine})
	fmt.Println(err)
	// Output:
	// mapping: map: fault: magento order 17: tax = "shop \"main\", FR/, consumer, code \"FR 20\", rate 20, 2026-11-21, on line": no row of the tax table matches; add one
}

func ExampleRoutes_For() {
	routes := mapping.Routes{{Name: "eu", Shop: "main", Mode: commerce.Live, Company: "1"}}
	route, err := routes.For(mapping.RouteKey{Shop: "main", Currency: "EUR", Mode: commerce.Live})
	fmt.Println(route.Name, err)
	// Output: eu <nil>
}
