// Package nopshop lends a nopCommerce client the methods that a workflow asks of a shop:
// find and read orders in canonical words, record payments and refunds, remark, hold,
// suspect, ship, move return requests on.
//
//	client, err := nopcommerce.NewClient(nopcommerce.Config{…})
//	shop, err := nopshop.New(client, nopshop.Config{Account: "main", Currency: "EUR"})
//	ref, err := shop.Find(ctx, commerce.OrderHint{ID: "17"})
//	order, err := shop.Order(ctx, ref)
//
// # What an order asks for
//
// The shop states every amount in its primary store currency. Payment plugins charge in
// that one, or in the buyer's, and some cut the last unit off: [Config.Methods] says which,
// and the order's Stripe tender is then exactly what a right charge brings. A unit that
// was cut off is a tender of its own with the reference [Rounding]. What differs otherwise
// is never mended.
//
// Status numbers mean other things in each of the shop's three columns; [Statuses] has a
// table for each. A number that no table has makes the order commerce.OrderUnknown.
//
// # What is written
//
// A write is an [idempotency.Effect]. The shop knows no keys, so each write declares how
// it is guarded:
//
//   - [Shop.RecordPayment], [Shop.Hold] and [Shop.Unhold], [Shop.Suspect] and [Shop.Trust]
//     are guarded by the order's own state: read, act, read back. So is [Shop.Advance] by the
//     return request's.
//   - [Shop.RecordRefund] is guarded by the sum of what was refunded, since the shop only
//     knows how to add to it, and leaves a note that names the refund.
//   - [Shop.Restock] is blind: the shop tells one change of stock from two by nothing.
//   - [Shop.Note] and [Shop.Ship] are marked: the mark travels in the text of the very
//     note or shipment that is made, and finds it again.
//
// The shop knows neither a hold, nor a suspicion, nor a failed payment. A hold or a suspicion
// is a generic attribute of the order, which only readers of it obey, and a note for people; the last remark of
// each sort ("failed") is a generic attribute as well. Money never moves here, and nothing
// is ever voided.
//
// # What changes
//
// The shop sends no news and keeps no date of a change. [Shop.Changes], [Shop.Sweep] and
// [Shop.Returns] are feeds for an inbox that find it by reading: the first what is new, what
// is open and what administrators edited, once a minute; the second all the rest and
// deletions, once a day or a week; the third return requests:
//
//	changes, err := shop.Changes(nopshop.ChangesConfig{From: since})
//	sweep, err := shop.Sweep(nopshop.SweepConfig{Told: store})
//	in, err := inbox.New(store, inbox.Config{Handlers: …, Feeds: []inbox.FeedConfig{
//		{Name: "shop.changes", Feed: changes},
//		{Name: "shop.sweep", Feed: sweep},
//	}})
//
// Their events only say "look": the handler reads the order.
//
// [Shop.Documents] yields sales and refunds, which payouts are explained by.
//
// [Shop.Check] says what is wrong with the shop and the account; package connection runs it.
package nopshop

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/nopcommerce"
)

// System is Ref.System of everything that a Shop returns.
const System = "nopcommerce"

// Rounding is the reference of the tender that stands for the unit which a payment
// plugin cut off.
const Rounding = "rounding"

// Config says whose shop it is and how it is read. Currency is required.
type Config struct {
	// Currency is the primary store currency, in which the shop states every amount. No
	// endpoint tells it. Required.
	Currency commerce.Currency

	// Tenant is the host program's customer; empty where there is only one.
	Tenant string
	// Account is the shop's name in every ref, for ever: a program with two shops
	// names them apart. Defaults to "nopcommerce".
	Account string
	// Mode says whether the shop sells for real. Defaults to commerce.Live.
	Mode commerce.Mode

	// Statuses translates the shop's status columns; a nil table is that of
	// DefaultStatuses.
	Statuses Statuses
	// Methods says how payment methods charge, by their system name. One that is not
	// named charges in the primary store currency, as the shop's documentation says,
	// without cutting off, and is Stripe's where its name has "stripe" in it, else offline.
	Methods map[string]Method
	// CheckoutSKU is the SKU of checkout attributes that cost something (gift wrapping).
	// Defaults to "checkout-attributes".
	CheckoutSKU string
	// FeeSKU is the SKU of payment fees with tax; one without is the order's Fees.
	// Defaults to "payment-fee".
	FeeSKU string
	// Warehouse is the id of the warehouse that shipments take from. 0 leaves the stock
	// to the product.
	Warehouse nopcommerce.ID
	// TellCustomer makes the shop send its own mail when a shipment leaves.
	TellCustomer bool

	// PaidFor is how long after it was placed an order may be paid, for [Shop.Documents],
	// since the shop can not be asked by the date of payment. Defaults to 30 days.
	PaidFor time.Duration
	// RefundsFor is the same for refunds. Defaults to 365 days.
	RefundsFor time.Duration
	// Settle is how long a request may still take effect after we gave up on it: the
	// longest that the web server and the proxies before it allow. Defaults to 10 minutes.
	Settle time.Duration
	// Now is the clock by which sweeps are due. Defaults to time.Now.
	Now func() time.Time
	// Logger is told what was dropped in reading (a phone number that is none); ids
	// only. Defaults to silence.
	Logger *slog.Logger
}

// Charges says in which currency a payment plugin charges.
type Charges string

const (
	// Primary: order_total as it is, in the primary store currency.
	Primary Charges = ""
	// Customer: order_total times the order's currency_rate, in the buyer's currency.
	Customer Charges = "customer"
)

// Method says how a payment method charges.
type Method struct {
	// Tender is by what means it pays. Defaults to Stripe's where the method's name has
	// "stripe" in it, else to offline.
	Tender commerce.TenderKind
	// Charges is the currency. Defaults to Primary.
	Charges Charges
	// Truncates: the plugin cuts off what is below the smallest unit where others round.
	Truncates bool
}

// Metadata are the names under which payment plugins of nopCommerce say what a payment is
// for, besides our own. Give them to stripepay.Config.Metadata.
func Metadata() mapping.MetadataKeys {
	return mapping.MetadataKeys{ID: []string{"commerce_order", "OrderId", "OrderGuid"},
		Number: []string{"commerce_number", "CustomOrderNumber", "OrderNumber"}}
}

// Shop is one nopCommerce shop in canonical words. It is safe for concurrent use.
type Shop struct {
	client *nopcommerce.Client
	c      Config
	origin commerce.Ref // without an id
}

// New checks the config. An error is of kind invalid and names the field.
func New(client *nopcommerce.Client, c Config) (*Shop, error) {
	bad := func(format string, args ...any) (*Shop, error) {
		return nil, commerce.Errorf(commerce.KindInvalid, "nopshop", "new", format, args...)
	}
	if client == nil {
		return bad("client is nil")
	}
	if client.API() != nopcommerce.Official {
		e := commerce.Errorf(commerce.KindInvalid, "nopshop", "new", "client talks to the %s API, which tells neither addresses nor notes by id, and writes nothing", client.API())
		e.Code = nopcommerce.CodeNotOffered
		return nil, e
	}
	if !c.Currency.Valid() {
		return bad("Config.Currency is %q, which is no ISO 4217 currency", c.Currency)
	}
	c.Account = cmp.Or(c.Account, "nopcommerce")
	c.Mode = cmp.Or(c.Mode, commerce.Live)
	if c.Mode != commerce.Live && c.Mode != commerce.Test {
		return bad("Config.Mode is %q, not live or test", c.Mode)
	}
	c.Statuses = c.Statuses.withDefaults()
	if err := c.Statuses.check(); err != nil {
		return bad("Config.Statuses.%w", err)
	}
	for name, m := range c.Methods {
		switch m.Tender {
		case "", commerce.TenderStripe, commerce.TenderGiftCard, commerce.TenderStoreCredit, commerce.TenderPoints, commerce.TenderOffline:
		default:
			return bad("Config.Methods[%q].Tender is %q, which is no kind of tender", name, m.Tender)
		}
		if m.Charges != Primary && m.Charges != Customer {
			return bad("Config.Methods[%q].Charges is %q, not empty or customer", name, m.Charges)
		}
	}
	if c.Settle < 0 || c.Warehouse < 0 || c.PaidFor < 0 || c.RefundsFor < 0 {
		return bad("Config.Settle, Config.Warehouse, Config.PaidFor and Config.RefundsFor must not be negative")
	}
	c.Methods = maps.Clone(c.Methods)
	c.CheckoutSKU, c.FeeSKU = cmp.Or(c.CheckoutSKU, "checkout-attributes"), cmp.Or(c.FeeSKU, "payment-fee")
	c.Settle = cmp.Or(c.Settle, 10*time.Minute)
	c.PaidFor, c.RefundsFor = cmp.Or(c.PaidFor, 30*24*time.Hour), cmp.Or(c.RefundsFor, 365*24*time.Hour)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Shop{client: client, c: c,
		origin: commerce.Ref{Tenant: c.Tenant, System: System, Account: c.Account, Mode: c.Mode}}, nil
}

func (s *Shop) method(name string) Method {
	m := s.c.Methods[name]
	if m.Tender == "" {
		m.Tender = commerce.TenderOffline
		if strings.Contains(strings.ToLower(name), "stripe") {
			m.Tender = commerce.TenderStripe
		}
	}
	return m
}

// System is the source of the shop's events; see the constant.
func (s *Shop) System() string { return System }

const orderPrefix = "order/"

// Origin names the shop: it is the ref of each of its orders, without the id.
func (s *Shop) Origin() commerce.Ref { return s.origin }

// Ref returns the ref of the order with an id.
func (s *Shop) Ref(id nopcommerce.ID) commerce.Ref { return s.origin.With(orderPrefix + id.String()) }

// Find returns the order that a hint means: by id or GUID where ID holds one, else by
// number. An order that has the id and another number or store than the hint is of kind
// needs_decision, code "other_order": the hint is of another shop, and no repetition
// changes that. Deleted orders are found; they are canceled.
func (s *Shop) Find(ctx context.Context, hint commerce.OrderHint) (commerce.Ref, error) {
	const op = "find order"
	var store nopcommerce.ID
	var err error
	if hint.Store != "" {
		if store, err = nopcommerce.ParseID(hint.Store); err != nil {
			return commerce.Ref{}, err
		}
	}
	var o nopcommerce.Order
	switch key := strings.TrimPrefix(hint.ID, orderPrefix); {
	case isGUID(key):
		o, err = s.client.Orders.ByGUID(ctx, key)
	case key != "":
		var id nopcommerce.ID
		if id, err = nopcommerce.ParseID(key); err == nil {
			o, err = s.client.Orders.Get(ctx, id)
		}
	case hint.Number != "":
		o, err = s.client.Orders.ByNumber(ctx, hint.Number)
	default:
		err = commerce.Errorf(commerce.KindInvalid, System, op, "the hint names neither id nor number")
	}
	if err != nil {
		return commerce.Ref{}, err
	}
	// The number is written just after the order, so that it may be empty for a moment.
	if hint.Number != "" && o.CustomOrderNumber != "" && hint.Number != o.CustomOrderNumber || store != 0 && store != o.StoreID {
		return commerce.Ref{}, refused(commerce.KindNeedsDecision, op, "other_order",
			"order %d has number %s in store %d, the hint says %q in store %q", o.ID, o.CustomOrderNumber, o.StoreID, hint.Number, hint.Store)
	}
	return s.Ref(o.ID), nil
}

// isGUID reports whether a text is like 0a7d1c8a-6a0b-4f53-8f1e-0c3e6f0a2b22.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range s {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (c == '-') || !dash && !strings.ContainsRune("0123456789abcdefABCDEF", c) {
			return false
		}
	}
	return true
}

// Order reads an order with lines, taxes, tenders and what was recorded as paid. What can
// not be said in canonical words is an error of kind mapping around a *mapping.Fault, with
// the order's Ref, Number and Placed beside it.
func (s *Shop) Order(ctx context.Context, ref commerce.Ref) (commerce.Order, error) {
	id, err := s.id("read order", ref)
	if err != nil {
		return commerce.Order{}, err
	}
	all, err := s.read(ctx, id)
	if err != nil {
		return commerce.Order{}, err
	}
	r := reader{shop: s, rows: all, o: all.order, document: "nopcommerce order " + id.String()}
	out, err := r.read()
	if err != nil {
		o := all.order
		return commerce.Order{Ref: ref, Number: cmp.Or(o.CustomOrderNumber, o.ID.String()), Placed: o.CreatedOn.Time}, err
	}
	for _, note := range r.notes {
		s.c.Logger.InfoContext(ctx, "nopcommerce order: "+note, "order", ref.ID)
	}
	return out, nil
}

// read collects the rows of an order. The order is read last: it then shows at least what
// its lines and attributes show.
func (s *Shop) read(ctx context.Context, id nopcommerce.ID) (all rows, err error) {
	if all.lines, err = s.client.Items.Lines(ctx, id); err != nil {
		return all, err
	}
	if all.attributes, err = s.attributes(ctx, id); err != nil {
		return all, err
	}
	if all.order, err = s.client.Orders.Get(ctx, id); err != nil {
		return all, err
	}
	o := all.order
	if all.shipped, err = s.shippedOf(ctx, o, all.lines); err != nil {
		return all, err
	}
	if all.billing, all.email, err = s.address(ctx, o.BillingAddressID); err != nil {
		return all, err
	}
	if to := cmp.Or(o.ShippingAddressID, o.PickupAddressID); to != 0 {
		a, _, err := s.address(ctx, to)
		if err != nil {
			return all, err
		}
		all.shipping = &a
	}
	switch c, err := s.client.Customers.Get(ctx, o.CustomerID); {
	case err == nil:
		all.customer = &c
	case !errors.Is(err, commerce.ErrNotFound):
		return all, err
	}
	return all, nil
}

// id returns the id in a ref, which must be of an order of this shop.
func (s *Shop) id(op string, ref commerce.Ref) (nopcommerce.ID, error) {
	if digits, ok := strings.CutPrefix(ref.ID, orderPrefix); ok && ref.With("") == s.origin {
		return nopcommerce.ParseID(digits)
	}
	e := commerce.Errorf(commerce.KindInvalid, System, op, "%s is no order of the shop %s", ref, s.origin)
	e.Outcome = commerce.NotSent
	return 0, e
}
