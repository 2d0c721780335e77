package main

import (
	"fmt"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/examples/quickstart/world"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/mapping/magentoshop"
	"github.com/commercesync/commerce/mapping/nopshop"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/nopcommerce/nopcommercetest"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/workflow"
)

// shop is all that differs between one kind of shop and another.
type shop struct {
	workflow.Shop
	sales          workflow.Sales
	refunds        workflow.RefundShop
	tickets        workflow.ReturnShop // nil: it has no return requests
	returns        inbox.Feed          // of them
	ref            func(id int64) commerce.Ref
	changes, sweep inbox.Feed // what the shop does not tell by itself
	// words are the names under which payments say which order they are for. Shops that share
	// a Stripe account need different ones, as both have an order 17.
	words mapping.MetadataKeys
}

// openShop connects to one of the world's shops. told remembers what its feeds have told.
func openShop(kind string, w *world.World, protect resilience.Config, told inbox.Told) (s shop, err error) {
	switch now := w.Clock.Now; kind {
	case world.Magento:
		return openMagento(w, protect, told, now)
	case world.NopCommerce:
		return openNop(w, protect, told, now)
	}
	return s, fmt.Errorf("%q is no shop", kind)
}

func openMagento(w *world.World, protect resilience.Config, told inbox.Told, now func() time.Time) (s shop, err error) {
	client, err := magento.NewClient(magento.Config{BaseURL: w.MagentoURL, Credentials: commerce.Static(w.MagentoKeys), Resilience: protect, Now: now})
	if err != nil {
		return s, err
	}
	m, err := magentoshop.New(client, magentoshop.Config{Mode: commerce.Test, Settle: w.LongestRequest, Now: now})
	if err != nil {
		return s, err
	}
	s = shop{Shop: m, sales: m, refunds: m, ref: func(id int64) commerce.Ref { return m.Ref(magento.ID(id)) }, words: mapping.MetadataKeys{ID: []string{"commerce_order"}}}
	if s.changes, err = m.Changes(magentoshop.ChangesConfig{}); err != nil {
		return s, err
	}
	s.sweep, err = m.Sweep(magentoshop.SweepConfig{Told: told})
	return s, err
}

func openNop(w *world.World, protect resilience.Config, told inbox.Told, now func() time.Time) (s shop, err error) {
	client, err := nopcommerce.NewClient(nopcommerce.Config{BaseURL: w.NopURL, Credentials: commerce.Static(w.NopLogin), Resilience: protect, Now: now})
	if err != nil {
		return s, err
	}
	n, err := nopshop.New(client, nopshop.Config{Currency: "EUR", Mode: commerce.Test, Settle: w.LongestRequest, Now: now,
		Methods: map[string]nopshop.Method{nopcommercetest.StripeElement: {Charges: nopshop.Customer, Truncates: true}}})
	if err != nil {
		return s, err
	}
	s = shop{Shop: n, sales: n, refunds: n, tickets: n, ref: func(id int64) commerce.Ref { return n.Ref(nopcommerce.ID(id)) }, words: mapping.MetadataKeys{
		ID: []string{"nop_order", "OrderId"}, Number: []string{"nop_number"}, Store: []string{"nop_store"}, Orders: []string{"nop_orders"}}}
	if s.changes, err = n.Changes(nopshop.ChangesConfig{}); err != nil {
		return s, err
	}
	if s.returns, err = n.Returns(nopshop.ReturnsConfig{}); err != nil {
		return s, err
	}
	s.sweep, err = n.Sweep(nopshop.SweepConfig{Told: told})
	return s, err
}
