package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
)

// RefundWish says that money is to go back for an order: a person approves a paper of the
// shop, or says what else goes back. Another workflow may say it as well.
type RefundWish struct {
	// ID tells the wishes of an order apart, for ever: of two with one ID the first counts.
	ID string `json:"id"`
	// Document is the paper that is approved ("creditmemo/3"), or "cancel" for all that is
	// held for a canceled order. Approved again it is tried again, after its refund failed.
	// Empty: the wish itself says what goes back.
	Document string `json:"document,omitempty"`
	// Elsewhere: the money of Document goes back by other means, and none moves for it.
	Elsewhere bool `json:"elsewhere,omitempty"`
	// Ask is what goes back where no Document says it.
	Ask mapping.RefundAsk `json:"ask,omitzero"`
	// Payment is what it is taken from, "pi_…", as with one that was too much; only Ask.Amount
	// counts then. Empty: see Refunds.OldestFirst.
	Payment string `json:"payment,omitempty"`
	// Restock are ids of lines whose goods are back on the shelf.
	Restock []string `json:"restock,omitempty"`
	Reason  string   `json:"reason,omitempty"` // the processor's word; empty = requested_by_customer
}

func (w RefundWish) check() error {
	bad := func(text string) error { return refuse(commerce.KindInvalid, "wish for a refund", "", "%s", text) }
	asks := len(w.Ask.Lines) > 0 || w.Ask.Amount != (commerce.Money{}) || w.Ask.AllShipping || w.Ask.Everything ||
		w.Ask.Shipping != (commerce.Money{}) || w.Ask.Adjustment != (commerce.Money{})
	switch {
	case w.ID == "" || len(w.ID) > 100:
		return bad("ID has 1 to 100 bytes")
	case (w.Document != "") == asks:
		return bad("either Document or Ask says what goes back")
	case w.Elsewhere && w.Document == "":
		return bad("Elsewhere is said of a Document")
	case w.Payment != "" && (w.Document != "" || w.Ask.Amount.Sign() <= 0):
		return bad("Payment goes with Ask.Amount")
	}
	return nil
}

// Wish makes a wish an event of the order's, for an inbox: append it, or emit it in a
// handler. Where the wish can not be fulfilled the event is dead, and says why.
func (r *Refunds) Wish(order commerce.Ref, w RefundWish) (commerce.Event, error) {
	if err := w.check(); err != nil {
		return commerce.Event{}, err
	}
	raw, err := json.Marshal(w)
	if err != nil {
		return commerce.Event{}, commerce.Errorf(commerce.KindInvalid, system, "wish for a refund", "%w", err)
	}
	return commerce.Event{Ref: order.With("refund of " + order.ID + ": " + w.ID), Type: orderRefund, Object: order.ID, Subject: order.ID,
		Created: r.OrderToCash.desk().now(), Raw: raw}, nil
}

// wished takes a wish down and fulfils it.
func (r *Refunds) wished(ctx context.Context, e commerce.Event) error {
	var w RefundWish
	if err := json.Unmarshal(e.Raw, &w); err != nil {
		return commerce.Errorf(commerce.KindInvalid, system, "read a wish for a refund", "%w", err)
	}
	if err := w.check(); err != nil {
		return err
	}
	d, order := r.OrderToCash.desk(), e.SubjectRef()
	if err := d.links.Link(ctx, order); err != nil {
		return err
	}
	a, err := d.account(ctx, e, commerce.Ref{}, order)
	if err != nil {
		return err
	}
	return d.unlessOld(ctx, e, a, func(ctx context.Context, a account) error {
		if begun, err := d.begun(ctx, order, generation{n: 1}); err != nil {
			return err
		} else if !begun {
			return refuse(commerce.KindNeedsDecision, "refund "+order.ID, "no_sales_order", "order %s is not taken up", a.order.Number)
		}
		if _, err := remember(ctx, d, keyRefund(order, "wish/"+w.ID), w); err != nil {
			return err
		}
		return r.order(ctx, d, e, a)
	})
}

// readWishes adds wishes to the papers, and what they say of others.
func (b *back) readWishes() error {
	byID := map[string]*claim{}
	for _, p := range b.claims {
		byID[p.id] = p
	}
	if b.order.State == commerce.OrderCanceled && b.order.Replaced == "" {
		kept := b.none().Minor()
		for _, s := range b.captured() {
			kept += s.amount.Minor()
		}
		for _, g := range b.refunds {
			if g.stands() && b.askedFor(g) != "cancel" {
				kept -= g.total.Minor()
			}
		}
		if kept > 0 {
			money := commerce.MustMoney(kept, b.order.Currency)
			p := &claim{id: "cancel", blind: b.none(), canceled: true, RefundDocument: mapping.RefundDocument{Document: commerce.Document{Ref: b.order.Ref.With("cancel"), Total: money}, Created: b.order.Updated, Money: money}}
			b.claims, byID["cancel"] = append(b.claims, p), p
		}
	}
	for _, key := range sortedKeys(b.decided) {
		id, ok := strings.CutPrefix(key, "wish/")
		if !ok {
			continue
		}
		w, _, err := decision[RefundWish](b, key)
		if err != nil {
			return err
		}
		switch p := byID[w.Document]; {
		case w.Document == "":
			p = &claim{id: "wish/" + id, blind: b.none(), wish: &w, approved: 1, RefundDocument: mapping.RefundDocument{Money: b.none()}}
			b.claims, byID[p.id] = append(b.claims, p), p
			if money, ok, err := decision[commerce.Money](b, "wanted/"+id); err != nil {
				return err
			} else if ok {
				p.Money = money
			}
		case p == nil:
		case w.Elsewhere:
			p.elsewhere = true
		default:
			p.approved++
		}
	}
	for key := range b.decided {
		if of, ok := partOf(key); ok && byID[of] != nil {
			byID[of].began = true
		}
	}
	return nil
}

// wishes decides what each wish comes to, once.
func (b *back) wishes(ctx context.Context) error {
	var errs []error
	for _, p := range b.claims {
		if p.wish == nil {
			continue
		}
		if _, ok := b.decided["wanted/"+p.wish.ID]; !ok {
			errs = append(errs, b.wanted(ctx, p))
		}
	}
	return errors.Join(errs...)
}

func (b *back) wanted(ctx context.Context, p *claim) error {
	money := p.wish.Ask.Amount
	if p.wish.Payment == "" {
		content, err := mapping.AllocateRefund(b.order, b.earlier(nil, nil), p.wish.Ask)
		if err != nil {
			return err
		}
		if content, err = decide(ctx, b, "content/"+p.id, content); err != nil {
			return err
		}
		money = content.Total
	}
	if money.Currency() != b.order.Currency {
		return refuse(commerce.KindNeedsDecision, "refund "+b.order.Ref.ID, mapping.CodeRefundCurrency, "%s are asked for, and order %s is in %s", money, b.order.Number, b.order.Currency)
	}
	if left := b.kept(p.wish.Payment); money.Minor() > left {
		return b.tooMuch(p, money, left)
	}
	var err error
	p.Money, err = decide(ctx, b, "wanted/"+p.wish.ID, money)
	return err
}

// kept is what the order's payments have left to give back, of one or of all.
func (b *back) kept(payment string) (left int64) {
	for _, s := range b.captured() {
		if payment == "" || s.payment.Ref.ID == payment {
			left += s.amount.Minor()
		}
	}
	for _, g := range b.refunds {
		if g.stands() && (payment == "" || g.payment.Ref.ID == payment) {
			left -= g.total.Minor()
		}
	}
	return left
}

func (b *back) tooMuch(p *claim, asked commerce.Money, left int64) error {
	code := mapping.CodeRefundTooLarge
	if left <= 0 {
		code = mapping.CodeNothingLeft
	}
	return refuse(commerce.KindNeedsDecision, "refund "+b.order.Ref.ID, code, "%s asks for %s, and the payments of order %s have %s left to give back",
		p.name(), asked, b.order.Number, commerce.MustMoney(max(0, left), b.order.Currency))
}

// emitBooks has the books of the order looked at again.
func (b *back) emitBooks(ctx context.Context, mark string) error {
	payment := b.firstRef()
	if payment.IsZero() && len(b.shares) > 0 {
		payment = b.shares[0].payment.Ref
	}
	if payment.IsZero() {
		return nil
	}
	raw, err := json.Marshal(map[string]commerce.Ref{"payment": payment, "order": b.order.Ref})
	if err != nil {
		return commerce.Errorf(commerce.KindInternal, system, "tell the books of "+b.order.Ref.ID, "%w", err)
	}
	id := payment
	id.System, id.ID = internal, fmt.Sprintf("%s %s %s", kindOrderBooks, mark, b.order.Ref)
	return inbox.Emit(ctx, commerce.Event{Ref: id, Type: kindOrderBooks, Object: payment.ID, Subject: payment.String() + " " + b.order.Ref.String(),
		Created: b.now(), Raw: raw})
}
