package nopshop_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping/nopshop"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
	"github.com/commercesync/commerce/resilience"
)

func TestHistoryIsReadInWhatLiveCallsLeave(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		every  time.Duration // between orders
		slowly bool
	}{
		"orders of some weeks wait for live calls":  {time.Hour, true},
		"a control: orders of today are live calls": {time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				far, err := nopcommercetest.New(nopcommercetest.Config{})
				require.NoError(t, err)
				id, err := far.Place(nopcommercetest.NewOrder{Items: []nopcommercetest.NewItem{{SKU: "CUP", Price: "9.99"}}})
				require.NoError(t, err)
				require.NoError(t, far.Quietly(id, func(o *nopcommercetest.Order) { o.OrderStatusID, o.PaymentStatusID = 30, 30 }))
				require.NoError(t, far.Repeat(id, 599, c.every))
				quota, err := resilience.NewQuota(resilience.Limit{Requests: 20, Backfill: 2})
				require.NoError(t, err)
				client, err := nopcommerce.NewClient(nopcommerce.Config{BaseURL: "https://shop.example", Transport: far.Transport(),
					Credentials: commerce.Static(far.Login()), PageSize: 20, Resilience: resilience.Config{Quota: quota}})
				require.NoError(t, err)
				shop, err := nopshop.New(client, nopshop.Config{Currency: "USD"})
				require.NoError(t, err)
				f, err := shop.Changes(nopshop.ChangesConfig{})
				if c.every < time.Hour {
					f, err = shop.Changes(nopshop.ChangesConfig{From: time.Now().Add(-20 * time.Hour)})
				}
				require.NoError(t, err)
				time.Sleep(time.Minute)

				var worst time.Duration
				over := make(chan struct{})
				go func() {
					defer close(over)
					for range 20 {
						began := time.Now()
						_, err := client.Orders.Get(t.Context(), nopcommerce.ID(id))
						require.NoError(t, err)
						worst = max(worst, time.Since(began))
						time.Sleep(300 * time.Millisecond)
					}
				}()
				began, told, waits := time.Now(), 0, 0
				for c, err := range f.Changes(t.Context(), "") {
					require.NoError(t, err)
					if c.Hash != "" {
						told++
					}
					if c.Repair {
						waits++
					}
				}
				took := time.Since(began)
				<-over
				require.GreaterOrEqual(t, told, 600)
				require.Less(t, worst, 200*time.Millisecond, "a live call")
				if c.slowly {
					require.Greater(t, took, 14*time.Second, "30 pages, two a second")
					require.Greater(t, waits, 500, "and worked after today's")
				} else {
					require.Less(t, took, 4*time.Second)
					require.Zero(t, waits)
				}
			})
		})
	}
}
