//go:build unix

package reconcile_test

import (
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

const benchRows = 300_000

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
	m := generate(b, benchRows, 1)
	for name, run := range map[string]func(testing.TB, month) int{"ours": ours, "map of structs": mapOfStructs} {
		b.Run(name, func(b *testing.B) {
			before := cpu(b)
			for b.Loop() {
				runtime.GC()
				require.Equal(b, m.differ, run(b, m))
			}
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
