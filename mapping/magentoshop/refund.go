package magentoshop

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/magento"
	"github.com/commercesync/commerce/mapping"
)

// RefundDocuments returns the credit memos of an order that stand, oldest first; canceled
// ones are left out. Money is their grand total where the order's last tender is Stripe's,
// which is what was left after gift cards, store credit and points; what of it went to the
// buyer's store credit instead, REST does not tell. One whose rows can not be said in
// canonical words has no Content, and the log says why.
//
// It costs a request, and where there are memos another one for the order.
func (s *Shop) RefundDocuments(ctx context.Context, o commerce.Order) ([]mapping.RefundDocument, error) {
	id, err := s.id("read credit memos", o.Ref)
	if err != nil {
		return nil, err
	}
	var memos []magento.CreditMemo
	p := ofOrder(id)
	p.ByID = true
	for m, err := range s.client.CreditMemos.List(ctx, p) {
		if err != nil {
			return nil, err
		}
		if m.State != magento.CreditMemoCanceled {
			memos = append(memos, m)
		}
	}
	if len(memos) == 0 {
		return nil, nil
	}
	now, err := s.client.Orders.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	out := make([]mapping.RefundDocument, 0, len(memos))
	for _, m := range memos {
		doc, err := s.refundDocument(ctx, o, &now, m)
		if err != nil {
			return nil, err
		}
		out = append(out, doc)
	}
	return out, nil
}

func (s *Shop) refundDocument(ctx context.Context, o commerce.Order, now *magento.Order, m magento.CreditMemo) (mapping.RefundDocument, error) {
	r := &reader{shop: s, o: now, document: "magento creditmemo " + m.EntityID.String()}
	p := paper{id: "creditmemo/" + m.EntityID.String(), order: m.OrderID, refund: true, created: m.CreatedAt.Time, transaction: m.TransactionID,
		comments: m.Comments, adjustment: m.Adjustment, Totals: m.Totals, items: m.Items}
	doc := mapping.RefundDocument{Document: s.creditMemo(m, r.money("grand_total", m.GrandTotal, o.Currency)), Created: p.created,
		Money: commerce.Zero(o.Currency), Refund: p.named(stripeRefund), Online: m.TransactionID != ""}
	if r.err != nil {
		return mapping.RefundDocument{}, r.err
	}
	if r.tender() == commerce.TenderStripe && doc.Document.Total.Sign() > 0 {
		doc.Money = doc.Document.Total
	}
	if content, err := r.content(o, p); err == nil {
		doc.Content = content
	} else {
		s.c.Logger.WarnContext(ctx, "magento: a credit memo has no rows: "+err.Error(), "document", p.id)
	}
	return doc, nil
}

// content says what a credit memo is made of: its rows after discount, its shipping, and
// the adjustment.
func (r *reader) content(o commerce.Order, p paper) (*mapping.Allocation, error) {
	said, err := r.part(o, p)
	if err != nil {
		return nil, err
	}
	out := &mapping.Allocation{Adjustment: said.Totals.Fees, Total: said.Totals.Gross,
		Fees: mapping.RefundPart{Net: commerce.Zero(o.Currency), Tax: commerce.Zero(o.Currency)}}
	part := func(net, discount, tax commerce.Money, taxes []commerce.TaxLine) mapping.RefundPart {
		less, subErr := net.Sub(discount)
		err = errors.Join(err, subErr)
		return mapping.RefundPart{Net: less, Tax: tax, Taxes: taxes}
	}
	for _, l := range said.Lines {
		out.Lines = append(out.Lines, mapping.RefundLine{Line: l.ID, Quantity: l.Quantity, RefundPart: part(l.Net, l.Discount, l.Tax, l.Taxes)})
	}
	out.Shipping = part(said.Shipping.Net, said.Shipping.Discount, said.Shipping.Tax, said.Shipping.Taxes)
	return out, err
}

func (s *Shop) creditMemo(m magento.CreditMemo, total commerce.Money) commerce.Document {
	return commerce.Document{Ref: s.origin.With("creditmemo/" + m.EntityID.String()), Number: m.IncrementID, State: "refunded", Total: total}
}

// RecordRefund books a refund that has moved money already, by a credit memo of the order,
// which asks no gateway. Its comment names the refund, and finds it again: marked. Rows,
// shipping and adjustment are all said; the adjustment is such that the memo comes to
// r.Amount, as far as the website's base currency can say that. A memo that came to less is
// in state mapping.ShortRefund.
//
// Errors of Act, not sent: kind needs_decision, code "order_held" where the order is on hold
// or in review, "nothing_left" where less is left of what was paid, or the order was closed
// or canceled, "nothing_invoiced" where nothing was recorded as paid.
func (s *Shop) RecordRefund(o commerce.Order, r mapping.RefundRecord) document {
	op := "record refund " + r.Refund.Ref.ID + " of " + o.Ref.ID
	key := mark(r.Refund.Ref.String())
	made := func(m magento.CreditMemo) (commerce.Document, error) {
		total, _, err := m.GrandTotal.Money(o.Currency)
		doc := s.creditMemo(m, total)
		if less, cmpErr := r.Amount.Sub(total); err == nil && cmpErr == nil && less.Sign() > 0 {
			doc.State = mapping.ShortRefund
		}
		return doc, err
	}
	return s.effect(idempotency.Marked, func(ctx context.Context) (commerce.Document, error) {
		id, err := s.id(op, o.Ref)
		if err != nil {
			return commerce.Document{}, err
		}
		m, err := s.client.CreditMemos.Find(ctx, id, key)
		if err != nil {
			return commerce.Document{}, err
		}
		return made(m)
	}, func(ctx context.Context) (commerce.Document, error) {
		id, err := s.id(op, o.Ref)
		if err != nil {
			return commerce.Document{}, err
		}
		if r.Refund.Ref.ID == "" || r.Amount.Sign() <= 0 || r.Amount.Currency() != o.Currency {
			return commerce.Document{}, refused(commerce.KindInvalid, op, "", "the refund has no id, or %s is no amount to go back of an order in %s", r.Amount, o.Currency)
		}
		now, err := s.client.Orders.Get(ctx, id)
		if err != nil {
			return commerce.Document{}, notSent(op, err)
		}
		if err := refundable(op, now, r.Amount); err != nil {
			return commerce.Document{}, err
		}
		read := &reader{shop: s, o: &now, document: "refund " + r.Refund.Ref.ID + " of magento " + o.Ref.ID}
		params, err := read.plan(r.Content, r.Amount, r.Restock)
		if err != nil {
			return commerce.Document{}, notSent(op, err)
		}
		params.Comment = cmp.Or(r.Text, "Refunded") + ": " + r.Refund.Ref.ID + ", " + r.Amount.String() + " " + key
		m, err := s.client.Orders.Refund(ctx, id, params)
		if err != nil {
			return commerce.Document{}, s.whyNot(ctx, op, id, r.Amount, err)
		}
		return made(m)
	})
}

// refundable says why an order takes no credit memo over an amount; nil where it does.
func refundable(op string, o magento.Order, amount commerce.Money) error {
	no := func(code, format string, args ...any) error {
		return refused(commerce.KindNeedsDecision, op, code, format, args...)
	}
	paid, _, err := o.TotalPaid.Money(amount.Currency())
	if err != nil {
		return notSent(op, err)
	}
	back, _, err := o.TotalRefunded.Money(amount.Currency())
	if err != nil {
		return notSent(op, err)
	}
	left, err := paid.Sub(back)
	if err != nil {
		return notSent(op, err)
	}
	short, err := amount.Sub(left)
	if err != nil {
		return notSent(op, err)
	}
	switch {
	case o.State == held || o.State == "payment_review":
		return no("order_held", "an order in state %q takes no credit memo; release it first", o.State)
	case paid.Sign() <= 0:
		return no("nothing_invoiced", "the shop has recorded no payment; invoice the order first")
	case slices.Contains([]string{"closed", "canceled"}, o.State), short.Minor() > 1: // what rounding in base currency may have left
		return no("nothing_left", "%s went back at Stripe; the order is %s, and %s of %s are left to refund", amount, o.State, left, paid)
	}
	return nil
}

// whyNot says a refusal of the shop by the order as it is now: somebody may have held it, or
// refunded it, in the same moment.
func (s *Shop) whyNot(ctx context.Context, op string, id magento.ID, amount commerce.Money, err error) error {
	if !commerce.SafeToRetry(err) || !errors.Is(err, commerce.ErrInvalid) {
		return err
	}
	if now, readErr := s.client.Orders.Get(ctx, id); readErr == nil {
		if why := refundable(op, now, amount); why != nil {
			return why
		}
	}
	return err
}
