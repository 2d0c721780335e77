package magentoshop_test

import (
	"context"
	"fmt"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/mapping"
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

// A refund that was made at Stripe is booked as a credit memo over one of two cups and the
// shipping, to the cent. Sent twice it is there once.
func ExampleShop_RecordRefund() {
	ctx := context.Background()
	far, err := magentotest.New(magentotest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	id, err := far.Place(magentotest.NewOrder{PaymentMethod: "stripe_payments", ShippingPrice: "5", Items: []magentotest.NewItem{{SKU: "CUP", Qty: "2", Price: "9.99"}}})
	if err == nil {
		_, err = far.Admin().Invoice(id, nil)
	}
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
	content, err := mapping.AllocateRefund(order, nil, mapping.RefundAsk{AllShipping: true,
		Lines: []mapping.RefundQuantity{{Line: order.Lines[0].ID, Quantity: commerce.MustDecimal("1")}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	refund := commerce.Refund{Ref: commerce.Ref{System: "stripe", Mode: commerce.Live, ID: "re_1"}, Amount: content.Total}
	steps := idempotency.NewMemory(nil)
	for range 2 {
		doc, err := idempotency.Run(ctx, steps, "shop.refund/re_1", shop.RecordRefund(order, mapping.RefundRecord{Refund: refund, Amount: content.Total, Content: content}))
		fmt.Println(doc.Ref.ID, doc.Total, err)
	}
	papers, err := shop.RefundDocuments(ctx, order)
	fmt.Println(len(papers), papers[0].Refund, papers[0].Content.Lines[0].Quantity, papers[0].Content.Shipping.Net, err)
	// Output:
	// creditmemo/1 14.99 USD <nil>
	// creditmemo/1 14.99 USD <nil>
	// 1 re_1 1 5.00 USD <nil>
}
