package workflow

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/reconcile"
)

// till is a bank that gives money back: the refunds of the processor, the shop's papers
// about them, and the ERP's credit notes, each as forgetful as the real ones.
type till struct {
	*bank
	refunds *Refunds
	before  func() inbox.Handlers // that come before those of refunds

	given   []*commerce.Refund                         // at the processor
	keys    map[string]*commerce.Refund                // that it remembers
	memos   map[commerce.Ref][]*mapping.RefundDocument // at the shop, by order
	notes   map[commerce.Ref]map[string]commerce.Money // at the ERP, by order and refund
	total   bool                                       // the shop takes no mark: it is settled by the total
	moved   int                                        // how often money moved by our doing
	txn     int
	started time.Time
}

func newTill(t fataler, change ...func(*till)) *till {
	t.Helper()
	w := &till{keys: map[string]*commerce.Refund{}, memos: map[commerce.Ref][]*mapping.RefundDocument{}, notes: map[commerce.Ref]map[string]commerce.Money{}}
	newBank(t, func(b *bank) {
		w.bank = b
		w.refunds = &Refunds{OrderToCash: b.o2c, Shop: paperSide{w}, Payments: giveSide{w}, Ledger: noteSide{ledgerSide{b.treasury}, w}}
		for _, c := range change {
			c(w)
		}
		b.also = func() inbox.Handlers {
			if w.before != nil {
				return inbox.Merge(w.before(), w.refunds.Handlers())
			}
			return w.refunds.Handlers()
		}
	})
	return w
}

// sells adds an order of 66.00 EUR for two lamps, with its payment, and works it.
func (w *till) sells(id string) commerce.Ref {
	w.t.Helper()
	ref := w.office.order(id, func(o *commerce.Order) {
		vat := commerce.TaxLine{Code: "VAT", Country: "DE", Rate: commerce.MustDecimal("19"), Base: eur(5042), Amount: eur(958), On: commerce.TaxOnLine, Line: "1"}
		onto := vat
		onto.Base, onto.Amount, onto.On, onto.Line = eur(504), eur(96), commerce.TaxOnShipping, ""
		o.Lines = []commerce.OrderLine{{ID: "1", SKU: "LAMP", Quantity: commerce.MustDecimal("2"), Net: eur(5042), Discount: eur(0), Tax: eur(958), Taxes: []commerce.TaxLine{vat}}}
		o.Shipping = commerce.Shipping{Net: eur(504), Discount: eur(0), Tax: eur(96), Taxes: []commerce.TaxLine{onto}}
		o.Totals = commerce.Totals{Net: eur(5042), Discount: eur(0), Shipping: eur(504), ShippingDiscount: eur(0), Fees: eur(0), Tax: eur(1054), Gross: eur(6600)}
	})
	w.pays(id, id)
	return ref
}

// pays collects 66.00 EUR for an order.
func (w *till) pays(id, order string) {
	w.t.Helper()
	w.payment(id, []string{order})
	w.txn++
	w.moves("charge", fmt.Sprintf("c%d", w.txn), id, 6600, 0, w.clock)
	w.news("evt_paid_"+id, "charge.succeeded", "pi_"+id)
	w.feed()
	w.work()
}

// standing is what of a payment went back.
func (w *till) standing(payment string) int64 {
	sum := int64(0)
	for _, r := range w.given {
		if r.Payment.ID == payment && (r.Status == commerce.RefundPending || r.Status == commerce.RefundSucceeded) {
			sum += r.Amount.Minor()
		}
	}
	return sum
}

// gives makes a refund at the processor. The world is locked.
func (w *till) gives(payment string, minor int64, status commerce.RefundStatus, operation string) *commerce.Refund {
	p := w.payments[payment]
	r := &commerce.Refund{Ref: stripeRef.With(fmt.Sprintf("re_%d", len(w.given)+1)), Payment: p.Ref, Charge: p.Charge, Amount: commerce.MustMoney(minor, p.Amount.Currency()),
		Status: status, Created: w.clock, Operation: operation}
	w.given = append(w.given, r)
	p.Refunded = commerce.MustMoney(w.standing(payment), p.Amount.Currency())
	if r.Amount.Currency() == "EUR" {
		w.lines = append(w.lines, movementOf(r, "refund", -minor, w.clock))
	}
	return r
}

func movementOf(r *commerce.Refund, category string, minor int64, at time.Time) (l reconcile.Line) {
	l = reconcile.Line{ID: "txn_" + category + r.Ref.ID, Category: category, Amount: eur(minor), Fee: eur(0), Net: eur(minor), Created: at, Available: at,
		Intent: r.Payment.ID, Charge: r.Charge, Source: r.Ref.ID, Refund: r.Ref.ID}
	return l
}

// dashboard refunds at the processor, by hand, and the news of it comes.
func (w *till) dashboard(payment string, minor int64, status commerce.RefundStatus) *commerce.Refund {
	w.t.Helper()
	w.mu.Lock()
	r := w.gives(payment, minor, status, "")
	w.mu.Unlock()
	w.tells(r, "refund.created")
	w.news("evt_"+r.Ref.ID+"_charge", "charge.refunded", payment)
	w.feed()
	return r
}

// tells brings news of a refund.
func (w *till) tells(r *commerce.Refund, kind string) {
	w.t.Helper()
	w.txn++
	e := w.event(fmt.Sprintf("evt_%s_%d", r.Ref.ID, w.txn), kind, r.Payment.ID)
	e.Object = r.Ref.ID
	w.deliver(e)
}

// breaks makes a refund fail, or succeed, late.
func (w *till) becomes(r *commerce.Refund, status commerce.RefundStatus) {
	w.t.Helper()
	w.mu.Lock()
	was := r.Status
	r.Status = status
	p := w.payments[r.Payment.ID]
	p.Refunded = eur(w.standing(p.Ref.ID))
	if (status == commerce.RefundFailed || status == commerce.RefundCanceled) && was != status {
		w.lines = append(w.lines, movementOf(r, "refund_failure", r.Amount.Minor(), w.clock))
	}
	w.mu.Unlock()
	w.tells(r, "refund.updated")
	w.feed()
}

// memo makes a paper at the shop, by people or the shop's plugin, and tells of it.
func (w *till) memo(order commerce.Ref, minor int64, change ...func(*mapping.RefundDocument)) *mapping.RefundDocument {
	w.t.Helper()
	w.mu.Lock()
	doc := w.writes(order, mapping.RefundDocument{Money: eur(minor)})
	for _, c := range change {
		c(doc)
	}
	w.mu.Unlock()
	w.changes(order)
	return doc
}

func online(r *commerce.Refund) func(*mapping.RefundDocument) {
	return func(d *mapping.RefundDocument) {
		d.Online = true
		if r != nil {
			d.Refund = r.Ref.ID
		}
	}
}

// writes adds a paper. The world is locked.
func (w *till) writes(order commerce.Ref, doc mapping.RefundDocument) *mapping.RefundDocument {
	o := w.orders[order]
	doc.Document = commerce.Document{Ref: order.With(fmt.Sprintf("creditmemo/%s%d", strings.TrimPrefix(order.ID, "order/"), len(w.memos[order])+1)), Total: doc.Money}
	doc.Created = w.clock
	w.memos[order] = append(w.memos[order], &doc)
	o.Refunded, _ = cmp.Or(o.Refunded, eur(0)).Add(doc.Money)
	if o.Refunded == o.Paid {
		o.State = commerce.OrderClosed
	}
	return &doc
}

// changes tells that the shop has an order otherwise.
func (w *till) changes(order commerce.Ref) {
	w.t.Helper()
	w.txn++
	w.deliver(commerce.Event{Ref: order.With(fmt.Sprintf("%s@%d", order.ID, w.txn)), Type: orderChanged, Object: order.ID, Subject: order.ID, Created: w.clock, Raw: []byte(`{}`)})
}

// wish delivers a wish.
func (w *till) wish(order commerce.Ref, wish RefundWish) {
	w.t.Helper()
	e, err := w.refunds.Wish(order, wish)
	require.NoError(w.t, err)
	w.deliver(e)
}

// The processor.

type giveSide struct{ *till }

func (w giveSide) Refunds(_ context.Context, payment commerce.Ref) (out []commerce.Refund, err error) {
	return out, w.far.read(func() error {
		for _, r := range w.given {
			if r.Payment == payment {
				out = append(out, *r)
			}
		}
		return nil
	})
}

func (w giveSide) GiveBack(r mapping.RefundRequest) idempotency.Effect[commerce.Refund] {
	return idempotency.Effect[commerce.Refund]{
		Class: idempotency.Keyed, Settle: time.Minute, Retention: 24 * time.Hour,
		Find: func(context.Context) (found commerce.Refund, err error) {
			return found, w.far.read(func() error {
				at := slices.IndexFunc(w.given, func(g *commerce.Refund) bool { return g.Operation == r.Key })
				if at < 0 {
					return absent("find refund")
				}
				found = *w.given[at]
				return nil
			})
		},
		Act: func(context.Context) (made commerce.Refund, err error) {
			if err := w.far.read(func() error {
				p := w.payments[r.Payment.ID]
				if w.keys[r.Key] == nil && r.Amount.Minor() > p.Captured.Minor()-w.standing(p.Ref.ID) {
					return &commerce.Error{Kind: commerce.KindConflict, System: "world", Op: "refund", Outcome: commerce.NotSent, Code: "charge_already_refunded"}
				}
				return nil
			}); err != nil {
				return made, err
			}
			err = w.far.write("money back "+r.Order.Ref.ID, func() {
				if w.keys[r.Key] == nil {
					w.moved++
					w.keys[r.Key] = w.gives(r.Payment.ID, r.Amount.Minor(), commerce.RefundSucceeded, r.Key)
				}
				made = *w.keys[r.Key]
			})
			return made, err
		},
	}
}

// The shop.

type paperSide struct{ *till }

func (w paperSide) RefundDocuments(_ context.Context, o commerce.Order) (out []mapping.RefundDocument, err error) {
	return out, w.far.read(func() error {
		for _, d := range w.memos[o.Ref] {
			out = append(out, *d)
		}
		return nil
	})
}

func (w paperSide) RecordRefund(o commerce.Order, r mapping.RefundRecord) idempotency.Effect[commerce.Document] {
	eff := idempotency.Effect[commerce.Document]{Class: idempotency.Marked, Settle: time.Minute,
		Find: func(context.Context) (doc commerce.Document, err error) {
			return doc, w.far.read(func() error {
				at := slices.IndexFunc(w.memos[o.Ref], func(d *mapping.RefundDocument) bool { return d.Refund == r.Refund.Ref.ID })
				if at < 0 {
					return absent("find paper")
				}
				doc = w.memos[o.Ref][at].Document
				return nil
			})
		}}
	if w.total {
		eff.Class = idempotency.Guarded
		eff.Find = func(context.Context) (doc commerce.Document, err error) {
			return doc, w.far.read(func() error {
				if has := cmp.Or(w.orders[o.Ref].Refunded, eur(0)); has.Minor() < r.Before.Minor()+r.Amount.Minor() {
					return absent("find total")
				}
				doc = commerce.Document{Ref: o.Ref.With("refunded of " + o.Ref.ID), Total: r.Amount}
				return nil
			})
		}
	}
	eff.Act = func(context.Context) (doc commerce.Document, err error) {
		refuses := func(code string) error {
			return &commerce.Error{Kind: commerce.KindNeedsDecision, System: "world", Op: "book refund", Outcome: commerce.NotSent, Code: code}
		}
		if err := w.far.read(func() error {
			stored := w.orders[o.Ref]
			switch {
			case stored.State == commerce.OrderOnHold:
				return refuses("order_held")
			case r.Amount.Minor() > stored.Paid.Minor()-stored.Refunded.Minor():
				return refuses("nothing_left")
			}
			return nil
		}); err != nil {
			return doc, err
		}
		err = w.far.write("paper "+o.Ref.ID, func() {
			paper := mapping.RefundDocument{Money: r.Amount, Refund: r.Refund.Ref.ID}
			if r.Content.Goods() {
				paper.Content = &r.Content
			}
			if w.total {
				paper = mapping.RefundDocument{Money: r.Amount}
			}
			doc = w.writes(o.Ref, paper).Document
		})
		return doc, err
	}
	return eff
}

// The ERP.

type noteSide struct {
	ledgerSide
	*till
}

func (n noteSide) CreditNote(_ mapping.Route, o commerce.Order, sale commerce.Document, c mapping.CreditNote) idempotency.Effect[commerce.Document] {
	doc := commerce.Document{Ref: erpRef.With("credit note of " + o.Ref.ID + " " + c.Key), Total: c.Content.Total.Neg()}
	eff := n.ledgerSide.far.marked(idempotency.Marked, "erp credit note "+o.Ref.ID+" "+c.Key, doc, func() {
		if n.notes[o.Ref] == nil {
			n.notes[o.Ref] = map[string]commerce.Money{}
		}
		n.notes[o.Ref][c.Key] = c.Content.Total
		n.ledgerSide.post(&sideInvoice{mapping.Invoice{Document: doc, Party: "party 1", Date: c.Date, Open: doc.Total}, sale.Ref})
	})
	return n.dated(eff, c.Date)
}

// agrees asserts that processor, shop and ERP say the same of an order, to the minor unit,
// and that no paper and no note is there twice.
func (w *till) agrees(order commerce.Ref, minor int64) {
	w.t.Helper()
	require.Empty(w.t, w.differs(order, minor))
}

func (w *till) differs(order commerce.Ref, minor int64) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	papers, notes := int64(0), int64(0)
	for _, d := range w.memos[order] {
		papers += d.Money.Minor()
	}
	for _, m := range w.notes[order] {
		notes += m.Minor()
	}
	if refunded := w.orders[order].Refunded.Minor(); refunded != minor || papers != minor || notes != minor {
		return fmt.Sprintf("%s: %d should have gone back; the shop has %d in papers of %d, the ERP %d in %v", order.ID, minor, refunded, papers, notes, w.notes[order])
	}
	return ""
}

// deadEvents lists what nobody works any more.
func (w *till) deadEvents() (out []inbox.Entry) {
	w.t.Helper()
	for e, err := range w.inbox.List(context.Background(), inbox.Filter{States: []inbox.State{inbox.Dead}, Limit: 1000}) {
		require.NoError(w.t, err)
		out = append(out, e)
	}
	return out
}

// disputedSide refuses as the processor does while a charge is disputed.
type disputedSide struct{ giveSide }

func (w disputedSide) GiveBack(r mapping.RefundRequest) idempotency.Effect[commerce.Refund] {
	eff := w.giveSide.GiveBack(r)
	eff.Act = func(context.Context) (commerce.Refund, error) {
		return commerce.Refund{}, &commerce.Error{Kind: commerce.KindConflict, System: "world", Op: "refund", Outcome: commerce.NotSent, Code: "refund_disputed_payment"}
	}
	return eff
}
