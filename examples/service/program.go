package main

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a container may have none

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/connection"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/erpbooks"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/rules"
	"github.com/commercesync/commerce/sqlstore"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/workflow"
	"github.com/commercesync/commerce/workflow/smtpnotify"
)

// program is the parts, composed.
type program struct {
	env     settings
	address string
	pool    *sql.DB
	shop    shop
	pays    *stripe.Client
	erp     erp.ERP
	books   *erpbooks.Books
	chart   *erpbooks.Chart // nil = no books are kept but sales orders
	orders  *workflow.OrderToCash
	ledger  *workflow.Books // nil as chart
	types   []string        // of Stripe's events that are handled
	in      *inbox.Inbox
	checker *connection.Checker
	mux     *http.ServeMux
}

// settings are the environment.
type settings func(name string) string

func (env settings) secret(name string) commerce.Secret { return commerce.NewSecret(env(name)) }
func (env settings) mode() commerce.Mode                { return commerce.Mode(env("MODE")) }
func (env settings) public() string                     { return strings.TrimSuffix(env("PUBLIC_URL"), "/") }

// routes lead everything into the one company.
func (env settings) routes(shop string) mapping.Routes {
	return mapping.Routes{{Name: "all", Shop: shop, Mode: env.mode(), Company: env("ERP_COMPANY")}}
}

// list reads what is separated by commas.
func (env settings) list(name string) []string {
	var out []string
	for s := range strings.SplitSeq(env(name), ",") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func (env settings) secrets(name string) commerce.Credentials[[]commerce.Secret] {
	var out []commerce.Secret
	for _, s := range env.list(name) {
		out = append(out, commerce.NewSecret(s))
	}
	return commerce.Static(out)
}

// compose reads the settings and makes the parts. Nothing runs yet.
func compose(ctx context.Context, log *slog.Logger, env settings) (_ *program, err error) {
	mode := env.mode()
	if mode != commerce.Live && mode != commerce.Test {
		return nil, errors.New("MODE must be live or test")
	}
	startAt, err := startAt(env)
	if err != nil {
		return nil, err
	}
	take, err := rule(env("TAKE"))
	if err != nil {
		return nil, fmt.Errorf("TAKE: %w", err)
	}
	taxes, err := readTaxes(env("TAXES"))
	if err != nil {
		return nil, err
	}
	p := &program{env: env, address: cmp.Or(env("LISTEN"), "127.0.0.1:8080"), mux: http.NewServeMux()}
	if p.chart, err = readChart(env); err != nil {
		return nil, err
	}
	alerts := alerter{log}
	protect := resilience.Config{Breaker: resilience.Breaker{OnChange: inbox.FarSide(alerts)}}

	// The store.
	db, pool, err := open(ctx, env("DATABASE"))
	if err != nil {
		return nil, err
	}
	p.pool = pool
	defer func() {
		if err != nil {
			err = errors.Join(err, pool.Close())
		}
	}()

	// The far sides, and their words in canonical ones.
	if p.shop, err = openShop(env, protect, db.Inbox(), log); err != nil {
		return nil, err
	}
	if p.pays, err = openStripe(env, protect); err != nil {
		return nil, err
	}
	pay, err := stripepay.New(p.pays, stripepay.Config{Account: env("STRIPE_ACCOUNT"), Mode: mode})
	if err != nil {
		return nil, err
	}
	if p.erp, err = openERP(env, protect, log); err != nil {
		return nil, err
	}
	words := erpbooks.Config{System: erpOf(env), Taxes: map[string]mapping.TaxTable{"default": taxes}, Mode: erpbooks.Mode(env("BOOKS")),
		Routes: env.routes(p.shop.origin.Account)}
	if p.chart != nil {
		words.Charts, words.Location = map[string]erpbooks.Chart{"default": *p.chart}, p.chart.Location
	}
	if p.books, err = erpbooks.New(p.erp, words); err != nil {
		return nil, err
	}

	// The workflows.
	steps, links := db.Steps(), inbox.Links{Store: db.Inbox()}
	plugin := env.list("PLUGIN_ACTS")
	var notify workflow.Notifier
	if env("SMTP_ADDRESS") != "" {
		if notify, err = smtpnotify.New(smtpnotify.Config{Addr: env("SMTP_ADDRESS"), From: env("SMTP_FROM"),
			Credentials: commerce.Static(smtpnotify.Login{User: env("SMTP_USER"), Password: env.secret("SMTP_PASSWORD")})}); err != nil {
			return nil, err
		}
	}
	var collect *workflow.Collect
	if public := env.public(); public != "" {
		collect = &workflow.Collect{Shop: p.shop, Payments: pay, Steps: steps, Links: links, StartAt: startAt,
			ReturnURL: p.shop.url, CancelURL: p.shop.url, PageURL: public + "/pay", LinkKey: env.secret("PAY_LINK_KEY")}
		p.mux.Handle("GET /pay", collect)
	}
	p.orders = &workflow.OrderToCash{Shop: p.shop, Payments: pay, Books: p.books, Warehouse: p.books, Steps: steps, Links: links,
		StartAt: startAt, Take: take, Notifier: notify, Alerter: alerts, Collect: collect, Logger: log,
		Acts: func(method string) workflow.Actor {
			if slices.Contains(plugin, method) {
				return workflow.Plugin
			}
			return workflow.Us
		}}
	changes := &workflow.OrderChanges{OrderToCash: p.orders}
	failed := &workflow.PaymentFailed{Shop: p.shop, Payments: pay, Steps: steps, Links: links, StartAt: startAt,
		Notifier: notify, Alerter: alerts, Collect: collect, Logger: log}
	if err := errors.Join(changes.Check(), failed.Check()); err != nil {
		return nil, err
	}

	// The inbox.
	missed, err := p.pays.Feed(stripe.FeedConfig{Account: env("STRIPE_ACCOUNT"), Mode: mode})
	if err != nil {
		return nil, err
	}
	handlers := inbox.Merge(p.orders.Handlers(), changes.Handlers(), failed.Handlers())
	feeds := []inbox.FeedConfig{
		{Name: "warehouse", Feed: p.books},
		{Name: "orders", Feed: p.shop.changes},
		{Name: "orders sweep", Feed: p.shop.sweep, Repair: true, Every: 15 * time.Minute},
		{Name: "missed webhooks", Feed: stripepay.NewMissed(missed), Repair: true, Every: 15 * time.Minute},
	}
	if p.chart != nil {
		more, also, err := p.keep(pay, alerts, log)
		if err != nil {
			return nil, err
		}
		handlers, feeds = inbox.Merge(handlers, more), append(feeds, also...)
	}
	p.types = handlers.Types("stripe")
	if p.in, err = inbox.New(db.Inbox(), inbox.Config{Handlers: handlers, Feeds: feeds, Alerter: alerts, Logger: log}); err != nil {
		return nil, err
	}
	if p.checker, err = p.connections(pay, log); err != nil {
		return nil, err
	}
	return p, p.listen()
}

// listen says what is answered where.
func (p *program) listen() error {
	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: p.env.secrets("STRIPE_WEBHOOK_SECRETS"),
		Account: p.env("STRIPE_ACCOUNT"), Mode: p.env.mode()})
	if err != nil {
		return err
	}
	p.mux.Handle("POST /hooks/stripe", p.in.Receive(hook))
	if p.env("PUSH_SECRETS") != "" {
		push, err := inbox.NewPush(inbox.PushConfig{Secrets: p.env.secrets("PUSH_SECRETS"), Origin: p.shop.origin})
		if err != nil {
			return err
		}
		p.mux.Handle("POST /hooks/shop", p.in.Receive(push))
	}
	p.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		if err := p.pool.PingContext(r.Context()); err != nil {
			http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		}
	})
	return nil
}

// rule compiles TAKE. A rule is given the order and its payments, and may ask for no more.
func rule(text string) (func(context.Context, commerce.Facts) (bool, error), error) {
	if text == "" {
		return nil, nil
	}
	r, err := rules.Compile(text, rules.Config{})
	if err != nil {
		return nil, err
	}
	for _, part := range []rules.Part{rules.Refunds, rules.Earlier} {
		if r.Uses(part) {
			return nil, fmt.Errorf("the rule asks for %s, which this program does not fetch", part)
		}
	}
	return r.Eval, nil
}

func startAt(env settings) (t time.Time, err error) {
	if text := env("START_AT"); text != "" {
		if t, err = time.Parse(time.RFC3339, text); err != nil {
			return t, fmt.Errorf("START_AT: %w", err)
		}
	}
	return t, nil
}

func open(ctx context.Context, dsn string) (*sqlstore.DB, *sql.DB, error) {
	driver, dialect := "pgx", sqlstore.PostgreSQL
	if !strings.HasPrefix(dsn, "postgres") {
		driver, dialect, dsn = "sqlite", sqlstore.SQLite, sqlstore.SQLiteDSN(cmp.Or(dsn, "commerce.db"))
	}
	pool, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, nil, err
	}
	pool.SetMaxIdleConns(16) // workers and receivers keep their connections
	db, err := sqlstore.Open(ctx, pool, dialect, sqlstore.Config{})
	if err != nil {
		return nil, nil, errors.Join(err, pool.Close())
	}
	return db, pool, nil
}

func readTaxes(path string) (mapping.TaxTable, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("TAXES: %w", err)
	}
	var table mapping.TaxTable
	if err := json.Unmarshal(b, &table); err != nil {
		return nil, fmt.Errorf("TAXES %s: %w", path, err)
	}
	return table, table.Check()
}

// alerter writes what a person should see into the log. A real one calls somebody.
type alerter struct{ log *slog.Logger }

func (a alerter) Alert(ctx context.Context, x inbox.Alert) {
	a.log.WarnContext(ctx, "alert", "kind", x.Kind, "of", x.Of, "name", x.Name, "seq", x.Seq, "code", x.Code, "reason", x.Reason)
}

func (a alerter) Exception(ctx context.Context, x workflow.Exception) {
	a.log.WarnContext(ctx, "exception", "name", x.Name, "order", x.Order.String(), "payment", x.Payment.ID, "balance", x.Balance.ID, "text", x.Text)
}
