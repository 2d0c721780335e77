package odoo_test

import (
	"context"
	"fmt"
	"log"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/odoo"
	"github.com/commercesync/commerce/erp/odoo/odootest"
)

// A sales order is written, confirmed, asked of the warehouse, invoiced and paid. The
// shop rounded tax line by line and Odoo does not: on the order the cent is settled by a
// line of its own, on the invoice it is the tax's.
func Example() {
	ctx := context.Background()
	server, err := odootest.New(odootest.Config{})
	if err != nil {
		log.Fatal(err)
	}
	client, err := odoo.NewClient(odoo.Config{
		URL: odootest.URL, Database: odootest.Database,
		Credentials: commerce.Static(odoo.Login{User: server.User(), Key: server.Key()}),
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
	taxes, err := client.Taxes(ctx)
	if err != nil {
		log.Fatal(err)
	}
	var vat []string
	for _, x := range taxes {
		if x.Rate.String() == "19" {
			vat = append(vat, x.ID)
		}
	}
	eur := func(cents int64) commerce.Money { return commerce.MustMoney(cents, "EUR") }
	mug := erp.OrderLine{SKU: "SKU-RED", Text: "Red mug", Quantity: commerce.MustDecimal("1"), Net: eur(997), TaxIDs: vat}
	day := commerce.Date{Year: 2026, Month: 11, Day: 21}
	totals := erp.Totals{Net: eur(2991), Tax: eur(567), Gross: eur(3558)}
	order, err := client.CreateOrder(ctx, erp.NewOrder{
		Key: "shop/100000017", Customer: customer, Date: day, Currency: "EUR",
		Lines: []erp.OrderLine{mug, mug, mug}, Expected: totals,
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
	invoice, err := client.PostInvoice(ctx, erp.NewInvoice{
		Key: order.Key + "/invoice", Order: order.Ref, Date: day, Expected: totals,
		Taxes: []erp.TaxAmount{{TaxID: vat[0], Base: totals.Net, Amount: totals.Tax}},
	})
	if err != nil {
		log.Fatal(err)
	}
	receipt, err := client.PostReceipt(ctx, erp.NewReceipt{
		Key: "stripe/txn_1", Party: invoice.Party, Journal: "STRP", Account: "101499", Date: day, Amount: totals.Gross,
		Apply: []erp.Application{{Invoice: invoice.Ref, Amount: totals.Gross}},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("tax", invoice.Totals.Tax, "unapplied", receipt.Unapplied)
	// Output:
	// shop/100000017 confirmed 35.58 EUR reserved
	// tax 5.67 EUR unapplied 0.00 EUR
}
