package report_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
	"github.com/commercesync/commerce/reconcile/report"
)

func ExampleTerminal() {
	lines := `balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,source_id,payment_intent_id
txn_1,2026-11-03 10:00:00,eur,29.95,0.69,29.26,charge,ch_1,pi_1
txn_2,2026-11-03 11:00:00,eur,15.00,0.47,14.53,charge,ch_2,pi_2
`
	orders := `number,currency,amount,date,payment
100,EUR,29.95,2026-11-03,pi_1
101,EUR,15.50,2026-11-03,pi_2
`
	got, err := reconcile.Payout(context.Background(), reconcile.Input{
		Payout: commerce.Payout{Ref: commerce.Ref{System: "stripe", Mode: commerce.Live, ID: "po_1"}, Status: commerce.PayoutPaid,
			Amount: commerce.MustMoney(4379, "EUR"), Automatic: true, Reconciled: true, Created: time.Date(2026, 11, 6, 0, 0, 0, 0, time.UTC)},
		Lines: reconcile.Itemized(strings.NewReader(lines), reconcile.ItemizedConfig{}),
		Shop:  reconcile.Orders(strings.NewReader(orders), reconcile.OrdersConfig{}),
	}, reconcile.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer got.Close()
	if err := report.Terminal(os.Stdout, got, report.Config{Width: 60}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// Payout po_1 · live · paid
	//
	//   Sales        44.95 EUR  100.0 %  █████████████████████████
	//   Fees         -1.16 EUR   -2.6 %                          █
	//   To the bank  43.79 EUR   97.4 %  ████████████████████████
	//
	//   closed: 2 rows explain it to the last minor unit
	//   2 matched by id, 0 related, 0 proposed, 0 need no document
	//
	// 1 discrepancy
	//
	//     day         Stripe  shop      ERP  difference
	//   Amounts differ · 1
	//   Correct the document, or collect or refund the difference.
	//     2026-11-03  txn_2   sale/101  -     -0.50 EUR
}
