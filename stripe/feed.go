package stripe

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/resilience"
)

// kept is how long Stripe keeps events.
// Source: docs.stripe.com/api/events/list, read 2026-11.
const kept = 30 * 24 * time.Hour

// FeedConfig configures a [Feed]. The zero value works.
type FeedConfig struct {
	// Account names the account itself in the refs of its events, as in
	// WebhookConfig. Defaults to the client's Account.
	Account string

	// Mode refuses events of the other mode. Empty accepts both.
	Mode commerce.Mode

	// Types are the event types to read, at most 20. Empty reads all.
	Types []string

	// All reads events that were delivered as well. By default only those are read
	// whose delivery failed or is still being tried.
	All bool

	// MaxEvents bounds the events held in memory at a time, to turn Stripe's order,
	// newest first, around. More than that within one second is an error of kind
	// limit. Defaults to 10,000.
	MaxEvents int
}

// Feed repairs gaps: it finds events that no webhook brought.
type Feed struct {
	c      *Client
	config FeedConfig
}

// Feed returns a feed of the events that were not delivered. An error is of kind
// invalid and names the field.
func (c *Client) Feed(config FeedConfig) (*Feed, error) {
	if len(config.Types) > 20 {
		return nil, invalid("new feed", "FeedConfig.Types has %d types; Stripe takes 20", len(config.Types))
	}
	if config.MaxEvents < 0 {
		return nil, invalid("new feed", "FeedConfig.MaxEvents must not be negative")
	}
	if config.MaxEvents == 0 {
		config.MaxEvents = 10_000
	}
	if config.Account == "" {
		config.Account = c.config.Account
	}
	config.Types = slices.Clone(config.Types)
	return &Feed{c, config}, nil
}

// Changes yields the events created at or after since, oldest first, with the very
// identity that a delivery of them has. Events older than 30 days are gone. An error
// is yielded once, as the last thing. Where a quota is shared, live calls go first.
func (f *Feed) Changes(ctx context.Context, since time.Time) iter.Seq2[commerce.Event, error] {
	ctx = resilience.WithBackfill(ctx)
	return func(yield func(commerce.Event, error) bool) {
		now := f.c.config.Now()
		from, end := max(since.Unix(), now.Add(-kept).Unix()), now.Unix()+1
		const day = 24 * 3600
		width := int64(day)
		for from < end {
			to := min(from+width, end)
			events, err := f.window(ctx, from, to)
			switch {
			case err != nil:
				yield(commerce.Event{}, err)
				return
			case len(events) > f.config.MaxEvents && width > 1:
				width = max(1, width/4)
				continue
			case len(events) > f.config.MaxEvents:
				yield(commerce.Event{}, &commerce.Error{Kind: commerce.KindLimit, System: system, Op: "read feed",
					Text: fmt.Sprintf("second %d has more than FeedConfig.MaxEvents = %d events", from, f.config.MaxEvents)})
				return
			}
			for _, raw := range slices.Backward(events) {
				e, err := envelope(raw, origin{f.c.config.Tenant, f.config.Account, f.config.Mode})
				if !yield(e, err) || err != nil {
					return
				}
			}
			if from = to; len(events) <= f.config.MaxEvents/4 {
				width = min(4*width, day)
			}
		}
	}
}

// window reads the events of [from, to), newest first, and one more than MaxEvents
// where there are too many.
func (f *Feed) window(ctx context.Context, from, to int64) ([]json.RawMessage, error) {
	params := &EventListParams{CreatedRange: &CreatedRange{GreaterThanOrEqual: from, LesserThan: to}}
	if !f.config.All {
		params.DeliverySuccess = new(false)
	}
	for _, t := range f.config.Types {
		params.Types = append(params.Types, &t)
	}
	var events []json.RawMessage
	for raw, err := range f.c.Events.raw(ctx, params) {
		if err != nil {
			return nil, err
		}
		if events = append(events, raw); len(events) > f.config.MaxEvents {
			break
		}
	}
	return events, nil
}
