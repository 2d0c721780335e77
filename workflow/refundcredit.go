package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/mapping"
)

// credited is one refund as the ERP has it: a paper with the refunds that pay it, or a refund
// that the shop has no paper of.
type credited struct {
	refunds []*given // oldest first
	content mapping.Allocation
}

func (b *back) keyCredit(refund string) string {
	return "erp.credit_note/" + b.order.Ref.String() + "/" + refund
}

// credit posts the credit notes that are missing, once the order is invoiced: the next news
// of it looks again.
func (b *back) credit(ctx context.Context) error {
	if b.r.Ledger == nil || !slices.ContainsFunc(b.refunds, func(g *given) bool { return g.Status == commerce.RefundSucceeded && g.amount.Sign() > 0 }) {
		return nil
	}
	groups, err := b.groups(ctx)
	if err != nil {
		return err
	}
	var missing []credited
	for _, of := range groups {
		begun := false
		for _, g := range of.refunds {
			done, err := b.done(ctx, b.keyCredit(g.Ref.ID))
			if err != nil {
				return err
			}
			begun = begun || done
		}
		if !begun {
			missing = append(missing, of)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	sale, err := b.sale(ctx)
	if err != nil || sale.Ref.ID == "" {
		return err
	}
	route, err := b.r.Ledger.Route(b.order, b.every())
	if err != nil {
		return err
	}
	invoices, err := b.r.Ledger.Invoices(ctx, route, sale)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(invoices, func(i mapping.Invoice) bool { return !i.Draft && i.Document.Total.Sign() > 0 }) {
		return nil
	}
	chart, err := b.r.Ledger.Chart(route)
	if err != nil {
		return err
	}
	var errs []error
	for _, of := range missing {
		first := of.refunds[0]
		n := mapping.CreditNote{Key: first.Ref.ID, Date: dayOf(chart, first.Created), Content: of.content,
			Text: fmt.Sprintf("order %s, refund %s", b.order.Number, first.Ref.ID)}
		_, err := b.step(ctx, b.keyCredit(first.Ref.ID), b.r.Ledger.CreditNote(route, b.order, sale, n), of.content.Total)
		if err != nil && commerce.SafeToRetry(err) && errors.Is(err, commerce.ErrConflict) {
			e := refuse(commerce.KindNeedsDecision, "credit "+b.order.Ref.ID, "not_credited", "the invoices of order %s have less left than %s of refund %s", b.order.Number, of.content.Total, first.Ref.ID)
			e.Err, err = err, e
		}
		if err == nil { // what was refunded pays it
			err = b.emitBooks(ctx, first.Ref.ID)
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// groups are what the ERP is to have credit notes of.
func (b *back) groups(ctx context.Context) (out []credited, err error) {
	paid := func(g *given) bool { return g.Status == commerce.RefundSucceeded && g.amount.Sign() > 0 }
	for _, p := range b.claims {
		if p.paperless() || !slices.ContainsFunc(p.of, paid) {
			continue
		}
		of := credited{refunds: slices.Clone(p.of), content: b.made(p)}
		if len(of.content.Lines) == 0 && of.content.Shipping.Net.IsZero() && p.Content == nil {
			// The shop says nothing of it: it is proposed, as for a refund without a paper.
			content, err := mapping.AllocateRefund(b.order, b.earlier(nil, p), mapping.RefundAsk{Amount: p.Money})
			if err == nil {
				content, err = decide(ctx, b, "content/"+p.id, content)
			}
			if err != nil {
				return nil, err
			}
			of.content = content
		}
		out = append(out, of)
	}
	for _, g := range b.refunds {
		if !paid(g) || g.paper != nil || !g.booked && !g.refused {
			continue // the shop comes first
		}
		said, ok, err := b.said(g)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, credited{refunds: []*given{g}, content: said.Content})
		}
	}
	return out, nil
}

// sale returns the sales order that counts, or the last that did.
func (b *back) sale(ctx context.Context) (commerce.Document, error) {
	for g := b.account.generation; g.n > 0; g.n-- {
		doc, err := recall[posted](ctx, b.steps, g.of(keySalesOrder(b.order.Ref)))
		if !errors.Is(err, commerce.ErrNotFound) {
			return doc.Document, err
		}
	}
	return commerce.Document{}, nil
}
