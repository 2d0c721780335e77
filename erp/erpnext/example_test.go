package erpnext_test

import (
	"context"
	"fmt"
	"log"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/erpnext"
	"github.com/commercesync/commerce/erp/erpnext/erpnexttest"
)

// An order is written, and submitted.
func Example() {
	ctx := context.Background()
	far, err := erpnexttest.New(erpnexttest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	books, err := erpnext.NewClient(erpnext.Config{URL: erpnexttest.URL, Company: erpnexttest.Company, Warehouse: erpnexttest.Warehouse,
		Credentials: commerce.Static(far.Login()), Transport: far.Transport()})
	if err != nil {
		log.Fatal(err)
	}
	who, err := books.UpsertCustomer(ctx, erp.Customer{Key: "shop/customer/17", Party: commerce.Customer{Name: "Ada Example"},
		Billing: commerce.Address{Name: "Ada Example", Street: "1 Sample Street", City: "Berlin", Country: "DE"}})
	if err != nil {
		log.Fatal(err)
	}
	eur := func(minor int64) commerce.Money { return commerce.MustMoney(minor, "EUR") }
	order, err := books.CreateOrder(ctx, erp.NewOrder{Key: "shop/order/17", Customer: who, Date: commerce.Date{Year: 2026, Month: 11, Day: 21}, Currency: "EUR",
		Lines:    []erp.OrderLine{{SKU: "SKU-RED", Quantity: commerce.MustDecimal("3"), Net: eur(2991), TaxIDs: []string{"VAT 19 - ST"}}},
		Expected: erp.Totals{Net: eur(2991), Tax: eur(568), Gross: eur(3559)}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(order.State, order.Totals.Gross)
	order, err = books.ConfirmOrder(ctx, order.Ref)
	fmt.Println(order.State, order.Delivery, err)
	// Output:
	// draft 35.59 EUR
	// confirmed pending <nil>
}
