package workflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
)

// told at the shop: revision n of an order.
func changed(id string, n int, at time.Time) commerce.Event {
	return commerce.Event{Ref: shopRef.With(fmt.Sprintf("order/%s@%d", id, n)), Type: orderChanged,
		Object: "order/" + id, Subject: "order/" + id, Created: at, Raw: []byte(`{}`)}
}

// changed delivers the shop's news of an order.
func (o *office) changed(id string, n int) {
	o.t.Helper()
	o.deliver(changed(id, n, o.clock))
}

func tenders(all ...commerce.Tender) func(*commerce.Order) {
	return func(o *commerce.Order) { o.Tenders = all }
}

var (
	covered = tenders(commerce.Tender{Kind: commerce.TenderGiftCard, Amount: eur(6000), Reference: "4"},
		commerce.Tender{Kind: commerce.TenderPoints, Amount: eur(600)})
	offline = tenders(commerce.Tender{Kind: commerce.TenderOffline, Amount: eur(6600)})
	// posted is a journey on which nothing is recorded as paid.
	unrecorded = []string{"sales order order/1", "confirm sale/1", "goods order/1"}
)

func takeAll(context.Context, commerce.Facts) (bool, error) { return true, nil }

func TestOrdersThatNeedNoMoneyOfTheProcessor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		order func(*commerce.Order)
		take  func(context.Context, commerce.Facts) (bool, error)
		made  []string
	}{
		{"one covered by a gift card and points is taken up", covered, nil, unrecorded},
		{"one that is free is taken up", func(o *commerce.Order) { o.Tenders, o.Totals.Gross = nil, eur(0) }, nil, unrecorded},
		{"one to be paid on delivery is not", offline, nil, []string{}},
		{"one to be paid on delivery in part is not", tenders(commerce.Tender{Kind: commerce.TenderGiftCard, Amount: eur(6000)},
			commerce.Tender{Kind: commerce.TenderOffline, Amount: eur(600)}), nil, []string{}},
		{"one to be paid on delivery is where a rule says so", offline, func(_ context.Context, f commerce.Facts) (bool, error) {
			return f.Order.Tenders[0].Kind == commerce.TenderOffline, nil
		}, unrecorded},
		{"one covered by a gift card is not where a rule says so", covered, func(context.Context, commerce.Facts) (bool, error) { return false, nil }, []string{}},
		{"one that waits for the processor's money waits", func(*commerce.Order) {}, takeAll, []string{}},
		{"one that is canceled is not", func(o *commerce.Order) { covered(o); in(commerce.OrderCanceled)(o) }, nil, []string{}},
		{"one that is on hold is not", func(o *commerce.Order) { covered(o); in(commerce.OrderOnHold)(o) }, nil, []string{}},
		{"one in review is not", func(o *commerce.Order) { covered(o); in(commerce.OrderReview)(o) }, nil, []string{}},
		{"one in a state of a plugin is not", func(o *commerce.Order) { covered(o); in(commerce.OrderUnknown)(o) }, nil, []string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, func(o *office) { o.o2c.Take = c.take })
			ref := o.order("1", c.order)
			o.changed("1", 1)
			o.changed("1", 2)
			o.work()
			require.Empty(t, o.dead(), o.reason())
			require.Empty(t, o.alerts)
			require.ElementsMatch(t, c.made, o.inventory())
			require.True(t, o.orders[ref].Paid.IsZero(), "nothing was paid, and nothing is recorded as paid")
			require.Empty(t, o.orders[ref].PaymentID)
		})
	}
}

func TestAnOrderThatGoesOnIsTakenUpByThatNews(t *testing.T) {
	t.Parallel()
	for _, state := range []commerce.OrderState{commerce.OrderOnHold, commerce.OrderReview, commerce.OrderUnknown} {
		o := newOffice(t)
		ref := o.order("1", covered, in(state))
		o.changed("1", 1)
		o.work()
		require.Empty(t, o.inventory())
		o.orders[ref].State = commerce.OrderProcessing
		o.changed("1", 2)
		o.work()
		require.Equal(t, sorted(unrecorded), o.inventory(), state)
	}
}

func TestARuleSaysWhatIsTakenUp(t *testing.T) {
	t.Parallel()
	inStore := func(store string) func(context.Context, commerce.Facts) (bool, error) {
		return func(_ context.Context, f commerce.Facts) (bool, error) { return f.Order.Store == store, nil }
	}
	t.Run("what it refuses is left alone whatever comes for it", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, func(o *office) { o.o2c.Take = inStore("2") })
		ref := o.order("1", in(commerce.OrderProcessing))
		o.payment("1", []string{"1"})
		for i, s := range []commerce.PaymentStatus{commerce.PaymentPending, commerce.PaymentAuthorised, commerce.PaymentCaptured, commerce.PaymentReturned} {
			status(s)(o.payments["pi_1"])
			o.news(fmt.Sprint("evt_", i), "charge.updated", "pi_1")
			o.changed("1", i)
			o.work()
		}
		require.Empty(t, o.dead(), o.reason())
		require.Empty(t, o.inventory())
		require.Empty(t, o.alerts)

		status(commerce.PaymentCaptured)(o.payments["pi_1"])
		o.orders[ref].Store = "2" // and that is news
		o.changed("1", 9)
		o.work()
		require.Equal(t, sorted(journey), o.inventory(), "what qualifies later is not lost")
	})
	t.Run("it sees the payments, also those that do not fit", func(t *testing.T) {
		t.Parallel()
		var seen []commerce.Facts
		o := newOffice(t, func(o *office) {
			o.o2c.Take = func(_ context.Context, f commerce.Facts) (bool, error) {
				seen = append(seen, f)
				return len(f.Payments) == 2, nil
			}
		})
		o.order("1")
		o.payment("1", []string{"1"})
		o.news("evt_1", "charge.succeeded", "pi_1")
		o.work()
		require.Empty(t, o.inventory())
		o.payment("2", []string{"1"}, amount(eur(100)))
		o.news("evt_2", "charge.succeeded", "pi_2") // dead: nobody ordered for 1.00
		o.changed("1", 1)
		o.work()
		require.Equal(t, []string{"amount_mismatch"}, o.dead())
		require.Equal(t, sorted(journey), o.inventory())
		require.Equal(t, "101", seen[0].Order.Number)
	})
	t.Run("its first yes counts, though our own writes change the order", func(t *testing.T) {
		t.Parallel()
		for _, step := range journey[1:] {
			times := 3
			o := newOffice(t, func(o *office) {
				o.o2c.Take = func(_ context.Context, f commerce.Facts) (bool, error) {
					return f.Order.State == commerce.OrderPending, nil
				}
				o.fault = func(op string) fault {
					if op == step && times > 0 {
						times--
						return refused
					}
					return well
				}
			})
			o.order("1")
			o.payment("1", []string{"1"})
			o.news("evt_1", "charge.succeeded", "pi_1")
			o.work()
			require.Zero(t, times, "the fault was never met")
			require.Equal(t, sorted(journey), o.inventory())
		}
	})
	t.Run("what was taken up before there was a rule is led to its end", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, func(o *office) { o.o2c.Warehouse = depot{o.world, "backorder"} })
		o.order("1")
		o.payment("1", []string{"1"})
		o.news("evt_1", "charge.succeeded", "pi_1")
		o.work()
		o.o2c.Warehouse, o.o2c.Take = depot{world: o.world}, inStore("2")
		o.changed("1", 1)
		o.work()
		require.Equal(t, 1, o.made["goods order/1"])
	})
}

func TestAFaultOfARuleLosesNoEvent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		dead []string
	}{
		"a look-up that is away is tried again":    {&commerce.Error{Kind: commerce.KindUnavailable, System: "crm", Op: "look up"}, []string{}},
		"a rule that asks for time gets it":        {&commerce.Error{Kind: commerce.KindParked, System: "crm", Op: "look up", RetryAfter: time.Hour}, []string{}},
		"an error that says nothing is tried":      {errors.New("rule: no such key"), []string{}},
		"what can not be judged is dead, and kept": {&commerce.Error{Kind: commerce.KindInvalid, System: "rules", Op: "eval"}, []string{"invalid"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			times := 3
			o := newOffice(t, func(o *office) {
				o.o2c.Take = func(context.Context, commerce.Facts) (bool, error) {
					if times--; times >= 0 {
						return true, c.err // what it says beside an error does not count
					}
					return true, nil
				}
			})
			o.order("1", covered)
			o.changed("1", 1)
			o.work()
			require.Equal(t, c.dead, o.dead(), o.reason())
			if len(c.dead) > 0 {
				require.Contains(t, o.reason(), "take up order order/1")
				times = 0
				require.NoError(t, o.inbox.Replay(t.Context(), 1, "ada", "the rule was mended", nil))
				o.work()
			}
			require.Empty(t, o.dead())
			require.Equal(t, sorted(unrecorded), o.inventory())
		})
	}
}

// namedBy is an order at the shop that has the id of a payment which says nothing of it.
func namedBy(id string) func(*commerce.Order) {
	return func(o *commerce.Order) { o.PaymentID = id }
}

func TestMoneyWhoseNewsNeverCameIsFoundByTheOrderThatNamesIt(t *testing.T) {
	t.Parallel()
	stripe := func(o *office) { o.news("evt_1", "charge.succeeded", "pi_1") }
	shop := func(o *office) { o.changed("1", 1) }
	later := func(d time.Duration) func(*office) { return func(o *office) { o.wait(d) } }
	for _, c := range []struct {
		name  string
		id    string
		hints []string // what the payment says itself
		story []func(*office)
	}{
		{"by its intent", "pi_1", nil, []func(*office){shop}},
		{"by its charge", "ch_1", nil, []func(*office){shop}},
		{"also where it says what it is for", "pi_1", []string{"1"}, []func(*office){shop}},
		{"and its late event changes nothing", "pi_1", nil, []func(*office){shop, later(2 * time.Hour), stripe}},
		{"and its event beside it changes nothing", "pi_1", nil, []func(*office){shop, stripe}},
		{"and its event that came first waits for it", "pi_1", nil, []func(*office){stripe, later(5 * time.Minute), shop}},
		{"and its event that says more changes nothing", "pi_1", []string{"1"}, []func(*office){shop, stripe, later(time.Minute), stripe}},
		{"and much news is one journey", "pi_1", nil, []func(*office){shop, func(o *office) { o.changed("1", 2) }, later(time.Hour), func(o *office) { o.changed("1", 3) }}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			ref := o.order("1", namedBy(c.id))
			o.payment("1", c.hints)
			for _, step := range c.story {
				step(o)
			}
			o.work()
			require.Empty(t, o.dead(), o.reason())
			require.Equal(t, sorted(journey), o.inventory())
			require.Equal(t, eur(6600), o.orders[ref].Paid)
			require.Empty(t, o.alerts)
		})
	}
	t.Run("and without the shop's news it is lost: the control", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		o.order("1", namedBy("pi_1"))
		o.payment("1", nil)
		stripe(o)
		o.work()
		require.Equal(t, []string{"no_order"}, o.dead())
		require.Empty(t, o.inventory())
	})
}

func TestMoneyThatAnOrderNamesIsNotAlwaysForIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		arrange func(*office)
		made    []string
		dead    []string
	}{
		{"a payment that says it is for another one is for that one", func(o *office) { o.payment("1", []string{"2"}) },
			[]string{}, []string{}}, // whose own news it is
		{"a payment for both gives each its share", func(o *office) { o.payment("1", []string{"1", "2"}, amount(eur(13200))) },
			sorted(journey, []string{"invoice order/2", "sales order order/2", "confirm sale/2", "goods order/2"}), []string{}},
		{"one that two orders name pays for the first", func(o *office) {
			o.orders[shopRef.With("order/2")].PaymentID = "pi_1"
			o.payment("1", nil)
		}, journey, []string{}},
		{"one that failed is none", func(o *office) { o.payment("1", nil, status(commerce.PaymentFailed)) }, []string{}, []string{}},
		{"one of another amount is dead, once", func(o *office) { o.payment("1", nil, amount(eur(6500))) }, []string{}, []string{"amount_mismatch"}},
		{"one that does not exist is none", func(*office) {}, []string{}, []string{}},
		{"one on its way is noted", func(o *office) { o.payment("1", nil, status(commerce.PaymentPending)) }, []string{"note order/1 pending pi_1"}, []string{}},
		{"of an order that Stripe has no part in it is not looked for", func(o *office) {
			offline(o.orders[shopRef.With("order/1")])
			o.payment("1", nil)
		}, []string{}, []string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.order("1", namedBy("pi_1"))
			o.order("2")
			c.arrange(o)
			for n := range 3 {
				o.changed("1", n)
				o.wait(time.Minute)
				o.changed("2", n)
			}
			o.work()
			require.Equal(t, c.dead, o.dead(), o.reason())
			require.ElementsMatch(t, c.made, o.inventory())
			require.Empty(t, o.alerts)
		})
	}
}

func TestAnOrderThatIsPaidAtTheShopAndNowhereElseIsToldOnce(t *testing.T) {
	t.Parallel()
	paid := func(o *commerce.Order) { o.Paid = eur(6600) }
	for _, c := range []struct {
		name       string
		order      func(*commerce.Order)
		arrange    func(*office)
		exceptions []string
	}{
		{"by its amount", paid, nil, []string{ChargeNotFound}},
		{"by its state", in(commerce.OrderProcessing), nil, []string{ChargeNotFound}},
		{"by its state, after all was sent", in(commerce.OrderComplete), nil, []string{ChargeNotFound}},
		{"by the id of a payment that there is not", func(o *commerce.Order) { paid(o); o.PaymentID = "pi_9" }, nil, []string{ChargeNotFound}},
		{"by a payment that failed", func(o *commerce.Order) { paid(o); o.PaymentID = "pi_1" },
			func(o *office) { o.payment("1", nil, status(commerce.PaymentFailed)) }, []string{ChargeNotFound}},
		{"in full, where a part came", paid, func(o *office) {
			o.payment("1", []string{"1"}, amount(eur(4000)), gets(eur(4000)))
			o.news("evt_1", "charge.succeeded", "pi_1")
		}, []string{ChargeNotFound}},
		{"not where the charge is found", func(o *commerce.Order) { paid(o); o.PaymentID = "pi_1" }, func(o *office) { o.payment("1", nil) }, []string{}},
		{"not where a bank debit is on its way", in(commerce.OrderProcessing), func(o *office) {
			o.payment("1", []string{"1"}, status(commerce.PaymentPending))
			o.news("evt_1", "charge.pending", "pi_1")
		}, []string{}},
		{"not where a person decides about it", paid, func(o *office) {
			o.payment("1", []string{"1"}, amount(eur(6500)))
			o.news("evt_1", "charge.succeeded", "pi_1")
		}, []string{}},
		{"not where nobody says that it is paid", func(*commerce.Order) {}, nil, []string{}},
		{"not where it is to be paid offline", func(o *commerce.Order) { paid(o); offline(o) }, nil, []string{}},
		{"not where it was canceled", func(o *commerce.Order) { paid(o); in(commerce.OrderCanceled)(o) }, nil, []string{}},
		{"not where a rule leaves it alone", paid, func(o *office) {
			o.o2c.Take = func(context.Context, commerce.Facts) (bool, error) { return false, nil }
		}, []string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.order("1", c.order)
			if c.arrange != nil {
				c.arrange(o)
			}
			o.changed("1", 1)
			o.wait(23 * time.Hour)
			require.Empty(t, o.exceptions(), "its news may be late")
			o.changed("1", 2)
			o.work()
			require.Equal(t, c.exceptions, o.exceptions())
			if len(c.exceptions) > 0 {
				require.Empty(t, o.dead(), o.reason())
				require.Contains(t, o.alerts[0].Text, "66.00 EUR")
			}
		})
	}
	t.Run("and not where its event comes in time", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, func(o *office) { o.o2c.Unfound = 2 * time.Hour })
		o.order("1", paid)
		o.changed("1", 1)
		o.wait(time.Hour)
		o.payment("1", []string{"1"})
		o.news("evt_1", "charge.succeeded", "pi_1")
		o.work()
		require.Empty(t, o.exceptions())
		require.Equal(t, 1, o.made["goods order/1"])
	})
}

// news of a payment for a pending order is dead for a reason of the day; the shop's
// next news of the order does the work.
func TestAnOrderThatWaitsWithMoneyGoesOnWithTheShopsNews(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.order("1")
	o.payment("1", []string{"1"})
	o.route = func(commerce.Order) error {
		return &commerce.Error{Kind: commerce.KindMapping, System: "world", Op: "route", Code: "no_route"}
	}
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.work()
	require.Equal(t, []string{"no_route"}, o.dead())
	o.route = nil
	o.changed("1", 1)
	o.work()
	require.Equal(t, sorted(journey), o.inventory())
}

func TestADeletedOrderIsToldWhereItStandsInTheBooks(t *testing.T) {
	t.Parallel()
	gone := func(o *office) { delete(o.orders, shopRef.With("order/1")) }
	marked := func(o *office) { o.orders[shopRef.With("order/1")].State = commerce.OrderCanceled }
	for _, c := range []struct {
		name       string
		paid       bool
		goes       func(*office)
		kind       string
		exceptions []string
	}{
		{"gone from the shop", true, gone, orderDeleted, []string{DeletedOrder}},
		{"marked as deleted there", true, marked, orderDeleted, []string{DeletedOrder}},
		{"gone, and found out by a change", true, gone, orderChanged, []string{DeletedOrder}},
		{"gone, and nothing was written", false, gone, orderDeleted, []string{}},
		{"marked as deleted, and nothing was written", false, marked, orderDeleted, []string{}},
		{"not gone at all", true, func(*office) {}, orderDeleted, []string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.order("1")
			if c.paid {
				o.payment("1", []string{"1"})
				o.news("evt_1", "charge.succeeded", "pi_1")
			}
			o.work()
			before := o.inventory()
			c.goes(o)
			for n := range 3 {
				e := changed("1", n, o.clock)
				e.Type = c.kind
				o.deliver(e)
				o.work()
			}
			require.Empty(t, o.dead(), o.reason())
			require.Equal(t, c.exceptions, o.exceptions())
			require.Equal(t, before, o.inventory())
			if len(c.exceptions) > 0 {
				require.Contains(t, o.alerts[0].Text, "sale/1")
			}
		})
	}
}

// faulty is a shop one of whose orders can not be said.
type faulty struct {
	Shop
	id string
}

func (f faulty) Order(ctx context.Context, ref commerce.Ref) (commerce.Order, error) {
	o, err := f.Shop.Order(ctx, ref)
	if ref.ID == f.id && err == nil {
		return commerce.Order{Ref: o.Ref, Number: o.Number, Placed: o.Placed},
			&commerce.Error{Kind: commerce.KindMapping, System: "world", Op: "read " + ref.ID, Text: "tax of no rate"}
	}
	return o, err
}

func TestOrdersFromBeforeTheStartAreOnlyRead(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	on := func(at time.Time, ids ...string) func(*office) {
		return func(o *office) {
			for _, id := range ids {
				o.orders[shopRef.With("order/"+id)].Placed = at
			}
		}
	}
	for _, c := range []struct {
		name   string
		happen func(o *office)
	}{
		{"paid", func(o *office) { o.payment("1", []string{"1"}); o.news("evt_1", "charge.succeeded", "pi_1") }},
		{"paid, and the news twice", func(o *office) {
			o.payment("1", []string{"1"})
			o.news("evt_1", "charge.succeeded", "pi_1")
			o.work()
			o.news("evt_2", "charge.updated", "pi_1")
		}},
		{"paid, and named by the shop only", func(o *office) {
			o.payment("1", nil)
			o.orders[shopRef.With("order/1")].PaymentID = "pi_1"
			o.changed("1", 1)
		}},
		{"paid by another amount", func(o *office) {
			o.payment("1", []string{"1"}, amount(eur(100)))
			o.news("evt_1", "charge.succeeded", "pi_1")
		}},
		{"not paid", func(o *office) {
			o.payment("1", []string{"1"}, status(commerce.PaymentFailed))
			o.news("evt_1", "charge.failed", "pi_1")
		}},
		{"paid and taken back", func(o *office) {
			o.payment("1", []string{"1"}, status(commerce.PaymentReturned))
			o.news("evt_1", "charge.failed", "pi_1")
		}},
		{"paid with another one", func(o *office) {
			o.payment("1", []string{"1", "2"}, amount(eur(13200)))
			o.news("evt_1", "charge.succeeded", "pi_1")
		}},
		{"paid with another one, by another amount", func(o *office) {
			o.payment("1", []string{"1", "2"}, amount(eur(13100)))
			o.news("evt_1", "charge.succeeded", "pi_1")
		}},
		{"covered by a gift card", func(o *office) { covered(o.orders[shopRef.With("order/1")]); o.changed("1", 1) }},
		{"paid at the shop", func(o *office) { o.orders[shopRef.With("order/1")].Paid = eur(6600); o.changed("1", 1) }},
		{"canceled with money", func(o *office) {
			o.payment("1", []string{"1"})
			o.orders[shopRef.With("order/1")].State = commerce.OrderCanceled
			o.news("evt_1", "charge.succeeded", "pi_1")
		}},
		{"shipped", func(o *office) {
			o.shipments["shipment/1"] = &commerce.Shipment{Ref: erpRef.With("shipment/1"), Key: shopRef.With("order/1").String(), Sent: o.clock,
				Lines: []commerce.ShipmentLine{{SKU: "LAMP", Quantity: commerce.MustDecimal("2")}}}
			o.deliver(commerce.Event{Ref: erpRef.With("shipment/1@1"), Type: "shipment.sent", Object: "shipment/1", Created: o.clock, Raw: []byte(`{}`)})
		}},
		{"in words that nobody has", func(o *office) {
			o.o2c.Shop = faulty{o.o2c.Shop, "order/1"}
			o.payment("1", []string{"1"})
			o.news("evt_1", "charge.succeeded", "pi_1")
			o.changed("1", 1)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			play := func(placed func(*office)) *office {
				o := newOffice(t, func(o *office) { o.o2c.StartAt, o.failed.StartAt = start, start })
				o.order("1")
				o.order("2")
				placed(o)
				c.happen(o)
				o.work()
				return o
			}
			o := play(on(start.Add(-time.Second), "1", "2"))
			require.Empty(t, o.dead(), o.reason())
			require.Empty(t, o.inventory())
			require.Empty(t, o.alerts)

			control := play(on(start, "1", "2"))
			require.NotEmpty(t, slices.Concat(control.inventory(), control.exceptions(), control.dead()), "the control")
		})
	}
	t.Run("and the payment is linked for matching", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, func(o *office) { o.o2c.StartAt = start })
		ref := o.order("1")
		on(start.Add(-time.Hour), "1")(o)
		o.payment("1", []string{"1"})
		o.news("evt_1", "charge.succeeded", "pi_1")
		o.work()
		linked, err := inbox.Links{Store: o.events}.Subjects(t.Context(), ref)
		require.NoError(t, err)
		require.Equal(t, []commerce.Ref{stripeRef.With("pi_1")}, linked)
	})
	t.Run("and of one payment for an old order and a new one the new one gets its share", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, func(o *office) { o.o2c.StartAt = start })
		o.order("1")
		o.order("2")
		on(start.Add(-time.Hour), "1")(o)
		on(start, "2")(o)
		o.payment("1", []string{"1", "2"}, amount(eur(13200)))
		o.news("evt_1", "charge.succeeded", "pi_1")
		o.work()
		require.Equal(t, []string{"confirm sale/1", "goods order/2", "invoice order/2", "sales order order/2"}, o.inventory())
	})
	t.Run("and nothing is collected for them", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		ref := o.order("1")
		on(start.Add(-time.Second), "1")(o)
		_, err := o.collect(func(c *Collect) { c.StartAt = start }).Open(t.Context(), ref)
		require.ErrorIs(t, err, commerce.ErrConflict)
		require.ErrorContains(t, err, "not_payable")
		_, err = o.collect().Open(t.Context(), ref)
		require.NoError(t, err)
	})
}

// poll is the shop's poller: it tells of every order whose content is another one than
// at the last poll, by a revision, and of those that are gone.
func (o *office) poll(seen map[commerce.Ref]string) (news int) {
	o.t.Helper()
	for _, ref := range slices.SortedFunc(maps.Keys(o.orders), func(a, b commerce.Ref) int { return cmp.Compare(a.ID, b.ID) }) {
		content := fmt.Sprint(*o.orders[ref])
		for what, n := range o.made {
			if strings.HasPrefix(what, "note "+ref.ID+" ") {
				content += fmt.Sprint(n) // a remark moves an order's date as well
			}
		}
		if seen[ref] == content {
			continue
		}
		seen[ref] = content
		news++
		id := strings.TrimPrefix(ref.ID, "order/")
		o.deliver(changed(id, len(o.shopNews)+1, o.clock))
		o.shopNews = append(o.shopNews, ref)
	}
	return news
}

// settle polls and works until the shop has no news, and says how many polls had some.
func (o *office) settle(seen map[commerce.Ref]string) int {
	o.t.Helper()
	for n := range 20 {
		if o.poll(seen) == 0 {
			return n
		}
		o.work()
	}
	require.FailNow(o.t, "our own writes never end to be news")
	return 0
}

func TestOurOwnWritesAreNoNews(t *testing.T) {
	t.Parallel()
	for _, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, func(o *office) { o.follow = true })
			writes := 0
			o.fault = func(string) fault { writes++; return well }
			seen := map[commerce.Ref]string{}
			o.order("1")
			o.order("2", covered)
			o.settle(seen)
			for i, n := range s.play(o, "1") {
				o.news(fmt.Sprint("evt_", i), n[0], n[1])
			}
			o.work()
			require.Positive(t, o.made["sales order order/2"])
			polls := o.settle(seen)
			require.LessOrEqual(t, polls, 2, "what we wrote is told once, and answered with nothing")
			before := writes
			for n := range 3 { // as after a sweep, or a push that says look
				for ref := range o.orders {
					o.changed(strings.TrimPrefix(ref.ID, "order/"), 1000+n)
				}
				o.work()
			}
			require.Equal(t, before, writes, "the shop was written to because of our own writes")
			require.Zero(t, o.settle(seen))
		})
	}
}

// shopScenes are what can happen at the shop alone: nobody hears of it from the processor.
var shopScenes = []scene{
	{"covered by other tenders", func(o *office, id string) [][2]string {
		covered(o.orders[shopRef.With("order/"+id)])
		return nil
	}},
	{"on delivery", func(o *office, id string) [][2]string {
		offline(o.orders[shopRef.With("order/"+id)])
		return nil
	}},
	{"paid, and named by the shop alone", func(o *office, id string) [][2]string {
		o.payment(id, nil)
		o.orders[shopRef.With("order/"+id)].PaymentID = "pi_" + id
		return paidNews(id)
	}},
	{"paid at the shop alone", func(o *office, id string) [][2]string {
		o.orders[shopRef.With("order/"+id)].Paid = eur(6600)
		return nil
	}},
}

// TestEveryOrderOfAllNewsEndsInTheSameBooks: the processor's news and the shop's, in any
// order and as often as they like. What an order at the shop names may be lost at the
// processor altogether.
func TestEveryOrderOfAllNewsEndsInTheSameBooks(t *testing.T) {
	t.Parallel()
	all := slices.Concat(scenes, shopScenes)
	play := func(t fataler, chosen []int, arrange func([]commerce.Event) []commerce.Event, change ...func(*office)) *office {
		o := newOffice(t, change...)
		var news []commerce.Event
		for i, s := range chosen {
			id := fmt.Sprint(i + 1)
			o.order(id)
			for _, n := range all[s].play(o, id) {
				news = append(news, o.event(strings.Join(n[:], " "), n[0], n[1]))
			}
		}
		for ref := range o.orders {
			news = append(news, changed(strings.TrimPrefix(ref.ID, "order/"), 1, o.clock))
		}
		slices.SortFunc(news, func(a, b commerce.Event) int { return cmp.Compare(a.Ref.ID, b.Ref.ID) })
		for _, e := range arrange(news) {
			o.deliver(e)
			o.wait(3 * time.Second)
		}
		o.work()
		return o
	}
	rapid.Check(t, func(t *rapid.T) {
		chosen := rapid.SliceOfN(rapid.IntRange(0, len(all)-1), 1, 4).Draw(t, "scenes")
		follow := rapid.Bool().Draw(t, "with OrderChanges")
		rough := []func(*office){func(o *office) { o.follow = follow }}
		want := play(t, chosen, func(news []commerce.Event) []commerce.Event { return news }, rough...)
		faults := rapid.Bool().Draw(t, "faults")
		if faults {
			rough = append(rough, func(o *office) { o.fault = draw(t) })
		}
		got := play(t, chosen, func(news []commerce.Event) []commerce.Event {
			var due []commerce.Event
			for _, e := range news {
				order, _, _ := strings.Cut(strings.TrimPrefix(e.Object, "pi_"), "_")
				if i := int(order[0] - '1'); e.Ref.System == "stripe" && i >= 0 && i < len(chosen) && all[chosen[i]].name == shopScenes[2].name &&
					rapid.Bool().Draw(t, "lost") {
					continue
				}
				due = append(due, e)
				for n := range rapid.IntRange(0, 2).Draw(t, "again") {
					if e.Ref.System == shopRef.System { // seen again by a sweep, as another revision
						e.Ref.ID = fmt.Sprintf("%s%d", e.Ref.ID, n)
					}
					due = append(due, e)
				}
			}
			if faults {
				return due // which of two payments is one too many is decided by who comes first
			}
			return rapid.Permutation(due).Draw(t, "order")
		}, rough...)
		require.Equal(t, want.books(), got.books(), got.reason())
		require.Zero(t, got.doubles())
		require.Equal(t, told(got), got.mails())
	})
}

// TestManyWorkersHearOfAnOrderFromBothSidesAtOnce: the payments say nothing of an order,
// so that either side's news may be first to find the other.
func TestManyWorkersHearOfAnOrderFromBothSidesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(time.Now)
		events := inbox.NewMemory(inbox.MemoryConfig{})
		o2c := w.orderToCash(idempotency.NewMemory(nil), inbox.Links{Store: events})
		in, err := inbox.New(events, inbox.Config{Handlers: o2c.Handlers(), Workers: 8})
		require.NoError(t, err)
		const orders = 30
		for i := range orders {
			id := fmt.Sprint(i)
			w.order(id, namedBy("pi_"+id))
			w.payment(id, nil)
			w.order(id+"c", covered)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- in.Run(ctx) }()
		for i := range orders {
			id := fmt.Sprint(i)
			news := []commerce.Event{changed(id, 1, w.now()), changed(id, 2, w.now()), changed(id+"c", 1, w.now()), changed(id+"c", 2, w.now())}
			for _, n := range paidNews(id) {
				news = append(news, w.event(fmt.Sprint(id, n), n[0], n[1]))
			}
			for j := range news {
				_, err := in.Append(ctx, news[(i+j)%len(news)])
				require.NoError(t, err)
			}
		}
		for {
			time.Sleep(time.Second) // of the bubble's clock
			n, err := in.Count(ctx, "")
			require.NoError(t, err)
			require.Zero(t, n.Dead)
			if n.Ready+n.Parked == 0 {
				break
			}
		}
		cancel()
		require.NoError(t, <-ended)
		require.Zero(t, w.doubles())
		require.Len(t, w.made, orders*(len(journey)+len(unrecorded)))
	})
}
