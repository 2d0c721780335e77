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

// app is the program that a user would write: three clients, three adapters, three
// workflows and an inbox. Each shop has one of its own, so that none waits for another.
type app struct {
	inbox  *inbox.Inbox
	store  *sqlstore.DB
	orders *workflow.OrderToCash
	books  *erpbooks.Books
	shop   shop
	world  *world.World
	server *httptest.Server
	// clearing is the account that mirrors the balance at Stripe; empty = no books are kept.
	clearing string
	close    []func()

	mu         sync.Mutex
	exceptions []string
}

func newApp(ctx context.Context, o options, w *world.World, kind string) (*app, error) {
	a := &app{world: w}
	now := w.Clock.Now
	// Waits between repetitions are short here: the world's clock stands still meanwhile.
	protect := resilience.Config{Now: now, Retry: resilience.Retry{Attempts: 2, Initial: time.Millisecond, Max: 5 * time.Millisecond}}

	db, err := a.open(ctx, o, now, kind)
	if err != nil {
		return nil, err
	}
	if a.shop, err = openShop(kind, w, protect, db.Inbox()); err != nil {
		return nil, err
	}
	pays, err := stripe.NewClient(stripe.Config{BaseURL: w.StripeURL, Credentials: commerce.Static(commerce.NewSecret(world.StripeKey)), Resilience: protect, Now: now})
	if err != nil {
		return nil, err
	}
	tryt, err := tryton.NewClient(tryton.Config{URL: w.Tryton.URL, Database: w.Tryton.Database, LongestRequest: w.LongestRequest,
		Credentials: commerce.Static(tryton.Login{User: w.Tryton.User, Password: w.Tryton.Password}),
		Products:    erp.Products{Rounding: o.rounding}, Resilience: protect})
	if err != nil {
		return nil, err
	}
	pay, err := stripepay.New(pays, stripepay.Config{Account: world.Account, Mode: commerce.Test, Metadata: a.shop.words})
	if err != nil {
		return nil, err
	}
	taxes, err := taxTable(ctx, tryt)
	if err != nil {
		return nil, err
	}
	var accounts map[string]erpbooks.Chart
	if o.books && !o.shared() { // two programs would book one balance
		if accounts, err = charts(ctx, tryt); err != nil {
			return nil, err
		}
	}
	if a.books, err = erpbooks.New(tryt, erpbooks.Config{Settle: w.LongestRequest, Charts: accounts,
		Routes: mapping.Routes{{Name: kind, Shop: kind, Mode: commerce.Test}}, Taxes: map[string]mapping.TaxTable{"default": taxes}}); err != nil {
		return nil, err
	}
	if err := a.books.Check(ctx).Err(); err != nil {
		return nil, err
	}

	steps, links := db.Steps(), inbox.Links{Store: db.Inbox()}
	mux := http.NewServeMux()
	a.server = httptest.NewServer(mux)
	a.close = append(a.close, a.server.Close)
	collect := &workflow.Collect{Shop: a.shop, Payments: pay, Steps: steps, Links: links, Now: now,
		ReturnURL: "https://shop.example/thanks", CancelURL: "https://shop.example/cart",
		PageURL: a.server.URL + "/pay", LinkKey: commerce.NewSecret("a key of the demo")}
	a.orders = &workflow.OrderToCash{Shop: a.shop, Payments: pay, Books: a.books, Warehouse: a.books,
		Steps: steps, Links: links, Notifier: a, Alerter: a, Collect: collect, Now: now, IgnoreUnlinked: o.shared()}
	changes := &workflow.OrderChanges{OrderToCash: a.orders}
	failed := &workflow.PaymentFailed{Shop: a.shop, Payments: pay, Steps: steps, Links: links,
		Notifier: a, Alerter: a, Collect: collect, Now: now, IgnoreUnlinked: o.shared()}

	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: commerce.Static([]commerce.Secret{commerce.NewSecret(world.WebhookSecret)}),
		Account: world.Account, Mode: commerce.Test, Now: now})
	if err != nil {
		return nil, err
	}
	handlers := inbox.Merge(a.orders.Handlers(), changes.Handlers(), failed.Handlers())
	feeds := []inbox.FeedConfig{
		{Name: "warehouse", Feed: a.books},
		{Name: "orders", Feed: a.shop.changes},
		{Name: "orders sweep", Feed: a.shop.sweep, Repair: true},
	}
	if accounts != nil {
		more, also, err := a.keep(pay, links)
		if err != nil {
			return nil, err
		}
		handlers, feeds = inbox.Merge(handlers, more), append(feeds, also...)
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
	mux.Handle("GET /pay", collect)
	return a, nil
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

// open opens the database. Each run has tables of its own, because the fakes forget, and
// each shop in it.
func (a *app) open(ctx context.Context, o options, now func() time.Time, kind string) (*sqlstore.DB, error) {
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
	a.store, err = sqlstore.Open(ctx, pool, dialect, sqlstore.Config{Now: now, Prefix: fmt.Sprintf("run%x_%.3s_", time.Now().UnixMilli(), kind)})
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

func (a *app) Shop() string                          { return a.shop.System() }
func (a *app) URL() string                           { return a.server.URL + "/hooks/stripe" }
func (a *app) Work(ctx context.Context) (int, error) { return a.inbox.Work(ctx) }
func (a *app) Poll(ctx context.Context) error        { _, err := a.inbox.Poll(ctx); return err }
func (a *app) Clearing() string                      { return a.clearing }
func (a *app) Exceptions() []string                  { return a.exceptions }
func (a *app) Reference(order int64) string {
	return a.books.Reference(a.shop.ref(order))
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
	report, err := a.orders.Sweep(ctx, time.Time{})
	if err == nil && len(report.Missing) > 0 {
		err = errors.New("sales orders are missing")
	}
	return err
}
