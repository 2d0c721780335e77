package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
)

// Histories of money that people and far sides make together.

// onFirst is a fault of the first write whose name begins so.
func onFirst(prefix string, f fault) func(string) fault {
	times := 1
	return func(op string) fault {
		if times == 0 || !strings.HasPrefix(op, prefix) {
			return well
		}
		times--
		return f
	}
}

// The second of two payments is worked first, and the shop names it late: its
// recording lost the answer. The news of the first comes meanwhile.
func TestOneOfTwoPaymentsIsProposedForRefundWhateverTheShopNamesLater(t *testing.T) {
	t.Parallel()
	for f, name := range everyFault {
		for _, second := range []time.Duration{0, time.Second, 20 * time.Second, time.Minute, 5 * time.Minute} {
			t.Run(fmt.Sprintf("%s, after %s", name, second), func(t *testing.T) {
				t.Parallel()
				o := newOffice(t)
				o.order("1")
				o.payment("1", []string{"1"})
				o.payment("2", []string{"1"})
				o.fault = onFirst("invoice ", f)
				o.news("evt_2", "charge.succeeded", "pi_2")
				o.wait(second)
				o.news("evt_1", "charge.succeeded", "pi_1")
				o.work()
				o.news("evt_3", "charge.updated", "pi_1")
				o.work()
				require.Empty(t, o.dead(), o.reason())
				require.Equal(t, []string{Overpaid}, o.exceptions(), "%v", o.alerts)
			})
		}
	}
}

// A plugin of the shop writes the id of the later payment on the order, after the
// earlier was worked.
func TestWhatAPluginNamesLaterMovesNoProposal(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(o *office) { o.o2c.Acts = func(string) Actor { return Plugin } })
	ref := o.order("1")
	o.payment("1", []string{"1"})
	o.payment("2", []string{"1"})
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.news("evt_2", "charge.succeeded", "pi_2")
	o.wait(time.Minute)
	o.orders[ref].PaymentID = "pi_2"
	o.work()
	require.Equal(t, []string{Overpaid}, o.exceptions(), "%v", o.alerts)
}

// The rest of what was overpaid comes later, by a payment of an earlier date.
func TestASurplusThatGrowsIsToldAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.order("1")
	o.payment("1", []string{"1"}, amount(eur(3300)), gets(eur(3300)))
	o.payment("2", []string{"1"}, amount(eur(3300)), gets(eur(3300)))
	o.payment("3", []string{"1"})
	for _, id := range []string{"1", "3", "2"} {
		o.news("evt_"+id, "charge.succeeded", "pi_"+id)
		o.work()
	}
	require.Equal(t, []string{Overpaid, Overpaid}, o.exceptions(), "%v", o.alerts)
	require.Contains(t, o.alerts[1].Text, "refund 66.00 EUR of pi_3")
	o.payments["pi_3"].Refunded = eur(2000)
	o.news("evt_4", "charge.refunded", "pi_3")
	o.work()
	require.Len(t, o.alerts, 2, "a refund is no surplus")
}

// A buyer pays twice, and the order is edited to cost more.
func TestASecondPaymentPaysForWhatAnEditAdds(t *testing.T) {
	t.Parallel()
	for quantity, proposal := range map[int64]string{3: "refund 33.00 EUR of pi_2", 4: "refund 66.00 EUR of pi_2"} {
		o, seen := taken(t)
		o.payment("2", []string{"1"})
		o.news("evt_2", "charge.succeeded", "pi_2")
		o.work()
		o.edit(quantity)
		o.settle(seen)
		require.Empty(t, o.dead(), o.reason())
		o.shows(order1, "confirmed")
		require.Contains(t, o.alerts[len(o.alerts)-1].Text, proposal)
	}
}

// What a person does at the processor on our own proposal is money that is gone.
func TestWhatWasRefundedPaysForNoGoods(t *testing.T) {
	t.Parallel()
	t.Run("an order that was canceled and comes back", func(t *testing.T) {
		t.Parallel()
		o, seen := taken(t)
		o.orders[order1].State = commerce.OrderCanceled
		o.settle(seen)
		require.Equal(t, []string{CanceledPaid}, o.exceptions())
		o.payments["pi_1"].Refunded = eur(6600)
		o.orders[order1].State = commerce.OrderProcessing
		o.settle(seen)
		for _, doc := range o.counting(order1) {
			require.Equal(t, "draft", doc.State, "the goods would leave for nothing")
		}
		require.Contains(t, o.dead(), "refunded")
	})
	t.Run("an edit to less, refunded, and back", func(t *testing.T) {
		t.Parallel()
		o, seen := taken(t)
		o.edit(1)
		o.settle(seen)
		require.Contains(t, o.text(Overpaid), "refund 33.00 EUR of pi_1")
		o.payments["pi_1"].Refunded = eur(3300)
		o.edit(2)
		o.settle(seen)
		for _, doc := range o.counting(order1) {
			require.Equal(t, "draft", doc.State, "33.00 of 66.00 are here")
		}
		require.Contains(t, o.dead(), "refunded")
	})
	t.Run("but what the shop refunded as well is no reason to stop", func(t *testing.T) {
		t.Parallel()
		o, seen := taken(t)
		o.payments["pi_1"].Refunded, o.orders[order1].Refunded = eur(500), eur(500)
		o.move("Hamburg")
		o.settle(seen)
		require.Empty(t, o.dead(), o.reason())
		o.shows(order1, "confirmed")
	})
	t.Run("while its sales order could not be written", func(t *testing.T) {
		t.Parallel()
		o := following(t)
		o.order("1")
		o.payment("1", []string{"1"})
		o.fault = func(op string) fault {
			if strings.HasPrefix(op, "sales order") {
				return refused
			}
			return well
		}
		o.news("evt_1", "charge.succeeded", "pi_1")
		o.wait(time.Second)
		o.payments["pi_1"].Refunded = eur(6600)
		o.fault = nil
		o.changed("1", 1)
		o.work()
		for _, doc := range o.counting(order1) {
			require.Equal(t, "draft", doc.State, "the goods would leave for nothing")
		}
		require.Contains(t, o.dead(), "refunded")
	})
	t.Run("while an edit was waiting to be followed", func(t *testing.T) {
		t.Parallel()
		o, seen := taken(t)
		o.payment("2", []string{"1"}, gets(eur(6600)))
		o.news("evt_2", "charge.succeeded", "pi_2")
		o.work()
		o.edit(3)
		o.fault = onFirst("cancel ", lost)
		o.poll(seen)
		o.wait(time.Second)
		o.payments["pi_1"].Refunded = eur(6600)
		o.news("evt_3", "charge.refunded", "pi_1")
		o.work()
		o.settle(seen)
		for _, doc := range o.counting(order1) {
			require.Equal(t, "draft", doc.State, "66.00 of 99.00 are here")
		}
		require.Contains(t, o.dead(), "refunded", "%v", o.sales)
	})
	t.Run("while goods were missing", func(t *testing.T) {
		t.Parallel()
		o := following(t)
		o.o2c.Warehouse = depot{o.world, "backorder"}
		o.order("1")
		o.payment("1", []string{"1"})
		o.news("evt_1", "charge.succeeded", "pi_1")
		o.work()
		require.Equal(t, []string{Backorder}, o.exceptions())
		o.payments["pi_1"].Refunded = eur(6600)
		o.o2c.Warehouse = depot{world: o.world}
		o.news("evt_2", "charge.refunded", "pi_1")
		o.changed("1", 1)
		o.work()
		require.Empty(t, o.asked, "the goods would leave for nothing")
	})
}

// The bank takes back what was handed over to the order in the place of the one that
// it was paid for.
func TestMoneyThatIsTakenBackStopsTheOrderThatInheritedIt(t *testing.T) {
	t.Parallel()
	o, seen := taken(t)
	next := o.replace(2)
	o.settle(seen)
	o.shows(next, "confirmed")
	status(commerce.PaymentReturned)(o.payments["pi_1"])
	o.news("evt_2", "charge.failed", "pi_1")
	o.work()
	require.Empty(t, o.dead(), o.reason())
	require.Equal(t, commerce.OrderOnHold, o.orders[next].State)
}

// Take has no mind for a canceled order, and the one in its place is wanted.
func TestMoneyOfAnOrderThatIsNotTakenUpReachesTheOneInItsPlace(t *testing.T) {
	t.Parallel()
	o := following(t, func(o *office) {
		o.o2c.Take = func(_ context.Context, f commerce.Facts) (bool, error) {
			return f.Order.State != commerce.OrderCanceled, nil
		}
	})
	o.order("1")
	next := o.replace(2)
	o.payment("1", []string{"1"})
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.work()
	o.settle(map[commerce.Ref]string{})
	require.Empty(t, o.dead(), o.reason())
	o.shows(next, "confirmed")
}

// A rule says no, the order is edited, the rule says yes.
func TestMoneyThatDoesNotFitAnyMoreWhenTheRuleSaysYesIsTold(t *testing.T) {
	t.Parallel()
	yes := false
	o := following(t, func(o *office) {
		o.o2c.Take = func(context.Context, commerce.Facts) (bool, error) { return yes, nil }
	})
	o.order("1")
	o.payment("1", []string{"1"})
	seen := map[commerce.Ref]string{}
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.work()
	o.settle(seen)
	require.Empty(t, o.alerts)
	o.edit(1)
	yes = true
	o.settle(seen)
	require.NotEmpty(t, append(o.dead(), o.exceptions()...), "66.00 are here, 33.00 are due, and nobody knows")
}

// An order of before the start is paid, edited, and taken up by a person.
func TestMoneyThatDoesNotFitAnyMoreWhenAPersonTakesUpIsTold(t *testing.T) {
	t.Parallel()
	o := following(t, func(o *office) { o.o2c.StartAt = o.clock })
	ref := o.order("1", func(x *commerce.Order) { x.Placed = o.clock.Add(-time.Hour) })
	o.payment("1", []string{"1"})
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.work()
	edit(o.orders[ref], 1)
	require.NoError(t, (&Adopt{OrderToCash: o.o2c, Inbox: o.inbox}).TakeUp(t.Context(), ref))
	o.work()
	require.Equal(t, []string{UnfitPayment}, o.exceptions())
	require.Empty(t, o.dead(), o.reason())
}

// Money comes for a canceled order, which is edited and comes back.
func TestMoneyOfACanceledOrderThatComesBackAsAnotherIsTold(t *testing.T) {
	t.Parallel()
	o := following(t)
	o.order("1", in(commerce.OrderCanceled))
	o.payment("1", []string{"1"})
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.work()
	require.Equal(t, []string{CanceledOrder}, o.exceptions())
	o.edit(1)
	o.orders[order1].State = commerce.OrderPending
	o.settle(map[commerce.Ref]string{})
	require.Equal(t, []string{CanceledOrder, UnfitPayment}, o.exceptions())
}

// Steps of the last release hold the document and nothing else.
func forget(t *testing.T, o *office) {
	t.Helper()
	older := idempotency.NewMemory(func() time.Time { return o.clock })
	for rec, err := range o.steps.List(t.Context(), "", time.Time{}) {
		require.NoError(t, err)
		require.Equal(t, idempotency.Done, rec.State)
		var doc json.RawMessage
		doc = rec.Result
		if strings.HasPrefix(rec.Key, prefixSalesOrder) || strings.HasPrefix(rec.Key, "shop.payment/") {
			var only commerce.Document
			require.NoError(t, json.Unmarshal(rec.Result, &only))
			doc, err = json.Marshal(only)
			require.NoError(t, err)
		}
		_, err = idempotency.Run(t.Context(), older, rec.Key, idempotency.Effect[json.RawMessage]{Class: rec.Class,
			Find: func(context.Context) (json.RawMessage, error) { return doc, nil },
			Act:  func(context.Context) (json.RawMessage, error) { return doc, nil }})
		require.NoError(t, err)
	}
	o.steps, o.o2c.Steps, o.failed.Steps = older, older, older
}

func TestStepsOfTheReleaseBeforeAreFollowed(t *testing.T) {
	t.Parallel()
	t.Run("what did not change is left alone", func(t *testing.T) {
		t.Parallel()
		o, _ := taken(t)
		forget(t, o)
		made := o.inventory()
		o.settle(map[commerce.Ref]string{})
		require.Empty(t, o.dead(), o.reason())
		require.Equal(t, made, o.inventory())
	})
	t.Run("an edit of an order that was paid before", func(t *testing.T) {
		t.Parallel()
		o, seen := taken(t)
		forget(t, o)
		o.edit(1)
		o.settle(seen)
		require.Empty(t, o.dead(), o.reason())
		o.shows(order1, "confirmed")
		require.Equal(t, []string{Overpaid}, o.exceptions())
	})
}

// A buyer pays anew for an order that was canceled after it was taken up.
func TestMoneyThatComesAfterAnOrderHasEndedIsTold(t *testing.T) {
	t.Parallel()
	for _, follow := range []bool{true, false} {
		for _, state := range []commerce.OrderState{commerce.OrderCanceled, commerce.OrderClosed} {
			t.Run(fmt.Sprintf("%s, followed %t", state, follow), func(t *testing.T) {
				t.Parallel()
				o, seen := taken(t, func(o *office) { o.follow = follow })
				o.payments["pi_1"].Refunded = eur(6600)
				o.orders[order1].State = state
				o.settle(seen)
				require.Empty(t, o.alerts)
				o.payment("2", []string{"1"})
				o.news("evt_2", "charge.succeeded", "pi_2")
				o.work()
				require.Empty(t, o.dead(), o.reason())
				require.Len(t, o.alerts, 1, "66.00 are here for nothing")
				require.Equal(t, "pi_2", o.alerts[0].Payment.ID)
			})
		}
	}
}

// An order is edited again and again before its payment's news is worked.
func TestAPaymentReachesTheLastOfManyReplacements(t *testing.T) {
	t.Parallel()
	o := following(t)
	last := o.order("1")
	o.payment("1", []string{"1"})
	for i := range 12 {
		next := o.order(fmt.Sprintf("1-%d", i+1))
		o.orders[last].State, o.orders[last].Replaced = commerce.OrderCanceled, next.ID
		last = next
	}
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.work()
	require.Empty(t, o.dead(), o.reason())
	o.shows(last, "confirmed")
	for e, err := range o.inbox.List(t.Context(), inbox.Filter{Limit: 1000}) {
		require.NoError(t, err)
		require.Less(t, len(e.Event.Ref.String()), 1000, "event ids grow with every replacement")
	}
}

// The request to cancel is lost, and goods leave before it is repeated.
func TestGoodsThatLeaveWhileACancellationIsUnknownAreALateEdit(t *testing.T) {
	t.Parallel()
	for _, end := range []bool{false, true} {
		o, seen := taken(t)
		times := 1
		o.fault = func(op string) fault {
			if !strings.HasPrefix(op, "cancel ") || times == 0 {
				return well
			}
			times--
			o.gone[order1] = true
			return nothing
		}
		want := []string{OrderChanged}
		if end {
			o.orders[order1].State = commerce.OrderCanceled
			want = []string{CanceledLate, CanceledPaid}
		} else {
			o.edit(3)
		}
		o.settle(seen)
		require.Zero(t, times)
		require.Empty(t, o.dead(), o.reason())
		require.Equal(t, want, o.exceptions())
		require.Len(t, o.counting(order1), 1)
	}
}

// An order is canceled, comes back and is canceled again.
func TestEveryCancellationOfAPaidOrderIsTold(t *testing.T) {
	t.Parallel()
	o, seen := taken(t)
	for n := range 3 {
		o.orders[order1].State = commerce.OrderCanceled
		o.settle(seen)
		o.settle(map[commerce.Ref]string{})
		require.Len(t, o.alerts, n+1)
		require.Equal(t, CanceledPaid, o.alerts[n].Name)
		o.orders[order1].State = commerce.OrderProcessing
		o.settle(seen)
	}
	o.shows(order1, "confirmed")
}

// The shop alone says whose the payment is, and an edit puts a smaller order in its place.
func TestAReplacementInheritsAPaymentThatNamesNoOrder(t *testing.T) {
	t.Parallel()
	o := following(t)
	o.order("1", namedBy("pi_1"))
	o.payment("1", nil)
	seen := map[commerce.Ref]string{}
	o.settle(seen)
	o.shows(order1, "confirmed")
	next := o.replace(1)
	o.settle(seen)
	require.Empty(t, o.dead(), o.reason())
	require.Empty(t, o.counting(order1))
	o.shows(next, "confirmed")
	require.Equal(t, []string{Overpaid}, o.exceptions())
}

// An order is edited while its payment is reserved, and what it costs by then is captured.
func TestACaptureOfWhatIsDueAfterAnEditPays(t *testing.T) {
	t.Parallel()
	o := following(t)
	o.order("1")
	o.payment("1", []string{"1"}, status(commerce.PaymentAuthorised))
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.work()
	o.edit(1)
	o.payments["pi_1"].Status, o.payments["pi_1"].Captured, o.payments["pi_1"].Authorised = commerce.PaymentCaptured, eur(3300), eur(0)
	o.news("evt_2", "charge.captured", "pi_1")
	o.wait(time.Minute)
	o.settle(map[commerce.Ref]string{})
	require.Empty(t, o.dead(), o.reason())
	o.shows(order1, "confirmed")
	require.Empty(t, o.alerts)
}
