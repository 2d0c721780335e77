package workflow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
)

// codeHeld is the shop's refusal of papers while an order is on hold.
const codeHeld = "order_held"

// record books refunds at the shop that it has no paper of.
func (b *back) record(ctx context.Context) error {
	if ended(b.order) && b.paid().Sign() == 0 { // the shop never had the money
		for _, g := range b.refunds {
			g.refused = true
		}
		return nil
	}
	others, asked := b.unclear()
	var errs []error
	var waits time.Duration
	for _, g := range b.refunds {
		if g.Status != commerce.RefundSucceeded || g.amount.Sign() <= 0 || g.booked || g.paper != nil {
			continue
		}
		if g.free() && !b.ours(g) {
			if left := b.waits(ctx, g); left > 0 {
				waits = max(waits, left)
				continue
			}
			if asked.Sign() > 0 {
				errs = append(errs, b.muddle(others, asked))
				asked = b.none()
				continue
			}
		}
		switch err := b.book(ctx, g); {
		case err != nil && !commerce.KindOf(err).Permanent():
			// A shop that is settled by its total can tell the next refund from this one only
			// once it is known what became of this one.
			return errors.Join(append(errs, err)...)
		case err != nil:
			errs = append(errs, err)
			g.refused = codeIn(err) != codeHeld // a paper that waits for a release may still come
		}
	}
	if err := errors.Join(errs...); err != nil || waits == 0 {
		return err
	}
	return park("refund "+b.order.Ref.ID, waits, "whoever made the refund is given time")
}

// book makes the paper of one refund.
func (b *back) book(ctx context.Context, g *given) error {
	said, err := b.content(ctx, g)
	if err != nil {
		return err
	}
	record := mapping.RefundRecord{Refund: g.Refund, Amount: g.amount, Before: b.refunded(), Content: said.Content, Restock: said.Restock,
		Text: fmt.Sprintf("Refund %s of %s.", g.Ref.ID, g.amount)}
	if said.Content.Proposed {
		record.Text += " Nobody has said what it is for: lines and taxes are a proposal."
	}
	eff := b.r.Shop.RecordRefund(b.order, record)
	if eff.Class == idempotency.Guarded { // by the total: what it was stands as long as nobody knows the outcome
		if record.Before, err = b.before(ctx, g); err != nil {
			return err
		}
		eff = b.r.Shop.RecordRefund(b.order, record)
	}
	doc, err := b.step(ctx, b.keyBooked(g), eff, g.amount)
	if err != nil {
		return err
	}
	g.booked = true
	if b.order.Refunded, err = b.refunded().Add(g.amount); err != nil {
		return err
	}
	return b.differs(ctx, g, doc)
}

func (b *back) refunded() commerce.Money {
	if b.order.Refunded == (commerce.Money{}) {
		return b.none()
	}
	return b.order.Refunded
}

// before decides from which total the shop's books are moved by a refund. It may be decided
// anew as long as nothing was sent.
func (b *back) before(ctx context.Context, g *given) (commerce.Money, error) {
	unsettled, err := b.unsettled(ctx, b.keyBooked(g))
	if err != nil {
		return commerce.Money{}, err
	}
	var last commerce.Money
	for n := 1; ; n++ {
		rest := fmt.Sprintf("before/%s/%d", g.Ref.ID, n)
		was, ok, err := decision[commerce.Money](b, rest)
		switch {
		case err != nil:
			return was, err
		case ok:
			last = was
			continue
		case n > 1 && (unsettled || last == b.refunded()):
			return last, nil
		}
		return decide(ctx, b, rest, b.refunded())
	}
}

// differs tells of a paper that comes to another amount. A shop that keeps its books in
// another currency can not meet every amount.
func (b *back) differs(ctx context.Context, g *given, doc commerce.Document) error {
	if doc.Total == (commerce.Money{}) || doc.Total == g.amount {
		return nil
	}
	off, err := doc.Total.Sub(g.amount)
	if err != nil {
		return err
	}
	if b.order.BaseCurrency != "" && b.order.BaseCurrency != b.order.Currency && off.Abs().Minor() <= 2 {
		return nil
	}
	return b.exception(ctx, Exception{Name: RefundDiffers, Order: b.order.Ref, Payment: g.payment.Ref, Mark: g.Ref.ID,
		Text: fmt.Sprintf("%s of order %s is of %s, and refund %s of %s: correct the order at the shop", doc.Ref.ID, b.order.Number, doc.Total, g.Ref.ID, g.amount)})
}

// refundContent is the decision what a refund is made of.
type refundContent struct {
	Content mapping.Allocation `json:"content"`
	Restock []string           `json:"restock,omitempty"`
}

// content says what a refund is made of, once for ever.
func (b *back) content(ctx context.Context, g *given) (refundContent, error) {
	said, ok, err := b.said(g)
	if ok || err != nil {
		return said, err
	}
	if said, err = b.says(ctx, g); err != nil {
		return said, err
	}
	return decide(ctx, b, "content/"+g.Ref.ID, said)
}

// said returns what was decided about the content of a refund.
func (b *back) said(g *given) (refundContent, bool, error) {
	return decision[refundContent](b, "content/"+g.Ref.ID)
}

// says finds out what a refund is made of: as the wish says that it is for, or the host;
// else it is proposed.
func (b *back) says(ctx context.Context, g *given) (refundContent, error) {
	if g.wish != nil && g.wish.wish != nil {
		if content, ok, err := b.wishContent(g); ok || err != nil {
			return refundContent{Content: content, Restock: g.wish.wish.Restock}, err
		}
	}
	ask := mapping.RefundAsk{}
	if b.r.Goods != nil && !b.ours(g) {
		var err error
		if ask, err = b.r.Goods(ctx, b.facts(), g.Refund); err != nil {
			e := refuse(commerce.KindOf(err), "refund "+b.order.Ref.ID, "", "Goods")
			e.RetryAfter, e.Err = commerce.RetryAfter(err), err
			return refundContent{}, e
		}
	}
	ask.Amount = g.amount
	content, err := mapping.AllocateRefund(b.order, b.earlier(g, g.paper), ask)
	return refundContent{Content: content}, err
}

// wishContent is the part of a wish's content that one of its refunds gives.
func (b *back) wishContent(g *given) (content mapping.Allocation, ok bool, err error) {
	whole, ok, err := decision[mapping.Allocation](b, "content/"+g.wish.id)
	if !ok || err != nil {
		return content, false, err
	}
	var amounts []commerce.Money
	at, sum := -1, int64(0)
	for _, o := range g.wish.of {
		if !o.stands() {
			continue
		}
		if o == g {
			at = len(amounts)
		}
		amounts, sum = append(amounts, o.amount), sum+o.amount.Minor()
	}
	if at < 0 || sum != whole.Total.Minor() {
		return content, false, nil // not all of it, so that nobody can say which goods
	}
	parts, err := whole.Split(amounts...)
	if err != nil {
		return content, false, err
	}
	return parts[at], true, nil
}

// earlier returns what the refunds and papers of the order are made of, but for one of each.
func (b *back) earlier(refund *given, paper *claim) []mapping.Allocation {
	var out []mapping.Allocation
	for _, p := range b.claims {
		if p != paper && !p.paperless() {
			out = append(out, b.made(p))
		}
	}
	for _, g := range b.refunds {
		if g == refund || !g.stands() || g.paper != nil {
			continue
		}
		if said, ok, err := b.said(g); ok && err == nil {
			out = append(out, said.Content)
		}
	}
	return out
}

// made is what a paper is made of: of our own what was decided, which may say more.
func (b *back) made(p *claim) mapping.Allocation {
	if said, ok, err := decision[mapping.Allocation](b, "content/"+p.id); ok && err == nil {
		return said
	}
	for _, g := range p.of {
		if said, ok, err := b.said(g); ok && err == nil && said.Content.Total == p.Money {
			return said.Content
		}
	}
	if p.Content != nil && p.blind.IsZero() {
		return *p.Content
	}
	left := commerce.MustMoney(p.Money.Minor()-p.blind.Minor(), b.order.Currency)
	none := mapping.RefundPart{Net: b.none(), Tax: b.none()}
	return mapping.Allocation{Shipping: none, Fees: none, Adjustment: left, Total: left}
}

// failures tells of money that came back to us after the shop had its paper, and holds the
// order until another refund has paid it.
func (b *back) failures(ctx context.Context) error {
	for _, g := range b.refunds {
		if g.stands() || g.total.Sign() <= 0 {
			continue
		}
		noted, err := b.done(ctx, b.keyCredit(g.Ref.ID))
		if err != nil {
			return err
		}
		if g.paper == nil && !g.booked && !noted && !b.ours(g) {
			continue // nobody has concluded anything from it
		}
		cause := "refund " + g.Ref.ID
		if g.paper != nil && g.paper.open().IsZero() {
			if err := b.letGo(ctx, cause); err != nil {
				return err
			}
			continue
		}
		text := fmt.Sprintf("refund %s of %s for order %s is %s: the money is ours again, and we owe it to the customer. Pay it in another way, or refund it anew", g.Ref.ID, g.total, b.order.Number, g.Status)
		if g.paper != nil || g.booked {
			if _, err := b.holdFor(ctx, b.order.Ref, cause, text); err != nil {
				return err
			}
			if b.order, _, err = b.obey(ctx, b.order); err != nil {
				return err
			}
			if err := b.note(ctx, b.order, "refund_failed "+g.Ref.ID, "Refund failed: "+text); err != nil {
				return err
			}
		}
		if err := b.exception(ctx, Exception{Name: RefundFailed, Order: b.order.Ref, Payment: g.payment.Ref, Mark: g.Ref.ID, Text: text}); err != nil {
			return err
		}
	}
	return nil
}

// letGo ends the wait for a refund that failed, once another has paid what it owed.
func (b *back) letGo(ctx context.Context, cause string) error {
	all, err := b.heldFors(ctx, b.order.Ref)
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.Cause == cause && !c.over {
			err = b.releaseOf(ctx, b.order.Ref, "another refund", c)
		}
	}
	if err == nil {
		b.order, _, err = b.obey(ctx, b.order)
	}
	return err
}
