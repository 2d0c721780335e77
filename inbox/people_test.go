package inbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

// alarm keeps what it was told.
type alarm struct {
	mu   sync.Mutex
	told []inbox.Alert
}

func (a *alarm) Alert(_ context.Context, x inbox.Alert) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.told = append(a.told, x)
}

func (a *alarm) all() []inbox.Alert {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.told)
}

func (a *alarm) kinds() (out []inbox.AlertKind) {
	for _, x := range a.all() {
		out = append(out, x.Kind)
	}
	return out
}

func TestADeadEventAlertsOnceAndAPersonClearsIt(t *testing.T) {
	t.Parallel()
	bell := &alarm{}
	b := newBench(t, inbox.Config{Alerter: bell, Handlers: handle(func(_ context.Context, e commerce.Event) error {
		if len(e.Overlay) > 0 {
			return nil
		}
		return kind(commerce.KindMapping)
	})})
	seqs := appendAll(t, b.Inbox, event("evt_1", "pi_1"), event("evt_2", "pi_1"))
	workAll(t, b.Inbox)
	require.Equal(t, []inbox.AlertKind{inbox.AlertDead, inbox.AlertDead}, bell.kinds())
	require.Equal(t, inbox.Alert{Kind: inbox.AlertDead, Seq: seqs[0], Event: event("evt_1", "").Ref, Type: "charge.succeeded",
		Root: event("", "pi_1").SubjectRef().String(), Code: "mapping", Reason: "far: act: mapping", Handler: "h"}, bell.all()[0])

	require.NoError(t, b.Replay(t.Context(), seqs[0], "ann", "country mended", commerce.Overlay{"order.country": json.RawMessage(`"DE"`)}))
	require.NoError(t, b.Discard(t.Context(), seqs[1], "ann", "a test charge"))
	workAll(t, b.Inbox)
	require.Equal(t, []inbox.AlertKind{inbox.AlertDead, inbox.AlertDead, inbox.AlertCleared, inbox.AlertCleared}, bell.kinds())
	require.Equal(t, inbox.Alert{Kind: inbox.AlertCleared, Of: inbox.AlertDead, Seq: seqs[0]}, bell.all()[2])
	e := get(t, b.Inbox, seqs[0])
	require.Equal(t, inbox.Done, e.State)
	require.Equal(t, []inbox.Act{{At: b.clock.Now(), Actor: "ann", Verb: "replay", Reason: "country mended"}}, e.Acts)
	require.Equal(t, inbox.Discarded, get(t, b.Inbox, seqs[1]).State)
}

func TestAPersonMustSayWhoAndWhy(t *testing.T) {
	t.Parallel()
	b := newBench(t, inbox.Config{MaxBody: 20, Handlers: handle(func(context.Context, commerce.Event) error { return kind(commerce.KindMapping) })})
	e := event("evt_1", "pi_1")
	e.Raw = nil
	seq := appendAll(t, b.Inbox, e)[0]
	workAll(t, b.Inbox)
	for _, c := range [][2]string{{"", "why"}, {"ann", ""}, {" ", "why"}, {"ann", "\t"}} {
		require.ErrorIs(t, b.Replay(t.Context(), seq, c[0], c[1], nil), commerce.ErrInvalid)
		require.ErrorIs(t, b.Discard(t.Context(), seq, c[0], c[1]), commerce.ErrInvalid)
	}
	require.ErrorIs(t, b.Replay(t.Context(), seq, "ann", "why", commerce.Overlay{"a.very.long.path.of.a.field": nil}), commerce.ErrLimit)
	require.Equal(t, inbox.Dead, get(t, b.Inbox, seq).State)
	require.ErrorIs(t, b.Discard(t.Context(), 99, "ann", "why"), commerce.ErrNotFound)
	_, err := b.Get(t.Context(), 99)
	require.ErrorIs(t, err, commerce.ErrNotFound)
}

func TestAClashAlerts(t *testing.T) {
	t.Parallel()
	bell := &alarm{}
	b := newBench(t, inbox.Config{Alerter: bell})
	other := event("evt_1", "pi_1")
	other.Object = "ch_other"
	appendAll(t, b.Inbox, event("evt_1", "pi_1"))
	for range 2 {
		appendAll(t, b.Inbox, other)
	}
	require.Eventually(t, func() bool { return len(bell.kinds()) == 1 }, time.Minute, time.Millisecond)
	require.Equal(t, "clash", bell.all()[0].Code)
}

func TestTooManyParkedEventsAlertOnceUntilHalfOfThemAreGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bell := &alarm{}
		var parking atomic.Int64 // how many subjects park
		parking.Store(5)
		in := newInbox(t, inbox.NewMemory(inbox.MemoryConfig{}), inbox.Config{Alerter: bell, MaxParked: 4, Handlers: handle(func(_ context.Context, e commerce.Event) error {
			if int64(e.Subject[0]-'a') < parking.Load() {
				return parkedFor(10*time.Minute + 500*time.Millisecond) // never at the moment they are counted
			}
			return nil
		})})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- in.Run(ctx) }()
		for i := range 5 {
			appendAll(t, in, event(string(rune('a'+i)), string(rune('a'+i))))
		}
		time.Sleep(5 * time.Minute) // time of the bubble
		synctest.Wait()
		require.Equal(t, []inbox.AlertKind{inbox.AlertParkedTooMany}, bell.kinds())
		require.Equal(t, 5, bell.all()[0].Count)
		parking.Store(3)
		time.Sleep(15 * time.Minute)
		synctest.Wait()
		require.Len(t, bell.kinds(), 1, "three are still many")
		parking.Store(2)
		time.Sleep(15 * time.Minute)
		synctest.Wait()
		require.Equal(t, []inbox.AlertKind{inbox.AlertParkedTooMany, inbox.AlertCleared}, bell.kinds())
		require.Equal(t, inbox.AlertParkedTooMany, bell.all()[1].Of)
		stop()
		require.NoError(t, <-ended)
	})
}

func TestAFarSideThatGoesDownAlertsOnce(t *testing.T) {
	t.Parallel()
	bell := &alarm{}
	changed := inbox.FarSide(bell)
	until := time.Date(2026, 3, 1, 12, 0, 30, 0, time.UTC)
	changed("magento", false, time.Time{}) // never was down
	changed("magento", true, until)
	changed("magento", true, until.Add(time.Minute))
	changed("stripe", true, until)
	changed("magento", false, time.Time{})
	require.Equal(t, []inbox.Alert{
		{Kind: inbox.AlertFarSideDown, Name: "magento", Until: until},
		{Kind: inbox.AlertFarSideDown, Name: "stripe", Until: until},
		{Kind: inbox.AlertCleared, Of: inbox.AlertFarSideDown, Name: "magento"},
	}, bell.all())
}

// feed yields what it is given after a cursor, then err.
type feed struct {
	mu      sync.Mutex
	changes []inbox.Change
	err     error
	panics  bool
	asked   []string
}

func (f *feed) Changes(_ context.Context, cursor string) iter.Seq2[inbox.Change, error] {
	return func(yield func(inbox.Change, error) bool) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.asked = append(f.asked, cursor)
		if f.panics {
			panic("a fault of the feed")
		}
		for _, c := range f.changes {
			if c.Cursor > cursor && !yield(c, nil) {
				return
			}
		}
		if f.err != nil {
			yield(inbox.Change{}, f.err)
		}
	}
}

func (f *feed) set(err error, changes ...inbox.Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err, f.changes = err, append(f.changes, changes...)
}

func change(id, hash, cursor string) inbox.Change {
	e := orderEvent("order/"+id, id)
	e.Object = "order/" + id
	return inbox.Change{Event: e, Hash: hash, Cursor: cursor}
}

func ids(t *testing.T, in *inbox.Inbox) (out []string) {
	t.Helper()
	for e, err := range in.List(t.Context(), inbox.Filter{}) {
		require.NoError(t, err)
		out = append(out, e.Event.Ref.ID)
	}
	return out
}

func TestAFeedsChangesAreStoredWithItsCursorPageByPage(t *testing.T) {
	t.Parallel()
	f := &feed{}
	b := newBench(t, inbox.Config{MaxBatch: 2, Feeds: []inbox.FeedConfig{{Name: "orders", Feed: f}}})
	poll := func() int {
		t.Helper()
		n, err := b.Poll(t.Context())
		require.NoError(t, err)
		return n
	}
	f.set(nil, change("1", "A", "01"), change("2", "A", "02"), change("3", "A", "03"), change("1", "A", "04"), change("1", "B", "05"))
	require.Equal(t, 4, poll())
	require.Equal(t, []string{"order/1@1", "order/2@1", "order/3@1", "order/1@2"}, ids(t, b.Inbox))
	require.Equal(t, 3, b.store.count("append"), "pages of two")
	require.Zero(t, poll())
	require.Equal(t, []string{"", "05"}, f.asked, "it goes on where it ended")

	missed := inbox.Change{Event: event("evt_1", "pi_1"), Cursor: "06"} // no hash: an id of its own
	f.set(nil, missed, change("1", "A", "07"), inbox.Change{Cursor: "08"})
	require.Equal(t, 2, poll())
	require.Equal(t, []string{"order/1@1", "order/2@1", "order/3@1", "order/1@2", "evt_1", "order/1@3"}, ids(t, b.Inbox))
	cursor, err := b.store.Cursor(t.Context(), "orders")
	require.NoError(t, err)
	require.Equal(t, "08", cursor, "the end may move the cursor alone")
}

func TestAFeedThatFailsKeepsWhatItYieldedAndIsNotTakenForComplete(t *testing.T) {
	t.Parallel()
	bell, f := &alarm{}, &feed{}
	b := newBench(t, inbox.Config{Alerter: bell, Feeds: []inbox.FeedConfig{{Name: "orders", Feed: f}}})
	f.set(kind(commerce.KindUnavailable), change("1", "A", "01"))
	for range 2 {
		_, err := b.Poll(t.Context())
		require.ErrorIs(t, err, commerce.ErrUnavailable)
	}
	require.Equal(t, []string{"order/1@1"}, ids(t, b.Inbox))
	f.panics = true
	_, err := b.Poll(t.Context())
	require.ErrorIs(t, err, commerce.ErrInternal, "a feed that panics is down, not the program")
	f.panics = false
	f.set(nil, change("2", "A", "02"))
	n, err := b.Poll(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, []string{"", "01", "01", "01"}, f.asked)
	require.Equal(t, []inbox.Alert{
		{Kind: inbox.AlertFeedDown, Name: "orders", Code: "unavailable", Reason: "far: act: unavailable"},
		{Kind: inbox.AlertCleared, Of: inbox.AlertFeedDown, Name: "orders"},
	}, bell.all(), "one alert a change")
}

func TestAPageWhoseOutcomeIsUnknownCountsOnce(t *testing.T) {
	t.Parallel()
	f := &feed{}
	b := newBench(t, inbox.Config{Feeds: []inbox.FeedConfig{{Name: "orders", Feed: f}}})
	b.store.set(nil, times(2, errGone, "append"))
	f.set(nil, change("1", "A", "01"), change("1", "B", "02"), change("1", "A", "03"))
	n, err := b.Poll(t.Context())
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.Equal(t, []string{"order/1@1", "order/1@2", "order/1@3"}, ids(t, b.Inbox))
}

func TestAChangeThatTheStoreRefusesStopsTheFeedBeforeIt(t *testing.T) {
	t.Parallel()
	f := &feed{}
	store := inbox.NewMemory(inbox.MemoryConfig{})
	in := newInbox(t, &picky{Store: store}, inbox.Config{Feeds: []inbox.FeedConfig{{Name: "orders", Feed: f}}})
	f.set(nil, change("1", "A", "01"), change("bad", "A", "02"), change("3", "A", "03"))
	n, err := in.Poll(t.Context())
	require.ErrorIs(t, err, commerce.ErrInvalid)
	require.Equal(t, 1, n)
	cursor, err := store.Cursor(t.Context(), "orders")
	require.NoError(t, err)
	require.Equal(t, "01", cursor)
}

func TestRunPollsEachFeedInItsOwnTimeAndLessOftenAfterErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		good, bad := &feed{}, &feed{err: errors.New("?")}
		in := newInbox(t, inbox.NewMemory(inbox.MemoryConfig{}), inbox.Config{Feeds: []inbox.FeedConfig{
			{Name: "good", Feed: good, Every: 10 * time.Second}, {Name: "bad", Feed: bad, Every: 10 * time.Second},
		}})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- in.Run(ctx) }()
		time.Sleep(time.Hour - time.Second) // time of the bubble
		stop()
		require.NoError(t, <-ended)
		require.Len(t, good.asked, 360)
		require.Less(t, len(bad.asked), 60)
		require.Greater(t, len(bad.asked), 20)
	})
}

func TestNewNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	store := inbox.NewMemory(inbox.MemoryConfig{})
	ok := func(context.Context, commerce.Event) error { return nil }
	for field, c := range map[string]inbox.Config{
		"Workers":           {Workers: -1},
		"Margin":            {Lease: time.Minute, Margin: time.Minute},
		"MaxRun":            {MaxRun: time.Second},
		"MaxAge":            {MaxAge: -1},
		"Backoff.Factor":    {Backoff: inbox.Backoff{Factor: 0.5}},
		"Backoff.Max":       {Backoff: inbox.Backoff{Initial: time.Hour, Max: time.Second}},
		"QueueBytes":        {QueueBytes: 10},
		"QueueLen":          {QueueLen: -1},
		`"stripe"`:          {Handlers: inbox.Handlers{"stripe": {{Name: "h", Handle: ok}}}},
		`"stripe a b"`:      {Handlers: inbox.Handlers{"stripe a b": {{Name: "h", Handle: ok}}}},
		"no Name":           {Handlers: inbox.Handlers{"stripe *": {{Handle: ok}}}},
		"no Handle":         {Handlers: inbox.Handlers{"stripe *": {{Name: "h"}}}},
		`named "h"`:         {Handlers: inbox.Handlers{"stripe *": {{Name: "h", Handle: ok}, {Name: "h", Handle: ok}}}},
		"Feeds[0].Name":     {Feeds: []inbox.FeedConfig{{Feed: &feed{}}}},
		"has no Feed":       {Feeds: []inbox.FeedConfig{{Name: "f"}}},
		`feeds are named`:   {Feeds: []inbox.FeedConfig{{Name: "f", Feed: &feed{}}, {Name: "f", Feed: &feed{}}}},
		"Every":             {Feeds: []inbox.FeedConfig{{Name: "f", Feed: &feed{}, Every: -1}}},
		"CommitTimeout":     {CommitTimeout: -1},
		"MaxParked":         {MaxParked: -1},
		"Lease must be pos": {Lease: -1},
	} {
		_, err := inbox.New(store, c)
		require.ErrorIs(t, err, commerce.ErrInvalid, field)
		require.ErrorContains(t, err, field)
	}
	_, err := inbox.New(nil, inbox.Config{})
	require.ErrorContains(t, err, "store")
}
