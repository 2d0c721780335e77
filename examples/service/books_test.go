package main

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ago puts the clocks of Stripe and Magento there.
func (f *far) ago(d time.Duration) {
	f.behind.Store(int64(d))
	f.stripe.Tick()
}

const week = 7 * 24 * time.Hour

// keep configures the books, from a week ago on, with the chart beside this program.
func (f *far) keep(change map[string]any) {
	f.t.Helper()
	text, err := os.ReadFile("chart.json")
	require.NoError(f.t, err)
	var chart map[string]any
	require.NoError(f.t, json.Unmarshal(text, &chart))
	maps.Copy(chart, change)
	text, err = json.Marshal(chart)
	require.NoError(f.t, err)
	dir := f.t.TempDir()
	f.env["CHART"], f.env["REPORTS"] = filepath.Join(dir, "chart.json"), filepath.Join(dir, "reports")
	f.env["START_AT"], f.env["OPENING_ACCOUNT"] = time.Now().Add(-week).Format(time.RFC3339), "4090"
	require.NoError(f.t, os.WriteFile(f.env["CHART"], text, 0o600))
}

func TestTheBooksAreKeptFromTheCutOverToThePayout(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	f := newFar(t)
	f.magento()
	f.tryton()
	f.keep(nil)
	f.ago(week + 48*time.Hour)
	_, err = f.stripe.Adjust(10000, "eur", "what was there before")
	require.NoError(t, err)
	f.ago(0)
	for _, dry := range []bool{true, false, false} {
		said, err := f.run(task{open: true, dryRun: dry})
		require.NoError(t, err, said)
		require.Contains(t, said, "100.00 EUR")
		require.Contains(t, said, "account 1090")
		require.Equal(t, !dry, len(f.posted()) == 1, "a dry run posts nothing, and all others post once")
	}

	f.ago(50 * time.Hour) // available since two hours
	month := f.now().In(berlin).Format("2006-01")
	id := f.place(f.stripeMethod())
	f.pay(id)
	f.ago(0)
	var page, table string
	f.during(func(ctx context.Context) {
		f.deliver(ctx)
		// The opening, the receipt, the fee of its day.
		require.Eventually(t, func() bool { return f.paid(id) && len(f.posted()) == 3 }, 40*time.Second, 20*time.Millisecond)
		paid := f.stripe.PayOut()
		require.Len(t, paid, 1)
		page, table = filepath.Join(f.env["REPORTS"], paid[0].ID+".html"), filepath.Join(f.env["REPORTS"], paid[0].ID+".csv")
		f.ago(0) // and it is at the bank
		f.deliver(ctx)
		require.Eventually(t, func() bool { return len(f.posted()) == 4 && exists(page) && exists(table) }, 40*time.Second, 20*time.Millisecond)
		require.EventuallyWithT(t, func(t *assert.CollectT) {
			said, err := f.run(task{check: true})
			require.NoError(t, err, said)
			require.Contains(t, said, "/test: answers")
			require.NotContains(t, said, "account_missing")
			require.Contains(t, said, "balance: complete up to 20")
			require.Contains(t, said, "payouts: complete up to 20")
		}, 40*time.Second, 100*time.Millisecond)
	})
	said, err := f.run(task{month: month})
	require.NoError(t, err, said)
	require.Contains(t, said, "20.00 EUR")
	require.Contains(t, said, "The month is not over")
	require.FileExists(t, filepath.Join(f.env["REPORTS"], month+".html"))
	rows, err := os.ReadFile(table)
	require.NoError(t, err)
	require.Equal(t, 1, bytes.Count(rows, []byte("\n")), "all agree: %s", rows)
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func TestACheckComparesTheChartWithTheERP(t *testing.T) {
	t.Parallel()
	for name, open := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFar(t)
			open(f)
			f.keep(map[string]any{"Suspense": "9999", "Journal": "NONE"})
			said, err := f.run(task{check: true})
			require.ErrorContains(t, err, "account_missing")
			require.Contains(t, said, `no account "9999"`)
			require.Contains(t, said, `no journal "NONE"`)
			require.Contains(t, said, "balance: not read yet")
		})
	}
}

func TestAChartThatCanNotWorkIsNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change map[string]any
		want   string
	}{
		"a word nobody knows":      {map[string]any{"Clearings": "1090"}, "Clearings"},
		"a zone nobody knows":      {map[string]any{"Location": "Mars"}, "Mars"},
		"no accounts":              {map[string]any{"Clearing": nil}, "Clearing"},
		"what only a program says": {map[string]any{"Rate": "1"}, "Rate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFar(t)
			f.magento()
			f.tryton()
			f.keep(c.change)
			_, err := f.run(task{check: true})
			require.ErrorContains(t, err, c.want)
		})
	}
}
