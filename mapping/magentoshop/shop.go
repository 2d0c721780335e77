// Package magentoshop lends a Magento client the methods that a workflow asks of a
// shop: find and read orders in canonical words, record payments and refunds, remark,
// hold, suspect, ship, move returns on.
//
//	client, err := magento.NewClient(magento.Config{…})
//	shop, err := magentoshop.New(client, magentoshop.Config{Account: "main"})
//	ref, err := shop.Find(ctx, commerce.OrderHint{Number: "2000000003", Store: "2"})
//	order, err := shop.Order(ctx, ref)
//
// An order is read with its rows folded, its taxes by rate and every total proved
// (package mapping); one that can not be said is a *mapping.Fault.
//
// A write is an [idempotency.Effect]. Magento knows no keys, so each write declares
// how it is guarded:
//
//   - [Shop.RecordPayment], [Shop.Hold] and [Shop.Unhold], [Shop.Suspect] and [Shop.Trust]
//     are guarded by the order's own state: read, act, read back. So is [Shop.Advance] by
//     the return's.
//   - [Shop.Note], [Shop.Ship] and [Shop.RecordRefund] are marked: the mark travels in the
//     text of the very comment, shipment or credit memo that is made, and finds it again.
//
// A refund is booked by rows, shipping and an adjustment ([Shop.RecordRefund]). Magento
// rounds by itself: what rows and shipping will come to is computed as Magento does it, and
// the adjustment makes up for the rest, so that the credit memo comes to what went back, as
// far as the website's base currency can say it. [Shop.RefundDocuments] reads all credit
// memos of an order in the same words.
//
// What changes in the shop reaches an inbox by feeds, as the shop itself sends
// nothing: [Shop.Changes] for what is new, changed or open, [Shop.Sweep] for what that can
// not see and for deletions, [Shop.Returns] for returns. Adobe Commerce can also push:
// [Shop.Events], [Shop.Webhook].
//
//	changes, err := shop.Changes(magentoshop.ChangesConfig{})
//	all, err := shop.Sweep(magentoshop.SweepConfig{Told: store})
//	in, err := inbox.New(store, inbox.Config{Feeds: []inbox.FeedConfig{
//		{Name: "orders", Feed: changes}, {Name: "orders-sweep", Feed: all}}})
//
// [Shop.Documents] yields paid invoices and credit memos, which payouts are explained by.
//
// [Shop.Check] says what is wrong with the shop, the integration's rights and the store
// views; package connection runs it.
//
// Money never moves here: invoices are made with capture off, for money that the
// processor already has, and credit memos by the route that asks no gateway.
package magentoshop

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/mapping"
)

// System is Ref.System of everything that a Shop returns.
const System = "magento"

// Config says whose shop it is and how it is read. The zero value works for a shop
// that is live and alone.
type Config struct {
	// Tenant is the host program's customer; empty where there is only one.
	Tenant string
	// Account is the shop's name in every ref, for ever: a program with two shops
	// names them apart. Defaults to "magento".
	Account string
	// Mode says whether the shop sells for real. Defaults to commerce.Live.
	Mode commerce.Mode

	// States translates the shop's states. Defaults to mapping.MagentoOrderStates.
	States mapping.OrderStates
	// Tenders says by what means an order with a payment method is paid. Methods that
	// are not named are Stripe's where they start with "stripe_", else offline.
	Tenders map[string]commerce.TenderKind
	// Websites names the website of each store view by its id. A store that is not
	// named has the website that Magento wrote on the order (first line of store_name).
	Websites map[string]string
	// Bundles says how bundles are shipped, by the bundle's SKU: REST does not tell.
	// Those that are not named are taken as BundleSeparate where their price is made
	// up of the parts, else as BundleTogether.
	Bundles map[string]BundleShipping
	// Carriers turns a carrier's name on a parcel into the shop's carrier code.
	// Those that are not named are "custom".
	Carriers map[string]string
	// Source is the code of the stock source that shipments take from. Empty leaves
	// the choice to the shop.
	Source string

	// Settle is how long a request may still take effect after we gave up on it: the
	// longest that PHP and the proxies before it allow. Defaults to 10 minutes, which
	// is what Magento's sample configuration for nginx allows.
	Settle time.Duration
	// MaxShipments bounds how many shipments of one order are looked through for a
	// mark. Defaults to 1,000; reaching it is an error of kind limit.
	MaxShipments int
	// Now is the clock by which a sweep is due. What was told when is by the shop's own.
	// Defaults to time.Now.
	Now func() time.Time
	// Logger is told what was dropped in reading (a phone number that is none); ids
	// only. Defaults to silence.
	Logger *slog.Logger
}

// BundleShipping says how the parts of a bundle leave the shop.
type BundleShipping string

const (
	// BundleTogether: the shop records whole bundles, by the bundle's row.
	BundleTogether BundleShipping = "together"
	// BundleSeparate: the shop records each part by its own row.
	BundleSeparate BundleShipping = "separate"
)

// Shop is one Magento shop in canonical words. It is safe for concurrent use.
type Shop struct {
	client *magento.Client
	c      Config
	origin commerce.Ref // without an id
}

// New checks the config. An error is of kind invalid and names the field.
func New(client *magento.Client, c Config) (*Shop, error) {
	bad := func(format string, args ...any) (*Shop, error) {
		return nil, commerce.Errorf(commerce.KindInvalid, "magentoshop", "new", format, args...)
	}
	if client == nil {
		return bad("client is nil")
	}
	c.Account = cmp.Or(c.Account, "magento")
	c.Mode = cmp.Or(c.Mode, commerce.Live)
	if c.Mode != commerce.Live && c.Mode != commerce.Test {
		return bad("Config.Mode is %q, not live or test", c.Mode)
	}
	for sku, how := range c.Bundles {
		if how != BundleTogether && how != BundleSeparate {
			return bad("Config.Bundles[%q] is %q, not together or separate", sku, how)
		}
	}
	for method, kind := range c.Tenders {
		switch kind {
		case commerce.TenderStripe, commerce.TenderGiftCard, commerce.TenderStoreCredit, commerce.TenderPoints, commerce.TenderOffline:
		default:
			return bad("Config.Tenders[%q] is %q, which is no kind of tender", method, kind)
		}
	}
	if c.Settle < 0 || c.MaxShipments < 0 {
		return bad("Config.Settle and Config.MaxShipments must not be negative")
	}
	if c.States == nil {
		c.States = mapping.MagentoOrderStates()
	}
	c.States = maps.Clone(c.States)
	c.Settle = cmp.Or(c.Settle, 10*time.Minute)
	c.MaxShipments = cmp.Or(c.MaxShipments, 1000)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Shop{client: client, c: c,
		origin: commerce.Ref{Tenant: c.Tenant, System: System, Account: c.Account, Mode: c.Mode}}, nil
}

// System is the source of the shop's events; see the constant.
func (s *Shop) System() string { return System }

const orderPrefix = "order/"

// Origin names the shop: it is the ref of each of its orders, without the id.
func (s *Shop) Origin() commerce.Ref { return s.origin }

// Ref returns the ref of the order with an entity id.
func (s *Shop) Ref(id magento.ID) commerce.Ref { return s.origin.With(orderPrefix + id.String()) }

// Find returns the order that a hint means: by entity id where it has one, else by
// number and store. An order that has the id and another number or store than the
// hint is of kind needs_decision, code "other_order": the hint is of another shop, and
// no repetition changes that. Kind not found;
// kind ambiguous where two stores have the number and the hint names none.
func (s *Shop) Find(ctx context.Context, hint commerce.OrderHint) (commerce.Ref, error) {
	const op = "find order"
	var store magento.ID
	var err error
	if hint.Store != "" {
		if store, err = magento.ParseID(hint.Store); err != nil {
			return commerce.Ref{}, err
		}
	}
	switch {
	case hint.ID != "":
		id, err := magento.ParseID(strings.TrimPrefix(hint.ID, orderPrefix))
		if err != nil {
			return commerce.Ref{}, err
		}
		o, err := s.client.Orders.Get(ctx, id)
		if err != nil {
			return commerce.Ref{}, err
		}
		if hint.Number != "" && hint.Number != o.IncrementID || store != 0 && store != o.StoreID {
			return commerce.Ref{}, refused(commerce.KindNeedsDecision, op, "other_order",
				"order %d has number %s in store %d, the hint says %q in store %q", id, o.IncrementID, o.StoreID, hint.Number, hint.Store)
		}
		return s.Ref(id), nil
	case hint.Number != "":
		o, err := s.client.Orders.FindByIncrementID(ctx, hint.Number, store)
		if err != nil {
			return commerce.Ref{}, err
		}
		return s.Ref(o.EntityID), nil
	}
	return commerce.Ref{}, commerce.Errorf(commerce.KindInvalid, System, op, "the hint names neither id nor number")
}

// Order reads an order with lines, taxes, tenders and what was recorded as paid.
// What can not be said in canonical words is an error of kind mapping around a
// *mapping.Fault, with the order's Ref, Number and Placed beside it.
func (s *Shop) Order(ctx context.Context, ref commerce.Ref) (commerce.Order, error) {
	id, err := s.id("read order", ref)
	if err != nil {
		return commerce.Order{}, err
	}
	o, err := s.client.Orders.Get(ctx, id)
	if err != nil {
		return commerce.Order{}, err
	}
	return s.Canonical(ctx, o)
}

// id returns the entity id in a ref, which must be of an order of this shop.
func (s *Shop) id(op string, ref commerce.Ref) (magento.ID, error) {
	if digits, ok := strings.CutPrefix(ref.ID, orderPrefix); ok && ref.With("") == s.origin {
		return magento.ParseID(digits)
	}
	e := commerce.Errorf(commerce.KindInvalid, System, op, "%s is no order of the shop %s", ref, s.origin)
	e.Outcome = commerce.NotSent
	return 0, e
}
