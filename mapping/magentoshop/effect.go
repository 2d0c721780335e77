package magentoshop

import (
	"context"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/mapping"
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

// RecordPayment makes the order paid in the shop's books without moving money: one
// invoice over all that is left, with capture off, whose comment names the payment.
// It is guarded by the order itself: an order whose whole total is paid is found,
// whoever paid it, so that the shop's own Stripe module and we never both invoice.
//
// Errors of Act, not sent: kind needs_decision, code "open_invoice", where an invoice
// waits for its capture; kind invalid where the shop refuses (an order on hold).
func (s *Shop) RecordPayment(o commerce.Order, p commerce.Payment) document {
	op := "record payment of " + o.Ref.ID
	read := func(ctx context.Context) (magento.Order, []magento.Invoice, error) {
		id, err := s.id(op, o.Ref)
		if err != nil {
			return magento.Order{}, nil, err
		}
		// The order is read last: an invoice made in between shows as paid with no
		// invoice, never as an invoice without its payment.
		invoices, err := s.invoices(ctx, id)
		if err != nil {
			return magento.Order{}, nil, err
		}
		now, err := s.client.Orders.Get(ctx, id)
		return now, invoices, err
	}
	return s.effect(idempotency.Guarded, func(ctx context.Context) (commerce.Document, error) {
		now, invoices, err := read(ctx)
		if err != nil {
			return commerce.Document{}, err
		}
		paid, err := isPaid(now)
		if err != nil {
			return commerce.Document{}, err
		}
		if !paid {
			return commerce.Document{}, absent(op, "paid in the shop is less than the order's total")
		}
		doc := commerce.Document{Ref: o.Ref, Number: now.IncrementID, State: "paid", Total: o.Paid}
		for _, i := range invoices {
			if i.State == magento.InvoicePaid {
				doc.Ref, doc.Number = s.origin.With("invoice/"+i.EntityID.String()), i.IncrementID
			}
		}
		if doc.Total, _, err = now.TotalPaid.Money(o.Currency); err != nil {
			return commerce.Document{}, mapping.Faultf("magento "+o.Ref.ID, "total_paid", string(now.TotalPaid), "%v", err)
		}
		return doc, nil
	}, func(ctx context.Context) (commerce.Document, error) {
		now, invoices, err := read(ctx)
		if err != nil {
			return commerce.Document{}, notSent(op, err)
		}
		for _, i := range invoices {
			if i.State == magento.InvoiceOpen {
				return commerce.Document{}, refused(commerce.KindNeedsDecision, op, "open_invoice",
					"invoice %s waits for its capture; capture or cancel it in the shop", i.IncrementID)
			}
		}
		made, err := s.client.Orders.Invoice(ctx, now.EntityID, magento.InvoiceParams{
			Comment: "Paid: " + p.Ref.ID + ", " + p.Captured.String() + " " + mark(p.Ref.String()),
		})
		if err != nil {
			return commerce.Document{}, err
		}
		return commerce.Document{Ref: s.origin.With("invoice/" + made.String()), State: "paid"}, nil
	})
}

// isPaid reports whether all of the order's total is paid, in the shop's own figures.
// An order over nothing is paid once the shop has moved it on.
func isPaid(o magento.Order) (bool, error) {
	paid, err := mapping.ParseAmount(string(o.TotalPaid))
	if err != nil {
		return false, err
	}
	total, err := mapping.ParseAmount(string(o.GrandTotal))
	if err != nil {
		return false, err
	}
	if total == 0 {
		return o.TotalPaid != "" || o.State == "complete" || o.State == "closed", nil
	}
	return paid >= total, nil
}

func (s *Shop) invoices(ctx context.Context, order magento.ID) ([]magento.Invoice, error) {
	var out []magento.Invoice
	for i, err := range s.client.Invoices.List(ctx, ofOrder(order)) {
		if err != nil {
			return nil, err
		}
		out = append(out, i)
	}
	return out, nil
}

func ofOrder(id magento.ID) magento.ListParams {
	return magento.ListParams{Filters: magento.Where(magento.Filter{Field: "order_id", Value: id.String()})}
}

// Note leaves a remark on the order for the merchant's eyes, with its key in
// brackets behind it. State and status stay. Marked.
func (s *Shop) Note(o commerce.Order, n mapping.Note) document {
	op := "note on " + o.Ref.ID
	doc := commerce.Document{Ref: o.Ref, Number: o.Number, State: "noted"}
	return s.effect(idempotency.Marked, func(ctx context.Context) (commerce.Document, error) {
		id, err := s.id(op, o.Ref)
		if err != nil {
			return commerce.Document{}, err
		}
		comments, err := s.client.Orders.Comments(ctx, id)
		if err != nil {
			return commerce.Document{}, err
		}
		for _, c := range comments {
			if strings.Contains(c.Comment, mark(n.Key)) {
				return doc, nil
			}
		}
		return commerce.Document{}, absent(op, "no comment has the mark")
	}, func(ctx context.Context) (commerce.Document, error) {
		id, err := s.id(op, o.Ref)
		if err != nil {
			return commerce.Document{}, err
		}
		if n.Key == "" {
			return commerce.Document{}, refused(commerce.KindInvalid, op, "", "Note.Key is empty")
		}
		if err := s.client.Orders.Comment(ctx, id, magento.Comment{Text: n.Text + " " + mark(n.Key)}); err != nil {
			return commerce.Document{}, err
		}
		return doc, nil
	})
}

const held = "holded" // spelled so

// holdable are the states that Magento lets be held (2.4.6).
var holdable = map[string]bool{"new": true, "pending_payment": true, "processing": true}

// Hold stops fulfilment of the order. It is guarded: an order on hold is found. One
// that can not be held (complete, closed, canceled, in review, in a state of a plugin)
// is of kind conflict, code "not_holdable", and nothing was sent.
func (s *Shop) Hold(o commerce.Order) document {
	op := "hold " + o.Ref.ID
	return s.move(op, o, func(state string) bool { return state == held },
		func(ctx context.Context, now magento.Order) error {
			if !holdable[now.State] {
				return refused(commerce.KindConflict, op, "not_holdable", "an order in state %q can not be held", now.State)
			}
			return s.client.Orders.Hold(ctx, now.EntityID)
		})
}

// Unhold lets a held order go on in the state that it had. It is guarded: an order
// that is not on hold is found.
func (s *Shop) Unhold(o commerce.Order) document {
	return s.move("unhold "+o.Ref.ID, o, func(state string) bool { return state != held },
		func(ctx context.Context, now magento.Order) error { return s.client.Orders.Unhold(ctx, now.EntityID) })
}

func (s *Shop) move(op string, o commerce.Order, there func(state string) bool, act func(context.Context, magento.Order) error) document {
	read := func(ctx context.Context) (magento.Order, error) {
		id, err := s.id(op, o.Ref)
		if err != nil {
			return magento.Order{}, err
		}
		return s.client.Orders.Get(ctx, id)
	}
	return s.effect(idempotency.Guarded, func(ctx context.Context) (commerce.Document, error) {
		now, err := read(ctx)
		if err != nil {
			return commerce.Document{}, err
		}
		if !there(now.State) {
			return commerce.Document{}, absent(op, "the order is in state "+now.State)
		}
		return commerce.Document{Ref: o.Ref, Number: now.IncrementID, State: now.State}, nil
	}, func(ctx context.Context) (commerce.Document, error) {
		now, err := read(ctx)
		if err != nil {
			return commerce.Document{}, notSent(op, err)
		}
		if err := act(ctx, now); err != nil {
			return commerce.Document{}, err
		}
		return commerce.Document{Ref: o.Ref, Number: now.IncrementID}, nil
	})
}
