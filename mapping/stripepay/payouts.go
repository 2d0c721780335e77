package stripepay

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/stripe"
)

// PayoutsConfig says what a feed of [Payouts] reads. The zero value works.
type PayoutsConfig struct {
	// From is the cut-over: payouts that were created before it are never told. Defaults to
	// Newest before the first poll.
	From time.Time

	// Newest is how far back each poll reads. It has to be longer than the way to the bank
	// and the time in which a bank may send money back, five business days after it came
	// (docs.stripe.com/payouts, read 2026-11). Defaults to 10 days.
	Newest time.Duration
}

// Payouts is the feed of an account's payouts, for an inbox: a [PayoutChanged] for each
// that is new or whose status, attribution, failure or reversal is not what it was. With it
// nothing depends on webhooks.
//
// A poll reads the payouts of the last Newest days again, because Stripe has no date of
// their last change; after a longer pause, all since the last poll and Newest before it.
// It costs a request for the time and one for each hundred payouts. The first walk begins
// at From and is worked after what other feeds tell. A poll can be cut off anywhere and
// goes on from the payout that was stored last.
type Payouts struct {
	pay *Pay
	c   PayoutsConfig
}

var (
	_ inbox.Feed      = (*Payouts)(nil)
	_ inbox.Completer = (*Payouts)(nil)
)

// NewPayouts returns the feed over an account. An error is of kind invalid and names the
// field.
func NewPayouts(pay *Pay, c PayoutsConfig) (*Payouts, error) {
	const op = "new payouts"
	if pay == nil {
		return nil, commerce.Errorf(commerce.KindInvalid, "stripepay", op, "pay is nil")
	}
	if c.Newest < 0 {
		return nil, commerce.Errorf(commerce.KindInvalid, "stripepay", op, "PayoutsConfig.Newest is negative")
	}
	c.Newest = cmp.Or(c.Newest, 10*24*time.Hour)
	return &Payouts{pay, c}, nil
}

const (
	payoutsVersion = "stripepay.payouts/1"
	payoutsOp      = "read payouts"
)

// payoutsPlace is where the feed stands.
type payoutsPlace struct {
	Version string `json:"v"`
	// To is the time before which every payout is told as it was then; zero: the first walk
	// is not at its end.
	To time.Time `json:"to,omitzero"`
	// Walk is under way; nil = none is.
	Walk *walk `json:"walk,omitempty"`
}

// CompleteTo implements [inbox.Completer]: every payout that was created before is told,
// and so is what changed until then of those that were younger than Newest. Zero for a
// cursor that is not this feed's.
func (f *Payouts) CompleteTo(cursor string) time.Time {
	var p payoutsPlace
	if readCursor(payoutsOp, cursor, payoutsVersion, &p) != nil {
		return time.Time{}
	}
	return p.To
}

// Changes implements [inbox.Feed].
func (f *Payouts) Changes(ctx context.Context, cursor string) iter.Seq2[inbox.Change, error] {
	ctx = resilience.WithBackfill(ctx)
	return func(yield func(inbox.Change, error) bool) {
		var p payoutsPlace
		t := &teller{yield: yield, cursor: func() string { return text(p) }}
		t.end(f.poll(ctx, cursor, &p, t))
	}
}

// poll ends what an earlier one began, and tells all that there is.
func (f *Payouts) poll(ctx context.Context, cursor string, p *payoutsPlace, t *teller) error {
	if err := readCursor(payoutsOp, cursor, payoutsVersion, p); err != nil {
		return err
	}
	p.Version = payoutsVersion
	if p.Walk != nil {
		if err := f.walk(ctx, p, t); err != nil {
			return err
		}
	}
	clock, err := f.pay.clock(ctx, payoutsOp)
	if err != nil {
		return err
	}
	p.Walk = &walk{From: f.from(p.To, clock).UTC(), To: clock}
	return f.walk(ctx, p, t)
}

// walk tells the payouts of the walk under way, newest first.
func (f *Payouts) walk(ctx context.Context, p *payoutsPlace, t *teller) error {
	params := &stripe.PayoutListParams{CreatedRange: within(p.Walk.From, time.Time{})}
	if p.Walk.After != "" {
		params.StartingAfter = new(p.Walk.After)
	}
	for po, err := range f.pay.client.Payouts.List(ctx, params) {
		if err == nil {
			err = f.pay.sameMode(payoutsOp, po.ID, po.Livemode)
		}
		if err != nil {
			return err
		}
		p.Walk.After = po.ID
		if err := t.tell(inbox.Change{Hash: payoutHash(&po), Event: f.changed(&po), Repair: p.To.IsZero()}); err != nil {
			return err
		}
	}
	p.To, p.Walk = p.Walk.To, nil
	return t.move()
}

// from is where a walk begins.
func (f *Payouts) from(told, clock time.Time) time.Time {
	if told.IsZero() && !f.c.From.IsZero() {
		return f.c.From
	}
	if told.IsZero() || told.After(clock) {
		told = clock
	}
	if from := told.Add(-f.c.Newest); from.After(f.c.From) {
		return from
	}
	return f.c.From
}

// changed is the news of a payout.
func (f *Payouts) changed(po *stripe.Payout) commerce.Event {
	return f.pay.news(PayoutChanged, po.ID, po.ID, po.Created.Time(), struct {
		ID             string `json:"id"`
		Status         string `json:"status"`
		Reconciliation string `json:"reconciliation_status,omitempty"`
	}{po.ID, po.Status, po.ReconciliationStatus})
}

// payoutHash is a digest of what can change of a payout, but for its metadata.
func payoutHash(po *stripe.Payout) string {
	h := sha256.New()
	for _, s := range []string{po.ID, po.Status, po.ReconciliationStatus, po.BalanceTransaction.ID, po.FailureBalanceTransaction.ID,
		po.FailureCode, string(po.ReversedBy), fmt.Sprint(po.Amount, " ", po.Currency), fmt.Sprint(po.ArrivalDate)} {
		_, _ = fmt.Fprintf(h, "%s\x00", s)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
