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
	"github.com/commercesync/commerce/reconcile"
)

// twoCups is an order of two cups for 23.80 EUR.
func twoCups() commerce.Order {
	sale, err := mapping.Sheet{Document: "order 17", Currency: "EUR", Country: "DE",
		Rows: []mapping.Row{{ID: "1", SKU: "CUP", Quantity: commerce.MustDecimal("2"), Net: 200_000, Tax: 38_000,
			Taxes: []mapping.RowTax{{Code: "DE 19", Rate: commerce.MustDecimal("19"), Amount: 38_000}}}},
		Stated: mapping.Stated{Net: 200_000, Tax: 38_000, Gross: 238_000}}.Fold()
	if err != nil {
		panic(err)
	}
	return commerce.Order{
		Ref: commerce.Ref{System: "magento", Account: "main", Mode: commerce.Test, ID: "order/17"}, Number: "000000017", Currency: "EUR",
		Customer: commerce.Customer{Guest: true, Name: "Jo Ro"}, BillingAddress: commerce.Address{Name: "Jo Ro", Country: "DE"},
		Lines: sale.Lines, Shipping: sale.Shipping, Totals: sale.Totals, Placed: now,
		Tenders: []commerce.Tender{{Kind: commerce.TenderStripe, Amount: sale.Totals.Gross}},
	}
}

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
	order := twoCups()
	route, err := books.Route(order, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	doc, err := idempotency.Run(ctx, idempotency.NewMemory(nil), "erp.order/"+order.Ref.String(), books.SalesOrder(route, order, nil))
	fmt.Println(doc.State, doc.Total, "under", books.Reference(order.Ref), err)
	// Output: draft 23.80 EUR under /magento/main/test/order%2F17 <nil>
}

func ExampleBooks_Receipt() {
	ctx := context.Background()
	memory, err := erptest.NewMemory(erptest.MemoryConfig{
		Products: []erp.Product{{SKU: "CUP", Stocked: true}},
		Taxes:    []erp.Tax{{ID: "3", Rate: commerce.MustDecimal("19")}},
		Journals: []string{"STRIPE"}, InvoicesItself: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	books, err := erpbooks.New(memory, erpbooks.Config{
		System: "memory",
		Routes: mapping.Routes{{Name: "de", Mode: commerce.Test, Company: "1"}},
		Taxes:  map[string]mapping.TaxTable{"default": {{Country: "DE", Rate: "19", IDs: []string{"3"}}}},
		Charts: map[string]erpbooks.Chart{"default": {Advance: "2090", Chart: reconcile.Chart{
			Company: "EUR", Journal: "STRIPE", Clearing: map[commerce.Currency]string{"EUR": "1090"}}}},
	})
	if err == nil {
		err = books.Check(ctx).Err()
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	order, day := twoCups(), commerce.DateOf(now)
	route, err := books.Route(order, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	steps := idempotency.NewMemory(nil)
	once := func(key string, e idempotency.Effect[commerce.Document]) commerce.Document {
		doc, err := idempotency.Run(ctx, steps, key, e)
		if err != nil {
			fmt.Println(err)
		}
		return doc
	}
	sold := once("confirmed", books.Confirm(route, once("sold", books.SalesOrder(route, order, nil))))
	invoice := once("invoiced", books.Invoice(route, order, sold, day))
	once("paid", books.Receipt(route, order, mapping.Receipt{Movement: "txn_1", Date: day, Amount: invoice.Total,
		Apply: []mapping.Application{{Invoice: invoice.Ref, Amount: invoice.Total}}}))
	invoices, err := books.Invoices(ctx, route, sold)
	fmt.Println(invoices[0].Document.State, invoices[0].Document.Total, "with", invoices[0].Open, "left to pay", err)
	clearing, err := books.AccountBalance(ctx, route, "1090", "EUR", day)
	fmt.Println("at the processor", clearing, err)
	// Output:
	// paid 23.80 EUR with 0.00 EUR left to pay <nil>
	// at the processor 23.80 EUR <nil>
}
