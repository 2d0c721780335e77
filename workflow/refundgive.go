package workflow

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
)

// refundPart is a decision: what is taken from one payment for a paper.
type refundPart struct {
	Payment commerce.Ref   `json:"payment"`
	Charge  string         `json:"charge"`
	Amount  commerce.Money `json:"amount"`
}

// maxParts bounds the refunds of one paper.
const maxParts = 50

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// partOf returns the paper of the key of a part.
func partOf(key string) (paper string, ok bool) {
	rest, ok := strings.CutPrefix(key, "part/")
	if at := strings.LastIndex(rest, "/"); ok && at > 0 {
		return rest[:at], true
	}
	return "", false
}

// keyGive is the key of a refund of ours, at the processor as well, which takes 255
// characters: it says what is done, and never how much.
func (b *back) keyGive(paper string, n int) string {
	key := "stripe.refund/" + b.order.Ref.String() + "/" + paper + "/" + strconv.Itoa(n)
	if len(key) > 255 {
		key = "stripe.refund/" + hashOf(b.order.Ref, paper) + "/" + strconv.Itoa(n)
	}
	return key
}

// askedBy returns the paper that a refund of ours was made for; empty = another's.
func (b *back) askedBy(operation string) string {
	if !strings.HasPrefix(operation, "stripe.refund/") {
		return ""
	}
	for key := range b.decided {
		if of, ok := partOf(key); ok {
			if n, err := strconv.Atoi(strings.TrimPrefix(key, "part/"+of+"/")); err == nil && b.keyGive(of, n) == operation {
				return of
			}
		}
	}
	return ""
}

func (b *back) askedFor(g *given) string { return b.askedBy(g.Operation) }

// resume carries to an end what was begun and may have taken effect, before anything else
// is concluded from what the far sides show.
func (b *back) resume(ctx context.Context) (moved bool, err error) {
	for _, key := range sortedKeys(b.decided) {
		of, ok := partOf(key)
		if !ok {
			continue
		}
		part, _, err := decision[refundPart](b, key)
		if err != nil {
			return moved, err
		}
		n, err := strconv.Atoi(strings.TrimPrefix(key, "part/"+of+"/"))
		if err != nil {
			return moved, commerce.Errorf(commerce.KindInternal, system, "read refunds", "the key %q ends in no number", key)
		}
		open, err := b.unsettled(ctx, b.keyGive(of, n))
		if err != nil {
			return moved, err
		}
		if !open {
			continue
		}
		// A refund that names the operation is the answer that was lost.
		if at := slices.IndexFunc(b.refunds, func(g *given) bool { return g.Operation == b.keyGive(of, n) }); at >= 0 {
			if _, err := idempotency.Settled(ctx, b.steps, b.keyGive(of, n), b.refunds[at].Refund); err != nil {
				return moved, err
			}
			continue
		}
		if err := b.give(ctx, of, n, part); err != nil {
			return moved, err
		}
		moved = true
	}
	for _, g := range b.refunds {
		open, err := b.unsettled(ctx, b.keyBooked(g))
		if err != nil {
			return moved, err
		}
		if open {
			if err := b.book(ctx, g); err != nil {
				return moved, err
			}
			moved = true
		}
	}
	return moved, nil
}

// unsettled reports whether a step may have taken effect, and nobody knows.
func (b *back) unsettled(ctx context.Context, key string) (bool, error) {
	rec, err := b.steps.Get(ctx, key)
	if errors.Is(err, commerce.ErrNotFound) {
		return false, nil
	}
	return err == nil && (rec.State == idempotency.Open || rec.State == idempotency.Unknown), err
}

// giveBack moves what papers ask for and nobody has given, one refund at a time: each time
// the truth is read again.
func (b *back) giveBack(ctx context.Context) (moved bool, err error) {
	// Refunds of others that no paper is joined to (yet) are a part of what papers ask for.
	others, _ := b.unclear()
	cover := others.Minor()
	var errs []error
	for _, p := range b.claims {
		open := p.open().Minor()
		if p.elsewhere || open == 0 {
			continue
		}
		if !p.paperless() { // who wishes for more knows of them
			part := min(cover, open)
			cover, open = cover-part, open-part
		}
		if open == 0 || p.Online || p.Refund != "" || slices.ContainsFunc(p.of, func(g *given) bool { return !b.ours(g) && !g.stands() }) {
			continue // the shop's own gateway was asked, or a refund failed: see failures
		}
		moves, err := b.lets(ctx, p)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		money := commerce.MustMoney(open, b.order.Currency)
		if !moves {
			if err := b.suggest(ctx, p, money); err != nil {
				return false, err
			}
			continue
		}
		switch err := b.next(ctx, p, money); {
		case err == nil:
			return true, nil
		case !commerce.KindOf(err).Permanent():
			return false, err
		default:
			errs = append(errs, err)
		}
	}
	return false, errors.Join(errs...)
}

// lets reports whether money may move for a paper: each permission is good for one attempt
// that fails.
func (b *back) lets(ctx context.Context, p *claim) (bool, error) {
	failed := 0
	for _, g := range p.of {
		if !g.stands() {
			failed++
		}
	}
	if p.approved > failed {
		return true, nil
	}
	if b.r.Pays == nil || p.wish != nil || p.approved+1 <= failed {
		return false, nil
	}
	ok, err := b.r.Pays(ctx, b.facts(), p.RefundDocument)
	if err != nil {
		e := refuse(commerce.KindOf(err), "refund "+b.order.Ref.ID, "", "Pays")
		e.RetryAfter, e.Err = commerce.RetryAfter(err), err
		return false, e
	}
	return ok, nil
}

// suggest tells a person of money that is asked for. Of a canceled order OrderChanges tells.
func (b *back) suggest(ctx context.Context, p *claim, open commerce.Money) error {
	if p.canceled || p.wish != nil || len(p.of) > 0 && !p.of[len(p.of)-1].stands() {
		return nil // a refund that failed is told by its own name
	}
	from := ""
	if s, left := b.source(p); left > 0 {
		from = " of " + s.payment.Ref.ID
	}
	return b.exception(ctx, Exception{Name: RefundProposed, Order: b.order.Ref, Payment: b.firstRef(), Mark: p.id + " " + open.Text(),
		Text: fmt.Sprintf("%s of order %s asks for %s back, and nobody has given it; proposal: refund %s%s. Approve it, refund it at the processor, or say that it goes elsewhere", p.id, b.order.Number, p.Money, open, from)})
}

// source returns the payment that money is taken from next, and what it has left.
func (b *back) source(p *claim) (share, int64) {
	shares := b.captured()
	slices.SortStableFunc(shares, func(x, y share) int {
		if b.r.OldestFirst {
			return byCreation(x.payment, y.payment)
		}
		return byCreation(y.payment, x.payment)
	})
	for _, s := range shares {
		if p.wish != nil && p.wish.Payment != "" && s.payment.Ref.ID != p.wish.Payment {
			continue
		}
		left := s.amount.Minor()
		for _, g := range b.refunds {
			if g.payment.Ref == s.payment.Ref && g.stands() {
				left -= g.total.Minor()
			}
		}
		if left > 0 {
			return s, left
		}
	}
	return share{}, 0
}

// next makes the next refund for a paper. A part that was decided and never begun is not
// binding: what it was for may have been given meanwhile.
func (b *back) next(ctx context.Context, p *claim, open commerce.Money) error {
	from, left := b.source(p)
	if left == 0 {
		return b.tooMuch(p, open, 0)
	}
	if total := b.kept(""); open.Minor() > total {
		return b.tooMuch(p, open, total)
	}
	want := refundPart{Payment: from.payment.Ref, Charge: from.payment.Charge, Amount: commerce.MustMoney(min(left, open.Minor()), b.order.Currency)}
	for n := 1; n <= maxParts; n++ {
		rest := fmt.Sprintf("part/%s/%d", p.id, n)
		part, ok, err := decision[refundPart](b, rest)
		if err != nil {
			return err
		}
		if ok {
			rec, err := b.steps.Get(ctx, b.keyGive(p.id, n))
			if err != nil && !errors.Is(err, commerce.ErrNotFound) {
				return err
			}
			if part != want || err == nil && rec.State == idempotency.Done {
				continue
			}
		} else if part, err = decide(ctx, b, rest, want); err != nil {
			return err
		}
		return b.give(ctx, p.id, n, part)
	}
	return refuse(commerce.KindLimit, "refund "+b.order.Ref.ID, "", "%s has %d refunds", p.id, maxParts)
}

// give makes one refund at the processor.
func (b *back) give(ctx context.Context, of string, n int, part refundPart) error {
	key, reason := b.keyGive(of, n), ""
	for _, p := range b.claims {
		if p.id == of && p.wish != nil {
			reason = p.wish.Reason
		}
	}
	_, err := stepOf(ctx, b.desk, key, b.r.Payments.GiveBack(mapping.RefundRequest{Key: key, Order: b.order,
		Payment: part.Payment, Charge: part.Charge, Amount: part.Amount, Reason: reason}), part)
	if err != nil && commerce.SafeToRetry(err) && errors.Is(err, commerce.ErrConflict) {
		// The processor has its reasons (all of it went back, a dispute), and no repetition mends them.
		e := refuse(commerce.KindNeedsDecision, "refund "+b.order.Ref.ID, codeIn(err), "the processor refuses to give %s of %s back", part.Amount, part.Payment.ID)
		e.Err = err
		return e
	}
	return err
}

// codeIn returns the code of the first error in a tree that has one.
func codeIn(err error) string {
	for err != nil {
		if e, ok := errors.AsType[*commerce.Error](err); ok {
			if e.Code != "" {
				return e.Code
			}
			err = e.Err
			continue
		}
		return ""
	}
	return ""
}
