package nopshop_test

import (
	"context"
	"fmt"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping/nopshop"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
)

// A payment is recorded in the shop's books. The plugin charges in the buyer's currency
// and cuts off the last unit: 10.05 USD are 9.045 EUR, and 9.04 are due.
func ExampleShop_RecordPayment() {
	ctx := context.Background()
	far, err := nopcommercetest.New(nopcommercetest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	id, err := far.Place(nopcommercetest.NewOrder{PaymentMethod: nopcommercetest.StripeElement, Currency: "EUR",
		Items: []nopcommercetest.NewItem{{SKU: "CUP", Price: "10.05"}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := nopcommerce.NewClient(nopcommerce.Config{BaseURL: "https://shop.example", Transport: far.Transport(),
		Credentials: commerce.Static(far.Login())})
	if err != nil {
		fmt.Println(err)
		return
	}
	shop, err := nopshop.New(client, nopshop.Config{Currency: "USD",
		Methods: map[string]nopshop.Method{nopcommercetest.StripeElement: {Charges: nopshop.Customer, Truncates: true}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	order, err := shop.Order(ctx, shop.Ref(nopcommerce.ID(id)))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, tender := range order.Tenders {
		fmt.Println(tender.Kind, tender.Reference, tender.Amount)
	}
	due, err := order.Due()
	if err != nil {
		fmt.Println(err)
		return
	}
	payment := commerce.Payment{Ref: commerce.Ref{System: "stripe", Mode: commerce.Live, ID: "pi_1"}, Captured: due}
	doc, err := idempotency.Run(ctx, idempotency.NewMemory(nil), "shop.payment/"+order.Ref.String(), shop.RecordPayment(order, payment))
	fmt.Println(doc.State, doc.Total, err)
	// Output:
	// offline rounding 0.01 EUR
	// stripe  9.04 EUR
	// paid 9.04 EUR <nil>
}
