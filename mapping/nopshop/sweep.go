package nopshop

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/resilience"
)

// SweepConfig says what [Shop.Sweep] reads. The zero value reads all orders once a week,
// and finds no deletions.
type SweepConfig struct {
	// Newest limits the sweep to orders that were placed so long ago at most. Defaults to
	// all orders. A shop of many years has two sweeps: a month's every day, and all every
	// week.
	Newest time.Duration

	// Every is how long after the beginning of a round the next one begins, however often
	// the program starts: the cursor remembers. Defaults to 7 days, with Newest to one.
	Every time.Duration

	// Told is the inbox's store, which remembers what was told. What it has and the shop
	// has not is deleted. Nil finds no deletions.
	Told inbox.Told

	// MaxDeleted bounds the orders that a round finds gone without a trace, those of
	// earlier rounds among them, so that the address of another shop or a backup that was
	// played back is not taken for a clearance; those that the shop itself flags as deleted
	// do not count. Reaching it is an error of kind limit. Defaults to 1,000.
	MaxDeleted int

	// Details reads of each order also its lines, its parcels and its addresses, and tells
	// when one of them is another than before: four requests an order and one for each
	// parcel. Without, what administrators change there is told by [Changes], and what
	// plugins and APIs change there is not. Defaults to false.
	Details bool

	// Parallel is how many orders' details are read at once. Defaults to 4.
	Parallel int
}

// Sweep is the slow feed of an inbox behind [Changes]: its hash of an order is the same, so
// that only what Changes missed is news: a change of an order that is long settled, an order
// that came into sight later than Lag, and a deletion.
//
// A round reads orders from the newest to the oldest. Then it reads by id, a hundred at a
// time, the orders that were told, in the order of their numbers, for the shop's lists have
// none; one that is not there, or is flagged, is read once more by itself before it is told
// as [OrderDeleted]. Both go on where they were cut off, at any page, have the priority of
// resilience.WithBackfill, and are worked after what other feeds tell.
type Sweep struct {
	shop *Shop
	c    SweepConfig
}

var (
	_ inbox.Feed      = (*Sweep)(nil)
	_ inbox.Completer = (*Sweep)(nil)
)

const sweepVersion = "nopshop.sweep/1"

// Sweep returns the feed that reads all again. An error is of kind invalid and names the
// field.
func (s *Shop) Sweep(c SweepConfig) (*Sweep, error) {
	if err := positive("SweepConfig", map[string]time.Duration{"Newest": c.Newest, "Every": c.Every}); err != nil {
		return nil, err
	}
	if c.MaxDeleted < 0 || c.Parallel < 0 {
		return nil, commerce.Errorf(commerce.KindInvalid, "nopshop", "new feed", "SweepConfig.MaxDeleted and SweepConfig.Parallel must not be negative")
	}
	every := 7 * 24 * time.Hour
	if c.Newest > 0 {
		every = 24 * time.Hour
	}
	c.Every, c.MaxDeleted, c.Parallel = cmp.Or(c.Every, every), cmp.Or(c.MaxDeleted, 1000), cmp.Or(c.Parallel, 4)
	return &Sweep{s, c}, nil
}

// round is where a sweep stands.
type round struct {
	Version  string         `json:"v"`
	Began    time.Time      `json:"began,omitzero"`    // by the shop's clock; zero = no round is under way
	At       time.Time      `json:"at,omitzero"`       // what is newer is read; zero = all of it is
	Low      nopcommerce.ID `json:"low,omitempty"`     // the lowest id that it read
	LastLow  nopcommerce.ID `json:"lastLow,omitempty"` // and the round before it
	After    string         `json:"after,omitempty"`   // orders that were told up to this one are looked for
	Deleted  int            `json:"deleted,omitempty"` // gone without a trace
	Complete time.Time      `json:"complete,omitzero"` // when the last whole round began, by the shop's clock
	Due      time.Time      `json:"due,omitzero"`      // when the next one begins, by ours
}

// CompleteTo implements inbox.Completer: every change that was made before, to an order that
// the sweep reads, is told.
func (f *Sweep) CompleteTo(cursor string) time.Time {
	var at round
	if readCursor("", cursor, sweepVersion, &at) != nil {
		return time.Time{}
	}
	return at.Complete
}

// Changes implements inbox.Feed. A cursor that is not one of its own is an error of kind
// invalid that says what to do.
func (f *Sweep) Changes(ctx context.Context, cursor string) iter.Seq2[inbox.Change, error] {
	return func(yield func(inbox.Change, error) bool) {
		const op = "sweep orders"
		p := &sweepPoll{Sweep: f, dates: dates{op: op}, at: round{Version: sweepVersion}}
		p.teller = teller{yield: yield, text: cursor, cursor: func() string { return text(p.at) }}
		if err := readCursor(op, cursor, sweepVersion, &p.at); err != nil {
			p.end(err)
			return
		}
		p.end(p.run(resilience.WithBackfill(p.watch(ctx))))
	}
}

// sweepPoll is one poll of Sweep.
type sweepPoll struct {
	*Sweep
	teller
	dates
	at round
}

func (p *sweepPoll) run(ctx context.Context) error {
	if p.at.Began.IsZero() {
		now := p.shop.c.Now()
		if now.Before(p.at.Due) {
			return nil
		}
		clock, err := p.shop.clock(ctx, &p.dates)
		if err != nil {
			return err
		}
		p.at.Began = clock.Add(-defaultLag)
		p.at.At, p.at.Due = p.at.Began, now.Add(p.c.Every).UTC().Truncate(time.Second)
	}
	if !p.at.At.IsZero() {
		if err := p.walk(ctx); err != nil {
			return err
		}
	}
	if p.c.Told != nil {
		if err := p.deleted(ctx); err != nil {
			return err
		}
	}
	p.at = round{Version: sweepVersion, LastLow: p.at.Low, Complete: p.at.Began, Due: p.at.Due}
	return p.move()
}

// walk reads the orders of the round.
func (p *sweepPoll) walk(ctx context.Context) error {
	search := nopcommerce.OrderParams{CreatedTo: p.at.At}
	if p.c.Newest > 0 {
		search.CreatedFrom = p.at.Began.Add(-p.c.Newest)
	}
	var page []nopcommerce.Order
	for o, err := range p.shop.client.Orders.List(ctx, search) {
		if err != nil {
			return err
		}
		if err := p.check(); err != nil {
			return err
		}
		if page = append(page, o); len(page) < each {
			continue
		}
		if err := p.orders(ctx, page); err != nil {
			return err
		}
		page = page[:0]
	}
	if err := p.orders(ctx, page); err != nil {
		return err
	}
	p.at.At = time.Time{}
	if p.c.Newest > 0 { // what is older is no concern of this sweep
		p.at.After = p.lowest()
	}
	return p.move()
}

// orders tells of a page.
func (p *sweepPoll) orders(ctx context.Context, page []nopcommerce.Order) error {
	hashes, err := p.details(ctx, page)
	if err != nil {
		return err
	}
	for i, o := range page {
		if err := p.late(p.shop.orderChange(o)); err != nil {
			return err
		}
		if p.c.Details {
			c := p.shop.news(OrderChanged, detailPrefix+o.ID.String(), o.ID, o.CustomerID, o.CreatedOn.Time, orderNews{ID: o.ID, Created: o.CreatedOn})
			c.Hash = hashes[i]
			if err := p.late(c); err != nil {
				return err
			}
		}
		if up := o.CreatedOn.Truncate(time.Second).Add(time.Second); up.Before(p.at.At) {
			p.at.At = up
		}
		if p.at.Low == 0 || o.ID < p.at.Low {
			p.at.Low = o.ID
		}
	}
	return nil
}

// late tells what should have been told by Changes.
func (p *sweepPoll) late(c inbox.Change) error {
	c.Repair = true
	return p.tell(c)
}

// details reads what hangs on the orders of a page, some at a time, and returns a hash of
// each.
func (p *sweepPoll) details(ctx context.Context, page []nopcommerce.Order) ([]string, error) {
	hashes, errs := make([]string, len(page)), make([]error, len(page))
	if !p.c.Details {
		return hashes, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ctx = nopcommerce.WithDates(ctx, func(time.Time) {}) // those of the walk are watched, one after the other
	var all sync.WaitGroup
	turn := make(chan struct{}, p.c.Parallel)
	for i, o := range page {
		turn <- struct{}{}
		all.Go(func() {
			defer func() { <-turn }()
			if hashes[i], errs[i] = p.shop.detailHash(ctx, o); errs[i] != nil {
				cancel() // the page is read again as a whole
			}
		})
	}
	all.Wait()
	return hashes, firstOf(errs)
}

// firstOf returns the error that made the others give up.
func firstOf(errs []error) (first error) {
	for _, err := range errs {
		if err != nil && (first == nil || errors.Is(first, context.Canceled) && !errors.Is(err, context.Canceled)) {
			first = err
		}
	}
	return first
}

// detailHash is of an order's lines, parcels and addresses: of their ids, quantities,
// amounts and texts.
func (s *Shop) detailHash(ctx context.Context, o nopcommerce.Order) (string, error) {
	var content []any
	lines, err := s.client.Items.List(ctx, o.ID)
	if err != nil {
		return "", err
	}
	for _, l := range lines {
		content = append(content, []any{"line", l.ID, l.ProductID, l.Quantity, l.AttributesXML, values([]nopcommerce.Number{l.UnitPriceInclTax, l.UnitPriceExclTax,
			l.PriceInclTax, l.PriceExclTax, l.DiscountInclTax, l.DiscountExclTax})})
	}
	err = s.shipments(ctx, o.ID, func(sh nopcommerce.Shipment, items []nopcommerce.ShipmentItem) {
		content = append(content, []any{"parcel", sh.ID, sh.TrackingNumber, sh.ShippedDate, sh.DeliveryDate})
		for _, i := range items {
			content = append(content, []any{i.OrderItemID, i.Quantity})
		}
	})
	if err != nil {
		return "", err
	}
	for _, id := range []nopcommerce.ID{o.BillingAddressID, o.ShippingAddressID} {
		if id == 0 {
			continue
		}
		a, err := s.client.Addresses.Get(ctx, id)
		if err != nil && !errors.Is(err, commerce.ErrNotFound) {
			return "", err
		}
		content = append(content, []any{"address", id, a.FirstName, a.LastName, a.Email, a.Company, a.CountryID, a.StateProvinceID, a.County, a.City,
			a.Address1, a.Address2, a.ZipPostalCode, a.PhoneNumber})
	}
	return digest(content), nil
}

// lowest returns the id behind which a sweep of the newest looks for deletions: from the lowest that
// this round or the one before it read.
func (p *sweepPoll) lowest() string {
	low := p.at.Low
	if p.at.LastLow != 0 && (low == 0 || p.at.LastLow < low) {
		low = p.at.LastLow
	}
	if low <= 1 {
		return ""
	}
	return orderPrefix + (low - 1).String()
}

// deleted looks for the orders that were told, in the order of their numbers.
func (p *sweepPoll) deleted(ctx context.Context) error {
	for {
		told, err := p.c.Told.Told(ctx, p.shop.origin.With(orderPrefix), p.at.After, each)
		if err != nil {
			return err
		}
		var ids []nopcommerce.ID
		for _, ref := range told {
			id, err := nopcommerce.ParseID(strings.TrimPrefix(ref, orderPrefix))
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		err = p.shop.many(ctx, ids, func(id nopcommerce.ID, o nopcommerce.Order, found bool) error {
			if err := p.check(); err != nil || found {
				return err
			}
			if o.ID == 0 {
				if p.at.Deleted++; p.at.Deleted > p.c.MaxDeleted {
					return commerce.Errorf(commerce.KindLimit, System, p.op,
						"SweepConfig.MaxDeleted (%d) orders that were told are not in the shop; if it is the right shop and they were deleted, raise it", p.c.MaxDeleted)
				}
			}
			return p.late(p.shop.orderGone(id, o))
		})
		if err != nil {
			return err
		}
		if len(told) < each {
			return nil
		}
		p.at.After = told[len(told)-1]
		if err := p.move(); err != nil {
			return err
		}
	}
}
