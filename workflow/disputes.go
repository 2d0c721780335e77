package workflow

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
)

// Names of exceptions of [Disputes].
const (
	// DisputeOpened: a buyer's bank asks for money back; the text has until when evidence
	// is taken.
	DisputeOpened = "dispute_opened"
	// DisputeDue: evidence is asked for and was not handed in, and its last day is near.
	DisputeDue = "dispute_due"
	// DisputeLost: the bank has kept the money.
	DisputeLost = "dispute_lost"
	// DisputedRefund: money is asked back that was refunded, all or a part of it.
	DisputedRefund = "disputed_refund"
	// DisputeUnplaced: a dispute of money that belongs to no order here.
	DisputeUnplaced = "dispute_unplaced"
)

// Disputes marks the orders whose money a bank asks back, stops what can be stopped, keeps
// the last day for evidence before people's eyes and collects what they answer with. The
// entry in the ERP is made by [Books], from what the balance moved.
//
// What is left of a dispute follows from how it stands, so that the order in which its news
// comes changes nothing: remarks on the order (opened, withdrawn, reinstated, won, lost), an
// exception each for what a person has to know, and a hold until it is over. [Disputes.Sweep]
// reminds of evidence; run it every day. Set [OrderToCash].Clear to Disputes.Clear where
// Fraud does not stand there.
type Disputes struct {
	// OrderToCash takes the orders up: its ports and settings serve here as well. Required.
	OrderToCash *OrderToCash
	Disputes    DisputePayments // required
	// Refunds lets evidence show what was given back. Nil: it does not.
	Refunds RefundPayments
	// Letters has what was said with customers, for evidence. Nil: it has none.
	Letters Letters
	// Package is given the evidence of each dispute that asks for some, once for each
	// content, and again where nobody knows whether it ended: to be saved for a person, or
	// handed in. Nil: nobody asks; see [Disputes.Evidence].
	Package func(ctx context.Context, e mapping.Evidence) error
	// Hold says whether an order is to wait while one of its disputes is not over. The
	// facts are Order, Payments and Disputes. Whatever it says, a dispute that ended in the
	// merchant's favour holds nothing; a lost one goes on to do so until somebody ends the
	// hold at the shop.
	//
	// Nil: where goods are still to be sent and money is asked back, not by an inquiry.
	Hold func(context.Context, commerce.Facts) (bool, error)
	// Remind is how long before the last day for evidence Sweep tells of it.
	//
	// Defaults to 7 days, 3 days and 1 day.
	Remind []time.Duration
	// Back is how old a dispute may be that Sweep looks at.
	//
	// Defaults to 120 days.
	Back time.Duration
}

// Check reports the first setting that can not work, as an error of kind invalid that
// names the field.
func (w *Disputes) Check() error {
	durations := []duration{{"Back", w.Back}}
	for _, r := range w.Remind {
		durations = append(durations, duration{"Remind", r})
	}
	if err := check("Disputes", []field{{"OrderToCash", w.OrderToCash == nil}, {"Disputes", w.Disputes == nil}}, durations, nil); err != nil {
		return err
	}
	return w.OrderToCash.Check()
}

// kindOrderDispute is the type of the internal event for a disputed payment that is for
// several orders.
const kindOrderDispute = "order.dispute"

var disputeTypes = []string{"charge.dispute.created", "charge.dispute.updated", "charge.dispute.funds_withdrawn",
	"charge.dispute.funds_reinstated", disputeClosed}

// Handlers returns what an inbox is to call for which events.
func (w *Disputes) Handlers() inbox.Handlers {
	if w.OrderToCash == nil || w.OrderToCash.Shop == nil {
		return nil
	}
	hs := inbox.Handlers{}
	h := inbox.Handler{Name: nameOf("disputes", w.OrderToCash.Shop.Origin().Account), Handle: func(ctx context.Context, e commerce.Event) error {
		if err := w.Check(); err != nil {
			return misconfigured(err)
		}
		return w.disputed(ctx, e)
	}}
	for _, t := range disputeTypes {
		hs[processor+" "+t] = []inbox.Handler{h}
	}
	hs[internal+" "+kindOrderDispute] = []inbox.Handler{h}
	return hs
}

// Clear reports whether an order may be fulfilled as far as holds go; see
// [OrderToCash].Clear. [Fraud.Clear] does the same and more. Without either, the news of an
// order that is on hold for a dispute waits until the inbox's MaxAge buries it.
func (w *Disputes) Clear(ctx context.Context, f commerce.Facts) (bool, error) {
	if err := w.Check(); err != nil {
		return false, misconfigured(err)
	}
	_, waits, err := w.OrderToCash.desk().obey(ctx, f.Order)
	return !waits, err
}

func (w *Disputes) disputed(ctx context.Context, e commerce.Event) error {
	d := w.OrderToCash.desk()
	err := d.work(ctx, e, kindOrderDispute, func(ctx context.Context, a account) error { return w.act(ctx, d, e, a) })
	if err == nil || e.Ref.System == internal || !commerce.KindOf(err).Permanent() {
		return err
	}
	// The bank waits for nobody: its last day is told though the event is dead.
	x, unread := w.Disputes.Dispute(ctx, e.Ref.With(e.Object))
	if unread != nil {
		return err
	}
	if told := d.exception(ctx, Exception{Name: DisputeUnplaced, Balance: x.Ref,
		Text: fmt.Sprintf("%s, of %s, which belongs to no order here%s; the event is dead: mend the cause and replay it", said(x), x.Payment.ID, until(x))}); told != nil {
		return told
	}
	return err
}

// act brings an order to what its disputes ask for.
func (w *Disputes) act(ctx context.Context, d desk, e commerce.Event, a account) error {
	var all []commerce.Dispute
	for _, p := range a.all {
		of, err := w.Disputes.DisputesOf(ctx, p.Ref)
		if err != nil {
			return err
		}
		for _, x := range of {
			if err := freshDispute(e, x); err != nil {
				return err
			}
			if err := w.mark(ctx, d, a.order, p, x); err != nil {
				return err
			}
		}
		all = append(all, of...)
	}
	o, waits, err := w.hold(ctx, d, a, all)
	if err != nil {
		return err
	}
	for _, x := range all {
		if err := w.pack(ctx, d, o, a, x); err != nil {
			return err
		}
	}
	if waits {
		return nil
	}
	causes, err := d.heldFors(ctx, o.Ref)
	if err != nil || len(causes) == 0 {
		return err
	}
	return d.goOn(ctx, e, o, causes)
}

// freshDispute refuses a dispute that was read in a state older than the event's own news.
func freshDispute(e commerce.Event, x commerce.Dispute) error {
	if e.Object != x.Ref.ID {
		return nil
	}
	stale := false
	switch e.Type {
	case disputeClosed:
		stale = !x.Status.Over()
	case "charge.dispute.funds_withdrawn":
		stale = x.Withdrawn.Sign() <= 0
	case "charge.dispute.funds_reinstated":
		stale = x.Reinstated.Sign() <= 0
	}
	if !stale {
		return nil
	}
	return refuse(commerce.KindUnavailable, "read "+x.Ref.ID, "stale_read", "it is %s, and %s has happened already; it is read again later", x.Status, e.Type)
}

// mark leaves on the order, and tells people, what is so for ever of a dispute.
func (w *Disputes) mark(ctx context.Context, d desk, o commerce.Order, p commerce.Payment, x commerce.Dispute) error {
	id := x.Ref.ID
	notes := [][2]string{{"disputed", said(x) + ", of " + p.Ref.ID + until(x)}}
	if x.Withdrawn.Sign() > 0 {
		notes = append(notes, [2]string{"dispute_withdrawn", fmt.Sprintf("dispute %s: %s were taken from the balance", id, x.Withdrawn)})
	}
	if x.Reinstated.Sign() > 0 {
		notes = append(notes, [2]string{"dispute_reinstated", fmt.Sprintf("dispute %s: %s came back to the balance", id, x.Reinstated)})
	}
	if x.Status.Over() {
		notes = append(notes, [2]string{"dispute_" + string(x.Status), fmt.Sprintf("dispute %s is %s", id, x.Status)})
	}
	for _, n := range notes {
		if err := d.note(ctx, o, n[0]+" "+id, "Dispute: "+n[1]+"."); err != nil {
			return err
		}
	}
	told := []Exception{{Name: DisputeOpened, Text: fmt.Sprintf("order %s: %s, of %s%s", o.Number, said(x), p.Ref.ID, until(x))}}
	if back := orNothing(p.Refunded, p.Amount.Currency()); back.Sign() > 0 && x.Status != commerce.DisputeClosed {
		told = append(told, Exception{Name: DisputedRefund, Text: fmt.Sprintf("order %s: dispute %s asks %s back of %s, of which %s were refunded; proposal: hand in the refund as evidence, and refund no more while the dispute is open", o.Number, id, x.Amount, p.Ref.ID, back)})
	}
	if x.Status == commerce.DisputeLost {
		told = append(told, Exception{Name: DisputeLost, Text: fmt.Sprintf("order %s: dispute %s is lost, and %s of %s are gone; proposal: cancel what is still to be sent", o.Number, id, x.Amount, p.Ref.ID)})
	}
	for _, t := range told {
		t.Order, t.Payment, t.Mark = o.Ref, p.Ref, id
		if err := d.exception(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// said says what a bank asks for.
func said(x commerce.Dispute) string {
	if x.Inquiry {
		return fmt.Sprintf("inquiry %s about %s (%s)", x.Ref.ID, x.Amount, x.Reason)
	}
	return fmt.Sprintf("dispute %s asks %s back (%s)", x.Ref.ID, x.Amount, x.Reason)
}

// until says how long evidence is taken.
func until(x commerce.Dispute) string {
	switch {
	case x.Status.Over():
		return "; it is " + string(x.Status)
	case x.Answered:
		return "; evidence was handed in"
	case x.Due.IsZero():
		return ""
	}
	return "; evidence is taken until " + x.Due.UTC().Format("2006-01-02 15:04") + " UTC"
}

// orNothing is what a system leaves out where there was none of it.
func orNothing(m commerce.Money, c commerce.Currency) commerce.Money {
	if m == (commerce.Money{}) {
		return commerce.Zero(c)
	}
	return m
}

// hold makes the order wait for its disputes, or lets it go on.
func (w *Disputes) hold(ctx context.Context, d desk, a account, all []commerce.Dispute) (commerce.Order, bool, error) {
	asks := w.Hold
	if asks == nil {
		asks = holdUnsent
	}
	for _, x := range all {
		cause := "dispute " + x.Ref.ID
		switch {
		case x.Status == commerce.DisputeWon || x.Status == commerce.DisputeClosed:
			held, err := d.done(ctx, keyHeld(a.order.Ref, cause))
			if err == nil && held {
				err = d.releaseOf(ctx, a.order.Ref, "the dispute is "+string(x.Status), heldFor{Cause: cause})
			}
			if err != nil {
				return a.order, true, err
			}
		case x.Status == commerce.DisputeOpen || x.Status == commerce.DisputeReview:
			// Asked anew for each, so that a rule may tell them apart.
			yes, err := asks(ctx, commerce.Facts{Order: a.order, Payments: a.all, Disputes: []commerce.Dispute{x}})
			if err != nil {
				e := refuse(commerce.KindOf(err), "judge "+x.Ref.ID, "", "Hold")
				e.RetryAfter, e.Err = commerce.RetryAfter(err), err
				return a.order, true, e
			}
			if !yes {
				continue
			}
			if _, err := d.holdFor(ctx, a.order.Ref, cause, said(x)); err != nil {
				return a.order, true, err
			}
		}
	}
	return d.obey(ctx, a.order)
}

// holdUnsent is the default of Hold.
func holdUnsent(_ context.Context, f commerce.Facts) (bool, error) {
	if !slices.ContainsFunc(f.Disputes, func(x commerce.Dispute) bool { return !x.Inquiry }) {
		return false, nil
	}
	return f.Order.Unsent()
}
