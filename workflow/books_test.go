package workflow

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/reconcile"
)

// sold is a bank with order 1, paid by pi_1 with 66.00 less 2.00 of fee.
func sold(t fataler, change ...func(*bank)) *bank {
	t.Helper()
	b := newBank(t, change...)
	b.world.order("1")
	b.payment("1", []string{"1"})
	b.moves("charge", "1", "1", 6600, 200, b.clock)
	return b
}

func (b *bank) paid() {
	b.t.Helper()
	b.news("evt_1", "charge.succeeded", "pi_1")
	b.work()
}

func TestAPaidOrderIsInvoicedReceivedAndItsFeeBookedForTheDay(t *testing.T) {
	t.Parallel()
	b := sold(t)
	b.paid()
	b.feed()
	b.work()
	b.closes()
	require.Equal(t, []string{"entry activity/eur/2026-11-21/1 of -2.00 EUR on 2026-11-21", "invoice 66.00 EUR open 0.00 EUR",
		"receipt order/1 txn_1 of 66.00 EUR, 0.00 EUR left, on 2026-11-21"}, b.ledger())
	require.Equal(t, "party 1", b.receipts["order/1 txn_1"].Party)
	made := b.inventory()
	b.again()
	b.news("evt_9", "charge.updated", "pi_1")
	b.work()
	require.Equal(t, made, b.inventory(), "told again, and nothing is posted")
}

func TestMoneyWhoseWebhookWasLostIsBookedByTheFeed(t *testing.T) {
	t.Parallel()
	b := sold(t)
	b.feed()
	b.wait(time.Hour)
	require.Empty(t, b.receipts, "it waits for the sales order")
	b.paid()
	b.closes()
	require.Len(t, b.receipts, 1)
}

func TestBooksOfAnOrder(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	credit := func(b *bank, minor int64) *sideInvoice {
		return b.post(&sideInvoice{mapping.Invoice{Document: commerce.Document{Ref: erpRef.With("note"), Total: eur(-minor)}, Party: "party 1",
			Date: commerce.DateOf(b.clock), Open: eur(-minor)}, erpRef.With("sale/1")})
	}
	for _, c := range []struct {
		name string
		set  func(*bank)
		play func(b *bank)
		want []string // in the ledger, entries of days apart
		told []string
	}{
		{"a part that is refunded pays the credit note that people wrote", nil, func(b *bank) {
			b.paid()
			b.pass(day)
			credit(b, 2000)
			b.moves("refund", "2", "1", -2000, 0, b.clock)
			b.payments["pi_1"].Refunded = eur(2000)
		}, []string{"invoice -20.00 EUR open 0.00 EUR", "invoice 66.00 EUR open 0.00 EUR",
			"receipt order/1 txn_1 of 66.00 EUR, 0.00 EUR left, on 2026-11-21", "receipt order/1 txn_2 of -20.00 EUR, 0.00 EUR left, on 2026-11-22"}, nil},
		{"a refund without a credit note stays open", nil, func(b *bank) {
			b.paid()
			b.moves("refund", "2", "1", -2000, 0, b.clock)
			b.payments["pi_1"].Refunded = eur(2000)
		}, []string{"invoice 66.00 EUR open 0.00 EUR",
			"receipt order/1 txn_1 of 66.00 EUR, 0.00 EUR left, on 2026-11-21", "receipt order/1 txn_2 of -20.00 EUR, -20.00 EUR left, on 2026-11-21"}, nil},
		{"a credit note that comes after the refund is paid with the next news", nil, func(b *bank) {
			b.paid()
			b.moves("refund", "2", "1", -2000, 0, b.clock)
			b.payments["pi_1"].Refunded = eur(2000)
			b.feed()
			b.pass(day)
			credit(b, 2000)
			b.news("evt_9", "charge.updated", "pi_1")
		}, []string{"invoice -20.00 EUR open 0.00 EUR", "invoice 66.00 EUR open 0.00 EUR",
			"receipt order/1 txn_1 of 66.00 EUR, 0.00 EUR left, on 2026-11-21", "receipt order/1 txn_2 of -20.00 EUR, 0.00 EUR left, on 2026-11-21"}, nil},
		{"a refund that fails opens its credit note again", nil, func(b *bank) {
			b.paid()
			credit(b, 2000)
			b.moves("refund", "2", "1", -2000, 0, b.clock)
			b.payments["pi_1"].Refunded = eur(2000)
			b.feed()
			b.pass(day)
			b.moves("refund_failure", "2x", "1", 2000, 0, b.clock)
			b.payments["pi_1"].Refunded = eur(0)
		}, []string{"invoice -20.00 EUR open -20.00 EUR", "invoice 66.00 EUR open 0.00 EUR", "receipt order/1 txn_1 of 66.00 EUR, 0.00 EUR left, on 2026-11-21",
			"receipt order/1 txn_2 of -20.00 EUR, -20.00 EUR left, on 2026-11-21", "receipt order/1 txn_2x of 20.00 EUR, 20.00 EUR left, on 2026-11-22"}, []string{MoneyOpen}},
		{"a debit that failed after success opens its invoice again, on its own day", nil, func(b *bank) {
			b.paid()
			b.pass(3 * day)
			b.moves("charge_failure", "2", "1", -6600, 0, b.clock)
			status(commerce.PaymentReturned)(b.payments["pi_1"])
			b.news("evt_2", "charge.failed", "pi_1")
		}, []string{"invoice 66.00 EUR open 66.00 EUR", "receipt order/1 txn_1 of 66.00 EUR, 66.00 EUR left, on 2026-11-21",
			"receipt order/1 txn_2 of -66.00 EUR, -66.00 EUR left, on 2026-11-24"}, []string{PaymentReturned}},
		{"a debit that failed is paid again by card", nil, func(b *bank) {
			b.paid()
			b.pass(3 * day)
			b.moves("charge_failure", "2", "1", -6600, 0, b.clock)
			status(commerce.PaymentReturned)(b.payments["pi_1"])
			b.payment("2", []string{"1"})
			b.moves("charge", "3", "2", 6600, 100, b.clock)
			b.news("evt_2", "charge.failed", "pi_1")
			b.news("evt_3", "charge.succeeded", "pi_2")
		}, []string{"invoice 66.00 EUR open 0.00 EUR", "receipt order/1 txn_1 of 66.00 EUR, 66.00 EUR left, on 2026-11-21",
			"receipt order/1 txn_2 of -66.00 EUR, -66.00 EUR left, on 2026-11-24", "receipt order/1 txn_3 of 66.00 EUR, 0.00 EUR left, on 2026-11-24"}, []string{PaymentReturned}},
		{"a second payment stays open, and is told once", nil, func(b *bank) {
			b.payment("2", []string{"1"})
			b.moves("charge", "2", "2", 6600, 100, b.clock)
			b.paid()
			b.news("evt_2", "charge.succeeded", "pi_2")
		}, []string{"invoice 66.00 EUR open 0.00 EUR", "receipt order/1 txn_1 of 66.00 EUR, 0.00 EUR left, on 2026-11-21",
			"receipt order/1 txn_2 of 66.00 EUR, 66.00 EUR left, on 2026-11-21"}, []string{Overpaid}},
		{"less is captured than was reserved", nil, func(b *bank) {
			b.lines = nil
			b.moves("charge", "1", "1", 10000, 300, b.clock)
			b.moves("partial_capture_reversal", "2", "1", -3400, -100, b.clock)
			b.paid()
		}, []string{"invoice 66.00 EUR open 0.00 EUR", "receipt order/1 txn_1 of 100.00 EUR, 34.00 EUR left, on 2026-11-21",
			"receipt order/1 txn_2 of -34.00 EUR, -34.00 EUR left, on 2026-11-21"}, nil},
		{"an invoice that comes later takes the advance", func(b *bank) { b.books.Invoicing = ByERP }, func(b *bank) {
			b.paid()
			require.Equal(b.t, eur(6600), b.receipts["order/1 txn_1"].Left)
			b.pass(day)
			b.post(&sideInvoice{mapping.Invoice{Document: commerce.Document{Ref: erpRef.With("inv"), Total: eur(6600)}, Date: commerce.DateOf(b.clock), Open: eur(6600)}, erpRef.With("sale/1")})
			b.news("evt_2", "charge.updated", "pi_1")
		}, []string{"invoice 66.00 EUR open 0.00 EUR", "receipt order/1 txn_1 of 66.00 EUR, 0.00 EUR left, on 2026-11-21"}, nil},
		{"a draft pays nothing", func(b *bank) { b.books.Invoicing = ByERP }, func(b *bank) {
			b.post(&sideInvoice{mapping.Invoice{Document: commerce.Document{Ref: erpRef.With("inv"), Total: eur(6600)}, Draft: true, Open: eur(6600)}, erpRef.With("sale/1")})
			b.paid()
		}, []string{"invoice 66.00 EUR open 66.00 EUR", "receipt order/1 txn_1 of 66.00 EUR, 66.00 EUR left, on 2026-11-21"}, nil},
		{"an invoice of less than was received is told", func(b *bank) { b.books.Invoicing = ByERP }, func(b *bank) {
			b.post(&sideInvoice{mapping.Invoice{Document: commerce.Document{Ref: erpRef.With("inv"), Total: eur(6000)}, Open: eur(6000)}, erpRef.With("sale/1")})
			b.paid()
		}, []string{"invoice 60.00 EUR open 0.00 EUR", "receipt order/1 txn_1 of 66.00 EUR, 6.00 EUR left, on 2026-11-21"}, []string{MoneyOpen}},
		{"an order without money of the processor is invoiced all the same", nil, func(b *bank) {
			b.lines, b.payments = nil, map[string]*commerce.Payment{}
			b.orders[order1].Tenders = []commerce.Tender{{Kind: commerce.TenderGiftCard, Amount: eur(6600)}}
			b.changed("1", 1)
		}, []string{"invoice 66.00 EUR open 66.00 EUR"}, nil},
		{"goods that are sent make the invoice, on their day", func(b *bank) { b.books.Invoicing = OnShipment }, func(b *bank) {
			b.paid()
			require.Empty(b.t, b.invoices)
			b.pass(2 * day)
			b.shipments["shipment/1"] = &commerce.Shipment{Ref: erpRef.With("shipment/1"), Key: order1.String(), Sent: b.clock,
				Lines: []commerce.ShipmentLine{{SKU: "LAMP", Quantity: commerce.MustDecimal("2")}}}
			b.pass(day)
			b.deliver(commerce.Event{Ref: erpRef.With("shipment/1@1"), Type: "shipment.sent", Object: "shipment/1", Created: b.clock, Raw: []byte(`{}`)})
			b.work()
			require.Equal(b.t, "2026-11-23", b.invoices[0].Date.String())
		}, []string{"invoice 66.00 EUR open 0.00 EUR", "receipt order/1 txn_1 of 66.00 EUR, 0.00 EUR left, on 2026-11-21"}, nil},
		{"a part of the goods makes no invoice", func(b *bank) { b.books.Invoicing = OnShipment }, func(b *bank) {
			b.paid()
			b.shipments["shipment/1"] = &commerce.Shipment{Ref: erpRef.With("shipment/1"), Key: order1.String(), Sent: b.clock,
				Lines: []commerce.ShipmentLine{{SKU: "LAMP", Quantity: commerce.MustDecimal("1")}}}
			b.deliver(commerce.Event{Ref: erpRef.With("shipment/1@1"), Type: "shipment.sent", Object: "shipment/1", Created: b.clock, Raw: []byte(`{}`)})
		}, []string{"receipt order/1 txn_1 of 66.00 EUR, 66.00 EUR left, on 2026-11-21"}, nil},
		{"an order that is edited before goods leave is invoiced as it is then", func(b *bank) { b.books.Invoicing = OnShipment }, func(b *bank) {
			b.paid()
			seen := map[commerce.Ref]string{}
			b.settle(seen)
			b.move("Hamburg")
			b.settle(seen)
			b.orders[order1].Lines[0].Shipped = commerce.MustDecimal("2")
			b.settle(seen)
			require.Equal(b.t, erpRef.With("sale/2"), b.invoices[0].sale)
		}, []string{"invoice 66.00 EUR open 0.00 EUR", "receipt order/1 txn_1 of 66.00 EUR, 0.00 EUR left, on 2026-11-21"}, nil},
		{"money of an order that is replaced goes over to the one in its place", func(b *bank) { b.books.Invoicing = OnShipment }, func(b *bank) {
			b.paid()
			seen := map[commerce.Ref]string{}
			b.settle(seen)
			b.replace(2)
			b.settle(seen)
			b.feed()
			b.pass(day)
			b.moves("refund", "2", "1", -2000, 0, b.clock)
			b.payments["pi_1"].Refunded = eur(2000)
		}, []string{"receipt order/1 txn_1 of 66.00 EUR, 66.00 EUR left, on 2026-11-21", "receipt order/1 txn_1/2 of -66.00 EUR, -66.00 EUR left, on 2026-11-21",
			"receipt order/1-1 txn_1 of 66.00 EUR, 66.00 EUR left, on 2026-11-21", "receipt order/1-1 txn_2 of -20.00 EUR, -20.00 EUR left, on 2026-11-22"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := sold(t, func(b *bank) {
				if c.set != nil {
					c.set(b)
				}
			})
			c.play(b)
			b.work()
			b.feed()
			b.work()
			b.closes()
			got := slices.DeleteFunc(b.ledger(), func(s string) bool { return strings.HasPrefix(s, "entry activity") })
			require.Equal(t, c.want, got)
			require.ElementsMatch(t, c.told, b.exceptions(), "%v", b.alerts)
			made := b.inventory()
			b.again()
			b.work()
			require.Equal(t, made, b.inventory(), "told again, and nothing is posted")
		})
	}
}

func TestSharesOfAPaymentForSeveralOrdersAddUpToTheMovement(t *testing.T) {
	t.Parallel()
	usd := func(minor int64) commerce.Money { return commerce.MustMoney(minor, "USD") }
	for _, named := range []bool{true, false} {
		b := newBank(t)
		b.chart.Clearing["USD"], b.chart.Exchange = "1361", "6880"
		b.chart.Rate = func(commerce.Currency, commerce.Date) (commerce.Decimal, error) {
			return commerce.MustDecimal("0.9"), nil
		}
		var amounts []commerce.Money
		for _, id := range []string{"1", "2", "3"} {
			b.office.order(id, func(o *commerce.Order) {
				o.Totals.Gross, o.Tenders[0].Amount = eur(3333), eur(3333)
			})
			amounts = append(amounts, eur(3333))
		}
		b.payment("1", []string{"1", "2", "3"}, amount(eur(9999)))
		if named {
			gets(amounts...)(b.payments["pi_1"])
		}
		at := b.clock
		settled := func(minor int64) func(*reconcile.Line) {
			return func(l *reconcile.Line) {
				l.Presented, l.Amount, l.Fee, l.Net = l.Amount, usd(minor), usd(0), usd(minor)
			}
		}
		b.moves("charge", "1", "1", 9999, 0, at, settled(11000))
		b.paid()
		b.pass(time.Hour)
		b.moves("refund", "2", "1", -3333, 0, b.clock, settled(-3700), func(l *reconcile.Line) { l.Number = "102" })
		b.payments["pi_1"].Refunded = eur(3333)
		b.feed()
		b.work()
		want := []string{"txn_1 order/1 33.33 EUR 36.67 USD", "txn_1 order/2 33.33 EUR 36.67 USD", "txn_1 order/3 33.33 EUR 36.66 USD", "txn_2 order/2 -33.33 EUR -37.00 USD"}
		got := []string{}
		for _, r := range b.receipts {
			got = append(got, strings.Join([]string{r.n.Movement, r.order.ID, r.n.Amount.String(), r.n.Settled.String()}, " "))
		}
		require.Empty(t, b.dead(), b.reason())
		require.Equal(t, want, sorted(got), "named: %t", named)
	}
}

func TestARefundOfAPaymentForSeveralOrdersIsNeverGuessed(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	b.office.order("1")
	b.office.order("2")
	b.payment("1", []string{"1", "2"}, amount(eur(13200)), gets(eur(6600), eur(6600)))
	b.moves("charge", "1", "1", 13200, 0, b.clock)
	b.paid()
	b.moves("refund", "2", "1", -6600, 0, b.clock)
	b.payments["pi_1"].Refunded = eur(6600)
	b.feed()
	b.work()
	require.Equal(t, []string{"refund_of_several"}, b.dead())
	require.Len(t, b.receipts, 2)
	correction := commerce.Overlay{"refund.number": []byte(`"102"`)}
	for e, err := range b.inbox.List(t.Context(), inbox.Filter{States: []inbox.State{inbox.Dead}}) {
		require.NoError(t, err)
		require.NoError(t, b.inbox.Replay(t.Context(), e.Seq, "ada", "it was order 2's", correction))
	}
	b.work()
	b.closes()
	require.Contains(t, b.receipts, "order/2 txn_2")
}

func TestMoneyOfNoOrderInTheBooks(t *testing.T) {
	t.Parallel()
	nobody := func(b *bank) {
		b.payment("7", nil)
		b.moves("charge", "7", "7", 6600, 0, b.clock)
	}
	canceled := func(b *bank) {
		b.office.order("1", in(commerce.OrderCanceled))
		b.payment("1", []string{"1"})
		b.moves("charge", "1", "1", 6600, 0, b.clock)
		b.news("evt_1", "charge.succeeded", "pi_1")
	}
	waiting := func(b *bank) {
		b.office.order("1", in(commerce.OrderOnHold))
		b.payment("1", []string{"1"})
		b.moves("charge", "1", "1", 6600, 0, b.clock)
	}
	wrong := func(b *bank) {
		b.office.order("1")
		b.payment("1", []string{"1"}, amount(eur(5000)))
		b.moves("charge", "1", "1", 5000, 0, b.clock)
	}
	old := func(b *bank) {
		b.office.order("1", func(o *commerce.Order) { o.Placed = b.clock.Add(-48 * time.Hour) })
		b.payment("1", []string{"1"})
		b.moves("charge", "1", "1", 6600, 0, b.clock)
	}
	for _, c := range []struct {
		name string
		play func(*bank)
		code string
		told []string
	}{
		{"of a payment that names none", nobody, "no_order", nil},
		{"of an order that was canceled before", canceled, "no_sales_order", []string{CanceledOrder}},
		{"of an order that nobody takes up", waiting, "no_sales_order", nil},
		{"of a payment that does not fit its order", wrong, "amount_mismatch", nil},
		{"of an order from before the start", old, "no_sales_order", nil},
	} {
		t.Run(c.name+" is dead", func(t *testing.T) {
			t.Parallel()
			b := newBank(t)
			b.o2c.StartAt = b.clock.Add(-time.Hour)
			c.play(b)
			b.feed()
			b.work()
			require.Equal(t, []string{c.code}, b.dead(), b.reason())
			require.Empty(t, b.receipts)
			require.Empty(t, b.entries)
		})
		t.Run(c.name+" is on suspense and told", func(t *testing.T) {
			t.Parallel()
			b := newBank(t, func(b *bank) { b.books.Suspense, b.chart.Suspense = true, "1590" })
			b.o2c.StartAt = b.clock.Add(-time.Hour)
			c.play(b)
			b.feed()
			b.work()
			b.closes()
			require.Equal(t, sorted(c.told, []string{InSuspense}), b.exceptions())
			require.Equal(t, b.lines[0].Amount.Neg(), b.stands("1590", "EUR", commerce.DateOf(b.clock)))
		})
	}
}

func TestMoneyLeavesTheSuspenseAccountWhenItsOrderIsTakenUp(t *testing.T) {
	t.Parallel()
	b := newBank(t, func(b *bank) { b.books.Suspense, b.chart.Suspense = true, "1590" })
	b.office.order("1", in(commerce.OrderOnHold))
	b.payment("1", []string{"1"})
	b.moves("charge", "1", "1", 6600, 0, b.clock)
	b.feed()
	b.work()
	require.Equal(t, eur(-6600), b.stands("1590", "EUR", commerce.DateOf(b.clock)))
	b.orders[order1].State = commerce.OrderPending
	b.paid()
	b.closes()
	require.Equal(t, eur(0), b.stands("1590", "EUR", commerce.DateOf(b.clock)))
	require.Equal(t, eur(0), b.receipts["order/1 txn_1"].Left)
}

func TestAnEntryWhoseAnswerWasLostIsTakenBackWhateverBecameOfIt(t *testing.T) {
	t.Parallel()
	for f, name := range everyFault {
		b := newBank(t, func(b *bank) { b.books.Suspense, b.chart.Suspense = true, "1590" })
		b.office.order("1", in(commerce.OrderCanceled))
		b.payment("1", []string{"1"})
		b.moves("charge", "1", "1", 6600, 0, b.clock)
		met := false
		b.fault = func(op string) fault {
			if met || !strings.HasPrefix(op, "entry suspense/") {
				return well
			}
			met, b.orders[order1].State = true, commerce.OrderPending
			return f
		}
		b.feed()
		b.until(b.clock.Add(time.Second))
		require.True(t, met)
		b.paid()
		b.closes()
		require.Equal(t, eur(0), b.stands("1590", "EUR", commerce.DateOf(b.clock)), name)
		require.Equal(t, eur(0), b.receipts["order/1 txn_1"].Left, name)
	}
}

func TestLateFactsOfADayAreSupplements(t *testing.T) {
	t.Parallel()
	b := sold(t)
	b.paid()
	b.feed()
	b.work()
	late := b.clock
	b.pass(24 * time.Hour)
	b.moves("dispute", "2", "", -1500, 1500, late)
	b.feed()
	b.work()
	b.closes()
	require.Contains(t, b.ledger(), "entry activity/eur/2026-11-21/2 of -30.00 EUR on 2026-11-21")
}

func TestAClosedPeriodBuriesTheEventUntilSomebodyOpensIt(t *testing.T) {
	t.Parallel()
	b := sold(t)
	b.closed = commerce.DateOf(b.clock)
	b.paid()
	b.feed()
	b.work()
	require.Equal(t, []string{"period_closed", "period_closed", "period_closed"}, b.dead())
	require.Empty(t, b.receipts)
	b.closed = commerce.Date{}
	for e, err := range b.inbox.List(t.Context(), inbox.Filter{States: []inbox.State{inbox.Dead}}) {
		require.NoError(t, err)
		require.NoError(t, b.inbox.Replay(t.Context(), e.Seq, "ada", "opened", nil))
	}
	b.work()
	b.closes()
	require.Len(t, b.receipts, 1)
}

func TestMoneyOfTheOtherModeIsRefusedBeforeAnyWrite(t *testing.T) {
	t.Parallel()
	b := sold(t)
	e := commerce.Event{Ref: stripeRef.With("day/eur/2026-11-21@1"), Type: balanceDay, Object: "day/eur/2026-11-21", Created: b.clock, Raw: []byte(`{}`)}
	e.Ref.Mode = commerce.Test
	b.deliver(e)
	b.work()
	require.Equal(t, []string{"mode_mismatch"}, b.dead())
	require.Empty(t, b.inventory())
}

func TestAnOrderOfOtherBooksThanTheBalanceIsRefusedBeforeAnyWrite(t *testing.T) {
	t.Parallel()
	b := sold(t)
	b.company = "2"
	b.paid()
	require.Equal(t, []string{"other_books"}, b.dead())
	require.Empty(t, b.receipts)
	require.Empty(t, b.invoices)
}

func TestEachAccountHasBooksOfItsOwn(t *testing.T) {
	t.Parallel()
	b := sold(t, func(b *bank) { b.books.Account = "acct_2" })
	b.paid()
	b.feed()
	b.work()
	require.Empty(t, b.dead(), b.reason())
	require.Empty(t, b.receipts)
	require.Empty(t, b.entries)

	wrong := sold(t, func(b *bank) { b.books.Account, b.chart.Account = "acct_1", "acct_2" })
	wrong.feed()
	wrong.paid()
	require.Equal(t, []string{"invalid"}, wrong.dead())
	require.Contains(t, wrong.reason(), `its Account is "acct_2"`)
}

func TestWhatMovedBeforeTheStartIsInTheOpeningBalance(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	b.o2c.StartAt, b.out.StartAt = b.clock.Add(24*time.Hour), b.clock.Add(24*time.Hour)
	b.office.order("1")
	b.payment("1", []string{"1"})
	b.moves("charge", "1", "1", 6600, 200, b.clock)
	b.payout("1")
	b.feed()
	b.work()
	require.Empty(t, b.dead(), b.reason())
	require.Empty(t, b.inventory())
}

func TestInModeSummaryTheDayBooksSalesAndRefunds(t *testing.T) {
	t.Parallel()
	b := sold(t, func(b *bank) {
		b.books.Mode, b.out.Mode = Summary, Summary
		b.split = func(o commerce.Order, amount commerce.Money) []reconcile.Part {
			parts, err := amount.Allocate(5546, 1054)
			require.NoError(b.t, err)
			return []reconcile.Part{{Account: "8400", Text: "revenue 19 %", Amount: parts[0]}, {Account: "1776", Text: "tax 19 %", Amount: parts[1]}}
		}
	})
	b.paid()
	b.moves("refund", "2", "1", -600, 0, b.clock)
	b.payments["pi_1"].Refunded = eur(600)
	b.feed()
	b.work()
	b.closes()
	require.Empty(t, b.receipts)
	require.Empty(t, b.invoices)
	today := commerce.DateOf(b.clock)
	require.Equal(t, eur(-5042), b.stands("8400", "EUR", today))
	require.Equal(t, eur(-958), b.stands("1776", "EUR", today))
}

func TestAnEntryByHandOnClearingIsToldWhenTheDayIsProved(t *testing.T) {
	t.Parallel()
	b := sold(t, func(b *bank) { b.books.ProveAfter = 3 })
	b.paid()
	b.entries = append(b.entries, commerce.JournalEntry{Key: "by hand", Date: commerce.DateOf(b.clock), Lines: []commerce.JournalLine{
		{Account: "1360", Debit: eur(100), Credit: eur(0)}, {Account: "1200", Debit: eur(0), Credit: eur(100)}}})
	b.feed()
	b.work()
	require.Empty(t, b.exceptions())
	b.pass(3 * 24 * time.Hour)
	b.moves("fee", "2", "", -500, 0, b.clock)
	b.feed()
	b.work()
	require.Equal(t, []string{ClearingDiffers}, b.exceptions())
	require.Contains(t, b.alerts[0].Text, "stands at 65.00 EUR, and the balance stood at 64.00 EUR")
}

func TestAnInvoiceThatPeopleWriteTakesTheAdvanceTheDayAfter(t *testing.T) {
	t.Parallel()
	b := sold(t, func(b *bank) { b.books.Invoicing = ByERP })
	b.feed()
	b.news("evt_1", "charge.succeeded", "pi_1")
	b.pass(5 * 24 * time.Hour)
	require.Equal(t, eur(6600), b.receipts["order/1 txn_1"].Left)
	b.post(&sideInvoice{mapping.Invoice{Document: commerce.Document{Ref: erpRef.With("inv"), Total: eur(6600)}, Date: commerce.DateOf(b.clock), Open: eur(6600)}, erpRef.With("sale/1")})
	b.pass(25 * time.Hour)
	require.Equal(t, eur(0), b.receipts["order/1 txn_1"].Left)
	b.work()
	b.closes()
	require.Less(t, b.clock.Sub(b.lines[0].Created), 10*24*time.Hour, "nothing is looked at any more")

	never := sold(t, func(b *bank) { b.books.Invoicing = ByERP })
	never.paid()
	never.feed()
	never.work()
	never.closes()
	require.WithinDuration(t, never.lines[0].Created.Add(31*24*time.Hour), never.clock, 48*time.Hour)
}

func TestAReceiptPaysMoreOfAnInvoiceLater(t *testing.T) {
	t.Parallel()
	b := sold(t, func(b *bank) { b.books.Invoicing = ByERP })
	b.feed()
	b.news("evt_1", "charge.succeeded", "pi_1")
	b.pass(time.Hour)
	i := b.post(&sideInvoice{mapping.Invoice{Document: commerce.Document{Ref: erpRef.With("inv"), Total: eur(5000)}, Date: commerce.DateOf(b.clock), Open: eur(3000)}, erpRef.With("sale/1")})
	look := func(id string) {
		b.news(id, "charge.updated", "pi_1")
		b.pass(time.Hour)
	}
	look("evt_2")
	require.Equal(t, []commerce.Money{eur(0), eur(3600)}, []commerce.Money{i.Open, b.receipts["order/1 txn_1"].Left})
	i.Open = eur(2000) // a person took another payment off it
	look("evt_3")
	require.Equal(t, []commerce.Money{eur(0), eur(1600)}, []commerce.Money{i.Open, b.receipts["order/1 txn_1"].Left}, "the same invoice, by a step of its own")
	i.Open = eur(500)
	look("evt_4")
	look("evt_5")
	require.Equal(t, []commerce.Money{eur(0), eur(1100)}, []commerce.Money{i.Open, b.receipts["order/1 txn_1"].Left})
	require.Empty(t, b.dead(), b.reason())
	require.Empty(t, b.drift())
	require.Equal(t, 3, b.made["apply receipt of order/1 txn_1 to inv"], "told again, and nothing more is applied")
}
