// Command quickstart runs the whole journey on one machine, without any account:
// a fake Stripe, a fake Magento or nopCommerce or both, and a fake Tryton on loopback,
// and an SQLite file. Customers order and pay in every way that goes wrong; webhooks come
// twice, late and out of order; the shop has an outage. Where nopCommerce sells as well,
// some webhooks never come, some orders need no payment, and staff changes orders by
// hand: polls find that. At the end every order is audited at the far sides; what happened
// is printed as a table. With -books the program also keeps the books: orders are invoiced,
// each movement of money is posted, every night Stripe pays out, and the ledger is audited
// too. With -refunds money goes back: staff gives it at Stripe's dashboard, or writes it
// down in the shop, whole and in parts, and on both sides at once; some of it is pending for
// days or fails later. In the end Stripe, shop and ERP have to say the same of each order.
//
//	go run ./examples/quickstart
//	go run ./examples/quickstart -orders 500 -seed 7 -json
//	go run ./examples/quickstart -books
//	go run ./examples/quickstart -shop both
//	go run ./examples/quickstart -shop both -refunds
//	go run ./examples/quickstart -db postgres://localhost/commerce
//	TRYTON_PASSWORD=… go run ./examples/quickstart -tryton http://localhost:8000 -tryton-db shop -tryton-user sync
//
// The program that a user would write is in app.go and shop.go; the outside world is in the
// package world beside it. Days pass in a second: the world has a clock of its own.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp/tryton"
	"github.com/commercesync/commerce/examples/quickstart/world"
)

func main() {
	var o options
	flag.StringVar(&o.shop, "shop", world.Magento, "magento, nopcommerce or both, which sell through one Stripe account and one ERP")
	flag.IntVar(&o.orders, "orders", 200, "how many orders customers place")
	flag.Uint64Var(&o.seed, "seed", 1, "draws the same world again")
	flag.StringVar(&o.db, "db", "", "SQLite file, postgres://… or user:password@tcp(host)/name?clientFoundRows=true (default: a temporary file)")
	flag.StringVar(&o.tryton, "tryton", "", "URL of a real Tryton in place of the fake one; password in TRYTON_PASSWORD")
	flag.StringVar(&o.trytonDB, "tryton-db", "erp", "its database")
	flag.StringVar(&o.trytonUser, "tryton-user", "sync", "its user")
	flag.BoolVar(&o.books, "books", false, "keep the books of the money as well; the auditor reads the ledger")
	flag.BoolVar(&o.refunds, "refunds", false, "money goes back, from Stripe's dashboard and from the shops; keeps the books as well, for credit notes")
	flag.BoolVar(&o.json, "json", false, "print one JSON object")
	flag.Parse()
	o.trytonPassword = commerce.NewSecret(os.Getenv("TRYTON_PASSWORD"))

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	report, err := run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
	if o.json {
		_ = json.NewEncoder(os.Stdout).Encode(report)
	} else {
		report.Print(os.Stdout)
	}
	if err := report.Verdict(); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

type options struct {
	shop                         string // empty = magento
	orders                       int
	seed                         uint64
	db                           string
	tryton, trytonDB, trytonUser string
	trytonPassword               commerce.Secret
	books, refunds, json         bool
	rounding                     string // SKU of the product for rounding differences; empty = the usual one
}

// shops are those that sell.
func (o options) shops() []string {
	switch o.shop {
	case "":
		return []string{world.Magento}
	case "both":
		return []string{world.Magento, world.NopCommerce}
	}
	return []string{o.shop}
}

// offered asks a real Tryton what it sells and which taxes it knows, so that the
// shop sells nothing else.
func offered(ctx context.Context, t world.Tryton) (world.Offer, string, error) {
	erp, err := tryton.NewClient(tryton.Config{URL: t.URL, Database: t.Database,
		Credentials: commerce.Static(tryton.Login{User: t.User, Password: t.Password})})
	if err != nil {
		return world.Offer{}, "", err
	}
	var offer world.Offer
	services := []string{"SHIPPING", "DISCOUNT", "ROUNDING"}
	products, err := erp.ProductsBySKU(ctx, append(world.SKUs(), services...))
	if err != nil {
		return offer, "", err
	}
	for _, sku := range world.SKUs() {
		if _, ok := products[sku]; ok {
			offer.SKUs = append(offer.SKUs, sku)
		}
	}
	rounding := services[2]
	if _, ok := products[rounding]; !ok {
		rounding = services[1]
	}
	for _, sku := range []string{services[0], rounding} {
		if _, ok := products[sku]; !ok || len(offer.SKUs) == 0 {
			return offer, "", fmt.Errorf("the Tryton at %s needs the service products SHIPPING and DISCOUNT and one of %v", t.URL, world.SKUs())
		}
	}
	taxes, err := erp.Taxes(ctx)
	if err != nil {
		return offer, "", err
	}
	for _, tax := range taxes {
		offer.Rates = append(offer.Rates, tax.Rate.Trim(0).String())
	}
	offer.Currencies = []commerce.Currency{"EUR", "USD", "GBP"}
	return offer, rounding, nil
}

// run builds a world, lets it happen with the app in the middle, and audits it.
func run(ctx context.Context, o options) (world.Report, error) {
	start := time.Now()
	c := world.Config{Orders: o.orders, Seed: o.seed, Shops: o.shops(), Refunds: o.refunds}
	if o.tryton != "" {
		c.Tryton = world.Tryton{URL: o.tryton, Database: o.trytonDB, User: o.trytonUser, Password: o.trytonPassword}
		var err error
		if c.Offer, o.rounding, err = offered(ctx, c.Tryton); err != nil {
			return world.Report{}, err
		}
	}
	w, err := world.New(c)
	if err != nil {
		return world.Report{}, err
	}
	defer w.Close()
	app, err := newApp(ctx, o, w)
	if err != nil {
		return world.Report{}, err
	}
	defer app.Close()

	bar := progressbar.DefaultSilent(int64(o.orders))
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 && !o.json {
		bar = progressbar.Default(int64(o.orders), "orders settled")
	}
	if err := w.Run(ctx, app, func(settled int) { _ = bar.Set(settled) }); err != nil {
		return world.Report{}, err
	}
	_ = bar.Finish()
	report, err := w.Audit(ctx, app)
	report.Seconds = time.Since(start).Seconds()
	return report, err
}
