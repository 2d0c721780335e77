package stripepay

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/reconcile"
	"github.com/commercesync/commerce/resilience"
	"github.com/commercesync/commerce/stripe"
)

// Types of the events that the feeds yield. Each only says: look.
const (
	// BalanceMovement: a payment moved the balance. Its object is the movement ("txn_…"),
	// its subject the payment as in Stripe's own events: the intent, else the charge.
	BalanceMovement = "balance.movement"
	// BalanceDay: a day of the balance is over in one currency, or holds what it did not.
	// Object and subject are "day/eur/2026-11-21".
	BalanceDay = "balance.day"
	// PayoutChanged: a payout is new, or not what it was. Object and subject are the payout.
	PayoutChanged = "payout.changed"
)

// ActivityConfig says what an [Activity] reads. The zero value works.
type ActivityConfig struct {
	// From is the cut-over: movements before it are never told. Only the first walk asks.
	// Defaults to the beginning of the day of the first poll.
	From time.Time

	// Location is where a day begins and ends, the same as in the chart of accounts.
	// Defaults to UTC.
	Location *time.Location

	// Lag is how long after its creation a movement may still be coming into sight. No
	// page of Stripe's names a figure (2026-11). Defaults to 5 minutes; what outlives it is
	// found when its day is read again.
	Lag time.Duration

	// Again is how long after its end a day is read a second time. Defaults to 3 days.
	Again time.Duration
}

// Activity is the feed of what moves the balance of an account, for an inbox: each
// movement of a payment (charges, refunds, and what came back of either) as a
// [BalanceMovement], and each day, when it is over, as a [BalanceDay] for each currency
// that anything moved in, payouts and fees included. With it nothing depends on webhooks.
//
// A poll takes its bound from Stripe's own clock, less Lag, and walks what was created
// since the last one: a request for the time and one for each hundred movements. When a
// day is over it is read as a whole, and once more after Again, so that what came into
// sight late is told, and the day with it. What was told already is no news then. A walk
// reads the movements of a day newest first, and days oldest first.
//
// The first walk begins at From and is worked after what other feeds tell; all walks have
// the priority of resilience.WithBackfill. A poll can be cut off anywhere and goes on from
// the movement that was stored last.
type Activity struct {
	pay *Pay
	c   ActivityConfig
}

var (
	_ inbox.Feed      = (*Activity)(nil)
	_ inbox.Completer = (*Activity)(nil)
)

// NewActivity returns the feed over an account. An error is of kind invalid and names the
// field.
func NewActivity(pay *Pay, c ActivityConfig) (*Activity, error) {
	const op = "new activity"
	if pay == nil {
		return nil, commerce.Errorf(commerce.KindInvalid, "stripepay", op, "pay is nil")
	}
	for name, d := range map[string]time.Duration{"Lag": c.Lag, "Again": c.Again} {
		if d < 0 {
			return nil, commerce.Errorf(commerce.KindInvalid, "stripepay", op, "ActivityConfig.%s is negative", name)
		}
	}
	c.Lag, c.Again = cmp.Or(c.Lag, 5*time.Minute), cmp.Or(c.Again, 3*24*time.Hour)
	if c.Location == nil {
		c.Location = time.UTC
	}
	return &Activity{pay, c}, nil
}

const (
	activityVersion = "stripepay.activity/1"
	activityOp      = "read activity"
)

// activity is where the feed stands.
type activity struct {
	Version string `json:"v"`
	// From is the cut-over.
	From time.Time `json:"from"`
	// To is the time before which all is told.
	To time.Time `json:"to"`
	// Again is the time before which all days were read a second time, or late enough.
	Again time.Time `json:"again"`
	// Live: the first walk came to its end.
	Live bool `json:"live,omitempty"`
	// Walk is under way; nil = none is.
	Walk *walk `json:"walk,omitempty"`
}

// walk is a stretch of time that is being read, newest first.
type walk struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// After is the row that was read last.
	After string `json:"after,omitempty"`
	// Day is the day that is read as a whole; empty = a part of one.
	Day string `json:"day,omitempty"`
	// Late: when it began, the day was over for long enough.
	Late bool `json:"late,omitempty"`
	// Holds is a digest of what the rows read so far hold, by currency.
	Holds map[string]string `json:"holds,omitempty"`
}

// CompleteTo implements [inbox.Completer]: every movement that was created before, and was
// in sight within Lag, is told. Zero for a cursor that is not this feed's.
func (f *Activity) CompleteTo(cursor string) time.Time {
	var p activity
	if readCursor(activityOp, cursor, activityVersion, &p) != nil {
		return time.Time{}
	}
	return p.To
}

// Changes implements [inbox.Feed].
func (f *Activity) Changes(ctx context.Context, cursor string) iter.Seq2[inbox.Change, error] {
	ctx = resilience.WithBackfill(ctx)
	return func(yield func(inbox.Change, error) bool) {
		var p activity
		t := &teller{yield: yield, cursor: func() string { return text(p) }}
		t.end(f.poll(ctx, cursor, &p, t))
	}
}

// poll tells all up to the bound.
func (f *Activity) poll(ctx context.Context, cursor string, p *activity, t *teller) error {
	if err := readCursor(activityOp, cursor, activityVersion, p); err != nil {
		return err
	}
	clock, err := f.pay.clock(ctx, activityOp)
	if err != nil {
		return err
	}
	bound := clock.Add(-f.c.Lag).Truncate(time.Second)
	if p.Version == "" {
		from, _ := f.dayOf(clock)
		if !f.c.From.IsZero() {
			from = time.Unix(second(f.c.From), 0)
		}
		from = from.UTC()
		*p = activity{Version: activityVersion, From: from, To: from, Again: from}
	}
	for {
		if p.Walk == nil {
			if p.Walk = f.next(p, bound); p.Walk == nil {
				return t.move()
			}
		}
		if err := f.walk(ctx, p, t); err != nil {
			return err
		}
		p.walked(bound)
		if err := t.move(); err != nil {
			return err
		}
	}
}

// next is what is to be walked; nil where all is told up to the bound. It is at most a day
// long: the whole of one that is over, else what is new of today's.
func (f *Activity) next(p *activity, bound time.Time) *walk {
	day := func(of time.Time) *walk {
		from, to := f.dayOf(of)
		if p.From.After(from) {
			from = p.From
		}
		return &walk{From: from.UTC(), To: to.UTC(), Day: commerce.DateOf(of.In(f.c.Location)).String(), Late: !to.Add(f.c.Again).After(bound)}
	}
	if p.To.Before(bound) {
		if whole := day(p.To); !whole.To.After(bound) {
			return whole
		}
		return &walk{From: p.To, To: bound}
	}
	if again := day(p.Again); again.Late && !again.To.After(p.To) {
		return again
	}
	return nil
}

// walked notes that the walk is at its end.
func (p *activity) walked(bound time.Time) {
	w := p.Walk
	p.Walk = nil
	if w.To.After(p.To) {
		p.To = w.To
	}
	if w.Late && !w.From.After(p.Again) && w.To.After(p.Again) {
		p.Again = w.To
	}
	p.Live = p.Live || !p.To.Before(bound)
}

// dayOf returns when the day of a time begins and when the next one does.
func (f *Activity) dayOf(t time.Time) (from, to time.Time) {
	day := commerce.DateOf(t.In(f.c.Location))
	from = day.In(f.c.Location)
	day.Day++
	return from, day.In(f.c.Location)
}

// walk reads one stretch of time to its end, and tells the day where it is one.
func (f *Activity) walk(ctx context.Context, p *activity, t *teller) error {
	w := p.Walk
	params := &stripe.BalanceTransactionListParams{CreatedRange: within(w.From, w.To)}
	if w.After != "" {
		params.StartingAfter = new(w.After)
	}
	for row, err := range f.pay.rows(ctx, params) {
		if err != nil {
			return err
		}
		from, err := f.pay.comesFrom(ctx, activityOp, row)
		if err != nil {
			return err
		}
		w.After = row.ID
		digest := digestOf(row)
		if w.Day != "" {
			w.hold(row.Currency, digest)
		}
		if ofPayment(row.ReportingCategory) {
			if err := t.tell(inbox.Change{Hash: hex.EncodeToString(digest), Event: f.movement(row, from), Repair: !p.Live}); err != nil {
				return err
			}
		}
	}
	for _, currency := range slices.Sorted(maps.Keys(w.Holds)) {
		if err := t.tell(inbox.Change{Hash: w.Holds[currency], Event: f.day(currency, w), Repair: !p.Live}); err != nil {
			return err
		}
	}
	return nil
}

// movement is the news of a movement.
func (f *Activity) movement(row *stripe.BalanceTransaction, from *thing) commerce.Event {
	var l reconcile.Line
	f.pay.identify(&l, from)
	return f.pay.news(BalanceMovement, row.ID, cmp.Or(l.Intent, l.Charge, row.ID), row.Created.Time(), struct {
		ID       string    `json:"id"`
		Category string    `json:"reporting_category"`
		Source   stripe.ID `json:"source,omitempty"`
	}{row.ID, row.ReportingCategory, row.Source})
}

// day is the news of a day in one currency.
func (f *Activity) day(currency string, w *walk) commerce.Event {
	object := "day/" + currency + "/" + w.Day
	return f.pay.news(BalanceDay, object, object, w.To, struct {
		Day      string    `json:"day"`
		Currency string    `json:"currency"`
		From     time.Time `json:"from"`
		To       time.Time `json:"to"`
	}{w.Day, currency, w.From, w.To})
}

// news makes an event about something of the account. It has no amounts, and nobody.
func (p *Pay) news(kind, object, subject string, created time.Time, say any) commerce.Event {
	raw, _ := json.Marshal(say) // structs of words and times always have a JSON form
	return commerce.Event{Ref: p.origin.With(object), Type: kind, Object: object, Subject: subject, Created: created, Raw: raw}
}

// clock is the time at Stripe, whose dates the rows bear. It refuses a key of the other
// mode.
func (p *Pay) clock(ctx context.Context, op string) (time.Time, error) {
	b, err := p.client.Balance.Get(ctx)
	if err != nil {
		return time.Time{}, err
	}
	if err := p.sameMode(op, "the balance", b.Livemode); err != nil {
		return time.Time{}, err
	}
	if b.At.IsZero() {
		return time.Time{}, &commerce.Error{Kind: commerce.KindUnavailable, System: System, Op: op, Text: "the answer has no date"}
	}
	return b.At, nil
}

// hold adds a row to what the day holds. The sum is the same in any order, and every row
// is in it once.
func (w *walk) hold(currency string, digest []byte) {
	sum, _ := hex.DecodeString(w.Holds[currency])
	if len(sum) != len(digest) {
		sum = make([]byte, len(digest))
	}
	subtle.XORBytes(sum, sum, digest)
	if w.Holds == nil {
		w.Holds = map[string]string{}
	}
	w.Holds[currency] = hex.EncodeToString(sum)
}

// digestOf is a digest of what never changes of a row: what it is, and its amounts. It is of
// Stripe's own words, so that a row whose amounts can not be said in canonical ones stops
// nobody's news but its own.
func digestOf(row *stripe.BalanceTransaction) []byte {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s\x00%s\x00%s\x00%s\x00%d\x00%s\x00%d\x00%d\x00%d", row.ID, row.Type, row.ReportingCategory, row.Source,
		row.Created, row.Currency, row.Amount, row.Fee, row.Net)
	for _, fee := range row.FeeDetails {
		_, _ = fmt.Fprintf(h, "\x00%s\x00%d", fee.Type, fee.Amount)
	}
	return h.Sum(nil)[:16]
}
