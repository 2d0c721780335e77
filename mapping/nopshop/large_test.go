package nopshop_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping/nopshop"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
)

// many are the orders of a large shop; fewer where each costs ten times as much.
func many() int {
	if raced || testing.Short() {
		return 4_000
	}
	return 100_000
}

// large is a shop of so many orders over some years, of which 500 are open.
func large(t *testing.T, orders int) *desk {
	t.Helper()
	d := newDesk(t, nopcommercetest.Config{KeepCalls: 100}, func(c *nopcommerce.Config) { c.PageSize = 100 })
	id := d.place(nopcommercetest.NewOrder{})
	require.NoError(t, d.far.Repeat(id, 499, time.Hour))
	require.NoError(t, d.far.Quietly(id, func(o *nopcommercetest.Order) { o.OrderStatusID, o.PaymentStatusID, o.ShippingStatusID = 30, 30, 40 }))
	require.NoError(t, d.far.Repeat(id, orders-500, 5*time.Minute))
	require.NoError(t, d.far.Quietly(id, func(o *nopcommercetest.Order) { o.OrderStatusID, o.PaymentStatusID, o.ShippingStatusID = 10, 10, 20 }))
	d.far.ClearLog()
	d.after(time.Hour)
	return d
}

// read reads a feed from its cursor on, to its end or until stop says so, and keeps nothing.
func (d *desk) read(f inbox.Feed, each func(inbox.Change) (stop bool)) {
	d.t.Helper()
	for c, err := range f.Changes(d.t.Context(), d.cursors[f]) {
		require.NoError(d.t, err)
		d.cursors[f] = c.Cursor
		if each(c) {
			return
		}
	}
}

func TestAPollCostsWhatChangedAndWhatIsOpen(t *testing.T) {
	t.Parallel()
	orders := many()
	d := large(t, orders)
	f := d.changes(nopshop.ChangesConfig{From: d.clock.Add(-24 * time.Hour)})
	d.read(f, func(inbox.Change) bool { return false })
	d.after(time.Hour)
	d.read(f, func(inbox.Change) bool { return false })
	for _, c := range []struct {
		name   string
		change func(i int)
	}{
		{"open orders that are paid", func(i int) {
			require.NoError(t, d.far.Quietly(2+i, func(o *nopcommercetest.Order) { o.OrderStatusID, o.PaymentStatusID = 20, 30 }))
		}},
		{"settled orders that an administrator refunds", func(i int) { require.NoError(t, d.far.Refund(2000+i, "1")) }},
		{"open orders that end while others are placed", func(i int) {
			if i%2 == 0 {
				d.place(nopcommercetest.NewOrder{})
			} else {
				require.NoError(t, d.far.Quietly(2+i, func(o *nopcommercetest.Order) { o.OrderStatusID, o.PaymentStatusID = 30, 30 }))
			}
		}},
	} {
		d.after(time.Hour)
		for i := range 50 {
			c.change(i)
		}
		d.after(time.Minute)
		before, told := d.far.Requests(), map[string]bool{}
		d.read(f, func(c inbox.Change) bool { told[c.Event.Subject] = true; return false })
		requests := d.far.Requests() - before
		t.Logf("%s: %d requests", c.name, requests)
		const pagesOfChanges, pagesOfOpen = 1, 5
		require.LessOrEqual(t, 10*requests, 11*(pagesOfChanges+pagesOfOpen+2), c.name)
		require.GreaterOrEqual(t, len(told), 500, c.name)
	}
}

// TestAFirstWalkStreamsAndGoesOnWhereItWasKilled measures the heap and has it for itself.
func TestAFirstWalkStreamsAndGoesOnWhereItWasKilled(t *testing.T) {
	orders := many()
	d := large(t, orders)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	f := d.changes(nopshop.ChangesConfig{})
	told, lost := make([]bool, orders+1), 0
	before, most, read, longest := heap(), uint64(0), 0, 0
	for kills := 0; ; kills++ {
		n := 0
		d.read(f, func(c inbox.Change) bool {
			n++
			read++
			if read%20_000 == 0 {
				most = max(most, heap())
			}
			longest = max(longest, len(c.Cursor))
			var id int
			if _, err := fmt.Sscanf(c.Event.Object, "order/%d", &id); err == nil {
				told[id] = true
			}
			return kills < 10 && n > orders/12
		})
		if kills == 10 {
			break
		}
	}
	for _, is := range told[1:] {
		if !is {
			lost++
		}
	}
	require.Zero(t, lost)
	require.Less(t, read, orders+orders/50+2000, "a killed poll repeats a page")
	require.Less(t, longest, 4096, "the cursor is short")
	grown := int64(most) - int64(before) //nolint:gosec // a heap
	t.Logf("%d changes read, the heap grew by %d KiB, %d requests", read, grown>>10, d.far.Requests())
	require.Less(t, grown, int64(64<<20))
}
