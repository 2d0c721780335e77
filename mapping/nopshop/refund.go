package nopshop

import (
	"cmp"
	"context"
	"errors"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/nopcommerce"
)

// The shop keeps one sum of what was refunded of an order, in the primary store currency,
// and a note of each refund in its own words. A refund of ours leaves a note before it,
// which names it and says from where to where it moves the sum.

var (
	// ourRefund finds such a note: the refund, its amount, and the sums.
	ourRefund = regexp.MustCompile(`Refunded: ((?:re|pyr)_[0-9A-Za-z]+), ([0-9.]+) ([A-Z]{3}) \[\S+\] \[([0-9.]+) to ([0-9.]+)\]$`)
	// offlineNote tells the shop's notes of refunds for which no gateway was asked (4.40 to
	// 4.90, English).
	offlineNote = regexp.MustCompile(`\bmarked as (?:partially )?refunded\. Amount = `)
)

// refundPaper is what the shop's books say of one refund.
type refundPaper struct {
	note     nopcommerce.Note
	refund   string // re_… where it is one of ours
	money    commerce.Money
	from, to mapping.Amount // of ours
	amount   mapping.Amount
}

// refundPapers reads the refunds of an order: ours, those that the shop's own notes tell of,
// and, where these do not add up to its sum, one over the rest.
func (r *reader) refundPapers(notes []nopcommerce.Note) (ours, others []refundPaper) {
	whole := r.amount("refunded_amount", r.o.RefundedAmount)
	if whole <= 0 {
		return nil, nil
	}
	notes = slices.SortedFunc(slices.Values(notes), func(a, b nopcommerce.Note) int { return cmp.Compare(a.ID, b.ID) })
	rest := whole
	for _, n := range notes {
		field := "notes[" + n.ID.String() + "]"
		if m := ourRefund.FindStringSubmatch(n.Text); m != nil {
			p := refundPaper{note: n, refund: m[1], from: r.amount(field, nopcommerce.Number(m[4])), to: r.amount(field, nopcommerce.Number(m[5]))}
			p.amount = p.to - p.from
			var err error
			if p.money, err = commerce.ParseMoney(m[2], commerce.Currency(m[3])); err != nil {
				r.fault(field, m[2], "is no amount: %v", err)
			}
			// The newest of a refund counts: an earlier one was not carried out.
			ours = slices.DeleteFunc(ours, func(q refundPaper) bool { return q.refund == p.refund })
			if p.to <= whole {
				ours = append(ours, p)
			}
		} else if m := refundNote.FindStringSubmatch(n.Text); m != nil {
			others = append(others, refundPaper{note: n, amount: r.amount(field, nopcommerce.Number(strings.Replace(m[1], ",", ".", 1)))})
		}
	}
	for _, p := range ours { // the shop's own note of each comes after ours
		rest -= p.amount
		if at := slices.IndexFunc(others, func(q refundPaper) bool { return q.amount == p.amount && q.note.ID > p.note.ID }); at >= 0 {
			others = slices.Delete(others, at, at+1)
		}
	}
	said := mapping.Amount(0)
	for _, p := range others {
		said += p.amount
	}
	switch {
	case rest <= slack:
		return ours, nil
	case apart(said, rest):
		return ours, []refundPaper{{amount: rest}}
	}
	return ours, others
}

// RefundDocuments returns what the shop's books say of refunds of an order: those of
// [Shop.RecordRefund] first, each with the id of its refund, then those of others, oldest
// first. Where the shop's own notes do not add up to its sum (some were deleted, or are of
// another language), others are one document without a date. What goods went back the shop
// does not say: they have no Content.
func (s *Shop) RefundDocuments(ctx context.Context, o commerce.Order) ([]mapping.RefundDocument, error) {
	id, err := s.id("read refunds", o.Ref)
	if err != nil {
		return nil, err
	}
	now, err := s.client.Orders.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	r := &reader{shop: s, o: now, document: "nopcommerce order " + id.String()}
	if sum := r.amount("refunded_amount", now.RefundedAmount); r.err != nil || sum == 0 {
		return nil, r.err
	}
	notes, err := s.client.Notes.List(ctx, id)
	if err != nil {
		return nil, err
	}
	ours, others := r.refundPapers(notes)
	out := make([]mapping.RefundDocument, 0, len(ours)+len(others))
	for _, p := range append(ours, others...) {
		doc := mapping.RefundDocument{Document: s.refundDocument(id, p.refund), Created: p.note.CreatedOn.Time, Refund: p.refund, Money: commerce.Zero(o.Currency)}
		doc.Document.Total = p.money
		if p.refund == "" {
			if doc.Document.Total, err = r.collected("refunded_amount", nopcommerce.Number(p.amount.Text())); err != nil {
				return nil, err
			}
			if doc.Document.Ref = s.refundRef(id, ""); p.note.ID != 0 {
				doc.Document.Ref = s.refundRef(id, p.note.ID.String())
				doc.Online = !offlineNote.MatchString(p.note.Text)
			}
		}
		if s.method(now.PaymentMethod).Tender == commerce.TenderStripe {
			doc.Money = doc.Document.Total
		}
		out = append(out, doc)
	}
	return out, r.err
}

// refundRef is the ref of a refund in the shop's books: by the refund's id where it is one
// of ours, else by its note, else of all.
func (s *Shop) refundRef(order nopcommerce.ID, of string) commerce.Ref {
	id := "refund/" + order.String()
	if of != "" {
		id += "/" + of
	}
	return s.origin.With(id)
}

func (s *Shop) refundDocument(order nopcommerce.ID, refund string) commerce.Document {
	return commerce.Document{Ref: s.refundRef(order, refund), State: "refunded"}
}

// RecordRefund books a refund that has moved money already, and asks no gateway. The shop
// only knows how to add, to one sum: it is guarded by that, from r.Before to r.Before +
// r.Amount, and one writer an order is assumed. A note before it names the refund. A whole
// refund is booked as one, also where the payment method cut a unit off. Rows can not be
// booked: the shop knows no quantity that came back.
//
// Where the sum is there already, somebody else has booked it: the document's Total is
// nought and its State mapping.ShortRefund.
//
// Errors of Act, not sent: kind needs_decision, code "nothing_left" where less is left of
// the order's total or the order is deleted, "nothing_invoiced" where it is not paid.
func (s *Shop) RecordRefund(o commerce.Order, r mapping.RefundRecord) document {
	op := "record refund " + r.Refund.Ref.ID + " of " + o.Ref.ID
	return s.effect(idempotency.Guarded, func(ctx context.Context) (commerce.Document, error) {
		now, want, err := s.refundTo(ctx, op, o, r)
		if err != nil {
			return commerce.Document{}, err
		}
		shown, err := mapping.ParseAmount(string(now.RefundedAmount))
		if err == nil && shown < want {
			err = absent(op, "the shop shows "+shown.Text()+" refunded")
		}
		if err != nil {
			return commerce.Document{}, err
		}
		doc := s.refundDocument(now.ID, r.Refund.Ref.ID)
		noted, err := s.noted(ctx, now.ID, r.Refund.Ref.String())
		if doc.Total = r.Amount; !noted {
			doc.State, doc.Total = mapping.ShortRefund, commerce.Zero(o.Currency)
		}
		return doc, err
	}, func(ctx context.Context) (commerce.Document, error) {
		now, want, err := s.refundTo(ctx, op, o, r)
		if err != nil {
			return commerce.Document{}, notSentWith(op, err)
		}
		shown, err1 := mapping.ParseAmount(string(now.RefundedAmount))
		total, err2 := mapping.ParseAmount(string(now.Total))
		if err := errors.Join(err1, err2); err != nil {
			return commerce.Document{}, notSent(op, err)
		}
		no := func(code, format string, args ...any) (commerce.Document, error) {
			return commerce.Document{}, refused(commerce.KindNeedsDecision, op, code, format, args...)
		}
		doc := s.refundDocument(now.ID, r.Refund.Ref.ID)
		switch status := now.PaymentStatus; {
		case shown >= want:
			doc.State, doc.Total = mapping.ShortRefund, commerce.Zero(o.Currency)
			return doc, nil
		case want > total, now.Deleted, status == nopcommerce.PaymentRefunded, status == nopcommerce.PaymentVoided:
			return no("nothing_left", "%s went back at Stripe; the order is %s, and %s of %s are refunded", r.Amount, status, shown.Text(), total.Text())
		case status != nopcommerce.PaymentPaid && status != nopcommerce.PaymentPartiallyRefunded:
			return no("nothing_invoiced", "the shop has recorded no payment: it is %s", status)
		}
		text := strings.TrimSpace(r.Text+" Refunded: "+r.Refund.Ref.ID) + ", " + r.Amount.Text() + " " + string(r.Amount.Currency()) + " " +
			mark(r.Refund.Ref.String()) + " [" + shown.Text() + " to " + want.Text() + "]"
		if err := s.sayRefund(ctx, now.ID, r.Refund.Ref, text); err != nil {
			return commerce.Document{}, notSent(op, err) // whatever became of the note: the sum is untouched
		}
		if _, err := s.client.Processing.RefundTo(ctx, now.ID, nopcommerce.Number(want.Text())); err != nil {
			return commerce.Document{}, err
		}
		doc.Total = r.Amount
		return doc, nil
	})
}

// sayRefund leaves the note of a refund, unless the newest one of it says the same.
func (s *Shop) sayRefund(ctx context.Context, id nopcommerce.ID, refund commerce.Ref, text string) error {
	notes, err := s.client.Notes.List(ctx, id)
	if err != nil {
		return err
	}
	var newest nopcommerce.Note
	for _, n := range notes {
		if strings.Contains(n.Text, mark(refund.String())) && n.ID > newest.ID {
			newest = n
		}
	}
	if newest.Text == text {
		return nil
	}
	_, err = s.client.Notes.Add(ctx, nopcommerce.Note{OrderID: id, Text: text})
	return err
}

// refundTo reads the order, and says to which sum a refund moves its books, in the primary
// store currency: to the order's total where all that is due by Stripe has gone back.
func (s *Shop) refundTo(ctx context.Context, op string, o commerce.Order, r mapping.RefundRecord) (nopcommerce.Order, mapping.Amount, error) {
	id, err := s.id(op, o.Ref)
	if err != nil {
		return nopcommerce.Order{}, 0, err
	}
	if r.Refund.Ref.ID == "" || r.Amount.Sign() <= 0 {
		return nopcommerce.Order{}, 0, refused(commerce.KindInvalid, op, "", "the refund has no id, or %s is no amount", r.Amount)
	}
	to, err := r.Before.Add(r.Amount)
	if err != nil {
		return nopcommerce.Order{}, 0, err
	}
	now, err := s.client.Orders.Get(ctx, id)
	if err != nil {
		return nopcommerce.Order{}, 0, err
	}
	read := &reader{shop: s, o: now, document: "nopcommerce order " + id.String()}
	currency, rate := read.charged(s.method(now.PaymentMethod))
	total := read.amount("order_total", now.Total)
	due, err := read.collected("order_total", now.Total)
	switch {
	case read.err != nil:
		return now, 0, read.err
	case err != nil:
		return now, 0, err
	case currency != to.Currency():
		return now, 0, refused(commerce.KindInvalid, op, "", "%s are to be booked on an order that is paid in %s", to, currency)
	case to == due:
		return now, total, nil
	}
	exact, ok := new(big.Rat).SetString(to.Text())
	if !ok {
		return now, 0, refused(commerce.KindInvalid, op, "", "%s is no amount", to)
	}
	// Up to the next of 4 decimals, so that it is at least the refund in its own currency.
	exact.Quo(exact, rate).Mul(exact, big.NewRat(unit, 1))
	up, rest := new(big.Int).QuoRem(exact.Num(), exact.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		up.Add(up, big.NewInt(1))
	}
	if !up.IsInt64() {
		return now, 0, mapping.Faultf(read.document, "refunded_amount", to.String(), "is out of range in the primary store currency")
	}
	return now, mapping.Amount(up.Int64()), nil
}

// notSentWith marks the failure of a read, and leaves what was refused as it is.
func notSentWith(op string, err error) error {
	if e, ok := errors.AsType[*commerce.Error](err); ok && e.Outcome == commerce.NotSent {
		return err
	}
	return notSent(op, err)
}
