// Package orderchanges edits orders as people do in a shop's admin, and looks at what
// becomes of them at the ERP: the real clients and adapters, over the fakes.
package orderchanges

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp/tryton/trytontest"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/internal/journey"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/stripe/stripetest"
	"github.com/commercesync/commerce/workflow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// floor is a program at work, its clock and the news that comes to it.
type floor struct {
	t      *testing.T
	shop   commerce.Ref // of its orders
	stripe *stripetest.Fake
	clock  time.Time
	store  *inbox.Memory
	steps  idempotency.Store
	in     *inbox.Inbox
	hook   http.Handler
	news   int
	rung   []workflow.Exception
}

func newFloor(t *testing.T) *floor {
	t.Helper()
	f := &floor{t: t, clock: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)}
	f.store, f.steps = inbox.NewMemory(inbox.MemoryConfig{Now: f.now}), idempotency.NewMemory(f.now)
	return f
}

func (f *floor) now() time.Time { return f.clock }

func (f *floor) Exception(_ context.Context, x workflow.Exception) { f.rung = append(f.rung, x) }

// begin starts the workflows.
func (f *floor) begin(orders *workflow.OrderToCash) {
	f.t.Helper()
	changes := &workflow.OrderChanges{OrderToCash: orders}
	require.NoError(f.t, changes.Check())
	var err error
	f.in, err = inbox.New(f.store, inbox.Config{Handlers: inbox.Merge(orders.Handlers(), changes.Handlers()), Now: f.now, Rand: func() float64 { return 0.5 }})
	require.NoError(f.t, err)
}

// office is a floor with a Magento, a Tryton and one order.
type office struct {
	*floor
	far  *journey.Fakes
	sale journey.Sale
}

func open(t *testing.T) *office {
	t.Helper()
	o := &office{floor: newFloor(t)}
	o.shop = commerce.Ref{System: "magento", Account: journey.ShopName, Mode: commerce.Test}
	var err error
	o.far, err = journey.NewFakes(journey.FakesConfig{Now: o.now})
	require.NoError(t, err)
	o.stripe = o.far.Stripe
	p, err := journey.New(t.Context(), journey.Config{Far: o.far.Far(), Store: o.store, Steps: o.steps, PollEvery: time.Minute, Alerter: o, Now: o.now})
	require.NoError(t, err)
	o.hook = p.Hook
	o.begin(p.Orders)
	o.sale, err = o.far.Place(rand.New(rand.NewPCG(3, 4)), "EUR")
	require.NoError(t, err)
	return o
}

func (o *office) pay() {
	o.t.Helper()
	o.buy(o.sale.Purchase(stripetest.Card))
}

// buy lets the buyer pay, and the news of it come.
func (o *floor) buy(p stripetest.Purchase) {
	o.t.Helper()
	_, err := o.stripe.Pay(p)
	require.NoError(o.t, err)
	for d := range o.stripe.Deliveries(stripetest.DeliveryOptions{}) {
		r, err := d.Request(o.t.Context(), "https://us.example/hook")
		require.NoError(o.t, err)
		answer := httptest.NewRecorder()
		o.hook.ServeHTTP(answer, r)
		require.Equal(o.t, http.StatusOK, answer.Code)
		o.stripe.Acknowledge(d.Event)
	}
}

// changed tells that orders of the shop changed, and works until nothing is left.
func (o *floor) changed(orders ...int64) {
	o.t.Helper()
	for _, id := range orders {
		o.news++
		ref := o.shop.With("order/" + strconv.FormatInt(id, 10))
		_, err := o.in.Append(o.t.Context(), commerce.Event{Ref: ref.With(ref.ID + "@" + strconv.Itoa(o.news)), Type: "order.changed",
			Object: ref.ID, Subject: ref.ID, Created: o.clock, Raw: []byte(`{}`)})
		require.NoError(o.t, err)
	}
	for range 10_000 {
		n, err := o.in.Work(o.t.Context())
		require.NoError(o.t, err)
		if n > 0 {
			continue
		}
		wait, err := o.store.Wait(o.t.Context())
		require.NoError(o.t, err)
		if wait < 0 {
			for e, err := range o.in.List(o.t.Context(), inbox.Filter{States: []inbox.State{inbox.Dead}}) {
				require.NoError(o.t, err)
				require.Fail(o.t, "an event died", "%s %s: %s", e.Event.Type, e.Event.Object, e.Reason)
			}
			return
		}
		o.clock = o.clock.Add(max(wait, time.Millisecond))
	}
	require.FailNow(o.t, "the events never end")
}

// counting returns the sales that count for an order.
func (o *office) counting(order int64) (out []trytontest.Sale) {
	for _, s := range o.far.ERP.AllSales() {
		if strings.HasSuffix(s.Reference, "%2F"+strconv.FormatInt(order, 10)) && s.State != "cancelled" {
			out = append(out, s)
		}
	}
	return out
}

func (o *office) order(id int64) magento.Order {
	o.t.Helper()
	got, ok := o.far.Shop.Order(id)
	require.True(o.t, ok)
	return got
}

// stands requires one sale in process, over the order's total.
func (o *office) stands(order int64) {
	o.t.Helper()
	sales := o.counting(order)
	require.Len(o.t, sales, 1, "%v", o.far.ERP.AllSales())
	require.Equal(o.t, "processing", sales[0].State)
	total, _, err := commerce.RoundMoney(string(o.order(order).GrandTotal), 4, "EUR")
	require.NoError(o.t, err)
	require.Equal(o.t, total, sales[0].Total)
}

func (o *floor) exceptions() []string {
	names := []string{}
	for _, x := range o.rung {
		names = append(names, x.Name)
	}
	slices.Sort(names)
	return names
}

// writes counts what was written at shop and ERP.
func (o *office) writes() (n int) {
	for _, c := range o.far.Shop.Calls() {
		if c.Method != http.MethodGet && !strings.Contains(c.Path, "token") {
			n++
		}
	}
	return n + len(o.far.ERP.AllSales())
}
