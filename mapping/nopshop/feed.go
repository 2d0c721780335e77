package nopshop

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/nopcommerce"
	"github.com/commercesync/commerce/resilience"
)

// history is how old an order is whose first telling can wait: it is read with the priority
// of resilience.WithBackfill and worked after today's.
const history = 24 * time.Hour

// defaultLag is ChangesConfig.Lag where none is given.
const defaultLag = 15 * time.Second

// errStopped ends a poll whose reader has enough; it is never yielded.
var errStopped = errors.New("stopped")

// teller yields the changes of one poll, each with the cursor that stands behind it.
type teller struct {
	yield   func(inbox.Change, error) bool
	cursor  func() string
	text    string // the cursor as it was last written
	since   int    // changes since then
	stopped bool
}

// each is after how many changes the cursor is written anew: about a page.
const each = 100

// tell yields a change. What was read before it stands behind the cursor.
func (t *teller) tell(c inbox.Change) error {
	if t.since++; t.since >= each {
		t.text, t.since = t.cursor(), 0
	}
	c.Cursor = t.text
	return t.put(c)
}

// move stores how far the poll came.
func (t *teller) move() error {
	t.text, t.since = t.cursor(), 0
	return t.put(inbox.Change{Cursor: t.text})
}

func (t *teller) put(c inbox.Change) error {
	if !t.yield(c, nil) {
		t.stopped = true
		return errStopped
	}
	return nil
}

// end yields the error that ended a poll.
func (t *teller) end(err error) {
	if err != nil && !t.stopped {
		t.yield(inbox.Change{}, err)
	}
}

// dates watches the shop's clock over one poll.
type dates struct {
	op     string
	first  time.Time
	newest time.Time
	old    time.Duration // by how much an answer was older than one before it
}

// watch returns a context in which d sees every answer's Date.
func (d *dates) watch(ctx context.Context) context.Context {
	return nopcommerce.WithDates(ctx, func(t time.Time) {
		if d.first.IsZero() {
			d.first = t
		}
		if t.After(d.newest) {
			d.newest = t
		}
		d.old = max(d.old, d.newest.Sub(t))
	})
}

// farm is how far the clocks of a shop's web servers may lie apart.
const farm = 2 * time.Minute

// check finds an answer that a cache gave which does not say so.
func (d *dates) check() error {
	switch {
	case d.first.IsZero():
		return &commerce.Error{Kind: commerce.KindInternal, System: System, Op: d.op, Text: "the shop's answer has no readable Date"}
	case d.old > farm:
		return &commerce.Error{Kind: commerce.KindInternal, System: System, Op: d.op, Code: nopcommerce.CodeCached,
			Text: "an answer is " + d.old.String() + " older than the one before it: a cache answered in place of the shop; keep it from /api-backend"}
	}
	return nil
}

// clock returns the shop's time from a read of its own.
func (s *Shop) clock(ctx context.Context, d *dates) (time.Time, error) {
	if _, err := s.client.ServerTime(ctx); err != nil {
		return time.Time{}, err
	}
	return d.first, d.check()
}

// many reads orders by id, a page at a time, and tells each: f gets its row, or found false
// where it is deleted or not there, which was then asked for once more by itself.
func (s *Shop) many(ctx context.Context, ids []nopcommerce.ID, f func(id nopcommerce.ID, o nopcommerce.Order, found bool) error) error {
	for len(ids) > 0 {
		page := ids[:min(each, len(ids))]
		ids = ids[len(page):]
		rows, err := s.client.Orders.GetMany(ctx, page...)
		if err != nil {
			return err
		}
		byID := make(map[nopcommerce.ID]nopcommerce.Order, len(rows))
		for _, o := range rows {
			byID[o.ID] = o
		}
		for _, id := range page {
			o, found := byID[id]
			if !found || o.Deleted {
				if o, found, err = s.again(ctx, id); err != nil {
					return err
				}
			}
			if err := f(id, o, found); err != nil {
				return err
			}
		}
	}
	return nil
}

// again reads one order that a list did not have.
func (s *Shop) again(ctx context.Context, id nopcommerce.ID) (o nopcommerce.Order, found bool, err error) {
	o, err = s.client.Orders.Get(ctx, id)
	if errors.Is(err, commerce.ErrNotFound) {
		return nopcommerce.Order{}, false, nil
	}
	return o, err == nil && !o.Deleted, err
}

// from is where a walk begins that goes up to w.To. A shop's clock that was set back makes
// dates of its own twice: what lies behind the clock now is walked again.
func (w *walk) from(first time.Time, overlap time.Duration) time.Time {
	if w.From.IsZero() {
		return first
	}
	from := w.From
	if w.To.Before(from) {
		from = w.To
	}
	if from = from.Add(-overlap); from.Before(first) {
		return first
	}
	return from
}

// down remembers that a walk came to a row: what is newer than its second is told.
func (w *walk) down(created time.Time) {
	if up := created.Truncate(time.Second).Add(time.Second); up.Before(w.At) {
		w.At = up
	}
}

// done ends a walk.
func (w *walk) done() { w.From, w.To, w.At = w.To, time.Time{}, time.Time{} }

// waiting returns the context for a walk from a date on.
func (w *walk) waiting(ctx context.Context, from time.Time) context.Context {
	if w.To.Sub(from) > history {
		return resilience.WithBackfill(ctx)
	}
	return ctx
}

func positive(what string, values map[string]time.Duration) error {
	for field, v := range values {
		if v < 0 {
			return commerce.Errorf(commerce.KindInvalid, "nopshop", "new feed", "%s.%s must not be negative", what, field)
		}
	}
	return nil
}

// orDefault is v, or d where it is zero.
func orDefault[T cmp.Ordered](v *T, d T) { *v = cmp.Or(*v, d) }
