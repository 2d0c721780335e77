package inbox

import (
	"context"
	"iter"
	"strings"

	"github.com/commercesync/commerce"
)

// List yields entries without their raw bytes, ascending by Seq.
func (in *Inbox) List(ctx context.Context, f Filter) iter.Seq2[Entry, error] {
	return in.store.List(ctx, f)
}

// Get returns one entry with its raw bytes, or kind not_found.
func (in *Inbox) Get(ctx context.Context, seq int64) (Entry, error) { return in.store.Get(ctx, seq) }

// Timeline yields everything that was ever heard about an order, oldest first.
func (in *Inbox) Timeline(ctx context.Context, order commerce.Ref) iter.Seq2[Entry, error] {
	return in.store.Timeline(ctx, order.String())
}

// Count returns figures of one tenant; "" = of all.
func (in *Inbox) Count(ctx context.Context, tenant string) (Counts, error) {
	return in.store.Count(ctx, tenant)
}

// Replay opens a dead or ignored event again, as a new generation with its attempts
// unspent. The raw bytes stay; overlay, which replaces an earlier one, corrects the
// canonical facts that are made from them. Actor and reason are kept with the event
// and must not be empty; the overlay is bounded by MaxBody. Kind conflict: the event is
// in another state.
func (in *Inbox) Replay(ctx context.Context, seq int64, actor, reason string, overlay commerce.Overlay) error {
	by, err := act("replay", actor, reason)
	if err != nil {
		return err
	}
	size := int64(0)
	for path, value := range overlay {
		size += int64(len(path) + len(value))
	}
	if size > in.c.MaxBody {
		return notSent(commerce.KindLimit, "replay", "the overlay has %d bytes, above MaxBody (%d)", size, in.c.MaxBody)
	}
	if err := in.store.Replay(ctx, seq, by, overlay); err != nil {
		return err
	}
	in.acted(ctx, seq, by)
	in.signal()
	return nil
}

// Discard ends a dead event for good: a person says that nothing is to be done. Actor
// and reason are kept with the event and must not be empty. Kind conflict: the event
// is not dead.
func (in *Inbox) Discard(ctx context.Context, seq int64, actor, reason string) error {
	by, err := act("discard", actor, reason)
	if err != nil {
		return err
	}
	if err := in.store.Discard(ctx, seq, by); err != nil {
		return err
	}
	in.acted(ctx, seq, by)
	return nil
}

func act(verb, actor, reason string) (Act, error) {
	switch {
	case strings.TrimSpace(actor) == "":
		return Act{}, invalid(verb, "actor is empty: who does it?")
	case strings.TrimSpace(reason) == "":
		return Act{}, invalid(verb, "reason is empty: why?")
	}
	return Act{Actor: actor, Verb: verb, Reason: reason}, nil
}

func (in *Inbox) acted(ctx context.Context, seq int64, by Act) {
	in.c.Logger.Info("inbox: a person acted", "seq", seq, "verb", by.Verb)
	in.alert(ctx, Alert{Kind: AlertCleared, Of: AlertDead, Seq: seq})
}
