package stripepay_test

import (
	"context"
	"fmt"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// A part of what is reserved is captured, the rest is released, and some of it goes back:
// what was released is no refund.
func ExamplePay_GiveBack() {
	ctx := context.Background()
	far, err := stripetest.New(stripetest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	bought, err := far.Pay(stripetest.Purchase{Amount: 5000, Currency: "eur", Authorise: true})
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
	payment := pay.Ref(bought.ID)
	order := commerce.Order{Ref: commerce.Ref{System: "magento", Account: "main", Mode: commerce.Test, ID: "order/17"}, Number: "000000017"}
	eur := func(minor int64) commerce.Money { return commerce.MustMoney(minor, "EUR") }

	taken, err := pay.Capture(mapping.CaptureRequest{Key: "capture 17", Payment: payment, Amount: eur(4000), Final: true}).Act(ctx)
	fmt.Println(taken.State, taken.Total, err)
	for range 2 { // under one key it goes back once
		refund, err := pay.GiveBack(mapping.RefundRequest{Key: "refund 17", Order: order, Payment: payment, Amount: eur(1000)}).Act(ctx)
		fmt.Println(refund.Status, refund.Amount, "for order", refund.Orders[0].Number, err)
	}
	all, err := pay.Refunds(ctx, payment)
	fmt.Println(len(all), "refund by", all[0].Operation, err)
	// Output:
	// captured 40.00 EUR <nil>
	// succeeded 10.00 EUR for order 000000017 <nil>
	// succeeded 10.00 EUR for order 000000017 <nil>
	// 1 refund by refund 17 <nil>
}
