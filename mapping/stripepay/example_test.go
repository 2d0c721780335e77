package stripepay_test

import (
	"context"
	"fmt"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

func ExamplePay_Payment() {
	far, err := stripetest.New(stripetest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	bought, err := far.Pay(stripetest.Purchase{Amount: 2990, Currency: "eur", Metadata: map[string]string{"Order #": "000000017"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: far.Transport()})
	if err != nil {
		fmt.Println(err)
		return
	}
	pay, err := stripepay.New(client, stripepay.Config{Account: "acct_fake", Mode: commerce.Test})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := pay.Payment(context.Background(), commerce.Ref{System: "stripe", Account: "acct_fake", Mode: commerce.Test, ID: bought.ID})
	fmt.Println(p.Status, p.Captured, p.Method.Brand, "for order", p.Orders[0].Number, err)
	// Output: captured 29.90 EUR visa for order 000000017 <nil>
}
