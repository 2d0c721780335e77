package nopshop

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/nopcommerce"
)

// ReturnsConfig says what [Shop.Returns] reads. The zero value works.
type ReturnsConfig struct {
	// From is where the first walk begins, by the date of a return request. Open ones are
	// read whatever their age. Defaults to the first.
	From time.Time

	// Lag is ChangesConfig.Lag. Defaults to 15 seconds.
	Lag time.Duration

	// Overlap is ChangesConfig.Overlap. Defaults to 10 minutes.
	Overlap time.Duration

	// Open are the statuses in which a return request is read again by every poll, one
	// request each. Defaults to Pending, Received and ReturnAuthorized.
	Open []nopcommerce.ReturnStatus

	// MaxOpen bounds the return requests that are open; reaching it is an error of kind
	// limit. Defaults to 10,000.
	MaxOpen int
}

// Returns is the feed of return requests, for an inbox. The shop searches them by their date
// of creation only, so that a poll reads the new ones, the open ones, and by id those that
// were open and no longer are. A request that was ended and is opened again is told with its
// next change. It is a ticket: what moves money and goods are other acts. The subject of its
// news is the order, which is looked up once for each line; where the line is gone, it is the
// return request itself.
type Returns struct {
	shop *Shop
	c    ReturnsConfig

	mu     sync.Mutex
	orders map[nopcommerce.ID]nopcommerce.ID // by line; at most keptLines
}

// keptLines is of how many lines the order is remembered.
const keptLines = 10_000

var (
	_ inbox.Feed      = (*Returns)(nil)
	_ inbox.Completer = (*Returns)(nil)
)

const returnsVersion = "nopshop.returns/1"

// Returns returns the feed of return requests. An error is of kind invalid and names the
// field.
func (s *Shop) Returns(c ReturnsConfig) (*Returns, error) {
	if err := positive("ReturnsConfig", map[string]time.Duration{"Lag": c.Lag, "Overlap": c.Overlap}); err != nil {
		return nil, err
	}
	if c.MaxOpen < 0 {
		return nil, commerce.Errorf(commerce.KindInvalid, "nopshop", "new feed", "ReturnsConfig.MaxOpen must not be negative")
	}
	orDefault(&c.Lag, defaultLag)
	orDefault(&c.Overlap, 10*time.Minute)
	orDefault(&c.MaxOpen, 10_000)
	if c.Open = slices.Clone(c.Open); c.Open == nil {
		c.Open = []nopcommerce.ReturnStatus{nopcommerce.ReturnPending, nopcommerce.ReturnReceived, nopcommerce.ReturnAuthorized}
	}
	return &Returns{shop: s, c: c, orders: map[nopcommerce.ID]nopcommerce.ID{}}, nil
}

// CompleteTo implements inbox.Completer.
func (f *Returns) CompleteTo(cursor string) time.Time {
	var at walk
	if readCursor("", cursor, returnsVersion, &at) != nil {
		return time.Time{}
	}
	return at.Complete
}

// Changes implements inbox.Feed. A cursor that is not one of its own is an error of kind
// invalid that says what to do.
func (f *Returns) Changes(ctx context.Context, cursor string) iter.Seq2[inbox.Change, error] {
	return func(yield func(inbox.Change, error) bool) {
		const op = "read return requests"
		p := &returnsPoll{Returns: f, dates: dates{op: op}, at: walk{Version: returnsVersion}, seen: map[nopcommerce.ID]bool{}}
		p.teller = teller{yield: yield, text: cursor, cursor: func() string { return text(p.at) }}
		if err := readCursor(op, cursor, returnsVersion, &p.at); err != nil {
			p.end(err)
			return
		}
		p.end(p.run(p.watch(ctx)))
	}
}

// returnsPoll is one poll of Returns.
type returnsPoll struct {
	*Returns
	teller
	dates
	at   walk
	seen map[nopcommerce.ID]bool
}

func (p *returnsPoll) run(ctx context.Context) error {
	if !p.at.To.IsZero() { // a walk was cut off
		if err := p.asked(ctx); err != nil {
			return err
		}
	}
	p.first = time.Time{}
	now, err := p.shop.clock(ctx, &p.dates)
	if err != nil {
		return err
	}
	bound := now.Add(-p.c.Lag)
	p.at.To, p.at.At = bound, bound
	for _, part := range []func(context.Context) error{p.asked, p.open, p.left} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	p.at.Complete = bound
	return p.move()
}

// asked walks the return requests that were created since the last walk.
func (p *returnsPoll) asked(ctx context.Context) error {
	from := p.at.from(p.c.From, p.c.Overlap)
	if !from.After(p.at.At) {
		err := p.list(p.at.waiting(ctx, from), nopcommerce.ReturnParams{CreatedFrom: from, CreatedTo: p.at.At}, func(r nopcommerce.ReturnRequest) {
			p.at.down(r.CreatedOn.Time)
		})
		if err != nil {
			return err
		}
	}
	p.at.done()
	return nil
}

// open reads the open return requests again.
func (p *returnsPoll) open(ctx context.Context) error {
	for _, status := range p.c.Open {
		err := p.list(ctx, nopcommerce.ReturnParams{Status: &status, CreatedTo: p.at.From}, func(r nopcommerce.ReturnRequest) { p.seen[r.ID] = true })
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *returnsPoll) list(ctx context.Context, search nopcommerce.ReturnParams, read func(nopcommerce.ReturnRequest)) error {
	for r, err := range p.shop.client.Returns.List(ctx, search) {
		if err != nil {
			return err
		}
		if err := p.check(); err != nil {
			return err
		}
		read(r)
		if err := p.request(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// left reads those that were open and are no longer.
func (p *returnsPoll) left(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(p.at.Open)) {
		if p.seen[id] {
			continue
		}
		r, err := p.shop.client.Returns.Get(ctx, id)
		switch {
		case errors.Is(err, commerce.ErrNotFound):
			p.at.Open.set(id, false) // withdrawn: there is nothing to look at
			continue
		case err != nil:
			return err
		}
		if err := p.request(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// request tells of a return request.
func (p *returnsPoll) request(ctx context.Context, r nopcommerce.ReturnRequest) error {
	order, err := p.orderOf(ctx, r.OrderItemID)
	if err != nil {
		return err
	}
	p.at.Open.set(r.ID, slices.Contains(p.c.Open, r.Status))
	if len(p.at.Open) > p.c.MaxOpen {
		return commerce.Errorf(commerce.KindLimit, System, p.op, "more than ReturnsConfig.MaxOpen (%d) return requests are open; raise it", p.c.MaxOpen)
	}
	c := p.shop.returnChange(r, order)
	c.Repair = p.at.Complete.IsZero() && !p.at.To.IsZero() && p.at.To.Sub(r.CreatedOn.Time) > history
	return p.tell(c)
}

// orderOf returns the order of a line; 0 where the line is gone.
func (f *Returns) orderOf(ctx context.Context, item nopcommerce.ID) (nopcommerce.ID, error) {
	f.mu.Lock()
	id, known := f.orders[item]
	f.mu.Unlock()
	if known || item == 0 {
		return id, nil
	}
	o, err := f.shop.client.Orders.ByItem(ctx, item)
	switch {
	case errors.Is(err, commerce.ErrNotFound):
		return 0, nil
	case err != nil:
		return 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.orders) >= keptLines {
		clear(f.orders)
	}
	f.orders[item] = o.ID
	return o.ID, nil
}
