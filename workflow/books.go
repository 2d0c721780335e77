package workflow

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/reconcile"
)

// BooksMode says which documents post revenue and money, once for a company.
type BooksMode string

const (
	// Invoiced: an invoice posts revenue, and each movement of money is a receipt.
	Invoiced BooksMode = "invoiced"
	// Summary: orders are never invoiced; the entry of the day posts sales and refunds.
	Summary BooksMode = "summary"
)

// Invoicing says when an order is invoiced.
type Invoicing string

const (
	// OnOrder: as soon as its sales order is confirmed, on that day. No edit can be
	// followed then. What an ERP drafts later, as one that invoices each parcel, is posted
	// with the next news of the order, on the day of the last parcel.
	OnOrder Invoicing = "on_order"
	// OnShipment: when all of its goods have left, on the day of the last; an order
	// without goods when it is confirmed.
	OnShipment Invoicing = "on_shipment"
	// ByERP: people or the ERP post invoices; they are found and paid.
	ByERP Invoicing = "by_erp"
)

// Books keeps the ERP's ledger in step with money: the invoice of each order, a receipt
// for each movement of its payments, and one activity entry a day for all else that
// moved the balance at the processor. On every day the clearing account is what the
// processor's balance was.
//
// It looks at the order, its payments and their movements, and posts what is missing;
// the order in which news comes, and how often, changes nothing. Its handlers come
// behind those of OrderToCash and OrderChanges: inbox.Merge(o2c.Handlers(), books.Handlers()).
type Books struct {
	// Shops take the orders up: the OrderToCash of each shop that sells through the account,
	// whose ports and settings serve here as well. Required. They share Steps, Links and
	// StartAt: what moved before its day is part of the opening balance, see [Books.Open].
	Shops   []*OrderToCash
	Ledger  Ledger  // required
	Balance Balance // required
	// Account is the account at the processor, "acct_…", where several of these share
	// an inbox: the news of others is left alone. Empty: all are this one's.
	Account string

	// Mode says which documents post. Defaults to Invoiced.
	Mode BooksMode
	// Invoicing says when an order is invoiced, in mode Invoiced. Defaults to OnOrder.
	Invoicing Invoicing
	// Suspense books money that belongs to no order in the ERP on the chart's suspense
	// account, and tells a person; it is taken back from there once it does. The default
	// buries its event, with code "no_order" or "no_sales_order". OrderToCash's
	// IgnoreUnlinked does not count: whoever else sells through the account, it has one
	// balance.
	Suspense bool
	// Wait is how long money waits for its order's sales order. The inbox's MaxAge has
	// to be longer.
	//
	// Defaults to 24 hours.
	Wait time.Duration
	// OpenFor is how long after its last movement an order is looked at once a day while
	// money of it pays nothing: no ERP tells of the invoices and credit notes that people
	// write.
	//
	// Defaults to 31 days with ByERP, where people write all of them, else to 0, never: the
	// next news of the order finds them.
	OpenFor time.Duration
	// ProveAfter is how many days back the clearing account is compared with the balance
	// each day; a difference is an exception. By then all news of that day should have
	// been worked. It reads the movements since.
	//
	// Defaults to 0, never.
	ProveAfter int
}

// Check reports the first setting that can not work, as an error of kind invalid that
// names the field.
func (b *Books) Check() error {
	if err := check("Books", []field{{"Shops", len(b.Shops) == 0 || slices.Contains(b.Shops, nil)}, {"Ledger", b.Ledger == nil},
		{"Balance", b.Balance == nil}}, []duration{{"Wait", b.Wait}, {"OpenFor", b.OpenFor}}, nil); err != nil {
		return err
	}
	switch {
	case !slices.Contains([]BooksMode{"", Invoiced, Summary}, b.Mode):
		return refuse(commerce.KindInvalid, "check Books", "", "Mode is %q, not invoiced or summary", b.Mode)
	case !slices.Contains([]Invoicing{"", OnOrder, OnShipment, ByERP}, b.Invoicing):
		return refuse(commerce.KindInvalid, "check Books", "", "Invoicing is %q, not on_order, on_shipment or by_erp", b.Invoicing)
	case b.ProveAfter < 0:
		return refuse(commerce.KindInvalid, "check Books", "", "ProveAfter is %d, below nought", b.ProveAfter)
	}
	for i, o := range b.Shops {
		if err := o.Check(); err != nil {
			return err
		}
		switch {
		case slices.ContainsFunc(b.Shops[:i], func(p *OrderToCash) bool { return p.Shop.Origin() == o.Shop.Origin() }):
			return refuse(commerce.KindInvalid, "check Books", "", "two of Shops are %s: give them accounts of their own", o.Shop.Origin())
		case !o.StartAt.Equal(b.start()):
			return refuse(commerce.KindInvalid, "check Books", "", "Shops: %s has another StartAt than %s", o.Shop.Origin(), b.Shops[0].Shop.Origin())
		}
	}
	return nil
}

// start is when the books begin; zero = always.
func (b *Books) start() time.Time { return b.Shops[0].StartAt }

// News of the processor's balance, which the feeds of mapping/stripepay tell.
const (
	// balanceMovement: the object is the movement, the subject the payment it is of.
	balanceMovement = "balance.movement"
	// balanceDay: a day of one currency is over or has changed: "day/eur/2026-11-21".
	balanceDay = "balance.day"
)

// kindOrderBooks is the type of the internal event for the books of one order: of
// several that share a payment, or one that was waiting.
const kindOrderBooks = "order.books"

// orderOpen is the type of the event that looks at an order again whose money pays
// nothing yet. It goes by the order's own name.
const orderOpen = "order.open"

// Handlers returns what an inbox is to call for which events.
func (b *Books) Handlers() inbox.Handlers {
	if len(b.Shops) == 0 || b.Balance == nil || slices.ContainsFunc(b.Shops, func(o *OrderToCash) bool { return o == nil || o.Shop == nil }) {
		return nil
	}
	hs := inbox.Handlers{}
	on := func(kind string, handle func(context.Context, commerce.Event) error) {
		hs[kind] = []inbox.Handler{{Name: nameOf("books", b.Account), Handle: func(ctx context.Context, e commerce.Event) error {
			if err := b.Check(); err != nil {
				return misconfigured(err)
			}
			return handle(ctx, e)
		}}}
	}
	for _, o := range b.Shops {
		for kind := range o.Handlers() {
			on(kind, b.after)
		}
		on(o.Shop.System()+" "+orderOpen, b.open)
	}
	on(b.Balance.System()+" "+balanceMovement, b.movement)
	on(b.Balance.System()+" "+balanceDay, b.day)
	on(b.Balance.System()+" "+disputeClosed, b.ended)
	on(b.Balance.System()+" "+disputeReinstated, b.ended)
	on(internal+" "+kindOrderBooks, b.movement)
	return hs
}

// nameOf is the name of a handler, which several of one inbox have to differ in.
func nameOf(name, account string) string { return strings.TrimSpace(name + " " + account) }

// others reports whether the event is of another account at the processor.
func (b *Books) others(e commerce.Event) bool {
	of := e.Ref
	if of.System == internal {
		if payment, _, err := paymentOf(e.SubjectRef()); err == nil {
			of = payment
		}
	}
	return of.System == b.Balance.System() && b.othersMoney(of)
}

// othersMoney reports whether something of the processor is of another account.
func (b *Books) othersMoney(of commerce.Ref) bool {
	return b.Account != "" && of.Account != b.Account
}

func (b *Books) invoiced() bool { return b.Mode != Summary }

func (b *Books) openFor() time.Duration {
	if b.OpenFor == 0 && b.Invoicing == ByERP {
		return 31 * 24 * time.Hour
	}
	return b.OpenFor
}

func (b *Books) wait() time.Duration {
	if b.Wait == 0 {
		return 24 * time.Hour
	}
	return b.Wait
}

// after looks at the books of the order that OrderToCash has just worked on.
func (b *Books) after(ctx context.Context, e commerce.Event) error {
	if !b.invoiced() || b.others(e) {
		return nil
	}
	root, linked := linkedTo(ctx, e)
	told := slices.ContainsFunc(b.Shops, func(o *OrderToCash) bool { return o.ofShop(e) })
	if told {
		root, linked = e.SubjectRef(), true
	}
	s, ours := b.owner(root)
	if !linked || !ours {
		return nil // nobody knows the order yet
	}
	d := s.desk()
	if told {
		if err := d.links.Link(ctx, root); err != nil {
			return err
		}
	}
	if begun, err := d.begun(ctx, root, generation{n: 1}); !begun || err != nil {
		return err
	}
	a, err := d.account(ctx, e, commerce.Ref{}, root)
	if errors.Is(err, commerce.ErrNotFound) {
		return nil // a deletion is told by OrderToCash
	}
	if err != nil {
		return err
	}
	return s.order(ctx, d, e, a)
}

// open looks at the books of an order a day later.
func (b *Books) open(ctx context.Context, e commerce.Event) error {
	if left := b.shop(0).desk().young(e, openEvery); left > 0 {
		return park("look at the books of "+e.Subject, left, "its money pays nothing yet")
	}
	return b.after(ctx, e)
}

const openEvery = 24 * time.Hour

// movement handles news of money that moved for a payment: find its order, and bring the
// order's books to what they should be.
func (b *Books) movement(ctx context.Context, e commerce.Event) error {
	if !b.invoiced() || b.others(e) {
		return nil
	}
	s, err := b.shopOf(ctx, e)
	if err != nil {
		return err
	}
	d := s.desk()
	if e.Type == balanceMovement {
		d.several = func(ctx context.Context, p commerce.Payment) error { return s.refundOf(ctx, d, e, p) }
	}
	found := false
	err = d.work(ctx, e, kindOrderBooks, func(ctx context.Context, a account) error {
		found = true
		return s.order(ctx, d, e, a)
	})
	if e.Type != balanceMovement || found || !nobodys(err) {
		return err
	}
	return b.nobody(ctx, d, e, err)
}

// nobodys reports whether money is of no order, as far as anybody knows: it names none, or
// one that it does not fit, or that is not (any more) at the shop.
func nobodys(err error) bool {
	for _, code := range []string{"no_order", "amount_mismatch", "currency_mismatch", "other_orders", "partial_capture"} {
		if withCode(err, code) != nil {
			return true
		}
	}
	return errors.Is(err, commerce.ErrNotFound)
}

// documents are the reporting categories whose amounts receipts post, in mode Invoiced,
// and the split of their orders in mode Summary.
var documents = []string{"charge", "refund", "refund_failure", "charge_failure", "partial_capture_reversal"}

// givenBack reports whether a movement is a refund or what became of one.
func givenBack(l reconcile.Line) bool {
	return l.Category == "refund" || l.Category == "refund_failure"
}

// dayOf is the accounting day of a time.
func dayOf(c reconcile.Chart, t time.Time) commerce.Date { return commerce.DateOf(t.In(location(c))) }

func location(c reconcile.Chart) *time.Location {
	if c.Location == nil {
		return time.UTC
	}
	return c.Location
}
