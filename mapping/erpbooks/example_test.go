package erpbooks_test

import (
	"context"
	"fmt"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/erptest"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/erpbooks"
)

func ExampleBooks_SalesOrder() {
	ctx := context.Background()
	memory, err := erptest.NewMemory(erptest.MemoryConfig{
		Products: []erp.Product{{SKU: "CUP", Stocked: true}},
		Taxes:    []erp.Tax{{ID: "3", Rate: commerce.MustDecimal("19")}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	books, err := erpbooks.New(memory, erpbooks.Config{
		System: "memory",
		Routes: mapping.Routes{{Name: "de", Mode: commerce.Test, Company: "1"}},
		Taxes:  map[string]mapping.TaxTable{"default": {{Country: "DE", Rate: "19", IDs: []string{"3"}}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	sale, err := mapping.Sheet{Document: "order 17", Currency: "EUR", Country: "DE",
		Rows: []mapping.Row{{ID: "1", SKU: "CUP", Quantity: commerce.MustDecimal("2"), Net: 200_000, Tax: 38_000,
			Taxes: []mapping.RowTax{{Code: "DE 19", Rate: commerce.MustDecimal("19"), Amount: 38_000}}}},
		Stated: mapping.Stated{Net: 200_000, Tax: 38_000, Gross: 238_000}}.Fold()
	if err != nil {
		fmt.Println(err)
		return
	}
	order := commerce.Order{
		Ref: commerce.Ref{System: "magento", Account: "main", Mode: commerce.Test, ID: "order/17"}, Number: "000000017", Currency: "EUR",
		Customer: commerce.Customer{Guest: true, Name: "Jo Ro"}, BillingAddress: commerce.Address{Name: "Jo Ro", Country: "DE"},
		Lines: sale.Lines, Shipping: sale.Shipping, Totals: sale.Totals, Placed: now,
		Tenders: []commerce.Tender{{Kind: commerce.TenderStripe, Amount: sale.Totals.Gross}},
	}
	route, err := books.Route(order, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	doc, err := idempotency.Run(ctx, idempotency.NewMemory(nil), "erp.order/"+order.Ref.String(), books.SalesOrder(route, order, nil))
	fmt.Println(doc.State, doc.Total, "under", books.Reference(order.Ref), err)
	// Output: draft 23.80 EUR under /magento/main/test/order%2F17 <nil>
}
