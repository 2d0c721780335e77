package books_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/erpbooks"
	"github.com/commercesync/commerce/mapping/magentoshop"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/reconcile"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
	"github.com/commercesync/commerce/workflow"
)

// program is what a merchant runs: order to cash, the books and the payouts over one inbox.
type program struct {
	w         *world
	office    office
	invoicing workflow.Invoicing
	inbox     *inbox.Inbox
	hook      http.Handler
	pay       *stripepay.Pay
	shop      *magentoshop.Shop
	books     *erpbooks.Books
	chart     reconcile.Chart

	mu   sync.Mutex
	told []workflow.Exception
}

// chartOf is the chart of accounts of a world in the codes of an office.
func chartOf(m money, a accounts) erpbooks.Chart {
	one := func(account string) map[commerce.Currency]string {
		return map[commerce.Currency]string{m.settlement: account}
	}
	c := reconcile.Chart{Company: m.company, Journal: "STRIPE", Account: account, Clearing: one(a.clearing), Transit: one(a.transit),
		Categories: map[string]string{"dispute": a.disputes, "dispute_reversal": a.disputes, "fee": a.fees},
		Fees:       map[string]string{"stripe_fee": a.fees, "": a.fees}}
	if m.settlement != m.company {
		c.Exchange = a.differences
		c.Rate = func(commerce.Currency, commerce.Date) (commerce.Decimal, error) {
			return commerce.ParseDecimal(m.worth)
		}
	}
	return erpbooks.Chart{Chart: c, Advance: a.advances, FX: a.differences}
}

// newProgram wires the program over a world and an office, from the world's first day on.
func newProgram(w *world, o office, invoicing workflow.Invoicing) *program {
	w.t.Helper()
	p := &program{w: w, office: o, invoicing: invoicing}
	protect := resilience.Config{Now: w.clock, Retry: resilience.Retry{Attempts: 2, Initial: time.Millisecond, Max: 5 * time.Millisecond}}
	mage, err := magento.NewClient(magento.Config{BaseURL: shopURL, Credentials: commerce.Static(w.shop.Keys()), Transport: w.shop.Transport(), Resilience: protect, Now: w.clock})
	require.NoError(w.t, err)
	p.shop, err = magentoshop.New(mage, magentoshop.Config{Account: shopName, Mode: commerce.Test, Settle: longestRequest, Now: w.clock})
	require.NoError(w.t, err)
	client, err := stripe.NewClient(stripe.Config{BaseURL: stripeURL, Credentials: commerce.Static(commerce.NewSecret(stripeKey)),
		Transport: w.stripe.Transport(), Resilience: protect, Now: w.clock})
	require.NoError(w.t, err)
	p.pay, err = stripepay.New(client, stripepay.Config{Account: account, Mode: commerce.Test})
	require.NoError(w.t, err)

	var table mapping.TaxTable
	for rate, id := range o.taxes() {
		table = append(table, mapping.TaxRow{Rate: rate, IDs: []string{id}})
	}
	chart := chartOf(w.money, o.accounts())
	p.chart = chart.Chart
	p.books, err = erpbooks.New(o.erp(), erpbooks.Config{System: o.system(), Settle: longestRequest, Charts: map[string]erpbooks.Chart{"default": chart},
		Routes: mapping.Routes{{Name: "books", Mode: commerce.Test}}, Taxes: map[string]mapping.TaxTable{"default": append(table, mapping.TaxRow{Rate: "0"})}})
	require.NoError(w.t, err)
	require.NoError(w.t, p.books.Check(w.t.Context()).Err())

	store, steps := inbox.NewMemory(inbox.MemoryConfig{Now: w.clock}), idempotency.NewMemory(w.clock)
	orders := &workflow.OrderToCash{Shop: p.shop, Payments: p.pay, Books: p.books, Warehouse: p.books, Steps: steps,
		Links: inbox.Links{Store: store}, Alerter: p, Now: w.clock}
	books := &workflow.Books{Shops: []*workflow.OrderToCash{orders}, Ledger: p.books, Balance: p.pay, Account: account, Invoicing: invoicing}
	payouts := &workflow.Payouts{Ledger: p.books, Balance: p.pay, Steps: steps, Links: inbox.Links{Store: store}, Sales: []workflow.Sales{p.shop},
		Alerter: p, Account: account, Invoicing: invoicing, Now: w.clock, Config: reconcile.Config{Dir: w.t.TempDir()}}
	require.NoError(w.t, errors.Join(books.Check(), payouts.Check()))
	activity, err := stripepay.NewActivity(p.pay, stripepay.ActivityConfig{From: start()})
	require.NoError(w.t, err)
	paid, err := stripepay.NewPayouts(p.pay, stripepay.PayoutsConfig{From: start()})
	require.NoError(w.t, err)
	changes, err := p.shop.Changes(magentoshop.ChangesConfig{})
	require.NoError(w.t, err)
	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: commerce.Static([]commerce.Secret{commerce.NewSecret(webhookSecret)}),
		Account: account, Mode: commerce.Test, Now: w.clock})
	require.NoError(w.t, err)
	p.inbox, err = inbox.New(store, inbox.Config{Now: w.clock, MaxAge: 60 * 24 * time.Hour, MaxAttempts: 50,
		Handlers: inbox.Merge(orders.Handlers(), books.Handlers(), payouts.Handlers()),
		Feeds:    []inbox.FeedConfig{{Name: "warehouse", Feed: p.books}, {Name: "orders", Feed: changes}, {Name: "activity", Feed: activity}, {Name: "payouts", Feed: paid}}})
	require.NoError(w.t, err)
	p.hook = p.inbox.Receive(hook)
	return p
}

// Exception implements workflow.Alerter.
func (p *program) Exception(_ context.Context, x workflow.Exception) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told = append(p.told, x)
}

func (p *program) named() (names []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, x := range p.told {
		names = append(names, x.Name+": "+x.Text)
	}
	slices.Sort(names)
	return names
}

// settle brings Stripe's news, polls and works until all is quiet. Time passes meanwhile:
// what moved the balance is told some minutes later.
func (p *program) settle() {
	ctx, w := p.w.t.Context(), p.w
	for quiet := 0; quiet < 2; quiet++ {
		w.stripe.Tick()
		for d := range w.stripe.Deliveries(stripetest.DeliveryOptions{}) {
			req, err := d.Request(ctx, "https://program.test/hook")
			require.NoError(w.t, err)
			answer := httptest.NewRecorder()
			p.hook.ServeHTTP(answer, req)
			require.Equal(w.t, http.StatusOK, answer.Code, "%s: %s", d.Type, answer.Body)
			w.stripe.Acknowledge(d.Event)
			quiet = 0
		}
		news, err := p.inbox.Poll(ctx)
		require.NoError(w.t, err)
		worked := 1
		for worked > 0 {
			worked, err = p.inbox.Work(ctx)
			require.NoError(w.t, err)
			if news += worked; worked > 0 {
				quiet = 0
			}
		}
		if news > 0 {
			quiet = 0
		}
		w.pass(10 * time.Minute)
	}
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// dead are the events that were buried, and why.
func (p *program) dead() (out []string) {
	for e, err := range p.inbox.List(p.w.t.Context(), inbox.Filter{States: []inbox.State{inbox.Dead}, Limit: 1000}) {
		require.NoError(p.w.t, err)
		out = append(out, fmt.Sprintf("%s %s: %s: %s", e.Event.Type, e.Event.Object, e.Code, e.Reason))
	}
	return out
}

// buried are the numbers of the dead events.
func (p *program) buried() (out []int64) {
	for e, err := range p.inbox.List(p.w.t.Context(), inbox.Filter{States: []inbox.State{inbox.Dead}, Limit: 1000}) {
		require.NoError(p.w.t, err)
		out = append(out, e.Seq)
	}
	return out
}
