// Command service is order to cash as one deploys it: Stripe's webhooks come in,
// Magento orders become paid, Tryton gets its sales orders, shipments come back. It
// is configured from the environment and keeps its state in one database.
//
//	LISTEN                  address, default 127.0.0.1:8080
//	DATABASE                postgres://… or the path of an SQLite file, default commerce.db
//	MODE                    live or test (required): facts of the other mode are refused
//	STRIPE_KEY              secret or restricted key
//	STRIPE_WEBHOOK_SECRETS  whsec_…, comma separated while one is rolled
//	STRIPE_ACCOUNT          acct_…, the account's own id
//	STRIPE_URL              another base URL than Stripe's own, for tests
//	MAGENTO_URL             https://shop.example
//	MAGENTO_CONSUMER_KEY, MAGENTO_CONSUMER_SECRET, MAGENTO_ACCESS_TOKEN, MAGENTO_ACCESS_TOKEN_SECRET
//	MAGENTO_PLUGIN_ACTS     comma-separated payment methods whose plugin invoices by itself
//	TRYTON_URL, TRYTON_DATABASE, TRYTON_USER, TRYTON_PASSWORD, TRYTON_COMPANY
//	TAXES                   JSON file: the tax table, a list of mapping.TaxRow
//	SMTP_ADDRESS, SMTP_USER, SMTP_PASSWORD, SMTP_FROM   to tell customers; empty = nobody is told
//	PUBLIC_URL, PAY_LINK_KEY                            retry links in those mails
//
// GET /healthz answers 200 when the database does. Dead letters and exceptions are in
// the log; package inbox lists, replays and discards them.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp/tryton"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/erpbooks"
	"github.com/commercesync/commerce/mapping/magentoshop"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/sqlstore"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/workflow"
	"github.com/commercesync/commerce/workflow/smtpnotify"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, log, os.Getenv); err != nil {
		log.Error("stopped", "error", err)
		os.Exit(1)
	}
}

// run composes the parts and works until the context ends.
func run(ctx context.Context, log *slog.Logger, env func(string) string) error {
	mode := commerce.Mode(env("MODE"))
	if mode != commerce.Live && mode != commerce.Test {
		return errors.New("MODE must be live or test")
	}
	secret := func(name string) commerce.Secret { return commerce.NewSecret(env(name)) }
	alerts := alerter{log}
	protect := resilience.Config{Breaker: resilience.Breaker{OnChange: inbox.FarSide(alerts)}}

	// The store.
	db, pool, err := open(ctx, env("DATABASE"))
	if err != nil {
		return err
	}
	defer pool.Close()

	// The three clients.
	mage, err := magento.NewClient(magento.Config{BaseURL: env("MAGENTO_URL"), Resilience: protect, Credentials: commerce.Static(magento.Keys{
		ConsumerKey: env("MAGENTO_CONSUMER_KEY"), ConsumerSecret: secret("MAGENTO_CONSUMER_SECRET"),
		AccessToken: secret("MAGENTO_ACCESS_TOKEN"), AccessTokenSecret: secret("MAGENTO_ACCESS_TOKEN_SECRET")})})
	if err != nil {
		return err
	}
	quota, err := resilience.NewQuota(stripe.Limits(mode)...)
	if err != nil {
		return err
	}
	bounded := protect
	bounded.Quota = quota // what Stripe allows: live calls before those that look for what was missed
	pays, err := stripe.NewClient(stripe.Config{BaseURL: env("STRIPE_URL"), Credentials: commerce.Static(secret("STRIPE_KEY")), Resilience: bounded})
	if err != nil {
		return err
	}
	tryt, err := tryton.NewClient(tryton.Config{URL: env("TRYTON_URL"), Database: env("TRYTON_DATABASE"), Company: env("TRYTON_COMPANY"),
		Origin: commerce.Ref{Mode: mode}, Resilience: protect, Log: log,
		Credentials: commerce.Static(tryton.Login{User: env("TRYTON_USER"), Password: secret("TRYTON_PASSWORD")})})
	if err != nil {
		return err
	}

	// Their words in canonical ones.
	shop, err := magentoshop.New(mage, magentoshop.Config{Mode: mode, Logger: log})
	if err != nil {
		return err
	}
	pay, err := stripepay.New(pays, stripepay.Config{Account: env("STRIPE_ACCOUNT"), Mode: mode})
	if err != nil {
		return err
	}
	taxes, err := readTaxes(env("TAXES"))
	if err != nil {
		return err
	}
	books, err := erpbooks.New(tryt, erpbooks.Config{Taxes: map[string]mapping.TaxTable{"default": taxes},
		Routes: mapping.Routes{{Name: "all", Mode: mode, Company: env("TRYTON_COMPANY")}}})
	if err != nil {
		return err
	}

	// The workflows.
	steps, links := db.Steps(), inbox.Links{Store: db.Inbox()}
	plugin := strings.Split(env("MAGENTO_PLUGIN_ACTS"), ",")
	var notify workflow.Notifier
	if env("SMTP_ADDRESS") != "" {
		if notify, err = smtpnotify.New(smtpnotify.Config{Addr: env("SMTP_ADDRESS"), From: env("SMTP_FROM"),
			Credentials: commerce.Static(smtpnotify.Login{User: env("SMTP_USER"), Password: secret("SMTP_PASSWORD")})}); err != nil {
			return err
		}
	}
	var collect *workflow.Collect
	if public := strings.TrimSuffix(env("PUBLIC_URL"), "/"); public != "" {
		collect = &workflow.Collect{Shop: shop, Payments: pay, Steps: steps, Links: links,
			ReturnURL: env("MAGENTO_URL"), CancelURL: env("MAGENTO_URL"), PageURL: public + "/pay", LinkKey: secret("PAY_LINK_KEY")}
	}
	orders := &workflow.OrderToCash{Shop: shop, Payments: pay, Books: books, Warehouse: books, Steps: steps, Links: links,
		Notifier: notify, Alerter: alerts, Collect: collect, Logger: log,
		Acts: func(method string) workflow.Actor {
			if slices.Contains(plugin, method) {
				return workflow.Plugin
			}
			return workflow.Us
		}}
	failed := &workflow.PaymentFailed{Shop: shop, Payments: pay, Steps: steps, Links: links,
		Notifier: notify, Alerter: alerts, Collect: collect, Logger: log}
	if err := errors.Join(orders.Check(), failed.Check()); err != nil {
		return err
	}

	// The inbox.
	hook, err := stripe.Webhook(stripe.WebhookConfig{Secrets: commerce.Static(secretsOf(env("STRIPE_WEBHOOK_SECRETS"))),
		Account: env("STRIPE_ACCOUNT"), Mode: mode})
	if err != nil {
		return err
	}
	missed, err := pays.Feed(stripe.FeedConfig{Account: env("STRIPE_ACCOUNT"), Mode: mode})
	if err != nil {
		return err
	}
	handlers := inbox.Merge(orders.Handlers(), failed.Handlers())
	if public := strings.TrimSuffix(env("PUBLIC_URL"), "/"); public != "" {
		// Only looked at here: who may make an endpoint is the operator's to say.
		_, drift, err := pays.WebhookEndpoints.Check(ctx, stripe.EndpointConfig{URL: public + "/hooks/stripe", Events: handlers.Types("stripe")})
		if err != nil || !drift.None() {
			log.WarnContext(ctx, "Stripe's webhook endpoint is not as it should be", "drift", drift, "error", err)
		}
	}
	in, err := inbox.New(db.Inbox(), inbox.Config{
		Handlers: handlers,
		Feeds: []inbox.FeedConfig{
			{Name: "warehouse", Feed: books, Every: time.Minute},
			{Name: "missed webhooks", Feed: stripepay.NewMissed(missed), Repair: true, Every: 15 * time.Minute},
		},
		Alerter: alerts, Logger: log,
	})
	if err != nil {
		return err
	}

	mux := http.NewServeMux()
	mux.Handle("POST /hooks/stripe", in.Receive(hook))
	if collect != nil {
		mux.Handle("GET /pay", collect)
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		if err := pool.PingContext(r.Context()); err != nil {
			http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		}
	})
	return serve(ctx, log, or(env("LISTEN"), "127.0.0.1:8080"), mux, in, orders)
}

// serve runs the web server, the inbox, the daily sweep and the daily pruning until the context ends,
// then lets the work in hand end.
func serve(ctx context.Context, log *slog.Logger, address string, h http.Handler, in *inbox.Inbox, orders *workflow.OrderToCash) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server := &http.Server{Addr: address, Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	go func() {
		daily := time.NewTicker(24 * time.Hour)
		defer daily.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-daily.C:
				if _, err := orders.Sweep(ctx, time.Now().AddDate(0, 0, -3)); err != nil {
					log.ErrorContext(ctx, "sweep", "error", err)
				}
				if _, err := in.Prune(ctx, inbox.Retention{}); err != nil {
					log.ErrorContext(ctx, "prune", "error", err)
				}
			}
		}
	}()
	worked := make(chan error, 1)
	go func() { worked <- in.Run(ctx) }()
	log.InfoContext(ctx, "listening", "address", address)

	var first error
	select {
	case first = <-failed:
	case <-ctx.Done():
	}
	cancel()
	end, done := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer done()
	return errors.Join(first, server.Shutdown(end), <-worked)
}

func open(ctx context.Context, dsn string) (*sqlstore.DB, *sql.DB, error) {
	driver, dialect := "pgx", sqlstore.PostgreSQL
	if !strings.HasPrefix(dsn, "postgres") {
		driver, dialect, dsn = "sqlite", sqlstore.SQLite, sqlstore.SQLiteDSN(or(dsn, "commerce.db"))
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

func secretsOf(list string) []commerce.Secret {
	var out []commerce.Secret
	for s := range strings.SplitSeq(list, ",") {
		out = append(out, commerce.NewSecret(strings.TrimSpace(s)))
	}
	return out
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// alerter writes what a person should see into the log. A real one calls somebody.
type alerter struct{ log *slog.Logger }

func (a alerter) Alert(ctx context.Context, x inbox.Alert) {
	a.log.WarnContext(ctx, "alert", "kind", x.Kind, "of", x.Of, "name", x.Name, "seq", x.Seq, "code", x.Code, "reason", x.Reason)
}

func (a alerter) Exception(ctx context.Context, x workflow.Exception) {
	a.log.WarnContext(ctx, "exception", "name", x.Name, "order", x.Order.String(), "payment", x.Payment.ID, "text", x.Text)
}
