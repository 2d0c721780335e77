package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/erptest"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/magento/magentotest"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

const account = "acct_fake"

// world is the fakes, and the people at them.
type world struct {
	clock    time.Time
	stripe   *stripetest.Fake
	stripes  *stripe.Client // of whoever refunds by hand
	shop     *magentotest.Shop
	magentos *magento.Client // of the shop's staff
	erp      *erptest.Memory
	app      *app
	hook     http.Handler
}

func newWorld() (*world, error) {
	w := &world{clock: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)}
	now := func() time.Time { return w.clock }
	var err error
	if w.stripe, err = stripetest.New(stripetest.Config{Now: now}); err != nil {
		return nil, err
	}
	if w.stripes, err = stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: w.stripe.Transport(), Now: now}); err != nil {
		return nil, err
	}
	if w.shop, err = magentotest.New(magentotest.Config{Now: now, Stores: []magentotest.Store{{ID: 1, Code: "de", Name: "de", WebsiteID: 1, Website: "base",
		WebsiteName: "Main", GroupName: "Main", BaseCurrency: "EUR", Currency: "EUR"}}}); err != nil {
		return nil, err
	}
	if w.magentos, err = magento.NewClient(magento.Config{BaseURL: "https://shop.example", Transport: w.shop.Transport(), Credentials: commerce.Static(w.shop.Keys()), Now: now}); err != nil {
		return nil, err
	}
	if w.erp, err = erptest.NewMemory(erptest.MemoryConfig{Now: now, Origin: commerce.Ref{Mode: commerce.Test}, Journals: []string{"STRIPE"},
		Accounts: []erp.Account{{Code: "1090"}, {Code: "1095"}, {Code: "2090"}, {Code: "6800"}},
		Products: []erp.Product{{SKU: "CUP"}, {SKU: "SHIPPING"}, {SKU: "DISCOUNT"}, {SKU: "ROUNDING"}, {SKU: "FEE"}},
		Taxes:    []erp.Tax{{ID: "t19", Rate: commerce.MustDecimal("19")}}}); err != nil {
		return nil, err
	}
	if w.app, err = newApp(w.stripes, w.magentos, w.erp, now); err != nil {
		return nil, err
	}
	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: commerce.Static([]commerce.Secret{commerce.NewSecret("whsec_fake")}), Account: account, Mode: commerce.Test, Now: now})
	if err != nil {
		return nil, err
	}
	w.hook = w.app.inbox.Receive(hook)
	return w, nil
}

// sale is an order that was placed and paid.
type sale struct {
	id     int64
	order  commerce.Ref
	line   string
	charge string
	total  int64
}

// sell has three cups sold, at 9.99 and 19 % of tax, and 5.00 of shipping.
func (w *world) sell(ctx context.Context) (s sale, err error) {
	vat := []magentotest.Tax{{Code: "DE 19", Percent: "19"}}
	if s.id, err = w.shop.Place(magentotest.NewOrder{PaymentMethod: "stripe_payments", ShippingPrice: "5", ShippingTax: vat,
		Items: []magentotest.NewItem{{SKU: "CUP", Qty: "3", Price: "9.99", Taxes: vat}}}); err != nil {
		return s, err
	}
	s.order = w.app.shop.Ref(magento.ID(s.id))
	o, err := w.app.shop.Order(ctx, s.order)
	if err != nil {
		return s, err
	}
	s.line, s.total = o.Lines[0].ID, o.Totals.Gross.Minor()
	pi, err := w.stripe.Pay(stripetest.Purchase{Amount: s.total, Currency: "eur", Metadata: map[string]string{"commerce_order": fmt.Sprint(s.id)}})
	if err != nil {
		return s, err
	}
	s.charge = pi.LatestCharge.ID
	return s, w.pass(ctx)
}

// dashboard refunds by hand at Stripe.
func (w *world) dashboard(ctx context.Context, s sale, amount int64) error {
	params := &stripe.RefundParams{Charge: &s.charge, Amount: &amount}
	params.SetIdempotencyKey(fmt.Sprintf("by hand %d", len(w.stripe.Refunds())))
	_, err := w.stripes.Refunds.Create(ctx, params)
	return err
}

// memo makes a credit memo over one cup, by hand in the shop.
func (w *world) memo(ctx context.Context, s sale) (string, error) {
	o, err := w.magentos.Orders.Get(ctx, magento.ID(s.id))
	if err != nil {
		return "", err
	}
	m, err := w.magentos.Orders.Refund(ctx, o.EntityID, magento.RefundParams{BaseShipping: "0", Items: []magento.ItemQty{{OrderItemID: o.Items[0].ItemID, Qty: "1"}}})
	return "creditmemo/" + m.EntityID.String(), err
}

// pass lets an hour pass, in which webhooks come, twice each, and polls look around.
func (w *world) pass(ctx context.Context) error {
	for range 6 {
		w.clock = w.clock.Add(10 * time.Minute)
		w.stripe.Tick()
		for d := range w.stripe.Deliveries(stripetest.DeliveryOptions{}) {
			for range 2 {
				req, err := d.Request(ctx, "https://program.test/hooks/stripe")
				if err != nil {
					return err
				}
				answer := httptest.NewRecorder()
				if w.hook.ServeHTTP(answer, req); answer.Code != http.StatusOK {
					return fmt.Errorf("%s was answered with %d", d.Type, answer.Code)
				}
			}
			w.stripe.Acknowledge(d.Event)
		}
		if _, err := w.app.inbox.Poll(ctx); err != nil {
			return err
		}
		for n := 1; n > 0; {
			var err error
			if n, err = w.app.inbox.Work(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// show prints what an order's refunds are at each system, and returns their sums.
func (w *world) show(ctx context.Context, out io.Writer, s sale) (map[string]commerce.Money, error) {
	sums := map[string]commerce.Money{"Stripe": {}, "Magento": {}, "ERP": {}}
	add := func(system, what string, m commerce.Money) (err error) {
		fmt.Fprintf(out, "  %-7s %9s  %s\n", system, m.Text(), what)
		if sum := sums[system]; sum != (commerce.Money{}) {
			m, err = sum.Add(m)
		}
		sums[system] = m
		return err
	}
	for _, r := range w.stripe.Refunds() {
		if string(r.Charge) == s.charge {
			by := "by hand"
			if r.Metadata["commerce_operation"] != "" {
				by = "by the program"
			}
			if err := add("Stripe", "refund, "+by, commerce.MustMoney(r.Amount, "EUR")); err != nil {
				return nil, err
			}
		}
	}
	o, err := w.app.shop.Order(ctx, s.order)
	if err != nil {
		return nil, err
	}
	papers, err := w.app.shop.RefundDocuments(ctx, o)
	if err != nil {
		return nil, err
	}
	for _, p := range papers {
		what := "credit memo, money alone"
		if p.Content != nil && p.Content.Goods() {
			what = fmt.Sprintf("credit memo, %s × %s", p.Content.Lines[0].Quantity, o.Lines[0].SKU)
		}
		if err := add("Magento", what, p.Money); err != nil {
			return nil, err
		}
	}
	year := func(n int) commerce.Date { return commerce.Date{Year: n, Month: 1, Day: 1} }
	for i, err := range w.erp.Invoices(ctx, year(2026), year(2027)) {
		if err != nil {
			return nil, err
		}
		if i.OrderKey != w.app.books.Reference(s.order) || i.Totals.Gross.Sign() >= 0 {
			continue
		}
		what := fmt.Sprintf("credit note, %s of it tax, %s left to pay", i.Totals.Tax.Neg(), i.Open.Abs())
		if err := add("ERP", what, i.Totals.Gross.Neg()); err != nil {
			return nil, err
		}
	}
	return sums, nil
}
