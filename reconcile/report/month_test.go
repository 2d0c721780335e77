package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"iter"
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

func eur(minor int64) commerce.Money { return commerce.MustMoney(minor, "EUR") }

func november(day int) commerce.Date {
	return commerce.Date{Year: 2026, Month: time.November, Day: day}
}

func seq[T any](all ...T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range all {
			if !yield(v, nil) {
				return
			}
		}
	}
}

func moved(day int, id, category string, amount, fee int64) reconcile.Line {
	return reconcile.Line{ID: id, Category: category, Amount: eur(amount), Fee: eur(fee), Net: eur(amount - fee), Created: time.Date(2026, 11, day, 12, 0, 0, 0, time.UTC)}
}

func sold(id, number, rate string, day int, net, tax int64) reconcile.Document {
	return reconcile.Document{System: "magento", Shop: "main", ID: id, Number: number, Amount: eur(net + tax), Date: time.Date(2026, 11, day, 12, 0, 0, 0, time.UTC),
		Taxes: []reconcile.TaxSum{{Country: "DE", Rate: rate, Base: eur(net), Tax: eur(tax)}}}
}

func TestAMonthThatIsNotOverIsNeverReadyToClose(t *testing.T) {
	t.Parallel()
	m := aMonth(t, true)
	m.To = november(20)
	var terminal, html strings.Builder
	require.NoError(t, report.MonthTerminal(&terminal, m, report.Config{}))
	require.NoError(t, report.MonthHTML(&html, m, report.Config{}))
	for _, page := range []string{terminal.String(), html.String()} {
		require.Contains(t, page, "The month is not over: this is how it stood at the end of 2026-11-20.")
		require.NotContains(t, strings.ToLower(strings.ReplaceAll(page, "Not ready to close", "")), "ready to close")
	}
}

// aMonth is November. The ERP's ledger is off since the ninth, a tax is posted at another
// rate, and one category is on suspense; or nothing of that, where it is well.
func aMonth(t testing.TB, well bool) *reconcile.MonthView {
	t.Helper()
	paid := moved(9, "txn_9", "payout", -211_000, 0)
	paid.Source = "po_1"
	later := moved(27, "txn_27", "payout", -50_000, 0)
	later.Source = "po_2"
	charge := moved(3, "txn_3", "charge", 119_000, 3_000)
	charge.Payout = "po_1"
	lines := []reconcile.Line{charge, paid, later, moved(12, "txn_12", "charge", 107_000, 2_000), moved(20, "txn_20", "refund", -11_900, 0), moved(26, "txn_26", "risk_reserved_funds", -4_000, 0)}
	if !well {
		lines = append(lines, moved(29, "txn_29", "loyalty_settlement", 500, 0))
	}
	chart := reconcile.Chart{Company: "EUR", Clearing: map[commerce.Currency]string{"EUR": "1360"}, Transit: map[commerce.Currency]string{"EUR": "1370"},
		Categories: map[string]string{"charge": "1400", "refund": "1400", "risk_reserved_funds": "1380"}, Fees: map[string]string{"": "6855"}, Suspense: "1590"}
	entries, err := chart.Entries(t.Context(), seq(lines...))
	require.NoError(t, err)
	october := commerce.Date{Year: 2026, Month: time.October, Day: 31}
	orders := []reconcile.Document{sold("order/1", "1", "19", 3, 100_000, 19_000), sold("order/2", "2", "7", 12, 100_000, 7_000)}
	back := sold("memo/1", "1", "19", 20, 10_000, 1_900)
	back.Refund = true
	orders = append(orders, back)
	posted := append([]reconcile.Document(nil), orders...)
	ledger := []reconcile.Check{{On: october, Balance: eur(100_000)}, {On: november(3), Balance: eur(216_000)}, {On: november(9), Balance: eur(5_000)},
		{On: november(12), Balance: eur(110_000)}, {On: november(20), Balance: eur(98_100)}, {On: november(26), Balance: eur(94_100)}, {On: november(27), Balance: eur(44_100)}}
	closing := int64(44_100)
	if !well {
		posted[1] = sold("order/2", "2", "19", 12, 100_000, 7_000)
		closing += 500
		for i := range ledger[2:] {
			ledger[2+i].Balance = eur(ledger[2+i].Balance.Minor() + 100)
		}
	}
	got, err := reconcile.Month(t.Context(), reconcile.MonthInput{Month: november(1), Chart: chart, Lines: seq(lines...), Posted: seq(entries...),
		Stated: []reconcile.Check{{On: october, Balance: eur(100_000)}, {On: november(30), Balance: eur(closing)}}, Ledger: ledger,
		Payouts: []commerce.Payout{{Ref: commerce.Ref{System: "stripe", ID: "po_2"}, Amount: eur(50_000), Status: commerce.PayoutInTransit, Automatic: true,
			Created: time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC), Arrival: commerce.Date{Year: 2026, Month: time.December, Day: 1}}},
		Shop: seq(orders...), ERP: seq(posted...), Reserved: []commerce.Money{eur(1_000)}})
	require.NoError(t, err)
	return got
}

// monthForms are all that a month can be written as.
var monthForms = map[string]func(io.Writer, *reconcile.MonthView, report.Config) error{
	"month.html":  report.MonthHTML,
	"month.txt":   report.MonthTerminal,
	"month.jsonl": func(w io.Writer, m *reconcile.MonthView, _ report.Config) error { return report.MonthJSONL(w, m) },
	"month.csv":   func(w io.Writer, m *reconcile.MonthView, _ report.Config) error { return report.MonthCSV(w, m) },
}

func TestAMonthIsWrittenAsTheGoldenFilesSay(t *testing.T) {
	t.Parallel()
	got := aMonth(t, false)
	for name, write := range monthForms {
		var b bytes.Buffer
		require.NoError(t, write(&b, got, report.Config{All: "month.csv"}))
		golden := filepath.Join("testdata", name)
		if *update {
			require.NoError(t, os.WriteFile(golden, b.Bytes(), 0o600))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		require.Equal(t, string(want), b.String(), name)
	}
}

func TestAMonthSaysWhatNeedsSomebody(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		month    *reconcile.MonthView
		has, not []string
	}{
		{"a month that is off", aMonth(t, false), []string{"Clearing in EUR: the ERP's ledger differs by 1.00 EUR on 2026-11-09", "1 item is waiting on suspense"},
			[]string{"eady to close:", "Ready to close."}},
		{"a month that is well", aMonth(t, true), []string{"eady to close"}, []string{"differs by", "suspense."}},
	} {
		var page, table bytes.Buffer
		require.NoError(t, report.MonthHTML(&page, c.month, report.Config{}))
		require.NoError(t, report.MonthTerminal(&table, c.month, report.Config{Width: 120}))
		for _, want := range c.has {
			require.Contains(t, strings.ReplaceAll(page.String(), "&#39;", "'"), want, c.name)
			require.Contains(t, table.String(), want, c.name)
		}
		for _, other := range c.not {
			require.NotContains(t, table.String(), other, c.name)
		}
	}
	bare, err := reconcile.Month(t.Context(), reconcile.MonthInput{Month: november(1), Lines: seq(moved(3, "txn_1", "refund", -500, 0)),
		Chart: reconcile.Chart{Company: "EUR", Clearing: map[commerce.Currency]string{"EUR": "1360"}}})
	require.NoError(t, err)
	var table bytes.Buffer
	require.NoError(t, report.MonthTerminal(&table, bare, report.Config{Width: 120}))
	require.Contains(t, table.String(), "nobody says what it is beside the movements themselves")
	require.Contains(t, table.String(), "money is owed to Stripe")
}

func TestEveryFormOfAMonthHasTheSameFigures(t *testing.T) {
	t.Parallel()
	got := aMonth(t, false)
	var sheet, lines bytes.Buffer
	require.NoError(t, report.MonthCSV(&sheet, got))
	require.NoError(t, report.MonthJSONL(&lines, got))
	rows, err := csv.NewReader(&sheet).ReadAll()
	require.NoError(t, err)
	inSheet := map[string]int{}
	for _, row := range rows[1:] {
		if row[11] != "" || row[13] != "" {
			inSheet[row[1]+" "+row[10]]++
		}
	}
	inLines := map[string]int{}
	for line := range strings.Lines(lines.String()) {
		var r struct {
			Table   string
			Figures map[string]json.RawMessage
		}
		require.NoError(t, json.Unmarshal([]byte(line), &r))
		for name := range r.Figures {
			inLines[r.Table+" "+name]++
		}
	}
	require.Equal(t, inSheet, inLines)
	for _, table := range []string{"balance closing", "clearing difference", "clearing_day ledger", "unpaid amount", "in_transit amount", "sales sold", "sales_rate tax",
		"collected difference", "tax tax_difference", "suspense amount"} {
		require.NotZero(t, inSheet[table], table)
	}
}

func TestATableOfAMonthIsBounded(t *testing.T) {
	t.Parallel()
	got := aMonth(t, false)
	for i := range 500 {
		got.Suspense = append(got.Suspense, reconcile.Suspended{Key: "suspense/txn_" + strings.Repeat("x", i%7), Text: "fee", Amount: eur(int64(i))})
	}
	var page, table bytes.Buffer
	require.NoError(t, report.MonthHTML(&page, got, report.Config{}))
	require.Contains(t, page.String(), `and <span class="n">301</span> more`)
	require.NoError(t, report.MonthTerminal(&table, got, report.Config{}))
	require.Contains(t, table.String(), "and 481 more")
}

func TestHostileTextsInAMonthDoNothing(t *testing.T) {
	t.Parallel()
	got := aMonth(t, false)
	for _, text := range hostile {
		got.Suspense = append(got.Suspense, reconcile.Suspended{Key: text, Text: text, Amount: eur(1)})
		got.Sales = append(got.Sales, reconcile.Sales{Shop: text, Currency: "EUR", Sold: eur(1), Refunded: eur(0)})
	}
	var page, table, sheet bytes.Buffer
	require.NoError(t, report.MonthHTML(&page, got, report.Config{Title: hostile[0]}))
	require.NotContains(t, page.String(), "<script")
	require.NotContains(t, page.String(), "<img")
	require.NoError(t, report.MonthTerminal(&table, got, report.Config{Title: hostile[6]}))
	require.NotContains(t, table.String(), "\x1b")
	require.NoError(t, report.MonthCSV(&sheet, got))
	rows, err := csv.NewReader(&sheet).ReadAll()
	require.NoError(t, err)
	for _, row := range rows {
		for i, cell := range row {
			require.False(t, cell != "" && i != 11 && strings.ContainsRune("=+-@\t\x1b", rune(cell[0])), cell)
		}
	}
}

func TestAWriterThatFailsIsAnErrorOfAMonthToo(t *testing.T) {
	t.Parallel()
	got := aMonth(t, false)
	for name, write := range monthForms {
		require.ErrorIs(t, write(&full{500}, got, report.Config{}), errFull, name)
	}
	require.ErrorContains(t, report.MonthHTML(io.Discard, got, report.Config{Most: -1}), "Most")
	require.ErrorContains(t, report.MonthTerminal(io.Discard, got, report.Config{Width: 1}), "Width")
}

func TestNoLineOfAMonthIsWiderThanTheTerminal(t *testing.T) {
	t.Parallel()
	got := aMonth(t, false)
	got.Suspense = append(got.Suspense, reconcile.Suspended{Key: strings.Repeat("key", 50), Text: strings.Repeat("text", 30), Amount: eur(1)})
	for _, width := range []int{60, 80, 132} {
		var b bytes.Buffer
		require.NoError(t, report.MonthTerminal(&b, got, report.Config{Width: width}))
		for line := range strings.Lines(b.String()) {
			require.LessOrEqual(t, len([]rune(strings.TrimSuffix(line, "\n"))), width, line)
		}
		require.Contains(t, b.String(), "-1000.00", "amounts are never shortened")
	}
}
