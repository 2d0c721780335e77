package workflow

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/reconcile"
)

// suspends has a suspense account.
func suspends(b *bank) {
	b.books.Suspense, b.chart.Suspense = true, "1590"
}

func TestMoneyThatCameBackIsBookedWhateverTheNextAttemptIs(t *testing.T) {
	t.Parallel()
	for _, next := range []commerce.PaymentStatus{commerce.PaymentFailed, commerce.PaymentCanceled, commerce.PaymentAction, commerce.PaymentPending} {
		b := sold(t)
		b.paid()
		b.feed()
		b.pass(3 * anyDay)
		b.moves("charge_failure", "2", "1", -6600, 0, b.clock)
		status(next)(b.payments["pi_1"])
		b.feed()
		b.work()
		b.closes()
		require.Contains(t, b.receipts, "order/1 txn_2", string(next))
		require.Equal(t, eur(6600), b.invoices[0].Open, string(next))
	}
}

func TestARefundFollowsItsOrderThroughAllReplacements(t *testing.T) {
	t.Parallel()
	b := sold(t)
	b.books.Invoicing = OnShipment
	b.paid()
	seen := map[commerce.Ref]string{}
	b.settle(seen)
	first := b.replace(2)
	b.settle(seen)
	b.feed()
	b.work()
	second := b.world.order("1-2", func(x *commerce.Order) { edit(x, 2) })
	b.orders[first].State, b.orders[first].Replaced = commerce.OrderCanceled, second.ID
	b.settle(seen)
	b.closes()
	b.moves("refund", "2", "1", -2000, 0, b.clock)
	b.payments["pi_1"].Refunded = eur(2000)
	b.feed()
	b.work()
	b.closes()
}

func TestMoneyLeavesTheSuspenseAccountWhenItsOrderIsReplaced(t *testing.T) {
	t.Parallel()
	b := newBank(t, suspends)
	b.office.order("1", in(commerce.OrderOnHold))
	b.payment("1", []string{"1"})
	b.moves("charge", "1", "1", 6600, 0, b.clock)
	b.feed()
	b.pass(3 * anyDay)
	require.Equal(t, eur(-6600), b.stands("1590", "EUR", commerce.DateOf(b.clock)))
	next := b.replace(2)
	b.news("evt_1", "charge.succeeded", "pi_1")
	b.work()
	require.Contains(t, b.receipts, next.ID+" txn_1")
	require.Equal(t, eur(0), b.stands("1590", "EUR", commerce.DateOf(b.clock)))
	b.closes()
}

func TestAMovementThatIsToldAfterAnEditIsNotBookedAgain(t *testing.T) {
	t.Parallel()
	b := newBank(t, suspends)
	for _, id := range []string{"1", "2"} {
		b.office.order(id)
	}
	b.payment("1", []string{"1", "2"}, amount(eur(13200)))
	b.moves("charge", "1", "1", 13200, 0, b.clock)
	b.paid()
	require.Len(t, b.receipts, 2)
	edit(b.orders[shopRef.With("order/2")], 3)
	b.feed()
	b.work()
	require.Empty(t, b.drift(), b.inventory())
	b.closes()
}

func TestAPaymentThatAPersonSharesOutIsBookedOnce(t *testing.T) {
	t.Parallel()
	for _, set := range []func(*bank){func(*bank) {}, suspends} {
		b := newBank(t, set)
		b.office.order("1")
		b.office.order("2")
		b.payment("1", nil, amount(eur(13200)))
		b.moves("charge", "1", "1", 13200, 0, b.clock)
		b.paid()
		b.feed()
		b.work()
		correction := commerce.Overlay{"payment.orders": []byte(`[{"number":"101","amount":{"amount":"66.00","currency":"EUR"}},{"number":"102","amount":{"amount":"66.00","currency":"EUR"}}]`)}
		for e, err := range b.inbox.List(t.Context(), inbox.Filter{States: []inbox.State{inbox.Dead}}) {
			require.NoError(t, err)
			require.NoError(t, b.inbox.Replay(t.Context(), e.Seq, "ada", "for both", correction))
		}
		b.work()
		b.closes()
		require.Len(t, b.receipts, 2)
		b.changed("1", 1)
		b.changed("2", 2)
		b.work()
		b.again()
		b.work()
		require.Len(t, b.receipts, 2)
		require.Empty(t, b.drift(), b.inventory())
	}
}

func TestMoneyOfAnOrderThatTheShopDoesNotHaveIsOnSuspense(t *testing.T) {
	t.Parallel()
	b := newBank(t, suspends)
	b.payment("1", []string{"1"})
	b.moves("charge", "1", "1", 6600, 0, b.clock)
	b.feed()
	b.work()
	b.closes()
	require.Equal(t, []string{InSuspense}, b.exceptions())
}

func TestInModeSummaryMoneyOfNoOrderIsNeverSilent(t *testing.T) {
	t.Parallel()
	for _, suspense := range []bool{false, true} {
		b := newBank(t, func(b *bank) {
			b.books.Mode, b.out.Mode = Summary, Summary
			b.books.Suspense, b.chart.Suspense = suspense, "1590"
		})
		b.payment("7", nil)
		b.moves("charge", "7", "7", 6600, 0, b.clock)
		b.feed()
		b.work()
		if suspense {
			b.closes()
			require.Equal(t, []string{InSuspense}, b.exceptions())
		} else {
			require.Equal(t, []string{"no_order"}, b.dead(), b.reason())
			require.Empty(t, b.entries)
		}
	}
}

func TestAMovementThatIsNotListedYetIsWaitedFor(t *testing.T) {
	t.Parallel()
	b := sold(t)
	b.paid()
	b.moves("refund", "2", "1", -2000, 0, b.clock)
	b.payments["pi_1"].Refunded = eur(2000)
	b.feed()
	refund := b.lines[1]
	b.lines = b.lines[:1]
	b.until(b.clock.Add(time.Minute))
	b.lines = append(b.lines, refund)
	b.work()
	b.closes()
}

func TestMoneyOfWhichAnOrderHasAPartIsNotOnSuspenseAsAWhole(t *testing.T) {
	t.Parallel()
	b := newBank(t, suspends)
	b.office.order("1")
	b.office.order("2", in(commerce.OrderOnHold))
	b.payment("1", []string{"1", "2"}, amount(eur(13200)))
	b.moves("charge", "1", "1", 13200, 0, b.clock)
	b.news("evt_1", "charge.succeeded", "pi_1")
	b.until(b.clock.Add(time.Minute))
	require.Len(t, b.receipts, 1)
	edit(b.orders[shopRef.With("order/2")], 3)
	b.feed()
	b.until(b.clock.Add(time.Minute))
	require.Equal(t, []string{"amount_mismatch"}, b.dead())
	require.Equal(t, eur(0), b.stands("1590", "EUR", commerce.DateOf(b.clock)))
}

func TestMoneyIsOnSuspenseOnceWhoeverItIsFor(t *testing.T) {
	t.Parallel()
	b := newBank(t, suspends)
	b.payment("1", nil)
	b.moves("charge", "1", "1", 6600, 0, b.clock)
	b.feed()
	b.work()
	b.office.order("1", in(commerce.OrderCanceled))
	b.payments["pi_1"].Orders = []commerce.OrderHint{{ID: "1"}}
	b.again()
	b.work()
	require.Equal(t, eur(-6600), b.stands("1590", "EUR", commerce.DateOf(b.clock)))
	b.closes()

	held := newBank(t, suspends)
	held.office.order("1", in(commerce.OrderOnHold))
	held.payment("1", []string{"1"})
	held.moves("charge", "1", "1", 6600, 0, held.clock)
	held.feed()
	held.pass(3 * anyDay)
	next := held.replace(2)
	held.orders[next].State = commerce.OrderOnHold
	held.again()
	held.pass(3 * anyDay)
	require.Empty(t, held.drift(), held.inventory())
	require.Equal(t, eur(-6600), held.stands("1590", "EUR", commerce.DateOf(held.clock)))
}

// strict knows of one account, as clients do.
type strict struct {
	balanceSide
	account string
}

func (s strict) MovementsOf(ctx context.Context, payment commerce.Ref) ([]reconcile.Line, error) {
	if payment.Account != s.account {
		return nil, refuse(commerce.KindInvalid, "read movements", "foreign_ref", "it is of %s", payment.Account)
	}
	return s.balanceSide.MovementsOf(ctx, payment)
}

func TestBooksOfOneAccountLeaveTheMoneyOfAnotherAlone(t *testing.T) {
	t.Parallel()
	b := newBank(t, func(b *bank) {
		b.books.Account, b.chart.Account = "acct_1", "acct_1"
		b.books.Balance = strict{balanceSide{b.treasury}, "acct_1"}
	})
	other := *b.books
	other.Account, other.Balance = "acct_2", strict{balanceSide{b.treasury}, "acct_2"}
	var err error
	b.inbox, err = inbox.New(b.events, inbox.Config{Handlers: inbox.Merge(b.o2c.Handlers(), other.Handlers(), b.books.Handlers()), Now: b.now, Rand: func() float64 { return 0.5 }})
	require.NoError(t, err)
	b.office.order("1")
	b.office.order("2")
	b.payment("1", []string{"1", "2"}, amount(eur(13200)))
	b.moves("charge", "1", "1", 13200, 0, b.clock)
	b.paid()
	b.feed()
	b.changed("1", 1)
	b.work()
	b.closes()
	require.Len(t, b.receipts, 2)
	require.Equal(t, eur(0), b.invoices[0].Open)
}

// meanwhile does something when a movement is read first.
type meanwhile struct {
	balanceSide
	do *func()
}

func (m meanwhile) Movement(ctx context.Context, ref commerce.Ref) (reconcile.Line, error) {
	if do := *m.do; do != nil {
		*m.do = nil
		do()
	}
	return m.balanceSide.Movement(ctx, ref)
}

func TestMoneyThatIsNamedWhileItGoesOnSuspenseIsBookedOnce(t *testing.T) {
	t.Parallel()
	var do func()
	b := newBank(t, suspends, func(b *bank) { b.books.Balance = meanwhile{balanceSide{b.treasury}, &do} })
	b.payment("1", nil)
	b.moves("charge", "1", "1", 6600, 0, b.clock)
	do = func() {
		b.office.order("1", func(o *commerce.Order) { o.PaymentID = "pi_1" })
		b.changed("1", 1)
		for range 20 {
			_, err := b.inbox.Work(t.Context())
			require.NoError(t, err)
		}
		require.Len(t, b.receipts, 1)
	}
	b.feed()
	b.work()
	require.Nil(t, do)
	b.closes()
	require.Equal(t, eur(0), b.stands("1590", "EUR", commerce.DateOf(b.clock)))
}
