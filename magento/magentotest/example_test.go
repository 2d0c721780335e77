package magentotest_test

import (
	"context"
	"fmt"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
)

// A shop with Stripe's own module invoices by itself when a charge succeeds.
func ExampleShop_Charged() {
	shop, err := magentotest.New(magentotest.Config{StripeModule: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	id, err := shop.Place(magentotest.NewOrder{
		Store:         "jpy",
		Items:         []magentotest.NewItem{{SKU: "ODD-1", Qty: "3", Price: "19.99"}},
		PaymentMethod: "stripe_payments",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := shop.Charged(magentotest.StripeCharge{Order: id, Intent: "pi_1"}); err != nil {
		fmt.Println(err)
		return
	}
	order, _ := shop.Order(id)
	fmt.Println(order.State, order.TotalPaid, order.OrderCurrencyCode, order.Payment.LastTransID)
	fmt.Println(shop.Invoices(id)[0].TransactionID, shop.Transactions(id)[0].TxnType)
	// Output:
	// processing 8967.3 JPY pi_1
	// pi_1 capture
}

// The same shop answers over a socket.
func ExampleShop_NewServer() {
	shop, err := magentotest.New(magentotest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := shop.NewServer()
	defer server.Close()
	client, err := magento.NewClient(magento.Config{BaseURL: server.URL, Credentials: commerce.Static(shop.Keys())})
	if err != nil {
		fmt.Println(err)
		return
	}
	views, err := client.Stores.Views(context.Background())
	fmt.Println(len(views), err)
	// Output:
	// 6 <nil>
}

// A gateway sees what the shop asks for, and may refuse.
func ExampleConfig_gateway() {
	shop, err := magentotest.New(magentotest.Config{StripeModule: true, Gateway: func(c magentotest.GatewayCall) error {
		fmt.Println(c.Action, c.Amount, c.Currency, c.Intent)
		return nil
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	id, err := shop.Place(magentotest.NewOrder{Items: []magentotest.NewItem{{SKU: "CUP", Price: "10"}}, PaymentMethod: "stripe_payments"})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := shop.Charged(magentotest.StripeCharge{Order: id, Intent: "pi_1", Authorised: true}); err != nil {
		fmt.Println(err)
		return
	}
	client, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Credentials: commerce.Static(shop.Keys()), Transport: shop.Transport()})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.Orders.Invoice(context.Background(), magento.ID(id), magento.InvoiceParams{Capture: true})
	fmt.Println(shop.Invoices(id)[0].TransactionID, err)
	// Output:
	// capture 10 USD pi_1
	// pi_1-capture <nil>
}
