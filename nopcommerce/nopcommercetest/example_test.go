package nopcommercetest_test

import (
	"context"
	"fmt"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
)

// An answer that was lost has had its effect, which is counted in the shop.
func Example() {
	shop, err := nopcommercetest.New(nopcommercetest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	id, err := shop.Place(nopcommercetest.NewOrder{
		Items:         []nopcommercetest.NewItem{{SKU: "CUP", Qty: 2, Price: "9.99"}},
		ShippingPrice: "5",
		TaxPercent:    "7",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := nopcommerce.NewClient(nopcommerce.Config{BaseURL: "https://shop.example", Credentials: commerce.Static(shop.Login()), Transport: shop.Transport()})
	if err != nil {
		fmt.Println(err)
		return
	}
	order, err := client.Processing.MarkPaid(context.Background(), nopcommerce.ID(id))
	fmt.Println(order.Total, order.PaymentStatus, err)
	for _, e := range shop.Effects(id, nopcommercetest.EffectPaid) {
		fmt.Println(e.Kind, e.Amount, "by", e.By)
	}
	// Output:
	// 26.7300 Paid <nil>
	// paid 26.7300 by api
}

// A plugin charges in a currency and to a cent of its own.
func ExampleShop_Charge() {
	shop, err := nopcommercetest.New(nopcommercetest.Config{StripePlugins: nopcommercetest.StripePlugins()})
	if err != nil {
		fmt.Println(err)
		return
	}
	id, err := shop.Place(nopcommercetest.NewOrder{
		Items:         []nopcommercetest.NewItem{{SKU: "CUP", Price: "33.33"}},
		Currency:      "EUR",
		PaymentMethod: nopcommercetest.StripeElement,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	charge, err := shop.Charge(id)
	fmt.Println(charge.Amount, charge.Currency, charge.Metadata["OrderId"], err)
	err = shop.Charged(nopcommercetest.StripeResult{Order: id, Intent: "pi_1", Charge: "ch_1"})
	order, _ := shop.Order(id)
	fmt.Println(order.OrderTotal, *order.AuthorizationTransactionID, *order.CaptureTransactionID, err)
	// Output:
	// 2999 eur 1 <nil>
	// 33.3300 pi_1 ch_1 <nil>
}

// The same shop answers over a socket.
func ExampleShop_NewServer() {
	shop, err := nopcommercetest.New(nopcommercetest.Config{API: nopcommercetest.Community})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := shop.NewServer()
	defer server.Close()
	api, err := nopcommerce.Detect(context.Background(), nopcommerce.Config{BaseURL: server.URL})
	fmt.Println(api, err)
	// Output:
	// community <nil>
}
