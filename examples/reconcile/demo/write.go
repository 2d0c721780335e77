package demo

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/commercesync/commerce"
)

const movementHeader = "balance_transaction_id,created_utc,available_on_utc,currency,gross,fee,net,reporting_category,source_id," +
	"charge_id,payment_intent_id,payment_metadata[commerce_number],customer_facing_amount,customer_facing_currency,automatic_payout_id"

func (m movement) row(payout string) string {
	presented, currency := "", ""
	if m.dollars != 0 {
		presented, currency = text(m.dollars), "usd"
	}
	return fmt.Sprintf("%s,%s,%s,eur,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s", m.id, m.at.Format(time.DateTime), m.at.AddDate(0, 0, 7).Format(time.DateOnly),
		text(m.gross), text(m.fee), text(m.gross-m.fee), m.category, m.source, m.charge, m.intent, m.number, presented, currency, payout)
}

const documentHeader = "id,number,kind,amount,total,currency,date,payment,settled,settled_currency,unsent,lines,taxes"

func (d document) row() string {
	kind, total, settled, currency, unsent := "sale", "", "", "", ""
	if d.refund {
		kind = "refund"
	}
	if d.card != 0 {
		total = text(d.amount + d.card)
	}
	if d.settled != 0 {
		settled, currency = text(d.settled), "EUR"
	}
	if d.unsent {
		unsent = "true"
	}
	lines, taxes := d.detail()
	return fmt.Sprintf("%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s", d.id, d.number, kind, text(d.amount), total, d.currency, d.at.Format(time.DateTime), d.payment,
		settled, currency, unsent, lines, taxes)
}

// detail splits an amount into two articles and the tax on them.
func (d document) detail() (lines, taxes string) {
	n, _ := strconv.ParseInt(d.number[1:], 10, 64) // it is the story's
	gross := d.amount + d.card
	first, second := gross*(60+n%20)/119, gross*(40-n%20)/119
	quantity, rate := 1+n%3, cmp.Or(d.rate, "19")
	if d.more {
		quantity++
	}
	return fmt.Sprintf("SKU-%d|%d|%s;SKU-%d|1|%s", 100+n%40, quantity, text(first), 200+n%70, text(second)),
		fmt.Sprintf("DE|%s|%s|%s", rate, text(first+second), text(gross-first-second))
}

// text writes minor units of a currency with two decimals.
func text(minor int64) string { return commerce.MustMoney(minor, "EUR").Text() }

// write writes rows into a file.
func write(name, header string, refs []ref, row func(ref) string, progress func(rows int)) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b := bufio.NewWriter(f)
	fmt.Fprintln(b, header)
	for i, r := range refs {
		fmt.Fprintln(b, row(r))
		if progress != nil && (i+1)%1000 == 0 {
			progress(1000)
		}
	}
	return b.Flush()
}
