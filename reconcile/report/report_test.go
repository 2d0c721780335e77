package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
	"github.com/commercesync/commerce/reconcile/report"
)

var update = flag.Bool("update", false, "write the golden files")

const header = "balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,source_id,payment_intent_id,payment_metadata[commerce_number]\n"

// rows are those of a small payout: a sale that is right, one whose amount differs, one that
// nobody knows, a refund without papers, a dispute and a fee.
const rows = header + `txn_1,2026-11-03 10:00:00,eur,1229.95,18.69,1211.26,charge,ch_1,pi_1,1001
txn_2,2026-11-03 11:00:00,eur,15.00,0.47,14.53,charge,ch_2,pi_2,1002
txn_3,2026-11-04 12:00:00,eur,80.00,1.40,78.60,charge,ch_3,pi_3,1003
txn_4,2026-11-04 13:00:00,eur,-5.00,0.00,-5.00,refund,re_1,pi_1,1001
txn_5,2026-11-04 14:00:00,eur,-15.00,20.00,-35.00,dispute,dp_1,pi_2,1002
txn_6,2026-11-05 00:00:00,eur,-2.00,0.00,-2.00,fee,fee_1,,
`

const orders = `id,number,currency,amount,date,payment
order/1,1001,EUR,1229.95,2026-11-03 09:58:00,pi_1
order/2,1002,EUR,15.50,2026-11-03 10:59:00,pi_2
order/4,1004,EUR,33.00,2026-11-09 10:00:00,pi_4
`

const invoices = `id,number,currency,amount,date
invoice/1,1001,EUR,1229.95,2026-11-03
invoice/2,1002,EUR,15.00,2026-11-03
invoice/4,1004,EUR,33.00,2026-11-09
`

func explain(t testing.TB, bank int64, rows, orders, invoices string) *reconcile.Report {
	t.Helper()
	in := reconcile.Input{
		Payout: commerce.Payout{Ref: commerce.Ref{System: "stripe", Mode: commerce.Live, ID: "po_1"}, Amount: commerce.MustMoney(bank, "EUR"),
			Status: commerce.PayoutPaid, Automatic: true, Reconciled: true, Created: time.Date(2026, 11, 6, 1, 0, 0, 0, time.UTC),
			Arrival: commerce.Date{Year: 2026, Month: 11, Day: 9}},
		Lines: reconcile.Itemized(strings.NewReader(rows), reconcile.ItemizedConfig{}),
		Shop:  reconcile.Orders(strings.NewReader(orders), reconcile.OrdersConfig{}),
	}
	if invoices != "" {
		in.ERP = reconcile.Orders(strings.NewReader(invoices), reconcile.OrdersConfig{System: "erp"})
	}
	got, err := reconcile.Payout(t.Context(), in, reconcile.Config{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, got.Close()) })
	return got
}

var entry = commerce.JournalEntry{Key: "payout/po_1", Journal: "STRIPE", Date: commerce.Date{Year: 2026, Month: 11, Day: 6}, Lines: []commerce.JournalLine{
	{Account: "1370", Text: "in transit", Debit: commerce.MustMoney(126_239, "EUR"), Credit: commerce.Zero("EUR")},
	{Account: "1360", Text: "clearing", Debit: commerce.Zero("EUR"), Credit: commerce.MustMoney(126_239, "EUR")},
}}

// forms are all that a payout can be written as.
var forms = map[string]func(io.Writer, *reconcile.Report, report.Config) error{
	"payout.html":  report.HTML,
	"payout.txt":   report.Terminal,
	"payout.jsonl": report.JSONL,
	"payout.csv":   func(w io.Writer, r *reconcile.Report, _ report.Config) error { return report.CSV(w, r) },
}

func TestAPayoutIsWrittenAsTheGoldenFilesSay(t *testing.T) {
	t.Parallel()
	got := explain(t, 126_239, rows, orders, invoices)
	for name, write := range forms {
		var b bytes.Buffer
		require.NoError(t, write(&b, got, report.Config{Entries: []commerce.JournalEntry{entry}, All: "discrepancies.csv"}))
		golden := filepath.Join("testdata", name)
		if *update {
			require.NoError(t, os.WriteFile(golden, b.Bytes(), 0o600))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		require.Equal(t, string(want), b.String(), name)
	}
}

func TestEachFormIsTheSameTwice(t *testing.T) {
	t.Parallel()
	got := explain(t, 126_239, rows, orders, invoices)
	for name, write := range forms {
		var a, b bytes.Buffer
		require.NoError(t, write(&a, got, report.Config{}))
		require.NoError(t, write(&b, got, report.Config{}))
		require.Equal(t, a.String(), b.String(), name)
	}
}

func TestAnOpenPayoutSaysWhatIsNotExplained(t *testing.T) {
	t.Parallel()
	twice := rows + strings.SplitAfter(rows, "\n")[1]
	got := explain(t, 130_000, twice, orders, invoices)
	for name, want := range map[string][]string{
		"payout.html":  {"Not explained", `<span class="n">-1<i>173</i>.65</span>`, "1</span> row there more than once", "Unexplained", "Net of the rows"},
		"payout.txt":   {"open: nothing may be posted", "-1173.65 EUR of what the bank gets is in no row", "1 row there more than once", "Unexplained"},
		"payout.jsonl": {`"closed":false`, `"repeated":1`, `"rest":{"amount":"-1173.65","currency":"EUR"}`},
	} {
		var b bytes.Buffer
		require.NoError(t, forms[name](&b, got, report.Config{}))
		for _, w := range want {
			require.Contains(t, b.String(), w, name)
		}
	}
}

func TestAPayoutWithoutDiscrepanciesSaysSo(t *testing.T) {
	t.Parallel()
	got := explain(t, 1453, header+strings.SplitAfter(rows, "\n")[2], "number,currency,amount,date,payment\n1002,EUR,15.00,2026-11-03,pi_2\n", "")
	var page, table bytes.Buffer
	require.NoError(t, report.HTML(&page, got, report.Config{}))
	require.Contains(t, page.String(), "both sides agree on every row")
	require.NoError(t, report.Terminal(&table, got, report.Config{}))
	require.Contains(t, table.String(), "0 discrepancies")
}

// many is a payout of n sales that no shop knows, each a cent larger than the one before.
func many(n int) (all string, bank int64) {
	var b strings.Builder
	b.WriteString(header)
	for i := range n {
		gross := commerce.MustMoney(int64(i+100), "EUR").Text()
		fmt.Fprintf(&b, "txn_%d,2026-11-03 10:00:00,eur,%s,0.00,%s,charge,ch_%d,pi_%d,%d\n", i, gross, gross, i, i, i)
		bank += int64(i + 100)
	}
	return b.String(), bank
}

func TestPeopleAreShownTheLargestAndToldHowManyMoreThereAre(t *testing.T) {
	t.Parallel()
	all, bank := many(1234)
	got := explain(t, bank, all, "number,currency,amount,date\n", "")
	for name, c := range map[string]struct {
		most  int
		shown int
	}{"the default of a page": {0, 20}, "a number": {7, 7}, "more than there are": {2000, 1234}} {
		var page bytes.Buffer
		require.NoError(t, report.HTML(&page, got, report.Config{Most: c.most}))
		require.Equal(t, c.shown, strings.Count(page.String(), `class="r diff"><div>`), name)
		require.Contains(t, page.String(), "txn_1233<", name)
		require.Equal(t, c.shown < 1234, strings.Contains(page.String(), "more.</p>"), name)
	}
	var table bytes.Buffer
	require.NoError(t, report.Terminal(&table, got, report.Config{}))
	require.Contains(t, table.String(), "txn_1233")
	require.Contains(t, table.String(), "txn_1231")
	require.NotContains(t, table.String(), "txn_1230")
	require.Contains(t, table.String(), "and 1231 more")
	var sheet bytes.Buffer
	require.NoError(t, report.CSV(&sheet, got))
	require.Equal(t, 1235, strings.Count(sheet.String(), "\n"), "machines get all of them")
}

// hostile texts stand where others may write what they like.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `=HYPERLINK("http://evil.example";"open")`, `@SUM(1+1)`, `+1+cmd|' /C calc'!A0`,
	"-2+3", "\x1b[2J\x1b]0;owned\x07", "\u202egnp.exe", "'quoted", "\tTab",
}

func TestHostileTextsDoNothing(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	out := csv.NewWriter(&b)
	require.NoError(t, out.Write(strings.Split(strings.TrimSpace(header), ",")))
	for i, text := range hostile {
		require.NoError(t, out.Write([]string{fmt.Sprintf("%s%d", text, i), "2026-11-03 10:00:00", "eur", "1.00", "0.00", "1.00", "charge", text, text, text}))
	}
	out.Flush()
	got := explain(t, int64(100*len(hostile)), b.String(), "number,currency,amount,date\n", "")
	e := entry
	e.Lines = append([]commerce.JournalLine(nil), entry.Lines...)
	e.Lines[0].Account, e.Lines[1].Text, e.Key = hostile[0], hostile[6], hostile[1]
	c := report.Config{Title: hostile[0], All: hostile[1], Entries: []commerce.JournalEntry{e}, Most: 100, Width: 200}

	t.Run("a page has no element of theirs", func(t *testing.T) {
		var page bytes.Buffer
		require.NoError(t, report.HTML(&page, got, c))
		require.NotContains(t, page.String(), "<script")
		require.NotContains(t, page.String(), "<img")
		require.NotContains(t, page.String(), "http://evil.example\"")
		require.Contains(t, page.String(), "&lt;script&gt;alert(1)")
	})
	t.Run("a terminal gets no code of theirs", func(t *testing.T) {
		var table bytes.Buffer
		require.NoError(t, report.Terminal(&table, got, c))
		require.NotContains(t, table.String(), "\x1b")
		require.NotContains(t, table.String(), "\x07")
		require.NotContains(t, table.String(), "\u202e")
		require.Contains(t, table.String(), "?[2J?]0;owned?")
	})
	t.Run("a spreadsheet sees no formula, and a program gets back what was there", func(t *testing.T) {
		var sheet bytes.Buffer
		require.NoError(t, report.CSV(&sheet, got))
		all, err := csv.NewReader(&sheet).ReadAll()
		require.NoError(t, err)
		require.Len(t, all, len(hostile)+1)
		seen := map[string]bool{}
		for _, row := range all[1:] {
			for i, cell := range row {
				if cell == "" {
					continue
				}
				amount := strings.HasSuffix(all[0][i], "difference") || all[0][i] == "gross"
				require.True(t, amount || !strings.ContainsRune("=+-@\t\x1b", rune(cell[0])), "%s: %q", all[0][i], cell)
				if all[0][i] == "order_number" {
					seen[strings.TrimPrefix(cell, "'")] = true
				}
			}
		}
		for _, text := range hostile {
			require.True(t, seen[text], text)
		}
	})
}

func TestAmountsBelowNoughtStayAmountsInASpreadsheet(t *testing.T) {
	t.Parallel()
	var sheet bytes.Buffer
	require.NoError(t, report.CSV(&sheet, explain(t, 126_239, rows, orders, invoices)))
	all, err := csv.NewReader(&sheet).ReadAll()
	require.NoError(t, err)
	for _, row := range all[1:] {
		if row[1] == string(reconcile.AmountDiffers) && row[17] == "15.00" {
			require.Equal(t, "-0.50", row[2])
			return
		}
	}
	t.Fatal("no row whose amount differs")
}

func TestWhatBelongsTogetherIsARowWithAllItsNames(t *testing.T) {
	t.Parallel()
	got := explain(t, 126_239, rows, orders, invoices)
	var sheet bytes.Buffer
	require.NoError(t, report.MatchesCSV(&sheet, got))
	all, err := csv.NewReader(&sheet).ReadAll()
	require.NoError(t, err)
	var names []string
	for _, row := range all[1:] {
		names = append(names, strings.Join([]string{row[0], row[1], row[3], row[8], row[9], row[10], row[13]}, " "))
	}
	require.ElementsMatch(t, []string{"po_1 txn_1 pi_1 1001 order/1 invoice/1 1229.95", "po_1 txn_2 pi_2 1002 order/2 invoice/2 15.00",
		"po_1 txn_5 pi_2 1002 order/2 invoice/2 -15.00", "po_1  pi_4 1004 order/4 invoice/4 "}, names)
	require.NotContains(t, all[0], "reason")
	require.ErrorIs(t, report.MatchesCSV(&full{100}, got), errFull)
}

func TestEveryLineOfJSONLinesIsARecord(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	got := explain(t, 126_239, rows, orders, invoices)
	require.NoError(t, report.JSONL(&b, got, report.Config{Entries: []commerce.JournalEntry{entry}}))
	kinds := map[string]int{}
	for line := range strings.Lines(b.String()) {
		var r struct{ Record, Payout string }
		require.NoError(t, json.Unmarshal([]byte(line), &r), line)
		require.Equal(t, "po_1", r.Payout)
		kinds[r.Record]++
	}
	sum := 0
	for _, n := range got.Counts {
		sum += n
	}
	require.Equal(t, map[string]int{"payout": 1, "category": 4, "discrepancy": sum, "entry": 1}, kinds)
}

type full struct{ room int }

var errFull = errors.New("the disk is full")

func (f *full) Write(b []byte) (int, error) {
	if f.room -= len(b); f.room < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestAWriterThatFailsIsAnError(t *testing.T) {
	t.Parallel()
	all, bank := many(300)
	got := explain(t, bank, all, "number,currency,amount,date\n", "")
	for name, write := range forms {
		for _, room := range []int{0, 5000} {
			err := write(&full{room}, got, report.Config{Entries: []commerce.JournalEntry{entry}, Most: 200})
			require.ErrorIs(t, err, errFull, "%s after %d bytes", name, room)
		}
	}
}

func TestAConfigThatSaysNothingIsAnErrorWithTheFieldsName(t *testing.T) {
	t.Parallel()
	got := explain(t, 126_239, rows, orders, invoices)
	err := report.HTML(io.Discard, got, report.Config{Most: -1})
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.ErrorContains(t, err, "Most")
	require.ErrorContains(t, report.Terminal(io.Discard, got, report.Config{Width: 20}), "Width")
}

func TestNoLineIsWiderThanTheTerminal(t *testing.T) {
	t.Parallel()
	got := explain(t, 126_239, strings.ReplaceAll(rows, "txn_", "txn_"+strings.Repeat("x", 90)), strings.ReplaceAll(orders, "order/", "order/"+strings.Repeat("9", 80)), invoices)
	for _, width := range []int{60, 80, 132} {
		var b bytes.Buffer
		require.NoError(t, report.Terminal(&b, got, report.Config{Width: width, Entries: []commerce.JournalEntry{entry}, Title: strings.Repeat("long ", 40)}))
		for line := range strings.Lines(b.String()) {
			require.LessOrEqual(t, len([]rune(strings.TrimSuffix(line, "\n"))), width, line)
		}
	}
}

func TestColourIsForThoseWhoAsk(t *testing.T) {
	t.Parallel()
	got := explain(t, 126_239, rows, orders, invoices)
	for _, color := range []bool{false, true} {
		var b bytes.Buffer
		require.NoError(t, report.Terminal(&b, got, report.Config{Color: color}))
		require.Equal(t, color, strings.Contains(b.String(), "\x1b["))
	}
}
