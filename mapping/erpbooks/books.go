// Package erpbooks lends any ERP adapter the methods that a workflow asks of the
// books and of the warehouse: route an order, write it as one sales order, confirm
// it, ask to ship it, and tell of shipments; and those that it asks of the ledger:
// invoice the order, post what was paid for it, credit what went back, book the balance at
// the processor.
//
//	books, err := erpbooks.New(tryton, erpbooks.Config{
//		Routes: mapping.Routes{{Name: "eu", Mode: commerce.Live, Company: "1"}},
//		Taxes: map[string]mapping.TaxTable{"default": {
//			{Country: "DE", Rate: "19", IDs: []string{"3"}},
//			{Rate: "0"},
//		}},
//	})
//	if err := books.Check(ctx).Err(); err != nil { … } // tables against the server, once
//	route, err := books.Route(order, payments)
//	doc, err := idempotency.Run(ctx, steps, key, books.SalesOrder(route, order, payments))
//
// # What a sales order looks like
//
// One line for each line of the order at its net price, one for shipping, and one
// discount for each set of taxes. Taxes come from the merchant's table and nothing
// else; a line without a row is a *mapping.Fault. The shop's totals are the truth:
// the ERP adapter compares them and settles a difference of rounding on a line of
// its own, or refuses. The reference is the text of the order's ref ([Books.Reference]);
// the number that people know, with the route's prefix, stands in the text.
//
// # The ledger
//
// A [Chart] says which accounts and journals are posted to; a route names one. Then
//
//	invoice, err := idempotency.Run(ctx, steps, key, books.Invoice(route, order, doc, day))
//	receipt, err := idempotency.Run(ctx, steps, key, books.Receipt(route, order, mapping.Receipt{
//		Movement: "txn_1", Date: day, Amount: paid, Settled: settled,
//		Apply: []mapping.Application{{Invoice: invoice.Ref, Amount: paid}}}))
//
// posts the ERP's own draft with the shop's totals and taxes, and the money that pays it:
// [Books.Apply] and [Books.Unapply] change later what it pays. [Books.CreditNote] takes a
// part of the invoice back, by line and with its taxes. [Books.Entry] posts a
// journal entry, [Books.Series] reads a series of them back, [Books.AccountBalance] and
// [Books.Documents] say what the ERP itself has, whoever wrote it.
//
// Each document stands under a reference that the order's begins: [Books.InvoiceKey],
// [Books.ReceiptKey], [Books.CreditNoteKey]. Refs hold account and mode, so that such a reference is unique over
// shops, and live and test never meet. An audit that counts the documents under a
// reference finds what was posted twice.
//
// A document of a day in a closed period is refused, or posted on the next open day:
// Config.Closed. An adapter without an ability that is asked for is an error of kind
// invalid, code "no_ability"; [Books.Check] tells it at start.
//
// # How strong
//
// [Books.SalesOrder], [Books.Invoice], [Books.Receipt], [Books.CreditNote] and [Books.Entry]
// are marked: the reference travels in the write that makes them.
// [Books.Request] is guarded by the warehouse's own state, [Books.Cancel] by what counts
// under the reference. [Books.Confirm], [Books.Withdraw], [Books.Apply] and [Books.Unapply]
// are declared keyed: the adapter reads, acts and reads back, and the same step twice is no
// second effect.
package erpbooks

import (
	"cmp"
	"sync"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/erp"
	"github.com/commercesync/commerce/mapping"
)

const room = "erpbooks"

// Config says how orders are said in the ERP's words. Routes and Taxes must be set.
type Config struct {
	// System is Ref.System of everything that the ERP hands out. Check compares it.
	// Defaults to "tryton".
	System string
	// Routes say into which books an order goes. Required.
	Routes mapping.Routes
	// Taxes are the tax tables by the name that a route gives; "default" serves
	// routes that name none. Required.
	Taxes map[string]mapping.TaxTable
	// Charts are the charts of accounts by the name that a route gives; "default" serves
	// routes that name none. Empty = no books are kept but sales orders: whatever needs a
	// chart is of kind mapping.
	Charts map[string]Chart
	// Mode says which documents post; Check compares it with what the ERP does by
	// itself. Defaults to Invoiced.
	Mode Mode

	// Guests says which party a guest's order belongs to. Defaults to one for each order.
	Guests mapping.GuestPolicy
	// GuestName names the party of all guests, for mapping.GuestCollective. Defaults
	// to "Web shop guests".
	GuestName string
	// UpdateParties writes the shop's master data over that of a registered customer
	// with each order. Parties of guests are never written over. Defaults to leaving
	// what the ERP has.
	UpdateParties bool

	// Closed says what becomes of a document of a day in a closed period. Defaults to Refuse.
	Closed ClosedPeriod
	// Supplements is how many entries one series may have, see [Books.Series]. Defaults
	// to 100.
	Supplements int

	// Products are the SKUs of lines that are no goods.
	Products Products
	// Rounding is the largest difference of a total that may be settled, counted as
	// erp.NewOrder.Rounding counts. 0 = one for each taxed line, at most 5; negative =
	// none.
	Rounding int
	// Location is the time zone that decides on which day a sale was made. Defaults
	// to UTC.
	Location *time.Location
	// Now is the clock that Check compares the ERP's with. Defaults to time.Now.
	Now func() time.Time
	// Settle is how long a request may still take effect after we gave up on it. It
	// must not be below that of the ERP's Capabilities, which Check compares. Defaults
	// to 5 minutes.
	Settle time.Duration
}

// Products are the SKUs of lines that are no goods. An empty one leaves the choice to
// the ERP adapter's own config.
type Products struct {
	Shipping, Discount, Fee string
}

// Mode says which documents post revenue.
type Mode string

const (
	// Invoiced: each order is invoiced in the ERP.
	Invoiced Mode = "invoiced"
	// Summary: orders are never invoiced in the ERP; a daily entry posts instead.
	Summary Mode = "summary"
)

// defaultName is the table and the chart of routes that name none.
const defaultName = "default"

// Books are an ERP's books in canonical words. They are safe for concurrent use.
type Books struct {
	erp   erp.ERP
	c     Config
	modes sync.Map // of companies that were asked: id → commerce.Mode
}

// New checks the config. An error is of kind invalid and names the field.
func New(adapter erp.ERP, c Config) (*Books, error) {
	bad := func(format string, args ...any) (*Books, error) {
		return nil, commerce.Errorf(commerce.KindInvalid, room, "new", format, args...)
	}
	c.System = cmp.Or(c.System, "tryton")
	c.Mode = cmp.Or(c.Mode, Invoiced)
	c.GuestName = cmp.Or(c.GuestName, "Web shop guests")
	c.Settle = cmp.Or(c.Settle, 5*time.Minute)
	c.Closed = cmp.Or(c.Closed, Refuse)
	c.Supplements = cmp.Or(c.Supplements, 100)
	if c.Location == nil {
		c.Location = time.UTC
	}
	switch {
	case adapter == nil:
		return bad("the ERP adapter is nil")
	case len(c.Routes) == 0:
		return bad("Config.Routes is empty")
	case len(c.Taxes) == 0:
		return bad("Config.Taxes is empty")
	case c.Mode != Invoiced && c.Mode != Summary:
		return bad("Config.Mode is %q, not invoiced or summary", c.Mode)
	case !c.Guests.Valid():
		return bad("Config.Guests is %q, which is no policy", c.Guests)
	case c.Settle < 0 || c.Supplements < 0:
		return bad("Config.Settle or Config.Supplements is negative")
	case c.Closed != Refuse && c.Closed != NextOpen:
		return bad("Config.Closed is %q, not refuse or next_open", c.Closed)
	}
	if err := c.Routes.Check(); err != nil {
		return bad("Config.Routes: %w", err)
	}
	for name, table := range c.Taxes {
		if err := table.Check(); err != nil {
			return bad("Config.Taxes[%q]: %w", name, err)
		}
	}
	var err error
	if c.Charts, err = charts(c); err != nil {
		return bad("%w", err)
	}
	for i, r := range c.Routes {
		if name := cmp.Or(r.TaxTable, defaultName); c.Taxes[name] == nil {
			return bad("Config.Routes[%d] %q names the tax table %q, which Config.Taxes has not", i, r.Name, name)
		}
	}
	return &Books{erp: adapter, c: c}, nil
}

// System is Ref.System of the ERP's documents and of its events.
func (b *Books) System() string { return b.c.System }

// Reference returns the text under which an order's documents stand in the ERP, for
// ever: the text of its ref.
func (b *Books) Reference(order commerce.Ref) string { return order.String() }

// Route says whose books the order and its payments go into. Payments that lead to
// different books, and what [mapping.Routes.For] refuses, are errors; nothing was
// written.
func (b *Books) Route(o commerce.Order, payments []commerce.Payment) (mapping.Route, error) {
	key := mapping.RouteKey{Tenant: o.Ref.Tenant, Shop: o.Ref.Account, Website: o.Website, Store: o.Store,
		Currency: o.Currency, Mode: o.Ref.Mode}
	if len(payments) == 0 {
		return b.c.Routes.For(key)
	}
	var route mapping.Route
	for i, p := range payments {
		if p.Ref.Mode != o.Ref.Mode || p.Ref.Tenant != o.Ref.Tenant {
			e := commerce.Errorf(commerce.KindInvalid, room, "choose route",
				"payment %s is of tenant %q in mode %s, order %s of tenant %q in mode %s",
				p.Ref.ID, p.Ref.Tenant, p.Ref.Mode, o.Ref.ID, o.Ref.Tenant, o.Ref.Mode)
			e.Code, e.Outcome = "mode_mismatch", commerce.NotSent
			return mapping.Route{}, e
		}
		key.StripeAccount = p.Ref.Account
		r, err := b.c.Routes.For(key)
		if err != nil {
			return mapping.Route{}, err
		}
		if i > 0 && r != route {
			return mapping.Route{}, mapping.Faultf(o.Ref.System+" "+o.Ref.ID, "payments", p.Ref.ID,
				"leads to route %q, the payment before it to %q", r.Name, route.Name)
		}
		route = r
	}
	return route, nil
}
