package tryton_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/tryton"
	"github.com/commercesync/commerce/erp/tryton/trytontest"
)

// requested is a sale in process whose goods are reserved.
func requested(t *testing.T, client *tryton.Client) erp.Order {
	t.Helper()
	o, err := client.CreateOrder(t.Context(), anOrder(t, client, "K"))
	require.NoError(t, err)
	o, err = client.ConfirmOrder(t.Context(), o.Ref)
	require.NoError(t, err)
	f, err := client.RequestFulfilment(t.Context(), o.Ref)
	require.NoError(t, err)
	require.Equal(t, erp.Reserved, f.State)
	return o
}

func TestACancellationThatIsInterruptedAnywhereIsFinishedByTheNext(t *testing.T) {
	for _, kind := range []string{"refused", "lost"} {
		for at := range 40 {
			ended := false
			t.Run(fmt.Sprintf("call %d is %s", at, kind), func(t *testing.T) {
				server, client := fake(t, trytontest.Config{}, once)
				o := requested(t, client)
				calls, writes := -1, len(server.Calls())
				match := func(*http.Request) bool { calls++; return calls == at }
				f := trytontest.Fault{Kind: trytontest.Refused, Times: 1, Match: match}
				if kind == "lost" {
					f.Kind = trytontest.Lost
				}
				remove := server.Fail(f)
				got, err := client.CancelOrder(t.Context(), o.Ref)
				remove()
				if ended = err == nil; ended {
					require.Equal(t, erp.Cancelled, got.State)
					return
				}
				// Nothing, or at least that something may have been done, is what it says.
				untouched := true
				for _, c := range server.Calls()[writes:] {
					switch c.Method {
					case "model.stock.shipment.out.cancel", "model.account.invoice.cancel", "model.sale.sale.write":
						untouched = false
					}
				}
				if !untouched {
					require.ErrorIs(t, err, commerce.ErrUnknown)
				}
				got, err = client.CancelOrder(t.Context(), o.Ref)
				require.NoError(t, err)
				require.Equal(t, erp.Cancelled, got.State)
				_, err = client.FindOrder(t.Context(), "K")
				require.ErrorIs(t, err, commerce.ErrNotFound)
			})
			if ended {
				require.Greater(t, at, 8, "the faults were met")
				break
			}
		}
	}
}

func TestGoodsThatArePickedInTheSameMomentStay(t *testing.T) {
	server, client := fake(t, trytontest.Config{}, once)
	o := requested(t, client)
	var pick sync.Once
	server.Fail(trytontest.Fault{Kind: trytontest.Refused, Match: func(r *http.Request) bool {
		if trytontest.OnMethod("model.stock.shipment.out.cancel")(r) {
			pick.Do(func() { require.NoError(t, server.Pick("K")) })
		}
		return false
	}})
	_, err := client.CancelOrder(t.Context(), o.Ref)
	require.ErrorIs(t, err, commerce.ErrUnavailable, "look again")
	require.True(t, commerce.SafeToRetry(err))
	_, err = client.CancelOrder(t.Context(), o.Ref)
	require.ErrorIs(t, err, commerce.ErrConflict)
	found, err := client.FindOrder(t.Context(), "K")
	require.NoError(t, err)
	require.Equal(t, o.Ref, found.Ref)
}

func TestAServerWithAQueueCancelsWhatItHasNotProcessed(t *testing.T) {
	_, client := fake(t, trytontest.Config{Queue: true}, nil)
	o, err := client.CreateOrder(t.Context(), anOrder(t, client, "K"))
	require.NoError(t, err)
	_, err = client.ConfirmOrder(t.Context(), o.Ref)
	require.NoError(t, err)
	got, err := client.CancelOrder(t.Context(), o.Ref)
	require.NoError(t, err)
	require.Equal(t, erp.Cancelled, got.State)
}
