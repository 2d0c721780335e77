package mapping_test

import (
	"fmt"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
)

// Of an order of 3 lamps and a book, a lamp goes back, and then 10.00 EUR of which nobody
// says what they are for.
func ExampleAllocateRefund() {
	order := lamps()
	lamp, err := mapping.AllocateRefund(order, nil, mapping.RefundAsk{Lines: []mapping.RefundQuantity{{Line: "1", Quantity: commerce.MustDecimal("1")}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("a lamp:", lamp.Total)
	money, err := mapping.AllocateRefund(order, []mapping.Allocation{lamp}, mapping.RefundAsk{Amount: commerce.MustMoney(10_00, "EUR")})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range money.Lines {
		fmt.Println("line", l.Line+":", l.Net, "and", l.Tax, "at", l.Taxes[0].Rate, "%")
	}
	fmt.Println("shipping:", money.Shipping.Net, "and", money.Shipping.Tax)
	_, err = mapping.AllocateRefund(order, []mapping.Allocation{lamp, money}, mapping.RefundAsk{Amount: order.Totals.Gross})
	fmt.Println(err)
	// Output:
	// a lamp: 19.83 EUR
	// line 1: 4.16 EUR and 0.79 EUR at 19 %
	// line 2: 3.74 EUR and 0.26 EUR at 7 %
	// shipping: 0.88 EUR and 0.17 EUR
	// mapping: allocate refund: refund_too_large: order/1: 100.00 EUR asked, 70.17 EUR left: more than the order has left
}
