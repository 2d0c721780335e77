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

func ExampleBooks() {
	ctx := context.Background()
	far := newWorld(time.Now)
	far.order("17")
	far.payment("1", []string{"17"})
	bank := newTreasury(far)
	bank.moves("charge", "1", "1", 6600, 200, time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)) // 66.00 EUR, fee 2.00

	events := inbox.NewMemory(inbox.MemoryConfig{})
	o2c := &OrderToCash{
		Shop: shopSide{far}, Payments: paySide{far}, Books: bookSide{far},
		Steps: idempotency.NewMemory(nil), Links: inbox.Links{Store: events},
	}
	books := &Books{Shops: []*OrderToCash{o2c}, Ledger: ledgerSide{bank}, Balance: balanceSide{bank}, Invoicing: OnOrder}
	if err := books.Check(); err != nil {
		fmt.Println(err)
		return
	}
	in, err := inbox.New(events, inbox.Config{Handlers: inbox.Merge(o2c.Handlers(), books.Handlers())})
	if err != nil {
		fmt.Println(err)
		return
	}
	// The payment's own news, and that of the day, which a feed tells when it is over.
	day := far.event("day/eur/2026-11-21@1", "balance.day", "day/eur/2026-11-21")
	if _, err := in.Append(ctx, far.event("evt_1", "charge.succeeded", "pi_1"), day); err != nil {
		fmt.Println(err)
		return
	}
	for n := 1; n > 0; {
		if n, err = in.Work(ctx); err != nil {
			fmt.Println(err)
			return
		}
	}
	invoice, receipt := bank.invoices[0], bank.receipts["order/17 txn_1"]
	fmt.Println("invoice", invoice.Document.Total, "open", invoice.Open)
	fmt.Println("receipt", receipt.Amount, "on", receipt.n.Date)
	fmt.Println("clearing", bank.stands("1360", "EUR", receipt.n.Date))
	// Output:
	// invoice 66.00 EUR open 0.00 EUR
	// receipt 66.00 EUR on 2026-11-21
	// clearing 64.00 EUR
}

func ExamplePayouts() {
	ctx := context.Background()
	far := newWorld(time.Now)
	bank := newTreasury(far)
	at := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	in := func(l *reconcile.Line) { l.Payout = "po_1" }
	bank.moves("charge", "1", "1", 6600, 200, at.AddDate(0, 0, -2), in)
	bank.moves("payout", "po_1", "", -6400, 0, at, in, func(l *reconcile.Line) { l.Source = "po_1" })
	bank.payouts["po_1"] = &commerce.Payout{Ref: stripeRef.With("po_1"), Amount: eur(6400), Status: commerce.PayoutPaid, Automatic: true,
		Reconciled: true, Created: at, Transaction: "txn_po_1"}

	events := inbox.NewMemory(inbox.MemoryConfig{})
	payouts := &Payouts{
		Ledger: ledgerSide{bank}, Balance: balanceSide{bank}, Mode: Summary, // no documents to compare with
		Steps: idempotency.NewMemory(nil), Links: inbox.Links{Store: events},
		Report: func(_ context.Context, r *reconcile.Report) error {
			p := r.Proof
			fmt.Println("sales", p.Sales, "fees", p.Fees, "bank", p.Bank, "unexplained", p.Rest)
			return nil
		},
	}
	box, err := inbox.New(events, inbox.Config{Handlers: payouts.Handlers()})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := box.Append(ctx, far.event("evt_1", "payout.paid", "po_1"), far.event("evt_2", "payout.reconciliation_completed", "po_1")); err != nil {
		fmt.Println(err)
		return
	}
	for n := 1; n > 0; {
		if n, err = box.Work(ctx); err != nil {
			fmt.Println(err)
			return
		}
	}
	for _, l := range bank.entries[0].Lines {
		fmt.Println(l.Account, "debit", l.Debit, "credit", l.Credit)
	}
	// Output:
	// sales 66.00 EUR fees -2.00 EUR bank 64.00 EUR unexplained 0.00 EUR
	// 1360 debit 0.00 EUR credit 64.00 EUR
	// 1460 debit 64.00 EUR credit 0.00 EUR
}
