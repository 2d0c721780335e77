package nopcommerce_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
)

func TestTheActivityLogNamesTheOrdersThatStaffEdited(t *testing.T) {
	t.Parallel()
	clock := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	far, err := nopcommercetest.New(nopcommercetest.Config{Now: func() time.Time { return clock }, ClockOff: time.Hour})
	require.NoError(t, err)
	var ids []int
	for range 5 {
		id, err := far.Place(nopcommercetest.NewOrder{Items: []nopcommercetest.NewItem{{SKU: "CUP", Price: "9.99"}}})
		require.NoError(t, err)
		ids = append(ids, id)
	}
	clock = clock.Add(time.Minute)
	for _, id := range ids { // all in one second, on more than one page
		require.NoError(t, far.Cancel(id))
	}
	client, err := nopcommerce.NewClient(nopcommerce.Config{BaseURL: "https://shop.example", Transport: far.Transport(),
		Credentials: commerce.Static(far.Login()), PageSize: 2, Now: func() time.Time { return clock }})
	require.NoError(t, err)
	var dates []time.Time
	ctx := nopcommerce.WithDates(t.Context(), func(d time.Time) { dates = append(dates, d) })
	got := map[nopcommerce.ID]bool{}
	for a, err := range client.Activities.List(ctx, nopcommerce.ActivityParams{EntityName: "Order", CreatedFrom: clock.Add(time.Hour)}) {
		require.NoError(t, err)
		require.Equal(t, "Order", a.EntityName)
		got[a.EntityID] = true
	}
	require.Len(t, got, 5)
	require.NotEmpty(t, dates)
	for _, d := range dates {
		require.True(t, d.Equal(clock.Add(time.Hour)), "the Date is the shop's own clock: %s", d)
	}
}
