package nopshop

import (
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

// SweepConfig says what [Shop.Sweep] reads, and how often. Told is required.
type SweepConfig struct {
	// Told knows which orders were told, so that those are found that are deleted: the
	// inbox's store. Required.
	Told inbox.Told

	// Days is how many days of orders a short round reads. Defaults to 30.
	Days int

	// Every is how long after the end of a round the next short one begins. Defaults to 24
	// hours.
	Every time.Duration

	// EveryAll is how long after the end of a round of all orders the next such one
	// begins; the first round is one. Defaults to 7 days.
	EveryAll time.Duration

	// From is the date of the first order that any round reads. Defaults to the first.
	From time.Time

	// Lag is ChangesConfig.Lag. Defaults to 15 seconds.
	Lag time.Duration

	// Details reads of each order also its lines, its parcels and its addresses, and tells
	// when one of them is another than before: four requests an order and one for each
	// parcel. Without, what administrators change there is told by ChangesConfig's log, and
	// what plugins and APIs change there is not. Defaults to false.
	Details bool

	// Parallel is how many orders' details are read at once. Defaults to 4.
	Parallel int

	// Now is the clock of the schedule. Defaults to time.Now.
	Now func() time.Time
}

// Sweep is the feed that finds what the changes feed can not: changes of orders that are long
// settled, orders that came into sight later than ChangesConfig.Lag, and deletions. Its
// FeedConfig has Repair set, and any Every: what is due stands in the cursor, and where
// nothing is, a poll asks nothing.
//
// A round reads orders from the newest to the oldest: those of the last days, or all. Then
// it reads by id, a hundred at a time, the orders that were told, in the order of their
// numbers; one that is not there, or is flagged, is read once more by itself before it is
// told as [OrderDeleted]. Both go on where they were cut off, at any page, and both wait for
// live calls (resilience.WithBackfill).
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
	bad := func(what string) (*Sweep, error) {
		return nil, commerce.Errorf(commerce.KindInvalid, "nopshop", "new feed", "SweepConfig.%s", what)
	}
	if err := positive("SweepConfig", map[string]time.Duration{"Every": c.Every, "EveryAll": c.EveryAll, "Lag": c.Lag}); err != nil {
		return nil, err
	}
	switch {
	case c.Told == nil:
		return bad("Told is missing")
	case c.Days < 0:
		return bad("Days must not be negative")
	case c.Parallel < 0:
		return bad("Parallel must not be negative")
	}
	orDefault(&c.Days, 30)
	orDefault(&c.Every, 24*time.Hour)
	orDefault(&c.EveryAll, 7*24*time.Hour)
	orDefault(&c.Lag, 15*time.Second)
	orDefault(&c.Parallel, 4)
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Sweep{s, c}, nil
}

// round is where a sweep stands.
type round struct {
	Version  string         `json:"v"`
	To       time.Time      `json:"to,omitzero"`       // the bound of the round under way; zero = none is
	From     time.Time      `json:"from,omitzero"`     // its first order's date; zero = all
	At       time.Time      `json:"at,omitzero"`       // what is newer is read; zero = all of it is
	All      bool           `json:"all,omitempty"`     // it is of all orders
	Low      nopcommerce.ID `json:"low,omitempty"`     // the lowest id that it read
	LastLow  nopcommerce.ID `json:"lastLow,omitempty"` // and the one before it
	After    string         `json:"after,omitempty"`   // orders that were told up to this one are looked for
	Ended    time.Time      `json:"ended,omitzero"`    // by SweepConfig.Now
	EndedAll time.Time      `json:"endedAll,omitzero"`
	Complete time.Time      `json:"complete,omitzero"` // all that changed before is told
}

// CompleteTo implements inbox.Completer: what the last round of all orders told.
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
	if p.at.To.IsZero() {
		now := p.c.Now()
		all := !now.Before(p.at.EndedAll.Add(p.c.EveryAll)) // also where none ever ended
		if !all && now.Before(p.at.Ended.Add(p.c.Every)) {
			return nil
		}
		if err := p.begin(ctx, all); err != nil {
			return err
		}
	}
	if !p.at.At.IsZero() {
		if err := p.walk(ctx); err != nil {
			return err
		}
	}
	if err := p.deleted(ctx); err != nil {
		return err
	}
	p.at.Ended = p.c.Now()
	if p.at.All {
		p.at.EndedAll, p.at.Complete = p.at.Ended, p.at.To
	}
	p.at = round{Version: sweepVersion, LastLow: p.at.Low, Ended: p.at.Ended, EndedAll: p.at.EndedAll, Complete: p.at.Complete}
	return p.move()
}

// begin takes the bounds of a round.
func (p *sweepPoll) begin(ctx context.Context, all bool) error {
	now, err := p.shop.clock(ctx, &p.dates)
	if err != nil {
		return err
	}
	p.at.To = now.Add(-p.c.Lag)
	p.at.At, p.at.All, p.at.From = p.at.To, all, p.c.From
	if days := p.at.To.AddDate(0, 0, -p.c.Days); !all && days.After(p.at.From) {
		p.at.From = days
	}
	return p.move()
}

// walk reads the orders of the round.
func (p *sweepPoll) walk(ctx context.Context) error {
	var page []nopcommerce.Order
	for o, err := range p.shop.client.Orders.List(ctx, nopcommerce.OrderParams{CreatedFrom: p.at.From, CreatedTo: p.at.At}) {
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
	if !p.at.All { // what is older than the days was not looked for
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
		if err := p.tell(p.shop.orderChange(o)); err != nil {
			return err
		}
		if p.c.Details {
			c := p.shop.news(OrderChanged, detailPrefix+o.ID.String(), o.ID, o.CustomerID, o.CreatedOn.Time, orderNews{ID: o.ID, Created: o.CreatedOn})
			c.Hash = hashes[i]
			if err := p.tell(c); err != nil {
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

// lowest returns the id behind which a short round looks for deletions: from the lowest that
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
			return p.tell(p.shop.orderGone(id, o))
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
