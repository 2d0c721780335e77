package reconcile_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

func ExamplePayout() {
	report := `balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,source_id,payment_intent_id
txn_1,2026-11-03 10:00:00,eur,29.95,0.69,29.26,charge,ch_1,pi_1
txn_2,2026-11-03 11:00:00,eur,15.00,0.47,14.53,charge,ch_2,pi_2
txn_3,2026-11-04 09:00:00,eur,-5.00,0.00,-5.00,refund,re_1,pi_1
`
	orders := `number,currency,amount,date,payment
100,EUR,29.95,2026-11-03,pi_1
101,EUR,15.50,2026-11-03,pi_2
`
	got, err := reconcile.Payout(context.Background(), reconcile.Input{
		Payout: commerce.Payout{Ref: commerce.Ref{System: "stripe", Mode: commerce.Live, ID: "po_1"},
			Amount: commerce.MustMoney(3879, "EUR"), Automatic: true, Reconciled: true,
			Created: time.Date(2026, 11, 6, 0, 0, 0, 0, time.UTC)},
		Lines: reconcile.Itemized(strings.NewReader(report), reconcile.ItemizedConfig{}),
		Shop:  reconcile.Orders(strings.NewReader(orders), reconcile.OrdersConfig{}),
	}, reconcile.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer got.Close()

	p := got.Proof
	fmt.Println("sales", p.Sales, "refunds", p.Refunds, "fees", p.Fees, "bank", p.Bank, "rest", p.Rest)
	for d, err := range got.Discrepancies() {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(d.Reason, d.Line.ID, d.Difference)
	}
	entry, err := got.Entry(reconcile.Chart{Company: "EUR",
		Clearing: map[commerce.Currency]string{"EUR": "1360"}, Transit: map[commerce.Currency]string{"EUR": "1370"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, l := range entry.Lines {
		fmt.Println(entry.Date, l.Account, "debit", l.Debit.Text(), "credit", l.Credit.Text())
	}
	// Output:
	// sales 44.95 EUR refunds -5.00 EUR fees -1.16 EUR bank 38.79 EUR rest 0.00 EUR
	// amount txn_2 -0.50 EUR
	// refund_without_credit_memo txn_3 5.00 EUR
	// 2026-11-06 1370 debit 38.79 credit 0.00
	// 2026-11-06 1360 debit 0.00 credit 38.79
}

func ExampleNext() {
	entry := func(fee int64) commerce.JournalEntry {
		return commerce.JournalEntry{Key: "activity/eur/2026-11-03", Date: commerce.Date{Year: 2026, Month: 11, Day: 3}, Lines: []commerce.JournalLine{
			{Account: "6855", Debit: commerce.MustMoney(fee, "EUR")}, {Account: "1360", Credit: commerce.MustMoney(fee, "EUR")}}}
	}
	first, _, _ := reconcile.Next(entry(69))
	second, _, _ := reconcile.Next(entry(74), first) // a fee was told late
	fmt.Println(second.Key, second.Lines[1].Account, second.Lines[1].Debit)
	_, more, _ := reconcile.Next(entry(74), first, second)
	fmt.Println("more to post:", more)
	// Output:
	// activity/eur/2026-11-03/2 6855 0.05 EUR
	// more to post: false
}

func ExampleMonth() {
	at := func(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC) }
	eur := func(minor int64) commerce.Money { return commerce.MustMoney(minor, "EUR") }
	lines := func(yield func(reconcile.Line, error) bool) {
		_ = yield(reconcile.Line{ID: "txn_1", Category: "charge", Amount: eur(11900), Fee: eur(200), Net: eur(11700), Created: at(3, 10), Payout: "po_1"}, nil) &&
			yield(reconcile.Line{ID: "txn_2", Category: "payout", Source: "po_1", Amount: eur(-11700), Fee: eur(0), Net: eur(-11700), Created: at(9, 4)}, nil) &&
			yield(reconcile.Line{ID: "txn_3", Category: "charge", Amount: eur(5350), Fee: eur(100), Net: eur(5250), Created: at(29, 18)}, nil)
	}
	chart := reconcile.Chart{Company: "EUR", Clearing: map[commerce.Currency]string{"EUR": "1360"}, Transit: map[commerce.Currency]string{"EUR": "1370"},
		Categories: map[string]string{"charge": "1400"}, Fees: map[string]string{"": "6855"}}
	entries, err := chart.Entries(context.Background(), lines)
	if err != nil {
		fmt.Println(err)
		return
	}
	november := func(day int) commerce.Date { return commerce.Date{Year: 2026, Month: time.November, Day: day} }
	got, err := reconcile.Month(context.Background(), reconcile.MonthInput{Month: november(1), Chart: chart, Lines: lines,
		Posted: func(yield func(commerce.JournalEntry, error) bool) {
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
		},
		Stated: []reconcile.Check{{On: november(30), Balance: eur(5250)}},
		Ledger: []reconcile.Check{{On: november(2), Balance: eur(0)}, {On: november(3), Balance: eur(11700)}, {On: november(9), Balance: eur(100)}, {On: november(30), Balance: eur(5350)}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	b := got.Balances[0]
	fmt.Println("sales", b.Sales, "fees", b.Fees, "payouts", b.Payouts, "closing", b.Closing)
	fmt.Println("entries are off by", b.Clearing.Entries.Difference, "Stripe by", b.Clearing.Stated.Difference)
	fmt.Println("the ERP is off by", b.Clearing.Ledger.Difference, "since", b.Clearing.Ledger.First)
	for _, a := range b.Unpaid.Ages {
		if !a.Amount.IsZero() {
			fmt.Printf("not paid out: %s of %d to %d days\n", a.Amount, a.From, a.To)
		}
	}
	// Output:
	// sales 172.50 EUR fees -3.00 EUR payouts -117.00 EUR closing 52.50 EUR
	// entries are off by 0.00 EUR Stripe by 0.00 EUR
	// the ERP is off by 1.00 EUR since 2026-11-09
	// not paid out: 52.50 EUR of 0 to 2 days
}

func ExampleChart_Opening() {
	chart := reconcile.Chart{Company: "EUR", Clearing: map[commerce.Currency]string{"EUR": "1360"}, CutOver: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	entries, err := chart.Opening(reconcile.Opening{
		Stripe:  []commerce.Money{commerce.MustMoney(123450, "EUR")}, // captured and not paid out
		Booked:  []commerce.Money{commerce.MustMoney(120000, "EUR")}, // what the ERP has on 1360
		Account: "9000",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range entries {
		for _, l := range e.Lines {
			fmt.Println(e.Date, e.Key, l.Account, "debit", l.Debit.Text(), "credit", l.Credit.Text())
		}
	}
	// Output:
	// 2026-12-31 opening/eur 9000 debit 0.00 credit 34.50
	// 2026-12-31 opening/eur 1360 debit 34.50 credit 0.00
}

func ExampleReport_Matches() {
	eur := func(minor int64) commerce.Money { return commerce.MustMoney(minor, "EUR") }
	at := time.Date(2026, 11, 3, 10, 0, 0, 0, time.UTC)
	line := func(id, category, source string, amount, fee int64) reconcile.Line {
		return reconcile.Line{ID: id, Category: category, Source: source, Charge: "ch_1", Amount: eur(amount), Fee: eur(fee), Net: eur(amount - fee), Created: at}
	}
	charge := line("txn_1", "charge", "ch_1", 10_000, 175)
	charge.Intent = "pi_1"
	product := func(key string, net int64) reconcile.DocumentLine {
		return reconcile.DocumentLine{Key: key, Quantity: commerce.MustDecimal("1"), Net: eur(net)}
	}
	of := func(d reconcile.Document) iter.Seq2[reconcile.Document, error] {
		return func(yield func(reconcile.Document, error) bool) { yield(d, nil) }
	}
	got, err := reconcile.Payout(context.Background(), reconcile.Input{
		Payout: commerce.Payout{Ref: commerce.Ref{System: "stripe", Mode: commerce.Live, ID: "po_1"}, Amount: eur(825), Automatic: true, Reconciled: true},
		Lines: func(yield func(reconcile.Line, error) bool) {
			_ = yield(charge, nil) && yield(line("txn_2", "transfer", "tr_1", -9_000, 0), nil)
		},
		Shop: of(reconcile.Document{System: "magento", ID: "order/17", Number: "100", Intent: "pi_1", Amount: eur(10_000), Date: at,
			Lines: []reconcile.DocumentLine{product("BOOK", 4_000), product("LAMP", 6_000)}}),
		ERP: of(reconcile.Document{System: "tryton", ID: "invoice/9", Number: "100", Amount: eur(10_000), Date: at,
			Lines: []reconcile.DocumentLine{product("BOOK", 4_100), product("LAMP", 5_900)}}),
	}, reconcile.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer got.Close()
	var found []string
	for m, err := range got.Matches() {
		if err != nil {
			fmt.Println(err)
			return
		}
		k := m.Keys()
		found = append(found, strings.Join([]string{k.Payout, k.Transaction, k.Charge, k.Number, k.Document, k.ERP}, " "))
	}
	slices.Sort(found)
	fmt.Println(strings.Join(found, "\n"))
	for d, err := range got.Discrepancies() {
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, l := range d.Lines {
			fmt.Println(d.Reason, d.Keys.Transaction, l.Key, l.Shop.Net, l.ERP.Net)
		}
	}
	// Output:
	// po_1 txn_1 ch_1 100 order/17 invoice/9
	// po_1 txn_2 ch_1 100 order/17 invoice/9
	// lines txn_1 BOOK 40.00 EUR 41.00 EUR
	// lines txn_1 LAMP 60.00 EUR 59.00 EUR
}
