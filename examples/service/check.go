package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/stripe"
)

// check prints what is configured, asks every system, and says how far the feeds are. A
// system that does not answer is an error; what works and wants a person's eye is a line
// that begins with "warning".
func (p *program) check(ctx context.Context, out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer func() { _ = t.Flush() }()
	line := func(name, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	warn := func(format string, args ...any) { line("warning", format, args...) }
	var failed []error
	asked := func(name, what string, err error) {
		if err == nil {
			line(name, "%s: answers", what)
			return
		}
		line(name, "%s: %v", what, err)
		failed = append(failed, fmt.Errorf("%s: %w", name, err))
	}

	line("mode", "%s", p.env.mode())
	asked("database", cmp.Or(strings.SplitN(p.env("DATABASE"), ":", 2)[0], "commerce.db"), p.pool.PingContext(ctx))
	asked("shop", p.shop.System()+" at "+p.shop.url, p.shop.ping(ctx))
	asked("stripe", p.env("STRIPE_ACCOUNT"), p.pays.Ping(ctx))
	asked("erp", erpOf(p.env)+" at "+p.env("ERP_URL"), p.erp.Ping(ctx))
	line("start at", "%s", cmp.Or(p.env("START_AT"), "the first order"))
	line("take", "%s", cmp.Or(p.env("TAKE"), "what is paid, covered or free"))
	if p.chart == nil {
		line("books", "none but sales orders")
	} else {
		line("books", "%s, invoices %s, reports in %s", cmp.Or(p.env("BOOKS"), "invoiced"), cmp.Or(p.env("INVOICING"), "on_order"), p.reports())
	}
	line("push", "%s", map[bool]string{true: "POST /hooks/shop", false: "none"}[p.env("PUSH_SECRETS") != ""])

	if public := p.env.public(); public == "" {
		warn("PUBLIC_URL is empty: messages have no link to pay by, and Stripe's endpoint is not compared")
	} else if _, drift, err := p.pays.WebhookEndpoints.Check(ctx, stripe.EndpointConfig{URL: public + "/hooks/stripe", Events: p.types}); err != nil || !drift.None() {
		// Only looked at: who may make an endpoint is the operator's to say.
		warn("Stripe's webhook endpoint is not as it should be: %v %v", drift, err)
	}
	if caps, err := p.erp.Capabilities(ctx); err == nil {
		line("erp can", "%s", capabilities(caps, warn))
	}
	if err := p.books.Check(ctx); err != nil {
		for finding := range strings.SplitSeq(err.Error(), "\n") {
			warn("%s", finding)
		}
	} else if p.chart != nil {
		line("chart", "%s: the ERP has its accounts and journals", p.env("CHART"))
	}

	feeds, err := p.in.Feeds(ctx)
	for _, f := range feeds {
		switch {
		case f.Cursor == "":
			line("feed", "%s: not read yet", f.Name)
		case f.CompleteTo.IsZero():
			line("feed", "%s: begun", f.Name)
		default:
			line("feed", "%s: complete up to %s", f.Name, f.CompleteTo.UTC().Format(time.RFC3339))
		}
	}
	return errors.Join(append(failed, err)...)
}

// capabilities says what the ERP can promise, and warns of what it can not.
func capabilities(c erp.Capabilities, warn func(string, ...any)) string {
	if !c.UniqueOrders {
		warn("the ERP takes a second sales order under one reference; a sweep looks for doubles every day")
	}
	if !c.Stock {
		warn("the ERP ships nothing: no shipment comes back from it")
	} else if !c.Tracking {
		warn("the ERP's shipments have no tracking numbers")
	}
	return fmt.Sprintf("version %s, company %s in %s, tax rounded per %s, requests settle after %s", c.Version, c.Company, c.Currency, c.TaxRounding, c.Settle)
}
