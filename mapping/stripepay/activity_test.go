package stripepay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
	"github.com/commercesync/commerce/mapping/stripepay"
	"github.com/commercesync/commerce/stripe"
	"github.com/commercesync/commerce/stripe/stripetest"
)

// hearer is an inbox that one feed tells.
type hearer struct {
	t     *testing.T
	in    *inbox.Inbox
	store *inbox.Memory
	heard int64
}

func (w *world) tell(t *testing.T, f inbox.Feed) *hearer {
	t.Helper()
	store := inbox.NewMemory(inbox.MemoryConfig{Now: func() time.Time { return w.now }})
	in, err := inbox.New(store, inbox.Config{Feeds: []inbox.FeedConfig{{Name: "feed", Feed: f}}})
	require.NoError(t, err)
	return &hearer{t: t, in: in, store: store}
}

func (w *world) activity(t *testing.T, c stripepay.ActivityConfig) *hearer {
	t.Helper()
	f, err := stripepay.NewActivity(w.pay, c)
	require.NoError(t, err)
	return w.tell(t, f)
}

// news polls and returns what was news: "balance.day day/eur/2026-11-21@1".
func (i *hearer) news() []string {
	i.t.Helper()
	_, err := i.in.Poll(i.t.Context())
	require.NoError(i.t, err)
	out := []string{}
	for _, e := range i.events() {
		out = append(out, e.Event.Type+" "+e.Event.Ref.ID)
	}
	return out
}

// events returns what was stored since it was asked last.
func (i *hearer) events() (out []inbox.Entry) {
	i.t.Helper()
	for e, err := range i.store.List(i.t.Context(), inbox.Filter{After: i.heard, Limit: 1000}) {
		require.NoError(i.t, err)
		i.heard = max(i.heard, e.Seq)
		e, err = i.store.Get(i.t.Context(), e.Seq)
		require.NoError(i.t, err)
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b inbox.Entry) int {
		return strings.Compare(a.Event.Type+a.Event.Ref.ID, b.Event.Type+b.Event.Ref.ID)
	})
	return out
}

func (w *world) buy(t *testing.T, amount int64, currency string) stripe.PaymentIntent {
	t.Helper()
	pi, err := w.far.Pay(stripetest.Purchase{Amount: amount, Currency: currency})
	require.NoError(t, err)
	return pi
}

func TestAMovementIsToldOnceItsLagIsOverAndADayWhenItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	i := w.activity(t, stripepay.ActivityConfig{})
	require.Empty(t, i.news(), "the first poll begins with today")
	w.now = w.now.Add(time.Minute)
	pi := w.buy(t, 1000, "eur")
	txn := pi.LatestCharge.Object.BalanceTransaction.ID
	w.now = w.now.Add(5 * time.Minute)
	require.Empty(t, i.news(), "its second is not over by Lag")
	w.now = w.now.Add(time.Second)
	require.Equal(t, []string{"balance.movement " + txn + "@1"}, i.news())
	require.Empty(t, i.news())

	_, err := w.far.Bill(100, "usd", "Radar") // no movement of a payment, and a day of another currency
	require.NoError(t, err)
	w.now = time.Date(2026, 11, 22, 0, 4, 59, 0, time.UTC)
	require.Empty(t, i.news(), "the day may have late ones yet")
	w.now = w.now.Add(time.Second)
	require.Equal(t, []string{"balance.day day/eur/2026-11-21@1", "balance.day day/usd/2026-11-21@1"}, i.news())
	w.now = w.now.Add(10 * day)
	require.Empty(t, i.news(), "days without movements, and a day read again that is as it was")
}

func TestAnEventNamesItsPaymentAsStripesOwnDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	i := w.activity(t, stripepay.ActivityConfig{From: w.now})
	pi := w.buy(t, 1000, "eur")
	re := w.refund(t, &stripe.RefundParams{PaymentIntent: &pi.ID, Amount: new(int64(300))})
	debit, err := w.far.Pay(stripetest.Purchase{Amount: 1000, Currency: "eur", Method: stripetest.DebitReturned})
	require.NoError(t, err)
	w.now = w.now.Add(9 * day)
	_, err = i.in.Poll(t.Context())
	require.NoError(t, err)

	subject := map[string]string{} // by Stripe's own word
	feed, err := w.client(t, "").Feed(stripe.FeedConfig{Account: "acct_fake", All: true})
	require.NoError(t, err)
	for e, err := range feed.Changes(t.Context(), time.Time{}) {
		require.NoError(t, err)
		subject[e.Object] = e.Subject
	}
	seen := map[string]bool{}
	for _, e := range i.events() {
		e := e.Event
		require.Equal(t, commerce.Ref{System: "stripe", Account: "acct_fake", Mode: commerce.Test, ID: e.Object + "@1"}, e.Ref)
		if e.Type == stripepay.BalanceDay {
			require.Equal(t, e.Object, e.Subject)
			continue
		}
		l, err := w.pay.Movement(t.Context(), w.ref(e.Object))
		require.NoError(t, err)
		require.Equal(t, subject[l.Source], e.Subject, l.Category)
		require.Equal(t, l.Created, e.Created)
		var said map[string]string
		require.NoError(t, json.Unmarshal(e.Raw, &said))
		require.Equal(t, map[string]string{"id": l.ID, "reporting_category": l.Category, "source": l.Source}, said, "no amounts, and nobody")
		seen[l.Category+" "+e.Subject] = true
	}
	require.Equal(t, map[string]bool{"charge " + pi.ID: true, "refund " + pi.ID: true, "charge " + debit.ID: true, "charge_failure " + debit.ID: true}, seen)
	require.NotEmpty(t, re.ID)
}

// TestAMovementWithoutAPaymentIsItsOwnSubject: a row may come from a charge that no intent
// made, or from nothing at all.
func TestAMovementWithoutAPaymentIsItsOwnSubject(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	far := rows{
		`{"id":"txn_3","type":"adjustment","reporting_category":"refund_failure","source":null,`,
		`{"id":"txn_2","type":"refund","reporting_category":"refund","source":{"id":"re_1","object":"refund","amount":5,"currency":"eur","charge":{"id":"ch_1","object":"charge","livemode":false,"amount":5,"currency":"eur"}},`,
		`{"id":"txn_1","type":"charge","reporting_category":"charge","source":{"id":"ch_1","object":"charge","livemode":false,"amount":5,"currency":"eur","payment_intent":null},`,
	}
	client, err := stripe.NewClient(stripe.Config{Credentials: commerce.Static(commerce.NewSecret("sk_test_1")), Transport: far})
	require.NoError(t, err)
	pay, err := stripepay.New(client, stripepay.Config{Account: "acct_fake", Mode: commerce.Test})
	require.NoError(t, err)
	f, err := stripepay.NewActivity(pay, stripepay.ActivityConfig{From: time.Unix(1793491200, 0)})
	require.NoError(t, err)
	i := w.tell(t, f)
	_, err = i.in.Poll(t.Context())
	require.NoError(t, err)
	got := map[string]string{}
	for _, e := range i.events() {
		got[e.Event.Object] = e.Event.Subject
	}
	require.Equal(t, map[string]string{"txn_1": "ch_1", "txn_2": "ch_1", "txn_3": "txn_3"}, got)
}

// TestARowThatCanNotBeSaidIsToldAllTheSame: what reads it says why it can not be booked, and
// other days are booked meanwhile.
func TestARowThatCanNotBeSaidIsToldAllTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{Fee: func(int64, string) int64 { return 25 }})
	i := w.activity(t, stripepay.ActivityConfig{From: w.now})
	for _, currency := range []string{"isk", "eur"} { // a fee of a quarter of a króna
		w.buy(t, 10_000, currency)
	}
	w.now = w.now.Add(day)
	news := i.news()
	require.Len(t, news, 4)
	require.Subset(t, news, []string{"balance.day day/isk/2026-11-21@1", "balance.day day/eur/2026-11-21@1"})
	_, err := w.pay.Movement(t.Context(), w.ref(w.far.BalanceTransactions()[0].ID))
	require.ErrorIs(t, err, commerce.ErrMapping)
}

// rows is a far side with these balance transactions, half an hour after them.
type rows []string

func (rows rows) RoundTrip(r *http.Request) (*http.Response, error) {
	body := `{"object":"balance","livemode":false,"available":[],"pending":[]}`
	if strings.HasSuffix(r.URL.Path, "/balance_transactions") {
		var data []string
		for _, row := range rows {
			data = append(data, row+`"object":"balance_transaction","created":1793491200,"available_on":1793491200,"amount":5,"fee":0,"net":5,"currency":"eur","fee_details":[]}`)
		}
		body = `{"object":"list","has_more":false,"data":[` + strings.Join(data, ",") + `]}`
	}
	return respond(body, time.Unix(1793491200+1800, 0)), nil
}

func TestADayBeginsAndEndsWhereTheBooksDo(t *testing.T) {
	t.Parallel()
	tokyo := time.FixedZone("Tokyo", 9*3600)
	w := newWorld(t, stripetest.Config{})
	w.now = time.Date(2026, 11, 21, 14, 59, 59, 0, time.UTC) // a second before midnight there
	i := w.activity(t, stripepay.ActivityConfig{Location: tokyo})
	require.Empty(t, i.news())
	w.buy(t, 1000, "eur")
	w.now = w.now.Add(time.Second)
	w.buy(t, 1000, "eur")
	w.now = w.now.Add(5 * time.Minute)
	require.Contains(t, i.news(), "balance.day day/eur/2026-11-21@1")
	w.now = w.now.Add(day)
	require.Contains(t, i.news(), "balance.day day/eur/2026-11-22@1")
}

// TestADayMayHave23Or25Hours walks over both changes of the clock, also where it is put
// forward at midnight, so that a day begins at one.
func TestADayMayHave23Or25Hours(t *testing.T) {
	t.Parallel()
	in := func(zone string) *time.Location {
		l, err := time.LoadLocation(zone)
		require.NoError(t, err)
		return l
	}
	for _, change := range []time.Time{time.Date(2026, 3, 29, 0, 0, 0, 0, in("Europe/Berlin")), time.Date(2026, 10, 25, 0, 0, 0, 0, in("Europe/Berlin")),
		time.Date(2026, 3, 28, 0, 0, 0, 0, in("Atlantic/Azores")), time.Date(2026, 3, 29, 1, 0, 0, 0, in("Atlantic/Azores")), // it begins at one
		time.Date(2026, 9, 5, 0, 0, 0, 0, in("America/Santiago")), time.Date(2026, 10, 25, 0, 0, 0, 0, in("Atlantic/Azores"))} {
		w := newWorld(t, stripetest.Config{})
		w.now = change
		f, err := stripepay.NewActivity(w.pay, stripepay.ActivityConfig{From: w.now, Location: change.Location()})
		require.NoError(t, err)
		want := map[string]bool{}
		for {
			if day := "day/eur/" + w.now.In(change.Location()).Format(time.DateOnly); !want[day] && len(want) == 2 {
				break
			} else {
				want[day] = true
			}
			w.buy(t, 1000, "eur")
			w.now = w.now.Add(30 * time.Minute)
		}
		w.now = w.now.Add(time.Hour)
		got, _ := changes(t, f, "")
		told := map[string]bool{}
		for _, c := range got {
			if c.Event.Type == stripepay.BalanceDay {
				told[c.Event.Object] = true
			}
		}
		require.Equal(t, want, told, change)
		require.Len(t, got, len(w.far.BalanceTransactions())+2)
	}
}

func TestHistoryIsToldFromTheCutOverOnAndWaitsForWhatIsNew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	old := w.buy(t, 1000, "eur")
	w.now = w.now.Add(time.Hour)
	from := w.now
	for range 3 {
		w.buy(t, 1000, "eur")
		w.now = w.now.Add(day)
	}
	f, err := stripepay.NewActivity(w.pay, stripepay.ActivityConfig{From: from})
	require.NoError(t, err)
	got, cursor := changes(t, f, "")
	require.Len(t, got, 6)
	for _, c := range got {
		require.True(t, c.Repair)
		require.NotEqual(t, old.LatestCharge.Object.BalanceTransaction.ID, c.Event.Object, "it is before the cut-over, on the same day")
	}
	require.Equal(t, w.now.Add(-5*time.Minute), f.CompleteTo(cursor))
	w.buy(t, 1000, "eur")
	w.now = w.now.Add(time.Hour)
	got, _ = changes(t, f, cursor)
	require.Len(t, got, 1)
	require.False(t, got[0].Repair)
}

// changes polls a feed and returns what it told, and where it stands.
func changes(t *testing.T, f inbox.Feed, cursor string) (out []inbox.Change, at string) {
	t.Helper()
	for c, err := range f.Changes(t.Context(), cursor) {
		require.NoError(t, err)
		if at = c.Cursor; !c.Event.Ref.IsZero() {
			out = append(out, c)
		}
	}
	return out, at
}

// TestWhatComesIntoSightLateIsFoundWhenItsDayIsRead lets the rows of a day come into sight
// late, each at a time of its own.
func TestWhatComesIntoSightLateIsFoundWhenItsDayIsRead(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		hidden, lag        time.Duration
		evening, end, late bool // when all is told
	}{
		"shorter than Lag":           {4 * time.Minute, 5 * time.Minute, true, true, true},
		"longer than Lag":            {2 * time.Hour, 5 * time.Minute, false, true, true},
		"longer than the day":        {60 * time.Hour, 5 * time.Minute, false, false, true},
		"longer than Again":          {200 * time.Hour, 5 * time.Minute, false, false, false},
		"control: there is no Lag":   {4 * time.Minute, time.Nanosecond, false, true, true},
		"control: nothing is hidden": {0, time.Nanosecond, true, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, stripetest.Config{ListLag: tc.hidden})
			i := w.activity(t, stripepay.ActivityConfig{Lag: tc.lag, From: w.now})
			missed := map[string]bool{}
			poll := func(at time.Time) []string {
				w.now = at
				news := i.news()
				for _, n := range news {
					n, _, _ = strings.Cut(strings.TrimPrefix(n, "balance.movement "), "@")
					delete(missed, n)
				}
				return news
			}
			for range 12 {
				missed[w.buy(t, 1000, "eur").LatestCharge.Object.BalanceTransaction.ID] = true
				for range 2 {
					poll(w.now.Add(2 * time.Minute))
				}
			}
			poll(time.Date(2026, 11, 21, 23, 59, 0, 0, time.UTC))
			require.Equal(t, tc.evening, len(missed) == 0)
			news := poll(time.Date(2026, 11, 22, 0, 5, 0, 0, time.UTC))
			require.Equal(t, tc.end, len(missed) == 0)
			require.Contains(t, news, "balance.day day/eur/2026-11-21@1")
			require.Empty(t, poll(time.Date(2026, 11, 25, 0, 4, 0, 0, time.UTC)))
			news = poll(time.Date(2026, 11, 25, 0, 5, 0, 0, time.UTC))
			require.Equal(t, tc.late, len(missed) == 0)
			if tc.end {
				require.Empty(t, news)
			} else {
				require.Contains(t, news, "balance.day day/eur/2026-11-21@2")
			}
			require.Empty(t, poll(w.now.Add(30*day)), "not a third time")
		})
	}
}

func TestAPayoutIsToldWheneverItIsAnotherThanBefore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	f, err := stripepay.NewPayouts(w.pay, stripepay.PayoutsConfig{})
	require.NoError(t, err)
	i := w.tell(t, f)
	require.Empty(t, i.news())
	w.buy(t, 1000, "eur")
	w.buy(t, 1000, "usd")
	w.now = w.now.Add(2 * day)
	w.far.FailPayouts(1)
	made := w.far.PayOut()
	require.Len(t, made, 2)
	require.Equal(t, "eur", made[0].Currency)
	require.ElementsMatch(t, []string{"payout.changed " + made[0].ID + "@1", "payout.changed " + made[1].ID + "@1"}, i.news())
	require.Empty(t, i.news())
	w.now = w.now.Add(2 * day)
	require.ElementsMatch(t, []string{"payout.changed " + made[0].ID + "@2", "payout.changed " + made[1].ID + "@2"}, i.news(), "paid, and what is in it is known")
	w.now = w.now.Add(5 * day)
	require.Equal(t, []string{"payout.changed " + made[0].ID + "@3"}, i.news(), "it failed after it was paid")
	i.heard = 0
	e := i.events()[0].Event
	require.Equal(t, e.Object, e.Subject)
	require.True(t, strings.HasPrefix(e.Object, "po_"))
	require.NotContains(t, string(e.Raw), "amount")

	// The program is away for longer than a poll reads back.
	_, cursor := changes(t, f, "")
	params := &stripe.PayoutParams{Amount: new(int64(100)), Currency: new("eur")}
	params.SetIdempotencyKey("by hand")
	hand, err := w.client(t, "").Payouts.Create(t.Context(), params)
	require.NoError(t, err)
	w.now = w.now.Add(60 * day)
	got, _ := changes(t, f, cursor)
	require.Equal(t, hand.ID, got[0].Event.Object)
	require.False(t, got[0].Repair)
}

func TestPayoutsBeforeTheCutOverAreNotTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{})
	var made []string
	for range 3 {
		w.buy(t, 1000, "eur")
		w.now = w.now.Add(20 * day)
		made = append(made, w.far.PayOut()[0].ID)
	}
	for from, want := range map[time.Time][]string{
		{}:                                   made[2:],
		w.now.Add(-25 * day):                 made[1:],
		w.now.Add(-time.Hour):                made[2:],
		w.now.Add(time.Hour):                 nil,
		w.now.Add(-100 * day):                made,
		w.now.Add(-20*day + time.Nanosecond): made[2:],
	} {
		f, err := stripepay.NewPayouts(w.pay, stripepay.PayoutsConfig{From: from})
		require.NoError(t, err)
		all, _ := changes(t, f, "")
		var got []string
		for _, c := range all {
			require.True(t, c.Repair)
			got = append(got, c.Event.Object)
		}
		require.ElementsMatch(t, want, got)
	}
}

func TestAFeedRefusesACursorThatIsNotItsOwnAndAKeyOfTheOtherMode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, stripetest.Config{Livemode: true})
	activity, err := stripepay.NewActivity(w.pay, stripepay.ActivityConfig{})
	require.NoError(t, err)
	payouts, err := stripepay.NewPayouts(w.pay, stripepay.PayoutsConfig{})
	require.NoError(t, err)
	test, err := stripepay.New(w.client(t, ""), stripepay.Config{Account: "acct_fake", Mode: commerce.Test})
	require.NoError(t, err)
	wrongActivity, err := stripepay.NewActivity(test, stripepay.ActivityConfig{})
	require.NoError(t, err)
	wrongPayouts, err := stripepay.NewPayouts(test, stripepay.PayoutsConfig{})
	require.NoError(t, err)
	first := func(f inbox.Feed, cursor string) (c inbox.Change, err error) {
		for c, err = range f.Changes(t.Context(), cursor) {
			break
		}
		return c, err
	}
	for own, other := range map[inbox.Feed]inbox.Feed{activity: payouts, payouts: activity} {
		c, err := first(other, "")
		require.NoError(t, err)
		require.False(t, other.(inbox.Completer).CompleteTo(c.Cursor).IsZero())
		require.Zero(t, own.(inbox.Completer).CompleteTo(c.Cursor))
		_, err = first(own, c.Cursor)
		require.ErrorContains(t, err, "Name of its own")
		_, err = first(own, strings.Replace(c.Cursor, "/1", "/2", 1))
		require.ErrorIs(t, err, commerce.ErrInvalid)
	}
	for _, f := range []inbox.Feed{wrongActivity, wrongPayouts} {
		_, err := first(f, "")
		require.ErrorIs(t, err, commerce.ErrInvalid)
		require.Equal(t, "mode_mismatch", err.(*commerce.Error).Code)
	}
	_, err = stripepay.NewActivity(w.pay, stripepay.ActivityConfig{Lag: -1})
	require.ErrorContains(t, err, "ActivityConfig.Lag")
	_, err = stripepay.NewPayouts(w.pay, stripepay.PayoutsConfig{Newest: -1})
	require.ErrorContains(t, err, "PayoutsConfig.Newest")
}

// crashing is a feed whose process dies somewhere within a poll: of what it yields the
// last changes are lost with all that was to come. As a control the cursor is written
// before the changes that it stands behind.
type crashing struct {
	inbox.Feed
	rng   *rand.Rand
	early bool
	dies  bool
	died  int
}

var errDied = errors.New("the process died")

func (f *crashing) Changes(ctx context.Context, cursor string) iter.Seq2[inbox.Change, error] {
	return func(yield func(inbox.Change, error) bool) {
		left := -1
		if f.dies && f.rng.IntN(2) == 0 {
			left = f.rng.IntN(12)
		}
		var held *inbox.Change // with the control: told one later than its cursor
		for c, err := range f.Feed.Changes(ctx, cursor) {
			if left--; left == -1 {
				f.died++
				yield(inbox.Change{}, errDied)
				return
			}
			if f.early && err == nil {
				next := c
				if held != nil {
					held.Cursor = c.Cursor
					c = *held
				} else {
					c.Event, c.Hash = commerce.Event{}, ""
				}
				held = &next
			}
			if !yield(c, err) {
				return
			}
		}
		if held != nil {
			yield(*held, nil)
		}
	}
}

// TestNothingIsMissedWhateverHappens plays random histories: payments, refunds, payouts
// that fail, rows that come into sight late, polls that die anywhere.
func TestNothingIsMissedWhateverHappens(t *testing.T) {
	t.Parallel()
	type run struct{ missed, died int }
	const hidden = 2 * time.Hour
	play := func(t *testing.T, seed uint64, lag time.Duration, early bool) (r run) {
		rng := rand.New(rand.NewPCG(seed, 7))
		w := newWorld(t, stripetest.Config{Seed: seed, ListLag: hidden, PayoutTime: 12 * time.Hour})
		activity, err := stripepay.NewActivity(w.pay, stripepay.ActivityConfig{Lag: lag, Again: 1000 * day, From: w.now}) // not read again
		require.NoError(t, err)
		payouts, err := stripepay.NewPayouts(w.pay, stripepay.PayoutsConfig{})
		require.NoError(t, err)
		feeds := []*crashing{{Feed: activity, rng: rng, early: early, dies: true}, {Feed: payouts, rng: rng, early: early, dies: true}}
		store := inbox.NewMemory(inbox.MemoryConfig{Now: func() time.Time { return w.now }})
		in, err := inbox.New(store, inbox.Config{MaxBatch: 3, Feeds: []inbox.FeedConfig{{Name: "activity", Feed: feeds[0]}, {Name: "payouts", Feed: feeds[1]}}})
		require.NoError(t, err)
		poll := func() {
			if _, err := in.Poll(t.Context()); err != nil {
				require.ErrorIs(t, err, errDied)
			}
		}
		var paid []string
		for range 30 {
			switch rng.IntN(4) {
			case 0, 1:
				for range 1 + rng.IntN(3) {
					paid = append(paid, w.buy(t, 1000, []string{"eur", "usd"}[rng.IntN(2)]).ID)
				}
			case 2:
				if n := len(paid); n > 0 { // at most once, and less than it is
					w.refund(t, &stripe.RefundParams{PaymentIntent: &paid[n-1], Amount: new(int64(100))})
					paid = paid[:n-1]
				}
			case 3:
				w.far.FailPayouts(rng.IntN(2))
				w.far.PayOut()
			}
			w.now = w.now.Add(time.Duration(rng.IntN(6*60)) * time.Minute / time.Duration(1+rng.IntN(6)))
			poll()
		}
		w.now = w.now.Add(7 * day)
		poll()
		for _, f := range feeds {
			f.dies = false
			r.died += f.died
		}
		w.now = w.now.Add(day)
		poll()
		has := map[string]int{}
		for e, err := range store.List(t.Context(), inbox.Filter{Limit: 1 << 20}) {
			require.NoError(t, err)
			has[e.Event.Object]++
		}
		for _, txn := range w.far.BalanceTransactions() {
			switch txn.ReportingCategory {
			case "charge", "refund":
				r.missed += b2i(has[txn.ID] == 0)
				require.LessOrEqual(t, has[txn.ID], 1, "told once")
			}
			r.missed += b2i(has["day/"+txn.Currency+"/"+txn.Created.Time().Format(time.DateOnly)] == 0)
		}
		for _, po := range w.far.Payouts() {
			r.missed += b2i(has[po.ID] == 0)
		}
		return r
	}
	for name, tc := range map[string]struct {
		lag    time.Duration
		early  bool
		misses bool
	}{
		"as it is":        {hidden, false, false},
		"control: no lag": {time.Nanosecond, false, true},
		"control: the cursor is before the changes": {hidden, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sum run
			seeds := uint64(4)
			if tc.misses {
				seeds = 40 // the first of them that misses something is enough
			}
			for seed := range seeds {
				if sum.missed > 0 {
					break
				}
				var r run
				synctest.Test(t, func(t *testing.T) { // an inbox waits a little for more to commit
					r = play(t, seed, tc.lag, tc.early)
				})
				if !tc.misses {
					require.Zero(t, r.missed, "seed %d", seed)
				}
				sum.missed += r.missed
				sum.died += r.died
			}
			require.NotZero(t, sum.died)
			require.Equal(t, tc.misses, sum.missed > 0, fmt.Sprint(sum))
		})
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
