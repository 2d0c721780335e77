package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/connection"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/stripe"
)

// connections are the systems that the program talks to, and how each is looked at. What
// changes while the program serves is in the log.
func (p *program) connections(pay *stripepay.Pay, log *slog.Logger) (*connection.Checker, error) {
	look := stripepay.CheckConfig{}
	if public := p.env.public(); public != "" {
		look.Uses = append(look.Uses, stripepay.UseCollect)
		look.Endpoint = stripe.EndpointConfig{URL: public + "/hooks/stripe", Events: p.types}
	}
	if p.chart != nil {
		look.Uses = append(look.Uses, stripepay.UseBooks)
	}
	key := func(name string) func(context.Context) (commerce.Secret, error) {
		return func(context.Context) (commerce.Secret, error) { return p.env.secret(name), nil }
	}
	mode := p.env.mode()
	return connection.New(connection.Config{
		Connections: connection.These(
			connection.Connection{Ref: p.shop.origin, Group: "all", Check: p.shop.check, Key: commerce.Static(p.shop.key).Current},
			connection.Connection{Ref: pay.Ref(""), Group: "all", Key: key("STRIPE_KEY"),
				Check: func(ctx context.Context) commerce.Findings { return pay.Check(ctx, look) }},
			connection.Connection{Ref: commerce.Ref{System: erpOf(p.env), Account: p.env("ERP_DATABASE"), Mode: mode}, Group: "all", Key: key("ERP_PASSWORD"), Check: p.books.Check},
		),
		Notify: func(ctx context.Context, c connection.Change) error {
			for _, f := range c.New {
				log.WarnContext(ctx, "check", "connection", c.Connection.String(), "severity", f.Severity, "code", f.Code, "finding", f.String())
			}
			for _, f := range c.Mended {
				log.InfoContext(ctx, "check: mended", "connection", c.Connection.String(), "code", f.Code, "about", f.About)
			}
			return nil
		},
	})
}

// check prints what is configured, what it found at every system with what mends it, and
// how far the feeds are. What is broken is an error; a warning wants a person's eye.
func (p *program) check(ctx context.Context, out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer func() { _ = t.Flush() }()
	line := func(name, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	warn := func(format string, args ...any) { line("warning", format, args...) }
	var failed []error

	line("mode", "%s", p.env.mode())
	if err := p.pool.PingContext(ctx); err != nil {
		failed = append(failed, fmt.Errorf("database: %w", err))
	}
	line("start at", "%s", cmp.Or(p.env("START_AT"), "the first order"))
	line("take", "%s", cmp.Or(p.env("TAKE"), "what is paid, covered or free"))
	if p.chart == nil {
		line("books", "none but sales orders")
	} else {
		line("books", "%s, invoices %s, reports in %s", cmp.Or(p.env("BOOKS"), "invoiced"), cmp.Or(p.env("INVOICING"), "on_order"), p.reports())
	}
	line("push", "%s", map[bool]string{true: "POST /hooks/shop", false: "none"}[p.env("PUSH_SECRETS") != ""])
	if p.env.public() == "" {
		warn("PUBLIC_URL is empty: messages have no link to pay by, and Stripe's endpoint is not compared")
	}
	if caps, err := p.erp.Capabilities(ctx); err == nil {
		line("erp can", "%s", capabilities(caps, warn))
	}

	results, err := p.checker.Check(ctx)
	failed = append(failed, err)
	for _, r := range results {
		where := strings.TrimSuffix(r.Connection.String(), "/")
		if err := r.Findings.Err(); err != nil {
			line(r.Connection.System, "%s: not as it should be", where)
			failed = append(failed, err)
		} else {
			line(r.Connection.System, "%s: answers, with key %s", where, r.Fingerprint)
		}
		for _, f := range r.Findings {
			line(string(f.Severity), "%s", strings.TrimSuffix(f.Code+" "+f.About, " "))
			line("  seen", "%s", f.Seen)
			if f.Expected != "" {
				line("  expected", "%s", f.Expected)
			}
			line("  to mend it", "%s", f.Mend)
		}
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
