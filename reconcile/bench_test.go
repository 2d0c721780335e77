//go:build unix

package reconcile_test

import (
	"flag"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

// benchRows is what a payout of the benchmark has, and its orders.
var benchRows = flag.Int("rows", 1_000_000, "rows of the payout and of the orders in the benchmark")

// ours explains a payout from two files, and counts what differs.
func ours(tb testing.TB, m month) int {
	report, err := os.Open(m.report)
	require.NoError(tb, err)
	defer report.Close()
	orders, err := os.Open(m.orders)
	require.NoError(tb, err)
	defer orders.Close()
	got, err := reconcile.Payout(tb.Context(), reconcile.Input{Payout: m.payout,
		Lines: reconcile.Itemized(report, reconcile.ItemizedConfig{}),
		Shop:  reconcile.Orders(orders, reconcile.OrdersConfig{})}, reconcile.Config{})
	require.NoError(tb, err)
	defer got.Close()
	require.True(tb, got.Proof.Closed(), "%+v", got.Proof)
	entry, err := got.Whole(chart())
	require.NoError(tb, err)
	require.NoError(tb, entry.Balance())
	differ := 0
	for _, err := range got.Discrepancies() {
		require.NoError(tb, err)
		differ++
	}
	return differ
}

// mapOfStructs is what most programs do: one side in a map, the other looked up in it.
func mapOfStructs(tb testing.TB, m month) int {
	type sale struct {
		reconcile.Document
		found bool
	}
	orders, err := os.Open(m.orders)
	require.NoError(tb, err)
	defer orders.Close()
	sales := map[string]*sale{}
	for d, err := range reconcile.Orders(orders, reconcile.OrdersConfig{}) {
		require.NoError(tb, err)
		sales[d.Intent] = &sale{Document: d}
	}
	report, err := os.Open(m.report)
	require.NoError(tb, err)
	defer report.Close()
	net, differ := commerce.Zero("EUR"), 0
	lines := map[string]struct{}{} // by id: a row may be there twice
	for l, err := range reconcile.Itemized(report, reconcile.ItemizedConfig{}) {
		require.NoError(tb, err)
		if net, err = net.Add(l.Net); err != nil {
			tb.Fatal(err)
		}
		if _, twice := lines[l.ID]; twice {
			differ++
		}
		lines[l.ID] = struct{}{}
		s, ok := sales[l.Intent]
		if !ok || s.Amount != l.Amount {
			differ++
		}
		if ok {
			s.found = true
		}
	}
	for _, s := range sales {
		if !s.found {
			differ++
		}
	}
	require.Equal(tb, m.payout.Amount, net)
	return differ
}

func BenchmarkPayout(b *testing.B) {
	m := generate(b, *benchRows, 1)
	for _, way := range []struct {
		name string
		run  func(testing.TB, month) int
	}{{"partitions", ours}, {"map of structs", mapOfStructs}} {
		b.Run(way.name, func(b *testing.B) {
			before := cpu(b)
			for b.Loop() {
				runtime.GC()
				require.Equal(b, m.differ, way.run(b, m))
			}
			b.ReportMetric(float64(peak(b))/(1<<20), "MB-peak-so-far") // of the process: run each alone
			b.ReportMetric((cpu(b)-before).Seconds()/float64(b.N), "cpu-s/op")
		})
	}
}

// cpu is what the process has used of all cores: on a busy machine it says more than
// the clock.
func cpu(tb testing.TB) time.Duration {
	var u syscall.Rusage
	require.NoError(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peak is the most memory that the process ever had, in bytes.
func peak(tb testing.TB) int64 {
	var u syscall.Rusage
	require.NoError(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return u.Maxrss << 10 // kilobytes on Linux
}
