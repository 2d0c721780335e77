package mapping

import "github.com/commercesync/commerce"

// RouteKey is what a route is chosen by.
type RouteKey struct {
	Tenant        string
	Shop          string // Ref.Account of the order
	Website       string
	Store         string
	StripeAccount string // Ref.Account of the payment; empty for an order without one
	Currency      commerce.Currency
	Mode          commerce.Mode
}

// Route says into which books an order goes. The upper fields match, empty ones
// match everything; Mode must be set. The lower ones are the target.
type Route struct {
	Tenant        string
	Shop          string
	Website       string
	Store         string
	StripeAccount string
	Currency      commerce.Currency
	Mode          commerce.Mode

	Name      string // for errors and logs
	Company   string // ERP company id; always sent
	Warehouse string // ERP warehouse id; empty = the company's own
	TaxTable  string // name of the tax table; empty = "default"
	Chart     string // name of the chart of accounts; empty = "default"
	Prefix    string // put before order numbers in the ERP
}

// Routes are tried in order; the first that matches counts.
type Routes []Route

// Check reports a route that can never match or leads nowhere, as an error of kind
// invalid that names it.
func (rs Routes) Check() error {
	for i, r := range rs {
		switch {
		case r.Mode != commerce.Live && r.Mode != commerce.Test:
			return commerce.Errorf(commerce.KindInvalid, "mapping", "check routes", "Routes[%d] %q: Mode is %q, not live or test", i, r.Name, r.Mode)
		case r.Currency != "" && !r.Currency.Valid():
			return commerce.Errorf(commerce.KindInvalid, "mapping", "check routes", "Routes[%d] %q: Currency %q is no ISO 4217 code", i, r.Name, string(r.Currency))
		}
	}
	return nil
}

// For returns the route of a key. No route is an error of kind mapping with code
// "no_route"; a route that fits in everything but the mode is one of kind invalid
// with code "mode_mismatch". Neither is ever answered with a default.
func (rs Routes) For(k RouteKey) (Route, error) {
	otherMode := false
	for _, r := range rs {
		if !fits(r.Tenant, k.Tenant) || !fits(r.Shop, k.Shop) || !fits(r.Website, k.Website) ||
			!fits(r.Store, k.Store) || !fits(r.StripeAccount, k.StripeAccount) ||
			!fits(r.Currency, k.Currency) {
			continue
		}
		if r.Mode == k.Mode {
			return r, nil
		}
		otherMode = true
	}
	e := commerce.Errorf(commerce.KindMapping, "mapping", "choose route",
		"no route for tenant %q, shop %q, website %q, store %q, Stripe account %q, currency %s, mode %s; add one to Routes",
		k.Tenant, k.Shop, k.Website, k.Store, k.StripeAccount, k.Currency, k.Mode)
	e.Code = "no_route"
	if otherMode {
		e = commerce.Errorf(commerce.KindInvalid, "mapping", "choose route",
			"a %s fact on a route of the other mode (shop %q, store %q)", k.Mode, k.Shop, k.Store)
		e.Code = "mode_mismatch"
	}
	e.Outcome = commerce.NotSent
	return Route{}, e
}
