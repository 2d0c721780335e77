package reconcile_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
)

// month is a payout as CSV on disk with the orders that it pays, both in random order;
// every thousandth pair disagrees, each in another way.
type month struct {
	report, orders string
	payout         commerce.Payout
	differ         int
}

func cents(n int64) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	return fmt.Sprintf("%s%d.%02d", sign, n/100, n%100)
}

func generate(tb testing.TB, rows int, seed uint64) month {
	tb.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	dir := tb.TempDir()
	m := month{report: filepath.Join(dir, "report.csv"), orders: filepath.Join(dir, "orders.csv")}
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	net := int64(0)
	amount := func(i int) int64 { return 500 + int64(uint32(i)*2654435761%100000) }
	at := func(i int) string { return start.Add(time.Duration(i%600000) * time.Second).Format(time.DateTime) }

	write := func(name, header string, row func(w io.Writer, i int)) {
		f, err := os.Create(name)
		require.NoError(tb, err)
		w := bufio.NewWriterSize(f, 1<<20)
		fmt.Fprintln(w, header)
		for _, i := range r.Perm(rows) {
			row(w, i)
		}
		require.NoError(tb, w.Flush())
		require.NoError(tb, f.Close())
	}
	write(m.report, "balance_transaction_id,created_utc,available_on_utc,currency,gross,fee,net,reporting_category,source_id,charge_id,payment_intent_id,automatic_payout_id",
		func(w io.Writer, i int) {
			if i%4000 == 1 { // missing at Stripe
				m.differ++
				return
			}
			gross := amount(i)
			fee := gross*29/1000 + 30
			net += gross - fee
			fmt.Fprintf(w, "txn_3PqRsTuVwXyZ%012d,%s,2026-11-10 00:00:00,eur,%s,%s,%s,charge,ch_3PqRsTuVwXyZ%012d,ch_3PqRsTuVwXyZ%012d,pi_3PqRsTuVwXyZ%012d,po_1\n",
				i, at(i), cents(gross), cents(fee), cents(gross-fee), i, i, i)
		})
	write(m.orders, "id,number,currency,amount,date,payment", func(w io.Writer, i int) {
		paid := amount(i)
		switch i % 4000 {
		case 2: // missing in shop
			m.differ++
			return
		case 3: // amount
			m.differ++
			paid++
		}
		currency := "EUR"
		if i%4000 == 4 {
			m.differ++
			currency = "USD"
		}
		fmt.Fprintf(w, "order/%d,%09d,%s,%s,%s,pi_3PqRsTuVwXyZ%012d\n", i, 100000000+i, currency, cents(paid), at(i), i)
	})
	m.payout = commerce.Payout{Ref: commerce.Ref{System: "stripe", Mode: commerce.Live, ID: "po_1"}, Amount: commerce.MustMoney(net, "EUR"),
		Status: commerce.PayoutPaid, Automatic: true, Method: "standard", Reconciled: true, Transaction: "txn_po",
		Created: start.AddDate(0, 0, 10), Arrival: commerce.DateOf(start.AddDate(0, 0, 12))}
	return m
}
