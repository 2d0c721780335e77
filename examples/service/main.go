// Command service is order to cash as one deploys it: Stripe's webhooks and a shop's news
// come in, orders become paid at the shop, the ERP gets its sales orders, shipments come
// back, and what is edited or canceled at the shop is followed. With a chart of accounts it
// keeps the books as well: invoices, receipts, an entry for each day and each payout. It
// serves one Magento or one nopCommerce; a second shop is a second service, with a database
// of its own. It is configured from the environment:
//
//	LISTEN                  address, default 127.0.0.1:8080
//	DATABASE                postgres://… or the path of an SQLite file, default commerce.db
//	MODE                    live or test (required): facts of the other mode are refused
//	STRIPE_KEY              secret or restricted key
//	STRIPE_WEBHOOK_SECRETS  whsec_…, comma separated while one is rolled
//	STRIPE_ACCOUNT          acct_…, the account's own id
//	STRIPE_URL              another base URL than Stripe's own, for tests
//	SHOP                    magento (default) or nopcommerce
//	MAGENTO_URL             https://shop.example
//	MAGENTO_CONSUMER_KEY, MAGENTO_CONSUMER_SECRET, MAGENTO_ACCESS_TOKEN, MAGENTO_ACCESS_TOKEN_SECRET
//	NOP_URL, NOP_EMAIL, NOP_PASSWORD, NOP_CURRENCY       the currency is the primary store currency
//	PUSH_SECRETS            of the shop's own plugin, which may POST to /hooks/shop; empty = none
//	PLUGIN_ACTS             comma-separated payment methods whose plugin marks orders as paid itself
//	ERP                     tryton (default) or odoo
//	ERP_URL, ERP_DATABASE, ERP_USER, ERP_PASSWORD, ERP_COMPANY   the password is an API key at Odoo
//	TAXES                   JSON file: the tax table, a list of mapping.TaxRow
//	CHART                   JSON file: an erpbooks.Chart such as chart.json; empty = no books
//	BOOKS                   invoiced (default) or summary
//	INVOICING               on_order (default), on_shipment or by_erp
//	OPENING_ACCOUNT         takes what the books before had the money on, for -open
//	REPORTS                 directory of payouts and months, default reports
//	START_AT                2026-11-01T00:00:00Z: older orders are read for matching only
//	TAKE                    which orders are taken up, an expression of package rules:
//	                        order.store == "1" && order.payment_method != "banktransfer"
//	ADOPT_REFERENCES        how others named their sales orders: WEB-{number}, comma separated
//	ADOPT_PAIRS             CSV file: which sales order is which order's
//	SMTP_ADDRESS, SMTP_USER, SMTP_PASSWORD, SMTP_FROM   to tell customers; empty = nobody is told
//	PUBLIC_URL, PAY_LINK_KEY                            retry links in those mails
//
// Before it is started for the first time:
//
//	service -check            what is configured, what is wrong at every system and what mends it, how far the feeds are
//	service -adopt -dry-run   the cut-over: which sales orders of others belong to which orders
//	service -adopt            remembers them, and takes up open orders where TAKE says so
//	service -open -dry-run    the entry that takes Stripe's balance over on the day of START_AT
//	service -open             posts it, once for ever, before the books are kept
//
// And when a month is over, or while it is not:
//
//	service -month 2026-11    the books beside the money: prints it, and writes it into REPORTS
//
// GET /healthz answers 200 when the database does. Dead letters and exceptions are in
// the log; package inbox lists, replays and discards them.
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	var what task
	flag.BoolVar(&what.check, "check", false, "print what is configured and ask every system, then end")
	flag.BoolVar(&what.adopt, "adopt", false, "adopt the sales orders that others wrote before START_AT, then end")
	flag.BoolVar(&what.open, "open", false, "post the opening balance of START_AT, then end")
	flag.BoolVar(&what.dryRun, "dry-run", false, "with -adopt and -open: write nothing")
	flag.StringVar(&what.month, "month", "", "show a month of the books, like 2026-11, then end")
	flag.Parse()
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, what, log, os.Stdout, os.Getenv); err != nil {
		log.Error("stopped", "error", err)
		os.Exit(1)
	}
}

// task is what is to be done; the zero task serves.
type task struct {
	check, adopt, open, dryRun bool
	month                      string
}

// run composes the parts and works until the context ends.
func run(ctx context.Context, what task, log *slog.Logger, out io.Writer, env func(string) string) error {
	if what.dryRun && !what.adopt && !what.open {
		return errors.New("-dry-run is for -adopt and -open")
	}
	p, err := compose(ctx, log, env)
	if err != nil {
		return err
	}
	defer p.pool.Close()
	switch {
	case what.check:
		return p.check(ctx, out)
	case what.adopt:
		return p.adopt(ctx, out, what.dryRun)
	case what.open:
		return p.open(ctx, out, what.dryRun)
	case what.month != "":
		return p.month(ctx, out, what.month)
	}
	return p.serve(ctx, log)
}
