package nopshop

import (
	"context"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/nopcommerce"
)

// ChangesConfig says what [Shop.Changes] reads. The zero value works.
type ChangesConfig struct {
	// From is where the first walk begins, by the date of an order. Open orders are read
	// whatever their age. Defaults to the first order.
	From time.Time

	// Lag is how long after its date an order may still be coming into sight: the longest
	// transaction, and the skew between the shop's web servers. Younger orders are told by
	// a later poll, when all of their lines are written. Defaults to 15 seconds.
	Lag time.Duration

	// Overlap is by how much each walk goes back behind the last one, for dates that are
	// older than their orders (contract: 5 to 10 minutes). Defaults to 10 minutes.
	Overlap time.Duration

	// Open are the statuses in which an order is read again by every poll. Defaults to
	// Pending and Processing.
	Open []nopcommerce.OrderStatus

	// OpenFor is how old an open order is read again at most; a shop that never cancels
	// what nobody paid needs it. Defaults to any age.
	OpenFor time.Duration

	// Unsettled are the payment statuses in which an order is read again although it is
	// not open, for as long as it is younger than Retention. Defaults to Pending,
	// Authorized and PartiallyRefunded.
	Unsettled []nopcommerce.PaymentStatus

	// Retention defaults to 7 days.
	Retention time.Duration

	// MaxOpen bounds the orders that one poll reads again; reaching it is an error of kind
	// limit. Defaults to 10,000.
	MaxOpen int
}

// Changes is the feed of new and changed orders, for an inbox.
//
// The shop keeps no date of a change, so that a poll asks in four ways: for the orders
// created since the last walk; for those that are open; by id for those that were open and
// no longer are, or that are unsettled, or deleted; and for the lines of the shop's activity
// log, which name the orders that an administrator edited by hand. It costs what changed and
// what is open, not the size of the shop: a request for each page of each.
//
// An order's news is told when its hash is another one than before. In the hash is the row
// of the order: statuses, amounts, numbers, dates, method, gateway ids and the ids of its
// addresses. Lines, parcels, addresses, notes and generic attributes have rows of their own,
// so that no remark of ours makes a loop. An administrator's edit of one leaves a line in
// the log, which is news by itself; what a plugin or an API changes there,
// SweepConfig.Details finds. A changed order that is neither open nor unsettled and in no
// line of the log, such as one that a payment plugin refunded, is the sweep's.
//
// A new order is told once it is older than ChangesConfig.Lag. Walks go from the newest to
// the oldest, as the shop's lists do, and what was told stands in the cursor, so that a poll
// goes on where one was cut off. The cursor also holds the ids of what is open, in about two
// bytes each.
//
// A product that is gone, or an order without an e-mail address, is news like any other:
// [Shop.Order] flags it. A refused login ends the poll and is not tried again for a while; see
// nopcommerce.Config.LoginPause.
type Changes struct {
	shop *Shop
	c    ChangesConfig
}

var (
	_ inbox.Feed      = (*Changes)(nil)
	_ inbox.Completer = (*Changes)(nil)
)

const changesVersion = "nopshop.changes/1"

// Changes returns the feed of new and changed orders. An error is of kind invalid and names
// the field.
func (s *Shop) Changes(c ChangesConfig) (*Changes, error) {
	if err := positive("ChangesConfig", map[string]time.Duration{"Lag": c.Lag, "Overlap": c.Overlap, "OpenFor": c.OpenFor, "Retention": c.Retention}); err != nil {
		return nil, err
	}
	if c.MaxOpen < 0 {
		return nil, commerce.Errorf(commerce.KindInvalid, "nopshop", "new feed", "ChangesConfig.MaxOpen must not be negative")
	}
	orDefault(&c.Lag, defaultLag)
	orDefault(&c.Overlap, 10*time.Minute)
	orDefault(&c.Retention, 7*24*time.Hour)
	orDefault(&c.MaxOpen, 10_000)
	if c.Open = slices.Clone(c.Open); c.Open == nil {
		c.Open = []nopcommerce.OrderStatus{nopcommerce.OrderPending, nopcommerce.OrderProcessing}
	}
	if c.Unsettled = slices.Clone(c.Unsettled); c.Unsettled == nil {
		c.Unsettled = []nopcommerce.PaymentStatus{nopcommerce.PaymentPending, nopcommerce.PaymentAuthorized, nopcommerce.PaymentPartiallyRefunded}
	}
	return &Changes{s, c}, nil
}

// CompleteTo implements inbox.Completer.
func (f *Changes) CompleteTo(cursor string) time.Time {
	var at walk
	if readCursor("", cursor, changesVersion, &at) != nil {
		return time.Time{}
	}
	return at.Complete
}

// Changes implements inbox.Feed. A cursor that is not one of its own is an error of kind
// invalid that says what to do.
func (f *Changes) Changes(ctx context.Context, cursor string) iter.Seq2[inbox.Change, error] {
	return func(yield func(inbox.Change, error) bool) {
		const op = "read changed orders"
		p := &changesPoll{Changes: f, dates: dates{op: op}, at: walk{Version: changesVersion}}
		p.teller = teller{yield: yield, text: cursor, cursor: func() string { return text(p.at) }}
		if err := readCursor(op, cursor, changesVersion, &p.at); err != nil {
			p.end(err)
			return
		}
		p.end(p.run(p.watch(ctx)))
	}
}

// changesPoll is one poll of Changes.
type changesPoll struct {
	*Changes
	teller
	dates
	at    walk
	edits []nopcommerce.Activity            // lines of the log, newest first
	seen  map[nopcommerce.ID]nopcommerce.ID // orders that were read, by id, and whose they are
	named map[nopcommerce.ID]bool           // orders in edits
	gone  map[nopcommerce.ID]bool           // orders that are deleted
}

func (p *changesPoll) run(ctx context.Context) error {
	p.seen, p.named, p.gone = map[nopcommerce.ID]nopcommerce.ID{}, map[nopcommerce.ID]bool{}, map[nopcommerce.ID]bool{}
	if !p.at.To.IsZero() { // a walk was cut off
		if err := p.placed(ctx); err != nil {
			return err
		}
	}
	bound, err := p.begin(ctx)
	if err != nil {
		return err
	}
	p.at.To, p.at.At = bound, bound
	if p.at.Log.IsZero() {
		p.at.Log = bound
	}
	for _, part := range []func(context.Context) error{p.placed, p.open, p.left} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	for _, a := range slices.Backward(p.edits) {
		if err := p.edited(a); err != nil {
			return err
		}
	}
	p.at.Log, p.at.Complete = bound, bound
	return p.move()
}

// begin reads the activity log, and with it the shop's clock: the bound of everything that
// this poll tells.
func (p *changesPoll) begin(ctx context.Context) (time.Time, error) {
	p.first = time.Time{}  // a walk that was cut off may have taken long
	if p.at.Log.IsZero() { // nothing was told yet, so that the log says nothing more
		now, err := p.shop.clock(ctx, &p.dates)
		return now.Add(-p.c.Lag), err
	}
	if err := p.log(ctx, p.at.Log); err != nil {
		return time.Time{}, err
	}
	bound := p.first.Add(-p.c.Lag)
	if bound.Before(p.at.Log) { // the clock was set back
		return bound, p.log(ctx, bound)
	}
	return bound, nil
}

// log reads the lines about orders since a date, at most MaxOpen of them: of more, the
// sweep finds what the oldest name.
func (p *changesPoll) log(ctx context.Context, since time.Time) error {
	p.edits = nil
	for a, err := range p.shop.client.Activities.List(ctx, nopcommerce.ActivityParams{EntityName: "Order", CreatedFrom: since}) {
		if err != nil {
			return err
		}
		if len(p.edits) >= p.c.MaxOpen {
			break
		}
		if a.EntityID > 0 && !a.CreatedOn.After(p.first.Add(-p.c.Lag)) {
			p.edits = append(p.edits, a)
			p.named[a.EntityID] = true
		}
	}
	return p.check()
}

// placed walks the orders that were created since the last walk.
func (p *changesPoll) placed(ctx context.Context) error {
	from := p.at.from(p.c.From, p.c.Overlap)
	if from.After(p.at.At) {
		p.at.done()
		return nil
	}
	ctx = p.at.waiting(ctx, from)
	for o, err := range p.shop.client.Orders.List(ctx, nopcommerce.OrderParams{CreatedFrom: from, CreatedTo: p.at.At}) {
		if err != nil {
			return err
		}
		if err := p.check(); err != nil {
			return err
		}
		p.at.down(o.CreatedOn.Time)
		if err := p.order(o); err != nil {
			return err
		}
	}
	p.at.done()
	return nil
}

// open reads the open orders again.
func (p *changesPoll) open(ctx context.Context) error {
	if len(p.c.Open) == 0 {
		return nil
	}
	search := nopcommerce.OrderParams{Statuses: p.c.Open, CreatedTo: p.at.From}
	if p.c.OpenFor > 0 {
		search.CreatedFrom = p.at.From.Add(-p.c.OpenFor)
	}
	read := 0
	for o, err := range p.shop.client.Orders.List(ctx, search) {
		if err != nil {
			return err
		}
		if err := p.check(); err != nil {
			return err
		}
		if read++; read > p.c.MaxOpen {
			return p.tooMany()
		}
		p.seen[o.ID] = o.CustomerID
		if err := p.order(o); err != nil {
			return err
		}
	}
	return nil
}

// left reads by id what no list had: orders that were open or are unsettled, and those that
// the log names.
func (p *changesPoll) left(ctx context.Context) error {
	ids := slices.Collect(maps.Keys(p.at.Open))
	for id := range p.named {
		if !p.at.Open[id] {
			ids = append(ids, id)
		}
	}
	ids = slices.DeleteFunc(ids, func(id nopcommerce.ID) bool { _, seen := p.seen[id]; return seen })
	slices.Sort(ids)
	return p.shop.many(ctx, ids, func(id nopcommerce.ID, o nopcommerce.Order, found bool) error {
		if err := p.check(); err != nil {
			return err
		}
		p.seen[id] = o.CustomerID
		if found {
			return p.order(o)
		}
		p.gone[id] = true
		p.at.Open.set(id, false)
		return p.tell(p.shop.orderGone(id, o))
	})
}

// order tells of an order's row.
func (p *changesPoll) order(o nopcommerce.Order) error {
	bound := p.at.To
	if bound.IsZero() {
		bound = p.at.From
	}
	if p.named[o.ID] {
		p.seen[o.ID] = o.CustomerID
	}
	age := bound.Sub(o.CreatedOn.Time)
	p.at.Open.set(o.ID, slices.Contains(p.c.Open, o.Status) && (p.c.OpenFor == 0 || age <= p.c.OpenFor) ||
		slices.Contains(p.c.Unsettled, o.PaymentStatus) && age <= p.c.Retention)
	if len(p.at.Open) > p.c.MaxOpen {
		return p.tooMany()
	}
	c := p.shop.orderChange(o)
	c.Repair = p.at.Complete.IsZero() && age > history
	return p.tell(c)
}

func (p *changesPoll) tooMany() error {
	return commerce.Errorf(commerce.KindLimit, System, p.op,
		"more than ChangesConfig.MaxOpen (%d) orders are open; set ChangesConfig.OpenFor, or raise it", p.c.MaxOpen)
}

// edited tells of a line of the activity log. The line about its own placement, which the
// buyer left, says nothing new; nor does any about an order that is gone.
func (p *changesPoll) edited(a nopcommerce.Activity) error {
	buyer, seen := p.seen[a.EntityID]
	if !seen || buyer == a.CustomerID || p.gone[a.EntityID] {
		return nil
	}
	return p.tell(p.shop.news(OrderChanged, activityPrefix+a.ID.String(), a.EntityID, buyer, a.CreatedOn.Time, struct {
		ID    nopcommerce.ID   `json:"activity"`
		Order nopcommerce.ID   `json:"order"`
		On    nopcommerce.Time `json:"created"`
	}{a.ID, a.EntityID, a.CreatedOn}))
}
