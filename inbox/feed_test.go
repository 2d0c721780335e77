package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"

	"github.com/commercesync/commerce"
	"github.com/commercesync/commerce/inbox"
)

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

// walker is a feed whose changes are numbered from 1 on; a cursor is the last number, in
// as many digits as order needs.
type walker struct {
	last int
	// at is called before a change is yielded; an error ends the walk.
	at func(ctx context.Context, n int) error
	// hash is what a change's content is; nil = always the same.
	hash func(n int) string
}

func (w *walker) Changes(ctx context.Context, cursor string) iter.Seq2[inbox.Change, error] {
	return func(yield func(inbox.Change, error) bool) {
		began, _ := strconv.Atoi(cursor)
		for n := began + 1; n <= w.last; n++ {
			if w.at != nil {
				if err := w.at(ctx, n); err != nil {
					yield(inbox.Change{}, err)
					return
				}
			}
			hash := "A"
			if w.hash != nil {
				hash = w.hash(n)
			}
			if !yield(change(strconv.Itoa(n), hash, fmt.Sprintf("%07d", n)), nil) {
				return
			}
		}
	}
}

// CompleteTo makes every change one that took a second.
func (w *walker) CompleteTo(cursor string) time.Time {
	n, _ := strconv.Atoi(cursor)
	return epoch.Add(time.Duration(n) * time.Second)
}

func cursorOf(t *testing.T, s inbox.Store) string {
	t.Helper()
	c, err := s.Cursor(t.Context(), "orders")
	require.NoError(t, err)
	return c
}

func TestAWalkHoldsNoMoreThanAPage(t *testing.T) {
	t.Parallel()
	const orders, page = 10_000, 100
	f, most := &walker{last: orders}, 0
	b := newBench(t, inbox.Config{MaxBatch: page, Feeds: []inbox.FeedConfig{{Name: "orders", Feed: f}}})
	f.at = func(_ context.Context, n int) error {
		stored, _ := strconv.Atoi(cursorOf(t, b.store.Store))
		most = max(most, n-1-stored)
		return nil
	}
	n, err := b.Poll(t.Context())
	require.NoError(t, err)
	require.Equal(t, orders, n)
	require.Equal(t, page, most)
}

func TestAWalkThatIsCutOffGoesOnFromItsLastPage(t *testing.T) {
	t.Parallel()
	for _, fault := range []struct {
		name string
		cut  func(b bench, f *walker, n int) error
	}{
		{"the feed fails", func(bench, *walker, int) error { return errAway }},
		{"the feed panics", func(bench, *walker, int) error { panic("a fault of the feed") }},
		{"the store is down", func(b bench, _ *walker, _ int) error {
			b.store.set(always(errAway, "append"), nil)
			return nil
		}},
		{"the store does not answer", func(b bench, _ *walker, _ int) error {
			b.store.set(nil, always(errGone, "append"))
			return nil
		}},
	} {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			const orders = 20
			f := &walker{last: orders}
			b := newBench(t, inbox.Config{MaxBatch: 3, Feeds: []inbox.FeedConfig{{Name: "orders", Feed: f}}})
			cut := map[int]bool{}
			f.at = func(_ context.Context, n int) error {
				if cut[n] {
					return nil
				}
				cut[n] = true
				return fault.cut(b, f, n)
			}
			failed := 0
			for ; len(cut) < orders || cursorOf(t, b.store.Store) != fmt.Sprintf("%07d", orders); failed++ {
				require.Less(t, failed, 2*orders, "it comes to an end")
				_, _ = b.Poll(t.Context())
				b.store.set(nil, nil)
			}
			require.Greater(t, failed, orders/3)
			var want []string
			for n := range orders {
				want = append(want, fmt.Sprintf("order/%d@1", n+1))
			}
			require.ElementsMatch(t, want, ids(t, b.Inbox))
		})
	}
}

func TestOfTwoThatPollOneFeedTheSecondStoresNothing(t *testing.T) {
	t.Parallel()
	store := inbox.NewMemory(inbox.MemoryConfig{})
	state := "A"
	slow, quick := &walker{last: 5}, &walker{last: 5}
	slow.hash = func(int) string { return state }
	quick.hash = slow.hash
	config := func(f inbox.Feed) inbox.Config {
		return inbox.Config{MaxBatch: 2, Feeds: []inbox.FeedConfig{{Name: "orders", Feed: f}}}
	}
	one, other := newInbox(t, store, config(slow)), newInbox(t, store, config(quick))
	slow.at = func(ctx context.Context, n int) error {
		if n == 4 { // it stored 1 and 2, and has read 3
			state = "B"
			got, err := other.Poll(ctx)
			require.NoError(t, err)
			require.Equal(t, 3, got)
		}
		return nil
	}
	n, err := one.Poll(t.Context())
	require.NoError(t, err, "that another was first is no fault")
	require.Equal(t, 2, n)
	require.Equal(t, []string{"order/1@1", "order/2@1", "order/3@1", "order/4@1", "order/5@1"}, ids(t, one))
	require.Equal(t, "0000005", cursorOf(t, store))
}

func TestAWalkThatIsLongerThanItsTimeGoesOnAtOnceAndOneThatStandsStillIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bell := &alarm{}
		f := &walker{last: 101, at: func(ctx context.Context, n int) error {
			wait := time.Second
			if n > 100 {
				wait = time.Hour
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(wait):
				return nil
			}
		}}
		store := inbox.NewMemory(inbox.MemoryConfig{})
		in := newInbox(t, store, inbox.Config{Alerter: bell, Feeds: []inbox.FeedConfig{
			{Name: "orders", Feed: f, Every: time.Hour, Timeout: 10*time.Second + time.Millisecond}}})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- in.Run(ctx) }()
		time.Sleep(105 * time.Second) // of the bubble
		require.Equal(t, "0000100", cursorOf(t, store))
		require.Empty(t, bell.all())
		time.Sleep(2 * time.Hour)
		require.Len(t, bell.all(), 1)
		stop()
		require.NoError(t, <-ended)
	})
}

func TestWhatAFeedMarksAsRepairWaitsBehindItsOtherChanges(t *testing.T) {
	t.Parallel()
	var order []string
	f := &feed{}
	b := newBench(t, inbox.Config{
		Feeds: []inbox.FeedConfig{{Name: "orders", Feed: f}},
		Handlers: inbox.Handlers{"magento *": {{Name: "h", Handle: func(_ context.Context, e commerce.Event) error {
			order = append(order, e.Ref.ID)
			return nil
		}}}},
	})
	old := change("1", "A", "01")
	old.Repair = true
	f.set(nil, old, change("2", "A", "02"))
	n, err := b.Poll(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, n)
	workAll(t, b.Inbox)
	require.Equal(t, []string{"order/2@1", "order/1@1"}, order)
}

func TestAFeedSaysHowFarItCameAndHowItsLastPollWent(t *testing.T) {
	t.Parallel()
	bad := error(nil)
	f := &walker{last: 10, at: func(context.Context, int) error { return bad }}
	meter := &meter{}
	b := newBench(t, inbox.Config{Meter: meter, Feeds: []inbox.FeedConfig{
		{Name: "orders", Feed: f}, {Name: "all orders", Feed: &feed{changes: []inbox.Change{change("1", "B", "1")}}, Repair: true}}})
	status := func() inbox.FeedStatus {
		t.Helper()
		all, err := b.Feeds(t.Context())
		require.NoError(t, err)
		require.Len(t, all, 2)
		require.Equal(t, "all orders", all[1].Name)
		require.Zero(t, all[1].CompleteTo, "it can not say")
		return all[0]
	}
	require.Equal(t, inbox.FeedStatus{Name: "orders"}, status(), "nothing is complete before the first poll")
	began := b.clock.Now()
	_, err := b.Poll(t.Context())
	require.NoError(t, err)
	good := inbox.FeedStatus{Name: "orders", Cursor: "0000010", CompleteTo: epoch.Add(10 * time.Second), Polled: began}
	require.Equal(t, good, status())

	bad, f.last = errAway, 11
	b.clock.Advance(time.Minute)
	_, err = b.Poll(t.Context())
	require.ErrorIs(t, err, commerce.ErrUnavailable)
	good.Failed, good.Error = began.Add(time.Minute), "db: write: connection refused"
	require.Equal(t, good, status())

	bad = nil
	_, err = b.Poll(t.Context())
	require.NoError(t, err)
	require.Empty(t, status().Error)
	require.Equal(t, "0000011", status().Cursor)

	behind := func(n int) float64 { return began.Sub(epoch).Seconds() - float64(n) }
	require.Equal(t, []string{
		fmt.Sprint("commerce.inbox.feed.news orders false ", 10),
		fmt.Sprint("commerce.inbox.feed.behind orders ", behind(10)),
		fmt.Sprint("commerce.inbox.feed.news all orders true ", 1),
		fmt.Sprint("commerce.inbox.feed.news orders false ", 0),
		fmt.Sprint("commerce.inbox.feed.behind orders ", behind(10)+60),
		fmt.Sprint("commerce.inbox.feed.news all orders true ", 0),
		fmt.Sprint("commerce.inbox.feed.news orders false ", 1),
		fmt.Sprint("commerce.inbox.feed.behind orders ", behind(11)+60),
		fmt.Sprint("commerce.inbox.feed.news all orders true ", 0),
	}, meter.told)

	b.store.set(always(errAway, "cursor"), nil)
	_, err = b.Feeds(t.Context())
	require.ErrorIs(t, err, commerce.ErrUnavailable)
}

// meter notes what is told of feeds.
type meter struct {
	noop.Meter
	told []string
}

func (m *meter) note(name string, set attribute.Set, value any) {
	line := name
	for _, a := range set.ToSlice() {
		line += " " + a.Value.Emit()
	}
	m.told = append(m.told, fmt.Sprint(line, " ", value))
}

func (m *meter) Int64Counter(name string, _ ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return counter{m: m, name: name}, nil
}

func (m *meter) Float64Gauge(name string, _ ...metric.Float64GaugeOption) (metric.Float64Gauge, error) {
	return gauge{m: m, name: name}, nil
}

type counter struct {
	noop.Int64Counter
	m    *meter
	name string
}

func (c counter) Add(_ context.Context, n int64, o ...metric.AddOption) {
	c.m.note(c.name, metric.NewAddConfig(o).Attributes(), n)
}

type gauge struct {
	noop.Float64Gauge
	m    *meter
	name string
}

func (g gauge) Record(_ context.Context, v float64, o ...metric.RecordOption) {
	g.m.note(g.name, metric.NewRecordConfig(o).Attributes(), v)
}
