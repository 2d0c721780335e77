package magentoshop_test

import (
	"context"
	"fmt"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/mapping/magentoshop"
)

// A payment is recorded in the shop's books: one invoice, no money moved.
func ExampleShop_RecordPayment() {
	ctx := context.Background()
	far, err := magentotest.New(magentotest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	id, err := far.Place(magentotest.NewOrder{PaymentMethod: "stripe_payments", Items: []magentotest.NewItem{{SKU: "CUP", Qty: "2", Price: "9.99"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Credentials: commerce.Static(far.Keys()), Transport: far.Transport()})
	if err != nil {
		fmt.Println(err)
		return
	}
	shop, err := magentoshop.New(client, magentoshop.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	order, err := shop.Order(ctx, shop.Ref(magento.ID(id)))
	if err != nil {
		fmt.Println(err)
		return
	}
	payment := commerce.Payment{Ref: commerce.Ref{System: "stripe", Mode: commerce.Live, ID: "pi_1"}, Captured: order.Totals.Gross}
	doc, err := idempotency.Run(ctx, idempotency.NewMemory(nil), "shop.payment/"+order.Ref.String(), shop.RecordPayment(order, payment))
	fmt.Println(doc.State, doc.Total, err)
	// Output: paid 19.98 USD <nil>
}
