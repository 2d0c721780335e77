package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/erpbooks"
	"github.com/commercesync/commerce/mapping/magentoshop"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/reconcile"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/workflow"
)

// app is the program that a user would write: adapters, workflows and an inbox.
type app struct {
	inbox      *inbox.Inbox
	refunds    *workflow.Refunds
	shop       *magentoshop.Shop
	books      *erpbooks.Books
	exceptions []string
}

func newApp(stripes *stripe.Client, magentos *magento.Client, ledger erp.ERP, now func() time.Time) (*app, error) {
	a := &app{}
	pay, err := stripepay.New(stripes, stripepay.Config{Account: account, Mode: commerce.Test})
	if err != nil {
		return nil, err
	}
	if a.shop, err = magentoshop.New(magentos, magentoshop.Config{Account: "shop", Mode: commerce.Test, Now: now}); err != nil {
		return nil, err
	}
	a.books, err = erpbooks.New(ledger, erpbooks.Config{System: "memory", Now: now, Routes: mapping.Routes{{Name: "all", Mode: commerce.Test}},
		Taxes: map[string]mapping.TaxTable{"default": {{Rate: "19", IDs: []string{"t19"}}, {Rate: "0"}}},
		Charts: map[string]erpbooks.Chart{"default": {Advance: "2090", Chart: reconcile.Chart{Company: "EUR", Journal: "STRIPE", Account: account,
			Clearing: map[commerce.Currency]string{"EUR": "1090"}, Transit: map[commerce.Currency]string{"EUR": "1095"}, Fees: map[string]string{"": "6800"}}}}})
	if err != nil {
		return nil, err
	}

	// In earnest both are kept by sqlstore.
	store, steps := inbox.NewMemory(inbox.MemoryConfig{Now: now}), idempotency.NewMemory(now)
	orders := &workflow.OrderToCash{Shop: a.shop, Payments: pay, Books: a.books, Steps: steps, Links: inbox.Links{Store: store}, Alerter: a, Now: now}
	money := &workflow.Books{Shops: []*workflow.OrderToCash{orders}, Ledger: a.books, Balance: pay}
	a.refunds = &workflow.Refunds{OrderToCash: orders, Shop: a.shop, Payments: pay, Ledger: a.books}
	if err := errors.Join(orders.Check(), money.Check(), a.refunds.Check()); err != nil {
		return nil, err
	}
	changes, err := a.shop.Changes(magentoshop.ChangesConfig{})
	if err != nil {
		return nil, err
	}
	activity, err := stripepay.NewActivity(pay, stripepay.ActivityConfig{From: now()})
	if err != nil {
		return nil, err
	}
	a.inbox, err = inbox.New(store, inbox.Config{Now: now,
		// Refunds come behind Books, so that a refund finds its order's invoice.
		Handlers: inbox.Merge(orders.Handlers(), money.Handlers(), a.refunds.Handlers()),
		Feeds:    []inbox.FeedConfig{{Name: "orders", Feed: changes}, {Name: "balance", Feed: activity}}})
	return a, err
}

// wish has money given back that somebody asks for.
func (a *app) wish(ctx context.Context, order commerce.Ref, w workflow.RefundWish) error {
	e, err := a.refunds.Wish(order, w)
	if err == nil {
		_, err = a.inbox.Append(ctx, e)
	}
	return err
}

// Exception hears of what a person has to look at.
func (a *app) Exception(_ context.Context, x workflow.Exception) {
	a.exceptions = append(a.exceptions, x.Name+": "+x.Text)
}

func (a *app) dead(ctx context.Context) (out []string, err error) {
	for e, err := range a.inbox.List(ctx, inbox.Filter{States: []inbox.State{inbox.Dead}}) {
		if err != nil {
			return nil, err
		}
		out = append(out, fmt.Sprintf("%s %s: %s", e.Event.Type, e.Event.Object, e.Reason))
	}
	return out, nil
}
