package reconcile_test

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

const header = "balance_transaction_id,created_utc,available_on_utc,currency,gross,fee,net,reporting_category,source_id,charge_id,payment_intent_id,automatic_payout_id\n"

func all[T any](t *testing.T, seq iter.Seq2[T, error]) (rows []T, err error) {
	t.Helper()
	for row, e := range seq {
		if e != nil {
			require.NoError(t, err, "nothing follows an error")
			err = e
			continue
		}
		rows = append(rows, row)
	}
	return rows, err
}

func TestAnItemizedReportIsReadByTheNamesOfItsColumns(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"as Stripe writes it": header + "txn_1,2026-11-03 10:11:12,2026-11-05 00:00:00,eur,29.95,0.69,29.26,charge,ch_1,ch_1,pi_1,po_1\n",
		"with a byte order mark, quotes and other ends of lines": "\ufeff" + strings.TrimSpace(header) + "\r\n" +
			`"txn_1","2026-11-03 10:11:12",2026-11-05 00:00:00,eur,29.95,0.69,29.26,charge,ch_1,ch_1,pi_1,po_1` + "\r\n",
		"in another order, with a column of ours and no last line feed": "net,fee,gross,description,currency,created,available_on,reporting_category,balance_transaction_id,source_id,payment_intent_id,automatic_payout_id\n" +
			"29.26,0.69,29.95,\"a, \"\"b\"\"\nc\",EUR,2026-11-03T10:11:12Z,2026-11-05,charge,txn_1,ch_1,pi_1,po_1",
	} {
		for _, r := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
			lines, err := all(t, reconcile.Itemized(r, reconcile.ItemizedConfig{}))
			require.NoError(t, err, name)
			require.Equal(t, []reconcile.Line{{ID: "txn_1", Category: "charge", Row: 2,
				Amount: commerce.MustMoney(2995, "EUR"), Fee: commerce.MustMoney(69, "EUR"), Net: commerce.MustMoney(2926, "EUR"),
				Created: time.Date(2026, 11, 3, 10, 11, 12, 0, time.UTC), Available: time.Date(2026, 11, 5, 0, 0, 0, 0, time.UTC),
				Source: "ch_1", Charge: "ch_1", Intent: "pi_1", Payout: "po_1"}}, lines, name)
		}
	}
}

func TestAReportThatCanNotBeTakenNamesRowAndColumn(t *testing.T) {
	t.Parallel()
	const good = "txn_1,2026-11-03 10:11:12,2026-11-05 00:00:00,eur,29.95,0.69,29.26,charge,ch_1,ch_1,pi_1,po_1\n"
	for name, c := range map[string]struct {
		text, column string
		row, before  int
		reason       string
	}{
		"empty":                   {"", "", 0, 0, "is empty"},
		"a missing column":        {strings.Replace(header, ",net,", ",netto,", 1) + good, "net", 1, 0, "is missing"},
		"a column that is twice":  {"net," + header, "net", 1, 0, "is there twice"},
		"cut within a row":        {header + good + good[:40], "", 3, 1, "the file is cut"},
		"cut within quotes":       {header + good + `"txn_2`, "", 3, 1, "the file is cut"},
		"text behind a quote":     {header + `"txn_2"x` + good, "", 2, 0, "behind a closing quote"},
		"UTF-16":                  {"\xff\xfeb\x00a\x00", "", 0, 0, "UTF-16"},
		"UTF-16 without mark":     {"b\x00a\x00", "", 1, 0, "UTF-16"},
		"Latin-1":                 {header + strings.Replace(good, "charge", "geb\xfchr", 1), "", 2, 0, "is not UTF-8"},
		"a fraction of a cent":    {header + strings.Replace(good, "29.95", "29.955", 1), "gross", 2, 0, "is no amount"},
		"an amount with a comma":  {header + strings.Replace(good, "29.95", `"29,95"`, 1), "gross", 2, 0, "is no amount"},
		"a currency of nobody":    {header + strings.Replace(good, "eur", "xxx", 1), "gross", 2, 0, "no ISO 4217 currency"},
		"net that is not":         {header + strings.Replace(good, "29.26", "29.27", 1), "net", 2, 0, "is not gross - fee"},
		"no id":                   {header + strings.Replace(good, "txn_1", "", 1), "balance_transaction_id", 2, 0, "is empty"},
		"a day that is not":       {header + strings.Replace(good, "2026-11-03 ", "2026-02-30 ", 1), "created_utc", 2, 0, "is no time"},
		"no day":                  {header + strings.Replace(good, "2026-11-03 10:11:12", "", 1), "created_utc", 2, 0, "is empty"},
		"a row without end":       {header + good + `"` + strings.Repeat("x", 2<<20), "", 3, 1, "more than 1048576 bytes"},
		"a row of too many cells": {header + good + "a" + strings.Repeat(",", 12) + "\n", "", 3, 1, "has 13 fields, the header 12"},
	} {
		lines, err := all(t, reconcile.Itemized(strings.NewReader(c.text), reconcile.ItemizedConfig{Name: "november"}))
		row, ok := errors.AsType[*reconcile.RowError](err)
		require.True(t, ok, "%s: %v", name, err)
		require.Equal(t, []any{"november", c.row, c.column}, []any{row.Input, row.Row, row.Column}, name)
		require.ErrorContains(t, err, c.reason, name)
		require.ErrorIs(t, err, commerce.ErrInvalid)
		require.Len(t, lines, c.before, name)
	}
}

func TestOfAReportOverSeveralPayoutsOneCanBeTaken(t *testing.T) {
	t.Parallel()
	text := header + "txn_1,2026-11-03 10:11:12,,eur,1,0,1,charge,,,,po_1\n" + "txn_2,2026-11-03 10:11:12,,usd,1,0,1,charge,,,,po_2\n" + "txn_3,,,,,,,,,,,\n"
	lines, err := all(t, reconcile.Only("po_2", reconcile.Itemized(strings.NewReader(text), reconcile.ItemizedConfig{})))
	require.Len(t, lines, 1)
	require.Equal(t, "txn_2", lines[0].ID)
	require.ErrorContains(t, err, "row 4 ", "what can not be read might have been of it")
}

// FuzzItemized holds the reader to encoding/csv: what ours reads, that reads alike.
func FuzzItemized(f *testing.F) {
	f.Add(header + "txn_1,2026-11-03 10:11:12,2026-11-05 00:00:00,eur,29.95,0.69,29.26,charge,ch_1,ch_1,pi_1,po_1\n")
	f.Add(header + "\"txn\"\"\n1\",2026-11-03T10:11:12Z,,JPY,-1e2,0,-100,refund,re_1,,,\r\n\n")
	f.Add("\ufeffnet,net\n")
	f.Fuzz(func(t *testing.T, text string) {
		lines, err := all(t, reconcile.Itemized(strings.NewReader(text), reconcile.ItemizedConfig{}))
		if err != nil {
			_, ok := errors.AsType[*reconcile.RowError](err)
			require.True(t, ok, "%v", err)
			return
		}
		r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
		r.LazyQuotes = true
		rows, err := r.ReadAll()
		if err != nil || strings.Contains(text, "\r") {
			return // it takes less, and other ends of lines
		}
		require.Len(t, lines, len(rows)-1)
		at := slices.IndexFunc(rows[0], func(c string) bool { return strings.TrimSpace(c) == "balance_transaction_id" })
		for i, l := range lines {
			require.Equal(t, rows[i+1][at], l.ID)
			net, err := l.Amount.Sub(l.Fee)
			require.NoError(t, err)
			require.Equal(t, net, l.Net)
		}
	})
}

func TestALostConnectionIsNoEndOfAReport(t *testing.T) {
	t.Parallel()
	lost := errors.New("lost")
	_, err := all(t, reconcile.Itemized(io.MultiReader(strings.NewReader(header), iotest.ErrReader(lost)), reconcile.ItemizedConfig{}))
	require.ErrorIs(t, err, lost)
}

func TestUnitsOfACurrencyAreISOs(t *testing.T) {
	t.Parallel()
	for code, minor := range map[string]int64{"jpy": 1200, "isk": 1200, "kwd": 1200000, "mga": 120000, "eur": 120000} {
		text := header + fmt.Sprintf("txn_1,2026-11-03 10:11:12,,%s,-1200.00,0,-1200,refund,re_1,,,\n", code)
		lines, err := all(t, reconcile.Itemized(strings.NewReader(text), reconcile.ItemizedConfig{}))
		require.NoError(t, err, code)
		require.Equal(t, -minor, lines[0].Amount.Minor(), code)
		require.Equal(t, "re_1", lines[0].Refund)
	}
}

func TestOrdersAreReadByTheNamesOfTheirColumns(t *testing.T) {
	t.Parallel()
	docs, err := all(t, reconcile.Orders(strings.NewReader("kind,number,currency,amount,total,date,payment,settled,settled_currency\n"+
		"sale,100,USD,29.9,34.9,2026-11-03,pi_1-capture,27.00,EUR\nrefund,100,USD,5,,2026-11-04 08:00:00,re_1,,\n"), reconcile.OrdersConfig{}))
	require.NoError(t, err)
	require.Equal(t, []reconcile.Document{
		{System: "shop", ID: "sale/100", Number: "100", Row: 2, Amount: commerce.MustMoney(2990, "USD"), Total: commerce.MustMoney(3490, "USD"), Settled: commerce.MustMoney(2700, "EUR"),
			Date: time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC), Payment: "pi_1-capture", Intent: "pi_1"},
		{System: "shop", ID: "refund/100", Number: "100", Row: 3, Refund: true, Amount: commerce.MustMoney(500, "USD"),
			Date: time.Date(2026, 11, 4, 8, 0, 0, 0, time.UTC), Payment: "re_1", RefundID: "re_1"},
	}, docs)
	for text, want := range map[string]string{
		"number,amount,currency\n1,1,EUR\n":                            "row 1 column date: is missing",
		"amount,currency,date\n1,EUR,2026-11-03\n":                     "row 1 column id: is missing, and number too",
		"number,amount,currency,date\n,1,EUR,2026-11-03\n":             "row 2: has neither id nor number",
		"id,kind,amount,currency,date\n1,order,1,EUR,2026-11-03\n":     "row 2 column kind: is neither sale nor refund",
		"id,amount,currency,date\n1,1,EUR,\n":                          "row 2 column date: is empty",
		"id,amount,currency,date,lines\n1,1,EUR,2026-11-03,CUP|1\n":    "row 2 column lines: is not like",
		"id,amount,currency,date,lines\n1,1,EUR,2026-11-03,CUP|1|x\n":  "row 2 column lines: is not like",
		"id,amount,currency,date,taxes\n1,1,EUR,2026-11-03,DE|19|1\n":  "row 2 column taxes: is not like",
		"id,amount,currency,date,taxes\n1,1,EUR,2026-11-03,DE|x|1|1\n": "row 2 column taxes: is not like",
		"id,amount,currency,date,unsent\n1,1,EUR,2026-11-03,no\n":      "row 2 column unsent: is neither",
		"id,amount,currency,date\n1,1,EUR,2026-11-03\n2,,EUR,2026-1\n": "row 3 column amount: is no amount",
	} {
		_, err := all(t, reconcile.Orders(strings.NewReader(text), reconcile.OrdersConfig{}))
		require.ErrorContains(t, err, want)
	}
}

func TestOrdersSayLinesAndTaxes(t *testing.T) {
	t.Parallel()
	docs, err := all(t, reconcile.Orders(strings.NewReader("id,amount,currency,date,lines,taxes,unsent\n"+
		"1,29.75,EUR,2026-11-03,CUP|RED|2|20.00; shipping|1|5,DE|19.00|25.00|4.75;DE|7|0|0,true\n2,1,EUR,2026-11-03,,,\n"), reconcile.OrdersConfig{}))
	require.NoError(t, err)
	eur := func(minor int64) commerce.Money { return commerce.MustMoney(minor, "EUR") }
	require.Equal(t, []reconcile.DocumentLine{{Key: "CUP|RED", Quantity: commerce.MustDecimal("2"), Net: eur(2000)},
		{Key: "shipping", Quantity: commerce.MustDecimal("1"), Net: eur(500)}}, docs[0].Lines)
	require.Equal(t, []reconcile.TaxSum{{Country: "DE", Rate: "19", Base: eur(2500), Tax: eur(475)}, {Country: "DE", Rate: "7", Base: eur(0), Tax: eur(0)}}, docs[0].Taxes)
	require.True(t, docs[0].Unsent)
	require.Equal(t, reconcile.Document{System: "shop", ID: "2", Row: 3, Amount: eur(100), Date: time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC)}, docs[1])
}
