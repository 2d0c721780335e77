// Package payout explains a payout in three ways, to be compared: by package reconcile, by
// a map of structs on the same reader, as most programs do it, and by SQLite. All of them
// read the same two files and write down the discrepancies and a journal entry.
package payout

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/commercesync/commerce"
)

// Month is a payout as CSV on disk with the orders that it pays, both in random order.
// Every thousandth pair disagrees, in turn by a line that is missing, an order that is
// missing, an amount and a currency.
type Month struct {
	Rows   int // of each side, about
	Net    int64
	Differ int
}

func report(dir string) string { return filepath.Join(dir, "report.csv") }
func orders(dir string) string { return filepath.Join(dir, "orders.csv") }
func about(dir string) string  { return filepath.Join(dir, "month.json") }

// Generate writes a month into a directory.
func Generate(dir string, rows int, seed uint64) (m Month, err error) {
	r := rand.New(rand.NewPCG(seed, 1))
	m.Rows = rows
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	amount := func(i int) int64 { return 500 + int64(uint32(i)*2654435761%100000) }
	at := func(i int) string { return start.Add(time.Duration(i%600000) * time.Second).Format(time.DateTime) }
	err = write(report(dir), "balance_transaction_id,created_utc,available_on_utc,currency,gross,fee,net,reporting_category,source_id,charge_id,payment_intent_id,automatic_payout_id",
		r.Perm(rows), func(w io.Writer, i int) {
			if i%4000 == 1 { // missing at Stripe
				m.Differ++
				return
			}
			gross := amount(i)
			fee := gross*29/1000 + 30
			m.Net += gross - fee
			fmt.Fprintf(w, "txn_3PqRsTuVwXyZ%012d,%s,2026-11-10 00:00:00,eur,%s,%s,%s,charge,ch_3PqRsTuVwXyZ%012d,ch_3PqRsTuVwXyZ%012d,pi_3PqRsTuVwXyZ%012d,po_1\n",
				i, at(i), cents(gross), cents(fee), cents(gross-fee), i, i, i)
		})
	if err != nil {
		return m, err
	}
	err = write(orders(dir), "id,number,currency,amount,date,payment", r.Perm(rows), func(w io.Writer, i int) {
		paid, currency := amount(i), "EUR"
		switch i % 4000 {
		case 2: // missing in shop
			m.Differ++
			return
		case 3:
			m.Differ++
			paid++
		case 4:
			m.Differ++
			currency = "USD"
		}
		fmt.Fprintf(w, "order/%d,%09d,%s,%s,%s,pi_3PqRsTuVwXyZ%012d\n", i, 100000000+i, currency, cents(paid), at(i), i)
	})
	if err != nil {
		return m, err
	}
	text, err := json.Marshal(m)
	if err != nil {
		return m, err
	}
	return m, os.WriteFile(about(dir), text, 0o600)
}

func cents(n int64) string { return fmt.Sprintf("%d.%02d", n/100, n%100) }

func write(name, header string, order []int, row func(w io.Writer, i int)) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintln(w, header)
	for _, i := range order {
		row(w, i)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// payout is the payout as Stripe has it.
func (m Month) payout() commerce.Payout {
	return commerce.Payout{Ref: commerce.Ref{System: "stripe", Mode: commerce.Live, ID: "po_1"}, Amount: commerce.MustMoney(m.Net, "EUR"),
		Status: commerce.PayoutPaid, Automatic: true, Method: "standard", Reconciled: true, Transaction: "txn_po",
		Created: time.Date(2026, 11, 11, 0, 0, 0, 0, time.UTC), Arrival: commerce.Date{Year: 2026, Month: 11, Day: 13}}
}
