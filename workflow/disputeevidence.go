package workflow

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
)

// Evidence collects what there is to answer a dispute with, as it stands now. It holds
// personal data.
//
// Errors: kind needs_decision with code "no_order" where its money belongs to no order
// here; those of the ports.
func (w *Disputes) Evidence(ctx context.Context, dispute commerce.Ref) (mapping.Evidence, error) {
	if err := w.Check(); err != nil {
		return mapping.Evidence{}, err
	}
	d := w.OrderToCash.desk()
	x, err := w.Disputes.Dispute(ctx, dispute)
	if err != nil {
		return mapping.Evidence{}, err
	}
	order, err := d.orderOf(ctx, x.Payment)
	if err != nil {
		return mapping.Evidence{}, err
	}
	a, err := d.account(ctx, commerce.Event{}, commerce.Ref{}, order)
	if err != nil {
		return mapping.Evidence{}, err
	}
	if len(a.all) == 0 { // from before the start, or not linked yet
		p, err := d.read(ctx, commerce.Event{}, x.Payment, false)
		if err != nil {
			return mapping.Evidence{}, err
		}
		a.all = []commerce.Payment{p}
	}
	return w.collect(ctx, d, a.order, a.all, x)
}

// orderOf returns the order that a payment is for, the first of several.
func (d desk) orderOf(ctx context.Context, payment commerce.Ref) (commerce.Ref, error) {
	p, err := d.read(ctx, commerce.Event{}, payment, false)
	if err != nil {
		return commerce.Ref{}, err
	}
	for _, h := range p.Orders {
		ref, err := d.shop.Find(ctx, h)
		if err == nil || !errors.Is(err, commerce.ErrNotFound) {
			return ref, err
		}
	}
	order, err := recall[commerce.Ref](ctx, d.steps, keyNamed(p.Ref))
	if errors.Is(err, commerce.ErrNotFound) || err == nil && !owns(d.shop, order) {
		return commerce.Ref{}, refuse(commerce.KindNeedsDecision, "find order of "+p.Ref.ID, "no_order", "the payment of %s names no order here", p.Amount)
	}
	return order, err
}

func (w *Disputes) collect(ctx context.Context, d desk, o commerce.Order, payments []commerce.Payment, x commerce.Dispute) (mapping.Evidence, error) {
	e := mapping.Evidence{Dispute: x, Order: o, Payments: slices.Clone(payments)}
	slices.SortStableFunc(e.Payments, func(a, b commerce.Payment) int {
		return rankOf(b.Ref == x.Payment) - rankOf(a.Ref == x.Payment)
	})
	var err error
	if w.Refunds != nil {
		if e.Refunds, err = w.Refunds.Refunds(ctx, x.Payment); err != nil {
			return e, err
		}
	}
	if e.Shipments, err = w.shipments(ctx, d, o); err != nil {
		return e, err
	}
	if w.Letters != nil {
		if e.Letters, err = w.Letters.Letters(ctx, o); err != nil {
			return e, err
		}
	}
	e.Missing = missing(e)
	return e, nil
}

func rankOf(first bool) int {
	if first {
		return 1
	}
	return 0
}

// shipments are those of the warehouse that were linked to the order, or else the shop's.
func (w *Disputes) shipments(ctx context.Context, d desk, o commerce.Order) ([]commerce.Shipment, error) {
	var out []commerce.Shipment
	if depot := w.OrderToCash.Warehouse; depot != nil {
		subjects, err := d.links.Subjects(ctx, o.Ref)
		if err != nil {
			return nil, err
		}
		for _, s := range subjects {
			if s.System != depot.System() {
				continue
			}
			sent, err := depot.Shipment(ctx, s)
			switch {
			case errors.Is(err, commerce.ErrNotFound):
				continue
			case err != nil:
				return nil, err
			}
			out = append(out, sent)
		}
	}
	shop, ok := d.shop.(Shipments)
	if len(out) > 0 || !ok {
		slices.SortStableFunc(out, func(a, b commerce.Shipment) int { return a.Sent.Compare(b.Sent) })
		return out, nil
	}
	return shop.Shipments(ctx, o.Ref)
}

// missing names what would help and is not there.
func missing(e mapping.Evidence) []string {
	var out []string
	for _, m := range []struct {
		what string
		is   bool
	}{
		{"customer_email", e.Order.Customer.Email == ""},
		{"shipping_address", physical(e.Order) && e.Order.ShippingAddress == nil},
		{"shipment", physical(e.Order) && len(e.Shipments) == 0},
		{"tracking", len(e.Shipments) > 0 && !slices.ContainsFunc(e.Shipments, tracked)},
		{"letters", len(e.Letters) == 0},
	} {
		if m.is {
			out = append(out, m.what)
		}
	}
	return out
}

func tracked(s commerce.Shipment) bool {
	return slices.ContainsFunc(s.Parcels, func(p commerce.Parcel) bool { return p.Tracking != "" })
}

// pack gives the host the evidence of a dispute that asks for some.
func (w *Disputes) pack(ctx context.Context, d desk, o commerce.Order, a account, x commerce.Dispute) error {
	if w.Package == nil || x.Status != commerce.DisputeOpen || x.Answered {
		return nil
	}
	e, err := w.collect(ctx, d, o, a.all, x)
	if err != nil {
		return err
	}
	// What the dispute says itself is no content: it changes when this is handed in.
	var back []string
	for _, r := range e.Refunds {
		back = append(back, r.Ref.ID+" "+string(r.Status))
	}
	content := hashOf(x.Ref, a.content, strings.Join(back, ","), e.Shipments, e.Letters)
	_, err = d.step(ctx, "dispute.evidence/"+x.Ref.String()+"/"+content, idempotency.Effect[commerce.Document]{
		Class: idempotency.Keyed, // the host is told again where nobody knows whether it heard
		Act: func(ctx context.Context) (commerce.Document, error) {
			return commerce.Document{Ref: x.Ref, Total: x.Amount}, w.Package(ctx, e)
		},
	})
	return err
}
