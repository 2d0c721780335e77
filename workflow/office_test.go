package workflow

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fataler is what *testing.T and *rapid.T have in common.
type fataler interface {
	require.TestingT
	Helper()
}

// office is a world with an inbox in front of it and a clock that only runs when
// nothing is left to do.
type office struct {
	t fataler
	*world
	clock  time.Time
	inbox  *inbox.Inbox
	events *inbox.Memory
	steps  idempotency.Store
	o2c    *OrderToCash
	failed *PaymentFailed
	follow bool // what becomes of orders at the shop
	more   func() inbox.Handlers

	shopNews []commerce.Ref // that was told, by poll
}

func newOffice(t fataler, change ...func(*office)) *office {
	t.Helper()
	o := &office{t: t, clock: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)}
	now := func() time.Time { return o.clock }
	o.world = newWorld(now)
	o.events = inbox.NewMemory(inbox.MemoryConfig{Now: now})
	o.steps = idempotency.NewMemory(now)
	links := inbox.Links{Store: o.events}
	o.o2c = o.world.orderToCash(o.steps, links)
	o.failed = o.world.paymentFailed(o.steps, links)
	for _, c := range change {
		c(o)
	}
	o.o2c.Steps, o.failed.Steps = o.steps, o.steps
	var err error
	handlers := inbox.Merge(o.o2c.Handlers(), o.failed.Handlers())
	if o.follow {
		handlers = inbox.Merge(handlers, (&OrderChanges{OrderToCash: o.o2c}).Handlers())
	}
	if o.more != nil {
		handlers = inbox.Merge(handlers, o.more())
	}
	o.inbox, err = inbox.New(o.events, inbox.Config{
		Handlers: handlers,
		Now:      now, Rand: func() float64 { return 0.5 },
	})
	require.NoError(t, err)
	return o
}

func (o *office) deliver(events ...commerce.Event) {
	o.t.Helper()
	_, err := o.inbox.Append(context.Background(), events...)
	require.NoError(o.t, err)
}

// news delivers an event of a type about a subject.
func (o *office) news(id, kind, subject string) {
	o.t.Helper()
	o.deliver(o.event(id, kind, subject))
}

// work works until nothing waits any more.
func (o *office) work() {
	o.t.Helper()
	o.until(time.Time{})
}

// until works until nothing is due before the time; zero = for ever.
func (o *office) until(end time.Time) {
	o.t.Helper()
	ctx := context.Background()
	for range 100_000 {
		n, err := o.inbox.Work(ctx)
		require.NoError(o.t, err)
		if n > 0 {
			continue
		}
		wait, err := o.events.Wait(ctx)
		require.NoError(o.t, err)
		if wait < 0 {
			return
		}
		next := o.clock.Add(max(wait, time.Millisecond))
		if !end.IsZero() && next.After(end) {
			o.clock = end
			return
		}
		o.clock = next
	}
	require.FailNow(o.t, "the events never end")
}

// wait lets time pass, and works what becomes due.
func (o *office) wait(d time.Duration) {
	o.t.Helper()
	o.until(o.clock.Add(d))
}

var ourCodes = []string{"amount_mismatch", "currency_mismatch", "partial_capture", "refunded", "no_order", "no_route",
	"no_status", "mode_mismatch", "empty_shipment", "stale_read", "no_sales_order", "refund_of_several", "payout_open", "other_books"}

// dead returns the codes of dead events, ours where there is one, sorted.
func (o *office) dead() []string {
	o.t.Helper()
	codes := []string{}
	for e, err := range o.inbox.List(context.Background(), inbox.Filter{States: []inbox.State{inbox.Dead}, Limit: 1000}) {
		require.NoError(o.t, err)
		code := e.Code
		for _, c := range ourCodes {
			if strings.Contains(e.Reason, ": "+c) {
				code = c
			}
		}
		codes = append(codes, code)
	}
	slices.Sort(codes)
	return codes
}

// reason returns why the first dead event is dead.
func (o *office) reason() string {
	o.t.Helper()
	for e, err := range o.inbox.List(context.Background(), inbox.Filter{States: []inbox.State{inbox.Dead}}) {
		require.NoError(o.t, err)
		return e.Reason
	}
	return ""
}

var journey = []string{"invoice order/1", "sales order order/1", "confirm sale/1", "goods order/1"}

func sorted(all ...[]string) []string {
	out := slices.Concat(all...)
	slices.Sort(out)
	return out
}

func TestAPaymentBecomesAPaidOrderASalesOrderAndARequestForGoods(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ref := o.order("1")
	o.payment("1", []string{"1"})
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.news("evt_2", "payment_intent.succeeded", "pi_1")
	o.news("evt_1", "charge.succeeded", "pi_1")
	o.work()
	require.Empty(t, o.dead(), o.reason())
	require.Equal(t, sorted(journey), o.inventory())
	require.Equal(t, commerce.OrderProcessing, o.orders[ref].State)
	require.Equal(t, "pi_1", o.orders[ref].PaymentID)
	require.Empty(t, o.alerts)
}
