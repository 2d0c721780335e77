package stripepay

import (
	"context"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/stripe"
)

// Handler makes a handler for an inbox of a function that reads events in Stripe's own
// words. The function gets each change once, whole:
//
//   - An event that lacks a required fact, and a thin one, is mended with one request
//     ([stripe.EventService.Decode]); a fact that Stripe does not know either is a
//     *stripe.GapError, which buries the event.
//   - Of two events with different ids for one change ([stripe.Event.Change]) the second
//     is done without a call. It has to be of the same minute as one that is done
//     already, and of the same API request, or both of none; and where the same object had another change
//     of that type between them, both are worked: the state has come back.
//
// store is the inbox's. The workflows of this module need no Handler: they read the
// payment itself and take each step once.
func Handler(name string, client *stripe.Client, store inbox.Store, f func(context.Context, *stripe.Event) error) inbox.Handler {
	return inbox.Handler{Name: name, Handle: func(ctx context.Context, e commerce.Event) error {
		event, err := client.Events.Decode(ctx, e.Raw)
		if err != nil {
			return err
		}
		if told, err := told(ctx, store, e, event); told || err != nil {
			return err
		}
		return f(ctx, event)
	}}
}

// near is how far apart two events for one change may have been created. Stripe names
// no figure; it makes them together.
const near = time.Minute

// told reports whether another event for the same change is done.
func told(ctx context.Context, store inbox.Store, e commerce.Event, event *stripe.Event) (bool, error) {
	if e.Object == "" {
		return false, nil // a balance: nothing tells one from the next
	}
	root := e.SubjectRef().String()
	if a, ok := inbox.AttemptOf(ctx); ok {
		root = a.Lease.Root
	}
	change := event.Change()
	var twins, others []time.Time
	for row, err := range store.Timeline(ctx, root) {
		if err != nil {
			return false, err
		}
		apart := row.Event.Created.Sub(e.Created)
		if row.Event.Ref == e.Ref || row.Event.Ref.With("") != e.Ref.With("") || row.Event.Type != e.Type ||
			row.Event.Object != e.Object || apart.Abs() > near {
			continue
		}
		if row, err = store.Get(ctx, row.Seq); err != nil {
			return false, err
		}
		other, _ := stripe.DecodeEvent(row.Event.Raw) // a gap does not matter: the bytes tell the change
		switch {
		case other == nil || other.Change() != change:
			others = append(others, row.Event.Created)
		case row.State == inbox.Done && other.RequestID == event.RequestID:
			twins = append(twins, row.Event.Created)
		}
	}
	for _, twin := range twins {
		if !between(others, twin, e.Created) {
			return true, nil
		}
	}
	return false, nil
}

// between reports whether any time is not outside of a and b.
func between(times []time.Time, a, b time.Time) bool {
	if b.Before(a) {
		a, b = b, a
	}
	for _, t := range times {
		if !t.Before(a) && !t.After(b) {
			return true
		}
	}
	return false
}
