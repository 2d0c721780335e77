package magentoshop

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/magento"
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

	// MaxDeleted bounds the orders that a round finds deleted, those of earlier rounds
	// among them, so that the address of another shop or a backup that was played back is
	// not taken for a clearance. Reaching it is an error of kind limit. Defaults to 1,000.
	MaxDeleted int
}

// Sweep is the slow feed of an inbox behind [Changes]: it reads every order, in the order
// of entity_id, and its hash is the same, so that only what Changes missed is news: what
// moved no date of an order in a final state, what a transaction wrote that outlived Lag,
// and what is deleted.
//
// An order that was told and is not in the walk is read by itself, and deleted only if the
// shop says that there is none. A round can be cut off anywhere and goes on from the page
// that was stored last. It has the priority of resilience.WithBackfill, and is worked after
// what other feeds tell.
type Sweep struct {
	shop *Shop
	c    SweepConfig
}

var (
	_ inbox.Feed      = (*Sweep)(nil)
	_ inbox.Completer = (*Sweep)(nil)
)

// Sweep returns the feed of all orders. An error is of kind invalid and names the field.
func (s *Shop) Sweep(c SweepConfig) (*Sweep, error) {
	bad := func(field string) (*Sweep, error) {
		return nil, commerce.Errorf(commerce.KindInvalid, "magentoshop", "new sweep", "SweepConfig.%s must not be negative", field)
	}
	switch {
	case c.Newest < 0:
		return bad("Newest")
	case c.Every < 0:
		return bad("Every")
	case c.MaxDeleted < 0:
		return bad("MaxDeleted")
	}
	every := 7 * 24 * time.Hour
	if c.Newest > 0 {
		every = 24 * time.Hour
	}
	c.Every, c.MaxDeleted = cmp.Or(c.Every, every), cmp.Or(c.MaxDeleted, 1000)
	return &Sweep{s, c}, nil
}

const (
	sweepVersion = "magentoshop.sweep/1"
	sweepOp      = "sweep orders"
)

// round is where the sweep stands.
type round struct {
	Version  string     `json:"v"`
	Began    time.Time  `json:"began,omitzero"`    // by the shop's clock; zero = no round is under way
	After    magento.ID `json:"after,omitempty"`   // the order that was read last
	Deleted  int        `json:"deleted,omitempty"` // found in this round
	Complete time.Time  `json:"complete,omitzero"` // when the last whole round began, by the shop's clock
	Due      time.Time  `json:"due,omitzero"`      // when the next one begins, by ours
}

// CompleteTo implements [inbox.Completer]: every change that was made before, to an order
// that the sweep reads, is told. Zero for a cursor that is not this feed's.
func (f *Sweep) CompleteTo(cursor string) time.Time {
	var r round
	if readCursor(sweepOp, cursor, sweepVersion, &r) != nil {
		return time.Time{}
	}
	return r.Complete
}

// Changes implements [inbox.Feed]. Until the next round is due it yields and asks nothing.
func (f *Sweep) Changes(ctx context.Context, cursor string) iter.Seq2[inbox.Change, error] {
	return func(yield func(inbox.Change, error) bool) {
		var r round
		err := readCursor(sweepOp, cursor, sweepVersion, &r)
		r.Version = sweepVersion
		t := teller{yield: yield, cursor: func() string { return text(r) }}
		if now := f.shop.c.Now(); err == nil && r.Began.IsZero() {
			if now.Before(r.Due) {
				return
			}
			r.Began, err = f.shop.client.ServerTime(resilience.WithBackfill(ctx))
			r.Due = now.Add(f.c.Every).UTC().Truncate(time.Second)
		}
		if err == nil {
			err = f.round(resilience.WithBackfill(ctx), &r, &t)
		}
		t.end(err)
	}
}

func (f *Sweep) round(ctx context.Context, r *round, t *teller) error {
	told := toldOrders{store: f.c.Told, of: f.shop.origin.With(orderPrefix), after: r.After}
	// That it was placed before the round began makes another request of each round, to
	// which no cache has the answer.
	filters := []magento.Filter{{Field: "created_at", Is: magento.LtEq, Value: r.Began.Format(time.DateTime)}}
	if f.c.Newest > 0 {
		filters = append(filters, magento.Filter{Field: "created_at", Is: magento.GtEq, Value: r.Began.Add(-f.c.Newest).Format(time.DateTime)})
	}
	for o, err := range f.shop.client.Orders.List(ctx, magento.ListParams{ByID: true, After: r.After, Filters: magento.Where(filters...), Fields: seen}) {
		if ended(err) {
			return t.move()
		}
		if err != nil {
			return err
		}
		if f.c.Newest > 0 && r.After == 0 {
			told.after = o.EntityID - 1 // what is older is no concern of this sweep
		}
		if err := f.missing(ctx, r, t, &told, o.EntityID); err != nil {
			return err
		}
		r.After = o.EntityID
		c := f.shop.orderChange(o)
		c.Repair = true
		if err := t.tell(c); err != nil {
			return err
		}
	}
	if f.c.Newest == 0 || r.After > 0 {
		if err := f.missing(ctx, r, t, &told, 0); err != nil {
			return err
		}
	}
	*r = round{Version: r.Version, Complete: r.Began, Due: r.Due}
	return t.move()
}

// missing tells the deletion of what was told and lies between the last order of the walk
// and the next one; 0 = there is none.
func (f *Sweep) missing(ctx context.Context, r *round, t *teller, told *toldOrders, next magento.ID) error {
	for {
		id, err := told.peek(ctx)
		if err != nil || id == 0 || next != 0 && id > next {
			return err
		}
		told.step()
		if id == next {
			return nil
		}
		_, err = f.shop.client.Orders.Get(ctx, id, "entity_id")
		switch {
		case err == nil: // placed since, or older than the sweep looks back
			continue
		case !errors.Is(err, commerce.ErrNotFound):
			return err
		case r.Deleted >= f.c.MaxDeleted:
			return commerce.Errorf(commerce.KindLimit, System, sweepOp,
				"SweepConfig.MaxDeleted (%d) orders that were told are not in the shop; if it is the right shop and they were deleted, raise it", r.Deleted)
		}
		r.Deleted++
		r.After = id
		c := f.shop.orderGone(id, r.Began)
		c.Repair = true
		if err := t.tell(c); err != nil {
			return err
		}
	}
}

// toldOrders steps through the orders that were told, by number.
type toldOrders struct {
	store inbox.Told // nil: none
	of    commerce.Ref
	after magento.ID
	page  []magento.ID
}

// peek returns the next order; 0 = there is none.
func (l *toldOrders) peek(ctx context.Context) (magento.ID, error) {
	const size = 500
	for len(l.page) == 0 && l.store != nil {
		ids, err := l.store.Told(ctx, l.of, orderPrefix+l.after.String(), size)
		if err != nil {
			return 0, err
		}
		for _, id := range ids {
			n, err := magento.ParseID(strings.TrimPrefix(id, orderPrefix))
			if err != nil {
				return 0, err
			}
			l.page = append(l.page, n)
		}
		if len(ids) == 0 {
			l.store = nil
		}
	}
	if len(l.page) == 0 {
		return 0, nil
	}
	return l.page[0], nil
}

func (l *toldOrders) step() { l.after, l.page = l.page[0], l.page[1:] }
