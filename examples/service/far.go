package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/erp/odoo"
	"github.com/commercesync/commerce/erp/tryton"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/mapping/magentoshop"
	"github.com/commercesync/commerce/mapping/nopshop"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/workflow"
)

// shop is the one that is served.
type shop struct {
	workflow.Shop
	sales          workflow.Sales
	url            string
	origin         commerce.Ref
	changes, sweep inbox.Feed
	key            commerce.Secret
	check          func(context.Context) commerce.Findings
}

func openShop(env settings, protect resilience.Config, told inbox.Told, log *slog.Logger) (shop, error) {
	switch kind := cmp.Or(env("SHOP"), magentoshop.System); kind {
	case magentoshop.System:
		return openMagento(env, protect, told, log)
	case nopshop.System:
		return openNop(env, protect, told, log)
	default:
		return shop{}, fmt.Errorf("SHOP is %q, neither magento nor nopcommerce", kind)
	}
}

func openMagento(env settings, protect resilience.Config, told inbox.Told, log *slog.Logger) (shop, error) {
	client, err := magento.NewClient(magento.Config{BaseURL: env("MAGENTO_URL"), Resilience: protect, Credentials: commerce.Static(magento.Keys{
		ConsumerKey: env("MAGENTO_CONSUMER_KEY"), ConsumerSecret: env.secret("MAGENTO_CONSUMER_SECRET"),
		AccessToken: env.secret("MAGENTO_ACCESS_TOKEN"), AccessTokenSecret: env.secret("MAGENTO_ACCESS_TOKEN_SECRET")})})
	if err != nil {
		return shop{}, err
	}
	m, err := magentoshop.New(client, magentoshop.Config{Mode: env.mode(), Logger: log})
	if err != nil {
		return shop{}, err
	}
	s := shop{Shop: m, sales: m, url: env("MAGENTO_URL"), origin: m.Ref(0).With(""), key: env.secret("MAGENTO_ACCESS_TOKEN")}
	look := magentoshop.CheckConfig{StripeAccount: env("STRIPE_ACCOUNT"), Routes: env.routes(s.origin.Account)}
	if env("CHART") != "" {
		look.Uses = append(look.Uses, magentoshop.UseBooks)
	}
	s.check = func(ctx context.Context) commerce.Findings { return m.Check(ctx, look) }
	if s.changes, err = m.Changes(magentoshop.ChangesConfig{}); err != nil {
		return shop{}, err
	}
	s.sweep, err = m.Sweep(magentoshop.SweepConfig{Told: told})
	return s, err
}

func openNop(env settings, protect resilience.Config, told inbox.Told, log *slog.Logger) (shop, error) {
	client, err := nopcommerce.NewClient(nopcommerce.Config{BaseURL: env("NOP_URL"), Resilience: protect,
		Credentials: commerce.Static(nopcommerce.Login{Email: env("NOP_EMAIL"), Password: env.secret("NOP_PASSWORD")})})
	if err != nil {
		return shop{}, err
	}
	n, err := nopshop.New(client, nopshop.Config{Currency: commerce.Currency(env("NOP_CURRENCY")), Mode: env.mode(), Logger: log})
	if err != nil {
		return shop{}, err
	}
	s := shop{Shop: n, sales: n, url: env("NOP_URL"), origin: n.Ref(0).With(""), key: env.secret("NOP_PASSWORD")}
	look := nopshop.CheckConfig{StripeAccount: env("STRIPE_ACCOUNT"), Routes: env.routes(s.origin.Account)}
	s.check = func(ctx context.Context) commerce.Findings { return n.Check(ctx, look) }
	if s.changes, err = n.Changes(nopshop.ChangesConfig{}); err != nil {
		return shop{}, err
	}
	s.sweep, err = n.Sweep(nopshop.SweepConfig{Told: told})
	return s, err
}

func openStripe(env settings, protect resilience.Config) (*stripe.Client, error) {
	quota, err := resilience.NewQuota(stripe.Limits(env.mode())...)
	if err != nil {
		return nil, err
	}
	protect.Quota = quota // what Stripe allows: live calls before those that look for what was missed
	return stripe.NewClient(stripe.Config{BaseURL: env("STRIPE_URL"), Credentials: commerce.Static(env.secret("STRIPE_KEY")), Resilience: protect})
}

func erpOf(env settings) string { return cmp.Or(env("ERP"), "tryton") }

func openERP(env settings, protect resilience.Config, log *slog.Logger) (erp.ERP, error) {
	origin := commerce.Ref{Mode: env.mode()}
	switch kind := erpOf(env); kind {
	case "tryton":
		return tryton.NewClient(tryton.Config{URL: env("ERP_URL"), Database: env("ERP_DATABASE"), Company: env("ERP_COMPANY"),
			Origin: origin, Resilience: protect, Log: log,
			Credentials: commerce.Static(tryton.Login{User: env("ERP_USER"), Password: env.secret("ERP_PASSWORD")})})
	case "odoo":
		return odoo.NewClient(odoo.Config{URL: env("ERP_URL"), Database: env("ERP_DATABASE"), Company: env("ERP_COMPANY"),
			Origin: origin, Resilience: protect, Log: log,
			Credentials: commerce.Static(odoo.Login{User: env("ERP_USER"), Key: env.secret("ERP_PASSWORD")})})
	default:
		return nil, fmt.Errorf("ERP is %q, neither tryton nor odoo", kind)
	}
}
