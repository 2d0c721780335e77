package reconcile_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

// Three charges of 10.00, 20.00 and 20.00, a refund of 5.00 of the second: 43.50 after fees.
const (
	goodReport = header +
		"txn_1,2026-11-03 10:00:00,2026-11-05 00:00:00,eur,10.00,0.50,9.50,charge,ch_1,ch_1,pi_1,po_1\n" +
		"txn_2,2026-11-03 11:00:00,2026-11-05 00:00:00,eur,20.00,0.50,19.50,charge,ch_2,ch_2,pi_2,po_1\n" +
		"txn_3,2026-11-03 12:00:00,2026-11-05 00:00:00,eur,20.00,0.50,19.50,charge,ch_3,ch_3,pi_3,po_1\n" +
		"txn_4,2026-11-03 13:00:00,2026-11-05 00:00:00,eur,-5.00,0.00,-5.00,refund,re_4,ch_2,pi_2,po_1\n"
	goodOrders = "kind,number,amount,currency,date,payment\n" +
		"sale,100,10.00,EUR,2026-11-02,pi_1\n" +
		"sale,101,20.00,EUR,2026-11-02,pi_2\n" +
		"sale,102,20.00,EUR,2026-11-02,pi_3\n" +
		"refund,101,5.00,EUR,2026-11-02,re_4\n"
)

func goodPayout() commerce.Payout {
	return commerce.Payout{Ref: commerce.Ref{System: "stripe", Mode: commerce.Live, ID: "po_1"}, Amount: eur(4350), Status: commerce.PayoutPaid,
		Automatic: true, Reconciled: true, Transaction: "txn_po", Created: day.AddDate(0, 0, 3)}
}

// verdict is what came of an input: an error, or discrepancies with their rows; and what
// could be posted.
type verdict struct {
	err          error
	found        []string
	entry, whole error
}

func judge(t *testing.T, p commerce.Payout, report, orders io.Reader) (v verdict) {
	t.Helper()
	r, err := reconcile.Payout(t.Context(), reconcile.Input{Payout: p,
		Lines: reconcile.Itemized(report, reconcile.ItemizedConfig{}), Shop: reconcile.Orders(orders, reconcile.OrdersConfig{})},
		reconcile.Config{Dir: t.TempDir()})
	if err != nil {
		return verdict{err: err, entry: err, whole: err}
	}
	defer r.Close()
	for d, err := range r.Discrepancies() {
		require.NoError(t, err)
		s := string(d.Reason)
		if d.Line != nil {
			s += fmt.Sprintf(" report row %d", d.Line.Row)
		}
		if d.Document != nil {
			s += fmt.Sprintf(" orders row %d", d.Document.Row)
		}
		v.found = append(v.found, s)
	}
	_, v.entry = r.Entry(chart())
	_, v.whole = r.Whole(chart())
	return v
}

func utf16le(text string) string {
	var b bytes.Buffer
	b.WriteString("\xff\xfe")
	for _, u := range utf16.Encode([]rune(text)) {
		_ = binary.Write(&b, binary.LittleEndian, u)
	}
	return b.String()
}

func TestBadInputIsATypedErrorOrANamedDiscrepancyAndPostsNothing(t *testing.T) {
	t.Parallel()
	rows := strings.SplitAfter(goodReport, "\n") // the header first
	without := func(n int) string { return strings.Replace(goodReport, rows[n], "", 1) }
	change := func(old, with string) string {
		require.Contains(t, goodReport, old)
		return strings.Replace(goodReport, old, with, 1)
	}
	orders := func(old, with string) string {
		require.Contains(t, goodOrders, old)
		return strings.Replace(goodOrders, old, with, 1)
	}
	for name, c := range map[string]struct {
		report, orders string                 // empty = the good one
		payout         func(*commerce.Payout) // nil = the good one
		err            string                 // what the error says; empty = none
		kind           commerce.Kind          // of it; empty = invalid
		found          []string
		open           string // what the OpenError says; empty = the payout closes
		unmapped       bool   // its rows can not be booked
	}{
		"nothing is wrong":                              {},
		"a mark of the order of bytes is no fault":      {report: "\ufeff" + goodReport, orders: "\ufeff" + goodOrders},
		"cut in a row":                                  {report: goodReport[:len(goodReport)-30], err: "report row 5: has 7 fields, the header 12: the file is cut"},
		"cut between two rows":                          {report: without(4), found: []string{"missing_at_stripe orders row 5"}, open: "-5.00 EUR is unexplained"},
		"cut in its header":                             {report: header[:40], err: "report row 1 column reporting_category: is missing"},
		"empty":                                         {report: " ", err: "report row 1 column balance_transaction_id: is missing"},
		"a missing column":                              {report: change(",net,", ",netto,"), err: "report row 1 column net: is missing"},
		"a duplicated row":                              {report: goodReport + rows[2], found: []string{"duplicate report row 6"}, open: "1 rows are there twice"},
		"a duplicated row in place of another":          {report: without(3) + rows[2], found: []string{"duplicate report row 5", "missing_at_stripe orders row 4"}, open: "1 rows are there twice"},
		"a row of another settlement currency":          {report: change("eur,20.00", "usd,20.00"), err: "lines row 3 column currency: txn_2 is in USD, the payout in EUR"},
		"a row of no currency":                          {report: change("eur,20.00", "euro,20.00"), err: "report row 3 column gross: is in no ISO 4217 currency"},
		"a row of another payout":                       {report: change("pi_2,po_1", "pi_2,po_2"), err: "lines row 3 column automatic_payout_id: txn_2 is in payout po_2"},
		"UTF-16":                                        {report: utf16le(goodReport), err: "report: is UTF-16; save it as UTF-8"},
		"UTF-16 without a mark":                         {report: utf16le(goodReport)[2:], err: "report row 1: holds a byte of value nought; is the file UTF-16?"},
		"Latin-1":                                       {report: change("refund,re_4", "r\xfcckzahlung,re_4"), err: "report row 5: is not UTF-8"},
		"Latin-1 among the orders":                      {orders: orders("sale,102", "sale,B\xfcro-102"), err: "orders row 4: is not UTF-8"},
		"a payout that is not yet complete":             {payout: func(p *commerce.Payout) { p.Reconciled = false }, err: "Stripe has not yet listed all that is in it", kind: commerce.KindParked},
		"a payout made by hand":                         {payout: func(p *commerce.Payout) { p.Automatic = false }, err: "nobody can say what is in it"},
		"a payout of another amount":                    {payout: func(p *commerce.Payout) { p.Amount = eur(4351) }, open: "0.01 EUR is unexplained"},
		"a payout of another currency":                  {payout: func(p *commerce.Payout) { p.Amount = dollars(4350) }, err: "is in EUR, the payout in USD"},
		"orders in another currency":                    {orders: orders("sale,101,20.00,EUR", "sale,101,20.00,USD"), found: []string{"currency report row 3 orders row 3"}},
		"orders in no currency":                         {orders: orders("sale,101,20.00,EUR", "sale,101,20.00,EURO"), err: "orders row 3 column amount: is in no ISO 4217 currency"},
		"orders that are cut":                           {orders: goodOrders[:len(goodOrders)-12], err: "orders row 5: has 5 fields, the header 6: the file is cut"},
		"orders without a column":                       {orders: orders("amount", "total"), err: "orders row 1 column amount: is missing"},
		"an order that is there twice":                  {orders: goodOrders + "sale,101,20.00,EUR,2026-11-02,pi_2\n", found: []string{"duplicate orders row 6"}},
		"a type that nobody has seen":                   {report: change("refund,re_4", "moon_tax,re_4"), found: []string{"missing_at_stripe orders row 5", "unknown_category report row 5"}, unmapped: true},
		"a type that is empty":                          {report: change("refund,re_4", ",re_4"), found: []string{"missing_at_stripe orders row 5", "unknown_category report row 5"}, unmapped: true},
		"a net that is not gross less fee":              {report: change("0.50,19.50", "0.50,19.51"), err: "report row 3 column net: is not gross - fee"},
		"amounts of another row that still agree":       {report: change("20.00,0.50,19.50", "21.00,1.50,19.50"), found: []string{"amount report row 3 orders row 3"}},
		"amounts that do not add up to the payout":      {report: change("20.00,0.50,19.50", "20.01,0.50,19.51"), found: []string{"amount report row 3 orders row 3"}, open: "-0.01 EUR is unexplained"},
		"an amount that no computer holds":              {report: change("20.00,0.50,19.50", "99999999999999999999,0,99999999999999999999"), err: "report row 3 column gross: is no amount"},
		"a sum that no computer holds":                  {report: change("20.00,0.50,19.50", "92233720368547758.07,0,92233720368547758.07"), err: "can not be added up"},
		"a fraction of a cent":                          {report: change("20.00,0.50", "20.001,0.501"), err: "report row 3 column gross: is no amount"},
		"an amount as people write it":                  {report: change("20.00,0.50", `"20,00",0.50`), err: "report row 3 column gross: is no amount"},
		"a row with a quote that does not end":          {report: change("txn_2", `"txn_2`), err: "ends within a quoted field"},
		"a date of no calendar":                         {report: change("2026-11-03 11", "2026-11-31 11"), err: "report row 3 column created_utc: is no time"},
		"rows between which there is an empty one":      {report: change("txn_2", "\ntxn_2")},
		"a page that says that the report is not ready": {report: "<html><body>404</body></html>", err: "report row 1 column balance_transaction_id: is missing"},
	} {
		p := goodPayout()
		if c.payout != nil {
			c.payout(&p)
		}
		if c.report == "" {
			c.report = goodReport
		}
		if c.orders == "" {
			c.orders = goodOrders
		}
		v := judge(t, p, strings.NewReader(c.report), strings.NewReader(c.orders))
		require.Equal(t, c.found, v.found, name)
		switch {
		case c.err != "":
			require.ErrorContains(t, v.err, c.err, name)
			require.Equal(t, or(c.kind, commerce.KindInvalid), commerce.KindOf(v.err), name)
			require.Error(t, v.entry, name)
			require.Error(t, v.whole, name)
		case c.open != "":
			require.NoError(t, v.err, name)
			for _, err := range []error{v.entry, v.whole} {
				_, ok := errors.AsType[*reconcile.OpenError](err)
				require.True(t, ok, "%s: %v", name, err)
				require.ErrorContains(t, err, c.open, name)
			}
		default:
			require.NoError(t, v.err, name)
			require.NoError(t, v.entry, name)
			_, ok := errors.AsType[*reconcile.UnmappedError](v.whole)
			require.Equal(t, c.unmapped, ok, "%s: %v", name, v.whole)
			require.True(t, ok || v.whole == nil, name)
		}
	}
}

func or(a, b commerce.Kind) commerce.Kind {
	if a != "" {
		return a
	}
	return b
}

// Wherever a report ends too early, nothing is posted from it.
func TestAReportThatIsCutAtAnyByteIsNotTakenForWhole(t *testing.T) {
	t.Parallel()
	rows := strings.SplitAfter(goodReport, "\n")
	report := rows[0] + rows[1] + rows[4]
	p := goodPayout()
	p.Amount = eur(450)
	for at := range len(report) - 1 { // the last line feed may be missing
		if strings.HasSuffix(report[:at], "-5.00,refund,re_4,ch_2,pi_2,") {
			continue // the name of the payout is missing, and all amounts are there
		}
		v := judge(t, p, strings.NewReader(report[:at]), strings.NewReader(goodOrders))
		require.Error(t, v.entry, "cut after %q", report[:at])
		require.Error(t, v.whole)
		if v.err != nil {
			_, ok := errors.AsType[*reconcile.RowError](v.err)
			require.True(t, ok, "%v", v.err)
		}
	}
	require.NoError(t, judge(t, p, strings.NewReader(report[:len(report)-1]), strings.NewReader(goodOrders)).entry)
}

// endless reads as a report of any length: rows of which each is another, or one row.
type endless struct {
	left  int64 // bytes
	row   func(n int) string
	n     int
	text  string
	taken int64
}

func (e *endless) Read(b []byte) (int, error) {
	if e.text == "" {
		if e.left <= 0 {
			return 0, io.EOF
		}
		e.text = e.row(e.n)
		e.n++
	}
	n := copy(b, e.text)
	e.text = e.text[n:]
	e.left -= int64(n)
	e.taken += int64(n)
	return n, nil
}

func TestARowWithoutEndIsRefusedBeforeItIsRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]string{"a row": "x", "a quoted field": `"` + strings.Repeat("x\n", 1000)} {
		input := &endless{left: 1 << 30, row: func(n int) string {
			if n == 0 {
				return header + c
			}
			return strings.Repeat("x", 1<<16)
		}}
		v := judge(t, goodPayout(), input, strings.NewReader(goodOrders))
		require.ErrorContains(t, v.err, "report row 2: has more than 1048576 bytes", name)
		require.Less(t, input.taken, int64(4<<20), name)
	}
}

var gigabyte = flag.Bool("gigabyte", false, "read a report of 1 GB in TestALongReport, and look at the memory that it takes")

func TestALongReportTakesLittleMemory(t *testing.T) {
	size := int64(4 << 20)
	if *gigabyte {
		size = 1 << 30
	} else {
		t.Parallel()
	}
	net := int64(0)
	input := &endless{left: size, row: func(n int) string {
		if n == 0 {
			return header
		}
		net += 950
		return fmt.Sprintf("txn_3PqRsTuVwXyZ%012d,2026-11-03 10:00:00,2026-11-05 00:00:00,eur,10.00,0.50,9.50,charge,ch_3PqRsTuVwXyZ%012d,ch_3PqRsTuVwXyZ%012d,pi_3PqRsTuVwXyZ%012d,po_1\n", n, n, n, n)
	}}
	began := time.Now()
	r, err := reconcile.Payout(t.Context(), reconcile.Input{Payout: goodPayout(), Lines: reconcile.Itemized(input, reconcile.ItemizedConfig{}), Shop: seq[reconcile.Document]()},
		reconcile.Config{Dir: t.TempDir()})
	require.NoError(t, err)
	defer r.Close()
	require.Equal(t, net, r.Proof.Net.Minor())
	require.Equal(t, input.n-1, r.Counts[reconcile.MissingInShop], "the worst: every row is a discrepancy")
	_, err = r.Entry(chart())
	require.Error(t, err)
	t.Logf("%d bytes, %d rows in %s, %d MB at most so far", input.taken, r.Proof.Rows, time.Since(began).Round(time.Millisecond), peak(t)>>20)
	if *gigabyte {
		require.Less(t, peak(t), int64(96<<20))
	}
}

func TestALineThatIsGivenTwiceIsAnErrorWhereverItWouldBeCountedTwice(t *testing.T) {
	t.Parallel()
	first, other := line(1, "charge", 1000, 30), line(2, "charge", 2000, 60)
	first.Row = 7
	again := first
	chart := chart()
	for name, run := range map[string]func(lines ...reconcile.Line) error{
		"entries": func(lines ...reconcile.Line) error {
			_, err := chart.Entries(t.Context(), seq(lines...))
			return err
		},
		"balances": func(lines ...reconcile.Line) error {
			_, err := reconcile.Balances(t.Context(), reconcile.BalancesInput{Lines: seq(lines...)})
			return err
		},
		"month": func(lines ...reconcile.Line) error {
			_, err := reconcile.Month(t.Context(), reconcile.MonthInput{Month: commerce.DateOf(first.Created), Chart: chart, Lines: seq(lines...)})
			return err
		},
	} {
		require.NoError(t, run(first, other), name)
		err := run(first, other, again)
		row, ok := errors.AsType[*reconcile.RowError](err)
		require.True(t, ok, "%s: %v", name, err)
		require.Equal(t, []any{7, "balance_transaction_id"}, []any{row.Row, row.Column}, name)
		require.ErrorContains(t, err, first.ID+" is there twice", name)
	}
}
