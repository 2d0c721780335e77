package browser_test

import (
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/internal/integration/chromium"
	"github.com/commercesync/commerce/reconcile"
	"github.com/commercesync/commerce/reconcile/report"
)

// The page is the one that the example writes, as a user would run it.
func TestThePageOfAPayoutInABrowser(t *testing.T) {
	chromium.Need(t)
	dir := t.TempDir()
	program, file := chromium.Build(t, "reconcile"), filepath.Join(dir, "payout.html")
	out, err := exec.CommandContext(t.Context(), program, "-demo", "500", "-seed", "3", "-html", file, "-out", filepath.Join(dir, "discrepancies.csv")).CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "each of them once, and no other")
	seen := map[string]string{
		"h1": "po_demo3", "#verdict": "Explained to the last minor unit", "#totals": "To the bank",
		"#chart": "Refunds", "#chart svg": "svg", "#chart rect.bar.plus": "rect", "#chart rect.bar.minus": "rect", "#chart rect.bar.total": "rect",
		"#discrepancies": "Discrepancies", ".reasons": "Missing at Stripe", "#entries": "Journal entry", ".entry": "1370 Bank in transit",
	}
	for _, reason := range reconcile.Reasons() {
		seen["#"+string(reason)] = "1"
		seen["section[aria-labelledby='"+string(reason)+"'] tbody tr"] = ""
		seen["section[aria-labelledby='"+string(reason)+"'] p"] = reason.Advice()
	}
	look(t, file, seen)
}

func TestThePageOfAMonthInABrowser(t *testing.T) {
	chromium.Need(t)
	file := filepath.Join(t.TempDir(), "month.html")
	f, err := os.Create(file)
	require.NoError(t, err)
	require.NoError(t, report.MonthHTML(f, month(t), report.Config{}))
	require.NoError(t, f.Close())
	look(t, file, map[string]string{
		"h1": "November 2026", "#verdict": "the ERP's ledger differs by 1.00 EUR on 2026-11-09", "#chart-eur": "Closing", "#chart-eur tr:last-child rect.bar.total": "rect",
		".days": "svg", ".days rect.bar.minus": "rect", "#clearing-eur": "Stripe's balance", "#unpaid-eur": "3 to 7 days", "#sales": "main", "#sales_rate": "190.00",
		"#tax": "171.00", "#suspense": "loyalty_settlement",
	})
}

func eur(minor int64) commerce.Money { return commerce.MustMoney(minor, "EUR") }

func seq[T any](all ...T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, v := range all {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// month is a November in which the ERP's ledger is off since the ninth.
func month(t *testing.T) *reconcile.MonthView {
	t.Helper()
	noon := func(day int) time.Time { return time.Date(2026, 11, day, 12, 0, 0, 0, time.UTC) }
	november := func(day int) commerce.Date { return commerce.DateOf(noon(day)) }
	moved := func(day int, category string, amount, fee int64) reconcile.Line {
		return reconcile.Line{ID: "txn_" + november(day).String(), Category: category, Amount: eur(amount), Fee: eur(fee), Net: eur(amount - fee), Created: noon(day)}
	}
	lines := []reconcile.Line{moved(3, "charge", 119_000, 3_000), moved(9, "payout", -100_000, 0), moved(20, "refund", -11_900, 0), moved(26, "charge", 107_000, 2_000),
		moved(29, "loyalty_settlement", 500, 0)}
	lines[1].Source = "po_1"
	chart := reconcile.Chart{Company: "EUR", Clearing: map[commerce.Currency]string{"EUR": "1360"}, Transit: map[commerce.Currency]string{"EUR": "1370"},
		Categories: map[string]string{"charge": "1400", "refund": "1400"}, Fees: map[string]string{"": "6855"}, Suspense: "1590"}
	entries, err := chart.Entries(t.Context(), seq(lines...))
	require.NoError(t, err)
	order := reconcile.Document{System: "magento", Shop: "main", ID: "order/1", Number: "1", Amount: eur(119_000), Date: noon(3),
		Taxes: []reconcile.TaxSum{{Country: "DE", Rate: "19", Base: eur(100_000), Tax: eur(19_000)}}}
	memo := reconcile.Document{System: "magento", Shop: "main", ID: "memo/1", Number: "1", Amount: eur(11_900), Date: noon(20), Refund: true,
		Taxes: []reconcile.TaxSum{{Country: "DE", Rate: "19", Base: eur(10_000), Tax: eur(1_900)}}}
	got, err := reconcile.Month(t.Context(), reconcile.MonthInput{Month: november(1), Chart: chart, Lines: seq(lines...), Posted: seq(entries...),
		Ledger: []reconcile.Check{{On: november(3), Balance: eur(116_000)}, {On: november(9), Balance: eur(16_100)}},
		Stated: []reconcile.Check{{On: november(30), Balance: eur(109_600)}},
		Shop:   seq(order, memo), ERP: seq(order, memo)})
	require.NoError(t, err)
	return got
}
