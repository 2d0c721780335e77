package workflow_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
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

// moneyShop is a shop with its adapter, and what people do there.
type moneyShop interface {
	workflow.Shop
	workflow.RefundShop
}

type counterShop struct {
	moneyShop
	place    func() commerce.Ref
	memo     func(order commerce.Ref) // a paper over one cup, which moves no money
	refunded func(order commerce.Ref) commerce.Money
	feed     inbox.Feed
}

// exchange is the whole of it over the real adapters: Stripe, a shop, an ERP.
type exchange struct {
	t      *testing.T
	clock  time.Time
	stripe *stripetest.Fake
	pay    *stripe.Client
	erp    *erptest.Memory
	shop   counterShop
	inbox  *inbox.Inbox
	hook   http.Handler

	refunds *workflow.Refunds
	alerts  []string
}

func (x *exchange) Exception(_ context.Context, e workflow.Exception) {
	x.alerts = append(x.alerts, e.Name)
}

func eurosOf(t *testing.T, text string) commerce.Money {
	m, err := commerce.ParseMoney(text, "EUR")
	require.NoError(t, err)
	return m
}

func magentoCounter(t *testing.T, now func() time.Time) counterShop {
	far, err := magentotest.New(magentotest.Config{Now: now, Stores: []magentotest.Store{{ID: 1, Code: "de", Name: "de", WebsiteID: 1, Website: "base", WebsiteName: "Main", GroupName: "Main", BaseCurrency: "EUR", Currency: "EUR"}}})
	require.NoError(t, err)
	client, err := magento.NewClient(magento.Config{BaseURL: "https://shop.example", Transport: far.Transport(), Credentials: commerce.Static(far.Keys()), Now: now})
	require.NoError(t, err)
	shop, err := magentoshop.New(client, magentoshop.Config{Account: "main", Mode: commerce.Test, Now: now})
	require.NoError(t, err)
	feed, err := shop.Changes(magentoshop.ChangesConfig{})
	require.NoError(t, err)
	id := func(ref commerce.Ref) (n int64) {
		_, err := fmt.Sscanf(ref.ID, "order/%d", &n)
		require.NoError(t, err)
		return n
	}
	return counterShop{moneyShop: shop, feed: feed,
		place: func() commerce.Ref {
			id, err := far.Place(magentotest.NewOrder{PaymentMethod: "stripe_payments", ShippingPrice: "5", ShippingTax: []magentotest.Tax{{Code: "DE 19", Percent: "19"}},
				Items: []magentotest.NewItem{{SKU: "CUP", Qty: "3", Price: "9.99", Taxes: []magentotest.Tax{{Code: "DE 19", Percent: "19"}}}}})
			require.NoError(t, err)
			return shop.Ref(magento.ID(id))
		},
		memo: func(ref commerce.Ref) {
			o, ok := far.Order(id(ref))
			require.True(t, ok)
			_, err := client.Orders.Refund(t.Context(), o.EntityID, magento.RefundParams{BaseShipping: "0", Items: []magento.ItemQty{{OrderItemID: o.Items[0].ItemID, Qty: "1"}}})
			require.NoError(t, err)
		},
		refunded: func(ref commerce.Ref) commerce.Money {
			o, _ := far.Order(id(ref))
			if o.TotalRefunded == "" {
				return eurosOf(t, "0")
			}
			m, _, err := o.TotalRefunded.Money("EUR")
			require.NoError(t, err)
			return m
		}}
}

func nopCounter(t *testing.T, now func() time.Time) counterShop {
	far, err := nopcommercetest.New(nopcommercetest.Config{Now: now, Currencies: []nopcommercetest.NewCurrency{{Code: "EUR", Rate: "1"}}, StripePlugins: nopcommercetest.StripePlugins()})
	require.NoError(t, err)
	client, err := nopcommerce.NewClient(nopcommerce.Config{BaseURL: "https://shop.example", Transport: far.Transport(), Credentials: commerce.Static(far.Login()), Now: now})
	require.NoError(t, err)
	shop, err := nopshop.New(client, nopshop.Config{Account: "main", Currency: "EUR", Mode: commerce.Test, Now: now,
		Methods: map[string]nopshop.Method{nopcommercetest.StripeElement: {Charges: nopshop.Customer}}})
	require.NoError(t, err)
	feed, err := shop.Changes(nopshop.ChangesConfig{})
	require.NoError(t, err)
	id := func(ref commerce.Ref) nopcommerce.ID {
		var n int64
		_, err := fmt.Sscanf(ref.ID, "order/%d", &n)
		require.NoError(t, err)
		return nopcommerce.ID(n)
	}
	return counterShop{moneyShop: shop, feed: feed,
		place: func() commerce.Ref {
			id, err := far.Place(nopcommercetest.NewOrder{PaymentMethod: nopcommercetest.StripeElement, ShippingPrice: "5", TaxPercent: "19",
				Items: []nopcommercetest.NewItem{{SKU: "CUP", Qty: 3, Price: "10"}}})
			require.NoError(t, err)
			return shop.Ref(nopcommerce.ID(id))
		},
		memo: func(ref commerce.Ref) {
			o, err := client.Orders.Get(t.Context(), id(ref))
			require.NoError(t, err)
			was, err := mapping.ParseAmount(string(o.RefundedAmount))
			require.NoError(t, err)
			_, err = client.Processing.RefundTo(t.Context(), o.ID, nopcommerce.Number((was + 119000).Text()))
			require.NoError(t, err)
		},
		refunded: func(ref commerce.Ref) commerce.Money {
			o, err := client.Orders.Get(t.Context(), id(ref))
			require.NoError(t, err)
			a, err := mapping.ParseAmount(string(o.RefundedAmount))
			require.NoError(t, err)
			m, _, err := a.Money("EUR")
			require.NoError(t, err)
			return m
		}}
}

func newExchange(t *testing.T, open func(*testing.T, func() time.Time) counterShop, change ...func(*workflow.Refunds)) *exchange {
	x := &exchange{t: t, clock: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)}
	now := func() time.Time { return x.clock }
	var err error
	x.stripe, err = stripetest.New(stripetest.Config{Now: now})
	require.NoError(t, err)
	x.pay, err = stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: x.stripe.Transport(), Now: now})
	require.NoError(t, err)
	pay, err := stripepay.New(x.pay, stripepay.Config{Account: "acct_fake", Mode: commerce.Test})
	require.NoError(t, err)
	x.shop = open(t, now)

	var accounts []erp.Account
	for _, code := range []string{"1090", "1095", "1999", "2090", "6800"} {
		accounts = append(accounts, erp.Account{Code: code})
	}
	var products []erp.Product
	for _, sku := range []string{"CUP", "SHIPPING", "DISCOUNT", "ROUNDING", "FEE"} {
		products = append(products, erp.Product{SKU: sku})
	}
	x.erp, err = erptest.NewMemory(erptest.MemoryConfig{Now: now, Accounts: accounts, Products: products, Journals: []string{"STRIPE"}, Origin: commerce.Ref{Mode: commerce.Test},
		Taxes: []erp.Tax{{ID: "t19", Rate: commerce.MustDecimal("19")}}})
	require.NoError(t, err)
	books, err := erpbooks.New(x.erp, erpbooks.Config{System: "memory", Now: now, Routes: mapping.Routes{{Name: "all", Mode: commerce.Test}},
		Taxes: map[string]mapping.TaxTable{"default": {{Rate: "19", IDs: []string{"t19"}}, {Rate: "0"}}},
		Charts: map[string]erpbooks.Chart{"default": {Advance: "2090", Chart: reconcile.Chart{Company: "EUR", Journal: "STRIPE", Account: "acct_fake", Suspense: "1999",
			Clearing: map[commerce.Currency]string{"EUR": "1090"}, Transit: map[commerce.Currency]string{"EUR": "1095"},
			Categories: map[string]string{"fee": "6800"}, Fees: map[string]string{"": "6800"}}}}})
	require.NoError(t, err)

	store, steps := inbox.NewMemory(inbox.MemoryConfig{Now: now}), idempotency.NewMemory(now)
	o2c := &workflow.OrderToCash{Shop: x.shop, Payments: pay, Books: books, Steps: steps, Links: inbox.Links{Store: store}, Alerter: x, Now: now}
	ledger := &workflow.Books{Shops: []*workflow.OrderToCash{o2c}, Ledger: books, Balance: pay}
	x.refunds = &workflow.Refunds{OrderToCash: o2c, Shop: x.shop, Payments: pay, Ledger: books}
	for _, c := range change {
		c(x.refunds)
	}
	activity, err := stripepay.NewActivity(pay, stripepay.ActivityConfig{From: x.clock})
	require.NoError(t, err)
	x.inbox, err = inbox.New(store, inbox.Config{Now: now, MaxAge: 60 * 24 * time.Hour, Handlers: inbox.Merge(o2c.Handlers(), ledger.Handlers(), x.refunds.Handlers()),
		Feeds: []inbox.FeedConfig{{Name: "activity", Feed: activity}, {Name: "orders", Feed: x.shop.feed}}})
	require.NoError(t, err)
	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: commerce.Static([]commerce.Secret{commerce.NewSecret("whsec_fake")}), Account: "acct_fake", Mode: commerce.Test, Now: now})
	require.NoError(t, err)
	x.hook = x.inbox.Receive(hook)
	return x
}

// pass lets time pass and works what is told; of events of Stripe every second comes twice.
func (x *exchange) pass(d time.Duration) {
	x.t.Helper()
	for end := x.clock.Add(d); x.clock.Before(end); {
		x.clock = x.clock.Add(20 * time.Minute)
		x.stripe.Tick()
		n := 0
		for d := range x.stripe.Deliveries(stripetest.DeliveryOptions{}) {
			for range 1 + n%2 {
				req, err := d.Request(x.t.Context(), "https://program.test/hook")
				require.NoError(x.t, err)
				answer := httptest.NewRecorder()
				x.hook.ServeHTTP(answer, req)
				require.Equal(x.t, http.StatusOK, answer.Code, "%s: %s", d.Type, answer.Body)
			}
			n++
			x.stripe.Acknowledge(d.Event)
		}
		_, err := x.inbox.Poll(x.t.Context())
		require.NoError(x.t, err)
		for n := 1; n > 0; {
			n, err = x.inbox.Work(x.t.Context())
			require.NoError(x.t, err)
		}
	}
}

// sells has an order placed and paid.
func (x *exchange) sells() (order commerce.Ref, charge string) {
	x.t.Helper()
	order = x.shop.place()
	o, err := x.shop.Order(x.t.Context(), order)
	require.NoError(x.t, err)
	due, err := o.Due()
	require.NoError(x.t, err)
	pi, err := x.stripe.Pay(stripetest.Purchase{Amount: due.Minor(), Currency: "eur", Metadata: map[string]string{"commerce_order": strings.TrimPrefix(order.ID, "order/")}})
	require.NoError(x.t, err)
	x.pass(time.Hour)
	return order, pi.LatestCharge.ID
}

func (x *exchange) dashboard(charge string, minor int64) {
	x.t.Helper()
	params := &stripe.RefundParams{Charge: &charge, Amount: &minor}
	params.SetIdempotencyKey(fmt.Sprint("by hand ", x.clock))
	_, err := x.pay.Refunds.Create(x.t.Context(), params)
	require.NoError(x.t, err)
}

// agrees asserts that all three say the same was given back.
func (x *exchange) agrees(order commerce.Ref, text string) {
	x.t.Helper()
	for e, err := range x.inbox.List(x.t.Context(), inbox.Filter{States: []inbox.State{inbox.Dead}}) {
		require.NoError(x.t, err)
		require.Fail(x.t, "dead", "%s %s: %s", e.Event.Type, e.Event.Object, e.Reason)
	}
	want := eurosOf(x.t, text)
	back, notes := eurosOf(x.t, "0"), eurosOf(x.t, "0")
	for _, r := range x.stripe.Refunds() {
		if r.Status == "succeeded" || r.Status == "pending" {
			var err error
			back, err = back.Add(commerce.MustMoney(r.Amount, "EUR"))
			require.NoError(x.t, err)
		}
	}
	open := eurosOf(x.t, "0")
	for i, err := range x.erp.Invoices(x.t.Context(), commerce.Date{Year: 2026, Month: 1, Day: 1}, commerce.Date{Year: 2027, Month: 1, Day: 1}) {
		require.NoError(x.t, err)
		if i.Totals.Gross.Sign() < 0 {
			notes, err = notes.Sub(i.Totals.Gross)
			require.NoError(x.t, err)
		}
		open, err = open.Add(i.Open.Abs())
		require.NoError(x.t, err)
	}
	require.Equal(x.t, []commerce.Money{want, want, want, eurosOf(x.t, "0")}, []commerce.Money{back, x.shop.refunded(order), notes, open},
		"at Stripe, at the shop, in credit notes, and what is open of invoices and notes")
}

func TestMoneyGoesBackOverTheRealAdapters(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T, func() time.Time) counterShop{"magento": magentoCounter, "nopcommerce": nopCounter} {
		cup := map[string]string{"magento": "11.89", "nopcommerce": "11.90"}[name]
		all := map[string]string{"magento": "41.61", "nopcommerce": "41.65"}[name]
		t.Run(name+": refunds by hand, equal ones and then the rest", func(t *testing.T) {
			t.Parallel()
			x := newExchange(t, open)
			order, charge := x.sells()
			x.dashboard(charge, 500)
			x.pass(time.Hour)
			x.agrees(order, "5.00")
			x.dashboard(charge, 500)
			x.pass(time.Hour)
			x.agrees(order, "10.00")
			x.dashboard(charge, eurosOf(t, all).Minor()-1000)
			x.pass(time.Hour)
			x.agrees(order, all)
		})
		t.Run(name+": a paper of the shop, approved", func(t *testing.T) {
			t.Parallel()
			x := newExchange(t, open)
			order, _ := x.sells()
			x.shop.memo(order)
			x.pass(time.Hour)
			require.Equal(t, []string{workflow.RefundProposed}, x.alerts)
			require.Empty(t, x.stripe.Refunds())
			o, err := x.shop.Order(t.Context(), order)
			require.NoError(t, err)
			papers, err := x.shop.RefundDocuments(t.Context(), o)
			require.NoError(t, err)
			wish, err := x.refunds.Wish(order, workflow.RefundWish{ID: "ada", Document: papers[0].Document.Ref.ID})
			require.NoError(t, err)
			_, err = x.inbox.Append(t.Context(), wish)
			require.NoError(t, err)
			x.pass(time.Hour)
			x.agrees(order, cup)
		})
		t.Run(name+": a paper of the shop, by rule, while the same is given by hand", func(t *testing.T) {
			t.Parallel()
			x := newExchange(t, open, func(r *workflow.Refunds) {
				r.Pays = func(context.Context, commerce.Facts, mapping.RefundDocument) (bool, error) { return true, nil }
			})
			order, charge := x.sells()
			x.shop.memo(order)
			x.dashboard(charge, eurosOf(t, cup).Minor())
			x.pass(time.Hour)
			x.agrees(order, cup)
			x.shop.memo(order) // another one, which looks alike
			x.pass(time.Hour)
			require.Len(t, x.stripe.Refunds(), 2)
		})
		t.Run(name+": goods that a wish names", func(t *testing.T) {
			t.Parallel()
			x := newExchange(t, open)
			order, _ := x.sells()
			o, err := x.shop.Order(t.Context(), order)
			require.NoError(t, err)
			wish, err := x.refunds.Wish(order, workflow.RefundWish{ID: "return 1", Ask: mapping.RefundAsk{Lines: []mapping.RefundQuantity{{Line: o.Lines[0].ID, Quantity: commerce.MustDecimal("2")}}, AllShipping: true}})
			require.NoError(t, err)
			_, err = x.inbox.Append(t.Context(), wish, wish)
			require.NoError(t, err)
			x.pass(time.Hour)
			require.Len(t, x.stripe.Refunds(), 1)
			x.agrees(order, map[string]string{"magento": "29.72", "nopcommerce": "29.75"}[name])
		})
	}
}
