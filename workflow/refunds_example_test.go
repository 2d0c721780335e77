package workflow

import (
	"context"
	"fmt"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
)

// Somebody refunds at the processor, by hand.
func ExampleRefunds() {
	w := newTill(&probe{}, func(w *till) {
		w.refunds = &Refunds{OrderToCash: w.o2c, Shop: paperSide{w}, Payments: giveSide{w}, Ledger: noteSide{ledgerSide{w.treasury}, w}}
	})
	order := w.sells("17")
	re := w.dashboard("pi_17", 11_00, commerce.RefundSucceeded)
	w.work()

	content, err := recall[refundContent](context.Background(), w.steps, keyRefund(order, "content/"+re.Ref.ID))
	if err != nil {
		fmt.Println(err)
		return
	}
	line := content.Content.Lines[0]
	fmt.Println("shop:", w.memos[order][0].Money)
	fmt.Println("books:", w.notes[order]["re_1"], "of it", line.Net, "and", line.Tax, "of tax for goods, proposed:", content.Content.Proposed)
	// Output:
	// shop: 11.00 EUR
	// books: 11.00 EUR of it 8.40 EUR and 1.60 EUR of tax for goods, proposed: true
}

// The shop's staff makes a credit memo without money. It is proposed, and approved.
func ExampleRefunds_Wish() {
	w := newTill(&probe{})
	order := w.sells("17")
	memo := w.memo(order, 15_00)
	w.work()
	fmt.Println(w.alerts[0].Text)

	approve, err := w.refunds.Wish(order, RefundWish{ID: "approved by Ada", Document: memo.Document.Ref.ID})
	if err != nil {
		fmt.Println(err)
		return
	}
	w.deliver(approve, approve) // once, however often it is said
	w.work()
	for _, r := range w.given {
		fmt.Println(r.Ref.ID, r.Amount, r.Status)
	}

	// What the shop has no paper of is wished for by itself.
	_, err = w.refunds.Wish(order, RefundWish{ID: "return 5", Ask: mapping.RefundAsk{Lines: []mapping.RefundQuantity{{Line: "1", Quantity: commerce.MustDecimal("1")}}}})
	fmt.Println(err)
	// Output:
	// creditmemo/171 of order 1017 asks for 15.00 EUR back, and nobody has given it; proposal: refund 15.00 EUR of pi_17. Approve it, refund it at the processor, or say that it goes elsewhere
	// re_1 15.00 EUR succeeded
	// <nil>
}
