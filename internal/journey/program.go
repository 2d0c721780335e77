// Package journey is the program that the integration tests look at: the real
// clients, adapters, workflows and inbox, wired as a user wires them, and the fakes
// around it.
package journey

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp/tryton"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/erpbooks"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/reconcile"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/workflow"
)

// Config says what a program works with.
type Config struct {
	Far   Far
	Store inbox.Store
	Steps idempotency.Store
	// Inbox holds waits and bounds; handlers and feeds are added. Its chance and its log
	// are those of clients and workflows too.
	Inbox inbox.Config
	// PollEvery is how often the warehouse is asked.
	PollEvery time.Duration
	// News: the shop is asked as well for what changed there.
	News bool
	// Books are kept, and what goes back is followed: a paper of the shop about it moves money.
	Books bool
	// Breaker of each far side.
	Breaker resilience.Breaker
	// Grace of both workflows.
	Grace    time.Duration
	Notifier workflow.Notifier
	Alerter  workflow.Alerter
	// StripeKey and WebhookSecrets default to those of the fakes. A drill rotates them.
	StripeKey      commerce.Credentials[commerce.Secret]
	WebhookSecrets commerce.Credentials[[]commerce.Secret]
	// PayURL is where a buyer comes back to from a Checkout session that a message about a
	// failed payment leads to. Empty: messages lead nowhere.
	PayURL string
	Now    func() time.Time // defaults to time.Now
}

// Program is order to cash, from the webhook to the shipment.
type Program struct {
	Inbox  *inbox.Inbox
	Orders *workflow.OrderToCash
	Hook   http.Handler
}

// New wires a program. It reads the ERP's taxes.
func New(ctx context.Context, c Config) (*Program, error) {
	if c.StripeKey == nil {
		c.StripeKey = commerce.Static(commerce.NewSecret(StripeKey))
	}
	if c.WebhookSecrets == nil {
		c.WebhookSecrets = commerce.Static([]commerce.Secret{commerce.NewSecret(WebhookSecret)})
	}
	protect := resilience.Config{Now: c.Now, Rand: c.Inbox.Rand, Breaker: c.Breaker, Retry: resilience.Retry{Attempts: 2, Initial: time.Millisecond, Max: 5 * time.Millisecond}}
	pays, err := stripe.NewClient(stripe.Config{BaseURL: c.Far.StripeURL, Credentials: c.StripeKey,
		Transport: c.Far.Stripe, Resilience: protect, Now: c.Now})
	if err != nil {
		return nil, err
	}
	tryt, err := tryton.NewClient(tryton.Config{URL: c.Far.ERPURL, Database: "erp", Credentials: commerce.Static(c.Far.Login),
		LongestRequest: c.Far.LongestRequest, Transport: c.Far.ERP, Resilience: protect, Now: c.Now})
	if err != nil {
		return nil, err
	}
	adapt := c.Far.Adapt
	if adapt == nil {
		adapt = adaptMagento
	}
	shop, err := adapt(c.Far, protect, c.Now)
	if err != nil {
		return nil, err
	}
	pay, err := stripepay.New(pays, stripepay.Config{Account: Account, Mode: commerce.Test, Metadata: c.Far.Metadata})
	if err != nil {
		return nil, err
	}
	taxes, err := taxTable(ctx, tryt)
	if err != nil {
		return nil, err
	}
	books, err := erpbooks.New(tryt, erpbooks.Config{Routes: mapping.Routes{{Name: "demo", Shop: ShopName, Mode: commerce.Test}},
		Taxes: map[string]mapping.TaxTable{"default": taxes}, Settle: c.Far.LongestRequest, Charts: map[string]erpbooks.Chart{"default": chart}, Now: c.Now})
	if err != nil {
		return nil, err
	}
	links := inbox.Links{Store: c.Store}
	var collect *workflow.Collect
	if c.PayURL != "" {
		collect = &workflow.Collect{Shop: shop, Payments: pay, Steps: c.Steps, Links: links,
			ReturnURL: c.PayURL, CancelURL: c.PayURL, Now: c.Now}
	}
	p := &Program{Orders: &workflow.OrderToCash{Shop: shop, Payments: pay, Books: books, Warehouse: books, Steps: c.Steps, Links: links,
		Collect: collect, Notifier: c.Notifier, Alerter: c.Alerter, Grace: c.Grace, Now: c.Now, Logger: c.Inbox.Logger}}
	failed := &workflow.PaymentFailed{Shop: shop, Payments: pay, Steps: c.Steps, Links: links,
		Collect: collect, Notifier: c.Notifier, Alerter: c.Alerter, Grace: c.Grace, Now: c.Now, Logger: c.Inbox.Logger}
	if err := errors.Join(p.Orders.Check(), failed.Check()); err != nil {
		return nil, err
	}
	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: c.WebhookSecrets,
		Account: Account, Mode: commerce.Test, Now: c.Now})
	if err != nil {
		return nil, err
	}
	c.Inbox.Handlers = inbox.Merge(p.Orders.Handlers(), failed.Handlers())
	c.Inbox.Feeds = []inbox.FeedConfig{{Name: "warehouse", Feed: books, Every: c.PollEvery}}
	if c.News {
		feed, err := shop.News()
		if err != nil {
			return nil, err
		}
		c.Inbox.Feeds = append(c.Inbox.Feeds, inbox.FeedConfig{Name: "shop", Feed: feed, Every: c.PollEvery})
	}
	if c.Books {
		if err := p.keep(&c, shop, pay, books); err != nil {
			return nil, err
		}
	}
	c.Inbox.Now = c.Now
	if p.Inbox, err = inbox.New(c.Store, c.Inbox); err != nil {
		return nil, err
	}
	p.Hook = p.Inbox.Receive(hook)
	return p, nil
}

// chart is the ERP's of the fakes.
var chart = erpbooks.Chart{Advance: "2090", FX: "6070", Chart: reconcile.Chart{Company: "EUR", Journal: "STRIPE", Account: Account,
	Clearing: map[commerce.Currency]string{"EUR": "1090"}, Transit: map[commerce.Currency]string{"EUR": "1010"}, Suspense: "1095",
	Categories: map[string]string{"dispute": "6060", "dispute_reversal": "6060", "fee": "6050"}, Fees: map[string]string{"": "6050"}}}

// keep adds books and refunds.
func (p *Program) keep(c *Config, shop Adapter, pay *stripepay.Pay, books *erpbooks.Books) error {
	kept := &workflow.Books{Shops: []*workflow.OrderToCash{p.Orders}, Ledger: books, Balance: pay, Suspense: true}
	refunds := &workflow.Refunds{OrderToCash: p.Orders, Shop: shop, Payments: pay, Ledger: books,
		Pays: func(context.Context, commerce.Facts, mapping.RefundDocument) (bool, error) { return true, nil }}
	activity, err := stripepay.NewActivity(pay, stripepay.ActivityConfig{From: now(c.Now)})
	c.Inbox.Handlers = inbox.Merge(c.Inbox.Handlers, kept.Handlers(), refunds.Handlers())
	c.Inbox.Feeds = append(c.Inbox.Feeds, inbox.FeedConfig{Name: "balance", Feed: activity, Every: c.PollEvery})
	return errors.Join(err, kept.Check(), refunds.Check())
}

func now(clock func() time.Time) time.Time {
	if clock == nil {
		return time.Now()
	}
	return clock()
}

// taxTable maps the shop's rates to the ERP's taxes of the same rate.
func taxTable(ctx context.Context, books *tryton.Client) (mapping.TaxTable, error) {
	taxes, err := books.Taxes(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the ERP's taxes: %w", err)
	}
	var table mapping.TaxTable
	for _, t := range taxes {
		if !t.Rate.IsZero() {
			table = append(table, mapping.TaxRow{Rate: t.Rate.Trim(0).String(), IDs: []string{t.ID}})
		}
	}
	return append(table, mapping.TaxRow{Rate: "0"}), nil
}
