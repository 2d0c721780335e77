package nopshop

import (
	"context"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/nopcommerce"
)

// Values of suspectKey.
const (
	suspected = "suspected"
	trusted   = "trusted"
)

// Suspect shows the order as suspected of fraud. The shop has no such status: the order gets
// a generic attribute and a note, and nothing stops. Guarded by the attribute. The
// document's State is always "trusted": an order that nobody suspected shows nothing.
//
// Errors of Act, not sent: kind conflict, code "not_suspectable", where the order is over
// (complete, canceled, refunded) or in a status of a plugin.
func (s *Shop) Suspect(o commerce.Order) document {
	return s.doubt("suspect "+o.Ref.ID, o, suspected, "Suspected of fraud: look at it before it is shipped.")
}

// Trust takes a suspicion back. Guarded: an order that is not suspected is found. What it
// showed before is nothing, whatever was says.
func (s *Shop) Trust(o commerce.Order, _ string) document {
	return s.doubt("trust "+o.Ref.ID, o, trusted, "No longer suspected of fraud.")
}

func (s *Shop) doubt(op string, o commerce.Order, want, text string) document {
	done := commerce.Document{Ref: o.Ref, Number: o.Number, State: trusted}
	read := func(ctx context.Context) (nopcommerce.Order, bool, error) {
		id, err := s.id(op, o.Ref)
		if err != nil {
			return nopcommerce.Order{}, false, err
		}
		attributes, err := s.attributes(ctx, id)
		if err != nil {
			return nopcommerce.Order{}, false, err
		}
		now, err := s.client.Orders.Get(ctx, id)
		return now, attributes[suspectKey] == suspected, err
	}
	return s.effect(idempotency.Guarded, func(ctx context.Context) (commerce.Document, error) {
		_, is, err := read(ctx)
		if err == nil && is != (want == suspected) {
			err = absent(op, "the order is not "+want)
		}
		return done, err
	}, func(ctx context.Context) (commerce.Document, error) {
		now, is, err := read(ctx)
		if err != nil {
			return commerce.Document{}, notSent(op, err)
		}
		if is == (want == suspected) {
			return done, nil
		}
		if state := s.c.Statuses.of(now, false); want == suspected && state != commerce.OrderPending && state != commerce.OrderProcessing {
			return commerce.Document{}, refused(commerce.KindConflict, op, "not_suspectable", "an order that is %s can not be shown as suspected", state)
		}
		// The note first: with the attribute all is done, and nobody comes back.
		last, err := s.lastSaid(ctx, now.ID, suspected, trusted)
		if err != nil {
			return commerce.Document{}, notSent(op, err)
		}
		if last != want {
			if _, err := s.client.Notes.Add(ctx, nopcommerce.Note{OrderID: now.ID, Text: text + " " + mark(want)}); err != nil {
				return commerce.Document{}, err
			}
		}
		return done, s.keep(ctx, now.ID, suspectKey, want)
	})
}
