package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/tryton"
	"github.com/commercesync/commerce/examples/quickstart/world"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/erpbooks"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/sqlstore"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/workflow"
)

// app is the program that a user would write: a client for each system, adapters, workflows
// of each shop, and an inbox.
type app struct {
	inbox  *inbox.Inbox
	store  *sqlstore.DB
	books  *erpbooks.Books
	shops  []*lane
	world  *world.World
	server *httptest.Server
	// clearing is the account that mirrors the balance at Stripe; empty = no books are kept.
	clearing string
	close    []func()

	mu         sync.Mutex
	exceptions []string
}

// lane is one shop and what the program does for it.
type lane struct {
	shop
	kind   string
	pay    *stripepay.Pay // reads the shop's own words in what a payment says of its orders
	orders *workflow.OrderToCash
}

func newApp(ctx context.Context, o options, w *world.World) (*app, error) {
	a := &app{world: w}
	now := w.Clock.Now
	// Waits between repetitions are short here: the world's clock stands still meanwhile.
	protect := resilience.Config{Now: now, Retry: resilience.Retry{Attempts: 2, Initial: time.Millisecond, Max: 5 * time.Millisecond}}

	db, err := a.open(ctx, o, now)
	if err != nil {
		return nil, err
	}
	pays, err := stripe.NewClient(stripe.Config{BaseURL: w.StripeURL, Credentials: commerce.Static(commerce.NewSecret(world.StripeKey)), Resilience: protect, Now: now})
	if err != nil {
		return nil, err
	}
	tryt, err := tryton.NewClient(tryton.Config{URL: w.Tryton.URL, Database: w.Tryton.Database, LongestRequest: w.LongestRequest,
		Credentials: commerce.Static(tryton.Login{User: w.Tryton.User, Password: w.Tryton.Password}),
		Products:    erp.Products{Rounding: o.rounding}, Resilience: protect, Now: now})
	if err != nil {
		return nil, err
	}
	taxes, err := taxTable(ctx, tryt)
	if err != nil {
		return nil, err
	}
	var accounts map[string]erpbooks.Chart
	if o.books || o.refunds {
		if accounts, err = charts(ctx, tryt); err != nil {
			return nil, err
		}
	}
	if o.refunds && accounts == nil {
		return nil, errors.New("the ERP lacks accounts that books are kept on, and what goes back is credited in the books")
	}
	var routes mapping.Routes
	for _, kind := range o.shops() {
		routes = append(routes, mapping.Route{Name: kind, Shop: kind, Mode: commerce.Test})
	}
	if a.books, err = erpbooks.New(tryt, erpbooks.Config{Settle: w.LongestRequest, Now: now, Charts: accounts, Routes: routes,
		Taxes: map[string]mapping.TaxTable{"default": taxes}}); err != nil {
		return nil, err
	}
	if err := a.books.Check(ctx).Err(); err != nil {
		return nil, err
	}

	mux := http.NewServeMux()
	a.server = httptest.NewServer(mux)
	a.close = append(a.close, a.server.Close)
	var handlers inbox.Handlers
	feeds := []inbox.FeedConfig{{Name: "warehouse", Feed: a.books}}
	for i, kind := range o.shops() {
		l := &lane{kind: kind}
		if l.shop, err = openShop(kind, w, protect, db.Inbox()); err != nil {
			return nil, err
		}
		if l.pay, err = stripepay.New(pays, stripepay.Config{Account: world.Account, Mode: commerce.Test, Metadata: l.words}); err != nil {
			return nil, err
		}
		// Of money that is nobody's the last shop tells.
		more, collect := a.sell(l, i < len(o.shops())-1)
		handlers = inbox.Merge(handlers, more)
		mux.Handle("GET /pay/"+kind, collect)
		a.shops = append(a.shops, l)
		feeds = append(feeds, inbox.FeedConfig{Name: kind + " orders", Feed: l.changes}, inbox.FeedConfig{Name: kind + " orders sweep", Feed: l.sweep, Repair: true})
	}
	if accounts != nil {
		more, also, err := a.keep()
		if err != nil {
			return nil, err
		}
		handlers, feeds = inbox.Merge(handlers, more), append(feeds, also...)
	}
	if o.refunds {
		for _, l := range a.shops {
			more, err := a.giveBack(l)
			if err != nil {
				return nil, err
			}
			handlers = inbox.Merge(handlers, more)
			if l.returns != nil {
				feeds = append(feeds, inbox.FeedConfig{Name: l.kind + " returns", Feed: l.returns})
			}
		}
	}
	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: commerce.Static([]commerce.Secret{commerce.NewSecret(world.WebhookSecret)}),
		Account: world.Account, Mode: commerce.Test, Now: now})
	if err != nil {
		return nil, err
	}
	a.inbox, err = inbox.New(db.Inbox(), inbox.Config{
		Handlers: handlers, Feeds: feeds, Now: now,
		// Days pass between two events here, and the outage lasts.
		MaxAge: 30 * 24 * time.Hour, MaxAttempts: 30,
	})
	if err != nil {
		return nil, err
	}
	mux.Handle("POST /hooks/stripe", a.inbox.Receive(hook))
	return a, nil
}

// sell is what the program does for a shop.
func (a *app) sell(l *lane, ignoreUnlinked bool) (inbox.Handlers, *workflow.Collect) {
	steps, links, now := a.store.Steps(), inbox.Links{Store: a.store.Inbox()}, a.world.Clock.Now
	collect := &workflow.Collect{Shop: l, Payments: l.pay, Steps: steps, Links: links, Now: now,
		ReturnURL: "https://shop.example/thanks", CancelURL: "https://shop.example/cart",
		PageURL: a.server.URL + "/pay/" + l.kind, LinkKey: commerce.NewSecret("a key of the demo")}
	l.orders = &workflow.OrderToCash{Shop: l, Payments: l.pay, Books: a.books, Warehouse: a.books,
		Steps: steps, Links: links, Notifier: a, Alerter: a, Collect: collect, Now: now, IgnoreUnlinked: ignoreUnlinked}
	changes := &workflow.OrderChanges{OrderToCash: l.orders}
	failed := &workflow.PaymentFailed{Shop: l, Payments: l.pay, Steps: steps, Links: links,
		Notifier: a, Alerter: a, Collect: collect, Now: now, IgnoreUnlinked: ignoreUnlinked}
	return inbox.Merge(l.orders.Handlers(), changes.Handlers(), failed.Handlers()), collect
}

// taxTable maps the shop's rates to the ERP's taxes of the same rate. A real table
// is written by whoever answers for the taxes.
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

// open opens the database. Each run has tables of its own, because the fakes forget.
func (a *app) open(ctx context.Context, o options, now func() time.Time) (*sqlstore.DB, error) {
	driver, dialect, dsn := "sqlite", sqlstore.SQLite, o.db
	switch {
	case strings.HasPrefix(o.db, "postgres://"), strings.HasPrefix(o.db, "postgresql://"):
		driver, dialect = "pgx", sqlstore.PostgreSQL
	case strings.Contains(o.db, "@tcp("):
		driver, dialect = "mysql", sqlstore.MySQL
	case o.db == "":
		dir, err := os.MkdirTemp("", "quickstart")
		if err != nil {
			return nil, err
		}
		a.close = append(a.close, func() { _ = os.RemoveAll(dir) })
		dsn = sqlstore.SQLiteDSN(filepath.Join(dir, "commerce.db"))
	default:
		dsn = sqlstore.SQLiteDSN(o.db)
	}
	pool, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, err
	}
	a.close = append(a.close, func() { _ = pool.Close() })
	pool.SetMaxIdleConns(8) // four workers and the receiver keep their connections
	a.store, err = sqlstore.Open(ctx, pool, dialect, sqlstore.Config{Now: now, Prefix: fmt.Sprintf("run%x_", time.Now().UnixMilli())})
	return a.store, err
}

// Close ends the program.
func (a *app) Close() {
	for i := len(a.close) - 1; i >= 0; i-- {
		a.close[i]()
	}
}

// Notify tells a customer: in the quickstart the world is told.
func (a *app) Notify(_ context.Context, m workflow.Message) error {
	a.world.Told(m.Order.Ref, string(m.Kind), m.URL)
	return nil
}

// Exception hears of what a person has to look at.
func (a *app) Exception(_ context.Context, x workflow.Exception) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.exceptions = append(a.exceptions, x.Name+": "+x.Text)
}

// The rest is what the world asks of a program.

func (a *app) URL() string                           { return a.server.URL + "/hooks/stripe" }
func (a *app) Work(ctx context.Context) (int, error) { return a.inbox.Work(ctx) }
func (a *app) Poll(ctx context.Context) error        { _, err := a.inbox.Poll(ctx); return err }
func (a *app) Clearing() string                      { return a.clearing }
func (a *app) Exceptions() []string                  { return a.exceptions }
func (a *app) Reference(shop string, order int64) string {
	at := slices.IndexFunc(a.shops, func(l *lane) bool { return l.kind == shop })
	return a.books.Reference(a.shops[at].ref(order))
}

func (a *app) Wait(ctx context.Context) (time.Duration, error) { return a.store.Inbox().Wait(ctx) }

func (a *app) Dead(ctx context.Context) ([]string, error) {
	var out []string
	for e, err := range a.inbox.List(ctx, inbox.Filter{States: []inbox.State{inbox.Dead}, Limit: 1000}) {
		if err != nil {
			return nil, err
		}
		out = append(out, fmt.Sprintf("%s %s: %s: %s", e.Event.Type, e.Event.Object, e.Code, e.Reason))
	}
	return out, nil
}

func (a *app) Sweep(ctx context.Context) error {
	for _, l := range a.shops {
		report, err := l.orders.Sweep(ctx, time.Time{})
		if err == nil && len(report.Missing) > 0 {
			err = errors.New("sales orders are missing")
		}
		if err != nil {
			return err
		}
	}
	return nil
}
