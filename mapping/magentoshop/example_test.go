package magentoshop_test

import (
	"context"
	"fmt"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
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

// Orders that are new or changed become events without a webhook: a feed walks what
// changed, and a slow one finds what it missed.
func ExampleShop_Changes() {
	ctx := context.Background()
	far, err := magentotest.New(magentotest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Credentials: commerce.Static(far.Keys()), Transport: far.Transport()})
	if err != nil {
		fmt.Println(err)
		return
	}
	shop, err := magentoshop.New(client, magentoshop.Config{Account: "main"})
	if err != nil {
		fmt.Println(err)
		return
	}
	store := inbox.NewMemory(inbox.MemoryConfig{})
	changes, err := shop.Changes(magentoshop.ChangesConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	all, err := shop.Sweep(magentoshop.SweepConfig{Told: store})
	if err != nil {
		fmt.Println(err)
		return
	}
	in, err := inbox.New(store, inbox.Config{Feeds: []inbox.FeedConfig{
		{Name: "orders", Feed: changes},
		{Name: "orders-sweep", Feed: all},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}

	id, err := far.Place(magentotest.NewOrder{Items: []magentotest.NewItem{{SKU: "CUP", Qty: "2", Price: "9.99"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, act := range []func(int64) error{func(int64) error { return nil }, far.Admin().Hold, far.Admin().Unhold} {
		if err := act(id); err != nil {
			fmt.Println(err)
			return
		}
		news, err := in.Poll(ctx) // in.Run does so in its own time
		fmt.Println(news, err)
	}
	for e, err := range in.List(ctx, inbox.Filter{}) {
		fmt.Println(e.Event.Type, e.Event.Ref.ID, err)
	}
	// Output:
	// 1 <nil>
	// 1 <nil>
	// 1 <nil>
	// order.changed order/1@1 <nil>
	// order.changed order/1@2 <nil>
	// order.changed order/1@3 <nil>
}
