package magentoshop

import (
	"cmp"
	"context"
	"regexp"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/magento"
)

// suspected is the status that Magento itself has for a suspicion. It belongs to two
// states (2.4.6).
const suspected = "fraud"

var suspectable = map[string]string{"processing": "processing", "payment_review": "payment_review"}

// wasShown finds in a comment what an order showed before it was suspected.
var wasShown = regexp.MustCompile(`\[suspected, was ([^\]]*)\]$`)

// Suspect shows the order as suspected of fraud, by the status of that name and a comment
// that keeps the one before. State, stock and fulfilment stay: it stops nothing. Guarded: an
// order that shows it is found. The document's State is what the order showed before; where
// somebody else has said so, that is "fraud" itself.
//
// Errors of Act, not sent: kind conflict, code "not_suspectable", where the order's state
// has no such status.
func (s *Shop) Suspect(o commerce.Order) document {
	op := "suspect " + o.Ref.ID
	return s.effect(idempotency.Guarded, func(ctx context.Context) (commerce.Document, error) {
		now, err := s.current(ctx, op, o)
		if err == nil && now.Status != suspected {
			err = absent(op, "the order shows "+now.Status)
		}
		return commerce.Document{Ref: o.Ref, Number: now.IncrementID, State: before(now)}, err
	}, func(ctx context.Context) (commerce.Document, error) {
		now, err := s.current(ctx, op, o)
		if err != nil {
			return commerce.Document{}, notSent(op, err)
		}
		if suspectable[now.State] == "" {
			return commerce.Document{}, refused(commerce.KindConflict, op, "not_suspectable", "an order in state %q can not be shown as suspected", now.State)
		}
		was := cmp.Or(now.Status, suspectable[now.State])
		err = s.client.Orders.Comment(ctx, now.EntityID, magento.Comment{Status: suspected, Text: "Suspected of fraud. [suspected, was " + was + "]"})
		if err != nil {
			return commerce.Document{}, err
		}
		return commerce.Document{Ref: o.Ref, Number: now.IncrementID, State: was}, nil
	})
}

// before is what an order showed before it was suspected, by the newest comment of ours.
func before(o magento.Order) string {
	newest, was := magento.ID(0), suspected
	for _, h := range o.StatusHistories {
		if found := wasShown.FindStringSubmatch(h.Comment); found != nil && h.EntityID > newest {
			newest, was = h.EntityID, found[1]
		}
	}
	return was
}

// Trust takes a suspicion back: an order that still shows it shows again what it did
// before. Guarded: one that shows something else is found, as somebody was quicker. A status
// that the shop has added has to stand in magento.Config.Statuses.
func (s *Shop) Trust(o commerce.Order, was string) document {
	op := "trust " + o.Ref.ID
	return s.effect(idempotency.Guarded, func(ctx context.Context) (commerce.Document, error) {
		now, err := s.current(ctx, op, o)
		if err == nil && now.Status == suspected && was != suspected {
			err = absent(op, "the order is suspected")
		}
		return commerce.Document{Ref: o.Ref, Number: now.IncrementID, State: now.Status}, err
	}, func(ctx context.Context) (commerce.Document, error) {
		now, err := s.current(ctx, op, o)
		if err != nil {
			return commerce.Document{}, notSent(op, err)
		}
		if now.Status == suspected && was != suspected {
			if err := s.client.Orders.Comment(ctx, now.EntityID, magento.Comment{Status: cmp.Or(was, suspectable[now.State]), Text: "No longer suspected of fraud."}); err != nil {
				return commerce.Document{}, err
			}
			now.Status = was
		}
		return commerce.Document{Ref: o.Ref, Number: now.IncrementID, State: now.Status}, nil
	})
}

// current reads an order as the shop has it now.
func (s *Shop) current(ctx context.Context, op string, o commerce.Order) (magento.Order, error) {
	id, err := s.id(op, o.Ref)
	if err != nil {
		return magento.Order{}, err
	}
	return s.client.Orders.Get(ctx, id)
}
