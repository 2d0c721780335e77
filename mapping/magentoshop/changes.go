package magentoshop

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/resilience"
)

// ChangesConfig says what [Shop.Changes] reads. The zero value works.
type ChangesConfig struct {
	// From is where the first walk begins, by the date of an order's last change. Open
	// orders are read whatever their age. Defaults to the first order.
	From time.Time

	// Lag is how long after its date a change may still be coming into sight: MySQL dates
	// a row when it is written, and others see it when its transaction ends. It has to be
	// the longest transaction, how far the clocks of the web server and of the database are
	// apart, how far a replica that the API reads may be behind, and 1 second, as dates have
	// whole ones. A transaction that outlives it is found
	// by [Shop.Sweep]. Defaults to 90 seconds: a transaction of Magento that waits for a
	// lock gives up after 50 (innodb_lock_wait_timeout), 30 to work, 9 for the clocks.
	Lag time.Duration

	// Open are the states in which an order is read again by every poll. Defaults to new,
	// pending_payment, payment_review, holded and processing. Add the states of modules,
	// such as Stripe's stripe_manual_review and stripe_disputed.
	Open []string
}

// Changes is the feed of new and changed orders, for an inbox.
//
// A poll walks the orders whose updated_at moved since the last one, in the order of
// (updated_at, entity_id), up to a bound that it takes from the shop's own clock when it
// begins, less Lag. Then it reads again what is open, in the order of entity_id, because
// not every change moves the date: comments, tracks, changed addresses and shipments that
// do not complete an order do not (2.4.6-p1, measured 2026-11). So it costs what changed
// and what is open, not the size of the shop: a request for each page of each, and one for
// the time. A new order is open and told at once; only what left the open states waits for
// Lag.
//
// An order is news when its content is another one than before: states, amounts,
// quantities, addresses, the ids of its payment and the date (the comment of orderHash has
// the list). Comments are not news, so that remarks of ours make no loop; a hold or an
// invoice of ours is news, once, and evidence of itself.
//
// Shipments are not walked besides: what one changes of an order stands in its rows. Not
// seen are therefore tracks and comments alone, and until the next sweep what moves no date
// of an order in a final state, such as an address that is changed after it is complete.
//
// The first walk begins at From, has the priority of resilience.WithBackfill, and is worked
// after what other feeds tell. What is open is read once a minute meanwhile. Every poll can be cut off anywhere and goes on from the page
// that was stored last.
type Changes struct {
	shop *Shop
	c    ChangesConfig
}

var (
	_ inbox.Feed      = (*Changes)(nil)
	_ inbox.Completer = (*Changes)(nil)
)

// Changes returns the feed of new and changed orders. An error is of kind invalid and
// names the field.
func (s *Shop) Changes(c ChangesConfig) (*Changes, error) {
	if c.Lag < 0 {
		return nil, commerce.Errorf(commerce.KindInvalid, "magentoshop", "new changes", "ChangesConfig.Lag must not be negative")
	}
	for i, state := range c.Open {
		if state == "" || strings.Contains(state, ",") {
			return nil, commerce.Errorf(commerce.KindInvalid, "magentoshop", "new changes", "ChangesConfig.Open[%d] is no state", i)
		}
	}
	c.Lag = cmp.Or(c.Lag, 90*time.Second)
	if c.Open = slices.Clone(c.Open); len(c.Open) == 0 {
		c.Open = []string{"new", "pending_payment", "payment_review", "holded", "processing"}
	}
	return &Changes{s, c}, nil
}

const changesVersion = "magentoshop.changes/1"

// place is where the feed stands.
type place struct {
	Version string `json:"v"`
	// To is the shop's time before which all is told, as far as it has a date. Zero: the
	// first walk is not at its end.
	To time.Time `json:"to,omitzero"`
	// Clock is the shop's time when the last poll began.
	Clock time.Time `json:"clock,omitzero"`
	// At and ID are the order that was told last, by updated_at.
	At time.Time  `json:"at,omitzero"`
	ID magento.ID `json:"id,omitempty"`
	// Open is the open order that was read again last; 0 = all were.
	Open magento.ID `json:"open,omitempty"`
}

const changesOp = "read changed orders"

// CompleteTo implements [inbox.Completer]: every change that moved a date before, and was
// seen within Lag, is told. Zero for a cursor that is not this feed's.
func (f *Changes) CompleteTo(cursor string) time.Time {
	var p place
	if readCursor(changesOp, cursor, changesVersion, &p) != nil {
		return time.Time{}
	}
	return p.To
}

// Changes implements [inbox.Feed].
func (f *Changes) Changes(ctx context.Context, cursor string) iter.Seq2[inbox.Change, error] {
	return func(yield func(inbox.Change, error) bool) {
		p := place{At: f.c.From.UTC().Truncate(time.Second)}
		err := readCursor(changesOp, cursor, changesVersion, &p)
		p.Version = changesVersion
		t := teller{yield: yield, cursor: func() string { return text(p) }}
		if err == nil {
			err = f.walk(ctx, &p, &t)
		}
		if err == nil {
			err = f.reread(ctx, &p, &t)
		}
		t.end(err)
	}
}

// setBack is how far a walk goes back when the shop's clock was set back: what was changed
// since bears dates that were walked already. A day is more than a program is down between
// two polls.
const setBack = 24 * time.Hour

// walk tells what moved its date, up to the bound.
func (f *Changes) walk(ctx context.Context, p *place, t *teller) error {
	clock, err := f.shop.client.ServerTime(ctx)
	if err != nil {
		return err
	}
	if clock.Before(p.Clock.Add(-time.Minute)) {
		f.shop.c.Logger.WarnContext(ctx, "magento: the shop's clock was set back; what changed within a day is read again",
			"shop", f.shop.c.Account, "from", p.Clock, "to", clock)
		if back := later(clock.Add(-f.c.Lag-setBack).Truncate(time.Second), f.c.From); back.Before(p.At) {
			p.At, p.ID = back, 0
			p.To = earlier(p.To, back)
		}
	}
	p.Clock = clock
	first, live, read := p.To.IsZero(), ctx, f.shop.c.Now()
	if first {
		ctx = resilience.WithBackfill(ctx)
	}
	bound := clock.Add(-f.c.Lag).Truncate(time.Second)
	if bound.After(p.At) {
		last := bound.Add(-time.Second)
		for o, err := range f.shop.client.Orders.List(ctx, magento.ListParams{UpdatedFrom: p.At, After: p.ID, UpdatedTo: last, Fields: seen}) {
			if ended(err) {
				return t.move() // at the last order; the next poll goes on
			}
			if err != nil {
				return err
			}
			p.At, p.ID = o.UpdatedAt.Time, o.EntityID
			c := f.shop.orderChange(o)
			c.Repair = first
			if err := t.tell(c); err != nil {
				return err
			}
			if now := f.shop.c.Now(); first && now.Sub(read) >= pause {
				if p.Clock, err = f.shop.client.ServerTime(live); err == nil {
					err = f.reread(live, p, t)
				}
				if err != nil {
					return err
				}
				read = f.shop.c.Now()
			}
		}
		p.At, p.ID, p.To = bound, 0, bound
	}
	return t.move()
}

// pause is after how long the first walk lets what is open be read, so that today's orders
// do not wait for the end of history.
const pause = time.Minute

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// ended reports whether a walk was as long as the client lets one be. That is no failure
// of a feed, which goes on from where it stands.
func ended(err error) bool {
	e, ok := errors.AsType[*commerce.Error](err)
	return ok && e.Code == magento.CodeMaxPages
}

// reread tells what is open.
func (f *Changes) reread(ctx context.Context, p *place, t *teller) error {
	// What was placed since the poll began is left for the next one; and as the time is
	// another one each time, no cache has the answer.
	filters := magento.Where(magento.Filter{Field: "state", Is: magento.In, Value: strings.Join(f.c.Open, ",")},
		magento.Filter{Field: "created_at", Is: magento.LtEq, Value: p.Clock.Format(time.DateTime)})
	for o, err := range f.shop.client.Orders.List(ctx, magento.ListParams{ByID: true, After: p.Open, Filters: filters, Fields: seen}) {
		if ended(err) {
			return t.move()
		}
		if err != nil {
			return err
		}
		p.Open = o.EntityID
		if err := t.tell(f.shop.orderChange(o)); err != nil {
			return err
		}
	}
	if p.Open == 0 {
		return nil // nothing is open, and the cursor stands
	}
	p.Open = 0
	return t.move()
}

// teller yields the changes of one poll, each with the cursor that stands behind it.
type teller struct {
	yield   func(inbox.Change, error) bool
	cursor  func() string
	stopped bool
}

// errStopped ends a poll whose reader has enough; it is never yielded.
var errStopped = errors.New("stopped")

func (t *teller) tell(c inbox.Change) error {
	c.Cursor = t.cursor()
	if !t.yield(c, nil) {
		t.stopped = true
		return errStopped
	}
	return nil
}

// move stores how far the poll came.
func (t *teller) move() error { return t.tell(inbox.Change{}) }

// end yields the error that ended a poll.
func (t *teller) end(err error) {
	if err != nil && !t.stopped {
		t.yield(inbox.Change{}, err)
	}
}
