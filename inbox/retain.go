package inbox

import (
	"context"
	"time"
)

// Retention is how long what has ended is kept, counted from its end. Dead events are
// kept until a person has replayed or discarded them.
type Retention struct {
	// Payloads is how long raw bytes and overlays are kept, and so for how long an
	// ignored event can be replayed. Defaults to 90 days.
	Payloads time.Duration
	// Events is how long it is remembered that an id came and how it ended; what comes
	// again after that is worked again and finds its operations done. It is counted from
	// the event's own creation as well. Defaults to 400 days; at least 45, since Stripe
	// sends an event again for up to 30.
	Events time.Duration
}

const (
	day          = 24 * time.Hour
	minRetention = 45 * day
	pruneRows    = 500    // events that one transaction looks at
	eraseRows    = 10_000 // the same where most are somebody else's
)

// Pruned says how much [Inbox.Prune] removed.
type Pruned struct {
	Payloads int // events that lost their raw bytes and overlays
	Events   int // events that went altogether
}

// Prune removes what is older than r says, a little in each transaction, so that work
// goes on beside it. It may be called at any time, by several processes, and begins anew
// after an error: once a day is right. Links, cursors, the last hashes of polled objects
// and operations are kept for ever: they are the cross reference between the systems.
func (in *Inbox) Prune(ctx context.Context, r Retention) (Pruned, error) {
	def(&r.Payloads, 90*day)
	def(&r.Events, 400*day)
	if r.Payloads < 0 || r.Events < minRetention {
		return Pruned{}, invalid("prune", "Retention.Events must be at least 45 days and Payloads not negative")
	}
	now, err := in.now(ctx)
	if err != nil {
		return Pruned{}, err
	}
	var all Pruned
	ask := PruneRequest{Limit: pruneRows, Payloads: now.Add(-r.Payloads), Events: now.Add(-r.Events)}
	err = in.stretches(ctx, func(ctx context.Context, after int64) (Stretch, error) {
		ask.After = after
		s, err := in.store.Prune(ctx, ask)
		all.Payloads, all.Events = all.Payloads+s.Blank, all.Events+s.Gone
		return s, err
	})
	if err == nil {
		in.c.Logger.Info("inbox: pruned", "payloads", all.Payloads, "events", all.Events)
	}
	return all, err
}

// Erased says what [Inbox.Erase] did.
type Erased struct {
	Events int // events that lost their raw bytes and overlays
	// InWork counts events of the person that are still ready or parked. They keep what
	// they need to end; call Erase again when they have.
	InWork int
}

// Erase removes what the inbox holds of one person: the raw bytes and overlays of every
// event of the tenant whose Person is this one and that has ended or is dead. Person is
// the opaque key of commerce.Event, such as Stripe's customer id. What stays are ids,
// amounts in nobody's name, and how each event ended; none of it can be replayed. What
// other systems hold, and what handlers wrote elsewhere, is theirs to erase.
func (in *Inbox) Erase(ctx context.Context, tenant, person string) (Erased, error) {
	if person == "" {
		return Erased{}, invalid("erase", "person is empty")
	}
	var all Erased
	ask := EraseRequest{Limit: eraseRows, Tenant: tenant, Person: person}
	err := in.stretches(ctx, func(ctx context.Context, after int64) (Stretch, error) {
		ask.After = after
		s, err := in.store.Erase(ctx, ask)
		all.Events, all.InWork = all.Events+s.Blank, all.InWork+s.InWork
		return s, err
	})
	if err == nil {
		in.c.Logger.Info("inbox: erased", "events", all.Events, "in_work", all.InWork)
	}
	return all, err
}

// stretches goes through all events, one bounded call of the store after the other.
func (in *Inbox) stretches(ctx context.Context, one func(ctx context.Context, after int64) (Stretch, error)) error {
	for after := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		call, cancel := in.call(ctx)
		s, err := one(call, after)
		cancel()
		if err != nil || s.Last == 0 {
			return err
		}
		after = s.Last
	}
}

// now is the store's clock.
func (in *Inbox) now(ctx context.Context) (time.Time, error) {
	call, cancel := in.call(ctx)
	defer cancel()
	return in.store.Now(call)
}
