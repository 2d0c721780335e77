package demo_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/examples/reconcile/demo"
	"github.com/commercesync/commerce/reconcile"
)

func newDemo(t *testing.T, rows, each int, seed uint64) *demo.Demo {
	t.Helper()
	d, err := demo.New(demo.Config{Rows: rows, Each: each, Seed: seed, Dir: t.TempDir()})
	require.NoError(t, err)
	return d
}

func explain(t *testing.T, d *demo.Demo, c reconcile.Config) *reconcile.Report {
	t.Helper()
	read := func(name string) *strings.Reader {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		return strings.NewReader(string(b))
	}
	got, err := reconcile.Payout(t.Context(), reconcile.Input{Payout: d.Payout,
		Lines: reconcile.Itemized(read(d.Files.Report), reconcile.ItemizedConfig{}),
		Shop:  reconcile.Orders(read(d.Files.Orders), reconcile.OrdersConfig{}),
		ERP:   reconcile.Orders(read(d.Files.ERP), reconcile.OrdersConfig{System: "erp"}),
	}, c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, got.Close()) })
	return got
}

func TestEveryPlantedDiscrepancyIsFoundOnceAndNoOther(t *testing.T) {
	t.Parallel()
	for rows, each := range map[int]int{200: 1, 700: 4, 5000: 13} { // each in all its variants
		d := newDemo(t, rows, each, uint64(rows))
		got := explain(t, d, reconcile.Config{OnShipment: true, CutOver: d.CutOver, Fee: demo.Fee})
		require.NoError(t, d.Check(got), rows)
		require.True(t, got.Proof.Closed(), rows)
		require.Equal(t, rows, got.Proof.Rows)
		for _, reason := range reconcile.Reasons() {
			require.Equal(t, each, got.Counts[reason], "%s in %d rows", reason, rows)
		}
	}
}

func TestTheCheckTellsWhatIsMissingAndWhatIsTooMuch(t *testing.T) {
	t.Parallel()
	d := newDemo(t, 1000, 2, 3)
	err := d.Check(explain(t, d, reconcile.Config{OnShipment: true, CutOver: d.CutOver}))
	require.ErrorContains(t, err, "fee (line", "nobody said which fee to expect")
	require.ErrorContains(t, err, "planted and not reported")

	err = d.Check(explain(t, d, reconcile.Config{OnShipment: true, CutOver: time.Time{}, Fee: demo.Fee}))
	require.ErrorContains(t, err, "missing_in_shop (line", "nobody said when the books begin")
	require.ErrorContains(t, err, "reported and not planted")

	var order string // that the shop exported twice
	for _, p := range d.Planted {
		if p.Reason == reconcile.Duplicate && p.Line == "" {
			order = p.Document
		}
	}
	b, err := os.ReadFile(d.Files.Orders)
	require.NoError(t, err)
	for row := range strings.Lines(string(b)) {
		if strings.HasPrefix(row, order+",") {
			require.NoError(t, os.WriteFile(d.Files.Orders, append(b, row...), 0o600))
			break
		}
	}
	require.ErrorContains(t, d.Check(explain(t, d, reconcile.Config{OnShipment: true, CutOver: d.CutOver, Fee: demo.Fee})), "reported twice")
}

func TestASeedDrawsTheSameFilesAgain(t *testing.T) {
	t.Parallel()
	read := func(d *demo.Demo) (all string) {
		for _, name := range []string{d.Files.Report, d.Files.Orders, d.Files.ERP} {
			b, err := os.ReadFile(name)
			require.NoError(t, err)
			all += string(b)
		}
		return all
	}
	a, b, c := newDemo(t, 500, 0, 1), newDemo(t, 500, 0, 1), newDemo(t, 500, 0, 2)
	require.Equal(t, read(a), read(b))
	require.Equal(t, a.Payout, b.Payout)
	require.NotEqual(t, read(a), read(c))
}

func TestADemoHasABound(t *testing.T) {
	t.Parallel()
	for _, rows := range []int{-1, 199, 5_000_001} {
		_, err := demo.New(demo.Config{Rows: rows, Dir: t.TempDir()})
		require.ErrorContains(t, err, "from 200 to 5000000 rows")
	}
	for _, each := range []int{-1, 100} {
		_, err := demo.New(demo.Config{Rows: 1000, Each: each, Dir: t.TempDir()})
		require.ErrorContains(t, err, "of 1000 rows from 1 to 6 of each reason")
	}
	d := newDemo(t, 25_000, 0, 1)
	require.Equal(t, 2, d.Each, "one for every 12,500 rows")
}

func TestProgressIsTold(t *testing.T) {
	t.Parallel()
	told := 0
	_, err := demo.New(demo.Config{Rows: 5000, Dir: t.TempDir(), Progress: func(rows int) { told += rows }})
	require.NoError(t, err)
	require.Greater(t, told, 12_000)
}
