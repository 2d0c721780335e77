package workflow

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/idempotency"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping"
	"github.com/commercesync/commerce/reconcile"
)

// Payouts explains what the processor paid out and books it: from the clearing account
// to money in transit, on the day on which the balance became less.
//
// A payout that was made by schedule is taken apart once the processor has listed what is
// in it: each row is matched with the shops' sales and refunds and with the ERP's
// documents, the report goes to the host, what does not agree is told, and the entry is
// posted when the rows add up to the payout. One that was made by hand is booked by its
// own movement, since nobody can say what is in it. One that failed is booked twice: as it
// left, and as it came back, each on its own day.
type Payouts struct {
	Ledger  Ledger            // required
	Balance Balance           // required
	Steps   idempotency.Store // required
	Links   Links             // required
	// Sales are the shops that sell through the account. None: payouts are compared with
	// the ERP alone.
	Sales []Sales
	// Report is given the report of each payout that was explained, once for each
	// content but for what is not yet paid out, and again where nobody knows whether it
	// ended. The report's files are gone when it returns. Nil: nobody asks.
	Report func(ctx context.Context, r *reconcile.Report) error
	// Alerter hears of payouts that failed and of what does not agree, once a reason.
	Alerter Alerter
	// Account is as of [Books].
	Account string
	// Mode is as of [Books]: in mode Summary there are no documents in the ERP to match.
	Mode BooksMode
	// Invoicing is as of [Books]: with OnShipment, what the ERP does not have of a sale whose
	// goods have not left is timing, and nobody is told.
	Invoicing Invoicing
	// StartAt is that of OrderToCash: payouts that left the balance before its day are
	// part of the opening balance, see [Books.Open]; one that comes back later is not.
	// Zero: there are none.
	StartAt time.Time

	// Config says how rows are matched.
	Config reconcile.Config
	// Lookback is how long before the oldest row documents are asked for: an order is
	// older than its capture or its refund.
	//
	// Defaults to 14 days.
	Lookback time.Duration
	// Lookahead is how long after the newest row documents are asked for that its rows may
	// name: what is invoiced late, after an outage, is dated later.
	//
	// Defaults to 31 days.
	Lookahead time.Duration
	// Wait is for how long a payout of which documents are missing is explained again:
	// the program may be about to write them. A person is told of those that are missing
	// then. The inbox's MaxAge has to be longer.
	//
	// Defaults to 24 hours.
	Wait time.Duration
	// Recheck is how long a payout waits that is paid and whose rows the processor has
	// not listed yet. Its own news ends the wait as well.
	//
	// Defaults to 1 hour.
	Recheck time.Duration

	Now    func() time.Time // defaults to time.Now
	Logger *slog.Logger     // nil = silent
}

// Check reports the first setting that can not work, as an error of kind invalid that
// names the field.
func (p *Payouts) Check() error {
	if err := check("Payouts", []field{{"Ledger", p.Ledger == nil}, {"Balance", p.Balance == nil}, {"Steps", p.Steps == nil},
		{"Links", p.Links == nil}, {"Sales", slices.Contains(p.Sales, nil)}},
		[]duration{{"Lookback", p.Lookback}, {"Lookahead", p.Lookahead}, {"Wait", p.Wait}, {"Recheck", p.Recheck}}, nil); err != nil {
		return err
	}
	if !slices.Contains([]BooksMode{"", Invoiced, Summary}, p.Mode) {
		return refuse(commerce.KindInvalid, "check Payouts", "", "Mode is %q, not invoiced or summary", p.Mode)
	}
	if !slices.Contains([]Invoicing{"", OnOrder, OnShipment, ByERP}, p.Invoicing) {
		return refuse(commerce.KindInvalid, "check Payouts", "", "Invoicing is %q, not on_order, on_shipment or by_erp", p.Invoicing)
	}
	return nil
}

// payoutTypes are the processor's events after which a payout can stand otherwise; the
// last is of the feed that walks payouts.
var payoutTypes = []string{"payout.paid", "payout.failed", "payout.canceled", "payout.reconciliation_completed", "payout.updated", "payout.changed"}

// Handlers returns what an inbox is to call for which events.
func (p *Payouts) Handlers() inbox.Handlers {
	if p.Balance == nil {
		return nil
	}
	hs := inbox.Handlers{}
	for _, t := range payoutTypes {
		hs[p.Balance.System()+" "+t] = []inbox.Handler{{Name: nameOf("payouts", p.Account), Handle: func(ctx context.Context, e commerce.Event) error {
			if err := p.Check(); err != nil {
				return misconfigured(err)
			}
			if p.Account != "" && e.Ref.Account != p.Account {
				return nil
			}
			return p.payout(ctx, e)
		}}}
	}
	return hs
}

func (p *Payouts) desk() desk {
	return desk{links: p.Links, steps: p.Steps, alerter: p.Alerter, now: p.Now, log: p.Logger}.complete()
}

func (p *Payouts) lookback() time.Duration {
	if p.Lookback == 0 {
		return 14 * 24 * time.Hour
	}
	return p.Lookback
}

func (p *Payouts) lookahead() time.Duration {
	if p.Lookahead == 0 {
		return 31 * 24 * time.Hour
	}
	return p.Lookahead
}

func (p *Payouts) wait() time.Duration {
	if p.Wait == 0 {
		return 24 * time.Hour
	}
	return p.Wait
}

func (p *Payouts) recheck() time.Duration {
	if p.Recheck == 0 {
		return time.Hour
	}
	return p.Recheck
}

// stood is how far a payout is: what was told of it never goes back.
func stood(s commerce.PayoutStatus) int {
	return slices.Index([]commerce.PayoutStatus{commerce.PayoutPending, commerce.PayoutInTransit, commerce.PayoutPaid, commerce.PayoutFailed, commerce.PayoutCanceled}, s)
}

// freshPayout refuses a payout that was read in a state older than the event's news.
func freshPayout(e commerce.Event, po commerce.Payout) error {
	floor := map[string]int{"payout.paid": stood(commerce.PayoutPaid), "payout.failed": stood(commerce.PayoutFailed), "payout.canceled": stood(commerce.PayoutFailed)}[e.Type]
	if stood(po.Status) < floor || e.Type == "payout.reconciliation_completed" && po.Automatic && !po.Reconciled {
		return refuse(commerce.KindUnavailable, "read "+po.Ref.ID, "stale_read", "it is %s, and %s has happened already; it is read again later", po.Status, e.Type)
	}
	return nil
}

// flow is one payout at work.
type flow struct {
	commerce.Payout
	route mapping.Route
	chart reconcile.Chart
	own   reconcile.Line  // by which it left the balance
	back  *reconcile.Line // by which it came back; nil = it did not
}

// payout brings the books of a payout to what they should be, whatever is told of it.
func (p *Payouts) payout(ctx context.Context, e commerce.Event) error {
	d := p.desk()
	ref := e.Ref.With(e.Object)
	if err := d.links.Link(ctx, ref); err != nil {
		return err
	}
	f, moved, err := p.read(ctx, e, ref)
	if !moved || err != nil {
		return err
	}
	before := f.chart.Before(f.own.Created)
	if before && (f.back == nil || f.chart.Before(f.back.Created)) {
		d.log.InfoContext(ctx, "payout is part of the opening balance", "event", e.Ref.ID, "payout", ref.ID)
		return nil
	}
	missing, left := false, d.settled(ctx, e, p.wait())
	switch explained, err := p.explained(ctx, d, f); {
	case err != nil:
		return err
	case f.Automatic && f.Reconciled && !explained && !before:
		if missing, err = p.explain(ctx, d, f, left == 0); err == nil && !missing {
			_, err = remember(ctx, d, keyExplained(ref), ref)
		}
		if err != nil {
			return err
		}
	case f.Automatic && !f.Reconciled && f.back == nil:
		if f.Status == commerce.PayoutPaid {
			return park("explain "+ref.ID, p.recheck(), "what is in it is not listed yet")
		}
		return nil // it will be told that it is paid
	case !f.Automatic || f.back != nil:
		if err := f.stands(ctx); err != nil {
			return err
		}
	}
	if err := p.post(ctx, d, f); err != nil {
		return err
	}
	if missing && left > 0 {
		return park("explain "+ref.ID, min(left, max(p.recheck(), d.now().Sub(e.Created))), "documents are missing, and may come")
	}
	return nil
}

// read reads what is true of a payout. Nothing moved where it has not left the balance.
func (p *Payouts) read(ctx context.Context, e commerce.Event, ref commerce.Ref) (f flow, moved bool, err error) {
	if f.Payout, err = p.Balance.Payout(ctx, ref); err != nil {
		return f, false, err
	}
	if err := freshPayout(e, f.Payout); err != nil {
		return f, false, err
	}
	if f.route, err = p.Ledger.BalanceRoute(ref, f.Amount.Currency()); err != nil {
		return f, false, err // before any write
	}
	if f.chart, err = chartOf(p.Ledger, f.route, p.StartAt); err != nil {
		return f, false, err
	}
	if f.Transaction == "" {
		return f, false, nil
	}
	if f.own, err = p.Balance.Movement(ctx, ref.With(f.Transaction)); err != nil {
		return f, false, err
	}
	if f.Status != commerce.PayoutFailed && f.Status != commerce.PayoutCanceled {
		return f, true, nil
	}
	back, err := p.Balance.Returned(ctx, ref)
	if errors.Is(err, commerce.ErrNotFound) {
		return f, false, park("book "+ref.ID, p.recheck(), "it is "+string(f.Status)+", and the money is not back yet")
	}
	f.back = &back
	return f, true, err
}

func keyExplained(payout commerce.Ref) string { return "payout.explained/" + payout.String() }

// explained reports whether a payout's rows were explained before, with no document
// missing. A person's replay explains them again.
func (p *Payouts) explained(ctx context.Context, d desk, f flow) (bool, error) {
	if a, ok := inbox.AttemptOf(ctx); ok && a.Generation > 1 {
		return false, nil
	}
	return d.done(ctx, keyExplained(f.Ref))
}

// stands compares a payout whose rows nobody lists with the balance: its movements make
// what the processor says of it.
func (f flow) stands(ctx context.Context) error {
	balances, err := reconcile.Balances(ctx, reconcile.BalancesInput{Payouts: []commerce.Payout{f.Payout}, Location: f.chart.Location, Lines: f.rows})
	if err != nil {
		return err
	}
	for _, b := range balances {
		if b.Drift != nil {
			return refuse(commerce.KindNeedsDecision, "book "+f.Ref.ID, "payout_open", "it is %s and should have moved the balance by %s, and its movements make %s", f.Status, b.Drift.Stated, b.Drift.Reckoned)
		}
	}
	return nil
}

// rows yields the payout's own movements.
func (f flow) rows(yield func(reconcile.Line, error) bool) {
	if yield(f.own, nil) && f.back != nil {
		yield(*f.back, nil)
	}
}

// post books the payout's own movements, each on its day.
func (p *Payouts) post(ctx context.Context, d desk, f flow) error {
	for _, m := range []struct {
		of   commerce.Ref
		line *reconcile.Line
	}{{f.Ref, &f.own}, {f.Ref.With(f.Ref.ID + "/returned"), f.back}} {
		if m.line == nil {
			return nil
		}
		entries, err := f.chart.Entries(ctx, func(yield func(reconcile.Line, error) bool) { yield(*m.line, nil) })
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if err := d.series(ctx, p.Ledger, f.route, m.of, entry); err != nil {
				return err
			}
		}
	}
	return d.exception(ctx, Exception{Name: PayoutFailed, Balance: f.Ref,
		Text: "payout " + f.Ref.ID + " over " + f.Amount.String() + " is " + string(f.Status) + "; the money is back on the balance: look at the bank account that it went to"})
}
