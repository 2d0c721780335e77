package workflow

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
)

func TestTheStateOfThePaymentsDecidesWhatIsDone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		arrange    func(o *office)
		events     [][2]string // type, subject
		made       []string
		exceptions []string
		dead       []string
		state      commerce.OrderState
	}{{
		name:    "an authorisation is noted and nothing is shipped",
		arrange: func(o *office) { o.payment("1", []string{"1"}, status(commerce.PaymentAuthorised)) },
		events:  [][2]string{{"charge.succeeded", "pi_1"}, {"payment_intent.amount_capturable_updated", "pi_1"}},
		made:    []string{"note order/1 authorised pi_1"},
	}, {
		name:    "a bank debit on its way is noted and nothing is shipped",
		arrange: func(o *office) { o.payment("1", []string{"1"}, status(commerce.PaymentPending)) },
		events:  [][2]string{{"charge.pending", "pi_1"}, {"payment_intent.processing", "pi_1"}, {"checkout.session.completed", "pi_1"}},
		made:    []string{"note order/1 pending pi_1"},
	}, {
		name:       "an authorisation that expired is an exception",
		arrange:    func(o *office) { o.payment("1", []string{"1"}, status(commerce.PaymentCanceled)) },
		events:     [][2]string{{"charge.expired", "pi_1"}},
		exceptions: []string{AuthorisationExpired},
	}, {
		name: "a named part is noted and nothing is shipped",
		arrange: func(o *office) {
			o.payment("1", []string{"1"}, amount(eur(4000)), gets(eur(4000)))
		},
		events: [][2]string{{"charge.succeeded", "pi_1"}},
		made:   []string{"note order/1 partly_paid 40.00 EUR"},
	}, {
		name: "a partial capture is a part",
		arrange: func(o *office) {
			o.payment("1", []string{"1"}, func(p *commerce.Payment) { p.Captured = eur(2000) })
		},
		events: [][2]string{{"charge.captured", "pi_1"}},
		made:   []string{"note order/1 partly_paid 20.00 EUR"},
	}, {
		name: "two parts that add up are paid",
		arrange: func(o *office) {
			o.payment("1", []string{"1"}, amount(eur(4000)), gets(eur(4000)))
			o.payment("2", []string{"1"}, amount(eur(2600)), gets(eur(2600)))
		},
		events: [][2]string{{"charge.succeeded", "pi_1"}, {"charge.succeeded", "pi_2"}},
		made:   journey, state: commerce.OrderProcessing,
	}, {
		name: "a customer who pays twice gets the goods once and a proposal to refund",
		arrange: func(o *office) {
			o.payment("1", []string{"1"})
			o.payment("2", []string{"1"})
		},
		events: [][2]string{{"charge.succeeded", "pi_1"}, {"charge.succeeded", "pi_2"}, {"payment_intent.succeeded", "pi_2"}},
		made:   sorted(journey, []string{"note order/1 overpaid pi_2"}), exceptions: []string{Overpaid}, state: commerce.OrderProcessing,
	}, {
		name: "a surplus that was refunded already is no exception",
		arrange: func(o *office) {
			o.payment("1", []string{"1"})
			o.payment("2", []string{"1"}, func(p *commerce.Payment) { p.Refunded = eur(6600) })
		},
		events: [][2]string{{"charge.succeeded", "pi_1"}, {"charge.succeeded", "pi_2"}},
		made:   journey, state: commerce.OrderProcessing,
	}, {
		name: "a customer who was given the first payment back and paid anew owes and is owed nothing",
		arrange: func(o *office) {
			o.payment("1", []string{"1"}, func(p *commerce.Payment) { p.Refunded = eur(6600) })
			o.payment("2", []string{"1"})
		},
		events: [][2]string{{"charge.succeeded", "pi_1"}, {"charge.succeeded", "pi_2"}},
		made:   journey, dead: []string{"refunded"}, state: commerce.OrderProcessing,
	}, {
		name: "a failed attempt beside one that paid changes nothing",
		arrange: func(o *office) {
			o.payment("1", []string{"1"}, status(commerce.PaymentFailed))
			o.payment("2", []string{"1"})
		},
		events: [][2]string{{"charge.succeeded", "pi_2"}, {"charge.failed", "pi_1"}, {"payment_intent.payment_failed", "pi_1"}},
		made:   journey, state: commerce.OrderProcessing,
	}, {
		name:    "money that was taken back stops the order and the customer is told",
		arrange: func(o *office) { o.payment("1", []string{"1"}, status(commerce.PaymentReturned)) },
		events:  [][2]string{{"charge.failed", "pi_1"}, {"charge.refunded", "pi_1"}},
		made:    []string{"hold order/1", "mail order/1 payment_returned", "note order/1 returned pi_1"}, exceptions: []string{PaymentReturned}, state: commerce.OrderOnHold,
	}, {
		name: "a payment of another amount is dead and nothing is applied",
		arrange: func(o *office) {
			o.payment("1", []string{"1"}, amount(eur(6500)))
		},
		events: [][2]string{{"charge.succeeded", "pi_1"}}, dead: []string{"amount_mismatch"},
	}, {
		name: "a payment in another currency is dead and nothing is applied",
		arrange: func(o *office) {
			o.payment("1", []string{"1"}, amount(commerce.MustMoney(6600, "USD")))
		},
		events: [][2]string{{"charge.succeeded", "pi_1"}}, dead: []string{"currency_mismatch"},
	}, {
		name: "named amounts that do not add up are dead",
		arrange: func(o *office) {
			o.payment("1", []string{"1"}, gets(eur(6000)))
		},
		events: [][2]string{{"charge.succeeded", "pi_1"}}, dead: []string{"amount_mismatch"},
	}, {
		name: "a payment that does not fit leaves the right one alone",
		arrange: func(o *office) {
			o.payment("1", []string{"1"}, amount(eur(100)))
			o.payment("2", []string{"1"})
		},
		events: [][2]string{{"charge.succeeded", "pi_1"}, {"charge.succeeded", "pi_2"}},
		made:   journey, dead: []string{"amount_mismatch"}, state: commerce.OrderProcessing,
	}, {
		name: "a failed attempt of another amount is no mismatch",
		arrange: func(o *office) {
			o.payment("1", []string{"1"}, amount(eur(100)), status(commerce.PaymentFailed))
		},
		events: [][2]string{{"charge.failed", "pi_1"}},
		made:   []string{"mail order/1 payment_failed", "note order/1 failed pi_1"},
	}, {
		name:    "money for an order that is canceled is an exception and nothing else",
		arrange: func(o *office) { o.order("1", in(commerce.OrderCanceled)); o.payment("1", []string{"1"}) },
		events:  [][2]string{{"charge.succeeded", "pi_1"}}, exceptions: []string{CanceledOrder}, state: commerce.OrderCanceled,
	}, {
		name: "money for an order that an edit replaced names the replacement",
		arrange: func(o *office) {
			o.order("1", in(commerce.OrderCanceled), func(o *commerce.Order) { o.Replaced = "order/2" })
			o.payment("1", []string{"1"})
		},
		events: [][2]string{{"charge.succeeded", "pi_1"}}, exceptions: []string{ReplacedOrder}, state: commerce.OrderCanceled,
	}, {
		name:    "money for a closed order is an exception",
		arrange: func(o *office) { o.order("1", in(commerce.OrderClosed)); o.payment("1", []string{"1"}) },
		events:  [][2]string{{"charge.succeeded", "pi_1"}}, exceptions: []string{ClosedOrder}, state: commerce.OrderClosed,
	}, {
		name: "what was refunded before it was taken up is not shipped",
		arrange: func(o *office) {
			o.payment("1", []string{"1"}, func(p *commerce.Payment) { p.Refunded = eur(6600) })
		},
		events: [][2]string{{"charge.succeeded", "pi_1"}}, dead: []string{"refunded"},
	}, {
		name: "an order of downloads asks no warehouse",
		arrange: func(o *office) {
			o.order("1", func(o *commerce.Order) { o.Lines[0].Virtual = true })
			o.payment("1", []string{"1"})
		},
		events: [][2]string{{"charge.succeeded", "pi_1"}},
		made:   []string{"confirm sale/1", "invoice order/1", "sales order order/1"}, state: commerce.OrderProcessing,
	}, {
		name: "what somebody shipped by hand is not shipped again",
		arrange: func(o *office) {
			o.order("1", func(o *commerce.Order) { o.Lines[0].Shipped = commerce.MustDecimal("1") })
			o.payment("1", []string{"1"})
		},
		events: [][2]string{{"charge.succeeded", "pi_1"}},
		made:   []string{"confirm sale/1", "invoice order/1", "sales order order/1"}, exceptions: []string{ShippedElsewhere}, state: commerce.OrderProcessing,
	}, {
		name: "a gift card lowers what the payment must bring",
		arrange: func(o *office) {
			o.order("1", func(o *commerce.Order) {
				o.Tenders = []commerce.Tender{{Kind: commerce.TenderGiftCard, Amount: eur(600)}, {Kind: commerce.TenderStripe, Amount: eur(6000)}}
			})
			o.payment("1", []string{"1"}, amount(eur(6000)))
		},
		events: [][2]string{{"charge.succeeded", "pi_1"}}, made: journey, state: commerce.OrderProcessing,
	}, {
		name:    "the news may name the charge or the session instead of the intent",
		arrange: func(o *office) { o.payment("1", []string{"1"}); o.payments["cs_1"] = o.payments["pi_1"] },
		events:  [][2]string{{"charge.succeeded", "ch_1"}, {"checkout.session.completed", "cs_1"}, {"payment_intent.succeeded", "pi_1"}},
		made:    journey, state: commerce.OrderProcessing,
	}, {
		name:    "a status that nobody knows is dead",
		arrange: func(o *office) { o.payment("1", []string{"1"}, func(p *commerce.Payment) { p.Status = "odd" }) },
		events:  [][2]string{{"charge.succeeded", "pi_1"}}, dead: []string{"no_status"},
	}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			ref := o.order("1")
			c.arrange(o)
			for i, e := range c.events {
				o.news("evt_"+string(rune('a'+i)), e[0], e[1])
				o.wait(time.Minute)
			}
			o.work()
			require.ElementsMatch(t, c.dead, o.dead(), o.reason())
			require.ElementsMatch(t, c.made, o.inventory())
			require.ElementsMatch(t, c.exceptions, o.exceptions())
			want := c.state
			if want == "" {
				want = commerce.OrderPending
			}
			require.Equal(t, want, o.orders[ref].State)
		})
	}
}

func in(s commerce.OrderState) func(*commerce.Order) {
	return func(o *commerce.Order) { o.State = s }
}

func TestADifferenceNamesBothFigures(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.order("1")
	o.payment("1", []string{"1"}, amount(eur(6500)))
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.work()
	require.Contains(t, o.reason(), "66.00 EUR")
	require.Contains(t, o.reason(), "65.00 EUR")

	_, err := o.o2c.desk().shareOf(t.Context(), *o.payments["pi_1"], *o.orders[shopRef.With("order/1")], eur(6600))
	difference, ok := errors.AsType[*mapping.DifferenceError](err)
	require.True(t, ok)
	require.Equal(t, eur(6600), difference.Due)
	require.Equal(t, eur(6500), difference.Paid)
}

func TestAPersonMendsADifferenceByAnOverlay(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.order("1")
	o.payment("1", []string{"1"}, amount(eur(6500)))
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.work()
	require.Equal(t, []string{"amount_mismatch"}, o.dead())
	require.NoError(t, o.inbox.Replay(t.Context(), 1, "ada", "the rest was waived", commerce.Overlay{
		"order.tenders.0.amount": []byte(`{"amount":"65.00","currency":"EUR"}`)}))
	o.work()
	require.Empty(t, o.dead())
	require.Equal(t, sorted(journey), o.inventory())
}

func TestAPersonSaysWhichOrderAPaymentIsFor(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.order("1")
	o.payment("1", nil)
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.news("evt_2", "payment_intent.succeeded", "pi_1")
	o.work()
	require.Equal(t, []string{"no_order", "no_order"}, o.dead())
	require.NoError(t, o.inbox.Replay(t.Context(), 1, "ada", "the buyer wrote to us", commerce.Overlay{
		"payment.orders": []byte(`[{"number":"101"}]`)}))
	o.work()
	require.Equal(t, []string{"no_order"}, o.dead())
	require.NoError(t, o.inbox.Replay(t.Context(), 2, "ada", "it is linked now", nil))
	o.news("evt_3", "charge.updated", "pi_1")
	o.work()
	require.Empty(t, o.dead(), o.reason())
	require.Equal(t, sorted(journey), o.inventory())
}

func TestABankDebitThatComesInAfterDaysIsPaid(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.order("1")
	o.payment("1", []string{"1"}, status(commerce.PaymentPending))
	o.news("evt_1", "payment_intent.processing", "pi_1")
	o.work()
	o.wait(5 * 24 * time.Hour)
	status(commerce.PaymentCaptured)(o.payments["pi_1"])
	o.news("evt_2", "payment_intent.succeeded", "pi_1")
	o.work()
	require.Equal(t, sorted(journey, []string{"note order/1 pending pi_1"}), o.inventory())
}

func TestMoneyThatIsTakenBackAfterTheOrderWasPaidHoldsIt(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ref := o.order("1")
	o.payment("1", []string{"1"})
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.work()
	status(commerce.PaymentReturned)(o.payments["pi_1"])
	o.news("evt_2", "charge.failed", "pi_1")
	o.news("evt_1b", "charge.succeeded", "pi_1") // a late twin changes nothing
	o.work()
	require.Equal(t, commerce.OrderOnHold, o.orders[ref].State)
	require.Equal(t, sorted(journey, []string{"hold order/1", "mail order/1 payment_returned", "note order/1 returned pi_1"}), o.inventory())
	require.Equal(t, []string{PaymentReturned}, o.exceptions())

	t.Run("and another payment lets it go on", func(t *testing.T) {
		o.payment("2", []string{"1"})
		o.news("evt_3", "charge.succeeded", "pi_2")
		o.work()
		require.Empty(t, o.dead(), o.reason())
		require.Equal(t, commerce.OrderProcessing, o.orders[ref].State)
		require.Equal(t, 1, o.made["sales order order/1"])
	})
}

func TestMoneyThatIsTakenBackIsToldWhateverTheOrderIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		state commerce.OrderState
		made  []string
	}{
		{commerce.OrderComplete, []string{"mail order/1 payment_returned", "note order/1 returned pi_1"}},
		{commerce.OrderReview, []string{"mail order/1 payment_returned", "note order/1 returned pi_1"}},
		{commerce.OrderUnknown, []string{}},
		{commerce.OrderCanceled, []string{}},
	} {
		o := newOffice(t)
		ref := o.order("1", in(c.state))
		o.payment("1", []string{"1"}, status(commerce.PaymentReturned))
		o.news("evt_1", "charge.failed", "pi_1")
		o.wait(time.Hour)
		require.Contains(t, o.exceptions(), PaymentReturned, c.state)
		require.Equal(t, c.made, o.inventory(), c.state)
		require.Equal(t, c.state, o.orders[ref].State)
	}
}

func TestLaterNewsOfAFinishedOrderIsNoNews(t *testing.T) {
	t.Parallel()
	for _, state := range []commerce.OrderState{commerce.OrderOnHold, commerce.OrderUnknown, commerce.OrderReview,
		commerce.OrderCanceled, commerce.OrderClosed, commerce.OrderComplete} {
		o := newOffice(t)
		ref := o.order("1")
		o.payment("1", []string{"1"})
		o.news("evt_1", "charge.succeeded", "pi_1")
		o.work()
		o.orders[ref].State = state
		o.news("evt_2", "charge.updated", "pi_1")
		o.work()
		require.Empty(t, o.dead(), state)
		require.Empty(t, o.exceptions(), state)
		require.Equal(t, sorted(journey), o.inventory(), state)
	}
}

// Stripe at times sends two events with different ids for one change.
func TestTwoEventsForOneChangeAreOneJourney(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.order("1")
	o.payment("1", []string{"1"})
	for _, id := range []string{"evt_1", "evt_2"} {
		o.news(id, "charge.succeeded", "pi_1")
	}
	o.work()
	require.Equal(t, sorted(journey), o.inventory())
	require.Zero(t, o.doubles())
	require.Empty(t, o.dead())
}

func TestNothingIsShippedForAnOrderThatWasCanceledOnTheWay(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(o *office) { o.o2c.Warehouse = depot{o.world, "backorder"} })
	ref := o.order("1")
	o.payment("1", []string{"1"})
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.work()
	o.o2c.Warehouse = depot{world: o.world}
	o.orders[ref].State = commerce.OrderCanceled
	o.news("evt_2", "charge.updated", "pi_1")
	o.work()
	require.Zero(t, o.made["goods order/1"])
	o.orders[ref].State = commerce.OrderProcessing
	o.news("evt_3", "charge.updated", "pi_1")
	o.work()
	require.Equal(t, 1, o.made["goods order/1"], "the next news asks the warehouse again")
}

func TestAHoldOfSomebodyElseIsNotLifted(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ref := o.order("1", in(commerce.OrderOnHold))
	o.payment("1", []string{"1"}, status(commerce.PaymentReturned))
	o.payment("2", []string{"1"})
	o.news("evt_1", "charge.failed", "pi_1")
	o.wait(time.Hour)
	o.news("evt_2", "charge.succeeded", "pi_2")
	o.wait(3 * time.Hour)
	require.Equal(t, commerce.OrderOnHold, o.orders[ref].State)
	require.Equal(t, []string{OrderOnHold, PaymentReturned}, o.exceptions())
	require.Zero(t, o.made["sales order order/1"])
}

func TestAnOrderThatSomebodyHoldsWaits(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ref := o.order("1", in(commerce.OrderOnHold))
	o.payment("1", []string{"1"})
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.wait(3 * time.Hour)
	require.Empty(t, o.inventory())
	require.Equal(t, []string{OrderOnHold}, o.exceptions())
	o.orders[ref].State = commerce.OrderPending
	o.work()
	require.Equal(t, sorted(journey), o.inventory())
}

func TestAStateOfAPluginIsLeftAlone(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ref := o.order("1", in(commerce.OrderUnknown))
	o.payment("1", []string{"1"})
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.wait(3 * time.Hour)
	require.Empty(t, o.inventory())
	require.Equal(t, []string{UnknownState}, o.exceptions())
	o.orders[ref].State = commerce.OrderReview
	o.wait(3 * time.Hour)
	require.Empty(t, o.inventory())
	o.orders[ref].State = commerce.OrderPending
	o.work()
	require.Equal(t, sorted(journey), o.inventory())

	t.Run("and one that never changes is dead in the end", func(t *testing.T) {
		o := newOffice(t)
		o.order("1", in(commerce.OrderUnknown))
		o.payment("1", []string{"1"})
		o.news("evt_1", "charge.succeeded", "pi_1")
		o.work()
		require.Equal(t, []string{"too_old"}, o.dead())
	})
}

func TestThePluginIsGivenTimeAndOnlyWhatIsMissingIsDone(t *testing.T) {
	t.Parallel()
	plugin := func(o *office) {
		o.o2c.Acts = func(method string) Actor {
			if method == "stripe_payments" {
				return Plugin
			}
			return Us
		}
	}
	for _, c := range []struct {
		name    string
		records bool
		made    []string
	}{
		{"the plugin records the payment", true, []string{"confirm sale/1", "goods order/1", "sales order order/1"}},
		{"the plugin sleeps", false, sorted(journey)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, plugin)
			ref := o.order("1")
			o.payment("1", []string{"1"})
			o.news("evt_1", "charge.succeeded", "pi_1")
			o.wait(time.Minute)
			require.Empty(t, o.inventory())
			if c.records {
				o.orders[ref].Paid, o.orders[ref].State = eur(6600), commerce.OrderProcessing
			}
			o.work()
			require.Equal(t, c.made, o.inventory())
			require.Empty(t, o.dead())
		})
	}
}

func TestARefusalOfTheWarehouseIsForPeopleAndNoDeadEvent(t *testing.T) {
	t.Parallel()
	for code, name := range map[string]string{"refused": WarehouseRefused, "backorder": Backorder} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, func(o *office) { o.o2c.Warehouse = depot{o.world, code} })
			o.order("1")
			o.payment("1", []string{"1"})
			o.news("evt_1", "charge.succeeded", "pi_1")
			o.news("evt_2", "payment_intent.succeeded", "pi_1")
			o.work()
			require.Empty(t, o.dead(), o.reason())
			require.Equal(t, []string{name}, o.exceptions())
			require.Contains(t, o.alerts[0].Text, "2 of LAMP")
			require.Equal(t, []string{"confirm sale/1", "invoice order/1", "note order/1 " + name, "sales order order/1"}, o.inventory())
		})
	}
}

func TestOnePaymentPaysTwoOrders(t *testing.T) {
	t.Parallel()
	both := sorted([]string{"confirm sale/1", "confirm sale/2"}, []string{"invoice order/1", "invoice order/2",
		"goods order/1", "goods order/2", "sales order order/1", "sales order order/2"})
	for _, c := range []struct {
		name   string
		change func(*commerce.Payment)
		made   []string
		dead   []string
	}{
		{"with named amounts", gets(eur(6600), eur(6600)), both, []string{}},
		{"without, where the sum fits", func(*commerce.Payment) {}, both, []string{}},
		{"not where the named amounts do not add up", gets(eur(6600), eur(6500)), []string{}, []string{"amount_mismatch"}},
		{"not where only one is named", gets(eur(6600)), []string{}, []string{"amount_mismatch"}},
		{"not where the sum does not fit", func(p *commerce.Payment) { p.Amount = eur(13100) }, []string{}, []string{"amount_mismatch"}},
		{"not where a part was captured", func(p *commerce.Payment) { p.Captured = eur(13100) }, []string{}, []string{"partial_capture", "partial_capture"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.order("1")
			o.order("2")
			o.payment("1", []string{"1", "2"}, amount(eur(13200)), c.change)
			o.news("evt_1", "charge.succeeded", "pi_1")
			o.news("evt_2", "payment_intent.succeeded", "pi_1")
			o.work()
			require.Equal(t, c.made, o.inventory())
			if len(c.dead) > 0 {
				require.Subset(t, o.dead(), c.dead)
				return
			}
			require.Empty(t, o.dead(), o.reason())
			status(commerce.PaymentReturned)(o.payments["pi_1"])
			o.news("evt_3", "charge.failed", "pi_1")
			o.work()
			require.Equal(t, commerce.OrderOnHold, o.orders[shopRef.With("order/1")].State)
			require.Equal(t, commerce.OrderOnHold, o.orders[shopRef.With("order/2")].State)
		})
	}
}

func TestAPaymentIsComparedAlsoWhereTheShopKnowsTheOrderByAnotherName(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ref := o.order("1")
	p := *o.payments[o.payment("1", nil, amount(eur(6500))).ID]
	p.Orders = []commerce.OrderHint{{Number: "000101", Store: "default"}} // the order says 101 of store 1
	_, err := o.o2c.desk().shareOf(t.Context(), p, *o.orders[ref], eur(6600))
	require.ErrorContains(t, err, "amount_mismatch")

	p.Orders = append(p.Orders, commerce.OrderHint{Number: "000102"})
	_, err = o.o2c.desk().shareOf(t.Context(), p, *o.orders[ref], eur(6600))
	require.ErrorContains(t, err, "other_orders")
}

func TestAPaymentThatNamesASecondOrderLaterTellsItToo(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.order("1")
	o.order("2")
	o.payment("1", []string{"1"}, amount(eur(13200)), status(commerce.PaymentPending), gets(eur(13200)))
	o.news("evt_1", "charge.pending", "pi_1")
	o.work()
	p := o.payments["pi_1"]
	p.Orders = []commerce.OrderHint{{ID: "1", Amount: eur(6600)}, {ID: "2", Amount: eur(6600)}}
	status(commerce.PaymentCaptured)(p)
	o.news("evt_2", "charge.succeeded", "pi_1")
	o.work()
	require.Empty(t, o.dead(), o.reason())
	require.Equal(t, 1, o.made["sales order order/1"])
	require.Equal(t, 1, o.made["sales order order/2"])
}

func TestWithoutAWarehouseNobodyIsAsked(t *testing.T) {
	t.Parallel()
	o := newOffice(t, func(o *office) { o.o2c.Warehouse = nil })
	o.order("1")
	o.payment("1", []string{"1"})
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.work()
	require.Empty(t, o.dead(), o.reason())
	require.Equal(t, []string{"confirm sale/1", "invoice order/1", "sales order order/1"}, o.inventory())
}

func TestEveryEventIsAnsweredFromWhatIsKnown(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.order("1")
	reads := 0
	o.o2c.Payments = counting{paySide{o.world}, &reads}
	o.payment("1", []string{"1"})
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.work()
	require.Equal(t, 2, reads, "to find the order, and again under its lease")
	o.news("evt_2", "charge.updated", "pi_1")
	o.work()
	require.Equal(t, 3, reads)
}

// counting counts how often payments are read.
type counting struct {
	Payments
	n *int
}

func (c counting) Payment(ctx context.Context, ref commerce.Ref) (commerce.Payment, error) {
	*c.n++
	return c.Payments.Payment(ctx, ref)
}

func TestWhatCanNotBeLinked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		arrange func(o *office)
		dead    []string
		reason  string
	}{
		{"a payment that names no order is dead", func(o *office) { o.payment("1", nil) }, []string{"no_order"}, "names no order"},
		{"unless such payments are none of our business", func(o *office) { o.o2c.IgnoreUnlinked = true; o.payment("1", nil) }, []string{}, ""},
		{"an order that never comes is dead", func(o *office) { o.payment("1", []string{"9"}) }, []string{"not_found"}, "order 9"},
		{"an order number that two stores have is dead", func(o *office) {
			o.order("2", func(x *commerce.Order) { x.Number, x.Store = "101", "2" })
			o.payment("1", nil, func(p *commerce.Payment) { p.Orders = []commerce.OrderHint{{Number: "101"}} })
		}, []string{"ambiguous"}, "101"},
		{"a payment that does not exist is dead", func(o *office) {}, []string{"not_found"}, "pi_1"},
		{"a test order is not paid by live money", func(o *office) {
			o.order("3", func(x *commerce.Order) { x.Ref.Mode = commerce.Test })
			o.payment("1", []string{"3"})
		}, []string{"mode_mismatch"}, "is live"},
		{"no route is dead before anything is written", func(o *office) {
			o.route = func(commerce.Order) error { _, err := mapping.Routes{}.For(mapping.RouteKey{}); return err }
			o.payment("1", []string{"1"})
		}, []string{"no_route"}, "Routes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			o.order("1")
			c.arrange(o)
			o.news("evt_1", "charge.succeeded", "pi_1")
			o.work()
			require.Equal(t, c.dead, o.dead(), o.reason())
			require.Contains(t, o.reason(), c.reason)
			require.Empty(t, o.inventory())
			require.NotContains(t, o.reason(), "example.com")
		})
	}
}

func TestAnOrderThatIsCommittedAfterItsPaymentIsWaitedFor(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.payment("1", []string{"1"})
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.wait(5 * time.Minute)
	require.Empty(t, o.dead())
	o.order("1")
	o.work()
	require.Equal(t, sorted(journey), o.inventory())
}

func TestAnOldReadIsReadAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.order("1")
	o.payment("1", []string{"1"}, status(commerce.PaymentPending))
	o.news("evt_1", "payment_intent.succeeded", "pi_1")
	o.wait(time.Second)
	require.Empty(t, o.inventory())
	status(commerce.PaymentCaptured)(o.payments["pi_1"])
	o.work()
	require.Equal(t, sorted(journey), o.inventory())
}

func TestShipmentsComeBackToTheShop(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ref := o.order("1")
	o.payment("1", []string{"1"})
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.work()
	for _, id := range []string{"shipment/1", "shipment/2"} {
		o.shipments[id] = &commerce.Shipment{Ref: erpRef.With(id), Number: id, Key: ref.String(), Sent: o.clock,
			Lines:   []commerce.ShipmentLine{{SKU: "LAMP", Quantity: commerce.MustDecimal("1")}},
			Parcels: []commerce.Parcel{{Carrier: "DHL", Tracking: "T" + id}}}
		e := commerce.Event{Ref: erpRef.With(id + "@1"), Type: "shipment.sent", Object: id, Subject: id, Created: o.clock, Raw: []byte(`{}`)}
		o.deliver(e)
		e.Ref.ID = id + "@2"
		o.deliver(e)
	}
	o.work()
	require.Empty(t, o.dead(), o.reason())
	require.Equal(t, sorted(journey, []string{"shipment order/1 shipment/1", "shipment order/1 shipment/2"}), o.inventory())
	require.Equal(t, "2", o.orders[ref].Lines[0].Shipped.String())
}

func TestShipmentsThatCanNotBeRecorded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		order      commerce.OrderState
		change     func(*commerce.Shipment)
		dead       []string
		exceptions []string
	}{
		{"of a canceled order is an exception", commerce.OrderCanceled, nil, nil, []string{ShippedCanceled}},
		{"of an order on hold waits", commerce.OrderOnHold, nil, []string{"too_old"}, []string{OrderOnHold}},
		{"of an order in a state of a plugin waits", commerce.OrderUnknown, nil, []string{"too_old"}, []string{UnknownState}},
		{"that names no order is dead", commerce.OrderProcessing, func(s *commerce.Shipment) { s.Key = "" }, []string{"no_order"}, nil},
		{"that names nonsense is dead", commerce.OrderProcessing, func(s *commerce.Shipment) { s.Key = "order 17" }, []string{"invalid"}, nil},
		{"that is empty is dead", commerce.OrderProcessing, func(s *commerce.Shipment) { s.Lines = nil }, []string{"empty_shipment"}, nil},
		{"of the other mode is dead", commerce.OrderProcessing, func(s *commerce.Shipment) { s.Ref.Mode = commerce.Test }, []string{"mode_mismatch"}, nil},
		{"that was not sent after all is read again, and dead in the end", commerce.OrderProcessing, func(s *commerce.Shipment) { s.Sent = time.Time{} }, []string{"stale_read"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			ref := o.order("1", in(c.order))
			s := &commerce.Shipment{Ref: erpRef.With("shipment/1"), Key: ref.String(), Sent: o.clock,
				Lines: []commerce.ShipmentLine{{SKU: "LAMP", Quantity: commerce.MustDecimal("2")}}}
			if c.change != nil {
				c.change(s)
			}
			o.shipments["shipment/1"] = s
			o.deliver(commerce.Event{Ref: erpRef.With("shipment/1@1"), Type: "shipment.sent", Object: "shipment/1", Created: o.clock, Raw: []byte(`{}`)})
			o.work()
			require.ElementsMatch(t, c.dead, o.dead(), o.reason())
			require.ElementsMatch(t, c.exceptions, o.exceptions())
			require.Empty(t, o.inventory())
		})
	}
}

func TestASettingThatCanNotWorkIsNamed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*OrderToCash){
		"Shop": func(w *OrderToCash) { w.Shop = nil }, "Payments": func(w *OrderToCash) { w.Payments = nil },
		"Books": func(w *OrderToCash) { w.Books = nil }, "Steps": func(w *OrderToCash) { w.Steps = nil },
		"Links": func(w *OrderToCash) { w.Links = nil }, "Grace": func(w *OrderToCash) { w.Grace = -1 },
		"Unfound":    func(w *OrderToCash) { w.Unfound = -1 },
		"PluginWait": func(w *OrderToCash) { w.PluginWait = -1 }, "Recheck": func(w *OrderToCash) { w.Recheck = -1 },
		"ReturnURL": func(w *OrderToCash) {
			w.Collect = &Collect{Shop: w.Shop, Payments: w.Payments, Steps: w.Steps, Links: w.Links, ReturnURL: "https://x"}
		},
		"LinkKey": func(w *OrderToCash) {
			w.Collect = &Collect{Shop: w.Shop, Payments: w.Payments, Steps: w.Steps, Links: w.Links, PageURL: "https://x"}
		},
		"MaxRequests": func(w *OrderToCash) {
			w.Collect = &Collect{Shop: w.Shop, Payments: w.Payments, Steps: w.Steps, Links: w.Links, MaxRequests: -1}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			change(o.o2c)
			err := o.o2c.Check()
			require.ErrorIs(t, err, commerce.ErrInvalid)
			require.ErrorContains(t, err, name)
		})
	}
	require.NoError(t, newOffice(t).o2c.Check())
	require.ErrorContains(t, (&PaymentFailed{}).Check(), "Shop")

	t.Run("and does not bury events at once", func(t *testing.T) {
		t.Parallel()
		err := (&OrderToCash{}).Handlers()["stripe charge.succeeded"][0].Handle(t.Context(), commerce.Event{})
		require.Equal(t, commerce.KindInternal, commerce.KindOf(err))
	})
}

func TestTheHandlersOfBothWorkflowsFitTogether(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	hs := inbox.Merge(o.o2c.Handlers(), o.failed.Handlers())
	require.Len(t, hs["stripe charge.failed"], 2)
	require.Len(t, hs["tryton shipment.sent"], 1)
}
