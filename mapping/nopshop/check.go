package nopshop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/connection"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/nopcommerce"
)

// CheckConfig says what the shop should be like. The zero value looks at reachability,
// credentials and currency.
type CheckConfig struct {
	// Routes are those of the books: each store needs one. Empty compares none.
	Routes mapping.Routes
	// StripeAccount is what routes are asked with.
	StripeAccount string
	// Without are the ids of stores whose orders are not taken up.
	Without []nopcommerce.ID

	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// samples is how many orders of the last week are read, to see that they add up.
const samples = 5

// Check looks at the shop: whether it is reached safely, takes the credentials and nobody
// else's, states its amounts in Config.Currency, every store has a route, and the newest
// orders can be read. It asks for no rights one by one: the API has one for all, "Access
// Web API Backend".
func (s *Shop) Check(ctx context.Context, c CheckConfig) commerce.Findings {
	if c.Now == nil {
		c.Now = time.Now
	}
	k := &check{Report: connection.Report{Of: s.origin}, s: s, c: c}
	address, bare := s.client.Door()
	if !k.Knock(ctx, connection.Door{URL: address, Transport: bare, Now: c.Now}) {
		return k.Findings
	}
	if err := s.client.CheckAccess(ctx); err != nil {
		k.Fail(err)
		return k.Findings
	}
	k.currency(ctx)
	k.stores(ctx)
	k.orders(ctx)
	return k.Findings
}

// check is one look at a connection.
type check struct {
	connection.Report
	s *Shop
	c CheckConfig
}

// currency compares the primary store currency, as far as the shop lets it be known.
func (k *check) currency(ctx context.Context) {
	want := k.s.c.Currency
	switch got, err := k.s.client.Directory.PrimaryCurrency(ctx); {
	case errors.Is(err, commerce.ErrAmbiguous): // several have its rate, so that nobody can tell
	case err != nil:
		k.Fail(err)
	case got.Code != string(want):
		k.Tell(commerce.Broken, "currency_mismatch", "", "the shop's primary store currency is "+got.Code, fmt.Sprintf("Config.Currency, which is %s", want),
			"correct Config.Currency: every amount would be read in another currency")
	}
	// Order totals are kept with 4 decimals and shown with 2, unless the currency's
	// rounding type says otherwise (contract, section 10).
	if want.Exponent() != 2 {
		k.Tell(commerce.Warning, "currency_decimals", string(want), fmt.Sprintf("the shop keeps its amounts in %s, which has %d decimals", want, want.Exponent()), "totals in whole units of the currency",
			"set the currency's rounding type under Configuration > Currencies, so that totals can be charged as they are")
	}
}

func (k *check) stores(ctx context.Context) {
	all, err := k.s.client.Stores.List(ctx)
	if err != nil {
		k.Fail(err)
		return
	}
	for _, store := range all {
		if slices.Contains(k.c.Without, store.ID) {
			continue
		}
		if len(k.c.Routes) > 0 {
			_, err := k.c.Routes.For(mapping.RouteKey{Tenant: k.s.c.Tenant, Shop: k.s.c.Account, Website: store.ID.String(), Store: store.ID.String(),
				StripeAccount: k.c.StripeAccount, Currency: k.s.c.Currency, Mode: k.s.c.Mode})
			if err != nil {
				f := connection.Found(k.Of, err)
				f.About = store.ID.String()
				if f.Code == "no_route" {
					f.Code, f.Expected = "store_without_route", "a route for each store"
				}
				k.Findings = append(k.Findings, f)
			}
		}
	}
}

// orders reads the newest orders: one that does not add up would be dead.
func (k *check) orders(ctx context.Context) {
	read := 0
	for o, err := range k.s.client.Orders.List(ctx, nopcommerce.OrderParams{CreatedFrom: k.c.Now().Add(-7 * 24 * time.Hour)}) {
		if err != nil {
			k.Fail(err)
			return
		}
		if _, err := k.s.Order(ctx, k.s.Ref(o.ID)); errors.Is(err, commerce.ErrMapping) {
			f := connection.Found(k.Of, err)
			f.Code, f.About, f.Severity = "order_unreadable", o.ID.String(), commerce.Warning
			f.Expected = "orders that add up and can be said in canonical words"
			k.Findings = append(k.Findings, f)
		} else if err != nil {
			k.Fail(err)
			return
		}
		if read++; read == samples {
			return
		}
	}
}
