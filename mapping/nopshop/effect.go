package nopshop

import (
	"context"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/nopcommerce"
)

// document is an Effect's usual result.
type document = idempotency.Effect[commerce.Document]

func (s *Shop) effect(class idempotency.Class, find, act func(context.Context) (commerce.Document, error)) document {
	return document{Class: class, Settle: s.c.Settle, Find: find, Act: act}
}

// absent says that an effect is certainly not there.
func absent(op, text string) error {
	return &commerce.Error{Kind: commerce.KindNotFound, System: System, Op: op, Text: text}
}

// refused is a write that was not sent because the order does not allow it.
func refused(kind commerce.Kind, op, code, format string, args ...any) error {
	e := commerce.Errorf(kind, System, op, format, args...)
	e.Code, e.Outcome = code, commerce.NotSent
	return e
}

// notSent marks the failure of a read or of a mapping before a write.
func notSent(op string, err error) error {
	return &commerce.Error{Kind: commerce.KindOf(err), System: System, Op: op, Outcome: commerce.NotSent,
		RetryAfter: commerce.RetryAfter(err), Err: err}
}

// mark wraps a key so that no other key can contain it.
func mark(key string) string { return "[" + key + "]" }

// RecordPayment makes the order paid in the shop's books without asking its gateway, and
// leaves the payment's id on it: as a generic attribute and as a note. The gateway's own
// fields stay as they are, since they can only be written over the whole order.
//
// It is guarded by the order itself: an order that is paid and shows a payment at Stripe
// is found, whoever did it, so that the shop's own plugin and we never both do. One that a
// person marked as paid gets the id. Of Act, not sent: kind needs_decision, code
// "not_payable", where the shop does not allow it (canceled, or its authorisation was
// released).
func (s *Shop) RecordPayment(o commerce.Order, p commerce.Payment) document {
	op := "record payment of " + o.Ref.ID
	text := "Paid: " + p.Ref.ID + ", " + p.Captured.String() + "."
	if p.Charge != "" && p.Charge != p.Ref.ID {
		text = "Paid: " + p.Ref.ID + ", " + p.Charge + ", " + p.Captured.String() + "."
	}
	read := func(ctx context.Context) (nopcommerce.Order, string, error) {
		id, err := s.id(op, o.Ref)
		if err != nil {
			return nopcommerce.Order{}, "", err
		}
		attributes, err := s.attributes(ctx, id)
		if err != nil {
			return nopcommerce.Order{}, "", err
		}
		now, err := s.client.Orders.Get(ctx, id)
		return now, paymentID(now, attributes), err
	}
	return s.effect(idempotency.Guarded, func(ctx context.Context) (commerce.Document, error) {
		now, payment, err := read(ctx)
		switch {
		case err != nil:
			return commerce.Document{}, err
		case !s.c.Statuses.paid(now):
			return commerce.Document{}, absent(op, "the order's payment is "+now.PaymentStatus.String())
		case payment == "":
			return commerce.Document{}, absent(op, "the order is paid and shows no payment")
		}
		left, err := o.Due()
		return commerce.Document{Ref: o.Ref, Number: now.CustomOrderNumber, State: "paid", Total: left}, err
	}, func(ctx context.Context) (commerce.Document, error) {
		now, _, err := read(ctx)
		if err != nil {
			return commerce.Document{}, notSent(op, err)
		}
		paid := s.c.Statuses.paid(now)
		payable := now.PaymentStatus == nopcommerce.PaymentPending || now.PaymentStatus == nopcommerce.PaymentAuthorized
		if !paid && (!payable || now.Status == nopcommerce.OrderCancelled || now.Deleted) {
			return commerce.Document{}, refused(commerce.KindNeedsDecision, op, "not_payable",
				"the order is %s and its payment %s: the shop does not take it as paid", s.c.Statuses.of(now, false), now.PaymentStatus)
		}
		// The ids first: what was marked as paid is not come back to. Each may be written again.
		if err := s.keep(ctx, now.ID, paymentKey, p.Ref.ID); err != nil {
			return commerce.Document{}, err
		}
		if err := s.noteOnce(ctx, op, now.ID, p.Ref.ID, text); err != nil {
			return commerce.Document{}, err
		}
		if !paid {
			if now, err = s.client.Processing.MarkPaid(ctx, now.ID); err != nil {
				return commerce.Document{}, err
			}
		}
		return commerce.Document{Ref: o.Ref, Number: now.CustomOrderNumber, State: "paid"}, nil
	})
}

// noted reports whether an order has a note with a mark.
func (s *Shop) noted(ctx context.Context, id nopcommerce.ID, key string) (bool, error) {
	notes, err := s.client.Notes.List(ctx, id)
	for _, n := range notes {
		if strings.Contains(n.Text, mark(key)) {
			return true, err
		}
	}
	return false, err
}

// noteOnce leaves a note that belongs to another write, unless it is there.
func (s *Shop) noteOnce(ctx context.Context, op string, id nopcommerce.ID, key, text string) error {
	there, err := s.noted(ctx, id, key)
	if err != nil {
		return notSent(op, err)
	}
	if there {
		return nil
	}
	_, err = s.client.Notes.Add(ctx, nopcommerce.Note{OrderID: id, Text: text + " " + mark(key)})
	return err
}

// Note leaves a remark on the order that customers do not see, with its key in brackets
// behind it. Marked. The last remark of each sort, which is the first word of the key
// ("failed"), also stands in the generic attribute commerce_note_failed: a shop has no
// other place for a payment that failed.
func (s *Shop) Note(o commerce.Order, n mapping.Note) document {
	op := "note on " + o.Ref.ID
	doc := commerce.Document{Ref: o.Ref, Number: o.Number, State: "noted"}
	return s.effect(idempotency.Marked, func(ctx context.Context) (commerce.Document, error) {
		id, err := s.id(op, o.Ref)
		if err != nil {
			return commerce.Document{}, err
		}
		there, err := s.noted(ctx, id, n.Key)
		if err == nil && !there {
			err = absent(op, "no note has the mark")
		}
		return doc, err
	}, func(ctx context.Context) (commerce.Document, error) {
		id, err := s.id(op, o.Ref)
		if err != nil {
			return commerce.Document{}, err
		}
		sort, _, _ := strings.Cut(n.Key, " ")
		if sort == "" {
			return commerce.Document{}, refused(commerce.KindInvalid, op, "", "Note.Key is empty")
		}
		text := n.Text + " " + mark(n.Key)
		if err := s.keep(ctx, id, noteKey+sort, clip(text)); err != nil {
			// Whatever became of the attribute, the note was not sent.
			return commerce.Document{}, notSent(op, err)
		}
		if _, err := s.client.Notes.Add(ctx, nopcommerce.Note{OrderID: id, Text: text}); err != nil {
			return commerce.Document{}, err
		}
		return doc, nil
	})
}

// clip bounds a value, which travels in an address.
func clip(s string) string {
	const most = 500
	if r := []rune(s); len(r) > most {
		return string(r[:most-3]) + "..."
	}
	return s
}

// Values of holdKey.
const (
	held     = "held"
	released = "released"
)

// Hold asks everybody to stop fulfilment of the order. The shop has no such state: the
// order gets a generic attribute, by which [Shop.Order] says on_hold, and a note. Nothing
// in the shop itself stops; whoever ships from its admin has to read the note. It is guarded
// by the attribute. An order that is past holding (complete, canceled, refunded, in a
// status of a plugin) is of kind conflict, code "not_holdable", and nothing was sent.
func (s *Shop) Hold(o commerce.Order) document {
	return s.hold("hold "+o.Ref.ID, o, held, "On hold: do not ship until it is released.")
}

// Unhold lets a held order go on. It is guarded: an order that is not on hold is found.
func (s *Shop) Unhold(o commerce.Order) document {
	return s.hold("unhold "+o.Ref.ID, o, released, "Released: it may be shipped.")
}

func (s *Shop) hold(op string, o commerce.Order, want, text string) document {
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
		return now, attributes[holdKey] == held, err
	}
	return s.effect(idempotency.Guarded, func(ctx context.Context) (commerce.Document, error) {
		now, is, err := read(ctx)
		if err != nil {
			return commerce.Document{}, err
		}
		state := s.c.Statuses.of(now, is)
		if is != (want == held) {
			return commerce.Document{}, absent(op, "the order is "+string(state))
		}
		return commerce.Document{Ref: o.Ref, Number: now.CustomOrderNumber, State: string(state)}, nil
	}, func(ctx context.Context) (commerce.Document, error) {
		now, _, err := read(ctx)
		if err != nil {
			return commerce.Document{}, notSent(op, err)
		}
		if state := s.c.Statuses.of(now, true); want == held && state != commerce.OrderOnHold {
			return commerce.Document{}, refused(commerce.KindConflict, op, "not_holdable", "an order that is %s can not be held", state)
		}
		// The note first: with the attribute all is done, and nobody comes back.
		last, err := s.lastSaid(ctx, now.ID, held, released)
		if err != nil {
			return commerce.Document{}, notSent(op, err)
		}
		if last != want {
			if _, err := s.client.Notes.Add(ctx, nopcommerce.Note{OrderID: now.ID, Text: text + " " + mark(want)}); err != nil {
				return commerce.Document{}, err
			}
		}
		if err := s.keep(ctx, now.ID, holdKey, want); err != nil {
			return commerce.Document{}, err
		}
		return commerce.Document{Ref: o.Ref, Number: now.CustomOrderNumber}, nil
	})
}

// lastSaid returns which of some marks the newest note with one has: an attempt that ended
// before the attribute has left one.
func (s *Shop) lastSaid(ctx context.Context, id nopcommerce.ID, marks ...string) (last string, err error) {
	notes, err := s.client.Notes.List(ctx, id)
	newest := nopcommerce.ID(0)
	for _, n := range notes {
		for _, said := range marks {
			if strings.Contains(n.Text, mark(said)) && n.ID > newest {
				newest, last = n.ID, said
			}
		}
	}
	return last, err
}
