package workflow

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/mapping"
)

// A confirmed sales order can not be edited at any ERP. An order that is edited at
// the shop after it was taken up gets another sales order in the place of the first:
// its second generation. Steps of the first stand under the keys that they have
// always had, those of the n-th under the same with "/n". A generation ends when its
// sales order is cancelled ("erp.cancel/<order>"), and only then the next begins, so
// that at most one counts at the ERP. All of them stand there under one reference.

// maxGenerations bounds how often an order is written anew.
const maxGenerations = 100

func keyCancel(order commerce.Ref) string { return "erp.cancel/" + order.String() }

// generation says which sales order of an order counts.
type generation struct {
	n int
	// ending: its cancelling has begun and may have taken effect. It is carried
	// through, whatever the order says meanwhile.
	ending bool
}

// of returns the key of a step of this generation.
func (g generation) of(key string) string {
	if g.n < 2 {
		return key
	}
	return key + "/" + strconv.Itoa(g.n)
}

// splitGeneration takes the key of a step apart, without its prefix.
func splitGeneration(text string) (order commerce.Ref, n int, err error) {
	n = 1
	if strings.Count(text, "/") == 5 {
		at := strings.LastIndex(text, "/")
		if n, err = strconv.Atoi(text[at+1:]); err != nil {
			return order, n, refuse(commerce.KindInternal, "read key", "", "%q names no generation", text)
		}
		text = text[:at]
	}
	order, err = commerce.ParseRef(text)
	return order, n, err
}

// posted is what the steps of a payment and of a sales order leave.
type posted struct {
	commerce.Document
	// Content is what it said; of one that was adopted, what the shop showed then.
	Content *content `json:"content,omitempty"`
	// Adopted: it was written by others, under a reference of their own; see Adopt.
	Adopted bool `json:"adopted,omitempty"`
	// Payments are what it was paid with, by id: that they are for the order is decided.
	Payments map[string]commerce.Money `json:"payments,omitempty"`
}

// generation reads which sales order counts. Many edits ago is found one by one.
func (d desk) generation(ctx context.Context, order commerce.Ref) (generation, error) {
	for g := (generation{n: 1}); g.n <= maxGenerations; g.n++ {
		rec, err := d.steps.Get(ctx, g.of(keyCancel(order)))
		switch {
		case err == nil && rec.State == idempotency.Done:
			continue
		case err == nil && rec.State != idempotency.NotSent:
			g.ending = true
		case err != nil && !errors.Is(err, commerce.ErrNotFound):
			return g, err
		}
		return g, nil
	}
	return generation{}, refuse(commerce.KindLimit, "read generation of "+order.ID, "", "the order was written anew %d times", maxGenerations)
}

// begun reports whether something of a generation may be at the ERP.
func (d desk) begun(ctx context.Context, order commerce.Ref, g generation) (bool, error) {
	_, err := d.steps.Get(ctx, g.of(keySalesOrder(order)))
	if errors.Is(err, commerce.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// decided returns what the payment gave the order when it was recorded, the order was
// taken up, or it was told as too much: an edit since does not make it a payment of the wrong amount. A sales order
// that was written before that was remembered was paid by what was its total, and by
// what the shop names.
func (d desk) decided(ctx context.Context, p commerce.Payment, o commerce.Order) (gave commerce.Money, ok bool, err error) {
	order := o.Ref
	last, err := d.generation(ctx, order)
	if err != nil {
		return gave, false, err
	}
	for g := last; g.n >= 0; g.n-- {
		key := g.of(keySalesOrder(order))
		if g.n == 0 {
			key = keyPayment(order)
		}
		doc, err := recall[posted](ctx, d.steps, key)
		if errors.Is(err, commerce.ErrNotFound) {
			continue
		}
		if err != nil {
			return gave, false, err
		}
		if gave, ok = doc.Payments[p.Ref.ID]; ok {
			return gave, true, nil
		}
		before := g.n == 1 && doc.Content == nil && doc.Payments == nil
		if before && len(p.Orders) < 2 && (p.Amount == doc.Total || names(o, p)) {
			return p.Amount, true, nil
		}
	}
	gave, err = recall[commerce.Money](ctx, d.steps, keyShare(order, p))
	if errors.Is(err, commerce.ErrNotFound) {
		return gave, false, nil
	}
	return gave, err == nil, err
}

// post makes the sales order at the ERP what the shop shows, and returns it with its
// generation. One that is outdated is cancelled and another is written in its place;
// where it can not be cancelled any more it stays, and a person is told.
func (w *OrderToCash) post(ctx context.Context, d desk, a account, route mapping.Route) (commerce.Document, generation, error) {
	op := "post order " + a.order.Ref.ID
	g := a.generation
	for range 2 {
		var err error
		var doc posted
		var other *idempotency.FingerprintError
		if !g.ending {
			doc, err = w.write(ctx, d, a, route, g)
			if other, _ = errors.AsType[*idempotency.FingerprintError](err); err != nil && other == nil {
				return doc.Document, g, err
			}
			if other == nil && !doc.outdated(a.content) {
				return doc.Document, g, nil
			}
		}
		if other != nil && other.State == idempotency.Done {
			if doc, err = recall[posted](ctx, d.steps, other.Key); err != nil {
				return doc.Document, g, err
			}
			if !doc.outdated(a.content) {
				return doc.Document, g, nil
			}
		}
		if doc.Adopted {
			return doc.Document, g, d.told(ctx, a, doc, "it was written by others and is theirs to change")
		}
		if doc.Ref.ID != "" && a.content.partlyCanceled() {
			return doc.Document, g, d.told(ctx, a, doc, "a part of it is cancelled there, which no sales order can say")
		}
		switch err := w.end(ctx, d, a.order.Ref, route, g); {
		case errors.Is(err, commerce.ErrConflict) && doc.Ref.ID != "":
			return doc.Document, g, d.told(ctx, a, doc, tooLate(err))
		case err != nil:
			return doc.Document, g, err
		}
		g = generation{n: g.n + 1}
	}
	return commerce.Document{}, g, park(op, 0, "a new sales order is to be written")
}

// outdated reports whether the shop shows something else. Where its content is not
// known the total says so.
func (p posted) outdated(now content) bool {
	if p.Content != nil {
		return p.Content.hash() != now.hash()
	}
	return p.Total != (commerce.Money{}) && p.Total != now.Gross
}

// write takes the step of a sales order. Its fingerprint is the content, which no
// replay may mend: another content is another generation.
func (w *OrderToCash) write(ctx context.Context, d desk, a account, route mapping.Route, g generation) (posted, error) {
	return stepOf(idempotency.WithGeneration(ctx, 0), d, g.of(keySalesOrder(a.order.Ref)),
		leaving(w.Books.SalesOrder(route, a.order, a.payments()), func(doc commerce.Document) posted {
			return posted{Document: doc, Content: &a.content, Payments: a.gives()}
		}),
		"sales order", a.content)
}

// leaving is the effect with more around the document that it leaves.
func leaving[T any](eff idempotency.Effect[commerce.Document], as func(commerce.Document) T) idempotency.Effect[T] {
	with := func(f func(context.Context) (commerce.Document, error)) func(context.Context) (T, error) {
		if f == nil {
			return nil
		}
		return func(ctx context.Context) (T, error) {
			doc, err := f(ctx)
			return as(doc), err
		}
	}
	return idempotency.Effect[T]{Class: eff.Class, Settle: eff.Settle, Retention: eff.Retention, Find: with(eff.Find), Act: with(eff.Act)}
}

// gives returns what each captured payment gives the order, by id.
func (a account) gives() map[string]commerce.Money {
	out := map[string]commerce.Money{}
	for _, s := range a.captured() {
		out[s.payment.Ref.ID] = s.amount
	}
	return out
}

// tooLate says why a sales order is not cancelled.
func tooLate(err error) string {
	if withCode(err, "adopted") != nil {
		return "it was written by others and is theirs to cancel"
	}
	return "goods were packed or have left, or it is invoiced"
}

// end cancels the sales order of a generation, once nothing of it can be on its way
// any more. What the ERP does not cancel is of kind conflict.
func (w *OrderToCash) end(ctx context.Context, d desk, order commerce.Ref, route mapping.Route, g generation) error {
	for _, key := range []string{keySalesOrder(order), keyConfirm(order), keyRequest(order)} {
		rec, err := d.steps.Get(ctx, g.of(key))
		if errors.Is(err, commerce.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if left := rec.Started.Add(rec.Settle).Sub(d.now()); left > 0 && (rec.State == idempotency.Open || rec.State == idempotency.Unknown) {
			return park("cancel sales order of "+order.ID, left, "a step of it may still be on its way")
		}
	}
	if doc, err := recall[posted](ctx, d.steps, g.of(keySalesOrder(order))); err == nil && doc.Adopted {
		return refuse(commerce.KindConflict, "cancel sales order of "+order.ID, "adopted", "%s was written by others and is theirs to cancel", doc.Ref.ID)
	}
	_, err := d.step(ctx, g.of(keyCancel(order)), w.Books.Cancel(route, order))
	return err
}

// told names an edit that the ERP can not follow any more. Each is told once.
func (d desk) told(ctx context.Context, a account, doc posted, why string) error {
	x := Exception{Name: OrderChanged, Order: a.order.Ref, Mark: a.content.hash()}
	what := fmt.Sprintf("total %s → %s", doc.Total, a.content.Gross)
	if doc.Content != nil {
		what = doc.Content.changes(a.content)
		if doc.Content.onlyAddresses(a.content) {
			x.Name = AddressChanged
		}
	}
	x.Text = fmt.Sprintf("order %s was changed at the shop (%s), and sales order %s stays as it is, for %s; ", a.order.Number, what, doc.Ref.ID, why)
	if x.Name == AddressChanged {
		x.Text += "proposal: redirect the parcel, and correct the address there"
	} else {
		x.Text += "proposal: post the difference there, with a credit note or a second order"
	}
	return d.exception(ctx, x)
}
