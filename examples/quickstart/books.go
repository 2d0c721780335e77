package main

import (
	"context"
	"errors"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp/tryton"
	"github.com/commercesync/commerce/examples/quickstart/world"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping/erpbooks"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/reconcile"
	"github.com/commercesync/commerce/workflow"
)

// The accounts that the books are kept on, by their codes in the ERP.
const (
	clearing    = "1090" // mirrors the balance at Stripe
	transit     = "1010" // on its way to the bank
	suspense    = "1095" // of nobody, as far as anybody knows
	advances    = "2090" // paid and not invoiced yet
	fees        = "6050"
	disputes    = "6060"
	differences = "6070" // in exchange
)

// charts are the accounts of the company, as whoever answers for its books writes them. An
// ERP without one of them keeps none.
func charts(ctx context.Context, erp *tryton.Client) (map[string]erpbooks.Chart, error) {
	codes := []string{clearing, transit, suspense, advances, fees, disputes, differences}
	found, err := erp.Accounts(ctx, codes)
	if err != nil || len(found) < len(codes) {
		return nil, err
	}
	in := func(account string) map[commerce.Currency]string {
		return map[commerce.Currency]string{world.Settlement: account}
	}
	return map[string]erpbooks.Chart{"default": {Advance: advances, FX: differences, Chart: reconcile.Chart{
		Company: world.Settlement, Journal: "STRIPE", Account: world.Account, Clearing: in(clearing), Transit: in(transit), Suspense: suspense,
		Categories: map[string]string{"dispute": disputes, "dispute_reversal": disputes, "fee": fees},
		Fees:       map[string]string{"stripe_fee": fees, "dispute/stripe_fee": disputes, "dispute_reversal/stripe_fee": disputes, "": fees}}}}, nil
}

// keep adds the books to what the inbox works: an invoice for each order when its goods have
// left, so that what staff changes before is followed; a receipt for each
// movement of its money, an entry for each day and for each payout. All shops have one
// balance, and so one who keeps its books.
func (a *app) keep() (inbox.Handlers, []inbox.FeedConfig, error) {
	first := a.shops[0]
	books := &workflow.Books{Ledger: a.books, Balance: first.pay, Suspense: true, Invoicing: workflow.OnShipment}
	payouts := &workflow.Payouts{Ledger: a.books, Balance: first.pay, Invoicing: books.Invoicing,
		Steps: first.orders.Steps, Links: first.orders.Links, Alerter: a, Now: a.world.Clock.Now}
	for _, l := range a.shops {
		books.Shops, payouts.Sales = append(books.Shops, l.orders), append(payouts.Sales, l.sales)
	}
	activity, err := stripepay.NewActivity(first.pay, stripepay.ActivityConfig{From: a.world.Clock.Now()})
	if err != nil {
		return nil, nil, err
	}
	paid, err := stripepay.NewPayouts(first.pay, stripepay.PayoutsConfig{From: a.world.Clock.Now()})
	if err != nil {
		return nil, nil, err
	}
	a.clearing = clearing
	return inbox.Merge(books.Handlers(), payouts.Handlers()), []inbox.FeedConfig{{Name: "balance", Feed: activity}, {Name: "payouts", Feed: paid}},
		errors.Join(books.Check(), payouts.Check())
}
