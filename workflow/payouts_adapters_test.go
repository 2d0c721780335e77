package workflow_test

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/erptest"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/erpbooks"
	"github.com/commercesync/commerce/mapping/magentoshop"
	"github.com/commercesync/commerce/mapping/nopshop"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
	"github.com/commercesync/commerce/reconcile"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
	"github.com/commercesync/commerce/workflow"
)

// mall is two shops that sell through one account at Stripe and one company, by one
// program over the real adapters.
type mall struct {
	t       *testing.T
	clock   time.Time
	stripe  *stripetest.Fake
	magento *magentotest.Shop
	nop     *nopcommercetest.Shop
	erp     *erptest.Memory
	books   *workflow.Books
	payouts *workflow.Payouts
	inbox   *inbox.Inbox
	hook    http.Handler
	reasons []map[reconcile.Reason]int // of each payout
}

func newMall(t *testing.T) *mall {
	m := &mall{t: t, clock: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)}
	now := func() time.Time { return m.clock }
	var err error
	m.stripe, err = stripetest.New(stripetest.Config{Now: now})
	require.NoError(t, err)
	client, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: m.stripe.Transport(), Now: now})
	require.NoError(t, err)
	pay := func(word string) *stripepay.Pay {
		p, err := stripepay.New(client, stripepay.Config{Account: "acct_fake", Mode: commerce.Test, Metadata: mapping.MetadataKeys{ID: []string{word}}})
		require.NoError(t, err)
		return p
	}

	m.magento, err = magentotest.New(magentotest.Config{Now: now})
	require.NoError(t, err)
	mage, err := magento.NewClient(magento.Config{BaseURL: "https://m.example", Transport: m.magento.Transport(), Credentials: commerce.Static(m.magento.Keys()), Now: now})
	require.NoError(t, err)
	first, err := magentoshop.New(mage, magentoshop.Config{Mode: commerce.Test, Now: now})
	require.NoError(t, err)
	m.nop, err = nopcommercetest.New(nopcommercetest.Config{Now: now})
	require.NoError(t, err)
	nop, err := nopcommerce.NewClient(nopcommerce.Config{BaseURL: "https://n.example", Transport: m.nop.Transport(), Credentials: commerce.Static(m.nop.Login()), Now: now})
	require.NoError(t, err)
	second, err := nopshop.New(nop, nopshop.Config{Currency: "EUR", Mode: commerce.Test, Now: now})
	require.NoError(t, err)

	var accounts []erp.Account
	for _, code := range []string{"1090", "1095", "1999", "6800", "7800"} {
		accounts = append(accounts, erp.Account{Code: code})
	}
	m.erp, err = erptest.NewMemory(erptest.MemoryConfig{Now: now, Accounts: append(accounts, erp.Account{Code: "2090", Settles: true, Party: true}),
		Journals: []string{"STRIPE"}, Products: []erp.Product{{SKU: "CUP"}, {SKU: "SHIPPING"}, {SKU: "DISCOUNT"}}, InvoicesItself: true})
	require.NoError(t, err)
	ledger, err := erpbooks.New(m.erp, erpbooks.Config{System: "memory", Routes: mapping.Routes{{Name: "all", Mode: commerce.Test}}, Now: now,
		Taxes: map[string]mapping.TaxTable{"default": {{Rate: "0"}}},
		Charts: map[string]erpbooks.Chart{"default": {Advance: "2090", FX: "7800", Chart: reconcile.Chart{Company: "EUR", Journal: "STRIPE", Account: "acct_fake", Suspense: "1999",
			Clearing: map[commerce.Currency]string{"EUR": "1090"}, Transit: map[commerce.Currency]string{"EUR": "1095"},
			Categories: map[string]string{"fee": "6800"}, Fees: map[string]string{"stripe_fee": "6800"}}}}})
	require.NoError(t, err)

	store, steps := inbox.NewMemory(inbox.MemoryConfig{Now: now}), idempotency.NewMemory(now)
	sell := func(shop workflow.Shop, p *stripepay.Pay, ignore bool) *workflow.OrderToCash {
		return &workflow.OrderToCash{Shop: shop, Payments: p, Books: ledger, Steps: steps, Links: inbox.Links{Store: store}, IgnoreUnlinked: ignore, Now: now,
			Take: func(context.Context, commerce.Facts) (bool, error) { return true, nil }}
	}
	mine, theirs := pay("magento_order"), pay("nop_order")
	one, two := sell(first, mine, true), sell(second, theirs, false)
	m.books = &workflow.Books{Shops: []*workflow.OrderToCash{one, two}, Ledger: ledger, Balance: mine, Suspense: true, Wait: time.Hour}
	m.payouts = &workflow.Payouts{Ledger: ledger, Balance: mine, Sales: []workflow.Sales{first, second}, Steps: steps, Links: one.Links, Now: now,
		Report: func(_ context.Context, r *reconcile.Report) error {
			m.reasons = append(m.reasons, r.Counts)
			return nil
		}}
	require.NoError(t, m.books.Check())
	require.NoError(t, m.payouts.Check())
	activity, err := stripepay.NewActivity(mine, stripepay.ActivityConfig{From: m.clock})
	require.NoError(t, err)
	paid, err := stripepay.NewPayouts(mine, stripepay.PayoutsConfig{From: m.clock})
	require.NoError(t, err)
	mageNews, err := first.Changes(magentoshop.ChangesConfig{})
	require.NoError(t, err)
	nopNews, err := second.Changes(nopshop.ChangesConfig{})
	require.NoError(t, err)
	m.inbox, err = inbox.New(store, inbox.Config{Now: now, MaxAge: 60 * 24 * time.Hour,
		Handlers: inbox.Merge(one.Handlers(), two.Handlers(), (&workflow.OrderChanges{OrderToCash: one}).Handlers(), (&workflow.OrderChanges{OrderToCash: two}).Handlers(),
			m.books.Handlers(), m.payouts.Handlers()),
		Feeds: []inbox.FeedConfig{{Name: "magento", Feed: mageNews}, {Name: "nop", Feed: nopNews}, {Name: "activity", Feed: activity}, {Name: "payouts", Feed: paid}}})
	require.NoError(t, err)
	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: commerce.Static([]commerce.Secret{commerce.NewSecret("whsec_fake")}), Account: "acct_fake", Mode: commerce.Test, Now: now})
	require.NoError(t, err)
	m.hook = m.inbox.Receive(hook)
	return m
}

// magentoOrder and nopOrder place an order of two cups for 20 EUR.
func (m *mall) magentoOrder(change func(*magentotest.NewOrder)) int64 {
	m.t.Helper()
	n := magentotest.NewOrder{Store: "eu_de", PaymentMethod: "stripe_payments", Items: []magentotest.NewItem{{SKU: "CUP", Qty: "2", Price: "10"}}}
	change(&n)
	id, err := m.magento.Place(n)
	require.NoError(m.t, err)
	return id
}

func (m *mall) nopOrder(change func(*nopcommercetest.NewOrder)) int64 {
	m.t.Helper()
	n := nopcommercetest.NewOrder{PaymentMethod: "Payments.Stripe", Items: []nopcommercetest.NewItem{{SKU: "CUP", Qty: 2, Price: "10"}}}
	change(&n)
	id, err := m.nop.Place(n)
	require.NoError(m.t, err)
	return int64(id)
}

func (m *mall) pay(word string, order, amount int64) {
	m.t.Helper()
	_, err := m.stripe.Pay(stripetest.Purchase{Amount: amount, Currency: "eur", Metadata: map[string]string{word: fmt.Sprint(order)}})
	require.NoError(m.t, err)
}

// days lets days pass, and works what is told of them.
func (m *mall) days(n int) {
	m.t.Helper()
	for range 4 * n {
		m.clock = m.clock.Add(6 * time.Hour)
		m.stripe.Tick()
		for d := range m.stripe.Deliveries(stripetest.DeliveryOptions{}) {
			req, err := d.Request(m.t.Context(), "https://program.test/hook")
			require.NoError(m.t, err)
			m.hook.ServeHTTP(httptest.NewRecorder(), req)
			m.stripe.Acknowledge(d.Event)
		}
		_, err := m.inbox.Poll(m.t.Context())
		require.NoError(m.t, err)
		for n := 1; n > 0; {
			n, err = m.inbox.Work(m.t.Context())
			require.NoError(m.t, err)
		}
	}
}

// byStripe are the documents of a shop that Stripe has a part in, and no others.
type byStripe struct{ workflow.Sales }

func (s byStripe) Documents(ctx context.Context, from, to time.Time) iter.Seq2[reconcile.Document, error] {
	return func(yield func(reconcile.Document, error) bool) {
		for d, err := range s.Sales.Documents(ctx, from, to) {
			if (err != nil || !d.Amount.IsZero()) && !yield(d, err) {
				return
			}
		}
	}
}

func TestTwoShopsOnOneAccountAreBookedAndTheirPayoutIsExplainedWithAllThatTheERPInvoiced(t *testing.T) {
	t.Parallel()
	sell := func(t *testing.T) *mall {
		m := newMall(t)
		// Orders of both shops have the same ids.
		m.pay("magento_order", m.magentoOrder(func(*magentotest.NewOrder) {}), 2_000)
		m.pay("nop_order", m.nopOrder(func(*nopcommercetest.NewOrder) {}), 2_000)
		m.pay("magento_order", m.magentoOrder(func(n *magentotest.NewOrder) { n.GiftCard = "5" }), 1_500)
		m.pay("nobody", 7, 4_200)
		m.days(1)
		m.magentoOrder(func(n *magentotest.NewOrder) { n.PaymentMethod = "banktransfer" })
		m.nopOrder(func(n *nopcommercetest.NewOrder) { n.GiftCard = "20" })
		m.magentoOrder(func(n *magentotest.NewOrder) { n.GiftCard, n.PaymentMethod = "20", "" })
		m.pay("nop_order", m.nopOrder(func(*nopcommercetest.NewOrder) {}), 2_000)
		return m
	}
	end := func(m *mall) {
		m.days(3)
		require.Len(m.t, m.stripe.PayOut(), 1)
		m.days(4)
		for e, err := range m.inbox.List(m.t.Context(), inbox.Filter{States: []inbox.State{inbox.Dead}}) {
			require.NoError(m.t, err)
			if e.Code != "no_order" { // nobody's, which the last shop tells
				require.Fail(m.t, "dead", "%s %s: %s %s", e.Event.Type, e.Event.Object, e.Code, e.Reason)
			}
		}
		for at := time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC); at.Before(m.clock.Truncate(24 * time.Hour)); at = at.AddDate(0, 0, 1) {
			on := commerce.DateOf(at.Add(-time.Second))
			have, err := m.erp.AccountBalance(m.t.Context(), "1090", on)
			require.NoError(m.t, err)
			require.Equal(m.t, m.stripe.Net(at)["eur"], have.Own.Minor(), "the clearing account on %s", on)
		}
		invoices := 0
		for _, err := range m.erp.Invoices(m.t.Context(), commerce.Date{Year: 2026, Month: 11, Day: 1}, commerce.DateOf(m.clock)) {
			require.NoError(m.t, err)
			invoices++
		}
		require.Equal(m.t, 7, invoices)
		require.Len(m.t, m.reasons, 1)
	}

	m := sell(t)
	end(m)
	// Of the money of nobody no shop knows.
	require.Equal(t, map[reconcile.Reason]int{reconcile.MissingInShop: 1}, m.reasons[0])
	view, err := m.books.Month(t.Context(), reconcile.MonthInput{Month: commerce.Date{Year: 2026, Month: 11, Day: 1}}, m.payouts.Sales...)
	require.NoError(t, err)
	require.True(t, view.Balances[0].Clearing.Proved(), "%+v", view.Balances[0].Clearing)
	require.Len(t, view.Sales, 2)
	require.Equal(t, []int{4, 3}, []int{view.Sales[0].Orders, view.Sales[1].Orders})
	require.Len(t, view.Suspense, 1)
	for _, tie := range view.Taxes {
		require.Equal(t, tie.ShopBase, tie.PostedBase, "what the shops sold is what the ERP invoiced")
	}

	// The control: without the sales that Stripe has no part in their invoices are of nobody.
	m = sell(t)
	for i, s := range m.payouts.Sales {
		m.payouts.Sales[i] = byStripe{s}
	}
	end(m)
	require.Equal(t, map[reconcile.Reason]int{reconcile.MissingInShop: 1 + 3}, m.reasons[0])
}
