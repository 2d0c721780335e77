package workflow

import (
	"context"
	"fmt"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/reconcile"
)

// moneybox is a shop's books that begin on the 21st of November, after 100.00 EUR came, and
// see 5.00 EUR of fees on that day.
func moneybox(now *time.Time) *Books {
	clock := func() time.Time { return *now }
	far := newWorld(clock)
	bank := newTreasury(far)
	start := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	bank.moves("topup", "1", "", 10_000, 0, start.AddDate(0, 0, -3))
	bank.moves("fee", "2", "", -500, 0, start.Add(9*time.Hour))
	o2c := &OrderToCash{Shop: shopSide{far}, Payments: paySide{far}, Books: bookSide{far},
		Steps: idempotency.NewMemory(clock), Links: inbox.Links{Store: inbox.NewMemory(inbox.MemoryConfig{})}, StartAt: start, Now: clock}
	return &Books{Shops: []*OrderToCash{o2c}, Ledger: ledgerSide{bank}, Balance: balanceSide{bank}}
}

func ExampleBooks_Open() {
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	books := moneybox(&now)

	opened, err := books.Open(context.Background(), Opening{Account: "9000", DryRun: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, o := range opened {
		fmt.Println("balance", o.Balance, "booked", o.Booked)
		for _, l := range o.Entry.Lines {
			fmt.Println(o.Entry.Date, l.Account, l.Text, l.Debit, l.Credit)
		}
	}
	// Output:
	// balance 100.00 EUR booked 0.00 EUR
	// 2026-11-20 9000 before cut-over 0.00 EUR 100.00 EUR
	// 2026-11-20 1360 balance at Stripe 100.00 EUR 0.00 EUR
}

func ExampleBooks_Month() {
	now := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	books, ctx := moneybox(&now), context.Background()
	if _, err := books.Open(ctx, Opening{Account: "9000"}); err != nil {
		fmt.Println(err)
		return
	}

	// The month is over, and nobody has told of the 21st.
	now = time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC)
	view, err := books.Month(ctx, reconcile.MonthInput{Month: commerce.Date{Year: 2026, Month: 11, Day: 30}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, b := range view.Balances {
		fmt.Println(view.From, b.Opening, view.To, b.Closing)
		fmt.Println("the ledger is off since", b.Clearing.Ledger.First, "by", b.Clearing.Ledger.Off)
	}
	// Output:
	// 2026-11-21 100.00 EUR 2026-11-30 95.00 EUR
	// the ledger is off since 2026-11-21 by 5.00 EUR
}
