package tryton_test

import (
	"context"
	"fmt"
	"log"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/tryton"
	"github.com/commercesync/commerce/erp/tryton/trytontest"
)

// A sales order is written, confirmed, and asked of the warehouse. The shop rounded
// tax line by line and Tryton does not: the cent is settled by a line of its own.
func Example() {
	ctx := context.Background()
	server, err := trytontest.New(trytontest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	client, err := tryton.NewClient(tryton.Config{
		URL: trytontest.URL, Database: trytontest.Database,
		Credentials: commerce.Static(server.Login()),
		Transport:   server.Transport(), // leave out for a real server
	})
	if err != nil {
		log.Fatal(err)
	}
	customer, err := client.UpsertCustomer(ctx, erp.Customer{
		Key:     "shop/customer/17",
		Party:   commerce.Customer{Name: "Ada Example", Email: "ada@example.invalid"},
		Billing: commerce.Address{Name: "Ada Example", Street: "1 Sample Street", City: "Berlin", PostalCode: "10115", Country: "DE"},
	})
	if err != nil {
		log.Fatal(err)
	}
	eur := func(cents int64) commerce.Money { return commerce.MustMoney(cents, "EUR") }
	mug := erp.OrderLine{SKU: "SKU-RED", Text: "Red mug", Quantity: commerce.MustDecimal("1"), Net: eur(997), TaxIDs: []string{"6"}}
	order, err := client.CreateOrder(ctx, erp.NewOrder{
		Key: "shop/100000017", Customer: customer, Date: commerce.Date{Year: 2026, Month: 11, Day: 21}, Currency: "EUR",
		Lines:    []erp.OrderLine{mug, mug, mug},
		Expected: erp.Totals{Net: eur(2991), Tax: eur(567), Gross: eur(3558)},
	})
	if err != nil {
		log.Fatal(err)
	}
	if order, err = client.ConfirmOrder(ctx, order.Ref); err != nil {
		log.Fatal(err)
	}
	state, err := client.RequestFulfilment(ctx, order.Ref)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(order.Key, order.State, order.Totals.Gross, state.State)
	// Output: shop/100000017 confirmed 35.58 EUR reserved
}
