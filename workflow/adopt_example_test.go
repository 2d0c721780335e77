package workflow

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
)

// The day before the cut-over: two orders, of which people wrote one into the ERP under
// a reference of their own. A dry run says what a run would do.
func ExampleAdopt() {
	today := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	far := newWorld(func() time.Time { return today })
	yesterday := func(o *commerce.Order) {
		o.Placed, o.State, o.Tenders = today.AddDate(0, 0, -1), commerce.OrderProcessing, nil
	}
	orders := []commerce.Ref{far.order("17", yesterday), far.order("18", yesterday)}
	theirs := archive{far, &[]paper{{"WEB-1017", commerce.Document{Ref: erpRef.With("sale/5"), Number: "SO5", State: "confirmed", Total: eur(6600)}}}}

	adopt := &Adopt{
		OrderToCash: &OrderToCash{
			Shop: shopSide{far}, Payments: paySide{far}, Books: bookSide{far},
			Steps: idempotency.NewMemory(nil), Links: inbox.Links{Store: inbox.NewMemory(inbox.MemoryConfig{})},
			StartAt: today, // what was placed before is not OrderToCash's
		},
		Orders: func(context.Context) iter.Seq2[commerce.Ref, error] { // OrdersOf(sweep)
			return func(yield func(commerce.Ref, error) bool) {
				for _, ref := range orders {
					if !yield(ref, nil) {
						return
					}
				}
			}
		},
		Documents:  theirs, // erpbooks.Books
		References: []string{"WEB-{number}"},
		DryRun:     true,
	}
	report, err := adopt.Run(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	for line := range strings.Lines(report.String()) {
		fmt.Println(strings.TrimRight(line, " \n"))
	}
	// Output:
	// Dry run, nothing was written: 1 would be adopted, 0 already, 1 not found, 0 ambiguous, 0 refused, 0 ended without one, 0 newer.
	//
	// OUTCOME    ROW  ORDER  NUMBER  DOCUMENT      STATE      TOTAL      REMARK
	// found      -    17     1017    SO5 (sale/5)  confirmed  66.00 EUR
	// not_found  -    18     1018    -             -          -          no sales order that counts with reference WEB-1018
	//
	// 2 open orders of the time before, 0 of them would be taken up now.
	//
	// ORDER  NUMBER  PLACED      STATE       PAYMENT  SHIPPED  TOTAL      DOCUMENT      TAKEN  REMARK
	// 17     1017    2026-11-20  processing  paid     no       66.00 EUR  SO5 (sale/5)  no
	// 18     1018    2026-11-20  processing  paid     no       66.00 EUR  -             no
}
