package inboxtest

import (
	"context"
	"fmt"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

// polled stores one page of a feed of its own: objects by id, all of one hash.
func (s *suite) polled(of commerce.Ref, hash string, ids ...string) {
	s.Helper()
	b := inbox.Batch{ID: batchID(), Revise: []string{}}
	for _, id := range ids {
		e := event(id, id)
		e.Ref = of.With(id)
		e.Object = id
		b.Events = append(b.Events, e)
		b.Revise = append(b.Revise, hash)
	}
	_, err := s.Store.Append(s.ctx(), b)
	require.NoError(s, err)
}

func (s *suite) told() {
	shop := commerce.Ref{Tenant: "t/1", System: "magento", Account: "main shop", Mode: commerce.Test}
	told := func(of commerce.Ref, after string, limit int) []string {
		s.Helper()
		got, err := s.Store.Told(s.ctx(), of, after, limit)
		require.NoError(s, err)
		return got
	}
	require.Empty(s, told(shop.With("order/"), "", 10))

	var want []string
	for n := range 120 {
		want = append(want, fmt.Sprintf("order/%d", n+1))
	}
	mixed := slices.Clone(want)
	for i := range mixed { // in no order: 7 and 120 have no common divisor
		mixed[i] = want[i*7%len(want)]
	}
	s.polled(shop, "A", mixed...)
	s.polled(shop, "B", "order/7", "order/100") // their second revision
	// What is not asked for, before, between and behind.
	s.polled(shop, "A", "order", "orders", "orders/3", "order/17/line/1", "order0/1", "return/17", "17", "9", "10", "Order/5")
	for _, change := range []func(*commerce.Ref){
		func(r *commerce.Ref) { r.Tenant = "t" },
		func(r *commerce.Ref) { r.Tenant = "" },
		func(r *commerce.Ref) { r.System = "nopcommerce" },
		func(r *commerce.Ref) { r.Account = "main" },
		func(r *commerce.Ref) { r.Account = "" },
		func(r *commerce.Ref) { r.Mode = commerce.Live },
	} {
		other := shop
		change(&other)
		s.polled(other, "A", "order/17", "order/500")
		require.Equal(s, []string{"order/17", "order/500"}, told(other.With("order/"), "", 10))
	}
	s.append(orderEvent("order/900", "900")) // not polled

	for _, limit := range []int{1, 7, 120, 500} {
		var got []string
		for after := ""; ; after = got[len(got)-1] {
			page := told(shop.With("order/"), after, limit)
			require.LessOrEqual(s, len(page), limit)
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
		}
		require.Equal(s, want, got, "in pages of %d", limit)
	}
	require.Equal(s, []string{"order/100", "order/101"}, told(shop.With("order/"), "order/99", 2))
	require.Equal(s, []string{"order/100"}, told(shop.With("order/"), "order/099", 1), "what stands behind a place where nothing is")
	require.Equal(s, []string{"9", "10", "17", "order", "orders"}, told(shop.With(""), "", 10))
	require.Equal(s, []string{"order/17/line/1"}, told(shop.With("order/17/line/"), "", 10))
	require.Empty(s, told(shop.With("order/1"+"/"), "", 10), "a part of an id is no kind")

	odd := []string{"sku/7", "sku/7 ", "sku/7%", "sku/é", "sku/a b", "sku/7\"1"}
	s.polled(shop, "A", odd...)
	require.ElementsMatch(s, odd, told(shop.With("sku/"), "", 10))
	require.ElementsMatch(s, odd[1:], told(shop.With("sku/"), "sku/7", 10))

	for of, limit := range map[string]int{"order/": 0, "order": 1} {
		_, err := s.Store.Told(s.ctx(), shop.With(of), "", limit)
		s.requireKind(err, commerce.KindInvalid)
	}
	ctx, cancel := context.WithCancel(s.ctx())
	cancel()
	_, err := s.Store.Told(ctx, shop.With("order/"), "", 1)
	require.Error(s, err)
}
