package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/reconcile"
)

// back is what is known of money that went back, or is to, for one order, all read while
// the order's lease is held.
type back struct {
	r *Refunds
	desk
	event commerce.Event
	account

	decided map[string]json.RawMessage // decisions about the order's refunds, by the end of their keys
	refunds []*given                   // of all of its payments, oldest first
	claims  []*claim                   // papers of the shop, oldest first, and wishes
}

// given is one refund, as far as it is for the order.
type given struct {
	commerce.Refund
	payment commerce.Payment
	// total is what of it is for the order, amount what of that is for goods: the rest gives
	// back what was paid beyond the due.
	total, amount commerce.Money
	paper         *claim // of the shop that it is one with; nil = none (yet)
	wish          *claim // that it fulfils; nil = none
	booked        bool   // the shop has it in its books by our doing
	refused       bool   // the shop does not take it into its books, hold or no hold
}

// stands reports whether the money went back, or is on its way.
func (g *given) stands() bool {
	return g.Status == commerce.RefundPending || g.Status == commerce.RefundSucceeded
}

// claim says that money is to go back, or went: a paper of the shop, or a wish.
type claim struct {
	mapping.RefundDocument
	id    string
	of    []*given       // refunds that it is one with, oldest first
	blind commerce.Money // of it is for refunds that the shop has in its books without a name
	wish  *RefundWish    // it is one; the shop may make papers of its refunds
	// approved is how often a person let it move money; elsewhere: none is to move.
	approved  int
	elsewhere bool
	began     bool // money of ours was asked for
	canceled  bool // no paper, but an order that ended
}

// paperless reports whether the shop has no paper of the claim itself, and may make some of
// its refunds.
func (p *claim) paperless() bool { return p.wish != nil || p.canceled }

// takes makes one of a claim and a refund.
func (p *claim) takes(g *given) {
	if p.of = append(p.of, g); p.paperless() {
		g.wish = p
		return
	}
	g.paper = p
}

// owed reports whether a refund for it failed: only one of the same amount is taken for the
// money that is still owed.
func (p *claim) owed() bool {
	return slices.ContainsFunc(p.of, func(g *given) bool { return !g.stands() })
}

// open is what of a claim nobody has given back.
func (p *claim) open() commerce.Money {
	left := p.Money.Minor() - p.blind.Minor()
	for _, g := range p.of {
		if g.stands() {
			left -= g.amount.Minor()
		}
	}
	return commerce.MustMoney(max(0, left), p.Money.Currency())
}

// The keys of decisions about an order's refunds share a prefix.
func keyRefund(order commerce.Ref, rest string) string {
	return "refund/" + order.String() + "/" + rest
}

func (b *back) key(rest string) string { return keyRefund(b.order.Ref, rest) }

// decisions reads what was decided about the refunds of an order; begun: there was something.
func (r *Refunds) decisions(ctx context.Context, d desk, order commerce.Ref) (map[string]json.RawMessage, bool, error) {
	out := map[string]json.RawMessage{}
	prefix := keyRefund(order, "")
	for rec, err := range d.steps.List(ctx, prefix, time.Time{}) {
		if err != nil {
			return nil, false, err
		}
		if rec.State == idempotency.Done {
			out[strings.TrimPrefix(rec.Key, prefix)] = rec.Result
		}
	}
	return out, len(out) > 0, nil
}

// decision returns one of them.
func decision[T any](b *back, rest string) (v T, ok bool, err error) {
	raw, ok := b.decided[rest]
	if !ok {
		return v, false, nil
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, false, commerce.Errorf(commerce.KindInternal, system, "recall "+b.key(rest), "the stored decision does not fit: %w", err)
	}
	return v, true, nil
}

// decide makes a decision that stands.
func decide[T any](ctx context.Context, b *back, rest string, v T) (T, error) {
	v, err := remember(ctx, b.desk, b.key(rest), v)
	if err != nil {
		return v, err
	}
	raw, err := json.Marshal(v)
	b.decided[rest] = raw
	return v, err
}

// read reads the truth.
func (b *back) read(ctx context.Context) (err error) {
	if b.decided, _, err = b.r.decisions(ctx, b.desk, b.order.Ref); err != nil {
		return err
	}
	b.refunds, b.claims = nil, nil
	if err := b.readRefunds(ctx); err != nil {
		return err
	}
	docs, err := b.r.Shop.RefundDocuments(ctx, b.order)
	if err != nil {
		return err
	}
	for _, doc := range docs {
		if doc.Money.Currency() != b.order.Currency {
			return refuse(commerce.KindNeedsDecision, "read refunds of "+b.order.Ref.ID, mapping.CodeRefundCurrency, "%s is of %s, and order %s is in %s", doc.Document.Ref.ID, doc.Money, b.order.Number, b.order.Currency)
		}
		b.claims = append(b.claims, &claim{RefundDocument: doc, id: doc.Document.Ref.ID, blind: b.none()})
	}
	if err := b.readWishes(); err != nil {
		return err
	}
	return b.join(ctx)
}

func (b *back) none() commerce.Money { return commerce.Zero(b.order.Currency) }

func (b *back) readRefunds(ctx context.Context) error {
	told := !strings.HasPrefix(b.event.Object, "re_") && !strings.HasPrefix(b.event.Object, "pyr_")
	for _, s := range b.shares {
		if s.payment.Charge == "" {
			continue // nobody has tried to pay by it
		}
		list, err := b.r.Payments.Refunds(ctx, s.payment.Ref)
		if err != nil {
			return err
		}
		for _, refund := range list {
			if told = told || refund.Ref.ID == b.event.Object; refund.Ref.ID == b.event.Object && b.event.Type == "refund.failed" &&
				(refund.Status == commerce.RefundPending || refund.Status == commerce.RefundSucceeded) {
				return refuse(commerce.KindUnavailable, "read "+refund.Ref.ID, "stale_read", "it is %s, and it has failed already; it is read again later", refund.Status)
			}
			p, err := b.portion(ctx, b.account, s.payment, lineOf(refund))
			if err != nil {
				return err
			}
			b.refunds = append(b.refunds, &given{Refund: refund, payment: s.payment, total: p.Amount.Neg(), amount: p.Amount.Neg()})
		}
	}
	if !told && b.own.Ref.ID != "" {
		return refuse(commerce.KindUnavailable, "read refunds of "+b.own.Ref.ID, "stale_read", "%s is not among them; they are read again later", b.event.Object)
	}
	slices.SortStableFunc(b.refunds, func(x, y *given) int {
		if c := x.Created.Compare(y.Created); c != 0 {
			return c
		}
		return strings.Compare(x.Ref.ID, y.Ref.ID)
	})
	return b.surplus(ctx)
}

// lineOf says a refund as the movement that it will be, so that books and refunds share it
// out among orders alike.
func lineOf(refund commerce.Refund) reconcile.Line {
	return reconcile.Line{ID: refund.Ref.ID, Refund: refund.Ref.ID, Category: "refund", Amount: refund.Amount.Neg()}
}

// surplus decides what of each refund gives back what was paid beyond the due. That stands,
// whatever is paid and edited later.
func (b *back) surplus(ctx context.Context) error {
	beyond, left := map[string]int64{}, b.due.Minor()
	for _, s := range b.captured() {
		beyond[s.payment.Ref.ID] = max(0, s.amount.Minor()-left)
		left = max(0, left-s.amount.Minor())
	}
	for _, g := range b.refunds {
		if amount, ok, err := decision[commerce.Money](b, "amount/"+g.Ref.ID); err != nil {
			return err
		} else if ok {
			g.amount = amount
			if g.stands() {
				beyond[g.payment.Ref.ID] -= g.total.Minor() - amount.Minor()
			}
		}
	}
	for _, g := range b.refunds {
		if _, ok := b.decided["amount/"+g.Ref.ID]; ok || g.total.Sign() <= 0 || !g.stands() {
			continue
		}
		part := min(g.total.Minor(), max(0, beyond[g.payment.Ref.ID]))
		beyond[g.payment.Ref.ID] -= part
		var err error
		if g.amount, err = decide(ctx, b, "amount/"+g.Ref.ID, commerce.MustMoney(g.total.Minor()-part, b.order.Currency)); err != nil {
			return err
		}
	}
	return nil
}

// join makes one of refunds and papers that know of each other.
func (b *back) join(ctx context.Context) error {
	byID := map[string]*claim{}
	for _, p := range b.claims {
		byID[p.id] = p
	}
	var nameless []*given
	for _, g := range b.refunds {
		rec, err := b.steps.Get(ctx, b.keyBooked(g))
		if err != nil && !errors.Is(err, commerce.ErrNotFound) {
			return err
		}
		g.booked = err == nil && rec.State == idempotency.Done
		if asked := byID[b.askedBy(g.Operation)]; asked != nil {
			asked.takes(g)
		}
		var of *claim
		if at := slices.IndexFunc(b.claims, func(p *claim) bool { return p.Refund != "" && p.Refund == g.Ref.ID }); at >= 0 {
			of = b.claims[at]
		}
		if of == nil && g.booked {
			var doc commerce.Document
			if err := json.Unmarshal(rec.Result, &doc); err != nil {
				return commerce.Errorf(commerce.KindInternal, system, "recall "+rec.Key, "the stored result does not fit: %w", err)
			}
			if of = byID[doc.Ref.ID]; of == nil {
				nameless = append(nameless, g)
			}
		}
		if of == nil {
			id, _, err := decision[string](b, "paper/"+g.Ref.ID)
			if err != nil {
				return err
			}
			of = byID[id]
		}
		if of != nil && of != g.paper && of != g.wish {
			of.takes(g)
		}
	}
	// A shop that takes no mark has the refund among its papers all the same.
	for _, exact := range []bool{true, false} {
		for _, g := range nameless {
			left := g.amount.Minor()
			for _, p := range b.claims {
				if g.paper != nil || left == 0 || p.paperless() || p.Online || len(p.of) > 0 || exact && p.open() != g.amount || p.open().IsZero() {
					continue
				}
				part := min(left, p.open().Minor())
				if part == left && part == p.Money.Minor() {
					if _, err := decide(ctx, b, "paper/"+g.Ref.ID, p.id); err != nil {
						return err
					}
					p.takes(g)
				} else {
					p.blind = commerce.MustMoney(p.blind.Minor()+part, b.order.Currency)
				}
				left -= part
			}
		}
	}
	return nil
}

// keyBooked is the key of the step that books a refund at the shop.
func (b *back) keyBooked(g *given) string {
	return "shop.refund/" + b.order.Ref.String() + "/" + g.Ref.ID
}

// free reports whether nothing knows of a refund yet.
func (g *given) free() bool {
	return g.stands() && g.amount.Sign() > 0 && g.paper == nil && g.wish == nil && !g.booked
}

// pair takes refunds and papers for the same where both sides acted and neither knows of
// the other: those of one amount, and then refunds that are a part of what a paper asks
// for. A paper whose refund failed is paid by one of its amount. Only a paper of the shop's own
// gateway is taken at once: others may still come for a refund that is new.
func (b *back) pair(ctx context.Context) error {
	rank := func(p *claim) int {
		switch {
		case p.Online:
			return 0
		case len(p.of) > 0:
			return 1
		}
		return 2
	}
	papers := slices.DeleteFunc(slices.Clone(b.claims), func(p *claim) bool { return p.paperless() || p.elsewhere || p.began && !p.owed() })
	slices.SortStableFunc(papers, func(p, q *claim) int { return rank(p) - rank(q) })
	for _, exact := range []bool{true, false} {
		for _, p := range papers {
			for _, g := range b.refunds {
				open := p.open()
				if !g.free() || b.ours(g) || open.IsZero() || !p.Online && b.waits(ctx, g) > 0 {
					continue
				}
				if exact && (open != p.Money || g.amount != open) || !exact && p.owed() || g.amount.Minor() > open.Minor() {
					continue
				}
				b.log.InfoContext(ctx, "a refund and a paper of the shop are taken for the same", "order", b.order.Ref.ID, "refund", g.Ref.ID, "paper", p.id)
				if _, err := decide(ctx, b, "paper/"+g.Ref.ID, p.id); err != nil {
					return err
				}
				p.takes(g)
			}
		}
	}
	return nil
}

// waits returns how long a refund of others is left to them.
func (b *back) waits(ctx context.Context, g *given) time.Duration {
	left := g.Created.Add(b.r.wait()).Sub(b.now())
	if b.event.Ref.System == processor {
		left = max(left, b.settled(ctx, b.event, b.r.wait()))
	}
	return max(0, left)
}

// ours reports whether one of our workflows made the refund.
func (b *back) ours(g *given) bool { return g.Operation != "" }

// unclear says how much of refunds and of papers know nothing of each other.
func (b *back) unclear() (refunds, papers commerce.Money) {
	var given, asked int64
	for _, g := range b.refunds {
		if g.free() && !b.ours(g) {
			given += g.amount.Minor()
		}
	}
	for _, p := range b.claims {
		if !p.elsewhere && !p.paperless() && !p.owed() {
			asked += p.open().Minor()
		}
	}
	return commerce.MustMoney(given, b.order.Currency), commerce.MustMoney(asked, b.order.Currency)
}

func (b *back) muddle(refunds, papers commerce.Money) error {
	return refuse(commerce.KindNeedsDecision, "refund "+b.order.Ref.ID, "refund_unclear",
		"%s were refunded by others, and papers of the shop ask for %s that nobody gave: say which of them is paid elsewhere, or approve it; nothing is guessed", refunds, papers)
}

// facts are what Pays and Goods judge by.
func (b *back) facts() commerce.Facts {
	f := commerce.Facts{Order: b.order, Payments: b.all}
	for _, g := range b.refunds {
		f.Refunds = append(f.Refunds, g.Refund)
	}
	return f
}

// refundsOf decides which of a payment's orders a part was given back for: the one that the
// refund names, or that a person named.
func (r *Refunds) refundsOf(ctx context.Context, d desk, e commerce.Event, p commerce.Payment) error {
	list, err := r.Payments.Refunds(ctx, p.Ref)
	if err != nil {
		return err
	}
	for _, refund := range list {
		l := lineOf(refund)
		if refund.Amount == p.Captured {
			continue // all of it
		}
		if decided, err := d.done(ctx, keyRefundOf(p, l)); err != nil {
			return err
		} else if decided {
			continue
		}
		var said commerce.OrderHint
		if len(refund.Orders) == 1 {
			said = refund.Orders[0]
		}
		if refund.Ref.ID == e.Object {
			if err := e.Overlay.Apply("refund", &said); err != nil {
				return err
			}
		}
		at := -1
		for i, h := range p.Orders {
			if said.ID == "" && said.Number == "" {
				break
			}
			ref, err := d.shop.Find(ctx, h)
			if err != nil {
				return err
			}
			o, err := d.shop.Order(ctx, ref)
			if err != nil {
				return err
			}
			if means(said, o) {
				at = i
				break
			}
		}
		if at < 0 {
			return refuse(commerce.KindNeedsDecision, "share out "+refund.Ref.ID, "refund_of_several",
				"%s of %s were given back, which was for %d orders; replay with refund.number", refund.Amount, p.Ref.ID, len(p.Orders))
		}
		if _, err := remember(ctx, d, keyRefundOf(p, l), at); err != nil {
			return err
		}
	}
	return nil
}

// name is what a claim is called in texts.
func (p *claim) name() string {
	if p.wish != nil {
		return fmt.Sprintf("wish %q", p.wish.ID)
	}
	return p.id
}
