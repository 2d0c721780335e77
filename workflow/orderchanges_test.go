package workflow

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/commercesync/commerce"
)

// following is an office that minds what becomes of orders at the shop.
func following(t fataler, change ...func(*office)) *office {
	t.Helper()
	return newOffice(t, append([]func(*office){func(o *office) { o.follow = true }}, change...)...)
}

var order1 = shopRef.With("order/1")

// taken is an office with order 1 taken up, paid, and the poller's memory of it.
func taken(t fataler, change ...func(*office)) (*office, map[commerce.Ref]string) {
	t.Helper()
	o := following(t, change...)
	o.order("1", func(x *commerce.Order) {
		x.BillingAddress = commerce.Address{Name: "Ada", City: "Berlin", Country: "DE"}
		x.ShippingAddress = &commerce.Address{Name: "Ada", City: "Berlin", Country: "DE"}
	})
	o.payment("1", []string{"1"})
	seen := map[commerce.Ref]string{}
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.work()
	o.settle(seen)
	return o, seen
}

// edit makes order 1 one for so many lamps.
func (o *office) edit(quantity int64) { edit(o.orders[order1], quantity) }

func edit(x *commerce.Order, quantity int64) {
	gross := eur(3300 * quantity)
	x.Lines = []commerce.OrderLine{{ID: "1", SKU: "LAMP", Quantity: commerce.MustDecimal(fmt.Sprint(quantity)),
		Net: eur(2773 * quantity), Tax: eur(527 * quantity)}}
	x.Totals.Gross, x.Tenders = gross, []commerce.Tender{{Kind: commerce.TenderStripe, Amount: gross}}
}

func (o *office) move(city string) {
	o.orders[order1].ShippingAddress = &commerce.Address{Name: "Ada", City: city, Country: "DE"}
}

// counting are the sales orders of an order that are not cancelled.
func (o *office) counting(ref commerce.Ref) []commerce.Document {
	var out []commerce.Document
	for _, d := range o.sales {
		if d.Number == ref.String() && d.State != canceledDocument {
			out = append(out, d)
		}
	}
	return out
}

// shows requires the one sales order of an order to be as the shop is.
func (o *office) shows(ref commerce.Ref, state string) {
	o.t.Helper()
	docs := o.counting(ref)
	require.Len(o.t, docs, 1, "%v", o.sales)
	require.Equal(o.t, state, docs[0].State)
	require.Equal(o.t, contentOf(*o.orders[ref]).hash(), contentOf(o.written[docs[0].Ref]).hash(), "the ERP is not as the shop is")
	require.Equal(o.t, state == "confirmed", o.asked[docs[0].Ref], "goods are asked for once the order is paid")
}

func (o *office) text(name string) string {
	for _, x := range o.alerts {
		if x.Name == name {
			return x.Text
		}
	}
	return ""
}

func TestAnEditBeforeGoodsArePackedIsFollowed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		edit   func(*office)
		state  string
		alerts []string
	}{
		{"a smaller order is confirmed, and the rest proposed for refund", func(o *office) { o.edit(1) }, "confirmed", []string{Overpaid}},
		{"a larger order waits as a draft for the rest", func(o *office) { o.edit(3) }, "draft", []string{}},
		{"another address", func(o *office) { o.move("Hamburg") }, "confirmed", []string{}},
		{"another tax", func(o *office) {
			o.orders[order1].Lines[0].Taxes = []commerce.TaxLine{{Code: "OSS", Amount: eur(1054)}}
		}, "confirmed", []string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o, seen := taken(t)
			o.shows(order1, "confirmed")
			c.edit(o)
			require.Positive(t, o.settle(seen))
			require.Empty(t, o.dead(), o.reason())
			o.shows(order1, c.state)
			require.Equal(t, c.alerts, o.exceptions())
			require.Len(t, o.sales, 2)
			require.Equal(t, 1, o.made["invoice order/1"], "the payment is recorded once")
		})
	}
}

func TestTheRestOfALargerOrderConfirmsIt(t *testing.T) {
	t.Parallel()
	o, seen := taken(t)
	o.edit(3)
	o.settle(seen)
	o.shows(order1, "draft")
	o.payment("2", []string{"1"}, amount(eur(3300)), gets(eur(3300)))
	o.news("evt_2", "charge.succeeded", "pi_2")
	o.work()
	require.Empty(t, o.dead(), o.reason())
	o.shows(order1, "confirmed")
	require.Len(t, o.sales, 2)
}

func TestAnEditThatIsTakenBackEndsAsTheShopIs(t *testing.T) {
	t.Parallel()
	t.Run("before anybody looked", func(t *testing.T) {
		t.Parallel()
		o, seen := taken(t)
		o.edit(1)
		o.changed("1", 1001)
		o.orders[order1].Lines = nil
		edit(o.orders[order1], 2)
		o.orders[order1].Lines[0].Net, o.orders[order1].Lines[0].Tax = eur(5546), eur(1054)
		o.work()
		o.settle(seen)
		o.shows(order1, "confirmed")
		require.Len(t, o.sales, 1, "nothing was to be done")
	})
	t.Run("after it was followed", func(t *testing.T) {
		t.Parallel()
		o, seen := taken(t)
		for _, n := range []int64{1, 2, 1, 2} {
			o.edit(n)
			o.settle(seen)
			o.shows(order1, "confirmed")
		}
		require.Empty(t, o.dead(), o.reason())
	})
	t.Run("while the first sales order is being cancelled", func(t *testing.T) {
		t.Parallel()
		for f, name := range everyFault {
			o, seen := taken(t)
			times := 1
			o.fault = func(op string) fault {
				if !strings.HasPrefix(op, "cancel ") || times == 0 {
					return well
				}
				times--
				o.edit(2)
				return f
			}
			o.edit(1)
			o.settle(seen)
			require.Zero(t, times, name)
			require.Empty(t, o.dead(), o.reason())
			o.shows(order1, "confirmed")
		}
	})
}

func TestALateEditIsAProposal(t *testing.T) {
	t.Parallel()
	t.Run("of the lines", func(t *testing.T) {
		t.Parallel()
		o, seen := taken(t)
		o.gone[order1] = true
		o.edit(3)
		o.settle(seen)
		o.settle(map[commerce.Ref]string{}) // and is told once
		require.Empty(t, o.dead(), o.reason())
		require.Equal(t, []string{OrderChanged}, o.exceptions())
		require.Contains(t, o.text(OrderChanged), "quantity 2 → 3")
		require.Contains(t, o.text(OrderChanged), "total 66.00 EUR → 99.00 EUR")
		require.Len(t, o.sales, 1)
		require.Equal(t, eur(6600), o.sales[0].Total)
		o.edit(4)
		o.settle(seen)
		require.Equal(t, []string{OrderChanged, OrderChanged}, o.exceptions(), "another edit is another matter")
	})
	t.Run("of an address", func(t *testing.T) {
		t.Parallel()
		o, seen := taken(t)
		o.gone[order1] = true
		o.move("Hamburg")
		o.settle(seen)
		require.Equal(t, []string{AddressChanged}, o.exceptions())
		require.NotContains(t, o.text(AddressChanged), "Hamburg", "no people in alerts")
	})
	t.Run("of a part that is canceled, which no sales order can say", func(t *testing.T) {
		t.Parallel()
		o, seen := taken(t)
		o.orders[order1].Lines[0].Canceled = commerce.MustDecimal("1")
		o.settle(seen)
		require.Empty(t, o.dead(), o.reason())
		require.Equal(t, []string{OrderChanged}, o.exceptions())
		require.Len(t, o.counting(order1), 1)
	})
}

func TestACanceledOrderIsCancelledAtTheERP(t *testing.T) {
	t.Parallel()
	t.Run("after Grace, and what is held is proposed for refund", func(t *testing.T) {
		t.Parallel()
		o, seen := taken(t)
		o.orders[order1].State = commerce.OrderCanceled
		o.poll(seen)
		o.wait(9 * time.Minute)
		require.Len(t, o.counting(order1), 1)
		require.Empty(t, o.alerts)
		o.work()
		require.Empty(t, o.counting(order1))
		require.Equal(t, []string{CanceledPaid}, o.exceptions())
		require.Contains(t, o.text(CanceledPaid), "refund 66.00 EUR of pi_1")
		require.Empty(t, o.dead(), o.reason())
	})
	t.Run("without money nothing is proposed", func(t *testing.T) {
		t.Parallel()
		o, seen := taken(t)
		o.payments["pi_1"].Refunded = eur(6600)
		o.orders[order1].State = commerce.OrderClosed
		o.settle(seen)
		require.Empty(t, o.counting(order1))
		require.Empty(t, o.exceptions())
	})
	t.Run("not where it was taken back meanwhile", func(t *testing.T) {
		t.Parallel()
		o, seen := taken(t)
		o.orders[order1].State = commerce.OrderCanceled
		o.poll(seen)
		o.wait(5 * time.Minute)
		o.orders[order1].State = commerce.OrderProcessing
		o.settle(seen)
		o.shows(order1, "confirmed")
		require.Len(t, o.sales, 1)
		require.Empty(t, o.alerts)
	})
	t.Run("and one that comes back is written anew", func(t *testing.T) {
		t.Parallel()
		o, seen := taken(t)
		o.orders[order1].State = commerce.OrderCanceled
		o.settle(seen)
		require.Empty(t, o.counting(order1))
		o.orders[order1].State = commerce.OrderProcessing
		o.settle(seen)
		require.Empty(t, o.dead(), o.reason())
		o.shows(order1, "confirmed")
	})
	t.Run("not once goods have left", func(t *testing.T) {
		t.Parallel()
		o, seen := taken(t)
		o.gone[order1] = true
		o.orders[order1].State = commerce.OrderCanceled
		o.settle(seen)
		require.Len(t, o.counting(order1), 1)
		require.Equal(t, []string{CanceledLate, CanceledPaid}, o.exceptions())
	})
	t.Run("nor where they were sent and the money given back", func(t *testing.T) {
		t.Parallel()
		o, seen := taken(t)
		o.orders[order1].State, o.orders[order1].Lines[0].Shipped = commerce.OrderClosed, commerce.MustDecimal("2")
		o.settle(seen)
		require.Len(t, o.counting(order1), 1)
		require.Empty(t, o.exceptions())
	})
}

// replace edits order 1 as Magento does: another order takes its place.
func (o *office) replace(quantity int64) commerce.Ref {
	next := o.order("1-1", func(x *commerce.Order) { edit(x, quantity) })
	o.orders[order1].State, o.orders[order1].Replaced = commerce.OrderCanceled, next.ID
	return next
}

func TestAReplacementInheritsThePayment(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		quantity int64
		alerts   []string
		counts   int
	}{
		{"of the same total", 2, []string{}, 1},
		{"of less: the rest is proposed for refund", 1, []string{Overpaid}, 1},
		{"of more: it waits for the rest", 3, []string{}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o, seen := taken(t)
			next := o.replace(c.quantity)
			o.settle(seen)
			require.Empty(t, o.dead(), o.reason())
			require.Empty(t, o.counting(order1), "the old one counts no more")
			require.Equal(t, c.alerts, o.exceptions())
			require.Len(t, o.counting(next), c.counts)
			if c.counts > 0 {
				o.shows(next, "confirmed")
				require.Equal(t, "pi_1", o.orders[next].PaymentID)
			}
		})
	}
	t.Run("that came before the old one was taken up", func(t *testing.T) {
		t.Parallel()
		o := following(t)
		o.order("1")
		next := o.replace(2)
		o.payment("1", []string{"1"})
		o.news("evt_1", "charge.succeeded", "pi_1")
		o.work()
		require.Empty(t, o.dead(), o.reason())
		require.Empty(t, o.exceptions())
		require.Empty(t, o.counting(order1))
		o.shows(next, "confirmed")
	})
	t.Run("that was itself replaced", func(t *testing.T) {
		t.Parallel()
		o, seen := taken(t)
		next := o.replace(1)
		o.settle(seen)
		last := o.order("1-2", func(x *commerce.Order) { edit(x, 2) })
		o.orders[next].State, o.orders[next].Replaced = commerce.OrderCanceled, last.ID
		o.settle(seen)
		require.Empty(t, o.dead(), o.reason())
		require.Empty(t, o.counting(order1))
		require.Empty(t, o.counting(next))
		o.shows(last, "confirmed")
	})
	t.Run("not where the goods of the old one have left", func(t *testing.T) {
		t.Parallel()
		o, seen := taken(t)
		o.gone[order1] = true
		next := o.replace(2)
		o.settle(seen)
		require.Equal(t, []string{ReplacedOrder}, o.exceptions())
		require.Empty(t, o.counting(next), "goods would go out twice")
	})
	t.Run("nor where the shop does not have it", func(t *testing.T) {
		t.Parallel()
		o, seen := taken(t)
		delete(o.orders, o.replace(2))
		o.settle(seen)
		require.Equal(t, []string{ReplacedOrder}, o.exceptions())
		require.Contains(t, o.text(ReplacedOrder), "refund")
		require.Empty(t, o.counting(order1), "nobody wants the goods of the old one")
	})
}

func TestOneOfSeveralOrdersThatIsEditedKeepsItsShare(t *testing.T) {
	t.Parallel()
	o := following(t)
	o.order("1")
	o.order("2")
	o.payment("1", []string{"1", "2"}, amount(eur(13200)))
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.work()
	seen := map[commerce.Ref]string{}
	o.settle(seen)
	o.edit(3)
	o.settle(seen)
	require.Empty(t, o.dead(), o.reason())
	o.shows(order1, "draft") // 66.00 of 99.00
	o.shows(shopRef.With("order/2"), "confirmed")
}

func TestOwnWritesAreNoEdits(t *testing.T) {
	t.Parallel()
	o, seen := taken(t)
	writes := 0
	o.fault = func(string) fault { writes++; return well }
	x := o.orders[order1]
	x.Lines[0].Invoiced, x.Lines[0].Shipped = commerce.MustDecimal("2"), commerce.MustDecimal("2.0000")
	x.Lines[0].Quantity = commerce.MustDecimal("2.0000")
	x.State, x.Updated, x.Paid, x.RawStatus = commerce.OrderComplete, o.clock, eur(6600), "complete"
	require.Positive(t, o.settle(seen))
	o.changed("1", 1000)
	o.work()
	require.Zero(t, writes, o.inventory())
	require.Len(t, o.sales, 1)
}

func TestASweepKnowsWhichSalesOrderCounts(t *testing.T) {
	t.Parallel()
	o, seen := taken(t)
	o.edit(1)
	o.settle(seen)
	o.alerts = nil
	report, err := o.o2c.Sweep(t.Context(), time.Time{})
	require.NoError(t, err)
	require.Equal(t, SweepReport{Checked: 1}, report)
	twin := commerce.Document{Ref: erpRef.With("sale/twin"), Number: order1.String(), State: "draft"}
	o.sales = append(o.sales, twin)
	report, err = o.o2c.Sweep(t.Context(), time.Time{})
	require.NoError(t, err)
	require.Len(t, report.Doubles, 1)
	require.Equal(t, "sale/2", report.Doubles[0].Kept.Ref.ID)
	require.Len(t, report.Doubles[0].Withdrawn, 1)
	o.shows(order1, "confirmed")
}

func TestACorrectionOfAPersonIsNoEdit(t *testing.T) {
	t.Parallel()
	o := following(t)
	o.order("1")
	o.payment("1", []string{"1"})
	e := o.event("evt_1", "charge.succeeded", "pi_1")
	e.Overlay = commerce.Overlay{"order.lines.0.sku": []byte(`"LAMP-2"`)}
	o.deliver(e)
	o.work()
	require.Empty(t, o.dead(), o.reason())
	o.settle(map[commerce.Ref]string{})
	docs := o.counting(order1)
	require.Len(t, docs, 1)
	require.Len(t, o.sales, 1)
	require.Equal(t, "LAMP-2", o.written[docs[0].Ref].Lines[0].SKU)
}

// history plays a random life of order 1 and requires the end to be as the shop is.
func history(t *rapid.T, change ...func(*office)) {
	o := following(t, append(change, func(o *office) { o.fault = draw(t) })...)
	o.order("1", func(x *commerce.Order) { x.ShippingAddress = &commerce.Address{City: "Berlin"} })
	o.payment("1", []string{"1"})
	o.news("evt_1", "charge.succeeded", "pi_1")
	for recorded := false; !recorded; { // an order that is edited before asks for a decision
		o.wait(time.Second)
		recorded, _ = o.o2c.desk().done(context.Background(), keyPayment(order1))
	}
	seen := map[commerce.Ref]string{}
	last := order1
	for i := range rapid.IntRange(1, 6).Draw(t, "steps") {
		o.wait(time.Duration(rapid.IntRange(0, 30*60).Draw(t, "seconds")) * time.Second)
		x := o.orders[last]
		switch rapid.SampledFrom([]string{"edit", "edit", "move", "cancel", "return", "replace", "leave", "note"}).Draw(t, "step") {
		case "edit":
			edit(x, int64(rapid.IntRange(1, 3).Draw(t, "quantity")))
		case "move":
			x.ShippingAddress = &commerce.Address{City: rapid.SampledFrom([]string{"Berlin", "Hamburg"}).Draw(t, "city")}
		case "cancel":
			if !o.gone[last] {
				x.State = commerce.OrderCanceled
			}
		case "return":
			if x.State == commerce.OrderCanceled {
				x.State = commerce.OrderProcessing
			}
		case "replace":
			if !o.gone[last] && len(o.orders) < 4 {
				next := o.order(fmt.Sprintf("1-%d", i), func(y *commerce.Order) {
					edit(y, int64(rapid.IntRange(1, 3).Draw(t, "quantity")))
				})
				x.State, x.Replaced = commerce.OrderCanceled, next.ID
				last = next
			}
		case "leave":
			o.gone[last] = len(o.counting(last)) == 1 && o.asked[o.counting(last)[0].Ref]
		case "note":
			x.Updated = x.Updated.Add(time.Hour)
		}
		for range rapid.IntRange(0, 2).Draw(t, "polls") {
			if rapid.Bool().Draw(t, "news is doubled") {
				o.changed(strings.TrimPrefix(last.ID, "order/"), 1000+i)
			}
			o.poll(seen)
		}
	}
	o.work()
	o.settle(map[commerce.Ref]string{}) // the sweep tells of all once more
	require.Empty(t, o.dead(), o.reason())
	for ref, x := range o.orders {
		docs := o.counting(ref)
		require.LessOrEqual(t, len(docs), 1, "%v", o.sales)
		switch {
		case o.gone[ref]:
			require.Len(t, docs, 1, "what has left stays")
			if !ended(*x) && contentOf(*x).hash() != contentOf(o.written[docs[0].Ref]).hash() {
				require.True(t, slices.ContainsFunc(o.alerts, func(a Exception) bool {
					return a.Order == ref && a.Mark == contentOf(*x).hash() && a.Text != ""
				}), "a late edit is told: %v", o.exceptions())
			}
		case ended(*x):
			require.Empty(t, docs, "a canceled order counts no more")
		case len(docs) == 1:
			paid := x.Totals.Gross.Minor() <= 6600
			o.shows(ref, map[bool]string{true: "confirmed", false: "draft"}[paid])
		default:
			require.Greater(t, x.Totals.Gross.Minor(), int64(6600), "it is paid and has no sales order: %v", o.sales)
		}
	}
	for _, d := range o.sales {
		require.False(t, d.State == canceledDocument && o.gone[d.Ref])
	}
	require.Equal(t, 1, max(1, o.made["invoice order/1"]))
}

func TestWhateverBecomesOfAnOrderTheERPEndsAsTheShop(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) { history(t) })
}

func TestWithoutFollowingTheERPStaysBehind(t *testing.T) {
	t.Parallel()
	o, seen := taken(t, func(o *office) { o.follow = false })
	o.edit(1)
	o.settle(seen)
	require.NotEqual(t, contentOf(*o.orders[order1]).hash(), contentOf(o.written[o.counting(order1)[0].Ref]).hash())
}

func TestAnOrderThatIsDeletedAfterItWasCanceledStandsNowhere(t *testing.T) {
	t.Parallel()
	o, seen := taken(t)
	o.payments["pi_1"].Refunded = eur(6600)
	o.orders[order1].State = commerce.OrderCanceled
	o.settle(seen)
	delete(o.orders, order1)
	e := changed("1", 1000, o.clock)
	e.Type = orderDeleted
	o.deliver(e)
	o.work()
	require.Empty(t, o.dead(), o.reason())
	require.Empty(t, o.exceptions())
}
