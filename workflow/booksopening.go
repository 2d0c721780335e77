package workflow

import (
	"context"
	"errors"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/reconcile"
)

// Opening says how [Books.Open] takes a balance over.
type Opening struct {
	// Account is the code of the account that takes the differences: whatever the books
	// before had the money on. Required.
	Account string
	// Lookback is how long before the start a payout may have left the balance that had
	// not arrived at the bank by then.
	//
	// Defaults to 31 days.
	Lookback time.Duration
	// DryRun posts nothing, remembers nothing, and shows what would be posted. Before the
	// start it takes the balance as it is.
	DryRun bool
}

// Opened is what the books of one currency begin with.
type Opened struct {
	Balance commerce.Money `json:"balance"` // at the processor, when the first day begins
	Booked  commerce.Money `json:"booked"`  // on the clearing account, at the end of the day before
	Sent    commerce.Money `json:"sent"`    // had left the balance and was not at the bank
	Transit commerce.Money `json:"transit"` // on the transit account, at the end of the day before
	// Entry makes clearing Balance and transit Sent; without lines nothing differs, and
	// nothing is posted.
	Entry commerce.JournalEntry `json:"entry"`
}

// longestUnderway is how long a payout takes to the bank at most.
const longestUnderway = 31 * 24 * time.Hour

func keyOpened(of commerce.Ref) string { return "books.opened/" + of.String() }

// Open takes the balance over at the cut-over, the beginning of the day of
// OrderToCash.StartAt: an entry a currency, dated by the day before, makes the clearing
// account what the balance was then, and transit what was on its way. A host calls it
// once that day has begun, before its inbox works, or at every start:
// it posts once for ever, and answers what it did from then on. One that was cut off goes
// on where it stopped.
//
// What Open finds is remembered before it is posted, and stands. An error posts nothing in
// the currencies that are left: kind needs decision, code "activity_posted", where the
// clearing account has moved since the start, so that somebody has booked what the days
// will book; kind period closed for the day before; kind invalid for the settings.
func (b *Books) Open(ctx context.Context, o Opening) ([]Opened, error) {
	if err := b.Check(); err != nil {
		return nil, err
	}
	const op = "open books"
	switch {
	case o.Account == "":
		return nil, refuse(commerce.KindInvalid, op, "", "Opening.Account is missing")
	case o.Lookback < 0:
		return nil, refuse(commerce.KindInvalid, op, "", "Opening.Lookback is %s, below nought", o.Lookback)
	case b.start().IsZero():
		return nil, refuse(commerce.KindInvalid, op, "", "OrderToCash.StartAt is missing: it says when the books begin")
	}
	if o.Lookback == 0 {
		o.Lookback = longestUnderway
	}
	d := b.shop(0).desk()
	purses, err := b.purses(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Opened, len(purses))
	for i, p := range purses { // all is known before anything is written
		if out[i], err = b.opened(ctx, d, o, p); err != nil {
			return nil, err
		}
	}
	if o.DryRun {
		return out, nil
	}
	for i, p := range purses {
		of := b.openingOf(p)
		if out[i], err = remember(ctx, d, keyOpened(of), out[i]); err != nil {
			return out[:i], err
		}
		if len(out[i].Entry.Lines) == 0 {
			continue
		}
		if _, err = d.step(ctx, keyEntry(of, 1), b.Ledger.Entry(p.route, out[i].Entry)); err != nil {
			return out[:i], err
		}
	}
	return out, nil
}

func (b *Books) openingOf(p purse) commerce.Ref { return b.ref("opening/" + p.currency.Lower()) }

// opened says what the books of a currency begin with, as it was decided or as it is.
func (b *Books) opened(ctx context.Context, d desk, o Opening, p purse) (Opened, error) {
	const op = "open books"
	got, err := recall[Opened](ctx, d.steps, keyOpened(b.openingOf(p)))
	if !errors.Is(err, commerce.ErrNotFound) {
		return got, err
	}
	cut, now := p.chart.CutOver, d.now()
	if cut.After(now) && !o.DryRun {
		return got, refuse(commerce.KindInvalid, op, "", "the books begin at %s, which has not come yet", cut.Format(time.RFC3339))
	}
	was, err := b.stood(ctx, d, cut)
	if err != nil {
		return got, err
	}
	got.Balance = amountIn(p.currency, was)
	before := dayOf(p.chart, cut.Add(-time.Nanosecond))
	booked := func(account string, on commerce.Date) (commerce.Money, error) {
		if account == "" {
			return commerce.Zero(p.currency), nil
		}
		return b.Ledger.AccountBalance(ctx, p.route, account, p.currency, on)
	}
	clearing := p.chart.Clearing[p.currency]
	if got.Booked, err = booked(clearing, before); err != nil {
		return got, err
	}
	if !cut.After(now) {
		have, err := booked(clearing, dayOf(p.chart, now))
		if err != nil {
			return got, err
		}
		if have != got.Booked {
			return got, refuse(commerce.KindNeedsDecision, op, "activity_posted",
				"account %s stood at %s on %s, and stands at %s: what moved it since was booked already; take that back first", clearing, got.Booked, before, have)
		}
	}
	if got.Transit, err = booked(p.chart.Transit[p.currency], before); err != nil {
		return got, err
	}
	if got.Sent, err = b.sent(ctx, p, o.Lookback); err != nil {
		return got, err
	}
	entries, err := p.chart.Opening(reconcile.Opening{Account: o.Account, Stripe: []commerce.Money{got.Balance}, Booked: []commerce.Money{got.Booked},
		Sent: nonzero(got.Sent), BookedSent: nonzero(got.Transit)})
	if err == nil && len(entries) > 0 {
		got.Entry = entries[0]
	}
	return got, err
}

// nonzero is the amount, or none.
func nonzero(m commerce.Money) []commerce.Money {
	if m.IsZero() {
		return nil
	}
	return []commerce.Money{m}
}

// sent is what had left the balance before the books begin, and was at the bank only
// afterwards, or never.
func (b *Books) sent(ctx context.Context, p purse, lookback time.Duration) (commerce.Money, error) {
	cut := p.chart.CutOver
	sum := commerce.Zero(p.currency)
	for po, err := range b.Balance.Payouts(ctx, cut.Add(-lookback), cut) {
		if err != nil {
			return sum, err
		}
		if po.Amount.Currency() != p.currency || po.Transaction == "" || !po.Created.Before(cut) {
			continue
		}
		under, err := b.underway(ctx, po, cut, dayOf(p.chart, cut))
		if err != nil {
			return sum, err
		}
		if !under {
			continue
		}
		if sum, err = sum.Add(po.Amount); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// underway reports whether a payout was neither at the bank nor back on the balance at the
// cut-over.
func (b *Books) underway(ctx context.Context, po commerce.Payout, cut time.Time, first commerce.Date) (bool, error) {
	switch po.Status {
	case commerce.PayoutFailed, commerce.PayoutCanceled:
		back, err := b.Balance.Returned(ctx, po.Ref)
		if errors.Is(err, commerce.ErrNotFound) {
			return true, nil
		}
		return err == nil && !back.Created.Before(cut), err
	}
	if po.Arrival.IsZero() {
		return po.Status != commerce.PayoutPaid, nil
	}
	return po.Arrival.String() >= first.String(), nil
}
