package magentoshop

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/connection"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/mapping"
)

// Use is a workflow that needs more rights than order to cash.
type Use string

const (
	UseRefunds Use = "refunds" // workflow.Refunds: makes credit memos
	UseBooks   Use = "books"   // payouts, which credit memos explain
	UseReturns Use = "returns" // returns of Adobe Commerce
	UseCancel  Use = "cancel"  // cancels orders
)

// always are the rights that order to cash needs with its feeds: read, invoice, remark,
// hold, ship.
var always = []magento.Right{magento.ViewOrders, magento.CommentOrders, magento.HoldOrders, magento.UnholdOrders, magento.InvoiceOrders,
	magento.UseInvoices, magento.ShipOrders, magento.UseShipments}

var rightsOf = map[Use][]magento.Right{
	UseRefunds: {magento.RefundOrders, magento.UseCreditMemos},
	UseBooks:   {magento.UseCreditMemos},
	UseReturns: {magento.UseReturns},
	UseCancel:  {magento.CancelOrders},
}

// harmless may be had without need: they only show.
var harmless = []magento.Right{magento.ReadStores, magento.ReadPayments}

// CheckConfig says what the shop should be like. The zero value looks at reachability,
// credentials and the rights of order to cash.
type CheckConfig struct {
	// Uses are the workflows in use beside order to cash: the integration should have
	// their rights and no more.
	Uses []Use

	// Routes are those of the books: each store view needs one. Empty compares none.
	Routes mapping.Routes
	// StripeAccount is what routes are asked with.
	StripeAccount string
	// Without are the codes of store views whose orders are not taken up.
	Without []string

	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// samples is how many orders of the last week are read, to see that they add up.
const samples = 5

// Check looks at the shop: whether it is reached safely and takes the credentials, the
// integration has the rights that are needed one by one and no more, every store view has
// a route, no setting makes amounts disagree, and the newest orders can be read.
func (s *Shop) Check(ctx context.Context, c CheckConfig) commerce.Findings {
	if c.Now == nil {
		c.Now = time.Now
	}
	address, bare := s.client.Door()
	k := &check{Report: connection.Report{Of: s.origin}, s: s, c: c, secure: strings.HasPrefix(address, "https:")}
	if !k.Knock(ctx, connection.Door{URL: address, Transport: bare, Now: c.Now}) {
		return k.Findings
	}
	if err := s.client.Ping(ctx); err != nil {
		k.Fail(err)
		return k.Findings
	}
	if has, ok := k.rights(ctx); !ok || !slices.Contains(has, magento.ViewOrders) {
		return k.Findings
	} else if slices.Contains(has, magento.ReadStores) {
		k.stores(ctx)
	}
	k.orders(ctx)
	return k.Findings
}

// check is one look at a connection.
type check struct {
	connection.Report
	s      *Shop
	c      CheckConfig
	secure bool // the client's own address is https
}

// rights returns those that the credentials have; ok is false where they are refused.
func (k *check) rights(ctx context.Context) (have []magento.Right, ok bool) {
	const at = "under System > Integrations > the integration > API"
	needed := slices.Clone(always)
	for _, use := range k.c.Uses {
		needed = append(needed, rightsOf[use]...)
	}
	if len(k.c.Routes) > 0 {
		needed = append(needed, magento.ReadStores)
	}
	var surplus []string
	for _, right := range magento.Rights() {
		need := slices.Contains(needed, right)
		has, err := k.s.client.Has(ctx, right)
		e, _ := errors.AsType[*commerce.Error](err)
		switch {
		case e != nil && (e.Code == magento.CodeNoRoute || e.Code == magento.CodeNotOffered):
			if need {
				k.Tell(commerce.Broken, "module_missing", string(right), "the shop lacks the module of "+string(right), "it is installed",
					"install it (returns are part of Adobe Commerce), or leave the workflow out")
			}
		case err != nil:
			k.Fail(err)
			return nil, false
		case need && !has:
			k.Tell(commerce.Broken, "right_missing", string(right), "the integration lacks the right "+string(right), "the right, for the workflows in use",
				"tick it "+at+", save, and Reauthorize")
		case has && !need && !slices.Contains(harmless, right):
			surplus = append(surplus, string(right))
		}
		if has {
			have = append(have, right)
		}
	}
	if len(surplus) > 0 {
		k.Tell(commerce.Warning, "rights_surplus", "", "the integration may do what no workflow in use needs: "+strings.Join(surplus, ", "), "no more rights than are needed",
			"choose Custom "+at+", untick these, save, and Reauthorize")
	}
	return have, true
}

// stores compares the store views with the routes, and looks for currencies in which
// Magento's amounts can not be charged.
func (k *check) stores(ctx context.Context) {
	views, err := k.s.client.Stores.Views(ctx)
	if err != nil {
		k.Fail(err)
		return
	}
	websites, err := k.s.client.Stores.Websites(ctx)
	if err != nil {
		k.Fail(err)
		return
	}
	names := map[magento.ID]string{}
	for _, w := range websites {
		names[w.ID] = w.Name
	}
	configs, err := k.s.client.Stores.Configs(ctx)
	if err != nil {
		k.Fail(err)
		return
	}
	settings := map[magento.ID]magento.StoreConfig{}
	for _, c := range configs {
		settings[c.ID] = c
	}
	for _, v := range views {
		if c, ok := settings[v.ID]; ok && v.ID != 0 && bool(v.IsActive) && !slices.Contains(k.c.Without, v.Code) {
			k.view(v, c, names[v.WebsiteID])
		}
	}
}

func (k *check) view(v magento.StoreView, c magento.StoreConfig, website string) {
	currency := commerce.Currency(cmp.Or(c.DefaultDisplayCurrencyCode, c.BaseCurrencyCode))
	if named, ok := k.s.c.Websites[v.ID.String()]; ok {
		website = named
	}
	if len(k.c.Routes) > 0 {
		_, err := k.c.Routes.For(mapping.RouteKey{Tenant: k.s.c.Tenant, Shop: k.s.c.Account, Website: website, Store: v.ID.String(),
			StripeAccount: k.c.StripeAccount, Currency: currency, Mode: k.s.c.Mode})
		if err != nil {
			f := connection.Found(k.Of, err)
			f.About = v.Code
			if f.Code == "no_route" {
				f.Code, f.Expected = "store_without_route", "a route for each store view"
			}
			k.Findings = append(k.Findings, f)
		}
	}
	for _, code := range slices.Compact([]string{c.BaseCurrencyCode, string(currency)}) {
		// Magento keeps 4 decimals and rounds to 2, whatever the currency: 18360.79 JPY
		// (2.4.6-p1, REC 434).
		if cur := commerce.Currency(code); cur.Valid() && cur.Exponent() != 2 {
			k.Tell(commerce.Warning, "currency_decimals", v.Code, fmt.Sprintf("the view sells in %s, which has %d decimals; Magento rounds to 2, so that its totals are none that Stripe can charge", code, cur.Exponent()),
				"amounts of the currency's own decimals", "install a module that sets the precision of "+code+", or sell in another currency")
		}
	}
	if u, err := url.Parse(c.SecureBaseURL); err == nil && k.secure && u.Scheme == "http" && !connection.Local(u.Hostname()) {
		k.Tell(commerce.Warning, "shop_without_tls", v.Code, "the view's secure base URL is "+u.Scheme+"://"+u.Host, "https", "set web/secure/base_url under Stores > Configuration > Web")
	}
}

// orders reads the newest orders: one that does not add up would be dead.
func (k *check) orders(ctx context.Context) {
	read := 0
	for o, err := range k.s.client.Orders.List(ctx, magento.ListParams{UpdatedFrom: k.c.Now().Add(-7 * 24 * time.Hour), Fields: []string{"entity_id", "updated_at"}}) {
		if err != nil {
			k.Fail(err)
			return
		}
		if _, err := k.s.Order(ctx, k.s.Ref(o.EntityID)); errors.Is(err, commerce.ErrMapping) {
			f := connection.Found(k.Of, err)
			f.Code, f.About, f.Severity = "order_unreadable", o.EntityID.String(), commerce.Warning
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
