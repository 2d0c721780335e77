package erpbooks

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/reconcile"
)

// Chart says which accounts and journals the books of one company use: for the balance
// at the processor, and for the receipts of customers.
type Chart struct {
	reconcile.Chart
	// Receipts is the code of the journal of receipts. Defaults to Journal.
	Receipts string
	// Advance is the code of the account that holds what customers have paid and was not
	// invoiced yet. Empty leaves it as an open credit on receivable.
	Advance string
	// FX is the code of the account that takes what a receipt differs by from the
	// invoice that it pays, in another currency. Defaults to Exchange.
	FX string
	// Revenue and Tax are the codes of the accounts of sales and of tax, by the id of the
	// ERP's tax; "" is for what carries none. They are needed in Summary, where no invoice
	// says them: see [Books.Split].
	Revenue, Tax map[string]string
}

// ClosedPeriod is a policy for documents whose day lies in a closed period.
type ClosedPeriod string

const (
	// Refuse: the error is of kind period closed, and a person decides.
	Refuse ClosedPeriod = "refuse"
	// NextOpen: the document is posted on the first day that is open. Its own day stays
	// on the paper of an invoice, and in the text of a receipt and of an entry. The ERP
	// adapter has to be an erp.Auditor.
	NextOpen ClosedPeriod = "next_open"
)

// ofOrders are the reporting categories that move the money of orders: each of their
// movements is a receipt of its own, or, in Summary, split by what its order says.
var ofOrders = []string{"charge", "charge_failure", "partial_capture_reversal", "refund", "refund_failure"}

// charts checks the charts of a config and fills in what they leave out.
func charts(c Config) (map[string]Chart, error) {
	out := make(map[string]Chart, len(c.Charts))
	for name, chart := range c.Charts {
		if err := chart.Check(); err != nil {
			return nil, fmt.Errorf("Config.Charts[%q]: %w", name, err)
		}
		if chart.Journal == "" {
			return nil, fmt.Errorf("Config.Charts[%q].Journal is empty", name)
		}
		chart.Receipts = cmp.Or(chart.Receipts, chart.Journal)
		chart.FX = cmp.Or(chart.FX, chart.Exchange)
		if chart.Location == nil {
			chart.Location = c.Location
		}
		if chart.Documents == nil {
			chart.Documents = slices.Clone(ofOrders)
		}
		out[name] = chart
	}
	for i, r := range c.Routes {
		if _, ok := out[cmp.Or(r.Chart, defaultName)]; !ok && (len(out) > 0 || r.Chart != "") {
			return nil, fmt.Errorf("Config.Routes[%d] %q names the chart %q, which Config.Charts has not", i, r.Name, cmp.Or(r.Chart, defaultName))
		}
	}
	return out, nil
}

// Chart returns the chart of a route's books. Its Documents are, unless the config names
// them, the categories that move the money of orders: charge, charge_failure,
// partial_capture_reversal, refund, refund_failure.
func (b *Books) Chart(r mapping.Route) (reconcile.Chart, error) {
	c, err := b.chart(r)
	return c.Chart, err
}

func (b *Books) chart(r mapping.Route) (Chart, error) {
	c, ok := b.c.Charts[cmp.Or(r.Chart, defaultName)]
	if !ok {
		e := commerce.Errorf(commerce.KindMapping, room, "choose chart", "Config.Charts has none for route %q", r.Name)
		e.Code, e.Outcome = "no_chart", commerce.NotSent
		return c, e
	}
	return c, nil
}

// BalanceRoute says into whose books the balance of an account at the processor goes:
// by tenant, account and mode of a ref of it, and by currency. A balance belongs to no
// shop, so that routes for single shops count only where no other fits, and then all of
// them have to lead to one company and chart. Errors: mapping.Routes.For.
func (b *Books) BalanceRoute(of commerce.Ref, currency commerce.Currency) (mapping.Route, error) {
	key := mapping.RouteKey{Tenant: of.Tenant, StripeAccount: of.Account, Currency: currency, Mode: of.Mode}
	r, err := b.c.Routes.For(key)
	if err == nil {
		return r, nil
	}
	var found []mapping.Route
	for _, r := range b.c.Routes {
		anyShop := r
		anyShop.Shop, anyShop.Website, anyShop.Store = "", "", ""
		if _, no := (mapping.Routes{anyShop}).For(key); no == nil {
			found = append(found, r)
		}
	}
	for _, other := range found {
		if other.Company != found[0].Company || other.Chart != found[0].Chart {
			return mapping.Route{}, mapping.Faultf("balance of "+of.Account, "route", string(currency),
				"leads to routes %q and %q of other books; add a route without a shop", found[0].Name, other.Name)
		}
	}
	if len(found) == 0 {
		return mapping.Route{}, err
	}
	return found[0], nil
}
