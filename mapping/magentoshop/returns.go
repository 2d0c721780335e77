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
)

// ReturnsConfig says what [Shop.Returns] reads. The zero value works.
type ReturnsConfig struct {
	// Final are the statuses of a return that is over. Defaults to closed and
	// processed_closed.
	Final []string
	// Recent is how long after its request a return is read by every poll, also one that is
	// over: the end of an older one is not seen. Defaults to 60 days.
	Recent time.Duration
}

// Returns is the feed of returns (RMA), which Adobe Commerce has, for an inbox.
//
// A return has no date of its last change, so that every poll reads all that are not over
// and all that were requested lately, in the order of entity_id. It is news when its
// status, a row's quantities or what a row asks for are others than before; comments and
// parcels are not. Statuses are those of the published source; none was recorded (2026-11).
//
// On a shop without returns the first poll ends in an error of kind invalid with code
// magento.CodeNotOffered. It is said once: later polls ask once a day, and say nothing.
type Returns struct {
	shop *Shop
	c    ReturnsConfig
}

var (
	_ inbox.Feed      = (*Returns)(nil)
	_ inbox.Completer = (*Returns)(nil)
)

// Returns returns the feed of returns. An error is of kind invalid and names the field.
func (s *Shop) Returns(c ReturnsConfig) (*Returns, error) {
	if c.Recent < 0 {
		return nil, commerce.Errorf(commerce.KindInvalid, "magentoshop", "new returns", "ReturnsConfig.Recent must not be negative")
	}
	c.Recent = cmp.Or(c.Recent, 60*24*time.Hour)
	if c.Final = slices.Clone(c.Final); len(c.Final) == 0 {
		c.Final = []string{"closed", "processed_closed"}
	}
	return &Returns{s, c}, nil
}

const (
	returnsVersion = "magentoshop.returns/1"
	returnsOp      = "read returns"
)

// turn is where the feed stands.
type turn struct {
	Version string     `json:"v"`
	After   magento.ID `json:"after,omitempty"` // the return that was read last; 0 = all were
	To      time.Time  `json:"to,omitzero"`     // by the shop's clock
	None    time.Time  `json:"none,omitzero"`   // when the shop had no returns, by our clock
}

// CompleteTo implements [inbox.Completer]: what was changed before is told, of returns that
// a poll reads. Zero for a cursor that is not this feed's.
func (f *Returns) CompleteTo(cursor string) time.Time {
	var p turn
	if readCursor(returnsOp, cursor, returnsVersion, &p) != nil {
		return time.Time{}
	}
	return p.To
}

// Changes implements [inbox.Feed].
func (f *Returns) Changes(ctx context.Context, cursor string) iter.Seq2[inbox.Change, error] {
	return func(yield func(inbox.Change, error) bool) {
		var p turn
		err := readCursor(returnsOp, cursor, returnsVersion, &p)
		p.Version = returnsVersion
		now := f.shop.c.Now().UTC()
		if err == nil && now.Before(p.None.Add(24*time.Hour)) {
			return
		}
		t := teller{yield: yield, cursor: func() string { return text(p) }}
		if err == nil {
			err = f.walk(ctx, &p, &t)
		}
		if e, ok := errors.AsType[*commerce.Error](err); ok && e.Code == magento.CodeNotOffered {
			said := !p.None.IsZero()
			p = turn{Version: returnsVersion, None: now}
			if t.move() != nil || said {
				return
			}
		}
		t.end(err)
	}
}

// seenReturn are the fields of a return that the feed asks for.
var seenReturn = []string{"increment_id", "order_id", "store_id", "customer_id", "date_requested", "status",
	"items[entity_id,order_item_id,qty_requested,qty_authorized,qty_approved,qty_returned,reason,condition,resolution,status]"}

func (f *Returns) walk(ctx context.Context, p *turn, t *teller) error {
	clock, err := f.shop.client.ServerTime(ctx)
	if err != nil {
		return err
	}
	filters := [][]magento.Filter{
		{{Field: "status", Is: magento.NotIn, Value: strings.Join(f.c.Final, ",")},
			{Field: "date_requested", Is: magento.GtEq, Value: clock.Add(-f.c.Recent).Format(time.DateTime)}},
		{{Field: "date_requested", Is: magento.LtEq, Value: clock.Format(time.DateTime)}}}
	whole := p.After == 0
	for r, err := range f.shop.client.Returns.List(ctx, magento.ListParams{ByID: true, After: p.After, Filters: filters, Fields: seenReturn}) {
		if ended(err) {
			return t.move()
		}
		if err != nil {
			return err
		}
		p.After = r.EntityID
		if err := t.tell(f.shop.returnChange(r)); err != nil {
			return err
		}
	}
	p.After, p.None = 0, time.Time{}
	if whole { // what one poll left is told by the next, later than that one's clock says
		p.To = clock
	}
	return t.move()
}
