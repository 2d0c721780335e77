package main

import (
	"context"
	"fmt"
	"os"
)

func Example() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// Two refunds of one amount, by hand at Stripe: each is a credit memo and a credit note, with lines and taxes proposed.
	//   Stripe       5.00  refund, by hand
	//   Stripe       5.00  refund, by hand
	//   Magento      5.00  credit memo, money alone
	//   Magento      5.00  credit memo, money alone
	//   ERP          5.00  credit note, 0.80 EUR of it tax, 0.00 EUR left to pay
	//   ERP          5.00  credit note, 0.80 EUR of it tax, 0.00 EUR left to pay
	// All of it, by hand at Stripe: the order is closed.
	//   Stripe      41.61  refund, by hand
	//   Magento     41.61  credit memo, 3 × CUP
	//   ERP         41.61  credit note, 6.64 EUR of it tax, 0.00 EUR left to pay
	// A credit memo over one cup, made in the shop: it is proposed, and money moves once somebody approves it.
	//   Stripe      11.89  refund, by the program
	//   Magento     11.89  credit memo, 1 × CUP
	//   ERP         11.89  credit note, 1.90 EUR of it tax, 0.00 EUR left to pay
	// The same return on both sides: staff makes a credit memo, and somebody else refunds it at Stripe. No money moves twice.
	//   Stripe      11.89  refund, by hand
	//   Magento     11.89  credit memo, 1 × CUP
	//   ERP         11.89  credit note, 1.90 EUR of it tax, 0.00 EUR left to pay
	// A return of two cups: one wish is a refund, a credit memo with the goods and a credit note.
	//   Stripe      23.77  refund, by the program
	//   Magento     23.77  credit memo, 2 × CUP
	//   ERP         23.77  credit note, 3.79 EUR of it tax, 0.00 EUR left to pay
	// for a person: refund_proposed: creditmemo/4 of order 000000003 asks for 11.89 EUR back, and nobody has given it; proposal: refund 11.89 EUR of pi_q1C2lGYvuuynS5k80qIXCfLY. Approve it, refund it at the processor, or say that it goes elsewhere
}
