package magento_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// settle is a merchant's own integration: what was paid at Stripe becomes an invoice in
// the shop and a comment on the order. It may run again at any time, as it reads before
// it writes.
func settle(ctx context.Context, payments *stripe.Client, shop *magento.Client) error {
	for payment, err := range payments.PaymentIntents.List(ctx, nil) {
		if err != nil {
			return err
		}
		if payment.Status != "succeeded" {
			continue
		}
		order, err := shop.Orders.FindByIncrementID(ctx, payment.Metadata["Order #"], 1)
		if err != nil {
			return err
		}
		due, err := order.TotalDue.Decimal()
		if err != nil {
			return err
		}
		if due.Sign() > 0 {
			if _, err := shop.Orders.Invoice(ctx, order.EntityID, magento.InvoiceParams{Comment: payment.ID}); err != nil {
				return err
			}
		}
		text := "paid by " + payment.ID
		if !slices.ContainsFunc(order.StatusHistories, func(h magento.StatusHistory) bool { return h.Comment == text }) {
			if err := shop.Orders.Comment(ctx, order.EntityID, magento.Comment{Text: text}); err != nil {
				return err
			}
		}
	}
	return nil
}

// A merchant tests an integration of their own against both fakes: a shopper pays, the
// shop's answer is lost on the way, and what runs again invoices nothing twice.
func Example_testOfYourOwn() {
	ctx := context.Background()
	bank := must(stripetest.New(stripetest.Config{Seed: 1}))
	shop := must(magentotest.New(magentotest.Config{}))
	payments := must(stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: bank.Transport()}))
	client := must(magento.NewClient(magento.Config{BaseURL: "https://shop.example", Credentials: commerce.Static(shop.Keys()), Transport: shop.Transport()}))

	id := must(shop.Place(magentotest.NewOrder{Items: []magentotest.NewItem{{SKU: "CUP", Qty: "2", Price: "9.99"}}}))
	order, _ := shop.Order(id)
	must(bank.Pay(stripetest.Purchase{Amount: 19_98, Currency: "usd", Metadata: map[string]string{"Order #": order.IncrementID}}))
	must(bank.Pay(stripetest.Purchase{Amount: 5_00, Currency: "usd", Method: stripetest.CardDeclined}))

	shop.Fail(magentotest.Fault{Kind: magentotest.Lost, Times: 1, Match: func(r *http.Request) bool { return r.Method == http.MethodPost }})
	fmt.Println(commerce.SafeToRetry(settle(ctx, payments, client)))
	fmt.Println(settle(ctx, payments, client), settle(ctx, payments, client))

	order, _ = shop.Order(id)
	fmt.Println(order.State, order.TotalPaid, len(shop.Invoices(id)), len(shop.Comments(id)))
	// Output:
	// false
	// <nil> <nil>
	// processing 19.98 1 1
}

// must is for setting up: an error there is the test's own.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
