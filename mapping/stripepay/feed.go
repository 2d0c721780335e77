package stripepay

import (
	"context"
	"iter"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/stripe"
)

// Missed is the feed of the webhooks that Stripe could not deliver, for an inbox: it
// closes the gaps that are left when the endpoint was away for longer than Stripe
// tries. The events are the very ones of the deliveries, so that what arrived after
// all is a duplicate. Its cursor is the creation time of the newest event read; each
// read begins three days before it, because so long an older delivery may still be
// tried and then fail.
type Missed struct{ feed *stripe.Feed }

var _ inbox.Feed = Missed{}

// NewMissed returns the feed over a client's.
func NewMissed(feed *stripe.Feed) Missed { return Missed{feed} }

// Changes implements inbox.Feed. A cursor that is not one of its own is an error of
// kind invalid.
func (m Missed) Changes(ctx context.Context, cursor string) iter.Seq2[inbox.Change, error] {
	return func(yield func(inbox.Change, error) bool) {
		const tried = 3 * 24 * time.Hour // docs.stripe.com/webhooks, read 2026-11
		var since time.Time
		if cursor != "" {
			var err error
			if since, err = time.Parse(time.RFC3339, cursor); err != nil {
				yield(inbox.Change{}, commerce.Errorf(commerce.KindInvalid, System, "read missed webhooks", "the cursor %.40q is not one of ours", cursor))
				return
			}
			since = since.Add(-tried)
		}
		for e, err := range m.feed.Changes(ctx, since) {
			if err != nil {
				yield(inbox.Change{}, err)
				return
			}
			if !yield(inbox.Change{Event: e, Cursor: e.Created.UTC().Format(time.RFC3339)}, nil) {
				return
			}
		}
	}
}
