package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
)

// An order that is to wait has a decision for each cause of it: "order.held/<order>/<cause>".
// A cause is over with "order.released/<order>/<cause>", for ever: what was judged does not
// hold again. The shop has one hold at most, which is set for the first cause that finds
// the order free and is taken back with the last. A hold that somebody else set stays
// theirs, and one of ours that somebody lifted is a decision about all causes of that time.

func keyHeld(order commerce.Ref, cause string) string {
	return "order.held/" + order.String() + "/" + cause
}

func keyReleased(order commerce.Ref, cause string) string {
	return "order.released/" + order.String() + "/" + cause
}

// heldFor is the decision that an order is to wait.
type heldFor struct {
	Cause string `json:"cause"`
	Why   string `json:"why"`
	// over: it was released; set: the shop's hold was set for it, and is not taken back.
	over, set bool
	hold      idempotency.Record // of the shop's hold, where it was begun
}

// holdFor decides that the order is to wait for a cause, unless that was released before.
func (d desk) holdFor(ctx context.Context, order commerce.Ref, cause, why string) (new bool, err error) {
	if over, err := d.done(ctx, keyReleased(order, cause)); over || err != nil {
		return false, err
	}
	if held, err := d.done(ctx, keyHeld(order, cause)); held || err != nil {
		return false, err
	}
	_, err = remember(ctx, d, keyHeld(order, cause), heldFor{Cause: cause, Why: why})
	return err == nil, err
}

// releaseOf decides that causes of the order are over. Who says by whom.
func (d desk) releaseOf(ctx context.Context, order commerce.Ref, who string, causes ...heldFor) error {
	for _, c := range causes {
		if !c.over {
			if _, err := remember(ctx, d, keyReleased(order, c.Cause), who); err != nil {
				return err
			}
		}
	}
	return nil
}

// heldFors reads all causes for which an order was to wait, oldest first.
func (d desk) heldFors(ctx context.Context, order commerce.Ref) ([]heldFor, error) {
	var all []heldFor
	for rec, err := range d.steps.List(ctx, keyHeld(order, ""), time.Time{}) {
		if err != nil {
			return nil, err
		}
		var c heldFor
		if rec.State != idempotency.Done {
			continue // the decision is made again
		}
		if err := json.Unmarshal(rec.Result, &c); err != nil {
			return nil, commerce.Errorf(commerce.KindInternal, system, "read holds of "+order.ID, "the stored decision does not fit: %w", err)
		}
		if c.over, err = d.done(ctx, keyReleased(order, c.Cause)); err != nil {
			return nil, err
		}
		c.hold, err = d.steps.Get(ctx, keyHoldFor(order, c.Cause))
		if err != nil && !errors.Is(err, commerce.ErrNotFound) {
			return nil, err
		}
		if c.set = c.hold.State == idempotency.Done; c.set {
			back, err := d.done(ctx, keyUnholdFor(order, c.Cause))
			if err != nil {
				return nil, err
			}
			c.set = !back
		}
		all = append(all, c)
	}
	return all, nil
}

func keyHoldFor(order commerce.Ref, cause string) string {
	return keyHold(order, commerce.Ref{ID: cause})
}

func keyUnholdFor(order commerce.Ref, cause string) string {
	return "shop.unhold/" + order.String() + "/" + cause
}

// obey makes the shop's hold what the decisions ask for, and reports whether the order has
// to wait. The order comes back in the state that it has then.
func (d desk) obey(ctx context.Context, o commerce.Order) (_ commerce.Order, waits bool, err error) {
	all, err := d.heldFors(ctx, o.Ref)
	if err != nil || len(all) == 0 {
		return o, false, err
	}
	free := o.State == commerce.OrderPending || o.State == commerce.OrderProcessing
	for i, c := range all {
		if c.hold.State != idempotency.Open && c.hold.State != idempotency.Unknown {
			continue
		}
		// A hold may be on its way. It is ours once the order is on hold.
		left := c.hold.Started.Add(c.hold.Settle).Sub(d.now())
		switch {
		case left > 0:
			return o, true, park("hold "+o.Ref.ID, left, "a hold may still be on its way")
		case o.State == commerce.OrderOnHold || free && !c.over:
			if o, err = d.setHold(ctx, o, c.Cause); err != nil {
				return o, true, err
			}
			all[i].set = o.State == commerce.OrderOnHold
			free = false
		}
	}
	standing := func(c heldFor) bool { return !c.over }
	set := slices.DeleteFunc(slices.Clone(all), func(c heldFor) bool { return !c.set })
	switch first := slices.IndexFunc(all, standing); {
	case len(set) > 0 && free:
		if err := d.unhold(ctx, o, set); err != nil { // found: somebody has
			return o, false, err
		}
		return o, false, d.releaseOf(ctx, o.Ref, "lifted at the shop", all...)
	case first < 0 && o.State == commerce.OrderOnHold && len(set) > 0:
		if err := d.unhold(ctx, o, set); err != nil {
			return o, true, err
		}
		now, err := d.shop.Order(ctx, o.Ref)
		o.State, o.RawState, o.RawStatus = now.State, now.RawState, now.RawStatus
		return o, false, err
	case first < 0:
		return o, false, nil
	case free:
		o, err = d.setHold(ctx, o, all[first].Cause)
	}
	return o, true, err
}

// setHold holds the order at the shop. One that can not be held waits by the decision alone.
func (d desk) setHold(ctx context.Context, o commerce.Order, cause string) (commerce.Order, error) {
	_, err := d.step(ctx, keyHoldFor(o.Ref, cause), d.shop.Hold(o))
	switch {
	case err == nil:
		o.State = commerce.OrderOnHold
	case errors.Is(err, commerce.ErrConflict):
		return o, nil
	}
	return o, err
}

func (d desk) unhold(ctx context.Context, o commerce.Order, set []heldFor) error {
	for _, c := range set {
		if _, err := d.step(ctx, keyUnholdFor(o.Ref, c.Cause), d.shop.Unhold(o)); err != nil {
			return err
		}
	}
	return nil
}

// goOn tells the order's workflows that it may go on, once for the causes that are over.
func (d desk) goOn(ctx context.Context, e commerce.Event, o commerce.Order, causes []heldFor) error {
	var over []string
	for _, c := range causes {
		over = append(over, c.Cause)
	}
	id := o.Ref.With(o.Ref.ID + " released " + hashOf(o.Ref, over))
	raw, err := json.Marshal(map[string]string{"because": e.Ref.String(), "released": strings.Join(over, ", ")})
	if err != nil {
		return commerce.Errorf(commerce.KindInternal, system, "release "+o.Ref.ID, "%w", err)
	}
	return inbox.Emit(ctx, commerce.Event{Ref: id, Type: orderChanged, Object: o.Ref.ID, Subject: o.Ref.ID, Person: e.Person, Raw: raw})
}
